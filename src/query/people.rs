//! Usage by person and by key.
//!
//! All of it is activity, asked with a filter or a grouping: one way of adding up, so that every table agrees with
//! every other.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::activity::{ACTIVITY_COUNTS, Activity, Split, Totals, activity};
use super::group::{Filter, GroupBy, Label};
use super::{Query, QueryError, RankBy};
use crate::calendar::{Bucket, Granularity, Window};
use crate::directory::{ApiKey, Directory, Organization, Role, Status};
use crate::model::Count;
use crate::store::{Dictionary, Reader};

/// What the lines of tables show besides requests and cost.
const TABLE_COUNTS: &[Count] = &[Count::TotalTokens, Count::Errors, Count::ClientErrors];
/// What the days of one member or key show besides requests and cost.
const DAY_COUNTS: &[Count] =
    &[Count::TotalTokens, Count::InputTokens, Count::OutputTokens, Count::Errors, Count::ClientErrors];
const TOP: usize = 5;
const TOP_COST_BY_MODEL: usize = 20;

/// What a question is asked of: one commit and one organization in it.
#[derive(Clone, Copy)]
pub struct About<'a> {
    pub reader: &'a Reader,
    pub dictionary: &'a Dictionary,
    pub directory: &'a Directory,
    pub organization_id: &'a str,
    pub organization: &'a Organization,
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
    pub sums: Split,
}

/// Sums of one value of a dimension.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ranked {
    pub label: Label,
    pub sums: Split,
}

/// One bucket with its entries, each a model and a provider.
pub type ModelDay = (Bucket, Split, Vec<(Label, Label, Split)>);

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
    pub sums: Split,
}

/// One key's usage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyDetail {
    pub totals: Totals,
    pub cost_by_model: Vec<Ranked>,
    pub days: Vec<ModelDay>,
}

/// Someone's own usage in a project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MyUsage {
    pub totals: Totals,
    pub api_keys: usize,
    pub top_models: Vec<Ranked>,
    pub days: Vec<(Bucket, Split)>,
}

/// Everyone with usage and every member, by cost, highest first; adds up to the totals.
pub fn members(about: About<'_>, window: Window, filter: Filter) -> Result<(Vec<MemberRow>, Totals), QueryError> {
    let answer = about.ask(window, Granularity::Month, &[GroupBy::User], filter, TABLE_COUNTS)?;
    let mut sums_of: BTreeMap<Option<String>, Split> = BTreeMap::new();
    for entry in &answer.ranking {
        let label = &answer.groups[entry.group as usize].labels[0];
        sums_of.insert(label.key.clone(), entry.sums);
    }
    let members = about.organization.members.iter().filter(|(_, member)| !member.former);
    for (user_id, _) in members {
        sums_of.entry(Some(user_id.clone())).or_default();
    }
    let mut rows: Vec<MemberRow> = sums_of.into_iter().map(|(user_id, sums)| about.member_row(user_id, sums)).collect();
    rows.sort_by_cached_key(|row| {
        let label = row.user_id.as_deref().map(|id| about.directory.user_label(id).to_owned());
        (Reverse(row.sums.cost()), label, row.user_id.clone())
    });
    Ok((rows, answer.totals))
}

/// One member's usage; `None` for someone who never was a member and created no key.
pub fn member(about: About<'_>, window: Window, user_id: &str) -> Result<Option<MemberDetail>, QueryError> {
    let known = about.organization.members.contains_key(user_id)
        || about.organization.api_keys.values().any(|key| key.created_by.as_deref() == Some(user_id));
    if !known {
        return Ok(None);
    }
    let filter = only(&[(GroupBy::User, user_id)]);
    let by_model =
        about.ask(window, Granularity::Day, &[GroupBy::Model, GroupBy::Provider], filter.clone(), DAY_COUNTS)?;
    let by_app = about.ask(window, Granularity::Month, &[GroupBy::Source], filter, ACTIVITY_COUNTS)?;
    let models = ranked(&by_model, 0);
    Ok(Some(MemberDetail {
        row: about.member_row(Some(user_id.to_owned()), by_model.totals.split),
        top_models: first(&models, TOP),
        top_providers: first(&ranked(&by_model, 1), TOP),
        top_apps: first(&ranked(&by_app, 0), TOP),
        cost_by_model: first(&models, TOP_COST_BY_MODEL),
        totals: by_model.totals.clone(),
        days: model_days(by_model),
    }))
}

/// Every key and its usage, by cost, highest first; only those of `creator` when there is one.
pub fn api_keys(about: About<'_>, window: Window, creator: Option<&str>) -> Result<(Vec<KeyRow>, Totals), QueryError> {
    let filter = creator.map_or_else(Filter::default, |creator| only(&[(GroupBy::User, creator)]));
    let answer = about.ask(window, Granularity::Month, &[GroupBy::ApiKey], filter, TABLE_COUNTS)?;
    let sums_of: BTreeMap<&str, Split> = answer
        .ranking
        .iter()
        .filter_map(|entry| Some((answer.groups[entry.group as usize].labels[0].key.as_deref()?, entry.sums)))
        .collect();
    let keys = about.organization.api_keys.iter();
    let mut rows: Vec<KeyRow> = keys
        .filter(|(_, key)| creator.is_none() || key.created_by.as_deref() == creator)
        .map(|(id, key)| KeyRow {
            id: id.clone(),
            api_key: key.clone(),
            sums: sums_of.get(id.as_str()).copied().unwrap_or_default(),
        })
        .collect();
    rows.sort_by_cached_key(|row| (Reverse(row.sums.cost()), row.id.clone()));
    Ok((rows, answer.totals))
}

/// One key's usage.
pub fn api_key(about: About<'_>, window: Window, id: &str) -> Result<KeyDetail, QueryError> {
    let filter = only(&[(GroupBy::ApiKey, id)]);
    let answer = about.ask(window, Granularity::Day, &[GroupBy::Model, GroupBy::Provider], filter, DAY_COUNTS)?;
    Ok(KeyDetail {
        cost_by_model: first(&ranked(&answer, 0), TOP_COST_BY_MODEL),
        totals: answer.totals.clone(),
        days: model_days(answer),
    })
}

/// Usage of someone's own keys in a project.
pub fn my_usage(about: About<'_>, window: Window, user_id: &str, project_id: &str) -> Result<MyUsage, QueryError> {
    let filter = only(&[(GroupBy::User, user_id), (GroupBy::Project, project_id)]);
    let answer = about.ask(window, Granularity::Day, &[GroupBy::Model], filter, ACTIVITY_COUNTS)?;
    let keys = about.organization.api_keys.values();
    let own = keys.filter(|key| about.counts_for(key, Some(user_id)) && key.project_id == project_id);
    Ok(MyUsage {
        api_keys: own.count(),
        top_models: first(&ranked(&answer, 0), TOP),
        totals: answer.totals,
        days: answer.buckets.into_iter().map(|(bucket, split, _)| (bucket, split)).collect(),
    })
}

impl About<'_> {
    fn ask(
        &self,
        window: Window,
        granularity: Granularity,
        by: &[GroupBy],
        filter: Filter,
        counts: &'static [Count],
    ) -> Result<Activity, QueryError> {
        let query =
            Query { window, granularity, group_by: by.to_vec(), filter, rank_by: RankBy::Cost, top: None, counts };
        activity(*self, &query)
    }

    fn member_row(&self, user_id: Option<String>, sums: Split) -> MemberRow {
        let membership = user_id.as_ref().and_then(|id| self.organization.members.get(id));
        let status = match (&user_id, membership) {
            (None, _) => MemberStatus::Unattributed,
            (_, Some(member)) if !member.former => MemberStatus::Active,
            _ => MemberStatus::Former,
        };
        let keys = self.organization.api_keys.values();
        MemberRow {
            role: membership.map(|member| member.role),
            status,
            api_keys: keys.filter(|key| self.counts_for(key, user_id.as_deref())).count(),
            sums,
            user_id,
        }
    }

    fn counts_for(&self, key: &ApiKey, creator: Option<&str>) -> bool {
        key.created_by.as_deref() == creator && key.status == Status::Active
    }
}

fn only(values: &[(GroupBy, &str)]) -> Filter {
    let by = values.iter().map(|(by, value)| (*by, BTreeSet::from([(*value).to_owned()])));
    Filter { by: by.collect(), ..Filter::default() }
}

fn first(ranked: &[Ranked], n: usize) -> Vec<Ranked> {
    ranked[..n.min(ranked.len())].to_vec()
}

/// Sums over the window by one of an answer's dimensions, highest cost first.
fn ranked(answer: &Activity, dimension: usize) -> Vec<Ranked> {
    let mut by_key: BTreeMap<Option<&str>, Ranked> = BTreeMap::new();
    for entry in &answer.ranking {
        let label = &answer.groups[entry.group as usize].labels[dimension];
        let place = by_key.entry(label.key.as_deref());
        let sums = &mut place.or_insert_with(|| Ranked { label: label.clone(), sums: Split::default() }).sums;
        sums.add(&entry.sums).expect("no more than the window's sum, which was added before");
    }
    let mut ranked: Vec<Ranked> = by_key.into_values().collect();
    ranked.sort_by_key(|one| (Reverse(one.sums.cost()), Reverse(one.sums.count(Count::Requests))));
    ranked
}

fn model_days(answer: Activity) -> Vec<ModelDay> {
    let groups = answer.groups;
    let days = answer.buckets.into_iter().map(|(bucket, split, entries)| {
        let entries = entries.into_iter().map(|entry| {
            let labels = &groups[entry.group as usize].labels;
            (labels[0].clone(), labels[1].clone(), entry.sums)
        });
        (bucket, split, entries.collect())
    });
    days.collect()
}
