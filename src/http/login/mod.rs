//! `/v1/login`: programs on a command line, which somebody who is signed in at the page lets in.
//!
//! A program on the same machine is told at an address there; any other shows a code, and asks until somebody has typed it
//! at the page. However somebody signs in at the page, this is the same.

pub mod pending;
pub mod wire;

use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, PathRejection};
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header};
use axum::routing::{get, post};
use axum::{Extension, Json, Router};

use self::pending::{Asking, INTERVAL_S, LASTS_MS, LetIn, Told};
use self::wire::{AskingProgram, Decision, DeviceCode, DeviceForm, GrantedToken, LetInAt, LocalProgram, TokenForm};
use super::App;
use super::access::Caller;
use super::attempts::Source;
use super::body::JsonObject;
use super::connections::Peer;
use super::origin::{is_tls, origin};
use super::problem::{Problem, ProblemBody};
use super::tokens::{fresh, token_note};
use super::visitors::note_failure;
use crate::calendar::rfc3339_utc;
use crate::directory::Change;

/// A form of these is a few hundred bytes.
const FORM_BYTES: usize = 8 << 10;
/// Letters of what a program calls itself: a host has at most 253, and a page shows it.
const NAME: usize = 100;
/// Letters of a state and of an address that a program listens at.
const STATE: usize = 500;
/// The base64url of 32 bytes.
const CHALLENGE: usize = 43;
const DEVICE_CODE: &str = "urn:ietf:params:oauth:grant-type:device_code";
/// Where the page lets programs in.
const PAGE: &str = "/login";

pub fn routes() -> Router<App> {
    Router::new()
        .route("/v1/login", post(let_program_in))
        .route("/v1/login/device", post(begin_program))
        .route("/v1/login/device/{code}", get(asking_program).post(decide_on_program))
        .route("/v1/login/token", post(grant_token))
        .layer(DefaultBodyLimit::max(FORM_BYTES))
}

/// Begins to let a program in that cannot be told at an address: hands out the code that it shows (RFC 8628).
///
/// For everyone.
#[utoipa::path(
    post, path = "/v1/login/device", tag = "login", security(()),
    request_body(content = DeviceForm, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, body = DeviceCode),
    ),
)]
pub async fn begin_program(
    State(app): State<App>,
    source: Source,
    peer: Option<Extension<Peer>>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<([(HeaderName, HeaderValue); 1], Json<DeviceCode>), Problem> {
    let form = Form::read(body)?;
    let now = app.engine.now();
    app.attempts.begin(source, now)?;
    let asking =
        Asking { name: name(form.one("client_name")?.unwrap_or_default())?, source: source.to_string(), at: now };
    let verification_uri = format!("{}{PAGE}", origin(&app, &headers, is_tls(&headers, peer.as_deref()))?);
    let (secret, user_code) = app.waiting.wait(asking, source.network()).ok_or_else(|| {
        Problem::new(StatusCode::TOO_MANY_REQUESTS, "too many programs wait to be let in; try again in some minutes")
    })?;
    let answer = DeviceCode {
        device_code: secret.reveal().to_owned(),
        verification_uri_complete: format!("{verification_uri}?code={user_code}"),
        user_code,
        verification_uri,
        expires_in: LASTS_MS / 1_000,
        interval: INTERVAL_S,
    };
    Ok(no_store(answer))
}

/// The token of a program that was let in, once.
///
/// For everyone with a code that is right. A program that was not yet decided on is told `authorization_pending`.
#[utoipa::path(
    post, path = "/v1/login/token", tag = "login", security(()),
    request_body(content = TokenForm, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, body = GrantedToken),
        (status = 400, body = ProblemBody, content_type = "application/problem+json", description = "There is none, or not yet"),
    ),
)]
pub async fn grant_token(
    State(app): State<App>,
    source: Source,
    body: Result<Bytes, BytesRejection>,
) -> Result<([(HeaderName, HeaderValue); 1], Json<GrantedToken>), Problem> {
    let form = Form::read(body)?;
    let now = app.engine.now();
    app.attempts.may_try(source, now)?;
    let needed = |name: &str| Ok::<_, Problem>(form.one(name)?.ok_or_else(|| missing(name))?.to_owned());
    let told = match form.one("grant_type")? {
        Some("authorization_code") => {
            let [code, verifier, to] = ["code", "code_verifier", "redirect_uri"].map(needed);
            let wrong = "the code is none, has expired or was used already, or is another program's";
            app.waiting.exchange(&code?, &verifier?, &to?, now).ok_or_else(|| Problem::no_token("invalid_grant", wrong))
        }
        Some(DEVICE_CODE) => match app.waiting.tell(&needed("device_code")?, now) {
            Told::In(let_in) => Ok(let_in),
            Told::Wait => {
                return Err(Problem::no_token("authorization_pending", "nobody has let the program in yet; ask again"));
            }
            Told::Slower => {
                let seconds = format!("ask again after {INTERVAL_S} seconds, and not before");
                return Err(Problem::no_token("slow_down", seconds));
            }
            Told::Refused => Err(Problem::no_token("access_denied", "somebody has refused to let the program in")),
            Told::Expired => Err(Problem::no_token("expired_token", "the code is none, or has expired; begin again")),
        },
        Some(other) => {
            let detail = format!("grant_type is '{other}'; allowed are authorization_code and {DEVICE_CODE}");
            return Err(Problem::no_token("unsupported_grant_type", detail));
        }
        None => return Err(missing("grant_type")),
    };
    let made = match told {
        Ok(let_in) => issue(&app, let_in).await,
        Err(problem) => Err(problem),
    };
    if let Err(problem) = &made
        && problem.status.is_client_error()
    {
        app.attempts.failed(source, now);
        note_failure(&app, source, "of a program", problem).await?;
    }
    made.map(no_store)
}

/// Makes the token of a program.
async fn issue(app: &App, LetIn { grant, by, name }: LetIn) -> Result<GrantedToken, Problem> {
    let now = app.engine.now();
    let snapshot = app.engine.snapshot();
    let until = snapshot.directory.token(&by).and_then(|token| token.terms.expires);
    let expires = (now + app.sign_in().lasts_ms).min(until.unwrap_or(i64::MAX));
    let program = if name.is_empty() { "a program" } else { &name };
    let label = format!("{program}, let in {}", rfc3339_utc(now));
    let (secret, id, token) = fresh("rc_user_", grant, label, now);
    let mut token = token.for_program(&by);
    token.terms.expires = Some(expires);
    let change = Change::LetIn { id: id.clone(), token, now };
    let note = token_note(&by, &change, &snapshot.directory);
    let made = app.engine.audited(change, note).map_err(Problem::from)?.answer().await;
    made.map_err(|error| match Problem::from(error) {
        gone if gone.status == StatusCode::NOT_FOUND => {
            Problem::no_token("access_denied", "whoever let the program in is signed out by now")
        }
        problem => problem,
    })?;
    Ok(GrantedToken {
        access_token: secret.reveal().to_owned(),
        token_type: "Bearer".to_owned(),
        expires_in: (expires - now) / 1_000,
        token_id: id,
    })
}

/// A program that shows a code and waits to be let in.
///
/// For who is signed in at the page.
#[utoipa::path(
    get, path = "/v1/login/device/{code}", tag = "login", params(("code" = String, Path, description = "The code that it shows")),
    responses(
        (status = 200, body = AskingProgram),
        (status = 404, body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
pub async fn asking_program(
    State(app): State<App>,
    caller: Caller,
    source: Source,
    path: Result<Path<String>, PathRejection>,
) -> Result<Json<AskingProgram>, Problem> {
    caller.may_let_programs_in()?;
    let Path(code) = path?;
    app.attempts.may_try(source, caller.now)?;
    let Some(Asking { name, source: from, at }) = app.waiting.asks(&code, caller.now) else {
        return Err(no_program(&app, source).await?);
    };
    Ok(Json(AskingProgram { name, from, asked_at: rfc3339_utc(at), expires_at: rfc3339_utc(at + LASTS_MS) }))
}

/// Lets a program in that shows a code, or refuses it.
///
/// For who is signed in at the page: the program may do what they may.
#[utoipa::path(
    post, path = "/v1/login/device/{code}", tag = "login", request_body = Decision,
    params(("code" = String, Path, description = "The code that it shows")),
    responses(
        (status = 204, description = "It is told"),
        (status = 404, body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
pub async fn decide_on_program(
    State(app): State<App>,
    caller: Caller,
    source: Source,
    path: Result<Path<String>, PathRejection>,
    body: Result<JsonObject<Decision>, Problem>,
) -> Result<StatusCode, Problem> {
    caller.may_let_programs_in()?;
    let (Path(code), JsonObject(Decision { allow })) = (path?, body?);
    app.attempts.may_try(source, caller.now)?;
    let by = allow.then(|| (caller.grant.clone(), caller.token_id.clone()));
    match app.waiting.decide(&code, by, caller.now) {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(no_program(&app, source).await?),
    }
}

/// Lets a program in that listens on the machine of the browser, and says where the browser brings it its code.
///
/// For who is signed in at the page: the program may do what they may.
#[utoipa::path(
    post, path = "/v1/login", tag = "login", request_body = LocalProgram,
    responses(
        (status = 200, body = LetInAt),
    ),
)]
pub async fn let_program_in(
    State(app): State<App>,
    caller: Caller,
    body: Result<JsonObject<LocalProgram>, Problem>,
) -> Result<Json<LetInAt>, Problem> {
    caller.may_let_programs_in()?;
    let JsonObject(LocalProgram { redirect_uri, state, code_challenge, name: program }) = body?;
    if !is_loopback(&redirect_uri) {
        return Err(Problem::bad_request(format!(
            "redirectUri is '{redirect_uri}'; it must be http://127.0.0.1:PORT/ or http://[::1]:PORT/ and a path without ?"
        )));
    }
    let plain = |text: &str| text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
    if code_challenge.len() != CHALLENGE || !plain(&code_challenge) {
        return Err(Problem::bad_request(format!(
            "codeChallenge is '{code_challenge}'; it must be the base64url of a SHA-256, {CHALLENGE} letters"
        )));
    }
    if state.is_empty() || state.len() > STATE || !plain(&state) {
        return Err(Problem::bad_request(format!("state must be 1 to {STATE} of the letters A-Z a-z 0-9 - _")));
    }
    let let_in = LetIn { grant: caller.grant.clone(), by: caller.token_id.clone(), name: name(&program)? };
    let code = app.waiting.let_in(let_in, code_challenge, redirect_uri.clone(), caller.now).ok_or_else(|| {
        Problem::new(StatusCode::TOO_MANY_REQUESTS, "too many programs are being let in; try again in a minute")
    })?;
    Ok(Json(LetInAt { redirect_to: format!("{redirect_uri}?code={}&state={state}", code.reveal()) }))
}

/// Whether only programs on the same machine can listen at an address (RFC 8252, 7.3; `localhost` may be elsewhere).
fn is_loopback(address: &str) -> bool {
    let Ok(uri) = address.parse::<Uri>() else { return false };
    let is_plain = address.len() <= STATE && address.bytes().all(|b| b.is_ascii_graphic() && !b"?#@\\".contains(&b));
    let host = matches!(uri.host(), Some("127.0.0.1" | "[::1]"));
    is_plain && host && uri.scheme_str() == Some("http") && uri.port_u16().is_some_and(|port| port > 0)
}

async fn no_program(app: &App, source: Source) -> Result<Problem, Problem> {
    let problem = Problem::not_found("no program shows that code; it may have expired, or be decided on already");
    app.attempts.failed(source, app.engine.now());
    note_failure(app, source, "of a program", &problem).await?;
    Ok(problem)
}

fn name(text: &str) -> Result<String, Problem> {
    let letters = text.chars().count();
    if letters > NAME || text.chars().any(char::is_control) {
        return Err(Problem::bad_request(format!(
            "the program's name has {letters} characters; at most {NAME} are allowed, and no control character"
        )));
    }
    Ok(text.trim().to_owned())
}

fn missing(name: &str) -> Problem {
    Problem::no_token("invalid_request", format!("{name} is missing in the form"))
}

fn no_store<T>(body: T) -> ([(HeaderName, HeaderValue); 1], Json<T>) {
    ([(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))], Json(body))
}

/// A form. Fields that are not known say nothing, as OAuth has it.
struct Form(Vec<(String, String)>);

impl Form {
    fn read(body: Result<Bytes, BytesRejection>) -> Result<Form, Problem> {
        let body = body.map_err(|rejection| Problem::new(rejection.status(), rejection.body_text()))?;
        Ok(Form(form_urlencoded::parse(&body).into_owned().collect()))
    }

    fn one(&self, name: &str) -> Result<Option<&str>, Problem> {
        let mut given = self.0.iter().filter(|(field, _)| field == name).map(|(_, value)| value.as_str());
        match (given.next(), given.next()) {
            (_, Some(_)) => Err(Problem::bad_request(format!("{name} is there more than once"))),
            (one, None) => Ok(one),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_brought_to_programs_on_the_same_machine_alone() {
        for (address, expected) in [
            ("http://127.0.0.1:4711/", true),
            ("http://127.0.0.1:4711/callback", true),
            ("http://[::1]:4711/", true),
            ("http://127.0.0.1/", false),
            ("http://127.0.0.1:0/", false),
            ("https://127.0.0.1:4711/", false),
            ("http://localhost:4711/", false),
            ("http://127.0.0.1:4711/?a=b", false),
            ("http://127.0.0.1:4711/#", false),
            ("http://127.0.0.1:4711@evil.example/", false),
            ("http://evil.example:4711/", false),
            ("http://127.0.0.1.evil.example:4711/", false),
            ("//127.0.0.1:4711/", false),
            ("", false),
        ] {
            assert_eq!(is_loopback(address), expected, "{address}");
        }
    }
}
