//! `/analytics/statement`: a month as it is to be paid.

use axum::body::Body;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};

use super::page::{Heading, page};
use super::wire::{
    AdjustmentBody, DisclosureName, ReasonName, ReopeningBody, StatementAnswer, StatementBy, StatementForm,
    StatementLine, StatementSums,
};
use super::{parse_month, who, window, zone_of, zone_of_closing};
use crate::calendar::rfc3339_utc;
use crate::engine::EngineError;
use crate::http::access::Subject;
use crate::http::asked::{Asked, CACHING, Frame};
use crate::http::file_name;
use crate::http::problem::{Problem, Refusals};
use crate::http::render::{ORIGIN, ZONE_DATABASE, broken, cell, csv_writer, origin, usd};
use crate::http::stream::Out;
use crate::http::{App, on_a_thread};
use crate::ledger::{self, Disclosure, Line, LineSums, Reason, Statement};
use crate::model::Overflow;
use crate::query::{About, GroupBy};
use crate::store::{Closing, StoreError};

const GROUPS: [(&str, GroupBy); 6] = [
    ("team", GroupBy::Team),
    ("costCentre", GroupBy::CostCentre),
    ("project", GroupBy::Project),
    ("user", GroupBy::User),
    ("apiKey", GroupBy::ApiKey),
    ("model", GroupBy::Model),
];

/// How people are told of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Told {
    ByName,
    ByPseudonym,
    InGroups,
}

const DISCLOSURES: [(&str, Told); 3] =
    [("names", Told::ByName), ("pseudonyms", Told::ByPseudonym), ("groups", Told::InGroups)];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Json,
    Csv,
    Html,
}

const FORMS: [(&str, Form); 3] = [("json", Form::Json), ("csv", Form::Csv), ("html", Form::Html)];

/// The statement of a month: what it was when it was closed, and what came of earlier months since they were.
///
/// Of a month that is open it is a draft. Adjustments of closed months stand on the statement of the first open month
/// after them, and are fixed there when that is closed. For operators, and for owners and admins on the enterprise plan.
#[utoipa::path(
    get, path = "/analytics/statement", tag = "closing",
    params(
        ("organizationId" = String, Query, description = "The organization asked about"),
        ("month" = String, Query, description = "A local month, YYYY-MM"),
        ("timezone" = Option<String>, Query, description = "Of a draft: IANA name; default the organization's zone, else UTC. A closed month has its own"),
        ("groupBy" = inline(Option<StatementBy>), Query, description = "What lines are by; default team"),
        ("format" = inline(Option<StatementForm>), Query, description = "json (default), csv (RFC 4180), or html: one file that needs nothing else, prints on A4, and has a checksum"),
        ("disclosure" = inline(Option<DisclosureName>), Query, description = "How people are told of: by names (default); by pseudonyms, the same within an organization and year; or in groups, where no line is of fewer than five"),
    ),
    responses(
        (status = 200, body = StatementAnswer),
        Refusals,
    ),
)]
pub async fn get_statement(State(app): State<App>, mut asked: Asked) -> Result<Response, Problem> {
    asked.allow(Subject::Organization)?;
    let month = parse_month(asked.parameters.required("month")?)?;
    let by = asked.parameters.choice("groupBy", &GROUPS)?.unwrap_or(GROUPS[0].1);
    let by_name = GROUPS.iter().find(|(_, known)| *known == by).map_or("", |(name, _)| name);
    let told = asked.parameters.choice("disclosure", &DISCLOSURES)?.unwrap_or(Told::ByName);
    let form = asked.parameters.choice("format", &FORMS)?;
    let given = asked.parameters.one("timezone")?;
    let closings = asked.caller.snapshot.reader.closings(Some(&asked.organization_id)).map_err(EngineError::from)?;
    let zone = match closings.iter().find(|closing| closing.month == month.number) {
        Some(closing) => zone_of_closing(closing, given)?,
        None => {
            let organization = asked.caller.directory().organization(&asked.organization_id);
            zone_of(organization.expect("it was allowed"), given)?
        }
    };
    let window = window(month, zone)?;
    let disclosure = match told {
        Told::ByName => Disclosure::Names,
        Told::InGroups => Disclosure::Groups,
        Told::ByPseudonym => {
            let organization_id = asked.organization_id.clone();
            Disclosure::Pseudonyms(on_a_thread(move || app.engine.pseudonym_secret(&organization_id)).await?)
        }
    };
    let find = move |about: About<'_>| -> Result<Statement, Problem> {
        let statement = ledger::statement(about, month, &window, by)?;
        let told = statement.disclosed(by, &disclosure);
        Ok(told.map_err(|overflow| EngineError::from(StoreError::from(overflow)))?)
    };
    let name = format!("statement-by-{by_name}");
    if form == Some(Form::Html) {
        let frame = Frame { window, as_of: asked.now.min(window.end()) };
        let written = asked.in_turn(move |about, out| {
            let answer = answer(about, frame, by_name, &find(about)?)?;
            let profile = &about.organization.profile;
            let heading = Heading {
                organization: profile.name.as_deref().unwrap_or(about.organization_id),
                by: words(by),
                disclosure: disclosure_words(told),
                zone_database: frame.zone_database(),
            };
            out.buffer.extend_from_slice(page(&heading, &answer).as_bytes());
            Ok(())
        });
        let name = file_name::of_window(&asked.organization_id, &name, &window, "html");
        let disposition = format!("attachment; filename=\"{name}\"");
        let headers =
            [(header::CONTENT_TYPE, "text/html; charset=utf-8"), (header::CONTENT_DISPOSITION, &*disposition)];
        return Ok((CACHING, headers, Body::from(written.await?)).into_response());
    }
    asked.depends_on_earlier = true;
    asked
        .answer(window, name, move |about, frame, csv, out| {
            let statement = find(about)?;
            if csv {
                return write_csv(out, about, frame, &statement);
            }
            out.json(&answer(about, frame, by_name, &statement)?)
        })
        .await
}

/// What lines are by, in words.
fn words(by: GroupBy) -> &'static str {
    match by {
        GroupBy::Team => "team",
        GroupBy::CostCentre => "cost centre",
        GroupBy::Project => "project",
        GroupBy::User => "person",
        GroupBy::ApiKey => "API key",
        _ => "model",
    }
}

fn disclosure_words(told: Told) -> &'static str {
    match told {
        Told::ByName => "by name",
        Told::ByPseudonym => "by pseudonyms, the same all year",
        Told::InGroups => "in groups of at least five",
    }
}

fn answer(about: About<'_>, frame: Frame, group_by: &str, statement: &Statement) -> Result<StatementAnswer, Problem> {
    let closing = statement.closing.as_ref();
    let reopened = statement.reopened.iter().map(|reopening| ReopeningBody {
        closing_id: reopening.closing.id.clone(),
        closed_at: rfc3339_utc(reopening.closing.at),
        closed_by: who(&reopening.closing).to_owned(),
        reopened_at: rfc3339_utc(reopening.at),
        reopened_by: reopening.user_id.as_ref().unwrap_or(&reopening.actor).clone(),
    });
    let adjustments = statement.adjustments.iter().map(|adjustment| {
        let (month, reason) = (adjustment.month.to_string(), reason(adjustment.reason));
        Ok(AdjustmentBody { month, reason, lines: lines(&adjustment.lines)? })
    });
    let Sums { money: [cost, credits_cost, api_keys_cost], counts } = Sums::of(&statement.totals)?;
    let [request_count, total_tokens, credits_request_count, api_keys_request_count] = counts;
    Ok(StatementAnswer {
        organization_id: about.organization_id.to_owned(),
        month: statement.month.to_string(),
        timezone: frame.window.zone.name().to_owned(),
        group_by: group_by.to_owned(),
        closed: closing.is_some(),
        closing_id: closing.map(|closing| closing.id.clone()),
        closed_at: closing.map(|closing| rfc3339_utc(closing.at)),
        closed_by: closing.map(|closing| who(closing).to_owned()),
        reopened: reopened.collect(),
        lines: lines(&statement.lines)?,
        adjustments: adjustments.collect::<Result<_, Problem>>()?,
        totals: StatementSums {
            cost: usd(cost),
            request_count,
            total_tokens,
            credits_request_count,
            api_keys_request_count,
            credits_cost: usd(credits_cost),
            api_keys_cost: usd(api_keys_cost),
        },
    })
}

fn reason(reason: Reason) -> ReasonName {
    match reason {
        Reason::Late => ReasonName::Late,
        Reason::Repriced => ReasonName::Repriced,
        Reason::Reassigned => ReasonName::Reassigned,
        Reason::Renamed => ReasonName::Renamed,
    }
}

/// The figures of a line.
struct Sums {
    /// In all, of credits, of API keys.
    money: [i128; 3],
    /// Requests, tokens, and requests of credits and of API keys.
    counts: [i64; 4],
}

impl Sums {
    fn of(sums: &LineSums) -> Result<Sums, Problem> {
        let [requests, tokens, cost] = sums.all;
        let fits = |count: i128| i64::try_from(count).map_err(|_| EngineError::from(StoreError::from(Overflow)));
        let of_keys = sums.api_keys_requests;
        Ok(Sums {
            money: [cost, cost - sums.api_keys_cost, sums.api_keys_cost],
            counts: [fits(requests)?, fits(tokens)?, fits(requests - of_keys)?, fits(of_keys)?],
        })
    }
}

fn lines(lines: &[Line]) -> Result<Vec<StatementLine>, Problem> {
    let line = |line: &Line| {
        let Sums { money: [cost, credits_cost, api_keys_cost], counts } = Sums::of(&line.sums)?;
        let [request_count, total_tokens, credits_request_count, api_keys_request_count] = counts;
        Ok(StatementLine {
            key: line.key.clone(),
            label: line.label.clone(),
            cost: usd(cost),
            request_count,
            total_tokens,
            credits_request_count,
            api_keys_request_count,
            credits_cost: usd(credits_cost),
            api_keys_cost: usd(api_keys_cost),
        })
    };
    lines.iter().map(line).collect()
}

const COLUMNS: [&str; 14] = [
    "kind",
    "month",
    "key",
    "label",
    "reason",
    "cost",
    "requestCount",
    "totalTokens",
    "creditsRequestCount",
    "apiKeysRequestCount",
    "creditsCost",
    "apiKeysCost",
    "closedAt",
    ZONE_DATABASE,
];

/// A row's `kind` is `line` or `adjustment`, the last one `total`. What came of earlier months has theirs.
fn write_csv(out: &mut Out, about: About<'_>, frame: Frame, statement: &Statement) -> Result<(), Problem> {
    let mut csv = csv_writer(out);
    csv.write_record(COLUMNS.iter().chain(&ORIGIN)).map_err(broken)?;
    let closed_at = statement.closing.as_ref().map(closed_at).unwrap_or_default();
    let origin = origin(about.organization_id, &frame.window);
    let mut row = |kind: &str, month: String, [key, label]: [&str; 2], reason: &str, sums: &LineSums| {
        let Sums { money, counts } = Sums::of(sums)?;
        let [cost, credits_cost, api_keys_cost] = money.map(|amount| usd(amount).get().to_owned());
        let [requests, tokens, credits, api_keys] = counts.map(|count| count.to_string());
        let mut cells = vec![kind.to_owned(), month, cell(key), cell(label), reason.to_owned(), cost, requests];
        cells.extend([tokens, credits, api_keys, credits_cost, api_keys_cost, closed_at.clone()]);
        cells.push(frame.zone_database().to_owned());
        csv.write_record(cells.iter().chain(&origin)).map_err(broken)
    };
    for line in &statement.lines {
        row("line", statement.month.to_string(), names(line), "", &line.sums)?;
    }
    for adjustment in &statement.adjustments {
        for line in &adjustment.lines {
            let why = reason(adjustment.reason).text();
            row("adjustment", adjustment.month.to_string(), names(line), why, &line.sums)?;
        }
    }
    row("total", statement.month.to_string(), ["", "Total"], "", &statement.totals)?;
    csv.flush().map_err(|error| broken(error.into()))
}

fn names(line: &Line) -> [&str; 2] {
    [line.key.as_deref().unwrap_or_default(), &line.label]
}

fn closed_at(closing: &Closing) -> String {
    rfc3339_utc(closing.at)
}
