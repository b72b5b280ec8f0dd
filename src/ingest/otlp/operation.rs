//! What a span is about, by what its instrumentation calls it: a call of a model, a look at one's answer, or neither.

use super::attributes::{self as names, Attributes};

pub use super::span_call::Kind;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    Call(Kind),
    /// Of a kind that nobody here has heard of: a call if it has tokens.
    Unheard,
    /// A finished or a running answer is asked for again.
    Read,
    /// What runs beside calls and may make some of its own.
    Tool,
    /// Steps around calls, which repeat their sums, and whatever else is not a model's answer.
    Around,
}

/// Parts of the names of operations, the first that is found.
const BY_PART: [(&[&str], Operation); 6] = [
    (&["tool", "mcp"], Operation::Tool),
    (
        &[
            "agent",
            "workflow",
            "chain",
            "task",
            "plan",
            "memory",
            "guardrail",
            "retrieval",
            "retriever",
            "prompt",
            "skill",
            "handoff",
            "event_loop",
            "count_tokens",
            "thread",
            "assistant",
            "file",
            "list",
            "models",
            "delete",
            "cancel",
            "upload",
            "fine_tun",
            "vector_store",
        ],
        Operation::Around,
    ),
    (&["fetch", "retrieve", "poll", "get_response", "responses.get", "read_response", "get_batch"], Operation::Read),
    (&["batch"], Operation::Around),
    (&["embed"], Operation::Call(Kind::Embedding)),
    (&["rerank"], Operation::Call(Kind::Rerank)),
];
/// Parts of the names of calls that answer.
const ANSWERS: [&str; 16] = [
    "chat",
    "completion",
    "generat",
    "response",
    "message",
    "llm",
    "inference",
    "converse",
    "invoke_model",
    "image",
    "speech",
    "transcri",
    "translat",
    "audio",
    "realtime",
    "moderat",
];

impl Operation {
    /// By attributes of any convention; `None` when they do not say.
    pub fn of(attributes: &Attributes<'_>) -> Option<Operation> {
        if let Some(id) = attributes.text(names::AI_SDK_OPERATION) {
            return Some(Operation::of_ai_sdk(&id));
        }
        if let Some(name) = attributes.text(names::OPERATION) {
            return Some(Operation::named(&name));
        }
        if let Some(kind) = attributes.text(names::OPENINFERENCE_KIND) {
            return Some(match &*kind.to_ascii_uppercase() {
                "LLM" => Operation::Call(Kind::Text),
                "EMBEDDING" => Operation::Call(Kind::Embedding),
                "RERANKER" => Operation::Call(Kind::Rerank),
                "TOOL" => Operation::Tool,
                _ => Operation::Around,
            });
        }
        if let Some(kind) = attributes.text(names::LANGFUSE_TYPE) {
            return Some(match &*kind.to_ascii_lowercase() {
                "generation" => Operation::Call(Kind::Text),
                "embedding" => Operation::Call(Kind::Embedding),
                "tool" => Operation::Tool,
                _ => Operation::Around,
            });
        }
        if let Some(kind) = attributes.text(names::OPENLLMETRY_REQUEST) {
            return Some(Operation::named(&kind));
        }
        Some(match &*attributes.text(names::OPENLLMETRY_KIND)? {
            "tool" => Operation::Tool,
            _ => Operation::Around,
        })
    }

    fn named(name: &str) -> Operation {
        // Most are one of these two.
        match name {
            "chat" => return Operation::Call(Kind::Text),
            "embeddings" => return Operation::Call(Kind::Embedding),
            _ => {}
        }
        let name = name.to_ascii_lowercase();
        let found = BY_PART.iter().find(|(parts, _)| parts.iter().any(|part| name.contains(part)));
        match found {
            Some((_, operation)) => *operation,
            None if ANSWERS.iter().any(|part| name.contains(part)) => Operation::Call(Kind::Text),
            None => Operation::Unheard,
        }
    }

    /// `ai.generateText` is what an application asks for, `ai.generateText.doGenerate` each call that comes of it.
    fn of_ai_sdk(id: &str) -> Operation {
        match id.rsplit_once(".do") {
            Some((_, "Embed")) => Operation::Call(Kind::Embedding),
            Some((_, "Rerank")) => Operation::Call(Kind::Rerank),
            Some(_) => Operation::Call(Kind::Text),
            None if id == "ai.toolCall" => Operation::Tool,
            None => Operation::Around,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_by_name() {
        use Operation::*;
        for (name, expected) in [
            ("chat", Call(Kind::Text)),
            ("acompletion", Call(Kind::Text)),
            ("text_completion", Call(Kind::Text)),
            ("generate_content", Call(Kind::Text)),
            ("responses", Call(Kind::Text)),
            ("llm_call", Call(Kind::Text)),
            ("Embeddings", Call(Kind::Embedding)),
            ("aembedding", Call(Kind::Embedding)),
            ("rerank", Call(Kind::Rerank)),
            ("fetch_response", Read),
            ("retrieve_response", Read),
            ("poll", Read),
            ("execute_tool", Tool),
            ("mcp.call", Tool),
            ("tools/list", Tool),
            ("schedule_tool_calls", Tool),
            ("invoke_agent", Around),
            ("agent_step", Around),
            ("create_agent", Around),
            ("invoke_workflow", Around),
            ("retrieval", Around),
            ("user_prompt", Around),
            ("list_models", Around),
            ("file_content", Around),
            ("create_batch", Around),
            ("count_tokens", Around),
            ("frobnicate", Unheard),
        ] {
            assert_eq!(Operation::named(name), expected, "{name}");
        }
        for (id, expected) in [
            ("ai.generateText", Around),
            ("ai.generateText.doGenerate", Call(Kind::Text)),
            ("ai.streamObject.doStream", Call(Kind::Text)),
            ("ai.embedMany.doEmbed", Call(Kind::Embedding)),
            ("ai.toolCall", Tool),
        ] {
            assert_eq!(Operation::of_ai_sdk(id), expected, "{id}");
        }
    }
}
