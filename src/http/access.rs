//! Who is asking, and what they may see. Every decision about access is made in this file.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, header};
use axum_extra::extract::CookieJar;

use super::App;
use super::attempts::Source;
use super::nearest::refuse_unknown;
use super::problem::Problem;
use crate::directory::{Change, Directory, DirectoryUpdate, Grant, Organization, Plan, Project, Role, Status, View};
use crate::engine::Snapshot;

/// Name of the session cookie.
pub const SESSION_COOKIE: &str = "rollcall_session";
/// A header that no other site can make a browser send: requests with a cookie that change something need it.
pub const CSRF_HEADER: &str = "x-rollcall-request";

/// Whoever holds a valid token or session, with the directory as it was when they asked.
pub struct Caller {
    pub grant: Grant,
    pub token_id: String,
    pub snapshot: Arc<Snapshot>,
}

/// Marks a request made inside this process by someone who has the store's files anyway. Nothing that comes over a
/// connection can carry it.
#[derive(Clone)]
pub struct LocalOperator;

impl FromRequestParts<App> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Caller, Problem> {
        let snapshot = app.engine.snapshot();
        if parts.extensions.get::<LocalOperator>().is_some() {
            refuse_unknown(parts, app)?;
            return Ok(Caller { grant: Grant::Operator, token_id: String::new(), snapshot });
        }
        let unknown = || Problem::unauthorized("the access token or session is unknown, revoked or expired");
        let (id, token) = match parts.headers.contains_key(header::AUTHORIZATION) {
            true => {
                let secret = bearer(&parts.headers).ok_or_else(unknown)?;
                app.attempts.token(
                    &snapshot.directory,
                    secret,
                    Source::of(&parts.headers, &parts.extensions),
                    app.engine.now(),
                )?
            }
            false => {
                let jar = CookieJar::from_headers(&parts.headers);
                let Some(cookie) = jar.get(SESSION_COOKIE) else {
                    return Err(Problem::unauthorized(
                        "this needs an access token: send 'Authorization: Bearer TOKEN', or sign in",
                    ));
                };
                let changes = !matches!(parts.method, Method::GET | Method::HEAD | Method::OPTIONS);
                if changes && !parts.headers.contains_key(CSRF_HEADER) {
                    return Err(Problem::forbidden(format!(
                        "a request with a session cookie that changes something needs the header '{CSRF_HEADER}: 1'"
                    )));
                }
                snapshot.directory.token_by_session(cookie.value(), app.engine.now()).ok_or_else(unknown)?
            }
        };
        // After the token: strangers learn nothing of what there is.
        refuse_unknown(parts, app)?;
        let now = app.engine.now();
        if token.is_used_anew(now) {
            // Nobody waits for that, and where it cannot be written the next use tells it.
            drop(app.engine.change(Change::UseToken { id: id.to_owned(), now }));
        }
        let (token_id, grant) = (id.to_owned(), token.grant.clone());
        Ok(Caller { grant, token_id, snapshot })
    }
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
        let member = |user_id| self.directory().organization(organization_id?)?.active_member(user_id);
        match &self.grant {
            Grant::Operator => Ok(()),
            Grant::User { user_id } if member(user_id).is_some_and(|m| m.role == Role::Owner) => Ok(()),
            _ => Err(Problem::forbidden(format!(
                "{what} for the operator, and for owners who name their organization in organizationId"
            ))),
        }
    }

    pub fn may_send(&self) -> Result<(), Problem> {
        match self.grant {
            Grant::Operator | Grant::Ingest { .. } => Ok(()),
            Grant::User { .. } => {
                Err(Problem::forbidden("a user token reads; to send events use an ingest or operator token"))
            }
        }
    }

    /// Decides on sending changes of the directory at all, before they are read.
    pub fn may_change_people(&self) -> Result<(), Problem> {
        let owns = |user_id: &str| self.directory().organizations().any(|(_, of)| is_owner(of, user_id));
        match &self.grant {
            Grant::User { user_id } if owns(user_id) => Ok(()),
            _ => self.require_operator(),
        }
    }

    /// Decides on a change of the directory: owners say which of their organization's members are one person.
    pub fn may_change(&self, update: &DirectoryUpdate) -> Result<(), Problem> {
        let Grant::User { user_id } = &self.grant else { return self.require_operator() };
        let only_identities = DirectoryUpdate { identities: Vec::new(), ..update.clone() }.is_empty();
        let owns = |id: &str| self.directory().organization(id).is_some_and(|of| is_owner(of, user_id));
        let theirs = || update.identities.iter().all(|identity| owns(&identity.organization_id));
        if only_identities && !update.identities.is_empty() && theirs() {
            return Ok(());
        }
        Err(Problem::forbidden(
            "the directory is the operator's; owners may send identities of their own organization's members",
        ))
    }

    /// Decides on changing or removing a view: whose it is may, and whoever runs the organization.
    pub fn may_change_view(&self, organization: &Organization, view: &View) -> bool {
        let Grant::User { user_id } = &self.grant else { return matches!(self.grant, Grant::Operator) };
        runs(organization, user_id) || view.created_by.as_ref() == Some(user_id)
    }

    /// Decides on sending budgets and policies at all, before they are read.
    pub fn may_set_limits(&self) -> Result<(), Problem> {
        let runs = |user_id: &str| self.directory().organizations().any(|(_, of)| runs(of, user_id));
        match &self.grant {
            Grant::Operator => Ok(()),
            Grant::User { user_id } if runs(user_id) => Ok(()),
            _ => Err(Problem::forbidden("this is for the operator, and for owners and admins of an organization")),
        }
    }

    /// Decides on a budget or a policy of an organization.
    pub fn may_set_limits_of(&self, organization_id: &str) -> Result<(), Problem> {
        let organization = self.may_ask(organization_id, Subject::Budgets)?;
        match &self.grant {
            Grant::User { user_id } if !runs(organization, user_id) => Err(Problem::forbidden(format!(
                "this is for owners and admins; your role in organization '{organization_id}' is developer"
            ))),
            _ => Ok(()),
        }
    }

    /// Decides on asking whether a call may be made, and hands over for which organization: whoever sends events may ask
    /// about those that they would send.
    pub fn may_ask_about_calls(&self, organization_id: Option<&str>) -> Result<String, Problem> {
        match (&self.grant, organization_id) {
            (Grant::User { .. }, _) => {
                Err(Problem::forbidden("a user token reads; to ask about calls use an ingest or operator token"))
            }
            (Grant::Ingest { organization_id: bound, .. }, Some(given)) if bound != given => {
                Err(Problem::forbidden(format!("organizationId is '{given}', but the token is for '{bound}' only")))
            }
            (Grant::Ingest { organization_id: bound, .. }, _) => Ok(bound.clone()),
            (Grant::Operator, Some(given)) => Ok(given.to_owned()),
            (Grant::Operator, None) => {
                Err(Problem::bad_request("organizationId is missing; only a token of one organization may omit it"))
            }
        }
    }

    /// Decides on asking which day it is, which is the same for all who read.
    pub fn may_read_calendar(&self) -> Result<(), Problem> {
        match self.grant {
            Grant::Operator | Grant::User { .. } => Ok(()),
            Grant::Ingest { .. } => {
                Err(Problem::forbidden("an ingest token may send events and ask about calls, and nothing else"))
            }
        }
    }

    pub fn directory(&self) -> &Directory {
        &self.snapshot.directory
    }

    /// The user behind a user token.
    pub fn user_id(&self) -> Option<&str> {
        match &self.grant {
            Grant::User { user_id } => Some(user_id),
            _ => None,
        }
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
            Grant::User { user_id } => user_id,
        };
        // Someone outside learns the same whether the organization exists or not.
        let outside = || Problem::forbidden(format!("you are not a member of organization '{organization_id}'"));
        let member = found.and_then(|o| o.active_member(user_id)).ok_or_else(outside)?;
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
                if organization.creator(id) != Some(organization.person(user_id)) =>
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

fn runs(organization: &Organization, user_id: &str) -> bool {
    organization.active_member(user_id).is_some_and(|member| member.role != Role::Developer)
}

fn is_owner(organization: &Organization, user_id: &str) -> bool {
    organization.active_member(user_id).is_some_and(|member| member.role == Role::Owner)
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
