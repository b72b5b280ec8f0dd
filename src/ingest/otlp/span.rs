//! A span that traces an LLM call, in the dialects that are about: OpenTelemetry's gen_ai conventions old and new,
//! OpenLLMetry, OpenInference, pydantic-ai, logfire, LiteLLM, LangSmith, Langfuse, the Vercel AI SDK.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::attributes::{self as names, Attributes, Value};
use super::details::{langfuse_cost, with_details};
use super::failure::http_status;
use super::operation::{Kind, Operation};
use super::protobuf::{Field, fields};
use super::who::Person;
use super::{Options, Raw, ms_of_nanos, nanos_of_json};
use crate::ingest::call::{Call, Ending, Said, id_of_answer};
use crate::ingest::field::{missing, text};
use crate::ingest::guards::Guards;
use crate::ingest::json::{each, object, present};
use crate::ingest::usage::{Figures, Habits, Place, tier_of};
use crate::model::{PicoUsd, is_self_hosted, provider_of};
use crate::pricing::ServiceTier;

/// What the SDK calls itself when nobody named the service; by the specification followed by the program's name.
pub(super) const UNNAMED_SERVICE: &str = "unknown_service";
/// Most digits of an answer's number that comes again: Ollama numbers its own from 0 to 998.
const FEW_DIGITS: usize = 4;

/// What LangSmith's tracing calls itself.
pub(super) const LANGSMITH: &str = "langsmith";
/// What an event is called that tells of an exception.
const EXCEPTION: &str = "exception";

/// How the id of an answer of OpenAI's Responses API begins.
const RESPONSE: &str = "resp_";

/// Instrumentations that count thoughts within the output, whatever the provider's own API does.
const COUNT_THOUGHTS_WITHIN: [&str; 3] = ["gcp.vertex.agent", "litellm", "pydantic-ai"];

/// How the id of a call begins that goes by its span.
const SPAN: &str = "otel\n";

/// Whether a call's id is that of a span.
pub(super) fn is_of_span(id: &str) -> bool {
    id.starts_with(SPAN)
}

/// Whether an instrumentation is the tracing that Anthropic's own SDK has built in.
pub(super) fn is_anthropic_sdk(scope: &str) -> bool {
    scope.starts_with("com.anthropic.sdk")
}

/// A span's own id and that of the one it is inside of, within a trace. All zeros is none.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SpanIds {
    trace: [u8; 16],
    span: [u8; 8],
    parent: [u8; 8],
}

impl SpanIds {
    /// A span that is inside of none.
    pub fn new(trace: [u8; 16], span: [u8; 8]) -> SpanIds {
        SpanIds { trace, span, parent: [0; 8] }
    }

    /// All three as bytes, one after the other.
    pub fn bytes(self) -> [u8; 32] {
        let mut bytes = [0; 32];
        bytes[..16].copy_from_slice(&self.trace);
        bytes[16..24].copy_from_slice(&self.span);
        bytes[24..].copy_from_slice(&self.parent);
        bytes
    }

    pub fn of_bytes(bytes: [u8; 32]) -> SpanIds {
        let mut ids = SpanIds::default();
        ids.trace.copy_from_slice(&bytes[..16]);
        ids.span.copy_from_slice(&bytes[16..24]);
        ids.parent.copy_from_slice(&bytes[24..]);
        ids
    }

    /// The span alone, as a key.
    pub fn own(self) -> SpanIds {
        SpanIds { parent: [0; 8], ..self }
    }

    /// What it is inside of, as a key.
    pub fn outer(self) -> Option<SpanIds> {
        self.has_parent().then_some(SpanIds { span: self.parent, parent: [0; 8], ..self })
    }

    pub fn has_parent(self) -> bool {
        self.parent != [0; 8]
    }

    pub fn has_trace(self) -> bool {
        self.trace != [0; 16]
    }

    /// The trace as two numbers.
    pub fn trace_halves(self) -> [u64; 2] {
        let number = u128::from_le_bytes(self.trace);
        [number as u64, (number >> 64) as u64]
    }

    pub fn trace(self) -> [u8; 16] {
        self.trace
    }

    pub fn has_span(self) -> bool {
        self.span != [0; 8]
    }

    /// The id of an event that a span tells of.
    fn id(self) -> String {
        format!("{SPAN}{}/{}", hex(&self.trace), hex(&self.span))
    }
}

/// What is read of a span.
pub(super) struct Span<'a> {
    pub ids: SpanIds,
    pub start_nanos: u64,
    pub end_nanos: u64,
    has_error_status: bool,
    status_message: Cow<'a, str>,
    /// It has an event that tells of an exception. Whether that ended it, its status says.
    has_exception: bool,
    pub attributes: Attributes<'a>,
}

/// A call that a span tells of.
pub(super) struct Traced<'a> {
    pub call: Call<'a>,
    /// Of who made it.
    pub said: Said<'a>,
    pub kind: Kind,
    /// The answer was only asked for again.
    pub is_read: bool,
    pub figures: Figures,
    /// How its instrumentation is known to count.
    pub client: Habits,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SpanFields<'a> {
    #[serde(borrow, alias = "trace_id")]
    trace_id: Option<&'a RawValue>,
    #[serde(borrow, alias = "span_id")]
    span_id: Option<&'a RawValue>,
    #[serde(borrow, alias = "parent_span_id")]
    parent_span_id: Option<&'a RawValue>,
    #[serde(borrow, alias = "start_time_unix_nano")]
    start_time_unix_nano: Option<&'a RawValue>,
    #[serde(borrow, alias = "end_time_unix_nano")]
    end_time_unix_nano: Option<&'a RawValue>,
    #[serde(borrow)]
    attributes: Option<&'a RawValue>,
    #[serde(borrow)]
    events: Option<&'a RawValue>,
    #[serde(borrow)]
    status: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Happened<'a> {
    #[serde(borrow)]
    name: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Status<'a> {
    #[serde(borrow)]
    code: Option<&'a RawValue>,
    #[serde(borrow)]
    message: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Parameters<'a> {
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    #[serde(borrow)]
    model: Option<&'a RawValue>,
    #[serde(borrow)]
    service_tier: Option<&'a RawValue>,
}

impl<'a> Span<'a> {
    pub fn read(span: Raw<'a>, projects: &'a [String]) -> Result<Span<'a>, String> {
        match span {
            Raw::Protobuf(message) => Span::read_protobuf(message, projects),
            Raw::Json(value) => Span::read_json(value, projects),
        }
    }

    fn read_protobuf(message: &'a [u8], projects: &'a [String]) -> Result<Span<'a>, String> {
        let broken = |error| format!("a span could not be read: {error}");
        let mut span = Span {
            ids: SpanIds::default(),
            start_nanos: 0,
            end_nanos: 0,
            has_error_status: false,
            status_message: Cow::Borrowed(""),
            has_exception: false,
            attributes: Attributes::new(projects),
        };
        for field in fields(message) {
            match field.map_err(broken)? {
                (1, Field::Bytes(id)) => span.ids.trace = id_of(id),
                (2, Field::Bytes(id)) => span.ids.span = id_of(id),
                (4, Field::Bytes(id)) => span.ids.parent = id_of(id),
                (7, Field::Fixed64(nanos)) => span.start_nanos = nanos,
                (8, Field::Fixed64(nanos)) => span.end_nanos = nanos,
                (9, Field::Bytes(pair)) => span.attributes.take_protobuf(pair).map_err(broken)?,
                (11, Field::Bytes(event)) if !span.has_exception => {
                    let name = fields(event).find(|field| matches!(field, Ok((2, _)) | Err(_)));
                    span.has_exception = name == Some(Ok((2, Field::Bytes(EXCEPTION.as_bytes()))));
                }
                (15, Field::Bytes(status)) => {
                    for field in fields(status) {
                        match field.map_err(broken)? {
                            (2, Field::Bytes(text)) => {
                                span.status_message = std::str::from_utf8(text).unwrap_or_default().into();
                            }
                            (3, Field::Varint(code)) => span.has_error_status = code == 2,
                            _ => {}
                        }
                    }
                }
                _ => {}
            }
        }
        Ok(span)
    }

    fn read_json(value: &'a RawValue, projects: &'a [String]) -> Result<Span<'a>, String> {
        let broken = |error| format!("a span could not be read: {error}");
        let fields: SpanFields<'a> = object(value.get()).map_err(broken)?;
        let mut attributes = Attributes::new(projects);
        if let Some(list) = present(fields.attributes) {
            attributes.take_json(list).map_err(broken)?;
        }
        let status = present(fields.status).map(|status| object::<Status<'a>>(status.get()));
        let status = status.transpose().map_err(broken)?;
        let code = status.as_ref().and_then(|status| status.code);
        let message = status.as_ref().and_then(|status| text("message", status.message?).ok());
        Ok(Span {
            ids: SpanIds {
                trace: id_of_json(fields.trace_id),
                span: id_of_json(fields.span_id),
                parent: id_of_json(fields.parent_span_id),
            },
            start_nanos: nanos_of_json(fields.start_time_unix_nano).unwrap_or(0),
            end_nanos: nanos_of_json(fields.end_time_unix_nano).unwrap_or(0),
            has_error_status: code.is_some_and(|code| matches!(code.get(), "2" | "\"STATUS_CODE_ERROR\"")),
            status_message: message.unwrap_or_default(),
            has_exception: present(fields.events).is_some_and(|events| tell_of_an_exception(events.get())),
            attributes,
        })
    }

    /// Takes it for a failure if it tells of an exception, whatever its status: LangSmith's is that of the beginning.
    pub fn fails_by_exception(&mut self) {
        self.has_error_status |= self.has_exception;
    }

    pub fn failed(&self) -> bool {
        let has_error_level = || self.attributes.text(names::LANGFUSE_LEVEL).as_deref() == Some("ERROR");
        self.has_error_status || self.attributes.first(names::ERROR).is_some() || has_error_level()
    }

    /// Whether it traces a call of Anthropic's.
    pub fn is_anthropic_call(&self) -> bool {
        matches!(self.operation(), Some(Operation::Call(_)))
            && self.attributes.text(names::PROVIDER).as_deref() == Some("anthropic")
    }

    pub fn operation(&self) -> Option<Operation> {
        Operation::of(&self.attributes).or_else(|| {
            // Conventions before operations had names.
            let all = [names::PROVIDER, names::MODEL, names::INPUT];
            let are_there = all.iter().all(|list| self.attributes.first(list).is_some());
            are_there.then_some(Operation::Call(Kind::Text))
        })
    }

    /// The call it traces, or why it traces none.
    pub fn call(
        &self,
        operation: Option<Operation>,
        resource: &Attributes<'a>,
        scope: &str,
        options: &Options,
    ) -> Result<Result<Traced<'a>, &'static str>, String> {
        let attributes = &self.attributes;
        let operation = match operation {
            None => return Ok(Err(super::NO_CALL)),
            Some(Operation::Tool) => return Ok(Err("a tool's call")),
            Some(Operation::Around) => return Ok(Err("a step around calls")),
            Some(operation) => operation,
        };
        let parameters = self.parameters();
        let model = attributes.text(names::MODEL).or(parameters.model);
        let named = attributes.text(names::PROVIDER);
        let provider = provider_of(named.as_deref(), model.as_deref().unwrap_or_default()).into_owned();
        let (figures, counted, tier) = with_details(attributes, self.figures()?);
        let client = counted.or(self.client(scope));
        let is_text = matches!(operation, Operation::Call(Kind::Text) | Operation::Read);
        let figures = if is_text && !self.failed() { figures.of_text() } else { figures };
        let tokens = figures.read(client.or(Habits::of_provider(&provider)));
        let response_id = attributes.text(names::RESPONSE_ID).or(parameters.answer);
        let (kind, is_read) = match operation {
            Operation::Call(kind) => (kind, false),
            Operation::Read => (Kind::Other, true),
            _ => (Kind::Other, false),
        };
        if tokens.is_none() {
            // What looks at an answer, and what nobody has heard of, are calls if they say what one used.
            match operation {
                Operation::Read => return Ok(Err("an answer asked for again")),
                Operation::Call(_) if model.is_some() => {}
                Operation::Call(Kind::Text) if self.failed() => {}
                _ => return Ok(Err("neither a model nor tokens")),
            }
        }
        // logfire traces a stream by two spans: one while it is opened, and another, with the usage if the stream told
        // it, when it has ended.
        let opens_stream = scope.starts_with("logfire")
            && tokens.is_none()
            && response_id.is_none()
            && attributes.text(names::LOGFIRE_KIND).as_deref() != Some("log");
        if opens_stream && !self.failed() {
            return Ok(Err("the beginning of a stream"));
        }
        if self.start_nanos == 0 {
            return Err(missing("startTimeUnixNano"));
        }
        let service = resource.text(names::SERVICE).filter(|service| !service.starts_with(UNNAMED_SERVICE));
        let id = id_of_call(response_id.as_deref(), self.ids, &provider).ok_or_else(|| missing("spanId"))?;
        let person = Person::of(attributes, resource).filter(|_| options.key_by_person);
        let app = service.clone().or_else(|| attributes.text(names::AGENT));
        let (api_key, said) = person.map(|person| person.key_at(app.as_deref().unwrap_or("otel"))).unzip();
        let call = Call {
            id,
            start: ms_of_nanos(self.start_nanos),
            organization: resource.text(names::ORGANIZATION).or_else(|| attributes.text(names::ORGANIZATION)),
            project: attributes.project().or_else(|| resource.project()),
            api_key,
            model,
            provider: Some(Cow::Owned(provider)),
            source: app,
            tokens,
            tier: attributes
                .text(names::TIER)
                .map(|tier| tier_of(&tier))
                .or(tier)
                .or(parameters.tier)
                .unwrap_or_default(),
            cost: self.cost()?,
            ending: self.ending(),
            guards: self.guards(),
            ..Call::default()
        };
        Ok(Ok(Traced { call, said: said.unwrap_or_default(), kind, is_read, figures, client }))
    }

    pub fn figures(&self) -> Result<Figures, String> {
        let count = |list| self.attributes.count(list);
        Ok(Figures {
            input: count(names::INPUT)?,
            output: count(names::OUTPUT)?,
            total: count(names::TOTAL)?,
            cached: count(names::CACHED)?,
            cache_write: count(names::CACHE_WRITE)?,
            cache_write_1h: count(names::CACHE_WRITE_1H)?,
            reasoning: count(names::REASONING)?,
            audio_input: count(names::AUDIO_INPUT)?,
            audio_output: count(names::AUDIO_OUTPUT)?,
        })
    }

    fn client(&self, scope: &str) -> Habits {
        let counts_within =
            COUNT_THOUGHTS_WITHIN.contains(&scope) || self.attributes.first(names::AI_SDK_OPERATION).is_some();
        Habits { reasoning: if counts_within { Place::Within } else { Place::Usual }, ..Habits::default() }
    }

    /// The cost it tells. Instrumentations have 0 for models they know no price of, so a 0 says nothing.
    fn cost(&self) -> Result<Option<PicoUsd>, String> {
        for name in names::COST {
            if let Some(cost) = self.attributes.money(&[*name])?.filter(|cost| *cost != PicoUsd::ZERO) {
                return Ok(Some(cost));
            }
        }
        Ok(langfuse_cost(&self.attributes))
    }

    fn ending(&self) -> Ending {
        match self.failed() {
            true => Ending::of_status(http_status(&self.attributes, &self.status_message)),
            false => Ending::Answered,
        }
    }

    fn guards(&self) -> Guards {
        let mut guards = Guards::default();
        match self.attributes.first(names::FINISH_REASONS) {
            Some(Value::Texts(reasons)) => reasons.iter().for_each(|reason| guards.finished(reason)),
            // One, or a list as the text of it.
            Some(Value::Text(text)) => {
                let is_of_reason = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
                text.split(|c| !is_of_reason(c)).take(64).for_each(|reason| guards.finished(reason));
            }
            _ => {}
        }
        guards
    }

    /// What stands in the text of its parameters, which may be those of the answer.
    fn parameters(&self) -> Known<'a> {
        let text_of = |value: Option<&RawValue>| -> Option<Cow<'a, str>> {
            let text = text("a parameter", value?).ok()?;
            (!text.is_empty()).then(|| Cow::Owned(text.into_owned()))
        };
        let Some(parameters) = self.attributes.text(names::PARAMETERS) else { return Known::default() };
        let Ok(parameters) = object::<Parameters<'_>>(&parameters) else { return Known::default() };
        Known {
            answer: text_of(parameters.id).filter(|id| id.starts_with(RESPONSE)),
            model: text_of(parameters.model),
            tier: text_of(parameters.service_tier).map(|tier| tier_of(&tier)),
        }
    }
}

/// Whether one of a span's events is an exception. Most have none, and may have prompts in them.
fn tell_of_an_exception(events: &str) -> bool {
    let mut found = false;
    let has_name = |event: &RawValue| {
        let event = object::<Happened<'_>>(event.get()).ok();
        event.and_then(|event| text("name", event.name?).ok()).is_some_and(|name| name == EXCEPTION)
    };
    events.contains(EXCEPTION)
        && each(events.as_bytes(), |event| {
            found |= has_name(event);
            Ok::<_, ()>(())
        })
        .is_ok()
        && found
}

/// What parameters tell of a call.
#[derive(Default)]
struct Known<'a> {
    answer: Option<Cow<'a, str>>,
    model: Option<Cow<'a, str>>,
    tier: Option<ServiceTier>,
}

/// The id of a call: its answer's, unless that may come again, else the span's that tells of it.
pub(super) fn id_of_call(answer: Option<&str>, ids: SpanIds, provider: &str) -> Option<String> {
    match answer {
        Some(id) if !comes_again(id, provider) => Some(id_of_answer(id)),
        Some(id) if ids.has_trace() => Some(id_of_answer(&format!("{}\n{id}", hex(&ids.trace)))),
        _ => ids.has_span().then(|| ids.id()),
    }
}

/// Whether answers of other calls have this id as well: servers of one's own count, and Ollama draws a number.
fn comes_again(id: &str, provider: &str) -> bool {
    let number = id.strip_prefix("chatcmpl-").unwrap_or(id);
    let is_number = number.len() <= FEW_DIGITS && number.bytes().all(|byte| byte.is_ascii_digit());
    is_number || is_self_hosted(provider)
}

/// An id of so many bytes; what is of another length is no id, but may still tell one span from another.
pub(super) fn id_of<const BYTES: usize>(bytes: &[u8]) -> [u8; BYTES] {
    let mut id = [0; BYTES];
    match bytes.len() {
        0 => {}
        len if len == BYTES => id.copy_from_slice(bytes),
        _ => id.copy_from_slice(&twox_hash::XxHash3_128::oneshot(bytes).to_le_bytes()[..BYTES]),
    }
    id
}

/// As [`id_of`], from hexadecimal digits.
pub(super) fn id_of_json<const BYTES: usize>(value: Option<&RawValue>) -> [u8; BYTES] {
    let Some(id) = present(value).and_then(|id| text("an id", id).ok()) else { return [0; BYTES] };
    let digits = id.as_bytes();
    let digit = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
    let mut bytes = [0; BYTES];
    if digits.len() == 2 * BYTES {
        let pairs = digits.chunks_exact(2).map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?));
        for (byte, pair) in bytes.iter_mut().zip(pairs) {
            let Some(pair) = pair else { return id_of(digits) };
            *byte = pair;
        }
        return bytes;
    }
    id_of(digits)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
