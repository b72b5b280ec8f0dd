//! Alerts: that each is told once, to everybody and whatever happens, only where the server may write to, and that a
//! rehearsal says what would have been told.

use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::support::mail::smtp;
use crate::support::receiver::{DEADLINE, NEVER, Receiver, SECRET, until};
use crate::support::world::World;
use crate::support::{BINARY, OPERATOR, Server, event, number_text};
use rollcall::calendar::{parse_rfc3339, rfc3339_utc};
use rollcall::http::AlertHosts;
use rollcall::webhook::{Alerts, Channels, Mail, Pace, Sender};
use serde_json::{Value, json};

const NOON: &str = "2026-06-10T12:00:00Z";
const HASTE: Pace = Pace {
    look: Duration::from_millis(5),
    first_retry: Duration::from_millis(5),
    longest_retry: Duration::from_millis(40),
};

fn world(now: &str) -> World {
    let world = World::new(parse_rfc3339(now).unwrap());
    world.put(
        "/v1/directory",
        &json!({
            "organizations": [{"id": "acme", "name": "Acme & Sons"}],
            "projects": [{"id": "web", "organizationId": "acme"}],
            "members": [
                {"organizationId": "acme", "userId": "ada", "role": "owner"},
                {"organizationId": "acme", "userId": "dev", "role": "developer"},
            ],
            "apiKeys": [{"id": "k1", "organizationId": "acme", "projectId": "web", "createdBy": "dev"}],
        }),
    );
    world
}

/// A budget of ten dollars a month with percentages, with fields put over it.
fn budget(extra: &Value) -> Value {
    let mut budget = json!({"id": "b", "organizationId": "acme", "scope": {"kind": "organization"}, "limit": {"cost": 10},
        "window": "month", "percent": [50, 80, 100]});
    budget.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    budget
}

fn put_budget(world: &World, extra: &Value) {
    world.put("/v1/budgets", &json!({"budgets": [budget(extra)]}));
}

fn alert(extra: &Value) -> Value {
    let mut alert = json!({"id": "a", "organizationId": "acme", "kind": "budget", "budgetId": "b"});
    alert.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    alert
}

fn put_alert(world: &World, extra: &Value) {
    world.put("/v1/alerts", &json!({"alerts": [alert(extra)]}));
}

fn signed(receiver: &Receiver) -> Value {
    json!([{"kind": "webhook", "url": receiver.url, "secret": format!("whsec_{SECRET}")}])
}

fn listed(world: &World, token: &str) -> Value {
    let (status, _, text) = world.send_as(token, "GET", "/v1/alerts?organizationId=acme", &[], None);
    assert_eq!(status, 200, "{text}");
    serde_json::from_str(&text).unwrap()
}

fn start(world: &World) -> Alerts {
    start_with(world, None)
}

fn start_with(world: &World, mail: Option<Mail>) -> Alerts {
    let channels = Channels { sender: Sender::new(AlertHosts::default()), mail };
    Alerts::start(&world.app, channels, HASTE).unwrap()
}

fn spend(world: &World, id: &str, at: &str, extra: &Value) {
    world.events(&json!([event(id, at, extra)]));
}

/// What a receiver was told of, in order: of which window, and of which percentage.
fn told(receiver: &Receiver) -> Vec<(String, u64)> {
    let said = |body: Value| {
        (body["data"]["from"].as_str().unwrap().to_owned(), body["data"]["percent"].as_u64().unwrap_or_default())
    };
    receiver.all().iter().map(|request| said(request.json())).collect()
}

#[test]
fn alerts_are_merged_by_id_and_secrets_are_kept_and_never_answered() {
    let world = world(NOON);
    put_budget(&world, &json!({}));
    let secret = format!("whsec_{SECRET}");
    let chat = "https://hooks.example/services/T0/B0/hidden";
    put_alert(
        &world,
        &json!({"threshold": "90", "to": [
            {"kind": "webhook", "url": "https://hooks.example/in", "secret": secret},
            {"kind": "slack", "url": chat},
            {"kind": "email", "address": "ada@example.com"},
        ]}),
    );
    let expected = json!({"alerts": [{"id": "a", "organizationId": "acme", "kind": "budget", "budgetId": "b",
    "threshold": 90, "status": "active", "to": [
        {"kind": "webhook", "url": "https://hooks.example/in", "signed": true},
        {"kind": "slack", "url": chat},
        {"kind": "email", "address": "ada@example.com"},
    ]}]});
    assert_eq!(listed(&world, OPERATOR), expected);
    // What is absent stays, a secret too where the one who is told is named again; nothing is written that is so.
    let again: Value = serde_json::from_str(&world.ok(
        "PUT",
        "/v1/alerts",
        Some(&json!({"alerts": [
            {"id": "a", "organizationId": "acme", "to": [
                {"kind": "webhook", "url": "https://hooks.example/in"},
                {"kind": "slack", "url": chat},
                {"kind": "email", "address": "ada@example.com"},
            ]},
        ]})),
    ))
    .unwrap();
    assert_eq!((again, listed(&world, OPERATOR)), (json!({"written": 0}), expected));
    put_alert(
        &world,
        &json!({"threshold": null, "status": "deleted", "to": [
        {"kind": "webhook", "url": "https://hooks.example/in", "secret": null}]}),
    );
    let changed = listed(&world, OPERATOR);
    assert_eq!(
        changed["alerts"][0]["to"],
        json!([{"kind": "webhook", "url": "https://hooks.example/in", "signed": false}])
    );
    assert!(changed["alerts"][0]["threshold"].is_null() && changed["alerts"][0]["status"] == "deleted");
    // Whole or not at all.
    let both = json!({"alerts": [alert(&json!({"id": "c"})), alert(&json!({"id": "d", "budgetId": "none"}))]});
    world.refused(world.send("PUT", "/v1/alerts", &[], Some(&both)), 400, "there is no budget 'none'");
    assert_eq!(listed(&world, OPERATOR)["alerts"].as_array().unwrap().len(), 1);
    let audit = world.get("/v1/audit?organizationId=acme");
    assert!(audit.contains("alert-change") && audit.contains("slack hooks.example"), "{audit}");
    for hidden in [SECRET, "/services/", "/in"] {
        assert!(!audit.contains(hidden), "{hidden} is in {audit}");
    }
}

#[test]
fn what_makes_no_sense_in_an_alert_is_refused_by_its_name() {
    let world = world(NOON);
    put_budget(&world, &json!({}));
    put_budget(&world, &json!({"id": "ever", "window": "total"}));
    let to = |to: Value| json!({"to": [to]});
    let many: Vec<Value> = (0..11).map(|n| json!({"kind": "slack", "url": format!("https://h.example/{n}")})).collect();
    for (extra, words) in [
        (json!({"id": ""}), "alerts[].id is empty"),
        (json!({"kind": "budgets"}), "did you mean budget?"),
        (json!({"kind": null}), "alert 'a' of organization 'acme' is new and needs a kind"),
        (json!({"budgetId": null}), "needs a budgetId"),
        (json!({"budgetId": "none"}), "there is no budget 'none'"),
        (json!({"kind": "unpriced"}), "budgetId is 'b', and kind unpriced is about no budget"),
        (json!({"kind": "forecast", "budgetId": "ever"}), "never ends"),
        (json!({"threshold": 0}), "threshold is 0; a percentage must be a whole number from 1 to 1000"),
        (json!({"threshold": "80.5"}), "threshold is 80.5"),
        (json!({"threshold": -1}), "threshold is -1; it must be a decimal"),
        (json!({"kind": "errorRate", "budgetId": null, "threshold": 101}), "from 0 to 100"),
        (json!({"kind": "digest", "budgetId": null, "threshold": 1}), "threshold is 1, and kind digest has none"),
        (json!({"kind": "digest"}), "budgetId is 'b', and kind digest is about no budget"),
        (json!({"to": many}), "to has 11 recipients; at most 10"),
        (to(json!({"kind": "fax", "url": "https://h.example"})), "unknown variant"),
        (to(json!({"kind": "slack"})), "needs a url, and no address"),
        (to(json!({"kind": "email", "url": "https://h.example"})), "needs an address, and no url"),
        (to(json!({"kind": "email", "address": "ada"})), "to.address is 'ada'"),
        (to(json!({"kind": "email", "address": "a@b.example,c@d.example"})), "to.address is"),
        (to(json!({"kind": "webhook", "url": "http://h.example/in"})), "to.url at 'h.example'"),
        (to(json!({"kind": "webhook", "url": "https://h.example", "secret": "short"})), "secret (not shown)"),
        (to(json!({"kind": "slack", "url": "https://h.example", "secret": "x"})), "to.secret is for webhooks"),
        (
            json!({"to": [{"kind": "slack", "url": "https://h.example"}, {"kind": "slack", "url": "https://h.example"}]}),
            "twice",
        ),
        (json!({"status": "gone"}), "unknown variant"),
        (json!({"colour": 1}), "unknown field"),
    ] {
        let mut body = alert(&extra);
        if extra.get("kind").is_some_and(Value::is_null) {
            body.as_object_mut().unwrap().remove("kind");
        }
        world.refused(world.send("PUT", "/v1/alerts", &[], Some(&json!({"alerts": [body]}))), 400, words);
    }
    let elsewhere = json!({"alerts": [alert(&json!({"organizationId": "nobody"}))]});
    world.refused(world.send("PUT", "/v1/alerts", &[], Some(&elsewhere)), 404, "no organization 'nobody'");
    assert_eq!(listed(&world, OPERATOR), json!({"alerts": []}));
}

#[test]
fn owners_send_to_the_internet_and_developers_see_what_concerns_them() {
    let world = world(NOON);
    put_budget(&world, &json!({}));
    put_budget(&world, &json!({"id": "own", "scope": {"kind": "member", "id": "dev"}}));
    let [owner, developer] =
        ["ada", "dev"].map(|user| world.token(&json!({"kind": "user", "userId": user, "label": "test"})));
    let put = |token: &str, extra: &Value| {
        world.send_as(token, "PUT", "/v1/alerts", &[], Some(&json!({"alerts": [alert(extra)]})))
    };
    let to = |url: &str| json!({"to": [{"kind": "webhook", "url": url}]});
    for private in ["http://127.0.0.1:9/in", "https://localhost/in", "https://10.0.0.1/in", "https://[fd00::1]/in"] {
        world.refused(put(&owner, &to(private)), 400, "is not on the internet");
    }
    assert_eq!(put(&owner, &to("https://hooks.example/in")).0, 200);
    // What the operator has named is not refused where it is handed in again, and opens nothing else.
    assert_eq!(put(OPERATOR, &to("http://127.0.0.1:9/in")).0, 200);
    assert_eq!(put(&owner, &to("http://127.0.0.1:9/in")).0, 200);
    world.refused(put(&owner, &to("http://127.0.0.1:9/other")), 400, "is not on the internet");
    assert_eq!(
        put(
            &owner,
            &json!({"id": "mine", "budgetId": "own", "to": [{"kind": "slack", "url": "https://h.example/secret"}]})
        )
        .0,
        200
    );
    assert_eq!(put(&owner, &json!({"id": "days", "kind": "unusualDay", "budgetId": null})).0, 200);

    world.refused(put(&developer, &json!({})), 403, "owners and admins");
    let seen = listed(&world, &developer);
    let expected = json!({"alerts": [{"id": "mine", "organizationId": "acme", "kind": "budget", "budgetId": "own",
        "to": [{"kind": "slack"}], "status": "active"}]});
    assert_eq!(seen, expected);
    assert_eq!(listed(&world, &owner)["alerts"].as_array().unwrap().len(), 3);
}

#[test]
fn a_budget_is_told_once_for_each_window_and_percentage_and_the_highest_only() {
    let world = world(NOON);
    let receiver = Receiver::answering(200);
    put_budget(&world, &json!({"timezone": "Asia/Kathmandu"}));
    spend(&world, "before", "2026-05-20T12:00:00Z", &json!({"cost": "100"}));
    put_alert(&world, &json!({"to": signed(&receiver)}));
    let alerts = start(&world);
    spend(&world, "1", "2026-06-10T10:00:00Z", &json!({"cost": "4.999999999999"}));
    spend(&world, "2", "2026-06-10T10:01:00Z", &json!({"cost": "3.000000000001"}));
    receiver.wait_count(1);
    let first = receiver.all().remove(0);
    first.is_signed(Some(parse_rfc3339(NOON).unwrap() / 1000));
    let body = first.json();
    assert_eq!(body["type"], "alert.fired");
    let data = &body["data"];
    assert_eq!((data["alertId"].as_str(), data["budgetId"].as_str()), (Some("a"), Some("b")));
    assert_eq!((data["from"].as_str(), data["to"].as_str()), (Some("2026-06-01"), Some("2026-06-30")));
    assert_eq!((number_text(&first.body, "spent"), number_text(&first.body, "limit")), ("8".into(), "10".into()));
    assert_eq!(data["message"], "Budget b has reached 80%: 8 USD of 10 USD from 2026-06-01 to 2026-06-30.");
    // More of the same month says nothing until the next percentage; a later look sends nothing again.
    spend(&world, "3", "2026-06-10T10:02:00Z", &json!({"cost": "1"}));
    spend(&world, "4", "2026-06-10T10:03:00Z", &json!({"cost": "1"}));
    receiver.wait_count(2);
    drop(alerts);
    let alerts = start(&world);
    // The next month begins anew, in the budget's zone.
    world.clock.store(parse_rfc3339("2026-06-30T19:00:00Z").unwrap(), Ordering::Relaxed);
    spend(&world, "5", "2026-06-30T18:30:00Z", &json!({"cost": "5"}));
    receiver.wait_count(3);
    drop(alerts);
    let expected = [("2026-06-01", 80), ("2026-06-01", 100), ("2026-07-01", 50)];
    assert_eq!(told(&receiver), expected.map(|(from, percent)| (from.to_owned(), percent)));
}

#[test]
fn each_who_is_told_is_told_whatever_becomes_of_the_others() {
    let world = world(NOON);
    let (quick, slow, failing) = (Receiver::answering(200), Receiver::answering(NEVER), Receiver::answering(500));
    put_budget(&world, &json!({}));
    let to = |receivers: &[&Receiver]| json!({"to": receivers.iter().map(|one| json!({"kind": "webhook", "url": one.url})).collect::<Vec<_>>()});
    put_alert(&world, &to(&[&slow, &failing, &quick]));
    spend(&world, "1", "2026-06-10T10:00:00Z", &json!({"cost": "6"}));
    let _alerts = start(&world);
    quick.wait_count(1);
    slow.wait_count(1);
    failing.wait_count(2);
    assert!(!quick.all()[0].headers.contains_key("webhook-signature"), "there is no secret to sign with");
    spend(&world, "2", "2026-06-10T10:01:00Z", &json!({"cost": "3"}));
    quick.wait_count(2);
    // What is tried again is the newest, and the one before is not told after it.
    failing.wait(|request| request.json()["data"]["percent"] == 80);
    failing.answer(204);
    let delivered = "rollcall_webhook_deliveries_total{webhook=\"(alerts)\",outcome=\"delivered\"} 3";
    until(|| world.get("/metrics").contains(delivered));
    assert_eq!(told(&quick).iter().map(|(_, percent)| *percent).collect::<Vec<_>>(), [50, 80]);
    // Somebody new is told of the window that is.
    let new = Receiver::answering(200);
    put_alert(&world, &to(&[&quick, &new]));
    new.wait_count(1);
    assert_eq!(told(&new), [("2026-06-01".to_owned(), 80)]);
    assert_eq!(quick.all().len(), 2);
}

#[test]
fn chats_get_their_own_forms_and_say_when_to_come_back() {
    let world = world(NOON);
    let (slack, discord) = (Receiver::answering(200), Receiver::answering_with(429, "retry-after: 0.5"));
    put_budget(&world, &json!({}));
    put_alert(
        &world,
        &json!({"id": "a*b", "to": [
        {"kind": "slack", "url": slack.url}, {"kind": "discord", "url": discord.url}]}),
    );
    spend(&world, "1", "2026-06-10T10:00:00Z", &json!({"cost": "5"}));
    let _alerts = start(&world);
    let said = "Budget b has reached 50%: 5 USD of 10 USD from 2026-06-01 to 2026-06-30.";
    slack.wait_count(1);
    let text = format!("Acme &amp; Sons: {said} (alert a*b)");
    assert_eq!(slack.all()[0].json(), json!({"text": text, "mrkdwn": false}));
    discord.wait_count(1);
    discord.answer(204);
    discord.wait_count(2);
    let all = discord.all();
    let content = format!("Acme & Sons: {said} (alert a\\*b)").replace("2026-06-", "2026\\-06\\-");
    assert_eq!(all[1].json(), json!({"content": content, "allowed_mentions": {"parse": []}}));
}

#[test]
fn mail_is_sent_once_by_the_operators_server() {
    let world = world(NOON);
    let (url, got) = smtp();
    put_budget(&world, &json!({}));
    put_alert(&world, &json!({"to": [{"kind": "email", "address": "ada@example.com"}]}));
    spend(&world, "1", "2026-06-10T10:00:00Z", &json!({"cost": "5"}));
    let alerts = start_with(&world, Some(Mail::new(&url, "Rollcall <rollcall@example.com>").unwrap()));
    let (to, text) = got.recv_timeout(DEADLINE).unwrap();
    assert!(to.contains("<ada@example.com>"), "{to}");
    for words in [
        "From: Rollcall <rollcall@example.com>",
        "Subject: Acme & Sons: Budget b has reached 50%",
        "Message-ID: <alert_",
        "5 USD of 10 USD from 2026-06-01",
    ] {
        assert!(text.contains(words), "{words} is not in {text}");
    }
    spend(&world, "2", "2026-06-10T10:00:00Z", &json!({"cost": "3"}));
    let (_, text) = got.recv_timeout(DEADLINE).unwrap();
    assert!(text.contains("80%"), "{text}");
    drop(alerts);
    assert!(got.try_recv().is_err());
}

#[test]
fn what_was_told_is_told_once_though_the_program_is_killed() {
    let directory = tempfile::tempdir().unwrap();
    let receiver = Receiver::answering(200);
    let mut server = Server::start_in(directory.path());
    let now = rollcall::calendar::rfc3339_utc(
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis() as i64,
    );
    let cost = |id: &str, cost: &str| json!([event(id, &now, &json!({"cost": cost}))]);
    server.send_events(OPERATOR, &cost("1", "0"));
    // In all, since a day may end under the test.
    server.put("/v1/budgets", OPERATOR, &json!({"budgets": [budget(&json!({"window": "total"}))]})).ok();
    server.put("/v1/alerts", OPERATOR, &json!({"alerts": [alert(&json!({"to": signed(&receiver)}))]})).ok();
    server.send_events(OPERATOR, &cost("2", "5"));
    receiver.wait_count(1);
    until(|| server.log.lock().unwrap().contains("told of an alert"));
    server.send_events(OPERATOR, &cost("3", "2"));
    server.kill();
    let server = Server::start_in(directory.path());
    server.send_events(OPERATOR, &cost("4", "1"));
    receiver.wait_count(2);
    let percent: Vec<u64> = told(&receiver).into_iter().map(|(_, percent)| percent).collect();
    assert_eq!(percent, [50, 80]);
    let log = server.log.lock().unwrap().clone();
    assert!(!log.contains(SECRET) && !log.contains("/in"), "{log}");
}

#[test]
fn a_wrong_setting_stops_the_start_and_says_no_password() {
    let directory = tempfile::tempdir().unwrap();
    let check = |settings: &[&str], words: &str| {
        let mut command = std::process::Command::new(BINARY);
        command.args(["serve", "--listen", "127.0.0.1:0", "--data-dir"]).arg(directory.path()).args(settings);
        let output = command.env("ROLLCALL_OPERATOR_TOKEN", OPERATOR).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && said.contains(words) && !said.contains("hidden"), "{said}");
    };
    check(&["--smtp", "https://me:hidden@mail.example", "--smtp-from", "a@example.com"], "smtps:// or smtp://");
    check(&["--smtp", "smtps://mail.example", "--smtp-from", "nobody"], "'nobody' is no address");
    check(&["--alert-hosts", "https://a"], "is no host");
}

/// What a rehearsal says: when, and of which percentage or of what.
#[track_caller]
fn check_rehearsal(world: &World, body: &Value, expected: &[(&str, &str)]) {
    let text = world.ok("POST", "/v1/alerts/rehearse", Some(body));
    let answer: Value = serde_json::from_str(&text).unwrap();
    let fired: Vec<(String, String)> = answer["fired"]
        .as_array()
        .unwrap()
        .iter()
        .map(|fired| {
            let of = ["percent", "userId", "model", "apiKeyId"].map(|field| &fired[field]);
            let of: Vec<String> =
                of.iter().filter(|of| !of.is_null()).map(|of| of.to_string().replace('"', "")).collect();
            (fired["at"].as_str().unwrap().to_owned(), of.join(" "))
        })
        .collect();
    let expected: Vec<(String, String)> = expected.iter().map(|(at, of)| (at.to_string(), of.to_string())).collect();
    assert_eq!(fired, expected, "{text}");
}

fn rehearsal(alert: &Value, from: &str, to: &str) -> Value {
    json!({"alert": alert, "from": from, "to": to})
}

#[test]
fn a_rehearsal_of_a_budget_counts_each_window_from_its_own_beginning() {
    let world = world("2026-08-01T00:00:00Z");
    put_budget(&world, &json!({"timezone": "Europe/Paris"}));
    for (id, at, cost) in [
        ("1", "2026-05-31T21:59:00Z", "100"), // May in Paris
        ("2", "2026-05-31T22:00:00Z", "4"),
        ("3", "2026-06-05T10:15:00Z", "1"),
        ("4", "2026-06-20T23:30:00Z", "3.5"),
        ("5", "2026-06-28T08:59:00Z", "9"),
        ("6", "2026-07-02T08:00:00Z", "10"),
    ] {
        spend(&world, id, at, &json!({"cost": cost}));
    }
    let of_june = [
        ("2026-06-05T12:00:00+02:00", "50"),
        ("2026-06-21T01:00:00+02:00", "80"),
        ("2026-06-28T10:00:00+02:00", "100"),
    ];
    check_rehearsal(&world, &rehearsal(&alert(&json!({})), "2026-06-01", "2026-06-30"), &of_june);
    // What was before is counted and not told; the next window is another one, where only the highest counts.
    let later = [of_june[1], of_june[2], ("2026-07-02T10:00:00+02:00", "100")];
    check_rehearsal(&world, &rehearsal(&alert(&json!({})), "2026-06-20", "2026-07-31"), &later);
    let at_90 = rehearsal(&alert(&json!({"threshold": 90})), "2026-06-01", "2026-06-30");
    check_rehearsal(&world, &at_90, &[("2026-06-28T10:00:00+02:00", "90")]);
    // Of a budget that is not there yet, and of one as it would be: by the key, the project and the member as well.
    for scope in [
        json!({"kind": "apiKey", "id": "k1"}),
        json!({"kind": "project", "id": "web"}),
        json!({"kind": "member", "id": "dev"}),
    ] {
        let mut body = rehearsal(&alert(&json!({"budgetId": "new"})), "2026-06-01", "2026-06-30");
        body["budget"] = budget(&json!({"id": "new", "scope": scope, "percent": [40], "timezone": "Europe/Paris"}));
        check_rehearsal(&world, &body, &[("2026-06-01T00:00:00+02:00", "40")]);
    }
    let mut body = rehearsal(&alert(&json!({})), "2026-06-01", "2026-06-30");
    body["budget"] = json!({"id": "b", "organizationId": "acme", "limit": {"cost": 100}, "percent": [5]});
    check_rehearsal(&world, &body, &[("2026-06-05T12:00:00+02:00", "5")]);
    body["budget"] = budget(&json!({"scope": {"kind": "member"}, "percent": [50], "timezone": "Europe/Paris"}));
    check_rehearsal(&world, &body, &[("2026-06-05T12:00:00+02:00", "50 dev")]);
    // Whoever has a budget of their own that counts the same has no default.
    put_budget(&world, &json!({"id": "own", "scope": {"kind": "member", "id": "dev"}}));
    check_rehearsal(&world, &body, &[]);
    put_budget(&world, &json!({"id": "own", "status": "deleted", "scope": {"kind": "member", "id": "dev"}}));
    // Days of a window that count only some of it.
    body["budget"] = budget(&json!({"from": "2026-06-02", "timezone": "Europe/Paris", "percent": [50]}));
    check_rehearsal(&world, &body, &[("2026-06-28T10:00:00+02:00", "50")]);
    assert_eq!(world.budgets().len(), 2, "a rehearsal writes nothing");
    assert_eq!(listed(&world, OPERATOR), json!({"alerts": []}));
    let refused = |body: Value, words: &str| {
        world.refused(world.send("POST", "/v1/alerts/rehearse", &[], Some(&body)), 400, words);
    };
    refused(rehearsal(&alert(&json!({})), "2026-06-31", "2026-07-01"), "from '2026-06-31' is no date");
    refused(rehearsal(&alert(&json!({})), "2026-06-02", "2026-06-01"), "is after to");
    refused(rehearsal(&alert(&json!({})), "2025-01-01", "2026-06-01"), "at most 366");
    refused(rehearsal(&alert(&json!({"budgetId": "none"})), "2026-06-01", "2026-06-02"), "no budget 'none'");
    refused(json!({"alert": alert(&json!({})), "from": "2026-06-01"}), "missing field `to`");
}

/// Ten weeks from a Monday, in which each day costs what a table says, at eight in the morning.
fn weeks(world: &World, cost: impl Fn(i64) -> &'static str) {
    let monday = parse_rfc3339("2026-04-06T08:00:00Z").unwrap();
    let events: Vec<Value> = (0..70)
        .filter(|day| !cost(*day).is_empty())
        .map(|day| event(&format!("d{day}"), &rfc3339_utc(monday + day * 86_400_000), &json!({"cost": cost(day)})))
        .collect();
    world.events(&json!(events));
}

#[test]
fn a_day_is_unusual_for_its_weekday_and_not_because_it_is_no_sunday() {
    let world = world("2026-07-01T00:00:00Z");
    // Weekdays differ a little, weekends have next to nothing; one Sunday is a working day, one Wednesday is four times
    // one.
    weeks(&world, |day| match (day, day % 7) {
        (62, _) => "10.5",
        (65, _) => "40",
        (_, 5) => "0.1",
        (_, 6) => "",
        (_, weekday) if (day / 7 + weekday) % 2 == 0 => "10",
        _ => "11",
    });
    let unusual = |threshold: Value| alert(&json!({"kind": "unusualDay", "budgetId": null, "threshold": threshold}));
    let found = [("2026-06-07T08:00:00+00:00", ""), ("2026-06-10T08:00:00+00:00", "")];
    check_rehearsal(&world, &rehearsal(&unusual(Value::Null), "2026-04-06", "2026-06-30"), &found);
    check_rehearsal(&world, &rehearsal(&unusual(json!(50)), "2026-04-06", "2026-06-30"), &[]);
    // Three weeks know nothing of a fourth.
    check_rehearsal(&world, &rehearsal(&unusual(json!(0)), "2026-04-06", "2026-05-03"), &[]);
}

#[test]
fn a_budget_that_will_be_passed_is_foreseen_before_it_is() {
    let world = world("2026-07-01T00:00:00Z");
    put_budget(&world, &json!({"limit": {"cost": 150}, "percent": []}));
    // A dollar a day, and from the third of June on ten.
    weeks(&world, |day| if day < 58 { "1" } else { "10" });
    let forecast = |threshold: Value| alert(&json!({"kind": "forecast", "threshold": threshold}));
    // Nothing foresees the first day of a new kind; each later one makes the weeks that follow more probable.
    check_rehearsal(
        &world,
        &rehearsal(&forecast(Value::Null), "2026-05-01", "2026-06-30"),
        &[("2026-06-11T08:00:00+00:00", "100")],
    );
    check_rehearsal(
        &world,
        &rehearsal(&forecast(json!(20)), "2026-05-01", "2026-05-31"),
        &[("2026-05-01T08:00:00+00:00", "20")],
    );
    check_rehearsal(&world, &rehearsal(&forecast(json!(25)), "2026-05-01", "2026-05-31"), &[]);
}

#[test]
fn new_spenders_failures_and_missing_prices_are_told_on_their_day() {
    let world = world("2026-07-01T00:00:00Z");
    weeks(&world, |_| "20");
    let model = |cost: &str| json!({"cost": cost, "usedModel": "openai/new", "apiKeyId": "k1"});
    spend(&world, "n1", "2026-06-01T10:00:00Z", &model("4"));
    spend(&world, "n2", "2026-06-03T11:00:00Z", &model("6"));
    spend(&world, "n3", "2026-06-04T11:00:00Z", &json!({"cost": "9.99", "apiKeyId": "k2"}));
    let of = |kind: &str, threshold: Value| alert(&json!({"kind": kind, "budgetId": null, "threshold": threshold}));
    let june = |alert: &Value| rehearsal(alert, "2026-06-01", "2026-06-30");
    check_rehearsal(&world, &june(&of("newSpender", Value::Null)), &[("2026-06-03T11:00:00+00:00", "new")]);
    let both = [("2026-06-01T10:00:00+00:00", "new"), ("2026-06-04T11:00:00+00:00", "k2")];
    check_rehearsal(&world, &june(&of("newSpender", json!("2.5"))), &both);

    let calls = |day: &str, failed: usize| {
        let failure = |number: usize| if number < failed { json!({"hasError": true}) } else { json!({}) };
        let calls =
            (0..20).map(|number| event(&format!("{day}{number}"), &format!("{day}T13:00:00Z"), &failure(number)));
        world.events(&json!(calls.collect::<Vec<_>>()));
    };
    calls("2026-06-15", 1);
    calls("2026-06-16", 5);
    check_rehearsal(&world, &june(&of("errorRate", Value::Null)), &[("2026-06-16T13:00:00+00:00", "")]);
    check_rehearsal(&world, &june(&of("errorRate", json!(30))), &[]);
    let unknown = json!({"cost": null, "usedModel": "nobody/knows"});
    spend(&world, "u1", "2026-06-20T10:00:00Z", &unknown);
    spend(&world, "u2", "2026-06-20T11:00:00Z", &unknown);
    check_rehearsal(&world, &june(&of("unpriced", Value::Null)), &[("2026-06-20T10:00:00+00:00", "")]);
    check_rehearsal(&world, &june(&of("unpriced", json!(2))), &[("2026-06-20T11:00:00+00:00", "")]);
}

/// Two weeks from a Monday with other costs of two projects and teams, and something without a price.
fn two_weeks(world: &World) {
    world.put(
        "/v1/directory",
        &json!({
            "organizations": [{"id": "acme", "timezone": "America/St_Johns"}],
            "projects": [{"id": "api", "organizationId": "acme", "name": "The API"}],
            "teams": [{"id": "red", "organizationId": "acme", "name": "Red"}],
            "assignments": [{"organizationId": "acme", "subject": {"projectId": "web"}, "from": "2026-01-01", "teamId": "red"}],
        }),
    );
    let of = |project: &str, key: &str, cost: &str| json!({"projectId": project, "apiKeyId": key, "cost": cost});
    spend(world, "a", "2026-06-02T10:00:00Z", &of("web", "k1", "40"));
    spend(world, "b", "2026-06-08T02:29:00Z", &of("api", "k2", "20")); // Sunday night in St. John's
    spend(world, "c", "2026-06-08T02:30:00Z", &of("web", "k1", "55")); // Monday
    spend(world, "d", "2026-06-14T20:00:00Z", &of("api", "k2", "12.5"));
    spend(
        world,
        "e",
        "2026-06-14T20:00:00Z",
        &json!({"projectId": "api", "apiKeyId": "k2", "cost": null, "usedModel": "x/y"}),
    );
}

#[test]
fn a_week_is_told_once_on_the_monday_after_it_over_restarts() {
    // Sunday of the second week.
    let world = world("2026-06-14T21:00:00Z");
    let receiver = Receiver::answering(200);
    two_weeks(&world);
    put_budget(&world, &json!({"limit": {"cost": 150}, "percent": []}));
    put_budget(&world, &json!({"id": "dev", "scope": {"kind": "member", "id": "dev"}, "limit": {"cost": 100}}));
    put_alert(&world, &json!({"kind": "digest", "budgetId": null, "to": signed(&receiver)}));
    let alerts = start(&world);
    // It begins with the week in which it was looked at first.
    until(|| !world.engine.snapshot().reader.acknowledged("alert acme\0a").unwrap().is_empty());
    let at = |text: &str| world.clock.store(parse_rfc3339(text).unwrap(), Ordering::Relaxed);
    // Eight on Monday is half past ten of UTC there.
    at("2026-06-15T10:29:00Z");
    spend(&world, "f", "2026-06-15T10:20:00Z", &json!({"cost": "1", "projectId": "web", "apiKeyId": "k1"}));
    at("2026-06-15T10:30:00Z");
    receiver.wait_count(1);
    let sent = receiver.all().remove(0);
    let data = sent.json()["data"].clone();
    assert_eq!(
        (&data["kind"], &data["from"], &data["to"]),
        (&json!("digest"), &json!("2026-06-08"), &json!("2026-06-14"))
    );
    assert_eq!((number_text(&sent.body, "cost"), number_text(&sent.body, "costBefore")), ("67.5".into(), "60".into()));
    assert_eq!((&data["requestCount"], &data["unpricedRequestCount"]), (&json!(3), &json!(1)));
    assert_eq!(
        data["movers"],
        json!([
            {"teamId": "red", "name": "Red", "cost": 55, "difference": 15},
            {"projectId": "web", "name": "web", "cost": 55, "difference": 15},
            {"projectId": "api", "name": "The API", "cost": 12.5, "difference": -7.5},
        ])
    );
    assert_eq!(
        data["budgets"],
        json!([
            {"budgetId": "dev", "percent": 96, "spent": 96, "limit": 100},
            {"budgetId": "b", "percent": 85, "spent": 128.5, "limit": 150},
        ])
    );
    assert_eq!(
        data["message"],
        "The week from 2026-06-08 to 2026-06-14 has cost 67.5 USD, 7.5 USD more than the 60 USD of the week before. \
         1 request has no price.\n\
         Moved most: team Red 15 USD more, project web 15 USD more, project The API 7.5 USD less.\n\
         Near their limit: budget dev at 96% (96 USD of 100 USD), budget b at 85% (128.5 USD of 150 USD)."
    );
    // What comes late for it, a restart and the days after it say nothing again; the next Monday is another week.
    spend(&world, "g", "2026-06-13T10:00:00Z", &json!({"cost": "1", "projectId": "web", "apiKeyId": "k1"}));
    drop(alerts);
    let alerts = start(&world);
    at("2026-06-17T10:00:00Z");
    at("2026-06-22T11:00:00Z");
    receiver.wait_count(2);
    drop(alerts);
    assert_eq!(told(&receiver), [("2026-06-08".to_owned(), 0), ("2026-06-15".to_owned(), 0)]);
    let second = receiver.all().remove(1).json()["data"]["message"].as_str().unwrap().to_owned();
    assert!(
        second.starts_with("The week from 2026-06-15 to 2026-06-21 has cost 1 USD, 67.5 USD less than"),
        "{second}"
    );
}

#[test]
fn a_week_is_rehearsed_as_it_would_have_been_told() {
    let world = world("2026-06-21T12:00:00Z");
    two_weeks(&world);
    let digest = alert(&json!({"kind": "digest", "budgetId": null}));
    let mondays = [("2026-06-08T08:00:00-02:30", ""), ("2026-06-15T08:00:00-02:30", "")];
    check_rehearsal(&world, &rehearsal(&digest, "2026-05-01", "2026-06-30"), &mondays);
    check_rehearsal(&world, &rehearsal(&digest, "2026-06-09", "2026-06-14"), &[]);
    check_rehearsal(&world, &rehearsal(&digest, "2026-06-15", "2026-06-15"), &mondays[1..]);
}

/// East of UTC the end of what never ends was beyond all time, and nobody was told of anything any more.
#[test]
fn a_budget_without_end_is_told_in_every_zone_and_says_since_when() {
    let world = world(NOON);
    spend(&world, "first", "2026-06-10T06:00:00Z", &json!({"cost": 9}));
    for zone in ["UTC", "Asia/Kolkata", "Pacific/Kiritimati", "America/New_York"] {
        for (from, when) in [(Value::Null, "in all"), (json!("2026-06-01"), "since 2026-06-01")] {
            for scope in [json!({"kind": "organization"}), json!({"kind": "member"})] {
                let one = json!({"window": "total", "timezone": zone, "from": from, "scope": scope});
                put_budget(&world, &one);
                let body = rehearsal(&alert(&json!({})), "2026-06-09", "2026-06-10");
                let fired = world.ok("POST", "/v1/alerts/rehearse", Some(&body));
                assert!(fired.contains(&format!("has reached 80%: 9 USD of 10 USD {when}.")), "{one}: {fired}");
            }
        }
    }
    let receiver = Receiver::answering(200);
    put_budget(&world, &json!({"window": "total", "timezone": "Asia/Kolkata", "from": null}));
    put_alert(&world, &json!({"to": signed(&receiver)}));
    let _alerts = start(&world);
    receiver.wait_count(1);
    assert!(receiver.all()[0].json()["data"]["message"].as_str().unwrap().ends_with("in all."));
}
