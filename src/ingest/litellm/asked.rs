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
    /// Such an answer, asked for again, or told once more as its making is cancelled.
    AnswerAgain,
    /// How a batch is doing. Once it is done, each time with all of its usage.
    Batch,
    /// No call of a model. What it costs counts all the same.
    Extra,
}

/// Parts of the names of what is no call of a model: tools, files, batches, threads and what else is kept for one. A kind
/// goes by the name of LiteLLM's function, or of the proxy's route: these are those of 1.106, of which many are not in its
/// list of kinds.
const EXTRA: [&str; 35] = [
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
    "video_status",
    "video_content",
    "character",
    "retrieve",
    "update",
    "ingest",
    "_eval",
    "_run",
    "_agent",
    "guardrail",
    "transcription_session",
    "count_tokens",
    "token_counter",
    "client_secret",
    "models",
];

/// Parts of the names of what tells of an answer that was asked for before.
const AGAIN: [&str; 5] =
    ["get_response", "retrieve_response", "cancel_response", "get_interaction", "cancel_interaction"];

impl Asked {
    pub fn by(call_type: &str) -> Asked {
        let is = |part: &str| call_type.contains(part);
        match call_type {
            "" | "acompletion" | "completion" | "aembedding" | "anthropic_messages" => Asked::Call,
            _ if call_type.ends_with("retrieve_batch") => Asked::Batch,
            // The short ones are of interactions.
            "get" | "aget" | "cancel" | "acancel" => Asked::AnswerAgain,
            _ if AGAIN.iter().any(|part| is(part)) => Asked::AnswerAgain,
            _ if EXTRA.iter().any(|part| is(part)) => Asked::Extra,
            "responses" | "aresponses" | "create_interaction" | "acreate_interaction" | "create" | "acreate" => {
                Asked::Answer
            }
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Every kind of LiteLLM 1.106.2: of its enumeration, of its functions that log, and of the proxy's routes. Each is there
    /// with an `a` before it as well.
    #[test]
    fn every_kind_is_a_call_an_answer_or_none() {
        let check = |kinds: &str, expected: Asked| {
            for kind in kinds.split_whitespace() {
                assert_eq!(Asked::by(kind), expected, "{kind}");
                assert_eq!(Asked::by(&format!("a{kind}")), expected, "a{kind}");
            }
        };
        check(
            "completion text_completion embedding image_generation image_edit image_variation moderation transcription \
             speech rerank decisions systemone _arealtime realtime_calls _aresponses_websocket compact_responses \
             pass_through_endpoint llm_passthrough_route anthropic_messages generate_content generate_content_stream ocr \
             create_video video_generation video_remix video_edit video_extension run_thread run_thread_stream query",
            Asked::Call,
        );
        check("responses create_interaction create", Asked::Answer);
        check("get_responses cancel_responses get_interaction cancel_interaction get cancel", Asked::AnswerAgain);
        check("retrieve_batch", Asked::Batch);
        check(
            "search create_batch cancel_batch list_batches get_assistants create_assistants delete_assistant create_thread \
             get_thread _add_message add_message get_messages file_retrieve file_delete file_list create_file file_content \
             create_fine_tuning_job cancel_fine_tuning_job list_fine_tuning_jobs retrieve_fine_tuning_job video_retrieve \
             video_retrieve_job video_status video_content video_list video_delete video_create_character \
             video_get_character vector_store_create vector_store_retrieve vector_store_list vector_store_update \
             vector_store_delete vector_store_search vector_store_file_create vector_store_file_list \
             vector_store_file_retrieve vector_store_file_content vector_store_file_update vector_store_file_delete \
             ingest create_container list_containers retrieve_container delete_container list_container_files \
             upload_container_file retrieve_container_file_content create_sandbox delete_sandbox run_code \
             code_interpreter_tool call_mcp_tool list_mcp_tools send_message create_skill list_skills get_skill delete_skill \
             create_eval list_evals get_eval update_eval cancel_eval delete_eval create_run list_runs get_run cancel_run \
             delete_run delete_responses delete_interaction list_input_items create_agent list_agents get_agent \
             delete_agent list_agent_versions list list_versions retrieve retrieve_content update delete apply_guardrail \
             create_realtime_client_secret create_realtime_transcription_session",
            Asked::Extra,
        );
    }
}
