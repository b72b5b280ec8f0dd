//! Figures that stand in the text of a JSON object instead of attributes of their own: LangSmith's, Langfuse's, and what
//! the Vercel AI SDK hands on of a provider's answer. Nothing else in those texts becomes a value.

use std::borrow::Cow;

use serde::Deserialize;

use super::attributes::{self as names, Attributes};
use crate::ingest::json::object;
use crate::ingest::langfuse;
use crate::ingest::usage::{Figures, Habits, Place, tier_of};
use crate::model::PicoUsd;
use crate::pricing::ServiceTier;

/// Longest text that is looked at. One with figures has some hundred bytes; one with an answer's sources has many more.
const MAX_BYTES: usize = 64 << 10;

/// LangChain's usage of one call, as LangSmith keeps it. Its parts are within their wholes.
#[derive(Default, Deserialize)]
#[serde(default)]
struct UsageMetadata {
    input_tokens: Option<u64>,
    output_tokens: Option<u64>,
    total_tokens: Option<u64>,
    input_token_details: InputDetails,
    output_token_details: OutputDetails,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct InputDetails {
    audio: Option<u64>,
    cache_read: Option<u64>,
    cache_creation: Option<u64>,
    ephemeral_5m_input_tokens: Option<u64>,
    ephemeral_1h_input_tokens: Option<u64>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct OutputDetails {
    audio: Option<u64>,
    reasoning: Option<u64>,
}

/// What a provider said, by the provider's name in the SDK.
#[derive(Default, Deserialize)]
#[serde(default)]
struct ProviderMetadata {
    anthropic: Anthropic,
    #[serde(alias = "vertex")]
    google: Google,
    #[serde(alias = "azure")]
    openai: OpenAi,
    bedrock: Bedrock,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Anthropic {
    usage: AnthropicUsage,
    #[serde(rename = "cacheCreationInputTokens")]
    written: Option<u64>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct AnthropicUsage {
    input_tokens: Option<u64>,
    cache_read_input_tokens: Option<u64>,
    cache_creation_input_tokens: Option<u64>,
    cache_creation: AnthropicWritten,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct AnthropicWritten {
    ephemeral_1h_input_tokens: Option<u64>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Google {
    usage_metadata: Option<GoogleUsage>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct GoogleUsage {
    prompt_token_count: Option<u64>,
    candidates_token_count: Option<u64>,
    cached_content_token_count: Option<u64>,
    thoughts_token_count: Option<u64>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct OpenAi {
    cached_prompt_tokens: Option<u64>,
    reasoning_tokens: Option<u64>,
    service_tier: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Bedrock {
    usage: BedrockUsage,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct BedrockUsage {
    cache_read_input_tokens: Option<u64>,
    cache_write_input_tokens: Option<u64>,
}

/// Figures with what only a text tells, how they are then counted, and the service tier if a text tells it.
pub fn with_details(attributes: &Attributes<'_>, figures: Figures) -> (Figures, Habits, Option<ServiceTier>) {
    let mut of = (figures, Habits::default(), None);
    let whole = read::<UsageMetadata>(attributes, names::USAGE_METADATA);
    let (input, output) = (read(attributes, names::INPUT_DETAILS), read(attributes, names::OUTPUT_DETAILS));
    if whole.is_some() || input.is_some() || output.is_some() {
        let whole = whole.unwrap_or_default();
        let input_token_details = input.unwrap_or(whole.input_token_details);
        let output_token_details = output.unwrap_or(whole.output_token_details);
        of.0 = langsmith(UsageMetadata { input_token_details, output_token_details, ..whole }, figures);
    } else if let Some(usage) = short_text(attributes, names::LANGFUSE_USAGE)
        && let Some(told) = langfuse::figures(&usage)
        && told != Figures::default()
    {
        of.0 = told;
        of.1 = Habits { cache: Place::Within, reasoning: Place::Within };
    } else if let Some(metadata) = read::<ProviderMetadata>(attributes, names::PROVIDER_METADATA) {
        of = ai_sdk(&metadata, figures);
    }
    of
}

/// The cost that an observation of Langfuse has.
pub fn langfuse_cost(attributes: &Attributes<'_>) -> Option<PicoUsd> {
    langfuse::cost(&short_text(attributes, names::LANGFUSE_COST)?)
}

fn short_text<'a>(attributes: &Attributes<'a>, list: names::List) -> Option<Cow<'a, str>> {
    attributes.text(list).filter(|text| text.len() <= MAX_BYTES)
}

/// What is no such object says nothing.
fn read<T: for<'de> Deserialize<'de>>(attributes: &Attributes<'_>, list: names::List) -> Option<T> {
    object(&short_text(attributes, list)?).ok()
}

fn langsmith(usage: UsageMetadata, told: Figures) -> Figures {
    let (input, output) = (usage.input_token_details, usage.output_token_details);
    let by_time =
        input.ephemeral_5m_input_tokens.unwrap_or(0).saturating_add(input.ephemeral_1h_input_tokens.unwrap_or(0));
    Figures {
        input: told.input.or(usage.input_tokens),
        output: told.output.or(usage.output_tokens),
        total: told.total.or(usage.total_tokens),
        cached: told.cached.or(input.cache_read),
        // Where it says for how long, it does not say how many in all.
        cache_write: told
            .cache_write
            .or(input.cache_creation.map(|all| all.max(by_time)))
            .or((by_time > 0).then_some(by_time)),
        cache_write_1h: told.cache_write_1h.or(input.ephemeral_1h_input_tokens),
        reasoning: told.reasoning.or(output.reasoning),
        audio_input: told.audio_input.or(input.audio),
        audio_output: told.audio_output.or(output.audio),
    }
}

fn ai_sdk(metadata: &ProviderMetadata, told: Figures) -> (Figures, Habits, Option<ServiceTier>) {
    let ProviderMetadata { anthropic, google, openai, bedrock } = metadata;
    let tier = openai.service_tier.as_deref().map(tier_of);
    let mut figures = Figures {
        cached: told.cached.or(openai.cached_prompt_tokens).or(bedrock.usage.cache_read_input_tokens),
        cache_write: told.cache_write.or(bedrock.usage.cache_write_input_tokens),
        reasoning: told.reasoning.or(openai.reasoning_tokens),
        ..told
    };
    let mut habits = Habits::default();
    let usage = &anthropic.usage;
    if let Some(uncached) = usage.input_tokens {
        // Version 5 has this for the input, later ones have all that went in.
        let (read, written) = (usage.cache_read_input_tokens, usage.cache_creation_input_tokens.or(anthropic.written));
        let all = uncached.saturating_add(read.unwrap_or(0)).saturating_add(written.unwrap_or(0));
        figures.input = Some(figures.input.unwrap_or(0).max(all));
        figures.cached = figures.cached.or(read);
        figures.cache_write = figures.cache_write.or(written);
        figures.cache_write_1h = figures.cache_write_1h.or(usage.cache_creation.ephemeral_1h_input_tokens);
        habits.cache = Place::Within;
    }
    if let Some(usage) = &google.usage_metadata {
        figures.cached = figures.cached.or(usage.cached_content_token_count);
        figures.reasoning = figures.reasoning.or(usage.thoughts_token_count);
        // Version 5 has the answer without thoughts for the output, later ones have both together.
        if figures.output == usage.candidates_token_count && figures.output.is_some() {
            habits.reasoning = Place::Beside;
        }
        figures.input = figures.input.or(usage.prompt_token_count);
    }
    (figures, habits, tier)
}
