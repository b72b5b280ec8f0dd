//! `/v1/tokens`: making, listing and revoking access tokens.

pub mod wire;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;

use self::wire::{CreatedToken, FindToken, NewToken, TokenBody, TokenKind, TokenList};
use super::App;
use super::access::Caller;
use super::body::JsonObject;
use super::directory::{id, text};
use super::listing::{ListParameters, Listed, Table};
use super::problem::{Problem, ProblemBody};
use crate::calendar::{parse_rfc3339, rfc3339_utc};
use crate::directory::{Change, Directory, Grant, Secret, SecretHash, Terms, Token};
use crate::engine::{Engine, Note};
use crate::model::UnixMs;

/// Makes a token. Its secret is in the answer and nowhere else.
///
/// For the operator. Owners make those that are for their own organization: of kind `ingest`, of kind `scim`, and of kind
/// `user` for a member, with `organizationId`.
#[utoipa::path(
    post, path = "/v1/tokens", tag = "tokens", request_body = NewToken,
    responses(
        (status = 201, body = CreatedToken),
        (status = 404, body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
pub async fn post_token(
    State(app): State<App>,
    caller: Caller,
    body: Result<JsonObject<NewToken>, Problem>,
) -> Result<(StatusCode, Json<CreatedToken>), Problem> {
    caller.may_change_people()?;
    let JsonObject(body) = body?;
    let (change, created) = new_token(body, &app.engine, &caller.token_id)?;
    if let Change::PutToken { token, .. } = &change {
        caller.may_make(&token.grant)?;
    }
    let note = token_note(&caller.token_id, &change, caller.directory());
    app.engine.audited(change, note)?.answer().await?;
    Ok((StatusCode::CREATED, Json(created)))
}

/// All tokens, or those that are for one organization alone, without their secrets.
///
/// For the operator, and for owners who name their organization.
#[utoipa::path(
    get, path = "/v1/tokens", tag = "tokens",
    params(
        ("organizationId" = Option<String>, Query, description = "Only those that are for this organization alone"),
        ListParameters,
    ),
    responses(
        (status = 200, body = TokenList),
    ),
)]
pub async fn get_tokens(listed: Listed) -> Result<Response, Problem> {
    let only = listed.parameters.one("organizationId")?;
    listed.caller.may_read_records("tokens are", only)?;
    let (tokens, next) = listed.part(list(listed.caller.directory(), only).tokens.into_iter())?;
    let list = TokenList { tokens, next };
    listed.answer(&TABLE, &list, &list.tokens)
}

const TABLE: Table = Table {
    name: "tokens",
    columns: &[
        "id",
        "kind",
        "label",
        "organizationId",
        "projectId",
        "apiKeyId",
        "userId",
        "createdAt",
        "madeBy",
        "expiresAt",
        "lastUsedAt",
    ],
};

/// One token, without its secret.
///
/// For the operator, and for owners of the organization that it is for.
#[utoipa::path(
    get, path = "/v1/tokens/{id}", tag = "tokens", params(("id" = String, Path, description = "The token's id, not its secret")),
    responses(
        (status = 200, body = TokenBody),
        (status = 404, body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
pub async fn get_token(caller: Caller, path: Result<Path<String>, PathRejection>) -> Result<Json<TokenBody>, Problem> {
    let Path(id) = path?;
    let token = caller.directory().token(&id);
    caller.may_manage(token)?;
    let token = token.ok_or_else(|| Problem::not_found(format!("there is no token '{id}'")))?;
    Ok(Json(token_body(&id, token)))
}

/// The token that a secret is of, for whoever has found one somewhere. The secret is neither kept nor logged.
///
/// Operator only.
#[utoipa::path(
    post, path = "/v1/tokens/find", tag = "tokens", request_body = FindToken,
    responses(
        (status = 200, body = TokenBody),
        (status = 404, body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
pub async fn find_token(
    caller: Caller,
    body: Result<JsonObject<FindToken>, Problem>,
) -> Result<Json<TokenBody>, Problem> {
    caller.require_operator()?;
    let JsonObject(FindToken { token: secret }) = body?;
    let found = caller.directory().token_by_secret(secret.trim());
    let (id, token) = found.ok_or_else(|| Problem::not_found("no token has that secret; one that had was revoked"))?;
    Ok(Json(token_body(id, token)))
}

/// Revokes a token, and ends the sessions opened with it.
///
/// The last operator token stays until there is another. For the operator, and for owners of the organization that it is
/// for.
#[utoipa::path(
    delete, path = "/v1/tokens/{id}", tag = "tokens", params(("id" = String, Path, description = "The token's id, not its secret")),
    responses(
        (status = 204, description = "The token is worth nothing now"),
        (status = 404, body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
pub async fn delete_token(
    State(app): State<App>,
    caller: Caller,
    path: Result<Path<String>, PathRejection>,
) -> Result<StatusCode, Problem> {
    let Path(id) = path?;
    caller.may_manage(caller.directory().token(&id))?;
    let change = Change::RevokeToken { id };
    let note = token_note(&caller.token_id, &change, caller.directory());
    app.engine.audited(change, note)?.answer().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Checks what is asked for and makes the token. `maker` is who it is made by.
pub fn new_token(body: NewToken, engine: &Engine, maker: &str) -> Result<(Change, CreatedToken), Problem> {
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
        TokenKind::User => {
            let user_id = needed("userId", body.user_id)?;
            let grant = match body.organization_id {
                Some(organization_id) => {
                    Grant::Member { organization_id: id("organizationId", organization_id)?, user_id }
                }
                None => Grant::User { user_id },
            };
            ("rc_user_", grant)
        }
        TokenKind::Scim => {
            ("rc_scim_", Grant::Scim { organization_id: needed("organizationId", body.organization_id)? })
        }
    };
    let now = engine.now();
    let expires = body.expires_at.map(|text| match parse_rfc3339(&text) {
        Some(at) if at > now => Ok(at),
        Some(_) => Err(Problem::bad_request(format!("expiresAt is '{text}'; it must be after now"))),
        None => {
            Err(Problem::bad_request(format!("expiresAt is '{text}'; write RFC 3339, such as 2027-01-31T00:00:00Z")))
        }
    });
    let expires = expires.transpose()?;
    let warning = unheard_of(&grant, &engine.snapshot().directory);
    let label = text("label", body.label)?;
    let terms = Terms { made_by: Some(maker.to_owned()), expires, last_used: None };
    let (secret, id, token) = fresh(prefix, grant, label, now);
    let created = CreatedToken { id: id.clone(), token: secret.reveal().to_owned(), warning };
    Ok((Change::PutToken { id, token: Token { terms, ..token } }, created))
}

/// A new token, with its secret and id.
pub fn fresh(prefix: &str, grant: Grant, label: String, now: UnixMs) -> (Secret, String, Token) {
    let secret = Secret::generate(prefix);
    let hash = SecretHash::of(secret.reveal());
    // Part of a hash of random bits: unique, and of no use to whoever reads it.
    let id = format!("tok_{}", &hash.to_hex()[..16]);
    (secret, id, Token::new(grant, label, hash, now))
}

/// What a token is for that is not in the directory. It may come there later, so it is no mistake for certain.
fn unheard_of(grant: &Grant, directory: &Directory) -> Option<String> {
    match grant {
        Grant::User { user_id } if directory.user(user_id).is_none() => Some(format!(
            "there is no user '{user_id}' yet; the token shows nothing until somebody is a member by that id"
        )),
        Grant::Member { organization_id, user_id }
            if directory.organization(organization_id).is_none_or(|of| of.active_member(user_id).is_none()) =>
        {
            Some(format!(
                "there is no member '{user_id}' of organization '{organization_id}' yet; the token shows nothing until \
                 there is"
            ))
        }
        Grant::Ingest { organization_id, .. } if directory.organization(organization_id).is_none() => {
            Some(format!("there is no organization '{organization_id}' yet; the first event that comes makes it"))
        }
        Grant::Scim { organization_id } if directory.organization(organization_id).is_none() => Some(format!(
            "there is no organization '{organization_id}' yet; the first user who is provisioned makes it"
        )),
        _ => None,
    }
}

/// What the audit log says of making or revoking a token.
pub fn token_note(actor: &str, change: &Change, directory: &Directory) -> Note {
    let (action, id, token) = match change {
        Change::PutToken { id, token } | Change::LetIn { id, token, .. } => ("token-create", id, Some(token)),
        Change::RevokeToken { id } => ("token-revoke", id, directory.token(id)),
        _ => unreachable!("asked about tokens only"),
    };
    let (organization_id, user_id, detail) = token.map_or_else(Default::default, |token| {
        let TokenBody { kind, label, organization_id, user_id, .. } = token_body(id, token);
        (organization_id, user_id, format!("{} token '{label}'", format!("{kind:?}").to_lowercase()))
    });
    Note { target: id.clone(), organization_id, user_id, detail, ..Note::new(actor, action) }
}

/// Tokens as they are listed: all, or those that are for one organization alone.
pub fn list(directory: &Directory, only: Option<&str>) -> TokenList {
    let meant = |(_, token): &(&str, &Token)| only.is_none() || token.grant.organization_id() == only;
    let tokens = directory.tokens().filter(meant).map(|(id, token)| token_body(id, token));
    TokenList { tokens: tokens.collect(), next: None }
}

fn token_body(id: &str, token: &Token) -> TokenBody {
    let (kind, organization_id, project_id, api_key_id, user_id) = match token.grant.clone() {
        Grant::Operator => (TokenKind::Operator, None, None, None, None),
        Grant::Ingest { organization_id, project_id, api_key_id } => {
            (TokenKind::Ingest, Some(organization_id), project_id, api_key_id, None)
        }
        Grant::User { user_id } => (TokenKind::User, None, None, None, Some(user_id)),
        Grant::Member { organization_id, user_id } => {
            (TokenKind::User, Some(organization_id), None, None, Some(user_id))
        }
        Grant::Scim { organization_id } => (TokenKind::Scim, Some(organization_id), None, None, None),
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
        made_by: token.terms.made_by.clone(),
        expires_at: token.terms.expires.map(rfc3339_utc),
        last_used_at: token.terms.last_used.map(rfc3339_utc),
    }
}
