//! Rollcall's own event, field by field.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::collector::{Collector, Counted, Ids, canonical};
use super::field::{boolean, checked, clipped, missing, money, name, required, shown, text, whole};
use super::guards::Guards;
use super::number::parse_whole;
use super::usage::{Figures, Habits, Place};
use crate::calendar;
use crate::model::{
    Completeness, CostSource, Count, Event, Fingerprint, Measures, Mode, PicoUsd, UnixMs, model_prefix, provider_of,
};
use crate::pricing::ServiceTier;

/// Events are told to count reasoning as part of the completion; from some exports it comes a little larger.
const HABITS: Habits = Habits { cache: Place::Usual, reasoning: Place::Within };

/// A whole that nobody knows the size of, as files have it: one that is left out is 0.
pub(super) const UNKNOWN_TOKENS: &str = "\"unknown\"";

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
    no_request: Option<&'a RawValue>,
    #[serde(borrow)]
    partial: Option<&'a RawValue>,
}

impl Fields<'_> {
    /// Whether they say how many tokens there were, be it 0.
    fn know_tokens(&self) -> bool {
        [known(self.prompt_tokens), known(self.completion_tokens), self.total_tokens].iter().any(Option::is_some)
    }
}

/// A whole that is not said to be unknown.
fn known(whole: Option<&RawValue>) -> Option<&RawValue> {
    whole.filter(|whole| whole.get() != UNKNOWN_TOKENS)
}

impl<'c> Collector<'c> {
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

    fn read(&mut self, fields: &Fields<'_>) -> Result<Event, String> {
        let token = &self.context().token;
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
        let mut guards = Guards::default();
        guards.finished(&fields.finish_reason.and_then(|reason| text("finishReason", reason).ok()).unwrap_or_default());
        self.guarded(guards);
        let id = Fingerprint::of(&id);
        Ok(Event { id, other_id: None, time, combination, sender: self.sender, completeness, measures })
    }

    fn measures(
        &self,
        f: &Fields<'_>,
        provider: &str,
        model: &str,
        time: UnixMs,
    ) -> Result<(Measures, CostSource), String> {
        let calls = match (f.count, boolean("noRequest", f.no_request)?) {
            (None, false) => 1,
            (None, true) => 0,
            (Some(_), true) => return Err("count is given, and noRequest is true: that stands for no call".into()),
            (Some(count), false) => match whole("count", count)? {
                0 => return Err("count is 0; an event stands for 1 call or more".into()),
                calls => calls,
            },
        };
        let given = |field, value: Option<&RawValue>| value.map(|value| whole(field, value)).transpose();
        let total = given("totalTokens", f.total_tokens)?;
        let [prompt, completion] =
            [given("promptTokens", known(f.prompt_tokens))?, given("completionTokens", known(f.completion_tokens))?];
        // What is left out is 0, unless it is what the other leaves of the total.
        let zero = |own: Option<&RawValue>, other: Option<u64>| {
            (own.is_none() && other.zip(total).is_none_or(|(other, total)| total <= other)).then_some(0)
        };
        let figures = Figures {
            input: prompt.or_else(|| zero(f.prompt_tokens, completion)),
            output: completion.or_else(|| zero(f.completion_tokens, prompt)),
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
        if calls == 0 && cost.is_none_or(|cost| cost == PicoUsd::ZERO) {
            return Err("noRequest is true, and there is no cost: that says nothing".into());
        }
        let is_partial = boolean("partial", f.partial)?;
        let counted = Counted { calls, tokens, is_partial, tier, failure, cached, cost };
        self.measured(provider, model, time, counted)
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
}

#[cfg(test)]
mod tests {
    use super::super::{Context, Parsed, TokenDefaults, parse_json, parse_ndjson};
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
        check_measures(r#"{"totalTokens":99}"#, &[(TotalTokens, 99), (InputTokens, 10), (OutputTokens, 5)], "0.5");
        check_measures(r#"{"totalTokens":12}"#, &[(TotalTokens, 12), (InputTokens, 10), (OutputTokens, 5)], "0.5");
        check_measures(
            r#"{"noRequest":true,"hasError":true}"#,
            &[(Requests, 0), (InputTokens, 10), (Errors, 0), (Unpriced, 0)],
            "0.5",
        );
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
    fn what_one_whole_leaves_of_the_total_is_the_other() {
        use Count::*;
        let check = |fields: &str, input: u64, output: u64, cost: &str| {
            let extra =
                r#"{"promptTokens":null,"completionTokens":null,"cost":null,"usedModel":"openai/gpt-4o",FIELDS}"#;
            let sums = [(InputTokens, input), (OutputTokens, output), (Unpriced, 0)];
            check_measures(&extra.replace("FIELDS", fields), &sums, cost);
        };
        check(r#""promptTokens":100,"totalTokens":150"#, 100, 50, "0.00075");
        check(r#""completionTokens":50,"totalTokens":150"#, 100, 50, "0.00075");
        check(r#""promptTokens":100,"totalTokens":150,"reasoningTokens":20"#, 100, 50, "0.00075");
        // Otherwise what is left out is 0.
        check(r#""promptTokens":100"#, 100, 0, "0.00025");
        check(r#""promptTokens":100,"totalTokens":100"#, 100, 0, "0.00025");
        check(r#""promptTokens":100,"totalTokens":40"#, 100, 0, "0.00025");
    }

    #[test]
    fn what_is_said_to_be_unknown_is_not_0() {
        use Count::*;
        let check = |fields: &str, input: u64, output: u64, unpriced: u64, cost: &str| {
            let extra =
                r#"{"promptTokens":null,"completionTokens":null,"cost":null,"usedModel":"openai/gpt-4o",FIELDS}"#;
            let sums = [(InputTokens, input), (OutputTokens, output), (Unpriced, unpriced)];
            check_measures(&extra.replace("FIELDS", fields), &sums, cost);
        };
        check(r#""promptTokens":300,"completionTokens":"unknown""#, 300, 0, 1, "0");
        check(r#""promptTokens":"unknown","completionTokens":70"#, 0, 70, 1, "0");
        check(r#""promptTokens":300,"completionTokens":"unknown","totalTokens":300"#, 300, 0, 1, "0");
        check(r#""promptTokens":300,"completionTokens":"unknown","totalTokens":340"#, 300, 40, 0, "0.00115");
        check(r#""promptTokens":"unknown","completionTokens":"unknown""#, 0, 0, 1, "0");
        check(r#""promptTokens":300,"completionTokens":"unknown","cost":0.25"#, 300, 0, 0, "0.25");
        // Nobody pays for what comes out of it.
        let embedding = r#""usedModel":"openai/text-embedding-3-small","promptTokens":1000000"#;
        check(&format!(r#"{embedding},"completionTokens":"unknown""#), 1_000_000, 0, 0, "0.02");
        check_rejected(r#"{"completionTokens":"none"}"#, "must be a whole number");
        check_rejected(r#"{"totalTokens":"unknown"}"#, "must be a whole number");
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
        check_rejected(r#"{"count":0}"#, "count is 0; an event stands for 1 call or more");
        check_rejected(r#"{"noRequest":true,"count":1}"#, "stands for no call");
        check_rejected(r#"{"noRequest":true,"cost":0}"#, "there is no cost");
        check_rejected(r#"{"noRequest":true,"cost":null}"#, "there is no cost");
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
