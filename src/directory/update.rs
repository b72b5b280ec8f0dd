//! Entries of the directory as they are handed in, to be merged by id.

use super::{Plan, Role, Status};

/// `None` leaves a field as it is.
#[derive(Debug, Clone, Default)]
pub struct DirectoryUpdate {
    pub organizations: Vec<OrganizationUpdate>,
    pub projects: Vec<ProjectUpdate>,
    pub users: Vec<UserUpdate>,
    pub members: Vec<MemberUpdate>,
    pub api_keys: Vec<ApiKeyUpdate>,
    pub identities: Vec<IdentityUpdate>,
    pub models: Vec<ModelUpdate>,
}

impl DirectoryUpdate {
    /// The organizations that entries name.
    pub fn organization_ids(&self) -> impl Iterator<Item = &str> {
        let organizations = self.organizations.iter().map(|new| &new.id);
        let projects = self.projects.iter().map(|new| &new.organization_id);
        let members = self.members.iter().map(|new| &new.organization_id);
        let api_keys = self.api_keys.iter().filter_map(|new| new.organization_id.as_ref());
        let identities = self.identities.iter().map(|new| &new.organization_id);
        organizations.chain(projects).chain(members).chain(api_keys).chain(identities).map(String::as_str)
    }
}

#[derive(Debug, Clone, Default)]
pub struct OrganizationUpdate {
    pub id: String,
    pub name: Option<String>,
    pub plan: Option<Plan>,
    pub status: Option<Status>,
    pub timezone: Option<String>,
    /// `Some(None)` is for ever, `None` leaves it as it is.
    pub retention_days: Option<Option<u32>>,
}

#[derive(Debug, Clone, Default)]
pub struct ProjectUpdate {
    pub id: String,
    pub organization_id: String,
    pub name: Option<String>,
    pub status: Option<Status>,
}

#[derive(Debug, Clone, Default)]
pub struct UserUpdate {
    pub id: String,
    pub name: Option<String>,
    pub email: Option<String>,
}

#[derive(Debug, Clone)]
pub struct MemberUpdate {
    pub organization_id: String,
    pub user_id: String,
    pub role: Role,
    /// `Some(None)` is access to all projects, `None` leaves it as it is.
    pub project_ids: Option<Option<Vec<String>>>,
    pub former: bool,
}

#[derive(Debug, Clone, Default)]
pub struct ApiKeyUpdate {
    pub id: String,
    pub organization_id: Option<String>,
    pub project_id: String,
    pub description: Option<String>,
    pub created_by: Option<String>,
    pub status: Option<Status>,
}

/// Whom a member of an organization is another identity of; with `None` nobody but themselves.
#[derive(Debug, Clone)]
pub struct IdentityUpdate {
    pub organization_id: String,
    pub user_id: String,
    pub same_as: Option<String>,
}

#[derive(Debug, Clone)]
pub struct ModelUpdate {
    pub id: String,
    pub name: String,
}

impl DirectoryUpdate {
    pub fn is_empty(&self) -> bool {
        self.organizations.is_empty()
            && self.projects.is_empty()
            && self.users.is_empty()
            && self.members.is_empty()
            && self.api_keys.is_empty()
            && self.identities.is_empty()
            && self.models.is_empty()
    }
}
