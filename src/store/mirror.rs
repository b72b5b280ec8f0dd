//! What answers need besides usage, record by record as the file has it: for copies of it that are kept elsewhere, and
//! for the store in memory that such copies are read from.

use redb::ReadableTable;
use redb::backends::InMemoryBackend;

use super::{
    CLOSINGS, DECISIONS, DIRECTORY, INTAKE, INTERVENTIONS, INVOICES, NAMES, REPRICINGS, Reader, SERIES, Store,
    StoreError, TIMING, Table, Writer, damaged,
};

/// The tables that are copied, by the names they have in copies.
pub const MIRRORED: [&str; 10] = [
    "directory",
    "names",
    "series",
    "timing",
    "closings",
    "invoices",
    "intake",
    "decisions",
    "repricings",
    "interventions",
];
/// In the same order.
const TABLES: [Table; MIRRORED.len()] =
    [DIRECTORY, NAMES, SERIES, TIMING, CLOSINGS, INVOICES, INTAKE, DECISIONS, REPRICINGS, INTERVENTIONS];

impl Reader {
    /// Calls `visit` with the table, the key and the value of every record that is copied.
    pub fn each_mirrored(
        &self,
        mut visit: impl FnMut(&'static str, &[u8], &[u8]) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        for (name, table) in MIRRORED.into_iter().zip(TABLES) {
            for entry in self.transaction.open_table(table)?.iter()? {
                let (key, value) = entry?;
                visit(name, key.value(), value.value())?;
            }
        }
        Ok(())
    }
}

impl Store {
    /// An empty store that is in memory only.
    pub fn in_memory() -> Result<Store, StoreError> {
        Store::open_backend(InMemoryBackend::new())
    }
}

impl Writer {
    /// Writes a record of a copy as it was read, or removes it.
    pub fn put_mirrored(&self, table: &str, key: &[u8], value: Option<&[u8]>) -> Result<(), StoreError> {
        let at = MIRRORED.iter().position(|name| *name == table);
        let at =
            at.ok_or_else(|| damaged(format!("a copy has a table '{table}', which this version does not know")))?;
        let mut table = self.transaction.open_table(TABLES[at])?;
        match value {
            Some(value) => drop(table.insert(key, value)?),
            None => drop(table.remove(key)?),
        }
        Ok(())
    }
}
