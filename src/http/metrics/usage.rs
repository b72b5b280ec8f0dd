//! Usage as metrics: what organizations and their projects spend, for those who watch it where they watch everything.
//!
//! How many series there are is bounded, whatever comes in: at most `--usage-metrics` projects have their own, and what
//! the others used is added up, so that sums over all series are exact.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;

use super::exposition::{Exposition, Format, Kind};
use crate::calendar::{Date, Granularity, Window, Zone};
use crate::directory::{Grant, Organization, Status};
use crate::engine::Snapshot;
use crate::http::App;
use crate::http::access::{Caller, Subject};
use crate::http::on_a_thread;
use crate::http::problem::Problem;
use crate::http::questions::in_time;
use crate::model::{Count, UnixMs, Usage};
use crate::query::{About, Column, Entry, Filter, GroupBy, Query, QueryError, RankBy, activity};
use crate::store::StoreError;

/// What the projects, and organizations, without series of their own are called.
const OTHER: &str = "(other)";

/// Cost and requests by organization and project, today and this month, as Prometheus metrics.
///
/// Days and months are those of each organization's zone. As OpenMetrics where `Accept` names it. For operators; with
/// somebody's token, the organizations whose usage they may read. Where the server was started with `--usage-metrics`.
#[utoipa::path(
    get, path = "/metrics/usage", tag = "operations",
    responses(
        (status = 200, content((String = "text/plain"), (String = "application/openmetrics-text"))),
        (status = 404, description = "The server was started without `--usage-metrics`", body = crate::http::problem::ProblemBody, content_type = "application/problem+json"),
    ),
)]
pub async fn usage_metrics(caller: Caller, headers: HeaderMap, State(app): State<App>) -> Result<Exposition, Problem> {
    let organizations = readable(&caller)?;
    let Some(most) = app.usage_metrics.get().copied() else {
        return Err(Problem::not_found("usage is no metric here; start the server with --usage-metrics"));
    };
    let turn = app.questions.turn(&caller.token_id).await?;
    let (snapshot, now) = (caller.snapshot, caller.now);
    let series = on_a_thread(move || {
        let _turn = turn;
        series(&snapshot, &organizations, now, most)
    });
    let series = in_time(series).await?;
    let mut out = Exposition::new(Format::asked(&headers));
    write(&series, &mut out);
    Ok(out)
}

/// The organizations whose usage a caller may read.
fn readable(caller: &Caller) -> Result<Vec<(String, Arc<Organization>)>, Problem> {
    let active = caller.directory().organizations().filter(|(_, of)| of.profile.status == Status::Active);
    let readable = active.filter_map(|(id, _)| {
        let organization = caller.may_ask(id, Subject::Organization).ok()?;
        Some((id.to_owned(), organization.clone()))
    });
    let readable: Vec<_> = readable.collect();
    if readable.is_empty() && !matches!(caller.grant, Grant::Operator) {
        return Err(Problem::forbidden(
            "usage metrics are for operators, and for owners and admins of an organization on the enterprise plan",
        ));
    }
    Ok(readable)
}

/// What was used of a project.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Used {
    month: Usage,
    today: Usage,
}

impl Used {
    fn add(&mut self, other: &Used) -> Result<(), StoreError> {
        self.month.add(&other.month)?;
        self.today.add(&other.today)?;
        Ok(())
    }
}

/// What was used, by organization and project.
type Series = BTreeMap<(String, String), Used>;

/// The series of some organizations: of the `most` projects that cost most this month, and of the others.
fn series(
    snapshot: &Snapshot,
    organizations: &[(String, Arc<Organization>)],
    now: UnixMs,
    most: usize,
) -> Result<Series, QueryError> {
    let mut all: Vec<((String, String), Used)> = Vec::new();
    for (organization_id, organization) in organizations {
        let (reader, dictionary, directory) = (&snapshot.reader, &*snapshot.dictionary, &*snapshot.directory);
        let about = About { reader, dictionary, directory, organization_id, organization };
        let zone = Zone::home(organization.profile.timezone.as_deref());
        let today = zone.date_at(now);
        let mut of: BTreeMap<String, Used> = BTreeMap::new();
        for (project, usage) in by_project(about, zone, (today.first_of_month(), today))? {
            of.entry(project).or_default().month.add(&usage).map_err(StoreError::from)?;
        }
        for (project, usage) in by_project(about, zone, (today, today))? {
            of.entry(project).or_default().today.add(&usage).map_err(StoreError::from)?;
        }
        all.extend(of.into_iter().map(|(project, used)| ((organization_id.clone(), project), used)));
        // Never more in memory than may be shown and one organization's.
        all = add_up(all, most)?.into_iter().collect();
    }
    let mut series = add_up(all, most)?;
    let shown: HashSet<String> =
        series.keys().filter(|(_, project)| project != OTHER).map(|(organization, _)| organization.clone()).collect();
    let mut rest = Vec::new();
    series.retain(|(organization, _), used| {
        let is_shown = shown.contains(organization);
        if !is_shown {
            rest.push(std::mem::take(used));
        }
        is_shown
    });
    if !rest.is_empty() {
        let mut elsewhere = Used::default();
        rest.iter().try_for_each(|used| elsewhere.add(used))?;
        series.insert((OTHER.to_owned(), OTHER.to_owned()), elsewhere);
    }
    Ok(series)
}

/// Adds up, by organization, all projects but those that cost most.
fn add_up(mut all: Vec<((String, String), Used)>, most: usize) -> Result<Series, StoreError> {
    let rank = |used: &Used| (used.month.cost(), used.month.get(Count::Requests));
    // In order of their names where they are equal, so that the same usage makes the same series.
    all.sort_by(|(a_of, a), (b_of, b)| rank(b).cmp(&rank(a)).then_with(|| a_of.cmp(b_of)));
    let mut series = Series::new();
    let mut own = 0;
    for ((organization, project), used) in all {
        let is_own = project != OTHER && own < most;
        own += usize::from(is_own);
        let project = if is_own { project } else { OTHER.to_owned() };
        series.entry((organization, project)).or_default().add(&used)?;
    }
    Ok(series)
}

/// What was used in some days, both included, by the projects' ids.
fn by_project(about: About<'_>, zone: Zone, (from, to): (Date, Date)) -> Result<Vec<(String, Usage)>, QueryError> {
    let query = Query {
        window: Window { zone, from, to, until: None },
        granularity: Granularity::Month,
        group_by: vec![GroupBy::Project],
        filter: Filter::default(),
        rank_by: RankBy::Cost,
        top: None,
        columns: &[Column::Requests, Column::Cost],
    };
    let found = activity(about, &query)?;
    let id = |group: u32| found.groups[group as usize].labels.first().and_then(|label| label.key.clone());
    let of = |entry: &Entry| (id(entry.group).unwrap_or_else(|| OTHER.to_owned()), entry.usage);
    Ok(found.ranking.iter().map(of).collect())
}

fn write(series: &Series, out: &mut Exposition) {
    type Read = fn(&Used) -> String;
    let families: [(&'static str, &str, Read); 4] = [
        ("rollcall_usage_month_cost_usd", "Cost since the month began.", |used| used.month.cost().to_string()),
        ("rollcall_usage_month_requests", "Requests since the month began.", |used| {
            used.month.get(Count::Requests).to_string()
        }),
        ("rollcall_usage_today_cost_usd", "Cost since the day began.", |used| used.today.cost().to_string()),
        ("rollcall_usage_today_requests", "Requests since the day began.", |used| {
            used.today.get(Count::Requests).to_string()
        }),
    ];
    for (name, help, read) in families {
        let mut family = out.family(Kind::Gauge, name, help);
        for ((organization, project), used) in series {
            family.sample(&[("organization", organization), ("project", project)], read(used));
        }
    }
}
