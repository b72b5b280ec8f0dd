//! Provisioning: entering people and groups as a company's own directory has them.
//!
//! What a person is in the organization is what the directory itself gave them, and beside it what provisioning gives: the
//! role of a developer, or what the rules of groups say instead. Groups of which no rule speaks are teams.

use std::collections::BTreeSet;
use std::sync::Arc;

use imbl::OrdMap;

use super::Directory;
use super::change::{ChangeError, RecordWrite, key, put};
use super::entries::{Grant, GroupGrant, Kind, Organization, User};
use super::identity::{GroupRule, given_by_groups};
use super::member::{Member, Role};
use super::provision::{GroupChange, MembersChange, Provision, ProvisionError, Step};
use super::provisioned::{ProvidedUser, Provisioned, ProvisionedGroup, ProvisionedUser};
use super::status::Status;
use super::teams::{Assignable, AssignmentKind};
use super::update::TeamUpdate;
use crate::model::UnixMs;

/// People of one organization that are provisioned, those who left among them.
const USERS: usize = 200_000;
/// Groups of one organization.
const GROUPS: usize = 10_000;
/// People in groups: each person in some.
const MEMBERSHIPS: usize = 1_000_000;
/// By what memberships know what provisioning gives; an external identity has a blank in it.
const BY: &str = "scim";

/// What a person's groups give them.
struct Gives {
    grant: Option<GroupGrant>,
    team_id: Option<String>,
}

impl Organization {
    /// What groups give somebody: by the rules, and the team of the group that they joined last where no rule names one.
    fn gives(&self, organization_id: &str, rules: &[GroupRule], user: &str) -> Gives {
        let provisioned = &self.provisioned;
        let groups: Vec<(&str, &ProvisionedGroup)> =
            provisioned.groups_of(user).filter_map(|id| Some((id, provisioned.group(id)?))).collect();
        let names = groups.iter().map(|(_, group)| &*group.display_name);
        let grant = given_by_groups(rules, names).remove(organization_id);
        let teams = groups.iter().filter(|(_, group)| !is_ruled(organization_id, rules, &group.display_name));
        let joined_last =
            teams.max_by_key(|(id, _)| provisioned.since(id, user)).and_then(|(_, group)| group.team_id.clone());
        Gives { team_id: grant.as_ref().and_then(|grant| grant.team_id.clone()).or(joined_last), grant }
    }
}

/// Whether a rule speaks of a group.
fn is_ruled(organization_id: &str, rules: &[GroupRule], display_name: &str) -> bool {
    rules.iter().any(|rule| rule.organization_id == organization_id && rule.group == display_name)
}

fn membership(group: &str, user: &str) -> String {
    format!("{group}/{user}")
}

impl Directory {
    pub(super) fn provision(&mut self, change: Provision, writes: &mut Vec<RecordWrite>) -> Result<(), ChangeError> {
        let Provision { organization_id, rules, day, now, step } = change;
        self.ensure_organization(&organization_id, writes);
        let mut at =
            Provisioning { directory: self, organization_id: &organization_id, rules: &rules, day: &day, now, writes };
        match step {
            Step::AddUser { provided, new_id } => at.add_user(provided, new_id),
            Step::PutUser { id, provided, expected } => at.put_user(id, provided, expected),
            Step::RemoveUser { id, expected } => at.remove_user(&id, expected),
            Step::AddGroup { id, group } => at.add_group(&id, group),
            Step::PutGroup { id, group, expected } => at.put_group(&id, group, expected),
            Step::RemoveGroup { id, expected } => at.remove_group(&id, expected),
            Step::Settle => at.settle_all(),
        }
    }
}

/// A change under way.
struct Provisioning<'c> {
    directory: &'c mut Directory,
    organization_id: &'c str,
    rules: &'c [GroupRule],
    day: &'c str,
    now: UnixMs,
    writes: &'c mut Vec<RecordWrite>,
}

impl Provisioning<'_> {
    fn organization(&mut self) -> &mut Organization {
        self.directory.organization_mut(self.organization_id)
    }

    fn provisioned(&mut self) -> &mut Provisioned {
        &mut self.organization().provisioned
    }

    fn too_many(&self, what: &'static str, most: usize) -> ChangeError {
        ChangeError::Provision(ProvisionError::TooMany { what, organization: self.organization_id.to_owned(), most })
    }

    // People.

    fn add_user(&mut self, provided: ProvidedUser, new_id: String) -> Result<(), ChangeError> {
        self.refuse_taken(None, &provided)?;
        let provisioned = self.provisioned();
        let by_external_id = provided.external_id.as_ref().and_then(|id| provisioned.by_external_id.get(id));
        let back = by_external_id.or_else(|| provisioned.by_name.get(&provided.user_name.to_lowercase())).cloned();
        let id = match back {
            Some(id) => id,
            None if provisioned.users.len() >= USERS => return Err(self.too_many("provisioned users", USERS)),
            None => self.link(&provided).unwrap_or_else(|| self.id_for(&provided, new_id)),
        };
        let organization = self.organization();
        let before = organization.provisioned.users.get(&id).cloned();
        let ended = organization.members.get(&id).filter(|member| member.former);
        let project_ids = ended.and_then(|member| member.project_ids.clone());
        let user = ProvisionedUser {
            own: None,
            project_ids,
            out: provided.active == Some(false),
            provided,
            created: before.as_ref().map_or(self.now, |before| before.created),
            modified: self.now,
            version: before.map_or(1, |before| before.version + 1),
            gone: false,
        };
        self.write_user(&id, user);
        if self.provisioned().keeps_out(&id) { self.put_out(&id) } else { self.settle(&id, None) }
    }

    fn put_user(&mut self, id: String, provided: ProvidedUser, expected: Option<u64>) -> Result<(), ChangeError> {
        let before = self.known_user(&id, expected)?;
        self.refuse_taken(Some(&id), &provided)?;
        if before.provided == provided {
            return Ok(());
        }
        let was_out = before.out;
        let out = provided.active.map_or(was_out, |active| !active);
        let user = ProvisionedUser { provided, out, modified: self.now, version: before.version + 1, ..before };
        self.write_user(&id, user);
        match (was_out, out) {
            (false, true) => self.put_out(&id),
            (true, false) => {
                self.give_back(&id);
                self.settle(&id, None)
            }
            _ => Ok(()),
        }
    }

    fn remove_user(&mut self, id: &str, expected: Option<u64>) -> Result<(), ChangeError> {
        let before = self.known_user(id, expected)?;
        let groups: Vec<String> = self.provisioned().groups_of(id).map(str::to_owned).collect();
        for group in groups {
            self.leave(&group, id);
            self.touch_group(&group);
        }
        let user = ProvisionedUser { modified: self.now, version: before.version + 1, gone: true, ..before };
        self.write_user(id, user);
        self.put_out(id)
    }

    fn known_user(&mut self, id: &str, expected: Option<u64>) -> Result<ProvisionedUser, ChangeError> {
        let user = self.provisioned().user(id).cloned();
        let user = user.ok_or_else(|| ProvisionError::Unknown { what: "user", id: id.to_owned() });
        let user = user.map_err(ChangeError::Provision)?;
        if expected.is_some_and(|version| version != user.version) {
            return Err(ChangeError::Provision(ProvisionError::Changed { id: id.to_owned() }));
        }
        Ok(user)
    }

    fn refuse_taken(&mut self, id: Option<&str>, provided: &ProvidedUser) -> Result<(), ChangeError> {
        let provisioned = self.provisioned();
        let taken = |what, value: &str| {
            Err(ChangeError::Provision(ProvisionError::Taken { of: "user", what, value: value.to_owned() }))
        };
        if provisioned.user_named(&provided.user_name).is_some_and(|of| Some(of) != id) {
            return taken("userName", &provided.user_name);
        }
        match &provided.external_id {
            Some(given) if provisioned.user_by_external_id(given).is_some_and(|of| Some(of) != id) => {
                taken("externalId", given)
            }
            _ => Ok(()),
        }
    }

    /// The user of the directory who is meant: by name as an id or an address, else by the address to write to, where
    /// that is one person. A bare id that only others have used is somebody else's: both have an `alice`.
    fn link(&mut self, provided: &ProvidedUser) -> Option<String> {
        let (directory, organization_id) = (&*self.directory, self.organization_id);
        let organization = directory.organization(organization_id)?;
        let elsewhere =
            |id: &str| directory.organizations().any(|(other, of)| other != organization_id && of.has_seen(id));
        let by_id = |id: &str| organization.has_seen(id) || (directory.user(id).is_some() && !elsewhere(id));
        let one = |ids: BTreeSet<&str>| {
            // An identity that an owner has said to be somebody's is that person.
            let people: BTreeSet<&str> = ids.into_iter().map(|id| organization.person(id)).collect();
            let free = |id: &&str| organization.provisioned.user(id).is_none();
            (people.len() == 1).then(|| people.into_iter().find(free)).flatten().map(str::to_owned)
        };
        let name = &*provided.user_name;
        let by_name = Some(name).filter(|name| by_id(name)).into_iter().chain(directory.users.at(name)).collect();
        one(by_name).or_else(|| one(directory.users.at(provided.email.as_deref()?).collect()))
    }

    /// The id of somebody new: the name by which the company knows them, where that is nobody's and fits an address.
    fn id_for(&self, provided: &ProvidedUser, new_id: String) -> String {
        let name = &provided.user_name;
        let fits = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"@._+-".contains(&byte));
        let is_known = self.directory.user(name).is_some()
            || self.directory.organizations().any(|(_, organization)| organization.has_seen(name));
        if fits && !is_known { name.clone() } else { new_id }
    }

    fn write_user(&mut self, id: &str, user: ProvisionedUser) {
        put(self.writes, Kind::ScimUser, self.organization_id, id, &user);
        self.describe(id, &user.provided);
        self.provisioned().put_user(id, user);
    }

    /// Writes name and address of a person; those of whoever is known to others as well only where there is none.
    fn describe(&mut self, id: &str, provided: &ProvidedUser) {
        let (directory, here) = (&*self.directory, self.organization_id);
        let is_known_elsewhere = directory.organizations().any(|(other, of)| other != here && of.has_seen(id));
        let known = directory.user(id).cloned().unwrap_or_default();
        let (name, email) = (provided.name.clone(), provided.email.clone());
        let user = match is_known_elsewhere {
            true => User { name: known.name.clone().or(name), email: known.email.clone().or(email) },
            false => User { name: name.or(known.name.clone()), email: email.or(known.email.clone()) },
        };
        put(self.writes, Kind::User, "", id, &user);
        Arc::make_mut(&mut self.directory.users).put(id, user);
    }

    /// Ends somebody's membership, with all their identities here, their sessions and their tokens. Of a token or a
    /// session that opens other organizations as well, only if they are in none of those.
    fn put_out(&mut self, id: &str) -> Result<(), ChangeError> {
        let here = self.organization_id;
        let organization = self.directory.organization_mut(here);
        let same = organization.same_as.iter().filter(|(_, person)| *person == id).map(|(other, _)| other.clone());
        let ids: Vec<String> = same.chain([id.to_owned()]).collect();
        for id in &ids {
            if let Some(mut user) = organization.provisioned.users.get(id).cloned()
                && let Some(own) = organization.given(id).filter(|own| !own.former)
            {
                user.own = Some(own.clone());
                put(self.writes, Kind::ScimUser, here, id, &user);
                organization.provisioned.put_user(id, user);
            }
            let known = organization.members.get(id).cloned();
            let member = known.unwrap_or(Member { role: Role::Developer, project_ids: None, former: true });
            organization.give(here, id, Member { former: true, ..member }, self.writes);
        }
        for id in &ids {
            let elsewhere = self.directory.organizations().any(|(other, of)| {
                other != here && of.profile.status == Status::Active && of.active_member(id).is_some()
            });
            let revoked = self.directory.tokens().filter(|(_, token)| match &token.grant {
                Grant::Member { organization_id, user_id } => organization_id == here && user_id == id,
                Grant::User { user_id } => user_id == id && !elsewhere,
                Grant::Operator | Grant::Ingest { .. } | Grant::Scim { .. } => false,
            });
            let revoked: Vec<String> = revoked.map(|(id, _)| id.to_owned()).collect();
            if !elsewhere {
                self.directory.sign_out(id, self.writes);
            }
            for token in revoked {
                self.directory.revoke(token, self.writes)?;
            }
        }
        Ok(())
    }

    /// Gives somebody back what the directory itself had given them when they were deactivated.
    fn give_back(&mut self, id: &str) {
        let here = self.organization_id;
        let organization = self.directory.organization_mut(here);
        let Some(mut user) = organization.provisioned.users.get(id).cloned() else { return };
        let Some(own) = user.own.take() else { return };
        organization.give(here, id, own, self.writes);
        put(self.writes, Kind::ScimUser, here, id, &user);
        organization.provisioned.put_user(id, user);
    }

    // Groups.

    fn add_group(&mut self, id: &str, group: GroupChange) -> Result<(), ChangeError> {
        let display_name = group.display_name.clone().unwrap_or_default();
        self.refuse_taken_name(None, &display_name)?;
        if self.provisioned().groups.len() >= GROUPS {
            return Err(self.too_many("provisioned groups", GROUPS));
        }
        let new = ProvisionedGroup {
            display_name,
            external_id: group.external_id.clone().flatten(),
            team_id: None,
            made_team: false,
            created: self.now,
            modified: self.now,
            version: 1,
        };
        self.write_group(id, new);
        self.as_team(id)?;
        self.change_members(id, group.members).map(drop)
    }

    fn put_group(&mut self, id: &str, group: GroupChange, expected: Option<u64>) -> Result<(), ChangeError> {
        let before = self.known_group(id, expected)?;
        let mut after = before.clone();
        if let Some(name) = group.display_name {
            self.refuse_taken_name(Some(id), &name)?;
            after.display_name = name;
        }
        if let Some(external_id) = group.external_id {
            after.external_id = external_id;
        }
        if after != before {
            // What its people have by it may be something else under another name.
            let people: Vec<String> = self.provisioned().members(id).map(str::to_owned).collect();
            let before_of: Vec<Gives> = people.iter().map(|user| self.gives(user)).collect();
            after.version += 1;
            after.modified = self.now;
            self.write_group(id, after);
            self.as_team(id)?;
            people.iter().zip(before_of).try_for_each(|(user, before)| self.settle(user, Some(before)))?;
        }
        if self.change_members(id, group.members)? {
            self.touch_group(id);
        }
        Ok(())
    }

    fn remove_group(&mut self, id: &str, expected: Option<u64>) -> Result<(), ChangeError> {
        let group = self.known_group(id, expected)?;
        self.change_members(id, vec![MembersChange::Replace(Vec::new())])?;
        if let Some(team) = group.team_id.filter(|_| group.made_team) {
            self.put_team(&team, None, Status::Deleted)?;
        }
        let provisioned = self.provisioned();
        provisioned.groups.remove(id);
        provisioned.groups_by_name.remove(&group.display_name.to_lowercase());
        self.writes.push((key(Kind::ScimGroup, self.organization_id, id), None));
        Ok(())
    }

    fn known_group(&mut self, id: &str, expected: Option<u64>) -> Result<ProvisionedGroup, ChangeError> {
        let group = self.provisioned().group(id).cloned();
        let group = group.ok_or_else(|| ProvisionError::Unknown { what: "group", id: id.to_owned() });
        let group = group.map_err(ChangeError::Provision)?;
        if expected.is_some_and(|version| version != group.version) {
            return Err(ChangeError::Provision(ProvisionError::Changed { id: id.to_owned() }));
        }
        Ok(group)
    }

    fn refuse_taken_name(&mut self, id: Option<&str>, name: &str) -> Result<(), ChangeError> {
        if self.provisioned().group_named(name).is_some_and(|of| Some(of) != id) {
            let (of, what, value) = ("group", "displayName", name.to_owned());
            return Err(ChangeError::Provision(ProvisionError::Taken { of, what, value }));
        }
        Ok(())
    }

    fn write_group(&mut self, id: &str, group: ProvisionedGroup) {
        put(self.writes, Kind::ScimGroup, self.organization_id, id, &group);
        self.provisioned().put_group(id, group);
    }

    fn touch_group(&mut self, id: &str) {
        let now = self.now;
        if let Some(mut group) = self.provisioned().group(id).cloned() {
            group.version += 1;
            group.modified = now;
            self.write_group(id, group);
        }
    }

    /// Makes a group of which no rule speaks a team: one that is there by its name and is no other group's, else a new
    /// one, which has the name that its group has.
    fn as_team(&mut self, id: &str) -> Result<(), ChangeError> {
        let Some(mut group) = self.provisioned().group(id).cloned() else { return Ok(()) };
        let name = group.display_name.clone();
        if is_ruled(self.organization_id, self.rules, &name) {
            return Ok(());
        }
        if let Some(team) = &group.team_id {
            return self.put_team(team, group.made_team.then_some(name), Status::Active);
        }
        let organization = self.organization();
        let is_free = |team: &&String| {
            !organization.provisioned.groups.values().any(|group| group.team_id.as_ref() == Some(team))
        };
        let named: Vec<&String> =
            organization.teams.iter().filter(|(_, team)| team.name.as_ref() == Some(&name)).map(|(id, _)| id).collect();
        let by_id = organization.teams.get_key_value(&name).map(|(id, _)| id);
        let there = by_id.or_else(|| (named.len() == 1).then(|| named[0])).filter(is_free).cloned();
        let is_used = organization.teams.contains_key(&name);
        group.made_team = there.is_none();
        let team = there.unwrap_or_else(|| if is_used { id.to_owned() } else { name.clone() });
        self.put_team(&team, group.made_team.then_some(name), Status::Active)?;
        group.team_id = Some(team);
        self.write_group(id, group);
        Ok(())
    }

    fn put_team(&mut self, id: &str, name: Option<String>, status: Status) -> Result<(), ChangeError> {
        let update = TeamUpdate {
            id: id.to_owned(),
            organization_id: self.organization_id.to_owned(),
            name,
            cost_centre: None,
            status: Some(status),
        };
        self.directory.put_team(update, self.writes)
    }

    /// Whether any of it changed who is in the group.
    fn change_members(&mut self, group: &str, changes: Vec<MembersChange>) -> Result<bool, ChangeError> {
        let mut changed = false;
        for change in changes {
            let is_in = |at: &mut Self, user: &String| {
                at.provisioned().members.get(group).is_some_and(|members| members.contains_key(user))
            };
            let (come, go) = match change {
                MembersChange::Add(users) => (users, Vec::new()),
                MembersChange::Remove(users) => (Vec::new(), users),
                MembersChange::Replace(users) => {
                    let stay: BTreeSet<&String> = users.iter().collect();
                    let there = self.provisioned().members.get(group);
                    let go = there.into_iter().flat_map(OrdMap::keys).filter(|user| !stay.contains(user)).cloned();
                    let go = go.collect();
                    (users, go)
                }
            };
            for user in come {
                if self.provisioned().user(&user).is_none() {
                    return Err(ChangeError::Provision(ProvisionError::NoMember { id: user }));
                }
                if is_in(self, &user) {
                    continue;
                }
                if self.provisioned().memberships >= MEMBERSHIPS {
                    return Err(self.too_many("people in groups", MEMBERSHIPS));
                }
                let before = self.gives(&user);
                // Later than any other, so that it is known which they joined last.
                let provisioned = self.provisioned();
                let last = provisioned.groups_of(&user).filter_map(|group| provisioned.since(group, &user)).max();
                let since = self.now.max(last.map_or(UnixMs::MIN, |last| last + 1));
                put(self.writes, Kind::ScimMembership, self.organization_id, &membership(group, &user), &since);
                self.provisioned().put_membership(group, &user, since);
                self.settle(&user, Some(before))?;
                changed = true;
            }
            for user in go {
                if is_in(self, &user) {
                    let before = self.gives(&user);
                    self.leave(group, &user);
                    self.settle(&user, Some(before))?;
                    changed = true;
                }
            }
        }
        Ok(changed)
    }

    fn leave(&mut self, group: &str, user: &str) {
        self.writes.push((key(Kind::ScimMembership, self.organization_id, &membership(group, user)), None));
        self.provisioned().remove_membership(group, user);
    }

    fn gives(&mut self, user: &str) -> Gives {
        let (here, rules) = (self.organization_id, self.rules);
        self.organization().gives(here, rules, user)
    }

    /// Lets somebody have what their groups give, instead of what they gave before.
    fn settle(&mut self, id: &str, before: Option<Gives>) -> Result<(), ChangeError> {
        let Gives { grant, team_id } = self.gives(id);
        let (here, day) = (self.organization_id, self.day);
        let organization = self.organization();
        if organization.provisioned.keeps_out(id) {
            return Ok(());
        }
        let own = organization.given(id).is_some_and(|own| !own.former);
        let project_ids = organization.provisioned.users.get(id).and_then(|user| user.project_ids.clone());
        let developer = || GroupGrant { role: Role::Developer, project_ids, team_id: None };
        let grant = grant.or_else(|| (!own).then(developer));
        self.directory.set_grant(here, id, BY, grant.as_ref(), None, self.writes)?;
        let was = before.and_then(|before| before.team_id);
        if was == team_id {
            return Ok(());
        }
        self.directory.move_to_team(here, id, was, team_id, day, self.writes)
    }

    /// Lets everybody who is in the organization have what their groups give by the rules of now.
    fn settle_all(&mut self) -> Result<(), ChangeError> {
        let groups: Vec<String> = self.provisioned().groups.keys().cloned().collect();
        groups.iter().try_for_each(|group| self.as_team(group))?;
        let organization = self.organization();
        let people = organization.provisioned.users.keys().filter(|id| organization.active_member(id).is_some());
        let people: Vec<String> = people.cloned().collect();
        for id in &people {
            let before = Gives { grant: None, team_id: self.team_by_group(id) };
            self.settle(id, Some(before))?;
        }
        Ok(())
    }

    /// The team that somebody is in, if that is one of a group.
    fn team_by_group(&mut self, id: &str) -> Option<String> {
        let day = self.day;
        let organization = self.organization();
        let subject = Assignable::User(organization.person(id).to_owned());
        let team = organization.assignments.on(AssignmentKind::Team, &subject, day)?.id.clone()?;
        let is_it = |group: &ProvisionedGroup| group.team_id.as_ref() == Some(&team);
        organization.provisioned.groups.values().any(is_it).then_some(team)
    }
}
