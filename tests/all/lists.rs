//! Long lists of `/v1`, a part at a time.

use serde_json::{Value, json};

use crate::support::{OPERATOR, Server, event};

fn with_entries() -> Server {
    let server = Server::start();
    let five = |entry: fn(usize) -> Value| (0..5).map(entry).collect::<Vec<_>>();
    let project = |n| json!({"id": format!("p{n}"), "organizationId": "acme", "name": format!("Project {}", 9 - n)});
    server.put("/v1/directory", OPERATOR, &json!({"projects": five(project)})).ok();
    let budget = |n| {
        json!({"id": format!("b{n}"), "organizationId": "acme", "limit": {"cost": 1}, "window": "day", "action": "warn",
               "scope": {"kind": "project", "id": format!("p{n}")}})
    };
    server.put("/v1/budgets", OPERATOR, &json!({"budgets": five(budget)})).ok();
    let policy =
        |n| json!({"id": format!("q{n}"), "organizationId": "acme", "projectId": format!("p{n}"), "mode": "observe"});
    server.put("/v1/policies", OPERATOR, &json!({"policies": five(policy)})).ok();
    let alert = |n| {
        json!({"id": format!("a{n}"), "organizationId": "acme", "kind": "budget", "budgetId": format!("b{n}"),
               "to": [{"kind": "webhook", "url": "http://127.0.0.1:9/"}]})
    };
    server.put("/v1/alerts", OPERATOR, &json!({"alerts": five(alert)})).ok();
    for n in 0..5 {
        let token = json!({"kind": "ingest", "organizationId": "acme", "label": format!("Gateway {}", 9 - n)});
        let made = server.post("/v1/tokens", OPERATOR, &token).ok().json();
        let used = event(&n.to_string(), "2026-06-01T10:00:00Z", &json!({"projectId": "p0"}));
        server.send_events(made["token"].as_str().unwrap(), &used);
        let view = json!({"name": format!("View {}", 9 - n), "path": "/organizations/acme/keys"});
        assert_eq!(server.post("/v1/organizations/acme/views", OPERATOR, &view).status, 201);
        let month = json!({"organizationId": "acme", "month": format!("2025-0{}", 9 - n)});
        assert_eq!(server.post("/v1/closings", OPERATOR, &month).status, 201);
    }
    let provider = |n| json!({"id": format!("mine{n}"), "attributes": ["eu"]});
    server.put("/v1/providers", OPERATOR, &json!(five(provider))).ok();
    server
}

#[test]
fn a_list_is_read_whole_by_following_next() {
    let server = with_entries();
    for (path, field, name) in [
        ("/v1/projects?organizationId=acme", "projects", "name"),
        ("/v1/budgets?organizationId=acme", "budgets", "id"),
        ("/v1/policies?organizationId=acme", "policies", "id"),
        ("/v1/alerts?organizationId=acme", "alerts", "id"),
        ("/v1/tokens?organizationId=acme", "tokens", "label"),
        ("/v1/closings?organizationId=acme", "closings", "month"),
        ("/v1/intake?organizationId=acme", "intake", "sender"),
        ("/v1/organizations/acme/views?format=json", "views", "name"),
        ("/v1/providers?format=json", "providers", "id"),
    ] {
        let ask = |more: &str| server.get(&format!("{path}{more}"), OPERATOR);
        let read = |sort: &str| {
            let (mut found, mut after) = (Vec::new(), String::new());
            loop {
                let answer = ask(&format!("&limit=2{sort}{after}")).ok().json();
                let entries = answer[field].as_array().unwrap().clone();
                assert!((1..=2).contains(&entries.len()), "{path}: {answer}");
                found.extend(entries);
                let Some(next) = answer["next"].as_str() else { return found };
                let encoded: String = next.bytes().map(|byte| format!("%{byte:02x}")).collect();
                after = format!("&after={encoded}");
            }
        };
        let whole = ask("").ok().json();
        assert!(whole.get("next").is_none(), "{path}");
        let whole = whole[field].as_array().unwrap();
        assert!(whole.len() >= 5, "{path}: {whole:?}");
        assert_eq!(read(""), *whole, "{path}");
        let text = |entry: &Value| entry[name].as_str().unwrap().to_owned();
        if name == "name" || name == "label" {
            let mut names: Vec<String> = whole.iter().map(text).collect();
            names.sort_by_key(|name| name.to_lowercase());
            assert_eq!(read("&sort=name").iter().map(text).collect::<Vec<_>>(), names, "{path}");
        }
        let one = text(&whole[1]);
        let found = ask(&format!("&q={}", one.to_uppercase().replace(' ', "%20"))).ok().json();
        assert_eq!(found[field], json!([whole[1]]), "{path}");
        ask("&limit=0").is_problem(400, "limit is '0'");
        ask("&after=nowhere").is_problem(400, "after is 'nowhere'; give what `next` of an answer says");
        ask("&sort=cost").is_problem(400, "sort is 'cost'");
        ask(&format!("&q={}", "x".repeat(1001))).is_problem(400, "q is longer than");
    }
}

#[test]
fn an_entry_that_went_meanwhile_loses_no_other() {
    let server = with_entries();
    let ask = |more: &str| server.get(&format!("/v1/projects?organizationId=acme&limit=2{more}"), OPERATOR).ok().json();
    let next = ask("")["next"].as_str().unwrap().to_owned();
    assert_eq!(next, r#"["p1","p1"]"#);
    let new = json!({"projects": [{"id": "p1a", "organizationId": "acme", "name": "New"}]});
    server.put("/v1/directory", OPERATOR, &new).ok();
    let ids =
        |answer: &Value| answer["projects"].as_array().unwrap().iter().map(|one| one["id"].clone()).collect::<Vec<_>>();
    assert_eq!(ids(&ask("&after=%5B%22p1%22%2C%22p1%22%5D")), ["p1a", "p2"]);
    assert_eq!(ids(&ask("&after=%5B%22gone%22%2C%22gone%22%5D")), ["p0", "p1"]);
}
