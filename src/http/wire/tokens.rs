//! Tokens, and who is signed in to what.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{PlanName, RoleName, StatusName, UserBody};

/// A token to make.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
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
    /// The dashboard's name; `null` where it is Rollcall.
    pub product_name: Option<String>,
    /// Path of the logo.
    pub logo: Option<String>,
    /// The accent colour as it was chosen, `#rrggbb`.
    pub accent: Option<String>,
    /// IANA name of the zone that pages begin in; `null` where it is the browser's.
    pub default_timezone: Option<String>,
    /// Stands beside amounts instead of `$`.
    pub currency_label: Option<String>,
    /// Shown to organizations whose plan does not include a page.
    pub upgrade_text: Option<String>,
    /// Where the upgrade card leads.
    pub upgrade_url: Option<String>,
}
