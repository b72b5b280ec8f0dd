//! The built server on the large workload: questions at a steady rate, alone and beside ingest; what it takes in
//! memory; and how soon it is back after SIGKILL.
//!
//! `cargo bench --bench serving`

mod client;
mod figures;
mod server;
mod workload;

use std::io::Write;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use client::{ask, connect, post_head, read_answer};
use figures::figure;
use server::{kill, memory, start};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const SECONDS: f64 = 10.0;

fn main() {
    // A copy, because the server stops its clock for nobody.
    let file = { workload::Large::load().file.clone() };
    let directory = tempfile::tempdir_in(workload::bench_directory()).expect("a directory");
    let copy = directory.path().join(rollcall::engine::STORE_FILE);
    std::fs::copy(&file, &copy).expect("room on the disk");
    let size = std::fs::metadata(&copy).expect("just made").len();
    println!("a store of {} MB", size / 1_000_000);

    seal_again(directory.path());
    let (server, address) = start(directory.path());
    figure("serving", "resident memory at the start", &format!("{} MB", memory(&server, "VmRSS")));
    ask_steadily(&address, 200.0, another);
    report("year by project, top 10, the same 1,000 times a second", &ask_steadily(&address, 1000.0, the_same));
    report("another 1,000 times a second", &ask_steadily(&address, 1000.0, another));
    for (what, more) in [
        ("year by 500 API keys, every entry", "&groupBy=apiKey"),
        ("year, top 10 of 500 API keys", "&groupBy=apiKey&top=10"),
        ("year without breakdown", "&groupBy=none"),
    ] {
        let mut stream = connect(&address);
        let mut bytes = 0;
        let mut times: Vec<f64> = (0..21)
            .map(|number| {
                let question = format!("{}{more}", window(number));
                let started = Instant::now();
                bytes = ask(&mut stream, &question).len();
                started.elapsed().as_secs_f64() * 1e3
            })
            .collect();
        times.sort_by(f64::total_cmp);
        report(&format!("{what}, {:.1} MB", bytes as f64 / 1e6), &times);
    }
    let ingested = AtomicUsize::new(0);
    let done = AtomicBool::new(false);
    let beside = std::thread::scope(|scope| {
        scope.spawn(|| ingest(&address, &ingested, &done));
        let beside = ask_steadily(&address, 200.0, another);
        done.store(true, Ordering::Relaxed);
        beside
    });
    let quiet = ask_steadily(&address, 200.0, another);
    report("another 200 times a second, alone", &quiet);
    let rate = ingested.load(Ordering::Relaxed) as f64 / SECONDS;
    report(&format!("another 200 times a second, beside {rate:.0} events/s"), &beside);
    figure("serving", "resident memory at the end", &format!("{} MB", memory(&server, "VmRSS")));
    kill(server);

    let times: Vec<f64> = (0..5)
        .map(|_| {
            let started = Instant::now();
            let (server, _) = start(directory.path());
            let seconds = started.elapsed().as_secs_f64();
            kill(server);
            seconds * 1e3
        })
        .collect();
    figure("serving", "from start to listening after SIGKILL", &format!("{times:.0?} ms"));
}

/// One late event makes a whole period be sealed again: what a day of the large organization costs.
fn seal_again(directory: &Path) {
    use rollcall::model::{Event, Fingerprint, Measures};
    let engine = rollcall::engine::Engine::open(directory, std::sync::Arc::new(|| workload::NOW)).expect("a store");
    let row = &workload::large_rows(350)[0];
    let mut measures = Measures::ZERO;
    measures.counts[rollcall::model::Count::Requests as usize] = 1;
    let event = Event::new(Fingerprint::of("late"), row.hour_start, 0, measures);
    let batch = rollcall::model::Batch {
        combinations: vec![workload::combination(row)],
        events: vec![event],
        ..Default::default()
    };
    engine.submit(batch).expect("room").wait().expect("a commit");
    let started = Instant::now();
    let report = engine.seal().expect("room").wait().expect("sealed");
    let took = started.elapsed().as_secs_f64() * 1e3;
    figure("serving", &format!("sealing {} row into a period anew", report.rows), &format!("{took:.0} ms"));
}

fn report(what: &str, times: &[f64]) {
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
    let value = format!("{:.2} ms (median), {:.2} ms (99 %), {} answers", at(0.5), at(0.99), times.len());
    figure("serving", what, &value);
}

/// A year, as a whole team asks that opens the same page.
fn the_same(_: usize) -> String {
    format!("{}&groupBy=project&top=10", window(0))
}

/// Another year each time, so that no answer was given before.
fn another(number: usize) -> String {
    format!("{}&groupBy=project&top=10", window(number))
}

/// Windows of a year, less up to six days at its start and up to six weeks at its end: more of them than the server
/// keeps answers for.
fn window(number: usize) -> String {
    let from = chrono::NaiveDate::from_ymd_opt(2025, 11, 1 + number as u32 % 7).expect("a date");
    let to = chrono::NaiveDate::from_ymd_opt(2026, 10, 31).expect("a date") - chrono::Days::new(number as u64 / 7 % 42);
    format!("/analytics/activity?organizationId=northwind&from={from}&to={to}&timezone=Europe/Paris")
}

/// Asks at a rate, whether or not answers keep up, over four connections; milliseconds from when a question was due.
fn ask_steadily(address: &str, rate: f64, question: fn(usize) -> String) -> Vec<f64> {
    const CONNECTIONS: usize = 4;
    let started = Instant::now();
    let mut times: Vec<f64> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..CONNECTIONS)
            .map(|connection| {
                scope.spawn(move || {
                    let mut stream = connect(address);
                    let mut times = Vec::new();
                    for number in (connection..(rate * SECONDS) as usize).step_by(CONNECTIONS) {
                        let due = started + Duration::from_secs_f64(number as f64 / rate);
                        std::thread::sleep(due.saturating_duration_since(Instant::now()));
                        ask(&mut stream, &question(number));
                        times.push(due.elapsed().as_secs_f64() * 1e3);
                    }
                    times
                })
            })
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("no panic")).collect()
    });
    times.sort_by(f64::total_cmp);
    times
}

/// Sends batches of 100 events until told to stop, at about half of what the server takes.
fn ingest(address: &str, ingested: &AtomicUsize, done: &AtomicBool) {
    let mut stream = connect(address);
    let run = std::process::id();
    let now = chrono::Utc::now().timestamp_millis();
    for number in 0.. {
        if done.load(Ordering::Relaxed) {
            return;
        }
        let started = Instant::now();
        let events: Vec<String> = (0..100)
            .map(|i| {
                let key = (number * 7 + i) % 500;
                format!(
                    "{{\"id\":\"{run}-{number}-{i}\",\"timestamp\":{now},\"organizationId\":\"northwind\",\
                     \"projectId\":\"project-{}\",\"apiKeyId\":\"key-{key}\",\"usedModel\":\"model-{}\",\
                     \"usedProvider\":\"provider-{}\",\"promptTokens\":900,\"completionTokens\":90,\"cost\":\"0.0042\"}}",
                    key % 50,
                    key % 60,
                    key % 6
                )
            })
            .collect();
        let body = format!("[{}]", events.join(","));
        let request = post_head("/v1/events", body.len()) + &body;
        stream.get_mut().write_all(request.as_bytes()).expect("the server reads");
        read_answer(&mut stream);
        ingested.fetch_add(100, Ordering::Relaxed);
        // As long again as the server took.
        std::thread::sleep(started.elapsed());
    }
}
