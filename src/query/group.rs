//! Which series count, and as what.

use std::collections::{BTreeSet, HashMap};

use crate::directory::{Directory, Organization, Status};
use crate::model::{Dimension, Mode, Series, ValueId};
use crate::store::OrganizationNames;

/// What usage is broken down by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GroupBy {
    Model,
    Project,
    ApiKey,
    /// The member a key belongs to.
    User,
    Provider,
    Source,
}

impl GroupBy {
    /// The dimension usage is counted by; a member's is that of their keys.
    pub fn dimension(self) -> Dimension {
        match self {
            GroupBy::Model => Dimension::Model,
            GroupBy::Project => Dimension::Project,
            GroupBy::ApiKey | GroupBy::User => Dimension::ApiKey,
            GroupBy::Provider => Dimension::Provider,
            GroupBy::Source => Dimension::Source,
        }
    }
}

/// Which usage counts: any of the values of each list that is not empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    pub by: Vec<(GroupBy, BTreeSet<String>)>,
    pub modes: BTreeSet<Mode>,
}

/// What one part of an answer is about, as people and programs read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// The id; `None` for usage that belongs to none.
    pub key: Option<String>,
    pub label: String,
    pub deleted: bool,
    pub former: bool,
}

/// One group of an answer: a label for each `group_by`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    pub labels: Vec<Label>,
}

/// For every series its group, or none when it does not count.
pub(super) struct Grouping {
    pub group_of: Vec<Option<u32>>,
    pub groups: Vec<Group>,
}

/// Names and directory of one organization, which together say what a number stands for.
pub(super) struct Names<'a> {
    pub names: &'a OrganizationNames,
    pub directory: &'a Directory,
    pub organization: &'a Organization,
}

impl Names<'_> {
    pub fn group(&self, by: &[GroupBy], filter: &Filter) -> Grouping {
        let counts = self.matcher(filter);
        let creators: HashMap<ValueId, Option<&str>> = self.creators();
        // A group is told apart by value numbers, except members: several keys have one creator.
        type Part<'n> = (ValueId, Option<Option<&'n str>>);
        let mut numbers: HashMap<Vec<Part<'_>>, u32> = HashMap::new();
        let mut groups = Vec::new();
        let group_of = self.names.series().iter().map(|series| {
            counts(series).then(|| {
                let parts: Vec<Part<'_>> = by
                    .iter()
                    .map(|by| match by {
                        GroupBy::User => (ValueId::NONE, Some(creators[&series.api_key])),
                        by => (series.value(by.dimension()), None),
                    })
                    .collect();
                *numbers.entry(parts).or_insert_with_key(|parts| {
                    let labels = by.iter().zip(parts).map(|(by, (value, user))| match user {
                        Some(user) => self.user_label(*user),
                        None => self.label(*by, *value),
                    });
                    groups.push(Group { labels: labels.collect() });
                    groups.len() as u32 - 1
                })
            })
        });
        Grouping { group_of: group_of.collect(), groups }
    }

    /// For each key that has usage, who created it.
    pub fn creators(&self) -> HashMap<ValueId, Option<&str>> {
        let keys = 1..=self.names.count(Dimension::ApiKey) as u32;
        let creator = |key| self.organization.creator(self.names.name(Dimension::ApiKey, key)?);
        keys.map(|key| (ValueId(key), creator(ValueId(key)))).collect()
    }

    fn matcher(&self, filter: &Filter) -> impl Fn(&Series) -> bool {
        let allowed: Vec<(Dimension, Vec<bool>)> = filter
            .by
            .iter()
            .filter(|(_, wanted)| !wanted.is_empty())
            .map(|(by, wanted)| {
                let dimension = by.dimension();
                let allowed = (0..=self.names.count(dimension) as u32).map(|value| {
                    let name = self.names.name(dimension, ValueId(value));
                    let name =
                        if *by == GroupBy::User { name.and_then(|k| self.organization.creator(k)) } else { name };
                    name.is_some_and(|name| wanted.contains(name))
                });
                (dimension, allowed.collect())
            })
            .collect();
        let modes = filter.modes.clone();
        move |series| {
            (modes.is_empty() || modes.contains(&series.mode))
                && allowed.iter().all(|(dimension, allowed)| allowed[series.value(*dimension).0 as usize])
        }
    }

    fn label(&self, by: GroupBy, value: ValueId) -> Label {
        let Some(id) = self.names.name(by.dimension(), value) else {
            return Label { key: None, label: "No app".into(), deleted: false, former: false };
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
            GroupBy::Provider | GroupBy::Source | GroupBy::User => (None, None),
        };
        Label {
            key: Some(id.to_owned()),
            label: label.unwrap_or(id).to_owned(),
            deleted: status == Some(Status::Deleted),
            former: false,
        }
    }

    fn user_label(&self, user: Option<&str>) -> Label {
        match user {
            None => Label { key: None, label: "Unattributed".into(), deleted: false, former: false },
            Some(id) => Label {
                key: Some(id.to_owned()),
                label: self.directory.user_label(id).to_owned(),
                deleted: false,
                former: self.organization.active_member(id).is_none(),
            },
        }
    }
}

/// All modes, for those who ask by name.
pub(crate) const MODES: [(&str, Mode); 2] = [("credits", Mode::Credits), ("api-keys", Mode::ApiKeys)];
