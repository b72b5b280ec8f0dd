//! What is too old to keep.
//!
//! An organization may say how many days it keeps; by default it keeps everything. Usage is removed in whole periods of
//! 32 UTC days, so somewhat more is kept, and a removal is one short transaction.

use crate::model::{Day, HOUR_MS, Period, UnixMs};

/// The first period that is kept.
pub fn kept_since(now: UnixMs, retention_days: u32) -> Period {
    let today = u32::try_from(now.div_euclid(24 * HOUR_MS)).unwrap_or_default();
    Day(today.saturating_sub(retention_days)).period()
}

/// The first period that is not to be removed, when the last usage is of `newest`. A clock that runs ahead must not
/// remove anything: the last days with usage are always kept. Of a sealed period only its last day is known, so it is the
/// same of an open one.
pub(super) fn removable_before(now: UnixMs, newest: Day, retention_days: u32) -> Period {
    kept_since(now.min(newest.period().next().first_day().start_ms()), retention_days)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_runs_ahead_removes_nothing() {
        let newest = Day(20_600);
        let then = newest.start_ms();
        assert_eq!(removable_before(then, newest, 400), Day(20_200).period());
        assert_eq!(removable_before(then + 3650 * 24 * HOUR_MS, newest, 400), Day(20_201).period());
        assert_eq!(kept_since(0, 400), Period(0));
    }
}
