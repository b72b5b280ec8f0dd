//! The same questions in every kind of zone: none must be much slower than another.
//!
//! `cargo bench --bench zones`

mod figures;
mod measure;
mod workload;

use measure::{BY_API_KEY, BY_PROJECT, OF_A_KEY, Timing, about, time};
use rollcall::query::{Column, sum_buckets};
use workload::Large;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// With the hour of UTC at which their days begin: at none, at one, at one or the other, and inside an hour.
const ZONES: [&str; 8] = [
    "UTC",
    "Asia/Karachi",
    "Europe/Paris",
    "America/New_York",
    "Pacific/Auckland",
    "Asia/Kolkata",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
];
const THREE: &[Column] = &[Column::Requests, Column::TotalTokens, Column::Cost];

fn main() {
    measure::one_thread();
    let large = Large::load();
    for question in [&BY_PROJECT, &BY_API_KEY, &OF_A_KEY] {
        println!("{} (fastest and median of {}, one thread)", question.name, measure::RUNS);
        // Interleaved, so that a noisy minute is everyone's.
        let queries = ZONES.map(|zone| question.query(zone, THREE));
        let mut best = [f64::MAX; ZONES.len()];
        let mut medians: Vec<Vec<f64>> = vec![Vec::new(); ZONES.len()];
        for _ in 0..measure::RUNS {
            for (i, query) in queries.iter().enumerate() {
                let Timing { min, .. } = time(1, || {
                    about(&large.engine, |about| sum_buckets(about, query).expect("an answer"));
                });
                best[i] = best[i].min(min);
                medians[i].push(min);
            }
        }
        for ((zone, best), times) in ZONES.iter().zip(best).zip(&mut medians) {
            times.sort_by(f64::total_cmp);
            let timing = Timing { min: best, median: times[times.len() / 2] };
            figures::figure(question.name, zone, &timing.to_string());
        }
    }
}
