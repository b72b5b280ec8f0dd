//! Changes to the directory: each is checked as a whole, then applied and written as a whole.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::alert::AlertUpdate;
use super::budget::BudgetUpdate;
use super::entries::{Key, Kind};
use super::identity::{Introduction, Stranger};
use super::invitation::{Guest, Invitation};
use super::link::{LINKS, Link};
use super::policy::{PolicyUpdate, ProviderUpdate};
use super::provision::{Provision, ProvisionError};
use super::session::{Session, SessionsOf};
use super::teams::{ASSIGNMENTS, Assignable, AssignmentKind, TEAMS};
use super::{
    ApiKey, AssignmentUpdate, Directory, DirectoryUpdate, IdentityUpdate, Learnt, Member, Organization, Project,
    SecretHash,
};
use super::{Status, TeamUpdate, Token, User, View};
use crate::model::{Combination, UnixMs};
use crate::store::record::{self, Encode};

/// Views that an organization may have: a list that a person can still find one in.
const VIEWS: usize = 200;

/// A record to write, or with `None` to remove.
pub type RecordWrite = (Vec<u8>, Option<Vec<u8>>);

/// One change, all of it or nothing. [`Change::Learn`] fills gaps only, see [`Directory::news`].
#[derive(Debug, Clone)]
pub enum Change {
    Merge(DirectoryUpdate),
    Learn(Learnt),
    EndMembership {
        organization_id: String,
        user_id: String,
    },
    /// Somebody comes from another system.
    Introduce(Introduction),
    Provision(Box<Provision>),
    /// By somebody who runs the organization: refused if it leaves that without an owner.
    KeepingAnOwner {
        organization_id: String,
        change: Box<Change>,
    },
    PutToken {
        id: String,
        token: Token,
    },
    RevokeToken {
        id: String,
    },
    /// A program is let in.
    LetIn {
        id: String,
        token: Token,
        now: UnixMs,
    },
    /// It is in use.
    UseToken {
        id: String,
        now: UnixMs,
    },
    OpenSession {
        hash: SecretHash,
        session: Session,
        now: UnixMs,
    },
    /// It is in use.
    UseSession {
        hash: SecretHash,
        now: UnixMs,
    },
    CloseSessions(SessionsOf),
    PutView {
        organization_id: String,
        id: String,
        view: View,
    },
    RemoveView {
        organization_id: String,
        id: String,
    },
    PutLink {
        id: String,
        link: Link,
    },
    RemoveLink {
        id: String,
    },
    /// It is in use.
    UseLink {
        id: String,
        now: UnixMs,
    },
    Invite {
        id: String,
        invitation: Invitation,
    },
    RemoveInvitation {
        id: String,
    },
    /// By whom a provider introduces, or whoever has the link.
    AcceptInvitation {
        id: String,
        guest: Option<Box<Guest>>,
        now: UnixMs,
    },
    PutBudgets(Vec<BudgetUpdate>),
    PutPolicies(Vec<PolicyUpdate>),
    PutProviders(Vec<ProviderUpdate>),
    PutAlerts(Vec<AlertUpdate>),
}

impl Change {
    /// Whether it may change what is answered: not if it is about who may ask, or where what is asked about is kept.
    pub fn is_of_answers(&self) -> bool {
        match self {
            Change::Merge(_) | Change::Learn(_) | Change::EndMembership { .. } | Change::Introduce(_) => true,
            Change::Provision(_) | Change::AcceptInvitation { .. } => true,
            Change::KeepingAnOwner { change, .. } => change.is_of_answers(),
            Change::PutToken { .. } | Change::RevokeToken { .. } | Change::UseToken { .. } => false,
            Change::LetIn { .. } | Change::Invite { .. } | Change::RemoveInvitation { .. } => false,
            Change::OpenSession { .. } | Change::UseSession { .. } | Change::CloseSessions(_) => false,
            Change::PutView { .. } | Change::RemoveView { .. } => false,
            Change::PutLink { .. } | Change::RemoveLink { .. } | Change::UseLink { .. } => false,
            Change::PutBudgets(_) | Change::PutPolicies(_) => false,
            Change::PutProviders(_) | Change::PutAlerts(_) => false,
        }
    }

    /// Whether it says how something is to be, so that nothing was done where it is so already.
    pub fn is_of_how_it_is(&self) -> bool {
        match self {
            Change::KeepingAnOwner { change, .. } => change.is_of_how_it_is(),
            Change::PutBudgets(_) | Change::PutPolicies(_) => true,
            Change::PutProviders(_) | Change::PutAlerts(_) => true,
            Change::Provision(_) => true,
            change => matches!(change, Change::Merge(_) | Change::PutView { .. }),
        }
    }
}

/// What a change did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Records written.
    pub changed: usize,
}

/// Why a change was refused. *Caller.*
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChangeError {
    #[error("API key '{key}' needs an organizationId: {found} organizations have a project '{project}'")]
    AmbiguousKey { key: String, project: String, found: usize },
    #[error("there is no {what} '{id}'")]
    Unknown { what: &'static str, id: String },
    #[error("API key '{key}' was created by '{creator}', which stays so; createdBy is '{given}'")]
    OtherCreator { key: String, creator: String, given: String },
    #[error("'{id}' is the last operator token that does not expire; make another before it is revoked")]
    LastOperator { id: String },
    #[error("there is a view '{name}' already; give it another name, or change that one")]
    ViewName { name: String },
    #[error("there are {VIEWS} views in this organization, which is the most; remove one that nobody needs")]
    Views,
    #[error("that leaves organization '{id}' without an owner; make somebody else one before")]
    LastOwner { id: String },
    #[error("{what} '{id}' of organization '{organization}' is new and needs a {field}")]
    Lacks { what: &'static str, id: String, organization: String, field: &'static str },
    #[error("{what} '{id}' is for {whose} '{of}', and organization '{organization}' has none of that id")]
    ForNobody { what: &'static str, id: String, whose: &'static str, of: String, organization: String },
    #[error("from ({from}) of budget '{id}' is after its to ({to}); both are inclusive")]
    BudgetDates { id: String, from: String, to: String },
    #[error("organization '{organization}' would have more than {most} {what}, which is the most")]
    TooMany { what: &'static str, organization: String, most: usize },
    #[error("'{user}' cannot be the same as '{person}': {why}")]
    Identity { user: String, person: String, why: &'static str },
    #[error("alert '{id}' of organization '{organization}': {why}")]
    Alert { id: String, organization: String, why: String },
    #[error("{0}")]
    Stranger(Stranger),
    #[error("{0}")]
    Provision(ProvisionError),
    #[error("the assignment of {of}: {why}")]
    Assignment { of: String, why: String },
}

impl Directory {
    /// Applies a change and returns what to write. On an error `self` is to be thrown away: apply to a clone.
    pub fn apply(&mut self, change: Change) -> Result<(Outcome, Vec<RecordWrite>), ChangeError> {
        let before = self.clone();
        let mut writes = Vec::new();
        match change {
            Change::Merge(update) => self.merge(update, &mut writes)?,
            Change::Learn(learnt) => self.merge(self.news(&learnt), &mut writes)?,
            Change::EndMembership { organization_id, user_id } => {
                let organization = self.existing_mut(&organization_id)?;
                let member = organization.active_member(&user_id);
                let member = member.ok_or(ChangeError::Unknown { what: "member", id: user_id.clone() })?;
                let former = Member { former: true, ..member.clone() };
                organization.give(&organization_id, &user_id, former, &mut writes);
            }
            Change::Introduce(introduction) => self.introduce(introduction, &mut writes)?,
            Change::Provision(change) => self.provision(*change, &mut writes)?,
            Change::KeepingAnOwner { organization_id, change } => {
                let applied = self.apply(*change)?;
                if !self.existing_mut(&organization_id)?.has_owner() {
                    return Err(ChangeError::LastOwner { id: organization_id });
                }
                return Ok(applied);
            }
            Change::PutToken { id, token } => {
                writes.push((key(Kind::Token, "", &id), Some(token.encode())));
                put(&mut writes, Kind::Terms, "", &id, &token.terms);
                Arc::make_mut(&mut self.token_ids).insert(token.hash, id.clone());
                if let Some(old) = Arc::make_mut(&mut self.tokens).insert(id.clone(), token.clone())
                    && old.hash != token.hash
                {
                    Arc::make_mut(&mut self.token_ids).remove(&old.hash);
                    self.end_with_token(&mut writes, &id);
                }
            }
            Change::RevokeToken { id } => self.revoke(id, &mut writes)?,
            Change::LetIn { id, token, now } => self.let_in(id, token, now, &mut writes)?,
            Change::UseToken { id, now } => {
                // It may have been revoked since.
                if let Some(token) = Arc::make_mut(&mut self.tokens).get_mut(&id).filter(|t| t.is_used_anew(now)) {
                    token.terms.last_used = Some(now);
                    put(&mut writes, Kind::Terms, "", &id, &token.terms);
                }
            }
            Change::OpenSession { hash, session, now } => self.open_session(hash, session, now, &mut writes),
            Change::UseSession { hash, now } => self.use_session(&hash, now, &mut writes),
            Change::CloseSessions(of) => self.end_sessions(of, &mut writes)?,
            Change::PutView { organization_id, id, view } => {
                let views = &mut self.existing_mut(&organization_id)?.views;
                if views.iter().any(|(other, of)| *other != id && of.name == view.name) {
                    return Err(ChangeError::ViewName { name: view.name });
                }
                if views.len() >= VIEWS && !views.contains_key(&id) {
                    return Err(ChangeError::Views);
                }
                put(&mut writes, Kind::View, &organization_id, &id, &view);
                views.insert(id, view);
            }
            Change::RemoveView { organization_id, id } => {
                let removed = self.existing_mut(&organization_id)?.views.remove(&id);
                removed.ok_or_else(|| ChangeError::Unknown { what: "view", id: id.clone() })?;
                writes.push((key(Kind::View, &organization_id, &id), None));
            }
            Change::PutLink { id, link } => {
                let there = self.links.values().filter(|of| of.organization_id == link.organization_id).count();
                if there >= LINKS && !self.links.contains_key(&id) {
                    let organization = link.organization_id;
                    return Err(ChangeError::TooMany { what: "links", organization, most: LINKS });
                }
                // It may have been revoked since the link was asked for.
                if link.user_id.is_none() && !self.tokens.contains_key(&link.token_id) {
                    return Err(ChangeError::Unknown { what: "token", id: link.token_id });
                }
                put(&mut writes, Kind::Link, "", &id, &link);
                self.put_link(id, link);
            }
            Change::RemoveLink { id } => {
                self.remove_link(&id).ok_or_else(|| ChangeError::Unknown { what: "link", id: id.clone() })?;
                writes.push((key(Kind::Link, "", &id), None));
            }
            Change::UseLink { id, now } => {
                // It may have been revoked since.
                if let Some(link) = Arc::make_mut(&mut self.links).get_mut(&id).filter(|link| link.is_used_anew(now)) {
                    link.last_used = Some(now);
                    put(&mut writes, Kind::Link, "", &id, link);
                }
            }
            Change::Invite { id, invitation } => self.invite(id, invitation, &mut writes)?,
            Change::RemoveInvitation { id } => self.end_invitation(&id, &mut writes)?,
            Change::AcceptInvitation { id, guest, now } => {
                self.accept(&id, guest.map(|guest| *guest), now, &mut writes)?;
            }
            Change::PutBudgets(updates) => {
                updates.into_iter().try_for_each(|update| self.put_budget(update, &mut writes))?;
            }
            Change::PutPolicies(updates) => {
                updates.into_iter().try_for_each(|update| self.put_policy(update, &mut writes))?;
            }
            Change::PutProviders(updates) => {
                for ProviderUpdate { id, attributes } in updates {
                    put(&mut writes, Kind::Provider, "", &id, &attributes);
                    Arc::make_mut(&mut self.providers).insert(id, attributes);
                }
            }
            Change::PutAlerts(updates) => {
                updates.into_iter().try_for_each(|update| self.put_alert(update, &mut writes))?;
            }
        }
        let writes = before.only_news(writes);
        Ok((Outcome { changed: writes.len() }, writes))
    }

    /// The last of what is written to each record, unless that is what stands there.
    fn only_news(&self, writes: Vec<RecordWrite>) -> Vec<RecordWrite> {
        let last: BTreeMap<Vec<u8>, Option<Vec<u8>>> = writes.into_iter().collect();
        let is_news = |(key, new): &RecordWrite| Key::parse(key).and_then(|key| self.record(&key)) != *new;
        last.into_iter().filter(is_news).collect()
    }

    /// Enters the organization, project and key of events seen for the first time.
    pub fn notice(&mut self, combination: &Combination) -> Vec<RecordWrite> {
        let mut writes = Vec::new();
        let organization = combination.organization.as_str();
        self.ensure_organization(organization, &mut writes);
        let entry = self.organization_mut(organization);
        if !entry.projects.contains_key(&combination.project) {
            let project = Project::default();
            put(&mut writes, Kind::Project, organization, &combination.project, &project);
            entry.projects.insert(combination.project.clone(), project);
        }
        if !entry.api_keys.contains_key(&combination.api_key) {
            let api_key = ApiKey { project_id: combination.project.clone(), ..ApiKey::default() };
            put(&mut writes, Kind::ApiKey, organization, &combination.api_key, &api_key);
            entry.put_api_key(combination.api_key.clone(), api_key);
        }
        writes
    }

    fn merge(&mut self, update: DirectoryUpdate, writes: &mut Vec<RecordWrite>) -> Result<(), ChangeError> {
        for new in update.organizations {
            self.ensure_organization(&new.id, writes);
            let profile = &mut self.organization_mut(&new.id).profile;
            set_text(&mut profile.name, new.name);
            set(&mut profile.plan, new.plan);
            set(&mut profile.status, new.status);
            set_text(&mut profile.timezone, new.timezone);
            set(&mut profile.retention_days, new.retention_days);
            put(writes, Kind::Organization, &new.id, "", profile);
        }
        for new in update.projects {
            self.ensure_organization(&new.organization_id, writes);
            let project = self.organization_mut(&new.organization_id).projects.entry(new.id.clone()).or_default();
            set_text(&mut project.name, new.name);
            set(&mut project.status, new.status);
            put(writes, Kind::Project, &new.organization_id, &new.id, project);
        }
        for new in update.users {
            let mut user = self.users.get(&new.id).cloned().unwrap_or_default();
            set_text(&mut user.name, new.name);
            set_text(&mut user.email, new.email);
            put(writes, Kind::User, "", &new.id, &user);
            Arc::make_mut(&mut self.users).put(&new.id, user);
        }
        for new in update.members {
            self.ensure_organization(&new.organization_id, writes);
            if self.users.get(&new.user_id).is_none() {
                let user = User::default();
                put(writes, Kind::User, "", &new.user_id, &user);
                Arc::make_mut(&mut self.users).put(&new.user_id, user);
            }
            // What is absent stays, for people who come back too: an update never widens access by leaving out.
            let organization = self.organization_mut(&new.organization_id);
            let before = organization.given(&new.user_id).and_then(|member| member.project_ids.clone());
            let member = Member { role: new.role, project_ids: new.project_ids.unwrap_or(before), former: new.former };
            organization.give(&new.organization_id, &new.user_id, member, writes);
        }
        for new in update.api_keys {
            let organization_id = match new.organization_id {
                Some(id) => id,
                None => self.only_organization_with(&new.id, &new.project_id)?,
            };
            self.ensure_organization(&organization_id, writes);
            let organization = self.organization_mut(&organization_id);
            if !organization.projects.contains_key(&new.project_id) {
                let project = Project::default();
                put(writes, Kind::Project, &organization_id, &new.project_id, &project);
                organization.projects.insert(new.project_id.clone(), project);
            }
            let mut api_key = organization.api_keys.get(&new.id).cloned().unwrap_or_default();
            api_key.project_id = new.project_id;
            set_text(&mut api_key.description, new.description);
            set(&mut api_key.status, new.status);
            // A key that changes hands keeps its creator: moving it would move last month's bill.
            match (&api_key.created_by, new.created_by) {
                (None, creator) => api_key.created_by = creator,
                (Some(creator), Some(given)) if *creator != given => {
                    return Err(ChangeError::OtherCreator { key: new.id, creator: creator.clone(), given });
                }
                (Some(_), _) => {}
            }
            put(writes, Kind::ApiKey, &organization_id, &new.id, &api_key);
            organization.put_api_key(new.id, api_key);
        }
        for new in update.identities {
            self.identify(new, writes)?;
        }
        // A team that goes with this very update may have assignments in it: a directory that was read is taken back.
        let gone: Vec<(String, String)> = update.assignments.iter().filter_map(|new| self.team_gone(new)).collect();
        for new in update.teams {
            self.put_team(new, writes)?;
        }
        for new in update.assignments {
            self.assign(new, &gone, writes)?;
        }
        for new in update.models {
            put(writes, Kind::Model, "", &new.id, &new.name);
            Arc::make_mut(&mut self.models).insert(new.id, new.name);
        }
        Ok(())
    }

    /// Makes a member another identity of one, or their own again. No identity is of an identity, so that who is meant
    /// never takes more than one step, and nothing is merged that was not named.
    fn identify(&mut self, new: IdentityUpdate, writes: &mut Vec<RecordWrite>) -> Result<(), ChangeError> {
        let IdentityUpdate { organization_id, user_id, same_as } = new;
        let organization = self.existing_mut(&organization_id)?;
        for id in [Some(&user_id), same_as.as_ref()].into_iter().flatten() {
            if !organization.members.contains_key(id) {
                return Err(ChangeError::Unknown { what: "member", id: id.clone() });
            }
        }
        let Some(person) = same_as else {
            if organization.same_as.remove(&user_id).is_some() {
                writes.push((key(Kind::SameAs, &organization_id, &user_id), None));
            }
            return Ok(());
        };
        let why = if user_id == person {
            Some("they are one")
        } else if organization.same_as.contains_key(&person) {
            Some("the latter is an identity of somebody else; name that one")
        } else if organization.same_as.values().any(|other| *other == user_id) {
            Some("the former has identities; make those the latter's first")
        } else {
            None
        };
        if let Some(why) = why {
            return Err(ChangeError::Identity { user: user_id, person, why });
        }
        put(writes, Kind::SameAs, &organization_id, &user_id, &person);
        organization.same_as.insert(user_id, person);
        Ok(())
    }

    pub(super) fn put_team(&mut self, new: TeamUpdate, writes: &mut Vec<RecordWrite>) -> Result<(), ChangeError> {
        self.ensure_organization(&new.organization_id, writes);
        let teams = &mut self.organization_mut(&new.organization_id).teams;
        if teams.len() >= TEAMS && !teams.contains_key(&new.id) {
            return Err(ChangeError::TooMany { what: "teams", organization: new.organization_id, most: TEAMS });
        }
        let team = teams.entry(new.id.clone()).or_default();
        set_text(&mut team.name, new.name);
        set(&mut team.cost_centre, new.cost_centre.map(|new| new.filter(|text| !text.trim().is_empty())));
        set(&mut team.status, new.status);
        put(writes, Kind::Team, &new.organization_id, &new.id, team);
        Ok(())
    }

    /// The team, with its organization, of an assignment that is new though the team is gone.
    fn team_gone(&self, new: &AssignmentUpdate) -> Option<(String, String)> {
        let organization = self.organization(&new.organization_id)?;
        let assigned = new.assigned.as_ref().filter(|_| new.name.kind == AssignmentKind::Team)?;
        let id = assigned.id.as_ref()?;
        let is_gone = organization.teams.get(id).is_some_and(|team| team.status == Status::Deleted);
        let is_new = organization.assignments.get(&new.name) != Some(assigned);
        (is_gone && is_new).then(|| (new.organization_id.clone(), id.clone()))
    }

    /// Says whose something is from a day on, or takes that back.
    pub(super) fn assign(
        &mut self,
        new: AssignmentUpdate,
        gone: &[(String, String)],
        writes: &mut Vec<RecordWrite>,
    ) -> Result<(), ChangeError> {
        let AssignmentUpdate { organization_id, name, assigned } = new;
        let organization = self.existing_mut(&organization_id)?;
        let refused = |why: String| Err(ChangeError::Assignment { of: name.words(), why });
        let none = |what: &str, id: &str| format!("organization '{organization_id}' has no {what} '{id}'");
        let Some(assigned) = assigned else {
            if organization.assignments.get(&name).is_some() {
                Arc::make_mut(&mut organization.assignments).remove(&name);
                writes.push((key(Kind::Assignment, &organization_id, &name.text()), None));
            }
            return Ok(());
        };
        let (what, id) = name.subject.named();
        if organization.lacks(&name.subject) {
            return refused(none(what, id));
        }
        if let Assignable::User(id) = &name.subject
            && let Some(person) = organization.same_as.get(id)
        {
            return refused(format!("'{id}' is another identity of '{person}'; assign that one"));
        }
        if name.kind == AssignmentKind::Owner && !matches!(name.subject, Assignable::ApiKey(_)) {
            return refused(format!("ownerUserId is for keys, and this is a {what}"));
        }
        match (name.kind, &assigned.id) {
            (AssignmentKind::Team, Some(team)) if !organization.teams.contains_key(team) => {
                return refused(none("team", team));
            }
            (AssignmentKind::Team, Some(team))
                if gone.iter().any(|(of, id)| *of == organization_id && id == team)
                    && organization.teams.get(team).is_some_and(|team| team.status == Status::Deleted) =>
            {
                return refused(format!("the team '{team}' is deleted; make it active again, or name another"));
            }
            (AssignmentKind::Owner, Some(user)) if !organization.has_seen(user) => {
                return refused(none("member", user));
            }
            _ => {}
        }
        // Written so that their order is that of time.
        if let Some(to) = assigned.to.as_ref().filter(|to| **to < name.from) {
            return refused(format!("it ends on {to}, before it begins; both days are included"));
        }
        if organization.assignments.len() >= ASSIGNMENTS && organization.assignments.get(&name).is_none() {
            let organization = organization_id;
            return Err(ChangeError::TooMany { what: "assignments", organization, most: ASSIGNMENTS });
        }
        put(writes, Kind::Assignment, &organization_id, &name.text(), &assigned);
        Arc::make_mut(&mut organization.assignments).put(name, assigned);
        Ok(())
    }

    /// The organizations whose budgets are not where they stood, once these are written: what one is, or whose a key's
    /// usage is, is another.
    pub fn moved_budgets<'w>(&self, writes: &'w [RecordWrite]) -> impl Iterator<Item = &'w str> {
        writes.iter().filter_map(|(bytes, new)| {
            let key = Key::parse(bytes)?;
            let moves = match key.kind {
                Kind::Organization | Kind::SameAs | Kind::Budget | Kind::Assignment => true,
                Kind::ApiKey => {
                    let known = self.organization(key.organization).and_then(|of| of.api_keys.get(key.id));
                    let new: Option<ApiKey> = new.as_deref().and_then(|bytes| record::decode(bytes).ok());
                    known.and_then(|key| key.created_by.as_ref())
                        != new.as_ref().and_then(|key| key.created_by.as_ref())
                }
                _ => false,
            };
            moves.then_some(key.organization)
        })
    }

    pub(super) fn ensure_organization(&mut self, id: &str, writes: &mut Vec<RecordWrite>) {
        if !self.organizations.contains_key(id) {
            put(writes, Kind::Organization, id, "", &self.organization_mut(id).profile);
        }
    }

    pub(super) fn existing_mut(&mut self, id: &str) -> Result<&mut Organization, ChangeError> {
        let known = self.organizations.get_mut(id);
        known.map(Arc::make_mut).ok_or_else(|| ChangeError::Unknown { what: "organization", id: id.to_owned() })
    }

    fn only_organization_with(&self, key: &str, project: &str) -> Result<String, ChangeError> {
        let mut found = self.organizations.iter().filter(|(_, o)| o.projects.contains_key(project));
        match (found.next(), found.count()) {
            (Some((id, _)), 0) => Ok(id.to_string()),
            (first, more) => Err(ChangeError::AmbiguousKey {
                key: key.to_owned(),
                project: project.to_owned(),
                found: more + usize::from(first.is_some()),
            }),
        }
    }
}

pub(super) fn key(kind: Kind, organization: &str, id: &str) -> Vec<u8> {
    Key { kind, organization, id }.bytes()
}

pub(super) fn put(writes: &mut Vec<RecordWrite>, kind: Kind, organization: &str, id: &str, entry: &impl Encode) {
    writes.push((key(kind, organization, id), Some(record::encode(entry))));
}

fn set<T>(field: &mut T, new: Option<T>) {
    if let Some(new) = new {
        *field = new;
    }
}

/// An empty text says that there is none.
fn set_text(field: &mut Option<String>, new: Option<String>) {
    if let Some(new) = new {
        *field = Some(new).filter(|text| !text.trim().is_empty());
    }
}
