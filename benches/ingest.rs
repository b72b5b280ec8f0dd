//! Durable ingest: over HTTP in batches of 1,000 from a client of its own, and `rollcall ingest` of a file.
//!
//! `cargo bench --bench ingest`

mod server;

use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::time::Instant;

use server::{BINARY, TOKEN, kill, start};

const BATCH: usize = 1000;
const BATCHES: usize = 1000;
const CONNECTIONS: usize = 2;
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
    let mut http: Vec<f64> = (0..ROUNDS).map(|_| over_http()).collect();
    report("HTTP, batches of 1,000, 2 connections", &mut http);
    let mut file: Vec<f64> = (0..ROUNDS).map(|_| from_a_file()).collect();
    report("rollcall ingest, NDJSON file of 1,000,000", &mut file);
}

fn report(what: &str, rates: &mut [f64]) {
    rates.sort_by(f64::total_cmp);
    println!(
        "{what}: median {:.0} events/s (slowest {:.0}, fastest {:.0}, {} rounds)",
        rates[rates.len() / 2],
        rates[0],
        rates[rates.len() - 1],
        rates.len()
    );
}

fn over_http() -> f64 {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let (server, address) = start(directory.path());
    // Requests are made before the clock starts: the client shares the machine, its work is not the server's.
    let requests: Vec<Vec<u8>> = (0..BATCHES).map(request).collect();
    let started = Instant::now();
    std::thread::scope(|scope| {
        for connection in 0..CONNECTIONS {
            let (requests, address) = (&requests, &address);
            scope.spawn(move || {
                let mut stream = TcpStream::connect(address).expect("a connection");
                stream.set_nodelay(true).expect("an option");
                for request in requests.iter().skip(connection).step_by(CONNECTIONS) {
                    stream.write_all(request).expect("the server reads");
                    let answer = read_answer(&mut stream);
                    assert!(answer.contains("\"accepted\":1000,\"duplicates\":0"), "{answer}");
                }
            });
        }
    });
    let seconds = started.elapsed().as_secs_f64();
    kill(server);
    (BATCH * BATCHES) as f64 / seconds
}

fn request(batch: usize) -> Vec<u8> {
    let mut body = String::from("[");
    for i in 0..BATCH {
        if i > 0 {
            body.push(',');
        }
        event(&mut body, batch * BATCH + i);
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
    for number in 0..BATCH * BATCHES {
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
    (BATCH * BATCHES) as f64 / seconds
}
