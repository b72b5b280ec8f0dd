//! Who somebody is at another system, and what their groups there give them here.
//!
//! An external identity is an issuer and a subject, which that issuer gives to nobody else. It stands for one user of the
//! directory from its first sign-in on. An address leads to a user once, and only where whoever introduces somebody has
//! verified it: addresses are given to other people, subjects are not.
//!
//! What groups give is kept beside what the directory itself says of a member, so that it can go again, and the
//! membership that everything else reads is what both make together.

use std::collections::{BTreeMap, BTreeSet};

use super::entries::{GroupGrant, together};
use super::{Directory, SecretHash};
use crate::store::record::{Decode, Encode};

/// Letters of an issuer or a subject. OpenID Connect allows a subject 255; names of SAML may have 256.
const MAX_NAME: usize = 512;

/// How another system names somebody.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct ExternalIdentity {
    issuer: String,
    subject: String,
}

impl ExternalIdentity {
    /// Nothing, where one of the two is empty, too long or no name: an issuer has no blank.
    pub fn new(issuer: &str, subject: &str) -> Option<ExternalIdentity> {
        let is_name = |text: &str| {
            !text.trim().is_empty() && text.chars().count() <= MAX_NAME && !text.chars().any(char::is_control)
        };
        let valid = is_name(issuer) && is_name(subject) && !issuer.contains(char::is_whitespace);
        valid.then(|| ExternalIdentity { issuer: issuer.to_owned(), subject: subject.to_owned() })
    }

    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// As an id of the directory.
    pub(super) fn text(&self) -> String {
        format!("{} {}", self.issuer, self.subject)
    }

    /// The id of a user who is entered for it. Not the subject: an id that a gateway has used for somebody else opens
    /// their usage.
    fn user_id(&self) -> String {
        format!("usr_{}", &SecretHash::of(&self.text()).to_hex()[..16])
    }
}

/// What is known of an external identity.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Linked {
    pub user_id: String,
    /// Where its groups gave something when it was last heard of.
    pub organizations: BTreeSet<String>,
}

/// Who is in a group of another system has something in an organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupRule {
    pub group: String,
    pub organization_id: String,
    pub grant: GroupGrant,
}

/// What groups give, by organization: of several rules the highest role with the projects of all that have it, and the
/// team of the first.
pub fn given_by_groups<'g>(
    rules: &[GroupRule],
    groups: impl IntoIterator<Item = &'g str>,
) -> BTreeMap<String, GroupGrant> {
    let groups: BTreeSet<&str> = groups.into_iter().collect();
    let mut given: BTreeMap<String, GroupGrant> = BTreeMap::new();
    for GroupRule { organization_id, grant, .. } in rules.iter().filter(|rule| groups.contains(&*rule.group)) {
        let together = match given.remove(organization_id) {
            None => grant.clone(),
            Some(before) => {
                let (role, project_ids) = together(&[
                    (before.role, before.project_ids.as_deref()),
                    (grant.role, grant.project_ids.as_deref()),
                ])
                .expect("there are two");
                GroupGrant { role, project_ids, team_id: before.team_id.or_else(|| grant.team_id.clone()) }
            }
        };
        given.insert(organization_id.clone(), together);
    }
    given
}

/// Somebody as another system introduces them.
#[derive(Debug, Clone)]
pub struct Introduction {
    pub identity: ExternalIdentity,
    pub name: Option<String>,
    /// Only where the other system says that it is theirs.
    pub verified_email: Option<String>,
    /// Whether people who are not in the directory are entered, if their groups give them anything.
    pub may_be_new: bool,
    /// What their groups give, by organization. What groups gave before and do not now is gone.
    pub grants: BTreeMap<String, GroupGrant>,
    /// Which day it is in an organization: teams are given and taken from that day on.
    pub days: BTreeMap<String, String>,
}

/// Who an introduction is of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Person {
    Known(String),
    /// Known by their address, and by their identity from now on.
    ByEmail(String),
    New(String),
}

impl Person {
    pub fn user_id(&self) -> &str {
        match self {
            Person::Known(id) | Person::ByEmail(id) | Person::New(id) => id,
        }
    }
}

/// Why somebody is nobody here. *Caller.*
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Stranger {
    #[error("you are not in this installation's directory; ask whoever runs it to add you")]
    Unknown,
    #[error(
        "your account has no verified e-mail address, by which the directory could know you; ask whoever runs it to add you"
    )]
    Unverified,
    #[error("several people in the directory have your e-mail address; ask whoever runs it to tell you apart")]
    Ambiguous,
    #[error("your e-mail address belongs to somebody in the directory who signs in with another account")]
    Taken,
    #[error("none of your groups gives access here; ask whoever runs it which group does")]
    NoGroup,
}

impl Directory {
    pub fn linked(&self, identity: &ExternalIdentity) -> Option<&Linked> {
        self.identities.get(&identity.text())
    }

    /// The external identities of a user: issuers and subjects.
    pub fn identities_of<'d>(&'d self, user_id: &'d str) -> impl Iterator<Item = (&'d str, &'d str)> {
        let theirs = self.identities.iter().filter(move |(_, linked)| linked.user_id == user_id);
        theirs.filter_map(|(text, _)| text.split_once(' '))
    }

    /// Who is introduced, by what the directory knows now.
    pub fn recognize(&self, introduction: &Introduction) -> Result<Person, Stranger> {
        let identity = &introduction.identity;
        if let Some(linked) = self.linked(identity) {
            return Ok(Person::Known(linked.user_id.clone()));
        }
        let stranger = match &introduction.verified_email {
            None => Stranger::Unverified,
            Some(email) => {
                let mut at = self.users.at(email);
                match (at.next(), at.next()) {
                    (None, _) => Stranger::Unknown,
                    (Some(_), Some(_)) => Stranger::Ambiguous,
                    // An address that was given to somebody else: an account of theirs is not the account of before.
                    (Some(user_id), None) if self.has_account_at(&identity.issuer, user_id) => Stranger::Taken,
                    (Some(user_id), None) => return Ok(Person::ByEmail(user_id.to_owned())),
                }
            }
        };
        let user_id = identity.user_id();
        if !introduction.may_be_new || self.users.get(&user_id).is_some() {
            return Err(stranger);
        }
        if introduction.grants.is_empty() {
            return Err(Stranger::NoGroup);
        }
        Ok(Person::New(user_id))
    }

    pub(super) fn has_account_at(&self, issuer: &str, user_id: &str) -> bool {
        let first = format!("{issuer} ");
        let theirs = self.identities.range(first.clone()..).take_while(|(text, _)| text.starts_with(&first));
        theirs.into_iter().any(|(_, linked)| linked.user_id == user_id)
    }

    /// The user who is introduced, where nothing has to be written for it.
    pub fn as_introduced(&self, introduction: &Introduction) -> Option<&str> {
        let linked = self.linked(&introduction.identity)?;
        let by = introduction.identity.text();
        let organizations: BTreeSet<&String> = linked.organizations.iter().chain(introduction.grants.keys()).collect();
        let stands = organizations.into_iter().all(|id| {
            let granted = self.organization(id).and_then(|of| of.granted.get(&linked.user_id));
            granted.and_then(|granted| granted.by_groups.get(&by)) == introduction.grants.get(id)
        });
        let user = self.users.get(&linked.user_id);
        let has_name = introduction.name.is_none() || user.is_some_and(|user| user.name.is_some());
        (stands && has_name).then_some(&*linked.user_id)
    }
}
