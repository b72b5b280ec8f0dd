//! The built server, started and ended.
#![allow(dead_code, reason = "each bench uses a part of this")]

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

pub const BINARY: &str = env!("CARGO_BIN_EXE_rollcall");
pub const TOKEN: &str = "operator-token-of-the-bench";

/// The binary that is measured: another build's where one is named.
pub fn binary() -> PathBuf {
    std::env::var_os("ROLLCALL").map_or(BINARY.into(), PathBuf::from)
}

/// A server on a directory, and where it listens.
pub fn start(directory: &Path) -> (Child, String) {
    let mut server = Command::new(binary())
        .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
        .arg(directory)
        .env("ROLLCALL_OPERATOR_TOKEN", TOKEN)
        .stderr(Stdio::piped())
        .spawn()
        .expect("the server starts");
    let mut log = BufReader::new(server.stderr.take().expect("piped")).lines();
    let address = loop {
        let line = log.next().expect("the server says where it listens").expect("text");
        if let Some(at) = line.split("address=").nth(1) {
            break at.split_whitespace().next().expect("an address").to_owned();
        }
    };
    // Read on, so that the server can write on.
    std::thread::spawn(move || log.for_each(drop));
    (server, address)
}

pub fn kill(mut server: Child) {
    server.kill().expect("it runs");
    server.wait().expect("it ends");
}

/// What the system says of a server's memory, in MB: `VmRSS` is what it has, `VmHWM` the most it had.
pub fn memory(server: &Child, what: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.id())).expect("it runs");
    let line = status.lines().find(|line| line.starts_with(what)).expect("every process has one");
    line.split_whitespace().nth(1).and_then(|kb| kb.parse::<u64>().ok()).expect("kilobytes") / 1000
}
