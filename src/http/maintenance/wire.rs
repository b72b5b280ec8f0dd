//! The store as a file.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::http::listing::{Entry, latest_first};

/// How large the store is.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StoreSize {
    /// What the file takes on disk.
    pub allocated_bytes: u64,
    /// Sealed periods of 32 days, over all organizations.
    pub periods: u64,
    pub sealed_rows: u64,
    /// Rows of days that are not sealed.
    pub open_rows: u64,
}

/// The backups in the directory of scheduled ones.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BackupList {
    /// Where they are, on the server's machine; `null` without `--backup-dir`.
    pub directory: Option<String>,
    /// Newest first, 1,000 at most.
    pub backups: Vec<BackupBody>,
    /// What asks for those after these, as `after`; absent where there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = Backup)]
pub struct BackupBody {
    pub name: String,
    pub bytes: u64,
    /// When it was written: RFC 3339, UTC.
    pub written_at: String,
    /// The command that brings it back, on the server's machine while the server is stopped.
    pub restore: String,
}

impl Entry for BackupBody {
    fn id(&self) -> &str {
        &self.name
    }

    fn names(&self) -> Vec<&str> {
        vec![&self.name]
    }

    fn place(&self) -> String {
        latest_first(&self.written_at)
    }
}

/// What a compaction did.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Compaction {
    pub before: StoreSize,
    pub after: StoreSize,
}

/// What a check of the store found.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Verification {
    /// The first place that is wrong; `null` when all is right.
    pub damage: Option<String>,
    /// What was checked; absent when there is damage.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checked: Option<Checked>,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Checked {
    pub entries: u64,
    pub organizations: u64,
    pub periods: u64,
    pub sealed_rows: u64,
    pub open_rows: u64,
    pub ids: u64,
    /// Entries of the audit log.
    pub audit_entries: u64,
    /// Hash of the last of them. Noted elsewhere, it shows later whether the log was written anew.
    pub audit_head: String,
}
