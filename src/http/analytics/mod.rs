//! `/analytics/…`: questions over HTTP.

pub mod wire;

use std::sync::atomic::Ordering;
use std::time::Instant;

use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{FromRequestParts, Path, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use twox_hash::XxHash3_128;

use self::wire::{FilterParameters, WindowParameters};
use super::App;
use super::access::{Caller, Subject};
use super::answer::{self, ActivityAnswer, Frame};
use super::parameters::Parameters;
use super::problem::{Problem, Refusals};
use super::questions::in_time;
use super::stream::{self, Out, Written};
use crate::calendar::{Granularity, Window};
use crate::model::UnixMs;
use crate::query::{self, About, Query};

/// Usage of an organization over time, broken down.
///
/// One row for every bucket of the window; for every measure the breakdown adds up to its row, and the rows to the
/// totals, to the last digit. For operators, and for owners and admins of an organization on the enterprise plan.
#[utoipa::path(
    get, path = "/analytics/activity", tag = "analytics",
    params(
        WindowParameters,
        ("groupBy" = Option<String>, Query, description = "model (default), project, apiKey, user, provider, source, costSource, none, or two joined by a comma"),
        ("granularity" = Option<String>, Query, description = "hour (31 days at most), day (366; default), week or month (10 years)"),
        FilterParameters,
        ("top" = Option<u32>, Query, description = "Keep the N largest groups over the window; the rest is one entry, Other"),
        ("rankBy" = Option<String>, Query, description = "cost (default), requestCount or totalTokens"),
        ("compare" = Option<String>, Query, description = "previous: adds the totals of the same number of days just before"),
    ),
    responses(
        (status = 200, body = wire::Activity),
        Refusals,
    ),
)]
pub async fn activity(State(app): State<App>, asked: Asked) -> Result<Response, Problem> {
    asked.allow(Subject::Organization)?;
    let query = asked.parameters.activity(asked.now)?;
    let previous = asked.parameters.compare()?.then(|| query.window.previous(query.granularity)).transpose();
    let previous = previous.map_err(|e| Problem::bad_request(e.to_string()))?;
    let group_by = asked.parameters.group_by_name()?.to_owned();
    let first = previous.unwrap_or(query.window).start();
    let window = query.window;
    asked
        .answer(app, window, first, "activity", move |about, frame, csv, out| {
            let activity = query::activity(about, &query)?;
            let before = previous.map(|window| Query { window, group_by: Vec::new(), top: None, ..query.clone() });
            let sums = before.as_ref().map(|before| query::activity(about, before)).transpose()?;
            let answer = ActivityAnswer {
                group_by: &group_by,
                query: &query,
                frame,
                activity: &activity,
                previous: previous.zip(sums.as_ref().map(|before| &before.totals)),
            };
            if csv { answer.csv(out) } else { answer.json(out) }
        })
        .await
}

/// Usage by member.
///
/// Members without usage are listed with zeros; people who left and keys without a creator when they have usage, so
/// that the table adds up to the organization. For operators, and for owners and admins on the enterprise plan.
#[utoipa::path(
    get, path = "/analytics/members", tag = "analytics",
    params(
        WindowParameters,
        FilterParameters,
    ),
    responses(
        (status = 200, body = wire::Members),
        Refusals,
    ),
)]
pub async fn members(State(app): State<App>, asked: Asked) -> Result<Response, Problem> {
    asked.allow(Subject::Organization)?;
    let window = asked.parameters.window(asked.now, Granularity::Day)?;
    let filter = asked.parameters.filter()?;
    asked
        .answer(app, window, window.start(), "members", move |about, frame, csv, out| {
            let (rows, totals) = query::members(about, window, filter)?;
            if csv {
                return answer::members_csv(out, about, frame, &rows);
            }
            answer::members_json(&mut out.buffer, about, frame, &rows, &totals);
            Ok(())
        })
        .await
}

/// One member's usage: what their keys did, whoever used them.
///
/// For operators, and for owners and admins on the enterprise plan.
#[utoipa::path(
    get, path = "/analytics/members/{userId}", tag = "analytics",
    params(
        ("userId" = String, Path, description = "The member"),
        WindowParameters,
    ),
    responses(
        (status = 200, body = wire::MemberAnswer),
        Refusals,
    ),
)]
pub async fn member(
    State(app): State<App>,
    asked: Asked,
    path: Result<Path<String>, PathRejection>,
) -> Result<Response, Problem> {
    let Path(user_id) = path?;
    asked.allow(Subject::Organization)?;
    let window = asked.parameters.window(asked.now, Granularity::Day)?;
    asked
        .answer(app, window, window.start(), "member", move |about, frame, csv, out| {
            let detail = query::member(about, window, &user_id)?
                .ok_or_else(|| Problem::not_found(format!("'{user_id}' never was a member of this organization")))?;
            if csv {
                return answer::days_csv(out, frame, &detail.days);
            }
            answer::member_json(&mut out.buffer, about, frame, &detail);
            Ok(())
        })
        .await
}

/// Usage by API key, keys without usage included.
///
/// For operators, owners and admins; developers see their own keys.
#[utoipa::path(
    get, path = "/analytics/keys", tag = "analytics",
    params(
        WindowParameters,
    ),
    responses(
        (status = 200, body = wire::Keys),
        Refusals,
    ),
)]
pub async fn api_keys(State(app): State<App>, asked: Asked) -> Result<Response, Problem> {
    asked.allow(Subject::ApiKeys)?;
    let window = asked.parameters.window(asked.now, Granularity::Day)?;
    let creator = asked.caller.sees_own_keys_only(&asked.organization_id).map(str::to_owned);
    asked
        .answer(app, window, window.start(), "keys", move |about, frame, csv, out| {
            let (rows, totals) = query::api_keys(about, window, creator.as_deref())?;
            if csv {
                return answer::keys_csv(out, about, frame, &rows);
            }
            answer::keys_json(&mut out.buffer, about, frame, &rows, &totals);
            Ok(())
        })
        .await
}

/// One API key's usage.
///
/// For operators, owners and admins; developers see their own keys.
#[utoipa::path(
    get, path = "/analytics/keys/{apiKeyId}", tag = "analytics",
    params(
        ("apiKeyId" = String, Path, description = "The key"),
        WindowParameters,
    ),
    responses(
        (status = 200, body = wire::KeyAnswer),
        Refusals,
    ),
)]
pub async fn api_key(
    State(app): State<App>,
    asked: Asked,
    path: Result<Path<String>, PathRejection>,
) -> Result<Response, Problem> {
    let Path(id) = path?;
    asked.allow(Subject::ApiKey(&id))?;
    let window = asked.parameters.window(asked.now, Granularity::Day)?;
    asked
        .answer(app, window, window.start(), "key", move |about, frame, csv, out| {
            let detail = query::api_key(about, window, &id)?;
            if csv {
                return answer::days_csv(out, frame, &detail.days);
            }
            answer::key_json(&mut out.buffer, about, frame, &id, &detail);
            Ok(())
        })
        .await
}

/// Usage of the caller's own keys in one project.
///
/// For members with access to the project.
#[utoipa::path(
    get, path = "/analytics/me", tag = "analytics",
    params(
        ("projectId" = String, Query, description = "The project"),
        WindowParameters,
    ),
    responses(
        (status = 200, body = wire::MyUsage),
        Refusals,
    ),
)]
pub async fn my_usage(State(app): State<App>, asked: Asked) -> Result<Response, Problem> {
    let project_id = asked.parameters.required("projectId")?.to_owned();
    asked.allow(Subject::Own { project_id: &project_id })?;
    let user_id = asked.caller.user_id().unwrap_or_default().to_owned();
    let window = asked.parameters.window(asked.now, Granularity::Day)?;
    asked
        .answer(app, window, window.start(), "my-usage", move |about, frame, csv, out| {
            let usage = query::my_usage(about, window, &user_id, &project_id)?;
            if csv {
                return answer::my_usage_csv(out, frame, &usage);
            }
            answer::my_usage_json(&mut out.buffer, frame, &usage);
            Ok(())
        })
        .await
}

/// Kept by the asker alone, and asked about each time.
pub(super) const CACHING: [(HeaderName, &str); 2] =
    [(header::CACHE_CONTROL, "private, no-cache"), (header::VARY, "accept")];

/// A question as it came, before it is allowed and answered.
pub struct Asked {
    pub(super) caller: Caller,
    pub(super) parameters: Parameters,
    pub(super) organization_id: String,
    pub(super) now: UnixMs,
    uri: Uri,
    headers: HeaderMap,
}

impl FromRequestParts<App> for Asked {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Asked, Problem> {
        let caller = Caller::from_request_parts(parts, app).await?;
        let parameters = Parameters::parse(parts.uri.query());
        let organization_id = parameters.required("organizationId")?.to_owned();
        let (uri, headers) = (parts.uri.clone(), parts.headers.clone());
        Ok(Asked { caller, parameters, organization_id, now: app.engine.now(), uri, headers })
    }
}

impl Asked {
    pub(super) fn allow(&self, subject: Subject<'_>) -> Result<(), Problem> {
        self.caller.may_ask(&self.organization_id, subject).map(drop)
    }

    /// Answers from the latest commit, unless the asker has that answer already.
    ///
    /// `first` is the earliest instant the answer depends on, `name` the file a CSV is saved as.
    pub(super) async fn answer(
        self,
        app: App,
        window: Window,
        first: UnixMs,
        name: &'static str,
        write: impl FnOnce(About<'_>, Frame, bool, &mut Out) -> Result<(), Problem> + Send + 'static,
    ) -> Result<Response, Problem> {
        let Asked { caller, parameters, organization_id, now, uri, headers } = self;
        let csv = wants_csv(&parameters, &headers)?;
        let number = caller.snapshot.dictionary.organization(&organization_id).map(|(id, _)| id);
        let changed = app.engine.freshness().last_change(number, first, window.end());
        let frame = Frame { window, as_of: now.min(window.end()) };
        // What is seen may depend on who asks, and on nothing else of a caller. Operators all see the same.
        let asker = caller.user_id().unwrap_or_default();
        let etag = etag(&[
            &app.run.to_le_bytes(),
            &changed.to_le_bytes(),
            asker.as_bytes(),
            uri.path().as_bytes(),
            uri.query().unwrap_or_default().as_bytes(),
            window.from.to_string().as_bytes(),
            window.to.to_string().as_bytes(),
            window.zone.edition().version().as_bytes(),
            &window.zone.edition().fingerprint().to_le_bytes(),
            &[u8::from(csv)],
        ]);
        if matches(&headers, &etag) {
            return Ok((StatusCode::NOT_MODIFIED, CACHING, [(header::ETAG, etag)]).into_response());
        }
        let body: Body = match app.answers.get(asker, &etag, frame.as_of) {
            Some(bytes) => bytes.into(),
            None => {
                let write = move |about: About<'_>, out: &mut Out| write(about, frame, csv, out);
                let written = in_turn(&app, &caller, organization_id, write).await?;
                if let Written::Whole(bytes) = &written {
                    app.answers.put(asker, &etag, frame.as_of, bytes.clone());
                }
                written.into()
            }
        };
        let kind = if csv { "text/csv; charset=utf-8" } else { "application/json" };
        let mut response = (CACHING, [(header::CONTENT_TYPE, kind)], body).into_response();
        response.headers_mut().insert(header::ETAG, etag.parse().expect("hexadecimal in quotes"));
        if csv {
            let disposition = format!("attachment; filename=\"{name}.csv\"");
            let disposition = disposition.parse().expect("names are constants");
            response.headers_mut().insert(header::CONTENT_DISPOSITION, disposition);
        }
        Ok(response)
    }
}

/// Writes an answer from the latest commit, when it is the caller's turn.
pub(super) async fn in_turn(
    app: &App,
    caller: &Caller,
    organization_id: String,
    write: impl FnOnce(About<'_>, &mut Out) -> Result<(), Problem> + Send + 'static,
) -> Result<Written, Problem> {
    let turn = app.questions.turn(&caller.token_id).await?;
    // The snapshot is taken after the change it will be known by, so the answer is never older than its ETag.
    let (app, snapshot) = (app.clone(), app.engine.snapshot());
    let written = stream::body(move |out| {
        let _turn = turn;
        let organization = snapshot
            .directory
            .organization(&organization_id)
            .ok_or_else(|| Problem::not_found(format!("there is no organization '{organization_id}'")))?;
        let about = About {
            reader: &snapshot.reader,
            dictionary: &snapshot.dictionary,
            directory: &snapshot.directory,
            organization_id: &organization_id,
            organization,
        };
        let started = Instant::now();
        let written = write(about, out);
        app.counters.questions.fetch_add(1, Ordering::Relaxed);
        let took = started.elapsed().as_micros() as u64;
        app.counters.question_microseconds.fetch_add(took, Ordering::Relaxed);
        written
    });
    in_time(written).await
}

pub(super) fn wants_csv(parameters: &Parameters, headers: &HeaderMap) -> Result<bool, Problem> {
    let accepts = headers.get(header::ACCEPT).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let by_header = accepts.split(',').any(|kind| kind.split(';').next().unwrap_or_default().trim() == "text/csv");
    Ok(parameters.csv()?.unwrap_or(by_header))
}

/// Weak, because the same answer may travel compressed in several ways.
pub(super) fn etag(parts: &[&[u8]]) -> String {
    let mut hash = XxHash3_128::new();
    for part in parts {
        hash.write(&(part.len() as u64).to_le_bytes());
        hash.write(part);
    }
    format!("W/\"{:032x}\"", hash.finish_128())
}

pub(super) fn matches(headers: &HeaderMap, etag: &str) -> bool {
    let strong = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    let given = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|v| v.to_str().ok());
    given.flat_map(|v| v.split(',')).any(|tag| tag.trim() == "*" || strong(tag) == strong(etag))
}
