//! Whether a cluster has what the node has: sums of each organization and UTC month, compared after a pass.
//!
//! Whoever ships compares, with the snapshot that it has just shipped: nobody else writes a node's rows, so both sides are
//! of one moment, whatever comes meanwhile.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::client::{Client, ClusterError, quoted};
use super::node::OWNER;
use super::places::Places;
use super::shipment::{ShipError, each_chunk};
use crate::calendar::{Date, Zone};
use crate::engine::Snapshot;
use crate::model::{Count, OrganizationId, Overflow, PicoUsd, Segment};
use crate::store::StoreError;

/// What is compared of a month.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sums {
    pub requests: u128,
    pub tokens: u128,
    pub cost: PicoUsd,
}

/// A month of which the cluster has something else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    pub organization: String,
    /// Its first day.
    pub month: Date,
    pub node: Sums,
    pub cluster: Sums,
}

type Months = BTreeMap<Date, Sums>;

/// The months that differ of the organizations that `owns` says are the node's, with the segments of each.
pub(super) fn compare(
    client: &Client,
    places: &Places,
    snapshot: &Snapshot,
    node: &str,
    owns: impl Fn(&str) -> bool,
) -> Result<Vec<(Difference, OrganizationId, Range<u32>)>, ShipError> {
    let mut found: BTreeMap<String, Months> = BTreeMap::new();
    for shard in client.shards() {
        // What an organization has on two shards is there twice, and differs, unless it is just being moved.
        let counts = |name: &str| places.of(client.address(), name).unfinished() != Some(shard);
        of_shard(client, shard, node, "", counts, &mut found)?;
    }
    let mut differences = Vec::new();
    let mut names: Vec<&str> = snapshot.dictionary.organization_names().filter(|name| owns(name)).collect();
    names.sort_unstable();
    for name in names {
        let Some((number, _)) = snapshot.dictionary.organization(name) else { continue };
        let (own, cluster) = (of_node(snapshot, number)?, found.remove(name).unwrap_or_default());
        let months: BTreeSet<Date> = own.keys().chain(cluster.keys()).copied().collect();
        for month in months {
            let [node, cluster] = [&own, &cluster].map(|of| of.get(&month).copied().unwrap_or_default());
            if node != cluster {
                let difference = Difference { organization: name.to_owned(), month, node, cluster };
                differences.push((difference, number, segments_of(month)));
            }
        }
    }
    Ok(differences)
}

/// The segments of the UTC month that begins on a day.
fn segments_of(first: Date) -> Range<u32> {
    let Range { start, end } = Zone::UTC.month_of(first);
    let segment = |at| Segment::of(at).unwrap_or(Segment(u32::MAX)).0;
    segment(start)..segment(end)
}

fn of_node(snapshot: &Snapshot, organization: OrganizationId) -> Result<Months, StoreError> {
    let mut months = Months::new();
    let reader = &snapshot.reader;
    let first = reader.first_segment(organization)?.map(Segment::day);
    let (Some(first), Some(last)) = (first, reader.newest_day(organization)?) else { return Ok(months) };
    let segments = first.first_segment()..last.next().first_segment();
    each_chunk(reader, organization, segments, |_, state| {
        for ((segment, _), measures) in &state {
            let month = Zone::UTC.date_at(segment.start_ms()).first_of_month();
            let sums = months.entry(month).or_default();
            sums.requests += u128::from(measures.get(Count::Requests));
            sums.tokens += u128::from(measures.get(Count::TotalTokens));
            sums.cost = PicoUsd(sums.cost.0.checked_add(measures.cost.0).ok_or(Overflow)?);
        }
        Ok::<_, StoreError>(())
    })?;
    months.retain(|_, sums| *sums != Sums::default());
    Ok(months)
}

/// Whether a shard has of one organization what the node has.
pub(super) fn is_level(
    client: &Client,
    shard: usize,
    snapshot: &Snapshot,
    node: &str,
    (name, number): (&str, OrganizationId),
) -> Result<bool, ShipError> {
    let mut found = BTreeMap::new();
    of_shard(client, shard, node, &format!(" AND organization = {}", quoted(name)), |_| true, &mut found)?;
    Ok(of_node(snapshot, number)? == found.remove(name).unwrap_or_default())
}

/// How many records a shard has of an organization, as the node ships them.
pub(super) fn count_records(
    client: &Client,
    shard: usize,
    node: &str,
    organization: &str,
) -> Result<u64, ClusterError> {
    let sql = format!(
        "SELECT count() FROM records_local FINAL \
         WHERE organization = {} AND node = {} AND kind != {} AND deleted = 0 FORMAT RowBinary",
        quoted(organization),
        quoted(node),
        quoted(OWNER)
    );
    client.read(shard, client.ask(shard, &sql)?.u64())
}

/// Adds up what a shard has of a node, of the organizations that count.
fn of_shard(
    client: &Client,
    shard: usize,
    node: &str,
    only: &str,
    counts: impl Fn(&str) -> bool,
    found: &mut BTreeMap<String, Months>,
) -> Result<(), ClusterError> {
    let sql = format!(
        "SELECT organization, toUInt32(toYYYYMM(at)), sum(toDecimal128(requests, 0)), sum(toDecimal128(total_tokens, 0)), \
         sum(cost) FROM usage_local FINAL WHERE node = {}{only} GROUP BY organization, toYYYYMM(at) FORMAT RowBinary",
        quoted(node)
    );
    let mut rows = client.ask(shard, &sql)?;
    while client.read(shard, rows.has_more())? {
        let mut row = || Ok((rows.text()?, rows.u32()?, rows.i128()?, rows.i128()?, rows.i128()?));
        let (organization, month, requests, tokens, cost) = client.read(shard, row())?;
        let month = Date::parse(&format!("{}-{:02}-01", month / 100, month % 100));
        let month = month.ok_or_else(|| ClusterError::Wrong("a month that there is not".into()))?;
        let count = |value: i128| u128::try_from(value).unwrap_or(u128::MAX);
        let (requests, tokens) = (count(requests), count(tokens));
        if !counts(&organization) || (requests, tokens, cost) == (0, 0, 0) {
            continue;
        }
        let sums = found.entry(organization).or_default().entry(month).or_default();
        sums.requests = sums.requests.saturating_add(requests);
        sums.tokens = sums.tokens.saturating_add(tokens);
        sums.cost = PicoUsd(sums.cost.0.saturating_add(cost));
    }
    Ok(())
}
