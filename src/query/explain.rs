//! Where one figure comes from: by source and kind of its cost, when it came, and whose it is by what was said.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ops::Range;
use std::sync::Arc;

use super::activity::{ACTIVITY_COLUMNS, activity, over_window, scan};
use super::courses::{Courses, NO_GROUP, at};
use super::labels::{Label, Names};
use super::numbers::{GroupBy, GroupOf};
use super::plan::{Plan, boundary};
use super::rollups::MEASURES;
use super::scan::Scan;
use super::slices::Slice;
use super::{About, Column, Filter, Query, QueryError};
use crate::calendar::{Date, Zone};
use crate::directory::{Assignable, AssignmentKind};
use crate::model::{
    CostSource, Count, Dimension, Measures, Overflow, SEGMENTS, Segment, Series, SeriesId, UnixMs, Usage, ValueId,
};
use crate::store::{SegmentTiming, SeriesTiming, StoreError, Timing};

/// Bounds of up to so many segments are looked at one by one, longer ones by UTC day: what a figure has no usage in says
/// nothing of when it came.
const LOOKED_AT_ONE_BY_ONE: u32 = 2 * SEGMENTS as u32;
/// Entries of how usage is attributed, of each kind; those of the largest costs.
const MAX_ATTRIBUTED: usize = 50;

/// Which figure of an answer.
pub struct Figure<'f> {
    /// Of which bucket, or the whole window.
    pub bounds: Range<UnixMs>,
    /// Of which entry, a key for each dimension; the sum of all without.
    pub keys: Option<&'f [Option<String>]>,
    /// Where pieces of the bounds begin that are priced by the prices of their beginning.
    pub priced_from: &'f [UnixMs],
}

/// What tokens and requests cost by the price book as it is.
pub struct Worth {
    /// Plain input, reading from caches, writing to them, output, requests; in picodollars.
    pub by_kind: [i128; 5],
    pub is_own: bool,
}

/// Where a figure comes from.
#[derive(Default)]
pub struct Explained {
    pub value: Usage,
    /// What the entry is called; none for sums of all.
    pub labels: Vec<Label>,
    /// It is the sum of all but the largest entries.
    pub is_rest: bool,
    /// They add up to the value.
    pub parts: Vec<CostPart>,
    pub arrival: Arrival,
    /// Of each kind they add up to the value.
    pub attribution: Vec<Attributed>,
}

/// Which prices a cost is by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum PricedBy {
    /// The operator's own as they are now.
    Own,
    /// Those of the list as it is now.
    List,
    /// Others: of before, or of what sums do not keep.
    Others,
    /// Others, of a model that no price is known for now.
    Unknown,
}

/// What usage costs whose cost is from one source.
#[derive(Debug)]
pub struct CostPart {
    /// `reported`, `priced` or `unpriced`.
    pub source: CostSource,
    /// Only of what was priced.
    pub priced_by: Option<PricedBy>,
    pub measures: Measures,
    /// Plain input, reading from caches, writing to them, output but for reasoning, reasoning, requests; in picodollars.
    /// `None` where nobody knows.
    pub by_kind: Option<[i128; 6]>,
}

/// When a figure's usage came. `None` is not known.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Arrival {
    /// In Unix seconds.
    pub first: Option<u64>,
    pub last: Option<u64>,
    pub late_requests: Option<u64>,
    pub duplicates: Option<u64>,
    pub rejected: Option<u64>,
}

/// By what usage is somebody's, or a team's.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum AttributedBy {
    Assignment {
        subject: Assignable,
        from: String,
        to: Option<String>,
    },
    /// Whoever created the API key.
    Creator,
    /// Nothing says whose it is.
    Nothing,
    /// All that is not told apart.
    Others,
}

#[derive(Debug, Clone)]
pub struct Attributed {
    pub kind: AssignmentKind,
    pub by: AttributedBy,
    /// A user or a team.
    pub id: Option<String>,
    pub requests: u64,
    pub cost: i128,
}

/// Explains a figure of what `query` asks for. `worth` says what tokens of a provider's model cost by the prices of a time.
pub fn explain(
    about: About<'_>,
    query: &Query,
    figure: &Figure<'_>,
    worth: impl Fn(&str, &str, UnixMs, &Measures) -> Option<Worth>,
) -> Result<Explained, QueryError> {
    let plan = Plan::between(figure.bounds.start, figure.bounds.end);
    let mut came = Came::default();
    about.reader.timing(about.organization_id, plan.segments(), |timing| came.take(timing))?;
    let Some((known, id)) = about.names() else {
        let rejected = Some(came.segments.values().map(|timing| timing.rejected).sum());
        let arrival = Arrival { late_requests: Some(0), duplicates: Some(0), rejected, ..Arrival::default() };
        return Ok(Explained { arrival, ..Explained::default() });
    };
    let (mut of_groups, labels) = scan(about, &query.group_by, &query.filter, ACTIVITY_COLUMNS, &known, id);
    of_groups.totals = false;
    let (chosen, is_rest) = match figure.keys {
        None => (vec![true; of_groups.groups], false),
        Some(keys) => {
            let find = |keys: &[Option<String>]| {
                let keys: Vec<Option<&str>> = keys.iter().map(Option::as_deref).collect();
                labels.find(&known, &keys, of_groups.groups)
            };
            let (these, is_rest): (HashSet<u32>, bool) = match rest(about, query, keys)? {
                Some(shown) => (shown.iter().filter_map(|keys| find(keys)).collect(), true),
                None => (find(keys).into_iter().collect(), false),
            };
            ((0..of_groups.groups as u32).map(|group| these.contains(&group) != is_rest).collect::<Vec<_>>(), is_rest)
        }
    };
    // By the way of every answer, and then series by series.
    let (_, sums) = of_groups.run(&plan)?;
    let mut value = Usage::default();
    for (usage, _) in over_window(&sums, of_groups.groups)?.iter().zip(&chosen).filter(|(_, chosen)| **chosen) {
        value.add(usage).map_err(StoreError::from)?;
    }
    let mut only = chosen.iter().enumerate().filter(|(_, chosen)| **chosen).map(|(group, _)| group as u32);
    let labels = match (figure.keys, only.next(), only.next()) {
        (Some(_), Some(group), None) if !is_rest => labels.group(&known, group).labels,
        _ => Vec::new(),
    };
    let counts = Counts { scan: &of_groups, chosen: &chosen };
    let pieces = Pieces::of(&known, figure, &plan);
    let mut found = Found::default();
    counts.each_sum(&known, &pieces, |piece, series, usage| found.take(&pieces, piece, series, usage))?;
    let moments = Moments::of(&plan, &came);
    let present = counts.requests(&known, &moments)?;
    if (found.sum.cost, found.sum.get(Count::Requests)) != (value.cost(), value.get(Count::Requests)) {
        return Err(about.reader.differs("the series of a figure do not add up to it").into());
    }
    let whole = match figure.keys {
        None if query.filter.is_empty() => value.get(Count::Requests),
        _ => {
            let columns = &[Column::Requests, Column::Cost];
            let (mut whole, _) = scan(about, &[], &Filter::default(), columns, &known, id);
            whole.totals = false;
            over_window(&whole.run(&plan)?.1, 1)?[0].get(Count::Requests)
        }
    };
    Ok(Explained {
        value,
        labels,
        is_rest,
        parts: found.parts(&known, &worth).map_err(StoreError::from)?,
        arrival: came.arrival(whole, &counts, &moments, &present),
        attribution: found.attribution(&known, &pieces, query).map_err(StoreError::from)?,
    })
}

/// The keys of the entries of an answer that shows the largest only, if what is asked about is the rest.
fn rest(
    about: About<'_>,
    query: &Query,
    keys: &[Option<String>],
) -> Result<Option<Vec<Vec<Option<String>>>>, QueryError> {
    let Some(top) = query.top.filter(|_| keys.iter().all(Option::is_none)) else { return Ok(None) };
    let groups = activity(about, query)?.groups;
    let keys_of = |group: &super::Group| group.labels.iter().map(|label| label.key.clone()).collect();
    let shown: Vec<Vec<Option<String>>> = groups.iter().take(top).map(keys_of).collect();
    Ok((groups.len() > top && !shown.iter().any(|shown| shown == keys)).then_some(shown))
}

/// What counts.
struct Counts<'s, 'a> {
    scan: &'s Scan<'a>,
    /// By group.
    chosen: &'s [bool],
}

impl<'a> Counts<'_, 'a> {
    fn is_chosen(&self, number: u32) -> bool {
        self.chosen.get(number as usize).is_some_and(|chosen| *chosen)
    }

    fn group_of(&self, id: u32, series: &Series) -> u32 {
        self.scan.group_of.of(id, series).unwrap_or(NO_GROUP)
    }

    /// Whether usage of a series in a segment is of the figure.
    fn has(&self, id: SeriesId, segment: Segment) -> bool {
        let Some(series) = self.scan.series.get(id.0 as usize) else { return false };
        let number = self.group_of(id.0, series);
        self.is_chosen(self.scan.courses.get(number).map_or(number, |course| at(course, segment)))
    }

    /// A scan of the figure alone, in the groups that its series are given.
    fn only(&self, known: &Names<'a>, columns: &[Column], mut group: impl FnMut(&'a Series) -> u32) -> Scan<'a> {
        let (mut groups, mut counting, mut courses) = (0, Vec::new(), Courses::default());
        let own = (0..).zip(self.scan.series.iter()).map(|(id, series)| {
            let number = self.group_of(id, series);
            if !self.scan.courses.all_of(number).any(|number| self.is_chosen(number)) {
                return NO_GROUP;
            }
            let own = group(series);
            groups = groups.max(own as usize + 1);
            counting.push(SeriesId(id));
            let of = |number| if self.is_chosen(number) { own } else { NO_GROUP };
            self.scan.courses.map(number, &mut courses, of)
        });
        let group_of = own.collect();
        Scan {
            groups,
            group_of: Arc::new(GroupOf::Series(group_of)),
            courses: Arc::new(courses),
            by_series: Vec::new(),
            counting: counting.len(),
            api_keys: known.runs_of_api_keys(&counting),
            pivot: None,
            columns: columns.to_vec(),
            unpriced_api_keys: Vec::new(),
            totals: false,
            ..*self.scan
        }
    }

    /// Visits the sums of every series of the figure in every piece of it.
    fn each_sum(
        &self,
        known: &Names<'a>,
        pieces: &Pieces,
        mut visit: impl FnMut(usize, &Series, &Usage) -> Result<(), Overflow>,
    ) -> Result<(), QueryError> {
        let mut groups = Vec::new();
        let scan = self.only(known, MEASURES, |series| {
            groups.push(series);
            groups.len() as u32 - 1
        });
        let mut usage = Usage::default();
        scan.each_slice(&Plan { boundaries: pieces.begin.clone() }, |slice: &mut Slice| {
            for piece in slice.buckets.clone() {
                for (group, series) in (0..).zip(&groups) {
                    if slice.usage(group, piece, &mut usage) {
                        visit(piece, series, &usage).map_err(StoreError::from)?;
                    }
                }
            }
            Ok::<_, QueryError>(())
        })
    }

    /// How many requests the figure has at each of its moments.
    fn requests(&self, known: &Names<'a>, moments: &Moments) -> Result<Vec<u64>, QueryError> {
        let columns = &[Column::Requests];
        let is_all = self.chosen.iter().all(|chosen| *chosen);
        let scan =
            if is_all { self.scan.as_one().of_columns(columns.to_vec()) } else { self.only(known, columns, |_| 0) };
        let (mut requests, mut usage) = (vec![0; moments.late.len()], Usage::default());
        if scan.groups == 0 {
            return Ok(requests);
        }
        scan.each_slice(&Plan { boundaries: moments.begin.clone() }, |slice: &mut Slice| {
            for moment in slice.buckets.clone() {
                if slice.usage(0, moment, &mut usage) {
                    requests[moment] = usage.get(Count::Requests);
                }
            }
            Ok::<_, QueryError>(())
        })?;
        Ok(requests)
    }
}

/// The bounds of a figure in pieces in which nothing changes that its parts tell apart.
struct Pieces {
    /// Where each begins, and where the last ends.
    begin: Vec<Segment>,
    /// By piece: when it is priced.
    priced_at: Vec<UnixMs>,
    /// By piece: its day in the organization's zone, by number.
    day: Vec<usize>,
    days: Vec<String>,
}

impl Pieces {
    fn of(known: &Names<'_>, figure: &Figure<'_>, plan: &Plan) -> Pieces {
        let Range { start, end } = plan.segments();
        let mut begin: BTreeSet<Segment> = BTreeSet::from([start, end]);
        begin.extend(figure.priced_from.iter().map(|from| boundary(*from)));
        let zone = Zone::home(known.organization.profile.timezone.as_deref());
        let changes = || -> BTreeSet<Segment> {
            let of = |kind| known.organization.assignments.all(kind).flat_map(|(_, dated)| dated);
            let said = of(AssignmentKind::Owner).chain(of(AssignmentKind::Team));
            let days = said.flat_map(|(from, assigned)| {
                let date = |text: &str| Date::parse(text).expect("a date was checked when it was said");
                [Some(date(from)), assigned.to.as_deref().map(|to| date(to).plus_days(1))]
            });
            days.flatten().map(|day| boundary(zone.day_start(day))).collect()
        };
        let changes = changes();
        begin.extend(&changes);
        let begin: Vec<Segment> = begin.into_iter().filter(|segment| (start..=end).contains(segment)).collect();
        let (mut priced_at, mut day, mut days) = (Vec::new(), Vec::new(), Vec::<String>::new());
        for segment in begin.iter().take(begin.len().saturating_sub(1)) {
            let from = figure.priced_from.iter().rev().find(|from| boundary(**from) <= *segment);
            priced_at.push(from.copied().unwrap_or(figure.bounds.start));
            if days.is_empty() || changes.contains(segment) {
                days.push(zone.date_at(segment.start_ms()).to_string());
            }
            day.push(days.len() - 1);
        }
        Pieces { begin, priced_at, day, days }
    }
}

/// The bounds of a figure in stretches of which the same is known of when their usage came.
struct Moments {
    /// Where each begins, and where the last ends.
    begin: Vec<Segment>,
    /// By moment: whether requests in it are late, but for what came on time by series.
    late: Vec<bool>,
}

impl Moments {
    fn of(plan: &Plan, came: &Came) -> Moments {
        let Range { start, end } = plan.segments();
        let mut begin: BTreeSet<Segment> = BTreeSet::from([start, end]);
        let one_by_one = end.0.saturating_sub(start.0) <= LOOKED_AT_ONE_BY_ONE;
        let mut last_late = None;
        for (segment, timing) in &came.segments {
            if one_by_one {
                begin.extend([*segment, Segment(segment.0 + 1)]);
                continue;
            }
            begin.extend([segment.day().first_segment(), segment.day().next().first_segment()]);
            let late = timing.is_late();
            if last_late != Some((Segment(segment.0.wrapping_sub(1)), late)) {
                begin.insert(*segment);
            }
            // What follows may be a segment of which nothing is known.
            last_late = Some((*segment, late));
            if late && !came.segments.contains_key(&Segment(segment.0 + 1)) {
                begin.insert(Segment(segment.0 + 1));
            }
        }
        let begin: Vec<Segment> = begin.into_iter().filter(|segment| (start..=end).contains(segment)).collect();
        let of = begin.iter().take(begin.len().saturating_sub(1));
        let late = of.map(|segment| came.segments.get(segment).is_some_and(SegmentTiming::is_late)).collect();
        Moments { begin, late }
    }

    fn at(&self, segment: Segment) -> usize {
        self.begin.partition_point(|begin| *begin <= segment) - 1
    }
}

/// What is summed of a figure.
#[derive(Default)]
struct Found {
    sum: Measures,
    by_price: HashMap<(CostSource, ValueId, ValueId, UnixMs), Measures>,
    by_key: HashMap<(ValueId, ValueId, usize), Measures>,
}

impl Found {
    fn take(&mut self, pieces: &Pieces, piece: usize, series: &Series, usage: &Usage) -> Result<(), Overflow> {
        let of = &usage.all;
        self.sum.add(of)?;
        let by_price = (series.cost_source, series.provider, series.model, pieces.priced_at[piece]);
        self.by_price.entry(by_price).or_default().add(of)?;
        self.by_key.entry((series.api_key, series.project, pieces.day[piece])).or_default().add(of)?;
        Ok(())
    }

    fn parts(
        &self,
        known: &Names<'_>,
        worth: &impl Fn(&str, &str, UnixMs, &Measures) -> Option<Worth>,
    ) -> Result<Vec<CostPart>, Overflow> {
        let mut parts: BTreeMap<(CostSource, Option<PricedBy>), CostPart> = BTreeMap::new();
        for ((source, provider, model, at), measures) in &self.by_price {
            let (source, priced_by, by_kind) = match source {
                CostSource::Reported => (CostSource::Reported, None, None),
                CostSource::Unpriced | CostSource::Unmeasured => (CostSource::Unpriced, None, None),
                CostSource::Priced | CostSource::PricedByCall => {
                    let name = |dimension, value| known.names.name(dimension, value).unwrap_or_default();
                    let (provider, model) = (name(Dimension::Provider, *provider), name(Dimension::Model, *model));
                    let (by, by_kind) = kinds(measures, worth(provider, model, *at, measures));
                    (CostSource::Priced, Some(by), by_kind)
                }
            };
            let part = parts.entry((source, priced_by)).or_insert_with(|| CostPart {
                source,
                priced_by,
                measures: Measures::ZERO,
                by_kind: by_kind.map(|_| [0; 6]),
            });
            part.measures.add(measures)?;
            part.by_kind = part.by_kind.filter(|_| by_kind.is_some());
            for (sum, of) in part.by_kind.iter_mut().flatten().zip(by_kind.into_iter().flatten()) {
                *sum = sum.checked_add(of).ok_or(Overflow)?;
            }
        }
        Ok(parts.into_values().collect())
    }

    fn attribution(&self, known: &Names<'_>, pieces: &Pieces, query: &Query) -> Result<Vec<Attributed>, Overflow> {
        let organization = known.organization;
        let assignments = &organization.assignments;
        let is_of_team = |by: &GroupBy| matches!(by, GroupBy::Team | GroupBy::CostCentre);
        let with_teams = assignments.all(AssignmentKind::Team).next().is_some()
            || query.group_by.iter().any(is_of_team)
            || query.filter.by.iter().any(|(by, _)| is_of_team(by));
        let mut found: BTreeMap<(AssignmentKind, AttributedBy, Option<String>), (u64, i128)> = BTreeMap::new();
        let mut add = |kind, by, id, of: &Measures| -> Result<(), Overflow> {
            let (requests, cost) = found.entry((kind, by, id)).or_default();
            *requests = requests.checked_add(of.get(Count::Requests)).ok_or(Overflow)?;
            *cost = cost.checked_add(of.cost.0).ok_or(Overflow)?;
            Ok(())
        };
        for ((api_key, project, day), measures) in &self.by_key {
            let date = &pieces.days[*day];
            let name = |dimension, value| known.names.name(dimension, value).unwrap_or_default().to_owned();
            let said = |kind, subject: Assignable| {
                let (from, assigned) = assignments.since(kind, &subject, date)?;
                let by = AttributedBy::Assignment { subject, from: from.to_owned(), to: assigned.to.clone() };
                Some((by, assigned.id.clone()))
            };
            let key = Assignable::ApiKey(name(Dimension::ApiKey, *api_key));
            let given = said(AssignmentKind::Owner, key.clone())
                .and_then(|(by, user)| Some((by, Some(organization.person(&user?).to_owned()))));
            let (by, owner) = given.unwrap_or_else(|| match known.creator(*api_key) {
                Some(creator) => (AttributedBy::Creator, Some(creator.to_owned())),
                None => (AttributedBy::Nothing, None),
            });
            if with_teams {
                let (by, team) = said(AssignmentKind::Team, key)
                    .or_else(|| said(AssignmentKind::Team, Assignable::User(owner.clone()?)))
                    .or_else(|| said(AssignmentKind::Team, Assignable::Project(name(Dimension::Project, *project))))
                    .unwrap_or((AttributedBy::Nothing, None));
                add(AssignmentKind::Team, by, team, measures)?;
            }
            add(AssignmentKind::Owner, by, owner, measures)?;
        }
        let mut attribution = Vec::new();
        for kind in [AssignmentKind::Owner, AssignmentKind::Team] {
            let of_kind = found.iter().filter(|((of, ..), _)| *of == kind);
            let mut of_kind: Vec<Attributed> = of_kind
                .map(|((kind, by, id), (requests, cost))| Attributed {
                    kind: *kind,
                    by: by.clone(),
                    id: id.clone(),
                    requests: *requests,
                    cost: *cost,
                })
                .collect();
            // Equal ones stay in the order of what they are by.
            of_kind.sort_by_key(|one| std::cmp::Reverse((one.cost, one.requests)));
            if of_kind.len() > MAX_ATTRIBUTED {
                // Parts of sums that fit.
                let rest = of_kind.split_off(MAX_ATTRIBUTED);
                let (requests, cost) =
                    (rest.iter().map(|one| one.requests).sum(), rest.iter().map(|one| one.cost).sum());
                of_kind.push(Attributed { kind, by: AttributedBy::Others, id: None, requests, cost });
            }
            attribution.extend(of_kind);
        }
        Ok(attribution)
    }
}

/// A cost by kinds of tokens, and by which prices it is: those of now when they make the same of it. A price of each call is
/// rounded to a picodollar, so that a sum may be off by as many as there are.
fn kinds(measures: &Measures, worth: Option<Worth>) -> (PricedBy, Option<[i128; 6]>) {
    let Some(Worth { by_kind, is_own }) = worth else { return (PricedBy::Unknown, None) };
    let (cost, all) = (measures.cost.0, by_kind.iter().sum::<i128>());
    let is_by_them = (cost - all).unsigned_abs() <= u128::from(measures.get(Count::Requests));
    let by_kind = match (is_by_them, all) {
        (true, _) => Some(by_kind),
        (false, 1..) => scaled(by_kind, cost, all),
        (false, _) => None,
    };
    let Some(mut by_kind) = by_kind else { return (PricedBy::Unknown, None) };
    let left = cost - by_kind.iter().sum::<i128>();
    let largest = (0..by_kind.len()).max_by_key(|kind| by_kind[*kind]).expect("there are kinds");
    by_kind[largest] += left;
    let by = match (is_by_them, is_own) {
        (true, true) => PricedBy::Own,
        (true, false) => PricedBy::List,
        (false, _) => PricedBy::Others,
    };
    let [input, cached, written, output, requests] = by_kind;
    let (reasoning, all) = (measures.get(Count::ReasoningTokens), measures.get(Count::OutputTokens));
    let of_reasoning = if all == 0 { 0 } else { part_of(output, reasoning.min(all).into(), all.into()).unwrap_or(0) };
    (by, Some([input, cached, written, output - of_reasoning, of_reasoning, requests]))
}

/// Amounts in the same proportions that add up to a cost, but for what is cut off; `None` beyond all money.
fn scaled(by_kind: [i128; 5], cost: i128, all: i128) -> Option<[i128; 5]> {
    let mut scaled = [0; 5];
    for (scaled, of) in scaled.iter_mut().zip(by_kind) {
        *scaled = part_of(cost, of, all)?;
    }
    Some(scaled)
}

fn part_of(amount: i128, part: i128, whole: i128) -> Option<i128> {
    Some(amount.checked_mul(part)? / whole)
}

/// When usage of the bounds came, whoever's it is.
#[derive(Default)]
struct Came {
    segments: BTreeMap<Segment, SegmentTiming>,
    series: Vec<(Segment, SeriesId, SeriesTiming)>,
}

impl Came {
    fn take(&mut self, timing: Timing) {
        match timing {
            Timing::Segment(segment, timing) => drop(self.segments.insert(segment, timing)),
            Timing::Series(segment, series, timing) => self.series.push((segment, series, timing)),
        }
    }

    /// When the usage of a figure came, of which there are so many requests at each moment. `whole` is how many requests
    /// the bounds have: of those that came before it was written down nothing is known.
    fn arrival(&self, whole: u64, counts: &Counts<'_, '_>, moments: &Moments, requests: &[u64]) -> Arrival {
        let noted: u64 = self.segments.values().map(SegmentTiming::requests).sum();
        let is_known = noted == whole;
        let with_usage = self.segments.iter().filter(|(at, _)| requests[moments.at(**at)] > 0);
        let times = with_usage.filter_map(|(_, timing)| timing.first_and_last);
        let (first, last) = (times.clone().map(|(first, _)| first).min(), times.map(|(_, last)| last).max());
        let late =
            requests.iter().zip(&moments.late).filter(|(_, late)| **late).map(|(requests, _)| i128::from(*requests));
        let (mut late, mut duplicates) = (Some(late.sum::<i128>()), 0);
        for (segment, series, timing) in &self.series {
            if !counts.has(*series, *segment) {
                continue;
            }
            duplicates += timing.duplicates;
            if timing.exceptions > 0 && timing.taken_back > 0 {
                late = None;
            }
            let exceptions = i128::from(timing.exceptions);
            late =
                late.map(|late| if self.segments[segment].is_late() { late - exceptions } else { late + exceptions });
        }
        Arrival {
            first: first.filter(|_| is_known),
            last,
            late_requests: late.and_then(|late| u64::try_from(late).ok()).filter(|_| is_known),
            duplicates: is_known.then_some(duplicates),
            rejected: is_known.then(|| self.segments.values().map(|timing| timing.rejected).sum()),
        }
    }
}
