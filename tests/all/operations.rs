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
        "rollcall_commit_seconds_total",
        "rollcall_question_seconds_total",
        "rollcall_requests_total",
        "rollcall_store_allocated_bytes",
    ];
    let text = server.get("/metrics", "").ok().text;
    let value = |name: &&str| text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse::<f64>().ok());
    grows.iter().for_each(|name| assert!(value(name).is_some_and(|value| value > 0.0), "{name}"));
    assert!(value(&"rollcall_commit_seconds_total").unwrap() < 60.0, "it counts seconds");
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

/// The names of the metrics that a text has.
fn typed(text: &str) -> BTreeSet<String> {
    text.lines().filter_map(|line| Some(line.strip_prefix("# TYPE ")?.split(' ').next()?.to_owned())).collect()
}

/// A dashboard of Grafana shows these metrics, and no others.
#[track_caller]
fn check_dashboard(file: &str, existing: &BTreeSet<String>) {
    let dashboard: Value = serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap();
    let mut queries = Vec::new();
    values_of(&dashboard, "expr", &mut queries);
    let shown: BTreeSet<String> = queries.iter().flat_map(|query| metrics_named(query)).collect();
    assert_eq!(shown, *existing, "{file} shows every metric and no other");
    let mut variables = Vec::new();
    values_of(&dashboard["templating"], "query", &mut variables);
    assert!(variables.iter().flat_map(|query| metrics_named(query)).all(|name| existing.contains(&name)));
}

#[test]
fn the_dashboards_and_the_alerts_name_metrics_that_exist() {
    let existing = typed(&Server::start().get("/metrics", "").ok().text);
    assert!(existing.len() > 15, "{existing:?}");
    check_dashboard("deploy/grafana/rollcall.json", &existing);

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

/// Several organizations' usage of today, on a server that measures that of some projects.
fn measuring(directory: &std::path::Path, projects: &str) -> Server {
    let settings = [("ROLLCALL_USAGE_METRICS", projects)];
    let server = Server::start_set(directory, OPERATOR, &settings);
    let people = json!({
        "organizations": [{"id": "acme", "timezone": "Asia/Kolkata"}, {"id": "small", "plan": "pro"}],
        "users": [{"id": "ada", "name": "Ada"}, {"id": "dev", "name": "Dev"}],
        "members": [
            {"organizationId": "acme", "userId": "ada", "role": "admin"},
            {"organizationId": "acme", "userId": "dev", "role": "developer"},
            {"organizationId": "small", "userId": "dev", "role": "owner"},
        ],
    });
    server.put("/v1/directory", OPERATOR, &people).ok();
    server
}

/// Usage of projects now, by organization, project and cost.
fn send_now(server: &Server, usage: &[(&str, &str, &str)]) {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis() as u64;
    let event = |(n, (organization, project, cost)): (usize, &(&str, &str, &str))| {
        json!({"id": n.to_string(), "timestamp": now, "organizationId": organization, "projectId": project,
            "apiKeyId": "k", "usedModel": "openai/gpt-4o", "usedProvider": "openai", "cost": cost, "count": n + 1})
    };
    let events: Vec<Value> = usage.iter().enumerate().map(event).collect();
    assert_eq!(server.send_events(OPERATOR, &json!(events))["accepted"], usage.len());
}

/// The samples of a metric.
fn samples(text: &str, name: &str) -> Vec<String> {
    let samples = text.lines().filter_map(|line| line.strip_prefix(name)).filter(|rest| rest.starts_with('{'));
    samples.map(str::to_owned).collect()
}

#[test]
fn usage_is_a_metric_of_those_that_use_most_and_of_the_rest_together() {
    let directory = tempfile::tempdir().unwrap();
    let server = measuring(directory.path(), "2");
    send_now(
        &server,
        &[
            ("acme", "web", "0.1"),
            ("acme", "a \"b\"", "7"),
            ("acme", "api", "3.000000000001"),
            ("acme", "batch", "0.2"),
            ("small", "shop", "1"),
            ("other", "x", "0.5"),
        ],
    );
    let answer = server.get("/metrics/usage", OPERATOR).ok();
    assert_eq!(answer.header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    let text = answer.text;
    let costs = [
        r#"{organization="(other)",project="(other)"} 1.5"#,
        r#"{organization="acme",project="(other)"} 0.3"#,
        r#"{organization="acme",project="a \"b\""} 7"#,
        r#"{organization="acme",project="api"} 3.000000000001"#,
    ];
    assert_eq!(samples(&text, "rollcall_usage_month_cost_usd"), costs);
    assert_eq!(samples(&text, "rollcall_usage_today_cost_usd"), costs);
    let requests = [
        r#"{organization="(other)",project="(other)"} 11"#,
        r#"{organization="acme",project="(other)"} 5"#,
        r#"{organization="acme",project="a \"b\""} 2"#,
        r#"{organization="acme",project="api"} 3"#,
    ];
    assert_eq!(samples(&text, "rollcall_usage_month_requests"), requests);
    assert_eq!(samples(&text, "rollcall_usage_today_requests"), requests);
    check_dashboard("deploy/grafana/rollcall-usage.json", &typed(&text));

    let ada = server.get("/metrics/usage", &server.user_token("ada")).ok().text;
    assert_eq!(samples(&ada, "rollcall_usage_month_cost_usd"), costs[1..], "her own organization alone");
    server.get("/metrics/usage", &server.user_token("dev")).is_problem(403, "owners and admins");
    server.get("/metrics/usage", "").is_problem(401, "");
}

#[test]
fn openmetrics_where_a_scraper_asks_for_it() {
    let directory = tempfile::tempdir().unwrap();
    let server = measuring(directory.path(), "2");
    send_now(&server, &[("acme", "web", "0.1")]);
    for path in ["/metrics", "/metrics/usage"] {
        let headers = [("authorization", &*bearer(OPERATOR)), ("accept", "application/openmetrics-text;version=1.0.0")];
        let answer = server.send("GET", path, &headers, b"").ok();
        assert_eq!(answer.header("content-type"), "application/openmetrics-text; version=1.0.0; charset=utf-8");
        assert!(answer.text.ends_with("\n# EOF\n") && answer.text.matches("# EOF").count() == 1, "{}", answer.text);
        let plain = server.get(path, OPERATOR).ok().text;
        assert!(!plain.contains("# EOF") && !plain.contains("# UNIT"));
        let families = typed(&answer.text);
        assert_eq!(families.len(), typed(&plain).len());
        assert!(
            families.iter().all(|family| !family.ends_with("_total") && !family.ends_with("_info")),
            "{families:?}"
        );
        for line in answer.text.lines().filter_map(|line| line.strip_prefix("# UNIT ")) {
            let (family, unit) = line.split_once(' ').unwrap();
            assert!(family.ends_with(&format!("_{unit}")) && families.contains(family), "{line}");
        }
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
