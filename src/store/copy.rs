//! Copies of a whole store, made from one commit while others are written.
//!
//! A copy is a new database with the same tables, entry by entry: never the bytes of a file that is being written,
//! which fit together only by chance. It has hardly any free pages, so it is also the smallest file for its content.

use std::fs::File;
use std::ops::Bound;

use redb::backends::FileBackend;
use redb::{CursorError, Database, Durability, ReadableTable, ReadableTableMetadata};

use super::inspect::io_failed;
use super::{META, Progress, Reader, Store, StoreError, TABLES, damaged};

/// What a copy may hold in memory before it is written out.
const CACHE_BYTES: usize = 64 << 20;

impl Reader {
    /// How many entries all tables have together.
    pub fn entries(&self) -> Result<u64, StoreError> {
        TABLES.iter().try_fold(0, |sum, table| Ok(sum + self.transaction.open_table(*table)?.len()?))
    }

    /// Writes everything into a file, which must be empty, and syncs it.
    pub fn copy_into(&self, file: &File, progress: &mut Progress<'_>) -> Result<(), StoreError> {
        let backend = FileBackend::new(file.try_clone().map_err(io_failed)?)?;
        let mut database = Database::builder().set_cache_size(CACHE_BYTES).create_with_backend(backend)?;
        let mut transaction = database.begin_write()?;
        transaction.set_durability(Durability::Immediate)?;
        transaction.set_quick_repair(true);
        let (mut done, all) = (0, self.entries()?);
        for definition in [META].into_iter().chain(TABLES) {
            let from = self.transaction.open_table(definition)?;
            let mut into = transaction.open_table(definition)?;
            // Entries come in order of keys, which packs pages tightly.
            let mut end = into.upper_bound_mut(Bound::<&[u8]>::Unbounded)?;
            for entry in from.iter()? {
                let (key, value) = entry?;
                end.insert_before(key.value(), value.value()).map_err(|error| match error {
                    CursorError::UnorderedKey => damaged(format!("keys of table {definition} are out of order")),
                    CursorError::Storage(error) => error.into(),
                    other => StoreError::Failed(Box::new(other.into())),
                })?;
                done += 1;
                progress(done, all);
            }
            end.close()?;
        }
        transaction.commit()?;
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

fn compact(database: &mut Database) -> Result<(), StoreError> {
    database.compact().map(drop).map_err(|error| StoreError::Failed(Box::new(error.into())))
}
