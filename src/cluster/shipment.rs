//! Rows on their way: what was touched, read from one snapshot as it is there, put into the shards' tables.

mod records;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::client::{Client, ClusterError, quoted};
use super::node::{Claims, version};
use super::places::Places;
use super::rows::UsageRow;
use crate::engine::{EngineError, Snapshot};
use crate::model::{
    Combination, CostSource, Day, Dimension, Measures, Mode, OrganizationId, PERIOD_DAYS, SEGMENTS, Segment, SeriesId,
    UnixMs,
};
use crate::store::{OrganizationNames, Reader, Shipping, State, StoreError, Unshipped, damaged};

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

/// Where rows of a node go.
#[derive(Clone, Copy)]
pub(super) struct Destination<'a> {
    pub client: &'a Client,
    pub places: &'a Places,
    pub node: &'a str,
    /// Nowhere else than to this shard, wherever organizations are.
    pub only: Option<usize>,
}

/// The shards of what is one organization's.
type Shards = [Option<usize>; 2];

/// What is sent of one snapshot.
pub(super) struct Shipment<'a> {
    pub to: Destination<'a>,
    pub snapshot: &'a Snapshot,
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
        to: Destination<'a>,
        snapshot: &'a Snapshot,
        shipping: Shipping,
        now: UnixMs,
        claims: &'a mut Claims,
        failed: &'a mut BTreeMap<usize, ClusterError>,
    ) -> Shipment<'a> {
        let dictionary = &snapshot.dictionary;
        let number = |name: &'a str| Some((dictionary.organization(name)?.0, name));
        let names = dictionary.organization_names().filter_map(number).collect();
        let rows = vec![Shard::default(); to.client.shards().len()];
        Shipment { to, snapshot, shipping, now, claims, failed, rows, bytes: 0, names }
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
        let is_there = |place: &Option<Shards>| match place {
            Some(shards) => shards.iter().flatten().all(|shard| !self.failed.contains_key(shard)),
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

    /// The shards of an organization; all, for what is nobody's alone.
    fn place(&self, organization: &str) -> Option<Shards> {
        (!organization.is_empty()).then(|| self.shards_of(organization))
    }

    fn shards_of(&self, organization: &str) -> Shards {
        if self.to.only.is_some() {
            return [self.to.only, None];
        }
        self.to.places.shards_of(self.to.client.address(), organization)
    }

    fn version(&self) -> u64 {
        version(self.shipping.epoch, self.shipping.commit)
    }

    /// Whether an organization is this node's. A shard that does not say has failed.
    fn is_own(&mut self, organization: &str) -> bool {
        if organization.is_empty() {
            return true;
        }
        let shard = self.to.places.of(self.to.client.address(), organization).home();
        if self.failed.contains_key(&shard) {
            return false;
        }
        self.claims.owns(self.to.client, shard, self.to.node, organization, self.now).unwrap_or_else(|error| {
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
            node: self.to.node,
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
        for shard in self.shards_of(row.organization).into_iter().flatten() {
            self.put(shard, &row);
        }
        Ok(())
    }

    fn put(&mut self, shard: usize, row: &UsageRow<'_>) {
        let out = &mut self.rows[shard].usage;
        let before = out.len();
        row.write(out);
        self.bytes += out.len() - before;
    }

    fn put_gone(&mut self, shard: usize, organization: &str, segment: Segment, gone: &Gone) {
        let row = UsageRow {
            organization,
            at: second_of(segment),
            node: self.to.node,
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
        self.put(shard, &row);
    }

    /// Sends all rows of some segments, and zeros for those that the cluster has and the store has no more.
    fn range(&mut self, organization: OrganizationId, range: Range<u32>) -> Result<Option<Shards>, ShipError> {
        let name = self.name(organization)?;
        if self.is_own(name) {
            let (mut at, end) = (Segment(range.start), Segment(range.end));
            while at < end {
                at = self.part(organization, at..end, true)?;
            }
        }
        Ok(self.place(name))
    }

    /// The same of as many of the first segments as fit into some memory, or zeros for all of them, where nothing is to be
    /// kept. Gives where the rest begins.
    pub fn part(
        &mut self,
        organization: OrganizationId,
        segments: Range<Segment>,
        keeps: bool,
    ) -> Result<Segment, ShipError> {
        let (name, reader, Range { start, end }) = (self.name(organization)?, &self.snapshot.reader, segments);
        let first = reader.first_segment(organization)?.map(Segment::day);
        let (Some(first), Some(last)) = (first, reader.newest_day(organization)?) else {
            self.remove(name, start..end)?;
            return Ok(end);
        };
        let (known, past) = (first.first_segment().clamp(start, end), last.next().first_segment().clamp(start, end));
        if start < known || past == start {
            let next = if start < known { known } else { end };
            self.remove(name, start..next)?;
            return Ok(next);
        }
        let next = chunk(reader, organization, start..past)?;
        if !keeps {
            self.remove(name, start..next)?;
            return Ok(next);
        }
        let state = reader.state(organization, start..next)?;
        let mut gone: BTreeMap<Segment, Vec<(usize, Gone)>> = BTreeMap::new();
        for shard in self.shards_of(name).into_iter().flatten() {
            self.each_gone(shard, name, start..next, Some(&state), |_, segment, names| {
                gone.entry(segment).or_default().push((shard, names));
            })?;
        }
        let segments: BTreeSet<Segment> = state.keys().map(|(at, _)| *at).chain(gone.keys().copied()).collect();
        for segment in segments {
            // In one insert: of a row that has become another neither both are there nor none.
            self.segment(organization, &state, segment)?;
            for (shard, names) in gone.get(&segment).into_iter().flatten() {
                self.put_gone(*shard, name, segment, names);
            }
            self.flush_if_full();
        }
        Ok(next)
    }

    /// Sends zeros for all that the cluster has of some segments, of which the store has none.
    fn remove(&mut self, name: &str, segments: Range<Segment>) -> Result<(), ShipError> {
        let mut shards = self.shards_of(name).into_iter().flatten();
        shards.try_for_each(|shard| self.remove_at(shard, name, segments.clone()))
    }

    fn remove_at(&mut self, shard: usize, name: &str, segments: Range<Segment>) -> Result<(), ShipError> {
        self.each_gone(shard, name, segments, None, |shipment, segment, gone| {
            shipment.put_gone(shard, name, segment, &gone);
            shipment.flush_if_full();
        })
    }

    /// Calls `visit` with the rows of the cluster that are not in an organization's state.
    fn each_gone(
        &mut self,
        shard: usize,
        name: &str,
        segments: Range<Segment>,
        state: Option<&State>,
        mut visit: impl FnMut(&mut Shipment<'a>, Segment, Gone),
    ) -> Result<(), ShipError> {
        if segments.is_empty() || self.failed.contains_key(&shard) {
            return Ok(());
        }
        let client = &self.to.client.patiently();
        let (first, end) = (second_of(segments.start), second_of(segments.end));
        let sql = format!(
            "SELECT toUInt32(at), api_key, model, provider, project, source, has_source, mode, cost_source \
             FROM usage_local FINAL WHERE organization = {} AND node = {} AND at >= toDateTime({first}) \
             AND at < toDateTime({end}) AND ({}) FORMAT RowBinary",
            quoted(name),
            quoted(self.to.node),
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

    fn flush_if_full(&mut self) {
        if self.bytes >= FLUSH_BYTES {
            self.flush();
        }
    }

    /// Sends what waits, one insert at a time.
    pub fn flush(&mut self) {
        for (shard, rows) in self.rows.iter_mut().enumerate() {
            for (table, rows) in [("records_local", &mut rows.records), ("usage_local", &mut rows.usage)] {
                if !rows.is_empty()
                    && !self.failed.contains_key(&shard)
                    && let Err(error) = self.to.client.insert(shard, table, rows)
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
        let next = chunk(reader, organization, at..segments.end)?;
        visit(at..next, reader.state(organization, at..next)?)?;
        at = next;
    }
    Ok(())
}

/// Where as much ends as is read at once, of an organization's segments from the first on.
fn chunk(reader: &Reader, organization: OrganizationId, segments: Range<Segment>) -> Result<Segment, StoreError> {
    let at = segments.start;
    let end = at.period().next().first_segment().min(segments.end);
    let rows = reader.rows_about(organization, at..end)?.max(1);
    let days = (CHUNK_ROWS * PERIOD_DAYS as u64 / rows).clamp(1, PERIOD_DAYS as u64) as usize;
    Ok(at.day().first_segment().plus(days * SEGMENTS).min(end))
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
