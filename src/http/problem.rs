//! The one way a request fails: `application/problem+json` (RFC 9457).

use axum::extract::rejection::PathRejection;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::{IntoResponses, ToSchema};

use crate::directory::ChangeError;
use crate::engine::EngineError;
use crate::ingest::BodyError;
use crate::query::QueryError;
use crate::store::StoreError;

/// What was wrong, with which value, and what is allowed.
#[derive(Debug, Clone)]
pub struct Problem {
    pub status: StatusCode,
    pub detail: String,
    /// When to come back, where it is not as for every problem of its status.
    pub retry_after_s: Option<u64>,
    /// The word that OAuth has for it, where it is of a program that is to be let in.
    pub error: Option<&'static str>,
}

/// The body of every error.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = Problem)]
#[serde(deny_unknown_fields)]
pub struct ProblemBody {
    /// `about:blank`: the status says what kind of problem it is.
    #[serde(rename = "type")]
    pub kind: String,
    /// The status in words.
    pub title: String,
    pub status: u16,
    /// What was wrong, with which value, and what is allowed.
    pub detail: String,
    /// The word that OAuth has for it; of `/v1/login` alone. `authorization_pending` and `slow_down`: ask again;
    /// `access_denied`, `expired_token`, `invalid_grant`, `invalid_request`, `unsupported_grant_type`: do not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// How a question can fail in ways of its own, or be answered with nothing new.
#[derive(IntoResponses)]
#[allow(dead_code, reason = "documents what handlers answer")]
pub enum Refusals {
    /// Nothing has changed since the answer with that ETag.
    #[response(status = 304)]
    NotModified,
    /// There is no such thing.
    #[response(status = 404, content_type = "application/problem+json")]
    NotFound(ProblemBody),
    /// A sum does not fit its number.
    #[response(status = 422, content_type = "application/problem+json")]
    TooLarge(ProblemBody),
}

/// Seconds after which a busy server may be asked again.
const BUSY_RETRY_AFTER_S: u64 = 1;
/// Seconds after which sign-ins are counted anew.
const SIGN_IN_RETRY_AFTER_S: u64 = 60;

impl Problem {
    pub fn new(status: StatusCode, detail: impl Into<String>) -> Problem {
        Problem { status, detail: detail.into(), retry_after_s: None, error: None }
    }

    /// The same, to be tried again after some seconds.
    pub fn after(self, seconds: u64) -> Problem {
        Problem { retry_after_s: Some(seconds), ..self }
    }

    /// Why a program gets no token, or not yet, with the word that OAuth has for it.
    pub fn no_token(error: &'static str, detail: impl Into<String>) -> Problem {
        Problem { error: Some(error), ..Problem::bad_request(detail) }
    }

    /// Something panicked, which is logged where it did: our bug, or pages of the store that the database cannot read.
    pub fn panicked() -> Problem {
        let detail = "a bug in Rollcall or a damaged store; the server's log has the details";
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, detail)
    }

    pub fn bad_request(detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::BAD_REQUEST, detail)
    }

    pub fn forbidden(detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::FORBIDDEN, detail)
    }

    pub fn not_found(detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::NOT_FOUND, detail)
    }

    pub fn unauthorized(detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::UNAUTHORIZED, detail)
    }

    /// As it travels.
    pub fn body(&self) -> ProblemBody {
        ProblemBody {
            kind: "about:blank".to_owned(),
            title: self.status.canonical_reason().unwrap_or("Error").to_owned(),
            status: self.status.as_u16(),
            detail: self.detail.clone(),
            error: self.error.map(str::to_owned),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let json = serde_json::to_vec(&self.body()).expect("strings and a number serialize");
        let mut response = (self.status, [(header::CONTENT_TYPE, "application/problem+json")], json).into_response();
        let mut set = |name: HeaderName, value: HeaderValue| {
            response.headers_mut().insert(name, value);
        };
        match self.status {
            _ if self.retry_after_s.is_some() => {
                set(header::RETRY_AFTER, self.retry_after_s.unwrap_or_default().into())
            }
            StatusCode::UNAUTHORIZED => set(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer")),
            StatusCode::SERVICE_UNAVAILABLE => set(header::RETRY_AFTER, BUSY_RETRY_AFTER_S.into()),
            StatusCode::TOO_MANY_REQUESTS => set(header::RETRY_AFTER, SIGN_IN_RETRY_AFTER_S.into()),
            _ => {}
        }
        response
    }
}

impl From<PathRejection> for Problem {
    fn from(rejection: PathRejection) -> Problem {
        Problem::new(rejection.status(), rejection.body_text())
    }
}

impl From<EngineError> for Problem {
    fn from(error: EngineError) -> Problem {
        match &error {
            EngineError::Busy | EngineError::Stopping => {
                Problem::new(StatusCode::SERVICE_UNAVAILABLE, error.to_string())
            }
            EngineError::Change(ChangeError::Provision(_)) => Problem::bad_request(error.to_string()),
            EngineError::Change(ChangeError::Stranger(_)) => Problem::forbidden(error.to_string()),
            EngineError::Change(ChangeError::Unknown { .. }) => Problem::not_found(error.to_string()),
            EngineError::Change(
                ChangeError::AmbiguousKey { .. }
                | ChangeError::OtherCreator { .. }
                | ChangeError::Identity { .. }
                | ChangeError::Lacks { .. }
                | ChangeError::ForNobody { .. }
                | ChangeError::BudgetDates { .. }
                | ChangeError::Assignment { .. }
                | ChangeError::Alert { .. }
                | ChangeError::TooMany { .. },
            ) => Problem::bad_request(error.to_string()),
            EngineError::Change(
                ChangeError::LastOperator { .. }
                | ChangeError::LastOwner { .. }
                | ChangeError::ViewName { .. }
                | ChangeError::Views,
            ) => Problem::new(StatusCode::CONFLICT, error.to_string()),
            EngineError::Store(store) => store_problem(store),
        }
    }
}

impl From<BodyError> for Problem {
    fn from(error: BodyError) -> Problem {
        match error {
            BodyError::TooMany => Problem::new(StatusCode::PAYLOAD_TOO_LARGE, error.to_string()),
            BodyError::Json(_) | BodyError::Protobuf(_) | BodyError::Empty => Problem::bad_request(error.to_string()),
        }
    }
}

impl From<QueryError> for Problem {
    fn from(error: QueryError) -> Problem {
        match error {
            QueryError::Store(store) => store_problem(&store),
        }
    }
}

fn store_problem(error: &StoreError) -> Problem {
    match error {
        StoreError::Overflow(_) => Problem::new(StatusCode::UNPROCESSABLE_ENTITY, error.to_string()),
        // Every known sender retries a 503, and drops its events on a 500.
        StoreError::Failed(_) => Problem::new(StatusCode::SERVICE_UNAVAILABLE, error.to_string()),
        StoreError::Locked | StoreError::Newer { .. } | StoreError::Older { .. } | StoreError::Damaged { .. } => {
            tracing::error!(%error, "the store cannot answer");
            Problem::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string())
        }
    }
}
