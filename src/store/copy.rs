//! Copies of a whole store, made from one commit while others are written.
//!
//! A copy is a new database with the same tables, entry by entry: never the bytes of a file that is being written,
//! which fit together only by chance. It has hardly any free pages, so it is also the smallest file for its content.

use std::fs::File;
use std::ops::Bound;

use redb::backends::FileBackend;
use redb::{CursorError, Database, Durability, ReadableTable, ReadableTableMetadata, WriteTransaction};

use super::inspect::io_failed;
use super::{META, Progress, Reader, Store, StoreError, TABLES, damaged};

/// What a copy may hold in memory before it is written out.
const CACHE_BYTES: usize = 64 << 20;
/// What is written in one transaction: its pages are still in memory when it adds up their checksums.
const TRANSACTION_BYTES: usize = 16 << 20;

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
        for definition in [META].into_iter().chain(TABLES) {
            let from = self.transaction.open_table(definition)?;
            let mut entries = from.iter()?.peekable();
            loop {
                let transaction = begin(&database, Durability::None)?;
                let mut into = transaction.open_table(definition)?;
                // Entries come in order of keys, which packs pages tightly.
                let mut end = into.upper_bound_mut(Bound::<&[u8]>::Unbounded)?;
                let mut bytes = 0;
                while let Some(entry) = entries.next_if(|_| bytes < TRANSACTION_BYTES) {
                    let (key, value) = entry?;
                    end.insert_before(key.value(), value.value()).map_err(|error| match error {
                        CursorError::UnorderedKey => damaged(format!("keys of table {definition} are out of order")),
                        CursorError::Storage(error) => error.into(),
                        other => StoreError::Failed(Box::new(other.into())),
                    })?;
                    bytes += key.value().len() + value.value().len();
                    done += 1;
                    progress(done, all);
                }
                end.close()?;
                drop(into);
                transaction.commit()?;
                if entries.peek().is_none() {
                    break;
                }
            }
        }
        begin(&database, Durability::Immediate)?.commit()?;
        // A file grows by doubling, and what follows the last page would be sent and kept for nothing.
        compact(&mut database)?;
        database.close()?;
        file.sync_all().map_err(io_failed)
    }
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
