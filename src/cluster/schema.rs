//! The tables of a cluster: what they are, making them, and whether those that are there are these.
//!
//! Each shard has tables of its own, `NAME_local`; where several shards are a cluster, each has `NAME` beside them, which
//! asks all. Nobody writes through `NAME`: what a shard that is down would have taken would wait in files of another.

use std::collections::BTreeMap;

use super::client::{Client, ClusterError, quoted};

/// Raised when tables change. A cluster of another version is refused.
pub const SCHEMA_VERSION: u32 = 1;
/// Who made the tables.
const MADE_BY: &str = "rollcall";
/// From here on a column of names may be told apart by number inside, which takes a tenth of the space. Before, it was
/// experimental.
const LOW_CARDINALITY_SINCE: u32 = 20;

/// A table of each shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Table {
    /// Without `_local`.
    name: &'static str,
    columns: &'static [(&'static str, &'static str)],
    /// The column that says which of several rows of a key counts.
    version: Option<&'static str>,
    partition: Option<&'static str>,
    order: &'static str,
    /// Whether all shards are asked together.
    is_distributed: bool,
}

/// A name, of which there are few beside rows.
const NAME: &str = "Name";

const USAGE: Table = Table {
    name: "usage",
    columns: &[
        ("organization", NAME),
        ("at", "DateTime('UTC')"),
        ("node", NAME),
        ("api_key", NAME),
        ("model", NAME),
        ("provider", NAME),
        ("project", NAME),
        ("source", NAME),
        ("has_source", "UInt8"),
        ("mode", "UInt8"),
        ("cost_source", "UInt8"),
        ("version", "UInt64"),
        ("requests", "UInt64"),
        ("total_tokens", "UInt64"),
        ("input_tokens", "UInt64"),
        ("output_tokens", "UInt64"),
        ("cached_tokens", "UInt64"),
        ("cache_write_tokens", "UInt64"),
        ("reasoning_tokens", "UInt64"),
        ("errors", "UInt64"),
        ("client_errors", "UInt64"),
        ("cache_hits", "UInt64"),
        ("unpriced", "UInt64"),
        ("cost", "Decimal(38, 12)"),
    ],
    version: Some("version"),
    partition: Some("toYYYYMM(at)"),
    // Time before what it is used by: with the key first a year took six times as long.
    order: "(organization, at, node, api_key, model, provider, project, source, has_source, mode, cost_source)",
    is_distributed: true,
};

const RECORDS: Table = Table {
    name: "records",
    columns: &[
        ("organization", "String"),
        ("node", "String"),
        ("kind", "String"),
        ("key", "String"),
        ("version", "UInt64"),
        ("deleted", "UInt8"),
        ("value", "String"),
    ],
    version: Some("version"),
    partition: None,
    order: "(organization, node, kind, key)",
    is_distributed: true,
};

const NODES: Table = Table {
    name: "nodes",
    columns: &[
        ("node", "String"),
        ("epoch", "UInt64"),
        ("version", "UInt64"),
        ("committed_at_ms", "UInt64"),
        ("address", "String"),
        ("lease_ms", "UInt64"),
        ("instance", "String"),
        ("beat", "UInt64"),
    ],
    version: Some("beat"),
    partition: None,
    order: "node",
    is_distributed: true,
};

const SCHEMA: Table = Table {
    name: "schema",
    columns: &[("version", "UInt32"), ("made_by", "String")],
    version: None,
    partition: None,
    order: "version",
    is_distributed: false,
};

const TABLES: [Table; 4] = [USAGE, RECORDS, NODES, SCHEMA];

impl Table {
    fn local(&self) -> String {
        format!("{}_local", self.name)
    }

    fn engine(&self) -> String {
        let partition = self.partition.map(|by| format!(" PARTITION BY {by}")).unwrap_or_default();
        let engine = match self.version {
            Some(version) => format!("ReplacingMergeTree({version})"),
            None => "MergeTree".to_owned(),
        };
        format!("{engine}{partition} ORDER BY {}", self.order)
    }

    fn create(&self, database: &str, name_type: &str) -> String {
        let type_of = |kind: &&str| if *kind == NAME { name_type.to_owned() } else { (*kind).to_owned() };
        let columns: Vec<String> =
            self.columns.iter().map(|(name, kind)| format!("{name} {}", type_of(kind))).collect();
        let columns = columns.join(", ");
        format!("CREATE TABLE IF NOT EXISTS {database}.{} ({columns}) ENGINE = {}", self.local(), self.engine())
    }

    /// Without a key to spread by: rows are where the node put them, whatever a server would work out.
    fn create_distributed(&self, database: &str, cluster: &str) -> String {
        let (name, local) = (self.name, self.local());
        format!(
            "CREATE TABLE IF NOT EXISTS {database}.{name} AS {database}.{local} \
             ENGINE = Distributed({cluster}, {database}, {local})"
        )
    }
}

/// What a server has under one name.
#[derive(Default)]
struct Found {
    columns: BTreeMap<String, String>,
    engine: String,
}

/// Makes what is missing, and nothing else; refuses before it makes anything where a table is another's.
pub fn init(client: &Client) -> Result<(), ClusterError> {
    let address = client.address().clone();
    for shard in client.shards() {
        look(client, shard, false)?;
    }
    for shard in client.shards() {
        let (version, database) = (server_version(client, shard)?, &address.database);
        let name_type = if version >= LOW_CARDINALITY_SINCE { "LowCardinality(String)" } else { "String" };
        client.run(shard, false, &format!("CREATE DATABASE IF NOT EXISTS {database}"))?;
        for table in TABLES {
            client.run(shard, true, &table.create(database, name_type))?;
            if let Some(cluster) = address.cluster.as_ref().filter(|_| table.is_distributed) {
                client.run(shard, true, &table.create_distributed(database, cluster))?;
            }
        }
        if schema_version(client, shard)?.is_none() {
            let (version, who) = (SCHEMA_VERSION, quoted(MADE_BY));
            client.run(
                shard,
                true,
                &format!("INSERT INTO schema_local (version, made_by) VALUES ({version}, {who})"),
            )?;
        }
    }
    check(client)
}

/// Whether every shard has the tables that this version ships to.
pub fn check(client: &Client) -> Result<(), ClusterError> {
    client.shards().try_for_each(|shard| check_shard(client, shard))
}

/// The same of one.
pub(super) fn check_shard(client: &Client, shard: usize) -> Result<(), ClusterError> {
    look(client, shard, true)
}

fn look(client: &Client, shard: usize, is_complete: bool) -> Result<(), ClusterError> {
    let address = client.address();
    look_at_place(client, shard)?;
    let host = client.host(shard);
    let place = |name: &str| format!("{}.{name} on {host}", address.database);
    let (found, mut missing) = (tables(client, shard)?, None);
    for table in TABLES {
        let distributed = address.cluster.iter().filter(|_| table.is_distributed).map(|_| table.name.to_owned());
        for name in [table.local()].into_iter().chain(distributed) {
            match found.get(&name) {
                Some(found) => compare(&table, &place(&name), name == table.name, found)?,
                None => missing = missing.or(Some(name)),
            }
        }
    }
    // What is another's is said first: making what is missing would not help.
    if let Some(name) = missing.filter(|_| is_complete) {
        let command = format!("rollcall cluster init '{address}'");
        return wrong(format!("there is no table {}; make it with {command}", place(&name)));
    }
    if found.contains_key("schema_local") {
        match schema_version(client, shard)? {
            Some(SCHEMA_VERSION) => {}
            None if !is_complete => {}
            found => {
                let found = found.map_or("nothing".to_owned(), |version| format!("version {version}"));
                let table = place("schema_local");
                return wrong(format!(
                    "{table} says {found} in column version, this version of rollcall ships to {SCHEMA_VERSION}: use \
                     the rollcall that made it, or rollcall cluster init with another database"
                ));
            }
        }
    }
    Ok(())
}

fn wrong<T>(what: String) -> Result<T, ClusterError> {
    Err(ClusterError::Wrong(what))
}

fn compare(table: &Table, place: &str, is_distributed: bool, found: &Found) -> Result<(), ClusterError> {
    let advice =
        "rollcall keeps to tables that rollcall cluster init made: name another database, or rename this table";
    for (name, kind) in table.columns {
        let fits = |found: &str| match *kind {
            NAME => matches!(found, "String" | "LowCardinality(String)"),
            kind => found.replace(", ", ",") == kind.replace(", ", ","),
        };
        let wanted = if *kind == NAME { "String" } else { kind };
        match found.columns.get(*name) {
            Some(kind) if fits(kind) => {}
            Some(kind) => return wrong(format!("{place} has a column {name} of type {kind}, not {wanted}; {advice}")),
            None => return wrong(format!("{place} has no column {name} of type {wanted}; {advice}")),
        }
    }
    if let Some(other) = found.columns.keys().find(|name| table.columns.iter().all(|(known, _)| known != name)) {
        return wrong(format!("{place} has a column {other}, which is not rollcall's; {advice}"));
    }
    let is_made_so = match is_distributed {
        true => found.engine.starts_with("Distributed("),
        false => {
            let version = table.version.map(|version| [format!("({version})"), format!(", {version})")]);
            found.engine.contains("MergeTree")
                && table.version.is_some() == found.engine.contains("ReplacingMergeTree")
                && version.is_none_or(|forms| forms.iter().any(|form| found.engine.contains(form)))
                && found.engine.contains(&format!("ORDER BY {}", table.order))
                && table.partition.is_none_or(|by| found.engine.contains(&format!("PARTITION BY {by}")))
        }
    };
    if !is_made_so {
        let engine = if is_distributed { "Distributed".to_owned() } else { table.engine() };
        return wrong(format!("{place} is not of engine {engine}; {advice}"));
    }
    Ok(())
}

/// The tables of the database by name.
fn tables(client: &Client, shard: usize) -> Result<BTreeMap<String, Found>, ClusterError> {
    let database = quoted(&client.address().database);
    let mut found: BTreeMap<String, Found> = BTreeMap::new();
    let sql = format!("SELECT table, name, type FROM system.columns WHERE database = {database} FORMAT RowBinary");
    let mut rows = client.ask_server(shard, &sql)?;
    while client.read(shard, rows.has_more())? {
        let mut text = || client.read(shard, rows.text());
        let (table, name, kind) = (text()?, text()?, text()?);
        found.entry(table).or_default().columns.insert(name, kind);
    }
    let sql = format!("SELECT name, engine_full FROM system.tables WHERE database = {database} FORMAT RowBinary");
    let mut rows = client.ask_server(shard, &sql)?;
    while client.read(shard, rows.has_more())? {
        let name = client.read(shard, rows.text())?;
        found.entry(name).or_default().engine = client.read(shard, rows.text())?;
    }
    Ok(found)
}

fn schema_version(client: &Client, shard: usize) -> Result<Option<u32>, ClusterError> {
    let mut rows = client.ask(shard, "SELECT toUInt32(max(version)), count() FROM schema_local FORMAT RowBinary")?;
    let (version, count) = (client.read(shard, rows.u32())?, client.read(shard, rows.u64())?);
    Ok((count > 0).then_some(version))
}

/// The first number of the server's version.
fn server_version(client: &Client, shard: usize) -> Result<u32, ClusterError> {
    let text = client.read(shard, client.ask_server(shard, "SELECT version() FORMAT RowBinary")?.text())?;
    Ok(text.split('.').next().and_then(|major| major.parse().ok()).unwrap_or_default())
}

/// Whether a server is where the address has it among the shards of its cluster.
fn look_at_place(client: &Client, shard: usize) -> Result<(), ClusterError> {
    let address = client.address();
    let Some(cluster) = &address.cluster else { return Ok(()) };
    let (host, name) = (client.host(shard), quoted(cluster));
    let sql = format!(
        "SELECT toUInt32(shard_num), toUInt8(is_local), host_name FROM system.clusters WHERE cluster = {name} FORMAT RowBinary"
    );
    let mut rows = client.ask_server(shard, &sql)?;
    let mut places = Vec::new();
    while client.read(shard, rows.has_more())? {
        let number = client.read(shard, rows.u32())?;
        places.push((number as usize, client.read(shard, rows.u8())? == 1, client.read(shard, rows.text())?));
    }
    let (shards, named) = (places.iter().map(|place| place.0).max().unwrap_or(0), address.hosts.len());
    if shards != named {
        return wrong(match shards {
            0 => format!("{host} knows no cluster '{cluster}': see system.clusters there, or name it in the address"),
            _ => format!(
                "cluster '{cluster}' has {shards} shards in system.clusters of {host}, the address names {named}"
            ),
        });
    }
    // A server knows itself by address and port; behind another address, by name.
    let own =
        places.iter().find(|(_, is_local, _)| *is_local).or_else(|| places.iter().find(|place| place.2 == host.name));
    match own {
        Some((number, ..)) if *number == shard + 1 => Ok(()),
        Some((number, ..)) => wrong(format!(
            "{host} is shard {number} of cluster '{cluster}', the address has it as shard {}: name the hosts in the order \
             of system.clusters",
            shard + 1
        )),
        None => wrong(format!("{host} is not in cluster '{cluster}' as its system.clusters has it")),
    }
}

/// A table's name, columns and engine.
#[cfg(test)]
type Described = (String, Vec<(String, String)>, String);

/// Each table as a server would tell of it.
#[cfg(test)]
pub(super) fn described() -> Vec<Described> {
    let kind = |kind: &str| if kind == NAME { "String" } else { kind }.to_owned();
    let columns = |table: &Table| table.columns.iter().map(|(name, of)| ((*name).to_owned(), kind(of))).collect();
    TABLES.iter().map(|table| (table.local(), columns(table), table.engine())).collect()
}

/// Of a row of usage: that it is not all zeros, as one that is gone is.
pub(super) const HAS_SOMETHING: &str = "requests > 0 OR total_tokens > 0 OR input_tokens > 0 OR output_tokens > 0 \
    OR cached_tokens > 0 OR cache_write_tokens > 0 OR reasoning_tokens > 0 OR errors > 0 OR client_errors > 0 \
    OR cache_hits > 0 OR unpriced > 0 OR cost != toDecimal128(0, 12)";
