//! What is said of budgets, policies and alerts: for somebody who is there, and in bounds.

use std::sync::Arc;

use super::alert::{ALERTS, AlertKind, AlertUpdate};
use super::budget::{BUDGETS, Budget, BudgetScope, BudgetUpdate, BudgetWindow};
use super::change::{ChangeError, RecordWrite, put};
use super::entries::Kind;
use super::policy::{POLICIES, PolicyUpdate};
use super::{Directory, Organization};
use crate::model::PicoUsd;

/// The largest percentage that an alert of a budget may wait for, and what thresholds are counted in.
const MAX_PERCENT: i128 = 1000;
const TRILLION: i128 = 1_000_000_000_000;

/// The refusal of something new that is not said whole.
fn lacking(what: &'static str, id: &str, organization: &str, field: &'static str) -> ChangeError {
    ChangeError::Lacks { what, id: id.to_owned(), organization: organization.to_owned(), field }
}

impl Directory {
    pub(super) fn put_budget(
        &mut self,
        update: BudgetUpdate,
        writes: &mut Vec<RecordWrite>,
    ) -> Result<(), ChangeError> {
        let (id, organization_id) = (update.id.clone(), update.organization_id.clone());
        let organization = self.existing_mut(&organization_id)?;
        let lacks = |field| lacking("budget", &id, &organization_id, field);
        let budget = update.over(organization.budgets.get(&id)).map_err(lacks)?;
        if let Some((whose, of)) = organization.nobody(&budget) {
            let (of, organization) = (of.to_owned(), organization_id);
            return Err(ChangeError::ForNobody { what: "budget", id, whose, of, organization });
        }
        // Written so that their order is that of time.
        if let (Some(from), Some(to)) = (&budget.from, &budget.to)
            && from > to
        {
            return Err(ChangeError::BudgetDates { id, from: from.clone(), to: to.clone() });
        }
        if organization.budgets.len() >= BUDGETS && !organization.budgets.contains_key(&id) {
            return Err(ChangeError::TooMany { what: "budgets", organization: organization_id, most: BUDGETS });
        }
        put(writes, Kind::Budget, &organization_id, &id, &budget);
        Arc::make_mut(&mut organization.budgets).insert(id, budget);
        Ok(())
    }

    pub(super) fn put_policy(
        &mut self,
        update: PolicyUpdate,
        writes: &mut Vec<RecordWrite>,
    ) -> Result<(), ChangeError> {
        let (id, organization_id) = (update.id.clone(), update.organization_id.clone());
        let organization = self.existing_mut(&organization_id)?;
        let lacks = |field| lacking("policy", &id, &organization_id, field);
        let policy = update.over(organization.policies.get(&id)).map_err(lacks)?;
        if let Some(project) =
            policy.project_id.as_ref().filter(|project| !organization.projects.contains_key(*project))
        {
            let (of, organization) = (project.clone(), organization_id);
            return Err(ChangeError::ForNobody { what: "policy", id, whose: "project", of, organization });
        }
        if organization.policies.len() >= POLICIES && !organization.policies.contains_key(&id) {
            return Err(ChangeError::TooMany { what: "policies", organization: organization_id, most: POLICIES });
        }
        put(writes, Kind::Policy, &organization_id, &id, &policy);
        Arc::make_mut(&mut organization.policies).insert(id, policy);
        Ok(())
    }

    pub(super) fn put_alert(&mut self, update: AlertUpdate, writes: &mut Vec<RecordWrite>) -> Result<(), ChangeError> {
        let (id, organization_id) = (update.id.clone(), update.organization_id.clone());
        let organization = self.existing_mut(&organization_id)?;
        let lacks = |field| lacking("alert", &id, &organization_id, field);
        let alert = update.over(organization.alerts.get(&id)).map_err(lacks)?;
        let refused = |why: String| {
            let (id, organization) = (id.clone(), organization_id.clone());
            Err(ChangeError::Alert { id, organization, why })
        };
        match (&alert.budget_id, alert.kind) {
            (None, kind) if kind.is_of_budgets() => return Err(lacks("budgetId")),
            (Some(budget), kind) if !kind.is_of_budgets() => {
                return refused(format!("budgetId is '{budget}', and kind {} is about no budget", kind.name()));
            }
            (Some(budget), kind) => {
                let Some(found) = organization.budgets.get(budget) else {
                    return refused(format!("there is no budget '{budget}' in this organization"));
                };
                if kind == AlertKind::Forecast && found.window == BudgetWindow::Total && found.to.is_none() {
                    return refused(format!("the budget '{budget}' never ends, so there is nothing to forecast"));
                }
            }
            (None, _) => {}
        }
        if let (AlertKind::Digest, Some(threshold)) = (alert.kind, alert.threshold) {
            let given = PicoUsd(threshold);
            return refused(format!("threshold is {given}, and kind digest has none: it comes each Monday"));
        }
        let allowed = match alert.kind {
            AlertKind::Budget | AlertKind::Forecast => Some((1, MAX_PERCENT, true)),
            AlertKind::ErrorRate => Some((0, 100, false)),
            _ => None,
        };
        if let (Some(threshold), Some((from, to, whole))) = (alert.threshold, allowed) {
            let is_allowed =
                (from * TRILLION..=to * TRILLION).contains(&threshold) && !(whole && threshold % TRILLION != 0);
            if !is_allowed {
                let (given, number) = (PicoUsd(threshold), if whole { "a whole number" } else { "a decimal" });
                return refused(format!("threshold is {given}; a percentage must be {number} from {from} to {to}"));
            }
        }
        if organization.alerts.len() >= ALERTS && !organization.alerts.contains_key(&id) {
            return Err(ChangeError::TooMany { what: "alerts", organization: organization_id, most: ALERTS });
        }
        put(writes, Kind::Alert, &organization_id, &id, &alert);
        Arc::make_mut(&mut organization.alerts).insert(id, alert);
        Ok(())
    }
}

impl Organization {
    /// Whom a budget is for, if that is nobody here: a kind of thing and its id.
    fn nobody<'b>(&self, budget: &'b Budget) -> Option<(&'static str, &'b str)> {
        let owns_a_key = |id: &String| self.api_keys.values().any(|key| key.created_by.as_ref() == Some(id));
        match &budget.scope {
            BudgetScope::Project(id) if !self.projects.contains_key(id) => Some(("project", id)),
            BudgetScope::ApiKey(id) if !self.api_keys.contains_key(id) => Some(("API key", id)),
            BudgetScope::Team(id) if !self.teams.contains_key(id) => Some(("team", id)),
            BudgetScope::Member(Some(id)) if !self.members.contains_key(id) && !owns_a_key(id) => Some(("member", id)),
            _ => None,
        }
    }
}
