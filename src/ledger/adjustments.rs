//! What came of closed months since, and why.
//!
//! Only of what was repriced is known how much it is, because repricing keeps that for closed months; whose usage is now
//! says what was reassigned; the rest came late. All of it is told apart for each local day and series by itself. Where the
//! zone's rules have changed, so that its days begin at other instants, what that alone moves is told apart first.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::usage::{Labels, Live, Owners, Twins, names_of, owners_of};
use super::{Month, NAMED, OWNERS, Reason};
use crate::calendar::{Granularity, Window, Zone};
use crate::model::{Overflow, SeriesId, UnixMs};
use crate::query::{About, Attribution, GroupBy, Label, QueryError};
use crate::store::{
    Closed, ClosedLabel, ClosedLine, ClosedSums, Closing, FixedLine, FixedName, StoreError, closed_sums, damaged,
};

/// What stands on the statement of a month of earlier ones.
#[derive(Default)]
pub(super) struct Since {
    pub lines: Vec<FixedLine>,
    pub renamed: Vec<FixedName>,
    /// What all of them is called.
    pub labels: Labels,
}

/// By day and series what each owner had, and has.
type Balance = BTreeMap<(u8, u32), BTreeMap<Owners, [ClosedSums; 2]>>;

fn add(sums: &mut ClosedSums, other: &ClosedSums) -> Result<(), Overflow> {
    for (sum, other) in sums.iter_mut().zip(other) {
        *sum = sum.checked_add(*other).ok_or(Overflow)?;
    }
    Ok(())
}

fn less(sums: &ClosedSums, other: &ClosedSums) -> Result<ClosedSums, Overflow> {
    let mut left = *sums;
    for (left, other) in left.iter_mut().zip(other) {
        *left = left.checked_sub(*other).ok_or(Overflow)?;
    }
    Ok(left)
}

/// What the zone's rules of today move from day to day, and into a closed month or out of it: of each day and series,
/// whose it is.
type Rezoned = BTreeMap<(u8, u32, Owners), ClosedSums>;

/// What closing a month keeps of it, and where its days begin and the last ends.
pub fn freeze(about: About<'_>, month: Month, window: &Window) -> Result<(Closed, Vec<UnixMs>), QueryError> {
    let days: Vec<UnixMs> = days_of(window);
    let Live { cells, mut labels } = Live::read(about, &days)?;
    let Since { lines: fixed, renamed, labels: of_earlier } = since(about, month)?;
    let mut closed = Closed { fixed, renamed, ..Closed::default() };
    let mut places: HashMap<Owners, u32> = HashMap::new();
    for cell in cells {
        let next = closed.owners.len() as u32;
        let owners = *places.entry(cell.owners).or_insert_with_key(|owners| {
            closed.owners.push((**owners).clone());
            next
        });
        closed.lines.push(ClosedLine::new(cell.day, cell.series, owners, &cell.measures));
    }
    for (of, label) in of_earlier {
        labels.entry(of).or_insert(label);
    }
    let label = |((by, key), Label { label, ordinal, deleted, former, .. })| ClosedLabel {
        by,
        key,
        label,
        ordinal,
        deleted,
        former,
    };
    closed.labels = labels.into_iter().map(label).collect();
    Ok((closed, days))
}

/// Where the days of a window begin, and where the last ends.
pub(super) fn days_of(window: &Window) -> Vec<UnixMs> {
    window.buckets(Granularity::Day).iter().map(|bucket| bucket.start).chain([window.end()]).collect()
}

pub(super) fn labels_of(closed: Vec<ClosedLabel>) -> Labels {
    let label = |ClosedLabel { by, key, label, ordinal, deleted, former }| {
        ((by, key.clone()), Label { key, label, ordinal, deleted, former })
    };
    closed.into_iter().map(label).collect()
}

/// The closed months whose adjustments stand on the statement of an open one: those after which no other is open.
fn settled_on(month: Month, closings: &[Closing]) -> Vec<&Closing> {
    let closed: BTreeSet<u32> = closings.iter().map(|closing| closing.month).collect();
    let is_next = |closing: &&Closing| {
        closing.month < month.number && (closing.month..month.number).all(|between| closed.contains(&between))
    };
    closings.iter().filter(is_next).collect()
}

/// What came of earlier months that stands on the statement of an open one.
pub(super) fn since(about: About<'_>, month: Month) -> Result<Since, QueryError> {
    let closings = about.reader.closings(Some(about.organization_id))?;
    let mut found = Since::default();
    let settled = settled_on(month, &closings);
    if settled.is_empty() {
        return Ok(found);
    }
    let (twins, attribution) = (Twins::of(names_of(about)), Attribution::new(about));
    for closing in settled {
        since_closing(about, closing, &closings, (&twins, attribution.as_ref()), &mut found)?;
    }
    Ok(found)
}

fn since_closing(
    about: About<'_>,
    closing: &Closing,
    closings: &[Closing],
    (twins, attribution): (&Twins, Option<&Attribution<'_>>),
    found: &mut Since,
) -> Result<(), QueryError> {
    let mut balance = Balance::new();
    let mut enter = |at: (u8, u32), owners: Owners, now: usize, sums: &ClosedSums| -> Result<(), StoreError> {
        let at = (at.0, twins.of_series(at.1)?);
        Ok(add(&mut balance.entry(at).or_default().entry(owners).or_default()[now], sums)?)
    };
    // As statements have it so far.
    let closed = about.reader.closed(closing)?;
    let owners: Vec<Owners> = closed.owners.into_iter().map(Owners::new).collect();
    for line in &closed.lines {
        let of = owners.get(line.owners as usize).ok_or_else(|| damaged("a closed line of nobody"))?;
        enter((line.day, line.series), of.clone(), 0, &closed_sums(&line.measures()))?;
    }
    let mut labels = labels_of(closed.labels);
    let mut repriced: BTreeMap<(u8, u32), i128> = BTreeMap::new();
    let mut rezoned = Rezoned::new();
    let (moved, removed) = about.reader.since_closed(closing)?;
    for (day, series, cost) in moved {
        let sum = repriced.entry((day, twins.of_series(series)?)).or_default();
        *sum = sum.checked_add(cost).ok_or(Overflow).map_err(StoreError::from)?;
    }
    for later in closings.iter().filter(|later| later.month > closing.month) {
        let (lines, renamed) = about.reader.fixed(later)?;
        for line in lines.into_iter().filter(|line| line.month == closing.month) {
            let at = (line.day, twins.of_series(line.series)?);
            match Reason::of(line.reason)? {
                Reason::ZoneRules => {
                    let sums = rezoned.entry((at.0, at.1, Owners::new(line.owners))).or_default();
                    *sums = less(sums, &line.sums).map_err(StoreError::from)?;
                    continue;
                }
                Reason::Repriced => {
                    let sum = repriced.entry(at).or_default();
                    *sum = sum.checked_sub(line.sums[2]).ok_or(Overflow).map_err(StoreError::from)?;
                }
                _ => {}
            }
            enter((line.day, line.series), Owners::new(line.owners), 0, &line.sums)?;
        }
        for FixedName { by, key, label, .. } in renamed.into_iter().filter(|name| name.month == closing.month) {
            if let Some(known) = labels.get_mut(&(by, key)) {
                known.label = label;
            }
        }
    }
    // As it is, with what was removed as too old, which is nobody's adjustment.
    let mut live = Live::read(about, &closing.days)?;
    for cell in &live.cells {
        enter((cell.day, cell.series), cell.owners.clone(), 1, &closed_sums(&cell.measures))?;
    }
    if removed.is_empty() {
        rezone(about, closing, &mut live, twins, &mut rezoned)?;
    } else {
        // Of what is no longer there nobody knows the instants.
        rezoned.clear();
    }
    for (day, series, sums) in removed {
        let Some(attribution) = attribution else { continue };
        let of = attribution.at(SeriesId(series), closing.days[usize::from(day)])?;
        enter((day, series), owners_of(&of), 1, &sums)?;
    }
    let rezoned = rezoned.into_iter().filter(|(_, sums)| *sums != [0; 3]);
    let rezoned = rezoned.map(|((day, series, owners), sums)| (Reason::ZoneRules, (day, series), owners, sums));
    let differences = differences(&balance, &repriced).map_err(StoreError::from)?;
    for (reason, (day, series), owners, sums) in differences.into_iter().chain(rezoned) {
        for (number, by) in NAMED {
            let key = key_of(about, by, series, &owners)?.map(str::to_owned);
            let of = (number, key);
            if let Some(label) = live.labels.get(&of).or_else(|| labels.get(&of)) {
                found.labels.insert(of, label.clone());
            }
        }
        let (month, reason, owners) = (closing.month, reason as u8, (*owners).clone());
        found.lines.push(FixedLine { month, reason, day, series, owners, sums });
    }
    for ((by, key), label) in live.labels {
        let is_another = labels.get(&(by, key.clone())).is_some_and(|before| before.label != label.label);
        if is_another {
            found.renamed.push(FixedName { month: closing.month, by, key: key.clone(), label: label.label.clone() });
            found.labels.insert((by, key), label);
        }
    }
    Ok(())
}

/// Adds what is of the closed month by today's rules of its zone and takes away what is of it by those of then, where they
/// differ.
fn rezone(
    about: About<'_>,
    closing: &Closing,
    then: &mut Live,
    twins: &Twins,
    rezoned: &mut Rezoned,
) -> Result<(), QueryError> {
    let window = Zone::named(&closing.timezone).and_then(|zone| Month::of(closing).window(zone).ok());
    let Some(days) = window.map(|window| days_of(&window)).filter(|days| *days != closing.days) else {
        return Ok(());
    };
    let mut now = Live::read(about, &days)?;
    for (cells, sign) in [(&now.cells, 1), (&then.cells, -1)] {
        for cell in cells {
            let at = (cell.day, twins.of_series(cell.series)?, cell.owners.clone());
            let sums = closed_sums(&cell.measures).map(|sum| sum * sign);
            add(rezoned.entry(at).or_default(), &sums).map_err(StoreError::from)?;
        }
    }
    then.labels.append(&mut now.labels);
    Ok(())
}

type Difference = (Reason, (u8, u32), Owners, ClosedSums);

fn differences(balance: &Balance, repriced: &BTreeMap<(u8, u32), i128>) -> Result<Vec<Difference>, Overflow> {
    let mut found = Vec::new();
    for (at, owners) in balance {
        let mut change = ClosedSums::default();
        for [before, now] in owners.values() {
            add(&mut change, &less(now, before)?)?;
        }
        let repriced = [0, 0, repriced.get(at).copied().unwrap_or_default()];
        // What came is whose it is now; where nothing is left, whose it was.
        let most = owners.iter().max_by_key(|(_, [before, now])| (*now, *before)).map(|(of, _)| of);
        let stayed = owners.values().all(|[before, now]| (*before == [0; 3]) == (*now == [0; 3]));
        for (of, [before, now]) in owners {
            let is_most = most == Some(of);
            let of_owner = less(now, before)?;
            let came = match (stayed, is_most) {
                (true, _) => of_owner,
                (false, true) => change,
                (false, false) => [0; 3],
            };
            let repriced = if is_most { repriced } else { [0; 3] };
            for (reason, sums) in [
                (Reason::Late, less(&came, &repriced)?),
                (Reason::Repriced, repriced),
                (Reason::Reassigned, less(&of_owner, &came)?),
            ] {
                if sums != [0; 3] {
                    found.push((reason, *at, of.clone(), sums));
                }
            }
        }
    }
    Ok(found)
}

/// The key of a line by what it is grouped.
pub(super) fn key_of<'k>(
    about: About<'k>,
    by: GroupBy,
    series: u32,
    owners: &'k [Option<String>; 3],
) -> Result<Option<&'k str>, StoreError> {
    if let Some(place) = OWNERS.iter().position(|owner| *owner == by) {
        return Ok(owners[place].as_deref());
    }
    let names = names_of(about);
    let known = names.and_then(|names| Some((names, names.series().get(series as usize)?)));
    let (names, series) = known.ok_or_else(|| damaged("a closed line of a series without a name"))?;
    let dimension = by.dimension().expect("what has no owner is a dimension");
    Ok(names.name(dimension, series.value(dimension)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner(name: &str) -> Owners {
        Owners::new([Some(name.to_owned()), None, None])
    }

    /// Before and now of each owner in picodollars, and what repricing moved; expected are late, repriced and reassigned
    /// of each.
    #[track_caller]
    fn check(owners: &[(&str, i128, i128)], repriced: i128, expected: &[(&str, Reason, i128)]) {
        let of_series = owners.iter().map(|(name, before, now)| (owner(name), [[0, 0, *before], [0, 0, *now]]));
        let balance = Balance::from([((0, 0), of_series.collect())]);
        let found = differences(&balance, &BTreeMap::from([((0, 0), repriced)])).unwrap();
        let found: Vec<(&str, Reason, i128)> =
            found.iter().map(|(reason, _, of, sums)| (of[0].as_deref().unwrap(), *reason, sums[2])).collect();
        assert_eq!(found, expected);
        let all: i128 = owners.iter().map(|(_, before, now)| now - before).sum();
        assert_eq!(found.iter().map(|(.., cost)| cost).sum::<i128>(), all);
    }

    #[test]
    fn what_came_is_told_apart_by_its_reason() {
        use Reason::{Late, Reassigned, Repriced};
        check(&[("a", 5, 5)], 0, &[]);
        check(&[("a", 5, 8)], 0, &[("a", Late, 3)]);
        check(&[("a", 5, 8)], 3, &[("a", Repriced, 3)]);
        check(&[("a", 5, 8)], 1, &[("a", Late, 2), ("a", Repriced, 1)]);
        check(&[("a", 0, 8)], 0, &[("a", Late, 8)]);
        check(&[("a", 8, 0)], 0, &[("a", Late, -8)]);
        check(&[("a", 5, 0), ("b", 0, 5)], 0, &[("a", Reassigned, -5), ("b", Reassigned, 5)]);
        check(
            &[("a", 5, 0), ("b", 0, 9)],
            1,
            &[("a", Reassigned, -5), ("b", Late, 3), ("b", Repriced, 1), ("b", Reassigned, 5)],
        );
        check(&[("a", 5, 6), ("b", 7, 9)], 0, &[("a", Late, 1), ("b", Late, 2)]);
    }
}
