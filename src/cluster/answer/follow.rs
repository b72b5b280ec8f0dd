//! A copy of what nodes ship, kept current.
//!
//! Each look reads the nodes' lines first, then records, and so never says that something is complete that is not. What
//! belongs to no organization is on every shard; of the rest each shard has its own.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use super::super::client::{Client, ClusterError, quoted};
use super::super::places::Places;
use super::usage::{Home, Usage};
use crate::directory::Directory;
use crate::engine::{Following, Snapshot};
use crate::model::{OrganizationId, UnixMs};
use crate::store::{Dictionary, MIRRORED, Store, StoreError, damaged};

/// Where rows are versions of each other in one partition only, which the table makes sure of, partitions are read side
/// by side. For servers that know the setting: others refuse what has one they do not know.
const SIDE_BY_SIDE: &str = "do_not_merge_across_partitions_select_final";
const SETTINGS: &str = " SETTINGS do_not_merge_across_partitions_select_final = 1";

/// How long a shard is asked what is new. One that does not say is away: what is asked of it is refused until it does.
const LOOK: Duration = Duration::from_secs(4);
/// How long for sums. A question has 30 seconds in all.
const QUESTION: Duration = Duration::from_secs(20);

/// What is done to a directory before it is shown.
pub type Prepare = Box<dyn Fn(Directory) -> Directory + Send + Sync>;

/// Follows the nodes of a cluster.
pub struct Follower {
    client: Client,
    /// What sums are asked by.
    questions: Client,
    prepare: Prepare,
    /// Held while the cluster is asked, which may take its time.
    state: Mutex<State>,
    /// What requests look at meanwhile.
    view: RwLock<Arc<View>>,
}

/// What the last look has found.
#[derive(Default)]
struct View {
    /// By organization: its shard and its node.
    homes: Arc<HashMap<String, (usize, String)>>,
    shards: Vec<Seen>,
}

/// A shard as it was seen last.
struct Seen {
    nodes: BTreeMap<String, Node>,
    failure: Option<String>,
    has_been_read: bool,
}

/// What is known of a node on a shard.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Node {
    version: u64,
    committed_at_ms: u64,
    address: String,
}

struct State {
    copy: Store,
    shards: Vec<Shard>,
    /// By organization: its number in the copy.
    numbers: HashMap<String, u32>,
    /// By node and the number it has there.
    numbers_there: HashMap<(String, u32), u32>,
    /// By organization: its shard and its node.
    homes: Arc<HashMap<String, (usize, String)>>,
    places: Places,
    shown: Option<(Arc<Dictionary>, Arc<Directory>)>,
}

#[derive(Default)]
struct Shard {
    nodes: BTreeMap<String, Node>,
    /// By node: up to which version its records are read.
    read_to: HashMap<String, u64>,
    /// What a question's query ends with; not known before the first look.
    settings: Option<&'static str>,
    /// Why it could not be read, the last time.
    failure: Option<String>,
    has_been_read: bool,
}

/// A record as it is shipped.
struct Record {
    organization: String,
    kind: String,
    key: Vec<u8>,
    deleted: bool,
    value: Vec<u8>,
}

/// What a look has found on a shard that is new.
#[derive(Default)]
struct News {
    records: Vec<(String, Record)>,
    /// By node. Any says that there is usage, or something else.
    read_to: Vec<(String, u64)>,
}

/// What a shard says of nodes, and of where organizations are.
type Said = (BTreeMap<String, Node>, Places);

impl Follower {
    pub fn new(client: Client, prepare: Prepare) -> Result<Follower, StoreError> {
        Follower::with_patience(client, prepare, LOOK, QUESTION)
    }

    pub(in crate::cluster) fn with_patience(
        client: Client,
        prepare: Prepare,
        look: Duration,
        question: Duration,
    ) -> Result<Follower, StoreError> {
        let (client, questions) = (client.within(look), client.within(question));
        let state = Mutex::new(State::new(client.shards().len())?);
        Ok(Follower { client, questions, prepare, state, view: RwLock::default() })
    }

    /// What is shown before anything is known.
    pub fn nothing(&self) -> Result<Snapshot, StoreError> {
        self.snapshot(&mut self.state())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn view(&self) -> Arc<View> {
        self.view.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn snapshot(&self, state: &mut State) -> Result<Snapshot, StoreError> {
        let snapshot = Snapshot::with_usage_from(&state.copy, |dictionary| Arc::new(self.usage(state, dictionary)))?;
        let directory = Arc::new((self.prepare)(Directory::clone(&snapshot.directory)));
        state.shown = Some((snapshot.dictionary.clone(), directory.clone()));
        Ok(Snapshot { directory, ..snapshot })
    }

    fn usage(&self, state: &State, dictionary: &Arc<Dictionary>) -> Usage {
        let home = |(name, (shard, _)): (&String, &(usize, String))| {
            let (number, _) = dictionary.organization(name)?;
            let settings = state.shards[*shard].settings.unwrap_or_default();
            Some((number, Home { organization: name.clone(), shard: *shard, settings }))
        };
        let homes: HashMap<OrganizationId, Home> = state.homes.iter().filter_map(home).collect();
        Usage { client: self.questions.clone(), dictionary: dictionary.clone(), homes }
    }

    /// Copies what is new, and makes of all of it what is shown.
    fn take_up(&self, state: &mut State, news: Vec<News>) -> Result<Snapshot, StoreError> {
        let (mut records, mut read_to) = (Vec::new(), Vec::new());
        for (shard, news) in news.into_iter().enumerate() {
            records.extend(news.records.into_iter().map(|(node, record)| (shard, node, record)));
            read_to.extend(news.read_to.into_iter().map(|(node, version)| (shard, node, version)));
        }
        let of_names = state.take(&self.client, records)?;
        let snapshot = match state.shown.clone().filter(|_| !of_names) {
            None => self.snapshot(state)?,
            Some((dictionary, directory)) => {
                let reader = state.copy.reader()?.with_usage_from(Arc::new(self.usage(state, &dictionary)));
                Snapshot { reader, dictionary, directory }
            }
        };
        for (shard, node, version) in read_to {
            state.shards[shard].read_to.insert(node, version);
        }
        Ok(snapshot)
    }

    /// Asks a shard what it knows of nodes, and where organizations are.
    fn ask_shard(&self, number: usize, shard: &mut Shard) -> Result<Said, ClusterError> {
        let client = &self.client;
        if shard.settings.is_none() {
            let known = format!("SELECT count() FROM system.settings WHERE name = '{SIDE_BY_SIDE}' FORMAT RowBinary");
            let known = client.read(number, client.ask(number, &known)?.u64())? > 0;
            shard.settings = Some(if known { SETTINGS } else { "" });
        }
        Ok((self.nodes(number)?, Places::read(client, number)?))
    }

    /// Reads what is new on a shard.
    fn read_shard(
        &self,
        number: usize,
        shard: &mut Shard,
        nodes: BTreeMap<String, Node>,
    ) -> Result<News, ClusterError> {
        let mut news = News::default();
        for (name, node) in &nodes {
            let read_to = shard.read_to.get(name).copied();
            if read_to.is_none_or(|read_to| read_to < node.version) {
                let records = self.records(number, name, read_to)?;
                news.records.extend(records.into_iter().map(|record| (name.clone(), record)));
                news.read_to.push((name.clone(), node.version));
            }
        }
        shard.nodes = nodes;
        Ok(news)
    }

    fn nodes(&self, shard: usize) -> Result<BTreeMap<String, Node>, ClusterError> {
        let client = &self.client;
        let sql = "SELECT node, version, committed_at_ms, address FROM nodes_local FINAL FORMAT RowBinary";
        let mut rows = client.ask(shard, sql)?;
        let mut nodes = BTreeMap::new();
        while client.read(shard, rows.has_more())? {
            let name = client.read(shard, rows.text())?;
            let (version, committed_at_ms) = (client.read(shard, rows.u64())?, client.read(shard, rows.u64())?);
            nodes.insert(name, Node { version, committed_at_ms, address: client.read(shard, rows.text())? });
        }
        Ok(nodes)
    }

    /// Records of a node above a version. Those above the node's own may be some of a commit that is still to come, and
    /// are read again then.
    fn records(&self, shard: usize, node: &str, above: Option<u64>) -> Result<Vec<Record>, ClusterError> {
        // The first time it may be much.
        let client = &if above.is_none() { self.client.patiently() } else { self.questions.clone() };
        let above = above.map(|above| format!(" AND version > {above}")).unwrap_or_default();
        let sql = format!(
            "SELECT organization, kind, key, deleted, value FROM records_local FINAL WHERE node = {}{above} FORMAT RowBinary",
            quoted(node)
        );
        let mut rows = client.ask(shard, &sql)?;
        let mut records = Vec::new();
        while client.read(shard, rows.has_more())? {
            records.push(Record {
                organization: client.read(shard, rows.text())?,
                kind: client.read(shard, rows.text())?,
                key: client.read(shard, rows.bytes())?,
                deleted: client.read(shard, rows.u8())? == 1,
                value: client.read(shard, rows.bytes())?,
            });
        }
        Ok(records)
    }
}

impl State {
    fn new(shards: usize) -> Result<State, StoreError> {
        Ok(State {
            copy: Store::in_memory()?,
            shards: (0..shards).map(|_| Shard::default()).collect(),
            numbers: HashMap::new(),
            numbers_there: HashMap::new(),
            homes: Arc::default(),
            places: Places::default(),
            shown: None,
        })
    }

    /// Takes records into the copy. Whether names or people are among them.
    fn take(&mut self, client: &Client, mut records: Vec<(usize, String, Record)>) -> Result<bool, StoreError> {
        if records.is_empty() {
            return Ok(false);
        }
        // Which number an organization has is of no organization.
        records.sort_by(|(.., a), (.., b)| a.organization.cmp(&b.organization));
        let writer = self.copy.begin()?;
        let mut is_of_names = false;
        for (shard, node, record) in records {
            let Record { organization, kind, mut key, deleted, mut value } = record;
            let is_elsewhere = || self.places.of(client.address(), &organization).home() != shard;
            if !MIRRORED.contains(&kind.as_str()) || !organization.is_empty() && is_elsewhere() {
                continue;
            }
            is_of_names |= matches!(kind.as_str(), "names" | "series" | "directory");
            if kind == "names" && key.starts_with(&[0; 4]) {
                // One that is no more keeps its number here: those after it have theirs.
                if deleted {
                    continue;
                }
                self.number(&node, &key, &mut value)?;
            } else if matches!(kind.as_str(), "names" | "series" | "repricings") {
                match self.number_here(&node, &key) {
                    Some(here) => key[..4].copy_from_slice(&here.to_be_bytes()),
                    None if deleted => continue,
                    // It is of a later state, and is read again with the rest of it.
                    None => return Err(StoreError::Moved),
                }
            }
            if !organization.is_empty() && !deleted {
                Arc::make_mut(&mut self.homes).insert(organization, (shard, node));
            }
            writer.put_mirrored(&kind, &key, (!deleted).then_some(&value[..]))?;
        }
        writer.commit()?;
        Ok(is_of_names)
    }

    /// Puts the number that an organization has here in the place of the one it has there, and takes note of both.
    fn number(&mut self, node: &str, key: &[u8], value: &mut [u8]) -> Result<(), StoreError> {
        let name = key.get(5..).and_then(|name| std::str::from_utf8(name).ok());
        let known = name.zip(first_number(value));
        let (name, there) = known.ok_or_else(|| damaged("the name of an organization in the cluster"))?;
        let next = self.numbers.len() as u32 + 1;
        let here = *self.numbers.entry(name.to_owned()).or_insert(next);
        self.numbers_there.insert((node.to_owned(), there), here);
        value[..4].copy_from_slice(&here.to_be_bytes());
        Ok(())
    }

    /// The number here of the organization that a key there begins with.
    fn number_here(&self, node: &str, key: &[u8]) -> Option<u32> {
        self.numbers_there.get(&(node.to_owned(), first_number(key)?)).copied()
    }
}

fn first_number(bytes: &[u8]) -> Option<u32> {
    bytes.get(..4).map(|four| u32::from_be_bytes(four.try_into().expect("four bytes")))
}

impl Seen {
    /// Why there may be organizations on a shard that nobody has told of.
    fn why_unknown(&self, number: usize) -> Option<String> {
        if !self.has_been_read {
            return Some(self.failure.clone().unwrap_or_else(|| format!("shard {number} was not asked yet")));
        }
        self.nodes.keys().find_map(|node| self.why_incomplete(number, node))
    }

    /// Why a shard may have less than a node, from before the first time it had all.
    fn why_incomplete(&self, number: usize, node: &str) -> Option<String> {
        let node = self.nodes.get(node).filter(|node| node.committed_at_ms == 0)?;
        Some(format!("shard {number} does not have all that the node at {} ships to it", node.address))
    }
}

impl View {
    fn of(state: &State) -> View {
        let seen = |shard: &Shard| Seen {
            nodes: shard.nodes.clone(),
            failure: shard.failure.clone(),
            has_been_read: shard.has_been_read,
        };
        View { homes: state.homes.clone(), shards: state.shards.iter().map(seen).collect() }
    }

    fn node_of(&self, organization: &str) -> Option<&Node> {
        let (shard, node) = self.homes.get(organization)?;
        self.shards.get(*shard)?.nodes.get(node)
    }
}

/// Does the same with each, on a thread of its own, and gives what came of it in order.
fn each<T: Send, R: Send>(of: impl Iterator<Item = T>, work: impl Fn(usize, T) -> R + Sync) -> Vec<R> {
    let work = &work;
    std::thread::scope(|scope| {
        let threads: Vec<_> = of.enumerate().map(|(number, one)| scope.spawn(move || work(number, one))).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    })
}

impl Following for Follower {
    fn look(&self) -> Result<Option<Snapshot>, String> {
        let state = &mut *self.state();
        // Side by side: one that hangs holds up nobody.
        let said = each(state.shards.iter_mut(), |number, shard| self.ask_shard(number, shard));
        let mut moved = false;
        for (_, places) in said.iter().flatten() {
            moved |= !state.places.merge(self.client.address(), places).is_empty();
        }
        if moved {
            // What was passed over on a shard counts now, and what was read on another does not.
            let places = std::mem::take(&mut state.places);
            let anew = State::new(state.shards.len()).map_err(|error| error.to_string())?;
            let before = std::mem::replace(state, State { places, ..anew });
            for (shard, before) in state.shards.iter_mut().zip(before.shards) {
                shard.settings = before.settings;
            }
        }
        let read = each(state.shards.iter_mut().zip(said), |number, (shard, said)| {
            said.and_then(|(nodes, _)| self.read_shard(number, shard, nodes))
        });
        let mut news = Vec::with_capacity(read.len());
        for (number, (shard, read)) in (1..).zip(state.shards.iter_mut().zip(read)) {
            let (found, failure) = match read {
                Ok(found) => (found, None),
                Err(error) => (News::default(), Some(format!("shard {number} does not answer: {error}"))),
            };
            shard.has_been_read |= failure.is_none();
            shard.failure = failure;
            news.push(found);
        }
        let any = news.iter().any(|news| !news.read_to.is_empty());
        // Before there is anything new to show: what is asked from now on is complete up to what was read above.
        let shown = if any { self.take_up(state, news).map(Some) } else { Ok(None) };
        *self.view.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(View::of(state));
        match state.shards.iter().find_map(|shard| shard.failure.clone()) {
            Some(failure) if matches!(shown, Ok(None)) => Err(failure),
            _ => shown.map_err(|error| error.to_string()),
        }
    }

    fn away(&self, organization: Option<&str>) -> Option<String> {
        let view = self.view();
        let whys: Vec<String> =
            (1..).zip(&view.shards).filter_map(|(number, shard)| shard.why_unknown(number)).collect();
        let home = organization.and_then(|organization| view.homes.get(organization));
        let why = match (organization, home) {
            // What no shard has told of may be on one that has not told all.
            (Some(_), None) => whys.first().cloned(),
            (Some(_), Some((shard, node))) => {
                let seen = &view.shards[*shard];
                seen.failure.clone().or_else(|| seen.why_incomplete(shard + 1, node))
            }
            (None, _) => view.shards.iter().all(|shard| !shard.has_been_read).then(|| whys.join("; ")),
        };
        why.map(|why| format!("the cluster cannot be asked: {why}"))
    }

    fn complete_to(&self, organization: &str) -> Option<UnixMs> {
        i64::try_from(self.view().node_of(organization)?.committed_at_ms).ok()
    }

    fn place_of_changes(&self, organization: Option<&str>) -> String {
        let view = self.view();
        let addresses: BTreeSet<&str> = match organization.and_then(|organization| view.node_of(organization)) {
            Some(node) => BTreeSet::from([&*node.address]),
            None => view.shards.iter().flat_map(|shard| shard.nodes.values()).map(|node| &*node.address).collect(),
        };
        let addresses: Vec<&str> = addresses.into_iter().filter(|address| !address.is_empty()).collect();
        match &addresses[..] {
            [] => "send changes to a node that ships to the cluster".to_owned(),
            [one] => format!("send changes to the node at {one}"),
            several => format!("send changes to the node of the organization, one of {}", several.join(", ")),
        }
    }
}
