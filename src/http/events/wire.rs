//! Events, and what became of them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::http::decimals::Money;
use crate::ingest::Rejection;

/// One usage event, or several.
#[derive(ToSchema)]
#[schema(as = Events)]
#[serde(untagged)]
#[allow(dead_code, clippy::large_enum_variant, reason = "documents what `ingest::event` reads")]
pub enum EventsBody {
    Several(Vec<EventBody>),
    One(EventBody),
}

/// A finished LLM call, or `count` of them; docs/events.md has the rules. `null` is the same as leaving a field out, and
/// fields that are not here are ignored. Whole numbers are 0 to 1,000,000,000,000.
#[derive(ToSchema)]
#[schema(as = Event, rename_all = "camelCase")]
#[allow(dead_code, reason = "documents what `ingest::event` reads")]
pub struct EventBody {
    /// Unique within the organization.
    #[schema(min_length = 1, max_length = 128)]
    id: String,
    /// When the request started.
    timestamp: Timestamp,
    /// Left out where the token is for one organization.
    #[schema(max_length = 512)]
    organization_id: Option<String>,
    /// Left out where the token has a default project.
    #[schema(max_length = 512)]
    project_id: Option<String>,
    /// Left out where the token has a default API key.
    #[schema(max_length = 512)]
    api_key_id: Option<String>,
    /// As it was called, such as `openai/gpt-4o`.
    #[schema(max_length = 512)]
    used_model: String,
    /// Left out where `usedModel` begins with it.
    #[schema(max_length = 512)]
    used_provider: Option<String>,
    /// The app that made the call.
    #[schema(max_length = 512)]
    source: Option<String>,
    /// Input, cached ones included.
    prompt_tokens: Option<WholeTokens>,
    /// Output, reasoning included.
    completion_tokens: Option<WholeTokens>,
    /// Prompt and completion, unless given.
    total_tokens: Option<u64>,
    /// Part of the prompt that was read from the provider's cache.
    cached_tokens: Option<u64>,
    /// Part of the prompt that was written to it.
    cache_write_tokens: Option<u64>,
    /// Part of those that is to stay for an hour.
    #[schema(rename = "cacheWrite1hTokens")]
    cache_write_1h_tokens: Option<u64>,
    /// Part of the completion.
    reasoning_tokens: Option<u64>,
    /// Part of the prompt.
    audio_input_tokens: Option<u64>,
    /// Part of the completion.
    audio_output_tokens: Option<u64>,
    /// How the provider served the call; used for its price.
    service_tier: Option<ServiceTierName>,
    /// What the call is told apart by elsewhere; the `id`, unless given.
    #[schema(max_length = 512)]
    call_id: Option<String>,
    /// 0 to 10,000,000. Left out, it is looked up.
    cost: Option<Money>,
    has_error: Option<bool>,
    /// Whether the gateway's own cache answered.
    cached: Option<bool>,
    streamed: Option<bool>,
    /// `client_error`, `gateway_error` and `upstream_error` have a meaning.
    #[schema(max_length = 512)]
    finish_reason: Option<String>,
    used_mode: Option<ModeName>,
    /// How many calls it stands for; tokens and cost are sums over all of them.
    #[schema(minimum = 1)]
    count: Option<u64>,
    /// Whether the cost is of no call of a model, such as a tool's: money without a request.
    no_request: Option<bool>,
    /// Whether the figures are those of before the call's end.
    partial: Option<bool>,
}

/// A number of tokens, or that nobody knows it.
#[derive(ToSchema)]
#[serde(untagged)]
#[allow(dead_code, reason = "documents what `ingest::event` reads")]
pub enum WholeTokens {
    Known(u64),
    Unknown(UnknownTokens),
}

#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
#[allow(dead_code, reason = "documents what `ingest::event` reads")]
pub enum UnknownTokens {
    Unknown,
}

/// A moment: RFC 3339 with an offset, or milliseconds since 1970.
#[derive(ToSchema)]
#[serde(untagged)]
#[allow(dead_code, reason = "documents what `ingest::event` reads")]
pub enum Timestamp {
    #[schema(format = DateTime)]
    Text(String),
    Milliseconds(u64),
}

#[derive(ToSchema)]
#[schema(as = ServiceTier, rename_all = "lowercase")]
#[allow(dead_code, reason = "documents what `ingest::event` reads")]
pub enum ServiceTierName {
    Standard,
    Batch,
    Flex,
    Priority,
}

/// Who pays the provider: the gateway, or the organization's own provider keys.
#[derive(ToSchema)]
#[schema(as = Mode, rename_all = "kebab-case")]
#[allow(dead_code, reason = "documents what `ingest::event` reads")]
pub enum ModeName {
    Credits,
    ApiKeys,
}

/// What became of the events of one request.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct IngestAnswer {
    /// Events that are now counted.
    pub accepted: usize,
    /// Those of them that completed a call of which less was known. Left out when there are none.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub completed: usize,
    /// Events that were counted before.
    pub duplicates: usize,
    /// Events that are not valid.
    pub rejected: Vec<RejectedEvent>,
}

fn is_zero(count: &usize) -> bool {
    *count == 0
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RejectedEvent {
    /// Position in the body, from 0.
    pub index: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    pub error: String,
}

impl From<Rejection> for RejectedEvent {
    fn from(Rejection { index, id, error }: Rejection) -> RejectedEvent {
        RejectedEvent { index, id, error }
    }
}

/// What became of the records of one request.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FeedAnswer {
    /// Calls that are now counted.
    pub accepted: usize,
    /// Those of them that completed a call of which less was known. Left out when there are none.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub completed: usize,
    /// Calls that were counted before.
    pub duplicates: usize,
    /// Records that say nothing about usage, such as a test.
    pub ignored: usize,
    /// Calls that are not valid.
    pub rejected: Vec<RejectedEvent>,
}
