//! The outside: routes, sign-in, roles, limits, and the dashboard embedded in the binary.
//!
//! Owns the HTTP contract and its wire types.
//!
//! Does not know how anything is stored or computed.
//!
//! Invariants: every route under `/v1` and `/analytics` names who may call it; every failure is a [`Problem`];
//! nothing of a request is read without a limit; secrets are neither logged nor shown twice.

mod access;
mod alerts;
mod analytics;
mod asked;
mod attempts;
mod audit;
mod body;
mod budgets;
mod byte_order_mark;
mod cache_saving;
mod calendar;
mod change;
mod closings;
mod cluster;
mod connections;
mod cross_origin;
mod currency;
mod dashboard;
mod decimals;
mod decisions;
mod deliveries;
mod directory;
mod events;
mod explain;
mod export;
mod file_name;
mod following;
mod inside;
mod intake;
mod invitations;
mod invoices;
mod links;
mod listing;
mod login;
mod maintenance;
mod mcp;
mod metrics;
mod nearest;
mod of_nodes;
mod openapi;
mod operations;
mod origin;
mod parameters;
mod places;
mod policies;
mod problem;
mod questions;
mod ranges;
mod recent;
mod render;
mod reprice;
mod scim;
mod session;
mod signed_cookie;
mod stream;
mod tls;
mod tokens;
mod views;
mod visitors;
mod what_if;
pub mod wire;

use std::future::Future;
use std::io::Write;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};

use access::Known;
use axum::body::{Body, Bytes};
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderName, HeaderValue, Method, Request, StatusCode, Uri, header};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, delete, get, post, put};
use axum::{Extension, Router};
use connections::Limits;
use events::feeds::Tally;
use http_body_util::BodyExt;
use inside::Inside;
use serde_json::Value;
use tokio::net::TcpListener;
use tower::{ServiceBuilder, ServiceExt};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{DefaultPredicate, NotForContentType, Predicate};
use tower_http::set_header::SetResponseHeaderLayer;
use twox_hash::XxHash3_64;

use crate::cluster::Ships;
use crate::directory::{Change, Directory, Grant, SecretHash, Token};
use crate::engine::{Engine, EngineError, SERVER};
use crate::model::UnixMs;
use crate::pricing::PriceBook;
pub use alerts::digest::Digest;
pub use alerts::hosts::{AlertHosts, is_public};
pub use alerts::words::{Named, message as alert_message};
pub use alerts::{Watched, days_now, fired as alert_fired};
pub use body::Object;
pub use budgets::{budget_update, written};
pub use closings::{close_month, reopen_month};
pub use cross_origin::Origins;
pub use currency::{Currency, Rate};
pub use dashboard::colour::Colour;
pub use dashboard::look::{Logo, Look, MAX_LOGO_BYTES};
pub use deliveries::{AllDeliveries, Deliveries};
pub use directory::{export as directory_export, update as directory_update};
pub use events::feeds::learnt;
pub use invitations::SendMail;
pub use invoices::{invoice_answer, invoice_note, read_invoice};
pub use links::list as list_links;
pub use links::note as link_note;
pub use maintenance::{checked, stamp as backup_stamp, store_size};
pub use openapi::openapi_json;
pub use parameters::group_by;
pub use problem::Problem;
pub use reprice::reprice;
pub use scim::settle_groups;
pub use session::list::list_sessions;
pub use tls::{Tls, TlsError};
pub use tokens::{list as list_tokens, new_token, token_note};
pub use visitors::SignInSettings;

/// Largest body of anything else.
const SMALL_BODY_LIMIT_BYTES: usize = 16 << 20;
/// Id of the token that the operator starts with.
const FIRST_TOKEN_ID: &str = "operator";

/// What the OpenAPI document says of an operation that requests are held to.
struct Described {
    /// The query parameters that it takes, and no others.
    parameters: Vec<String>,
    /// The amounts of money in its answer.
    amounts: decimals::Amounts,
}

/// The same by a route's method and path.
type DescribedBy = fn(&Method, &str) -> Option<&'static Described>;

/// Which page the server has now.
const PAGE_VERSION: HeaderName = HeaderName::from_static("x-rollcall-page");

/// Reads again what is kept outside the store.
pub type Reread = Box<dyn Fn(&App) -> Vec<String> + Send + Sync>;

/// Where scheduled backups are, and what one is restored to.
pub struct BackupPlace {
    pub directory: PathBuf,
    pub data_dir: PathBuf,
}

/// What every handler shares.
#[derive(Clone)]
pub struct App(Arc<Shared>);

pub struct Shared {
    pub engine: Arc<Engine>,
    prices: RwLock<Arc<PriceBook>>,
    /// How often prices were replaced.
    priced_anew: AtomicU64,
    /// Takes changed files into use, and says of which it did not; set where there are any.
    rereading: OnceLock<Reread>,
    /// Set where there are scheduled backups.
    backups: OnceLock<BackupPlace>,
    pub look: Look,
    /// The dashboard's page; absent where it was not built.
    page: Option<Bytes>,
    described: DescribedBy,
    document: fn() -> &'static Value,
    /// Tells that page from those of other versions and settings, so that one that stays open learns that it is old.
    page_version: HeaderValue,
    /// Largest body of events in bytes, after decompression.
    pub body_limit: usize,
    /// What became of webhooks.
    pub deliveries: AllDeliveries,
    attempts: attempts::Attempts,
    /// Programs that wait to be let in.
    waiting: login::pending::Waiting,
    /// How mail is sent; set where it is.
    mail: OnceLock<SendMail>,
    /// How people sign in besides with tokens; set where they do.
    sign_in: OnceLock<SignInSettings>,
    /// Where owners and admins may have alerts sent; set where the operator says so.
    alert_hosts: OnceLock<AlertHosts>,
    floods: decisions::floods::Floods,
    refusals: decisions::tally::Refusals,
    /// Calls with keys that are not known are refused, and not allowed.
    pub refuses_unknown_keys: AtomicBool,
    /// Decisions so far.
    decisions: AtomicU64,
    questions: questions::Questions,
    feeds: Tally,
    answers: recent::RecentAnswers,
    scanned: ranges::Scanned,
    /// How shipping to a cluster is doing; set where there is one.
    shipping: OnceLock<Arc<Ships>>,
    /// Pages of other sites that may read answers; set where there are any.
    origins: OnceLock<Origins>,
    /// What cookies are signed with, where sessions are kept nowhere.
    cookie_key: OnceLock<signed_cookie::CookieKey>,
    counters: operations::Counters,
    /// How many projects have metrics of their usage; set where it is one.
    usage_metrics: OnceLock<usize>,
    /// Held while a backup is copied: each takes as much disk as the store.
    copying: Mutex<()>,
    /// Held while the store is checked: each check reads all of it.
    checking: Mutex<()>,
    /// Held while usage is repriced, which takes a period's rows of memory, or a month closed, which takes a month's.
    repricing: Mutex<()>,
    /// Tells answers of this run from those of runs before.
    pub run: u64,
}

impl std::ops::Deref for App {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl App {
    /// An app that is not served.
    pub fn for_one_question(engine: Arc<Engine>) -> App {
        App::new(engine, PriceBook::bundled(), Look::default(), 0)
    }

    pub fn new(engine: Arc<Engine>, prices: PriceBook, look: Look, body_limit: usize) -> App {
        let page = dashboard::page(&look);
        let page_version = format!("{:016x}", XxHash3_64::oneshot(page.as_deref().unwrap_or_default()));
        let mut run = [0; 8];
        getrandom::fill(&mut run).expect("the operating system has random bytes");
        App(Arc::new(Shared {
            engine,
            prices: RwLock::new(Arc::new(prices)),
            priced_anew: AtomicU64::new(0),
            rereading: OnceLock::new(),
            backups: OnceLock::new(),
            page,
            described: openapi::described,
            document: openapi::document,
            page_version: page_version.parse().expect("hexadecimal"),
            look,
            body_limit,
            deliveries: AllDeliveries::default(),
            attempts: attempts::Attempts::default(),
            waiting: login::pending::Waiting::default(),
            mail: OnceLock::new(),
            sign_in: OnceLock::new(),
            alert_hosts: OnceLock::new(),
            floods: decisions::floods::Floods::default(),
            refusals: decisions::tally::Refusals::default(),
            refuses_unknown_keys: AtomicBool::default(),
            decisions: AtomicU64::default(),
            questions: questions::Questions::default(),
            feeds: Tally::default(),
            answers: recent::RecentAnswers::default(),
            scanned: ranges::Scanned::default(),
            shipping: OnceLock::new(),
            origins: OnceLock::new(),
            cookie_key: OnceLock::new(),
            counters: operations::Counters::default(),
            usage_metrics: OnceLock::new(),
            copying: Mutex::default(),
            checking: Mutex::default(),
            repricing: Mutex::default(),
            run: u64::from_le_bytes(run),
        }))
    }
}

impl Shared {
    /// An id that no other decision has.
    fn next_decision_id(&self) -> String {
        format!("dec_{:016x}{:x}", self.run, self.decisions.fetch_add(1, Ordering::Relaxed))
    }

    /// How people sign in besides with tokens.
    pub fn sign_in(&self) -> &SignInSettings {
        self.sign_in.get_or_init(SignInSettings::default)
    }

    /// What cookies are signed with, where they are.
    fn cookie_key(&self) -> Option<&signed_cookie::CookieKey> {
        self.cookie_key.get()
    }

    /// The OpenAPI document.
    fn document(&self) -> &'static Value {
        (self.document)()
    }

    /// Where owners and admins may have alerts sent.
    pub fn alert_hosts(&self) -> &AlertHosts {
        self.alert_hosts.get_or_init(AlertHosts::default)
    }

    /// What calls are priced by now. Whoever prices several things that belong together asks once.
    pub fn prices(&self) -> Arc<PriceBook> {
        self.prices.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Prices everything by another book from now on.
    pub fn set_prices(&self, prices: PriceBook) {
        *self.prices.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(prices);
        self.priced_anew.fetch_add(1, Ordering::Release);
    }
}

impl App {
    /// How changed files are taken into use from now on.
    pub fn reread_by(&self, reread: Reread) {
        let _ = self.rereading.set(reread);
    }

    /// Where owners and admins may have alerts sent from now on.
    pub fn sends_alerts_to(&self, hosts: AlertHosts) {
        let _ = self.alert_hosts.set(hosts);
    }

    /// How mail is sent from now on.
    pub fn sends_mail_by(&self, send: SendMail) {
        let _ = self.mail.set(send);
    }

    fn mail(&self) -> Option<&SendMail> {
        self.mail.get()
    }

    /// How people sign in from now on.
    pub fn signs_in_by(&self, settings: SignInSettings) {
        let _ = self.sign_in.set(settings);
    }

    /// Keeps no sessions from now on: cookies are signed with what comes of the operator's token.
    pub fn signs_cookies_by(&self, operator_token: &str) {
        let _ = self.cookie_key.set(signed_cookie::CookieKey::of(operator_token));
    }

    /// How shipping is doing, from now on.
    pub fn ships(&self, ships: Arc<Ships>) {
        let _ = self.shipping.set(ships);
    }

    /// Whose pages may read answers.
    pub fn answers_pages_of(&self, origins: Origins) {
        let _ = self.origins.set(origins);
    }

    /// How many projects have metrics of their usage from now on.
    pub fn measures_usage_of(&self, projects: usize) {
        let _ = self.usage_metrics.set(projects);
    }

    /// Where scheduled backups are from now on.
    pub fn backs_up_into(&self, place: BackupPlace) {
        let _ = self.backups.set(place);
    }

    fn backups(&self) -> Option<&BackupPlace> {
        self.backups.get()
    }

    /// Takes changed files into use, and says why of those that it did not.
    pub fn reread(&self) -> Vec<String> {
        let wrong = self.rereading.get().map_or_else(Vec::new, |reread| reread(self));
        // Days may begin at other moments by the zone rules that are in use now.
        self.engine.accounts().close_all();
        wrong
    }
}

/// Asks a question of the API inside this process, as its operator, from a thread of no runtime, which waits for it. The
/// answer is written to `out` as it comes.
pub fn ask_and_wait(app: App, path: &str, out: &mut dyn Write) -> Result<(), Problem> {
    answer_and_wait(app, Request::get(path).body(Body::empty()), out)
}

/// The same of a question that has a body.
pub fn post_and_wait(
    app: App,
    path: &str,
    content_type: &str,
    body: Vec<u8>,
    out: &mut dyn Write,
) -> Result<(), Problem> {
    answer_and_wait(app, Request::post(path).header(header::CONTENT_TYPE, content_type).body(body.into()), out)
}

fn answer_and_wait(
    app: App,
    request: Result<Request<Body>, axum::http::Error>,
    out: &mut dyn Write,
) -> Result<(), Problem> {
    let request = request.map_err(|error| Problem::bad_request(format!("that cannot be asked: {error}")))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    let runtime = runtime.map_err(|e| Problem::new(StatusCode::SERVICE_UNAVAILABLE, e.to_string()))?;
    runtime.block_on(answer_as_operator(app, request, out))
}

async fn answer_as_operator(app: App, mut request: Request<Body>, out: &mut dyn Write) -> Result<(), Problem> {
    request.extensions_mut().insert(Known::operator());
    let response = router(app).oneshot(request).await.unwrap_or_else(|never| match never {});
    let (status, mut body) = (response.status(), response.into_body());
    let broken = |e: &dyn std::fmt::Display| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, e.to_string());
    let mut problem = Vec::new();
    while let Some(frame) = body.frame().await {
        let bytes = frame.map_err(|e| broken(&e))?.into_data().unwrap_or_default();
        let to: &mut dyn Write = if status.is_success() { &mut *out } else { &mut problem };
        to.write_all(&bytes).map_err(|e| broken(&e))?;
    }
    if status.is_success() {
        return Ok(());
    }
    let problem = serde_json::from_slice::<problem::ProblemBody>(&problem).map(|body| body.detail);
    Err(Problem::new(status, problem.unwrap_or_else(|_| status.to_string())))
}

/// Runs what takes its time on a thread that may.
async fn on_a_thread<T: Send + 'static, E: Into<Problem> + Send + 'static>(
    work: impl FnOnce() -> Result<T, E> + Send + 'static,
) -> Result<T, Problem> {
    tokio::task::spawn_blocking(work).await.map_err(|_| Problem::panicked())?.map_err(Into::into)
}

/// Makes `secret` the operator's token, and says whether it is one: what was revoked stays revoked.
pub fn set_operator_token(engine: &Engine, secret: &str) -> Result<bool, EngineError> {
    let hash = SecretHash::of(secret);
    let snapshot = engine.snapshot();
    if snapshot.directory.is_revoked(&hash) {
        return Ok(false);
    }
    if snapshot.directory.token_by_secret(secret).is_some_and(|(_, token)| token.grant == Grant::Operator) {
        return Ok(true);
    }
    drop(snapshot);
    let change = first_token(hash, engine.now());
    let note = token_note(SERVER, &change, &engine.snapshot().directory);
    engine.audited(change, note)?.wait().map(|_| true)
}

fn first_token(hash: SecretHash, now: UnixMs) -> Change {
    let mut token = Token::new(Grant::Operator, "first operator token", hash, now);
    token.terms.made_by = Some(SERVER.into());
    Change::PutToken { id: FIRST_TOKEN_ID.into(), token }
}

/// The same in a directory that somebody else has written: `secret` is the operator's token there, unless it was revoked.
pub fn with_operator_token(mut directory: Directory, secret: &str, now: UnixMs) -> Directory {
    let hash = SecretHash::of(secret);
    let is_known = directory.token_by_secret(secret).is_some_and(|(_, token)| token.grant == Grant::Operator);
    if is_known || directory.is_revoked(&hash) {
        return directory;
    }
    directory.apply(first_token(hash, now)).expect("a token may always be put");
    directory
}

/// All routes.
pub fn router(app: App) -> Router {
    let events = Router::new()
        .route("/v1/events", post(events::post_events))
        .route("/v1/ingest/litellm", post(events::feeds::post_litellm))
        .route("/v1/ingest/llmgateway", post(events::feeds::post_llmgateway))
        .route("/v1/ingest/transcripts", post(events::feeds::post_transcripts))
        .route("/v1/otlp/v1/traces", post(events::feeds::post_traces))
        .route("/v1/otlp/v1/logs", post(events::feeds::post_logs))
        .route("/v1/otlp/v1/metrics", post(events::feeds::post_metrics))
        .route("/v1/invoices", post(invoices::post_invoices))
        .layer(DefaultBodyLimit::disable());
    let asked_inside = ServiceBuilder::new()
        .layer(from_fn_with_state(app.clone(), ranges::as_asked))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(from_fn(byte_order_mark::as_asked))
        .layer(from_fn_with_state(app.clone(), decimals::as_asked));
    // Asked by an address or by an assistant, by the very routes that everybody asks.
    let by_others = Router::new()
        .route("/v1/links", get(links::get_links).post(links::post_link))
        .route("/v1/links/{id}", get(links::open_link).delete(links::delete_link))
        .route("/mcp", post(mcp::post_message))
        .layer(Extension(Inside::new(
            questions(&app).fallback(nothing_there).layer(asked_inside).with_state(app.clone()),
        )));
    let rest = Router::new()
        .merge(questions(&app))
        .merge(by_others)
        .route("/v1/directory", get(directory::get_directory).put(directory::put_directory))
        .route("/v1/directory/preview", post(directory::preview::preview_directory))
        .route("/v1/directory/assignments/read", post(directory::post_assignments))
        .route("/v1/organizations/{organization}/members/{user}", delete(directory::delete_member))
        .route("/v1/organizations/{organization}/views", get(views::get_views).post(views::post_view))
        .route("/v1/organizations/{organization}/views/{view}", put(views::put_view).delete(views::delete_view))
        .route("/v1/budgets", put(budgets::put_budgets))
        .route("/v1/alerts", get(alerts::get_alerts).put(alerts::put_alerts))
        .route("/v1/alerts/rehearse", post(alerts::rehearse))
        .route("/v1/policies", get(policies::get_policies).put(policies::put_policies))
        .route("/v1/providers", get(policies::get_providers).put(policies::put_providers))
        .route("/v1/decisions", post(decisions::post_decision))
        .route("/v1/decisions/counts", get(decisions::counts))
        .route("/v1/decisions/log", get(decisions::log::log))
        .route("/v1/decisions/check/{gateway}", get(decisions::check).post(decisions::check_by_post))
        .route("/v1/decisions/check/envoy/{*path}", any(decisions::check))
        .route("/v1/tokens", get(tokens::get_tokens).post(tokens::post_token))
        .route("/v1/tokens/find", post(tokens::find_token))
        .route("/v1/tokens/{id}", get(tokens::get_token).delete(tokens::delete_token))
        .route("/v1/invitations", get(invitations::get_invitations).post(invitations::post_invitation))
        .route("/v1/invitations/read", post(session::invited::read_invitation))
        .route("/v1/invitations/accept", post(session::invited::accept_invitation))
        .route("/v1/invitations/{id}", delete(invitations::delete_invitation))
        .route("/v1/session", get(session::signed_in).post(session::sign_in).delete(session::sign_out))
        .route("/v1/session/oidc", get(session::oidc::begin))
        .route("/v1/session/oidc/callback", get(session::oidc::end))
        .route("/v1/session/oidc/backchannel", post(session::oidc::backchannel))
        .route("/v1/sessions", get(session::list::get_sessions).delete(session::list::delete_sessions))
        .route("/v1/sessions/{id}", delete(session::list::delete_session))
        .route("/v1/projects", get(session::projects))
        .route("/v1/calendar", get(calendar::get_calendar))
        .route("/v1/calendar/zones", get(calendar::get_zones))
        .route("/v1/settings", get(dashboard::look::settings))
        .route("/v1/settings/logo", get(dashboard::look::logo))
        .route("/v1/compact", post(maintenance::compact))
        .route("/v1/reread", post(maintenance::reread))
        .route("/v1/backup", get(maintenance::backup))
        .route("/v1/backups", get(maintenance::backups))
        .route("/v1/verify", post(maintenance::verify))
        .route("/v1/cluster/audit", post(cluster::audit))
        .route("/v1/cluster/ship-all", post(cluster::ship_all))
        .route("/v1/audit", get(audit::get_audit))
        .route("/v1/intake", post(intake::post_intake))
        .route("/v1/closings", get(closings::get_closings).post(closings::post_closing))
        .route("/v1/closings/{id}", get(closings::get_closing).delete(closings::delete_closing))
        .route("/v1/reprice", post(reprice::post_reprice))
        .route("/v1/repricings", get(reprice::get_repricings))
        .route("/healthz", get(operations::healthz))
        .route("/readyz", get(operations::readyz))
        .route("/metrics", get(metrics::metrics))
        .route("/metrics/usage", get(metrics::usage::usage_metrics))
        .route("/openapi.json", get(openapi::serve))
        .merge(scim::routes())
        .fallback(dashboard::serve)
        .layer(DefaultBodyLimit::max(SMALL_BODY_LIMIT_BYTES))
        .merge(login::routes());
    let compress = CompressionLayer::new().compress_when(
        DefaultPredicate::new()
            .and(NotForContentType::IMAGES)
            .and(NotForContentType::const_new(export::PARQUET))
            .and(NotForContentType::const_new("application/zip")),
    );
    // One stack, the outermost first: each by itself would be cloned, with all those within, for each of those without.
    let around = ServiceBuilder::new()
        .layer(security_header(
            header::CONTENT_SECURITY_POLICY,
            // The dashboard's dialogs put a style into the page while they are open.
            "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; object-src 'none'; \
             base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
        ))
        .layer(security_header(HeaderName::from_static("cross-origin-resource-policy"), "same-origin"))
        .layer(security_header(HeaderName::from_static("cross-origin-opener-policy"), "same-origin"))
        .layer(security_header(header::X_FRAME_OPTIONS, "DENY"))
        .layer(security_header(header::REFERRER_POLICY, "same-origin"))
        .layer(security_header(header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .layer(SetResponseHeaderLayer::if_not_present(PAGE_VERSION, app.page_version.clone()))
        .layer(compress)
        .layer(from_fn_with_state(app.clone(), operations::take_note))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(from_fn(byte_order_mark::as_asked))
        .layer(from_fn_with_state(app.clone(), decimals::as_asked));
    let origins = app.origins.get().map(Origins::layer);
    let all = events.merge(rest).method_not_allowed_fallback(method_not_allowed);
    let all = match app.engine.following() {
        Some(_) => all.layer(from_fn_with_state(app.clone(), following::as_followed)),
        None => all,
    };
    let all = all.layer(around).with_state(app);
    match origins {
        Some(origins) => all.layer(origins),
        None => all,
    }
}

/// Routes that only read, which are asked inside this process as well.
fn questions(app: &App) -> Router<App> {
    Router::new()
        .route("/v1/budgets", get(budgets::get_budgets))
        .route("/v1/intake", get(intake::get_intake))
        .route("/v1/me", get(session::me))
        .route("/analytics/activity", get(analytics::activity))
        .route("/analytics/members", get(analytics::members))
        .route("/analytics/members/{user}", get(analytics::member))
        .route("/analytics/keys", get(analytics::api_keys))
        .route("/analytics/keys/{key}", get(analytics::api_key))
        .route("/analytics/me", get(analytics::my_usage))
        .route("/analytics/reconciliation", get(invoices::get_reconciliation))
        .route("/analytics/statement", get(closings::statement::get_statement))
        .route("/analytics/cache-saving", get(cache_saving::cache_saving))
        .route("/analytics/change", get(change::change))
        .route("/analytics/explain", get(explain::explain))
        .route("/analytics/what-if", get(what_if::what_if))
        .route("/analytics/export", get(export::export).layer(from_fn_with_state(app.clone(), ranges::as_asked)))
}

async fn nothing_there(uri: Uri) -> Problem {
    Problem::not_found(format!("there is no question at {}", uri.path()))
}

fn panicked(_: Box<dyn std::any::Any + Send>) -> Response {
    Problem::panicked().into_response()
}

/// Serves until `stop` resolves, then finishes the requests under way.
pub async fn serve(
    app: App,
    listener: TcpListener,
    tls: Option<Arc<Tls>>,
    stop: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    connections::serve(router(app), listener, Limits::of_this_process(), tls, stop).await
}

async fn method_not_allowed() -> Problem {
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "this path does not take that method; see /openapi.json")
}

fn security_header(name: HeaderName, value: &'static str) -> SetResponseHeaderLayer<HeaderValue> {
    SetResponseHeaderLayer::if_not_present(name, HeaderValue::from_static(value))
}
