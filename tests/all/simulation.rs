//! One seed drives everything that can happen to a store: a clock that jumps both ways, producers that send new, late,
//! future and repeated events, changes of the directory, sealing, repricing, compaction, backups and restores, power
//! cuts and full disks. Whatever is asked in between is compared with a ledger, and so is every decision on a call.
//!
//! Each run prints its seed; `ROLLCALL_SEED=n` replays one. `ROLLCALL_SIM_SECONDS` says how long to try fresh ones.
//! Requests follow one another, so that a seed does the same again; `crash.rs` has them at the same time.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use crate::support::disk::{CrashDisk, DISK_BROKEN, DISK_FULL, EVERY_KIND, Image, insist};
use crate::support::ledger::{
    COST_SOURCES, Entry, Ledger, Random, batch, bucket_label, check, fresh_seed, question, repricing, setting,
};
use chrono_tz::Tz;
use rollcall::calendar::{Date, Granularity, Zone};
use rollcall::directory::{
    ApiKeyUpdate, BudgetScope, BudgetUpdate, BudgetWindow, Change, Counted, DirectoryUpdate, Limit, MemberUpdate,
    OrganizationUpdate, ProjectUpdate, Role, SecretHash, SessionsOf,
};
use rollcall::engine::{Engine, EngineError, NewFile};
use rollcall::http::{App, ask_and_wait, post_and_wait};
use rollcall::model::{
    Combination, Completeness, CostSource, Count, Day, HOUR_MS, Measures, Mode, PicoUsd, Segment, UnixMs,
};
use rollcall::store::{IdPolicy, SealPolicy, Store};
use serde_json::{Value, json};

const ACTIONS: usize = 150;
const SECONDS: u64 = 8;
const PRODUCERS: u64 = 4;
/// 2026-03-20T00:00:00Z
const START: UnixMs = 1_773_964_800_000;
const DAY_MS: i64 = 24 * HOUR_MS;
const USERS: [&str; 3] = ["ada", "ben", "eva"];
/// How long a call that was allowed counts that nobody tells of.
const RESERVED_MS: i64 = 10 * 60_000;

/// Budgets as a ledger has them: of what, of which days, how much.
fn budgets(random: &mut Random) -> Vec<(&'static str, BudgetUpdate)> {
    use BudgetScope::{ApiKey, Member, Organization, Project};
    let cost = |random: &mut Random| Limit::Cost(i128::from(random.below(60)) << 40);
    let requests = |random: &mut Random| Limit::Requests(random.below(200));
    let tokens = |random: &mut Random| Limit::Tokens(random.below(400_000));
    let all = [
        ("day", Organization, cost(random), BudgetWindow::Day, "Europe/Paris"),
        ("week", Project("p0".into()), requests(random), BudgetWindow::Week, "Australia/Lord_Howe"),
        ("month", ApiKey("k1".into()), tokens(random), BudgetWindow::Month, "Asia/Kathmandu"),
        ("each", Member(None), cost(random), BudgetWindow::Month, "America/St_Johns"),
        ("bens", Member(Some("ben".into())), cost(random), BudgetWindow::Week, "UTC"),
        ("evas", Member(Some("eva".into())), requests(random), BudgetWindow::Day, "America/Santiago"),
        ("ever", Organization, tokens(random), BudgetWindow::Total, "UTC"),
    ];
    let budget = |(id, scope, limit, window, zone): (&'static str, _, _, _, &'static str)| {
        let update = BudgetUpdate {
            id: id.into(),
            organization_id: "acme".into(),
            scope: Some(scope),
            limit: Some(limit),
            window: Some(window),
            timezone: Some(Some(zone.into())),
            ..BudgetUpdate::default()
        };
        (zone, update)
    };
    all.into_iter().map(budget).collect()
}

/// A call under way, as a ledger knows it: what it takes of which account's window.
struct UnderWay {
    until: UnixMs,
    takes: Vec<(String, String, i128)>,
}

/// What was sent, by id.
type Sent = BTreeMap<String, Entry>;

/// A copy of the store, and what counted when it was made.
struct Copy {
    bytes: Vec<u8>,
    sent: Sent,
    creators: BTreeMap<String, String>,
}

struct World {
    random: Random,
    clock: Arc<AtomicI64>,
    /// What the clock showed at most, before it went back.
    latest: UnixMs,
    seal_policy: SealPolicy,
    id_policy: IdPolicy,
    disk: CrashDisk,
    engine: Option<Arc<Engine>>,
    budgets: Vec<(&'static str, BudgetUpdate)>,
    under_way: BTreeMap<String, UnderWay>,
    /// Everything that was acknowledged.
    sent: Sent,
    /// The records that made it so, in order.
    records: Vec<(String, Entry)>,
    ledger: Ledger,
    next_id: u64,
    zones: Vec<Zone>,
    copies: Vec<Copy>,
    counts: BTreeMap<&'static str, u64>,
}

impl World {
    fn new(seed: u64) -> World {
        let mut random = Random(seed);
        let seal_policy = SealPolicy {
            rows_worth_totals: *random.pick(&[0, 20, 1000]),
            segments_worth_totals: *random.pick(&[0, 3, 20]),
        };
        let id_policy = IdPolicy {
            run_ids: *random.pick(&[20, 100, 1_000_000]),
            merged_runs: *random.pick(&[2, 5]),
            filter_bytes: *random.pick(&[64, 1000, usize::MAX]),
        };
        let budgets = budgets(&mut random);
        let mut world = World {
            random,
            budgets,
            under_way: BTreeMap::new(),
            clock: Arc::new(AtomicI64::new(START)),
            latest: START,
            seal_policy,
            id_policy,
            disk: CrashDisk::new(Vec::new()),
            engine: None,
            sent: Sent::new(),
            records: Vec::new(),
            ledger: Ledger::default(),
            next_id: 0,
            zones: Zone::all().collect(),
            copies: Vec::new(),
            counts: BTreeMap::new(),
        };
        world.start(Vec::new());
        world.set_limits();
        world.send();
        world
    }

    fn set_limits(&self) {
        let organization = OrganizationUpdate { id: "acme".into(), ..OrganizationUpdate::default() };
        let member = |user: &str| MemberUpdate {
            organization_id: "acme".into(),
            user_id: user.to_owned(),
            role: Role::Developer,
            project_ids: None,
            former: false,
        };
        let members = USERS.map(member).into();
        let project = ProjectUpdate { id: "p0".into(), organization_id: "acme".into(), ..ProjectUpdate::default() };
        let key = ApiKeyUpdate {
            id: "k1".into(),
            organization_id: Some("acme".into()),
            project_id: "p0".into(),
            ..ApiKeyUpdate::default()
        };
        let update = DirectoryUpdate {
            organizations: vec![organization],
            projects: vec![project],
            members,
            api_keys: vec![key],
            ..DirectoryUpdate::default()
        };
        let budgets = self.budgets.iter().map(|(_, budget)| budget.clone()).collect();
        for change in [Change::Merge(update), Change::PutBudgets(budgets)] {
            self.engine().change(change).unwrap().wait().unwrap();
        }
    }

    /// Sets a clock that had gone back right: what was taken before might now be too far ahead to be sent again.
    fn set_clock_right(&mut self) {
        self.clock.fetch_max(self.latest, Ordering::Relaxed);
    }

    fn engine(&self) -> &Engine {
        self.engine.as_ref().expect("it runs between actions")
    }

    /// Starts on what is on a disk, and checks it as a whole.
    fn start(&mut self, bytes: Vec<u8>) {
        self.engine = None;
        self.disk = CrashDisk::new(bytes);
        self.open();
        rollcall::engine::check(&self.engine().snapshot().reader, &mut |_, _| ()).unwrap();
    }

    fn open(&mut self) {
        let (disk, clock) = (self.disk.clone(), self.clock.clone());
        let (seal_policy, id_policy) = (self.seal_policy, self.id_policy);
        let open =
            move || Ok(Store::open_backend(disk.clone())?.with_seal_policy(seal_policy).with_id_policy(id_policy));
        let engine = Engine::start(open, Arc::new(move || clock.load(Ordering::Relaxed))).unwrap();
        self.engine = Some(Arc::new(engine));
        // A start forgets what is under way.
        self.under_way.clear();
    }

    fn new_event(&mut self) -> (String, Entry) {
        let random = &mut self.random;
        let (now, minute) = (self.clock.load(Ordering::Relaxed), 60_000);
        let time = match random.below(10) {
            0 => now + random.below(24 * 60) as i64 * minute,
            1..4 => now - random.below(40 * 24 * 60) as i64 * minute,
            _ => now - random.below(180) as i64 * minute,
        };
        let mut measures = Measures { cost: PicoUsd(i128::from(random.below(1 << 40))), ..Measures::ZERO };
        measures.counts.fill_with(|| random.below(5000));
        measures.counts[Count::Requests as usize] = 1 + random.below(3);
        let combination = Combination {
            organization: "acme".into(),
            project: format!("p{}", random.below(3)),
            api_key: format!("k{}", random.below(6)),
            model: format!("m{}", random.below(4)),
            provider: format!("v{}", random.below(2)),
            source: (random.below(3) > 0).then(|| format!("s{}", random.below(2))),
            mode: if random.below(3) == 0 { Mode::ApiKeys } else { Mode::Credits },
            cost_source: CostSource::default(),
        };
        let entry = Entry { time, combination, completeness: Completeness::Final, measures, is_placed: false };
        let entry = entry.with_cost_source(*random.pick(&COST_SOURCES));
        self.next_id += 1;
        (format!("event-{}", self.next_id), entry)
    }

    /// What a sender says of a call that does not know its tokens.
    fn without_tokens(&mut self, time: UnixMs) -> Entry {
        let mut entry = Entry { time, completeness: Completeness::TokensUnknown, ..self.new_event().1 };
        for (number, count) in entry.measures.counts.iter_mut().enumerate() {
            let is_of_tokens = (Count::TotalTokens as usize..=Count::ReasoningTokens as usize).contains(&number);
            *count = if is_of_tokens { 0 } else { *count % 3 };
        }
        entry.measures.counts[Count::Requests as usize] = 1;
        entry.with_cost_source(*self.random.pick(&[CostSource::Reported, CostSource::Unmeasured]))
    }

    /// What a sender says of a call that is not over.
    fn lower_bound(&mut self, time: UnixMs) -> Entry {
        let entry = Entry { time, completeness: Completeness::AtLeast, ..self.new_event().1 };
        entry.with_cost_source(*self.random.pick(&[CostSource::Reported, CostSource::Unmeasured]))
    }

    /// Calls that are told twice, with tokens, with some of them and without: at once in either order, and at any time
    /// if with one time.
    fn told_twice(&mut self) -> Vec<(String, Entry)> {
        let mut events = Vec::new();
        for _ in 0..self.random.below(6) {
            let (id, entry) = self.new_event();
            let now = self.clock.load(Ordering::Relaxed);
            match self.random.below(4) {
                0 => {
                    let bound = self.lower_bound(entry.time);
                    events.push(if self.random.below(2) == 0 {
                        (id, bound)
                    } else {
                        (id, self.without_tokens(entry.time))
                    });
                }
                kind => {
                    let other = now - self.random.below(3 * 24 * 60) as i64 * 60_000;
                    let time = if kind == 1 { other } else { entry.time };
                    let less =
                        if self.random.below(2) == 0 { self.without_tokens(time) } else { self.lower_bound(time) };
                    events.extend([(id.clone(), less.clone()), (id.clone(), entry), (id, less)]);
                    let first = events.len() - 3;
                    events.remove(first + 2 * self.random.below(2) as usize);
                }
            }
        }
        for _ in 0..self.random.below(4) {
            let waiting: Vec<&String> =
                self.sent.iter().filter(|(_, e)| e.completeness != Completeness::Final).map(|(id, _)| id).collect();
            if waiting.is_empty() {
                break;
            }
            let id = waiting[self.random.below(waiting.len() as u64) as usize].clone();
            let time = self.sent[&id].time;
            if time <= self.clock.load(Ordering::Relaxed) + DAY_MS {
                let is_over = self.random.below(2) == 0;
                events.push((id, if is_over { Entry { time, ..self.new_event().1 } } else { self.lower_bound(time) }));
            }
        }
        events
    }

    /// A batch of one producer: new events, and some that were sent before.
    fn new_batch(&mut self) -> Vec<(String, Entry)> {
        let mut events: Vec<(String, Entry)> = (0..self.random.below(40)).map(|_| self.new_event()).collect();
        events.extend(self.told_twice());
        let ahead = self.clock.load(Ordering::Relaxed) + DAY_MS;
        for _ in 0..self.random.below(10) {
            let index = self.random.below(self.sent.len().max(1) as u64) as usize;
            let again = self.sent.iter().nth(index).filter(|(_, entry)| entry.time <= ahead);
            events.extend(again.map(|(id, entry)| (id.clone(), entry.clone())));
        }
        let twice = self.random.below(events.len() as u64 + 1) as usize;
        events.extend(events.get(twice).cloned());
        events
    }

    /// Takes note of what was acknowledged: the first of an id counts, and what knows more of the call completes it.
    fn note(&mut self, events: Vec<(String, Entry)>) {
        for (id, record) in events {
            let known = self.sent.get(&id);
            if let Some(now) = known.map_or_else(|| Some(record.clone()), |known| known.joined(&record)) {
                self.sent.insert(id.clone(), now);
                self.records.push((id, record));
            }
        }
    }

    fn submit(&self, events: &[(String, Entry)]) -> Result<(), EngineError> {
        let batch = batch(events.iter().map(|(id, entry)| (&**id, entry)));
        let ingested = self.engine().submit(batch).unwrap().wait()?;
        assert_eq!(ingested.accepted + ingested.duplicates, events.len());
        Ok(())
    }

    /// The budgets that a call of a key in a project counts in: the account, the window, and what is left without calls
    /// that are under way.
    fn left(&self, key: &str, project: &str) -> Vec<(String, String, i128, Counted)> {
        let (now, first_day) = (self.clock.load(Ordering::Relaxed), Date::from_ymd(1, 1, 1).unwrap());
        let owner = self.ledger.creators.get(key).map(String::as_str);
        let mut left = Vec::new();
        for (zone, budget) in &self.budgets {
            let (Some(scope), Some(limit)) = (&budget.scope, budget.limit) else { unreachable!("each has both") };
            let has_own = || owner == Some("ben") && limit.counted() == Counted::Cost;
            let (account, counts): (String, &dyn Fn(&Entry) -> bool) = match scope {
                BudgetScope::Organization => (budget.id.clone(), &|_| true),
                BudgetScope::Project(id) if id == project => (budget.id.clone(), &|e| e.combination.project == *id),
                BudgetScope::ApiKey(id) if id == key => (budget.id.clone(), &|e| e.combination.api_key == *id),
                BudgetScope::Member(Some(id)) if owner == Some(id) => {
                    (budget.id.clone(), &|e| self.ledger.owner(e).as_ref() == Some(id))
                }
                BudgetScope::Member(None) if owner.is_some() && !has_own() => {
                    (format!("{} {}", budget.id, owner.unwrap_or_default()), &|e| {
                        self.ledger.owner(e).as_deref() == owner
                    })
                }
                _ => continue,
            };
            let zone: Tz = zone.parse().unwrap();
            let window = |time| match budget.window {
                Some(BudgetWindow::Day) => bucket_label(zone, time, Granularity::Day, first_day),
                Some(BudgetWindow::Week) => bucket_label(zone, time, Granularity::Week, first_day),
                Some(BudgetWindow::Month) => bucket_label(zone, time, Granularity::Month, first_day),
                _ => String::new(),
            };
            let counted = limit.counted();
            let here = self.ledger.entries.iter().filter(|entry| counts(entry) && window(entry.time) == window(now));
            let spent: i128 = here.map(|entry| counted.of(&entry.measures)).sum();
            left.push((account, window(now), limit.amount() - spent, counted));
        }
        left
    }

    /// Asks about some calls, each of which is allowed exactly where the ledger allows it; then what the log has of those
    /// that are not.
    fn decide(&mut self) {
        let app = App::for_one_question(self.engine.clone().expect("it runs"));
        let mut refused = Vec::new();
        for _ in 0..1 + self.random.below(4) {
            let now = self.clock.load(Ordering::Relaxed);
            // A clock that went back ends what began after what it shows.
            self.under_way.retain(|_, call| now < call.until && call.until <= now + RESERVED_MS);
            let (key, project) = (format!("k{}", self.random.below(6)), format!("p{}", self.random.below(3)));
            // Of an event that comes soon, or that has come.
            let call = format!("event-{}", (self.next_id + self.random.below(30)).saturating_sub(5));
            let (cost, tokens) = (self.random.below(1 << 41), self.random.below(6000));
            let (mut fits, mut takes) = (true, Vec::new());
            for (account, window, left, counted) in self.left(&key, &project) {
                let others = self.under_way.iter().filter(|(other, _)| **other != call);
                let reserved: i128 = others
                    .flat_map(|(_, call)| &call.takes)
                    .filter(|(of, at, _)| *of == account && *at == window)
                    .map(|(.., amount)| amount)
                    .sum();
                let estimate = match counted {
                    Counted::Cost => i128::from(cost),
                    Counted::Requests => 1,
                    Counted::Tokens => i128::from(tokens),
                };
                fits &= left - reserved > 0 && estimate <= left - reserved;
                takes.push((account, window, estimate));
            }
            let asked = json!({
                "organizationId": "acme", "apiKeyId": key, "projectId": project, "model": "m0", "callId": call,
                "promptTokens": tokens, "estimatedCost": PicoUsd(i128::from(cost)).to_string(),
            });
            let mut answer = Vec::new();
            let body = asked.to_string().into_bytes();
            post_and_wait(app.clone(), "/v1/decisions", "application/json", body, &mut answer).unwrap();
            let answer: Value = serde_json::from_slice(&answer).unwrap();
            assert_eq!(answer["allowed"], json!(fits), "{asked}: {answer}");
            if fits {
                let until = self.under_way.get(&call).map_or(now + RESERVED_MS, |call| call.until);
                self.under_way.insert(call, UnderWay { until, takes });
            } else {
                refused.push(answer["decisionId"].clone());
            }
        }
        let mut log = Vec::new();
        ask_and_wait(app, "/v1/decisions/log?organizationId=acme&limit=1000", &mut log).unwrap();
        let log: Value = serde_json::from_slice(&log).unwrap();
        let logged: Vec<&Value> = log["entries"].as_array().unwrap().iter().map(|entry| &entry["decisionId"]).collect();
        assert!(refused.last().is_none_or(|last| logged.contains(&last)), "{refused:?} {log}");
    }

    fn acknowledged(&mut self, events: Vec<(String, Entry)>) {
        for (id, _) in &events {
            self.under_way.remove(id);
        }
        self.note(events);
        self.ledger.entries = self.sent.values().cloned().collect();
    }

    fn send(&mut self) {
        for _ in 0..1 + self.random.below(PRODUCERS) {
            let events = self.new_batch();
            self.submit(&events).unwrap();
            self.acknowledged(events);
        }
    }

    /// Says who made a key. Once known, it stays.
    fn name_creator(&mut self) {
        let (key, user) = (format!("k{}", self.random.below(6)), *self.random.pick(&USERS));
        let known = self.ledger.creators.entry(key.clone()).or_insert(user.to_owned()).clone();
        assert_eq!(self.merge(&key, user).is_ok(), known == user, "{key} of {known} is told to be of {user}");
    }

    fn merge(&self, key: &str, user: &str) -> Result<(), EngineError> {
        let update = ApiKeyUpdate {
            id: key.to_owned(),
            organization_id: Some("acme".into()),
            project_id: "p0".into(),
            created_by: Some(user.to_owned()),
            ..ApiKeyUpdate::default()
        };
        let update = DirectoryUpdate { api_keys: vec![update], ..DirectoryUpdate::default() };
        self.engine().change(Change::Merge(update))?.wait().map(drop)
    }

    fn move_clock(&mut self) {
        let minutes = match self.random.below(8) {
            0 => -(self.random.below(3 * 24 * 60) as i64),
            1 => self.random.below(20 * 24 * 60) as i64,
            _ => self.random.below(30 * 60) as i64,
        };
        let before = self.clock.fetch_add(minutes * 60_000, Ordering::Relaxed);
        self.latest = self.latest.max(before);
    }

    fn seal(&self) {
        self.engine().seal().unwrap().wait().unwrap();
    }

    fn back_up(&mut self) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("copy.redb");
        let file = NewFile::create(&path, false).unwrap();
        file.copy(&self.engine().snapshot().reader, &mut |_, _| ()).unwrap();
        file.verify(&mut |_, _| ()).unwrap();
        file.finish(false).unwrap();
        let bytes = std::fs::read(path).unwrap();
        self.copies.push(Copy { bytes, sent: self.sent.clone(), creators: self.ledger.creators.clone() });
    }

    /// Goes back to a copy, which must have what counted then; then everything since is sent again.
    fn restore(&mut self) {
        if self.copies.is_empty() {
            return;
        }
        let index = self.random.below(self.copies.len() as u64) as usize;
        let Copy { bytes, sent, creators } = self.copies.swap_remove(index);
        self.start(bytes);
        let now = std::mem::take(&mut self.ledger);
        self.ledger = Ledger { entries: sent.into_values().collect(), creators, ..Ledger::default() };
        self.ask();
        self.ledger = now;
        self.set_clock_right();
        self.submit(&self.records).unwrap();
        self.ledger.creators.iter().for_each(|(key, user)| self.merge(key, user).unwrap());
        // Some of it was repriced after the copy, some never.
        self.reprice(Day(0)..=Day(u32::MAX - 1), true);
    }

    /// Some days around now.
    fn some_days(&mut self) -> RangeInclusive<Day> {
        let today = Segment::of(self.clock.load(Ordering::Relaxed)).unwrap().day().0;
        let from = today + 2 - self.random.below(45) as u32;
        Day(from)..=Day(from + self.random.below(50) as u32)
    }

    fn reprice(&mut self, days: RangeInclusive<Day>, all: bool) {
        self.engine().reprice(&repricing(days.clone(), all), false, &mut |_, _| ()).unwrap();
        for entry in self.ledger.entries.iter_mut().chain(self.sent.values_mut()) {
            entry.reprice(&days, all);
        }
    }

    fn reprice_some(&mut self) {
        let (days, all) = (self.some_days(), self.random.below(2) == 0);
        self.reprice(days, all);
    }

    fn compact(&mut self) {
        self.engine = None;
        Store::open_backend(self.disk.clone()).unwrap().compact().unwrap();
        self.open();
    }

    fn ask(&mut self) {
        let snapshot = self.engine().snapshot();
        for _ in 0..4 {
            let zone = *self.random.pick(&self.zones);
            let query = question(&mut self.random, zone, &self.ledger);
            let compared = std::panic::AssertUnwindSafe(|| check(&snapshot, &self.ledger, &query));
            if let Err(panic) = std::panic::catch_unwind(compared) {
                println!("{query:#?}");
                std::panic::resume_unwind(panic);
            }
        }
    }

    /// The writer does what it has left to do before it takes the next request.
    fn settle(&self) {
        let nothing = Change::CloseSessions(SessionsOf::Secret(SecretHash::of("nobody's")));
        self.engine().change(nothing).unwrap().wait().unwrap();
    }

    fn crash(&mut self, image: &Image) {
        let kept = *self.random.pick(&EVERY_KIND);
        let bytes = image.after_crash(kept, &mut self.random);
        self.start(bytes);
    }

    /// The power goes while something is done; what was not answered is done again.
    fn cut_power(&mut self) {
        self.settle();
        let after = self.random.below(40);
        self.disk.fail_after(after, DISK_BROKEN);
        match self.random.below(5) {
            2 => {
                let (days, all) = (self.some_days(), self.random.below(2) == 0);
                let _ = self.engine().reprice(&repricing(days.clone(), all), false, &mut |_, _| ());
                self.crash(&self.disk.image());
                self.reprice(days, all);
                self.ask();
            }
            0 => {
                let _ = self.engine().seal().unwrap().wait();
                self.crash(&self.disk.image());
            }
            1 => {
                self.engine = None;
                let _ = Store::open_backend(self.disk.clone()).and_then(|mut store| store.compact());
                self.crash(&self.disk.image());
            }
            _ => {
                let events = self.new_batch();
                let answered = self.submit(&events).is_ok();
                self.crash(&self.disk.image());
                if answered {
                    self.acknowledged(events.clone());
                    self.ask();
                }
                self.submit(&events).unwrap();
                self.acknowledged(events);
            }
        }
    }

    /// Nothing can be written for a while, and all that was answered can be read.
    fn fill_disk(&mut self) {
        self.settle();
        let after = self.random.below(20);
        self.disk.fail_after(after, *self.random.pick(&[DISK_FULL, DISK_BROKEN]));
        let events = self.new_batch();
        if self.submit(&events).is_ok() {
            self.acknowledged(events.clone());
        }
        self.ask();
        self.disk.repair();
        insist(|| self.submit(&events).map(drop).map_err(|_| "the disk works again".into()));
        self.acknowledged(events);
    }

    fn act(&mut self) {
        let name = match self.random.below(100) {
            0..35 => (self.send(), "batches").1,
            35..50 => (self.move_clock(), "jumps of the clock").1,
            50..56 => (self.name_creator(), "changes of the directory").1,
            56..64 => (self.seal(), "sealings").1,
            64..66 => (self.compact(), "compactions").1,
            66..69 => (self.back_up(), "backups").1,
            69..71 => (self.restore(), "restores").1,
            71..80 => (self.cut_power(), "power cuts").1,
            80..81 => (self.fill_disk(), "disks full").1,
            81..85 => (self.reprice_some(), "repricings").1,
            85..92 => (self.decide(), "times decisions").1,
            _ => (self.ask(), "times questions").1,
        };
        *self.counts.entry(name).or_default() += 1;
    }
}

fn run(seed: u64) -> BTreeMap<&'static str, u64> {
    println!("ROLLCALL_SEED={seed}");
    let mut world = World::new(seed);
    for _ in 0..ACTIONS {
        world.act();
    }
    world.ask();
    rollcall::engine::check(&world.engine().snapshot().reader, &mut |_, _| ()).unwrap();
    world.set_clock_right();
    let all: Vec<(String, Entry)> = world.sent.iter().map(|(id, entry)| (id.clone(), entry.clone())).collect();
    world.submit(&all).unwrap();
    world.ask();
    world.counts
}

#[test]
fn every_answer_is_the_ledgers_whatever_happens() {
    let mut counts: BTreeMap<&'static str, u64> = BTreeMap::new();
    let (only, seconds) = (setting("ROLLCALL_SEED"), setting("ROLLCALL_SIM_SECONDS"));
    let first = only.unwrap_or_else(fresh_seed);
    let end = Instant::now() + Duration::from_secs(seconds.unwrap_or(if only.is_some() { 0 } else { SECONDS }));
    let mut seeds = 0;
    while seeds == 0 || Instant::now() < end {
        for (name, count) in run(first + seeds) {
            *counts.entry(name).or_default() += count;
        }
        seeds += 1;
    }
    println!("{seeds} seeds: {counts:?}");
}
