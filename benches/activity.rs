//! Activity over a year of the sample organization: from the start of the question to the answer's bytes.
//!
//! `cargo bench --bench activity`

mod workload;

use std::sync::LazyLock;

use divan::Bencher;
use rollcall::calendar::{Date, Granularity, Window, Zone};
use rollcall::query::{ACTIVITY_COLUMNS, About, Filter, GroupBy, Query, RankBy, activity};
use workload::{Demo, ORGANIZATION};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

static DEMO: LazyLock<Demo> = LazyLock::new(Demo::load);

fn main() {
    LazyLock::force(&DEMO);
    divan::main();
}

const BY: [(&str, GroupBy); 4] =
    [("model", GroupBy::Model), ("project", GroupBy::Project), ("apiKey", GroupBy::ApiKey), ("user", GroupBy::User)];

fn year(zone: &str, by: GroupBy) -> Query {
    let date = |text| Date::parse(text).expect("a date");
    let zone = Zone::named(zone).expect("a zone");
    let window = Window::new(zone, date("2025-11-01"), date("2026-10-31"), Granularity::Day).expect("a window");
    Query {
        window,
        granularity: Granularity::Day,
        group_by: vec![by],
        filter: Filter::default(),
        rank_by: RankBy::Cost,
        top: None,
        columns: ACTIVITY_COLUMNS,
    }
}

fn measure(bencher: Bencher<'_, '_>, query: &Query) {
    bencher.bench(|| {
        let snapshot = DEMO.engine.snapshot();
        let organization = snapshot.directory.organization(ORGANIZATION).expect("loaded");
        let about = About {
            reader: &snapshot.reader,
            dictionary: &snapshot.dictionary,
            directory: &snapshot.directory,
            organization_id: ORGANIZATION,
            organization,
        };
        activity(about, query).expect("an answer")
    });
}

#[divan::bench(args = ["model", "project", "apiKey", "user"], sample_count = 60)]
fn year_in_berlin(bencher: Bencher<'_, '_>, by: &str) {
    let by = BY.iter().find(|(name, _)| *name == by).expect("one of the four").1;
    measure(bencher, &year("Europe/Berlin", by));
}

#[divan::bench(args = ["UTC", "Asia/Kolkata", "Asia/Kathmandu"], sample_count = 60)]
fn year_by_project_in(bencher: Bencher<'_, '_>, zone: &str) {
    measure(bencher, &year(zone, GroupBy::Project));
}
