//! The directory: organizations, projects, people and keys.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::directory::{Plan, Role, Status};
use crate::http::body::{object, objects};
use crate::http::decimals::Money;

/// Some or all of the directory. Merged by id: what is absent stays as it is.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
#[schema(as = Directory)]
pub struct DirectoryBody {
    #[serde(deserialize_with = "objects")]
    pub organizations: Vec<OrganizationBody>,
    #[serde(deserialize_with = "objects")]
    pub projects: Vec<ProjectBody>,
    #[serde(deserialize_with = "objects")]
    pub users: Vec<UserBody>,
    #[serde(deserialize_with = "objects")]
    pub members: Vec<MemberBody>,
    #[serde(deserialize_with = "objects")]
    pub api_keys: Vec<ApiKeyBody>,
    #[serde(deserialize_with = "objects")]
    pub identities: Vec<IdentityBody>,
    #[serde(deserialize_with = "objects")]
    pub teams: Vec<TeamBody>,
    #[serde(deserialize_with = "objects")]
    pub assignments: Vec<AssignmentBody>,
    #[serde(deserialize_with = "objects")]
    pub models: Vec<ModelBody>,
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = Organization)]
pub struct OrganizationBody {
    pub id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan: Option<PlanName>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<StatusName>,
    /// IANA name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timezone: Option<String>,
    /// How many days of usage are kept, at least 31; all when `null` or never given.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "given")]
    #[schema(value_type = Option<u32>)]
    pub retention_days: Option<Option<u32>>,
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = Project)]
pub struct ProjectBody {
    pub id: String,
    pub organization_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<StatusName>,
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = User)]
pub struct UserBody {
    pub id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = Member)]
pub struct MemberBody {
    pub organization_id: String,
    pub user_id: String,
    pub role: RoleName,
    /// The projects a developer has access to; all of them when `null` or never given.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "given")]
    #[schema(value_type = Option<Vec<String>>)]
    pub project_ids: Option<Option<Vec<String>>>,
    /// `former` once the membership has ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<MembershipName>,
}

/// Tells `null` (set to nothing) from absent (leave as it is).
pub fn given<'de, T: Deserialize<'de>, D: serde::Deserializer<'de>>(from: D) -> Result<Option<T>, D::Error> {
    T::deserialize(from).map(Some)
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = ApiKey)]
pub struct ApiKeyBody {
    pub id: String,
    /// May be left out while only one organization has the project.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organization_id: Option<String>,
    pub project_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The user whose usage this key's is. Once known it stays.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_by: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<StatusName>,
}

/// One of several user ids of a person. Their usage is the person's as long as this is so.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = Identity)]
pub struct IdentityBody {
    pub organization_id: String,
    /// A member of the organization.
    pub user_id: String,
    /// The member who is meant. `null` or absent: nobody but the user.
    pub same_as: Option<String>,
}

/// A team that usage counts for, by assignments.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = Team)]
pub struct TeamBody {
    pub id: String,
    pub organization_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What accounts are charged by. Several teams may have one. `null` takes it out.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    pub cost_centre: Option<Option<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<StatusName>,
}

/// Which team something counts for, or whose a key is, from a day on. Exactly one of `teamId` and `ownerUserId`. Of
/// several that reach a day the one holds that begins last. The same subject, kind and `from` again takes its place.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = Assignment)]
pub struct AssignmentBody {
    pub organization_id: String,
    #[serde(deserialize_with = "object")]
    pub subject: AssignableBody,
    /// A team, or `null`: none, whatever the subject's owner or project has.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    pub team_id: Option<Option<String>>,
    /// Of a key: whose it is, and its usage with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner_user_id: Option<String>,
    /// The first day, in the organization's time zone.
    #[schema(format = Date)]
    pub from: String,
    /// The last day, which is included; for ever when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = Date)]
    pub to: Option<String>,
    /// `deleted` takes it out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<StatusName>,
}

/// What is assigned: exactly one.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = Assignable)]
pub struct AssignableBody {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_key_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub project_id: Option<String>,
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Model)]
pub struct ModelBody {
    pub id: String,
    pub name: String,
}

/// What a directory update did.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DirectoryAnswer {
    /// Entries written.
    pub written: usize,
}

/// What a change of the directory would move.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DirectoryPreview {
    pub group_by: String,
    pub timezone: String,
    /// The edition of the zone rules that its days are by.
    pub zone_database: String,
    /// First local day.
    pub from: String,
    /// Last local day, included.
    pub to: String,
    /// The moment up to which the answer is complete.
    pub as_of: String,
    /// Entries of the directory that would be written.
    pub written: usize,
    /// The cost that would count for another key than now.
    #[schema(value_type = Money)]
    pub moved: Box<RawValue>,
    /// What all keys add up to, before and after.
    pub totals: PreviewSums,
    /// Every key with usage before or after, those of which most moves first.
    pub entries: Vec<PreviewEntry>,
}

/// What counts for one key now, and what would.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PreviewEntry {
    #[serde(deserialize_with = "Option::deserialize")]
    pub key: Option<String>,
    pub label: String,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub deleted: bool,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub former: bool,
    pub before: PreviewSums,
    pub after: PreviewSums,
    /// The cost after less the cost before.
    #[schema(value_type = Money)]
    pub difference: Box<RawValue>,
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PreviewSums {
    #[schema(value_type = Money)]
    pub cost: Box<RawValue>,
    pub request_count: u64,
    pub total_tokens: u64,
}

macro_rules! names {
    ($wire:ident = $domain:ty { $($variant:ident),* }) => {
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
        #[serde(rename_all = "lowercase")]
        pub enum $wire { $($variant),* }

        impl From<$wire> for $domain {
            fn from(name: $wire) -> $domain {
                match name { $($wire::$variant => <$domain>::$variant),* }
            }
        }

        impl From<$domain> for $wire {
            fn from(value: $domain) -> $wire {
                match value { $(<$domain>::$variant => $wire::$variant),* }
            }
        }
    };
}
names!(PlanName = Plan { Free, Pro, Enterprise });
names!(RoleName = Role { Owner, Admin, Developer });
names!(StatusName = Status { Active, Deleted });

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum MembershipName {
    Active,
    Former,
}
