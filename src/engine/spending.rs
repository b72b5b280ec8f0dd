//! Budgets follow what is committed: what a commit adds to rollups it adds to their accounts, at the moment at which
//! readers see it. What moves sums in any other way closes the book, and whoever asks next opens it anew.

use std::collections::HashMap;
use std::sync::{MutexGuard, PoisonError, TryLockError};

use super::Shared;
use super::request::Request;
use super::writer::{Touched, Writer};
use crate::budget::Accounts;
use crate::model::{Batch, Dimension, Event, Fingerprint, Measures, OrganizationId, Segment, SeriesId};
use crate::store::StoreError;

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

/// What a commit added to a series, or took back of it, by the names that budgets go by.
struct Added<'a> {
    organization: &'a str,
    segment: Segment,
    named: (SeriesId, &'a str, &'a str),
    measures: &'a Measures,
    is_taken_back: bool,
}

type Open = HashMap<OrganizationId, String>;

impl Writer {
    /// Publishes a commit together with what it adds to budgets, so that nobody sees one without the other. Decisions wait
    /// meanwhile, so what can be found out before is.
    pub(super) fn publish_group(&self, group: &[Request], touched: &Touched) -> Result<(), StoreError> {
        let snapshot = self.snapshot();
        let before = self.open_books(&self.shared.accounts());
        let added = self.added(&before, touched);
        let mut accounts = self.shared.accounts();
        match snapshot {
            Ok(snapshot) => self.show(snapshot, touched),
            Err(error) => {
                // The file is ahead of what was added up.
                accounts.close_all();
                return Err(error);
            }
        }
        touched.moved_budgets.iter().for_each(|organization| accounts.close(organization));
        let open = self.open_books(&accounts);
        if open.keys().all(|organization| before.contains_key(organization)) {
            self.add_to(&mut accounts, &added);
        } else {
            // Somebody opened one in between.
            self.add_to(&mut accounts, &self.added(&open, touched));
        }
        if accounts.has_reservations() {
            group.iter().filter_map(Request::batch).for_each(|batch| arrived(&mut accounts, batch));
        }
        Ok(())
    }

    fn open_books(&self, accounts: &Accounts) -> Open {
        let books = accounts.open_books();
        books.filter_map(|name| Some((self.dictionary.organization(name)?.0, name.to_owned()))).collect()
    }

    fn added<'a>(&'a self, open: &'a Open, touched: &'a Touched) -> Vec<Added<'a>> {
        if open.is_empty() {
            return Vec::new();
        }
        let added = touched.rows.iter().flat_map(|(organization, segment, rows)| {
            rows.iter().map(|(series, measures)| (*organization, *segment, *series, measures, false))
        });
        let taken_back = touched.taken_back.iter().flat_map(|(organization, calls)| {
            calls.iter().map(|call| (*organization, call.segment, call.series, &call.measures, true))
        });
        let named = |(number, segment, series, measures, is_taken_back): (OrganizationId, Segment, SeriesId, _, _)| {
            let organization = open.get(&number)?.as_str();
            let names = self.dictionary.by_number(number).expect("it has a name");
            let of = names.series()[series.0 as usize];
            let name = |dimension| names.name(dimension, of.value(dimension)).unwrap_or_default();
            let named = (series, name(Dimension::Project), name(Dimension::ApiKey));
            Some(Added { organization, segment, named, measures, is_taken_back })
        };
        added.chain(taken_back).filter_map(named).collect()
    }

    fn add_to(&self, accounts: &mut Accounts, added: &[Added<'_>]) {
        for added in added.chunk_by(|a, b| a.organization == b.organization) {
            let name = added[0].organization;
            let (Some(book), Some(organization)) = (accounts.open_book(name), self.directory.organization(name)) else {
                continue;
            };
            for Added { segment, named, measures, is_taken_back, .. } in added {
                book.add(organization, *segment, *named, measures, *is_taken_back);
            }
        }
    }
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
