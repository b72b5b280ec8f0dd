//! `/v1/intake`: what became of what was sent, and of what a program read and did not send.

pub mod wire;

use std::cmp::Reverse;

use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};

use self::wire::{IntakeAnswer, IntakeBody, IntakeResult, UnsentBody};
use super::access::Caller;
use super::asked::{CACHING, etag, matches, wants_csv};
use super::body::JsonObjects;
use super::directory::id;
use super::events::{PATIENCE, token_of, write};
use super::file_name;
use super::parameters::{Parameters, TableFormat};
use super::problem::{Problem, ProblemBody};
use super::render::{broken, cell, utc_date};
use super::{App, on_a_thread};
use crate::calendar::{Granularity, Zone};
use crate::engine::EngineError;
use crate::ingest::{Context, entered_rows, for_ever};
use crate::model::{Day, Intake, MAX_QUANTITY, Segment, Unmade};

const COLUMNS: [&str; 8] =
    ["date", "organizationId", "sender", "clientVersion", "result", "reason", "count", "example"];

/// What became of what was sent, by day, sender, version and reason, newest day first.
///
/// Records are counted, completed (they knew more of a call's tokens than it was counted with), duplicates, ignored (they
/// say nothing about usage) or rejected. Days are those of arrival, in UTC. The operator reads all of it, with what
/// nobody said for whom it was; an owner what is their organization's. See docs/intake.md.
#[utoipa::path(
    get, path = "/v1/intake", tag = "events",
    params(
        ("organizationId" = Option<String>, Query, description = "Only this organization's; owners have to name theirs"),
        ("from" = Option<String>, Query, description = "First day, YYYY-MM-DD in UTC; default six days before `to`"),
        ("to" = Option<String>, Query, description = "Last day, YYYY-MM-DD in UTC; default today. At most 366 days"),
        ("format" = inline(Option<TableFormat>), Query, description = "json (default) or csv (RFC 4180)"),
    ),
    responses(
        (status = 200, body = IntakeAnswer),
        (status = 304, description = "The answer is the one that If-None-Match names"),
        (status = 404, body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
pub async fn get_intake(
    State(app): State<App>,
    caller: Caller,
    RawQuery(raw): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let parameters = Parameters::parse(raw.as_deref());
    let organization_id = parameters.one("organizationId")?.map(str::to_owned);
    caller.may_read_records("the intake ledger is", organization_id.as_deref())?;
    let window = parameters.window(app.engine.now(), Granularity::Day)?;
    let csv = wants_csv(&parameters, &headers)?;
    let day = |date| Segment::of(Zone::UTC.day_start(date)).unwrap_or_default().day();
    let days = day(window.from)..day(window.to).next();
    let turn = app.questions.turn(&caller.token_id).await?;
    let asked_about = organization_id.clone();
    let bytes = on_a_thread(move || {
        let _turn = turn;
        let lines = lines(&caller, organization_id.as_deref(), csv, days)?;
        if csv { write_csv(&lines) } else { Ok(json(lines)) }
    });
    let bytes = bytes.await?;
    // Of what is answered: unlike usage it changes with every post.
    let etag = etag(&[&bytes]);
    if matches(&headers, &etag) {
        return Ok((StatusCode::NOT_MODIFIED, CACHING, [(header::ETAG, etag)]).into_response());
    }
    let kind = if csv { "text/csv; charset=utf-8" } else { "application/json" };
    let mut response =
        (CACHING, [(header::CONTENT_TYPE, kind.to_owned()), (header::ETAG, etag)], bytes).into_response();
    if csv {
        let whose = asked_about.as_deref().unwrap_or("all");
        let name = file_name::of_window(whose, "intake", &window, "csv");
        let disposition = format!("attachment; filename=\"{name}\"").parse().expect("letters, digits and dashes");
        response.headers_mut().insert(header::CONTENT_DISPOSITION, disposition);
    }
    Ok(response)
}

/// Entries of one post. Who has more says the rest in further ones.
const MAX_UNSENT: usize = 256;

/// Enters records that a program read and did not send, such as rows of a file that it refused.
///
/// An array of up to 256 entries, which stand in the ledger under the token's label and the user agent, like what is
/// sent to /v1/events. What is entered twice counts twice. For operator and ingest tokens; entries of an ingest token
/// are of its organization.
#[utoipa::path(
    post, path = "/v1/intake", tag = "events",
    request_body = Vec<UnsentBody>,
    responses(
        (status = 204, description = "They are in the ledger"),
    ),
)]
pub async fn post_intake(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    body: Result<JsonObjects<UnsentBody>, Problem>,
) -> Result<StatusCode, Problem> {
    caller.may_send()?;
    let JsonObjects(unsent) = body?;
    let found = unsent.len();
    if found > MAX_UNSENT {
        return Err(Problem::bad_request(format!("there are {found} entries; at most {MAX_UNSENT} are allowed")));
    }
    let batch = {
        let token = token_of(&caller, &headers);
        let rows = unsent.into_iter().enumerate().map(|(at, unsent)| unmade(at, unsent, token.organization_id));
        let rows = rows.collect::<Result<Vec<_>, _>>()?;
        entered_rows(rows, &Context { now: app.engine.now(), prices: &app.prices(), token, kept_since: &for_ever })
    };
    write(&app, batch, PATIENCE).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn unmade(at: usize, of: UnsentBody, bound: Option<&str>) -> Result<Unmade, Problem> {
    let UnsentBody { organization_id, result, reason, count, example } = of;
    let organization = organization_id.map(|given| id("organizationId", given)).transpose()?;
    if let (Some(given), Some(bound)) = (&organization, bound)
        && given != bound
    {
        return Err(Problem::forbidden(format!(
            "entry {at}: organizationId is '{given}', but the token is for '{bound}' only"
        )));
    }
    let result = match result {
        IntakeResult::Ignored => Intake::Ignored,
        IntakeResult::Rejected => Intake::Rejected,
        other => {
            let other = other.name();
            return Err(Problem::bad_request(format!(
                "entry {at}: result is {other}; what was not sent is ignored or rejected"
            )));
        }
    };
    if !(1..=MAX_QUANTITY).contains(&count) {
        return Err(Problem::bad_request(format!("entry {at}: count is {count}; allowed are 1 to {MAX_QUANTITY}")));
    }
    Ok(Unmade { sender: 0, organization, result, reason, count, example })
}

fn lines(
    caller: &Caller,
    organization_id: Option<&str>,
    is_table: bool,
    days: std::ops::Range<Day>,
) -> Result<Vec<IntakeBody>, Problem> {
    let mut lines: Vec<(Day, IntakeBody)> = Vec::new();
    let visit = |organization: &str, day: Day, line: crate::store::IntakeLine| {
        // Of the one that was asked about nothing else is said; tables are put together, so their rows say it.
        let of = Some(organization).filter(|of| (is_table || organization_id.is_none()) && !of.is_empty());
        let body = IntakeBody {
            date: utc_date(day),
            organization_id: of.map(str::to_owned),
            sender: line.sender.name,
            client_version: line.sender.version,
            result: IntakeResult::from(line.result),
            reason: line.reason,
            count: line.count,
            example: line.example,
        };
        lines.push((day, body));
    };
    caller.snapshot.reader.intake(organization_id, days, visit).map_err(EngineError::from)?;
    if let Some(id) = organization_id.filter(|id| lines.is_empty() && caller.directory().organization(id).is_none()) {
        return Err(Problem::not_found(format!("there is no organization '{id}'")));
    }
    lines.sort_by(|(a_day, a), (b_day, b)| {
        let of = |day: Day, line: &IntakeBody| (Reverse(day), line.organization_id.clone(), line.sender.clone());
        of(*a_day, a)
            .cmp(&of(*b_day, b))
            .then_with(|| a.client_version.cmp(&b.client_version))
            .then_with(|| a.result.cmp(&b.result))
            .then_with(|| (b.count, &a.reason).cmp(&(a.count, &b.reason)))
    });
    Ok(lines.into_iter().map(|(_, line)| line).collect())
}

fn json(intake: Vec<IntakeBody>) -> Vec<u8> {
    serde_json::to_vec(&IntakeAnswer { intake }).expect("texts and numbers serialize")
}

fn write_csv(lines: &[IntakeBody]) -> Result<Vec<u8>, Problem> {
    let mut rows = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    rows.write_record(COLUMNS).map_err(broken)?;
    for line in lines {
        let text = |text: &Option<String>| cell(text.as_deref().unwrap_or_default());
        rows.write_record([
            line.date.clone(),
            text(&line.organization_id),
            cell(&line.sender),
            text(&line.client_version),
            line.result.name().to_owned(),
            text(&line.reason),
            line.count.to_string(),
            text(&line.example),
        ])
        .map_err(broken)?;
    }
    rows.into_inner().map_err(|error| broken(error.into_error().into()))
}
