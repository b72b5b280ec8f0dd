//! Windows by a word, which move with the day on which they are asked about.

use super::Date;

/// The first and the last day, both included, of what a word means today. "This …" ends today.
type Span = fn(Date) -> (Date, Date);

const SPANS: [(&str, Span); 14] = [
    ("today", |today| (today, today)),
    ("yesterday", |today| (today.plus_days(-1), today.plus_days(-1))),
    ("last-7-days", |today| (today.plus_days(-6), today)),
    ("last-30-days", |today| (today.plus_days(-29), today)),
    ("last-90-days", |today| (today.plus_days(-89), today)),
    ("last-365-days", |today| (today.plus_days(-364), today)),
    ("this-week", |today| (today.first_of_week(), today)),
    ("last-week", |today| (today.first_of_week().plus_days(-7), today.first_of_week().plus_days(-1))),
    ("this-month", |today| (today.first_of_month(), today)),
    ("last-month", |today| (today.first_of_month().months_earlier(1), today.first_of_month().plus_days(-1))),
    ("this-quarter", |today| (today.first_of_quarter(), today)),
    ("last-quarter", |today| (today.first_of_quarter().months_earlier(3), today.first_of_quarter().plus_days(-1))),
    ("this-year", |today| (today.first_of_year(), today)),
    ("last-year", |today| (today.first_of_year().months_earlier(12), today.first_of_year().plus_days(-1))),
];

/// The days that a word means, or nothing where it means none.
pub fn relative_days(word: &str, today: Date) -> Option<(Date, Date)> {
    SPANS.iter().find(|(known, _)| *known == word).map(|(_, span)| span(today))
}

/// The words there are.
pub fn relative_words() -> impl Iterator<Item = &'static str> {
    SPANS.iter().map(|(word, _)| *word)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As the dashboard has them, in `web/src/time/presets.ts`.
    #[test]
    fn words_mean_days_that_move_with_today() {
        let date = |text| Date::parse(text).unwrap();
        let check = |word: &str, today, from, to| {
            assert_eq!(relative_days(word, date(today)), Some((date(from), date(to))), "{word} on {today}");
        };
        for (word, from, to) in [
            ("today", "2026-03-01", "2026-03-01"),
            ("yesterday", "2026-02-28", "2026-02-28"),
            ("last-7-days", "2026-02-23", "2026-03-01"),
            ("last-30-days", "2026-01-31", "2026-03-01"),
            ("last-90-days", "2025-12-02", "2026-03-01"),
            ("last-365-days", "2025-03-02", "2026-03-01"),
            ("this-week", "2026-02-23", "2026-03-01"),
            ("last-week", "2026-02-16", "2026-02-22"),
            ("this-month", "2026-03-01", "2026-03-01"),
            ("last-month", "2026-02-01", "2026-02-28"),
            ("this-quarter", "2026-01-01", "2026-03-01"),
            ("last-quarter", "2025-10-01", "2025-12-31"),
            ("this-year", "2026-01-01", "2026-03-01"),
            ("last-year", "2025-01-01", "2025-12-31"),
        ] {
            check(word, "2026-03-01", from, to);
        }
        check("last-month", "2024-03-31", "2024-02-01", "2024-02-29");
        check("this-quarter", "2026-12-31", "2026-10-01", "2026-12-31");
        check("last-week", "2026-01-01", "2025-12-22", "2025-12-28");
        for unknown in ["", "Today", "last-8-days", "next-week"] {
            assert_eq!(relative_days(unknown, date("2026-03-01")), None, "{unknown}");
        }
        assert_eq!(relative_words().count(), 14);
    }
}
