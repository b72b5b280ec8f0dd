//! What was sent and what became of it, by every door: the intake ledger, and calls that a later record completes.

use std::process::Command;

use crate::support::{Answer, BINARY, OPERATOR, Server, bearer, event};
use serde_json::{Value, json};

const LOGS: &str = "/v1/otlp/v1/logs";
const TRACES: &str = "/v1/otlp/v1/traces";

fn post(server: &Server, path: &str, token: &str, agent: &str, body: &Value) -> Answer {
    let headers = [("authorization", &*bearer(token)), ("content-type", "application/json"), ("user-agent", agent)];
    server.send("POST", path, &headers, body.to_string().as_bytes())
}

/// The lines of today and the days before, as [sender, version, result, reason, count, example].
fn lines(server: &Server, query: &str, token: &str) -> Vec<Value> {
    let answer = server.get(&format!("/v1/intake?{query}"), token).ok().json();
    let cells = ["sender", "clientVersion", "result", "reason", "count", "example"];
    let line = |line: &Value| cells.iter().map(|cell| line[*cell].clone()).collect::<Value>();
    answer["intake"].as_array().unwrap().iter().map(line).collect()
}

fn populated() -> (Server, String) {
    let server = Server::start();
    let directory = json!({
        "organizations": [{"id": "acme"}, {"id": "beta"}],
        "members": [
            {"organizationId": "acme", "userId": "ada", "role": "owner"},
            {"organizationId": "acme", "userId": "adam", "role": "admin"},
            {"organizationId": "acme", "userId": "dev", "role": "developer"},
            {"organizationId": "beta", "userId": "ben", "role": "owner"},
        ],
    });
    server.put("/v1/directory", OPERATOR, &directory).ok();
    let token = server.token(&json!({"kind": "ingest", "organizationId": "acme", "label": "batch jobs"}));
    (server, token)
}

/// Log records of a service, by their event names.
fn logs(service: &str, version: &str, events: &[&str]) -> Value {
    let record = |event: &&str| {
        json!({"timeUnixNano": "1780315200000000000", "eventName": "src/telemetry.rs:7",
            "body": {"stringValue": "PROMPT"},
            "attributes": [{"key": "event.name", "value": {"stringValue": event}},
                {"key": "prompt", "value": {"stringValue": "PROMPT"}}]})
    };
    let attribute = |key: &str, value: &str| json!({"key": key, "value": {"stringValue": value}});
    json!({"resourceLogs": [{
        "resource": {"attributes": [attribute("service.name", service), attribute("service.version", version)]},
        "scopeLogs": [{"scope": {"name": "s"}, "logRecords": events.iter().map(record).collect::<Value>()}],
    }]})
}

/// A span of a model call under an id of its answer; with tokens if there are any.
fn span(answer: &str, start_s: u64, tokens: Option<u64>) -> Value {
    let text = |key: &str, value: &str| json!({"key": key, "value": {"stringValue": value}});
    let mut attributes = vec![
        text("gen_ai.operation.name", "chat"),
        text("gen_ai.request.model", "gpt-4o"),
        text("gen_ai.system", "openai"),
        text("gen_ai.response.id", answer),
    ];
    for name in ["gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens"] {
        attributes.extend(tokens.map(|count| json!({"key": name, "value": {"intValue": count.to_string()}})));
    }
    json!({"resourceSpans": [{
        "resource": {"attributes": [text("service.name", "shop"), text("service.version", "2.1")]},
        "scopeSpans": [{"scope": {"name": "s"}, "spans": [{
            "traceId": "0af7651916cd43dd8448eb211c80319c", "spanId": "b7ad6b7169203331", "name": "chat gpt-4o",
            "startTimeUnixNano": format!("{start_s}000000000"), "attributes": attributes,
        }]}],
    }]})
}

#[test]
fn what_a_client_sends_in_vain_is_seen_with_client_version_and_reason() {
    let (server, token) = populated();
    let ignored = logs("codex_exec", "0.171.0", &["codex.api_request", "codex.user_prompt", "codex.tool_result"]);
    post(&server, LOGS, &token, "OTel-OTLP-Exporter-Rust/0.31.0", &ignored).ok();
    post(&server, LOGS, &token, "OTel-OTLP-Exporter-Rust/0.31.0", &ignored).ok();
    let expected = json!(["codex_exec", "0.171.0", "ignored", "no usage in it", 6, "codex.api_request"]);
    assert_eq!(lines(&server, "organizationId=acme", OPERATOR), [expected]);
}

#[test]
fn every_door_enters_what_became_of_each_record() {
    let (server, token) = populated();
    let check = |post: &dyn Fn(&Server) -> Answer, expected: &[Value]| {
        let before = lines(&server, "organizationId=acme", OPERATOR);
        post(&server);
        let after = lines(&server, "organizationId=acme", OPERATOR);
        let new: Vec<&Value> = after.iter().filter(|line| !before.contains(line)).collect();
        assert_eq!(new, expected.iter().collect::<Vec<_>>());
    };
    let events = json!([
        event("1", "2026-06-01T10:00:00Z", &json!({})),
        event("1", "2026-06-01T10:00:00Z", &json!({})),
        event("2", "2026-06-01T10:00:00Z", &json!({"promptTokens": -1})),
        event("3", "2026-06-01T10:00:00Z", &json!({"organizationId": "beta"})),
    ]);
    check(
        &|server| post(server, "/v1/events", &token, "curl/8.5.0 (x)", &events).ok(),
        &[
            json!(["batch jobs", "curl/8.5.0", "counted", null, 1, null]),
            json!(["batch jobs", "curl/8.5.0", "duplicate", null, 1, null]),
            json!([
                "batch jobs",
                "curl/8.5.0",
                "rejected",
                "organizationId is not valid",
                1,
                "id 3: organizationId is"
            ]),
            json!(["batch jobs", "curl/8.5.0", "rejected", "promptTokens is not valid", 1, "id 2: promptTokens is -1"]),
        ],
    );
    check(
        &|server| post(server, "/v1/events", &token, "curl/8.5.0", &json!("PROMPT")),
        &[json!([
            "batch jobs",
            "curl/8.5.0",
            "rejected",
            "an event is not valid",
            1,
            "record 0: an event is a JSON object, not"
        ])],
    );
    let broken = |server: &Server| {
        let headers = [("authorization", &*bearer(&token)), ("user-agent", "curl/8.5.0")];
        server.send("POST", "/v1/events", &headers, b"{PROMPT")
    };
    check(&broken, &[json!(["batch jobs", "curl/8.5.0", "rejected", "the body is not valid JSON", 1, null])]);
    let payload = json!({"litellm_call_id": "c1", "status": "pending", "startTime": 1_780_315_200.5});
    check(
        &|server| post(server, "/v1/ingest/litellm", &token, "litellm/1.90.2", &payload).ok(),
        &[json!(["litellm", "1.90.2", "rejected", "status is not valid", 1, "id c1: status is"])],
    );
    let test = json!({"id": "evt_test", "test": true});
    check(
        &|server| post(server, "/v1/ingest/llmgateway", &token, "node", &test).ok(),
        &[json!(["llmgateway", "node", "ignored", "it is a test, or no request", 1, "id evt_test"])],
    );
    let metrics = json!({"resourceMetrics": [{"scopeMetrics": [{
        "scope": {"name": "opentelemetry.instrumentation.openai", "version": "0.62.4"},
        "metrics": [{"name": "gen_ai.client.token.usage"}, {}],
    }]}]});
    check(
        &|server| post(server, "/v1/otlp/v1/metrics", &token, "x", &metrics).ok(),
        &[json!([
            "opentelemetry.instrumentation.openai",
            "0.62.4",
            "ignored",
            "metrics repeat what traces and logs say",
            2,
            "gen_ai.client.token.usage"
        ])],
    );
    let other = json!({"resourceSpans": [{"scopeSpans": [{"spans": [{"name": "GET /PROMPTS", "spanId": "01"}]}]}]});
    check(
        &|server| post(server, TRACES, &token, "OTel/1.0", &other).ok(),
        &[json!(["otlp", "OTel/1.0", "ignored", "no call of a model", 1, "GET /PROMPTS"])],
    );
    check(
        &|server| post(server, TRACES, &token, "x", &span("r1", 1_780_315_200, Some(5))).ok(),
        &[json!(["shop", "2.1", "counted", null, 1, null])],
    );
}

#[test]
fn operators_and_owners_read_it_and_nobody_else() {
    let (server, token) = populated();
    let of_nobody = json!([7]);
    post(&server, "/v1/events", OPERATOR, "curl/8", &of_nobody).ok();
    server.send_events(OPERATOR, &event("1", "2026-06-01T10:00:00Z", &json!({})));
    server.send_events(OPERATOR, &event("2", "2026-06-01T10:00:00Z", &json!({"organizationId": "beta"})));
    let [ada, adam, dev, ben] = ["ada", "adam", "dev", "ben"].map(|user| server.user_token(user));
    for (who, query, allowed) in [
        (OPERATOR, "organizationId=acme", true),
        (OPERATOR, "", true),
        (&ada, "organizationId=acme", true),
        (&ada, "", false),
        (&ada, "organizationId=beta", false),
        (&adam, "organizationId=acme", false),
        (&dev, "organizationId=acme", false),
        (&ben, "organizationId=acme", false),
        (&ben, "organizationId=beta", true),
        (&token, "organizationId=acme", false),
    ] {
        let answer = server.get(&format!("/v1/intake?{query}"), who);
        match allowed {
            true => drop(answer.ok()),
            false => answer.is_problem(403, "the intake ledger is for the operator, and for owners"),
        }
    }
    server.send("GET", "/v1/intake?organizationId=acme", &[], b"").is_problem(401, "access token");
    server.get("/v1/intake?organizationId=nobody", OPERATOR).is_problem(404, "there is no organization 'nobody'");
    // The owner of another plan is its owner all the same.
    server.put("/v1/directory", OPERATOR, &json!({"organizations": [{"id": "acme", "plan": "free"}]})).ok();
    assert_eq!(lines(&server, "organizationId=acme", &ada).len(), 1);
    let all = server.get("/v1/intake", OPERATOR).ok().json();
    let organizations: Vec<&Value> = all["intake"].as_array().unwrap().iter().map(|l| &l["organizationId"]).collect();
    assert_eq!(organizations, [&Value::Null, &json!("acme"), &json!("beta")], "and what is nobody's");
}

#[test]
fn it_is_asked_by_days_and_is_csv_and_an_etag_as_well() {
    let (server, token) = populated();
    let bad = event("=1", "2026-06-01T10:00:00Z", &json!({"usedMode": "-x"}));
    post(&server, "/v1/events", &token, "curl/8", &bad).ok();
    let today = chrono::Utc::now().format("%Y-%m-%d").to_string();
    let path = format!("/v1/intake?organizationId=acme&from={today}&to={today}");
    let answer = server.get(&path, OPERATOR).ok();
    assert_eq!(answer.json()["intake"][0]["date"], json!(today));
    assert_eq!(lines(&server, "organizationId=acme&from=2026-01-01&to=2026-01-31", OPERATOR), [Value::Null; 0]);
    for (query, words) in [
        ("from=2026-02-30", "from"),
        ("from=2026-02-02&to=2026-02-01", "after"),
        ("from=2024-01-01&to=2026-01-01", "366"),
        ("format=xml", "allowed: csv, json"),
    ] {
        server.get(&format!("/v1/intake?organizationId=acme&{query}"), OPERATOR).is_problem(400, words);
    }
    let etag = answer.header("etag").to_owned();
    let again = |etag: &str| {
        server.send("GET", &path, &[("authorization", &bearer(OPERATOR)), ("if-none-match", etag)], b"").status
    };
    assert_eq!((again(&etag), again("W/\"other\"")), (304, 200));
    let csv = server.get(&format!("{path}&format=csv"), OPERATOR).ok();
    assert_eq!(csv.header("content-type"), "text/csv; charset=utf-8");
    let expected = format!(
        "date,organizationId,sender,clientVersion,result,reason,count,example\r\n\
         {today},acme,batch jobs,curl/8,rejected,usedMode is not valid,1,id =1: usedMode is\r\n"
    );
    assert_eq!(csv.text, expected);
    server.send_events(OPERATOR, &event("2", "2026-06-01T10:00:00Z", &json!({})));
    assert_eq!(again(&etag), 200, "there is more now");
}

#[test]
fn a_later_record_completes_a_call_by_every_door_and_over_a_kill() {
    let directory = tempfile::tempdir().unwrap();
    let mut server = Server::start_in(directory.path());
    let token = server.token(&json!({"kind": "ingest", "organizationId": "acme", "label": "batch jobs"}));
    let at = |minute: u32| format!("2026-06-01T10:{minute:02}:00Z");
    let unknown = json!({"promptTokens": null, "completionTokens": null, "cost": null});
    let incomplete = event("call", &at(0), &unknown);
    let complete = event("call", &at(0), &json!({}));
    let sums = |server: &Server| {
        let totals = &server.activity(OPERATOR, "from=2026-05-01&to=2026-06-30")["totals"];
        json!([totals["requestCount"], totals["totalTokens"], totals["cost"], totals["unpricedRequestCount"]])
    };
    let answer = server.send_events(&token, &incomplete);
    assert_eq!(answer, json!({"accepted": 1, "duplicates": 0, "rejected": []}));
    assert_eq!(sums(&server), json!([1, 0, 0, 1]), "what is not known has no price");
    post(&server, TRACES, &token, "x", &span("r1", 1_780_315_200, None)).ok();
    assert_eq!(sums(&server), json!([2, 0, 0, 2]));
    server.kill();
    let mut server = Server::start_in(directory.path());
    let answer = server.send_events(&token, &complete);
    assert_eq!(answer, json!({"accepted": 1, "completed": 1, "duplicates": 0, "rejected": []}));
    assert_eq!(sums(&server), json!([2, 120, 0.25, 1]));
    // Told while it was answered, and again when it was over.
    let of = |completion: u32, partial: bool| {
        event("growing", &at(30), &json!({"completionTokens": completion, "partial": partial, "cost": null}))
    };
    for (record, became) in [(of(9, true), "accepted"), (of(20, true), "completed"), (of(12, true), "duplicates")] {
        assert_eq!(server.send_events(&token, &record)[became], json!(1), "{record}");
    }
    assert_eq!(sums(&server), json!([3, 240, 0.25, 2]));
    server.kill();
    let server = Server::start_in(directory.path());
    for (record, became) in [(of(20, true), "duplicates"), (of(77, false), "completed"), (of(99, true), "duplicates")] {
        assert_eq!(server.send_events(&token, &record)[became], json!(1), "{record}");
    }
    let grown = sums(&server);
    assert_eq!([&grown[0], &grown[1], &grown[3]], [&json!(3), &json!(297), &json!(1)], "the end is priced");
    // An hour later, as another instrumentation has it.
    post(&server, TRACES, &token, "x", &span("r1", 1_780_319_000, Some(60))).ok();
    assert_eq!(sums(&server)[1], json!(417));
    let before = sums(&server);
    for again in [&incomplete, &complete] {
        let answer = server.send_events(&token, again);
        assert_eq!(answer, json!({"accepted": 0, "duplicates": 1, "rejected": []}));
    }
    post(&server, TRACES, &token, "x", &span("r1", 1_780_315_200, None)).ok();
    post(&server, TRACES, &token, "x", &span("r1", 1_780_319_000, Some(60))).ok();
    assert_eq!((sums(&server), &before[0], &before[3]), (before.clone(), &json!(3), &json!(0)));
    let of_shop = |line: &&Value| line[0] == "shop";
    let lines = lines(&server, "organizationId=acme", OPERATOR);
    let of_shop: Vec<_> = lines.iter().filter(of_shop).map(|line| json!([line[2], line[4]])).collect();
    assert_eq!(of_shop, [json!(["counted", 1]), json!(["completed", 1]), json!(["duplicate", 2])]);
    assert!(server.get("/metrics", OPERATOR).text.contains("rollcall_events_completed_total 2\n"));
    let log = server.post("/v1/verify", OPERATOR, &Value::Null).ok().json();
    assert_eq!(log["damage"], Value::Null, "{log}");
}

#[test]
fn nothing_of_what_was_sent_is_in_the_file() {
    let (mut server, token) = populated();
    let marked = "PROMPT-7d1f";
    let event = event("1", "2026-06-01T10:00:00Z", &json!({"promptTokens": marked, "usedMode": marked}));
    post(&server, "/v1/events", &token, "curl/8", &json!([event, marked, [marked]])).ok();
    let payload = json!({"litellm_call_id": "c1", "status": marked, "startTime": marked, "messages": marked});
    post(&server, "/v1/ingest/litellm", &token, "litellm/1", &payload).ok();
    post(&server, LOGS, &token, "x", &logs("codex_exec", "1", &["codex.user_prompt"])).ok();
    server.send("POST", "/v1/events", &[("authorization", &*bearer(&token))], marked.as_bytes());
    assert!(lines(&server, "organizationId=acme", OPERATOR).len() >= 5);
    server.terminate();
    let bytes = std::fs::read(server.data_dir.join("rollcall.redb")).unwrap();
    for text in [marked, "PROMPT"] {
        assert!(!bytes.windows(text.len()).any(|window| window == text.as_bytes()), "{text}");
    }
}

#[test]
fn the_doctor_has_a_line_for_each_source() {
    let (server, token) = populated();
    let ignored = logs("codex_exec", "0.171.0", &["codex.api_request"; 1200]);
    post(&server, LOGS, &token, "x", &ignored).ok();
    post(&server, TRACES, &token, "x", &span("r1", 1_780_315_200, Some(5))).ok();
    let arguments = ["doctor", "--data-dir", server.data_dir.to_str().unwrap(), "--token", OPERATOR];
    let text = String::from_utf8(Command::new(BINARY).args(arguments).output().unwrap().stdout).unwrap();
    for line in [
        "missing  acme: codex_exec 0.171.0: 1,200 ignored (no usage in it) in the last 7 days\n",
        "ok       acme: shop 2.1: 1 counted in the last 7 days\n",
    ] {
        assert!(text.contains(line), "{text}");
    }
}

#[test]
fn what_a_program_did_not_send_is_entered_for_who_may_send() {
    let (server, token) = populated();
    let one = json!({"result": "rejected", "reason": "column cost is not valid", "count": 12, "example": "line 7"});
    let with = |extra: Value| {
        let mut entry = one.clone();
        entry.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        entry
    };
    let of = |user: &str| {
        let member = json!({"kind": "user", "userId": user, "label": user});
        server.token(&member)
    };
    let (owner, developer) = (of("ada"), of("dev"));
    let send = |token: &str, body: &Value| post(&server, "/v1/intake", token, "loader/2", body);
    for (token, body, status, says) in [
        (&*token, json!([one]), 204, ""),
        (&*token, json!([with(json!({"organizationId": "acme", "result": "ignored", "example": null}))]), 204, ""),
        (&*token, json!([one, with(json!({"organizationId": "beta"}))]), 403, "entry 1: organizationId is 'beta'"),
        (OPERATOR, json!([with(json!({"organizationId": "beta", "reason": "x".repeat(200)}))]), 204, ""),
        (OPERATOR, json!([]), 204, ""),
        (&*owner, json!([one]), 403, "to send events use an ingest"),
        (&*developer, json!([one]), 403, "to send events use an ingest"),
        ("wrong", json!([one]), 401, ""),
        (&*token, json!([with(json!({"result": "counted"}))]), 400, "result is counted"),
        (&*token, json!([one, with(json!({"count": 0}))]), 400, "entry 1: count is 0; allowed are 1 to 1000000000000"),
        (&*token, json!([with(json!({"organizationId": ""}))]), 400, "organizationId"),
        (&*token, json!(vec![&one; 257]), 400, "there are 257 entries; at most 256 are allowed"),
        (&*token, one.clone(), 400, ""),
        (&*token, json!([with(json!({"rows": 3}))]), 400, "rows"),
    ] {
        let answer = send(token, &body);
        assert_eq!(answer.status, status, "{body}: {}", answer.text);
        assert!(answer.text.contains(says), "{body}: {}", answer.text);
    }
    let expected = [
        json!(["batch jobs", "loader/2", "ignored", "column cost is not valid", 12, null]),
        json!(["batch jobs", "loader/2", "rejected", "column cost is not valid", 12, "line 7"]),
    ];
    assert_eq!(lines(&server, "organizationId=acme", OPERATOR), expected);
    assert_eq!(lines(&server, "organizationId=beta", OPERATOR)[0][3], json!("x".repeat(100)));
}

#[test]
fn rows_that_a_file_has_in_vain_are_entered_too() {
    let directory = tempfile::tempdir().unwrap();
    let [store, file] = ["store", "usage.csv"].map(|name| directory.path().join(name));
    let rows = "id,timestamp,usedModel,usedProvider,projectId,apiKeyId,promptTokens,completionTokens,cost\n\
                a,2026-06-01T10:00:00Z,gpt-4o,openai,web,k1,100,20,0.25\n\
                b,2026-06-01T10:00:00Z,gpt-4o,openai,web,k1,5x,20,0.25\n\
                c,2026-06-01T10:00:00Z,gpt-4o,openai,web,k1,6x,20,0.25\n\
                Total,,,,,,100,40,0.75\n";
    std::fs::write(&file, rows).unwrap();
    let mut command = Command::new(BINARY);
    command.arg("ingest").arg(&file).args(["--organization", "acme", "--data-dir"]).arg(&store);
    assert_eq!(command.output().unwrap().status.code(), Some(1));
    let server = Server::start_in(&store);
    let version = env!("CARGO_PKG_VERSION");
    let by = |result: &str, reason: Value, count: u64, example: Value| {
        json!(["rollcall ingest", version, result, reason, count, example])
    };
    let expected = [
        by("counted", Value::Null, 1, Value::Null),
        by("ignored", json!("a sum of other rows"), 1, Value::Null),
        by("rejected", json!("column promptTokens is not valid"), 2, json!("id b: column promptTokens")),
    ];
    assert_eq!(lines(&server, "organizationId=acme", OPERATOR), expected);

    // The same through a server.
    let (server, token) = populated();
    let mut command = Command::new(BINARY);
    command.arg("ingest").arg(&file).args(["--url", &server.url, "--token", &token]);
    assert_eq!(command.output().unwrap().status.code(), Some(1));
    let agent = format!("rollcall/{version}");
    let mut through = expected;
    through.iter_mut().for_each(|line| (line[0], line[1]) = (json!("batch jobs"), json!(agent)));
    assert_eq!(lines(&server, "organizationId=acme", OPERATOR), through);
}
