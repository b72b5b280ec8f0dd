//! Retention: what an organization does not keep goes, and does not come back.

use crate::support::{Answer, OPERATOR, Server, bearer, event};
use serde_json::{Value, json};

const OLD: &str = "2020-03-29T10:00:00Z";

fn old(server: &Server, organization: &str) -> Answer {
    let window = "from=2020-03-01&to=2020-04-30&timezone=Europe/Berlin&groupBy=apiKey";
    server.get(&format!("/analytics/activity?organizationId={organization}&{window}"), OPERATOR).ok()
}

fn retention(server: &Server, days: &Value) -> Answer {
    let organizations = json!({"organizations": [{"id": "acme", "retentionDays": days}]});
    server.put("/v1/directory", OPERATOR, &organizations)
}

#[test]
fn usage_that_is_too_old_goes_and_does_not_come_back() {
    let server = Server::start();
    let now = chrono::Utc::now();
    let kept = (now - chrono::Days::new(30)).to_rfc3339();
    let everyone: Vec<Value> = ["acme", "other"]
        .into_iter()
        .flat_map(|organization| {
            let of = json!({"organizationId": organization});
            [event("old", OLD, &of), event("kept", &kept, &of), event("new", &now.to_rfc3339(), &of)]
        })
        .collect();
    server.send_events(OPERATOR, &json!(everyone));
    server.post("/v1/compact", OPERATOR, &Value::Null).ok();
    let before = old(&server, "acme");
    assert_eq!(before.json()["totals"]["requestCount"], 1);

    retention(&server, &json!(30))
        .is_problem(400, "retentionDays of organization 'acme' is 30; allowed are 31 to 36500");
    retention(&server, &json!(31)).ok();
    let directory = server.get("/v1/directory?organizationId=acme", OPERATOR).ok().json();
    assert_eq!(directory["organizations"][0]["retentionDays"], 31);
    server.post("/v1/compact", OPERATOR, &Value::Null).ok();

    let after = old(&server, "acme");
    assert_eq!(after.json()["totals"]["requestCount"], 0, "{}", after.text);
    assert_eq!(after.json()["totals"]["activeApiKeyCount"], 0);
    assert_ne!(after.header("etag"), before.header("etag"));
    let cached = ("if-none-match", before.header("etag"));
    let path =
        "/analytics/activity?organizationId=acme&from=2020-03-01&to=2020-04-30&timezone=Europe/Berlin&groupBy=apiKey";
    assert_eq!(server.send("GET", path, &[("authorization", &bearer(OPERATOR)), cached], b"").status, 200);
    assert_eq!(old(&server, "other").json()["totals"]["requestCount"], 1, "others keep everything");

    let audit = server.get("/v1/audit?organizationId=acme", OPERATOR).ok().json();
    let removal = &audit["entries"].as_array().expect("entries")[..2];
    let removal = removal.iter().find(|entry| entry["action"] == "retention").expect("an entry of the removal");
    assert_eq!((&removal["actor"], &removal["detail"]), (&json!("server"), &json!("usage older than 31 days")));

    let again = json!([event("old", OLD, &json!({})), event("kept", &kept, &json!({}))]);
    let answer = server.send_events(OPERATOR, &again);
    assert_eq!((&answer["accepted"], &answer["duplicates"]), (&json!(0), &json!(1)), "{answer}");
    let error = answer["rejected"][0]["error"].as_str().expect("a reason");
    assert!(error.contains("organization 'acme' keeps usage since"), "{error}");
    server.post("/v1/verify", OPERATOR, &Value::Null).ok();

    retention(&server, &Value::Null).ok();
    let answer = server.send_events(OPERATOR, &json!([event("another", OLD, &json!({}))]));
    assert_eq!(answer["accepted"], 1, "{answer}");
    assert_eq!(old(&server, "acme").json()["totals"]["requestCount"], 1);
}

#[test]
fn what_spans_told_of_usage_that_is_gone_is_forgotten() {
    let server = Server::start();
    let token =
        json!({"kind": "ingest", "organizationId": "acme", "projectId": "p", "apiKeyId": "k", "label": "spans"});
    let token = server.token(&token);
    let now = chrono::Utc::now();
    let send = |number: u8, inside: Option<u8>, start: chrono::DateTime<chrono::Utc>| {
        let id = |number: u8| format!("{number:016x}");
        let start = start.timestamp_nanos_opt().unwrap().to_string();
        let attribute = |key: &str, value: Value| json!({"key": key, "value": value});
        let body = json!({"resourceSpans": [{"scopeSpans": [{"spans": [{
            "traceId": "7".repeat(32), "spanId": id(number), "parentSpanId": inside.map(id).unwrap_or_default(),
            "name": "a span", "startTimeUnixNano": start, "endTimeUnixNano": start,
            "attributes": [
                attribute("organization.id", json!({"stringValue": "acme"})),
                attribute("gen_ai.operation.name", json!({"stringValue": "chat"})),
                attribute("gen_ai.request.model", json!({"stringValue": "openai/gpt-4o-mini"})),
                attribute("gen_ai.usage.input_tokens", json!({"intValue": "100"})),
                attribute("gen_ai.usage.output_tokens", json!({"intValue": "5"})),
            ],
        }]}]}]});
        server.post("/v1/otlp/v1/traces", &token, &body).ok()
    };
    let lately = || {
        let day = |days| (now - chrono::Days::new(days)).format("%Y-%m-%d").to_string();
        let path = format!("/analytics/activity?organizationId=acme&from={}&to={}", day(2), day(0));
        server.get(&path, OPERATOR).ok().json()["totals"]["requestCount"].clone()
    };
    let long_ago = || old(&server, "acme").json()["totals"]["requestCount"].clone();
    // What is old is told by the clock and by what came last.
    server.send_events(OPERATOR, &json!([event("new", &now.to_rfc3339(), &json!({}))]));
    send(1, None, OLD.parse().unwrap());
    assert_eq!(long_ago(), 1);
    retention(&server, &json!(31)).ok();
    server.post("/v1/compact", OPERATOR, &Value::Null).ok();
    assert_eq!(long_ago(), 0);
    // Of the same call, and of a time that is kept: there is nothing left to be taken back for it.
    send(2, Some(1), now);
    assert_eq!((long_ago(), lately()), (json!(0), json!(2)));
    server.post("/v1/verify", OPERATOR, &Value::Null).ok();
}

#[test]
fn a_budget_that_counts_in_all_counts_what_is_kept_and_so_after_a_restart() {
    let mut server = Server::start();
    let now = chrono::Utc::now();
    let kept = (now - chrono::Days::new(30)).to_rfc3339();
    let of = json!({"cost": "1"});
    let all = json!([event("old", OLD, &of), event("kept", &kept, &of), event("new", &now.to_rfc3339(), &of)]);
    server.send_events(OPERATOR, &all);
    let budget = json!({"id": "all", "organizationId": "acme", "scope": {"kind": "organization"},
        "limit": {"cost": 10}, "window": "total", "action": "block"});
    server.put("/v1/budgets", OPERATOR, &json!({"budgets": [budget]})).ok();
    let spent = |server: &Server| {
        server.get("/v1/budgets?organizationId=acme", OPERATOR).ok().json()["budgets"][0]["spent"].clone()
    };
    let is_allowed = |server: &Server, cost: &str| {
        let call = json!({"organizationId": "acme", "apiKeyId": "k1", "model": "gpt-4o", "estimatedCost": cost});
        server.post("/v1/decisions", OPERATOR, &call).ok().json()["allowed"].clone()
    };
    assert_eq!((spent(&server), is_allowed(&server, "7.01")), (json!(3), json!(false)));
    retention(&server, &json!(31)).ok();
    server.post("/v1/compact", OPERATOR, &Value::Null).ok();
    assert_eq!((spent(&server), is_allowed(&server, "8.01")), (json!(2), json!(false)));
    assert_eq!(server.terminate(), Some(0));
    let server = Server::start_set(&server.data_dir, OPERATOR, &[]);
    assert_eq!(
        (spent(&server), is_allowed(&server, "8.01"), is_allowed(&server, "8")),
        (json!(2), json!(false), json!(true))
    );
}
