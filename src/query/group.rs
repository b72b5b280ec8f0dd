//! Which series count, and as what.

use std::collections::{BTreeSet, HashMap};

use super::scan::NO_GROUP;
use crate::directory::{Directory, Organization, Status};
use crate::model::{Dimension, Mode, Series, ValueId};
use crate::store::{OrganizationNames, Pivot};

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

impl Filter {
    /// Whether everything counts.
    pub fn is_empty(&self) -> bool {
        self.modes.is_empty() && self.by.iter().all(|(_, wanted)| wanted.is_empty())
    }
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

/// Which group each series and each value belongs to.
pub(super) struct Grouping {
    pub groups: Vec<Group>,
    /// By series; [`NO_GROUP`] when it does not count.
    pub group_of_series: Vec<u32>,
    /// By value of the one dimension that decides, when one does and everything counts.
    pub pivot: Option<(Pivot, Vec<u32>)>,
}

/// Names and directory of one organization, which together say what a number stands for.
pub(super) struct Names<'a> {
    pub names: &'a OrganizationNames,
    pub directory: &'a Directory,
    pub organization: &'a Organization,
}

impl Names<'_> {
    pub fn group(&self, by: &[GroupBy], filter: &Filter) -> Grouping {
        let series = self.names.series();
        let counts = self.matcher(filter);
        let everything_counts = filter.is_empty();
        let by_dimension = |value_of: &dyn Fn(&Series) -> u32| -> Vec<u32> {
            series.iter().map(|s| if counts(s) { value_of(s) } else { NO_GROUP }).collect()
        };
        match by {
            [] => Grouping {
                groups: vec![Group { labels: Vec::new() }],
                group_of_series: by_dimension(&|_| 0),
                pivot: everything_counts.then(|| (Pivot::All, vec![0])),
            },
            [by] => {
                let (label_of, labels) = self.labels(*by);
                Grouping {
                    groups: labels.into_iter().map(|label| Group { labels: vec![label] }).collect(),
                    group_of_series: by_dimension(&|s| label_of[s.value(by.dimension()).0 as usize]),
                    pivot: everything_counts.then(|| (by.dimension().into(), label_of)),
                }
            }
            by => {
                let labels: Vec<(Dimension, (Vec<u32>, Vec<Label>))> =
                    by.iter().map(|by| (by.dimension(), self.labels(*by))).collect();
                let mut numbers: HashMap<Vec<u32>, u32> = HashMap::new();
                let mut groups = Vec::new();
                let group_of = |s: &Series| {
                    let parts: Vec<u32> =
                        labels.iter().map(|(dimension, (of, _))| of[s.value(*dimension).0 as usize]).collect();
                    *numbers.entry(parts).or_insert_with_key(|parts| {
                        let labels = labels.iter().zip(parts).map(|((_, (_, labels)), n)| labels[*n as usize].clone());
                        groups.push(Group { labels: labels.collect() });
                        groups.len() as u32 - 1
                    })
                };
                let mut group_of = group_of;
                let group_of_series = series.iter().map(|s| if counts(s) { group_of(s) } else { NO_GROUP }).collect();
                Grouping { group_of_series, groups, pivot: None }
            }
        }
    }

    /// For each value of a dimension the number of its label, and the labels. Several keys have one creator, hence
    /// one label.
    fn labels(&self, by: GroupBy) -> (Vec<u32>, Vec<Label>) {
        let values = (0..=self.names.count(by.dimension()) as u32).map(ValueId);
        if by != GroupBy::User {
            let labels: Vec<Label> = values.map(|value| self.label(by, value)).collect();
            return ((0..labels.len() as u32).collect(), labels);
        }
        let creators = self.creators();
        let mut numbers: HashMap<Option<&str>, u32> = HashMap::new();
        let mut labels = Vec::new();
        let number_of = values.map(|key| {
            let creator = creators.get(&key).copied().flatten();
            *numbers.entry(creator).or_insert_with(|| {
                labels.push(self.user_label(creator));
                labels.len() as u32 - 1
            })
        });
        (number_of.collect(), labels)
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
