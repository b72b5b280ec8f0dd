//! Guardrails and content filters that senders tell of: each counts once for a call, however often and in whatever record it
//! is told.

use crate::support::{OPERATOR, Server, bearer, event};
use serde_json::{Value, json};

const DAY: &str = "2026-06-01";
const SECRET: &str = "what-somebody-wrote-and-nobody-else-may-read";

fn put_directory(server: &Server) {
    let key = |id: &str, project: &str, creator: &str| json!({"id": id, "organizationId": "acme", "projectId": project, "createdBy": creator});
    let member = |id: &str| json!({"organizationId": "acme", "userId": id, "role": "developer"});
    server
        .put(
            "/v1/directory",
            OPERATOR,
            &json!({
                "organizations": [{"id": "acme"}],
                "members": [member("ada"), member("ben")],
                "apiKeys": [key("k0", "p0", "ada"), key("k1", "p1", "ben")],
            }),
        )
        .ok();
}

/// A call as LiteLLM's proxy posts it.
fn payload(id: &str, extra: &Value) -> Value {
    let mut payload = json!({
        "id": id, "litellm_call_id": id, "call_type": "acompletion", "status": "success", "startTime": 1_780_315_200.5,
        "model": "gpt-4o", "custom_llm_provider": "azure", "prompt_tokens": 10, "completion_tokens": 5,
        "total_tokens": 15, "response_cost": 0.001, "messages": [{"role": "user", "content": SECRET}],
        "status_fields": {"llm_api_status": "success", "guardrail_status": "not_run"}, "guardrail_information": null,
        "metadata": {"user_api_key_hash": "k0", "user_api_key_project_id": "p0", "applied_guardrails": []},
    });
    payload.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    payload
}

fn guardrail(name: &str, status: &str) -> Value {
    json!({"guardrail_name": name, "guardrail_status": status, "guardrail_response": {"text": SECRET},
        "guardrail_request": SECRET, "masked_entity_count": {"PHONE": 1}})
}

fn litellm() -> Value {
    json!([
        payload(
            "masked",
            &json!({"guardrail_information": [guardrail("pii", "guardrail_intervened"), guardrail("toxic", "success"),
                guardrail("pii", "guardrail_intervened")]})
        ),
        payload("flagged", &json!({"guardrail_information": [guardrail("toxic", "guardrail_flagged")]})),
        payload(
            "blocked",
            &json!({"status": "failure", "prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0, "response_cost": 0,
                "status_fields": {"guardrail_status": "guardrail_intervened"},
                "metadata": {"user_api_key_hash": "k1", "user_api_key_project_id": "p1", "applied_guardrails": ["pii"]}})
        ),
        payload(
            "cut",
            &json!({"response": {"choices": [{"finish_reason": "content_filter", "message": {"content": SECRET},
                "content_filter_results": {"violence": {"filtered": true, "severity": "high"}, "hate": {"filtered": false}}}]}})
        ),
        payload(
            "refused",
            &json!({"status": "failure", "total_tokens": 0, "prompt_tokens": 0, "completion_tokens": 0, "response_cost": 0,
                "error_information": {"error_code": "400", "error_class": "ContentPolicyViolationError"}})
        ),
        payload("plain", &json!({"guardrail_information": [guardrail("toxic", "success")]})),
    ])
}

/// A span of a call of a model with its finish reasons, inside of another if that is named.
fn span(id: &str, parent: &str, reasons: &[&str]) -> Value {
    let text = |key: &str, value: &str| json!({"key": key, "value": {"stringValue": value}});
    let reasons: Vec<Value> = reasons.iter().map(|reason| json!({"stringValue": reason})).collect();
    let whole = |key: &str, value: &str| json!({"key": key, "value": {"intValue": value}});
    json!({"resourceSpans": [{
        "resource": {"attributes": [text("service.name", "shop")]},
        "scopeSpans": [{"scope": {"name": "s"}, "spans": [{
            "traceId": "0af7651916cd43dd8448eb211c80319c", "spanId": id, "parentSpanId": parent, "name": "chat gpt-4o",
            "startTimeUnixNano": "1780315200000000000", "endTimeUnixNano": "1780315201000000000",
            "attributes": [text("gen_ai.operation.name", "chat"), text("gen_ai.request.model", "gpt-4o"),
                text("gen_ai.system", "openai"), whole("gen_ai.usage.input_tokens", "7"),
                whole("gen_ai.usage.output_tokens", "3"),
                {"key": "gen_ai.response.finish_reasons", "value": {"arrayValue": {"values": reasons}}}],
        }]}],
    }]})
}

fn send_all(server: &Server, token: &str) {
    let headers = [("authorization", &*bearer(token)), ("content-type", "application/json")];
    let post = |path: &str, body: &Value| server.send("POST", path, &headers, body.to_string().as_bytes()).ok();
    post("/v1/ingest/litellm", &litellm());
    // A framework's span around the SDK's, in a post of its own: one call.
    post("/v1/otlp/v1/traces", &span("b7ad6b7169203331", "a7ad6b7169203331", &["content_filter"]));
    post("/v1/otlp/v1/traces", &span("a7ad6b7169203331", "", &["stop", "content-filter"]));
    let at = format!("{DAY}T12:00:00Z");
    let of = |id: &str, extra: Value| {
        let mut event = event(id, &at, &json!({"organizationId": "acme", "projectId": "p1", "apiKeyId": "k1"}));
        event.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        event
    };
    post(
        "/v1/events",
        &json!([
            of("e1", json!({"finishReason": "content_filter"})),
            of("e2", json!({"finishReason": "content_filter", "count": 4})),
            of("e3", json!({"finishReason": "stop"})),
        ]),
    );
}

/// Rule, name, project, person and how many, of a day.
fn counts(server: &Server, day: &str) -> Vec<Value> {
    let question = format!("/v1/decisions/counts?organizationId=acme&from={day}&to={day}");
    let answer = server.get(&question, OPERATOR).ok();
    assert!(!answer.text.contains(SECRET));
    let cells = ["rule", "id", "projectId", "userId", "found"];
    let line = |line: &Value| {
        assert_eq!((&line["refused"], &line["observed"]), (&json!(0), &json!(0)), "{line}");
        cells.iter().map(|cell| line[*cell].clone()).collect::<Value>()
    };
    answer.json()["counts"].as_array().unwrap().iter().map(line).collect()
}

#[test]
fn what_stepped_in_counts_once_for_each_call_however_often_it_is_sent_also_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::start_in(folder.path());
    put_directory(&server);
    let token = server.token(&json!({"kind": "ingest", "organizationId": "acme", "projectId": "p0", "apiKeyId": "k0"}));
    send_all(&server, &token);
    let expected = [
        json!(["contentFilter", "content_filter", "p0", "ada", 2]),
        json!(["contentFilter", "content_filter", "p1", "ben", 5]),
        json!(["contentFilter", "violence", "p0", "ada", 1]),
        json!(["guardrail", "pii", "p0", "ada", 1]),
        json!(["guardrail", "pii", "p1", "ben", 1]),
        json!(["guardrail", "toxic", "p0", "ada", 1]),
    ];
    assert_eq!(counts(&server, DAY), expected);
    send_all(&server, &token);
    assert_eq!(counts(&server, DAY), expected, "sent again");
    assert_eq!(counts(&server, "2026-06-02"), Vec::<Value>::new(), "another day");
    assert_eq!(server.terminate(), Some(0));
    let kept = std::fs::read(folder.path().join("rollcall.redb")).unwrap();
    assert!(!kept.windows(SECRET.len()).any(|window| window == SECRET.as_bytes()), "no text is kept");

    let server = Server::start_in(folder.path());
    assert_eq!(counts(&server, DAY), expected, "after a restart");
    send_all(&server, &token);
    assert_eq!(counts(&server, DAY), expected, "sent again after it");

    // They are whoever's the usage is.
    let same = json!({"identities": [{"organizationId": "acme", "userId": "ben", "sameAs": "ada"}]});
    server.put("/v1/directory", OPERATOR, &same).ok();
    assert!(counts(&server, DAY).contains(&json!(["guardrail", "pii", "p1", "ada", 1])));
}
