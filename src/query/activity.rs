//! Usage over time, broken down.

use std::cmp::Reverse;
use std::collections::HashSet;

use super::group::{Group, Grouping, Label, Names};
use super::plan::Plan;
use super::scan::{BucketSums, Scan};
use super::{About, Query, QueryError, RankBy};
use crate::calendar::Bucket;
use crate::model::{Count, Measures, Mode, Overflow, PicoUsd, ValueId};

/// Sums with their split into who paid.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Split {
    pub credits: Measures,
    pub api_keys: Measures,
}

/// Sums of one group in one bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// Index into the answer's groups.
    pub group: u32,
    pub sums: Split,
}

/// Sums over a whole window.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Totals {
    pub split: Split,
    /// Every measure, whoever paid.
    pub all: Measures,
    pub active_api_keys: usize,
    /// Former members included, unattributed usage not.
    pub active_members: usize,
}

/// An answer: every bucket with its breakdown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Activity {
    pub buckets: Vec<(Bucket, Split, Vec<Entry>)>,
    pub groups: Vec<Group>,
    pub totals: Totals,
    /// Groups over the whole window, largest first.
    pub ranking: Vec<Entry>,
}

/// What entries of `/analytics/activity` show besides requests and cost.
pub const ACTIVITY_COUNTS: &[Count] = &[Count::TotalTokens];

/// Answers a question from one commit.
pub fn activity(about: About<'_>, query: &Query) -> Result<Activity, QueryError> {
    let buckets = query.window.buckets(query.granularity);
    let Some((id, names)) = about.dictionary.organization(about.organization_id) else {
        return Ok(Activity {
            buckets: buckets.into_iter().map(|bucket| (bucket, Split::default(), Vec::new())).collect(),
            groups: Vec::new(),
            totals: Totals::default(),
            ranking: Vec::new(),
        });
    };
    let known = Names { names, directory: about.directory, organization: about.organization };
    let Grouping { group_of, mut groups } = known.group(&query.group_by, &query.filter);
    // Two cells a group, one for each mode: who paid costs nothing to tell apart.
    let cells = 2 * groups.len() as u32;
    let cell_of: Vec<u32> = group_of
        .iter()
        .zip(names.series())
        .map(|(group, series)| group.map_or(cells, |g| 2 * g + series.mode as u32))
        .collect();
    let scan = Scan { reader: about.reader, organization: id, cell_of: &cell_of, cells, counts: query.counts };
    let sums = scan.run(&Plan::of(&buckets))?;

    let mut over_window = vec![Split::default(); groups.len()];
    let mut all = Measures::ZERO;
    for bucket in &sums.buckets {
        all.add(&bucket.total).map_err(crate::store::StoreError::from)?;
        for (cell, measures) in &bucket.cells {
            over_window[*cell as usize / 2].part_mut(*cell).add(measures).map_err(crate::store::StoreError::from)?;
        }
    }
    let mut order: Vec<u32> = (0..groups.len() as u32).filter(|g| !over_window[*g as usize].is_zero()).collect();
    order.sort_by_cached_key(|g| {
        (Reverse(over_window[*g as usize].rank(query.rank_by)), sort_key(&groups[*g as usize]))
    });

    // Groups are renumbered by rank, so that entries of each bucket come out in that order.
    let kept = query.top.map_or(order.len(), |top| top.min(order.len()));
    let other = (kept < order.len()).then_some(kept as u32);
    let mut rank_of = vec![u32::MAX; groups.len()];
    for (rank, group) in order.iter().enumerate() {
        rank_of[*group as usize] = other.map_or(rank as u32, |other| other.min(rank as u32));
    }
    let entries_of = |cells: &[(u32, Measures)]| entries(cells, &rank_of);
    let window_cells: Vec<(u32, Measures)> = over_window
        .iter()
        .enumerate()
        .flat_map(|(g, split)| [(2 * g as u32, split.credits), (2 * g as u32 + 1, split.api_keys)])
        .filter(|(_, measures)| !measures.is_zero())
        .collect();
    let (ranking, total) = entries_of(&window_cells);
    let active: HashSet<ValueId> = sums
        .active
        .iter()
        .filter_map(|series| names.series().get(series as usize))
        .map(|series| series.api_key)
        .collect();
    let creators = known.creators();
    let members: HashSet<&str> = active.iter().filter_map(|key| creators[key]).collect();

    let mut kept_groups: Vec<Group> = order[..kept]
        .iter()
        .map(|g| std::mem::replace(&mut groups[*g as usize], Group { labels: Vec::new() }))
        .collect();
    if other.is_some() {
        let label = Label { key: None, label: "Other".into(), deleted: false, former: false };
        kept_groups.push(Group { labels: vec![label; query.group_by.len()] });
    }
    let buckets = buckets
        .into_iter()
        .zip(&sums.buckets)
        .map(|(bucket, BucketSums { cells, .. })| {
            let (entries, split) = entries_of(cells);
            (bucket, split, entries)
        })
        .collect();
    Ok(Activity {
        buckets,
        groups: kept_groups,
        totals: Totals { split: total, all, active_api_keys: active.len(), active_members: members.len() },
        ranking,
    })
}

/// Adds cells up into entries by rank, and into their total.
fn entries(cells: &[(u32, Measures)], rank_of: &[u32]) -> (Vec<Entry>, Split) {
    let mut entries: Vec<Entry> = Vec::with_capacity(cells.len());
    let mut total = Split::default();
    let mut ranked: Vec<(u32, u32, &Measures)> =
        cells.iter().map(|(cell, measures)| (rank_of[*cell as usize / 2], *cell, measures)).collect();
    ranked.sort_unstable_by_key(|(rank, cell, _)| (*rank, *cell));
    for (rank, cell, measures) in ranked {
        if entries.last().is_none_or(|entry| entry.group != rank) {
            entries.push(Entry { group: rank, sums: Split::default() });
        }
        let entry = entries.last_mut().expect("just pushed");
        for split in [&mut entry.sums, &mut total] {
            split.part_mut(cell).add(measures).expect("no more than the window's sum, which was added before");
        }
    }
    (entries, total)
}

/// Equal ranks are in order of their keys, so that an answer is the same each time.
fn sort_key(group: &Group) -> Vec<Option<String>> {
    group.labels.iter().map(|label| label.key.clone()).collect()
}

impl Split {
    fn part_mut(&mut self, cell: u32) -> &mut Measures {
        if cell % 2 == Mode::Credits as u32 { &mut self.credits } else { &mut self.api_keys }
    }

    pub fn cost(&self) -> PicoUsd {
        PicoUsd(self.credits.cost.0 + self.api_keys.cost.0)
    }

    /// A count over both modes.
    pub fn count(&self, count: Count) -> u64 {
        self.credits.get(count) + self.api_keys.get(count)
    }

    /// Adds `other`, or leaves `self` as it was.
    pub fn add(&mut self, other: &Split) -> Result<(), Overflow> {
        let mut next = *self;
        next.credits.add(&other.credits)?;
        next.api_keys.add(&other.api_keys)?;
        *self = next;
        Ok(())
    }

    fn is_zero(&self) -> bool {
        self.credits.is_zero() && self.api_keys.is_zero()
    }

    fn rank(&self, by: RankBy) -> i128 {
        match by {
            RankBy::Cost => self.cost().0,
            RankBy::RequestCount => i128::from(self.count(Count::Requests)),
            RankBy::TotalTokens => i128::from(self.count(Count::TotalTokens)),
        }
    }
}
