//! Answers in SCIM's form, failures among them.

use axum::body::Body;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::directory::{ChangeError, ProvisionError};
use crate::engine::EngineError;
use crate::http::problem::Problem;
use crate::scim::{ERROR, ScimError, ScimType};

pub const CONTENT_TYPE: &str = "application/scim+json";

/// Why a request was refused.
pub struct Refusal {
    problem: Problem,
    kind: Option<ScimType>,
}

/// An answer with a body.
pub struct Answer {
    pub status: StatusCode,
    pub body: Value,
    pub etag: Option<String>,
    pub location: Option<String>,
}

impl Answer {
    pub fn ok(body: Value) -> Answer {
        Answer { status: StatusCode::OK, body, etag: None, location: None }
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let mut response = (self.status, [(header::CONTENT_TYPE, CONTENT_TYPE)], self.body.to_string()).into_response();
        let headers = [(header::ETAG, self.etag), (header::LOCATION, self.location)];
        for (name, value) in headers {
            // An id in a location may have letters that no header has.
            if let Some(value) = value.and_then(|value| value.parse().ok()) {
                response.headers_mut().insert(name, value);
            }
        }
        response
    }
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Refusal {
        Refusal { problem, kind: None }
    }
}

impl From<ScimError> for Refusal {
    fn from(error: ScimError) -> Refusal {
        Refusal { problem: Problem::bad_request(error.detail), kind: Some(error.kind) }
    }
}

impl From<EngineError> for Refusal {
    fn from(error: EngineError) -> Refusal {
        let EngineError::Change(ChangeError::Provision(refused)) = &error else { return Problem::from(error).into() };
        let (status, kind) = match refused {
            ProvisionError::Taken { .. } => (StatusCode::CONFLICT, Some(ScimType::Uniqueness)),
            ProvisionError::Unknown { .. } => (StatusCode::NOT_FOUND, None),
            ProvisionError::Changed { .. } => (StatusCode::PRECONDITION_FAILED, None),
            ProvisionError::NoMember { .. } => (StatusCode::BAD_REQUEST, Some(ScimType::InvalidValue)),
            ProvisionError::TooMany { .. } => (StatusCode::BAD_REQUEST, Some(ScimType::TooMany)),
        };
        Refusal { problem: Problem::new(status, refused.to_string()), kind }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let Refusal { problem, kind } = self;
        let mut body = json!({
            "schemas": [ERROR],
            "status": problem.status.as_u16().to_string(),
            "detail": problem.detail,
        });
        if let Some(kind) = kind {
            body["scimType"] = kind.name().into();
        }
        // What else a problem tells is in its headers.
        let (mut parts, _) = problem.into_response().into_parts();
        parts.headers.remove(header::CONTENT_LENGTH);
        parts.headers.insert(header::CONTENT_TYPE, header::HeaderValue::from_static(CONTENT_TYPE));
        Response::from_parts(parts, Body::from(body.to_string()))
    }
}

/// The tag of a version of a resource.
pub fn etag(version: u64) -> String {
    format!("W/\"{version}\"")
}

/// The version that a change is meant for, where it names one. One that is none of ours is nothing's.
pub fn expected(headers: &HeaderMap) -> Option<u64> {
    let given = headers.get(header::IF_MATCH)?.to_str().unwrap_or_default().trim();
    if given == "*" {
        return None;
    }
    let digits = given.trim_start_matches("W/").trim_matches('"');
    Some(digits.parse().unwrap_or(u64::MAX))
}

/// Whether whoever asks has this version already.
pub fn is_known(headers: &HeaderMap, version: u64) -> bool {
    let given = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    given.flat_map(|value| value.split(',')).any(|tag| {
        let tag = tag.trim();
        tag == "*" || tag.trim_start_matches("W/") == format!("\"{version}\"")
    })
}
