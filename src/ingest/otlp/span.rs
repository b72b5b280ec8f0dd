//! A span that traces an LLM call, in the dialects that are about: OpenTelemetry's gen_ai conventions old and new,
//! OpenLLMetry, OpenInference, pydantic-ai, logfire, LiteLLM.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::attributes::{self as names, Attributes, Value};
use super::protobuf::{Field, fields};
use super::{Raw, ms_of_nanos, nanos_of_json};
use crate::ingest::call::{Call, Ending, Tokens};
use crate::ingest::event::{missing, text};
use crate::ingest::json::{object, present};
use crate::model::PicoUsd;

/// Operations around calls: agents and workflows repeat the sums of their calls, tools and look-ups are none.
const NO_CALLS: [&str; 5] = ["invoke_agent", "create_agent", "execute_tool", "invoke_workflow", "retrieval"];
const OPENINFERENCE_CALLS: [&str; 2] = ["LLM", "EMBEDDING"];
/// What the SDK calls itself when nobody named the service; by the specification followed by the program's name.
pub(super) const UNNAMED_SERVICE: &str = "unknown_service";
/// OpenTelemetry's names of providers, where gateways and price lists have another.
const PROVIDERS: [(&str, &str); 9] = [
    ("aws.bedrock", "bedrock"),
    ("az.ai.inference", "azure"),
    ("az.ai.openai", "azure"),
    ("azure.ai.inference", "azure"),
    ("azure.ai.openai", "azure"),
    ("gcp.gemini", "gemini"),
    ("gcp.vertex_ai", "vertex_ai"),
    ("mistral_ai", "mistral"),
    ("x_ai", "xai"),
];

/// What the SDKs of OpenAI and Anthropic call a status that is its caller's doing.
const CLIENT_ERRORS: [(&str, u16); 3] =
    [("BadRequestError", 400), ("NotFoundError", 404), ("UnprocessableEntityError", 422)];

/// Whether an instrumentation is the tracing that Anthropic's own SDK has built in.
pub(super) fn is_anthropic_sdk(scope: &str) -> bool {
    scope.starts_with("com.anthropic.sdk")
}

/// What is read of a span.
pub(super) struct Span<'a> {
    /// Trace and span id in hex; empty when there are none.
    id: String,
    start_nanos: u64,
    has_error_status: bool,
    attributes: Attributes<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SpanFields<'a> {
    #[serde(borrow, alias = "trace_id")]
    trace_id: Option<&'a RawValue>,
    #[serde(borrow, alias = "span_id")]
    span_id: Option<&'a RawValue>,
    #[serde(borrow, alias = "start_time_unix_nano")]
    start_time_unix_nano: Option<&'a RawValue>,
    #[serde(borrow)]
    attributes: Option<&'a RawValue>,
    #[serde(borrow)]
    status: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Status<'a> {
    #[serde(borrow)]
    code: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Parameters<'a> {
    #[serde(borrow)]
    model: Option<&'a RawValue>,
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
        let mut span =
            Span { id: String::new(), start_nanos: 0, has_error_status: false, attributes: Attributes::new(projects) };
        let (mut trace_id, mut span_id): (&[u8], &[u8]) = (&[], &[]);
        for field in fields(message) {
            match field.map_err(broken)? {
                (1, Field::Bytes(id)) => trace_id = id,
                (2, Field::Bytes(id)) => span_id = id,
                (7, Field::Fixed64(nanos)) => span.start_nanos = nanos,
                (9, Field::Bytes(pair)) => span.attributes.take_protobuf(pair).map_err(broken)?,
                (15, Field::Bytes(status)) => {
                    for field in fields(status) {
                        if let (3, Field::Varint(code)) = field.map_err(broken)? {
                            span.has_error_status = code == 2;
                        }
                    }
                }
                _ => {}
            }
        }
        // 16 and 8 bytes; what is longer is no id.
        if !span_id.is_empty() && trace_id.len() <= 16 && span_id.len() <= 8 {
            span.id = format!("{}/{}", hex(trace_id), hex(span_id));
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
        let status = present(fields.status).map(|status| object::<Status<'_>>(status.get()));
        let code = status.transpose().map_err(broken)?.and_then(|status| status.code);
        let id = |value| present(value).and_then(|id| text("an id", id).ok()).filter(|id| id.len() <= 64);
        let (trace_id, span_id) = (id(fields.trace_id).unwrap_or_default(), id(fields.span_id).unwrap_or_default());
        Ok(Span {
            id: if span_id.is_empty() { String::new() } else { format!("{trace_id}/{span_id}").to_ascii_lowercase() },
            start_nanos: nanos_of_json(fields.start_time_unix_nano).unwrap_or(0),
            has_error_status: code.is_some_and(|code| matches!(code.get(), "2" | "\"STATUS_CODE_ERROR\"")),
            attributes,
        })
    }

    pub fn failed(&self) -> bool {
        self.has_error_status || self.attributes.first(names::ERROR).is_some()
    }

    /// Whether it traces a call of Anthropic's.
    pub fn is_anthropic_call(&self) -> bool {
        self.is_call() && self.attributes.text(names::PROVIDER).as_deref() == Some("anthropic")
    }

    fn is_call(&self) -> bool {
        let attributes = &self.attributes;
        let kind = attributes.text(names::OPENINFERENCE_KIND);
        match (attributes.text(names::OPERATION).as_deref(), kind.as_deref()) {
            (Some(operation), _) => !NO_CALLS.contains(&operation),
            (None, Some(kind)) => OPENINFERENCE_CALLS.contains(&kind),
            // Conventions before operations had names.
            (None, None) => {
                [names::PROVIDER, names::MODEL, names::INPUT].iter().all(|list| attributes.first(list).is_some())
            }
        }
    }

    /// The call it traces, if it traces one.
    pub fn call(&self, resource: &Attributes<'a>, scope: &str) -> Result<Option<Call<'a>>, String> {
        let attributes = &self.attributes;
        if !self.is_call() {
            return Ok(None);
        }
        let tokens = self.tokens()?;
        let model = attributes.text(names::MODEL).or_else(|| self.model_of_parameters());
        let response_id = attributes.text(names::RESPONSE_ID);
        if model.is_none() && tokens.is_none() {
            return Ok(None);
        }
        // logfire traces a stream by two spans: one while it is opened, and another, with the usage if the stream told
        // it, when it has ended.
        let opens_stream = scope.starts_with("logfire")
            && tokens.is_none()
            && response_id.is_none()
            && attributes.text(names::LOGFIRE_KIND).as_deref() != Some("log");
        if opens_stream && !self.failed() {
            return Ok(None);
        }
        if self.start_nanos == 0 {
            return Err(missing("startTimeUnixNano"));
        }
        let service = resource.text(names::SERVICE).filter(|service| !service.starts_with(UNNAMED_SERVICE));
        let id = match &response_id {
            // Two instrumentations of one service that trace the same call agree on it.
            Some(id) => format!("otel\n{}\n{id}", service.as_deref().unwrap_or_default()),
            None if !self.id.is_empty() => format!("otel\n{}", self.id),
            None => return Err(missing("spanId")),
        };
        Ok(Some(Call {
            id,
            start: ms_of_nanos(self.start_nanos),
            organization: resource.text(names::ORGANIZATION).or_else(|| attributes.text(names::ORGANIZATION)),
            project: attributes.project().or_else(|| resource.project()),
            model,
            provider: attributes.text(names::PROVIDER).map(usual_name),
            source: service.or_else(|| attributes.text(names::AGENT)),
            tokens,
            cost: self.cost(tokens)?,
            ending: if self.failed() { Ending::of_status(self.http_status()) } else { Ending::Answered },
            ..Call::default()
        }))
    }

    fn tokens(&self) -> Result<Option<Tokens>, String> {
        let count = |list| self.attributes.count(list);
        let (input, output) = (count(names::INPUT)?, count(names::OUTPUT)?);
        if input.is_none() && output.is_none() {
            return Ok(None);
        }
        let tokens = Tokens {
            input: input.unwrap_or(0),
            output: output.unwrap_or(0),
            cached: count(names::CACHED)?.unwrap_or(0),
            cache_write: count(names::CACHE_WRITE)?.unwrap_or(0),
            reasoning: count(names::REASONING)?.unwrap_or(0),
        };
        Ok(Some(tokens.with_cache_where_it_fits()))
    }

    fn cost(&self, tokens: Option<Tokens>) -> Result<Option<PicoUsd>, String> {
        let litellm = self.attributes.money(names::LITELLM_COST)?;
        let says_something = |cost: &PicoUsd| *cost != PicoUsd::ZERO || tokens.unwrap_or_default() == Tokens::default();
        match litellm.filter(says_something) {
            Some(cost) => Ok(Some(cost)),
            None => self.attributes.money(names::COST),
        }
    }

    /// The status of the answer, where it is told; an error's type may be one too.
    fn http_status(&self) -> Option<u16> {
        let number = |value: &Value<'_>| {
            let text = value.text()?;
            let named = || CLIENT_ERRORS.iter().find(|(name, _)| text.ends_with(name)).map(|(_, status)| *status);
            text.parse().ok().or_else(named)
        };
        self.attributes.first(names::HTTP_STATUS).or(self.attributes.first(names::ERROR)).and_then(number)
    }

    fn model_of_parameters(&self) -> Option<Cow<'a, str>> {
        let parameters = self.attributes.text(names::PARAMETERS)?;
        let parameters: Parameters<'_> = object(&parameters).ok()?;
        let model = text("model", parameters.model?).ok()?;
        (!model.is_empty()).then(|| Cow::Owned(model.into_owned()))
    }
}

/// A provider under the name that gateways and price lists give it.
fn usual_name(provider: Cow<'_, str>) -> Cow<'_, str> {
    match PROVIDERS.iter().find(|(name, _)| *name == provider) {
        Some((_, usual)) => Cow::Borrowed(usual),
        None => provider,
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
