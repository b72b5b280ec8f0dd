//! Durable ingest: over HTTP in batches, large ones and small ones, and `rollcall ingest` of a file.
//!
//! `cargo bench --bench ingest`

mod figures;
mod server;

use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::time::Instant;

use server::{BINARY, TOKEN, kill, start};

const EVENTS: usize = 1_000_000;
const ROUNDS: usize = 5;

/// Events as a gateway sends them: unique ids, 60 keys, 20 models, one hour.
fn event(out: &mut String, number: usize) {
    let (key, model) = (number * 7 % 60, number * 13 % 20);
    let second = number % 3600;
    write!(
        out,
        "{{\"id\":\"req_{number:016x}\",\"timestamp\":\"2026-06-01T10:{:02}:{:02}.250Z\",\"organizationId\":\"acme\",\
         \"projectId\":\"project-{}\",\"apiKeyId\":\"key-{key}\",\"usedModel\":\"openai/model-{model}\",\
         \"source\":\"app-{}\",\"promptTokens\":{},\"completionTokens\":{},\"cost\":\"0.00{}\",\"streamed\":true}}",
        second / 60,
        second % 60,
        key % 4,
        key % 8,
        100 + number % 900,
        10 + number % 300,
        1000 + number % 8999,
    )
    .expect("strings take every write");
}

fn main() {
    // Cargo asks bench targets for a list in some commands; there is none to give.
    if std::env::args().any(|a| a == "--list") {
        return;
    }
    println!("a million events, {ROUNDS} rounds");
    for (batch, connections) in [(1000, 2), (100, 16)] {
        let mut http: Vec<f64> = (0..ROUNDS).map(|_| over_http(batch, connections)).collect();
        report(&format!("HTTP JSON, batches of {batch}, {connections} connections"), &mut http);
    }
    let mut file: Vec<f64> = (0..ROUNDS).map(|_| from_a_file()).collect();
    report("rollcall ingest, NDJSON file of 1,000,000", &mut file);
}

fn report(what: &str, rates: &mut [f64]) {
    rates.sort_by(f64::total_cmp);
    let [slowest, median, fastest] = [0, rates.len() / 2, rates.len() - 1].map(|i| rates[i]);
    figures::figure("ingest", what, &format!("{median:.0} events/s (median; {slowest:.0} to {fastest:.0})"));
}

fn over_http(batch: usize, connections: usize) -> f64 {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let (server, address) = start(directory.path());
    // Requests are made before the clock starts: the client shares the machine, its work is not the server's.
    let requests: Vec<Vec<u8>> = (0..EVENTS / batch).map(|number| request(number, batch)).collect();
    let started = Instant::now();
    std::thread::scope(|scope| {
        for connection in 0..connections {
            let (requests, address) = (&requests, &address);
            scope.spawn(move || {
                let mut stream = TcpStream::connect(address).expect("a connection");
                stream.set_nodelay(true).expect("an option");
                for request in requests.iter().skip(connection).step_by(connections) {
                    stream.write_all(request).expect("the server reads");
                    let answer = read_answer(&mut stream);
                    assert!(answer.contains(&format!("\"accepted\":{batch},\"duplicates\":0")), "{answer}");
                }
            });
        }
    });
    let seconds = started.elapsed().as_secs_f64();
    kill(server);
    EVENTS as f64 / seconds
}

fn request(number: usize, batch: usize) -> Vec<u8> {
    let mut body = String::from("[");
    for i in 0..batch {
        if i > 0 {
            body.push(',');
        }
        event(&mut body, number * batch + i);
    }
    body.push(']');
    format!(
        "POST /v1/events HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {TOKEN}\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

fn read_answer(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let n = stream.read(&mut buffer).expect("an answer");
        answer.extend_from_slice(&buffer[..n]);
        let text = String::from_utf8_lossy(&answer);
        if n == 0 || (text.contains("\r\n\r\n") && text.ends_with('}')) {
            return text.into_owned();
        }
    }
}

fn from_a_file() -> f64 {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let file = directory.path().join("events.ndjson");
    let mut lines = String::new();
    for number in 0..EVENTS {
        event(&mut lines, number);
        lines.push('\n');
    }
    std::fs::write(&file, lines).expect("room on the disk");
    let started = Instant::now();
    let output = Command::new(BINARY)
        .arg("ingest")
        .arg(&file)
        .arg("--data-dir")
        .arg(directory.path().join("store"))
        .output()
        .expect("it runs");
    let seconds = started.elapsed().as_secs_f64();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.starts_with("1,000,000 accepted"), "{text}");
    EVENTS as f64 / seconds
}
