//! When what a transaction counts came: on time, or over an hour after it was.
//!
//! What is late is known of whole segments but for one, that of an hour ago, so that hardly an event is looked at twice.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use crate::model::{Batch, Count, HOUR_MS, OrganizationId, Segment, SeriesId, UnixMs};
use crate::rollup::{Cell, Row};
use crate::store::{self, Came, Counted, Late, StoreError};

type BySeries = BTreeMap<SeriesId, u64>;
type BySegment = BTreeMap<(OrganizationId, Segment), BySeries>;

/// What a transaction has to say of when usage came.
#[derive(Default)]
pub(super) struct Arrivals {
    now: UnixMs,
    /// The segment of an hour ago: what is before it is late, what comes after is not.
    partly_late: Segment,
    names: BTreeMap<OrganizationId, String>,
    /// Requests of the segment of an hour ago that are late.
    late: BySegment,
    duplicates: BySegment,
}

impl Arrivals {
    pub fn at(now: UnixMs) -> Arrivals {
        Arrivals { now, partly_late: Segment::of(now - HOUR_MS).unwrap_or_default(), ..Arrivals::default() }
    }

    /// Says what an organization is called of which there is something.
    pub fn name(&mut self, organization: OrganizationId, name: &str) {
        self.names.entry(organization).or_insert_with(|| name.to_owned());
    }

    /// Takes note of an event that is counted.
    pub fn counted(&mut self, cell: Cell, time: UnixMs, requests: u64) {
        if cell.segment == self.partly_late && time < self.now - HOUR_MS {
            add(&mut self.late, cell, requests);
        }
    }

    /// Takes note of one whose call was counted before.
    pub fn duplicate(&mut self, cell: Cell) {
        add(&mut self.duplicates, cell, 1);
    }

    /// Writes it down, with what was counted and what that took the place of.
    pub fn write(
        &self,
        writer: &store::Writer,
        rows: &[(OrganizationId, Segment, Vec<Row>)],
        taken_back: &BTreeMap<OrganizationId, Vec<Counted>>,
    ) -> Result<(), StoreError> {
        let mut taken = BySegment::new();
        for (organization, calls) in taken_back {
            for Counted { segment, series, measures, .. } in calls {
                let cell = Cell { organization: *organization, segment: *segment, series: *series };
                add(&mut taken, cell, measures.get(Count::Requests));
            }
        }
        let none = BySeries::new();
        let mut came: BTreeMap<(OrganizationId, Segment), Came<'_>> = BTreeMap::new();
        for (organization, segment, rows) in rows {
            let at = (*organization, *segment);
            let late = match segment.cmp(&self.partly_late) {
                Ordering::Less => Late::All,
                Ordering::Equal => self.late.get(&at).map_or(Late::None, Late::Some),
                Ordering::Greater => Late::None,
            };
            came.insert(at, Came { rows, late, taken_back: &none, duplicates: &none });
        }
        let nothing = || Came { rows: &[], late: Late::None, taken_back: &none, duplicates: &none };
        for (at, by_series) in &taken {
            came.entry(*at).or_insert_with(nothing).taken_back = by_series;
        }
        for (at, by_series) in &self.duplicates {
            came.entry(*at).or_insert_with(nothing).duplicates = by_series;
        }
        let mut came = came.into_iter().peekable();
        while let Some(((organization, segment), _)) = came.peek() {
            let (organization, day) = (*organization, segment.day());
            let name = self.names.get(&organization).expect("what is counted has a name");
            let of_day = std::iter::from_fn(|| {
                let next = came.next_if(|((of, segment), _)| *of == organization && segment.day() == day);
                next.map(|((_, segment), came)| (segment, came))
            });
            writer.note_arrivals(name, day, self.now.div_euclid(1000).max(1).unsigned_abs(), of_day)?;
        }
        Ok(())
    }
}

/// Writes down what of a batch made no event.
pub(super) fn write_rejected(writer: &store::Writer, batch: &Batch) -> Result<(), StoreError> {
    batch.rejected.iter().try_for_each(|(organization, rejected)| writer.note_rejected(organization, rejected))
}

fn add(to: &mut BySegment, cell: Cell, more: u64) {
    // At most as many as there are events, which fit a sum.
    *to.entry((cell.organization, cell.segment)).or_default().entry(cell.series).or_default() += more;
}
