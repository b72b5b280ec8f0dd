//! `/v1/budgets`: limits on what is used, and where each stands.

pub mod books;
mod forecasts;
pub mod wire;

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use serde_json::value::RawValue;

use self::books::with_book;
use self::forecasts::Wanted;
use self::wire::{
    BudgetAnswer, BudgetBody, BudgetList, Budgets, LimitAnswer, LimitBody, MemberStanding, ScopeBody, ScopeKind,
};
use super::access::{Caller, Subject, today};
use super::body::JsonObject;
use super::directory::id;
use super::directory::wire::DirectoryAnswer;
use super::listing::{ListParameters, Listed, Table};
use super::parameters::date;
use super::problem::{Problem, ProblemBody};
use super::questions::in_time;
use super::render::usd;
use super::{App, on_a_thread};
use crate::budget::Standing;
use crate::calendar::Zone;
use crate::directory::{BUDGETS, BudgetScope, BudgetUpdate, Change, Counted, Directory, Limit, Organization};
use crate::engine::Note;
use crate::model::PicoUsd;
use crate::query::{About, Viewer};

/// The largest limits: a hundred thousand times what an event can be.
const MAX_COST: PicoUsd = PicoUsd(100_000 * PicoUsd::MAX_EVENT.0);
const MAX_COUNT: u64 = 1_000_000_000_000_000_000;
/// Percentages of one budget, and the largest of them.
const PERCENTS: usize = 20;
const MAX_PERCENT: u32 = 1000;

/// Merges budgets, by id; what is absent stays. All of it is taken, or none.
///
/// For operators, and for owners and admins of the organization that each is of.
#[utoipa::path(
    put, path = "/v1/budgets", tag = "budgets", request_body = Budgets,
    responses(
        (status = 200, body = DirectoryAnswer),
        (status = 404, body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
pub async fn put_budgets(
    State(app): State<App>,
    caller: Caller,
    body: Result<JsonObject<Budgets>, Problem>,
) -> Result<Json<DirectoryAnswer>, Problem> {
    caller.may_set_limits()?;
    let JsonObject(Budgets { budgets }) = body?;
    if budgets.len() > BUDGETS {
        return Err(Problem::bad_request(format!(
            "there are {} budgets; at most {BUDGETS} are allowed",
            budgets.len()
        )));
    }
    for budget in &budgets {
        caller.may_set_limits_of(&budget.organization_id)?;
    }
    let updates = budgets.into_iter().map(budget_update).collect::<Result<_, _>>()?;
    let note = Note { user_id: caller.user_id().map(str::to_owned), ..Note::new(&caller.token_id, "budget-change") };
    let outcome = app.engine.audited(Change::PutBudgets(updates), note)?.answer().await?;
    Ok(Json(DirectoryAnswer { written: outcome.changed }))
}

/// Where the budgets of an organization stand, by id: what is spent, reserved and left, in the limit's unit.
///
/// What is spent is what activity says of the same days, up to the last event that was acknowledged. For operators and
/// members; developers see the budgets of their keys and their own, and of a default what is theirs.
#[utoipa::path(
    get, path = "/v1/budgets", tag = "budgets",
    params(
        ("organizationId" = String, Query, description = "The organization"),
        ListParameters,
        ("forecast" = Option<bool>, Query, description = "Whether to say as well what will be spent when each begins anew; default false"),
    ),
    responses(
        (status = 200, body = BudgetList),
        (status = 404, body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
pub async fn get_budgets(State(app): State<App>, listed: Listed) -> Result<Response, Problem> {
    let caller = &listed.caller;
    let organization_id = listed.parameters.required("organizationId")?.to_owned();
    let with_forecast = listed.parameters.choice("forecast", &[("true", true), ("false", false)])?.unwrap_or_default();
    caller.may_ask(&organization_id, Subject::Budgets)?;
    let only = caller.sees_own_keys_only(&organization_id).map(str::to_owned);
    let name = organization_id.clone();
    let standings = with_book(&app, &organization_id, move |accounts, at| {
        let Some(organization) = at.organization else { return Vec::new() };
        let standings = accounts.standings(&name, organization, at.now);
        let only = only.map(|user_id| Viewer { user_id, today: today(organization, at.now) });
        let answer = |standing: Standing| {
            let held = standing.budget.clone();
            Some((held, answer(&name, at.directory, organization, standing, only.as_ref())?))
        };
        standings.into_iter().filter_map(answer).collect()
    });
    let (asked_for, next) = listed.part(standings.await?.into_iter())?;
    let (held, mut budgets): (Vec<_>, Vec<_>) = asked_for.into_iter().unzip();
    if with_forecast {
        let turn = app.questions.turn(&caller.token_id).await?;
        let (snapshot, now) = (app.engine.snapshot(), app.engine.now());
        let foreseen = on_a_thread(move || {
            let _turn = turn;
            if let Some(organization) = snapshot.directory.organization(&organization_id) {
                let (reader, dictionary, directory) = (&snapshot.reader, &*snapshot.dictionary, &*snapshot.directory);
                let about = About { reader, dictionary, directory, organization_id: &organization_id, organization };
                let members = |budget: &BudgetAnswer| {
                    let ids = budget.members.as_ref()?.iter().map(|member| Some(member.user_id.clone()));
                    Some(ids.collect())
                };
                let wanted = held.into_iter().zip(&budgets);
                let wanted: Vec<Wanted> =
                    wanted.map(|(held, budget)| Wanted { held, members: members(budget) }).collect();
                forecasts::fill(about, &wanted, &mut budgets, now).map_err(Problem::from)?;
            }
            Ok::<_, Problem>(budgets)
        });
        budgets = in_time(foreseen).await?;
    }
    let list = BudgetList { budgets, next };
    listed.answer(&TABLE, &list, &list.budgets)
}

const TABLE: Table = Table {
    name: "budgets",
    columns: &[
        "id",
        "organizationId",
        "scope.kind",
        "scope.id",
        "limit.cost",
        "limit.requests",
        "limit.tokens",
        "window",
        "timezone",
        "action",
        "percent",
        "from",
        "to",
        "status",
        "spent",
        "reserved",
        "remaining",
        "resetsAt",
    ],
};

/// Checks a budget and turns it into an update.
pub fn budget_update(body: BudgetBody) -> Result<BudgetUpdate, Problem> {
    let id_of = id("budgets[].id", body.id)?;
    let wrong = |what: String| Problem::bad_request(format!("{what} (budget '{id_of}')"));
    let dated = |name: &'static str, given: Option<Option<String>>| {
        let checked =
            |text: String| date(name, &text).map(|date| date.to_string()).map_err(|problem| wrong(problem.detail));
        given.map(|given| given.map(checked).transpose()).transpose()
    };
    let zone = |name: String| {
        let unknown = || wrong(format!("timezone '{name}' is unknown; use an IANA name such as Europe/Paris"));
        Zone::named(&name).map(|zone| zone.name().to_owned()).ok_or_else(unknown)
    };
    Ok(BudgetUpdate {
        organization_id: id("budgets[].organizationId", body.organization_id)?,
        scope: body.scope.map(scope).transpose().map_err(|problem| wrong(problem.detail))?,
        limit: body.limit.map(limit).transpose().map_err(wrong)?,
        window: body.window.map(Into::into),
        timezone: body.timezone.map(|name| name.map(zone).transpose()).transpose()?,
        action: body.action.map(Into::into),
        percent: body.percent.map(percent).transpose().map_err(wrong)?,
        from: dated("from", body.from)?,
        to: dated("to", body.to)?,
        status: body.status.map(Into::into),
        id: id_of,
    })
}

fn scope(ScopeBody { kind, id: of }: ScopeBody) -> Result<BudgetScope, Problem> {
    let of = of.map(|of| id("scope.id", of)).transpose()?;
    let named = |of: Option<String>| {
        of.ok_or_else(|| Problem::bad_request(format!("scope.id is missing: which {} is meant", kind.name())))
    };
    match kind {
        ScopeKind::Organization => match of {
            None => Ok(BudgetScope::Organization),
            Some(of) => Err(Problem::bad_request(format!("scope.id is '{of}'; a scope of kind organization has none"))),
        },
        ScopeKind::Project => Ok(BudgetScope::Project(named(of)?)),
        ScopeKind::Member => Ok(BudgetScope::Member(of)),
        ScopeKind::ApiKey => Ok(BudgetScope::ApiKey(named(of)?)),
        ScopeKind::Team => Ok(BudgetScope::Team(named(of)?)),
    }
}

fn limit(LimitBody { cost, requests, tokens }: LimitBody) -> Result<Limit, String> {
    let whole = |field: &str, value: &RawValue| {
        let raw = value.get();
        let number = raw.parse::<u64>().ok().filter(|number| *number <= MAX_COUNT);
        number.ok_or_else(|| format!("limit.{field} is {raw}; it must be a whole number from 0 to {MAX_COUNT}"))
    };
    match (cost, requests, tokens) {
        (Some(cost), None, None) => amount("limit.cost", &cost).map(|cost| Limit::Cost(cost.0)),
        (None, Some(requests), None) => whole("requests", &requests).map(Limit::Requests),
        (None, None, Some(tokens)) => whole("tokens", &tokens).map(Limit::Tokens),
        _ => Err("limit has to have one of cost, requests and tokens".to_owned()),
    }
}

/// An amount of US dollars, as a number or as text.
pub fn amount(field: &str, value: &RawValue) -> Result<PicoUsd, String> {
    let raw = value.get();
    let text = raw.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(raw);
    let amount = PicoUsd::parse_sum(text).ok().filter(|amount| *amount <= MAX_COST);
    let digits = text.split(['e', 'E']).next().unwrap_or_default();
    if amount == Some(PicoUsd::ZERO) && digits.bytes().any(|digit| (b'1'..=b'9').contains(&digit)) {
        return Err(format!("{field} is {raw}, which is less than the 0.000000000001 US dollars that are counted"));
    }
    amount.ok_or_else(|| format!("{field} is {raw}; it must be a decimal from 0 to {MAX_COST}, in US dollars"))
}

fn percent(mut percent: Vec<u32>) -> Result<Vec<u32>, String> {
    if percent.len() > PERCENTS {
        return Err(format!("percent has {} values; at most {PERCENTS} are allowed", percent.len()));
    }
    if let Some(wrong) = percent.iter().find(|percent| !(1..=MAX_PERCENT).contains(*percent)) {
        return Err(format!("percent has {wrong}; allowed are 1 to {MAX_PERCENT}"));
    }
    percent.sort_unstable();
    percent.dedup();
    Ok(percent)
}

/// Whether a budget is somebody's own, each member's, or one of a key that is theirs.
pub fn is_theirs(organization: &Organization, scope: &BudgetScope, viewer: &Viewer) -> bool {
    match scope {
        BudgetScope::Organization | BudgetScope::Project(_) | BudgetScope::Team(_) => false,
        BudgetScope::Member(None) => true,
        BudgetScope::Member(Some(id)) => organization.person(id) == viewer.user_id,
        BudgetScope::ApiKey(id) => organization.owner_on(id, &viewer.today) == Some(&*viewer.user_id),
    }
}

/// How a budget stands, unless it is not for `only` to see.
fn answer(
    organization_id: &str,
    directory: &Directory,
    organization: &Organization,
    standing: Standing,
    only: Option<&Viewer>,
) -> Option<BudgetAnswer> {
    let Standing { budget_id, budget: held, mut spent, mut reserved, mut members } = standing;
    let budget = &held.budget;
    if let Some(viewer) = only {
        let holds = |members: &Vec<(String, i128, i128)>| members.iter().any(|(id, ..)| *id == viewer.user_id);
        if !is_theirs(organization, &budget.scope, viewer) || !members.as_ref().is_none_or(holds) {
            return None;
        }
        if let Some(members) = &mut members {
            members.retain(|(id, ..)| *id == viewer.user_id);
            (spent, reserved) = members.iter().fold((0, 0), |sum, (_, a, b)| (sum.0 + a, sum.1 + b));
        }
    }
    let (counted, limit) = (budget.limit.counted(), budget.limit.amount());
    let left = |spent: i128, reserved: i128| (limit - spent - reserved).max(0);
    // Of a default that is what is left to whoever has least.
    let remaining = match &members {
        Some(members) => members.iter().map(|(_, spent, reserved)| left(*spent, *reserved)).min().unwrap_or(limit),
        None => left(spent, reserved),
    };
    let members = members.map(|members| {
        let member = |(user_id, spent, reserved): (String, i128, i128)| MemberStanding {
            name: directory.user_label(&user_id).to_owned(),
            spent: written(counted, spent),
            reserved: written(counted, reserved),
            remaining: written(counted, left(spent, reserved)),
            expected: None,
            user_id,
        };
        members.into_iter().map(member).collect()
    });
    let (kind, of) = match &budget.scope {
        BudgetScope::Organization => (ScopeKind::Organization, None),
        BudgetScope::Project(id) => (ScopeKind::Project, Some(id.clone())),
        BudgetScope::Member(id) => (ScopeKind::Member, id.clone()),
        BudgetScope::ApiKey(id) => (ScopeKind::ApiKey, Some(id.clone())),
        BudgetScope::Team(id) => (ScopeKind::Team, Some(id.clone())),
    };
    Some(BudgetAnswer {
        id: budget_id,
        organization_id: organization_id.to_owned(),
        scope: ScopeBody { kind, id: of },
        limit: match budget.limit {
            Limit::Cost(picos) => LimitAnswer { cost: Some(usd(picos)), ..LimitAnswer::default() },
            Limit::Requests(requests) => LimitAnswer { requests: Some(requests), ..LimitAnswer::default() },
            Limit::Tokens(tokens) => LimitAnswer { tokens: Some(tokens), ..LimitAnswer::default() },
        },
        window: budget.window.into(),
        timezone: held.zone.name().to_owned(),
        action: budget.action.into(),
        percent: budget.percent.clone(),
        from: budget.from.clone(),
        to: budget.to.clone(),
        status: budget.status.into(),
        spent: written(counted, spent),
        reserved: written(counted, reserved),
        remaining: written(counted, remaining),
        resets_at: held.span.resets_at.map(|at| held.zone.rfc3339(at)),
        forecast: None,
        members,
    })
}

/// An amount in the unit of what is counted.
pub fn written(counted: Counted, amount: i128) -> Box<RawValue> {
    match counted {
        Counted::Cost => usd(amount),
        Counted::Requests | Counted::Tokens => {
            RawValue::from_string(amount.to_string()).expect("a whole number is JSON")
        }
    }
}
