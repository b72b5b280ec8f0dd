//! `rollcall doctor`: looks at a running set-up and says what is missing.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;

use clap::Args;
use indicatif::HumanCount;
use serde::Deserialize;
use serde_json::Value;

use super::agent_settings::{self, Agent};
use super::client::{Client, escaped};
use super::findings::Findings;
use super::target::{ADDRESS_FILE, Target, TargetArguments};
use super::{Failure, system_clock, zones};
use crate::calendar::{Date, Zone, compare_editions};
use crate::http::wire::{IntakeAnswer, IntakeBody, IntakeResult};
use crate::model::UnixMs;
use crate::store::StoreError;

/// A scheduled backup is by default made every day; one that is this old is late.
const OLD_BACKUP_S: u64 = 3 * 24 * 3600;
/// A pass takes a second or two.
const OLD_CLUSTER_S: u64 = 60;
const WINDOW_DAYS: i64 = 7;
/// Providers bring new models every few weeks.
const OLD_FILE_DAYS: i64 = 60;

/// Look at a running set-up and say what is missing
#[derive(Args)]
#[command(after_help = "Examples:
  rollcall doctor --data-dir /var/lib/rollcall
  ROLLCALL_TOKEN=rc_operator_… rollcall doctor --url http://127.0.0.1:8787
  rollcall doctor --client codex --url https://rollcall.example

Looks at the server and its disk, at backups, and at each organization's last seven days: whether
events arrive, have a price, and belong to somebody, and what became of what each source sent; and
at the age of zone rules and list prices.

With --client it looks at the settings of a coding agent on this machine instead, compares them
with those that docs/feeds.md shows, and tries whether the server they name takes their token.
Exit code 0 says that nothing is missing, 1 that something is, 2 that the server could not be
asked.")]
pub struct Arguments {
    #[command(flatten)]
    target: TargetArguments,
    /// Look at this agent's settings for whoever runs this; --url is then the server they should name
    #[arg(long, value_name = "CLIENT", env = "ROLLCALL_CLIENT", value_enum)]
    client: Option<Agent>,
}

#[derive(Deserialize)]
struct Me {
    kind: String,
    organizations: Vec<Organization>,
}

#[derive(Deserialize)]
struct Organization {
    id: String,
    timezone: Option<String>,
}

pub fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let mut findings = Findings::default();
    if let Some(agent) = arguments.client {
        agent_settings::look(agent, arguments.target.url.as_deref(), &mut findings)?;
        return Ok(findings.exit_code());
    }
    // While a server runs, its address is beside the store.
    let is_served =
        |directory: &Path| if directory.join(ADDRESS_FILE).exists() { Err(StoreError::Locked) } else { Ok(()) };
    let client = match arguments.target.open_with(false, is_served)? {
        Target::Server(client) => client,
        Target::Local(()) => {
            return Err(Failure(
                "no server has this store open; start it with rollcall serve, or name it with --url".into(),
            ));
        }
    };
    let health: Value = client.get("/healthz")?;
    let text = |field: &str| health[field].as_str().unwrap_or("?").to_owned();
    findings.ok(format!("rollcall {} answers, with time zones {}", text("version"), text("zoneDatabase")));
    let machine = zones::edition(Path::new(zones::SYSTEM));
    for note in notes_on_reference_data(&health, machine.as_deref(), system_clock()()) {
        findings.note(&note);
    }
    match client.get::<Value>("/readyz") {
        Ok(_) => findings.ok("it takes events and questions".into()),
        Err(error) => findings.missing(format!("it takes no events: {error}; look at its log")),
    }
    let metrics = client.get_text("/metrics")?;
    let metric = |name: &str| metrics.lines().find_map(|line| line.strip_prefix(name)?.trim().parse::<u64>().ok());
    look_at_disk(metric, &mut findings);
    look_at_backups(metric, &mut findings);
    look_at_shipping(metric, &mut findings);
    let me: Me = client.get("/v1/me")?;
    if me.kind != "operator" {
        findings.missing(format!("the token is of kind {}; only an operator's sees every organization", me.kind));
    }
    if me.organizations.is_empty() {
        findings.missing("there is no organization yet; send a first event (docs/feeds.md)".into());
    }
    for organization in &me.organizations {
        look_at_usage(&client, organization, &mut findings)?;
    }
    if me.kind == "operator" {
        let IntakeAnswer { intake, .. } = client.get("/v1/intake")?;
        look_at_intake(intake, &mut findings);
    }
    Ok(findings.exit_code())
}

/// Zone rules and list prices that have newer ones, or may have.
fn notes_on_reference_data(health: &Value, machine: Option<&str>, now: UnixMs) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let age = |value: &Value| Date::parse(&text(value)).map_or(0, |date| Zone::UTC.date_at(now).days_since(date));
    let mut notes = Vec::new();
    let zones = text(&health["zoneDatabase"]);
    if let Some(machine) = machine.filter(|machine| compare_editions(machine, &zones).is_gt()) {
        notes.push(format!(
            "this machine has the zone rules {machine}, newer than {zones}: --zone-database {} uses them",
            zones::SYSTEM
        ));
    }
    let days = age(&health["zoneDatabaseDate"]);
    if health["zoneDatabaseSource"] == "directory" && days > OLD_FILE_DAYS {
        notes.push(format!("the newest file of the zone rules in use ({zones}) is {days} days old"));
    }
    let days = age(&health["listPrices"]["date"]);
    if days > OLD_FILE_DAYS {
        notes.push(format!(
            "the list prices in use are {days} days old, and models since then have no price: --list-prices takes newer \
             ones (docs/prices.md)"
        ));
    }
    notes
}

fn look_at_disk(metric: impl Fn(&str) -> Option<u64>, findings: &mut Findings) {
    match metric("rollcall_commits_failed_total").unwrap_or_default() {
        0 => findings.ok("every commit since its start is on disk".into()),
        failed => findings.missing(format!(
            "{failed} commits failed since its start, and their senders were told to repeat them; look at the log and the \
             disk's free space"
        )),
    }
}

fn look_at_backups(metric: impl Fn(&str) -> Option<u64>, findings: &mut Findings) {
    let age = system_clock()() as u64 / 1000;
    match metric("rollcall_last_backup_timestamp_seconds").unwrap_or_default() {
        0 => {
            findings.missing("no scheduled backup was made since its start; set --backup-dir of rollcall serve".into())
        }
        at if age.saturating_sub(at) > OLD_BACKUP_S => {
            findings
                .missing(format!("the last backup is {} days old; look at the log", age.saturating_sub(at) / 86_400));
        }
        _ => findings.ok("backups are made".into()),
    }
}

/// Says nothing of a server that does not ship.
fn look_at_shipping(metric: impl Fn(&str) -> Option<u64>, findings: &mut Findings) {
    if metric("rollcall_ships") != Some(1) {
        return;
    }
    let lag = metric("rollcall_ship_lag_seconds").unwrap_or_default();
    let behind = metric("rollcall_ship_commits_behind").unwrap_or_default();
    match metric("rollcall_ship_refused_organizations").unwrap_or_default() {
        0 => {}
        refused => findings.missing(format!(
            "{refused} organizations are not shipped because another node of the cluster owns them; send their events there"
        )),
    }
    if metric("rollcall_ship_failing") == Some(1) || lag > OLD_CLUSTER_S {
        findings.missing(format!("the cluster is {lag} s and {behind} commits behind; look at the log"));
    } else {
        findings.ok(format!("the cluster is {lag} s behind"));
    }
}

fn look_at_usage(client: &Client, organization: &Organization, findings: &mut Findings) -> Result<(), Failure> {
    let id = &organization.id;
    let zone = organization.timezone.as_deref().unwrap_or("UTC");
    let path =
        format!("/analytics/activity?organizationId={}&timezone={}&groupBy=user&top=1000", escaped(id), escaped(zone));
    let answer: Value = client.get(&path)?;
    let count = |value: &Value| value.as_u64().unwrap_or_default();
    let totals = &answer["totals"];
    let requests = count(&totals["requestCount"]);
    if requests == 0 {
        findings.missing(format!("{id}: no usage in the last {WINDOW_DAYS} days; docs/feeds.md has what senders set"));
        return Ok(());
    }
    findings.ok(format!("{id}: {requests} requests in the last {WINDOW_DAYS} days"));
    let unpriced = count(&totals["unpricedRequestCount"]);
    if unpriced > 0 {
        findings.missing(format!(
            "{id}: {unpriced} of them have no price, so costs are too low; --prices takes prices of your own (docs/prices.md)"
        ));
    }
    let entries = answer["ranking"].as_array().into_iter().flatten();
    let unattributed = entries.filter(|entry| entry["key"].is_null() && entry["label"] == "Unattributed");
    let unattributed: u64 = unattributed.map(|entry| count(&entry["requestCount"])).sum();
    if unattributed > 0 {
        findings.missing(format!(
            "{id}: {unattributed} of them are of keys without a creator; PUT /v1/directory takes who created a key (createdBy)"
        ));
    }
    Ok(())
}

/// Says of each source in one line what became of what it sent.
fn look_at_intake(intake: Vec<IntakeBody>, findings: &mut Findings) {
    let mut sources: BTreeMap<(Option<String>, String, Option<String>), Vec<IntakeBody>> = BTreeMap::new();
    for line in intake {
        let of = (line.organization_id.clone(), line.sender.clone(), line.client_version.clone());
        sources.entry(of).or_default().push(line);
    }
    for ((organization, sender, version), lines) in sources {
        let of = organization.unwrap_or_else(|| "no organization".to_owned());
        let source = [Some(sender), version].into_iter().flatten().collect::<Vec<_>>().join(" ");
        let (what, is_missing) = sent(&lines);
        let finding = format!("{of}: {source}: {what} in the last {WINDOW_DAYS} days");
        if is_missing { findings.missing(finding) } else { findings.ok(finding) }
    }
}

/// What became of what one source sent, and whether something of it is missing.
fn sent(lines: &[IntakeBody]) -> (String, bool) {
    const RESULTS: [(IntakeResult, &str); 5] = [
        (IntakeResult::Counted, "counted"),
        (IntakeResult::Completed, "completed"),
        (IntakeResult::Duplicate, "duplicates"),
        (IntakeResult::Ignored, "ignored"),
        (IntakeResult::Rejected, "rejected"),
    ];
    let count = |result| lines.iter().filter(|line| line.result == result).map(|line| line.count).sum::<u64>();
    let words = RESULTS.into_iter().filter(|(result, _)| count(*result) > 0).map(|(result, word)| {
        // Of several reasons the one that most records have.
        let most = lines.iter().filter(|line| line.result == result).max_by_key(|line| line.count);
        let why = most.and_then(|line| line.reason.as_deref()).map(|reason| format!(" ({reason})")).unwrap_or_default();
        format!("{} {word}{why}", HumanCount(count(result)))
    });
    let nothing_counts = [IntakeResult::Counted, IntakeResult::Completed, IntakeResult::Duplicate].map(count) == [0; 3];
    (words.collect::<Vec<_>>().join(", "), nothing_counts || count(IntakeResult::Rejected) > 0)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn reference_data_that_has_aged_is_said() {
        // 2026-11-29.
        const NOW: UnixMs = 1_795_910_400_000;
        let health = |zones: &str, source: &str, zones_date: &str, prices_date: &str| {
            json!({"zoneDatabase": zones, "zoneDatabaseSource": source, "zoneDatabaseDate": zones_date,
                "listPrices": {"date": prices_date}})
        };
        let check = |health: Value, machine: Option<&str>, expected: &[&str]| {
            let notes = notes_on_reference_data(&health, machine, NOW);
            assert_eq!(notes.len(), expected.len(), "{notes:?}");
            assert!(notes.iter().zip(expected).all(|(note, words)| note.contains(words)), "{notes:?}");
        };
        check(health("2026f", "built in", "2026-11-15", "2026-09-30"), Some("2026f"), &[]);
        check(health("2026f", "built in", "2025-01-01", "2026-11-01"), Some("2025b"), &[]);
        check(
            health("2026f", "built in", "2026-11-15", "2026-11-01"),
            Some("2026g"),
            &["zone rules 2026g, newer than 2026f"],
        );
        check(health("2026f", "directory", "2026-09-01", "2026-11-01"), None, &["(2026f) is 89 days old"]);
        check(health("2026f", "built in", "2026-11-15", "2026-09-29"), None, &["list prices in use are 61 days old"]);
    }

    #[test]
    fn a_source_of_which_nothing_counts_or_something_is_rejected_is_missing_something() {
        use IntakeResult::*;
        let line = |(result, reason, count): (IntakeResult, Option<&str>, u64)| IntakeBody {
            date: "2026-06-01".into(),
            organization_id: Some("acme".into()),
            sender: "codex_exec".into(),
            client_version: None,
            result,
            reason: reason.map(str::to_owned),
            count,
            example: None,
        };
        let many = [(Ignored, Some("no usage in it"), 12_000), (Ignored, Some("a test"), 418)];
        for (lines, expected, is_missing) in [
            (&many[..], "12,418 ignored (no usage in it)", true),
            (&[(Counted, None, 3), many[1], (Counted, None, 1)], "4 counted, 418 ignored (a test)", false),
            (&[(Duplicate, None, 3)], "3 duplicates", false),
            (&[(Counted, None, 3), (Rejected, Some("id is empty"), 1)], "3 counted, 1 rejected (id is empty)", true),
        ] {
            let lines: Vec<IntakeBody> = lines.iter().copied().map(line).collect();
            assert_eq!(sent(&lines), (expected.to_owned(), is_missing));
        }
    }
}
