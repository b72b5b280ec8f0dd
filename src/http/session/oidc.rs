//! `/v1/session/oidc`: signing in by a provider of OpenID Connect.
//!
//! A sign-in begins with a cookie that is for it alone, and ends in the browser that has it: an address that somebody else
//! sends ends nothing.

use axum::Extension;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum_extra::extract::CookieJar;
use axum_extra::extract::cookie::{Cookie, SameSite};
use utoipa::ToSchema;

use super::invited::{COOKIE as INVITATION, COOKIE_PATH, accept_by};
use super::{open, session_cookie};
use crate::directory::{Account, Change, SessionsOf};
use crate::engine::Note;
use crate::http::attempts::Source;
use crate::http::connections::Peer;
use crate::http::origin::{is_tls, origin};
use crate::http::parameters::Parameters;
use crate::http::problem::{Problem, ProblemBody};
use crate::http::visitors::{Refused, enter, note_failure};
use crate::http::{App, on_a_thread};
use crate::signin::{Groups, Pending, Visitor};

/// Where a sign-in ends.
const CALLBACK: &str = "/v1/session/oidc/callback";
/// Followed by a part of the state: sign-ins of several windows are apart.
const COOKIE: &str = "rollcall_sign_in_";
/// Sign-ins of one browser that are under way; of more, none was meant to end.
const UNDER_WAY: usize = 10;
/// How long a sign-in may take: somebody looks for a second factor.
const MINUTES: i64 = 10;
/// What a provider has signed of somebody, for it alone when they sign out.
pub const HINT: &str = "rollcall_sign_out";
pub const HINT_PATH: &str = "/v1/session";
/// Browsers keep cookies of 4096 bytes with all that belongs to them. Of who is in too many groups there is none.
const HINT_BYTES: usize = 3_800;
/// Letters of an address to come back to.
const MAX_NEXT: usize = 2_000;

/// Begins a sign-in: leads to the provider.
///
/// For everyone. A browser that is refused is led to the page that says why; others get a problem.
#[utoipa::path(
    get, path = "/v1/session/oidc", tag = "session", security(()),
    params(
        ("provider" = Option<String>, Query, description = "The provider's name; may be left out where there is one"),
        ("next" = Option<String>, Query, description = "The path to go to then; default /"),
    ),
    responses(
        (status = 303, description = "To the provider"),
        (status = 400, body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, body = ProblemBody, content_type = "application/problem+json"),
        (status = 429, body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, body = ProblemBody, content_type = "application/problem+json", description = "The provider does not answer"),
    ),
)]
pub async fn begin(
    State(app): State<App>,
    source: Source,
    peer: Option<Extension<Peer>>,
    headers: HeaderMap,
    RawQuery(raw): RawQuery,
) -> Result<Response, Problem> {
    let parameters = Parameters::parse(raw.as_deref());
    let provider = app.sign_in().provider(parameters.one("provider")?)?.clone();
    let next = parameters.one("next")?.unwrap_or("/");
    if !is_own_path(next) {
        return Err(Problem::bad_request(format!(
            "next is '{next}'; it must be a path of this page, which begins with one /, and have at most {MAX_NEXT} \
             characters"
        )));
    }
    let now = app.engine.now();
    app.attempts.begin(source, now)?;
    let tls = is_tls(&headers, peer.as_deref());
    let (redirect, next) = (callback(&app, &headers, tls)?, next.to_owned());
    let by = provider.name().to_owned();
    let begun = on_a_thread(move || Ok::<_, Problem>(provider.begin(&redirect, &next, now))).await?;
    let begun = match begun {
        Ok(begun) => begun,
        Err(fault) => {
            let refused = Refused::from(fault);
            note_failure(&app, source, &format!("by '{by}'"), &refused.problem).await?;
            return Ok(refused.response(&headers));
        }
    };
    let own = |name: String| Cookie::build(name).path(COOKIE_PATH);
    let mut jar = CookieJar::new();
    let mut under_way = CookieJar::from_headers(&headers);
    let names: Vec<String> =
        under_way.iter().map(|cookie| cookie.name().to_owned()).filter(|name| name.starts_with(COOKIE)).collect();
    if names.len() >= UNDER_WAY {
        for name in names {
            under_way = under_way.remove(own(name));
        }
        jar = under_way;
    }
    let cookie = Cookie::build((cookie_name(&begun.pending.state), begun.pending.text()))
        .http_only(true)
        .same_site(SameSite::Lax)
        .secure(tls)
        .path(COOKIE_PATH)
        .max_age(time::Duration::minutes(MINUTES));
    Ok((jar.add(cookie), see_other(&begun.url)?).into_response())
}

/// Ends a sign-in: sets the session cookie, and leads to where it was begun for.
///
/// The provider leads here. A browser that is refused is led to the page that says why; others get a problem.
#[utoipa::path(
    get, path = "/v1/session/oidc/callback", tag = "session", security(()),
    params(
        ("code" = Option<String>, Query, description = "The provider's, to be used once"),
        ("state" = Option<String>, Query, description = "That of the beginning"),
        ("iss" = Option<String>, Query, description = "The provider's issuer"),
        ("error" = Option<String>, Query, description = "Why the provider has refused"),
        ("error_description" = Option<String>, Query, description = "The same in words"),
    ),
    responses(
        (status = 303, description = "Signed in; the cookie is in Set-Cookie"),
        (status = 400, body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, body = ProblemBody, content_type = "application/problem+json"),
        (status = 429, body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, body = ProblemBody, content_type = "application/problem+json", description = "The provider does not answer"),
    ),
)]
pub async fn end(
    State(app): State<App>,
    source: Source,
    peer: Option<Extension<Peer>>,
    headers: HeaderMap,
    RawQuery(raw): RawQuery,
) -> Result<Response, Problem> {
    let tls = is_tls(&headers, peer.as_deref());
    let parameters = Parameters::parse(raw.as_deref());
    // Whether there is any provider is told first, and whoever fails too often is not heard.
    if app.sign_in().providers.is_empty() {
        app.sign_in().provider(None)?;
    }
    app.attempts.may_try(source, app.engine.now())?;
    let jar = CookieJar::from_headers(&headers);
    let state = parameters.one("state").ok().flatten().unwrap_or_default();
    let name = cookie_name(state);
    let pending = jar.get(&name).and_then(|cookie| Pending::parse(cookie.value())).filter(|it| it.state == state);
    let done = match &pending {
        Some(pending) => finish(&app, source, &headers, tls, &parameters, pending).await,
        None => Err(Refused::new(
            "expired",
            StatusCode::BAD_REQUEST,
            "this sign-in was not begun in this browser, has ended already or took too long; begin again",
        )),
    };
    // Of use once, whatever came of it.
    let used = CookieJar::from_headers(&headers).remove(Cookie::build(name).path(COOKIE_PATH));
    let used = used.remove(Cookie::build(INVITATION).path(COOKIE_PATH));
    match done {
        Ok([session, hint]) => {
            let next = pending.map(|pending| pending.next).unwrap_or_default();
            Ok((used.add(session).add(hint), see_other(&next)?).into_response())
        }
        Err(refused) => {
            if refused.problem.status.is_client_error() {
                app.attempts.failed(source, app.engine.now());
            }
            let how = pending.map(|pending| format!("by '{}'", pending.provider)).unwrap_or_default();
            note_failure(&app, source, &how, &refused.problem).await?;
            Ok((used, refused.response(&headers)).into_response())
        }
    }
}

async fn finish(
    app: &App,
    source: Source,
    headers: &HeaderMap,
    tls: bool,
    parameters: &Parameters,
    pending: &Pending,
) -> Result<[Cookie<'static>; 2], Refused> {
    let provider = app.sign_in().provider(Some(&pending.provider))?.clone();
    let now = app.engine.now();
    // Sent by another provider than the one that was asked.
    if let Some(issuer) = parameters.one("iss")?.filter(|issuer| *issuer != provider.issuer()) {
        return Err(provider.refused(&format!("the answer is of '{issuer}'")).into());
    }
    if let Some(error) = parameters.one("error")? {
        let words = parameters.one("error_description")?.map(|words| format!(": {words}")).unwrap_or_default();
        return Err(provider.refused(&format!("{error}{words}")).into());
    }
    let code = parameters.required("code")?.to_owned();
    let redirect = callback(app, headers, tls)?;
    let (asked, own) = (provider.clone(), pending.clone());
    let visitor = on_a_thread(move || Ok::<_, Problem>(asked.finish(&redirect, &code, &own, now))).await??;
    app.attempts.sign_in(&format!("{} {}", visitor.identity.issuer(), visitor.identity.subject()), now)?;
    accept_by(app, &CookieJar::from_headers(headers), &visitor).await?;
    let user_id = enter(app, &visitor, provider.rules(), provider.welcomes(), "provider").await?;
    let notice = match &visitor.groups {
        Groups::Incomplete(why) => Some(why.clone()),
        Groups::Known(_) => None,
    };
    let Visitor { identity, sid, hint, .. } = visitor;
    let cut_off = notice.as_ref().map(|why| format!("; {why}")).unwrap_or_default();
    let detail = format!("by '{}' as '{}', from {source}{cut_off}", provider.name(), identity.subject());
    let account = Account { user_id, identity, sid };
    let secret = open(app, String::new(), Some(account), notice, source, detail).await?;
    let hint = hint.filter(|hint| hint.len() <= HINT_BYTES).unwrap_or_default();
    Ok([session_cookie(app, &secret, tls), hint_cookie(app, hint, tls)])
}

/// What a provider is reminded of somebody by when they sign out. Their browser has it, for as long as the session may
/// last: it is of no use to this server, and no secret to them.
fn hint_cookie(app: &App, hint: String, tls: bool) -> Cookie<'static> {
    let lasts = if hint.is_empty() { 0 } else { app.sign_in().lasts_ms };
    Cookie::build((HINT, hint))
        .http_only(true)
        .same_site(SameSite::Lax)
        .secure(tls)
        .path(HINT_PATH)
        .max_age(time::Duration::milliseconds(lasts))
        .build()
}

/// What a provider says when somebody has signed out there.
#[derive(ToSchema)]
#[allow(dead_code, reason = "documents what the handler takes")]
pub struct LogoutForm {
    /// A token that the provider has signed.
    pub logout_token: String,
}

/// Ends the sessions of somebody who has signed out at the provider (OpenID Connect Back-Channel Logout).
#[utoipa::path(
    post, path = "/v1/session/oidc/backchannel", tag = "session", security(()),
    params(("provider" = Option<String>, Query, description = "The provider's name; may be left out where there is one")),
    request_body(content = LogoutForm, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "The sessions have ended"),
        (status = 404, body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
pub async fn backchannel(
    State(app): State<App>,
    source: Source,
    RawQuery(raw): RawQuery,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let parameters = Parameters::parse(raw.as_deref());
    let provider = app.sign_in().provider(parameters.one("provider")?)?.clone();
    let now = app.engine.now();
    app.attempts.may_try(source, now)?;
    let body = body.map_err(|rejection| Problem::new(rejection.status(), rejection.body_text()))?;
    let mut fields = form_urlencoded::parse(&body);
    let logout_token = fields.find(|(name, _)| name == "logout_token").map(|(_, value)| value.into_owned());
    let logout_token = logout_token.ok_or_else(|| Problem::bad_request("logout_token is missing in the form"))?;
    let by = provider.name().to_owned();
    let ended = on_a_thread(move || Ok::<_, Problem>(provider.logged_out(&logout_token, now))).await?;
    let (identity, sid) = ended.map_err(|fault| {
        app.attempts.failed(source, now);
        let refused = Refused::from(fault).problem;
        // As the specification has it.
        if refused.status == StatusCode::FORBIDDEN { Problem::bad_request(refused.detail) } else { refused }
    })?;
    let snapshot = app.engine.snapshot();
    let user_id = snapshot.directory.linked(&identity).map(|linked| linked.user_id.clone());
    let note = Note {
        target: user_id.clone().unwrap_or_default(),
        user_id,
        detail: format!("by '{by}' as '{}'", identity.subject()),
        ..Note::new("provider", "sign-out")
    };
    app.engine.audited(Change::CloseSessions(SessionsOf::Account { identity, sid }), note)?.answer().await?;
    Ok((StatusCode::OK, [(header::CACHE_CONTROL, "no-store")]).into_response())
}

fn cookie_name(state: &str) -> String {
    let part: String = state.chars().filter(char::is_ascii_hexdigit).take(8).collect();
    format!("{COOKIE}{part}")
}

/// Where the provider leads back to. It takes only those that it knows, so that the request's host may say it.
fn callback(app: &App, headers: &HeaderMap, tls: bool) -> Result<String, Problem> {
    Ok(format!("{}{CALLBACK}", origin(app, headers, tls)?))
}

/// Whether it is a path of this page, to a browser as well: that takes \ for / and leaves out tabs and ends of lines.
fn is_own_path(next: &str) -> bool {
    let rest = next.strip_prefix('/');
    rest.is_some_and(|rest| !rest.starts_with('/'))
        && next.chars().count() <= MAX_NEXT
        && !next.contains(|c: char| c == '\\' || c.is_control() || c.is_whitespace())
}

fn see_other(to: &str) -> Result<Response, Problem> {
    // Addresses of pages may have letters that a header must not.
    let mut escaped = String::new();
    for byte in to.bytes() {
        if byte.is_ascii_graphic() { escaped.push(char::from(byte)) } else { escaped += &format!("%{byte:02X}") }
    }
    let to = HeaderValue::from_str(&escaped).map_err(|_| Problem::bad_request("that is no address"))?;
    Ok((StatusCode::SEE_OTHER, [(header::LOCATION, to), (header::CACHE_CONTROL, HeaderValue::from_static("no-store"))])
        .into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sign_in_leads_to_no_other_page() {
        for own in ["/", "/organizations/acme/analytics?from=2026-06-01&model=a%2Fb#x", "/ä", "/a//b", "/:80"] {
            assert!(is_own_path(own), "{own}");
        }
        let long = format!("/{}", "a".repeat(MAX_NEXT));
        let others = [
            "",
            "acme",
            "//evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "/\t/evil.example",
            "/\n/evil.example",
            "https://evil.example",
            "javascript:alert(1)",
            " /",
            "/a b",
            &long,
        ];
        for other in others {
            assert!(!is_own_path(other), "{other:?}");
        }
        let to = |next: &str| see_other(next).unwrap().headers()[header::LOCATION].to_str().unwrap().to_owned();
        assert_eq!((to("/ä?b=%20"), to("/a")), ("/%C3%A4?b=%20".to_owned(), "/a".to_owned()));
    }
}
