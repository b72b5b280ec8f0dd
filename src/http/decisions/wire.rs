//! Decisions on calls.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::http::decimals::Money;

/// A call that somebody wants to make.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewDecision {
    /// The token's unless given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organization_id: Option<String>,
    /// The key's id, or `sha256:` and the SHA-256 of its secret in hex, where that is its id.
    pub api_key_id: String,
    /// Who makes the call, where nobody is known to own the key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    /// The key's unless given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub project_id: Option<String>,
    pub model: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// What the call's event will have as its `callId`, or as its `id`; the decision's id unless given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub call_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prompt_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_completion_tokens: Option<u64>,
    /// US dollars; the price of the tokens unless given.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Money>)]
    pub estimated_cost: Option<Box<RawValue>>,
}

/// Whether the call may be made.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Decision {
    pub allowed: bool,
    pub decision_id: String,
    /// Why not; of a call that is allowed, what there is to know about it.
    pub reasons: Vec<Reason>,
    /// How policies want it to be routed, where they say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub route: Option<RouteBody>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = DecisionReason)]
pub struct Reason {
    pub code: ReasonCode,
    /// For whoever makes the call.
    pub message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub budget_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy_id: Option<String>,
    /// When the budget begins anew, RFC 3339 in its zone; absent where it never does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resets_at: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum ReasonCode {
    /// It does not fit a budget, and is refused.
    BudgetExceeded,
    /// It does not fit a budget that only warns.
    BudgetWarning,
    /// It breaks a policy, and is refused.
    PolicyBroken,
    /// It breaks a policy that only observes.
    PolicyObserved,
    /// No price is known, so that the estimate is 0.
    UnknownPrice,
    /// The key is not known, and the server is set to refuse such.
    UnknownKey,
}

impl ReasonCode {
    pub const ALL: [(&str, ReasonCode); 6] = [
        ("budgetExceeded", ReasonCode::BudgetExceeded),
        ("budgetWarning", ReasonCode::BudgetWarning),
        ("policyBroken", ReasonCode::PolicyBroken),
        ("policyObserved", ReasonCode::PolicyObserved),
        ("unknownPrice", ReasonCode::UnknownPrice),
        ("unknownKey", ReasonCode::UnknownKey),
    ];

    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, code)| *code == self).map_or("", |(name, _)| name)
    }

    /// Whether a call is refused for it.
    pub fn refuses(self) -> bool {
        matches!(self, ReasonCode::BudgetExceeded | ReasonCode::PolicyBroken | ReasonCode::UnknownKey)
    }
}

/// How a call should be routed.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = DecisionRoute)]
pub struct RouteBody {
    /// What to try, first to last.
    pub order: Vec<String>,
    /// The most that the call may cost, in US dollars.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Money>)]
    pub max_cost: Option<Box<RawValue>>,
}

/// What was refused in some local days, what would have been, and what was found.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DecisionCounts {
    pub timezone: String,
    pub from: String,
    pub to: String,
    pub counts: Vec<DecisionCount>,
}

/// Of one rule, project and person.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DecisionCount {
    /// `budget`, the field of the policy that was broken, `guardrail` or `contentFilter`.
    pub rule: String,
    /// The budget's or policy's id, or the name of the guardrail or filter.
    pub id: String,
    pub project_id: Option<String>,
    pub user_id: Option<String>,
    pub user_name: Option<String>,
    /// Calls that were asked about and refused, since the server started.
    pub refused: u64,
    /// Those that would have been, if the budget or policy did not only warn or observe.
    pub observed: u64,
    /// Requests that were made and break the policy, less those that were observed when they asked, or on which the
    /// guardrail or filter stepped in.
    pub found: u64,
}

/// Calls that were refused, or would have been, the latest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct DecisionLog {
    pub entries: Vec<LoggedDecision>,
    /// What to ask for as `before` to go on; `null` where there is nothing more.
    pub next: Option<String>,
}

/// A call that was asked about, or the same asked about again within a minute.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LoggedDecision {
    /// The first and the last time, RFC 3339 in the zone that was asked for.
    pub at: String,
    pub last_at: String,
    /// How often.
    pub times: u64,
    /// Of the last of them.
    pub decision_id: String,
    /// Whether it was only told, as a budget warns or a policy observes.
    pub allowed: bool,
    pub api_key_id: String,
    /// Whose call it was.
    pub user_id: Option<String>,
    pub user_name: Option<String>,
    pub project_id: Option<String>,
    pub model: Option<String>,
    pub provider: Option<String>,
    /// Of the last of them.
    pub reasons: Vec<Reason>,
}
