//! Claude Code's log records: one for each request that was answered, one for each prompt that came to nothing. Its spans
//! tell of the same requests.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::attributes::{self as names, AnyValue, Attributes, Value, any_value};
use super::operation::{Kind, Operation};
use super::protobuf::{Field, fields};
use super::span::{Span, Traced};
use super::{NO_CALL, NO_USAGE, Options, Raw, ReadCall, ms_of_nanos, nanos_of_json};
use crate::ingest::Context;
use crate::ingest::call::{Call, Ending, Said};
use crate::ingest::event::{missing, text};
use crate::ingest::json::{object, present};
use crate::ingest::usage::{Figures, Habits, Place};
use crate::model::PicoUsd;

/// The app its usage is shown under.
const APP: &str = "claude-code";
const PROVIDER: &str = "anthropic";
/// What its spans are made by.
pub(super) const SCOPE: &str = "com.anthropic.claude_code.tracing";

/// What is read of a log record.
struct Record<'a> {
    end_nanos: u64,
    body: Option<Value<'a>>,
    event_name: Option<Cow<'a, str>>,
    attributes: Attributes<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RecordFields<'a> {
    #[serde(borrow, alias = "time_unix_nano")]
    time_unix_nano: Option<&'a RawValue>,
    #[serde(borrow, alias = "observed_time_unix_nano")]
    observed_time_unix_nano: Option<&'a RawValue>,
    #[serde(borrow)]
    body: Option<&'a RawValue>,
    #[serde(borrow, alias = "event_name")]
    event_name: Option<&'a RawValue>,
    #[serde(borrow)]
    attributes: Option<&'a RawValue>,
}

/// The call a record reports and what it says about who made it, or why it reports none.
pub(super) fn read<'a>(
    record: Raw<'a>,
    resource: &Attributes<'a>,
    options: &'a Options,
    context: &Context<'_>,
) -> ReadCall<'a> {
    let record = match record {
        Raw::Protobuf(message) => Record::read_protobuf(message, &options.projects)?,
        Raw::Json(value) => Record::read_json(value, &options.projects)?,
    };
    let Some(failed) = record.failed_request() else { return Ok(Err(NO_USAGE)) };
    let attributes = &record.attributes;
    if record.end_nanos == 0 {
        return Err(missing("timeUnixNano"));
    }
    // Reported when the request has ended.
    let took_ms = attributes.count(&["duration_ms"])?.unwrap_or(0);
    let status = attributes.count(&["status_code"])?.and_then(|status| u16::try_from(status).ok());
    let figures = figures(attributes)?;
    let call = Call {
        id: record.id()?,
        start: ms_of_nanos(record.end_nanos).saturating_sub(took_ms as i64),
        tokens: figures.read(HABITS),
        // 0 for models that it knows no price of.
        cost: attributes.money(&["cost_usd"])?.filter(|cost| *cost != PicoUsd::ZERO),
        ending: if failed { Ending::of_status(status) } else { Ending::Answered },
        ..Call::default()
    };
    Ok(Ok(of_person(call, attributes, resource, options, context)))
}

/// The request that one of its spans traces: the same that its log records report, under the same id. Of a request that
/// failed only they have the end.
pub(super) fn trace<'a>(
    span: &Span<'a>,
    resource: &Attributes<'a>,
    options: &'a Options,
    context: &Context<'_>,
) -> Result<Result<(Traced<'a>, Said<'a>), &'static str>, String> {
    let attributes = &span.attributes;
    let is_call = matches!(span.operation(), Some(Operation::Call(_)));
    let Some(request) = attributes.text(&["request_id"]).filter(|_| is_call && !span.failed()) else {
        return Ok(Err(NO_CALL));
    };
    if span.start_nanos == 0 {
        return Err(missing("startTimeUnixNano"));
    }
    let figures = figures(attributes)?;
    let call = Call {
        id: id_of(&request),
        start: ms_of_nanos(span.start_nanos),
        tokens: figures.read(HABITS),
        ..Call::default()
    };
    let (call, said) = of_person(call, attributes, resource, options, context);
    Ok(Ok((Traced { call, kind: Kind::Text, is_read: false, figures, client: HABITS }, said)))
}

/// Puts in who made a call, and what all of its calls have in common.
fn of_person<'a>(
    call: Call<'a>,
    attributes: &Attributes<'a>,
    resource: &Attributes<'a>,
    options: &'a Options,
    context: &Context<'_>,
) -> (Call<'a>, Said<'a>) {
    let email = attributes.text(&["user.email"]).or_else(|| resource.text(&["user.email"]));
    let person = email.clone().or_else(|| attributes.text(&["user.id"])).or_else(|| resource.text(&["user.id"]));
    let key_of = person.filter(|_| options.key_by_person);
    // It is the account's id at Anthropic: no name of ours, so a token of one organization settles which it is.
    let organization = attributes.text(names::ORGANIZATION).or_else(|| resource.text(names::ORGANIZATION));
    let organization = organization.filter(|_| context.token.organization_id.is_none());
    let call = Call {
        organization,
        project: attributes.project().or_else(|| resource.project()),
        api_key: key_of.as_ref().map(|person| Cow::Owned(format!("{APP}:{person}"))),
        model: attributes.text(&["model"]),
        provider: Some(Cow::Borrowed(PROVIDER)),
        source: Some(Cow::Borrowed(APP)),
        ..call
    };
    let said = match key_of {
        None => Said::default(),
        Some(person) => Said {
            api_key: Some(Cow::Owned(format!("Claude Code, {person}"))),
            user: Some(person),
            email,
            ..Said::default()
        },
    };
    (call, said)
}

fn id_of(request: &str) -> String {
    format!("claude-code\n{request}")
}

/// Its `input_tokens` leave out what was read from and written to the cache.
const HABITS: Habits = Habits { cache: Place::Beside, reasoning: Place::Usual };

fn figures(attributes: &Attributes<'_>) -> Result<Figures, String> {
    let count = |name| attributes.count(&[name]);
    Ok(Figures {
        input: count("input_tokens")?,
        output: count("output_tokens")?,
        cached: count("cache_read_tokens")?,
        cache_write: count("cache_creation_tokens")?,
        cache_write_1h: count("cache_creation_1h_tokens")?,
        ..Figures::default()
    })
}

impl<'a> Record<'a> {
    fn read_protobuf(message: &'a [u8], projects: &'a [String]) -> Result<Record<'a>, String> {
        let broken = |error| format!("a log record could not be read: {error}");
        let mut record = Record { end_nanos: 0, body: None, event_name: None, attributes: Attributes::new(projects) };
        for field in fields(message) {
            match field.map_err(broken)? {
                (1, Field::Fixed64(nanos)) if nanos > 0 => record.end_nanos = nanos,
                // When it was observed, for want of anything better.
                (11, Field::Fixed64(nanos)) if record.end_nanos == 0 => record.end_nanos = nanos,
                (5, Field::Bytes(body)) => record.body = any_value(body).map_err(broken)?,
                (6, Field::Bytes(pair)) => record.attributes.take_protobuf(pair).map_err(broken)?,
                (12, Field::Bytes(name)) => {
                    record.event_name = std::str::from_utf8(name).ok().map(Cow::Borrowed);
                }
                _ => {}
            }
        }
        Ok(record)
    }

    fn read_json(value: &'a RawValue, projects: &'a [String]) -> Result<Record<'a>, String> {
        let broken = |error| format!("a log record could not be read: {error}");
        let fields: RecordFields<'a> = object(value.get()).map_err(broken)?;
        let mut attributes = Attributes::new(projects);
        if let Some(list) = present(fields.attributes) {
            attributes.take_json(list).map_err(broken)?;
        }
        let body = present(fields.body).map(|body| object::<AnyValue<'a>>(body.get()));
        let end = nanos_of_json(fields.time_unix_nano).filter(|nanos| *nanos > 0);
        Ok(Record {
            end_nanos: end.or(nanos_of_json(fields.observed_time_unix_nano)).unwrap_or(0),
            body: body.transpose().map_err(broken)?.and_then(|body| body.value()),
            event_name: present(fields.event_name).and_then(|name| text("eventName", name).ok()),
            attributes,
        })
    }

    /// Whether it reports a request that failed or one that was answered; `None` when it reports something else.
    fn failed_request(&self) -> Option<bool> {
        let body = match &self.body {
            Some(Value::Text(body)) => Some(body.as_ref()),
            _ => None,
        };
        match self.event_name.as_deref().or(body)? {
            "claude_code.api_request" => Some(false),
            "claude_code.api_error" => Some(true),
            _ => None,
        }
    }

    /// The provider's id of the request; where it gave none, the session and the place in it.
    fn id(&self) -> Result<String, String> {
        let text = |name| self.attributes.text(&[name]);
        if let Some(request) = text("request_id") {
            return Ok(id_of(&request));
        }
        match (text("session.id"), text("event.sequence")) {
            (Some(session), Some(sequence)) => Ok(format!("claude-code\n{session}\n{sequence}")),
            _ => Err("request_id is missing, and so is session.id or event.sequence".into()),
        }
    }
}
