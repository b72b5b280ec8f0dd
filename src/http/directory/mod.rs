//! `/v1/directory` and memberships: who is who, as the operator says.

pub mod preview;
mod table;
pub mod wire;

use std::ops::RangeInclusive;

use axum::Json;
use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode};

pub use self::table::read_assignments;
use self::wire::{
    ApiKeyBody, AssignableBody, AssignmentBody, DirectoryAnswer, DirectoryBody, IdentityBody, MemberBody,
    MembershipName, ModelBody, OrganizationBody, ProjectBody, StatusName, TeamBody, UserBody,
};
use super::access::Caller;
use super::body::JsonObject;
use super::events::read;
use super::parameters::{Parameters, date};
use super::problem::{Problem, ProblemBody};
use super::{App, SMALL_BODY_LIMIT_BYTES, on_a_thread};
use crate::calendar::Zone;
use crate::directory::{
    ApiKeyUpdate, Assignable, Assigned, AssignmentKind, AssignmentName, AssignmentUpdate, Change, Directory,
    DirectoryUpdate, IdentityUpdate, MemberUpdate, ModelUpdate, OrganizationUpdate, ProjectUpdate, TeamUpdate,
    UserUpdate,
};
use crate::engine::Note;

/// Longest id or name, as in events.
const MAX_CHARS: usize = 512;
const MAX_PROJECT_IDS: usize = 1000;

/// Merges entries into the directory.
///
/// By id; what is absent stays. All of it is taken, or none. For the operator, and for owners about their own organization:
/// its name, time zone and retention, projects, members, API keys, identities, teams and assignments. They change neither its plan nor its
/// status, nor the name and address of people who are also known elsewhere, nor leave it without an owner.
#[utoipa::path(
    put, path = "/v1/directory", tag = "directory", request_body = DirectoryBody,
    responses(
        (status = 200, body = DirectoryAnswer),
        (status = 409, body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
pub async fn put_directory(
    State(app): State<App>,
    caller: Caller,
    body: Result<JsonObject<DirectoryBody>, Problem>,
) -> Result<Json<DirectoryAnswer>, Problem> {
    caller.may_change_people()?;
    let JsonObject(body) = body?;
    let update = update(body)?;
    let theirs = caller.may_change(&update)?;
    let note = Note { organization_id: theirs.clone(), ..Note::new(&caller.token_id, "directory-change") };
    let outcome = app.engine.audited(keeping_an_owner(theirs, Change::Merge(update)), note)?.answer().await?;
    Ok(Json(DirectoryAnswer { written: outcome.changed }))
}

/// The directory, or one organization's part of it, in the form that `PUT` takes.
///
/// For the operator, and for owners who name their organization. Names of models are the operator's.
#[utoipa::path(
    get, path = "/v1/directory", tag = "directory",
    params(("organizationId" = Option<String>, Query, description = "Only this organization")),
    responses(
        (status = 200, body = DirectoryBody),
        (status = 404, body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
pub async fn get_directory(caller: Caller, RawQuery(raw): RawQuery) -> Result<Json<DirectoryBody>, Problem> {
    let parameters = Parameters::parse(raw.as_deref());
    let only = parameters.one("organizationId")?;
    caller.may_read_directory(only)?;
    if let Some(id) = only.filter(|id| caller.directory().organization(id).is_none()) {
        return Err(Problem::not_found(format!("there is no organization '{id}'")));
    }
    let mut body = export(caller.directory(), only);
    if caller.user_id().is_some() {
        body.models.clear();
    }
    Ok(Json(body))
}

/// Reads a table of assignments, as accounts keep it, into what `PUT` takes. Nothing is written.
///
/// CSV with a header: `key`, `project` or `email`, of which each line has one, `team`, `costCentre` if you like, `from`
/// and `to` if you like. Things are named by id, or by a name that no other has. The whole table is read, or lines
/// that are wrong are named: those that are no assignment, or, if all are, those that name what is not there. For the
/// operator and owners of the organization.
#[utoipa::path(
    post, path = "/v1/directory/assignments/read", tag = "directory",
    params(
        ("organizationId" = String, Query, description = "The organization"),
        ("newTeams" = Option<bool>, Query, description = "Whether teams are made that are not there: false (default) or true"),
    ),
    request_body(content = String, content_type = "text/csv", description = "The table, in UTF-8, with commas, semicolons or tabs between columns"),
    responses(
        (status = 200, body = DirectoryBody),
        (status = 404, body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
pub async fn post_assignments(
    caller: Caller,
    RawQuery(raw): RawQuery,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<DirectoryBody>, Problem> {
    caller.may_change_people()?;
    let parameters = Parameters::parse(raw.as_deref());
    let organization_id = parameters.required("organizationId")?.to_owned();
    caller.may_read_directory(Some(&organization_id))?;
    let makes_teams = parameters.choice("newTeams", &[("true", true), ("false", false)])?.unwrap_or_default();
    let body = read(&headers, body, SMALL_BODY_LIMIT_BYTES).await?;
    let snapshot = caller.snapshot.clone();
    let read = move || read_assignments(&body, &snapshot.directory, &organization_id, makes_teams);
    on_a_thread(read).await.map(Json)
}

/// A change by somebody of an organization leaves that with an owner.
fn keeping_an_owner(theirs: Option<String>, change: Change) -> Change {
    match theirs {
        Some(organization_id) => Change::KeepingAnOwner { organization_id, change: Box::new(change) },
        None => change,
    }
}

/// Ends a membership. The member's usage stays theirs, marked as a former member's.
///
/// For the operator, and for owners of the organization, who cannot end that of its last owner.
#[utoipa::path(
    delete, path = "/v1/organizations/{organization}/members/{user}", tag = "directory",
    params(
        ("organization" = String, Path, description = "The organization"),
        ("user" = String, Path, description = "The member"),
    ),
    responses(
        (status = 204, description = "The membership has ended"),
        (status = 404, body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
pub async fn delete_member(
    State(app): State<App>,
    caller: Caller,
    path: Result<Path<(String, String)>, PathRejection>,
) -> Result<StatusCode, Problem> {
    let Path((organization_id, user_id)) = path?;
    let theirs = caller.may_end_membership(&organization_id)?;
    let note = Note {
        target: user_id.clone(),
        organization_id: Some(organization_id.clone()),
        ..Note::new(&caller.token_id, "membership-end")
    };
    let change = keeping_an_owner(theirs, Change::EndMembership { organization_id, user_id });
    app.engine.audited(change, note)?.answer().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Days of usage that may be kept: an hourly chart is always whole.
const RETENTION_DAYS: RangeInclusive<u32> = 31..=36_500;

/// Checks a body and turns it into an update.
pub fn update(body: DirectoryBody) -> Result<DirectoryUpdate, Problem> {
    let organizations = body.organizations.into_iter().map(|o| {
        let unknown = |zone: &str| {
            Problem::bad_request(format!(
                "timezone '{zone}' of organization '{}' is unknown; use an IANA name such as Europe/Paris",
                o.id
            ))
        };
        let zone = o.timezone.as_deref().map(|zone| Zone::named(zone).ok_or_else(|| unknown(zone))).transpose()?;
        if let Some(days) = o.retention_days.flatten().filter(|days| !RETENTION_DAYS.contains(days)) {
            let (least, most) = (RETENTION_DAYS.start(), RETENTION_DAYS.end());
            return Err(Problem::bad_request(format!(
                "retentionDays of organization '{}' is {days}; allowed are {least} to {most}, or null to keep everything",
                o.id
            )));
        }
        Ok(OrganizationUpdate {
            id: id("organizations[].id", o.id)?,
            name: label("organizations[].name", o.name)?,
            plan: o.plan.map(Into::into),
            status: o.status.map(Into::into),
            timezone: zone.map(|zone| zone.name().to_owned()),
            retention_days: o.retention_days,
        })
    });
    let projects = body.projects.into_iter().map(|p| {
        Ok(ProjectUpdate {
            id: id("projects[].id", p.id)?,
            organization_id: id("projects[].organizationId", p.organization_id)?,
            name: label("projects[].name", p.name)?,
            status: p.status.map(Into::into),
        })
    });
    let users = body.users.into_iter().map(|u| {
        Ok(UserUpdate {
            id: id("users[].id", u.id)?,
            name: label("users[].name", u.name)?,
            email: label("users[].email", u.email)?,
        })
    });
    let members = body.members.into_iter().map(|m| {
        Ok(MemberUpdate {
            organization_id: id("members[].organizationId", m.organization_id)?,
            user_id: id("members[].userId", m.user_id)?,
            role: m.role.into(),
            project_ids: m.project_ids.map(|ids| project_ids("members[].projectIds", ids)).transpose()?,
            former: m.status == Some(MembershipName::Former),
        })
    });
    let api_keys = body.api_keys.into_iter().map(|k| {
        Ok(ApiKeyUpdate {
            id: id("apiKeys[].id", k.id)?,
            organization_id: k.organization_id.map(|o| id("apiKeys[].organizationId", o)).transpose()?,
            project_id: id("apiKeys[].projectId", k.project_id)?,
            description: label("apiKeys[].description", k.description)?,
            created_by: k.created_by.map(|u| id("apiKeys[].createdBy", u)).transpose()?,
            status: k.status.map(Into::into),
        })
    });
    let identities = body.identities.into_iter().map(|i| {
        Ok(IdentityUpdate {
            organization_id: id("identities[].organizationId", i.organization_id)?,
            user_id: id("identities[].userId", i.user_id)?,
            same_as: i.same_as.map(|person| id("identities[].sameAs", person)).transpose()?,
        })
    });
    let teams = body.teams.into_iter().map(|t| {
        Ok(TeamUpdate {
            id: id("teams[].id", t.id)?,
            organization_id: id("teams[].organizationId", t.organization_id)?,
            name: label("teams[].name", t.name)?,
            cost_centre: t.cost_centre.map(|c| c.map(|c| id("teams[].costCentre", c)).transpose()).transpose()?,
            status: t.status.map(Into::into),
        })
    });
    let assignments = body.assignments.into_iter().map(assignment);
    let models = body
        .models
        .into_iter()
        .map(|m| Ok(ModelUpdate { id: id("models[].id", m.id)?, name: id("models[].name", m.name)? }));
    Ok(DirectoryUpdate {
        organizations: organizations.collect::<Result<_, Problem>>()?,
        projects: projects.collect::<Result<_, Problem>>()?,
        users: users.collect::<Result<_, Problem>>()?,
        members: members.collect::<Result<_, Problem>>()?,
        api_keys: api_keys.collect::<Result<_, Problem>>()?,
        identities: identities.collect::<Result<_, Problem>>()?,
        teams: teams.collect::<Result<_, Problem>>()?,
        assignments: assignments.collect::<Result<_, Problem>>()?,
        models: models.collect::<Result<_, Problem>>()?,
    })
}

fn assignment(a: AssignmentBody) -> Result<AssignmentUpdate, Problem> {
    let AssignableBody { api_key_id, user_id, project_id } = a.subject;
    let given = [
        api_key_id.map(|key| id("assignments[].subject.apiKeyId", key).map(Assignable::ApiKey)),
        user_id.map(|user| id("assignments[].subject.userId", user).map(Assignable::User)),
        project_id.map(|project| id("assignments[].subject.projectId", project).map(Assignable::Project)),
    ];
    let mut given: Vec<Assignable> = given.into_iter().flatten().collect::<Result<_, Problem>>()?;
    let subject = given.pop().filter(|_| given.is_empty()).ok_or_else(|| {
        Problem::bad_request("assignments[].subject must have exactly one of apiKeyId, userId and projectId")
    })?;
    let (kind, to_whom) = match (a.team_id, a.owner_user_id) {
        (Some(team), None) => (AssignmentKind::Team, team.map(|team| id("assignments[].teamId", team)).transpose()?),
        (None, Some(user)) => (AssignmentKind::Owner, Some(id("assignments[].ownerUserId", user)?)),
        (team, _) => {
            let what = if team.is_some() { "both" } else { "neither" };
            let (what_of, of) = subject.named();
            return Err(Problem::bad_request(format!(
                "the assignment of {what_of} '{of}' from {} has {what} of teamId and ownerUserId; give one of them",
                a.from
            )));
        }
    };
    let from = date("assignments[].from", &a.from)?.to_string();
    let to = a.to.map(|to| date("assignments[].to", &to)).transpose()?.map(|to| to.to_string());
    let stays = a.status != Some(StatusName::Deleted);
    Ok(AssignmentUpdate {
        organization_id: id("assignments[].organizationId", a.organization_id)?,
        name: AssignmentName { kind, subject, from },
        assigned: stays.then_some(Assigned { id: to_whom, to }),
    })
}

/// Checks an id from outside.
pub fn id(field: &str, value: String) -> Result<String, Problem> {
    if value.is_empty() {
        return Err(Problem::bad_request(format!("{field} is empty")));
    }
    text(field, value)
}

fn label(field: &str, value: Option<String>) -> Result<Option<String>, Problem> {
    value.map(|value| text(field, value)).transpose()
}

/// Checks a list of projects from outside.
pub fn project_ids(field: &str, ids: Option<Vec<String>>) -> Result<Option<Vec<String>>, Problem> {
    let Some(ids) = ids else { return Ok(None) };
    if ids.len() > MAX_PROJECT_IDS {
        return Err(Problem::bad_request(format!(
            "{field} has {} ids; at most {MAX_PROJECT_IDS} are allowed",
            ids.len()
        )));
    }
    ids.into_iter().map(|one| id(&format!("{field}[]"), one)).collect::<Result<_, _>>().map(Some)
}

/// Checks a text from outside.
pub fn text(field: &str, value: String) -> Result<String, Problem> {
    let characters = value.chars().count();
    if characters > MAX_CHARS {
        return Err(Problem::bad_request(format!(
            "{field} has {characters} characters; at most {MAX_CHARS} are allowed"
        )));
    }
    if value.chars().any(char::is_control) {
        return Err(Problem::bad_request(format!("{field} has a control character")));
    }
    Ok(value)
}

impl From<&Assignable> for AssignableBody {
    fn from(subject: &Assignable) -> AssignableBody {
        match subject {
            Assignable::ApiKey(id) => AssignableBody { api_key_id: Some(id.clone()), ..AssignableBody::default() },
            Assignable::User(id) => AssignableBody { user_id: Some(id.clone()), ..AssignableBody::default() },
            Assignable::Project(id) => AssignableBody { project_id: Some(id.clone()), ..AssignableBody::default() },
        }
    }
}

/// The directory in the form that [`update`] takes.
pub fn export(directory: &Directory, only: Option<&str>) -> DirectoryBody {
    let mut body = DirectoryBody::default();
    let chosen = directory.organizations().filter(|(id, _)| only.is_none_or(|only| only == *id));
    for (organization_id, organization) in chosen {
        let profile = organization.profile.clone();
        body.organizations.push(OrganizationBody {
            id: organization_id.to_owned(),
            name: profile.name,
            plan: Some(profile.plan.into()),
            status: Some(profile.status.into()),
            timezone: profile.timezone,
            retention_days: profile.retention_days.map(Some),
        });
        body.projects.extend(organization.projects.iter().map(|(id, project)| ProjectBody {
            id: id.clone(),
            organization_id: organization_id.to_owned(),
            name: project.name.clone(),
            status: Some(project.status.into()),
        }));
        body.members.extend(organization.members.iter().map(|(id, member)| MemberBody {
            organization_id: organization_id.to_owned(),
            user_id: id.clone(),
            role: member.role.into(),
            project_ids: member.project_ids.clone().map(Some),
            status: Some(if member.former { MembershipName::Former } else { MembershipName::Active }),
        }));
        body.identities.extend(organization.same_as.iter().map(|(user, person)| IdentityBody {
            organization_id: organization_id.to_owned(),
            user_id: user.clone(),
            same_as: Some(person.clone()),
        }));
        body.teams.extend(organization.teams.iter().map(|(id, team)| TeamBody {
            id: id.clone(),
            organization_id: organization_id.to_owned(),
            name: team.name.clone(),
            cost_centre: team.cost_centre.clone().map(Some),
            status: Some(team.status.into()),
        }));
        for kind in [AssignmentKind::Team, AssignmentKind::Owner] {
            for (subject, dated) in organization.assignments.all(kind) {
                body.assignments.extend(dated.iter().map(|(from, assigned)| AssignmentBody {
                    organization_id: organization_id.to_owned(),
                    subject: subject.into(),
                    team_id: (kind == AssignmentKind::Team).then(|| assigned.id.clone()),
                    owner_user_id: assigned.id.clone().filter(|_| kind == AssignmentKind::Owner),
                    from: from.clone(),
                    to: assigned.to.clone(),
                    status: None,
                }));
            }
        }
        body.api_keys.extend(organization.api_keys.iter().map(|(id, key)| ApiKeyBody {
            id: id.clone(),
            organization_id: Some(organization_id.to_owned()),
            project_id: key.project_id.clone(),
            description: key.description.clone(),
            created_by: key.created_by.clone(),
            status: Some(key.status.into()),
        }));
    }
    let belongs = |user: &str| {
        only.is_none()
            || body.members.iter().any(|m| m.user_id == user)
            || body.api_keys.iter().any(|k| k.created_by.as_deref() == Some(user))
    };
    let users = directory.users().filter(|(id, _)| belongs(id));
    body.users = users
        .map(|(id, user)| UserBody { id: id.to_owned(), name: user.name.clone(), email: user.email.clone() })
        .collect();
    body.models = directory.models().map(|(id, name)| ModelBody { id: id.to_owned(), name: name.to_owned() }).collect();
    body
}
