//! `/analytics/what-if`: what usage would have cost with another model.

pub mod wire;

use std::collections::HashMap;

use axum::extract::State;
use axum::response::Response;

use self::wire::{WhatIf, WhatIfEntry, WhatIfTotals};
use super::App;
use super::access::Subject;
use super::analytics::wire::{FilterParameters, WindowParameters};
use super::asked::{Asked, Frame};
use super::problem::{Problem, Refusals};
use super::render::{ORIGIN, ZONE_DATABASE, broken, cell, csv_writer, origin, usd};
use super::stream::Out;
use crate::calendar::{Granularity, Window, rfc3339_utc};
use crate::model::{Count, Measures, provider_of};
use crate::pricing::PriceBook;
use crate::query::{About, Filter, GroupBy, rollups};

/// Longest name of a model or provider that is asked about, as long as that of one that is counted.
const MAX_CHARS: usize = 512;

/// What usage would have cost with another model: an estimate.
///
/// The tokens as they were, at the other model's price of each day, without what only each call by itself would tell: its
/// service tier, audio, the price of long calls (a day's calls are priced as that many average ones), what another model
/// makes of the same text, and whether it could have answered. Cached tokens stay cached. For operators, and for owners
/// and admins on the enterprise plan.
#[utoipa::path(
    get, path = "/analytics/what-if", tag = "analytics",
    params(
        WindowParameters,
        FilterParameters,
        ("onModel" = String, Query, description = "The other model, as a call would name it, such as `gpt-4o-mini` or `anthropic/claude-sonnet-4-5`"),
        ("onProvider" = Option<String>, Query, description = "Whose price is meant; unless given, the model's name says whose"),
    ),
    responses(
        (status = 200, body = WhatIf),
        Refusals,
    ),
)]
pub async fn what_if(State(app): State<App>, mut asked: Asked) -> Result<Response, Problem> {
    asked.allow(Subject::Organization)?;
    asked.depends_on_prices = true;
    let window = asked.days()?;
    let name = |name: &'static str, text: &str| match text.chars().count() {
        0..=MAX_CHARS => Ok(text.to_owned()),
        more => Err(Problem::bad_request(format!("{name} has {more} characters; at most {MAX_CHARS} are allowed"))),
    };
    let on_model = name("onModel", asked.parameters.required("onModel")?)?;
    let given = asked.parameters.one("onProvider")?.map(|text| name("onProvider", text)).transpose()?;
    let on_provider = provider_of(given.as_deref(), &on_model).into_owned();
    let filter = asked.parameters.filter()?;
    let book = app.prices();
    let mut one = Measures::ZERO;
    one.counts[Count::Requests as usize] = 1;
    one.counts[Count::InputTokens as usize] = 1;
    let days = window.buckets(Granularity::Day);
    if days.iter().all(|day| book.price(&on_provider, &on_model, day.priced_at(), &one).is_none()) {
        return Err(Problem::bad_request(format!(
            "no price is known for onModel '{on_model}' of provider '{on_provider}' in these days"
        )));
    }
    let name = format!("what-if-{on_model}");
    asked
        .answer(window, name, move |about, frame, csv, out| {
            let found = compare(about, window, filter, &book, &on_provider, &on_model)?;
            if csv {
                write_csv(out, about, frame, &found)
            } else {
                out.json(&answer(found, frame, on_model, on_provider))
            }
        })
        .await
}

/// Sums of both sides, in picodollars.
#[derive(Default, Clone, Copy)]
struct Compared {
    requests: u64,
    tokens: u64,
    cost: i128,
    compared_cost: i128,
    estimate: i128,
    not_compared: u64,
}

impl Compared {
    /// Overflow checks are on: what does not fit is a panic and no figure.
    fn add(&mut self, other: Compared) {
        self.requests += other.requests;
        self.tokens += other.tokens;
        self.cost += other.cost;
        self.compared_cost += other.compared_cost;
        self.estimate += other.estimate;
        self.not_compared += other.not_compared;
    }

    fn difference(self) -> i128 {
        self.estimate - self.compared_cost
    }
}

/// A model with its label.
type Row = (Option<String>, String, Compared);

/// What was used, by model, highest cost first.
fn compare(
    about: About<'_>,
    window: Window,
    filter: Filter,
    book: &PriceBook,
    on_provider: &str,
    on_model: &str,
) -> Result<Vec<Row>, Problem> {
    let mut models: HashMap<Option<String>, (String, Compared)> = HashMap::new();
    rollups(about, window, Granularity::Day, filter, |rollup| {
        let measures = rollup.measures;
        let requests = measures.get(Count::Requests);
        let mut compared = Compared {
            requests,
            tokens: measures.get(Count::TotalTokens),
            cost: measures.cost.0,
            not_compared: requests,
            ..Compared::default()
        };
        let known = measures.get(Count::Unpriced) == 0;
        let estimate = known.then(|| book.price(on_provider, on_model, rollup.bucket.priced_at(), measures)).flatten();
        if let Some(estimate) = estimate {
            compared = Compared { compared_cost: compared.cost, estimate: estimate.0, not_compared: 0, ..compared };
        }
        let label = rollup.label(GroupBy::Model);
        let new = || (label.label.clone(), Compared::default());
        models.entry(label.key.clone()).or_insert_with(new).1.add(compared);
        Ok::<_, Problem>(())
    })?;
    let mut rows: Vec<Row> = models.into_iter().map(|(key, (label, sums))| (key, label, sums)).collect();
    rows.sort_by(|(a_key, _, a), (b_key, _, b)| (b.cost, a_key).cmp(&(a.cost, b_key)));
    Ok(rows)
}

fn answer(rows: Vec<Row>, frame: Frame, on_model: String, on_provider: String) -> WhatIf {
    let window = frame.window;
    let mut sums = Compared::default();
    rows.iter().for_each(|(.., compared)| sums.add(*compared));
    WhatIf {
        on_model,
        on_provider,
        timezone: window.zone.name().to_owned(),
        zone_database: frame.zone_database().to_owned(),
        from: window.from.to_string(),
        to: window.to.to_string(),
        as_of: rfc3339_utc(frame.as_of),
        totals: WhatIfTotals {
            request_count: sums.requests,
            total_tokens: sums.tokens,
            cost: usd(sums.cost),
            compared_cost: usd(sums.compared_cost),
            estimate: usd(sums.estimate),
            difference: usd(sums.difference()),
            not_compared_request_count: sums.not_compared,
        },
        models: rows
            .into_iter()
            .map(|(key, label, compared)| WhatIfEntry {
                key,
                label,
                request_count: compared.requests,
                total_tokens: compared.tokens,
                cost: usd(compared.cost),
                compared_cost: usd(compared.compared_cost),
                estimate: usd(compared.estimate),
                difference: usd(compared.difference()),
                not_compared_request_count: compared.not_compared,
            })
            .collect(),
    }
}

fn write_csv(out: &mut Out, about: About<'_>, frame: Frame, models: &[Row]) -> Result<(), Problem> {
    let origin = origin(about.organization_id, &frame.window);
    let mut rows = csv_writer(out);
    let columns = [
        "key",
        "label",
        ZONE_DATABASE,
        "requestCount",
        "totalTokens",
        "cost",
        "comparedCost",
        "estimate",
        "difference",
        "notComparedRequestCount",
    ];
    rows.write_record(columns.iter().chain(&ORIGIN)).map_err(broken)?;
    for (key, label, compared) in models {
        let cells = [
            cell(key.as_deref().unwrap_or_default()),
            cell(label),
            frame.zone_database().to_owned(),
            compared.requests.to_string(),
            compared.tokens.to_string(),
            usd(compared.cost).get().to_owned(),
            usd(compared.compared_cost).get().to_owned(),
            usd(compared.estimate).get().to_owned(),
            usd(compared.difference()).get().to_owned(),
            compared.not_compared.to_string(),
        ];
        rows.write_record(cells.iter().chain(&origin)).map_err(broken)?;
    }
    rows.flush().map_err(|error| broken(error.into()))
}
