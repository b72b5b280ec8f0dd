//! Which ids of a batch were there before.

use crate::model::{Batch, Fingerprint, Hour, OrganizationId};
use crate::store::{self, RunsOfIds, SeenIds, StoreError};

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
    /// Whether the hour at hand has ids on disk: asked once for each run of events of one hour.
    aged: Option<(OrganizationId, Hour, bool)>,
}

impl<'w> Known<'w> {
    pub fn of(batch: &Batch, seen: &SeenIds) -> Known<'w> {
        let ids = batch.events.iter().map(|event| &event.id);
        Known { candidates: seen.candidates(ids).into_iter().peekable(), runs: None, aged: None }
    }

    /// About one id, the only one of its batch.
    pub fn alone((_, _, id): store::Seen, seen: &SeenIds) -> Known<'w> {
        let candidates = seen.candidates(std::iter::once(&id)).into_iter().peekable();
        Known { candidates, runs: None, aged: None }
    }

    /// Looks for the id of the event at a place in the batch, and remembers it.
    pub fn look(
        &mut self,
        seen: &mut SeenIds,
        writer: &'w store::Writer,
        at: usize,
        id: store::Seen,
    ) -> Result<Id, StoreError> {
        let (organization, hour, fingerprint) = id;
        if seen.may_have_aged(organization, hour) {
            let on_disk = match self.aged {
                Some((o, h, on_disk)) if (o, h) == (organization, hour) => on_disk,
                _ => writer.has_aged_ids(organization, hour)?,
            };
            self.aged = Some((organization, hour, on_disk));
            if on_disk && writer.has_aged_id(id)? {
                return Ok(Id::KnownInItsHour);
            }
        }
        let mut in_run = false;
        while let Some((of, run)) = self.candidates.next_if(|(of, _)| *of <= at) {
            if of == at && !in_run {
                let runs = match &self.runs {
                    Some(runs) => runs,
                    None => self.runs.insert(writer.runs_of_ids()?),
                };
                in_run = runs.have(seen, run, id)?;
            }
        }
        Ok(if in_run || !seen.insert(organization, fingerprint) { Id::Known } else { Id::New })
    }

    /// Whether an id that is no event's came in the last 48 hours.
    pub fn has(
        &mut self,
        seen: &SeenIds,
        writer: &'w store::Writer,
        organization: OrganizationId,
        id: Fingerprint,
    ) -> Result<bool, StoreError> {
        if seen.contains(organization, id) {
            return Ok(true);
        }
        for (_, run) in seen.candidates(std::iter::once(&id)) {
            let runs = match &self.runs {
                Some(runs) => runs,
                None => self.runs.insert(writer.runs_of_ids()?),
            };
            // Of no hour at all, so that only when it came counts.
            if runs.have(seen, run, (organization, Hour(u32::MAX), id))? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
