//! What was measured: a line on the terminal, and a row of the table that `make bench` writes.

use std::fs::OpenOptions;
use std::io::Write;

/// Prints a figure. With `ROLLCALL_BENCH_FIGURES` it is added to that file as well.
pub fn figure(bench: &str, what: &str, value: &str) {
    println!("  {what:<56} {value}");
    if let Some(file) = std::env::var_os("ROLLCALL_BENCH_FIGURES") {
        let mut file = OpenOptions::new().create(true).append(true).open(file).expect("a file for the figures");
        writeln!(file, "| {bench} | {what} | {value} |").expect("room on the disk");
    }
}
