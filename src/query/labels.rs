//! What groups are called.

use std::cmp::Ordering;

use super::numbers::GroupBy;
use crate::directory::{Directory, Organization, Status};
use crate::model::{Dimension, ValueId};
use crate::store::OrganizationNames;

/// What usage is called whose key nobody is known to have made.
pub(super) const UNATTRIBUTED: &str = "Unattributed";

/// What one part of an answer is about, as people and programs read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// The id; `None` for usage that belongs to none.
    pub key: Option<String>,
    pub label: String,
    /// Its place among the organization's values of the dimension, from 1, in the order in which they were first seen;
    /// a member's is that of the first key that they created. Never changes, so it can stand for the thing where an id is
    /// too long: for a colour.
    pub ordinal: Option<u32>,
    pub deleted: bool,
    pub former: bool,
}

/// One group of an answer: a label for each `group_by`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    pub labels: Vec<Label>,
}

/// What groups are called, by their numbers; made when it is asked for.
pub(super) enum Labels<'a> {
    /// One group, of everything.
    All,
    /// A group for each value.
    Values(GroupBy, Dimension),
    /// A group for each owner, with the first of the keys that they created.
    Owners(Vec<(Option<&'a str>, Option<ValueId>)>),
    Listed(Vec<Label>),
    /// A group for each number of others that occurs.
    Some(Box<Labels<'a>>, Vec<u32>),
    /// A group for each combination of numbers of others that occurs.
    Several(Vec<Labels<'a>>, Vec<Vec<u32>>),
}

impl<'a> Labels<'a> {
    pub fn group(&self, known: &Names<'_>, number: u32) -> Group {
        let mut labels = Vec::new();
        self.push(known, number, &mut labels);
        Group { labels }
    }

    fn push(&self, known: &Names<'_>, number: u32, labels: &mut Vec<Label>) {
        let at = number as usize;
        match self {
            Labels::All => {}
            Labels::Values(by, dimension) => labels.push(known.label(*by, *dimension, ValueId(number))),
            Labels::Owners(owners) => labels.push(known.user_label(owners[at].0, owners[at].1)),
            Labels::Listed(all) => labels.push(all[at].clone()),
            Labels::Some(others, used) => others.push(known, used[at], labels),
            Labels::Several(others, parts) => {
                others.iter().zip(&parts[at]).for_each(|(others, part)| others.push(known, *part, labels));
            }
        }
    }

    /// The number of the value that a group stands for, where each stands for one.
    pub fn value(&self, number: u32) -> Option<ValueId> {
        match self {
            Labels::Values(..) => Some(ValueId(number)),
            Labels::Some(others, used) => others.value(used[number as usize]),
            _ => None,
        }
    }

    /// Who a group stands for, where each stands for somebody.
    pub fn owner(&self, number: u32) -> Option<&'a str> {
        match self {
            Labels::Owners(people) => people[number as usize].0,
            Labels::Some(others, used) => others.owner(used[number as usize]),
            _ => None,
        }
    }

    /// The group of some keys, among so many.
    pub fn find(&self, known: &Names<'_>, keys: &[Option<&str>], groups: usize) -> Option<u32> {
        match (self, keys) {
            (Labels::Values(_, dimension), [key]) => {
                let value = key.map_or(Some(ValueId::NONE), |key| known.names.value(*dimension, key))?;
                ((value.0 as usize) < groups).then_some(value.0)
            }
            _ => (0..groups as u32).find(|number| self.keys(known, *number) == keys),
        }
    }

    /// The order of groups by their keys.
    pub fn compare(&self, known: &Names<'_>, a: u32, b: u32) -> Ordering {
        self.keys(known, a).cmp(&self.keys(known, b))
    }

    fn keys<'k>(&'k self, known: &Names<'k>, number: u32) -> Vec<Option<&'k str>> {
        let at = number as usize;
        match self {
            Labels::All => Vec::new(),
            Labels::Values(_, dimension) => vec![known.names.name(*dimension, ValueId(number))],
            Labels::Owners(owners) => vec![owners[at].0],
            Labels::Listed(all) => vec![all[at].key.as_deref()],
            Labels::Some(others, used) => others.keys(known, used[at]),
            Labels::Several(others, parts) => {
                others.iter().zip(&parts[at]).flat_map(|(others, part)| others.keys(known, *part)).collect()
            }
        }
    }
}

/// Names and directory of one organization, which together say what a number stands for.
#[derive(Clone, Copy)]
pub(super) struct Names<'a> {
    pub names: &'a OrganizationNames,
    pub directory: &'a Directory,
    pub organization: &'a Organization,
}

impl Names<'_> {
    fn label(&self, by: GroupBy, dimension: Dimension, value: ValueId) -> Label {
        let Some(id) = self.names.name(dimension, value) else {
            return nameless("No app");
        };
        let (label, status) = match by {
            GroupBy::Project => {
                let project = self.organization.projects.get(id);
                (project.and_then(|p| p.name.as_deref()), project.map(|p| p.status))
            }
            GroupBy::ApiKey => {
                let key = self.organization.api_keys.get(id);
                (key.and_then(|k| k.description.as_deref()), key.map(|k| k.status))
            }
            GroupBy::Model => (self.directory.model_name(id), None),
            _ => (None, None),
        };
        Label {
            key: Some(id.to_owned()),
            label: label.unwrap_or(id).to_owned(),
            ordinal: Some(value.0),
            deleted: status == Some(Status::Deleted),
            former: false,
        }
    }

    fn user_label(&self, user: Option<&str>, first_key: Option<ValueId>) -> Label {
        match user {
            None => nameless(UNATTRIBUTED),
            Some(id) => Label {
                key: Some(id.to_owned()),
                label: self.directory.user_label(id).to_owned(),
                ordinal: first_key.map(|key| key.0),
                deleted: false,
                former: self.organization.active_member(id).is_none(),
            },
        }
    }
}

/// What belongs to none.
pub(super) fn nameless(label: &str) -> Label {
    Label { key: None, label: label.to_owned(), ordinal: None, deleted: false, former: false }
}
