//! `GET /v1/audit`: who did what.

pub mod wire;

use std::ops::Range;

use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};

use self::wire::{AuditAnswer, AuditEntryBody};
use super::access::Caller;
use super::asked::{CACHING, wants_csv};
use super::parameters::{Parameters, TableFormat};
use super::problem::Problem;
use super::render::{broken, cell, csv_writer};
use super::{App, stream};
use crate::calendar::rfc3339_utc;
use crate::directory::{Directory, Organization};
use crate::engine::EngineError;
use crate::model::UnixMs;
use crate::store::{AuditEntry, AuditHead};

const DEFAULT_LIMIT: u64 = 100;
const MAX_LIMIT: u64 = 1000;
/// Entries looked at for one page. One that is about little of the log may have fewer than it could.
const LOOKED_AT: u64 = 100_000;

const COLUMNS: [&str; 14] = [
    "sequence",
    "at",
    "actor",
    "actorName",
    "action",
    "target",
    "targetName",
    "organizationId",
    "organizationName",
    "userId",
    "userName",
    "detail",
    "result",
    "hash",
];

/// Who did what, newest first.
///
/// The operator reads all of it; an owner what is their organization's, and what its members did with their own tokens.
/// As CSV it is all of that at once, unless `limit` says otherwise.
#[utoipa::path(
    get, path = "/v1/audit", tag = "audit",
    params(
        ("organizationId" = Option<String>, Query, description = "Only this organization's; owners have to name theirs"),
        ("from" = Option<String>, Query, description = "First local day, YYYY-MM-DD; default the first there is"),
        ("to" = Option<String>, Query, description = "Last local day, included; default today"),
        ("timezone" = Option<String>, Query, description = "IANA name; default UTC"),
        ("userId" = Option<String>, Query, description = "Only what this person did, and what was done to them or their tokens"),
        ("limit" = Option<u64>, Query, minimum = 1, maximum = 1000, description = "Entries at most, 1 to 1000; default 100"),
        ("before" = Option<u64>, Query, minimum = 1, description = "Only entries before this number: `next` of the answer before"),
        ("after" = Option<u64>, Query, minimum = 1, description = "The same, by the name that other lists have for it"),
        ("format" = inline(Option<TableFormat>), Query, description = "json (default) or csv (RFC 4180)"),
    ),
    responses(
        (status = 200, body = AuditAnswer),
    ),
)]
pub async fn get_audit(
    State(app): State<App>,
    caller: Caller,
    RawQuery(raw): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let parameters = Parameters::parse(raw.as_deref());
    let organization_id = parameters.one("organizationId")?;
    caller.may_read_records("the audit log is", organization_id)?;
    let csv = wants_csv(&parameters, &headers)?;
    let given = parameters.whole("limit", 1..=MAX_LIMIT)?;
    let after = parameters.whole("after", 1..=u64::MAX)?;
    let before = parameters.whole("before", 1..=u64::MAX)?.or(after).unwrap_or(u64::MAX);
    let asked = Asked {
        organization_id: organization_id.map(str::to_owned),
        user_id: parameters.one("userId")?.map(str::to_owned),
        times: parameters.times()?,
    };
    let turn = app.questions.turn(&caller.token_id).await?;
    let written = stream::body(move |out| {
        let _turn = turn;
        if !csv {
            let answer = answer(&caller, &asked, before, given.unwrap_or(DEFAULT_LIMIT) as usize)?;
            serde_json::to_writer(&mut out.buffer, &answer).expect("texts and numbers serialize");
            return Ok(());
        }
        let mut rows = csv_writer(out);
        rows.write_record(COLUMNS).map_err(broken)?;
        let (mut left, mut failed) = (given.unwrap_or(u64::MAX), None);
        each(&caller, &asked, before, |entry| {
            left -= 1;
            failed = rows.write_record(row(entry)).err();
            failed.is_none() && left > 0
        })?;
        failed.map_or(Ok(()), |error| Err(broken(error)))?;
        rows.flush().map_err(|error| broken(error.into()))
    });
    let written = written.await?;
    let kind = if csv { "text/csv; charset=utf-8" } else { "application/json" };
    let mut response = (CACHING, [(header::CONTENT_TYPE, kind)], Body::from(written)).into_response();
    if csv {
        let disposition = HeaderValue::from_static("attachment; filename=\"audit.csv\"");
        response.headers_mut().insert(header::CONTENT_DISPOSITION, disposition);
    }
    Ok(response)
}

/// Which entries are meant.
struct Asked {
    organization_id: Option<String>,
    user_id: Option<String>,
    times: Range<UnixMs>,
}

/// A page of the entries that are meant.
fn answer(caller: &Caller, asked: &Asked, before: u64, limit: usize) -> Result<AuditAnswer, Problem> {
    let mut answer = AuditAnswer { entries: Vec::new(), next: None };
    let mut looked_at = 0;
    visit(caller, before, |head, entry| {
        if answer.entries.len() == limit || looked_at == LOOKED_AT {
            return false;
        }
        looked_at += 1;
        answer.next = (head.sequence > 1).then_some(head.sequence);
        if asked.means(&entry, caller.directory()) {
            answer.entries.push(body(&head, entry, caller.directory()));
        }
        true
    })?;
    Ok(answer)
}

/// Every entry that is meant, for as long as `take` says so.
fn each(
    caller: &Caller,
    asked: &Asked,
    before: u64,
    mut take: impl FnMut(AuditEntryBody) -> bool,
) -> Result<(), Problem> {
    let directory = caller.directory();
    visit(caller, before, |head, entry| !asked.means(&entry, directory) || take(body(&head, entry, directory)))
}

fn visit(caller: &Caller, before: u64, visit: impl FnMut(AuditHead, AuditEntry) -> bool) -> Result<(), Problem> {
    Ok(caller.snapshot.reader.audit(before, visit).map_err(EngineError::from)?)
}

impl Asked {
    fn means(&self, entry: &AuditEntry, directory: &Directory) -> bool {
        let is_of = |id: &String| is_of(entry, id, directory.organization(id).map(|of| &**of));
        let is_about = |person: &String| {
            let tokens =
                [&entry.actor, &entry.target].map(|id| directory.token(id).and_then(|token| token.grant.user_id()));
            let people = [entry.user_id.as_deref(), Some(entry.target.as_str())];
            people.iter().chain(&tokens).flatten().any(|id| id == person)
        };
        self.times.contains(&entry.at)
            && self.organization_id.as_ref().is_none_or(is_of)
            && self.user_id.as_ref().is_none_or(is_about)
    }
}

/// Whether an entry is one of an organization's: about it, or about a token of one of its members.
fn is_of(entry: &AuditEntry, id: &str, organization: Option<&Organization>) -> bool {
    match (&entry.organization_id, &entry.user_id) {
        (Some(of), _) => of == id,
        (None, Some(user)) => organization.is_some_and(|o| o.active_member(user).is_some()),
        (None, None) => false,
    }
}

/// What a token or a user is called: that of a token is whose it is, else its label.
fn name(directory: &Directory, id: &str) -> Option<String> {
    let named = |user: &str| directory.user(user).and_then(|user| user.name.clone().or_else(|| user.email.clone()));
    match directory.token(id) {
        Some(token) => token
            .grant
            .user_id()
            .and_then(named)
            .or_else(|| Some(token.label.clone()).filter(|label| !label.is_empty())),
        None => named(id),
    }
}

fn body(head: &AuditHead, entry: AuditEntry, directory: &Directory) -> AuditEntryBody {
    let organization = entry.organization_id.as_deref().and_then(|id| directory.organization(id));
    AuditEntryBody {
        sequence: head.sequence,
        at: rfc3339_utc(entry.at),
        actor_name: name(directory, &entry.actor),
        actor: entry.actor,
        action: entry.action,
        target_name: name(directory, &entry.target),
        target: entry.target,
        organization_name: organization.and_then(|of| of.profile.name.clone()),
        organization_id: entry.organization_id,
        user_name: entry.user_id.as_deref().and_then(|id| name(directory, id)),
        user_id: entry.user_id,
        detail: entry.detail,
        result: entry.refusal.unwrap_or_else(|| "ok".to_owned()),
        hash: head.hash_hex(),
    }
}

fn row(entry: AuditEntryBody) -> [String; 14] {
    let optional = |text: Option<String>| cell(&text.unwrap_or_default());
    [
        entry.sequence.to_string(),
        entry.at,
        cell(&entry.actor),
        optional(entry.actor_name),
        entry.action,
        cell(&entry.target),
        optional(entry.target_name),
        optional(entry.organization_id),
        optional(entry.organization_name),
        optional(entry.user_id),
        optional(entry.user_name),
        cell(&entry.detail),
        cell(&entry.result),
        entry.hash,
    ]
}
