//! Invitations: who has the link to one becomes a member, once.

use super::{Directory, ExternalIdentity, Grant, Role, SecretHash, Status};
use crate::model::UnixMs;
use crate::store::record::{Decode, Encode};

/// Somebody is asked to join an organization. The secret in the link is kept as its hash.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Invitation {
    pub organization_id: String,
    pub email: String,
    pub role: Role,
    /// The projects a developer sees; all of them when absent.
    pub project_ids: Option<Vec<String>>,
    pub hash: SecretHash,
    /// The token or session that it was made with.
    pub made_by: String,
    /// Who made it; nobody where an operator did.
    pub user_id: Option<String>,
    pub created: UnixMs,
    /// From when on it is worth nothing.
    pub expires: UnixMs,
}

/// What a provider says of somebody who accepts.
#[derive(Debug, Clone)]
pub struct Guest {
    pub identity: ExternalIdentity,
    pub name: Option<String>,
    /// Only where the provider says that it is theirs.
    pub verified_email: Option<String>,
}

impl Invitation {
    /// Whether whoever made it might make it now.
    pub fn stands(&self, directory: &Directory, now: UnixMs) -> bool {
        let organization = directory.organization(&self.organization_id);
        let Some(organization) = organization.filter(|of| of.profile.status == Status::Active) else { return false };
        match &self.user_id {
            Some(user) => organization.active_member(user).is_some_and(|member| member.role == Role::Owner),
            None => directory
                .token(&self.made_by)
                .is_some_and(|token| token.grant == Grant::Operator && !token.has_expired(now)),
        }
    }
}
