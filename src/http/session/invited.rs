//! Accepting an invitation: by whoever has the link, once.
//!
//! Where people sign in by a provider, the link makes nobody a member by itself: it is kept by the browser until the
//! sign-in has ended, and the account is the member's then. Elsewhere it signs in, with a token of which nobody knows the
//! secret, and which opens this organization alone.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::{Extension, Json};
use axum_extra::extract::CookieJar;
use axum_extra::extract::cookie::{Cookie, SameSite};

use super::{open, session_cookie};
use crate::calendar::rfc3339_utc;
use crate::directory::{Change, Directory, Grant, Guest, Invitation, is_random_secret};
use crate::engine::UNKNOWN;
use crate::http::App;
use crate::http::attempts::Source;
use crate::http::body::JsonObject;
use crate::http::connections::Peer;
use crate::http::invitations::wire::{Accepted, AcceptedInvitation, InvitationSecret, OpenInvitation};
use crate::http::invitations::{invited_by, note};
use crate::http::origin::is_tls;
use crate::http::problem::{Problem, ProblemBody};
use crate::http::tokens::{fresh, token_note};
use crate::http::visitors::note_failure;
use crate::model::UnixMs;
use crate::signin::Visitor;

/// Has the link until a sign-in by a provider has ended.
pub const COOKIE: &str = "rollcall_invitation";
/// Where that is.
pub const COOKIE_PATH: &str = "/v1/session/oidc";
/// As long as a sign-in may take.
const MINUTES: i64 = 10;

/// What the link is to. It can still be accepted then.
///
/// For whoever has the link.
#[utoipa::path(
    post, path = "/v1/invitations/read", tag = "invitations", security(()), request_body = InvitationSecret,
    responses(
        (status = 200, body = OpenInvitation),
        (status = 404, body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
pub async fn read_invitation(
    State(app): State<App>,
    source: Source,
    body: Result<JsonObject<InvitationSecret>, Problem>,
) -> Result<Json<OpenInvitation>, Problem> {
    let JsonObject(InvitationSecret { secret }) = body?;
    let (snapshot, now) = (app.engine.snapshot(), app.engine.now());
    let (_, invitation) = standing(&app, &snapshot.directory, &secret, source, now).await?;
    let organization = snapshot.directory.organization(&invitation.organization_id);
    let name = organization.and_then(|of| of.profile.name.clone());
    Ok(Json(OpenInvitation {
        organization_name: name.unwrap_or_else(|| invitation.organization_id.clone()),
        invited_by: invited_by(&invitation, &snapshot.directory),
        organization_id: invitation.organization_id,
        email: invitation.email,
        role: invitation.role.into(),
        expires_at: rfc3339_utc(invitation.expires),
    }))
}

/// Accepts an invitation: signs in, or says where to.
///
/// For whoever has the link, once.
#[utoipa::path(
    post, path = "/v1/invitations/accept", tag = "invitations", security(()), request_body = AcceptedInvitation,
    responses(
        (status = 200, body = Accepted, description = "A cookie is in Set-Cookie: of the session, or of the invitation until the sign-in has ended"),
        (status = 404, body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
pub async fn accept_invitation(
    State(app): State<App>,
    source: Source,
    peer: Option<Extension<Peer>>,
    headers: HeaderMap,
    body: Result<JsonObject<AcceptedInvitation>, Problem>,
) -> Result<(CookieJar, Json<Accepted>), Problem> {
    let JsonObject(AcceptedInvitation { secret, provider }) = body?;
    let (snapshot, now) = (app.engine.snapshot(), app.engine.now());
    let (id, invitation) = standing(&app, &snapshot.directory, &secret, source, now).await?;
    let tls = is_tls(&headers, peer.as_deref());
    if provider.is_some() || app.sign_in().enforces() {
        let provider = app.sign_in().provider(provider.as_deref())?;
        let query = form_urlencoded::Serializer::new(String::new()).append_pair("provider", provider.name()).finish();
        let cookie = Cookie::build((COOKIE, secret))
            .http_only(true)
            .same_site(SameSite::Lax)
            .secure(tls)
            .path(COOKIE_PATH)
            .max_age(time::Duration::minutes(MINUTES));
        let sign_in_at = Some(format!("{COOKIE_PATH}?{query}"));
        return Ok((CookieJar::new().add(cookie), Json(Accepted { sign_in_at })));
    }
    let user_id = snapshot.directory.invitee(&id, &invitation, None);
    let note = note(UNKNOWN, "invitation-accept", &id, &invitation);
    let change = Change::AcceptInvitation { id: id.clone(), guest: None, now };
    app.engine.audited(change, note)?.answer().await.map_err(|error| gone(Problem::from(error)))?;
    let grant = Grant::Member { organization_id: invitation.organization_id, user_id };
    // Nobody is told its secret: it is what the session is of, and ends with it.
    let (_, token_id, mut token) = fresh("rc_user_", grant, format!("invitation of {}", invitation.email), now);
    token.terms.made_by = Some(id);
    token.terms.expires = Some(now + app.sign_in().lasts_ms);
    let change = Change::PutToken { id: token_id.clone(), token };
    let note = token_note(UNKNOWN, &change, &snapshot.directory);
    app.engine.audited(change, note)?.answer().await?;
    let secret = open(&app, token_id, None, None, source, format!("by an invitation, from {source}")).await?;
    Ok((CookieJar::new().add(session_cookie(&app, &secret, tls)), Json(Accepted { sign_in_at: None })))
}

/// Makes who has signed in by a provider the member that their browser's invitation is for. One that is none any more
/// changes nothing: they may be a member already.
pub async fn accept_by(app: &App, jar: &CookieJar, visitor: &Visitor) -> Result<(), Problem> {
    let Some(secret) = jar.get(COOKIE).map(|cookie| cookie.value().to_owned()) else { return Ok(()) };
    let (snapshot, now) = (app.engine.snapshot(), app.engine.now());
    let found = snapshot.directory.invitation_by_secret(&secret);
    let Some((id, invitation)) = found.filter(|(_, of)| now < of.expires && of.stands(&snapshot.directory, now)) else {
        return Ok(());
    };
    let guest = Guest {
        identity: visitor.identity.clone(),
        name: visitor.name.clone(),
        verified_email: visitor.verified_email().map(str::to_owned),
    };
    let note = note("provider", "invitation-accept", id, invitation);
    let change = Change::AcceptInvitation { id: id.to_owned(), guest: Some(Box::new(guest)), now };
    match app.engine.audited(change, note)?.answer().await.map_err(Problem::from) {
        // Somebody else was quicker.
        Err(problem) if problem.status == StatusCode::NOT_FOUND => Ok(()),
        done => done.map(drop),
    }
}

/// The invitation of a secret that can be accepted, with its id.
async fn standing(
    app: &App,
    directory: &Directory,
    secret: &str,
    source: Source,
    now: UnixMs,
) -> Result<(String, Invitation), Problem> {
    app.attempts.may_try(source, now)?;
    // Those made here have too many random bits to be found by trying.
    let found = directory.invitation_by_secret(secret).filter(|_| is_random_secret(secret));
    let found = found.filter(|(_, of)| now < of.expires && of.stands(directory, now));
    match found {
        Some((id, invitation)) => Ok((id.to_owned(), invitation.clone())),
        None => {
            let problem = gone(Problem::not_found(""));
            app.attempts.failed(source, now);
            note_failure(app, source, "by an invitation", &problem).await?;
            Err(problem)
        }
    }
}

/// Why there is no such invitation is nobody's affair who may have guessed.
fn gone(problem: Problem) -> Problem {
    if problem.status != StatusCode::NOT_FOUND {
        return problem;
    }
    Problem::not_found("there is no such invitation: it was accepted, has expired or was taken back; ask for another")
}
