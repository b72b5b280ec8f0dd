//! Which series count, and as what.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::ops::RangeInclusive;

use super::scan::NO_GROUP;
use crate::directory::{ApiKey, Directory, Organization, Status};
use crate::model::{Dimension, Mode, Series, SeriesId, ValueId};
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
    /// Where the cost is from.
    CostSource,
}

impl GroupBy {
    /// The dimension usage is counted by, if it is one; a member's is that of their keys.
    pub fn dimension(self) -> Option<Dimension> {
        match self {
            GroupBy::Model => Some(Dimension::Model),
            GroupBy::Project => Some(Dimension::Project),
            GroupBy::ApiKey | GroupBy::User => Some(Dimension::ApiKey),
            GroupBy::Provider => Some(Dimension::Provider),
            GroupBy::Source => Some(Dimension::Source),
            GroupBy::CostSource => None,
        }
    }

    /// The number of what a series has of it.
    pub(super) fn value_of(self, series: &Series) -> usize {
        match self.dimension() {
            Some(dimension) => series.value(dimension).0 as usize,
            None => series.cost_source as usize,
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
    /// Its place among the organization's values of the dimension, from 1, in the order in which they were first seen;
    /// a member's is that of their first key. Never changes, so it can stand for the thing where an id is too long:
    /// for a colour.
    pub ordinal: Option<u32>,
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
    /// How many series count.
    pub counting: usize,
    /// The API keys they have.
    pub api_keys: Vec<RangeInclusive<ValueId>>,
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
        let everything_counts = filter.is_empty();
        let counting = if everything_counts { Vec::new() } else { self.counting(filter) };
        let of_those_that_count = |group_of: &mut dyn FnMut(&Series) -> u32| -> Vec<u32> {
            if everything_counts {
                return series.iter().map(group_of).collect();
            }
            let mut groups = vec![NO_GROUP; series.len()];
            for id in &counting {
                groups[id.0 as usize] = group_of(&series[id.0 as usize]);
            }
            groups
        };
        let (groups, group_of_series, pivot) = match by {
            [] => {
                let group_of_series = of_those_that_count(&mut |_| 0);
                (vec![Group { labels: Vec::new() }], group_of_series, Some((Pivot::All, vec![0])))
            }
            [by] => {
                let (label_of, mut labels) = self.labels(*by);
                let label_of_series = |s: &Series| label_of[by.value_of(s)];
                let group_of_series = if everything_counts {
                    of_those_that_count(&mut |s| label_of_series(s))
                } else {
                    // Only what occurs becomes a group.
                    let mut numbers = vec![NO_GROUP; labels.len()];
                    let mut used = Vec::new();
                    let groups = of_those_that_count(&mut |s| {
                        let label = label_of_series(s) as usize;
                        if numbers[label] == NO_GROUP {
                            numbers[label] = used.len() as u32;
                            used.push(labels[label].clone());
                        }
                        numbers[label]
                    });
                    labels = used;
                    groups
                };
                let groups = labels.into_iter().map(|label| Group { labels: vec![label] }).collect();
                (groups, group_of_series, by.dimension().map(|dimension| (Pivot::By(dimension), label_of)))
            }
            by => {
                let labels: Vec<_> = by.iter().map(|by| (by, self.labels(*by))).collect();
                let mut numbers: HashMap<Vec<u32>, u32> = HashMap::new();
                let mut groups = Vec::new();
                let mut group_of = |s: &Series| {
                    let parts: Vec<u32> = labels.iter().map(|(by, (of, _))| of[by.value_of(s)]).collect();
                    *numbers.entry(parts).or_insert_with_key(|parts| {
                        let labels = labels.iter().zip(parts).map(|((_, (_, labels)), n)| labels[*n as usize].clone());
                        groups.push(Group { labels: labels.collect() });
                        groups.len() as u32 - 1
                    })
                };
                let group_of_series = of_those_that_count(&mut group_of);
                (groups, group_of_series, None)
            }
        };
        let api_keys =
            if everything_counts { vec![ValueId(0)..=ValueId(u32::MAX)] } else { self.runs_of_api_keys(&counting) };
        let counting = if everything_counts { series.len() } else { counting.len() };
        Grouping { groups, group_of_series, counting, api_keys, pivot: pivot.filter(|_| everything_counts) }
    }

    /// The series that count and have no price.
    pub fn unpriced(&self, group_of_series: &[u32]) -> Vec<SeriesId> {
        let series = (0..).map(SeriesId).zip(self.names.series()).zip(group_of_series);
        let unpriced = series.filter(|((_, series), group)| **group != NO_GROUP && series.cost_source.is_unpriced());
        unpriced.map(|((id, _), _)| id).collect()
    }

    /// The API keys of some series, as few ranges as there are gaps. When most keys count, all are read, which is
    /// quicker than jumping over a few.
    pub fn runs_of_api_keys(&self, counting: &[SeriesId]) -> Vec<RangeInclusive<ValueId>> {
        let keys = counting.iter().map(|id| self.names.series()[id.0 as usize].api_key.0);
        let keys: Vec<u32> = keys.collect::<BTreeSet<u32>>().into_iter().collect();
        if 2 * keys.len() > self.names.count(Dimension::ApiKey) {
            return vec![ValueId(0)..=ValueId(u32::MAX)];
        }
        keys.chunk_by(|a, b| a + 1 == *b).map(|run| ValueId(run[0])..=ValueId(run[run.len() - 1])).collect()
    }

    /// For each value of a dimension the number of its label, and the labels. Several keys have one creator, hence
    /// one label.
    pub fn labels(&self, by: GroupBy) -> (Vec<u32>, Vec<Label>) {
        let Some(dimension) = by.dimension() else { return labels_of_cost_sources() };
        let values = (0..=self.names.count(dimension) as u32).map(ValueId);
        if by != GroupBy::User {
            let labels: Vec<Label> = values.map(|value| self.label(by, dimension, value)).collect();
            return ((0..labels.len() as u32).collect(), labels);
        }
        let mut numbers: HashMap<Option<&str>, u32> = HashMap::new();
        let mut labels = Vec::new();
        let number_of = values.map(|key| {
            let creator = self.creator(key);
            *numbers.entry(creator).or_insert_with(|| {
                labels.push(self.user_label(creator, key));
                labels.len() as u32 - 1
            })
        });
        (number_of.collect(), labels)
    }

    /// Who created a key.
    pub fn creator(&self, key: ValueId) -> Option<&str> {
        self.organization.creator(self.names.name(Dimension::ApiKey, key)?)
    }

    /// The series that count.
    fn counting(&self, filter: &Filter) -> Vec<SeriesId> {
        let wanted = || filter.by.iter().filter(|(_, wanted)| !wanted.is_empty());
        let allowed: Vec<(GroupBy, Vec<bool>)> = wanted()
            .map(|(by, wanted)| {
                let Some(dimension) = by.dimension() else {
                    return (*by, COST_SOURCES.iter().map(|(name, _)| wanted.contains(*name)).collect());
                };
                let mut allowed = vec![false; self.names.count(dimension) + 1];
                let mut allow = |name: &str| {
                    if let Some(value) = self.names.value(dimension, name) {
                        allowed[value.0 as usize] = true;
                    }
                };
                if *by == GroupBy::User {
                    let wanted: HashSet<&str> = wanted.iter().map(|user| self.organization.person(user)).collect();
                    let created =
                        |key: &ApiKey| self.organization.creator_of(key).is_some_and(|user| wanted.contains(user));
                    let keys = self.organization.api_keys.iter().filter(|(_, key)| created(key));
                    keys.for_each(|(id, _)| allow(id));
                } else {
                    wanted.iter().for_each(|name| allow(name));
                }
                (*by, allowed)
            })
            .collect();
        let counts = |series: &Series| {
            (filter.modes.is_empty() || filter.modes.contains(&series.mode))
                && allowed.iter().all(|(by, allowed)| allowed[by.value_of(series)])
        };
        let series = self.names.series();
        // With a filter by key or member only the series of those keys are looked at.
        let of_keys = allowed.iter().find(|(by, _)| by.dimension() == Some(Dimension::ApiKey));
        match of_keys {
            Some((_, allowed)) => {
                let keys = (0u32..).zip(allowed).filter(|(_, allowed)| **allowed).map(|(key, _)| ValueId(key));
                let of_keys = keys.flat_map(|key| self.names.series_of_key(key).iter().copied());
                of_keys.filter(|id| counts(&series[id.0 as usize])).collect()
            }
            None => (0..).map(SeriesId).zip(series).filter(|(_, series)| counts(series)).map(|(id, _)| id).collect(),
        }
    }

    fn label(&self, by: GroupBy, dimension: Dimension, value: ValueId) -> Label {
        let Some(id) = self.names.name(dimension, value) else {
            return Label { key: None, label: "No app".into(), ordinal: None, deleted: false, former: false };
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
            GroupBy::Provider | GroupBy::Source | GroupBy::User | GroupBy::CostSource => (None, None),
        };
        Label {
            key: Some(id.to_owned()),
            label: label.unwrap_or(id).to_owned(),
            ordinal: Some(value.0),
            deleted: status == Some(Status::Deleted),
            former: false,
        }
    }

    fn user_label(&self, user: Option<&str>, first_key: ValueId) -> Label {
        match user {
            None => Label { key: None, label: "Unattributed".into(), ordinal: None, deleted: false, former: false },
            Some(id) => Label {
                key: Some(id.to_owned()),
                label: self.directory.user_label(id).to_owned(),
                ordinal: Some(first_key.0),
                deleted: false,
                former: self.organization.active_member(id).is_none(),
            },
        }
    }
}

/// By number of a [`CostSource`](crate::model::CostSource): the name it is asked by, and its label. Whether a call has no
/// price for its model or for its tokens is the same to who asks, and so is what it was priced by.
pub(crate) const COST_SOURCES: [(&str, &str); 5] = [
    ("reported", "Reported"),
    ("priced", "Priced"),
    ("unpriced", "Unpriced"),
    ("unpriced", "Unpriced"),
    ("priced", "Priced"),
];

/// As [`Names::labels`].
fn labels_of_cost_sources() -> (Vec<u32>, Vec<Label>) {
    let mut labels: Vec<Label> = Vec::new();
    let number_of = COST_SOURCES.map(|(name, label)| {
        let known = labels.iter().position(|known| known.key.as_deref() == Some(name));
        known.unwrap_or_else(|| {
            let ordinal = Some(labels.len() as u32 + 1);
            labels.push(Label { key: Some(name.into()), label: label.into(), ordinal, deleted: false, former: false });
            labels.len() - 1
        }) as u32
    });
    (number_of.to_vec(), labels)
}

/// All modes, for those who ask by name.
pub(crate) const MODES: [(&str, Mode); 2] = [("credits", Mode::Credits), ("api-keys", Mode::ApiKeys)];
