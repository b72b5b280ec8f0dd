//! Recomputing everything the file says twice, and naming the first place where the two disagree.
//!
//! A checksum says that bytes are what was written, not that what was written is right. So sums are made anew from
//! the rows they are sums of: each pivot's daily totals at every cut, rare rows and summaries of each sealed period.
//! One period is in memory at a time.

use std::collections::{BTreeMap, HashMap, HashSet};

use redb::{ReadableTable, ReadableTableMetadata, TableHandle};
use roaring::RoaringBitmap;

use super::aged::{self, short};
use super::block::{self, Block};
use super::format::FORMAT_KEY;
use super::ids::{ARRIVAL_KEY, IdPolicy, read_arrivals};
use super::incomplete::Claims;
use super::rows::{self, SealedRow};
use super::runs::is_twice;
use super::seal::{KeyRows, Pivots};
use super::totals::{Stretches, Totals};
use super::{
    ARRIVALS, AUDIT, AuditHead, CLOSINGS, Column, DECISIONS, Dictionary, IDS, INCOMPLETE, INTAKE, INTERVENTIONS,
    INVOICES, META, NAMES, OPEN, OrganizationNames, PERIODS, PeriodSummary, Pivot, Progress, RARE, REPRICINGS, ROWS,
    RUNS, Reader, RepricingRecord, SERIES, SPANS, STRETCHES, Seen, StoreError, TABLES, TIMING, TOTALS, Table,
    UNSHIPPED, closings, damaged, decisions, intake, interventions, invoices, keys, shipping, spans, timing, webhooks,
};
use crate::model::{
    AHEAD_HOURS, Completeness, Dimension, FIRST_HOUR, Fingerprint, Hour, OrganizationId, PERIOD_DAYS, Period, SEGMENTS,
    Segment, Usage, ValueId,
};

/// What a store has in it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Contents {
    /// Sealed periods, over all organizations.
    pub periods: u64,
    /// Rows in them.
    pub sealed_rows: u64,
    /// Rows that are open.
    pub open_rows: u64,
}

/// What was found to be right.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Verified {
    pub contents: Contents,
    pub organizations: u64,
    pub ids: u64,
    /// Entries of all tables.
    pub entries: u64,
    /// The end of the audit log.
    pub audit: AuditHead,
}

impl Reader {
    /// Counts what there is.
    pub fn contents(&self) -> Result<Contents, StoreError> {
        let mut contents = Contents { open_rows: self.open_days()?.values().sum(), ..Contents::default() };
        for entry in self.transaction.open_table(PERIODS)?.iter()? {
            let (key, value) = entry?;
            contents.periods += 1;
            contents.sealed_rows += PeriodSummary::decode(key.value(), value.value())?.rows;
        }
        Ok(contents)
    }

    /// Checks all but the directory's records, whose content is not the store's. The error names the first place that
    /// is wrong.
    pub fn verify(&self, progress: &mut Progress<'_>) -> Result<Verified, StoreError> {
        let mut check = Check { reader: self, done: 0, all: self.entries()?, progress, claims: Claims::default() };
        // Sealed rows and totals are read twice: their keys first.
        for table in [ROWS, TOTALS] {
            check.all += self.transaction.open_table(table)?.len()?;
        }
        check.tables()?;
        let dictionary = check.dictionary()?;
        check.incomplete(&dictionary)?;
        check.spans(&dictionary)?;
        let open_rows = check.open(&dictionary)?;
        let periods = check.periods(&dictionary)?;
        check.keys_of_rows(&periods)?;
        check.keys_of_totals(&periods)?;
        let mut contents = Contents { periods: periods.len() as u64, open_rows, sealed_rows: 0 };
        for ((organization, period), summary) in &periods {
            let names = known(&dictionary, organization.0)?;
            check.period(*organization, *period, summary, names)?;
            contents.sealed_rows += summary.rows;
        }
        check.claims.finish()?;
        let ids = check.ids(&dictionary)?;
        let mut audit = AuditHead::default();
        check.each(AUDIT, Some(8), |key, value| {
            audit = audit.follow(key, value)?;
            Ok(())
        })?;
        check.each(INVOICES, None, invoices::check)?;
        check.each(INTAKE, None, intake::check)?;
        check.each(DECISIONS, None, decisions::check)?;
        check.each(UNSHIPPED, None, shipping::check)?;
        check.each(CLOSINGS, None, closings::check)?;
        self.check_closings(&dictionary)?;
        let series = |of: &str| dictionary.organization(of).map_or(0, |(_, names)| names.series().len());
        check.each(TIMING, None, |key, value| timing::check(key, value, series))?;
        check.each(INTERVENTIONS, None, |key, value| interventions::check(key, value, series))?;
        check.repricings(&dictionary, audit.sequence)?;
        let organizations = dictionary.organization_names().count() as u64;
        Ok(Verified { contents, organizations, ids, entries: self.entries()?, audit })
    }
}

struct Check<'a> {
    reader: &'a Reader,
    done: u64,
    all: u64,
    progress: &'a mut Progress<'a>,
    claims: Claims,
}

type Periods = BTreeMap<(OrganizationId, Period), PeriodSummary>;

impl Check<'_> {
    fn advance(&mut self) {
        self.done += 1;
        (self.progress)(self.done.min(self.all), self.all);
    }

    /// Calls `visit` with each entry of a table, whose keys must be in order and, where it is given, of one size.
    fn each(
        &mut self,
        table: Table,
        size: Option<usize>,
        mut visit: impl FnMut(&[u8], &[u8]) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let name = table.name();
        let mut last: Option<Vec<u8>> = None;
        for entry in self.reader.transaction.open_table(table)?.iter()? {
            let (key, value) = entry?;
            let key = key.value();
            if last.as_deref().is_some_and(|last| last >= key) {
                return Err(damaged(format!("table {name}: key {} is out of order", hex(key))));
            }
            if size.is_some_and(|size| key.len() != size) {
                return Err(damaged(format!("table {name}: key {} has {} bytes", hex(key), key.len())));
            }
            visit(key, value.value()).map_err(|e| at(&format!("table {name}, key {}", hex(key)), e))?;
            last = Some(key.to_vec());
            self.advance();
        }
        Ok(())
    }

    fn tables(&mut self) -> Result<(), StoreError> {
        for table in self.reader.transaction.list_tables()? {
            if table.name() != META.name() && TABLES.iter().all(|known| known.name() != table.name()) {
                return Err(damaged(format!("there is a table {}, which this version does not write", table.name())));
            }
        }
        self.each(META, None, |key, value| {
            if let Some(checked) = webhooks::check(key, value).or_else(|| shipping::check_meta(key, value)) {
                return checked;
            }
            let known = [FORMAT_KEY, ARRIVAL_KEY].contains(&key) && value.len() == 4;
            if known { Ok(()) } else { Err(damaged("it is neither the format version nor an hour of arrival")) }
        })
    }

    fn dictionary(&mut self) -> Result<Dictionary, StoreError> {
        self.each(NAMES, None, |_, value| size_is(value, 4))?;
        self.each(SERIES, Some(8), |_, value| size_is(value, 21))?;
        let dictionary = self.reader.dictionary()?;
        for organization in 1.. {
            let Some(names) = dictionary.by_number(OrganizationId(organization)) else { break };
            let mut found = HashSet::with_capacity(names.series().len());
            if let Some(twice) = names.series().iter().find(|series| !found.insert(**series)) {
                return Err(damaged(format!("organization {organization} has the series {twice:?} twice")));
            }
        }
        Ok(dictionary)
    }

    /// What is kept of repricings.
    fn repricings(&mut self, dictionary: &Dictionary, audit_entries: u64) -> Result<(), StoreError> {
        self.each(REPRICINGS, Some(16), |key, value| {
            let names = known(dictionary, organization_of(key))?;
            let (number, model) = keys::repricing_model(key).ok_or_else(|| damaged("a repricing's key"))?;
            // Its number is that of its first entry in the audit log.
            if !(1..=audit_entries).contains(&number) || names.name(Dimension::Model, model).is_none() {
                return Err(damaged("a repricing of which the audit log does not know, or of no model"));
            }
            RepricingRecord::decode(key, value).map(drop)
        })
    }

    /// Calls of which more may become known: what they were counted as is looked for in the sums that follow.
    fn incomplete(&mut self, dictionary: &Dictionary) -> Result<(), StoreError> {
        let mut claims = Claims::default();
        self.each(INCOMPLETE, Some(20), |key, value| {
            claims.claim(key, value, known(dictionary, organization_of(key))?.series())
        })?;
        self.claims = claims;
        Ok(())
    }

    /// Kept spans: what their calls were counted as is looked for in the sums as well. What is not final of it is among
    /// the incomplete calls.
    fn spans(&mut self, dictionary: &Dictionary) -> Result<(), StoreError> {
        let mut claims = std::mem::take(&mut self.claims);
        self.each(SPANS, Some(8), |key, value| {
            for span in spans::decode(key, value)?.1 {
                let series = known(dictionary, span.organization.0)?.series();
                if let Some(counted) = span.counted.filter(|counted| counted.completeness == Completeness::Final) {
                    claims.claim_counted(span.organization, &counted, series)?;
                }
            }
            Ok(())
        })?;
        self.claims = claims;
        Ok(())
    }

    /// Open rows; gives their number.
    fn open(&mut self, dictionary: &Dictionary) -> Result<u64, StoreError> {
        let mut count = 0;
        let mut claims = std::mem::take(&mut self.claims);
        self.each(OPEN, Some(12), |key, value| {
            let names = known(dictionary, organization_of(key))?;
            if keys::open_segment(key).is_none_or(|segment| segment.start_ms() < FIRST_HOUR.start_ms()) {
                return Err(damaged("a segment of before 2020"));
            }
            let block = Block::parse(key, value)?;
            let rows = block.rows();
            if rows.is_empty() || !rows.is_sorted_by(|a, b| a.0 < b.0) {
                return Err(damaged("open rows are not in order of series"));
            }
            if rows.iter().any(|(series, measures)| series.0 as usize >= names.series().len() || measures.cost.0 < 0) {
                return Err(damaged("an open row has a series without a name, or a negative cost"));
            }
            for column in 0..block::COLUMNS {
                let mut sum = 0u128;
                block.column(column, |_, value| sum += u128::from(value));
                if sum != block.sum(column) {
                    return Err(damaged(format!(
                        "column {column} says that its sum is {}, its rows add up to {sum}",
                        block.sum(column)
                    )));
                }
            }
            count += rows.len() as u64;
            let segment = keys::open_segment(key).ok_or_else(|| damaged("a key of open rollups"))?;
            let organization = OrganizationId(organization_of(key));
            rows.iter().try_for_each(|(series, sums)| claims.has(organization, segment, series.0, sums))
        })?;
        self.claims = claims;
        Ok(count)
    }

    fn periods(&mut self, dictionary: &Dictionary) -> Result<Periods, StoreError> {
        let mut periods = Periods::new();
        self.each(PERIODS, Some(8), |key, value| {
            known(dictionary, organization_of(key))?;
            let summary = PeriodSummary::decode(key, value)?;
            periods.insert(period_of(key, 4), summary);
            Ok(())
        })?;
        Ok(periods)
    }

    fn keys_of_rows(&mut self, periods: &Periods) -> Result<(), StoreError> {
        let mut parts = Parts::default();
        self.each(ROWS, Some(14), |key, _| {
            let of = period_of(key, 4);
            let summary = periods.get(&of).ok_or_else(|| damaged("its period has no summary"))?;
            let api_key = keys::rows_api_key(key).ok_or_else(|| damaged("it has no API key"))?;
            if !summary.api_keys.contains(api_key.0) {
                return Err(damaged("the period's summary does not have its API key"));
            }
            parts.next(key)
        })
    }

    fn keys_of_totals(&mut self, periods: &Periods) -> Result<(), StoreError> {
        let mut parts = Parts::default();
        self.each(TOTALS, Some(13), |key, _| {
            let (pivot, frequent, cut) = (key[4], key[5], key[6]);
            let is_rare = (frequent, cut) == (u8::from(RARE.0), RARE.1);
            let is_cut = frequent <= 1 && (1..=SEGMENTS as u8).contains(&cut);
            if Pivot::EVERY.iter().all(|known| known.number() != pivot) || !(is_rare || is_cut) {
                return Err(damaged(format!("there is no pivot {pivot} with columns {frequent} and cut {cut}")));
            }
            if periods.get(&period_of(key, 7)).is_none_or(|summary| !summary.has_totals) {
                return Err(damaged("its period has no daily totals"));
            }
            parts.next(key)
        })
    }

    /// Reads the sealed rows of a period, makes its sums anew, and compares.
    fn period(
        &mut self,
        organization: OrganizationId,
        period: Period,
        summary: &PeriodSummary,
        names: &OrganizationNames,
    ) -> Result<(), StoreError> {
        let place = place(organization, period);
        let pivots = self.sealed_rows(organization, period, summary, names).map_err(|e| at(&place, e))?;
        let cost = u128::try_from(pivots.cost).map_err(|_| damaged(format!("{place}: its cost is negative")))?;
        for (what, said, found) in
            [("rows", u128::from(summary.rows), u128::from(pivots.rows)), ("picodollars", summary.cost, cost)]
        {
            if said != found {
                return Err(damaged(format!("{place}: its summary says {said} {what}, its rows have {found}")));
            }
        }
        if !summary.has_totals {
            return Ok(());
        }
        for (pivot, values) in pivots.finish() {
            let place = match pivot {
                Pivot::All => format!("{place}, daily totals"),
                Pivot::By(dimension) => format!("{place}, daily totals by {dimension:?}"),
            };
            self.pivot((organization, period), pivot, values, names).map_err(|e| at(&place, e))?;
        }
        Ok(())
    }

    fn sealed_rows(
        &mut self,
        organization: OrganizationId,
        period: Period,
        summary: &PeriodSummary,
        names: &OrganizationNames,
    ) -> Result<Pivots, StoreError> {
        let first = keys::rows(organization, period, ValueId(0), 0);
        let end = keys::rows(organization, period.next(), ValueId(0), 0);
        let table = self.reader.transaction.open_table(ROWS)?;
        let mut pivots = Pivots::default();
        let mut found = RoaringBitmap::new();
        let mut of_key: Option<(ValueId, KeyRows)> = None;
        for entry in table.range::<&[u8]>(&first[..]..&end[..])? {
            let (key, value) = entry?;
            let api_key = keys::rows_api_key(key.value()).ok_or_else(|| damaged("a key of sealed rows"))?;
            if of_key.as_ref().is_none_or(|(last, _)| *last != api_key)
                && let Some((last, rows)) = of_key.replace((api_key, KeyRows::new()))
            {
                self.find_claims(organization, period, &rows)?;
                pivots.add_key(last, &rows, names.series())?;
            }
            found.insert(api_key.0);
            let of_key = &mut of_key.as_mut().expect("just put there").1;
            rows::read(key.value(), value.value(), |rows| take_rows(of_key, api_key, &rows, names))
                .map_err(|e| at(&format!("sealed rows of API key {}", api_key.0), e))?;
            self.advance();
        }
        if let Some((last, rows)) = of_key {
            self.find_claims(organization, period, &rows)?;
            pivots.add_key(last, &rows, names.series())?;
        }
        if found != summary.api_keys {
            return Err(damaged("its summary names API keys without sealed rows"));
        }
        Ok(pivots)
    }

    /// Notes what sealed rows have of calls that wait for their tokens.
    fn find_claims(
        &mut self,
        organization: OrganizationId,
        period: Period,
        of_key: &KeyRows,
    ) -> Result<(), StoreError> {
        for (series, rows) in of_key {
            for (segment, usage) in rows {
                let segment = Segment(period.first_segment().0 + u32::from(*segment));
                self.claims.has(organization, segment, *series, &usage.all)?;
            }
        }
        Ok(())
    }

    /// Compares what is stored of a pivot with what the rows add up to.
    fn pivot(
        &mut self,
        (organization, period): (OrganizationId, Period),
        pivot: Pivot,
        mut values: BTreeMap<u32, Vec<SealedRow>>,
        names: &OrganizationNames,
    ) -> Result<(), StoreError> {
        let label = |value: u32| match pivot {
            Pivot::All => "the organization".to_owned(),
            Pivot::By(dimension) => match names.name(dimension, ValueId(value)) {
                Some(name) => format!("{value} ({name})"),
                None => value.to_string(),
            },
        };
        let periods = || period..period.next();
        let mut rare: BTreeMap<u32, Vec<SealedRow>> = BTreeMap::new();
        self.reader.scan_rare(organization, pivot, periods(), |_, sparse| {
            for (value, row) in sparse.unpack()? {
                rare.entry(value).or_default().push(row);
            }
            Ok(())
        })?;
        for (value, stored) in rare {
            // Which values are rare was decided when they were sealed. The organization itself never is.
            if pivot == Pivot::All || values.remove(&value).is_none_or(|rows| rows != stored) {
                return Err(damaged(format!("rows of {} are not what its sealed rows add up to", label(value))));
            }
        }
        let mut values: Vec<Stretches> =
            values.into_iter().map(|(value, rows)| Stretches::new(value, rows)).collect::<Result<_, _>>()?;
        for cut in 1..=SEGMENTS {
            values.iter_mut().try_for_each(Stretches::advance)?;
            for frequent in [true, false] {
                let mut wrong = None;
                let mut left = values.iter();
                self.reader.scan_totals(organization, pivot, frequent, cut, periods(), |totals| {
                    if wrong.is_none() {
                        wrong = compare(totals, &mut left, pivot, frequent);
                    }
                })?;
                let wrong = wrong.or_else(|| left.find_map(|value| is_missing(value, pivot, frequent)));
                if let Some((value, what)) = wrong {
                    return Err(damaged(format!("cut {cut}, {}: {what}", label(value))));
                }
            }
        }
        Ok(())
    }

    /// Ids that arrived lately and those that are kept with their hours; gives their number.
    fn ids(&mut self, dictionary: &Dictionary) -> Result<u64, StoreError> {
        let reader = self.reader;
        let possible = |(organization, hour, _): Seen, arrival: Hour| {
            let hours = FIRST_HOUR.0..=arrival.0.saturating_add(AHEAD_HOURS);
            if dictionary.by_number(organization).is_none() || !hours.contains(&hour.0) {
                return Err(damaged("an id of no organization, or of an hour that its event cannot have"));
            }
            Ok(())
        };
        // No more than a start takes into memory.
        let mut arrived: HashMap<(OrganizationId, Fingerprint), (Hour, Hour)> = HashMap::new();
        // Those of hours that ids are kept with.
        let mut lately = Lately::default();
        let mut last_sequence = None;
        self.each(ARRIVALS, Some(12), |key, value| {
            let arrival = Hour(organization_of(key));
            let sequence = u64::from_be_bytes(key[4..].try_into().expect("a key of twelve bytes"));
            if last_sequence.replace(sequence).is_some_and(|last| last >= sequence) {
                return Err(damaged("arrivals are not in order"));
            }
            let mut wrong = Ok(());
            read_arrivals(value, |seen| {
                if let Err(error) = possible(seen, arrival).and_then(|()| lately.add(reader, seen)) {
                    wrong = Err(error);
                }
                if arrived.insert((seen.0, seen.2), (seen.1, arrival)).is_some() {
                    wrong = Err(damaged("an id was counted twice"));
                }
            })?;
            wrong
        })?;
        let runs = reader.runs(IdPolicy::default().filter_bytes)?;
        let mut of_runs = runs.check();
        self.each(RUNS, Some(12), |key, value| {
            // What is there in the place of organization 0 was read with the runs.
            if keys::read_u32(key, 4) == Some(0) {
                return Ok(());
            }
            of_runs.part(reader, key, value, |seen, arrival| {
                possible(seen, arrival)?;
                lately.add(reader, seen)?;
                match arrived.get(&(seen.0, seen.2)) {
                    Some(other) if is_twice(*other, (seen.1, arrival)) => Err(damaged("an id was counted twice")),
                    _ => Ok(()),
                }
            })
        })?;
        let mut aged = 0;
        let mut check = aged::Check::default();
        self.each(IDS, Some(17), |key, value| {
            known(dictionary, organization_of(key))?;
            let (organization, hour) = (OrganizationId(organization_of(key)), keys::read_u32(key, 4).map(Hour));
            let hour = hour.expect("a key of 17 bytes");
            let ids = check.value(key, value)?;
            if ids.iter().any(|id| lately.ids.contains(&(organization, hour, *id))) {
                return Err(damaged("an id was counted twice in its hour"));
            }
            aged += ids.len() as u64;
            Ok(())
        })?;
        check.finish()?;
        Ok(arrived.len() as u64 + of_runs.finish()? + aged)
    }
}

/// Adds the rows of one series to those of its API key.
fn take_rows(
    of_key: &mut KeyRows,
    api_key: ValueId,
    rows: &rows::Rows<'_>,
    names: &OrganizationNames,
) -> Result<(), StoreError> {
    let series = names.series().get(rows.id as usize);
    if series.is_none_or(|series| series.api_key != api_key) {
        return Err(damaged(format!("series {} is not one of this API key", rows.id)));
    }
    if of_key.last_key_value().is_some_and(|(last, _)| *last > rows.id) {
        return Err(damaged(format!("series {} is out of order", rows.id)));
    }
    let all = of_key.entry(rows.id).or_default();
    // Finds parts of hours that have no hour, or more than their hour has.
    all.extend(rows.unpack()?);
    if !all.is_sorted_by(|a, b| a.0 < b.0) {
        return Err(damaged(format!("rows of series {} are out of order", rows.id)));
    }
    let impossible = |usage: &Usage| usage.all.cost.0 < 0 || *usage != Usage { all: usage.all, ..Usage::default() };
    if all.iter().any(|(_, usage)| impossible(usage)) {
        return Err(damaged(format!("series {} has a negative cost, or says itself who paid", rows.id)));
    }
    Ok(())
}

/// What is wrong when nothing is stored of a value.
fn is_missing(stretches: &Stretches, pivot: Pivot, frequent: bool) -> Option<(u32, String)> {
    let zero = pivot.columns(frequent).all(|column| stretches.usage.iter().all(|usage| column.of(usage) == 0));
    (!zero).then(|| (stretches.value, "it is missing".into()))
}

/// Compares one value's stored totals with the next of what was added up.
fn compare<'r>(
    totals: &Totals<'_>,
    left: &mut impl Iterator<Item = &'r Stretches>,
    pivot: Pivot,
    frequent: bool,
) -> Option<(u32, String)> {
    let expected = loop {
        match left.next() {
            Some(value) if value.value < totals.value => match is_missing(value, pivot, frequent) {
                None => {}
                missing => return missing,
            },
            Some(value) if value.value == totals.value => break value,
            _ => return Some((totals.value, "it has no rows, or is out of order".into())),
        }
    };
    let kept: Vec<Column> = pivot.columns(frequent).collect();
    for column in Column::ALL {
        let mut stored = [0; STRETCHES];
        if !totals.column(column, &mut stored) {
            stored.fill(0);
        }
        for (stretch, (stored, usage)) in stored.iter().zip(expected.usage.iter()).enumerate() {
            let sum = if kept.contains(&column) { column.of(usage) } else { 0 };
            if *stored != sum {
                let what = format!("{column:?} in stretch {stretch} is {stored}, its rows add up to {sum}");
                return Some((totals.value, what));
            }
        }
    }
    None
}

/// Sees that parts are numbered from 0 without gaps.
#[derive(Default)]
struct Parts {
    last: Option<(Vec<u8>, u16)>,
}

impl Parts {
    fn next(&mut self, key: &[u8]) -> Result<(), StoreError> {
        let (of, part) = key.split_at(key.len() - 2);
        let part = u16::from_be_bytes([part[0], part[1]]);
        let expected = match &self.last {
            Some((last, part)) if last == of => part.wrapping_add(1),
            _ => 0,
        };
        if part != expected {
            return Err(damaged(format!("it is part {part}, and part {expected} is missing")));
        }
        self.last = Some((of.to_vec(), part));
        Ok(())
    }
}

/// Ids that arrived lately, of hours that older ones are kept with: few, since most events are new when they come.
#[derive(Default)]
struct Lately {
    ids: HashSet<(OrganizationId, Hour, u64)>,
    /// Whether any are kept with an hour.
    hours: HashMap<(OrganizationId, Hour), bool>,
}

impl Lately {
    fn add(&mut self, reader: &Reader, (organization, hour, id): Seen) -> Result<(), StoreError> {
        let are_kept = match self.hours.get(&(organization, hour)) {
            Some(are_kept) => *are_kept,
            None => {
                let are_kept = reader.has_aged_ids(organization, hour)?;
                self.hours.insert((organization, hour), are_kept);
                are_kept
            }
        };
        if are_kept {
            self.ids.insert((organization, hour, short(&id)));
        }
        Ok(())
    }
}

fn known(dictionary: &Dictionary, organization: u32) -> Result<&OrganizationNames, StoreError> {
    dictionary
        .by_number(OrganizationId(organization))
        .ok_or_else(|| damaged(format!("there is no organization {organization}")))
}

fn organization_of(key: &[u8]) -> u32 {
    keys::read_u32(key, 0).expect("keys of this table were seen to be long enough")
}

fn period_of(key: &[u8], at: usize) -> (OrganizationId, Period) {
    let period = keys::read_u32(key, at).expect("keys of this table were seen to be long enough");
    (OrganizationId(organization_of(key)), Period(period))
}

fn place(organization: OrganizationId, period: Period) -> String {
    format!(
        "organization {}, period {} ({PERIOD_DAYS} days from day {} since 1970)",
        organization.0,
        period.0,
        period.first_day().0
    )
}

fn size_is(value: &[u8], size: usize) -> Result<(), StoreError> {
    if value.len() == size { Ok(()) } else { Err(damaged(format!("the value has {} bytes, not {size}", value.len()))) }
}

/// Says where it was.
fn at(place: &str, error: StoreError) -> StoreError {
    match error {
        StoreError::Damaged { what } => damaged(format!("{place}: {what}")),
        // A sum of what was summed before cannot be too large.
        StoreError::Overflow(_) => damaged(format!("{place}: its sums are too large")),
        StoreError::Failed(error) if matches!(*error, redb::Error::Corrupted(_)) => {
            damaged(format!("{place}: {error}"))
        }
        other => other,
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
