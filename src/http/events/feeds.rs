//! The endpoints of other senders: LiteLLM, LLM Gateway, and whatever speaks OTLP.
//!
//! They differ from `/v1/events` in what they read and, for OTLP, in what they answer; who may send, when the answer is
//! sent and what a duplicate is are the same.

use std::borrow::Cow;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Json;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::sent::{PATIENCE, Sent, client, label, token_defaults, write};
use super::wire::{FeedAnswer, RejectedEvent};
use crate::directory::{Change, Learnt, LearntKey, LearntName, LearntPerson, is_signed};
use crate::engine::Ingested;
use crate::http::access::bearer;
use crate::http::body::Binary;
use crate::http::metrics::exposition::{Exposition, Kind};
use crate::http::problem::Problem;
use crate::http::{App, on_a_thread};
use crate::ingest::litellm::Project;
use crate::ingest::otlp::{Encoding, Options};
use crate::ingest::{
    BodyError, Context, Names, Parsed, Reading, SentBy, TokenDefaults, litellm, llmgateway, otlp, transcripts,
};

/// What counts as the project, as whoever sets a sender up may say in a header that it sends along.
const PROJECT_FROM: &str = "x-rollcall-project-from";
/// Names in that header.
const MAX_PROJECT_FROM: usize = 16;
/// LLM Gateway's signature of a post.
const SIGNATURE: &str = "x-llmgateway-signature";
/// The project of usage for which neither the sender nor the token names one.
const DEFAULT_PROJECT: &str = "default";
/// Exporters of OTLP give a post 10 s by default, and some of them (Codex's, Copilot's) do not repeat it: so its records
/// wait for most of that, which leaves time to write them.
const OTLP_PATIENCE: Duration = Duration::from_secs(6);
/// Rejections told to a sender of OTLP, which has room for one text.
const TOLD: usize = 3;

/// Takes what LiteLLM's `generic_api` callback posts.
///
/// All three of its log formats: `json_array`, `ndjson` and `single`. For operator and ingest tokens. See
/// docs/feeds.md.
#[utoipa::path(
    post, path = "/v1/ingest/litellm", tag = "events",
    params(("x-rollcall-project-from" = Option<String>, Header, description = "What counts as the project: `project`, `team`, or both in the order in which they are looked for; default `project,team`")),
    request_body(content = Value, content_type = "application/json", description = "StandardLoggingPayload objects"),
    responses(
        (status = 200, body = FeedAnswer),
    ),
)]
pub async fn post_litellm(mut sent: Sent) -> Result<Json<FeedAnswer>, Problem> {
    let projects = litellm_projects(&sent.headers)?;
    let body = sent.read().await?;
    take(sent, Feed::LiteLlm, move |context| litellm::parse(&body, &projects, context)).await.map(Json)
}

/// Takes the events of LLM Gateway's data stream.
///
/// Its test event is answered and not counted. A post that is signed must be signed with the ingest token as the
/// secret. For operator and ingest tokens. See docs/feeds.md.
#[utoipa::path(
    post, path = "/v1/ingest/llmgateway", tag = "events",
    params(("x-llmgateway-signature" = Option<String>, Header, description = "`t=SECONDS,v1=HEX`, the HMAC-SHA256 of `SECONDS.BODY`")),
    request_body(content = Value, content_type = "application/json", description = "A batch of request_log events"),
    responses(
        (status = 200, body = FeedAnswer),
    ),
)]
pub async fn post_llmgateway(mut sent: Sent) -> Result<Json<FeedAnswer>, Problem> {
    let body = sent.read().await?;
    let (headers, signed) = (sent.headers.clone(), body.clone());
    on_a_thread(move || check_signature(&headers, &signed)).await?;
    take(sent, Feed::LlmGateway, move |context| llmgateway::parse(&body, context)).await.map(Json)
}

/// Takes calls of coding agents, as `rollcall ingest` reads them from what they keep on disk.
///
/// One call a line. For operator and ingest tokens. See docs/feeds.md.
#[utoipa::path(
    post, path = "/v1/ingest/transcripts", tag = "events",
    request_body(content = String, content_type = "application/x-ndjson", description = "Calls, one a line"),
    responses(
        (status = 200, body = FeedAnswer),
    ),
)]
pub async fn post_transcripts(mut sent: Sent) -> Result<Json<FeedAnswer>, Problem> {
    let body = sent.read().await?;
    let key_by_person = sent.gives_no_key();
    let read = move |context: &Context<'_>| transcripts::parse(&body, key_by_person, context);
    take(sent, Feed::Transcripts, read).await.map(Json)
}

/// Takes spans of LLM calls, by OTLP over HTTP.
///
/// Spans of anything else are ignored. Spans that are not valid are counted in `partialSuccess`. The answer is in the
/// encoding of the request. For operator and ingest tokens. See docs/feeds.md.
#[utoipa::path(
    post, path = "/v1/otlp/v1/traces", tag = "otlp",
    params(("x-rollcall-project-from" = Option<String>, Header, description = "Attributes that name the project, in the order in which they are looked for; default `team.id,department,cost_center,service.namespace`")),
    request_body(content = inline(Binary), content_type = "application/x-protobuf", description = "An ExportTraceServiceRequest, in protobuf or JSON"),
    responses(
        (status = 200, body = inline(Binary), content_type = "application/x-protobuf", description = "An ExportTraceServiceResponse"),
    ),
)]
pub async fn post_traces(sent: Sent) -> Result<Response, Problem> {
    take_otlp(sent, Feed::Traces).await
}

/// Takes log records of Codex CLI, Claude Code, Gemini CLI and Qwen Code, by OTLP over HTTP.
///
/// Other log records are ignored. For operator and ingest tokens. See docs/feeds.md.
#[utoipa::path(
    post, path = "/v1/otlp/v1/logs", tag = "otlp",
    params(("x-rollcall-project-from" = Option<String>, Header, description = "Attributes that name the project, in the order in which they are looked for; default `team.id,department,cost_center,service.namespace`")),
    request_body(content = inline(Binary), content_type = "application/x-protobuf", description = "An ExportLogsServiceRequest, in protobuf or JSON"),
    responses(
        (status = 200, body = inline(Binary), content_type = "application/x-protobuf", description = "An ExportLogsServiceResponse"),
    ),
)]
pub async fn post_logs(sent: Sent) -> Result<Response, Problem> {
    take_otlp(sent, Feed::Logs).await
}

/// Takes metrics, by OTLP over HTTP, and counts nothing of them.
///
/// They repeat what spans and log records say. For operator and ingest tokens. See docs/feeds.md.
#[utoipa::path(
    post, path = "/v1/otlp/v1/metrics", tag = "otlp",
    request_body(content = inline(Binary), content_type = "application/x-protobuf", description = "An ExportMetricsServiceRequest, in protobuf or JSON"),
    responses(
        (status = 200, body = inline(Binary), content_type = "application/x-protobuf", description = "An ExportMetricsServiceResponse"),
    ),
)]
pub async fn post_metrics(sent: Sent) -> Result<Response, Problem> {
    take_otlp(sent, Feed::Metrics).await
}

/// Who sends.
#[derive(Debug, Clone, Copy)]
enum Feed {
    LiteLlm,
    LlmGateway,
    Transcripts,
    Traces,
    Logs,
    Metrics,
}

impl Feed {
    const ALL: [Feed; 6] =
        [Feed::LiteLlm, Feed::LlmGateway, Feed::Transcripts, Feed::Traces, Feed::Logs, Feed::Metrics];

    fn name(self) -> &'static str {
        match self {
            Feed::LiteLlm => "litellm",
            Feed::LlmGateway => "llmgateway",
            Feed::Transcripts => "transcripts",
            Feed::Traces => "otlp_traces",
            Feed::Logs => "otlp_logs",
            Feed::Metrics => "otlp_metrics",
        }
    }

    /// What the sender's token settles. Not every sender can name a project or a key: what it sends is counted all the
    /// same.
    fn token(self, sent: &Sent) -> TokenDefaults<'_> {
        let defaults = token_defaults(&sent.caller.grant);
        TokenDefaults {
            project_id: defaults.project_id.or(Some(DEFAULT_PROJECT)),
            api_key_id: defaults.api_key_id.or(Some(&sent.caller.token_id)),
            sender: self.sender(sent),
            ..defaults
        }
    }

    /// Who sends, where the records do not say.
    fn sender(self, sent: &Sent) -> SentBy<'_> {
        let name = match self {
            Feed::LiteLlm => "litellm",
            Feed::LlmGateway => "llmgateway",
            Feed::Transcripts => "transcripts",
            Feed::Traces | Feed::Logs | Feed::Metrics => "otlp",
        };
        match client(&sent.headers) {
            Some((_, client, version)) if client.eq_ignore_ascii_case(name) => SentBy { name, version },
            // Another program that posts for it.
            client => SentBy { name, version: client.map(|client| client.0) },
        }
    }

    /// How long its records wait for room in the writer's queue.
    fn patience(self) -> Duration {
        match self {
            Feed::LiteLlm | Feed::LlmGateway | Feed::Transcripts => PATIENCE,
            Feed::Traces | Feed::Logs | Feed::Metrics => OTLP_PATIENCE,
        }
    }

    /// What OTLP calls the number of its records that were not taken.
    fn rejected_records(self) -> &'static str {
        match self {
            Feed::Logs => "rejectedLogRecords",
            Feed::Metrics => "rejectedDataPoints",
            _ => "rejectedSpans",
        }
    }
}

/// What became of records since the start, by who sent them. Senders that read no answer leave their operator no other
/// way to see what was not taken.
#[derive(Debug, Default)]
pub struct Tally([[AtomicU64; 4]; Feed::ALL.len()]);

const RESULTS: [&str; 4] = ["accepted", "duplicate", "ignored", "rejected"];

impl Tally {
    fn note(&self, feed: Feed, counts: [usize; 4]) {
        for (counter, count) in self.0[feed as usize].iter().zip(counts) {
            counter.fetch_add(count as u64, Ordering::Relaxed);
        }
    }

    /// Appends the counters.
    pub fn write(&self, out: &mut Exposition) {
        let help = "Records of other senders, by what became of them.";
        let mut family = out.family(Kind::Counter, "rollcall_feed_records_total", help);
        for feed in Feed::ALL {
            for (result, counter) in RESULTS.iter().zip(&self.0[feed as usize]) {
                family.sample(&[("feed", feed.name()), ("result", result)], counter.load(Ordering::Relaxed));
            }
        }
    }
}

async fn take_otlp(mut sent: Sent, feed: Feed) -> Result<Response, Problem> {
    let encoding = encoding(&sent.headers)?;
    let mut options = Options::default();
    if let Some(names) = project_from(&sent.headers)? {
        options.projects = names;
    }
    options.key_by_person = sent.gives_no_key();
    let body = sent.read().await?;
    let answer = take(sent, feed, move |context| match feed {
        Feed::Logs => otlp::parse_logs(&body, encoding, &options, context),
        Feed::Metrics => otlp::parse_metrics(&body, encoding, context),
        _ => otlp::parse_traces(&body, encoding, &options, context),
    });
    let answer = answer.await?;
    let why = told(&answer.rejected);
    let body = otlp::answer(encoding, feed.rejected_records(), answer.rejected.len(), &why);
    Ok(([(header::CONTENT_TYPE, content_type(encoding))], body).into_response())
}

/// Has what was sent read, counted, and what is new about names entered.
async fn take(
    sent: Sent,
    feed: Feed,
    read: impl FnOnce(&Context<'_>) -> Result<Reading, BodyError> + Send + 'static,
) -> Result<FeedAnswer, Problem> {
    let (app, token_id) = (sent.app.clone(), sent.caller.token_id.clone());
    let key_name = label(&sent.caller).map(str::to_owned);
    let reading = sent.parse(
        move |sent| feed.token(sent),
        move |context| {
            let mut reading = read(context)?;
            if let Some(name) = key_name {
                name_token_key(&mut reading, &token_id, &name);
            }
            Ok(reading)
        },
    );
    submit(&app, feed, reading.await?).await
}

/// A key that stands for a token is called what the token is called.
fn name_token_key(reading: &mut Reading, token_id: &str, name: &str) {
    for used in reading.parsed.batch.combinations.iter().filter(|used| used.api_key == token_id) {
        let key = reading.names.api_keys.entry((used.organization.clone(), used.api_key.clone())).or_default();
        key.project.clone_from(&used.project);
        key.description.get_or_insert_with(|| name.to_owned());
    }
}

/// Has the events written, then whatever is new about names.
async fn submit(app: &App, feed: Feed, reading: Reading) -> Result<FeedAnswer, Problem> {
    let Reading { parsed: Parsed { batch, rejected }, ignored, names } = reading;
    let Ingested { accepted, completed, duplicates } = write(app, batch, feed.patience()).await?;
    learn(app, names).await;
    let rejected = rejected.into_iter().map(RejectedEvent::from).collect();
    let answer = FeedAnswer { accepted, completed, duplicates, ignored, rejected };
    app.feeds.note(feed, [answer.accepted, answer.duplicates, answer.ignored, answer.rejected.len()]);
    if !answer.rejected.is_empty() {
        tracing::warn!(
            feed = feed.name(),
            rejected = answer.rejected.len(),
            "events were not taken; the answer says why"
        );
    }
    Ok(answer)
}

/// Enters names into the directory where it knows none. The events are safe by now, so that a failure is no reason to
/// have them sent again: names come along with the next ones, too.
async fn learn(app: &App, names: Names) {
    if names.is_empty() {
        return;
    }
    let learnt = learnt(names);
    if app.engine.snapshot().directory.news(&learnt).is_empty() {
        return;
    }
    let change = app.engine.change(Change::Learn(learnt));
    let learnt = match change {
        Ok(pending) => pending.answer().await,
        Err(error) => Err(error),
    };
    if let Err(error) = learnt {
        tracing::debug!(%error, "names were not entered");
    }
}

/// What names say, in the directory's words.
pub fn learnt(names: Names) -> Learnt {
    let organizations = names.organizations.into_iter();
    let organizations = organizations.map(|(id, name)| LearntName { organization_id: id.clone(), id, name }).collect();
    let projects = names.projects.into_iter();
    let projects = projects.map(|((organization_id, id), name)| LearntName { organization_id, id, name }).collect();
    let people = names.people.into_iter();
    let people =
        people.map(|((organization_id, user_id), email)| LearntPerson { organization_id, user_id, email }).collect();
    let api_keys = names.api_keys.into_iter().map(|((organization_id, id), key)| LearntKey {
        organization_id,
        project_id: key.project,
        id,
        description: key.description,
        owner: key.owner,
    });
    Learnt { organizations, projects, people, api_keys: api_keys.collect() }
}

/// Checks a signature, if there is one: with an access token in the header as well, it adds that the body is as it was
/// sent. Its time is not compared with the clock: a post may be repeated days later, and counts once.
fn check_signature(headers: &HeaderMap, body: &[u8]) -> Result<(), Problem> {
    let Some(value) = headers.get(SIGNATURE) else { return Ok(()) };
    let text = value.to_str().unwrap_or_default();
    let part = |name: &str| text.split(',').find_map(|part| part.trim().strip_prefix(name)?.strip_prefix('='));
    let (Some(time), Some(_)) = (part("t"), part("v1")) else {
        return Err(Problem::bad_request(format!("{SIGNATURE} is '{text}'; it must be t=SECONDS,v1=HEX")));
    };
    // While a secret is being changed there may be a signature with either.
    let mut signatures = text.split(',').filter_map(|part| part.trim().strip_prefix("v1="));
    let signed = bearer(headers)
        .is_some_and(|secret| signatures.any(|one| is_signed(secret, &[time.as_bytes(), b".", body], one)));
    if signed {
        return Ok(());
    }
    Err(Problem::unauthorized(format!(
        "{SIGNATURE} does not fit the body; give the data stream the ingest token as its signing secret, too"
    )))
}

/// The names in the header that says what counts as the project.
fn project_from(headers: &HeaderMap) -> Result<Option<Vec<String>>, Problem> {
    let Some(value) = headers.get(PROJECT_FROM) else { return Ok(None) };
    let text = value.to_str().map_err(|_| Problem::bad_request(format!("{PROJECT_FROM} is not ASCII text")))?;
    let names: Vec<String> =
        text.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect();
    if names.len() > MAX_PROJECT_FROM {
        let found = names.len();
        return Err(Problem::bad_request(format!(
            "{PROJECT_FROM} has {found} names; at most {MAX_PROJECT_FROM} are allowed"
        )));
    }
    Ok((!names.is_empty()).then_some(names))
}

fn litellm_projects(headers: &HeaderMap) -> Result<Vec<Project>, Problem> {
    let Some(names) = project_from(headers)? else { return Ok(litellm::PROJECT.to_vec()) };
    let project = |name: &String| match name.as_str() {
        "project" => Ok(Project::Project),
        "team" => Ok(Project::Team),
        other => Err(Problem::bad_request(format!("{PROJECT_FROM} is '{other}'; allowed here are project and team"))),
    };
    names.iter().map(project).collect()
}

fn encoding(headers: &HeaderMap) -> Result<Encoding, Problem> {
    let Some(value) = headers.get(header::CONTENT_TYPE) else { return Ok(Encoding::Protobuf) };
    let text = value.to_str().unwrap_or("(not text)");
    match text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase().as_str() {
        "application/x-protobuf" | "application/protobuf" => Ok(Encoding::Protobuf),
        "application/json" => Ok(Encoding::Json),
        _ => Err(Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            format!("content type '{text}' is not taken; send application/x-protobuf or application/json"),
        )),
    }
}

fn content_type(encoding: Encoding) -> &'static str {
    match encoding {
        Encoding::Protobuf => "application/x-protobuf",
        Encoding::Json => "application/json",
    }
}

/// Rejections as one text.
fn told(rejected: &[RejectedEvent]) -> String {
    let errors: Vec<Cow<'_, str>> = rejected.iter().take(TOLD).map(|one| Cow::Borrowed(one.error.as_str())).collect();
    let more = if rejected.len() > TOLD { "; …" } else { "" };
    format!("{}{more}", errors.join("; "))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use axum::body::Body;
    use axum::http::Request;
    use tokio::sync::Mutex;
    use tower::ServiceExt;

    use super::*;
    use crate::engine::Engine;
    use crate::http::access::Known;
    use crate::http::{Look, router};
    use crate::model::UnixMs;
    use crate::pricing::PriceBook;

    const NOW: UnixMs = 1_780_315_200_000;

    /// An app whose writer stands still while the writer's time is held.
    fn app() -> (App, Arc<Mutex<()>>, tempfile::TempDir) {
        let directory = tempfile::tempdir().unwrap();
        let time = Arc::new(Mutex::new(()));
        let held = time.clone();
        let clock = move || {
            if std::thread::current().name() == Some("writer") {
                drop(held.blocking_lock());
            }
            NOW
        };
        let engine = Engine::open(directory.path(), Arc::new(clock)).unwrap();
        (App::new(Arc::new(engine), PriceBook::bundled(), Look::default(), 64 << 20), time, directory)
    }

    fn post(path: &str, body: String) -> Request<Body> {
        let mut request =
            Request::post(path).header(header::CONTENT_TYPE, "application/json").body(body.into()).unwrap();
        request.extensions_mut().insert(Known::operator());
        request
    }

    /// A span of one call, as OTLP has it in JSON.
    fn span(id: u32) -> String {
        let attribute = |key: &str, value: &str| format!(r#"{{"key":"{key}","value":{{{value}}}}}"#);
        let attributes = [
            attribute("gen_ai.operation.name", r#""stringValue":"chat""#),
            attribute("gen_ai.request.model", r#""stringValue":"gpt-5""#),
            attribute("organization.id", r#""stringValue":"acme""#),
            attribute("gen_ai.usage.input_tokens", r#""intValue":"7""#),
        ];
        let attributes = attributes.join(",");
        format!(
            r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{{"traceId":"{id:032x}","spanId":"{id:016x}","startTimeUnixNano":"{NOW}000000","attributes":[{attributes}]}}]}}]}}]}}"#
        )
    }

    fn events(first: u32, count: u32) -> String {
        let event = |id: u32| {
            format!(
                r#"{{"id":"{id}","timestamp":{NOW},"organizationId":"acme","projectId":"p","apiKeyId":"k","usedModel":"a/b","cost":1}}"#
            )
        };
        format!("[{}]", (first..first + count).map(event).collect::<Vec<_>>().join(","))
    }

    /// Fills the queue of a writer that stands still, with what it will have written soon: the same events.
    fn fill(app: &App) -> Vec<crate::engine::Pending<crate::engine::Ingested>> {
        let context = Context {
            now: NOW,
            prices: &app.prices(),
            token: TokenDefaults::default(),
            kept_since: &crate::ingest::for_ever,
        };
        let mut batch = crate::ingest::parse_json(events(0, 1000).as_bytes(), &context).unwrap().batch;
        let mut queued = Vec::new();
        for size in [1000, 50, 1] {
            batch.events.truncate(size);
            queued.extend(std::iter::from_fn(|| app.engine.submit(batch.clone()).ok()));
        }
        queued
    }

    #[tokio::test]
    async fn a_post_waits_for_room_at_every_door() {
        let (app, time, _directory) = app();
        let no_time = time.lock().await;
        let queued = fill(&app);
        let endpoints = [
            post("/v1/events", events(1_000_000, 1)),
            post("/v1/otlp/v1/traces", span(1)),
            post("/v1/otlp/v1/traces", span(2)),
        ];
        let posts = endpoints.map(|request| tokio::spawn(router(app.clone()).oneshot(request)));
        while app.engine.waiting_senders() < 3 {
            tokio::task::yield_now().await;
        }
        drop(no_time);
        for post in posts {
            assert_eq!(post.await.unwrap().unwrap().status(), StatusCode::OK);
        }
        for pending in queued {
            pending.answer().await.unwrap();
        }
        assert_eq!(app.engine.metrics().accepted_events.load(Ordering::Relaxed), 1003);
    }

    #[tokio::test]
    async fn a_post_that_finds_no_room_in_time_is_told_to_come_back() {
        let (app, time, _directory) = app();
        let no_time = time.lock().await;
        let queued = fill(&app);
        let told = |request: Request<Body>, patience: Duration| {
            let (app, started) = (app.clone(), std::time::Instant::now());
            async move {
                let answer = router(app).oneshot(request).await.unwrap();
                assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
                assert_eq!(answer.headers()[header::RETRY_AFTER], "1");
                assert!(started.elapsed() >= patience, "{:?}", started.elapsed());
            }
        };
        tokio::join!(
            told(post("/v1/events", events(1_000_000, 1)), PATIENCE),
            told(post("/v1/otlp/v1/traces", span(1)), OTLP_PATIENCE),
        );
        assert_eq!(app.engine.waiting_senders(), 0);
        drop(no_time);
        for pending in queued {
            pending.answer().await.unwrap();
        }
        assert_eq!(app.engine.metrics().accepted_events.load(Ordering::Relaxed), 1000);
    }
}
