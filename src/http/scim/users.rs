//! `/scim/v2/Users`: people.

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use tokio::sync::Mutex;

use super::answer::{Answer, Refusal, etag, expected, is_known};
use super::lists;
use super::request::{Asked, Json, Place};
use super::resources::{self, provided, stored};
use crate::directory::{ChangeError, ProvisionError, Secret, Step};
use crate::engine::EngineError;
use crate::http::App;
use crate::http::access::Provisioner;
use crate::http::problem::Problem;
use crate::scim::{Kind, Operations};

/// How often a change is tried again that somebody else came before.
const TRIES: usize = 100;
/// Whoever was too late waits for their turn before they try again.
static TURN: Mutex<()> = Mutex::const_new(());

pub async fn list(
    place: Place,
    caller: Result<Provisioner, Problem>,
    RawQuery(raw): RawQuery,
) -> Result<Answer, Refusal> {
    lists::answer(caller?, place, Asked::of_query(raw.as_deref())?, &[Kind::User]).await
}

pub async fn search(
    place: Place,
    caller: Result<Provisioner, Problem>,
    body: Result<Json, Refusal>,
) -> Result<Answer, Refusal> {
    let (caller, Json(body)) = (caller?, body?);
    lists::answer(caller, place, Asked::of_body(&body)?, &[Kind::User]).await
}

pub async fn one(
    place: Place,
    caller: Result<Provisioner, Problem>,
    id: Result<Path<String>, PathRejection>,
    RawQuery(raw): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let (caller, Path(id)) = (caller?, id.map_err(Problem::from)?);
    let known = caller.provisioned().user(&id).ok_or_else(|| unknown(&id))?;
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
    let provided = provided(Kind::User.read(body)?);
    let name = provided.user_name.clone();
    let note = caller.note("scim-user-create", &name);
    let step = Step::AddUser { provided, new_id: Secret::generate("usr_").reveal()[..20].to_owned() };
    let caller = caller.provision(&app, step, note).await?;
    let id = caller.provisioned().user_named(&name).map(str::to_owned);
    let id = id.ok_or_else(|| EngineError::from(ChangeError::Provision(ProvisionError::Changed { id: name })))?;
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
    let provided = provided(Kind::User.read(body)?);
    let note = caller.note("scim-user-change", &id);
    let step = Step::PutUser { id: id.clone(), provided, expected: expected(&headers) };
    let caller = caller.provision(&app, step, note).await?;
    answer(&caller, &place, &id, StatusCode::OK, &asked)
}

pub async fn change(
    State(app): State<App>,
    place: Place,
    caller: Result<Provisioner, Problem>,
    id: Result<Path<String>, PathRejection>,
    RawQuery(raw): RawQuery,
    headers: HeaderMap,
    body: Result<Json, Refusal>,
) -> Result<Answer, Refusal> {
    let (mut caller, Path(id), Json(body)) = (caller?, id.map_err(Problem::from)?, body?);
    let asked = Asked::of_query(raw.as_deref())?;
    let (operations, meant) = (Operations::read(body)?, expected(&headers));
    let mut turn = None;
    for _ in 0..TRIES {
        let known = caller.provisioned().user(&id).ok_or_else(|| unknown(&id))?;
        let (mut resource, version) = (stored(&known.provided), known.version);
        operations.apply(Kind::User, &mut resource)?;
        let note = caller.note("scim-user-change", &id);
        let (provided, expected) = (provided(resource), Some(meant.unwrap_or(version)));
        let step = Step::PutUser { id: id.clone(), provided, expected };
        match caller.provision(&app, step, note).await {
            // Somebody else came between reading and writing.
            Err(EngineError::Change(ChangeError::Provision(ProvisionError::Changed { .. }))) if meant.is_none() => {
                if turn.is_none() {
                    turn = Some(TURN.lock().await);
                }
                caller = caller.anew(&app);
            }
            written => return answer(&written?, &place, &id, StatusCode::OK, &asked),
        }
    }
    Err(EngineError::Busy.into())
}

pub async fn remove(
    State(app): State<App>,
    caller: Result<Provisioner, Problem>,
    id: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> Result<StatusCode, Refusal> {
    let (caller, Path(id)) = (caller?, id.map_err(Problem::from)?);
    let note = caller.note("scim-user-delete", &id);
    caller.provision(&app, Step::RemoveUser { id, expected: expected(&headers) }, note).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn unknown(id: &str) -> Problem {
    Problem::not_found(format!("there is no user '{id}'"))
}

fn answer(caller: &Provisioner, place: &Place, id: &str, status: StatusCode, asked: &Asked) -> Result<Answer, Refusal> {
    let provisioned = caller.provisioned();
    let chosen = asked.chosen(Kind::User)?;
    let known = provisioned.user(id).zip(resources::user(provisioned, id, place, chosen.has("groups")));
    let (user, resource) = known.ok_or_else(|| unknown(id))?;
    let location = (status == StatusCode::CREATED).then(|| place.of(Kind::User, id));
    let body = Value::Object(chosen.of(resource, Kind::User));
    Ok(Answer { status, body, etag: Some(etag(user.version)), location })
}
