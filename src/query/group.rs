//! Which series count, and as what.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::ops::{Range, RangeInclusive};

use roaring::RoaringBitmap;

use super::courses::{BY_SERIES, Course, Courses, NO_GROUP, at, each_stretch};
use super::labels::{Label, Labels, Names, nameless};
use super::numbers::{GroupBy, GroupOf, Numbers, number_of, runs};
use crate::directory::Status;
use crate::model::{Dimension, Mode, Segment, SeriesId, ValueId};
use crate::store::Pivot;

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

impl Label {
    /// That of usage whose cost is from a source, by the source's number.
    pub fn of_cost_source(number: usize) -> Label {
        let (numbers, mut labels) = labels_of_cost_sources();
        labels.swap_remove(numbers[number] as usize)
    }
}

/// All modes, for those who ask by name.
pub(crate) const MODES: [(&str, Mode); 2] = [("credits", Mode::Credits), ("api-keys", Mode::ApiKeys)];
