//! The file: what is kept, under which keys, in which bytes.
//!
//! Owns tables, key order, the block codec, the dictionary of names and the record of seen event ids.
//!
//! Does not know HTTP, zones, threads or what the time is; whoever writes hands in the clock's reading.
//!
//! Invariants: one transaction holds the events' sums and their ids, so neither is ever without the other; a reader
//! sees one commit and nothing in between; bytes that are not what was written are an error, never a number.
//!
//! Tables (`docs/file-format.md` draws them; all integers in keys are big-endian, so byte order is key order):
//!
//! | Table | Key | Value |
//! |---|---|---|
//! | `meta` | name | format version |
//! | `names` | organization, dimension, name | number of the name |
//! | `series` | organization, series | the series' values |
//! | `rollups` | organization, quarter, hour, run | [`block`]: rows in order of series |
//! | `active` | organization, UTC day | roaring bitmap of the series with usage |
//! | `arrivals` | arrival hour, sequence | ids of the last 48 hours, as they came |
//! | `ids` | organization, hour, run | older ids, sorted |
//! | `directory` | kind, organization, id | [`record`] |

pub mod block;
mod dictionary;
mod ids;
mod keys;
pub mod record;

use std::path::Path;

use redb::{Database, Durability, ReadableDatabase, ReadableTable, TableDefinition};
use roaring::RoaringBitmap;

pub use dictionary::{Dictionary, OrganizationNames};
pub use ids::{Aged, Seen, SeenIds};

use crate::model::{Day, Dimension, Hour, OrganizationId, Overflow, Quarter, Series, SeriesId, Slot};
use crate::rollup::{self, Row};
use block::Block;

type Table = TableDefinition<'static, &'static [u8], &'static [u8]>;
const META: Table = TableDefinition::new("meta");
const NAMES: Table = TableDefinition::new("names");
const SERIES: Table = TableDefinition::new("series");
const ROLLUPS: Table = TableDefinition::new("rollups");
const ACTIVE: Table = TableDefinition::new("active");
const ARRIVALS: Table = TableDefinition::new("arrivals");
const IDS: Table = TableDefinition::new("ids");
const DIRECTORY: Table = TableDefinition::new("directory");

const TABLES: [Table; 7] = [NAMES, SERIES, ROLLUPS, ACTIVE, ARRIVALS, IDS, DIRECTORY];

/// Version of everything in the file. Raised when old files need a migration to be read.
pub const FORMAT_VERSION: u32 = 1;
const FORMAT_KEY: &[u8] = b"format";

/// What can go wrong with the file.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process has the file open. *Caller.*
    #[error("the store is in use by another process")]
    Locked,
    /// Written by a newer Rollcall. *Caller.*
    #[error("the store has format version {found}; this version reads up to {FORMAT_VERSION}: use a newer rollcall")]
    Newer { found: u32 },
    /// A sum would leave its integer. *Caller.*
    #[error(transparent)]
    Overflow(#[from] Overflow),
    /// Bytes are not what was written. *Broken.*
    #[error("the store is damaged: {what}; put back a copy of it")]
    Damaged { what: String },
    /// The disk or the database failed. *Broken.*
    #[error("the store failed: {0}")]
    Failed(#[source] Box<redb::Error>),
}

macro_rules! failed_from {
    ($($error:ty),*) => {$(
        impl From<$error> for StoreError {
            fn from(error: $error) -> Self {
                StoreError::Failed(Box::new(error.into()))
            }
        }
    )*};
}
failed_from!(redb::StorageError, redb::TransactionError, redb::TableError, redb::CommitError, redb::SetDurabilityError);

impl From<redb::DatabaseError> for StoreError {
    fn from(error: redb::DatabaseError) -> Self {
        match error {
            redb::DatabaseError::DatabaseAlreadyOpen => StoreError::Locked,
            other => StoreError::Failed(Box::new(other.into())),
        }
    }
}

pub(crate) fn damaged(what: impl Into<String>) -> StoreError {
    StoreError::Damaged { what: what.into() }
}

/// An open store file.
pub struct Store {
    database: Database,
}

impl Store {
    /// Opens the file, creating it when absent. Recovers by itself from a crash.
    pub fn open(path: &Path) -> Result<Store, StoreError> {
        // Sealed blocks are read through this cache; 256 MiB holds a year of several large organizations.
        Store::prepare(Database::builder().set_cache_size(256 << 20).create(path)?)
    }

    /// A store on something other than a file: crash tests cut the power of such a one.
    pub fn open_backend(backend: impl redb::StorageBackend) -> Result<Store, StoreError> {
        Store::prepare(Database::builder().create_with_backend(backend)?)
    }

    fn prepare(database: Database) -> Result<Store, StoreError> {
        let store = Store { database };
        let found = store.reader()?.format_version()?;
        match found {
            Some(FORMAT_VERSION) => {
                let transaction = store.database.begin_read()?;
                for table in TABLES {
                    transaction.open_table(table).map_err(|e| damaged(format!("table {table}: {e}")))?;
                }
            }
            Some(found) => return Err(StoreError::Newer { found }),
            None => {
                let writer = store.begin()?;
                for table in TABLES {
                    writer.transaction.open_table(table)?;
                }
                writer.transaction.open_table(META)?.insert(FORMAT_KEY, &FORMAT_VERSION.to_be_bytes()[..])?;
                writer.commit()?;
            }
        }
        Ok(store)
    }

    /// The state as of the latest commit.
    pub fn reader(&self) -> Result<Reader, StoreError> {
        Ok(Reader { transaction: self.database.begin_read()? })
    }

    /// Starts the one write transaction there can be.
    pub fn begin(&self) -> Result<Writer, StoreError> {
        let mut transaction = self.database.begin_write()?;
        transaction.set_durability(Durability::Immediate)?;
        // Recovery after a crash then does not depend on the size of the file; it only counts when every commit does it.
        transaction.set_quick_repair(true);
        Ok(Writer { transaction })
    }
}

/// Key and bytes of a directory record.
pub type StoredRecord = (Vec<u8>, Vec<u8>);

/// One commit of the store, for as long as it is held.
pub struct Reader {
    transaction: redb::ReadTransaction,
}

impl Reader {
    fn format_version(&self) -> Result<Option<u32>, StoreError> {
        let table = match self.transaction.open_table(META) {
            Err(redb::TableError::TableDoesNotExist(_)) => return Ok(None),
            other => other?,
        };
        let value = table.get(FORMAT_KEY)?;
        value.map(|v| keys::read_u32(v.value(), 0).ok_or_else(|| damaged("format version"))).transpose()
    }

    /// Calls `visit` with each block of `organization` in hours `from` (included) to `until` (excluded), in order of
    /// hours. An hour has one block or a few, which add up.
    pub fn scan_hours(
        &self,
        organization: OrganizationId,
        from: Hour,
        until: Hour,
        visit: impl FnMut(Hour, Block<'_>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        self.scan(organization, Quarter::WHOLE, from, until, visit)
    }

    /// Calls `visit` with each block of one slot.
    pub fn scan_slot(
        &self,
        organization: OrganizationId,
        slot: Slot,
        mut visit: impl FnMut(Block<'_>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        self.scan(organization, slot.before, slot.hour, Hour(slot.hour.0.saturating_add(1)), |_, block| visit(block))
    }

    fn scan(
        &self,
        organization: OrganizationId,
        before: Quarter,
        from: Hour,
        until: Hour,
        mut visit: impl FnMut(Hour, Block<'_>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        if from >= until {
            return Ok(());
        }
        let table = self.transaction.open_table(ROLLUPS)?;
        let first = keys::rollup(organization, Slot { before, hour: from }, 0);
        let end = keys::rollup(organization, Slot { before, hour: until }, 0);
        for entry in table.range::<&[u8]>(&first[..]..&end[..])? {
            let (key, value) = entry?;
            let hour = keys::rollup_hour(key.value()).ok_or_else(|| damaged("a rollup key"))?;
            let block = Block::parse(value.value()).map_err(|e| damaged(format!("rollup of hour {}: {e}", hour.0)))?;
            visit(hour, block)?;
        }
        Ok(())
    }

    /// Calls `visit` with each day from `from` (included) to `until` (excluded) that has usage, and the series that
    /// have it.
    pub fn scan_active(
        &self,
        organization: OrganizationId,
        from: Day,
        until: Day,
        mut visit: impl FnMut(Day, RoaringBitmap),
    ) -> Result<(), StoreError> {
        if from >= until {
            return Ok(());
        }
        let table = self.transaction.open_table(ACTIVE)?;
        let (first, end) = (keys::active(organization, from), keys::active(organization, until));
        for entry in table.range::<&[u8]>(&first[..]..&end[..])? {
            let (key, value) = entry?;
            let day = keys::read_u32(key.value(), 4).map(Day).ok_or_else(|| damaged("a key of active series"))?;
            visit(day, read_bitmap(value.value())?);
        }
        Ok(())
    }

    /// Everything the directory has written, as (key, record).
    pub fn records(&self) -> Result<Vec<StoredRecord>, StoreError> {
        let table = self.transaction.open_table(DIRECTORY)?;
        let mut records = Vec::new();
        for entry in table.iter()? {
            let (key, value) = entry?;
            records.push((key.value().to_vec(), value.value().to_vec()));
        }
        Ok(records)
    }

    /// Reads the whole dictionary.
    pub fn dictionary(&self) -> Result<Dictionary, StoreError> {
        dictionary::load(&self.transaction.open_table(NAMES)?, &self.transaction.open_table(SERIES)?)
    }

    /// Reads the ids that arrived lately.
    pub fn seen_ids(&self) -> Result<SeenIds, StoreError> {
        ids::load(&self.transaction.open_table(ARRIVALS)?)
    }
}

fn read_bitmap(bytes: &[u8]) -> Result<RoaringBitmap, StoreError> {
    RoaringBitmap::deserialize_from(bytes).map_err(|e| damaged(format!("a bitmap of active series: {e}")))
}

/// One write transaction: all of it happens, or none.
pub struct Writer {
    transaction: redb::WriteTransaction,
}

impl Writer {
    /// Adds rows (in order of series) to a slot.
    ///
    /// They become a run of their own; runs that are not much larger than what follows them are merged, so a slot
    /// that takes many small batches keeps about log₂(rows) runs and each row is rewritten about as often.
    pub fn add_rows(&self, organization: OrganizationId, slot: Slot, rows: &[Row]) -> Result<(), StoreError> {
        let mut table = self.transaction.open_table(ROLLUPS)?;
        let first = keys::rollup(organization, slot, 0);
        let last = keys::rollup(organization, slot, u32::MAX);
        let mut rows = std::borrow::Cow::Borrowed(rows);
        let mut run = 0;
        loop {
            let newest = {
                let mut runs = table.range::<&[u8]>(&first[..]..=&last[..])?;
                let Some(entry) = runs.next_back() else { break };
                let (key, value) = entry?;
                run = keys::rollup_run(key.value()).ok_or_else(|| damaged("a rollup key"))?;
                let block = Block::parse(value.value()).map_err(|e| damaged(format!("hour {}: {e}", slot.hour.0)))?;
                if block.len() > 2 * rows.len() {
                    run += 1;
                    break;
                }
                block.rows()
            };
            rows = rollup::merge(&newest, &rows)?.into();
            table.remove(&keys::rollup(organization, slot, run)[..])?;
        }
        table.insert(&keys::rollup(organization, slot, run)[..], &block::encode(&rows)[..])?;
        Ok(())
    }

    /// Notes that series have usage on a day.
    pub fn mark_active(
        &self,
        organization: OrganizationId,
        day: Day,
        series: &RoaringBitmap,
    ) -> Result<(), StoreError> {
        let mut table = self.transaction.open_table(ACTIVE)?;
        let key = keys::active(organization, day);
        let known = match table.get(&key[..])? {
            Some(value) => read_bitmap(value.value())?,
            None => RoaringBitmap::new(),
        };
        // Most of a day's commits bring nothing new, and write nothing here.
        if !series.is_subset(&known) {
            let all = known | series;
            let mut bytes = Vec::with_capacity(all.serialized_size());
            all.serialize_into(&mut bytes).expect("memory takes every write");
            table.insert(&key[..], &bytes[..])?;
        }
        Ok(())
    }

    /// Writes a new name of the dictionary.
    pub fn put_name(
        &self,
        organization: OrganizationId,
        dimension: Option<Dimension>,
        name: &str,
        number: u32,
    ) -> Result<(), StoreError> {
        let key = keys::name(organization, dimension, name);
        self.transaction.open_table(NAMES)?.insert(&key[..], &number.to_be_bytes()[..])?;
        Ok(())
    }

    /// Writes a new series of the dictionary.
    pub fn put_series(&self, organization: OrganizationId, id: SeriesId, series: &Series) -> Result<(), StoreError> {
        let value = dictionary::encode_series(series);
        self.transaction.open_table(SERIES)?.insert(&keys::series(organization, id)[..], &value[..])?;
        Ok(())
    }

    /// Writes a record of the directory, or removes it.
    pub fn put_record(&self, key: &[u8], record: Option<&[u8]>) -> Result<(), StoreError> {
        let mut table = self.transaction.open_table(DIRECTORY)?;
        match record {
            Some(record) => drop(table.insert(key, record)?),
            None => drop(table.remove(key)?),
        }
        Ok(())
    }

    /// Makes everything durable; once this returns, no crash undoes it.
    pub fn commit(self) -> Result<(), StoreError> {
        Ok(self.transaction.commit()?)
    }
}
