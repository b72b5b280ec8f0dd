//! Months that are closed: what they were stays, what came since is told apart by its reason, and both are what activity
//! says now, whatever happens.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use axum::body::Body;
use axum::http::Request;
use http_body_util::BodyExt;
use rollcall::calendar::{Zone, rfc3339_utc};
use rollcall::engine::{self, Engine, Note, RepriceRequest, STORE_FILE};
use rollcall::http::{self, App, Look};
use rollcall::model::{Count, Day, HOUR_MS, PicoUsd, UnixMs};
use rollcall::pricing::PriceBook;
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tower::ServiceExt;

use crate::support::ledger::{fresh_seed, setting};
use crate::support::random::Random;
use crate::support::{Answer, BINARY, OPERATOR, Server, bearer, event};

const PIVOTS: [&str; 6] = ["team", "costCentre", "project", "user", "apiKey", "model"];

/// Cost in picodollars, requests, tokens, and cost and requests of API keys.
type Figures = [i128; 5];

fn picos(amount: &Value) -> i128 {
    let text = amount.as_str().expect("amounts are asked for as text");
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let digits = format!("{}{part:0<12}", whole.trim_start_matches('-'));
    let amount: i128 = digits.parse().unwrap();
    if text.starts_with('-') { -amount } else { amount }
}

fn figures(of: &Value) -> Figures {
    let count = |name: &str| i128::from(of[name].as_i64().unwrap());
    [
        picos(&of["cost"]),
        count("requestCount"),
        count("totalTokens"),
        picos(&of["apiKeysCost"]),
        count("apiKeysRequestCount"),
    ]
}

fn list(of: &Value) -> &[Value] {
    of.as_array().map_or(&[], Vec::as_slice)
}

fn add(sums: &mut BTreeMap<Option<String>, Figures>, lines: &Value) {
    for line in list(lines) {
        let sum = sums.entry(line["key"].as_str().map(str::to_owned)).or_default();
        sum.iter_mut().zip(figures(line)).for_each(|(sum, figure)| *sum += figure);
    }
}

/// A server inside this process, with a clock of its own, on files that it can be started on again.
struct World {
    directory: tempfile::TempDir,
    running: Option<(Arc<Engine>, App)>,
    clock: Arc<AtomicI64>,
    runtime: Runtime,
}

impl World {
    fn new(now: UnixMs) -> World {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (directory, clock) = (tempfile::tempdir().unwrap(), Arc::new(AtomicI64::new(now)));
        let mut world = World { directory, running: None, clock, runtime };
        world.start();
        http::set_operator_token(world.engine(), OPERATOR).unwrap();
        world
    }

    fn start(&mut self) {
        self.running = None;
        let clock = self.clock.clone();
        let engine = Engine::open(self.directory.path(), Arc::new(move || clock.load(Ordering::Relaxed))).unwrap();
        let engine = Arc::new(engine);
        let app = App::new(engine.clone(), PriceBook::bundled(), Look::default(), 64 << 20);
        self.running = Some((engine, app));
    }

    fn engine(&self) -> &Engine {
        &self.running.as_ref().unwrap().0
    }

    fn send(&self, method: &str, path: &str, body: Option<&Value>) -> (u16, Vec<u8>) {
        let request = Request::builder().method(method).uri(path);
        let request =
            request.header("authorization", format!("Bearer {OPERATOR}")).header("content-type", "application/json");
        let request = request.body(Body::from(body.map_or_else(String::new, Value::to_string))).unwrap();
        let app = self.running.as_ref().unwrap().1.clone();
        self.runtime.block_on(async {
            let response = http::router(app).oneshot(request).await.unwrap();
            let status = response.status().as_u16();
            (status, response.into_body().collect().await.unwrap().to_bytes().to_vec())
        })
    }

    #[track_caller]
    fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> Value {
        let (status, bytes) = self.send(method, path, body);
        assert!((200..300).contains(&status), "{method} {path}: {status} {}", String::from_utf8_lossy(&bytes));
        if bytes.is_empty() { Value::Null } else { serde_json::from_slice(&bytes).unwrap() }
    }

    fn directory(&self, directory: &Value) {
        self.ask("PUT", "/v1/directory", Some(directory));
    }

    fn statement(&self, month: &str, by: &str) -> Value {
        let path = format!("/analytics/statement?organizationId=acme&month={month}&groupBy={by}&decimals=string");
        self.ask("GET", &path, None)
    }

    /// Activity of a month as it is now, or as it was, in every form in which months may be asked for.
    fn activity(&self, closing: &Value, by: &str, more: &str) -> Value {
        let (month, zone) = (closing["month"].as_str().unwrap(), closing["timezone"].as_str().unwrap());
        let zone = zone.replace('/', "%2F");
        let (first, last) = days(month);
        let path = format!(
            "/analytics/activity?organizationId=acme&from={first}&to={last}&timezone={zone}&groupBy={by}&decimals=string{more}"
        );
        let mut answer = self.ask("GET", &path, None);
        answer.as_object_mut().unwrap().remove("asOf");
        answer
    }

    fn reprice(&self, from: UnixMs, days: u32, rate: i128, all: bool) {
        let first = (from / (24 * HOUR_MS)) as u32;
        let request = RepriceRequest {
            days: Day(first)..=Day(first + days),
            organizations: ["acme".to_owned()].into(),
            models: [].into(),
            all,
            prices: Arc::new(move |_, model, _, measures| {
                let tokens = i128::from(measures.get(Count::TotalTokens));
                (model != "m0").then_some(PicoUsd(tokens * rate))
            }),
            note: Note::new("test", "reprice"),
        };
        self.engine().reprice(&Arc::new(request), false, &mut |_, _| ()).unwrap();
    }

    /// Goes on from a backup, in another place.
    fn restore(&mut self) {
        let (status, bytes) = self.send("GET", "/v1/backup", None);
        assert_eq!(status, 200);
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join(STORE_FILE), bytes).unwrap();
        self.running = None;
        self.directory = directory;
        self.start();
    }
}

fn days(month: &str) -> (String, String) {
    let date = chrono::NaiveDate::parse_from_str(&format!("{month}-01"), "%Y-%m-%d").unwrap();
    let last = date + chrono::Months::new(1) - chrono::Days::new(1);
    (date.to_string(), last.to_string())
}

const MONTHS: [&str; 5] = ["2026-01", "2026-02", "2026-03", "2026-04", "2026-05"];
/// 2026-01-01T00:00:00Z
const START: UnixMs = 1_767_225_600_000;
/// 2026-06-20T00:00:00Z: all of the months are over.
const NOW: UnixMs = 1_781_913_600_000;

/// A closed month as it was, by the tests' own account.
struct Kept {
    closing: Value,
    /// By pivot, as activity told it then.
    was: Vec<Value>,
    /// Requests and tokens of what was sent of it since.
    late: [i128; 2],
    /// What its statement has of it and of earlier months.
    statements: Vec<Value>,
}

struct Account {
    world: World,
    random: Random,
    zone: &'static str,
    closed: BTreeMap<&'static str, Kept>,
    events: u64,
}

impl Account {
    fn new(seed: u64) -> Account {
        let mut random = Random(seed);
        let zones = ["UTC", "Europe/Berlin", "Asia/Kathmandu", "America/New_York"];
        let (home, zone) = (*random.pick(&zones), *random.pick(&zones));
        let world = World::new(NOW);
        let key = |number: u64| {
            let mut key =
                json!({"id": format!("k{number}"), "organizationId": "acme", "projectId": format!("p{}", number % 2)});
            key["createdBy"] = if number == 0 { Value::Null } else { json!(format!("u{}", number % 3)) };
            key
        };
        let team = |id: &str, centre: Option<&str>| json!({"id": id, "organizationId": "acme", "costCentre": centre});
        world.directory(&json!({
            "organizations": [{"id": "acme", "timezone": home}],
            "projects": [{"id": "p0", "organizationId": "acme"}, {"id": "p1", "organizationId": "acme"}],
            "teams": [team("t0", Some("c0")), team("t1", Some("c0")), team("t2", None)],
            "apiKeys": (0..5).map(key).collect::<Vec<_>>(),
        }));
        Account { world, random, zone, closed: BTreeMap::new(), events: 0 }
    }

    fn send(&mut self) {
        let span = (NOW - START) as u64 / 60_000;
        let events: Vec<Value> = (0..1 + self.random.below(40))
            .map(|_| {
                self.events += 1;
                let at = START + self.random.below(span) as i64 * 60_000;
                let tokens = self.random.below(5000);
                let mut more = json!({
                    "projectId": format!("p{}", self.random.below(2)), "apiKeyId": format!("k{}", self.random.below(5)),
                    "usedModel": format!("own/m{}", self.random.below(3)), "promptTokens": tokens,
                    "completionTokens": 0, "usedMode": *self.random.pick(&["credits", "api-keys"]),
                });
                let cost = format!("0.{:012}", self.random.below(1 << 39));
                more["cost"] = if self.random.below(3) == 0 { Value::Null } else { json!(cost) };
                for (month, kept) in &mut self.closed {
                    let zone = Zone::named(kept.closing["timezone"].as_str().unwrap()).unwrap();
                    if zone.date_at(at).to_string().starts_with(month) {
                        kept.late[0] += 1;
                        kept.late[1] += i128::from(tokens);
                    }
                }
                event(&format!("e{}", self.events), &rfc3339_utc(at), &more)
            })
            .collect();
        let answer = self.world.ask("POST", "/v1/events", Some(&json!(events)));
        assert_eq!(answer["rejected"], json!([]), "{answer}");
    }

    fn close(&mut self) {
        let month = *self.random.pick(&MONTHS);
        let body = json!({"organizationId": "acme", "month": month, "timezone": self.zone});
        if self.closed.contains_key(month) {
            assert_eq!(self.world.send("POST", "/v1/closings", Some(&body)).0, 409);
            return;
        }
        let closing = self.world.ask("POST", "/v1/closings", Some(&body));
        let was = PIVOTS.map(|by| self.world.activity(&closing, by, "")).to_vec();
        let statements = PIVOTS.map(|by| self.world.statement(month, by)).to_vec();
        self.closed.insert(month, Kept { closing, was, late: [0; 2], statements });
    }

    fn reopen(&mut self) {
        let months: Vec<&'static str> = self.closed.keys().copied().collect();
        if months.is_empty() {
            return;
        }
        let month = *self.random.pick(&months);
        let is_fixed = self.closed.values().any(|later| {
            let adjustments = later.statements.iter().flat_map(|statement| list(&statement["adjustments"]));
            later.closing["month"].as_str().unwrap() > month && adjustments.clone().any(|one| one["month"] == month)
        });
        let path = format!("/v1/closings/{}", self.closed[month].closing["id"].as_str().unwrap());
        let (status, bytes) = self.world.send("DELETE", &path, None);
        if status == 409 {
            // Or it is of something that is the same by every pivot.
            return;
        }
        assert!(status == 204 && !is_fixed, "{}", String::from_utf8_lossy(&bytes));
        self.closed.remove(month);
        assert_eq!(self.world.send("GET", &path, None).0, 404);
        assert!(!list(&self.world.statement(month, "team")["reopened"]).is_empty());
    }

    fn change(&mut self) {
        let random = &mut self.random;
        let subject = match random.below(3) {
            0 => json!({"apiKeyId": format!("k{}", random.below(5))}),
            1 => json!({"userId": format!("u{}", random.below(3))}),
            _ => json!({"projectId": format!("p{}", random.below(2))}),
        };
        let from = format!("2026-{:02}-{:02}", 1 + random.below(5), 1 + random.below(28));
        let mut assigned = json!({"organizationId": "acme", "subject": subject, "from": from});
        let directory = match random.below(5) {
            0 => {
                json!({"teams": [{"id": "t0", "organizationId": "acme", "name": format!("Team {}", random.below(9))}]})
            }
            1 => json!({"users": [{"id": "u1", "name": format!("User {}", random.below(9))}]}),
            2 if subject["apiKeyId"].is_string() => {
                assigned["ownerUserId"] = json!(format!("u{}", random.below(3)));
                json!({"assignments": [assigned]})
            }
            3 => {
                json!({"teams": [{"id": "t2", "organizationId": "acme", "costCentre": format!("c{}", random.below(3))}]})
            }
            _ => {
                assigned["teamId"] = json!(format!("t{}", random.below(3)));
                json!({"assignments": [assigned]})
            }
        };
        self.world.directory(&directory);
    }

    fn act(&mut self) {
        match self.random.below(12) {
            0..4 => self.send(),
            4 | 5 => self.close(),
            6 => self.reopen(),
            7 | 8 => self.change(),
            9 => {
                let from = START + self.random.below(120) as i64 * 24 * HOUR_MS;
                let (days, rate) = (self.random.below(60) as u32, 1 + i128::from(self.random.below(1 << 20)));
                self.world.reprice(from, days, rate, self.random.below(2) == 0);
            }
            10 => drop(self.world.ask("POST", "/v1/compact", None)),
            _ if self.random.below(2) == 0 => self.world.start(),
            _ => self.world.restore(),
        }
    }

    /// Closed and adjustments are what activity says now; closed is what it said then.
    fn check(&self) {
        engine::check(&self.world.engine().snapshot().reader, &mut |_, _| ()).unwrap();
        for (place, by) in PIVOTS.into_iter().enumerate() {
            let statements = MONTHS.iter().chain(&["2026-06"]).map(|month| self.world.statement(month, by));
            let statements: Vec<Value> = statements.collect();
            for statement in &statements {
                let month = statement["month"].as_str().unwrap();
                assert_eq!(statement["closed"], self.closed.contains_key(month));
                let mut sum = BTreeMap::new();
                add(&mut sum, &statement["lines"]);
                list(&statement["adjustments"]).iter().for_each(|one| add(&mut sum, &one["lines"]));
                let mut totals = Figures::default();
                sum.values().for_each(|of| totals.iter_mut().zip(of).for_each(|(sum, figure)| *sum += figure));
                assert_eq!(totals, figures(&statement["totals"]), "{month} by {by} adds up");
            }
            for (month, kept) in &self.closed {
                let statement = statements.iter().find(|one| one["month"] == *month).unwrap();
                assert_eq!(*statement, kept.statements[place], "the statement of {month} by {by} stays");
                let id = kept.closing["id"].as_str().unwrap();
                let as_of = self.world.activity(&kept.closing, by, &format!("&asOf={id}"));
                assert_eq!(as_of, kept.was[place], "{month} by {by} as of its closing");

                let mut sum = BTreeMap::new();
                add(&mut sum, &statement["lines"]);
                let mut late = [0; 2];
                for adjustment in statements.iter().flat_map(|one| list(&one["adjustments"])) {
                    if adjustment["month"] != *month {
                        continue;
                    }
                    add(&mut sum, &adjustment["lines"]);
                    let mut of_reason = Figures::default();
                    for line in list(&adjustment["lines"]) {
                        of_reason.iter_mut().zip(figures(line)).for_each(|(sum, figure)| *sum += figure);
                    }
                    let [_, requests, tokens, ..] = of_reason;
                    match adjustment["reason"].as_str().unwrap() {
                        "late" => late.iter_mut().zip([requests, tokens]).for_each(|(sum, figure)| *sum += figure),
                        "repriced" => assert_eq!([requests, tokens], [0; 2]),
                        _ => assert_eq!(of_reason, [0; 5], "{adjustment}"),
                    }
                }
                assert_eq!(late, kept.late, "{month} by {by}: what came late");
                sum.retain(|_, figures| *figures != [0; 5]);
                let mut live = BTreeMap::new();
                add(&mut live, &self.world.activity(&kept.closing, by, "")["ranking"]);
                assert_eq!(sum, live, "{month} by {by}: closed and adjustments are live");
            }
        }
    }
}

#[test]
fn closed_and_adjustments_are_live_whatever_happens() {
    let seed = setting("ROLLCALL_SEED").unwrap_or_else(fresh_seed);
    println!("ROLLCALL_SEED={seed}");
    for round in 0..3 {
        let mut account = Account::new(seed + round);
        account.send();
        for _ in 0..30 {
            account.act();
        }
        account.check();
        for _ in 0..10 {
            account.act();
        }
        account.check();
    }
}

fn close(server: &Server, month: &str) -> Answer {
    server.post("/v1/closings", OPERATOR, &json!({"organizationId": "acme", "month": month}))
}

fn statement(server: &Server, month: &str, more: &str) -> Value {
    server.get(&format!("/analytics/statement?organizationId=acme&month={month}&{more}"), OPERATOR).ok().json()
}

/// Month, reason, and of each line its key and cost.
type Adjustment = (String, String, Vec<(String, f64)>);

fn adjustments(statement: &Value) -> Vec<Adjustment> {
    let text = |of: &Value| of.as_str().unwrap_or("null").to_owned();
    let line = |line: &Value| (text(&line["key"]), line["cost"].as_f64().unwrap());
    list(&statement["adjustments"])
        .iter()
        .map(|one| (text(&one["month"]), text(&one["reason"]), list(&one["lines"]).iter().map(line).collect()))
        .collect()
}

fn send(server: &Server, id: &str, at: &str, more: &Value) {
    let answer = server.send_events(OPERATOR, &event(id, at, more));
    assert_eq!(answer["accepted"], 1, "{answer}");
}

#[test]
fn what_comes_after_closing_stands_on_the_first_open_month_and_is_fixed_there() {
    let server = Server::start();
    send(&server, "a", "2026-01-31T23:59:59.999Z", &json!({}));
    send(&server, "b", "2026-02-01T00:00:00Z", &json!({"cost": "1"}));
    assert_eq!(statement(&server, "2026-01", "")["closed"], false);
    let answer = close(&server, "2026-01");
    assert_eq!(answer.status, 201, "{}", answer.text);
    let closing = answer.json();
    assert_eq!((&closing["month"], &closing["timezone"]), (&json!("2026-01"), &json!("UTC")));
    let id = closing["id"].as_str().unwrap();
    close(&server, "2026-01").is_problem(409, "month 2026-01 was closed at");
    assert_eq!(server.get(&format!("/v1/closings/{id}"), OPERATOR).ok().json(), closing);
    assert_eq!(server.get("/v1/closings?organizationId=acme", OPERATOR).ok().json()["closings"], json!([closing]));

    let path = "/analytics/statement?organizationId=acme&month=2026-02&groupBy=project";
    let before = server.get(path, OPERATOR).ok();
    let unchanged = |etag: &str| {
        let headers = [("authorization", &*bearer(OPERATOR)), ("if-none-match", etag)];
        server.send("GET", path, &headers, b"").status == 304
    };
    assert!(unchanged(before.header("etag")));
    assert_eq!(before.json()["adjustments"], json!([]));
    send(&server, "late", "2026-01-10T12:00:00Z", &json!({"cost": "0.5", "promptTokens": 7}));
    assert!(!unchanged(before.header("etag")));

    let january = statement(&server, "2026-01", "groupBy=project");
    assert_eq!((&january["closed"], &january["closedAt"]), (&json!(true), &closing["closedAt"]));
    assert_eq!(january["lines"][0]["cost"], 0.25);
    assert_eq!((&january["totals"]["cost"], &january["adjustments"]), (&json!(0.25), &json!([])));
    let late = [("2026-01".to_owned(), "late".to_owned(), vec![("web".to_owned(), 0.5)])];
    let february = statement(&server, "2026-02", "groupBy=project");
    assert_eq!((adjustments(&february), &february["totals"]["cost"]), (late.to_vec(), &json!(1.5)));
    let live = server.activity(OPERATOR, "from=2026-01-01&to=2026-01-31");
    assert_eq!((&live["totals"]["cost"], &live["totals"]["requestCount"]), (&json!(0.75), &json!(2)));

    let csv = server.get(&format!("{path}&format=csv"), OPERATOR).ok().text;
    let mut rows = csv.lines();
    let columns = "kind,month,key,label,reason,cost,requestCount,totalTokens,creditsRequestCount,apiKeysRequestCount,creditsCost,apiKeysCost,unpricedRequestCount,";
    assert!(rows.next().unwrap().starts_with(columns), "{csv}");
    for row in ["line,2026-02,web,web,,1,1,120,1,0,1,0,", "adjustment,2026-01,web,web,late,0.5,1,27,1,0,0.5,0,"] {
        assert!(rows.next().unwrap().starts_with(row), "{csv}");
    }
    assert!(rows.next().unwrap().starts_with("total,2026-02,,Total,,1.5,2,147,"), "{csv}");

    // Fixed there, it stands on no other; and what it rests on stays closed.
    let second = close(&server, "2026-02").ok().json();
    assert_eq!(adjustments(&statement(&server, "2026-02", "groupBy=project")), late);
    assert_eq!(adjustments(&statement(&server, "2026-03", "groupBy=project")), []);
    let reopen = |id: &Value| server.delete(&format!("/v1/closings/{}", id.as_str().unwrap()), OPERATOR);
    reopen(&closing["id"]).is_problem(409, "month 2026-01 has adjustments on the statement of 2026-02");
    assert_eq!(reopen(&second["id"]).status, 204);
    reopen(&second["id"]).is_problem(404, "there is no closing");
    let february = statement(&server, "2026-02", "groupBy=project");
    assert_eq!((&february["closed"], &february["reopened"][0]["closingId"]), (&json!(false), &second["id"]));
    assert_eq!(adjustments(&february), late);
    assert_eq!(reopen(&closing["id"]).status, 204);
    assert_eq!(statement(&server, "2026-01", "")["totals"]["cost"], 0.75);
    let audit = server.get("/v1/audit?organizationId=acme", OPERATOR).ok().json();
    let actions: Vec<&str> = list(&audit["entries"]).iter().filter_map(|entry| entry["action"].as_str()).collect();
    assert_eq!(actions[..4], ["month-reopen", "month-reopen", "month-close", "month-close"]);
    server.post("/v1/verify", OPERATOR, &Value::Null).ok();
}

#[test]
fn other_owners_and_names_add_nothing() {
    let server = Server::start();
    let directory = json!({
        "projects": [{"id": "web", "organizationId": "acme", "name": "Website"}],
        "teams": [{"id": "red", "organizationId": "acme"}, {"id": "blue", "organizationId": "acme", "costCentre": "C1"}],
    });
    server.put("/v1/directory", OPERATOR, &directory).ok();
    send(&server, "a", "2026-01-05T10:00:00Z", &json!({"cost": "1"}));
    send(&server, "b", "2026-01-20T10:00:00Z", &json!({"cost": "2"}));
    close(&server, "2026-01").ok();
    let assigned = |team: &str, from: &str| json!({"assignments": [{"organizationId": "acme", "subject": {"apiKeyId": "k1"}, "teamId": team, "from": from}]});
    server.put("/v1/directory", OPERATOR, &assigned("red", "2026-01-01")).ok();
    server.put("/v1/directory", OPERATOR, &assigned("blue", "2026-01-12")).ok();
    let renamed = json!({"projects": [{"id": "web", "organizationId": "acme", "name": "Shop"}]});
    server.put("/v1/directory", OPERATOR, &renamed).ok();
    let moved = |lines: &[(&str, f64)]| {
        let lines = lines.iter().map(|(key, cost)| ((*key).to_owned(), *cost)).collect();
        [("2026-01".to_owned(), "reassigned".to_owned(), lines)]
    };
    let february = |by: &str| statement(&server, "2026-02", &format!("groupBy={by}"));
    assert_eq!(adjustments(&february("team")), moved(&[("blue", 2.0), ("red", 1.0), ("null", -3.0)]));
    assert_eq!(adjustments(&february("costCentre")), moved(&[("C1", 2.0), ("null", -2.0)]));
    assert_eq!(adjustments(&february("apiKey")), []);
    let project = february("project");
    assert_eq!(project["adjustments"][0]["reason"], "renamed");
    let line = &project["adjustments"][0]["lines"][0];
    assert_eq!((&line["key"], &line["label"], &line["cost"]), (&json!("web"), &json!("Shop"), &json!(0)));
    assert_eq!(statement(&server, "2026-01", "groupBy=project")["lines"][0]["label"], "Website");
}

#[test]
fn what_cannot_be_closed_or_asked_is_refused_by_name() {
    let server = Server::start();
    server
        .put("/v1/directory", OPERATOR, &json!({"organizations": [{"id": "acme", "timezone": "Europe/Berlin"}]}))
        .ok();
    send(&server, "a", "2026-01-31T23:30:00Z", &json!({}));
    let post = |body: Value| server.post("/v1/closings", OPERATOR, &body);
    for (body, words) in [
        (json!({"organizationId": "acme", "month": "2037-12"}), "month 2037-12 is not over in Europe/Berlin"),
        (json!({"organizationId": "acme", "month": "2026-13"}), "month is '2026-13'; it must be a month as YYYY-MM"),
        (json!({"organizationId": "acme", "month": "2026-01-01"}), "month is '2026-01-01'"),
        (json!({"organizationId": "acme", "month": "2026-01", "timezone": "Mars"}), "timezone 'Mars' is unknown"),
    ] {
        post(body).is_problem(400, words);
    }
    let closing = close(&server, "2026-02").ok().json();
    assert_eq!(closing["timezone"], "Europe/Berlin");
    assert_eq!(statement(&server, "2026-02", "")["totals"]["requestCount"], 1, "February has begun in Berlin");
    let id = closing["id"].as_str().unwrap();
    let ask = |more: &str| server.get(&format!("/analytics/activity?organizationId=acme&asOf={id}&{more}"), OPERATOR);
    assert_eq!(ask("").ok().json()["totals"]["requestCount"], 1);
    assert_eq!(ask("from=2026-02-02&to=2026-02-03&timezone=Europe/Berlin").ok().json()["totals"]["requestCount"], 0);
    for (more, words) in [
        ("from=2026-01-31&to=2026-02-03", "is not inside the month that asOf is of"),
        ("from=2026-02-01&to=2026-03-01", "ask for days from 2026-02-01 to 2026-02-28"),
        ("granularity=hour", "granularity is 'hour'"),
        ("compare=previous", "compare and asOf are given"),
        ("timezone=UTC", "month 2026-02 was closed in Europe/Berlin"),
    ] {
        ask(more).is_problem(400, words);
    }
    let other = "/analytics/activity?organizationId=acme&asOf=closing_1";
    server.get(other, OPERATOR).is_problem(404, "there is no closing 'closing_1'");
    let statement = |more: &str| server.get(&format!("/analytics/statement?organizationId=acme&{more}"), OPERATOR);
    statement("").is_problem(400, "the parameter month is missing");
    statement("month=2026-02&groupBy=day").is_problem(400, "groupBy is 'day'; allowed: team, costCentre, project");
    statement("month=2026-02&format=pdf").is_problem(400, "format is 'pdf'; allowed: json, csv, html");
    statement("month=2026-02&format=html&lang=fr").is_problem(400, "lang is 'fr'; allowed: en, de");
    for form in ["", "&format=json", "&format=csv"] {
        statement(&format!("month=2026-02&lang=de{form}"))
            .is_problem(400, "lang is 'de', but only format=html and format=zip");
    }
    statement("month=2026-02&format=zip&groupBy=team")
        .is_problem(400, "groupBy is 'team', but format=zip has a statement by each; leave it out");
    statement("month=2026-02&disclosure=all")
        .is_problem(400, "disclosure is 'all'; allowed: names, pseudonyms, groups");
    statement("month=2026-02&timezone=UTC").is_problem(400, "month 2026-02 was closed in Europe/Berlin");
}

#[test]
fn a_closed_month_that_is_removed_keeps_its_statement() {
    let server = Server::start();
    let now = chrono::Utc::now().to_rfc3339();
    send(&server, "new", &now, &json!({}));
    send(&server, "a", "2020-03-10T10:00:00Z", &json!({"cost": "1"}));
    let closing = close(&server, "2020-03").ok().json();
    let id = closing["id"].as_str().unwrap();
    send(&server, "late", "2020-03-29T10:00:00Z", &json!({"cost": "2"}));
    let as_of = || {
        let path = format!("/analytics/activity?organizationId=acme&groupBy=project&asOf={id}");
        server.get(&path, OPERATOR).ok().json()["totals"].clone()
    };
    let all = || (statement(&server, "2020-03", ""), statement(&server, "2020-04", ""), as_of());
    let before = all();
    assert_eq!(before.1["totals"]["cost"], 2);
    let keep = json!({"organizations": [{"id": "acme", "retentionDays": 31}]});
    server.put("/v1/directory", OPERATOR, &keep).ok();
    server.post("/v1/compact", OPERATOR, &Value::Null).ok();
    let live = server.activity(OPERATOR, "from=2020-03-01&to=2020-03-31");
    assert_eq!(live["totals"]["requestCount"], 0);
    assert_eq!(all(), before);
    server.delete(&format!("/v1/closings/{id}"), OPERATOR).is_problem(409, "was removed as too old");
    close(&server, "2020-04").is_problem(400, "organization 'acme' keeps usage since");
    server.post("/v1/verify", OPERATOR, &Value::Null).ok();
}

/// Exit code and both outputs.
fn rollcall(arguments: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(BINARY).args(arguments).output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8_lossy(&text).into_owned())
}

#[test]
fn a_statement_is_a_page_whose_every_figure_its_checksum_covers() {
    let directory = tempfile::tempdir().unwrap();
    let mut server = Server::start_in(directory.path());
    let names =
        json!({"projects": [{"id": "web", "organizationId": "acme", "name": "<script>alert(1)</script> & \"Co\""}]});
    server.put("/v1/directory", OPERATOR, &names).ok();
    send(&server, "a", "2026-01-10T12:00:00Z", &json!({"cost": "12.345678901234"}));
    let data_dir = directory.path().to_str().unwrap();
    let month = ["--organization", "acme", "--month", "2026-01"];
    let here = ["--data-dir", data_dir, "--token", OPERATOR];
    let (code, closed) = rollcall(&[&["closing", "close"], &month[..], &here].concat());
    assert_eq!((code, closed.starts_with("acme\t2026-01\tUTC\t")), (Some(0), true), "{closed}");
    let (code, again) = rollcall(&[&["closing", "close"], &month[..], &here].concat());
    assert!(code == Some(2) && again.contains("was closed at"), "{again}");
    assert_eq!(rollcall(&[&["closing", "list", "--organization", "acme"], &here[..]].concat()).1, closed);

    let file = directory.path().join("january.html");
    let name = file.to_str().unwrap();
    let by = ["--group-by", "project", "--output", name];
    let write = |here: &[&str]| rollcall(&[&["statement", "write"], &month[..], &by, here].concat());
    assert_eq!(write(&here).0, Some(0));
    let page = std::fs::read_to_string(&file).unwrap();
    assert!(page.contains("12.345678901234") && page.contains("&lt;script&gt;alert(1)&lt;/script&gt; &amp;"), "{page}");
    for outside in ["<script", "http://", "https://", "src=", "@import", "url("] {
        assert!(!page.contains(outside), "{outside}");
    }
    let verify = |path: &Path| rollcall(&["statement", "verify", path.to_str().unwrap()]);
    assert_eq!(verify(&file).0, Some(0));
    let changed = directory.path().join("changed.html");
    for figure in ["12.345678901234", ">120<", ">1<", "2026-01", "2025-12", "UTC"] {
        for (at, _) in page.match_indices(figure) {
            let other = format!("{}{}{}", &page[..at], figure.replace(['1', 'U'], "7"), &page[at + figure.len()..]);
            std::fs::write(&changed, other).unwrap();
            let (code, text) = verify(&changed);
            assert!(code == Some(1) && text.contains("it was changed"), "{figure}: {text}");
        }
    }
    std::fs::write(&changed, "<html>12</html>").unwrap();
    assert_eq!(verify(&changed).0, Some(2));
    assert_eq!(verify(Path::new("/nowhere.html")).0, Some(2));

    // The same from the files.
    assert_eq!(server.terminate(), Some(0));
    assert_eq!(write(&here).0, Some(0));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), page);
    let id = closed.trim().rsplit('\t').next().unwrap();
    assert_eq!(rollcall(&[&["closing", "reopen", id], &here[..]].concat()).0, Some(0));
    assert_eq!(rollcall(&[&["closing", "list"], &here[..]].concat()).1, "");
    assert_eq!(rollcall(&[&["closing", "reopen", id], &here[..]].concat()).0, Some(2));
}

fn html(server: &Server, month: &str, more: &str) -> String {
    let path = format!("/analytics/statement?organizationId=acme&month={month}&format=html&{more}");
    server.get(&path, OPERATOR).ok().text
}

/// The rows of a page's table under a heading: what each begins with, and its last figure.
fn rows_under<'p>(page: &'p str, heading: &str) -> Vec<(&'p str, &'p str)> {
    let (_, after) = page.split_once(&format!("<h2>{heading}</h2>")).unwrap_or_else(|| panic!("{heading}: {page}"));
    let (table, _) = after.split_once("</table>").unwrap();
    let rows = table.split("<tr>").filter(|row| row.starts_with("<td"));
    let text = |cell: &'p str| cell.split_once('>').unwrap().1.split('<').next().unwrap();
    rows.map(|row| (text(row), text(&row[row.rfind("<td").unwrap()..]))).collect()
}

/// January cost 0.2 and February 1.6 when they were closed; a dollar more of January came between.
fn two_closed_months(server: &Server) {
    for (id, at, cost, project) in [
        ("a", "2026-01-10T12:00:00Z", "0.1", "web"),
        ("b", "2026-01-11T12:00:00Z", "0.1", "web"),
        ("c", "2026-02-10T12:00:00Z", "0.15", "web"),
        ("d", "2026-02-11T12:00:00Z", "0.15", "web"),
        ("e", "2026-02-12T12:00:00Z", "0.15", "web"),
        ("f", "2026-02-13T12:00:00Z", "0.15", "web"),
        ("g", "2026-02-14T12:00:00Z", "1", "api"),
    ] {
        send(server, id, at, &json!({"cost": cost, "projectId": project}));
    }
    close(server, "2026-01").ok();
    send(server, "late", "2026-01-12T12:00:00Z", &json!({"cost": "1"}));
    close(server, "2026-02").ok();
}

#[test]
fn a_page_says_what_lies_between_the_month_and_the_one_before() {
    let server = Server::start();
    two_closed_months(&server);
    let page = html(&server, "2026-02", "groupBy=project");
    // Two requests more at the mean of $0.10 and $0.15, three at $0.05 more.
    let expected = [
        ("2026-01", "0.2"),
        ("Volume", "+0.25"),
        ("Price", "+0.15"),
        ("New", "+1"),
        ("2026-02", "1.6"),
        ("Difference", "+1.4"),
    ];
    assert_eq!(rows_under(&page, "2026-02 against 2026-01"), expected);
    assert_eq!(page.matches("as it was closed").count(), 2);
    assert_eq!(page.matches("<svg").count(), 5);
    assert_eq!(rows_under(&page, "Usage of 2026-02"), [("api", "1"), ("web", "0.6")]);
    assert_eq!(rows_under(&page, "In all").len(), 1);
    // What comes later moves neither.
    send(&server, "later", "2026-02-12T12:00:00Z", &json!({"cost": "7"}));
    assert_eq!(html(&server, "2026-02", "groupBy=project"), page);
    let draft = html(&server, "2026-03", "groupBy=project");
    let expected = [("2026-02", "1.6"), ("Gone", "-1.6"), ("2026-03", "0"), ("Difference", "-1.6")];
    assert_eq!(rows_under(&draft, "2026-03 against 2026-02"), expected);
    assert_eq!(draft.matches("not closed: as it is known now").count(), 1);

    let hidden = html(&server, "2026-02", "groupBy=user&disclosure=pseudonyms");
    assert_eq!(rows_under(&hidden, "2026-02 against 2026-01").last(), Some(&("Difference", "+1.4")));
    assert!(!html(&server, "2026-02", "groupBy=user&disclosure=groups").contains(" against "), "it is of few people");
    // The first month there is has none before it.
    for month in ["0001-01", "1970-01", "9999-12"] {
        let path = format!("/analytics/statement?organizationId=acme&month={month}&format=html");
        assert!([200, 400].contains(&server.get(&path, OPERATOR).status), "{month}");
    }
}

#[test]
fn a_page_says_in_either_language_whose_a_request_is() {
    let server = Server::start();
    two_closed_months(&server);
    for (by, english, german) in [
        ("team", "for the team that its API key is assigned to", "für das Team, dem ihr API-Schlüssel"),
        ("costCentre", "for the cost centre of its team", "für die Kostenstelle ihres Teams"),
        ("project", "for the project that it was sent for", "für das Projekt, für das sie gesendet wurde"),
        ("user", "for the person whose its API key is", "für die Person, der ihr API-Schlüssel"),
        ("apiKey", "for the API key that it was made with", "für den API-Schlüssel, mit dem sie gestellt wurde"),
        ("model", "for the model that answered it", "für das Modell, das sie beantwortet hat"),
    ] {
        let pages = ["", "&lang=en", "&lang=de"].map(|lang| html(&server, "2026-02", &format!("groupBy={by}{lang}")));
        assert_eq!(pages[0], pages[1]);
        for (page, code, words) in [(&pages[0], "en", english), (&pages[2], "de", german)] {
            assert!(page.contains(&format!("<html lang=\"{code}\">")) && page.contains(words), "{by} {code}: {page}");
        }
        let figures = |page: &str, headings: [&str; 3]| {
            let rows = headings.map(|heading| rows_under(page, heading));
            rows.map(|rows| rows.into_iter().map(|(_, figure)| figure.to_owned()).collect::<Vec<_>>())
        };
        let english = ["Usage of 2026-02", "2026-02 against 2026-01", "In all"];
        let german = ["Nutzung von 2026-02", "2026-02 gegenüber 2026-01", "Zusammen"];
        assert_eq!(figures(&pages[0], english), figures(&pages[2], german), "{by}");
    }
    let page = html(&server, "2026-02", "groupBy=team&lang=de");
    assert_eq!(rows_under(&page, "Nutzung von 2026-02"), [("Ohne Team", "1.6")]);
    let late = rows_under(&page, "Nachtrag: Nutzung von 2026-01, die seit dem Abschluss kam");
    assert_eq!(late, [("Ohne Team", "1")]);
}

#[test]
fn a_page_has_amounts_at_the_operators_rate_beside_dollars() {
    let directory = tempfile::tempdir().unwrap();
    let settings = [
        ("ROLLCALL_CURRENCY_LABEL", "<EUR>"),
        ("ROLLCALL_CURRENCY_RATE", "0.920"),
        ("ROLLCALL_CURRENCY_RATE_DATE", "2026-11-01"),
    ];
    let server = Server::start_set(directory.path(), OPERATOR, &settings);
    two_closed_months(&server);
    let page = html(&server, "2026-02", "groupBy=project");
    assert!(page.contains("<dd>1 USD = 0.92 &lt;EUR&gt;, rate of 2026-11-01</dd>"), "{page}");
    assert!(page.contains("rounded by itself to two decimals, half to even"), "{page}");
    for (usd, other) in
        [("1", "0.92"), ("0.6", "0.55"), ("1.6", "1.47"), ("+0.25", "+0.23"), ("0.2", "0.18"), ("2.6", "2.39")]
    {
        let both = format!("<td>{usd}<small>{other} &lt;EUR&gt;</small></td>");
        assert!(page.contains(&both), "{both}: {page}");
    }
    let german = html(&server, "2026-02", "groupBy=project&lang=de");
    assert!(german.contains("1 USD = 0.92 &lt;EUR&gt;, Kurs vom 2026-11-01"), "{german}");
    for form in ["json", "csv"] {
        let path = format!("/analytics/statement?organizationId=acme&month=2026-02&format={form}");
        let text = server.get(&path, OPERATOR).ok().text;
        assert!(!text.contains("EUR") && !text.contains("0.92"), "{text}");
    }
}

#[test]
fn a_zip_has_every_statement_as_it_is_alone() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start_in(directory.path());
    two_closed_months(&server);
    let file = directory.path().join("february.zip");
    let write = |more: &[&str]| {
        let common = ["statement", "write", "--organization", "acme", "--month", "2026-02", "--format", "zip"];
        let to = ["--output", file.to_str().unwrap(), "--data-dir", directory.path().to_str().unwrap()];
        rollcall(&[&common[..], &to, &["--token", OPERATOR], more].concat())
    };
    for (arguments, more) in [
        (&[][..], ""),
        (&["--lang", "de", "--disclosure", "pseudonyms"], "&lang=de&disclosure=pseudonyms"),
        (&["--disclosure", "groups"], "&disclosure=groups"),
    ] {
        let (code, text) = write(arguments);
        assert_eq!(code, Some(0), "{text}");
        let mut zip = zip::ZipArchive::new(std::fs::File::open(&file).unwrap()).unwrap();
        let mut names: Vec<String> = zip.file_names().map(|name| name.unwrap().into_owned()).collect();
        names.sort();
        let mut expected = Vec::new();
        for by in ["apiKey", "costCentre", "project", "team", "user"] {
            for form in ["csv", "html"] {
                let name = format!("acme-statement-by-{by}-2026-02-UTC.{form}");
                // CSV is in no language.
                let more = if form == "csv" { more.replace("&lang=de", "") } else { more.to_owned() };
                let path =
                    format!("/analytics/statement?organizationId=acme&month=2026-02&groupBy={by}&format={form}{more}");
                let text = std::io::read_to_string(zip.by_name(&name).unwrap()).unwrap();
                assert_eq!(text, server.get(&path, OPERATOR).ok().text, "{name}");
                expected.push(name);
            }
        }
        assert_eq!(names, expected);
    }
    let (code, text) = write(&["--group-by", "team"]);
    assert!(code == Some(2) && text.contains("format=zip has a statement by each"), "{text}");
    let answer = server.get("/analytics/statement?organizationId=acme&month=2026-02&format=zip", OPERATOR).ok();
    assert_eq!(answer.header("content-type"), "application/zip");
    assert_eq!(answer.header("content-disposition"), "attachment; filename=\"acme-statements-2026-02-UTC.zip\"");
}

#[test]
fn a_statement_says_what_had_no_price() {
    let server = Server::start();
    let unknown = json!({"usedModel": "own/unheard-of", "cost": null, "promptTokens": 7});
    send(&server, "a", "2026-01-10T12:00:00Z", &unknown);
    send(&server, "b", "2026-01-11T12:00:00Z", &unknown);
    send(&server, "c", "2026-01-11T12:00:00Z", &json!({"cost": "1"}));
    let unpriced = |month: &str| {
        let statement = statement(&server, month, "groupBy=model");
        let of =
            |line: &Value| (line["key"].as_str().unwrap_or_default().to_owned(), line["unpricedRequestCount"].clone());
        let lines = list(&statement["lines"]).iter().chain(list(&statement["adjustments"][0]["lines"]));
        (lines.map(of).collect::<BTreeMap<_, _>>(), statement["totals"]["unpricedRequestCount"].clone())
    };
    let draft = unpriced("2026-01");
    let priced = "gpt-4o".to_owned();
    assert_eq!(draft, ([("unheard-of".to_owned(), json!(2)), (priced, json!(0))].into(), json!(2)));
    close(&server, "2026-01").ok();
    assert_eq!(unpriced("2026-01"), draft);
    for (language, words) in [("en", "2 requests have no price"), ("de", "2 Anfragen haben keinen Preis")] {
        let page = html(&server, "2026-01", &format!("groupBy=model&lang={language}"));
        assert_eq!(page.matches(words).count(), 2, "of the line and of the total: {page}");
    }
    let csv = server.get("/analytics/statement?organizationId=acme&month=2026-01&groupBy=model&format=csv", OPERATOR);
    let csv = csv.ok().text;
    assert!(csv.lines().any(|row| row.starts_with("line,2026-01,unheard-of,unheard-of,,0,2,")), "{csv}");
    // What came later is told apart by its reason, not by its price.
    send(&server, "late", "2026-01-12T12:00:00Z", &unknown);
    assert_eq!(unpriced("2026-02"), ([("unheard-of".to_owned(), json!(0))].into(), json!(0)));
}

#[test]
fn people_are_told_of_as_was_asked() {
    let server = Server::start();
    let key = |number: u32| json!({"id": format!("k{number}"), "organizationId": "acme", "projectId": "web", "createdBy": format!("person-{number}")});
    let keys = json!({"apiKeys": (0..7).map(key).collect::<Vec<_>>()});
    server.put("/v1/directory", OPERATOR, &keys).ok();
    for number in 0..7 {
        let project = if number < 5 { "web" } else { "api" };
        let of = json!({"apiKeyId": format!("k{number}"), "projectId": project, "cost": "1"});
        send(&server, &format!("e{number}"), "2026-01-10T12:00:00Z", &of);
    }
    close(&server, "2026-01").ok();
    send(&server, "late", "2026-01-11T12:00:00Z", &json!({"apiKeyId": "k6", "projectId": "api", "cost": "3"}));
    let names = |month: &str, more: &str| -> Vec<String> {
        let told = statement(&server, month, more);
        let lines =
            list(&told["lines"]).iter().chain(list(&told["adjustments"]).iter().flat_map(|one| list(&one["lines"])));
        lines.map(|line| format!("{} {}", line["label"].as_str().unwrap(), line["cost"])).collect()
    };
    let by_name = names("2026-01", "groupBy=user");
    let hidden = names("2026-01", "groupBy=user&disclosure=pseudonyms");
    assert_eq!((by_name.len(), hidden.len()), (7, 7));
    assert!(hidden.iter().all(|line| line.starts_with("Person ") && !line.contains("person-")), "{hidden:?}");
    let late = names("2026-02", "groupBy=user&disclosure=pseudonyms");
    let who = |line: &str| line.rsplit_once(' ').unwrap().0.to_owned();
    assert!(hidden.iter().any(|line| who(line) == who(&late[0])), "{late:?} of {hidden:?}");

    assert_eq!(names("2026-01", "groupBy=project"), ["web 5", "api 2"]);
    assert_eq!(names("2026-01", "groupBy=project&disclosure=groups"), ["All 7"]);
    assert_eq!(names("2026-01", "groupBy=user&disclosure=groups"), ["All 7"]);
    // One person's: it joins the month's own lines.
    assert_eq!(names("2026-02", "groupBy=project"), ["api 3"]);
    let told = statement(&server, "2026-02", "groupBy=project&disclosure=groups");
    assert_eq!((&told["adjustments"], &told["totals"]["cost"]), (&json!([]), &json!(3)));
    assert_eq!(told["lines"][0]["label"], "All");
}
