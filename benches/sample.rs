//! A year of the sample organization: what the dashboard of `rollcall demo` asks.
//!
//! `cargo bench --bench sample`

mod figures;
mod measure;
mod workload;

use measure::{RUNS, about, time};
use rollcall::calendar::{Date, Granularity, Window, Zone};
use rollcall::query::{self, ACTIVITY_COLUMNS, About, Filter, GroupBy, Query, RankBy};
use workload::Demo;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    let demo = Demo::load();
    let date = |text| Date::parse(text).expect("a date");
    let zone = Zone::named("Europe/Berlin").expect("a zone");
    let year = Window::new(zone, date("2025-11-01"), date("2026-10-31"), Granularity::Day).expect("a window");
    println!("a year of the sample organization, days in Europe/Berlin (fastest and median of {RUNS})");
    let report = |what: &str, ask: &dyn Fn(About<'_>)| {
        let timing = time(RUNS, || about(&demo.engine, ask));
        figures::figure("year of the sample organization", what, &timing.to_string());
    };
    for (name, by) in [
        ("by model", GroupBy::Model),
        ("by project", GroupBy::Project),
        ("by API key", GroupBy::ApiKey),
        ("by member", GroupBy::User),
    ] {
        let query = Query {
            window: year,
            granularity: Granularity::Day,
            group_by: vec![by],
            filter: Filter::default(),
            rank_by: RankBy::Cost,
            top: None,
            columns: ACTIVITY_COLUMNS,
        };
        report(name, &|about| drop(query::activity(about, &query).expect("an answer")));
    }
    report("members", &|about| {
        drop(query::members(about, year, Filter::default(), &query::Page::default()).expect("an answer"))
    });
    report("one member", &|about| drop(query::member(about, year, "user_umut").expect("an answer")));
    report("one key", &|about| {
        drop(query::api_key(about, year, "key_research_judge-ensemble", None).expect("an answer"))
    });
}
