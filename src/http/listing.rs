//! The lists of `/v1`: which part of one is asked for, and the answer as JSON or as a table.

use std::collections::BTreeMap;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::{IntoParams, ToSchema};

use super::App;
use super::access::Caller;
use super::asked::{CACHING, etag, matches, wants_csv};
use super::file_name;
use super::parameters::{MAX_LINES, Parameters, TableFormat};
use super::problem::Problem;
use super::render::{broken, cell};

/// A part of a long list.
#[derive(IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
#[allow(dead_code, reason = "documents what `http::listing` reads")]
pub struct ListParameters {
    /// Entries at most; default all.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
    /// Entries after those of an answer: what its `next` says.
    after: Option<String>,
    /// Only entries with this in a name, an id or an address.
    q: Option<String>,
    /// By `id` or by `name`; default as the list says.
    #[param(inline)]
    sort: Option<ListOrder>,
    /// json (default) or csv (RFC 4180).
    #[param(inline)]
    format: Option<TableFormat>,
}

/// What a list is in the order of.
#[derive(Clone, Copy, ToSchema)]
#[schema(rename_all = "camelCase")]
pub enum ListOrder {
    Id,
    Name,
}

const ORDERS: [(&str, ListOrder); 2] = [("id", ListOrder::Id), ("name", ListOrder::Name)];

/// An entry of a list.
pub trait Entry {
    fn id(&self) -> &str;

    /// What it is found by beside its id; the first is what it is called.
    fn names(&self) -> Vec<&str>;

    /// Where it stands in the list unless that is asked for in another order.
    fn place(&self) -> String {
        self.id().to_owned()
    }
}

/// A place by a day or moment, of those that are written alike: the latest first.
pub fn latest_first(written: &str) -> String {
    written.bytes().map(|byte| char::from(if byte.is_ascii_digit() { b'9' - (byte - b'0') } else { byte })).collect()
}

/// With what it was made of.
impl<A, T: Entry> Entry for (A, T) {
    fn id(&self) -> &str {
        self.1.id()
    }

    fn names(&self) -> Vec<&str> {
        self.1.names()
    }

    fn place(&self) -> String {
        self.1.place()
    }
}

/// A list as a table: what it is called, and its columns. `scope.kind` is a field of a field.
pub struct Table {
    pub name: &'static str,
    pub columns: &'static [&'static str],
}

/// A list that is asked for.
pub struct Listed {
    pub caller: Caller,
    pub parameters: Parameters,
    headers: HeaderMap,
}

impl FromRequestParts<App> for Listed {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Listed, Problem> {
        let caller = Caller::from_request_parts(parts, app).await?;
        let parameters = Parameters::parse(parts.uri.query());
        Ok(Listed { caller, parameters, headers: parts.headers.clone() })
    }
}

impl Listed {
    pub fn part<T: Entry>(&self, entries: impl Iterator<Item = T>) -> Result<(Vec<T>, Option<String>), Problem> {
        part(&self.parameters, entries)
    }

    pub fn wants_csv(&self) -> Result<bool, Problem> {
        wants_csv(&self.parameters, &self.headers)
    }

    /// Answers with `list`, or with a row for each entry of it, unless the asker has that answer already.
    pub fn answer<T: Serialize>(
        &self,
        table: &Table,
        list: &impl Serialize,
        entries: &[T],
    ) -> Result<Response, Problem> {
        let whose = self.parameters.one("organizationId")?.unwrap_or("all");
        self.answer_as(&file_name::of_list(whose, table.name, "csv"), table, list, entries)
    }

    /// The same, with another name for the file.
    pub fn answer_as<T: Serialize>(
        &self,
        file_name: &str,
        table: &Table,
        list: &impl Serialize,
        entries: &[T],
    ) -> Result<Response, Problem> {
        let csv = self.wants_csv()?;
        let bytes = if csv { rows(table.columns, entries)? } else { json(list)? };
        let etag = etag(&[&bytes]);
        if matches(&self.headers, &etag) {
            return Ok((StatusCode::NOT_MODIFIED, CACHING, [(header::ETAG, etag)]).into_response());
        }
        let kind = if csv { "text/csv; charset=utf-8" } else { "application/json" };
        let headers = [(header::CONTENT_TYPE, kind.to_owned()), (header::ETAG, etag)];
        let mut response = (CACHING, headers, bytes).into_response();
        if csv {
            let disposition =
                format!("attachment; filename=\"{file_name}\"").parse().expect("letters, digits and dashes");
            response.headers_mut().insert(header::CONTENT_DISPOSITION, disposition);
        }
        Ok(response)
    }
}

fn json(value: &impl Serialize) -> Result<Vec<u8>, Problem> {
    serde_json::to_vec(value).map_err(|error| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))
}

/// Entries as CSV, a row each.
pub fn rows<T: Serialize>(columns: &[&str], entries: &[T]) -> Result<Vec<u8>, Problem> {
    let mut rows = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    rows.write_record(columns).map_err(broken)?;
    for entry in entries {
        let entry = json(entry)?;
        let entry = std::str::from_utf8(&entry).expect("JSON is UTF-8");
        let cells = columns.iter().map(|column| shown(field(entry, column).as_deref()));
        rows.write_record(cells).map_err(broken)?;
    }
    rows.into_inner().map_err(|error| broken(error.into_error().into()))
}

/// A field's text, as it stands in the JSON of an entry: so that amounts keep their digits. Of a list it is each one's.
fn field(entry: &str, path: &str) -> Option<String> {
    let (name, inside) = path.split_once('.').map_or((path, None), |(name, inside)| (name, Some(inside)));
    let fields: BTreeMap<String, &RawValue> = serde_json::from_str(entry).ok()?;
    let value = fields.get(name)?.get();
    let Some(inside) = inside else { return Some(value.to_owned()) };
    match serde_json::from_str::<Vec<&RawValue>>(value) {
        Ok(list) => {
            let found: Vec<String> = list.iter().filter_map(|one| field(one.get(), inside)).collect();
            Some(format!("[{}]", found.join(",")))
        }
        Err(_) => field(value, inside),
    }
}

/// What stands in a cell: texts without quotes, several values after each other.
fn shown(value: Option<&str>) -> String {
    let value = value.unwrap_or("null");
    match value.as_bytes().first() {
        Some(b'"') => cell(&serde_json::from_str::<String>(value).unwrap_or_default()),
        Some(b'[') => {
            let values: Vec<&RawValue> = serde_json::from_str(value).unwrap_or_default();
            values.into_iter().map(|value| shown(Some(value.get()))).collect::<Vec<_>>().join(" ")
        }
        _ if value == "null" => String::new(),
        _ => value.to_owned(),
    }
}

/// The part of a list that is asked for, and what asks for those after it, while there are more.
pub fn part<T: Entry>(
    parameters: &Parameters,
    entries: impl Iterator<Item = T>,
) -> Result<(Vec<T>, Option<String>), Problem> {
    let limit = parameters.whole("limit", 1..=MAX_LINES)?.map(|limit| limit as usize);
    let after = parameters.one("after")?.map(|text| {
        let mark: Result<(String, String), _> = serde_json::from_str(text);
        mark.map_err(|_| Problem::bad_request(format!("after is '{text}'; give what `next` of an answer says")))
    });
    let (after, order) = (after.transpose()?, parameters.choice("sort", &ORDERS)?);
    let search = parameters.search()?.map(str::to_lowercase);
    let is_found = |entry: &T| {
        let has = |text: &str| search.as_ref().is_none_or(|search| text.to_lowercase().contains(search));
        has(entry.id()) || entry.names().into_iter().any(has)
    };
    let place = |entry: &T| match order {
        None => entry.place(),
        Some(ListOrder::Id) => entry.id().to_owned(),
        Some(ListOrder::Name) => entry.names().first().copied().unwrap_or_default().to_lowercase(),
    };
    let placed = entries.filter(is_found).map(|entry| ((place(&entry), entry.id().to_owned()), entry));
    let mut placed: Vec<((String, String), T)> =
        placed.filter(|(at, _)| after.as_ref().is_none_or(|after| at > after)).collect();
    placed.sort_by(|(a, _), (b, _)| a.cmp(b));
    let more = limit.filter(|limit| placed.len() > *limit);
    placed.truncate(more.unwrap_or(placed.len()));
    let last = placed.last().filter(|_| more.is_some());
    let next = last.map(|(at, _)| serde_json::to_string(at).expect("texts serialize"));
    Ok((placed.into_iter().map(|(_, entry)| entry).collect(), next))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_last_is_first() {
        let written = ["2026-06-01T10:00:00Z", "2026-06-01T09:59:59Z", "2025-12-31T23:59:59Z"];
        assert!(written.map(latest_first).is_sorted());
    }

    #[test]
    fn a_row_has_the_fields_of_an_entry_with_every_digit() {
        let entries = [
            r#"{"id":"=a","scope":{"kind":"team","id":null},"spent":0.100000000001,"percent":[50,80],"on":true}"#,
            r#"{"id":"b","to":[{"url":"x"},{"url":"y"}],"scope":{"kind":"organization"}}"#,
        ];
        let entries = entries.map(|entry| serde_json::from_str::<Box<RawValue>>(entry).unwrap());
        let columns = ["id", "scope.kind", "scope.id", "spent", "percent", "to.url", "on"];
        let table = String::from_utf8(rows(&columns, &entries).unwrap()).unwrap();
        let expected = [
            "id,scope.kind,scope.id,spent,percent,to.url,on",
            "'=a,team,,0.100000000001,50 80,,true",
            "b,organization,,,,x y,",
        ];
        assert_eq!(table.lines().collect::<Vec<_>>(), expected);
    }
}
