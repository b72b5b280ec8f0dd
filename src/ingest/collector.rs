//! What the records of one body come to, whoever sent it: events with what they count and cost, and what was refused.

use std::borrow::Cow;
use std::hash::{BuildHasher, Hash};

use hashbrown::{DefaultHashBuilder, HashTable};

use super::field::clipped;
use super::guards::Guards;
use super::reason;
use super::usage::{Figures, Known, Proven, Tokens};
use super::{Context, Parsed, Rejection};
use crate::calendar;
use crate::model::{
    AHEAD_HOURS, Batch, Combination, CostSource, Count, Event, FIRST_HOUR, HOUR_MS, Intake, MAX_QUANTITY, Measures,
    Mode, PicoUsd, Segment, UnixMs, canonical_model,
};
use crate::pricing::{Particulars, ServiceTier};

/// Gathers the events of one body.
pub(super) struct Collector<'c> {
    context: &'c Context<'c>,
    next_index: usize,
    pub(super) parsed: Parsed,
    /// Who sends what comes next, by its place in the batch.
    pub(super) sender: u32,
    /// Whether the record at hand was seen to be for the organization asked about last.
    pub(super) names_organization: bool,
    /// When the record at hand says that it was, once that is read and usage of that time is kept.
    pub(super) time: Option<UnixMs>,
    /// Indexes into the batch's combinations, found by hashing borrowed names: most events repeat one.
    known: HashTable<u32>,
    hasher: DefaultHashBuilder,
    /// The organization asked about last, and since when it keeps usage: a body is mostly of one.
    pub(super) kept_since: Option<(String, Option<UnixMs>)>,
    /// What records so far prove of how their figures are counted, by provider, and the events that it will be asked for.
    proven: Proven<String>,
    open: Vec<Open>,
}

/// An event whose figures can be read in two ways, with all that its measures were made of.
struct Open {
    event: usize,
    provider: String,
    model: String,
    time: UnixMs,
    counted: Counted,
    figures: Figures,
}

/// A combination whose names are still in the body.
#[derive(PartialEq, Eq, Hash)]
pub(super) struct Ids<'a> {
    pub organization: &'a str,
    pub project: &'a str,
    pub api_key: &'a str,
    pub model: &'a str,
    pub provider: &'a str,
    pub source: Option<&'a str>,
    pub mode: Mode,
    pub cost_source: CostSource,
}

impl<'c> Collector<'c> {
    pub fn new(context: &'c Context<'c>) -> Self {
        let mut collector = Collector {
            context,
            next_index: 0,
            parsed: Parsed::default(),
            sender: 0,
            names_organization: false,
            time: None,
            known: HashTable::new(),
            hasher: DefaultHashBuilder::default(),
            kept_since: None,
            proven: Proven::default(),
            open: Vec::new(),
        };
        collector.sent_by(context.token.sender);
        collector
    }

    /// Events read so far, good or bad.
    pub fn len(&self) -> usize {
        self.next_index
    }

    pub fn finish(mut self) -> Parsed {
        std::mem::take(&mut self.open).into_iter().for_each(|open| self.read_again(open));
        self.parsed
    }

    /// Takes note of the figures that the event to come was counted by, for those of its body that are like them.
    pub(super) fn counted_by(&mut self, figures: Figures, provider: &str, model: &str, time: UnixMs, counted: Counted) {
        self.proven.note(|| provider.to_owned(), &figures);
        if figures.are_open() {
            let (provider, model) = (provider.to_owned(), model.to_owned());
            self.open.push(Open { event: self.parsed.batch.events.len(), provider, model, time, counted, figures });
        }
    }

    /// Counts an event as the rest of its body proves that it is meant.
    fn read_again(&mut self, open: Open) {
        let Some(proof) = self.proven.of(&open.provider) else { return };
        let counted = Counted { tokens: open.figures.read(proof), ..open.counted };
        // What would be more than an event may have stays as it was read by itself.
        let measured = self.measured(&open.provider, &open.model, open.time, counted);
        let Ok((measures, cost_source)) = measured else { return };
        let names = self.named(self.parsed.batch.events[open.event].combination).clone();
        let combination = self.combination(&Ids { cost_source, ..Ids::of(&names) });
        let event = &mut self.parsed.batch.events[open.event];
        (event.measures, event.combination) = (measures, combination);
    }

    pub(super) fn context(&self) -> &'c Context<'c> {
        self.context
    }

    /// What the events of one combination have in common.
    pub(super) fn named(&self, combination: u32) -> &Combination {
        &self.parsed.batch.combinations[combination as usize]
    }

    /// How many combinations there are so far.
    pub(super) fn combinations(&self) -> usize {
        self.parsed.batch.combinations.len()
    }

    /// Takes note of what stepped in on the call of the event to come.
    pub(super) fn guarded(&mut self, guards: Guards) {
        let batch = &mut self.parsed.batch;
        let at = batch.events.len() as u32;
        batch.interventions.extend(guards.0.into_iter().map(|intervention| (at, intervention)));
    }

    /// Counts the next event as valid.
    pub(super) fn push(&mut self, event: Event) {
        self.parsed.batch.events.push(event);
        self.next();
    }

    /// Counts the next event as one that says nothing about usage. `example` names it.
    pub(super) fn pass(&mut self, reason: &'static str, example: impl FnOnce() -> Option<String>) {
        self.ignore(reason, example);
        self.next();
    }

    /// Counts the next event as rejected.
    pub fn reject(&mut self, id: Option<String>, error: String) {
        if let Some(segment) = self.time.and_then(Segment::of)
            && let Some(organization) = self.known_organization().map(str::to_owned)
        {
            *self.parsed.batch.rejected.entry(organization).or_default().entry(segment).or_default() += 1;
        }
        let index = self.next_index;
        let example = || Some(reason::rejected(index, id.as_deref(), &error));
        self.enter(Intake::Rejected, &reason::reason(&error), example);
        self.parsed.rejected.push(Rejection { index, id, error });
        self.next();
    }

    fn next(&mut self) {
        self.next_index += 1;
        self.names_organization = false;
        self.time = None;
    }

    /// The organization an event is for: the one it names, if the token may, else the token's.
    pub(super) fn organization<'a>(&self, given: Option<Cow<'a, str>>) -> Result<Cow<'a, str>, String>
    where
        'c: 'a,
    {
        match (given, self.context.token.organization_id) {
            (Some(given), Some(bound)) if bound != given => {
                Err(format!("organizationId is '{given}', but the token is for '{bound}' only"))
            }
            (Some(given), _) => Ok(given),
            (None, Some(bound)) => Ok(Cow::Borrowed(bound)),
            (None, None) => Err("organizationId is missing; only a token of one organization may omit it".into()),
        }
    }

    /// What is summed of calls, and where their cost is from: for every sender's alike.
    pub(super) fn measured(
        &self,
        provider: &str,
        model: &str,
        time: UnixMs,
        of: Counted,
    ) -> Result<(Measures, CostSource), String> {
        let tokens = of.tokens.unwrap_or_default();
        let mut measures = Measures::ZERO;
        for (count, value) in [
            (Count::Requests, of.calls),
            (Count::InputTokens, tokens.input),
            (Count::OutputTokens, tokens.output),
            (Count::TotalTokens, tokens.total),
            (Count::CachedTokens, tokens.cached),
            (Count::CacheWriteTokens, tokens.cache_write),
            (Count::ReasoningTokens, tokens.reasoning),
            (Count::CacheHits, if of.cached { of.calls } else { 0 }),
        ] {
            if value > MAX_QUANTITY {
                return Err(format!("{count:?} is {value}; at most {MAX_QUANTITY} is allowed"));
            }
            measures.counts[count as usize] = value;
        }
        if let Some(failure) = of.failure {
            measures.counts[failure as usize] = of.calls;
        }
        let (cost, source) = match of.cost {
            Some(cost) => (cost, CostSource::Reported),
            // Calls of which nobody knows all tokens have a price that nobody knows, unless their model is free.
            None if of.is_partial || of.tokens.is_none_or(|tokens| tokens.known == Known::Some) => {
                let source = if is_free(model) { CostSource::Reported } else { CostSource::Unmeasured };
                (PicoUsd::ZERO, source)
            }
            None => {
                let particulars = Particulars {
                    tier: of.tier,
                    cache_write_1h: tokens.cache_write_1h,
                    audio_input: tokens.audio_input,
                    audio_output: tokens.audio_output,
                    output_unknown: tokens.known == Known::Input,
                };
                self.price(provider, model, time, &measures, &particulars)
            }
        };
        measures.cost = cost;
        if source.is_unpriced() {
            measures.counts[Count::Unpriced as usize] = of.calls;
        }
        Ok((measures, source))
    }

    /// The price book's price. A `:free` model is free, unless the book has a price for it under that very name.
    fn price(
        &self,
        provider: &str,
        used_model: &str,
        time: UnixMs,
        measures: &Measures,
        particulars: &Particulars,
    ) -> (PicoUsd, CostSource) {
        let (prices, is_free) = (self.context.prices, is_free(used_model));
        let priced = if is_free {
            // Under its canonical name the model has a price, which must never become this call's.
            let price = prices.price_as_named(provider, used_model, time, measures, particulars);
            price.filter(|price| price.cost != PicoUsd::ZERO)
        } else {
            prices.price_call(provider, used_model, time, measures, particulars)
        };
        match priced {
            Some(price) if price.is_of_sums => (price.cost, CostSource::Priced),
            Some(price) => (price.cost, CostSource::PricedByCall),
            None if is_free => (PicoUsd::ZERO, CostSource::Reported),
            None if particulars.are_none() && !particulars.output_unknown => (PicoUsd::ZERO, CostSource::Unpriced),
            None => (PicoUsd::ZERO, CostSource::Unmeasured),
        }
    }

    /// Usage that is removed must not come back one event at a time.
    pub(super) fn is_kept(&mut self, organization: &str, time: UnixMs) -> Result<(), String> {
        let kept_since = match &self.kept_since {
            Some((known, kept_since)) if known == organization => *kept_since,
            _ => {
                let kept_since = (self.context.kept_since)(organization);
                self.kept_since = Some((organization.to_owned(), kept_since));
                kept_since
            }
        };
        self.names_organization = true;
        match kept_since {
            Some(oldest) if time < oldest => {
                let [at, oldest] = [time, oldest].map(calendar::rfc3339_utc);
                Err(format!(
                    "the call is too old: it is of {at}; organization '{organization}' keeps usage since {oldest} only"
                ))
            }
            _ => Ok(()),
        }
    }

    /// A time that an event may have.
    pub(super) fn in_range(&self, field: &str, time: UnixMs, shown: &str, hint: &str) -> Result<UnixMs, String> {
        let latest = self.context.now + i64::from(AHEAD_HOURS) * HOUR_MS;
        if time < FIRST_HOUR.start_ms() {
            let at = calendar::rfc3339_utc(time);
            Err(format!("{field} {shown} is {at}, before 2020-01-01T00:00:00Z{hint}"))
        } else if time > latest {
            let now = calendar::rfc3339_utc(self.context.now);
            Err(format!("{field} {shown} is more than 24 hours ahead of the server's clock, {now}"))
        } else {
            Ok(time)
        }
    }

    pub(super) fn combination(&mut self, names: &Ids<'_>) -> u32 {
        let Batch { combinations, .. } = &mut self.parsed.batch;
        let hash = |names: &Ids<'_>| self.hasher.hash_one(names);
        let same = |index: &u32| *names == Ids::of(&combinations[*index as usize]);
        if let Some(index) = self.known.find(hash(names), same) {
            return *index;
        }
        let index = combinations.len() as u32;
        combinations.push(Combination {
            organization: names.organization.to_owned(),
            project: names.project.to_owned(),
            api_key: names.api_key.to_owned(),
            model: names.model.to_owned(),
            provider: names.provider.to_owned(),
            source: names.source.map(str::to_owned),
            mode: names.mode,
            cost_source: names.cost_source,
        });
        self.known.insert_unique(hash(names), index, |index| hash(&Ids::of(&combinations[*index as usize])));
        index
    }
}

impl<'a> Ids<'a> {
    fn of(combination: &'a Combination) -> Self {
        Ids {
            organization: &combination.organization,
            project: &combination.project,
            api_key: &combination.api_key,
            model: &combination.model,
            provider: &combination.provider,
            source: combination.source.as_deref(),
            mode: combination.mode,
            cost_source: combination.cost_source,
        }
    }
}

/// What is counted of an event.
#[derive(Debug, Clone, Copy)]
pub(super) struct Counted {
    pub calls: u64,
    /// `None` when nobody knows them.
    pub tokens: Option<Tokens>,
    /// There may be more of them.
    pub is_partial: bool,
    pub tier: ServiceTier,
    pub failure: Option<Count>,
    /// The gateway's own cache answered.
    pub cached: bool,
    pub cost: Option<PicoUsd>,
}

/// Whether a model's name says that it costs nothing.
fn is_free(used_model: &str) -> bool {
    used_model.ends_with(":free")
}

/// The name a model is counted under.
pub(super) fn canonical(used_model: &str) -> Result<&str, String> {
    let model = canonical_model(used_model);
    if model.is_empty() {
        return Err(format!("usedModel '{}' names no model after its provider", clipped(used_model)));
    }
    Ok(model)
}
