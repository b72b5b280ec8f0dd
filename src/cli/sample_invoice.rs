//! What the sample's providers billed: what was counted, but for the small differences that invoices have.

use std::collections::BTreeSet;

use super::Failure;
use crate::calendar::{Granularity, Window, Zone};
use crate::engine::Engine;
use crate::model::{BilledDay, BilledLine, Biller, Count, Hour, Invoice, PicoUsd, Report, Usage};
use crate::query::{About, Filter, GroupBy, Query, QueryError, RECONCILED_COLUMNS, RankBy, activity};

/// Days of invoices: as many as a page shows at once.
const DAYS: i64 = 366;
/// A week has a day on which one request in so many never came through the gateway.
const MISSING: u64 = 40;
/// Providers bill in hundred-thousandths of a dollar.
const BILLED_UNIT: i128 = 10_000_000;

/// The invoices of both providers for all days that are over.
pub fn invoices(engine: &Engine, organization_id: &str) -> Result<Vec<Invoice>, Failure> {
    Biller::ALL.iter().map(|(_, biller)| invoice(engine, organization_id, *biller)).collect()
}

fn invoice(engine: &Engine, organization_id: &str, biller: Biller) -> Result<Invoice, Failure> {
    let snapshot = engine.snapshot();
    let organization = snapshot.directory.organization(organization_id).expect("the sample's own");
    let about = About {
        reader: &snapshot.reader,
        dictionary: &snapshot.dictionary,
        directory: &snapshot.directory,
        organization_id,
        organization,
    };
    let to = Zone::UTC.date_at(engine.now()).plus_days(-1);
    let provider = BTreeSet::from([biller.name().to_owned()]);
    let query = Query {
        window: Window { zone: Zone::UTC, from: to.plus_days(1 - DAYS), to, until: None },
        granularity: Granularity::Day,
        group_by: vec![GroupBy::Model],
        filter: Filter { by: vec![(GroupBy::Provider, provider)], ..Filter::default() },
        rank_by: RankBy::Cost,
        top: None,
        columns: RECONCILED_COLUMNS,
    };
    let of_usage = if biller.counts_requests() { Report::Completions } else { Report::Messages };
    let mut days = Vec::new();
    let failed = |error: QueryError| Failure(format!("the sample's invoice could not be made: {error}"));
    let activity = activity(about, &query).map_err(failed)?;
    let each_day = activity.each_bucket(|bucket, _, entries| {
        let day = Hour::of(bucket.start).unwrap_or_default().day();
        let lines = entries.iter().map(|entry| {
            let model = activity.groups[entry.group as usize].labels[0].key.clone();
            billed(model, &entry.usage, day.0 % 7 == 2)
        });
        let (usage, costs) = lines.unzip();
        days.push(BilledDay { report: of_usage, day, lines: usage });
        days.push(BilledDay { report: Report::Costs, day, lines: costs });
        Ok::<_, QueryError>(())
    });
    each_day.map_err(failed)?;
    Ok(Invoice { organization_id: organization_id.to_owned(), biller, days })
}

/// A model's line of usage and its line of costs.
fn billed(model: Option<String>, usage: &Usage, with_missing: bool) -> (BilledLine, BilledLine) {
    let counted = usage.get(Count::Requests);
    let missing = if with_missing { counted / MISSING } else { 0 };
    let requests = counted - usage.get(Count::Errors) - usage.get(Count::ClientErrors) + missing;
    let of_requests = |count| (u128::from(usage.get(count)) * u128::from(requests) / u128::from(counted)) as u64;
    let cost = usage.cost().0 + usage.cost().0 * i128::from(missing) / i128::from(counted);
    let line = BilledLine { model, ..BilledLine::default() };
    let tokens = BilledLine {
        requests,
        input_tokens: of_requests(Count::InputTokens),
        cached_tokens: of_requests(Count::CachedTokens),
        output_tokens: of_requests(Count::OutputTokens),
        ..line.clone()
    };
    (tokens, BilledLine { cost: PicoUsd(cost - cost % BILLED_UNIT), ..line })
}
