//! What providers billed beside what was counted.

use std::collections::{BTreeMap, BTreeSet};

use super::activity::activity;
use super::gap::{Cell, Comparison, Tokens};
use super::group::{Filter, GroupBy};
use super::{About, Column, Query, QueryError, RankBy};
use crate::calendar::{Granularity, Window};
use crate::model::{BilledDay, Biller, Day, Hour, Report, UnixMs, undated_model};
use crate::store::StoreError;

/// What our side of a comparison is made of.
pub const RECONCILED_COLUMNS: &[Column] = &[
    Column::Requests,
    Column::Cost,
    Column::InputTokens,
    Column::OutputTokens,
    Column::CachedTokens,
    Column::Errors,
    Column::ClientErrors,
    Column::CacheHits,
    Column::Unpriced,
];

/// Which of day, model and API key rows are told apart by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowsBy {
    pub day: bool,
    pub model: bool,
    pub api_key: bool,
}

/// What a row is about; `None` where rows are not told apart by it, or where it belongs to none.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct RowKey {
    pub day: Option<Day>,
    /// Without the date of a snapshot.
    pub model: Option<String>,
    pub api_key: Option<String>,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reconciliation {
    /// How many days have a report of costs, and of usage.
    pub cost_days: u64,
    pub usage_days: u64,
    /// When the latest of them came.
    pub imported: Option<UnixMs>,
    pub totals: Comparison,
    /// In order of their keys.
    pub rows: Vec<(RowKey, Comparison)>,
}

/// Compares what a provider billed with what was counted of it, on days of UTC.
pub fn reconciliation(
    about: About<'_>,
    biller: Biller,
    window: Window,
    by: RowsBy,
) -> Result<Reconciliation, QueryError> {
    let day_of = |at| Hour::of(at).unwrap_or_default().day();
    let days = day_of(window.start())..day_of(window.end());
    let (billed, imported) = about.reader.billed(about.organization_id, biller, days)?;
    let known = known_days(about, &billed);
    let mut cells = Cells::default();
    add_theirs(&mut cells, &known, &billed)?;
    if !known.is_empty() {
        add_ours(&mut cells, &known, about, biller, window)?;
    }
    let mut answer = Reconciliation {
        cost_days: known.values().filter(|day| day.costs).count() as u64,
        usage_days: known.values().filter(|day| day.usage).count() as u64,
        imported,
        totals: Comparison::default(),
        rows: Vec::new(),
    };
    let mut rows: BTreeMap<RowKey, Comparison> = BTreeMap::new();
    for (key, cell) in &cells {
        let day = key.day.and_then(|day| known.get(&day)).expect("cells are of days that are known");
        let comparison = cell.compare(day.usage, day.costs, biller);
        let key = RowKey {
            day: key.day.filter(|_| by.day),
            model: key.model.clone().filter(|_| by.model),
            api_key: key.api_key.clone().filter(|_| by.api_key),
        };
        rows.entry(key).or_default().add(&comparison).map_err(StoreError::from)?;
        answer.totals.add(&comparison).map_err(StoreError::from)?;
    }
    answer.rows = rows.into_iter().collect();
    Ok(answer)
}

/// What is known of a day from its reports.
#[derive(Default)]
struct KnownDay {
    costs: bool,
    usage: bool,
    /// Keys of ours that every report of the day names: only they can be told apart on both sides.
    api_keys: BTreeSet<String>,
}

type Known = BTreeMap<Day, KnownDay>;
type Cells = BTreeMap<RowKey, Cell>;

impl KnownDay {
    fn row_key(&self, day: Day, model: Option<&str>, api_key: Option<&str>) -> RowKey {
        let api_key = api_key.filter(|key| self.api_keys.contains(*key));
        let model = model.map(|model| undated_model(model).to_owned());
        RowKey { day: Some(day), model, api_key: api_key.map(str::to_owned) }
    }
}

fn known_days(about: About<'_>, billed: &[BilledDay]) -> Known {
    let mut known = Known::new();
    let mut named: BTreeMap<Day, [BTreeSet<&str>; 2]> = BTreeMap::new();
    for BilledDay { report, day, lines } in billed {
        let costs = *report == Report::Costs;
        let of_day = known.entry(*day).or_default();
        of_day.costs |= costs;
        of_day.usage |= !costs;
        named.entry(*day).or_default()[usize::from(costs)].extend(lines.iter().filter_map(|l| l.api_key.as_deref()));
    }
    for (day, of_day) in &mut known {
        let [usage, costs] = &named[day];
        let keys = usage.union(costs).filter(|key| {
            let by_both = (!of_day.usage || usage.contains(*key)) && (!of_day.costs || costs.contains(*key));
            by_both && about.organization.api_keys.contains_key(**key)
        });
        of_day.api_keys = keys.map(|key| (*key).to_owned()).collect();
    }
    known
}

fn add_theirs(cells: &mut Cells, known: &Known, billed: &[BilledDay]) -> Result<(), QueryError> {
    for BilledDay { day, lines, .. } in billed {
        for line in lines {
            let key = known[day].row_key(*day, line.model.as_deref(), line.api_key.as_deref());
            let theirs = &mut cells.entry(key).or_default().theirs;
            let tokens = Tokens { input: line.input_tokens, cached: line.cached_tokens, output: line.output_tokens };
            theirs.add(line.requests, &tokens, line.cost).map_err(StoreError::from)?;
        }
    }
    Ok(())
}

fn add_ours(
    cells: &mut Cells,
    known: &Known,
    about: About<'_>,
    biller: Biller,
    window: Window,
) -> Result<(), QueryError> {
    let by_key = known.values().any(|day| !day.api_keys.is_empty());
    let provider = (GroupBy::Provider, BTreeSet::from([biller.name().to_owned()]));
    let query = Query {
        window,
        granularity: Granularity::Day,
        group_by: if by_key { vec![GroupBy::Model, GroupBy::ApiKey] } else { vec![GroupBy::Model] },
        filter: Filter { by: vec![provider], ..Filter::default() },
        rank_by: RankBy::Cost,
        top: None,
        columns: RECONCILED_COLUMNS,
    };
    let activity = activity(about, &query)?;
    activity.each_bucket(|bucket, _, entries| {
        let day = Hour::of(bucket.start).unwrap_or_default().day();
        let Some(of_day) = known.get(&day) else { return Ok(()) };
        for entry in entries {
            let labels = &activity.groups[entry.group as usize].labels;
            let api_key = labels.get(1).and_then(|label| label.key.as_deref());
            let key = of_day.row_key(day, labels[0].key.as_deref(), api_key);
            cells.entry(key).or_default().add_ours(&entry.usage).map_err(StoreError::from)?;
        }
        Ok::<_, QueryError>(())
    })
}
