//! SIGKILL of the built binary while it takes events: what was acknowledged is there, once.

mod support;

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use support::{OPERATOR, Server, bearer, event};

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
