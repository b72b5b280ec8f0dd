//! A year of the large workload by the hour as Parquet, month by month as the API gives it, over HTTP.
//!
//! `cargo bench --bench export`

mod client;
mod figures;
mod server;
mod workload;

use std::time::Instant;

use client::{ask, connect};
use figures::figure;
use parquet::file::reader::{FileReader, SerializedFileReader};
use server::{kill, memory, start};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const ROUNDS: usize = 3;

fn main() {
    // Cargo asks bench targets for a list in some commands; there is none to give.
    if std::env::args().any(|a| a == "--list") {
        return;
    }
    // A copy, because the server stops its clock for nobody.
    let file = { workload::Large::load().file.clone() };
    let directory = tempfile::tempdir_in(workload::bench_directory()).expect("a directory");
    std::fs::copy(&file, directory.path().join(rollcall::engine::STORE_FILE)).expect("room on the disk");
    let (server, address) = start(directory.path());
    for format in ["parquet", "focus-parquet"] {
        let mut rates: Vec<f64> = (0..ROUNDS).map(|_| year(&address, format)).collect();
        rates.sort_by(f64::total_cmp);
        let (median, fastest) = (rates[ROUNDS / 2], rates[ROUNDS - 1]);
        figure("export", &format!("a year by hour as {format}"), &format!("{median:.0} rows/s (fastest {fastest:.0})"));
    }
    figure("export", "most memory", &format!("{} MB", memory(&server, "VmHWM")));
    kill(server);
}

/// Rows a second over all months.
fn year(address: &str, format: &str) -> f64 {
    let (mut rows, mut seconds, mut bytes) = (0, 0.0, 0);
    let first = chrono::NaiveDate::from_ymd_opt(2025, 11, 1).expect("a date");
    for month in 0..12 {
        let from = first + chrono::Months::new(month);
        let to = first + chrono::Months::new(month + 1) - chrono::Days::new(1);
        let question = format!(
            "/analytics/export?organizationId=northwind&from={from}&to={to}&timezone=Europe/Paris&granularity=hour\
             &format={format}"
        );
        let mut stream = connect(address);
        let started = Instant::now();
        let file = ask(&mut stream, &question);
        seconds += started.elapsed().as_secs_f64();
        bytes += file.len();
        let file = SerializedFileReader::new(axum::body::Bytes::from(file)).expect("a whole file");
        rows += file.metadata().file_metadata().num_rows();
    }
    println!("  {format}: {rows} rows, {:.1} MB, {seconds:.2} s", bytes as f64 / 1e6);
    rows as f64 / seconds
}
