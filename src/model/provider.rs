//! The names of providers and models: what senders call them, and the one name that each is counted under.
//!
//! Callers are the readers of senders, the price book and the invoices: a name means the same wherever it is read.

use std::borrow::Cow;

/// Names that are the usual ones already. Most are, so they are looked for first and need no copy.
const USUAL: [&str; 24] = [
    "openai",
    "anthropic",
    "azure",
    "bedrock",
    "google",
    "vertex_ai",
    "mistral",
    "xai",
    "groq",
    "deepseek",
    "cohere",
    "openrouter",
    "ollama",
    "perplexity",
    "together_ai",
    "fireworks_ai",
    "cerebras",
    "litellm",
    "hosted_vllm",
    "moonshot",
    "huggingface",
    "watsonx",
    "cloudflare",
    UNKNOWN,
];

/// Stands in where a sender knows neither the model nor the provider, as for a call that was turned away.
pub const UNKNOWN: &str = "unknown";

/// Other names of providers, in lower case and with `_` between words: of SDK classes, conventions, gateways and
/// frameworks. A class of an SDK loses what it does (`.chat`) before it is looked for.
const ALIASES: &[(&str, &str)] = &[
    ("amazon", "bedrock"),
    ("amazon_bedrock", "bedrock"),
    ("amazonbedrock", "bedrock"),
    ("anthropicbedrock", "bedrock"),
    ("anthropicvertex", "vertex_ai"),
    ("aws", "bedrock"),
    ("aws_bedrock", "bedrock"),
    ("awsbedrock", "bedrock"),
    ("az_ai_inference", "azure"),
    ("az_ai_openai", "azure"),
    ("azure_ai", "azure"),
    ("azure_ai_foundry", "azure"),
    ("azure_ai_inference", "azure"),
    ("azure_ai_openai", "azure"),
    ("azure_openai", "azure"),
    ("azure_text", "azure"),
    ("azureai", "azure"),
    ("azureml", "azure"),
    ("azureopenai", "azure"),
    ("bedrock_converse", "bedrock"),
    ("bedrockconverse", "bedrock"),
    ("bedrock_runtime", "bedrock"),
    ("bedrock_mantle", "bedrock"),
    ("claude", "anthropic"),
    ("cloudflare_workers_ai", "cloudflare"),
    ("codestral", "mistral"),
    ("cohere_chat", "cohere"),
    ("fireworks", "fireworks_ai"),
    ("fireworksai", "fireworks_ai"),
    ("gcp_gemini", "google"),
    ("gcp_gen_ai", "google"),
    ("gcp_vertex", "vertex_ai"),
    ("gcp_vertex_agent", "vertex_ai"),
    ("gcp_vertex_ai", "vertex_ai"),
    ("gemini", "google"),
    ("genai", "google"),
    ("google_ai", "google"),
    ("google_ai_studio", "google"),
    ("google_gemini", "google"),
    ("google_genai", "google"),
    ("google_generative_ai", "google"),
    ("google_generativeai", "google"),
    ("google_gla", "google"),
    ("google_vertex", "vertex_ai"),
    ("google_vertex_ai", "vertex_ai"),
    ("google_vertex_anthropic", "vertex_ai"),
    ("google_vertexai", "vertex_ai"),
    ("googleai", "google"),
    ("googlegenai", "google"),
    ("googlegenerativeai", "google"),
    ("googlevertex", "vertex_ai"),
    ("googlevertex_anthropic", "vertex_ai"),
    ("grok", "xai"),
    ("hf", "huggingface"),
    ("hugging_face", "huggingface"),
    ("huggingface_hub", "huggingface"),
    ("ibm_watsonx", "watsonx"),
    ("ibm_watsonx_ai", "watsonx"),
    ("kimi", "moonshot"),
    ("microsoft_foundry", "azure"),
    ("mistral_ai", "mistral"),
    ("mistralai", "mistral"),
    ("moonshot_ai", "moonshot"),
    ("moonshotai", "moonshot"),
    ("ollama_chat", "ollama"),
    ("open_ai", "openai"),
    ("open_router", "openrouter"),
    ("openai_codex", "openai"),
    ("perplexity_ai", "perplexity"),
    ("perplexityai", "perplexity"),
    ("text_completion_openai", "openai"),
    ("together", "together_ai"),
    ("togetherai", "together_ai"),
    ("vertex", "vertex_ai"),
    ("vertex_anthropic", "vertex_ai"),
    ("vertexai", "vertex_ai"),
    ("watsonx_ai", "watsonx"),
    ("workers_ai", "cloudflare"),
    ("workersai", "cloudflare"),
    ("x_ai", "xai"),
];

/// What a class of an SDK is for, after the provider's name: `openai.responses`, `google.vertex.chat`.
const CLASSES: [&str; 18] = [
    "chat",
    "chatcompletion",
    "chat_completion",
    "chat_completions",
    "completion",
    "completions",
    "converse",
    "embedding",
    "embeddings",
    "image",
    "messages",
    "reranking",
    "responses",
    "speech",
    "text_completion",
    "textembedding",
    "transcription",
    "video",
];

/// Gateways and frameworks that some senders name where the provider belongs. They are paid by nobody: a call is its
/// model's provider's, where the model names one.
const STAND_INS: [&str; 22] = [
    UNKNOWN,
    "_other",
    "agno",
    "ai_gateway",
    "ai_sdk",
    "autogen",
    "crewai",
    "custom",
    "gateway",
    "haystack",
    "langchain",
    "langgraph",
    "litellm",
    "litellm_proxy",
    "llamaindex",
    "microsoft_agent_framework",
    "openai_agents",
    "pydantic_ai",
    "semantic_kernel",
    "smolagents",
    "strands_agents",
    "vercel_ai_gateway",
];

/// Programs that serve models on machines of one's own. What a call costs there is no matter of tokens, and the ids that
/// some of them give answers come again.
const SELF_HOSTED: [&str; 11] = [
    "docker_model_runner",
    "hosted_vllm",
    "lemonade",
    "llama_cpp",
    "llamafile",
    "lm_studio",
    "ollama",
    "sglang",
    "tgi",
    "vllm",
    "xinference",
];

/// Where Bedrock's inference profiles send a request: `us.anthropic.…`.
const BEDROCK_AREAS: [&str; 9] = ["us.", "eu.", "apac.", "global.", "us-gov.", "jp.", "au.", "ca.", "sa."];
/// Who makes the models at Bedrock, as their ids there begin.
const BEDROCK_MAKERS: [&str; 14] = [
    "ai21.",
    "amazon.",
    "anthropic.",
    "cohere.",
    "deepseek.",
    "google.",
    "luma.",
    "meta.",
    "mistral.",
    "moonshot.",
    "openai.",
    "qwen.",
    "stability.",
    "writer.",
];

/// A provider under the one name it is counted by.
pub fn canonical_provider(name: &str) -> Cow<'_, str> {
    if USUAL.contains(&name) {
        return Cow::Borrowed(name);
    }
    let words = words(name);
    let of_class =
        |rest: &str| CLASSES.iter().find_map(|class| Some(rest.strip_suffix(class)?.strip_suffix('_')?.len()));
    let bare = of_class(&words).map_or(&*words, |end| &words[..end]);
    let usual = |words: &str| {
        let known = USUAL.iter().find(|known| **known == words);
        known.copied().or_else(|| ALIASES.iter().find(|(alias, _)| *alias == words).map(|(_, usual)| *usual))
    };
    if let Some(usual) = usual(&words).or_else(|| usual(bare)).or_else(|| usual(&without_class(&words))) {
        return Cow::Borrowed(usual);
    }
    // LiteLLM's table of models has a name for each kind of them there: `vertex_ai-mistral_models`.
    if words.starts_with("vertex_ai_") {
        return Cow::Borrowed("vertex_ai");
    }
    // A class of a provider that nobody here has heard of, or a name in a case of its own.
    let start = name.trim();
    match start.split_once('.') {
        Some((provider, class)) if CLASSES.contains(&&*self::words(class)) && !provider.is_empty() => {
            Cow::Owned(provider.to_lowercase())
        }
        _ if STAND_INS.contains(&&*words) => Cow::Borrowed(name),
        _ if start.bytes().any(|byte| byte.is_ascii_uppercase()) => Cow::Owned(start.to_lowercase()),
        _ => Cow::Borrowed(start),
    }
}

/// Classes of frameworks have what they do within a name: `AzureChatOpenAI`, `OpenAIEmbeddings`, `OpenAIModel`.
fn without_class(words: &str) -> String {
    let without = words.replace("chat", "");
    let bare =
        ["embeddings", "embedding", "completionsmodel", "model"].iter().find_map(|class| without.strip_suffix(class));
    bare.unwrap_or(&without).trim_matches('_').to_owned()
}

/// A name in lower case, with `_` wherever words are set apart.
fn words(name: &str) -> String {
    let word = |c: char| if matches!(c, ' ' | '-' | '.' | '/' | ':') { '_' } else { c.to_ascii_lowercase() };
    name.trim().chars().map(word).collect()
}

/// Whether a name stands where a provider belongs and is none.
pub fn is_stand_in(provider: &str) -> bool {
    provider.is_empty() || STAND_INS.contains(&&*words(provider))
}

/// OpenAI's models whose names nobody else has, and which a list by names of providers does not find without one.
const OF_OPENAI: [&str; 6] =
    ["chatgpt-", "codex-", "computer-use-", "omni-moderation-", "text-embedding-3-", "text-embedding-ada-"];

/// Whose prices a call has: its provider's. `None` where a framework was named and the model's name has to tell.
pub fn price_provider<'a>(provider: &'a str, model: &str) -> Option<&'a str> {
    if !is_stand_in(provider) {
        return Some(provider);
    }
    OF_OPENAI.iter().any(|name| model.starts_with(name)).then_some("openai")
}

/// Whether a provider is a program on a machine of one's own.
pub fn is_self_hosted(provider: &str) -> bool {
    SELF_HOSTED.contains(&&*words(provider))
}

/// The provider of a call: the one that the sender names, unless it names a framework and the model a provider, or the
/// model can only be another's: ids with `us.anthropic.` or an ARN are Bedrock's, those with a date after `@` Vertex AI's.
pub fn provider_of<'a>(named: Option<&'a str>, used_model: &'a str) -> Cow<'a, str> {
    let named = named.map(canonical_provider).filter(|name| !name.is_empty());
    match named {
        Some(named) if named != "anthropic" && !is_stand_in(&named) => named,
        named => {
            let by_model = if is_bedrock_id(used_model) {
                Some(Cow::Borrowed("bedrock"))
            } else if is_vertex_id(used_model) {
                Some(Cow::Borrowed("vertex_ai"))
            } else if named.as_deref() == Some("anthropic") {
                None
            } else {
                model_prefix(used_model).map(canonical_provider)
            };
            by_model.or(named).unwrap_or(Cow::Borrowed(UNKNOWN))
        }
    }
}

fn is_bedrock_id(used_model: &str) -> bool {
    bedrock_model(used_model).is_some()
}

/// The model of an id at Bedrock: what an ARN is of, and what is last of an id after the routes and regions that gateways
/// write before it (`bedrock/converse/eu-west-1/anthropic.claude-haiku-4-5`).
fn bedrock_model(used_model: &str) -> Option<&str> {
    if let Some(arn) = used_model.find("arn:aws").map(|at| &used_model[at..]).filter(|arn| arn.contains(":bedrock:")) {
        return Some(arn.split_once('/').map_or(arn, |(_, model)| model));
    }
    let last = used_model.rsplit('/').next()?;
    BEDROCK_MAKERS.iter().any(|maker| without_area(last).starts_with(maker)).then_some(last)
}

fn is_vertex_id(used_model: &str) -> bool {
    let date = used_model.rsplit_once('@').map(|(_, date)| date);
    date.is_some_and(|date| date == "latest" || date.len() == 8 && date.bytes().all(|byte| byte.is_ascii_digit()))
}

/// A model's id at Bedrock without the part of the world that answers: prices are those of the model.
pub fn without_area(model: &str) -> &str {
    let area = BEDROCK_AREAS.iter().find(|area| model.starts_with(**area));
    let bare = area.map_or(model, |area| &model[area.len()..]);
    if BEDROCK_MAKERS.iter().any(|maker| bare.starts_with(maker)) { bare } else { model }
}

/// `usedModel` without its provider prefix and without what follows a colon: `openai/gpt-4o:free` → `gpt-4o`. Of a colon
/// two things are part of the name: the base of a fine-tuned model (`ft:gpt-4o:acme::id` → `ft:gpt-4o`) and a size
/// (`llama3.1:70b`), which names another model.
pub fn canonical_model(used: &str) -> &str {
    let bare = bedrock_model(used).unwrap_or_else(|| used.split_once('/').map_or(used, |(_, rest)| rest));
    let Some((name, rest)) = bare.split_once(':') else { return bare };
    let first_of_rest = rest.split_once(':').map_or(rest, |(first, _)| first);
    let keeps_first = match name {
        "ft" => !first_of_rest.is_empty(),
        _ => is_size(first_of_rest),
    };
    if keeps_first { &bare[..name.len() + 1 + first_of_rest.len()] } else { name }
}

/// Whether a tag begins with a number of parameters: `70b`, `8x7b`, `1.5b`, `270m`, `1t`, `e4b`, `70b-instruct-q4_0`.
fn is_size(tag: &str) -> bool {
    let size = tag.split_once('-').map_or(tag, |(size, _)| size).to_ascii_lowercase();
    let Some(number) = size.strip_suffix(['b', 'm', 't']) else { return false };
    let number = number.strip_prefix(['e', 'a']).unwrap_or(number);
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    match number.split_once(['x', '.']) {
        Some((a, b)) => digits(a) && digits(b),
        None => digits(number),
    }
}

/// The provider that a model name starts with, when it does.
pub fn model_prefix(used: &str) -> Option<&str> {
    used.split_once('/').map(|(prefix, _)| prefix).filter(|prefix| !prefix.is_empty() && !prefix.starts_with("arn:"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn canonical_models() {
        for (used, expected) in [
            ("gpt-4o", "gpt-4o"),
            ("openai/gpt-4o", "gpt-4o"),
            ("openai/gpt-4o:free", "gpt-4o"),
            ("gpt-4o:free", "gpt-4o"),
            ("gpt-4o:nitro", "gpt-4o"),
            ("openrouter/meta-llama/llama-3.3-70b", "meta-llama/llama-3.3-70b"),
            ("a:b/c:d", "c"),
            ("a/b:c:d", "b"),
            ("ft:gpt-4o-mini-2024-07-18:acme::Ab12Cd", "ft:gpt-4o-mini-2024-07-18"),
            ("openai/ft:gpt-4o-2024-08-06:acme:support:Zz99:ckpt-step-90", "ft:gpt-4o-2024-08-06"),
            ("ft:open-mistral-7b:daf5e488:20240430:c1bed559", "ft:open-mistral-7b"),
            ("ft:gpt-4o", "ft:gpt-4o"),
            ("llama3.1:8b", "llama3.1:8b"),
            ("ollama/llama3.1:70b", "llama3.1:70b"),
            ("llama3.1:70b-instruct-q4_0", "llama3.1:70b-instruct-q4_0"),
            ("mixtral:8x7b", "mixtral:8x7b"),
            ("deepseek-r1:1.5b", "deepseek-r1:1.5b"),
            ("gemma3:270m", "gemma3:270m"),
            ("ollama/kimi-k2:1t", "kimi-k2:1t"),
            ("kimi-k2:1t-cloud", "kimi-k2:1t-cloud"),
            ("kimi-k2:t", "kimi-k2"),
            ("gemma3n:e4b", "gemma3n:e4b"),
            ("qwen3:235b-a22b", "qwen3:235b-a22b"),
            ("llama3.1:70b:free", "llama3.1:70b"),
            ("llama3.1:latest", "llama3.1"),
            ("qwen3-coder:b", "qwen3-coder"),
            ("deepseek-r1:beta", "deepseek-r1"),
            ("us.anthropic.claude-3-7-sonnet-20250219-v1:0", "us.anthropic.claude-3-7-sonnet-20250219-v1"),
            ("bedrock/us-east-1/anthropic.claude-haiku-4-5-20251001-v1:0", "anthropic.claude-haiku-4-5-20251001-v1"),
            ("bedrock/converse/us.amazon.nova-pro-v1:0", "us.amazon.nova-pro-v1"),
            (
                "bedrock/arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.amazon.nova-lite-v1:0",
                "us.amazon.nova-lite-v1",
            ),
            ("arn:aws:bedrock:eu-west-1:123456789012:application-inference-profile/a1b2c3", "a1b2c3"),
        ] {
            assert_eq!(canonical_model(used), expected, "{used}");
        }
    }

    #[test]
    fn providers_have_one_name_each() {
        for (usual, names) in [
            (
                "openai",
                &[
                    "openai",
                    "OPENAI",
                    "OpenAI",
                    " openai ",
                    "openai.responses",
                    "openai.chat",
                    "openai.embedding",
                    "openai.completion",
                    "openai.textEmbedding",
                    "ChatOpenAI",
                    "OpenAIChat",
                    "text-completion-openai",
                    "OpenAIEmbeddings",
                    "OpenAIModel",
                    "openai.ChatCompletion",
                ][..],
            ),
            (
                "anthropic",
                &["anthropic", "ANTHROPIC", "anthropic.messages", "Anthropic Messages", "claude", "ChatAnthropic"],
            ),
            (
                "google",
                &[
                    "google",
                    "gemini",
                    "gcp.gemini",
                    "gcp.gen_ai",
                    "google.generative-ai",
                    "google-gla",
                    "Google AI Studio",
                    "google_genai",
                    "google-ai-studio",
                    "GoogleGenAI",
                    "GoogleGenerativeAIEmbeddings",
                    "genai",
                ],
            ),
            (
                "vertex_ai",
                &[
                    "vertex_ai",
                    "ChatVertexAI",
                    "gcp.vertex_ai",
                    "google.vertex.chat",
                    "google-vertex",
                    "vertexai",
                    "vertex.anthropic.messages",
                    "googleVertex.anthropic.messages",
                    "google_vertexai",
                    "ChatAnthropicVertex",
                    "gcp.vertex.agent",
                    "vertex_ai-llama_models",
                    "vertex_ai-embedding-models",
                    "vertex_ai_beta",
                ],
            ),
            (
                "azure",
                &[
                    "azure",
                    "AzureChatOpenAI",
                    "Azure",
                    "azure.responses",
                    "azure-openai.chat",
                    "azure.ai.inference",
                    "az.ai.openai",
                    "azure_ai",
                    "azure.ai.openai",
                    "AzureAIChatCompletionsModel",
                    "AzureOpenAIEmbeddings",
                    "azureml",
                    "microsoft.foundry",
                ],
            ),
            (
                "bedrock",
                &[
                    "bedrock",
                    "amazon-bedrock",
                    "aws.bedrock",
                    "Amazon Bedrock",
                    "bedrock_converse",
                    "ChatBedrockConverse",
                    "aws",
                    "AWS",
                    "AmazonBedrock",
                    "AwsBedrock",
                    "AnthropicBedrock",
                    "BedrockEmbeddings",
                ],
            ),
            ("mistral", &["mistral", "mistral.chat", "mistralai", "mistral_ai"]),
            ("xai", &["xai", "x_ai", "x-ai", "xai.chat", "xAI", "xai.responses"]),
            ("groq", &["groq", "groq.chat", "Groq"]),
            ("cohere", &["cohere", "cohere_chat", "cohere.chat", "COHERE", "CohereEmbeddings"]),
            ("huggingface", &["huggingface_hub", "HuggingFaceEmbeddings"]),
            ("deepseek", &["deepseek", "deepseek.chat", "DeepSeek"]),
            ("together_ai", &["together_ai", "together-ai", "Together", "togetherai.chat"]),
            ("fake", &["fake", "fake.chat", "Fake", "FAKE"]),
            ("my.own", &["my.own"]),
            ("openai_like", &["openai_like"]),
        ] {
            for name in names {
                assert_eq!(canonical_provider(name), usual, "{name}");
            }
        }
    }

    #[test]
    fn a_model_names_the_provider_where_the_sender_does_not() {
        for (named, model, expected) in [
            (None, "openai/gpt-4o", "openai"),
            (None, "gpt-4o", "unknown"),
            (Some(""), "gpt-4o", "unknown"),
            (Some("litellm"), "openai/gpt-4o-mini", "openai"),
            (Some("gateway"), "anthropic/claude-sonnet-4.5", "anthropic"),
            (Some("openrouter"), "openai/gpt-5", "openrouter"),
            (Some("strands-agents"), "gpt-5-mini", "strands-agents"),
            (Some("litellm"), "gpt-4o", "litellm"),
            (Some("anthropic"), "us.anthropic.claude-3-7-sonnet-20250219-v1:0", "bedrock"),
            (Some("anthropic"), "global.anthropic.claude-sonnet-4-5-20250929-v1:0", "bedrock"),
            (Some("anthropic"), "claude-sonnet-4-5@20250929", "vertex_ai"),
            (Some("anthropic"), "claude-sonnet-4-5-20250929", "anthropic"),
            (Some("anthropic"), "anthropic/claude-sonnet-4-5", "anthropic"),
            (
                Some("unknown"),
                "arn:aws:bedrock:eu-west-1:111122223333:inference-profile/eu.anthropic.claude-3-7-sonnet-20250219-v1:0",
                "bedrock",
            ),
            (None, "arn:aws:bedrock:eu-west-1:1:application-inference-profile/ab12", "bedrock"),
        ] {
            assert_eq!(provider_of(named, model), expected, "{named:?} {model}");
        }
    }

    #[test]
    fn an_area_is_no_part_of_what_a_model_costs() {
        assert_eq!(without_area("us.anthropic.claude-3"), "anthropic.claude-3");
        assert_eq!(without_area("anthropic.claude-3"), "anthropic.claude-3");
        assert_eq!(without_area("us.acme.model"), "us.acme.model");
    }
}
