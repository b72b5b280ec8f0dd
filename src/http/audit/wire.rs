//! Who did what.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A part of the audit log, newest first.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AuditAnswer {
    pub entries: Vec<AuditEntryBody>,
    /// What to ask for as `before` to go on; `null` at the beginning of the log. There may be nothing more to find.
    pub next: Option<u64>,
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = AuditEntry)]
pub struct AuditEntryBody {
    /// From 1, without gaps.
    pub sequence: u64,
    /// RFC 3339, UTC.
    pub at: String,
    /// Id of the token that was used; `server`, `command` (someone with the store's files) or `unknown`.
    pub actor: String,
    /// Whose token that is, or what it is called; like all names here as the directory has it now, and `null` where it
    /// has none.
    pub actor_name: Option<String>,
    /// `sign-in`, `sign-out`, `token-create`, `token-revoke`, `directory-change`, `membership-end`, `backup`, `compact`,
    /// `verify`, `restore`, `ship-audit`, `ship-all`, `retention`, `invoice-import`, `reprice`, `view-create`, `view-change`, `view-remove`, `link-create` or
    /// `link-revoke`.
    pub action: String,
    /// What it was done to: a token, a user, a file.
    pub target: String,
    pub target_name: Option<String>,
    pub organization_id: Option<String>,
    pub organization_name: Option<String>,
    /// The person behind a token.
    pub user_id: Option<String>,
    pub user_name: Option<String>,
    /// Of a change of the directory, every field that changed, with its old and its new value.
    pub detail: String,
    /// `ok`, or why it was not done.
    pub result: String,
    /// SHA-256 of the entry and of all before it, in hexadecimal.
    pub hash: String,
}
