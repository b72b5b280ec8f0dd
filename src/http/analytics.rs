//! `/analytics/…`: questions over HTTP.

use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use xxhash_rust::xxh3::Xxh3Default;

use super::App;
use super::access::{Caller, Subject};
use super::answer::ActivityAnswer;
use super::parameters::Parameters;
use super::problem::{Problem, ProblemBody};
use super::wire;
use crate::query::{self, Query};

/// Usage of an organization over time, broken down.
///
/// One row for every bucket of the window; for every measure the breakdown adds up to its row, and the rows to the
/// totals, to the last digit. For operators, and for owners and admins of an organization on the enterprise plan.
#[utoipa::path(
    get, path = "/analytics/activity", tag = "analytics",
    params(
        ("organizationId" = String, Query, description = "The organization asked about"),
        ("from" = Option<String>, Query, description = "First local day, YYYY-MM-DD; default six days before `to`"),
        ("to" = Option<String>, Query, description = "Last local day, included; default today in that zone"),
        ("timezone" = Option<String>, Query, description = "IANA name; default UTC"),
        ("groupBy" = Option<String>, Query, description = "model (default), project, apiKey, user, provider, source, none, or two joined by a comma"),
        ("granularity" = Option<String>, Query, description = "hour (31 days at most), day (366; default), week or month (10 years)"),
        ("projectId" = Option<Vec<String>>, Query, description = "Only these projects"),
        ("apiKeyId" = Option<Vec<String>>, Query, description = "Only these API keys"),
        ("userId" = Option<Vec<String>>, Query, description = "Only keys these members created"),
        ("model" = Option<Vec<String>>, Query, description = "Only these canonical models"),
        ("provider" = Option<Vec<String>>, Query, description = "Only these providers"),
        ("source" = Option<Vec<String>>, Query, description = "Only these apps"),
        ("mode" = Option<Vec<String>>, Query, description = "credits or api-keys"),
        ("top" = Option<u32>, Query, description = "Keep the N largest groups over the window; the rest is one entry, Other"),
        ("rankBy" = Option<String>, Query, description = "cost (default), requestCount or totalTokens"),
        ("compare" = Option<String>, Query, description = "previous: adds the totals of the same number of days just before"),
        ("format" = Option<String>, Query, description = "csv for RFC 4180, one row per bucket and entry"),
    ),
    responses(
        (status = 200, body = wire::Activity),
        (status = 304, description = "Nothing has changed since the answer with that ETag"),
        (status = 400, body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
pub async fn activity(
    State(app): State<App>,
    caller: Caller,
    RawQuery(raw): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let parameters = Parameters::parse(raw.as_deref());
    let organization_id = parameters.required("organizationId")?.to_owned();
    caller.may_ask(&organization_id, Subject::Organization)?;
    let now = app.engine.now();
    let query = parameters.activity(now)?;
    let compare = parameters.compare()?;
    let group_by = parameters.group_by_name()?.to_owned();
    let csv = wants_csv(&parameters, &headers)?;

    let first = if compare { query.window.previous().start() } else { query.window.start() };
    let numbers = caller.snapshot.dictionary.organization(&organization_id).map(|(id, _)| id);
    let changed = app.engine.freshness().last_change(numbers, first, query.window.end());
    let etag = etag(&[
        &app.run.to_le_bytes(),
        &changed.to_le_bytes(),
        raw.as_deref().unwrap_or_default().as_bytes(),
        query.window.from.to_string().as_bytes(),
        query.window.to.to_string().as_bytes(),
        &[u8::from(csv)],
    ]);
    if matches(&headers, &etag) {
        return Ok((StatusCode::NOT_MODIFIED, [(header::ETAG, etag)]).into_response());
    }
    // The snapshot is taken after the change it will be known by, so the answer is never older than its ETag.
    let snapshot = app.engine.snapshot();
    let body = tokio::task::spawn_blocking(move || {
        let directory = &snapshot.directory;
        let organization = directory
            .organization(&organization_id)
            .ok_or_else(|| Problem::not_found(format!("there is no organization '{organization_id}'")))?;
        let about = (organization_id.as_str(), &**organization);
        let ask = |query: &Query| query::activity(&snapshot.reader, &snapshot.dictionary, directory, about, query);
        let activity = ask(&query)?;
        let before = Query { window: query.window.previous(), group_by: Vec::new(), top: None, ..query.clone() };
        let previous = if compare { Some(ask(&before)?.totals) } else { None };
        let answer = ActivityAnswer {
            group_by: &group_by,
            query: &query,
            as_of: now.min(query.window.end()),
            activity: &activity,
            previous: previous.as_ref().map(|totals| (before.window, totals)),
        };
        if csv { answer.csv() } else { Ok(answer.json()) }
    });
    let body = body.await.map_err(|_| {
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "answering failed; this is a bug in Rollcall")
    })??;
    let kind = if csv { "text/csv; charset=utf-8" } else { "application/json" };
    let mut response =
        ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "private, no-cache")], body).into_response();
    response.headers_mut().insert(header::ETAG, etag.parse().expect("hexadecimal in quotes"));
    if csv {
        let name = header::HeaderValue::from_static("attachment; filename=\"activity.csv\"");
        response.headers_mut().insert(header::CONTENT_DISPOSITION, name);
    }
    Ok(response)
}

fn wants_csv(parameters: &Parameters, headers: &HeaderMap) -> Result<bool, Problem> {
    let accepts = headers.get(header::ACCEPT).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let by_header = accepts.split(',').any(|kind| kind.split(';').next().unwrap_or_default().trim() == "text/csv");
    Ok(parameters.csv()?.unwrap_or(by_header))
}

/// Weak, because the same answer may travel compressed in several ways.
fn etag(parts: &[&[u8]]) -> String {
    let mut hash = Xxh3Default::new();
    for part in parts {
        hash.update(&(part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    format!("W/\"{:032x}\"", hash.digest128())
}

fn matches(headers: &HeaderMap, etag: &str) -> bool {
    let strong = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    let given = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|v| v.to_str().ok());
    given.flat_map(|v| v.split(',')).any(|tag| tag.trim() == "*" || strong(tag) == strong(etag))
}
