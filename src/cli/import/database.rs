//! A gateway's PostgreSQL: its table of calls, page by page.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::path::Path;

use postgres::{Client, Config};

use super::tls::Tls;
use crate::cli::Failure;

/// Rows of a page. With their metadata they are some MiB.
const PAGE: i64 = 2000;
/// What a query may take: a page is read by an index.
const SETTINGS: &str = "SET TIME ZONE 'UTC'; SET default_transaction_read_only = on; SET statement_timeout = '5min'";
/// What a resumed import goes back, as a row is written when its call is over: LiteLLM lets one take 6,000 s.
const OVERLAP: &str = "2 hours";
/// What of a URL PostgreSQL understands; Prisma, whose URLs gateways have, knows more.
const PARAMETERS: [&str; 8] = [
    "application_name",
    "connect_timeout",
    "host",
    "hostaddr",
    "keepalives",
    "options",
    "port",
    "target_session_attrs",
];

/// A table of calls.
pub struct Table {
    pub name: &'static str,
    /// When a call began, in UTC.
    pub time: &'static str,
    pub id: &'static str,
    /// That column as the reader of rows wants it: an expression, and what it is called.
    pub start: (&'static str, &'static str),
    /// Columns that are read where they are.
    pub columns: &'static [&'static str],
    /// What is read from other tables: the table, an expression that asks it, and what that is called.
    pub lookups: &'static [(&'static str, &'static str, &'static str)],
}

/// How far an import has come: after the row that began at this time and has this id.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Position {
    pub time: String,
    pub id: String,
}

/// A row, as an object of its columns in JSON.
pub struct Row {
    pub position: Position,
    pub json: String,
}

/// An open database with the table in it.
pub struct Database {
    client: Client,
    query: String,
    table: &'static Table,
    /// Tells it from others: where it is, and no secret.
    pub name: String,
}

impl Database {
    pub fn open(url: &str, authorities: Option<&Path>, table: &'static Table) -> Result<Database, Failure> {
        let (url, schema) = understood(url);
        // Its own words name what is wrong, and no password.
        let config: Config =
            url.parse().map_err(|e| Failure(format!("that is no URL of a PostgreSQL database: {}", words(&e))))?;
        let mut client = config
            .connect(Tls::new(authorities)?)
            .map_err(|e| Failure(format!("the database cannot be reached: {}", words(&e))))?;
        client.batch_execute(SETTINGS).map_err(failed)?;
        if let Some(schema) = &schema {
            client.execute("SELECT set_config('search_path', quote_ident($1), false)", &[schema]).map_err(failed)?;
        }
        let found = "SELECT table_name::text, column_name::text FROM information_schema.columns \
                     WHERE table_schema = current_schema()";
        let found: BTreeSet<(String, String)> =
            client.query(found, &[]).map_err(failed)?.iter().map(|row| (row.get(0), row.get(1))).collect();
        let has = |column: &str| found.contains(&(table.name.to_owned(), column.to_owned()));
        if let Some(missing) = [table.time, table.id].iter().find(|column| !has(column)) {
            let schema = schema.as_deref().unwrap_or("the search path");
            return Err(Failure(format!("{schema} has no table {} with a column {missing}", table.name)));
        }
        let (start, name) = table.start;
        let mut read: Vec<Cow<'_, str>> = vec![format!("{start} AS {name}").into()];
        read.extend(table.columns.iter().filter(|column| has(column)).map(|column| format!("c.\"{column}\"").into()));
        let there = table.lookups.iter().filter(|(of, ..)| found.iter().any(|(table, _)| table == of));
        read.extend(there.map(|(_, expression, name)| format!("{expression} AS {name}").into()));
        let (of, time, id, read) = (table.name, table.time, table.id, read.join(", "));
        let query = format!(
            "SELECT c.\"{time}\"::text, c.\"{id}\", (SELECT row_to_json(r)::text FROM (SELECT {read}) r) \
             FROM \"{of}\" c WHERE (c.\"{time}\", c.\"{id}\") > ($1::text::timestamp, $2::text) \
             AND c.\"{time}\" < $3::text::timestamp ORDER BY c.\"{time}\", c.\"{id}\" LIMIT {PAGE}"
        );
        let hosts: Vec<String> = config.get_hosts().iter().map(|host| format!("{host:?}")).collect();
        let of: String =
            client.query_one("SELECT current_database() || '/' || current_schema()", &[]).map_err(failed)?.get(0);
        let name = format!("{} {:?} {of}", hosts.join(","), config.get_ports());
        Ok(Database { client, query, table, name })
    }

    /// Seconds since 1970 of the first and the last row there is to read, if there is any.
    pub fn range(&mut self, from: &Position, until: &str) -> Result<Option<(f64, f64)>, Failure> {
        let Table { name, time, .. } = self.table;
        let asked = format!(
            "SELECT extract(epoch FROM min(\"{time}\"))::float8, extract(epoch FROM max(\"{time}\"))::float8 \
             FROM \"{name}\" WHERE \"{time}\" >= $1::text::timestamp AND \"{time}\" < $2::text::timestamp"
        );
        let row = self.client.query_one(&asked, &[&from.time, &until]).map_err(failed)?;
        Ok(row.get::<_, Option<f64>>(0).zip(row.get(1)))
    }

    /// The next rows after a position that began before a time; none at the end.
    pub fn page(&mut self, after: &Position, until: &str) -> Result<Vec<Row>, Failure> {
        let rows = self.client.query(&self.query, &[&after.time, &after.id, &until]).map_err(failed)?;
        let row =
            |row: &postgres::Row| Row { position: Position { time: row.get(0), id: row.get(1) }, json: row.get(2) };
        Ok(rows.iter().map(row).collect())
    }

    /// Where to begin again: before the position by as much as rows may have come late, but not before a time.
    pub fn before(&mut self, position: &Position, from: &str) -> Result<Position, Failure> {
        let asked = format!("SELECT greatest($1::text::timestamp - interval '{OVERLAP}', $2::text::timestamp)::text");
        let row = self.client.query_one(&asked, &[&position.time, &from]).map_err(failed)?;
        Ok(Position { time: row.get(0), id: String::new() })
    }
}

/// A URL with what PostgreSQL's own clients understand, and the schema that Prisma's name.
fn understood(url: &str) -> (String, Option<String>) {
    let Some((address, query)) = url.split_once('?') else { return (url.to_owned(), None) };
    let (mut kept, mut schema) = (form_urlencoded::Serializer::new(String::new()), None);
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        match &*name {
            "schema" => schema = Some(value.into_owned()),
            // Certificates are checked whenever there is TLS.
            "sslmode" if matches!(&*value, "verify-ca" | "verify-full") => {
                kept.append_pair("sslmode", "require");
            }
            "sslmode" => drop(kept.append_pair("sslmode", &value)),
            name if PARAMETERS.contains(&name) => drop(kept.append_pair(name, &value)),
            _ => {}
        }
    }
    let kept = kept.finish();
    (if kept.is_empty() { address.to_owned() } else { format!("{address}?{}", kept.replace('+', "%20")) }, schema)
}

fn failed(error: postgres::Error) -> Failure {
    Failure(format!("the database failed: {}", words(&error)))
}

/// What an error says, and what is behind it.
fn words(error: &postgres::Error) -> String {
    let behind = std::error::Error::source(error);
    behind.map_or_else(|| error.to_string(), |behind| format!("{error}: {behind}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_of_prisma_is_one_of_postgres_and_a_schema() {
        for (url, expected, schema) in [
            ("postgres://u:p@h/d", "postgres://u:p@h/d", None),
            ("postgres://u:p@h/d?schema=llm&connection_limit=10&pool_timeout=60", "postgres://u:p@h/d", Some("llm")),
            ("postgres://u@h/d?sslmode=verify-full&sslrootcert=ca.pem", "postgres://u@h/d?sslmode=require", None),
            ("postgres:///d?host=%2Frun%2Fpg&port=5433", "postgres:///d?host=%2Frun%2Fpg&port=5433", None),
            ("postgres://h/d?options=-c%20a%3Db", "postgres://h/d?options=-c%20a%3Db", None),
        ] {
            assert_eq!(understood(url), (expected.to_owned(), schema.map(str::to_owned)), "{url}");
            assert!(understood(url).0.parse::<Config>().is_ok(), "{url}");
        }
    }
}
