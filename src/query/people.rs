//! Usage by person and by key.
//!
//! All of it is activity, asked with a filter or a grouping: one way of adding up, so that every table agrees with
//! every other.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::activity::{
    ACTIVITY_AND_ERRORS, ACTIVITY_COLUMNS, Activity, Entry, Totals, activity, rank_groups, scan, totals_of,
};
use super::group::{Filter, Viewer};
use super::labels::{Label, Names, UNATTRIBUTED};
use super::numbers::GroupBy;
use super::page::{Mark, Page, Sort};
use super::plan::Plan;
use super::{About, Column, Query, QueryError, RankBy};
use crate::calendar::{Bucket, Granularity, Window};
use crate::directory::{ApiKey, KeyCounts, Role, Status};
use crate::model::{Count, Dimension, OrganizationId, Usage, ValueId};
use crate::store::OrganizationNames;

/// What the days of one member or key show.
const DAY_COLUMNS: &[Column] = &[
    Column::Requests,
    Column::TotalTokens,
    Column::Cost,
    Column::ApiKeysRequests,
    Column::ApiKeysCost,
    Column::InputTokens,
    Column::OutputTokens,
    Column::Errors,
    Column::ClientErrors,
];
const TOP: usize = 5;
const TOP_COST_BY_MODEL: usize = 20;

/// Rows, or a page of them; what all of them add up to; and where the next page begins, if there is one.
pub struct Table<R> {
    pub rows: Vec<R>,
    pub totals: Totals,
    pub next: Option<Mark>,
}

/// Whether someone is a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MemberStatus {
    Active,
    Former,
    /// Usage of keys without a creator.
    Unattributed,
}

/// One line of the members table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberRow {
    pub user_id: Option<String>,
    pub role: Option<Role>,
    pub status: MemberStatus,
    /// Keys they created that are not deleted.
    pub api_keys: usize,
    pub usage: Usage,
}

/// Sums of one value of a dimension.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ranked {
    pub label: Label,
    pub usage: Usage,
}

/// One bucket with its entries, each a model and a provider.
pub type ModelDay = (Bucket, Usage, Vec<(Label, Label, Usage)>);

/// One member's usage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberDetail {
    pub row: MemberRow,
    pub totals: Totals,
    pub top_models: Vec<Ranked>,
    pub top_providers: Vec<Ranked>,
    pub top_apps: Vec<Ranked>,
    pub cost_by_model: Vec<Ranked>,
    pub days: Vec<ModelDay>,
}

/// One line of the keys table.
#[derive(Debug, Clone)]
pub struct KeyRow {
    pub id: String,
    pub api_key: ApiKey,
    pub usage: Usage,
}

/// One key's usage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyDetail {
    pub totals: Totals,
    pub cost_by_model: Vec<Ranked>,
    pub days: Vec<ModelDay>,
}

/// Someone's own usage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MyUsage {
    pub totals: Totals,
    pub api_keys: usize,
    pub top_models: Vec<Ranked>,
    pub days: Vec<(Bucket, Usage)>,
}

/// Everyone with usage and every member; all of them add up to the totals.
pub fn members(about: About<'_>, window: Window, filter: Filter, page: &Page) -> Result<Table<MemberRow>, QueryError> {
    let answer = about.ask(window, Granularity::Month, &[GroupBy::User], filter, ACTIVITY_AND_ERRORS)?;
    let mut usage_of: BTreeMap<Option<&str>, Usage> = BTreeMap::new();
    for entry in &answer.ranking {
        usage_of.insert(answer.groups[entry.group as usize].labels[0].key.as_deref(), entry.usage);
    }
    let is_identity = |user_id: &String| about.organization.same_as.contains_key(user_id);
    let members = about.organization.members.iter().filter(|(id, member)| !member.former && !is_identity(id));
    for (user_id, _) in members {
        usage_of.entry(Some(user_id)).or_default();
    }
    let name = |id: Option<&str>| {
        let name = id.map_or("", |id| about.directory.user_label(id));
        if page.sort == Sort::Name { name.to_lowercase() } else { name.to_owned() }
    };
    let finder = page.finder();
    let finds = |id: Option<&str>| id.map_or(finder(UNATTRIBUTED), |id| about.finds_person(id, &finder));
    let mut lines = page.lines(name);
    for (id, usage) in usage_of.into_iter().filter(|(id, _)| finds(*id)) {
        lines.offer((Reverse(page.sort.figure(&usage)), name(id), id), (id, usage));
    }
    let (lines, next) = lines.finish();
    let keys = about.organization.keys_by_person();
    let rows = lines.into_iter().map(|(id, usage)| about.member_row(id.map(str::to_owned), &keys, usage));
    Ok(Table { rows: rows.collect(), next, totals: answer.totals })
}

/// One member's usage, under whichever of their ids; `None` for someone who never was a member and created no key.
pub fn member(about: About<'_>, window: Window, user_id: &str) -> Result<Option<MemberDetail>, QueryError> {
    let user_id = about.organization.person(user_id);
    let keys = about.organization.keys_by_person();
    let created_some = keys.get(&Some(user_id)).is_some_and(|keys| keys.all > 0);
    if !about.organization.members.contains_key(user_id) && !created_some {
        return Ok(None);
    }
    let filter = only([(GroupBy::User, user_id)]);
    let by_model =
        about.ask(window, Granularity::Day, &[GroupBy::Model, GroupBy::Provider], filter.clone(), DAY_COLUMNS)?;
    let by_app = about.ask(window, Granularity::Month, &[GroupBy::Source], filter, ACTIVITY_COLUMNS)?;
    let models = ranked(&by_model, 0);
    Ok(Some(MemberDetail {
        row: about.member_row(Some(user_id.to_owned()), &keys, by_model.totals.usage),
        top_models: first(&models, TOP),
        top_providers: first(&ranked(&by_model, 1), TOP),
        top_apps: first(&ranked(&by_app, 0), TOP),
        cost_by_model: first(&models, TOP_COST_BY_MODEL),
        days: model_days(&by_model)?,
        totals: by_model.totals,
    }))
}

/// Every key and its usage; only those that a viewer sees, and when, if there is one. All of them add up to the totals.
pub fn api_keys<'a>(
    about: About<'a>,
    window: Window,
    viewer: Option<&Viewer>,
    page: &Page,
) -> Result<Table<KeyRow>, QueryError> {
    let filter = Filter { viewer: viewer.cloned(), ..Filter::default() };
    let (usage, totals) = KeyUsage::find(about, window, filter, page)?;
    let name = |id: Option<&str>, key: &ApiKey| match page.sort {
        Sort::Name => key.description.as_deref().or(id).unwrap_or_default().to_lowercase(),
        Sort::By(_) => String::new(),
    };
    let keys = &about.organization.api_keys;
    let name_of = |id: Option<&str>| {
        let key = id.and_then(|id| keys.get(id)).cloned().unwrap_or_default();
        name(id, &key)
    };
    let mut lines = page.lines(name_of);
    let position = |figure, id: &'a String, key: &ApiKey| (Reverse(figure), name(Some(id), key), Some(id.as_str()));
    match &usage {
        // By figure, so that of a million keys only those are looked up that may be on the page.
        KeyUsage::Figures(names, figures) if viewer.is_none() && page.search.is_none() && page.sort != Sort::Name => {
            for (number, figure) in (0..).zip(figures).skip(1).filter(|(_, figure)| **figure != 0) {
                if lines.take(*figure)
                    && let Some((id, key)) =
                        names.name(Dimension::ApiKey, ValueId(number)).and_then(|name| keys.get_key_value(name))
                {
                    lines.offer(position(*figure, id, key), (id, key));
                }
            }
            if lines.take(0) {
                let rest = keys.iter().filter(|(id, _)| usage.figure(id, page.sort) == 0);
                rest.for_each(|(id, key)| lines.offer(position(0, id, key), (id, key)));
            }
        }
        usage => {
            let finds = page.finder();
            let projects = about.organization.projects.iter();
            let projects: HashSet<&String> = projects
                .filter(|(id, project)| finds(id) || project.name.as_deref().is_some_and(&finds))
                .map(|(id, _)| id)
                .collect();
            // Each person is looked at once: they may have made many keys.
            let mut people: HashMap<&str, bool> = HashMap::new();
            let mut is_by = |user: &'a str| {
                let person = about.organization.person(user);
                *people.entry(person).or_insert_with(|| about.finds_person(person, &finds))
            };
            let sees = |id: &str| {
                viewer.is_none_or(|viewer| about.organization.was_ever_of(id, &viewer.user_id, &viewer.today))
            };
            for (id, key) in keys {
                let found = finds(id)
                    || key.description.as_deref().is_some_and(&finds)
                    || projects.contains(&key.project_id)
                    || key.created_by.as_deref().is_some_and(&mut is_by);
                if found && sees(id) {
                    lines.offer(position(usage.figure(id, page.sort), id, key), (id, key));
                }
            }
        }
    }
    let (lines, next) = lines.finish();
    let usage_of = usage.of(about, window, viewer, lines.iter().map(|(id, _)| id.as_str()))?;
    let row = |(id, key): (&String, &ApiKey)| KeyRow {
        id: id.clone(),
        api_key: key.clone(),
        usage: usage_of.get(id).copied().unwrap_or_default(),
    };
    Ok(Table { rows: lines.into_iter().map(row).collect(), totals, next })
}

/// Usage by key: for a whole list each key's, for a page at first what the list is in the order of.
enum KeyUsage<'a> {
    Whole(HashMap<String, Usage>),
    /// By the number of a key, which the names have.
    Figures(&'a OrganizationNames, Vec<i128>),
}

impl<'a> KeyUsage<'a> {
    fn find(
        about: About<'a>,
        window: Window,
        filter: Filter,
        page: &Page,
    ) -> Result<(KeyUsage<'a>, Totals), QueryError> {
        let query = Query {
            window,
            granularity: Granularity::Month,
            group_by: vec![GroupBy::ApiKey],
            filter,
            rank_by: RankBy::Cost,
            top: None,
            columns: ACTIVITY_AND_ERRORS,
        };
        let names = about.names().filter(|_| page.limit.is_some());
        let Some((known, id)) = names else {
            let answer = activity(about, &query)?;
            let key = |entry: &Entry| answer.groups[entry.group as usize].labels[0].key.clone();
            let usage_of = answer.ranking.iter().filter_map(|entry| Some((key(entry)?, entry.usage)));
            return Ok((KeyUsage::Whole(usage_of.collect()), answer.totals));
        };
        let (scan, labels) = scan(about, &query.group_by, &query.filter, query.columns, &known, id);
        let plan = Plan::of(&window.buckets(Granularity::Month));
        let mut figures = vec![0; scan.api_key_count + 1];
        let found = rank_groups(&scan, &plan, page.sort.column(), |figure, group| {
            let key = labels.value(group).expect("each group is a key");
            figures[key.0 as usize] = figure;
        })?;
        let totals = totals_of((about, &known, id), &query.filter, &plan, found.totals, &found.api_keys)?;
        Ok((KeyUsage::Figures(known.names, figures), totals))
    }

    /// What a key's place in the list is by.
    fn figure(&self, id: &str, sort: Sort) -> i128 {
        match (self, sort) {
            (_, Sort::Name) => 0,
            (KeyUsage::Whole(usage_of), sort) => usage_of.get(id).map_or(0, |usage| sort.figure(usage)),
            (KeyUsage::Figures(names, figures), _) => {
                names.value(Dimension::ApiKey, id).map_or(0, |number| figures[number.0 as usize])
            }
        }
    }

    /// All figures of some keys.
    fn of<'k>(
        self,
        about: About<'_>,
        window: Window,
        viewer: Option<&Viewer>,
        ids: impl Iterator<Item = &'k str>,
    ) -> Result<HashMap<String, Usage>, QueryError> {
        if let KeyUsage::Whole(usage_of) = self {
            return Ok(usage_of);
        }
        let ids: BTreeSet<String> = ids.map(str::to_owned).collect();
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        let filter = Filter { by: vec![(GroupBy::ApiKey, ids)], viewer: viewer.cloned(), ..Filter::default() };
        let answer = about.ask(window, Granularity::Month, &[GroupBy::ApiKey], filter, ACTIVITY_AND_ERRORS)?;
        let key = |entry: &Entry| answer.groups[entry.group as usize].labels[0].key.clone();
        Ok(answer.ranking.iter().filter_map(|entry| Some((key(entry)?, entry.usage))).collect())
    }
}

/// One key's usage, or what a viewer sees of it.
pub fn api_key(about: About<'_>, window: Window, id: &str, viewer: Option<&Viewer>) -> Result<KeyDetail, QueryError> {
    let filter = Filter { viewer: viewer.cloned(), ..only([(GroupBy::ApiKey, id)]) };
    let answer = about.ask(window, Granularity::Day, &[GroupBy::Model, GroupBy::Provider], filter, DAY_COLUMNS)?;
    Ok(KeyDetail {
        cost_by_model: first(&ranked(&answer, 0), TOP_COST_BY_MODEL),
        days: model_days(&answer)?,
        totals: answer.totals,
    })
}

/// Usage of someone's own keys, in one project or in all.
pub fn my_usage(
    about: About<'_>,
    window: Window,
    user_id: &str,
    project_id: Option<&str>,
) -> Result<MyUsage, QueryError> {
    let user_id = about.organization.person(user_id);
    let project = project_id.map(|project_id| (GroupBy::Project, project_id));
    let filter = only([(GroupBy::User, user_id)].into_iter().chain(project));
    let answer = about.ask(window, Granularity::Day, &[GroupBy::Model], filter, ACTIVITY_AND_ERRORS)?;
    let keys = about.organization.api_keys.values();
    let here = |key: &&ApiKey| project_id.is_none_or(|project_id| key.project_id == project_id);
    let own = keys.filter(|key| about.counts_for(key, Some(user_id))).filter(here);
    Ok(MyUsage {
        api_keys: own.count(),
        top_models: first(&ranked(&answer, 0), TOP),
        days: answer.collect_buckets()?.into_iter().map(|(bucket, usage, _)| (bucket, usage)).collect(),
        totals: answer.totals,
    })
}

impl<'a> About<'a> {
    /// The names of the organization; `None` when it never had any usage.
    pub(super) fn names(&self) -> Option<(Names<'a>, OrganizationId)> {
        let (id, names) = self.dictionary.organization(self.organization_id)?;
        Some((Names { names, directory: self.directory, organization: self.organization }, id))
    }

    fn ask(
        &self,
        window: Window,
        granularity: Granularity,
        by: &[GroupBy],
        filter: Filter,
        columns: &'static [Column],
    ) -> Result<Activity<'a>, QueryError> {
        let query =
            Query { window, granularity, group_by: by.to_vec(), filter, rank_by: RankBy::Cost, top: None, columns };
        activity(*self, &query)
    }

    /// Whether a person's id, name or address is what is looked for.
    fn finds_person(&self, id: &str, finds: impl Fn(&str) -> bool) -> bool {
        let user = self.directory.user(id);
        let (name, address) = user.map_or((None, None), |user| (user.name.as_deref(), user.email.as_deref()));
        [Some(id), name, address].into_iter().flatten().any(finds)
    }

    fn member_row(&self, user_id: Option<String>, keys: &HashMap<Option<&str>, KeyCounts>, usage: Usage) -> MemberRow {
        let membership = user_id.as_ref().and_then(|id| self.organization.members.get(id));
        let status = match (&user_id, membership) {
            (None, _) => MemberStatus::Unattributed,
            (_, Some(member)) if !member.former => MemberStatus::Active,
            _ => MemberStatus::Former,
        };
        MemberRow {
            role: membership.map(|member| member.role),
            status,
            api_keys: keys.get(&user_id.as_deref()).map_or(0, |keys| keys.active),
            usage,
            user_id,
        }
    }

    fn counts_for(&self, key: &ApiKey, creator: Option<&str>) -> bool {
        self.organization.creator_of(key) == creator && key.status == Status::Active
    }
}

fn only<'a>(values: impl IntoIterator<Item = (GroupBy, &'a str)>) -> Filter {
    let by = values.into_iter().map(|(by, value)| (by, BTreeSet::from([value.to_owned()])));
    Filter { by: by.collect(), ..Filter::default() }
}

fn first(ranked: &[Ranked], n: usize) -> Vec<Ranked> {
    ranked[..n.min(ranked.len())].to_vec()
}

/// Sums over the window by one of an answer's dimensions, highest cost first.
fn ranked(answer: &Activity<'_>, dimension: usize) -> Vec<Ranked> {
    let mut by_key: BTreeMap<Option<&str>, Ranked> = BTreeMap::new();
    for entry in &answer.ranking {
        let label = &answer.groups[entry.group as usize].labels[dimension];
        let place = by_key.entry(label.key.as_deref());
        let ranked = place.or_insert_with(|| Ranked { label: label.clone(), usage: Usage::default() });
        ranked.usage.add(&entry.usage).expect("no more than the window's sum, which was added before");
    }
    let mut ranked: Vec<Ranked> = by_key.into_values().collect();
    ranked.sort_by_key(|one| (Reverse(one.usage.cost()), Reverse(one.usage.get(Count::Requests))));
    ranked
}

fn model_days(answer: &Activity<'_>) -> Result<Vec<ModelDay>, QueryError> {
    let mut days = Vec::new();
    answer.each_bucket(|bucket, usage, entries| {
        let entries = entries.iter().map(|entry| {
            let labels = &answer.groups[entry.group as usize].labels;
            (labels[0].clone(), labels[1].clone(), entry.usage)
        });
        days.push((*bucket, *usage, entries.collect()));
        Ok::<_, QueryError>(())
    })?;
    Ok(days)
}
