//! What a cluster has that the store has not, or otherwise.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::http::decimals::Money;

/// Where a cluster and the store have different sums; nowhere when it is empty.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ClusterAudit {
    /// By organization and month. They are shipped again.
    pub differences: Vec<ClusterDifference>,
}

/// A month of an organization of which a cluster has something else than the store.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ClusterDifference {
    pub organization_id: String,
    /// A month of UTC, such as `2026-06`.
    pub month: String,
    pub node: ClusterSums,
    pub cluster: ClusterSums,
}

/// Sums of a month.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ClusterSums {
    pub request_count: u64,
    pub total_tokens: u64,
    #[schema(value_type = Money)]
    pub cost: Box<RawValue>,
}
