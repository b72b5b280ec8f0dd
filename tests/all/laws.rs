//! The laws every answer keeps, held against a second implementation that is too simple to be wrong.
//!
//! Runs with fixed seeds and with a fresh one, which is printed; `ROLLCALL_SEED=n` replays it, and
//! `ROLLCALL_SEEDS=n` tries that many fresh ones.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use crate::support::elsewhere::answered_elsewhere;
use crate::support::ledger::{
    Assignment, COST_SOURCES, Entry, Ledger, Random, Sums, about, add, bucket_label, check, fresh_seed, question,
    setting, shown,
};
use chrono::{DateTime, TimeZone};
use chrono_tz::Tz;
use num_bigint::BigInt;
use rollcall::calendar::{Date, Granularity, Window, Zone};
use rollcall::directory::{
    ApiKeyUpdate, Assignable, Assigned, AssignmentKind, AssignmentName, AssignmentUpdate, Change, DirectoryUpdate,
    MemberUpdate, OrganizationUpdate, ProjectUpdate, Role, Status, TeamUpdate,
};
use rollcall::engine::{Engine, STORE_FILE, Snapshot};
use rollcall::model::{
    Batch, Combination, Completeness, CostSource, Count, Event, Fingerprint, Measures, Mode, PicoUsd, UnixMs, Usage,
};
use rollcall::query::{
    ACTIVITY_COLUMNS, Cause, Figure, Filter, GroupBy, Page, Query, QueryError, RankBy, Table, Viewer, Worth, activity,
    change, earlier, explain, rollups,
};
use rollcall::store::{SealPolicy, Store};

const FIXED_SEEDS: [u64; 3] = [1, 2, 20_260_601];
const EVENTS: usize = 400;
const QUESTIONS: usize = 120;
const NOW: UnixMs = 1_798_761_600_000; // 2027-01-01

const CREATORS: [(&str, &str); 3] = [("k0", "ada"), ("k1", "ada"), ("k2", "ben")];

fn make_events(random: &mut Random, zone: Tz) -> Ledger {
    // Around a random day of the zone, and dense around its midnights, where mistakes live.
    let middle = 1_577_836_800_000 + random.below(6 * 365) as i64 * 86_400_000;
    let rich = random.below(4) == 0;
    let entries = (0..EVENTS).map(|_| {
        let day = middle + random.below(40) as i64 * 86_400_000;
        let midnight = zone.from_utc_datetime(&DateTime::from_timestamp_millis(day).unwrap().naive_utc());
        let offset = i64::from(chrono::Offset::fix(midnight.offset()).local_minus_utc()) * 1000;
        let time = match random.below(3) {
            0 => day - offset + random.below(7_200_000) as i64 - 3_600_000,
            1 => (day - offset) / 900_000 * 900_000 - random.below(2) as i64,
            _ => day + random.below(86_400_000) as i64,
        };
        let mut measures = Measures::ZERO;
        for count in 0..measures.counts.len() {
            measures.counts[count] = random.below(5) * random.below(1000);
        }
        measures.counts[Count::Requests as usize] = 1 + random.below(3);
        measures.cost = PicoUsd(i128::from(random.below(1 << 40)) * [1, 1000, 2_500_000][random.below(3) as usize]);
        if rich {
            // Together more than 64 bits of picodollars.
            measures.cost.0 += PicoUsd::MAX_EVENT.0 / 2;
        }
        if random.below(20) == 0 && measures.cost != PicoUsd::ZERO {
            // What a tool costs is money without a request.
            measures.counts.fill(0);
        }
        let entry = Entry {
            time,
            combination: Combination {
                organization: "acme".into(),
                project: format!("p{}", random.below(3)),
                api_key: format!("k{}", random.below(5)),
                model: format!("m{}", random.below(4)),
                provider: format!("v{}", random.below(2)),
                source: (random.below(3) > 0).then(|| format!("s{}", random.below(2))),
                mode: if random.below(3) == 0 { Mode::ApiKeys } else { Mode::Credits },
                cost_source: CostSource::default(),
            },
            completeness: Completeness::Final,
            measures,
            is_placed: false,
        };
        entry.with_cost_source(*random.pick(&COST_SOURCES))
    });
    let entries = entries.filter(|entry| entry.time >= 1_577_836_800_000 && entry.time < NOW).collect();
    let creators = CREATORS.map(|(key, user)| (key.to_owned(), user.to_owned())).into();
    let first = middle - 10 * 86_400_000;
    Ledger { entries, creators, ..assignments(random, first) }
}

const MEMBERS: [&str; 3] = ["ada", "ben", "cat"];
const TEAMS: [(&str, Option<&str>); 3] = [("t0", Some("c0")), ("t1", Some("c0")), ("t2", None)];

/// What is said of some keys, people and projects, from days within two months; in most runs.
fn assignments(random: &mut Random, first: UnixMs) -> Ledger {
    let zones: Vec<Tz> = Zone::all().filter_map(|zone| zone.name().parse().ok()).collect();
    let mut said: BTreeMap<(AssignmentKind, Assignable, Date), Assignment> = BTreeMap::new();
    for _ in 0..random.pick(&[0, 3, 12, 30]).to_owned() {
        let day = |days: u64| Zone::UTC.date_at(first + days as i64 * 86_400_000);
        let (key, project) = (random.below(5), random.below(3));
        let begins = random.below(60);
        let (from, to) = (day(begins), (random.below(3) == 0).then(|| day(begins + random.below(20))));
        let (kind, subject, id) = match random.below(4) {
            0 => {
                let owner = (*random.pick(&MEMBERS)).to_owned();
                (AssignmentKind::Owner, Assignable::ApiKey(format!("k{key}")), Some(owner))
            }
            subject => {
                let subject = match subject {
                    1 => Assignable::ApiKey(format!("k{key}")),
                    2 => Assignable::User((*random.pick(&MEMBERS)).to_owned()),
                    _ => Assignable::Project(format!("p{project}")),
                };
                let team = (random.below(4) > 0).then(|| random.pick(&TEAMS).0.to_owned());
                (AssignmentKind::Team, subject, team)
            }
        };
        said.insert((kind, subject.clone(), from), Assignment { kind, subject, id, from, to });
    }
    let cost_centres = TEAMS.iter().filter_map(|(team, centre)| Some(((*team).to_owned(), (*centre)?.to_owned())));
    Ledger {
        zone: Some(*random.pick(&zones)),
        assignments: said.into_values().collect(),
        cost_centres: cost_centres.collect(),
        ..Ledger::default()
    }
}

/// The same, as the directory takes it.
fn teams(ledger: &Ledger) -> DirectoryUpdate {
    let organization_id = || "acme".to_owned();
    let organization = OrganizationUpdate {
        id: organization_id(),
        timezone: ledger.zone.map(|zone| zone.name().to_owned()),
        ..OrganizationUpdate::default()
    };
    let teams = TEAMS.map(|(id, centre)| TeamUpdate {
        id: id.into(),
        organization_id: organization_id(),
        cost_centre: Some(centre.map(str::to_owned)),
        status: (id == "t2").then_some(Status::Deleted),
        ..TeamUpdate::default()
    });
    let projects = (0..3).map(|number| ProjectUpdate {
        id: format!("p{number}"),
        organization_id: organization_id(),
        ..ProjectUpdate::default()
    });
    let assignments = ledger.assignments.iter().map(|one| AssignmentUpdate {
        organization_id: organization_id(),
        name: AssignmentName { kind: one.kind, subject: one.subject.clone(), from: one.from.to_string() },
        assigned: Some(Assigned { id: one.id.clone(), to: one.to.map(|to| to.to_string()) }),
    });
    DirectoryUpdate {
        organizations: vec![organization],
        projects: projects.collect(),
        teams: teams.into(),
        assignments: assignments.collect(),
        ..DirectoryUpdate::default()
    }
}

fn load(ledger: &Ledger, random: &mut Random) -> (Engine, tempfile::TempDir) {
    let directory = tempfile::tempdir().unwrap();
    // Sealed usage with daily totals for all, for some or for none.
    let seal_policy = SealPolicy {
        rows_worth_totals: *random.pick(&[0, 0, 20, 1000]),
        segments_worth_totals: *random.pick(&[0, 3, 20]),
    };
    let path = directory.path().join(STORE_FILE);
    let open = move || Ok(Store::open(&path)?.with_seal_policy(seal_policy));
    let engine = Engine::start(open, Arc::new(|| NOW)).unwrap();
    let mut rest: Vec<usize> = (0..ledger.entries.len()).collect();
    // In any order, in batches of any size, some of them sent twice.
    while !rest.is_empty() {
        let mut batch = Batch::default();
        for _ in 0..1 + random.below(60) {
            if rest.is_empty() {
                break;
            }
            let index = rest.swap_remove(random.below(rest.len() as u64) as usize);
            let entry = &ledger.entries[index];
            let combination = batch.combinations.len() as u32;
            batch.combinations.push(entry.combination.clone());
            let id = Fingerprint::of(&index.to_string());
            batch.events.push(Event::new(id, entry.time, combination, entry.measures));
        }
        let sent = batch.events.len();
        assert_eq!(engine.submit(batch.clone()).unwrap().wait().unwrap().accepted, sent);
        if random.below(3) == 0 {
            assert_eq!(engine.submit(batch).unwrap().wait().unwrap().duplicates, sent);
        }
        // Sealed in between, so that later batches are late for what is sealed; the last ones may stay open.
        if random.below(4) == 0 {
            engine.seal().unwrap().wait().unwrap();
        }
    }
    rollcall::engine::check(&engine.snapshot().reader, &mut |_, _| ()).expect("what the store says twice agrees");
    // The directory comes last: attribution is looked up when asked.
    engine.change(Change::Merge(who(ledger))).unwrap().wait().unwrap();
    (engine, directory)
}

/// The keys' creators, the members, the teams and who counts for which.
fn who(ledger: &Ledger) -> DirectoryUpdate {
    let api_keys = (0..5).map(|k| ApiKeyUpdate {
        id: format!("k{k}"),
        organization_id: Some("acme".into()),
        project_id: "p0".into(),
        created_by: ledger.creator(&format!("k{k}")).map(str::to_owned),
        ..ApiKeyUpdate::default()
    });
    let members = MEMBERS.map(|user| MemberUpdate {
        organization_id: "acme".into(),
        user_id: user.into(),
        role: Role::Developer,
        project_ids: None,
        former: user == "ben",
    });
    DirectoryUpdate { api_keys: api_keys.collect(), members: members.into(), ..teams(ledger) }
}

fn run(seed: u64) {
    println!("seed {seed}");
    let random = &mut Random(seed);
    let zones: Vec<Zone> = Zone::all().collect();
    // Half of the runs in zones whose midnights are hard.
    let hard = [
        "Asia/Kathmandu",
        "Asia/Kolkata",
        "Australia/Lord_Howe",
        "Africa/Cairo",
        "America/Santiago",
        "Pacific/Chatham",
        "America/St_Johns",
    ];
    let home =
        if random.below(2) == 0 { Zone::named(random.pick::<&str>(&hard)).unwrap() } else { *random.pick(&zones) };
    let ledger = make_events(random, home.name().parse().unwrap());
    let (engine, _directory) = load(&ledger, random);
    let elsewhere = answered_elsewhere(&engine.snapshot(), &ledger);
    for number in 0..QUESTIONS {
        let zone = if random.below(2) == 0 { home } else { *random.pick(&zones) };
        let query = question(random, zone, &ledger);
        let checked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let here = &*engine.snapshot();
            check(here, &ledger, &query);
            if number % 3 > 0 {
                return;
            }
            check(&elsewhere, &ledger, &query);
            assert_eq!(in_words(&elsewhere, &query), in_words(here, &query), "the same, wherever usage is");
            if number % 12 == 0 {
                for snapshot in [here, &elsewhere] {
                    check_people(snapshot, &ledger, query.window);
                    check_rollups(snapshot, &ledger, &query);
                    check_change(snapshot, &ledger, &query, random);
                }
            }
        }));
        if let Err(panic) = checked {
            println!("seed {seed}, question {number}: {query:#?}");
            std::panic::resume_unwind(panic);
        }
    }
}

#[test]
fn answers_equal_the_naive_recount_for_fixed_seeds() {
    FIXED_SEEDS.into_iter().for_each(run);
}

#[test]
fn answers_equal_the_naive_recount_for_fresh_seeds() {
    let first = setting("ROLLCALL_SEED").unwrap_or_else(fresh_seed);
    (first..first + setting("ROLLCALL_SEEDS").unwrap_or(2)).for_each(run);
}

/// All that an answer says, its order and its labels.
fn in_words(snapshot: &Snapshot, query: &Query) -> String {
    let answer = activity(about(snapshot), query).unwrap();
    let since = earlier(about(snapshot), query, query.window, &answer).unwrap().since;
    let buckets = answer.collect_buckets().unwrap();
    let buckets: Vec<_> = buckets.iter().map(|(bucket, usage, entries)| (&bucket.label, usage, entries)).collect();
    format!("{:?} {:?} {:?} {buckets:?} {since:?}", answer.groups, answer.ranking, answer.totals)
}

/// Members and keys, one by one, are the ledger's, and together the organization's.
fn check_people(snapshot: &Snapshot, ledger: &Ledger, window: Window) {
    let zone: Tz = window.zone.name().parse().unwrap();
    let about = about(snapshot);
    let sum = |counts: &dyn Fn(&Entry) -> bool| {
        let mut sum = Measures::ZERO;
        for entry in ledger.entries.iter().filter(|entry| {
            let date = bucket_label(zone, entry.time, Granularity::Day, Date::from_ymd(1, 1, 1).unwrap());
            date >= window.from.to_string() && date <= window.to.to_string() && counts(entry)
        }) {
            sum.add(&entry.measures).unwrap();
        }
        sum
    };
    // What every table shows; other measures are in totals only.
    let table = |sums: Measures| {
        let mut table = shown(&sums);
        for count in [Count::Errors, Count::ClientErrors] {
            table.counts[count as usize] = sums.get(count);
        }
        table
    };
    let both = |usage: &Usage| table(usage.all);
    let Table { rows, totals, .. } =
        rollcall::query::members(about, window, Filter::default(), &Page::default()).unwrap();
    assert_eq!(totals.usage.all, sum(&|_| true));
    let mut whole = Measures::ZERO;
    for row in &rows {
        let of_row = |entry: &Entry| ledger.owner(entry) == row.user_id;
        assert_eq!(both(&row.usage), table(sum(&of_row)), "{:?}", row.user_id);
        whole.add(&both(&row.usage)).unwrap();
        if let Some(user_id) = &row.user_id {
            let detail = rollcall::query::member(about, window, user_id).unwrap().unwrap();
            assert_eq!(detail.totals.usage.all, sum(&of_row));
            assert_eq!(both(&detail.row.usage), both(&row.usage));
            let mut by_model = Measures::ZERO;
            for (_, usage, entries) in &detail.days {
                let mut day = Measures::ZERO;
                entries.iter().for_each(|(_, _, usage)| day.add(&both(usage)).unwrap());
                assert_eq!(both(usage), day);
                by_model.add(&day).unwrap();
            }
            assert_eq!(by_model, both(&row.usage));
            let all = rollcall::query::my_usage(about, window, user_id, None).unwrap();
            assert_eq!(all.totals.usage.all, sum(&of_row), "all projects of one's own are what one used");
            for project in ["p0", "p1", "p2"] {
                let mine = rollcall::query::my_usage(about, window, user_id, Some(project)).unwrap();
                assert_eq!(mine.totals.usage.all, sum(&|entry| of_row(entry) && entry.combination.project == project));
            }
        }
    }
    assert_eq!(whole, table(totals.usage.all), "the table adds up to the organization");
    let Table { rows, .. } = rollcall::query::api_keys(about, window, None, &Page::default()).unwrap();
    for row in &rows {
        let of_key = |entry: &Entry| entry.combination.api_key == row.id;
        assert_eq!(both(&row.usage), table(sum(&of_key)), "{}", row.id);
        assert_eq!(rollcall::query::api_key(about, window, &row.id, None).unwrap().totals.usage.all, sum(&of_key));
    }
    // What somebody sees of keys: all of those that are theirs, and of the others the days they were.
    let today = Zone::named(ledger.zone.unwrap_or(Tz::UTC).name()).unwrap().date_at(NOW).to_string();
    for user_id in MEMBERS {
        let organization = about.organization;
        let viewer = Viewer { user_id: user_id.to_owned(), today: today.clone() };
        let sees = |entry: &Entry| {
            organization.owner_on(&entry.combination.api_key, &today) == Some(user_id)
                || ledger.owner(entry).as_deref() == Some(user_id)
        };
        for page in [Page::default(), Page { limit: Some(100), ..Page::default() }] {
            let keys = rollcall::query::api_keys(about, window, Some(&viewer), &page).unwrap();
            assert_eq!(keys.totals.usage.all, sum(&sees), "{user_id}");
            let mut whole = Measures::ZERO;
            for row in &keys.rows {
                let of_key = sum(&|entry: &Entry| entry.combination.api_key == row.id && sees(entry));
                assert_eq!(both(&row.usage), table(of_key), "{} for {user_id}", row.id);
                let detail = rollcall::query::api_key(about, window, &row.id, Some(&viewer)).unwrap();
                assert_eq!(detail.totals.usage.all, of_key, "{} for {user_id}", row.id);
                whole.add(&both(&row.usage)).unwrap();
            }
            assert_eq!(whole, table(keys.totals.usage.all), "the keys of {user_id} add up");
        }
    }
}

/// Rollups are the ledger's sums of each bucket and combination, one of each, and add up to the answer's total.
fn check_rollups(snapshot: &Snapshot, ledger: &Ledger, query: &Query) {
    const ALL: [GroupBy; 8] = [
        GroupBy::Model,
        GroupBy::Project,
        GroupBy::ApiKey,
        GroupBy::User,
        GroupBy::Provider,
        GroupBy::Source,
        GroupBy::Team,
        GroupBy::CostCentre,
    ];
    let zone: Tz = query.window.zone.name().parse().unwrap();
    let key = |keys: [Option<String>; 8], mode: Mode, cost_source: CostSource| -> Vec<_> {
        keys.into_iter().chain([Some(format!("{mode:?}")), Some(format!("{cost_source:?}"))]).collect()
    };
    let (mut found, mut seen, mut whole) = (Sums::new(), BTreeSet::new(), Measures::ZERO);
    rollups(about(snapshot), query.window, query.granularity, Filter::default(), |rollup| {
        let key = key(ALL.map(|by| rollup.label(by).key.clone()), rollup.mode(), rollup.cost_source());
        assert!(seen.insert((rollup.bucket.start, key.clone())), "one of each");
        // Hours are named by the server alone; their sums by day are what the clock says.
        let label = rollup.bucket.label.to_string()[..10].to_owned();
        add(&mut found, (label, key), rollup.measures);
        whole.add(rollup.measures).unwrap();
        Ok::<_, QueryError>(())
    })
    .unwrap();
    let mut expected = Sums::new();
    for entry in &ledger.entries {
        let date = bucket_label(zone, entry.time, Granularity::Day, Date::from_ymd(1, 1, 1).unwrap());
        if date >= query.window.from.to_string() && date <= query.window.to.to_string() {
            let label = bucket_label(zone, entry.time, query.granularity, query.window.from);
            let key = key(ALL.map(|by| ledger.value(entry, by)), entry.combination.mode, entry.combination.cost_source);
            add(&mut expected, (label, key), &entry.measures);
        }
    }
    assert_eq!(found, expected);
    let everything = Query { filter: Filter::default(), ..query.clone() };
    assert_eq!(whole, activity(about(snapshot), &everything).unwrap().totals.usage.all);

    let mut of_those = Measures::ZERO;
    rollups(about(snapshot), query.window, query.granularity, query.filter.clone(), |rollup| {
        let key = key(ALL.map(|by| rollup.label(by).key.clone()), rollup.mode(), rollup.cost_source());
        assert!(seen.contains(&(rollup.bucket.start, key)), "a filter leaves some and changes none");
        of_those.add(rollup.measures).unwrap();
        Ok::<_, QueryError>(())
    })
    .unwrap();
    assert_eq!(of_those, activity(about(snapshot), query).unwrap().totals.usage.all);
}

/// Another way to work out why two windows differ: decimals of eighty places in place of fractions, and from the events.
fn check_change(snapshot: &Snapshot, ledger: &Ledger, query: &Query, random: &mut Random) {
    let zone = query.window.zone;
    let from = query.window.from.plus_days(-(random.below(50) as i64));
    let earlier = Window::new(zone, from, from.plus_days(random.below(50) as i64), Granularity::Month).unwrap();
    let windows = [earlier, query.window];
    // A model whose tokens have no price is compared by how many there are.
    let price = |_: &str, model: &str, used: &Measures| {
        let (input, cached) = (used.get(Count::InputTokens), used.get(Count::CachedTokens));
        let worth = 4 * i128::from(input) - i128::from(cached) + 9 * i128::from(used.get(Count::OutputTokens));
        (model != "m1").then_some(worth)
    };
    let found = change(about(snapshot), (query.window, earlier), &query.group_by, &query.filter, price).unwrap();

    let clock: Tz = zone.name().parse().unwrap();
    type Key = Vec<Option<String>>;
    let mut keys: BTreeMap<Key, BTreeMap<Key, [Measures; 2]>> = BTreeMap::new();
    for entry in ledger.entries.iter().filter(|entry| ledger.counts(entry, &query.filter)) {
        let date = bucket_label(clock, entry.time, Granularity::Day, Date::from_ymd(1, 1, 1).unwrap());
        for (at, window) in windows.iter().enumerate() {
            if date >= window.from.to_string() && date <= window.to.to_string() {
                let of = |by: &GroupBy| ledger.value(entry, *by);
                let model = [GroupBy::Provider, GroupBy::Model].iter().map(of).collect();
                let models = keys.entry(query.group_by.iter().map(of).collect()).or_default();
                models.entry(model).or_insert([Measures::ZERO; 2])[at].add(&entry.measures).unwrap();
            }
        }
    }
    let requests = |of: &Measures| of.get(Count::Requests);
    let none = |of: &Measures| requests(of) == 0 && of.cost == PicoUsd::ZERO;
    let no_price = |of: &Measures| requests(of) > 0 && of.get(Count::Unpriced) >= requests(of);
    let mut expected: BTreeMap<(Cause, Key), i128> = BTreeMap::new();
    let mut compared: Vec<(&Key, &Key, [Measures; 2])> = Vec::new();
    for (key, models) in &keys {
        let mut whole = [Measures::ZERO; 2];
        models.values().for_each(|sides| (0..2).for_each(|at| whole[at].add(&sides[at]).unwrap()));
        for (model, sides) in models {
            let cause = if none(&whole[0]) {
                Some(Cause::New)
            } else if none(&whole[1]) {
                Some(Cause::Gone)
            } else if no_price(&whole[0]) != no_price(&whole[1]) {
                Some(Cause::Unpriced)
            } else if sides.iter().any(|side| requests(side) == 0 && !none(side)) || sides.iter().all(none) {
                Some(Cause::Mix)
            } else if sides.iter().any(no_price) {
                Some(Cause::Unpriced)
            } else {
                compared.push((key, model, *sides));
                None
            };
            if let Some(cause) = cause {
                *expected.entry((cause, key.clone())).or_default() += sides[1].cost.0 - sides[0].cost.0;
            }
        }
    }
    let all = [0, 1].map(|at| compared.iter().map(|(.., sides)| requests(&sides[at])).sum::<u64>());
    for (key, model, sides) in &compared {
        for (cause, amount) in naive_causes(sides, all, |used| price("", model[1].as_deref().unwrap(), used)) {
            *expected.entry((cause, key.to_vec())).or_default() += amount;
        }
    }
    let mut sums: BTreeMap<Key, i128> = BTreeMap::new();
    for part in &found.parts {
        assert_eq!(part.items.iter().map(|item| item.cost).sum::<i128>(), part.cost, "items add up to their part");
        for item in &part.items {
            let key: Key = item.labels.iter().map(|label| label.key.clone()).collect();
            *sums.entry(key.clone()).or_default() += item.cost;
            let naive = expected.remove(&(part.cause, key)).unwrap_or_default();
            // Each model of a key may be cut by a picodollar a cause.
            let models = 10 * Cause::ALL.len() as i128;
            assert!((item.cost - naive).abs() <= models, "{:?}: {} is not {naive}", part.cause, item.cost);
        }
    }
    assert!(expected.values().all(|left| left.abs() <= 80), "{expected:?}");
    let of_parts: i128 = found.parts.iter().map(|part| part.cost).sum();
    assert_eq!(of_parts, found.difference);
    let counted: i128 = found.parts.iter().filter_map(|part| part.requests).sum();
    let of = |at: usize| keys.values().flat_map(BTreeMap::values).map(|sides| i128::from(requests(&sides[at]))).sum();
    let [before, after]: [i128; 2] = [of(0), of(1)];
    assert_eq!(counted, after - before, "requests add up as well");
    for (key, models) in &keys {
        let cost = |at: usize| models.values().map(|sides| sides[at].cost.0).sum::<i128>();
        assert_eq!(sums.remove(key).unwrap_or_default(), cost(1) - cost(0), "causes add up to {key:?}");
    }
    assert!(sums.is_empty());
}

/// The causes of one model of a key. All but the price are as docs/change.md says; the price is what is left.
fn naive_causes(sides: &[Measures; 2], all: [u64; 2], price: impl Fn(&Measures) -> Option<i128>) -> Vec<(Cause, i128)> {
    let one = || BigInt::from(10).pow(80);
    let decimal = |value: i128| BigInt::from(value) * one();
    let times = |a: &BigInt, b: &BigInt| a * b / one();
    let by = |a: &BigInt, b: &BigInt| a * one() / b;
    let cut = |a: &BigInt| i128::try_from(a / one()).unwrap();
    let cost = sides.map(|side| decimal(side.cost.0));
    if all.contains(&0) {
        return vec![(Cause::Mix, sides[1].cost.0 - sides[0].cost.0)];
    }
    let n = sides.map(|side| decimal(side.get(Count::Requests).into()));
    let priced = sides.map(|side| side.get(Count::Requests) - side.get(Count::Unpriced));
    let on = |at: usize| if sides[at].get(Count::Requests) == 0 { 1 - at } else { at };
    let each = [0, 1].map(|at| by(&cost[on(at)], &decimal(priced[on(at)].into())));
    let each_mean = (&each[0] + &each[1]) / 2;
    let total = all.map(|all| decimal(all.into()));
    let share = [by(&n[0], &total[0]), by(&n[1], &total[1])];
    let volume = times(&times(&(&total[1] - &total[0]), &((&share[0] + &share[1]) / 2)), &each_mean);
    let quantity = times(&(&n[1] - &n[0]), &each_mean);
    let missing = [0, 1].map(|at| &cost[at] - times(&n[at], &each[at]));
    let unpriced = &missing[1] - &missing[0];
    let mut causes = vec![
        (Cause::Volume, cut(&volume)),
        (Cause::Mix, cut(&(&quantity - &volume))),
        (Cause::Unpriced, cut(&unpriced)),
    ];
    let left = &cost[1] - &cost[0] - &quantity - &unpriced;
    if sides.iter().any(|side| side.get(Count::Requests) == 0) {
        return causes;
    }
    let uncached = sides.map(|mut side| {
        side.counts[Count::CachedTokens as usize] = 0;
        side
    });
    let worth = |of: &[Measures; 2]| of.each_ref().map(|of| price(of).unwrap_or(0));
    let (mut worths, mut uncached) = (worth(sides), worth(&uncached));
    if worths.iter().chain(&uncached).any(|worth| *worth <= 0) {
        worths = sides.map(|side| side.get(Count::TotalTokens).into());
        uncached = worths;
    }
    if worths.contains(&0) {
        causes.push((Cause::Price, cut(&left)));
        return causes;
    }
    let a_request = |of: [i128; 2]| [by(&decimal(of[0]), &n[0]), by(&decimal(of[1]), &n[1])];
    let (worth, uncached) = (a_request(worths), a_request(uncached));
    let rate = (by(&each[0], &worth[0]) + by(&each[1], &worth[1])) / 2;
    let at_rate = times(&((&n[0] + &n[1]) / 2), &rate);
    let tokens = times(&at_rate, &(&uncached[1] - &uncached[0]));
    let cache = times(&at_rate, &(&worth[1] - &worth[0] - &uncached[1] + &uncached[0]));
    causes.push((Cause::Price, cut(&(&left - &tokens - &cache))));
    causes.extend([(Cause::TokensPerRequest, cut(&tokens)), (Cause::Cache, cut(&cache))]);
    causes
}

/// Days of Kathmandu end at a quarter past an hour, which sealed usage has in one row.
#[test]
fn a_key_whose_usage_begins_in_the_hour_that_a_day_ends_in_is_not_active_on_it() {
    /// 2026-06-01T18:00:00Z
    const HOUR: UnixMs = 1_780_336_800_000;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(STORE_FILE);
    let policy = SealPolicy { rows_worth_totals: 1000, segments_worth_totals: 20 };
    let open = move || Ok(Store::open(&path)?.with_seal_policy(policy));
    let engine = Engine::start(open, Arc::new(|| NOW)).unwrap();
    let mut batch = Batch::default();
    for (number, (key, minute)) in
        [("before", 14), ("after", 15), ("long-before", -600), ("both", 0), ("both", 59)].into_iter().enumerate()
    {
        let mut measures = Measures { cost: PicoUsd(1), ..Measures::ZERO };
        measures.counts[Count::Requests as usize] = 1;
        batch.combinations.push(Combination {
            organization: "acme".into(),
            project: "p".into(),
            api_key: key.into(),
            model: "m".into(),
            provider: "v".into(),
            source: None,
            mode: Mode::Credits,
            cost_source: CostSource::Reported,
        });
        let id = Fingerprint::of(&number.to_string());
        batch.events.push(Event::new(id, HOUR + minute * 60_000, number as u32, measures));
    }
    engine.submit(batch).unwrap().wait().unwrap();
    let active = |group_by: &[GroupBy], day: &str| {
        let zone = Zone::named("Asia/Kathmandu").unwrap();
        let day = Date::parse(day).unwrap();
        let query = Query {
            window: Window::new(zone, day, day, Granularity::Day).unwrap(),
            granularity: Granularity::Day,
            group_by: group_by.to_vec(),
            filter: Filter::default(),
            rank_by: RankBy::Cost,
            top: None,
            columns: ACTIVITY_COLUMNS,
        };
        let snapshot = engine.snapshot();
        let totals = activity(about(&snapshot), &query).unwrap().totals;
        (totals.active_api_keys, totals.usage.get(Count::Requests))
    };
    for sealed in [false, true] {
        if sealed {
            engine.seal().unwrap().wait().unwrap();
        }
        for group_by in [&[][..], &[GroupBy::ApiKey], &[GroupBy::Project], &[GroupBy::ApiKey, GroupBy::Model]] {
            assert_eq!(active(group_by, "2026-06-01"), (3, 3), "sealed: {sealed}, by {group_by:?}");
            assert_eq!(active(group_by, "2026-06-02"), (2, 2), "sealed: {sealed}, by {group_by:?}");
        }
    }

    // Handed over in the middle of that hour: whoever had it before is not active by what came after.
    let keys = ["before", "after", "long-before", "both"];
    let api_keys = keys.map(|key| ApiKeyUpdate {
        id: key.into(),
        organization_id: Some("acme".into()),
        project_id: "p".into(),
        created_by: Some("ada".into()),
        ..ApiKeyUpdate::default()
    });
    let members = ["ada", "ben"].map(|user| MemberUpdate {
        organization_id: "acme".into(),
        user_id: user.into(),
        role: Role::Developer,
        project_ids: None,
        former: false,
    });
    let organization = OrganizationUpdate {
        id: "acme".into(),
        timezone: Some("Asia/Kathmandu".into()),
        ..OrganizationUpdate::default()
    };
    let assignments = keys.map(|key| AssignmentUpdate {
        organization_id: "acme".into(),
        name: AssignmentName {
            kind: AssignmentKind::Owner,
            subject: Assignable::ApiKey(key.into()),
            from: "2026-06-02".into(),
        },
        assigned: Some(Assigned { id: Some("ben".into()), to: None }),
    });
    let update = DirectoryUpdate {
        organizations: vec![organization],
        api_keys: api_keys.into(),
        members: members.into(),
        assignments: assignments.into(),
        ..DirectoryUpdate::default()
    };
    engine.change(Change::Merge(update)).unwrap().wait().unwrap();
    for (user, expected) in [("ada", (3, 1, 3)), ("ben", (2, 1, 2))] {
        for group_by in [&[][..], &[GroupBy::ApiKey], &[GroupBy::Project], &[GroupBy::ApiKey, GroupBy::Model]] {
            let date = |text| Date::parse(text).unwrap();
            let query = Query {
                window: Window::new(Zone::UTC, date("2026-06-01"), date("2026-06-01"), Granularity::Day).unwrap(),
                granularity: Granularity::Day,
                group_by: group_by.to_vec(),
                filter: Filter { by: vec![(GroupBy::User, [user.to_owned()].into())], ..Filter::default() },
                rank_by: RankBy::Cost,
                top: None,
                columns: ACTIVITY_COLUMNS,
            };
            let snapshot = engine.snapshot();
            let totals = activity(about(&snapshot), &query).unwrap().totals;
            let found = (totals.active_api_keys, totals.active_members, totals.usage.get(Count::Requests));
            assert_eq!(found, expected, "{user} by {group_by:?}");
        }
    }
}

/// 6,000 keys by the hour for a month would be 180 MB of cells: such an answer is made in slices, none of which is large.
#[test]
fn an_answer_too_large_for_memory_is_made_slice_by_slice() {
    const KEYS: u64 = 6000;
    /// 2026-06-01T00:00:00Z
    const JUNE: UnixMs = 1_780_272_000_000;
    let directory = tempfile::tempdir().unwrap();
    let engine = Engine::open(directory.path(), Arc::new(|| NOW)).unwrap();
    let mut batch = Batch::default();
    let mut hours: BTreeMap<String, UnixMs> = BTreeMap::new();
    let random = &mut Random(3);
    for key in 0..KEYS {
        let mut measures = Measures { cost: PicoUsd(i128::from(key)), ..Measures::ZERO };
        measures.counts[Count::Requests as usize] = 1;
        let time = JUNE + random.below(30 * 24 * 3600) as i64 * 1000;
        hours.insert(format!("k{key}"), time.div_euclid(3_600_000) * 3_600_000);
        batch.combinations.push(Combination {
            organization: "acme".into(),
            project: "p".into(),
            api_key: format!("k{key}"),
            model: "m".into(),
            provider: "v".into(),
            source: None,
            mode: Mode::Credits,
            cost_source: CostSource::Reported,
        });
        batch.events.push(Event::new(Fingerprint::of(&key.to_string()), time, key as u32, measures));
    }
    engine.submit(batch).unwrap().wait().unwrap();
    engine.seal().unwrap().wait().unwrap();
    let date = |text| Date::parse(text).unwrap();
    let window = Window::new(Zone::UTC, date("2026-06-01"), date("2026-07-01"), Granularity::Hour).unwrap();
    let query = Query {
        window,
        granularity: Granularity::Hour,
        group_by: vec![GroupBy::ApiKey],
        filter: Filter::default(),
        rank_by: RankBy::Cost,
        top: None,
        columns: ACTIVITY_COLUMNS,
    };
    let snapshot = engine.snapshot();
    let answer = activity(about(&snapshot), &query).unwrap();
    assert_eq!(answer.totals.usage.get(Count::Requests), KEYS);
    let mut found: BTreeMap<String, UnixMs> = BTreeMap::new();
    answer
        .each_bucket(|bucket, usage, entries| {
            assert_eq!(usage.get(Count::Requests), entries.len() as u64);
            for entry in entries {
                let key = answer.groups[entry.group as usize].labels[0].key.clone().unwrap();
                assert_eq!(format!("k{}", entry.usage.cost().0), key);
                assert_eq!(found.insert(key, bucket.start), None);
            }
            Ok::<_, rollcall::query::QueryError>(())
        })
        .unwrap();
    assert_eq!(found, hours);
    let mut found: BTreeMap<String, UnixMs> = BTreeMap::new();
    rollups(about(&snapshot), window, Granularity::Hour, Filter::default(), |rollup| {
        let key = rollup.label(GroupBy::ApiKey).key.clone().unwrap();
        assert_eq!(found.insert(key, rollup.bucket.start), None);
        Ok::<_, QueryError>(())
    })
    .unwrap();
    assert_eq!(found, hours, "rollups, too");
    // The same with nearly all of it as *Other*.
    let query = Query { top: Some(10), ..query };
    let answer = activity(about(&snapshot), &query).unwrap();
    let (mut requests, mut cost) = (0, 0);
    answer
        .each_bucket(|_, usage, entries| {
            let sum = entries.iter().fold(Usage::default(), |mut sum, entry| {
                sum.add(&entry.usage).unwrap();
                sum
            });
            assert_eq!(*usage, sum);
            requests += sum.get(Count::Requests);
            cost += sum.cost().0;
            Ok::<_, rollcall::query::QueryError>(())
        })
        .unwrap();
    assert_eq!((requests, cost), (KEYS, i128::from(KEYS * (KEYS - 1) / 2)));
    assert_eq!(answer.groups.len(), 11);
}

/// One ledger, every zone of the database, every granularity: days, weeks, months and hours are the same usage.
#[test]
fn granularities_agree_in_every_zone() {
    let random = &mut Random(7);
    let ledger = make_events(random, Tz::Asia__Kathmandu);
    let (engine, _directory) = load(&ledger, random);
    let middle = ledger.entries[0].time;
    for zone in Zone::all() {
        let from = zone.date_at(middle).plus_days(-10);
        let of = |granularity| {
            let window = Window::new(zone, from, from.plus_days(30), granularity).unwrap();
            let query = Query {
                window,
                granularity,
                group_by: vec![GroupBy::Project],
                filter: Filter::default(),
                rank_by: RankBy::Cost,
                top: None,
                columns: ACTIVITY_COLUMNS,
            };
            check(&engine.snapshot(), &ledger, &query);
            let snapshot = engine.snapshot();
            let answer = activity(about(&snapshot), &query).unwrap();
            (answer.totals, answer.ranking)
        };
        let days = of(Granularity::Day);
        for granularity in [Granularity::Hour, Granularity::Week, Granularity::Month] {
            let other = of(granularity);
            assert_eq!(other, days, "{} {granularity:?}", zone.name());
        }
    }
}

/// What became of an entry of the ledger: whether it was late, and how often it came again.
type CameAs = Vec<(bool, u64)>;

/// Sends a ledger as time goes by: most of it fresh, some hours or days later, in any order within a post.
fn load_over_time(ledger: &Ledger, random: &mut Random) -> (Engine, CameAs, tempfile::TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let clock = Arc::new(AtomicI64::new(0));
    let (path, shown) = (directory.path().join(STORE_FILE), clock.clone());
    let policy = SealPolicy { rows_worth_totals: *random.pick(&[0, 20, 1000]), segments_worth_totals: 3 };
    let open = move || Ok(Store::open(&path)?.with_seal_policy(policy));
    let engine = Engine::start(open, Arc::new(move || shown.load(Ordering::Relaxed))).unwrap();
    let mut order: Vec<(UnixMs, usize)> = (0..ledger.entries.len())
        .map(|index| {
            let late = [random.below(3_500_000), random.below(7_200_000), random.below(9 * 86_400_000)];
            (ledger.entries[index].time + *random.pick(&late) as i64, index)
        })
        .collect();
    order.sort_unstable();
    let mut came = vec![(false, 0); order.len()];
    let mut rest = &order[..];
    while !rest.is_empty() {
        let (now, later) = rest.split_at(rest.len().min(1 + random.below(12) as usize));
        rest = later;
        let last = now[now.len() - 1].0;
        clock.store(last, Ordering::Relaxed);
        let mut batch = Batch::default();
        for (_, index) in now {
            let entry = &ledger.entries[*index];
            came[*index].0 = last - entry.time > 3_600_000;
            let combination = batch.combinations.len() as u32;
            batch.combinations.push(entry.combination.clone());
            let id = Fingerprint::of(&index.to_string());
            batch.events.push(Event::new(id, entry.time, combination, entry.measures));
        }
        assert_eq!(engine.submit(batch.clone()).unwrap().wait().unwrap().accepted, now.len());
        if random.below(4) == 0 {
            engine.submit(batch).unwrap().wait().unwrap();
            now.iter().for_each(|(_, index)| came[*index].1 += 1);
        }
        if random.below(8) == 0 {
            engine.seal().unwrap().wait().unwrap();
        }
    }
    rollcall::engine::check(&engine.snapshot().reader, &mut |_, _| ()).expect("what the store says twice agrees");
    engine.change(Change::Merge(who(ledger))).unwrap().wait().unwrap();
    (engine, came, directory)
}

/// A figure by itself, from the events: what it is, by source of cost, by owner and team, and when they came.
fn check_explained(engine: &Engine, (ledger, came): (&Ledger, &CameAs), query: &Query, random: &mut Random) {
    let clock: Tz = query.window.zone.name().parse().unwrap();
    let buckets = query.window.buckets(query.granularity);
    let bucket = (random.below(4) > 0).then(|| *random.pick(&buckets));
    let in_window = |entry: &Entry| {
        let date = bucket_label(clock, entry.time, Granularity::Day, Date::from_ymd(1, 1, 1).unwrap());
        let in_days = date >= query.window.from.to_string() && date <= query.window.to.to_string();
        in_days && bucket.is_none_or(|bucket| (bucket.start..bucket.end).contains(&entry.time))
    };
    let keys_of =
        |entry: &Entry| -> Vec<Option<String>> { query.group_by.iter().map(|by| ledger.value(entry, *by)).collect() };
    let keys = (!query.group_by.is_empty() && random.below(3) > 0).then(|| keys_of(random.pick(&ledger.entries)));
    let counts = |entry: &Entry| {
        in_window(entry)
            && ledger.counts(entry, &query.filter)
            && keys.as_ref().is_none_or(|keys| *keys == keys_of(entry))
    };
    let bounds = bucket.map_or(query.window.start()..query.window.end(), |bucket| bucket.start..bucket.end);
    let figure = Figure { priced_from: &[bounds.start], bounds, keys: keys.as_deref() };
    let worth = |_: &str, model: &str, used: &Measures| {
        let of = |count, price: i128| price * i128::from(used.get(count));
        let by_kind = [of(Count::InputTokens, 4), 0, of(Count::CacheWriteTokens, 5), of(Count::OutputTokens, 9), 0];
        (model != "m1").then_some(Worth { by_kind, is_own: model == "m2" })
    };
    let snapshot = engine.snapshot();
    let found =
        explain(about(&snapshot), query, &figure, |provider, model, _, used| worth(provider, model, used)).unwrap();

    let (mut sum, mut by_source) = (Measures::ZERO, BTreeMap::<CostSource, Measures>::new());
    let (mut late, mut duplicates) = (0, 0);
    let mut attributed: BTreeMap<(AssignmentKind, Option<String>), (u64, i128)> = BTreeMap::new();
    for (entry, (is_late, again)) in ledger.entries.iter().zip(came).filter(|(entry, _)| counts(entry)) {
        sum.add(&entry.measures).unwrap();
        let source = match entry.combination.cost_source {
            CostSource::PricedByCall => CostSource::Priced,
            CostSource::Unmeasured => CostSource::Unpriced,
            other => other,
        };
        by_source.entry(source).or_insert(Measures::ZERO).add(&entry.measures).unwrap();
        let requests = entry.measures.get(Count::Requests);
        late += if *is_late { requests } else { 0 };
        duplicates += again;
        for (kind, id) in [(AssignmentKind::Owner, ledger.owner(entry)), (AssignmentKind::Team, ledger.team(entry))] {
            let (counted, cost) = attributed.entry((kind, id)).or_default();
            *counted += requests;
            *cost += entry.measures.cost.0;
        }
    }
    assert_eq!(shown(&found.value.all), shown(&sum));
    let mut parts = BTreeMap::<CostSource, Measures>::new();
    for part in &found.parts {
        parts.entry(part.source).or_insert(Measures::ZERO).add(&part.measures).unwrap();
        let kinds = part.by_kind.map(|kinds| kinds.iter().sum::<i128>());
        assert!(kinds.is_none_or(|kinds| kinds == part.measures.cost.0), "{part:?}");
    }
    assert_eq!(parts, by_source);
    assert_eq!((found.arrival.late_requests, found.arrival.duplicates), (Some(late), Some(duplicates)));
    let has_teams = ledger.assignments.iter().any(|one| one.kind == AssignmentKind::Team);
    for kind in [AssignmentKind::Owner, AssignmentKind::Team] {
        let mut sums: BTreeMap<(AssignmentKind, Option<String>), (u64, i128)> = BTreeMap::new();
        for one in found.attribution.iter().filter(|one| one.kind == kind) {
            let (requests, cost) = sums.entry((kind, one.id.clone())).or_default();
            *requests += one.requests;
            *cost += one.cost;
        }
        if kind == AssignmentKind::Owner || has_teams {
            let expected: BTreeMap<_, _> = attributed.iter().filter(|((of, _), _)| *of == kind).collect();
            assert_eq!(sums.iter().collect::<BTreeMap<_, _>>(), expected);
        }
    }
}

#[test]
fn explained_figures_equal_the_naive_recount() {
    let fresh = setting("ROLLCALL_SEED").unwrap_or_else(fresh_seed);
    for seed in FIXED_SEEDS.into_iter().chain([fresh]) {
        println!("seed {seed}");
        let random = &mut Random(seed);
        let zones: Vec<Zone> = Zone::all().collect();
        let home = *random.pick(&zones);
        let ledger = make_events(random, home.name().parse().unwrap());
        let (engine, came, _directory) = load_over_time(&ledger, random);
        for number in 0..QUESTIONS {
            let zone = if random.below(2) == 0 { home } else { *random.pick(&zones) };
            let query = Query { top: None, ..question(random, zone, &ledger) };
            let checked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                check_explained(&engine, (&ledger, &came), &query, random);
            }));
            if let Err(panic) = checked {
                println!("seed {seed}, question {number}: {query:#?}");
                std::panic::resume_unwind(panic);
            }
        }
    }
}
