//! What runs the server asks: is it alive, is it ready; and what is counted of requests.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use super::App;
use super::attempts::Source;
use super::problem::{Problem, ProblemBody};
use crate::calendar::ZoneDatabase;

/// Where reference data is from that came with the binary.
const BUILT_IN: &str = "built in";

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Health {
    status: &'static str,
    version: &'static str,
    /// The edition of the zone rules in use, as IANA calls it.
    zone_database: &'static str,
    /// A day on which they were current.
    zone_database_date: &'static str,
    /// `built in`, or `directory` (`--zone-database`).
    zone_database_source: &'static str,
    list_prices: ListPricesBody,
}

/// The list prices in use.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ListPricesBody {
    /// The day they are of.
    date: String,
    /// `built in`, or `file` (`--list-prices`).
    source: &'static str,
    models: usize,
}

/// Whether the process answers. For everyone.
#[utoipa::path(get, path = "/healthz", tag = "operations", security(()), responses((status = 200, body = Health)))]
pub async fn healthz(State(app): State<App>) -> Json<Health> {
    health(&app)
}

/// What is said of a server that answers.
pub fn health(app: &App) -> Json<Health> {
    let (zones, prices) = (ZoneDatabase::current().edition(), app.prices());
    Json(Health {
        status: "ok",
        version: env!("CARGO_PKG_VERSION"),
        zone_database: zones.version(),
        zone_database_date: zones.date(),
        zone_database_source: if zones.directory().is_some() { "directory" } else { BUILT_IN },
        list_prices: ListPricesBody {
            date: prices.list().date().to_owned(),
            source: if prices.list().is_built_in() { BUILT_IN } else { "file" },
            models: prices.list().models(),
        },
    })
}

/// Whether events and questions are taken. For everyone.
#[utoipa::path(
    get, path = "/readyz", tag = "operations", security(()),
    responses(
        (status = 200, body = Health),
        (status = 503, body = ProblemBody, content_type = "application/problem+json", description = "Not now"),
    ),
)]
pub async fn readyz(State(app): State<App>) -> Result<Json<Health>, Problem> {
    if app.engine.is_writing() {
        Ok(health(&app))
    } else {
        Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "the writer has stopped"))
    }
}

/// What is counted of requests, since the start.
#[derive(Debug, Default)]
pub struct Counters {
    pub rejected_events: AtomicU64,
    pub questions: AtomicU64,
    pub question_microseconds: AtomicU64,
    pub decisions: AtomicU64,
    pub refused_decisions: AtomicU64,
    pub requests: AtomicU64,
    pub busy_requests: AtomicU64,
    pub failed_requests: AtomicU64,
}

/// What every address of a link begins with; the rest of it is a secret.
const LINKS: &str = "/v1/links/";

/// Counts a request and says in the log what became of it. The query is left out: it may name people.
pub async fn take_note(State(app): State<App>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let path = if path.starts_with(LINKS) { LINKS } else { path }.to_owned();
    let (method, started) = (request.method().clone(), Instant::now());
    let source = Source::of(request.headers(), request.extensions());
    let response = next.run(request).await;
    let (status, microseconds) = (response.status(), started.elapsed().as_micros() as u64);
    app.counters.requests.fetch_add(1, Ordering::Relaxed);
    match status {
        StatusCode::SERVICE_UNAVAILABLE => drop(app.counters.busy_requests.fetch_add(1, Ordering::Relaxed)),
        StatusCode::INTERNAL_SERVER_ERROR => drop(app.counters.failed_requests.fetch_add(1, Ordering::Relaxed)),
        _ => {}
    }
    tracing::debug!(%method, path, status = status.as_u16(), microseconds, %source, "request");
    response
}
