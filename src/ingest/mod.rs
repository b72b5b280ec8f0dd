//! Bytes of a feed → valid events, and one error for each that is not.
//!
//! Owns what each feed looks like and what makes an event valid.
//!
//! Does not know files, sockets or the store: it is given bytes and gives back values.
//!
//! Invariants: a bad event never takes a good one with it; what cannot be read as a feed at all is refused whole;
//! fields nobody asked for are skipped while reading, so prompts and answers never become values.

pub mod assignments;
mod call;
mod cell;
mod collector;
mod csv;
mod event;
mod field;
pub mod formats;
mod guards;
mod intake;
pub mod invoice;
mod json;
mod langfuse;
pub mod litellm;
mod litellm_daily;
pub mod llmgateway;
pub mod mapping;
mod number;
mod openrouter;
pub mod otlp;
mod reason;
mod row;
pub mod rows;
pub mod transcripts;
mod usage;

use serde_json::value::RawValue;

use crate::model::{Batch, UnixMs};
use crate::pricing::PriceBook;
pub use call::{KeyNames, Names};
use collector::Collector;
pub use intake::{entered_rows, refused_rows, skipped_rows};
pub use json::without_nan;

/// What holds for every event of a body.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    pub now: UnixMs,
    pub prices: &'a PriceBook,
    /// The only organization events may be for, and what stands in for ids they leave out.
    pub token: TokenDefaults<'a>,
    /// The oldest instant of which an organization keeps usage, if it does not keep everything.
    pub kept_since: &'a dyn Fn(&str) -> Option<UnixMs>,
}

/// For organizations that keep everything.
pub fn for_ever(_organization: &str) -> Option<UnixMs> {
    None
}

/// What an ingest token settles for its events.
#[derive(Debug, Clone, Copy, Default)]
pub struct TokenDefaults<'a> {
    pub organization_id: Option<&'a str>,
    pub project_id: Option<&'a str>,
    pub api_key_id: Option<&'a str>,
    /// Who sends, where the records do not say.
    pub sender: SentBy<'a>,
}

/// A sender by name and version. What is too long or no name is made to fit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SentBy<'a> {
    pub name: &'a str,
    pub version: Option<&'a str>,
}

/// One event that was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    /// Its position in the body, from 0.
    pub index: usize,
    pub id: Option<String>,
    pub error: String,
}

/// What was in a body.
#[derive(Debug, Default)]
pub struct Parsed {
    pub batch: Batch,
    pub rejected: Vec<Rejection>,
}

/// What was in a body of another sender.
#[derive(Debug, Default)]
pub struct Reading {
    pub parsed: Parsed,
    /// How many records say nothing about usage.
    pub ignored: usize,
    /// Names that came along with the events.
    pub names: Names,
}

/// Why a body is no list of events. *Caller.*
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    #[error("the body is not valid JSON: {0}")]
    Json(#[from] serde_json::Error),
    #[error("the body is not valid OTLP: {0}")]
    Protobuf(#[from] otlp::Malformed),
    #[error("the body is empty; send one event, an array of events, or NDJSON")]
    Empty,
    #[error("the body has more than {MAX_EVENTS} events; send it in parts")]
    TooMany,
}

/// Events in one body. Bounds what a small body can make of memory: `[1,1,…]` is two bytes an event, and each is
/// answered by name.
pub const MAX_EVENTS: usize = 500_000;

/// The elements of an array; those past the limit are checked to be JSON, and dropped but for one.
struct Elements<'a>(Vec<&'a RawValue>);

impl<'de> serde::Deserialize<'de> for Elements<'de> {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = Elements<'de>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an array of events")
            }

            fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut seq: A) -> Result<Elements<'de>, A::Error> {
                let mut elements = Vec::new();
                while let Some(element) = seq.next_element()? {
                    if elements.len() <= MAX_EVENTS {
                        elements.push(element);
                    }
                }
                Ok(Elements(elements))
            }
        }
        from.deserialize_seq(Visitor)
    }
}

/// Reads a JSON array of events, or a single one.
pub fn parse_json(body: &[u8], context: &Context<'_>) -> Result<Parsed, BodyError> {
    let mut collector = Collector::new(context);
    match body.trim_ascii_start().first() {
        None => return Err(BodyError::Empty),
        Some(b'[') => {
            let Elements(elements) = serde_json::from_slice(body)?;
            if elements.len() > MAX_EVENTS {
                return Err(BodyError::TooMany);
            }
            for element in elements {
                collector.take(element.get());
            }
        }
        Some(_) => {
            let element: &RawValue = serde_json::from_slice(body)?;
            collector.take(element.get());
        }
    }
    Ok(collector.finish())
}

/// Reads one event per line. Blank lines do not count.
pub fn parse_ndjson(body: &[u8], context: &Context<'_>) -> Result<Parsed, BodyError> {
    let mut collector = Collector::new(context);
    let mut start = 0;
    for end in memchr::memchr_iter(b'\n', body).chain([body.len()]) {
        let line = body[start..end].trim_ascii();
        start = end + 1;
        if line.is_empty() {
            continue;
        }
        if collector.len() == MAX_EVENTS {
            return Err(BodyError::TooMany);
        }
        match std::str::from_utf8(line) {
            Ok(line) => collector.take(line),
            Err(error) => collector.reject(None, format!("the line is not UTF-8: {error}")),
        }
    }
    if collector.len() == 0 { Err(BodyError::Empty) } else { Ok(collector.finish()) }
}
