//! Where a figure comes from.

use std::collections::BTreeMap;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::support::{BINARY, OPERATOR, Server, event};

const DAY: &str = "2026-06-12";

fn ask(server: &Server, query: &str) -> Value {
    server.get(&format!("/analytics/explain?organizationId=acme&{query}"), OPERATOR).ok().json()
}

/// Picodollars, of an amount as text.
fn picos(amount: &Value) -> i128 {
    let text = amount.as_str().unwrap().to_owned();
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    format!("{whole}{fraction:0<12}").parse().unwrap()
}

/// Asks, and checks that parts add up to the value, kinds to their part, and each kind of attribution to the value.
#[track_caller]
fn ask_and_add(server: &Server, query: &str) -> Value {
    let answer = ask(server, &format!("{query}&decimals=string"));
    let list = |name: &str| answer[name].as_array().unwrap().clone();
    let value = (picos(&answer["value"]["cost"]), answer["value"]["requestCount"].as_u64().unwrap());
    let sum = |of: &[Value]| -> (i128, u64) {
        let cost = of.iter().map(|one| picos(&one["cost"])).sum();
        (cost, of.iter().map(|one| one["requestCount"].as_u64().unwrap()).sum())
    };
    assert_eq!(sum(&list("parts")), value, "{answer:#}");
    for part in list("parts") {
        match part["costByKind"].as_object() {
            Some(kinds) => assert_eq!(kinds.values().map(picos).sum::<i128>(), picos(&part["cost"]), "{part:#}"),
            None => assert!(["reported", "unpriced"].contains(&part["costSource"].as_str().unwrap()), "{part:#}"),
        }
    }
    for kind in ["ownerUserId", "teamId"] {
        let of_kind: Vec<Value> = list("attribution").into_iter().filter(|one| one.get(kind).is_some()).collect();
        assert!(of_kind.is_empty() || sum(&of_kind) == value, "{answer:#}");
    }
    ask(server, query)
}

fn mixed() -> Vec<Value> {
    let call = |id: &str, hour: u32, more: Value| event(id, &format!("{DAY}T{hour:02}:15:00Z"), &more);
    let tokens = json!({"promptTokens": 1000, "cachedTokens": 400, "completionTokens": 200, "reasoningTokens": 50});
    let with = |more: Value| {
        let mut all = tokens.clone();
        all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        all
    };
    vec![
        call("a", 1, with(json!({"cost": "0.5", "apiKeyId": "k1"}))),
        call(
            "b",
            2,
            with(json!({"cost": null, "apiKeyId": "k1", "usedModel": "openai/gpt-4o-mini", "usedProvider": null})),
        ),
        call(
            "c",
            3,
            with(json!({"cost": null, "apiKeyId": "k2", "usedModel": "openai/gpt-4o-mini", "usedProvider": null})),
        ),
        call("d", 4, with(json!({"cost": null, "apiKeyId": "k2", "usedModel": "own-model", "usedProvider": "own"}))),
        call("e", 23, with(json!({"cost": "0.25", "apiKeyId": "k3", "usedModel": "own-model", "usedProvider": "own"}))),
    ]
}

#[test]
fn a_figure_is_made_of_parts_by_source_and_kind() {
    let server = Server::start();
    assert_eq!(server.send_events(OPERATOR, &json!(mixed()))["rejected"], json!([]));
    let day = ask_and_add(&server, &format!("groupBy=none&date={DAY}"));
    assert_eq!(day["value"]["requestCount"], 5);
    let sources: Vec<&str> =
        day["parts"].as_array().unwrap().iter().map(|part| part["costSource"].as_str().unwrap()).collect();
    assert_eq!(sources, ["reported", "priced", "unpriced"]);
    assert_eq!(day["bounds"]["fromUtc"], "2026-06-12T00:00:00Z");
    assert_eq!(day["bounds"]["toUtc"], "2026-06-13T00:00:00Z");
    let priced = &day["parts"][1];
    // 600 plain, 400 cached, 150 out and 50 reasoned, twice.
    let kinds = json!({"input": 0.00018, "cached": 0.00006, "cacheWrite": 0, "output": 0.00018, "reasoning": 0.00006});
    assert_eq!(priced["costByKind"], kinds);
    assert_eq!(
        priced["tokens"],
        json!({"input": 2000, "cached": 800, "cacheWrite": 0, "output": 400, "reasoning": 100})
    );
    assert_eq!(priced["priceVersion"], server.get("/healthz", OPERATOR).json()["listPrices"]["date"]);
    assert_eq!(day["parts"][0]["costByKind"], Value::Null);
    // Every cell of an answer, in a zone whose days begin elsewhere.
    for (zone, group_by) in [("Asia/Kathmandu", "apiKey"), ("America/New_York", "model,provider"), ("UTC", "source")] {
        let window = format!("timezone={zone}&groupBy={group_by}&from=2026-06-11&to=2026-06-13");
        let activity = server.get(&format!("/analytics/activity?organizationId=acme&{window}"), OPERATOR).ok().json();
        for row in activity["activity"].as_array().unwrap() {
            for entry in row["breakdown"].as_array().unwrap() {
                let keys = entry["keys"].as_array().cloned().unwrap_or_else(|| vec![entry["key"].clone()]);
                let keys: String =
                    keys.iter().map(|key| format!("&key={}", key.as_str().unwrap_or_default())).collect();
                let date = row["date"].as_str().unwrap();
                let found = ask_and_add(&server, &format!("{window}&date={date}{keys}"));
                for measure in ["cost", "requestCount", "totalTokens", "creditsCost", "apiKeysRequestCount"] {
                    assert_eq!(found["value"][measure], entry[measure], "{zone} {date} {keys} {measure}");
                }
            }
        }
    }
    let empty = ask_and_add(&server, &format!("groupBy=apiKey&date={DAY}&key=nobody"));
    assert_eq!((&empty["value"]["requestCount"], &empty["parts"]), (&json!(0), &json!([])));
}

#[test]
fn the_call_and_the_command_it_names_give_a_figure_again() {
    let server = Server::start();
    server.send_events(OPERATOR, &json!(mixed()));
    let check = |query: &str| {
        let found = ask(&server, query);
        let path = found["reproduce"]["http"].as_str().unwrap();
        let again = server.get(path, OPERATOR).ok().json();
        let cost = &found["value"]["cost"];
        let written = cost.to_string();
        let label = &found["label"];
        let is_it = |entry: &Value| entry["cost"] == *cost && (label.is_null() || entry["label"] == *label);
        let rows = again["activity"].as_array().unwrap();
        let entries = rows.iter().flat_map(|row| row["breakdown"].as_array().unwrap().clone());
        let has = entries.chain(again["ranking"].as_array().unwrap().clone()).any(|entry| is_it(&entry));
        assert!(has || again["totals"]["cost"] == *cost, "{query}: {path}");
        let command = found["reproduce"]["cli"].as_str().unwrap().replace("rollcall ", &format!("{BINARY} "));
        let mut shell = Command::new("sh");
        shell.args(["-c", &command]).env("ROLLCALL_URL", &server.url).env("ROLLCALL_TOKEN", OPERATOR);
        let out = shell.output().unwrap();
        let text = String::from_utf8_lossy(&out.stdout).into_owned();
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        assert!(text.split([' ', '\n', ',', ':', '}']).any(|word| word == written), "{command}: {text}");
    };
    check(&format!("groupBy=apiKey&date={DAY}&key=k2"));
    check(&format!("groupBy=apiKey&date={DAY}&key=k1&from=2026-06-01&to=2026-06-30&timezone=Asia/Kathmandu"));
    check("groupBy=apiKey,model&from=2026-06-01&to=2026-06-30&key=k1&key=gpt-4o-mini&costSource=priced");
    check("groupBy=source&granularity=month&from=2026-06-05&to=2026-07-30&date=2026-06-05&key=");
    check(&format!("groupBy=apiKey&top=1&from=2026-06-01&to=2026-06-30&date={DAY}&key="));
    check("groupBy=none&granularity=hour&date=2026-06-12T04:00:00%2B02:00&timezone=Europe/Paris");
    check("groupBy=model&from=2026-06-01&to=2026-06-30");
}

#[test]
fn when_the_records_came_is_told_by_key() {
    let server = Server::start();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as i64;
    let at = |id: &str, key: &str, minutes_ago: i64| {
        json!({"id": id, "timestamp": now - minutes_ago * 60_000, "organizationId": "acme", "projectId": "p",
            "apiKeyId": key, "usedModel": "openai/gpt-4o", "cost": "1"})
    };
    // Some came while they were fresh, and some of the same hours later; k2's in one post with those.
    server.send_events(OPERATOR, &json!([at("a", "k1", 1), at("b", "k1", 2), at("c", "k2", 61), at("d", "k2", 300)]));
    server.send_events(OPERATOR, &json!([at("e", "k1", 62), at("f", "k2", 3), at("a", "k1", 1), at("d", "k2", 300)]));
    let mut bad = at("g", "k1", 2);
    bad["promptTokens"] = json!(-1);
    let mut without_id = at("h", "k2", 61);
    without_id["id"] = Value::Null;
    let refused = server.send_events(OPERATOR, &json!([bad, without_id, {"id": "i"}]));
    assert_eq!(refused["rejected"].as_array().unwrap().len(), 3);
    let two_days = {
        let date = |ms: i64| chrono::DateTime::from_timestamp_millis(ms).unwrap().format("%Y-%m-%d").to_string();
        format!("from={}&to={}", date(now - 86_400_000), date(now))
    };
    let arrival = |more: &str| ask(&server, &format!("{two_days}&groupBy=apiKey{more}"))["arrival"].clone();
    for (key, late, duplicates) in [("&key=k1", 1, 1), ("&key=k2", 2, 1), ("", 3, 2), ("&key=k3", 0, 0)] {
        let found = arrival(key);
        assert_eq!(found["lateRequestCount"], late, "{key} {found}");
        assert_eq!(found["duplicateCount"], duplicates, "{key} {found}");
        assert_eq!(found["rejectedCount"], 2, "{key} {found}");
        assert_eq!(found["first"].is_string(), key != "&key=k3");
        assert!(found["first"].as_str() <= found["last"].as_str());
    }
}

#[test]
fn what_a_figure_is_attributed_by_is_named() {
    let server = Server::start();
    let directory = json!({
        "organizations": [{"id": "acme", "timezone": "Europe/Paris"}],
        "projects": [{"id": "web", "organizationId": "acme", "name": "Web"}],
        "users": [{"id": "ada", "name": "Ada"}, {"id": "ben", "name": "Ben"}],
        "members": [
            {"organizationId": "acme", "userId": "ada", "role": "developer"},
            {"organizationId": "acme", "userId": "ben", "role": "developer"},
        ],
        "apiKeys": [
            {"id": "k1", "organizationId": "acme", "projectId": "web", "createdBy": "ada"},
            {"id": "k2", "organizationId": "acme", "projectId": "web"},
        ],
        "teams": [{"id": "t1", "organizationId": "acme", "name": "Search"}, {"id": "t2", "organizationId": "acme"}],
        "assignments": [
            {"organizationId": "acme", "subject": {"apiKeyId": "k1"}, "ownerUserId": "ben", "from": DAY},
            {"organizationId": "acme", "subject": {"userId": "ben"}, "teamId": "t1", "from": "2026-01-01"},
            {"organizationId": "acme", "subject": {"projectId": "web"}, "teamId": "t2", "from": "2026-01-01", "to": DAY},
        ],
    });
    server.put("/v1/directory", OPERATOR, &directory).ok();
    let call =
        |id: &str, key: &str, at: &str| event(id, at, &json!({"apiKeyId": key, "projectId": "web", "cost": "1"}));
    server.send_events(
        OPERATOR,
        &json!([
            call("a", "k1", "2026-06-11T21:59:00Z"),
            call("b", "k1", "2026-06-11T22:00:00Z"),
            call("c", "k2", "2026-06-12T10:00:00Z"),
        ]),
    );
    let by_day =
        |day: &str, more: &str| ask_and_add(&server, &format!("timezone=UTC&date={day}{more}"))["attribution"].clone();
    // The day in UTC has the moment at which the key is handed over.
    let handed_over = by_day("2026-06-11", "&groupBy=none");
    let of = |by: &str, more: Value| {
        let mut expected = json!({"by": by, "requestCount": 1, "cost": 1});
        expected.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        expected
    };
    let subject = |name: &str, id: &str| json!({name: id});
    let expected = [
        of(
            "assignment",
            json!({"ownerUserId": "ben", "label": "Ben", "subject": subject("apiKeyId", "k1"), "from": DAY}),
        ),
        of("creator", json!({"ownerUserId": "ada", "label": "Ada"})),
        of(
            "assignment",
            json!({"teamId": "t1", "label": "Search", "subject": subject("userId", "ben"), "from": "2026-01-01"}),
        ),
        of(
            "assignment",
            json!({"teamId": "t2", "label": "t2", "subject": subject("projectId", "web"), "from": "2026-01-01", "to": DAY}),
        ),
    ];
    let found: BTreeMap<String, Value> =
        handed_over.as_array().unwrap().iter().map(|one| (one.to_string(), one.clone())).collect();
    let expected: BTreeMap<String, Value> = expected.into_iter().map(|one| (one.to_string(), one)).collect();
    assert_eq!(found, expected);
    let nobody = by_day("2026-06-12", "&groupBy=user&key=");
    assert_eq!(nobody[0], of("none", json!({"ownerUserId": null, "label": "Unattributed"})));
    let team = by_day("2026-06-11", "&groupBy=team&key=t1");
    assert_eq!(team.as_array().unwrap().len(), 2, "{team:#}");
}

#[test]
fn what_is_no_figure_is_refused_by_name() {
    let server = Server::start();
    server.send_events(OPERATOR, &json!(mixed()));
    let june = "from=2026-06-01&to=2026-06-30";
    for (query, complaint) in [
        (format!("{june}&date=2026-07-01"), "date is '2026-07-01', where no day of 2026-06-01 to 2026-06-30 begins"),
        (format!("{june}&date=12"), "date is '12'"),
        ("date=2026-02-30".to_owned(), "date is '2026-02-30'"),
        (format!("{june}&granularity=month&date=2026-06-02"), "where no month of"),
        (format!("{june}&key=a&key=b"), "key is given 2 times; groupBy 'model' has 1"),
        (format!("{june}&groupBy=none&key=a"), "key is given 1 times; groupBy 'none' has 0"),
        (format!("{june}&groupBy=nothing"), "groupBy is 'nothing'"),
        (format!("{june}&keys=a"), "did you mean key?"),
        (format!("{june}&date=2026-06-02&date=2026-06-03"), "date is given more than once"),
    ] {
        server.get(&format!("/analytics/explain?organizationId=acme&{query}"), OPERATOR).is_problem(400, complaint);
    }
    let table = server.get(&format!("/analytics/explain?organizationId=acme&{june}&format=csv"), OPERATOR).ok().text;
    assert!(table.starts_with("costSource,priceVersion,zoneDatabase,requestCount,inputTokens"), "{table}");
    assert_eq!(table.lines().count(), 4, "{table}");
}

#[test]
fn the_commands_say_it_on_a_terminal() {
    let server = Server::start();
    server.send_events(OPERATOR, &json!(mixed()));
    let run = |arguments: &[&str]| {
        let mut command = Command::new(BINARY);
        command.args(arguments).args(["--organization", "acme", "--url", &server.url]).env("ROLLCALL_TOKEN", OPERATOR);
        let out = command.output().unwrap();
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        String::from_utf8_lossy(&out.stdout).into_owned()
    };
    let explained = run(&["explain", "--group-by", "apiKey", "--date", DAY, "--key", "k2"]);
    for words in
        ["k2: 0.00024 USD, 2 requests", "2026-06-12T00:00:00Z to 2026-06-13T00:00:00Z", "unpriced", "late requests 2"]
    {
        assert!(explained.contains(words), "{words}: {explained}");
    }
    let answer: Value = serde_json::from_str(&run(&["explain", "--date", DAY, "--json"])).unwrap();
    assert_eq!(answer["value"]["requestCount"], 5);
    let days = ["--from", DAY, "--to", DAY];
    let changed = run(&[&["change", "--group-by", "apiKey"], &days[..]].concat());
    for words in ["2026-06-12 to 2026-06-12 beside 2026-06-11 to 2026-06-11", "new", "k1", "0.50024", "difference"] {
        assert!(changed.contains(words), "{words}: {changed}");
    }
    let filtered = run(&[&["change", "--filter", "costSource=priced", "--json"], &days[..]].concat());
    let filtered: Value = serde_json::from_str(&filtered).unwrap();
    assert_eq!(filtered["difference"], json!(0.00048));
}
