//! A node's line in the cluster: how far it is, who ships for it until when; and which organizations it owns.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::client::{Client, ClusterError, quoted};
use super::rows::WriteRow;
use crate::model::UnixMs;

/// Bits of a version that count commits; the epoch is above them.
const COMMIT_BITS: u32 = 40;
/// Milliseconds since 1970 fit until 2109.
const BEAT_BITS: u32 = 42;
/// How long a node that says nothing keeps its place. It says something every second.
pub(super) const LEASE_MS: u64 = 15_000;

/// The kind of record that says which node owns an organization.
pub(super) const OWNER: &str = "owner";

/// What a row's state is numbered with: a later state of the same has a larger one.
pub(super) fn version(epoch: u64, commit: u64) -> u64 {
    epoch << COMMIT_BITS | commit
}

/// What tells the later of two lines, and of whatever else a node says that is no state of its store.
pub(super) fn beat(epoch: u64, now: UnixMs) -> u64 {
    epoch << BEAT_BITS | now.max(0) as u64
}

pub(super) fn commit_of(version: u64) -> u64 {
    version & ((1 << COMMIT_BITS) - 1)
}

/// Who ships: where the store is, and which process that is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Instance {
    pub location: String,
    pub process: String,
}

impl Instance {
    fn is_here(&self, text: &str) -> bool {
        text.split_once('-').is_some_and(|(location, _)| location == self.location)
    }

    fn text(&self) -> String {
        format!("{}-{}", self.location, self.process)
    }
}

/// A node's line on a shard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    pub epoch: u64,
    /// All that was touched up to this version is on the shard.
    pub version: u64,
    /// All that was acknowledged up to this moment is; 0 until a first time all is.
    pub committed_at_ms: u64,
    /// Where changes go.
    pub address: String,
    /// By the server's clock.
    pub lease_ms: u64,
    pub instance: String,
    pub beat: u64,
}

/// What a shard says of a node.
pub(super) struct Standing {
    pub line: Option<Line>,
    /// The server's clock.
    pub now_ms: u64,
}

/// What to do with a shard before anything is shipped to it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It has what the store says it has.
    GoOn,
    /// It has not, or another's: all is shipped, from this epoch on.
    Everything { epoch: u64 },
    /// Another instance ships for this store.
    Held { address: String, seconds: u64 },
}

pub(super) fn standing(client: &Client, shard: usize, node: &str) -> Result<Standing, ClusterError> {
    let mut rows = client.ask(shard, "SELECT toUInt64(toUnixTimestamp(now())) FORMAT RowBinary")?;
    let now_ms = client.read(shard, rows.u64())?.saturating_mul(1000);
    let node = quoted(node);
    let mut rows = client.ask(
        shard,
        &format!(
            "SELECT epoch, version, committed_at_ms, address, lease_ms, instance, beat FROM nodes_local FINAL \
             WHERE node = {node} FORMAT RowBinary"
        ),
    )?;
    let mut line = None;
    while client.read(shard, rows.has_more())? {
        let mut read = || {
            Ok(Line {
                epoch: rows.u64()?,
                version: rows.u64()?,
                committed_at_ms: rows.u64()?,
                address: rows.text()?,
                lease_ms: rows.u64()?,
                instance: rows.text()?,
                beat: rows.u64()?,
            })
        };
        line = Some(client.read(shard, read())?);
    }
    Ok(Standing { line, now_ms })
}

impl Standing {
    /// Whether another instance ships for the node, and may go on to.
    pub fn holder(&self, instance: &Instance) -> Option<Verdict> {
        let line = self.line.as_ref()?;
        (line.lease_ms > self.now_ms && !instance.is_here(&line.instance)).then(|| Verdict::Held {
            address: line.address.clone(),
            seconds: (line.lease_ms - self.now_ms).div_ceil(1000),
        })
    }

    /// What to do, of a store that is at a commit, and says that all up to another is shipped.
    pub fn verdict(&self, instance: &Instance, epoch: u64, commit: u64, shipped: u64) -> Verdict {
        let Some(line) = &self.line else {
            return if shipped > 0 { Verdict::Everything { epoch } } else { Verdict::GoOn };
        };
        if let Some(held) = self.holder(instance) {
            return held;
        }
        // Of an epoch before, all is on its way. The file that was last here may have been stopped before it knew how far it
        // was; of a file that was carried elsewhere only that is known.
        let is_ours = instance.is_here(&line.instance) && commit_of(line.version) <= commit;
        let is_known = line.version == version(epoch, shipped);
        match line.epoch < epoch || line.epoch == epoch && (is_ours || is_known) {
            true => Verdict::GoOn,
            false => Verdict::Everything { epoch: line.epoch.max(epoch) + 1 },
        }
    }
}

/// Writes a node's line to a shard. `lease_ms` is by the server's clock, `now` by ours.
pub(super) fn write(client: &Client, shard: usize, node: &str, line: &Line) -> Result<(), ClusterError> {
    let mut row = Vec::new();
    row.text(node.as_bytes());
    [line.epoch, line.version, line.committed_at_ms].into_iter().for_each(|number| row.u64(number));
    row.text(line.address.as_bytes());
    row.u64(line.lease_ms);
    row.text(line.instance.as_bytes());
    row.u64(line.beat);
    client.insert(shard, "nodes_local", &row)
}

impl Line {
    pub fn new(instance: &Instance, address: &str, epoch: u64) -> Line {
        Line {
            epoch,
            version: version(epoch, 0),
            committed_at_ms: 0,
            address: address.to_owned(),
            lease_ms: 0,
            instance: instance.text(),
            beat: 0,
        }
    }

    /// The same line, later, held until some time after the server's now.
    pub fn renew(&mut self, standing: &Standing, now: UnixMs) {
        self.lease_ms = standing.now_ms + LEASE_MS;
        let before = standing.line.as_ref().map_or(0, |line| line.beat).max(self.beat);
        self.beat = (before + 1).max(beat(self.epoch, now));
    }

    /// The same line, given up.
    pub fn release(&mut self) {
        (self.lease_ms, self.beat) = (0, self.beat + 1);
    }

    pub fn is_of(&self, instance: &Instance) -> bool {
        self.instance == instance.text()
    }
}

/// Which organizations are whose. The first node that ships an organization owns it.
#[derive(Debug, Default)]
pub(super) struct Claims {
    own: HashSet<String>,
    others: HashMap<String, String>,
    /// Those that this node has as well as its owner, with that.
    pub refused: BTreeMap<String, String>,
}

impl Claims {
    /// Reads what the shards say that have not failed; who does now is one of them from here on.
    pub fn load(client: &Client, node: &str, failed: &mut BTreeMap<usize, ClusterError>) -> Claims {
        let mut first: HashMap<String, (u64, String)> = HashMap::new();
        for shard in client.shards() {
            if failed.contains_key(&shard) {
                continue;
            }
            let read = read_claims(client, shard, "1", |organization, claim| {
                let known = first.entry(organization).or_insert_with(|| claim.clone());
                *known = claim.min(known.clone());
            });
            if let Err(error) = read {
                failed.insert(shard, error);
            }
        }
        let mut claims = Claims::default();
        for (organization, (_, owner)) in first {
            if owner == node {
                claims.own.insert(organization);
            } else {
                claims.others.insert(organization, owner);
            }
        }
        claims
    }

    /// Whether the node owns an organization; it does from now on where nobody did.
    pub fn owns(
        &mut self,
        client: &Client,
        shard: usize,
        node: &str,
        organization: &str,
        now: UnixMs,
    ) -> Result<bool, ClusterError> {
        if organization.is_empty() || self.own.contains(organization) {
            return Ok(true);
        }
        if self.refused.contains_key(organization) {
            return Ok(false);
        }
        if !self.others.contains_key(organization) {
            write_claim(client, shard, node, organization, now, false)?;
            // Another may have done the same meanwhile.
            let mut first: Option<(u64, String)> = None;
            read_claims(client, shard, &format!("organization = {}", quoted(organization)), |_, claim| {
                first = Some(first.take().map_or(claim.clone(), |known| known.min(claim)));
            })?;
            match first {
                Some((_, owner)) if owner != node => drop(self.others.insert(organization.to_owned(), owner)),
                _ => {
                    self.own.insert(organization.to_owned());
                    return Ok(true);
                }
            }
        }
        let owner = self.others[organization].clone();
        self.refused.insert(organization.to_owned(), owner);
        Ok(false)
    }

    /// Has a shard know as well that the node owns an organization.
    pub fn repeat(
        &self,
        client: &Client,
        shard: usize,
        node: &str,
        organization: &str,
        now: UnixMs,
    ) -> Result<(), ClusterError> {
        write_claim(client, shard, node, organization, now, false)
    }

    /// Whether another node is known to own an organization, of which nothing may have been refused since this one started.
    pub fn is_anothers(&self, organization: &str) -> bool {
        self.others.contains_key(organization)
    }

    /// Whether an organization is known to be the node's.
    pub fn has(&self, organization: &str) -> bool {
        self.own.contains(organization)
    }

    /// Gives up an organization.
    pub fn release(
        &mut self,
        client: &Client,
        shard: usize,
        node: &str,
        organization: &str,
        now: UnixMs,
    ) -> Result<(), ClusterError> {
        self.own.remove(organization);
        write_claim(client, shard, node, organization, now, true)
    }

    /// Whether an organization that was refused is free by what the shards say now.
    pub fn frees(&self, before: &Claims) -> bool {
        before.refused.keys().any(|organization| !self.others.contains_key(organization))
    }
}

/// The node that owns an organization, if one does.
pub(super) fn owner(client: &Client, organization: &str) -> Result<Option<String>, ClusterError> {
    let mut first: Option<(u64, String)> = None;
    for shard in client.shards() {
        read_claims(client, shard, &format!("organization = {}", quoted(organization)), |_, claim| {
            first = Some(first.take().map_or(claim.clone(), |known| known.min(claim)));
        })?;
    }
    Ok(first.map(|(_, node)| node))
}

/// Where a node is, as it told a shard, and whether it was heard of lately.
pub(super) fn address_of(client: &Client, shard: usize, node: &str) -> Result<(String, bool), ClusterError> {
    let Standing { line, now_ms } = standing(client, shard, node)?;
    Ok(line.map_or_else(Default::default, |line| (line.address, line.lease_ms > now_ms)))
}

fn write_claim(
    client: &Client,
    shard: usize,
    node: &str,
    organization: &str,
    now: UnixMs,
    is_released: bool,
) -> Result<(), ClusterError> {
    let (mut row, now) = (Vec::new(), now.max(0) as u64);
    for text in [organization, node, OWNER, ""] {
        row.text(text.as_bytes());
    }
    // The later of two claims counts, and after one in the same millisecond that it was given up.
    row.u64(now + u64::from(is_released));
    row.u8(u8::from(is_released));
    row.text(&now.to_le_bytes());
    client.insert(shard, "records_local", &row)
}

fn read_claims(
    client: &Client,
    shard: usize,
    of: &str,
    mut visit: impl FnMut(String, (u64, String)),
) -> Result<(), ClusterError> {
    let mut rows = client.ask(
        shard,
        &format!(
            "SELECT organization, node, value FROM records_local FINAL \
             WHERE {of} AND kind = '{OWNER}' AND deleted = 0 FORMAT RowBinary"
        ),
    )?;
    while client.read(shard, rows.has_more())? {
        let (organization, node) = (client.read(shard, rows.text())?, client.read(shard, rows.text())?);
        let since = client.read(shard, rows.bytes())?;
        let since = since.try_into().map_or(u64::MAX, u64::from_le_bytes);
        visit(organization, (since, node));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_goes_on_where_the_cluster_has_what_it_says_and_else_begins_anew() {
        let here = Instance { location: "here".into(), process: "2".into() };
        let line = |instance: &str, epoch: u64, commit: u64, lease_ms: u64| Standing {
            line: Some(Line {
                version: version(epoch, commit),
                lease_ms,
                instance: instance.into(),
                ..Line::new(&here, "http://n", epoch)
            }),
            now_ms: 1_000_000,
        };
        let check = |standing: Standing, expected: Verdict| {
            // A store of epoch 3 at commit 10, which knows that 5 is shipped.
            assert_eq!(standing.verdict(&here, 3, 10, 5), expected);
        };
        let everything = |epoch| Verdict::Everything { epoch };
        check(Standing { line: None, now_ms: 0 }, everything(3));
        assert_eq!(Standing { line: None, now_ms: 0 }.verdict(&here, 3, 10, 0), Verdict::GoOn, "a first time");
        check(line("here-1", 3, 8, 1_010_000), Verdict::GoOn);
        check(line("here-1", 3, 11, 0), everything(4));
        check(line("there-1", 3, 5, 0), Verdict::GoOn);
        check(line("there-1", 3, 6, 0), everything(4));
        check(line("there-1", 2, 99, 0), Verdict::GoOn);
        check(line("there-1", 7, 1, 0), everything(8));
        check(line("there-1", 3, 5, 1_010_001), Verdict::Held { address: "http://n".into(), seconds: 11 });
    }

    #[test]
    fn a_line_that_is_written_again_is_later_whatever_the_clock_says() {
        let here = Instance { location: "here".into(), process: "2".into() };
        let mut line = Line::new(&here, "http://n", 1);
        let standing = Standing { line: None, now_ms: 7 };
        line.renew(&standing, 1_800_000_000_000);
        let first = line.beat;
        line.renew(&standing, 1_700_000_000_000);
        assert!(line.beat > first && line.lease_ms == 7 + LEASE_MS);
        let mut restored = Line::new(&here, "http://n", 2);
        restored.renew(&standing, 1_700_000_000_000);
        assert!(restored.beat > line.beat);
    }
}
