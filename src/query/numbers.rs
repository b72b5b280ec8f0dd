//! What usage is broken down by, and which number each value has of it.

use std::collections::HashMap;
use std::ops::RangeInclusive;

use super::courses::{BY_SERIES, Courses};
use crate::model::{Dimension, Series, ValueId};

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

/// Which group usage is of. Nothing is written down for each series or value where that can be helped: there may be
/// millions, and a question about a few models has to do with none of them.
pub(super) enum GroupOf {
    /// The only one, whatever it is.
    One,
    /// That of its value.
    By(Numbers),
    /// What is listed for its series; [`NO_GROUP`](super::courses::NO_GROUP) when it does not count.
    Series(Vec<u32>),
}

impl GroupOf {
    /// The group of a series, or its course, or [`NO_GROUP`](super::courses::NO_GROUP); `None` for one that there should not be.
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
    pub by: GroupBy,
    pub count: usize,
    /// By value; without it a value's number is its own. One of those that change stands for a course.
    pub listed: Option<Vec<u32>>,
    /// By API key and project, of keys that are in several groups by their projects.
    pub by_series: HashMap<(u32, u32), u32>,
    pub courses: Courses,
}

impl Numbers {
    pub fn own(by: GroupBy, count: usize) -> Numbers {
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
    pub fn map(self, count: usize, to: impl Fn(u32) -> u32) -> Numbers {
        let mut courses = Courses::default();
        let mut map = |number: u32| self.courses.map(number, &mut courses, &to);
        let listed = self.listed.map(|listed| listed.into_iter().map(&mut map).collect());
        let by_series = self.by_series.into_iter().map(|(pair, number)| (pair, map(number))).collect();
        Numbers { by: self.by, count, listed, by_series, courses }
    }

    /// The values that have no group but by series.
    pub fn values_by_series(&self) -> Vec<RangeInclusive<ValueId>> {
        let mut keys: Vec<u32> = self.by_series.keys().map(|(key, _)| *key).collect();
        keys.sort_unstable();
        keys.dedup();
        runs(&keys)
    }
}

/// Numbers as few ranges as there are gaps.
pub(super) fn runs(sorted: &[u32]) -> Vec<RangeInclusive<ValueId>> {
    sorted.chunk_by(|a, b| a + 1 == *b).map(|run| ValueId(run[0])..=ValueId(run[run.len() - 1])).collect()
}

pub(super) fn number_of(numbers: &Numbers, series: &Series) -> u32 {
    numbers.of(series).expect("a series has values that have names")
}
