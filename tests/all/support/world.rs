//! A server inside this process, for tests that move the clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use axum::body::Body;
use axum::http::Request;
use http_body_util::BodyExt;
use rollcall::engine::Engine;
use rollcall::http::{self, App, Look};
use rollcall::model::UnixMs;
use rollcall::pricing::PriceBook;
use rollcall::store::Store;
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tower::ServiceExt;

use super::OPERATOR;

/// A server inside this process, with a clock of its own.
pub struct World {
    pub engine: Arc<Engine>,
    pub app: App,
    pub clock: Arc<AtomicI64>,
    runtime: Runtime,
}

/// An answer: its status, when to come back, and its body.
pub type Told = (u16, Option<u64>, String);

impl World {
    pub fn new(now: UnixMs) -> World {
        let clock = Arc::new(AtomicI64::new(now));
        let shown = clock.clone();
        let open = || Store::open_backend(redb::backends::InMemoryBackend::new());
        let engine = Engine::start(open, Arc::new(move || shown.load(Ordering::Relaxed))).unwrap();
        let engine = Arc::new(engine);
        http::set_operator_token(&engine, OPERATOR).unwrap();
        let app = App::new(engine.clone(), PriceBook::bundled(), Look::default(), 64 << 20);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        World { engine, app, clock, runtime }
    }

    pub fn now(&self) -> UnixMs {
        self.clock.load(Ordering::Relaxed)
    }

    pub fn wait(&self, ms: i64) {
        self.clock.fetch_add(ms, Ordering::Relaxed);
    }

    pub fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Option<&Value>) -> Told {
        self.send_as(OPERATOR, method, path, headers, body)
    }

    pub fn send_as(
        &self,
        token: &str,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Told {
        let mut request = Request::builder().method(method).uri(path);
        request = request.header("authorization", format!("Bearer {token}"));
        request = request.header("content-type", "application/json");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::from(body.map_or_else(String::new, Value::to_string))).unwrap();
        self.runtime.block_on(async {
            let response = http::router(self.app.clone()).oneshot(request).await.unwrap();
            let after = response.headers().get("retry-after").and_then(|after| after.to_str().ok()?.parse().ok());
            let status = response.status().as_u16();
            let bytes = response.into_body().collect().await.unwrap().to_bytes();
            (status, after, String::from_utf8(bytes.to_vec()).unwrap())
        })
    }

    #[track_caller]
    pub fn ok(&self, method: &str, path: &str, body: Option<&Value>) -> String {
        let (status, _, text) = self.send(method, path, &[], body);
        assert_eq!(status, 200, "{method} {path}: {text}");
        text
    }

    pub fn get(&self, path: &str) -> String {
        self.ok("GET", path, None)
    }

    #[track_caller]
    pub fn put(&self, path: &str, body: &Value) {
        self.ok("PUT", path, Some(body));
    }

    #[track_caller]
    pub fn events(&self, events: &Value) {
        let answer: Value = serde_json::from_str(&self.ok("POST", "/v1/events", Some(events))).unwrap();
        assert_eq!(answer["rejected"], json!([]), "{answer}");
    }

    #[track_caller]
    pub fn decide(&self, body: &Value) -> Value {
        serde_json::from_str(&self.ok("POST", "/v1/decisions", Some(body))).unwrap()
    }

    pub fn token(&self, body: &Value) -> String {
        let (status, _, text) = self.send("POST", "/v1/tokens", &[], Some(body));
        assert_eq!(status, 201, "{text}");
        serde_json::from_str::<Value>(&text).unwrap()["token"].as_str().unwrap().to_owned()
    }

    /// Asserts a problem with these words.
    #[track_caller]
    pub fn refused(&self, told: Told, status: u16, words: &str) {
        let detail = serde_json::from_str::<Value>(&told.2).unwrap()["detail"].as_str().unwrap().to_owned();
        assert!(told.0 == status && detail.contains(words), "{} '{detail}' does not say '{words}'", told.0);
    }

    pub fn budgets(&self) -> Vec<Value> {
        let text = self.get("/v1/budgets?organizationId=acme&decimals=string");
        serde_json::from_str::<Value>(&text).unwrap()["budgets"].as_array().unwrap().clone()
    }

    pub fn budget(&self, id: &str) -> Value {
        self.budgets().into_iter().find(|budget| budget["id"] == id).unwrap()
    }

    /// What a budget has spent, what is reserved of it and what is left.
    pub fn standing(&self, id: &str) -> [String; 3] {
        let budget = self.budget(id);
        ["spent", "reserved", "remaining"].map(|field| budget[field].as_str().unwrap().to_owned())
    }
}
