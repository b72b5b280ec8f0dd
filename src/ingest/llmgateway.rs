//! What LLM Gateway's data stream posts: batches of `request_log` events, a row for every attempt.
//!
//! Whether a post is really theirs is for the caller to check; see `http::feeds`.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::call::{Call, Ending, Names, Said};
use super::collector::Collector;
use super::field::{boolean, clipped, missing, money, text, whole};
use super::guards::Guards;
use super::json::{self, each, present, word};
use super::usage::{Figures, Habits, tier_of};
use super::{BodyError, Context, MAX_EVENTS, Reading};
use crate::calendar;
use crate::model::Mode;

/// The only type of event that says something about usage.
const LOGGED: &str = "request_log";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Logged<'a> {
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    #[serde(rename = "type")]
    kind: Option<&'a RawValue>,
    test: Option<&'a RawValue>,
    timestamp: Option<&'a RawValue>,
    organization_id: Option<&'a RawValue>,
    project_id: Option<&'a RawValue>,
    api_key_id: Option<&'a RawValue>,
    used_model: Option<&'a RawValue>,
    used_provider: Option<&'a RawValue>,
    requested_model: Option<&'a RawValue>,
    requested_provider: Option<&'a RawValue>,
    source: Option<&'a RawValue>,
    prompt_tokens: Option<&'a RawValue>,
    completion_tokens: Option<&'a RawValue>,
    cached_tokens: Option<&'a RawValue>,
    cache_write_tokens: Option<&'a RawValue>,
    cache_write_1h_tokens: Option<&'a RawValue>,
    reasoning_tokens: Option<&'a RawValue>,
    audio_input_tokens: Option<&'a RawValue>,
    audio_output_tokens: Option<&'a RawValue>,
    total_tokens: Option<&'a RawValue>,
    service_tier: Option<&'a RawValue>,
    cost: Option<&'a RawValue>,
    has_error: Option<&'a RawValue>,
    error_category: Option<&'a RawValue>,
    unified_finish_reason: Option<&'a RawValue>,
    cached: Option<&'a RawValue>,
    used_mode: Option<&'a RawValue>,
}

/// Where the events of a post are.
#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    events: Option<&'a RawValue>,
}

/// Reads a post: `{"stream": …, "source": "request_logs", "events": […]}`, or a single event on its own, as which the
/// test event may come.
pub fn parse(body: &[u8], context: &Context<'_>) -> Result<Reading, BodyError> {
    if body.trim_ascii().is_empty() {
        return Err(BodyError::Empty);
    }
    let mut reader = Reader { collector: Collector::new(context), names: Names::default(), ignored: 0 };
    let post: &RawValue = serde_json::from_slice(body)?;
    match json::object::<Envelope<'_>>(post.get())?.events {
        Some(events) => each(events.get().as_bytes(), |event| reader.take(event.get()))??,
        None => reader.take(post.get())?,
    }
    Ok(Reading { parsed: reader.collector.finish(), ignored: reader.ignored, names: reader.names })
}

struct Reader<'c> {
    collector: Collector<'c>,
    names: Names,
    ignored: usize,
}

impl Reader<'_> {
    fn take(&mut self, json: &str) -> Result<(), BodyError> {
        if self.collector.len() == MAX_EVENTS {
            return Err(BodyError::TooMany);
        }
        if !json.starts_with('{') {
            self.collector.reject(None, format!("an event is a JSON object, not {}", json::kind(json)));
            return Ok(());
        }
        match serde_json::from_str::<Logged<'_>>(json) {
            Err(error) => self.collector.reject(None, format!("the event is not valid JSON: {error}")),
            Ok(event) if !event.is_usage() => {
                self.ignored += 1;
                let id = || present(event.id).and_then(|id| text("id", id).ok());
                self.collector.pass("it is a test, or no request", || id().map(|id| format!("id {id}")));
            }
            Ok(event) => {
                let settled =
                    event.call().and_then(|call| self.collector.settle(call, Said::default(), &mut self.names));
                if let Err(error) = settled {
                    let id = present(event.id).and_then(|id| text("id", id).ok());
                    self.collector.reject(id.map(Cow::into_owned), error);
                }
            }
        }
        Ok(())
    }
}

impl<'a> Logged<'a> {
    fn is_usage(&self) -> bool {
        let test = present(self.test).is_some_and(|test| test.get() == "true");
        let kind = present(self.kind).map(|kind| text("type", kind));
        !test && kind.is_none_or(|kind| kind.as_deref() == Ok(LOGGED))
    }

    fn call(&self) -> Result<Call<'a>, String> {
        let id = word("id", self.id)?.ok_or_else(|| missing("id"))?.into_owned();
        let timestamp = word("timestamp", self.timestamp)?.ok_or_else(|| missing("timestamp"))?;
        let start = calendar::parse_rfc3339(&timestamp).ok_or_else(|| {
            format!("timestamp '{}' is not RFC 3339 with an offset, such as 2026-06-01T12:00:00Z", clipped(&timestamp))
        })?;
        let mode = match word("usedMode", self.used_mode)?.as_deref() {
            None | Some("credits") => Mode::Credits,
            Some("api-keys") => Mode::ApiKeys,
            Some(other) => return Err(format!("usedMode is '{}'; allowed are credits and api-keys", clipped(other))),
        };
        let figures = self.figures()?;
        let mut guards = Guards::default();
        guards.finished(&word("unifiedFinishReason", self.unified_finish_reason)?.unwrap_or_default());
        Ok(Call {
            // Theirs as it is: rows loaded from an export under the same ids are then not counted again.
            id,
            start,
            organization: word("organizationId", self.organization_id)?,
            project: word("projectId", self.project_id)?,
            api_key: word("apiKeyId", self.api_key_id)?,
            model: word("usedModel", self.used_model)?.or(word("requestedModel", self.requested_model)?),
            provider: word("usedProvider", self.used_provider)?.or(word("requestedProvider", self.requested_provider)?),
            source: word("source", self.source)?,
            mode,
            tokens: figures.read(Habits::default()),
            figures: Some(figures),
            tier: word("serviceTier", self.service_tier)?.map(|tier| tier_of(&tier)).unwrap_or_default(),
            // One below 0 is a mistake in working it out.
            cost: present(self.cost)
                .filter(|cost| !cost.get().trim_start_matches('"').starts_with('-'))
                .map(|cost| money("cost", cost))
                .transpose()?,
            ending: self.ending()?,
            cached: boolean("cached", present(self.cached))?,
            guards,
            is_extra: false,
            is_partial: false,
            is_read: false,
            other_id: None,
        })
    }

    fn figures(&self) -> Result<Figures, String> {
        let number = |field, value| present(value).map(|value| quantity(field, value)).transpose();
        Ok(Figures {
            input: number("promptTokens", self.prompt_tokens)?,
            output: number("completionTokens", self.completion_tokens)?,
            total: number("totalTokens", self.total_tokens)?,
            cached: number("cachedTokens", self.cached_tokens)?,
            cache_write: number("cacheWriteTokens", self.cache_write_tokens)?,
            cache_write_1h: number("cacheWrite1hTokens", self.cache_write_1h_tokens)?,
            reasoning: number("reasoningTokens", self.reasoning_tokens)?,
            audio_input: number("audioInputTokens", self.audio_input_tokens)?,
            audio_output: number("audioOutputTokens", self.audio_output_tokens)?,
        })
    }

    fn ending(&self) -> Result<Ending, String> {
        let failed = boolean("hasError", present(self.has_error))?;
        let reason = word("unifiedFinishReason", self.unified_finish_reason)?;
        let category = word("errorCategory", self.error_category)?.filter(|_| failed);
        Ok(match (reason.as_deref(), category.as_deref()) {
            (Some("client_error"), _) | (None, Some("client_error")) => Ending::ClientError,
            (Some("gateway_error" | "upstream_error"), _) => Ending::Error,
            _ if failed => Ending::Error,
            _ => Ending::Answered,
        })
    }
}

/// A whole number, or the text of one: their table keeps counts as decimals, which some drivers give as texts.
fn quantity(field: &str, value: &RawValue) -> Result<u64, String> {
    let Some(digits) = value.get().strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else {
        return whole(field, value);
    };
    match serde_json::from_str::<&RawValue>(digits) {
        Ok(number) => whole(field, number),
        Err(_) => whole(field, value),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::TokenDefaults;
    use super::*;
    use crate::model::{CostSource, Count, Fingerprint};
    use crate::pricing::PriceBook;

    const NOW: i64 = 1_780_315_200_000; // 2026-06-01T12:00:00Z

    fn read(body: &Value) -> Result<Reading, BodyError> {
        let prices = PriceBook::bundled();
        let token = TokenDefaults { organization_id: Some("acme"), ..TokenDefaults::default() };
        parse(
            body.to_string().as_bytes(),
            &Context { now: NOW, prices: &prices, token, kept_since: &crate::ingest::for_ever },
        )
    }

    fn event(extra: &Value) -> Value {
        let mut event = json!({
            "id": "log-1", "type": "request_log", "timestamp": "2026-06-01T10:20:30.123Z", "organizationId": "acme",
            "projectId": "web", "apiKeyId": "k1", "usedModel": "openai/gpt-4o", "usedProvider": "openai",
            "source": "bot.example", "promptTokens": 100, "completionTokens": 20, "cachedTokens": null,
            "reasoningTokens": null, "cost": 0.00045, "hasError": false, "cached": false, "unifiedFinishReason": "completed",
            "messages": [{"content": "PROMPT"}], "durationMs": 12,
        });
        event.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        event
    }

    fn batch(events: &[Value]) -> Value {
        json!({"stream": "s", "source": "request_logs", "events": events})
    }

    fn check(extra: &Value, counts: &[(Count, u64)], cost: &str) {
        let reading = read(&batch(&[event(extra)])).unwrap();
        assert_eq!(reading.parsed.rejected, [], "{extra}");
        let measures = reading.parsed.batch.events[0].measures;
        for (count, expected) in counts {
            assert_eq!(measures.get(*count), *expected, "{extra} {count:?}");
        }
        assert_eq!(measures.cost.to_string(), cost, "{extra}");
    }

    #[test]
    fn a_whole_event() {
        let reading = read(&batch(&[event(&json!({}))])).unwrap();
        let (ids, read) = (&reading.parsed.batch.combinations[0], reading.parsed.batch.events[0]);
        assert_eq!((ids.project.as_str(), ids.api_key.as_str(), ids.model.as_str()), ("web", "k1", "gpt-4o"));
        assert_eq!(ids.source.as_deref(), Some("bot.example"));
        assert_eq!(read.time, 1_780_309_230_123);
        assert_eq!(read.id, Fingerprint::of("log-1"), "an export under the same id is the same event");
    }

    #[test]
    fn the_source_of_a_cost() {
        for (extra, expected) in [
            (json!({}), CostSource::Reported),
            (json!({"cost": null}), CostSource::Priced),
            (json!({"cost": null, "usedModel": "mine/x", "usedProvider": "mine"}), CostSource::Unpriced),
            (json!({"cost": null, "promptTokens": null, "completionTokens": null}), CostSource::Unmeasured),
            (json!({"cost": null, "cached": true}), CostSource::Reported),
        ] {
            let reading = read(&batch(&[event(&extra)])).unwrap();
            assert_eq!(reading.parsed.batch.combinations[0].cost_source, expected, "{extra}");
        }
    }

    #[test]
    fn measures() {
        use Count::*;
        check(&json!({}), &[(InputTokens, 100), (OutputTokens, 20), (TotalTokens, 120), (Unpriced, 0)], "0.00045");
        check(
            &json!({"promptTokens": "100.00", "cachedTokens": "7"}),
            &[(InputTokens, 100), (CachedTokens, 7)],
            "0.00045",
        );
        check(&json!({"cost": null}), &[(Unpriced, 0)], "0.00045");
        check(&json!({"cost": null, "usedModel": "mine/x", "usedProvider": "mine"}), &[(Unpriced, 1)], "0");
        check(&json!({"cost": null, "promptTokens": null, "completionTokens": null}), &[(Unpriced, 1)], "0");
        check(&json!({"cost": null, "cached": true}), &[(CacheHits, 1)], "0");
        check(&json!({"hasError": true, "unifiedFinishReason": "upstream_error"}), &[(Errors, 1)], "0.00045");
        check(
            &json!({"hasError": true, "unifiedFinishReason": "client_error"}),
            &[(ClientErrors, 1), (Errors, 0)],
            "0.00045",
        );
        check(
            &json!({"hasError": true, "unifiedFinishReason": null, "errorCategory": "client_error"}),
            &[(ClientErrors, 1)],
            "0.00045",
        );
        check(&json!({"hasError": true, "unifiedFinishReason": null}), &[(Errors, 1)], "0.00045");
        check(&json!({"unifiedFinishReason": "canceled"}), &[(Errors, 0), (ClientErrors, 0)], "0.00045");
    }

    #[test]
    fn what_one_event_of_a_batch_proves_of_its_provider_holds_for_the_others() {
        let of = |provider: &str, figures: [Option<u64>; 4]| {
            let [input, output, cached, total] = figures;
            event(&json!({
                "usedProvider": provider, "promptTokens": input, "completionTokens": output, "cachedTokens": cached,
                "totalTokens": total, "cost": null,
            }))
        };
        let proves = [Some(500), Some(40), Some(1200), Some(1740)];
        let open = [Some(2000), Some(5), Some(1500), None];
        let check = |events: [Value; 2], input: [u64; 2], cost: &str| {
            let found = read(&batch(&events)).unwrap().parsed.batch.events;
            assert_eq!([0, 1].map(|at| found[at].measures.get(Count::InputTokens)), input);
            assert_eq!(found[0].measures.cost.to_string(), cost);
        };
        // 2,000 at 2.5 USD a million, 1,500 cached at 1.25 and 5 out at 10; or 500, 1,500 and 5.
        check([of("openai", open), of("openai", proves)], [3500, 1700], "0.006925");
        check([of("openai", open), of("azure", proves)], [2000, 1700], "0.003175");
        check([of("openai", proves), of("openai", open)], [1700, 3500], "0.00315");
    }

    #[test]
    fn a_test_is_read_and_not_counted() {
        let test = json!({"id": "test-1", "type": "request_log", "test": true, "message": "PROMPT"});
        for body in [test.clone(), batch(std::slice::from_ref(&test)), batch(&[event(&json!({"type": "other"}))])] {
            let reading = read(&body).unwrap();
            assert_eq!((reading.ignored, reading.parsed.batch.events.len(), reading.parsed.rejected.len()), (1, 0, 0));
        }
        let mixed = read(&batch(&[test, event(&json!({})), json!(7)])).unwrap();
        assert_eq!((mixed.ignored, mixed.parsed.batch.events.len(), mixed.parsed.rejected[0].index), (1, 1, 2));
    }

    #[test]
    fn a_bad_event_leaves_the_good_ones() {
        let bad = [
            (json!({"id": "b1", "timestamp": "2026-06-01 10:20"}), "timestamp '2026-06-01 10:20' is not RFC 3339"),
            (json!({"id": "b2", "organizationId": "other"}), "the token is for 'acme' only"),
            (json!({"id": "b3", "promptTokens": -1}), "promptTokens is -1"),
            (json!({"id": "b4", "promptTokens": "many"}), "promptTokens is \"many\""),
            (json!({"id": "b5", "usedMode": "hybrid"}), "allowed are credits and api-keys"),
            (json!({"id": "b6", "projectId": null}), "projectId is missing"),
        ];
        let mut events = vec![event(&json!({}))];
        events.extend(bad.iter().map(|(extra, _)| event(extra)));
        let parsed = read(&batch(&events)).unwrap().parsed;
        assert_eq!(parsed.batch.events.len(), 1);
        for (rejected, (extra, words)) in parsed.rejected.iter().zip(&bad) {
            assert_eq!(rejected.id.as_deref(), extra["id"].as_str());
            assert!(rejected.error.contains(words), "{}", rejected.error);
        }
        assert_eq!(parsed.rejected.len(), bad.len());
        assert!(read(&json!([1])).is_err() && read(&json!({"events": 7})).is_err());
    }
}
