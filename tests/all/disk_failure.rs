//! A disk that is full or broken: writes are refused, reads go on, and work resumes by itself.

use std::process::{Command, Stdio};
use std::sync::Arc;

use crate::support::disk::{CrashDisk, DISK_BROKEN, DISK_FULL, Kept, insist};
use crate::support::ledger::{Random, about};
use crate::support::{BINARY, OPERATOR, Server, event};
use rollcall::calendar::{Date, Granularity, Window, Zone};
use rollcall::engine::{Engine, Snapshot};
use rollcall::ingest::otlp::{Encoding, Options, parse_traces};
use rollcall::ingest::{Context, TokenDefaults, for_ever};
use rollcall::model::{Batch, Combination, CostSource, Count, Event, Fingerprint, HOUR_MS, Measures, Mode, UnixMs};
use rollcall::pricing::PriceBook;
use rollcall::query::{ACTIVITY_COLUMNS, Filter, GroupBy, Query, RankBy, activity};
use rollcall::store::Store;
use serde_json::{Value, json};

/// 2026-06-10T12:00:00Z
const NOON: UnixMs = 1_781_092_800_000;

fn start(disk: &CrashDisk) -> Engine {
    let disk = disk.clone();
    Engine::start(move || Store::open_backend(disk.clone()), Arc::new(|| NOON)).unwrap()
}

fn batch(ids: std::ops::Range<u32>) -> Batch {
    let mut measures = Measures::ZERO;
    measures.counts[Count::Requests as usize] = 1;
    let combinations = ids.clone().map(|id| Combination {
        organization: "acme".into(),
        project: "p".into(),
        api_key: format!("k{id}"),
        model: "m".into(),
        provider: "v".into(),
        source: None,
        mode: Mode::Credits,
        cost_source: CostSource::Reported,
    });
    let event = |(combination, id): (usize, u32)| {
        let time = NOON - i64::from(id % 50) * HOUR_MS;
        Event::new(Fingerprint::of(&format!("id-{id}")), time, combination as u32, measures)
    };
    let events = ids.clone().enumerate().map(event).collect();
    Batch { combinations: combinations.collect(), events, ..Batch::default() }
}

fn send(engine: &Engine, ids: std::ops::Range<u32>) -> Result<usize, String> {
    engine.submit(batch(ids)).unwrap().wait().map(|ingested| ingested.accepted).map_err(|error| error.to_string())
}

fn requests(snapshot: &Snapshot) -> u64 {
    try_requests(snapshot).unwrap()
}

fn try_requests(snapshot: &Snapshot) -> Result<u64, String> {
    let date = |text| Date::parse(text).unwrap();
    let query = Query {
        window: Window::new(Zone::UTC, date("2026-06-01"), date("2026-06-30"), Granularity::Day).unwrap(),
        granularity: Granularity::Day,
        group_by: vec![GroupBy::ApiKey],
        filter: Filter::default(),
        rank_by: RankBy::Cost,
        top: None,
        columns: ACTIVITY_COLUMNS,
    };
    Ok(activity(about(snapshot), &query).map_err(|e| e.to_string())?.totals.usage.get(Count::Requests))
}

/// Lets an operation fail during a commit. Whether there were so many operations in it.
fn check_failure(after: u64, error: i32, words: &str) -> bool {
    let disk = CrashDisk::new(Vec::new());
    let engine = start(&disk);
    assert_eq!(send(&engine, 0..300).unwrap(), 300);
    let before = engine.snapshot();
    disk.fail_after(after, error);
    let Err(said) = send(&engine, 300..700) else { return false };
    assert!(said.contains(words) && said.contains("until the disk works again"), "{said}");
    assert!(send(&engine, 700..701).is_err(), "refused while the disk fails");
    assert_eq!((requests(&before), requests(&engine.snapshot())), (300, 300), "snapshots stay");
    assert!(engine.is_writing());
    disk.repair();
    insist(|| send(&engine, 700..701).map(drop));
    // Whether the commit that failed arrived after all is not known; sent again, it is there once.
    insist(|| send(&engine, 300..700).map(drop));
    insist(|| send(&engine, 0..300).map(drop));
    assert_eq!(requests(&engine.snapshot()), 701);
    rollcall::engine::check(&engine.snapshot().reader, &mut |_, _| ()).unwrap();
    // What was acknowledged since is on the disk.
    let bytes = disk.image().after_crash(Kept::Nothing, &mut Random(1));
    drop(engine);
    assert_eq!(requests(&start(&CrashDisk::new(bytes)).snapshot()), 701);
    true
}

#[test]
fn whatever_operation_fails_reads_go_on_and_work_resumes_by_itself() {
    let failed: usize = std::thread::scope(|scope| {
        // At the same time, for each waits a second before the disk is tried again.
        let tries: Vec<_> = [(DISK_FULL, "No space left on device"), (DISK_BROKEN, "Input/output error")]
            .into_iter()
            .flat_map(|(error, words)| (0..40).map(move |after| (after, error, words)))
            .map(|(after, error, words)| scope.spawn(move || check_failure(after, error, words)))
            .collect();
        tries.into_iter().map(|tried| usize::from(tried.join().unwrap())).sum()
    });
    println!("{failed} operations failed, each once");
    assert!(failed > 20, "{failed}");
}

/// A span of one call, inside another or not.
fn traced(span: u8, inside: Option<u8>) -> Batch {
    let id = |number: u8| format!("{number:016x}");
    let count = |key: &str, value: u64| json!({"key": key, "value": {"intValue": value.to_string()}});
    let body = json!({"resourceSpans": [{"scopeSpans": [{"spans": [{
        "traceId": "7".repeat(32), "spanId": id(span), "parentSpanId": inside.map(id).unwrap_or_default(), "name": "a span",
        "startTimeUnixNano": format!("{}000000", NOON - HOUR_MS), "endTimeUnixNano": format!("{NOON}000000"),
        "attributes": [
            {"key": "gen_ai.operation.name", "value": {"stringValue": "chat"}},
            {"key": "gen_ai.request.model", "value": {"stringValue": "openai/gpt-4o-mini"}},
            count("gen_ai.usage.input_tokens", 100),
            count("gen_ai.usage.output_tokens", 5),
        ],
    }]}]}]});
    let token = TokenDefaults {
        organization_id: Some("acme"),
        project_id: Some("p"),
        api_key_id: Some("k"),
        ..TokenDefaults::default()
    };
    let prices = PriceBook::bundled();
    let context = Context { now: NOON, prices: &prices, token, kept_since: &for_ever };
    let body = body.to_string();
    parse_traces(body.as_bytes(), Encoding::Json, &Options::default(), &context).unwrap().parsed.batch
}

/// Lets an operation fail while spans are counted that have to do with others. Whether there were so many operations.
fn check_failure_of_spans(after: u64) -> bool {
    let disk = CrashDisk::new(Vec::new());
    let engine = start(&disk);
    let send = |batch: Batch| engine.submit(batch).unwrap().wait().map(drop).map_err(|error| error.to_string());
    send(traced(2, Some(1))).unwrap();
    disk.fail_after(after, DISK_FULL);
    if send(traced(1, Some(9))).is_ok() {
        return false;
    }
    disk.repair();
    // Others come in between, in the place of those that were not written.
    insist(|| send(traced(5, None)));
    insist(|| send(traced(9, None)));
    insist(|| send(traced(1, Some(9))));
    assert_eq!(requests(&engine.snapshot()), 2, "after {after} operations");
    rollcall::engine::check(&engine.snapshot().reader, &mut |_, _| ()).unwrap();
    let bytes = disk.image().after_crash(Kept::Nothing, &mut Random(1));
    drop(engine);
    assert_eq!(requests(&start(&CrashDisk::new(bytes)).snapshot()), 2, "after {after} operations, started again");
    true
}

#[test]
fn spans_of_a_commit_that_failed_are_not_known() {
    let failed: usize = std::thread::scope(|scope| {
        let tries: Vec<_> = (0..20).map(|after| scope.spawn(move || check_failure_of_spans(after))).collect();
        tries.into_iter().map(|tried| usize::from(tried.join().unwrap())).sum()
    });
    assert!(failed > 5, "{failed}");
}

#[test]
fn a_read_that_fails_stops_nothing_else() {
    let disk = CrashDisk::new(Vec::new());
    let engine = start(&disk);
    insist(|| send(&engine, 0..300).map(drop));
    engine.seal().unwrap().wait().unwrap();
    drop(engine);
    // A start does not read what is sealed.
    let engine = start(&disk);
    disk.fail_next_read();
    let error = try_requests(&engine.snapshot()).unwrap_err();
    assert!(error.contains("Input/output error"), "{error}");
    insist(|| send(&engine, 200..400).map(drop));
    assert_eq!(requests(&engine.snapshot()), 400);
}

fn limit_file_size(pid: u32, limit: &str) {
    let set = Command::new("prlimit").args(["--pid", &pid.to_string(), &format!("--fsize={limit}")]).status();
    assert!(set.unwrap().success());
}

#[test]
fn a_server_without_space_answers_503_and_questions_until_there_is_space() {
    const BATCH: usize = 200;
    // Beyond its limit a process would get a signal rather than an error.
    let script = r#"trap "" XFSZ; exec "$0" serve --listen 127.0.0.1:0 --data-dir "$1""#;
    let directory = tempfile::tempdir().unwrap();
    let mut command = Command::new("prlimit");
    command.args(["--fsize=600000:unlimited", "sh", "-c", script, BINARY]).arg(directory.path()).stdin(Stdio::null());
    let mut server = Server::start_command(command, directory.path(), OPERATOR);
    let batch = |number: usize| {
        let of =
            |i| event(&format!("{number}-{i}"), "2026-06-01T10:00:00Z", &json!({"apiKeyId": format!("k{number}-{i}")}));
        Value::from((0..BATCH).map(of).collect::<Vec<_>>())
    };
    let requests = |server: &Server| {
        server.activity(OPERATOR, "from=2026-06-01&to=2026-06-01")["totals"]["requestCount"].as_u64().unwrap() as usize
    };
    let mut taken = 0;
    let refused = loop {
        let answer = server.post("/v1/events", OPERATOR, &batch(taken));
        if answer.status != 200 {
            break answer;
        }
        taken += 1;
        assert!(taken < 1000, "the limit is reached");
    };
    assert!(taken > 0);
    refused.is_problem(503, "nothing is written until the disk works again");
    assert_eq!(refused.header("retry-after"), "1");
    assert_eq!(requests(&server), taken * BATCH, "questions are answered");
    server.post("/v1/events", OPERATOR, &batch(taken)).is_problem(503, "File too large");
    assert_eq!(requests(&server), taken * BATCH);
    limit_file_size(server.pid(), "unlimited");
    insist(|| match server.post("/v1/events", OPERATOR, &batch(taken)) {
        answer if answer.status == 200 => Ok(()),
        answer => Err(answer.text),
    });
    assert_eq!(requests(&server), (taken + 1) * BATCH);
    server.kill();
    let server = Server::start_in(directory.path());
    assert_eq!(requests(&server), (taken + 1) * BATCH);
}
