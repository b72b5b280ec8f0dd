//! Why two months of the large organization differ, where a figure of it comes from, and what closing a month of it
//! holds up.
//!
//! `cargo bench --bench why`

mod figures;
mod measure;
mod workload;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use measure::{RUNS, time};
use rollcall::engine::Engine;
use rollcall::http::{App, ask_and_wait, post_and_wait};
use rollcall::model::{Batch, Count, Event, Fingerprint, Measures};
use workload::{Large, ORGANIZATION};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const CHANGE: &str = "from=2026-09-01&to=2026-09-30&compare=previousMonth";
const DAY: &str = "date=2026-09-15";
const MONTHS: [&str; 5] = ["2026-05", "2026-06", "2026-07", "2026-08", "2026-09"];

fn main() {
    // Cargo asks bench targets for a list in some commands; there is none to give.
    if std::env::args().any(|a| a == "--list") {
        return;
    }
    let Large { engine, file } = Large::load();
    let engine = Arc::new(engine);
    println!("fastest and median of {RUNS}, with the answer written");
    for (what, path) in [
        ("change of two months by project", format!("change?{CHANGE}&groupBy=project")),
        ("change of two months by API key", format!("change?{CHANGE}&groupBy=apiKey")),
        ("a day explained", format!("explain?{DAY}&groupBy=none")),
        ("a day of a project explained", format!("explain?{DAY}&groupBy=project&key=project-7")),
        ("a day of an API key explained", format!("explain?{DAY}&groupBy=apiKey&key=key-42")),
        ("a month of a project explained", format!("explain?{CHANGE}&groupBy=project&key=project-7")),
    ] {
        let path = format!("/analytics/{path}&organizationId={ORGANIZATION}");
        let mut bytes = 0;
        // A server is made once, but keeps what it has answered.
        let mut apps: Vec<App> = (0..RUNS).map(|_| App::for_one_question(engine.clone())).collect();
        let timing = time(RUNS, || {
            let mut answer = Vec::new();
            ask_and_wait(apps.pop().expect("one for each"), &path, &mut answer).expect("an answer");
            bytes = answer.len();
        });
        figures::figure("why", &format!("{what}, {bytes} bytes"), &timing.to_string());
    }
    drop(engine);
    close_months(&file);
}

/// Closes months of a copy beside single events, each of which is acknowledged before the next is sent.
fn close_months(file: &Path) {
    let directory = tempfile::tempdir_in(workload::bench_directory()).expect("a directory");
    std::fs::copy(file, directory.path().join(rollcall::engine::STORE_FILE)).expect("room on the disk");
    let engine = Arc::new(Engine::open(directory.path(), Arc::new(|| workload::NOW)).expect("a store"));
    let row = &workload::large_rows(364)[0];
    let mut measures = Measures::ZERO;
    measures.counts[Count::Requests as usize] = 1;
    let [mut closing, mut before, mut during] = [const { Vec::new() }; 3];
    for month in MONTHS {
        let is_over = AtomicBool::new(false);
        let send = || {
            let mut acknowledged = Vec::new();
            while !is_over.load(Ordering::Relaxed) {
                let id = Fingerprint::of(&format!("{month}-{}", acknowledged.len()));
                let events = vec![Event::new(id, workload::NOW, 0, measures)];
                let batch = Batch { combinations: vec![workload::combination(row)], events, ..Batch::default() };
                let sent = Instant::now();
                engine.submit(batch).expect("room").wait().expect("a commit");
                acknowledged.push((sent, Instant::now()));
            }
            acknowledged
        };
        let (acknowledged, begun, done) = std::thread::scope(|scope| {
            let sender = scope.spawn(send);
            std::thread::sleep(Duration::from_secs(2));
            let begun = Instant::now();
            let body = format!(r#"{{"organizationId":"{ORGANIZATION}","month":"{month}","timezone":"UTC"}}"#);
            let app = App::for_one_question(engine.clone());
            post_and_wait(app, "/v1/closings", "application/json", body.into(), &mut Vec::new()).expect("closed");
            let done = Instant::now();
            is_over.store(true, Ordering::Relaxed);
            (sender.join().expect("a sender"), begun, done)
        });
        let ms = |(from, to): (Instant, Instant)| (to - from).as_secs_f64() * 1e3;
        let longest = |is_of: &dyn Fn(Instant) -> bool| {
            acknowledged.iter().filter(|(_, at)| is_of(*at)).map(|one| ms(*one)).fold(0.0, f64::max)
        };
        closing.push(ms((begun, done)));
        before.push(longest(&|at| at < begun));
        during.push(longest(&|at| at >= begun));
    }
    let all = |mut times: Vec<f64>| {
        times.sort_by(f64::total_cmp);
        format!("{:.1}, {:.1}, {:.1} ms", times[0], times[times.len() / 2], times[times.len() - 1])
    };
    println!("fastest, median and slowest of {} months", MONTHS.len());
    figures::figure("why", "closing a month beside single events", &all(closing));
    figures::figure("why", "longest acknowledgement meanwhile", &all(during));
    figures::figure("why", "longest acknowledgement of 2 s before", &all(before));
}
