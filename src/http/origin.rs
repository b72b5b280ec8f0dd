//! Where browsers find this server.

use axum::http::{HeaderMap, header};

use super::App;
use super::connections::Peer;
use super::problem::Problem;

/// Whether nobody on the way reads along.
pub fn is_tls(headers: &HeaderMap, peer: Option<&Peer>) -> bool {
    let behind_tls = headers.get("x-forwarded-proto").is_some_and(|proto| proto == "https");
    behind_tls || peer.is_some_and(|peer| peer.tls)
}

/// Scheme and host of a request, unless the operator has said them.
pub fn origin(app: &App, headers: &HeaderMap, tls: bool) -> Result<String, Problem> {
    if let Some(url) = &app.sign_in().public_url {
        return Ok(url.clone());
    }
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let of_hosts = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '[' | ']');
    if host.is_empty() || !host.chars().all(of_hosts) {
        return Err(Problem::bad_request(format!("the header Host is '{host}', which is no host")));
    }
    let scheme = if tls { "https" } else { "http" };
    Ok(format!("{scheme}://{host}"))
}
