//! What an answer is compared with: the same of an earlier window.

use std::collections::HashSet;

use super::activity::{ACTIVITY_COLUMNS, Activity, Totals, activity, other};
use super::group::Filter;
use super::labels::{Group, Label};
use super::{About, Query, QueryError, RankBy, Table};
use crate::calendar::{BucketLabel, Date, Granularity, Window};
use crate::model::{PERIOD_DAYS, Usage};

/// Rows of an earlier window, and what they add up to.
pub struct Earlier<R> {
    pub window: Window,
    /// The organization's first day with usage, when it is after the window's first: of the days before it nothing is
    /// known.
    pub since: Option<Date>,
    pub totals: Totals,
    pub rows: Vec<R>,
}

impl<R> Earlier<R> {
    pub fn new(about: About<'_>, window: Window, table: Table<R>) -> Result<Earlier<R>, QueryError> {
        let Table { rows, totals, .. } = table;
        Ok(Earlier { window, since: since(about, window)?, totals, rows })
    }
}

/// What `query` asks for, of an earlier window and over all of it. Where the later answer has the largest groups only,
/// so has this one: the same ones, with the rest as *Other*.
pub fn earlier(
    about: About<'_>,
    query: &Query,
    window: Window,
    later: &Activity<'_>,
) -> Result<Earlier<(Group, Usage)>, QueryError> {
    let whole = Query { window, granularity: Granularity::Month, top: None, ..query.clone() };
    let before = activity(about, &whole)?;
    let name = |label: &Label| (label.key.clone(), label.label.clone());
    let names = |group: &Group| group.labels.iter().map(name).collect::<Vec<_>>();
    let shown: Option<HashSet<_>> = query.top.map(|_| later.groups.iter().map(names).collect());
    let mut rest = Usage::default();
    let (mut rows, mut groups) = (Vec::new(), before.groups);
    for entry in &before.ranking {
        let group = std::mem::replace(&mut groups[entry.group as usize], Group { labels: Vec::new() });
        if shown.as_ref().is_none_or(|shown| shown.contains(&names(&group))) {
            rows.push((group, entry.usage));
        } else {
            rest.add(&entry.usage).map_err(crate::store::StoreError::from)?;
        }
    }
    if !rest.is_zero() {
        rows.push((other(query.group_by.len()), rest));
    }
    Earlier::new(about, window, Table { rows, totals: before.totals, next: None })
}

/// The organization's first day with usage, when a window begins before it.
pub(super) fn since(about: About<'_>, window: Window) -> Result<Option<Date>, QueryError> {
    let Some((_, id)) = about.names() else { return Ok(None) };
    let Some(first) = about.reader.first_segment(id)? else { return Ok(None) };
    let zone = window.zone;
    let from = zone.date_at(first.start_ms());
    // A sealed period has usage somewhere in it.
    let to = from.plus_days(PERIOD_DAYS as i64 + 1);
    if to < window.from {
        return Ok(None);
    }
    let query = Query {
        window: Window { zone, from, to, until: None },
        granularity: Granularity::Day,
        group_by: Vec::new(),
        filter: Filter::default(),
        rank_by: RankBy::Cost,
        top: None,
        columns: ACTIVITY_COLUMNS,
    };
    let mut found = None;
    activity(about, &query)?.each_bucket(|bucket, usage, _| {
        if found.is_none()
            && !usage.is_zero()
            && let BucketLabel::Day(date) = bucket.label
        {
            found = Some(date);
        }
        Ok::<_, QueryError>(())
    })?;
    Ok(found.filter(|first| *first > window.from))
}
