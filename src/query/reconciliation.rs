//! What providers billed beside what was counted.

use std::collections::{BTreeMap, BTreeSet};

use super::activity::activity;
use super::gap::{Cell, Comparison, Tokens};
use super::group::Filter;
use super::numbers::GroupBy;
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
    let mut answer = Reconciliation {
        cost_days: known.values().filter(|day| day.costs).count() as u64,
        usage_days: known.values().filter(|day| day.usage).count() as u64,
        imported,
        totals: Comparison::default(),
        rows: Vec::new(),
    };
    if known.is_empty() {
        return Ok(answer);
    }
    let query = ours(&known, biller, window);
    let activity = activity(about, &query)?;
    let mut rows: BTreeMap<RowKey, Comparison> = BTreeMap::new();
    // Day by day: of a year of many keys only what was asked for is in memory.
    activity.each_bucket(|bucket, _, entries| {
        let day = Hour::of(bucket.start).unwrap_or_default().day();
        let Some(of_day) = known.get(&day) else { return Ok(()) };
        let mut cells = of_day.theirs()?;
        for entry in entries {
            let labels = &activity.groups[entry.group as usize].labels;
            let api_key = labels.get(1).and_then(|label| label.key.as_deref());
            let key = of_day.cell_key(labels[0].key.as_deref(), api_key);
            cells.entry(key).or_default().add_ours(&entry.usage).map_err(StoreError::from)?;
        }
        for ((model, api_key), cell) in cells {
            let comparison = cell.compare(of_day.usage, of_day.costs, biller);
            let key = RowKey {
                day: by.day.then_some(day),
                model: model.filter(|_| by.model),
                api_key: api_key.filter(|_| by.api_key),
            };
            rows.entry(key).or_default().add(&comparison).map_err(StoreError::from)?;
            answer.totals.add(&comparison).map_err(StoreError::from)?;
        }
        Ok::<_, QueryError>(())
    })?;
    answer.rows = rows.into_iter().collect();
    Ok(answer)
}

/// What is asked about our side.
fn ours(known: &Known<'_>, biller: Biller, window: Window) -> Query {
    let by_key = known.values().any(|day| !day.api_keys.is_empty());
    let provider = (GroupBy::Provider, BTreeSet::from([biller.name().to_owned()]));
    Query {
        window,
        granularity: Granularity::Day,
        group_by: if by_key { vec![GroupBy::Model, GroupBy::ApiKey] } else { vec![GroupBy::Model] },
        filter: Filter { by: vec![provider], ..Filter::default() },
        rank_by: RankBy::Cost,
        top: None,
        columns: RECONCILED_COLUMNS,
    }
}

/// What is known of a day from its reports.
#[derive(Default)]
struct KnownDay<'b> {
    reports: Vec<&'b BilledDay>,
    costs: bool,
    usage: bool,
    /// Keys of ours that every report of the day names: only they can be told apart on both sides.
    api_keys: BTreeSet<&'b str>,
}

type Known<'b> = BTreeMap<Day, KnownDay<'b>>;
/// By model and API key.
type Cells = BTreeMap<CellKey, Cell>;
type CellKey = (Option<String>, Option<String>);

fn known_days<'b>(about: About<'_>, billed: &'b [BilledDay]) -> Known<'b> {
    let mut known = Known::new();
    for report in billed {
        let of_day = known.entry(report.day).or_default();
        let costs = report.report == Report::Costs;
        of_day.costs |= costs;
        of_day.usage |= !costs;
        of_day.reports.push(report);
    }
    for of_day in known.values_mut() {
        let named = |costs: bool| -> BTreeSet<&str> {
            let reports = of_day.reports.iter().filter(|report| (report.report == Report::Costs) == costs);
            reports.flat_map(|report| report.lines.iter().filter_map(|line| line.api_key.as_deref())).collect()
        };
        let [usage, costs] = [false, true].map(named);
        let keys = usage.union(&costs).filter(|key| {
            let by_both = (!of_day.usage || usage.contains(*key)) && (!of_day.costs || costs.contains(*key));
            by_both && about.organization.api_keys.contains_key(**key)
        });
        of_day.api_keys = keys.copied().collect();
    }
    known
}

impl KnownDay<'_> {
    fn cell_key(&self, model: Option<&str>, api_key: Option<&str>) -> CellKey {
        let api_key = api_key.filter(|key| self.api_keys.contains(*key));
        (model.map(|model| undated_model(model).to_owned()), api_key.map(str::to_owned))
    }

    /// What was billed.
    fn theirs(&self) -> Result<Cells, QueryError> {
        let mut cells = Cells::default();
        for line in self.reports.iter().flat_map(|report| &report.lines) {
            let key = self.cell_key(line.model.as_deref(), line.api_key.as_deref());
            let theirs = &mut cells.entry(key).or_default().theirs;
            let tokens = Tokens { input: line.input_tokens, cached: line.cached_tokens, output: line.output_tokens };
            theirs.add(line.requests, &tokens, line.cost).map_err(StoreError::from)?;
        }
        Ok(cells)
    }
}
