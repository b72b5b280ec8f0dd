//! When what last changed, so that an unchanged answer need not be made again.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use crate::model::{HOUR_MS, Hour, OrganizationId, UnixMs};

const DAY_HOURS: u32 = 24;

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
    days: HashMap<(OrganizationId, u32), u64>,
}

impl Freshness {
    /// Notes a commit. Call it once readers see that commit, not before: an answer may then seem older than it is,
    /// which costs a repetition, but never newer.
    pub(super) fn note(&self, hours: impl Iterator<Item = (OrganizationId, Hour)>, directory: bool) {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        state.commit += 1;
        let commit = state.commit;
        if directory {
            state.directory = commit;
        }
        for (organization, hour) in hours {
            state.days.insert((organization, hour.0 / DAY_HOURS), commit);
        }
    }

    /// The last commit that changed the directory, or anything of the organization from `start` to `end`.
    pub fn last_change(&self, organization: Option<OrganizationId>, start: UnixMs, end: UnixMs) -> u64 {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        let day = |at: UnixMs| at.div_euclid(HOUR_MS * i64::from(DAY_HOURS)).max(0) as u32;
        let days = organization.into_iter().flat_map(|o| (day(start)..=day(end - 1)).map(move |d| (o, d)));
        days.filter_map(|key| state.days.get(&key)).copied().max().unwrap_or(0).max(state.directory)
    }
}
