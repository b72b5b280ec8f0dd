//! What is to be summed of an organization's stored usage.

use std::ops::RangeInclusive;
use std::sync::Arc;

use super::courses::{Courses, NO_GROUP};
use super::labels::{Labels, Names};
use super::numbers::GroupOf;
use crate::model::{OrganizationId, Series, ValueId};
use crate::store::{Column, Log, Pivot, Reader};

/// What to sum.
pub(super) struct Scan<'a> {
    pub reader: &'a Reader,
    pub organization: OrganizationId,
    pub series: &'a Log<Series>,
    /// How many API keys there are; they are numbered from 1.
    pub api_key_count: usize,
    pub groups: usize,
    pub group_of: Arc<GroupOf>,
    /// What numbers of groups stand for that change on the way.
    pub courses: Arc<Courses>,
    /// How many series have one.
    pub counting: usize,
    /// The API keys that have a series that counts, as few ranges as there are gaps.
    pub api_keys: Vec<RangeInclusive<ValueId>>,
    /// When everything counts and one dimension decides: that dimension.
    pub pivot: Option<Pivot>,
    /// The API keys of which only the rows say which group they are of, though there is a pivot.
    pub by_series: Vec<RangeInclusive<ValueId>>,
    /// What is wanted of each group in each bucket. Requests must be the first: a cell without any is empty.
    pub columns: Vec<Column>,
    /// The API keys of series without a price that count, where the last column is how many calls have none and the
    /// pivot does not keep it: it is then added up from the rows of those alone.
    pub unpriced_api_keys: Vec<RangeInclusive<ValueId>>,
    /// Whether totals are wanted in every measure.
    pub totals: bool,
}

impl<'a> Scan<'a> {
    /// A series and its group.
    #[inline]
    pub fn series_and_group(&self, id: u32) -> Option<(&'a Series, u32)> {
        let series = self.series.get(id as usize)?;
        Some((series, self.group_of.of(id, series)?))
    }

    /// Whether all usage counts, whatever group it is of.
    pub fn is_of_everything(&self) -> bool {
        self.counting == self.series.len() && self.courses.is_empty()
    }

    /// The same with other columns, which a pivot keeps.
    pub fn of_columns(&self, columns: Vec<Column>) -> Scan<'a> {
        let (group_of, courses) = (self.group_of.clone(), self.courses.clone());
        let (api_keys, by_series) = (self.api_keys.clone(), self.by_series.clone());
        Scan { columns, group_of, courses, api_keys, by_series, unpriced_api_keys: Vec::new(), ..*self }
    }

    /// All that counts as one group, without totals.
    pub fn as_one(&self) -> Scan<'a> {
        let mut courses = Courses::default();
        let (group_of, pivot) = match &*self.group_of {
            GroupOf::Series(groups) if self.counting < groups.len() || !self.courses.is_empty() => {
                let one = |group: u32| if group == NO_GROUP { NO_GROUP } else { 0 };
                let groups = groups.iter().map(|group| self.courses.map(*group, &mut courses, one));
                (GroupOf::Series(groups.collect()), None)
            }
            _ => (GroupOf::One, Some(Pivot::All)),
        };
        Scan {
            groups: 1,
            group_of: Arc::new(group_of),
            courses: Arc::new(courses),
            by_series: Vec::new(),
            pivot,
            totals: false,
            ..self.of_columns(self.columns.clone())
        }
    }

    /// Some of the groups, by their places in the list, and one more without usage. Without totals.
    pub fn only(&self, known: &Names<'a>, labels: &Labels<'_>, groups: &[u32]) -> Scan<'a> {
        let (group_of_series, counting, courses) = known.only(groups, labels, (&self.group_of, &self.courses));
        Scan {
            groups: groups.len() + 1,
            group_of: Arc::new(GroupOf::Series(group_of_series)),
            courses: Arc::new(courses),
            by_series: Vec::new(),
            counting: counting.len(),
            api_keys: known.runs_of_api_keys(&counting),
            pivot: None,
            totals: false,
            ..self.of_columns(self.columns.clone())
        }
    }
}
