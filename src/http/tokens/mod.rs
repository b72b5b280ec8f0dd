//! `/v1/tokens`: making, listing and revoking access tokens.

pub mod wire;

use axum::Json;
use axum::extract::rejection::{JsonRejection, PathRejection};
use axum::extract::{Path, State};
use axum::http::StatusCode;

use self::wire::{CreatedToken, NewToken, TokenBody, TokenKind, TokenList};
use super::App;
use super::access::Caller;
use super::directory::{id, json_problem, text};
use super::problem::{Problem, ProblemBody};
use crate::calendar::rfc3339_utc;
use crate::directory::{Change, Directory, Grant, Secret, SecretHash, Token};
use crate::engine::{Engine, Note};

/// Makes a token. Its secret is in the answer and nowhere else.
///
/// Operator only.
#[utoipa::path(
    post, path = "/v1/tokens", tag = "tokens", request_body = NewToken,
    responses(
        (status = 201, body = CreatedToken),
        (status = 400, body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
pub async fn post_token(
    State(app): State<App>,
    caller: Caller,
    body: Result<Json<NewToken>, JsonRejection>,
) -> Result<(StatusCode, Json<CreatedToken>), Problem> {
    caller.require_operator()?;
    let Json(body) = body.map_err(json_problem)?;
    let (change, created) = new_token(body, &app.engine)?;
    let note = token_note(&caller.token_id, &change, caller.directory());
    app.engine.audited(change, note)?.answer().await?;
    Ok((StatusCode::CREATED, Json(created)))
}

/// All tokens, without their secrets.
///
/// Operator only.
#[utoipa::path(
    get, path = "/v1/tokens", tag = "tokens",
    responses(
        (status = 200, body = TokenList),
        (status = 401, body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
pub async fn get_tokens(caller: Caller) -> Result<Json<TokenList>, Problem> {
    caller.require_operator()?;
    Ok(Json(list(caller.directory())))
}

/// One token, without its secret.
///
/// Operator only.
#[utoipa::path(
    get, path = "/v1/tokens/{id}", tag = "tokens", params(("id" = String, Path)),
    responses(
        (status = 200, body = TokenBody),
        (status = 401, body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
pub async fn get_token(caller: Caller, path: Result<Path<String>, PathRejection>) -> Result<Json<TokenBody>, Problem> {
    caller.require_operator()?;
    let Path(id) = path?;
    let token = caller.directory().token(&id).ok_or_else(|| Problem::not_found(format!("there is no token '{id}'")))?;
    Ok(Json(token_body(&id, token)))
}

/// Revokes a token, and ends the sessions opened with it.
///
/// Operator only.
#[utoipa::path(
    delete, path = "/v1/tokens/{id}", tag = "tokens", params(("id" = String, Path)),
    responses(
        (status = 204, description = "The token is worth nothing now"),
        (status = 401, body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
pub async fn delete_token(
    State(app): State<App>,
    caller: Caller,
    path: Result<Path<String>, PathRejection>,
) -> Result<StatusCode, Problem> {
    caller.require_operator()?;
    let Path(id) = path?;
    let change = Change::RevokeToken { id };
    let note = token_note(&caller.token_id, &change, caller.directory());
    app.engine.audited(change, note)?.answer().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Checks what is asked for and makes the token.
pub fn new_token(body: NewToken, engine: &Engine) -> Result<(Change, CreatedToken), Problem> {
    let needed = |name: &str, value: Option<String>| match value {
        Some(value) => id(name, value),
        None => Err(Problem::bad_request(format!("{name} is missing; this kind of token needs it"))),
    };
    let (prefix, grant) = match body.kind {
        TokenKind::Operator => ("rc_operator_", Grant::Operator),
        TokenKind::Ingest => {
            let optional = |name: &str, value: Option<String>| value.map(|value| id(name, value)).transpose();
            let grant = Grant::Ingest {
                organization_id: needed("organizationId", body.organization_id)?,
                project_id: optional("projectId", body.project_id)?,
                api_key_id: optional("apiKeyId", body.api_key_id)?,
            };
            ("rc_ingest_", grant)
        }
        TokenKind::User => ("rc_user_", Grant::User { user_id: needed("userId", body.user_id)? }),
    };
    let secret = Secret::generate(prefix);
    let hash = SecretHash::of(secret.reveal());
    // Part of a hash of random bits: unique, and of no use to whoever reads it.
    let token_id = format!("tok_{}", &hash.to_hex()[..16]);
    let label = text("label", body.label)?;
    let token = Token { grant, label, hash, created: engine.now() };
    let created = CreatedToken { id: token_id.clone(), token: secret.reveal().to_owned() };
    Ok((Change::PutToken { id: token_id, token }, created))
}

/// What the audit log says of making or revoking a token.
pub fn token_note(actor: &str, change: &Change, directory: &Directory) -> Note {
    let (action, id, token) = match change {
        Change::PutToken { id, token } => ("token-create", id, Some(token)),
        Change::RevokeToken { id } => ("token-revoke", id, directory.token(id)),
        _ => unreachable!("asked about tokens only"),
    };
    let (organization_id, user_id, detail) = token.map_or_else(Default::default, |token| {
        let TokenBody { kind, label, organization_id, user_id, .. } = token_body(id, token);
        (organization_id, user_id, format!("{} token '{label}'", format!("{kind:?}").to_lowercase()))
    });
    Note { target: id.clone(), organization_id, user_id, detail, ..Note::new(actor, action) }
}

/// All tokens as they are listed.
pub fn list(directory: &Directory) -> TokenList {
    TokenList { tokens: directory.tokens().map(|(id, token)| token_body(id, token)).collect() }
}

fn token_body(id: &str, token: &Token) -> TokenBody {
    let (kind, organization_id, project_id, api_key_id, user_id) = match token.grant.clone() {
        Grant::Operator => (TokenKind::Operator, None, None, None, None),
        Grant::Ingest { organization_id, project_id, api_key_id } => {
            (TokenKind::Ingest, Some(organization_id), project_id, api_key_id, None)
        }
        Grant::User { user_id } => (TokenKind::User, None, None, None, Some(user_id)),
    };
    TokenBody {
        id: id.to_owned(),
        kind,
        label: token.label.clone(),
        organization_id,
        project_id,
        api_key_id,
        user_id,
        created_at: rfc3339_utc(token.created),
    }
}
