//! Shipping: a thread that keeps a cluster's tables in step with the store.
//!
//! Each pass goes through what was touched and is not shipped, and sends the state of it. Snapshots are held no longer
//! than a part of that takes, so a store that was a day behind keeps no old pages. What was touched up to the commit at
//! which a pass began is on a shard once the pass is over, and only then the node's line there says so.
//!
//! The writer knows nothing of this thread. What a cluster does not take stays noted in the store, where it takes as much
//! room as there are segments and records; the thread's memory is bounded by what it reads and sends at once.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use super::audit::{self, Difference};
use super::client::{Client, ClusterError};
use super::moving::{Around, Mover};
use super::node::{Claims, Instance, Line, Standing, Verdict, beat, commit_of, standing, version, write};
use super::places::Places;
use super::schema;
use super::shipment::{Destination, ShipError, Shipment};
use super::ships::{Ships, Wanted};
use crate::engine::{Engine, Snapshot};
use crate::model::UnixMs;
use crate::store::{Shipping, caught, damaged};

/// How often a pass begins. Each that has something leaves a part on each shard, which servers merge.
const PACE: Duration = Duration::from_secs(1);
/// How long a shard is asked where it is. One that hangs holds up the others for as long, and is then left alone for a while.
const ASK: Duration = Duration::from_secs(4);
/// How long to wait after a failure at most; a shard that failed, while the others go on.
const LONGEST_WAIT: Duration = Duration::from_secs(15);
/// How often what is shipped is taken off what is noted in the store, which costs the writer a commit.
const NOTE: Duration = Duration::from_secs(5);
/// What is taken from the store's notes at once.
const MARKS: usize = 2000;
/// How many may wait to be taken off.
const MAX_DONE: usize = 20_000;
/// How often a node says that it still is there while a pass is long.
const RENEW: Duration = Duration::from_secs(5);
/// How often sums are compared by themselves.
const AUDIT: Duration = Duration::from_secs(24 * 3600);
/// How often it is read which organizations are whose.
const CLAIMS: Duration = Duration::from_secs(60);
/// A server that stops waits this long for what is being sent. What is cut off is sent again.
const STOPPING: Duration = Duration::from_secs(1);
/// A start waits this long for what is wrong to show itself; a cluster that is away shows nothing.
const FIRST_LOOK: Duration = Duration::from_secs(3);

/// A shard that failed, which is not asked until some time has passed.
struct Rest {
    until: Instant,
    wait: Duration,
    error: ClusterError,
}

/// A thread that ships, for as long as this is there.
pub struct Shipper {
    ships: Arc<Ships>,
    stopped: Receiver<()>,
}

impl Shipper {
    /// Looks at the cluster, and starts. `location` tells the place of the store's file from all others, `address` is where
    /// people and programs that change something find this server.
    pub fn start(engine: Arc<Engine>, client: Client, location: &str, address: &str) -> Result<Shipper, ShipError> {
        Shipper::start_at(PACE, engine, client, location, address)
    }

    pub(super) fn start_at(
        pace: Duration,
        engine: Arc<Engine>,
        client: Client,
        location: &str,
        address: &str,
    ) -> Result<Shipper, ShipError> {
        let mut process = [0; 8];
        getrandom::fill(&mut process).expect("the operating system has random bytes");
        let process = process.iter().map(|byte| format!("{byte:02x}")).collect();
        let (wanted, asked) = channel();
        let ships = Arc::new(Ships::new(engine.now(), wanted));
        let mut work = Work {
            pace,
            engine,
            client: client.within(ASK),
            resting: BTreeMap::new(),
            instance: Instance { location: location.to_owned(), process },
            address: address.to_owned(),
            status: ships.clone(),
            node: String::new(),
            shards: BTreeMap::new(),
            places: Places::default(),
            mover: Mover::default(),
            claims: Claims::default(),
            claims_read: None,
            done: HashMap::new(),
            noted: Instant::now(),
            audited: Instant::now(),
        };
        let (ended, stopped) = channel();
        let (looked, first) = channel();
        let thread = std::thread::Builder::new().name("shipper".into());
        let spawned = thread.spawn(move || {
            let _ = looked.send(work.look());
            work.run(&asked);
            let _ = ended.send(());
        });
        spawned.map_err(|error| ClusterError::Wrong(format!("no thread can be started: {error}")))?;
        match first.recv_timeout(FIRST_LOOK) {
            Ok(Err(error)) if !is_passing(&error) => Err(error),
            _ => Ok(Shipper { ships, stopped }),
        }
    }

    /// What others may know of it and ask of it.
    pub fn ships(&self) -> Arc<Ships> {
        self.ships.clone()
    }
}

impl Drop for Shipper {
    fn drop(&mut self) {
        self.ships.is_stopping.store(true, Ordering::Relaxed);
        // It may be waiting for somebody to ask something.
        let (answer, _) = channel();
        let wanted = Wanted { everything: false, answer };
        let _ = self.ships.wanted.lock().unwrap_or_else(PoisonError::into_inner).send(wanted);
        // What is on its way to a server that does not answer is left to itself: it is sent again at the next start.
        let _ = self.stopped.recv_timeout(STOPPING);
    }
}

fn is_passing(error: &ShipError) -> bool {
    match error {
        ShipError::Cluster(error) => error.is_passing(),
        ShipError::Held { .. } => false,
        ShipError::Store(_) | ShipError::Engine(_) => true,
    }
}

struct Work {
    pace: Duration,
    engine: Arc<Engine>,
    client: Client,
    resting: BTreeMap<usize, Rest>,
    instance: Instance,
    address: String,
    status: Arc<Ships>,
    /// What the store is called.
    node: String,
    /// The node's lines on those that were looked at.
    shards: BTreeMap<usize, Line>,
    places: Places,
    mover: Mover,
    claims: Claims,
    claims_read: Option<Instant>,
    /// What is shipped and still noted in the store, as of which commit.
    done: HashMap<Vec<u8>, u64>,
    noted: Instant,
    audited: Instant,
}

impl Work {
    fn run(&mut self, asked: &Receiver<Wanted>) {
        let mut wait = Duration::ZERO;
        loop {
            let wanted = match asked.recv_timeout(wait) {
                Ok(wanted) => Some(wanted),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => break,
            };
            if self.is_stopping() {
                break;
            }
            let compares = wanted.is_some() || self.audited.elapsed() >= AUDIT;
            if compares {
                self.resting.clear();
            }
            let everything = wanted.as_ref().is_some_and(|wanted| wanted.everything);
            let done = caught(|| self.begin_anew(everything).and_then(|()| self.round_and_compare(compares)));
            let done = done.unwrap_or_else(|panic| Err(damaged(format!("shipping panicked: {panic}")).into()));
            wait = match &done {
                Ok(_) => {
                    self.status.note(None);
                    self.pace
                }
                Err(error) => {
                    self.status.note(Some(error.to_string()));
                    // A shard that failed rests by itself.
                    let is_of_a_shard = matches!(error, ShipError::Cluster(_));
                    if is_of_a_shard { self.pace } else { (2 * wait).clamp(self.pace, LONGEST_WAIT) }
                }
            };
            if let Some(wanted) = wanted {
                // Whoever asked may have gone away.
                let _ = wanted.answer.send(done.map_err(|error| error.to_string()));
            }
        }
        self.give_up_place();
    }

    fn is_stopping(&self) -> bool {
        self.status.is_stopping.load(Ordering::Relaxed)
    }

    fn begin_anew(&mut self, everything: bool) -> Result<(), ShipError> {
        match self.engine.snapshot().reader.shipping()? {
            Some(shipping) if everything => {
                self.done.clear();
                Ok(self.engine.ship_everything(shipping.epoch)?)
            }
            _ => Ok(()),
        }
    }

    /// Ships what is there, and compares what the cluster has then. What differs is shipped by the next round.
    fn round_and_compare(&mut self, compares: bool) -> Result<Vec<Difference>, ShipError> {
        self.round(false)?;
        if !compares {
            return Ok(Vec::new());
        }
        let mut shipped = None;
        // A first round may only take its place.
        while shipped.is_none() && !self.is_stopping() {
            shipped = self.round(true)?;
        }
        let Some(snapshot) = shipped else { return Ok(Vec::new()) };
        self.audited = Instant::now();
        let is_own = |organization: &str| !self.claims.is_anothers(organization);
        let found = audit::compare(&self.client.patiently(), &self.places, &snapshot, &self.node, is_own)?;
        self.status.differing.store(found.len() as u64, Ordering::Relaxed);
        let mut again = Vec::with_capacity(found.len());
        let mut differences = Vec::with_capacity(found.len());
        for (difference, organization, segments) in found {
            let Difference { organization: name, month, node, cluster } = &difference;
            tracing::warn!(name, %month, ?node, ?cluster, "the cluster has other sums than the store; they are shipped again");
            again.push((organization, segments));
            differences.push(difference);
        }
        if !again.is_empty() {
            self.engine.ship_again(again)?;
        }
        Ok(differences)
    }

    /// Whether the cluster has the tables, and nobody else ships for this store.
    fn look(&mut self) -> Result<(), ShipError> {
        schema::check(&self.client)?;
        let Some(shipping) = self.engine.snapshot().reader.shipping()? else { return Ok(()) };
        self.node = hex(&shipping.node);
        for shard in self.client.shards() {
            if let Some(held) = standing(&self.client, shard, &self.node)?.holder(&self.instance) {
                return Err(refusal(held));
            }
        }
        Ok(())
    }

    /// Ships what is not shipped; of one snapshot if it is to be compared, which is then given, and every shard has it. None
    /// if it has only begun.
    fn round(&mut self, of_one: bool) -> Result<Option<Arc<Snapshot>>, ShipError> {
        let now = self.engine.now();
        let Some(shipping) = self.engine.snapshot().reader.shipping()? else {
            self.engine.ship_everything(1)?;
            return Ok(None);
        };
        self.node = hex(&shipping.node);
        let mut failed = BTreeMap::new();
        for shard in self.client.shards() {
            if let Some(rest) = self.resting.get(&shard).filter(|rest| Instant::now() < rest.until) {
                failed.insert(shard, rest.error.clone());
                continue;
            }
            match self.take_place(shard, &shipping, now) {
                Ok(true) => {}
                Ok(false) => return Ok(None),
                Err(ShipError::Cluster(error)) => drop(failed.insert(shard, error)),
                Err(error) => return Err(error),
            }
        }
        let mut snapshot = None;
        if failed.len() < self.client.shards().len() {
            self.read_places(&mut failed);
            self.read_claims(&shipping, &mut failed)?;
            snapshot = self.pass(&shipping, now, &mut failed, of_one || self.mover.compares())?;
            if failed.is_empty() && !self.is_stopping() {
                self.move_on(&shipping, now, &mut failed, snapshot.as_deref())?;
            }
        }
        self.say_where(&shipping);
        self.let_rest(&failed);
        match failed.into_values().next() {
            None => Ok(snapshot),
            Some(error) => Err(error.into()),
        }
    }

    /// Leaves those alone that have just failed, each time for longer.
    fn let_rest(&mut self, failed: &BTreeMap<usize, ClusterError>) {
        let now = Instant::now();
        for shard in self.client.shards() {
            let Some(error) = failed.get(&shard) else {
                self.resting.remove(&shard);
                continue;
            };
            let before = self.resting.get(&shard);
            if before.is_none_or(|rest| rest.until <= now) {
                let wait = before.map_or(self.pace, |rest| (2 * rest.wait).min(LONGEST_WAIT));
                self.resting.insert(shard, Rest { until: now + wait, wait, error: error.clone() });
            }
        }
    }

    /// Sees to it that a shard has what the store says it has, and that it is this process that ships to it. False when all
    /// is to be shipped, which begins another round.
    fn take_place(&mut self, shard: usize, shipping: &Shipping, now: UnixMs) -> Result<bool, ShipError> {
        let is_new = self.shards.get(&shard).is_none_or(|line| line.epoch != shipping.epoch);
        if is_new {
            schema::check_shard(&self.client, shard)?;
        }
        let standing = standing(&self.client, shard, &self.node)?;
        let Shipping { epoch, commit, shipped, .. } = *shipping;
        if is_new {
            match standing.verdict(&self.instance, epoch, commit, shipped) {
                Verdict::GoOn => {}
                Verdict::Everything { epoch } => {
                    self.shards.clear();
                    self.done.clear();
                    self.engine.ship_everything(epoch)?;
                    return Ok(false);
                }
                held => return Err(refusal(held)),
            }
            let mut line = Line::new(&self.instance, &self.address, epoch);
            if let Some(before) = standing.line.as_ref().filter(|before| before.epoch == epoch) {
                (line.version, line.committed_at_ms) = (before.version, before.committed_at_ms);
            }
            self.shards.insert(shard, line);
        } else if !standing.line.as_ref().is_some_and(|line| line.is_of(&self.instance)) {
            // Another process has taken the place, or the table was emptied: to be looked at as at a start.
            self.shards.remove(&shard);
            return match standing.holder(&self.instance) {
                Some(held) => Err(refusal(held)),
                None => self.take_place(shard, shipping, now),
            };
        }
        self.write_line(shard, &standing, now)?;
        Ok(true)
    }

    fn write_line(&mut self, shard: usize, standing: &Standing, now: UnixMs) -> Result<(), ClusterError> {
        let line = self.shards.get_mut(&shard).expect("its place is taken");
        line.renew(standing, now);
        write(&self.client, shard, &self.node, line)
    }

    /// Reads where organizations are, and sees to it that all shards know.
    fn read_places(&mut self, failed: &mut BTreeMap<usize, ClusterError>) {
        let mut found = Vec::new();
        for shard in self.client.shards().filter(|shard| !failed.contains_key(shard)).collect::<Vec<_>>() {
            match Places::read(&self.client, shard) {
                Ok(places) => found.push((shard, places)),
                Err(error) => drop(failed.insert(shard, error)),
            }
        }
        for (_, places) in &found {
            self.places.merge(self.client.address(), places);
        }
        for (shard, it_has) in &found {
            if let Err(error) = self.places.tell(&self.client, *shard, it_has) {
                failed.insert(*shard, error);
            }
        }
        if failed.is_empty() {
            self.places.confirm();
        }
    }

    fn move_on(
        &mut self,
        shipping: &Shipping,
        now: UnixMs,
        failed: &mut BTreeMap<usize, ClusterError>,
        compared: Option<&Snapshot>,
    ) -> Result<(), ShipError> {
        let around = Around {
            engine: &self.engine,
            client: &self.client,
            node: &self.node,
            claims: &mut self.claims,
            failed,
            version: beat(shipping.epoch, now),
            now,
        };
        self.mover.step(around, &mut self.places, compared)
    }

    fn read_claims(
        &mut self,
        shipping: &Shipping,
        failed: &mut BTreeMap<usize, ClusterError>,
    ) -> Result<(), ShipError> {
        if self.claims_read.is_some_and(|last| last.elapsed() < CLAIMS) {
            return Ok(());
        }
        let claims = Claims::load(&self.client, &self.node, failed);
        if !failed.is_empty() && self.claims_read.is_some() {
            // What a shard that is away said before still holds.
            return Ok(());
        }
        if claims.frees(&self.claims) {
            // What was touched while it was another's is noted nowhere.
            self.engine.ship_everything(shipping.epoch)?;
            self.done.clear();
        }
        (self.claims, self.claims_read) = (claims, Some(Instant::now()));
        Ok(())
    }

    /// Sends what was touched up to now, and says so on each shard that took all of it.
    fn pass(
        &mut self,
        shipping: &Shipping,
        now: UnixMs,
        failed: &mut BTreeMap<usize, ClusterError>,
        of_one: bool,
    ) -> Result<Option<Arc<Snapshot>>, ShipError> {
        let (mut after, mut renewed) = (Vec::new(), Instant::now());
        let one = of_one.then(|| self.engine.snapshot());
        loop {
            let snapshot = one.clone().unwrap_or_else(|| self.engine.snapshot());
            let current = snapshot.reader.shipping()?.filter(|current| current.epoch == shipping.epoch);
            // One that has begun anew is for another round.
            let Some(current) = current else { return Ok(None) };
            let mut marks = snapshot.reader.unshipped(&after, MARKS)?;
            let Some((last, ..)) = marks.last() else { break };
            after.clone_from(last);
            marks.retain(|(key, commit, _)| self.done.get(key).is_none_or(|done| done < commit));
            if !marks.is_empty() {
                let to = Destination { client: &self.client, places: &self.places, node: &self.node, only: None };
                let mut shipment = Shipment::new(to, &snapshot, current, now, &mut self.claims, failed);
                let done = shipment.send(&marks)?;
                self.done.extend(done);
            }
            if self.done.len() >= MAX_DONE {
                self.note_done()?;
            }
            if self.is_stopping() {
                return Ok(None);
            }
            if renewed.elapsed() >= RENEW {
                for shard in self.client.shards().filter(|shard| !failed.contains_key(shard)).collect::<Vec<_>>() {
                    let written = standing(&self.client, shard, &self.node)
                        .and_then(|standing| self.write_line(shard, &standing, now));
                    if let Err(error) = written {
                        failed.entry(shard).or_insert(error);
                    }
                }
                renewed = Instant::now();
            }
        }
        for shard in self.client.shards() {
            if failed.contains_key(&shard) {
                continue;
            }
            let line = self.shards.get_mut(&shard).expect("its place is taken");
            line.version = version(shipping.epoch, shipping.commit).max(line.version);
            line.committed_at_ms = line.committed_at_ms.max(now.max(0) as u64);
            let written = standing(&self.client, shard, &self.node).and_then(|standing| {
                if let Some(held) = standing.holder(&self.instance) {
                    let error = refusal(held).to_string();
                    return Err(ClusterError::Wrong(error));
                }
                self.write_line(shard, &standing, now)
            });
            if let Err(error) = written {
                failed.insert(shard, error);
            }
        }
        if self.noted.elapsed() >= NOTE {
            self.note_done()?;
        }
        Ok(one)
    }

    /// The last commit of which all is on every shard.
    fn shipped(&self) -> u64 {
        let all = self.shards.len() == self.client.shards().len();
        let least = self.shards.values().map(|line| commit_of(line.version)).min();
        least.filter(|_| all).unwrap_or(0)
    }

    /// Takes what is shipped off what is noted in the store.
    fn note_done(&mut self) -> Result<(), ShipError> {
        self.noted = Instant::now();
        let shipped = self.engine.snapshot().reader.shipping()?.map_or(0, |shipping| shipping.shipped);
        if self.done.is_empty() && shipped >= self.shipped() {
            return Ok(());
        }
        let done = self.done.iter().map(|(key, commit)| (key.clone(), *commit)).collect();
        self.engine.shipped(done, self.shipped())?;
        self.done.clear();
        Ok(())
    }

    /// Tells metrics how far all shards are.
    fn say_where(&self, shipping: &Shipping) {
        let all = self.shards.len() == self.client.shards().len();
        let complete = self.shards.values().map(|line| line.committed_at_ms).min().filter(|_| all).unwrap_or(0);
        self.status.committed_at_ms.store(complete, Ordering::Relaxed);
        self.status.behind.store(shipping.commit.saturating_sub(self.shipped()), Ordering::Relaxed);
        self.status.refused.store(self.claims.refused.len() as u64, Ordering::Relaxed);
        if let Some((organization, owner)) = self.claims.refused.first_key_value() {
            tracing::debug!(organization, owner, "another node owns the organization: it is not shipped");
        }
    }

    /// Notes how far it is, and lets another begin at once.
    fn give_up_place(&mut self) {
        let _ = self.note_done();
        for (shard, line) in &mut self.shards {
            line.release();
            let _ = write(&self.client, *shard, &self.node, line);
        }
    }
}

fn refusal(verdict: Verdict) -> ShipError {
    let (address, seconds) = match verdict {
        Verdict::Held { address, seconds } => (address, seconds),
        Verdict::GoOn | Verdict::Everything { .. } => (String::new(), 0),
    };
    ShipError::Held { address, seconds }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
