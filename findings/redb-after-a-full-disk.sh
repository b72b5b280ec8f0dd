#!/usr/bin/env bash
# After one write that failed redb answers reads from its cache and refuses all others, so it seems half alive.
#
# redb 4.6.0 (crate).
#
# That a write on a full disk fails is clear, and that it can be tried again when there is room one would expect: the
# last commit is whole. But the database takes its file for broken from then on (error PreviousIo, "close and re-open"),
# for reading too: whatever page isn't in its cache can't be read any more. A service whose usage of today is in the
# cache goes on answering for today, and its check of health with it, while the question about last month gets an error;
# which is which changes with the cache. Room on the disk mends nothing. Opening it again does, with every commit there.
# The file here has 100,000 rows and a cache of 1 MiB; the disk is full for the second commit only (a backend that
# answers its writes with the error of a full disk; all else is redb's own file).
#
# Seen:
#   first commit: done
#   read all: 100000 rows
#   read the first: 100 bytes
#   second commit, disk full: no: I/O error: no storage space
#   room again: read the first: 100 bytes
#   room again: read all: no: Previous I/O error occurred. Please close and re-open the database.
#   room again: second commit: no: Previous I/O error occurred. Please close and re-open the database.
#   opened again: read all: 100000 rows
#   opened again: second commit: done
# shellcheck source=common.sh
. "$(dirname "$0")/common.sh"

mkdir src
cat >Cargo.toml <<'TOML'
[package]
name = "seen"
version = "0.0.0"
edition = "2021"

[dependencies]
redb = "=4.6.0"
TOML
cat >src/main.rs <<'RUST'
use redb::backends::FileBackend;
use redb::{Database, Error, ReadableDatabase, ReadableTable, StorageBackend, TableDefinition};
use std::io;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

const USAGE: TableDefinition<u64, [u8; 100]> = TableDefinition::new("usage");
const ROWS: u64 = 100_000;
static DISK_IS_FULL: AtomicBool = AtomicBool::new(false);

#[derive(Debug)]
struct Disk(FileBackend);

fn room() -> io::Result<()> {
    if DISK_IS_FULL.load(SeqCst) {
        return Err(io::ErrorKind::StorageFull.into());
    }
    Ok(())
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        self.0.len()
    }
    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.0.read(offset, out)
    }
    fn set_len(&self, len: u64) -> io::Result<()> {
        room()?;
        self.0.set_len(len)
    }
    fn sync_data(&self) -> io::Result<()> {
        self.0.sync_data()
    }
    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        room()?;
        self.0.write(offset, data)
    }
}

fn open() -> Database {
    let file = std::fs::OpenOptions::new().read(true).write(true).create(true).truncate(false).open("usage.redb");
    let disk = Disk(FileBackend::new(file.unwrap()).unwrap());
    Database::builder().set_cache_size(1 << 20).create_with_backend(disk).unwrap()
}

fn commit(database: &Database, rows: std::ops::Range<u64>) -> Result<String, Error> {
    let write = database.begin_write()?;
    let mut table = write.open_table(USAGE)?;
    for row in rows {
        table.insert(row, [1; 100])?;
    }
    drop(table);
    write.commit()?;
    Ok("done".into())
}

fn first_row(database: &Database) -> Result<String, Error> {
    Ok(format!("{} bytes", database.begin_read()?.open_table(USAGE)?.get(0)?.unwrap().value().len()))
}

fn all_rows(database: &Database) -> Result<String, Error> {
    let mut rows = 0;
    for row in database.begin_read()?.open_table(USAGE)?.iter()? {
        row?;
        rows += 1;
    }
    Ok(format!("{rows} rows"))
}

fn say(what: &str, outcome: Result<String, Error>) {
    println!("{what}: {}", outcome.unwrap_or_else(|error| format!("no: {error}")));
}

fn main() {
    let database = open();
    say("first commit", commit(&database, 0..ROWS));
    say("read all", all_rows(&database));
    say("read the first", first_row(&database));
    DISK_IS_FULL.store(true, SeqCst);
    say("second commit, disk full", commit(&database, ROWS..ROWS + 1));
    DISK_IS_FULL.store(false, SeqCst);
    say("room again: read the first", first_row(&database));
    say("room again: read all", all_rows(&database));
    say("room again: second commit", commit(&database, ROWS..ROWS + 1));
    drop(database);
    let database = open();
    say("opened again: read all", all_rows(&database));
    say("opened again: second commit", commit(&database, ROWS..ROWS + 1));
}
RUST
cargo build --quiet -j1

still_prints target/debug/seen
