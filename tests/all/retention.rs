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
