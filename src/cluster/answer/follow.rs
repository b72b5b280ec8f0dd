//! A copy of what nodes ship, kept current.
//!
//! Each look reads the nodes' lines first, then records, and so never says that something is complete that is not. What
//! belongs to no organization is on every shard; of the rest each shard has its own.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use super::super::client::{Client, ClusterError, quoted};
use super::usage::{Place, Usage};
use crate::directory::Directory;
use crate::engine::{Following, Snapshot};
use crate::model::{OrganizationId, UnixMs};
use crate::store::{Dictionary, MIRRORED, Store, StoreError, damaged};

/// Where rows are versions of each other in one partition only, which the table makes sure of, partitions are read side
/// by side. For servers that know the setting: others refuse what has one they do not know.
const SIDE_BY_SIDE: &str = "do_not_merge_across_partitions_select_final";
const SETTINGS: &str = " SETTINGS do_not_merge_across_partitions_select_final = 1";

/// What is done to a directory before it is shown.
pub type Prepare = Box<dyn Fn(Directory) -> Directory + Send + Sync>;

/// Follows the nodes of a cluster.
pub struct Follower {
    client: Client,
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

/// What a look has found that is new.
#[derive(Default)]
struct News {
    records: Vec<(usize, String, Record)>,
    /// By shard and node.
    read_to: Vec<(usize, String, u64)>,
    /// Whether there is usage, or anything else.
    any: bool,
}

impl Follower {
    pub fn new(client: Client, prepare: Prepare) -> Result<Follower, StoreError> {
        let shards = client.shards().map(|_| Shard::default()).collect();
        let state = State {
            copy: Store::in_memory()?,
            shards,
            numbers: HashMap::new(),
            numbers_there: HashMap::new(),
            homes: Arc::default(),
            shown: None,
        };
        Ok(Follower { client, prepare, state: Mutex::new(state), view: RwLock::default() })
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
        let place = |(name, (shard, _)): (&String, &(usize, String))| {
            let (number, _) = dictionary.organization(name)?;
            let settings = state.shards[*shard].settings.unwrap_or_default();
            Some((number, Place { organization: name.clone(), shard: *shard, settings }))
        };
        let places: HashMap<OrganizationId, Place> = state.homes.iter().filter_map(place).collect();
        Usage { client: self.client.clone(), dictionary: dictionary.clone(), places }
    }

    /// Copies what is new, and makes of all of it what is shown.
    fn take_up(&self, state: &mut State, news: News) -> Result<Snapshot, StoreError> {
        let of_names = state.take(news.records)?;
        let snapshot = match state.shown.clone().filter(|_| !of_names) {
            None => self.snapshot(state)?,
            Some((dictionary, directory)) => {
                let reader = state.copy.reader()?.with_usage_from(Arc::new(self.usage(state, &dictionary)));
                Snapshot { reader, dictionary, directory }
            }
        };
        for (shard, node, version) in news.read_to {
            state.shards[shard].read_to.insert(node, version);
        }
        Ok(snapshot)
    }

    fn read_shard(&self, number: usize, shard: &mut Shard, news: &mut News) -> Result<(), ClusterError> {
        let client = &self.client;
        if shard.settings.is_none() {
            let known = format!("SELECT count() FROM system.settings WHERE name = '{SIDE_BY_SIDE}' FORMAT RowBinary");
            let known = client.read(number, client.ask(number, &known)?.u64())? > 0;
            shard.settings = Some(if known { SETTINGS } else { "" });
        }
        let nodes = self.nodes(number)?;
        for (name, node) in &nodes {
            let read_to = shard.read_to.get(name).copied();
            if read_to.is_none_or(|read_to| read_to < node.version) {
                let records = self.records(number, name, read_to)?;
                news.records.extend(records.into_iter().map(|record| (number, name.clone(), record)));
                news.read_to.push((number, name.clone(), node.version));
                news.any = true;
            }
        }
        shard.nodes = nodes;
        Ok(())
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
        let client = &self.client;
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
    /// Takes records into the copy. Whether names or people are among them.
    fn take(&mut self, mut records: Vec<(usize, String, Record)>) -> Result<bool, StoreError> {
        if records.is_empty() {
            return Ok(false);
        }
        // Which number an organization has is of no organization.
        records.sort_by(|(.., a), (.., b)| a.organization.cmp(&b.organization));
        let writer = self.copy.begin()?;
        let mut is_of_names = false;
        for (shard, node, record) in records {
            let Record { organization, kind, mut key, deleted, mut value } = record;
            if !MIRRORED.contains(&kind.as_str()) {
                continue;
            }
            is_of_names |= matches!(kind.as_str(), "names" | "series" | "directory");
            if kind == "names" && key.starts_with(&[0; 4]) {
                // One that is no more keeps its number here: those after it have theirs.
                if deleted {
                    continue;
                }
                self.number(&node, &key, &mut value)?;
            } else if matches!(kind.as_str(), "names" | "series") {
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

impl Following for Follower {
    fn look(&self) -> Result<Option<Snapshot>, String> {
        let state = &mut *self.state();
        let mut news = News::default();
        for number in self.client.shards() {
            let failure = self.read_shard(number, &mut state.shards[number], &mut news).err();
            let shard = &mut state.shards[number];
            shard.has_been_read |= failure.is_none();
            shard.failure = failure.map(|error| format!("shard {} does not answer: {error}", number + 1));
        }
        // Before there is anything new to show: what is asked from now on is complete up to what was read above.
        let shown = if news.any { self.take_up(state, news).map(Some) } else { Ok(None) };
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
            (Some(_), Some((shard, node))) => view.shards[*shard].why_incomplete(shard + 1, node),
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
