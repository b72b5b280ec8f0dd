//! What senders post: who may send, the body up to its limit, and the way from what was read into the store.

use std::error::Error;
use std::mem;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::{HeaderMap, StatusCode, header};
use http_body_util::{BodyExt, Collected, LengthLimitError, Limited};

use super::encoding::Decoder;
use crate::directory::Grant;
use crate::engine::Ingested;
use crate::http::access::Caller;
use crate::http::connections::{is_late, late_body};
use crate::http::problem::Problem;
use crate::http::{App, on_a_thread};
use crate::ingest::{BodyError, Context, TokenDefaults};
use crate::model::Batch;

/// How long events wait for room in the writer's queue before their sender is told to come back: less than the 5 s that
/// Python's httpx waits by itself.
pub const PATIENCE: Duration = Duration::from_secs(3);

/// Reading a body of this size takes some 50 µs, which is less than what it costs to wake a thread for it.
const SMALL_BYTES: usize = 16 << 10;

/// A post of somebody who may send.
pub struct Sent {
    pub app: App,
    pub caller: Caller,
    pub headers: HeaderMap,
    body: Body,
    /// How long it was, once it is read.
    bytes: usize,
}

impl FromRequest<App> for Sent {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Sent, Problem> {
        let (mut parts, body) = request.into_parts();
        let caller = Caller::from_request_parts(&mut parts, app).await?;
        caller.may_send()?;
        Ok(Sent { app: app.clone(), caller, headers: parts.headers, body, bytes: 0 })
    }
}

impl Sent {
    /// Whether its token names no API key that usage is counted under.
    pub fn gives_no_key(&self) -> bool {
        token_defaults(&self.caller.grant).api_key_id.is_none()
    }

    /// The body, once.
    pub async fn read(&mut self) -> Result<Bytes, Problem> {
        let body = read(&self.headers, mem::take(&mut self.body), self.app.body_limit).await?;
        self.bytes = body.len();
        Ok(body)
    }

    /// Has a body parsed, a large one on a thread that may take its time. A body that is refused whole is entered into
    /// the intake ledger.
    pub async fn parse<T: Send + 'static>(
        self,
        token: impl for<'s> FnOnce(&'s Sent) -> TokenDefaults<'s> + Send + 'static,
        parse: impl FnOnce(&Context<'_>) -> Result<T, BodyError> + Send + 'static,
    ) -> Result<T, Problem> {
        let (app, small) = (self.app.clone(), self.bytes <= SMALL_BYTES);
        let parse = move || {
            let token = token(&self);
            let context = Context {
                now: self.app.engine.now(),
                prices: &self.app.prices(),
                token,
                kept_since: &|organization| self.app.engine.kept_since(organization),
            };
            parse(&context).map_err(|error| (Box::new(error.refused(token)), error))
        };
        let parsed = if small { parse() } else { on_a_thread(|| Ok::<_, Problem>(parse())).await? };
        or_entered(&app, parsed).await
    }
}

/// What the caller's token is called.
pub fn label(caller: &Caller) -> Option<&str> {
    let token = caller.directory().token(&caller.token_id)?;
    Some(token.label.trim()).filter(|label| !label.is_empty())
}

/// The program that sends, as its user agent has it: `litellm/1.2`, and in parts.
pub fn client(headers: &HeaderMap) -> Option<(&str, &str, Option<&str>)> {
    let agent = headers.get(header::USER_AGENT)?.to_str().ok()?.split_whitespace().next()?;
    let (name, version) = agent.split_once('/').map_or((agent, None), |(name, version)| (name, Some(version)));
    Some((agent, name, version))
}

/// Has a batch written, unless there is nothing in it, once there is room for it.
pub async fn write(app: &App, batch: Batch, patience: Duration) -> Result<Ingested, Problem> {
    if batch.is_empty() {
        return Ok(Ingested::default());
    }
    Ok(app.engine.submit_within(batch, patience).await?.answer().await?)
}

/// What was read; or the refusal of the whole body, after the intake ledger has it. Whether it has is not what the
/// sender asked: one that cannot be written is told all the same.
async fn or_entered<T>(app: &App, read: Result<T, (Box<Batch>, BodyError)>) -> Result<T, Problem> {
    match read {
        Ok(read) => Ok(read),
        Err((entry, error)) => {
            if let Err(problem) = write(app, *entry, PATIENCE).await {
                tracing::debug!(?problem, "a refused body was not entered");
            }
            Err(error.into())
        }
    }
}

/// What the token of a sender settles for its events.
pub fn token_defaults(grant: &Grant) -> TokenDefaults<'_> {
    match grant {
        Grant::Ingest { organization_id, project_id, api_key_id } => TokenDefaults {
            organization_id: Some(organization_id),
            project_id: project_id.as_deref(),
            api_key_id: api_key_id.as_deref(),
            ..TokenDefaults::default()
        },
        Grant::Operator | Grant::User { .. } | Grant::Member { .. } | Grant::Scim { .. } => TokenDefaults::default(),
    }
}

/// Reads a body, plain in the end, up to the limit.
pub async fn read(headers: &HeaderMap, body: Body, limit: usize) -> Result<Bytes, Problem> {
    let unreadable = |error: &(dyn Error + 'static)| {
        let is_too_large = |error: &std::io::Error| error.kind() == std::io::ErrorKind::FileTooLarge;
        if error.is::<LengthLimitError>() || error.downcast_ref().is_some_and(is_too_large) {
            Problem::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                format!("the body is larger than {limit} bytes after decompression; send it in parts"),
            )
        } else if is_late(error) {
            late_body()
        } else {
            Problem::bad_request(format!("the body could not be read: {error}"))
        }
    };
    let mut body = Limited::new(body, limit);
    let Some(mut decoder) = Decoder::of(headers, limit)? else {
        return body.collect().await.map(Collected::to_bytes).map_err(|error| unreadable(&*error));
    };
    while let Some(frame) = body.frame().await {
        if let Ok(part) = frame.map_err(|error| unreadable(&*error))?.into_data() {
            decoder.take(&part).map_err(|error| unreadable(&error))?;
        }
    }
    decoder.finish().map(Bytes::from).map_err(|error| unreadable(&error))
}
