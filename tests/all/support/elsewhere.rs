//! Usage that is kept elsewhere than in a store: a list of rows, summed the way a database would, and the snapshot that
//! is answered from it.

use std::collections::BTreeMap;
use std::sync::Arc;

use rollcall::engine::Snapshot;
use rollcall::model::{Count, Day, Measures, OrganizationId, Segment, Series};
use rollcall::store::{Dictionary, Elsewhere, Store, StoreError, Sum, Wanted};

use super::ledger::Ledger;

/// Rows of one organization.
struct Rows(BTreeMap<(Segment, Series), Measures>);

impl Elsewhere for Rows {
    fn sums(&self, organization: OrganizationId, wanted: &Wanted) -> Result<Vec<Sum>, StoreError> {
        assert_eq!(organization, OrganizationId(1), "there is one");
        assert!(wanted.cuts.len() >= 2 && wanted.cuts.is_sorted_by(|a, b| a < b));
        let (first, last) = (wanted.cuts[0], *wanted.cuts.last().unwrap());
        let mut sums: BTreeMap<(Segment, [u32; 7]), (Series, Measures)> = BTreeMap::new();
        for ((segment, series), measures) in &self.0 {
            let named = wanted.only.iter().all(|(dimension, values)| values.contains(&series.value(*dimension)));
            if named && (first..last).contains(segment) {
                let piece = wanted.cuts[wanted.cuts.partition_point(|cut| cut <= segment) - 1];
                let left = wanted.apart.left_of(series);
                let key = [left.project.0, left.api_key.0, left.model.0, left.provider.0, left.source.0];
                let key = [key.as_slice(), &[left.mode as u32, left.cost_source as u32]].concat();
                let sum = sums.entry((piece, key.try_into().unwrap())).or_insert((left, Measures::ZERO));
                sum.1.add(measures)?;
            }
        }
        // What was not asked for is not there.
        let asked = |(series, mut measures): (Series, Measures)| {
            measures
                .counts
                .iter_mut()
                .zip(wanted.counts)
                .filter(|(_, wanted)| !wanted)
                .for_each(|(count, _)| *count = 0);
            (series, measures)
        };
        Ok(sums.into_iter().map(|((piece, _), sum)| (piece, asked(sum))).map(|(piece, (s, m))| (piece, s, m)).collect())
    }

    fn first_segment(&self, _: OrganizationId) -> Result<Option<Segment>, StoreError> {
        Ok(self.0.keys().next().map(|(segment, _)| *segment))
    }

    fn newest_day(&self, _: OrganizationId) -> Result<Option<Day>, StoreError> {
        Ok(self.0.keys().next_back().map(|(segment, _)| segment.day()))
    }
}

/// The snapshot with the usage of a ledger in place of its own.
pub fn answered_elsewhere(snapshot: &Snapshot, ledger: &Ledger) -> Snapshot {
    let copy = Store::in_memory().unwrap();
    let writer = copy.begin().unwrap();
    snapshot.reader.each_mirrored(|table, key, value| writer.put_mirrored(table, key, Some(value))).unwrap();
    writer.commit().unwrap();
    Snapshot::with_usage_from(&copy, |dictionary| Arc::new(rows(dictionary, ledger))).unwrap()
}

fn rows(dictionary: &Dictionary, ledger: &Ledger) -> Rows {
    let mut rows: BTreeMap<(Segment, Series), Measures> = BTreeMap::new();
    for entry in &ledger.entries {
        let (organization, id) = dictionary.find(&entry.combination).expect("it was counted");
        let series = dictionary.by_number(organization).unwrap().series()[id.0 as usize];
        let row = rows.entry((Segment::of(entry.time).unwrap(), series)).or_default();
        row.add(&entry.measures).unwrap();
    }
    assert!(rows.values().all(|row| row.get(Count::Requests) > 0 || row.cost.0 > 0));
    Rows(rows)
}
