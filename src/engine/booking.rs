//! A period of a repricing, as the writer books it: one transaction with its part of the record and of the audit log, so
//! that a crash leaves whole periods.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Note;
use super::reprice::{Part, RepricedPart, by_name};
use super::writer::{Touched, Writer};
use crate::model::{Day, PicoUsd, Series};
use crate::store::{Closing, MovedLine, OrganizationNames, Repriced, Repricing, RepricingRecord, StoreError};

impl Writer {
    /// Reprices a period, or takes every trace of it back.
    pub(super) fn reprice(&mut self, part: Part) -> Result<RepricedPart, StoreError> {
        let before = (self.dictionary.clone(), self.audit);
        let (mut touched, mut missing) = (Touched::default(), part.missing.clone());
        loop {
            let booked = self.book(&part, &missing, &mut touched);
            if let Ok(Booked::Done(repriced)) = booked {
                self.tell_audit(&touched);
                touched.moved_budgets.insert(part.organization.clone());
                self.publish_group(&[], &touched)?;
                return Ok(repriced);
            }
            (self.dictionary, self.audit) = before.clone();
            match booked? {
                Booked::Nothing(repriced) => return Ok(repriced),
                // Usage that came since the plan was made needs more.
                Booked::Lacks(more) => missing.extend(more),
                Booked::Done(_) => unreachable!("returned above"),
            }
        }
    }

    /// Books a part in one transaction, which is thrown away unless it is done.
    fn book(&mut self, part: &Part, missing: &[Series], touched: &mut Touched) -> Result<Booked, StoreError> {
        let Part { request, organization: name, period, number, .. } = part;
        let Some((organization, _)) = self.dictionary.organization(name) else {
            return Ok(Booked::Nothing(RepricedPart::default()));
        };
        let writer = self.store().begin()?;
        for series in missing {
            let names = self.dictionary.by_number(organization).expect("it has a name");
            if names.number_of(series).is_none() {
                Arc::make_mut(&mut self.dictionary).create_series(organization, *series, &writer)?;
            }
        }
        let dictionary = self.dictionary.clone();
        let names = dictionary.by_number(organization).expect("it has a name");
        let closings = writer.closings(name)?;
        let done = request.with(names, &closings, |reprice| writer.reprice(organization, *period, reprice))?;
        if !done.missing.is_empty() {
            return Ok(Booked::Lacks(done.missing));
        }
        let models = by_name(&done, names);
        if !done.changes {
            return Ok(Booked::Nothing(RepricedPart { number: None, models }));
        }
        let now = (self.clock)();
        let number = number.unwrap_or(self.audit.sequence + 1);
        let note = Note { organization_id: Some(name.clone()), detail: detail(&models)?, ..request.note.clone() };
        self.apply(None, Some(&note), &writer, touched)?.ok();
        let days = (request.days.start().0, request.days.end().0);
        for (model, repriced) in done.by_model.iter().filter(|(_, repriced)| repriced.requests > 0) {
            let (actor, repriced) = (note.actor.clone(), *repriced);
            let record = RepricingRecord { at: now, actor, days, all: request.all, repriced };
            writer.keep_repricing(organization, number, *model, record)?;
        }
        for closing in &closings {
            writer.keep_moved(name, closing.month, &moved_of(closing, &done, names))?;
        }
        // What they were counted as is no longer what stands in the sums.
        let spans = writer.forget_spans(organization)?;
        writer.forget_unknown_callers(organization)?;
        writer.commit()?;
        self.spans = spans.unwrap_or_else(|| std::mem::take(&mut self.spans));
        self.open.sealed(organization, *period, request.with(names, &closings, |reprice| reprice.end_in(*period)), now);
        let days = period.first_day().0..period.next().first_day().0;
        touched.days = days.map(|day| ((organization, Day(day)), 0)).collect();
        Ok(Booked::Done(RepricedPart { number: Some(number), models }))
    }
}

/// What came of a part.
enum Booked {
    Done(RepricedPart),
    /// Nothing is another.
    Nothing(RepricedPart),
    /// It needs series that are not there.
    Lacks(Vec<Series>),
}

/// What was moved of a closed month.
fn moved_of(closing: &Closing, done: &Repricing, names: &OrganizationNames) -> Vec<MovedLine> {
    let of_month = done.moved.iter().filter(|((month, ..), _)| *month == closing.month);
    let number = |series: &Series| names.number_of(series).expect("what is priced has a number by now").0;
    of_month.map(|((_, day, series), cost)| (*day, number(series), *cost)).collect()
}

/// What the audit log says of a period.
fn detail(models: &BTreeMap<String, Repriced>) -> Result<String, StoreError> {
    let mut sum = Repriced::default();
    models.values().try_for_each(|repriced| sum.add(repriced))?;
    let Repriced { requests, newly_priced, before, after, .. } = sum;
    let [before, after] = [before, after].map(PicoUsd);
    Ok(format!("{requests} requests, {newly_priced} of them unpriced before: {before} USD, now {after} USD"))
}
