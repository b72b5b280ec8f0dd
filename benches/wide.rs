//! One organization with many names: half its keys are used once, the others five times, over a year.
//!
//! `cargo bench --bench wide`; `ROLLCALL_WIDE_KEYS=1000000` asks with as many keys, and `ROLLCALL=…` asks another build.

mod client;
mod figures;
mod server;
mod workload;

use std::fmt::Write as _;
use std::io::{BufReader, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use client::{ask, connect, post_head, read_answer};
use rollcall::calendar::Date;
use server::{binary, kill, memory, start};
use workload::Random;

const SIZES: [usize; 3] = [1_000, 10_000, 100_000];
const MEMBERS: usize = 200;
const PROJECTS: usize = 50;
const MODELS: usize = 20;
/// Of each six keys' worth of events one is of a key that is used once.
const EVENTS_PER_KEY: usize = 3;
const DAY_MS: i64 = 86_400_000;
const YEAR_MS: i64 = 365 * DAY_MS;

fn main() {
    // Cargo asks bench targets for a list in some commands; there is none to give.
    if std::env::args().any(|a| a == "--list") {
        return;
    }
    let asked = std::env::var("ROLLCALL_WIDE_KEYS").ok();
    let sizes = asked.map_or(SIZES.to_vec(), |sizes| {
        sizes
            .split(',')
            .map(|size| size.parse().expect("ROLLCALL_WIDE_KEYS is whole numbers, joined by commas"))
            .collect()
    });
    for keys in sizes {
        println!("{keys} keys, {} events over a year, {}", keys * EVENTS_PER_KEY, binary().display());
        measure(keys);
    }
}

fn measure(keys: usize) {
    let directory = tempfile::tempdir().expect("a directory");
    let report = |what: &str, value: String| figures::figure("wide", &format!("{keys} keys: {what}"), &value);
    let now = chrono::Utc::now().timestamp_millis();

    let (server, address) = start(directory.path());
    let mut stream = connect(&address);
    name_owners(&mut stream, keys);
    let started = Instant::now();
    load(&mut stream, keys, now);
    let rate = (keys * EVENTS_PER_KEY) as f64 / started.elapsed().as_secs_f64();
    report("a year's events in batches of 1,000", format!("{rate:.0} events/s"));
    report("memory after that", format!("{} MB", memory(&server, "VmRSS")));
    terminate(server);
    let compacted = Command::new(binary()).args(["compact", "--data-dir"]).arg(directory.path()).output();
    assert!(compacted.expect("the command runs").status.success(), "sealed and compacted");
    let file = std::fs::metadata(directory.path().join(rollcall::engine::STORE_FILE)).expect("a store").len();
    let bytes = file as f64 / (keys * EVENTS_PER_KEY) as f64;
    report("file, sealed and compacted", format!("{:.1} MB, {bytes:.0} bytes an event", file as f64 / 1e6));

    let (server, address) = start(directory.path());
    report("memory after a start", format!("{} MB", memory(&server, "VmRSS")));
    let mut stream = connect(&address);
    questions(&mut stream, &report);
    report("memory after questions", format!("{} MB", memory(&server, "VmRSS")));
    senders(&mut stream, keys, now, &report);
    report("most memory", format!("{} MB", memory(&server, "VmHWM")));
    kill(server);

    let mut times: Vec<f64> = (0..3).map(|_| start_again(directory.path())).collect();
    report("from start to listening after SIGKILL", range(&mut times));
}

/// Says of every other key whose it is.
fn name_owners(stream: &mut BufReader<TcpStream>, keys: usize) {
    let members = |out: &mut String| {
        for member in 0..MEMBERS {
            let separator = if member == 0 { "" } else { "," };
            write!(
                out,
                "{separator}{{\"organizationId\":\"wide\",\"userId\":\"user-{member}\",\"role\":\"developer\"}}"
            )
            .expect(TEXT);
        }
    };
    let mut body = "{\"members\":[".to_owned();
    members(&mut body);
    body.push_str("]}");
    put(stream, &body);
    let owned: Vec<usize> = (0..keys).step_by(2).collect();
    for chunk in owned.chunks(10_000) {
        let mut body = "{\"apiKeys\":[".to_owned();
        for (number, key) in chunk.iter().enumerate() {
            let separator = if number == 0 { "" } else { "," };
            write!(
                body,
                "{separator}{{\"id\":\"key-{key:07}\",\"organizationId\":\"wide\",\"projectId\":\"project-{}\",\
                 \"createdBy\":\"user-{}\"}}",
                key % PROJECTS,
                key / 2 % MEMBERS
            )
            .expect(TEXT);
        }
        body.push_str("]}");
        put(stream, &body);
    }
}

fn load(stream: &mut BufReader<TcpStream>, keys: usize, now: i64) {
    let events = keys * EVENTS_PER_KEY;
    let mut random = Random(1);
    let mut body = String::new();
    for number in 0..events {
        // Keys that are used once come one after the other, others again and again.
        let key = match number % 6 {
            0 => number / 6,
            _ => keys / 2 + random.below(keys as u64 - keys as u64 / 2) as usize,
        };
        let at = now - YEAR_MS + (YEAR_MS - 2 * DAY_MS) / events as i64 * number as i64;
        push(&mut body, &format!("load-{number}"), key, at, &mut random);
        if number % 1000 == 999 || number + 1 == events {
            post(stream, &mut body);
        }
    }
}

fn push(body: &mut String, id: &str, key: usize, at: i64, random: &mut Random) {
    body.push(if body.is_empty() { '[' } else { ',' });
    write!(
        body,
        "{{\"id\":\"{id}\",\"timestamp\":{at},\"organizationId\":\"wide\",\"projectId\":\"project-{}\",\
         \"apiKeyId\":\"key-{key:07}\",\"usedModel\":\"model-{}\",\"usedProvider\":\"provider-{}\",\
         \"promptTokens\":{},\"completionTokens\":{},\"cost\":\"0.0{:04}\"}}",
        key % PROJECTS,
        key % MODELS,
        key % MODELS % 5,
        100 + random.below(2000),
        10 + random.below(500),
        1 + random.below(9999)
    )
    .expect(TEXT);
}

/// How soon senders are answered: one event of a new key, one of a known one, and batches of new ones.
fn senders(stream: &mut BufReader<TcpStream>, keys: usize, now: i64, report: &impl Fn(&str, String)) {
    const SINGLE: usize = 100;
    let mut random = Random(2);
    let mut body = String::new();
    let mut next = keys;
    let mut new_key = || {
        next += 1;
        next
    };
    for (what, is_new) in [("one event with a new key", true), ("one event of a known key", false)] {
        let mut times: Vec<f64> = (0..SINGLE)
            .map(|number| {
                let key = if is_new { new_key() } else { number * 7 % keys };
                push(&mut body, &format!("single-{is_new}-{number}"), key, now, &mut random);
                let started = Instant::now();
                post(stream, &mut body);
                started.elapsed().as_secs_f64() * 1e3
            })
            .collect();
        report(what, range(&mut times));
    }
    const BATCHES: usize = 20;
    let started = Instant::now();
    for batch in 0..BATCHES {
        (0..1000).for_each(|event| push(&mut body, &format!("batch-{batch}-{event}"), new_key(), now, &mut random));
        post(stream, &mut body);
    }
    let rate = (BATCHES * 1000) as f64 / started.elapsed().as_secs_f64();
    report("batches of 1,000 events with new keys", format!("{rate:.0} events/s"));
}

/// A year that ends on another day each time, so that no answer was given before.
fn questions(stream: &mut BufReader<TcpStream>, report: &impl Fn(&str, String)) {
    const TIMES: usize = 5;
    let today = Date::parse(&chrono::Utc::now().format("%F").to_string()).expect("a date");
    for (what, path, more) in [
        ("a year by nothing", "activity", "&groupBy=none"),
        ("a year by project", "activity", "&groupBy=project"),
        ("a year by model", "activity", "&groupBy=model"),
        ("a year by key, ten largest and Other", "activity", "&groupBy=apiKey&top=10"),
        ("a year by member, ten largest and Other", "activity", "&groupBy=user&top=10"),
        ("a year's members", "members", ""),
        ("a year's members, a page of 50", "members", "&limit=50"),
        ("a year's keys", "keys", ""),
        ("a year's keys, a page of 50", "keys", "&limit=50"),
        ("a year's keys, a name searched", "keys", "&limit=50&q=key-0000123"),
    ] {
        let mut bytes = 0;
        let mut times: Vec<f64> = (0..TIMES)
            .map(|number| {
                let to = today.plus_days(-(number as i64));
                let from = to.plus_days(-364);
                let question =
                    format!("/analytics/{path}?organizationId=wide&from={from}&to={to}&timezone=Europe/Paris{more}");
                let started = Instant::now();
                bytes = ask(stream, &question).len();
                started.elapsed().as_secs_f64() * 1e3
            })
            .collect();
        report(what, format!("{}, {:.2} MB", range(&mut times), bytes as f64 / 1e6));
    }
}

fn start_again(directory: &Path) -> f64 {
    let started = Instant::now();
    let (server, _) = start(directory);
    let took = started.elapsed().as_secs_f64() * 1e3;
    kill(server);
    took
}

/// The fastest and the median.
fn range(times: &mut [f64]) -> String {
    times.sort_by(f64::total_cmp);
    format!("{:.2} ms (fastest), {:.2} ms (median)", times[0], times[times.len() / 2])
}

fn post(stream: &mut BufReader<TcpStream>, body: &mut String) {
    body.push(']');
    let request = post_head("/v1/events", body.len()) + body;
    stream.get_mut().write_all(request.as_bytes()).expect("the server reads");
    read_answer(stream);
    body.clear();
}

fn put(stream: &mut BufReader<TcpStream>, body: &str) {
    let request = post_head("/v1/directory", body.len()).replacen("POST", "PUT", 1) + body;
    stream.get_mut().write_all(request.as_bytes()).expect("the server reads");
    read_answer(stream);
}

/// Ends a server as an operator does, so that what waits is written.
fn terminate(mut server: std::process::Child) {
    let asked = Command::new("kill").arg(server.id().to_string()).status();
    assert!(asked.expect("the command runs").success(), "the server is told to end");
    server.wait().expect("it ends");
}

const TEXT: &str = "strings take every write";
