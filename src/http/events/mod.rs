//! `POST /v1/events`.

pub mod feeds;
pub mod wire;

use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};

use self::wire::{IngestAnswer, RejectedEvent};
use super::access::Caller;
use super::connections::{is_late, late_body};
use super::problem::{Problem, SendRefusals};
use super::{App, on_a_thread};
use crate::directory::Grant;
use crate::engine::Ingested;
use crate::ingest::{self, BodyError, Context, Parsed, SentBy, TokenDefaults};
use crate::model::Batch;

/// How long events wait for room in the writer's queue before their sender is told to come back: less than the 5 s that
/// Python's httpx waits by itself.
pub(super) const PATIENCE: Duration = Duration::from_secs(3);

/// Sends usage events.
///
/// A JSON array, a single object or NDJSON, optionally compressed with gzip or zstd. Answered once the accepted events
/// are durable. A bad event is named and skipped; the others are taken. For operator and ingest tokens.
#[utoipa::path(
    post, path = "/v1/events", tag = "events",
    request_body(content = String, content_type = "application/json", description = "Events; see docs/events.md"),
    responses(
        (status = 200, body = IngestAnswer),
        SendRefusals,
    ),
)]
pub async fn post_events(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<IngestAnswer>, Problem> {
    caller.may_send()?;
    let format = Format::of(&headers)?;
    let body = read(&headers, body, app.body_limit).await?;
    let shared = app.clone();
    let parsed = on_a_thread(move || {
        let token = token_of(&caller, &headers);
        let context = Context {
            now: shared.engine.now(),
            prices: &shared.prices(),
            token,
            kept_since: &|organization| shared.engine.kept_since(organization),
        };
        let parsed = match format {
            Format::Json => ingest::parse_json(&body, &context),
            Format::Lines => ingest::parse_ndjson(&body, &context),
        };
        Ok::<_, Problem>(parsed.map_err(|error| (error.refused(token), error)))
    });
    let Parsed { batch, rejected } = or_entered(&app, parsed.await?).await?;
    app.counters.rejected_events.fetch_add(rejected.len() as u64, Ordering::Relaxed);
    let rejected = rejected.into_iter().map(RejectedEvent::from).collect();
    let Ingested { accepted, completed, duplicates } = write(&app, batch, PATIENCE).await?;
    Ok(Json(IngestAnswer { accepted, completed, duplicates, rejected }))
}

/// What a token settles for events that come without a format of their own, and whose they are in the intake ledger.
pub(super) fn token_of<'a>(caller: &'a Caller, headers: &'a HeaderMap) -> TokenDefaults<'a> {
    let version = client(headers).map(|client| client.0);
    let sender = SentBy { name: label(caller).unwrap_or(UNLABELLED), version };
    TokenDefaults { sender, ..token_defaults(&caller.grant) }
}

/// The sender of events whose token has no label.
const UNLABELLED: &str = "api";

/// What the caller's token is called.
pub(super) fn label(caller: &Caller) -> Option<&str> {
    let token = caller.directory().token(&caller.token_id)?;
    Some(token.label.trim()).filter(|label| !label.is_empty())
}

/// The program that sends, as its user agent has it: `litellm/1.2`, and in parts.
pub(super) fn client(headers: &HeaderMap) -> Option<(&str, &str, Option<&str>)> {
    let agent = headers.get(header::USER_AGENT)?.to_str().ok()?.split_whitespace().next()?;
    let (name, version) = agent.split_once('/').map_or((agent, None), |(name, version)| (name, Some(version)));
    Some((agent, name, version))
}

/// Has a batch written, unless there is nothing in it, once there is room for it.
pub(super) async fn write(app: &App, batch: Batch, patience: Duration) -> Result<Ingested, Problem> {
    if batch.is_empty() {
        return Ok(Ingested::default());
    }
    Ok(app.engine.submit_within(batch, patience).await?.answer().await?)
}

/// What was read; or the refusal of the whole body, after the intake ledger has it. Whether it has is not what the
/// sender asked: one that cannot be written is told all the same.
pub(super) async fn or_entered<T>(app: &App, read: Result<T, (Batch, BodyError)>) -> Result<T, Problem> {
    match read {
        Ok(read) => Ok(read),
        Err((entry, error)) => {
            if let Err(problem) = write(app, entry, PATIENCE).await {
                tracing::debug!(?problem, "a refused body was not entered");
            }
            Err(error.into())
        }
    }
}

#[derive(Clone, Copy)]
enum Format {
    Json,
    Lines,
}

impl Format {
    fn of(headers: &HeaderMap) -> Result<Format, Problem> {
        let Some(value) = headers.get(header::CONTENT_TYPE) else { return Ok(Format::Json) };
        let text = value.to_str().unwrap_or("(not text)");
        let essence = text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        match essence.as_str() {
            "application/json" => Ok(Format::Json),
            "application/x-ndjson" | "application/ndjson" | "application/jsonl" | "application/x-jsonlines" => {
                Ok(Format::Lines)
            }
            _ => Err(Problem::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                format!("content type '{text}' is not taken; send application/json or application/x-ndjson"),
            )),
        }
    }
}

/// What the token of a sender settles for its events.
pub(super) fn token_defaults(grant: &Grant) -> TokenDefaults<'_> {
    match grant {
        Grant::Ingest { organization_id, project_id, api_key_id } => TokenDefaults {
            organization_id: Some(organization_id),
            project_id: project_id.as_deref(),
            api_key_id: api_key_id.as_deref(),
            ..TokenDefaults::default()
        },
        Grant::Operator | Grant::User { .. } => TokenDefaults::default(),
    }
}

/// Reads a body, already decompressed, up to the limit.
pub(super) async fn read(headers: &HeaderMap, body: Body, limit: usize) -> Result<Bytes, Problem> {
    // What the decompressing layer understood it has taken away.
    if let Some(encoding) = headers.get(header::CONTENT_ENCODING).filter(|value| *value != "identity") {
        return Err(Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            format!("content encoding {encoding:?} is not taken; send gzip, zstd or none"),
        ));
    }
    match Limited::new(body, limit).collect().await {
        Ok(whole) => Ok(whole.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("the body is larger than {limit} bytes after decompression; send it in parts"),
        )),
        Err(error) if is_late(&*error) => Err(late_body()),
        Err(error) => Err(Problem::bad_request(format!("the body could not be read: {error}"))),
    }
}
