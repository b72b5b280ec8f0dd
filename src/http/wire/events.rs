//! What became of events, and how sending them can fail.

use serde::{Deserialize, Serialize};
use utoipa::{IntoResponses, ToSchema};

use crate::http::problem::ProblemBody;
use crate::ingest::Rejection;

/// What became of the events of one request.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct IngestAnswer {
    /// Events that are now counted.
    pub accepted: usize,
    /// Those of them that took the place of one that knew less of its tokens. Left out when there are none.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub completed: usize,
    /// Events that were counted before.
    pub duplicates: usize,
    /// Events that are not valid.
    pub rejected: Vec<RejectedEvent>,
}

pub(in crate::http) fn is_zero(count: &usize) -> bool {
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

/// How sending events can fail.
#[derive(IntoResponses)]
#[allow(dead_code, reason = "documents what handlers answer")]
pub enum SendRefusals {
    /// The body is not what it says it is.
    #[response(status = 400, content_type = "application/problem+json")]
    BadRequest(ProblemBody),
    /// No access token, or an unknown one.
    #[response(status = 401, content_type = "application/problem+json")]
    Unauthorized(ProblemBody),
    /// Not a token that may send.
    #[response(status = 403, content_type = "application/problem+json")]
    Forbidden(ProblemBody),
    /// The body is larger than the limit.
    #[response(status = 413, content_type = "application/problem+json")]
    TooLarge(ProblemBody),
    /// An encoding or a kind of content that is not taken.
    #[response(status = 415, content_type = "application/problem+json")]
    UnsupportedMediaType(ProblemBody),
    /// Too much waits to be written; `Retry-After` says when to come back.
    #[response(status = 503, content_type = "application/problem+json")]
    Busy(ProblemBody),
}
