//! `/analytics/change`: why a window cost more or less than another.

pub mod wire;

use axum::extract::State;
use axum::response::Response;

use self::wire::{CauseName, Change, ChangeItem, ChangePart, ChangeWindow};
use super::App;
use super::access::Subject;
use super::analytics::wire::{CompareParameters, FilterParameters, WindowParameters};
use super::asked::{Asked, Frame};
use super::parameters::group_by;
use super::problem::{Problem, Refusals};
use super::render::{ORIGIN, ZONE_DATABASE, broken, cell, csv_writer, origin, usd};
use super::stream::Out;
use crate::calendar::{Compare, Window, rfc3339_utc};
use crate::model::{Count, Usage};
use crate::query::{self, About, Cause, Item, Label};

/// Why a window cost more or less than another.
///
/// The difference by cause, and each cause by key: parts add up to the difference, items to their part, and what all
/// causes say of a key to that key's difference, to the last digit. docs/change.md has the formulas. Compared with
/// `previous` unless another window is named. For operators, and for owners and admins on the enterprise plan.
#[utoipa::path(
    get, path = "/analytics/change", tag = "analytics",
    params(
        WindowParameters,
        ("groupBy" = Option<String>, Query, pattern = "^(none|(model|project|apiKey|user|provider|source|team|costCentre|costSource)(,(model|project|apiKey|user|provider|source|team|costCentre|costSource))?)$", description = "What keys are: model (default), project, apiKey, user, provider, source, team, costCentre, costSource, none, or two joined by a comma"),
        FilterParameters,
        CompareParameters,
    ),
    responses(
        (status = 200, body = Change),
        Refusals,
    ),
)]
pub async fn change(State(app): State<App>, mut asked: Asked) -> Result<Response, Problem> {
    asked.allow(Subject::Organization)?;
    let later = asked.days()?;
    let earlier = match asked.parameters.compared(&later, asked.now)? {
        Some(earlier) => earlier,
        None => {
            later.compared(Compare::Previous, asked.now).map_err(|error| Problem::bad_request(error.to_string()))?
        }
    };
    (asked.compared, asked.depends_on_prices) = (Some(earlier), true);
    let name = asked.parameters.group_by_name()?.to_owned();
    let by = group_by(&name)?;
    let filter = asked.parameters.filter()?;
    let book = app.prices();
    asked
        .answer(later, "change", move |about, frame, csv, out| {
            // One price for both windows, so that a list that changed is a change of price and of nothing else.
            let at = later.priced_at();
            let price = |provider: &str, model: &str, used: &_| Some(book.price(provider, model, at, used)?.0);
            let found = query::change(about, (later, earlier), &by, &filter, price)?;
            if csv {
                write_csv(out, about, frame, earlier, &found)
            } else {
                out.json(&answer(&found, frame, earlier, name))
            }
        })
        .await
}

fn answer(found: &query::Change, frame: Frame, earlier: Window, group_by: String) -> Change {
    Change {
        group_by,
        timezone: frame.window.zone.name().to_owned(),
        zone_database: frame.zone_database().to_owned(),
        as_of: rfc3339_utc(frame.as_of),
        before: ChangeWindow { since: found.since.map(|since| since.to_string()), ..side(&earlier, &found.before) },
        after: side(&frame.window, &found.after),
        difference: usd(found.difference),
        parts: found.parts.iter().map(part).collect(),
    }
}

fn side(window: &Window, usage: &Usage) -> ChangeWindow {
    ChangeWindow {
        from: window.from.to_string(),
        to: window.to.to_string(),
        until: window.until.map(|until| window.zone.rfc3339(until)),
        since: None,
        cost: usd(usage.cost().0),
        request_count: usage.get(Count::Requests),
        total_tokens: usage.get(Count::TotalTokens),
        credits_request_count: usage.credits_requests(),
        api_keys_request_count: usage.api_keys_requests,
        credits_cost: usd(usage.credits_cost().0),
        api_keys_cost: usd(usage.api_keys_cost.0),
        unpriced_request_count: usage.get(Count::Unpriced),
    }
}

fn part(part: &query::Part) -> ChangePart {
    ChangePart {
        cause: cause(part.cause),
        cost: usd(part.cost),
        request_count: part.requests.map(|requests| i64::try_from(requests).expect("a difference of counts")),
        items: part.items.iter().map(item).collect(),
    }
}

fn item(item: &Item) -> ChangeItem {
    let cost = usd(item.cost);
    let gone = |gone: fn(&Label) -> bool| item.labels.iter().any(gone);
    let (deleted, former) = (gone(|label| label.deleted), gone(|label| label.former));
    let none = ChangeItem { key: None, label: None, keys: None, labels: None, deleted, former, cost };
    match &item.labels[..] {
        [] => ChangeItem { key: Some(None), label: Some("All".to_owned()), ..none },
        [only] => ChangeItem { key: Some(only.key.clone()), label: Some(only.label.clone()), ..none },
        labels => ChangeItem {
            keys: Some(labels.iter().map(|label| label.key.clone()).collect()),
            labels: Some(labels.iter().map(|label| label.label.clone()).collect()),
            ..none
        },
    }
}

fn cause(cause: Cause) -> CauseName {
    match cause {
        Cause::Volume => CauseName::Volume,
        Cause::Mix => CauseName::Mix,
        Cause::Price => CauseName::Price,
        Cause::Cache => CauseName::Cache,
        Cause::TokensPerRequest => CauseName::TokensPerRequest,
        Cause::New => CauseName::New,
        Cause::Gone => CauseName::Gone,
        Cause::Unpriced => CauseName::Unpriced,
    }
}

/// One row for every cause and key.
fn write_csv(
    out: &mut Out,
    about: About<'_>,
    frame: Frame,
    earlier: Window,
    found: &query::Change,
) -> Result<(), Problem> {
    let mut rows = csv_writer(out);
    let columns = ["cause", "key", "label", "key2", "label2", ZONE_DATABASE, "cost", "compareFrom", "compareTo"];
    rows.write_record(columns.iter().chain(&ORIGIN)).map_err(broken)?;
    let origin = origin(about.organization_id, &frame.window);
    let earlier = [earlier.from.to_string(), earlier.to.to_string()];
    for part in &found.parts {
        for item in &part.items {
            let mut cells = vec![cause(part.cause).text().to_owned()];
            for place in 0..2 {
                let label = item.labels.get(place);
                let all = if item.labels.is_empty() && place == 0 { "All" } else { "" };
                cells.push(cell(label.and_then(|label| label.key.as_deref()).unwrap_or_default()));
                cells.push(cell(label.map_or(all, |label| &label.label)));
            }
            cells.extend([frame.zone_database().to_owned(), usd(item.cost).get().to_owned()]);
            cells.extend_from_slice(&earlier);
            rows.write_record(cells.iter().chain(&origin)).map_err(broken)?;
        }
    }
    rows.flush().map_err(|error| broken(error.into()))
}
