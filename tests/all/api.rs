//! The HTTP contract, asked of the built binary.

use std::io::Write;

use crate::support::{Answer, OPERATOR, Server, bearer, event, number_text};
use serde_json::{Value, json};

const DAY: &str = "from=2026-06-01&to=2026-06-01";

fn with_directory() -> Server {
    let server = Server::start();
    put_directory(&server);
    server
}

fn put_directory(server: &Server) {
    let directory = json!({
        "organizations": [
            {"id": "acme", "name": "Acme", "timezone": "Europe/Berlin"},
            {"id": "small", "name": "Small", "plan": "free"},
            {"id": "gone", "status": "deleted"},
        ],
        "projects": [
            {"id": "web", "organizationId": "acme", "name": "Website"},
            {"id": "api", "organizationId": "acme"},
            {"id": "shop", "organizationId": "small"},
        ],
        "users": [{"id": "ada", "name": "Ada"}, {"id": "ben", "email": "ben@acme.example"}, {"id": "out"}],
        "members": [
            {"organizationId": "acme", "userId": "ada", "role": "owner"},
            {"organizationId": "acme", "userId": "ben", "role": "admin"},
            {"organizationId": "acme", "userId": "dev", "role": "developer", "projectIds": ["web"]},
            {"organizationId": "small", "userId": "ada", "role": "owner"},
            {"organizationId": "gone", "userId": "ada", "role": "owner"},
        ],
        "apiKeys": [
            {"id": "k1", "projectId": "web", "description": "Web key", "createdBy": "ada"},
            {"id": "k2", "organizationId": "acme", "projectId": "web", "createdBy": "ben"},
            {"id": "k3", "organizationId": "acme", "projectId": "web", "createdBy": "dev"},
            {"id": "s1", "projectId": "shop", "createdBy": "ada"},
        ],
        "models": [{"id": "gpt-4o", "name": "GPT-4o"}],
    });
    server.put("/v1/directory", OPERATOR, &directory).ok();
}

fn text(of: &Value) -> &str {
    of.as_str().unwrap_or_default()
}

fn entries(of: &Value) -> &[Value] {
    of.as_array().map_or(&[], Vec::as_slice)
}

#[test]
fn events_in_all_forms_are_in_the_very_next_answer() {
    let server = Server::start();
    let one = event("a", "2026-06-01T10:00:00Z", &json!({}));
    let answer = server.send_events(OPERATOR, &one);
    assert_eq!(answer, json!({"accepted": 1, "duplicates": 0, "rejected": []}));
    let two =
        json!([event("b", "2026-06-01T12:00:00+02:00", &json!({})), event("a", "2026-06-01T10:00:00Z", &json!({}))]);
    assert_eq!(server.send_events(OPERATOR, &two), json!({"accepted": 1, "duplicates": 1, "rejected": []}));

    let lines = format!(
        "{}\n\n{}\n",
        event("c", "2026-06-01T00:00:00Z", &json!({})),
        event("d", "2026-06-01T23:59:59.999Z", &json!({}))
    );
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(lines.as_bytes()).unwrap();
    let headers =
        [("authorization", &*bearer(OPERATOR)), ("content-type", "application/x-ndjson"), ("content-encoding", "gzip")];
    assert_eq!(server.send("POST", "/v1/events", &headers, &gzip.finish().unwrap()).ok().json()["accepted"], 2);

    let body = event("e", "2026-06-01T10:00:00Z", &json!({"timestamp": 1_780_308_000_000_u64})).to_string();
    let packed = zstd::encode_all(body.as_bytes(), 1).unwrap();
    let headers =
        [("authorization", &*bearer(OPERATOR)), ("content-type", "application/json"), ("content-encoding", "zstd")];
    assert_eq!(server.send("POST", "/v1/events", &headers, &packed).ok().json()["accepted"], 1);

    let day = server.activity(OPERATOR, DAY);
    assert_eq!(day["totals"]["requestCount"], 5);
    assert_eq!(day["totals"]["cost"], 1.25);
    assert_eq!(day["activity"][0]["breakdown"][0]["key"], "gpt-4o");
}

#[test]
fn a_bad_event_is_named_and_the_others_are_kept() {
    let server = Server::start();
    let batch = json!([
        event("ok1", "2026-06-01T10:00:00Z", &json!({})),
        event("bad", "2026-06-01T10:00:00Z", &json!({"promptTokens": -4})),
        "not an event",
        event("ok2", "2026-06-01T10:00:00Z", &json!({"unknownField": {"deep": [1, 2]}})),
    ]);
    let answer = server.send_events(OPERATOR, &batch);
    assert_eq!((&answer["accepted"], &answer["rejected"][0]["index"]), (&json!(2), &json!(1)));
    assert_eq!(answer["rejected"][0]["id"], "bad");
    assert_eq!(answer["rejected"][0]["error"], "promptTokens is -4; it must be a whole number of 0 or more");
    assert_eq!(answer["rejected"][1]["index"], 2);
}

#[test]
fn bodies_that_are_no_events_get_a_problem_that_says_why() {
    let server = Server::start();
    let post = |kind: &str, encoding: Option<&str>, body: &[u8]| {
        let auth = bearer(OPERATOR);
        let mut headers = vec![("authorization", &*auth), ("content-type", kind)];
        headers.extend(encoding.map(|e| ("content-encoding", e)));
        server.send("POST", "/v1/events", &headers, body)
    };
    post("application/json", None, b"[{\"id\": ").is_problem(400, "not valid JSON");
    post("application/json", None, b"  ").is_problem(400, "the body is empty");
    post("text/plain", None, b"{}").is_problem(415, "send application/json or application/x-ndjson");
    post("application/json", Some("br"), b"{}").is_problem(415, "send gzip, zstd or none");
    post("application/json", Some("gzip"), b"not gzip").is_problem(400, "could not be read");
    // 65 MiB of spaces, 64 KiB on the wire.
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    for _ in 0..65 {
        gzip.write_all(&vec![b' '; 1 << 20]).unwrap();
    }
    post("application/json", Some("gzip"), &gzip.finish().unwrap()).is_problem(413, "67108864 bytes");
    let deep = format!("{{\"id\":\"x\",\"deep\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(post("application/json", None, deep.as_bytes()).json()["accepted"], 0, "the server lives on");
}

#[test]
fn questions_that_make_no_sense_get_a_problem_that_says_what_would() {
    let server = with_directory();
    for (query, words) in [
        ("", "organizationId is missing"),
        ("organizationId=acme&from=2026-02-30&to=2026-03-01", "from '2026-02-30' is no date that exists"),
        ("organizationId=acme&from=2026-06-02&to=2026-06-01", "from (2026-06-02) is after to (2026-06-01)"),
        ("organizationId=acme&from=2025-01-01&to=2026-06-01", "at most 366 days at day granularity"),
        ("organizationId=acme&timezone=Mars/Base", "timezone 'Mars/Base' is unknown"),
        ("organizationId=acme&groupBy=colour", "groupBy is 'colour'; allowed are none, model, project"),
        ("organizationId=acme&groupBy=model,model", "two different ones"),
        ("organizationId=acme&granularity=minute", "granularity is 'minute'; allowed: hour, day, week, month"),
        ("organizationId=acme&granularity=hour&from=2026-01-01&to=2026-03-01", "at most 31 days at hour"),
        ("organizationId=acme&top=0", "top is '0'"),
        ("organizationId=acme&rankBy=luck", "rankBy is 'luck'"),
        ("organizationId=acme&mode=byok", "allowed are credits, api-keys"),
        ("organizationId=acme&compare=next", "compare is 'next'"),
        ("organizationId=acme&format=xml", "format is 'xml'"),
        ("organizationId=acme&from=2026-06-01&from=2026-06-02", "given more than once"),
    ] {
        server.get(&format!("/analytics/activity?{query}"), OPERATOR).is_problem(400, words);
    }
    server.get("/analytics/activity?organizationId=nobody", OPERATOR).is_problem(404, "no organization 'nobody'");
    server.get("/analytics/activity?organizationId=gone", OPERATOR).is_problem(404, "no organization 'gone'");
    server.get("/v1/nothing", OPERATOR).is_problem(404, "nothing at /v1/nothing");
    server.delete("/v1/events", OPERATOR).is_problem(405, "does not take that method");
}

/// What somebody would have believed: that the figures are of what they asked for, and that what they wrote is kept.
#[test]
fn nothing_that_is_asked_or_written_is_silently_ignored() {
    let server = with_directory();
    let activity =
        "the parameter 'projct' is unknown; did you mean projectId? (allowed here: organizationId, from, to,";
    for (path, words) in [
        ("/analytics/activity?organizationId=acme&projct=search", activity),
        ("/analytics/members?organizationId=acme&top=3", "'top' is unknown; did you mean to? (allowed here"),
        ("/analytics/members/ada?organizationId=acme&projectId=web", "'projectId' is unknown"),
        ("/analytics/keys?organizationId=acme&projectId=web", "'projectId' is unknown"),
        ("/analytics/keys/k1?organizationId=acme&granularity=hour", "'granularity' is unknown"),
        ("/analytics/export?organizationId=acme&model=gpt-4o", "'model' is unknown"),
        ("/analytics/reconciliation?organizationId=acme&provider=openai&model=", "'model' is unknown"),
        ("/v1/directory?organisationId=acme", "did you mean organizationId? (allowed here: organizationId)"),
        ("/v1/me?kind=user", "the parameter 'kind' is unknown (allowed here: none)"),
        ("/v1/audit?organizationId=acme&since=2026-06-01", "'since' is unknown"),
        ("/v1/intake?timezone=Europe/Paris", "'timezone' is unknown"),
        ("/v1/calendar?tz=Europe/Paris", "did you mean timezone?"),
        ("/v1/me?a=b", "'a' is unknown"),
    ] {
        server.get(path, OPERATOR).is_problem(400, words);
    }
    server.get("/analytics/activity?organizationId=acme&projct=search", "wrong").is_problem(401, "unknown or revoked");
    server.post("/v1/events?organizationId=acme", OPERATOR, &json!([])).is_problem(400, "allowed here: none");
    server.post("/v1/otlp/v1/traces?organizationId=acme", OPERATOR, &json!({})).ok();

    let put = |body: Value| server.put("/v1/directory", OPERATOR, &body);
    for (body, words) in [
        (json!([]), "invalid type: sequence, expected an object"),
        (json!([[["beta", "Beta"]]]), "expected an object"),
        (json!({"organizations": [["beta", "Beta"]]}), "organizations[0]: invalid type: sequence, expected an object"),
        (json!({"organisations": [{"id": "beta"}]}), "unknown field `organisations`"),
        (json!({"organisations": [{"id": "beta"}]}), "; did you mean organizations?"),
        (json!({"organizations": [{"id": "beta", "timeZone": "UTC"}]}), "; did you mean timezone?"),
        (json!({"members": [{"organizationId": "acme", "userId": "ada", "role": "onwer"}]}), "; did you mean owner?"),
        (json!({"projects": [{"id": "p", "organizationId": "acme", "costCenter": 1}]}), "unknown field `costCenter`"),
        (json!({"users": [{"id": "ada", "mail": "a@b.example"}]}), "; did you mean email?"),
        (json!({"models": [{"id": "m", "name": "M", "price": 1}]}), "unknown field `price`"),
        (json!({"apiKeys": [{"id": "k9", "projectId": "web", "owner": "ada"}]}), "unknown field `owner`"),
    ] {
        put(body).is_problem(400, words);
    }
    let post = |path: &str, body: Value| server.post(path, OPERATOR, &body);
    post("/v1/tokens", json!({"kind": "operator", "expires": 1})).is_problem(400, "unknown field `expires`");
    post("/v1/tokens", json!(["operator"])).is_problem(400, "expected an object");
    post("/v1/session", json!([OPERATOR])).is_problem(400, "expected an object");
    post("/v1/session", json!({"token": OPERATOR, "tokn": ""})).is_problem(400, "; did you mean token?");
    post("/v1/reprice", json!(["2026-06-01", "2026-06-30"])).is_problem(400, "expected an object");
    // A project that is not there is as one that is not theirs.
    let me = |project: &str, user: &str| {
        server.get(&format!("/analytics/me?organizationId=acme&projectId={project}"), &server.user_token(user))
    };
    me("api", "dev").is_problem(403, "you have no access to a project 'api'");
    me("none", "dev").is_problem(403, "you have no access to a project 'none'");
    me("none", "ada").is_problem(403, "you have no access to a project 'none'");
}

/// What somebody would have believed: that twice as much was spent, when one month is longer or one day is not over.
#[test]
fn a_comparison_is_with_a_window_that_means_the_same() {
    let server = with_directory();
    let used = |id: &str, at: &str, key: &str, model: &str, cost: &str| {
        event(id, at, &json!({"apiKeyId": key, "usedModel": format!("openai/{model}"), "cost": cost}))
    };
    let events = json!([
        used("a", "2026-05-20T10:00:00Z", "k1", "gpt-4o", "1.000000000001"),
        used("b", "2026-05-31T23:59:59Z", "k2", "old", "2"),
        used("c", "2026-06-01T00:00:00Z", "k1", "gpt-4o", "4"),
        used("d", "2026-06-30T12:00:00Z", "k3", "new", "8"),
    ]);
    server.send_events(OPERATOR, &events);
    let june = "from=2026-06-01&to=2026-06-30";
    for (query, from, to, cost, since) in [
        ("compare=previous", "2026-05-02", "2026-05-31", "3.000000000001", "2026-05-20"),
        ("compare=previousMonth", "2026-05-01", "2026-05-31", "3.000000000001", "2026-05-20"),
        ("compare=previousYear", "2025-06-01", "2025-06-30", "0", "2026-05-20"),
        ("compare=weekdays", "2026-04-27", "2026-05-26", "1.000000000001", "2026-05-20"),
        ("compareFrom=2026-05-20&compareTo=2026-05-20", "2026-05-20", "2026-05-20", "1.000000000001", ""),
        ("compareFrom=2026-05-31&compareTo=2026-05-31", "2026-05-31", "2026-05-31", "2", ""),
    ] {
        let path = format!("/analytics/activity?organizationId=acme&{june}&{query}");
        let answer = server.get(&path, OPERATOR).ok();
        let previous = &answer.json()["previous"];
        assert_eq!([&previous["from"], &previous["to"]], [from, to], "{query}");
        assert_eq!(previous["since"].as_str().unwrap_or_default(), since, "{query}");
        assert!(previous.get("until").is_none(), "{query}: a window that is over is compared as a whole");
        let text = answer.text.split("\"previous\":").nth(1).unwrap();
        assert_eq!(number_text(text, "cost"), cost, "{query}");
    }
    let ranking = |query: &str| {
        let answer = server.activity(OPERATOR, &format!("{june}&compare=previousMonth&{query}"));
        let rows = answer["previous"]["ranking"].as_array().unwrap().clone();
        assert_eq!(answer["previous"]["totals"]["requestCount"], 2);
        rows.iter().map(|row| format!("{} {} {}", row["key"], row["label"], row["requestCount"])).collect::<Vec<_>>()
    };
    assert_eq!(ranking(""), [r#""old" "old" 1"#, r#""gpt-4o" "GPT-4o" 1"#]);
    assert_eq!(ranking("top=1"), [r#"null "Other" 2"#], "the largest is new, and what is gone is with the others");
    assert_eq!(ranking("top=2"), [r#""gpt-4o" "GPT-4o" 1"#, r#"null "Other" 1"#]);
    assert_eq!(ranking("groupBy=none"), [r#"null "All" 2"#]);
    assert_eq!(ranking("model=gpt-4o&model=old&groupBy=user"), [r#""ben" "ben@acme.example" 1"#, r#""ada" "Ada" 1"#]);

    let table = |path: &str, token: &str| {
        server.get(&format!("{path}?organizationId=acme&{june}&compare=previousMonth"), token).ok().json()
    };
    let (members, keys) = (table("/analytics/members", OPERATOR), table("/analytics/keys", OPERATOR));
    let of = |rows: &Value, id: &str| {
        let rows = rows.as_array().unwrap().iter().map(|row| format!("{} {}", row[id], row["cost"]));
        rows.collect::<Vec<_>>()
    };
    assert_eq!(of(&members["previous"]["members"], "userId"), [r#""ben" 2"#, r#""ada" 1.000000000001"#]);
    assert_eq!(of(&keys["previous"]["keys"], "id"), [r#""k2" 2"#, r#""k1" 1.000000000001"#]);
    assert_eq!([&members["previous"]["totals"]["requestCount"], &keys["previous"]["totals"]["requestCount"]], [2, 2]);
    let own = table("/analytics/keys", &server.user_token("dev"));
    assert_eq!((of(&own["keys"], "id"), of(&own["previous"]["keys"], "id")), (vec![r#""k3" 8"#.to_owned()], vec![]));

    for (query, words) in [
        ("compare=lastYear", "compare is 'lastYear'; allowed: previous, previousMonth, previousYear, weekdays"),
        ("compare=previous&compareFrom=2026-05-01&compareTo=2026-05-31", "leave one of them out"),
        ("compareFrom=2026-05-01", "compareFrom and compareTo belong together"),
        ("compareFrom=2026-05-32&compareTo=2026-06-01", "compareFrom '2026-05-32' is no date that exists"),
    ] {
        let path = format!("/analytics/activity?organizationId=acme&{june}&{query}");
        server.get(&path, OPERATOR).is_problem(400, words);
    }
}

#[test]
fn a_day_that_is_not_over_is_compared_with_the_same_part_of_the_day_before() {
    let server = with_directory();
    let today = || server.get("/v1/calendar", OPERATOR).ok().json()["today"].as_str().unwrap().to_owned();
    let yesterday = |day: &str| {
        let answer = server.activity(OPERATOR, &format!("from={day}&to={day}&compare=previous"));
        answer["previous"]["from"].as_str().unwrap().to_owned()
    };
    let day = today();
    let before = yesterday(&day);
    let at_each_hour = (0..24).map(|hour| event(&hour.to_string(), &format!("{before}T{hour:02}:30:00Z"), &json!({})));
    let events = json!(at_each_hour.collect::<Vec<_>>());
    server.send_events(OPERATOR, &events);
    let ask = |query: &str| server.get(&format!("/analytics/activity?organizationId=acme&{query}"), OPERATOR).ok();
    for query in [
        format!("from={day}&to={day}&compare=previous"),
        format!("from={before}&to={day}&compareFrom={before}&compareTo={before}"),
    ] {
        let answer = ask(&query);
        let previous = &answer.json()["previous"];
        match previous["until"].as_str() {
            Some(until) => {
                assert_eq!(until[..10], *before, "{query}");
                assert_eq!(until[13..], *":00:00+00:00", "{query}");
                assert_eq!(previous["totals"]["requestCount"], until[11..13].parse::<u64>().unwrap(), "{query}");
            }
            None => assert_ne!(today(), day, "the day turned while this was asked"),
        }
    }
    // The day before is over, and compared as a whole.
    let answer = ask(&format!("from={before}&to={before}&compareFrom={before}&compareTo={before}")).json();
    assert_eq!((&answer["previous"]["totals"]["requestCount"], answer["previous"].get("until")), (&json!(24), None));
}

/// As Grafana has them: `${__timezone}` is `utc` there, and `${__from}` an instant.
#[test]
fn zones_are_known_in_any_case_and_days_by_an_instant() {
    let server = with_directory();
    server.send_events(OPERATOR, &json!([event("late", "2026-06-01T23:30:00Z", &json!({}))]));
    for (query, zone, from, to) in [
        ("timezone=utc&from=1780272000000&to=1780444799999", "UTC", "2026-06-01", "2026-06-02"),
        ("timezone=europe/PARIS&from=1780358400000&to=1780358400000", "Europe/Paris", "2026-06-02", "2026-06-02"),
        ("timezone=asia/kolkata&from=1780252200000&to=2026-06-02", "Asia/Kolkata", "2026-06-01", "2026-06-02"),
    ] {
        let answer = server.activity(OPERATOR, query);
        assert_eq!([&answer["timezone"], &answer["from"], &answer["to"]], [zone, from, to], "{query}");
        assert_eq!(answer["totals"]["requestCount"], 1, "{query}");
    }
    for from in ["20260601", "178027200000x", "-178027200000"] {
        let path = format!("/analytics/activity?organizationId=acme&from={from}");
        server.get(&path, OPERATOR).is_problem(400, &format!("from '{from}' is no date that exists"));
    }
    // Past the year 9999 in the zone that is asked about. Some of these had a server count days for ever.
    let far = [
        "253402300800000",
        "8210266876799999",
        "1796098051685910000",
        "9223372036854775807",
        "9223372036854775808",
        "99999999999999999999",
    ];
    let ada = server.user_token("ada");
    for far in far {
        for path in ["/analytics/me?projectId=web&", "/analytics/activity?", "/analytics/activity?granularity=hour&"] {
            for name in ["from", "to"] {
                let path = format!("{path}organizationId=acme&timezone=Asia/Kolkata&{name}={far}");
                server.get(&path, &ada).is_problem(400, &format!("{name} '{far}' is no instant of the years"));
            }
        }
        for path in
            ["/v1/audit?", "/v1/decisions/log?organizationId=acme&", "/v1/decisions/counts?organizationId=acme&"]
        {
            let path = format!("{path}timezone=Asia/Kolkata&to={far}");
            server.get(&path, OPERATOR).is_problem(400, &format!("to '{far}' is no instant of the years"));
        }
    }
    let last = "253402300799999";
    server
        .get(&format!("/analytics/activity?organizationId=acme&timezone=Asia/Kolkata&to={last}"), OPERATOR)
        .is_problem(400, &format!("to '{last}' is no instant of the years"));
    for granularity in ["hour", "day", "week", "month"] {
        let answer = server.activity(OPERATOR, &format!("granularity={granularity}&to={last}"));
        assert_eq!([&answer["from"], &answer["to"]], ["9999-12-25", "9999-12-31"], "{granularity}");
    }
    server
        .put("/v1/directory", OPERATOR, &json!({"organizations": [{"id": "acme", "timezone": "europe/berlin"}]}))
        .ok();
    let kept = server.get("/v1/directory?organizationId=acme", OPERATOR).ok().json();
    assert_eq!(kept["organizations"][0]["timezone"], "Europe/Berlin");
}

/// Every route as every kind of caller. Fails when a route is added to the document and not here.
#[test]
fn every_route_answers_each_kind_of_caller_as_the_contract_says() {
    let server = with_directory();
    let operator = OPERATOR.to_owned();
    let ingest = server.token(&json!({"kind": "ingest", "organizationId": "acme"}));
    let scim = server.token(&json!({"kind": "scim", "organizationId": "acme"}));
    let [owner, admin, developer, outsider] = ["ada", "ben", "dev", "out"].map(|user| server.user_token(user));
    let callers = [
        ("operator", &operator),
        ("ingest", &ingest),
        ("owner", &owner),
        ("admin", &admin),
        ("developer", &developer),
        ("outsider", &outsider),
    ];
    let by_team = "/analytics/activity?organizationId=acme&groupBy=team,costCentre&team=t&costCentre=c";
    let team = |organization: &str| json!({"teams": [{"id": "t", "organizationId": organization}]});
    let activity = "/analytics/activity?organizationId=acme";
    let free = "/analytics/activity?organizationId=small";
    let gone = "/analytics/activity?organizationId=gone";
    let unknown = "/analytics/activity?organizationId=nobody";
    let event = event("r", "2026-06-01T10:00:00Z", &json!({}));
    let reconciliation = "/analytics/reconciliation?organizationId=acme&provider=openai";
    let result =
        json!({"object": "organization.costs.result", "amount": {"value": 1, "currency": "usd"}, "line_item": "a, b"});
    let invoice = json!({"data": [{"start_time": 1_780_272_000, "end_time": 1_780_358_400, "results": [result]}]});
    let views = "/v1/organizations/acme/views";
    let view = |name: &str| json!({"name": name, "path": "/organizations/acme/keys"});
    let share = |token: &str, name: &str| {
        let made: Value = server.post(views, token, &view(name)).ok().json();
        format!("{views}/{}", made["id"].as_str().unwrap())
    };
    let (bens_view, devs_view) = (&share(&admin, "Ben's"), &share(&developer, "Dev's"));
    let project =
        |organization: &str| json!({"projects": [{"id": "new", "organizationId": organization, "name": "New"}]});
    let link = |organization: &str| json!({"kind": "user", "organizationId": organization, "userId": "ben"});
    let provisioning = |organization: &str| json!({"kind": "scim", "organizationId": organization});
    let invite =
        |organization: &str| json!({"organizationId": organization, "email": "new@acme.example", "role": "admin"});
    let shown = |organization: &str| json!({"organizationId": organization, "question": "/analytics/activity", "format": "csv"});
    let ping = json!({"jsonrpc": "2.0", "id": 1, "method": "ping"});
    let elsewhere = |id: &str| json!({"id": id, "organizationId": "nobody"});
    let budget = json!({"id": "b", "organizationId": "acme", "scope": {"kind": "organization"}, "limit": {"cost": 1}, "window": "day"});
    let policy = json!({"id": "p", "organizationId": "acme", "mode": "observe"});
    let alert = |organization: &str| json!({"id": "a", "organizationId": organization, "kind": "unpriced"});
    let rehearsal =
        |organization: &str| json!({"alert": alert(organization), "from": "2026-06-01", "to": "2026-06-02"});
    let call = json!({"organizationId": "acme", "apiKeyId": "k1", "model": "gpt-4o"});
    let elsewhere_call = json!({"organizationId": "nobody", "apiKeyId": "k1", "model": "gpt-4o"});
    // What operator, ingest, owner, admin, developer and outsider get, in this order; then without a token.
    let table: &[(&str, &str, Value, [u16; 6], u16)] = &[
        ("POST", "/v1/events", event, [200, 200, 403, 403, 403, 403], 401),
        ("POST", "/v1/ingest/litellm", json!([]), [200, 200, 403, 403, 403, 403], 401),
        ("POST", "/v1/ingest/llmgateway", json!({"events": []}), [200, 200, 403, 403, 403, 403], 401),
        ("POST", "/v1/intake", json!([]), [204, 204, 403, 403, 403, 403], 401),
        ("POST", "/v1/ingest/transcripts", json!({}), [200, 200, 403, 403, 403, 403], 401),
        ("POST", "/v1/otlp/v1/traces", json!({}), [200, 200, 403, 403, 403, 403], 401),
        ("POST", "/v1/otlp/v1/logs", json!({}), [200, 200, 403, 403, 403, 403], 401),
        ("POST", "/v1/otlp/v1/metrics", json!({}), [200, 200, 403, 403, 403, 403], 401),
        ("PUT", "/v1/directory", json!({}), [200, 403, 403, 403, 403, 403], 401),
        ("GET", "/v1/directory", Value::Null, [200, 403, 403, 403, 403, 403], 401),
        ("PUT", "/v1/directory", project("acme"), [200, 403, 200, 403, 403, 403], 401),
        ("PUT", "/v1/directory", project("gone"), [200, 403, 403, 403, 403, 403], 401),
        ("GET", "/v1/directory?organizationId=acme", Value::Null, [200, 403, 200, 403, 403, 403], 401),
        ("GET", "/v1/directory?organizationId=gone", Value::Null, [200, 403, 403, 403, 403, 403], 401),
        ("DELETE", "/v1/organizations/acme/members/nobody", Value::Null, [404, 403, 404, 403, 403, 403], 401),
        ("DELETE", "/v1/organizations/gone/members/nobody", Value::Null, [404, 403, 403, 403, 403, 403], 401),
        ("GET", views, Value::Null, [200, 403, 200, 200, 200, 403], 401),
        ("GET", "/v1/organizations/nobody/views", Value::Null, [404, 403, 403, 403, 403, 403], 401),
        ("POST", views, json!({"name": " ", "path": "/"}), [400, 403, 400, 400, 400, 403], 401),
        ("PUT", bens_view, view("Ben's"), [200, 403, 200, 200, 403, 403], 401),
        ("PUT", devs_view, view("Dev's"), [200, 403, 200, 200, 200, 403], 401),
        ("DELETE", "/v1/organizations/acme/views/none", Value::Null, [404, 403, 404, 404, 404, 403], 401),
        ("PUT", "/v1/budgets", json!({"budgets": [budget]}), [200, 403, 200, 200, 403, 403], 401),
        ("PUT", "/v1/budgets", json!({"budgets": [elsewhere("budget")]}), [404, 403, 403, 403, 403, 403], 401),
        ("GET", "/v1/budgets?organizationId=acme", Value::Null, [200, 403, 200, 200, 200, 403], 401),
        ("GET", "/v1/budgets?organizationId=gone", Value::Null, [404, 403, 404, 403, 403, 403], 401),
        ("GET", "/v1/budgets?organizationId=acme&forecast=true", Value::Null, [200, 403, 200, 200, 200, 403], 401),
        ("PUT", "/v1/alerts", json!({"alerts": [alert("acme")]}), [200, 403, 200, 200, 403, 403], 401),
        ("PUT", "/v1/alerts", json!({"alerts": [alert("nobody")]}), [404, 403, 403, 403, 403, 403], 401),
        ("GET", "/v1/alerts?organizationId=acme", Value::Null, [200, 403, 200, 200, 200, 403], 401),
        ("GET", "/v1/alerts?organizationId=gone", Value::Null, [404, 403, 404, 403, 403, 403], 401),
        ("POST", "/v1/alerts/rehearse", rehearsal("acme"), [200, 403, 200, 200, 403, 403], 401),
        ("POST", "/v1/alerts/rehearse", rehearsal("nobody"), [404, 403, 403, 403, 403, 403], 401),
        ("PUT", "/v1/policies", json!({"policies": [policy]}), [200, 403, 200, 200, 403, 403], 401),
        ("PUT", "/v1/policies", json!({"policies": [elsewhere("policy")]}), [404, 403, 403, 403, 403, 403], 401),
        ("GET", "/v1/policies?organizationId=acme", Value::Null, [200, 403, 200, 200, 200, 403], 401),
        ("GET", "/v1/policies?organizationId=nobody", Value::Null, [404, 403, 403, 403, 403, 403], 401),
        ("PUT", "/v1/providers", json!([]), [200, 403, 403, 403, 403, 403], 401),
        ("GET", "/v1/providers", Value::Null, [200, 403, 200, 200, 200, 200], 401),
        ("POST", "/v1/decisions", call.clone(), [200, 200, 403, 403, 403, 403], 401),
        ("POST", "/v1/decisions", elsewhere_call, [404, 403, 403, 403, 403, 403], 401),
        ("GET", "/v1/decisions/check/nginx", Value::Null, [400, 400, 403, 403, 403, 403], 401),
        ("POST", "/v1/decisions/check/caddy", Value::Null, [400, 400, 403, 403, 403, 403], 401),
        ("GET", "/v1/decisions/check/apache", Value::Null, [404, 404, 403, 403, 403, 403], 401),
        ("GET", "/v1/decisions/counts?organizationId=acme", Value::Null, [200, 403, 200, 200, 403, 403], 401),
        ("GET", "/v1/decisions/counts?organizationId=nobody", Value::Null, [404, 403, 403, 403, 403, 403], 401),
        ("GET", "/v1/decisions/log?organizationId=acme", Value::Null, [200, 403, 200, 200, 200, 403], 401),
        ("GET", "/v1/decisions/log?organizationId=nobody", Value::Null, [404, 403, 403, 403, 403, 403], 401),
        ("POST", "/v1/tokens", json!({"kind": "operator"}), [201, 403, 403, 403, 403, 403], 401),
        ("GET", "/v1/tokens", Value::Null, [200, 403, 403, 403, 403, 403], 401),
        ("GET", "/v1/tokens?organizationId=acme", Value::Null, [200, 403, 200, 403, 403, 403], 401),
        ("GET", "/v1/tokens?organizationId=gone", Value::Null, [200, 403, 403, 403, 403, 403], 401),
        ("POST", "/v1/tokens", link("acme"), [201, 403, 201, 403, 403, 403], 401),
        ("POST", "/v1/tokens", link("gone"), [201, 403, 403, 403, 403, 403], 401),
        ("POST", "/v1/tokens", provisioning("acme"), [201, 403, 201, 403, 403, 403], 401),
        ("POST", "/v1/tokens", provisioning("small"), [201, 403, 201, 403, 403, 403], 401),
        ("POST", "/v1/tokens", provisioning("gone"), [201, 403, 403, 403, 403, 403], 401),
        ("GET", "/v1/tokens/operator", Value::Null, [200, 403, 403, 403, 403, 403], 401),
        ("GET", "/v1/tokens/tok_none", Value::Null, [404, 403, 403, 403, 403, 403], 401),
        ("DELETE", "/v1/tokens/tok_none", Value::Null, [404, 403, 403, 403, 403, 403], 401),
        ("POST", "/v1/tokens/find", json!({"token": "lost"}), [404, 403, 403, 403, 403, 403], 401),
        ("POST", "/v1/links", shown("acme"), [201, 403, 201, 403, 403, 403], 401),
        ("POST", "/v1/links", shown("gone"), [404, 403, 403, 403, 403, 403], 401),
        ("GET", "/v1/links", Value::Null, [200, 403, 403, 403, 403, 403], 401),
        ("GET", "/v1/links?organizationId=acme", Value::Null, [200, 403, 200, 403, 403, 403], 401),
        ("GET", "/v1/links?organizationId=gone", Value::Null, [404, 403, 403, 403, 403, 403], 401),
        ("DELETE", "/v1/links/lnk_none", Value::Null, [404, 403, 403, 403, 403, 403], 401),
        ("GET", "/v1/links/rc_link_none.csv", Value::Null, [404; 6], 404),
        ("POST", "/mcp", ping, [200, 403, 200, 200, 200, 200], 401),
        ("GET", "/v1/me", Value::Null, [200, 403, 200, 200, 200, 200], 401),
        ("GET", "/v1/session", Value::Null, [200, 403, 200, 200, 200, 200], 200),
        ("DELETE", "/v1/session", Value::Null, [204, 204, 204, 204, 204, 204], 401),
        ("POST", "/v1/session", json!({"token": "wrong"}), [401; 6], 401),
        ("GET", "/v1/session/oidc", Value::Null, [404; 6], 404),
        ("GET", "/v1/session/oidc/callback", Value::Null, [404; 6], 404),
        ("POST", "/v1/session/oidc/backchannel", Value::Null, [404; 6], 404),
        ("GET", "/v1/sessions", Value::Null, [200, 403, 200, 200, 200, 200], 401),
        ("GET", "/v1/sessions?userId=ada", Value::Null, [200, 403, 200, 403, 403, 403], 401),
        ("POST", "/v1/invitations", invite("acme"), [201, 403, 201, 403, 403, 403], 401),
        ("POST", "/v1/invitations", invite("gone"), [404, 403, 403, 403, 403, 403], 401),
        ("GET", "/v1/invitations", Value::Null, [200, 403, 403, 403, 403, 403], 401),
        ("GET", "/v1/invitations?organizationId=acme", Value::Null, [200, 403, 200, 403, 403, 403], 401),
        ("GET", "/v1/invitations?organizationId=gone", Value::Null, [404, 403, 403, 403, 403, 403], 401),
        ("DELETE", "/v1/invitations/inv_none", Value::Null, [404, 403, 403, 403, 403, 403], 401),
        ("POST", "/v1/invitations/read", json!({"secret": "rc_invite_none"}), [404; 6], 404),
        ("POST", "/v1/invitations/accept", json!({"secret": "rc_invite_none"}), [404; 6], 404),
        ("DELETE", "/v1/sessions", Value::Null, [204, 403, 204, 204, 204, 204], 401),
        ("DELETE", "/v1/sessions?userId=ada", Value::Null, [204, 403, 204, 403, 403, 403], 401),
        ("POST", "/v1/login", json!({}), [403; 6], 401),
        ("GET", "/v1/login/device/BBBB-BBBB", Value::Null, [403; 6], 401),
        ("POST", "/v1/login/device/BBBB-BBBB", json!({"allow": true}), [403; 6], 401),
        ("POST", "/v1/login/device", Value::Null, [200; 6], 200),
        ("POST", "/v1/login/token", Value::Null, [400; 6], 400),
        ("DELETE", "/v1/sessions/none", Value::Null, [404, 403, 404, 404, 404, 404], 401),
        ("GET", activity, Value::Null, [200, 403, 200, 200, 403, 403], 401),
        ("GET", free, Value::Null, [200, 403, 403, 403, 403, 403], 401),
        ("GET", gone, Value::Null, [404, 403, 404, 403, 403, 403], 401),
        ("GET", unknown, Value::Null, [404, 403, 403, 403, 403, 403], 401),
        ("GET", "/v1/projects?organizationId=acme", Value::Null, [200, 403, 200, 200, 200, 403], 401),
        ("GET", "/v1/projects?organizationId=nobody", Value::Null, [404, 403, 403, 403, 403, 403], 401),
        ("GET", "/v1/calendar?timezone=Europe/Paris", Value::Null, [200, 403, 200, 200, 200, 200], 401),
        ("GET", "/v1/calendar?timezone=Mars", Value::Null, [400, 403, 400, 400, 400, 400], 401),
        ("GET", "/v1/calendar/zones", Value::Null, [200, 403, 200, 200, 200, 200], 401),
        ("GET", by_team, Value::Null, [200, 403, 200, 200, 403, 403], 401),
        ("PUT", "/v1/directory", team("acme"), [200, 403, 200, 403, 403, 403], 401),
        ("PUT", "/v1/directory", team("gone"), [200, 403, 403, 403, 403, 403], 401),
        ("POST", "/v1/directory/preview?organizationId=acme", team("acme"), [200, 403, 200, 403, 403, 403], 401),
        ("POST", "/v1/directory/preview?organizationId=gone", team("gone"), [404, 403, 404, 403, 403, 403], 401),
        (
            "POST",
            "/v1/directory/assignments/read?organizationId=acme",
            Value::Null,
            [400, 403, 400, 403, 403, 403],
            401,
        ),
        (
            "POST",
            "/v1/directory/assignments/read?organizationId=gone",
            Value::Null,
            [404, 403, 403, 403, 403, 403],
            401,
        ),
        ("GET", "/analytics/members?organizationId=acme", Value::Null, [200, 403, 200, 200, 403, 403], 401),
        ("GET", "/analytics/members?organizationId=small", Value::Null, [200, 403, 403, 403, 403, 403], 401),
        ("GET", "/analytics/members/ada?organizationId=acme", Value::Null, [200, 403, 200, 200, 403, 403], 401),
        ("GET", "/analytics/members/out?organizationId=acme", Value::Null, [404, 403, 404, 404, 403, 403], 401),
        ("GET", "/analytics/members/ada?organizationId=small", Value::Null, [200, 403, 403, 403, 403, 403], 401),
        ("GET", "/analytics/keys?organizationId=acme", Value::Null, [200, 403, 200, 200, 200, 403], 401),
        ("GET", "/analytics/keys?organizationId=small", Value::Null, [200, 403, 200, 403, 403, 403], 401),
        ("GET", "/analytics/keys/k1?organizationId=acme", Value::Null, [200, 403, 200, 200, 403, 403], 401),
        ("GET", "/analytics/keys/k3?organizationId=acme", Value::Null, [200, 403, 200, 200, 200, 403], 401),
        ("GET", "/analytics/keys/none?organizationId=acme", Value::Null, [404, 403, 404, 404, 403, 403], 401),
        ("GET", "/analytics/keys/s1?organizationId=small", Value::Null, [200, 403, 200, 403, 403, 403], 401),
        ("GET", "/analytics/me?organizationId=acme", Value::Null, [403, 403, 200, 200, 200, 403], 401),
        ("GET", "/analytics/me?organizationId=small", Value::Null, [403, 403, 200, 403, 403, 403], 401),
        ("GET", "/analytics/me?organizationId=acme&projectId=web", Value::Null, [403, 403, 200, 200, 200, 403], 401),
        ("GET", "/analytics/me?organizationId=acme&projectId=api", Value::Null, [403, 403, 200, 200, 403, 403], 401),
        ("GET", "/analytics/me?organizationId=acme&projectId=none", Value::Null, [403, 403, 403, 403, 403, 403], 401),
        ("GET", "/analytics/me?organizationId=small&projectId=shop", Value::Null, [403, 403, 200, 403, 403, 403], 401),
        (
            "POST",
            "/v1/invoices?organizationId=acme&provider=openai",
            invoice.clone(),
            [200, 403, 403, 403, 403, 403],
            401,
        ),
        (
            "POST",
            "/v1/invoices?organizationId=gone&provider=openai",
            invoice.clone(),
            [404, 403, 403, 403, 403, 403],
            401,
        ),
        ("POST", "/v1/invoices?organizationId=nobody&provider=openai", invoice, [404, 403, 403, 403, 403, 403], 401),
        ("GET", reconciliation, Value::Null, [200, 403, 200, 200, 403, 403], 401),
        (
            "GET",
            "/analytics/reconciliation?organizationId=small&provider=openai",
            Value::Null,
            [200, 403, 403, 403, 403, 403],
            401,
        ),
        (
            "GET",
            "/analytics/reconciliation?organizationId=nobody&provider=openai",
            Value::Null,
            [404, 403, 403, 403, 403, 403],
            401,
        ),
        (
            "GET",
            "/analytics/what-if?organizationId=acme&onModel=gpt-4o-mini",
            Value::Null,
            [200, 403, 200, 200, 403, 403],
            401,
        ),
        (
            "GET",
            "/analytics/what-if?organizationId=small&onModel=gpt-4o-mini",
            Value::Null,
            [200, 403, 403, 403, 403, 403],
            401,
        ),
        ("GET", "/analytics/change?organizationId=acme", Value::Null, [200, 403, 200, 200, 403, 403], 401),
        ("GET", "/analytics/change?organizationId=small", Value::Null, [200, 403, 403, 403, 403, 403], 401),
        (
            "GET",
            "/analytics/statement?organizationId=acme&month=2026-06",
            Value::Null,
            [200, 403, 200, 200, 403, 403],
            401,
        ),
        (
            "GET",
            "/analytics/statement?organizationId=small&month=2026-06",
            Value::Null,
            [200, 403, 403, 403, 403, 403],
            401,
        ),
        (
            "POST",
            "/v1/closings",
            json!({"organizationId": "acme", "month": "2037-01"}),
            [400, 403, 400, 400, 403, 403],
            401,
        ),
        (
            "POST",
            "/v1/closings",
            json!({"organizationId": "nobody", "month": "2037-01"}),
            [404, 403, 403, 403, 403, 403],
            401,
        ),
        ("GET", "/v1/closings", Value::Null, [200, 403, 200, 200, 403, 403], 401),
        ("GET", "/v1/closings?organizationId=acme", Value::Null, [200, 403, 200, 200, 403, 403], 401),
        ("GET", "/v1/closings?organizationId=small", Value::Null, [200, 403, 200, 403, 403, 403], 401),
        ("GET", "/v1/closings/none", Value::Null, [404, 403, 404, 404, 403, 403], 401),
        ("DELETE", "/v1/closings/none", Value::Null, [404, 403, 404, 404, 403, 403], 401),
        ("GET", "/analytics/explain?organizationId=acme", Value::Null, [200, 403, 200, 200, 403, 403], 401),
        ("GET", "/analytics/explain?organizationId=small", Value::Null, [200, 403, 403, 403, 403, 403], 401),
        ("GET", "/analytics/cache-saving?organizationId=acme", Value::Null, [200, 403, 200, 200, 403, 403], 401),
        ("GET", "/analytics/cache-saving?organizationId=small", Value::Null, [200, 403, 403, 403, 403, 403], 401),
        ("GET", "/analytics/export?organizationId=acme", Value::Null, [200, 403, 200, 200, 403, 403], 401),
        ("GET", "/analytics/export?organizationId=small", Value::Null, [200, 403, 403, 403, 403, 403], 401),
        ("POST", "/v1/compact", Value::Null, [200, 403, 403, 403, 403, 403], 401),
        ("POST", "/v1/reread", Value::Null, [200, 403, 403, 403, 403, 403], 401),
        ("GET", "/v1/backups", Value::Null, [200, 403, 403, 403, 403, 403], 401),
        ("GET", "/v1/backup", Value::Null, [200, 403, 403, 403, 403, 403], 401),
        ("POST", "/v1/verify", Value::Null, [200, 403, 403, 403, 403, 403], 401),
        ("POST", "/v1/cluster/audit", Value::Null, [409, 403, 403, 403, 403, 403], 401),
        ("POST", "/v1/cluster/ship-all", Value::Null, [409, 403, 403, 403, 403, 403], 401),
        ("GET", "/v1/audit", Value::Null, [200, 403, 403, 403, 403, 403], 401),
        ("GET", "/v1/audit?organizationId=acme", Value::Null, [200, 403, 200, 403, 403, 403], 401),
        ("GET", "/v1/audit?organizationId=nobody", Value::Null, [200, 403, 403, 403, 403, 403], 401),
        ("GET", "/v1/intake", Value::Null, [200, 403, 403, 403, 403, 403], 401),
        ("GET", "/v1/intake?organizationId=acme", Value::Null, [200, 403, 200, 403, 403, 403], 401),
        ("GET", "/v1/intake?organizationId=nobody", Value::Null, [404, 403, 403, 403, 403, 403], 401),
        ("POST", "/v1/reprice", json!({"from": "2026-06-01", "to": "2026-06-30"}), [200, 403, 403, 403, 403, 403], 401),
        ("GET", "/v1/repricings?organizationId=acme", Value::Null, [200, 403, 200, 403, 403, 403], 401),
        ("GET", "/v1/settings", Value::Null, [200; 6], 200),
        ("GET", "/v1/settings/logo", Value::Null, [404; 6], 404),
        ("GET", "/healthz", Value::Null, [200; 6], 200),
        ("GET", "/readyz", Value::Null, [200; 6], 200),
        ("GET", "/metrics", Value::Null, [200; 6], 200),
        ("GET", "/metrics/usage", Value::Null, [404, 403, 404, 404, 403, 403], 401),
        ("GET", "/openapi.json", Value::Null, [200; 6], 200),
    ];
    let document: Value = server.get("/openapi.json", "").json();
    for (row, (method, path, body, expected, without)) in table.iter().enumerate() {
        let described = operation(&document, method, path.split('?').next().unwrap());
        // Each from somewhere else: so many wrong tokens from one place would be too many.
        let source = format!("203.0.113.{row}");
        let ask = |headers: &[(&str, &str)]| -> Answer {
            let body = if body.is_null() { String::new() } else { body.to_string() };
            let common = [("content-type", "application/json"), ("x-forwarded-for", &*source)];
            server.send(method, path, &[headers, &common].concat(), body.as_bytes())
        };
        for ((who, token), expected) in callers.iter().zip(expected) {
            let answer = ask(&[("authorization", &bearer(token))]);
            assert_eq!(answer.status, *expected, "{method} {path} as {who}: {}", answer.text);
            assert!(
                described["responses"][expected.to_string()].is_object(),
                "{method} {path}: {expected} is described"
            );
            if *expected >= 400 {
                answer.is_problem(*expected, "");
            }
        }
        assert_eq!(ask(&[]).status, *without, "{method} {path} without a token");
        // One of kind scim opens nothing of all this.
        let is_public = *without != 401 || (*method, *path) == ("POST", "/v1/session");
        let closed = if is_public && (*method, *path) != ("GET", "/v1/session") { *without } else { 403 };
        assert_eq!(ask(&[("authorization", &bearer(&scim))]).status, closed, "{method} {path} as scim");
        if *without == 401 {
            for wrong in ["Bearer nonsense", "Basic abc", "Bearer", ""] {
                assert_eq!(ask(&[("authorization", wrong)]).status, 401, "{method} {path} with '{wrong}'");
            }
        }
    }
    for (path, methods) in document["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys() {
            let is_this = |p: &str| is_at(path, p.split('?').next().unwrap());
            let tried = table.iter().any(|(m, p, ..)| m.eq_ignore_ascii_case(method) && is_this(p));
            assert!(tried, "{method} {path} is asked as every role");
        }
    }
}

/// Whether a path is one of a described path, whose parts in braces are anything.
fn is_at(described: &str, path: &str) -> bool {
    let (described, path): (Vec<&str>, Vec<&str>) = (described.split('/').collect(), path.split('/').collect());
    described.len() == path.len() && described.iter().zip(&path).all(|(a, b)| a == b || a.starts_with('{'))
}

/// How a method of a path is described; the path itself goes before one with braces.
fn operation<'d>(document: &'d Value, method: &str, path: &str) -> &'d Value {
    let paths = document["paths"].as_object().unwrap();
    let described = paths.get(path).or_else(|| paths.iter().find(|(at, _)| is_at(at, path)).map(|(_, of)| of));
    &described.unwrap()[method.to_lowercase()]
}

/// What somebody would have believed: that a token is used by whoever it was made for, for as long as it was meant, and
/// that a secret that lies around tells whose it is.
#[test]
fn a_token_says_who_made_it_when_it_was_used_and_when_it_ends() {
    let server = with_directory();
    let made = server.post("/v1/tokens", OPERATOR, &json!({"kind": "operator", "label": "second"})).ok().json();
    assert_eq!(made["warning"], Value::Null);
    let second = made["token"].as_str().unwrap();
    let far = json!({"kind": "user", "userId": "ada", "label": "laptop", "expiresAt": "2999-01-31T00:00:00+01:00"});
    let made = server.post("/v1/tokens", second, &far).ok().json();
    let (id, secret) = (made["id"].as_str().unwrap(), made["token"].as_str().unwrap());
    let token = || server.get(&format!("/v1/tokens/{id}"), OPERATOR).ok().json();
    assert_eq!(token()["expiresAt"], "2999-01-30T23:00:00Z");
    assert_eq!(token()["lastUsedAt"], Value::Null, "nobody has used it");
    let maker = server.post("/v1/tokens/find", OPERATOR, &json!({"token": second})).ok().json();
    assert_eq!((&token()["madeBy"], &maker["label"]), (&maker["id"], &json!("second")));
    assert_eq!(server.get("/v1/tokens/operator", OPERATOR).ok().json()["madeBy"], "server");

    // Asked again until what nobody waited for is written.
    server.get("/v1/me", secret).ok();
    while token()["lastUsedAt"].is_null() {
        server.get("/v1/me", secret).ok();
    }
    let used = token()["lastUsedAt"].clone();
    server.get("/v1/me", secret).ok();
    assert_eq!(token()["lastUsedAt"], used, "once an hour is enough");

    let found = server.post("/v1/tokens/find", OPERATOR, &json!({"token": format!(" {secret}\n")})).ok().json();
    assert_eq!(found, token(), "with blanks around it, as it is pasted");
    server.post("/v1/tokens/find", OPERATOR, &json!({"token": "lost"})).is_problem(404, "no token has that secret");
    assert!(!server.log.lock().unwrap().contains(secret));
    for (given, words) in [
        ("2020-01-01T00:00:00Z", "expiresAt is '2020-01-01T00:00:00Z'; it must be after now"),
        ("tomorrow", "expiresAt is 'tomorrow'; write RFC 3339"),
    ] {
        let body = json!({"kind": "user", "userId": "ada", "expiresAt": given});
        server.post("/v1/tokens", OPERATOR, &body).is_problem(400, words);
    }
    for (body, words) in [
        (json!({"kind": "user", "userId": "adaa"}), "there is no user 'adaa' yet"),
        (json!({"kind": "ingest", "organizationId": "acmee"}), "there is no organization 'acmee' yet"),
    ] {
        let warning = server.post("/v1/tokens", OPERATOR, &body).ok().json()["warning"].clone();
        assert!(warning.as_str().unwrap().contains(words), "{warning}");
    }
}

/// Zones whose rules changed lately, one without rules, and those that are furthest ahead and behind.
#[test]
fn the_calendar_says_the_day_that_answers_end_on() {
    let server = with_directory();
    let known = server.get("/v1/calendar/zones", OPERATOR).ok().json();
    for zone in [
        "UTC",
        "America/Vancouver",
        "America/Edmonton",
        "America/Winnipeg",
        "America/Havana",
        "Africa/Casablanca",
        "Pacific/Kiritimati",
        "Pacific/Pago_Pago",
        "Asia/Calcutta",
    ] {
        let day = |at: &str| server.activity(OPERATOR, &format!("timezone={zone}{at}"));
        // Asked before and after: the day may turn in between.
        let (before, calendar, after) = (
            day("")["to"].clone(),
            server.get(&format!("/v1/calendar?timezone={zone}"), OPERATOR).ok().json(),
            day("")["to"].clone(),
        );
        let text = |field: &str| calendar[field].as_str().unwrap().to_owned();
        let today = text("today");
        assert!(before == today || after == today, "{zone}: {before}, {today}, {after}");
        assert_eq!(text("timezone"), zone);
        assert_eq!(text("now")[..10], today, "{zone}");
        assert!(text("nextDayAt")[..10] > *today, "{zone}");
        let hours = day(&format!("&from={today}&to={today}&granularity=hour"));
        let last = hours["activity"].as_array().unwrap().last().unwrap()["date"].as_str().unwrap().to_owned();
        assert!(last[..10] == *today && last < text("nextDayAt"), "{zone}: {last} is the last hour of {today}");
        let offset = &text("now")[19..];
        let entry = known["zones"].as_array().unwrap().iter().find(|one| one["timezone"] == zone);
        assert_eq!(entry.unwrap()["offset"], offset, "{zone}");
        assert!(calendar["offsets"].as_array().unwrap().iter().any(|one| one["offset"] == offset), "{zone}");
        assert_eq!(calendar["zoneDatabase"], known["zoneDatabase"]);
    }
}

#[test]
fn an_ingest_token_sends_for_its_organization_only() {
    let server = Server::start();
    let token = server.token(&json!({"kind": "ingest", "organizationId": "acme", "projectId": "p0", "apiKeyId": "k0"}));
    let mut bare = event("a", "2026-06-01T10:00:00Z", &json!({}));
    for field in ["organizationId", "projectId", "apiKeyId"] {
        bare.as_object_mut().unwrap().remove(field);
    }
    let foreign = event("b", "2026-06-01T10:00:00Z", &json!({"organizationId": "other"}));
    let answer = server.send_events(&token, &json!([bare, foreign]));
    assert_eq!(answer["accepted"], 1);
    assert!(answer["rejected"][0]["error"].as_str().unwrap().contains("the token is for 'acme' only"));
    assert_eq!(server.activity(OPERATOR, &format!("{DAY}&groupBy=apiKey"))["ranking"][0]["key"], "k0");
    assert_eq!(server.get("/v1/directory?organizationId=other", OPERATOR).status, 404, "nothing of it was made");
}

#[test]
fn organizations_with_the_same_ids_never_meet() {
    let server = Server::start();
    let other = json!({"organizationId": "other", "cost": 7});
    let batch =
        json!([event("same", "2026-06-01T10:00:00Z", &json!({})), event("same", "2026-06-01T10:00:00Z", &other)]);
    assert_eq!(server.send_events(OPERATOR, &batch)["accepted"], 2, "ids are unique within an organization");
    assert_eq!(server.activity(OPERATOR, DAY)["totals"]["cost"], 0.25);
}

#[test]
fn labels_marks_and_attribution_come_from_the_directory_as_it_is_now() {
    let server = Server::start();
    let at = "2026-06-01T10:00:00Z";
    server.send_events(
        OPERATOR,
        &json!([
            event("1", at, &json!({"cost": 3})),
            event("2", at, &json!({"apiKeyId": "k2", "cost": 2})),
            event("3", at, &json!({"apiKeyId": "k3", "projectId": "api", "cost": 1})),
        ]),
    );
    // The directory arrives late; it attributes the past as well.
    server.put("/v1/directory", OPERATOR, &json!({
        "projects": [{"id": "web", "organizationId": "acme", "name": "Website", "status": "deleted"}],
        "users": [{"id": "ada", "name": "Ada"}, {"id": "ben", "email": "ben@acme.example"}],
        "members": [{"organizationId": "acme", "userId": "ada", "role": "owner"}, {"organizationId": "acme", "userId": "ben", "role": "admin"}],
        "apiKeys": [{"id": "k1", "projectId": "web", "createdBy": "ada"}, {"id": "k2", "projectId": "web", "createdBy": "ben", "status": "deleted"}],
        "models": [{"id": "gpt-4o", "name": "GPT-4o"}],
    })).ok();
    server.delete("/v1/organizations/acme/members/ben", OPERATOR).ok();
    let by = |group: &str| {
        let answer = server.activity(OPERATOR, &format!("{DAY}&groupBy={group}"));
        let day = &answer["activity"][0];
        let sum: f64 = day["breakdown"].as_array().unwrap().iter().map(|e| e["cost"].as_f64().unwrap()).sum();
        assert_eq!(sum, 6.0, "the parts add up by {group}");
        day["breakdown"]
            .as_array()
            .unwrap()
            .iter()
            .map(|e| {
                let mark = |name: &str| e[name] == true;
                (
                    e["key"].as_str().unwrap_or("null").to_owned(),
                    e["label"].as_str().unwrap().to_owned(),
                    mark("deleted"),
                    mark("former"),
                )
            })
            .collect::<Vec<_>>()
    };
    let row = |key: &str, label: &str, deleted, former| (key.to_owned(), label.to_owned(), deleted, former);
    assert_eq!(by("project"), [row("web", "Website", true, false), row("api", "api", false, false)]);
    assert_eq!(
        by("apiKey"),
        [row("k1", "k1", false, false), row("k2", "k2", true, false), row("k3", "k3", false, false)]
    );
    assert_eq!(
        by("user"),
        [
            row("ada", "Ada", false, false),
            row("ben", "ben@acme.example", false, true),
            row("null", "Unattributed", false, false)
        ]
    );
    assert_eq!(by("model"), [row("gpt-4o", "GPT-4o", false, false)]);
    // A key that changes hands keeps its creator, and whoever says otherwise is told.
    server
        .put("/v1/directory", OPERATOR, &json!({"apiKeys": [{"id": "k1", "projectId": "web", "createdBy": "ben"}]}))
        .is_problem(400, "API key 'k1' was created by 'ada', which stays so; createdBy is 'ben'");
    assert_eq!(by("user")[0], row("ada", "Ada", false, false));
}

#[test]
fn every_local_day_has_a_row_and_takes_its_own_events() {
    let server = Server::start();
    // 18:30Z is midnight in Kolkata, 18:15Z in Kathmandu, 22:00Z in Berlin.
    let batch: Vec<Value> = ["18:14:59.999", "18:15:00", "18:29:59.999", "18:30:00", "21:59:59.999", "22:00:00"]
        .iter()
        .map(|time| event(time, &format!("2026-05-31T{time}Z"), &json!({})))
        .collect();
    server.send_events(OPERATOR, &json!(batch));
    for (zone, expected) in
        [("UTC", [6, 0]), ("Europe/Berlin", [5, 1]), ("Asia/Kolkata", [3, 3]), ("Asia/Kathmandu", [1, 5])]
    {
        let answer = server.activity(OPERATOR, &format!("from=2026-05-30&to=2026-06-02&timezone={zone}"));
        let rows: Vec<(String, u64)> = answer["activity"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| (row["date"].as_str().unwrap().to_owned(), row["requestCount"].as_u64().unwrap()))
            .collect();
        let day = |date: &str, count| (date.to_owned(), count);
        assert_eq!(
            rows,
            [
                day("2026-05-30", 0),
                day("2026-05-31", expected[0]),
                day("2026-06-01", expected[1]),
                day("2026-06-02", 0)
            ],
            "{zone}"
        );
    }
}

#[test]
fn costs_are_written_exactly() {
    let server = Server::start();
    let costs = ["0.1", "0.2", "1e-12", "0.30000000000000004", "9999999.999999999999"];
    let batch: Vec<Value> =
        costs.iter().map(|cost| event(cost, "2026-06-01T10:00:00Z", &json!({"cost": cost}))).collect();
    server.send_events(OPERATOR, &json!(batch));
    let text = server.get(&format!("/analytics/activity?organizationId=acme&{DAY}"), OPERATOR).ok().text;
    assert_eq!(number_text(&text, "cost"), "10000000.6");
    server.send_events(OPERATOR, &event("last", "2026-06-01T10:00:00Z", &json!({"cost": "0.000000000001"})));
    let text = server.get(&format!("/analytics/activity?organizationId=acme&{DAY}"), OPERATOR).ok().text;
    assert_eq!(number_text(&text, "cost"), "10000000.600000000001");
}

#[test]
fn an_answer_is_repeated_only_when_it_could_have_changed() {
    let server = Server::start();
    server.send_events(OPERATOR, &event("a", "2026-06-01T10:00:00Z", &json!({})));
    let june = "/analytics/activity?organizationId=acme&from=2026-06-01&to=2026-06-30";
    let etag = server.get(june, OPERATOR).ok().header("etag").to_owned();
    let again = |path: &str, etag: &str| {
        server.send("GET", path, &[("authorization", &bearer(OPERATOR)), ("if-none-match", etag)], b"").status
    };
    assert_eq!(again(june, &etag), 304);
    server.send_events(OPERATOR, &event("b", "2026-07-01T10:00:00Z", &json!({})));
    assert_eq!(again(june, &etag), 304, "an event in July does not spoil June");
    server.post("/v1/session", "", &json!({"token": OPERATOR})).ok();
    assert_eq!(again(june, &etag), 304, "who signs in spoils nothing");
    assert_eq!(again(&format!("{june}&groupBy=project"), &etag), 200, "another question is another answer");
    server.send_events(OPERATOR, &event("c", "2026-06-30T23:59:59Z", &json!({})));
    assert_eq!(again(june, &etag), 200);
    let etag = server.get(june, OPERATOR).ok().header("etag").to_owned();
    server
        .put("/v1/directory", OPERATOR, &json!({"projects": [{"id": "web", "organizationId": "acme", "name": "New"}]}))
        .ok();
    assert_eq!(again(june, &etag), 200, "labels are part of the answer");
}

#[test]
fn every_answer_about_usage_is_repeated_only_when_it_could_have_changed() {
    let server = Server::start();
    server.send_events(OPERATOR, &event("a", "2026-06-01T10:00:00Z", &json!({"usedModel": "openai/gpt-4o"})));
    let june = "organizationId=acme&from=2026-06-01&to=2026-06-30";
    let statement = "statement?organizationId=acme&month=2026-06";
    let again = |path: &str, etag: &str| {
        server.send("GET", path, &[("authorization", &bearer(OPERATOR)), ("if-none-match", etag)], b"").status
    };
    for question in [
        format!("members?{june}"),
        format!("keys?{june}"),
        format!("change?{june}"),
        format!("cache-saving?{june}"),
        format!("what-if?{june}&onModel=openai/gpt-4o-mini"),
        format!("explain?{june}"),
        statement.to_owned(),
        format!("{statement}&format=html"),
        format!("{statement}&format=zip"),
    ] {
        let path = format!("/analytics/{question}");
        let etag = server.get(&path, OPERATOR).ok().header("etag").to_owned();
        assert_eq!(again(&path, &etag), 304, "{question}");
        let more = event(&question, "2026-06-02T10:00:00Z", &json!({"usedModel": "openai/gpt-4o"}));
        server.send_events(OPERATOR, &more);
        assert_eq!(again(&path, &etag), 200, "{question}");
    }
    let path = format!("/analytics/explain?{june}");
    let etag = server.get(&path, OPERATOR).ok().header("etag").to_owned();
    server.send_events(OPERATOR, &event("a", "2026-06-01T10:00:00Z", &json!({"usedModel": "openai/gpt-4o"})));
    assert_eq!(again(&path, &etag), 200, "it tells of what came twice");
}

#[test]
fn lists_are_tables_too_and_repeated_only_when_they_changed() {
    let server = Server::start();
    server.send_events(OPERATOR, &event("a", "2026-06-01T10:00:00Z", &json!({"cost": "0.100000000001"})));
    let budget = json!({"id": "=all", "organizationId": "acme", "scope": {"kind": "organization"}, "window": "total",
        "limit": {"cost": "7.000000000001"}, "percent": [50, 80]});
    server.put("/v1/budgets", OPERATOR, &json!({"budgets": [budget]})).ok();
    server.post("/v1/closings", OPERATOR, &json!({"organizationId": "acme", "month": "2026-05"})).ok();
    for (list, first) in [
        ("tokens", "id,kind,label,"),
        ("sessions", "id,userId,userName,"),
        ("projects", "id,name,status"),
        ("budgets", "id,organizationId,scope.kind,"),
        ("policies", "id,organizationId,projectId,"),
        ("alerts", "id,organizationId,kind,"),
        ("closings", "id,organizationId,month,"),
        ("links", "id,organizationId,question,"),
        ("organizations/acme/views", "id,name,path,"),
        ("providers", "id,attributes"),
        ("backups", "name,bytes,writtenAt,"),
        ("intake", "date,organizationId,sender,"),
        ("decisions/counts", "rule,id,projectId,"),
        ("decisions/log", "at,lastAt,times,"),
    ] {
        let whose = match list {
            "sessions" | "organizations/acme/views" | "providers" | "backups" => "",
            _ => "organizationId=acme&",
        };
        let path = format!("/v1/{list}?{whose}format=csv");
        let table = server.get(&path, OPERATOR).ok();
        assert_eq!(table.header("content-type"), "text/csv; charset=utf-8", "{list}");
        assert!(table.text.starts_with(first), "{list}: {}", table.text);
        let headers = [("authorization", &*bearer(OPERATOR)), ("if-none-match", table.header("etag"))];
        assert_eq!(server.send("GET", &path, &headers, b"").status, 304, "{list}");
        assert_ne!(server.get(&path.replace("csv", "json"), OPERATOR).ok().header("etag"), table.header("etag"));
    }
    let budgets = server.get("/v1/budgets?organizationId=acme&format=csv", OPERATOR).ok().text;
    let row = "'=all,acme,organization,,7.000000000001,,,total,UTC,block,50 80,,,active,0.100000000001,0,6.9,";
    assert_eq!(budgets.lines().nth(1).unwrap(), row);
    server.get("/v1/links?organizationId=nobody", OPERATOR).is_problem(404, "there is no organization 'nobody'");
}

/// Answers are kept for a moment; each must go to its own question and asker only.
#[test]
fn an_answer_that_is_kept_is_nobody_elses() {
    let server = with_directory();
    let batch: Vec<Value> = ["k1", "k2", "k3"]
        .iter()
        .map(|key| event(key, "2026-06-01T10:00:00Z", &json!({"apiKeyId": key, "projectId": "web"})))
        .collect();
    server.send_events(OPERATOR, &json!(batch));
    let [ada, dev] = ["ada", "dev"].map(|user| {
        let token = json!({"kind": "user", "userId": user, "label": user});
        server.post("/v1/tokens", OPERATOR, &token).ok().json()["token"].as_str().expect("a secret").to_owned()
    });
    let ask = |path: &str, token: &str| {
        let answers = [0; 2].map(|_| server.get(&format!("{path}?organizationId=acme&{DAY}"), token).ok().text);
        assert_eq!(answers[0], answers[1], "{path}");
        answers[0].clone()
    };
    for (path, id) in [("members/ada", "ada"), ("members/ben", "ben"), ("keys/k1", "k1"), ("keys/k2", "k2")] {
        let answer: Value = serde_json::from_str(&ask(&format!("/analytics/{path}"), OPERATOR)).expect("JSON");
        let found = if path.starts_with("members") { &answer["member"]["userId"] } else { &answer["apiKey"]["id"] };
        assert_eq!(found, id);
    }
    assert_eq!(ask("/analytics/keys", &ada), ask("/analytics/keys", OPERATOR));
    assert_ne!(ask("/analytics/keys", &ada), ask("/analytics/keys", &dev), "developers see their own keys");
    server.send_events(OPERATOR, &event("more", "2026-06-01T11:00:00Z", &json!({"apiKeyId": "k3"})));
    let keys: Value = serde_json::from_str(&ask("/analytics/keys", &dev)).expect("JSON");
    assert_eq!(keys["totals"]["requestCount"], 2, "{keys}");
}

#[test]
fn answers_are_compressed_when_asked() {
    let server = Server::start();
    for encoding in ["gzip", "br", "zstd"] {
        let headers = [("authorization", &*bearer(OPERATOR)), ("accept-encoding", encoding)];
        server.send_events(OPERATOR, &event(encoding, "2026-06-01T10:00:00Z", &json!({})));
        let answer = server.send("GET", "/analytics/activity?organizationId=acme", &headers, b"");
        assert_eq!((answer.status, answer.header("content-encoding")), (200, encoding));
    }
}

#[test]
fn a_session_is_a_cookie_that_ends_with_its_token() {
    let server = with_directory();
    let created = server.post("/v1/tokens", OPERATOR, &json!({"kind": "user", "userId": "ada"})).ok().json();
    let sign_in = || server.post("/v1/session", "", &json!({"token": created["token"]})).ok();
    let signed_in = sign_in();
    assert_eq!(
        signed_in.json()["organizations"][0],
        json!({"id": "acme", "name": "Acme", "plan": "enterprise", "role": "owner", "timezone": "Europe/Berlin"})
    );
    let cookie = signed_in.header("set-cookie");
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax") && cookie.contains("Path=/"), "{cookie}");
    let cookie = cookie.split(';').next().unwrap().to_owned();
    let with_cookie = |method: &str, path: &str, csrf: bool| {
        let mut headers = vec![("cookie", &*cookie)];
        headers.extend(csrf.then_some(("x-rollcall-request", "1")));
        server.send(method, path, &headers, b"")
    };
    assert_eq!(with_cookie("GET", "/v1/me", false).ok().json()["user"]["name"], "Ada");
    assert_eq!(with_cookie("GET", "/analytics/activity?organizationId=acme", false).status, 200);
    assert_eq!(with_cookie("GET", "/v1/session", false).ok().json()["user"]["name"], "Ada");
    with_cookie("DELETE", "/v1/session", false).is_problem(403, "x-rollcall-request");
    with_cookie("DELETE", "/v1/session", true).ok();
    with_cookie("GET", "/v1/me", false).is_problem(401, "unknown, revoked or expired");
    assert_eq!(with_cookie("GET", "/v1/session", false).ok().json(), Value::Null);
    server.get("/v1/session", "wrong").is_problem(401, "unknown or revoked");
    let cookie = sign_in().header("set-cookie").split(';').next().unwrap().to_owned();
    server.delete(&format!("/v1/tokens/{}", created["id"].as_str().unwrap()), OPERATOR).ok();
    assert_eq!(
        server.send("GET", "/v1/me", &[("cookie", &cookie)], b"").status,
        401,
        "revoking the token ends its sessions"
    );
}

#[test]
fn tokens_are_listed_without_secrets_and_stored_without_them() {
    let server = with_directory();
    let secret = server.token(&json!({"kind": "ingest", "organizationId": "acme", "label": "litellm"}));
    let listed = server.get("/v1/tokens", OPERATOR).ok();
    assert!(listed.text.contains("litellm") && !listed.text.contains(&secret));
    server.post("/v1/tokens", OPERATOR, &json!({"kind": "ingest"})).is_problem(400, "organizationId is missing");
    server.post("/v1/tokens", OPERATOR, &json!({"kind": "user"})).is_problem(400, "userId is missing");
    server.post("/v1/tokens", OPERATOR, &json!({"kind": "root"})).is_problem(400, "unknown variant `root`");
    let stored = std::fs::read(server.data_dir.join("rollcall.redb")).unwrap();
    for secret in [secret.as_bytes(), OPERATOR.as_bytes()] {
        assert!(!stored.windows(secret.len()).any(|w| w == secret), "a secret is in the store");
    }
}

#[test]
fn the_directory_is_given_back_as_it_was_put() {
    let server = with_directory();
    let exported = server.get("/v1/directory?organizationId=acme", OPERATOR).ok().json();
    assert_eq!(exported["organizations"][0]["timezone"], "Europe/Berlin");
    assert_eq!(
        exported["apiKeys"][0],
        json!({"id": "k1", "organizationId": "acme", "projectId": "web", "description": "Web key", "createdBy": "ada", "status": "active"})
    );
    let second = Server::start();
    second.put("/v1/directory", OPERATOR, &exported).ok();
    assert_eq!(second.get("/v1/directory?organizationId=acme", OPERATOR).ok().json(), exported);

    let put = |body: Value| server.put("/v1/directory", OPERATOR, &body);
    put(json!({"organizations": [{"id": "x", "timezone": "Mars/Base"}]})).is_problem(400, "timezone 'Mars/Base'");
    put(json!({"organizations": [{"id": "x", "plan": "gold"}]})).is_problem(400, "unknown variant `gold`");
    put(json!({"users": [{"id": ""}]})).is_problem(400, "users[].id is empty");
    put(json!({"apiKeys": [{"id": "k9", "projectId": "nowhere"}]}))
        .is_problem(400, "0 organizations have a project 'nowhere'");
    put(json!({"projects": [{"id": "web", "organizationId": "small"}]})).ok();
    put(json!({"apiKeys": [{"id": "k9", "projectId": "web"}]})).is_problem(400, "2 organizations have a project 'web'");
    // All of an update is taken, or nothing.
    put(json!({"users": [{"id": "new"}], "apiKeys": [{"id": "k9", "projectId": "nowhere"}]}))
        .is_problem(400, "nowhere");
    assert!(!server.get("/v1/directory", OPERATOR).ok().text.contains("\"new\""));
}

#[test]
fn a_view_is_shared_with_everybody_who_reads_the_organization() {
    let store = tempfile::tempdir().unwrap();
    let mut server = Server::start_in(store.path());
    put_directory(&server);
    let [owner, developer] = ["ada", "dev"].map(|user| server.user_token(user));
    let views = "/v1/organizations/acme/views";
    let view = |name: &str, page: &str| json!({"name": name, "path": format!("/organizations/acme/{page}")});
    let made: Value = server.post(views, &developer, &view("June", "keys?range=2026-06")).ok().json();
    assert_eq!((&made["name"], &made["createdBy"], &made["mayChange"]), (&json!("June"), &json!("dev"), &json!(true)));
    // Another reader has it, after a restart as well, and may change it where they run the organization.
    let list = |server: &Server, token: &str| server.get(views, token).ok().json()["views"].clone();
    assert_eq!(list(&server, &owner), json!([made]));
    let one = format!("{views}/{}", made["id"].as_str().unwrap());
    server.put(&one, &owner, &view("June by key", "keys?range=2026-06")).ok();
    let other: Value = server.post(views, &owner, &view("Members", "members")).ok().json();
    server.terminate();
    let server = Server::start_in(store.path());
    let names = |token: &str| -> Vec<(String, bool)> {
        let views = list(&server, token);
        let fact = |view: &Value| (view["name"].as_str().unwrap().to_owned(), view["mayChange"] == true);
        views.as_array().unwrap().iter().map(fact).collect()
    };
    assert_eq!(names(&developer), [("June by key".into(), true), ("Members".into(), false)]);
    assert_eq!(names(OPERATOR), [("June by key".into(), true), ("Members".into(), true)]);
    // What cannot be one, what there is already, and what is somebody else's.
    let elsewhere = json!({"name": "Elsewhere", "path": "//evil.example/organizations/acme"});
    server.post(views, &owner, &elsewhere).is_problem(400, "//evil.example");
    server.post(views, &owner, &view(&"x".repeat(81), "keys")).is_problem(400, "81 characters");
    server.post(views, &developer, &view("Members", "keys")).is_problem(409, "'Members'");
    let others = format!("{views}/{}", other["id"].as_str().unwrap());
    server.delete(&others, &developer).is_problem(403, "'Members'");
    server.delete(&others, &owner).ok();
    server.delete(&others, &owner).is_problem(404, "view_");
    // Each change says who made it.
    let audit: Value = server.get("/v1/audit?organizationId=acme", OPERATOR).json();
    let entries = audit["entries"].as_array().unwrap().iter().filter(|entry| entry["detail"] == "view 'Members'");
    let done = entries.map(|entry| json!([entry["action"], entry["userId"], entry["result"] == "ok"]));
    let expected = json!([["view-remove", "ada", true], ["view-create", "dev", false], ["view-create", "ada", true]]);
    assert_eq!(json!(done.collect::<Vec<_>>()), expected);
    // A list that nobody can find anything in is no list.
    for number in 1..200 {
        server.post(views, &owner, &view(&format!("view {number}"), "keys")).ok();
    }
    server.post(views, &owner, &view("one more", "keys")).is_problem(409, "200 views");
}

#[test]
fn my_usage_is_all_of_it_unless_a_project_is_named() {
    let server = with_directory();
    let of = |id: &str, project: &str| {
        event(id, "2026-06-01T10:00:00Z", &json!({"projectId": project, "apiKeyId": format!("mine-{project}")}))
    };
    let keys = ["web", "api"].map(|project| {
        json!({"id": format!("mine-{project}"), "organizationId": "acme", "projectId": project, "createdBy": "dev"})
    });
    server.put("/v1/directory", OPERATOR, &json!({"apiKeys": keys})).ok();
    server.send_events(OPERATOR, &json!([of("a", "web"), of("b", "api")]));
    let developer = server.user_token("dev");
    let cost = |query: &str| {
        let mine: Value =
            server.get(&format!("/analytics/me?organizationId=acme&{DAY}{query}"), &developer).ok().json();
        mine["summary"]["cost"].as_f64().unwrap()
    };
    assert_eq!((cost("&projectId=web"), cost("")), (0.25, 0.5));
    // What is listed as theirs adds up to it, even where they have no access to the project any more.
    let keys: Value = server.get(&format!("/analytics/keys?organizationId=acme&{DAY}"), &developer).ok().json();
    assert_eq!(keys["totals"]["cost"].as_f64().unwrap(), 0.5);
}

#[test]
fn a_call_without_a_price_is_never_a_call_for_nothing() {
    let server = with_directory();
    let of = |id: &str, more: Value| event(id, "2026-06-01T10:00:00Z", &more);
    let unknown = |id: &str| {
        of(id, json!({"usedModel": "mine/in-house", "usedProvider": "mine", "cost": null, "apiKeyId": "k2"}))
    };
    server.send_events(
        OPERATOR,
        &json!([of("a", json!({})), unknown("b"), unknown("c"), of("d", json!({"cost": 0, "usedModel": "mine/free"}))]),
    );
    for sealed in [false, true] {
        if sealed {
            server.post("/v1/compact", OPERATOR, &Value::Null).ok();
        }
        for group_by in ["model", "project", "apiKey", "user", "provider", "source", "costSource", "model,project"] {
            let path = format!("/analytics/activity?organizationId=acme&{DAY}&groupBy={group_by}");
            let answer: Value = server.get(&path, OPERATOR).ok().json();
            let unpriced = |entries: &Value| -> u64 {
                let of = |entry: &Value| entry.get("unpricedRequestCount").map_or(0, |count| count.as_u64().unwrap());
                entries.as_array().unwrap().iter().map(of).sum()
            };
            assert_eq!(unpriced(&answer["ranking"]), 2, "{path}");
            assert_eq!(unpriced(&answer["activity"][0]["breakdown"]), 2, "{path}");
            assert_eq!(answer["totals"]["unpricedRequestCount"], 2, "{path}");
        }
        let csv = server.get(&format!("/analytics/activity?organizationId=acme&{DAY}&format=csv"), OPERATOR).ok().text;
        let line = |model: &str| csv.lines().find(|line| line.contains(&format!(",{model},"))).unwrap().to_owned();
        assert!(line("in-house").contains(",0,2,240,2,0,0,0,2,acme,"), "{csv}");
        assert!(line("free").contains(",0,1,120,1,0,0,0,0,acme,"), "{csv}");
    }
    let keys: Value = server.get(&format!("/analytics/keys?organizationId=acme&{DAY}"), OPERATOR).ok().json();
    let of_key = |id: &str| keys["keys"].as_array().unwrap().iter().find(|key| key["id"] == id).unwrap().clone();
    assert_eq!(of_key("k2")["unpricedRequestCount"], 2);
    assert!(of_key("k1").get("unpricedRequestCount").is_none());
}

#[test]
fn a_thing_is_known_by_one_number_in_every_answer() {
    let server = with_directory();
    let of = |id: &str, day: u32, model: &str| {
        event(id, &format!("2026-06-{day:02}T10:00:00Z"), &json!({"usedModel": model, "usedProvider": "p"}))
    };
    server.send_events(OPERATOR, &json!([of("a", 1, "small"), of("b", 2, "large"), of("c", 2, "large")]));
    let ordinal = |path: &str, list: &str, model: &str| -> Value {
        let answer: Value = server.get(path, OPERATOR).ok().json();
        let entries = answer.pointer(list).unwrap_or_else(|| panic!("{list}: {answer}")).as_array().unwrap().clone();
        let named = |entry: &&Value| entry["key"] == model || entry["id"] == model;
        entries.iter().find(named).map_or(Value::Null, |entry| entry["ordinal"].clone())
    };
    let activity = "/analytics/activity?organizationId=acme";
    for (path, list) in [
        (format!("{activity}&from=2026-06-01&to=2026-06-02"), "/ranking"),
        (format!("{activity}&from=2026-06-02&to=2026-06-02&top=1"), "/ranking"),
        (format!("{activity}&from=2026-06-02&to=2026-06-02&rankBy=requestCount"), "/ranking"),
        (format!("{activity}&from=2026-06-03&to=2026-06-03&compare=previous"), "/previous/ranking"),
        ("/analytics/members/ada?organizationId=acme&from=2026-06-02&to=2026-06-02".into(), "/topModels"),
        (
            "/analytics/members/ada?organizationId=acme&from=2026-06-02&to=2026-06-02".into(),
            "/activity/0/modelBreakdown",
        ),
        ("/analytics/keys/k1?organizationId=acme&from=2026-06-02&to=2026-06-02".into(), "/costByModel"),
    ] {
        assert_eq!(ordinal(&path, list, "large"), 2, "{path}");
    }
    assert_eq!(ordinal(&format!("{activity}&from=2026-06-01&to=2026-06-01"), "/ranking", "small"), 1);
}

#[test]
fn a_file_that_was_saved_says_whose_figures_it_has() {
    let server = with_directory();
    for (path, name) in [
        ("/analytics/activity?groupBy=project&", "acme-cost-by-project-2026-06-Europe-Paris.csv"),
        (
            "/analytics/activity?groupBy=project,model&rankBy=totalTokens&",
            "acme-tokens-by-project-and-model-2026-06-Europe-Paris.csv",
        ),
        ("/analytics/members?", "acme-members-2026-06-Europe-Paris.csv"),
        ("/analytics/members/ada?", "acme-member-ada-2026-06-Europe-Paris.csv"),
        ("/analytics/keys/k1?", "acme-key-k1-2026-06-Europe-Paris.csv"),
        ("/analytics/export?", "acme-rollups-2026-06-Europe-Paris.csv"),
        ("/v1/intake?", "acme-intake-2026-06-Europe-Paris.csv"),
    ] {
        let path = format!("{path}organizationId=acme&from=2026-06-01&to=2026-06-30&timezone=Europe/Paris&format=csv");
        let path = if name.contains("intake") { path.replace("&timezone=Europe/Paris", "") } else { path };
        let name = if name.contains("intake") { name.replace("Europe-Paris", "UTC") } else { name.to_owned() };
        let answer = server.get(&path, OPERATOR).ok();
        assert_eq!(answer.header("content-disposition"), format!("attachment; filename=\"{name}\""), "{path}");
    }
}

#[test]
fn answers_have_the_documented_shape() {
    let server = with_directory();
    server.send_events(OPERATOR, &event("a", "2026-06-01T10:00:00Z", &json!({})));
    for path in ["members", "members/ada", "keys", "keys/k1"] {
        let text = server.get(&format!("/analytics/{path}?organizationId=acme&{DAY}"), OPERATOR).ok().text;
        let read = match path {
            "members" => serde_json::from_str::<rollcall::http::wire::Members>(&text).map(drop),
            "members/ada" => serde_json::from_str::<rollcall::http::wire::MemberAnswer>(&text).map(drop),
            "keys" => serde_json::from_str::<rollcall::http::wire::Keys>(&text).map(drop),
            _ => serde_json::from_str::<rollcall::http::wire::KeyAnswer>(&text).map(drop),
        };
        read.unwrap_or_else(|e| panic!("{path}: {e}: {text}"));
        let csv = server.get(&format!("/analytics/{path}?organizationId=acme&{DAY}&format=csv"), OPERATOR).ok().text;
        let header = csv.lines().next().unwrap();
        assert!(header.ends_with(
            "cost,requestCount,totalTokens,creditsRequestCount,apiKeysRequestCount,creditsCost,apiKeysCost,\
             unpricedRequestCount,organizationId,timezone,from,to"
        ));
        assert!(csv.lines().count() > 1, "{csv}");
    }
    let mine = format!("/analytics/me?organizationId=acme&projectId=web&{DAY}");
    let mine = server.get(&mine, &server.user_token("ada")).ok().text;
    let mine: rollcall::http::wire::MyUsage = serde_json::from_str(&mine).unwrap_or_else(|e| panic!("{e}: {mine}"));
    assert_eq!((mine.summary.request_count, mine.activity.len()), (1, 1));
    for query in [
        "",
        "&groupBy=project,model",
        "&groupBy=none",
        "&compare=previous&top=1&rankBy=totalTokens",
        "&granularity=hour",
    ] {
        let text = server.get(&format!("/analytics/activity?organizationId=acme&{DAY}{query}"), OPERATOR).ok().text;
        let activity: rollcall::http::wire::Activity =
            serde_json::from_str(&text).unwrap_or_else(|e| panic!("{query}: {e}: {text}"));
        assert_eq!(activity.totals.request_count, 1, "{query}");
        assert_eq!(activity.ranking.len(), 1, "{query}");
    }
    let csv =
        server.get(&format!("/analytics/activity?organizationId=acme&{DAY}&groupBy=project&format=csv"), OPERATOR).ok();
    assert_eq!(
        csv.text,
        "date,key,label,deleted,former,zoneDatabase,cost,requestCount,totalTokens,creditsRequestCount,apiKeysRequestCount,creditsCost,apiKeysCost,unpricedRequestCount,organizationId,timezone,from,to\r\n\
         2026-06-01,web,Website,false,false,2026f,0.25,1,120,1,0,0.25,0,0,acme,UTC,2026-06-01,2026-06-01\r\n"
    );
}

#[test]
fn a_signal_ends_the_server_after_its_work() {
    let mut server = Server::start();
    server.send_events(OPERATOR, &event("a", "2026-06-01T10:00:00Z", &json!({})));
    assert!(server.data_dir.join("server.url").exists());
    assert_eq!(server.terminate(), Some(0));
    assert!(!server.data_dir.join("server.url").exists());
}

#[test]
fn members_and_keys_add_up_to_the_organization() {
    let server = with_directory();
    let at = "2026-06-01T10:00:00Z";
    server.send_events(
        OPERATOR,
        &json!([
            event("1", at, &json!({"cost": "1.000000000001"})),
            event("2", at, &json!({"apiKeyId": "k2", "cost": 5, "hasError": true, "usedMode": "api-keys"})),
            event("3", at, &json!({"apiKeyId": "k3", "cost": 2, "finishReason": "client_error", "source": "bot"})),
            event("4", at, &json!({"apiKeyId": "nobodys", "cost": "0.5", "usedModel": "google/gemini-2.5-pro"})),
            event("5", "2026-06-02T10:00:00Z", &json!({"cost": 100})),
        ]),
    );
    server.delete("/v1/organizations/acme/members/ben", OPERATOR).ok();
    let ask = |path: &str| server.get(&format!("/analytics/{path}?organizationId=acme&{DAY}"), OPERATOR).ok();
    let members = ask("members").json();
    let row = |m: &Value| {
        json!([
            m["userId"],
            m["name"],
            m["role"],
            m["status"],
            m["apiKeyCount"],
            m["errorCount"],
            m["clientErrorCount"],
            m["cost"]
        ])
    };
    let rows: Vec<Value> = members["members"].as_array().unwrap().iter().map(row).collect();
    assert_eq!(
        rows,
        [
            json!(["ben", null, "admin", "former", 1, 1, 0, 5]),
            json!(["dev", null, "developer", "active", 1, 0, 1, 2]),
            json!(["ada", "Ada", "owner", "active", 1, 0, 0, 1.000000000001]),
            json!([null, "Unattributed", null, "unattributed", 1, 0, 0, 0.5]),
        ]
    );
    let totals = &ask("activity").json()["totals"];
    for field in ["cost", "requestCount", "totalTokens", "apiKeysCost", "errorCount", "clientErrorCount"] {
        assert_eq!(members["totals"][field], totals[field], "{field}");
        assert_eq!(ask("keys").json()["totals"][field], totals[field], "{field}");
    }
    assert_eq!(number_text(&ask("members").text, "cost"), "8.500000000001");

    let activity = |more: &str| {
        server.get(&format!("/analytics/activity?organizationId=acme&{DAY}&groupBy=apiKey{more}"), OPERATOR)
    };
    let failed = activity("&errors=true").ok().json();
    let errors = |of: &Value| json!([of["key"], of["errorCount"], of["clientErrorCount"]]);
    let each = [json!(["k2", 1, 0]), json!(["k3", 0, 1]), json!(["k1", 0, 0]), json!(["nobodys", 0, 0])];
    assert_eq!(errors(&failed["activity"][0]), json!([null, 1, 1]));
    for list in [&failed["activity"][0]["breakdown"], &failed["ranking"]] {
        assert_eq!(list.as_array().unwrap().iter().map(errors).collect::<Vec<_>>(), each);
    }
    assert_eq!(activity("&errors=false").ok().text, activity("").ok().text);
    assert!(activity("").ok().json()["activity"][0].get("errorCount").is_none());
    activity("&errors=yes").is_problem(400, "errors is 'yes'; allowed: true, false");

    let dev = ask("members/dev").json();
    assert_eq!(dev["summary"]["cost"], 2);
    assert_eq!(dev["topApps"][0]["key"], "bot");
    assert_eq!(dev["topModels"][0]["label"], "GPT-4o");
    assert_eq!(dev["activity"][0]["modelBreakdown"][0]["inputTokens"], 100);
    assert_eq!(errors(&dev["activity"][0]), json!([null, 0, 1]));
    let key = ask("keys/k2").json();
    assert_eq!((&key["summary"]["errorRate"], &key["activity"][0]["errorRate"]), (&json!(1.0), &json!(1.0)));
    assert_eq!(key["apiKey"]["createdBy"], "ben");
    let own = server.get(&format!("/analytics/keys?organizationId=acme&{DAY}"), &server.user_token("dev")).ok().json();
    assert_eq!(own["keys"].as_array().unwrap().iter().map(|k| &k["id"]).collect::<Vec<_>>(), ["k3"]);
    let mine = server.get(&format!("/analytics/me?organizationId=acme&{DAY}"), &server.user_token("dev")).ok().json();
    assert_eq!(errors(&mine["activity"][0]), json!([null, 0, 1]));
    assert_eq!(own["totals"]["cost"], 2);
    // A filter narrows the table too.
    let filtered =
        server.get(&format!("/analytics/members?organizationId=acme&{DAY}&model=gemini-2.5-pro"), OPERATOR).ok().json();
    assert_eq!(filtered["totals"]["cost"], 0.5);
}

#[test]
fn access_is_never_widened_by_what_an_update_leaves_out() {
    let server = with_directory();
    let me = |project: &str| {
        server.get(&format!("/analytics/me?organizationId=acme&projectId={project}"), &server.user_token("dev")).status
    };
    assert_eq!((me("web"), me("api")), (200, 403));
    let put = |member: Value| server.put("/v1/directory", OPERATOR, &json!({"members": [member]})).ok();
    put(json!({"organizationId": "acme", "userId": "dev", "role": "developer"}));
    assert_eq!((me("web"), me("api")), (200, 403), "absent leaves the restriction");
    server.delete("/v1/organizations/acme/members/dev", OPERATOR).ok();
    put(json!({"organizationId": "acme", "userId": "dev", "role": "developer"}));
    assert_eq!((me("web"), me("api")), (200, 403), "whoever comes back sees what they saw");
    put(json!({"organizationId": "acme", "userId": "dev", "role": "developer", "projectIds": null}));
    assert_eq!((me("web"), me("api")), (200, 200), "null lifts it");
}

#[test]
fn one_small_body_cannot_fill_the_memory() {
    let server = Server::start();
    let body = format!("[{}1]", "1,".repeat(500_000));
    let headers = [("authorization", &*bearer(OPERATOR)), ("content-type", "application/json")];
    server.send("POST", "/v1/events", &headers, body.as_bytes()).is_problem(413, "more than 500000 events");
    server
        .post("/v1/tokens", OPERATOR, &json!({"kind": "operator", "label": "x".repeat(600)}))
        .is_problem(400, "at most 512");
    server.delete("/v1/tokens/%FF", OPERATOR).is_problem(400, "");
}

#[test]
fn sessions_end_when_the_operators_token_changes() {
    let directory = tempfile::tempdir().unwrap();
    let mut server = Server::start_in(directory.path());
    let cookie = server
        .post("/v1/session", "", &json!({"token": OPERATOR}))
        .ok()
        .header("set-cookie")
        .split(';')
        .next()
        .unwrap()
        .to_owned();
    assert_eq!(server.send("GET", "/v1/me", &[("cookie", &cookie)], b"").status, 200);
    server.kill();
    let mut server = Server::start_in(directory.path());
    assert_eq!(
        server.send("GET", "/v1/me", &[("cookie", &cookie)], b"").status,
        200,
        "a restart keeps people signed in"
    );
    server.kill();
    let server = Server::start_with(directory.path(), "another-operator-token");
    assert_eq!(server.send("GET", "/v1/me", &[("cookie", &cookie)], b"").status, 401);
}

/// What somebody would have believed: that a day's prices are those of its date, wherever it begins.
#[test]
fn a_day_has_the_prices_of_its_date_in_zones_east_of_utc_as_well() {
    let directory = tempfile::tempdir().unwrap();
    let prices = directory.path().join("prices.json");
    let of = |from: &str, to: &str, input: &str, cached: &str| json!({"model": "own", "provider": "vllm", "from": from, "to": to, "inputPerMillion": input, "cachedInputPerMillion": cached});
    let mut short = of("2026-07-10", "2026-07-20", "3", "3");
    short["model"] = "short".into();
    let list =
        json!({"prices": [of("2026-01-01", "2026-06-30", "1", "1"), of("2026-07-01", "2026-12-31", "10", "1"), short]});
    std::fs::write(&prices, list.to_string()).unwrap();
    let settings = [("ROLLCALL_PRICES", prices.to_str().unwrap())];
    let server = Server::start_set(directory.path(), OPERATOR, &settings);
    let call = |id: &str, day: &str, cached: u64| {
        let tokens = json!({"usedModel": "vllm/own", "promptTokens": 1_000_000, "completionTokens": 0, "cachedTokens": cached, "cost": null});
        event(id, &format!("{day}T10:00:00Z"), &tokens)
    };
    let calls = [call("a", "2026-06-15", 0), call("b", "2026-07-01", 500_000), call("c", "2026-07-15", 500_000)];
    server.send_events(OPERATOR, &json!(calls));
    for zone in ["UTC", "Europe/Paris", "Asia/Kolkata", "Pacific/Auckland", "America/New_York"] {
        let ask = |route: &str, days: &str| {
            let of = format!("organizationId=acme&decimals=string&timezone={zone}");
            server.get(&format!("/analytics/{route}&{of}&{days}"), OPERATOR).ok().json()
        };
        let (day, july) = ("from=2026-07-01&to=2026-07-01", "from=2026-07-01&to=2026-07-31");
        let same = ask("what-if?onModel=own&onProvider=vllm", day);
        assert_eq!(
            (&same["totals"]["estimate"], &same["totals"]["difference"]),
            (&json!("5.5"), &json!("0")),
            "{zone}"
        );
        let some = ask("what-if?onModel=short&onProvider=vllm", july);
        assert_eq!(
            (&some["totals"]["estimate"], &some["totals"]["notComparedRequestCount"]),
            (&json!("3"), &json!(1)),
            "{zone}"
        );
        assert_eq!(ask("cache-saving?groupBy=none", day)["totals"]["cacheSaving"], "4.5", "{zone}");
        for days in [day, july, "from=2026-06-01&to=2026-07-31"] {
            let parts = ask("explain?groupBy=none", days)["parts"].clone();
            let cached = if days == day { "0.5" } else { "1" };
            let kinds: Vec<&str> =
                parts.as_array().unwrap().iter().map(|part| text(&part["costByKind"]["cached"])).collect();
            assert_eq!(kinds, [cached], "{zone} {days}");
        }
        let change = ask("change?compare=previousMonth&groupBy=model", july);
        let parts = change["parts"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|part| ["price", "cache"].contains(&text(&part["cause"])));
        let found: Vec<&str> = parts.map(|part| text(&part["cost"])).collect();
        assert_eq!(found, ["10.4625", "-3.7125"], "{zone}");
    }
}

/// What somebody would have believed: that the other model's price is that of today, and that what has no price was
/// cheap.
#[test]
fn what_usage_would_have_cost_elsewhere_is_of_the_tokens_as_they_were_and_says_what_it_leaves_out() {
    let server = with_directory();
    let million =
        json!({"usedModel": "openai/gpt-4o", "promptTokens": 1_000_000, "completionTokens": 100_000, "cost": null});
    let told = json!({"usedModel": "openai/gpt-4o", "promptTokens": 2_000_000, "completionTokens": 0, "cost": "7.5"});
    let unpriced = json!({"usedModel": "openai/nobody-knows-it", "promptTokens": 5_000_000, "cost": null});
    server.send_events(
        OPERATOR,
        &json!([
            event("a", "2026-06-01T10:00:00Z", &million),
            event("b", "2026-06-02T10:00:00Z", &told),
            event("c", "2026-06-02T10:00:00Z", &unpriced),
        ]),
    );
    let ask = |query: &str| {
        let days = "organizationId=acme&from=2026-06-01&to=2026-06-02&decimals=string";
        server.get(&format!("/analytics/what-if?{days}&{query}"), OPERATOR)
    };
    // gpt-4o-mini: 0.15 USD for a million of input, 0.60 USD of output.
    let answer = ask("onModel=gpt-4o-mini").ok().json();
    let totals = &answer["totals"];
    assert_eq!(totals["requestCount"], 3);
    assert_eq!(totals["notComparedRequestCount"], 1, "what has no price is no saving");
    assert_eq!(totals["cost"], "11", "2.50 and 1 of the first, 7.5 as it was told");
    assert_eq!(totals["comparedCost"], "11");
    assert_eq!(totals["estimate"], "0.51");
    assert_eq!(totals["difference"], "-10.49");
    assert_eq!(answer["models"][0]["label"], "GPT-4o");
    assert_eq!(answer["models"][1]["key"], "nobody-knows-it");
    assert_eq!((&answer["onModel"], &answer["onProvider"]), (&json!("gpt-4o-mini"), &json!("unknown")));
    // What somebody would have believed: that under a filter it is still of everything.
    let of = |filter: &str| {
        let totals = ask(&format!("onModel=gpt-4o-mini&{filter}")).ok().json()["totals"].clone();
        (text(&totals["cost"]).to_owned(), text(&totals["estimate"]).to_owned())
    };
    let expected = |cost: &str, estimate: &str| (cost.to_owned(), estimate.to_owned());
    assert_eq!(of("costSource=priced"), expected("3.5", "0.21"));
    assert_eq!(of("costSource=reported&mode=credits"), expected("7.5", "0.3"));
    assert_eq!(of("model=gpt-4o&provider=openai&projectId=web&apiKeyId=k1"), expected("11", "0.51"));
    assert_eq!(of("model=nobody-knows-it"), expected("0", "0"));
    assert_eq!(of("userId=nobody"), expected("0", "0"));
    assert_eq!(of("source=nowhere"), expected("0", "0"));
    let same = ask("onModel=openai/gpt-4o").ok().json();
    assert_eq!(same["totals"]["estimate"], "8.5", "at its own price, whatever was told");
    ask("onModel=nobody-knows-it")
        .is_problem(400, "no price is known for onModel 'nobody-knows-it' of provider 'unknown'");
    ask("").is_problem(400, "the parameter onModel is missing");
    let csv = ask("onModel=gpt-4o-mini&format=csv").ok().text;
    assert!(csv.starts_with("key,label,zoneDatabase,requestCount,totalTokens,cost,comparedCost,estimate,difference,"));
    assert!(csv.contains("gpt-4o,GPT-4o,"), "{csv}");
}

/// What somebody would have believed: that a cache saved what its tokens cost, or what the dearest model would have, and
/// that what has no price saved nothing.
#[test]
fn what_a_cache_saved_is_by_the_price_of_the_model_and_day_and_says_what_it_leaves_out() {
    let server = with_directory();
    let call = |id: &str, at: &str, key: &str, model: &str, cached: u64| {
        let tokens = json!({
            "usedModel": model, "apiKeyId": key, "promptTokens": 2_000_000, "cachedTokens": cached, "cost": null
        });
        event(id, at, &tokens)
    };
    server.send_events(
        OPERATOR,
        &json!([
            call("a", "2026-06-01T10:00:00Z", "k1", "openai/gpt-4o-mini", 1_000_000),
            call("b", "2026-06-01T11:00:00Z", "k2", "anthropic/claude-sonnet-4-5", 1_000_000),
            call("c", "2026-06-02T10:00:00Z", "k1", "anthropic/claude-sonnet-4-5", 1_000_001),
            call("d", "2026-06-02T10:00:00Z", "k1", "openai/nobody-knows-it", 500),
            call("e", "2026-06-02T10:00:00Z", "k1", "openai/gpt-4o", 0),
        ]),
    );
    let ask = |query: &str| {
        let days = "organizationId=acme&from=2026-06-01&to=2026-06-02&decimals=string";
        server.get(&format!("/analytics/cache-saving?{days}&{query}"), OPERATOR)
    };
    let sums = |of: &Value| {
        let tokens = |name: &str| of[name].as_u64().unwrap();
        (tokens("cachedTokens"), text(&of["cacheSaving"]).to_owned(), tokens("unpricedCachedTokens"))
    };
    // A million cached tokens of gpt-4o-mini cost 0.075 USD instead of 0.15, of claude-sonnet-4-5 0.30 instead of 3.
    let all = (3_000_501, "5.4750027".to_owned(), 500);
    let answer = ask("").ok().json();
    assert_eq!(sums(&answer["totals"]), all);
    let models: Vec<_> = entries(&answer["entries"]).iter().map(|one| (text(&one["key"]), sums(one))).collect();
    assert_eq!(
        models,
        [
            ("claude-sonnet-4-5", (2_000_001, "5.4000027".to_owned(), 0)),
            ("gpt-4o-mini", (1_000_000, "0.075".to_owned(), 0)),
            ("nobody-knows-it", (500, "0".to_owned(), 500)),
        ],
        "a model without cached tokens is no entry"
    );
    for by in ["none", "model", "project", "apiKey", "user", "provider", "source", "costSource"] {
        assert_eq!(sums(&ask(&format!("groupBy={by}")).ok().json()["totals"]), all, "{by}");
    }
    let keys = ask("groupBy=apiKey").ok().json();
    assert_eq!(sums(&keys["entries"][0]), (2_000_501, "2.7750027".to_owned(), 500));
    assert_eq!(sums(&ask("apiKeyId=k2").ok().json()["totals"]), (1_000_000, "2.7".to_owned(), 0));
    ask("groupBy=model,user").is_problem(400, "groupBy is 'model,user'; here it is one thing or none");
    let csv = ask("groupBy=apiKey&format=csv").ok().text;
    assert!(csv.starts_with("key,label,zoneDatabase,cachedTokens,cacheSaving,unpricedCachedTokens,"), "{csv}");
}

/// What somebody would have believed: that whoever runs an organization has to ask the operator for each change in it.
#[test]
fn owners_run_their_organization() {
    let server = with_directory();
    let owner = server.user_token("ada");
    let of_ours = "/v1/directory?organizationId=acme";
    let put = |entries: Value| server.put("/v1/directory", &owner, &entries);
    let changes = json!({
        "organizations": [{"id": "acme", "name": "Acme AG", "timezone": "Europe/Vienna", "retentionDays": 400, "plan": "enterprise"}],
        "projects": [
            {"id": "new", "organizationId": "acme", "name": "New"},
            {"id": "api", "organizationId": "acme", "status": "deleted"},
        ],
        "users": [{"id": "eve", "name": "Eve", "email": "eve@acme.example"}, {"id": "ben", "name": "Ben"}],
        "members": [
            {"organizationId": "acme", "userId": "eve", "role": "developer", "projectIds": ["new"]},
            {"organizationId": "acme", "userId": "ben", "role": "owner"},
            {"organizationId": "acme", "userId": "dev", "role": "developer", "status": "former"},
        ],
        "apiKeys": [
            {"id": "k9", "organizationId": "acme", "projectId": "new", "description": "Nine", "createdBy": "eve"},
            {"id": "k1", "organizationId": "acme", "projectId": "web", "status": "deleted"},
        ],
    });
    put(changes).ok();
    let directory = server.get(of_ours, &owner).ok().json();
    assert_eq!(directory["models"], json!([]), "names of models are everybody's");
    let with_models = server.get(of_ours, OPERATOR).ok().json();
    for part in ["organizations", "projects", "users", "members", "apiKeys"] {
        assert_eq!(directory[part], with_models[part], "{part}");
    }
    let found = |part: &str, id: &str| {
        let is_it = |one: &&Value| [&one["id"], &one["userId"]].contains(&&json!(id));
        entries(&directory[part]).iter().find(is_it).cloned().unwrap_or_default()
    };
    let organization = found("organizations", "acme");
    assert_eq!((&organization["name"], &organization["retentionDays"]), (&json!("Acme AG"), &json!(400)));
    assert_eq!(found("members", "ben")["role"], "owner");
    assert_eq!(found("members", "dev")["status"], "former");
    assert_eq!(found("apiKeys", "k9")["createdBy"], "eve");
    assert_eq!(found("projects", "api")["status"], "deleted");

    // A link for one of theirs, which they see among those of their organization, and revoke.
    let link = json!({"kind": "user", "organizationId": "acme", "userId": "eve", "label": "Eve's laptop"});
    let made = server.post("/v1/tokens", &owner, &link).ok().json();
    let eve = text(&made["token"]);
    assert_eq!(server.get("/v1/projects?organizationId=acme", eve).ok().json()["projects"][0]["id"], "new");
    let ingest = json!({"kind": "ingest", "organizationId": "acme", "label": "gateway"});
    let gateway = server.post("/v1/tokens", &owner, &ingest).ok().json();
    server.send_events(text(&gateway["token"]), &event("z", "2026-06-01T10:00:00Z", &json!({})));
    let listed = server.get("/v1/tokens?organizationId=acme", &owner).ok().json();
    let labels: Vec<&str> = entries(&listed["tokens"]).iter().map(|token| text(&token["label"])).collect();
    assert_eq!(labels.len(), 2, "{labels:?}");
    let path = format!("/v1/tokens/{}", text(&made["id"]));
    assert_eq!(server.get(&path, &owner).ok().json()["userId"], "eve");
    server.delete(&path, &owner).ok();
    assert_eq!(server.get("/v1/me", eve).status, 401);

    // All of it is in the log that they read, under who did it.
    let log = server.get("/v1/audit?organizationId=acme", &owner).ok().json();
    let told: Vec<(&str, &str)> =
        entries(&log["entries"]).iter().map(|entry| (text(&entry["action"]), text(&entry["actorName"]))).collect();
    for action in ["directory-change", "token-create", "token-revoke"] {
        assert!(told.contains(&(action, "Ada")), "{action}: {told:?}");
    }
    let detail: String = entries(&log["entries"]).iter().map(|entry| text(&entry["detail"])).collect();
    assert!(detail.contains("ben (role admin → owner)"), "{detail}");
    assert!(detail.contains("ben (name none → 'Ben')"), "what is told of a person is in the log as well: {detail}");
}

/// What somebody would have believed: that an owner who says another organization's name, or an operator's words, gets
/// further than their own organization.
#[test]
fn owners_reach_no_further_than_their_organization() {
    let server = with_directory();
    server
        .put(
            "/v1/directory",
            OPERATOR,
            &json!({
                "organizations": [{"id": "other", "name": "Other"}],
                "users": [{"id": "far", "name": "Far", "email": "far@other.example"}, {"id": "both", "name": "Both"}],
                "members": [
                    {"organizationId": "other", "userId": "far", "role": "owner"},
                    {"organizationId": "other", "userId": "both", "role": "developer"},
                    {"organizationId": "acme", "userId": "both", "role": "developer"},
                ],
            }),
        )
        .ok();
    let owner = server.user_token("ada");
    let before = server.get("/v1/directory", OPERATOR).ok().json();
    let member = |organization: &str, user: &str, role: &str| json!({"members": [{"organizationId": organization, "userId": user, "role": role}]});
    let check = |entries: Value, words: &str| {
        server.put("/v1/directory", &owner, &entries).is_problem(403, words);
        assert_eq!(server.get("/v1/directory", OPERATOR).ok().json(), before, "what is refused changes nothing");
    };
    check(member("other", "ada", "owner"), "organization 'other' is not yours");
    check(member("new", "ada", "owner"), "organization 'new' is not yours");
    check(json!({"projects": [{"id": "x", "organizationId": "gone"}]}), "organization 'gone' is not yours");
    let both = [member("acme", "dev", "admin"), member("small", "dev", "admin")];
    let both: Vec<&Value> = both.iter().map(|one| &one["members"][0]).collect();
    check(json!({"members": both}), "more than one organization is named");
    check(json!({"apiKeys": [{"id": "k9", "projectId": "web"}]}), "no organization is named");
    check(
        json!({"projects": [{"id": "web", "organizationId": "acme"}], "apiKeys": [{"id": "k9", "projectId": "shop"}]}),
        "an API key has no organizationId",
    );
    check(
        json!({"projects": [{"id": "web", "organizationId": "acme"}], "models": [{"id": "gpt-4o", "name": "Mine"}]}),
        "names of models are the same for all",
    );
    check(json!({"organizations": [{"id": "acme", "plan": "free"}]}), "the plan and the status");
    check(json!({"organizations": [{"id": "small", "plan": "enterprise"}]}), "the plan and the status");
    check(json!({"organizations": [{"id": "acme", "status": "deleted"}]}), "the plan and the status");
    // Whoever is only known elsewhere would bring their name and address along.
    check(member("acme", "far", "developer"), "there is a user 'far' who has not been in this organization");
    let key = json!({"apiKeys": [{"id": "k9", "organizationId": "acme", "projectId": "web", "createdBy": "far"}]});
    check(key, "there is a user 'far' who has not been in this organization");
    let named = |user: &str, name: &str| json!({"users": [{"id": user, "name": name}], "projects": [{"id": "web", "organizationId": "acme"}]});
    check(json!({"users": [{"id": "dev", "name": "Dev"}]}), "no organization is named");
    check(named("far", "Mine"), "user 'far' is not of this organization alone");
    check(named("both", "Mine"), "user 'both' is not of this organization alone");
    server.put("/v1/directory", &owner, &named("both", "Both")).ok();

    // What a link opens is one organization, whoever makes somebody a member of another later.
    let token = |body: Value| server.post("/v1/tokens", &owner, &body);
    let only = "only the operator may do this";
    token(json!({"kind": "operator"})).is_problem(403, only);
    token(json!({"kind": "operator", "organizationId": "acme"})).is_problem(403, only);
    token(json!({"kind": "user", "userId": "both"})).is_problem(403, only);
    token(json!({"kind": "user", "userId": "far", "organizationId": "other"})).is_problem(403, only);
    token(json!({"kind": "ingest", "organizationId": "other"})).is_problem(403, only);
    token(json!({"kind": "user", "userId": "far", "organizationId": "acme"}))
        .is_problem(404, "there is no member 'far'");
    let link = token(json!({"kind": "user", "userId": "both", "organizationId": "acme"})).ok().json();
    let link = text(&link["token"]);
    let me = server.get("/v1/me", link).ok().json();
    let opened: Vec<&str> = entries(&me["organizations"]).iter().map(|one| text(&one["id"])).collect();
    assert_eq!(opened, ["acme"]);
    let projects = |organization: &str| server.get(&format!("/v1/projects?organizationId={organization}"), link);
    projects("acme").ok();
    projects("other").is_problem(403, "you are not a member of organization 'other'");
    server.get("/analytics/keys?organizationId=other", link).is_problem(403, "not a member");
    server.put("/v1/directory", OPERATOR, &member("other", "both", "owner")).ok();
    projects("other").is_problem(403, "you are not a member of organization 'other'");
    server.get("/v1/directory?organizationId=other", link).is_problem(403, "");
    server.get("/v1/audit?organizationId=other", link).is_problem(403, "");
    server.put("/v1/directory", link, &member("other", "both", "owner")).is_problem(403, only);
    server.get("/v1/organizations/other/views", link).is_problem(403, "");

    // Tokens of others are as if there were none.
    let theirs = server.post("/v1/tokens", OPERATOR, &json!({"kind": "ingest", "organizationId": "other"})).ok().json();
    let everywhere = server.post("/v1/tokens", OPERATOR, &json!({"kind": "user", "userId": "dev"})).ok().json();
    for id in [text(&theirs["id"]), text(&everywhere["id"]), "operator", "tok_none"] {
        server.get(&format!("/v1/tokens/{id}"), &owner).is_problem(403, only);
        server.delete(&format!("/v1/tokens/{id}"), &owner).is_problem(403, only);
    }
}

/// What somebody would have believed: that an organization can be left with nobody who runs it, by its owners.
#[test]
fn the_last_owner_stays_until_there_is_another() {
    let server = with_directory();
    let owner = server.user_token("ada");
    let role = |user: &str, role: &str, status: &str| {
        let member = json!({"organizationId": "acme", "userId": user, "role": role, "status": status});
        server.put("/v1/directory", &owner, &json!({"members": [member]}))
    };
    let end = |user: &str, token: &str| server.delete(&format!("/v1/organizations/acme/members/{user}"), token);
    let left = "that leaves organization 'acme' without an owner";
    role("ada", "admin", "active").is_problem(409, left);
    role("ada", "owner", "former").is_problem(409, left);
    end("ada", &owner).is_problem(409, left);
    let log = server.get("/v1/audit?organizationId=acme", &owner).ok().json();
    assert!(text(&log["entries"][0]["result"]).starts_with(left), "what was refused is in the log: {log}");
    role("ben", "owner", "active").ok();
    role("ada", "admin", "active").ok();
    role("ada", "owner", "active").is_problem(403, "organization 'acme' is not yours");
    end("ada", &server.user_token("ben")).ok();
    // The operator may take away whatever they gave.
    end("ben", OPERATOR).ok();
}
