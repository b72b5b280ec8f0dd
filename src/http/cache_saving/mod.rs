//! `/analytics/cache-saving`: what caches of providers saved.

pub mod wire;

use std::collections::HashMap;

use axum::extract::State;
use axum::response::Response;

use self::wire::{CacheSaving, CacheSavingEntry, CacheSavingTotals};
use super::App;
use super::access::Subject;
use super::analytics::wire::{FilterParameters, WindowParameters};
use super::asked::{Asked, Frame};
use super::parameters::group_by;
use super::problem::{Problem, Refusals};
use super::render::{ORIGIN, ZONE_DATABASE, broken, cell, csv_writer, origin, usd};
use super::stream::Out;
use crate::calendar::{Granularity, rfc3339_utc};
use crate::model::Count;
use crate::pricing::PriceBook;
use crate::query::{self, About, Column, GroupBy, Label, Query, RankBy};

const COLUMNS: &[Column] = &[Column::Requests, Column::Cost, Column::CachedTokens];

/// What input from caches would have cost without them: an estimate.
///
/// Cached tokens at the price of plain input, less at their own, each at the prices of its day: the server's own, else
/// list prices, at standard rates, whatever senders reported. What writing to a cache cost is not taken off. Tokens of
/// models that no price is known for are counted apart, and are no saving. For operators, and for owners and admins on
/// the enterprise plan.
#[utoipa::path(
    get, path = "/analytics/cache-saving", tag = "analytics",
    params(
        WindowParameters,
        ("groupBy" = Option<String>, Query, pattern = "^(none|model|project|apiKey|user|provider|source|costSource)$", description = "model (default), project, apiKey, user, provider, source, costSource or none"),
        FilterParameters,
    ),
    responses(
        (status = 200, body = CacheSaving),
        Refusals,
    ),
)]
pub async fn cache_saving(State(app): State<App>, mut asked: Asked) -> Result<Response, Problem> {
    asked.allow(Subject::Organization)?;
    asked.depends_on_prices = true;
    let window = asked.days()?;
    let name = asked.parameters.group_by_name()?.to_owned();
    let by = match group_by(&name)?[..] {
        [] => None,
        [by] => Some(by),
        _ => return Err(Problem::bad_request(format!("groupBy is '{name}'; here it is one thing or none"))),
    };
    let query = Query {
        window,
        granularity: Granularity::Day,
        // Whose price it is, beside what is asked for.
        group_by: by.into_iter().chain([GroupBy::Model, GroupBy::Provider]).collect(),
        filter: asked.parameters.filter()?,
        rank_by: RankBy::Cost,
        top: None,
        columns: COLUMNS,
    };
    let book = app.prices();
    asked
        .answer(window, "cache-saving", move |about, frame, csv, out| {
            let found = savings(about, &query, by.is_some(), &book)?;
            if csv { write_csv(out, about, frame, &found) } else { out.json(&answer(found, frame, name)) }
        })
        .await
}

/// Sums of one group. The saving is in picodollars.
#[derive(Default, Clone, Copy)]
struct Saved {
    cached_tokens: u64,
    saving: i128,
    unpriced: u64,
}

impl Saved {
    /// Overflow checks are on: what does not fit is a panic and no figure.
    fn add(&mut self, other: Saved) {
        self.cached_tokens += other.cached_tokens;
        self.saving += other.saving;
        self.unpriced += other.unpriced;
    }
}

/// A group by its label.
type Row = (Option<String>, String, Saved);

/// What each group saved, the highest first. Groups are by what was asked for, where `asked` says that it was for
/// something, and by model and provider.
fn savings(about: About<'_>, query: &Query, asked: bool, book: &PriceBook) -> Result<Vec<Row>, Problem> {
    let activity = query::activity(about, query)?;
    let mut rows: HashMap<Option<String>, (String, Saved)> = HashMap::new();
    activity.each_bucket(|bucket, _, entries| {
        // Of a model there is one price a day, however many keys have called it.
        let mut prices: HashMap<[Option<&str>; 2], Option<i128>> = HashMap::new();
        for entry in entries {
            let cached_tokens = entry.usage.get(Count::CachedTokens);
            if cached_tokens == 0 {
                continue;
            }
            let labels = &activity.groups[entry.group as usize].labels;
            let [.., model, provider] = &labels[..] else { unreachable!("groups are by model and provider") };
            let [model, provider] = [model, provider].map(|label: &Label| label.key.as_deref());
            let price = prices.entry([model, provider]).or_insert_with(|| {
                let saving = book.cache_saving(provider?, model?, bucket.priced_at());
                saving.map(|of_token| of_token.0)
            });
            let saved = match *price {
                Some(of_token) => {
                    Saved { cached_tokens, saving: i128::from(cached_tokens) * of_token, ..Saved::default() }
                }
                None => Saved { cached_tokens, unpriced: cached_tokens, ..Saved::default() },
            };
            let (key, label) = match labels.first().filter(|_| asked) {
                Some(label) => (label.key.clone(), label.label.clone()),
                None => (None, "All".to_owned()),
            };
            rows.entry(key).or_insert_with(|| (label, Saved::default())).1.add(saved);
        }
        Ok::<_, Problem>(())
    })?;
    let mut rows: Vec<Row> = rows.into_iter().map(|(key, (label, saved))| (key, label, saved)).collect();
    rows.sort_by(|(a_key, _, a), (b_key, _, b)| (b.saving, a_key).cmp(&(a.saving, b_key)));
    Ok(rows)
}

fn answer(rows: Vec<Row>, frame: Frame, group_by: String) -> CacheSaving {
    let mut sums = Saved::default();
    rows.iter().for_each(|(.., saved)| sums.add(*saved));
    let window = frame.window;
    CacheSaving {
        group_by,
        timezone: window.zone.name().to_owned(),
        zone_database: frame.zone_database().to_owned(),
        from: window.from.to_string(),
        to: window.to.to_string(),
        as_of: rfc3339_utc(frame.as_of),
        totals: CacheSavingTotals {
            cached_tokens: sums.cached_tokens,
            cache_saving: usd(sums.saving),
            unpriced_cached_tokens: sums.unpriced,
        },
        entries: rows
            .into_iter()
            .map(|(key, label, saved)| CacheSavingEntry {
                key,
                label,
                cached_tokens: saved.cached_tokens,
                cache_saving: usd(saved.saving),
                unpriced_cached_tokens: saved.unpriced,
            })
            .collect(),
    }
}

fn write_csv(out: &mut Out, about: About<'_>, frame: Frame, found: &[Row]) -> Result<(), Problem> {
    let mut rows = csv_writer(out);
    let columns = ["key", "label", ZONE_DATABASE, "cachedTokens", "cacheSaving", "unpricedCachedTokens"];
    rows.write_record(columns.iter().chain(&ORIGIN)).map_err(broken)?;
    let origin = origin(about.organization_id, &frame.window);
    for (key, label, saved) in found {
        let cells = [
            cell(key.as_deref().unwrap_or_default()),
            cell(label),
            frame.zone_database().to_owned(),
            saved.cached_tokens.to_string(),
            usd(saved.saving).get().to_owned(),
            saved.unpriced.to_string(),
        ];
        rows.write_record(cells.iter().chain(&origin)).map_err(broken)?;
    }
    rows.flush().map_err(|error| broken(error.into()))
}
