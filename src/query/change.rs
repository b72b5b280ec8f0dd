//! What lies between the costs of two windows, by cause and key.

use std::collections::{BTreeMap, HashMap};

use super::activity::{Activity, Totals, activity};
use super::causes::{ByCause, Cause, Compared, Side, Sides, causes, compared};
use super::group::Filter;
use super::labels::Label;
use super::numbers::GroupBy;
use super::{About, Column, Earlier, Query, QueryError, RankBy, Table};
use crate::calendar::{Granularity, Window};
use crate::model::{Count, Measures, Overflow};
use crate::store::StoreError;

/// What is compared of a key and model. Cached tokens are told apart, as their price is another.
const COLUMNS: &[Column] = &[
    Column::Requests,
    Column::TotalTokens,
    Column::Cost,
    Column::InputTokens,
    Column::OutputTokens,
    Column::CachedTokens,
    Column::CacheWriteTokens,
    Column::Unpriced,
];

/// Two windows and why the later one cost what it did more or less than the earlier one.
pub struct Change {
    pub before: Earlier<()>,
    pub after: Totals,
    /// In picodollars.
    pub difference: i128,
    /// One for each cause; they add up to the difference.
    pub parts: Vec<Part>,
}

/// What one cause moved.
pub struct Part {
    pub cause: Cause,
    pub cost: i128,
    /// By how many requests, where the cause is one of requests.
    pub requests: Option<i128>,
    /// Keys it moved, those it moved most first. They add up to the part.
    pub items: Vec<Item>,
}

pub struct Item {
    pub labels: Vec<Label>,
    pub cost: i128,
}

/// A model by its provider.
type Model = [Option<String>; 2];

/// What a key used, by model.
#[derive(Default)]
struct Key {
    labels: Vec<Label>,
    models: HashMap<Model, (Sides, [Measures; 2])>,
}

/// What lies between two answers.
pub struct Between {
    pub before: Totals,
    pub after: Totals,
    /// In picodollars.
    pub difference: i128,
    /// One for each cause; they add up to the difference.
    pub parts: Vec<Part>,
}

/// Compares two windows. `price` says what tokens of a provider's model cost at one price for both.
pub fn change(
    about: About<'_>,
    (later, earlier): (Window, Window),
    group_by: &[GroupBy],
    filter: &Filter,
    price: impl Fn(&str, &str, &Measures) -> Option<i128>,
) -> Result<Change, QueryError> {
    let ask = |window| activity(about, &compared_side(window, group_by, filter));
    let (before, after) = rayon::join(|| ask(earlier), || ask(later));
    let between = causes_between([before?, after?], group_by, price).map_err(StoreError::from)?;
    let Between { before, after, difference, parts } = between;
    let before = Earlier::new(about, earlier, Table { rows: Vec::new(), totals: before, next: None })?;
    Ok(Change { before, after, difference, parts })
}

/// What has to be asked of each window that is compared.
pub fn compared_side(window: Window, group_by: &[GroupBy], filter: &Filter) -> Query {
    Query {
        window,
        granularity: Granularity::Month,
        group_by: by_model(group_by),
        filter: filter.clone(),
        rank_by: RankBy::Cost,
        top: None,
        columns: COLUMNS,
    }
}

/// Keys, and the models of each.
fn by_model(group_by: &[GroupBy]) -> Vec<GroupBy> {
    let mut by = group_by.to_vec();
    by.extend([GroupBy::Model, GroupBy::Provider].into_iter().filter(|model| !group_by.contains(model)));
    by
}

/// What lies between the answers to [`compared_side`] of two windows, the earlier one first.
pub fn causes_between(
    found: [Activity<'_>; 2],
    group_by: &[GroupBy],
    price: impl Fn(&str, &str, &Measures) -> Option<i128>,
) -> Result<Between, Overflow> {
    let by = by_model(group_by);
    let place = |of| by.iter().position(|by| *by == of).expect("usage is told apart by it");
    let (model, provider) = (place(GroupBy::Model), place(GroupBy::Provider));
    let mut keys: BTreeMap<Vec<Option<String>>, Key> = BTreeMap::new();
    let totals = found.each_ref().map(|found| found.totals.clone());
    for (at, found) in found.into_iter().enumerate() {
        let mut groups = found.groups;
        for entry in &found.ranking {
            let mut labels = std::mem::take(&mut groups[entry.group as usize].labels);
            let of_model = [provider, model].map(|at| labels[at].key.clone());
            labels.truncate(group_by.len());
            let key = keys.entry(labels.iter().map(|label| label.key.clone()).collect()).or_default();
            key.labels = labels;
            let (sides, measures) = key.models.entry(of_model).or_default();
            sides[at] = Side {
                requests: entry.usage.get(Count::Requests),
                unpriced: entry.usage.get(Count::Unpriced),
                cost: entry.usage.cost().0,
                ..Side::default()
            };
            measures[at] = entry.usage.all;
        }
    }
    let difference = totals[1].usage.cost().0 - totals[0].usage.cost().0;
    let parts = parts(keys.into_values(), totals.each_ref(), &price)?;
    let [before, after] = totals;
    Ok(Between { before, after, difference, parts })
}

/// The keys of an item with what a cause moved of each.
fn parts(
    keys: impl Iterator<Item = Key>,
    totals: [&Totals; 2],
    price: &impl Fn(&str, &str, &Measures) -> Option<i128>,
) -> Result<Vec<Part>, Overflow> {
    let mut found: Vec<(Vec<Label>, ByCause)> = Vec::new();
    let mut moved = [0i128; Cause::ALL.len()];
    let mut compared_models: Vec<(usize, Model, Sides, [Measures; 2])> = Vec::new();
    for key in keys {
        let mut by_cause = ByCause::default();
        let whole = whole_of(key.models.values().map(|(sides, _)| sides));
        let of_key = match whole.each_ref().map(Side::is_absent) {
            [true, _] => Some(Cause::New),
            [_, true] => Some(Cause::Gone),
            _ if whole[0].is_unpriced() != whole[1].is_unpriced() => Some(Cause::Unpriced),
            _ => None,
        };
        for (model, (sides, measures)) in key.models {
            match of_key.map_or_else(|| compared(&sides), Compared::Whole) {
                Compared::Requests => compared_models.push((found.len(), model, sides, measures)),
                Compared::Whole(cause) => {
                    by_cause[cause as usize] += sides[1].cost - sides[0].cost;
                    moved[cause as usize] += i128::from(sides[1].requests) - i128::from(sides[0].requests);
                }
            }
        }
        found.push((key.labels, by_cause));
    }
    let sum = |at: usize| compared_models.iter().map(|(.., sides, _)| sides[at].requests).sum();
    let requests = [sum(0), sum(1)];
    for (key, [provider, model], mut sides, measures) in compared_models {
        if sides.iter().all(|side| side.requests > 0) {
            let (provider, model) = (provider.unwrap_or_default(), model.unwrap_or_default());
            for (side, measures) in sides.iter_mut().zip(&measures) {
                (side.worth, side.worth_uncached) = worth(measures, |of| price(&provider, &model, of));
            }
            if sides.iter().any(|side| side.worth <= 0 || side.worth_uncached <= 0) {
                // Without a price a token is worth a token.
                for (side, measures) in sides.iter_mut().zip(&measures) {
                    side.worth = measures.get(Count::TotalTokens).into();
                    side.worth_uncached = side.worth;
                }
            }
        }
        for (sum, amount) in found[key].1.iter_mut().zip(causes(&sides, requests)?) {
            *sum = sum.checked_add(amount).ok_or(Overflow)?;
        }
    }
    let all = |totals: &Totals| i128::from(totals.usage.get(Count::Requests));
    let of_whole = [Cause::New, Cause::Gone, Cause::Unpriced];
    moved[Cause::Volume as usize] =
        all(totals[1]) - all(totals[0]) - of_whole.iter().map(|cause| moved[*cause as usize]).sum::<i128>();
    let part = |cause: Cause| {
        let of = |(labels, by_cause): &(Vec<Label>, ByCause)| {
            let cost = by_cause[cause as usize];
            (cost != 0).then(|| Item { labels: labels.clone(), cost })
        };
        let mut items: Vec<Item> = found.iter().filter_map(of).collect();
        // Equal ones stay in the order of their keys.
        items.sort_by_key(|item| std::cmp::Reverse(item.cost.unsigned_abs()));
        let cost = items.iter().try_fold(0i128, |sum, item| sum.checked_add(item.cost)).ok_or(Overflow)?;
        let counts = cause == Cause::Volume || of_whole.contains(&cause);
        Ok(Part { cause, cost, requests: counts.then(|| moved[cause as usize]), items })
    };
    Cause::ALL.into_iter().map(part).collect()
}

/// The sums of a key's models.
fn whole_of<'a>(models: impl Iterator<Item = &'a Sides>) -> Sides {
    let mut whole = Sides::default();
    for sides in models {
        for (sum, side) in whole.iter_mut().zip(sides) {
            // Parts of sums that fit.
            sum.requests += side.requests;
            sum.unpriced += side.unpriced;
            sum.cost += side.cost;
        }
    }
    whole
}

/// What tokens cost at a price, and what they would without any cache.
fn worth(measures: &Measures, price: impl Fn(&Measures) -> Option<i128>) -> (i128, i128) {
    let mut uncached = *measures;
    uncached.counts[Count::CachedTokens as usize] = 0;
    uncached.counts[Count::CacheWriteTokens as usize] = 0;
    (price(measures).unwrap_or_default(), price(&uncached).unwrap_or_default())
}
