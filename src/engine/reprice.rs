//! Repricing, period by period: each is one transaction with its part of the record and of the audit log, so that a crash
//! leaves whole periods, and others get their turn in between.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::sync::Arc;

use tokio::sync::oneshot;

use super::writer::{Request, Touched, Writer};
use super::{Engine, EngineError, Note, Pending};
use crate::model::{Day, Dimension, FIRST_HOUR, Measures, Period, PicoUsd, Series, UnixMs, ValueId};
use crate::store::{OrganizationNames, Progress, Reprice, Repriced, Repricing, RepricingRecord, StoreError};

/// What calls cost, by provider, canonical model, time and measures; `None` where no price is known.
pub type Prices = Arc<dyn Fn(&str, &str, UnixMs, &Measures) -> Option<PicoUsd> + Send + Sync>;

/// What to reprice, and who asks.
pub struct RepriceRequest {
    /// UTC days.
    pub days: RangeInclusive<Day>,
    /// Only these organizations, if any.
    pub organizations: BTreeSet<String>,
    /// Only these canonical models, if any.
    pub models: BTreeSet<String>,
    /// What was priced before as well, and not only what was not.
    pub all: bool,
    pub prices: Prices,
    pub note: Note,
}

/// What a repricing did, or would do.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct RepriceReport {
    /// The repricing's number, if anything was booked.
    pub number: Option<u64>,
    /// By organization and model.
    pub models: BTreeMap<(String, String), Repriced>,
}

/// One period of an organization.
pub(super) struct Part {
    request: Arc<RepriceRequest>,
    organization: String,
    period: Period,
    /// Of the repricing, once it has one.
    number: Option<u64>,
    /// Series that it needs, as far as is known.
    missing: Vec<Series>,
}

/// What became of one period, by model.
#[derive(Debug, Default)]
pub(super) struct RepricedPart {
    number: Option<u64>,
    models: BTreeMap<String, Repriced>,
}

impl Engine {
    /// Reprices, or only says what that would do. Waits for each period to be written.
    pub fn reprice(
        &self,
        request: &Arc<RepriceRequest>,
        dry_run: bool,
        progress: &mut Progress<'_>,
    ) -> Result<RepriceReport, EngineError> {
        let parts = self.parts(request)?;
        let mut report = RepriceReport::default();
        for (done, (name, period)) in (1..).zip(&parts) {
            for (model, repriced) in self.reprice_period(request, name, *period, dry_run, &mut report.number)? {
                let of_model = report.models.entry((name.clone(), model)).or_default();
                of_model.add(&repriced).map_err(StoreError::from)?;
            }
            progress(done, parts.len() as u64);
        }
        Ok(report)
    }

    fn reprice_period(
        &self,
        request: &Arc<RepriceRequest>,
        organization: &str,
        period: Period,
        dry_run: bool,
        number: &mut Option<u64>,
    ) -> Result<BTreeMap<String, Repriced>, EngineError> {
        // One for each period: a snapshot keeps the pages that it has from being used again.
        let snapshot = self.snapshot();
        let Some((id, names)) = snapshot.dictionary.organization(organization) else { return Ok(BTreeMap::new()) };
        let plan = request.with(names, |reprice| snapshot.reader.reprice(id, period, reprice))?;
        if dry_run || !plan.changes {
            return Ok(by_name(&plan, names));
        }
        drop(snapshot);
        let (number_so_far, missing) = (*number, plan.missing);
        let organization = organization.to_owned();
        let part = Part { request: request.clone(), organization, period, number: number_so_far, missing };
        // Half a repricing is worth waiting for its turn.
        self.wait_for_room();
        let (reply, answer) = oneshot::channel();
        self.send(Request::Reprice { part, reply })?;
        let part = Pending(answer).wait()?;
        *number = number.or(part.number);
        Ok(part.models)
    }

    /// The periods of each organization that can have usage. The clock does not say which was the last: it may have gone
    /// back since.
    fn parts(&self, request: &RepriceRequest) -> Result<Vec<(String, Period)>, StoreError> {
        let snapshot = self.snapshot();
        let names: BTreeSet<&str> = snapshot.dictionary.organization_names().collect();
        let mut parts = Vec::new();
        for name in names {
            if !request.organizations.is_empty() && !request.organizations.contains(name) {
                continue;
            }
            let Some((organization, _)) = snapshot.dictionary.organization(name) else { continue };
            let Some(newest) = snapshot.reader.newest_day(organization)? else { continue };
            let first = FIRST_HOUR.day().max(*request.days.start()).period();
            let last = newest.min(*request.days.end()).period();
            parts.extend((first.0..=last.0).map(|period| (name.to_owned(), Period(period))));
        }
        Ok(parts)
    }
}

impl RepriceRequest {
    /// Hands over what the store has to know.
    fn with<T>(&self, names: &OrganizationNames, work: impl FnOnce(&Reprice<'_>) -> T) -> T {
        let model = |series: &Series| names.name(Dimension::Model, series.model);
        let wanted =
            |series: &Series| self.models.is_empty() || model(series).is_some_and(|name| self.models.contains(name));
        let price = |series: &Series, at: UnixMs, measures: &Measures| {
            (self.prices)(names.name(Dimension::Provider, series.provider)?, model(series)?, at, measures)
        };
        work(&Reprice { days: self.days.clone(), all: self.all, names, wanted: &wanted, price: &price })
    }
}

fn by_name(repricing: &Repricing, names: &OrganizationNames) -> BTreeMap<String, Repriced> {
    let name = |model: ValueId| names.name(Dimension::Model, model).unwrap_or_default().to_owned();
    let there = repricing.by_model.iter().filter(|(_, repriced)| **repriced != Repriced::default());
    there.map(|(model, repriced)| (name(*model), *repriced)).collect()
}

impl Writer {
    /// Reprices a period, or takes every trace of it back.
    pub(super) fn reprice(&mut self, part: Part) -> Result<RepricedPart, StoreError> {
        let before = (self.dictionary.clone(), self.audit);
        let (mut touched, mut missing) = (Touched::default(), part.missing.clone());
        loop {
            let booked = self.book(&part, &missing, &mut touched);
            if let Ok(Booked::Done(repriced)) = booked {
                self.tell_audit(&touched);
                self.publish(&touched)?;
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
        let done = request.with(names, |reprice| writer.reprice(organization, *period, reprice))?;
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
        for (model, repriced) in done.by_model.into_iter().filter(|(_, repriced)| repriced.requests > 0) {
            let record = RepricingRecord { at: now, actor: note.actor.clone(), days, all: request.all, repriced };
            writer.keep_repricing(organization, number, model, record)?;
        }
        writer.commit()?;
        self.open.sealed(organization, *period, request.with(names, |reprice| reprice.end_in(*period)), now);
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

/// What the audit log says of a period.
fn detail(models: &BTreeMap<String, Repriced>) -> Result<String, StoreError> {
    let mut sum = Repriced::default();
    models.values().try_for_each(|repriced| sum.add(repriced))?;
    let Repriced { requests, newly_priced, before, after, .. } = sum;
    let [before, after] = [before, after].map(PicoUsd);
    Ok(format!("{requests} requests, {newly_priced} of them unpriced before: {before} USD, now {after} USD"))
}
