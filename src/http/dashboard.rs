//! The dashboard, embedded in the binary.

use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use rust_embed::{EmbeddedFile, RustEmbed};

use super::problem::Problem;

#[derive(RustEmbed)]
#[folder = "web/dist"]
#[allow_missing = true]
struct Files;

const NOT_BUILT: &str = "<!doctype html><title>Rollcall</title>\
    <p>This binary was built without the dashboard: run <code>make build</code>. The API works; \
    see <a href=\"/openapi.json\">/openapi.json</a>.";

/// Files by path; every other path of a page gets the application, which routes by itself.
pub async fn serve(uri: Uri) -> Response {
    let path = uri.path().trim_start_matches('/');
    if let Some(found) = Files::get(path) {
        return file(path, found);
    }
    let is_page = !path.contains('.') && !["v1/", "analytics/"].iter().any(|api| path.starts_with(api));
    if !is_page {
        return Problem::not_found(format!("there is nothing at /{path}; see /openapi.json")).into_response();
    }
    match Files::get("index.html") {
        Some(index) => file("index.html", index),
        None => (StatusCode::OK, [(header::CONTENT_TYPE, "text/html; charset=utf-8")], NOT_BUILT).into_response(),
    }
}

fn file(path: &str, file: EmbeddedFile) -> Response {
    // Built files carry a hash of their content in their name; the page itself must be asked for anew.
    let cache = if path.starts_with("assets/") { "public, max-age=31536000, immutable" } else { "no-cache" };
    let kind = file.metadata.mimetype().to_owned();
    ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, cache.to_owned())], file.data).into_response()
}
