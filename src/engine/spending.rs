//! Budgets follow what is committed: what a commit adds to rollups it adds to their accounts, at the moment at which
//! readers see it. What moves sums in any other way closes the book, and whoever asks next opens it anew.

use std::collections::HashMap;
use std::sync::{MutexGuard, PoisonError, TryLockError};

use super::Shared;
use super::request::Request;
use super::writer::{Touched, Writer};
use crate::budget::{Accounts, Book};
use crate::directory::Organization;
use crate::model::{Batch, Dimension, Event, Fingerprint, OrganizationId, SeriesId};
use crate::store::{Counted, OrganizationNames, StoreError};

impl Shared {
    pub(super) fn accounts(&self) -> MutexGuard<'_, Accounts> {
        self.accounts.lock().unwrap_or_else(|poisoned| self.mended(poisoned))
    }

    pub(super) fn accounts_now(&self) -> Option<MutexGuard<'_, Accounts>> {
        match self.accounts.try_lock() {
            Ok(accounts) => Some(accounts),
            Err(TryLockError::Poisoned(poisoned)) => Some(self.mended(poisoned)),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    /// The accounts after a panic: whatever was under way was not finished.
    fn mended<'a>(&self, poisoned: PoisonError<MutexGuard<'a, Accounts>>) -> MutexGuard<'a, Accounts> {
        self.accounts.clear_poison();
        let mut accounts = poisoned.into_inner();
        accounts.close_all();
        accounts
    }
}

impl Writer {
    /// Publishes a commit together with what it adds to budgets, so that nobody sees one without the other. Decisions wait
    /// meanwhile.
    pub(super) fn publish_group(&self, group: &[Request], touched: &Touched) -> Result<(), StoreError> {
        let snapshot = self.snapshot();
        let mut accounts = self.shared.accounts();
        let before = match snapshot {
            Ok(snapshot) => self.show(snapshot, touched),
            Err(error) => {
                // The file is ahead of what was added up.
                accounts.close_all();
                return Err(error);
            }
        };
        touched.moved_budgets.iter().for_each(|organization| accounts.close(organization));
        self.add_to(&mut accounts, touched);
        if accounts.has_reservations() {
            group.iter().filter_map(Request::batch).for_each(|batch| arrived(&mut accounts, batch));
        }
        drop(accounts);
        // It may be the last to hold what was there, and nobody waits any more.
        drop(before);
        Ok(())
    }

    fn add_to(&self, accounts: &mut Accounts, touched: &Touched) {
        let open = accounts.open_books();
        let open: HashMap<OrganizationId, String> =
            open.filter_map(|name| Some((self.dictionary.organization(name)?.0, name.to_owned()))).collect();
        let mut add = |number: &OrganizationId, add: &dyn Fn(&mut Book, &Organization, &OrganizationNames)| {
            let Some(name) = open.get(number) else { return };
            if let (Some(book), Some(organization)) = (accounts.open_book(name), self.directory.organization(name)) {
                add(book, organization, self.dictionary.by_number(*number).expect("it has a name"));
            }
        };
        for (number, segment, rows) in &touched.rows {
            add(number, &|book, organization, names| {
                for (series, measures) in rows {
                    book.add(organization, *segment, *series, || named(names, *series), measures, false);
                }
            });
        }
        for (number, calls) in &touched.taken_back {
            add(number, &|book, organization, names| {
                for Counted { segment, series, measures, .. } in calls {
                    book.add(organization, *segment, *series, || named(names, *series), measures, true);
                }
            });
        }
    }
}

/// What a series is by which budgets go: its project and its API key.
fn named(names: &OrganizationNames, series: SeriesId) -> (&str, &str) {
    let of = names.series()[series.0 as usize];
    let name = |dimension| names.name(dimension, of.value(dimension)).unwrap_or_default();
    (name(Dimension::Project), name(Dimension::ApiKey))
}

/// The events of calls are there: what they reserved is no more.
fn arrived(accounts: &mut Accounts, batch: &Batch) {
    let organization = |event: &Event| batch.combinations[event.combination as usize].organization.as_str();
    let alike = |a: &Event, b: &Event| a.combination == b.combination || organization(a) == organization(b);
    for events in batch.events.chunk_by(alike) {
        accounts.arrived(organization(&events[0]), events.iter().map(|event| &event.id));
    }
    let calls = batch.calls.iter().filter_map(|(at, call)| Some((batch.events.get(*at as usize)?, call)));
    calls.for_each(|(event, call): (&Event, &Fingerprint)| accounts.arrived(organization(event), [call]));
}
