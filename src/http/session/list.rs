//! `/v1/sessions`: who is signed in where, which programs they have let in, and ending that.

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;

use super::wire::{SessionBody, SessionList};
use crate::calendar::rfc3339_utc;
use crate::directory::{Change, Directory, Grant, Session, SessionsOf, SignedIn, Token};
use crate::engine::Note;
use crate::http::App;
use crate::http::access::Caller;
use crate::http::listing::{ListParameters, Listed, Table};
use crate::http::parameters::Parameters;
use crate::http::problem::{Problem, ProblemBody};
use crate::http::visitors::SignInSettings;
use crate::model::UnixMs;

/// The caller's sessions and the programs that they have let in, in the order in which they were.
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
    let of_them =
        |one: &(String, Grant, SessionBody)| caller.may_end(&one.1) && (only.is_none() || one.1.user_id() == only);
    let current = current(caller);
    let all = all(caller.directory(), caller.now, app.sign_in().idle_ms).filter(of_them);
    let (sessions, next) = listed.part(all.map(|(id, _, body)| SessionBody { current: id == current, ..body }))?;
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
        "program",
        "openedAt",
        "lastUsedAt",
        "expiresAt",
        "from",
        "current",
    ],
};

/// Ends a session: whoever has its cookie is signed out. A program has to be let in again.
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
    let mut all = all(caller.directory(), caller.now, app.sign_in().idle_ms);
    let found = all.find(|(one, grant, _)| *one == id && caller.may_end(grant));
    let (_, grant, _) =
        found.ok_or_else(|| Problem::not_found(format!("there is no session '{id}' that is yours to end")))?;
    let note = Note {
        target: id.clone(),
        user_id: grant.user_id().map(str::to_owned),
        ..Note::new(&caller.token_id, "session-end")
    };
    app.engine.audited(Change::CloseSessions(SessionsOf::Ids(vec![id])), note)?.answer().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Ends all sessions of the caller but the one that asks, and lets their programs out.
///
/// For operator and user tokens. The operator may name somebody else, of whom all are ended.
#[utoipa::path(
    delete, path = "/v1/sessions", tag = "session",
    params(("userId" = Option<String>, Query, description = "This person's; for the operator")),
    responses(
        (status = 204, description = "They have ended"),
    ),
)]
pub async fn delete_sessions(
    State(app): State<App>,
    caller: Caller,
    RawQuery(raw): RawQuery,
) -> Result<StatusCode, Problem> {
    let parameters = Parameters::parse(raw.as_deref());
    let only = parameters.one("userId")?;
    caller.may_see_sessions(only)?;
    // Those of all operators are one person's as little as those of all people are.
    let of_them = |grant: &Grant| grant.user_id() == only.or(caller.user_id());
    let (all, current) = (all(caller.directory(), caller.now, app.sign_in().idle_ms), current(&caller));
    let others = all.filter(|(id, grant, _)| of_them(grant) && caller.may_end(grant) && id != current);
    let ids: Vec<String> = others.map(|(id, ..)| id).collect();
    if ids.is_empty() {
        return Ok(StatusCode::NO_CONTENT);
    }
    let user_id = only.or(caller.user_id()).map(str::to_owned);
    let target = user_id.clone().unwrap_or_else(|| caller.token_id.clone());
    let detail = ids.join(", ");
    let note = Note { target, user_id, detail, ..Note::new(&caller.token_id, "session-end") };
    app.engine.audited(Change::CloseSessions(SessionsOf::Ids(ids)), note)?.answer().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// All sessions and programs that are in, as whoever has the files sees them.
pub fn list_sessions(directory: &Directory, now: UnixMs) -> SessionList {
    let idle_ms = SignInSettings::default().idle_ms;
    SessionList { sessions: all(directory, now, idle_ms).map(|(.., body)| body).collect(), next: None }
}

/// The session, or the program, that a request is of.
fn current(caller: &Caller) -> &str {
    caller.session.as_ref().map_or(&caller.token_id, |own| &own.id)
}

/// All sessions and programs that are in, with the id and whose each is.
fn all(directory: &Directory, now: UnixMs, idle_ms: i64) -> impl Iterator<Item = (String, Grant, SessionBody)> {
    let sessions = directory.sessions(now, idle_ms).map(|one| {
        let body = body(directory, &one);
        (body.id.clone(), one.grant, body)
    });
    let programs = directory.programs(now);
    sessions.chain(programs.map(|(id, token)| (id.to_owned(), token.grant.clone(), program(directory, id, token))))
}

fn whose(directory: &Directory, id: String, grant: &Grant) -> SessionBody {
    SessionBody {
        id,
        user_id: grant.user_id().map(str::to_owned),
        user_name: grant.user_id().map(|id| directory.user_label(id).to_owned()),
        ..SessionBody::default()
    }
}

fn program(directory: &Directory, id: &str, token: &Token) -> SessionBody {
    SessionBody {
        program: Some(token.label.clone()),
        opened_at: Some(rfc3339_utc(token.created)),
        last_used_at: token.terms.last_used.map(rfc3339_utc),
        // Each has an end.
        expires_at: rfc3339_utc(token.terms.expires.unwrap_or_default()),
        ..whose(directory, id.to_owned(), &token.grant)
    }
}

fn body(directory: &Directory, one: &SignedIn<'_>) -> SessionBody {
    let SignedIn { hash, session, grant } = one;
    // What is 0 or empty is of sessions of before it was written down.
    let known = |at: i64| (at != 0).then(|| rfc3339_utc(at));
    SessionBody {
        token_id: Some(session.token_id.clone()).filter(|id| !id.is_empty()),
        issuer: session.terms.account.as_ref().map(|account| account.identity.issuer().to_owned()),
        opened_at: known(session.terms.opened),
        last_used_at: known(session.terms.last_used),
        expires_at: rfc3339_utc(session.expires),
        from: Some(session.terms.from.clone()).filter(|from| !from.is_empty()),
        ..whose(directory, Session::id(hash), grant)
    }
}
