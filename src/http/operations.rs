//! What runs the server asks: is it alive, is it ready, how is it doing.

use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::App;
use super::attempts::Source;
use super::problem::{Problem, ProblemBody};
use crate::calendar::{Date, Zone, ZoneDatabase};
use crate::cluster::Ships;
use crate::engine::{STORE_FILE, allocated_bytes};
use crate::model::UnixMs;

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

/// Counters in the Prometheus text format. For everyone: they name no organization.
#[utoipa::path(
    get, path = "/metrics", tag = "operations", security(()),
    responses((status = 200, body = String, content_type = "text/plain")),
)]
pub async fn metrics(State(app): State<App>) -> impl IntoResponse {
    let (engine, http) = (app.engine.metrics(), &app.counters);
    let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    let mut out = String::new();
    let mut write = |name: &str, kind: &str, help: &str, value: u64| {
        writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}").expect("strings take every write");
    };
    let mut count = |name: &str, help: &str, counter| write(name, "counter", help, read(counter));
    count("rollcall_events_accepted_total", "Events counted.", &engine.accepted_events);
    count(
        "rollcall_events_completed_total",
        "Accepted events that told the tokens of a call counted without them.",
        &engine.completed_events,
    );
    count("rollcall_events_duplicate_total", "Events counted before.", &engine.duplicate_events);
    count("rollcall_events_rejected_total", "Events that were not valid.", &http.rejected_events);
    count("rollcall_calls_unpriced_total", "Calls counted without a known price.", &engine.unpriced_calls);
    count("rollcall_commits_total", "Durable commits.", &engine.commits);
    count("rollcall_commits_failed_total", "Commits that failed.", &engine.failed_commits);
    count("rollcall_commit_microseconds_total", "Time spent in commits.", &engine.commit_microseconds);
    count("rollcall_questions_total", "Questions answered from the store.", &http.questions);
    count("rollcall_question_microseconds_total", "Time spent answering them.", &http.question_microseconds);
    count("rollcall_decisions_total", "Calls decided on.", &http.decisions);
    count("rollcall_decisions_refused_total", "Calls that were refused.", &http.refused_decisions);
    count("rollcall_requests_total", "Requests answered, whatever with.", &http.requests);
    count("rollcall_requests_busy_total", "Requests answered 503.", &http.busy_requests);
    count("rollcall_requests_failed_total", "Requests answered 500.", &http.failed_requests);
    count("rollcall_audit_entries_total", "Entries of the audit log, since it began.", &engine.audit_entries);
    count("rollcall_backups_total", "Scheduled backups made.", &engine.backups);
    count("rollcall_backups_failed_total", "Scheduled backups that failed.", &engine.failed_backups);
    let left_out = app.engine.decisions_left_out();
    let help = "Refused decisions that the log has not, because there were too many at once.";
    write("rollcall_decisions_unlogged_total", "counter", help, left_out);
    let queued = engine.queued_events.load(Ordering::Relaxed) as u64;
    write("rollcall_queue_events", "gauge", "Events waiting to be written.", queued);
    let waiting = app.engine.waiting_senders() as u64;
    write("rollcall_queue_waiting_requests", "gauge", "Requests waiting for room in the queue.", waiting);
    let file = app.engine.directory().map(|directory| directory.join(STORE_FILE));
    let size = file.and_then(|file| allocated_bytes(&file).ok()).unwrap_or_default();
    write("rollcall_store_allocated_bytes", "gauge", "What the store's file takes on disk.", size);
    let help = "When the last scheduled backup was whole; 0 when there is none.";
    write("rollcall_last_backup_timestamp_seconds", "gauge", help, read(&engine.last_backup_unix_s));
    // 0 of a server that does not ship.
    let ships = |value: fn(&Ships, UnixMs) -> u64| app.shipping.get().map_or(0, |ships| value(ships, app.engine.now()));
    write("rollcall_ships", "gauge", "Whether this server ships to a cluster.", ships(|_, _| 1));
    let help = "How far behind the store what is on every shard of the cluster is, in seconds.";
    write("rollcall_ship_lag_seconds", "gauge", help, ships(Ships::lag_seconds));
    let help = "Commits that changed something and are not on every shard.";
    write("rollcall_ship_commits_behind", "gauge", help, ships(|ships, _| ships.commits_behind()));
    let help = "Whether the last try to ship failed; the log says why.";
    write("rollcall_ship_failing", "gauge", help, ships(|ships, _| ships.error().is_some().into()));
    write("rollcall_ship_failures_total", "counter", "Tries to ship that failed.", ships(|ships, _| ships.failures()));
    let help = "Organizations that are not shipped because another node owns them.";
    write("rollcall_ship_refused_organizations", "gauge", help, ships(|ships, _| ships.refused_organizations()));
    let help = "Months of which the cluster had other sums when they were last compared.";
    write("rollcall_ship_differing_months", "gauge", help, ships(|ships, _| ships.differing_months()));
    let (zones, book) = (ZoneDatabase::current(), app.prices());
    let at = |date: &str| Date::parse(date).map_or(0, |date| Zone::UTC.day_start(date) / 1000) as u64;
    let help = "A day on which the zone rules in use were current.";
    write("rollcall_zone_database_timestamp_seconds", "gauge", help, at(zones.edition().date()));
    let help = "Runs of days that cannot be answered because they do not begin where sums can be cut.";
    write("rollcall_zone_database_uncut", "gauge", help, zones.uncut().count() as u64);
    let help = "The day of the list prices in use.";
    write("rollcall_list_prices_timestamp_seconds", "gauge", help, at(book.list().date()));
    let name = "rollcall_reference_info";
    let [zones, prices] = [zones.edition().version(), book.list().date()];
    out.push_str(&format!(
        "# HELP {name} The reference data in use.\n# TYPE {name} gauge\n\
         {name}{{zone_database=\"{zones}\",list_prices=\"{prices}\"}} 1\n"
    ));
    app.feeds.write(&mut out);
    app.deliveries.write(&mut out);
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], out)
}

/// What is counted of requests, since the start.
#[derive(Debug, Default)]
pub struct Counters {
    pub rejected_events: AtomicU64,
    pub questions: AtomicU64,
    pub question_microseconds: AtomicU64,
    pub decisions: AtomicU64,
    pub refused_decisions: AtomicU64,
    requests: AtomicU64,
    busy_requests: AtomicU64,
    failed_requests: AtomicU64,
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
