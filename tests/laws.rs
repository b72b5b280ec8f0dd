//! The laws every answer keeps, held against a second implementation that is too simple to be wrong: a list of
//! events, the zone's clock, and a map.
//!
//! Runs with fixed seeds and with a fresh one, which is printed; `ROLLCALL_SEED=n` replays it, and
//! `ROLLCALL_SEEDS=n` tries that many fresh ones.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use chrono::{DateTime, Datelike, TimeZone, Utc};
use chrono_tz::Tz;
use rollcall::calendar::{Date, Granularity, Window, Zone};
use rollcall::directory::{ApiKeyUpdate, Change, DirectoryUpdate, MemberUpdate, Role};
use rollcall::engine::{Engine, STORE_FILE, Snapshot};
use rollcall::model::{Batch, Combination, Count, Event, Fingerprint, Measures, Mode, PicoUsd, UnixMs, Usage};
use rollcall::query::{
    ACTIVITY_COLUMNS, About, Activity, Entry as Answered, Filter, Group, GroupBy, Query, RankBy, activity,
};
use rollcall::store::{SealPolicy, Store};

const FIXED_SEEDS: [u64; 3] = [1, 2, 20_260_601];
const EVENTS: usize = 400;
const QUESTIONS: usize = 120;
const NOW: UnixMs = 1_798_761_600_000; // 2027-01-01

/// splitmix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len() as u64) as usize]
    }
}

/// An event as the ledger keeps it.
struct Entry {
    time: UnixMs,
    combination: Combination,
    measures: Measures,
}

fn creator(api_key: &str) -> Option<&'static str> {
    match api_key {
        "k0" | "k1" => Some("ada"),
        "k2" => Some("ben"),
        _ => None,
    }
}

fn make_events(random: &mut Random, zone: Tz) -> Vec<Entry> {
    // Around a random day of the zone, and dense around its midnights, where mistakes live.
    let middle = 1_577_836_800_000 + random.below(6 * 365) as i64 * 86_400_000;
    let rich = random.below(4) == 0;
    let ledger = (0..EVENTS).map(|_| {
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
        Entry {
            time,
            combination: Combination {
                organization: "acme".into(),
                project: format!("p{}", random.below(3)),
                api_key: format!("k{}", random.below(5)),
                model: format!("m{}", random.below(4)),
                provider: format!("v{}", random.below(2)),
                source: (random.below(3) > 0).then(|| format!("s{}", random.below(2))),
                mode: if random.below(3) == 0 { Mode::ApiKeys } else { Mode::Credits },
            },
            measures,
        }
    });
    ledger.filter(|entry| entry.time >= 1_577_836_800_000 && entry.time < NOW).collect()
}

fn load(ledger: &[Entry], random: &mut Random) -> (Engine, tempfile::TempDir) {
    let directory = tempfile::tempdir().unwrap();
    // Sealed usage with daily totals for all, for some or for none.
    let seal_policy = SealPolicy {
        rows_worth_totals: *random.pick(&[0, 0, 20, 1000]),
        segments_worth_totals: *random.pick(&[0, 3, 20]),
    };
    let store = Store::open(&directory.path().join(STORE_FILE)).unwrap().with_seal_policy(seal_policy);
    let engine = Engine::start(store, Arc::new(|| NOW)).unwrap();
    let mut rest: Vec<usize> = (0..ledger.len()).collect();
    // In any order, in batches of any size, some of them sent twice.
    while !rest.is_empty() {
        let mut batch = Batch::default();
        for _ in 0..1 + random.below(60) {
            if rest.is_empty() {
                break;
            }
            let index = rest.swap_remove(random.below(rest.len() as u64) as usize);
            let entry = &ledger[index];
            batch.combinations.push(entry.combination.clone());
            batch.events.push(Event {
                id: Fingerprint::of(&index.to_string()),
                time: entry.time,
                combination: batch.combinations.len() as u32 - 1,
                measures: entry.measures,
            });
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
    let api_keys = (0..5).map(|k| ApiKeyUpdate {
        id: format!("k{k}"),
        organization_id: Some("acme".into()),
        project_id: "p0".into(),
        created_by: creator(&format!("k{k}")).map(str::to_owned),
        ..ApiKeyUpdate::default()
    });
    let members = ["ada", "ben"].map(|user| MemberUpdate {
        organization_id: "acme".into(),
        user_id: user.into(),
        role: Role::Developer,
        project_ids: None,
        former: user == "ben",
    });
    let update =
        DirectoryUpdate { api_keys: api_keys.collect(), members: members.into(), ..DirectoryUpdate::default() };
    engine.change(Change::Merge(update)).unwrap().wait().unwrap();
    (engine, directory)
}

fn value(entry: &Entry, by: GroupBy) -> Option<String> {
    let c = &entry.combination;
    match by {
        GroupBy::Model => Some(c.model.clone()),
        GroupBy::Project => Some(c.project.clone()),
        GroupBy::ApiKey => Some(c.api_key.clone()),
        GroupBy::User => creator(&c.api_key).map(str::to_owned),
        GroupBy::Provider => Some(c.provider.clone()),
        GroupBy::Source => c.source.clone(),
    }
}

/// The first local day of the bucket an event falls into, in the words of the zone's own clock.
fn bucket_label(zone: Tz, time: UnixMs, granularity: Granularity, from: Date) -> String {
    let local = DateTime::<Utc>::from_timestamp_millis(time).unwrap().with_timezone(&zone);
    let day = local.date_naive();
    let first = match granularity {
        Granularity::Week => day - chrono::Days::new(u64::from(day.weekday().num_days_from_monday())),
        Granularity::Month => day.with_day(1).unwrap(),
        Granularity::Day | Granularity::Hour => day,
    };
    first.format("%Y-%m-%d").to_string().max(from.to_string())
}

type Sums = BTreeMap<(String, Vec<Option<String>>), Measures>;

fn add(sums: &mut Sums, key: (String, Vec<Option<String>>), measures: &Measures) {
    sums.entry(key).or_insert(Measures::ZERO).add(measures).unwrap();
}

/// Every entry of an answer.
fn entries(answer: &Activity<'_>) -> Sums {
    let mut sums = Sums::new();
    for (bucket, _, entries) in answer.collect_buckets().unwrap() {
        for entry in entries {
            let labels = &answer.groups[entry.group as usize].labels;
            let keys: Vec<Option<String>> = labels.iter().map(|label| label.key.clone()).collect();
            add(&mut sums, (bucket.label.to_string(), keys), &entry.usage.all);
        }
    }
    sums
}

fn shown(measures: &Measures) -> Measures {
    let mut shown = Measures { cost: measures.cost, ..Measures::ZERO };
    for count in [Count::Requests, Count::TotalTokens] {
        shown.counts[count as usize] = measures.get(count);
    }
    shown
}

fn about(snapshot: &Snapshot) -> About<'_> {
    About {
        reader: &snapshot.reader,
        dictionary: &snapshot.dictionary,
        directory: &snapshot.directory,
        organization_id: "acme",
        organization: snapshot.directory.organization("acme").unwrap(),
    }
}

fn question(random: &mut Random, zone: Zone, ledger: &[Entry]) -> Query {
    const GROUPS: [GroupBy; 6] =
        [GroupBy::Model, GroupBy::Project, GroupBy::ApiKey, GroupBy::User, GroupBy::Provider, GroupBy::Source];
    let granularity =
        *random.pick(&[Granularity::Day, Granularity::Day, Granularity::Hour, Granularity::Week, Granularity::Month]);
    let around = random.pick(ledger).time;
    let from = zone.date_at(around).plus_days(-(random.below(20) as i64));
    let to = from.plus_days(random.below(if granularity == Granularity::Hour { 31 } else { 60 }) as i64);
    let mut filter = Filter::default();
    for by in GROUPS {
        if random.below(5) == 0 {
            let values: BTreeSet<String> = (0..2).filter_map(|_| value(random.pick(ledger), by)).collect();
            if !values.is_empty() {
                filter.by.push((by, values));
            }
        }
    }
    if random.below(5) == 0 {
        filter.modes.insert(*random.pick(&[Mode::Credits, Mode::ApiKeys]));
    }
    let mut group_by: Vec<GroupBy> = Vec::new();
    for _ in 0..random.below(3) {
        let by = *random.pick(&GROUPS);
        if !group_by.contains(&by) {
            group_by.push(by);
        }
    }
    Query {
        window: Window::new(zone, from, to, granularity).unwrap(),
        granularity,
        group_by,
        filter,
        rank_by: *random.pick(&[RankBy::Cost, RankBy::RequestCount, RankBy::TotalTokens]),
        top: (random.below(3) == 0).then(|| 1 + random.below(4) as usize),
        columns: ACTIVITY_COLUMNS,
    }
}

fn check(engine: &Engine, ledger: &[Entry], query: &Query) {
    let zone: Tz = query.window.zone.name().parse().unwrap();
    let snapshot = engine.snapshot();
    let answer = activity(about(&snapshot), query).unwrap();
    let counts: Vec<&Entry> = ledger
        .iter()
        .filter(|entry| {
            let date = bucket_label(zone, entry.time, Granularity::Day, Date::from_ymd(1, 1, 1).unwrap());
            date >= query.window.from.to_string()
                && date <= query.window.to.to_string()
                && query.filter.by.iter().all(|(by, wanted)| value(entry, *by).is_some_and(|v| wanted.contains(&v)))
                && (query.filter.modes.is_empty() || query.filter.modes.contains(&entry.combination.mode))
        })
        .collect();

    let mut total = Measures::ZERO;
    counts.iter().for_each(|entry| total.add(&entry.measures).unwrap());
    assert_eq!(answer.totals.usage.all, total, "the total in every measure");
    let by_api_keys = counts.iter().filter(|entry| entry.combination.mode == Mode::ApiKeys);
    let (requests, cost) = by_api_keys.fold((0, 0), |(requests, cost), entry| {
        (requests + entry.measures.get(Count::Requests), cost + entry.measures.cost.0)
    });
    assert_eq!((answer.totals.usage.api_keys_requests, answer.totals.usage.api_keys_cost.0), (requests, cost));
    let keys: BTreeSet<&str> = counts.iter().map(|entry| entry.combination.api_key.as_str()).collect();
    let members: BTreeSet<&str> = keys.iter().filter_map(|key| creator(key)).collect();
    assert_eq!((answer.totals.active_api_keys, answer.totals.active_members), (keys.len(), members.len()));

    // Hours are named by the server alone; their sums by day are what the clock says.
    let day_of =
        |label: &str| if query.granularity == Granularity::Hour { label[..10].to_owned() } else { label.to_owned() };
    let mut found = Sums::new();
    for ((label, keys), measures) in entries(&answer) {
        add(&mut found, (day_of(&label), keys), &measures);
    }
    let mut expected = Sums::new();
    for entry in &counts {
        let label = bucket_label(zone, entry.time, query.granularity, query.window.from);
        let mut keys: Vec<Option<String>> = query.group_by.iter().map(|by| value(entry, *by)).collect();
        if query.top.is_some() && !answer.groups.iter().any(|g| is_group(g, &keys)) {
            keys = vec![None; keys.len()];
        }
        add(&mut expected, (label, keys), &shown(&entry.measures));
    }
    assert_eq!(found, expected, "every entry of every bucket");

    // The parts add up: entries to buckets, buckets to the total, the ranking to the total.
    let sum = |entries: &[Answered]| {
        entries.iter().fold(Usage::default(), |mut sum, entry| {
            sum.add(&entry.usage).unwrap();
            sum
        })
    };
    let mut over = Usage::default();
    for (bucket, usage, entries) in answer.collect_buckets().unwrap() {
        assert_eq!(usage, sum(&entries), "{}", bucket.label);
        over.add(&usage).unwrap();
    }
    let total = &answer.totals.usage;
    assert_eq!((over.api_keys_requests, over.api_keys_cost), (total.api_keys_requests, total.api_keys_cost));
    assert_eq!(over.all, shown(&total.all));
    assert_eq!(sum(&answer.ranking), over);
    if let Some(top) = query.top {
        assert!(answer.groups.len() <= top + 1);
    }
}

fn is_group(group: &Group, keys: &[Option<String>]) -> bool {
    group.labels.iter().map(|label| &label.key).eq(keys.iter()) && group.labels.iter().all(|l| l.label != "Other")
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
    for number in 0..QUESTIONS {
        let zone = if random.below(2) == 0 { home } else { *random.pick(&zones) };
        let query = question(random, zone, &ledger);
        let checked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            check(&engine, &ledger, &query);
            if number % 10 == 0 {
                check_people(&engine, &ledger, query.window);
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
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let first = number("ROLLCALL_SEED")
        .unwrap_or_else(|| SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64 % 1_000_000_000);
    (first..first + number("ROLLCALL_SEEDS").unwrap_or(2)).for_each(run);
}

/// Members and keys, one by one, are the ledger's, and together the organization's.
fn check_people(engine: &Engine, ledger: &[Entry], window: Window) {
    let zone: Tz = window.zone.name().parse().unwrap();
    let snapshot = engine.snapshot();
    let about = about(&snapshot);
    let sum = |counts: &dyn Fn(&Entry) -> bool| {
        let mut sum = Measures::ZERO;
        for entry in ledger.iter().filter(|entry| {
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
    let (rows, totals) = rollcall::query::members(about, window, Filter::default()).unwrap();
    assert_eq!(totals.usage.all, sum(&|_| true));
    let mut whole = Measures::ZERO;
    for row in &rows {
        let of_row = |entry: &Entry| creator(&entry.combination.api_key) == row.user_id.as_deref();
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
            for project in ["p0", "p1", "p2"] {
                let mine = rollcall::query::my_usage(about, window, user_id, project).unwrap();
                assert_eq!(mine.totals.usage.all, sum(&|entry| of_row(entry) && entry.combination.project == project));
            }
        }
    }
    assert_eq!(whole, table(totals.usage.all), "the table adds up to the organization");
    let (rows, _) = rollcall::query::api_keys(about, window, None).unwrap();
    for row in &rows {
        let of_key = |entry: &Entry| entry.combination.api_key == row.id;
        assert_eq!(both(&row.usage), table(sum(&of_key)), "{}", row.id);
        assert_eq!(rollcall::query::api_key(about, window, &row.id).unwrap().totals.usage.all, sum(&of_key));
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
        });
        batch.events.push(Event { id: Fingerprint::of(&key.to_string()), time, combination: key as u32, measures });
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
    let middle = ledger[0].time;
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
            check(&engine, &ledger, &query);
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
