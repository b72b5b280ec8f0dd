//! Requests to a server that answers from a cluster: what it does not take is refused with the place that does, and what
//! it cannot know now is asked again, or refused for now.

use axum::body::Body;
use axum::extract::{MatchedPath, Request, State};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::App;
use super::of_nodes::{changes, is_of_a_node, is_of_nodes_alone};
use super::on_a_thread;
use super::openapi::described;
use super::parameters::Parameters;
use super::problem::Problem;
use crate::engine::{EngineError, Following};

/// How often a question is asked whose answer would be of two states: while usage arrives, the second is of one.
const TRIES: usize = 4;

/// Does not let through what a server that follows cannot do.
pub async fn as_followed(State(app): State<App>, request: Request, next: Next) -> Response {
    let Some(following) = app.engine.following() else { return next.run(request).await };
    let (parts, body) = request.into_parts();
    if changes(&parts.method, parts.uri.path()) && !is_of_nodes_alone(parts.uri.path()) {
        // What no path takes is refused as a node does.
        let route = parts.extensions.get::<MatchedPath>();
        if route.is_none_or(|route| described(&parts.method, route.as_str()).is_none()) {
            return next.run(Request::from_parts(parts, body)).await;
        }
    }
    if let Err(problem) = taken(following, &parts) {
        return problem.into_response();
    }
    if !matches!(parts.method, Method::GET | Method::HEAD) {
        return next.run(Request::from_parts(parts, body)).await;
    }
    for _ in 1..TRIES {
        let response = next.clone().run(Request::from_parts(parts.clone(), Body::empty())).await;
        if response.status() != StatusCode::SERVICE_UNAVAILABLE {
            return response;
        }
        let (app, before) = (app.clone(), response);
        // Perhaps it has a name that is only just known. A cluster that is away is not asked again and again.
        if on_a_thread(move || app.engine.look_again().map_err(Problem::busy)).await.is_err() {
            return before;
        }
        if let Err(problem) = taken(following, &parts) {
            return problem.into_response();
        }
    }
    next.run(Request::from_parts(parts, Body::empty())).await
}

fn taken(following: &dyn Following, parts: &Parts) -> Result<(), Problem> {
    let path = parts.uri.path();
    let parameters = Parameters::parse(parts.uri.query());
    let organization = parameters.one("organizationId").ok().flatten();
    if is_of_a_node(&parts.method, path) {
        return Err(EngineError::OnlyFollows(following.place_of_changes(organization)).into());
    }
    let asks = ["/v1/", "/analytics/", "/mcp", "/readyz"].iter().any(|with| path.starts_with(with));
    match following.away(organization).filter(|_| asks && path != "/v1/settings") {
        Some(away) => Err(Problem::busy(away)),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Snapshot;
    use crate::model::UnixMs;

    struct Cluster(Option<&'static str>);

    impl Following for Cluster {
        fn look(&self) -> Result<Option<Snapshot>, String> {
            Ok(None)
        }

        fn away(&self, _: Option<&str>) -> Option<String> {
            self.0.map(str::to_owned)
        }

        fn complete_to(&self, _: &str) -> Option<UnixMs> {
            None
        }

        fn place_of_changes(&self, organization: Option<&str>) -> String {
            format!("ask the node of {}", organization.unwrap_or("all"))
        }
    }

    #[test]
    fn what_is_sent_elsewhere_is_described_so() {
        let (mut of_nodes, mut described) = (0, 0);
        for (path, methods) in crate::http::openapi::document()["paths"].as_object().unwrap() {
            for (method, operation) in methods.as_object().unwrap() {
                let request = Request::builder().method(&*method.to_uppercase()).uri(path.replace(['{', '}'], ""));
                let parts = request.body(Body::empty()).unwrap().into_parts().0;
                let elsewhere = taken(&Cluster(None), &parts).is_err();
                let says = operation["responses"]["421"]["$ref"] == "#/components/responses/NotHere";
                assert_eq!(elsewhere, says, "{method} {path}");
                of_nodes += usize::from(elsewhere);
                described += 1;
            }
        }
        assert!(of_nodes > 30 && described - of_nodes > 30, "{of_nodes} of {described}");
    }

    #[test]
    fn changes_are_sent_elsewhere_and_questions_wait_for_the_cluster() {
        let check = |cluster: &Cluster, request: &str, expected: Result<(), (u16, &str)>| {
            let (method, uri) = request.split_once(' ').unwrap();
            let request = Request::builder().method(method).uri(uri).body(Body::empty()).unwrap();
            let found =
                taken(cluster, &request.into_parts().0).map_err(|problem| (problem.status.as_u16(), problem.detail));
            match (found, expected) {
                (Ok(()), Ok(())) => {}
                (Err((status, detail)), Err((expected, words))) => {
                    assert!(status == expected && detail.contains(words), "{method} {uri}: {status} {detail}");
                }
                (found, expected) => panic!("{method} {uri}: {found:?} is not {expected:?}"),
            }
        };
        let (here, away) = (Cluster(None), Cluster(Some("shard 2 does not answer")));
        for question in
            ["GET /analytics/activity?organizationId=a", "GET /v1/repricings", "POST /v1/session", "POST /mcp", "GET /"]
        {
            check(&here, question, Ok(()));
        }
        for change in [
            "POST /v1/events",
            "POST /v1/otlp/v1/traces",
            "PUT /v1/directory",
            "DELETE /v1/tokens/x",
            "POST /v1/compact",
            "GET /v1/backups",
            "GET /v1/audit",
            "GET /scim/v2/Users",
            "POST /v1/session/oidc/backchannel",
        ] {
            check(&here, change, Err((421, "ask the node of all")));
            check(&away, change, Err((421, "ask the node of all")));
        }
        check(&here, "PUT /v1/budgets?organizationId=a", Err((421, "ask the node of a")));
        for question in ["GET /analytics/activity", "GET /readyz", "POST /v1/session", "GET /v1/me"] {
            check(&away, question, Err((503, "shard 2 does not answer")));
        }
        for page in ["GET /", "GET /healthz", "GET /metrics", "GET /v1/settings", "GET /assets/index.js"] {
            check(&away, page, Ok(()));
        }
    }
}
