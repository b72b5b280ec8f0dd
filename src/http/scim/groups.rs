//! `/scim/v2/Groups`: groups of people.

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::Value;

use super::answer::{Answer, Refusal, etag, expected, is_known};
use super::lists;
use super::request::{Asked, Json, Place};
use super::resources;
use crate::directory::{GroupChange, MembersChange, Secret, Step};
use crate::http::App;
use crate::http::access::Provisioner;
use crate::http::problem::Problem;
use crate::scim::{Filter, Group, Kind, MEMBERS, MemberStep, Operations, Resource};

pub async fn list(
    place: Place,
    caller: Result<Provisioner, Problem>,
    RawQuery(raw): RawQuery,
) -> Result<Answer, Refusal> {
    lists::answer(caller?, place, Asked::of_query(raw.as_deref())?, &[Kind::Group]).await
}

pub async fn search(
    place: Place,
    caller: Result<Provisioner, Problem>,
    body: Result<Json, Refusal>,
) -> Result<Answer, Refusal> {
    let (caller, Json(body)) = (caller?, body?);
    lists::answer(caller, place, Asked::of_body(&body)?, &[Kind::Group]).await
}

pub async fn one(
    place: Place,
    caller: Result<Provisioner, Problem>,
    id: Result<Path<String>, PathRejection>,
    RawQuery(raw): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let (caller, Path(id)) = (caller?, id.map_err(Problem::from)?);
    let known = caller.provisioned().group(&id).ok_or_else(|| unknown(&id))?;
    if is_known(&headers, known.version) {
        return Ok(StatusCode::NOT_MODIFIED.into_response());
    }
    answer(&caller, &place, &id, StatusCode::OK, &Asked::of_query(raw.as_deref())?).map(IntoResponse::into_response)
}

pub async fn create(
    State(app): State<App>,
    place: Place,
    caller: Result<Provisioner, Problem>,
    RawQuery(raw): RawQuery,
    body: Result<Json, Refusal>,
) -> Result<Answer, Refusal> {
    let (caller, Json(body)) = (caller?, body?);
    let asked = Asked::of_query(raw.as_deref())?;
    let group = change_of(&caller, "", Group::whole(&Kind::Group.read(body)?)?);
    let id = Secret::generate("grp_").reveal()[..20].to_owned();
    let note = caller.note("scim-group-create", &id);
    let caller = caller.provision(&app, Step::AddGroup { id: id.clone(), group }, note).await?;
    answer(&caller, &place, &id, StatusCode::CREATED, &asked)
}

pub async fn replace(
    State(app): State<App>,
    place: Place,
    caller: Result<Provisioner, Problem>,
    id: Result<Path<String>, PathRejection>,
    RawQuery(raw): RawQuery,
    headers: HeaderMap,
    body: Result<Json, Refusal>,
) -> Result<Answer, Refusal> {
    let (caller, Path(id), Json(body)) = (caller?, id.map_err(Problem::from)?, body?);
    let asked = Asked::of_query(raw.as_deref())?;
    let group = change_of(&caller, &id, Group::whole(&Kind::Group.read(body)?)?);
    let note = caller.note("scim-group-change", &id);
    let step = Step::PutGroup { id: id.clone(), group, expected: expected(&headers) };
    let caller = caller.provision(&app, step, note).await?;
    answer(&caller, &place, &id, StatusCode::OK, &asked)
}

/// Answers with no body, which may be very large, unless parts of it are asked for.
pub async fn change(
    State(app): State<App>,
    place: Place,
    caller: Result<Provisioner, Problem>,
    id: Result<Path<String>, PathRejection>,
    RawQuery(raw): RawQuery,
    headers: HeaderMap,
    body: Result<Json, Refusal>,
) -> Result<Response, Refusal> {
    let (caller, Path(id), Json(body)) = (caller?, id.map_err(Problem::from)?, body?);
    let asked = Asked::of_query(raw.as_deref())?;
    let group = change_of(&caller, &id, Operations::read(body)?.of_group()?);
    let note = caller.note("scim-group-change", &id);
    let step = Step::PutGroup { id: id.clone(), group, expected: expected(&headers) };
    let caller = caller.provision(&app, step, note).await?;
    if asked.names_attributes() {
        return answer(&caller, &place, &id, StatusCode::OK, &asked).map(IntoResponse::into_response);
    }
    Ok(StatusCode::NO_CONTENT.into_response())
}

pub async fn remove(
    State(app): State<App>,
    caller: Result<Provisioner, Problem>,
    id: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> Result<StatusCode, Refusal> {
    let (caller, Path(id)) = (caller?, id.map_err(Problem::from)?);
    let note = caller.note("scim-group-delete", &id);
    caller.provision(&app, Step::RemoveGroup { id, expected: expected(&headers) }, note).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn unknown(id: &str) -> Problem {
    Problem::not_found(format!("there is no group '{id}'"))
}

/// What is asked of a group, with the people that a filter means by their ids.
fn change_of(caller: &Provisioner, id: &str, group: Group) -> GroupChange {
    let meant = |filter: &Filter| {
        let holds = |user: &&str| filter.matches(&named(user));
        caller.provisioned().members(id).filter(holds).map(str::to_owned).collect()
    };
    let members = group.members.into_iter().map(|step| match step {
        MemberStep::Add(users) => MembersChange::Add(users),
        MemberStep::Remove(users) => MembersChange::Remove(users),
        MemberStep::Replace(users) => MembersChange::Replace(users),
        // Nearly always it is about one, who need not be looked for.
        MemberStep::RemoveWhere(filter) => MembersChange::Remove(match filter.demands("value") {
            Some(user) if filter.matches(&named(user)) => vec![user.to_owned()],
            _ => meant(&filter),
        }),
    });
    GroupChange { display_name: group.display_name, external_id: group.external_id, members: members.collect() }
}

/// What a filter of members can be about without knowing where they are.
fn named(user: &str) -> Resource {
    Resource::from_iter([("value".to_owned(), user.into()), ("type".to_owned(), Kind::User.name().into())])
}

fn answer(caller: &Provisioner, place: &Place, id: &str, status: StatusCode, asked: &Asked) -> Result<Answer, Refusal> {
    let provisioned = caller.provisioned();
    let chosen = asked.chosen(Kind::Group)?;
    let known = provisioned.group(id).zip(resources::group(provisioned, id, place, chosen.has(MEMBERS)));
    let (group, resource) = known.ok_or_else(|| unknown(id))?;
    let location = (status == StatusCode::CREATED).then(|| place.of(Kind::Group, id));
    let body = Value::Object(chosen.of(resource, Kind::Group));
    Ok(Answer { status, body, etag: Some(etag(group.version)), location })
}
