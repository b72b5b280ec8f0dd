//! Repricing, period by period, so that others get their turn in between.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::sync::Arc;

use super::{Engine, EngineError, Note};
use crate::model::{Day, Dimension, FIRST_HOUR, Measures, Period, PicoUsd, Series, UnixMs, ValueId};
use crate::store::{Closing, OrganizationNames, Progress, Reprice, Repriced, Repricing, StoreError};

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
    pub request: Arc<RepriceRequest>,
    pub organization: String,
    pub period: Period,
    /// Of the repricing, once it has one.
    pub number: Option<u64>,
    /// Series that it needs, as far as is known.
    pub missing: Vec<Series>,
}

/// What became of one period, by model.
#[derive(Debug, Default)]
pub(super) struct RepricedPart {
    pub number: Option<u64>,
    pub models: BTreeMap<String, Repriced>,
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
        let plan = request.with(names, &[], |reprice| snapshot.reader.reprice(id, period, reprice))?;
        if dry_run || !plan.changes {
            return Ok(by_name(&plan, names));
        }
        drop(snapshot);
        let (number_so_far, missing) = (*number, plan.missing);
        let organization = organization.to_owned();
        let part = Part { request: request.clone(), organization, period, number: number_so_far, missing };
        // Half a repricing is worth waiting for its turn.
        self.wait_for_room();
        let part = self.book(part)?.wait()?;
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
    pub(super) fn with<T>(
        &self,
        names: &OrganizationNames,
        closings: &[Closing],
        work: impl FnOnce(&Reprice<'_>) -> T,
    ) -> T {
        let model = |series: &Series| names.name(Dimension::Model, series.model);
        let wanted =
            |series: &Series| self.models.is_empty() || model(series).is_some_and(|name| self.models.contains(name));
        let price = |series: &Series, at: UnixMs, measures: &Measures| {
            (self.prices)(names.name(Dimension::Provider, series.provider)?, model(series)?, at, measures)
        };
        let (days, all) = (self.days.clone(), self.all);
        work(&Reprice { days, all, names, wanted: &wanted, price: &price, closings })
    }
}

pub(super) fn by_name(repricing: &Repricing, names: &OrganizationNames) -> BTreeMap<String, Repriced> {
    let name = |model: ValueId| names.name(Dimension::Model, model).unwrap_or_default().to_owned();
    let there = repricing.by_model.iter().filter(|(_, repriced)| **repriced != Repriced::default());
    there.map(|(model, repriced)| (name(*model), *repriced)).collect()
}
