//! When an alert fires, worked out from what was used: the same for what is sent and for what a rehearsal says.

use std::collections::{BTreeMap, BTreeSet};

use super::forecast::{Days, FORECAST_DAYS};
use super::span::Span;
use crate::calendar::{Date, Zone};
use crate::directory::{Alert, AlertKind, Budget, Limit};
use crate::model::{Count, HOUR_MS, Measures, UnixMs};

/// What thresholds are counted in.
const UNIT: i128 = 1_000_000_000_000;
/// Of a budget without percentages.
const WHOLE: u32 = 100;
/// How many times the usual spread a day may be above its weekday, where nothing is said. Of days that are alike but
/// for chance, one in some thousands is.
const SPREADS: i128 = 4 * UNIT;
/// What a new model or API key may cost where nothing is said: 10 US dollars.
const NEW_SPENDER: i128 = 10 * UNIT;
/// How many requests in a hundred may fail where nothing is said.
const ERROR_PERCENT: i128 = 10 * UNIT;
/// Fewer requests of a day say nothing about a rate.
const ERROR_REQUESTS: u64 = 10;
/// Requests of a day without a price, where nothing is said.
const UNPRICED: i128 = UNIT;

/// Weeks back that a day is compared with, and the fewest that say anything.
const WEEKS: i64 = 8;
const FEWEST_WEEKS: usize = 4;
/// The least that counts as a usual spread: a tenth of the usual day, and a twentieth of the mean one, so that neither
/// days that were all the same nor days without usage make a small difference large.
const SPREAD_OF_USUAL: i128 = 10;
const SPREAD_OF_MEAN: i128 = 20;

/// When on a Monday the week before is told: what was late for it is mostly there by then, and so are people.
const DIGEST_MS: i64 = 8 * HOUR_MS;

/// Days without usage after which somebody is new again, and days on which they are new.
const GONE_DAYS: i64 = 90;
const NEW_DAYS: i64 = 7;

/// What was used in a part of a local day.
#[derive(Debug, Clone, Copy)]
pub struct Slot {
    pub start: UnixMs,
    pub used: Measures,
}

/// Usage of somebody or something in the order of time. Slots without usage may be left out.
#[derive(Debug, Clone)]
pub struct Course {
    pub of: Subject,
    pub slots: Vec<Slot>,
}

/// What a firing is about beside the alert itself.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// All that the alert looks at.
    All,
    /// A member, in a budget that is each member's.
    Member(String),
    Model(String),
    ApiKey(String),
}

/// Of what an alert has to know what was used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// Of the organization.
    All,
    /// Of what its budget is of.
    Budget,
    /// Of each model and each API key that has used as much as the threshold of late, and of the organization: those that
    /// are there on its first day are not new.
    Spenders,
}

/// An alert that has fired.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Firing {
    /// When the part of a day began in which it did.
    pub at: UnixMs,
    /// When the window, the day, or the first day of something new began. It fires once in each.
    pub window: UnixMs,
    /// Of the limit.
    pub percent: Option<u32>,
    pub subject: Subject,
    pub figures: Figures,
}

/// Why: what was found, and from where on it fires. Money in picodollars.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Figures {
    /// What is spent of a limit.
    Spent {
        spent: i128,
        limit: Limit,
    },
    /// What is expected to be spent at the end of the window.
    Expected {
        spent: i128,
        expected: i128,
        limit: Limit,
    },
    /// What a day has cost, what its weekday usually does, and from where on that is unusual.
    Day {
        cost: i128,
        usual: i128,
        bound: i128,
    },
    /// What something new has cost.
    New {
        cost: i128,
        bound: i128,
    },
    Failed {
        failed: u64,
        requests: u64,
    },
    Unpriced {
        requests: u64,
    },
    /// What a week has cost, and the one before.
    Week {
        cost: i128,
        before: i128,
        requests: u64,
        unpriced: u64,
    },
}

/// An alert with what it is about.
pub struct Trigger<'a> {
    kind: AlertKind,
    threshold: Option<i128>,
    budget: Option<&'a Budget>,
    pub zone: Zone,
}

impl<'a> Trigger<'a> {
    /// `budget` is the one that it names; without it, it never fires.
    pub fn new(alert: &Alert, budget: Option<&'a Budget>, zone: Zone) -> Trigger<'a> {
        Trigger { kind: alert.kind, threshold: alert.threshold, budget, zone }
    }

    pub fn whose(&self) -> Whose {
        match self.kind {
            AlertKind::Budget | AlertKind::Forecast => Whose::Budget,
            AlertKind::UnusualDay | AlertKind::ErrorRate | AlertKind::Unpriced | AlertKind::Digest => Whose::All,
            AlertKind::NewSpender => Whose::Spenders,
        }
    }

    /// The first day whose usage decides about a day: that on which its window began, or the first that it is compared
    /// with.
    pub fn reads_from(&self, day: Date) -> Date {
        let window = self.budget.map_or(day, |budget| {
            let start = Span::of(budget, self.zone, self.zone.day_start(day)).time.start;
            self.zone.date_at(start).min(day)
        });
        match self.kind {
            AlertKind::Budget => window,
            AlertKind::Forecast => window.min(day.plus_days(-FORECAST_DAYS)),
            AlertKind::UnusualDay => day.plus_days(-7 * WEEKS),
            AlertKind::NewSpender => day.plus_days(-GONE_DAYS - NEW_DAYS),
            AlertKind::ErrorRate | AlertKind::Unpriced => day,
            AlertKind::Digest => day.first_of_week().plus_days(-14),
        }
    }

    /// What something new has to cost.
    pub fn new_spender_bound(&self) -> i128 {
        self.threshold.unwrap_or(NEW_SPENDER)
    }

    /// The first day of what it may still fire about: of the window before the one that a day is in, since late events
    /// may have reached something in it.
    pub fn looks_from(&self, day: Date) -> Date {
        match (self.kind, self.budget) {
            (AlertKind::Budget, Some(budget)) => {
                let start = |day: Date| {
                    let start = Span::of(budget, self.zone, self.zone.day_start(day)).time.start;
                    self.zone.date_at(start).min(day)
                };
                start(start(day).plus_days(-1))
            }
            (AlertKind::Budget | AlertKind::Forecast, _) => day,
            (AlertKind::NewSpender, _) => self.new_from(day),
            // After the Monday on which the week before the last was told.
            (AlertKind::Digest, _) => day.first_of_week().plus_days(-6),
            (AlertKind::UnusualDay | AlertKind::ErrorRate | AlertKind::Unpriced, _) => day.plus_days(-1),
        }
    }

    /// The first day of those that are new on a day.
    pub fn new_from(&self, day: Date) -> Date {
        day.plus_days(1 - NEW_DAYS)
    }

    /// When the window began that a day is in: an alert that is new begins with it.
    pub fn window_of(&self, day: Date) -> UnixMs {
        match self.budget {
            Some(budget) => Span::of(budget, self.zone, self.zone.day_start(day)).time.start,
            None if self.kind == AlertKind::NewSpender => self.zone.day_start(self.new_from(day)),
            None if self.kind == AlertKind::Digest => self.zone.day_start(day.first_of_week()),
            None => self.zone.day_start(day),
        }
    }

    /// When it fires in the days from one on, in the order of time. `courses` begin where [`Self::reads_from`] says.
    pub fn firings(&self, courses: &[Course], from: Date) -> Vec<Firing> {
        let from = self.zone.day_start(from);
        let mut firings: Vec<Firing> = match (self.kind, self.budget) {
            (AlertKind::Budget, Some(budget)) => {
                courses.iter().flat_map(|course| self.reached(budget, course)).collect()
            }
            (AlertKind::Forecast, Some(budget)) => {
                courses.iter().flat_map(|course| self.foreseen(budget, course, from)).collect()
            }
            (AlertKind::Budget | AlertKind::Forecast, None) => Vec::new(),
            (AlertKind::UnusualDay, _) => courses.iter().flat_map(|course| self.unusual(course)).collect(),
            (AlertKind::NewSpender, _) => self.new_spenders(courses),
            (AlertKind::ErrorRate, _) => courses.iter().flat_map(|course| self.failed(course)).collect(),
            (AlertKind::Unpriced, _) => courses.iter().flat_map(|course| self.unpriced(course)).collect(),
            (AlertKind::Digest, _) => courses.iter().flat_map(|course| self.digests(course)).collect(),
        };
        firings.retain(|firing| firing.at >= from);
        firings.sort_by(|a, b| (a.at, &a.subject, a.percent).cmp(&(b.at, &b.subject, b.percent)));
        firings
    }

    /// Percentages of a budget, of several that are reached in one slot only the highest.
    fn reached(&self, budget: &Budget, course: &Course) -> Vec<Firing> {
        let own = self.threshold.map(|threshold| vec![(threshold / UNIT) as u32]);
        let percentages = own.unwrap_or_else(|| budget.percent.clone());
        let percentages = if percentages.is_empty() { vec![WHOLE] } else { percentages };
        let (counted, limit) = (budget.limit.counted(), budget.limit.amount());
        let mut windows = Windows::new(budget, self.zone);
        let (mut spent, mut settled) = (0_i128, 0);
        let mut firings = Vec::new();
        for slot in &course.slots {
            let Some((span, is_new)) = windows.at(slot.start) else { continue };
            if is_new {
                (spent, settled) = (0, 0);
            }
            spent += counted.of(&slot.used);
            let is_reached =
                |percent: &&u32| spent > 0 && spent.saturating_mul(100) >= limit.saturating_mul(i128::from(**percent));
            let highest = percentages.iter().filter(is_reached).max().copied().filter(|percent| *percent > settled);
            if let Some(percent) = highest {
                settled = percent;
                firings.push(Firing {
                    at: slot.start,
                    window: span.time.start,
                    percent: Some(percent),
                    subject: course.of.clone(),
                    figures: Figures::Spent { spent, limit: budget.limit },
                });
            }
        }
        firings
    }

    /// Budgets that are expected to be passed before their window ends.
    fn foreseen(&self, budget: &Budget, course: &Course, from: UnixMs) -> Vec<Firing> {
        let percent = self.threshold.map_or(WHOLE, |threshold| (threshold / UNIT) as u32);
        let (counted, limit) = (budget.limit.counted(), budget.limit.amount());
        let bound = limit.saturating_mul(i128::from(percent));
        let mut windows = Windows::new(budget, self.zone);
        let mut days = Days::default();
        let mut firings: Vec<Firing> = Vec::new();
        for slot in &course.slots {
            let day = self.zone.date_at(slot.start);
            days.add(day, counted.of(&slot.used));
            let Some((span, _)) = windows.at(slot.start) else { continue };
            let is_told = firings.last().is_some_and(|last| last.window == span.time.start);
            if slot.start < from || is_told || span.time.end == UnixMs::MAX {
                continue;
            }
            let [first, last] = [span.time.start, span.time.end - 1].map(|at| self.zone.date_at(at));
            let Some((spent, expected)) = days.forecast(first, day, last) else { continue };
            // What is passed already is told by another kind.
            if spent.saturating_mul(100) < bound && expected.saturating_mul(100) >= bound {
                firings.push(Firing {
                    at: slot.start,
                    window: span.time.start,
                    percent: Some(percent),
                    subject: course.of.clone(),
                    figures: Figures::Expected { spent, expected, limit: budget.limit },
                });
            }
        }
        firings
    }

    /// Days that cost more than the same weekday of the weeks before by several times the usual spread.
    fn unusual(&self, course: &Course) -> Vec<Firing> {
        let spreads = self.threshold.unwrap_or(SPREADS);
        let mut days: BTreeMap<Date, i128> = BTreeMap::new();
        let mut told: Option<Date> = None;
        let mut firings = Vec::new();
        for slot in &course.slots {
            let day = self.zone.date_at(slot.start);
            let cost = days.entry(day).or_default();
            *cost += slot.used.cost.0;
            let cost = *cost;
            if told == Some(day) {
                continue;
            }
            let Some((usual, spread)) = usual_day(&days, day) else { continue };
            let bound = usual.saturating_add(spreads.saturating_mul(spread / 1_000_000) / (UNIT / 1_000_000));
            if cost > bound {
                told = Some(day);
                let figures = Figures::Day { cost, usual, bound };
                firings.push(self.of_day(day, slot, figures));
            }
        }
        firings
    }

    /// Models and API keys that cost much in their first days, where there was usage before them.
    fn new_spenders(&self, courses: &[Course]) -> Vec<Firing> {
        let bound = self.new_spender_bound();
        let all = courses.iter().find(|course| course.of == Subject::All).and_then(|course| course.slots.first());
        let Some(first) = all.map(|slot| self.zone.date_at(slot.start)) else { return Vec::new() };
        let mut firings = Vec::new();
        for course in courses.iter().filter(|course| course.of != Subject::All) {
            let (mut since, mut last) = (None, None);
            let (mut cost, mut told) = (0, false);
            for slot in &course.slots {
                let day = self.zone.date_at(slot.start);
                let is_back = last.is_some_and(|last| day.days_since(last) > GONE_DAYS);
                if since.is_none() || is_back {
                    (since, cost, told) = (Some(day), 0, false);
                }
                last = Some(day);
                cost += slot.used.cost.0;
                let is_new = since.filter(|since| *since > first && day.days_since(*since) < NEW_DAYS);
                if let Some(since) = is_new.filter(|_| !told && cost >= bound) {
                    told = true;
                    firings.push(Firing {
                        at: slot.start,
                        window: self.zone.day_start(since),
                        percent: None,
                        subject: course.of.clone(),
                        figures: Figures::New { cost, bound },
                    });
                }
            }
        }
        firings
    }

    /// Days of whose requests many have failed.
    fn failed(&self, course: &Course) -> Vec<Firing> {
        let percent = self.threshold.unwrap_or(ERROR_PERCENT);
        self.once_a_day(course, |day| {
            let requests = day.get(Count::Requests);
            let failed = day.get(Count::Errors) + day.get(Count::ClientErrors);
            let is_reached = i128::from(failed) * 100 * UNIT >= percent.saturating_mul(i128::from(requests));
            (requests >= ERROR_REQUESTS && failed > 0 && is_reached).then_some(Figures::Failed { failed, requests })
        })
    }

    /// Days with requests that have no price.
    fn unpriced(&self, course: &Course) -> Vec<Firing> {
        let bound = self.threshold.unwrap_or(UNPRICED);
        self.once_a_day(course, |day| {
            let requests = day.get(Count::Unpriced);
            (requests > 0 && i128::from(requests) * UNIT >= bound).then_some(Figures::Unpriced { requests })
        })
    }

    /// Weeks with usage, and those after them: each is told on the Monday after it, which may be to come.
    fn digests(&self, course: &Course) -> Vec<Firing> {
        let mut weeks: BTreeMap<Date, Measures> = BTreeMap::new();
        for slot in &course.slots {
            let monday = self.zone.date_at(slot.start).first_of_week();
            weeks.entry(monday.plus_days(7)).or_insert(Measures::ZERO);
            let week = weeks.entry(monday).or_insert(Measures::ZERO);
            week.add(&slot.used).expect("no more than all usage, which fits");
        }
        let of_week = |(monday, used): (&Date, &Measures)| Firing {
            at: self.zone.day_start(monday.plus_days(7)) + DIGEST_MS,
            window: self.zone.day_start(*monday),
            percent: None,
            subject: course.of.clone(),
            figures: Figures::Week {
                cost: used.cost.0,
                before: weeks.get(&monday.plus_days(-7)).map_or(0, |before| before.cost.0),
                requests: used.get(Count::Requests),
                unpriced: used.get(Count::Unpriced),
            },
        };
        weeks.iter().map(of_week).collect()
    }

    /// Looks at what days have used so far.
    fn once_a_day(&self, course: &Course, look: impl Fn(&Measures) -> Option<Figures>) -> Vec<Firing> {
        let (mut of, mut so_far, mut told) = (None, Measures::ZERO, BTreeSet::new());
        let mut firings = Vec::new();
        for slot in &course.slots {
            let day = self.zone.date_at(slot.start);
            if of != Some(day) {
                (of, so_far) = (Some(day), Measures::ZERO);
            }
            so_far.add(&slot.used).expect("no more than all usage, which fits");
            if let Some(figures) = look(&so_far).filter(|_| told.insert(day)) {
                firings.push(self.of_day(day, slot, figures));
            }
        }
        firings
    }

    fn of_day(&self, day: Date, slot: &Slot, figures: Figures) -> Firing {
        Firing { at: slot.start, window: self.zone.day_start(day), percent: None, subject: Subject::All, figures }
    }
}

/// The windows that a budget goes through.
struct Windows<'a> {
    budget: &'a Budget,
    zone: Zone,
    now: Option<Span>,
}

impl<'a> Windows<'a> {
    fn new(budget: &'a Budget, zone: Zone) -> Windows<'a> {
        Windows { budget, zone, now: None }
    }

    /// The window that an instant is in, and whether it is the first one in it; nothing where the budget does not hold.
    fn at(&mut self, at: UnixMs) -> Option<(&Span, bool)> {
        let is_new = !self.now.as_ref().is_some_and(|span| span.valid.contains(&at));
        if is_new {
            self.now = Some(Span::of(self.budget, self.zone, at));
        }
        self.now.as_ref().filter(|span| span.holds).map(|span| (span, is_new))
    }
}

/// What a weekday usually costs, and by how much that usually differs: the median of the weeks before, and the median
/// distance from it, which one day of a kind of its own does not move. Nothing where too few weeks are known.
fn usual_day(days: &BTreeMap<Date, i128>, day: Date) -> Option<(i128, i128)> {
    let first = *days.first_key_value()?.0;
    let cost = |day: Date| days.get(&day).copied().unwrap_or(0);
    let weeks = (1..=WEEKS).map(|week| day.plus_days(-7 * week)).take_while(|day| *day >= first);
    let costs: Vec<i128> = weeks.map(cost).collect();
    if costs.len() < FEWEST_WEEKS {
        return None;
    }
    let usual = median(costs.clone());
    let distance = median(costs.iter().map(|cost| (cost - usual).abs()).collect());
    let known = day.days_since(first).min(7 * WEEKS);
    let mean = days.range(day.plus_days(-known)..day).map(|(_, cost)| cost).sum::<i128>() / i128::from(known);
    // What makes the median distance a standard deviation where days differ by chance.
    let spread = distance * 14_826 / 10_000;
    Some((usual, spread.max(usual / SPREAD_OF_USUAL).max(mean / SPREAD_OF_MEAN)))
}

fn median(mut values: Vec<i128>) -> i128 {
    values.sort_unstable();
    let middle = values.len() / 2;
    if values.len() % 2 == 1 { values[middle] } else { (values[middle - 1] + values[middle]) / 2 }
}
