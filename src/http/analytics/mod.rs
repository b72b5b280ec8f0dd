//! `/analytics/…`: questions over HTTP.

mod answer;
pub mod wire;

use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::response::Response;

use self::answer::ActivityAnswer;
use self::wire::{CompareParameters, FilterParameters, GranularityName, RankByName, WindowParameters};
use super::access::Subject;
use super::asked::Asked;
use super::problem::{Problem, Refusals};
use crate::query::{self, Earlier};

/// Usage of an organization over time, broken down.
///
/// One row for every bucket of the window; for every measure the breakdown adds up to its row, and the rows to the
/// totals, to the last digit. For operators, and for owners and admins of an organization on the enterprise plan.
#[utoipa::path(
    get, path = "/analytics/activity", tag = "analytics",
    params(
        WindowParameters,
        ("groupBy" = Option<String>, Query, pattern = "^(none|(model|project|apiKey|user|provider|source|costSource)(,(model|project|apiKey|user|provider|source|costSource))?)$", description = "model (default), project, apiKey, user, provider, source, costSource, none, or two joined by a comma"),
        ("granularity" = inline(Option<GranularityName>), Query, description = "hour (31 days at most), day (366; default), week or month (10 years)"),
        FilterParameters,
        ("top" = Option<u32>, Query, minimum = 1, description = "Keep the N largest groups over the window; the rest is one entry, Other"),
        ("rankBy" = inline(Option<RankByName>), Query, description = "cost (default), requestCount or totalTokens"),
        CompareParameters,
    ),
    responses(
        (status = 200, body = wire::Activity),
        Refusals,
    ),
)]
pub async fn activity(asked: Asked) -> Result<Response, Problem> {
    asked.allow(Subject::Organization)?;
    let query = asked.parameters.activity(asked.now)?;
    let asked = asked.comparing(query.window)?;
    let compared = asked.compared;
    let group_by = asked.parameters.group_by_name()?.to_owned();
    asked
        .answer(query.window, "activity", move |about, frame, csv, out| {
            let activity = query::activity(about, &query)?;
            let answer = ActivityAnswer { group_by: &group_by, query: &query, frame, activity: &activity };
            if csv {
                return answer.csv(out);
            }
            let previous = compared.map(|window| query::earlier(about, &query, window, &activity)).transpose()?;
            answer.json(previous.as_ref(), out)
        })
        .await
}

/// Usage by member.
///
/// Members without usage are listed with zeros; people who left and keys without a creator when they have usage, so
/// that the table adds up to the organization. For operators, and for owners and admins on the enterprise plan.
#[utoipa::path(
    get, path = "/analytics/members", tag = "analytics",
    params(
        WindowParameters,
        FilterParameters,
        CompareParameters,
    ),
    responses(
        (status = 200, body = wire::Members),
        Refusals,
    ),
)]
pub async fn members(asked: Asked) -> Result<Response, Problem> {
    asked.allow(Subject::Organization)?;
    let window = asked.days()?;
    let filter = asked.parameters.filter()?;
    let asked = asked.comparing(window)?;
    let compared = asked.compared;
    asked
        .answer(window, "members", move |about, frame, csv, out| {
            let found = query::members(about, window, filter.clone())?;
            if csv {
                return answer::members_csv(out, about, frame, &found.0);
            }
            let members = |window| Earlier::new(about, window, query::members(about, window, filter)?);
            let previous = compared.map(members).transpose()?;
            answer::members_json(&mut out.buffer, about, frame, &found, previous.as_ref());
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
        .answer(window, "member", move |about, frame, csv, out| {
            let detail = query::member(about, window, &user_id)?
                .ok_or_else(|| Problem::not_found(format!("'{user_id}' never was a member of this organization")))?;
            if csv {
                return answer::days_csv(out, frame, &detail.days);
            }
            answer::member_json(&mut out.buffer, about, frame, &detail);
            Ok(())
        })
        .await
}

/// Usage by API key, keys without usage included.
///
/// For operators, owners and admins; developers see their own keys.
#[utoipa::path(
    get, path = "/analytics/keys", tag = "analytics",
    params(
        WindowParameters,
        CompareParameters,
    ),
    responses(
        (status = 200, body = wire::Keys),
        Refusals,
    ),
)]
pub async fn api_keys(asked: Asked) -> Result<Response, Problem> {
    asked.allow(Subject::ApiKeys)?;
    let window = asked.days()?;
    let creator = asked.caller.sees_own_keys_only(&asked.organization_id).map(str::to_owned);
    let asked = asked.comparing(window)?;
    let compared = asked.compared;
    asked
        .answer(window, "keys", move |about, frame, csv, out| {
            let found = query::api_keys(about, window, creator.as_deref())?;
            if csv {
                return answer::keys_csv(out, about, frame, &found.0);
            }
            let keys = |window| Earlier::new(about, window, query::api_keys(about, window, creator.as_deref())?);
            let previous = compared.map(keys).transpose()?;
            answer::keys_json(&mut out.buffer, about, frame, &found, previous.as_ref());
            Ok(())
        })
        .await
}

/// One API key's usage.
///
/// For operators, owners and admins; developers see their own keys.
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
    let window = asked.days()?;
    asked
        .answer(window, "key", move |about, frame, csv, out| {
            let detail = query::api_key(about, window, &id)?;
            if csv {
                return answer::days_csv(out, frame, &detail.days);
            }
            answer::key_json(&mut out.buffer, about, frame, &id, &detail);
            Ok(())
        })
        .await
}

/// Usage of the caller's own keys in one project.
///
/// For members with access to the project.
#[utoipa::path(
    get, path = "/analytics/me", tag = "analytics",
    params(
        ("projectId" = String, Query, description = "The project"),
        WindowParameters,
    ),
    responses(
        (status = 200, body = wire::MyUsage),
        Refusals,
    ),
)]
pub async fn my_usage(asked: Asked) -> Result<Response, Problem> {
    let project_id = asked.parameters.required("projectId")?.to_owned();
    asked.allow(Subject::Own { project_id: &project_id })?;
    let user_id = asked.caller.user_id().unwrap_or_default().to_owned();
    let window = asked.days()?;
    asked
        .answer(window, "my-usage", move |about, frame, csv, out| {
            let usage = query::my_usage(about, window, &user_id, &project_id)?;
            if csv {
                return answer::my_usage_csv(out, frame, &usage);
            }
            answer::my_usage_json(&mut out.buffer, frame, &usage);
            Ok(())
        })
        .await
}
