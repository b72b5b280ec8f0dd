//! Repricing.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::http::decimals::Money;

/// What to reprice.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RepriceBody {
    /// First UTC day, YYYY-MM-DD.
    pub from: String,
    /// Last UTC day, included.
    pub to: String,
    /// Only these organizations; none means all.
    #[serde(default)]
    pub organization_ids: Vec<String>,
    /// Only these canonical models; none means all.
    #[serde(default)]
    pub models: Vec<String>,
    /// What was priced before as well, and not only what was not.
    #[serde(default)]
    pub all: bool,
    /// Only say what would be booked.
    #[serde(default)]
    pub dry_run: bool,
}

/// What was booked, or would be.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RepriceAnswer {
    /// Of the repricing; `null` when nothing was booked.
    pub id: Option<u64>,
    pub totals: RepricedTotals,
    pub models: Vec<RepricedModel>,
}

/// The sums of all models.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RepricedTotals {
    /// Requests that were priced.
    pub request_count: u64,
    /// Those of them that were unpriced before.
    pub newly_priced_request_count: u64,
    /// Requests that no price is known for still.
    pub unpriced_request_count: u64,
    /// Of the requests that were priced, in US dollars.
    #[schema(value_type = Money)]
    pub cost_before: Box<RawValue>,
    #[schema(value_type = Money)]
    pub cost_after: Box<RawValue>,
}

/// What became of one model's requests whose cost no sender reported.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RepricedModel {
    pub organization_id: String,
    pub model: String,
    /// Requests that were priced.
    pub request_count: u64,
    /// Those of them that were unpriced before.
    pub newly_priced_request_count: u64,
    /// Requests that no price is known for still.
    pub unpriced_request_count: u64,
    /// Of the requests that were priced, in US dollars.
    #[schema(value_type = Money)]
    pub cost_before: Box<RawValue>,
    #[schema(value_type = Money)]
    pub cost_after: Box<RawValue>,
}

/// Repricings of an organization, newest first.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Repricings {
    pub repricings: Vec<RepricingBody>,
}

/// One repricing as far as it was booked.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = Repricing)]
pub struct RepricingBody {
    /// The number of its first entry in the audit log.
    pub id: u64,
    /// RFC 3339, UTC.
    pub at: String,
    /// Id of the token that was used, or `command` (someone with the store's files).
    pub actor: String,
    /// First UTC day.
    pub from: String,
    /// Last UTC day, included.
    pub to: String,
    /// Whether what was priced before was repriced as well.
    pub all: bool,
    pub models: Vec<RepricedModel>,
}
