//! What a call costs when the event does not say.
//!
//! Owns the price book: the operator's own prices, then list prices of public models at the time of the call.
//!
//! Does not know where events come from or go to.
//!
//! Invariants: a model the book does not know has no price, which is not a price of 0; neither has a service tier, a kind
//! of cache or a sound that it knows no price of.

mod list;
mod own;

use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use genai_prices::{Calculator, PriceRequest, Usage, UsageKey};

use crate::model::{Count, Measures, PicoUsd, UnixMs, canonical_model, price_provider, without_area};
pub use list::{BUILT_IN_LIST_DATE, Change, ListPrices};
use own::{OwnPrice, OwnPrices};

/// Fewest input tokens of a call that some model charges more a token for than for a shorter one.
const LONG_CALL_TOKENS: u64 = 32_000;
/// Calls that together have a million tokens, and each few enough to be a short one.
const CALLS_OF_A_MILLION: u64 = 50;
/// Of each kind of tokens, in usage that only asks whether two prices differ.
const PROBE_TOKENS: f64 = 20_000.0;

/// Prices by provider, model and date. Cheap to clone.
#[derive(Clone)]
pub struct PriceBook {
    list: Arc<ListPrices>,
    own: Arc<OwnPrices>,
}

/// How a provider was asked to serve a call, which it has prices for of their own.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ServiceTier {
    #[default]
    Standard,
    Batch,
    Flex,
    Priority,
    /// One that nobody here knows the prices of.
    Other,
}

impl ServiceTier {
    /// The tier by the name that an event has for it.
    pub fn named(name: &str) -> Option<ServiceTier> {
        match name {
            "standard" => Some(ServiceTier::Standard),
            "batch" => Some(ServiceTier::Batch),
            "flex" => Some(ServiceTier::Flex),
            "priority" => Some(ServiceTier::Priority),
            _ => None,
        }
    }

    /// What the list of prices knows it by.
    fn context(self) -> Option<(&'static str, &'static str)> {
        match self {
            ServiceTier::Standard | ServiceTier::Other => None,
            ServiceTier::Batch => Some(("processing", "batch")),
            ServiceTier::Flex => Some(("service_tier", "flex")),
            ServiceTier::Priority => Some(("service_tier", "priority")),
        }
    }
}

/// What the price of a call depends on beside what is summed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Particulars {
    pub tier: ServiceTier,
    /// Part of what was written to a cache: what is to stay there for an hour.
    pub cache_write_1h: u64,
    /// Part of the input.
    pub audio_input: u64,
    /// Part of the output.
    pub audio_output: u64,
    /// How much was answered is not known.
    pub output_unknown: bool,
}

impl Particulars {
    /// Whether a price is that of the sums. An output that costs nothing is known in them.
    pub fn are_none(&self) -> bool {
        *self == Particulars { output_unknown: self.output_unknown, ..Particulars::default() }
    }
}

/// What a call costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallPrice {
    pub cost: PicoUsd,
    /// Whether the same calls cost the same when only their sums are known.
    pub is_of_sums: bool,
}

/// What tokens cost by their kind, and a request by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnitPrices {
    /// Picodollars for a million: of plain input, of what is read from a cache, of what is written to one, of output.
    per_million: [i128; 4],
    /// Picodollars.
    request: i128,
    /// The operator's own, and not those of the list.
    pub is_own: bool,
}

impl UnitPrices {
    /// What some calls cost: plain input, reading from caches, writing to them, output, and being requests.
    pub fn of(&self, measures: &Measures) -> [i128; 5] {
        let count = |count| i128::from(measures.get(count));
        let (cached, written) = (count(Count::CachedTokens), count(Count::CacheWriteTokens));
        // Both are part of the input.
        let fresh = (count(Count::InputTokens) - cached - written).max(0);
        let tokens = [fresh, cached, written, count(Count::OutputTokens)];
        let cost = |kind: usize| (tokens[kind] * self.per_million[kind] + MILLION / 2).div_euclid(MILLION);
        [cost(0), cost(1), cost(2), cost(3), count(Count::Requests) * self.request]
    }
}

const MILLION: i128 = 1_000_000;

impl PriceBook {
    /// The list prices compiled in.
    pub fn bundled() -> PriceBook {
        PriceBook::list_only(ListPrices::built_in())
    }

    pub fn list_only(list: ListPrices) -> PriceBook {
        PriceBook { list: Arc::new(list), own: Arc::default() }
    }

    /// List prices below those of a file (docs/prices.md). The error says what is wrong in it.
    pub fn with_own(list: ListPrices, file: &str) -> Result<PriceBook, String> {
        Ok(PriceBook { own: Arc::new(OwnPrices::parse(file)?), list: Arc::new(list) })
    }

    pub fn list(&self) -> &ListPrices {
        &self.list
    }

    /// The price of calls of which only the sums are known; `None` when the book does not know the model at that time.
    pub fn price(&self, provider: &str, model: &str, at: UnixMs, measures: &Measures) -> Option<PicoUsd> {
        let priced = self.price_call(provider, model, at, measures, &Particulars::default());
        priced.map(|price| price.cost)
    }

    /// What a token of input saves that comes from a cache: the price of plain input less that of a cached one, of short
    /// calls. In whole picodollars, as list prices have six digits for a million at most; so sums of it add up.
    pub fn cache_saving(&self, provider: &str, model: &str, at: UnixMs) -> Option<PicoUsd> {
        const MILLION: u64 = 1_000_000;
        let price = |cached| {
            let mut calls = Measures::ZERO;
            calls.counts[Count::Requests as usize] = CALLS_OF_A_MILLION;
            calls.counts[Count::InputTokens as usize] = MILLION;
            calls.counts[Count::CachedTokens as usize] = cached;
            self.price(provider, model, at, &calls)
        };
        let saving = price(0)?.0 - price(MILLION)?.0;
        Some(PicoUsd((saving + i128::from(MILLION) / 2).div_euclid(MILLION.into())))
    }

    /// What tokens of each kind cost in short calls; `None` when the book does not know the model at that time.
    pub fn unit_prices(&self, provider: &str, model: &str, at: UnixMs) -> Option<UnitPrices> {
        let price = |counts: &[Count]| {
            let mut calls = Measures::ZERO;
            calls.counts[Count::Requests as usize] = CALLS_OF_A_MILLION;
            counts.iter().for_each(|count| calls.counts[*count as usize] = MILLION as u64);
            self.price(provider, model, at, &calls).map(|price| price.0)
        };
        // Lists have no price for a call without tokens, and some models none for a kind that they do not have.
        let requests = price(&[]).unwrap_or(0);
        let of = |counts: &[Count]| price(counts).map(|price| price - requests);
        let (input, output) = (of(&[Count::InputTokens]), of(&[Count::OutputTokens]));
        input.or(output)?;
        let within_input = |kind| of(&[Count::InputTokens, kind]).unwrap_or(0);
        let [cached, written] = [Count::CachedTokens, Count::CacheWriteTokens].map(within_input);
        let is_own = self.own.price(provider, model, at, &Measures::ZERO, ServiceTier::Standard);
        let is_own = matches!(is_own, Some(OwnPrice::Cost(_)));
        Some(UnitPrices {
            per_million: [input.unwrap_or(0), cached, written, output.unwrap_or(0)],
            request: requests / i128::from(CALLS_OF_A_MILLION),
            is_own,
        })
    }

    /// The price of the calls an event stands for; `None` when the book does not know the model at that time, or has no
    /// price for what is particular about them.
    pub fn price_call(
        &self,
        provider: &str,
        used_model: &str,
        at: UnixMs,
        measures: &Measures,
        particulars: &Particulars,
    ) -> Option<CallPrice> {
        let list = || self.list_price(provider, used_model, at, measures, particulars);
        self.settled(provider, used_model, at, measures, particulars, list)
    }

    /// The same of a model under the name that it was called by, with or without its provider, and no other.
    pub fn price_as_named(
        &self,
        provider: &str,
        used_model: &str,
        at: UnixMs,
        measures: &Measures,
        particulars: &Particulars,
    ) -> Option<CallPrice> {
        let bare = used_model.split_once('/').map_or(used_model, |(_, rest)| rest);
        [used_model, bare].into_iter().find_map(|name| {
            let list = || self.asked(provider, name, at).price(measures, particulars);
            self.settled(provider, name, at, measures, particulars, list)
        })
    }

    /// The operator's own price, else the list's, less a discount if there is one.
    fn settled(
        &self,
        provider: &str,
        used_model: &str,
        at: UnixMs,
        measures: &Measures,
        particulars: &Particulars,
        list: impl FnOnce() -> Option<CallPrice>,
    ) -> Option<CallPrice> {
        match self.own.price(provider, used_model, at, measures, particulars.tier) {
            Some(OwnPrice::Unknown) => None,
            Some(OwnPrice::Cost(_)) if particulars.output_unknown => None,
            Some(OwnPrice::Cost(cost)) => {
                let is_of_sums = particulars.are_none();
                Some(CallPrice { cost, is_of_sums }).filter(|price| price.cost <= PicoUsd::MAX_EVENT)
            }
            Some(OwnPrice::Discounted(discount)) => {
                list().map(|price| CallPrice { cost: discount.of(price.cost), ..price })
            }
            None => list(),
        }
    }

    fn asked<'a>(&'a self, provider: &'a str, model: &'a str, at: UnixMs) -> Asked<'a> {
        Asked { calculator: self.list.calculator(), provider, model, at, tier: ServiceTier::Standard }
    }

    /// The list price under the first of a model's names that the list knows.
    fn list_price(
        &self,
        provider: &str,
        used_model: &str,
        at: UnixMs,
        measures: &Measures,
        particulars: &Particulars,
    ) -> Option<CallPrice> {
        let bare = used_model.split_once('/').map_or(used_model, |(_, rest)| rest);
        let canonical = canonical_model(used_model);
        let names = [used_model, bare, without_area(bare), canonical, without_area(canonical)];
        let mut tried = names.iter().enumerate().filter(|(at, name)| !names[..*at].contains(name));
        tried.find_map(|(_, name)| self.asked(provider, name, at).price(measures, particulars))
    }
}

/// What the list of prices is asked about.
#[derive(Clone, Copy)]
struct Asked<'a> {
    calculator: &'a Calculator,
    provider: &'a str,
    model: &'a str,
    at: UnixMs,
    tier: ServiceTier,
}

impl Asked<'_> {
    fn price(self, measures: &Measures, particulars: &Particulars) -> Option<CallPrice> {
        // Some models cost more per token in long calls, so an aggregate is priced as that many average calls.
        let calls = measures.get(Count::Requests).max(1) as f64;
        let each = |tokens: u64| tokens as f64 / calls;
        let mut usage = Usage::new();
        for (key, count) in [
            (UsageKey::INPUT_TOKENS, Count::InputTokens),
            (UsageKey::CACHE_READ_TOKENS, Count::CachedTokens),
            (UsageKey::CACHE_WRITE_TOKENS, Count::CacheWriteTokens),
            (UsageKey::OUTPUT_TOKENS, Count::OutputTokens),
        ] {
            let tokens = measures.get(count);
            if tokens > 0 {
                usage.insert(key, each(tokens));
            }
        }
        for (key, tokens) in [
            (UsageKey::CACHE_WRITE_1H_TOKENS, particulars.cache_write_1h),
            (UsageKey::INPUT_AUDIO_TOKENS, particulars.audio_input),
            (UsageKey::OUTPUT_AUDIO_TOKENS, particulars.audio_output),
        ] {
            if tokens > 0 {
                usage.insert(key, each(tokens));
            }
        }
        let asked = Asked { tier: particulars.tier, ..self };
        let price = asked.usd(&usage)?;
        if *particulars != Particulars::default() && !asked.knows(self, particulars) {
            return None;
        }
        let is_of_sums = particulars.are_none() && self.is_even(&usage, price);
        Some(CallPrice { cost: PicoUsd::from_list_price_usd(price * calls)?, is_of_sums })
    }

    fn usd(self, usage: &Usage) -> Option<f64> {
        let mut request = PriceRequest::new(self.model, usage)
            .with_timestamp(UNIX_EPOCH + Duration::from_millis(self.at.try_into().ok()?));
        if let Some(provider) = price_provider(self.provider, self.model) {
            request = request.with_provider_id(provider);
        }
        if let Some((key, value)) = self.tier.context() {
            request = request.with_price_context(key, value);
        }
        self.calculator.calculate(&request).ok().map(|price| price.total_price)
    }

    /// Whether the list has prices for all that is particular about a call. It says nothing of what it does not know, and
    /// gives the usual price; so it is asked twice, with and without.
    fn knows(self, standard: Self, particulars: &Particulars) -> bool {
        let of = |kinds: &[(UsageKey, f64)]| Usage::from_iter(kinds.iter().cloned());
        let differ = |a: Option<f64>, b: Option<f64>| a.is_some() && b.is_some() && a != b;
        let both = [(UsageKey::INPUT_TOKENS, PROBE_TOKENS), (UsageKey::OUTPUT_TOKENS, PROBE_TOKENS)];
        let tier_is_known = match self.tier {
            ServiceTier::Standard => true,
            ServiceTier::Other => false,
            _ => differ(self.usd(&of(&both)), standard.usd(&of(&both))),
        };
        let has_price = |kind: UsageKey, of_kind: UsageKey| {
            let mut usage = of(&both);
            usage.insert(of_kind, PROBE_TOKENS);
            let without = self.usd(&usage);
            usage.insert(kind, PROBE_TOKENS);
            differ(self.usd(&usage), without)
        };
        // Google names a price for sound wherever it is another than that of text.
        let sounds_as_text = matches!(self.provider, "google" | "vertex_ai");
        let output_is_free = || {
            let without = of(&both[..1]);
            self.usd(&of(&both)) == self.usd(&without)
        };
        tier_is_known
            && (particulars.cache_write_1h == 0
                || has_price(UsageKey::CACHE_WRITE_1H_TOKENS, UsageKey::CACHE_WRITE_TOKENS))
            && (particulars.audio_input == 0
                || sounds_as_text
                || has_price(UsageKey::INPUT_AUDIO_TOKENS, UsageKey::INPUT_TOKENS))
            && (particulars.audio_output == 0
                || sounds_as_text
                || has_price(UsageKey::OUTPUT_AUDIO_TOKENS, UsageKey::OUTPUT_TOKENS))
            && (!particulars.output_unknown || output_is_free())
    }

    /// Whether a token costs what it would in a short call.
    fn is_even(self, usage: &Usage, price: f64) -> bool {
        const PARTS: f64 = 4096.0;
        let input = usage.get(UsageKey::INPUT_TOKENS).unwrap_or(0.0);
        if input < LONG_CALL_TOKENS as f64 {
            return true;
        }
        let part = Usage::from_iter(usage.iter().map(|(key, tokens)| (key.clone(), tokens / PARTS)));
        self.usd(&part).is_some_and(|short| (short * PARTS - price).abs() <= price.abs() * 1e-9)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOVEMBER_2025: UnixMs = 1_763_000_000_000;

    fn price(provider: &str, model: &str, calls: u64, tokens: [u64; 4]) -> Option<String> {
        let mut measures = Measures::ZERO;
        measures.counts[Count::Requests as usize] = calls;
        measures.counts[Count::InputTokens as usize] = tokens[0];
        measures.counts[Count::CachedTokens as usize] = tokens[1];
        measures.counts[Count::CacheWriteTokens as usize] = tokens[2];
        measures.counts[Count::OutputTokens as usize] = tokens[3];
        PriceBook::bundled().price(provider, model, NOVEMBER_2025, &measures).map(|p| p.to_string())
    }

    #[test]
    fn list_prices_are_exact_to_the_last_digit() {
        // 600 fresh + 2,000 cached + 400 written + 77 out, the figure Claude Code reports for the same call.
        assert_eq!(price("anthropic", "claude-sonnet-4-5", 1, [3000, 2000, 400, 77]).as_deref(), Some("0.005055"));
        assert_eq!(price("openai", "gpt-4o-mini", 1, [1000, 0, 0, 100]).as_deref(), Some("0.00021"));
        assert_eq!(price("openai", "gpt-4o-mini", 10, [10_000, 0, 0, 1000]).as_deref(), Some("0.0021"));
    }

    #[test]
    fn a_cached_token_saves_the_price_of_plain_input_less_its_own() {
        let check = |own: &str, provider: &str, model: &str, expected: Option<&str>| {
            let book = PriceBook::with_own(ListPrices::built_in(), &format!("{{\"prices\": [{own}]}}")).unwrap();
            let saving = book.cache_saving(provider, model, NOVEMBER_2025).map(|saving| saving.to_string());
            assert_eq!(saving.as_deref(), expected, "{provider} {model} {own}");
        };
        check("", "anthropic", "claude-sonnet-4-5", Some("0.0000027"));
        check("", "openai", "gpt-4o-mini", Some("0.000000075"));
        // A long call costs more a token; an estimate is of short ones.
        check("", "google", "gemini-2.5-pro", Some("0.000001125"));
        check("", "openai", "no-such-model-xyz", None);
        check(r#"{"provider": "openai", "discountPercent": 20}"#, "openai", "gpt-4o-mini", Some("0.00000006"));
        let own = r#"{"model": "ours", "inputPerMillion": 2, "cachedInputPerMillion": "0.5", "perRequest": 1}"#;
        check(own, "here", "ours", Some("0.0000015"));
        check(r#"{"model": "ours", "inputPerMillion": 2}"#, "here", "ours", Some("0"));
    }

    #[test]
    fn own_prices_hold_for_a_model_as_named_too() {
        let check = |entry: &str, expected: Option<&str>| {
            let file = format!("{{\"prices\": [{entry}]}}");
            let book = PriceBook::with_own(ListPrices::built_in(), &file).unwrap();
            let mut measures = Measures::ZERO;
            measures.counts[Count::Requests as usize] = 1;
            measures.counts[Count::InputTokens as usize] = 1000;
            let none = Particulars::default();
            let priced = book.price_as_named("openai", "openai/gpt-4o-mini", NOVEMBER_2025, &measures, &none);
            assert_eq!(priced.map(|price| price.cost.to_string()).as_deref(), expected, "{entry}");
        };
        check("", Some("0.00015"));
        check(r#"{"provider": "openai", "discountPercent": 20}"#, Some("0.00012"));
        check(r#"{"model": "gpt-4o-mini", "perRequest": "0.5"}"#, Some("0.5"));
        // More than an event may cost is no price.
        check(r#"{"model": "gpt-4o-mini", "inputPerMillion": 9999999, "perRequest": 9999999}"#, None);
    }

    /// 2026-11-28, when the list has prices of tiers.
    const NOVEMBER_2026: UnixMs = 1_795_860_000_000;

    fn call(provider: &str, model: &str, tokens: [u64; 4], particulars: Particulars) -> Option<(String, bool)> {
        let mut measures = Measures::ZERO;
        measures.counts[Count::Requests as usize] = 1;
        for (count, tokens) in
            [Count::InputTokens, Count::CachedTokens, Count::CacheWriteTokens, Count::OutputTokens].iter().zip(tokens)
        {
            measures.counts[*count as usize] = tokens;
        }
        let price = PriceBook::bundled().price_call(provider, model, NOVEMBER_2026, &measures, &particulars);
        price.map(|price| (price.cost.to_string(), price.is_of_sums))
    }

    #[track_caller]
    fn check_tier(provider: &str, model: &str, tier: ServiceTier, expected: Option<&str>) {
        let particulars = Particulars { tier, ..Particulars::default() };
        let price = call(provider, model, [1_000_000, 0, 0, 100_000], particulars);
        let expected = expected.map(|cost| (cost.to_owned(), tier == ServiceTier::Standard));
        assert_eq!(price, expected, "{provider} {model} {tier:?}");
    }

    #[test]
    fn a_tier_has_its_own_price_or_none() {
        check_tier("openai", "gpt-5", ServiceTier::Standard, Some("2.25"));
        check_tier("openai", "gpt-5", ServiceTier::Flex, Some("1.125"));
        check_tier("openai", "gpt-5", ServiceTier::Priority, Some("4.5"));
        check_tier("openai", "gpt-5", ServiceTier::Batch, Some("1.125"));
        check_tier("openai", "gpt-5", ServiceTier::Other, None);
        check_tier("anthropic", "claude-3-5-haiku-20241022", ServiceTier::Priority, None);
        check_tier("google", "gemini-2.5-flash", ServiceTier::Batch, Some("0.275"));
        // Tiers are those of whoever serves the model, which is not whose list it is on.
        check_tier("azure", "gpt-5", ServiceTier::Flex, None);
        check_tier("azure", "gpt-5", ServiceTier::Standard, Some("2.25"));
    }

    #[test]
    fn a_cache_for_an_hour_and_sound_have_their_own_price_or_none() {
        let hour = |cache_write_1h| Particulars { cache_write_1h, ..Particulars::default() };
        let sonnet = |particulars| call("anthropic", "claude-sonnet-4-5", [1000, 0, 1000, 0], particulars);
        assert_eq!(sonnet(hour(0)), Some(("0.00375".into(), true)));
        assert_eq!(sonnet(hour(1000)), Some(("0.006".into(), false)));
        assert_eq!(sonnet(hour(400)), Some(("0.00465".into(), false)));
        assert_eq!(call("openai", "gpt-4o", [1000, 0, 1000, 0], hour(1000)), None);

        let sound = |audio_input, audio_output| Particulars { audio_input, audio_output, ..Particulars::default() };
        let audio = |particulars| call("openai", "gpt-audio", [1000, 0, 0, 1000], particulars);
        assert_eq!(audio(sound(0, 0)), Some(("0.0125".into(), true)));
        assert_eq!(audio(sound(1000, 1000)), Some(("0.096".into(), false)));
        assert_eq!(call("openai", "gpt-4o-audio-preview", [1000, 0, 0, 0], sound(1000, 0)), None);
        assert_eq!(call("google", "gemini-2.5-flash", [1000, 0, 0, 0], sound(1000, 0)), Some(("0.001".into(), false)));
        // It has one price for whatever goes in.
        assert_eq!(call("google", "gemini-2.5-pro", [1000, 0, 0, 0], sound(1000, 0)), Some(("0.00125".into(), false)));
    }

    #[test]
    fn an_answer_of_unknown_length_has_a_price_where_answers_are_free() {
        let unknown = Particulars { output_unknown: true, ..Particulars::default() };
        let embedding = call("openai", "text-embedding-3-small", [1_000_000, 0, 0, 0], unknown);
        assert_eq!(embedding, Some(("0.02".into(), true)));
        assert_eq!(call("openai", "gpt-4o-mini", [1_000_000, 0, 0, 0], unknown), None);
    }

    #[test]
    fn a_long_call_is_not_what_its_sums_are() {
        let gemini = |input| call("google", "gemini-2.5-pro", [input, 0, 0, 0], Particulars::default());
        assert_eq!(gemini(200_000), Some(("0.25".into(), true)));
        assert_eq!(gemini(300_000), Some(("0.75".into(), false)));
        assert_eq!(call("openai", "gpt-4o", [100_000, 0, 0, 0], Particulars::default()), Some(("0.25".into(), true)));
    }

    #[test]
    fn a_model_is_found_under_its_names() {
        let price = |provider, model| call(provider, model, [1_000_000, 0, 0, 0], Particulars::default()).map(|p| p.0);
        for (provider, model, expected) in [
            ("bedrock", "us.anthropic.claude-3-7-sonnet-20250219-v1:0", Some("3")),
            ("bedrock", "us.anthropic.claude-3-7-sonnet-20250219-v1", Some("3")),
            (
                "bedrock",
                "arn:aws:bedrock:eu-west-1:1:inference-profile/eu.anthropic.claude-3-7-sonnet-20250219-v1:0",
                Some("3"),
            ),
            ("bedrock", "bedrock/converse/us-east-1/us.anthropic.claude-3-7-sonnet-20250219-v1:0", Some("3")),
            ("vertex_ai", "claude-3-7-sonnet@20250219", Some("3")),
            ("openai", "gpt-4o-mini:nitro", Some("0.15")),
            ("openai", "ft:gpt-4o-mini-2024-07-18:acme::Ab12Cd", Some("0.3")),
            ("openai", "ft:gpt-4o-mini-2024-07-18", Some("0.3")),
            ("openai", "ft:gpt-9-unheard-of:acme::1", None),
            ("strands-agents", "gpt-5-mini", Some("0.25")),
            ("unknown", "gpt-5-mini", Some("0.25")),
            ("unknown", "text-embedding-3-large", Some("0.13")),
            ("langchain", "text-embedding-3-small", Some("0.02")),
            ("litellm_proxy", "chatgpt-4o-latest", Some("5")),
            ("together_ai", "text-embedding-3-large", None),
            ("unknown", "in-house-7b", None),
            ("ollama", "llama3.1:70b", None),
        ] {
            assert_eq!(price(provider, model).as_deref(), expected, "{provider} {model}");
        }
    }

    #[test]
    fn an_unknown_model_has_no_price() {
        assert_eq!(price("openai", "no-such-model-xyz", 1, [1000, 0, 0, 100]), None);
        assert_eq!(price("no-such-provider", "in-house-7b", 1, [1000, 0, 0, 100]), None);
    }
}
