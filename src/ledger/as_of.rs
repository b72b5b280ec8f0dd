//! Questions about a closed month, answered as they were when it was closed.

use std::collections::BTreeSet;

use super::adjustments::{key_of, labels_of};
use super::{Month, number_of};
use crate::model::{Dimension, Usage};
use crate::query::{About, Activity, COST_SOURCES, Filter, GroupBy, Label, Listed, Query, QueryError};
use crate::store::{Closing, damaged};

/// What `query` asks, whose window lies in the closed month, from what was frozen of it.
pub fn as_of(about: About<'_>, closing: &Closing, query: &Query) -> Result<Activity<'static>, QueryError> {
    let closed = about.reader.closed(closing)?;
    let labels = labels_of(closed.labels);
    let names = super::usage::names_of(about);
    let first_day = Month::of(closing).first_day();
    let filter = wanted(about, &query.filter);
    let (mut listed, mut api_keys, mut people) = (Vec::new(), BTreeSet::new(), BTreeSet::new());
    for line in &closed.lines {
        let series = names.and_then(|names| names.series().get(line.series as usize));
        let series = *series.ok_or_else(|| damaged("a closed line of a series without a name"))?;
        let owners = closed.owners.get(line.owners as usize).ok_or_else(|| damaged("a closed line of nobody"))?;
        let date = first_day.plus_days(i64::from(line.day));
        if date < query.window.from || date > query.window.to {
            continue;
        }
        let key = |by: GroupBy| match by {
            GroupBy::CostSource => Ok(Some(COST_SOURCES[series.cost_source as usize].0)),
            by => key_of(about, by, line.series, owners),
        };
        let mut counts = filter.modes.is_empty() || filter.modes.contains(&series.mode);
        for (by, wanted) in filter.by.iter().filter(|(_, wanted)| !wanted.is_empty()) {
            counts &= key(*by)?.is_some_and(|key| wanted.contains(key));
        }
        let usage = Usage::of(line.measures(), series.mode);
        if !counts || usage.is_zero() {
            continue;
        }
        let label = |by: &GroupBy| -> Result<Label, QueryError> {
            let of = (number_of(*by), key(*by)?.map(str::to_owned));
            match by {
                GroupBy::CostSource => Ok(Label::of_cost_source(series.cost_source as usize)),
                _ => Ok(labels.get(&of).cloned().ok_or_else(|| damaged("a closed line of what has no name"))?),
            }
        };
        let labels = query.group_by.iter().map(label).collect::<Result<_, _>>()?;
        api_keys.insert(series.value(Dimension::ApiKey));
        people.extend(owners[0].as_deref());
        listed.push(Listed { date, labels, usage });
    }
    Activity::of_listed(query, listed, api_keys.len(), people.len())
}

/// People are meant by whichever of their ids.
fn wanted(about: About<'_>, filter: &Filter) -> Filter {
    let mut filter = filter.clone();
    for (_, wanted) in filter.by.iter_mut().filter(|(by, _)| *by == GroupBy::User) {
        let people: BTreeSet<String> = wanted.iter().map(|id| about.organization.person(id).to_owned()).collect();
        wanted.extend(people);
    }
    filter
}
