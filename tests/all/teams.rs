//! Whose usage it is, and from when on: teams, cost centres and keys that change hands.

use serde_json::{Value, json};

use crate::support::{OPERATOR, Server, event};

/// Acme in Berlin, whose days begin at 22:00 UTC in June: `k1` is Ada's, `k2` Ben's.
fn acme() -> Server {
    let server = Server::start();
    let key = |id: &str, project: &str, owner: &str| json!({"id": id, "organizationId": "acme", "projectId": project, "createdBy": owner});
    let member = |id: &str, role: &str| json!({"organizationId": "acme", "userId": id, "role": role});
    let directory = json!({
        "organizations": [{"id": "acme", "timezone": "Europe/Berlin"}],
        "projects": [{"id": "web", "organizationId": "acme"}, {"id": "api", "organizationId": "acme"}],
        "members": [member("ada", "developer"), member("ben", "developer"), member("olga", "owner"), member("adam", "admin")],
        "apiKeys": [key("k1", "web", "ada"), key("k2", "web", "ben")],
    });
    put(&server, &directory);
    server
}

fn put(server: &Server, directory: &Value) -> Value {
    server.put("/v1/directory", OPERATOR, directory).ok().json()["written"].clone()
}

fn team(id: &str, centre: Option<&str>) -> Value {
    json!({"id": id, "organizationId": "acme", "name": id.to_uppercase(), "costCentre": centre})
}

fn of_team(subject: &Value, from: &str, team: Option<&str>) -> Value {
    json!({"organizationId": "acme", "subject": subject, "teamId": team, "from": from})
}

fn to_owner(key: &str, from: &str, user: &str) -> Value {
    json!({"organizationId": "acme", "subject": {"apiKeyId": key}, "ownerUserId": user, "from": from})
}

/// One request each: `k1` the instant before and the first of the 12th in Berlin, `k2` on the 13th.
fn send_usage(server: &Server) {
    let of = |id: &str, at: &str, key: &str, project: &str| {
        event(id, at, &json!({"apiKeyId": key, "projectId": project, "cost": "1"}))
    };
    let events = json!([
        of("a", "2026-06-11T21:59:59.999Z", "k1", "web"),
        of("b", "2026-06-11T22:00:00Z", "k1", "web"),
        of("c", "2026-06-13T10:00:00Z", "k2", "web"),
        of("d", "2026-06-13T10:00:00Z", "k2", "api"),
    ]);
    assert_eq!(server.send_events(OPERATOR, &events)["accepted"], 4);
}

const JUNE: &str = "organizationId=acme&from=2026-06-01&to=2026-06-30";

/// What each entry of a ranking has had requests, by key.
fn ranking(server: &Server, query: &str) -> Vec<(Value, u64)> {
    let answer = server.get(&format!("/analytics/activity?{JUNE}&{query}"), OPERATOR).ok().json();
    let entries = answer["ranking"].as_array().unwrap().iter();
    let key = |entry: &Value| if entry["keys"].is_array() { entry["keys"].clone() } else { entry["key"].clone() };
    let mut found: Vec<(Value, u64)> =
        entries.map(|entry| (key(entry), entry["requestCount"].as_u64().unwrap())).collect();
    found.sort_by_key(|(key, _)| key.to_string());
    let sum: u64 = found.iter().map(|(_, count)| count).sum();
    assert_eq!(answer["totals"]["requestCount"], sum, "{query}");
    found
}

fn check(server: &Server, query: &str, expected: &[(Value, u64)]) {
    assert_eq!(ranking(server, query), expected, "{query}");
}

#[test]
fn a_key_that_is_handed_over_is_split_at_the_first_instant_of_the_day_on_every_page() {
    let server = acme();
    send_usage(&server);
    check(&server, "groupBy=user", &[(json!("ada"), 2), (json!("ben"), 2)]);
    assert_eq!(put(&server, &json!({"assignments": [to_owner("k1", "2026-06-12", "ben")]})), 1);
    for zone in ["UTC", "Europe/Berlin", "Asia/Kathmandu", "America/Los_Angeles"] {
        check(&server, &format!("groupBy=user&timezone={zone}"), &[(json!("ada"), 1), (json!("ben"), 3)]);
        check(&server, &format!("groupBy=none&userId=ada&timezone={zone}"), &[(Value::Null, 1)]);
        check(&server, &format!("groupBy=none&userId=ben&granularity=month&timezone={zone}"), &[(Value::Null, 3)]);
    }
    let get = |path: &str, token: &str| server.get(&format!("{path}?{JUNE}"), token).ok().json();
    let members = get("/analytics/members", OPERATOR);
    let of = |user: &str| {
        let is_it = |row: &&Value| row["userId"] == user;
        members["members"].as_array().unwrap().iter().find(is_it).unwrap()["requestCount"].clone()
    };
    assert_eq!((of("ada"), of("ben")), (json!(1), json!(3)));
    assert_eq!(get("/analytics/members/ben", OPERATOR)["summary"]["requestCount"], 3);
    // Both are active over the month, one by day.
    let active = |days: &str| {
        let path = format!("/analytics/activity?organizationId=acme&{days}&timezone=Europe/Berlin&apiKeyId=k1");
        server.get(&path, OPERATOR).ok().json()["totals"]["activeMemberCount"].clone()
    };
    assert_eq!(active("from=2026-06-01&to=2026-06-30"), 2);
    assert_eq!(
        (active("from=2026-06-11&to=2026-06-11"), active("from=2026-06-12&to=2026-06-12")),
        (json!(1), json!(1))
    );

    // Each sees their own, and whose it was the days it was theirs.
    let (ada, ben) = (server.user_token("ada"), server.user_token("ben"));
    assert_eq!(get("/analytics/me", &ada)["summary"]["requestCount"], 1);
    assert_eq!(get("/analytics/me", &ben)["summary"]["requestCount"], 3);
    assert_eq!(get("/analytics/keys/k1", &ada)["summary"]["requestCount"], 1, "the days it was theirs");
    assert_eq!(get("/analytics/keys/k1", &ben)["summary"]["requestCount"], 2, "theirs now");
    server.get(&format!("/analytics/keys/k2?{JUNE}"), &ada).is_problem(403, "not one of your API keys");
    let keys = |token: &str| -> Vec<(Value, Value)> {
        let rows = get("/analytics/keys", token)["keys"].as_array().unwrap().clone();
        let mut rows: Vec<_> = rows.iter().map(|row| (row["id"].clone(), row["requestCount"].clone())).collect();
        rows.sort_by_key(|(id, _)| id.to_string());
        rows
    };
    assert_eq!(keys(&ada), [(json!("k1"), json!(1))]);
    assert_eq!(keys(&ben), [(json!("k1"), json!(2)), (json!("k2"), json!(2))]);

    // The same day again takes its place, and taken out it is as it was.
    put(&server, &json!({"assignments": [to_owner("k1", "2026-06-12", "adam")]}));
    check(&server, "groupBy=user", &[(json!("ada"), 1), (json!("adam"), 1), (json!("ben"), 2)]);
    let mut out = to_owner("k1", "2026-06-12", "adam");
    out["status"] = json!("deleted");
    assert_eq!(put(&server, &json!({"assignments": [out]})), 1);
    assert_eq!(put(&server, &json!({"assignments": [out]})), 0);
    check(&server, "groupBy=user", &[(json!("ada"), 2), (json!("ben"), 2)]);
}

#[test]
fn a_team_is_the_keys_else_its_owners_else_its_projects() {
    let server = acme();
    send_usage(&server);
    check(&server, "groupBy=team", &[(Value::Null, 4)]);
    check(&server, "groupBy=costCentre", &[(Value::Null, 4)]);
    let teams = [team("red", Some("100")), team("blue", Some("100")), team("green", None)];
    put(
        &server,
        &json!({"teams": teams, "assignments": [of_team(&json!({"projectId": "web"}), "2026-01-01", Some("green"))]}),
    );
    check(&server, "groupBy=team", &[(json!("green"), 3), (Value::Null, 1)]);
    put(&server, &json!({"assignments": [of_team(&json!({"userId": "ben"}), "2026-06-01", Some("blue"))]}));
    check(&server, "groupBy=team", &[(json!("blue"), 2), (json!("green"), 2)]);
    check(&server, "groupBy=costCentre", &[(json!("100"), 2), (Value::Null, 2)]);
    // The owner's team comes with the key.
    put(&server, &json!({"assignments": [to_owner("k1", "2026-06-12", "ben")]}));
    check(&server, "groupBy=team", &[(json!("blue"), 3), (json!("green"), 1)]);
    put(&server, &json!({"assignments": [of_team(&json!({"apiKeyId": "k1"}), "2026-06-12", Some("red"))]}));
    check(&server, "groupBy=team", &[(json!("blue"), 2), (json!("green"), 1), (json!("red"), 1)]);
    check(&server, "groupBy=none&costCentre=100", &[(Value::Null, 3)]);
    check(&server, "groupBy=user&team=green&team=red", &[(json!("ada"), 1), (json!("ben"), 1)]);
    check(
        &server,
        "groupBy=team,project",
        &[
            (json!(["blue", "api"]), 1),
            (json!(["blue", "web"]), 1),
            (json!(["green", "web"]), 1),
            (json!(["red", "web"]), 1),
        ],
    );
    check(&server, "groupBy=team&top=1", &[(json!("blue"), 2), (Value::Null, 2)]);
    // No team, though the owner has one.
    put(&server, &json!({"assignments": [of_team(&json!({"apiKeyId": "k1"}), "2026-06-12", None)]}));
    check(&server, "groupBy=team", &[(json!("blue"), 2), (json!("green"), 1), (Value::Null, 1)]);
    // One that is gone keeps its usage and says so.
    put(&server, &json!({"teams": [{"id": "blue", "organizationId": "acme", "status": "deleted"}]}));
    let answer = server.get(&format!("/analytics/activity?{JUNE}&groupBy=team"), OPERATOR).ok().json();
    let labels: Vec<(&Value, &Value)> =
        answer["ranking"].as_array().unwrap().iter().map(|entry| (&entry["label"], &entry["deleted"])).collect();
    for label in [(&json!("BLUE"), &json!(true)), (&json!("GREEN"), &Value::Null), (&json!("No team"), &Value::Null)] {
        assert!(labels.contains(&label), "{label:?} in {labels:?}");
    }
    // Exports have both, and FOCUS as tags.
    let csv = server.get(&format!("/analytics/export?{JUNE}&format=csv"), OPERATOR).ok().text;
    assert!(csv.lines().next().unwrap().contains(",userId,userName,teamId,teamName,costCentre,"), "{csv}");
    assert!(csv.contains(",ben,ben,blue,BLUE,100,"), "{csv}");
    let focus = server.get(&format!("/analytics/export?{JUNE}&format=focus"), OPERATOR).ok().text;
    assert!(
        focus.contains("\"\"rollcall/team\"\":\"\"blue\"\"")
            && focus.contains("\"\"rollcall/costCentre\"\":\"\"100\"\""),
        "{focus}"
    );
    let csv = server.get(&format!("/analytics/activity?{JUNE}&groupBy=team&granularity=month&format=csv"), OPERATOR);
    assert!(csv.ok().text.contains(",blue,BLUE,"));
}

#[test]
fn teams_and_assignments_are_kept_and_given_back() {
    let directory = tempfile::tempdir().unwrap();
    let mut server = Server::start_in(directory.path());
    let entries = json!({
        "organizations": [{"id": "acme"}],
        "members": [{"organizationId": "acme", "userId": "ada", "role": "owner"}],
        "apiKeys": [{"id": "k1", "organizationId": "acme", "projectId": "web", "createdBy": "ada"}],
        "teams": [team("red", Some("100")), {"id": "gone", "organizationId": "acme", "status": "deleted"}],
        "assignments": [
            of_team(&json!({"projectId": "web"}), "2026-01-01", Some("gone")),
            of_team(&json!({"userId": "ada"}), "2026-02-01", None),
            {"organizationId": "acme", "subject": {"apiKeyId": "k1"}, "ownerUserId": "ada", "from": "2026-03-01", "to": "2026-03-01"},
        ],
    });
    put(&server, &entries);
    let get = |server: &Server| server.get("/v1/directory?organizationId=acme", OPERATOR).ok().json();
    let before = get(&server);
    let of_red = json!({"id": "red", "organizationId": "acme", "name": "RED", "costCentre": "100", "status": "active"});
    assert_eq!(before["teams"][1], of_red);
    assert_eq!(before["assignments"].as_array().unwrap().len(), 3);
    for assignment in entries["assignments"].as_array().unwrap() {
        assert!(before["assignments"].as_array().unwrap().contains(assignment), "{assignment}");
    }
    assert_eq!(put(&server, &before), 0, "what was read is taken back, and is nothing new");
    let told = server.get("/v1/audit?organizationId=acme", OPERATOR).ok().text;
    assert!(told.contains("owner of API key 'k1' from 2026-03-01 (is 'ada', to '2026-03-01')"), "{told}");
    // A cost centre is taken out by null, and kept where nothing is said.
    put(&server, &json!({"teams": [{"id": "red", "organizationId": "acme", "name": "Red"}]}));
    assert_eq!(get(&server)["teams"][1]["costCentre"], "100");
    put(&server, &json!({"teams": [{"id": "red", "organizationId": "acme", "costCentre": null}]}));
    assert_eq!(get(&server)["teams"][1]["costCentre"], Value::Null);
    let told = server.get("/v1/audit?organizationId=acme", OPERATOR).ok().text;
    assert!(told.contains("team red (name 'RED' → 'Red')") && told.contains("cost centre '100' → none"), "{told}");
    let before = get(&server);
    server.post("/v1/verify", OPERATOR, &Value::Null).ok();
    let backup = server.get("/v1/backup", OPERATOR).ok();
    assert!(!backup.text.is_empty());
    server.terminate();
    let server = Server::start_in(directory.path());
    assert_eq!(get(&server), before, "after a restart");
    let other = Server::start();
    put(&other, &before);
    assert_eq!(get(&other), before, "on another server");
}

#[test]
fn what_is_wrong_about_an_assignment_is_named_and_nothing_is_done() {
    let server = acme();
    put(&server, &json!({"teams": [team("red", None), {"id": "gone", "organizationId": "acme", "status": "deleted"}]}));
    let web = json!({"projectId": "web"});
    let with = |mut assignment: Value, field: &str, value: Value| {
        assignment[field] = value;
        assignment
    };
    let red = || of_team(&web, "2026-06-12", Some("red"));
    let neither = json!({"organizationId": "acme", "subject": web, "from": "2026-06-12"});
    for (assignment, status, words) in [
        (
            with(red(), "to", json!("2026-06-11")),
            400,
            "the assignment of project 'web' from 2026-06-12: it ends on 2026-06-11, before it begins",
        ),
        (with(red(), "teamId", json!("pink")), 400, "organization 'acme' has no team 'pink'"),
        (with(red(), "teamId", json!("gone")), 400, "the team 'gone' is deleted"),
        (
            of_team(&json!({"apiKeyId": "k9"}), "2026-06-12", Some("red")),
            400,
            "organization 'acme' has no API key 'k9'",
        ),
        (of_team(&json!({"userId": "eve"}), "2026-06-12", Some("red")), 400, "organization 'acme' has no user 'eve'"),
        (to_owner("k1", "2026-06-12", "eve"), 400, "organization 'acme' has no member 'eve'"),
        (
            with(red(), "ownerUserId", json!("ada")),
            400,
            "the assignment of project 'web' from 2026-06-12 has both of teamId and ownerUserId",
        ),
        (neither.clone(), 400, "has neither of teamId and ownerUserId"),
        (with(neither, "ownerUserId", json!("ada")), 400, "ownerUserId is for keys, and this is a project"),
        (with(red(), "subject", json!({})), 400, "exactly one of apiKeyId, userId and projectId"),
        (
            with(red(), "subject", json!({"apiKeyId": "k1", "userId": "ada"})),
            400,
            "exactly one of apiKeyId, userId and projectId",
        ),
        (with(red(), "subject", json!(["k1"])), 400, "an object"),
        (with(red(), "from", json!("2026-02-30")), 400, "assignments[].from '2026-02-30' is no date that exists"),
        (with(red(), "to", json!("June")), 400, "assignments[].to 'June' is no date that exists"),
        (with(red(), "organizationId", json!("none")), 404, "there is no organization 'none'"),
        (with(red(), "until", json!("2026-07-01")), 400, "until"),
    ] {
        let all = json!({"teams": [team("new", None)], "assignments": [assignment]});
        server.put("/v1/directory", OPERATOR, &all).is_problem(status, words);
    }
    let directory = server.get("/v1/directory?organizationId=acme", OPERATOR).ok().json();
    assert_eq!((directory["teams"].as_array().unwrap().len(), &directory["assignments"]), (2, &json!([])));
}

#[test]
fn owners_assign_what_is_their_organizations() {
    let server = acme();
    let [owner, admin, developer] = ["olga", "adam", "ada"].map(|user| server.user_token(user));
    let change = json!({
        "teams": [team("red", Some("100"))],
        "assignments": [of_team(&json!({"projectId": "web"}), "2026-01-01", Some("red")), to_owner("k1", "2026-06-12", "ben")],
    });
    for token in [&admin, &developer] {
        server.put("/v1/directory", token, &change).is_problem(403, "");
    }
    assert_eq!(server.put("/v1/directory", &owner, &change).ok().json()["written"], 3);
    put(&server, &json!({"organizations": [{"id": "other"}]}));
    let elsewhere = json!({"teams": [{"id": "red", "organizationId": "other"}]});
    server.put("/v1/directory", &owner, &elsewhere).is_problem(403, "organization 'other' is not yours");
    let activity = format!("/analytics/activity?{JUNE}&groupBy=team");
    server.get(&activity, &admin).ok();
    server.get(&activity, &developer).is_problem(403, "owners and admins");
}

/// What a preview says of each key: requests before and after.
fn preview(server: &Server, query: &str, change: &Value) -> Vec<(Value, u64, u64)> {
    let answer = server.post(&format!("/v1/directory/preview?{JUNE}&{query}"), OPERATOR, change).ok().json();
    let count = |of: &Value| of["requestCount"].as_u64().unwrap();
    let entries = answer["entries"].as_array().unwrap().iter();
    let mut found: Vec<(Value, u64, u64)> =
        entries.map(|entry| (entry["key"].clone(), count(&entry["before"]), count(&entry["after"]))).collect();
    found.sort_by_key(|(key, ..)| key.to_string());
    let sums: [u64; 2] = [found.iter().map(|entry| entry.1).sum(), found.iter().map(|entry| entry.2).sum()];
    assert_eq!(sums, [count(&answer["totals"]); 2], "{query}");
    found
}

#[test]
fn a_preview_is_what_is_answered_once_it_is_saved_and_saves_nothing() {
    let server = acme();
    send_usage(&server);
    let of_nobody = json!({"apiKeyId": "k3", "projectId": "web"});
    server.send_events(OPERATOR, &json!([event("e", "2026-06-20T10:00:00Z", &of_nobody)]));
    let (key, user, project) = (json!({"apiKeyId": "k1"}), json!({"userId": "ben"}), json!({"projectId": "web"}));
    let mut taken_out = of_team(&project, "2026-01-01", None);
    taken_out["status"] = json!("deleted");
    for change in [
        json!({}),
        json!({"teams": [team("red", Some("100")), team("blue", None)],
            "assignments": [of_team(&project, "2026-01-01", Some("red"))]}),
        json!({"assignments": [of_team(&user, "2026-06-13", Some("blue"))]}),
        json!({"assignments": [to_owner("k1", "2026-06-12", "ben")]}),
        json!({"teams": [team("blue", Some("200"))], "organizations": [{"id": "acme", "timezone": "UTC"}]}),
        json!({"assignments": [of_team(&key, "2026-06-11", None)]}),
        json!({"assignments": [taken_out]}),
        // The creator of a key that had none.
        json!({"apiKeys": [{"id": "k3", "organizationId": "acme", "projectId": "web", "createdBy": "adam"}]}),
        json!({"identities": [{"organizationId": "acme", "userId": "ada", "sameAs": "adam"}]}),
        json!({"teams": [{"id": "blue", "organizationId": "acme", "status": "deleted"}]}),
    ] {
        let by = ["team", "costCentre", "user", "project", "apiKey", "model"].iter();
        let queries =
            by.flat_map(|by| ["UTC", "America/Los_Angeles"].map(|zone| format!("groupBy={by}&timezone={zone}")));
        let queries: Vec<String> = queries.collect();
        let directory = server.get("/v1/directory", OPERATOR).ok().text;
        let before: Vec<_> = queries.iter().map(|query| ranking(&server, query)).collect();
        let seen: Vec<_> = queries.iter().map(|query| preview(&server, query, &change)).collect();
        assert_eq!(server.get("/v1/directory", OPERATOR).ok().text, directory, "nothing is written");
        let now: Vec<_> = queries.iter().map(|query| ranking(&server, query)).collect();
        assert_eq!(now, before);
        put(&server, &change);
        for ((query, before), seen) in queries.iter().zip(before).zip(seen) {
            let side = |of: fn(&(Value, u64, u64)) -> u64| -> Vec<(Value, u64)> {
                seen.iter().filter(|entry| of(entry) > 0).map(|entry| (entry.0.clone(), of(entry))).collect()
            };
            assert_eq!(side(|entry| entry.1), before, "before {change} by {query}");
            assert_eq!(side(|entry| entry.2), ranking(&server, query), "after {change} by {query}");
        }
    }
}

#[test]
fn a_preview_says_what_moves_and_refuses_what_would_be_refused() {
    let server = acme();
    send_usage(&server);
    put(&server, &json!({"teams": [team("red", None)]}));
    let change = json!({"assignments": [of_team(&json!({"apiKeyId": "k1"}), "2026-06-12", Some("red"))]});
    let path = format!("/v1/directory/preview?{JUNE}");
    let answer = server.post(&path, OPERATOR, &change).ok().json();
    let sums = |cost: i64, count: u64| json!({"cost": cost, "requestCount": count, "totalTokens": answer["totals"]["totalTokens"].as_u64().unwrap() / 4 * count});
    assert_eq!((&answer["written"], &answer["moved"], &answer["groupBy"]), (&json!(1), &json!(1), &json!("team")));
    assert_eq!(answer["totals"], sums(4, 4));
    let of_red = json!({"key": "red", "label": "RED", "before": sums(0, 0), "after": sums(1, 1), "difference": 1});
    let of_none = json!({"key": null, "label": "No team", "before": sums(4, 4), "after": sums(3, 3), "difference": -1});
    let entries = answer["entries"].as_array().unwrap();
    assert!(entries.len() == 2 && entries.contains(&of_red) && entries.contains(&of_none), "{answer}");
    let unknown = json!({"assignments": [of_team(&json!({"apiKeyId": "k9"}), "2026-06-12", Some("red"))]});
    for (query, change, status, words) in [
        ("", &unknown, 400, "organization 'acme' has no API key 'k9'"),
        ("&groupBy=team,user", &change, 400, "groupBy is 'team,user'; here it must be one dimension"),
        ("&groupBy=none", &change, 400, "here it must be one dimension"),
        ("&groupBy=colour", &change, 400, "groupBy is 'colour'"),
        ("&top=1", &change, 400, "the parameter 'top' is unknown"),
    ] {
        server.post(&format!("{path}{query}"), OPERATOR, change).is_problem(status, words);
    }
    // Whoever may not make the change, or not see what moves, learns nothing.
    let [owner, admin] = ["olga", "adam"].map(|user| server.user_token(user));
    server.post(&path, &owner, &change).ok();
    server.post(&path, &admin, &change).is_problem(403, "");
    let last = json!({"members": [{"organizationId": "acme", "userId": "olga", "role": "admin"}]});
    server.post(&path, &owner, &last).is_problem(409, "without an owner");
    put(&server, &json!({"organizations": [{"id": "acme", "plan": "free"}]}));
    server.post(&path, &owner, &change).is_problem(403, "enterprise");
    server.put("/v1/directory", &owner, &change).ok();
}

/// Reads a table of assignments.
fn table(server: &Server, token: &str, query: &str, csv: &str) -> crate::support::Answer {
    let path = format!("/v1/directory/assignments/read?organizationId=acme{query}");
    let headers = [("authorization", &*format!("Bearer {token}")), ("content-type", "text/csv")];
    server.send("POST", &path, &headers, csv.as_bytes())
}

/// Acme with names for everything, two of which are the same.
fn named() -> Server {
    let server = acme();
    let key =
        |id: &str, name: &str| json!({"id": id, "organizationId": "acme", "projectId": "web", "description": name});
    let user = |id: &str, email: &str| json!({"id": id, "email": email});
    put(
        &server,
        &json!({
            "projects": [{"id": "web", "organizationId": "acme", "name": "Web shop"}],
            "apiKeys": [key("k1", "Batch"), key("k2", "Nightly"), key("k4", "Nightly")],
            "users": [user("ada", "ada@acme.test"), user("ben", "Ben@Acme.test")],
            "teams": [team("red", Some("100")), {"id": "gone", "organizationId": "acme", "name": "Gone", "status": "deleted"}],
        }),
    );
    server
}

#[test]
fn a_table_of_accounts_becomes_what_the_directory_takes() {
    let server = named();
    send_usage(&server);
    let csv = "API key;project;E-Mail;team;cost centre;from;to\r\n\
               batch;;;RED;101;2026-06-12;\r\n\
               ;Web shop;;Research & Evals;4711;01.01.2026;30.06.2026\r\n\
               ;;ben@acme.test;research & evals;;2026-06-01;\r\n\
               k2;;;none;;2026-06-14;\r\n";
    let before = server.get("/v1/directory", OPERATOR).ok().text;
    let read = table(&server, OPERATOR, "&newTeams=true", csv).ok().json();
    let mut to_june = of_team(&json!({"projectId": "web"}), "2026-01-01", Some("research-evals"));
    to_june["to"] = json!("2026-06-30");
    assert_eq!(
        read["assignments"],
        json!([
            of_team(&json!({"apiKeyId": "k1"}), "2026-06-12", Some("red")),
            to_june,
            of_team(&json!({"userId": "ben"}), "2026-06-01", Some("research-evals")),
            of_team(&json!({"apiKeyId": "k2"}), "2026-06-14", None),
        ])
    );
    assert_eq!(
        read["teams"],
        json!([
            {"id": "red", "organizationId": "acme", "costCentre": "101"},
            {"id": "research-evals", "organizationId": "acme", "name": "Research & Evals", "costCentre": "4711"},
        ])
    );
    assert_eq!(server.get("/v1/directory", OPERATOR).ok().text, before, "nothing is written");
    put(&server, &read);
    check(&server, "groupBy=team", &[(json!("red"), 1), (json!("research-evals"), 3)]);
    assert_eq!(put(&server, &table(&server, OPERATOR, "", csv).ok().json()), 0, "again it is nothing new");
    let owner = server.user_token("olga");
    table(&server, &owner, "", csv).ok();
    let other = server.post("/v1/directory/assignments/read?organizationId=none", &owner, &Value::Null);
    other.is_problem(403, "for the operator, and for owners");
}

#[test]
fn each_line_of_a_table_that_is_wrong_is_named_and_none_is_taken() {
    let server = named();
    let check = |csv: &str, words: &str| {
        table(&server, OPERATOR, "", csv).is_problem(400, words);
    };
    check("key,team,from\nBatsh,red,2026-06-01\n", "line 2: there is no API key 'Batsh'; did you mean batch?");
    check(
        "key,team,from\nBatsh,red,2026-06-01\nk1,red,2026-06-31\nk2,blew,2026-06-01\n",
        "line 2: there is no API key 'Batsh'; did you mean batch?; line 3: from '2026-06-31' is no date that exists; \
         write YYYY-MM-DD; line 4: there is no team 'blew'",
    );
    check(
        "key,team,from\nNightly,red,2026-06-01\n",
        "line 2: 2 have the name 'Nightly' as API key; give an id, such as k2, k4",
    );
    check("project,team,from\nWebb shop,red,2026-06-01\n", "there is no project 'Webb shop'; did you mean web shop?");
    check(
        "email,team,from\nada@acme.tst,red,2026-06-01\n",
        "there is no member 'ada@acme.tst'; did you mean ada@acme.test?",
    );
    check(
        "key,team,from\nk1,rad,2026-06-01\n",
        "there is no team 'rad'; did you mean red?; teams that are not there are made with newTeams=true",
    );
    check("key,team,from\nk1,Gone,2026-06-01\n", "the team 'Gone' is deleted; make it active again");
    check(
        "key,team,from\nk1,red,2026-06-01\nbatch,none,1.6.2026\n",
        "line 3: line 2 says of the same from 2026-06-01 on, too",
    );
    check(
        "key,team,costCentre,from\nk1,red,1,2026-06-01\nk2,red,2,2026-06-01\n",
        "line 3: the cost centre of team 'red' is '2', and on line 2 it is '1'",
    );
    check("key,team,costCentre,from\nk1,none,1,2026-06-01\n", "'1' is a cost centre, and no team has none");
    check(
        "key,team,since\nk1,red,2026-06-01\n",
        "the column 'since' is unknown; allowed are key, project, email, team, costCentre, from and to",
    );
    check("key,team,from,to\nk1,red,2026-06-02,2026-06-01\n", "to (2026-06-01) is before from (2026-06-02)");
    check("", "column");
    let all_wrong: String = (0..30).map(|number| format!("k{number}0,red,2026-06-01\n")).collect();
    check(&format!("key,team,from\n{all_wrong}"), "line 21: there is no API key 'k190'");
    check(&format!("key,team,from\n{all_wrong}"), "; and 10 lines more");
    table(&server, OPERATOR, "&newTeams=yes", "key\n").is_problem(400, "newTeams is 'yes'; allowed: true, false");
}

#[test]
fn assignments_are_imported_from_a_file_whole_or_not_at_all() {
    let server = named();
    send_usage(&server);
    let directory = tempfile::tempdir().unwrap();
    let run = |csv: &str, more: &[&str]| {
        let file = directory.path().join("teams.csv");
        std::fs::write(&file, csv).unwrap();
        let mut command = std::process::Command::new(crate::support::BINARY);
        command.args(["directory", "import-assignments"]).arg(&file).args([
            "--organization",
            "acme",
            "--url",
            &server.url,
        ]);
        let done = command.args(more).env("ROLLCALL_TOKEN", OPERATOR).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        (done.status.code().unwrap(), text(&done.stdout), text(&done.stderr))
    };
    let csv = "key,team,costCentre,from\nk1,red,100,2026-06-12\n";
    let (code, out, told) = run(csv, &["--dry-run", "--from", "2026-06-01", "--to", "2026-06-30"]);
    assert_eq!(code, 0, "{told}");
    for line in [["RED", "0", "1", "1"], ["No team", "4", "3", "-1"], ["total", "4", "4", "0"]] {
        let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(out.lines().any(|found| words(found) == line.join(" ")), "{line:?} in {out}");
    }
    assert!(out.starts_with("2026-06-01 to 2026-06-30, days in Europe/Berlin\n"), "{out}");
    assert!(told.contains("1 entries would be written, and USD 1 count for another team"), "{told}");
    check(&server, "groupBy=team", &[(Value::Null, 4)]);
    let (code, _, told) = run("key,team,from\nk1,red,2026-06-12\nk9,red,2026-06-12\n", &[]);
    assert_eq!(
        (code, told.contains("teams.csv") && told.contains("line 3: there is no API key 'k9'")),
        (2, true),
        "{told}"
    );
    check(&server, "groupBy=team", &[(Value::Null, 4)]);
    assert_eq!(run(csv, &[]).2, "1 entries written\n");
    check(&server, "groupBy=team", &[(json!("red"), 1), (Value::Null, 3)]);
    let (code, _, told) = run("key,team,from\nk2,new one,2026-06-12\n", &["--new-teams"]);
    assert_eq!((code, &*told), (0, "2 entries written\n"));

    // The same without a server.
    let store = directory.path().join("store");
    std::fs::create_dir(&store).unwrap();
    let exported = directory.path().join("directory.json");
    std::fs::write(&exported, server.get("/v1/directory", OPERATOR).ok().text).unwrap();
    let local = |arguments: &[&str]| {
        let mut command = std::process::Command::new(crate::support::BINARY);
        let done = command.args(["directory"]).args(arguments).arg("--data-dir").arg(&store).output().unwrap();
        (done.status.code().unwrap(), String::from_utf8(done.stderr).unwrap())
    };
    let file = directory.path().join("teams.csv");
    let file = file.to_str().unwrap();
    assert_eq!(local(&["import", exported.to_str().unwrap()]).0, 0);
    std::fs::write(file, "email,team,from\nada@acme.test,new one,2026-06-12\n").unwrap();
    let (code, told) = local(&["import-assignments", file, "--organization", "acme", "--dry-run"]);
    assert_eq!(
        (code, told.contains("1 entries would be written, and USD 0 count for another team")),
        (0, true),
        "{told}"
    );
    assert_eq!(local(&["import-assignments", file, "--organization", "acme"]), (0, "1 entries written\n".to_owned()));
    assert_eq!(local(&["import-assignments", file, "--organization", "none"]).0, 2);
}
