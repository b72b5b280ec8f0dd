//! Rollcall's side of `benches/compare`: writes the large workload's hourly rollups as CSV, loads the same workload,
//! and answers the six questions one at a time, so that others can be asked in between.
//!
//! `cargo bench --bench compare -- export FILE | load | ask`; without arguments it does nothing, so that `make bench`
//! passes it by.

mod workload;

use std::collections::HashMap;
use std::fs::File;
use std::hint::black_box;
use std::io::{BufRead, BufWriter, Write};
use std::os::unix::fs::MetadataExt;
use std::time::{Instant, SystemTime};

use rollcall::calendar::Granularity;
use rollcall::engine::{Engine, Snapshot};
use rollcall::model::{Count, Measures};
use rollcall::query::{About, Activity, Column, Filter, GroupBy, Query, QueryError, RankBy, activity, sum_buckets};
use workload::{Large, ORGANIZATION, combination, large_rows};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const USAGE: &str = "usage: cargo bench --bench compare -- export FILE | load | ask
  export FILE  the large workload's hourly rollups, as CSV
  load         make the store anew; prints seconds, seconds of these spent on making up events, and bytes on disk
  ask          reads lines from standard input:
                 sums|activity|rows QUESTION RUNS   prints that many lines of milliseconds
                 print QUESTION                     prints the number of rows, then the rows";

const DAYS: i64 = 365;

fn main() {
    // `cargo bench` adds `--bench`.
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["export", file] => export(file),
        ["load"] => load(),
        ["ask"] => ask(),
        _ => println!("{USAGE}"),
    }
}

/// A rollup's row is all usage of one hour and one combination. The workload may draw a combination twice in an hour,
/// so its rows are added up first, as the store does with their events.
fn export(file: &str) {
    let large = Large::load();
    let snapshot = large.engine.snapshot();
    let mut out = BufWriter::with_capacity(1 << 20, File::create(file).expect("a file"));
    writeln!(out, "organization,hour,project,api_key,member,model,requests,total_tokens,cost").expect(ROOM);
    let (mut written, mut events) = (0, 0);
    for day in 0..DAYS {
        let rows = large_rows(day);
        let mut rollups: Vec<(usize, Measures)> = Vec::with_capacity(rows.len());
        let mut rollup_of = HashMap::with_capacity(rows.len());
        for (number, row) in rows.iter().enumerate() {
            let key = (row.hour_start, row.organization, row.key, row.model);
            let rollup = *rollup_of.entry(key).or_insert_with(|| {
                rollups.push((number, Measures::ZERO));
                rollups.len() - 1
            });
            for (_, measures) in &row.events {
                rollups[rollup].1.add(measures).expect("within the range of a sum");
            }
            events += row.events.len();
        }
        for (number, measures) in &rollups {
            let row = &rows[*number];
            let of = combination(row);
            let directory = snapshot.directory.organization(&of.organization);
            let member = directory.and_then(|organization| organization.creator(&of.api_key)).unwrap_or_default();
            let hour = row.hour_start / 1000;
            let [requests, tokens] = [Count::Requests, Count::TotalTokens].map(|c| measures.counts[c as usize]);
            let (organization, project, key, model) = (of.organization, of.project, of.api_key, of.model);
            let cost = measures.cost.0;
            writeln!(out, "{organization},{hour},{project},{key},{member},{model},{requests},{tokens},{cost}")
                .expect(ROOM);
        }
        written += rollups.len();
    }
    out.flush().expect(ROOM);
    println!("{written} {events}");
}

const ROOM: &str = "room on the disk";

fn load() {
    let started = Instant::now();
    for day in 0..DAYS {
        black_box(large_rows(day));
    }
    let making_up = started.elapsed();

    let made = |large: &Large| large.file.with_file_name("made");
    let (began, mut started) = (SystemTime::now(), Instant::now());
    let mut large = Large::load();
    if made(&large).metadata().and_then(|made| made.modified()).expect("made") < began {
        let made = made(&large);
        drop(large);
        std::fs::remove_file(made).expect("removed");
        started = Instant::now();
        large = Large::load();
    }
    let took = started.elapsed();
    // The file is sparse: what it takes is counted in blocks, of 512 bytes on every Unix.
    let bytes = 512 * large.file.metadata().expect("a file").blocks();
    println!("{:.1} {:.1} {bytes}", took.as_secs_f64(), making_up.as_secs_f64());
}

fn question(name: &str) -> Query {
    let only = |by, id: &str| Filter { by: vec![(by, [id.to_string()].into())], ..Filter::default() };
    let (by, filter) = match name {
        "A" => (GroupBy::Project, Filter::default()),
        "B" => (GroupBy::Model, Filter::default()),
        "C" => (GroupBy::ApiKey, Filter::default()),
        "D" => (GroupBy::User, Filter::default()),
        "E" => (GroupBy::Model, only(GroupBy::User, "user-7")),
        "F" => (GroupBy::Model, only(GroupBy::ApiKey, "key-99")),
        other => panic!("no question {other}"),
    };
    Query {
        window: Large::window("Europe/Paris"),
        granularity: Granularity::Day,
        group_by: vec![by],
        filter,
        rank_by: RankBy::Cost,
        top: None,
        columns: &[Column::Requests, Column::TotalTokens, Column::Cost],
    }
}

fn about(snapshot: &Snapshot) -> About<'_> {
    About {
        reader: &snapshot.reader,
        dictionary: &snapshot.dictionary,
        directory: &snapshot.directory,
        organization_id: ORGANIZATION,
        organization: snapshot.directory.organization(ORGANIZATION).expect("loaded"),
    }
}

fn ask() {
    let engine = Large::load().engine;
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let line = line.expect("text");
        match line.split(' ').collect::<Vec<_>>()[..] {
            ["print", name] => print(&engine, &question(name), &mut out),
            [what, name, runs] => {
                let query = question(name);
                for _ in 0..runs.parse().expect("a number of runs") {
                    let started = Instant::now();
                    black_box(answer(&engine, &query, what));
                    writeln!(out, "{:.4}", started.elapsed().as_secs_f64() * 1e3).expect("a reader");
                }
            }
            _ => panic!("not understood: {line}"),
        }
        out.flush().expect("a reader");
    }
}

/// How many groups or rows it found.
fn answer(engine: &Engine, query: &Query, what: &str) -> usize {
    let snapshot = engine.snapshot();
    let about = about(&snapshot);
    match what {
        "sums" => sum_buckets(about, query).expect("an answer"),
        "activity" => activity(about, query).expect("an answer").ranking.len(),
        "rows" => {
            let mut rows = 0;
            each_row(&activity(about, query).expect("an answer"), |row| {
                black_box(row);
                rows += 1;
            });
            rows
        }
        other => panic!("no way to ask {other}"),
    }
}

/// Day, group, requests, tokens and cost.
type Row<'a> = (&'a str, Option<&'a str>, u64, u64, i128);

fn each_row(activity: &Activity<'_>, mut visit: impl FnMut(Row<'_>)) {
    let visited = activity.each_bucket(|bucket, _, entries| {
        for entry in entries {
            let usage = &entry.usage;
            let key = activity.groups[entry.group as usize].labels[0].key.as_deref();
            visit((
                &bucket.label.to_string(),
                key,
                usage.get(Count::Requests),
                usage.get(Count::TotalTokens),
                usage.cost().0,
            ));
        }
        Ok::<_, QueryError>(())
    });
    visited.expect("an answer");
}

fn print(engine: &Engine, query: &Query, out: &mut impl Write) {
    let snapshot = engine.snapshot();
    let mut lines = Vec::new();
    each_row(&activity(about(&snapshot), query).expect("an answer"), |(day, key, requests, tokens, cost)| {
        lines.push(format!("{day},{},{requests},{tokens},{cost}", key.unwrap_or_default()));
    });
    writeln!(out, "{}", lines.len()).expect("a reader");
    lines.iter().try_for_each(|line| writeln!(out, "{line}")).expect("a reader");
}
