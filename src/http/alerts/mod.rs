//! `/v1/alerts`: what somebody wants to hear of, and when they would have.

pub mod digest;
pub mod hosts;
mod reading;
pub mod wire;
pub mod words;

use std::collections::BTreeSet;

use axum::Json;
use axum::extract::State;
use axum::response::Response;

use self::reading::firings;
pub use self::reading::{Watched, days_now, fired};
use self::wire::{
    AlertAnswer, AlertBody, AlertList, Alerts, ChannelName, FiredBody, NewRehearsal, RecipientAnswer, RecipientBody,
    Rehearsal,
};
use self::words::{Named, message};
use super::access::{Caller, Subject, today};
use super::body::JsonObject;
use super::budgets::{budget_update, is_theirs};
use super::directory::id;
use super::directory::wire::DirectoryAnswer;
use super::listing::{ListParameters, Listed, Table};
use super::parameters::date;
use super::problem::{Problem, ProblemBody};
use super::questions::in_time;
use super::render::usd;
use super::{App, on_a_thread};
use crate::budget;
use crate::calendar::{Date, Granularity, Window};
use crate::directory::{
    ALERTS, Alert, AlertUpdate, Change, Channel, Directory, Organization, Recipient, RecipientUpdate, SigningSecret,
};
use crate::engine::{EngineError, Note};
use crate::model::{PicoUsd, UnixMs};
use crate::query::{About, Viewer};

/// Who is told of one alert.
const RECIPIENTS: usize = 10;
/// Longer URLs are no addresses; what providers of chats give out has some hundred characters.
const MAX_URL: usize = 2048;
/// RFC 5321 has no longer ones.
const MAX_ADDRESS: usize = 254;
/// The largest threshold, in its unit.
const MAX_THRESHOLD: PicoUsd = PicoUsd(1_000_000_000 * 1_000_000_000_000);
/// Days up to which somebody is looked at hour by hour, where there may be very many.
const HOURLY_DAYS: i64 = 31;
/// What an alert is called in a rehearsal that gives it no name.
const UNNAMED: &str = "rehearsal";

/// Merges alerts, by id; what is absent stays. All of it is taken, or none.
///
/// For operators, and for owners and admins of the organization that each is of. Operators may name any address; the
/// others those on the internet, or the hosts that the operator allows them.
#[utoipa::path(
    put, path = "/v1/alerts", tag = "budgets", request_body = Alerts,
    responses(
        (status = 200, body = DirectoryAnswer),
        (status = 404, body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
pub async fn put_alerts(
    State(app): State<App>,
    caller: Caller,
    body: Result<JsonObject<Alerts>, Problem>,
) -> Result<Json<DirectoryAnswer>, Problem> {
    caller.may_set_limits()?;
    let JsonObject(Alerts { alerts }) = body?;
    if alerts.len() > ALERTS {
        let given = alerts.len();
        return Err(Problem::bad_request(format!("there are {given} alerts; at most {ALERTS} are allowed")));
    }
    for alert in &alerts {
        caller.may_set_limits_of(&alert.organization_id)?;
    }
    let updates = alerts.into_iter().map(|alert| update(&app, &caller, alert)).collect::<Result<_, _>>()?;
    let note = Note { user_id: caller.user_id().map(str::to_owned), ..Note::new(&caller.token_id, "alert-change") };
    let outcome = app.engine.audited(Change::PutAlerts(updates), note)?.answer().await?;
    Ok(Json(DirectoryAnswer { written: outcome.changed }))
}

/// The alerts of an organization, by id.
///
/// For operators and members; developers see those about the budgets of their keys and their own. Secrets are never
/// answered.
#[utoipa::path(
    get, path = "/v1/alerts", tag = "budgets",
    params(("organizationId" = String, Query, description = "The organization"), ListParameters),
    responses(
        (status = 200, body = AlertList),
        (status = 404, body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
pub async fn get_alerts(listed: Listed) -> Result<Response, Problem> {
    let caller = &listed.caller;
    let organization_id = listed.parameters.required("organizationId")?;
    let organization = caller.may_ask(organization_id, Subject::Budgets)?;
    let only = caller.sees_own_keys_only(organization_id).map(str::to_owned);
    let only = only.map(|user_id| Viewer { user_id, today: today(organization, caller.now) });
    let is_seen = |alert: &Alert| only.as_ref().is_none_or(|viewer| concerns(organization, alert, viewer));
    let alerts = organization.alerts.iter().filter(|(_, alert)| is_seen(alert));
    let answer = |(id, alert): (&String, &Alert)| AlertAnswer {
        id: id.clone(),
        organization_id: organization_id.to_owned(),
        kind: alert.kind.into(),
        budget_id: alert.budget_id.clone(),
        threshold: alert.threshold.map(usd),
        to: alert.to.iter().map(|to| recipient(to, only.is_none())).collect(),
        status: alert.status.into(),
    };
    let (alerts, next) = listed.part(alerts.map(answer))?;
    let list = AlertList { alerts, next };
    listed.answer(&TABLE, &list, &list.alerts)
}

const TABLE: Table = Table {
    name: "alerts",
    columns: &["id", "organizationId", "kind", "budgetId", "threshold", "to.kind", "to.url", "to.address", "status"],
};

/// When an alert would have fired on the usage that is stored.
///
/// By the rules that decide what is sent. A window counts from its own beginning, also where that is before `from`. Of an
/// alert on a budget that blocks, 100% is when calls would have been refused. For operators, owners and admins.
#[utoipa::path(
    post, path = "/v1/alerts/rehearse", tag = "budgets", request_body = NewRehearsal,
    responses(
        (status = 200, body = Rehearsal),
        (status = 404, body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
pub async fn rehearse(
    State(app): State<App>,
    caller: Caller,
    body: Result<JsonObject<NewRehearsal>, Problem>,
) -> Result<Json<Rehearsal>, Problem> {
    caller.may_set_limits()?;
    let JsonObject(NewRehearsal { mut alert, budget, from, to }) = body?;
    if alert.id.is_empty() {
        UNNAMED.clone_into(&mut alert.id);
    }
    caller.may_set_limits_of(&alert.organization_id)?;
    let days = (date("from", &from)?, date("to", &to)?);
    let (organization_id, alert_id) = (alert.organization_id.clone(), alert.id.clone());
    // As if it were written: what it is merged with and held to is the same.
    let mut directory: Directory = caller.directory().clone();
    let mut apply = |change| directory.apply(change).map_err(EngineError::Change);
    if let Some(mut budget) = budget {
        budget.organization_id.clone_from(&organization_id);
        apply(Change::PutBudgets(vec![budget_update(budget)?]))?;
    }
    apply(Change::PutAlerts(vec![update(&app, &caller, alert)?]))?;
    let turn = app.questions.turn(&caller.token_id).await?;
    let (snapshot, now) = (app.engine.snapshot(), app.engine.now());
    let rehearsed = on_a_thread(move || {
        let _turn = turn;
        let organization = directory.organization(&organization_id).expect("an alert was entered there");
        let (reader, dictionary) = (&snapshot.reader, &*snapshot.dictionary);
        let (directory, organization) = (&directory, &**organization);
        let about = About { reader, dictionary, directory, organization_id: &organization_id, organization };
        let alert = organization.alerts.get(&alert_id).expect("it was entered");
        rehearsed(about, alert, days, now)
    });
    Ok(Json(Rehearsal { fired: in_time(rehearsed).await? }))
}

fn rehearsed(
    about: About<'_>,
    alert: &Alert,
    (from, to): (Date, Date),
    now: UnixMs,
) -> Result<Vec<FiredBody>, Problem> {
    let watched = Watched::of(about.organization, alert);
    let zone = watched.zone;
    let window = Window::new(zone, from, to, Granularity::Day);
    let window = window.map_err(|error| Problem::bad_request(error.to_string()))?;
    let is_of_many = watched.is_of_many(alert);
    let granularity = if is_of_many && window.days() > HOURLY_DAYS { Granularity::Day } else { Granularity::Hour };
    let named =
        Named { directory: about.directory, budget_id: alert.budget_id.as_deref(), budget: watched.budget, zone };
    let fired = firings(about, alert, (from, to), granularity)?;
    // What is told of a week is told after it.
    let fired = fired.iter().filter(|firing| firing.at <= now && firing.at < window.end());
    Ok(fired.map(|firing| fired_body(named, firing)).collect())
}

fn fired_body(named: Named<'_>, firing: &budget::Firing) -> FiredBody {
    let mut body = FiredBody {
        at: named.zone.rfc3339(firing.at),
        percent: firing.percent,
        user_id: None,
        model: None,
        api_key_id: None,
        message: message(named, firing),
    };
    match &firing.subject {
        budget::Subject::All => {}
        budget::Subject::Member(id) => body.user_id = Some(id.clone()),
        budget::Subject::Model(id) => body.model = Some(id.clone()),
        budget::Subject::ApiKey(id) => body.api_key_id = Some(id.clone()),
    }
    body
}

/// Checks an alert and turns it into an update.
fn update(app: &App, caller: &Caller, body: AlertBody) -> Result<AlertUpdate, Problem> {
    let alert_id = id("alerts[].id", body.id)?;
    let organization_id = id("alerts[].organizationId", body.organization_id)?;
    let wrong = |what: String| Problem::bad_request(format!("{what} (alert '{alert_id}')"));
    let known = caller.directory().organization(&organization_id).and_then(|of| of.alerts.get(&alert_id));
    let to = body.to.map(|to| recipients(app, caller, known, to).map_err(&wrong)).transpose()?;
    let threshold = body.threshold.map(|given| match given.get() {
        "null" => Ok(None),
        raw => threshold(raw).map(Some).map_err(&wrong),
    });
    let budget_id = body.budget_id.map(|given| given.map(|budget| id("budgetId", budget)).transpose());
    Ok(AlertUpdate {
        kind: body.kind.map(Into::into),
        budget_id: budget_id.transpose()?,
        threshold: threshold.transpose()?,
        to,
        status: body.status.map(Into::into),
        id: alert_id,
        organization_id,
    })
}

fn threshold(raw: &str) -> Result<i128, String> {
    let text = raw.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(raw);
    let parsed = PicoUsd::parse_sum(text).ok().filter(|threshold| *threshold <= MAX_THRESHOLD);
    let wrong = || format!("threshold is {raw}; it must be a decimal from 0 to {MAX_THRESHOLD}");
    parsed.map(|threshold| threshold.0).ok_or_else(wrong)
}

fn recipients(
    app: &App,
    caller: &Caller,
    known: Option<&Alert>,
    to: Vec<RecipientBody>,
) -> Result<Vec<RecipientUpdate>, String> {
    if to.len() > RECIPIENTS {
        return Err(format!("to has {} recipients; at most {RECIPIENTS} are allowed", to.len()));
    }
    let by_operator = caller.user_id().is_none();
    let mut seen = BTreeSet::new();
    let mut updates = Vec::with_capacity(to.len());
    for body in to {
        let channel = channel(&body)?;
        let is_webhook = matches!(channel, Channel::Webhook(_));
        // Where somebody may write to does not change by reading it and handing it in again.
        let was_allowed = known.is_some_and(|alert| alert.to.iter().any(|to| to.by_operator && to.channel == channel));
        if body.url.is_some() && !was_allowed {
            let host = channel.host();
            app.alert_hosts()
                .check(channel.address(), by_operator)
                .map_err(|why| format!("to.url at '{host}': {why}"))?;
        }
        if !seen.insert(channel.clone()) {
            return Err(format!("to has {channel:?} twice"));
        }
        let secret = match body.secret {
            Some(Some(_)) if !is_webhook => {
                return Err(format!("to.secret is for webhooks; {} has none", channel.kind()));
            }
            Some(Some(text)) => Some(Some(SigningSecret::parse(&text).ok_or_else(SigningSecret::expected)?)),
            Some(None) => Some(None),
            None => None,
        };
        updates.push(RecipientUpdate { channel, secret, by_operator });
    }
    Ok(updates)
}

fn channel(body: &RecipientBody) -> Result<Channel, String> {
    let is_email = body.kind == ChannelName::Email;
    match (&body.url, &body.address) {
        (None, Some(address)) if is_email => {
            let is_printed = |c: char| c.is_ascii_graphic() && !matches!(c, '<' | '>' | ',' | ';' | ':' | '"');
            let parts =
                address.split_once('@').filter(|(of, at)| !of.is_empty() && !at.is_empty() && !at.contains('@'));
            if parts.is_none() || address.len() > MAX_ADDRESS || !address.chars().all(is_printed) {
                return Err(format!("to.address is '{address}'; it must be an address such as ada@example.com"));
            }
            Ok(Channel::Email(address.clone()))
        }
        (Some(url), None) if !is_email => {
            if url.len() > MAX_URL {
                return Err(format!("to.url has {} characters; at most {MAX_URL} are allowed", url.len()));
            }
            Ok(match body.kind {
                ChannelName::Slack => Channel::Slack(url.clone()),
                ChannelName::Discord => Channel::Discord(url.clone()),
                _ => Channel::Webhook(url.clone()),
            })
        }
        _ if is_email => Err("to of kind email needs an address, and no url".to_owned()),
        _ => Err("to of kind webhook, slack and discord needs a url, and no address".to_owned()),
    }
}

fn recipient(to: &Recipient, with_address: bool) -> RecipientAnswer {
    let shown = with_address.then(|| to.channel.address().to_owned());
    let (kind, is_email) = match to.channel {
        Channel::Webhook(_) => (ChannelName::Webhook, false),
        Channel::Slack(_) => (ChannelName::Slack, false),
        Channel::Discord(_) => (ChannelName::Discord, false),
        Channel::Email(_) => (ChannelName::Email, true),
    };
    let (url, address) = if is_email { (None, shown) } else { (shown, None) };
    let signed = (kind == ChannelName::Webhook && with_address).then_some(to.secret.is_some());
    RecipientAnswer { kind, url, address, signed }
}

/// Whether an alert is about a budget that somebody sees.
fn concerns(organization: &Organization, alert: &Alert, viewer: &Viewer) -> bool {
    let budget = alert.budget_id.as_ref().and_then(|id| organization.budgets.get(id));
    budget.is_some_and(|budget| is_theirs(organization, &budget.scope, viewer))
}
