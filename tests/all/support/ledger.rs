//! A second implementation of the answers that is too simple to be wrong: a list of events, the zone's clock, and a
//! map.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::sync::Arc;

use chrono::{DateTime, Datelike, Utc};
use chrono_tz::Tz;
use rollcall::calendar::{Date, Granularity, Window, Zone};
use rollcall::directory::{Assignable, AssignmentKind};
use rollcall::engine::{Note, RepriceRequest, Snapshot};
use rollcall::model::{
    Batch, Combination, Completeness, CostSource, Count, Day, Event, Fingerprint, Measures, Mode, PicoUsd, Segment,
    UnixMs, Usage,
};
use rollcall::query::{
    ACTIVITY_COLUMNS, About, Activity, Entry as Answered, Filter, Group, GroupBy, Query, RankBy, activity,
};

pub use super::random::Random;

/// A number for a run nobody has made before.
pub fn fresh_seed() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    since.as_nanos() as u64 % 1_000_000_000
}

/// A number from the environment.
pub fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|e| panic!("{name}: {e}")))
}

/// An event as the ledger keeps it.
#[derive(Debug, Clone)]
pub struct Entry {
    pub time: UnixMs,
    pub combination: Combination,
    pub completeness: Completeness,
    pub measures: Measures,
    /// Whose call it is and when was said by a record that knew no tokens.
    pub is_placed: bool,
}

/// A batch of events by their ids.
pub fn batch<'a>(events: impl IntoIterator<Item = (&'a str, &'a Entry)>) -> Batch {
    let mut batch = Batch::default();
    for (id, entry) in events {
        let combination = batch.combinations.len() as u32;
        batch.combinations.push(entry.combination.clone());
        let event = Event::new(Fingerprint::of(id), entry.time, combination, entry.measures);
        batch.events.push(Event { completeness: entry.completeness, ..event });
    }
    batch
}

/// Every event that counts, and whose keys are whose.
#[derive(Default)]
pub struct Ledger {
    pub entries: Vec<Entry>,
    /// By API key.
    pub creators: BTreeMap<String, String>,
    /// Whose days assignments are of.
    pub zone: Option<Tz>,
    pub assignments: Vec<Assignment>,
    /// By team.
    pub cost_centres: BTreeMap<String, String>,
}

/// What was said of something from a day to a day.
#[derive(Debug, Clone)]
pub struct Assignment {
    pub kind: AssignmentKind,
    pub subject: Assignable,
    pub id: Option<String>,
    pub from: Date,
    pub to: Option<Date>,
}

impl Ledger {
    pub fn creator(&self, api_key: &str) -> Option<&str> {
        self.creators.get(api_key).map(String::as_str)
    }

    pub fn counts(&self, entry: &Entry, filter: &Filter) -> bool {
        filter.by.iter().all(|(by, wanted)| self.value(entry, *by).is_some_and(|value| wanted.contains(&value)))
            && (filter.modes.is_empty() || filter.modes.contains(&entry.combination.mode))
    }

    /// The last that was said of something and reaches the day of an entry.
    fn assigned(&self, kind: AssignmentKind, subject: &Assignable, entry: &Entry) -> Option<&Assignment> {
        let zone = self.zone.unwrap_or(Tz::UTC);
        let local = DateTime::<Utc>::from_timestamp_millis(entry.time).unwrap().with_timezone(&zone).date_naive();
        let day = Date::from_ymd(local.year(), local.month(), local.day()).unwrap();
        let of_it = self.assignments.iter().filter(|one| one.kind == kind && one.subject == *subject);
        let holds = of_it.filter(|one| one.from <= day && one.to.is_none_or(|to| day <= to));
        holds.max_by_key(|one| one.from)
    }

    pub fn owner(&self, entry: &Entry) -> Option<String> {
        let key = &entry.combination.api_key;
        let given = self.assigned(AssignmentKind::Owner, &Assignable::ApiKey(key.clone()), entry);
        given.map_or_else(|| self.creator(key).map(str::to_owned), |given| given.id.clone())
    }

    pub fn team(&self, entry: &Entry) -> Option<String> {
        let said = |subject: Assignable| self.assigned(AssignmentKind::Team, &subject, entry);
        let of_key = said(Assignable::ApiKey(entry.combination.api_key.clone()));
        let of_owner = || said(Assignable::User(self.owner(entry)?));
        let of_project = || said(Assignable::Project(entry.combination.project.clone()));
        of_key.or_else(of_owner).or_else(of_project)?.id.clone()
    }

    pub fn value(&self, entry: &Entry, by: GroupBy) -> Option<String> {
        let c = &entry.combination;
        match by {
            GroupBy::Model => Some(c.model.clone()),
            GroupBy::Project => Some(c.project.clone()),
            GroupBy::ApiKey => Some(c.api_key.clone()),
            GroupBy::User => self.owner(entry),
            GroupBy::Team => self.team(entry),
            GroupBy::CostCentre => self.cost_centres.get(&self.team(entry)?).cloned(),
            GroupBy::Provider => Some(c.provider.clone()),
            GroupBy::Source => c.source.clone(),
            GroupBy::CostSource => Some(match c.cost_source {
                CostSource::Reported => "reported".into(),
                CostSource::Priced | CostSource::PricedByCall => "priced".into(),
                CostSource::Unpriced | CostSource::Unmeasured => "unpriced".into(),
            }),
        }
    }
}

pub const COST_SOURCES: [CostSource; 5] =
    [CostSource::Reported, CostSource::Priced, CostSource::Unpriced, CostSource::Unmeasured, CostSource::PricedByCall];

/// What the model `m3` costs nobody knows. Of the others a sum costs what its parts do.
pub fn price(model: &str, measures: &Measures) -> Option<PicoUsd> {
    let cost = 7 * measures.get(Count::TotalTokens) + 3 * measures.get(Count::Requests);
    (model != "m3").then_some(PicoUsd(i128::from(cost)))
}

/// Asks for usage to be repriced by [`price`].
pub fn repricing(days: RangeInclusive<Day>, all: bool) -> Arc<RepriceRequest> {
    Arc::new(RepriceRequest {
        days,
        all,
        organizations: BTreeSet::new(),
        models: BTreeSet::new(),
        prices: Arc::new(|_, model, _, measures| price(model, measures)),
        note: Note::new("tester", "reprice"),
    })
}

impl Entry {
    /// With another source of its cost: calls whose cost somebody knows are not counted as unpriced.
    pub fn with_cost_source(mut self, cost_source: CostSource) -> Entry {
        self.combination.cost_source = cost_source;
        if !cost_source.is_unpriced() {
            self.measures.counts[Count::Unpriced as usize] = 0;
        }
        self
    }

    /// What is counted of a call once another record of it has come; nothing where that is a duplicate.
    pub fn joined(&self, record: &Entry) -> Option<Entry> {
        use Completeness::{AtLeast, CallerUnknown, Final, TokensUnknown};
        let merge = |place: &Entry, tokens: &Entry| place.with_tokens_of(tokens, [self, record]);
        match (self.completeness, record.completeness) {
            (TokensUnknown, AtLeast) => Some(Entry { is_placed: true, ..merge(self, record) }),
            (AtLeast, AtLeast) if self.is_placed => {
                let tokens = |of: &Entry| of.measures.counts[1..=Count::ReasoningTokens as usize].to_vec();
                (tokens(record) > tokens(self)).then(|| Entry { is_placed: true, ..merge(self, record) })
            }
            (AtLeast, AtLeast) | (CallerUnknown, CallerUnknown) => record.is_more_than(self).then(|| record.clone()),
            (AtLeast, Final) if !self.is_placed => Some(record.clone()),
            (TokensUnknown | AtLeast, Final | CallerUnknown) => {
                Some(Entry { completeness: Final, ..merge(self, record) })
            }
            (CallerUnknown, TokensUnknown | AtLeast) => Some(Entry { completeness: Final, ..merge(record, self) }),
            (CallerUnknown, Final) => Some(merge(record, record)),
            (Final, _) | (_, TokensUnknown) => None,
        }
    }

    /// This one's place and names with another's tokens, and what only one of both records knows.
    fn with_tokens_of(&self, tokens: &Entry, records: [&Entry; 2]) -> Entry {
        let other = if std::ptr::eq(tokens, records[0]) { records[1] } else { records[0] };
        let get = |of: &Entry, count: Count| of.measures.get(count);
        let failed = |of: &Entry| get(of, Count::Errors) + get(of, Count::ClientErrors) > 0;
        let says_cost = |of: &Entry| {
            of.combination.cost_source == CostSource::Reported
                && !(of.completeness == Completeness::TokensUnknown && failed(of) && of.measures.cost == PicoUsd::ZERO)
        };
        let mut all = Entry { time: self.time, ..tokens.clone() };
        let names = &mut all.combination;
        let own = self.combination.clone();
        (names.project, names.api_key, names.mode) = (own.project, own.api_key, own.mode);
        let elsewhere = (names.model.clone(), names.provider.clone());
        names.model = if own.model == "unknown" { names.model.clone() } else { own.model };
        names.provider = if own.provider == "unknown" { names.provider.clone() } else { own.provider };
        let sources = [own.source, other.combination.source.clone(), tokens.combination.source.clone()];
        names.source = sources.into_iter().flatten().next();
        let is_bound = tokens.completeness == Completeness::AtLeast;
        if says_cost(other) && (is_bound || !says_cost(tokens)) {
            (names.cost_source, all.measures.cost) = (other.combination.cost_source, other.measures.cost);
        } else if is_bound {
            (names.cost_source, all.measures.cost) = (CostSource::Unmeasured, PicoUsd::ZERO);
        }
        if names.cost_source == CostSource::Priced && elsewhere != (names.model.clone(), names.provider.clone()) {
            names.cost_source = CostSource::PricedByCall;
        }
        let calls = [self, tokens].into_iter().map(|of| get(of, Count::Requests)).find(|calls| *calls > 0).unwrap_or(0);
        let failure = [self, tokens, other].into_iter().find(|of| failed(of));
        let is_unpriced = all.combination.cost_source.is_unpriced();
        let mut set = |count: Count, is: bool| all.measures.counts[count as usize] = if is { calls } else { 0 };
        set(Count::Requests, true);
        set(Count::Errors, failure.is_some_and(|of| get(of, Count::Errors) > 0));
        set(Count::ClientErrors, failure.is_some_and(|of| get(of, Count::ClientErrors) > 0));
        set(Count::CacheHits, records.iter().any(|of| get(of, Count::CacheHits) > 0));
        set(Count::Unpriced, is_unpriced);
        all
    }

    /// Whether it is the one to count of two records that know as much of a call.
    fn is_more_than(&self, other: &Entry) -> bool {
        let of = |entry: &Entry| {
            let counts = entry.measures.counts;
            let is_priced = counts[Count::Unpriced as usize] == 0;
            let earlier = Reverse(Segment::of(entry.time));
            (counts[..Count::Unpriced as usize].to_vec(), is_priced, entry.measures.cost, earlier)
        };
        of(self) > of(other)
    }

    /// Reprices it as [`repricing`] does. Gives the cost before and after, if it is one that gets a price.
    pub fn reprice(&mut self, days: &RangeInclusive<Day>, all: bool) -> Option<(PicoUsd, PicoUsd)> {
        let source = self.combination.cost_source;
        let asked = source == CostSource::Unpriced || all && source == CostSource::Priced;
        if !asked || !days.contains(&Segment::of(self.time).unwrap().day()) {
            return None;
        }
        let after = price(&self.combination.model, &self.measures)?;
        self.combination.cost_source = CostSource::Priced;
        self.measures.counts[Count::Unpriced as usize] = 0;
        Some((std::mem::replace(&mut self.measures.cost, after), after))
    }
}

/// The first local day of the bucket an event falls into, in the words of the zone's own clock.
pub fn bucket_label(zone: Tz, time: UnixMs, granularity: Granularity, from: Date) -> String {
    let local = DateTime::<Utc>::from_timestamp_millis(time).unwrap().with_timezone(&zone);
    let day = local.date_naive();
    let first = match granularity {
        Granularity::Week => day - chrono::Days::new(u64::from(day.weekday().num_days_from_monday())),
        Granularity::Month => day.with_day(1).unwrap(),
        Granularity::Day | Granularity::Hour => day,
    };
    first.format("%Y-%m-%d").to_string().max(from.to_string())
}

pub type Sums = BTreeMap<(String, Vec<Option<String>>), Measures>;

pub fn add(sums: &mut Sums, key: (String, Vec<Option<String>>), measures: &Measures) {
    sums.entry(key).or_insert(Measures::ZERO).add(measures).unwrap();
}

/// Every entry of an answer.
pub fn entries(answer: &Activity<'_>) -> Sums {
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

pub fn shown(measures: &Measures) -> Measures {
    let mut shown = Measures { cost: measures.cost, ..Measures::ZERO };
    for count in [Count::Requests, Count::TotalTokens, Count::Unpriced] {
        shown.counts[count as usize] = measures.get(count);
    }
    shown
}

pub fn about(snapshot: &Snapshot) -> About<'_> {
    About {
        reader: &snapshot.reader,
        dictionary: &snapshot.dictionary,
        directory: &snapshot.directory,
        organization_id: "acme",
        organization: snapshot.directory.organization("acme").unwrap(),
    }
}

/// Any question about what is in the ledger.
pub fn question(random: &mut Random, zone: Zone, ledger: &Ledger) -> Query {
    const GROUPS: [GroupBy; 9] = [
        GroupBy::Model,
        GroupBy::Project,
        GroupBy::ApiKey,
        GroupBy::User,
        GroupBy::Provider,
        GroupBy::Source,
        GroupBy::Team,
        GroupBy::CostCentre,
        GroupBy::CostSource,
    ];
    let granularity =
        *random.pick(&[Granularity::Day, Granularity::Day, Granularity::Hour, Granularity::Week, Granularity::Month]);
    let around = random.pick(&ledger.entries).time;
    let from = zone.date_at(around).plus_days(-(random.below(20) as i64));
    let to = from.plus_days(random.below(if granularity == Granularity::Hour { 31 } else { 60 }) as i64);
    let mut filter = Filter::default();
    for by in GROUPS {
        if random.below(5) == 0 {
            let values: BTreeSet<String> =
                (0..2).filter_map(|_| ledger.value(random.pick(&ledger.entries), by)).collect();
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

/// Holds an answer against the ledger.
pub fn check(snapshot: &Snapshot, ledger: &Ledger, query: &Query) {
    let zone: Tz = query.window.zone.name().parse().unwrap();
    let answer = activity(about(snapshot), query).unwrap();
    let counts: Vec<&Entry> = ledger
        .entries
        .iter()
        .filter(|entry| {
            let date = bucket_label(zone, entry.time, Granularity::Day, Date::from_ymd(1, 1, 1).unwrap());
            date >= query.window.from.to_string()
                && date <= query.window.to.to_string()
                && ledger.counts(entry, &query.filter)
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
    let members: BTreeSet<String> = counts.iter().filter_map(|entry| ledger.owner(entry)).collect();
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
        let mut keys: Vec<Option<String>> = query.group_by.iter().map(|by| ledger.value(entry, *by)).collect();
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
