//! Signing in: a token, or somebody's account at a provider, becomes a cookie that scripts cannot read.

pub mod invited;
pub mod list;
pub mod oidc;
pub mod wire;

use axum::extract::State;
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use axum_extra::extract::CookieJar;
use axum_extra::extract::cookie::{Cookie, SameSite};

use self::wire::{Me, MeOrganization, ProjectEntry, Projects, SignIn, SignedOut};
use super::access::{Caller, SESSION_COOKIE, Subject};
use super::attempts::Source;
use super::body::JsonObject;
use super::connections::Peer;
use super::directory::wire::UserBody;
use super::listing::{ListParameters, Listed, Table};
use super::origin::{is_tls, origin};
use super::problem::{Problem, ProblemBody};
use super::tokens::token_note;
use super::tokens::wire::TokenKind;
use super::visitors::note_failure;
use super::{App, on_a_thread};
use crate::directory::{
    Account, Change, Directory, Grant, Secret, SecretHash, Session, SessionTerms, SessionsOf, Status,
};
use crate::engine::Note;

/// Signs in with a token: sets a session cookie.
#[utoipa::path(
    post, path = "/v1/session", tag = "session", security(()), request_body = SignIn,
    responses(
        (status = 200, body = Me, description = "Signed in; the cookie is in Set-Cookie"),
    ),
)]
pub async fn sign_in(
    State(app): State<App>,
    source: Source,
    peer: Option<Extension<Peer>>,
    headers: HeaderMap,
    body: Result<JsonObject<SignIn>, Problem>,
) -> Result<(CookieJar, Json<Me>), Problem> {
    let JsonObject(SignIn { token }) = body?;
    let (snapshot, now) = (app.engine.snapshot(), app.engine.now());
    let admitted = app.attempts.token(&snapshot.directory, token.trim(), source, now).and_then(|(id, token)| {
        let me = describe(&snapshot.directory, &token.grant)?;
        if token.grant.user_id().is_some() && app.sign_in().enforces() {
            return Err(app.sign_in().only_by_providers());
        }
        app.attempts.sign_in(id, now)?;
        Ok((id, me))
    });
    let (token_id, me) = match admitted {
        Ok(admitted) => admitted,
        Err(problem) => {
            note_failure(&app, source, "", &problem).await?;
            return Err(problem);
        }
    };
    let secret = open(&app, token_id.to_owned(), None, None, source, format!("from {source}")).await?;
    let cookie = session_cookie(&app, &secret, is_tls(&headers, peer.as_deref()));
    Ok((CookieJar::new().add(cookie), Json(me)))
}

/// Opens a session, with a token or by an account elsewhere, and hands its secret over.
async fn open(
    app: &App,
    token_id: String,
    account: Option<Account>,
    notice: Option<String>,
    source: Source,
    detail: String,
) -> Result<Secret, Problem> {
    let (secret, now) = (Secret::generate(""), app.engine.now());
    let hash = SecretHash::of(secret.reveal());
    let by_token =
        app.engine.snapshot().directory.token(&token_id).and_then(|token| token.grant.user_id().map(str::to_owned));
    let (actor, target, user_id) = match &account {
        Some(account) => (Session::id(&hash), account.user_id.clone(), Some(account.user_id.clone())),
        None => (token_id.clone(), token_id.clone(), by_token),
    };
    let terms = SessionTerms { account, opened: now, last_used: now, from: source.to_string(), notice };
    let session = Session { token_id, expires: now + app.sign_in().lasts_ms, terms };
    let note = Note { target, user_id, detail, ..Note::new(&actor, "sign-in") };
    app.engine.audited(Change::OpenSession { hash, session, now }, note)?.answer().await?;
    Ok(secret)
}

fn session_cookie(app: &App, secret: &Secret, tls: bool) -> Cookie<'static> {
    Cookie::build((SESSION_COOKIE, secret.reveal().to_owned()))
        .http_only(true)
        .same_site(SameSite::Lax)
        .secure(tls)
        .path("/")
        .max_age(time::Duration::milliseconds(app.sign_in().lasts_ms))
        .build()
}

/// Who is signed in here: null without a session, and after one has ended.
///
/// For a page that cannot read its own cookie, and to which "nobody" is an answer and no failure.
#[utoipa::path(
    get, path = "/v1/session", tag = "session", security((), ("token" = [])),
    responses(
        (status = 200, body = Option<Me>),
    ),
)]
pub async fn signed_in(headers: HeaderMap, caller: Result<Caller, Problem>) -> Result<Json<Option<Me>>, Problem> {
    match caller {
        Ok(caller) => described(&caller).map(Some).map(Json),
        Err(problem) if problem.status == StatusCode::UNAUTHORIZED && !headers.contains_key(AUTHORIZATION) => {
            Ok(Json(None))
        }
        Err(problem) => Err(problem),
    }
}

/// Ends the session, or lets a program out that asks with the token that it was let in with.
#[utoipa::path(
    delete, path = "/v1/session", tag = "session",
    responses(
        (status = 200, body = SignedOut, description = "Signed out here, and not yet at the provider"),
        (status = 204, description = "Signed out"),
    ),
)]
pub async fn sign_out(
    State(app): State<App>,
    caller: Caller,
    peer: Option<Extension<Peer>>,
    headers: HeaderMap,
) -> Result<(CookieJar, Response), Problem> {
    let jar = CookieJar::from_headers(&headers);
    let gone = jar.clone().remove(Cookie::build(SESSION_COOKIE).path("/"));
    let gone = gone.remove(Cookie::build(oidc::HINT).path(oidc::HINT_PATH));
    let done = || Ok((gone.clone(), StatusCode::NO_CONTENT.into_response()));
    let Some(cookie) = jar.get(SESSION_COOKIE).filter(|_| caller.session.is_some()) else {
        if caller.directory().token(&caller.token_id).is_some_and(|token| token.let_in_by().is_some()) {
            let change = Change::RevokeToken { id: caller.token_id.clone() };
            let note = token_note(&caller.token_id, &change, caller.directory());
            app.engine.audited(change, note)?.answer().await?;
        }
        return done();
    };
    let signed_in = caller.directory().signed_in(cookie.value(), caller.now, app.sign_in().idle_ms);
    let account = signed_in.and_then(|one| one.session.terms.account.clone());
    let note = Note {
        target: caller.token_id.clone(),
        user_id: caller.user_id().map(str::to_owned),
        ..Note::new(&caller.token_id, "sign-out")
    };
    let hash = SecretHash::of(cookie.value());
    app.engine.audited(Change::CloseSessions(SessionsOf::Secret(hash)), note)?.answer().await?;
    let of = account.and_then(|account| {
        let mut providers = app.sign_in().providers.iter();
        providers.find(|provider| provider.issuer() == account.identity.issuer()).cloned()
    });
    let Some(provider) = of else { return done() };
    let back = format!("{}/", origin(&app, &headers, is_tls(&headers, peer.as_deref()))?);
    let hint = jar.get(oidc::HINT).map(|cookie| cookie.value().to_owned());
    let at = on_a_thread(move || Ok::<_, Problem>(provider.sign_out(hint.as_deref(), &back, caller.now))).await?;
    let Some(leads_to) = at else { return done() };
    Ok((gone, Json(SignedOut { leads_to }).into_response()))
}

/// Who is signed in, and the organizations they may ask about.
///
/// For operator and user tokens.
#[utoipa::path(
    get, path = "/v1/me", tag = "session",
    responses(
        (status = 200, body = Me),
    ),
)]
pub async fn me(caller: Caller) -> Result<Json<Me>, Problem> {
    described(&caller).map(Json)
}

/// Who is asking, with what they should know of their sign-in.
fn described(caller: &Caller) -> Result<Me, Problem> {
    let notice = caller.session.as_ref().and_then(|session| session.notice.clone());
    Ok(Me { notice, ..describe(caller.directory(), &caller.grant)? })
}

/// The projects of an organization that the caller has access to.
///
/// For operator and user tokens.
#[utoipa::path(
    get, path = "/v1/projects", tag = "session",
    params(("organizationId" = String, Query, description = "The organization asked about"), ListParameters),
    responses(
        (status = 200, body = Projects),
        (status = 404, body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
pub async fn projects(listed: Listed) -> Result<Response, Problem> {
    let caller = &listed.caller;
    let organization = caller.may_ask(listed.parameters.required("organizationId")?, Subject::ApiKeys)?;
    let projects = caller.projects(organization).map(|(id, project)| ProjectEntry {
        id: id.clone(),
        name: project.name.clone().unwrap_or_else(|| id.clone()),
        status: project.status.into(),
    });
    let (projects, next) = listed.part(projects)?;
    let list = Projects { projects, next };
    listed.answer(&TABLE, &list, &list.projects)
}

const TABLE: Table = Table { name: "projects", columns: &["id", "name", "status"] };

fn describe(directory: &Directory, grant: &Grant) -> Result<Me, Problem> {
    let active = directory.organizations().filter(|(_, o)| o.profile.status == Status::Active);
    let entry = |id: &str, o: &crate::directory::Organization, role| MeOrganization {
        id: id.to_owned(),
        name: o.profile.name.clone().unwrap_or_else(|| id.to_owned()),
        plan: o.profile.plan.into(),
        role,
        timezone: o.profile.timezone.clone(),
    };
    match grant {
        Grant::Ingest { .. } => {
            Err(Problem::forbidden("an ingest token may send events and ask about calls, and nothing else"))
        }
        Grant::Scim { .. } => {
            Err(Problem::forbidden("a scim token provisions people and groups at /scim/v2, and does nothing else"))
        }
        Grant::Operator => Ok(Me {
            kind: TokenKind::Operator,
            user: None,
            organizations: active.map(|(id, o)| entry(id, o, None)).collect(),
            notice: None,
        }),
        Grant::User { user_id } | Grant::Member { user_id, .. } => {
            let user = directory.user(user_id).cloned().unwrap_or_default();
            let mine = active.filter_map(|(id, o)| Some((id, o, grant.member_of(id, o)?.role)));
            Ok(Me {
                kind: TokenKind::User,
                user: Some(UserBody { id: user_id.clone(), name: user.name, email: user.email }),
                organizations: mine.map(|(id, o, role)| entry(id, o, Some(role.into()))).collect(),
                notice: None,
            })
        }
    }
}
