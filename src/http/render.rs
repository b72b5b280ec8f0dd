//! How values stand in answers: amounts, dates, and the cells of CSV.

use std::io::Write;

use serde_json::value::RawValue;

use super::problem::Problem;
use crate::calendar::{Window, Zone};
use crate::model::{Day, PicoUsd};

/// What a column is called that names the edition of the zone rules: days of another edition may be others.
pub const ZONE_DATABASE: &str = "zoneDatabase";

/// The last columns of a table, whose figures it has and of when: a file is read long after it was asked for.
pub const ORIGIN: [&str; 4] = ["organizationId", "timezone", "from", "to"];

pub fn origin(organization_id: &str, window: &Window) -> [String; 4] {
    [cell(organization_id), window.zone.name().to_owned(), window.from.to_string(), window.to.to_string()]
}

/// An amount as it stands in JSON.
pub fn usd(picos: i128) -> Box<RawValue> {
    RawValue::from_string(PicoUsd(picos).to_string()).expect("a decimal is JSON")
}

/// The date of a UTC day.
pub fn utc_date(day: Day) -> String {
    Zone::UTC.date_at(day.start_ms()).to_string()
}

pub fn broken(error: csv::Error) -> Problem {
    Problem::new(axum::http::StatusCode::INTERNAL_SERVER_ERROR, format!("the CSV could not be written: {error}"))
}

pub fn csv_writer<W: Write>(out: &mut W) -> csv::Writer<&mut W> {
    csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(out)
}

/// Text that a spreadsheet would take for a formula is made plain text.
pub fn cell(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}") } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_safe_in_a_spreadsheet() {
        assert_eq!(cell("=HYPERLINK(1)"), "'=HYPERLINK(1)");
        assert_eq!(cell("plain"), "plain");
    }
}
