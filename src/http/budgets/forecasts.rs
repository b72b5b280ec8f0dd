//! What budgets are expected to have used when they begin anew: by the function that alerts of kind `forecast` use, on
//! the same daily sums, which are read once for all budgets of a zone that are of the same kind of thing.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::wire::{BudgetAnswer, ForecastBody, PastForecastBody};
use super::written;
use crate::budget::{By, Days, Forecast, Held};
use crate::calendar::{Date, Granularity, Window, Zone};
use crate::directory::{BudgetScope, Counted};
use crate::model::{Measures, UnixMs};
use crate::query::{About, Column, Filter, GroupBy, Query, QueryError, RankBy, activity};

/// What budgets count: requests first.
const USED: &[Column] = &[Column::Requests, Column::TotalTokens, Column::Cost];

/// A budget whose forecast is asked for.
pub struct Wanted {
    pub held: Arc<Held>,
    /// Of a default: the members that are told of.
    pub members: Option<Vec<Option<String>>>,
}

/// What was used on each day, by whom or what.
type ByDay = HashMap<Option<String>, BTreeMap<Date, Measures>>;

/// What has to be read for the budgets of a zone that are of the same kind of thing.
struct Read {
    from: Date,
    /// Of some only; of all where there is a default.
    ids: Option<BTreeSet<String>>,
}

/// Says of each answer what is expected of it, where something is.
pub fn fill(about: About<'_>, wanted: &[Wanted], answers: &mut [BudgetAnswer], now: UnixMs) -> Result<(), QueryError> {
    let mut reads: HashMap<(Zone, By), Read> = HashMap::new();
    for Wanted { held, .. } in wanted {
        let Some(from) = Forecast::reads_from(held, now) else { continue };
        let (by, id) = subject(about, held);
        let read = reads.entry((held.zone, by)).or_insert(Read { from, ids: Some(BTreeSet::new()) });
        read.from = read.from.min(from);
        match (id, &mut read.ids) {
            (Some(id), Some(ids)) => drop(ids.insert(id)),
            (_, ids) => *ids = None,
        }
    }
    let known = reads.into_iter().map(|(key, read)| Ok((key, used(about, key, read, now)?)));
    let known: HashMap<(Zone, By), ByDay> = known.collect::<Result<_, QueryError>>()?;
    for (Wanted { held, members }, answer) in wanted.iter().zip(answers) {
        let (by, id) = subject(about, held);
        let Some(days) = known.get(&(held.zone, by)) else { continue };
        let counted = held.budget.limit.counted();
        let of = |ids: &[Option<String>]| {
            let mut sums = Days::default();
            for (day, used) in ids.iter().filter_map(|id| days.get(id)).flatten() {
                sums.add(*day, counted.of(used));
            }
            sums
        };
        let all = members.as_ref().map_or_else(|| of(&[id]), |members| of(members));
        answer.forecast = Forecast::of(held, &all, now).map(|found| body(counted, found));
        for member in answer.members.iter_mut().flatten() {
            let theirs = Forecast::expected(held, &of(&[Some(member.user_id.clone())]), now);
            member.expected = theirs.map(|(_, expected)| written(counted, expected));
        }
    }
    Ok(())
}

/// What a budget is of: what sums are asked by, and which of them is meant; of a default each.
fn subject(about: About<'_>, held: &Held) -> (By, Option<String>) {
    match &held.budget.scope {
        BudgetScope::Organization => (By::Organization, None),
        BudgetScope::Project(id) => (By::Project, Some(id.clone())),
        BudgetScope::ApiKey(id) => (By::ApiKey, Some(id.clone())),
        BudgetScope::Team(id) => (By::Team, Some(id.clone())),
        BudgetScope::Member(id) => (By::Member, id.as_deref().map(|id| about.organization.person(id).to_owned())),
    }
}

fn used(about: About<'_>, (zone, by): (Zone, By), read: Read, now: UnixMs) -> Result<ByDay, QueryError> {
    let by = match by {
        By::Organization => None,
        By::Project => Some(GroupBy::Project),
        By::ApiKey => Some(GroupBy::ApiKey),
        By::Team => Some(GroupBy::Team),
        By::Member => Some(GroupBy::User),
    };
    let only = by.zip(read.ids);
    let query = Query {
        window: Window { zone, from: read.from, to: zone.date_at(now), until: None },
        granularity: Granularity::Day,
        group_by: Vec::from_iter(by),
        filter: Filter { by: only.into_iter().collect(), ..Filter::default() },
        rank_by: RankBy::Cost,
        top: None,
        columns: USED,
    };
    let found = activity(about, &query)?;
    let mut days = ByDay::new();
    found.each_bucket(|bucket, _, entries| {
        for entry in entries {
            let labels = &found.groups[entry.group as usize].labels;
            let key = labels.first().and_then(|label| label.key.clone());
            days.entry(key).or_default().insert(zone.date_at(bucket.start), entry.usage.all);
        }
        Ok::<_, QueryError>(())
    })?;
    Ok(days)
}

fn body(counted: Counted, found: Forecast) -> ForecastBody {
    let Forecast { expected, band, past } = found;
    ForecastBody {
        expected: written(counted, expected),
        low: band.map(|(low, _)| written(counted, low)),
        high: band.map(|(_, high)| written(counted, high)),
        past: past
            .into_iter()
            .map(|past| PastForecastBody {
                from: past.first.to_string(),
                to: past.last.to_string(),
                expected: written(counted, past.expected),
                spent: written(counted, past.used),
            })
            .collect(),
    }
}
