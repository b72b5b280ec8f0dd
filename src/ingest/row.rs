//! A row of a table, from CSV or JSON, and the event that is being made of it.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::json::object;
use super::number::parse_whole;
use crate::model::PicoUsd;

/// The names of columns, as they are and as they are compared.
#[derive(Debug, Default)]
pub(super) struct Header {
    pub names: Vec<String>,
    /// By exact name; the first of those that share one.
    exact: HashMap<String, usize>,
    /// By [`plain`] name.
    plain: HashMap<String, usize>,
}

impl Header {
    pub fn new(names: Vec<String>) -> Header {
        let mut header = Header { names, ..Header::default() };
        for (at, name) in header.names.iter().enumerate() {
            header.exact.entry(name.clone()).or_insert(at);
            header.plain.entry(plain(name)).or_insert(at);
        }
        header
    }

    /// The column of this name, or of one that differs in capitals, spaces and units.
    pub fn find(&self, name: &str) -> Option<usize> {
        self.exact(name).or_else(|| self.plain.get(&plain(name)).copied())
    }

    pub fn exact(&self, name: &str) -> Option<usize> {
        self.exact.get(name).copied()
    }
}

/// A column's name without what programs and people write differently: `Spend ($)` is `spend`.
pub(super) fn plain(name: &str) -> String {
    let words = name.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    let name = words.collect::<Vec<_>>().join("_").to_lowercase();
    name.strip_suffix("_usd").map(str::to_owned).unwrap_or(name)
}

/// A column's plain name in one piece: `prompt_tokens` and `Prompt Tokens` are `prompttokens`.
pub(super) fn undivided(name: &str) -> String {
    plain(name).replace('_', "")
}

/// The fields of a JSON object as they are written.
#[derive(Debug, Default)]
pub(super) struct Fields<'a>(pub HashMap<Cow<'a, str>, &'a RawValue>);

impl<'a> Deserialize<'a> for Fields<'a> {
    fn deserialize<D: Deserializer<'a>>(deserializer: D) -> Result<Fields<'a>, D::Error> {
        struct OfFields;

        impl<'a> Visitor<'a> for OfFields {
            type Value = Fields<'a>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<Fields<'a>, A::Error> {
                let mut fields = HashMap::new();
                while let Some((name, value)) = map.next_entry::<Key<'a>, &RawValue>()? {
                    if let Some(before) = fields.insert(name.0.clone(), value)
                        && before.get() != value.get()
                    {
                        return Err(serde::de::Error::custom(format_args!("it has '{}' twice", name.0)));
                    }
                }
                Ok(Fields(fields))
            }
        }

        deserializer.deserialize_map(OfFields)
    }
}

/// A name that is not copied unless it has escapes.
#[derive(Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'a> Fields<'a> {
    pub fn read(json: &'a str) -> Result<Fields<'a>, serde_json::Error> {
        object(json)
    }

    /// The text of the value of a field that is there.
    pub fn get(&self, name: &str) -> Option<&'a str> {
        self.0.get(name).map(|value| value.get()).filter(|value| *value != "null")
    }
}

/// One row of a table.
pub(super) enum Row<'a> {
    Cells { header: &'a Header, cells: &'a csv::ByteRecord },
    Object(Fields<'a>),
}

/// What a row has in a column: a text, or JSON that is none.
#[derive(Debug)]
pub(super) enum Value<'a> {
    Text(Cow<'a, str>),
    Json(Cow<'a, str>),
}

impl Value<'_> {
    pub fn as_str(&self) -> &str {
        match self {
            Value::Text(text) | Value::Json(text) => text,
        }
    }
}

impl<'a> Row<'a> {
    /// The value in a column, if there is one. `a.b` is the field `b` of the JSON object in column `a`.
    pub fn value(&self, column: &str) -> Result<Option<Value<'a>>, String> {
        if let Some(value) = self.whole(column)? {
            return Ok(Some(value));
        }
        let Some((first, rest)) = column.split_once('.') else { return Ok(None) };
        Ok(self.whole(first)?.and_then(|value| within(value.as_str(), rest)))
    }

    /// The text of a value that is there; of a number its digits.
    pub fn text(&self, column: &str) -> Result<Option<Cow<'a, str>>, String> {
        Ok(self.value(column)?.map(|value| match value {
            Value::Text(text) | Value::Json(text) => text,
        }))
    }

    /// Whether there is such a column, be it empty.
    pub fn has(&self, column: &str) -> bool {
        match self {
            Row::Cells { header, .. } => header.find(column).is_some(),
            Row::Object(fields) => fields.0.contains_key(column),
        }
    }

    fn whole(&self, column: &str) -> Result<Option<Value<'a>>, String> {
        match self {
            Row::Cells { header, cells } => match header.find(column) {
                Some(at) => cell(header, cells, at),
                None => Ok(None),
            },
            Row::Object(fields) => Ok(fields.get(column).and_then(of_json)),
        }
    }
}

/// What ClickHouse writes in CSV for what is not there.
const NULL: &str = "\\N";

/// A cell that is not empty.
pub(super) fn cell<'a>(header: &Header, cells: &'a csv::ByteRecord, at: usize) -> Result<Option<Value<'a>>, String> {
    let bytes = cells.get(at).unwrap_or_default();
    let text = std::str::from_utf8(bytes)
        .map_err(|_| format!("column {}: the text is not UTF-8; save the file as CSV UTF-8", header.names[at]))?;
    let text = text.trim();
    let is_there = !text.is_empty() && text != NULL;
    Ok(is_there.then(|| Value::Text(map_as_json(text).map_or(text.into(), Cow::from))))
}

/// A map as ClickHouse writes it in CSV, `{'input':10}`, as JSON.
fn map_as_json(text: &str) -> Option<String> {
    let mut json = String::new();
    let mut rest = text.strip_prefix('{').filter(|rest| rest.starts_with('\''))?.chars();
    json.push('{');
    while let Some(c) = rest.next() {
        match c {
            '\'' => json.push('"'),
            '"' => json.push_str("\\\""),
            '\\' => match rest.next()? {
                '\'' => json.push('\''),
                escaped => json.extend(['\\', escaped]),
            },
            c => json.push(c),
        }
    }
    object::<IgnoredAny>(&json).is_ok().then_some(json)
}

/// A JSON value that is neither `null` nor an empty text.
pub(super) fn of_json(json: &str) -> Option<Value<'_>> {
    match unquoted(json)? {
        text if json.starts_with('"') => {
            let text = match text {
                Cow::Borrowed(text) => Cow::Borrowed(text.trim()),
                Cow::Owned(text) => Cow::Owned(text.trim().to_owned()),
            };
            (!text.is_empty()).then_some(Value::Text(text))
        }
        text => (text != "null").then_some(Value::Json(text)),
    }
}

/// The value at a path in the text of an object; objects in it may be texts themselves, as in a column of a table.
fn within<'b>(json: &str, path: &str) -> Option<Value<'b>> {
    let fields = Fields::read(json).ok()?;
    let owned = |value: Value<'_>| match value {
        Value::Text(text) => Value::Text(Cow::Owned(text.into_owned())),
        Value::Json(text) => Value::Json(Cow::Owned(text.into_owned())),
    };
    if let Some(value) = fields.get(path) {
        return of_json(value).map(owned);
    }
    let (first, rest) = path.split_once('.')?;
    within(&unquoted(fields.get(first)?)?, rest)
}

/// The text that a JSON string says; of other values the text that they are.
pub(super) fn unquoted(json: &str) -> Option<Cow<'_, str>> {
    let Some(inner) = json.strip_prefix('"') else { return Some(json.into()) };
    match inner.strip_suffix('"') {
        Some(inner) if !inner.contains('\\') => Some(inner.into()),
        _ => serde_json::from_str::<String>(json).ok().map(Cow::from),
    }
}

pub(super) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// An event in the making: the JSON of its fields.
#[derive(Debug, Default, Clone)]
pub(super) struct Draft(Vec<(&'static str, String)>);

impl Draft {
    pub fn get(&self, field: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| *known == field).map(|(_, json)| json.as_str())
    }

    pub fn has(&self, field: &str) -> bool {
        self.get(field).is_some()
    }

    /// Gives a field that has none a value, if there is one, in one line. Only texts of JSON keep their line breaks, and
    /// these are escaped.
    pub fn put(&mut self, field: &'static str, json: Option<&str>) {
        if let Some(json) = json {
            self.0.push((field, json.replace(['\n', '\r'], " ")));
        }
    }

    pub fn fields(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.0.iter().map(|(field, json)| (*field, json.as_str()))
    }

    /// The text of an object of the fields.
    pub fn json(&self) -> String {
        let mut line = Vec::new();
        self.write(&mut line);
        String::from_utf8(line).expect("it is made of texts")
    }

    /// Gives a field a value, in place of any it has.
    pub fn set(&mut self, field: &'static str, json: impl Into<String>) {
        match self.0.iter_mut().find(|(known, _)| *known == field) {
            Some((_, value)) => *value = json.into(),
            None => self.0.push((field, json.into())),
        }
    }

    /// Gives a field that has none a text.
    pub fn fill(&mut self, field: &'static str, text: &str) {
        if !self.has(field) {
            self.set(field, quoted(text));
        }
    }

    pub fn remove(&mut self, field: &str) {
        self.0.retain(|(known, _)| *known != field);
    }

    /// A number of tokens or calls; 0 when it is not there, or is no such number, which the event's reader will say.
    pub fn whole(&self, field: &str) -> u64 {
        self.get(field).and_then(parse_whole).unwrap_or(0)
    }

    /// The cost, if it is there and one that an event may have.
    pub fn cost(&self) -> Option<PicoUsd> {
        self.get("cost").and_then(|cost| PicoUsd::parse_event_cost(cost).ok())
    }

    /// Appends the event as a line of JSON.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.push(b'{');
        for (at, (field, json)) in self.0.iter().enumerate() {
            if at > 0 {
                out.push(b',');
            }
            out.extend_from_slice(format!("\"{field}\":{json}").as_bytes());
        }
        out.extend_from_slice(b"}\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_of_clickhouse_are_read_as_json_and_its_null_as_nothing() {
        let header = Header::new(vec!["a".into()]);
        for (text, expected) in [
            ("{'input':10,'output':5}", Some(r#"{"input":10,"output":5}"#)),
            (r#"{'said':'it\'s "so" \\ {1}'}"#, Some(r#"{"said":"it's \"so\" \\ {1}"}"#)),
            ("{'cut", Some("{'cut")),
            ("{}", Some("{}")),
            (r#"{"a":1}"#, Some(r#"{"a":1}"#)),
            ("it's {'plain'}", Some("it's {'plain'}")),
            ("\\N", None),
            (" ", None),
        ] {
            let cells = csv::ByteRecord::from(vec![text]);
            let value = cell(&header, &cells, 0).unwrap();
            assert_eq!(value.as_ref().map(Value::as_str), expected, "{text}");
        }
    }
}
