//! `/v1/closings`: months that stay as they were handed over. Their statements are in `statement`.

mod page;
pub mod statement;
pub mod wire;

use std::sync::PoisonError;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;

use self::wire::{ClosingBody, ClosingList, NewClosing};
use super::access::Caller;
use super::body::JsonObject;
use super::directory::id;
use super::listing::{ListParameters, Listed, Table};
use super::problem::{Problem, ProblemBody};
use super::{App, on_a_thread};
use crate::calendar::{Window, Zone, rfc3339_utc};
use crate::directory::Organization;
use crate::engine::{Engine, EngineError, Note};
use crate::ledger::{self, Month};
use crate::model::UnixMs;
use crate::query::About;
use crate::store::{Closing, Reader, Reopening, StoreError};

/// Closes a local month: its figures are kept as they are, by every dimension.
///
/// For operators, and for owners and admins of the organization. Usage goes on as ever; what comes of the month later
/// stands as adjustments on the statement of the first month that is open. See docs/closing.md.
#[utoipa::path(
    post, path = "/v1/closings", tag = "closing", request_body = NewClosing,
    responses(
        (status = 201, body = ClosingBody),
        (status = 404, body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
pub async fn post_closing(
    State(app): State<App>,
    caller: Caller,
    body: Result<JsonObject<NewClosing>, Problem>,
) -> Result<(StatusCode, Json<ClosingBody>), Problem> {
    caller.may_set_limits()?;
    let JsonObject(NewClosing { organization_id, month, timezone }) = body?;
    let organization_id = id("organizationId", organization_id)?;
    caller.may_close(&organization_id)?;
    let (actor, user_id) = (caller.token_id.clone(), caller.user_id().map(str::to_owned));
    // The caller's snapshot would keep pages from being free.
    drop(caller);
    let closing = on_a_thread(move || {
        // What is repriced on the way would be of no reason.
        let _one = app.repricing.lock().unwrap_or_else(PoisonError::into_inner);
        close_month(&app.engine, NewClosing { organization_id, month, timezone }, actor, user_id)
    });
    closing.await.map(|closing| (StatusCode::CREATED, Json(closing)))
}

/// Checks what is asked for and closes a month. Nothing may be repriced on the way.
pub fn close_month(
    engine: &Engine,
    NewClosing { organization_id, month, timezone }: NewClosing,
    actor: String,
    user_id: Option<String>,
) -> Result<ClosingBody, Problem> {
    let (snapshot, at) = (engine.snapshot(), engine.now());
    let organization = snapshot.directory.organization(&organization_id);
    let organization =
        organization.ok_or_else(|| Problem::not_found(format!("there is no organization '{organization_id}'")))?;
    let about = About {
        reader: &snapshot.reader,
        dictionary: &snapshot.dictionary,
        directory: &snapshot.directory,
        organization_id: &organization_id,
        organization,
    };
    let month = parse_month(&month)?;
    let zone = zone_of(organization, timezone.as_deref())?;
    if month.end(zone) > at {
        let (end, zone) = (zone.rfc3339(month.end(zone)), zone.name());
        return Err(Problem::bad_request(format!("month {month} is not over in {zone}: it ends at {end}")));
    }
    let window = window(month, zone)?;
    let closings = about.reader.closings(Some(&organization_id)).map_err(EngineError::from)?;
    if let Some(known) = closings.iter().find(|closing| closing.month == month.number) {
        let (id, when) = (&known.id, rfc3339_utc(known.at));
        let told = format!("month {month} was closed at {when} ({id}); reopen that to close it again");
        return Err(Problem::new(StatusCode::CONFLICT, told));
    }
    let kept_since = engine.kept_since(&organization_id).unwrap_or(UnixMs::MIN);
    if window.start() < kept_since {
        let since = Zone::UTC.date_at(kept_since);
        return Err(Problem::bad_request(format!(
            "month {month} cannot be closed: organization '{organization_id}' keeps usage since {since} only"
        )));
    }
    let (closed, days) = ledger::freeze(about, month, &window)?;
    let totals = closed.totals().map_err(|overflow| EngineError::from(StoreError::from(overflow)))?;
    drop(snapshot);
    let mut random = [0; 8];
    getrandom::fill(&mut random).expect("the operating system has random bytes");
    let (id, month) = (format!("closing_{:016x}", u64::from_be_bytes(random)), month.number);
    let timezone = zone.name().to_owned();
    let closing = Closing { id, organization_id, month, timezone, days, at, actor, user_id, totals };
    let (body, note) = (body_of(&closing), note(&closing, &closing.actor, closing.user_id.clone(), "month-close"));
    engine.close(closing, &closed, note)?;
    Ok(body)
}

/// The closed months of an organization, or of all that the caller may close months of.
///
/// For operators, and for owners and admins.
#[utoipa::path(
    get, path = "/v1/closings", tag = "closing",
    params(("organizationId" = Option<String>, Query, description = "Only of this organization"), ListParameters),
    responses(
        (status = 200, body = ClosingList),
        (status = 404, body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
pub async fn get_closings(listed: Listed) -> Result<Response, Problem> {
    let (caller, only) = (&listed.caller, listed.parameters.one("organizationId")?);
    match only {
        Some(organization_id) => caller.may_close(organization_id)?,
        None => caller.may_set_limits()?,
    }
    let closings = caller.snapshot.reader.closings(only).map_err(EngineError::from)?;
    let theirs = closings.iter().filter(|closing| caller.may_close(&closing.organization_id).is_ok());
    let (closings, next) = listed.part(theirs.map(body_of))?;
    let list = ClosingList { closings, next };
    listed.answer(&TABLE, &list, &list.closings)
}

const TABLE: Table =
    Table { name: "closings", columns: &["id", "organizationId", "month", "timezone", "closedAt", "closedBy"] };

/// One closed month.
///
/// For operators, and for owners and admins of its organization.
#[utoipa::path(
    get, path = "/v1/closings/{id}", tag = "closing",
    params(("id" = String, Path, description = "The closing")),
    responses(
        (status = 200, body = ClosingBody),
        (status = 404, body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
pub async fn get_closing(
    caller: Caller,
    path: Result<Path<String>, PathRejection>,
) -> Result<Json<ClosingBody>, Problem> {
    let Path(id) = path?;
    find(&caller, &id).map(|closing| Json(body_of(&closing)))
}

/// Opens a closed month again. Its statement is a draft from then on, and says that it was closed.
///
/// For operators, and for owners and admins of its organization. Not while a later closed month has adjustments of it on
/// its statement: reopen that first.
#[utoipa::path(
    delete, path = "/v1/closings/{id}", tag = "closing",
    params(("id" = String, Path, description = "The closing")),
    responses(
        (status = 204, description = "The month is open"),
        (status = 404, body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
pub async fn delete_closing(
    State(app): State<App>,
    caller: Caller,
    path: Result<Path<String>, PathRejection>,
) -> Result<StatusCode, Problem> {
    let Path(id) = path?;
    find(&caller, &id)?;
    let (actor, user_id) = (caller.token_id.clone(), caller.user_id().map(str::to_owned));
    drop(caller);
    let reopened = on_a_thread(move || {
        // Another closing may be about to fix what came of it.
        let _one = app.repricing.lock().unwrap_or_else(PoisonError::into_inner);
        reopen_month(&app.engine, &id, actor, user_id)
    });
    reopened.await.map(|()| StatusCode::NO_CONTENT)
}

/// Opens a closed month again, if no later one rests on it. No other may be closed on the way.
pub fn reopen_month(engine: &Engine, id: &str, actor: String, user_id: Option<String>) -> Result<(), Problem> {
    let (snapshot, at) = (engine.snapshot(), engine.now());
    let reader = &snapshot.reader;
    let closing = reader.closings(None).map_err(EngineError::from)?.into_iter().find(|closing| closing.id == id);
    let closing = closing.ok_or_else(|| unknown(id))?;
    let month = Month::of(&closing);
    let conflict = |why: String| Err(Problem::new(StatusCode::CONFLICT, why));
    for later in reader.closings(Some(&closing.organization_id)).map_err(EngineError::from)? {
        let (lines, names) = reader.fixed(&later).map_err(EngineError::from)?;
        let is_of_it = |of: u32| of == closing.month;
        if lines.iter().any(|line| is_of_it(line.month)) || names.iter().any(|name| is_of_it(name.month)) {
            let (later, id) = (Month::of(&later), &later.id);
            return conflict(format!(
                "month {month} has adjustments on the statement of {later}, which is closed ({id}); reopen that first"
            ));
        }
    }
    let (_, removed) = reader.since_closed(&closing).map_err(EngineError::from)?;
    if !removed.is_empty() {
        return conflict(format!(
            "usage of month {month} was removed as too old: what it was is known from its closing alone"
        ));
    }
    drop(snapshot);
    let note = note(&closing, &actor, user_id.clone(), "month-reopen");
    Ok(engine.reopen(Reopening { closing, at, actor, user_id }, note)?)
}

pub fn parse_month(text: &str) -> Result<Month, Problem> {
    let wrong = || format!("month is '{text}'; it must be a month as YYYY-MM, such as 2026-10");
    Month::parse(text).ok_or_else(|| Problem::bad_request(wrong()))
}

/// The zone of this name, else the organization's own.
fn zone_of(organization: &Organization, given: Option<&str>) -> Result<Zone, Problem> {
    let Some(name) = given else { return Ok(Zone::home(organization.profile.timezone.as_deref())) };
    Zone::named(name).ok_or_else(|| {
        Problem::bad_request(format!("timezone '{name}' is unknown; use an IANA name such as Europe/Paris or UTC"))
    })
}

/// The zone whose days a closing has, which may be asked for by its name.
pub fn zone_of_closing(closing: &Closing, given: Option<&str>) -> Result<Zone, Problem> {
    let month = Month::of(closing);
    if let Some(other) = given.filter(|given| !given.eq_ignore_ascii_case(&closing.timezone)) {
        let zone = &closing.timezone;
        return Err(Problem::bad_request(format!("timezone is '{other}', but month {month} was closed in {zone}")));
    }
    Zone::named(&closing.timezone).ok_or_else(|| {
        let zone = &closing.timezone;
        Problem::bad_request(format!("month {month} was closed in {zone}, which the zone rules in use do not know"))
    })
}

fn window(month: Month, zone: Zone) -> Result<Window, Problem> {
    month.window(zone).map_err(|error| Problem::bad_request(error.to_string()))
}

/// A closing that the caller may know of. Others learn no more than that there is none.
fn find(caller: &Caller, id: &str) -> Result<Closing, Problem> {
    caller.may_set_limits()?;
    let closings = caller.snapshot.reader.closings(None).map_err(EngineError::from)?;
    let found = closings.into_iter().find(|closing| closing.id == id);
    found.filter(|closing| caller.may_close(&closing.organization_id).is_ok()).ok_or_else(|| unknown(id))
}

/// A closing of an organization.
pub fn find_of(reader: &Reader, organization_id: &str, id: &str) -> Result<Closing, Problem> {
    let closings = reader.closings(Some(organization_id)).map_err(EngineError::from)?;
    closings.into_iter().find(|closing| closing.id == id).ok_or_else(|| unknown(id))
}

fn unknown(id: &str) -> Problem {
    Problem::not_found(format!("there is no closing '{id}'"))
}

fn who(closing: &Closing) -> &str {
    closing.user_id.as_deref().unwrap_or(&closing.actor)
}

fn body_of(closing: &Closing) -> ClosingBody {
    ClosingBody {
        id: closing.id.clone(),
        organization_id: closing.organization_id.clone(),
        month: Month::of(closing).to_string(),
        timezone: closing.timezone.clone(),
        closed_at: rfc3339_utc(closing.at),
        closed_by: who(closing).to_owned(),
    }
}

fn note(closing: &Closing, actor: &str, user_id: Option<String>, action: &'static str) -> Note {
    Note {
        target: closing.id.clone(),
        organization_id: Some(closing.organization_id.clone()),
        user_id,
        detail: format!("{} in {}", Month::of(closing), closing.timezone),
        ..Note::new(actor, action)
    }
}
