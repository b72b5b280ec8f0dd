//! A cluster in memory, for tests: shards that keep the latest row of each key and answer what Rollcall asks, over HTTP. They
//! can die in the middle of something, and hang.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::address::Address;
use super::client::Client;
use super::rows::{ReadRow, WriteRow};
use super::schema;

/// A field of a row.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Field {
    Text(Vec<u8>),
    Number(i128),
}

pub type Row = BTreeMap<String, Field>;

/// A table of a shard.
struct Table {
    columns: Vec<(String, String)>,
    order: Vec<String>,
    version: Option<String>,
    rows: BTreeMap<Vec<Field>, Row>,
}

/// What all shards are made of.
pub struct Cluster {
    shards: Vec<Arc<Shard>>,
    /// Requests that are still answered; afterwards every connection is closed.
    left: Arc<AtomicI64>,
}

struct Shard {
    number: usize,
    port: u16,
    tables: Mutex<BTreeMap<String, Table>>,
    hangs: AtomicBool,
}

/// Called with every table of usage and records, by shard, after each request.
pub type Watch = Arc<dyn Fn(&[Vec<Row>], &[Vec<Row>]) + Send + Sync>;

impl Cluster {
    pub fn start(count: usize, watch: Option<Watch>) -> Cluster {
        let listeners: Vec<TcpListener> = (0..count).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
        let shards = listeners.iter().enumerate().map(|(number, listener)| {
            let port = listener.local_addr().unwrap().port();
            Arc::new(Shard { number, port, tables: Mutex::new(tables()), hangs: AtomicBool::new(false) })
        });
        let shards: Vec<Arc<Shard>> = shards.collect();
        let left = Arc::new(AtomicI64::new(i64::MAX));
        for (shard, listener) in shards.iter().cloned().zip(listeners) {
            let (all, left, watch) = (shards.clone(), left.clone(), watch.clone());
            std::thread::spawn(move || {
                for stream in listener.incoming() {
                    let (shard, all, left, watch) = (shard.clone(), all.clone(), left.clone(), watch.clone());
                    std::thread::spawn(move || serve(stream.unwrap(), &shard, &all, &left, watch.as_ref()));
                }
            });
        }
        Cluster { shards, left }
    }

    pub fn client(&self) -> Client {
        let hosts: Vec<String> = self.shards.iter().map(|shard| format!("127.0.0.1:{}", shard.port)).collect();
        let cluster = if hosts.len() > 1 { "?cluster=two" } else { "" };
        Client::new(Address::parse(&format!("clickhouse://{}/usage{cluster}", hosts.join(","))).unwrap()).unwrap()
    }

    /// Dies after so many more requests, the last of which is done and not answered.
    pub fn dies_after(&self, requests: i64) {
        self.left.store(requests, Ordering::SeqCst);
    }

    pub fn is_dead(&self) -> bool {
        self.left.load(Ordering::SeqCst) <= 0
    }

    pub fn lives_again(&self) {
        self.left.store(i64::MAX, Ordering::SeqCst);
    }

    pub fn hang(&self, shard: usize, hangs: bool) {
        self.shards[shard].hangs.store(hangs, Ordering::SeqCst);
    }

    pub fn rows(&self, shard: usize, table: &str) -> Vec<Row> {
        rows_of(&self.shards[shard], table)
    }
}

fn rows_of(shard: &Shard, table: &str) -> Vec<Row> {
    shard.tables.lock().unwrap()[table].rows.values().cloned().collect()
}

fn tables() -> BTreeMap<String, Table> {
    let described = schema::described().into_iter().map(|(name, columns, engine)| {
        let order = engine.split_once("ORDER BY ").unwrap().1.trim_matches(['(', ')']);
        let order = order.split(", ").map(str::to_owned).collect();
        let version = engine.strip_prefix("ReplacingMergeTree(").map(|rest| rest.split_once(')').unwrap().0.to_owned());
        (name, Table { columns, order, version, rows: BTreeMap::new() })
    });
    described.collect()
}

fn serve(mut stream: TcpStream, shard: &Shard, all: &[Arc<Shard>], left: &AtomicI64, watch: Option<&Watch>) {
    let (mut bytes, mut part) = (Vec::new(), [0; 65536]);
    loop {
        let head = loop {
            if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
                break String::from_utf8(bytes.drain(..end + 4).collect()).unwrap();
            }
            match stream.read(&mut part) {
                Ok(0) | Err(_) => return,
                Ok(read) => bytes.extend_from_slice(&part[..read]),
            }
        };
        let length =
            head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.trim().parse().ok());
        let length: usize = length.unwrap_or(0);
        while bytes.len() < length {
            match stream.read(&mut part) {
                Ok(0) | Err(_) => return,
                Ok(read) => bytes.extend_from_slice(&part[..read]),
            }
        }
        let body: Vec<u8> = bytes.drain(..length).collect();
        while shard.hangs.load(Ordering::SeqCst) {
            std::thread::sleep(Duration::from_millis(5));
        }
        let left = left.fetch_sub(1, Ordering::SeqCst);
        if left <= 0 {
            return;
        }
        let target = head.lines().next().unwrap().replace("%20", "+");
        let answer = match target.split_once("INSERT+INTO+") {
            Some((_, rest)) => {
                let mut tables = shard.tables.lock().unwrap();
                tables.get_mut(rest.split('+').next().unwrap()).unwrap().insert(&body);
                Vec::new()
            }
            None => answer(shard, all, &String::from_utf8(body).unwrap()),
        };
        if let Some(watch) = watch {
            let each = |table: &str| all.iter().map(|shard| rows_of(shard, table)).collect::<Vec<_>>();
            watch(&each("usage_local"), &each("records_local"));
        }
        if left == 1 {
            return;
        }
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", answer.len());
        if stream.write_all(&[head.as_bytes(), &answer].concat()).is_err() {
            return;
        }
    }
}

impl Table {
    fn insert(&mut self, rows: &[u8]) {
        let mut from = ReadRow::new(rows);
        while from.has_more().unwrap() {
            let mut row = Row::new();
            for (name, kind) in &self.columns {
                let field = match kind.as_str() {
                    "String" => Field::Text(from.bytes().unwrap()),
                    "UInt8" => Field::Number(from.u8().unwrap().into()),
                    "UInt64" => Field::Number(from.u64().unwrap().into()),
                    "Decimal(38, 12)" => Field::Number(from.i128().unwrap()),
                    _ => Field::Number(from.u32().unwrap().into()),
                };
                row.insert(name.clone(), field);
            }
            let key: Vec<Field> = self.order.iter().map(|name| row[name].clone()).collect();
            let version = self.version.as_ref().expect("rows are put where they have a version");
            if self.rows.get(&key).is_none_or(|before| before[version] <= row[version]) {
                self.rows.insert(key, row);
            }
        }
    }
}

/// What a shard says to a query.
fn answer(shard: &Shard, all: &[Arc<Shard>], sql: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let is_cluster = all.len() > 1;
    if sql.contains("system.columns") || sql.contains("system.tables") {
        for (table, columns, engine) in schema::described() {
            let distributed = table.strip_suffix("_local").filter(|name| is_cluster && *name != "schema");
            let engines = [Some((table.as_str(), engine.as_str())), distributed.map(|name| (name, "Distributed(two)"))];
            for (name, engine) in engines.into_iter().flatten() {
                if sql.contains("system.tables") {
                    [name, engine].iter().for_each(|text| out.text(text.as_bytes()));
                    continue;
                }
                for (column, kind) in &columns {
                    [name, column, kind].iter().for_each(|text| out.text(text.as_bytes()));
                }
            }
        }
    } else if sql.contains("system.clusters") {
        for each in all {
            out.u32(each.number as u32 + 1);
            out.u8(u8::from(each.number == shard.number));
            out.text(b"127.0.0.1");
        }
    } else if sql.contains("FROM schema_local") {
        out.u32(schema::SCHEMA_VERSION);
        out.u64(1);
    } else if sql.contains("toUnixTimestamp(now())") {
        out.u64(1_780_315_200);
    } else if sql.starts_with("SELECT count() FROM system.settings") {
        out.u64(0);
    } else if !sql.contains("system.settings") {
        let (select, rest) = sql.strip_prefix("SELECT ").unwrap().split_once(" FROM ").unwrap();
        let (rest, _) = rest.split_once(" FORMAT RowBinary").unwrap();
        let (rest, _) = rest.split_once(" GROUP BY ").unwrap_or((rest, ""));
        let (table, only) = rest.split_once(" WHERE ").unwrap_or((rest, "1"));
        let tables = shard.tables.lock().unwrap();
        let table = &tables[table.split(' ').next().unwrap()];
        let rows: Vec<&Row> =
            table.rows.values().filter(|row| split(only, " AND ").iter().all(|one| holds(row, one))).collect();
        select_from(table, select, &rows, sql.contains(" GROUP BY "), &mut out);
    }
    out
}

fn select_from(table: &Table, select: &str, rows: &[&Row], is_grouped: bool, out: &mut Vec<u8>) {
    let is_distinct = select.starts_with("DISTINCT ");
    let items = split(select.trim_start_matches("DISTINCT "), ", ");
    let is_sum = |item: &str| ["sum(", "count()", "max(", "min("].iter().any(|of| item.contains(of));
    let mut groups: BTreeMap<Vec<Vec<u8>>, Vec<&Row>> = BTreeMap::new();
    for (number, row) in rows.iter().enumerate() {
        let mut key: Vec<Vec<u8>> =
            items.iter().filter(|item| !is_sum(item)).map(|item| written(table, item, &[row])).collect();
        if !is_grouped && !is_distinct && !items.iter().any(|item| is_sum(item)) {
            key.push(number.to_be_bytes().to_vec());
        }
        groups.entry(key).or_default().push(row);
    }
    if groups.is_empty() && !is_grouped && items.iter().any(|item| is_sum(item)) {
        groups.insert(Vec::new(), Vec::new());
    }
    for rows in groups.values() {
        items.iter().for_each(|item| out.extend(written(table, item, rows)));
    }
}

fn number(row: &Row, column: &str) -> i128 {
    match &row[column] {
        Field::Number(number) => *number,
        Field::Text(_) => panic!("{column} is no number"),
    }
}

/// What is selected of some rows, as it is sent.
fn written(table: &Table, item: &str, rows: &[&Row]) -> Vec<u8> {
    let mut out = Vec::new();
    if item.ends_with(" AS piece") {
        // Tests ask for windows of one piece.
        out.u32(0);
    } else if item == "count()" {
        out.u64(rows.len() as u64);
    } else if let Some(column) = item.strip_prefix("sum(") {
        let column = column.trim_start_matches("toDecimal128(").trim_end_matches(')').trim_end_matches(", 0");
        out.i128(rows.iter().map(|row| number(row, column)).sum());
    } else if item == "toUInt32(toYYYYMM(at))" {
        // Tests have usage of one month.
        out.u32(202_606);
    } else if item.starts_with("toUInt32(") {
        let all = rows.iter().map(|row| number(row, "at"));
        let at = if item.contains("max(") { all.max() } else { all.min() };
        out.u32(at.unwrap_or_default() as u32);
    } else {
        let (_, kind) =
            table.columns.iter().find(|(name, _)| name == item).unwrap_or_else(|| panic!("{item} of {item}"));
        match (&rows[0][item], kind.as_str()) {
            (Field::Text(text), _) => out.text(text),
            (Field::Number(value), "UInt8") => out.u8(*value as u8),
            (Field::Number(value), "UInt64") => out.u64(*value as u64),
            (Field::Number(value), _) => out.i128(*value),
        }
    }
    out
}

/// Whether a condition is true of a row.
fn holds(row: &Row, condition: &str) -> bool {
    if condition == "1" || condition.contains(" IN (") {
        return true;
    }
    if condition.starts_with('(') {
        let counts = ["version", "at", "mode", "cost_source", "has_source"];
        return row.iter().any(|(name, field)| !counts.contains(&name.as_str()) && matches!(field, Field::Number(1..)));
    }
    let mut words = condition.splitn(3, ' ');
    let (column, how, value) = (words.next().unwrap(), words.next().unwrap(), words.next().unwrap());
    let value = match value.strip_prefix('\'') {
        Some(text) => Field::Text(text.trim_end_matches('\'').as_bytes().to_vec()),
        None => Field::Number(value.trim_start_matches("toDateTime(").trim_end_matches(')').parse().unwrap()),
    };
    let field = &row[column];
    match how {
        "=" => *field == value,
        "!=" => *field != value,
        ">" => *field > value,
        ">=" => *field >= value,
        "<" => *field < value,
        _ => panic!("{condition}"),
    }
}

/// The parts of a list, of which brackets are one.
fn split<'a>(text: &'a str, by: &str) -> Vec<&'a str> {
    let (mut parts, mut depth, mut start) = (Vec::new(), 0, 0);
    for (at, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ if depth == 0 && at >= start && text[at..].starts_with(by) => {
                parts.push(&text[start..at]);
                start = at + by.len();
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}
