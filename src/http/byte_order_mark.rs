//! `csvBom=true`: CSV that begins with a byte order mark, by which Excel knows it for UTF-8.

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use http_body_util::BodyExt;

use super::parameters::Parameters;
use super::problem::Problem;

/// The query parameter.
pub const NAME: &str = "csvBom";
const CHOICES: [(&str, bool); 2] = [("true", true), ("false", false)];
const MARK: Bytes = Bytes::from_static(b"\xef\xbb\xbf");

/// Refuses a value that is none. To be called where unknown parameters are refused.
pub fn check(query: Option<&str>) -> Result<(), Problem> {
    Parameters::parse(query).choice(NAME, &CHOICES).map(drop)
}

/// Puts the mark before CSV where that was asked for.
pub async fn as_asked(request: Request, next: Next) -> Response {
    let asked = matches!(Parameters::parse(request.uri().query()).choice(NAME, &CHOICES), Ok(Some(true)));
    let response = next.run(request).await;
    let kind = response.headers().get(header::CONTENT_TYPE);
    let is_csv = kind.is_some_and(|kind| kind.as_bytes().starts_with(b"text/csv"));
    if !asked || response.status() != StatusCode::OK || !is_csv {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    parts.headers.remove(header::CONTENT_LENGTH);
    let mut mark = Some(MARK);
    // Every answer has a first piece: a table has its header at least.
    let body = body.map_frame(move |frame| {
        frame.map_data(|bytes| match mark.take() {
            Some(mark) => [mark, bytes].concat().into(),
            None => bytes,
        })
    });
    Response::from_parts(parts, Body::new(body))
}
