//! A month's usage as it is: by local day, series and whose it is.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use super::{NAMED, OWNERS};
use crate::calendar::{Bucket, BucketLabel, Zone};
use crate::model::{CostSource, Measures, Series, UnixMs};
use crate::query::{About, Label, Of, QueryError, rollups_between};
use crate::store::{ClosedOwners, OrganizationNames, StoreError, damaged};

/// Whose usage it is, shared by all that is theirs.
pub(super) type Owners = Arc<ClosedOwners>;

/// What is called what, by the number of what it is and its id.
pub(super) type Labels = BTreeMap<(u8, Option<String>), Label>;

/// What a series used on a day for an owner.
pub(super) struct Cell {
    pub day: u8,
    pub series: u32,
    pub owners: Owners,
    pub measures: Measures,
}

/// A month's usage as it is now.
#[derive(Default)]
pub(super) struct Live {
    pub cells: Vec<Cell>,
    pub labels: Labels,
}

impl Live {
    /// `days` are the instants at which the days begin, and the one at which the last ends.
    pub fn read(about: About<'_>, days: &[UnixMs]) -> Result<Live, QueryError> {
        let buckets = days.windows(2).map(|day| Bucket {
            label: BucketLabel::Hour(Zone::UTC, day[0]),
            start: day[0],
            end: day[1],
        });
        let buckets: Vec<Bucket> = buckets.collect();
        let mut live = Live::default();
        let (mut owners, mut seen) = (HashMap::new(), HashSet::new());
        rollups_between(about, &buckets, |day, rollup| {
            let of = rollup.of();
            let owners = owners.entry(of.attributed()).or_insert_with(|| owners_of(&of)).clone();
            // Each label once: there are many rollups of each.
            for (number, by) in NAMED {
                let label = of.label(by);
                if seen.insert(std::ptr::from_ref(label)) {
                    live.labels.insert((number, label.key.clone()), label.clone());
                }
            }
            live.cells.push(Cell { day: day as u8, series: of.id.0, owners, measures: *rollup.measures });
            Ok::<_, QueryError>(())
        })?;
        Ok(live)
    }
}

pub(super) fn owners_of(of: &Of<'_>) -> Owners {
    Arc::new(OWNERS.map(|by| of.label(by).key.clone()))
}

/// Series that are the same but for where their cost is from have one number here: repricing moves usage from one to
/// another, which is no other usage.
pub(super) struct Twins(Vec<u32>);

impl Twins {
    pub fn of(names: Option<&OrganizationNames>) -> Twins {
        let mut first: HashMap<Series, u32> = HashMap::new();
        let series = names.into_iter().flat_map(|names| names.series().iter());
        let twin = |(number, series): (u32, &Series)| {
            *first.entry(Series { cost_source: CostSource::Reported, ..*series }).or_insert(number)
        };
        Twins((0..).zip(series).map(twin).collect())
    }

    pub fn of_series(&self, series: u32) -> Result<u32, StoreError> {
        self.0.get(series as usize).copied().ok_or_else(|| damaged("a closed line of a series without a name"))
    }
}

pub(super) fn names_of(about: About<'_>) -> Option<&OrganizationNames> {
    about.dictionary.organization(about.organization_id).map(|(_, names)| &**names)
}
