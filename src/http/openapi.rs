//! The contract as OpenAPI, made from the handlers themselves.

use axum::http::header;
use axum::response::IntoResponse;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};

use super::{
    analytics, audit, calendar, dashboard, directory, events, export, intake, invoices, maintenance, operations,
    reprice, session, tokens,
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

pub async fn serve() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], openapi_json())
}
