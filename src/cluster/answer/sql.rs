//! Questions about usage in SQL that servers from 18.16 on understand.
//!
//! `FINAL` reads the latest version of each row, in every question. Nothing is filtered before that (`PREWHERE`), or
//! earlier versions would come back; what is filtered by is part of a row's key. Counts are added up as decimals,
//! because sums of integers wrap. Days are ranges of UTC, because servers have zone rules of their own.

use std::fmt::Write;

use super::super::client::quoted;
use crate::model::{Dimension, Segment};
use crate::store::{OrganizationNames, Wanted};

/// Runs of pieces of equal length up to which the server tells pieces apart. A year's days are at most five.
const MAX_RUNS: usize = 200;
/// What values that are named may take of a query. Servers take 256 KiB of it.
const NAMED_BYTES: usize = 100 << 10;
/// What is left of a row that is no more is a row of nothing. Usage has requests or money: what else a row has need not be
/// read for each question.
const THERE_IS_SOMETHING: &str = "requests > 0 OR cost > 0 OR total_tokens > 0";

/// The counts by their columns, in the order of the model.
pub const COUNT_COLUMNS: [&str; crate::model::COUNTS] = [
    "requests",
    "total_tokens",
    "input_tokens",
    "output_tokens",
    "cached_tokens",
    "cache_write_tokens",
    "reasoning_tokens",
    "errors",
    "client_errors",
    "cache_hits",
    "unpriced",
];

/// What the first column of an answer says of the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Time {
    /// Which piece it is, from 0.
    Piece,
    /// When the segment begins, in Unix seconds: there are too many lengths of pieces.
    Second,
}

/// Asks for sums. Columns: the time, the dimensions that are told apart (a source with whether there is one), mode and
/// cost source likewise, the counts that are wanted, the cost.
pub fn sums(organization: &str, names: &OrganizationNames, wanted: &Wanted, settings: &str) -> (Time, String) {
    let cuts: Vec<i64> = wanted.cuts.iter().map(|cut| seconds(*cut)).collect();
    let (time, piece) = match pieces(&cuts) {
        Some(piece) => (Time::Piece, piece),
        None => (Time::Second, "toUInt32(at)".to_owned()),
    };
    let mut apart: Vec<&str> = Vec::new();
    for dimension in crate::store::Apart::DIMENSIONS.into_iter().filter(|dimension| wanted.apart.has(*dimension)) {
        apart.push(column(dimension));
        if dimension == Dimension::Source {
            apart.push("has_source");
        }
    }
    apart.extend(wanted.apart.mode.then_some("mode"));
    apart.extend(wanted.apart.cost_source.then_some("cost_source"));
    let mut sql = format!("SELECT {piece} AS piece");
    apart.iter().for_each(|column| write!(sql, ", {column}").expect("memory takes every write"));
    for (column, _) in COUNT_COLUMNS.iter().zip(wanted.counts).filter(|(_, wanted)| *wanted) {
        write!(sql, ", sum(toDecimal128({column}, 0))").expect("memory takes every write");
    }
    let (first, last) = (cuts[0], cuts[cuts.len() - 1]);
    write!(
        sql,
        ", sum(cost) FROM usage_local FINAL WHERE organization = {} AND at >= toDateTime({first}) AND at < toDateTime({last})",
        quoted(organization)
    )
    .expect("memory takes every write");
    for (dimension, values) in &wanted.only {
        let one_of: Vec<String> =
            values.iter().filter_map(|value| names.name(*dimension, *value)).map(quoted).collect();
        let without = values.iter().any(|value| names.name(*dimension, *value).is_none());
        if one_of.is_empty() || one_of.iter().map(String::len).sum::<usize>() > NAMED_BYTES {
            continue;
        }
        let (column, one_of) = (column(*dimension), one_of.join(", "));
        let or_none = if without { " OR has_source = 0" } else { "" };
        write!(sql, " AND ({column} IN ({one_of}){or_none})").expect("memory takes every write");
    }
    write!(sql, " AND ({THERE_IS_SOMETHING}) GROUP BY piece").expect("memory takes every write");
    apart.iter().for_each(|column| write!(sql, ", {column}").expect("memory takes every write"));
    write!(sql, "{settings} FORMAT RowBinary").expect("memory takes every write");
    (time, sql)
}

/// Asks when an organization's usage begins, in Unix seconds, and of how many rows it is.
pub fn first(organization: &str, settings: &str) -> String {
    let organization = quoted(organization);
    format!(
        "SELECT toUInt32(min(at)), count() FROM usage_local FINAL \
         WHERE organization = {organization} AND ({THERE_IS_SOMETHING}){settings} FORMAT RowBinary"
    )
}

/// The same of its last segment, or of a later one that has no usage any more.
pub fn last(organization: &str) -> String {
    let organization = quoted(organization);
    format!("SELECT toUInt32(max(at)), count() FROM usage_local WHERE organization = {organization} FORMAT RowBinary")
}

fn column(dimension: Dimension) -> &'static str {
    match dimension {
        Dimension::Project => "project",
        Dimension::ApiKey => "api_key",
        Dimension::Model => "model",
        Dimension::Provider => "provider",
        Dimension::Source => "source",
    }
}

fn seconds(cut: Segment) -> i64 {
    cut.start_ms() / 1000
}

/// Which of the pieces between `cuts` a row is in: runs of pieces of equal length, one after the other. `None` where
/// there are too many runs.
fn pieces(cuts: &[i64]) -> Option<String> {
    // Of each run: its first piece, and how long its pieces are.
    let mut runs: Vec<(usize, i64)> = Vec::new();
    for (piece, bounds) in cuts.windows(2).enumerate() {
        let length = bounds[1] - bounds[0];
        if runs.last().is_none_or(|(_, last)| *last != length) {
            runs.push((piece, length));
        }
    }
    if runs.len() > MAX_RUNS {
        return None;
    }
    let of_run = |(first, length): (usize, i64)| format!("intDiv(toUInt32(at) - {}, {length}) + {first}", cuts[first]);
    let (last, before) = runs.split_last()?;
    if before.is_empty() {
        return Some(format!("toUInt32({})", of_run(*last)));
    }
    let mut sql = "toUInt32(multiIf(".to_owned();
    for (run, next) in before.iter().zip(&runs[1..]) {
        write!(sql, "toUInt32(at) < {}, {}, ", cuts[next.0], of_run(*run)).expect("memory takes every write");
    }
    write!(sql, "{}))", of_run(*last)).expect("memory takes every write");
    Some(sql)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calendar::{Date, Granularity, Window, Zone};
    use crate::model::{COUNTS, Count, ValueId};
    use crate::store::Apart;

    #[test]
    fn days_of_a_year_are_a_few_runs_of_equal_length() {
        let date = |text| Date::parse(text).unwrap();
        let zone = Zone::named("America/St_Johns").unwrap();
        let window = Window::new(zone, date("2026-01-01"), date("2026-12-31"), Granularity::Day).unwrap();
        let buckets = window.buckets(Granularity::Day);
        let ends = buckets.last().map(|bucket| bucket.end);
        let cuts: Vec<i64> = buckets.iter().map(|bucket| bucket.start).chain(ends).map(|at| at / 1000).collect();
        assert_eq!(
            pieces(&cuts).unwrap(),
            "toUInt32(multiIf(toUInt32(at) < 1772940600, intDiv(toUInt32(at) - 1767238200, 86400) + 0, \
             toUInt32(at) < 1773023400, intDiv(toUInt32(at) - 1772940600, 82800) + 66, \
             toUInt32(at) < 1793500200, intDiv(toUInt32(at) - 1773023400, 86400) + 67, \
             toUInt32(at) < 1793590200, intDiv(toUInt32(at) - 1793500200, 90000) + 304, \
             intDiv(toUInt32(at) - 1793590200, 86400) + 305))"
        );
        assert_eq!(pieces(&[3600, 7200]).unwrap(), "toUInt32(intDiv(toUInt32(at) - 3600, 3600) + 0)");
        let uneven: Vec<i64> = (0..500).map(|n| n * n * 900).collect();
        assert_eq!(pieces(&uneven), None);
    }

    #[test]
    fn names_are_escaped_and_only_what_is_wanted_is_asked() {
        let mut counts = [false; COUNTS];
        counts[Count::Requests as usize] = true;
        let wanted = Wanted {
            cuts: vec![Segment(37), Segment(74)],
            apart: Apart::of(Dimension::Source),
            only: vec![(Dimension::Source, vec![ValueId::NONE])],
            counts,
        };
        let (time, sql) = sums("o'\\", &OrganizationNames::default(), &wanted, " SETTINGS x = 1");
        assert_eq!(time, Time::Piece);
        assert_eq!(
            sql,
            "SELECT toUInt32(intDiv(toUInt32(at) - 86400, 86400) + 0) AS piece, source, has_source, \
             sum(toDecimal128(requests, 0)), sum(cost) FROM usage_local FINAL WHERE organization = 'o\\'\\\\' \
             AND at >= toDateTime(86400) AND at < toDateTime(172800) \
             AND (requests > 0 OR cost > 0 OR total_tokens > 0) GROUP BY piece, source, has_source SETTINGS x = 1 \
             FORMAT RowBinary"
        );
    }
}
