//! What somebody is in an organization.

use crate::store::record::{Decode, Encode};

/// What a member may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub enum Role {
    Owner,
    Admin,
    Developer,
}

#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Member {
    pub role: Role,
    /// The projects a developer sees; all of them when absent.
    pub project_ids: Option<Vec<String>>,
    /// The membership has ended.
    pub former: bool,
}
