//! Why a window cost more or less than another.

use std::sync::Arc;

use rollcall::calendar::parse_rfc3339;
use rollcall::engine::Engine;
use rollcall::http::{App, ask_and_wait};
use rollcall::ingest::{Context, TokenDefaults, for_ever, parse_ndjson};
use rollcall::pricing::PriceBook;
use serde_json::{Value, json};

use crate::support::{OPERATOR, Server, event};

const WINDOWS: &str = "organizationId=acme&from=2026-06-02&to=2026-06-02&compareFrom=2026-06-01&compareTo=2026-06-01";

/// Calls of a project and model on a day of June; without a cost nobody knows it.
fn calls(of: &str, day: u32, count: usize, cost: Option<&str>) -> Vec<Value> {
    let call = |number: usize| {
        let mut more = json!({"projectId": of, "usedModel": "own-model", "usedProvider": "own"});
        more["cost"] = cost.map_or(Value::Null, Into::into);
        event(&format!("{of}-{day}-{number}"), &format!("2026-06-{day:02}T12:00:00Z"), &more)
    };
    (0..count).map(call).collect()
}

fn ask(server: &Server, more: &str) -> Value {
    server.get(&format!("/analytics/change?{WINDOWS}&{more}"), OPERATOR).ok().json()
}

/// The items of a cause, as label and cost.
fn items(answer: &Value, cause: &str) -> Vec<(String, f64)> {
    let part = answer["parts"].as_array().unwrap().iter().find(|part| part["cause"] == cause).unwrap();
    let item = |item: &Value| (item["key"].as_str().unwrap_or("null").to_owned(), item["cost"].as_f64().unwrap());
    part["items"].as_array().unwrap().iter().map(item).collect()
}

#[test]
fn each_key_moved_for_its_own_cause() {
    let server = Server::start();
    let sent = [
        calls("dearer", 1, 2, Some("1")),
        calls("dearer", 2, 2, Some("1.5")),
        calls("gone", 1, 3, Some("1")),
        calls("new", 2, 4, Some("2")),
        calls("new-without-a-price", 2, 1, None),
        calls("priced-since", 1, 2, None),
        calls("priced-since", 2, 2, Some("3")),
    ];
    assert_eq!(server.send_events(OPERATOR, &json!(sent.concat()))["rejected"], json!([]));
    let answer = ask(&server, "groupBy=project");
    assert_eq!(answer["before"]["cost"], json!(5));
    assert_eq!(answer["after"]["cost"], json!(17));
    assert_eq!(answer["difference"], json!(12));
    let expected: [(&str, &[(&str, f64)]); 8] = [
        ("volume", &[]),
        ("mix", &[]),
        ("price", &[("dearer", 1.0)]),
        ("cache", &[]),
        ("tokensPerRequest", &[]),
        ("new", &[("new", 8.0)]),
        ("gone", &[("gone", -3.0)]),
        ("unpriced", &[("priced-since", 6.0)]),
    ];
    for (cause, expected) in expected {
        let expected: Vec<_> = expected.iter().map(|(key, cost)| ((*key).to_owned(), *cost)).collect();
        assert_eq!(items(&answer, cause), expected, "{cause}");
    }
    let none = ask(&server, "groupBy=none");
    assert_eq!(none["difference"], json!(12));
    assert!(none["parts"][1]["items"].as_array().unwrap().iter().all(|item| item["label"] == "All"));
    let two = ask(&server, "groupBy=project,model");
    assert_eq!(two["parts"][6]["items"][0]["keys"], json!(["gone", "own-model"]));
    let only = ask(&server, "groupBy=project&projectId=gone");
    assert_eq!(only["difference"], json!(-3));
}

#[test]
fn what_is_no_question_about_two_windows_is_refused_by_name() {
    let server = Server::start();
    server.send_events(OPERATOR, &json!(calls("gone", 1, 1, Some("1"))));
    for (query, complaint) in [
        ("groupBy=team,nothing", "groupBy is 'team,nothing'"),
        ("compare=previous", "compare and days are given"),
        ("comparedTo=2026-06-01", "did you mean compareTo?"),
    ] {
        server.get(&format!("/analytics/change?{WINDOWS}&{query}"), OPERATOR).is_problem(400, complaint);
    }
    let table = server.get(&format!("/analytics/change?{WINDOWS}&groupBy=project&format=csv"), OPERATOR).ok().text;
    assert!(table.starts_with("cause,key,label,key2,label2,zoneDatabase,cost,compareFrom,compareTo,organizationId"));
    assert!(table.contains("\r\ngone,gone,gone,,,"), "{table}");
}

#[test]
fn a_window_that_is_not_over_is_compared_with_the_same_part_of_the_earlier_one() {
    const NOW: &str = "2026-06-12T14:30:00Z";
    let directory = tempfile::tempdir().unwrap();
    let now = parse_rfc3339(NOW).unwrap();
    let engine = Arc::new(Engine::open(directory.path(), Arc::new(move || now)).unwrap());
    let call = |id: &str, at: &str, cost: &str| event(id, at, &json!({"cost": cost})).to_string();
    // Of the days before, what was before 14:00 counts, and nothing later.
    let lines = [
        call("a", "2026-06-05T13:59:59Z", "1"),
        call("b", "2026-06-05T14:00:00Z", "2"),
        call("c", "2026-06-11T13:59:59Z", "4"),
        call("d", "2026-06-11T14:00:00Z", "8"),
        call("e", "2026-06-12T14:20:00Z", "16"),
    ];
    let prices = PriceBook::bundled();
    let context = Context { now, prices: &prices, token: TokenDefaults::default(), kept_since: &for_ever };
    let batch = parse_ndjson(lines.join("\n").as_bytes(), &context).unwrap().batch;
    assert_eq!(engine.submit(batch).unwrap().wait().unwrap().accepted, 5);
    let ask = |query: &str| -> Value {
        let mut answer = Vec::new();
        let path = format!("/analytics/change?organizationId=acme&{query}");
        ask_and_wait(App::for_one_question(engine.clone()), &path, &mut answer).unwrap();
        serde_json::from_slice(&answer).unwrap()
    };
    let days = |from: &str, to: &str| format!("from=2026-06-{from}&to=2026-06-{to}");
    for (query, until, before, after) in [
        (days("12", "12"), Some("2026-06-11T14:00:00+00:00"), 4, 16),
        (days("12", "12") + "&compare=weekdays", Some("2026-06-05T14:00:00+00:00"), 1, 16),
        (days("12", "12") + "&compareFrom=2026-06-05&compareTo=2026-06-05", Some("2026-06-05T14:00:00+00:00"), 1, 16),
        (days("06", "12") + "&compare=previous", Some("2026-06-05T14:00:00+00:00"), 1, 28),
        (days("11", "11"), None, 0, 12),
        (days("05", "05") + "&compareFrom=2026-06-11&compareTo=2026-06-11", None, 12, 3),
    ] {
        let answer = ask(&query);
        assert_eq!(answer["before"]["until"].as_str(), until, "{query}");
        assert_eq!((&answer["before"]["cost"], &answer["after"]["cost"]), (&json!(before), &json!(after)), "{query}");
        assert_eq!(answer["difference"], json!(after - before), "{query}");
        assert!(answer["after"].get("until").is_none());
    }
}
