//! Policies as they are recorded: which models and providers an organization or a project may use.

use super::status::Status;
use crate::store::record::{Decode, Encode};

/// Policies of one organization: each call is held to all of them.
pub const POLICIES: usize = 1000;

/// What calls of an organization, or of one of its projects, are held to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
pub struct Policy {
    /// The only project that it is of; all of them when absent.
    pub project_id: Option<String>,
    pub mode: PolicyMode,
    /// Canonical models, and canonical providers; any when absent.
    pub allowed_models: Option<Vec<String>>,
    pub denied_models: Vec<String>,
    pub allowed_providers: Option<Vec<String>>,
    pub denied_providers: Vec<String>,
    /// What a provider has to have, each of it.
    pub required_attributes: Vec<String>,
    /// Providers or models in the order in which a gateway should try them.
    pub order: Vec<String>,
    /// The most that one call may cost, in picodollars, for a gateway to hold to.
    pub max_cost: Option<i128>,
    pub status: Status,
}

/// Whether a policy refuses or only counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Encode, Decode)]
pub enum PolicyMode {
    Enforce,
    #[default]
    Observe,
}

/// A policy as it is handed in, to be merged by id. `None` leaves a field as it is, `Some(None)` takes it out.
#[derive(Debug, Clone, Default)]
pub struct PolicyUpdate {
    pub id: String,
    pub organization_id: String,
    pub project_id: Option<Option<String>>,
    pub mode: Option<PolicyMode>,
    pub allowed_models: Option<Option<Vec<String>>>,
    pub denied_models: Option<Vec<String>>,
    pub allowed_providers: Option<Option<Vec<String>>>,
    pub denied_providers: Option<Vec<String>>,
    pub required_attributes: Option<Vec<String>>,
    pub order: Option<Vec<String>>,
    pub max_cost: Option<Option<i128>>,
    pub status: Option<Status>,
}

impl PolicyUpdate {
    /// The policy from now on; the name of the field that a new one lacks.
    pub fn over(self, before: Option<&Policy>) -> Result<Policy, &'static str> {
        let mode = self.mode.or(before.map(|before| before.mode)).ok_or("mode")?;
        let old = before.cloned().unwrap_or_default();
        Ok(Policy {
            project_id: self.project_id.unwrap_or(old.project_id),
            mode,
            allowed_models: self.allowed_models.unwrap_or(old.allowed_models),
            denied_models: self.denied_models.unwrap_or(old.denied_models),
            allowed_providers: self.allowed_providers.unwrap_or(old.allowed_providers),
            denied_providers: self.denied_providers.unwrap_or(old.denied_providers),
            required_attributes: self.required_attributes.unwrap_or(old.required_attributes),
            order: self.order.unwrap_or(old.order),
            max_cost: self.max_cost.unwrap_or(old.max_cost),
            status: self.status.unwrap_or(old.status),
        })
    }
}

/// What a provider has: certifications, a region, that it does not train on what is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderUpdate {
    pub id: String,
    pub attributes: Vec<String>,
}
