//! What is shipped beside usage: records as the store keeps them.

use super::super::client::quoted;
use super::super::node::OWNER;
use super::super::rows::WriteRow;
use super::super::schema::HAS_SOMETHING;
use super::{Shards, ShipError, Shipment};
use crate::model::{OrganizationId, Segment};
use crate::store::{RecordOwner, RecordTable, StoreError};

impl<'a> Shipment<'a> {
    /// Sends all records of a table, and marks as deleted those that the cluster has and the store has no more.
    pub(super) fn table(&mut self, table: RecordTable) -> Result<(), ShipError> {
        let snapshot = self.snapshot;
        snapshot.reader.records_of(table, |key, value| self.record(table, key, Some(value)).map(drop))?;
        self.flush();
        let client = &self.to.client.patiently();
        let sql = format!(
            "SELECT organization, key FROM records_local FINAL WHERE node = {} AND kind = {} AND deleted = 0 \
             FORMAT RowBinary",
            quoted(self.to.node),
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
        let client = &self.to.client.patiently();
        let sql = format!(
            "SELECT DISTINCT organization FROM usage_local FINAL WHERE node = {} AND ({}) FORMAT RowBinary",
            quoted(self.to.node),
            HAS_SOMETHING
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
                    self.remove_at(shard, name, Segment(0)..Segment(u32::MAX))?;
                    // One that was moved has a claim on each shard that it was on.
                    for shard in client.shards() {
                        self.claims.release(client, shard, self.to.node, name, self.now)?;
                    }
                    Ok(())
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
    pub(super) fn record(
        &mut self,
        table: RecordTable,
        key: &[u8],
        value: Option<&[u8]>,
    ) -> Result<Option<Shards>, ShipError> {
        let organization = self.owner(table, key)?.to_owned();
        let place = self.place(&organization);
        if self.is_own(&organization) {
            let all: Vec<usize> = match place {
                Some(shards) => shards.into_iter().flatten().collect(),
                None => self.to.client.shards().collect(),
            };
            all.into_iter().for_each(|shard| self.put_record(shard, &organization, table.name(), key, value));
            self.flush_if_full();
        }
        Ok(place)
    }

    /// Sends all records that are of an organization alone, and marks as deleted those that the shards have and the store has
    /// no more; all of them, where it is not to keep any.
    pub fn records_of(&mut self, organization: &str, keeps: bool) -> Result<(), ShipError> {
        let snapshot = self.snapshot;
        let shards: Vec<usize> = self.shards_of(organization).into_iter().flatten().collect();
        if keeps {
            self.each_record_of(organization, |shipment, table, key, value| {
                shards.iter().for_each(|shard| {
                    shipment.put_record(*shard, organization, table.name(), key, Some(value));
                });
                shipment.flush_if_full();
            })?;
            self.flush();
        }
        let client = &self.to.client.patiently();
        let sql = format!(
            "SELECT kind, key FROM records_local FINAL WHERE organization = {} AND node = {} AND kind != {} AND deleted = 0 \
             FORMAT RowBinary",
            quoted(organization),
            quoted(self.to.node),
            quoted(OWNER)
        );
        for shard in shards {
            let mut read = || {
                let mut rows = client.ask(shard, &sql)?;
                while client.read(shard, rows.has_more())? {
                    let (kind, key) = (client.read(shard, rows.text())?, client.read(shard, rows.bytes())?);
                    let is_there = match RecordTable::named(&kind).filter(|_| keeps) {
                        Some(table) => snapshot.reader.record_of(table, &key)?.is_some(),
                        None => false,
                    };
                    if !is_there {
                        self.put_record(shard, organization, &kind, &key, None);
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

    /// How many records are of an organization alone.
    pub fn count_records_of(&mut self, organization: &str) -> Result<u64, ShipError> {
        let mut count = 0;
        self.each_record_of(organization, |_, _, _, _| count += 1)?;
        Ok(count)
    }

    fn each_record_of(
        &mut self,
        organization: &str,
        mut visit: impl FnMut(&mut Self, RecordTable, &[u8], &[u8]),
    ) -> Result<(), ShipError> {
        let snapshot = self.snapshot;
        for table in RecordTable::all() {
            snapshot.reader.records_of(table, |key, value| {
                if self.owner(table, key)? == organization {
                    visit(self, table, key, value);
                }
                Ok::<_, ShipError>(())
            })?;
        }
        Ok(())
    }

    fn put_record(&mut self, shard: usize, organization: &str, kind: &str, key: &[u8], value: Option<&[u8]>) {
        let version = self.version();
        let out = &mut self.rows[shard].records;
        let before = out.len();
        [organization, self.to.node, kind].iter().for_each(|text| out.text(text.as_bytes()));
        out.text(key);
        out.u64(version);
        out.u8(u8::from(value.is_none()));
        out.text(value.unwrap_or_default());
        self.bytes += out.len() - before;
    }
}
