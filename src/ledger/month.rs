//! Months as they are named.

use std::fmt;

use crate::calendar::{Date, Granularity, Window, WindowError, Zone};
use crate::model::UnixMs;
use crate::store::Closing;

/// A local month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Month {
    /// Since the year 0.
    pub number: u32,
}

impl Month {
    /// Reads exactly `YYYY-MM`.
    pub fn parse(text: &str) -> Option<Month> {
        Date::parse(&format!("{text}-01"))?;
        let (year, month) = text.split_once('-')?;
        Some(Month { number: year.parse::<u32>().ok()? * 12 + month.parse::<u32>().ok()? - 1 })
    }

    pub fn of(closing: &Closing) -> Month {
        Month { number: closing.month }
    }

    pub fn first_day(self) -> Date {
        Date::from_ymd((self.number / 12) as i32, self.number % 12 + 1, 1).expect("the first of a month is a date")
    }

    /// The first instant that is no longer in it.
    pub fn end(self, zone: Zone) -> UnixMs {
        zone.day_start(self.first_day().next_month())
    }

    pub fn window(self, zone: Zone) -> Result<Window, WindowError> {
        Window::new(zone, self.first_day(), self.first_day().last_of_month(), Granularity::Day)
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.number / 12, self.number % 12 + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_are_read_as_they_are_written() {
        for (text, first) in [("2026-10", Some("2026-10-01")), ("2020-01", Some("2020-01-01"))] {
            let month = Month::parse(text).unwrap();
            assert_eq!(
                (month.to_string(), Some(month.first_day().to_string())),
                (text.into(), first.map(str::to_owned))
            );
        }
        for text in ["", "2026", "2026-13", "2026-00", "2026-1", "2026-10-01", "26-10", "2026-10 ", "+026-10"] {
            assert_eq!(Month::parse(text), None, "{text}");
        }
    }
}
