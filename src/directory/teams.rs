//! Teams, and assignments as they were said: whose team something counts for, or whose a key is, from a day on. When a
//! day begins is for others to say; here dates are `YYYY-MM-DD`, whose order as text is that of time.

use std::collections::BTreeMap;
use std::ops::Bound;

use imbl::OrdMap;

use super::status::Status;
use crate::store::record::{Decode, Encode};

/// Teams of one organization: a list that a person can still read.
pub const TEAMS: usize = 1_000;
/// Assignments of one organization: every key of a large one changing hands some times. Each question about teams walks
/// through all of them.
pub const ASSIGNMENTS: usize = 50_000;

#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
pub struct Team {
    pub name: Option<String>,
    pub cost_centre: Option<String>,
    pub status: Status,
}

/// What is assigned.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Assignable {
    ApiKey(String),
    User(String),
    Project(String),
}

impl Assignable {
    /// What kind of thing it is, and which.
    pub fn named(&self) -> (&'static str, &str) {
        match self {
            Assignable::ApiKey(id) => ("API key", id),
            Assignable::User(id) => ("user", id),
            Assignable::Project(id) => ("project", id),
        }
    }
}

/// What it is assigned to: a team, or somebody whose it is. The two go their own ways.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AssignmentKind {
    Team,
    Owner,
}

/// What was said of something from a day on.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Assigned {
    /// A team or a user; `None` is no team.
    pub id: Option<String>,
    /// The last day on which it holds; for ever when absent.
    pub to: Option<String>,
}

/// All that was said of one thing, by its first day.
pub type Dated = BTreeMap<String, Assigned>;

/// The assignments of an organization. Shared with every copy but for what changed since: each commit with a new one
/// makes a copy.
#[derive(Debug, Clone, Default)]
pub struct Assignments {
    of: OrdMap<(AssignmentKind, Assignable), Dated>,
    count: usize,
}

/// What an assignment is known by: another of the same takes its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssignmentName {
    pub kind: AssignmentKind,
    pub subject: Assignable,
    pub from: String,
}

/// Letters of a date.
const DATE: usize = 10;

impl AssignmentName {
    /// As an id of the directory: two letters, the date, and the subject's id.
    pub(super) fn text(&self) -> String {
        let kind = if self.kind == AssignmentKind::Owner { 'o' } else { 't' };
        let (subject, id) = match &self.subject {
            Assignable::ApiKey(id) => ('k', id),
            Assignable::User(id) => ('u', id),
            Assignable::Project(id) => ('p', id),
        };
        format!("{kind}{subject}{}{id}", self.from)
    }

    pub(super) fn parse(text: &str) -> Option<AssignmentName> {
        let (letters, rest) = text.split_at_checked(2)?;
        let (from, id) = rest.split_at_checked(DATE)?;
        let kind = match &letters[..1] {
            "o" => AssignmentKind::Owner,
            "t" => AssignmentKind::Team,
            _ => return None,
        };
        let subject = match &letters[1..] {
            "k" => Assignable::ApiKey(id.to_owned()),
            "u" => Assignable::User(id.to_owned()),
            "p" => Assignable::Project(id.to_owned()),
            _ => return None,
        };
        Some(AssignmentName { kind, subject, from: from.to_owned() })
    }

    /// As a person reads it: `API key 'k1' from 2026-06-12`.
    pub fn words(&self) -> String {
        let (what, id) = self.subject.named();
        format!("{what} '{id}' from {}", self.from)
    }
}

impl Assignments {
    pub fn len(&self) -> usize {
        self.count
    }

    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    pub fn get(&self, name: &AssignmentName) -> Option<&Assigned> {
        self.of.get(&(name.kind, name.subject.clone()))?.get(&name.from)
    }

    pub(super) fn put(&mut self, name: AssignmentName, assigned: Assigned) {
        let before = self.of.entry((name.kind, name.subject)).or_default().insert(name.from, assigned);
        self.count += usize::from(before.is_none());
    }

    /// Whether there was such a one.
    pub(super) fn remove(&mut self, name: &AssignmentName) -> bool {
        let key = (name.kind, name.subject.clone());
        let Some(dated) = self.of.get_mut(&key) else { return false };
        let removed = dated.remove(&name.from).is_some();
        if dated.is_empty() {
            self.of.remove(&key);
        }
        self.count -= usize::from(removed);
        removed
    }

    /// All of one kind, by subject.
    pub fn all(&self, kind: AssignmentKind) -> impl Iterator<Item = (&Assignable, &Dated)> {
        self.of.iter().filter(move |((of, _), _)| *of == kind).map(|((_, subject), dated)| (subject, dated))
    }

    /// Whether keys ever changed hands.
    pub fn has_owners(&self) -> bool {
        self.all(AssignmentKind::Owner).next().is_some()
    }

    /// What holds of something on a day: of all that reaches there, what begins last.
    pub fn on(&self, kind: AssignmentKind, subject: &Assignable, date: &str) -> Option<&Assigned> {
        self.since(kind, subject, date).map(|(_, assigned)| assigned)
    }

    /// The same with its first day.
    pub fn since(&self, kind: AssignmentKind, subject: &Assignable, date: &str) -> Option<(&str, &Assigned)> {
        let dated = self.of.get(&(kind, subject.clone()))?;
        let holds = |assigned: &Assigned| assigned.to.as_deref().is_none_or(|to| to >= date);
        let begun = dated.range::<str, _>((Bound::Unbounded, Bound::Included(date))).rev();
        begun.map(|(from, assigned)| (from.as_str(), assigned)).find(|(_, assigned)| holds(assigned))
    }

    /// All that was said of who owns a key.
    pub fn owners_of(&self, api_key_id: &str) -> Option<&Dated> {
        self.of.get(&(AssignmentKind::Owner, Assignable::ApiKey(api_key_id.to_owned())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_read_as_it_was_written() {
        for (kind, subject, text) in [
            (AssignmentKind::Team, Assignable::ApiKey("k1".into()), "tk2026-06-12k1"),
            (AssignmentKind::Team, Assignable::User("ä@b".into()), "tu2026-06-12ä@b"),
            (AssignmentKind::Team, Assignable::Project("2026".into()), "tp2026-06-122026"),
            (AssignmentKind::Owner, Assignable::ApiKey("ok".into()), "ok2026-06-12ok"),
        ] {
            let name = AssignmentName { kind, subject, from: "2026-06-12".into() };
            assert_eq!(name.text(), text);
            assert_eq!(AssignmentName::parse(text), Some(name));
        }
        for text in ["", "t", "xk2026-06-12k", "tx2026-06-12k", "tk2026"] {
            assert_eq!(AssignmentName::parse(text), None, "{text}");
        }
    }

    #[test]
    fn of_what_overlaps_the_one_that_begins_last_holds() {
        let mut assignments = Assignments::default();
        let subject = Assignable::Project("web".into());
        let mut put = |from: &str, to: Option<&str>, id: Option<&str>| {
            let name = AssignmentName { kind: AssignmentKind::Team, subject: subject.clone(), from: from.into() };
            assignments.put(name, Assigned { id: id.map(str::to_owned), to: to.map(str::to_owned) });
        };
        put("2026-01-01", None, Some("a"));
        put("2026-03-01", Some("2026-03-31"), Some("b"));
        put("2026-03-10", Some("2026-03-12"), None);
        assert_eq!(assignments.len(), 3);
        let on = |date| {
            let assigned = assignments.on(AssignmentKind::Team, &subject, date);
            assigned.map(|assigned| assigned.id.as_deref())
        };
        for (date, expected) in [
            ("2025-12-31", None),
            ("2026-01-01", Some(Some("a"))),
            ("2026-03-01", Some(Some("b"))),
            ("2026-03-10", Some(None)),
            ("2026-03-12", Some(None)),
            ("2026-03-13", Some(Some("b"))),
            ("2026-03-31", Some(Some("b"))),
            ("2026-04-01", Some(Some("a"))),
        ] {
            assert_eq!(on(date), expected, "{date}");
        }
        let name = |from: &str| AssignmentName {
            kind: AssignmentKind::Team,
            subject: Assignable::Project("web".into()),
            from: from.into(),
        };
        assert!(assignments.remove(&name("2026-01-01")) && !assignments.remove(&name("2026-01-01")));
        assert_eq!(assignments.len(), 2);
    }
}
