//! `/openapi.json`: that it says what the server does, and that tools can make use of it. What tools of others make of
//! it is in `tests/openapi`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use crate::support::{OPERATOR, Server, event};
use serde_json::{Value, json};

/// More digits than a double has.
const COST: &str = "310000003.299999999978";
const SCHEMAS: &str = "#/components/schemas/";
const RESPONSES: &str = "#/components/responses/";

/// An operation with its method and path.
type Operations = BTreeMap<(String, String), Value>;

fn document() -> Value {
    serde_json::from_str(&rollcall::http::openapi_json()).unwrap()
}

fn operations(document: &Value) -> Operations {
    let paths = document["paths"].as_object().unwrap();
    let methods = paths.iter().flat_map(|(path, methods)| {
        methods.as_object().unwrap().iter().map(|(method, of)| ((method.clone(), path.clone()), of.clone()))
    });
    methods.collect()
}

fn list(of: &Value) -> &[Value] {
    of.as_array().map_or(&[], Vec::as_slice)
}

fn words(of: &Value) -> &str {
    of.as_str().unwrap_or_default().trim()
}

/// Names of schemas in a part of the document, and in what they refer to.
fn schemas_in(document: &Value, part: &Value, found: &mut BTreeSet<String>) {
    match part {
        Value::Object(fields) => fields.values().for_each(|field| schemas_in(document, field, found)),
        Value::Array(items) => items.iter().for_each(|item| schemas_in(document, item, found)),
        Value::String(text) => {
            if let Some(name) = text.strip_prefix(SCHEMAS)
                && found.insert(name.to_owned())
            {
                schemas_in(document, &document["components"]["schemas"][name], found);
            }
        }
        _ => {}
    }
}

#[test]
fn every_operation_parameter_and_status_is_described() {
    let document = document();
    let mut ids = BTreeSet::new();
    let tags: BTreeSet<&str> = list(&document["tags"]).iter().map(|tag| words(&tag["name"])).collect();
    for ((method, path), operation) in operations(&document) {
        let what = format!("{method} {path}");
        assert!(ids.insert(words(&operation["operationId"]).to_owned()), "{what}: its id is there once");
        assert!(!words(&operation["operationId"]).is_empty() && !words(&operation["summary"]).is_empty(), "{what}");
        assert!(list(&operation["tags"]).iter().all(|tag| tags.contains(words(tag))), "{what}");
        for parameter in list(&operation["parameters"]) {
            assert!(!words(&parameter["description"]).is_empty(), "{what}: {}", parameter["name"]);
        }
        let is_public = operation["security"] == json!([{}]);
        for (status, response) in operation["responses"].as_object().unwrap() {
            let shared =
                response["$ref"].as_str().map(|to| &document["components"]["responses"][&to[RESPONSES.len()..]]);
            let response = shared.unwrap_or(response);
            assert!(!words(&response["description"]).is_empty(), "{what}: {status}");
            let problem = &response["content"]["application/problem+json"]["schema"]["$ref"];
            assert_eq!(*problem == json!("#/components/schemas/Problem"), status.as_str() >= "400", "{what}: {status}");
        }
        for status in ["400", "401", "403", "429", "500", "503"] {
            let is_described = operation["responses"][status].is_object();
            assert!(is_described || is_public, "{what}: {status}");
        }
    }
}

#[test]
fn strict_clients_survive_a_new_field_of_an_answer() {
    let document = document();
    let mut answered = BTreeSet::new();
    for operation in operations(&document).values() {
        schemas_in(&document, &operation["responses"], &mut answered);
    }
    assert!(answered.contains("Activity") && answered.contains("ActivityEntry") && !answered.contains("NewToken"));
    for name in answered {
        assert_ne!(document["components"]["schemas"][&name]["additionalProperties"], json!(false), "{name}");
    }
    assert_eq!(document["components"]["schemas"]["NewToken"]["additionalProperties"], json!(false), "a misspelt field");
}

/// A server with an amount that no double holds, on both sides of an invoice.
fn with_amounts() -> Server {
    let server = Server::start();
    let of_members = json!({
        "users": [{"id": "ada", "name": "Ada"}],
        "members": [{"organizationId": "acme", "userId": "ada", "role": "owner"}],
        "apiKeys": [{"id": "k1", "organizationId": "acme", "projectId": "web", "createdBy": "ada"}],
    });
    server.put("/v1/directory", OPERATOR, &of_members).ok();
    let day = "2026-06-01T10:00:00Z";
    let events: Vec<Value> = (0..31).map(|i| event(&format!("e{i}"), day, &json!({"cost": "10000000"}))).collect();
    server.send_events(OPERATOR, &json!(events));
    let rest = json!([
        event("rest", day, &json!({"cost": "3.299999999978"})),
        event("unpriced", day, &json!({"cost": null, "usedModel": "openai/nobody-knows-it"})),
        event("earlier", "2026-05-31T10:00:00Z", &json!({"cost": "0.000000000001"})),
    ]);
    server.send_events(OPERATOR, &rest);
    let billed = json!({"value": 7.25, "currency": "usd"});
    let result = json!({"object": "organization.costs.result", "amount": billed, "line_item": "gpt-4o, input"});
    let invoice = json!({"data": [{"start_time": 1_780_272_000, "end_time": 1_780_358_400, "results": [result]}]});
    server.post("/v1/invoices?organizationId=acme&provider=openai", OPERATOR, &invoice).ok();
    let limits = [json!({"cost": "310000010"}), json!({"tokens": 100_000})].map(|limit| {
        let (id, scope) = (limit.as_object().unwrap().keys().next().unwrap().clone(), json!({"kind": "member"}));
        json!({"id": id, "organizationId": "acme", "scope": scope, "limit": limit, "window": "total"})
    });
    server.put("/v1/budgets", OPERATOR, &json!({"budgets": limits})).ok();
    let policy = json!({"id": "p", "organizationId": "acme", "mode": "observe", "maxCost": "0.5"});
    server.put("/v1/policies", OPERATOR, &json!({"policies": [policy]})).ok();
    server
}

/// What somebody would have believed whose language reads JSON numbers as doubles: that this is all there is to get.
#[test]
fn every_amount_of_every_answer_can_be_had_as_text() {
    let server = with_amounts();
    let ada = server.user_token("ada");
    let mut asked = 0;
    for ((method, path), operation) in operations(&document()) {
        if !list(&operation["parameters"]).iter().any(|parameter| parameter["name"] == "decimals") {
            continue;
        }
        // Of a server that ships; what a cluster has is compared in `tests/cluster`.
        if path.starts_with("/v1/cluster/") {
            continue;
        }
        asked += 1;
        let takes = |name: &str| list(&operation["parameters"]).iter().any(|parameter| parameter["name"] == name);
        let mut query = String::new();
        for (name, value) in [
            ("organizationId", "acme"),
            ("from", "2026-06-01"),
            ("to", "2026-06-01"),
            ("projectId", "web"),
            ("provider", "openai"),
            ("onModel", "gpt-4o-mini"),
            ("compare", "previous"),
            ("month", "2026-06"),
        ] {
            if takes(name) && !(path == "/analytics/activity" && matches!(name, "projectId" | "provider")) {
                query += &format!("{name}={value}&");
            }
        }
        let path = path.replace("{userId}", "ada").replace("{apiKeyId}", "k1");
        let token = if path == "/analytics/me" { &ada } else { OPERATOR };
        let decision = json!({"organizationId": "acme", "apiKeyId": "k1", "model": "gpt-4o", "callId": "a"});
        let repricing = json!({"from": "2026-06-01", "to": "2026-06-02", "all": true, "dryRun": true});
        let body = match &*path {
            "/v1/decisions" => decision,
            "/v1/directory/preview" => json!({}),
            _ => repricing,
        };
        let ask = |query: &str| match method.as_str() {
            "get" => server.get(&format!("{path}?{query}"), token).ok().text,
            _ => server.post(&format!("{path}?{query}"), token, &body).ok().text,
        };
        let (numbers, texts) = (ask(&query), ask(&format!("{query}decimals=string")));
        assert_eq!(ask(&format!("{query}decimals=number")), numbers);
        assert_eq!(unquoted(&texts), numbers, "{path}: nothing else is another");
        let read: Value = serde_json::from_str(&texts).unwrap();
        check_amounts(
            &document(),
            &operation["responses"]["200"]["content"]["application/json"]["schema"],
            &read,
            &path,
        );
        let costs = !["/analytics/cache-saving", "/analytics/reconciliation"].contains(&&*path);
        if method == "get" && path.starts_with("/analytics/") && costs {
            assert!(texts.contains(&format!("\"cost\":\"{COST}\"")), "{path}: {texts}");
        }
    }
    assert!(asked >= 8, "{asked} operations have amounts");
    let wrong = "/analytics/activity?organizationId=acme&decimals=text";
    server.get(wrong, OPERATOR).is_problem(400, "decimals is 'text'; allowed: number, string");
    server.get("/v1/me?decimals=string", OPERATOR).is_problem(400, "'decimals' is unknown");
}

/// Without the quotes around decimals. No text in these answers has a quote in it.
fn unquoted(json: &str) -> String {
    let is_decimal = |text: &str| {
        let digits = text.strip_prefix('-').unwrap_or(text);
        digits.starts_with(|c: char| c.is_ascii_digit()) && digits.bytes().all(|b| b.is_ascii_digit() || b == b'.')
    };
    let parts = json.split('"').enumerate().map(|(i, part)| match i % 2 {
        1 if is_decimal(part) => part.to_owned(),
        1 => format!("\"{part}\""),
        _ => part.to_owned(),
    });
    parts.collect()
}

/// That what is described as an amount is text, and what is described as a number is one.
fn check_amounts(document: &Value, schema: &Value, answer: &Value, path: &str) {
    if let Some(name) = schema["$ref"].as_str().and_then(|to| to.strip_prefix(SCHEMAS)) {
        match name {
            "Money" => assert!(answer.is_string() || answer.is_null(), "{path} is {answer}"),
            _ => check_amounts(document, &document["components"]["schemas"][name], answer, path),
        }
        return;
    }
    for of in ["oneOf", "anyOf", "allOf"] {
        list(&schema[of]).iter().for_each(|part| check_amounts(document, part, answer, path));
    }
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        check_amounts(document, field, &answer[name], &format!("{path} {name}"));
    }
    list(answer).iter().for_each(|item| check_amounts(document, &schema["items"], item, path));
    if matches!(schema["type"].as_str(), Some("number" | "integer")) {
        assert!(answer.is_number() || answer.is_null(), "{path} is {answer}");
    }
}

#[test]
fn the_values_that_are_described_are_those_that_are_taken() {
    let server = Server::start();
    server.send_events(OPERATOR, &event("a", "2026-06-01T10:00:00Z", &json!({})));
    let mut checked = BTreeSet::new();
    for ((method, path), operation) in operations(&document()) {
        let parameters = list(&operation["parameters"]);
        for parameter in parameters.iter().filter(|parameter| parameter["in"] == "query" && method == "get") {
            let schema = &parameter["schema"];
            let allowed = [&schema["enum"], &schema["items"]["enum"]].into_iter().flat_map(list).map(words);
            let allowed: Vec<&str> = allowed.collect();
            let name = words(&parameter["name"]);
            if allowed.is_empty() || path == "/analytics/me" {
                continue;
            }
            checked.insert(name.to_owned());
            let asked = path.replace("{userId}", "ada").replace("{apiKeyId}", "k1").replace("{organizationId}", "acme");
            let biller =
                if path == "/analytics/reconciliation" && name != "provider" { "&provider=openai" } else { "" };
            let model = if path == "/analytics/what-if" { "&onModel=gpt-4o" } else { "" };
            let month = if path == "/analytics/statement" { "&month=2026-06" } else { "" };
            let is_of_one = parameters.iter().any(|of| of["name"] == "organizationId" && of["in"] == "query");
            let of = if is_of_one { "&organizationId=acme" } else { "" };
            let answer = server.get(&format!("{asked}?{name}=nonsense{of}{biller}{model}{month}"), OPERATOR);
            let told = answer.text.split("allowed").nth(1).unwrap_or_default();
            let told: BTreeSet<&str> = told
                .split(|c: char| !c.is_ascii_alphanumeric() && !"-.".contains(c))
                .filter(|word| !word.is_empty())
                .collect();
            let told: BTreeSet<&str> = told.into_iter().filter(|word| !["are", "and"].contains(word)).collect();
            assert_eq!(answer.status, 400, "{path} {name}: {}", answer.text);
            assert_eq!(told, allowed.into_iter().collect(), "{path} {name}: {}", answer.text);
        }
    }
    let expected =
        ["compare", "costSource", "decimals", "focusVersion", "format", "granularity", "mode", "provider", "rankBy"];
    assert!(expected.iter().all(|name| checked.contains(*name)), "{checked:?}");
}

#[test]
fn the_fields_of_an_event_that_are_described_are_those_that_are_read() {
    let server = Server::start();
    let document = document();
    let described: BTreeSet<&str> = document["components"]["schemas"]["Event"]["properties"]
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    for field in &described {
        let wrong = event("a", "2026-06-01T10:00:00Z", &json!({*field: {"no": "value"}}));
        let answer = server.send_events(OPERATOR, &wrong);
        let error = answer["rejected"][0]["error"].as_str().unwrap_or_default().to_owned();
        assert!(error.contains(field), "{field}: {answer}");
    }
    let written = fs::read_to_string("docs/events.md").unwrap();
    let rows = written.lines().filter(|line| line.starts_with("| `"));
    let documented: BTreeSet<&str> =
        rows.flat_map(|row| row.split('|').nth(1).unwrap().split('`').skip(1).step_by(2)).collect();
    assert!(documented.is_superset(&described), "{:?}", described.difference(&documented));
    let table = written.split("| Field |").nth(1).unwrap().split("\n\n").next().unwrap();
    let rows = table.lines().filter(|line| line.starts_with("| `"));
    let fields: BTreeSet<&str> =
        rows.flat_map(|row| row.split('|').nth(1).unwrap().split('`').skip(1).step_by(2)).collect();
    assert_eq!(fields, described);
}
