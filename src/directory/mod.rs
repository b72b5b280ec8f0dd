//! Who is who: organizations, projects, members, API keys, tokens, sessions, invitations and links; the pages that members share,
//! the budgets and policies that usage is held to, and what somebody wants to hear of.
//!
//! Owns the directory in memory and how each entry is recorded, names for ids, and attribution: a key's usage
//! belongs to the member who created the key, or to whom it was given from a day on, looked up when a question is
//! asked.
//!
//! Does not know HTTP, events or sums; the caller hands in the time.
//!
//! Invariants: nothing is ever forgotten that usage may refer to (deleting marks); a key's creator, once known,
//! stays; secrets are kept as hashes only.

mod alert;
mod budget;
mod change;
mod entries;
mod identity;
mod introduce;
mod invitation;
mod inviting;
mod learnt;
mod limits;
mod link;
mod member;
mod open_sessions;
mod owners;
mod policy;
mod program;
mod provision;
mod provisioned;
mod provisioning;
mod secret;
mod session;
mod status;
mod teams;
mod update;
mod users;
mod written;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use imbl::OrdMap;

pub use alert::{ALERTS, Alert, AlertKind, AlertUpdate, Channel, Recipient, RecipientUpdate};
pub use budget::{BUDGETS, Budget, BudgetAction, BudgetScope, BudgetUpdate, BudgetWindow, Counted, Limit};
pub use change::{Change, ChangeError, Outcome, RecordWrite};
pub use entries::{
    ApiKey, Grant, Granted, GroupGrant, KeyCounts, Organization, Plan, Profile, Project, Terms, Token, User, View,
};
pub use identity::{ExternalIdentity, GroupRule, Introduction, Linked, Person, Stranger, given_by_groups};
pub use invitation::{Guest, Invitation};
pub use learnt::{Learnt, LearntKey, LearntName, LearntPerson};
pub use link::{LINKS, Link, LinkFormat};
pub use member::{Member, Role};
pub use owners::Owners;
pub use policy::{POLICIES, Policy, PolicyMode, PolicyUpdate, ProviderUpdate};
pub use provision::{GroupChange, MembersChange, Provision, ProvisionError, Step};
pub use provisioned::{ProvidedUser, Provisioned, ProvisionedGroup, ProvisionedUser};
pub use secret::{Secret, SecretHash, SigningSecret, challenge, is_random_secret, is_signed, signed};
pub use session::{Account, Session, SessionTerms, SessionsOf, SignedIn};
pub use status::Status;
pub use teams::{ASSIGNMENTS, Assignable, Assigned, AssignmentKind, AssignmentName, Assignments, Dated, TEAMS, Team};
pub use update::{
    ApiKeyUpdate, AssignmentUpdate, DirectoryUpdate, IdentityUpdate, MemberUpdate, ModelUpdate, OrganizationUpdate,
    ProjectUpdate, TeamUpdate, UserUpdate,
};
use users::Users;
pub use written::written_by_organization;

use crate::model::{Dimension, NameLimits, ValueId};
use crate::store::{Dictionary, Reader, StoreError, damaged, record};

/// The directory at one commit. Cheap to clone: parts are shared until they change.
#[derive(Debug, Clone, Default)]
pub struct Directory {
    organizations: OrdMap<Arc<str>, Arc<Organization>>,
    users: Arc<Users>,
    models: Arc<BTreeMap<String, String>>,
    /// What providers have, by canonical name.
    providers: Arc<BTreeMap<String, Vec<String>>>,
    tokens: Arc<BTreeMap<String, Token>>,
    token_ids: Arc<HashMap<SecretHash, String>>,
    sessions: Arc<HashMap<SecretHash, Session>>,
    /// Who people are at other systems, by issuer and subject.
    identities: OrdMap<String, Linked>,
    links: Arc<BTreeMap<String, Link>>,
    link_ids: Arc<HashMap<SecretHash, String>>,
    invitations: Arc<BTreeMap<String, Invitation>>,
    /// Secrets of revoked operator tokens. One of them may still be what the server is started with.
    revoked: Arc<HashSet<SecretHash>>,
    /// How much senders may enter.
    limits: NameLimits,
}

impl Directory {
    /// Reads the directory of a commit, beside the names of the same one.
    pub fn load(reader: &Reader, dictionary: &Dictionary) -> Result<Directory, StoreError> {
        let mut directory = Directory::default();
        reader.each_record(|key, bytes| {
            let key = entries::Key::parse(key).ok_or_else(|| damaged("a directory key"))?;
            directory.take(key, bytes)
        })?;
        directory.number_owners(dictionary);
        Ok(directory)
    }

    pub fn with_limits(self, limits: NameLimits) -> Directory {
        Directory { limits, ..self }
    }

    fn take(&mut self, key: entries::Key<'_>, bytes: &[u8]) -> Result<(), StoreError> {
        use entries::Kind;
        let id = key.id.to_owned();
        match key.kind {
            Kind::Organization => self.organization_mut(key.organization).profile = record::decode(bytes)?,
            Kind::Project => {
                self.organization_mut(key.organization).projects.insert(id, record::decode(bytes)?);
            }
            Kind::Member => {
                self.organization_mut(key.organization).members.insert(id, record::decode(bytes)?);
            }
            Kind::ApiKey => {
                self.organization_mut(key.organization).put_api_key(id, record::decode(bytes)?);
            }
            Kind::Granted => {
                self.organization_mut(key.organization).granted.insert(id, record::decode(bytes)?);
            }
            Kind::Identity => {
                self.identities.insert(id, record::decode(bytes)?);
            }
            Kind::ScimUser => {
                self.organization_mut(key.organization).provisioned.put_user(&id, record::decode(bytes)?);
            }
            Kind::ScimGroup => {
                self.organization_mut(key.organization).provisioned.put_group(&id, record::decode(bytes)?);
            }
            Kind::ScimMembership => {
                let (group, user) = id.split_once('/').ok_or_else(|| damaged("a membership's key"))?;
                let since = record::decode(bytes)?;
                self.organization_mut(key.organization).provisioned.put_membership(group, user, since);
            }
            Kind::SameAs => {
                self.organization_mut(key.organization).same_as.insert(id, record::decode(bytes)?);
            }
            Kind::Team => {
                self.organization_mut(key.organization).teams.insert(id, record::decode(bytes)?);
            }
            Kind::Assignment => {
                let name = AssignmentName::parse(&id).ok_or_else(|| damaged("an assignment's key"))?;
                let assignments = &mut self.organization_mut(key.organization).assignments;
                Arc::make_mut(assignments).put(name, record::decode(bytes)?);
            }
            Kind::View => {
                self.organization_mut(key.organization).views.insert(id, record::decode(bytes)?);
            }
            Kind::Budget => {
                let budgets = &mut self.organization_mut(key.organization).budgets;
                Arc::make_mut(budgets).insert(id, record::decode(bytes)?);
            }
            Kind::Policy => {
                let policies = &mut self.organization_mut(key.organization).policies;
                Arc::make_mut(policies).insert(id, record::decode(bytes)?);
            }
            Kind::Alert => {
                let alerts = &mut self.organization_mut(key.organization).alerts;
                Arc::make_mut(alerts).insert(id, record::decode(bytes)?);
            }
            Kind::Provider => {
                Arc::make_mut(&mut self.providers).insert(id, record::decode(bytes)?);
            }
            Kind::User => {
                Arc::make_mut(&mut self.users).put(&id, record::decode(bytes)?);
            }
            Kind::Model => {
                Arc::make_mut(&mut self.models).insert(id, record::decode(bytes)?);
            }
            Kind::Token => {
                let token = Token::decode(bytes)?;
                Arc::make_mut(&mut self.token_ids).insert(token.hash, id.clone());
                Arc::make_mut(&mut self.tokens).insert(id, token);
            }
            Kind::Session => {
                let hash = SecretHash::parse(&id).ok_or_else(|| damaged("a session's key"))?;
                let (token_id, expires) = record::decode(bytes)?;
                let session = Session { token_id, expires, terms: SessionTerms::default() };
                Arc::make_mut(&mut self.sessions).insert(hash, session);
            }
            Kind::SessionTerms => {
                let hash = SecretHash::parse(&id).ok_or_else(|| damaged("a session's key"))?;
                // Those of a session come after it.
                if let Some(session) = Arc::make_mut(&mut self.sessions).get_mut(&hash) {
                    session.terms = record::decode(bytes)?;
                }
            }
            Kind::Terms => {
                // Those of a token come after it.
                if let Some(token) = Arc::make_mut(&mut self.tokens).get_mut(&id) {
                    token.terms = record::decode(bytes)?;
                }
            }
            Kind::Link => self.put_link(id, record::decode(bytes)?),
            Kind::Invitation => {
                Arc::make_mut(&mut self.invitations).insert(id, record::decode(bytes)?);
            }
            Kind::Revoked => {
                let hash = SecretHash::parse(&id).ok_or_else(|| damaged("a revoked secret's key"))?;
                record::decode::<()>(bytes)?;
                Arc::make_mut(&mut self.revoked).insert(hash);
            }
        }
        Ok(())
    }

    /// A record as it would be written now.
    fn record(&self, key: &entries::Key<'_>) -> Option<Vec<u8>> {
        use entries::Kind;
        let of = self.organizations.get(key.organization);
        match key.kind {
            Kind::Organization => of.map(|of| record::encode(&of.profile)),
            Kind::Project => of?.projects.get(key.id).map(record::encode),
            Kind::Member => of?.members.get(key.id).map(record::encode),
            Kind::ApiKey => of?.api_keys.get(key.id).map(record::encode),
            Kind::Granted => of?.granted.get(key.id).map(record::encode),
            Kind::Identity => self.identities.get(key.id).map(record::encode),
            Kind::ScimUser => of?.provisioned.user_record(key.id),
            Kind::ScimGroup => of?.provisioned.group_record(key.id),
            Kind::ScimMembership => of?.provisioned.membership_record(key.id),
            Kind::SameAs => of?.same_as.get(key.id).map(record::encode),
            Kind::Team => of?.teams.get(key.id).map(record::encode),
            Kind::Assignment => of?.assignments.get(&AssignmentName::parse(key.id)?).map(record::encode),
            Kind::View => of?.views.get(key.id).map(record::encode),
            Kind::Budget => of?.budgets.get(key.id).map(record::encode),
            Kind::Policy => of?.policies.get(key.id).map(record::encode),
            Kind::Alert => of?.alerts.get(key.id).map(record::encode),
            Kind::Provider => self.providers.get(key.id).map(record::encode),
            Kind::User => self.users.get(key.id).map(record::encode),
            Kind::Model => self.models.get(key.id).map(record::encode),
            Kind::Token => self.tokens.get(key.id).map(Token::encode),
            Kind::Terms => self.tokens.get(key.id).map(|token| record::encode(&token.terms)),
            Kind::Session => {
                let session = self.sessions.get(&SecretHash::parse(key.id)?)?;
                Some(record::encode(&(&session.token_id, &session.expires)))
            }
            Kind::SessionTerms => {
                self.sessions.get(&SecretHash::parse(key.id)?).map(|session| record::encode(&session.terms))
            }
            Kind::Link => self.links.get(key.id).map(record::encode),
            Kind::Invitation => self.invitations.get(key.id).map(record::encode),
            Kind::Revoked => self.revoked.contains(&SecretHash::parse(key.id)?).then(|| record::encode(&())),
        }
    }

    pub fn organizations(&self) -> impl Iterator<Item = (&str, &Organization)> {
        self.organizations.iter().map(|(id, organization)| (&**id, &**organization))
    }

    pub fn organization(&self, id: &str) -> Option<&Arc<Organization>> {
        self.organizations.get(id)
    }

    pub fn user(&self, id: &str) -> Option<&User> {
        self.users.get(id)
    }

    pub fn users(&self) -> impl Iterator<Item = (&str, &User)> {
        self.users.iter()
    }

    pub fn models(&self) -> impl Iterator<Item = (&str, &str)> {
        self.models.iter().map(|(id, name)| (id.as_str(), name.as_str()))
    }

    /// What providers have, by canonical name.
    pub fn providers(&self) -> &Arc<BTreeMap<String, Vec<String>>> {
        &self.providers
    }

    pub fn model_name(&self, id: &str) -> Option<&str> {
        self.models.get(id).map(String::as_str)
    }

    /// What a person reads for a user: name, else e-mail, else id.
    pub fn user_label<'a>(&'a self, id: &'a str) -> &'a str {
        let user = self.users.get(id);
        user.and_then(|u| u.name.as_deref().or(u.email.as_deref())).unwrap_or(id)
    }

    pub fn tokens(&self) -> impl Iterator<Item = (&str, &Token)> {
        self.tokens.iter().map(|(id, token)| (id.as_str(), token))
    }

    pub fn token(&self, id: &str) -> Option<&Token> {
        self.tokens.get(id)
    }

    /// The token of a secret, with its id. It may have expired.
    pub fn token_by_secret(&self, secret: &str) -> Option<(&str, &Token)> {
        let id = self.token_ids.get(&SecretHash::of(secret))?;
        Some((id, self.tokens.get(id)?))
    }

    pub fn links(&self) -> impl Iterator<Item = (&str, &Link)> {
        self.links.iter().map(|(id, link)| (id.as_str(), link))
    }

    pub fn link(&self, id: &str) -> Option<&Link> {
        self.links.get(id)
    }

    /// The link of a secret, with its id. It may have expired.
    pub fn link_by_secret(&self, secret: &str) -> Option<(&str, &Link)> {
        let id = self.link_ids.get(&SecretHash::of(secret))?;
        Some((id, self.links.get(id)?))
    }

    fn put_link(&mut self, id: String, link: Link) {
        Arc::make_mut(&mut self.link_ids).insert(link.hash, id.clone());
        Arc::make_mut(&mut self.links).insert(id, link);
    }

    fn remove_link(&mut self, id: &str) -> Option<Link> {
        let link = Arc::make_mut(&mut self.links).remove(id)?;
        Arc::make_mut(&mut self.link_ids).remove(&link.hash);
        Some(link)
    }

    /// Whether an operator token with that secret was revoked.
    pub fn is_revoked(&self, hash: &SecretHash) -> bool {
        self.revoked.contains(hash)
    }

    fn organization_mut(&mut self, id: &str) -> &mut Organization {
        if !self.organizations.contains_key(id) {
            self.organizations.insert(id.into(), Arc::default());
        }
        Arc::make_mut(self.organizations.get_mut(id).expect("it is there now"))
    }

    /// Numbers the creators of all keys that have a number themselves.
    fn number_owners(&mut self, dictionary: &Dictionary) {
        let ids: Vec<Arc<str>> = self.organizations.keys().cloned().collect();
        for id in ids {
            let Some((_, names)) = dictionary.organization(&id) else { continue };
            let organization = self.organization_mut(&id);
            for (key, entry) in &organization.api_keys {
                if let Some((user, number)) = entry.created_by.as_ref().zip(names.value(Dimension::ApiKey, key)) {
                    organization.owners.set(number, user);
                }
            }
        }
    }

    /// Numbers the creator of a key that has just got a number, if it is known whose it is.
    pub fn number_owner(&mut self, organization: &str, api_key: &str, number: ValueId) {
        let creator = self.organizations.get(organization).and_then(|of| of.api_keys.get(api_key)?.created_by.clone());
        if let Some(user) = creator {
            self.organization_mut(organization).owners.set(number, &user);
        }
    }

    /// Numbers the creators of keys that were just written.
    pub fn number_written(&mut self, writes: &[RecordWrite], dictionary: &Dictionary) {
        let keys = writes
            .iter()
            .filter_map(|(key, _)| entries::Key::parse(key))
            .filter(|key| key.kind == entries::Kind::ApiKey);
        for entries::Key { organization, id, .. } in keys {
            let names = dictionary.organization(organization).map(|(_, names)| names);
            if let Some(number) = names.and_then(|names| names.value(Dimension::ApiKey, id)) {
                self.number_owner(organization, id, number);
            }
        }
    }
}
