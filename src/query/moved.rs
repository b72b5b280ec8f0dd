//! What a change of the directory moves: the same question asked of the directory before and after it.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::activity::{ACTIVITY_COLUMNS, Totals, activity};
use super::group::Filter;
use super::labels::Label;
use super::numbers::GroupBy;
use super::{About, Query, QueryError, RankBy};
use crate::calendar::{Granularity, Window};
use crate::model::Usage;

/// What counts for one key before and after.
#[derive(Debug, Clone)]
pub struct Moved {
    /// As it is called after, where it has anything then.
    pub label: Label,
    pub before: Usage,
    pub after: Usage,
}

impl Moved {
    /// How much cost comes, or goes where it is negative.
    pub fn difference(&self) -> i128 {
        self.after.cost().0 - self.before.cost().0
    }
}

/// What counts for each key of a dimension, what moves most first, and the sums of all, which stay.
pub fn moved(
    (before, after): (About<'_>, About<'_>),
    window: Window,
    by: GroupBy,
) -> Result<(Totals, Vec<Moved>), QueryError> {
    let query = Query {
        window,
        granularity: Granularity::Month,
        group_by: vec![by],
        filter: Filter::default(),
        rank_by: RankBy::Cost,
        top: None,
        columns: ACTIVITY_COLUMNS,
    };
    let (old, new) = (activity(before, &query)?, activity(after, &query)?);
    let mut moved: BTreeMap<Option<String>, Moved> = BTreeMap::new();
    for (answer, is_after) in [(&old, false), (&new, true)] {
        for entry in &answer.ranking {
            let label = &answer.groups[entry.group as usize].labels[0];
            let none = || Moved { label: label.clone(), before: Usage::default(), after: Usage::default() };
            let of_key = moved.entry(label.key.clone()).or_insert_with(none);
            if is_after {
                (of_key.label, of_key.after) = (label.clone(), entry.usage);
            } else {
                of_key.before = entry.usage;
            }
        }
    }
    let mut moved: Vec<Moved> = moved.into_values().collect();
    moved.sort_by_key(|of| Reverse((of.difference().unsigned_abs(), of.after.cost().0)));
    Ok((old.totals, moved))
}
