//! What lies between the costs of two windows, by cause and key.

use std::collections::{BTreeMap, HashMap};

use rayon::prelude::*;

use super::activity::{Activity, over_window, prove, scan};
use super::causes::{ByCause, Cause, Compared, Side, Sides, causes, compared};
use super::earlier::since;
use super::group::Filter;
use super::labels::{Label, Labels};
use super::numbers::GroupBy;
use super::plan::Plan;
use super::{About, Column, Query, QueryError, RankBy};
use crate::calendar::{Date, Granularity, Window};
use crate::model::{Count, Measures, Overflow, Usage};
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
    pub before: Usage,
    pub after: Usage,
    /// The organization's first day with usage, when it is after the first of the earlier window.
    pub since: Option<Date>,
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

/// What a key used, by the number of a model.
struct Key {
    labels: Vec<Label>,
    models: Vec<(usize, Sides, [Measures; 2])>,
}

impl Key {
    fn name(&self) -> impl Iterator<Item = Option<&str>> {
        self.labels.iter().map(|label| label.key.as_deref())
    }
}

/// What lies between two answers.
pub struct Between {
    pub before: Usage,
    pub after: Usage,
    /// One for each cause; they add up to the difference.
    pub parts: Vec<Part>,
}

/// Compares two windows. `price` says what tokens of a provider's model cost at one price for both.
pub fn change(
    about: About<'_>,
    (later, earlier): (Window, Window),
    group_by: &[GroupBy],
    filter: &Filter,
    price: impl Fn(&str, &str, &Measures) -> Option<i128> + Sync,
) -> Result<Change, QueryError> {
    let since = since(about, earlier)?;
    let Some((known, id)) = about.names() else {
        let (none, parts) = (Usage::default(), parts(Vec::new(), &[], [0; 2], &price).map_err(StoreError::from)?);
        return Ok(Change { before: none, after: none, since, difference: 0, parts });
    };
    let by = by_model(group_by);
    let (scan, labels) = scan(about, &by, filter, COLUMNS, &known, id);
    let ask = |window: Window| {
        let (found, sums) = scan.run(&Plan::of(&window.buckets(Granularity::Month)).as_one())?;
        let sums = over_window(&sums, scan.groups)?;
        prove(about.reader, &sums, &found.totals)?;
        Ok::<_, QueryError>((found.totals, sums))
    };
    let (before, after) = rayon::join(|| ask(earlier), || ask(later));
    let ((before, of_before), (after, of_after)) = (before?, after?);
    let Labels::Several(all, numbers) = &labels else { unreachable!("a model and its provider are two") };
    let label = |at: usize, number: u32| all[at].group(&known, number).labels.remove(0);
    let [model, provider] = model_and_provider(&by);
    let (mut keys, mut models) = (Vec::<Key>::new(), Vec::<Model>::new());
    let (mut key_of, mut model_of) = (HashMap::<&[u32], usize>::new(), HashMap::<[u32; 2], usize>::new());
    for (numbers, usages) in numbers.iter().zip(of_before.iter().zip(&of_after).map(|(a, b)| [a, b])) {
        if usages.iter().all(|usage| usage.is_zero()) {
            continue;
        }
        let of_key = &numbers[..group_by.len()];
        let key = *key_of.entry(of_key).or_insert_with(|| {
            let labels = of_key.iter().enumerate().map(|(at, number)| label(at, *number)).collect();
            keys.push(Key { labels, models: Vec::new() });
            keys.len() - 1
        });
        let of_model = *model_of.entry([provider, model].map(|at| numbers[at])).or_insert_with(|| {
            models.push([provider, model].map(|at| label(at, numbers[at]).key));
            models.len() - 1
        });
        keys[key].models.push((of_model, usages.map(side), usages.map(|usage| usage.all)));
    }
    keys.sort_by(|a, b| a.name().cmp(b.name()));
    let requests = [&before, &after].map(|usage| usage.get(Count::Requests));
    let parts = parts(keys, &models, requests, &price).map_err(StoreError::from)?;
    Ok(Change { before, after, since, difference: after.cost().0 - before.cost().0, parts })
}

fn side(usage: &Usage) -> Side {
    Side {
        requests: usage.get(Count::Requests),
        unpriced: usage.get(Count::Unpriced),
        cost: usage.cost().0,
        ..Side::default()
    }
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

/// The places of models and their providers.
fn model_and_provider(by: &[GroupBy]) -> [usize; 2] {
    [GroupBy::Model, GroupBy::Provider].map(|of| by.iter().position(|by| *by == of).expect("usage is told apart by it"))
}

/// What lies between the answers to [`compared_side`] of two windows, the earlier one first.
pub fn causes_between(
    found: [Activity<'_>; 2],
    group_by: &[GroupBy],
    price: impl Fn(&str, &str, &Measures) -> Option<i128> + Sync,
) -> Result<Between, Overflow> {
    let [model, provider] = model_and_provider(&by_model(group_by));
    let (mut keys, mut models) = (BTreeMap::<Vec<Option<String>>, Key>::new(), Vec::<Model>::new());
    let mut model_of = HashMap::<Model, usize>::new();
    let [before, after] = found.each_ref().map(|found| found.totals.usage);
    for (at, found) in found.into_iter().enumerate() {
        let mut groups = found.groups;
        for entry in &found.ranking {
            let mut labels = std::mem::take(&mut groups[entry.group as usize].labels);
            let of_model = [provider, model].map(|at| labels[at].key.clone());
            let of_model = *model_of.entry(of_model.clone()).or_insert_with(|| {
                models.push(of_model);
                models.len() - 1
            });
            labels.truncate(group_by.len());
            let name = labels.iter().map(|label| label.key.clone()).collect();
            let key = keys.entry(name).or_insert_with(|| Key { labels, models: Vec::new() });
            let place = key.models.iter().position(|(known, ..)| *known == of_model).unwrap_or_else(|| {
                key.models.push((of_model, Sides::default(), [Measures::ZERO; 2]));
                key.models.len() - 1
            });
            let (_, sides, measures) = &mut key.models[place];
            (sides[at], measures[at]) = (side(&entry.usage), entry.usage.all);
        }
    }
    let requests = [&before, &after].map(|usage| usage.get(Count::Requests));
    let parts = parts(keys.into_values().collect(), &models, requests, &price)?;
    Ok(Between { before, after, parts })
}

/// The keys of an item with what a cause moved of each. `all` is how many requests there are on each side.
fn parts(
    keys: Vec<Key>,
    models: &[Model],
    all: [u64; 2],
    price: &(impl Fn(&str, &str, &Measures) -> Option<i128> + Sync),
) -> Result<Vec<Part>, Overflow> {
    let mut found: Vec<(Vec<Label>, ByCause)> = Vec::with_capacity(keys.len());
    let mut moved = [0i128; Cause::ALL.len()];
    let mut compared_models: Vec<(usize, usize, Sides, [Measures; 2])> = Vec::new();
    for key in keys {
        let mut by_cause = ByCause::default();
        let whole = whole_of(key.models.iter().map(|(_, sides, _)| sides));
        let of_key = match whole.each_ref().map(Side::is_absent) {
            [true, _] => Some(Cause::New),
            [_, true] => Some(Cause::Gone),
            _ if whole[0].is_unpriced() != whole[1].is_unpriced() => Some(Cause::Unpriced),
            _ => None,
        };
        for (model, sides, measures) in key.models {
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
    let of_model = |(key, model, sides, measures): &(usize, usize, Sides, [Measures; 2])| {
        let (mut sides, [provider, model]) = (*sides, &models[*model]);
        if sides.iter().all(|side| side.requests > 0) {
            let (provider, model) = (provider.as_deref().unwrap_or_default(), model.as_deref().unwrap_or_default());
            let is_known = sides.iter_mut().zip(measures).all(|(side, measures)| {
                (side.worth, side.worth_uncached) = worth(measures, |of| price(provider, model, of));
                side.worth > 0 && side.worth_uncached > 0
            });
            if !is_known {
                // Without a price a token is worth a token.
                for (side, measures) in sides.iter_mut().zip(measures) {
                    side.worth = measures.get(Count::TotalTokens).into();
                    side.worth_uncached = side.worth;
                }
            }
        }
        Ok((*key, causes(&sides, requests)?))
    };
    // Some hundred models of keys are worth a thread.
    let of_models: Vec<(usize, ByCause)> =
        compared_models.par_iter().with_min_len(256).map(of_model).collect::<Result<_, Overflow>>()?;
    for (key, by_cause) in of_models {
        for (sum, amount) in found[key].1.iter_mut().zip(by_cause) {
            *sum = sum.checked_add(amount).ok_or(Overflow)?;
        }
    }
    let of_whole = [Cause::New, Cause::Gone, Cause::Unpriced];
    moved[Cause::Volume as usize] =
        i128::from(all[1]) - i128::from(all[0]) - of_whole.iter().map(|cause| moved[*cause as usize]).sum::<i128>();
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
    let worth = price(measures).unwrap_or_default();
    let is_uncached = measures.get(Count::CachedTokens) == 0 && measures.get(Count::CacheWriteTokens) == 0;
    if is_uncached || worth <= 0 {
        return (worth, worth);
    }
    let mut uncached = *measures;
    uncached.counts[Count::CachedTokens as usize] = 0;
    uncached.counts[Count::CacheWriteTokens as usize] = 0;
    (worth, price(&uncached).unwrap_or_default())
}
