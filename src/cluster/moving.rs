//! Moving an organization from one shard to another, by the node that owns it.
//!
//! ```text
//! at A  ->  copying A B  ->  leaving A B  ->  at B
//! ```
//!
//! Each arrow is a record on every shard, and nothing is done by it before all have it. While it is *copied* all that is
//! touched goes to both, and part by part the state of the rest to B; readers are at A. When B has the sums and as many
//! records as the node has, it *leaves*: readers are at B, and of A, zeros take the place of its rows. Whoever was
//! still reading there finds A's own record after its sums, and asks again. What was begun and cut off is begun again:
//! rows are states, so nothing is there twice.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::audit;
use super::client::{Client, ClusterError};
use super::node::{Claims, owner};
use super::places::{Place, Places};
use super::shipment::{Destination, ShipError, Shipment};
use crate::engine::{Engine, Snapshot};
use crate::model::{OrganizationId, Segment, UnixMs};

/// How long parts are copied before everything else has its turn.
const TURN: Duration = Duration::from_secs(1);
const ALL: Segment = Segment(u32::MAX);

/// What a move needs of whoever ships.
pub(super) struct Around<'a> {
    pub engine: &'a Engine,
    pub client: &'a Client,
    pub node: &'a str,
    pub claims: &'a mut Claims,
    pub failed: &'a mut BTreeMap<usize, ClusterError>,
    /// Of what is said now.
    pub version: u64,
    pub now: UnixMs,
}

/// How far the step of a move is that is under way.
struct Step {
    organization: String,
    /// Of the place that it is of.
    version: u64,
    /// The first segment that is not done; none when all is.
    next: Option<Segment>,
}

/// Does what is wanted, one organization at a time.
#[derive(Default)]
pub(super) struct Mover {
    step: Option<Step>,
}

impl Mover {
    /// Whether the next step compares sums, which takes a state that is shipped.
    pub fn compares(&self) -> bool {
        self.step.as_ref().is_some_and(|step| step.next.is_none())
    }

    /// Goes on with what is wanted of the node's organizations, where every shard answers. `compared` is a state of which
    /// every shard has all.
    pub fn step(
        &mut self,
        mut around: Around<'_>,
        places: &mut Places,
        compared: Option<&Snapshot>,
    ) -> Result<(), ShipError> {
        let unfinished =
            places.all_wanted().filter(|organization| around.claims.has(organization)).find_map(|organization| {
                let place = places.of(around.client.address(), organization);
                let (_, wanted) = places.wanted(organization)?;
                // One that is there by its hash is to stay there, however many shards there will be.
                (place != Place::At(wanted) || places.version(organization) == 0)
                    .then(|| (organization.to_owned(), place, wanted))
            });
        let Some((organization, place, wanted)) = unfinished else {
            self.step = None;
            return Ok(());
        };
        let is_everywhere = places.is_everywhere(&organization);
        let next = match place {
            Place::At(from) if from == wanted => Some(place),
            Place::At(from) => Some(Place::Copying { from, to: wanted }),
            _ if !is_everywhere => None,
            // Nobody reads there.
            Place::Copying { from, to } if to != wanted => Some(Place::Leaving { from: to, to: from }),
            Place::Copying { from, to } => {
                let is_there = self.go_on(&mut around, places, &organization, to, compared)?;
                is_there.then_some(Place::Leaving { from, to })
            }
            Place::Leaving { from, to } => {
                let is_gone = self.go_on(&mut around, places, &organization, from, compared)?;
                is_gone.then_some(Place::At(to))
            }
        };
        if let Some(next) = next {
            tracing::info!(organization, place = %next, "an organization moves between the cluster's shards");
            places.put(&organization, next, around.version);
            self.step = None;
        }
        Ok(())
    }

    /// Copies to a shard that is to have all, or takes everything from one that it leaves. Whether that is done.
    fn go_on(
        &mut self,
        around: &mut Around<'_>,
        places: &Places,
        organization: &str,
        shard: usize,
        compared: Option<&Snapshot>,
    ) -> Result<bool, ShipError> {
        let version = places.version(organization);
        let keeps = places.shards_of(around.client.address(), organization).contains(&Some(shard));
        let snapshot = around.engine.snapshot();
        // Usage that a restore has taken away is removed otherwise.
        let Some((number, _)) = snapshot.dictionary.organization(organization) else { return Ok(true) };
        let is_of_this = |step: &&mut Step| step.version == version && step.organization == organization;
        let Some(step) = self.step.as_mut().filter(is_of_this) else {
            if keeps {
                around.claims.repeat(around.client, shard, around.node, organization, around.now)?;
            }
            // What is sent from now on is later than whatever is on its way there.
            around.engine.ship_again(vec![(number, 0..0)])?;
            self.step = Some(Step { organization: organization.to_owned(), version, next: Some(Segment(0)) });
            return Ok(false);
        };
        let to = Destination { client: around.client, places, node: around.node, only: Some(shard) };
        let Some(mut at) = step.next else {
            let Some(snapshot) = compared else { return Ok(false) };
            let is_level = is_level(around, to, snapshot, (organization, number))?;
            if !is_level {
                tracing::warn!(organization, "what was copied is not what the store has; it is copied again");
                step.next = Some(Segment(0));
            }
            return Ok(is_level);
        };
        let Some(shipping) = snapshot.reader.shipping()? else { return Ok(false) };
        let began = Instant::now();
        let mut shipment = Shipment::new(to, &snapshot, shipping, around.now, around.claims, around.failed);
        while at < ALL && began.elapsed() < TURN {
            at = shipment.part(number, at..ALL, keeps)?;
        }
        if at == ALL {
            shipment.records_of(organization, keeps)?;
        }
        shipment.flush();
        if around.failed.is_empty() {
            step.next = (at < ALL).then_some(at);
        }
        Ok(!keeps && step.next.is_none())
    }
}

/// Whether a shard has the sums and the records that the node has.
fn is_level(
    around: &mut Around<'_>,
    to: Destination<'_>,
    snapshot: &Snapshot,
    (organization, number): (&str, OrganizationId),
) -> Result<bool, ShipError> {
    let (client, shard) = (to.client.patiently(), to.only.unwrap_or_default());
    let Some(shipping) = snapshot.reader.shipping()? else { return Ok(false) };
    let mut shipment = Shipment::new(to, snapshot, shipping, around.now, around.claims, around.failed);
    let records = shipment.count_records_of(organization)?;
    Ok(audit::count_records(&client, shard, to.node, organization)? == records
        && audit::is_level(&client, shard, snapshot, to.node, (organization, number))?)
}

/// What became of a move that somebody wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Move {
    /// It is there.
    Done,
    /// It is on its way: where it is, and the address of its node.
    UnderWay { place: Place, node: String, ships: bool },
    /// Somebody wants it elsewhere since.
    Superseded { shard: usize },
}

/// Wants an organization on a shard, or looks what became of that. `since` is what an earlier call gave, for what was
/// wanted then.
pub fn want(
    client: &Client,
    organization: &str,
    shard: usize,
    now: UnixMs,
    since: Option<u64>,
) -> Result<(u64, Move), ClusterError> {
    let mut places = Places::default();
    let mut by_shard = Vec::new();
    for each in client.shards() {
        let found = Places::read(client, each)?;
        places.merge(client.address(), &found);
        by_shard.push(found);
    }
    let place = places.of(client.address(), organization);
    let node = owner(client, organization)?.ok_or_else(|| {
        ClusterError::Wrong(format!(
            "no node ships an organization '{organization}': see organizationId in /v1/directory"
        ))
    })?;
    let since = match (since, places.wanted(organization)) {
        (None, Some((version, wanted))) if wanted == shard => version,
        (None, _) => {
            places.want(organization, shard, now.max(0) as u64);
            by_shard.iter().enumerate().try_for_each(|(each, it_has)| places.tell(client, each, it_has))?;
            places.wanted(organization).map_or(0, |(version, _)| version)
        }
        (Some(since), Some((version, wanted))) if version > since && wanted != shard => {
            return Ok((since, Move::Superseded { shard: wanted }));
        }
        (Some(since), _) => since,
    };
    if place == Place::At(shard) && places.version(organization) > 0 {
        return Ok((since, Move::Done));
    }
    let (node, ships) = super::node::address_of(client, place.home(), &node)?;
    Ok((since, Move::UnderWay { place, node, ships }))
}
