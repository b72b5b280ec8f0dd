//! Bodies of requests that are one JSON object.

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use serde::de::DeserializeOwned;

use super::connections::{is_late, late_body};
use super::nearest::with_nearest;
use super::problem::Problem;
use super::wire::Object;

/// A body that is an object of known fields.
pub struct JsonObject<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for JsonObject<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<JsonObject<T>, Problem> {
        let body = Json::<Object<T>>::from_request(request, state).await;
        body.map(|Json(Object(body))| JsonObject(body)).map_err(problem)
    }
}

/// Turns any way in which a JSON body can be wrong into a problem.
fn problem(rejection: JsonRejection) -> Problem {
    if is_late(&rejection) {
        return late_body();
    }
    // A value that does not fit is the asker's mistake like any other; 422 is for sums that do not fit.
    let status = match rejection.status() {
        StatusCode::UNPROCESSABLE_ENTITY => StatusCode::BAD_REQUEST,
        status => status,
    };
    Problem::new(status, with_nearest(&rejection.body_text()))
}
