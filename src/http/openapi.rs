//! The contract as OpenAPI, made from the handlers themselves.

use std::collections::HashMap;
use std::sync::LazyLock;

use axum::http::{Method, header};
use axum::response::IntoResponse;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};

use super::{
    analytics, audit, calendar, dashboard, directory, events, export, intake, invoices, maintenance, operations,
    reprice, session, tokens, views,
};

#[derive(OpenApi)]
#[openapi(
    info(title = "Rollcall", description = "LLM spend by team, key, model and person."),
    paths(
        events::post_events,
        events::feeds::post_litellm,
        events::feeds::post_llmgateway,
        events::feeds::post_transcripts,
        events::feeds::post_traces,
        events::feeds::post_logs,
        events::feeds::post_metrics,
        invoices::post_invoices,
        directory::put_directory,
        directory::get_directory,
        directory::delete_member,
        tokens::post_token,
        tokens::get_tokens,
        tokens::get_token,
        tokens::delete_token,
        views::get_views,
        views::post_view,
        views::put_view,
        views::delete_view,
        session::sign_in,
        session::sign_out,
        session::signed_in,
        session::me,
        session::projects,
        calendar::get_calendar,
        calendar::get_zones,
        dashboard::look::settings,
        dashboard::look::logo,
        analytics::activity,
        analytics::members,
        analytics::member,
        analytics::api_keys,
        analytics::api_key,
        analytics::my_usage,
        invoices::get_reconciliation,
        export::export,
        maintenance::compact,
        maintenance::reread,
        maintenance::backup,
        maintenance::verify,
        audit::get_audit,
        intake::get_intake,
        intake::post_intake,
        reprice::post_reprice,
        reprice::get_repricings,
        operations::healthz,
        operations::readyz,
        operations::metrics,
    ),
    modifiers(&Token),
    security(("token" = [])),
)]
struct Api;

struct Token;

impl Modify for Token {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let scheme = SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build());
        openapi.components.get_or_insert_default().add_security_scheme("token", scheme);
    }
}

/// The document, indented, as `docs/openapi.json` has it.
pub fn openapi_json() -> String {
    Api::openapi().to_pretty_json().expect("the document serializes") + "\n"
}

/// Names of query parameters by method and path, with `{}` for whatever a part of a path is called.
static QUERIES: LazyLock<HashMap<String, Vec<String>>> = LazyLock::new(|| {
    let document = serde_json::to_value(Api::openapi()).expect("the document serializes");
    let mut queries = HashMap::new();
    for (path, methods) in document["paths"].as_object().expect("there are paths") {
        for (method, operation) in methods.as_object().expect("a path has methods") {
            let described = operation["parameters"].as_array().into_iter().flatten();
            let in_query = described.filter(|parameter| parameter["in"] == "query");
            let names = in_query.filter_map(|parameter| parameter["name"].as_str().map(str::to_owned));
            queries.insert(shape(method, path), names.collect());
        }
    }
    queries
});

/// The query parameters that a route takes: those that are described, and no others.
pub fn query_parameters(method: &Method, route: &str) -> &'static [String] {
    let method = if method == Method::HEAD { &Method::GET } else { method };
    QUERIES.get(&shape(method.as_str(), route)).map_or(&[], Vec::as_slice)
}

fn shape(method: &str, path: &str) -> String {
    let parts = path.split('/').map(|part| if part.starts_with('{') { "{}" } else { part });
    parts.fold(method.to_ascii_uppercase(), |shape, part| shape + "/" + part)
}

pub async fn serve() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], openapi_json())
}
