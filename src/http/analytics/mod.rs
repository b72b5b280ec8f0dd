//! `/analytics/…`: questions over HTTP.

mod answer;
pub mod wire;

use std::collections::HashSet;

use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::response::Response;

use self::answer::{ActivityAnswer, Listed};
use self::wire::{CompareParameters, FilterParameters, GranularityName, PageParameters, RankByName, WindowParameters};
use super::access::Subject;
use super::asked::{Asked, Frame};
use super::closings::{find_of, zone_of_closing};
use super::problem::{Problem, Refusals};
use crate::calendar::Window;
use crate::ledger::{self, Month};
use crate::query::{self, About, Earlier, Page, QueryError, RankBy, Table};

/// Usage of an organization over time, broken down.
///
/// One row for every bucket of the window; for every measure the breakdown adds up to its row, and the rows to the
/// totals, to the last digit. For operators, and for owners and admins of an organization on the enterprise plan.
#[utoipa::path(
    get, path = "/analytics/activity", tag = "analytics",
    params(
        WindowParameters,
        ("groupBy" = Option<String>, Query, pattern = "^(none|(model|project|apiKey|user|provider|source|team|costCentre|costSource)(,(model|project|apiKey|user|provider|source|team|costCentre|costSource))?)$", description = "model (default), project, apiKey, user, provider, source, team, costCentre, costSource, none, or two joined by a comma"),
        ("granularity" = inline(Option<GranularityName>), Query, description = "hour (31 days at most), day (366; default), week or month (10 years)"),
        FilterParameters,
        ("top" = Option<u32>, Query, minimum = 1, description = "Keep the N largest groups over the window; the rest is one entry, Other"),
        ("rankBy" = inline(Option<RankByName>), Query, description = "cost (default), requestCount or totalTokens"),
        ("errors" = Option<bool>, Query, description = "Whether every row and entry counts the requests that failed: false (default) or true. Not in CSV"),
        CompareParameters,
        ("asOf" = Option<String>, Query, description = "Id of a closing: the answer as it was when that month was closed. The window is inside the month, in the closing's zone, by default all of it; days, weeks or months"),
    ),
    responses(
        (status = 200, body = wire::Activity),
        Refusals,
    ),
)]
pub async fn activity(asked: Asked) -> Result<Response, Problem> {
    asked.allow(Subject::Organization)?;
    if let Some(id) = asked.parameters.one("asOf")?.map(str::to_owned) {
        return as_of(asked, id).await;
    }
    let query = asked.parameters.activity(asked.now)?;
    let asked = asked.comparing(query.window)?;
    let compared = asked.compared;
    let group_by = asked.parameters.group_by_name()?.to_owned();
    let with_errors = asked.parameters.errors()?;
    let name = activity_name(query.rank_by, &group_by);
    asked
        .answer(query.window, name, move |about, frame, csv, out| {
            let activity = query::activity(about, &query)?;
            let answer = ActivityAnswer { group_by: &group_by, query: &query, with_errors, frame, activity: &activity };
            if csv {
                return answer.csv(about, out);
            }
            let previous = compared.map(|window| query::earlier(about, &query, window, &activity)).transpose()?;
            answer.json(previous.as_ref(), out)
        })
        .await
}

/// The same as it was when a month was closed.
async fn as_of(asked: Asked, id: String) -> Result<Response, Problem> {
    let closing = find_of(&asked.caller.snapshot.reader, &asked.organization_id, &id)?;
    let zone = zone_of_closing(&closing, asked.parameters.one("timezone")?)?;
    let query = asked.parameters.activity_of_closed(zone, Month::of(&closing))?;
    let group_by = asked.parameters.group_by_name()?.to_owned();
    let with_errors = asked.parameters.errors()?;
    let name = activity_name(query.rank_by, &group_by);
    asked
        .answer(query.window, name, move |about, frame, csv, out| {
            // It may have been opened again since.
            let closing = find_of(about.reader, about.organization_id, &id)?;
            let activity = ledger::as_of(about, &closing, &query)?;
            let frame = Frame { as_of: closing.at, ..frame };
            let answer = ActivityAnswer { group_by: &group_by, query: &query, with_errors, frame, activity: &activity };
            if csv { answer.csv(about, out) } else { answer.json(None, out) }
        })
        .await
}

/// "cost-by-project", "requests-by-project-and-model", "tokens".
fn activity_name(rank_by: RankBy, group_by: &str) -> String {
    let measure = match rank_by {
        RankBy::Cost => "cost",
        RankBy::RequestCount => "requests",
        RankBy::TotalTokens => "tokens",
    };
    match group_by {
        "none" => measure.to_owned(),
        group_by => format!("{measure}-by-{}", group_by.replace(',', "-and-")),
    }
}

/// Usage by member.
///
/// Members without usage are listed with zeros; people who left and keys without a creator when they have usage, so
/// that the table adds up to the organization. The totals are those of the whole list, whatever part of it is asked for. For operators, and for owners and admins on the enterprise plan.
#[utoipa::path(
    get, path = "/analytics/members", tag = "analytics",
    params(
        WindowParameters,
        FilterParameters,
        PageParameters,
        CompareParameters,
    ),
    responses(
        (status = 200, body = wire::Members),
        Refusals,
    ),
)]
pub async fn members(asked: Asked) -> Result<Response, Problem> {
    asked.allow(Subject::Organization)?;
    let filter = asked.parameters.filter()?;
    let find = move |about: About<'_>, window, page: &Page| query::members(about, window, filter.clone(), page);
    table(asked, "members", find).await
}

/// A table of what was found, beside the same of an earlier window where that is asked for.
async fn table<R: Listed + 'static>(
    asked: Asked,
    name: &'static str,
    find: impl Fn(About<'_>, Window, &Page) -> Result<Table<R>, QueryError> + Send + 'static,
) -> Result<Response, Problem> {
    let window = asked.days()?;
    let asked = asked.comparing(window)?;
    let (compared, page) = (asked.compared, asked.parameters.page()?);
    asked
        .answer(window, name, move |about, frame, csv, out| {
            let found = find(about, window, &page)?;
            if csv {
                return R::csv(out, about, frame, &found.rows);
            }
            let earlier = |window| -> Result<_, QueryError> {
                // Of a page the same lines, whatever their order was then.
                let mut earlier = find(about, window, &Page::default())?;
                if page.is_part() {
                    let here: HashSet<Option<&str>> = found.rows.iter().map(R::id).collect();
                    earlier.rows.retain(|row| here.contains(&row.id()));
                }
                Earlier::new(about, window, earlier)
            };
            let previous = compared.map(earlier).transpose()?;
            R::json(&mut out.buffer, about, frame, &found, previous.as_ref());
            Ok(())
        })
        .await
}

/// One member's usage: what their keys did, whoever used them.
///
/// For operators, and for owners and admins on the enterprise plan.
#[utoipa::path(
    get, path = "/analytics/members/{userId}", tag = "analytics",
    params(
        ("userId" = String, Path, description = "The member"),
        WindowParameters,
    ),
    responses(
        (status = 200, body = wire::MemberAnswer),
        Refusals,
    ),
)]
pub async fn member(asked: Asked, path: Result<Path<String>, PathRejection>) -> Result<Response, Problem> {
    let Path(user_id) = path?;
    asked.allow(Subject::Organization)?;
    let window = asked.days()?;
    asked
        .answer(window, format!("member-{user_id}"), move |about, frame, csv, out| {
            let detail = query::member(about, window, &user_id)?
                .ok_or_else(|| Problem::not_found(format!("'{user_id}' never was a member of this organization")))?;
            if csv {
                return answer::days_csv(out, about, frame, &detail.days);
            }
            answer::member_json(&mut out.buffer, about, frame, &detail);
            Ok(())
        })
        .await
}

/// Usage by API key, keys without usage included. The totals are those of the whole list, whatever part of it is asked for.
///
/// For operators, owners and admins. Developers see the keys that are theirs, and of those that were the days they were.
#[utoipa::path(
    get, path = "/analytics/keys", tag = "analytics",
    params(
        WindowParameters,
        PageParameters,
        CompareParameters,
    ),
    responses(
        (status = 200, body = wire::Keys),
        Refusals,
    ),
)]
pub async fn api_keys(asked: Asked) -> Result<Response, Problem> {
    asked.allow(Subject::ApiKeys)?;
    let viewer = asked.viewer();
    let find = move |about: About<'_>, window, page: &Page| query::api_keys(about, window, viewer.as_ref(), page);
    table(asked, "keys", find).await
}

/// One API key's usage.
///
/// For operators, owners and admins. Developers see the keys that are theirs, and of those that were the days they were.
#[utoipa::path(
    get, path = "/analytics/keys/{apiKeyId}", tag = "analytics",
    params(
        ("apiKeyId" = String, Path, description = "The key"),
        WindowParameters,
    ),
    responses(
        (status = 200, body = wire::KeyAnswer),
        Refusals,
    ),
)]
pub async fn api_key(asked: Asked, path: Result<Path<String>, PathRejection>) -> Result<Response, Problem> {
    let Path(id) = path?;
    asked.allow(Subject::ApiKey(&id))?;
    let (window, viewer) = (asked.days()?, asked.viewer());
    asked
        .answer(window, format!("key-{id}"), move |about, frame, csv, out| {
            let detail = query::api_key(about, window, &id, viewer.as_ref())?;
            if csv {
                return answer::days_csv(out, about, frame, &detail.days);
            }
            answer::key_json(&mut out.buffer, about, frame, &id, &detail);
            Ok(())
        })
        .await
}

/// Usage of the caller's own keys, in one project or in all of them.
///
/// With a project, for members with access to it. All projects are those of all the caller's keys, so that the answers
/// for each of them add up to it.
#[utoipa::path(
    get, path = "/analytics/me", tag = "analytics",
    params(
        ("projectId" = Option<String>, Query, description = "Only in this project; default all"),
        WindowParameters,
    ),
    responses(
        (status = 200, body = wire::MyUsage),
        Refusals,
    ),
)]
pub async fn my_usage(asked: Asked) -> Result<Response, Problem> {
    let project_id = asked.parameters.one("projectId")?.map(str::to_owned);
    asked.allow(Subject::Own { project_id: project_id.as_deref() })?;
    let user_id = asked.caller.user_id().unwrap_or_default().to_owned();
    let window = asked.days()?;
    asked
        .answer(window, "my-usage", move |about, frame, csv, out| {
            let usage = query::my_usage(about, window, &user_id, project_id.as_deref())?;
            if csv {
                return answer::my_usage_csv(out, about, frame, &usage);
            }
            answer::my_usage_json(&mut out.buffer, frame, &usage);
            Ok(())
        })
        .await
}
