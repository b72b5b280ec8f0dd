//! Access tokens.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::http::listing::Entry;

/// A token to make.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewToken {
    pub kind: TokenKind,
    /// For `ingest`: the one organization whose events it may send. For `scim`: the one whose people and groups it
    /// provisions. For `user`: the only one that it shows; every one they are a member of when left out.
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
    /// From when on it is worth nothing: RFC 3339. Never when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<String>,
}

/// A secret whose token is looked for.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FindToken {
    pub token: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum TokenKind {
    Operator,
    Ingest,
    User,
    Scim,
}

/// A token just made. The only time it is shown.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreatedToken {
    pub id: String,
    pub token: String,
    /// What may be a mistake: that nobody has heard of the user or organization that it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warning: Option<String>,
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TokenList {
    pub tokens: Vec<TokenBody>,
    /// What `after` is to say for those after these; absent when there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
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
    /// Id of the token that it was made with; `server`, or `command` (someone with the store's files). Not known of those
    /// that are older than this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub made_by: Option<String>,
    /// From when on it is worth nothing; never when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<String>,
    /// When it was used last, to within the hour; absent when it never was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_used_at: Option<String>,
}

impl Entry for TokenBody {
    fn id(&self) -> &str {
        &self.id
    }

    fn names(&self) -> Vec<&str> {
        let names = [&self.user_id, &self.organization_id, &self.project_id, &self.api_key_id];
        let names = names.into_iter().flatten().map(String::as_str);
        std::iter::once(&*self.label).chain(names).collect()
    }
}
