//! What a request says: where it came to, its body, and which part of the answer is wanted.

use std::convert::Infallible;

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::StatusCode;
use axum::http::header::HOST;
use axum::http::request::Parts;
use serde_json::Value;

use super::answer::Refusal;
use super::{MOST_RESULTS, ROOT, USUAL_RESULTS};
use crate::http::App;
use crate::http::connections::{Peer, is_late, late_body};
use crate::http::origin::is_tls;
use crate::http::parameters::Parameters;
use crate::http::problem::Problem;
use crate::scim::{Chosen, Filter, Kind, Page, ScimError};

/// The address that SCIM has for whoever asks.
pub struct Place(String);

impl FromRequestParts<App> for Place {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Place, Infallible> {
        let host = parts.headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
        let origin = match &app.sign_in().public_url {
            Some(url) => url.clone(),
            None if host.is_empty() => String::new(),
            None if is_tls(&parts.headers, parts.extensions.get::<Peer>()) => format!("https://{host}"),
            None => format!("http://{host}"),
        };
        Ok(Place(format!("{origin}{ROOT}")))
    }
}

impl Place {
    pub fn of(&self, kind: Kind, id: &str) -> String {
        let mut path = String::with_capacity(id.len());
        for byte in id.bytes() {
            // What a path may have as it is (RFC 3986, pchar).
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'@' | b'+' | b':' => {
                    path.push(char::from(byte));
                }
                byte => path.push_str(&format!("%{byte:02X}")),
            }
        }
        format!("{}{}/{path}", self.0, kind.endpoint())
    }

    pub fn at(&self, path: &str) -> String {
        format!("{}{path}", self.0)
    }
}

/// A body of JSON, of whatever type it is said to be.
pub struct Json(pub Value);

impl<S: Send + Sync> FromRequest<S> for Json {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Json, Refusal> {
        let body = Bytes::from_request(request, state).await.map_err(|rejection| match is_late(&rejection) {
            true => late_body(),
            false if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => {
                Problem::new(StatusCode::PAYLOAD_TOO_LARGE, rejection.body_text())
            }
            false => Problem::bad_request(rejection.body_text()),
        })?;
        let value = serde_json::from_slice(&body);
        Ok(Json(value.map_err(|e| ScimError::syntax(format!("the body is not valid JSON: {e}")))?))
    }
}

/// What of a list is asked for. Parameters that are not known say nothing here: providers add their own.
pub struct Asked {
    pub filter: Option<String>,
    pub page: Page,
    attributes: Option<String>,
    excluded: Option<String>,
}

impl Asked {
    pub fn of_query(raw: Option<&str>) -> Result<Asked, Refusal> {
        let parameters = Parameters::parse(raw);
        let number = |name: &str| match parameters.one(name)? {
            None => Ok(None),
            Some(text) => match text.parse::<i64>() {
                Ok(number) => Ok(Some(number)),
                Err(_) => {
                    Err(Refusal::from(ScimError::value(format!("{name} is '{text}'; it must be a whole number"))))
                }
            },
        };
        let text = |name| parameters.one(name).map(|text| text.map(str::to_owned));
        Ok(Asked {
            filter: text("filter")?,
            page: Page::new(number("startIndex")?, number("count")?, USUAL_RESULTS, MOST_RESULTS),
            attributes: text("attributes")?,
            excluded: text("excludedAttributes")?,
        })
    }

    /// The same of a search, whose parameters are its body.
    pub fn of_body(body: &Value) -> Result<Asked, Refusal> {
        let number = |name: &str| match body.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(given) => match given.as_i64() {
                Some(number) => Ok(Some(number)),
                None => Err(ScimError::value(format!("{name} is {given}; it must be a whole number"))),
            },
        };
        let names = |name: &str| match body.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(names)) => Ok(Some(names.clone())),
            Some(Value::Array(names)) => {
                let names: Vec<&str> = names.iter().filter_map(Value::as_str).collect();
                Ok(Some(names.join(",")))
            }
            Some(_) => Err(ScimError::value(format!("{name} must be a list of names"))),
        };
        let filter = match body.get("filter") {
            None | Some(Value::Null) => None,
            Some(Value::String(filter)) => Some(filter.clone()),
            Some(_) => return Err(ScimError::filter("filter must be a text").into()),
        };
        Ok(Asked {
            filter: filter.filter(|filter| !filter.is_empty()),
            page: Page::new(number("startIndex")?, number("count")?, USUAL_RESULTS, MOST_RESULTS),
            attributes: names("attributes")?,
            excluded: names("excludedAttributes")?,
        })
    }

    pub fn chosen(&self, kind: Kind) -> Result<Chosen, ScimError> {
        Chosen::new(self.attributes.as_deref(), self.excluded.as_deref(), kind)
    }

    /// Whether parts of the answer are named at all.
    pub fn names_attributes(&self) -> bool {
        self.attributes.is_some() || self.excluded.is_some()
    }

    pub fn filter(&self, kind: Kind) -> Result<Option<Filter>, ScimError> {
        self.filter.as_deref().map(|filter| Filter::parse(filter, kind)).transpose()
    }
}
