//! `/v1/sessions`: who is signed in where, and ending that.

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;

use super::wire::{SessionBody, SessionList};
use crate::calendar::rfc3339_utc;
use crate::directory::{Change, Session, SessionsOf, SignedIn};
use crate::engine::Note;
use crate::http::App;
use crate::http::access::Caller;
use crate::http::listing::{ListParameters, Listed, Table};
use crate::http::problem::{Problem, ProblemBody};

/// The caller's sessions, in the order in which they were opened.
///
/// For operator and user tokens. The operator sees everybody's.
#[utoipa::path(
    get, path = "/v1/sessions", tag = "session",
    params(("userId" = Option<String>, Query, description = "Only this person's; for the operator"), ListParameters),
    responses(
        (status = 200, body = SessionList),
    ),
)]
pub async fn get_sessions(State(app): State<App>, listed: Listed) -> Result<Response, Problem> {
    let (caller, only) = (&listed.caller, listed.parameters.one("userId")?);
    caller.may_see_sessions(only)?;
    let sessions = caller.directory().sessions(caller.now, app.sign_in().idle_ms);
    let of_them = |signed_in: &SignedIn<'_>| only.is_none() || signed_in.grant.user_id() == only;
    let theirs = sessions.filter(|one| caller.may_end(&one.grant) && of_them(one));
    let (sessions, next) = listed.part(theirs.map(|one| body(caller, &one)))?;
    let list = SessionList { sessions, next };
    listed.answer(&TABLE, &list, &list.sessions)
}

const TABLE: Table = Table {
    name: "sessions",
    columns: &[
        "id",
        "userId",
        "userName",
        "tokenId",
        "issuer",
        "openedAt",
        "lastUsedAt",
        "expiresAt",
        "from",
        "current",
    ],
};

/// Ends a session: whoever has its cookie is signed out.
///
/// For whose it is, and for the operator.
#[utoipa::path(
    delete, path = "/v1/sessions/{id}", tag = "session",
    params(("id" = String, Path, description = "The session's id, as it is listed")),
    responses(
        (status = 204, description = "It has ended"),
        (status = 404, body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
pub async fn delete_session(
    State(app): State<App>,
    caller: Caller,
    path: Result<Path<String>, PathRejection>,
) -> Result<StatusCode, Problem> {
    let Path(id) = path?;
    caller.may_see_sessions(None)?;
    let mut sessions = caller.directory().sessions(caller.now, app.sign_in().idle_ms);
    let found = sessions.find(|one| Session::id(&one.hash) == id && caller.may_end(&one.grant));
    let found = found.ok_or_else(|| Problem::not_found(format!("there is no session '{id}' that is yours to end")))?;
    let user_id = found.grant.user_id().map(str::to_owned);
    let note = Note { target: id.clone(), user_id, ..Note::new(&caller.token_id, "session-end") };
    app.engine.audited(Change::CloseSessions(SessionsOf::Id(id)), note)?.answer().await?;
    Ok(StatusCode::NO_CONTENT)
}

fn body(caller: &Caller, one: &SignedIn<'_>) -> SessionBody {
    let SignedIn { hash, session, grant } = one;
    let id = Session::id(hash);
    // What is 0 or empty is of sessions of before it was written down.
    let known = |at: i64| (at != 0).then(|| rfc3339_utc(at));
    SessionBody {
        current: caller.session.as_ref().is_some_and(|own| own.id == id),
        id,
        user_id: grant.user_id().map(str::to_owned),
        user_name: grant.user_id().map(|id| caller.directory().user_label(id).to_owned()),
        token_id: Some(session.token_id.clone()).filter(|id| !id.is_empty()),
        issuer: session.terms.account.as_ref().map(|account| account.identity.issuer().to_owned()),
        opened_at: known(session.terms.opened),
        last_used_at: known(session.terms.last_used),
        expires_at: rfc3339_utc(session.expires),
        from: Some(session.terms.from.clone()).filter(|from| !from.is_empty()),
    }
}
