//! The statement of a month: its lines, and what came of earlier months since they were closed.

use std::collections::{BTreeMap, BTreeSet};

use super::adjustments::{Since, days_of, key_of, labels_of, since};
use super::usage::{Labels, Live};
use super::{Month, Reason, number_of};
use crate::calendar::Window;
use crate::model::{Mode, Overflow, Series};
use crate::query::{About, GroupBy, QueryError};
use crate::store::{ClosedSums, Closing, FixedLine, FixedName, Reopening, StoreError, closed_sums, damaged};

/// The sums of a line; those of adjustments may be less than nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LineSums {
    /// Requests, tokens and picodollars.
    pub all: ClosedSums,
    pub api_keys_requests: i128,
    pub api_keys_cost: i128,
    /// Of lines that are a month's own: requests that had no price.
    pub unpriced_requests: i128,
}

impl LineSums {
    fn of(series: &Series, all: &ClosedSums) -> LineSums {
        let [of_keys, unpriced] = [series.mode == Mode::ApiKeys, series.cost_source.is_unpriced()].map(i128::from);
        LineSums {
            all: *all,
            api_keys_requests: of_keys * all[0],
            api_keys_cost: of_keys * all[2],
            unpriced_requests: unpriced * all[0],
        }
    }

    pub fn add(&mut self, other: &LineSums) -> Result<(), Overflow> {
        let sum = |a: i128, b: i128| a.checked_add(b).ok_or(Overflow);
        *self = LineSums {
            all: [sum(self.all[0], other.all[0])?, sum(self.all[1], other.all[1])?, sum(self.all[2], other.all[2])?],
            api_keys_requests: sum(self.api_keys_requests, other.api_keys_requests)?,
            api_keys_cost: sum(self.api_keys_cost, other.api_keys_cost)?,
            unpriced_requests: sum(self.unpriced_requests, other.unpriced_requests)?,
        };
        Ok(())
    }
}

/// One line of a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    pub key: Option<String>,
    pub label: String,
    pub sums: LineSums,
    /// Whose usage is in it, as far as that is known.
    pub people: BTreeSet<String>,
}

/// What came of an earlier month, for one reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Adjustment {
    pub month: Month,
    pub reason: Reason,
    pub lines: Vec<Line>,
}

/// A month as it is to be paid.
#[derive(Debug, Clone)]
pub struct Statement {
    pub month: Month,
    /// `None` for a draft.
    pub closing: Option<Closing>,
    /// When it was closed before, and opened again.
    pub reopened: Vec<Reopening>,
    pub lines: Vec<Line>,
    pub adjustments: Vec<Adjustment>,
    /// What lines and adjustments add up to.
    pub totals: LineSums,
}

/// The statement of a month, which is a draft while it is open.
pub fn statement(about: About<'_>, month: Month, window: &Window, by: GroupBy) -> Result<Statement, QueryError> {
    let closings = about.reader.closings(Some(about.organization_id))?;
    let closing = closings.into_iter().find(|closing| closing.month == month.number);
    let mut lines = Groups::new(about, by);
    let (labels, since) = match &closing {
        Some(closing) => {
            let closed = about.reader.closed(closing)?;
            for line in &closed.lines {
                let owners = closed.owners.get(line.owners as usize);
                let owners = owners.ok_or_else(|| damaged("a closed line of nobody"))?;
                lines.add(line.series, owners, &closed_sums(&line.measures()))?;
            }
            let labels = labels_of(closed.labels);
            let since = Since { lines: closed.fixed, renamed: closed.renamed, labels: Labels::new() };
            (labels, since)
        }
        None => {
            let live = Live::read(about, &days_of(window))?;
            for cell in &live.cells {
                lines.add(cell.series, &cell.owners, &closed_sums(&cell.measures))?;
            }
            let since = since(about, month)?;
            let mut labels = since.labels.clone();
            labels.extend(live.labels);
            (labels, since)
        }
    };
    let lines = lines.lines(&labels);
    let mut by_reason: BTreeMap<(Month, Reason), Groups<'_>> = BTreeMap::new();
    for FixedLine { month, reason, series, owners, sums, .. } in &since.lines {
        let of = (Month { number: *month }, Reason::of(*reason)?);
        by_reason.entry(of).or_insert_with(|| Groups::new(about, by)).add(*series, owners, sums)?;
    }
    let mut adjustments: Vec<Adjustment> = Vec::new();
    for ((month, reason), groups) in by_reason {
        let mut lines = groups.lines(&labels);
        // Where their costs are from is not told apart.
        lines.iter_mut().for_each(|line| line.sums.unpriced_requests = 0);
        // What went from one to another and is the same by this.
        lines.retain(|line| line.sums != LineSums::default());
        if !lines.is_empty() {
            adjustments.push(Adjustment { month, reason, lines });
        }
    }
    adjustments.extend(renamed(&since.renamed, by));
    adjustments.sort_by_key(|adjustment| (adjustment.month, adjustment.reason));
    let mut totals = LineSums::default();
    for line in lines.iter().chain(adjustments.iter().flat_map(|adjustment| &adjustment.lines)) {
        totals.add(&line.sums).map_err(StoreError::from)?;
    }
    let reopened = about.reader.reopenings(about.organization_id, month.number)?;
    Ok(Statement { month, closing, reopened, lines, adjustments, totals })
}

/// What has another name than when its month was closed.
fn renamed(names: &[FixedName], by: GroupBy) -> Vec<Adjustment> {
    let mut by_month: BTreeMap<u32, Vec<Line>> = BTreeMap::new();
    for FixedName { month, key, label, .. } in names.iter().filter(|name| name.by == number_of(by)) {
        let (key, label) = (key.clone(), label.clone());
        let line = Line { key, label, sums: LineSums::default(), people: BTreeSet::new() };
        by_month.entry(*month).or_default().push(line);
    }
    let adjustment = |(number, lines)| Adjustment { month: Month { number }, reason: Reason::Renamed, lines };
    by_month.into_iter().map(adjustment).collect()
}

/// Sums by what a statement is by.
struct Groups<'a> {
    about: About<'a>,
    by: GroupBy,
    sums: BTreeMap<Option<String>, (LineSums, BTreeSet<String>)>,
}

impl<'a> Groups<'a> {
    fn new(about: About<'a>, by: GroupBy) -> Groups<'a> {
        Groups { about, by, sums: BTreeMap::new() }
    }

    fn add(&mut self, series: u32, owners: &[Option<String>; 3], sums: &ClosedSums) -> Result<(), StoreError> {
        let names = super::usage::names_of(self.about);
        let of = names.and_then(|names| names.series().get(series as usize));
        let of = of.ok_or_else(|| damaged("a closed line of a series without a name"))?;
        let key = key_of(self.about, self.by, series, owners)?.map(str::to_owned);
        let (of_key, people) = self.sums.entry(key).or_default();
        of_key.add(&LineSums::of(of, sums))?;
        if let Some(person) = &owners[0]
            && !people.contains(person)
        {
            people.insert(person.clone());
        }
        Ok(())
    }

    /// The dearest first.
    fn lines(self, labels: &Labels) -> Vec<Line> {
        let number = number_of(self.by);
        let mut lines: Vec<Line> = self
            .sums
            .into_iter()
            .map(|(key, (sums, people))| {
                let of = (number, key);
                let label = labels.get(&of).map(|label| label.label.clone());
                let (_, key) = of;
                let label = label.or_else(|| key.clone()).unwrap_or_default();
                Line { key, label, sums, people }
            })
            .collect();
        lines.sort_by(|a, b| b.sums.all[2].cmp(&a.sums.all[2]).then_with(|| a.key.cmp(&b.key)));
        lines
    }
}
