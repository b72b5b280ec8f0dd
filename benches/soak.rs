//! A server that takes events at four fifths of what it can for a long time, asked 50 questions a second all the while:
//! whether it fails, grows or keeps people waiting. What a backup takes beside events, and how soon the server is back
//! after SIGKILL.
//!
//! What it can is measured anew in the first seconds of each minute, for others leave more or less of the machine.
//!
//! `make soak` is half an hour (`ROLLCALL_SOAK_SECONDS`); `cargo bench --bench soak` a few seconds.

mod client;
mod figures;
mod server;
mod workload;

use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use client::{ask, connect, download, post_head, read_answer};
use figures::figure;
use server::{BINARY, TOKEN, kill, memory, start};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const PRODUCERS: usize = 16;
const BATCH: usize = 100;
const READERS: usize = 4;
const QUESTIONS: f64 = 50.0;
const SHARE_OF_PEAK: f64 = 0.8;
/// A minute's part in which its peak is measured.
const AT_PEAK: f64 = 1.0 / 6.0;
/// What the store has before it is backed up, where there is time.
const BACKED_UP_MB: u64 = 1000;
/// Events a second beside a backup.
const BESIDE_BACKUP: u64 = 20_000;

/// What is going on, shared by all threads.
#[derive(Default)]
struct Load {
    /// Events a second that producers may send together; as many as they can when 0.
    rate: AtomicU64,
    sent: AtomicU64,
    asking: AtomicBool,
    done: AtomicBool,
    /// Milliseconds from when each question was due.
    waits: Mutex<Vec<f64>>,
}

fn main() {
    // Cargo asks bench targets for a list in some commands; there is none to give.
    if std::env::args().any(|a| a == "--list") {
        return;
    }
    let seconds = std::env::var("ROLLCALL_SOAK_SECONDS").map_or(10, |text| text.parse().expect("seconds"));
    let file = { workload::Large::load().file.clone() };
    let directory = tempfile::tempdir_in(workload::bench_directory()).expect("a directory");
    std::fs::copy(&file, directory.path().join(rollcall::engine::STORE_FILE)).expect("room on the disk");
    let (server, address) = start(directory.path());
    let before = requests(&address);
    let load = Load::default();
    std::thread::scope(|scope| {
        let (load, address) = (&load, &*address);
        (0..PRODUCERS).for_each(|number| drop(scope.spawn(move || produce(address, number, load))));
        (0..READERS).for_each(|number| drop(scope.spawn(move || read(address, number, load))));
        load.asking.store(true, Ordering::Relaxed);
        let started = Instant::now();
        while size(directory.path()) < BACKED_UP_MB && started.elapsed() < Duration::from_secs(seconds) {
            std::thread::sleep(Duration::from_secs(1));
        }
        load.asking.store(false, Ordering::Relaxed);
        load.rate.store(BESIDE_BACKUP, Ordering::Relaxed);
        back_up(load, address, directory.path());
        load.waits.lock().expect("no panic").clear();
        load.asking.store(true, Ordering::Relaxed);
        let all = minutes(load, &server, directory.path(), Duration::from_secs(seconds));
        figure("soak", &format!("{seconds} s at {:.0} % of each minute's peak", 100.0 * SHARE_OF_PEAK), &all);
        load.done.store(true, Ordering::Relaxed);
    });
    let sent = load.sent.load(Ordering::Relaxed);
    assert_eq!(requests(&address) - before, sent, "what was acknowledged is counted, once");
    figure("soak", "events acknowledged, and counted once", &sent.to_string());
    kill(server);
    let started = Instant::now();
    let (server, address) = start(directory.path());
    let seconds = started.elapsed().as_secs_f64();
    let size = size(directory.path());
    figure("soak", &format!("from SIGKILL to listening, {size} MB"), &format!("{:.0} ms", seconds * 1e3));
    assert_eq!(requests(&address) - before, sent, "after SIGKILL as well");
    kill(server);
}

/// Reports each minute, and gives the figures of all of them.
fn minutes(load: &Load, server: &Child, directory: &Path, all: Duration) -> String {
    let started = Instant::now();
    let (mut peaks, mut taken, mut every) = (0.0, 0.0, Vec::new());
    println!("  minute   peak, events/s     taken   p50 ms   p99 ms   max ms   RSS MB   HWM MB   file MB   stolen");
    for minute in 1.. {
        let left = all.saturating_sub(started.elapsed()).min(Duration::from_secs(60));
        if left.is_zero() {
            break;
        }
        let (ticks, stolen) = processor_time();
        load.rate.store(0, Ordering::Relaxed);
        let peak = rate_over(load, left.mul_f64(AT_PEAK));
        load.rate.store((peak * SHARE_OF_PEAK) as u64, Ordering::Relaxed);
        let rate = rate_over(load, left.mul_f64(1.0 - AT_PEAK));
        let (ticks, stolen) = (processor_time().0 - ticks, processor_time().1 - stolen);
        let stolen = 100.0 * stolen as f64 / ticks as f64;
        let mut waits = std::mem::take(&mut *load.waits.lock().expect("no panic"));
        waits.sort_by(f64::total_cmp);
        let [median, most, max] = [0.5, 0.99, 1.0].map(|share| quantile(&waits, share));
        let [resident, high] = ["VmRSS", "VmHWM"].map(|what| memory(server, what));
        let size = size(directory);
        println!(
            "{minute:8} {peak:16.0} {rate:9.0} {median:8.2} {most:8.2} {max:8.1} {resident:8} {high:8} {size:9} {stolen:6.1} %"
        );
        (peaks, taken) = (peaks + peak * left.as_secs_f64(), taken + rate * left.as_secs_f64());
        every.extend(waits);
    }
    every.sort_by(f64::total_cmp);
    format!(
        "{:.0} events/s, {:.1} % of the peaks; {} questions, {:.2} ms (median), {:.2} ms (99 %); most memory {} MB",
        taken / all.as_secs_f64(),
        100.0 * taken / peaks,
        every.len(),
        quantile(&every, 0.5),
        quantile(&every, 0.99),
        memory(server, "VmHWM"),
    )
}

/// A backup through the server while events come.
fn back_up(load: &Load, address: &str, directory: &Path) {
    let first = load.sent.load(Ordering::Relaxed);
    let started = Instant::now();
    let (bytes, copied) = download(address, "/v1/backup");
    let (seconds, copied) = (started.elapsed().as_secs_f64(), copied.as_secs_f64());
    let rate = (load.sent.load(Ordering::Relaxed) - first) as f64 / seconds;
    let megabytes = bytes as f64 / 1e6;
    let beside = format!("backup of {megabytes:.0} MB beside {rate:.0} events/s");
    let value = |seconds: f64| format!("{:.0} MB/s ({seconds:.1} s)", megabytes / seconds);
    figure("soak", &format!("{beside}: copied and synced"), &value(copied));
    figure("soak", &format!("{beside}: sent as well"), &value(seconds));
    let started = Instant::now();
    let command = Command::new(BINARY)
        .args(["backup", "--url", &format!("http://{address}")])
        .arg(directory.join("backup.redb"))
        .env("ROLLCALL_TOKEN", TOKEN)
        .stderr(Stdio::null())
        .output()
        .expect("it runs");
    let seconds = started.elapsed().as_secs_f64();
    assert!(command.status.success(), "{}", String::from_utf8_lossy(&command.stderr));
    figure("soak", "the same by `rollcall backup`, checked as well", &format!("{seconds:.1} s"));
    std::fs::remove_file(directory.join("backup.redb")).expect("it was written");
}

fn quantile(sorted: &[f64], share: f64) -> f64 {
    sorted.get(((sorted.len() - 1) as f64 * share) as usize).copied().unwrap_or(f64::NAN)
}

fn rate_over(load: &Load, time: Duration) -> f64 {
    let (started, first) = (Instant::now(), load.sent.load(Ordering::Relaxed));
    std::thread::sleep(time);
    (load.sent.load(Ordering::Relaxed) - first) as f64 / started.elapsed().as_secs_f64()
}

/// What the store takes on disk, in MB.
fn size(directory: &Path) -> u64 {
    let file = directory.join(rollcall::engine::STORE_FILE);
    rollcall::engine::allocated_bytes(&file).expect("it is there") / 1_000_000
}

/// All time of all processors in ticks, and what of it the host gave to others.
fn processor_time() -> (u64, u64) {
    let stat = std::fs::read_to_string("/proc/stat").expect("the system tells");
    let ticks: Vec<u64> = stat.lines().next().expect("all processors").split(' ').flat_map(str::parse).collect();
    // Of the ten kinds the last two are in others.
    (ticks[..8].iter().sum(), ticks[7])
}

/// How many requests are counted around now, where the workload has none.
fn requests(address: &str) -> u64 {
    let today = chrono::Utc::now().date_naive();
    let (from, to) = (today - chrono::Days::new(1), today + chrono::Days::new(1));
    let question = format!("/analytics/activity?organizationId=northwind&from={from}&to={to}&groupBy=none");
    let answer = ask(&mut connect(address), &question);
    let answer: serde_json::Value = serde_json::from_slice(&answer).expect("JSON");
    answer["totals"]["requestCount"].as_u64().expect("a count")
}

/// Sends batches until told to stop. Bodies are made once; then only ids and times are written into them.
fn produce(address: &str, producer: usize, load: &Load) {
    const ID: &str = "00000000-000000000";
    let mut body = b"[".to_vec();
    let mut places = Vec::new();
    for i in 0..BATCH {
        if i > 0 {
            body.push(b',');
        }
        let key = (producer * 31 + i * 7) % 500;
        body.extend_from_slice(b"{\"id\":\"");
        let id = body.len();
        body.extend_from_slice(ID.as_bytes());
        body.extend_from_slice(b"\",\"timestamp\":");
        places.push((id, body.len()));
        write!(
            body,
            "0000000000000,\"organizationId\":\"northwind\",\"projectId\":\"project-{}\",\"apiKeyId\":\"key-{key}\",\
             \"usedModel\":\"model-{}\",\"usedProvider\":\"provider-{}\",\"promptTokens\":{},\"completionTokens\":90,\
             \"cost\":\"0.0042\"}}",
            key % 50,
            key % 60,
            key % 6,
            900 + i
        )
        .expect("memory takes every write");
    }
    body.push(b']');
    let head = post_head("/v1/events", body.len());
    let mut stream = connect(address);
    let (mut paced, mut next) = (0, Instant::now());
    let run = std::process::id() % 1000;
    for number in 0.. {
        if load.done.load(Ordering::Relaxed) {
            return;
        }
        let rate = load.rate.load(Ordering::Relaxed);
        if rate != paced {
            (paced, next) = (rate, Instant::now());
        }
        if rate > 0 {
            // Each has its share, and sends later what it could not in time.
            std::thread::sleep(next.saturating_duration_since(Instant::now()));
            next += Duration::from_secs_f64((PRODUCERS * BATCH) as f64 / rate as f64);
        }
        let now = chrono::Utc::now().timestamp_millis().to_string();
        for (i, (id, time)) in places.iter().enumerate() {
            let text = format!("{run:03}{producer:05}-{:09}", number * BATCH + i);
            body[*id..*id + ID.len()].copy_from_slice(text.as_bytes());
            body[*time..*time + now.len()].copy_from_slice(now.as_bytes());
        }
        let stream_of = stream.get_mut();
        stream_of.write_all(head.as_bytes()).expect("the server reads");
        stream_of.write_all(&body).expect("the server reads");
        let answer = read_answer(&mut stream);
        let expected = format!("{{\"accepted\":{BATCH},\"duplicates\":0,");
        assert!(answer.starts_with(expected.as_bytes()), "{}", String::from_utf8_lossy(&answer));
        load.sent.fetch_add(BATCH as u64, Ordering::Relaxed);
    }
}

/// Asks at a steady rate, whether or not answers keep up.
fn read(address: &str, reader: usize, load: &Load) {
    let mut stream = connect(address);
    let mut due = Instant::now() + Duration::from_secs_f64(reader as f64 / QUESTIONS);
    for number in (reader..).step_by(READERS) {
        if !load.asking.load(Ordering::Relaxed) {
            while !load.asking.load(Ordering::Relaxed) {
                std::thread::sleep(Duration::from_millis(10));
            }
            // The server has closed a connection that was idle.
            stream = connect(address);
            due = Instant::now();
        }
        if load.done.load(Ordering::Relaxed) {
            return;
        }
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        ask(&mut stream, &question(number));
        load.waits.lock().expect("no panic").push(due.elapsed().as_secs_f64() * 1e3);
        due += Duration::from_secs_f64(READERS as f64 / QUESTIONS);
    }
}

/// What people open in the morning, with today in it, so that no answer was given before.
fn question(number: usize) -> String {
    let today = chrono::Utc::now().date_naive();
    let (days, by) = [(29, "project"), (364, "model"), (6, "apiKey"), (89, "user"), (364, "project")][number % 5];
    let from = today - chrono::Days::new(days);
    format!(
        "/analytics/activity?organizationId=northwind&from={from}&to={today}&timezone=Europe/Paris&groupBy={by}&top=10"
    )
}
