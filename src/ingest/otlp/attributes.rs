//! Attributes of resources, spans and log records: those that say something about usage, and no others.
//!
//! The lists are the mapping: of each list, the first attribute that is there counts.

use std::borrow::Cow;
use std::sync::LazyLock;

use hashbrown::HashMap;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::protobuf::{Field, Malformed, fields};
use crate::ingest::field::text;
use crate::ingest::json;
use crate::model::{MAX_QUANTITY, MoneyError, PicoUsd};

pub static OPERATION: &[&str] = &["gen_ai.operation.name"];
pub static OPENINFERENCE_KIND: &[&str] = &["openinference.span.kind"];
/// What OpenLLMetry's calls are, and its steps around them.
pub static OPENLLMETRY_REQUEST: &[&str] = &["llm.request.type"];
pub static OPENLLMETRY_KIND: &[&str] = &["traceloop.span.kind"];
/// What the Vercel AI SDK did, up to version 6.
pub static AI_SDK_OPERATION: &[&str] = &["ai.operationId"];
/// What an observation of Langfuse's SDK is, and how it went.
pub static LANGFUSE_TYPE: &[&str] = &["langfuse.observation.type"];
pub static LANGFUSE_LEVEL: &[&str] = &["langfuse.observation.level"];
pub static RESPONSE_ID: &[&str] = &["gen_ai.response.id", "ai.response.id"];
pub static MODEL: &[&str] = &[
    "gen_ai.response.model",
    "ai.response.model",
    "gen_ai.request.model",
    "ai.model.id",
    "llm.model_name",
    "embedding.model_name",
    "reranker.model_name",
    "langfuse.observation.model.name",
];
/// Parameters as the text of a JSON object, with the model among them: all that failed OpenInference spans have.
pub static PARAMETERS: &[&str] = &["llm.invocation_parameters", "embedding.invocation_parameters"];
pub static PROVIDER: &[&str] =
    &["gen_ai.provider.name", "gen_ai.system", "llm.provider", "llm.system", "ai.model.provider"];
pub static INPUT: &[&str] = &[
    "gen_ai.usage.input_tokens",
    "gen_ai.usage.prompt_tokens",
    "llm.token_count.prompt",
    "llm.usage.prompt_tokens",
    "ai.usage.inputTokens",
    "ai.usage.promptTokens",
    "ai.usage.tokens",
];
pub static OUTPUT: &[&str] = &[
    "gen_ai.usage.output_tokens",
    "gen_ai.usage.completion_tokens",
    "llm.token_count.completion",
    "llm.usage.completion_tokens",
    "ai.usage.outputTokens",
    "ai.usage.completionTokens",
];
pub static TOTAL: &[&str] =
    &["gen_ai.usage.total_tokens", "llm.token_count.total", "llm.usage.total_tokens", "ai.usage.totalTokens"];
pub static CACHED: &[&str] = &[
    "gen_ai.usage.cache_read.input_tokens",
    "gen_ai.usage.cache_read_input_tokens",
    "gen_ai.usage.cached_input_tokens",
    "gen_ai.usage.cached_tokens",
    "gen_ai.usage.input_tokens.cached",
    "gen_ai.usage.input_tokens.cache_read",
    "gen_ai.usage.input_tokens_details.cached_tokens",
    "gen_ai.usage.prompt_tokens_details.cached_tokens",
    "gen_ai.usage.details.cached_tokens",
    "gen_ai.usage.details.cache_read_tokens",
    "gen_ai.usage.details.cache_read_input_tokens",
    "llm.token_count.prompt_details.cache_read",
    "llm.usage.cache_read_input_tokens",
    "ai.usage.cachedInputTokens",
    "ai.usage.inputTokenDetails.cacheReadTokens",
];
pub static CACHE_WRITE: &[&str] = &[
    "gen_ai.usage.cache_creation.input_tokens",
    "gen_ai.usage.cache_write.input_tokens",
    "gen_ai.usage.cache_creation_input_tokens",
    "gen_ai.usage.cache_write_input_tokens",
    "gen_ai.usage.cache_write_tokens",
    "gen_ai.usage.input_tokens.cache_write",
    "gen_ai.usage.details.cache_write_tokens",
    "gen_ai.usage.details.cache_creation_input_tokens",
    "llm.token_count.prompt_details.cache_write",
    "llm.usage.cache_creation_input_tokens",
    "ai.usage.inputTokenDetails.cacheWriteTokens",
];
/// What of it is to stay for an hour.
pub static CACHE_WRITE_1H: &[&str] = &[
    "gen_ai.usage.cache_creation.ephemeral_1h_input_tokens",
    "gen_ai.usage.cache_creation.1h.input_tokens",
    "gen_ai.usage.cache_creation_1h_input_tokens",
    "gen_ai.usage.cache_creation_1h_tokens",
    "gen_ai.usage.cache_write.1h.input_tokens",
    "gen_ai.usage.cache_write_1h.input_tokens",
    "gen_ai.usage.cache_write_1h_tokens",
    "gen_ai.usage.ephemeral_1h_input_tokens",
    "gen_ai.usage.details.cache_write_1h_tokens",
    "gen_ai.usage.details.ephemeral_1h_input_tokens",
    "cache_creation_1h_tokens",
];
pub static REASONING: &[&str] = &[
    "gen_ai.usage.reasoning.output_tokens",
    "gen_ai.usage.reasoning_tokens",
    "gen_ai.usage.output_tokens.reasoning",
    "gen_ai.usage.output_tokens_details.reasoning_tokens",
    "gen_ai.usage.completion_tokens_details.reasoning_tokens",
    "gen_ai.usage.thoughts_tokens",
    "gen_ai.usage.thoughts_token_count",
    "gen_ai.usage.details.reasoning_tokens",
    "gen_ai.usage.details.thoughts_tokens",
    "llm.token_count.completion_details.reasoning",
    "llm.usage.reasoning_tokens",
    "ai.usage.reasoningTokens",
    "ai.usage.outputTokenDetails.reasoningTokens",
    "thoughts_token_count",
];
pub static AUDIO_INPUT: &[&str] = &[
    "gen_ai.usage.audio.input_tokens",
    "gen_ai.usage.audio_input_tokens",
    "gen_ai.usage.input_audio_tokens",
    "gen_ai.usage.input_tokens.audio",
    "gen_ai.usage.details.input_audio_tokens",
    "gen_ai.usage.prompt_tokens_details.audio_tokens",
    "llm.token_count.prompt_details.audio",
];
pub static AUDIO_OUTPUT: &[&str] = &[
    "gen_ai.usage.audio.output_tokens",
    "gen_ai.usage.audio_output_tokens",
    "gen_ai.usage.output_audio_tokens",
    "gen_ai.usage.output_tokens.audio",
    "gen_ai.usage.details.output_audio_tokens",
    "gen_ai.usage.completion_tokens_details.audio_tokens",
    "llm.token_count.completion_details.audio",
];
/// The service tier that answered, then the one that was asked for.
pub static TIER: &[&str] = &[
    "openai.response.service_tier",
    "gen_ai.openai.response.service_tier",
    "gen_ai.response.service_tier",
    "anthropic.response.service_tier",
    "gen_ai.usage.service_tier",
    "openai.request.service_tier",
    "gen_ai.openai.request.service_tier",
    "gen_ai.request.service_tier",
    "anthropic.request.service_tier",
];
pub static COST: &[&str] =
    &["gen_ai.cost.total_cost", "gen_ai.usage.cost", "gen_ai.usage.total_cost", "operation.cost", "llm.cost.total"];
/// How an answer ended: a list with a reason for each choice, or one of them.
pub static FINISH_REASONS: &[&str] = &[
    "gen_ai.response.finish_reasons",
    "gen_ai.response.finish_reason",
    "gen_ai.completion.0.finish_reason",
    "ai.response.finishReason",
    "llm.response.finish_reason",
];
pub static ERROR: &[&str] = &["error.type"];
/// Which of a stream's two spans logfire has made: `span` when it is opened, `log` when it has ended.
pub static LOGFIRE_KIND: &[&str] = &["logfire.span_type"];
pub static HTTP_STATUS: &[&str] = &["http.response.status_code", "http.status_code", "error_status_code"];
pub static SERVICE: &[&str] = &["service.name"];
pub static SERVICE_VERSION: &[&str] = &["service.version"];
pub static AGENT: &[&str] = &["gen_ai.agent.name"];
pub static ORGANIZATION: &[&str] = &["organization.id"];
/// Whom a call is for: an address, then whatever else names somebody.
pub static EMAIL: &[&str] = &["user.email", "enduser.email"];
pub static USER: &[&str] = &[
    "user.account_uuid",
    "user.account_id",
    "user.id",
    "enduser.id",
    "ai.telemetry.metadata.userId",
    "langsmith.metadata.user_id",
    "traceloop.association.properties.user_id",
    "langfuse.user.id",
];
/// Usage as the text of a JSON object.
pub static USAGE_METADATA: &[&str] = &["langsmith.metadata.usage_metadata", "langsmith.usage_metadata"];
pub static INPUT_DETAILS: &[&str] = &["gen_ai.usage.input_token_details"];
pub static OUTPUT_DETAILS: &[&str] = &["gen_ai.usage.output_token_details"];
/// Kinds of tokens and of costs, likewise.
pub static LANGFUSE_USAGE: &[&str] = &["langfuse.observation.usage_details"];
pub static LANGFUSE_COST: &[&str] = &["langfuse.observation.cost_details"];
pub static PROVIDER_METADATA: &[&str] = &["ai.response.providerMetadata"];
/// What counts as the project unless the sender's headers say otherwise.
pub static PROJECT: &[&str] = &["team.id", "department", "cost_center", "service.namespace"];

/// What the log records of coding agents have, and Claude Code's spans.
pub static RECORD: &[&str] = &[
    "anthropic.provider",
    "attempt",
    "auth_type",
    "cache_creation_tokens",
    "cache_read_tokens",
    "cache_write_token_count",
    "cached_content_token_count",
    "cached_token_count",
    "conversation.id",
    "cost_usd",
    "duration_ms",
    "endpoint",
    "error.message",
    "event.kind",
    "event.name",
    "event.sequence",
    "event.timestamp",
    "input_token_count",
    "input_tokens",
    "model",
    "output_token_count",
    "output_tokens",
    "prompt_id",
    "reasoning_token_count",
    "request_id",
    "response_id",
    "role",
    "session.id",
    "slug",
    "speed",
    "status_code",
    "tool_token_count",
    "total_token_count",
];

/// A list of names that mean the same. Lists are told apart by where they are.
pub type List = &'static [&'static str];

/// Every name that is asked for, with its list and its place in it.
static ALL: LazyLock<HashMap<&str, (List, usize)>> = LazyLock::new(|| {
    let lists: [List; 39] = [
        OPERATION,
        OPENINFERENCE_KIND,
        OPENLLMETRY_REQUEST,
        OPENLLMETRY_KIND,
        AI_SDK_OPERATION,
        LANGFUSE_TYPE,
        LANGFUSE_LEVEL,
        RESPONSE_ID,
        MODEL,
        PARAMETERS,
        PROVIDER,
        INPUT,
        OUTPUT,
        TOTAL,
        CACHED,
        CACHE_WRITE,
        CACHE_WRITE_1H,
        REASONING,
        AUDIO_INPUT,
        AUDIO_OUTPUT,
        TIER,
        COST,
        FINISH_REASONS,
        ERROR,
        LOGFIRE_KIND,
        HTTP_STATUS,
        SERVICE,
        SERVICE_VERSION,
        AGENT,
        ORGANIZATION,
        EMAIL,
        USER,
        USAGE_METADATA,
        INPUT_DETAILS,
        OUTPUT_DETAILS,
        LANGFUSE_USAGE,
        LANGFUSE_COST,
        PROVIDER_METADATA,
        RECORD,
    ];
    let names = |list: List| list.iter().enumerate().map(move |(place, name)| (*name, (list, place)));
    lists.into_iter().flat_map(names).collect()
});

/// The value of an attribute. Maps have none, and of lists only those of finish reasons.
#[derive(Debug, Clone, PartialEq)]
pub enum Value<'a> {
    Text(Cow<'a, str>),
    Whole(i64),
    Float(f64),
    Flag(bool),
    Texts(Vec<Cow<'a, str>>),
}

/// The attributes of one resource, span or record that are asked for, each once.
#[derive(Debug, Clone)]
pub struct Attributes<'a> {
    /// Names of attributes that can name the project.
    projects: &'a [String],
    found: Vec<Found<'a>>,
}

#[derive(Debug, Clone)]
struct Found<'a> {
    name: Cow<'a, str>,
    list: List,
    /// In the list.
    place: usize,
    value: Value<'a>,
}

impl<'a> Attributes<'a> {
    pub fn new(projects: &'a [String]) -> Self {
        Attributes { projects, found: Vec::new() }
    }

    /// Reads one `KeyValue` message and keeps it if it is asked for.
    pub fn take_protobuf(&mut self, key_value: &'a [u8]) -> Result<(), Malformed> {
        let (mut name, mut value) = (None, None);
        for field in fields(key_value) {
            match field? {
                (1, Field::Bytes(bytes)) => name = std::str::from_utf8(bytes).ok(),
                (2, Field::Bytes(any)) => value = Some(any),
                _ => {}
            }
        }
        if let (Some(name), Some(value)) = (name, value)
            && let Some((list, place)) = self.asks_for(name)
            && let Some(value) = value_for(list, value)?
        {
            self.found.push(Found { name: Cow::Borrowed(name), list, place, value });
        }
        Ok(())
    }

    /// Reads the attributes of a JSON body and keeps those that are asked for.
    pub fn take_json(&mut self, attributes: &'a RawValue) -> Result<(), serde_json::Error> {
        json::each(attributes.get().as_bytes(), |pair| -> Result<(), serde_json::Error> {
            let pair: KeyValue<'a> = json::object(pair.get())?;
            if let (Some(name), Some(value)) = (pair.key.and_then(|key| text("key", key).ok()), pair.value)
                && let Some((list, place)) = self.asks_for(&name)
                && let Some(value) = json::object::<AnyValue<'a>>(value.get())?.value_for(list)
            {
                self.found.push(Found { name, list, place, value });
            }
            Ok(())
        })?
    }

    fn asks_for(&self, name: &str) -> Option<(List, usize)> {
        let asked = ALL.get(name).copied().or_else(|| {
            let chosen = self.projects.iter().any(|project| project == name);
            chosen.then_some((PROJECT, PROJECT.len()))
        });
        asked.filter(|_| self.get(name).is_none())
    }

    fn get(&self, name: &str) -> Option<&Value<'a>> {
        self.found.iter().find(|found| found.name == name).map(|found| &found.value)
    }

    /// What `read` makes of the first attribute, in the order of the names, of which it makes anything.
    fn in_order<'s, T>(
        &'s self,
        names: &[&str],
        mut read: impl FnMut(&'s str, &'s Value<'a>) -> Option<T>,
    ) -> Option<T> {
        if let [name] = names {
            return self
                .found
                .iter()
                .find(|found| found.name == *name)
                .and_then(|found| read(&found.name, &found.value));
        }
        let mut best: Option<(usize, T)> = None;
        for found in self.found.iter().filter(|found| std::ptr::eq(found.list, names)) {
            if best.as_ref().is_none_or(|(place, _)| found.place < *place)
                && let Some(read) = read(&found.name, &found.value)
            {
                best = Some((found.place, read));
            }
        }
        best.map(|(_, read)| read)
    }

    /// The first of these attributes that is there.
    pub fn first(&self, names: &[&str]) -> Option<&Value<'a>> {
        self.in_order(names, |_, value| Some(value))
    }

    /// The first of these attributes that is a text, or a number written as one, and not empty.
    pub fn text(&self, names: &[&str]) -> Option<Cow<'a, str>> {
        self.in_order(names, |_, value| value.text())
    }

    /// The project, by the attributes that can name it.
    pub fn project(&self) -> Option<Cow<'a, str>> {
        self.projects.iter().find_map(|name| self.get(name)?.text())
    }

    /// The first of these attributes that is a count. Texts that are none, such as `-`, stand for what is not known.
    pub fn count(&self, names: &[&str]) -> Result<Option<u64>, String> {
        match self.in_order(names, |name, value| Some((name, value.count()?))) {
            None => Ok(None),
            Some((_, Ok(count))) if count <= MAX_QUANTITY => Ok(Some(count)),
            Some((name, Ok(count))) => Err(format!("{name} is {count}; at most {MAX_QUANTITY} is allowed")),
            Some((name, Err(shown))) => Err(format!("{name} is {shown}; it must be a whole number of 0 or more")),
        }
    }

    /// The first of these attributes that is an amount of money. One below 0 is a mistake of whoever worked it out.
    pub fn money(&self, names: &[&str]) -> Result<Option<PicoUsd>, String> {
        let amount = |value: &Value<'a>| value.decimal().filter(|digits| !digits.starts_with('-'));
        self.in_order(names, |name, value| Some((name, amount(value)?)))
            .map(|(name, digits)| {
                let cost = PicoUsd::parse_event_cost(&digits);
                cost.map_err(|error: MoneyError| format!("{name} {digits} {error}"))
            })
            .transpose()
    }
}

impl<'a> Value<'a> {
    pub fn text(&self) -> Option<Cow<'a, str>> {
        match self {
            Value::Text(text) if text.is_empty() => None,
            Value::Text(text) => Some(text.clone()),
            Value::Whole(number) => Some(Cow::Owned(number.to_string())),
            Value::Float(_) | Value::Flag(_) | Value::Texts(_) => None,
        }
    }

    /// A whole number, an error that shows what it is instead, or nothing for what is no number at all.
    fn count(&self) -> Option<Result<u64, String>> {
        match self {
            Value::Whole(number) => Some(u64::try_from(*number).map_err(|_| number.to_string())),
            Value::Float(number) if number.fract() == 0.0 && (0.0..=MAX_QUANTITY as f64).contains(number) => {
                Some(Ok(*number as u64))
            }
            // A stream that told no usage: JavaScript adds nothing and nothing up to NaN.
            Value::Float(number) if !number.is_finite() => None,
            Value::Float(number) => Some(Err(number.to_string())),
            Value::Text(text) => text.parse().ok().map(Ok),
            Value::Flag(_) | Value::Texts(_) => None,
        }
    }

    /// The digits of a number. A binary fraction is written as the shortest decimal that stands for it, which is what
    /// its sender had before.
    fn decimal(&self) -> Option<String> {
        match self {
            Value::Whole(number) => Some(number.to_string()),
            Value::Float(number) => number.is_finite().then(|| number.to_string()),
            Value::Text(text) if text.starts_with(|first: char| first.is_ascii_digit() || first == '-') => {
                Some(text.chars().take(60).collect())
            }
            Value::Text(_) | Value::Flag(_) | Value::Texts(_) => None,
        }
    }
}

/// Most finish reasons of an answer.
const REASONS: usize = 32;

fn value_for(list: List, message: &[u8]) -> Result<Option<Value<'_>>, Malformed> {
    let value = any_value(message)?;
    if value.is_some() || !std::ptr::eq(list, FINISH_REASONS) {
        return Ok(value);
    }
    let mut texts = Vec::new();
    for field in fields(message) {
        let (5, Field::Bytes(array)) = field? else { continue };
        for element in fields(array) {
            if let (1, Field::Bytes(element)) = element?
                && texts.len() < REASONS
            {
                texts.extend(any_value(element)?.and_then(|value| value.text()));
            }
        }
    }
    Ok(Some(Value::Texts(texts)))
}

/// Reads an `AnyValue` message.
pub fn any_value(message: &[u8]) -> Result<Option<Value<'_>>, Malformed> {
    let mut value = None;
    for field in fields(message) {
        value = match field? {
            (1, Field::Bytes(bytes)) => std::str::from_utf8(bytes).ok().map(|text| Value::Text(Cow::Borrowed(text))),
            (2, Field::Varint(flag)) => Some(Value::Flag(flag != 0)),
            // Two's complement, as the encoding has it.
            (3, Field::Varint(number)) => Some(Value::Whole(number as i64)),
            (4, Field::Fixed64(bits)) => Some(Value::Float(f64::from_bits(bits))),
            _ => value,
        };
    }
    Ok(value)
}

#[derive(Deserialize)]
struct KeyValue<'a> {
    #[serde(borrow)]
    key: Option<&'a RawValue>,
    #[serde(borrow)]
    value: Option<&'a RawValue>,
}

/// An `AnyValue` in JSON, where 64-bit numbers are texts or numbers.
#[derive(Default, Deserialize)]
pub struct AnyValue<'a> {
    #[serde(borrow, rename = "stringValue", alias = "string_value")]
    string: Option<&'a RawValue>,
    #[serde(borrow, rename = "intValue", alias = "int_value")]
    int: Option<&'a RawValue>,
    #[serde(borrow, rename = "doubleValue", alias = "double_value")]
    double: Option<&'a RawValue>,
    #[serde(borrow, rename = "boolValue", alias = "bool_value")]
    bool: Option<&'a RawValue>,
    #[serde(borrow, rename = "arrayValue", alias = "array_value")]
    array: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
struct ArrayValue<'a> {
    #[serde(borrow)]
    values: Option<&'a RawValue>,
}

impl<'a> AnyValue<'a> {
    fn value_for(&self, list: List) -> Option<Value<'a>> {
        self.value().or_else(|| std::ptr::eq(list, FINISH_REASONS).then(|| Value::Texts(self.texts())))
    }

    fn texts(&self) -> Vec<Cow<'a, str>> {
        let mut texts = Vec::new();
        let array = self.array.and_then(|array| json::object::<ArrayValue<'a>>(array.get()).ok());
        if let Some(values) = array.and_then(|array| array.values) {
            // What is no list of values has none.
            let _ = json::each(values.get().as_bytes(), |value| -> Result<(), ()> {
                let value = json::object::<AnyValue<'a>>(value.get()).ok().and_then(|value| value.value());
                texts.extend(value.and_then(|value| value.text()).filter(|_| texts.len() < REASONS));
                Ok(())
            });
        }
        texts
    }

    pub fn value(&self) -> Option<Value<'a>> {
        let bare = |value: Option<&'a RawValue>| value.map(|value| value.get().trim_matches('"'));
        None.or_else(|| Some(Value::Text(text("stringValue", self.string?).ok()?)))
            .or_else(|| Some(Value::Whole(bare(self.int)?.parse().ok()?)))
            .or_else(|| Some(Value::Float(bare(self.double)?.parse().ok()?)))
            .or_else(|| Some(Value::Flag(bare(self.bool)? == "true")))
    }
}
