//! What became of events.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

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
    /// Those of them that took the place of one that knew less of its tokens. Left out when there are none.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub completed: usize,
    /// Calls that were counted before.
    pub duplicates: usize,
    /// Records that say nothing about usage, such as a test.
    pub ignored: usize,
    /// Calls that are not valid.
    pub rejected: Vec<RejectedEvent>,
}
