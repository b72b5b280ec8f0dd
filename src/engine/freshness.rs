//! When what last changed, so that an unchanged answer need not be made again.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use crate::model::{Day, OrganizationId, Segment, UnixMs};

/// For each organization and UTC day the last commit that touched it; for the directory likewise.
///
/// Kept in memory only: after a restart everything counts as changed.
#[derive(Debug, Default)]
pub struct Freshness {
    state: RwLock<State>,
}

#[derive(Debug, Default)]
struct State {
    commit: u64,
    directory: u64,
    days: HashMap<(OrganizationId, Day), u64>,
}

impl Freshness {
    /// Notes a commit. Call it once readers see that commit, not before: an answer may then seem older than it is,
    /// which costs a repetition, but never newer.
    pub(super) fn note(&self, days: impl Iterator<Item = (OrganizationId, Day)>, directory: bool) {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        state.commit += 1;
        let commit = state.commit;
        if directory {
            state.directory = commit;
        }
        for day in days {
            state.days.insert(day, commit);
        }
    }

    /// The last commit, whatever it changed.
    pub fn last_commit(&self) -> u64 {
        self.state.read().unwrap_or_else(PoisonError::into_inner).commit
    }

    /// The last commit that changed the directory, or anything of the organization from `start` to `end`.
    pub fn last_change(&self, organization: Option<OrganizationId>, start: UnixMs, end: UnixMs) -> u64 {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        let day = |at: UnixMs| Segment::of(at).unwrap_or_default().day();
        let days = organization.into_iter().flat_map(|o| (day(start).0..=day(end - 1).0).map(move |d| (o, Day(d))));
        days.filter_map(|key| state.days.get(&key)).copied().max().unwrap_or(0).max(state.directory)
    }
}
