//! OpenTelemetry's OTLP over HTTP: spans of LLM calls, and the log records of coding agents.
//!
//! Both encodings, protobuf and JSON, are walked from resources over scopes to records without being copied; of a
//! record only the attributes become values that say something about usage. Whatever else a record has, prompts and
//! answers among it, is stepped over.

mod attributes;
mod claude_code;
mod codex;
mod details;
mod failure;
mod gemini_cli;
mod kept;
mod one_call;
mod operation;
mod protobuf;
mod record;
mod span;
mod span_call;
mod who;

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;
use twox_hash::XxHash3_64;

pub use self::protobuf::Malformed;
use super::call::{Call, Names, Said};
use super::collector::Collector;
use super::field::text;
use super::{BodyError, Context, MAX_EVENTS, Reading, SentBy, json};
use crate::model::Observed;
use attributes::Attributes;
use kept::{kept, rereading};
use one_call::{Inside, Layer, Told, merged, read_alike};
use operation::Operation;
use record::Record;
use span::Span;

/// How a body is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    Protobuf,
    Json,
}

/// What whoever sets a sender up may choose.
#[derive(Debug, Clone)]
pub struct Options {
    /// Attributes that name the project, first that is there.
    pub projects: Vec<String>,
    /// Whether people whom records name have a key each, in their own name: the token has none for them.
    pub key_by_person: bool,
}

impl Default for Options {
    fn default() -> Options {
        Options { projects: attributes::PROJECT.iter().map(|&name| name.to_owned()).collect(), key_by_person: true }
    }
}

/// Reads the spans of a body.
pub fn parse_traces(
    body: &[u8],
    encoding: Encoding,
    options: &Options,
    context: &Context<'_>,
) -> Result<Reading, BodyError> {
    let mut reader = Reader::new(context);
    let mut spans = Spans::default();
    resources(body, encoding, |group| {
        let resource = group.attributes(&options.projects)?;
        let doubled = anthropic_reports_twice(group, &options.projects)?;
        let service = hash(&resource.text(attributes::SERVICE).unwrap_or_default());
        group.scopes(|scope| {
            reader.sent_by(&resource, scope)?;
            let name = scope.name()?.unwrap_or_default();
            let (number, layer) = (hash(&name), Layer::of(&name));
            let ignored = |why| Ok(Err(Ignored::Because(why)));
            if codex::traces(&name) || name == gemini_cli::SCOPE {
                return scope.records(|record| reader.take(ignored(TOLD_BY_LOGS), record, Kind::Span));
            }
            scope.records(|record| {
                let mut span = match Span::read(record, &options.projects) {
                    Ok(span) => span,
                    Err(error) => return reader.take(Err(error), record, Kind::Span),
                };
                if name == span::LANGSMITH {
                    span.fails_by_exception();
                }
                if doubled && span::is_anthropic_sdk(&name) && span.failed() {
                    return reader.take(ignored(REPEATED_CALL), record, Kind::Span);
                }
                let operation = span.operation();
                spans.inside.push(Inside { ids: span.ids, is_tool: operation == Some(Operation::Tool) });
                let traced = if name == claude_code::SCOPE {
                    claude_code::trace(&span, &resource, options, context)
                } else {
                    span.call(operation, &resource, &name, options)
                };
                let traced = match traced {
                    Ok(Ok(traced)) => traced,
                    Ok(Err(why)) => return reader.take(ignored(why), record, Kind::Span),
                    Err(error) => return reader.take(Err(error), record, Kind::Span),
                };
                spans.told.push(Told {
                    call: traced.call,
                    said: traced.said,
                    sender: reader.collector.sender,
                    ids: span.ids,
                    project: None,
                    api_key: None,
                    observed: Observed { start_nanos: span.start_nanos, end_nanos: span.end_nanos, scope: number },
                    layer,
                    service,
                    is_by_provider: span::is_anthropic_sdk(&name),
                    kind: traced.kind,
                    is_read: traced.is_read,
                    figures: traced.figures,
                    client: traced.client,
                });
                if spans.told.len() == MAX_TOLD { spans.settle(&mut reader) } else { Ok(()) }
            })
        })
    })?;
    spans.settle(&mut reader)?;
    Ok(reader.finish())
}

/// Most calls of a body that are looked at together: a post has some hundreds.
const MAX_TOLD: usize = 50_000;

/// What the spans of a body tell, before it is known which of them tell the same.
#[derive(Default)]
struct Spans<'a> {
    told: Vec<Told<'a>>,
    inside: Vec<Inside>,
}

fn hash(name: &str) -> u64 {
    XxHash3_64::oneshot(name.as_bytes())
}

impl Spans<'_> {
    fn settle(&mut self, reader: &mut Reader<'_>) -> Result<(), BodyError> {
        let mut told = std::mem::take(&mut self.told);
        read_alike(&mut told);
        let context = reader.collector.context();
        let batch = &mut reader.collector.parsed.batch;
        for (organization, spans) in kept(&told, &self.inside, &context.token) {
            batch.spans.entry(organization).or_default().extend(spans);
        }
        if !batch.spans.is_empty() && batch.reread.is_none() {
            batch.reread = Some(rereading(context));
        }
        let (calls, repeated) = merged(told, &self.inside);
        self.inside.clear();
        for mut told in calls {
            reader.collector.sender = told.sender;
            let said = std::mem::take(&mut told.said);
            reader.count(told.into_call(), said)?;
        }
        for _ in 0..repeated {
            reader.ignored += 1;
            reader.collector.ignore(REPEATED_CALL, || None);
        }
        Ok(())
    }
}

/// Reads the log records of a body. Those in which a coding agent reports how a call ended say something about usage.
pub fn parse_logs(
    body: &[u8],
    encoding: Encoding,
    options: &Options,
    context: &Context<'_>,
) -> Result<Reading, BodyError> {
    let mut reader = Reader::new(context);
    resources(body, encoding, |group| {
        let resource = group.attributes(&options.projects)?;
        group.scopes(|scope| {
            reader.sent_by(&resource, scope)?;
            let is_claude_code = scope.name()?.as_deref() == Some(claude_code::LOGS);
            scope.records(|raw| {
                let read = match Record::read(raw, &options.projects) {
                    Ok(record) => read_record(&record, is_claude_code, &resource, options, context),
                    Err(error) => Err(error),
                };
                reader.take(read, raw, Kind::LogRecord)
            })
        })
    })?;
    Ok(reader.finish())
}

/// The call that a log record reports, read by whose record it is.
fn read_record<'a>(
    record: &Record<'a>,
    is_claude_code: bool,
    resource: &Attributes<'a>,
    options: &'a Options,
    context: &Context<'_>,
) -> ReadCall<'a> {
    const CLIENTS: [&str; 4] = [claude_code::EVENTS, codex::EVENTS, gemini_cli::GEMINI_EVENTS, gemini_cli::QWEN_EVENTS];
    let Some(name) = record.name(&CLIENTS) else {
        // By the attribute its names are without the client's.
        return match record.text(EVENT_NAME).filter(|_| is_claude_code) {
            Some(name) => claude_code::read(&name, record, resource, options, context),
            None => Ok(Err(Ignored::Because(NO_USAGE))),
        };
    };
    if let Some(name) = name.strip_prefix(claude_code::EVENTS) {
        claude_code::read(name, record, resource, options, context)
    } else if let Some(name) = name.strip_prefix(codex::EVENTS) {
        codex::read(name, record, resource, options, context)
    } else if let Some(name) = name.strip_prefix(gemini_cli::GEMINI_EVENTS) {
        gemini_cli::read_gemini(name, record, resource, options, context)
    } else {
        let name = name.strip_prefix(gemini_cli::QWEN_EVENTS).unwrap_or(&name);
        gemini_cli::read_qwen(name, record, resource, options, context)
    }
}

/// Checks a body of metrics, of which all is ignored. They repeat what spans and log records say, without ids to tell a
/// repetition by.
pub fn parse_metrics(body: &[u8], encoding: Encoding, context: &Context<'_>) -> Result<Reading, BodyError> {
    let mut reader = Reader::new(context);
    resources(body, encoding, |group| {
        let resource = group.attributes(&[])?;
        group.scopes(|scope| {
            reader.sent_by(&resource, scope)?;
            scope.records(|record| reader.take(Ok(Err(Ignored::Because(REPEATED))), record, Kind::Metric))
        })
    })?;
    Ok(reader.finish())
}

/// The answer to an export: empty, or how many records were not taken and why. `records` is what JSON calls them.
pub fn answer(encoding: Encoding, records: &str, rejected: usize, why: &str) -> Vec<u8> {
    match (encoding, rejected) {
        (Encoding::Protobuf, 0) => Vec::new(),
        (Encoding::Json, 0) => b"{}".to_vec(),
        (Encoding::Protobuf, _) => {
            let mut partial = Vec::new();
            protobuf::put_varint(&mut partial, 1, rejected as u64);
            protobuf::put_bytes(&mut partial, 2, why.as_bytes());
            let mut out = Vec::new();
            protobuf::put_bytes(&mut out, 1, &partial);
            out
        }
        (Encoding::Json, _) => {
            // 64-bit numbers are texts in this encoding.
            serde_json::json!({"partialSuccess": {records: rejected.to_string(), "errorMessage": why}})
                .to_string()
                .into_bytes()
        }
    }
}

/// Whether Anthropic's SDK reports calls of this resource that another instrumentation reports as well. Answered
/// calls have the answer's id to tell by, failed ones have nothing in common.
fn anthropic_reports_twice(group: Raw<'_>, projects: &[String]) -> Result<bool, BodyError> {
    let (mut by_sdk, mut by_other) = (false, false);
    group.scopes(|scope| {
        by_sdk |= scope.name()?.as_deref().is_some_and(span::is_anthropic_sdk);
        Ok(())
    })?;
    if !by_sdk {
        return Ok(false);
    }
    group.scopes(|scope| {
        if scope.name()?.as_deref().is_some_and(span::is_anthropic_sdk) {
            return Ok(());
        }
        scope.records(|record| {
            by_other |= Span::read(record, projects).is_ok_and(|span| span.is_anthropic_call());
            Ok(())
        })
    })?;
    Ok(by_other)
}

/// Why records are ignored, in the words of the intake ledger.
const NO_CALL: &str = "no call of a model";
const NO_USAGE: &str = "no usage in it";
const REPEATED: &str = "metrics repeat what traces and logs say";
const REPEATED_CALL: &str = "another record of the same call";
const TOLD_BY_LOGS: &str = "its client's log records tell the calls";

/// Why a record is nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ignored {
    Because(&'static str),
    /// A client that is known here has a record of this name only since a newer version.
    Unheard,
}

/// What was read of a record: a call and what it says of names, or why it is none.
type ReadCall<'a> = Result<Result<(Call<'a>, Said<'a>), Ignored>, String>;

/// Kinds of records, by what they are called by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Span,
    LogRecord,
    Metric,
}

/// Gathers what the records of a body come to.
struct Reader<'c> {
    collector: Collector<'c>,
    names: Names,
    ignored: usize,
}

impl<'c> Reader<'c> {
    fn new(context: &'c Context<'c>) -> Self {
        Reader { collector: Collector::new(context), names: Names::default(), ignored: 0 }
    }

    /// Says who sends the records of a scope: the service, or its instrumentation where nobody named the service.
    fn sent_by(&mut self, resource: &Attributes<'_>, scope: Scope<'_>) -> Result<(), BodyError> {
        let service = resource.text(attributes::SERVICE).filter(|name| !name.starts_with(span::UNNAMED_SERVICE));
        let scope = (scope.name()?.filter(|name| !name.is_empty()), scope.version()?);
        let (name, version) = match (&service, &scope) {
            (Some(service), _) => (service, resource.text(attributes::SERVICE_VERSION)),
            (None, (Some(scope), version)) => (scope, version.clone()),
            (None, (None, _)) => {
                self.collector.sent_by(self.collector.context().token.sender);
                return Ok(());
            }
        };
        self.collector.sent_by(SentBy { name, version: version.as_deref() });
        Ok(())
    }

    /// Takes what was read of a record, or why it is nothing.
    fn take(&mut self, read: ReadCall<'_>, record: Raw<'_>, kind: Kind) -> Result<(), BodyError> {
        match read {
            Ok(Err(ignored)) => {
                self.ignored += 1;
                match ignored {
                    Ignored::Because(why) => self.collector.ignore(why, || record.called(kind)),
                    // Each name has a line of its own, so that what is new is seen beside what is not.
                    Ignored::Unheard => self.collector.ignore(&unheard(record.called(kind)), || record.called(kind)),
                }
                Ok(())
            }
            Ok(Ok((call, said))) => self.count(call, said),
            Err(error) => {
                self.has_room()?;
                self.collector.reject(None, error);
                Ok(())
            }
        }
    }

    fn count(&mut self, call: Call<'_>, said: Said<'_>) -> Result<(), BodyError> {
        self.has_room()?;
        if let Err(error) = self.collector.settle(call, said, &mut self.names) {
            self.collector.reject(None, error);
        }
        Ok(())
    }

    fn has_room(&self) -> Result<(), BodyError> {
        if self.collector.len() < MAX_EVENTS { Ok(()) } else { Err(BodyError::TooMany) }
    }

    fn finish(self) -> Reading {
        Reading { parsed: self.collector.finish(), ignored: self.ignored, names: self.names }
    }
}

/// A message as it stands in the body.
#[derive(Debug, Clone, Copy)]
pub(super) enum Raw<'a> {
    Protobuf(&'a [u8]),
    Json(&'a RawValue),
}

#[derive(Deserialize)]
struct Request<'a> {
    #[serde(
        borrow,
        rename = "resourceSpans",
        alias = "resourceLogs",
        alias = "resourceMetrics",
        alias = "resource_spans",
        alias = "resource_logs",
        alias = "resource_metrics"
    )]
    resources: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct OfResource<'a> {
    #[serde(borrow)]
    resource: Option<&'a RawValue>,
    #[serde(
        borrow,
        rename = "scopeSpans",
        alias = "scopeLogs",
        alias = "scopeMetrics",
        alias = "scope_spans",
        alias = "scope_logs",
        alias = "scope_metrics"
    )]
    scopes: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct OfScope<'a> {
    #[serde(borrow)]
    scope: Option<&'a RawValue>,
    #[serde(borrow, rename = "spans", alias = "logRecords", alias = "metrics", alias = "log_records")]
    records: Option<&'a RawValue>,
}

#[derive(Clone, Copy, Default, Deserialize)]
struct Head<'a> {
    #[serde(borrow)]
    name: Option<&'a RawValue>,
    #[serde(borrow)]
    version: Option<&'a RawValue>,
    #[serde(borrow)]
    attributes: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
struct Called<'a> {
    #[serde(borrow)]
    name: Option<&'a RawValue>,
    #[serde(borrow, rename = "eventName", alias = "event_name")]
    event_name: Option<&'a RawValue>,
    #[serde(borrow)]
    attributes: Option<&'a RawValue>,
}

/// Longest name of a record in a reason.
const MAX_NAME_CHARS: usize = 60;

/// The reason for a record that is not known, with its name as far as it is one.
fn unheard(name: Option<String>) -> String {
    let is_name = |name: &String| {
        name.len() <= MAX_NAME_CHARS && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
    };
    match name.filter(is_name) {
        Some(name) => format!("a record not known here, {name}"),
        None => "a record not known here".to_owned(),
    }
}

/// The attribute that log records are called by: what stands in the field for it may be a line of the sender's source.
const EVENT_NAME: &str = "event.name";

/// Calls `take` with each resource and what belongs to it. An empty body is one without any.
fn resources<'a>(
    body: &'a [u8],
    encoding: Encoding,
    mut take: impl FnMut(Raw<'a>) -> Result<(), BodyError>,
) -> Result<(), BodyError> {
    match encoding {
        // The same field numbers for all three kinds of records.
        Encoding::Protobuf => protobuf::each(body, 1, |group| take(Raw::Protobuf(group))),
        Encoding::Json if body.trim_ascii().is_empty() => Ok(()),
        Encoding::Json => {
            let export: &RawValue = serde_json::from_slice(body)?;
            each(json::object::<Request<'a>>(export.get())?.resources, take)
        }
    }
}

fn each<'a>(
    list: Option<&'a RawValue>,
    mut take: impl FnMut(Raw<'a>) -> Result<(), BodyError>,
) -> Result<(), BodyError> {
    match json::present(list) {
        Some(list) => json::each(list.get().as_bytes(), |element| take(Raw::Json(element)))?,
        None => Ok(()),
    }
}

impl<'a> Raw<'a> {
    /// The attributes of the resource that this group belongs to.
    fn attributes(self, projects: &'a [String]) -> Result<Attributes<'a>, BodyError> {
        let mut attributes = Attributes::new(projects);
        match self {
            Raw::Protobuf(group) => {
                if let Some(resource) = protobuf::last(group, 1)? {
                    protobuf::each(resource, 1, |pair| attributes.take_protobuf(pair))?;
                }
            }
            Raw::Json(group) => {
                let group: OfResource<'a> = json::object(group.get())?;
                if let Some(list) = head(group.resource)?.attributes {
                    attributes.take_json(list)?;
                }
            }
        }
        Ok(attributes)
    }

    /// Calls `take` with each scope of a resource's group.
    fn scopes(self, mut take: impl FnMut(Scope<'a>) -> Result<(), BodyError>) -> Result<(), BodyError> {
        match self {
            Raw::Protobuf(group) => protobuf::each(group, 2, |group| {
                take(Scope::Protobuf { scope: protobuf::last(group, 1)?.unwrap_or_default(), group })
            }),
            Raw::Json(group) => match json::present(json::object::<OfResource<'a>>(group.get())?.scopes) {
                Some(scopes) => json::each(scopes.get().as_bytes(), |group| {
                    let group: OfScope<'a> = json::object(group.get())?;
                    take(Scope::Json { scope: head(group.scope)?, records: group.records })
                })?,
                None => Ok(()),
            },
        }
    }

    /// What a record is called: never what it says.
    fn called(self, kind: Kind) -> Option<String> {
        let mut attributes = Attributes::new(&[]);
        let field = match self {
            Raw::Protobuf(record) => {
                let number = match kind {
                    Kind::Span => 5,
                    Kind::LogRecord => 12,
                    Kind::Metric => 1,
                };
                if kind == Kind::LogRecord {
                    protobuf::each(record, 6, |pair| attributes.take_protobuf(pair)).ok()?;
                }
                protobuf::last(record, number).ok()?.and_then(|name| std::str::from_utf8(name).ok()).map(Cow::Borrowed)
            }
            Raw::Json(record) => {
                let record: Called<'_> = json::object(record.get()).ok()?;
                if let Some(list) = json::present(record.attributes).filter(|_| kind == Kind::LogRecord) {
                    attributes.take_json(list).ok()?;
                }
                let name = if kind == Kind::LogRecord { record.event_name } else { record.name };
                json::present(name).and_then(|name| text("name", name).ok())
            }
        };
        attributes.text(&[EVENT_NAME]).or(field).map(Cow::into_owned)
    }
}

/// A scope and its records, found once.
#[derive(Clone, Copy)]
enum Scope<'a> {
    Protobuf { scope: &'a [u8], group: &'a [u8] },
    Json { scope: Head<'a>, records: Option<&'a RawValue> },
}

impl<'a> Scope<'a> {
    /// The name of a scope: which instrumentation its records are by.
    fn name(self) -> Result<Option<Cow<'a, str>>, BodyError> {
        match self {
            Scope::Protobuf { scope, .. } => Scope::text(scope, 1),
            Scope::Json { scope, .. } => Ok(scope.name.and_then(|name| text("name", name).ok())),
        }
    }

    fn version(self) -> Result<Option<Cow<'a, str>>, BodyError> {
        match self {
            Scope::Protobuf { scope, .. } => Scope::text(scope, 2),
            Scope::Json { scope, .. } => Ok(scope.version.and_then(|version| text("version", version).ok())),
        }
    }

    fn text(scope: &'a [u8], number: u64) -> Result<Option<Cow<'a, str>>, BodyError> {
        let bytes = protobuf::last(scope, number)?;
        Ok(bytes.and_then(|bytes| std::str::from_utf8(bytes).ok()).map(Cow::Borrowed))
    }

    /// Calls `take` with each record of the scope.
    fn records(self, mut take: impl FnMut(Raw<'a>) -> Result<(), BodyError>) -> Result<(), BodyError> {
        match self {
            Scope::Protobuf { group, .. } => protobuf::each(group, 2, |record| take(Raw::Protobuf(record))),
            Scope::Json { records, .. } => each(records, take),
        }
    }
}

fn head(value: Option<&RawValue>) -> Result<Head<'_>, serde_json::Error> {
    json::present(value).map_or(Ok(Head::default()), |value| json::object(value.get()))
}

/// A number of nanoseconds, which JSON writes as a text or a number, in milliseconds.
fn ms_of_nanos(nanos: u64) -> i64 {
    (nanos / 1_000_000) as i64
}

fn nanos_of_json(value: Option<&RawValue>) -> Option<u64> {
    json::present(value)?.get().trim_matches('"').parse().ok()
}

#[cfg(test)]
mod tests;
