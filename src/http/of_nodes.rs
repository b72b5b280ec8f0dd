//! Which requests only a node can answer, as a server that keeps nothing refuses and the description says.

use axum::http::Method;

/// What is sent without changing anything.
const ASKED_BY_POST: [&str; 6] =
    ["/mcp", "/v1/session", "/v1/tokens/find", "/v1/directory/preview", "/v1/directory/assignments/read", "/v1/intake"];
/// What only a node knows or does.
const OF_A_NODE: [&str; 7] =
    ["/v1/audit", "/v1/backup", "/v1/backups", "/v1/session/oidc", "/v1/sessions", "/v1/decisions/check", "/scim"];

/// Whether a server that follows cannot do something, but a node can.
pub fn is_of_a_node(method: &Method, path: &str) -> bool {
    changes(method, path) || is_of_nodes_alone(path)
}

/// What no other server has, whatever the method.
pub fn is_of_nodes_alone(path: &str) -> bool {
    let begins = |with: &&str| path.strip_prefix(*with).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    OF_A_NODE.iter().any(begins)
}

/// Whether a request asks for a change, if there is such a request.
pub fn changes(method: &Method, path: &str) -> bool {
    match *method {
        Method::GET | Method::HEAD | Method::OPTIONS => false,
        Method::POST => !ASKED_BY_POST.contains(&path),
        _ => path != "/v1/session",
    }
}
