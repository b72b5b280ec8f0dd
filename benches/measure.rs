//! Questions of the large workload, timed: how long, how many bytes, and how that compares with two yardsticks of the
//! same run.
#![allow(dead_code, reason = "each bench uses a part of this")]

use std::fmt;
use std::hint::black_box;
use std::time::Instant;

use redb::{Database, ReadableDatabase, TableDefinition};
use rollcall::calendar::Granularity;
use rollcall::engine::Engine;
use rollcall::query::{ACTIVITY_COLUMNS, About, Column, Filter, GroupBy, Query, RankBy, activity, sum_buckets};

use crate::figures::figure;
use crate::workload::{self, KEYS, Large, MEMBERS, ORGANIZATION};

pub const RUNS: usize = 60;
const THREE: &[Column] = &[Column::Requests, Column::TotalTokens, Column::Cost];

/// Milliseconds: the fastest and the median of some runs.
#[derive(Clone, Copy)]
pub struct Timing {
    pub min: f64,
    pub median: f64,
}

impl fmt::Display for Timing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3} ms, {:.3} ms", self.min, self.median)
    }
}

pub fn time(runs: usize, mut run: impl FnMut()) -> Timing {
    let mut times: Vec<f64> = (0..runs)
        .map(|_| {
            let started = Instant::now();
            run();
            started.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    times.sort_by(f64::total_cmp);
    Timing { min: times[0], median: times[runs / 2] }
}

pub fn about<T>(engine: &Engine, ask: impl FnOnce(About<'_>) -> T) -> T {
    let snapshot = engine.snapshot();
    ask(About {
        reader: &snapshot.reader,
        dictionary: &snapshot.dictionary,
        directory: &snapshot.directory,
        organization_id: ORGANIZATION,
        organization: snapshot.directory.organization(ORGANIZATION).expect("loaded"),
    })
}

/// A question about the year of the large workload.
pub struct Question {
    pub name: &'static str,
    pub by: GroupBy,
    pub only: Option<(GroupBy, &'static str)>,
    /// Which (hour, key, model) rows it is about.
    pub counts: fn(usize) -> bool,
    /// The group of a row, for the baseline.
    pub group: fn(usize, usize) -> usize,
}

impl Question {
    pub fn query(&self, zone: &str, columns: &'static [Column]) -> Query {
        let by = self.only.iter().map(|(by, value)| (*by, [(*value).to_owned()].into()));
        Query {
            window: Large::window(zone),
            granularity: Granularity::Day,
            group_by: vec![self.by],
            filter: Filter { by: by.collect(), ..Filter::default() },
            rank_by: RankBy::Cost,
            top: None,
            columns,
        }
    }
}

pub const BY_PROJECT: Question = Question {
    name: "A year by project",
    by: GroupBy::Project,
    only: None,
    counts: |_| true,
    group: |key, _| key % workload::PROJECTS,
};
pub const BY_MODEL: Question =
    Question { name: "B year by model", by: GroupBy::Model, only: None, counts: |_| true, group: |_, model| model };
pub const BY_API_KEY: Question =
    Question { name: "C year by API key", by: GroupBy::ApiKey, only: None, counts: |_| true, group: |key, _| key };
pub const BY_MEMBER: Question = Question {
    name: "D year by member",
    by: GroupBy::User,
    only: None,
    counts: |_| true,
    group: |key, _| key % MEMBERS,
};
/// A member with three keys and about 43,000 rows.
pub const OF_A_MEMBER: Question = Question {
    name: "E year of a member, by model",
    by: GroupBy::Model,
    only: Some((GroupBy::User, "user-7")),
    counts: |key| key % MEMBERS == 7,
    group: |_, model| model,
};
/// A key with about 11,000 rows, the mean of the 500.
pub const OF_A_KEY: Question = Question {
    name: "F year of a key, by model",
    by: GroupBy::Model,
    only: Some((GroupBy::ApiKey, "key-99")),
    counts: |key| key == 99,
    group: |_, model| model,
};

/// Times one question and prints a line for each thing measured.
pub fn run(question: &Question) {
    one_thread();
    let large = Large::load();
    println!("{} (days in Europe/Paris; {RUNS} runs, one thread; fastest and median)", question.name);
    let query = question.query("Europe/Paris", THREE);
    let sums = time(RUNS, || {
        about(&large.engine, |about| sum_buckets(about, &query).expect("an answer"));
    });
    let full = question.query("Europe/Paris", ACTIVITY_COLUMNS);
    let answer = time(RUNS, || {
        about(&large.engine, |about| drop(activity(about, &full).expect("an answer")));
    });
    let bytes = about(&large.engine, |about| {
        let before = about.reader.bytes_read();
        sum_buckets(about, &query).expect("an answer");
        about.reader.bytes_read() - before
    });
    let baseline = Baseline::load();
    let (mut rows, mut found) = (0, Vec::new());
    let by_rows = time(3, || (rows, found) = baseline.ask(question));
    check(&large, question, &found);
    let read = sequential_read(bytes as usize);
    let line = |what: &str, timing: Timing, more: String| {
        figure(question.name, what, format!("{timing}  {more}").trim_end());
    };
    let per_row = sums.min * 1e6 / rows as f64;
    line("sums of three measures", sums, format!("{per_row:.2} ns for each of {rows} rows"));
    line("complete answer, ranking and totals", answer, String::new());
    if question.only.is_some() {
        // Two dimensions are added up from all rows: what the question would cost if it read everyone's.
        let everyone = Query {
            group_by: vec![GroupBy::User, GroupBy::Model],
            filter: Filter::default(),
            ..question.query("Europe/Paris", THREE)
        };
        let all_rows = time(10, || {
            about(&large.engine, |about| sum_buckets(about, &everyone).expect("an answer"));
        });
        line(
            "the rows of all keys, by member and model",
            all_rows,
            format!("{:.0} times as long", all_rows.min / sums.min),
        );
    }
    line("one row per entry (redb, varints)", by_rows, format!("{:.0} times as long", by_rows.min / sums.min));
    let touched = format!("{:.2} MB; the sums take {:.1} times as long", bytes as f64 / 1e6, sums.min / read.min);
    line("reading the bytes it touches, in a row", read, touched);
}

/// Every sum of the baseline must be ours: requests, tokens and cost of every group on every day.
fn check(large: &Large, question: &Question, found: &[[u64; 3]]) {
    use rollcall::model::Count;
    let query = question.query("Europe/Paris", ACTIVITY_COLUMNS);
    let mut ours = vec![[0; 3]; found.len()];
    about(&large.engine, |about| {
        let answer = activity(about, &query).expect("an answer");
        let days = answer.collect_buckets().expect("every day");
        for (day, (_, _, entries)) in days.iter().enumerate() {
            for entry in entries {
                // Names end in the number of what they name.
                let name = answer.groups[entry.group as usize].labels[0].key.as_deref().expect("a name");
                let group: usize = name.rsplit('-').next().and_then(|n| n.parse().ok()).expect("a number");
                let cost = u64::try_from(entry.usage.all.cost.0).expect("less than 18 million USD");
                ours[day * KEYS + group] =
                    [entry.usage.get(Count::Requests), entry.usage.get(Count::TotalTokens), cost];
            }
        }
    });
    assert!(ours == found, "the baseline counts something else");
}

pub fn one_thread() {
    rayon::ThreadPoolBuilder::new().num_threads(1).build_global().expect("nothing has used it yet");
}

fn sequential_read(bytes: usize) -> Timing {
    let data: Vec<u64> = (0..bytes as u64 / 8).collect();
    time(200, || {
        black_box(black_box(&data).iter().fold(0u64, |sum, word| sum.wrapping_add(*word)));
    })
}

/// The simplest store there is: one redb entry for each (organization, hour, key, model), its measures as varints.
struct Baseline {
    database: Database,
}

const TABLE: TableDefinition<'static, &[u8], &[u8]> = TableDefinition::new("rows");

impl Baseline {
    fn load() -> Baseline {
        let path = workload::bench_directory().join("baseline.redb");
        let made = path.with_extension("made");
        if !made.exists() {
            let _ = std::fs::remove_file(&path);
            let database = Database::create(&path).expect("a database");
            for first in (0..365).step_by(30) {
                let transaction = database.begin_write().expect("the only writer");
                let mut table = transaction.open_table(TABLE).expect("a table");
                for day in first..(first + 30).min(365) {
                    let mut rows = workload::large_rows(day);
                    rows.sort_by_key(|row| (row.organization, row.hour_start, row.key, row.model));
                    for row in rows {
                        let hour = (row.hour_start / rollcall::model::HOUR_MS) as u32;
                        table
                            .insert(&key(row.organization, hour, row.key, row.model)[..], &value(&row)[..])
                            .expect("room");
                    }
                }
                drop(table);
                transaction.commit().expect("room on the disk");
            }
            std::fs::write(&made, "").expect("room on the disk");
        }
        Baseline { database: Database::open(&path).expect("made above") }
    }

    /// How many rows there were, and their sums by day and group.
    fn ask(&self, question: &Question) -> (usize, Vec<[u64; 3]>) {
        let window = Large::window("Europe/Paris");
        let buckets = window.buckets(Granularity::Day);
        let first = (window.start() / rollcall::model::HOUR_MS) as u32;
        let last = (window.end() / rollcall::model::HOUR_MS) as u32;
        let mut day_of_hour = Vec::new();
        for (day, bucket) in buckets.iter().enumerate() {
            day_of_hour.resize(((bucket.end / rollcall::model::HOUR_MS) as u32 - first) as usize, day);
        }
        let mut sums = vec![[0u64; 3]; buckets.len() * KEYS];
        let table = self.database.begin_read().expect("a snapshot").open_table(TABLE).expect("a table");
        let mut rows = 0;
        for entry in table.range::<&[u8]>(&key(0, first, 0, 0)[..]..&key(0, last, 0, 0)[..]).expect("a range") {
            let (key, value) = entry.expect("readable");
            let number =
                |at: usize| u16::from_be_bytes(key.value()[at..at + 2].try_into().expect("two bytes")) as usize;
            let (api_key, model) = (number(5), number(7));
            if !(question.counts)(api_key) {
                continue;
            }
            let hour = u32::from_be_bytes(key.value()[1..5].try_into().expect("four bytes"));
            let mut at = value.value();
            let day = day_of_hour[(hour - first) as usize];
            let cell = &mut sums[day * KEYS + (question.group)(api_key, model)];
            // A row is read whole, as one with names for its fields would be.
            let mut values = [0u64; 9];
            values.iter_mut().for_each(|value| *value = take_varint(&mut at));
            cell[0] += values[0];
            cell[1] += values[3];
            cell[2] = cell[2].wrapping_add(values[8]);
            rows += 1;
        }
        (rows, black_box(sums))
    }
}

fn key(organization: usize, hour: u32, key: usize, model: usize) -> [u8; 9] {
    let mut bytes = [0; 9];
    bytes[0] = organization as u8;
    bytes[1..5].copy_from_slice(&hour.to_be_bytes());
    bytes[5..7].copy_from_slice(&(key as u16).to_be_bytes());
    bytes[7..].copy_from_slice(&(model as u16).to_be_bytes());
    bytes
}

fn value(row: &workload::LargeRow) -> Vec<u8> {
    use rollcall::model::{Count, Measures};
    let mut sum = Measures::ZERO;
    row.events.iter().for_each(|(_, measures)| sum.add(measures).expect("small"));
    let mut bytes = Vec::new();
    for count in [
        Count::Requests,
        Count::InputTokens,
        Count::OutputTokens,
        Count::TotalTokens,
        Count::CachedTokens,
        Count::ReasoningTokens,
        Count::Errors,
        Count::ClientErrors,
    ] {
        put_varint(&mut bytes, sum.get(count));
    }
    put_varint(&mut bytes, sum.cost.0 as u64);
    bytes
}

fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn take_varint(at: &mut &[u8]) -> u64 {
    let (mut value, mut shift) = (0, 0);
    while let Some((byte, rest)) = at.split_first() {
        *at = rest;
        value |= u64::from(byte & 0x7f) << shift;
        shift += 7;
        if *byte < 0x80 {
            break;
        }
    }
    value
}
