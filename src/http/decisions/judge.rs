//! Whether a call may be made: policies, budgets and keys together.

use std::borrow::Cow;
use std::sync::atomic::Ordering;

use super::tally::Line;
use super::wire::{Reason, ReasonCode, RouteBody};
use crate::budget::{Ask, Breach, Finding, Rule, breaches, route};
use crate::directory::{BudgetAction, BudgetScope, Organization, PolicyMode, Status};
use crate::http::App;
use crate::http::access::today;
use crate::http::budgets::books::{At, with_book};
use crate::http::problem::Problem;
use crate::http::render::usd;
use crate::model::{Fingerprint, UnixMs, canonical_model, provider_of};
use crate::store::{DecisionEntry, DecisionReason};

/// What a provider is called that nobody names.
pub const NO_PROVIDER: &str = "unknown";
/// How long to wait where nothing says when a budget begins anew.
const A_DAY_S: u64 = 86_400;

/// A call that somebody wants to make.
pub struct Call {
    pub organization_id: String,
    pub api_key_id: String,
    pub user_id: Option<String>,
    pub project_id: Option<String>,
    pub model: Option<String>,
    pub provider: Option<String>,
    pub call: Fingerprint,
    /// What it is told of by.
    pub decision_id: String,
    /// Picodollars and tokens.
    pub cost: i128,
    pub tokens: u64,
    pub reserve: bool,
}

/// What came of it.
pub struct Verdict {
    pub reasons: Vec<Reason>,
    /// Seconds until budgets that refuse it have begun anew.
    pub refused_for_s: Option<u64>,
    /// A policy, or a key that is not known, refuses it.
    pub is_forbidden: bool,
    pub route: Option<RouteBody>,
}

impl Verdict {
    pub fn is_allowed(&self) -> bool {
        self.refused_for_s.is_none() && !self.is_forbidden
    }
}

/// Decides on a call.
pub async fn judge(app: &App, call: Call) -> Result<Verdict, Problem> {
    let (organization_id, asked) = (call.organization_id.clone(), app.clone());
    let judged = with_book(app, &organization_id, move |accounts, at| {
        let given = call.api_key_id.as_str();
        let api_key_id = &*at.organization.map_or(Cow::Borrowed(given), |of| resolved(of, given));
        let key = at.organization.and_then(|organization| organization.api_keys.get(api_key_id));
        let project = call.project_id.as_deref().or(key.map(|key| key.project_id.as_str()));
        let person = at.organization.and_then(|of| {
            let owner = of.owner_on(api_key_id, &today(of, at.now));
            owner.or(call.user_id.as_deref().map(|user| of.person(user)))
        });
        let mut verdict = Verdict { reasons: Vec::new(), refused_for_s: None, is_forbidden: false, route: None };
        let note = |rule, id: &str, is_refused| {
            let [project_id, user_id] = [project, person].map(|id| id.map(str::to_owned));
            let line = Line { rule, id: id.to_owned(), project_id, user_id };
            asked.refusals.note(&call.organization_id, at.now, line, is_refused);
        };
        let is_in_use = key.is_some_and(|key| key.status == Status::Active);
        if !is_in_use && asked.refuses_unknown_keys.load(Ordering::Relaxed) {
            verdict.is_forbidden = true;
            let is = if key.is_some() { "was deleted" } else { "is not known here" };
            let message = format!("the API key '{api_key_id}' {is}, and such are refused");
            verdict.reasons.push(reason(ReasonCode::UnknownKey, message));
        }
        // Of an organization that there is not nobody could read it.
        let Some(organization) = at.organization else { return Ok(verdict) };
        let model = call.model.as_deref().map(canonical_model);
        let provider = provider_of(call.provider.as_deref(), call.model.as_deref().unwrap_or_default());
        let provider = (provider != NO_PROVIDER).then_some(&*provider);
        let attributes = at.directory.providers();
        for breach in breaches(organization, attributes, project, model.unwrap_or_default(), provider) {
            let is_of_models = matches!(breach.rule, Rule::AllowedModels | Rule::DeniedModels);
            if is_of_models && model.is_none() {
                continue;
            }
            let is_refused = breach.mode == PolicyMode::Enforce;
            verdict.is_forbidden |= is_refused;
            note(breach.rule.name(), breach.policy_id, is_refused);
            verdict.reasons.push(broken(&breach, model.unwrap_or_default(), provider.unwrap_or_default()));
        }
        verdict.route = route(organization, project)
            .map(|route| RouteBody { order: route.order, max_cost: route.max_cost.map(usd) });
        let ask = Ask {
            api_key_id,
            project_id: call.project_id.as_deref(),
            user_id: call.user_id.as_deref(),
            call: call.call,
            cost: call.cost,
            tokens: call.tokens,
            reserve: call.reserve && !verdict.is_forbidden,
        };
        let decided = accounts.decide(&call.organization_id, organization, ask, at.now);
        let decided =
            decided.map_err(|full| Problem::new(axum::http::StatusCode::SERVICE_UNAVAILABLE, full.to_string()))?;
        for finding in &decided.findings {
            let is_refused = finding.budget.budget.action == BudgetAction::Block;
            note("budget", &finding.budget_id, is_refused);
            if is_refused {
                let wait = seconds_until(finding.budget.span.resets_at, at);
                verdict.refused_for_s = verdict.refused_for_s.max(Some(wait));
            }
            verdict.reasons.push(exceeded(finding));
        }
        if !verdict.reasons.is_empty() {
            let entry = DecisionEntry {
                at: at.now,
                last_at: at.now,
                times: 1,
                decision_id: call.decision_id,
                is_allowed: verdict.is_allowed(),
                api_key_id: api_key_id.to_owned(),
                user_id: person.map(str::to_owned),
                project_id: project.map(str::to_owned),
                model: model.map(str::to_owned),
                provider: provider.map(str::to_owned),
                reasons: verdict.reasons.iter().map(noted).collect(),
            };
            asked.engine.note_decision(&call.organization_id, entry);
        }
        Ok(verdict)
    })
    .await?;
    app.counters.decisions.fetch_add(1, Ordering::Relaxed);
    if judged.as_ref().is_ok_and(|verdict| !verdict.is_allowed()) {
        app.counters.refused_decisions.fetch_add(1, Ordering::Relaxed);
    }
    judged
}

/// The id of the key that is meant. The digits of a hash have no case; ids do.
fn resolved<'a>(organization: &Organization, given: &'a str) -> Cow<'a, str> {
    let is_key = |id: &str| organization.api_keys.contains_key(id);
    let hash = given.split_once(':').filter(|(by, _)| by.eq_ignore_ascii_case("sha256")).map(|(_, hash)| hash);
    let Some(hash) = hash.filter(|_| !is_key(given)) else { return given.into() };
    let small = hash.to_ascii_lowercase();
    let named = format!("sha256:{small}");
    if is_key(hash) {
        hash.into()
    } else if is_key(&named) {
        named.into()
    } else {
        small.into()
    }
}

fn seconds_until(resets_at: Option<UnixMs>, at: At<'_>) -> u64 {
    resets_at.map_or(A_DAY_S, |resets| ((resets - at.now).max(0) as u64).div_ceil(1000).max(1))
}

pub fn reason(code: ReasonCode, message: String) -> Reason {
    Reason { code, message, budget_id: None, policy_id: None, resets_at: None }
}

fn noted(reason: &Reason) -> DecisionReason {
    let Reason { code, message, budget_id, policy_id, resets_at } = reason;
    DecisionReason {
        code: code.name().to_owned(),
        message: message.clone(),
        budget_id: budget_id.clone(),
        policy_id: policy_id.clone(),
        resets_at: resets_at.clone(),
    }
}

fn broken(breach: &Breach<'_>, model: &str, provider: &str) -> Reason {
    let policy = breach.policy_id;
    let message = match breach.rule {
        Rule::AllowedModels => format!("the model '{model}' is not among those that policy '{policy}' allows"),
        Rule::DeniedModels => format!("policy '{policy}' denies the model '{model}'"),
        Rule::AllowedProviders => format!("the provider '{provider}' is not among those that policy '{policy}' allows"),
        Rule::DeniedProviders => format!("policy '{policy}' denies the provider '{provider}'"),
        Rule::RequiredAttributes(needed) => {
            format!("the provider '{provider}' has not '{needed}', which policy '{policy}' requires")
        }
    };
    let code = match breach.mode {
        PolicyMode::Enforce => ReasonCode::PolicyBroken,
        PolicyMode::Observe => ReasonCode::PolicyObserved,
    };
    Reason { policy_id: Some(policy.to_owned()), ..reason(code, message) }
}

fn exceeded(finding: &Finding) -> Reason {
    let Finding { budget_id, member, budget: held, spent, reserved, estimate } = finding;
    let limit = held.budget.limit;
    let text = |amount: i128| limit.counted().text(amount);
    let of = match (&held.budget.scope, member) {
        (BudgetScope::Organization, _) => "the organization".to_owned(),
        (BudgetScope::Project(id), _) => format!("project '{id}'"),
        (BudgetScope::ApiKey(id), _) => format!("API key '{id}'"),
        (BudgetScope::Team(id), _) => format!("team '{id}'"),
        (BudgetScope::Member(Some(id)), _) | (BudgetScope::Member(None), Some(id)) => format!("member '{id}'"),
        (BudgetScope::Member(None), None) => "each member".to_owned(),
    };
    let window = match held.budget.window.name() {
        "total" => "in all".to_owned(),
        name => format!("a {name}"),
    };
    let resets_at = held.span.resets_at.map(|at| held.zone.rfc3339(at));
    let anew = resets_at.as_deref().map(|at| format!("; it begins anew at {at}")).unwrap_or_default();
    let message = format!(
        "budget '{budget_id}' allows {of} {} {window}: {} spent, {} reserved, and this call may take {}{anew}",
        text(limit.amount()),
        text(*spent),
        text(*reserved),
        text(*estimate),
    );
    let code = match held.budget.action {
        BudgetAction::Block => ReasonCode::BudgetExceeded,
        BudgetAction::Warn => ReasonCode::BudgetWarning,
    };
    Reason { budget_id: Some(budget_id.clone()), resets_at, ..reason(code, message) }
}
