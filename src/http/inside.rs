//! Questions of the API, asked inside this process for somebody whose token was read before: by an address that needs no
//! token, or by an assistant. They go through the very routes that everybody else's do, so that rights, limits and
//! complaints are the same.

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::response::Response;
use tower::ServiceExt;

use super::access::Known;

/// The routes that can be asked.
#[derive(Clone)]
pub struct Inside(Router);

impl Inside {
    pub fn new(routes: Router) -> Inside {
        Inside(routes)
    }

    pub async fn ask(&self, known: Known, mut request: Request<Body>) -> Response {
        request.extensions_mut().insert(known);
        self.0.clone().oneshot(request).await.unwrap_or_else(|never| match never {})
    }
}
