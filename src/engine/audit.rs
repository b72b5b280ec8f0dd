//! What the audit log is told of a request.

use crate::directory::{Directory, RecordWrite, written_by_organization};
use crate::model::UnixMs;
use crate::store::AuditEntry;

/// Who does what, before it is known what comes of it.
#[derive(Debug, Clone, Default)]
pub struct Note {
    /// Id of the token, or [`SERVER`] or [`COMMAND`].
    pub actor: String,
    pub action: &'static str,
    pub target: String,
    pub organization_id: Option<String>,
    /// The user behind a token.
    pub user_id: Option<String>,
    pub detail: String,
    /// Why it is not done, when that is known already.
    pub refusal: Option<String>,
}

/// The server, on its own.
pub const SERVER: &str = "server";
/// Someone with the store's files, by a command.
pub const COMMAND: &str = "command";
/// Someone whose token is not known.
pub const UNKNOWN: &str = "unknown";

impl Note {
    pub fn new(actor: &str, action: &'static str) -> Note {
        Note { actor: actor.to_owned(), action, ..Note::default() }
    }

    /// The entries of what was done: one for each organization whose part of the directory, as it was before, was
    /// written.
    pub(super) fn entries(
        &self,
        at: UnixMs,
        before: &Directory,
        writes: &[RecordWrite],
        refusal: Option<String>,
    ) -> Vec<AuditEntry> {
        let entry = AuditEntry {
            at,
            actor: self.actor.clone(),
            action: self.action.to_owned(),
            target: self.target.clone(),
            organization_id: self.organization_id.clone(),
            user_id: self.user_id.clone(),
            detail: self.detail.clone(),
            refusal: refusal.or_else(|| self.refusal.clone()),
        };
        let written = written_by_organization(before, writes);
        if written.is_empty() {
            return vec![entry];
        }
        // What belongs to no organization is of whoever's it was done for.
        let part = |(organization_id, detail): (Option<String>, String)| AuditEntry {
            organization_id: organization_id.or_else(|| entry.organization_id.clone()),
            detail,
            ..entry.clone()
        };
        written.into_iter().map(part).collect()
    }
}
