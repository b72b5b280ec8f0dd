//! `/scim/v2`: people and groups as a company's own directory provisions them (RFC 7644). SCIM describes itself, at
//! `/scim/v2/Schemas`; so it is no part of the OpenAPI document, whose conventions it does not share.

mod answer;
mod discovery;
mod groups;
mod lists;
mod provisioning;
mod request;
mod resources;
mod users;

use axum::Router;
use axum::routing::{MethodRouter, get, post};

use self::answer::Refusal;
pub use self::provisioning::settle_groups;
use super::App;
use super::access::Provisioner;
use super::problem::Problem;

/// Where all of it is.
const ROOT: &str = "/scim/v2";
/// Resources of an answer that asks for no number of them, and how many one has at most.
const USUAL_RESULTS: usize = 100;
const MOST_RESULTS: usize = 1000;

pub fn routes() -> Router<App> {
    let at = |path: &str| format!("{ROOT}{path}");
    let route = |methods: MethodRouter<App>| methods.fallback(not_allowed);
    Router::new()
        .route(&at("/ServiceProviderConfig"), route(get(discovery::service_provider_config)))
        .route(&at("/ResourceTypes"), route(get(discovery::resource_types)))
        .route(&at("/ResourceTypes/{id}"), route(get(discovery::resource_type)))
        .route(&at("/Schemas"), route(get(discovery::schemas)))
        .route(&at("/Schemas/{id}"), route(get(discovery::schema)))
        .route(&at("/Users"), route(get(users::list).post(users::create)))
        .route(&at("/Users/.search"), route(post(users::search)))
        .route(
            &at("/Users/{id}"),
            route(get(users::one).put(users::replace).patch(users::change).delete(users::remove)),
        )
        .route(&at("/Groups"), route(get(groups::list).post(groups::create)))
        .route(&at("/Groups/.search"), route(post(groups::search)))
        .route(
            &at("/Groups/{id}"),
            route(get(groups::one).put(groups::replace).patch(groups::change).delete(groups::remove)),
        )
        .route(&at("/.search"), route(post(lists::search_all)))
        .route(ROOT, route(get(nothing)))
        .route(&at("/{*rest}"), axum::routing::any(nothing))
}

async fn nothing(caller: Result<Provisioner, Problem>) -> Refusal {
    match caller {
        Ok(_) => Problem::not_found("there is nothing here; see /scim/v2/ResourceTypes").into(),
        Err(problem) => problem.into(),
    }
}

async fn not_allowed(caller: Result<Provisioner, Problem>) -> Refusal {
    use axum::http::StatusCode;
    match caller {
        Ok(_) => Problem::new(StatusCode::METHOD_NOT_ALLOWED, "this path does not take that method").into(),
        Err(problem) => problem.into(),
    }
}
