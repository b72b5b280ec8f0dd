//! Rows on their way: what was touched, read from one snapshot as it is there, put into the shards' tables.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::client::{Client, ClusterError, quoted};
use super::node::{Claims, version};
use super::rows::{UsageRow, WriteRow};
use crate::engine::{EngineError, Snapshot};
use crate::model::{
    Combination, CostSource, Day, Dimension, Measures, Mode, OrganizationId, PERIOD_DAYS, SEGMENTS, Segment, SeriesId,
    UnixMs,
};
use crate::store::{
    OrganizationNames, Reader, RecordOwner, RecordTable, Shipping, State, StoreError, Unshipped, damaged,
};

/// What waits to be sent, over all shards: some 80,000 rows.
const FLUSH_BYTES: usize = 16 << 20;
/// Rows that are read at once, of some 120 bytes in memory.
const CHUNK_ROWS: u64 = 150_000;

/// Why nothing is shipped.
#[derive(Debug, thiserror::Error)]
pub enum ShipError {
    /// *As it says.*
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// *As the store says.*
    #[error(transparent)]
    Store(#[from] StoreError),
    /// *Busy.*
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// *Caller.*
    #[error(
        "this store is shipped already, by the server of {address}, for the next {seconds} s at least: of two copies of a \
         store one can ship; stop that one, or start this one without --ship-to"
    )]
    Held { address: String, seconds: u64 },
}

/// Something that was touched, with its place and the commit that did.
pub(super) type Mark = (Vec<u8>, u64, Unshipped);

/// What is sent of one snapshot.
pub(super) struct Shipment<'a> {
    pub client: &'a Client,
    pub snapshot: &'a Snapshot,
    pub node: &'a str,
    pub shipping: Shipping,
    pub now: UnixMs,
    pub claims: &'a mut Claims,
    /// Shards that take nothing, with why. Nothing more is sent to them.
    pub failed: &'a mut BTreeMap<usize, ClusterError>,
    rows: Vec<Shard>,
    bytes: usize,
    names: BTreeMap<OrganizationId, &'a str>,
}

/// Rows that wait for a shard.
#[derive(Default, Clone)]
struct Shard {
    usage: Vec<u8>,
    records: Vec<u8>,
}

/// The touched segments of a day, and its rows that may be gone.
#[derive(Default)]
struct Touched {
    segments: BTreeSet<Segment>,
    rows: BTreeSet<(Segment, SeriesId)>,
}

/// The names of a row of which nothing is left.
type Gone = Combination;

impl<'a> Shipment<'a> {
    pub fn new(
        client: &'a Client,
        snapshot: &'a Snapshot,
        node: &'a str,
        shipping: Shipping,
        now: UnixMs,
        claims: &'a mut Claims,
        failed: &'a mut BTreeMap<usize, ClusterError>,
    ) -> Shipment<'a> {
        let dictionary = &snapshot.dictionary;
        let number = |name: &'a str| Some((dictionary.organization(name)?.0, name));
        let names = dictionary.organization_names().filter_map(number).collect();
        let rows = vec![Shard::default(); client.shards().len()];
        Shipment { client, snapshot, node, shipping, now, claims, failed, rows, bytes: 0, names }
    }

    /// Sends the state of what was touched, and gives what of it is where it belongs.
    pub fn send(&mut self, marks: &[Mark]) -> Result<Vec<(Vec<u8>, u64)>, ShipError> {
        let mut touched: BTreeMap<(OrganizationId, Day), Touched> = BTreeMap::new();
        let mut places = Vec::with_capacity(marks.len());
        for (_, _, what) in marks {
            places.push(match what {
                Unshipped::Table(table) => {
                    self.table(*table)?;
                    None
                }
                Unshipped::Record(table, key) => {
                    let value = self.snapshot.reader.record_of(*table, key)?;
                    self.record(*table, key, value.as_deref())?
                }
                Unshipped::Range(organization, range) => self.range(*organization, range.clone())?,
                Unshipped::Row(organization, segment, series) => {
                    touched.entry((*organization, segment.day())).or_default().rows.insert((*segment, *series));
                    self.place(self.name(*organization)?)
                }
                Unshipped::Segment(organization, segment) => {
                    touched.entry((*organization, segment.day())).or_default().segments.insert(*segment);
                    self.place(self.name(*organization)?)
                }
            });
        }
        for ((organization, _), touched) in &touched {
            self.segments(*organization, touched)?;
        }
        self.flush();
        // What is on its way to a shard that failed is to be sent again; so is what goes to all shards if one did.
        let is_there = |place: &Option<usize>| match place {
            Some(shard) => !self.failed.contains_key(shard),
            None => self.failed.is_empty(),
        };
        let done = marks.iter().zip(&places).filter(|(_, place)| is_there(place));
        Ok(done.map(|((key, commit, _), _)| (key.clone(), *commit)).collect())
    }

    fn name(&self, organization: OrganizationId) -> Result<&'a str, StoreError> {
        self.names.get(&organization).copied().ok_or_else(|| damaged("usage of an organization without a name"))
    }

    fn names_of(&self, organization: OrganizationId) -> Result<&'a OrganizationNames, StoreError> {
        let names = self.snapshot.dictionary.by_number(organization);
        names.ok_or_else(|| damaged("usage of an organization without a name"))
    }

    /// The shard of an organization; all, for what is nobody's alone.
    fn place(&self, organization: &str) -> Option<usize> {
        (!organization.is_empty()).then(|| self.client.address().shard_of(organization))
    }

    fn version(&self) -> u64 {
        version(self.shipping.epoch, self.shipping.commit)
    }

    /// Whether an organization is this node's. A shard that does not say has failed.
    fn is_own(&mut self, organization: &str) -> bool {
        let Some(shard) = self.place(organization) else { return true };
        if self.failed.contains_key(&shard) {
            return false;
        }
        self.claims.owns(self.client, shard, self.node, organization, self.now).unwrap_or_else(|error| {
            self.failed.insert(shard, error);
            false
        })
    }

    fn segments(&mut self, organization: OrganizationId, touched: &Touched) -> Result<(), ShipError> {
        let name = self.name(organization)?;
        if !self.is_own(name) {
            return Ok(());
        }
        let mut segments = touched.segments.clone();
        segments.extend(touched.rows.iter().map(|(segment, _)| *segment));
        let (Some(first), Some(last)) = (segments.first(), segments.last()) else { return Ok(()) };
        let state = self.snapshot.reader.state(organization, *first..last.plus(1))?;
        for segment in &segments {
            self.segment(organization, &state, *segment)?;
            let rows = touched.rows.range((*segment, SeriesId(0))..=(*segment, SeriesId(u32::MAX)));
            for (_, series) in rows.filter(|row| !state.contains_key(row)) {
                self.row(organization, *segment, *series, Measures::ZERO)?;
            }
            self.flush_if_full();
        }
        Ok(())
    }

    fn segment(&mut self, organization: OrganizationId, state: &State, segment: Segment) -> Result<(), ShipError> {
        for ((_, series), measures) in state.range((segment, SeriesId(0))..=(segment, SeriesId(u32::MAX))) {
            self.row(organization, segment, *series, *measures)?;
        }
        Ok(())
    }

    fn row(
        &mut self,
        organization: OrganizationId,
        segment: Segment,
        series: SeriesId,
        measures: Measures,
    ) -> Result<(), ShipError> {
        let names = self.names_of(organization)?;
        let of = names.series().get(series.0 as usize).ok_or_else(|| damaged("usage of a series without a name"))?;
        let text = |by: Dimension| names.name(by, of.value(by)).unwrap_or_default();
        let row = UsageRow {
            organization: self.name(organization)?,
            at: second_of(segment),
            node: self.node,
            api_key: text(Dimension::ApiKey),
            model: text(Dimension::Model),
            provider: text(Dimension::Provider),
            project: text(Dimension::Project),
            source: names.name(Dimension::Source, of.source),
            mode: of.mode,
            cost_source: of.cost_source,
            version: self.version(),
            measures,
        };
        self.put(&row);
        Ok(())
    }

    fn put(&mut self, row: &UsageRow<'_>) {
        let shard = self.client.address().shard_of(row.organization);
        let out = &mut self.rows[shard].usage;
        let before = out.len();
        row.write(out);
        self.bytes += out.len() - before;
    }

    fn put_gone(&mut self, organization: &str, segment: Segment, gone: &Gone) {
        let row = UsageRow {
            organization,
            at: second_of(segment),
            node: self.node,
            api_key: &gone.api_key,
            model: &gone.model,
            provider: &gone.provider,
            project: &gone.project,
            source: gone.source.as_deref(),
            mode: gone.mode,
            cost_source: gone.cost_source,
            version: self.version(),
            measures: Measures::ZERO,
        };
        self.put(&row);
    }

    /// Sends all rows of some segments, and zeros for those that the cluster has and the store has no more.
    fn range(&mut self, organization: OrganizationId, range: Range<u32>) -> Result<Option<usize>, ShipError> {
        let name = self.name(organization)?;
        let place = self.place(name);
        if !self.is_own(name) {
            return Ok(place);
        }
        let (reader, start, end) = (&self.snapshot.reader, Segment(range.start), Segment(range.end));
        let first = reader.first_segment(organization)?.map(Segment::day);
        let (Some(first), Some(last)) = (first, reader.newest_day(organization)?) else {
            self.remove(name, start..end)?;
            return Ok(place);
        };
        let (known, past) = (first.first_segment().clamp(start, end), last.next().first_segment().clamp(start, end));
        self.remove(name, start..known)?;
        self.remove(name, past..end)?;
        each_chunk(reader, organization, known..past, |segments, state| {
            let mut gone: BTreeMap<Segment, Vec<Gone>> = BTreeMap::new();
            self.each_gone(name, segments, Some(&state), |_, segment, names| {
                gone.entry(segment).or_default().push(names);
            })?;
            let segments: BTreeSet<Segment> = state.keys().map(|(at, _)| *at).chain(gone.keys().copied()).collect();
            for segment in segments {
                // In one insert: of a row that has become another neither both are there nor none.
                self.segment(organization, &state, segment)?;
                for names in gone.get(&segment).into_iter().flatten() {
                    self.put_gone(name, segment, names);
                }
                self.flush_if_full();
            }
            Ok::<_, ShipError>(())
        })?;
        Ok(place)
    }

    /// Sends zeros for all that the cluster has of some segments, of which the store has none.
    fn remove(&mut self, name: &str, segments: Range<Segment>) -> Result<(), ShipError> {
        self.each_gone(name, segments, None, |shipment, segment, gone| {
            shipment.put_gone(name, segment, &gone);
            shipment.flush_if_full();
        })
    }

    /// Calls `visit` with the rows of the cluster that are not in an organization's state.
    fn each_gone(
        &mut self,
        name: &str,
        segments: Range<Segment>,
        state: Option<&State>,
        mut visit: impl FnMut(&mut Shipment<'a>, Segment, Gone),
    ) -> Result<(), ShipError> {
        let shard = self.client.address().shard_of(name);
        if segments.is_empty() || self.failed.contains_key(&shard) {
            return Ok(());
        }
        let client = self.client;
        let (first, end) = (second_of(segments.start), second_of(segments.end));
        let sql = format!(
            "SELECT toUInt32(at), api_key, model, provider, project, source, has_source, mode, cost_source \
             FROM usage_local FINAL WHERE organization = {} AND node = {} AND at >= toDateTime({first}) \
             AND at < toDateTime({end}) AND ({}) FORMAT RowBinary",
            quoted(name),
            quoted(self.node),
            super::schema::HAS_SOMETHING
        );
        let read = |shipment: &mut Shipment<'a>, visit: &mut dyn FnMut(&mut Shipment<'a>, Segment, Gone)| {
            let mut rows = client.ask(shard, &sql)?;
            while client.read(shard, rows.has_more())? {
                let mut row = || {
                    let at = rows.u32()?;
                    let [api_key, model, provider, project, source] =
                        [rows.text()?, rows.text()?, rows.text()?, rows.text()?, rows.text()?];
                    let source = (rows.u8()? == 1).then_some(source);
                    let mode = if rows.u8()? == 1 { Mode::ApiKeys } else { Mode::Credits };
                    let cost_source = cost_source_of(rows.u8()?);
                    let organization = name.to_owned();
                    let of = Gone { organization, project, api_key, model, provider, source, mode, cost_source };
                    Ok((at, of))
                };
                let (at, of) = client.read(shard, row())?;
                let Some(segment) = Segment::of(i64::from(at) * 1000) else { continue };
                let known = shipment.snapshot.dictionary.find(&of);
                let is_there = |state: &State| known.is_some_and(|(_, series)| state.contains_key(&(segment, series)));
                if !state.is_some_and(is_there) {
                    visit(shipment, segment, of);
                }
            }
            Ok(())
        };
        if let Err(error) = read(self, &mut visit) {
            self.failed.insert(shard, error);
        }
        Ok(())
    }

    /// Sends all records of a table, and marks as deleted those that the cluster has and the store has no more.
    fn table(&mut self, table: RecordTable) -> Result<(), ShipError> {
        let snapshot = self.snapshot;
        snapshot.reader.records_of(table, |key, value| self.record(table, key, Some(value)).map(drop))?;
        self.flush();
        let client = self.client;
        let sql = format!(
            "SELECT organization, key FROM records_local FINAL WHERE node = {} AND kind = {} AND deleted = 0 \
             FORMAT RowBinary",
            quoted(self.node),
            quoted(table.name())
        );
        if table.has_organizations() {
            self.remove_unknown();
        }
        for shard in client.shards() {
            if self.failed.contains_key(&shard) {
                continue;
            }
            let mut read = || {
                let mut rows = client.ask(shard, &sql)?;
                while client.read(shard, rows.has_more())? {
                    let organization = client.read(shard, rows.text())?;
                    let key = client.read(shard, rows.bytes())?;
                    let is_there = snapshot.reader.record_of(table, &key)?.is_some();
                    // A number may have become another organization's.
                    if !is_there || self.owner(table, &key)? != organization {
                        self.put_record(shard, &organization, table.name(), &key, None);
                        self.flush_if_full();
                    }
                }
                Ok(())
            };
            match read() {
                Ok(()) => {}
                Err(ShipError::Cluster(error)) => drop(self.failed.insert(shard, error)),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Sends zeros for organizations that the cluster has of this node, and the store has not: a backup was made before them.
    fn remove_unknown(&mut self) {
        let client = self.client;
        let sql = format!(
            "SELECT DISTINCT organization FROM usage_local FINAL WHERE node = {} AND ({}) FORMAT RowBinary",
            quoted(self.node),
            super::schema::HAS_SOMETHING
        );
        for shard in client.shards() {
            let read = || {
                let (mut rows, mut found) = (client.ask(shard, &sql)?, Vec::new());
                while client.read(shard, rows.has_more())? {
                    found.push(client.read(shard, rows.text())?);
                }
                Ok(found)
            };
            let removed = read().map_err(ShipError::Cluster).and_then(|names: Vec<String>| {
                let unknown = names.iter().filter(|name| self.snapshot.dictionary.organization(name).is_none());
                let unknown: Vec<&String> = unknown.collect();
                unknown.into_iter().try_for_each(|name| {
                    self.remove(name, Segment(0)..Segment(u32::MAX))?;
                    Ok(self.claims.release(client, shard, self.node, name, self.now)?)
                })
            });
            if let Err(ShipError::Cluster(error)) = removed {
                self.failed.entry(shard).or_insert(error);
            }
        }
    }

    fn owner<'k>(&self, table: RecordTable, key: &'k [u8]) -> Result<&'k str, StoreError>
    where
        'a: 'k,
    {
        Ok(match table.owner(key)? {
            RecordOwner::Named(name) => name,
            RecordOwner::Numbered(OrganizationId(0)) => "",
            RecordOwner::Numbered(number) => self.name(number)?,
        })
    }

    /// Sends a record, or that it is no more. Gives the shard that it goes to; none if to all.
    fn record(&mut self, table: RecordTable, key: &[u8], value: Option<&[u8]>) -> Result<Option<usize>, ShipError> {
        let organization = self.owner(table, key)?.to_owned();
        let place = self.place(&organization);
        if self.is_own(&organization) {
            let shards = place.map_or(self.client.shards(), |shard| shard..shard + 1);
            shards.for_each(|shard| self.put_record(shard, &organization, table.name(), key, value));
            self.flush_if_full();
        }
        Ok(place)
    }

    fn put_record(&mut self, shard: usize, organization: &str, kind: &str, key: &[u8], value: Option<&[u8]>) {
        let version = self.version();
        let out = &mut self.rows[shard].records;
        let before = out.len();
        [organization, self.node, kind].iter().for_each(|text| out.text(text.as_bytes()));
        out.text(key);
        out.u64(version);
        out.u8(u8::from(value.is_none()));
        out.text(value.unwrap_or_default());
        self.bytes += out.len() - before;
    }

    fn flush_if_full(&mut self) {
        if self.bytes >= FLUSH_BYTES {
            self.flush();
        }
    }

    /// Sends what waits, one insert at a time.
    fn flush(&mut self) {
        for (shard, rows) in self.rows.iter_mut().enumerate() {
            for (table, rows) in [("records_local", &mut rows.records), ("usage_local", &mut rows.usage)] {
                if !rows.is_empty()
                    && !self.failed.contains_key(&shard)
                    && let Err(error) = self.client.insert(shard, table, rows)
                {
                    self.failed.insert(shard, error);
                }
                rows.clear();
            }
        }
        self.bytes = 0;
    }
}

/// Calls `visit` with all that an organization has in some segments, as much at once as fits into some memory.
pub(super) fn each_chunk<E: From<StoreError>>(
    reader: &Reader,
    organization: OrganizationId,
    segments: Range<Segment>,
    mut visit: impl FnMut(Range<Segment>, State) -> Result<(), E>,
) -> Result<(), E> {
    let mut at = segments.start;
    while at < segments.end {
        let end = at.period().next().first_segment().min(segments.end);
        let rows = reader.rows_about(organization, at..end)?.max(1);
        let days = (CHUNK_ROWS * PERIOD_DAYS as u64 / rows).clamp(1, PERIOD_DAYS as u64) as usize;
        let next = at.day().first_segment().plus(days * SEGMENTS).min(end);
        visit(at..next, reader.state(organization, at..next)?)?;
        at = next;
    }
    Ok(())
}

/// When a segment begins. Times of segments that a `DateTime` cannot have are past all usage.
fn second_of(segment: Segment) -> u32 {
    u32::try_from(segment.start_ms() / 1000).unwrap_or(u32::MAX)
}

fn cost_source_of(number: u8) -> CostSource {
    match number {
        0 => CostSource::Reported,
        1 => CostSource::Priced,
        2 => CostSource::Unpriced,
        3 => CostSource::Unmeasured,
        _ => CostSource::PricedByCall,
    }
}
