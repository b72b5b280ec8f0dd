//! What runs the server asks: is it alive, is it ready, how is it doing.

use std::fmt::Write;
use std::sync::atomic::Ordering;

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use serde::Serialize;
use utoipa::ToSchema;

use super::App;
use super::problem::{Problem, ProblemBody};
use crate::calendar::ZONE_DATABASE_VERSION;

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Health {
    status: &'static str,
    version: &'static str,
    /// Version of the zone rules compiled in.
    zone_database: &'static str,
}

/// Whether the process answers. For everyone.
#[utoipa::path(get, path = "/healthz", tag = "operations", responses((status = 200, body = Health)))]
pub async fn healthz() -> Json<Health> {
    Json(Health { status: "ok", version: env!("CARGO_PKG_VERSION"), zone_database: ZONE_DATABASE_VERSION })
}

/// Whether events and questions are taken. For everyone.
#[utoipa::path(
    get, path = "/readyz", tag = "operations",
    responses((status = 200, body = Health), (status = 503, body = ProblemBody, content_type = "application/problem+json")),
)]
pub async fn readyz(State(app): State<App>) -> Result<Json<Health>, Problem> {
    if app.engine.is_writing() {
        Ok(healthz().await)
    } else {
        Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "the writer has stopped"))
    }
}

/// Counters in the Prometheus text format. For everyone: they name no organization.
#[utoipa::path(
    get, path = "/metrics", tag = "operations",
    responses((status = 200, body = String, content_type = "text/plain")),
)]
pub async fn metrics(State(app): State<App>) -> impl IntoResponse {
    let m = app.engine.metrics();
    let mut out = String::new();
    for (name, kind, help, value) in [
        ("rollcall_events_accepted_total", "counter", "Events counted.", m.accepted_events.load(Ordering::Relaxed)),
        (
            "rollcall_events_duplicate_total",
            "counter",
            "Events counted before.",
            m.duplicate_events.load(Ordering::Relaxed),
        ),
        ("rollcall_commits_total", "counter", "Durable commits.", m.commits.load(Ordering::Relaxed)),
        ("rollcall_commits_failed_total", "counter", "Commits that failed.", m.failed_commits.load(Ordering::Relaxed)),
        (
            "rollcall_commit_microseconds_total",
            "counter",
            "Time spent in commits.",
            m.commit_microseconds.load(Ordering::Relaxed),
        ),
        (
            "rollcall_queue_events",
            "gauge",
            "Events waiting to be written.",
            m.queued_events.load(Ordering::Relaxed) as u64,
        ),
        ("rollcall_backups_total", "counter", "Backups made by the clock.", m.backups.load(Ordering::Relaxed)),
        (
            "rollcall_backups_failed_total",
            "counter",
            "Backups by the clock that failed.",
            m.failed_backups.load(Ordering::Relaxed),
        ),
        (
            "rollcall_last_backup_timestamp_seconds",
            "gauge",
            "When the last backup by the clock was whole; 0 when there is none.",
            m.last_backup_unix_s.load(Ordering::Relaxed),
        ),
    ] {
        writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}").expect("strings take every write");
    }
    app.feeds.write(&mut out);
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], out)
}
