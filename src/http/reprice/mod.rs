//! `/v1/reprice` and `/v1/repricings`: prices for what was counted already.

pub mod wire;

use std::sync::Arc;

use axum::Json;
use axum::extract::{RawQuery, State};

use self::wire::{RepriceAnswer, RepriceBody, RepricedModel, RepricedTotals, RepricingBody, Repricings};
use super::access::Caller;
use super::body::JsonObject;
use super::maintenance::alone;
use super::parameters::{Parameters, date};
use super::problem::{Problem, ProblemBody};
use super::render::{usd, utc_date};
use super::{App, on_a_thread};
use crate::calendar::{Date, Zone, rfc3339_utc};
use crate::engine::{Engine, EngineError, Note, Prices, RepriceRequest};
use crate::model::{Day, Dimension, HOUR_MS};
use crate::store::{Progress, Repriced, RepricingRecord, StoreError};

/// Repricings in one answer.
const MAX_REPRICINGS: usize = 100;

/// Gives requests that no sender reported a cost of the price that the server's price book has for them now.
///
/// Operator only. Unpriced requests get a price; with `all`, what was priced before gets a new one. Costs that senders
/// reported are never touched. With `dryRun` nothing is booked. See docs/prices.md.
#[utoipa::path(
    post, path = "/v1/reprice", tag = "maintenance",
    request_body = RepriceBody,
    responses(
        (status = 200, body = RepriceAnswer),
        (status = 404, body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
pub async fn post_reprice(
    State(app): State<App>,
    caller: Caller,
    body: Result<JsonObject<RepriceBody>, Problem>,
) -> Result<Json<RepriceAnswer>, Problem> {
    caller.require_operator()?;
    let JsonObject(body) = body?;
    let actor = caller.token_id.clone();
    // The caller's snapshot would keep pages from being free.
    drop(caller);
    let answer = on_a_thread(move || {
        let _one = alone(&app.repricing, "another repricing is under way; try again when it is done")?;
        let book = app.prices();
        let prices: Prices = Arc::new(move |provider, model, at, m| book.price(provider, model, at, m));
        reprice(&app.engine, prices, body, &actor, &mut |_, _| ())
    });
    answer.await.map(Json)
}

/// What repricings changed, newest first: for each model the cost before and after.
///
/// For the operator, and for owners of the organization. At most 100 at once.
#[utoipa::path(
    get, path = "/v1/repricings", tag = "maintenance",
    params(
        ("organizationId" = String, Query, description = "The organization"),
        ("before" = Option<u64>, Query, description = "Only repricings before this one: the last `id` of the answer before"),
    ),
    responses(
        (status = 200, body = Repricings),
    ),
)]
pub async fn get_repricings(
    State(app): State<App>,
    caller: Caller,
    RawQuery(raw): RawQuery,
) -> Result<Json<Repricings>, Problem> {
    let parameters = Parameters::parse(raw.as_deref());
    let id = parameters.required("organizationId")?.to_owned();
    caller.may_read_records("repricings are", Some(&id))?;
    let before = parameters.whole("before", 1..=u64::MAX)?.unwrap_or(u64::MAX);
    let turn = app.questions.turn(&caller.token_id).await?;
    let answer = on_a_thread(move || {
        let _turn = turn;
        let mut repricings: Vec<RepricingBody> = Vec::new();
        if let Some((organization, names)) = caller.snapshot.dictionary.organization(&id) {
            let kept = caller.snapshot.reader.repricings(organization, before, |number, model, record| {
                if repricings.last().is_none_or(|last| last.id != number) {
                    if repricings.len() == MAX_REPRICINGS {
                        return false;
                    }
                    repricings.push(repricing(number, &record));
                }
                let model = names.name(Dimension::Model, model).unwrap_or_default().to_owned();
                repricings.last_mut().expect("just put there").models.push(line(&id, model, &record.repriced));
                true
            });
            kept.map_err(EngineError::from)?;
        }
        repricings.iter_mut().for_each(|one| one.models.sort_by(|a, b| a.model.cmp(&b.model)));
        Ok::<_, Problem>(Repricings { repricings })
    });
    answer.await.map(Json)
}

/// What its models have in common. The last period was booked last.
fn repricing(number: u64, record: &RepricingRecord) -> RepricingBody {
    let [from, to] = [record.days.0, record.days.1].map(|day| utc_date(Day(day)));
    let (at, actor) = (rfc3339_utc(record.at), record.actor.clone());
    RepricingBody { id: number, at, actor, from, to, all: record.all, models: Vec::new() }
}

/// Checks what is asked for and does it.
pub fn reprice(
    engine: &Engine,
    prices: Prices,
    body: RepriceBody,
    actor: &str,
    progress: &mut Progress<'_>,
) -> Result<RepriceAnswer, Problem> {
    let (from, to) = (date("from", &body.from)?, date("to", &body.to)?);
    if from > to {
        return Err(Problem::bad_request(format!("from ({from}) is after to ({to}); both are inclusive")));
    }
    let directory = engine.snapshot().directory.clone();
    if let Some(unknown) = body.organization_ids.iter().find(|id| directory.organization(id).is_none()) {
        return Err(Problem::not_found(format!("there is no organization '{unknown}'")));
    }
    let request = RepriceRequest {
        days: utc_day(from)..=utc_day(to),
        organizations: body.organization_ids.into_iter().collect(),
        models: body.models.into_iter().collect(),
        all: body.all,
        prices,
        note: Note { target: format!("{from} to {to}"), ..Note::new(actor, "reprice") },
    };
    let report = engine.reprice(&Arc::new(request), body.dry_run, progress)?;
    let mut totals = Repriced::default();
    let summed = report.models.values().try_for_each(|repriced| totals.add(repriced));
    summed.map_err(|overflow| EngineError::from(StoreError::from(overflow)))?;
    let models = report.models.into_iter();
    Ok(RepriceAnswer {
        id: report.number,
        totals: RepricedTotals {
            request_count: totals.requests,
            newly_priced_request_count: totals.newly_priced,
            unpriced_request_count: totals.unpriced,
            cost_before: usd(totals.before),
            cost_after: usd(totals.after),
        },
        models: models.map(|((organization, model), repriced)| line(&organization, model, &repriced)).collect(),
    })
}

/// Days before 1970 have no usage; the first day stands for them.
fn utc_day(date: Date) -> Day {
    Day(u32::try_from(Zone::UTC.day_start(date).div_euclid(24 * HOUR_MS)).unwrap_or_default())
}

fn line(organization_id: &str, model: String, repriced: &Repriced) -> RepricedModel {
    RepricedModel {
        organization_id: organization_id.to_owned(),
        model,
        request_count: repriced.requests,
        newly_priced_request_count: repriced.newly_priced,
        unpriced_request_count: repriced.unpriced,
        cost_before: usd(repriced.before),
        cost_after: usd(repriced.after),
    }
}
