//! Limits that only show in the built server, and what it answers beyond them.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::support::{OPERATOR, Server, bearer, event};
use serde_json::{Value, json};

const JUNE: &str = "/analytics/activity?organizationId=acme&from=2026-06-01&to=2026-06-30";

/// Asks, and reads no more than the beginning of the answer.
fn ask_and_wait(server: &Server, path: &str, token: &str) -> TcpStream {
    let mut stream = TcpStream::connect(server.url.strip_prefix("http://").unwrap()).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nhost: x\r\nauthorization: {}\r\n\r\n", bearer(token)).unwrap();
    let mut start = [0; 15];
    stream.read_exact(&mut start).unwrap();
    assert_eq!(&start, b"HTTP/1.1 200 OK");
    stream
}

#[test]
fn slow_readers_hold_up_themselves_only_and_overload_passes() {
    let server = Server::start();
    let owner = json!({"members": [{"organizationId": "acme", "userId": "ada", "role": "owner"}]});
    server.put("/v1/directory", OPERATOR, &owner).ok();
    let ada = server.user_token("ada");
    // 3,000 keys in each of 30 hours: an answer of some 25 MB, which no socket's buffers hold.
    for hour in 0..30 {
        let at = format!("2026-06-{:02}T{:02}:00:00Z", 1 + hour / 24, hour % 24);
        let events: Vec<Value> = (0..3000)
            .map(|key| event(&format!("{hour}-{key}"), &at, &json!({"apiKeyId": format!("key-{key}")})))
            .collect();
        server.send_events(OPERATOR, &events.into());
    }
    let long = format!("{JUNE}&granularity=hour&groupBy=apiKey");
    let slow: Vec<TcpStream> = (0..16).map(|_| ask_and_wait(&server, &long, &ada)).collect();
    let refused = server.get(JUNE, &ada);
    refused.is_problem(503, "too many questions are being answered");
    assert_eq!(refused.header("retry-after"), "1");
    assert_eq!(server.get(JUNE, OPERATOR).status, 200, "others are answered");
    drop(slow);
    let deadline = Instant::now() + Duration::from_secs(30);
    while server.get(JUNE, &ada).status != 200 {
        assert!(Instant::now() < deadline, "the overload did not pass");
    }
}

#[test]
fn nesting_is_bounded_everywhere() {
    let server = Server::start();
    let deep = format!("{}{}", "[".repeat(200_000), "]".repeat(200_000));
    let headers = [("authorization", &*bearer(OPERATOR)), ("content-type", "application/json")];
    for (method, path) in [
        ("POST", "/v1/events"),
        ("POST", "/v1/ingest/litellm"),
        ("POST", "/v1/ingest/llmgateway"),
        ("POST", "/v1/otlp/v1/traces"),
        ("PUT", "/v1/directory"),
        ("POST", "/v1/tokens"),
        ("POST", "/v1/session"),
    ] {
        for body in [&deep, &format!("{{\"users\":{deep}}}"), &format!("{{\"x\":{deep}}}")] {
            let status = server.send(method, path, &headers, body.as_bytes()).status;
            assert!(matches!(status, 200 | 400), "{method} {path}: {status}");
        }
    }
    assert_eq!(server.get("/readyz", "").status, 200);
}

#[test]
fn small_bodies_are_small_and_long_names_are_named() {
    let server = Server::start();
    let label = "x".repeat(17 << 20);
    server.post("/v1/tokens", OPERATOR, &json!({"kind": "operator", "label": label})).is_problem(413, "limit");
    let long = [
        ("id", 129, "at most 128"),
        ("organizationId", 513, "at most 512"),
        ("projectId", 513, "at most 512"),
        ("apiKeyId", 513, "at most 512"),
        ("usedModel", 513, "at most 512"),
        ("usedProvider", 513, "at most 512"),
        ("source", 513, "at most 512"),
    ];
    for (field, length, words) in long {
        let fits = event("a", "2026-06-01T10:00:00Z", &json!({field: "x".repeat(length - 1), "usedProvider": "p"}));
        assert_eq!(server.send_events(OPERATOR, &fits)["rejected"], json!([]), "{field}");
        let mut event = event("b", "2026-06-01T10:00:00Z", &json!({"usedProvider": "p"}));
        event[field] = "x".repeat(length).into();
        let answer = server.send_events(OPERATOR, &event);
        assert!(answer["rejected"][0]["error"].as_str().is_some_and(|e| e.contains(words)), "{field}: {answer}");
    }
}

#[test]
fn every_answer_has_the_security_headers() {
    let server = Server::start();
    for path in ["/", "/healthz", "/v1/me", "/v1/nothing", JUNE] {
        let answer = server.get(path, OPERATOR);
        let policy = answer.header("content-security-policy");
        for part in ["default-src 'self'", "object-src 'none'", "base-uri 'none'", "frame-ancestors 'none'"] {
            assert!(policy.contains(part), "{path}: {policy}");
        }
        assert!(!policy.contains("unsafe-eval") && !policy.contains("script-src 'unsafe"), "{path}: {policy}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(answer.header("x-frame-options"), "DENY");
        assert_eq!(answer.header("referrer-policy"), "same-origin");
        assert_eq!(answer.header("cross-origin-opener-policy"), "same-origin");
        assert_eq!(answer.header("cross-origin-resource-policy"), "same-origin");
        assert_eq!(answer.header("strict-transport-security"), "", "plain HTTP promises no TLS");
    }
}

#[test]
fn a_guesser_waits_and_keeps_nobody_else_out() {
    let server = Server::start();
    let user = server.user_token("ada");
    let me = |source: &str, token: &str| {
        server.send("GET", "/v1/me", &[("authorization", &bearer(token)), ("x-forwarded-for", source)], b"")
    };
    let refused = (0..130).map(|i| me("203.0.113.9", &format!("guess-{i}"))).find(|answer| answer.status != 401);
    let refused = refused.expect("a limit");
    refused.is_problem(429, "too many failed sign-ins from your address");
    assert_eq!(refused.header("retry-after"), "60");
    me("203.0.113.9", OPERATOR).is_problem(429, "too many");
    let headers = [("content-type", "application/json"), ("x-forwarded-for", "203.0.113.9")];
    server.send("POST", "/v1/session", &headers, br#"{"token": "guess"}"#).is_problem(429, "too many");
    assert_eq!(me("203.0.113.9", &user).status, 200, "a token made here is no guess");
    assert_eq!(me("203.0.113.10", OPERATOR).status, 200, "another source");
    let here = (0..130).map(|i| server.get("/v1/me", &format!("guess-{i}")).status);
    assert!(here.into_iter().all(|status| status == 401), "the machine itself is not made to wait");
    assert_eq!(server.get("/v1/me", OPERATOR).status, 200);
}
