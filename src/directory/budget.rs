//! Budgets as they are recorded: what was said of each. What one means on a day is for `budget` to say.

use super::status::Status;
use crate::model::{Count, Measures, PicoUsd};
use crate::store::record::{Decode, Encode};

/// Budgets of one organization: each is checked against every one that it touches, and a page lists them all.
pub const BUDGETS: usize = 10_000;

/// A limit on what an organization, or a part of it, uses.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Budget {
    pub scope: BudgetScope,
    pub limit: Limit,
    pub window: BudgetWindow,
    /// IANA name of the zone whose days it counts by; the organization's when absent.
    pub timezone: Option<String>,
    pub action: BudgetAction,
    /// Percentages of the limit that somebody wants to hear of.
    pub percent: Vec<u32>,
    /// First and last local day on which it holds, `YYYY-MM-DD`.
    pub from: Option<String>,
    pub to: Option<String>,
    pub status: Status,
}

/// Whose usage a budget limits.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum BudgetScope {
    Organization,
    Project(String),
    /// One member, or with `None` each member by themselves.
    Member(Option<String>),
    ApiKey(String),
    Team(String),
}

/// How much is allowed. Money is in picodollars.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub enum Limit {
    Cost(i128),
    Requests(u64),
    Tokens(u64),
}

/// What a budget counts up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Counted {
    Cost,
    Requests,
    Tokens,
}

impl Limit {
    pub fn counted(self) -> Counted {
        match self {
            Limit::Cost(_) => Counted::Cost,
            Limit::Requests(_) => Counted::Requests,
            Limit::Tokens(_) => Counted::Tokens,
        }
    }

    /// In its unit: picodollars, requests or tokens.
    pub fn amount(self) -> i128 {
        match self {
            Limit::Cost(picos) => picos,
            Limit::Requests(count) | Limit::Tokens(count) => i128::from(count),
        }
    }
}

impl Counted {
    /// What sums have of it.
    pub fn of(self, used: &Measures) -> i128 {
        match self {
            Counted::Cost => used.cost.0,
            Counted::Requests => i128::from(used.get(Count::Requests)),
            Counted::Tokens => i128::from(used.get(Count::TotalTokens)),
        }
    }

    /// An amount as a person reads it.
    pub fn text(self, amount: i128) -> String {
        match self {
            Counted::Cost => format!("{} USD", PicoUsd(amount)),
            Counted::Requests if amount == 1 => "1 request".to_owned(),
            Counted::Requests => format!("{amount} requests"),
            Counted::Tokens if amount == 1 => "1 token".to_owned(),
            Counted::Tokens => format!("{amount} tokens"),
        }
    }
}

/// How long a limit is counted against until it begins anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub enum BudgetWindow {
    Day,
    /// From Monday.
    Week,
    Month,
    /// It never does.
    Total,
}

impl BudgetWindow {
    pub fn name(self) -> &'static str {
        match self {
            BudgetWindow::Day => "day",
            BudgetWindow::Week => "week",
            BudgetWindow::Month => "month",
            BudgetWindow::Total => "total",
        }
    }
}

/// What happens once a limit is reached.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Encode, Decode)]
pub enum BudgetAction {
    /// Requests are refused.
    #[default]
    Block,
    /// They are allowed, and told so.
    Warn,
}

/// A budget as it is handed in, to be merged by id. `None` leaves a field as it is, `Some(None)` takes it out.
#[derive(Debug, Clone, Default)]
pub struct BudgetUpdate {
    pub id: String,
    pub organization_id: String,
    pub scope: Option<BudgetScope>,
    pub limit: Option<Limit>,
    pub window: Option<BudgetWindow>,
    pub timezone: Option<Option<String>>,
    pub action: Option<BudgetAction>,
    pub percent: Option<Vec<u32>>,
    pub from: Option<Option<String>>,
    pub to: Option<Option<String>>,
    pub status: Option<Status>,
}

impl BudgetUpdate {
    /// The budget from now on; the name of the field that a new one lacks.
    pub fn over(self, before: Option<&Budget>) -> Result<Budget, &'static str> {
        let old = match before {
            Some(before) => before.clone(),
            None => Budget {
                scope: self.scope.clone().ok_or("scope")?,
                limit: self.limit.ok_or("limit")?,
                window: self.window.ok_or("window")?,
                timezone: None,
                action: BudgetAction::default(),
                percent: Vec::new(),
                from: None,
                to: None,
                status: Status::default(),
            },
        };
        Ok(Budget {
            scope: self.scope.unwrap_or(old.scope),
            limit: self.limit.unwrap_or(old.limit),
            window: self.window.unwrap_or(old.window),
            timezone: self.timezone.unwrap_or(old.timezone),
            action: self.action.unwrap_or(old.action),
            percent: self.percent.unwrap_or(old.percent),
            from: self.from.unwrap_or(old.from),
            to: self.to.unwrap_or(old.to),
            status: self.status.unwrap_or(old.status),
        })
    }
}
