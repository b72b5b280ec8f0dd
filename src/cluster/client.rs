//! Asking and telling the servers of a cluster, over HTTP.

use std::io::{BufReader, Read};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig};

use super::address::{Address, Host};
use super::rows::ReadRow;

/// A server that does not take the connection by then is away.
const CONNECT: Duration = Duration::from_secs(3);
/// How long a query may take unless its asker waits for less: sums of whole tables, and tables that are made.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long an insert may: less than a node keeps its place on the other shards for.
const INSERT: Duration = Duration::from_secs(12);
/// How rows are put, where a server knows of it (an older one refuses whatever has a setting that it does not know): at
/// once and as one block, and whatever the number of months.
const INSERT_SETTINGS: [&str; 2] = ["async_insert", "max_partitions_per_insert_block"];
/// What of an answer that is no answer is shown.
const SHOWN: usize = 400;

/// Codes of ClickHouse for a user who is not known, has another password, comes from elsewhere or may not.
const NOT_ALLOWED: [u32; 9] = [164, 192, 193, 194, 195, 291, 392, 497, 516];

/// Why a cluster did not do what it was asked.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ClusterError {
    /// *Busy.*
    #[error("{host} cannot be reached: {error}")]
    Unreachable { host: String, error: String },
    /// *Caller.*
    #[error("{host} refuses the user '{user}': {text}")]
    NotAllowed { host: String, user: String, text: String },
    /// The server says what is wrong, by its own number. *Caller, or broken.*
    #[error("{host} answered with error {code}: {text}")]
    Answered { host: String, code: u32, text: String },
    /// Tables, or what is in them, are not what they should be. *Caller.*
    #[error("{0}")]
    Wrong(String),
}

impl ClusterError {
    /// Whether it may pass by itself.
    pub fn is_passing(&self) -> bool {
        matches!(self, ClusterError::Unreachable { .. } | ClusterError::Answered { .. })
    }
}

/// Rows as they come.
pub type Answer = ReadRow<BufReader<Box<dyn Read + Send + Sync>>>;

/// Speaks to the servers of a cluster, each by its number from 0. Its clones share connections.
#[derive(Clone)]
pub struct Client {
    agent: ureq::Agent,
    address: Address,
    /// By server: which settings it knows.
    known: Arc<Vec<OnceLock<Vec<&'static str>>>>,
    patience: Duration,
}

impl Client {
    pub fn new(address: Address) -> Result<Client, ClusterError> {
        let roots = match &address.authority {
            Some(pem) => {
                let items = ureq::tls::parse_pem(pem).filter_map(|item| match item {
                    Ok(PemItem::Certificate(certificate)) => Some(certificate),
                    _ => None,
                });
                let certificates: Vec<Certificate<'static>> = items.collect();
                if certificates.is_empty() {
                    return Err(ClusterError::Wrong("the file named by ca-file has no certificate in it".into()));
                }
                RootCerts::from(certificates)
            }
            None => RootCerts::WebPki,
        };
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            // User and password are for the host that was named.
            .max_redirects(0)
            .proxy(None)
            .tls_config(TlsConfig::builder().root_certs(roots).build())
            .user_agent(concat!("rollcall/", env!("CARGO_PKG_VERSION")))
            .timeout_connect(Some(CONNECT))
            .build();
        let known = address.hosts.iter().map(|_| OnceLock::new()).collect();
        Ok(Client { agent: config.into(), address, known: Arc::new(known), patience: PATIENCE })
    }

    /// The same, for queries that nobody waits longer for. A server may take a connection and never answer.
    pub fn within(&self, patience: Duration) -> Client {
        Client { patience, ..self.clone() }
    }

    /// The same, for what reads much.
    pub fn patiently(&self) -> Client {
        self.within(PATIENCE)
    }

    pub fn address(&self) -> &Address {
        &self.address
    }

    pub fn shards(&self) -> std::ops::Range<usize> {
        0..self.address.hosts.len()
    }

    pub fn host(&self, shard: usize) -> &Host {
        &self.address.hosts[shard]
    }

    /// Asks in the database. The rows are RowBinary: `sql` names that format, and the type of each column.
    pub fn ask(&self, shard: usize, sql: &str) -> Result<Answer, ClusterError> {
        self.post(shard, &[("database", &self.address.database)], sql.as_bytes(), self.patience).map(answer)
    }

    /// The same of the server, which may not have the database.
    pub fn ask_server(&self, shard: usize, sql: &str) -> Result<Answer, ClusterError> {
        self.post(shard, &[], sql.as_bytes(), self.patience).map(answer)
    }

    /// What was read of an answer.
    pub fn read<T>(&self, shard: usize, read: std::io::Result<T>) -> Result<T, ClusterError> {
        read.map_err(|error| ClusterError::Unreachable { host: self.host(shard).to_string(), error: error.to_string() })
    }

    /// Has something done, within the database or, before there is one, without.
    pub fn run(&self, shard: usize, within: bool, sql: &str) -> Result<(), ClusterError> {
        let database = [("database", self.address.database.as_str())];
        let mut body = self.post(shard, if within { &database } else { &[] }, sql.as_bytes(), self.patience)?;
        body.read_to_vec().map(drop).map_err(|error| self.unreachable(shard, &error))
    }

    /// Puts rows into a table. They are there when this returns without an error; after one, some may be.
    pub fn insert(&self, shard: usize, table: &str, rows: &[u8]) -> Result<(), ClusterError> {
        let sql = format!("INSERT INTO {table} FORMAT RowBinary");
        let mut query = vec![("database", self.address.database.as_str()), ("query", &sql)];
        query.extend(self.insert_settings(shard)?.iter().map(|name| (*name, "0")));
        let mut body = self.post(shard, &query, rows, INSERT)?;
        body.read_to_vec().map(drop).map_err(|error| self.unreachable(shard, &error))
    }

    /// Those that a server knows.
    fn insert_settings(&self, shard: usize) -> Result<&[&'static str], ClusterError> {
        if let Some(known) = self.known[shard].get() {
            return Ok(known);
        }
        let names = INSERT_SETTINGS.map(quoted).join(", ");
        let mut rows = self
            .ask_server(shard, &format!("SELECT name FROM system.settings WHERE name IN ({names}) FORMAT RowBinary"))?;
        let mut known = Vec::new();
        while self.read(shard, rows.has_more())? {
            let name = self.read(shard, rows.text())?;
            known.extend(INSERT_SETTINGS.into_iter().find(|setting| *setting == name));
        }
        Ok(self.known[shard].get_or_init(|| known))
    }

    fn post(
        &self,
        shard: usize,
        query: &[(&str, &str)],
        body: &[u8],
        patience: Duration,
    ) -> Result<ureq::Body, ClusterError> {
        let host = self.host(shard);
        let scheme = if self.address.has_tls { "https" } else { "http" };
        let mut request = self
            .agent
            .post(format!("{scheme}://{host}/"))
            // Without this an error after the first bytes is text at the end of a good answer.
            .query("wait_end_of_query", "1")
            .query("max_execution_time", patience.as_secs().max(1).to_string())
            .header("x-clickhouse-user", &self.address.user)
            .header("x-clickhouse-key", &self.address.password);
        for (name, value) in query {
            request = request.query(name, value);
        }
        let request = request.config().timeout_global(Some(patience)).build();
        let mut response = request.send(body).map_err(|error| self.unreachable(shard, &error))?;
        if response.status() == 200 {
            return Ok(response.into_body());
        }
        let status = response.status().as_u16();
        let text = response.body_mut().with_config().limit(1 << 16).lossy_utf8(true).read_to_string();
        Err(self.refusal(shard, status, &text.unwrap_or_default()))
    }

    fn unreachable(&self, shard: usize, error: &ureq::Error) -> ClusterError {
        ClusterError::Unreachable { host: self.host(shard).to_string(), error: error.to_string() }
    }

    /// `Code: 60, e.displayText() = DB::Exception: Table … doesn't exist., e.what() = DB::Exception`, or in newer servers
    /// `Code: 60. DB::Exception: …`.
    fn refusal(&self, shard: usize, status: u16, text: &str) -> ClusterError {
        let host = self.host(shard).to_string();
        let code = text.split_once("Code: ").map(|(_, rest)| rest.split(|c: char| !c.is_ascii_digit()).next());
        let code = code.flatten().and_then(|code| code.parse().ok());
        let Some(code) = code else {
            let error = format!("it answered {status} without a word of ClickHouse");
            return ClusterError::Unreachable { host, error };
        };
        let text = text.split_once("DB::Exception: ").map_or(text, |(_, text)| text);
        let text = text.split_once(", e.what()").map_or(text, |(text, _)| text).trim();
        let mut text: String = text.chars().take(SHOWN).collect();
        if !self.address.password.is_empty() {
            text = text.replace(&self.address.password, "…");
        }
        if NOT_ALLOWED.contains(&code) {
            ClusterError::NotAllowed { host, user: self.address.user.clone(), text }
        } else {
            ClusterError::Answered { host, code, text }
        }
    }
}

fn answer(body: ureq::Body) -> Answer {
    ReadRow::new(BufReader::with_capacity(1 << 16, Box::new(body.into_reader())))
}

/// A text as SQL has it.
pub fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('\'');
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\'' => out.push_str("\\'"),
            c => out.push(c),
        }
    }
    out.push('\'');
    out
}
