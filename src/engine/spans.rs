//! Which spans that were kept tell of the same calls as those of a batch, and how such calls are counted.
//!
//! Spans that have something to do with each other are read together, as if they had come in one post, and what stands
//! in the sums becomes what they then tell. So neither their order nor how they were cut into posts changes anything.

use std::borrow::Cow;
use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap, HashSet};

use super::counting::opened;
use super::known::{Id, Known};
use super::writer::{Touched, Writer};
use crate::model::{Batch, Completeness, Count, Fingerprint, Hour, Intake, KeptSpan, OrganizationId, Segment};
use crate::rollup::Cell;
use crate::store::{
    self, Counted, Incomplete, KnownSpan, MAX_ALIKE, Place, Spans, StoreError, asked_by, asked_by_content, known_by,
};

/// Kept spans that are read together at most. What has to do with more is counted as it came.
const MAX_TOGETHER: usize = 1000;

/// The spans of a batch.
pub(super) struct Nesting<'b, 'w> {
    kept: Spans<'w>,
    organizations: Vec<(OrganizationId, &'b [KeptSpan])>,
    /// Those that have to do with kept ones, with these.
    families: Vec<Family>,
    /// The family of what events have these ids.
    by_id: HashMap<(OrganizationId, Fingerprint), usize>,
    /// Spans that are kept already.
    again: HashSet<*const KeptSpan>,
    /// What events are counted as.
    became: Vec<Became>,
}

/// Kept spans, and spans of a batch that have to do with them.
type Related = (BTreeSet<Place>, Vec<usize>);

/// What an event is counted as: organization and id, and the hour that spans first counted it with.
type Became = ((OrganizationId, Fingerprint), Option<(Option<Hour>, Counted)>);

/// Spans that have to do with each other.
struct Family {
    organization: OrganizationId,
    kept: BTreeSet<Place>,
    /// What they tell together, unless there is nothing new.
    told: Option<Batch>,
    /// Events of the batch that these spans made, by their places in it.
    events: Vec<usize>,
}

impl Nesting<'_, '_> {
    /// Whether an event is that of a family. Then it is counted with it.
    pub fn takes(&mut self, organization: OrganizationId, id: Fingerprint, at: usize) -> bool {
        let family = self.by_id.get(&(organization, id));
        family.inspect(|family| self.families[**family].events.push(at)).is_some()
    }

    /// Whether an event is that of a family.
    pub fn has(&self, organization: OrganizationId, id: Fingerprint) -> bool {
        self.by_id.contains_key(&(organization, id))
    }

    /// Notes what an event was counted as.
    pub fn note(&mut self, organization: OrganizationId, id: Fingerprint, counted: Counted) {
        self.became.push(((organization, id), Some((Some(counted.hour()), counted))));
    }
}

impl Writer {
    /// Finds what the spans of a batch have to do with.
    pub(super) fn related<'b, 'w>(
        &self,
        batch: &'b Batch,
        writer: &'w store::Writer,
    ) -> Result<Option<Nesting<'b, 'w>>, StoreError> {
        let Some(reread) = batch.reread.as_ref().filter(|_| !batch.spans.is_empty()) else { return Ok(None) };
        let mut nesting = Nesting {
            kept: writer.spans()?,
            organizations: Vec::new(),
            families: Vec::new(),
            by_id: HashMap::new(),
            again: HashSet::new(),
            became: Vec::new(),
        };
        for (name, spans) in &batch.spans {
            // One of which no event was valid has no number.
            let Some((organization, _)) = self.dictionary.organization(name) else { continue };
            nesting.organizations.push((organization, spans));
            for (kept, new) in self.families(&mut nesting.kept, organization, spans)? {
                let mut told: Vec<Vec<u8>> = Vec::with_capacity(kept.len() + new.len());
                for place in &kept {
                    told.push(nesting.kept.get(*place)?.span.told.clone());
                }
                let is_again = |span: &&KeptSpan| told[..kept.len()].contains(&span.told);
                let again: Vec<&KeptSpan> = new.iter().map(|at| &spans[*at]).filter(is_again).collect();
                let has_news = again.len() < new.len();
                if has_news {
                    told.extend(new.iter().map(|at| spans[*at].told.clone()));
                    told.sort_unstable();
                    told.dedup();
                }
                let told: Vec<&[u8]> = told.iter().map(Vec::as_slice).collect();
                let told = if has_news { reread.0(&told) } else { None };
                if has_news && told.is_none() {
                    continue;
                }
                nesting.again.extend(again.into_iter().map(std::ptr::from_ref));
                let family = nesting.families.len();
                nesting.by_id.extend(new.iter().map(|at| ((organization, spans[*at].id), family)));
                nesting.families.push(Family { organization, kept, told, events: Vec::new() });
            }
        }
        Ok(Some(nesting))
    }

    /// Spans that have to do with kept ones, with all of these.
    fn families(
        &self,
        kept: &mut Spans<'_>,
        organization: OrganizationId,
        spans: &[KeptSpan],
    ) -> Result<Vec<Related>, StoreError> {
        let find = |span: &KeptSpan| self.spans.find(organization, span, &self.seen);
        let mut families = Vec::new();
        let mut is_visited = vec![false; spans.len()];
        let mut new_by: Option<HashMap<u64, Vec<usize>>> = None;
        for (first, span) in spans.iter().enumerate() {
            if is_visited[first] || find(span).is_some_and(|found| found.is_empty()) {
                continue;
            }
            let new_by = new_by.get_or_insert_with(|| by_hash(organization, spans));
            let (mut places, mut new) = (BTreeSet::new(), Vec::new());
            let (mut places_left, mut new_left, mut are_too_many) = (Vec::new(), vec![first], false);
            is_visited[first] = true;
            loop {
                let span = match (new_left.pop(), places_left.pop()) {
                    (Some(at), place) => {
                        places_left.extend(place);
                        new.push(at);
                        &spans[at]
                    }
                    (None, Some(place)) => &*kept.get(place)?.span,
                    (None, None) => break,
                };
                // With the new ones that it leads to it is left alone.
                are_too_many |= places.len() > MAX_TOGETHER;
                match find(span) {
                    None => are_too_many = true,
                    Some(_) if are_too_many => {}
                    Some(found) => places_left.extend(found.into_iter().filter(|place| places.insert(*place))),
                }
                let of_its_call = asked_by(organization, span).filter_map(|hash| new_by.remove(&hash)).flatten();
                let mut leads_to: Vec<usize> = of_its_call.collect();
                for alike in asked_by_content(organization, span).filter_map(|hash| new_by.get(&hash)) {
                    are_too_many |= alike.len() > MAX_ALIKE as usize;
                    let alike = alike.iter().take(MAX_ALIKE as usize).copied();
                    leads_to.extend(alike.filter(|at| span.observed.may_be_one_with(&spans[*at].observed)));
                }
                for at in leads_to {
                    if !std::mem::replace(&mut is_visited[at], true) {
                        new_left.push(at);
                    }
                }
            }
            if !are_too_many {
                families.push((places, new));
            }
        }
        Ok(families)
    }

    /// Counts the calls of families anew, and keeps the spans. `done` is told what became of each event.
    pub(super) fn recount<'w>(
        &mut self,
        mut nesting: Nesting<'_, 'w>,
        known: &mut Known<'w>,
        incomplete: &mut Option<Incomplete<'w>>,
        (writer, touched): (&'w store::Writer, &mut Touched),
        mut done: impl FnMut(OrganizationId, usize, Intake),
    ) -> Result<(), StoreError> {
        for family in std::mem::take(&mut nesting.families) {
            let (more, is_changed) =
                self.recount_family(&family, &mut nesting, known, incomplete, (writer, touched))?;
            for (nth, at) in family.events.iter().enumerate() {
                let result = match nth.checked_sub(more) {
                    None => Intake::Counted,
                    Some(0) if is_changed => Intake::Completed,
                    Some(_) => Intake::Duplicate,
                };
                done(family.organization, *at, result);
            }
        }
        // By id: of some spans with one id, the first has it.
        nesting.became.sort_unstable_by_key(|(id, _)| *id);
        let mut all = Vec::with_capacity(nesting.organizations.iter().map(|(_, spans)| spans.len()).sum());
        for (organization, spans) in &nesting.organizations {
            for span in spans.iter().filter(|span| !nesting.again.contains(&std::ptr::from_ref(*span))) {
                let became = nesting.became.binary_search_by_key(&(*organization, span.id), |(id, _)| *id);
                let became = became.ok().and_then(|at| nesting.became[at].1.take());
                let (ours, counted) = (became.and_then(|(hour, _)| hour), became.map(|(_, counted)| counted));
                all.push(KnownSpan { organization: *organization, span: Cow::Borrowed(span), ours, counted });
            }
        }
        nesting.kept.write()?;
        nesting.kept.keep(&mut self.spans, &self.seen, &all)
    }

    /// How many calls more a family has now, and whether anything else of it has changed.
    fn recount_family<'w>(
        &mut self,
        family: &Family,
        nesting: &mut Nesting<'_, 'w>,
        known: &mut Known<'w>,
        incomplete: &mut Option<Incomplete<'w>>,
        (writer, touched): (&'w store::Writer, &mut Touched),
    ) -> Result<(usize, bool), StoreError> {
        let Family { organization, kept, told: Some(told), .. } = family else { return Ok((0, false)) };
        let organization = *organization;
        let (mut before, mut ours) = (HashMap::new(), HashMap::new());
        for place in kept {
            let of = nesting.kept.get(*place)?;
            let (id, counted) = (of.span.id, of.counted);
            ours.extend(of.ours.map(|hour| (id, hour)));
            if let Some(counted) = counted {
                let is_final = counted.completeness == Completeness::Final;
                if is_final || opened(incomplete, writer)?.is(organization, id, &counted)? {
                    before.insert(id, counted);
                } else {
                    // Another record completed it, and stands in the sums.
                    ours.remove(&id);
                }
            }
        }
        let (had, mut is_changed) = (before.len(), false);
        let mut after = HashMap::new();
        for event in &told.events {
            let combination = &told.combinations[event.combination as usize];
            let ((_, series), _) = self.series_of(combination, writer, touched)?;
            touched.arrivals.name(organization, &combination.organization);
            let segment = Segment::of(event.time).expect("an event's time is checked when it is made");
            let counted = Counted { segment, series, completeness: event.completeness, measures: event.measures };
            let id = (organization, counted.hour(), event.id);
            let old = before.remove(&event.id);
            if old == Some(counted) {
                after.insert(event.id, counted);
                continue;
            }
            let mut is_kept_incomplete = false;
            if let Some(old) = old {
                take_back(organization, event.id, old, incomplete, (writer, touched))?;
            } else if let Entry::Vacant(ours) = ours.entry(event.id) {
                match known.look_for(&mut self.seen, writer, id)? {
                    Id::New => touched.ids.push(id),
                    is => {
                        let name = &combination.organization;
                        let joined = self.complete((id, is), counted, name, incomplete, (writer, touched))?;
                        if joined != Some(counted) {
                            // It stands as records of others say, or as theirs and this one's say together.
                            if let Some(joined) = joined {
                                touched.count_joined(organization, joined, event.time);
                                is_changed = true;
                            }
                            continue;
                        }
                        is_kept_incomplete = true;
                    }
                }
                ours.insert(counted.hour());
            }
            if event.completeness != Completeness::Final && !is_kept_incomplete {
                opened(incomplete, writer)?.keep(organization, event.id, counted, &self.seen)?;
            }
            let is_of_new_hour = ours[&event.id] != counted.hour() && !touched.ids_of_other_hours.contains(&id);
            if is_of_new_hour && !known.is_aged(&self.seen, writer, id)? {
                touched.ids_of_other_hours.push(id);
            }
            touched.unpriced_calls += event.measures.get(Count::Unpriced);
            let cell = Cell { organization, segment, series };
            touched.arrivals.counted(cell, event.time, event.measures.get(Count::Requests));
            touched.recounted.push((cell, event.measures));
            after.insert(event.id, counted);
            is_changed = true;
        }
        for (at, intervention) in &told.interventions {
            let event = &told.events[*at as usize];
            let combination = &told.combinations[event.combination as usize];
            let ((_, series), _) = self.series_of(combination, writer, touched)?;
            let of = (combination.organization.as_str(), organization, series);
            let Touched { stepped_in, ids, .. } = touched;
            stepped_in.note(event, of, intervention, (known, &mut self.seen, writer), ids)?;
        }
        is_changed |= !before.is_empty();
        for (id, old) in before {
            take_back(organization, id, old, incomplete, (writer, touched))?;
        }
        let more = after.len().saturating_sub(had);
        for place in kept {
            let id = nesting.kept.get(*place)?.span.id;
            nesting.kept.set(*place, ours.get(&id).copied(), after.remove(&id));
        }
        for (id, counted) in after {
            nesting.became.push(((organization, id), Some((ours.get(&id).copied(), counted))));
        }
        Ok((more, is_changed))
    }

    /// Drops spans that are too old, or that were before too many others.
    pub(super) fn drop_spans(&mut self) {
        let Some(first) = self.spans.droppable(&self.seen) else { return };
        let dropped = self.store().begin().and_then(|writer| {
            writer.drop_spans(first)?;
            writer.commit()
        });
        match dropped {
            Ok(()) => self.spans.dropped(first),
            Err(error) => tracing::error!(%error, "old spans could not be dropped"),
        }
    }
}

fn take_back<'w>(
    organization: OrganizationId,
    id: Fingerprint,
    counted: Counted,
    incomplete: &mut Option<Incomplete<'w>>,
    (writer, touched): (&'w store::Writer, &mut Touched),
) -> Result<(), StoreError> {
    if counted.completeness != Completeness::Final {
        opened(incomplete, writer)?.remove(organization, id, &counted)?;
    }
    touched.taken_back.entry(organization).or_default().push(counted);
    Ok(())
}

fn by_hash(organization: OrganizationId, spans: &[KeptSpan]) -> HashMap<u64, Vec<usize>> {
    let mut by: HashMap<u64, Vec<usize>> = HashMap::new();
    for (at, span) in spans.iter().enumerate() {
        known_by(organization, span).for_each(|hash| by.entry(hash).or_default().push(at));
    }
    by
}
