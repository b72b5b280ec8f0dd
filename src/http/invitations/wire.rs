//! Invitations.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::http::directory::wire::RoleName;
use crate::http::listing::Entry;

/// Somebody to invite.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewInvitation {
    pub organization_id: String,
    /// Where the invitation is sent, and the address of whoever accepts it.
    pub email: String,
    pub role: RoleName,
    /// The projects a developer sees; all of them when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub project_ids: Option<Vec<String>>,
    /// For how many days it can be accepted: 1 to 30, 7 when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub days: Option<u32>,
}

/// An invitation just made.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreatedInvitation {
    pub id: String,
    pub expires_at: String,
    /// The link, the only time it is shown; absent where it was sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Why it could not be sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warning: Option<String>,
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InvitationList {
    pub invitations: Vec<InvitationBody>,
    /// What `after` is to say for those after these; absent when there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// An invitation that nobody has accepted, without its link.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = Invitation)]
pub struct InvitationBody {
    pub id: String,
    pub organization_id: String,
    pub email: String,
    pub role: RoleName,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub project_ids: Option<Vec<String>>,
    pub status: InvitationStatus,
    /// Who made it: a name, or what their token is called.
    pub invited_by: String,
    pub created_at: String,
    pub expires_at: String,
}

/// Whether an invitation can be accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum InvitationStatus {
    Open,
    Expired,
    /// Whoever made it might not make it now.
    Closed,
}

/// What a link has.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InvitationSecret {
    pub secret: String,
}

/// What whoever has the link is invited to.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OpenInvitation {
    pub organization_id: String,
    pub organization_name: String,
    pub email: String,
    pub role: RoleName,
    pub invited_by: String,
    pub expires_at: String,
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AcceptedInvitation {
    pub secret: String,
    /// The provider to sign in by; needed where people sign in by providers only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
}

/// How it goes on.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Accepted {
    /// Where to sign in, which is when the invitation is accepted; `null` for who is signed in now.
    pub sign_in_at: Option<String>,
}

impl Entry for InvitationBody {
    fn id(&self) -> &str {
        &self.id
    }

    fn names(&self) -> Vec<&str> {
        vec![&self.email, &self.invited_by]
    }

    fn place(&self) -> String {
        self.created_at.clone()
    }
}
