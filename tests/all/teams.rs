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
