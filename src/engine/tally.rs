//! What became of the events of a transaction, for the intake ledger.

use std::collections::{BTreeMap, HashMap};

use crate::model::{Batch, Event, Intake, OrganizationId, Sender, TooMany};
use crate::store::IntakeLine;

/// What became of a batch's events, by organization and sender.
#[derive(Default)]
pub(super) struct Tally {
    /// By combination: of what there are too many, if it is not counted under its own names.
    pub too_many: Vec<Option<TooMany>>,
    /// With the first event of each, and how many were counted, completed and duplicates.
    of: HashMap<Told, (u32, [u64; 3])>,
    /// The same of the events at hand, which are mostly of one.
    run: Option<(Told, u32, [u64; 3])>,
}

/// Organization, sender, and why not under its own names.
type Told = (OrganizationId, u32, Option<TooMany>);

impl Tally {
    pub fn note(&mut self, organization: OrganizationId, event: &Event, result: Intake) {
        // Names of what was counted before are no matter.
        let too_many = self.too_many[event.combination as usize].filter(|_| result != Intake::Duplicate);
        let by = (organization, event.sender, too_many);
        match &mut self.run {
            Some((of, _, counts)) if *of == by => counts[result as usize] += 1,
            _ => {
                self.end_run();
                let mut counts = [0; 3];
                counts[result as usize] = 1;
                self.run = Some((by, event.combination, counts));
            }
        }
    }

    fn end_run(&mut self) {
        if let Some((by, combination, counts)) = self.run.take() {
            let (_, sums) = self.of.entry(by).or_insert((combination, [0; 3]));
            sums.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
        }
    }
}

/// Organization, sender, result, reason.
type LineOf<'b> = (&'b str, &'b Sender, Intake, Option<&'b str>);

/// What a transaction adds to the intake ledger: how many of each, with the first example.
#[derive(Default)]
pub(super) struct Lines<'b>(BTreeMap<LineOf<'b>, (u64, Option<&'b str>)>);

impl<'b> Lines<'b> {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn enter(&mut self, batch: &'b Batch, mut tally: Tally) {
        tally.end_run();
        for ((_, sender, too_many), (combination, counts)) in tally.of {
            let Some(sender) = batch.senders.get(sender as usize) else { continue };
            let organization = batch.combinations[combination as usize].organization.as_str();
            for (result, count) in Intake::ALL.into_iter().zip(counts).filter(|(_, count)| *count > 0) {
                self.add((organization, sender, result, too_many.map(TooMany::reason)), count, None);
            }
        }
        for unmade in &batch.unmade {
            let Some(sender) = batch.senders.get(unmade.sender as usize) else { continue };
            let organization = unmade.organization.as_deref().unwrap_or_default();
            let line = (organization, sender, unmade.result, Some(unmade.reason.as_str()));
            self.add(line, unmade.count, unmade.example.as_deref());
        }
    }

    fn add(&mut self, line: LineOf<'b>, count: u64, example: Option<&'b str>) {
        let (sum, first) = self.0.entry(line).or_default();
        *sum += count;
        *first = first.or(example);
    }

    pub fn lines(&self) -> impl Iterator<Item = (&str, IntakeLine)> {
        self.0.iter().map(|((organization, sender, result, reason), (count, example))| {
            let sender = Sender::clone(sender);
            let [reason, example] = [reason, example].map(|text| text.map(str::to_owned));
            (*organization, IntakeLine { sender, result: *result, reason, count: *count, example })
        })
    }
}
