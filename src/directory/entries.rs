//! Entries of the directory, as they are in memory and on disk, and their keys.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use imbl::{OrdMap, OrdSet};

use super::SecretHash;
use super::alert::Alert;
use super::budget::Budget;
use super::member::{Member, Role};
use super::owners::Owners;
use super::policy::Policy;
use super::provisioned::Provisioned;
use super::status::Status;
use super::teams::{Assignable, Assigned, AssignmentKind, Assignments, Team};
use crate::model::UnixMs;
use crate::store::StoreError;
use crate::store::record::{self, Decode, Encode};

/// What an organization pays for; decides who sees the whole of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Encode, Decode)]
pub enum Plan {
    Free,
    Pro,
    #[default]
    Enterprise,
}

/// An organization and all that belongs to it. Maps of what senders name are shared with every copy but for what
/// changed since: there may be a million keys, and each commit with a new one makes a copy.
#[derive(Debug, Clone, Default)]
pub struct Organization {
    pub profile: Profile,
    pub projects: OrdMap<String, Project>,
    pub members: OrdMap<String, Member>,
    /// What memberships are made of to which groups of other systems give something.
    pub granted: OrdMap<String, Granted>,
    pub provisioned: Provisioned,
    pub api_keys: OrdMap<String, Arc<ApiKey>>,
    /// What keys without a description are, each once: of one project and creator there may be thousands.
    pub(crate) alike: OrdSet<Arc<ApiKey>>,
    /// By the user id of who created them; kept by [`Organization::put_api_key`].
    pub(crate) key_counts: OrdMap<Option<String>, KeyCounts>,
    /// Members who are other identities of members, and of whom.
    pub same_as: OrdMap<String, String>,
    /// Who created which key, for questions about many keys.
    pub owners: Owners,
    pub teams: OrdMap<String, Team>,
    /// Which team something counts for, and whose a key is, from which day on.
    pub assignments: Arc<Assignments>,
    /// Pages as somebody left them, for all members.
    pub views: BTreeMap<String, View>,
    pub budgets: Arc<BTreeMap<String, Budget>>,
    pub policies: Arc<BTreeMap<String, Policy>>,
    pub alerts: Arc<BTreeMap<String, Alert>>,
}

/// What is recorded of an organization itself.
#[derive(Debug, Clone, Default, Encode, Decode)]
pub struct Profile {
    pub name: Option<String>,
    pub plan: Plan,
    pub status: Status,
    /// IANA name of the zone its people think in.
    pub timezone: Option<String>,
    /// How many days of usage are kept; all when absent.
    pub retention_days: Option<u32>,
}

#[derive(Debug, Clone, Default, Encode, Decode)]
pub struct Project {
    pub name: Option<String>,
    pub status: Status,
}

/// What a group gives in an organization.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct GroupGrant {
    pub role: Role,
    /// The projects a developer sees; all of them when absent.
    pub project_ids: Option<Vec<String>>,
    pub team_id: Option<String>,
}

/// What a membership is made of where groups give some of it.
#[derive(Debug, Clone, Default, PartialEq, Encode, Decode)]
pub struct Granted {
    /// What the directory itself gives; nothing where only groups do.
    pub given: Option<Member>,
    /// What groups give, by the external identity that is in them.
    pub by_groups: BTreeMap<String, GroupGrant>,
}

impl Granted {
    pub(super) fn membership(&self) -> Option<Member> {
        let given = self.given.iter().map(|member| (member.role, member.project_ids.as_deref()));
        let groups = self.by_groups.values().map(|grant| (grant.role, grant.project_ids.as_deref()));
        let parts: Vec<(Role, Option<&[String]>)> = given.chain(groups).collect();
        let (role, project_ids) = together(&parts)?;
        Some(Member { role, project_ids, former: false })
    }
}

/// The highest of some roles, with the projects of all that have it: all projects where one has all.
pub(super) fn together(parts: &[(Role, Option<&[String]>)]) -> Option<(Role, Option<Vec<String>>)> {
    let role = parts.iter().map(|(role, _)| *role).min_by_key(|role| *role as u8)?;
    let mut projects = Some(BTreeSet::new());
    for (_, ids) in parts.iter().filter(|(of, _)| *of == role) {
        projects = projects.zip(*ids).map(|(mut all, ids)| {
            all.extend(ids.iter().cloned());
            all
        });
    }
    Some((role, projects.map(|ids| ids.into_iter().collect())))
}

#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
pub struct ApiKey {
    pub project_id: String,
    pub description: Option<String>,
    /// Whom the key's usage belongs to.
    pub created_by: Option<String>,
    pub status: Status,
}

/// How many API keys somebody created.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct KeyCounts {
    pub all: usize,
    /// Those that are not deleted.
    pub active: usize,
}

/// A page of the dashboard as somebody left it. No two of an organization have one name.
#[derive(Debug, Clone, Encode, Decode)]
pub struct View {
    pub name: String,
    /// Address without its origin: the page, and everything on it.
    pub path: String,
    /// Who made it; nobody where an operator did.
    pub created_by: Option<String>,
}

#[derive(Debug, Clone, Default, Encode, Decode)]
pub struct User {
    pub name: Option<String>,
    pub email: Option<String>,
}

/// What a token allows.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum Grant {
    Operator,
    Ingest {
        organization_id: String,
        /// Used where a payload names no project or key.
        project_id: Option<String>,
        api_key_id: Option<String>,
    },
    /// In every organization that the user is a member of.
    User {
        user_id: String,
    },
    /// In this one alone: what somebody of another organization makes opens nothing here.
    Member {
        organization_id: String,
        user_id: String,
    },
    /// Provisions the people and groups of an organization, and nothing else.
    Scim {
        organization_id: String,
    },
}

impl Grant {
    /// Whose eyes it is.
    pub fn user_id(&self) -> Option<&str> {
        match self {
            Grant::User { user_id } | Grant::Member { user_id, .. } => Some(user_id),
            Grant::Operator | Grant::Ingest { .. } | Grant::Scim { .. } => None,
        }
    }

    /// The one organization that it is for.
    pub fn organization_id(&self) -> Option<&str> {
        match self {
            Grant::Ingest { organization_id, .. }
            | Grant::Member { organization_id, .. }
            | Grant::Scim { organization_id } => Some(organization_id),
            Grant::Operator | Grant::User { .. } => None,
        }
    }

    /// What the user of it is in an organization that it opens.
    pub fn member_of<'o>(&self, organization_id: &str, organization: &'o Organization) -> Option<&'o Member> {
        let opens = self.organization_id().is_none_or(|only| only == organization_id);
        organization.active_member(self.user_id()?).filter(|_| opens)
    }
}

#[derive(Debug, Clone)]
pub struct Token {
    pub grant: Grant,
    pub label: String,
    pub hash: SecretHash,
    pub created: UnixMs,
    pub terms: Terms,
}

/// What else is known of a token. A record of its own: older files have tokens without.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
pub struct Terms {
    /// Id of the token that it was made with, or who else made it.
    pub made_by: Option<String>,
    /// From when on it is worth nothing.
    pub expires: Option<UnixMs>,
    /// When it was used last, at most an hour before it was.
    pub last_used: Option<UnixMs>,
}

/// How often it is written down that a token is in use: seldom enough that questions stay reading.
const USE_MS: i64 = 3_600_000;

impl Token {
    pub fn new(grant: Grant, label: impl Into<String>, hash: SecretHash, created: UnixMs) -> Token {
        Token { grant, label: label.into(), hash, created, terms: Terms::default() }
    }

    pub fn has_expired(&self, now: UnixMs) -> bool {
        self.terms.expires.is_some_and(|expires| expires <= now)
    }

    /// Whether a use of it now has to be written down.
    pub fn is_used_anew(&self, now: UnixMs) -> bool {
        self.terms.last_used.is_none_or(|last| now - last >= USE_MS)
    }

    /// As it is recorded, without its terms.
    pub(super) fn encode(&self) -> Vec<u8> {
        record::encode(&(&self.grant, &self.label, &self.hash, &self.created))
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Token, StoreError> {
        let (grant, label, hash, created): (Grant, String, SecretHash, UnixMs) = record::decode(bytes)?;
        Ok(Token::new(grant, label, hash, created))
    }
}

/// What a record is about. The numbers are on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Kind {
    Organization = 1,
    Project = 2,
    Member = 3,
    ApiKey = 4,
    User = 5,
    Model = 6,
    Token = 7,
    Session = 8,
    SameAs = 9,
    /// A secret of an operator that is worth nothing any more, by its hash.
    Revoked = 10,
    View = 11,
    /// What else is known of a token.
    Terms = 12,
    Budget = 20,
    Policy = 21,
    /// The attributes of a provider.
    Provider = 22,
    Alert = 23,
    Team = 30,
    Assignment = 31,
    /// Who somebody is at another system.
    Identity = 40,
    /// What a membership is made of.
    Granted = 41,
    /// What else is known of a session.
    SessionTerms = 42,
    /// A person as they were provisioned.
    ScimUser = 50,
    ScimGroup = 51,
    /// Who is in a provisioned group: the group's id, a slash, and the person's.
    ScimMembership = 52,
    Link = 60,
    Invitation = 61,
}

/// Where a record is kept: kind, organization, NUL, id. Ids hold no NUL.
pub(super) struct Key<'a> {
    pub kind: Kind,
    pub organization: &'a str,
    pub id: &'a str,
}

impl<'a> Key<'a> {
    pub fn bytes(&self) -> Vec<u8> {
        let mut key = vec![self.kind as u8];
        key.extend_from_slice(self.organization.as_bytes());
        key.push(0);
        key.extend_from_slice(self.id.as_bytes());
        key
    }

    pub fn parse(key: &'a [u8]) -> Option<Key<'a>> {
        let (kind, rest) = key.split_first()?;
        let kind = [
            Kind::Organization,
            Kind::Project,
            Kind::Member,
            Kind::ApiKey,
            Kind::User,
            Kind::Model,
            Kind::Token,
            Kind::Session,
            Kind::SameAs,
            Kind::Revoked,
            Kind::View,
            Kind::Terms,
            Kind::Budget,
            Kind::Policy,
            Kind::Provider,
            Kind::Alert,
            Kind::Team,
            Kind::Assignment,
            Kind::Identity,
            Kind::Granted,
            Kind::SessionTerms,
            Kind::ScimUser,
            Kind::ScimGroup,
            Kind::ScimMembership,
            Kind::Link,
            Kind::Invitation,
        ]
        .into_iter()
        .find(|k| *k as u8 == *kind)?;
        let (organization, id) = std::str::from_utf8(rest).ok()?.split_once('\0')?;
        Some(Key { kind, organization, id })
    }
}

impl Organization {
    /// Enters a key, or what it is from now on.
    pub(super) fn put_api_key(&mut self, id: String, key: ApiKey) {
        let is_active = |key: &ApiKey| usize::from(key.status == Status::Active);
        let counts = self.key_counts.entry(key.created_by.clone()).or_default();
        counts.all += 1;
        counts.active += is_active(&key);
        let key = match self.alike.get(&key) {
            Some(alike) => alike.clone(),
            None => {
                let key = Arc::new(key);
                if key.description.is_none() {
                    self.alike.insert(key.clone());
                }
                key
            }
        };
        if let Some(before) = self.api_keys.insert(id, key) {
            let counts = self.key_counts.get_mut(&before.created_by).expect("a key is counted when it is entered");
            counts.all -= 1;
            counts.active -= is_active(&before);
        }
    }

    /// How many keys each person has created, under whichever of their ids; `None` is nobody.
    pub fn keys_by_person(&self) -> HashMap<Option<&str>, KeyCounts> {
        let mut by_person: HashMap<Option<&str>, KeyCounts> = HashMap::new();
        for (user, counts) in &self.key_counts {
            let of_person = by_person.entry(user.as_deref().map(|user| self.person(user))).or_default();
            of_person.all += counts.all;
            of_person.active += counts.active;
        }
        by_person
    }

    /// Whom a key's usage belongs to.
    pub fn creator(&self, api_key_id: &str) -> Option<&str> {
        self.creator_of(self.api_keys.get(api_key_id)?)
    }

    /// The same of a key that is at hand.
    pub fn creator_of<'a>(&'a self, key: &'a ApiKey) -> Option<&'a str> {
        key.created_by.as_deref().map(|user| self.person(user))
    }

    /// The person behind a user id, which is another one where they have several.
    pub fn person<'a>(&'a self, user_id: &'a str) -> &'a str {
        self.same_as.get(user_id).map_or(user_id, String::as_str)
    }

    /// Whether anybody runs it.
    pub fn has_owner(&self) -> bool {
        self.members.values().any(|member| member.role == Role::Owner && !member.former)
    }

    /// Whether somebody is known here: a member, also a former one, or who created a key.
    pub fn knows(&self, user_id: &str) -> bool {
        let created = || self.api_keys.values().any(|key| key.created_by.as_deref() == Some(user_id));
        self.members.contains_key(user_id) || created()
    }

    /// Whose an API key's usage of a day is: whom the key was given to, else who created it.
    pub fn owner_on(&self, api_key_id: &str, date: &str) -> Option<&str> {
        if self.assignments.is_empty() {
            return self.creator(api_key_id);
        }
        let given = self.assignments.on(AssignmentKind::Owner, &Assignable::ApiKey(api_key_id.to_owned()), date);
        match given.and_then(|given| given.id.as_deref()) {
            Some(user) => Some(self.person(user)),
            None => self.creator(api_key_id),
        }
    }

    /// Whether a key was somebody's at any time up to a day. Of a key that was theirs they see the days it was.
    pub fn was_ever_of(&self, api_key_id: &str, person: &str, date: &str) -> bool {
        let given = self.assignments.owners_of(api_key_id).into_iter().flatten();
        let theirs = |assigned: &Assigned| assigned.id.as_deref().map(|user| self.person(user)) == Some(person);
        self.creator(api_key_id) == Some(person)
            || given.into_iter().any(|(from, assigned)| from.as_str() <= date && theirs(assigned))
    }

    /// The team that usage of a day counts for: the key's, else its owner's, else the project's.
    pub fn team_on(&self, api_key_id: &str, owner: Option<&str>, project_id: Option<&str>, date: &str) -> Option<&str> {
        if self.assignments.is_empty() {
            return None;
        }
        let on = |subject: Assignable| self.assignments.on(AssignmentKind::Team, &subject, date);
        let assigned = on(Assignable::ApiKey(api_key_id.to_owned()))
            .or_else(|| on(Assignable::User(owner?.to_owned())))
            .or_else(|| on(Assignable::Project(project_id?.to_owned())));
        assigned.and_then(|assigned| assigned.id.as_deref())
    }

    /// Whether somebody is known here, as [`Organization::knows`] says, without looking at every key.
    pub(super) fn has_seen(&self, user_id: &str) -> bool {
        let created = || self.key_counts.get(&Some(user_id.to_owned())).is_some_and(|counts| counts.all > 0);
        self.members.contains_key(user_id) || created()
    }

    pub(super) fn lacks(&self, subject: &Assignable) -> bool {
        match subject {
            Assignable::ApiKey(id) => !self.api_keys.contains_key(id),
            Assignable::User(id) => !self.has_seen(id),
            Assignable::Project(id) => !self.projects.contains_key(id),
        }
    }

    /// The membership of someone who has not left.
    pub fn active_member(&self, user_id: &str) -> Option<&Member> {
        self.members.get(user_id).filter(|member| !member.former)
    }
}
