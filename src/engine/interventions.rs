//! Guardrails and content filters that stepped in: each counts once for a call, in whatever record of it and however often
//! it is told.

use std::collections::BTreeMap;

use super::known::{Id, Known};
use crate::model::{Count, Event, Hour, Intervention, OrganizationId, Segment, SeriesId};
use crate::store::{self, InterventionLine, SeenIds, StoreError};

/// How many calls of each segment and series, by organization.
#[derive(Default)]
pub(super) struct SteppedIn(BTreeMap<String, BTreeMap<(Segment, SeriesId, Intervention), u64>>);

impl SteppedIn {
    /// Takes note of what stepped in on the call of an event, unless that is known. It has ids of its own, made of those
    /// of the call, and those that are new join `ids`.
    pub fn note<'w>(
        &mut self,
        event: &Event,
        (name, organization, series): (&str, OrganizationId, SeriesId),
        intervention: &Intervention,
        (known, seen, writer): (&mut Known<'w>, &mut SeenIds, &'w store::Writer),
        ids: &mut Vec<store::Seen>,
    ) -> Result<(), StoreError> {
        let hour = Hour::of(event.time).expect("an event's time is checked when it is made");
        let segment = Segment::of(event.time).expect("as its hour");
        let mut is_new = true;
        for call in [Some(event.id), event.other_id].into_iter().flatten() {
            let id = (organization, hour, intervention.id(call));
            match known.look_for(seen, writer, id)? {
                Id::New => ids.push(id),
                Id::Known | Id::KnownInItsHour => is_new = false,
            }
        }
        // What stands for no call of a model is none of these either.
        let calls = event.measures.get(Count::Requests);
        if is_new && calls > 0 {
            let lines = self.0.entry(name.to_owned()).or_default();
            *lines.entry((segment, series, intervention.clone())).or_default() += calls;
        }
        Ok(())
    }

    pub fn write(&self, writer: &store::Writer) -> Result<(), StoreError> {
        for (organization, lines) in &self.0 {
            let lines = lines.iter().map(|((segment, series, intervention), calls)| {
                let intervention = intervention.clone();
                (*segment, InterventionLine { series: *series, intervention, calls: *calls })
            });
            writer.enter_interventions(organization, lines)?;
        }
        Ok(())
    }
}
