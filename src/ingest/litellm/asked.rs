//! What was asked of LiteLLM's proxy, by what it calls the kind of call, and what counts of it: in what it posts and in
//! the rows of its table alike.

use super::super::call::Ending;

/// The model that what tools and other services cost is counted under.
pub const EXTRAS: &str = "tool calls";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    Call,
    /// An answer that goes by its id: it may be made in the background, and be asked for again.
    Answer,
    /// Such an answer, asked for again.
    AnswerAgain,
    /// How a batch is doing. Once it is done, each time with all of its usage.
    Batch,
    /// No call of a model. What it costs counts all the same.
    Extra,
}

/// Parts of the names of what is no call of a model: tools, files, batches, threads and what else is kept for one.
const EXTRA: [&str; 27] = [
    "mcp",
    "tool",
    "search",
    "sandbox",
    "run_code",
    "container",
    "skill",
    "send_message",
    "batch",
    "file",
    "list",
    "fine_tuning",
    "vector_store",
    "assistant",
    "delete",
    "cancel",
    "create_thread",
    "get_thread",
    "add_message",
    "get_messages",
    "video_retrieve",
    "video_content",
    "video_get",
    "count_tokens",
    "token_counter",
    "client_secret",
    "models",
];

impl Asked {
    pub fn by(call_type: &str) -> Asked {
        let is = |part: &str| call_type.contains(part);
        match call_type {
            "" | "acompletion" | "completion" | "aembedding" | "anthropic_messages" => Asked::Call,
            _ if call_type.ends_with("retrieve_batch") => Asked::Batch,
            _ if EXTRA.iter().any(|part| is(part)) => Asked::Extra,
            _ if is("get_response") || is("retrieve_response") => Asked::AnswerAgain,
            "responses" | "aresponses" => Asked::Answer,
            _ => Asked::Call,
        }
    }

    /// Why a record of it counts for nothing, if it does: by whether it has tokens, whether it has a cost, and whether it
    /// failed.
    pub fn passed_over(self, used_any: bool, costs: bool, failed: bool) -> Option<&'static str> {
        match self {
            Asked::Extra if !costs || failed => Some("no call of a model"),
            Asked::Batch if !used_any && !costs || failed => Some("a look at a batch"),
            Asked::AnswerAgain if !used_any || failed => Some("an answer asked for again"),
            _ => None,
        }
    }
}

/// How a call ended, by what is said of an error: its status, its kind, and which provider it is of.
pub fn ending(failed: bool, status: Option<u16>, class: Option<&str>, provider: Option<&str>) -> Ending {
    match (failed, status) {
        // A client that hangs up in the middle of a stream leaves a success behind.
        (false, Some(499)) => Ending::ClientError,
        (false, _) if class == Some("ClientDisconnected") => Ending::ClientError,
        (false, _) => Ending::Answered,
        // Without a provider it was the proxy that turned its client away, for a wrong key or a spent budget.
        (true, Some(400..=499)) if provider.is_none() => Ending::ClientError,
        (true, status) => Ending::of_status(status),
    }
}
