//! What whoever runs the server looks at: metrics and the log.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Write, pipe};

use crate::support::{OPERATOR, Server, bearer, event};
use serde_json::{Value, json};

fn metric(server: &Server, name: &str) -> u64 {
    let text = server.get("/metrics", "").ok().text;
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ').map(str::to_owned));
    line.unwrap_or_else(|| panic!("no metric {name}")).parse().unwrap()
}

#[test]
fn metrics_count_what_an_operator_alarms_on() {
    let server = Server::start();
    let at = "2026-06-01T10:00:00Z";
    let unpriced = json!({"usedModel": "nobody/knows-it", "count": 3, "cost": null});
    let mut unpriced = event("b", at, &unpriced);
    unpriced.as_object_mut().unwrap().remove("cost");
    let one = event("a", at, &json!({}));
    let batch = json!([one, one, unpriced, "no event"]);
    let answer = server.send_events(OPERATOR, &batch);
    assert_eq!((&answer["accepted"], &answer["duplicates"]), (&json!(2), &json!(1)));
    server.activity(OPERATOR, "from=2026-06-01&to=2026-06-01");
    for (name, value) in [
        ("rollcall_events_accepted_total", 2),
        ("rollcall_events_duplicate_total", 1),
        ("rollcall_events_rejected_total", 1),
        ("rollcall_calls_unpriced_total", 3),
        ("rollcall_questions_total", 1),
        ("rollcall_requests_failed_total", 0),
        ("rollcall_queue_events", 0),
        ("rollcall_audit_entries_total", 1),
        ("rollcall_last_backup_timestamp_seconds", 0),
    ] {
        assert_eq!(metric(&server, name), value, "{name}");
    }
    let grows = [
        "rollcall_commits_total",
        "rollcall_commit_microseconds_total",
        "rollcall_question_microseconds_total",
        "rollcall_requests_total",
        "rollcall_store_allocated_bytes",
    ];
    grows.iter().for_each(|name| assert!(metric(&server, name) > 0, "{name}"));
}

/// The metrics of ours that a query names.
fn metrics_named(query: &str) -> BTreeSet<String> {
    let words = query.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words.filter(|word| word.starts_with("rollcall_")).map(str::to_owned).collect()
}

/// The values of a key, wherever it stands.
fn values_of<'a>(json: &'a Value, key: &str, found: &mut Vec<&'a str>) {
    match json {
        Value::Object(fields) => fields.iter().for_each(|(name, value)| match value {
            Value::String(text) if name == key => found.push(text),
            value => values_of(value, key, found),
        }),
        Value::Array(items) => items.iter().for_each(|item| values_of(item, key, found)),
        _ => {}
    }
}

#[test]
fn the_dashboard_and_the_alerts_name_metrics_that_exist() {
    let text = Server::start().get("/metrics", "").ok().text;
    let typed = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next());
    let existing: BTreeSet<String> = typed.map(str::to_owned).collect();
    assert!(existing.len() > 15, "{existing:?}");

    let dashboard: Value = serde_json::from_str(&fs::read_to_string("deploy/grafana/rollcall.json").unwrap()).unwrap();
    let mut queries = Vec::new();
    values_of(&dashboard, "expr", &mut queries);
    let shown: BTreeSet<String> = queries.iter().flat_map(|query| metrics_named(query)).collect();
    assert_eq!(shown, existing, "the dashboard shows every metric and no other");
    let mut variables = Vec::new();
    values_of(&dashboard["templating"], "query", &mut variables);
    assert!(variables.iter().flat_map(|query| metrics_named(query)).all(|name| existing.contains(&name)));

    let rules = fs::read_to_string("deploy/prometheus/rollcall.rules.yml").unwrap();
    let queries: Vec<&str> = rules.lines().filter_map(|line| line.trim().strip_prefix("expr: ")).collect();
    let names: Vec<&str> = rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).collect();
    assert_eq!(queries.len(), names.len());
    for (name, query) in names.iter().zip(queries) {
        let metrics = metrics_named(query);
        assert!(!metrics.is_empty() || query == r#"up{job="rollcall"} == 0"#, "{name} asks {query}");
        assert!(metrics.is_subset(&existing), "{name} asks {query}");
    }
    let page = fs::read_to_string("docs/operations.md").unwrap();
    for name in names {
        assert!(page.contains(&format!("`{name}`")), "docs/operations.md has {name}");
    }
}

#[test]
fn the_log_is_json_when_asked_and_has_a_line_for_each_request_without_secrets() {
    let directory = tempfile::tempdir().unwrap();
    let settings = [("ROLLCALL_LOG_JSON", "true"), ("ROLLCALL_LOG", "info,rollcall::http=debug")];
    let mut server = Server::start_set(directory.path(), OPERATOR, &settings);
    let cookie = "rollcall_session=a-cookie-nobody-has";
    server.send("GET", "/v1/me?token=in-the-query", &[("cookie", cookie)], b"").is_problem(401, "unknown");
    server.get("/v1/tokens", OPERATOR).ok();
    server.send("GET", "/v1/me", &[("authorization", &bearer("a-wrong-token"))], b"").is_problem(401, "unknown");
    server.terminate();
    let log = server.log.lock().unwrap().clone();
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let requests: Vec<&Value> =
        lines.iter().map(|line| &line["fields"]).filter(|f| f["message"] == "request").collect();
    let shown: Vec<_> = requests.iter().map(|r| json!([r["method"], r["path"], r["status"], r["source"]])).collect();
    assert_eq!(
        shown,
        [
            json!(["GET", "/v1/me", 401, "127.0.0.1"]),
            json!(["GET", "/v1/tokens", 200, "127.0.0.1"]),
            json!(["GET", "/v1/me", 401, "127.0.0.1"]),
        ]
    );
    for secret in [OPERATOR, "in-the-query", "a-cookie-nobody-has", "a-wrong-token"] {
        assert!(!log.contains(secret), "'{secret}' is in the log");
    }
}

#[test]
fn a_log_that_cannot_be_written_stops_nothing() {
    // What reads it has ended, which is refused as by a full disk; or takes no more for now.
    for ended in [true, false] {
        let directory = tempfile::tempdir().unwrap();
        let (reads, mut writes) = pipe().unwrap();
        let stderr = writes.try_clone().unwrap();
        let reads = (!ended).then_some(reads);
        let filling = std::thread::spawn(move || while writes.write_all(&[b'\n'; 1024]).is_ok() {});
        let mut server = Server::start_unread(directory.path(), stderr);
        for id in ["a", "b"] {
            let event = json!([event(id, "2026-06-01T10:00:00Z", &json!({}))]);
            assert_eq!(server.send_events(OPERATOR, &event)["accepted"], 1);
            // The writer logs what it writes into the audit log.
            assert!(server.token(&json!({"kind": "ingest", "organizationId": "acme"})).starts_with("rc_"));
        }
        // The operator's token is the first.
        assert_eq!(metric(&server, "rollcall_audit_entries_total"), 3);
        assert_eq!(server.terminate(), Some(0));
        drop(reads);
        filling.join().unwrap();
    }
}

#[test]
fn a_revoked_operator_token_stays_revoked_over_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let mut server = Server::start_in(directory.path());
    server.delete("/v1/tokens/operator", OPERATOR).is_problem(409, "'operator' is the last operator token");
    assert_eq!(server.get("/v1/me", OPERATOR).status, 200, "it still is one");
    let other = server.token(&json!({"kind": "operator", "label": "another"}));
    server.delete("/v1/tokens/operator", OPERATOR).ok();
    for _ in 0..2 {
        assert_eq!(server.get("/v1/me", OPERATOR).status, 401);
        assert_eq!(server.get("/v1/me", &other).status, 200);
        server.terminate();
        server = Server::start_in(directory.path());
        let log = server.log.lock().unwrap().clone();
        assert!(log.contains("the operator's token in ROLLCALL_OPERATOR_TOKEN was revoked, and stays so"), "{log}");
    }
    let id = server.get("/v1/tokens", &other).ok().json()["tokens"][0]["id"].as_str().unwrap().to_owned();
    server.delete(&format!("/v1/tokens/{id}"), &other).is_problem(409, "make another before it is revoked");
    // A new one takes the place of what the server was started with.
    server.terminate();
    let server = Server::start_with(directory.path(), "a-new-operator-token-of-the-tests");
    assert_eq!(server.get("/v1/me", "a-new-operator-token-of-the-tests").status, 200);
    server.delete(&format!("/v1/tokens/{id}"), &other).ok();
    assert_eq!(server.get("/v1/me", &other).status, 401);
}
