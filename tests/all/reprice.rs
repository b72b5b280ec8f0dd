//! Repricing: what had no price gets one, reported costs stay, and every figure adds up to the last digit.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use crate::support::disk::CrashDisk;
use crate::support::ledger::{COST_SOURCES, Entry, Ledger, Random, batch, check, fresh_seed, repricing, setting};
use crate::support::{Answer, BINARY, OPERATOR, Server, bearer, event, number_text};
use rollcall::calendar::{Date, Granularity, Window, Zone};
use rollcall::engine::{Engine, RepriceReport};
use rollcall::model::{Combination, Completeness, CostSource, Count, Day, HOUR_MS, Measures, Mode, PicoUsd, UnixMs};
use rollcall::query::{ACTIVITY_COLUMNS, Filter, GroupBy, Query, RankBy};
use rollcall::store::{Repriced, SealPolicy, Store};
use serde_json::{Value, json};

/// 2026-06-10T12:00:00Z
const NOON: UnixMs = 1_781_092_800_000;
const TODAY: u32 = 20_614;

fn random_entries(random: &mut Random) -> Vec<Entry> {
    let entry = |random: &mut Random| {
        let mut measures = Measures { cost: PicoUsd(i128::from(random.below(1 << 40))), ..Measures::ZERO };
        measures.counts.fill_with(|| random.below(5000));
        let requests = 1 + random.below(3);
        let cost_source = *random.pick(&COST_SOURCES);
        let unpriced = matches!(cost_source, CostSource::Unpriced | CostSource::Unmeasured);
        if unpriced {
            measures.cost = PicoUsd::ZERO;
        }
        measures.counts[Count::Requests as usize] = requests;
        measures.counts[Count::Unpriced as usize] = if unpriced { requests } else { 0 };
        let combination = Combination {
            organization: "acme".into(),
            project: format!("p{}", random.below(2)),
            api_key: format!("k{}", random.below(3)),
            model: format!("m{}", random.below(4)),
            provider: "v".into(),
            source: None,
            mode: if random.below(3) == 0 { Mode::ApiKeys } else { Mode::Credits },
            cost_source,
        };
        // Few hours, so that series meet in them.
        Entry {
            time: NOON - random.below(120) as i64 * 8 * HOUR_MS - random.below(60) as i64 * 60_000,
            combination,
            completeness: Completeness::Final,
            measures,
            is_placed: false,
        }
    };
    (0..600).map(|_| entry(random)).collect()
}

/// What a repricing of single events would say, by model.
fn expected(entries: &mut [Entry], days: &std::ops::RangeInclusive<Day>, all: bool) -> BTreeMap<String, Repriced> {
    let mut models: BTreeMap<String, Repriced> = BTreeMap::new();
    for entry in entries {
        let (model, source) = (entry.combination.model.clone(), entry.combination.cost_source);
        let requests = entry.measures.get(Count::Requests);
        let inside = days.contains(&Day((entry.time / (24 * HOUR_MS)) as u32));
        let repriced = match entry.reprice(days, all) {
            Some((before, after)) => Repriced {
                requests,
                newly_priced: if source == CostSource::Unpriced { requests } else { 0 },
                unpriced: 0,
                before: before.0,
                after: after.0,
            },
            None if inside && matches!(source, CostSource::Unpriced | CostSource::Unmeasured) => {
                Repriced { unpriced: requests, ..Repriced::default() }
            }
            None => continue,
        };
        models.entry(model).or_default().add(&repriced).unwrap();
    }
    models
}

fn by_model(report: RepriceReport) -> BTreeMap<String, Repriced> {
    report.models.into_iter().map(|((_, model), repriced)| (model, repriced)).collect()
}

fn asked(random: &mut Random, group_by: Vec<GroupBy>) -> Query {
    let date = |text| Date::parse(text).unwrap();
    Query {
        window: Window::new(
            *random.pick(&[Zone::UTC, Zone::named("Asia/Kathmandu").unwrap()]),
            date("2026-04-20"),
            date("2026-06-20"),
            Granularity::Day,
        )
        .unwrap(),
        granularity: Granularity::Day,
        group_by,
        filter: Filter::default(),
        rank_by: RankBy::Cost,
        top: None,
        columns: ACTIVITY_COLUMNS,
    }
}

fn check_all(engine: &Engine, ledger: &Ledger, random: &mut Random) {
    let snapshot = engine.snapshot();
    rollcall::engine::check(&snapshot.reader, &mut |_, _| ()).unwrap();
    for group_by in
        [vec![], vec![GroupBy::Model], vec![GroupBy::CostSource], vec![GroupBy::CostSource, GroupBy::ApiKey]]
    {
        check(&snapshot, ledger, &asked(random, group_by));
    }
    let mut only = asked(random, vec![GroupBy::Model]);
    let source = *random.pick(&["reported", "priced", "unpriced"]);
    only.filter.by.push((GroupBy::CostSource, [source.to_owned()].into()));
    check(&snapshot, ledger, &only);
}

/// Sealed rows, late rows and open ones, any window, twice, beside a list of events.
fn check_seed(seed: u64) {
    println!("ROLLCALL_SEED={seed}");
    let random = &mut Random(seed);
    let policy = SealPolicy {
        rows_worth_totals: *random.pick(&[0, 200, 320, 10_000]),
        segments_worth_totals: *random.pick(&[0, 3, 20]),
    };
    let disk = CrashDisk::new(Vec::new());
    let open = move || Ok(Store::open_backend(disk.clone())?.with_seal_policy(policy));
    let engine = Engine::start(open, Arc::new(|| NOON)).unwrap();
    let mut ledger = Ledger { entries: random_entries(random), ..Ledger::default() };
    let ids: Vec<String> = (0..ledger.entries.len()).map(|number| number.to_string()).collect();
    for (number, range) in [0..250, 250..450, 450..600].into_iter().enumerate() {
        let events = range.clone().map(|number| (&*ids[number], &ledger.entries[number]));
        engine.submit(batch(events)).unwrap().wait().unwrap();
        if number < 2 && random.below(3) > 0 {
            engine.seal().unwrap().wait().unwrap();
        }
        let from = TODAY - random.below(45) as u32;
        let (days, all) = (Day(from)..=Day(from + random.below(45) as u32), random.below(2) == 0);
        let request = repricing(days.clone(), all);
        let mut steps = (0, 0);
        let planned = engine.reprice(&request, true, &mut |done, of| steps = (done, of)).unwrap();
        assert!(steps.0 == steps.1 && planned.number.is_none(), "{steps:?}");
        let so_far = |ledger: &Ledger| Ledger { entries: ledger.entries[..range.end].to_vec(), ..Ledger::default() };
        check_all(&engine, &so_far(&ledger), random);

        let expected = expected(&mut ledger.entries[..range.end], &days, all);
        assert_eq!(by_model(planned), expected, "the dry run");
        let booked = engine.reprice(&request, false, &mut |_, _| ()).unwrap();
        let changed = booked.number.is_some();
        assert_eq!(by_model(booked), expected, "what was booked");
        let so_far = so_far(&ledger);
        assert_eq!(changed, expected.values().any(|model| model.newly_priced > 0 || model.before != model.after));
        check_all(&engine, &so_far, random);

        let again = engine.reprice(&request, false, &mut |_, _| ()).unwrap();
        assert_eq!(again.number, None);
        assert!(again.models.values().all(|model| model.before == model.after && model.newly_priced == 0));
        check_all(&engine, &so_far, random);
    }
}

#[test]
fn the_difference_is_what_single_events_would_make_and_again_changes_nothing() {
    match setting("ROLLCALL_SEED") {
        Some(seed) => check_seed(seed),
        None => [1, 2, 3, 4].into_iter().chain((0..8).map(|n| fresh_seed() + n)).for_each(check_seed),
    }
}

const PRICES: &str = r#"{"prices": [{"model": "own-7b", "inputPerMillion": "0.20", "outputPerMillion": "0.80"}]}"#;
const JUNE: &str = "from=2026-06-01&to=2026-06-30";

/// What was taken before a clock went back is in the future now, and repriced like the rest.
#[test]
fn a_clock_that_went_back_leaves_nothing_out() {
    let clock = Arc::new(AtomicI64::new(NOON));
    let (disk, shown) = (CrashDisk::new(Vec::new()), clock.clone());
    let open = move || Store::open_backend(disk.clone());
    let engine = Engine::start(open, Arc::new(move || shown.load(Ordering::Relaxed))).unwrap();
    let random = &mut Random(1);
    let mut ledger = Ledger { entries: random_entries(random), ..Ledger::default() };
    let ids: Vec<String> = (0..ledger.entries.len()).map(|number| number.to_string()).collect();
    engine.submit(batch(ids.iter().map(String::as_str).zip(&ledger.entries))).unwrap().wait().unwrap();
    clock.fetch_sub(40 * 24 * HOUR_MS, Ordering::Relaxed);
    let days = Day(0)..=Day(TODAY);
    let report = engine.reprice(&repricing(days.clone(), true), false, &mut |_, _| ()).unwrap();
    assert_eq!(by_model(report), expected(&mut ledger.entries, &days, true));
    check_all(&engine, &ledger, random);
}

/// One call of each kind: priced by the list, by its sender, by nobody, and one that answered from a cache.
fn one_of_each(organization: &str) -> Value {
    let call = |id: &str, extra: Value| {
        let mut event = event(id, "2026-06-05T10:20:30Z", &json!({"organizationId": organization, "cost": null}));
        event.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        event
    };
    json!([
        call("list", json!({})),
        call("sender", json!({"usedModel": "vllm/own-7b", "cost": "0.5"})),
        call("nobody", json!({"usedModel": "vllm/own-7b", "promptTokens": 1000, "completionTokens": 100})),
        call("again", json!({"usedModel": "vllm/own-7b", "promptTokens": 2000, "completionTokens": 50, "count": 2})),
        call("other", json!({"usedModel": "vllm/unheard-of"})),
        call("cache", json!({"usedModel": "vllm/own-7b", "cached": true})),
    ])
}

fn activity(server: &Server, query: &str) -> Answer {
    server.get(&format!("/analytics/activity?organizationId=acme&{JUNE}&{query}"), OPERATOR).ok()
}

/// Requests and cost of each source.
fn by_source(server: &Server) -> BTreeMap<String, (u64, String)> {
    let answer = activity(server, "groupBy=costSource").json();
    let entry = |entry: &Value| {
        let key = entry["key"].as_str().unwrap().to_owned();
        (key, (entry["requestCount"].as_u64().unwrap(), entry["cost"].to_string()))
    };
    answer["ranking"].as_array().unwrap().iter().map(entry).collect()
}

fn reprice(server: &Server, extra: &Value) -> Answer {
    let mut body = json!({"from": "2026-06-01", "to": "2026-06-30"});
    body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    server.post("/v1/reprice", OPERATOR, &body)
}

fn start_with_prices(directory: &Path) -> Server {
    let prices = directory.join("prices.json");
    std::fs::write(&prices, PRICES).unwrap();
    Server::start_set(directory, OPERATOR, &[("ROLLCALL_PRICES", prices.to_str().unwrap())])
}

#[test]
fn unpriced_requests_get_a_price_and_what_changed_is_kept() {
    let directory = tempfile::tempdir().unwrap();
    let mut server = Server::start_in(directory.path());
    server.send_events(OPERATOR, &one_of_each("acme"));
    server.send_events(OPERATOR, &one_of_each("other"));
    let list = "0.00045";
    let before = BTreeMap::from([
        ("priced".to_owned(), (1, list.to_owned())),
        ("reported".to_owned(), (2, "0.5".to_owned())),
        ("unpriced".to_owned(), (4, "0".to_owned())),
    ]);
    assert_eq!(by_source(&server), before);
    server.kill();

    let server = start_with_prices(directory.path());
    let etag = activity(&server, "groupBy=model");
    let dry = reprice(&server, &json!({"dryRun": true, "organizationIds": ["acme"]})).ok();
    assert_eq!(by_source(&server), before, "a dry run books nothing");
    // 3,000 tokens in at 0.20 and 150 out at 0.80 for a million.
    let lines = json!([
        {"organizationId": "acme", "model": "own-7b", "requestCount": 3, "newlyPricedRequestCount": 3,
         "unpricedRequestCount": 0, "costBefore": 0, "costAfter": 0.00072},
        {"organizationId": "acme", "model": "unheard-of", "requestCount": 0, "newlyPricedRequestCount": 0,
         "unpricedRequestCount": 1, "costBefore": 0, "costAfter": 0},
    ]);
    let totals = json!({
        "requestCount": 3, "newlyPricedRequestCount": 3, "unpricedRequestCount": 1, "costBefore": 0, "costAfter": 0.00072,
    });
    assert_eq!(dry.json(), json!({"id": null, "totals": totals, "models": lines}));
    assert_eq!(number_text(&dry.text, "costAfter"), "0.00072");

    let booked = reprice(&server, &json!({"organizationIds": ["acme"]})).ok().json();
    assert_eq!(booked["models"], lines);
    let after = BTreeMap::from([
        ("priced".to_owned(), (4, "0.00117".to_owned())),
        ("reported".to_owned(), (2, "0.5".to_owned())),
        ("unpriced".to_owned(), (1, "0".to_owned())),
    ]);
    assert_eq!(by_source(&server), after);
    let now = activity(&server, "groupBy=model");
    assert_ne!(now.header("etag"), etag.header("etag"));
    assert_eq!(now.json()["totals"]["unpricedRequestCount"], 1);
    for (filter, requests) in [("priced", 4), ("reported", 2), ("unpriced", 1), ("priced&costSource=unpriced", 5)] {
        assert_eq!(activity(&server, &format!("costSource={filter}")).json()["totals"]["requestCount"], requests);
    }
    assert!(activity(&server, "groupBy=costSource&format=csv").text.contains("unpriced,Unpriced"));

    for all in [false, true] {
        let again = reprice(&server, &json!({"organizationIds": ["acme"], "all": all})).ok().json();
        assert!(again["id"].is_null(), "{again}");
        let differs = |line: &Value| line["costBefore"] != line["costAfter"];
        assert!(!again["models"].as_array().unwrap().iter().any(differs), "{again}");
    }
    assert_eq!(by_source(&server), after);

    let kept = server.get("/v1/repricings?organizationId=acme", OPERATOR).ok().json();
    let [kept] = &kept["repricings"].as_array().unwrap()[..] else { panic!("one repricing: {kept}") };
    assert_eq!((&kept["id"], &kept["models"]), (&booked["id"], &json!([lines[0]])));
    assert_eq!(
        (&kept["from"], &kept["to"], &kept["actor"], &kept["all"]),
        (&json!("2026-06-01"), &json!("2026-06-30"), &json!("operator"), &json!(false))
    );
    let none = server.get("/v1/repricings?organizationId=other", OPERATOR).ok().json();
    assert_eq!(none, json!({"repricings": []}), "other organizations were not asked for");
    let audit = server.get("/v1/audit?organizationId=acme", OPERATOR).ok().json();
    let entry = audit["entries"].as_array().unwrap().iter().find(|entry| entry["action"] == "reprice").unwrap();
    assert_eq!((&entry["sequence"], &entry["target"]), (&kept["id"], &json!("2026-06-01 to 2026-06-30")));
    assert_eq!(entry["detail"], "3 requests, 3 of them unpriced before: 0 USD, now 0.00072 USD");
    let verified = server.post("/v1/verify", OPERATOR, &Value::Null).ok().json();
    assert!(verified["damage"].is_null(), "{verified}");
}

#[test]
fn what_is_wrong_about_a_repricing_is_named() {
    let server = Server::start();
    server.send_events(OPERATOR, &one_of_each("acme"));
    reprice(&server, &json!({"from": "2026-06-31"})).is_problem(400, "from '2026-06-31' is no date");
    reprice(&server, &json!({"from": "2026-07-01"})).is_problem(400, "from (2026-07-01) is after to (2026-06-30)");
    reprice(&server, &json!({"organizationIds": ["nobody"]})).is_problem(404, "there is no organization 'nobody'");
    reprice(&server, &json!({"everything": true})).is_problem(400, "everything");
    let wrong = server.get(&format!("/analytics/activity?organizationId=acme&{JUNE}&costSource=free"), OPERATOR);
    wrong.is_problem(400, "costSource is 'free'; allowed are reported, priced and unpriced");
}

fn run(directory: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let window = ["reprice", "--from", "2026-06-01", "--to", "2026-06-30", "--data-dir"];
    let mut command = Command::new(BINARY);
    let output = command.args(window).arg(directory).args(arguments).env("ROLLCALL_TOKEN", OPERATOR).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

/// A line of the table by its columns, which begin with these words.
fn columns(table: &str, start: &str) -> Vec<String> {
    let mut lines = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let line = lines.find(|line| line.join(" ").starts_with(start)).unwrap_or_else(|| panic!("{table}"));
    line.into_iter().map(str::to_owned).collect()
}

#[test]
fn the_command_shows_the_difference_before_it_books_it() {
    let directory = tempfile::tempdir().unwrap();
    let mut server = Server::start_in(directory.path());
    server.send_events(OPERATOR, &one_of_each("acme"));
    // The book of a server is its own.
    let prices = directory.path().join("prices.json");
    std::fs::write(&prices, PRICES).unwrap();
    let prices = ["--prices", prices.to_str().unwrap()];
    let (code, _, error) = run(directory.path(), &prices);
    assert!(code == Some(2) && error.contains("a server has its own"), "{error}");
    let (code, table, _) = run(directory.path(), &["--dry-run"]);
    assert_eq!(
        (code, columns(&table, "total")),
        (Some(0), ["total", "0", "0", "0", "0", "0", "4"].map(str::to_owned).into())
    );
    server.kill();

    let own_7b = ["acme", "own-7b", "3", "0", "0.00072", "0.00072", "3", "0"].map(str::to_owned).to_vec();
    let (code, table, note) = run(directory.path(), &[&prices[..], &["--dry-run"]].concat());
    assert!(code == Some(0) && note.contains("nothing was booked"), "{note}");
    assert_eq!(columns(&table, "acme"), own_7b);
    let (code, table, note) = run(directory.path(), &[&prices[..], &["--model", "own-7b"]].concat());
    assert!(code == Some(0) && note.contains("booked as repricing"), "{note}");
    assert_eq!(columns(&table, "acme"), own_7b);
    // A discount on what the list says is seen only by --all.
    let discount = directory.path().join("discount.json");
    std::fs::write(&discount, r#"{"prices": [{"provider": "openai", "discountPercent": 10}]}"#).unwrap();
    let discount = ["--prices", discount.to_str().unwrap(), "--organization", "acme"];
    let (_, table, note) = run(directory.path(), &discount);
    assert!(note.contains("there was nothing to book"), "{note}");
    assert_eq!(columns(&table, "total")[3], "0");
    let (_, table, _) = run(directory.path(), &[&discount[..], &["--all"]].concat());
    let expected = ["acme", "gpt-4o", "1", "0.00045", "0.000405", "-0.000045", "0", "0"].map(str::to_owned);
    assert_eq!(columns(&table, "acme gpt-4o"), expected);

    let server = Server::start_in(directory.path());
    let kept = server.get("/v1/repricings?organizationId=acme", OPERATOR).ok().json();
    let actors: Vec<&Value> = kept["repricings"].as_array().unwrap().iter().map(|kept| &kept["actor"]).collect();
    assert_eq!(actors, ["command", "command"]);
    assert_eq!(activity(&server, "").json()["totals"]["cost"].to_string(), "0.501125");
}

const MONTHS: u64 = 72;

#[test]
fn a_kill_in_the_middle_leaves_whole_periods_and_again_does_the_rest() {
    let deadline = Instant::now() + Duration::from_secs(300);
    let mut organizations = 3;
    // Where a disk is fast, all may be booked before the first look: then there has to be more to do.
    while kills_in_the_middle(organizations) == 0 {
        assert!(Instant::now() < deadline, "{organizations} organizations are repriced before anyone can look");
        organizations *= 2;
    }
}

/// Kills the server once it has booked something, until one repricing comes to its end. How many kills left a part.
fn kills_in_the_middle(organizations: u64) -> u64 {
    let directory = tempfile::tempdir().unwrap();
    let names: Vec<String> = (0..organizations).map(|number| format!("o{number}")).collect();
    let all = organizations * MONTHS;
    // Without own prices at first.
    let mut server = Server::start_in(directory.path());
    for organization in &names {
        let call = |month: u64| {
            let at = format!("{}-{:02}-11T10:00:00Z", 2020 + month / 12, 1 + month % 12);
            let extra = json!({"organizationId": organization, "usedModel": "vllm/own-7b", "cost": null,
                "promptTokens": 5, "completionTokens": 0});
            event(&format!("{month}"), &at, &extra)
        };
        server.send_events(OPERATOR, &Value::from((0..MONTHS).map(call).collect::<Vec<_>>()));
    }
    server.kill();
    let mut halves = 0;
    for round in 0.. {
        let mut server = start_with_prices(directory.path());
        let (url, everything) = (server.url.clone(), json!({"from": "2020-01-01", "to": "2026-06-30"}));
        let done = std::thread::scope(|scope| {
            let asked = scope.spawn(|| {
                let config = ureq::Agent::config_builder().timeout_global(Some(Duration::from_secs(60))).build();
                let request = ureq::Agent::from(config).post(format!("{url}/v1/reprice"));
                request.header("authorization", bearer(OPERATOR)).send_json(&everything).is_ok()
            });
            let deadline = Instant::now() + Duration::from_secs(60);
            // Later each time.
            let enough = 1 + all / 10 * round;
            let mut booked = 0;
            while booked < enough && !asked.is_finished() {
                assert!(Instant::now() < deadline, "{}", server.log.lock().unwrap());
                booked = newly_priced(&server, &names);
            }
            if !asked.is_finished() {
                server.kill();
            }
            asked.join().unwrap()
        });
        server.kill();
        let server = start_with_prices(directory.path());
        let verified = server.post("/v1/verify", OPERATOR, &Value::Null).ok().json();
        assert!(verified["damage"].is_null(), "{verified}");
        let priced = newly_priced(&server, &names);
        let mut found = [0, 0];
        let mut cost = 0.0;
        for organization in &names {
            let window = "from=2020-01-01&to=2026-06-30&granularity=month&groupBy=costSource";
            let path = format!("/analytics/activity?organizationId={organization}&{window}");
            let totals = server.get(&path, OPERATOR).ok().json()["totals"].clone();
            found[0] += totals["requestCount"].as_u64().unwrap();
            found[1] += totals["unpricedRequestCount"].as_u64().unwrap();
            cost += totals["cost"].as_f64().unwrap();
        }
        assert_eq!(found, [all, all - priced], "round {round}");
        // A request of five tokens is a microdollar.
        assert_eq!((cost * 1e6).round() as u64, priced);
        if done {
            assert_eq!(priced, all);
            break;
        }
        halves += u64::from((1..all).contains(&priced));
    }
    println!("{halves} kills in the middle of {all} requests");
    halves
}

/// Requests that repricings of these organizations priced, by what is kept of them.
fn newly_priced(server: &Server, organizations: &[String]) -> u64 {
    let of = |organization: &String| {
        let kept = server.get(&format!("/v1/repricings?organizationId={organization}"), OPERATOR).ok().json();
        let models = kept["repricings"].as_array().unwrap().clone();
        let models = models.iter().flat_map(|kept| kept["models"].as_array().unwrap().clone());
        models.map(|model| model["newlyPricedRequestCount"].as_u64().unwrap()).sum::<u64>()
    };
    organizations.iter().map(of).sum()
}
