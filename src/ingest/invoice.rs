//! Pages of OpenAI's and Anthropic's admin reports, of usage and of costs → what was billed, day by day.
//!
//! Unlike a feed's, these are taken whole or not at all: a report with a hole in it would show up as a gap that is none.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::field::{name, text};
use super::json::{each, kind, object, present};
use super::number::parse_whole;
use crate::calendar::parse_rfc3339;
use crate::model::{BilledDay, BilledLine, Biller, Day, Hour, MAX_QUANTITY, PicoUsd, Report, UnixMs, canonical_model};

const DAY_MS: i64 = 86_400_000;
/// Most that a line may say of tokens or requests: all of an event's, a thousand times over.
const MAX_COUNT: u64 = 1000 * MAX_QUANTITY;

/// Why a body is no report, with the place in it and the value. *Caller.*
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct InvoiceError(String);

impl From<String> for InvoiceError {
    fn from(what: String) -> Self {
        InvoiceError(what)
    }
}

impl From<serde_json::Error> for InvoiceError {
    fn from(error: serde_json::Error) -> Self {
        InvoiceError(format!("the body is not valid JSON: {error}"))
    }
}

#[derive(Deserialize)]
struct Page<'a> {
    #[serde(borrow)]
    data: Vec<&'a RawValue>,
}

/// Times are seconds in OpenAI's buckets and RFC 3339 in Anthropic's.
#[derive(Deserialize)]
struct Bucket<'a> {
    #[serde(borrow)]
    start_time: Option<&'a RawValue>,
    end_time: Option<&'a RawValue>,
    starting_at: Option<&'a RawValue>,
    ending_at: Option<&'a RawValue>,
    results: Vec<&'a RawValue>,
}

/// What is read of a result, of any report.
#[derive(Deserialize)]
struct Fields<'a> {
    #[serde(borrow)]
    object: Option<&'a RawValue>,
    amount: Option<&'a RawValue>,
    currency: Option<&'a RawValue>,
    line_item: Option<&'a RawValue>,
    description: Option<&'a RawValue>,
    model: Option<&'a RawValue>,
    api_key_id: Option<&'a RawValue>,
    num_model_requests: Option<&'a RawValue>,
    input_tokens: Option<&'a RawValue>,
    input_cached_tokens: Option<&'a RawValue>,
    uncached_input_tokens: Option<&'a RawValue>,
    cache_read_input_tokens: Option<&'a RawValue>,
    cache_creation: Option<&'a RawValue>,
    output_tokens: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Amount<'a> {
    #[serde(borrow)]
    value: Option<&'a RawValue>,
    currency: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct CacheCreation<'a> {
    #[serde(borrow)]
    ephemeral_5m_input_tokens: Option<&'a RawValue>,
    ephemeral_1h_input_tokens: Option<&'a RawValue>,
}

/// Reads one page, several one after another, or arrays of them.
pub fn parse(body: &[u8], biller: Biller) -> Result<Vec<BilledDay>, InvoiceError> {
    let mut reports = Reports { biller, pages: 0, days: BTreeMap::new() };
    for value in serde_json::Deserializer::from_slice(body).into_iter::<&RawValue>() {
        let value = value?;
        if value.get().starts_with('[') {
            each(value.get().as_bytes(), |page| reports.take_page(page))??;
        } else {
            reports.take_page(value)?;
        }
    }
    if reports.days.is_empty() {
        return Err(InvoiceError("the body has no results; send pages of a usage or a cost report".into()));
    }
    let days = reports.days.into_iter();
    Ok(days.map(|((report, day), lines)| BilledDay { report, day: Day(day), lines }).collect())
}

struct Reports {
    biller: Biller,
    pages: usize,
    days: BTreeMap<(Report, u32), Vec<BilledLine>>,
}

impl Reports {
    fn take_page(&mut self, page: &RawValue) -> Result<(), InvoiceError> {
        self.pages += 1;
        let number = self.pages;
        self.read_page(page).map_err(|error| InvoiceError(format!("page {number}: {error}")))
    }

    fn read_page(&mut self, page: &RawValue) -> Result<(), String> {
        let page: Page<'_> = object(page.get()).map_err(|e| format!("it is no page of a report: {e}"))?;
        let mut report = None;
        let mut days = Vec::with_capacity(page.data.len());
        for (at, bucket) in page.data.iter().enumerate() {
            let at = |error: String| format!("data[{at}]: {error}");
            let bucket: Bucket<'_> = object(bucket.get()).map_err(|e| at(format!("it is no bucket: {e}")))?;
            let day = self.day(&bucket).map_err(at)?;
            let mut lines = Lines::default();
            for (place, result) in bucket.results.iter().enumerate() {
                let at = |error: String| at(format!("results[{place}]: {error}"));
                let fields: Fields<'_> = object(result.get()).map_err(|e| at(format!("it is no result: {e}")))?;
                let (of, line) = self.line(&fields).map_err(at)?;
                if report.is_some_and(|report| report != of) {
                    return Err(at(format!("it is of the report {}, the page is of another", of.name())));
                }
                report = Some(of);
                lines.add(line).map_err(at)?;
            }
            days.push((day, lines));
        }
        // Nothing says of what report a page without any result is.
        let Some(report) = report else { return Ok(()) };
        for (day, lines) in days {
            let lines = lines.0.into_values().collect();
            let before = self.days.insert((report, day.0), lines);
            if before.is_some_and(|before| before != self.days[&(report, day.0)]) {
                let day = crate::calendar::rfc3339_utc(day.start_ms());
                return Err(format!(
                    "the day {} of {} is there twice and not the same; send whole reports, not one for each project",
                    &day[..10],
                    report.name()
                ));
            }
        }
        Ok(())
    }

    fn day(&self, bucket: &Bucket<'_>) -> Result<Day, String> {
        let seconds = |field, value| {
            let value = present(value).ok_or_else(|| self.not_theirs(field))?;
            let seconds = parse_whole(value.get()).and_then(|s| i64::try_from(s).ok()?.checked_mul(1000));
            seconds.ok_or_else(|| format!("{field} is {}; it must be whole seconds since 1970", value.get()))
        };
        let moment = |field, value| {
            let value = text(field, present(value).ok_or_else(|| self.not_theirs(field))?)?;
            parse_rfc3339(&value).ok_or_else(|| format!("{field} '{value}' is no RFC 3339 time"))
        };
        let (start, end): (UnixMs, UnixMs) = match self.biller {
            Biller::OpenAi => (seconds("start_time", bucket.start_time)?, seconds("end_time", bucket.end_time)?),
            Biller::Anthropic => (moment("starting_at", bucket.starting_at)?, moment("ending_at", bucket.ending_at)?),
        };
        let day = Hour::of(start).map(Hour::day).filter(|day| day.start_ms() == start && start + DAY_MS == end);
        day.ok_or_else(|| {
            let [start, end] = [start, end].map(crate::calendar::rfc3339_utc);
            format!("it goes from {start} to {end}; only whole UTC days are taken: ask with bucket_width=1d")
        })
    }

    fn not_theirs(&self, field: &str) -> String {
        format!("it has no {field}, so it is no report of {}", self.biller.name())
    }

    fn line(&self, fields: &Fields<'_>) -> Result<(Report, BilledLine), String> {
        let report = match self.biller {
            Biller::OpenAi => openai_report(fields)?,
            Biller::Anthropic if present(fields.amount).is_some() => Report::Costs,
            Biller::Anthropic => Report::Messages,
        };
        let api_key = optional_name("api_key_id", fields.api_key_id)?.map(Cow::into_owned);
        let line = BilledLine { api_key, ..BilledLine::default() };
        let line = match (self.biller, report) {
            (Biller::OpenAi, Report::Costs) => {
                let item = optional_name("line_item", fields.line_item)?;
                let item = item.ok_or("line_item is missing; ask with group_by=line_item")?;
                let model = model_of_line_item(&item).map(str::to_owned);
                let amount = present(fields.amount).ok_or("amount is missing")?;
                let amount: Amount<'_> = object(amount.get()).map_err(|e| format!("amount: {e}"))?;
                BilledLine { model, cost: cost("amount.value", amount.value, amount.currency, false)?, ..line }
            }
            (Biller::Anthropic, Report::Costs) => {
                let model = optional_name("model", fields.model)?;
                if model.is_none() && present(fields.description).is_none() {
                    return Err("description is missing; ask with group_by[]=description".into());
                }
                let model = model.map(|model| canonical_model(&model).to_owned());
                BilledLine { model, cost: cost("amount", fields.amount, fields.currency, true)?, ..line }
            }
            (Biller::OpenAi, _) => BilledLine {
                model: Some(model(fields)?),
                requests: count("num_model_requests", fields.num_model_requests)?,
                input_tokens: count("input_tokens", fields.input_tokens)?,
                cached_tokens: count("input_cached_tokens", fields.input_cached_tokens)?,
                output_tokens: count("output_tokens", fields.output_tokens)?,
                ..line
            },
            (Biller::Anthropic, _) => {
                let uncached = present(fields.uncached_input_tokens);
                let uncached = uncached.ok_or("it has neither uncached_input_tokens nor an amount")?;
                let cached = count("cache_read_input_tokens", fields.cache_read_input_tokens)?;
                let written = written_tokens(fields.cache_creation)?;
                BilledLine {
                    model: Some(model(fields)?),
                    input_tokens: count("uncached_input_tokens", Some(uncached))? + cached + written,
                    cached_tokens: cached,
                    output_tokens: count("output_tokens", fields.output_tokens)?,
                    ..line
                }
            }
        };
        Ok((report, line))
    }
}

/// The lines of one day. Other groups that a report was asked by are added up.
#[derive(Default)]
struct Lines(BTreeMap<(Option<String>, Option<String>), BilledLine>);

impl Lines {
    fn add(&mut self, line: BilledLine) -> Result<(), String> {
        let key = (line.model.clone(), line.api_key.clone());
        let new = || BilledLine { model: key.0.clone(), api_key: key.1.clone(), ..BilledLine::default() };
        let sum = self.0.entry(key.clone()).or_insert_with(new);
        let added = [
            (&mut sum.requests, line.requests),
            (&mut sum.input_tokens, line.input_tokens),
            (&mut sum.cached_tokens, line.cached_tokens),
            (&mut sum.output_tokens, line.output_tokens),
        ];
        for (sum, more) in added {
            *sum = sum.checked_add(more).ok_or("a count is larger than can be kept")?;
        }
        sum.cost.0 += line.cost.0;
        Ok(())
    }
}

/// By the `object` of a result: `organization.costs.result`, `organization.usage.completions.result`.
fn openai_report(fields: &Fields<'_>) -> Result<Report, String> {
    let object = text("object", present(fields.object).ok_or("object is missing")?)?;
    let named = object.strip_prefix("organization.").and_then(|rest| rest.strip_suffix(".result"));
    let named = named.map(|named| named.strip_prefix("usage.").unwrap_or(named));
    let found = Report::ALL.iter().find(|(name, report)| named == Some(name) && *report != Report::Messages);
    found.map(|(_, report)| *report).ok_or_else(|| {
        let names: Vec<&str> = Report::ALL.iter().filter(|r| r.1 != Report::Messages).map(|(name, _)| *name).collect();
        format!("object is '{object}'; reports of {} are taken", names.join(", "))
    })
}

/// `gpt-4o-2024-08-06, cached input` is of the model before the comma; a tier may come before it and a modality after.
/// `web search tool calls` is of none.
fn model_of_line_item(item: &str) -> Option<&str> {
    let (before, _) = item.split_once(',')?;
    let model = before.rsplit('|').next()?.split_whitespace().next()?;
    Some(canonical_model(model)).filter(|model| !model.is_empty())
}

fn model(fields: &Fields<'_>) -> Result<String, String> {
    let model = optional_name("model", fields.model)?.ok_or("model is missing; ask with group_by=model")?;
    Ok(canonical_model(&model).to_owned())
}

fn optional_name<'a>(field: &str, value: Option<&'a RawValue>) -> Result<Option<Cow<'a, str>>, String> {
    present(value).map(|value| name(field, value)).transpose()
}

fn written_tokens(creation: Option<&RawValue>) -> Result<u64, String> {
    let Some(creation) = present(creation) else { return Ok(0) };
    let creation: CacheCreation<'_> = object(creation.get()).map_err(|e| format!("cache_creation: {e}"))?;
    Ok(count("ephemeral_5m_input_tokens", creation.ephemeral_5m_input_tokens)?
        + count("ephemeral_1h_input_tokens", creation.ephemeral_1h_input_tokens)?)
}

fn count(field: &str, value: Option<&RawValue>) -> Result<u64, String> {
    let Some(value) = present(value) else { return Ok(0) };
    let number = parse_whole(value.get()).filter(|number| *number <= MAX_COUNT);
    number.ok_or_else(|| format!("{field} is {}; it must be a whole number of 0 or more", shown(value)))
}

fn cost(field: &str, value: Option<&RawValue>, currency: Option<&RawValue>, in_cents: bool) -> Result<PicoUsd, String> {
    let currency = text("currency", present(currency).ok_or("currency is missing")?)?;
    if !currency.eq_ignore_ascii_case("usd") {
        return Err(format!("currency is '{currency}'; only USD is taken"));
    }
    let value = present(value).ok_or_else(|| format!("{field} is missing"))?;
    let digits = value.get().trim_matches('"');
    let cost = PicoUsd::parse_billed(digits, in_cents);
    cost.ok_or_else(|| format!("{field} is {}; it must be a decimal of at most 10000000 USD", shown(value)))
}

/// A number or a short text as it stands, anything else by its kind.
fn shown(value: &RawValue) -> &str {
    let json = value.get();
    if json.len() <= 60 && !json.starts_with(['{', '[']) { json } else { kind(json) }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// 2026-06-01
    const FIRST: i64 = 1_780_272_000;

    fn openai(day: i64, results: &Value) -> Value {
        let start = FIRST + day * 86_400;
        json!({"object": "bucket", "start_time": start, "end_time": start + 86_400, "results": results})
    }

    fn usage(model: &str, requests: u64) -> Value {
        json!({"object": "organization.usage.completions.result", "input_tokens": 100, "output_tokens": 7,
            "input_cached_tokens": 40, "num_model_requests": requests, "model": model, "api_key_id": null, "batch": false})
    }

    fn costs(item: &str, value: &Value) -> Value {
        json!({"object": "organization.costs.result", "amount": {"value": value, "currency": "usd"}, "line_item": item,
            "project_id": "proj_1"})
    }

    fn anthropic(results: &Value) -> Value {
        json!({"data": [{"starting_at": "2026-06-01T00:00:00Z", "ending_at": "2026-06-02T00:00:00Z", "results": results}],
            "has_more": false, "next_page": null})
    }

    fn page(buckets: &[Value]) -> Value {
        json!({"object": "page", "data": buckets, "has_more": false, "next_page": null})
    }

    fn parsed(body: &str, biller: Biller) -> Vec<BilledDay> {
        parse(body.as_bytes(), biller).unwrap_or_else(|e| panic!("{e}: {body}"))
    }

    #[track_caller]
    fn refused(body: &Value, biller: Biller, words: &str) {
        let error = parse(body.to_string().as_bytes(), biller).expect_err(words).to_string();
        assert!(error.contains(words), "'{error}' does not say '{words}'");
    }

    #[test]
    fn a_page_an_array_and_lines_of_pages_are_the_same() {
        let pages = [
            page(&[
                openai(0, &json!([usage("gpt-4o-2024-08-06", 3), usage("gpt-4o-2024-08-06", 4)])),
                openai(1, &json!([])),
            ]),
            page(&[openai(0, &json!([costs("gpt-4o-2024-08-06, input", &json!(0.06))]))]),
        ];
        let days = parsed(&json!(pages).to_string(), Biller::OpenAi);
        assert_eq!(days, parsed(&format!("{}\n{}\n", pages[0], pages[1]), Biller::OpenAi));
        let shape: Vec<_> = days.iter().map(|day| (day.report, day.day.0 - days[0].day.0, day.lines.len())).collect();
        assert_eq!(shape, [(Report::Costs, 0, 1), (Report::Completions, 0, 1), (Report::Completions, 1, 0)]);
        let line = &days[1].lines[0];
        assert_eq!((line.requests, line.input_tokens, line.cached_tokens, line.output_tokens), (7, 200, 80, 14));
        assert_eq!(days[0].lines[0].cost.to_string(), "0.06");
    }

    #[test]
    fn line_items_name_models_in_their_ways() {
        for (item, model) in [
            ("gpt-4o-2024-08-06, cached input", Some("gpt-4o-2024-08-06")),
            ("priority | gpt-5.6, output, long context", Some("gpt-5.6")),
            ("gpt-audio-mini-2025-12-15 audio, input", Some("gpt-audio-mini-2025-12-15")),
            ("web search tool calls", None),
            (", input", None),
        ] {
            assert_eq!(model_of_line_item(item), model, "{item}");
        }
    }

    #[test]
    fn amounts_are_exact_as_numbers_and_as_texts_in_dollars_and_in_cents() {
        let many =
            [costs("a, input", &json!("0.1234567890123")), costs("a, output", &json!(-0.5)), costs("tools", &json!(2))];
        let days = parsed(&page(&[openai(0, &json!(many))]).to_string(), Biller::OpenAi);
        let costs: Vec<_> = days[0].lines.iter().map(|l| (l.model.as_deref(), l.cost.to_string())).collect();
        assert_eq!(costs, [(None, "2".to_owned()), (Some("a"), "-0.376543210988".to_owned())]);

        let cents = json!([
            {"amount": "123.45", "currency": "USD", "description": "x", "model": "claude-sonnet-4-5-20250929"},
            {"amount": "1000", "currency": "USD", "description": "Web Search Usage", "model": null},
        ]);
        let days = parsed(&anthropic(&cents).to_string(), Biller::Anthropic);
        let costs: Vec<_> = days[0].lines.iter().map(|l| (l.model.as_deref(), l.cost.to_string())).collect();
        assert_eq!(costs, [(None, "10".to_owned()), (Some("claude-sonnet-4-5-20250929"), "1.2345".to_owned())]);
    }

    #[test]
    fn anthropics_input_is_all_of_it() {
        let result = json!([{"uncached_input_tokens": 5, "cache_read_input_tokens": 20, "output_tokens": 3,
            "cache_creation": {"ephemeral_1h_input_tokens": 100, "ephemeral_5m_input_tokens": 1000},
            "model": "claude", "api_key_id": "apikey_1", "server_tool_use": {"web_search_requests": 9}}]);
        let line = &parsed(&anthropic(&result).to_string(), Biller::Anthropic)[0].lines[0];
        assert_eq!((line.input_tokens, line.cached_tokens, line.output_tokens), (1125, 20, 3));
        assert_eq!(line.api_key.as_deref(), Some("apikey_1"));
    }

    #[test]
    fn what_is_no_report_says_where_and_why() {
        let of = |result: Value| page(&[openai(0, &json!([result]))]);
        let changed = |field: &str, value: Value| {
            let mut result = usage("gpt-4o", 1);
            result[field] = value;
            of(result)
        };
        let openai_cases = [
            (json!({}), "page 1: it is no page of a report"),
            (json!([page(&[]), 3]), "page 2: it is no page of a report: an object is expected, not a number"),
            (page(&[]), "the body has no results"),
            (page(&[json!({"results": []})]), "data[0]: it has no start_time, so it is no report of openai"),
            (
                page(&[json!({"start_time": 3600, "end_time": 7200, "results": []})]),
                "from 1970-01-01T01:00:00Z to 1970-01-01T02:00:00Z",
            ),
            (page(&[json!({"start_time": "x", "end_time": 1, "results": []})]), "start_time is \"x\""),
            (
                changed("num_model_requests", json!(-1)),
                "results[0]: num_model_requests is -1; it must be a whole number",
            ),
            (changed("input_tokens", json!("many")), "input_tokens is \"many\""),
            (changed("model", Value::Null), "model is missing; ask with group_by=model"),
            (
                changed("object", json!("organization.usage.vector_stores.result")),
                "object is 'organization.usage.vector_stores.result'",
            ),
            (of(costs("a, input", &json!("much"))), "amount.value is \"much\""),
            (
                of(json!({"object": "organization.costs.result", "amount": {"value": 1, "currency": "usd"}})),
                "group_by=line_item",
            ),
            (
                of(
                    json!({"object": "organization.costs.result", "amount": {"value": 1, "currency": "eur"}, "line_item": "a, b"}),
                ),
                "currency is 'eur'",
            ),
            (
                page(&[openai(0, &json!([usage("a", 1), costs("a, b", &json!(1))]))]),
                "it is of the report costs, the page is of another",
            ),
            (json!([of(usage("a", 1)), of(usage("b", 1))]), "page 2: the day 2026-06-01 of completions is there twice"),
        ];
        for (body, words) in openai_cases {
            refused(&body, Biller::OpenAi, words);
        }
        refused(&of(usage("a", 1)), Biller::Anthropic, "it has no starting_at, so it is no report of anthropic");
        refused(&anthropic(&json!([{"model": "a"}])), Biller::Anthropic, "neither uncached_input_tokens nor an amount");
        let ungrouped = json!([{"amount": "1", "currency": "USD", "description": null, "model": null}]);
        refused(&anthropic(&ungrouped), Biller::Anthropic, "ask with group_by[]=description");
        assert!(parse(b"{\"data\": [", Biller::OpenAi).unwrap_err().to_string().contains("not valid JSON"));
        let twice = of(usage("a", 1));
        assert_eq!(parsed(&json!([twice, twice]).to_string(), Biller::OpenAi).len(), 1);
    }
}
