//! Why a window cost more or less than another.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::http::decimals::Money;

/// Why a window cost more or less than another.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Change {
    pub group_by: String,
    pub timezone: String,
    /// The edition of the zone rules that its days are by.
    pub zone_database: String,
    /// The moment up to which the answer is complete.
    pub as_of: String,
    pub before: ChangeWindow,
    pub after: ChangeWindow,
    /// The cost after less the cost before.
    #[schema(value_type = Money)]
    pub difference: Box<RawValue>,
    /// One for each cause, which add up to the difference.
    pub parts: Vec<ChangePart>,
}

/// What was used in one of the windows.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ChangeWindow {
    /// First local day.
    pub from: String,
    /// Last local day, included.
    pub to: String,
    /// The instant at which its last day is cut off: as far as the other window is now. Absent when that is over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// The organization's first day with usage, when it is after `from`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
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
    /// Requests whose cost nobody knows: `cost` is of the others.
    pub unpriced_request_count: u64,
}

/// Why a cost moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum CauseName {
    Volume,
    Mix,
    Price,
    Cache,
    TokensPerRequest,
    New,
    Gone,
    Unpriced,
}

impl CauseName {
    pub fn text(self) -> &'static str {
        match self {
            CauseName::Volume => "volume",
            CauseName::Mix => "mix",
            CauseName::Price => "price",
            CauseName::Cache => "cache",
            CauseName::TokensPerRequest => "tokensPerRequest",
            CauseName::New => "new",
            CauseName::Gone => "gone",
            CauseName::Unpriced => "unpriced",
        }
    }
}

/// What one cause moved.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ChangePart {
    pub cause: CauseName,
    #[schema(value_type = Money)]
    pub cost: Box<RawValue>,
    /// By how many requests, of `volume`, `new`, `gone` and `unpriced`; these add up to the difference in requests.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_count: Option<i64>,
    /// Keys it moved, those it moved most first; they add up to the part.
    pub items: Vec<ChangeItem>,
}

/// What one cause moved of one key.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ChangeItem {
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub key: Option<Option<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// With two dimensions, instead of `key`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keys: Option<Vec<Option<String>>>,
    /// With two dimensions, instead of `label`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub labels: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub deleted: bool,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub former: bool,
    #[schema(value_type = Money)]
    pub cost: Box<RawValue>,
}

/// Tells a key that is null from one that is left out.
fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}
