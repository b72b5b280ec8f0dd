//! Removes what is too old: usage, lines of the intake ledger and decisions, each as long as it is kept.

use super::refusals::DECISION_DAYS;
use super::retention::removable_before;
use super::writer::{Touched, Writer};
use super::{Note, SERVER};
use crate::model::{Day, HOUR_MS, Hour, OrganizationId, UnixMs};
use crate::store::StoreError;

/// Days that the intake ledger is kept at most: a year, and a month to compare it with.
const INTAKE_DAYS: u32 = 400;

impl Writer {
    /// Removes what is older than its organization keeps.
    pub(super) fn forget(&mut self) {
        self.forget_intake();
        self.forget_decisions();
        let keeping: Vec<(String, u32)> = self
            .directory
            .organizations()
            .filter_map(|(id, organization)| Some((id.to_owned(), organization.profile.retention_days?)))
            .collect();
        for (name, retention_days) in keeping {
            let Some((organization, _)) = self.dictionary.organization(&name) else { continue };
            match self.forget_of(organization, &name, retention_days) {
                Ok(()) => {}
                // It stays and is answered for; the next try is an hour away.
                Err(error) => tracing::error!(%error, "old usage could not be removed"),
            }
        }
    }

    /// Removes lines of the intake ledger that are older than their organization keeps usage, or than the ledger keeps
    /// any.
    fn forget_intake(&mut self) {
        let today = Hour::of((self.clock)()).unwrap_or_default().day();
        let directory = self.directory.clone();
        let before = |organization: &str, newest: Day| {
            let kept = directory.organization(organization).and_then(|of| of.profile.retention_days);
            // As with usage, a clock that runs ahead removes nothing.
            Day(today.min(newest.next()).0.saturating_sub(kept.map_or(INTAKE_DAYS, |days| days.min(INTAKE_DAYS))))
        };
        let forgotten = self.shared.current.load().reader.intake_before(before).and_then(|old| {
            if old.is_empty() {
                return Ok(());
            }
            let writer = self.store().begin()?;
            old.iter().try_for_each(|(organization, before)| writer.forget_intake(organization, *before))?;
            writer.commit()?;
            self.publish(&Touched::default())
        });
        if let Err(error) = forgotten {
            tracing::error!(%error, "old lines of the intake ledger could not be removed");
        }
    }

    /// Removes decisions that are older than they are kept, or than their organization keeps anything.
    fn forget_decisions(&mut self) {
        let (now, directory) = ((self.clock)(), self.directory.clone());
        let before = |organization: &str, newest: UnixMs| {
            let kept = directory.organization(organization).and_then(|of| of.profile.retention_days);
            let days = kept.map_or(DECISION_DAYS, |days| days.min(DECISION_DAYS));
            // A clock that runs ahead removes nothing.
            now.min(newest) - i64::from(days) * 24 * HOUR_MS
        };
        let forgotten = self.shared.current.load().reader.decisions_before(before).and_then(|old| {
            if old.is_empty() {
                return Ok(());
            }
            let writer = self.store().begin()?;
            old.iter().try_for_each(|(organization, before)| writer.forget_decisions(organization, *before))?;
            writer.commit()?;
            self.publish(&Touched::default())
        });
        if let Err(error) = forgotten {
            tracing::error!(%error, "old decisions could not be removed");
        }
    }

    fn forget_of(&mut self, organization: OrganizationId, name: &str, retention_days: u32) -> Result<(), StoreError> {
        let now = (self.clock)();
        let Some(newest) = self.shared.current.load().reader.newest_day(organization)? else { return Ok(()) };
        let writer = self.store().begin()?;
        let before = removable_before(now, newest, retention_days);
        let Some((first, last)) = writer.forget(name, organization, before)? else { return Ok(()) };
        writer.forget_invoices(name, before.first_day())?;
        writer.forget_timing(name, before.first_day())?;
        writer.forget_interventions(name, before.first_segment())?;
        let spans = writer.forget_spans(organization)?;
        let note = Note {
            organization_id: Some(name.to_owned()),
            detail: format!("usage older than {retention_days} days"),
            ..Note::new(SERVER, "retention")
        };
        // Days of what was billed may be others than those of usage.
        let mut touched = Touched { directory: true, ..Touched::default() };
        let audit = self.audit;
        let noted = self.apply(None, Some(&note), &writer, &mut touched);
        if let Err(error) = noted.and_then(|_| writer.commit()) {
            self.audit = audit;
            return Err(error);
        }
        self.spans = spans.unwrap_or_else(|| std::mem::take(&mut self.spans));
        self.tell_audit(&touched);
        self.open.removed(organization, before.first_day());
        touched.days = (first.0..=last.0).map(|day| ((organization, Day(day)), 0)).collect();
        touched.moved_budgets.insert(name.to_owned());
        self.publish_group(&[], &touched)
    }
}
