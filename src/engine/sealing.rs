//! When to seal what.
//!
//! Sealing rewrites a period's daily totals, whatever the number of rows that join them, so it waits until a day is
//! over and quiet, and late events wait for one another.

use std::collections::{BTreeMap, HashMap};

use crate::model::{Day, HOUR_MS, OrganizationId, Period, UnixMs};

/// How long a day stays open after its end: most late events are minutes late.
const GRACE_MS: i64 = HOUR_MS;
/// How long nothing must have come for a day before it is sealed, so that a load is not sealed halfway.
const QUIET_MS: i64 = 60_000;
/// A period is sealed again at most this often, unless much waits; one that could not be sealed, in no case.
const AGAIN_MS: i64 = HOUR_MS;
/// Rows that are much: reading them where they are costs a question some 100 microseconds.
const MUCH: u64 = 50_000;
/// Rows that are sealed even while more come, to bound the memory one sealing takes: about 150 bytes a row.
const TOO_MUCH: u64 = 2_000_000;

/// The day before which all days are over for good, or nearly.
pub(super) fn sealable_before(now: UnixMs) -> Day {
    Day(u32::try_from((now - GRACE_MS).div_euclid(24 * HOUR_MS)).unwrap_or_default())
}

/// The days with open rows.
#[derive(Debug, Default)]
pub(super) struct OpenDays {
    days: BTreeMap<(OrganizationId, Day), Open>,
    last_tries: HashMap<(OrganizationId, Period), Try>,
}

/// The last time that a period was to be sealed.
#[derive(Debug, Clone, Copy)]
struct Try {
    at: UnixMs,
    failed: bool,
}

#[derive(Debug, Default, Clone, Copy)]
struct Open {
    rows: u64,
    /// When something last came for the day.
    changed: UnixMs,
}

impl OpenDays {
    /// As found in the file at a start.
    pub fn new(rows: BTreeMap<(OrganizationId, Day), u64>) -> OpenDays {
        let days = rows.into_iter().map(|(day, rows)| (day, Open { rows, changed: 0 }));
        OpenDays { days: days.collect(), last_tries: HashMap::new() }
    }

    pub fn add(&mut self, organization: OrganizationId, day: Day, rows: u64, now: UnixMs) {
        let open = self.days.entry((organization, day)).or_default();
        open.rows += rows;
        open.changed = now;
    }

    /// A period that should be sealed now.
    pub fn due(&self, now: UnixMs) -> Option<(OrganizationId, Period)> {
        // A clock that was set back must not hold things up, so differences count either way.
        let long_ago = |at: UnixMs, ms: i64| (now - at).abs() >= ms;
        self.periods_over(now).into_iter().find_map(|(of, open)| {
            let may = self
                .last_tries
                .get(&of)
                .is_none_or(|last| long_ago(last.at, AGAIN_MS) || !last.failed && open.rows >= MUCH);
            let due = may && (long_ago(open.changed, QUIET_MS) || open.rows >= TOO_MUCH);
            due.then_some(of)
        })
    }

    /// Every period with open rows of days that are over.
    pub fn over(&self, now: UnixMs) -> Vec<(OrganizationId, Period)> {
        self.periods_over(now).into_keys().collect()
    }

    fn periods_over(&self, now: UnixMs) -> BTreeMap<(OrganizationId, Period), Open> {
        let until = sealable_before(now);
        let mut periods: BTreeMap<(OrganizationId, Period), Open> = BTreeMap::new();
        for ((organization, day), open) in self.days.iter().filter(|((_, day), _)| *day < until) {
            let sum = periods.entry((*organization, day.period())).or_default();
            sum.rows += open.rows;
            sum.changed = sum.changed.max(open.changed);
        }
        periods
    }

    /// Notes that a period's days before `until` are sealed.
    pub fn sealed(&mut self, organization: OrganizationId, period: Period, until: Day, now: UnixMs) {
        self.days.retain(|(of, day), _| (*of, day.period()) != (organization, period) || *day >= until);
        self.last_tries.insert((organization, period), Try { at: now, failed: false });
    }

    /// Notes that the days before one were removed.
    pub fn removed(&mut self, organization: OrganizationId, before: Day) {
        self.days.retain(|(of, day), _| *of != organization || *day >= before);
    }

    /// Notes that a period could not be sealed.
    pub fn failed(&mut self, organization: OrganizationId, period: Period, now: UnixMs) {
        self.last_tries.insert((organization, period), Try { at: now, failed: true });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACME: OrganizationId = OrganizationId(1);
    /// 2026-06-10T12:00:00Z
    const NOON: UnixMs = 1_781_092_800_000;
    const TODAY: Day = Day(20_614);

    #[test]
    fn days_are_sealed_once_they_are_over_and_quiet() {
        let mut open = OpenDays::default();
        open.add(ACME, TODAY, 10, NOON);
        assert_eq!(open.due(NOON + 11 * HOUR_MS), None, "the day is not over");
        assert_eq!(open.due(NOON + 12 * HOUR_MS + GRACE_MS - 1), None, "it is over, but late events still come");
        assert_eq!(open.due(NOON + 12 * HOUR_MS + GRACE_MS), Some((ACME, TODAY.period())));
        open.add(ACME, TODAY, 1, NOON + 14 * HOUR_MS);
        assert_eq!(open.due(NOON + 14 * HOUR_MS + QUIET_MS - 1), None, "something has just come");
        assert_eq!(open.due(NOON + 14 * HOUR_MS + QUIET_MS), Some((ACME, TODAY.period())));
    }

    #[test]
    fn late_events_wait_for_one_another() {
        let mut open = OpenDays::default();
        let sealed_at = NOON + 24 * HOUR_MS;
        open.sealed(ACME, TODAY.period(), TODAY.next(), sealed_at);
        open.add(ACME, TODAY, 1, sealed_at + 1000);
        assert_eq!(open.due(sealed_at + AGAIN_MS - 1), None);
        assert_eq!(open.due(sealed_at + AGAIN_MS), Some((ACME, TODAY.period())));
        open.add(ACME, TODAY, MUCH, sealed_at + 1000);
        assert_eq!(open.due(sealed_at + 1000 + QUIET_MS), Some((ACME, TODAY.period())), "so much does not wait");
        open.sealed(ACME, TODAY.period(), TODAY.next(), sealed_at + 1000 + QUIET_MS);
        assert_eq!(open.due(sealed_at + 100 * AGAIN_MS), None, "nothing is left");
    }
    #[test]
    fn what_cannot_be_sealed_is_not_tried_again_at_once_however_much_it_is() {
        let mut open = OpenDays::default();
        let (other, now) = (OrganizationId(2), NOON + 24 * HOUR_MS);
        open.add(ACME, TODAY, TOO_MUCH, NOON);
        open.add(other, TODAY, 1, NOON);
        assert_eq!(open.due(now), Some((ACME, TODAY.period())));
        open.failed(ACME, TODAY.period(), now);
        assert_eq!(open.due(now), Some((other, TODAY.period())), "others do not wait for it");
        open.sealed(other, TODAY.period(), TODAY.next(), now);
        assert_eq!(open.due(now + AGAIN_MS - 1), None);
        assert_eq!(open.due(now + AGAIN_MS), Some((ACME, TODAY.period())));
    }
}
