//! Transcripts of coding agents: from bytes on disk to calls, as `rollcall ingest --format …` reads them.
//!
//! `cargo bench --bench transcripts`, with the size in MiB in `ROLLCALL_TRANSCRIPTS_MIB` (1024).

mod figures;

use std::fs::File;
use std::io::{BufWriter, Read, Write};
use std::path::Path;
use std::time::Instant;

use rayon::prelude::*;
use rollcall::ingest::transcripts::{Client, Session, calls};

const ROUNDS: usize = 5;
const FILES: usize = 64;
/// What is read at a time, as the command does.
const CHUNK_BYTES: usize = 1 << 20;

/// What somebody said or a tool answered: text as code has it, with quotes and line ends that JSON escapes.
fn text(bytes: usize) -> String {
    const LINES: [&str; 4] = [
        "fn main() { println!(\\\"{}\\\", total); }\\n",
        "    assert_eq!(left, right, \\\"of usage: {left}\\\");\\n",
        "error[E0308]: mismatched types --> src/main.rs:10:5\\n",
        "The next step is to read the file and to look at what it says.\\n",
    ];
    LINES.iter().cycle().scan(0, |size, line| (*size < bytes).then(|| *size += line.len()).map(|()| *line)).collect()
}

/// A session of Claude Code: for each call a request, an answer in three parts and a tool's result that is many times as
/// long, as sessions have them.
fn claude_code(file: usize, bytes: usize, out: &mut impl Write) -> usize {
    let (said, result, history) = (text(1500), text(9000), text(4000));
    let (mut written, mut calls) = (0, 0);
    while written < bytes {
        let id = format!("{file}-{calls}");
        let mut lines = format!(
            "{{\"type\":\"api-request-blob\",\"sessionId\":\"s\",\"hash\":\"{id}\",\"message\":{{\"role\":\"user\",\"content\":\"{history}\"}}}}\n{{\"type\":\"api-request\",\"sessionId\":\"s\",\"id\":\"r{id}\",\"timestamp\":\"2026-11-20T10:00:00.000Z\",\"params\":{{\"model\":\"claude-opus-4-5\"}}}}\n"
        );
        for part in 0..3 {
            lines += &format!(
                "{{\"parentUuid\":\"{id}\",\"isSidechain\":false,\"message\":{{\"id\":\"msg_{id}\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"claude-opus-4-5\",\"content\":[{{\"type\":\"text\",\"text\":\"{said}\"}}],\"stop_reason\":\"tool_use\",\"usage\":{{\"input_tokens\":12,\"cache_creation_input_tokens\":300,\"cache_read_input_tokens\":25000,\"cache_creation\":{{\"ephemeral_1h_input_tokens\":300}},\"output_tokens\":210}}}},\"apiBlockIndex\":{part},\"requestId\":\"req_{id}\",\"requestRef\":\"r{id}\",\"type\":\"assistant\",\"timestamp\":\"2026-11-20T10:00:05.000Z\",\"cwd\":\"/home/kim/shop\",\"sessionId\":\"s\",\"version\":\"2.1.332\"}}\n"
            );
        }
        lines += &format!(
            "{{\"parentUuid\":\"{id}\",\"type\":\"user\",\"message\":{{\"role\":\"user\",\"content\":[{{\"type\":\"tool_result\",\"content\":\"{result}\"}}]}},\"toolUseResult\":{{\"stdout\":\"{result}\"}},\"timestamp\":\"2026-11-20T10:00:06.000Z\",\"cwd\":\"/home/kim/shop\",\"sessionId\":\"s\"}}\n"
        );
        out.write_all(lines.as_bytes()).expect("room on the disk");
        written += lines.len();
        calls += 1;
    }
    calls
}

/// A thread of Codex: for each call what the model said, a tool's answer, a record and a count.
fn codex(file: usize, bytes: usize, out: &mut impl Write) -> usize {
    let (said, result) = (text(2000), text(16_000));
    let head = format!(
        "{{\"timestamp\":\"2026-11-20T10:00:00.000Z\",\"type\":\"session_meta\",\"payload\":{{\"id\":\"t{file}\",\"cwd\":\"/home/kim/shop\",\"cli_version\":\"0.171.0\",\"model_provider\":\"openai\"}}}}\n{{\"timestamp\":\"2026-11-20T10:00:00.000Z\",\"type\":\"turn_context\",\"payload\":{{\"model\":\"gpt-5.2-codex\"}}}}\n"
    );
    out.write_all(head.as_bytes()).expect("room on the disk");
    let (mut written, mut calls) = (head.len(), 0);
    while written < bytes {
        let usage = "{\"input_tokens\":25000,\"cached_input_tokens\":24000,\"cache_write_input_tokens\":0,\"output_tokens\":200,\"reasoning_output_tokens\":90,\"total_tokens\":25200}";
        let lines = format!(
            "{{\"timestamp\":\"2026-11-20T10:00:05.000Z\",\"type\":\"response_item\",\"payload\":{{\"type\":\"message\",\"content\":[{{\"text\":\"{said}\"}}]}}}}\n{{\"timestamp\":\"2026-11-20T10:00:05.000Z\",\"type\":\"token_usage_record\",\"payload\":{{\"thread_id\":\"t{file}\",\"response_id\":\"resp_{file}_{calls}\",\"usage\":{usage}}}}}\n{{\"timestamp\":\"2026-11-20T10:00:06.000Z\",\"type\":\"response_item\",\"payload\":{{\"type\":\"function_call_output\",\"output\":\"{result}\"}}}}\n{{\"timestamp\":\"2026-11-20T10:00:06.000Z\",\"type\":\"event_msg\",\"payload\":{{\"type\":\"token_count\",\"info\":{{\"total_token_usage\":{usage},\"last_token_usage\":{usage}}}}}}}\n"
        );
        out.write_all(lines.as_bytes()).expect("room on the disk");
        written += lines.len();
        calls += 1;
    }
    calls
}

/// Reads a file as the command does, a piece at a time.
fn read(client: Client, path: &Path) -> (Session, u64) {
    let mut session = Session::new(client, &path.to_string_lossy());
    let mut file = File::open(path).expect("it was written");
    let (mut buffer, mut held, mut all) = (vec![0; CHUNK_BYTES], 0, 0);
    loop {
        let got = file.read(&mut buffer[held..]).expect("it is a file");
        if got == 0 {
            return (session, all);
        }
        held += got;
        all += got as u64;
        let taken = session.read(&buffer[..held]);
        buffer.copy_within(taken..held, 0);
        held -= taken;
    }
}

fn main() {
    // Cargo asks bench targets for a list in some commands; there is none to give.
    if std::env::args().any(|a| a == "--list") {
        return;
    }
    let mib: usize = std::env::var("ROLLCALL_TRANSCRIPTS_MIB").ok().and_then(|mib| mib.parse().ok()).unwrap_or(1024);
    println!("{mib} MiB in {FILES} files, {ROUNDS} rounds, {} threads", rayon::current_num_threads());
    let directory = tempfile::tempdir().expect("a temporary directory");
    type Make = fn(usize, usize, &mut BufWriter<File>) -> usize;
    for (client, make) in [(Client::ClaudeCode, claude_code as Make), (Client::Codex, codex)] {
        let paths: Vec<_> =
            (0..FILES).map(|file| directory.path().join(format!("{}-{file}.jsonl", client.name()))).collect();
        let mut expected = 0;
        for (file, path) in paths.iter().enumerate() {
            let mut out = BufWriter::new(File::create(path).expect("a temporary directory"));
            expected += make(file, (mib << 20) / FILES, &mut out);
        }
        let mut rates: Vec<f64> = (0..ROUNDS)
            .map(|_| {
                let started = Instant::now();
                let read: Vec<(Session, u64)> = paths.par_iter().map(|path| read(client, path)).collect();
                let found = calls(read.iter().map(|(session, _)| session));
                let seconds = started.elapsed().as_secs_f64();
                assert_eq!(found.calls.len(), expected);
                read.iter().map(|(_, bytes)| bytes).sum::<u64>() as f64 / 1e6 / seconds
            })
            .collect();
        rates.sort_by(f64::total_cmp);
        let [slowest, median, fastest] = [0, ROUNDS / 2, ROUNDS - 1].map(|place| rates[place]);
        let what = format!("transcripts of {}, {expected} calls", client.title());
        figures::figure("transcripts", &what, &format!("{median:.0} MB/s (median; {slowest:.0} to {fastest:.0})"));
        paths.iter().for_each(|path| std::fs::remove_file(path).expect("it was written"));
    }
}
