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
    /// What they should know about their sign-in: why groups give them nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notice: Option<String>,
}

/// Who is signed out here is still signed in at the provider that they came by.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SignedOut {
    /// Where they sign out there; it leads back here.
    pub leads_to: String,
}

/// Sessions that have not ended.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SessionList {
    pub sessions: Vec<SessionBody>,
    /// What `after` is to say for those after these; absent when there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// A browser in which somebody is signed in, or a program that they have let in.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SessionBody {
    pub id: String,
    /// Absent for an operator.
    pub user_id: Option<String>,
    pub user_name: Option<String>,
    /// The token that it was opened with.
    pub token_id: Option<String>,
    /// The provider that it was opened by.
    pub issuer: Option<String>,
    /// What the program calls itself, and when it was let in; absent for a browser.
    pub program: Option<String>,
    pub opened_at: Option<String>,
    /// At most an hour before it was.
    pub last_used_at: Option<String>,
    pub expires_at: String,
    /// The address that it was opened from.
    pub from: Option<String>,
    /// Whether it is the one that asks.
    pub current: bool,
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

impl Entry for SessionBody {
    fn id(&self) -> &str {
        &self.id
    }

    fn names(&self) -> Vec<&str> {
        [&self.user_name, &self.user_id, &self.issuer, &self.program, &self.from]
            .into_iter()
            .flatten()
            .map(String::as_str)
            .collect()
    }

    fn place(&self) -> String {
        self.opened_at.clone().unwrap_or_default()
    }
}

impl Entry for ProjectEntry {
    fn id(&self) -> &str {
        &self.id
    }

    fn names(&self) -> Vec<&str> {
        vec![&self.name]
    }
}
