//! `GET /v1/audit`: who did what.

pub mod wire;

use axum::Json;
use axum::extract::{RawQuery, State};

use self::wire::{AuditAnswer, AuditEntryBody};
use super::access::Caller;
use super::parameters::Parameters;
use super::problem::{Problem, ProblemBody};
use super::{App, on_a_thread};
use crate::calendar::rfc3339_utc;
use crate::directory::Organization;
use crate::engine::EngineError;
use crate::store::{AuditEntry, AuditHead};

const DEFAULT_LIMIT: u64 = 100;
const MAX_LIMIT: u64 = 1000;
/// Entries looked at for one answer. One that is about little of the log may have fewer than it could.
const LOOKED_AT: u64 = 100_000;

/// Who did what, newest first.
///
/// The operator reads all of it; an owner what is their organization's, and what its members did with their own tokens.
#[utoipa::path(
    get, path = "/v1/audit", tag = "audit",
    params(
        ("organizationId" = Option<String>, Query, description = "Only this organization's; owners have to name theirs"),
        ("limit" = Option<u64>, Query, description = "Entries at most, 1 to 1000; default 100"),
        ("before" = Option<u64>, Query, description = "Only entries before this number: `next` of the answer before"),
    ),
    responses(
        (status = 200, body = AuditAnswer),
        (status = 400, body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
pub async fn get_audit(
    State(app): State<App>,
    caller: Caller,
    RawQuery(raw): RawQuery,
) -> Result<Json<AuditAnswer>, Problem> {
    let parameters = Parameters::parse(raw.as_deref());
    let organization_id = parameters.one("organizationId")?;
    caller.may_read_records("the audit log is", organization_id)?;
    let limit = parameters.whole("limit", 1..=MAX_LIMIT)?.unwrap_or(DEFAULT_LIMIT) as usize;
    let before = parameters.whole("before", 1..=u64::MAX)?.unwrap_or(u64::MAX);
    let organization_id = organization_id.map(str::to_owned);
    let turn = app.questions.turn(&caller.token_id).await?;
    let answer = on_a_thread(move || {
        let _turn = turn;
        let organization = organization_id.as_deref().map(|id| (id, caller.directory().organization(id).map(|o| &**o)));
        let mut answer = AuditAnswer { entries: Vec::new(), next: None };
        let mut looked_at = 0;
        caller
            .snapshot
            .reader
            .audit(before, |head, entry| {
                if answer.entries.len() == limit || looked_at == LOOKED_AT {
                    return false;
                }
                looked_at += 1;
                answer.next = (head.sequence > 1).then_some(head.sequence);
                if organization.is_none_or(|(id, organization)| is_of(&entry, id, organization)) {
                    answer.entries.push(body(&head, entry));
                }
                true
            })
            .map_err(EngineError::from)?;
        Ok::<_, Problem>(answer)
    });
    answer.await.map(Json)
}

/// Whether an entry is one of an organization's: about it, or about a token of one of its members.
fn is_of(entry: &AuditEntry, id: &str, organization: Option<&Organization>) -> bool {
    match (&entry.organization_id, &entry.user_id) {
        (Some(of), _) => of == id,
        (None, Some(user)) => organization.is_some_and(|o| o.active_member(user).is_some()),
        (None, None) => false,
    }
}

fn body(head: &AuditHead, entry: AuditEntry) -> AuditEntryBody {
    AuditEntryBody {
        sequence: head.sequence,
        at: rfc3339_utc(entry.at),
        actor: entry.actor,
        action: entry.action,
        target: entry.target,
        organization_id: entry.organization_id,
        user_id: entry.user_id,
        detail: entry.detail,
        result: entry.refusal.unwrap_or_else(|| "ok".to_owned()),
        hash: head.hash_hex(),
    }
}
