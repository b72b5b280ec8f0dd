//! Where a figure comes from.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::http::analytics::wire::CostSourceName;
use crate::http::decimals::Money;
use crate::http::directory::wire::AssignableBody;

/// Where a figure of `/analytics/activity` comes from.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Explanation {
    pub group_by: String,
    pub granularity: String,
    /// The bucket; the whole window when `null`.
    pub date: Option<String>,
    /// What the entry is called; `null` for a sum of all.
    pub label: Option<String>,
    /// With two dimensions, instead of `label`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub labels: Option<Vec<String>>,
    pub value: ExplainedValue,
    pub bounds: ExplainedBounds,
    /// They add up to the value.
    pub parts: Vec<ExplainedPart>,
    pub arrival: ExplainedArrival,
    /// By what it is somebody's and, where teams are, a team's. Those of owners add up to the value, and those of teams.
    pub attribution: Vec<ExplainedAttribution>,
    /// The moment up to which the answer is complete.
    pub as_of: String,
    pub reproduce: Reproduce,
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ExplainedValue {
    #[schema(value_type = Money)]
    pub cost: Box<RawValue>,
    pub request_count: u64,
    pub total_tokens: u64,
    pub credits_request_count: u64,
    pub api_keys_request_count: u64,
    #[schema(value_type = Money)]
    pub credits_cost: Box<RawValue>,
    #[schema(value_type = Money)]
    pub api_keys_cost: Box<RawValue>,
}

/// The instants that a figure is of.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ExplainedBounds {
    /// The first, RFC 3339 in UTC.
    pub from_utc: String,
    /// The one after the last.
    pub to_utc: String,
    pub timezone: String,
    /// The edition of the zone rules that its days are by.
    pub zone_database: String,
}

/// Usage whose cost is from one source and by the same prices.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ExplainedPart {
    pub cost_source: CostSourceName,
    /// Of what was priced, when today's prices make the same of it: the day that list prices are of, or `own`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price_version: Option<String>,
    pub request_count: u64,
    pub tokens: ExplainedTokens,
    #[schema(value_type = Money)]
    pub cost: Box<RawValue>,
    /// `null` where nobody knows: when costs were reported, or no price is known for the model any more.
    pub cost_by_kind: Option<CostByKind>,
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ExplainedTokens {
    pub input: u64,
    /// Part of the input that came from a cache.
    pub cached: u64,
    /// Part of the input that was written to one.
    pub cache_write: u64,
    pub output: u64,
    /// Part of the output.
    pub reasoning: u64,
}

/// What tokens cost by their kind. Here input is without what came from caches or went to them, and output without
/// reasoning: together they are the cost.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CostByKind {
    #[schema(value_type = Money)]
    pub input: Box<RawValue>,
    #[schema(value_type = Money)]
    pub cached: Box<RawValue>,
    #[schema(value_type = Money)]
    pub cache_write: Box<RawValue>,
    #[schema(value_type = Money)]
    pub output: Box<RawValue>,
    #[schema(value_type = Money)]
    pub reasoning: Box<RawValue>,
    /// What requests cost by themselves, where they do.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Money>)]
    pub requests: Option<Box<RawValue>>,
}

/// When the records of a figure came. What is not known is `null`: of usage from before this was written down.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ExplainedArrival {
    /// When the first and the last came of the hours, or days in long bounds, that the figure has usage in.
    pub first: Option<String>,
    pub last: Option<String>,
    /// Requests that came over an hour after their time.
    pub late_request_count: Option<u64>,
    /// Records of what was counted before.
    pub duplicate_count: Option<u64>,
    /// Records of the organization that were not valid, with a time inside the bounds.
    pub rejected_count: Option<u64>,
}

/// By what usage is somebody's or a team's.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ExplainedAttribution {
    pub by: AttributedByName,
    /// Whose usage it is; `null` is nobody's.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub owner_user_id: Option<Option<String>>,
    /// Or the team that it counts for; `null` is none.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub team_id: Option<Option<String>>,
    pub label: String,
    /// What is assigned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<AssignableBody>,
    /// First and last day of the assignment, in the organization's zone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    pub request_count: u64,
    #[schema(value_type = Money)]
    pub cost: Box<RawValue>,
}

/// What says whose usage it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum AttributedByName {
    /// An assignment of the API key, of its owner or of its project.
    Assignment,
    /// Whoever created the API key.
    Creator,
    None,
    /// All that is beyond the fifty largest.
    Others,
}

/// What gives the figure again.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Reproduce {
    /// Path and query.
    pub http: String,
    /// A command for a POSIX shell; it takes `--data-dir`, or `--url`, or what stands for them in its environment.
    pub cli: String,
}

/// Tells an id that is null from one that is left out.
fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}
