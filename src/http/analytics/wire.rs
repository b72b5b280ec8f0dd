//! Questions and their answers.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::{IntoParams, ToSchema};

use crate::http::decimals::Money;
use crate::http::directory::wire::{PlanName, RoleName, StatusName};
use crate::http::events::wire::ModeName;
use crate::http::parameters::TableFormat;

/// What every question names: whose days are asked about, and in which form.
#[derive(IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
#[allow(dead_code, reason = "documents what `http::parameters` reads")]
pub struct WindowParameters {
    /// The organization asked about.
    organization_id: String,
    /// First local day, YYYY-MM-DD; default six days before `to`.
    from: Option<String>,
    /// Last local day, included; default today in that zone.
    to: Option<String>,
    /// Or days by a word, which move with today: today, yesterday, last-7-days, last-30-days, last-90-days,
    /// last-365-days, this-week, last-week, this-month, last-month, this-quarter, last-quarter, this-year or last-year.
    range: Option<String>,
    /// IANA name; default UTC.
    timezone: Option<String>,
    /// JSON unless said otherwise, here or in `Accept`; CSV is that of RFC 4180.
    #[param(inline)]
    format: Option<TableFormat>,
}

/// What a bucket of time is.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
#[allow(dead_code, reason = "documents what `http::parameters` reads")]
pub enum GranularityName {
    Hour,
    Day,
    Week,
    Month,
}

/// What the largest is by.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "documents what `http::parameters` reads")]
pub enum RankByName {
    Cost,
    RequestCount,
    TotalTokens,
}

/// Where a cost is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum CostSourceName {
    Reported,
    Priced,
    Unpriced,
}

/// Which window another is compared with.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "documents what `http::parameters` reads")]
pub enum CompareName {
    Previous,
    PreviousMonth,
    PreviousYear,
    Weekdays,
}

/// Which usage counts: either value within one name, all names together.
#[derive(IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
#[allow(dead_code, reason = "documents what `http::parameters` reads")]
pub struct FilterParameters {
    /// Only these projects.
    project_id: Option<Vec<String>>,
    /// Only these API keys.
    api_key_id: Option<Vec<String>>,
    /// Only what was these members'.
    user_id: Option<Vec<String>>,
    /// Only these canonical models.
    model: Option<Vec<String>>,
    /// Only these providers.
    provider: Option<Vec<String>>,
    /// Only these apps.
    source: Option<Vec<String>>,
    /// Only what counted for these teams then.
    team: Option<Vec<String>>,
    /// Only what counted for teams of these cost centres then.
    cost_centre: Option<Vec<String>>,
    /// Only with costs from there.
    #[param(inline)]
    cost_source: Option<Vec<CostSourceName>>,
    /// Only what was paid by these.
    #[param(inline)]
    mode: Option<Vec<ModeName>>,
}

/// What an answer is compared with: it then also has `previous`.
#[derive(IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
#[allow(dead_code, reason = "documents what `http::parameters` reads")]
pub struct CompareParameters {
    /// `previous` (as many days just before), `previousMonth` (a whole month with the one before, else the same days a
    /// month earlier), `previousYear` likewise, or `weekdays` (back by the fewest whole weeks that do not overlap).
    #[param(inline)]
    compare: Option<CompareName>,
    /// Or from this local day on, YYYY-MM-DD.
    compare_from: Option<String>,
    /// To this local day, included.
    compare_to: Option<String>,
}

/// A part of a long list.
#[derive(IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
#[allow(dead_code, reason = "documents what `http::parameters` reads")]
pub struct PageParameters {
    /// Lines at most; default all.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
    /// Lines after those of an answer: what its `next` says.
    after: Option<String>,
    /// Only lines with this in a name, an id or an address.
    q: Option<String>,
    /// `cost` (default), `requestCount` or `totalTokens`, largest first, or `name`, from A to Z.
    #[param(inline)]
    sort: Option<SortName>,
}

/// What a list is in the order of.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "documents what `http::parameters` reads")]
pub enum SortName {
    Cost,
    RequestCount,
    TotalTokens,
    Name,
}

/// Sums that every part of an answer has.
macro_rules! with_measures {
    ($(#[$meta:meta])* pub struct $name:ident { $($body:tt)* }) => {
        $(#[$meta])*
        #[derive(Debug, Deserialize, ToSchema)]
        #[serde(rename_all = "camelCase", deny_unknown_fields)]
        pub struct $name {
            $($body)*
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
    };
}

/// Sums that a part of an answer has which may have no price.
macro_rules! with_unpriced {
    ($(#[$meta:meta])* pub struct $name:ident { $($body:tt)* }) => {
        with_measures! {
            $(#[$meta])*
            pub struct $name {
                $($body)*
                /// Requests whose cost nobody knows: `cost` is of the others. Left out where there are none.
                #[serde(default)]
                pub unpriced_request_count: u64,
            }
        }
    };
}

/// The same, and the requests that failed where they are asked for.
macro_rules! with_wanted_errors {
    ($(#[$meta:meta])* pub struct $name:ident { $($body:tt)* }) => {
        with_unpriced! {
            $(#[$meta])*
            pub struct $name {
                $($body)*
                /// With `errors=true`.
                pub error_count: Option<u64>,
                /// With `errors=true`.
                pub client_error_count: Option<u64>,
            }
        }
    };
}

/// The same, and the requests that failed.
macro_rules! with_errors {
    ($(#[$meta:meta])* pub struct $name:ident { $($body:tt)* }) => {
        with_unpriced! {
            $(#[$meta])*
            pub struct $name {
                $($body)*
                pub error_count: u64,
                pub client_error_count: u64,
            }
        }
    };
}

/// Sums and everything else that is counted.
macro_rules! with_counts {
    ($(#[$meta:meta])* pub struct $name:ident { $($body:tt)* }) => {
        with_measures! {
            $(#[$meta])*
            pub struct $name {
                $($body)*
                pub input_tokens: u64,
                pub output_tokens: u64,
                pub cached_tokens: u64,
                pub reasoning_tokens: u64,
                pub error_count: u64,
                pub client_error_count: u64,
                pub cache_count: u64,
                pub unpriced_request_count: u64,
            }
        }
    };
}

/// An answer, and what it is about.
macro_rules! with_window {
    ($(#[$meta:meta])* pub struct $name:ident { $($body:tt)* }) => {
        $(#[$meta])*
        #[derive(Debug, Deserialize, ToSchema)]
        #[serde(rename_all = "camelCase", deny_unknown_fields)]
        pub struct $name {
            $($body)*
            pub timezone: String,
            /// The edition of the zone rules that its days are by.
            pub zone_database: String,
            /// First local day.
            pub from: String,
            /// Last local day, included.
            pub to: String,
            /// The moment up to which the answer is complete.
            pub as_of: String,
        }
    };
}

with_window! {
    /// Usage over time. Costs are US dollars, written exactly with up to 12 digits after the point.
    pub struct Activity {
        pub group_by: String,
        pub granularity: String,
        pub totals: Totals,
        /// Groups over the whole window, largest first.
        pub ranking: Vec<RankingEntry>,
        pub previous: Option<Previous>,
        /// One row for every bucket, idle ones included.
        pub activity: Vec<ActivityBucket>,
    }
}

with_wanted_errors! {
    pub struct ActivityBucket {
        /// First local day of the bucket; for hours RFC 3339.
        pub date: String,
        pub breakdown: Vec<ActivityEntry>,
    }
}

with_wanted_errors! {
    pub struct ActivityEntry {
        pub key: Option<String>,
        pub label: Option<String>,
        /// With two dimensions, instead of `key`.
        pub keys: Option<Vec<Option<String>>>,
        /// With two dimensions, instead of `label`.
        pub labels: Option<Vec<String>>,
        #[serde(default)]
        pub deleted: bool,
        #[serde(default)]
        pub former: bool,
    }
}

with_wanted_errors! {
    pub struct RankingEntry {
        pub key: Option<String>,
        pub label: Option<String>,
        /// With two dimensions, instead of `key`.
        pub keys: Option<Vec<Option<String>>>,
        /// With two dimensions, instead of `label`.
        pub labels: Option<Vec<String>>,
        /// Its place among the organization's values of the dimension, from 1, in the order in which they were first
        /// seen; a member's is that of their first key. Never changes.
        pub ordinal: Option<u32>,
        /// With two dimensions, instead of `ordinal`.
        pub ordinals: Option<Vec<Option<u32>>>,
        /// Share of the window's cost, 0 to 1.
        pub share: f64,
        #[serde(default)]
        pub deleted: bool,
        #[serde(default)]
        pub former: bool,
    }
}

with_unpriced! {
    pub struct EarlierEntry {
        pub key: Option<String>,
        pub label: Option<String>,
        /// With two dimensions, instead of `key`.
        pub keys: Option<Vec<Option<String>>>,
        /// With two dimensions, instead of `label`.
        pub labels: Option<Vec<String>>,
        /// Its place among the organization's values of the dimension, from 1, in the order in which they were first
        /// seen; a member's is that of their first key. Never changes.
        pub ordinal: Option<u32>,
        /// With two dimensions, instead of `ordinal`.
        pub ordinals: Option<Vec<Option<u32>>>,
        #[serde(default)]
        pub deleted: bool,
        #[serde(default)]
        pub former: bool,
    }
}

with_counts! {
    pub struct Totals {
        pub active_api_key_count: u64,
        pub active_member_count: u64,
    }
}

/// What an answer is compared with.
macro_rules! with_earlier_window {
    ($(#[$meta:meta])* pub struct $name:ident { $($body:tt)* }) => {
        $(#[$meta])*
        #[derive(Debug, Deserialize, ToSchema)]
        #[serde(deny_unknown_fields)]
        pub struct $name {
            /// First local day.
            pub from: String,
            /// Last local day.
            pub to: String,
            /// The instant at which its last day is cut off: as far as the window itself is now. Absent when that is
            /// over.
            pub until: Option<String>,
            /// The organization's first day with usage, when it is after `from`.
            pub since: Option<String>,
            $($body)*
        }
    };
}

with_earlier_window! {
    /// Usage over an earlier window.
    pub struct Previous {
        pub totals: Totals,
        /// Its groups, largest first; where the answer has the largest only, the same ones and the rest as *Other*.
        pub ranking: Vec<EarlierEntry>,
    }
}

with_earlier_window! {
    /// Usage by member over an earlier window.
    pub struct PreviousMembers {
        pub totals: TableTotals,
        /// Those with usage.
        pub members: Vec<MemberEntry>,
    }
}

with_earlier_window! {
    /// Usage by API key over an earlier window.
    pub struct PreviousKeys {
        pub totals: TableTotals,
        /// Those with usage.
        pub keys: Vec<KeyEntry>,
    }
}

with_window! {
    /// Usage by member.
    pub struct Members {
        pub plan: PlanName,
        pub previous: Option<PreviousMembers>,
        /// What the rows of the whole list add up to.
        pub totals: TableTotals,
        /// By cost, highest first, unless another order is asked for.
        pub members: Vec<MemberEntry>,
        /// Where there are more: what `after` is to be.
        pub next: Option<String>,
    }
}

with_errors! {
    pub struct TableTotals {
    }
}

with_errors! {
    pub struct MemberEntry {
        /// `null` for usage of keys without a creator.
        pub user_id: Option<String>,
        pub name: Option<String>,
        pub email: Option<String>,
        pub role: Option<RoleName>,
        pub status: MemberStatusName,
        /// Keys they created that are not deleted.
        pub api_key_count: u64,
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum MemberStatusName {
    Active,
    Former,
    Unattributed,
}

with_window! {
    /// One member's usage.
    pub struct MemberAnswer {
        pub member: MemberPerson,
        pub summary: MemberSummary,
        /// Five at most.
        pub top_models: Vec<RankedEntry>,
        /// Five at most.
        pub top_providers: Vec<RankedEntry>,
        /// Five at most.
        pub top_apps: Vec<RankedEntry>,
        /// Twenty at most.
        pub cost_by_model: Vec<RankedEntry>,
        pub activity: Vec<MemberDay>,
    }
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MemberPerson {
    pub user_id: String,
    pub name: Option<String>,
    pub email: Option<String>,
    pub role: Option<RoleName>,
    pub status: MemberStatusName,
}

with_counts! {
    pub struct MemberSummary {
        pub api_key_count: u64,
    }
}

with_unpriced! {
    pub struct RankedEntry {
        pub key: Option<String>,
        pub label: String,
        /// Its place among the organization's values of the dimension, from 1, in the order in which they were first
        /// seen; a member's is that of their first key. Never changes.
        pub ordinal: Option<u32>,
    }
}

with_errors! {
    pub struct MemberDay {
        pub date: String,
        pub model_breakdown: Vec<ModelEntry>,
    }
}

with_unpriced! {
    pub struct ModelEntry {
        /// The canonical model.
        pub id: String,
        pub label: String,
        /// As in `costByModel`.
        pub ordinal: u32,
        pub provider: String,
        pub input_tokens: u64,
        pub output_tokens: u64,
    }
}

with_window! {
    /// Usage by API key.
    pub struct Keys {
        pub organization_id: String,
        pub previous: Option<PreviousKeys>,
        /// What the rows of the whole list add up to.
        pub totals: TableTotals,
        /// By cost, highest first, unless another order is asked for.
        pub keys: Vec<KeyEntry>,
        /// Where there are more: what `after` is to be.
        pub next: Option<String>,
    }
}

with_errors! {
    pub struct KeyEntry {
        pub id: String,
        pub description: Option<String>,
        pub project_id: String,
        pub project_name: String,
        pub created_by: Option<String>,
        pub created_by_name: Option<String>,
        pub status: StatusName,
    }
}

with_window! {
    /// One API key's usage.
    pub struct KeyAnswer {
        pub api_key: KeyDescription,
        pub summary: KeySummary,
        /// Twenty at most.
        pub cost_by_model: Vec<RankedEntry>,
        pub activity: Vec<KeyDay>,
    }
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct KeyDescription {
    pub id: String,
    pub description: Option<String>,
    pub project_id: String,
    pub project_name: String,
    pub created_by: Option<String>,
    pub created_by_name: Option<String>,
    pub status: StatusName,
}

with_counts! {
    pub struct KeySummary {
        /// errorCount by requestCount, 0 when there are no requests.
        pub error_rate: f64,
    }
}

with_errors! {
    pub struct KeyDay {
        pub date: String,
        pub error_rate: f64,
        pub model_breakdown: Vec<ModelEntry>,
    }
}

with_window! {
    /// Usage of the caller's own keys in a project.
    pub struct MyUsage {
        pub summary: MemberSummary,
        /// Five at most.
        pub top_models: Vec<RankedEntry>,
        pub activity: Vec<MyDay>,
    }
}

with_errors! {
    pub struct MyDay {
        pub date: String,
    }
}
