//! Who is asking, and what they may see. Every decision about access is made in this file.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum_extra::extract::CookieJar;

use super::App;
use super::attempts::Source;
use super::nearest::refuse_unknown;
use super::problem::Problem;
use super::signed_cookie::Opened;
use super::visitors::{by_proxy, enter_by_proxy, proxy_actor};
use crate::calendar::Zone;
use crate::directory::{
    Change, Directory, DirectoryUpdate, Grant, Organization, Plan, Project, Role, Session, SignedIn, Status, Token,
    View,
};
use crate::engine::{Note, Snapshot};
use crate::model::UnixMs;

/// Name of the session cookie.
pub const SESSION_COOKIE: &str = "rollcall_session";
/// A header that no other site can make a browser send: requests with a cookie that change something need it.
pub const CSRF_HEADER: &str = "x-rollcall-request";

/// Tokens of an organization up to which its owners may make more.
const TOKENS: usize = 10_000;

/// Whoever holds a valid token or session, with the directory as it was when they asked.
pub struct Caller {
    pub grant: Grant,
    /// Of who signed in elsewhere, the session's id, or by a proxy their own.
    pub token_id: String,
    /// Where a cookie is what they hold.
    pub session: Option<OwnSession>,
    pub snapshot: Arc<Snapshot>,
    /// When they asked.
    pub now: UnixMs,
}

/// The session that a request is of.
pub struct OwnSession {
    pub id: String,
    /// What whoever signed in should know about it.
    pub notice: Option<String>,
}

/// Whom a request is made for inside this process: somebody whose token was read before. Nothing that comes over a
/// connection can carry it.
#[derive(Clone)]
pub struct Known {
    pub grant: Grant,
    /// What turns are counted by and the audit log names.
    pub token_id: String,
}

impl Known {
    /// Someone who has the store's files anyway.
    pub fn operator() -> Known {
        Known { grant: Grant::Operator, token_id: String::new() }
    }
}

impl FromRequestParts<App> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Caller, Problem> {
        let (snapshot, now) = (app.engine.snapshot(), app.engine.now());
        if let Some(Known { grant, token_id }) = parts.extensions.get::<Known>().cloned() {
            refuse_unknown(parts, app)?;
            return Ok(Caller { grant, token_id, session: None, snapshot, now });
        }
        let source = Source::of(&parts.headers, &parts.extensions);
        let unknown = || Problem::unauthorized("the access token or session is unknown, revoked or expired");
        let by_token = parts.headers.contains_key(header::AUTHORIZATION).then(|| {
            let secret = bearer(&parts.headers).ok_or_else(unknown)?;
            let found = app.attempts.token(&snapshot.directory, secret, source, now);
            found.map(|(id, token)| (id.to_owned(), token.grant.clone(), token.is_used_anew(now)))
        });
        if let Some(Ok((id, grant, is_used_anew))) = by_token {
            if let Grant::Scim { .. } = grant {
                return Err(only_provisions());
            }
            // After the token: strangers learn nothing of what there is.
            refuse_unknown(parts, app)?;
            if is_used_anew {
                // Nobody waits for that, and where it cannot be written the next use tells it.
                drop(app.engine.change(Change::UseToken { id: id.clone(), now }));
            }
            return Ok(Caller { grant, token_id: id, session: None, snapshot, now });
        }
        // What a proxy has in this header is its own affair.
        if let Some((proxy, visitor)) = by_proxy(app, &parts.headers, &parts.extensions)? {
            require_own_page(parts)?;
            let user_id = enter_by_proxy(app, proxy, &visitor, source).await?;
            refuse_unknown(parts, app)?;
            let (token_id, snapshot) = (proxy_actor(&user_id), app.engine.snapshot());
            return Ok(Caller { grant: Grant::User { user_id }, token_id, session: None, snapshot, now });
        }
        if let Some(Err(problem)) = by_token {
            return Err(problem);
        }
        let jar = CookieJar::from_headers(&parts.headers);
        let Some(cookie) = jar.get(SESSION_COOKIE) else {
            return Err(Problem::unauthorized(
                "this needs an access token: send 'Authorization: Bearer TOKEN', or sign in",
            ));
        };
        require_own_page(parts)?;
        let settings = app.sign_in();
        let opened = app.cookie_key().and_then(|key| key.opened(cookie.value(), &snapshot.directory, now));
        if let Some(Opened { token_id, grant, id }) = opened {
            refuse_unknown(parts, app)?;
            return Ok(Caller { grant, token_id, session: Some(OwnSession { id, notice: None }), snapshot, now });
        }
        let signed_in = snapshot.directory.signed_in(cookie.value(), now, settings.idle_ms).ok_or_else(unknown)?;
        let SignedIn { hash, session, grant } = signed_in;
        let id = Session::id(&hash);
        let (token_id, opens) = match session.user_id() {
            Some(_) => (id.clone(), true),
            None => (session.token_id.clone(), grant.user_id().is_none() || !settings.enforces()),
        };
        if !opens {
            return Err(Problem::unauthorized(settings.only_by_providers().detail));
        }
        refuse_unknown(parts, app)?;
        if session.is_used_anew(now, settings.idle_ms) {
            drop(app.engine.change(Change::UseSession { hash, now }));
        }
        if snapshot.directory.token(&token_id).is_some_and(|token| token.is_used_anew(now)) {
            drop(app.engine.change(Change::UseToken { id: token_id.clone(), now }));
        }
        let session = Some(OwnSession { id, notice: session.terms.notice.clone() });
        Ok(Caller { grant, token_id, session, snapshot, now })
    }
}

/// Refuses a change that another site may have made a browser ask for, which sends along what it has for this one.
fn require_own_page(parts: &Parts) -> Result<(), Problem> {
    let changes = !matches!(parts.method, Method::GET | Method::HEAD | Method::OPTIONS);
    if changes && parts.headers.get(CSRF_HEADER).is_none_or(|value| value != "1") {
        return Err(Problem::forbidden(format!(
            "a request with a session cookie that changes something needs the header '{CSRF_HEADER}: 1'"
        )));
    }
    Ok(())
}

/// The access token in a request's header.
pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, secret) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| secret.trim())
}

/// A question, by what deciding on it needs to know.
#[derive(Debug, Clone, Copy)]
pub enum Subject<'a> {
    /// All of the organization, by whatever dimension.
    Organization,
    /// The list of API keys; developers see their own in it.
    ApiKeys,
    /// One API key.
    ApiKey(&'a str),
    /// The caller's own keys, in one project or wherever they are.
    Own { project_id: Option<&'a str> },
    /// The pages that its members share.
    Views,
    /// What its usage is held to; developers see what is theirs in it.
    Budgets,
}

impl Caller {
    pub fn require_operator(&self) -> Result<(), Problem> {
        match self.grant {
            Grant::Operator => Ok(()),
            _ => Err(Problem::forbidden("only the operator may do this")),
        }
    }

    /// Decides on reading what was done, all of it or one organization's part. `what` begins the refusal.
    pub fn may_read_records(&self, what: &str, organization_id: Option<&str>) -> Result<(), Problem> {
        match &self.grant {
            Grant::Operator => Ok(()),
            _ if organization_id.is_some_and(|id| self.owns(id)) => Ok(()),
            _ => Err(Problem::forbidden(format!(
                "{what} for the operator, and for owners who name their organization in organizationId"
            ))),
        }
    }

    /// Whether the caller is an owner of an organization that there is.
    pub fn owns(&self, organization_id: &str) -> bool {
        let organization = self.directory().organization(organization_id);
        let organization = organization.filter(|of| of.profile.status == Status::Active);
        let member = organization.and_then(|of| self.grant.member_of(organization_id, of));
        member.is_some_and(|member| member.role == Role::Owner)
    }

    pub fn may_send(&self) -> Result<(), Problem> {
        match self.grant {
            Grant::Operator | Grant::Ingest { .. } => Ok(()),
            Grant::User { .. } | Grant::Member { .. } => {
                Err(Problem::forbidden("a user token reads; to send events use an ingest or operator token"))
            }
            Grant::Scim { .. } => Err(only_provisions()),
        }
    }

    /// Decides on sending changes of the directory at all, before they are read.
    pub fn may_change_people(&self) -> Result<(), Problem> {
        let owner = self.directory().organizations().any(|(id, _)| self.owns(id));
        if owner { Ok(()) } else { self.require_operator() }
    }

    /// Decides on a change of the directory. The operator may make any; an owner those of their organization, which is
    /// the answer. Who belongs to others as well stays as they are, and so does what the organization is and may.
    pub fn may_change(&self, update: &DirectoryUpdate) -> Result<Option<String>, Problem> {
        if matches!(self.grant, Grant::Operator) {
            return Ok(None);
        }
        let only =
            |what: &str| Problem::forbidden(format!("{what}; owners change their own organization, one at a time"));
        let mut named = update.organization_ids();
        let theirs = named.next().ok_or_else(|| only("no organization is named"))?;
        let other = named.find(|id| *id != theirs);
        if let Some(id) = other.into_iter().chain([theirs]).find(|id| !self.owns(id)) {
            return Err(only(&format!("organization '{id}' is not yours")));
        }
        if other.is_some() {
            return Err(only("more than one organization is named"));
        }
        if update.api_keys.iter().any(|key| key.organization_id.is_none()) {
            return Err(only("an API key has no organizationId"));
        }
        if !update.models.is_empty() {
            return Err(only("names of models are the same for all organizations"));
        }
        let organization = &**self.directory().organization(theirs).expect("it is owned");
        for new in &update.organizations {
            let (plan, status) = (organization.profile.plan, organization.profile.status);
            if new.plan.is_some_and(|new| new != plan) || new.status.is_some_and(|new| new != status) {
                return Err(only("the plan and the status of an organization are the operator's"));
            }
        }
        let members = update.members.iter().map(|member| &member.user_id);
        let creators = update.api_keys.iter().filter_map(|key| key.created_by.as_ref());
        // Somebody's name and address are for those who have to do with them.
        let stranger = |id: &&String| self.directory().user(id).is_some() && !organization.knows(id);
        if let Some(id) = members.chain(creators).find(stranger) {
            return Err(only(&format!("there is a user '{id}' who has not been in this organization")));
        }
        for new in &update.users {
            let Some(known) = self.directory().user(&new.id) else { continue };
            let differs = |new: &Option<String>, old: &Option<String>| new.is_some() && new != old;
            let changes = differs(&new.name, &known.name) || differs(&new.email, &known.email);
            let elsewhere = |(id, of): (&str, &Organization)| id != theirs && of.knows(&new.id);
            if !organization.knows(&new.id) || (changes && self.directory().organizations().any(elsewhere)) {
                return Err(only(&format!("user '{}' is not of this organization alone", new.id)));
            }
        }
        Ok(Some(theirs.to_owned()))
    }

    /// Decides on ending somebody's membership. The answer is as that of [`Self::may_change`].
    pub fn may_end_membership(&self, organization_id: &str) -> Result<Option<String>, Problem> {
        if self.owns(organization_id) {
            return Ok(Some(organization_id.to_owned()));
        }
        self.require_operator().map(|()| None)
    }

    /// Decides on reading the directory, or one organization's part of it.
    pub fn may_read_directory(&self, organization_id: Option<&str>) -> Result<(), Problem> {
        self.may_read_records("the directory is", organization_id)
    }

    /// Decides on reading or revoking a token: one that is for one organization is that organization's as well.
    pub fn may_manage(&self, token: Option<&Token>) -> Result<(), Problem> {
        if token.and_then(|token| token.grant.organization_id()).is_some_and(|id| self.owns(id)) {
            return Ok(());
        }
        self.require_operator()
    }

    /// Decides on making links of an organization, and on revoking them.
    pub fn may_link(&self, organization_id: &str) -> Result<(), Problem> {
        if self.owns(organization_id) { Ok(()) } else { self.require_operator() }
    }

    /// Decides on asking by MCP at all; what may be asked is decided question by question.
    pub fn may_converse(&self) -> Result<(), Problem> {
        self.may_read_calendar()
    }

    /// Decides on making a token. Owners make those of their organization, for people who are in it.
    pub fn may_make(&self, grant: &Grant) -> Result<(), Problem> {
        let Some(id) = grant.organization_id().filter(|id| self.owns(id)) else { return self.require_operator() };
        let organization = self.directory().organization(id).expect("it is owned");
        if let Some(user_id) = grant.user_id()
            && organization.active_member(user_id).is_none()
        {
            return Err(Problem::not_found(format!("there is no member '{user_id}' of organization '{id}'")));
        }
        let there = self.directory().tokens().filter(|(_, token)| token.grant.organization_id() == Some(id)).count();
        if there >= TOKENS {
            return Err(Problem::new(
                StatusCode::CONFLICT,
                format!("organization '{id}' has {there} tokens; at most {TOKENS} are allowed, so revoke some"),
            ));
        }
        Ok(())
    }

    /// Decides on listing and ending sessions: the caller's own, and for the operator everybody's.
    pub fn may_see_sessions(&self, user_id: Option<&str>) -> Result<(), Problem> {
        match (&self.grant, user_id) {
            (Grant::Operator, _) => Ok(()),
            (Grant::Ingest { .. }, _) => {
                Err(Problem::forbidden("an ingest token may send events and ask about calls, and nothing else"))
            }
            (_, Some(other)) if Some(other) != self.user_id() => {
                Err(Problem::forbidden("userId is for the operator; without it you see your own sessions"))
            }
            _ => Ok(()),
        }
    }

    /// Decides on letting programs in: people at the page, and no token that would make itself another.
    pub fn may_let_programs_in(&self) -> Result<(), Problem> {
        if self.user_id().is_none() {
            return Err(Problem::forbidden(
                "only a person can let a program in; an operator's program has their token",
            ));
        }
        // Who comes by a proxy has neither a session nor a token.
        if self.session.is_none() && self.directory().token(&self.token_id).is_some() {
            return Err(Problem::forbidden(
                "a program is let in at the page, by who is signed in there; not with a token",
            ));
        }
        Ok(())
    }

    /// Whether a session of somebody is the caller's to see and to end.
    pub fn may_end(&self, grant: &Grant) -> bool {
        match &self.grant {
            Grant::Operator => true,
            // A token of one organization is not to reach what its user has by others.
            Grant::Member { .. } => grant == &self.grant,
            Grant::User { .. } => grant.user_id() == self.user_id(),
            Grant::Ingest { .. } | Grant::Scim { .. } => false,
        }
    }

    /// Decides on changing or removing a view: whose it is may, and whoever runs the organization.
    pub fn may_change_view(&self, organization: &Organization, view: &View) -> bool {
        let Some(user_id) = self.user_id() else { return matches!(self.grant, Grant::Operator) };
        runs(organization, user_id) || view.created_by.as_deref() == Some(user_id)
    }

    /// Decides on sending budgets and policies at all, before they are read.
    pub fn may_set_limits(&self) -> Result<(), Problem> {
        let runs = |(id, of): (&str, &Organization)| {
            self.grant.member_of(id, of).is_some_and(|member| member.role != Role::Developer)
        };
        match &self.grant {
            Grant::Operator => Ok(()),
            _ if self.directory().organizations().any(runs) => Ok(()),
            _ => Err(Problem::forbidden("this is for the operator, and for owners and admins of an organization")),
        }
    }

    /// Decides on a budget or a policy of an organization.
    pub fn may_set_limits_of(&self, organization_id: &str) -> Result<(), Problem> {
        let organization = self.may_ask(organization_id, Subject::Budgets)?;
        match self.user_id() {
            Some(user_id) if !runs(organization, user_id) => Err(Problem::forbidden(format!(
                "this is for owners and admins; your role in organization '{organization_id}' is developer"
            ))),
            _ => Ok(()),
        }
    }

    /// Decides on closing months of an organization, and on knowing which are.
    pub fn may_close(&self, organization_id: &str) -> Result<(), Problem> {
        self.may_set_limits_of(organization_id)
    }

    /// Decides on asking whether a call may be made, and hands over for which organization: whoever sends events may ask
    /// about those that they would send.
    pub fn may_ask_about_calls(&self, organization_id: Option<&str>) -> Result<String, Problem> {
        match (&self.grant, organization_id) {
            (Grant::User { .. } | Grant::Member { .. }, _) => {
                Err(Problem::forbidden("a user token reads; to ask about calls use an ingest or operator token"))
            }
            (Grant::Scim { .. }, _) => Err(only_provisions()),
            (Grant::Ingest { organization_id: bound, .. }, Some(given)) if bound != given => {
                Err(Problem::forbidden(format!("organizationId is '{given}', but the token is for '{bound}' only")))
            }
            (Grant::Ingest { organization_id: bound, .. }, _) => Ok(bound.clone()),
            // One with a wrong name would be held to no budget and no policy. A token of an organization is for one, be it
            // there yet or not.
            (Grant::Operator, Some(given)) => self.may_ask(given, Subject::Budgets).map(|_| given.to_owned()),
            (Grant::Operator, None) => {
                Err(Problem::bad_request("organizationId is missing; only a token of one organization may omit it"))
            }
        }
    }

    /// Decides on asking which day it is, which is the same for all who read.
    pub fn may_read_calendar(&self) -> Result<(), Problem> {
        match self.grant {
            Grant::Operator | Grant::User { .. } | Grant::Member { .. } => Ok(()),
            Grant::Ingest { .. } => {
                Err(Problem::forbidden("an ingest token may send events and ask about calls, and nothing else"))
            }
            Grant::Scim { .. } => Err(only_provisions()),
        }
    }

    pub fn directory(&self) -> &Directory {
        &self.snapshot.directory
    }

    /// The user behind a user token.
    pub fn user_id(&self) -> Option<&str> {
        self.grant.user_id()
    }

    /// The user whose keys are all that the caller sees of an organization's.
    pub fn sees_own_keys_only(&self, organization_id: &str) -> Option<&str> {
        let user_id = self.user_id()?;
        let organization = self.directory().organization(organization_id)?;
        let member = organization.active_member(user_id)?;
        (member.role == Role::Developer).then(|| organization.person(user_id))
    }

    /// The projects the caller has access to, when they are a member.
    pub fn projects<'o>(&self, organization: &'o Organization) -> impl Iterator<Item = (&'o String, &'o Project)> {
        let member = self.user_id().and_then(|id| organization.active_member(id));
        let only = member.filter(|m| m.role == Role::Developer).and_then(|m| m.project_ids.as_ref());
        organization.projects.iter().filter(move |(id, _)| only.is_none_or(|ids| ids.contains(id)))
    }

    /// Whether there is an organization that somebody who may read of any names.
    pub fn require_organization(&self, organization_id: &str) -> Result<(), Problem> {
        let found = self.directory().organization(organization_id);
        let found = found.filter(|organization| organization.profile.status == Status::Active);
        found.map(drop).ok_or_else(|| Problem::not_found(format!("there is no organization '{organization_id}'")))
    }

    /// Decides whether the caller may ask about an organization, and hands it over.
    pub fn may_ask(&self, organization_id: &str, subject: Subject<'_>) -> Result<&Arc<Organization>, Problem> {
        let found = self.directory().organization(organization_id);
        let existing = || {
            found
                .filter(|o| o.profile.status == Status::Active)
                .ok_or_else(|| Problem::not_found(format!("there is no organization '{organization_id}'")))
        };
        let user_id = match &self.grant {
            Grant::Ingest { .. } => {
                return Err(Problem::forbidden(
                    "an ingest token may send events and ask about calls, and nothing else",
                ));
            }
            Grant::Scim { .. } => return Err(only_provisions()),
            Grant::Operator => {
                let organization = existing()?;
                return match subject {
                    Subject::Organization | Subject::ApiKeys | Subject::Views | Subject::Budgets => Ok(organization),
                    Subject::ApiKey(id) => known_key(organization, id),
                    Subject::Own { .. } => {
                        Err(Problem::forbidden("the operator token belongs to no person, so it has no keys of its own"))
                    }
                };
            }
            Grant::User { user_id } | Grant::Member { user_id, .. } => user_id,
        };
        // Someone outside learns the same whether the organization exists or not.
        let outside = || Problem::forbidden(format!("you are not a member of organization '{organization_id}'"));
        let member = found.and_then(|o| self.grant.member_of(organization_id, o)).ok_or_else(outside)?;
        let organization = existing()?;
        match (subject, member.role) {
            (Subject::Organization, Role::Developer) => {
                Err(Problem::forbidden("this is for owners and admins; your role here is developer"))
            }
            (Subject::Organization, Role::Owner | Role::Admin) if organization.profile.plan != Plan::Enterprise => {
                Err(Problem::forbidden(format!(
                    "organization analytics are part of the enterprise plan; this organization is on {}",
                    plan_name(organization.profile.plan)
                )))
            }
            (Subject::Organization | Subject::ApiKeys | Subject::Views | Subject::Budgets, _) => Ok(organization),
            (Subject::ApiKey(id), Role::Developer)
                if !organization.was_ever_of(id, organization.person(user_id), &today(organization, self.now)) =>
            {
                Err(Problem::forbidden(format!("'{id}' is not one of your API keys; developers see their own")))
            }
            (Subject::ApiKey(id), _) => known_key(organization, id),
            (Subject::Own { project_id: None }, _) => Ok(organization),
            (Subject::Own { project_id: Some(project_id) }, role) => {
                let theirs = member.project_ids.as_ref().is_none_or(|ids| ids.iter().any(|id| id == project_id));
                let known = organization.projects.contains_key(project_id);
                // Whether there is a project that is not theirs is not theirs to know either.
                let may = known && (role != Role::Developer || theirs);
                may.then_some(organization)
                    .ok_or_else(|| Problem::forbidden(format!("you have no access to a project '{project_id}'")))
            }
        }
    }
}

/// Whoever holds a token of kind scim: a company's own directory, which provisions the people of an organization.
pub struct Provisioner {
    pub organization_id: String,
    token_id: String,
    snapshot: Arc<Snapshot>,
}

impl FromRequestParts<App> for Provisioner {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Provisioner, Problem> {
        let (snapshot, now) = (app.engine.snapshot(), app.engine.now());
        let secret = bearer(&parts.headers).ok_or_else(|| {
            Problem::unauthorized("this needs a token of kind scim: send 'Authorization: Bearer TOKEN'")
        })?;
        let source = Source::of(&parts.headers, &parts.extensions);
        let (id, token) = app.attempts.token(&snapshot.directory, secret, source, now)?;
        let Grant::Scim { organization_id } = &token.grant else {
            return Err(Problem::forbidden(
                "people and groups are provisioned with a token of kind scim, and this is none",
            ));
        };
        let organization = snapshot.directory.organization(organization_id);
        if organization.is_some_and(|of| of.profile.status == Status::Deleted) {
            return Err(Problem::forbidden(format!("organization '{organization_id}' is deleted")));
        }
        if token.is_used_anew(now) {
            drop(app.engine.change(Change::UseToken { id: id.to_owned(), now }));
        }
        let (organization_id, token_id) = (organization_id.clone(), id.to_owned());
        Ok(Provisioner { organization_id, token_id, snapshot })
    }
}

impl Provisioner {
    pub fn organization(&self) -> Option<&Arc<Organization>> {
        self.snapshot.directory.organization(&self.organization_id)
    }

    /// The same with the directory as it is now.
    pub fn anew(&self, app: &App) -> Provisioner {
        let (organization_id, token_id) = (self.organization_id.clone(), self.token_id.clone());
        Provisioner { organization_id, token_id, snapshot: app.engine.snapshot() }
    }

    /// What the audit log says of a change.
    pub fn note(&self, action: &'static str, target: &str) -> Note {
        Note {
            target: target.to_owned(),
            organization_id: Some(self.organization_id.clone()),
            ..Note::new(&self.token_id, action)
        }
    }
}

/// The day in an organization's zone, as assignments have it; nothing where there are none, as every decision asks.
pub fn today(organization: &Organization, now: UnixMs) -> String {
    if organization.assignments.is_empty() {
        return String::new();
    }
    Zone::home(organization.profile.timezone.as_deref()).date_at(now).to_string()
}

fn only_provisions() -> Problem {
    Problem::forbidden("a scim token provisions people and groups at /scim/v2, and does nothing else")
}

fn runs(organization: &Organization, user_id: &str) -> bool {
    organization.active_member(user_id).is_some_and(|member| member.role != Role::Developer)
}

fn known_key<'o>(organization: &'o Arc<Organization>, id: &str) -> Result<&'o Arc<Organization>, Problem> {
    let known = organization.api_keys.contains_key(id);
    known.then_some(organization).ok_or_else(|| Problem::not_found(format!("there is no API key '{id}'")))
}

fn plan_name(plan: Plan) -> &'static str {
    match plan {
        Plan::Free => "free",
        Plan::Pro => "pro",
        Plan::Enterprise => "enterprise",
    }
}
