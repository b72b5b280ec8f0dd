//! Bodies of requests that are one JSON object, and objects that are told from arrays.

use std::fmt;
use std::marker::PhantomData;

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeOwned, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use utoipa::ToSchema;

use super::connections::{is_late, late_body};
use super::nearest::with_nearest;
use super::problem::Problem;

/// A body that is an object of known fields.
pub struct JsonObject<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for JsonObject<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<JsonObject<T>, Problem> {
        let body = Json::<Object<T>>::from_request(request, state).await;
        body.map(|Json(Object(body))| JsonObject(body)).map_err(problem)
    }
}

/// A body that is a list of such objects.
pub struct JsonObjects<T>(pub Vec<T>);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for JsonObjects<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<JsonObjects<T>, Problem> {
        let body = Json::<Vec<Object<T>>>::from_request(request, state).await.map_err(problem)?;
        Ok(JsonObjects(body.0.into_iter().map(|object| object.0).collect()))
    }
}

/// A body of bytes, for the document.
#[derive(ToSchema)]
#[schema(value_type = String, format = Binary)]
#[allow(dead_code, reason = "documents what handlers take and answer")]
pub struct Binary(Vec<u8>);

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

/// A `T` that was written as an object. By itself serde also takes an array for a struct, field by field; a list in the
/// place of what was meant would then be no mistake.
pub struct Object<T>(pub T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Object<T>, D::Error> {
        struct Written<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Written<T> {
            type Value = Object<T>;

            fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
                to.write_str("an object")
            }

            fn visit_map<M: MapAccess<'de>>(self, map: M) -> Result<Object<T>, M::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(Object)
            }
        }

        from.deserialize_map(Written(PhantomData))
    }
}

/// One object, told from an array.
pub fn object<'de, T: Deserialize<'de>, D: Deserializer<'de>>(from: D) -> Result<T, D::Error> {
    Object::<T>::deserialize(from).map(|object| object.0)
}

/// A list of objects, each told from an array.
pub fn objects<'de, T: Deserialize<'de>, D: Deserializer<'de>>(from: D) -> Result<Vec<T>, D::Error> {
    Ok(Vec::<Object<T>>::deserialize(from)?.into_iter().map(|object| object.0).collect())
}
