//! One commit with what belongs to it in memory, and how a start reads that.

use std::panic::resume_unwind;
use std::sync::Arc;
use std::thread;

use crate::directory::Directory;
use crate::store::{Dictionary, Elsewhere, Reader, SeenIds, Store, StoreError};

/// One commit, complete: the file's content and what belongs to it in memory.
pub struct Snapshot {
    pub reader: Reader,
    pub dictionary: Arc<Dictionary>,
    pub directory: Arc<Directory>,
}

impl Snapshot {
    fn of(store: &Store) -> Result<Snapshot, StoreError> {
        let reader = store.reader()?;
        let (directory, dictionary) = beside(|| Directory::load(&reader), || reader.dictionary());
        let (mut directory, dictionary) = (directory?.with_limits(store.name_limits()), dictionary?);
        directory.number_owners(&dictionary);
        Ok(Snapshot { reader, dictionary: Arc::new(dictionary), directory: Arc::new(directory) })
    }

    /// The same with what only a writer needs. Nothing may be written meanwhile.
    pub(super) fn with_seen_ids(store: &Store) -> Result<(Snapshot, SeenIds), StoreError> {
        let seen = || store.reader()?.seen_ids(store.id_policy());
        let (seen, snapshot) = beside(seen, || Snapshot::of(store));
        Ok((snapshot?, seen?))
    }

    /// The latest commit of a store that has no usage; that is kept elsewhere, under the numbers of its dictionary.
    pub fn with_usage_from(
        store: &Store,
        elsewhere: impl FnOnce(&Arc<Dictionary>) -> Arc<dyn Elsewhere>,
    ) -> Result<Snapshot, StoreError> {
        let Snapshot { reader, dictionary, directory } = Snapshot::of(store)?;
        Ok(Snapshot { reader: reader.with_usage_from(elsewhere(&dictionary)), dictionary, directory })
    }
}

/// Does two things at the same time: names, directory and ids are read one entry at a time, and may be millions.
fn beside<A: Send, B>(one: impl FnOnce() -> A + Send, other: impl FnOnce() -> B) -> (A, B) {
    thread::scope(|scope| {
        let one = scope.spawn(one);
        let other = other();
        (one.join().unwrap_or_else(|panic| resume_unwind(panic)), other)
    })
}
