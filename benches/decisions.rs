//! Decisions on calls with 1,000 budgets: one by itself, 5,000 a second beside 50,000 events a second, and what budgets
//! cost ingest.
//!
//! `cargo bench --bench decisions`

mod client;
mod figures;
mod server;
mod workload;

use std::fmt::Write as _;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use client::{connect, post_head, read_answer};
use figures::figure;
use rollcall::budget::{Accounts, Ask};
use rollcall::directory::{
    ApiKeyUpdate, Budget, BudgetAction, BudgetScope, BudgetWindow, Change, Directory, DirectoryUpdate, Limit,
    MemberUpdate, Role, Status,
};
use rollcall::model::Fingerprint;
use server::{kill, start};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const SECONDS: f64 = 10.0;
const CONNECTIONS: usize = 8;
const KEYS: usize = 500;
const PROJECTS: usize = 50;
const MEMBERS: usize = 200;
const BUDGETS: usize = 1000;
const INGESTED: usize = 400_000;
const ROUNDS: usize = 5;

fn main() {
    // Cargo asks bench targets for a list in some commands; there is none to give.
    if std::env::args().any(|a| a == "--list") {
        return;
    }
    one_by_itself();
    beside_ingest();
    let mut ratios: Vec<f64> = (0..ROUNDS).map(|_| ingest_rate(true) / ingest_rate(false)).collect();
    ratios.sort_by(f64::total_cmp);
    let text = format!("{:.3} (median of {ROUNDS}; {:.3} to {:.3})", ratios[ROUNDS / 2], ratios[0], ratios[ROUNDS - 1]);
    figure("decisions", "ingest with 1,000 budgets, in times of that without", &text);
}

/// Whose the budget of a number is, by kind and id; `None` is the organization or a default.
fn scope(number: usize) -> (&'static str, Option<String>) {
    match number {
        0..4 => ("organization", None),
        4..8 => ("member", None),
        8..208 => ("project", Some(format!("project-{}", number % PROJECTS))),
        208..408 => ("member", Some(format!("member-{}", number % MEMBERS))),
        _ => ("apiKey", Some(format!("key-{}", number % KEYS))),
    }
}

fn one_by_itself() {
    let mut directory = Directory::default();
    let members = (0..MEMBERS).map(|number| MemberUpdate {
        organization_id: "northwind".into(),
        user_id: format!("member-{number}"),
        role: Role::Developer,
        project_ids: None,
        former: false,
    });
    let api_keys = (0..KEYS).map(|number| ApiKeyUpdate {
        id: format!("key-{number}"),
        organization_id: Some("northwind".into()),
        project_id: format!("project-{}", number % PROJECTS),
        created_by: Some(format!("member-{}", number % MEMBERS)),
        ..ApiKeyUpdate::default()
    });
    let update =
        DirectoryUpdate { members: members.collect(), api_keys: api_keys.collect(), ..DirectoryUpdate::default() };
    directory.apply(Change::Merge(update)).expect("it fits");
    let mut organization = (**directory.organization("northwind").expect("just made")).clone();
    let budgets = (0..BUDGETS).map(|number| {
        let budget = Budget {
            scope: match scope(number) {
                ("organization", _) => BudgetScope::Organization,
                ("project", id) => BudgetScope::Project(id.unwrap_or_default()),
                ("member", id) => BudgetScope::Member(id),
                (_, id) => BudgetScope::ApiKey(id.unwrap_or_default()),
            },
            limit: Limit::Cost(i128::MAX / 4),
            window: [BudgetWindow::Day, BudgetWindow::Week, BudgetWindow::Month, BudgetWindow::Total][number % 4],
            timezone: None,
            action: BudgetAction::Block,
            percent: Vec::new(),
            from: None,
            to: None,
            status: Status::Active,
        };
        (format!("budget-{number}"), budget)
    });
    organization.budgets = Arc::new(budgets.collect());
    let mut accounts = Accounts::default();
    let nothing = accounts.open("northwind", &organization, workload::NOW, |_, _| Ok::<_, ()>(Vec::new()));
    nothing.expect("nothing is asked");
    let started = Instant::now();
    const ASKED: usize = 200_000;
    for number in 0..ASKED {
        let key = format!("key-{}", number * 7 % KEYS);
        let ask = Ask {
            api_key_id: &key,
            project_id: None,
            user_id: None,
            call: Fingerprint::of(&number.to_string()),
            cost: 1_000_000,
            tokens: 1000,
            reserve: true,
        };
        let decided = accounts.decide("northwind", &organization, ask, workload::NOW).expect("there is room");
        assert!(decided.allowed);
    }
    let each = started.elapsed().as_secs_f64() * 1e6 / ASKED as f64;
    figure("decisions", "a decision by itself, 1,000 budgets", &format!("{each:.2} µs"));
}

fn send(address: &str, method: &str, path: &str, body: &str) {
    let mut stream = connect(address);
    let head = post_head(path, body.len()).replacen("POST", method, 1);
    stream.get_mut().write_all((head + body).as_bytes()).expect("the server reads");
    read_answer(&mut stream);
}

/// A server whose organization has members and keys, and budgets if it is to.
fn started(directory: &std::path::Path, with_budgets: bool) -> (std::process::Child, String) {
    let (server, address) = start(directory);
    let list = |items: Vec<String>| items.join(",");
    let members = (0..MEMBERS)
        .map(|number| format!(r#"{{"organizationId":"northwind","userId":"member-{number}","role":"developer"}}"#));
    let keys = (0..KEYS).map(|number| {
        let (project, member) = (number % PROJECTS, number % MEMBERS);
        format!(r#"{{"id":"key-{number}","organizationId":"northwind","projectId":"project-{project}","createdBy":"member-{member}"}}"#)
    });
    let directory = format!(r#"{{"members":[{}],"apiKeys":[{}]}}"#, list(members.collect()), list(keys.collect()));
    send(&address, "PUT", "/v1/directory", &directory);
    if with_budgets {
        let budgets = (0..BUDGETS).map(|number| {
            let (kind, id) = scope(number);
            let id = id.map(|id| format!(r#","id":"{id}""#)).unwrap_or_default();
            let window = ["day", "week", "month", "total"][number % 4];
            format!(
                r#"{{"id":"budget-{number}","organizationId":"northwind","scope":{{"kind":"{kind}"{id}}},"limit":{{"cost":100000000}},"window":"{window}"}}"#
            )
        });
        send(&address, "PUT", "/v1/budgets", &format!(r#"{{"budgets":[{}]}}"#, list(budgets.collect())));
        // Opens the book, so that commits are added to it.
        ask(&mut connect(&address), 0);
    }
    (server, address)
}

fn ask(stream: &mut std::io::BufReader<std::net::TcpStream>, number: usize) {
    let key = number * 7 % KEYS;
    let body = format!(
        r#"{{"organizationId":"northwind","apiKeyId":"key-{key}","model":"gpt-4o","callId":"call-{number}","promptTokens":900,"maxCompletionTokens":90}}"#
    );
    let request = post_head("/v1/decisions", body.len()) + &body;
    stream.get_mut().write_all(request.as_bytes()).expect("the server reads");
    let answer = read_answer(stream);
    assert!(answer.starts_with(br#"{"allowed":true"#), "{}", String::from_utf8_lossy(&answer));
}

fn events(prefix: &str, number: usize, count: usize) -> Vec<u8> {
    let now = chrono::Utc::now().timestamp_millis();
    let mut body = String::from("[");
    for i in 0..count {
        let key = (number * 7 + i) % KEYS;
        let comma = if i > 0 { "," } else { "" };
        write!(
            body,
            "{comma}{{\"id\":\"{prefix}-{number}-{i}\",\"timestamp\":{now},\"organizationId\":\"northwind\",\
             \"projectId\":\"project-{}\",\"apiKeyId\":\"key-{key}\",\"usedModel\":\"openai/model-{}\",\
             \"promptTokens\":900,\"completionTokens\":90,\"cost\":\"0.0042\"}}",
            key % PROJECTS,
            key % 60,
        )
        .expect("strings take every write");
    }
    body.push(']');
    (post_head("/v1/events", body.len()) + &body).into_bytes()
}

fn beside_ingest() {
    const RATE: f64 = 5000.0;
    let directory = tempfile::tempdir().expect("a directory");
    let (server, address) = started(directory.path(), true);
    let (ingested, done) = (AtomicUsize::new(0), AtomicBool::new(false));
    let mut times: Vec<f64> = std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut stream = connect(&address);
            let began = Instant::now();
            for number in 0.. {
                if done.load(Ordering::Relaxed) {
                    return;
                }
                // A thousand each fiftieth of a second.
                std::thread::sleep(Duration::from_millis(20 * number as u64).saturating_sub(began.elapsed()));
                stream.get_mut().write_all(&events("beside", number, 1000)).expect("the server reads");
                read_answer(&mut stream);
                ingested.fetch_add(1000, Ordering::Relaxed);
            }
        });
        let began = Instant::now();
        let askers: Vec<_> = (0..CONNECTIONS)
            .map(|connection| {
                let address = &address;
                scope.spawn(move || {
                    let mut stream = connect(address);
                    let mut times = Vec::new();
                    for number in (connection..(RATE * SECONDS) as usize).step_by(CONNECTIONS) {
                        let due = began + Duration::from_secs_f64(number as f64 / RATE);
                        std::thread::sleep(due.saturating_duration_since(Instant::now()));
                        ask(&mut stream, number);
                        times.push(due.elapsed().as_secs_f64() * 1e3);
                    }
                    times
                })
            })
            .collect();
        let times = askers.into_iter().flat_map(|asker| asker.join().expect("no panic")).collect();
        done.store(true, Ordering::Relaxed);
        times
    });
    times.sort_by(f64::total_cmp);
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
    let rate = ingested.load(Ordering::Relaxed) as f64 / SECONDS;
    let text = format!("{:.2} ms (median), {:.2} ms (99 %), {} answers", at(0.5), at(0.99), times.len());
    figure("decisions", &format!("5,000 a second with 1,000 budgets, beside {rate:.0} events/s"), &text);
    kill(server);
}

/// Events a second over HTTP, in batches of a thousand over two connections.
fn ingest_rate(with_budgets: bool) -> f64 {
    let directory = tempfile::tempdir().expect("a directory");
    let (server, address) = started(directory.path(), with_budgets);
    let requests: Vec<Vec<u8>> = (0..INGESTED / 1000).map(|number| events("rate", number, 1000)).collect();
    let began = Instant::now();
    std::thread::scope(|scope| {
        for connection in 0..2 {
            let (requests, address) = (&requests, &address);
            scope.spawn(move || {
                let mut stream = connect(address);
                for request in requests.iter().skip(connection).step_by(2) {
                    stream.get_mut().write_all(request).expect("the server reads");
                    read_answer(&mut stream);
                }
            });
        }
    });
    let rate = INGESTED as f64 / began.elapsed().as_secs_f64();
    kill(server);
    rate
}
