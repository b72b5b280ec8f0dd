//! What is to be summed of an organization's stored usage.

use std::ops::RangeInclusive;

use crate::model::{OrganizationId, Series, ValueId};
use crate::store::{Column, Pivot, Reader};

/// What does not count has this group.
pub(super) const NO_GROUP: u32 = u32::MAX;

/// What to sum.
pub(super) struct Scan<'a> {
    pub reader: &'a Reader,
    pub organization: OrganizationId,
    pub series: &'a [Series],
    /// How many API keys there are; they are numbered from 1.
    pub api_key_count: usize,
    pub groups: usize,
    /// For every series its group.
    pub group_of_series: Vec<u32>,
    /// How many series have one.
    pub counting: usize,
    /// The API keys that have a series that counts, as few ranges as there are gaps.
    pub api_keys: Vec<RangeInclusive<ValueId>>,
    /// When everything counts and one dimension decides: that dimension, and for each of its values the group.
    pub pivot: Option<(Pivot, Vec<u32>)>,
    /// What is wanted of each group in each bucket. Requests must be the first: a cell without any is empty.
    pub columns: Vec<Column>,
    /// The API keys of series without a price that count, where the last column is how many calls have none and the
    /// pivot does not keep it: it is then added up from the rows of those alone.
    pub unpriced_api_keys: Vec<RangeInclusive<ValueId>>,
    /// Whether totals are wanted in every measure.
    pub totals: bool,
}
