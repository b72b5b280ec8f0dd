//! Budgets and decisions: that what is spent is what activity says, whatever happens, and that calls are refused
//! exactly where a ledger that is too simple to be wrong refuses them.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use crate::support::ledger::fresh_seed;
use crate::support::random::Random;
use crate::support::world::World;
use crate::support::{BINARY, OPERATOR, Server, event, number_text};
use rollcall::calendar::{Date, Zone, rfc3339_utc};
use rollcall::model::{HOUR_MS, PicoUsd, UnixMs};
use serde_json::{Value, json};

const DAY_MS: i64 = 24 * HOUR_MS;
const MINUTE_MS: i64 = 60_000;

fn budget(id: &str, scope: Value, limit: Value, window: &str, extra: &Value) -> Value {
    let mut budget = json!({"id": id, "organizationId": "acme", "scope": scope, "limit": limit, "window": window});
    budget.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    budget
}

fn put_budgets(world: &World, budgets: &[Value]) {
    world.put("/v1/budgets", &json!({"budgets": budgets}));
}

/// An organization with two projects, three members and four keys, one of them nobody's.
fn put_directory(world: &World) {
    let key = |id: &str, project: &str, creator: Option<&str>| json!({"id": id, "organizationId": "acme", "projectId": project, "createdBy": creator});
    let member = |id: &str| json!({"organizationId": "acme", "userId": id, "role": "developer"});
    world.put(
        "/v1/directory",
        &json!({
            "organizations": [{"id": "acme", "timezone": "Europe/Paris"}],
            "members": [member("ada"), member("ben"), member("eva")],
            "apiKeys": [key("k0", "p0", Some("ada")), key("k1", "p1", Some("ben")), key("k2", "p0", None), key("k3", "p1", None)],
            "teams": [{"id": "red", "organizationId": "acme"}],
        }),
    );
}

/// 2026-10-24T10:00:00Z: the clocks of Paris go back that night, those of Lord Howe went on three weeks before.
const START: UnixMs = 1_792_836_000_000;

/// The local days that a window of a budget is made of.
fn days(zone: Zone, window: &str, now: UnixMs) -> (Date, Date) {
    let today = zone.date_at(now);
    let monday = Date::parse("2020-01-06").unwrap();
    match window {
        "day" => (today, today),
        "week" => {
            let first = today.plus_days(-today.days_since(monday).rem_euclid(7));
            (first, first.plus_days(6))
        }
        "month" => (today.first_of_month(), today.last_of_month()),
        _ => (Date::parse("2020-01-01").unwrap(), today.plus_days(3)),
    }
}

/// What activity says of the days of a budget, in the unit of its limit.
fn activity(world: &World, budget: &Value, filter: &str) -> String {
    let zone = Zone::named(budget["timezone"].as_str().unwrap()).unwrap();
    let (from, to) = days(zone, budget["window"].as_str().unwrap(), world.now());
    let timezone = zone.name();
    let question = format!(
        "/analytics/activity?organizationId=acme&from={from}&to={to}&timezone={timezone}&granularity=month&groupBy=none{filter}"
    );
    let text = world.get(&question);
    let totals = &text[text.find("\"totals\"").unwrap()..];
    let limit = budget["limit"].as_object().unwrap().keys().next().unwrap();
    number_text(
        totals,
        match limit.as_str() {
            "cost" => "cost",
            "requests" => "requestCount",
            _ => "totalTokens",
        },
    )
}

fn check_standings(world: &World) {
    for budget in world.budgets() {
        let scope = &budget["scope"];
        let of = |name: &str, id: &Value| format!("&{name}={}", id.as_str().unwrap());
        let filter = match (scope["kind"].as_str().unwrap(), &scope["id"]) {
            ("organization", _) => String::new(),
            ("project", id) => of("projectId", id),
            ("apiKey", id) => of("apiKeyId", id),
            ("team", id) => of("team", id),
            (_, Value::Null) => {
                for member in budget["members"].as_array().unwrap() {
                    let spent = member["spent"].as_str().unwrap();
                    let expected = activity(world, &budget, &of("userId", &member["userId"]));
                    assert_eq!(spent, expected, "{} of {budget}", member["userId"]);
                }
                continue;
            }
            (_, id) => of("userId", id),
        };
        let spent = budget["spent"].as_str().unwrap();
        assert_eq!(spent, activity(world, &budget, &filter), "at {}: {budget}", rfc3339_utc(world.now()));
    }
}

/// What was said from a day on: of which kind and of what.
type Said = BTreeMap<(&'static str, String, Date), Option<String>>;

/// The last of what was said of something that holds on a day.
fn said(all: &Said, kind: &'static str, subject: &str, day: Date) -> Option<Option<String>> {
    let of_it = all.iter().filter(|((of, it, from), _)| *of == kind && it == subject && *from <= day);
    of_it.max_by_key(|((.., from), _)| *from).map(|(_, id)| id.clone())
}

/// A call that is under way, as a ledger knows it: when it ends by itself, and what it takes of which budget's window.
struct UnderWay {
    until: UnixMs,
    takes: Vec<(String, Date, i128)>,
}

/// The budgets that a call with a key counts in, by id: with the window's first day, and what is left without calls that
/// are under way.
fn left(
    world: &World,
    (key, project): (&str, &str),
    owner: Option<&str>,
    team: Option<&str>,
) -> Vec<(String, Date, i128)> {
    let amount = |budget: &Value, text: &Value| match budget["limit"].get("cost") {
        Some(_) => PicoUsd::parse_sum(text.as_str().unwrap()).unwrap().0,
        None => text.as_str().unwrap().parse().unwrap(),
    };
    let budgets = world.budgets();
    let own = |unit: &str| {
        budgets.iter().any(|budget| {
            budget["scope"]["kind"] == "member"
                && owner.is_some_and(|owner| budget["scope"]["id"] == owner)
                && budget["limit"].get(unit).is_some()
        })
    };
    let mut found = Vec::new();
    for budget in &budgets {
        let unit = budget["limit"].as_object().unwrap().keys().next().unwrap();
        let scope = &budget["scope"];
        let counts = match scope["kind"].as_str().unwrap() {
            "organization" => true,
            "project" => scope["id"] == project,
            "apiKey" => scope["id"] == key,
            "team" => team.is_some_and(|team| scope["id"] == team),
            _ if scope["id"].is_null() => owner.is_some() && !own(unit),
            _ => owner.is_some_and(|owner| scope["id"] == owner),
        };
        if !counts {
            continue;
        }
        let limit = match &budget["limit"][unit] {
            Value::String(text) => PicoUsd::parse_sum(text).unwrap().0,
            number => i128::from(number.as_u64().unwrap()),
        };
        let spent = match budget["members"].as_array() {
            Some(members) => {
                let theirs = members.iter().find(|member| member["userId"] == owner.unwrap());
                theirs.map_or(0, |member| amount(budget, &member["spent"]))
            }
            None => amount(budget, &budget["spent"]),
        };
        let zone = Zone::named(budget["timezone"].as_str().unwrap()).unwrap();
        let (first, _) = days(zone, budget["window"].as_str().unwrap(), world.now());
        found.push((budget["id"].as_str().unwrap().to_owned(), first, limit - spent));
    }
    found
}

#[test]
fn what_is_spent_is_what_activity_says_and_calls_are_refused_as_a_simple_ledger_refuses_them() {
    let seed = fresh_seed();
    println!("ROLLCALL_SEED={seed}");
    let mut random = Random(seed);
    let world = World::new(START);
    put_directory(&world);
    let zones = ["Europe/Paris", "Australia/Lord_Howe", "Asia/Kathmandu", "America/Santiago", "UTC"];
    let scopes = [
        json!({"kind": "organization"}),
        json!({"kind": "project", "id": "p0"}),
        json!({"kind": "member"}),
        json!({"kind": "member", "id": "ben"}),
        json!({"kind": "apiKey", "id": "k2"}),
        json!({"kind": "team", "id": "red"}),
    ];
    let limits = [json!({"cost": "3.5"}), json!({"requests": 12}), json!({"tokens": 4000})];
    let new_budget = |random: &mut Random, number: u64| {
        let zone = *random.pick(&zones);
        let window = *random.pick(&["day", "week", "month", "total"]);
        let (scope, limit) = (random.pick(&scopes).clone(), random.pick(&limits).clone());
        budget(&format!("b{number}"), scope, limit, window, &json!({"timezone": zone}))
    };
    let budgets: Vec<Value> = (0..12).map(|number| new_budget(&mut random, number)).collect();
    put_budgets(&world, &budgets);

    let mut owners: BTreeMap<String, String> =
        [("k0", "ada"), ("k1", "ben")].map(|(key, owner)| (key.to_owned(), owner.to_owned())).into();
    let mut assigned = Said::new();
    let mut under_way: BTreeMap<String, UnderWay> = BTreeMap::new();
    let (mut next_id, mut refused, mut allowed) = (0, 0, 0);
    for _ in 0..80 {
        match random.below(12) {
            0..4 => {
                let events: Vec<Value> = (0..1 + random.below(6))
                    .map(|_| {
                        next_id += 1;
                        let ahead = if random.below(4) == 0 { random.below(23) as i64 * HOUR_MS } else { 0 };
                        let time = world.now() + ahead - random.below(3 * 24 * 60) as i64 * MINUTE_MS;
                        let key = random.below(4);
                        let unpriced = random.below(4) == 0;
                        let cost = json!(format!("0.{:012}", random.below(300_000_000_000)));
                        let mut event = event(
                            &format!("e{next_id}"),
                            &rfc3339_utc(time),
                            &json!({
                                "projectId": format!("p{}", key % 2), "apiKeyId": format!("k{key}"), "cost": cost,
                                "promptTokens": random.below(300),
                            }),
                        );
                        if unpriced {
                            event["cost"] = Value::Null;
                        }
                        // Some are told without tokens first.
                        if random.below(4) == 0 {
                            let mut less = event.clone();
                            for field in ["promptTokens", "completionTokens"] {
                                less.as_object_mut().unwrap().remove(field);
                            }
                            world.events(&json!([less]));
                        }
                        if let Some(call) = under_way.keys().nth(random.below(4) as usize).cloned() {
                            under_way.remove(&call);
                            event["callId"] = json!(call);
                        }
                        event
                    })
                    .collect();
                world.events(&json!(events));
                if random.below(3) == 0 {
                    world.events(&json!(events));
                }
            }
            4..9 => {
                let key = random.below(4);
                let (key, project) = (format!("k{key}"), format!("p{}", key % 2));
                next_id += 1;
                let again = under_way.keys().next().cloned().filter(|_| random.below(4) == 0);
                let call = again.unwrap_or_else(|| format!("call-{next_id}"));
                let (cost, tokens) = (random.below(400_000_000_000), random.below(600));
                under_way.retain(|_, call| world.now() < call.until);
                let mut fits = true;
                let mut takes = Vec::new();
                let today = Zone::named("Europe/Paris").unwrap().date_at(world.now());
                let owner = said(&assigned, "owner", &key, today).unwrap_or_else(|| owners.get(&key).cloned());
                let team = said(&assigned, "team", &key, today)
                    .or_else(|| said(&assigned, "team", owner.as_ref()?, today))
                    .or_else(|| said(&assigned, "team", &project, today));
                let team = team.flatten();
                for (id, first, left) in left(&world, (&key, &project), owner.as_deref(), team.as_deref()) {
                    let mine = owner.as_ref().filter(|_| world.budget(&id)["members"].is_array());
                    let account = mine.map_or(id.clone(), |owner| format!("{id} {owner}"));
                    let reserved: i128 = under_way
                        .iter()
                        .filter(|(other, _)| **other != call)
                        .flat_map(|(_, call)| &call.takes)
                        .filter(|(budget, window, _)| *budget == account && *window == first)
                        .map(|(.., amount)| amount)
                        .sum();
                    let limit = &world.budget(&id)["limit"];
                    let estimate = match (limit.get("cost"), limit.get("requests")) {
                        (Some(_), _) => i128::from(cost),
                        (_, Some(_)) => 1,
                        _ => i128::from(tokens),
                    };
                    fits &= left - reserved > 0 && estimate <= left - reserved;
                    takes.push((account, first, estimate));
                }
                let decided = world.decide(&json!({
                    "organizationId": "acme", "apiKeyId": key, "model": "openai/gpt-4o", "callId": call,
                    "promptTokens": tokens, "maxCompletionTokens": 0, "estimatedCost": format!("0.{cost:012}"),
                }));
                assert_eq!(decided["allowed"], json!(fits), "{call} {key}: {decided}");
                if fits {
                    allowed += 1;
                    let until = under_way.get(&call).map_or(world.now() + 10 * MINUTE_MS, |call| call.until);
                    under_way.insert(call, UnderWay { until, takes });
                } else {
                    refused += 1;
                }
            }
            9 => world.wait(*random.pick(&[MINUTE_MS, 4 * MINUTE_MS, HOUR_MS, 7 * HOUR_MS, DAY_MS, 8 * DAY_MS])),
            10 => match random.below(6) {
                0 => {
                    let key = format!("k{}", 2 + random.below(2));
                    let owner =
                        owners.entry(key.clone()).or_insert_with(|| (*random.pick(&["ada", "ben", "eva"])).to_owned());
                    let key = json!({"id": key, "organizationId": "acme", "projectId": format!("p{}", u8::from(key == "k3")), "createdBy": owner});
                    world.put("/v1/directory", &json!({"apiKeys": [key]}));
                }
                1 => {
                    let reprice = json!({"from": "2026-01-01", "to": "2027-12-31", "all": true});
                    world.ok("POST", "/v1/reprice", Some(&reprice));
                }
                2 | 3 => {
                    let from = Zone::UTC.date_at(world.now()).plus_days(random.below(8) as i64 - 5);
                    let (subject, kind) = match random.below(4) {
                        0 => (json!({"projectId": "p1"}), "team"),
                        1 => (json!({"userId": "ada"}), "team"),
                        2 => (json!({"apiKeyId": format!("k{}", random.below(4))}), "team"),
                        _ => (json!({"apiKeyId": format!("k{}", random.below(4))}), "owner"),
                    };
                    let of = subject.as_object().unwrap().values().next().unwrap().as_str().unwrap().to_owned();
                    let mut new = json!({"organizationId": "acme", "subject": subject, "from": from.to_string()});
                    let id = match kind {
                        "owner" => Some((*random.pick(&["ada", "ben", "eva"])).to_owned()),
                        _ => (random.below(3) > 0).then(|| "red".to_owned()),
                    };
                    new[if kind == "owner" { "ownerUserId" } else { "teamId" }] = json!(id);
                    assigned.insert((kind, of, from), id);
                    world.put("/v1/directory", &json!({"assignments": [new]}));
                }
                _ => drop(world.engine.seal().unwrap().wait().unwrap()),
            },
            _ => {
                let number = random.below(14);
                let changed = new_budget(&mut random, number);
                // What was reserved of another scope is not of this one: it is told of first.
                let calls: Vec<String> = std::mem::take(&mut under_way).into_keys().collect();
                let told: Vec<Value> = calls
                    .iter()
                    .map(|call| {
                        event(call, &rfc3339_utc(world.now()), &json!({"projectId": "p0", "apiKeyId": "k0", "cost": 0}))
                    })
                    .collect();
                world.events(&json!(told));
                put_budgets(&world, &[changed]);
            }
        }
        check_standings(&world);
    }
    // Of one seed in many, budgets are so small that none is allowed.
    assert!(allowed + refused > 10, "{allowed} were allowed, {refused} refused");
}

fn call(key: &str, call: &str, cost: &str) -> Value {
    json!({"organizationId": "acme", "apiKeyId": key, "model": "gpt-4o", "callId": call, "estimatedCost": cost})
}

fn everybody() -> Value {
    json!({"kind": "organization"})
}

#[test]
fn a_budget_is_taken_whole_or_not_at_all_and_what_is_absent_stays() {
    let world = World::new(START);
    put_directory(&world);
    let full = budget(
        "b",
        json!({"kind": "project", "id": "p0"}),
        json!({"cost": "12.50"}),
        "month",
        &json!({
            "timezone": "asia/kathmandu", "action": "warn", "percent": [80, 50, 80], "from": "2026-10-01", "to": "2026-12-31",
        }),
    );
    put_budgets(&world, std::slice::from_ref(&full));
    let shown = world.budget("b");
    for (field, expected) in [
        ("scope", json!({"kind": "project", "id": "p0"})),
        ("limit", json!({"cost": "12.5"})),
        ("timezone", json!("Asia/Kathmandu")),
        ("percent", json!([50, 80])),
        ("from", json!("2026-10-01")),
        ("status", json!("active")),
        ("spent", json!("0")),
        ("remaining", json!("12.5")),
        ("resetsAt", json!("2026-11-01T00:00:00+05:45")),
    ] {
        assert_eq!(shown[field], expected, "{field}");
    }
    put_budgets(
        &world,
        &[json!({"id": "b", "organizationId": "acme", "limit": {"tokens": 7}, "to": null, "timezone": null})],
    );
    let shown = world.budget("b");
    assert_eq!((&shown["limit"], &shown["action"]), (&json!({"tokens": 7}), &json!("warn")));
    assert_eq!((shown.get("to"), &shown["timezone"]), (None, &json!("Europe/Paris")), "the organization's");

    let good = budget("good", everybody(), json!({"requests": 1}), "day", &json!({}));
    let check = |wrong: Value, status: u16, words: &str| {
        let body = json!({"budgets": [good, wrong]});
        world.refused(world.send("PUT", "/v1/budgets", &[], Some(&body)), status, words);
    };
    let bad = |extra: Value| {
        let mut wrong = full.clone();
        wrong.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        wrong
    };
    check(bad(json!({"scope": {"kind": "galaxy"}})), 400, "unknown variant `galaxy`");
    check(bad(json!({"scope": {"kind": "team", "id": "t"}})), 400, "is for team 't', and organization");
    check(bad(json!({"scope": {"kind": "apiKey"}})), 400, "scope.id is missing: which apiKey is meant");
    check(bad(json!({"scope": {"kind": "member", "id": "nobody"}})), 400, "is for member 'nobody', and organization");
    check(bad(json!({"scope": {"kind": "apiKey", "id": "k9"}})), 400, "is for API key 'k9'");
    check(bad(json!({"window": "fortnight"})), 400, "unknown variant `fortnight`");
    check(bad(json!({"timezone": "Mars/Olympus"})), 400, "timezone 'Mars/Olympus' is unknown");
    check(bad(json!({"limit": {"cost": "-1"}})), 400, "limit.cost is \"-1\"");
    check(bad(json!({"limit": {"requests": -4}})), 400, "limit.requests is -4; it must be a whole number from 0");
    check(bad(json!({"limit": {"cost": 1, "tokens": 1}})), 400, "one of cost, requests and tokens");
    check(bad(json!({"from": "2026-02-30"})), 400, "from '2026-02-30' is no date that exists");
    check(bad(json!({"from": "2027-01-01"})), 400, "from (2027-01-01) of budget 'b' is after its to (2026-12-31)");
    check(bad(json!({"percent": [0]})), 400, "percent has 0; allowed are 1 to 1000");
    check(bad(json!({"limmit": {}})), 400, "did you mean limit?");
    check(bad(json!({"limit": {"cost": "0.0000000000004"}})), 400, "less than the 0.000000000001 US dollars");
    check(bad(json!({"organizationId": "nobody"})), 404, "there is no organization 'nobody'");
    check(json!({"id": "new", "organizationId": "acme", "limit": {"cost": 1}}), 400, "is new and needs a scope");
    assert_eq!(world.budgets().len(), 1, "the good one was not taken by itself");

    let audit = world.get("/v1/audit?organizationId=acme");
    assert!(audit.contains("budget b (limit 12.5 USD → 7 tokens"), "{audit}");
}

#[test]
fn an_estimate_counts_until_the_event_of_its_call_comes_or_ten_minutes_pass() {
    let world = World::new(START);
    put_directory(&world);
    put_budgets(
        &world,
        &[
            budget("cost", everybody(), json!({"cost": 1}), "total", &json!({})),
            budget("calls", json!({"kind": "apiKey", "id": "k1"}), json!({"requests": 2}), "total", &json!({})),
        ],
    );
    assert_eq!(world.decide(&call("k0", "a", "0.4"))["allowed"], true);
    assert_eq!(world.decide(&call("k0", "a", "0.5"))["allowed"], true, "the same call counts once");
    assert_eq!(world.standing("cost"), ["0", "0.5", "0.5"]);
    assert_eq!(world.decide(&call("k0", "b", "0.500000000001"))["allowed"], false);
    assert_eq!(world.decide(&call("k0", "a", "0.9"))["allowed"], true, "it was reserved for by itself");
    assert_eq!(world.decide(&call("k0", "a", "1.1"))["allowed"], false);
    assert_eq!(world.standing("cost"), ["0", "0.9", "0.1"], "the call that was allowed may still be under way");

    let at = rfc3339_utc(world.now());
    world.events(&json!([event(
        "e1",
        &at,
        &json!({"apiKeyId": "k0", "projectId": "p0", "callId": "a", "cost": "0.2"})
    )]));
    assert_eq!(world.standing("cost"), ["0.2", "0", "0.8"]);
    assert_eq!(world.decide(&call("k0", "a", "0.9"))["allowed"], true, "what it used is spent");
    assert_eq!(world.standing("cost"), ["0.2", "0", "0.8"], "a call that was told of reserves nothing again");
    // An event's own id is its call's where it names none.
    world.decide(&call("k0", "e2", "0.3"));
    world.events(&json!([event("e2", &at, &json!({"apiKeyId": "k0", "projectId": "p0", "cost": "0.1"}))]));
    assert_eq!(world.standing("cost"), ["0.3", "0", "0.7"]);

    world.decide(&call("k0", "lost", "0.7"));
    world.wait(9 * MINUTE_MS);
    assert_eq!(world.standing("cost"), ["0.3", "0.7", "0"]);
    let refused = world.decide(&call("k0", "c", "0"));
    assert_eq!(
        (&refused["allowed"], &refused["reasons"][0]["code"]),
        (&json!(false), &json!("budgetExceeded")),
        "nothing is left"
    );
    assert_eq!((&refused["reasons"][0]["budgetId"], refused["reasons"][0].get("resetsAt")), (&json!("cost"), None));
    world.wait(MINUTE_MS);
    assert_eq!(world.standing("cost"), ["0.3", "0", "0.7"]);

    for (number, expected) in [true, true, false].into_iter().enumerate() {
        assert_eq!(world.decide(&call("k1", &format!("n{number}"), "0"))["allowed"], expected);
    }
    assert_eq!(world.standing("calls"), ["0", "2", "0"]);
}

#[test]
fn an_estimate_is_the_price_of_the_tokens_and_says_when_there_is_none() {
    let world = World::new(START);
    put_directory(&world);
    put_budgets(&world, &[budget("cost", everybody(), json!({"cost": 100}), "total", &json!({}))]);
    let ask = |model: &str| {
        json!({
            "organizationId": "acme", "apiKeyId": "k0", "model": model, "callId": "a", "promptTokens": 1000, "maxCompletionTokens": 50,
        })
    };
    assert_eq!(world.decide(&ask("openai/gpt-4o"))["reasons"], json!([]));
    let reserved = world.standing("cost")[1].clone();
    let tokens = json!({"callId": "a", "cost": null, "promptTokens": 1000, "completionTokens": 50});
    world.events(&json!([event("e", &rfc3339_utc(world.now()), &tokens)]));
    assert_eq!(world.standing("cost")[0], reserved, "the event was priced alike");
    let unknown = world.decide(&ask("openai/nobody-knows-it"));
    assert_eq!((&unknown["allowed"], &unknown["reasons"][0]["code"]), (&json!(true), &json!("unknownPrice")));
    assert_eq!(world.decide(&ask("openai/gpt-4o:free"))["reasons"], json!([]));
    let negative = json!({"organizationId": "acme", "apiKeyId": "k0", "model": "gpt-4o", "estimatedCost": -1});
    world.refused(world.send("POST", "/v1/decisions", &[], Some(&negative)), 400, "estimatedCost is -1");
}

#[test]
fn gateways_are_told_by_the_status_and_when_to_come_back() {
    let world = World::new(START);
    put_directory(&world);
    world.put("/v1/directory", &json!({"apiKeys": [{"id": "ab12", "organizationId": "acme", "projectId": "p0"}]}));
    let ingest = world.token(&json!({"kind": "ingest", "organizationId": "acme"}));
    let check = |gateway: &str, key: &str, model: &str| {
        let headers = [("x-rollcall-key", key), ("x-rollcall-model", model)];
        world.send_as(&ingest, "GET", &format!("/v1/decisions/check/{gateway}"), &headers, None)
    };
    let day = budget("day", json!({"kind": "apiKey", "id": "k0"}), json!({"requests": 1}), "day", &json!({}));
    let total = budget("total", json!({"kind": "apiKey", "id": "ab12"}), json!({"requests": 0}), "total", &json!({}));
    let warn = budget("warn", everybody(), json!({"requests": 0}), "total", &json!({"action": "warn"}));
    put_budgets(&world, &[day, total, warn]);
    let policy = json!({"id": "p", "organizationId": "acme", "mode": "enforce", "deniedModels": ["openai/o3"]});
    world.put("/v1/policies", &json!({"policies": [policy]}));
    for gateway in ["envoy", "nginx", "traefik", "caddy"] {
        assert_eq!(check(gateway, "k0", "gpt-4o").0, 200);
        for key in ["sha256:ab12", "sha256:AB12", "SHA256:ab12"] {
            let (status, after, _) = check(gateway, key, "gpt-4o");
            assert_eq!((status, after), (429, Some(86_400)), "{key}: a day where a budget never begins anew");
        }
        world.refused(check(gateway, "k1", "o3"), 403, "policy 'p' denies the model 'o3'");
    }
    let at = rfc3339_utc(world.now());
    world.events(&json!([event("e", &at, &json!({"apiKeyId": "k0", "projectId": "p0"}))]));
    // 10:00 UTC is noon in Paris; its midnight is twelve hours away.
    let (status, after, text) = check("envoy", "k0", "gpt-4o");
    assert_eq!((status, after), (429, Some(12 * 3600)));
    assert!(text.contains("it begins anew at 2026-10-25T00:00:00+02:00"), "{text}");
    let headers = [("x-rollcall-key", "k0")];
    let of_envoy =
        world.send_as(&ingest, "POST", "/v1/decisions/check/envoy/v1/chat/completions?beta=1", &headers, None);
    assert_eq!(of_envoy.0, 429, "Envoy appends the path of the call");
    world.refused(check("apache", "k0", "gpt-4o"), 404, "there is no gateway 'apache' here; there are envoy, nginx");
    world.refused(
        world.send_as(&ingest, "GET", "/v1/decisions/check/caddy", &[], None),
        400,
        "x-rollcall-key is missing",
    );
    // The next day is one of 25 hours.
    world.wait(12 * HOUR_MS);
    assert_eq!(check("envoy", "k0", "gpt-4o").0, 200);
    let at = rfc3339_utc(world.now());
    world.events(&json!([event("f", &at, &json!({"apiKeyId": "k0", "projectId": "p0"}))]));
    assert_eq!(check("envoy", "k0", "gpt-4o").1, Some(25 * 3600));
}

#[test]
fn a_default_is_every_members_and_their_own_goes_before_it() {
    let world = World::new(START);
    put_directory(&world);
    let tokens = ["ada", "eva"].map(|user| world.token(&json!({"kind": "user", "userId": user})));
    put_budgets(
        &world,
        &[
            budget("each", json!({"kind": "member"}), json!({"cost": 1}), "month", &json!({})),
            budget("bens", json!({"kind": "member", "id": "ben"}), json!({"cost": 5}), "day", &json!({})),
            budget("bens-calls", json!({"kind": "member", "id": "ben"}), json!({"requests": 100}), "day", &json!({})),
            budget("key", json!({"kind": "apiKey", "id": "k0"}), json!({"cost": 9}), "month", &json!({})),
        ],
    );
    for (key, cost, expected) in [("k0", "1", true), ("k1", "4", true), ("k2", "9", true), ("k0", "0.1", false)] {
        assert_eq!(world.decide(&call(key, &format!("{key} {cost}"), cost))["allowed"], expected, "{key} {cost}");
    }
    // Whoever makes the call counts where the key is nobody's; somebody unknown is no member.
    let by = |user: &str| {
        let mut asked = call("k2", &format!("by {user}"), "1.5");
        asked["userId"] = json!(user);
        world.decide(&asked)["allowed"].clone()
    };
    assert_eq!((by("eva"), by("ben"), by("nobody")), (json!(false), json!(false), json!(true)));
    let members = world.budget("each")["members"].clone();
    let names: Vec<&str> = members.as_array().unwrap().iter().map(|one| one["userId"].as_str().unwrap()).collect();
    assert_eq!(names, ["ada", "eva"], "not whoever has their own");
    assert_eq!((&members[0]["reserved"], &members[0]["remaining"]), (&json!("1"), &json!("0")));

    let seen = |token: &str| {
        let (_, _, text) = world.send_as(token, "GET", "/v1/budgets?organizationId=acme", &[], None);
        let list: Value = serde_json::from_str(&text).unwrap();
        let budgets = list["budgets"].as_array().unwrap().clone();
        budgets
            .iter()
            .map(|budget| format!("{} {}", budget["id"], budget["members"].as_array().map_or(0, Vec::len)))
            .collect::<Vec<_>>()
    };
    assert_eq!(seen(&tokens[0]), ["\"each\" 1", "\"key\" 0"]);
    assert_eq!(seen(&tokens[1]), ["\"each\" 1"]);
}

#[test]
fn policies_refuse_observe_and_route_and_what_broke_them_is_counted() {
    let world = World::new(START);
    put_directory(&world);
    let policy = |id: &str, mode: &str, extra: Value| {
        let mut policy = json!({"id": id, "organizationId": "acme", "mode": mode});
        policy.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        policy
    };
    world.put(
        "/v1/providers",
        &json!([{"id": "OpenAI", "attributes": ["soc2"]}, {"id": "vertex_ai", "attributes": ["soc2", "eu"]}]),
    );
    let policies = json!({"policies": [
        policy("eu", "observe", json!({"requiredAttributes": ["eu"], "order": ["vertex_ai", "openai"], "maxCost": "0.5"})),
        policy("web", "enforce", json!({"projectId": "p0", "allowedModels": ["openai/gpt-4o"]})),
    ]});
    world.put("/v1/policies", &policies);
    let decide = |key: &str, model: &str| {
        world.decide(&json!({"organizationId": "acme", "apiKeyId": key, "model": model, "estimatedCost": 0}))
    };
    let fine = decide("k0", "vertex_ai/gpt-4o");
    assert_eq!((&fine["allowed"], &fine["reasons"][0]["code"]), (&json!(true), &Value::Null), "{fine}");
    assert_eq!(fine["route"], json!({"order": ["vertex_ai", "openai"], "maxCost": 0.5}));
    let refused = decide("k0", "openai/o3");
    let codes: Vec<&Value> = refused["reasons"].as_array().unwrap().iter().map(|reason| &reason["code"]).collect();
    assert_eq!((&refused["allowed"], codes), (&json!(false), vec![&json!("policyBroken"), &json!("policyObserved")]));
    assert_eq!(decide("k1", "openai/o3")["allowed"], true);

    let at = rfc3339_utc(world.now());
    let used = |id: &str, key: &str, project: &str, model: &str| {
        event(id, &at, &json!({"apiKeyId": key, "projectId": project, "usedModel": model, "cost": 1}))
    };
    world.events(&json!([
        used("1", "k0", "p0", "openai/o3"),
        used("2", "k0", "p0", "vertex_ai/gpt-4o"),
        used("3", "k3", "p1", "openai/o3")
    ]));
    let counts: Value =
        serde_json::from_str(&world.get("/v1/decisions/counts?organizationId=acme&from=2026-10-24&to=2026-10-24"))
            .unwrap();
    let line = |rule: &str, id: &str, project: &str, user: Option<&str>, [refused, observed, found]: [u64; 3]| json!({"rule": rule, "id": id, "projectId": project, "userId": user, "userName": user, "refused": refused, "observed": observed, "found": found});
    assert_eq!(
        counts["counts"],
        json!([
            line("allowedModels", "web", "p0", Some("ada"), [1, 0, 1]),
            line("requiredAttributes", "eu", "p0", Some("ada"), [0, 1, 0]),
            line("requiredAttributes", "eu", "p1", None, [0, 0, 1]),
            line("requiredAttributes", "eu", "p1", Some("ben"), [0, 1, 0]),
        ]),
        "{counts}"
    );
    let other_day = world.get("/v1/decisions/counts?organizationId=acme&from=2026-10-23&to=2026-10-23");
    assert!(other_day.contains("\"counts\":[]"), "{other_day}");

    let listed: Value = serde_json::from_str(&world.get("/v1/policies?organizationId=acme")).unwrap();
    assert_eq!(listed["policies"][1]["allowedModels"], json!(["gpt-4o"]), "canonical");
    assert_eq!(
        world.get("/v1/providers"),
        r#"{"providers":[{"id":"openai","attributes":["soc2"]},{"id":"vertex_ai","attributes":["soc2","eu"]}]}"#
    );
    for (wrong, words) in [
        (policy("p", "block", json!({})), "unknown variant `block`"),
        (json!({"id": "p", "organizationId": "acme"}), "is new and needs a mode"),
        (policy("p", "observe", json!({"projectId": "p9"})), "is for project 'p9'"),
        (policy("p", "observe", json!({"maxCost": "much"})), "maxCost is \"much\""),
        (policy("p", "observe", json!({"allowModels": []})), "did you mean allowedModels?"),
    ] {
        world.refused(world.send("PUT", "/v1/policies", &[], Some(&json!({"policies": [wrong]}))), 400, words);
    }
}

/// Reservations are as one: what is left over is not handed out twice, however many ask at once.
#[test]
fn sixty_four_callers_at_once_do_not_overspend() {
    let server = Server::start();
    server.send_events(OPERATOR, &json!([event("e", "2026-06-01T10:00:00Z", &json!({"cost": "0.25"}))]));
    let budgets = [budget("all", everybody(), json!({"cost": "3.2"}), "total", &json!({}))];
    server.put("/v1/budgets", OPERATOR, &json!({"budgets": budgets})).ok();
    let token = server.token(&json!({"kind": "ingest", "organizationId": "acme"}));
    let allowed: usize = std::thread::scope(|scope| {
        let callers: Vec<_> = (0..64)
            .map(|caller| {
                let (server, token) = (&server, &token);
                scope.spawn(move || {
                    let ask =
                        |number| server.post("/v1/decisions", token, &call("k1", &format!("{caller} {number}"), "0.1"));
                    (0..3).filter(|number| ask(*number).ok().json()["allowed"] == true).count()
                })
            })
            .collect();
        callers.into_iter().map(|caller| caller.join().unwrap()).sum()
    });
    assert_eq!(allowed, 29, "0.25 was spent, and 29 times 0.1 fit into the rest");
    let list = server.get("/v1/budgets?organizationId=acme", OPERATOR).ok().json();
    let standing = &list["budgets"][0];
    assert_eq!((&standing["spent"], &standing["remaining"]), (&json!(0.25), &json!(0.05)));
}

#[test]
fn a_restart_forgets_what_is_reserved_and_nothing_that_is_spent() {
    let directory = tempfile::tempdir().unwrap();
    let mut server = Server::start_in(directory.path());
    server.send_events(OPERATOR, &json!([event("e", "2026-06-01T10:00:00Z", &json!({"cost": "0.25"}))]));
    let budgets = [budget("all", everybody(), json!({"cost": 1}), "total", &json!({}))];
    server.put("/v1/budgets", OPERATOR, &json!({"budgets": budgets})).ok();
    let standing = |server: &Server| {
        let list = server.get("/v1/budgets?organizationId=acme", OPERATOR).ok().json();
        ["spent", "reserved", "remaining"].map(|field| list["budgets"][0][field].clone())
    };
    let ask = |server: &Server| server.post("/v1/decisions", OPERATOR, &call("k1", "a", "0.5")).ok().json();
    assert_eq!(ask(&server)["allowed"], true);
    assert_eq!(standing(&server), [json!(0.25), json!(0.5), json!(0.25)]);
    server.kill();
    let server = Server::start_set(directory.path(), OPERATOR, &[("ROLLCALL_UNKNOWN_KEYS", "refuse")]);
    assert_eq!(standing(&server), [json!(0.25), json!(0), json!(0.75)]);
    assert_eq!(ask(&server)["allowed"], true);
    let unknown = server.post("/v1/decisions", OPERATOR, &call("k99", "b", "0")).ok().json();
    assert_eq!((&unknown["allowed"], &unknown["reasons"][0]["code"]), (&json!(false), &json!("unknownKey")));
    let elsewhere = json!({"organizationId": "nobody", "apiKeyId": "k", "model": "m"});
    server.post("/v1/decisions", OPERATOR, &elsewhere).is_problem(404, "there is no organization 'nobody'");
}

/// LiteLLM's own id of a call is what its proxy asks by, and not the id of the event.
#[test]
fn a_reservation_ends_with_what_litellm_logs_of_the_call() {
    let world = World::new(START);
    put_directory(&world);
    put_budgets(&world, &[budget("cost", everybody(), json!({"cost": 1}), "total", &json!({}))]);
    assert_eq!(world.decide(&call("k0", "7f3a", "0.75"))["allowed"], true);
    let start = world.now() as f64 / 1000.0;
    let logged = json!([{
        "id": "chatcmpl-1", "litellm_call_id": "7f3a", "status": "success", "call_type": "acompletion",
        "startTime": start, "endTime": start + 1.0, "model": "gpt-4o", "custom_llm_provider": "openai",
        "prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15, "response_cost": 0.25,
        "metadata": {"user_api_key_hash": "k0", "user_api_key_team_id": "p0", "user_api_key_org_id": "acme"},
    }]);
    let answer: Value = serde_json::from_str(&world.ok("POST", "/v1/ingest/litellm", Some(&logged))).unwrap();
    assert_eq!(answer["accepted"], 1, "{answer}");
    assert_eq!(world.standing("cost"), ["0.25", "0", "0.75"]);
}

/// What a forecast says is what an alert of that kind fires by, and how far off it was stands beside it.
#[test]
fn a_forecast_is_that_of_alerts_with_a_band_as_wide_as_it_was_off() {
    let world = World::new(START);
    put_directory(&world);
    // From a Monday on ten weeks of two dollars on weekdays and nothing on weekends; the last weeks five.
    let first = Date::parse("2026-08-17").unwrap();
    let used = |number: i64| match (number % 7 < 5, number < 49) {
        (false, _) => 0,
        (true, true) => 2,
        (true, false) => 5,
    };
    let days: Vec<Value> = (0..=68)
        .filter(|number| used(*number) > 0)
        .map(|number| {
            let at = format!("{}T08:00:00Z", first.plus_days(number));
            event(&format!("d{number}"), &at, &json!({"cost": used(number), "apiKeyId": "k0", "projectId": "p0"}))
        })
        .collect();
    world.events(&json!(days));
    put_budgets(
        &world,
        &[
            budget("week", everybody(), json!({"cost": 30}), "week", &json!({"timezone": "UTC"})),
            budget("key", json!({"kind": "apiKey", "id": "k0"}), json!({"requests": 30}), "month", &json!({})),
            budget("each", json!({"kind": "member"}), json!({"cost": 100}), "month", &json!({})),
            budget("ever", everybody(), json!({"cost": 1}), "total", &json!({})),
            budget("other", json!({"kind": "project", "id": "p1"}), json!({"cost": 1}), "week", &json!({})),
        ],
    );
    let asked = "/v1/budgets?organizationId=acme&decimals=string";
    assert!(!world.get(asked).contains("expected"), "only where it is asked for");
    let of = |text: &str, id: &str| {
        let list: Value = serde_json::from_str(text).unwrap();
        list["budgets"].as_array().unwrap().iter().find(|budget| budget["id"] == id).unwrap().clone()
    };
    let text = world.get(&format!("{asked}&forecast=true"));
    // A Saturday: five weekdays have used five each, and weekends nothing.
    let week = of(&text, "week");
    let forecast = &week["forecast"];
    assert_eq!((&week["spent"], &forecast["expected"]), (&json!("25"), &json!("25")));
    let past: Vec<String> = forecast["past"]
        .as_array()
        .unwrap()
        .iter()
        .map(|past| format!("{} {} {}", past["from"], past["expected"], past["spent"]).replace('"', ""))
        .collect();
    assert_eq!(past.len(), 8, "those that were known a week before, and no more than eight: {past:?}");
    assert_eq!(past[0], "2026-08-24 10 10");
    assert_eq!(past[7], "2026-10-12 25 25");
    assert_eq!((&forecast["low"], &forecast["high"]), (&json!("25"), &json!("25")), "a Saturday is never off here");

    // Of a month the rest is as its weekdays were: 17 weekdays have gone or go by at a mean of two and five.
    let [key, each] = ["key", "each"].map(|id| of(&text, id));
    assert_eq!((&key["spent"], &key["forecast"]["expected"]), (&json!("17"), &json!("22")), "five weekdays are left");
    assert_eq!(
        key["forecast"]["past"].as_array().unwrap().len(),
        2,
        "August, of whose 24th a week is known, and September"
    );
    let ada = each["members"].as_array().unwrap().iter().find(|member| member["userId"] == "ada").unwrap();
    assert_eq!((&ada["expected"], &ada["expected"]), (&each["forecast"]["expected"], &each["forecast"]["expected"]));
    for none in ["ever", "other"] {
        assert!(of(&text, none).get("forecast").is_none(), "{none}");
    }
    world.refused(world.send("GET", &format!("{asked}&forecast=yes"), &[], None), 400, "forecast is 'yes'");

    // A Wednesday on which less is used than usual.
    world.clock.store(rollcall::calendar::parse_rfc3339("2026-10-14T12:00:00Z").unwrap(), Ordering::Relaxed);
    let week = of(&world.get(&format!("{asked}&forecast=true")), "week");
    let expected = week["forecast"]["expected"].as_str().unwrap();
    let fires = |percent: u64| {
        let alert = json!({"organizationId": "acme", "kind": "forecast", "budgetId": "week", "threshold": percent});
        let body = json!({"alert": alert, "from": "2026-10-14", "to": "2026-10-14"});
        let fired = world.ok("POST", "/v1/alerts/rehearse", Some(&body));
        fired.contains(&format!("{expected} USD expected"))
    };
    let percent = PicoUsd::parse_sum(expected).unwrap().0 * 100 / PicoUsd::parse_sum("30").unwrap().0;
    assert!(fires(percent as u64) && !fires(percent as u64 + 1), "{expected} of 30");

    // A developer reads their own part and no more.
    let token = world.token(&json!({"kind": "user", "userId": "ben"}));
    let (_, _, bens) = world.send_as(&token, "GET", &format!("{asked}&forecast=true"), &[], None);
    let each = of(&bens, "each");
    assert_eq!(each["members"].as_array().unwrap().len(), 1);
    assert!(each.get("forecast").is_none() && each["members"][0].get("expected").is_none(), "{each}");
}

/// The pages of the log, as many entries each.
fn log_pages(world: &World, token: &str, more: &str) -> Vec<Vec<Value>> {
    let (mut pages, mut before) = (Vec::new(), String::new());
    loop {
        let path = format!("/v1/decisions/log?organizationId=acme{more}{before}");
        let (status, _, text) = world.send_as(token, "GET", &path, &[], None);
        assert_eq!(status, 200, "{text}");
        let page: Value = serde_json::from_str(&text).unwrap();
        pages.push(page["entries"].as_array().unwrap().clone());
        match page["next"].as_str() {
            Some(next) => before = format!("&before={next}"),
            None => return pages,
        }
    }
}

#[test]
fn the_log_says_why_calls_were_refused_and_each_reads_what_is_theirs() {
    let world = World::new(START);
    put_directory(&world);
    world.put("/v1/directory", &json!({"members": [{"organizationId": "acme", "userId": "owen", "role": "owner"}]}));
    put_budgets(
        &world,
        &[
            budget("none", json!({"kind": "apiKey", "id": "k0"}), json!({"cost": 0}), "day", &json!({})),
            budget(
                "told",
                json!({"kind": "member", "id": "ben"}),
                json!({"cost": 0}),
                "total",
                &json!({"action": "warn"}),
            ),
        ],
    );
    let policy = json!({"id": "p", "organizationId": "acme", "mode": "observe", "deniedModels": ["o3"]});
    world.put("/v1/policies", &json!({"policies": [policy]}));
    assert_eq!(world.decide(&call("k2", "fine", "1"))["allowed"], true);
    let refused = world.decide(&call("k0", "a", "1"));
    world.wait(1000);
    assert_eq!(world.decide(&call("k1", "b", "1"))["allowed"], true);
    world.wait(1000);
    let mut o3 = call("k2", "c", "1");
    o3["model"] = json!("openai/o3");
    assert_eq!(world.decide(&o3)["allowed"], true);
    let ingest = world.token(&json!({"kind": "ingest", "organizationId": "acme"}));
    let gateway = || world.send_as(&ingest, "GET", "/v1/decisions/check/nginx", &[("x-rollcall-key", "k0")], None).0;
    world.wait(50_000);
    assert_eq!((gateway(), gateway()), (429, 429));

    let all = log_pages(&world, OPERATOR, "&limit=1");
    assert_eq!(all.len(), 4, "{all:?}");
    let all: Vec<Value> = all.into_iter().flatten().collect();
    let brief: Vec<String> = all
        .iter()
        .map(|entry| {
            format!("{} {} {} {}", entry["apiKeyId"], entry["reasons"][0]["code"], entry["allowed"], entry["times"])
        })
        .map(|text| text.replace('"', ""))
        .collect();
    let expected = [
        "k0 budgetExceeded false 2",
        "k2 policyObserved true 1",
        "k1 budgetWarning true 1",
        "k0 budgetExceeded false 1",
    ];
    assert_eq!(brief, expected, "the check names no model, so it is another call");
    let first = &all[3];
    assert_eq!((&first["at"], &first["decisionId"]), (&json!("2026-10-24T10:00:00+00:00"), &refused["decisionId"]));
    assert_eq!(
        (&first["userId"], &first["userName"], &first["projectId"]),
        (&json!("ada"), &json!("ada"), &json!("p0"))
    );
    assert_eq!(first["reasons"][0], refused["reasons"][0], "in the very words that were told");
    assert_eq!((&all[1]["model"], &all[1]["reasons"][0]["policyId"]), (&json!("o3"), &json!("p")));

    let token = |user: &str| world.token(&json!({"kind": "user", "userId": user}));
    let seen = |user: &str| log_pages(&world, &token(user), "").concat().len();
    assert_eq!([seen("owen"), seen("ada"), seen("ben"), seen("eva")], [4, 2, 1, 0]);
    // Days are those of the zone; a call within a minute of the first is one with it.
    let on =
        |day: &str, zone: &str| log_pages(&world, OPERATOR, &format!("&from={day}&to={day}&timezone={zone}"))[0].len();
    assert_eq!([on("2026-10-24", "UTC"), on("2026-10-25", "UTC"), on("2026-10-25", "Pacific/Kiritimati")], [4, 0, 4]);
    world.wait(9_000);
    gateway();
    world.wait(1_000);
    gateway();
    let times: Vec<Value> = log_pages(&world, OPERATOR, "")[0].iter().map(|entry| entry["times"].clone()).collect();
    assert_eq!(times, [json!(4), json!(1), json!(1), json!(1)]);
    world.wait(60_000);
    gateway();
    assert_eq!(log_pages(&world, OPERATOR, "")[0].len(), 5);
    for name in ["before", "after"] {
        let asked = world.send("GET", &format!("/v1/decisions/log?organizationId=acme&{name}=yesterday"), &[], None);
        world.refused(asked, 400, &format!("{name} is 'yesterday'"));
    }
    // After fourteen days it is forgotten.
    world.wait(15 * DAY_MS);
    gateway();
    assert_eq!(log_pages(&world, OPERATOR, "")[0].len(), 6);
    world.engine.seal().unwrap().wait().unwrap();
    assert_eq!(log_pages(&world, OPERATOR, "")[0].len(), 1);
}

#[test]
fn the_log_outlives_the_program_and_is_in_backups() {
    let directory = tempfile::tempdir().unwrap();
    let mut server = Server::start_in(directory.path());
    let budgets = [budget("all", everybody(), json!({"cost": 0}), "total", &json!({}))];
    server.put("/v1/directory", OPERATOR, &json!({"organizations": [{"id": "acme"}]})).ok();
    server.put("/v1/budgets", OPERATOR, &json!({"budgets": budgets})).ok();
    let refused = server.post("/v1/decisions", OPERATOR, &call("k1", "a", "0.5")).ok().json();
    let log = |server: &Server| server.get("/v1/decisions/log?organizationId=acme", OPERATOR).ok().json();
    let before = log(&server);
    assert_eq!(before["entries"][0]["decisionId"], refused["decisionId"]);
    let backups = tempfile::tempdir().unwrap();
    let (copy, restored) = (backups.path().join("copy.redb"), backups.path().join("restored"));
    let [copy, restored] = [&copy, &restored].map(|path| path.to_str().unwrap());
    let rollcall = |arguments: &[&str]| {
        let output = std::process::Command::new(BINARY).args(arguments).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    rollcall(&["backup", copy, "--url", &server.url, "--token", OPERATOR]);
    server.kill();
    rollcall(&["restore", copy, "--data-dir", restored]);
    assert_eq!(log(&Server::start_in(restored.as_ref())), before);
    let mut server = Server::start_in(directory.path());
    assert_eq!(log(&server), before, "what was read was written");
    let verified = server.post("/v1/verify", OPERATOR, &Value::Null).ok().json();
    assert!(verified["damage"].is_null(), "{verified}");
    // What nobody has asked about is written when the program ends.
    server.post("/v1/decisions", OPERATOR, &call("k2", "b", "0.5")).ok();
    assert_eq!(server.terminate(), Some(0));
    let server = Server::start_in(directory.path());
    assert_eq!(log(&server)["entries"].as_array().unwrap().len(), 2);
}
