//! Sealing: open segments of days that are over become sealed rows by API key, and daily totals by dimension.
//!
//! One transaction seals one organization's period: a reader sees all of it or none, and so does a start after a
//! crash. What arrives later for a sealed day is open again, adds up with what is sealed, and joins it next time.

use std::collections::BTreeMap;

use hashbrown::HashMap;
use redb::{ReadableTable, Table};
use roaring::RoaringBitmap;

use super::block::Block;
use super::packed::bind;
use super::rows::{self, SealedRow};
use super::{
    Bytes, Log, OPEN, PERIODS, PeriodSummary, Pivot, RARE, ROWS, StoreError, TOTALS, Writer, damaged, keys, sparse,
    totals,
};
use crate::model::{Day, Dimension, OrganizationId, Overflow, Period, Segment, Series, Usage, ValueId};

/// Blocks end just below two pages of redb: it rounds larger values up to a power-of-two number of pages. Blocks of one
/// page and of four took more of the file.
pub(super) const BLOCK_BYTES: usize = 8 * 1024 - 80;

/// What is worth having daily totals. Tests set it low, so that small stores have all there is.
#[derive(Debug, Clone, Copy)]
pub struct SealPolicy {
    /// Rows from which on a period has daily totals. Below, adding its rows up takes no longer.
    pub rows_worth_totals: u64,
    /// Segments from which on a value has daily totals. They take space for every day and cut, used or not, so
    /// those of a value that is used now and then would be many times its rows.
    pub segments_worth_totals: usize,
}

impl Default for SealPolicy {
    fn default() -> Self {
        SealPolicy { rows_worth_totals: 4096, segments_worth_totals: 96 }
    }
}

/// What a sealing did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sealed {
    /// Rows that were open.
    pub taken: usize,
    /// Rows the period has now.
    pub rows: u64,
}

/// Rows of one API key, by series.
pub(super) type KeyRows = BTreeMap<u32, Vec<SealedRow>>;
/// Open rows as they will be sealed, by API key.
pub(super) type Opened = BTreeMap<ValueId, KeyRows>;

impl Writer {
    /// Seals what is open in a period before the day `until`. `series` are those of the organization.
    pub fn seal(
        &self,
        organization: OrganizationId,
        period: Period,
        until: Day,
        series: &Log<Series>,
    ) -> Result<Sealed, StoreError> {
        let (opened, taken) = self.take_open(organization, period, until, series)?;
        if opened.is_empty() {
            return Ok(Sealed::default());
        }
        let rows = self.write_period(organization, period, &opened, series, |_| Ok(false))?;
        Ok(Sealed { taken, rows })
    }

    /// Adds what was open to a period's sealed rows, and makes everything anew that is made of them. `change` may change
    /// the rows of each API key, and says whether it has. Gives the number of rows.
    pub(super) fn write_period(
        &self,
        organization: OrganizationId,
        period: Period,
        opened: &Opened,
        series: &Log<Series>,
        mut change: impl FnMut(&mut KeyRows) -> Result<bool, StoreError>,
    ) -> Result<u64, StoreError> {
        let mut table = self.transaction.open_table(ROWS)?;
        let mut pivots = Pivots::default();
        let sealed_keys = keys_with_rows(&table, organization, period)?;
        let mut all_keys: RoaringBitmap = sealed_keys.iter().copied().chain(opened.keys().map(|key| key.0)).collect();
        for api_key in all_keys.clone() {
            let api_key = ValueId(api_key);
            let mut of_key = read_key(&table, organization, period, api_key)?;
            let joined = join_open(&mut of_key, opened, api_key)?;
            if change(&mut of_key)? || joined {
                write_key(&mut table, organization, period, api_key, &of_key)?;
            }
            if of_key.is_empty() {
                // A change may leave nothing of a key.
                all_keys.remove(api_key.0);
            } else {
                pivots.add_key(api_key, &of_key, series)?;
            }
        }
        drop(table);
        let key = keys::period(organization, period);
        let mut table = self.transaction.open_table(PERIODS)?;
        let before = table.get(&key[..])?.map(|value| PeriodSummary::decode(&key, value.value())).transpose()?;
        let summary = PeriodSummary {
            rows: pivots.rows,
            cost: u128::try_from(pivots.cost).map_err(|_| Overflow)?,
            // Once there they stay: rows may have become fewer, and old totals must not be left behind.
            has_totals: pivots.rows >= self.seal_policy.rows_worth_totals || before.is_some_and(|b| b.has_totals),
            api_keys: all_keys,
        };
        if summary.rows > 0 {
            table.insert(&key[..], &summary.encode(&key)[..])?;
        } else {
            table.remove(&key[..])?;
        }
        drop(table);
        if summary.has_totals {
            self.write_totals(organization, period, pivots)?;
        }
        Ok(summary.rows)
    }

    /// Takes open rows out of their segments, sorted by key, series and segment, and counts them.
    pub(super) fn take_open(
        &self,
        organization: OrganizationId,
        period: Period,
        until: Day,
        series: &Log<Series>,
    ) -> Result<(Opened, usize), StoreError> {
        let mut table = self.transaction.open_table(OPEN)?;
        let end = until.min(period.next().first_day()).first_segment();
        let (first, end) = (keys::open(organization, period.first_segment(), 0), keys::open(organization, end, 0));
        let mut taken = Vec::new();
        let (mut opened, mut count) = (Opened::new(), 0);
        for entry in table.range::<&[u8]>(&first[..]..&end[..])? {
            let (key, value) = entry?;
            let segment = keys::open_segment(key.value()).ok_or_else(|| damaged("a key of open rollups"))?;
            let block =
                Block::parse(key.value(), value.value()).map_err(|e| damaged(format!("segment {}: {e}", segment.0)))?;
            add_open(&mut opened, segment, &block, series)?;
            count += block.len();
            taken.push(key.value().to_vec());
        }
        for key in &taken {
            table.remove(&key[..])?;
        }
        Ok((opened, count))
    }

    fn write_totals(&self, organization: OrganizationId, period: Period, pivots: Pivots) -> Result<(), StoreError> {
        let mut table = self.transaction.open_table(TOTALS)?;
        for (pivot, values) in pivots.finish() {
            let mut rare = sparse::Builder::new(BLOCK_BYTES);
            let mut often = totals::Builder::new(pivot, BLOCK_BYTES);
            for (value, rows) in values {
                // The organization's own totals are what others are checked against: always at hand.
                if pivot == Pivot::All || rows.len() >= self.seal_policy.segments_worth_totals {
                    often.push(value, rows)?;
                } else {
                    rare.push(value, &rows);
                }
            }
            let mut write = |frequent: bool, cut: u8, blocks: Vec<Vec<u8>>| -> Result<(), StoreError> {
                let key = |part| keys::totals(organization, pivot, frequent, cut, period, part);
                table.retain_in::<&[u8], _>(&key(0)[..]..=&key(u16::MAX)[..], |_, _| false)?;
                for (part, block) in (0u16..).zip(blocks) {
                    table.insert(&key(part)[..], &bind(&key(part), block)[..])?;
                }
                Ok(())
            };
            write(RARE.0, RARE.1, rare.finish())?;
            for (cut, [others, frequent]) in (1u8..).zip(often.finish()) {
                write(false, cut, others)?;
                write(true, cut, frequent)?;
            }
        }
        Ok(())
    }
}

/// Adds a block of open rows. Blocks come in order of segments.
pub(super) fn add_open(
    opened: &mut Opened,
    segment: Segment,
    block: &Block<'_>,
    series: &Log<Series>,
) -> Result<(), StoreError> {
    for (id, measures) in block.rows() {
        let of = series.get(id.0 as usize).ok_or_else(|| damaged("a rollup counts a series without a name"))?;
        let rows = opened.entry(of.api_key).or_default().entry(id.0).or_default();
        // Who paid is known by the series; sealed rows do not repeat it.
        let usage = Usage { all: measures, ..Usage::default() };
        match rows.last_mut() {
            Some((last, sum)) if *last == segment.of_period() => sum.add(&usage)?,
            _ => rows.push((segment.of_period(), usage)),
        }
    }
    Ok(())
}

/// Adds what was open of an API key to its sealed rows. Whether there was something.
pub(super) fn join_open(of_key: &mut KeyRows, opened: &Opened, api_key: ValueId) -> Result<bool, Overflow> {
    let Some(new) = opened.get(&api_key) else { return Ok(false) };
    for (series, rows) in new {
        merge_rows(of_key.entry(*series).or_default(), rows)?;
    }
    Ok(true)
}

fn keys_with_rows(
    table: &Table<'_, Bytes, Bytes>,
    organization: OrganizationId,
    period: Period,
) -> Result<Vec<u32>, StoreError> {
    let first = keys::rows(organization, period, ValueId(0), 0);
    let end = keys::rows(organization, period.next(), ValueId(0), 0);
    let mut found = Vec::new();
    for entry in table.range::<&[u8]>(&first[..]..&end[..])? {
        let api_key = keys::rows_api_key(entry?.0.value()).ok_or_else(|| damaged("a key of sealed rows"))?;
        if found.last() != Some(&api_key.0) {
            found.push(api_key.0);
        }
    }
    Ok(found)
}

pub(super) fn read_key(
    table: &impl ReadableTable<Bytes, Bytes>,
    organization: OrganizationId,
    period: Period,
    api_key: ValueId,
) -> Result<KeyRows, StoreError> {
    let [first, last] = [0, u16::MAX].map(|part| keys::rows(organization, period, api_key, part));
    let mut found = KeyRows::new();
    for entry in table.range::<&[u8]>(&first[..]..=&last[..])? {
        let (key, value) = entry?;
        rows::read(key.value(), value.value(), |rows| {
            found.entry(rows.id).or_default().extend(rows.unpack()?);
            Ok(())
        })?;
    }
    Ok(found)
}

fn write_key(
    table: &mut Table<'_, Bytes, Bytes>,
    organization: OrganizationId,
    period: Period,
    api_key: ValueId,
    of_key: &KeyRows,
) -> Result<(), StoreError> {
    let [first, last] = [0, u16::MAX].map(|part| keys::rows(organization, period, api_key, part));
    table.retain_in::<&[u8], _>(&first[..]..=&last[..], |_, _| false)?;
    let mut builder = rows::Builder::new(BLOCK_BYTES);
    for (series, rows) in of_key {
        builder.push(*series, rows)?;
    }
    for (part, block) in (0u16..).zip(builder.finish()) {
        let key = keys::rows(organization, period, api_key, part);
        table.insert(&key[..], &bind(&key, block)[..])?;
    }
    Ok(())
}

/// Adds rows to others, both in order of segments.
fn merge_rows(into: &mut Vec<SealedRow>, rows: &[SealedRow]) -> Result<(), Overflow> {
    if into.last().is_none_or(|last| last.0 < rows[0].0) {
        into.extend_from_slice(rows);
        return Ok(());
    }
    into.extend_from_slice(rows);
    into.sort_by_key(|(segment, _)| *segment);
    let all = std::mem::take(into);
    for (segment, usage) in all {
        match into.last_mut() {
            Some((last, sum)) if *last == segment => sum.add(&usage)?,
            _ => into.push((segment, usage)),
        }
    }
    Ok(())
}

/// A period's usage by every dimension, added up from its series.
#[derive(Default)]
pub(super) struct Pivots {
    pub rows: u64,
    pub cost: i128,
    by_api_key: BTreeMap<u32, Vec<SealedRow>>,
    /// All but the key's: by value and segment.
    by_value: [HashMap<(u32, u16), Usage>; 5],
}

const BY_VALUE: [Pivot; 5] = [
    Pivot::All,
    Pivot::By(Dimension::Project),
    Pivot::By(Dimension::Model),
    Pivot::By(Dimension::Provider),
    Pivot::By(Dimension::Source),
];

impl Pivots {
    pub fn add_key(&mut self, api_key: ValueId, of_key: &KeyRows, series: &Log<Series>) -> Result<(), StoreError> {
        let mut by_segment: BTreeMap<u16, Usage> = BTreeMap::new();
        for (id, rows) in of_key {
            let of = series.get(*id as usize).ok_or_else(|| damaged("a sealed series without a name"))?;
            let values = BY_VALUE.map(|pivot| pivot.value_of(of).0);
            for (segment, usage) in rows {
                let usage = Usage::of(usage.all, of.mode);
                self.rows += 1;
                self.cost = self.cost.checked_add(usage.all.cost.0).ok_or(Overflow)?;
                by_segment.entry(*segment).or_default().add(&usage)?;
                for (sums, value) in self.by_value.iter_mut().zip(values) {
                    sums.entry((value, *segment)).or_default().add(&usage)?;
                }
            }
        }
        self.by_api_key.insert(api_key.0, by_segment.into_iter().collect());
        Ok(())
    }

    /// For each pivot its values in order, each with its rows in order.
    pub fn finish(self) -> impl Iterator<Item = (Pivot, BTreeMap<u32, Vec<SealedRow>>)> {
        let by_value = BY_VALUE.into_iter().zip(self.by_value).map(|(pivot, sums)| {
            let mut rows: Vec<((u32, u16), Usage)> = sums.into_iter().collect();
            rows.sort_unstable_by_key(|(at, _)| *at);
            let mut values: BTreeMap<u32, Vec<SealedRow>> = BTreeMap::new();
            for ((value, segment), usage) in rows {
                values.entry(value).or_default().push((segment, usage));
            }
            (pivot, values)
        });
        std::iter::once((Pivot::By(Dimension::ApiKey), self.by_api_key)).chain(by_value)
    }
}
