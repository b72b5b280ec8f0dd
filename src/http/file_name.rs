//! What a file is called that somebody saves: whose figures, which, of which days in which zone. Once it lies among
//! others, nothing else says so.

use crate::calendar::Window;

/// `northwind-cost-by-project-2026-06-Europe-Paris.csv`.
pub fn of_window(organization_id: &str, what: &str, window: &Window, extension: &str) -> String {
    let zone = window.zone.name();
    format!("{}-{}-{}-{}.{extension}", plain(organization_id), plain(what), days(window), plain(zone))
}

/// `northwind-budgets.csv`: of what is as it is now.
pub fn of_list(organization_id: &str, what: &str, extension: &str) -> String {
    format!("{}-{}.{extension}", plain(organization_id), plain(what))
}

/// A whole month or year by its name, else the first day and the last.
fn days(window: &Window) -> String {
    let (from, to) = (window.from.to_string(), window.to.to_string());
    if window.from == window.to {
        return from;
    }
    if window.from.first_of_month() == window.from && window.from.last_of_month() == window.to {
        return from[..7].to_owned();
    }
    match (from.strip_suffix("-01-01"), to.strip_suffix("-12-31")) {
        (Some(year), Some(until)) if year == until => year.to_owned(),
        _ => format!("{from}-to-{to}"),
    }
}

/// Without what a file system or a header could take for something else.
fn plain(text: &str) -> String {
    let kept = |c: char| if c.is_ascii_alphanumeric() || "._".contains(c) { c } else { '-' };
    let words: String = text.chars().map(kept).collect();
    words.split('-').filter(|word| !word.is_empty()).collect::<Vec<_>>().join("-")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calendar::{Date, Granularity, Zone};

    fn check(organization_id: &str, what: &str, (from, to): (&str, &str), zone: &str, expected: &str) {
        let date = |text| Date::parse(text).unwrap();
        let window = Window::new(Zone::named(zone).unwrap(), date(from), date(to), Granularity::Day).unwrap();
        assert_eq!(of_window(organization_id, what, &window, "csv"), expected);
    }

    #[test]
    fn a_file_says_whose_figures_it_has_and_of_when() {
        let june = ("2026-06-01", "2026-06-30");
        for (organization, what, days, zone, expected) in [
            (
                "northwind",
                "cost-by-project",
                june,
                "Europe/Paris",
                "northwind-cost-by-project-2026-06-Europe-Paris.csv",
            ),
            ("a", "members", ("2025-01-01", "2025-12-31"), "UTC", "a-members-2025-UTC.csv"),
            ("a", "members", ("2026-06-03", "2026-06-03"), "UTC", "a-members-2026-06-03-UTC.csv"),
            ("a", "members", ("2026-06-03", "2026-06-09"), "UTC", "a-members-2026-06-03-to-2026-06-09-UTC.csv"),
            (
                "../\"x\r\n",
                "key-sk/1 é",
                june,
                "America/North_Dakota/Center",
                "..-x-key-sk-1-2026-06-America-North_Dakota-Center.csv",
            ),
        ] {
            check(organization, what, days, zone, expected);
        }
    }
}
