//! Whose call it is and when, where an answer is asked for again and where two records tell of one call: by every door,
//! whichever comes first.

use crate::support::{OPERATOR, Server};
use serde_json::{Value, json};

const LITELLM: &str = "/v1/ingest/litellm";
const TRACES: &str = "/v1/otlp/v1/traces";
/// 2026-11-20T23:50:00Z, in seconds.
const EVENING: u64 = 1_795_218_600;

fn litellm(call_type: &str, key: &str, seconds: u64, [input, output]: [u64; 2], cost: f64) -> Value {
    json!({"id": "resp_1", "litellm_call_id": format!("{call_type} {seconds}"), "call_type": call_type,
        "status": "success", "startTime": EVENING + seconds, "model": "gpt-4o-mini", "custom_llm_provider": "openai",
        "prompt_tokens": input, "completion_tokens": output, "total_tokens": input + output, "response_cost": cost,
        "request_tags": [format!("app:{key}")], "metadata": {"user_api_key_hash": key,
            "user_api_key_team_id": format!("team of {key}"), "user_api_key_user_id": format!("user of {key}")}})
}

fn span(operation: &str, service: &str, seconds: u64, tokens: Option<[u64; 2]>) -> Value {
    let text = |key: &str, value: &str| json!({"key": key, "value": {"stringValue": value}});
    let mut attributes = vec![
        text("gen_ai.operation.name", operation),
        text("gen_ai.provider.name", "openai"),
        text("gen_ai.request.model", "gpt-4o-mini"),
        text("gen_ai.response.id", "resp_1"),
    ];
    for (name, count) in ["input", "output"].into_iter().zip(tokens.into_iter().flatten()) {
        let value = json!({"intValue": count.to_string()});
        attributes.push(json!({"key": format!("gen_ai.usage.{name}_tokens"), "value": value}));
    }
    let start = (EVENING + seconds) * 1_000_000_000;
    json!({"resourceSpans": [{"resource": {"attributes": [text("service.name", service)]}, "scopeSpans": [{"scope":
        {"name": "i"}, "spans": [{"traceId": format!("{seconds:032x}"), "spanId": format!("{:016x}", seconds + 1),
        "name": operation, "startTimeUnixNano": start.to_string(), "endTimeUnixNano": (start + 1).to_string(),
        "attributes": attributes}]}]}]})
}

/// What posts come to in an organization of their own: the days with calls, what they are counted by, sums.
fn told(server: &Server, organization: &str, posts: &[(&str, &Value)]) -> Value {
    let token = server.token(&json!({"kind": "ingest", "organizationId": organization, "projectId": "p",
        "apiKeyId": "the token's", "label": "test"}));
    posts.iter().for_each(|(door, body)| drop(server.post(door, &token, body).ok()));
    let ask = |group: &str| {
        let query = format!("organizationId={organization}&from=2026-11-19&to=2026-11-22&groupBy={group}");
        server.get(&format!("/analytics/activity?{query}"), OPERATOR).ok().json()
    };
    let keys = |group: &str| -> Vec<Value> {
        ask(group)["ranking"].as_array().unwrap().iter().map(|entry| entry["key"].clone()).collect()
    };
    let answer = ask("apiKey");
    let days = answer["activity"].as_array().unwrap().iter().filter(|day| day["requestCount"] != 0);
    let days: Vec<&Value> = days.map(|day| &day["date"]).collect();
    let totals = &answer["totals"];
    let sums = ["requestCount", "totalTokens", "cost", "unpricedRequestCount"].map(|name| &totals[name]);
    json!([days, keys("apiKey"), keys("project"), keys("source"), sums])
}

fn orders(of: usize) -> Vec<Vec<usize>> {
    (0..of).fold(vec![Vec::new()], |orders, next| {
        orders
            .iter()
            .flat_map(|order| {
                (0..=order.len()).map(|at| {
                    let mut order = order.clone();
                    order.insert(at, next);
                    order
                })
            })
            .collect()
    })
}

#[test]
fn an_answer_of_litellm_is_of_the_key_and_the_day_that_it_was_made_by() {
    let server = Server::start();
    let expected = json!([["2026-11-20"], ["KA"], ["team of KA"], ["KA"], [1, 1200, 0.00027, 0]]);
    let (usage, cost) = ([1000, 200], 0.00027);
    for (made, made_cost) in [([0, 0], 0.0), (usage, cost)] {
        let records = [
            litellm("aresponses", "KA", 0, made, made_cost),
            litellm("aget_responses", "KB", 600, [0, 0], 0.0),
            litellm("aget_responses", "KB", 1200, usage, cost),
            litellm("acancel_responses", "KC", 1800, usage, cost),
        ];
        for (number, order) in orders(4).iter().enumerate() {
            let posts: Vec<(&str, &Value)> = order.iter().map(|at| (LITELLM, &records[*at])).collect();
            let organization = format!("split{number}of{}", made[0]);
            assert_eq!(told(&server, &organization, &posts), expected, "{order:?} {made:?}");
            let post: Value = order.iter().map(|at| records[*at].clone()).collect();
            let organization = format!("whole{number}of{}", made[0]);
            assert_eq!(told(&server, &organization, &[(LITELLM, &post)]), expected, "{order:?} {made:?} in one post");
        }
    }
    // A poll alone counts for its own key.
    let poll = litellm("aget_responses", "KB", 1200, usage, cost);
    let alone = json!([["2026-11-21"], ["KB"], ["team of KB"], ["KB"], [1, 1200, 0.00027, 0]]);
    assert_eq!(told(&server, "alone", &[(LITELLM, &poll), (LITELLM, &poll)]), alone);
    assert_eq!(server.post("/v1/verify", OPERATOR, &Value::Null).ok().json()["damage"], Value::Null);
}

#[test]
fn it_is_so_where_the_call_and_the_poll_come_by_different_doors() {
    let server = Server::start();
    let (poll, made) =
        (litellm("aget_responses", "KB", 1200, [1000, 200], 0.00027), litellm("aresponses", "KA", 0, [0, 0], 0.0));
    for tokens in [None, Some([0, 0]), Some([1000, 200])] {
        let span = span("chat", "shop", 0, tokens);
        let by_span = json!([["2026-11-20"], ["the token's"], ["p"], ["shop"], [1, 1200, 0.00027, 0]]);
        let name = |order: &str| format!("{order}{}", tokens.map_or("none".into(), |[input, _]| input.to_string()));
        assert_eq!(told(&server, &name("span"), &[(TRACES, &span), (LITELLM, &poll)]), by_span);
        assert_eq!(told(&server, &name("poll"), &[(LITELLM, &poll), (TRACES, &span)]), by_span);
    }
    // By spans alone: made in the background with 0 of both, asked for until it is there.
    let polls = [span("chat", "shop", 0, Some([0, 0])), span("fetch_response", "worker", 600, Some([0, 0]))];
    let done = span("fetch_response", "worker", 1200, Some([1000, 200]));
    let posts = [&polls[0], &polls[1], &done];
    for (number, order) in orders(3).iter().enumerate() {
        let posts: Vec<(&str, &Value)> = order.iter().map(|at| (TRACES, posts[*at])).collect();
        let by_span = json!([["2026-11-20"], ["the token's"], ["p"], ["shop"], [1, 1200, 0.00027, 0]]);
        assert_eq!(told(&server, &format!("spans{number}"), &posts), by_span, "{order:?}");
    }
    let fetch = span("fetch_response", "worker", 1200, Some([1000, 200]));
    let by_litellm = json!([["2026-11-20"], ["KA"], ["team of KA"], ["KA"], [1, 1200, 0.00027, 0]]);
    assert_eq!(told(&server, "made", &[(LITELLM, &made), (TRACES, &fetch)]), by_litellm);
    assert_eq!(told(&server, "fetched", &[(TRACES, &fetch), (LITELLM, &made)]), by_litellm);
    let again = span("fetch_response", "worker", 2400, Some([1000, 200]));
    assert_eq!(told(&server, "made", &[(TRACES, &again), (TRACES, &fetch)]), by_litellm);
    assert_eq!(server.post("/v1/verify", OPERATOR, &Value::Null).ok().json()["damage"], Value::Null);
}

#[test]
fn looking_at_a_video_is_no_request_and_cancelling_an_answer_tells_of_the_same_call() {
    let server = Server::start();
    let video = |call_type: &str, seconds: u64, cost: f64| {
        let mut of = litellm(call_type, "KA", seconds, [0, 0], cost);
        of["id"] = json!("video_1");
        of
    };
    let looks = ["avideo_status", "video_status", "avideo_retrieve", "avideo_content", "avideo_get_character"];
    let mut post = vec![video("avideo_generation", 0, 0.4)];
    post.extend((1..).zip(looks).map(|(seconds, look)| video(look, seconds, 0.0)));
    let one = json!([["2026-11-20"], ["KA"], ["team of KA"], ["KA"], [1, 0, 0.4, 0]]);
    assert_eq!(told(&server, "video", &[(LITELLM, &json!(post))]), one);
    let made = litellm("aresponses", "KA", 0, [1000, 200], 0.00027);
    let cancelled = litellm("acancel_responses", "KA", 5, [1000, 200], 0.00027);
    let one = json!([["2026-11-20"], ["KA"], ["team of KA"], ["KA"], [1, 1200, 0.00027, 0]]);
    assert_eq!(told(&server, "cancelled", &[(LITELLM, &made), (LITELLM, &cancelled)]), one);
}

#[test]
fn tokens_that_come_later_change_no_other_sum() {
    let server = Server::start();
    let event = |timestamp: &str, extra: &Value| {
        let mut of = json!({"id": "1", "timestamp": timestamp, "usedModel": "zz/none-such"});
        of.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        of
    };
    let first =
        event("2026-11-20T10:00:00Z", &json!({"cost": "0.25", "source": "app", "projectId": "A", "apiKeyId": "KA"}));
    let tokens = json!({"promptTokens": 10, "completionTokens": 5, "projectId": "B", "apiKeyId": "KB"});
    let expected = json!([["2026-11-20"], ["KA"], ["A"], ["app"], [1, 15, 0.25, 0]]);
    for (number, second) in [
        event("2026-11-20T10:00:00Z", &tokens),
        event("2026-11-21T13:00:00Z", &tokens),
        // A model with a list price.
        {
            let mut of = event("2026-11-20T10:00:00Z", &tokens);
            of["usedModel"] = json!("openai/gpt-4o-mini");
            of
        },
    ]
    .iter()
    .enumerate()
    {
        let (apart, whole) = (format!("apart{number}"), format!("whole{number}"));
        assert_eq!(told(&server, &apart, &[("/v1/events", &first), ("/v1/events", second)]), expected);
        assert_eq!(told(&server, &whole, &[("/v1/events", &json!([first, second, second, first]))]), expected);
    }
}
