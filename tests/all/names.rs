//! Organizations with many names: what is asked of them adds up, long lists come in pages, and names that senders make up
//! are kept up to a limit, beyond which usage is counted all the same.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::support::ledger::{Random, about, fresh_seed};
use crate::support::{OPERATOR, Server, event};
use rollcall::calendar::{Date, Granularity, Window, Zone};
use rollcall::directory::{ApiKeyUpdate, Change, DirectoryUpdate, Learnt, LearntKey, LearntPerson};
use rollcall::engine::Engine;
use rollcall::model::{
    Batch, Combination, CostSource, Count, Event, Fingerprint, Measures, Mode, NameLimits, OTHER_NAMES, PicoUsd,
    UnixMs, Usage,
};
use rollcall::query::{ACTIVITY_COLUMNS, Filter, GroupBy, Query, RankBy, activity};
use rollcall::store::{SealPolicy, Store};
use serde_json::{Value, json};

const NOW: UnixMs = 1_798_761_600_000; // 2027-01-01
const DAY: UnixMs = 86_400_000;

fn engine(directory: &std::path::Path, limits: NameLimits) -> Engine {
    let path = directory.join(rollcall::engine::STORE_FILE);
    let policy = SealPolicy { rows_worth_totals: 1, segments_worth_totals: 3 };
    let open = move || Ok(Store::open(&path)?.with_seal_policy(policy).with_name_limits(limits));
    Engine::start(open, Arc::new(|| NOW)).unwrap()
}

fn combination(key: usize, model: usize) -> Combination {
    Combination {
        organization: "acme".into(),
        project: format!("p{}", key % 3),
        api_key: format!("k{key}"),
        model: format!("m{model}"),
        provider: "openai".into(),
        source: key.is_multiple_of(2).then(|| format!("s{}", key % 5)),
        mode: if key.is_multiple_of(7) { Mode::ApiKeys } else { Mode::Credits },
        cost_source: CostSource::Reported,
    }
}

fn measures(random: &mut Random) -> Measures {
    let mut measures = Measures::ZERO;
    measures.counts[Count::Requests as usize] = 1 + random.below(3);
    measures.counts[Count::TotalTokens as usize] = random.below(10_000);
    measures.cost = PicoUsd(i128::from(random.below(1000)) * 1_000_000);
    measures
}

fn send(engine: &Engine, events: Vec<(UnixMs, Combination, Measures)>, from: usize) {
    let mut batch = Batch::default();
    for (number, (time, combination, measures)) in events.into_iter().enumerate() {
        batch.combinations.push(combination);
        let id = Fingerprint::of(&format!("{}", from + number));
        batch.events.push(Event::new(id, time, number as u32, measures));
    }
    engine.submit(batch).unwrap().wait().unwrap();
}

fn year(granularity: Granularity, top: Option<usize>, by: GroupBy, filter: Filter) -> Query {
    let [from, to] = ["2026-01-10", "2026-12-31"].map(|date| Date::parse(date).unwrap());
    let window = Window { zone: Zone::named("Europe/Paris").unwrap(), from, to, until: None };
    let rank_by = RankBy::Cost;
    Query { window, granularity, group_by: vec![by], filter, rank_by, top, columns: ACTIVITY_COLUMNS }
}

/// More keys than there is room for in each of a year's days: the largest are found first, and the rest is what is left.
#[test]
fn the_largest_of_very_many_keys_and_the_rest_add_up() {
    const KEYS: usize = 12_000;
    let directory = tempfile::tempdir().unwrap();
    let engine = engine(directory.path(), NameLimits::NONE);
    let seed = fresh_seed();
    println!("ROLLCALL_SEED={seed}");
    let mut random = Random(seed);
    let owned = |key| ApiKeyUpdate {
        id: format!("k{key}"),
        organization_id: Some("acme".into()),
        project_id: format!("p{}", key % 3),
        created_by: Some(format!("u{}", key % 40)),
        ..ApiKeyUpdate::default()
    };
    // Some are known before they are used, some only after.
    let update = |keys: std::ops::Range<usize>| {
        let api_keys = keys.step_by(2).map(owned).collect();
        engine
            .change(Change::Merge(DirectoryUpdate { api_keys, ..DirectoryUpdate::default() }))
            .unwrap()
            .wait()
            .unwrap();
    };
    update(0..KEYS / 2);
    for (half, is_sealed) in [(0, true), (1, false)] {
        let events = (0..KEYS).map(|key| {
            let day = random.below(if is_sealed { 200 } else { 150 }) as i64;
            let time = NOW - 370 * DAY + day * DAY + half * 200 * DAY + random.below(DAY as u64) as i64;
            (time, combination(if key % 4 == 0 { key / 100 } else { key }, key % 5), measures(&mut random))
        });
        send(&engine, events.collect(), half as usize * KEYS);
        if is_sealed {
            engine.seal().unwrap().wait().unwrap();
        }
    }
    update(KEYS / 2..KEYS);
    let snapshot = engine.snapshot();
    let about = about(&snapshot);
    let wanted =
        Filter { by: vec![(GroupBy::Project, BTreeSet::from(["p1".into(), "p2".into()]))], ..Filter::default() };
    for filter in [Filter::default(), wanted] {
        // By months there is room for all of them, and nothing is worked out in two steps.
        let whole = activity(about, &year(Granularity::Month, None, GroupBy::ApiKey, filter.clone())).unwrap();
        let days = activity(about, &year(Granularity::Day, None, GroupBy::Provider, filter.clone())).unwrap();
        let days: Vec<Usage> = days.collect_buckets().unwrap().into_iter().map(|(_, usage, _)| usage).collect();
        let key_of = |group: u32| whole.groups[group as usize].labels[0].key.clone();
        for top in [1, 10] {
            let answer = activity(about, &year(Granularity::Day, Some(top), GroupBy::ApiKey, filter.clone())).unwrap();
            assert_eq!(answer.totals, whole.totals);
            assert_eq!(answer.ranking.len(), top + 1);
            for (entry, expected) in answer.ranking.iter().zip(&whole.ranking[..top]) {
                assert_eq!(answer.groups[entry.group as usize].labels[0].key, key_of(expected.group));
                assert_eq!(entry.usage, expected.usage);
            }
            let mut over_days = vec![Usage::default(); top + 1];
            for ((bucket, usage, entries), expected) in answer.collect_buckets().unwrap().iter().zip(&days) {
                assert_eq!(usage, expected, "{}", bucket.label);
                entries.iter().for_each(|entry| over_days[entry.group as usize].add(&entry.usage).unwrap());
            }
            assert!(over_days.iter().eq(answer.ranking.iter().map(|entry| &entry.usage)), "days add up to the window");
        }
    }
    // What is known of names is the same whether it came bit by bit or is read at once.
    let before = activity(about, &year(Granularity::Month, None, GroupBy::User, Filter::default())).unwrap();
    let before = (before.ranking, before.groups, before.totals);
    engine.stop();
    drop((snapshot, engine));
    let again = self::engine(directory.path(), NameLimits::NONE);
    let snapshot = again.snapshot();
    let after = activity(self::about(&snapshot), &year(Granularity::Month, None, GroupBy::User, Filter::default()));
    let after = after.unwrap();
    assert_eq!(before.2.active_members, 20);
    assert_eq!(before, (after.ranking, after.groups, after.totals));
}

/// Whatever names a sender makes up, sums are exact, and no more names are kept than there may be.
#[test]
fn sums_stay_exact_beyond_the_names_that_are_kept() {
    for seed in [1, 2, fresh_seed()] {
        println!("ROLLCALL_SEED={seed}");
        let mut random = Random(seed);
        let limits = NameLimits {
            projects: 1 + random.below(3) as usize,
            api_keys: 1 + random.below(20) as usize,
            models: 1 + random.below(6) as usize,
            providers: 1,
            sources: 1 + random.below(3) as usize,
            combinations: 5 + random.below(60) as usize,
            members: 1,
        };
        let directory = tempfile::tempdir().unwrap();
        let engine = engine(directory.path(), limits);
        // A key that the operator has entered is kept, whenever it is used first.
        let key = ApiKeyUpdate {
            id: "k99".into(),
            organization_id: Some("acme".into()),
            project_id: "p0".into(),
            ..ApiKeyUpdate::default()
        };
        let update = DirectoryUpdate { api_keys: vec![key], ..DirectoryUpdate::default() };
        engine.change(Change::Merge(update)).unwrap().wait().unwrap();
        let (mut sum, mut of_entered) = (Measures::ZERO, Measures::ZERO);
        for batch in 0..8 {
            let events = (0..50).map(|_| {
                let key = random.below(100) as usize;
                let mut combination = combination(key, random.below(12) as usize);
                combination.provider = format!("v{}", random.below(3));
                let measures = measures(&mut random);
                sum.add(&measures).unwrap();
                (NOW - (1 + random.below(300) as i64) * DAY, combination, measures)
            });
            let mut events: Vec<_> = events.collect();
            // Of it there is one combination, so that it is among those kept.
            events.iter_mut().filter(|(_, combination, _)| combination.api_key == "k99").for_each(
                |(_, combination, _)| {
                    *combination = self::combination(0, 0);
                    combination.api_key = OTHER_NAMES.into();
                },
            );
            if batch == 0 {
                let mut entered = combination(0, 0);
                entered.api_key = "k99".into();
                let measures = measures(&mut random);
                sum.add(&measures).unwrap();
                of_entered.add(&measures).unwrap();
                events.insert(0, (NOW - DAY, entered, measures));
            }
            send(&engine, events, batch * 100);
            if batch == 4 {
                engine.seal().unwrap().wait().unwrap();
            }
        }
        let snapshot = engine.snapshot();
        let about = about(&snapshot);
        for (by, most) in [
            (GroupBy::Project, limits.projects),
            (GroupBy::ApiKey, limits.api_keys + 1),
            (GroupBy::Model, limits.models),
            (GroupBy::Provider, limits.providers),
            // Usage without an app is a group as well.
            (GroupBy::Source, limits.sources + 1),
        ] {
            let answer = activity(about, &year(Granularity::Day, None, by, Filter::default())).unwrap();
            assert_eq!(answer.totals.usage.cost(), sum.cost, "{by:?}");
            assert_eq!(answer.totals.usage.get(Count::Requests), sum.get(Count::Requests));
            assert_eq!(answer.totals.usage.get(Count::TotalTokens), sum.get(Count::TotalTokens));
            assert!(answer.groups.len() <= most + 1, "{by:?}: {}", answer.groups.len());
            let labels: BTreeSet<&str> = answer.groups.iter().map(|group| &*group.labels[0].label).collect();
            assert!(by != GroupBy::ApiKey || labels.contains(OTHER_NAMES));
        }
        let entered = rollcall::query::api_key(
            about,
            year(Granularity::Day, None, GroupBy::Model, Filter::default()).window,
            "k99",
            None,
        );
        assert_eq!(entered.unwrap().totals.usage.cost(), of_entered.cost);
        // Nor does what senders say about names make the directory grow.
        let organization_id = || "acme".to_owned();
        let learnt = Learnt {
            people: (0..9)
                .map(|number| LearntPerson {
                    organization_id: organization_id(),
                    user_id: format!("u{number}"),
                    email: None,
                })
                .collect(),
            api_keys: (200..300)
                .map(|number| LearntKey {
                    organization_id: organization_id(),
                    project_id: "p0".into(),
                    id: format!("k{number}"),
                    description: Some("a key".into()),
                    owner: None,
                })
                .collect(),
            ..Learnt::default()
        };
        let keys = snapshot.directory.organization("acme").unwrap().api_keys.len();
        engine.change(Change::Learn(learnt)).unwrap().wait().unwrap();
        let snapshot = engine.snapshot();
        let acme = snapshot.directory.organization("acme").unwrap();
        assert_eq!(acme.members.len(), limits.members);
        assert_eq!(acme.api_keys.len(), keys.max(limits.api_keys));
        engine.stop();
    }
}

fn populated(settings: &[(&str, &str)]) -> (Server, tempfile::TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start_set(directory.path(), OPERATOR, settings);
    (server, directory)
}

#[test]
fn the_intake_ledger_says_what_was_counted_under_other_names() {
    let (server, _directory) = populated(&[("ROLLCALL_MAX_NAMES", "apiKey=2,model=1000")]);
    let events: Vec<Value> = (0..5)
        .map(|key| {
            event(&format!("e{key}"), "2026-06-01T10:00:00Z", &json!({"apiKeyId": format!("k{key}"), "cost": 1}))
        })
        .collect();
    assert_eq!(server.send_events(OPERATOR, &Value::from(events.clone()))["accepted"], 5);
    let answer = server.activity(OPERATOR, "from=2026-06-01&to=2026-06-01&groupBy=apiKey");
    let ranking: BTreeMap<&str, u64> = answer["ranking"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| (entry["key"].as_str().unwrap(), entry["requestCount"].as_u64().unwrap()))
        .collect();
    assert_eq!(ranking, BTreeMap::from([("k0", 1), ("k1", 1), (OTHER_NAMES, 3)]));
    assert_eq!(server.send_events(OPERATOR, &Value::from(events))["duplicates"], 5, "ids are known whatever the name");
    let intake = server.get("/v1/intake?organizationId=acme", OPERATOR).ok().json();
    let told: BTreeSet<(String, String, u64)> = intake["intake"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| {
            let text = |cell: &str| line[cell].as_str().unwrap_or_default().to_owned();
            (text("result"), text("reason"), line["count"].as_u64().unwrap())
        })
        .collect();
    let beyond = "an API key beyond the number of names kept: counted as Other names";
    let line = |result: &str, reason: &str, count| (result.to_owned(), reason.to_owned(), count);
    assert_eq!(told, BTreeSet::from([line("counted", "", 2), line("counted", beyond, 3), line("duplicate", "", 5)]));
}

#[test]
fn long_lists_come_in_pages_with_the_totals_of_the_whole() {
    let (server, _directory) = populated(&[]);
    let directory = json!({
        "users": [{"id": "u1", "name": "Ada", "email": "ada@acme.example"}, {"id": "u2", "name": "Ben"}],
        "members": [
            {"organizationId": "acme", "userId": "u1", "role": "owner"},
            {"organizationId": "acme", "userId": "u2", "role": "developer"},
        ],
        "apiKeys": (0..7).map(|key| json!({"id": format!("k{key}"), "organizationId": "acme", "projectId": "p",
            "description": format!("Key {}", 9 - key), "createdBy": if key % 2 == 0 { "u1" } else { "u2" }}))
            .collect::<Vec<_>>(),
    });
    server.put("/v1/directory", OPERATOR, &directory).ok();
    let events: Vec<Value> = (0..5)
        .map(|key| {
            let more = json!({"apiKeyId": format!("k{key}"), "cost": key * 10 % 40, "promptTokens": 100 - key});
            event(&format!("e{key}"), "2026-06-01T10:00:00Z", &more)
        })
        .collect();
    server.send_events(OPERATOR, &Value::from(events));
    let ask = |list: &str, more: &str| {
        let from = if more.contains("compare") { "2026-06-02" } else { "2026-06-01" };
        let path = format!("/analytics/{list}?organizationId=acme&from={from}&to=2026-06-02{more}");
        server.get(&path, OPERATOR).ok().json()
    };
    let ids = |answer: &Value, list: &str, id: &str| -> Vec<String> {
        let rows = answer[list].as_array().unwrap().iter();
        rows.map(|row| row[id].as_str().unwrap_or("-").to_owned()).collect()
    };
    let all = ask("keys", "");
    assert_eq!(ids(&all, "keys", "id"), ["k3", "k2", "k1", "k0", "k4", "k5", "k6"]);
    assert!(all.get("next").is_none());
    for limit in [1, 2, 3, 7, 8] {
        for sort in ["", "&sort=cost", "&sort=requestCount", "&sort=totalTokens", "&sort=name"] {
            for list in ["keys", "members"] {
                let id = if list == "keys" { "id" } else { "userId" };
                let whole = ask(list, sort);
                let (mut found, mut after) = (Vec::new(), String::new());
                loop {
                    let page = ask(list, &format!("&limit={limit}{sort}{after}"));
                    assert_eq!(page["totals"], whole["totals"]);
                    found.extend(page[list].as_array().unwrap().clone());
                    let Some(next) = page.get("next") else { break };
                    after = format!("&after={}", next.as_str().unwrap());
                }
                assert_eq!(&found, whole[list].as_array().unwrap(), "{list} {limit} {sort}");
                assert!(!ids(&whole, list, id).is_empty());
            }
        }
    }
    for (list, more, expected) in [
        ("keys", "&sort=name", "k6 k5 k4 k3 k2 k1 k0"),
        ("keys", "&q=KEY+8", "k1"),
        ("keys", "&q=k3&limit=5", "k3"),
        ("keys", "&q=nothing", ""),
        ("keys", "&q=ada%40ACME&sort=name", "k6 k4 k2 k0"),
        ("keys", "&q=ben&sort=name&limit=2", "k5 k3"),
        ("members", "&q=ADA%40", "u1"),
        ("members", "&q=ben", "u2"),
        ("members", "&sort=name", "u1 u2"),
    ] {
        let id = if list == "keys" { "id" } else { "userId" };
        let answer = ask(list, more);
        assert_eq!(ids(&answer, list, id).join(" "), expected, "{list} {more}");
        assert_eq!(answer["totals"], ask(list, "")["totals"], "{list} {more}");
    }
    // What it is compared with has the same lines.
    let compared = ask("keys", "&limit=2&compare=previous");
    assert_eq!(ids(&compared, "keys", "id"), ["k0", "k1"]);
    assert_eq!(ids(&compared["previous"], "keys", "id"), ["k1", "k0"]);
    for (more, words) in [
        ("&limit=0", "limit is '0'; it must be a whole number from 1 to 1000"),
        ("&limit=1001", "limit is '1001'; it must be a whole number from 1 to 1000"),
        ("&sort=age", "sort is 'age'; allowed: cost, requestCount, totalTokens, name"),
        ("&after=k1", "after is 'k1'; give what `next` of an answer says"),
    ] {
        let path = format!("/analytics/keys?organizationId=acme{more}");
        server.get(&path, OPERATOR).is_problem(400, words);
    }
}
