//! Why two months of the large organization differ, and where a figure of it comes from.
//!
//! `cargo bench --bench why`

mod figures;
mod measure;
mod workload;

use std::sync::Arc;

use measure::{RUNS, time};
use rollcall::http::{App, ask_and_wait};
use workload::{Large, ORGANIZATION};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const CHANGE: &str = "from=2026-09-01&to=2026-09-30&compare=previousMonth";
const DAY: &str = "date=2026-09-15";

fn main() {
    // Cargo asks bench targets for a list in some commands; there is none to give.
    if std::env::args().any(|a| a == "--list") {
        return;
    }
    let large = Large::load();
    let engine = Arc::new(large.engine);
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
        let timing = time(RUNS, || {
            let mut answer = Vec::new();
            ask_and_wait(App::for_one_question(engine.clone()), &path, &mut answer).expect("an answer");
            bytes = answer.len();
        });
        figures::figure("why", &format!("{what}, {bytes} bytes"), &timing.to_string());
    }
}
