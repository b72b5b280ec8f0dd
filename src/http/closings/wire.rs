//! Closed months and statements.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::http::decimals::Money;
use crate::http::listing::Entry;

/// Which month is to be closed.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewClosing {
    pub organization_id: String,
    /// A local month that is over, `YYYY-MM`.
    pub month: String,
    /// IANA name; default the organization's zone, else UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timezone: Option<String>,
}

/// A month that is closed.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = Closing)]
pub struct ClosingBody {
    pub id: String,
    pub organization_id: String,
    pub month: String,
    pub timezone: String,
    /// The moment whose figures it has.
    pub closed_at: String,
    /// Id of the user whose token was used, else of the token.
    pub closed_by: String,
}

impl Entry for ClosingBody {
    fn id(&self) -> &str {
        &self.id
    }

    fn names(&self) -> Vec<&str> {
        vec![&self.month, &self.organization_id]
    }

    fn place(&self) -> String {
        format!("{} {}", self.organization_id, self.month)
    }
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ClosingList {
    /// By organization, in order of their months.
    pub closings: Vec<ClosingBody>,
    /// What `after` is to say for those after these; absent when there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// What a statement is by.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "documents what `http::closings` reads")]
pub enum StatementBy {
    Team,
    CostCentre,
    Project,
    User,
    ApiKey,
    Model,
}

/// What a statement is written as.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
#[allow(dead_code, reason = "documents what `http::closings` reads")]
pub enum StatementForm {
    Json,
    Csv,
    Html,
    Zip,
}

/// What a statement's page is written in.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
#[allow(dead_code, reason = "documents what `http::closings` reads")]
pub enum LanguageName {
    En,
    De,
}

/// How a statement tells whose usage its lines are.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
#[allow(dead_code, reason = "documents what `http::closings` reads")]
pub enum DisclosureName {
    Names,
    Pseudonyms,
    Groups,
}

/// A month as it is to be paid: its own lines, and what came of earlier months since they were closed.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = Statement)]
pub struct StatementAnswer {
    pub organization_id: String,
    pub month: String,
    pub timezone: String,
    pub group_by: String,
    /// While it is not, this is a draft.
    pub closed: bool,
    pub closing_id: Option<String>,
    pub closed_at: Option<String>,
    pub closed_by: Option<String>,
    /// When the month was closed before, and opened again.
    pub reopened: Vec<ReopeningBody>,
    /// The dearest first.
    pub lines: Vec<StatementLine>,
    /// In order of months and reasons.
    pub adjustments: Vec<AdjustmentBody>,
    /// What lines and adjustments add up to.
    pub totals: StatementSums,
}

/// A closing that was taken back.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = Reopening)]
pub struct ReopeningBody {
    pub closing_id: String,
    pub closed_at: String,
    pub closed_by: String,
    pub reopened_at: String,
    pub reopened_by: String,
}

/// Why a closed month is another than it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum ReasonName {
    /// Usage that came, or was completed, since the month was closed.
    Late,
    /// Usage that has another price.
    Repriced,
    /// The same usage, for somebody else: adds up to nothing.
    Reassigned,
    /// The same usage under another name: all zeros, with the new name.
    Renamed,
    /// Usage that newer rules of the zone put into the month, or take out of it.
    ZoneRules,
}

impl ReasonName {
    pub fn text(self) -> &'static str {
        match self {
            ReasonName::Late => "late",
            ReasonName::Repriced => "repriced",
            ReasonName::Reassigned => "reassigned",
            ReasonName::Renamed => "renamed",
            ReasonName::ZoneRules => "zoneRules",
        }
    }
}

/// What came of an earlier month, for one reason.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = Adjustment)]
pub struct AdjustmentBody {
    /// The month whose usage it is.
    pub month: String,
    pub reason: ReasonName,
    pub lines: Vec<StatementLine>,
}

/// Amounts and counts, which of adjustments may be less than nothing.
macro_rules! with_sums {
    ($(#[$meta:meta])* pub struct $name:ident { $($body:tt)* }) => {
        $(#[$meta])*
        #[derive(Debug, Serialize, Deserialize, ToSchema)]
        #[serde(rename_all = "camelCase", deny_unknown_fields)]
        pub struct $name {
            $($body)*
            #[schema(value_type = Money)]
            pub cost: Box<RawValue>,
            pub request_count: i64,
            pub total_tokens: i64,
            pub credits_request_count: i64,
            pub api_keys_request_count: i64,
            #[schema(value_type = Money)]
            pub credits_cost: Box<RawValue>,
            #[schema(value_type = Money)]
            pub api_keys_cost: Box<RawValue>,
            /// Requests that had no price, of a month's own lines; 0 for adjustments.
            pub unpriced_request_count: i64,
        }
    };
}

with_sums! {
    /// A line of a statement; what adjustments took away is less than nothing.
    pub struct StatementLine {
        /// The id; `null` for usage that belongs to none.
        pub key: Option<String>,
        /// What it was called when the month was closed.
        pub label: String,
    }
}

with_sums! {
    /// What a statement adds up to.
    pub struct StatementSums {}
}
