//! Policies and providers.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::http::body::objects;
use crate::http::decimals::Money;
use crate::http::directory::wire::{StatusName, given};
use crate::http::listing::Entry;

/// Some or all policies. Merged by id: what is absent stays as it is.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Policies {
    #[serde(deserialize_with = "objects")]
    pub policies: Vec<PolicyBody>,
}

/// What calls are held to. A new policy needs a mode.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = NewPolicy)]
pub struct PolicyBody {
    /// Unique within its organization.
    pub id: String,
    pub organization_id: String,
    /// The only project that it is of; `null` or never given: all of them.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    pub project_id: Option<Option<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<ModeName>,
    /// `null` or never given: any.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "given")]
    #[schema(value_type = Option<Vec<String>>)]
    pub allowed_models: Option<Option<Vec<String>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub denied_models: Option<Vec<String>>,
    /// `null` or never given: any.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "given")]
    #[schema(value_type = Option<Vec<String>>)]
    pub allowed_providers: Option<Option<Vec<String>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub denied_providers: Option<Vec<String>>,
    /// What a provider has to have, as `PUT /v1/providers` says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub required_attributes: Option<Vec<String>>,
    /// What gateways are told to try, first to last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order: Option<Vec<String>>,
    /// The most that gateways are told one call may cost, in US dollars, as a number or as text; `null` or never given:
    /// whatever it costs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Money>)]
    pub max_cost: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<StatusName>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = PolicyMode)]
pub enum ModeName {
    /// Calls that break it are refused.
    Enforce,
    /// They are allowed, and counted.
    Observe,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct PolicyList {
    pub policies: Vec<PolicyAnswer>,
    /// What `after` is to say for those after these; absent when there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// What calls are held to.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Policy)]
pub struct PolicyAnswer {
    pub id: String,
    pub organization_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub project_id: Option<String>,
    pub mode: ModeName,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allowed_models: Option<Vec<String>>,
    pub denied_models: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allowed_providers: Option<Vec<String>>,
    pub denied_providers: Vec<String>,
    pub required_attributes: Vec<String>,
    pub order: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Money>)]
    pub max_cost: Option<Box<RawValue>>,
    pub status: StatusName,
}

impl Entry for PolicyAnswer {
    fn id(&self) -> &str {
        &self.id
    }

    fn names(&self) -> Vec<&str> {
        self.project_id.as_deref().into_iter().collect()
    }
}

/// What a provider has.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Provider)]
pub struct ProviderBody {
    /// Whichever of its names; it is kept under the usual one.
    pub id: String,
    pub attributes: Vec<String>,
}

impl Entry for ProviderBody {
    fn id(&self) -> &str {
        &self.id
    }

    fn names(&self) -> Vec<&str> {
        std::iter::once(&self.id).chain(&self.attributes).map(String::as_str).collect()
    }
}

#[derive(Debug, Serialize, ToSchema)]
pub struct ProviderList {
    /// By id.
    pub providers: Vec<ProviderBody>,
    /// What asks for those after these, as `after`; absent where there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}
