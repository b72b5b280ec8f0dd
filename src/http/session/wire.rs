//! Who is signed in, and to what.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::http::directory::wire::{PlanName, RoleName, StatusName, UserBody};
use crate::http::listing::Entry;
use crate::http::tokens::wire::TokenKind;

#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
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

/// The projects a caller has access to.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Projects {
    pub projects: Vec<ProjectEntry>,
    /// What `after` is to say for those after these; absent when there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProjectEntry {
    pub id: String,
    pub name: String,
    pub status: StatusName,
}

impl Entry for ProjectEntry {
    fn id(&self) -> &str {
        &self.id
    }

    fn names(&self) -> Vec<&str> {
        vec![&self.name]
    }
}
