//! Members, one member and one key: over a year of the sample organization, and of an organization with 500 keys,
//! where a member's question must not pay for the other members' rows.
//!
//! `cargo bench --bench people`

mod workload;

use std::sync::LazyLock;

use divan::Bencher;
use rollcall::calendar::{Date, Granularity, Window, Zone};
use rollcall::query::{self, About, Filter};
use workload::{Demo, ORGANIZATION, Wide};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

static DEMO: LazyLock<Demo> = LazyLock::new(Demo::load);
static WIDE: LazyLock<Wide> = LazyLock::new(Wide::load);

fn main() {
    LazyLock::force(&DEMO);
    LazyLock::force(&WIDE);
    divan::main();
}

fn window(from: &str, to: &str) -> Window {
    let date = |text| Date::parse(text).expect("a date");
    let zone = Zone::named("Europe/Berlin").expect("a zone");
    Window::new(zone, date(from), date(to), Granularity::Day).expect("a window")
}

fn ask<T>(bencher: Bencher<'_, '_>, engine: &rollcall::engine::Engine, question: impl Fn(About<'_>) -> T + Sync) {
    bencher.bench(|| {
        let snapshot = engine.snapshot();
        let organization = snapshot.directory.organization(ORGANIZATION).expect("loaded");
        question(About {
            reader: &snapshot.reader,
            dictionary: &snapshot.dictionary,
            directory: &snapshot.directory,
            organization_id: ORGANIZATION,
            organization,
        })
    });
}

#[divan::bench(sample_count = 60)]
fn sample_members_over_a_year(bencher: Bencher<'_, '_>) {
    let year = window("2025-11-01", "2026-10-31");
    ask(bencher, &DEMO.engine, |about| query::members(about, year, Filter::default()).expect("an answer"));
}

#[divan::bench(sample_count = 60)]
fn sample_member_over_a_year(bencher: Bencher<'_, '_>) {
    let year = window("2025-11-01", "2026-10-31");
    ask(bencher, &DEMO.engine, |about| query::member(about, year, "user_umut").expect("an answer"));
}

#[divan::bench(sample_count = 60)]
fn sample_key_over_a_year(bencher: Bencher<'_, '_>) {
    let year = window("2025-11-01", "2026-10-31");
    ask(bencher, &DEMO.engine, |about| query::api_key(about, year, "key_research_judge-ensemble").expect("an answer"));
}

/// All 500 keys: what the questions below would cost if they read everyone's rows.
#[divan::bench(sample_count = 60)]
fn wide_all_members(bencher: Bencher<'_, '_>) {
    let days = Wide::window();
    ask(bencher, &WIDE.engine, |about| query::members(about, days, Filter::default()).expect("an answer"));
}

/// A member with 3 of 500 keys, in use every day.
#[divan::bench(sample_count = 60)]
fn wide_busy_member(bencher: Bencher<'_, '_>) {
    let days = Wide::window();
    ask(bencher, &WIDE.engine, |about| query::member(about, days, "busy").expect("an answer"));
}

/// A member with 3 of 500 keys, in use one day in ten: the days' bitmaps leave out the other nine.
#[divan::bench(sample_count = 60)]
fn wide_rare_member(bencher: Bencher<'_, '_>) {
    let days = Wide::window();
    ask(bencher, &WIDE.engine, |about| query::member(about, days, "rare").expect("an answer"));
}
