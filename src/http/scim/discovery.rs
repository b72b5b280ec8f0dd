//! What the server can do, by SCIM's own description.

use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use serde_json::{Value, json};

use super::MOST_RESULTS;
use super::answer::{Answer, Refusal};
use super::request::Place;
use crate::http::access::Provisioner;
use crate::http::problem::Problem;
use crate::scim;

pub async fn service_provider_config(place: Place, caller: Result<Provisioner, Problem>) -> Result<Answer, Refusal> {
    caller?;
    Ok(Answer::ok(at(&place, "/ServiceProviderConfig", scim::service_provider_config(MOST_RESULTS))))
}

pub async fn resource_types(place: Place, caller: Result<Provisioner, Problem>) -> Result<Answer, Refusal> {
    caller?;
    Ok(listed(&place, "/ResourceTypes", scim::resource_types()))
}

pub async fn resource_type(
    place: Place,
    caller: Result<Provisioner, Problem>,
    id: Result<Path<String>, PathRejection>,
) -> Result<Answer, Refusal> {
    caller?;
    one(&place, "/ResourceTypes", scim::resource_types(), id)
}

pub async fn schemas(place: Place, caller: Result<Provisioner, Problem>) -> Result<Answer, Refusal> {
    caller?;
    Ok(listed(&place, "/Schemas", scim::schemas()))
}

pub async fn schema(
    place: Place,
    caller: Result<Provisioner, Problem>,
    id: Result<Path<String>, PathRejection>,
) -> Result<Answer, Refusal> {
    caller?;
    one(&place, "/Schemas", scim::schemas(), id)
}

fn at(place: &Place, path: &str, mut body: Value) -> Value {
    body["meta"]["location"] = place.at(path).into();
    body
}

fn listed(place: &Place, path: &str, all: Vec<(&'static str, Value)>) -> Answer {
    let all: Vec<Value> = all.into_iter().map(|(id, body)| at(place, &format!("{path}/{id}"), body)).collect();
    Answer::ok(json!({
        "schemas": [scim::LIST_RESPONSE],
        "totalResults": all.len(),
        "startIndex": 1,
        "itemsPerPage": all.len(),
        "Resources": all,
    }))
}

fn one(
    place: &Place,
    path: &str,
    all: Vec<(&'static str, Value)>,
    asked: Result<Path<String>, PathRejection>,
) -> Result<Answer, Refusal> {
    let Path(asked) = asked.map_err(Problem::from)?;
    let found = all.into_iter().find(|(id, _)| id.eq_ignore_ascii_case(&asked));
    let (id, body) = found.ok_or_else(|| Problem::not_found(format!("there is no {path}/{asked}")))?;
    Ok(Answer::ok(at(place, &format!("{path}/{id}"), body)))
}
