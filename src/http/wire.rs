//! What travels: bodies of requests and answers, with the names the contract gives them.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::{IntoParams, IntoResponses, ToSchema};

use super::problem::ProblemBody;

use crate::directory::{Plan, Role, Status};

/// What became of the events of one request.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct IngestAnswer {
    /// Events that are now counted.
    pub accepted: usize,
    /// Events that were counted before.
    pub duplicates: usize,
    /// Events that are not valid.
    pub rejected: Vec<RejectedEvent>,
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

/// Some or all of the directory. Merged by id: what is absent stays as it is.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
#[schema(as = Directory)]
pub struct DirectoryBody {
    pub organizations: Vec<OrganizationBody>,
    pub projects: Vec<ProjectBody>,
    pub users: Vec<UserBody>,
    pub members: Vec<MemberBody>,
    pub api_keys: Vec<ApiKeyBody>,
    pub models: Vec<ModelBody>,
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Organization)]
pub struct OrganizationBody {
    pub id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan: Option<PlanName>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<StatusName>,
    /// IANA name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timezone: Option<String>,
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Project)]
pub struct ProjectBody {
    pub id: String,
    pub organization_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<StatusName>,
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = User)]
pub struct UserBody {
    pub id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Member)]
pub struct MemberBody {
    pub organization_id: String,
    pub user_id: String,
    pub role: RoleName,
    /// The projects a developer has access to; all of them when `null` or never given.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "given")]
    #[schema(value_type = Option<Vec<String>>)]
    pub project_ids: Option<Option<Vec<String>>>,
    /// `former` once the membership has ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<MembershipName>,
}

/// Tells `null` (set to nothing) from absent (leave as it is).
fn given<'de, T: Deserialize<'de>, D: serde::Deserializer<'de>>(from: D) -> Result<Option<T>, D::Error> {
    T::deserialize(from).map(Some)
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ApiKey)]
pub struct ApiKeyBody {
    pub id: String,
    /// May be left out while only one organization has the project.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organization_id: Option<String>,
    pub project_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The user whose usage this key's is. Once known it stays.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_by: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<StatusName>,
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = Model)]
pub struct ModelBody {
    pub id: String,
    pub name: String,
}

/// What a directory update did.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DirectoryAnswer {
    /// Entries written.
    pub written: usize,
}

macro_rules! names {
    ($wire:ident = $domain:ty { $($variant:ident),* }) => {
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
        #[serde(rename_all = "lowercase")]
        pub enum $wire { $($variant),* }

        impl From<$wire> for $domain {
            fn from(name: $wire) -> $domain {
                match name { $($wire::$variant => <$domain>::$variant),* }
            }
        }

        impl From<$domain> for $wire {
            fn from(value: $domain) -> $wire {
                match value { $(<$domain>::$variant => $wire::$variant),* }
            }
        }
    };
}
names!(PlanName = Plan { Free, Pro, Enterprise });
names!(RoleName = Role { Owner, Admin, Developer });
names!(StatusName = Status { Active, Deleted });

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum MembershipName {
    Active,
    Former,
}

/// A token to make.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct NewToken {
    pub kind: TokenKind,
    /// For `ingest`: the one organization whose events it may send.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organization_id: Option<String>,
    /// For `ingest`: stands in where a payload names no project.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub project_id: Option<String>,
    /// For `ingest`: stands in where a payload names no API key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_key_id: Option<String>,
    /// For `user`: whose eyes it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    #[serde(default)]
    pub label: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum TokenKind {
    Operator,
    Ingest,
    User,
}

/// A token just made. The only time it is shown.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreatedToken {
    pub id: String,
    pub token: String,
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TokenList {
    pub tokens: Vec<TokenBody>,
}

/// A token as it is listed, without its secret.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = Token)]
pub struct TokenBody {
    pub id: String,
    pub kind: TokenKind,
    pub label: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organization_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub project_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_key_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    /// RFC 3339, UTC.
    pub created_at: String,
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct SignIn {
    pub token: String,
}

/// Who is signed in.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Me {
    pub kind: TokenKind,
    pub user: Option<UserBody>,
    pub organizations: Vec<MeOrganization>,
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MeOrganization {
    pub id: String,
    pub name: String,
    pub plan: PlanName,
    /// Absent for the operator.
    pub role: Option<RoleName>,
    pub timezone: Option<String>,
}

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
    /// IANA name; default UTC.
    timezone: Option<String>,
    /// `json` (default) or `csv` (RFC 4180).
    format: Option<String>,
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
    /// Only keys these members created.
    user_id: Option<Vec<String>>,
    /// Only these canonical models.
    model: Option<Vec<String>>,
    /// Only these providers.
    provider: Option<Vec<String>>,
    /// Only these apps.
    source: Option<Vec<String>>,
    /// `credits` or `api-keys`.
    mode: Option<Vec<String>>,
}

/// How a question can fail, or be answered with nothing new.
#[derive(IntoResponses)]
#[allow(dead_code, reason = "documents what handlers answer")]
pub enum Refusals {
    /// Nothing has changed since the answer with that ETag.
    #[response(status = 304)]
    NotModified,
    /// A parameter is missing or makes no sense.
    #[response(status = 400, content_type = "application/problem+json")]
    BadRequest(ProblemBody),
    /// No access token, or an unknown one.
    #[response(status = 401, content_type = "application/problem+json")]
    Unauthorized(ProblemBody),
    /// Not for this caller.
    #[response(status = 403, content_type = "application/problem+json")]
    Forbidden(ProblemBody),
    /// There is no such thing.
    #[response(status = 404, content_type = "application/problem+json")]
    NotFound(ProblemBody),
}

/// Usage over time. Costs are US dollars, written exactly with up to 12 digits after the point.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Activity {
    pub group_by: String,
    pub granularity: String,
    pub timezone: String,
    /// First local day.
    pub from: String,
    /// Last local day, included.
    pub to: String,
    /// The moment up to which the answer is complete.
    pub as_of: String,
    pub totals: Totals,
    /// Groups over the whole window, largest first.
    pub ranking: Vec<RankingEntry>,
    pub previous: Option<Previous>,
    /// One row for every bucket, idle ones included.
    pub activity: Vec<ActivityBucket>,
}

/// Sums that every part of an answer has.
macro_rules! with_measures {
    ($(#[$meta:meta])* pub struct $name:ident { $($body:tt)* }) => {
        $(#[$meta])*
        #[derive(Debug, Deserialize, ToSchema)]
        #[serde(rename_all = "camelCase", deny_unknown_fields)]
        pub struct $name {
            $($body)*
            #[schema(value_type = f64)]
            pub cost: Box<RawValue>,
            pub request_count: u64,
            pub total_tokens: u64,
            pub credits_request_count: u64,
            pub api_keys_request_count: u64,
            #[schema(value_type = f64)]
            pub credits_cost: Box<RawValue>,
            #[schema(value_type = f64)]
            pub api_keys_cost: Box<RawValue>,
        }
    };
}

with_measures! {
    pub struct ActivityBucket {
        /// First local day of the bucket; for hours RFC 3339.
        pub date: String,
        pub breakdown: Vec<ActivityEntry>,
    }
}

with_measures! {
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

with_measures! {
    pub struct RankingEntry {
        pub key: Option<String>,
        pub label: Option<String>,
        /// With two dimensions, instead of `key`.
        pub keys: Option<Vec<Option<String>>>,
        /// With two dimensions, instead of `label`.
        pub labels: Option<Vec<String>>,
        /// Share of the window's cost, 0 to 1.
        pub share: f64,
        #[serde(default)]
        pub deleted: bool,
        #[serde(default)]
        pub former: bool,
    }
}

with_measures! {
    pub struct Totals {
        pub input_tokens: u64,
        pub output_tokens: u64,
        pub cached_tokens: u64,
        pub reasoning_tokens: u64,
        pub error_count: u64,
        pub client_error_count: u64,
        pub cache_count: u64,
        pub unpriced_request_count: u64,
        pub active_api_key_count: u64,
        pub active_member_count: u64,
    }
}

/// The window of the same number of days just before.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Previous {
    pub from: String,
    pub to: String,
    pub totals: Totals,
}

/// Usage by member.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Members {
    pub plan: PlanName,
    pub timezone: String,
    pub from: String,
    pub to: String,
    pub as_of: String,
    /// What the rows add up to.
    pub totals: TableTotals,
    /// By cost, highest first.
    pub members: Vec<MemberEntry>,
}

with_measures! {
    pub struct TableTotals {
        pub error_count: u64,
        pub client_error_count: u64,
    }
}

with_measures! {
    pub struct MemberEntry {
        /// `null` for usage of keys without a creator.
        pub user_id: Option<String>,
        pub name: Option<String>,
        pub email: Option<String>,
        pub role: Option<RoleName>,
        pub status: MemberStatusName,
        /// Keys they created that are not deleted.
        pub api_key_count: u64,
        pub error_count: u64,
        pub client_error_count: u64,
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum MemberStatusName {
    Active,
    Former,
    Unattributed,
}

/// One member's usage.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MemberAnswer {
    pub member: MemberPerson,
    pub timezone: String,
    pub from: String,
    pub to: String,
    pub as_of: String,
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

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MemberPerson {
    pub user_id: String,
    pub name: Option<String>,
    pub email: Option<String>,
    pub role: Option<RoleName>,
    pub status: MemberStatusName,
}

with_measures! {
    pub struct MemberSummary {
        pub input_tokens: u64,
        pub output_tokens: u64,
        pub cached_tokens: u64,
        pub reasoning_tokens: u64,
        pub error_count: u64,
        pub client_error_count: u64,
        pub cache_count: u64,
        pub unpriced_request_count: u64,
        pub api_key_count: u64,
    }
}

with_measures! {
    pub struct RankedEntry {
        pub key: Option<String>,
        pub label: String,
    }
}

with_measures! {
    pub struct MemberDay {
        pub date: String,
        pub model_breakdown: Vec<ModelEntry>,
    }
}

with_measures! {
    pub struct ModelEntry {
        /// The canonical model.
        pub id: String,
        pub label: String,
        pub provider: String,
        pub input_tokens: u64,
        pub output_tokens: u64,
    }
}

/// Usage by API key.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Keys {
    pub organization_id: String,
    pub timezone: String,
    pub from: String,
    pub to: String,
    pub as_of: String,
    /// What the rows add up to.
    pub totals: TableTotals,
    /// By cost, highest first.
    pub keys: Vec<KeyEntry>,
}

with_measures! {
    pub struct KeyEntry {
        pub id: String,
        pub description: Option<String>,
        pub project_id: String,
        pub project_name: String,
        pub created_by: Option<String>,
        pub created_by_name: Option<String>,
        pub status: StatusName,
        pub error_count: u64,
        pub client_error_count: u64,
    }
}

/// One API key's usage.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct KeyAnswer {
    pub api_key: KeyDescription,
    pub timezone: String,
    pub from: String,
    pub to: String,
    pub as_of: String,
    pub summary: KeySummary,
    /// Twenty at most.
    pub cost_by_model: Vec<RankedEntry>,
    pub activity: Vec<KeyDay>,
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

with_measures! {
    pub struct KeySummary {
        pub input_tokens: u64,
        pub output_tokens: u64,
        pub cached_tokens: u64,
        pub reasoning_tokens: u64,
        pub error_count: u64,
        pub client_error_count: u64,
        pub cache_count: u64,
        pub unpriced_request_count: u64,
        /// errorCount by requestCount, 0 when there are no requests.
        pub error_rate: f64,
    }
}

with_measures! {
    pub struct KeyDay {
        pub date: String,
        pub error_count: u64,
        pub client_error_count: u64,
        pub error_rate: f64,
        pub model_breakdown: Vec<ModelEntry>,
    }
}

/// Usage of the caller's own keys in a project.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MyUsage {
    pub timezone: String,
    pub from: String,
    pub to: String,
    pub as_of: String,
    pub summary: MemberSummary,
    /// Five at most.
    pub top_models: Vec<RankedEntry>,
    pub activity: Vec<MyDay>,
}

with_measures! {
    pub struct MyDay {
        pub date: String,
    }
}

/// The projects a caller has access to.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Projects {
    pub projects: Vec<ProjectEntry>,
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProjectEntry {
    pub id: String,
    pub name: String,
    pub status: StatusName,
}

/// What the operator has set for everyone.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Settings {
    /// Shown to organizations whose plan does not include a page.
    pub upgrade_text: Option<String>,
    /// Where the upgrade card leads.
    pub upgrade_url: Option<String>,
}

/// How large the store is.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StoreSize {
    /// What the file takes on disk.
    pub allocated_bytes: u64,
    /// Sealed periods of 32 days, over all organizations.
    pub periods: u64,
    pub sealed_rows: u64,
    /// Rows of days that are not sealed.
    pub open_rows: u64,
}

/// What a compaction did.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Compaction {
    pub before: StoreSize,
    pub after: StoreSize,
}

/// What a check of the store found.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Verification {
    /// The first place that is wrong; `null` when all is right.
    pub damage: Option<String>,
    /// What was checked; absent when there is damage.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checked: Option<Checked>,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Checked {
    pub entries: u64,
    pub organizations: u64,
    pub periods: u64,
    pub sealed_rows: u64,
    pub open_rows: u64,
    pub ids: u64,
}
