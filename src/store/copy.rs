//! Copies of a whole store, made from one commit while others are written.
//!
//! A copy is a new database with the same tables, entry by entry: never the bytes of a file that is being written,
//! which fit together only by chance. It has hardly any free pages, so it is also about as small as its content can be.

use std::fs::File;
use std::mem::replace;
use std::ops::Bound;
use std::panic::resume_unwind;
use std::sync::mpsc::{SyncSender, sync_channel};

use redb::backends::FileBackend;
use redb::{CursorError, Database, Durability, ReadableTable, ReadableTableMetadata, WriteTransaction};

use super::{META, Progress, Reader, Store, StoreError, TABLES, Table, damaged, io_failed};

/// What a copy may hold in memory before it is written out.
const CACHE_BYTES: usize = 64 << 20;
/// What is read ahead and written in one transaction, whose pages are still in memory when it adds up their checksums.
const TRANSACTION_BYTES: usize = 4 << 20;

impl Reader {
    /// How many entries all tables have together.
    pub fn entries(&self) -> Result<u64, StoreError> {
        TABLES.iter().try_fold(0, |sum, table| Ok(sum + self.transaction.open_table(*table)?.len()?))
    }

    /// Writes everything into a file, which must be empty, and syncs it.
    pub fn copy_into(&self, file: &File, progress: &mut Progress<'_>) -> Result<(), StoreError> {
        let backend = FileBackend::new(file.try_clone().map_err(io_failed)?)?;
        let mut database = Database::builder().set_cache_size(CACHE_BYTES).create_with_backend(backend)?;
        let (mut done, all) = (0, self.entries()?);
        // Reading takes nearly as long as writing.
        std::thread::scope(|scope| {
            let (sender, batches) = sync_channel(1);
            let reading = scope.spawn(move || self.read_tables(&sender));
            for batch in batches {
                write(&database, &batch)?;
                done += batch.ends.len() as u64;
                progress(done, all);
            }
            reading.join().unwrap_or_else(|panic| resume_unwind(panic))
        })?;
        begin(&database, Durability::Immediate)?.commit()?;
        // Free pages at the end, up to 32 MB, are much of a small copy, which is in memory still. Of a large one they are
        // little, and compacting would read all of it again.
        if file.metadata().map_err(io_failed)?.len() <= CACHE_BYTES as u64 {
            compact(&mut database)?;
        }
        database.close()?;
        file.sync_all().map_err(io_failed)
    }

    /// Sends the entries of all tables, in order, until nobody takes them.
    fn read_tables(&self, sender: &SyncSender<Batch>) -> Result<(), StoreError> {
        for table in [META].into_iter().chain(TABLES) {
            let mut batch = Batch::new(table);
            for entry in self.transaction.open_table(table)?.iter()? {
                let (key, value) = entry?;
                let bytes = key.value().len() + value.value().len();
                if batch.bytes.len() + bytes > TRANSACTION_BYTES
                    && sender.send(replace(&mut batch, Batch::new(table))).is_err()
                {
                    return Ok(());
                }
                batch.push(key.value(), value.value());
            }
            if sender.send(batch).is_err() {
                return Ok(());
            }
        }
        Ok(())
    }
}

/// Entries of one table that are written together.
struct Batch {
    table: Table,
    bytes: Vec<u8>,
    /// Where the key and the value of each entry end.
    ends: Vec<(usize, usize)>,
}

impl Batch {
    fn new(table: Table) -> Batch {
        Batch { table, bytes: Vec::with_capacity(TRANSACTION_BYTES), ends: Vec::new() }
    }

    fn push(&mut self, key: &[u8], value: &[u8]) {
        self.bytes.extend_from_slice(key);
        let end = self.bytes.len();
        self.bytes.extend_from_slice(value);
        self.ends.push((end, self.bytes.len()));
    }
}

fn write(database: &Database, batch: &Batch) -> Result<(), StoreError> {
    let transaction = begin(database, Durability::None)?;
    let mut into = transaction.open_table(batch.table)?;
    // Entries come in order of keys, which packs pages tightly.
    let mut end = into.upper_bound_mut(Bound::<&[u8]>::Unbounded)?;
    let mut at = 0;
    for (key, value) in &batch.ends {
        end.insert_before(&batch.bytes[at..*key], &batch.bytes[*key..*value]).map_err(|error| match error {
            CursorError::UnorderedKey => damaged(format!("keys of table {} are out of order", batch.table)),
            CursorError::Storage(error) => error.into(),
            other => StoreError::Failed(Box::new(other.into())),
        })?;
        at = *value;
    }
    end.close()?;
    drop(into);
    Ok(transaction.commit()?)
}

impl Store {
    /// Gives back the space of pages that are free. Nothing else may be reading or writing.
    pub fn compact(&mut self) -> Result<(), StoreError> {
        compact(&mut self.database)?;
        // The compaction itself does not save what makes recovery quick.
        self.begin()?.commit()
    }
}

fn begin(database: &Database, durability: Durability) -> Result<WriteTransaction, StoreError> {
    let mut transaction = database.begin_write()?;
    transaction.set_durability(durability)?;
    transaction.set_quick_repair(matches!(durability, Durability::Immediate));
    Ok(transaction)
}

fn compact(database: &mut Database) -> Result<(), StoreError> {
    database.compact().map(drop).map_err(|error| StoreError::Failed(Box::new(error.into())))
}
