//! What was used of what an alert looks at, and when it fires by that: the same for what is sent and for rehearsals.

use std::collections::{BTreeMap, BTreeSet};

use crate::budget::{Course, Firing, Slot, Span, Subject, Trigger, Whose, zone_of};
use crate::calendar::{Date, Granularity, Window, Zone};
use crate::directory::{Alert, Budget, BudgetScope, Organization};
use crate::engine::Snapshot;
use crate::model::UnixMs;
use crate::query::{About, Column, Entry, Filter, GroupBy, Query, QueryError, RankBy, activity};

/// What alerts count: requests first.
const USED: &[Column] = &[Column::Requests, Column::TotalTokens, Column::Cost];
const USED_AND_COUNTED: &[Column] =
    &[Column::Requests, Column::TotalTokens, Column::Cost, Column::Errors, Column::ClientErrors, Column::Unpriced];

/// What an alert is about.
#[derive(Clone, Copy)]
pub struct Watched<'a> {
    pub budget: Option<&'a Budget>,
    /// Whose days are meant.
    pub zone: Zone,
}

impl<'a> Watched<'a> {
    pub fn of(organization: &'a Organization, alert: &Alert) -> Watched<'a> {
        let budget = alert.budget_id.as_ref().and_then(|id| organization.budgets.get(id));
        let home = || Zone::home(organization.profile.timezone.as_deref());
        Watched { budget, zone: budget.map_or_else(home, |budget| zone_of(budget, &organization.profile)) }
    }

    pub fn trigger(&self, alert: &Alert) -> Trigger<'a> {
        Trigger::new(alert, self.budget, self.zone)
    }

    /// Whether it looks at each of some that there may be very many of.
    pub fn is_of_many(&self, alert: &Alert) -> bool {
        let is_default = self.budget.is_some_and(|budget| budget.scope == BudgetScope::Member(None));
        is_default || self.trigger(alert).whose() == Whose::Spenders
    }
}

/// When an alert fires in some days, both included, by usage as it is stored: of each hour, or of each day.
pub fn firings(
    about: About<'_>,
    alert: &Alert,
    (from, to): (Date, Date),
    granularity: Granularity,
) -> Result<Vec<Firing>, QueryError> {
    let watched = Watched::of(about.organization, alert);
    let trigger = watched.trigger(alert);
    let asked: Vec<(Filter, Option<GroupBy>)> = match (trigger.whose(), watched.budget) {
        (Whose::All, _) => vec![(Filter::default(), None)],
        (Whose::Spenders, _) => spenders(about, &trigger, (trigger.new_from(from), to))?,
        (Whose::Budget, None) => return Ok(Vec::new()),
        (Whose::Budget, Some(budget)) => vec![scope(about.organization, budget)],
    };
    let columns = if trigger.whose() == Whose::All { USED_AND_COUNTED } else { USED };
    let mut courses: BTreeMap<Subject, Vec<Slot>> = BTreeMap::new();
    // What comes before is only counted up, so days of it will do.
    let before = (trigger.reads_from(from), from.plus_days(-1), Granularity::Day);
    for (from, to, granularity) in [before, (from, to, granularity)].into_iter().filter(|(from, to, _)| from <= to) {
        for (filter, by) in &asked {
            let window = Window { zone: watched.zone, from, to, until: None };
            let query = Query {
                window,
                granularity,
                group_by: Vec::from_iter(*by),
                filter: filter.clone(),
                rank_by: RankBy::Cost,
                top: None,
                columns,
            };
            let found = activity(about, &query)?;
            let subjects: Vec<Option<Subject>> = found
                .groups
                .iter()
                .map(|group| subject(*by, group.labels.first().and_then(|label| label.key.as_deref())))
                .collect();
            found.each_bucket(|bucket, _, entries| {
                for entry in entries {
                    if let Some(subject) = &subjects[entry.group as usize] {
                        let slot = Slot { start: bucket.start, used: entry.usage.all };
                        courses.entry(subject.clone()).or_default().push(slot);
                    }
                }
                Ok::<_, QueryError>(())
            })?;
        }
    }
    if let Some(budget) = watched.budget.filter(|budget| budget.scope == BudgetScope::Member(None)) {
        let own = with_their_own(about.organization, budget, watched.zone.day_start(to));
        courses.retain(|subject, _| !matches!(subject, Subject::Member(id) if own.contains(id.as_str())));
    }
    let courses: Vec<Course> = courses.into_iter().map(|(of, slots)| Course { of, slots }).collect();
    Ok(trigger.firings(&courses, from))
}

/// The same in a snapshot, by days.
pub fn fired(
    snapshot: &Snapshot,
    (organization_id, organization): (&str, &Organization),
    alert: &Alert,
    days: (Date, Date),
) -> Result<Vec<Firing>, QueryError> {
    let (reader, dictionary, directory) = (&snapshot.reader, &*snapshot.dictionary, &*snapshot.directory);
    let about = About { reader, dictionary, directory, organization_id, organization };
    firings(about, alert, days, Granularity::Day)
}

/// What counts in a budget, and what it is told apart by.
fn scope(organization: &Organization, budget: &Budget) -> (Filter, Option<GroupBy>) {
    let only = |by, id: &str| only(by, BTreeSet::from([id.to_owned()]));
    match &budget.scope {
        BudgetScope::Organization => (Filter::default(), None),
        BudgetScope::Project(id) => (only(GroupBy::Project, id), None),
        BudgetScope::ApiKey(id) => (only(GroupBy::ApiKey, id), None),
        BudgetScope::Team(id) => (only(GroupBy::Team, id), None),
        BudgetScope::Member(Some(id)) => (only(GroupBy::User, organization.person(id)), None),
        BudgetScope::Member(None) => (Filter::default(), Some(GroupBy::User)),
    }
}

/// All usage, and that of each model and key that has cost enough in some days to be told of: there may be a million that
/// have not.
fn spenders(
    about: About<'_>,
    trigger: &Trigger<'_>,
    (from, to): (Date, Date),
) -> Result<Vec<(Filter, Option<GroupBy>)>, QueryError> {
    let mut asked = vec![(Filter::default(), None)];
    for by in [GroupBy::Model, GroupBy::ApiKey] {
        let query = Query {
            window: Window { zone: trigger.zone, from, to, until: None },
            granularity: Granularity::Month,
            group_by: vec![by],
            filter: Filter::default(),
            rank_by: RankBy::Cost,
            top: None,
            columns: USED,
        };
        let found = activity(about, &query)?;
        let enough = found.ranking.iter().take_while(|entry| entry.usage.cost().0 >= trigger.new_spender_bound());
        let key = |entry: &Entry| found.groups[entry.group as usize].labels.first().and_then(|label| label.key.clone());
        let names: BTreeSet<String> = enough.filter_map(key).collect();
        if !names.is_empty() {
            asked.push((only(by, names), Some(by)));
        }
    }
    Ok(asked)
}

fn only(by: GroupBy, names: BTreeSet<String>) -> Filter {
    Filter { by: vec![(by, names)], ..Filter::default() }
}

fn subject(by: Option<GroupBy>, key: Option<&str>) -> Option<Subject> {
    match by {
        None => Some(Subject::All),
        Some(GroupBy::Model) => key.map(|id| Subject::Model(id.to_owned())),
        Some(GroupBy::ApiKey) => key.map(|id| Subject::ApiKey(id.to_owned())),
        _ => key.map(|id| Subject::Member(id.to_owned())),
    }
}

/// Members for whom a default does not hold at a moment, since they have a budget of their own of what it counts.
fn with_their_own<'o>(organization: &'o Organization, default: &Budget, at: UnixMs) -> BTreeSet<&'o str> {
    let goes_before = |own: &&Budget| {
        let holds = || Span::of(own, zone_of(own, &organization.profile), at).holds;
        own.limit.counted() == default.limit.counted() && holds()
    };
    let member = |budget: &'o Budget| match &budget.scope {
        BudgetScope::Member(Some(id)) => Some(organization.person(id)),
        _ => None,
    };
    organization.budgets.values().filter(goes_before).filter_map(member).collect()
}

/// The days that are looked at now, and when the window began with which an alert begins that is new.
pub fn days_now(trigger: &Trigger<'_>, now: UnixMs) -> (Date, Date, UnixMs) {
    let today = trigger.zone.date_at(now);
    (trigger.looks_from(today), today, trigger.window_of(today))
}
