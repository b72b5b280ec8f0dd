//! Which series count, and as what.

use std::cmp::Ordering;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::ops::{Range, RangeInclusive};

use roaring::RoaringBitmap;

use super::courses::{BY_SERIES, Course, Courses, NO_GROUP, at, each_stretch};
use crate::directory::{Directory, Organization, Status};
use crate::model::{Dimension, Mode, Segment, Series, SeriesId, ValueId};
use crate::store::{OrganizationNames, Pivot};

/// What usage is broken down by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GroupBy {
    Model,
    Project,
    ApiKey,
    /// The member a key belongs to at the time.
    User,
    Provider,
    Source,
    /// The team that usage counts for at the time, and its cost centre.
    Team,
    CostCentre,
    /// Where the cost is from.
    CostSource,
}

impl GroupBy {
    /// The dimension usage is counted by, if it is one; that of members and teams is their keys'.
    pub fn dimension(self) -> Option<Dimension> {
        match self {
            GroupBy::Model => Some(Dimension::Model),
            GroupBy::Project => Some(Dimension::Project),
            GroupBy::ApiKey | GroupBy::User | GroupBy::Team | GroupBy::CostCentre => Some(Dimension::ApiKey),
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
    /// For whose eyes the answer is, if they see their own keys only.
    pub viewer: Option<Viewer>,
}

/// Somebody who sees a key that is theirs today, and of others the days that they were.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Viewer {
    pub user_id: String,
    /// Today in the organization's zone, `YYYY-MM-DD`.
    pub today: String,
}

impl Filter {
    /// Whether everything counts.
    pub fn is_empty(&self) -> bool {
        self.modes.is_empty() && self.viewer.is_none() && self.by.iter().all(|(_, wanted)| wanted.is_empty())
    }
}

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
    /// The API keys of which only the series say which group they are of.
    pub by_series: Vec<RangeInclusive<ValueId>>,
    /// What numbers of groups stand for that change on the way.
    pub courses: Courses,
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
    /// The group of a series, or its course, or [`NO_GROUP`]; `None` for one that there should not be.
    #[inline]
    pub fn of(&self, id: u32, series: &Series) -> Option<u32> {
        match self {
            GroupOf::One => Some(0),
            GroupOf::By(numbers) => numbers.of(series),
            GroupOf::Series(groups) => groups.get(id as usize).copied(),
        }
    }

    /// The same of a value of the pivot, or [`BY_SERIES`].
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
    /// By value; without it a value's number is its own. One of those that change stands for a course.
    listed: Option<Vec<u32>>,
    /// By API key and project, of keys that are in several groups by their projects.
    pub by_series: HashMap<(u32, u32), u32>,
    pub courses: Courses,
}

impl Numbers {
    fn own(by: GroupBy, count: usize) -> Numbers {
        Numbers { by, count, listed: None, by_series: HashMap::new(), courses: Courses::default() }
    }

    /// The dimension whose values have the numbers; `None` for where the cost is from.
    pub fn dimension(&self) -> Option<Dimension> {
        self.by.dimension()
    }

    /// Numbers below `count`, or courses of such, by value.
    pub fn listed(by: GroupBy, count: usize, listed: Vec<u32>, courses: Courses) -> Numbers {
        Numbers { listed: Some(listed), courses, ..Numbers::own(by, count) }
    }

    #[inline]
    pub fn of(&self, series: &Series) -> Option<u32> {
        match self.of_value(self.by.value_of(series)) {
            Some(BY_SERIES) => self.by_series.get(&(series.api_key.0, series.project.0)).copied(),
            number => number,
        }
    }

    #[inline]
    pub fn of_value(&self, value: usize) -> Option<u32> {
        match &self.listed {
            None => (value < self.count).then_some(value as u32),
            Some(listed) => listed.get(value).copied(),
        }
    }

    /// The same with other numbers for these, below `count`.
    fn map(self, count: usize, to: impl Fn(u32) -> u32) -> Numbers {
        let mut courses = Courses::default();
        let mut map = |number: u32| self.courses.map(number, &mut courses, &to);
        let listed = self.listed.map(|listed| listed.into_iter().map(&mut map).collect());
        let by_series = self.by_series.into_iter().map(|(pair, number)| (pair, map(number))).collect();
        Numbers { by: self.by, count, listed, by_series, courses }
    }

    /// The values that have no group but by series.
    fn values_by_series(&self) -> Vec<RangeInclusive<ValueId>> {
        let mut keys: Vec<u32> = self.by_series.keys().map(|(key, _)| *key).collect();
        keys.sort_unstable();
        keys.dedup();
        runs(&keys)
    }
}

/// Numbers as few ranges as there are gaps.
fn runs(sorted: &[u32]) -> Vec<RangeInclusive<ValueId>> {
    sorted.chunk_by(|a, b| a + 1 == *b).map(|run| ValueId(run[0])..=ValueId(run[run.len() - 1])).collect()
}

/// What a series must be to count: of an allowed number.
struct Test {
    numbers: Numbers,
    allowed: Vec<bool>,
}

impl Test {
    fn allows(&self, number: u32) -> bool {
        self.allowed.get(number as usize).is_some_and(|allowed| *allowed)
    }

    /// Whether a value has any that counts.
    fn may_allow(&self, value: usize) -> bool {
        match self.numbers.of_value(value) {
            Some(BY_SERIES) => true,
            Some(number) => self.numbers.courses.all_of(number).any(|number| self.allows(number)),
            None => false,
        }
    }
}

/// Groups made of the numbers that occur.
enum Used {
    One,
    Values { groups: Vec<u32>, used: Vec<u32> },
    Several { groups: HashMap<Vec<u32>, u32>, used: Vec<Vec<u32>> },
}

impl Used {
    fn of(by: &[Numbers]) -> Used {
        match by {
            [] => Used::One,
            [numbers] => Used::Values { groups: vec![NO_GROUP; numbers.count], used: Vec::new() },
            _ => Used::Several { groups: HashMap::new(), used: Vec::new() },
        }
    }

    fn group(&mut self, parts: &[u32]) -> u32 {
        match self {
            Used::One => 0,
            Used::Values { groups, used } => {
                let group = &mut groups[parts[0] as usize];
                if *group == NO_GROUP {
                    *group = used.len() as u32;
                    used.push(parts[0]);
                }
                *group
            }
            Used::Several { groups, used } => match groups.get(parts) {
                Some(group) => *group,
                None => {
                    used.push(parts.to_vec());
                    groups.insert(parts.to_vec(), used.len() as u32 - 1);
                    used.len() as u32 - 1
                }
            },
        }
    }

    /// How many there are, and what they are called.
    fn labels<'a>(self, mut labels: Vec<Labels<'a>>) -> (usize, Labels<'a>) {
        match self {
            Used::One => (1, Labels::All),
            Used::Values { used, .. } => (used.len(), Labels::Some(Box::new(labels.remove(0)), used)),
            Used::Several { used, .. } => (used.len(), Labels::Several(labels, used)),
        }
    }
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

impl<'a> Names<'a> {
    pub fn group(&self, by: &[GroupBy], filter: &Filter) -> Grouping<'a> {
        let everything = |groups, labels, group_of, pivot| Grouping {
            groups,
            labels,
            group_of,
            counting: self.names.series().len(),
            api_keys: vec![ValueId(0)..=ValueId(u32::MAX)],
            pivot,
            by_series: Vec::new(),
            courses: Courses::default(),
        };
        match by {
            [] if filter.is_empty() => everything(1, Labels::All, GroupOf::One, Some(Pivot::All)),
            [by] if filter.is_empty() => {
                let (mut numbers, labels) = self.numbers(*by);
                let (courses, by_series) = (std::mem::take(&mut numbers.courses), numbers.values_by_series());
                let pivot = numbers.by.dimension().map(Pivot::By);
                let grouping = everything(numbers.count, labels, GroupOf::By(numbers), pivot);
                Grouping { by_series, courses, ..grouping }
            }
            by => {
                let (groups, labels, of_series, counting, courses) = self.by_series(by, filter);
                let grouping = everything(groups, labels, GroupOf::Series(of_series), None);
                if filter.is_empty() {
                    return Grouping { courses, ..grouping };
                }
                let api_keys = self.runs_of_api_keys(&counting);
                Grouping { api_keys, counting: counting.len(), courses, ..grouping }
            }
        }
    }

    /// Groups series by series, and which of them count. Only what occurs becomes a group.
    fn by_series(&self, by: &[GroupBy], filter: &Filter) -> (usize, Labels<'a>, Vec<u32>, Vec<SeriesId>, Courses) {
        let series = self.names.series();
        let tests = self.tests(filter);
        let (numbers, labels): (Vec<Numbers>, Vec<Labels<'a>>) = by.iter().map(|by| self.numbers(*by)).unzip();
        let (mut used, mut courses) = (Used::of(&numbers), Courses::default());
        let changes = tests.iter().map(|test| &test.numbers).chain(&numbers).any(|one| !one.courses.is_empty());
        let (mut groups, mut counting, mut parts) = (vec![NO_GROUP; series.len()], Vec::new(), Vec::new());
        let mut take = |id: SeriesId| {
            let one = &series[id.0 as usize];
            if !filter.modes.is_empty() && !filter.modes.contains(&one.mode) {
                return;
            }
            let group = if changes {
                let of_tests = tests.iter().map(|test| &test.numbers);
                let all: Vec<(u32, &Courses)> =
                    of_tests.chain(&numbers).map(|numbers| (number_of(numbers, one), &numbers.courses)).collect();
                let mut course: Course<u32> = Vec::new();
                each_stretch(&all, |segment, now| {
                    let (of_tests, parts) = now.split_at(tests.len());
                    let counts = tests.iter().zip(of_tests).all(|(test, number)| test.allows(*number));
                    course.push((segment, if counts { used.group(parts) } else { NO_GROUP }));
                });
                courses.number(course)
            } else if tests.iter().all(|test| test.allows(number_of(&test.numbers, one))) {
                parts.clear();
                parts.extend(numbers.iter().map(|numbers| number_of(numbers, one)));
                used.group(&parts)
            } else {
                NO_GROUP
            };
            if group != NO_GROUP {
                groups[id.0 as usize] = group;
                counting.push(id);
            }
        };
        // With a filter by key or member only the series of those keys are looked at.
        match tests.iter().find(|test| test.numbers.by.dimension() == Some(Dimension::ApiKey)) {
            Some(test) => {
                let keys = (0..=self.names.count(Dimension::ApiKey)).filter(|key| test.may_allow(*key));
                keys.flat_map(|key| self.names.series_of_key(ValueId(key as u32))).for_each(&mut take);
            }
            None => (0..series.len() as u32).map(SeriesId).for_each(&mut take),
        }
        let (count, labels) = used.labels(labels);
        (count, labels, groups, counting, courses)
    }

    /// Some groups only, each the usage of a number: for each of their series its place among them, and the series.
    pub fn only(
        &self,
        numbers: &[u32],
        labels: &Labels<'_>,
        (group_of, courses): (&GroupOf, &Courses),
    ) -> (Vec<u32>, Vec<SeriesId>, Courses) {
        let places: HashMap<u32, u32> = numbers.iter().copied().zip(0..).collect();
        let series = self.names.series();
        let mut groups = vec![NO_GROUP; series.len()];
        let (mut found, mut new) = (Vec::new(), Courses::default());
        let mut take = |id: SeriesId| {
            let Some(group) = group_of.of(id.0, &series[id.0 as usize]) else { return };
            let place = courses.map(group, &mut new, |group| places.get(&group).copied().unwrap_or(NO_GROUP));
            if place != NO_GROUP {
                groups[id.0 as usize] = place;
                found.push(id);
            }
        };
        match labels {
            Labels::Values(_, Dimension::ApiKey) => {
                numbers.iter().flat_map(|key| self.names.series_of_key(ValueId(*key))).for_each(&mut take);
            }
            _ => (0..series.len() as u32).map(SeriesId).for_each(&mut take),
        }
        (groups, found, new)
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
        runs(&keys)
    }

    /// Numbers for the values of a dimension, and what they are called. Several keys have one owner, hence one number.
    pub fn numbers(&self, by: GroupBy) -> (Numbers, Labels<'a>) {
        match by {
            GroupBy::User => self.owner_numbers(),
            GroupBy::Team => self.team_numbers(),
            GroupBy::CostCentre => self.cost_centre_numbers(),
            GroupBy::CostSource => {
                let (listed, labels) = labels_of_cost_sources();
                (Numbers::listed(by, labels.len(), listed, Courses::default()), Labels::Listed(labels))
            }
            GroupBy::Model | GroupBy::Project | GroupBy::ApiKey | GroupBy::Provider | GroupBy::Source => {
                let dimension = by.dimension().expect("these are dimensions");
                (Numbers::own(by, self.names.count(dimension) + 1), Labels::Values(by, dimension))
            }
        }
    }

    fn owner_numbers(&self) -> (Numbers, Labels<'a>) {
        let owners = &self.organization.owners;
        let (mut numbers, mut people) = (HashMap::new(), Vec::new());
        let mut of_owner = vec![NO_GROUP; owners.count() + 1];
        let listed = (0..=self.names.count(Dimension::ApiKey) as u32).map(|key| {
            let number = &mut of_owner[owners.of(ValueId(key)) as usize];
            if *number == NO_GROUP {
                let creator = self.creator(ValueId(key));
                *number = *numbers.entry(creator).or_insert_with(|| {
                    people.push((creator, Some(ValueId(key))));
                    people.len() as u32 - 1
                });
            }
            *number
        });
        let mut listed: Vec<u32> = listed.collect();
        let mut courses = Courses::default();
        for (key, course) in self.owners() {
            let course = course.into_iter().map(|(from, owner)| {
                let number = *numbers.entry(owner).or_insert_with(|| {
                    people.push((owner, None));
                    people.len() as u32 - 1
                });
                (from, number)
            });
            listed[key as usize] = courses.number(course.collect());
        }
        (Numbers::listed(GroupBy::User, people.len(), listed, courses), Labels::Owners(people))
    }

    fn team_numbers(&self) -> (Numbers, Labels<'a>) {
        let teams = &self.organization.teams;
        let number_of: HashMap<&str, u32> = teams.keys().map(String::as_str).zip(1..).collect();
        let numbers = self.teams(teams.len() + 1, |id| number_of.get(id).copied().unwrap_or(0));
        let labels = teams.iter().map(|(id, team)| Label {
            key: Some(id.clone()),
            label: team.name.as_ref().unwrap_or(id).clone(),
            ordinal: None,
            deleted: team.status == Status::Deleted,
            former: false,
        });
        (numbers, Labels::Listed([nameless("No team")].into_iter().chain(labels).collect()))
    }

    fn cost_centre_numbers(&self) -> (Numbers, Labels<'a>) {
        let teams = &self.organization.teams;
        let names: BTreeSet<&str> = teams.values().filter_map(|team| team.cost_centre.as_deref()).collect();
        let number_of: HashMap<&str, u32> = names.iter().copied().zip(1..).collect();
        // By the number of a team.
        let of_team = teams.values().map(|team| team.cost_centre.as_deref().map_or(0, |name| number_of[name]));
        let of_team: Vec<u32> = [0].into_iter().chain(of_team).collect();
        let numbers = self.team_numbers().0.map(names.len() + 1, |team| of_team[team as usize]);
        let labels = names.into_iter().map(|name| Label { key: Some(name.to_owned()), ..nameless(name) });
        (numbers, Labels::Listed([nameless("No cost centre")].into_iter().chain(labels).collect()))
    }

    /// The labels of all that usage may be of, by number.
    pub fn labels(&self, by: GroupBy) -> Vec<Label> {
        let (numbers, labels) = self.numbers(by);
        let label = |number| labels.group(self, number).labels.remove(0);
        (0..numbers.count as u32).map(label).collect()
    }

    /// What a series has to be to count.
    fn tests(&self, filter: &Filter) -> Vec<Test> {
        let wanted = filter.by.iter().filter(|(_, wanted)| !wanted.is_empty());
        let by_name = wanted.map(|(by, wanted)| {
            let (numbers, labels) = self.numbers(*by);
            let mut allowed = vec![false; numbers.count];
            match labels {
                Labels::Owners(people) => {
                    let wanted: HashSet<&str> = wanted.iter().map(|user| self.organization.person(user)).collect();
                    let is_wanted = |(person, _): &(Option<&str>, _)| person.is_some_and(|one| wanted.contains(one));
                    allowed = people.iter().map(is_wanted).collect();
                }
                Labels::Listed(labels) => {
                    let is_wanted = |label: &Label| label.key.as_ref().is_some_and(|key| wanted.contains(key));
                    allowed = labels.iter().map(is_wanted).collect();
                }
                _ => {
                    let values = by
                        .dimension()
                        .into_iter()
                        .flat_map(|dimension| wanted.iter().filter_map(move |name| self.names.value(dimension, name)));
                    values.for_each(|value| allowed[value.0 as usize] = true);
                }
            }
            Test { numbers, allowed }
        });
        by_name.chain(filter.viewer.as_ref().map(|viewer| self.readable(viewer))).collect()
    }

    /// The keys that somebody sees, and when.
    fn readable(&self, viewer: &Viewer) -> Test {
        let organization = self.organization;
        let person = organization.person(&viewer.user_id);
        let theirs = |owner: Option<&str>| u32::from(owner == Some(person));
        let owners = &organization.owners;
        let by_creator =
            (0..=owners.count() as u32).map(|number| theirs(owners.user(number).map(|user| organization.person(user))));
        let by_creator: Vec<u32> = by_creator.collect();
        let count = self.names.count(Dimension::ApiKey) as u32;
        let mut listed: Vec<u32> = (0..=count).map(|key| by_creator[owners.of(ValueId(key)) as usize]).collect();
        let mut courses = Courses::default();
        for (key, course) in self.owners() {
            let id = self.names.name(Dimension::ApiKey, ValueId(key)).unwrap_or_default();
            let is_theirs = organization.owner_on(id, &viewer.today) == Some(person);
            let course = course.into_iter().map(|(from, owner)| (from, if is_theirs { 1 } else { theirs(owner) }));
            listed[key as usize] = courses.number(course.collect());
        }
        Test { numbers: Numbers::listed(GroupBy::ApiKey, 2, listed, courses), allowed: vec![false, true] }
    }

    /// Who created a key.
    pub fn creator(&self, key: ValueId) -> Option<&'a str> {
        let owners = &self.organization.owners;
        owners.user(owners.of(key)).map(|user| self.organization.person(user))
    }

    /// How many people have created some keys.
    pub fn creators(&self, api_keys: &RoaringBitmap) -> usize {
        let users = self.users_of(api_keys);
        if self.organization.same_as.is_empty() {
            return users.count();
        }
        users.map(|user| self.organization.person(user)).collect::<HashSet<_>>().len()
    }

    /// The user ids that have created some keys.
    fn users_of(&self, api_keys: &RoaringBitmap) -> impl Iterator<Item = &'a str> {
        let owners = &self.organization.owners;
        let mut has_some = vec![false; owners.count() + 1];
        if owners.count() > 0 {
            api_keys.iter().for_each(|key| has_some[owners.of(ValueId(key)) as usize] = true);
        }
        (1..).zip(has_some.into_iter().skip(1)).filter(|(_, has)| *has).filter_map(|(number, _)| owners.user(number))
    }

    /// Whose some keys are that have usage in a stretch of time: the people, and the keys that change hands in it, of
    /// which it has to be looked up.
    pub fn owners_of(&self, api_keys: &RoaringBitmap, time: &Range<Segment>) -> (HashSet<&'a str>, Vec<u32>) {
        let mut by_creator = api_keys.clone();
        let (mut people, mut moving) = (HashSet::new(), Vec::new());
        for (key, course) in self.owners() {
            if by_creator.remove(key) {
                let first = at(&course, time.start);
                let changes = |(from, owner): &(Segment, _)| time.start < *from && *from < time.end && *owner != first;
                if course.iter().any(changes) { moving.push(key) } else { people.extend(first) }
            }
        }
        people.extend(self.users_of(&by_creator).map(|user| self.organization.person(user)));
        (people, moving)
    }

    /// By owner, some keys only.
    pub fn owners_of_keys(&self, api_keys: &[u32], filter: &Filter) -> Grouping<'a> {
        if filter.is_empty() {
            let mut grouping = self.group(&[GroupBy::User], filter);
            if let GroupOf::By(Numbers { listed: Some(listed), .. }) = &mut grouping.group_of {
                let mut keys = api_keys.iter().peekable();
                (0..)
                    .zip(listed)
                    .filter(|(key, _)| keys.next_if(|next| *next == key).is_none())
                    .for_each(|(_, number)| *number = NO_GROUP);
            }
            return grouping;
        }
        let name = |key: &u32| self.names.name(Dimension::ApiKey, ValueId(*key)).map(str::to_owned);
        let keys = (GroupBy::ApiKey, api_keys.iter().filter_map(name).collect());
        let filter = Filter { by: filter.by.iter().cloned().chain([keys]).collect(), ..filter.clone() };
        self.group(&[GroupBy::User], &filter)
    }

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
            None => nameless("Unattributed"),
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

/// By number of a [`CostSource`](crate::model::CostSource): the name it is asked by, and its label. Whether a call has no
/// price for its model or for its tokens is the same to who asks, and so is what it was priced by.
pub(crate) const COST_SOURCES: [(&str, &str); 5] = [
    ("reported", "Reported"),
    ("priced", "Priced"),
    ("unpriced", "Unpriced"),
    ("unpriced", "Unpriced"),
    ("priced", "Priced"),
];

/// What belongs to none.
fn nameless(label: &str) -> Label {
    Label { key: None, label: label.to_owned(), ordinal: None, deleted: false, former: false }
}

pub(super) fn number_of(numbers: &Numbers, series: &Series) -> u32 {
    numbers.of(series).expect("a series has values that have names")
}

/// By source the number of its label, and the labels.
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
