//! The dashboard, embedded in the binary.

pub mod colour;
pub mod look;
pub mod wire;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use rust_embed::{EmbeddedFile, RustEmbed};

use self::look::Look;
use super::App;
use super::problem::Problem;

#[derive(RustEmbed)]
#[folder = "web/dist"]
#[allow_missing = true]
struct Files;

const INDEX: &str = "index.html";
const NOT_BUILT: &str = "<!doctype html><title>Rollcall</title>\
    <p>This binary was built without the dashboard: run <code>make build</code>. The API works; \
    see <a href=\"/openapi.json\">/openapi.json</a>.";

/// Files by path; every other path of a page gets the application, which routes by itself.
pub async fn serve(State(app): State<App>, method: Method, uri: Uri, headers: HeaderMap) -> Response {
    let path = uri.path().trim_start_matches('/');
    let reads = matches!(method, Method::GET | Method::HEAD);
    let encodings = headers.get(header::ACCEPT_ENCODING).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let takes_brotli = encodings.split(',').any(|encoding| encoding.trim() == "br");
    if let Some(packed) = Files::get(&format!("{path}.br")).filter(|_| reads && takes_brotli) {
        let mut response = file(path, packed);
        response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("br"));
        response.headers_mut().insert(header::VARY, HeaderValue::from_static("accept-encoding"));
        return response;
    }
    if let Some(found) = Files::get(path).filter(|_| reads && path != INDEX) {
        return file(path, found);
    }
    // A person's browser asks for a page by saying so; a program that mistyped a path is told.
    let accepts = headers.get(header::ACCEPT).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let is_page = reads && (path.is_empty() || path == INDEX || accepts.contains("text/html"));
    if !is_page {
        return Problem::not_found(format!("there is nothing at /{path}; see /openapi.json")).into_response();
    }
    let page = app.page.clone().unwrap_or_else(|| Bytes::from_static(NOT_BUILT.as_bytes()));
    let headers = [(header::CONTENT_TYPE, "text/html; charset=utf-8"), (header::CACHE_CONTROL, "no-cache")];
    (StatusCode::OK, headers, page).into_response()
}

/// The page that every address of the dashboard gets, as the operator wants it.
pub fn page(look: &Look) -> Option<Bytes> {
    let index = Files::get(INDEX)?;
    Some(look.page(&String::from_utf8_lossy(&index.data)).into())
}

fn file(path: &str, file: EmbeddedFile) -> Response {
    // Built files carry a hash of their content in their name; others, such as the icon, may change with a new version.
    let cache =
        if path.starts_with("assets/") { "public, max-age=31536000, immutable" } else { "public, max-age=3600" };
    // By the name asked for: a packed file is of the kind of what is in it.
    let kind = mime_guess::from_path(path).first_or_octet_stream().to_string();
    ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, cache.to_owned())], file.data).into_response()
}
