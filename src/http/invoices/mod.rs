//! `/v1/invoices` and `/analytics/reconciliation`: what providers billed, and how it compares.

pub mod wire;

use axum::Json;
use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::HeaderMap;
use axum::response::Response;

use self::wire::{
    BillerName, ComparisonBody, CostCompared, ImportedReport, InvoiceAnswer, ReconciliationAnswer, ReconciliationRow,
    RequestsCompared, TokensBody, TokensCompared,
};
use super::access::{Caller, Subject};
use super::asked::Asked;
use super::events::read;
use super::parameters::{Parameters, TableFormat};
use super::problem::{Problem, ProblemBody, Refusals};
use super::render::{ORIGIN, broken, cell, csv_writer, origin, usd, utc_date};
use super::stream::Out;
use super::{App, on_a_thread};
use crate::calendar::{Zone, rfc3339_utc};
use crate::directory::Status;
use crate::engine::{Engine, Note};
use crate::ingest::invoice;
use crate::model::{Biller, Invoice, PicoUsd, Report, UnixMs};
use crate::query::{self, About, Compared, Comparison, CostCauses, CountCauses, RowKey, Tokens};

/// Takes reports of usage and of costs from a provider's admin API.
///
/// Pages as they came: one, several one after another, or an array of them. What a report says of a day takes the place
/// of what was known of it, so sending it again changes nothing. All is taken, or none. Never added to usage; see
/// docs/reconciliation.md. Operator only.
#[utoipa::path(
    post, path = "/v1/invoices", tag = "invoices",
    params(
        ("organizationId" = String, Query, description = "Whose usage was billed"),
        ("provider" = inline(BillerName), Query, description = "Who billed"),
    ),
    request_body(content = String, content_type = "application/json", description = "Pages of reports, by day, of costs grouped by line_item or description and of usage grouped by model"),
    responses(
        (status = 200, body = InvoiceAnswer),
        (status = 404, body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
pub async fn post_invoices(
    State(app): State<App>,
    caller: Caller,
    RawQuery(raw): RawQuery,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<InvoiceAnswer>, Problem> {
    caller.require_operator()?;
    let parameters = Parameters::parse(raw.as_deref());
    let organization_id = parameters.required("organizationId")?.to_owned();
    let biller = parameters.biller()?;
    let body = read(&headers, body, app.body_limit).await?;
    let token_id = caller.token_id.clone();
    let engine = app.engine.clone();
    let invoice = on_a_thread(move || read_invoice(&engine, &organization_id, biller, &body)).await?;
    let answer = invoice_answer(&invoice);
    let note = invoice_note(&token_id, &invoice);
    app.engine.import_invoice(invoice, note)?.answer().await?;
    Ok(Json(answer))
}

/// Reads reports about an organization that exists, of days whose usage is kept.
pub fn read_invoice(engine: &Engine, organization_id: &str, biller: Biller, body: &[u8]) -> Result<Invoice, Problem> {
    let snapshot = engine.snapshot();
    let found = snapshot.directory.organization(organization_id).filter(|o| o.profile.status == Status::Active);
    found.ok_or_else(|| Problem::not_found(format!("there is no organization '{organization_id}'")))?;
    let days = invoice::parse(body, biller).map_err(|error| Problem::bad_request(error.to_string()))?;
    let kept_since = engine.kept_since(organization_id).unwrap_or(UnixMs::MIN);
    if let Some(old) = days.iter().map(|day| day.day).find(|day| day.start_ms() < kept_since) {
        let [day, since] = [old.start_ms(), kept_since].map(|time| Zone::UTC.date_at(time));
        let detail = format!("a report is of {day}; organization '{organization_id}' keeps usage since {since} only");
        return Err(Problem::bad_request(detail));
    }
    Ok(Invoice { organization_id: organization_id.to_owned(), biller, days })
}

/// What the audit log says of an import.
pub fn invoice_note(actor: &str, invoice: &Invoice) -> Note {
    let report = |one: &ImportedReport| format!("{} {} to {}", one.report, one.from, one.to);
    Note {
        target: invoice.biller.name().to_owned(),
        organization_id: Some(invoice.organization_id.clone()),
        detail: invoice_answer(invoice).reports.iter().map(report).collect::<Vec<_>>().join(", "),
        ..Note::new(actor, "invoice-import")
    }
}

/// What was read, report by report.
pub fn invoice_answer(invoice: &Invoice) -> InvoiceAnswer {
    let reports = Report::ALL.iter().filter_map(|(name, report)| {
        let days: Vec<_> = invoice.days.iter().filter(|day| day.report == *report).collect();
        Some(ImportedReport {
            report: (*name).to_owned(),
            from: utc_date(days.iter().map(|day| day.day).min()?),
            to: utc_date(days.iter().map(|day| day.day).max()?),
            days: days.len(),
            lines: days.iter().map(|day| day.lines.len()).sum(),
        })
    });
    InvoiceAnswer { reports: reports.collect() }
}

/// What a provider billed beside what was counted of it.
///
/// The gap of each row and of the totals is sorted into causes that add up to it exactly. Days are UTC days, and only
/// those that a report was imported of are compared. For operators, and for owners and admins on the enterprise plan.
#[utoipa::path(
    get, path = "/analytics/reconciliation", tag = "analytics",
    params(
        ("organizationId" = String, Query, description = "The organization asked about"),
        ("provider" = inline(BillerName), Query, description = "Who billed"),
        ("from" = Option<String>, Query, description = "First UTC day, YYYY-MM-DD; default six days before `to`"),
        ("to" = Option<String>, Query, description = "Last UTC day, included; default today"),
        ("timezone" = Option<String>, Query, description = "UTC, and nothing else"),
        ("groupBy" = Option<String>, Query, description = "What rows are told apart by: some of day, model and apiKey, joined by commas; default all three"),
        ("format" = inline(Option<TableFormat>), Query, description = "json (default) or csv (RFC 4180)"),
    ),
    responses(
        (status = 200, body = ReconciliationAnswer),
        Refusals,
    ),
)]
pub async fn get_reconciliation(asked: Asked) -> Result<Response, Problem> {
    asked.allow(Subject::Organization)?;
    let biller = asked.parameters.biller()?;
    let (window, by) = asked.parameters.reconciliation(asked.now)?;
    asked
        .answer(window, format!("reconciliation-{}", biller.name()), move |about, frame, csv, out| {
            let found = query::reconciliation(about, biller, window, by)?;
            let rows = found.rows.iter().map(|(key, comparison)| row(about, key, comparison));
            if csv {
                return write_csv(out, rows, biller, origin(about.organization_id, &window));
            }
            let answer = ReconciliationAnswer {
                organization_id: about.organization_id.to_owned(),
                provider: biller.name().to_owned(),
                timezone: window.zone.name().to_owned(),
                from: window.from.to_string(),
                to: window.to.to_string(),
                as_of: rfc3339_utc(frame.as_of),
                cost_days: found.cost_days,
                usage_days: found.usage_days,
                imported_at: found.imported.map(rfc3339_utc),
                totals: body(&found.totals),
                rows: rows.collect(),
            };
            serde_json::to_writer(&mut out.buffer, &answer).expect("texts and numbers serialize");
            Ok(())
        })
        .await
}

fn row(about: About<'_>, key: &RowKey, comparison: &Comparison) -> ReconciliationRow {
    let ComparisonBody { requests, tokens, cost } = body(comparison);
    let name = key.model.as_deref().and_then(|model| about.directory.model_name(model));
    ReconciliationRow {
        date: key.day.map(utc_date),
        model: key.model.clone(),
        model_name: name.map(str::to_owned),
        api_key_id: key.api_key.clone(),
        requests,
        tokens,
        cost,
    }
}

fn body(comparison: &Comparison) -> ComparisonBody {
    let requests = |of: &Compared<u64, CountCauses>| RequestsCompared {
        ours: of.ours,
        theirs: of.theirs,
        gap: i128::from(of.theirs) - i128::from(of.ours),
        missing: of.causes.missing,
        aborted: of.causes.aborted,
        cached: of.causes.cached,
    };
    let side = |of: &Tokens| TokensBody { input_tokens: of.input, cached_tokens: of.cached, output_tokens: of.output };
    let tokens = |of: &Compared<Tokens, CountCauses>| TokensCompared {
        ours: side(&of.ours),
        theirs: side(&of.theirs),
        gap: of.theirs.total() - of.ours.total(),
        missing: of.causes.missing,
        aborted: of.causes.aborted,
        cached: of.causes.cached,
    };
    let cost = |of: &Compared<PicoUsd, CostCauses>| CostCompared {
        ours: usd(of.ours.0),
        theirs: usd(of.theirs.0),
        gap: usd(of.theirs.0 - of.ours.0),
        missing: usd(of.causes.missing),
        aborted: usd(of.causes.aborted),
        unpriced: usd(of.causes.unpriced),
        price: usd(of.causes.price),
        rounding: usd(of.causes.rounding),
    };
    ComparisonBody {
        requests: comparison.requests.as_ref().map(requests),
        tokens: comparison.tokens.as_ref().map(tokens),
        cost: comparison.cost.as_ref().map(cost),
    }
}

const COLUMNS: [&str; 29] = [
    "date",
    "model",
    "apiKeyId",
    "costOurs",
    "costTheirs",
    "costGap",
    "costMissing",
    "costAborted",
    "costUnpriced",
    "costPrice",
    "costRounding",
    "requestsOurs",
    "requestsTheirs",
    "requestsGap",
    "requestsMissing",
    "requestsAborted",
    "requestsCached",
    "inputTokensOurs",
    "inputTokensTheirs",
    "cachedTokensOurs",
    "cachedTokensTheirs",
    "outputTokensOurs",
    "outputTokensTheirs",
    "tokensGap",
    "tokensMissing",
    "tokensAborted",
    "tokensCached",
    "modelName",
    "provider",
];

/// What no report says is left empty, which is not 0.
fn write_csv(
    out: &mut Out,
    rows: impl Iterator<Item = ReconciliationRow>,
    biller: Biller,
    origin: [String; 4],
) -> Result<(), Problem> {
    let mut csv = csv_writer(out);
    csv.write_record(COLUMNS.iter().chain(&ORIGIN)).map_err(broken)?;
    for row in rows {
        let text = |text: Option<String>| cell(&text.unwrap_or_default());
        let mut cells = vec![row.date.unwrap_or_default(), text(row.model), text(row.api_key_id)];
        cells.extend(row.cost.map_or_else(Default::default, |of| {
            [of.ours, of.theirs, of.gap, of.missing, of.aborted, of.unpriced, of.price, of.rounding]
                .map(|amount| amount.get().to_owned())
        }));
        cells.extend(row.requests.map_or_else(Default::default, |of| {
            [of.ours.into(), of.theirs.into(), of.gap, of.missing, of.aborted, of.cached].map(|n: i128| n.to_string())
        }));
        cells.extend(row.tokens.map_or_else(Default::default, |of| {
            let TokensCompared { ours, theirs, .. } = &of;
            [
                ours.input_tokens.into(),
                theirs.input_tokens.into(),
                ours.cached_tokens.into(),
                theirs.cached_tokens.into(),
                ours.output_tokens.into(),
                theirs.output_tokens.into(),
                of.gap,
                of.missing,
                of.aborted,
                of.cached,
            ]
            .map(|n: i128| n.to_string())
        }));
        cells.push(text(row.model_name));
        cells.push(biller.name().to_owned());
        cells.extend_from_slice(&origin);
        csv.write_record(&cells).map_err(broken)?;
    }
    csv.flush().map_err(|error| broken(error.into()))
}
