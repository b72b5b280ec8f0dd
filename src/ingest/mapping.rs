//! Rows of other programs' exports, rewritten as events: which of their columns holds which field.
//!
//! A row is a JSON object; one of CSV is an object of texts. Values are carried over as they are written, so that
//! amounts stay exact; only what says the same in another way (`t` for true, a time without a zone) is put in ours.

use std::borrow::Cow;
use std::collections::HashMap;

use serde_json::value::RawValue;

use super::BodyError;
use super::csv::{BARE, KNOWN, quoted};
use super::json::{each, object};
use super::langfuse;
use super::number::parse_whole;
use crate::model::PicoUsd;

/// Where each field of an event comes from.
#[derive(Debug, Clone)]
pub struct Mapping {
    /// Of several columns for one field, the first that has a value.
    columns: Vec<(String, String)>,
    constants: Vec<(String, String)>,
    /// A cost of 0 for tokens that no cache answered means that the price was not known.
    zero_is_unknown: bool,
    /// Rows are Langfuse's observations, of which some are no calls.
    observations: bool,
}

/// Rows so far.
#[derive(Debug, Default)]
pub struct Rows {
    pub read: usize,
    /// Of these, those that stand for no call of a model.
    pub skipped: usize,
}

/// Exports whose columns are known.
pub const FORMATS: [(&str, &[(&str, &str)]); 5] = [
    ("litellm-spend-logs", LITELLM_SPEND_LOGS),
    ("llmgateway-log", LLMGATEWAY_LOG),
    ("openrouter", OPENROUTER),
    ("langfuse", langfuse::COLUMNS),
    ("helicone", HELICONE),
];

/// LiteLLM's table of spend logs.
const LITELLM_SPEND_LOGS: &[(&str, &str)] = &[
    ("id", "request_id"),
    ("timestamp", "startTime"),
    ("organizationId", "organization_id"),
    ("projectId", "team_id"),
    ("apiKeyId", "api_key"),
    ("usedModel", "model"),
    ("usedProvider", "custom_llm_provider"),
    ("promptTokens", "prompt_tokens"),
    ("completionTokens", "completion_tokens"),
    ("totalTokens", "total_tokens"),
    ("cachedTokens", "metadata.usage_object.prompt_tokens_details.cached_tokens"),
    ("cacheWriteTokens", "metadata.usage_object.prompt_tokens_details.cache_creation_tokens"),
    ("reasoningTokens", "metadata.usage_object.completion_tokens_details.reasoning_tokens"),
    ("cost", "spend"),
    ("cached", "cache_hit"),
    ("hasError", "status"),
];

/// The table `log` of LLM Gateway.
const LLMGATEWAY_LOG: &[(&str, &str)] = &[
    ("id", "id"),
    ("timestamp", "created_at"),
    ("organizationId", "organization_id"),
    ("projectId", "project_id"),
    ("apiKeyId", "api_key_id"),
    ("usedModel", "used_model"),
    ("usedProvider", "used_provider"),
    ("source", "source"),
    ("promptTokens", "prompt_tokens"),
    ("completionTokens", "completion_tokens"),
    ("totalTokens", "total_tokens"),
    ("cachedTokens", "cached_tokens"),
    ("cacheWriteTokens", "cache_write_tokens"),
    ("reasoningTokens", "reasoning_tokens"),
    ("cost", "cost"),
    ("hasError", "has_error"),
    ("cached", "cached"),
    ("streamed", "streamed"),
    ("finishReason", "unified_finish_reason"),
    ("usedMode", "used_mode"),
];

/// Generations of OpenRouter, which bills by native tokens.
const OPENROUTER: &[(&str, &str)] = &[
    ("id", "id"),
    ("timestamp", "created_at"),
    ("usedModel", "model"),
    ("usedProvider", "provider_name"),
    ("source", "http_referer"),
    ("promptTokens", "native_tokens_prompt"),
    ("promptTokens", "tokens_prompt"),
    ("completionTokens", "native_tokens_completion"),
    ("completionTokens", "tokens_completion"),
    ("cachedTokens", "native_tokens_cached"),
    ("reasoningTokens", "native_tokens_reasoning"),
    ("cost", "total_cost"),
    ("cost", "usage"),
    ("streamed", "streamed"),
    ("finishReason", "finish_reason"),
];

/// Requests of Helicone.
const HELICONE: &[(&str, &str)] = &[
    ("id", "request_id"),
    ("timestamp", "request_created_at"),
    ("usedModel", "model"),
    ("usedProvider", "provider"),
    ("promptTokens", "prompt_tokens"),
    ("completionTokens", "completion_tokens"),
    ("cachedTokens", "prompt_cache_read_tokens"),
    ("cacheWriteTokens", "prompt_cache_write_tokens"),
    ("cost", "cost"),
    ("hasError", "response_status"),
];

impl Default for Mapping {
    /// Columns that are named as the fields are.
    fn default() -> Mapping {
        Mapping::of(BARE.iter().chain(&KNOWN).map(|field| (*field, *field)))
    }
}

impl Mapping {
    fn of<'a>(columns: impl Iterator<Item = (&'a str, &'a str)>) -> Mapping {
        let columns = columns.map(|(field, column)| (field.to_owned(), column.to_owned())).collect();
        Mapping { columns, constants: Vec::new(), zero_is_unknown: false, observations: false }
    }

    /// The columns of a known export.
    pub fn of_format(name: &str) -> Option<Mapping> {
        let (_, columns) = FORMATS.into_iter().find(|(known, _)| *known == name)?;
        let observations = name == "langfuse";
        let zero_is_unknown = observations || name == "litellm-spend-logs";
        Some(Mapping { zero_is_unknown, observations, ..Mapping::of(columns.iter().copied()) })
    }

    /// Takes a field from a column, whatever it was taken from before. `a.b` is the field `b` of the object in `a`.
    pub fn map(&mut self, field: &str, column: &str) -> Result<(), String> {
        known(field)?;
        self.columns.retain(|(mapped, _)| mapped != field);
        self.columns.push((field.to_owned(), column.to_owned()));
        Ok(())
    }

    /// Gives a field a value where the row has none; `{row}` stands for the number of the row.
    pub fn set(&mut self, field: &str, value: &str) -> Result<(), String> {
        known(field)?;
        self.constants.retain(|(set, _)| set != field);
        self.constants.push((field.to_owned(), value.to_owned()));
        Ok(())
    }

    /// The events of rows, an array of objects or one a line, as lines. `so_far` counts rows on.
    pub fn rewrite(&self, rows: &[u8], is_array: bool, so_far: &mut Rows) -> Result<Vec<u8>, BodyError> {
        let mut out = Vec::with_capacity(rows.len());
        let mut write = |text: &str| {
            so_far.read += 1;
            if !self.write(text, so_far.read, &mut out) {
                so_far.skipped += 1;
            }
        };
        if is_array {
            each(rows, |element| {
                write(element.get());
                Ok::<(), ()>(())
            })?
            .expect("nothing fails");
        } else {
            let lines = rows.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).filter(|line| !line.is_empty());
            lines.for_each(|line| write(&String::from_utf8_lossy(line)));
        }
        Ok(out)
    }

    /// Appends the event of a row to `out`, as a line of JSON; false when the row stands for none.
    ///
    /// What is no object becomes a line that is no event, so that it is counted and named like any bad event.
    fn write(&self, row: &str, number: usize, out: &mut Vec<u8>) -> bool {
        let fields: HashMap<Cow<'_, str>, &RawValue> = match object(row) {
            Ok(fields) => fields,
            Err(error) => {
                out.extend_from_slice(quoted(&format!("not a row: {error}")).as_bytes());
                out.push(b'\n');
                return true;
            }
        };
        if self.observations && !langfuse::is_call(&fields) {
            return false;
        }
        let mut event: Vec<(&str, String)> = Vec::new();
        for (field, column) in &self.columns {
            if event.iter().all(|(filled, _)| filled != field)
                && let Some(value) = find(&fields, column).and_then(|value| translate(field, &value))
            {
                event.push((field, value));
            }
        }
        if self.observations {
            for (field, tokens) in langfuse::tokens(&fields) {
                if event.iter().all(|(filled, _)| *filled != field) {
                    event.push((field, tokens));
                }
            }
        }
        for (field, value) in &self.constants {
            if event.iter().all(|(filled, _)| filled != field) {
                let value = quoted(&value.replace("{row}", &number.to_string()));
                event.push((field, translate(field, &value).unwrap_or(value)));
            }
        }
        let has = |field, value: fn(&str) -> bool| event.iter().any(|(filled, text)| *filled == field && value(text));
        let is_zero = |text: &str| PicoUsd::parse_event_cost(text) == Ok(PicoUsd::ZERO);
        if self.zero_is_unknown
            && has("cost", is_zero)
            && has("promptTokens", |text| text != "0")
            && !has("cached", |text| text == "true")
        {
            event.retain(|(field, _)| *field != "cost");
        }
        let event: Vec<String> = event.iter().map(|(field, value)| format!("\"{field}\":{value}")).collect();
        out.extend_from_slice(format!("{{{}}}\n", event.join(",")).as_bytes());
        true
    }
}

fn known(field: &str) -> Result<(), String> {
    let all = || BARE.into_iter().chain(KNOWN);
    if all().any(|known| known == field) {
        return Ok(());
    }
    let mut all: Vec<&str> = all().collect();
    all.sort_unstable();
    Err(format!("an event has no field '{field}'; it has {}", all.join(", ")))
}

/// The text of the JSON value at a path. An object may be text itself, as in a column of a table.
fn find(fields: &HashMap<Cow<'_, str>, &RawValue>, path: &str) -> Option<String> {
    if let Some(value) = fields.get(path) {
        return Some(value.get().to_owned());
    }
    let (first, rest) = path.split_once('.')?;
    find(&object(&unquoted(fields.get(first)?.get())?).ok()?, rest)
}

/// The text that a JSON string says; of other values the text that they are.
pub(super) fn unquoted(value: &str) -> Option<Cow<'_, str>> {
    if value.starts_with('"') { serde_json::from_str::<String>(value).ok().map(Cow::from) } else { Some(value.into()) }
}

/// A value as an event has it; `None` where there is none.
pub(super) fn translate(field: &str, value: &str) -> Option<String> {
    let text: Cow<'_, str> = match value {
        "null" => return None,
        text if text.starts_with('"') => serde_json::from_str::<String>(text).ok()?.trim().to_owned().into(),
        other => other.into(),
    };
    if text.is_empty() {
        return None;
    }
    Some(match field {
        "hasError" => (is_error(&text)?).to_string(),
        "cached" | "streamed" => match text.to_ascii_lowercase().as_str() {
            "true" | "t" | "1" | "yes" => "true".into(),
            "false" | "f" | "0" | "no" | "none" => return None,
            _ => value.to_owned(),
        },
        "timestamp" => time(&text).unwrap_or_else(|| quoted(&text)),
        bare if BARE.contains(&bare) && serde_json::from_str::<serde_json::Number>(&text).is_ok() => text.into_owned(),
        _ => quoted(&text),
    })
}

/// Whether a status or a level is that of an error: HTTP codes from 400 on, or words.
fn is_error(text: &str) -> Option<bool> {
    if let Ok(code) = text.parse::<i64>() {
        return Some(code == 1 || !(0..400).contains(&code));
    }
    Some(matches!(text.to_ascii_lowercase().as_str(), "true" | "t" | "yes" | "failure" | "failed" | "error"))
}

/// A time as JSON: seconds become milliseconds, and a time without a zone is one of UTC.
fn time(text: &str) -> Option<String> {
    // Until 5138 seconds have at most eleven digits, and from 1973 on milliseconds have twelve.
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if let Some(number) = parse_whole(whole) {
        if whole.len() > 11 {
            return Some(number.to_string());
        }
        let digits = fraction.bytes().all(|digit| digit.is_ascii_digit());
        return digits.then(|| format!("{whole}{:0<3.3}", fraction));
    }
    let mut at = text.replacen(' ', "T", 1);
    let clock = at.split_once('T')?.1;
    if let Some(zone) = clock.find(['+', '-']) {
        // PostgreSQL writes +00 for +00:00.
        if clock.len() - zone == 3 {
            at.push_str(":00");
        }
    } else if !clock.ends_with(['Z', 'z']) {
        at.push('Z');
    }
    Some(quoted(&at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(mapping: &Mapping, row: &str, expected: &str) {
        let mut out = Vec::new();
        mapping.write(row, 7, &mut out);
        assert_eq!(String::from_utf8(out).unwrap(), format!("{expected}\n"));
    }

    #[test]
    fn columns_become_fields() {
        let mut mapping = Mapping::of([].into_iter());
        for (field, column) in [("cost", "price"), ("timestamp", "at"), ("cachedTokens", "meta.usage.cached")] {
            mapping.map(field, column).unwrap();
        }
        mapping.set("id", "june-{row}").unwrap();
        mapping.set("promptTokens", "5").unwrap();
        check(
            &mapping,
            r#"{"price": 0.12345678901234567890, "at": "2026-06-01 10:00:00", "meta": {"usage": {"cached": 3}}, "x": 1}"#,
            r#"{"cost":0.12345678901234567890,"timestamp":"2026-06-01T10:00:00Z","cachedTokens":3,"id":"june-7","promptTokens":5}"#,
        );
        check(
            &mapping,
            r#"{"price": "", "at": null, "meta": "{\"usage\": {\"cached\": \"3\"}}"}"#,
            r#"{"cachedTokens":3,"id":"june-7","promptTokens":5}"#,
        );
        check(&mapping, "[1]", r#""not a row: an object is expected, not an array""#);
        assert!(
            mapping.map("price", "cost").unwrap_err().contains("no field 'price'; it has apiKeyId, cacheWriteTokens,")
        );
    }

    #[test]
    fn a_spend_log_without_a_price_says_so() {
        let mapping = Mapping::of_format("litellm-spend-logs").unwrap();
        let row = |spend: &str, tokens: u64, hit: &str| {
            format!(r#"{{"request_id":"a","spend":"{spend}","prompt_tokens":"{tokens}","cache_hit":"{hit}"}}"#)
        };
        check(&mapping, &row("0.0", 5, ""), r#"{"id":"a","promptTokens":5}"#);
        check(&mapping, &row("0.0", 0, ""), r#"{"id":"a","promptTokens":0,"cost":0.0}"#);
        check(&mapping, &row("0", 5, "True"), r#"{"id":"a","promptTokens":5,"cost":0,"cached":true}"#);
        check(&mapping, &row("0.1", 5, "False"), r#"{"id":"a","promptTokens":5,"cost":0.1}"#);
    }

    #[test]
    fn rows_are_numbered_across_bodies() {
        let mut mapping = Mapping::default();
        mapping.set("id", "r{row}").unwrap();
        let mut rows = Rows::default();
        let lines = mapping.rewrite(b"{\"count\":2}\n\n{\"count\":3}\n", false, &mut rows).unwrap();
        assert_eq!(lines, b"{\"count\":2,\"id\":\"r1\"}\n{\"count\":3,\"id\":\"r2\"}\n");
        assert_eq!(mapping.rewrite(b"[{}]", true, &mut rows).unwrap(), b"{\"id\":\"r3\"}\n");
        assert!(mapping.rewrite(b"[{}", true, &mut rows).is_err());
    }

    #[test]
    fn the_same_said_differently() {
        for (field, value, expected) in [
            ("timestamp", r#""2026-06-01T10:00:00.5+02:00""#, Some(r#""2026-06-01T10:00:00.5+02:00""#)),
            ("timestamp", r#""2026-06-01 10:00:00.123456+00""#, Some(r#""2026-06-01T10:00:00.123456+00:00""#)),
            ("timestamp", "1780315200.25", Some("1780315200250")),
            ("timestamp", "1780315200", Some("1780315200000")),
            ("timestamp", "1780315200123", Some("1780315200123")),
            ("timestamp", r#""yesterday""#, Some(r#""yesterday""#)),
            ("hasError", r#""failure""#, Some("true")),
            ("hasError", r#""success""#, Some("false")),
            ("hasError", r#""DEFAULT""#, Some("false")),
            ("hasError", "429", Some("true")),
            ("hasError", r#""200""#, Some("false")),
            ("hasError", r#""f""#, Some("false")),
            ("cached", r#""True""#, Some("true")),
            ("cached", r#""None""#, None),
            ("promptTokens", r#""12""#, Some("12")),
            ("cost", r#""n/a""#, Some(r#""n/a""#)),
            ("id", "17", Some(r#""17""#)),
            ("source", r#"" ""#, None),
        ] {
            assert_eq!(translate(field, value).as_deref(), expected, "{field} {value}");
        }
    }

    #[test]
    fn formats_name_fields_that_events_have() {
        for (name, columns) in FORMATS {
            assert!(columns.iter().all(|(field, _)| known(field).is_ok()), "{name}");
            assert!(["id", "timestamp", "usedModel"].iter().all(|must| columns.iter().any(|(field, _)| field == must)));
        }
    }
}
