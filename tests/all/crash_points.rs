//! A store on a disk that forgets what was not synced, cut off at every sync.
//!
//! A workload runs once on a disk that remembers every operation. For each sync there are then the files that a crash
//! just before it may leave: each must open by itself, pass every check, and have each step of the workload wholly or
//! not at all, the acknowledged ones wholly. The rest of the workload then leads to the sums of the whole.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use crate::support::disk::{CrashDisk, EVERY_KIND, Image, Kept, Operation};
use crate::support::ledger::{Random, Sums, about, entries, fresh_seed, setting};
use rollcall::calendar::{Date, Granularity, Window, Zone};
use rollcall::directory::{
    ApiKeyUpdate, Change, DirectoryUpdate, Grant, MemberUpdate, Role, SecretHash, Token, UserUpdate,
};
use rollcall::engine::{Engine, EngineError, NewFile};
use rollcall::model::{
    Batch, Combination, CostSource, Count, Event, Fingerprint, HOUR_MS, Measures, Mode, PicoUsd, UnixMs,
};
use rollcall::query::{ACTIVITY_COLUMNS, Filter, GroupBy, Query, RankBy, activity};
use rollcall::store::{IdPolicy, SealPolicy, Store};

/// 2026-06-10T12:00:00Z
const NOON: UnixMs = 1_781_092_800_000;
const DAY_MS: i64 = 24 * HOUR_MS;

/// Small stores have all there is: running totals, rows of rare values, summaries.
const POLICY: SealPolicy = SealPolicy { rows_worth_totals: 10, segments_worth_totals: 3 };
/// And few ids have runs that are merged.
const ID_POLICY: IdPolicy = IdPolicy { run_ids: 30, merged_runs: 2, filter_bytes: 200 };

#[derive(Clone)]
#[allow(clippy::large_enum_variant, reason = "there are a few steps")]
enum Step {
    /// Some events by number, over the ten days before.
    Send(std::ops::Range<u64>),
    Change(Change),
    Pass(i64),
    Seal,
    Backup,
    Compact,
}

fn workload() -> Vec<Step> {
    let member = MemberUpdate {
        organization_id: "acme".into(),
        user_id: "ada".into(),
        role: Role::Owner,
        project_ids: None,
        former: false,
    };
    let key = ApiKeyUpdate {
        id: "k1".into(),
        organization_id: Some("acme".into()),
        project_id: "p1".into(),
        created_by: Some("ada".into()),
        ..ApiKeyUpdate::default()
    };
    let update = DirectoryUpdate {
        users: vec![UserUpdate { id: "ada".into(), ..UserUpdate::default() }],
        members: vec![member],
        api_keys: vec![key],
        ..DirectoryUpdate::default()
    };
    let token = |id: &str| Token::new(Grant::User { user_id: "ada".into() }, id, SecretHash::of(id), NOON);
    let put = |id: &str| Step::Change(Change::PutToken { id: id.into(), token: token(id) });
    vec![
        Step::Send(0..150),
        Step::Send(100..200),
        Step::Change(Change::Merge(update)),
        put("t1"),
        Step::Pass(60),
        // In the wake of this one, the ids before it leave memory.
        Step::Send(200..210),
        Step::Seal,
        Step::Send(0..260),
        put("t2"),
        Step::Backup,
        Step::Change(Change::RevokeToken { id: "t1".into() }),
        Step::Pass(26),
        Step::Seal,
        Step::Compact,
        Step::Send(250..300),
        Step::Change(Change::EndMembership { organization_id: "acme".into(), user_id: "ada".into() }),
        Step::Pass(300),
        Step::Send(295..600),
        Step::Seal,
        Step::Send(0..600),
        Step::Compact,
    ]
}

fn event(number: u64) -> (Combination, Event) {
    let mut measures = Measures { cost: PicoUsd(1_000_000 + i128::from(number)), ..Measures::ZERO };
    measures.counts[Count::Requests as usize] = 1;
    measures.counts[Count::TotalTokens as usize] = number;
    let combination = Combination {
        organization: if number % 10 == 9 { "other".into() } else { "acme".into() },
        project: format!("p{}", number % 3),
        api_key: format!("k{}", number % 7),
        model: format!("m{}", number % 2),
        provider: "v".into(),
        source: None,
        mode: Mode::Credits,
        cost_source: CostSource::Reported,
    };
    let time = NOON - (number % 10) as i64 * DAY_MS - (number % 13) as i64 * 900_000;
    (combination, Event::new(Fingerprint::of(&number.to_string()), time, 0, measures))
}

fn batch(numbers: std::ops::Range<u64>) -> Batch {
    let mut batch = Batch::default();
    for number in numbers {
        let (combination, event) = event(number);
        batch.events.push(Event { combination: batch.combinations.len() as u32, ..event });
        batch.combinations.push(combination);
    }
    batch
}

/// What can be seen of a store: usage of `acme` by day and key, and who has tokens or is a member.
#[derive(Debug, Clone, PartialEq, Default)]
struct Seen {
    usage: Sums,
    directory: BTreeMap<String, bool>,
}

/// What the steps lead to, each taken once.
fn expected(steps: &[Step]) -> Seen {
    let mut numbers = std::collections::BTreeSet::new();
    let mut directory = BTreeMap::new();
    for step in steps {
        match step {
            Step::Send(range) => numbers.extend(range.clone()),
            Step::Change(Change::PutToken { id, .. }) => drop(directory.insert(id.clone(), true)),
            Step::Change(Change::RevokeToken { id }) => drop(directory.remove(id)),
            Step::Change(Change::Merge(_)) => drop(directory.insert("ada".into(), true)),
            Step::Change(Change::EndMembership { .. }) => drop(directory.insert("ada".into(), false)),
            _ => {}
        }
    }
    let mut usage = Sums::new();
    for number in numbers {
        let (combination, event) = event(number);
        if combination.organization == "acme" {
            let day = Zone::UTC.date_at(event.time).to_string();
            let sum = usage.entry((day, vec![Some(combination.api_key)])).or_insert(Measures::ZERO);
            sum.add(&event.measures).unwrap();
        }
    }
    Seen { usage, directory }
}

fn seen(engine: &Engine) -> Seen {
    let snapshot = engine.snapshot();
    let mut directory: BTreeMap<String, bool> =
        snapshot.directory.tokens().map(|(id, _)| (id.to_owned(), true)).collect();
    let Some(organization) = snapshot.directory.organization("acme") else {
        return Seen { usage: Sums::new(), directory };
    };
    directory.extend(organization.members.iter().map(|(id, member)| (id.clone(), !member.former)));
    let date = |text| Date::parse(text).unwrap();
    let query = Query {
        window: Window::new(Zone::UTC, date("2026-05-01"), date("2026-07-31"), Granularity::Day).unwrap(),
        granularity: Granularity::Day,
        group_by: vec![GroupBy::ApiKey],
        filter: Filter::default(),
        rank_by: RankBy::Cost,
        top: None,
        columns: ACTIVITY_COLUMNS,
    };
    Seen { usage: entries(&activity(about(&snapshot), &query).unwrap()), directory }
}

/// An engine on a disk, and what is beside it.
struct Machine {
    disk: CrashDisk,
    clock: Arc<AtomicI64>,
    engine: Option<Engine>,
    backups: tempfile::TempDir,
}

impl Machine {
    fn start(disk: CrashDisk, now: UnixMs) -> Machine {
        let clock = Arc::new(AtomicI64::new(now));
        let backups = tempfile::tempdir().unwrap();
        let mut machine = Machine { disk, clock, engine: None, backups };
        machine.open();
        machine
    }

    fn open(&mut self) {
        let (disk, clock) = (self.disk.clone(), self.clock.clone());
        let open = move || Ok(Store::open_backend(disk.clone())?.with_seal_policy(POLICY).with_id_policy(ID_POLICY));
        self.engine = Some(Engine::start(open, Arc::new(move || clock.load(Ordering::Relaxed))).unwrap());
    }

    fn engine(&self) -> &Engine {
        self.engine.as_ref().unwrap()
    }

    fn verify(&self) {
        rollcall::engine::check(&self.engine().snapshot().reader, &mut |_, _| ()).unwrap();
    }

    fn take(&mut self, step: &Step) {
        match step.clone() {
            Step::Send(numbers) => drop(self.engine().submit(batch(numbers)).unwrap().wait().unwrap()),
            Step::Change(change) => {
                // Taken already before a crash, it may no longer have anything to do.
                let changed = self.engine().change(change).unwrap().wait();
                assert!(matches!(changed, Ok(_) | Err(EngineError::Change(_))), "{changed:?}");
            }
            Step::Pass(hours) => drop(self.clock.fetch_add(hours * HOUR_MS, Ordering::Relaxed)),
            Step::Seal => drop(self.engine().seal().unwrap().wait().unwrap()),
            Step::Backup => {
                let path = self.backups.path().join("copy.redb");
                let file = NewFile::create(&path, true).unwrap();
                file.copy(&self.engine().snapshot().reader, &mut |_, _| ()).unwrap();
                file.verify(&mut |_, _| ()).unwrap();
                file.finish(true).unwrap();
                let copied = Machine::start(CrashDisk::new(std::fs::read(path).unwrap()), NOON);
                assert_eq!(seen(copied.engine()), seen(self.engine()), "a copy has what its store had");
            }
            Step::Compact => {
                self.engine = None;
                Store::open_backend(self.disk.clone()).unwrap().compact().unwrap();
                self.open();
            }
        }
    }
}

/// Starts on what a crash left. Gives the machine and how many steps it has whole.
fn recover(bytes: Vec<u8>, steps: &[Step], acknowledged: usize, now: UnixMs) -> (Machine, usize) {
    let machine = Machine::start(CrashDisk::recording(bytes), now);
    machine.verify();
    let found = seen(machine.engine());
    let under_way = (acknowledged + 1).min(steps.len());
    let whole = (acknowledged..=under_way).find(|whole| found == expected(&steps[..*whole]));
    let whole = whole.unwrap_or_else(|| panic!("after {acknowledged} acknowledged steps: {found:#?}"));
    (machine, whole)
}

/// Cuts off the recovery itself at each of its syncs. Gives their number.
fn cut_again(
    crashed: &Image,
    recovery: &[Operation],
    steps: &[Step],
    whole: usize,
    now: UnixMs,
    random: &mut Random,
) -> usize {
    let mut image = Image::new(crashed.after_crash(Kept::Nothing, random));
    let mut cuts = 0;
    for operation in recovery {
        if matches!(operation, Operation::Sync) {
            cuts += 1;
            let kept = *random.pick(&EVERY_KIND);
            let (_, found) = recover(image.after_crash(kept, random), steps, whole, now);
            assert_eq!(found, whole, "a recovery takes nothing away and adds nothing");
        }
        image.apply(operation.clone());
    }
    cuts
}

#[test]
fn every_cut_leaves_each_acknowledged_event_once() {
    let seed = setting("ROLLCALL_SEED").unwrap_or_else(fresh_seed);
    println!("ROLLCALL_SEED={seed}");
    let random = &mut Random(seed);
    let steps = workload();
    let mut machine = Machine::start(CrashDisk::recording(Vec::new()), NOON);
    // After how many operations each step was acknowledged, and what the clock said.
    let mut acknowledged: Vec<(usize, UnixMs)> = Vec::new();
    for step in &steps {
        machine.take(step);
        acknowledged.push((machine.disk.operations(), machine.clock.load(Ordering::Relaxed)));
    }
    assert_eq!(seen(machine.engine()), expected(&steps));
    machine.engine = None;

    let (mut cuts, mut files, mut again) = (0usize, 0, 0);
    let mut image = Image::default();
    for (number, operation) in machine.disk.history().into_iter().enumerate() {
        if matches!(operation, Operation::Sync) {
            cuts += 1;
            let done = acknowledged.partition_point(|(at, _)| *at <= number);
            let now = done.checked_sub(1).map_or(NOON, |last| acknowledged[last].1);
            for kept in EVERY_KIND {
                let (mut recovered, whole) = recover(image.after_crash(kept, random), &steps, done, now);
                files += 1;
                if kept == Kept::Nothing && cuts.is_multiple_of(3) {
                    again += cut_again(&image, &recovered.disk.history(), &steps, whole, now, random);
                }
                // One of them goes on: whoever was not answered sends again, and so does someone who forgot.
                if kept == EVERY_KIND[cuts % EVERY_KIND.len()] {
                    let sent = steps[..done].iter().filter(|step| matches!(step, Step::Send(_)));
                    sent.chain(&steps[done..]).for_each(|step| recovered.take(step));
                    assert_eq!(seen(recovered.engine()), expected(&steps), "cut {cuts}, {kept:?}");
                    recovered.verify();
                }
            }
        }
        image.apply(operation);
    }
    println!("{cuts} cut points, {files} files, {again} cuts of a recovery");
    assert!(cuts > 50 && again > cuts / 2, "{cuts} {again}");
}
