//! The version of the file, and files of older ones.
//!
//! A file of an older format is one of this before anything else reads it. What takes a while is done in steps, a
//! transaction each, of which the file says where the next begins. So a start that is cut short goes on where it was, and
//! no older version opens what is half done: the first step raises the version.

use redb::{ReadableDatabase, ReadableTable};

use super::packed::bind;
use super::seal::BLOCK_BYTES;
use super::{
    Bytes, IDS, META, RARE, Reader, Store, StoreError, TABLES, TOTALS, Table, damaged, ids, keys, rows, sparse,
};

/// Version of everything in the file. Raised when old files need a migration to be read.
pub const FORMAT_VERSION: u32 = 10;
/// The oldest version that is read. It has the first of the tables, and gets the others when it is opened.
const OLDEST_VERSION: u32 = 5;
const TABLES_OF_5: usize = 13;
const TABLES_OF_6: usize = 16;
const TABLES_OF_7: usize = 18;
const TABLES_OF_8: usize = 19;
const TABLES_OF_9: usize = 20;
/// The first version with all tables in the form that they have.
const REWRITTEN: u32 = 9;
pub(super) const FORMAT_KEY: &[u8] = b"format";
/// What the next step begins with, while tables are brought into the form that they have since version 9: the place of
/// one in [`CHANGED`], and a key of it.
const NEXT_KEY: &[u8] = b"next of version 9";
const CHANGED: [(Table, Rewrite); 2] = [(IDS, ids::shorten), (TOTALS, rewrite_rare)];
/// Writes anew what belongs together from a key on, adds how many bytes that were, and gives the key to go on from, if
/// there is more.
type Rewrite = fn(&mut redb::Table<'_, Bytes, Bytes>, &[u8], &mut usize) -> Result<Option<Vec<u8>>, StoreError>;
/// What one step reads, about. Unpacked it takes some ten times as much memory.
const STEP_BYTES: usize = 4 << 20;

impl Reader {
    pub(super) fn format_version(&self) -> Result<Option<u32>, StoreError> {
        let table = match self.transaction.open_table(META) {
            Err(redb::TableError::TableDoesNotExist(_)) => return Ok(None),
            other => other?,
        };
        let value = table.get(FORMAT_KEY)?;
        value.map(|v| keys::read_u32(v.value(), 0).ok_or_else(|| damaged("format version"))).transpose()
    }
}

impl Store {
    /// Makes a new file, or one of an older format, one of this.
    pub(super) fn bring_up_to_date(&self) -> Result<(), StoreError> {
        self.raise_version()?;
        while self.step(STEP_BYTES)? {}
        Ok(())
    }

    fn raise_version(&self) -> Result<(), StoreError> {
        let found = self.reader()?.format_version()?;
        match found {
            Some(found) if found < OLDEST_VERSION => return Err(StoreError::Older { found }),
            Some(found) if found > FORMAT_VERSION => return Err(StoreError::Newer { found }),
            Some(found) => {
                let transaction = self.database.begin_read()?;
                let tables = match found {
                    OLDEST_VERSION => TABLES_OF_5,
                    6 => TABLES_OF_6,
                    7 => TABLES_OF_7,
                    8 => TABLES_OF_8,
                    9 => TABLES_OF_9,
                    _ => TABLES.len(),
                };
                for table in &TABLES[..tables] {
                    transaction.open_table(*table).map_err(|e| damaged(format!("table {table}: {e}")))?;
                }
            }
            None => {}
        }
        if found != Some(FORMAT_VERSION) {
            let writer = self.begin()?;
            for table in TABLES {
                writer.transaction.open_table(table)?;
            }
            let mut meta = writer.transaction.open_table(META)?;
            meta.insert(FORMAT_KEY, &FORMAT_VERSION.to_be_bytes()[..])?;
            if found.is_some_and(|found| found < REWRITTEN) {
                meta.insert(NEXT_KEY, &[0][..])?;
            }
            drop(meta);
            writer.commit()?;
        }
        Ok(())
    }

    /// Takes the next step, if there is one.
    fn step(&self, step_bytes: usize) -> Result<bool, StoreError> {
        if self.reader()?.transaction.open_table(META)?.get(NEXT_KEY)?.is_none() {
            return Ok(false);
        }
        let writer = self.begin()?;
        {
            let mut meta = writer.transaction.open_table(META)?;
            let next = meta.remove(NEXT_KEY)?.map(|next| next.value().to_vec()).unwrap_or_default();
            let (at, from) = next.split_first().ok_or_else(|| damaged("where a migration was"))?;
            let (table, rewrite) = CHANGED.get(usize::from(*at)).ok_or_else(|| damaged("where a migration was"))?;
            let mut table = writer.transaction.open_table(*table)?;
            let (mut next, mut bytes) = (Some(from.to_vec()), 0);
            while let Some(from) = next.take_if(|_| bytes < step_bytes) {
                next = rewrite(&mut table, &from, &mut bytes)?;
            }
            match next {
                Some(next) => drop(meta.insert(NEXT_KEY, &[&[*at][..], &next].concat()[..])?),
                None if usize::from(*at) + 1 < CHANGED.len() => drop(meta.insert(NEXT_KEY, &[*at + 1][..])?),
                None => {}
            }
        }
        writer.commit()?;
        Ok(true)
    }
}

/// Writes the rare values of the first pivot and period from a key on as they are written now. Gives the key to go on
/// from, if there is more.
fn rewrite_rare(
    totals: &mut redb::Table<'_, Bytes, Bytes>,
    from: &[u8],
    bytes: &mut usize,
) -> Result<Option<Vec<u8>>, StoreError> {
    let Some(first) = totals.range::<&[u8]>(from..)?.next().transpose()?.map(|(key, _)| key.value().to_vec()) else {
        return Ok(None);
    };
    let (group, _) = first.split_at_checked(keys::TOTALS_GROUP).ok_or_else(|| damaged("a key of daily totals"))?;
    if (group[5], group[6]) != (u8::from(RARE.0), RARE.1) {
        // Cuts of this pivot, up to the next.
        return Ok(Some([&group[..5], &[u8::MAX]].concat()));
    }
    let end = [group, &[u8::MAX; 3]].concat();
    let mut builder = sparse::Builder::new(BLOCK_BYTES);
    for entry in totals.range::<&[u8]>(group..&end[..])? {
        let (key, value) = entry?;
        *bytes += value.value().len();
        rows::read(key.value(), value.value(), |rows| {
            builder.push(rows.id, &rows.unpack()?);
            Ok(())
        })?;
    }
    totals.retain_in::<&[u8], _>(group..&end[..], |_, _| false)?;
    for (part, block) in (0u16..).zip(builder.finish()) {
        let key = [group, &part.to_be_bytes()].concat();
        totals.insert(&key[..], &bind(&key, block)[..])?;
    }
    Ok(Some(end))
}

#[cfg(test)]
mod tests {
    use redb::Database;
    use redb::backends::InMemoryBackend;

    use super::super::Disk;
    use super::*;

    #[test]
    fn a_migration_goes_on_where_it_was() {
        let golden = std::fs::read("tests/golden/format-8.redb").unwrap();
        let mut whole = 0;
        for taken in 0.. {
            let backend = InMemoryBackend::new();
            redb::StorageBackend::set_len(&backend, golden.len() as u64).unwrap();
            redb::StorageBackend::write(&backend, 0, &golden).unwrap();
            let disk = Disk::new(backend);
            let open = || Store {
                database: Database::builder().create_with_backend(disk.clone()).unwrap(),
                disk: disk.clone(),
                seal_policy: Default::default(),
                id_policy: Default::default(),
                name_limits: Default::default(),
            };
            let store = open();
            store.raise_version().unwrap();
            if !(0..taken).all(|_| store.step(1).unwrap()) {
                break;
            }
            assert_eq!(store.reader().unwrap().format_version().unwrap(), Some(FORMAT_VERSION));
            drop(store);
            let store = open();
            store.bring_up_to_date().unwrap();
            store.reader().unwrap().verify(&mut |_, _| ()).unwrap();
            assert!(!store.step(1).unwrap());
            whole += 1;
        }
        assert!(whole > 5, "{whole}");
    }
}
