//! Webhooks: what is sent when, that nothing is lost or needlessly repeated, and that secrets stay secret.
//!
//! Most of it works on the library, where the clock can be moved; the built program is killed and asked to stop.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use crate::support::receiver::{NEVER, Receiver, Request, SECRET, signature, until};
use crate::support::{BINARY, OPERATOR, Server, event, number_text};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rollcall::calendar::parse_rfc3339;
use rollcall::engine::{Clock, Engine, STORE_FILE, check as check_store};
use rollcall::http::{App, ask_and_wait};
use rollcall::ingest::{Context, TokenDefaults, for_ever, parse_ndjson};
use rollcall::model::HOUR_MS;
use rollcall::pricing::PriceBook;
use rollcall::store::StoreError;
use rollcall::webhook::{Pace, Watch, Webhooks, parse};
use serde_json::{Value, json};

const NOON: &str = "2026-06-10T12:00:00Z";
const HASTE: Pace = Pace {
    look: Duration::from_millis(5),
    first_retry: Duration::from_millis(5),
    longest_retry: Duration::from_millis(40),
};

/// A store and a clock that can be moved.
struct Machine {
    clock: Arc<AtomicI64>,
    app: App,
}

impl Machine {
    fn open(directory: &Path, now: &str) -> Machine {
        let clock = Arc::new(AtomicI64::new(parse_rfc3339(now).unwrap()));
        let of_engine = clock.clone();
        let clock_of_engine: Clock = Arc::new(move || of_engine.load(Ordering::SeqCst));
        let mut engine = Err(StoreError::Locked);
        // A delivery that was under way when it was stopped may have the store open for a moment more.
        until(|| {
            engine = Engine::open(directory, clock_of_engine.clone());
            !matches!(engine, Err(StoreError::Locked))
        });
        let engine = engine.unwrap();
        check_store(&engine.snapshot().reader, &mut |_, _| ()).unwrap();
        Machine { clock, app: App::for_one_question(Arc::new(engine)) }
    }

    fn set(&self, now: &str) {
        self.clock.store(parse_rfc3339(now).unwrap(), Ordering::SeqCst);
    }

    fn send(&self, id: &str, at: &str, extra: &Value) {
        let prices = PriceBook::bundled();
        let engine = &self.app.engine;
        let context =
            Context { now: engine.now(), prices: &prices, token: TokenDefaults::default(), kept_since: &for_ever };
        let parsed = parse_ndjson(event(id, at, extra).to_string().as_bytes(), &context).unwrap();
        assert!(parsed.rejected.is_empty(), "{:?}", parsed.rejected.first());
        assert_eq!(engine.submit(parsed.batch).unwrap().wait().unwrap().accepted, 1);
    }

    fn ask(&self, path: &str) -> String {
        let mut answer = Vec::new();
        ask_and_wait(self.app.clone(), path, &mut answer).unwrap_or_else(|problem| panic!("{problem:?}"));
        String::from_utf8(answer).unwrap()
    }

    fn metric(&self, name: &str) -> u64 {
        let metrics = self.ask("/metrics");
        let value = metrics.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok());
        value.unwrap_or_else(|| panic!("no {name} in {metrics}"))
    }

    fn start(&self, entries: &[Value]) -> Webhooks {
        Webhooks::start(&self.app, &parse(&json!({"webhooks": entries}).to_string()).unwrap(), HASTE).unwrap()
    }

    /// The first subject of a webhook, which is looked at by hand.
    fn watch(&self, entry: &Value) -> Watch {
        let webhook = parse(&json!({"webhooks": [entry]}).to_string()).unwrap().remove(0);
        Watch::new(self.app.clone(), webhook.clone(), webhook.subjects[0].clone()).unwrap()
    }
}

fn daily() -> Value {
    json!({"daily": {}})
}

#[test]
fn a_day_is_sent_once_and_is_the_answer_of_the_api() {
    let (directory, receiver) = (tempfile::tempdir().unwrap(), Receiver::answering(204));
    let machine = Machine::open(directory.path(), NOON);
    machine.send("a", "2026-06-09T10:00:00Z", &json!({"cost": "0.100000000001"}));
    machine.send("b", "2026-06-10T10:00:00Z", &json!({"projectId": "other"}));
    let entry = receiver.entry("finance", &json!({"daily": {"groupBy": "model"}, "timezone": "Asia/Kolkata"}));
    let _webhooks = machine.start(&[entry]);
    let first = receiver.wait_for("finance_usage-day_2026-06-09");
    first.is_signed(Some(parse_rfc3339(NOON).unwrap() / 1000));
    machine.set("2026-06-10T19:30:00Z");
    receiver.wait_for("finance_usage-day_2026-06-10");
    machine.set("2026-06-11T19:30:00Z");
    receiver.wait_for("finance_usage-day_2026-06-11");
    assert_eq!(receiver.ids(), [9, 10, 11].map(|day| format!("finance_usage-day_2026-06-{day:02}")));

    let days = "from=2026-06-09&to=2026-06-09&timezone=Asia/Kolkata";
    let answer = machine.ask(&format!("/analytics/activity?organizationId=acme&{days}&groupBy=model&top=20"));
    // To the last byte.
    let data = format!("{{\"organizationId\":\"acme\",\"usage\":{answer}}}");
    assert_eq!(
        first.body,
        format!("{{\"type\":\"usage.day\",\"timestamp\":\"2026-06-09T18:30:00Z\",\"data\":{data}}}")
    );
    assert_eq!(number_text(&answer, "cost"), "0.100000000001");
    until(|| machine.metric("rollcall_webhook_deliveries_total{webhook=\"finance\",outcome=\"delivered\"}") == 3);
    assert_eq!(machine.metric("rollcall_webhook_deliveries_total{webhook=\"finance\",outcome=\"failed\"}"), 0);
}

#[test]
fn what_fails_is_sent_again_with_its_id_and_as_things_are_then() {
    let (directory, receiver) = (tempfile::tempdir().unwrap(), Receiver::answering(500));
    let machine = Machine::open(directory.path(), NOON);
    machine.send("a", "2026-06-09T10:00:00Z", &json!({}));
    let webhooks = machine.start(&[receiver.entry("finance", &daily())]);
    receiver.wait_count(2);
    until(|| machine.metric("rollcall_webhook_deliveries_total{webhook=\"finance\",outcome=\"failed\"}") >= 2);
    let since = "rollcall_webhook_failing_since_timestamp_seconds{webhook=\"finance\"}";
    assert_eq!(machine.metric(since) as i64, parse_rfc3339(NOON).unwrap() / 1000);
    machine.set("2026-06-10T12:00:30Z");
    machine.send("late", "2026-06-09T11:00:00Z", &json!({}));
    receiver.answer(404);
    let requests = |request: &Request| request.json()["data"]["usage"]["totals"]["requestCount"].as_u64();
    receiver.wait(|request| requests(request) == Some(2)).is_signed(None);
    assert_eq!(machine.metric(since) as i64, parse_rfc3339(NOON).unwrap() / 1000, "since the first of them");
    receiver.answer(200);
    until(|| machine.metric("rollcall_webhook_deliveries_total{webhook=\"finance\",outcome=\"delivered\"}") == 1);
    until(|| machine.metric(since) == 0);
    drop(webhooks);
    let all = receiver.all();
    assert!(all.iter().all(|request| request.id() == "finance_usage-day_2026-06-09"), "{all:?}");
    let last = all.last().unwrap();
    last.is_signed(Some(parse_rfc3339("2026-06-10T12:00:30Z").unwrap() / 1000));
}

#[test]
fn a_receiver_that_hangs_holds_up_no_other_and_no_event() {
    let directory = tempfile::tempdir().unwrap();
    let (slow, quick) = (Receiver::answering(NEVER), Receiver::answering(200));
    let machine = Machine::open(directory.path(), NOON);
    machine.send("a", "2026-06-09T10:00:00Z", &json!({}));
    let webhooks = machine.start(&[slow.entry("slow", &daily()), quick.entry("quick", &daily())]);
    slow.wait_count(1);
    quick.wait_for("quick_usage-day_2026-06-09");
    machine.send("b", "2026-06-10T10:00:00Z", &json!({}));
    machine.set("2026-06-11T12:00:00Z");
    quick.wait_for("quick_usage-day_2026-06-10");
    drop(webhooks);
    assert_eq!(slow.all().len(), 1);
}

#[test]
fn no_redirection_is_followed() {
    let (directory, elsewhere) = (tempfile::tempdir().unwrap(), Receiver::answering(200));
    let machine = Machine::open(directory.path(), NOON);
    machine.send("a", "2026-06-09T10:00:00Z", &json!({}));
    let receivers = [301, 302, 303, 307, 308]
        .map(|status| Receiver::answering_with(status, &format!("location: {}", elsewhere.url)));
    let named = receivers.iter().enumerate();
    let entries: Vec<Value> = named.map(|(at, receiver)| receiver.entry(&format!("w{at}"), &daily())).collect();
    let _webhooks = machine.start(&entries);
    receivers.iter().for_each(|receiver| receiver.wait_count(2));
    assert!(elsewhere.all().is_empty());
}

#[test]
fn a_budget_is_told_once_for_each_month_and_percentage_and_the_highest_only() {
    let (directory, receiver) = (tempfile::tempdir().unwrap(), Receiver::answering(200));
    let machine = Machine::open(directory.path(), NOON);
    let cost = |usd: &str| json!({"cost": usd});
    // Another month in Kathmandu, another project, and just below half.
    machine.send("may", "2026-05-31T18:14:59Z", &cost("50"));
    machine.send("elsewhere", "2026-06-02T10:00:00Z", &json!({"cost": "70", "projectId": "other"}));
    machine.send("a", "2026-05-31T18:15:00Z", &cost("4.999999999999"));
    let budget = json!({"monthlyUsd": "10", "percent": [120, 50, 80, 100], "projectId": "web"});
    let entry = receiver.entry("team", &json!({"budget": budget, "timezone": "Asia/Kathmandu"}));
    let all = receiver.entry("all", &json!({"budget": {"monthlyUsd": 10, "percent": [100]}}));
    let webhooks = machine.start(&[entry, all]);
    receiver.wait_for("all_budget-reached_2026-06_100");
    machine.send("b", "2026-06-10T10:00:00Z", &cost("3.000000000001"));
    let told = receiver.wait_for("team_budget-reached_2026-06_80");
    told.is_signed(Some(parse_rfc3339(NOON).unwrap() / 1000));
    assert_eq!(
        told.body,
        "{\"type\":\"budget.reached\",\"timestamp\":\"2026-06-10T12:00:00Z\",\"data\":{\"organizationId\":\"acme\",\
         \"projectId\":\"web\",\"timezone\":\"Asia/Kathmandu\",\"zoneDatabase\":\"2026f\",\
         \"month\":\"2026-06\",\"from\":\"2026-06-01\",\"to\":\"2026-06-30\",\"percent\":80,\"limit\":10,\"cost\":8,\"asOf\":\"2026-06-10T12:00:00Z\"}}"
    );
    machine.send("c", "2026-06-10T11:00:00Z", &cost("2"));
    receiver.wait_for("team_budget-reached_2026-06_100");

    // The month turns. A late event still counts for the one before, an early one for the next.
    machine.set("2026-06-30T18:15:00Z");
    machine.send("july", "2026-06-30T18:15:00Z", &cost("5"));
    receiver.wait_for("team_budget-reached_2026-07_50");
    machine.send("late", "2026-06-30T18:14:59Z", &cost("2"));
    let late = receiver.wait_for("team_budget-reached_2026-06_120").json();
    assert_eq!((&late["data"]["cost"], &late["data"]["asOf"]), (&json!(12), &json!("2026-06-30T18:15:00Z")));
    machine.set("2026-08-01T00:00:00Z");
    machine.send("august", "2026-08-01T00:00:00Z", &cost("10"));
    receiver.wait_for("team_budget-reached_2026-08_100");
    receiver.wait_for("all_budget-reached_2026-08_100");
    drop(webhooks);
    let mut ids = receiver.ids();
    ids.sort();
    let expected = [
        "all_budget-reached_2026-06_100",
        "all_budget-reached_2026-08_100",
        "team_budget-reached_2026-06_100",
        "team_budget-reached_2026-06_120",
        "team_budget-reached_2026-06_80",
        "team_budget-reached_2026-07_50",
        "team_budget-reached_2026-08_100",
    ];
    assert_eq!(ids, expected);
}

#[test]
fn what_is_acknowledged_is_not_repeated_after_a_restart_and_the_rest_is() {
    let (directory, receiver) = (tempfile::tempdir().unwrap(), Receiver::answering(200));
    let both = json!({"daily": {}, "budget": {"monthlyUsd": 1, "percent": [10, 100]}});
    let entry = receiver.entry("finance", &both);
    let machine = Machine::open(directory.path(), NOON);
    machine.send("a", "2026-06-09T10:00:00Z", &json!({}));
    let webhooks = machine.start(std::slice::from_ref(&entry));
    receiver.wait_for("finance_usage-day_2026-06-09");
    receiver.wait_for("finance_budget-reached_2026-06_10");
    until(|| machine.metric("rollcall_webhook_deliveries_total{webhook=\"finance\",outcome=\"delivered\"}") == 2);
    receiver.answer(503);
    machine.set("2026-06-11T12:00:00Z");
    receiver.wait_for("finance_usage-day_2026-06-10");
    drop((webhooks, machine));

    let before = receiver.all().len();
    let machine = Machine::open(directory.path(), "2026-06-12T12:00:00Z");
    receiver.answer(200);
    let webhooks = machine.start(&[entry]);
    receiver.wait_for("finance_usage-day_2026-06-11");
    machine.send("b", "2026-06-12T10:00:00Z", &json!({"cost": "1"}));
    receiver.wait_for("finance_budget-reached_2026-06_100");
    drop(webhooks);
    let mut again = receiver.ids().split_off(before);
    again.sort();
    let expected = ["budget-reached_2026-06_100", "usage-day_2026-06-10", "usage-day_2026-06-11"];
    assert_eq!(again, expected.map(|id| format!("finance_{id}")));
}

/// The ids of everything that is due, each acknowledged in its turn.
fn drain(watch: &mut Watch) -> Vec<String> {
    let mut ids = Vec::new();
    while let Some(due) = watch.due().unwrap() {
        ids.push(due.message.id.clone());
        watch.acknowledge(&due);
    }
    watch.save().unwrap();
    ids
}

#[test]
fn a_day_is_due_an_hour_after_its_end_however_long_it_was() {
    for (zone, day, due_at) in [
        ("UTC", "2026-06-09", "2026-06-10T01:00:00Z"),
        ("Asia/Kathmandu", "2026-06-09", "2026-06-09T19:15:00Z"),
        // 23 hours, 25 hours, and a midnight that clocks jump over.
        ("Europe/Paris", "2026-03-29", "2026-03-29T23:00:00Z"),
        ("Europe/Paris", "2026-10-25", "2026-10-26T00:00:00Z"),
        ("Africa/Cairo", "2026-04-23", "2026-04-23T23:00:00Z"),
    ] {
        let directory = tempfile::tempdir().unwrap();
        let machine = Machine::open(directory.path(), due_at);
        machine.send("a", due_at, &json!({}));
        machine.clock.fetch_sub(1, Ordering::SeqCst);
        let receiver = Receiver::answering(200);
        let mut watch = machine.watch(&receiver.entry("w", &json!({"daily": {}, "timezone": zone})));
        assert!(watch.due().unwrap().is_none(), "{zone} {day}");
        machine.clock.fetch_add(1, Ordering::SeqCst);
        assert_eq!(drain(&mut watch), [format!("w_usage-day_{day}")], "{zone}");
        // A clock that goes back repeats nothing.
        machine.clock.fetch_sub(72 * HOUR_MS, Ordering::SeqCst);
        assert!(watch.due().unwrap().is_none(), "{zone} {day}");
    }
}

#[test]
fn after_an_outage_the_last_31_days_are_caught_up_and_the_month_before() {
    let (directory, receiver) = (tempfile::tempdir().unwrap(), Receiver::answering(200));
    let days = receiver.entry("days", &daily());
    let budget = receiver.entry("budget", &json!({"budget": {"monthlyUsd": 1, "percent": [25]}}));
    let machine = Machine::open(directory.path(), NOON);
    machine.send("june", NOON, &json!({}));
    assert_eq!(drain(&mut machine.watch(&days)), ["days_usage-day_2026-06-09"]);
    assert_eq!(drain(&mut machine.watch(&budget)), ["budget_budget-reached_2026-06_25"]);
    drop(machine);

    let machine = Machine::open(directory.path(), "2026-08-20T12:00:00Z");
    ["2026-07-10T12:00:00Z", "2026-08-10T12:00:00Z"].iter().for_each(|at| machine.send(at, at, &json!({})));
    let caught_up = drain(&mut machine.watch(&days));
    assert_eq!((caught_up.len(), &*caught_up[0]), (31, "days_usage-day_2026-07-20"));
    assert_eq!(caught_up[30], "days_usage-day_2026-08-19");
    let months = drain(&mut machine.watch(&budget));
    assert_eq!(months, ["budget_budget-reached_2026-07_25", "budget_budget-reached_2026-08_25"]);
    assert!(drain(&mut machine.watch(&days)).is_empty());
    assert!(drain(&mut machine.watch(&budget)).is_empty());
    // One that was not there before begins with the running month.
    let new = receiver.entry("new", &json!({"budget": {"monthlyUsd": 1, "percent": [25]}}));
    assert_eq!(drain(&mut machine.watch(&new)), ["new_budget-reached_2026-08_25"]);
}

#[test]
fn an_organization_is_waited_for() {
    let (directory, receiver) = (tempfile::tempdir().unwrap(), Receiver::answering(200));
    let machine = Machine::open(directory.path(), NOON);
    let mut watch = machine.watch(&receiver.entry("watched", &daily()));
    assert!(watch.due().unwrap().is_none());
    let _webhooks = machine.start(&[receiver.entry("finance", &daily())]);
    machine.set("2026-06-20T12:00:00Z");
    machine.send("a", "2026-06-19T10:00:00Z", &json!({}));
    receiver.wait_for("finance_usage-day_2026-06-19");
    assert_eq!(drain(&mut watch), ["watched_usage-day_2026-06-19"]);
    assert_eq!(receiver.ids(), ["finance_usage-day_2026-06-19"]);
}

/// A zone in which it is about noon, and yesterday there: no day ends while a test runs.
fn noon_somewhere() -> (String, String) {
    let now = chrono::Utc::now();
    let ahead = 12 - (now.timestamp() / 3600 % 24);
    let there = now + chrono::TimeDelta::hours(ahead) - chrono::Days::new(1);
    // Their names count the other way.
    (format!("Etc/GMT{:+}", -ahead).replace("GMT+0", "GMT"), there.format("%Y-%m-%d").to_string())
}

fn write(directory: &Path, entries: &[Value]) -> PathBuf {
    let path = directory.join("webhooks.json");
    fs::write(&path, json!({"webhooks": entries}).to_string()).unwrap();
    path
}

#[test]
fn a_kill_between_sending_and_acknowledgement_loses_nothing_and_no_secret_is_left_behind() {
    let (directory, files) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (receiver, busy) = (Receiver::answering(NEVER), Receiver::answering(500));
    let (zone, yesterday) = noon_somewhere();
    let id = format!("finance_usage-day_{yesterday}");
    let here = json!({"daily": {}, "timezone": zone});
    let entry = receiver.entry("finance", &here);
    let of_nobody = json!({"daily": {}, "organizationId": "nobody"});
    let entries = [entry.clone(), busy.entry("busy", &here), receiver.entry("early", &of_nobody)];
    let file = write(files.path(), &entries);
    let settings = [("ROLLCALL_WEBHOOKS", file.to_str().unwrap()), ("ROLLCALL_LOG", "trace")];
    Server::start_in(directory.path()).send_events(OPERATOR, &json!([event("a", NOON, &json!({}))]));

    let mut server = Server::start_set(directory.path(), OPERATOR, &settings);
    receiver.wait_for(&id);
    server.kill();
    // Where it begins was written before anything was sent.
    let now = chrono::Utc::now();
    let acknowledged = |machine: &Machine| machine.app.engine.snapshot().reader.acknowledged("finance usage.day");
    let first = acknowledged(&Machine::open(directory.path(), &now.to_rfc3339())).unwrap();
    assert!(first.len() == 1 && first.keys().all(|day| *day < yesterday), "{first:?}");
    // It is asked to stop while a receiver hangs, too.
    let mut server = Server::start_set(directory.path(), OPERATOR, &settings);
    receiver.wait_count(2);
    assert_eq!(server.terminate(), Some(0));
    receiver.answer(200);
    let mut server = Server::start_set(directory.path(), OPERATOR, &settings);
    receiver.wait_count(3);
    let delivered = "rollcall_webhook_deliveries_total{webhook=\"finance\",outcome=\"delivered\"} 1\n";
    until(|| server.get("/metrics", "").ok().text.contains(delivered));
    busy.wait_count(3);
    server.kill();
    assert_eq!(receiver.ids(), [&*id; 3]);
    receiver.all().iter().for_each(|request| request.is_signed(None));

    let log = server.log.lock().unwrap().clone();
    assert_eq!(log.matches("there is no organization 'nobody'").count(), 1, "{log}");
    assert!(log.contains("it was answered 500"), "{log}");
    assert!(!log.contains(SECRET), "{log}");
    let store = fs::read(directory.path().join(STORE_FILE)).unwrap();
    for secret in [SECRET.as_bytes(), &STANDARD.decode(SECRET).unwrap()] {
        assert!(!store.windows(secret.len()).any(|bytes| bytes == secret));
    }

    // What was acknowledged is on disk: two days later the two days after it are sent.
    let machine = Machine::open(directory.path(), &(now + chrono::Days::new(2)).to_rfc3339());
    assert!(acknowledged(&machine).unwrap().contains_key(&yesterday));
    let due = drain(&mut machine.watch(&entry));
    assert!(due.len() == 2 && due[0] > id, "{due:?} after {id}");
}

fn rollcall(arguments: &[&str]) -> Output {
    // No way to this machine, where nobody listens besides.
    Command::new(BINARY).args(arguments).env("ALL_PROXY", "http://127.0.0.1:9").output().unwrap()
}

#[track_caller]
fn check(output: &Output, code: i32, words: &str) {
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{text}");
    assert!(text.contains(words), "'{text}' does not say '{words}'");
    assert!(!text.contains(SECRET), "{text}");
}

#[test]
fn a_file_with_a_mistake_keeps_the_server_from_starting() {
    let (directory, files) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let receiver = Receiver::answering(200);
    let data = directory.path().join("data");
    let serve = |file: &str| {
        rollcall(&["serve", "--data-dir", data.to_str().unwrap(), "--listen", "127.0.0.1:0", "--webhooks", file])
    };
    let secret = format!("whsec_{SECRET}");
    for (extra, words) in [
        (json!({"daily": {}, "url": "http://hooks.example"}), "entry 1: url is 'http://hooks.example'; it must begin"),
        (json!({"daily": {}, "name": secret}), "entry 1: name is 'whsec_…'"),
        (json!({"daily": {}, "secret": SECRET}), "entry 1: secret (not shown) must be whsec_"),
        (json!({"dayly": {}}), "unknown field `dayly`"),
    ] {
        let file = write(files.path(), &[receiver.entry("finance", &extra)]);
        let output = serve(file.to_str().unwrap());
        check(&output, 2, words);
        check(&output, 2, &format!("the webhooks in {}: ", file.display()));
    }
    check(&serve("/nowhere.json"), 2, "the webhooks in /nowhere.json: ");
    assert!(!data.exists(), "nothing was begun");
}

#[test]
fn a_test_says_what_each_receiver_answers() {
    let files = tempfile::tempdir().unwrap();
    let (good, bad) = (Receiver::answering(202), Receiver::answering(410));
    let closed = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        json!({"daily": {}, "url": format!("http://{}/in", listener.local_addr().unwrap())})
    };
    let entries = [good.entry("good", &daily()), bad.entry("bad", &daily()), good.entry("closed", &closed)];
    let file = write(files.path(), &entries);
    let test = |more: &[&str]| rollcall(&[&["webhook", "test", "--webhooks", file.to_str().unwrap()], more].concat());
    check(&test(&["good"]), 0, "good\t202\n");
    let all = test(&[]);
    check(&all, 1, "good\t202\nbad\t410\nclosed\t");
    check(&all, 1, "refused");
    check(&test(&["other"]), 2, "has no webhook 'other'");
    check(&rollcall(&["webhook", "test"]), 2, "--webhooks");
    let sent = good.all();
    assert_eq!(sent.len(), 2);
    sent.iter().for_each(|request| request.is_signed(None));
    let body = sent[0].json();
    assert_eq!(
        (&body["type"], &body["data"]),
        (&json!("webhook.test"), &json!({"webhook": "good", "organizationId": "acme"}))
    );
    assert!(parse_rfc3339(body["timestamp"].as_str().unwrap()).is_some());
    assert!(sent[0].id().starts_with("good_webhook-test_") && sent[0].id() != sent[1].id());
}

/// The one example that every library of the specification is held to.
#[test]
fn the_check_of_signatures_is_that_of_the_specification() {
    let signed = signature("msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", "{\"test\": 2432232314}");
    assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}
