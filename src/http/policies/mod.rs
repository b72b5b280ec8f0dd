//! `/v1/policies` and `/v1/providers`: which models and providers calls may use.

pub mod wire;

use std::collections::BTreeSet;

use axum::Json;
use axum::extract::State;
use axum::response::Response;

use self::wire::{ModeName, Policies, PolicyAnswer, PolicyBody, PolicyList, ProviderBody, ProviderList};
use super::App;
use super::access::{Caller, Subject};
use super::body::{JsonObject, JsonObjects};
use super::budgets::amount;
use super::directory::id;
use super::directory::wire::DirectoryAnswer;
use super::listing::{ListParameters, Listed, Table};
use super::problem::{Problem, ProblemBody};
use super::render::usd;
use crate::directory::{Change, POLICIES, PolicyMode, PolicyUpdate, ProviderUpdate};
use crate::engine::Note;
use crate::model::{canonical_model, canonical_provider};

/// Names in one list of a policy, or attributes of one provider.
const NAMES: usize = 1000;
/// Providers that attributes are told of at once: there are some hundreds.
const PROVIDERS: usize = 10_000;

/// Merges policies, by id; what is absent stays. All of it is taken, or none.
///
/// For operators, and for owners and admins of the organization that each is of.
#[utoipa::path(
    put, path = "/v1/policies", tag = "budgets", request_body = Policies,
    responses(
        (status = 200, body = DirectoryAnswer),
        (status = 404, body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
pub async fn put_policies(
    State(app): State<App>,
    caller: Caller,
    body: Result<JsonObject<Policies>, Problem>,
) -> Result<Json<DirectoryAnswer>, Problem> {
    caller.may_set_limits()?;
    let JsonObject(Policies { policies }) = body?;
    if policies.len() > POLICIES {
        let given = policies.len();
        return Err(Problem::bad_request(format!("there are {given} policies; at most {POLICIES} are allowed")));
    }
    for policy in &policies {
        caller.may_set_limits_of(&policy.organization_id)?;
    }
    let updates = policies.into_iter().map(update).collect::<Result<_, _>>()?;
    let note = Note { user_id: caller.user_id().map(str::to_owned), ..Note::new(&caller.token_id, "policy-change") };
    let outcome = app.engine.audited(Change::PutPolicies(updates), note)?.answer().await?;
    Ok(Json(DirectoryAnswer { written: outcome.changed }))
}

/// The policies of an organization, by id.
///
/// For operators and members; developers see those of the organization and of their projects.
#[utoipa::path(
    get, path = "/v1/policies", tag = "budgets",
    params(("organizationId" = String, Query, description = "The organization"), ListParameters),
    responses(
        (status = 200, body = PolicyList),
        (status = 404, body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
pub async fn get_policies(listed: Listed) -> Result<Response, Problem> {
    let caller = &listed.caller;
    let organization_id = listed.parameters.required("organizationId")?;
    let organization = caller.may_ask(organization_id, Subject::Budgets)?;
    let theirs: BTreeSet<&String> = caller.projects(organization).map(|(id, _)| id).collect();
    let seen =
        organization.policies.iter().filter(|(_, of)| of.project_id.as_ref().is_none_or(|id| theirs.contains(id)));
    let policies = seen.map(|(id, policy)| PolicyAnswer {
        id: id.clone(),
        organization_id: organization_id.to_owned(),
        project_id: policy.project_id.clone(),
        mode: match policy.mode {
            PolicyMode::Enforce => ModeName::Enforce,
            PolicyMode::Observe => ModeName::Observe,
        },
        allowed_models: policy.allowed_models.clone(),
        denied_models: policy.denied_models.clone(),
        allowed_providers: policy.allowed_providers.clone(),
        denied_providers: policy.denied_providers.clone(),
        required_attributes: policy.required_attributes.clone(),
        order: policy.order.clone(),
        max_cost: policy.max_cost.map(usd),
        status: policy.status.into(),
    });
    let (policies, next) = listed.part(policies)?;
    let list = PolicyList { policies, next };
    listed.answer(&TABLE, &list, &list.policies)
}

const TABLE: Table = Table {
    name: "policies",
    columns: &[
        "id",
        "organizationId",
        "projectId",
        "mode",
        "allowedModels",
        "deniedModels",
        "allowedProviders",
        "deniedProviders",
        "requiredAttributes",
        "order",
        "maxCost",
        "status",
    ],
};

/// Says what providers have: certifications, a region, that they do not train on what is sent.
///
/// The attributes of each take the place of those it had; providers that are not named keep theirs. Operator only.
#[utoipa::path(
    put, path = "/v1/providers", tag = "budgets", request_body = Vec<ProviderBody>,
    responses(
        (status = 200, body = DirectoryAnswer),
    ),
)]
pub async fn put_providers(
    State(app): State<App>,
    caller: Caller,
    body: Result<JsonObjects<ProviderBody>, Problem>,
) -> Result<Json<DirectoryAnswer>, Problem> {
    caller.require_operator()?;
    let JsonObjects(providers) = body?;
    if providers.len() > PROVIDERS {
        let given = providers.len();
        return Err(Problem::bad_request(format!("there are {given} providers; at most {PROVIDERS} are allowed")));
    }
    let update = |provider: ProviderBody| -> Result<ProviderUpdate, Problem> {
        let name = id("id", provider.id)?;
        Ok(ProviderUpdate {
            id: canonical_provider(&name).into_owned(),
            attributes: names("attributes", provider.attributes)?,
        })
    };
    let updates = providers.into_iter().map(update).collect::<Result<_, _>>()?;
    let note = Note::new(&caller.token_id, "provider-change");
    let outcome = app.engine.audited(Change::PutProviders(updates), note)?.answer().await?;
    Ok(Json(DirectoryAnswer { written: outcome.changed }))
}

/// What providers have, as the operator has said, by id.
///
/// For operator and user tokens.
#[utoipa::path(
    get, path = "/v1/providers", tag = "budgets",
    params(ListParameters),
    responses(
        (status = 200, body = ProviderList),
    ),
)]
pub async fn get_providers(listed: Listed) -> Result<Response, Problem> {
    listed.caller.may_read_calendar()?;
    let providers = listed.caller.directory().providers().iter();
    let body =
        |(id, attributes): (&String, &Vec<String>)| ProviderBody { id: id.clone(), attributes: attributes.clone() };
    let (providers, next) = listed.part(providers.map(body))?;
    let list = ProviderList { providers, next };
    listed.answer(&Table { name: "providers", columns: &["id", "attributes"] }, &list, &list.providers)
}

/// Checks a policy and turns it into an update.
fn update(body: PolicyBody) -> Result<PolicyUpdate, Problem> {
    let models = |field, given: Option<Vec<String>>| {
        let given = given.map(|given| names(field, given)).transpose()?;
        Ok::<_, Problem>(given.map(|given| given.iter().map(|name| canonical_model(name).to_owned()).collect()))
    };
    let providers = |field, given: Option<Vec<String>>| {
        let given = given.map(|given| names(field, given)).transpose()?;
        Ok::<_, Problem>(given.map(|given| given.iter().map(|name| canonical_provider(name).into_owned()).collect()))
    };
    let nullable = |given: Option<Option<Vec<String>>>| (given.is_some(), given.flatten());
    let (models_given, allowed_models) = nullable(body.allowed_models);
    let (providers_given, allowed_providers) = nullable(body.allowed_providers);
    let (allowed_models, allowed_providers) =
        (models("allowedModels", allowed_models)?, providers("allowedProviders", allowed_providers)?);
    let max_cost = body.max_cost.map(|cost| match cost.get() {
        "null" => Ok(None),
        _ => amount("maxCost", &cost).map(|cost| Some(cost.0)),
    });
    Ok(PolicyUpdate {
        id: id("policies[].id", body.id)?,
        organization_id: id("policies[].organizationId", body.organization_id)?,
        project_id: body
            .project_id
            .map(|given| given.map(|project| id("projectId", project)).transpose())
            .transpose()?,
        mode: body.mode.map(|mode| match mode {
            ModeName::Enforce => PolicyMode::Enforce,
            ModeName::Observe => PolicyMode::Observe,
        }),
        allowed_models: models_given.then_some(allowed_models),
        denied_models: models("deniedModels", body.denied_models)?,
        allowed_providers: providers_given.then_some(allowed_providers),
        denied_providers: providers("deniedProviders", body.denied_providers)?,
        required_attributes: body.required_attributes.map(|given| names("requiredAttributes", given)).transpose()?,
        order: body.order.map(|given| names("order", given)).transpose()?,
        max_cost: max_cost.transpose().map_err(Problem::bad_request)?,
        status: body.status.map(Into::into),
    })
}

/// Checks a list of names.
fn names(field: &str, names: Vec<String>) -> Result<Vec<String>, Problem> {
    if names.len() > NAMES {
        return Err(Problem::bad_request(format!("{field} has {} names; at most {NAMES} are allowed", names.len())));
    }
    names.into_iter().map(|name| id(field, name)).collect()
}
