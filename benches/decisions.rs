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
use std::path::Path;
use std::process::Child;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
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
use workload::{Large, bench_directory};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const SECONDS: f64 = 10.0;
const CONNECTIONS: usize = 8;
const KEYS: usize = workload::KEYS;
const PROJECTS: usize = workload::PROJECTS;
const MEMBERS: usize = workload::MEMBERS;
const RATE: f64 = 5000.0;
const BUDGETS: usize = 1000;
/// Events of a round, with budgets and without.
const INGESTED: usize = 100_000;
const ROUNDS: usize = 15;
const BESIDE_ROUNDS: usize = 3;

fn main() {
    // Cargo asks bench targets for a list in some commands; there is none to give.
    if std::env::args().any(|a| a == "--list") {
        return;
    }
    one_by_itself();
    // Made, and let go, so that servers can be started on copies of it.
    drop(Large::load());
    beside_ingest();
    ingest_ratio();
}

/// Whose the budget of a number is, by kind and id; `None` is the organization or a default.
fn scope(number: usize) -> (&'static str, Option<String>) {
    match number {
        0..4 => ("organization", None),
        4..8 => ("member", None),
        8..208 => ("project", Some(format!("project-{}", number % PROJECTS))),
        208..408 => ("member", Some(format!("user-{}", number % MEMBERS))),
        _ => ("apiKey", Some(format!("key-{}", number % KEYS))),
    }
}

fn one_by_itself() {
    let mut directory = Directory::default();
    let members = (0..MEMBERS).map(|number| MemberUpdate {
        organization_id: "northwind".into(),
        user_id: format!("user-{number}"),
        role: Role::Developer,
        project_ids: None,
        former: false,
    });
    let api_keys = (0..KEYS).map(|number| ApiKeyUpdate {
        id: format!("key-{number}"),
        organization_id: Some("northwind".into()),
        project_id: format!("project-{}", number % PROJECTS),
        created_by: Some(format!("user-{}", number % MEMBERS)),
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

/// A server with the large workload, whose organization has members and keys, and budgets if it is to.
fn started(directory: &Path, with_budgets: bool) -> (Child, String) {
    for file in std::fs::read_dir(bench_directory()).expect("it was made") {
        let file = file.expect("a file");
        std::fs::copy(file.path(), directory.join(file.file_name())).expect("room on the disk");
    }
    let (server, address) = start(directory);
    let list = |items: Vec<String>| items.join(",");
    let members = (0..MEMBERS)
        .map(|number| format!(r#"{{"organizationId":"northwind","userId":"user-{number}","role":"developer"}}"#));
    let keys = (0..KEYS).map(|number| {
        let (project, member) = (number % PROJECTS, number % MEMBERS);
        format!(r#"{{"id":"key-{number}","organizationId":"northwind","projectId":"project-{project}","createdBy":"user-{member}"}}"#)
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

fn question(number: usize) -> Vec<u8> {
    let key = number % KEYS * 7 % KEYS;
    let body = format!(
        r#"{{"organizationId":"northwind","apiKeyId":"key-{key}","model":"gpt-4o","callId":"call-{number}","promptTokens":900,"maxCompletionTokens":90}}"#
    );
    (post_head("/v1/decisions", body.len()) + &body).into_bytes()
}

fn ask(stream: &mut std::io::BufReader<std::net::TcpStream>, number: usize) {
    stream.get_mut().write_all(&question(number)).expect("the server reads");
    assert!(!is_refusal(&read_answer(stream)), "all budgets are large");
}

fn is_refusal(answer: &[u8]) -> bool {
    answer.starts_with(br#"{"allowed":false"#)
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

/// Decisions beside ingest, and by turns the same load of a route that does nothing: what the machine makes anybody wait.
fn beside_ingest() {
    let directory = tempfile::tempdir().expect("a directory");
    let (server, address) = started(directory.path(), true);
    let live = |_: usize| b"GET /healthz HTTP/1.1\r\nhost: bench\r\n\r\n".to_vec();
    let mut rounds = [Vec::new(), Vec::new(), Vec::new()];
    for round in 0..BESIDE_ROUNDS {
        let first = round * (RATE * SECONDS) as usize;
        // Calls of their own.
        let alone = |number| question(usize::MAX / 2 + first + number);
        rounds[0].push(beside(&address, &format!("nothing-{round}"), live, true));
        rounds[1].push(beside(&address, &format!("asked-{round}"), |number| question(first + number), true));
        rounds[2].push(beside(&address, &format!("alone-{round}"), alone, false));
    }
    kill(server);
    for (what, mut rounds) in ["a route that does nothing", "decisions", "decisions alone"].into_iter().zip(rounds) {
        rounds.sort_by(|a, b| a.last.total_cmp(&b.last));
        let Beside { median, last, events, .. } = rounds[BESIDE_ROUNDS / 2];
        let [least, most] = [rounds[0].last, rounds[BESIDE_ROUNDS - 1].last];
        let text = format!("{median:.2} ms (median), {last:.2} ms (99 %; {least:.2} to {most:.2})");
        figure("decisions", &format!("{what}, 5,000 a second with 1,000 budgets, beside {events:.0} events/s"), &text);
    }
}

struct Beside {
    median: f64,
    last: f64,
    events: f64,
}

/// Asks as often as is due, whatever answers take, and times each from when it was due.
fn beside(address: &str, prefix: &str, request: impl Fn(usize) -> Vec<u8> + Sync, with_ingest: bool) -> Beside {
    // Made before: the client shares the machine.
    let count = if with_ingest { (SECONDS * 50.0) as usize } else { 0 };
    let posts: Vec<Vec<u8>> = (0..count).map(|number| events(prefix, number, 1000)).collect();
    let (ingested, began) = (AtomicUsize::new(0), Instant::now());
    let (request, mut times) = (&request, Vec::new());
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut stream = connect(address);
            for (number, post) in posts.iter().enumerate() {
                // A thousand each fiftieth of a second.
                std::thread::sleep(Duration::from_millis(20 * number as u64).saturating_sub(began.elapsed()));
                stream.get_mut().write_all(post).expect("the server reads");
                read_answer(&mut stream);
                if began.elapsed().as_secs_f64() <= SECONDS {
                    ingested.fetch_add(1000, Ordering::Relaxed);
                }
            }
        });
        let askers: Vec<_> = (0..CONNECTIONS)
            .map(|connection| {
                scope.spawn(move || {
                    let mut stream = connect(address);
                    let mut times = Vec::new();
                    for number in (connection..(RATE * SECONDS) as usize).step_by(CONNECTIONS) {
                        let due = began + Duration::from_secs_f64(number as f64 / RATE);
                        std::thread::sleep(due.saturating_duration_since(Instant::now()));
                        stream.get_mut().write_all(&request(number)).expect("the server reads");
                        assert!(!is_refusal(&read_answer(&mut stream)), "all budgets are large");
                        times.push(due.elapsed().as_secs_f64() * 1e3);
                    }
                    times
                })
            })
            .collect();
        times.extend(askers.into_iter().flat_map(|asker| asker.join().expect("no panic")));
    });
    times.sort_by(f64::total_cmp);
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
    Beside { median: at(0.5), last: at(0.99), events: ingested.load(Ordering::Relaxed) as f64 / SECONDS }
}

/// How fast ingest is with budgets, in times of that without: two servers of one binary by turns, neither always first.
fn ingest_ratio() {
    let directories = [(); 2].map(|()| tempfile::tempdir().expect("a directory"));
    let servers = [0, 1].map(|with| started(directories[with].path(), with == 1));
    // The first round warms both up.
    let mut ratios: Vec<f64> = (0..=ROUNDS)
        .map(|round| {
            let mut rates = [0.0; 2];
            for with in [round % 2, 1 - round % 2] {
                rates[with] = ingest_rate(&servers[with].1, &format!("rate-{round}"));
            }
            rates[1] / rates[0]
        })
        .skip(1)
        .collect();
    servers.into_iter().for_each(|(server, _)| kill(server));
    ratios.sort_by(f64::total_cmp);
    let text = format!("{:.3} (median of {ROUNDS}; {:.3} to {:.3})", ratios[ROUNDS / 2], ratios[0], ratios[ROUNDS - 1]);
    figure("decisions", "ingest with 1,000 budgets, in times of that without", &text);
}

/// Events a second over HTTP, in batches of a thousand over two connections.
fn ingest_rate(address: &str, prefix: &str) -> f64 {
    let requests: Vec<Vec<u8>> = (0..INGESTED / 1000).map(|number| events(prefix, number, 1000)).collect();
    let began = Instant::now();
    std::thread::scope(|scope| {
        for connection in 0..2 {
            let requests = &requests;
            scope.spawn(move || {
                let mut stream = connect(address);
                for request in requests.iter().skip(connection).step_by(2) {
                    stream.get_mut().write_all(request).expect("the server reads");
                    read_answer(&mut stream);
                }
            });
        }
    });
    INGESTED as f64 / began.elapsed().as_secs_f64()
}
