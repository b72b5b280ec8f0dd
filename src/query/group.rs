//! Which series count, and as what.

use std::cmp::Ordering;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::ops::RangeInclusive;

use roaring::RoaringBitmap;

use crate::directory::{Directory, Organization, Status};
use crate::model::{Dimension, Mode, Series, SeriesId, ValueId};
use crate::store::{OrganizationNames, Pivot};

/// What does not count has this group.
pub(super) const NO_GROUP: u32 = u32::MAX;

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

/// Which group each series and each value belongs to, and what the groups are called.
pub(super) struct Grouping<'a> {
    pub groups: usize,
    pub labels: Labels<'a>,
    pub group_of: GroupOf,
    /// How many series count.
    pub counting: usize,
    /// The API keys they have.
    pub api_keys: Vec<RangeInclusive<ValueId>>,
    /// The one dimension that decides, when one does and everything counts.
    pub pivot: Option<Pivot>,
}

/// Which group usage is of. Nothing is written down for each series or value where that can be helped: there may be
/// millions, and a question about a few models has to do with none of them.
pub(super) enum GroupOf {
    /// The only one, whatever it is.
    One,
    /// That of its value.
    By(Numbers),
    /// What is listed for its series; [`NO_GROUP`] when it does not count.
    Series(Vec<u32>),
}

impl GroupOf {
    /// The group of a series, or [`NO_GROUP`]; `None` for one that there should not be.
    #[inline]
    pub fn of(&self, id: u32, series: &Series) -> Option<u32> {
        match self {
            GroupOf::One => Some(0),
            GroupOf::By(numbers) => numbers.of(series),
            GroupOf::Series(groups) => groups.get(id as usize).copied(),
        }
    }

    /// The group of a value of the pivot.
    #[inline]
    pub fn of_value(&self, value: u32) -> Option<u32> {
        match self {
            GroupOf::One => (value == 0).then_some(0),
            GroupOf::By(numbers) => numbers.of_value(value as usize),
            GroupOf::Series(_) => None,
        }
    }
}

/// Numbers for the values of what usage is broken down by.
pub(super) struct Numbers {
    by: GroupBy,
    count: usize,
    /// By value; without it a value's number is its own.
    listed: Option<Vec<u32>>,
}

impl Numbers {
    #[inline]
    pub fn of(&self, series: &Series) -> Option<u32> {
        self.of_value(self.by.value_of(series))
    }

    #[inline]
    pub fn of_value(&self, value: usize) -> Option<u32> {
        match &self.listed {
            None => (value < self.count).then_some(value as u32),
            Some(listed) => listed.get(value).copied(),
        }
    }
}

/// What groups are called, by their numbers; made when it is asked for.
pub(super) enum Labels<'a> {
    /// One group, of everything.
    All,
    /// A group for each value.
    Values(GroupBy, Dimension),
    /// A group for each creator, with the first of their keys.
    Creators(Vec<(Option<&'a str>, ValueId)>),
    CostSources(Vec<Label>),
    /// A group for each number of others that occurs.
    Some(Box<Labels<'a>>, Vec<u32>),
    /// A group for each combination of numbers of others that occurs.
    Several(Vec<Labels<'a>>, Vec<Vec<u32>>),
}

impl Labels<'_> {
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
            Labels::Creators(creators) => labels.push(known.user_label(creators[at].0, creators[at].1)),
            Labels::CostSources(all) => labels.push(all[at].clone()),
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

    /// The order of groups by their keys.
    pub fn compare(&self, known: &Names<'_>, a: u32, b: u32) -> Ordering {
        self.keys(known, a).cmp(&self.keys(known, b))
    }

    fn keys<'k>(&'k self, known: &Names<'k>, number: u32) -> Vec<Option<&'k str>> {
        let at = number as usize;
        match self {
            Labels::All => Vec::new(),
            Labels::Values(_, dimension) => vec![known.names.name(*dimension, ValueId(number))],
            Labels::Creators(creators) => vec![creators[at].0],
            Labels::CostSources(all) => vec![all[at].key.as_deref()],
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

impl<'a> Names<'a> {
    pub fn group(&self, by: &[GroupBy], filter: &Filter) -> Grouping<'a> {
        let series = self.names.series();
        let counting = (!filter.is_empty()).then(|| self.counting(filter));
        let (groups, labels, group_of) = match (by, &counting) {
            ([], None) => (1, Labels::All, GroupOf::One),
            ([], Some(counting)) => (1, Labels::All, GroupOf::Series(self.listed(Some(counting), |_| 0))),
            ([by], None) => {
                let (numbers, labels) = self.numbers(*by);
                (numbers.count, labels, GroupOf::By(numbers))
            }
            // Only what occurs becomes a group.
            ([by], Some(counting)) => {
                let (numbers, labels) = self.numbers(*by);
                let (mut groups, mut used) = (vec![NO_GROUP; numbers.count], Vec::new());
                let group_of_series = self.listed(Some(counting), |series| {
                    let number = number_of(&numbers, series);
                    let group = &mut groups[number as usize];
                    if *group == NO_GROUP {
                        *group = used.len() as u32;
                        used.push(number);
                    }
                    *group
                });
                (used.len(), Labels::Some(Box::new(labels), used), GroupOf::Series(group_of_series))
            }
            (by, counting) => {
                let (numbers, labels): (Vec<_>, Vec<_>) = by.iter().map(|by| self.numbers(*by)).unzip();
                let (mut groups, mut used) = (HashMap::new(), Vec::new());
                let group_of_series = self.listed(counting.as_deref(), |series| {
                    let parts: Vec<u32> = numbers.iter().map(|numbers| number_of(numbers, series)).collect();
                    *groups.entry(parts).or_insert_with_key(|parts| {
                        used.push(parts.clone());
                        used.len() as u32 - 1
                    })
                });
                (used.len(), Labels::Several(labels, used), GroupOf::Series(group_of_series))
            }
        };
        let pivot = match by {
            _ if counting.is_some() => None,
            [] => Some(Pivot::All),
            [by] => by.dimension().map(Pivot::By),
            _ => None,
        };
        let api_keys = match &counting {
            None => vec![ValueId(0)..=ValueId(u32::MAX)],
            Some(counting) => self.runs_of_api_keys(counting),
        };
        let counting = counting.map_or(series.len(), |counting| counting.len());
        Grouping { groups, labels, group_of, counting, api_keys, pivot }
    }

    /// For each series its group, if it is one of those that count, or of all without them.
    fn listed(&self, counting: Option<&[SeriesId]>, mut group_of: impl FnMut(&Series) -> u32) -> Vec<u32> {
        let series = self.names.series();
        let Some(counting) = counting else { return series.iter().map(group_of).collect() };
        let mut groups = vec![NO_GROUP; series.len()];
        for id in counting {
            groups[id.0 as usize] = group_of(&series[id.0 as usize]);
        }
        groups
    }

    /// Some groups only, each the usage of a number: for each of their series its place among them, and the series.
    pub fn only(&self, numbers: &[u32], labels: &Labels<'_>, group_of: &GroupOf) -> (Vec<u32>, Vec<SeriesId>) {
        let places: HashMap<u32, u32> = numbers.iter().copied().zip(0..).collect();
        let series = self.names.series();
        let mut groups = vec![NO_GROUP; series.len()];
        let mut found = Vec::new();
        let mut take = |id: SeriesId| {
            let group = group_of.of(id.0, &series[id.0 as usize]);
            if let Some(place) = group.and_then(|group| places.get(&group)) {
                groups[id.0 as usize] = *place;
                found.push(id);
            }
        };
        match labels {
            Labels::Values(_, Dimension::ApiKey) => {
                numbers.iter().flat_map(|key| self.names.series_of_key(ValueId(*key))).for_each(&mut take);
            }
            _ => (0..series.len() as u32).map(SeriesId).for_each(&mut take),
        }
        (groups, found)
    }

    /// The series that count and have no price.
    pub fn unpriced(&self, group_of: &GroupOf) -> Vec<SeriesId> {
        let counts = |id: &&SeriesId| match group_of {
            GroupOf::Series(groups) => groups[id.0 as usize] != NO_GROUP,
            _ => true,
        };
        self.names.unpriced().iter().filter(counts).copied().collect()
    }

    /// The API keys of some series, as few ranges as there are gaps. When most keys count, all are read, which is
    /// quicker than jumping over a few.
    pub fn runs_of_api_keys(&self, counting: &[SeriesId]) -> Vec<RangeInclusive<ValueId>> {
        let mut keys: Vec<u32> = counting.iter().map(|id| self.names.series()[id.0 as usize].api_key.0).collect();
        keys.sort_unstable();
        keys.dedup();
        if 2 * keys.len() > self.names.count(Dimension::ApiKey) {
            return vec![ValueId(0)..=ValueId(u32::MAX)];
        }
        keys.chunk_by(|a, b| a + 1 == *b).map(|run| ValueId(run[0])..=ValueId(run[run.len() - 1])).collect()
    }

    /// Numbers for the values of a dimension, and what they are called. Several keys have one creator, hence one number.
    fn numbers(&self, by: GroupBy) -> (Numbers, Labels<'a>) {
        let Some(dimension) = by.dimension() else {
            let (listed, labels) = labels_of_cost_sources();
            return (Numbers { by, count: labels.len(), listed: Some(listed) }, Labels::CostSources(labels));
        };
        let values = self.names.count(dimension) + 1;
        if by != GroupBy::User {
            return (Numbers { by, count: values, listed: None }, Labels::Values(by, dimension));
        }
        let owners = &self.organization.owners;
        let (mut numbers, mut creators) = (HashMap::new(), Vec::new());
        let mut of_owner = vec![NO_GROUP; owners.count() + 1];
        let listed = (0..values as u32).map(|key| {
            let number = &mut of_owner[owners.of(ValueId(key)) as usize];
            if *number == NO_GROUP {
                let creator = self.creator(ValueId(key));
                *number = *numbers.entry(creator).or_insert_with(|| {
                    creators.push((creator, ValueId(key)));
                    creators.len() as u32 - 1
                });
            }
            *number
        });
        let listed = listed.collect();
        (Numbers { by, count: creators.len(), listed: Some(listed) }, Labels::Creators(creators))
    }

    /// For each value of a dimension the number of its label, and the labels.
    pub fn labels(&self, by: GroupBy) -> (Vec<u32>, Vec<Label>) {
        let (numbers, labels) = self.numbers(by);
        let values = (0..).map_while(|value| numbers.of_value(value)).collect();
        let mut all = Vec::with_capacity(numbers.count);
        (0..numbers.count as u32).for_each(|number| labels.push(self, number, &mut all));
        (values, all)
    }

    /// Who created a key.
    pub fn creator(&self, key: ValueId) -> Option<&'a str> {
        let owners = &self.organization.owners;
        owners.user(owners.of(key)).map(|user| self.organization.person(user))
    }

    /// How many people have created some keys.
    pub fn creators(&self, api_keys: &RoaringBitmap) -> usize {
        let owners = &self.organization.owners;
        let mut has_some = vec![false; owners.count() + 1];
        if owners.count() > 0 {
            api_keys.iter().for_each(|key| has_some[owners.of(ValueId(key)) as usize] = true);
        }
        let users = (1..).zip(&has_some[1..]).filter(|(_, has)| **has).filter_map(|(number, _)| owners.user(number));
        if self.organization.same_as.is_empty() {
            return users.count();
        }
        users.map(|user| self.organization.person(user)).collect::<HashSet<_>>().len()
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
                let allow = |allowed: &mut Vec<bool>, name: &str| {
                    if let Some(value) = self.names.value(dimension, name) {
                        allowed[value.0 as usize] = true;
                    }
                };
                if *by == GroupBy::User {
                    let wanted: HashSet<&str> = wanted.iter().map(|user| self.organization.person(user)).collect();
                    let owners = &self.organization.owners;
                    let is_wanted = |number| owners.user(number).map(|user| self.organization.person(user));
                    let by_owner: Vec<bool> = (0..=owners.count() as u32)
                        .map(|number| is_wanted(number).is_some_and(|person| wanted.contains(person)))
                        .collect();
                    let keys = (0u32..).zip(&mut allowed);
                    keys.for_each(|(key, allowed)| *allowed = by_owner[owners.of(ValueId(key)) as usize]);
                } else {
                    wanted.iter().for_each(|name| allow(&mut allowed, name));
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
                let of_keys = keys.flat_map(|key| self.names.series_of_key(key));
                of_keys.filter(|id| counts(&series[id.0 as usize])).collect()
            }
            None => {
                (0..).map(SeriesId).zip(series.iter()).filter(|(_, series)| counts(series)).map(|(id, _)| id).collect()
            }
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

fn number_of(numbers: &Numbers, series: &Series) -> u32 {
    numbers.of(series).expect("a series has values that have names")
}

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
