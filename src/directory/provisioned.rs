//! People and groups as a company's own directory provisions them, by SCIM.
//!
//! A provisioned person is one user of the directory, for good: who is deactivated or deleted and comes back under the
//! same name or external id is the same one.

use imbl::{OrdMap, OrdSet};

use super::member::Member;
use crate::model::UnixMs;
use crate::store::record::{Decode, Encode, encode};

/// A person as they were provisioned.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct ProvisionedUser {
    pub provided: ProvidedUser,
    /// What the directory itself gave them when they were deactivated: given back when they are back.
    pub(super) own: Option<Member>,
    /// The projects that they see where no group says otherwise: those of a membership that had ended before.
    pub(super) project_ids: Option<Vec<String>>,
    /// They were deactivated, and nothing has been said since.
    pub(super) out: bool,
    pub created: UnixMs,
    pub modified: UnixMs,
    /// Counts changes.
    pub version: u64,
    /// It was deleted. Usage and a return may refer to it.
    pub gone: bool,
}

/// What a provider says of a person.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
pub struct ProvidedUser {
    pub user_name: String,
    pub external_id: Option<String>,
    /// Whether they belong to the organization; `None` says nothing, and leaves it as it is.
    pub active: Option<bool>,
    /// What a person reads for them.
    pub name: Option<String>,
    /// Where to write to.
    pub email: Option<String>,
    /// All their addresses.
    pub addresses: Vec<String>,
    /// What else was said of them, as it is given back.
    pub attributes: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct ProvisionedGroup {
    pub display_name: String,
    pub external_id: Option<String>,
    /// The team that it is when no rule speaks of it.
    pub(super) team_id: Option<String>,
    /// The team is here because of it, and goes with it.
    pub(super) made_team: bool,
    pub created: UnixMs,
    pub modified: UnixMs,
    pub version: u64,
}

/// All that is provisioned of an organization. Shared with every copy but for what changed since.
#[derive(Debug, Clone, Default)]
pub struct Provisioned {
    pub(super) users: OrdMap<String, ProvisionedUser>,
    /// By their names in small letters; those who are gone only where nobody has it now.
    pub(super) by_name: OrdMap<String, String>,
    pub(super) by_external_id: OrdMap<String, String>,
    pub(super) by_address: OrdMap<String, OrdSet<String>>,
    pub(super) groups: OrdMap<String, ProvisionedGroup>,
    pub(super) groups_by_name: OrdMap<String, String>,
    /// Who is in a group, and since when.
    pub(super) members: OrdMap<String, OrdMap<String, UnixMs>>,
    pub(super) groups_of: OrdMap<String, OrdSet<String>>,
    pub(super) memberships: usize,
}

impl ProvisionedUser {
    /// Whether they are kept out: deactivated, or deleted.
    pub fn is_out(&self) -> bool {
        self.gone || self.out
    }

    pub(super) fn standing(&self) -> &'static str {
        match self {
            ProvisionedUser { gone: true, .. } => "deleted",
            ProvisionedUser { out: true, .. } => "inactive",
            _ => "active",
        }
    }
}

impl Provisioned {
    pub fn user(&self, id: &str) -> Option<&ProvisionedUser> {
        self.users.get(id).filter(|user| !user.gone)
    }

    /// Everybody who is not gone, by id.
    pub fn users(&self) -> impl Iterator<Item = (&str, &ProvisionedUser)> {
        self.users.iter().filter(|(_, user)| !user.gone).map(|(id, user)| (id.as_str(), user))
    }

    pub fn user_named(&self, user_name: &str) -> Option<&str> {
        let id = self.by_name.get(&user_name.to_lowercase())?;
        self.user(id).map(|_| id.as_str())
    }

    pub fn user_by_external_id(&self, external_id: &str) -> Option<&str> {
        let id = self.by_external_id.get(external_id)?;
        self.user(id).map(|_| id.as_str())
    }

    /// Those who have an address, in whatever letters.
    pub fn users_at(&self, address: &str) -> impl Iterator<Item = &str> {
        let ids = self.by_address.get(&address.to_lowercase());
        ids.into_iter().flatten().map(String::as_str).filter(|id| self.user(id).is_some())
    }

    pub fn group(&self, id: &str) -> Option<&ProvisionedGroup> {
        self.groups.get(id)
    }

    pub fn groups(&self) -> impl Iterator<Item = (&str, &ProvisionedGroup)> {
        self.groups.iter().map(|(id, group)| (id.as_str(), group))
    }

    pub fn group_named(&self, display_name: &str) -> Option<&str> {
        self.groups_by_name.get(&display_name.to_lowercase()).map(String::as_str)
    }

    /// The people in a group.
    pub fn members(&self, group: &str) -> impl Iterator<Item = &str> {
        self.members.get(group).into_iter().flat_map(OrdMap::keys).map(String::as_str)
    }

    pub(super) fn since(&self, group: &str, user: &str) -> Option<UnixMs> {
        self.members.get(group)?.get(user).copied()
    }

    pub fn member_count(&self, group: &str) -> usize {
        self.members.get(group).map_or(0, OrdMap::len)
    }

    /// The groups that a person is in.
    pub fn groups_of(&self, user: &str) -> impl Iterator<Item = &str> {
        self.groups_of.get(user).into_iter().flatten().map(String::as_str)
    }

    /// Whether somebody was deactivated or deleted: no other system lets them in again.
    pub(super) fn keeps_out(&self, user_id: &str) -> bool {
        self.users.get(user_id).is_some_and(ProvisionedUser::is_out)
    }

    pub(super) fn put_user(&mut self, id: &str, user: ProvisionedUser) {
        if let Some(before) = self.users.get(id).cloned() {
            self.unindex(id, &before.provided);
        }
        let is_free = |index: &OrdMap<String, String>, name: &String| {
            !user.gone || index.get(name).is_none_or(|id| self.users.get(id).is_none_or(|other| other.gone))
        };
        let name = user.provided.user_name.to_lowercase();
        if is_free(&self.by_name, &name) {
            self.by_name.insert(name, id.to_owned());
        }
        if let Some(external_id) = &user.provided.external_id
            && is_free(&self.by_external_id, external_id)
        {
            self.by_external_id.insert(external_id.clone(), id.to_owned());
        }
        for address in &user.provided.addresses {
            self.by_address.entry(address.to_lowercase()).or_default().insert(id.to_owned());
        }
        self.users.insert(id.to_owned(), user);
    }

    fn unindex(&mut self, id: &str, provided: &ProvidedUser) {
        let name = provided.user_name.to_lowercase();
        if self.by_name.get(&name).is_some_and(|of| of == id) {
            self.by_name.remove(&name);
        }
        if let Some(external_id) = &provided.external_id
            && self.by_external_id.get(external_id).is_some_and(|of| of == id)
        {
            self.by_external_id.remove(external_id);
        }
        for address in provided.addresses.iter().map(|address| address.to_lowercase()) {
            if let Some(ids) = self.by_address.get_mut(&address) {
                ids.remove(id);
                if ids.is_empty() {
                    self.by_address.remove(&address);
                }
            }
        }
    }

    pub(super) fn put_group(&mut self, id: &str, group: ProvisionedGroup) {
        let name = group.display_name.to_lowercase();
        if let Some(before) = self.groups.insert(id.to_owned(), group) {
            self.groups_by_name.remove(&before.display_name.to_lowercase());
        }
        self.groups_by_name.insert(name, id.to_owned());
    }

    pub(super) fn put_membership(&mut self, group: &str, user: &str, since: UnixMs) {
        let before = self.members.entry(group.to_owned()).or_default().insert(user.to_owned(), since);
        self.groups_of.entry(user.to_owned()).or_default().insert(group.to_owned());
        self.memberships += usize::from(before.is_none());
    }

    pub(super) fn remove_membership(&mut self, group: &str, user: &str) {
        let Some(members) = self.members.get_mut(group) else { return };
        if members.remove(user).is_none() {
            return;
        }
        if members.is_empty() {
            self.members.remove(group);
        }
        self.memberships -= 1;
        if let Some(groups) = self.groups_of.get_mut(user) {
            groups.remove(group);
            if groups.is_empty() {
                self.groups_of.remove(user);
            }
        }
    }

    /// Records as they would be written now.
    pub(super) fn user_record(&self, id: &str) -> Option<Vec<u8>> {
        self.users.get(id).map(encode)
    }

    pub(super) fn group_record(&self, id: &str) -> Option<Vec<u8>> {
        self.groups.get(id).map(encode)
    }

    pub(super) fn membership_record(&self, id: &str) -> Option<Vec<u8>> {
        let (group, user) = id.split_once('/')?;
        self.members.get(group)?.get(user).map(encode)
    }
}
