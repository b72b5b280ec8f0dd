//! Rollcall's own event, field by field.

use std::borrow::Cow;
use std::hash::{BuildHasher, Hash};

use hashbrown::{DefaultHashBuilder, HashTable};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::number::parse_whole;
use super::reason;
use super::usage::{Figures, Habits, Known, Place, Tokens};
use super::{Context, Parsed, Rejection};
use crate::calendar;
use crate::model::{
    AHEAD_HOURS, Batch, Combination, Completeness, CostSource, Count, Event, FIRST_HOUR, Fingerprint, HOUR_MS, Intake,
    MAX_QUANTITY, Measures, Mode, PicoUsd, Segment, UnixMs, canonical_model, model_prefix, provider_of,
};
use crate::pricing::{Particulars, ServiceTier};

/// Longest id of an event, in characters.
const MAX_EVENT_ID_CHARS: usize = 128;
/// Longest of the other ids and names: a source can be the address of a page.
pub(super) const MAX_NAME_CHARS: usize = 512;

/// Events are told to count reasoning as part of the completion; from some exports it comes a little larger.
const HABITS: Habits = Habits { cache: Place::Usual, reasoning: Place::Within };

/// The fields as text of JSON values: numbers are read from it exactly, and a wrong type becomes this event's error
/// and not the body's.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Fields<'a> {
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    #[serde(borrow)]
    timestamp: Option<&'a RawValue>,
    #[serde(borrow)]
    organization_id: Option<&'a RawValue>,
    #[serde(borrow)]
    project_id: Option<&'a RawValue>,
    #[serde(borrow)]
    api_key_id: Option<&'a RawValue>,
    #[serde(borrow)]
    used_model: Option<&'a RawValue>,
    #[serde(borrow)]
    used_provider: Option<&'a RawValue>,
    #[serde(borrow)]
    source: Option<&'a RawValue>,
    #[serde(borrow)]
    prompt_tokens: Option<&'a RawValue>,
    #[serde(borrow)]
    completion_tokens: Option<&'a RawValue>,
    #[serde(borrow)]
    total_tokens: Option<&'a RawValue>,
    #[serde(borrow)]
    cached_tokens: Option<&'a RawValue>,
    #[serde(borrow)]
    cache_write_tokens: Option<&'a RawValue>,
    #[serde(borrow)]
    cache_write_1h_tokens: Option<&'a RawValue>,
    #[serde(borrow)]
    reasoning_tokens: Option<&'a RawValue>,
    #[serde(borrow)]
    audio_input_tokens: Option<&'a RawValue>,
    #[serde(borrow)]
    audio_output_tokens: Option<&'a RawValue>,
    #[serde(borrow)]
    service_tier: Option<&'a RawValue>,
    #[serde(borrow)]
    call_id: Option<&'a RawValue>,
    #[serde(borrow)]
    cost: Option<&'a RawValue>,
    #[serde(borrow)]
    has_error: Option<&'a RawValue>,
    #[serde(borrow)]
    cached: Option<&'a RawValue>,
    #[serde(borrow)]
    streamed: Option<&'a RawValue>,
    #[serde(borrow)]
    finish_reason: Option<&'a RawValue>,
    #[serde(borrow)]
    used_mode: Option<&'a RawValue>,
    #[serde(borrow)]
    count: Option<&'a RawValue>,
    #[serde(borrow)]
    partial: Option<&'a RawValue>,
}

impl Fields<'_> {
    /// Whether they say how many tokens there were, be it 0.
    fn know_tokens(&self) -> bool {
        [self.prompt_tokens, self.completion_tokens, self.total_tokens].iter().any(Option::is_some)
    }
}

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
        };
        collector.sent_by(context.token.sender);
        collector
    }

    /// Events read so far, good or bad.
    pub fn len(&self) -> usize {
        self.next_index
    }

    pub fn finish(self) -> Parsed {
        self.parsed
    }

    /// Reads the next event from the text of one JSON value.
    pub fn take(&mut self, json: &str) {
        if !json.starts_with('{') {
            return self.reject(None, format!("an event is a JSON object, not {}", shown(json)));
        }
        match serde_json::from_str::<Fields<'_>>(json) {
            Err(error) => self.reject(None, format!("the event is not valid JSON: {error}")),
            Ok(fields) => match self.read(&fields) {
                Ok(event) => self.push(event),
                Err(error) => {
                    self.look_when(&fields);
                    let id = fields.id.and_then(|id| text("id", id).ok()).map(Cow::into_owned);
                    self.reject(id, error);
                }
            },
        }
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

    /// Looks for when a record was, and for whom, that is rejected for something that was read before.
    fn look_when(&mut self, fields: &Fields<'_>) {
        if self.time.is_some() || self.names_organization {
            return;
        }
        let time = fields.timestamp.and_then(|given| self.timestamp(given).ok());
        let organization = fields.organization_id.map(|given| name("organizationId", given)).transpose();
        if let Some((time, organization)) = time.zip(organization.and_then(|given| self.organization(given)).ok())
            && self.is_kept(&organization, time).is_ok()
        {
            self.time = Some(time);
        }
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

    fn read(&mut self, fields: &Fields<'_>) -> Result<Event, String> {
        let token = &self.context.token;
        let id = name("id", required("id", fields.id)?)?;
        let time = self.timestamp(required("timestamp", fields.timestamp)?)?;
        let organization = fields.organization_id.map(|given| name("organizationId", given)).transpose()?;
        let organization = self.organization(organization)?;
        self.is_kept(&organization, time)?;
        self.time = Some(time);
        let or_default = |field, given, default: Option<&'c str>| match (given, default) {
            (Some(given), _) => name(field, given),
            (None, Some(default)) => Ok(Cow::Borrowed(default)),
            (None, None) => Err(missing(field)),
        };
        let project = or_default("projectId", fields.project_id, token.project_id)?;
        let api_key = or_default("apiKeyId", fields.api_key_id, token.api_key_id)?;
        let used_model = name("usedModel", required("usedModel", fields.used_model)?)?;
        let model = canonical(&used_model)?;
        let used_provider = fields.used_provider.map(|p| name("usedProvider", p)).transpose()?;
        if used_provider.is_none() && model_prefix(&used_model).is_none() {
            return Err(format!("usedProvider is missing, and usedModel '{used_model}' has no 'provider/' prefix"));
        }
        let provider = provider_of(used_provider.as_deref(), &used_model);
        let call = fields.call_id.map(|given| name("callId", given)).transpose()?;
        let source = fields.source.map(|s| text("source", s)).transpose()?.filter(|s| !s.is_empty());
        let source = source.map(|s| checked("source", s)).transpose()?;
        let mode = match fields.used_mode.map(|m| text("usedMode", m)).transpose()?.as_deref() {
            None | Some("credits") => Mode::Credits,
            Some("api-keys") => Mode::ApiKeys,
            Some(other) => return Err(format!("usedMode is '{other}'; allowed are credits and api-keys")),
        };
        let (measures, cost_source) = self.measures(fields, &provider, &used_model, time)?;
        let combination = self.combination(&Ids {
            organization: &organization,
            project: &project,
            api_key: &api_key,
            model,
            provider: &provider,
            source: source.as_deref(),
            mode,
            cost_source,
        });
        let completeness = Completeness::of(fields.know_tokens(), boolean("partial", fields.partial)?);
        if let Some(call) = call.filter(|call| *call != id) {
            let batch = &mut self.parsed.batch;
            batch.calls.push((batch.events.len() as u32, Fingerprint::of(&call)));
        }
        let id = Fingerprint::of(&id);
        Ok(Event { id, other_id: None, time, combination, sender: self.sender, completeness, measures })
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

    fn measures(
        &self,
        f: &Fields<'_>,
        provider: &str,
        model: &str,
        time: UnixMs,
    ) -> Result<(Measures, CostSource), String> {
        let calls = match f.count {
            None => 1,
            Some(count) => match whole("count", count)? {
                0 => return Err("count is 0; an event stands for 1 call or more".into()),
                calls => calls,
            },
        };
        let given = |field, value: Option<&RawValue>| value.map(|value| whole(field, value)).transpose();
        let total = given("totalTokens", f.total_tokens)?;
        let figures = Figures {
            input: Some(given("promptTokens", f.prompt_tokens)?.unwrap_or(0)),
            output: Some(given("completionTokens", f.completion_tokens)?.unwrap_or(0)),
            total,
            cached: given("cachedTokens", f.cached_tokens)?,
            cache_write: given("cacheWriteTokens", f.cache_write_tokens)?,
            cache_write_1h: given("cacheWrite1hTokens", f.cache_write_1h_tokens)?,
            reasoning: given("reasoningTokens", f.reasoning_tokens)?,
            audio_input: given("audioInputTokens", f.audio_input_tokens)?,
            audio_output: given("audioOutputTokens", f.audio_output_tokens)?,
        };
        let mut tokens = figures.read(HABITS).filter(|_| f.know_tokens());
        if let (Some(tokens), Some(total)) = (&mut tokens, total) {
            // A total that is given stands, whatever else was meant by it.
            tokens.total = total;
        }
        let reason = f.finish_reason.map(|r| text("finishReason", r)).transpose()?;
        let failure = match (reason.as_deref(), boolean("hasError", f.has_error)?) {
            (Some("client_error"), _) => Some(Count::ClientErrors),
            (Some("gateway_error" | "upstream_error"), _) | (_, true) => Some(Count::Errors),
            _ => None,
        };
        boolean("streamed", f.streamed)?;
        let cached = boolean("cached", f.cached)?;
        let tier = match f.service_tier.map(|tier| text("serviceTier", tier)).transpose()? {
            None => ServiceTier::Standard,
            Some(name) => ServiceTier::named(&name).ok_or_else(|| {
                format!("serviceTier is '{}'; allowed are standard, batch, flex and priority", clipped(&name))
            })?,
        };
        let cost = match f.cost {
            Some(cost) => Some(money("cost", cost)?),
            // The gateway's own cache answered, or nobody did: no provider was paid.
            None if cached || tokens.is_none() && failure.is_some() => Some(PicoUsd::ZERO),
            None => None,
        };
        let is_partial = boolean("partial", f.partial)?;
        let counted = Counted { calls, tokens, is_partial, tier, failure, cached, cost };
        self.measured(provider, model, time, counted)
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

    fn timestamp(&self, value: &RawValue) -> Result<UnixMs, String> {
        let raw = value.get();
        let time = if raw.starts_with('"') {
            let text = text("timestamp", value)?;
            calendar::parse_rfc3339(&text).ok_or_else(|| {
                format!("timestamp '{}' is not RFC 3339 with an offset, such as 2026-06-01T12:00:00Z", clipped(&text))
            })?
        } else {
            let ms = parse_whole(raw).and_then(|ms| i64::try_from(ms).ok());
            ms.ok_or_else(|| format!("timestamp {} is neither RFC 3339 text nor epoch milliseconds", shown(raw)))?
        };
        let hint = if raw.starts_with('"') { "" } else { " (numbers are epoch milliseconds, not seconds)" };
        self.in_range("timestamp", time, &shown(raw), hint)
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

pub(super) fn missing(field: &str) -> String {
    format!("{field} is missing")
}

fn required<'a>(field: &str, value: Option<&'a RawValue>) -> Result<&'a RawValue, String> {
    value.ok_or_else(|| missing(field))
}

pub(super) fn text<'a>(field: &str, value: &'a RawValue) -> Result<Cow<'a, str>, String> {
    let raw = value.get();
    let inner = raw.strip_prefix('"').and_then(|r| r.strip_suffix('"'));
    let inner = inner.ok_or_else(|| format!("{field} is {}; it must be a string", shown(raw)))?;
    if !inner.contains('\\') {
        return Ok(Cow::Borrowed(inner));
    }
    serde_json::from_str::<String>(raw).map(Cow::Owned).map_err(|e| format!("{field} is not a valid string: {e}"))
}

/// A string that can be an id or a name.
pub(super) fn name<'a>(field: &str, value: &'a RawValue) -> Result<Cow<'a, str>, String> {
    let name = text(field, value)?;
    if name.is_empty() { Err(format!("{field} is empty")) } else { checked(field, name) }
}

pub(super) fn checked<'a>(field: &str, name: Cow<'a, str>) -> Result<Cow<'a, str>, String> {
    let max = if field == "id" { MAX_EVENT_ID_CHARS } else { MAX_NAME_CHARS };
    // The usual name is short and printable ASCII.
    if name.len() <= max && name.bytes().all(|b| (b' '..0x7f).contains(&b)) {
        return Ok(name);
    }
    let characters = name.chars().count();
    if characters > max {
        return Err(format!("{field} has {characters} characters; at most {max} are allowed"));
    }
    if name.chars().any(char::is_control) {
        return Err(format!("{field} has a control character"));
    }
    Ok(name)
}

pub(super) fn whole(field: &str, value: &RawValue) -> Result<u64, String> {
    let number = parse_whole(value.get())
        .ok_or_else(|| format!("{field} is {}; it must be a whole number of 0 or more", shown(value.get())))?;
    if number > MAX_QUANTITY {
        return Err(format!("{field} is {number}; at most {MAX_QUANTITY} is allowed"));
    }
    Ok(number)
}

pub(super) fn money(field: &str, value: &RawValue) -> Result<PicoUsd, String> {
    let raw = value.get();
    let digits = if raw.starts_with('"') { text(field, value)? } else { Cow::Borrowed(raw) };
    PicoUsd::parse_event_cost(&digits).map_err(|error| format!("{field} {} {error}", shown(raw)))
}

pub(super) fn boolean(field: &str, value: Option<&RawValue>) -> Result<bool, String> {
    match value.map(RawValue::get) {
        None | Some("false") => Ok(false),
        Some("true") => Ok(true),
        Some(raw) => Err(format!("{field} is {}; it must be true or false", shown(raw))),
    }
}

/// A value as it is shown in an error: never longer than a line, and never a whole prompt.
pub(super) fn shown(raw: &str) -> String {
    match raw.as_bytes().first() {
        Some(b'{') => "an object".into(),
        Some(b'[') => "an array".into(),
        _ => clipped(raw).into_owned(),
    }
}

pub(super) fn clipped(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{}…", &text[..end]).into(),
        None => text.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{TokenDefaults, parse_json, parse_ndjson};
    use super::*;
    use crate::pricing::PriceBook;

    const NOW: UnixMs = 1_780_315_200_000; // 2026-06-01T12:00:00Z

    fn parse(json: &str, organization_id: Option<&str>) -> Parsed {
        let prices = PriceBook::bundled();
        let token = TokenDefaults { organization_id, ..TokenDefaults::default() };
        parse_json(json.as_bytes(), &Context { now: NOW, prices: &prices, token, kept_since: &crate::ingest::for_ever })
            .unwrap()
    }

    /// An event with `extra` fields put over a valid one.
    fn event(extra: &str) -> String {
        let mut fields: serde_json::Map<String, serde_json::Value> = serde_json::from_str(
            r#"{"id":"e1","timestamp":"2026-06-01T10:20:30Z","organizationId":"acme","projectId":"p","apiKeyId":"k",
                "usedModel":"openai/gpt-4o:free","promptTokens":10,"completionTokens":5,"cost":"0.5"}"#,
        )
        .unwrap();
        let extra: serde_json::Map<String, serde_json::Value> = serde_json::from_str(extra).unwrap();
        fields.extend(extra);
        serde_json::to_string(&fields).unwrap()
    }

    fn check_rejected(extra: &str, expected: &str) {
        let parsed = parse(&event(extra), None);
        assert_eq!(parsed.rejected.len(), 1, "{extra}");
        assert!(parsed.rejected[0].error.contains(expected), "{extra}: {}", parsed.rejected[0].error);
    }

    fn check_measures(extra: &str, expected: &[(Count, u64)], cost: &str) {
        let parsed = parse(&event(extra), None);
        assert_eq!(parsed.rejected, [], "{extra}");
        let measures = parsed.batch.events[0].measures;
        for (count, value) in expected {
            assert_eq!(measures.get(*count), *value, "{extra} {count:?}");
        }
        assert_eq!(measures.cost.to_string(), cost, "{extra}");
    }

    #[test]
    fn a_whole_event() {
        let parsed = parse(&event("{}"), None);
        let combination = &parsed.batch.combinations[0];
        assert_eq!((combination.model.as_str(), combination.provider.as_str()), ("gpt-4o", "openai"));
        assert_eq!(parsed.batch.events[0].time, calendar::parse_rfc3339("2026-06-01T10:20:30Z").unwrap());
        assert_eq!(parsed.batch.events[0].measures.get(Count::TotalTokens), 15);
    }

    #[test]
    fn counts_and_money() {
        use Count::*;
        check_measures(r#"{"totalTokens":99}"#, &[(TotalTokens, 99)], "0.5");
        check_measures(
            r#"{"count":7,"hasError":true,"cached":true}"#,
            &[(Requests, 7), (Errors, 7), (CacheHits, 7)],
            "0.5",
        );
        check_measures(r#"{"finishReason":"client_error","hasError":true}"#, &[(ClientErrors, 1), (Errors, 0)], "0.5");
        check_measures(r#"{"finishReason":"upstream_error"}"#, &[(ClientErrors, 0), (Errors, 1)], "0.5");
        check_measures(r#"{"finishReason":"stop"}"#, &[(ClientErrors, 0), (Errors, 0)], "0.5");
        check_measures(r#"{"cost":0.000001}"#, &[(Unpriced, 0)], "0.000001");
        check_measures(r#"{"cost":null}"#, &[(Unpriced, 0)], "0");
        check_measures(r#"{"cost":null,"usedModel":"openai/gpt-4o"}"#, &[(Unpriced, 0)], "0.000075");
        check_measures(
            r#"{"cost":null,"usedModel":"gpt-4o:nitro","usedProvider":"openai"}"#,
            &[(Unpriced, 0)],
            "0.000075",
        );
        check_measures(r#"{"cost":null,"usedModel":"mine/in-house-7b"}"#, &[(Unpriced, 1)], "0");
        check_measures(r#"{"cost":null,"cached":true}"#, &[(Unpriced, 0)], "0");
    }

    #[test]
    fn the_source_of_a_cost() {
        for (extra, expected) in [
            ("{}", CostSource::Reported),
            (r#"{"cost":0}"#, CostSource::Reported),
            (r#"{"cost":null,"cached":true}"#, CostSource::Reported),
            (r#"{"cost":null,"usedModel":"openai/gpt-4o"}"#, CostSource::Priced),
            (r#"{"cost":null,"usedModel":"openai/gpt-4o:nitro"}"#, CostSource::Priced),
            (r#"{"cost":null,"usedModel":"openai/gpt-4o:free"}"#, CostSource::Reported),
            (r#"{"cost":null,"usedModel":"mine/in-house-7b"}"#, CostSource::Unpriced),
            // A price of what there is so far would be too low, and no repricing may touch it.
            (r#"{"cost":null,"usedModel":"openai/gpt-4o","partial":true}"#, CostSource::Unmeasured),
            (r#"{"cost":null,"usedModel":"openai/text-embedding-3-small","partial":true}"#, CostSource::Unmeasured),
            (r#"{"cost":null,"usedModel":"mine/in-house-7b","partial":true}"#, CostSource::Unmeasured),
            (r#"{"cost":null,"partial":true}"#, CostSource::Reported),
            (r#"{"partial":true}"#, CostSource::Reported),
        ] {
            let batch = parse(&event(extra), None).batch;
            assert_eq!(batch.combinations[0].cost_source, expected, "{extra}");
        }
    }

    #[test]
    fn how_much_is_known_of_a_call() {
        for (extra, expected) in [
            ("{}", Completeness::Final),
            (r#"{"partial":false}"#, Completeness::Final),
            (r#"{"partial":true}"#, Completeness::AtLeast),
            (r#"{"promptTokens":null,"completionTokens":0,"partial":true}"#, Completeness::AtLeast),
            (r#"{"promptTokens":null,"completionTokens":null,"partial":true}"#, Completeness::TokensUnknown),
            (r#"{"promptTokens":null,"completionTokens":null}"#, Completeness::TokensUnknown),
        ] {
            assert_eq!(parse(&event(extra), None).batch.events[0].completeness, expected, "{extra}");
        }
        check_rejected(r#"{"partial":"yes"}"#, "partial is \"yes\"; it must be true or false");
    }

    #[test]
    fn what_is_wrong_is_named_with_its_value() {
        check_rejected(r#"{"id":""}"#, "id is empty");
        check_rejected(r#"{"id":null}"#, "id is missing");
        check_rejected(r#"{"id":7}"#, "id is 7; it must be a string");
        check_rejected(&format!(r#"{{"id":"{}"}}"#, "x".repeat(129)), "at most 128");
        check_rejected(&format!(r#"{{"source":"{}"}}"#, "x".repeat(513)), "source has 513 characters; at most 512");
        check_rejected(r#"{"projectId":"a\u0000b"}"#, "control character");
        check_rejected(r#"{"timestamp":"2026-06-01 10:20"}"#, "not RFC 3339");
        check_rejected(r#"{"timestamp":"2026-06-01T10:20:30"}"#, "not RFC 3339");
        check_rejected(r#"{"timestamp":1780315200}"#, "not seconds");
        check_rejected(r#"{"timestamp":"2019-12-31T23:59:59Z"}"#, "before 2020");
        check_rejected(r#"{"timestamp":"2026-06-02T12:00:01Z"}"#, "more than 24 hours ahead");
        check_rejected(r#"{"promptTokens":-1}"#, "promptTokens is -1; it must be a whole number");
        check_rejected(r#"{"promptTokens":1.5}"#, "promptTokens is 1.5");
        check_rejected(r#"{"promptTokens":"10"}"#, "must be a whole number");
        check_rejected(r#"{"totalTokens":1000000000001}"#, "at most 1000000000000");
        check_rejected(r#"{"cost":-0.01}"#, "is negative");
        check_rejected(r#"{"cost":"free"}"#, "is not a decimal number");
        check_rejected(r#"{"hasError":"yes"}"#, "must be true or false");
        check_rejected(r#"{"usedMode":"byok"}"#, "allowed are credits and api-keys");
        check_rejected(r#"{"usedModel":"gpt-4o"}"#, "usedProvider is missing");
        check_rejected(r#"{"usedModel":"openai/:free"}"#, "names no model");
        check_rejected(r#"{"count":0}"#, "1 call or more");
    }

    #[test]
    fn a_bad_event_leaves_the_good_ones() {
        let body = format!("[{},7,{},{}]", event("{}"), event(r#"{"id":"e2","count":-1}"#), event(r#"{"id":"e3"}"#));
        let parsed = parse(&body, None);
        assert_eq!(parsed.batch.events.len(), 2);
        let rejected: Vec<_> = parsed.rejected.iter().map(|r| (r.index, r.id.as_deref())).collect();
        assert_eq!(rejected, [(1, None), (2, Some("e2"))]);
        assert_eq!(parsed.batch.combinations.len(), 1, "equal names are one combination");
    }

    #[test]
    fn a_token_binds_its_events() {
        let parsed = parse(&event("{}"), Some("other"));
        assert!(parsed.rejected[0].error.contains("the token is for 'other' only"));
        let parsed = parse(&event(r#"{"organizationId":null}"#), Some("acme"));
        assert_eq!(parsed.batch.combinations[0].organization, "acme");
        assert!(
            parse(&event(r#"{"organizationId":null}"#), None).rejected[0].error.contains("organizationId is missing")
        );
    }

    #[test]
    fn lines_are_events_of_their_own() {
        let prices = PriceBook::bundled();
        let context = Context {
            now: NOW,
            prices: &prices,
            token: TokenDefaults::default(),
            kept_since: &crate::ingest::for_ever,
        };
        let body = format!("{}\r\n\n{{\"id\":\n{}", event("{}"), event(r#"{"id":"e2"}"#));
        let parsed = parse_ndjson(body.as_bytes(), &context).unwrap();
        assert_eq!((parsed.batch.events.len(), parsed.rejected[0].index), (2, 1));
        assert!(parse_ndjson(b"\n \n", &context).is_err());
        assert!(parse_json(b"[1,", &context).is_err());
    }
}
