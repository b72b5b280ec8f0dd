//! `/v1/directory/preview`: what a change of the directory would move.

use axum::body::Body;
use axum::http::header;
use axum::response::{IntoResponse, Response};

use super::wire::{DirectoryBody, DirectoryPreview, PreviewEntry, PreviewSums};
use super::{keeping_an_owner, update};
use crate::calendar::{Granularity, rfc3339_utc};
use crate::directory::{Change, Directory};
use crate::engine::EngineError;
use crate::http::access::Subject;
use crate::http::asked::{Asked, CACHING, Frame};
use crate::http::body::JsonObject;
use crate::http::parameters::group_by;
use crate::http::problem::{Problem, Refusals};
use crate::http::render::usd;
use crate::model::{Count, Usage};
use crate::query::{self, About, GroupBy, Moved};

/// What a change of the directory would move, without making it.
///
/// Takes what `PUT /v1/directory` takes and refuses what that refuses. The answer is what counts for each key now and
/// would then: the same as activity answers before and after. For whoever may make the change and read the
/// organization's usage.
#[utoipa::path(
    post, path = "/v1/directory/preview", tag = "directory", request_body = DirectoryBody,
    params(
        ("organizationId" = String, Query, description = "The organization whose usage is compared"),
        ("from" = Option<String>, Query, description = "First local day, YYYY-MM-DD; default six days before `to`"),
        ("to" = Option<String>, Query, description = "Last local day, included; default today in that zone"),
        ("timezone" = Option<String>, Query, description = "IANA name; default UTC"),
        ("groupBy" = Option<String>, Query, pattern = "^(model|project|apiKey|user|provider|source|team|costCentre|costSource)$", description = "What keys are: team (default), or another dimension of activity"),
    ),
    responses(
        (status = 200, body = DirectoryPreview),
        (status = 409, body = crate::http::problem::ProblemBody, content_type = "application/problem+json"),
        Refusals,
    ),
)]
pub async fn preview_directory(
    asked: Asked,
    body: Result<JsonObject<DirectoryBody>, Problem>,
) -> Result<Response, Problem> {
    asked.caller.may_change_people()?;
    asked.allow(Subject::Organization)?;
    let JsonObject(body) = body?;
    let update = update(body)?;
    let change = keeping_an_owner(asked.caller.may_change(&update)?, Change::Merge(update));
    let (name, by) = dimension(&asked)?;
    let window = asked.parameters.window(asked.now, Granularity::Month)?;
    let frame = asked.frame(window);
    let written = asked.in_turn(move |about, out| {
        let mut directory = Directory::clone(about.directory);
        let (outcome, writes) = directory.apply(change).map_err(EngineError::from)?;
        directory.number_written(&writes, about.dictionary);
        let organization = directory.organization(about.organization_id).expect("nothing is ever taken out");
        let after = About { directory: &directory, organization, ..about };
        let (totals, entries) = query::moved((about, after), window, by)?;
        out.json(&answer(frame, name, outcome.changed, &totals.usage, &entries))
    });
    let body = Body::from(written.await?);
    Ok((CACHING, [(header::CONTENT_TYPE, "application/json")], body).into_response())
}

/// What keys are, by name as well.
fn dimension(asked: &Asked) -> Result<(String, GroupBy), Problem> {
    let name = asked.parameters.one("groupBy")?.unwrap_or("team");
    match group_by(name)?[..] {
        [by] => Ok((name.to_owned(), by)),
        _ => Err(Problem::bad_request(format!("groupBy is '{name}'; here it must be one dimension, such as team"))),
    }
}

fn answer(frame: Frame, group_by: String, written: usize, totals: &Usage, entries: &[Moved]) -> DirectoryPreview {
    let window = frame.window;
    DirectoryPreview {
        group_by,
        timezone: window.zone.name().to_owned(),
        zone_database: frame.zone_database().to_owned(),
        from: window.from.to_string(),
        to: window.to.to_string(),
        as_of: rfc3339_utc(frame.as_of),
        written,
        moved: usd(entries.iter().map(|of| of.difference().max(0)).sum()),
        totals: sums(totals),
        entries: entries.iter().map(entry).collect(),
    }
}

fn entry(of: &Moved) -> PreviewEntry {
    PreviewEntry {
        key: of.label.key.clone(),
        label: of.label.label.clone(),
        deleted: of.label.deleted,
        former: of.label.former,
        before: sums(&of.before),
        after: sums(&of.after),
        difference: usd(of.difference()),
    }
}

fn sums(usage: &Usage) -> PreviewSums {
    PreviewSums {
        cost: usd(usage.cost().0),
        request_count: usage.get(Count::Requests),
        total_tokens: usage.get(Count::TotalTokens),
    }
}
