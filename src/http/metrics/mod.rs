//! What Prometheus scrapes.
//!
//! Owns the names of metrics and the formats in which they are written.
//!
//! Does not know what is counted where: it reads counters that others keep, and asks the questions that everybody asks.
//!
//! Invariants: base units (seconds, bytes, dollars); `/metrics` names no organization, as it needs no token; how many
//! series there are does not grow with usage.

pub mod exposition;
pub mod usage;

use std::sync::atomic::{AtomicU64, Ordering};

use axum::extract::State;
use axum::http::HeaderMap;

use self::exposition::{Exposition, Format, Kind, seconds};
use super::App;
use crate::calendar::{Date, Zone, ZoneDatabase};
use crate::cluster::Ships;
use crate::engine::{STORE_FILE, allocated_bytes};
use crate::model::UnixMs;

/// Counters in the Prometheus text format, or as OpenMetrics where `Accept` names it.
///
/// For everyone: they name no organization.
#[utoipa::path(
    get, path = "/metrics", tag = "operations", security(()),
    responses((status = 200, content((String = "text/plain"), (String = "application/openmetrics-text")))),
)]
pub async fn metrics(headers: HeaderMap, State(app): State<App>) -> Exposition {
    let (engine, http) = (app.engine.metrics(), &app.counters);
    let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    let mut out = Exposition::new(Format::asked(&headers));
    let mut count = |name, help, counter| out.counter(name, help, read(counter));
    count("rollcall_events_accepted_total", "Events counted.", &engine.accepted_events);
    let help = "Accepted events that told the tokens of a call counted without them.";
    count("rollcall_events_completed_total", help, &engine.completed_events);
    count("rollcall_events_duplicate_total", "Events counted before.", &engine.duplicate_events);
    count("rollcall_events_rejected_total", "Events that were not valid.", &http.rejected_events);
    count("rollcall_calls_unpriced_total", "Calls counted without a known price.", &engine.unpriced_calls);
    count("rollcall_commits_total", "Durable commits.", &engine.commits);
    count("rollcall_commits_failed_total", "Commits that failed.", &engine.failed_commits);
    count("rollcall_questions_total", "Questions answered from the store.", &http.questions);
    count("rollcall_decisions_total", "Calls decided on.", &http.decisions);
    count("rollcall_decisions_refused_total", "Calls that were refused.", &http.refused_decisions);
    count("rollcall_requests_total", "Requests answered, whatever with.", &http.requests);
    count("rollcall_requests_busy_total", "Requests answered 503.", &http.busy_requests);
    count("rollcall_requests_failed_total", "Requests answered 500.", &http.failed_requests);
    count("rollcall_audit_entries_total", "Entries of the audit log, since it began.", &engine.audit_entries);
    count("rollcall_backups_total", "Scheduled backups made.", &engine.backups);
    count("rollcall_backups_failed_total", "Scheduled backups that failed.", &engine.failed_backups);
    let mut time = |name, help, counter| out.counter(name, help, seconds(read(counter)));
    time("rollcall_commit_seconds_total", "Time spent in commits.", &engine.commit_microseconds);
    time("rollcall_question_seconds_total", "Time spent answering questions.", &http.question_microseconds);
    let help = "Refused decisions that the log has not, because there were too many at once.";
    out.counter("rollcall_decisions_unlogged_total", help, app.engine.decisions_left_out());
    out.gauge("rollcall_queue_events", "Events waiting to be written.", engine.queued_events.load(Ordering::Relaxed));
    let help = "Requests waiting for room in the queue.";
    out.gauge("rollcall_queue_waiting_requests", help, app.engine.waiting_senders());
    let file = app.engine.directory().map(|directory| directory.join(STORE_FILE));
    let size = file.and_then(|file| allocated_bytes(&file).ok()).unwrap_or_default();
    out.gauge("rollcall_store_allocated_bytes", "What the store's file takes on disk.", size);
    let help = "When the last scheduled backup was whole; 0 when there is none.";
    out.gauge("rollcall_last_backup_timestamp_seconds", help, read(&engine.last_backup_unix_s));
    write_shipping(&app, &mut out);
    let (zones, book) = (ZoneDatabase::current(), app.prices());
    let at = |date: &str| Date::parse(date).map_or(0, |date| Zone::UTC.day_start(date) / 1000);
    let help = "A day on which the zone rules in use were current.";
    out.gauge("rollcall_zone_database_timestamp_seconds", help, at(zones.edition().date()));
    let help = "Runs of days that cannot be answered because they do not begin where sums can be cut.";
    out.gauge("rollcall_zone_database_uncut", help, zones.uncut().count());
    let help = "The day of the list prices in use.";
    out.gauge("rollcall_list_prices_timestamp_seconds", help, at(book.list().date()));
    let in_use = [("zone_database", zones.edition().version()), ("list_prices", book.list().date())];
    out.family(Kind::Info, "rollcall_reference_info", "The reference data in use.").sample(&in_use, 1);
    app.feeds.write(&mut out);
    app.deliveries.write(&mut out);
    out
}

/// How shipping to a cluster goes; all 0 of a server that does not ship.
fn write_shipping(app: &App, out: &mut Exposition) {
    let now = app.engine.now();
    let ships = |value: fn(&Ships, UnixMs) -> u64| app.shipping.get().map_or(0, |ships| value(ships, now));
    out.gauge("rollcall_ships", "Whether this server ships to a cluster.", ships(|_, _| 1));
    let help = "How far behind the store what is on every shard of the cluster is, in seconds.";
    out.gauge("rollcall_ship_lag_seconds", help, ships(Ships::lag_seconds));
    let help = "Commits that changed something and are not on every shard.";
    out.gauge("rollcall_ship_commits_behind", help, ships(|ships, _| ships.commits_behind()));
    let help = "Whether the last try to ship failed; the log says why.";
    out.gauge("rollcall_ship_failing", help, ships(|ships, _| ships.error().is_some().into()));
    out.counter("rollcall_ship_failures_total", "Tries to ship that failed.", ships(|ships, _| ships.failures()));
    let help = "Organizations that are not shipped because another node owns them.";
    out.gauge("rollcall_ship_refused_organizations", help, ships(|ships, _| ships.refused_organizations()));
    let help = "Months of which the cluster had other sums when they were last compared.";
    out.gauge("rollcall_ship_differing_months", help, ships(|ships, _| ships.differing_months()));
}
