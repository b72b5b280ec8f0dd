//! Months that are closed: what they were stays, what came since is told apart by its reason, and both are what activity
//! says now, whatever happens.

use std::collections::BTreeMap;
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
use crate::support::{OPERATOR, event};

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
