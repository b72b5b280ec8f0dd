//! Which shard keeps an organization that was moved from the one its id says, and which it is wanted on.
//!
//! Whoever wants a move notes that (`move`), and the node that owns the organization says where it is (`place`): nobody
//! else does, so two that want something else cannot undo what the other has begun. Both are on every shard, under the
//! organization and the node without a name, and the one with the largest version counts.

use std::collections::{BTreeMap, HashMap};

use super::address::Address;
use super::client::{Client, ClusterError, quoted};
use super::rows::WriteRow;

/// Where an organization is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    At(usize),
    /// It is read at the first and shipped to both.
    Copying {
        from: usize,
        to: usize,
    },
    /// It is read at, and shipped to, the second; from the first it goes.
    Leaving {
        from: usize,
        to: usize,
    },
}

impl Place {
    /// The shard that answers.
    pub fn home(self) -> usize {
        match self {
            Place::At(shard) | Place::Copying { from: shard, .. } | Place::Leaving { to: shard, .. } => shard,
        }
    }

    /// The shard that has more or less than all of it, meanwhile.
    pub fn unfinished(self) -> Option<usize> {
        match self {
            Place::At(_) => None,
            Place::Copying { to: shard, .. } | Place::Leaving { from: shard, .. } => Some(shard),
        }
    }

    fn parse(text: &str, shards: usize) -> Option<Place> {
        let mut words = text.split(' ');
        let what = words.next()?;
        let mut shard =
            || words.next()?.parse().ok().filter(|number| (1..=shards).contains(number)).map(|n: usize| n - 1);
        let place = match what {
            "at" => Place::At(shard()?),
            "copying" => Place::Copying { from: shard()?, to: shard()? },
            "leaving" => Place::Leaving { from: shard()?, to: shard()? },
            _ => return None,
        };
        words.next().is_none().then_some(place)
    }
}

/// As it is kept, and said: shards are counted from 1.
impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Place::At(shard) => write!(f, "at {}", shard + 1),
            Place::Copying { from, to } => write!(f, "copying {} {}", from + 1, to + 1),
            Place::Leaving { from, to } => write!(f, "leaving {} {}", from + 1, to + 1),
        }
    }
}

const PLACE: &str = "place";
const WANTED: &str = "move";

/// What shards say, each with its version.
#[derive(Debug, Clone, Default)]
pub struct Places {
    places: HashMap<String, (u64, Place)>,
    wanted: BTreeMap<String, (u64, usize)>,
    /// By organization the version of its place that every shard has.
    everywhere: HashMap<String, u64>,
}

/// A line as a shard has it: kind, organization, version, and what it says.
type Line = (String, String, u64, String);

impl Places {
    pub fn of(&self, address: &Address, organization: &str) -> Place {
        let known = self.places.get(organization).map(|(_, place)| *place);
        known.unwrap_or_else(|| Place::At(address.shard_of(organization)))
    }

    /// The shard that an organization is wanted on, if somebody wanted one, and when that was said.
    pub fn wanted(&self, organization: &str) -> Option<(u64, usize)> {
        self.wanted.get(organization).copied()
    }

    /// The shards that an organization's rows go to: both, until all who read the first can know of the second.
    pub fn shards_of(&self, address: &Address, organization: &str) -> [Option<usize>; 2] {
        match self.of(address, organization) {
            Place::Copying { from, to } => [Some(from), Some(to)],
            Place::Leaving { from, to } if !self.is_everywhere(organization) => [Some(from), Some(to)],
            Place::At(shard) | Place::Leaving { to: shard, .. } => [Some(shard), None],
        }
    }

    /// Whether every shard has said where the organization is, since that was last another place.
    pub fn is_everywhere(&self, organization: &str) -> bool {
        self.everywhere.get(organization).is_some_and(|version| *version == self.version(organization))
    }

    /// Takes note that every shard has all of it.
    pub fn confirm(&mut self) {
        self.everywhere = self.places.iter().map(|(of, (version, _))| (of.clone(), *version)).collect();
    }

    /// All that are wanted somewhere.
    pub fn all_wanted(&self) -> impl Iterator<Item = &str> {
        self.wanted.keys().map(String::as_str)
    }

    pub fn version(&self, organization: &str) -> u64 {
        self.places.get(organization).map_or(0, |(version, _)| *version)
    }

    pub fn read(client: &Client, shard: usize) -> Result<Places, ClusterError> {
        let mut places = Places::default();
        for line in lines(client, shard, "")? {
            places.take(client, line)?;
        }
        Ok(places)
    }

    /// The shard that an organization's rows are read at, by what one shard says of it.
    pub fn home_by(client: &Client, shard: usize, organization: &str) -> Result<usize, ClusterError> {
        let mut places = Places::default();
        for line in lines(client, shard, &format!(" AND kind = '{PLACE}' AND key = {}", quoted(organization)))? {
            places.take(client, line)?;
        }
        Ok(places.of(client.address(), organization).home())
    }

    fn take(&mut self, client: &Client, (kind, organization, version, text): Line) -> Result<(), ClusterError> {
        let shards = client.shards().len();
        let place =
            if kind == PLACE { Place::parse(&text, shards) } else { Place::parse(&format!("at {text}"), shards) };
        let place = place.ok_or_else(|| {
            let what = if kind == PLACE { "is" } else { "is wanted" };
            ClusterError::Wrong(format!(
                "organization '{organization}' {what} at '{text}' by the cluster's records, which is no place among \
                 {shards} shards: name all hosts of the cluster"
            ))
        })?;
        if kind == PLACE {
            self.places.insert(organization, (version, place));
        } else {
            self.wanted.insert(organization, (version, place.home()));
        }
        Ok(())
    }

    /// Takes what is newer. The organizations that are read somewhere else now.
    pub fn merge(&mut self, address: &Address, newer: &Places) -> Vec<String> {
        let mut moved = Vec::new();
        for (organization, (version, place)) in &newer.places {
            if self.version(organization) < *version {
                if self.of(address, organization).home() != place.home() {
                    moved.push(organization.clone());
                }
                self.places.insert(organization.clone(), (*version, *place));
            }
        }
        for (organization, wanted) in &newer.wanted {
            let known = self.wanted.entry(organization.clone()).or_insert(*wanted);
            *known = (*wanted).max(*known);
        }
        moved
    }

    /// Writes to a shard what it does not have, by what it says.
    pub fn tell(&self, client: &Client, shard: usize, it_has: &Places) -> Result<(), ClusterError> {
        let mut rows = Vec::new();
        for (organization, (version, place)) in &self.places {
            if it_has.version(organization) < *version {
                line(&mut rows, PLACE, organization, *version, &place.to_string());
            }
        }
        for (organization, (version, wanted)) in &self.wanted {
            if it_has.wanted(organization).is_none_or(|(before, _)| before < *version) {
                line(&mut rows, WANTED, organization, *version, &(wanted + 1).to_string());
            }
        }
        if rows.is_empty() { Ok(()) } else { client.insert(shard, "records_local", &rows) }
    }

    /// Notes where an organization is, as later than all before.
    pub fn put(&mut self, organization: &str, place: Place, version: u64) {
        let version = version.max(self.version(organization) + 1);
        self.places.insert(organization.to_owned(), (version, place));
    }

    /// Notes where somebody wants it.
    pub fn want(&mut self, organization: &str, shard: usize, version: u64) {
        let version = version.max(self.wanted(organization).map_or(0, |(before, _)| before) + 1);
        self.wanted.insert(organization.to_owned(), (version, shard));
    }
}

fn line(rows: &mut Vec<u8>, kind: &str, organization: &str, version: u64, text: &str) {
    for part in ["", "", kind, organization] {
        rows.text(part.as_bytes());
    }
    rows.u64(version);
    rows.u8(0);
    rows.text(text.as_bytes());
}

fn lines(client: &Client, shard: usize, only: &str) -> Result<Vec<Line>, ClusterError> {
    let sql = format!(
        "SELECT kind, key, version, value FROM records_local FINAL \
         WHERE organization = '' AND node = '' AND deleted = 0{only} FORMAT RowBinary"
    );
    let (mut rows, mut lines) = (client.ask(shard, &sql)?, Vec::new());
    while client.read(shard, rows.has_more())? {
        let mut line = || Ok((rows.text()?, rows.text()?, rows.u64()?, rows.text()?));
        lines.push(client.read(shard, line())?);
    }
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_written_as_they_are_read() {
        for place in [Place::At(2), Place::Copying { from: 0, to: 2 }, Place::Leaving { from: 1, to: 0 }] {
            assert_eq!(Place::parse(&place.to_string(), 3), Some(place));
        }
        for text in ["", "at", "at 0", "at 4", "copying 1", "leaving 1 2 3", "gone 1"] {
            assert_eq!(Place::parse(text, 3), None, "{text}");
        }
    }

    #[test]
    fn the_latest_place_counts_whoever_says_it() {
        let address = Address::parse("clickhouse://a,b/x?cluster=m").unwrap();
        let home = address.shard_of("acme");
        let other = 1 - home;
        let (mut old, mut new) = (Places::default(), Places::default());
        old.put("acme", Place::Copying { from: home, to: other }, 5);
        new.put("acme", Place::Leaving { from: home, to: other }, 6);
        let mut all = Places::default();
        assert!(all.merge(&address, &old).is_empty(), "it is read where it was");
        assert_eq!(all.merge(&address, &new), ["acme"]);
        assert!(all.merge(&address, &old).is_empty());
        assert_eq!(all.of(&address, "acme").home(), other);
        all.put("acme", Place::At(other), 1);
        assert_eq!(all.version("acme"), 7, "later than what was known, whatever the clock says");
    }
}
