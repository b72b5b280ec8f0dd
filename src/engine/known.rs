//! Which ids of a batch were there before.

use crate::model::Batch;
use crate::store::{self, AgedIds, RunsOfIds, SeenIds, StoreError};

/// Whether an id was there before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Id {
    New,
    /// Kept with the hour of its event.
    KnownInItsHour,
    /// Of the last 48 hours, whatever the hour of its event.
    Known,
}

/// What is known about the ids of one batch, as far as it was looked up.
pub(super) struct Known<'w> {
    /// Ids that a run may have, in order.
    candidates: std::iter::Peekable<std::vec::IntoIter<(usize, usize)>>,
    runs: Option<RunsOfIds<'w>>,
    aged: Option<AgedIds<'w>>,
}

impl<'w> Known<'w> {
    pub fn of(batch: &Batch, seen: &SeenIds) -> Known<'w> {
        let ids = batch.events.iter().map(|event| &event.id);
        Known { candidates: seen.candidates(ids).into_iter().peekable(), runs: None, aged: None }
    }

    /// Looks for the id of the event at a place in the batch, and remembers it.
    pub fn look(
        &mut self,
        seen: &mut SeenIds,
        writer: &'w store::Writer,
        at: usize,
        id: store::Seen,
    ) -> Result<Id, StoreError> {
        if self.is_aged(seen, writer, id)? {
            return Ok(Id::KnownInItsHour);
        }
        let mut in_run = false;
        while let Some((of, run)) = self.candidates.next_if(|(of, _)| *of <= at) {
            in_run = in_run || of == at && self.is_in_run(seen, writer, run, id)?;
        }
        Ok(if in_run || !seen.insert(id.0, id.2) { Id::Known } else { Id::New })
    }

    /// Looks for an id that the batch has not as an event's, or in its turn, and remembers it.
    pub fn look_for(
        &mut self,
        seen: &mut SeenIds,
        writer: &'w store::Writer,
        id: store::Seen,
    ) -> Result<Id, StoreError> {
        if self.is_aged(seen, writer, id)? {
            return Ok(Id::KnownInItsHour);
        }
        let mut in_run = false;
        for (_, run) in seen.candidates(std::iter::once(&id.2)) {
            in_run = in_run || self.is_in_run(seen, writer, run, id)?;
        }
        Ok(if in_run || !seen.insert(id.0, id.2) { Id::Known } else { Id::New })
    }

    /// Whether an id is kept with its hour.
    pub fn is_aged(&mut self, seen: &SeenIds, writer: &'w store::Writer, id: store::Seen) -> Result<bool, StoreError> {
        if !seen.may_have_aged(id.0, id.1) {
            return Ok(false);
        }
        let aged = match &self.aged {
            Some(aged) => aged,
            None => self.aged.insert(writer.aged_ids()?),
        };
        aged.has(id)
    }

    fn is_in_run(
        &mut self,
        seen: &SeenIds,
        writer: &'w store::Writer,
        run: usize,
        id: store::Seen,
    ) -> Result<bool, StoreError> {
        let runs = match &self.runs {
            Some(runs) => runs,
            None => self.runs.insert(writer.runs_of_ids()?),
        };
        runs.have(seen, run, id)
    }
}
