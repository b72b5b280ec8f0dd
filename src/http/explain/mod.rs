//! `/analytics/explain`: where one figure of activity comes from.

mod reproduce;
pub mod wire;

use std::cell::RefCell;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;

use self::reproduce::Question;
use self::wire::{
    AttributedByName, CostByKind, ExplainedArrival, ExplainedAttribution, ExplainedBounds, ExplainedPart,
    ExplainedTokens, ExplainedValue, Explanation,
};
use super::App;
use super::access::Subject;
use super::analytics::wire::{
    CompareParameters, CostSourceName, FilterParameters, GranularityName, RankByName, WindowParameters,
};
use super::asked::{Asked, Frame};
use super::directory::wire::AssignableBody;
use super::problem::{Problem, Refusals};
use super::render::{ORIGIN, ZONE_DATABASE, broken, csv_writer, origin, usd};
use super::stream::Out;
use crate::calendar::{Bucket, BucketLabel, Date, Granularity, Window, Zone, parse_rfc3339, rfc3339_utc};
use crate::directory::AssignmentKind;
use crate::model::{CostSource, Count, HOUR_MS, Measures, UnixMs, Usage};
use crate::pricing::{PriceBook, UnitPrices};
use crate::query::{self, About, AttributedBy, CostPart, Explained, Figure, PricedBy, Query, Worth};

const DAY_MS: i64 = 24 * HOUR_MS;
/// Days of bounds whose days are priced each by its own prices; of longer ones each month is.
const PRICED_BY_DAY: i64 = 31;

/// Where one figure of activity comes from.
///
/// `date` and `key` name a cell of what the other parameters ask of `/analytics/activity`: with `key` alone it is the
/// entry's sum over the window, with `date` alone that bucket's, with neither the window's. The parts add up to the value.
/// docs/explain.md says what is known and what is not. For operators, and for owners and admins on the enterprise plan.
#[utoipa::path(
    get, path = "/analytics/explain", tag = "analytics",
    params(
        WindowParameters,
        ("date" = Option<String>, Query, description = "Which bucket, as activity calls it; without `from` and `to` it is the window as well"),
        ("key" = Option<Vec<String>>, Query, description = "Which entry: its key, once for each dimension; empty is the key null"),
        ("groupBy" = Option<String>, Query, pattern = "^(none|(model|project|apiKey|user|provider|source|team|costCentre|costSource)(,(model|project|apiKey|user|provider|source|team|costCentre|costSource))?)$", description = "model (default), project, apiKey, user, provider, source, team, costCentre, costSource, none, or two joined by a comma"),
        ("granularity" = inline(Option<GranularityName>), Query, description = "hour (31 days at most), day (366; default), week or month (10 years)"),
        FilterParameters,
        ("top" = Option<u32>, Query, minimum = 1, description = "As for activity: the key null may then be that of all but the N largest"),
        ("rankBy" = inline(Option<RankByName>), Query, description = "cost (default), requestCount or totalTokens"),
        ("errors" = Option<bool>, Query, description = "As for activity; changes nothing here"),
        CompareParameters,
    ),
    responses(
        (status = 200, body = Explanation),
        Refusals,
    ),
)]
pub async fn explain(State(app): State<App>, mut asked: Asked) -> Result<Response, Problem> {
    asked.allow(Subject::Organization)?;
    let mut query = asked.parameters.activity(asked.now)?;
    let date = asked.parameters.one("date")?.map(str::to_owned);
    if let Some(date) = &date
        && asked.parameters.has_no_days()?
        && asked.parameters.one("range")?.is_none()
    {
        query.window = window_of(&query, date).ok_or_else(|| no_bucket(&query, date))?;
    }
    asked.parameters.compared(&query.window, asked.now)?;
    let bucket = date.as_deref().map(|date| bucket_of(&query, date)).transpose()?;
    let (start, end) = bucket.map_or((query.window.start(), query.window.end()), |bucket| (bucket.start, bucket.end));
    let keys = asked.parameters.keys_of(&query.group_by)?;
    let question = Question::of(&asked.parameters, query.group_by.clone());
    let group_by = asked.parameters.group_by_name()?.to_owned();
    let book = app.prices();
    (asked.depends_on_arrivals, asked.depends_on_prices) = (true, true);
    let window = query.window;
    asked
        .answer(window, "explained", move |about, frame, csv, out| {
            let priced_from = priced_from(&(start..end));
            let figure = Figure { bounds: start..end, keys: keys.as_deref(), priced_from: &priced_from };
            let worth = prices_of(&book);
            let found = query::explain(about, &query, &figure, worth)?;
            if csv {
                return write_csv(out, about, frame, &found, book.list().date());
            }
            let zone = window.zone;
            let (from, to) = match bucket {
                Some(_) if !found.is_rest => (zone.date_at(start), zone.date_at(end - 1)),
                _ => (window.from, window.to),
            };
            let keys = keys.as_deref().filter(|_| !found.is_rest);
            let one_of_many = bucket.is_some() && (found.is_rest || query.granularity == Granularity::Hour);
            out.json(&Explanation {
                group_by,
                granularity: query.granularity.name().to_owned(),
                date,
                label: match &found.labels[..] {
                    [only] => Some(only.label.clone()),
                    _ => found.is_rest.then(|| "Other".to_owned()),
                },
                labels: (found.labels.len() > 1).then(|| found.labels.iter().map(|of| of.label.clone()).collect()),
                value: value(&found.value),
                bounds: ExplainedBounds {
                    from_utc: rfc3339_utc(start),
                    to_utc: rfc3339_utc(end),
                    timezone: zone.name().to_owned(),
                    zone_database: frame.zone_database().to_owned(),
                },
                parts: found.parts.iter().map(|of| part(of, book.list().date())).collect(),
                arrival: arrival(&found.arrival),
                attribution: found.attribution.iter().map(|of| attributed(about, of)).collect(),
                as_of: rfc3339_utc(frame.as_of.min(end)),
                reproduce: question.reproduce((&from.to_string(), &to.to_string()), keys, one_of_many),
            })
        })
        .await
}

fn no_bucket(query: &Query, date: &str) -> Problem {
    let Window { from, to, .. } = query.window;
    let name = query.granularity.name();
    Problem::bad_request(format!(
        "date is '{date}', where no {name} of {from} to {to} begins; give a date as activity has it"
    ))
}

/// The days of a bucket by itself.
fn window_of(query: &Query, date: &str) -> Option<Window> {
    let zone = query.window.zone;
    let from = match query.granularity {
        Granularity::Hour => zone.date_at(instant(date)?),
        _ => Date::parse(date)?,
    };
    let to = match query.granularity {
        Granularity::Hour | Granularity::Day => from,
        Granularity::Week => from.first_of_week().plus_days(6),
        Granularity::Month => from.last_of_month(),
    };
    Window::new(zone, from, to, query.granularity).ok()
}

fn bucket_of(query: &Query, date: &str) -> Result<Bucket, Problem> {
    let is = |bucket: &Bucket| match bucket.label {
        BucketLabel::Day(of) => of.to_string() == date,
        BucketLabel::Hour(_, at) => instant(date) == Some(at),
    };
    query.window.buckets(query.granularity).into_iter().find(is).ok_or_else(|| no_bucket(query, date))
}

/// A plus sign of an offset is a space where it was not escaped.
fn instant(date: &str) -> Option<UnixMs> {
    parse_rfc3339(&date.replace(' ', "+"))
}

/// Where some bounds, and the days or months of UTC in them, begin: prices are of days of UTC.
fn priced_from(bounds: &Range<UnixMs>) -> Vec<UnixMs> {
    let is_short = bounds.end - bounds.start <= PRICED_BY_DAY * DAY_MS + HOUR_MS;
    let begins = |day: &UnixMs| {
        let date = Zone::UTC.date_at(*day);
        is_short || date == date.first_of_month()
    };
    let next = (bounds.start.div_euclid(DAY_MS) + 1) * DAY_MS;
    let days = (next..bounds.end).step_by(DAY_MS as usize);
    [bounds.start].into_iter().chain(days.filter(begins)).collect()
}

/// What tokens cost, each model's prices of a time asked for once.
fn prices_of(book: &Arc<PriceBook>) -> impl Fn(&str, &str, UnixMs, &Measures) -> Option<Worth> + use<> {
    let (book, known) = (book.clone(), RefCell::new(HashMap::<(String, String, UnixMs), Option<UnitPrices>>::new()));
    move |provider, model, at, measures| {
        let mut known = known.borrow_mut();
        let prices = known
            .entry((provider.to_owned(), model.to_owned(), at))
            .or_insert_with(|| book.unit_prices(provider, model, at));
        prices.map(|prices| Worth { by_kind: prices.of(measures), is_own: prices.is_own })
    }
}

fn value(usage: &Usage) -> ExplainedValue {
    ExplainedValue {
        cost: usd(usage.cost().0),
        request_count: usage.get(Count::Requests),
        total_tokens: usage.get(Count::TotalTokens),
        credits_request_count: usage.credits_requests(),
        api_keys_request_count: usage.api_keys_requests,
        credits_cost: usd(usage.credits_cost().0),
        api_keys_cost: usd(usage.api_keys_cost.0),
    }
}

fn source(of: CostSource) -> (CostSourceName, &'static str) {
    match of {
        CostSource::Reported => (CostSourceName::Reported, "reported"),
        CostSource::Priced | CostSource::PricedByCall => (CostSourceName::Priced, "priced"),
        CostSource::Unpriced | CostSource::Unmeasured => (CostSourceName::Unpriced, "unpriced"),
    }
}

fn price_version(part: &CostPart, list_date: &str) -> Option<String> {
    match part.priced_by? {
        PricedBy::Own => Some("own".to_owned()),
        PricedBy::List => Some(list_date.to_owned()),
        PricedBy::Others | PricedBy::Unknown => None,
    }
}

fn part(of: &CostPart, list_date: &str) -> ExplainedPart {
    let count = |count| of.measures.get(count);
    ExplainedPart {
        cost_source: source(of.source).0,
        price_version: price_version(of, list_date),
        request_count: count(Count::Requests),
        tokens: ExplainedTokens {
            input: count(Count::InputTokens),
            cached: count(Count::CachedTokens),
            cache_write: count(Count::CacheWriteTokens),
            output: count(Count::OutputTokens),
            reasoning: count(Count::ReasoningTokens),
        },
        cost: usd(of.measures.cost.0),
        cost_by_kind: of.by_kind.map(|[input, cached, cache_write, output, reasoning, requests]| CostByKind {
            input: usd(input),
            cached: usd(cached),
            cache_write: usd(cache_write),
            output: usd(output),
            reasoning: usd(reasoning),
            requests: (requests != 0).then(|| usd(requests)),
        }),
    }
}

fn arrival(of: &query::Arrival) -> ExplainedArrival {
    let at = |seconds: Option<u64>| seconds.map(|at| rfc3339_utc(i64::try_from(at).unwrap_or(i64::MAX / 1000) * 1000));
    ExplainedArrival {
        first: at(of.first),
        last: at(of.last),
        late_request_count: of.late_requests,
        duplicate_count: of.duplicates,
        rejected_count: of.rejected,
    }
}

fn attributed(about: About<'_>, of: &query::Attributed) -> ExplainedAttribution {
    let is_owner = of.kind == AssignmentKind::Owner;
    let label = match (&of.by, &of.id) {
        (AttributedBy::Others, _) => "Other",
        (_, Some(id)) if is_owner => about.directory.user_label(id),
        (_, Some(id)) => about.organization.teams.get(id).and_then(|team| team.name.as_deref()).unwrap_or(id),
        (_, None) if is_owner => "Unattributed",
        (_, None) => "No team",
    };
    let (by, subject, from, to) = match &of.by {
        AttributedBy::Assignment { subject, from, to } => {
            (AttributedByName::Assignment, Some(AssignableBody::from(subject)), Some(from.clone()), to.clone())
        }
        AttributedBy::Creator => (AttributedByName::Creator, None, None, None),
        AttributedBy::Nothing => (AttributedByName::None, None, None, None),
        AttributedBy::Others => (AttributedByName::Others, None, None, None),
    };
    ExplainedAttribution {
        by,
        owner_user_id: is_owner.then(|| of.id.clone()),
        team_id: (!is_owner).then(|| of.id.clone()),
        label: label.to_owned(),
        subject,
        from,
        to,
        request_count: of.requests,
        cost: usd(of.cost),
    }
}

/// One row for every part.
fn write_csv(out: &mut Out, about: About<'_>, frame: Frame, found: &Explained, list_date: &str) -> Result<(), Problem> {
    let mut rows = csv_writer(out);
    let columns = [
        "costSource",
        "priceVersion",
        ZONE_DATABASE,
        "requestCount",
        "inputTokens",
        "cachedTokens",
        "cacheWriteTokens",
        "outputTokens",
        "reasoningTokens",
        "cost",
        "inputCost",
        "cachedCost",
        "cacheWriteCost",
        "outputCost",
        "reasoningCost",
        "requestsCost",
    ];
    rows.write_record(columns.iter().chain(&ORIGIN)).map_err(broken)?;
    let origin = origin(about.organization_id, &frame.window);
    for part in &found.parts {
        let mut cells = vec![
            source(part.source).1.to_owned(),
            price_version(part, list_date).unwrap_or_default(),
            frame.zone_database().to_owned(),
        ];
        let counts = [
            Count::Requests,
            Count::InputTokens,
            Count::CachedTokens,
            Count::CacheWriteTokens,
            Count::OutputTokens,
            Count::ReasoningTokens,
        ];
        cells.extend(counts.map(|count| part.measures.get(count).to_string()));
        let amount = |picos: i128| usd(picos).get().to_owned();
        cells.push(amount(part.measures.cost.0));
        match part.by_kind {
            Some(by_kind) => cells.extend(by_kind.map(amount)),
            None => cells.extend([const { String::new() }; 6]),
        }
        rows.write_record(cells.iter().chain(&origin)).map_err(broken)?;
    }
    rows.flush().map_err(|error| broken(error.into()))
}
