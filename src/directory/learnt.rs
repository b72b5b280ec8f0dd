//! What events of other senders say about who is who, and how much of it is news.
//!
//! A sender is no authority: it fills what is empty. What the operator said stays, nobody comes back who has left, and
//! nobody who may sign in already becomes a member somewhere new, nor does a namesake. Nor does it enter more than an
//! organization may have.

use std::collections::{HashMap, HashSet};

use super::{ApiKeyUpdate, Directory, DirectoryUpdate, Grant, MemberUpdate, Organization, OrganizationUpdate};
use super::{ProjectUpdate, Role, User, UserUpdate};

/// Names of ids, as a sender has them.
#[derive(Debug, Clone, Default)]
pub struct Learnt {
    pub organizations: Vec<LearntName>,
    pub projects: Vec<LearntName>,
    pub people: Vec<LearntPerson>,
    pub api_keys: Vec<LearntKey>,
}

/// The name of an organization, or of a project of one.
#[derive(Debug, Clone)]
pub struct LearntName {
    pub organization_id: String,
    /// Of a project; of an organization it is the organization's.
    pub id: String,
    pub name: String,
}

/// Someone who owns API keys of an organization.
#[derive(Debug, Clone)]
pub struct LearntPerson {
    pub organization_id: String,
    pub user_id: String,
    pub email: Option<String>,
}

#[derive(Debug, Clone)]
pub struct LearntKey {
    pub organization_id: String,
    pub project_id: String,
    pub id: String,
    pub description: Option<String>,
    /// The user id of whoever it belongs to.
    pub owner: Option<String>,
}

impl Directory {
    /// What of this the directory does not know, as the update that tells it.
    pub fn news(&self, learnt: &Learnt) -> DirectoryUpdate {
        let mut news = DirectoryUpdate::default();
        let mut rooms = Rooms::default();
        for new in &learnt.organizations {
            if self.organization(&new.organization_id).is_none_or(|known| known.profile.name.is_none()) {
                let (id, name) = (new.organization_id.clone(), Some(new.name.clone()));
                news.organizations.push(OrganizationUpdate { id, name, ..OrganizationUpdate::default() });
            }
        }
        for new in &learnt.projects {
            let organization = self.organization(&new.organization_id);
            let known = organization.and_then(|o| o.projects.get(&new.id));
            let there = || organization.map_or(0, |o| o.projects.len());
            if known.is_none() && !rooms.projects.takes(&new.organization_id, there, self.limits.projects) {
                continue;
            }
            if known.is_none_or(|project| project.name.is_none()) {
                let (id, organization_id, name) = (new.id.clone(), new.organization_id.clone(), Some(new.name.clone()));
                news.projects.push(ProjectUpdate { id, organization_id, name, status: None });
            }
        }
        let mut entered = HashSet::new();
        for new in &learnt.people {
            let Some(Person::New) = self.person(new) else { continue };
            let there = || self.organization(&new.organization_id).map_or(0, |o| o.members.len());
            if !rooms.members.takes(&new.organization_id, there, self.limits.members) {
                continue;
            }
            entered.insert((new.organization_id.as_str(), new.user_id.as_str()));
            news.users.push(UserUpdate { id: new.user_id.clone(), name: None, email: new.email.clone() });
            news.members.push(MemberUpdate {
                organization_id: new.organization_id.clone(),
                user_id: new.user_id.clone(),
                role: Role::Developer,
                project_ids: None,
                former: false,
            });
        }
        let mut owned = HashSet::new();
        for new in &learnt.api_keys {
            let organization = self.organization(&new.organization_id);
            let known = organization.and_then(|o| o.api_keys.get(&new.id));
            let creator = match known.and_then(|key| key.created_by.as_ref()) {
                Some(_) => None,
                None => new.owner.as_ref().and_then(|owner| self.creator_of(new, owner, learnt, &entered)),
            };
            // Of two owners that senders name at once the first is the creator.
            let creator = creator.filter(|_| owned.insert((&new.organization_id, &new.id)));
            let described = known.is_some_and(|key| key.description.is_some());
            let description = new.description.clone().filter(|_| !described);
            let mut has_room = || {
                let is_known = organization.is_some_and(|o| o.projects.contains_key(&new.project_id));
                let projects = || organization.map_or(0, |o| o.projects.len());
                let keys = || organization.map_or(0, |o| o.api_keys.len());
                (is_known || rooms.projects.takes(&new.organization_id, projects, self.limits.projects))
                    && rooms.api_keys.takes(&new.organization_id, keys, self.limits.api_keys)
            };
            if (creator.is_some() || description.is_some()) && (known.is_some() || has_room()) {
                news.api_keys.push(ApiKeyUpdate {
                    id: new.id.clone(),
                    organization_id: Some(new.organization_id.clone()),
                    project_id: known.map_or(&new.project_id, |key| &key.project_id).clone(),
                    description,
                    created_by: creator,
                    status: None,
                });
            }
        }
        news
    }

    fn creator_of(
        &self,
        key: &LearntKey,
        owner: &str,
        learnt: &Learnt,
        entered: &HashSet<(&str, &str)>,
    ) -> Option<String> {
        let same = |person: &&LearntPerson| person.organization_id == key.organization_id && person.user_id == owner;
        match self.person(learnt.people.iter().find(same)?)? {
            Person::New => entered.contains(&(key.organization_id.as_str(), owner)).then(|| owner.to_owned()),
            Person::Known(id) => Some(id.to_owned()),
        }
    }

    /// Whom a sender means; nobody when it means someone who is known, but not here.
    fn person<'a>(&'a self, learnt: &'a LearntPerson) -> Option<Person<'a>> {
        let organization = self.organization(&learnt.organization_id);
        if organization.is_some_and(|o| o.members.contains_key(&learnt.user_id)) {
            return Some(Person::Known(&learnt.user_id));
        }
        if let (Some(organization), Some(email)) = (organization, &learnt.email)
            && let Some(id) = self.member_by_email(organization, email)
        {
            return Some(Person::Known(id));
        }
        let signs_in = |grant: &Grant| grant.user_id() == Some(&*learnt.user_id);
        let may_be = self.user(&learnt.user_id).is_none_or(|known| learnt.can_be(known));
        (may_be && !self.tokens().any(|(_, token)| signs_in(&token.grant))).then_some(Person::New)
    }

    fn member_by_email<'a>(&'a self, organization: &'a Organization, email: &str) -> Option<&'a str> {
        let mut members = self.users.at(email).filter(|id| organization.members.contains_key(*id));
        members.next().filter(|_| members.next().is_none())
    }
}

impl LearntPerson {
    /// Whether someone known elsewhere is who is meant: by the address, or because nothing is known of either but the id.
    fn can_be(&self, known: &User) -> bool {
        match (&self.email, &known.email) {
            (Some(email), Some(known)) => email.eq_ignore_ascii_case(known),
            (None, None) => known.name.is_none(),
            _ => false,
        }
    }
}

/// What is left of what organizations may have, while something is entered.
#[derive(Default)]
struct Rooms<'l> {
    projects: Room<'l>,
    members: Room<'l>,
    api_keys: Room<'l>,
}

/// By organization how many there are.
#[derive(Default)]
struct Room<'l>(HashMap<&'l str, usize>);

impl<'l> Room<'l> {
    /// Takes the place of one more, if there is one.
    fn takes(&mut self, organization: &'l str, there: impl FnOnce() -> usize, limit: usize) -> bool {
        let there = self.0.entry(organization).or_insert_with(there);
        let has_room = *there < limit;
        *there += usize::from(has_room);
        has_room
    }
}

/// Someone a sender means.
enum Person<'a> {
    New,
    /// A member, or someone who was one, by the id the directory has.
    Known(&'a str),
}

#[cfg(test)]
mod tests {
    use super::super::{Change, Secret, SecretHash, Token};
    use super::*;

    fn learnt(user: &str, email: &str) -> Learnt {
        let organization_id = || "acme".to_owned();
        let name =
            |id: &str, name: &str| LearntName { organization_id: organization_id(), id: id.into(), name: name.into() };
        Learnt {
            organizations: vec![name("acme", "Acme by the sender")],
            projects: vec![name("web", "Web by the sender")],
            people: vec![LearntPerson {
                organization_id: organization_id(),
                user_id: user.into(),
                email: Some(email.into()),
            }],
            api_keys: vec![LearntKey {
                organization_id: organization_id(),
                project_id: "web".into(),
                id: "k1".into(),
                description: Some("Key by the sender".into()),
                owner: Some(user.into()),
            }],
        }
    }

    fn after(changes: impl IntoIterator<Item = Change>) -> Directory {
        let mut directory = Directory::default();
        for change in changes {
            directory.apply(change).unwrap();
        }
        directory
    }

    fn member(organization: &str, user: &str, email: &str) -> Change {
        Change::Merge(DirectoryUpdate {
            users: vec![UserUpdate { id: user.into(), name: None, email: Some(email.into()) }],
            members: vec![MemberUpdate {
                organization_id: organization.into(),
                user_id: user.into(),
                role: Role::Admin,
                project_ids: None,
                former: false,
            }],
            ..DirectoryUpdate::default()
        })
    }

    #[test]
    fn a_sender_fills_what_is_empty_once() {
        let told = learnt("ada", "ada@acme.example");
        let directory = after([Change::Learn(told.clone())]);
        let acme = directory.organization("acme").unwrap();
        assert_eq!(acme.profile.name.as_deref(), Some("Acme by the sender"));
        assert_eq!(acme.projects["web"].name.as_deref(), Some("Web by the sender"));
        assert_eq!(acme.api_keys["k1"].description.as_deref(), Some("Key by the sender"));
        assert_eq!(acme.creator("k1"), Some("ada"));
        assert_eq!(acme.active_member("ada").unwrap().role, Role::Developer);
        assert_eq!(directory.user_label("ada"), "ada@acme.example");
        assert!(directory.news(&told).is_empty(), "what is known is no news");
    }

    #[test]
    fn what_the_operator_said_stays() {
        let operator = DirectoryUpdate {
            organizations: vec![OrganizationUpdate {
                id: "acme".into(),
                name: Some("Acme".into()),
                ..OrganizationUpdate::default()
            }],
            projects: vec![ProjectUpdate {
                id: "web".into(),
                organization_id: "acme".into(),
                name: Some("Website".into()),
                status: None,
            }],
            api_keys: vec![ApiKeyUpdate {
                id: "k1".into(),
                organization_id: Some("acme".into()),
                project_id: "api".into(),
                description: Some("Key".into()),
                created_by: Some("ben".into()),
                status: None,
            }],
            ..DirectoryUpdate::default()
        };
        let directory = after([Change::Merge(operator), Change::Learn(learnt("ada", "ada@acme.example"))]);
        let acme = directory.organization("acme").unwrap();
        assert_eq!(acme.profile.name.as_deref(), Some("Acme"));
        assert_eq!(acme.projects["web"].name.as_deref(), Some("Website"));
        let key = &acme.api_keys["k1"];
        assert_eq!((key.description.as_deref(), key.project_id.as_str()), (Some("Key"), "api"));
        assert_eq!(acme.creator("k1"), Some("ben"));
    }

    #[test]
    fn people_are_found_by_their_address() {
        let directory =
            after([member("acme", "u-1", "Ada@acme.example"), Change::Learn(learnt("ada", "ada@acme.example"))]);
        let acme = directory.organization("acme").unwrap();
        assert_eq!(acme.creator("k1"), Some("u-1"));
        assert!(directory.user("ada").is_none());
    }

    #[test]
    fn nobody_becomes_a_member_who_is_known_elsewhere_or_has_left() {
        let told = || Change::Learn(learnt("ada", "ada@acme.example"));
        let directory = after([member("other", "ada", "ada@other.example"), told()]);
        let acme = directory.organization("acme").unwrap();
        assert!(acme.members.is_empty() && acme.creator("k1").is_none());
        assert_eq!(directory.user_label("ada"), "ada@other.example");

        let directory = after([member("other", "ada", "Ada@acme.example"), told()]);
        let acme = directory.organization("acme").unwrap();
        assert!(acme.active_member("ada").is_some(), "the address says that it is the same person");
        assert_eq!(acme.creator("k1"), Some("ada"));

        let grant = Grant::User { user_id: "ada".into() };
        let hash = SecretHash::of(Secret::generate("rc_").reveal());
        let token = Change::PutToken { id: "t".into(), token: Token::new(grant, "", hash, 0) };
        let directory = after([token, told()]);
        assert!(directory.organization("acme").unwrap().members.is_empty());

        let left = Change::EndMembership { organization_id: "acme".into(), user_id: "ada".into() };
        let directory = after([member("acme", "ada", "a@b.c"), left, told()]);
        let acme = directory.organization("acme").unwrap();
        assert!(acme.active_member("ada").is_none());
        assert_eq!(acme.creator("k1"), Some("ada"), "the key was theirs all the same");
    }
}
