//! `GET /v1/decisions/log`: calls that were refused in the last days, or would have been, and why.

use axum::extract::State;
use axum::response::Response;

use super::wire::{DecisionLog, LoggedDecision, Reason, ReasonCode};
use crate::calendar::Zone;
use crate::directory::{Directory, Organization};
use crate::engine::EngineError;
use crate::http::access::Subject;
use crate::http::listing::{Listed, Table};
use crate::http::parameters::TableFormat;
use crate::http::problem::{Problem, ProblemBody};
use crate::http::{App, on_a_thread};
use crate::model::Fingerprint;
use crate::store::{DecisionEntry, DecisionMark, DecisionReason, damaged};

const DEFAULT_LIMIT: u64 = 100;
const MAX_LIMIT: u64 = 1000;

/// The calls that were refused, and those that budgets and policies would have refused that only warn or observe, the
/// latest first, with their reasons.
///
/// Those of the last 14 days, at most 10,000 of an organization; what is asked again within a minute is one entry. For
/// operators, owners and admins; developers see those of their own calls.
#[utoipa::path(
    get, path = "/v1/decisions/log", tag = "budgets", operation_id = "decision_log",
    params(
        ("organizationId" = String, Query, description = "The organization"),
        ("from" = Option<String>, Query, description = "First local day, YYYY-MM-DD; default the first there is"),
        ("to" = Option<String>, Query, description = "Last local day, included; default today"),
        ("timezone" = Option<String>, Query, description = "IANA name; default UTC"),
        ("limit" = Option<u64>, Query, minimum = 1, maximum = 1000, description = "Entries at most, 1 to 1000; default 100"),
        ("before" = Option<String>, Query, description = "Only entries before this one: `next` of the answer before"),
        ("after" = Option<String>, Query, description = "The same, by the name that other lists have for it"),
        ("format" = inline(Option<TableFormat>), Query, description = "json (default) or csv (RFC 4180)"),
    ),
    responses(
        (status = 200, body = DecisionLog),
        (status = 404, body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
pub async fn log(State(app): State<App>, listed: Listed) -> Result<Response, Problem> {
    let Listed { caller, parameters, .. } = &listed;
    let organization_id = parameters.required("organizationId")?.to_owned();
    caller.may_ask(&organization_id, Subject::Budgets)?;
    let (zone, time) = (parameters.zone()?, parameters.times()?);
    let limit = parameters.whole("limit", 1..=MAX_LIMIT)?.unwrap_or(DEFAULT_LIMIT) as usize;
    let mark = |name: &str| match parameters.one(name)? {
        Some(text) => read_mark(text)
            .map(Some)
            .ok_or_else(|| Problem::bad_request(format!("{name} is '{text}'; give what `next` of an answer says"))),
        None => Ok(None),
    };
    let (before, after) = (mark("before")?, mark("after")?);
    let before = before.or(after);
    let only = caller.sees_own_keys_only(&organization_id).map(str::to_owned);
    let turn = app.questions.turn(&caller.token_id).await?;
    // What was decided before this question is in its answer, unless it cannot be written: then it is told later.
    if let Some(written) = app.engine.write_decisions()? {
        written.answer().await.ok();
    }
    let snapshot = app.engine.snapshot();
    let log = on_a_thread(move || {
        let _turn = turn;
        let Some(organization) = snapshot.directory.organization(&organization_id) else {
            return Err(Problem::not_found(format!("there is no organization '{organization_id}'")));
        };
        let is_seen = |entry: &DecisionEntry| {
            only.as_ref().is_none_or(|of| entry.user_id.as_ref().is_some_and(|id| organization.person(id) == of))
        };
        let (mut found, mut last) = (Vec::new(), None);
        let mut is_more = false;
        let visit = |entry: DecisionEntry| {
            if !is_seen(&entry) {
                return true;
            }
            is_more = found.len() == limit;
            if !is_more {
                last = Some(entry.mark());
                found.push(entry);
            }
            !is_more
        };
        snapshot.reader.decisions(&organization_id, time, before, visit).map_err(EngineError::from)?;
        let logged = |entry| logged(&snapshot.directory, organization, zone, entry);
        let entries = found.into_iter().map(logged).collect::<Result<_, EngineError>>()?;
        Ok(DecisionLog { entries, next: last.filter(|_| is_more).map(written_mark) })
    });
    let log = log.await?;
    listed.answer(&TABLE, &log, &log.entries)
}

const TABLE: Table = Table {
    name: "decisions",
    columns: &[
        "at",
        "lastAt",
        "times",
        "decisionId",
        "allowed",
        "apiKeyId",
        "userId",
        "userName",
        "projectId",
        "model",
        "provider",
        "reasons.code",
        "reasons.budgetId",
        "reasons.policyId",
    ],
};

fn logged(
    directory: &Directory,
    organization: &Organization,
    zone: Zone,
    entry: DecisionEntry,
) -> Result<LoggedDecision, EngineError> {
    let person = entry.user_id.as_deref().map(|id| organization.person(id).to_owned());
    Ok(LoggedDecision {
        at: zone.rfc3339(entry.at),
        last_at: zone.rfc3339(entry.last_at),
        times: entry.times,
        decision_id: entry.decision_id,
        allowed: entry.is_allowed,
        api_key_id: entry.api_key_id,
        user_name: person.as_deref().map(|id| directory.user_label(id).to_owned()),
        user_id: person,
        project_id: entry.project_id,
        model: entry.model,
        provider: entry.provider,
        reasons: entry.reasons.into_iter().map(reason).collect::<Result<_, _>>()?,
    })
}

fn reason(noted: DecisionReason) -> Result<Reason, EngineError> {
    let DecisionReason { code, message, budget_id, policy_id, resets_at } = noted;
    let known = ReasonCode::ALL.iter().find(|(name, _)| *name == code);
    let (_, code) = known.ok_or_else(|| damaged(format!("a decision for the reason '{code}'")))?;
    Ok(Reason { code: *code, message, budget_id, policy_id, resets_at })
}

/// Where to go on, in hexadecimal: when the entry began, and what tells it apart.
fn written_mark(DecisionMark { at, told_apart }: DecisionMark) -> String {
    told_apart.0.iter().fold(format!("{at:016x}"), |text, byte| text + &format!("{byte:02x}"))
}

fn read_mark(text: &str) -> Option<DecisionMark> {
    let is_hex = text.len() == 40 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let (at, told_apart) = is_hex.then(|| text.split_at(16))?;
    let mut bytes = [0; 12];
    for (byte, pair) in bytes.iter_mut().zip(told_apart.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(DecisionMark { at: i64::from_str_radix(at, 16).ok()?, told_apart: Fingerprint(bytes) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_read_as_it_was_written_and_nothing_else_is() {
        let mark = DecisionMark { at: 1_792_836_000_000, told_apart: Fingerprint::of("a") };
        assert_eq!(read_mark(&written_mark(mark)), Some(mark));
        for wrong in ["", "1", &"g".repeat(40), &"f".repeat(40), &"0".repeat(41), &"é".repeat(20)] {
            assert_eq!(read_mark(wrong), None, "{wrong}");
        }
    }
}
