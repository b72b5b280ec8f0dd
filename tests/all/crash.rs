//! SIGKILL of the built binary while it takes events, seals, writes backups or compacts: what was acknowledged is
//! there, once.

use std::collections::HashMap;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::support::{BINARY, OPERATOR, Server, bearer, event};
use serde_json::{Value, json};

const ROUNDS: u64 = 4;
const PRODUCERS: usize = 4;
const BATCH: u64 = 20;

/// Sends a batch; `None` when the server went away before it answered.
fn try_send(url: &str, events: &Value) -> Option<u64> {
    let config = ureq::Agent::config_builder().timeout_global(Some(Duration::from_secs(20))).build();
    let agent = ureq::Agent::from(config);
    let request = agent.post(format!("{url}/v1/events")).header("authorization", bearer(OPERATOR));
    let answer: Value = request.send_json(events).ok()?.body_mut().read_json().ok()?;
    Some(answer["accepted"].as_u64().unwrap() + answer["duplicates"].as_u64().unwrap())
}

#[test]
fn what_was_acknowledged_before_a_kill_is_counted_once() {
    let directory = tempfile::tempdir().unwrap();
    // Batches that were acknowledged, and those that may or may not have arrived.
    let acknowledged: Mutex<HashMap<u64, Value>> = Mutex::default();
    let unsure: Mutex<HashMap<u64, Value>> = Mutex::default();
    let next = AtomicU64::new(0);
    for round in 0..ROUNDS {
        let mut server = Server::start_in(directory.path());
        let (url, stop) = (server.url.clone(), AtomicBool::new(false));
        std::thread::scope(|scope| {
            for _ in 0..PRODUCERS {
                scope.spawn(|| {
                    while !stop.load(Ordering::Relaxed) {
                        let number = next.fetch_add(1, Ordering::Relaxed);
                        let batch: Vec<Value> = (0..BATCH)
                            .map(|i| {
                                event(
                                    &format!("{number}-{i}"),
                                    "2026-06-01T10:00:00Z",
                                    &json!({"cost": "0.000000000001"}),
                                )
                            })
                            .collect();
                        let batch = Value::from(batch);
                        let taken = try_send(&url, &batch);
                        let list = if taken == Some(BATCH) { &acknowledged } else { &unsure };
                        list.lock().unwrap().insert(number, batch);
                    }
                });
            }
            // Killed in the middle of the work: after some batches of this round, not after some time.
            let enough = next.load(Ordering::Relaxed) + 40 * (round + 1);
            while next.load(Ordering::Relaxed) < enough {
                std::thread::yield_now();
            }
            server.kill();
            stop.store(true, Ordering::Relaxed);
        });
    }
    let server = Server::start_in(directory.path());
    let requests = || {
        let answer = server.activity(OPERATOR, "from=2026-06-01&to=2026-06-01");
        answer["totals"]["requestCount"].as_u64().unwrap()
    };
    let (acknowledged, unsure) = (acknowledged.into_inner().unwrap(), unsure.into_inner().unwrap());
    let kept = BATCH * acknowledged.len() as u64;
    assert!(kept > 0 && !unsure.is_empty(), "the kills came in the middle of the work");
    assert!(requests() >= kept, "{} of {kept} acknowledged events", requests());
    // Whoever got no answer sends again, and so does someone who forgot that they did.
    for batch in acknowledged.values().chain(unsure.values()) {
        assert_eq!(try_send(&server.url, batch), Some(BATCH));
    }
    assert_eq!(requests(), BATCH * (acknowledged.len() + unsure.len()) as u64);
}

/// What was sent of batches by their number, and whether it was acknowledged.
#[derive(Default)]
struct Sent(Mutex<HashMap<u64, (Value, bool)>>);

impl Sent {
    /// A batch over the days of a year, so that each has something to seal in every period.
    fn batch(number: u64) -> Value {
        let of = |i: u64| {
            let (month, day) = (1 + (number + i) % 12, 1 + (7 * i + number) % 28);
            let extra = json!({"apiKeyId": format!("k{}", i % 3), "cost": "0.000000000001"});
            event(&format!("{number}-{i}"), &format!("2025-{month:02}-{day:02}T{:02}:30:00Z", i % 24), &extra)
        };
        Value::from((0..BATCH).map(of).collect::<Vec<_>>())
    }

    fn send(&self, url: &str, number: u64) {
        let batch = Sent::batch(number);
        let taken = try_send(url, &batch) == Some(BATCH);
        self.0.lock().unwrap().insert(number, (batch, taken));
    }

    fn acknowledged(&self) -> u64 {
        BATCH * self.0.lock().unwrap().values().filter(|(_, taken)| *taken).count() as u64
    }

    /// Every acknowledged event is there, none twice, and after sending all of it again, all of it once.
    fn check(&self, directory: &Path) {
        let server = Server::start_in(directory);
        let requests = || {
            let answer = server.activity(OPERATOR, "from=2025-01-01&to=2025-12-31&groupBy=apiKey");
            answer["totals"]["requestCount"].as_u64().unwrap()
        };
        let (acknowledged, found) = (self.acknowledged(), requests());
        let mut sent = self.0.lock().unwrap();
        let all = BATCH * sent.len() as u64;
        assert!((acknowledged..=all).contains(&found), "{acknowledged} <= {found} <= {all}");
        for (batch, taken) in sent.values_mut() {
            assert_eq!(try_send(&server.url, batch), Some(BATCH));
            *taken = true;
        }
        assert_eq!(requests(), all);
        let verified = server.post("/v1/verify", OPERATOR, &Value::Null).ok().json();
        assert!(verified["damage"].is_null(), "{verified}");
    }
}

#[test]
fn kills_while_it_seals_and_writes_backups_lose_nothing_and_double_nothing() {
    let (directory, backups) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let backup_dir = backups.path().to_str().unwrap().to_owned();
    let settings = [("ROLLCALL_BACKUP_DIR", &*backup_dir), ("ROLLCALL_BACKUP_EVERY", "1s")];
    let (sent, next, sealed) = (Sent::default(), AtomicU64::new(0), AtomicU64::new(0));
    for round in 0..ROUNDS {
        let mut server = Server::start_set(directory.path(), OPERATOR, &settings);
        let (url, stop) = (server.url.clone(), AtomicBool::new(false));
        let seal = || {
            let config = ureq::Agent::config_builder().timeout_global(Some(Duration::from_secs(20))).build();
            let agent = ureq::Agent::from(config);
            while !stop.load(Ordering::Relaxed) {
                let request = agent.post(format!("{url}/v1/compact")).header("authorization", bearer(OPERATOR));
                sealed.fetch_add(u64::from(request.send_empty().is_ok()), Ordering::Relaxed);
            }
        };
        let produce = || {
            while !stop.load(Ordering::Relaxed) {
                sent.send(&url, next.fetch_add(1, Ordering::Relaxed));
            }
        };
        std::thread::scope(|scope| {
            scope.spawn(seal);
            (0..PRODUCERS).for_each(|_| drop(scope.spawn(produce)));
            // Every other kill comes while a backup is being written, the others after some batches.
            let enough = next.load(Ordering::Relaxed) + 30 * (round + 1);
            let partial = backups.path().join(rollcall::engine::PARTIAL_FILE);
            let deadline = Instant::now() + Duration::from_secs(60);
            while next.load(Ordering::Relaxed) < enough || round % 2 == 1 && !partial.exists() {
                assert!(Instant::now() < deadline, "{}", server.log.lock().unwrap());
                std::thread::yield_now();
            }
            server.kill();
            stop.store(true, Ordering::Relaxed);
        });
        sent.check(directory.path());
    }
    assert!(sealed.load(Ordering::Relaxed) > ROUNDS, "it was sealed while events came");
    // What has a backup's name is whole.
    let mut whole = 0;
    for entry in std::fs::read_dir(backups.path()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "redb") {
            let verified = Command::new(BINARY).arg("verify").arg(&path).stdout(Stdio::null()).status().unwrap();
            assert_eq!(verified.code(), Some(0), "{}", path.display());
            whole += 1;
        }
    }
    assert!(whole > 0);
}

#[test]
fn a_kill_at_any_moment_of_compact_loses_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let sent = Sent::default();
    let mut next = 0;
    let mut killed = 0;
    // Later each time, until it is done before; the first steps are short because it may be done in milliseconds.
    for wait in std::iter::successors(Some(Duration::from_micros(100)), |wait| Some(wait.mul_f64(1.4))) {
        let mut server = Server::start_in(directory.path());
        (next..next + 3).for_each(|number| sent.send(&server.url, number));
        next += 3;
        server.kill();
        let compact =
            Command::new(BINARY).args(["compact", "--data-dir"]).arg(directory.path()).stdout(Stdio::null()).spawn();
        let mut compact = compact.unwrap();
        let started = Instant::now();
        while started.elapsed() < wait && compact.try_wait().unwrap().is_none() {
            std::thread::yield_now();
        }
        let _ = compact.kill();
        let status = compact.wait().unwrap();
        sent.check(directory.path());
        if status.success() {
            break;
        }
        killed += 1;
    }
    println!("killed {killed} times before it was done");
    assert!(killed > 3, "{killed}");
}
