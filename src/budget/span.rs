//! Which stretch of time a budget counts now.

use std::ops::Range;

use crate::calendar::{Date, Zone};
use crate::directory::{Budget, BudgetWindow, Profile, Status};
use crate::model::{FIRST_HOUR, Segment, UnixMs};

/// The window that a budget is in: of one whose days are over its last, of one that has not begun its first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// What is counted.
    pub time: Range<UnixMs>,
    /// Whether calls are held to it.
    pub holds: bool,
    /// When it begins anew: never where it counts in all, ends with its window or in it, or does not hold.
    pub resets_at: Option<UnixMs>,
    /// While the clock is in here all of this stays so.
    pub valid: Range<UnixMs>,
}

/// The zone whose days a budget counts by.
pub fn zone_of(budget: &Budget, profile: &Profile) -> Zone {
    Zone::home(budget.timezone.as_deref().or(profile.timezone.as_deref()))
}

impl Span {
    pub fn of(budget: &Budget, zone: Zone, now: UnixMs) -> Span {
        let today = zone.date_at(now);
        let [from, to] = [&budget.from, &budget.to].map(|day| day.as_deref().and_then(Date::parse));
        let (early, late) = (from.is_some_and(|from| today < from), to.is_some_and(|to| today > to));
        let day = if early { from.unwrap_or(today) } else { to.map_or(today, |to| today.min(to)) };
        let (first, last) = match budget.window {
            BudgetWindow::Day => (Some(day), Some(day)),
            BudgetWindow::Week => (Some(day.first_of_week()), Some(day.first_of_week().plus_days(6))),
            BudgetWindow::Month => (Some(day.first_of_month()), Some(day.last_of_month())),
            BudgetWindow::Total => (None, None),
        };
        let first = first.max(from);
        let is_last = last.is_none_or(|last| to.is_some_and(|to| to <= last));
        let last = [last, to].into_iter().flatten().min();
        let start = first.map_or(UnixMs::MIN, |first| zone.day_start(first));
        let end = last.map_or(UnixMs::MAX, |last| zone.day_start(last.plus_days(1)));
        let holds = !early && !late && budget.status == Status::Active;
        let valid = match (early, late) {
            (true, _) => UnixMs::MIN..start,
            (_, true) => end..UnixMs::MAX,
            _ => start..end,
        };
        let resets_at = (holds && !is_last).then_some(end);
        Span { time: start.max(FIRST_HOUR.start_ms())..end, holds, resets_at, valid }
    }

    /// The same as rollups are kept by.
    pub fn segments(&self) -> Range<Segment> {
        let cut = |at| Segment::of(at).unwrap_or(Segment(if at < 0 { 0 } else { u32::MAX }));
        cut(self.time.start)..cut(self.time.end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calendar::{parse_rfc3339, rfc3339_utc};
    use crate::directory::{BudgetAction, BudgetScope, Limit};

    fn budget(window: BudgetWindow, from: Option<&str>, to: Option<&str>) -> Budget {
        Budget {
            scope: BudgetScope::Organization,
            limit: Limit::Requests(1),
            window,
            timezone: None,
            action: BudgetAction::Block,
            percent: Vec::new(),
            from: from.map(str::to_owned),
            to: to.map(str::to_owned),
            status: Status::Active,
        }
    }

    #[track_caller]
    fn check(budget: &Budget, zone: &str, now: &str, [start, end]: [&str; 2], holds: bool) {
        let now = parse_rfc3339(now).unwrap();
        let span = Span::of(budget, Zone::named(zone).unwrap(), now);
        let text = |at: UnixMs| if at == UnixMs::MAX { "never".to_owned() } else { rfc3339_utc(at) };
        assert_eq!((text(span.time.start), text(span.time.end)), (start.to_owned(), end.to_owned()));
        assert_eq!(span.holds, holds);
        assert!(span.valid.contains(&now), "{:?}", span.valid);
        let next = Span::of(budget, Zone::named(zone).unwrap(), span.time.end);
        let resets = holds && next.holds && next.time.start == span.time.end;
        assert_eq!(span.resets_at, resets.then_some(span.time.end));
    }

    #[test]
    fn a_budget_counts_the_local_days_of_its_window_and_of_its_dates() {
        use BudgetWindow::{Day, Month, Total, Week};
        let always = |window| budget(window, None, None);
        let noon = "2026-10-25T12:00:00Z";
        // A day of 25 hours, in the week from Monday and in its month.
        check(&always(Day), "Europe/Paris", noon, ["2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z"], true);
        check(&always(Week), "Europe/Paris", noon, ["2026-10-18T22:00:00Z", "2026-10-25T23:00:00Z"], true);
        check(&always(Month), "Europe/Paris", noon, ["2026-09-30T22:00:00Z", "2026-10-31T23:00:00Z"], true);
        check(&always(Total), "Europe/Paris", noon, ["2020-01-01T00:00:00Z", "never"], true);
        // Where a day begins inside of an hour, and at one in the morning.
        let kathmandu = ["2026-06-30T18:15:00Z", "2026-07-01T18:15:00Z"];
        check(&always(Day), "Asia/Kathmandu", "2026-06-30T18:15:00Z", kathmandu, true);
        let cairo = ["2025-04-24T22:00:00Z", "2025-04-25T21:00:00Z"];
        check(&always(Day), "Africa/Cairo", "2025-04-25T10:00:00Z", cairo, true);

        let dated = |window| budget(window, Some("2026-10-07"), Some("2026-10-20"));
        check(&dated(Month), "UTC", "2026-10-08T00:00:00Z", ["2026-10-07T00:00:00Z", "2026-10-21T00:00:00Z"], true);
        check(&dated(Week), "UTC", "2026-10-08T00:00:00Z", ["2026-10-07T00:00:00Z", "2026-10-12T00:00:00Z"], true);
        check(&dated(Total), "UTC", "2026-10-20T23:59:59Z", ["2026-10-07T00:00:00Z", "2026-10-21T00:00:00Z"], true);
        // With its last day or before, its last window ends, and it does not begin anew.
        let last = ["2026-10-19T00:00:00Z", "2026-10-21T00:00:00Z"];
        check(&dated(Week), "UTC", "2026-10-20T00:00:00Z", last, true);
        check(&dated(Day), "UTC", "2026-10-20T12:00:00Z", ["2026-10-20T00:00:00Z", "2026-10-21T00:00:00Z"], true);
        let month = budget(Month, None, Some("2026-10-31"));
        check(&month, "Asia/Kolkata", noon, ["2026-09-30T18:30:00Z", "2026-10-31T18:30:00Z"], true);
        let since = budget(Total, Some("2026-10-07"), None);
        check(&since, "Asia/Kolkata", noon, ["2026-10-06T18:30:00Z", "never"], true);
        // Before and after, it is its first and its last window that is told.
        check(&dated(Day), "UTC", "2026-10-01T00:00:00Z", ["2026-10-07T00:00:00Z", "2026-10-08T00:00:00Z"], false);
        check(&dated(Week), "UTC", noon, ["2026-10-19T00:00:00Z", "2026-10-21T00:00:00Z"], false);
        let deleted = Budget { status: Status::Deleted, ..always(Day) };
        check(&deleted, "UTC", noon, ["2026-10-25T00:00:00Z", "2026-10-26T00:00:00Z"], false);
    }

    /// What is counted is the day that it is, to the hour of every change of the clocks.
    #[test]
    fn in_every_zone_the_span_of_a_day_is_the_day() {
        let daily = budget(BudgetWindow::Day, None, None);
        let start = parse_rfc3339("2026-01-01T00:00:00Z").unwrap();
        for zone in Zone::all() {
            for hour in (0..24 * 366).step_by(31) {
                let now = start + hour * 3_600_000;
                let span = Span::of(&daily, zone, now);
                assert!(span.time.contains(&now), "{zone:?} {}", rfc3339_utc(now));
                let days = [span.time.start, now, span.time.end - 1].map(|at| zone.date_at(at));
                assert!(days.iter().all(|day| *day == days[0]), "{zone:?} {}", rfc3339_utc(now));
                assert_eq!(span.segments().start.start_ms(), span.time.start, "{zone:?} {}", rfc3339_utc(now));
            }
        }
    }
}
