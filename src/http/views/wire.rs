//! Views.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::http::listing::Entry;

/// A page of the dashboard as somebody left it.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewView {
    /// Up to 80 characters; no other view of the organization has it.
    pub name: String,
    /// Address without its origin, up to 8192 bytes: `/organizations/northwind/analytics?range=this-month`. Of the
    /// organization's own pages.
    pub path: String,
}

/// A view as it is listed.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = View)]
pub struct ViewBody {
    pub id: String,
    pub name: String,
    pub path: String,
    /// Absent where an operator made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_by: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_by_name: Option<String>,
    /// Whether who asks may change and remove it.
    pub may_change: bool,
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ViewList {
    /// By name.
    pub views: Vec<ViewBody>,
    /// What asks for those after these, as `after`; absent where there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

impl Entry for ViewBody {
    fn id(&self) -> &str {
        &self.id
    }

    fn names(&self) -> Vec<&str> {
        std::iter::once(&self.name).chain(&self.created_by_name).map(String::as_str).collect()
    }

    fn place(&self) -> String {
        self.name.clone()
    }
}
