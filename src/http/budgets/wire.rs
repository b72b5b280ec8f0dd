//! Budgets.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::directory::{BudgetAction, BudgetWindow};
use crate::http::body::objects;
use crate::http::decimals::Money;
use crate::http::directory::wire::{StatusName, given};
use crate::http::listing::Entry;

/// Some or all budgets. Merged by id: what is absent stays as it is.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Budgets {
    #[serde(deserialize_with = "objects")]
    pub budgets: Vec<BudgetBody>,
}

/// A budget. A new one needs a scope, a limit and a window.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = NewBudget)]
pub struct BudgetBody {
    /// Unique within its organization.
    pub id: String,
    pub organization_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<ScopeBody>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<LimitBody>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window: Option<WindowName>,
    /// IANA name of the zone whose days it counts by; `null` or never given: the organization's, else UTC.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    pub timezone: Option<Option<String>>,
    /// `block` unless given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<ActionName>,
    /// Percentages of the limit that somebody wants to hear of, from 1 to 1000.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub percent: Option<Vec<u32>>,
    /// First local day on which it holds; `null` or never given: from ever. Nothing before is counted.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    pub from: Option<Option<String>>,
    /// Last local day on which it holds; `null` or never given: for ever.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    pub to: Option<Option<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<StatusName>,
}

/// Whose usage a budget limits.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = BudgetScope)]
pub struct ScopeBody {
    pub kind: ScopeKind,
    /// Which project, member, API key or team. A member budget without one is each member's own default: it holds for
    /// whoever has no budget of their own that counts the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum ScopeKind {
    Organization,
    Team,
    Project,
    Member,
    ApiKey,
}

impl ScopeKind {
    pub fn name(self) -> &'static str {
        match self {
            ScopeKind::Organization => "organization",
            ScopeKind::Team => "team",
            ScopeKind::Project => "project",
            ScopeKind::Member => "member",
            ScopeKind::ApiKey => "apiKey",
        }
    }
}

/// How much is allowed: one of these.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewBudgetLimit)]
pub struct LimitBody {
    /// US dollars, as a number or as text.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Money>)]
    pub cost: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u64>)]
    pub requests: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u64>)]
    pub tokens: Option<Box<RawValue>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = BudgetWindow)]
pub enum WindowName {
    Day,
    /// From Monday.
    Week,
    Month,
    /// It never begins anew.
    Total,
}

impl From<WindowName> for BudgetWindow {
    fn from(name: WindowName) -> BudgetWindow {
        match name {
            WindowName::Day => BudgetWindow::Day,
            WindowName::Week => BudgetWindow::Week,
            WindowName::Month => BudgetWindow::Month,
            WindowName::Total => BudgetWindow::Total,
        }
    }
}

impl From<BudgetWindow> for WindowName {
    fn from(window: BudgetWindow) -> WindowName {
        match window {
            BudgetWindow::Day => WindowName::Day,
            BudgetWindow::Week => WindowName::Week,
            BudgetWindow::Month => WindowName::Month,
            BudgetWindow::Total => WindowName::Total,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = BudgetAction)]
pub enum ActionName {
    /// Calls that do not fit are refused.
    Block,
    /// They are allowed, and told so.
    Warn,
}

impl From<ActionName> for BudgetAction {
    fn from(name: ActionName) -> BudgetAction {
        match name {
            ActionName::Block => BudgetAction::Block,
            ActionName::Warn => BudgetAction::Warn,
        }
    }
}

impl From<BudgetAction> for ActionName {
    fn from(action: BudgetAction) -> ActionName {
        match action {
            BudgetAction::Block => ActionName::Block,
            BudgetAction::Warn => ActionName::Warn,
        }
    }
}

#[derive(Debug, Serialize, ToSchema)]
pub struct BudgetList {
    pub budgets: Vec<BudgetAnswer>,
    /// What `after` is to say for those after these; absent when there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// A budget and where it stands. What is spent, reserved and left is in the limit's unit.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Budget)]
pub struct BudgetAnswer {
    pub id: String,
    pub organization_id: String,
    pub scope: ScopeBody,
    pub limit: LimitAnswer,
    pub window: WindowName,
    /// The zone whose days it counts by.
    pub timezone: String,
    pub action: ActionName,
    pub percent: Vec<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    pub status: StatusName,
    /// In the window that it is in; of one that is over in its last, of one that has not begun in its first.
    #[schema(value_type = Money)]
    pub spent: Box<RawValue>,
    /// By calls that were allowed and have not been told of yet.
    #[schema(value_type = Money)]
    pub reserved: Box<RawValue>,
    /// Never below 0. Of a default, what the member has who has least.
    #[schema(value_type = Money)]
    pub remaining: Box<RawValue>,
    /// When it begins anew, RFC 3339 in its zone; `null` where it counts in all, ends before or does not hold now.
    pub resets_at: Option<String>,
    /// With `forecast=true`, where there is one: not with less than seven days of usage, nor of what never begins anew.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub forecast: Option<ForecastBody>,
    /// Of a default: whom it holds for, by user id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub members: Option<Vec<MemberStanding>>,
}

impl Entry for BudgetAnswer {
    fn id(&self) -> &str {
        &self.id
    }

    fn names(&self) -> Vec<&str> {
        self.scope.id.as_deref().into_iter().collect()
    }
}

/// What will be spent when a budget begins anew, by what the same weekdays were: as alerts of kind `forecast` have it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = BudgetForecast)]
pub struct ForecastBody {
    #[schema(value_type = Money)]
    pub expected: Box<RawValue>,
    /// As far below and above it as the same forecast was in the windows of `past`, and not below what is spent; absent
    /// where none is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Money>)]
    pub low: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Money>)]
    pub high: Option<Box<RawValue>>,
    /// The last windows that are over, the oldest first: at most 6 months, 8 weeks or 14 days.
    pub past: Vec<PastForecastBody>,
}

/// What was expected of a window on the morning of the same day of it, and what came of it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PastBudgetForecast)]
pub struct PastForecastBody {
    /// First and last local day.
    pub from: String,
    pub to: String,
    #[schema(value_type = Money)]
    pub expected: Box<RawValue>,
    #[schema(value_type = Money)]
    pub spent: Box<RawValue>,
}

/// How much is allowed: one of these.
#[derive(Debug, Default, Serialize, ToSchema)]
#[schema(as = BudgetLimit)]
pub struct LimitAnswer {
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Money>)]
    pub cost: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens: Option<u64>,
}

/// Where a member stands in a default.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = BudgetMember)]
pub struct MemberStanding {
    pub user_id: String,
    pub name: String,
    #[schema(value_type = Money)]
    pub spent: Box<RawValue>,
    #[schema(value_type = Money)]
    pub reserved: Box<RawValue>,
    #[schema(value_type = Money)]
    pub remaining: Box<RawValue>,
    /// With `forecast=true`: what will be spent when it begins anew, where that can be said.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Money>)]
    pub expected: Option<Box<RawValue>>,
}
