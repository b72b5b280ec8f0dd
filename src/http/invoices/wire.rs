//! What providers billed, and how it compares.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::http::decimals::Money;

/// Whose reports are read.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
#[allow(dead_code, reason = "documents what `http::parameters` reads")]
pub enum BillerName {
    OpenAi,
    Anthropic,
}

/// What was read of a provider's reports.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InvoiceAnswer {
    pub reports: Vec<ImportedReport>,
}

/// One report's days. They have taken the place of what was known of them.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ImportedReport {
    /// `costs`, or for usage `completions`, `embeddings`, `moderations`, `images`, `audio_speeches`,
    /// `audio_transcriptions` or `messages`.
    pub report: String,
    /// First UTC day.
    pub from: String,
    /// Last UTC day, included.
    pub to: String,
    pub days: usize,
    /// Lines of a model and an API key.
    pub lines: usize,
}

/// What a provider billed beside what was counted of it, and where the difference comes from.
///
/// A comparison is `null` where no report says that measure, and so counts nothing in sums: in each, `ours` and `gap`
/// add up to `theirs`, and the causes to `gap`.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReconciliationAnswer {
    pub organization_id: String,
    pub provider: String,
    /// Always UTC: providers bill by its days.
    pub timezone: String,
    pub from: String,
    pub to: String,
    pub as_of: String,
    /// Days that have a report of costs.
    pub cost_days: u64,
    /// Days that have a report of usage.
    pub usage_days: u64,
    /// When the latest of these reports came; `null` when there is none.
    pub imported_at: Option<String>,
    /// What the rows add up to.
    pub totals: ComparisonBody,
    pub rows: Vec<ReconciliationRow>,
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReconciliationRow {
    /// The UTC day; `null` when rows are not told apart by it.
    pub date: Option<String>,
    /// Without the date of a snapshot; `null` for what no model was billed for, such as a tool.
    pub model: Option<String>,
    /// The model's name in the directory.
    pub model_name: Option<String>,
    /// A key that both sides know by this id; `null` for all others together.
    pub api_key_id: Option<String>,
    pub requests: Option<RequestsCompared>,
    pub tokens: Option<TokensCompared>,
    pub cost: Option<CostCompared>,
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Comparison)]
pub struct ComparisonBody {
    pub requests: Option<RequestsCompared>,
    pub tokens: Option<TokensCompared>,
    pub cost: Option<CostCompared>,
}

/// Counts of both sides, and what the difference comes from.
macro_rules! counts_compared {
    ($(#[$meta:meta])* pub struct $name:ident of $count:ty) => {
        $(#[$meta])*
        #[derive(Debug, Serialize, Deserialize, ToSchema)]
        #[serde(deny_unknown_fields)]
        pub struct $name {
            pub ours: $count,
            pub theirs: $count,
            /// Theirs less ours.
            #[schema(value_type = i64)]
            pub gap: i128,
            /// Theirs that never came here; below zero, ours that their report does not have.
            #[schema(value_type = i64)]
            pub missing: i128,
            /// Failed here, and not counted there.
            #[schema(value_type = i64)]
            pub aborted: i128,
            /// Answered by the gateway's own cache.
            #[schema(value_type = i64)]
            pub cached: i128,
        }
    };
}

counts_compared! {
    pub struct RequestsCompared of u64
}
counts_compared! {
    /// `gap` and its causes are of input and output tokens together.
    pub struct TokensCompared of TokensBody
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = Tokens)]
pub struct TokensBody {
    /// Cached ones included.
    pub input_tokens: u64,
    /// Read from the provider's cache.
    pub cached_tokens: u64,
    pub output_tokens: u64,
}

/// US dollars, written exactly with up to 12 digits after the point.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CostCompared {
    #[schema(value_type = Money)]
    pub ours: Box<RawValue>,
    #[schema(value_type = Money)]
    pub theirs: Box<RawValue>,
    #[schema(value_type = Money)]
    pub gap: Box<RawValue>,
    #[schema(value_type = Money)]
    pub missing: Box<RawValue>,
    #[schema(value_type = Money)]
    pub aborted: Box<RawValue>,
    /// Requests here that no price is known for.
    #[schema(value_type = Money)]
    pub unpriced: Box<RawValue>,
    /// What is left of a day and model, when it is a cent or more.
    #[schema(value_type = Money)]
    pub price: Box<RawValue>,
    /// All of a day's and model's gap of less than a cent, and what is left of a larger one when it is less.
    #[schema(value_type = Money)]
    pub rounding: Box<RawValue>,
}
