//! `/v1/decisions`: whether a call may be made, for gateways that ask before they call a provider.

pub mod floods;
mod judge;
pub mod log;
pub mod tally;
pub mod wire;

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;

use self::judge::{Call, NO_PROVIDER, judge, reason};
use self::tally::{Line, Times};
use self::wire::{Decision, DecisionCount, DecisionCounts, NewDecision, ReasonCode};
use super::App;
use super::access::Caller;
use super::asked::Asked;
use super::body::JsonObject;
use super::budgets::amount;
use super::directory::id;
use super::listing;
use super::parameters::TableFormat;
use super::problem::{Problem, ProblemBody};
use crate::budget::breaches;
use crate::calendar::{Granularity, Window};
use crate::model::{
    Count, Fingerprint, Guard, Intervention, MAX_QUANTITY, Measures, PicoUsd, Segment, UnixMs, provider_of,
};
use crate::pricing::PriceBook;
use crate::query::{About, Attribution, Filter, GroupBy, QueryError, rollups};
use crate::store::InterventionLine;

/// Gateways that only look at a status.
const GATEWAYS: [&str; 4] = ["envoy", "nginx", "traefik", "caddy"];
const KEY_HEADER: &str = "x-rollcall-key";
const MODEL_HEADER: &str = "x-rollcall-model";

/// Whether a call may be made.
///
/// By every budget that it counts in and every policy that it is held to, with all events that were acknowledged. What
/// the call is estimated to take is reserved until the event with its `callId` comes, ten minutes at most; the same
/// `callId` reserves once. For ingest tokens and operators; 10,000 a second with one token.
#[utoipa::path(
    post, path = "/v1/decisions", tag = "budgets", request_body = NewDecision,
    responses(
        (status = 200, body = Decision),
        (status = 404, body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
pub async fn post_decision(
    State(app): State<App>,
    caller: Caller,
    body: Result<JsonObject<NewDecision>, Problem>,
) -> Result<Json<Decision>, Problem> {
    // Before the body: whoever may not ask learns nothing of what could be asked.
    caller.may_send()?;
    app.floods.note(&caller.token_id, app.engine.now())?;
    let JsonObject(asked) = body?;
    let named = |field, given: Option<String>| given.map(|given| id(field, given)).transpose();
    let organization_id = caller.may_ask_about_calls(asked.organization_id.as_deref())?;
    let model = id("model", asked.model)?;
    let provider = named("provider", asked.provider)?;
    for (field, tokens) in [("promptTokens", asked.prompt_tokens), ("maxCompletionTokens", asked.max_completion_tokens)]
    {
        if let Some(tokens) = tokens.filter(|tokens| *tokens > MAX_QUANTITY) {
            return Err(Problem::bad_request(format!("{field} is {tokens}; at most {MAX_QUANTITY} is allowed")));
        }
    }
    let (prompt, completion) = (asked.prompt_tokens.unwrap_or(0), asked.max_completion_tokens.unwrap_or(0));
    let given = asked.estimated_cost.map(|cost| amount("estimatedCost", &cost)).transpose();
    let cost = match given.map_err(Problem::bad_request)? {
        Some(cost) => Some(cost),
        None => price(&app.prices(), provider.as_deref(), &model, app.engine.now(), prompt, completion),
    };
    let call_id = named("callId", asked.call_id)?;
    // Whoever asks again about a call is answered under the same id.
    let decision_id = match &call_id {
        Some(call_id) => {
            Fingerprint::of(call_id).0.iter().fold("dec_".to_owned(), |id, byte| format!("{id}{byte:02x}"))
        }
        None => app.next_decision_id(),
    };
    let call = Call {
        organization_id,
        api_key_id: id("apiKeyId", asked.api_key_id)?,
        user_id: named("userId", asked.user_id)?,
        project_id: named("projectId", asked.project_id)?,
        model: Some(model),
        provider,
        call: Fingerprint::of(call_id.as_deref().unwrap_or(&decision_id)),
        decision_id: decision_id.clone(),
        cost: cost.map_or(0, |cost| cost.0),
        tokens: prompt + completion,
        reserve: true,
    };
    let unpriced = cost.is_none().then(|| {
        let model = call.model.as_deref().unwrap_or_default();
        reason(ReasonCode::UnknownPrice, format!("no price is known for the model '{model}', so its estimate is 0"))
    });
    let mut verdict = judge(&app, call).await?;
    verdict.reasons.extend(unpriced);
    Ok(Json(Decision { allowed: verdict.is_allowed(), decision_id, reasons: verdict.reasons, route: verdict.route }))
}

/// What tokens cost; `None` where no price is known.
fn price(
    book: &PriceBook,
    provider: Option<&str>,
    model: &str,
    now: UnixMs,
    prompt: u64,
    completion: u64,
) -> Option<PicoUsd> {
    if model.ends_with(":free") {
        return Some(PicoUsd::ZERO);
    }
    let mut measures = Measures::ZERO;
    for (count, value) in [
        (Count::Requests, 1),
        (Count::InputTokens, prompt),
        (Count::OutputTokens, completion),
        (Count::TotalTokens, prompt + completion),
    ] {
        measures.counts[count as usize] = value;
    }
    book.price(&provider_of(provider, model), model, now, &measures)
}

/// Whether a call may be made, for gateways that only look at a status.
///
/// 200, or 429 with `Retry-After` where a budget refuses it (seconds until it begins anew, a day where it never does), or
/// 403 where a policy does. The key comes in `X-Rollcall-Key`, the model, where it is known, in `X-Rollcall-Model`.
/// Nothing is reserved: there is no estimate, and nothing says which event is the call's. Whatever follows
/// `check/envoy/` is the path of the call, which Envoy appends.
#[utoipa::path(
    get, path = "/v1/decisions/check/{gateway}", tag = "budgets",
    params(
        ("gateway" = String, Path, pattern = "^(envoy|nginx|traefik|caddy)$", description = "The gateway that asks"),
        ("X-Rollcall-Key" = String, Header, description = "The key's id, or `sha256:` and the SHA-256 of its secret in hex"),
        ("X-Rollcall-Model" = Option<String>, Header, description = "The model, as a call would name it"),
    ),
    responses(
        (status = 200, description = "It may be made"),
        (status = 404, body = ProblemBody, content_type = "application/problem+json"),
        (status = 429, body = ProblemBody, content_type = "application/problem+json", description = "A budget refuses it; `Retry-After` says when to come back"),
    ),
)]
pub async fn check(
    state: State<App>,
    caller: Caller,
    path: Result<Path<BTreeMap<String, String>>, PathRejection>,
    headers: HeaderMap,
) -> Result<StatusCode, Problem> {
    caller.may_send()?;
    let Path(parts) = path?;
    let gateway = parts.get("gateway").map_or("envoy", String::as_str);
    if !GATEWAYS.contains(&gateway) {
        let known = GATEWAYS.join(", ");
        return Err(Problem::not_found(format!("there is no gateway '{gateway}' here; there are {known}")));
    }
    let State(app) = state;
    app.floods.note(&caller.token_id, app.engine.now())?;
    let header = |name: &str| -> Result<Option<String>, Problem> {
        // Gateways that set a header always have an empty one where they know nothing.
        let Some(value) = headers.get(name).filter(|value| !value.is_empty()) else { return Ok(None) };
        let text = value.to_str().map_err(|_| Problem::bad_request(format!("the header {name} is not ASCII")))?;
        id(name, text.to_owned()).map(Some)
    };
    let missing =
        || Problem::bad_request(format!("the header {KEY_HEADER} is missing: which API key the call is with"));
    let call = Call {
        organization_id: caller.may_ask_about_calls(None)?,
        api_key_id: header(KEY_HEADER)?.ok_or_else(missing)?,
        user_id: None,
        project_id: None,
        model: header(MODEL_HEADER)?,
        provider: None,
        call: Fingerprint::of(""),
        decision_id: app.next_decision_id(),
        cost: 0,
        tokens: 0,
        reserve: false,
    };
    let verdict = judge(&app, call).await?;
    if verdict.is_allowed() {
        return Ok(StatusCode::OK);
    }
    let why = verdict.reasons.into_iter().filter(|reason| reason.code.refuses()).map(|reason| reason.message);
    let why = why.collect::<Vec<_>>().join("; ");
    Err(match verdict.refused_for_s {
        Some(seconds) if !verdict.is_forbidden => Problem::new(StatusCode::TOO_MANY_REQUESTS, why).after(seconds),
        _ => Problem::forbidden(why),
    })
}

/// The same, for gateways that ask as they were asked.
#[utoipa::path(
    post, path = "/v1/decisions/check/{gateway}", tag = "budgets", operation_id = "check_by_post",
    params(
        ("gateway" = String, Path, pattern = "^(envoy|nginx|traefik|caddy)$", description = "The gateway that asks"),
        ("X-Rollcall-Key" = String, Header, description = "The key's id, or `sha256:` and the SHA-256 of its secret in hex"),
        ("X-Rollcall-Model" = Option<String>, Header, description = "The model, as a call would name it"),
    ),
    responses(
        (status = 200, description = "It may be made"),
        (status = 404, body = ProblemBody, content_type = "application/problem+json"),
        (status = 429, body = ProblemBody, content_type = "application/problem+json", description = "A budget refuses it; `Retry-After` says when to come back"),
    ),
)]
pub async fn check_by_post(
    state: State<App>,
    caller: Caller,
    path: Result<Path<BTreeMap<String, String>>, PathRejection>,
    headers: HeaderMap,
) -> Result<StatusCode, Problem> {
    check(state, caller, path, headers).await
}

/// What was refused, what would have been, what broke policies, and on what guardrails and content filters stepped in, by
/// rule, project and person.
///
/// What was asked is counted since the server started. What is found is usage of those days that breaks the policies as
/// they are now without having been observed when it asked, or of which its sender told that a guardrail or filter stepped in. For operators, owners and admins.
#[utoipa::path(
    get, path = "/v1/decisions/counts", tag = "budgets",
    params(
        ("organizationId" = String, Query, description = "The organization"),
        ("from" = Option<String>, Query, description = "First local day, YYYY-MM-DD; default six days before `to`"),
        ("to" = Option<String>, Query, description = "Last local day, YYYY-MM-DD; default today"),
        ("timezone" = Option<String>, Query, description = "IANA name; default UTC"),
        ("format" = inline(Option<TableFormat>), Query, description = "json (default) or csv (RFC 4180)"),
    ),
    responses(
        (status = 200, body = DecisionCounts),
        (status = 404, body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
pub async fn counts(State(app): State<App>, asked: Asked) -> Result<Response, Problem> {
    asked.caller.may_set_limits_of(&asked.organization_id)?;
    let window = asked.days()?;
    let csv = asked.wants_csv()?;
    let told = app.refusals.between(&asked.organization_id, window.start(), window.end());
    let written = asked.in_turn(move |about, out| {
        let mut counts: BTreeMap<Line, (Times, u64)> =
            told.into_iter().map(|(line, times)| (line, (times, 0))).collect();
        for (line, requests) in found(about, window)? {
            let (times, found) = counts.entry(line).or_default();
            // Those that asked, and were let through, are told already.
            *found = requests.saturating_sub(times.observed);
        }
        for (line, calls) in stepped_in(about, window)? {
            counts.entry(line).or_default().1 += calls;
        }
        counts.retain(|_, (times, found)| *times != Times::default() || *found > 0);
        let counts = counts.into_iter().map(|(line, (times, found))| DecisionCount {
            rule: line.rule.to_owned(),
            id: line.id,
            project_id: line.project_id,
            user_name: line.user_id.as_deref().map(|user| about.directory.user_label(user).to_owned()),
            user_id: line.user_id,
            refused: times.refused,
            observed: times.observed,
            found,
        });
        let answer = DecisionCounts {
            timezone: window.zone.name().to_owned(),
            from: window.from.to_string(),
            to: window.to.to_string(),
            counts: counts.collect(),
        };
        if csv {
            out.buffer.extend(listing::rows(COUNT_COLUMNS, &answer.counts)?);
            return Ok(());
        }
        out.json(&answer)
    });
    // What was refused is no commit's.
    asked.known_by_its_bytes(window, "decisions", csv, written.await?)
}

/// Calls on which guardrails and content filters stepped in, as their senders tell.
fn stepped_in(about: About<'_>, window: Window) -> Result<BTreeMap<Line, u64>, Problem> {
    let mut found: BTreeMap<Line, u64> = BTreeMap::new();
    let (Some(attribution), Some(start), Some(end)) =
        (Attribution::new(about), Segment::of(window.start()), Segment::of(window.end()))
    else {
        return Ok(found);
    };
    let mut lines = Vec::new();
    let visit = |segment, line| lines.push((segment, line));
    about.reader.interventions(about.organization_id, start..end, visit).map_err(QueryError::from)?;
    for (segment, InterventionLine { series, intervention: Intervention { guard, name }, calls }) in lines {
        let of = attribution.at(series, segment.start_ms()).map_err(QueryError::from)?;
        let [project_id, user_id] = [GroupBy::Project, GroupBy::User].map(|by| of.label(by).key.clone());
        let rule = match guard {
            Guard::Guardrail => "guardrail",
            Guard::ContentFilter => "contentFilter",
        };
        *found.entry(Line { rule, id: name, project_id, user_id }).or_default() += calls;
    }
    Ok(found)
}

const COUNT_COLUMNS: &[&str] = &["rule", "id", "projectId", "userId", "userName", "refused", "observed", "found"];

/// Requests that break policies as they are now.
fn found(about: About<'_>, window: Window) -> Result<BTreeMap<Line, u64>, Problem> {
    let mut found: BTreeMap<Line, u64> = BTreeMap::new();
    if about.organization.policies.is_empty() {
        return Ok(found);
    }
    rollups(about, window, Granularity::Month, Filter::default(), |rollup| {
        let key = |by| rollup.label(by).key.clone();
        let [project_id, user_id] = [key(GroupBy::Project), key(GroupBy::User)];
        let (model, provider) = (key(GroupBy::Model).unwrap_or_default(), key(GroupBy::Provider));
        let provider = provider.as_deref().filter(|provider| *provider != NO_PROVIDER);
        let attributes = about.directory.providers();
        for breach in breaches(about.organization, attributes, project_id.as_deref(), &model, provider) {
            let (project_id, user_id) = (project_id.clone(), user_id.clone());
            let line = Line { rule: breach.rule.name(), id: breach.policy_id.to_owned(), project_id, user_id };
            *found.entry(line).or_default() += rollup.measures.get(Count::Requests);
        }
        Ok::<_, Problem>(())
    })?;
    Ok(found)
}
