//! A log record as it stands in a body: when it is of, what it is called, and the attributes that say something.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::attributes::{AnyValue, Attributes, Value, any_value};
use super::protobuf::{Field, fields};
use super::span::{SpanIds, id_of, id_of_json};
use super::{Raw, ms_of_nanos, nanos_of_json};
use crate::calendar::parse_rfc3339;
use crate::ingest::field::{missing, text};
use crate::ingest::json::{object, present};
use crate::ingest::usage::Figures;
use crate::model::UnixMs;

/// What is read of a log record.
pub struct Record<'a> {
    /// When it happened by its own field, which some leave at 0.
    time_nanos: u64,
    /// When the client's logging saw it.
    pub observed_nanos: u64,
    /// The trace it is part of, and the span it was written within.
    pub ids: SpanIds,
    body: Option<Value<'a>>,
    event_name: Option<Cow<'a, str>>,
    pub attributes: Attributes<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RecordFields<'a> {
    #[serde(borrow, alias = "time_unix_nano")]
    time_unix_nano: Option<&'a RawValue>,
    #[serde(borrow, alias = "observed_time_unix_nano")]
    observed_time_unix_nano: Option<&'a RawValue>,
    #[serde(borrow, alias = "trace_id")]
    trace_id: Option<&'a RawValue>,
    #[serde(borrow, alias = "span_id")]
    span_id: Option<&'a RawValue>,
    #[serde(borrow)]
    body: Option<&'a RawValue>,
    #[serde(borrow, alias = "event_name")]
    event_name: Option<&'a RawValue>,
    #[serde(borrow)]
    attributes: Option<&'a RawValue>,
}

impl<'a> Record<'a> {
    pub(super) fn read(record: Raw<'a>, projects: &'a [String]) -> Result<Record<'a>, String> {
        match record {
            Raw::Protobuf(message) => Record::read_protobuf(message, projects),
            Raw::Json(value) => Record::read_json(value, projects),
        }
    }

    fn read_protobuf(message: &'a [u8], projects: &'a [String]) -> Result<Record<'a>, String> {
        let broken = |error| format!("a log record could not be read: {error}");
        let mut record = Record {
            time_nanos: 0,
            observed_nanos: 0,
            ids: SpanIds::default(),
            body: None,
            event_name: None,
            attributes: Attributes::new(projects),
        };
        let (mut trace, mut span) = (&[][..], &[][..]);
        for field in fields(message) {
            match field.map_err(broken)? {
                (1, Field::Fixed64(nanos)) => record.time_nanos = nanos,
                (11, Field::Fixed64(nanos)) => record.observed_nanos = nanos,
                (5, Field::Bytes(body)) => record.body = any_value(body).map_err(broken)?,
                (6, Field::Bytes(pair)) => record.attributes.take_protobuf(pair).map_err(broken)?,
                (9, Field::Bytes(id)) => trace = id,
                (10, Field::Bytes(id)) => span = id,
                (12, Field::Bytes(name)) => {
                    record.event_name = std::str::from_utf8(name).ok().map(Cow::Borrowed);
                }
                _ => {}
            }
        }
        record.ids = SpanIds::new(id_of(trace), id_of(span));
        Ok(record)
    }

    fn read_json(value: &'a RawValue, projects: &'a [String]) -> Result<Record<'a>, String> {
        let broken = |error| format!("a log record could not be read: {error}");
        let fields: RecordFields<'a> = object(value.get()).map_err(broken)?;
        let mut attributes = Attributes::new(projects);
        if let Some(list) = present(fields.attributes) {
            attributes.take_json(list).map_err(broken)?;
        }
        let body = present(fields.body).map(|body| object::<AnyValue<'a>>(body.get()));
        Ok(Record {
            time_nanos: nanos_of_json(fields.time_unix_nano).unwrap_or(0),
            observed_nanos: nanos_of_json(fields.observed_time_unix_nano).unwrap_or(0),
            ids: SpanIds::new(id_of_json(fields.trace_id), id_of_json(fields.span_id)),
            body: body.transpose().map_err(broken)?.and_then(|body| body.value()),
            event_name: present(fields.event_name).and_then(|name| text("eventName", name).ok()),
            attributes,
        })
    }

    /// The name of what it reports, where it begins as one of these clients' do. It stands in an attribute, in a field, or
    /// is the body; the field may be a line of the client's source instead.
    pub fn name(&self, clients: &[&str]) -> Option<Cow<'a, str>> {
        let body = match &self.body {
            Some(Value::Text(body)) => Some(body.clone()),
            _ => None,
        };
        let names = [self.attributes.text(&["event.name"]), self.event_name.clone(), body];
        names.into_iter().flatten().find(|name| clients.iter().any(|client| name.starts_with(client)))
    }

    pub fn text(&self, name: &str) -> Option<Cow<'a, str>> {
        self.attributes.text(&[name])
    }

    pub fn count(&self, name: &str) -> Result<Option<u64>, String> {
        self.attributes.count(&[name])
    }

    pub fn status(&self) -> Result<Option<u16>, String> {
        let status =
            self.attributes.count(&["status_code"])?.or(self.attributes.count(&["http.response.status_code"])?);
        Ok(status.and_then(|status| u16::try_from(status).ok()))
    }

    /// When it was written, which is when what it reports has ended.
    pub fn end(&self) -> Result<UnixMs, String> {
        if self.time_nanos > 0 {
            return Ok(ms_of_nanos(self.time_nanos));
        }
        let told = self.text("event.timestamp").and_then(|time| parse_rfc3339(&time));
        let observed = (self.observed_nanos > 0).then(|| ms_of_nanos(self.observed_nanos));
        told.or(observed).ok_or_else(|| missing("timeUnixNano"))
    }

    /// When what it reports began, as far as it says how long that took.
    pub fn start(&self) -> Result<UnixMs, String> {
        let took_ms = self.count("duration_ms")?.unwrap_or(0);
        Ok(self.end()?.saturating_sub_unsigned(took_ms))
    }

    /// What it says of tokens, by the names that Codex and Gemini CLI have for them.
    pub fn figures(&self) -> Result<Figures, String> {
        Ok(Figures {
            input: self.count("input_token_count")?,
            output: self.count("output_token_count")?,
            reasoning: self.count("reasoning_token_count")?.or(self.count("thoughts_token_count")?),
            cached: self.count("cached_token_count")?.or(self.count("cached_content_token_count")?),
            cache_write: self.count("cache_write_token_count")?,
            ..Figures::default()
        })
    }

    /// What tells a record from others of its client when nothing in it is an id: what it is about, and when.
    pub fn own_id(&self, client: &str, about: &[&str]) -> Result<String, String> {
        let moment = if self.observed_nanos > 0 { self.observed_nanos.to_string() } else { self.end()?.to_string() };
        let mut id = format!("{client}\n{moment}");
        for name in about {
            id.push('\n');
            id.push_str(&self.text(name).unwrap_or_default());
        }
        Ok(id)
    }
}
