//! What a digest says of a week beside what it has cost: what moved most, and which budgets are near their limit.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::value::RawValue;

use crate::calendar::{Date, Granularity, Window, Zone};
use crate::engine::Snapshot;
use crate::http::App;
use crate::http::budgets::{books::standings, written};
use crate::http::problem::Problem;
use crate::http::render::usd;
use crate::model::PicoUsd;
use crate::query::{About, Column, Filter, GroupBy, Query, QueryError, RankBy, activity};

/// What is told of each kind: as much as a message has room for.
const MOVERS: usize = 3;
const BUDGETS: usize = 5;
/// Percent of a limit from which on a budget is near it.
const NEAR: i128 = 80;
/// Columns that a sum is checked by, too.
const COST: &[Column] = &[Column::Requests, Column::Cost];

/// What is told of a week.
pub struct Digest {
    pub movers: Vec<Mover>,
    pub near: Vec<Near>,
}

/// A team or a project that cost more or less than the week before.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Mover {
    #[serde(skip_serializing_if = "Option::is_none")]
    team_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    project_id: Option<String>,
    name: String,
    cost: Box<RawValue>,
    /// Negative where it cost less.
    difference: Box<RawValue>,
    #[serde(skip)]
    moved: i128,
}

/// A budget that is near its limit.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Near {
    budget_id: String,
    /// Whose, where it is a default.
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<String>,
    percent: u64,
    spent: Box<RawValue>,
    limit: Box<RawValue>,
    #[serde(skip)]
    text: String,
}

impl Digest {
    /// Of the week that begins on a Monday, as things are now.
    pub fn of(
        app: &App,
        snapshot: &Snapshot,
        organization_id: &str,
        zone: Zone,
        monday: Date,
    ) -> Result<Digest, Problem> {
        let mut digest = Digest { movers: Vec::new(), near: near(app, snapshot, organization_id)? };
        if let Some(organization) = snapshot.directory.organization(organization_id) {
            let (reader, dictionary, directory) = (&snapshot.reader, &*snapshot.dictionary, &*snapshot.directory);
            let about = About { reader, dictionary, directory, organization_id, organization };
            if !organization.teams.is_empty() {
                digest.movers.extend(movers(about, GroupBy::Team, zone, monday)?);
            }
            digest.movers.extend(movers(about, GroupBy::Project, zone, monday)?);
        }
        Ok(digest)
    }

    /// In words, a line for each kind.
    pub fn text(&self) -> String {
        let mut text = String::new();
        if !self.movers.is_empty() {
            let movers = self.movers.iter().map(|mover| {
                let kind = if mover.team_id.is_some() { "team" } else { "project" };
                let how = if mover.moved > 0 { "more" } else { "less" };
                format!("{kind} {} {} USD {how}", mover.name, PicoUsd(mover.moved.abs()))
            });
            text += &format!("\nMoved most: {}.", movers.collect::<Vec<_>>().join(", "));
        }
        if !self.near.is_empty() {
            let near: Vec<&str> = self.near.iter().map(|near| near.text.as_str()).collect();
            text += &format!("\nNear their limit: {}.", near.join(", "));
        }
        text
    }
}

/// What moved most between the week before and one.
fn movers(about: About<'_>, by: GroupBy, zone: Zone, monday: Date) -> Result<Vec<Mover>, QueryError> {
    let mut costs: BTreeMap<String, (String, [i128; 2])> = BTreeMap::new();
    for (at, from) in [monday.plus_days(-7), monday].into_iter().enumerate() {
        let query = Query {
            window: Window { zone, from, to: from.plus_days(6), until: None },
            granularity: Granularity::Month,
            group_by: vec![by],
            filter: Filter::default(),
            rank_by: RankBy::Cost,
            top: None,
            columns: COST,
        };
        let found = activity(about, &query)?;
        for entry in &found.ranking {
            let label = &found.groups[entry.group as usize].labels[0];
            // What is of no team has none that could be told.
            let Some(key) = &label.key else { continue };
            costs.entry(key.clone()).or_insert_with(|| (label.label.clone(), [0; 2])).1[at] = entry.usage.cost().0;
        }
    }
    let mut movers: Vec<Mover> = costs
        .into_iter()
        .filter(|(_, (_, [before, after]))| before != after)
        .map(|(id, (name, [before, after]))| {
            let (team_id, project_id) = if by == GroupBy::Team { (Some(id), None) } else { (None, Some(id)) };
            let moved = after - before;
            Mover { team_id, project_id, name, cost: usd(after), difference: usd(moved), moved }
        })
        .collect();
    movers.sort_by_key(|mover| Reverse(mover.moved.abs()));
    movers.truncate(MOVERS);
    Ok(movers)
}

/// Budgets that have spent much of their limit in the window that they are in, those with least left first.
fn near(app: &App, snapshot: &Snapshot, organization_id: &str) -> Result<Vec<Near>, Problem> {
    let mut found: Vec<Near> = Vec::new();
    for standing in standings(app, organization_id)? {
        let (held, budget_id) = (&standing.budget, &standing.budget_id);
        let (counted, limit) = (held.budget.limit.counted(), held.budget.limit.amount());
        if !held.span.holds || limit == 0 {
            continue;
        }
        let each: Vec<(Option<String>, i128)> = match standing.members {
            Some(members) => members.into_iter().map(|(id, spent, _)| (Some(id), spent)).collect(),
            None => vec![(None, standing.spent)],
        };
        for (user_id, spent) in
            each.into_iter().filter(|(_, spent)| spent.saturating_mul(100) >= limit.saturating_mul(NEAR))
        {
            let percent = u64::try_from(spent.saturating_mul(100) / limit).unwrap_or(u64::MAX);
            let of =
                user_id.as_deref().map_or_else(String::new, |id| format!(" of {}", snapshot.directory.user_label(id)));
            let text =
                format!("budget {budget_id}{of} at {percent}% ({} of {})", counted.text(spent), counted.text(limit));
            let (spent, limit) = (written(counted, spent), written(counted, limit));
            found.push(Near { budget_id: budget_id.clone(), user_id, percent, spent, limit, text });
        }
    }
    found.sort_by_key(|near| Reverse(near.percent));
    found.truncate(BUDGETS);
    Ok(found)
}
