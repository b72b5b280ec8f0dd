//! `POST /v1/events`.

mod encoding;
pub mod feeds;
mod sent;
pub mod wire;

use std::sync::atomic::Ordering;

use axum::Json;
use axum::http::{HeaderMap, StatusCode, header};

pub use self::sent::{PATIENCE, read, write};
use self::sent::{Sent, client, label, token_defaults};
use self::wire::{EventsBody, IngestAnswer, RejectedEvent};
use super::access::Caller;
use super::problem::Problem;
use crate::engine::Ingested;
use crate::ingest::{self, Parsed, SentBy, TokenDefaults};

/// Sends usage events.
///
/// A JSON array, a single object or NDJSON, optionally compressed with gzip or zstd. Answered once the accepted events
/// are durable. A bad event is named and skipped; the others are taken. For operator and ingest tokens.
#[utoipa::path(
    post, path = "/v1/events", tag = "events",
    request_body(
        content(
            (EventsBody = "application/json"),
            (String = "application/x-ndjson"),
        ),
        description = "Events; as NDJSON one in each line",
    ),
    responses(
        (status = 200, body = IngestAnswer),
    ),
)]
pub async fn post_events(mut sent: Sent) -> Result<Json<IngestAnswer>, Problem> {
    let format = Format::of(&sent.headers)?;
    let (app, body) = (sent.app.clone(), sent.read().await?);
    let parsed = sent.parse(
        |sent| token_of(&sent.caller, &sent.headers),
        move |context| match format {
            Format::Json => ingest::parse_json(&body, context),
            Format::Lines => ingest::parse_ndjson(&body, context),
        },
    );
    let Parsed { batch, rejected } = parsed.await?;
    app.counters.rejected_events.fetch_add(rejected.len() as u64, Ordering::Relaxed);
    let rejected = rejected.into_iter().map(RejectedEvent::from).collect();
    let Ingested { accepted, completed, duplicates } = write(&app, batch, PATIENCE).await?;
    Ok(Json(IngestAnswer { accepted, completed, duplicates, rejected }))
}

/// What a token settles for events that come without a format of their own, and whose they are in the intake ledger.
pub fn token_of<'a>(caller: &'a Caller, headers: &'a HeaderMap) -> TokenDefaults<'a> {
    let version = client(headers).map(|client| client.0);
    let sender = SentBy { name: label(caller).unwrap_or(UNLABELLED), version };
    TokenDefaults { sender, ..token_defaults(&caller.grant) }
}

/// The sender of events whose token has no label.
const UNLABELLED: &str = "api";

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
