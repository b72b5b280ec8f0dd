//! How the events of a batch are counted: under which numbers, and whether at all.

use std::sync::Arc;

use super::Ingested;
use super::known::{Id, Known};
use super::tally::{Lines, Tally};
use super::writer::{Touched, Writer};
use crate::model::{
    Batch, Combination, Completeness, Count, Dimension, Event, Hour, Intake, Measures, OrganizationId, Segment,
    SeriesId, TooMany,
};
use crate::rollup::Cell;
use crate::store::{self, Counted, Incomplete, StoreError};

impl Writer {
    /// Counts the events of a batch that are not counted yet.
    pub(super) fn take<'b>(
        &mut self,
        batch: &'b Batch,
        writer: &store::Writer,
        additions: &mut Vec<(Cell, &'b Measures)>,
        intake: &mut Lines<'b>,
        touched: &mut Touched,
    ) -> Result<Ingested, StoreError> {
        let mut series: Vec<(OrganizationId, SeriesId)> = Vec::with_capacity(batch.combinations.len());
        let mut tally = Tally::default();
        for combination in &batch.combinations {
            let (of, too_many) = self.series_of(combination, writer, touched)?;
            touched.arrivals.name(of.0, &combination.organization);
            series.push(of);
            tally.too_many.push(too_many);
        }
        let mut ingested = Ingested::default();
        let mut known = Known::of(batch, &self.seen);
        let mut incomplete: Option<Incomplete<'_>> = None;
        let mut nesting = self.related(batch, writer)?;
        for (at, event) in batch.events.iter().enumerate() {
            let (organization, series) = series[event.combination as usize];
            let hour = Hour::of(event.time).expect("an event's time is checked when it is made");
            let segment = Segment::of(event.time).expect("as its hour");
            let id = (organization, hour, event.id);
            let counted = Counted { segment, series, completeness: event.completeness, measures: event.measures };
            if nesting.as_mut().is_some_and(|nesting| nesting.takes(organization, event.id, at)) {
                continue;
            }
            let is = known.look(&mut self.seen, writer, at, id)?;
            // Those of one batch that have a second id are few: each is looked for on its own.
            let other = event.other_id.map(|other| (organization, hour, other));
            let other = match other {
                Some(other) => Some((other, known.look_for(&mut self.seen, writer, other)?)),
                None => None,
            };
            let ids = || other.into_iter().chain([(id, is)]);
            touched.ids.extend(ids().filter(|(_, is)| *is == Id::New).map(|(id, _)| id));
            let mut joined = None;
            let result = if ids().all(|(_, is)| is == Id::New) {
                if event.completeness != Completeness::Final {
                    let (_, _, id) = other.map_or(id, |(other, _)| other);
                    opened(&mut incomplete, writer)?.keep(organization, id, counted, &self.seen)?;
                }
                Intake::Counted
            } else {
                let name = &batch.combinations[event.combination as usize].organization;
                for known in ids().filter(|(_, is)| *is != Id::New) {
                    joined = self.complete(known, counted, name, &mut incomplete, (writer, touched))?;
                    if joined.is_some() {
                        break;
                    }
                }
                joined.map_or(Intake::Duplicate, |_| Intake::Completed)
            };
            tally.note(organization, event, result);
            ingested.note(result);
            let cell = Cell { organization, segment, series };
            if result == Intake::Duplicate {
                touched.arrivals.duplicate(cell);
                continue;
            }
            if let Some(joined) = joined.filter(|joined| *joined != counted) {
                touched.count_joined(organization, joined, event.time);
                continue;
            }
            touched.arrivals.counted(cell, event.time, event.measures.get(Count::Requests));
            if let Some(nesting) = &mut nesting {
                nesting.note(organization, event.id, counted);
            }
            touched.unpriced_calls += event.measures.counts[Count::Unpriced as usize];
            additions.push((cell, &event.measures));
        }
        for (at, intervention) in &batch.interventions {
            let event = &batch.events[*at as usize];
            let (organization, series) = series[event.combination as usize];
            if nesting.as_ref().is_none_or(|nesting| !nesting.has(organization, event.id)) {
                let name = &batch.combinations[event.combination as usize].organization;
                let of = (name.as_str(), organization, series);
                let Touched { stepped_in, ids, .. } = touched;
                stepped_in.note(event, of, intervention, (&mut known, &mut self.seen, writer), ids)?;
            }
        }
        if let Some(nesting) = nesting {
            let mut duplicates = Vec::new();
            self.recount(nesting, &mut known, &mut incomplete, (writer, touched), |organization, at, result| {
                tally.note(organization, &batch.events[at], result);
                ingested.note(result);
                duplicates.extend((result == Intake::Duplicate).then_some(at));
            })?;
            for Event { time, combination, .. } in duplicates.into_iter().map(|at| &batch.events[at]) {
                let (organization, series) = series[*combination as usize];
                let segment = Segment::of(*time).expect("as above");
                touched.arrivals.duplicate(Cell { organization, segment, series });
            }
        }
        intake.enter(batch, tally);
        Ok(ingested)
    }

    /// The numbers of a combination of names, made if it is new; and of what there are too many if it is counted as
    /// [`OTHER_NAMES`](crate::model::OTHER_NAMES).
    pub(super) fn series_of(
        &mut self,
        combination: &Combination,
        writer: &store::Writer,
        touched: &mut Touched,
    ) -> Result<((OrganizationId, SeriesId), Option<TooMany>), StoreError> {
        if let Some(known) = self.dictionary.find(combination) {
            return Ok((known, None));
        }
        // The operator may have made it known before it was used.
        let entered = self.directory.organization(&combination.organization);
        let others =
            self.dictionary.within(combination, &self.store().name_limits(), |dimension, name| match dimension {
                Dimension::Project => entered.is_some_and(|of| of.projects.contains_key(name)),
                Dimension::ApiKey => entered.is_some_and(|of| of.api_keys.contains_key(name)),
                _ => false,
            });
        let (combination, too_many) = match &others {
            Some((others, too_many)) => (others, Some(*too_many)),
            None => (combination, None),
        };
        if let Some(known) = self.dictionary.find(combination) {
            return Ok((known, too_many));
        }
        let created = Arc::make_mut(&mut self.dictionary).create(combination, writer)?;
        let directory = Arc::make_mut(&mut self.directory);
        let writes = directory.notice(combination);
        let (_, names) = self.dictionary.organization(&combination.organization).expect("it was just created");
        let api_key = names.series()[created.1.0 as usize].api_key;
        directory.number_owner(&combination.organization, &combination.api_key, api_key);
        touched.directory |= !writes.is_empty();
        for (key, record) in writes {
            writer.put_record(&key, record.as_deref())?;
        }
        Ok((created, too_many))
    }
}

pub(super) fn opened<'i, 'w>(
    incomplete: &'i mut Option<Incomplete<'w>>,
    writer: &'w store::Writer,
) -> Result<&'i mut Incomplete<'w>, StoreError> {
    Ok(match incomplete {
        Some(opened) => opened,
        none => none.insert(writer.incomplete()?),
    })
}
