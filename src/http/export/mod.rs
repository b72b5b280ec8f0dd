//! `/analytics/export`: rollups for other programs, one row for every bucket and series.

mod csv;
mod focus;
mod parquet;
mod rollup;

use std::borrow::Cow;
use std::ops::Range;

use axum::body::Body;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use utoipa::ToSchema;

use self::csv::CsvTable;
use self::parquet::ParquetTable;
use super::access::Subject;
use super::asked::{Asked, CACHING};
use super::body::Binary;
use super::file_name;
use super::problem::{Problem, Refusals};
use crate::calendar::{Date, Granularity, Window, Zone};
use crate::model::{PicoUsd, UnixMs};
use crate::query::{About, Filter, Rollup, rollups};

/// One column of an export: its name, and where a row has its value.
#[derive(Clone, Copy)]
struct Column {
    name: &'static str,
    value: Value,
}

/// What kind of value a column has, and where it comes from.
#[derive(Clone, Copy)]
enum Value {
    /// Of the combination that a row is of, whenever it was.
    Text(for<'r> fn(&'r Row<'_>) -> Option<Cow<'r, str>>),
    Date(fn(&Row<'_>) -> Date),
    Instant(fn(&Row<'_>) -> UnixMs),
    Count(fn(&Row<'_>) -> u64),
    /// A count that is a decimal to those who read it.
    Quantity(fn(&Row<'_>) -> u64),
    Usd(fn(&Row<'_>) -> PicoUsd),
}

/// What the columns of a row are taken from.
struct Row<'a> {
    about: About<'a>,
    zone: Zone,
    time: &'a Time,
    rollup: &'a Rollup<'a>,
}

/// When a bucket was.
struct Time {
    /// Its first local day.
    date: Date,
    start: UnixMs,
    end: UnixMs,
    /// The local month it is in.
    month: Range<UnixMs>,
}

/// A file being written.
trait Table {
    fn row(&mut self, row: &Row<'_>) -> Result<(), Problem>;
    fn finish(self) -> Result<(), Problem>;
}

/// Content type of Parquet, which is compressed within.
pub const PARQUET: &str = "application/vnd.apache.parquet";

#[derive(Clone, Copy)]
struct Form {
    focus: bool,
    parquet: bool,
    /// Of its file: what is in it, and of which kind.
    name: (&'static str, &'static str),
}

const FORMS: [(&str, Form); 4] = [
    ("csv", Form { focus: false, parquet: false, name: ("rollups", "csv") }),
    ("parquet", Form { focus: false, parquet: true, name: ("rollups", "parquet") }),
    ("focus", Form { focus: true, parquet: false, name: ("focus", "csv") }),
    ("focus-parquet", Form { focus: true, parquet: true, name: ("focus", "parquet") }),
];
const GRANULARITIES: [(&str, Granularity); 3] =
    [("hour", Granularity::Hour), ("day", Granularity::Day), ("month", Granularity::Month)];

/// The names of [`FORMS`].
#[derive(ToSchema)]
#[schema(rename_all = "kebab-case")]
#[allow(dead_code, reason = "documents what is allowed")]
enum ExportForm {
    Csv,
    Parquet,
    Focus,
    FocusParquet,
}

/// The names of [`focus::VERSIONS`].
#[derive(ToSchema)]
#[allow(dead_code, reason = "documents what is allowed")]
enum FocusVersion {
    #[schema(rename = "1.2")]
    V1_2,
    #[schema(rename = "1.3")]
    V1_3,
    #[schema(rename = "1.4")]
    V1_4,
}

/// The names of [`GRANULARITIES`].
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
#[allow(dead_code, reason = "documents what is allowed")]
enum ExportGranularity {
    Hour,
    Day,
    Month,
}

/// Rollups of an organization as a file, at full dimension.
///
/// One row for every bucket of the window and every combination of project, API key, model, provider, app, mode and
/// source of cost that had usage in it. The rows add up to `/analytics/activity`, to the last digit. For operators, and
/// for owners and admins of an organization on the enterprise plan.
#[utoipa::path(
    get, path = "/analytics/export", tag = "analytics",
    params(
        ("organizationId" = String, Query, description = "The organization whose usage it is"),
        ("from" = Option<String>, Query, description = "First local day, YYYY-MM-DD; default six days before `to`"),
        ("to" = Option<String>, Query, description = "Last local day, included; default today in that zone"),
        ("range" = Option<String>, Query, description = "Or days by a word, which move with today: those of `/analytics/activity`"),
        ("timezone" = Option<String>, Query, description = "IANA name; default UTC"),
        ("format" = inline(Option<ExportForm>), Query, description = "csv (default), parquet, focus (CSV with the columns of FOCUS) or focus-parquet"),
        ("focusVersion" = inline(Option<FocusVersion>), Query, description = "Whose columns focus and focus-parquet have: 1.2 (default), 1.3 or 1.4"),
        ("granularity" = inline(Option<ExportGranularity>), Query, description = "hour (31 days at most), day (366; default) or month (10 years)"),
    ),
    responses(
        (status = 200, description = "The file", content(
            (String = "text/csv"),
            (inline(Binary) = "application/vnd.apache.parquet"),
        )),
        Refusals,
    ),
)]
pub async fn export(asked: Asked) -> Result<Response, Problem> {
    asked.allow(Subject::Organization)?;
    let form = asked.parameters.choice("format", &FORMS)?.unwrap_or(FORMS[0].1);
    let version = asked.parameters.choice("focusVersion", &focus::VERSIONS)?;
    if version.is_some() && !form.focus {
        return Err(Problem::bad_request("focusVersion is given, but format is neither focus nor focus-parquet"));
    }
    let columns = if form.focus { focus::columns(version.unwrap_or_default()) } else { rollup::COLUMNS };
    let granularity = asked.parameters.choice("granularity", &GRANULARITIES)?.unwrap_or_default();
    let window = asked.parameters.window(asked.now, granularity)?;
    let weak = asked.version(window, !form.parquet);
    // Of an export nothing depends on when it is asked for, so parts of it go together if it travels as it is.
    let etag = if form.parquet || !asked.takes_compressed() { weak.trim_start_matches("W/") } else { &weak };
    if asked.has(etag) {
        return Ok((StatusCode::NOT_MODIFIED, CACHING, [(header::ETAG, etag)]).into_response());
    }
    let written = asked.in_turn(move |about, out| {
        if form.parquet {
            write(about, window, granularity, ParquetTable::new(columns, window.zone, out)?)
        } else {
            write(about, window, granularity, CsvTable::new(columns, form.focus, out)?)
        }
    });
    let kind = if form.parquet { PARQUET } else { "text/csv; charset=utf-8" };
    let (what, extension) = form.name;
    let name = file_name::of_window(&asked.organization_id, what, &window, extension);
    let disposition = format!("attachment; filename=\"{name}\"");
    let headers = [(header::CONTENT_TYPE, kind), (header::CONTENT_DISPOSITION, &*disposition), (header::ETAG, etag)];
    Ok((CACHING, headers, Body::from(written.await?)).into_response())
}

fn write(about: About<'_>, window: Window, granularity: Granularity, mut table: impl Table) -> Result<(), Problem> {
    let mut time: Option<Time> = None;
    rollups(about, window, granularity, Filter::default(), |rollup| {
        let (start, end) = (rollup.bucket.start, rollup.bucket.end);
        if time.as_ref().is_none_or(|time| time.start != start) {
            let date = window.zone.date_at(start);
            time = Some(Time { date, start, end, month: window.zone.month_of(date) });
        }
        table.row(&Row { about, zone: window.zone, time: time.as_ref().expect("just set"), rollup })
    })?;
    table.finish()
}
