//! People who sign in elsewhere: how that is set, and what the directory is told of them.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use axum::http::{Extensions, HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::App;
use super::attempts::Source;
use super::connections::Peer;
use super::problem::Problem;
use crate::calendar::Zone;
use crate::directory::{Change, Directory, GroupRule, Introduction, Stranger};
use crate::engine::{Note, UNKNOWN};
use crate::model::UnixMs;
use crate::signin::{Fault, Groups, Provider, Proxy, Visitor};

/// How long a session lasts at most, unless it is set otherwise.
const SESSION_DAYS: i64 = 30;
/// How long it lasts without being used.
const IDLE_DAYS: i64 = 7;
const DAY_MS: i64 = 86_400_000;
/// How often the audit log is told that somebody comes by the proxy: nobody signs in or out there that is known here.
const PROXY_MS: i64 = DAY_MS / 2;
/// People who are remembered for that.
const REMEMBERED: usize = 100_000;

/// How people sign in, besides with tokens.
pub struct SignInSettings {
    pub providers: Vec<Arc<Provider>>,
    pub proxy: Option<Proxy>,
    /// How long a session lasts, and how long without being used.
    pub lasts_ms: i64,
    pub idle_ms: i64,
    /// Where browsers find this server, if their requests do not say so.
    pub public_url: Option<String>,
    /// When the audit log was told last that somebody came by the proxy.
    told: Mutex<HashMap<String, UnixMs>>,
}

impl Default for SignInSettings {
    fn default() -> SignInSettings {
        SignInSettings::new(SESSION_DAYS * DAY_MS, IDLE_DAYS * DAY_MS)
    }
}

impl SignInSettings {
    /// With tokens alone, and with sessions that last so long, and so long without being used.
    pub fn new(lasts_ms: i64, idle_ms: i64) -> SignInSettings {
        let told = Mutex::default();
        SignInSettings { providers: Vec::new(), proxy: None, lasts_ms, idle_ms, public_url: None, told }
    }

    pub fn with(self, providers: Vec<Arc<Provider>>, proxy: Option<Proxy>, public_url: Option<String>) -> Self {
        SignInSettings { providers, proxy, public_url, ..self }
    }

    /// Whether people sign in by a provider only.
    pub fn enforces(&self) -> bool {
        self.providers.iter().any(|provider| provider.enforces())
    }

    /// Who may sign in nevertheless, and how the others do.
    pub fn only_by_providers(&self) -> Problem {
        let enforcing = self.providers.iter().filter(|provider| provider.enforces());
        let names: Vec<String> = enforcing.map(|provider| format!("'{}'", provider.name())).collect();
        Problem::forbidden(format!(
            "people sign in by {} here; a user token is for programs, in the header Authorization",
            names.join(" or ")
        ))
    }

    /// The provider that is named; without a name the only one.
    pub fn provider(&self, name: Option<&str>) -> Result<&Arc<Provider>, Problem> {
        let names = || self.providers.iter().map(|one| format!("'{}'", one.name())).collect::<Vec<_>>().join(", ");
        match (name, &self.providers[..]) {
            (_, []) => Err(Problem::not_found("nobody signs in by a provider here; see --oidc of 'serve'")),
            (None, [only]) => Ok(only),
            (None, _) => Err(Problem::bad_request(format!("the parameter provider is missing; there are {}", names()))),
            (Some(name), all) => all
                .iter()
                .find(|one| one.name() == name)
                .ok_or_else(|| Problem::not_found(format!("there is no provider '{name}'; there are {}", names()))),
        }
    }

    /// What groups give by all that is set, which holds for provisioned ones as well.
    pub fn group_rules(&self) -> Arc<[GroupRule]> {
        let by_providers = self.providers.iter().flat_map(|provider| provider.rules());
        by_providers.chain(self.proxy.iter().flat_map(Proxy::rules)).cloned().collect()
    }

    /// Whether the audit log has yet to be told that somebody comes by the proxy.
    fn tells_of(&self, who: &str, now: UnixMs) -> bool {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.get(who).is_some_and(|at| now - at < PROXY_MS) {
            return false;
        }
        if told.len() >= REMEMBERED {
            told.clear();
        }
        told.insert(who.to_owned(), now);
        true
    }
}

/// A sign-in that came to nothing.
pub struct Refused {
    /// What the page makes a text of.
    pub code: &'static str,
    pub problem: Problem,
}

impl Refused {
    pub fn new(code: &'static str, status: StatusCode, detail: impl Into<String>) -> Refused {
        Refused { code, problem: Problem::new(status, detail) }
    }

    /// For a person the page that says why, for a program the problem.
    pub fn response(self, headers: &HeaderMap) -> Response {
        let accepts = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
        if !accepts.contains("text/html") {
            return self.problem.into_response();
        }
        let to = HeaderValue::from_str(&format!("/?refused={}", self.code)).expect("codes are letters");
        (StatusCode::SEE_OTHER, [(header::LOCATION, to)]).into_response()
    }
}

impl From<Fault> for Refused {
    fn from(fault: Fault) -> Refused {
        match &fault {
            Fault::Down { .. } => Refused::new("down", StatusCode::SERVICE_UNAVAILABLE, fault.to_string()),
            Fault::Refused { .. } => Refused::new("provider", StatusCode::FORBIDDEN, fault.to_string()),
        }
    }
}

impl From<Problem> for Refused {
    fn from(problem: Problem) -> Refused {
        Refused { code: "failed", problem }
    }
}

fn stranger(visitor: &Visitor, stranger: Stranger) -> Refused {
    let code = match (stranger, &visitor.groups) {
        (Stranger::NoGroup, Groups::Incomplete(why)) => {
            return Refused::new("groupsCutOff", StatusCode::FORBIDDEN, why.clone());
        }
        (Stranger::NoGroup, Groups::Known(_)) => "group",
        (Stranger::Unknown, _) => "unknown",
        (Stranger::Unverified, _) => "unverified",
        (Stranger::Ambiguous, _) => "ambiguous",
        (Stranger::Taken, _) => "taken",
    };
    Refused::new(code, StatusCode::FORBIDDEN, stranger.to_string())
}

/// What the directory is told of a visitor.
fn introduction(
    visitor: &Visitor,
    rules: &[GroupRule],
    may_be_new: bool,
    directory: &Directory,
    now: UnixMs,
) -> Introduction {
    let grants = visitor.grants(rules);
    let before = directory.linked(&visitor.identity).map(|linked| linked.organizations.clone()).unwrap_or_default();
    let today = |id: &String| {
        let zone = directory.organization(id).and_then(|of| of.profile.timezone.clone());
        (id.clone(), Zone::home(zone.as_deref()).date_at(now).to_string())
    };
    let days: BTreeMap<String, String> = before.iter().chain(grants.keys()).map(today).collect();
    Introduction {
        identity: visitor.identity.clone(),
        name: visitor.name.clone(),
        verified_email: visitor.verified_email().map(str::to_owned),
        may_be_new,
        grants,
        days,
    }
}

/// Enters a visitor with what their groups give, and says who they are. Where all of that is so already, nothing is
/// written.
pub async fn enter(
    app: &App,
    visitor: &Visitor,
    rules: &[GroupRule],
    may_be_new: bool,
    actor: &str,
) -> Result<String, Refused> {
    let snapshot = app.engine.snapshot();
    let introduction = introduction(visitor, rules, may_be_new, &snapshot.directory, app.engine.now());
    if let Some(user_id) = snapshot.directory.as_introduced(&introduction) {
        return Ok(user_id.to_owned());
    }
    let person = snapshot.directory.recognize(&introduction).map_err(|why| stranger(visitor, why))?;
    let note = Note {
        target: person.user_id().to_owned(),
        user_id: Some(person.user_id().to_owned()),
        ..Note::new(actor, "account-update")
    };
    let entered = app.engine.audited(Change::Introduce(introduction), note).map_err(Problem::from)?;
    entered.answer().await.map_err(Problem::from)?;
    let snapshot = app.engine.snapshot();
    let linked = snapshot.directory.linked(&visitor.identity);
    Ok(linked.map_or_else(|| person.user_id().to_owned(), |linked| linked.user_id.clone()))
}

/// Who comes by the trusted proxy, if a request does; what they may not do without its saying so is not asked yet.
pub fn by_proxy<'a>(
    app: &'a App,
    headers: &HeaderMap,
    extensions: &Extensions,
) -> Result<Option<(&'a Proxy, Visitor)>, Problem> {
    let Some((proxy, peer)) = app.sign_in().proxy.as_ref().zip(extensions.get::<Peer>()) else { return Ok(None) };
    let visitor = proxy.visitor(peer.address, headers);
    let visitor = visitor.map_err(|why| Problem::unauthorized(format!("the proxy that signs people in: {why}")))?;
    Ok(visitor.map(|visitor| (proxy, visitor)))
}

/// The actor of what somebody does who comes by the proxy.
pub fn proxy_actor(user_id: &str) -> String {
    format!("proxy:{user_id}")
}

/// Enters who comes by the proxy.
pub async fn enter_by_proxy(app: &App, proxy: &Proxy, visitor: &Visitor, source: Source) -> Result<String, Problem> {
    match enter(app, visitor, proxy.rules(), proxy.welcomes(), "proxy").await {
        Ok(user_id) => {
            if app.sign_in().tells_of(visitor.identity.subject(), app.engine.now()) {
                let note = Note {
                    target: user_id.clone(),
                    user_id: Some(user_id.clone()),
                    detail: format!("by the proxy as '{}', from {source}", visitor.identity.subject()),
                    ..Note::new(&proxy_actor(&user_id), "sign-in")
                };
                app.engine.note(note)?.answer().await?;
            }
            Ok(user_id)
        }
        Err(refused) => {
            let who = format!("by the proxy as '{}'", visitor.identity.subject());
            note_failure(app, source, &who, &refused.problem).await?;
            Err(refused.problem)
        }
    }
}

/// Writes a failed sign-in to the audit log, unless it would be one of too many.
pub async fn note_failure(app: &App, source: Source, how: &str, problem: &Problem) -> Result<(), Problem> {
    if app.engine.following().is_some() {
        // The audit log is the node's.
        return Ok(());
    }
    let Some(unwritten) = app.attempts.may_write_failure(app.engine.now()) else { return Ok(()) };
    let more = if unwritten > 0 { format!("; {unwritten} failures before it were not written") } else { String::new() };
    let how = if how.is_empty() { String::new() } else { format!("{how}, ") };
    let note = Note {
        detail: format!("{how}from {source}{more}"),
        refusal: Some(problem.detail.clone()),
        ..Note::new(UNKNOWN, "sign-in")
    };
    app.engine.note(note)?.answer().await?;
    Ok(())
}
