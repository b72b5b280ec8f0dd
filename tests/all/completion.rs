//! A record that knows no tokens, not all of them yet, or not whose call it is, is counted; one of the same call that knows
//! the rest completes it. What is in the sums then is what the two say together and nothing else, whatever was done in
//! between.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use crate::support::ledger::{Entry, Ledger, Random, batch, check, fresh_seed, question, repricing, setting};
use rollcall::calendar::{Date, Granularity, Window, Zone};
use rollcall::directory::{Change, DirectoryUpdate, OrganizationUpdate};
use rollcall::engine::{Engine, Ingested, STORE_FILE};
use rollcall::model::{
    Combination, Completeness, CostSource, Count, Day, Event, Fingerprint, HOUR_MS, Intake, Measures, Mode, PicoUsd,
    Sender, UnixMs, Unmade,
};
use rollcall::query::{ACTIVITY_COLUMNS, Filter, GroupBy, Query, RankBy};
use rollcall::store::{IntakeLine, SealPolicy, Store};

/// 2026-06-10T12:00:00Z
const NOON: UnixMs = 1_781_092_800_000;
const DAY_MS: i64 = 24 * HOUR_MS;

struct Machine {
    clock: Arc<AtomicI64>,
    seal_policy: SealPolicy,
    engine: Option<Engine>,
    directory: tempfile::TempDir,
}

impl Machine {
    /// Small stores have all there is: daily totals, rows of rare values.
    fn new() -> Machine {
        Machine::with(SealPolicy { rows_worth_totals: 2, segments_worth_totals: 2 })
    }

    fn with(seal_policy: SealPolicy) -> Machine {
        let (clock, directory) = (Arc::new(AtomicI64::new(NOON)), tempfile::tempdir().unwrap());
        let engine = Some(open(directory.path(), &clock, seal_policy));
        Machine { clock, seal_policy, engine, directory }
    }

    fn engine(&self) -> &Engine {
        self.engine.as_ref().unwrap()
    }

    fn pass(&self, ms: i64) {
        self.clock.fetch_add(ms, Ordering::Relaxed);
    }

    /// Checks the whole file by the way.
    fn restart(&mut self) {
        self.engine = None;
        self.engine = Some(open(self.directory.path(), &self.clock, self.seal_policy));
        rollcall::engine::check(&self.engine().snapshot().reader, &mut |_, _| ()).unwrap();
    }

    fn seal(&self) {
        self.engine().seal().unwrap().wait().unwrap();
    }

    fn send(&self, events: &[(&str, &Entry)]) -> Ingested {
        self.engine().submit(batch(events.iter().copied())).unwrap().wait().unwrap()
    }

    #[track_caller]
    fn check(&self, entries: &[&Entry]) {
        let ledger = Ledger { entries: entries.iter().copied().cloned().collect(), ..Ledger::default() };
        let date = |text| Date::parse(text).unwrap();
        let groups = [GroupBy::Model, GroupBy::Project, GroupBy::ApiKey, GroupBy::Provider, GroupBy::CostSource];
        for group_by in groups {
            for (zone, granularity, from) in [
                ("UTC", Granularity::Day, "2026-04-01"),
                ("Asia/Kathmandu", Granularity::Day, "2026-04-01"),
                ("UTC", Granularity::Hour, "2026-06-01"),
            ] {
                let window =
                    Window::new(Zone::named(zone).unwrap(), date(from), date("2026-06-20"), granularity).unwrap();
                let query = Query {
                    window,
                    granularity,
                    group_by: vec![group_by],
                    filter: Filter::default(),
                    rank_by: RankBy::Cost,
                    top: None,
                    columns: ACTIVITY_COLUMNS,
                };
                check(&self.engine().snapshot(), &ledger, &query);
            }
        }
    }
}

fn open(directory: &Path, clock: &Arc<AtomicI64>, seal_policy: SealPolicy) -> Engine {
    let (path, clock) = (directory.join(STORE_FILE), clock.clone());
    let open = move || Ok(Store::open(&path)?.with_seal_policy(seal_policy));
    Engine::start(open, Arc::new(move || clock.load(Ordering::Relaxed))).unwrap()
}

/// A call as it is told by a record that knows its tokens, if `tokens` are not 0.
fn call(time: UnixMs, project: &str, model: &str, tokens: u64) -> Entry {
    let mut measures = Measures { cost: PicoUsd(i128::from(tokens) * 1000), ..Measures::ZERO };
    measures.counts[Count::Requests as usize] = 1;
    measures.counts[Count::InputTokens as usize] = tokens;
    measures.counts[Count::TotalTokens as usize] = tokens;
    measures.counts[Count::Unpriced as usize] = u64::from(tokens == 0);
    let combination = Combination {
        organization: "acme".into(),
        project: project.into(),
        api_key: format!("key of {project}"),
        model: model.into(),
        provider: "v".into(),
        source: None,
        mode: Mode::Credits,
        cost_source: if tokens == 0 { CostSource::Unmeasured } else { CostSource::Priced },
    };
    Entry { time, combination, completeness: Completeness::of(tokens > 0, false), measures, is_placed: false }
}

/// The same as told before its end.
fn growing(time: UnixMs, project: &str, model: &str, tokens: u64) -> Entry {
    let mut call = Entry { completeness: Completeness::AtLeast, ..call(time, project, model, tokens) };
    (call.measures.cost, call.measures.counts[Count::Unpriced as usize]) = (PicoUsd::ZERO, 1);
    call.combination.cost_source = CostSource::Unmeasured;
    call
}

/// The same as told by whoever asked for the answer again.
fn read(time: UnixMs, project: &str, model: &str, tokens: u64) -> Entry {
    Entry { completeness: Completeness::CallerUnknown, ..call(time, project, model, tokens) }
}

/// What the records come to in this order.
fn in_turn(records: &[&Entry]) -> Entry {
    let mut records = records.iter().copied().cloned();
    let first = records.next().unwrap();
    records.fold(first, |known, record| known.joined(&record).unwrap_or(known))
}

fn counts(accepted: usize, completed: usize, duplicates: usize) -> Ingested {
    Ingested { accepted, completed, duplicates }
}

/// What may be done between the two records of a call.
type Doing = fn(&mut Machine);

#[test]
fn the_second_record_completes_the_first_whatever_was_done_in_between() {
    let time = NOON - 3 * DAY_MS;
    let (without, with, other) = (call(time, "p", "m", 0), call(time, "p", "m", 900), call(time + 60_000, "p", "m", 7));
    let doings: [(&str, Doing); 7] = [
        ("nothing", |_| ()),
        ("a seal", |machine| machine.seal()),
        ("a restart", Machine::restart),
        ("three days", |machine| {
            machine.pass(3 * DAY_MS);
            // In its wake the ids before it leave memory.
            let late = call(NOON, "late", "m", 1);
            machine.send(&[("late", &late)]);
            machine.send(&[("late", &late)]);
            machine.restart();
        }),
        ("three days and a seal", |machine| {
            machine.pass(3 * DAY_MS);
            machine.send(&[("late", &call(NOON, "late", "m", 1))]);
            machine.seal();
        }),
        ("a seal and more of the same", |machine| {
            machine.seal();
            let more = call(NOON - 3 * DAY_MS, "p", "m", 0);
            machine.send(&[("more", &more)]);
        }),
        ("a repricing", |machine| {
            let all = repricing(Day(0)..=Day(u32::MAX - 1), true);
            machine.engine().reprice(&all, false, &mut |_, _| ()).unwrap();
        }),
    ];
    for (what, doing) in doings {
        let mut machine = Machine::new();
        assert_eq!(machine.send(&[("a", &without), ("b", &other)]), counts(2, 0, 0), "{what}");
        machine.check(&[&without, &other]);
        doing(&mut machine);
        assert_eq!(machine.send(&[("a", &with)]), counts(1, 1, 0), "{what}");
        assert_eq!(machine.send(&[("a", &with), ("a", &without), ("b", &other)]), counts(0, 0, 3), "{what}");
        machine.restart();
        machine.seal();
        machine.restart();
        let mut entries = vec![with.clone(), other.clone()];
        match what {
            "three days" | "three days and a seal" => entries.push(call(NOON, "late", "m", 1)),
            "a seal and more of the same" => entries.push(call(time, "p", "m", 0)),
            // What was counted then is repriced, what came later is not.
            "a repricing" => drop(entries[1].reprice(&(Day(0)..=Day(u32::MAX - 1)), true)),
            _ => {}
        }
        machine.check(&entries.iter().collect::<Vec<_>>());
    }
}

#[test]
fn a_call_that_is_not_over_grows_by_the_difference_until_it_is() {
    let time = NOON - 3 * DAY_MS;
    let of = |tokens| growing(time, "p", "m", tokens);
    let (unknown, end) = (call(time, "p", "m", 0), call(time, "p", "m", 420));
    let mut priced = of(33);
    (priced.measures.cost, priced.measures.counts[Count::Unpriced as usize]) = (PicoUsd(5), 0);
    priced.combination.cost_source = CostSource::Reported;
    let elsewhere = growing(time - DAY_MS, "q", "m", 33);
    let (shrunk, other_end) = (call(time, "p", "m", 7), call(time, "p", "m", 421));
    // What comes, what becomes of it, and what stands then.
    let steps = [
        (&of(9), counts(1, 0, 0), &of(9)),
        (&of(9), counts(0, 0, 1), &of(9)),
        (&of(33), counts(1, 1, 0), &of(33)),
        (&of(12), counts(0, 0, 1), &of(33)),
        (&unknown, counts(0, 0, 1), &of(33)),
        (&elsewhere, counts(1, 1, 0), &elsewhere),
        (&of(33), counts(0, 0, 1), &elsewhere),
        (&priced, counts(1, 1, 0), &priced),
        (&elsewhere, counts(0, 0, 1), &priced),
        (&end, counts(1, 1, 0), &end),
        (&other_end, counts(0, 0, 1), &end),
        (&of(1000), counts(0, 0, 1), &end),
    ];
    for doing in [|_: &mut Machine| (), |machine: &mut Machine| machine.seal(), Machine::restart] {
        let mut machine = Machine::new();
        for (record, became, stands) in steps {
            assert_eq!(machine.send(&[("a", record)]), became, "{record:?}");
            machine.check(&[stands]);
            doing(&mut machine);
        }
        // The end is believed, whatever was thought before.
        assert_eq!(machine.send(&[("b", &of(9)), ("b", &shrunk), ("b", &of(9))]), counts(2, 1, 1));
        // Whose call it is was said by the record without tokens, and stays.
        let steps = [
            (&unknown, counts(1, 0, 0), &unknown),
            (&of(9), counts(1, 1, 0), &of(9)),
            (&of(33), counts(1, 1, 0), &of(33)),
            (&elsewhere, counts(0, 0, 1), &of(33)),
            (&priced, counts(0, 0, 1), &of(33)),
            (&growing(time - DAY_MS, "q", "m", 34), counts(1, 1, 0), &of(34)),
            (&call(time - DAY_MS, "q", "m", 420), counts(1, 1, 0), &end),
        ];
        for (record, became, stands) in steps {
            assert_eq!(machine.send(&[("c", record)]), became, "{record:?}");
            machine.check(&[&end, &shrunk, stands]);
            doing(&mut machine);
        }
        machine.restart();
        machine.check(&[&end, &shrunk, &end]);
    }
}

#[test]
fn it_may_stand_under_other_names_and_in_another_hour_and_stays_known_by_both() {
    let early = NOON - 4 * DAY_MS;
    for (before, after, hours) in [
        (early, early + 90 * 60_000, 0),
        (early, NOON + 20 * HOUR_MS, 0),
        (NOON, early, 0),
        // When the first leaves memory, the hour of the second is younger than any that ids leave memory for.
        (early, NOON + 60 * HOUR_MS, 40),
    ] {
        let with = call(after, "q", "m", 900);
        let firsts = [call(before, "p", "unknown", 0), growing(before, "p", "m", 5), read(before, "p", "m", 7)];
        for (sealed, first) in [false, true].into_iter().flat_map(|sealed| firsts.iter().map(move |of| (sealed, of))) {
            let stands = first.joined(&with).unwrap();
            let mut machine = Machine::new();
            machine.send(&[("a", first)]);
            if sealed {
                machine.seal();
            }
            machine.restart();
            machine.pass(hours * HOUR_MS);
            assert_eq!(machine.send(&[("a", &with)]), counts(1, 1, 0));
            machine.check(&[&stands]);
            machine.restart();
            machine.seal();
            // The first id leaves memory, and both hours know it.
            for hours in [1, 25, 47, 1, 3, 24, 48] {
                machine.pass(hours * HOUR_MS);
                let late = call(NOON, "late", "m", 1);
                machine.send(&[("late", &late)]);
                machine.send(&[("late", &late)]);
                assert_eq!(machine.send(&[("a", &with), ("a", first)]), counts(0, 0, 2), "{hours} later");
                machine.restart();
            }
            machine.check(&[&stands, &call(NOON, "late", "m", 1)]);
        }
    }
}

#[test]
fn a_key_whose_only_call_went_elsewhere_is_not_active() {
    let (poll, made) = (read(NOON - 40 * DAY_MS, "p", "m", 5), call(NOON - DAY_MS, "q", "m", 0));
    let mut machine = Machine::new();
    machine.send(&[("a", &poll)]);
    machine.seal();
    assert_eq!(machine.send(&[("a", &made)]), counts(1, 1, 0));
    machine.restart();
    // The period has nothing left, and `check` compares the number of active keys.
    machine.check(&[&call(NOON - DAY_MS, "q", "m", 5)]);
    assert_eq!(machine.engine().snapshot().reader.contents().unwrap().periods, 0);
}

#[test]
fn both_at_once_are_one_call_in_either_order_and_other_organizations_have_their_own() {
    let (without, with) = (call(NOON, "p", "m", 0), call(NOON + HOUR_MS, "p", "m", 3));
    let mut elsewhere = without.clone();
    elsewhere.combination.organization = "other".into();
    let mut machine = Machine::new();
    assert_eq!(machine.send(&[("a", &elsewhere), ("a", &without), ("a", &with)]), counts(3, 1, 0));
    assert_eq!(machine.send(&[("b", &with), ("b", &without)]), counts(1, 0, 1));
    assert_eq!(machine.send(&[("c", &without), ("c", &without), ("c", &with), ("c", &with)]), counts(2, 1, 2));
    machine.restart();
    let together = without.joined(&with).unwrap();
    assert_eq!(together.time, NOON);
    machine.check(&[&together, &with, &together]);
}

#[test]
fn an_answer_that_is_asked_for_again_is_of_whoever_made_the_call_in_every_order() {
    let (early, late) = (NOON - 12 * HOUR_MS - 600_000, NOON - 12 * HOUR_MS + 600_000);
    let (poll, again) = (read(late, "worker", "m", 900), read(late + 2 * HOUR_MS, "worker", "m", 900));
    for made in [call(early, "app", "m", 0), call(early, "app", "m", 900)] {
        let orders = [[&made, &poll, &again], [&made, &again, &poll], [&poll, &made, &again]];
        let orders = orders.into_iter().chain([[&poll, &again, &made], [&again, &made, &poll], [&again, &poll, &made]]);
        for (number, order) in orders.enumerate() {
            for doing in [|_: &mut Machine| (), |machine: &mut Machine| machine.seal(), Machine::restart] {
                let mut machine = Machine::new();
                for record in order {
                    machine.send(&[("a", record)]);
                    doing(&mut machine);
                }
                assert_eq!(machine.send(&order.map(|record| ("a", record))), counts(0, 0, 3), "{number}");
                machine.restart();
                machine.check(&[&call(early, "app", "m", 900)]);
                let machine = Machine::new();
                machine.send(&order.map(|record| ("a", record)));
                machine.check(&[&call(early, "app", "m", 900)]);
            }
        }
    }
    // Of polls alone the earliest counts, until the call is there.
    let mut machine = Machine::new();
    machine.send(&[("a", &again), ("a", &poll)]);
    machine.check(&[&poll]);
    // What a repricing changed stays.
    let all = repricing(Day(0)..=Day(u32::MAX - 1), true);
    machine.engine().reprice(&all, false, &mut |_, _| ()).unwrap();
    assert_eq!(machine.send(&[("a", &call(early, "app", "m", 0))]), counts(0, 0, 1));
    machine.restart();
    let mut repriced = poll.clone();
    repriced.reprice(&(Day(0)..=Day(u32::MAX - 1)), true);
    machine.check(&[&repriced]);
}

#[test]
fn what_the_second_record_does_not_say_stays_and_what_it_says_completes() {
    let mut first = call(NOON - HOUR_MS, "p", "m", 0);
    first.measures.cost = PicoUsd(250_000_000_000);
    first.combination.source = Some("app".into());
    first.measures.counts[Count::Errors as usize] = 1;
    first = first.with_cost_source(CostSource::Reported);
    let mut second = call(NOON, "q", "other", 900);
    second.combination.mode = Mode::ApiKeys;
    for cost_source in [CostSource::Priced, CostSource::Unpriced] {
        let second = second.clone().with_cost_source(cost_source);
        let mut together = Entry { completeness: Completeness::Final, ..first.clone() };
        for count in [Count::TotalTokens, Count::InputTokens] {
            together.measures.counts[count as usize] = 900;
        }
        let mut machine = Machine::new();
        machine.send(&[("a", &first), ("a", &second)]);
        machine.restart();
        machine.check(&[&together]);
        // A cost that it does say is that of the whole call, and a name that was not known is.
        let second = second.with_cost_source(CostSource::Reported);
        let mut unnamed = first.clone();
        (unnamed.combination.model, unnamed.combination.source) = ("unknown".into(), None);
        together.measures.cost = second.measures.cost;
        (together.combination.model, together.combination.source) = ("other".into(), second.combination.source.clone());
        let machine = Machine::new();
        machine.send(&[("a", &unnamed), ("a", &second)]);
        machine.check(&[&together]);
    }
    // That a call failed without a cost says nothing of what its tokens cost.
    let failed = Entry { measures: Measures { cost: PicoUsd::ZERO, ..first.measures }, ..first };
    let machine = Machine::new();
    machine.send(&[("a", &failed), ("a", &second)]);
    let stands = in_turn(&[&failed, &second]);
    assert_eq!(
        (stands.measures.cost, stands.combination.cost_source),
        (second.measures.cost, CostSource::PricedByCall)
    );
    machine.check(&[&stands]);
}

#[test]
fn usage_that_is_forgotten_is_not_completed() {
    let time = NOON - 300 * DAY_MS;
    let mut machine = Machine::new();
    machine.send(&[("a", &call(time, "p", "m", 0)), ("now", &call(NOON, "p", "m", 1))]);
    let organization =
        OrganizationUpdate { id: "acme".into(), retention_days: Some(Some(100)), ..OrganizationUpdate::default() };
    let update = DirectoryUpdate { organizations: vec![organization], ..DirectoryUpdate::default() };
    machine.engine().change(Change::Merge(update)).unwrap().wait().unwrap();
    machine.seal();
    machine.restart();
    // What is removed is turned away by the doors; the store knows nothing of it any more.
    machine.check(&[&call(NOON, "p", "m", 1)]);
}

/// Calls, some of which are told without tokens as well, before their end or by others, in any order, again and again, with
/// a seal or a restart here and there: the sums are those of what the records of each come to.
fn any_order(seed: u64) {
    println!("ROLLCALL_SEED={seed}");
    let mut random = Random(seed);
    let mut machine = Machine::with(SealPolicy {
        rows_worth_totals: *random.pick(&[0, 10, 1000]),
        segments_worth_totals: *random.pick(&[0, 3]),
    });
    let mut records: Vec<(String, Entry)> = Vec::new();
    let mut ledger: BTreeMap<String, Entry> = BTreeMap::new();
    for number in 0..60 {
        let some = |random: &mut Random, tokens: u64| {
            let time = NOON - random.below(6) as i64 * 9 * DAY_MS - random.below(8) as i64 * 30 * 60_000;
            let mut call = call(time, &format!("p{}", random.below(3)), &format!("m{}", random.below(2)), tokens);
            if random.below(3) == 0 {
                call.measures.counts[Count::Errors as usize] = 1;
            }
            if tokens == 0 && random.below(2) == 0 {
                call.measures.cost = PicoUsd(i128::from(random.below(1000)));
                call = call.with_cost_source(CostSource::Reported);
            }
            call
        };
        let tokens = 1 + number % 7;
        let (without, with) = (some(&mut random, 0), some(&mut random, tokens));
        let mut told = match random.below(4) {
            0 => vec![without],
            1 => vec![with],
            2 => vec![without, with],
            _ => Vec::new(),
        };
        for more in 0..if told.is_empty() { 1 + random.below(3) } else { random.below(3) } {
            told.push(Entry { completeness: Completeness::AtLeast, ..some(&mut random, 1 + more) });
            let last = told.last_mut().unwrap();
            last.combination.cost_source = *random.pick(&[CostSource::Reported, CostSource::Unmeasured]);
        }
        for _ in 0..random.below(3) {
            told.push(Entry { completeness: Completeness::CallerUnknown, ..some(&mut random, tokens) });
        }
        records.extend(told.into_iter().map(|entry| (number.to_string(), entry)));
    }
    let again: Vec<_> = records.iter().filter(|_| random.below(3) == 0).cloned().collect();
    records.extend(again);
    while !records.is_empty() {
        let size = 1 + random.below(12) as usize;
        let events: Vec<(String, Entry)> = (0..size.min(records.len()))
            .map(|_| records.swap_remove(random.below(records.len() as u64) as usize))
            .collect();
        machine.send(&events.iter().map(|(id, entry)| (id.as_str(), entry)).collect::<Vec<_>>());
        for (id, entry) in events {
            let known = ledger.remove(&id);
            let now = known.map_or_else(|| entry.clone(), |known| in_turn(&[&known, &entry]));
            ledger.insert(id, now);
        }
        match random.below(5) {
            0 => machine.seal(),
            1 => machine.restart(),
            _ => {}
        }
    }
    machine.restart();
    let ledger = Ledger { entries: ledger.into_values().collect(), ..Ledger::default() };
    for _ in 0..12 {
        let query = question(&mut random, Zone::UTC, &ledger);
        check(&machine.engine().snapshot(), &ledger, &query);
    }
}

#[test]
fn order_and_repetition_change_nothing() {
    match setting("ROLLCALL_SEED") {
        Some(seed) => any_order(seed),
        None => (0..8).chain([fresh_seed()]).for_each(any_order),
    }
}

#[test]
fn the_intake_ledger_says_what_became_of_each_record_and_is_in_the_same_transaction() {
    let mut machine = Machine::new();
    let codex = Sender { name: "codex_exec".into(), version: Some("0.171.0".into()) };
    let unmade = |organization: Option<&str>, count, example: &str| Unmade {
        sender: 0,
        organization: organization.map(str::to_owned),
        result: Intake::Ignored,
        reason: "no usage in it".into(),
        count,
        example: Some(example.into()),
    };
    let send = |machine: &Machine, unmade: Vec<Unmade>, events: &[(&str, &Entry)]| {
        let mut batch = batch(events.iter().copied());
        (batch.senders, batch.unmade) = (vec![codex.clone()], unmade);
        machine.engine().submit(batch).unwrap().wait().unwrap()
    };
    send(&machine, vec![unmade(Some("acme"), 12_000, "codex.api_request")], &[]);
    let (without, with) = (call(NOON, "p", "m", 0), call(NOON, "p", "m", 3));
    send(&machine, vec![unmade(Some("acme"), 418, "later")], &[("a", &without), ("a", &with), ("a", &with)]);
    send(&machine, vec![unmade(None, 1, "nobody's")], &[]);
    machine.restart();
    machine.pass(DAY_MS);
    send(&machine, Vec::new(), &[("a", &with)]);

    let today = NOON.div_euclid(DAY_MS) as u32;
    let mut lines = Vec::new();
    let reader = &machine.engine().snapshot().reader;
    let visit = |of: &str, day: Day, line: IntakeLine| lines.push((of.to_owned(), day.0 - today, line));
    reader.intake(None, Day(0)..Day(u32::MAX), visit).unwrap();
    assert!(lines.iter().all(|(_, _, line)| line.sender == codex));
    let mut found: Vec<_> = lines
        .iter()
        .map(|(of, day, line)| (of.as_str(), *day, line.result, line.count, line.example.as_deref()))
        .collect();
    found.sort();
    let expected = [
        ("", 0, Intake::Ignored, 1, Some("nobody's")),
        ("acme", 0, Intake::Counted, 1, None),
        ("acme", 0, Intake::Completed, 1, None),
        ("acme", 0, Intake::Duplicate, 1, None),
        ("acme", 0, Intake::Ignored, 12_418, Some("codex.api_request")),
        ("acme", 1, Intake::Duplicate, 1, None),
    ];
    assert_eq!(found, expected);
}

#[test]
fn a_call_that_is_kept_for_completion_takes_some_sixty_bytes() {
    let machine = Machine::new();
    let bytes = || {
        let file = tempfile::tempfile().unwrap();
        machine.engine().snapshot().reader.copy_into(&file, &mut |_, _| ()).unwrap();
        file.metadata().unwrap().len()
    };
    let send = |numbers: std::ops::Range<u32>, is_incomplete: bool| {
        let call = call(NOON, "p", "m", if is_incomplete { 0 } else { 1 });
        let mut batch = batch([("first", &call)]);
        let event = batch.events[0];
        batch.events = numbers.map(|id| Event { id: Fingerprint::of(&id.to_string()), ..event }).collect();
        machine.engine().submit(batch).unwrap().wait().unwrap()
    };
    send(0..1, true);
    let before = bytes();
    assert_eq!(send(1..100_001, true), counts(100_000, 0, 0));
    let each = (bytes() - before) as f64 / 100_000.0;
    println!("{each:.1} bytes");
    assert!((60.0..90.0).contains(&each), "with the 12 of its id: {each}");
    assert_eq!(send(1..100_001, false), counts(100_000, 100_000, 0));
    let each = (bytes() - before) as f64 / 100_000.0;
    assert!((12.0..12.5).contains(&each), "nothing is left of it but the id: {each}");
}
