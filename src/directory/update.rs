//! Entries of the directory as they are handed in, to be merged by id.

use super::{Assigned, AssignmentName, Plan, Role, Status};

/// `None` leaves a field as it is.
#[derive(Debug, Clone, Default)]
pub struct DirectoryUpdate {
    pub organizations: Vec<OrganizationUpdate>,
    pub projects: Vec<ProjectUpdate>,
    pub users: Vec<UserUpdate>,
    pub members: Vec<MemberUpdate>,
    pub api_keys: Vec<ApiKeyUpdate>,
    pub identities: Vec<IdentityUpdate>,
    pub teams: Vec<TeamUpdate>,
    pub assignments: Vec<AssignmentUpdate>,
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
        let teams = self.teams.iter().map(|new| &new.organization_id);
        let assignments = self.assignments.iter().map(|new| &new.organization_id);
        let people = organizations.chain(projects).chain(members).chain(api_keys).chain(identities);
        people.chain(teams).chain(assignments).map(String::as_str)
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

#[derive(Debug, Clone, Default)]
pub struct TeamUpdate {
    pub id: String,
    pub organization_id: String,
    pub name: Option<String>,
    /// `Some(None)` takes it out, `None` leaves it as it is.
    pub cost_centre: Option<Option<String>>,
    pub status: Option<Status>,
}

/// What is said of something from a day on. It takes the place of what was said before from the same day.
#[derive(Debug, Clone)]
pub struct AssignmentUpdate {
    pub organization_id: String,
    pub name: AssignmentName,
    /// `None` takes it out.
    pub assigned: Option<Assigned>,
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
            && self.teams.is_empty()
            && self.assignments.is_empty()
            && self.models.is_empty()
    }
}
