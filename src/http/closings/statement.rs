//! `/analytics/statement`: a month as it is to be paid.

use std::io::{Cursor, Write};

use axum::body::Body;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::page::{Heading, LANGUAGES, Language, page};
use super::wire::{
    AdjustmentBody, DisclosureName, LanguageName, ReasonName, ReopeningBody, StatementAnswer, StatementBy,
    StatementForm, StatementLine, StatementSums,
};
use super::{parse_month, who, window, zone_of, zone_of_closing};
use crate::calendar::{Compare, Window, rfc3339_utc};
use crate::engine::EngineError;
use crate::http::access::Subject;
use crate::http::asked::{Asked, CACHING, Frame};
use crate::http::file_name;
use crate::http::problem::{Problem, Refusals};
use crate::http::render::{ORIGIN, ZONE_DATABASE, broken, cell, csv_writer, origin, usd};
use crate::http::stream::Out;
use crate::http::{App, on_a_thread};
use crate::ledger::{self, Disclosure, Line, LineSums, Month, Reason, Statement, Waterfall};
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
#[derive(Clone, Copy)]
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
    Zip,
}

const FORMS: [(&str, Form); 4] = [("json", Form::Json), ("csv", Form::Csv), ("html", Form::Html), ("zip", Form::Zip)];

/// What a zip has statements by: whatever is somebody's.
const ZIPPED: [(&str, GroupBy); 5] = [GROUPS[0], GROUPS[1], GROUPS[2], GROUPS[3], GROUPS[4]];
/// Most that all files of a zip may have together: it is made in memory.
const MAX_ZIPPED_BYTES: usize = 64 << 20;

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
        ("format" = inline(Option<StatementForm>), Query, description = "json (default); csv (RFC 4180); html: one file that needs nothing else, prints on A4, and has a checksum; or zip: html and csv by team, costCentre, project, user and apiKey, without groupBy and of up to 64 MiB"),
        ("lang" = inline(Option<LanguageName>), Query, description = "Of html, also in a zip: the language it is written in, en (default) or de; figures and dates are written alike in both"),
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
    let chosen = asked.parameters.choice("groupBy", &GROUPS)?;
    let told = asked.parameters.choice("disclosure", &DISCLOSURES)?.unwrap_or(Told::ByName);
    let form = asked.parameters.choice("format", &FORMS)?;
    let language = asked.parameters.choice("lang", &LANGUAGES)?;
    if let (Some(text), None | Some(Form::Json | Form::Csv)) = (asked.parameters.one("lang")?, form) {
        let told = format!("lang is '{text}', but only format=html and format=zip are written in a language");
        return Err(Problem::bad_request(told));
    }
    if let (Some(text), Some(Form::Zip)) = (asked.parameters.one("groupBy")?, form) {
        let told = format!("groupBy is '{text}', but format=zip has a statement by each; leave it out");
        return Err(Problem::bad_request(told));
    }
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
            let app = app.clone();
            Disclosure::Pseudonyms(on_a_thread(move || app.engine.pseudonym_secret(&organization_id)).await?)
        }
    };
    let by = chosen.unwrap_or(GROUPS[0].1);
    let by = GROUPS.into_iter().find(|(_, known)| *known == by).unwrap_or(GROUPS[0]);
    let frame = asked.frame(window);
    // Of the first month there is none before.
    let earlier = window.compared(Compare::PreviousMonth, asked.now).ok();
    let wanted = Wanted { month, frame, earlier, disclosure, language: language.unwrap_or(Language::English) };
    asked.depends_on_earlier = true;
    let (kind, extension, name) = match form {
        Some(Form::Html) => ("text/html; charset=utf-8", "html", name_of(by.0)),
        Some(Form::Zip) => ("application/zip", "zip", "statements".to_owned()),
        _ => {
            let write = move |about: About<'_>, _, csv, out: &mut Out| {
                let statement = wanted.find(about, by.1)?;
                if csv {
                    return write_csv(out, about, frame, &statement);
                }
                out.json(&answer(about, frame, by.0, &statement)?)
            };
            return asked.answer(window, name_of(by.0), write).await;
        }
    };
    asked.depends_on_prices = true;
    let etag = asked.version(window, false);
    if asked.has(&etag) {
        return Ok((StatusCode::NOT_MODIFIED, CACHING, [(header::ETAG, etag)]).into_response());
    }
    let written = asked.in_turn(move |about, out| {
        let file = if form == Some(Form::Zip) {
            wanted.zip(about, &app)?
        } else {
            wanted.html(about, &app, by, &wanted.find(about, by.1)?)?
        };
        out.buffer.extend_from_slice(&file);
        Ok(())
    });
    let name = file_name::of_window(&asked.organization_id, &name, &window, extension);
    let disposition = format!("attachment; filename=\"{name}\"");
    let headers = [(header::CONTENT_TYPE, kind), (header::CONTENT_DISPOSITION, &*disposition), (header::ETAG, &*etag)];
    Ok((CACHING, headers, Body::from(written.await?)).into_response())
}

/// What the file of a statement is called.
fn name_of(by: &str) -> String {
    format!("statement-by-{by}")
}

/// How statements of a month are asked for.
struct Wanted {
    month: Month,
    frame: Frame,
    /// The month before, as far as this one is.
    earlier: Option<Window>,
    disclosure: Disclosure,
    language: Language,
}

impl Wanted {
    fn find(&self, about: About<'_>, by: GroupBy) -> Result<Statement, Problem> {
        let statement = ledger::statement(about, self.month, &self.frame.window, by)?;
        let told = statement.disclosed(by, &self.disclosure);
        Ok(told.map_err(|overflow| EngineError::from(StoreError::from(overflow)))?)
    }

    fn html(
        &self,
        about: About<'_>,
        app: &App,
        (name, by): (&str, GroupBy),
        statement: &Statement,
    ) -> Result<Vec<u8>, Problem> {
        let answer = answer(about, self.frame, name, statement)?;
        let waterfall = self.waterfall(about, app, by)?;
        let profile = &about.organization.profile;
        let heading = Heading {
            organization: profile.name.as_deref().unwrap_or(about.organization_id),
            by,
            disclosure: &self.disclosure,
            window: &self.frame.window,
            language: self.language,
            currency: app.look.currency(),
        };
        Ok(page(&heading, &answer, waterfall.as_ref()).into_bytes())
    }

    /// What lies between the month and the one before, unless people are told of in groups: beside the totals it would
    /// say what those adjustments are that are of too few to stand by themselves, and what is new or gone may be one
    /// person's.
    fn waterfall(&self, about: About<'_>, app: &App, by: GroupBy) -> Result<Option<Waterfall>, Problem> {
        let Some(earlier) = self.earlier.filter(|_| self.disclosure != Disclosure::Groups) else { return Ok(None) };
        let (book, later) = (app.prices(), self.frame.window);
        let price =
            |provider: &str, model: &str, used: &_| Some(book.price(provider, model, later.priced_at(), used)?.0);
        Ok(Some(ledger::waterfall(about, self.month, (later, earlier), by, price)?))
    }

    /// Every statement that somebody pays by, each as the file that it is alone.
    fn zip(&self, about: About<'_>, app: &App) -> Result<Vec<u8>, Problem> {
        let broken = |error: &dyn std::fmt::Display| {
            Problem::new(StatusCode::INTERNAL_SERVER_ERROR, format!("the zip could not be written: {error}"))
        };
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        let mut bytes = 0;
        for (name, by) in ZIPPED {
            let statement = self.find(about, by)?;
            let html = self.html(about, app, (name, by), &statement)?;
            let mut csv = Vec::new();
            write_csv(&mut csv, about, self.frame, &statement)?;
            for (extension, file) in [("html", html), ("csv", csv)] {
                bytes += file.len();
                if bytes > MAX_ZIPPED_BYTES {
                    let most = MAX_ZIPPED_BYTES >> 20;
                    return Err(Problem::bad_request(format!(
                        "the statements are more than the {most} MiB of a zip together; ask for each by itself, with \
                         groupBy"
                    )));
                }
                let name = file_name::of_window(about.organization_id, &name_of(name), &self.frame.window, extension);
                zip.start_file(name, SimpleFileOptions::default()).map_err(|error| broken(&error))?;
                zip.write_all(&file).map_err(|error| broken(&error))?;
            }
        }
        Ok(zip.finish().map_err(|error| broken(&error))?.into_inner())
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
    let [request_count, total_tokens, credits_request_count, api_keys_request_count, unpriced_request_count] = counts;
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
            unpriced_request_count,
        },
    })
}

fn reason(reason: Reason) -> ReasonName {
    match reason {
        Reason::Late => ReasonName::Late,
        Reason::Repriced => ReasonName::Repriced,
        Reason::Reassigned => ReasonName::Reassigned,
        Reason::Renamed => ReasonName::Renamed,
        Reason::ZoneRules => ReasonName::ZoneRules,
    }
}

/// The figures of a line.
struct Sums {
    /// In all, of credits, of API keys.
    money: [i128; 3],
    /// Requests, tokens, requests of credits, of API keys and without a price.
    counts: [i64; 5],
}

impl Sums {
    fn of(sums: &LineSums) -> Result<Sums, Problem> {
        let [requests, tokens, cost] = sums.all;
        let fits = |count: i128| i64::try_from(count).map_err(|_| EngineError::from(StoreError::from(Overflow)));
        let of_keys = sums.api_keys_requests;
        Ok(Sums {
            money: [cost, cost - sums.api_keys_cost, sums.api_keys_cost],
            counts: [
                fits(requests)?,
                fits(tokens)?,
                fits(requests - of_keys)?,
                fits(of_keys)?,
                fits(sums.unpriced_requests)?,
            ],
        })
    }
}

fn lines(lines: &[Line]) -> Result<Vec<StatementLine>, Problem> {
    let line = |line: &Line| {
        let Sums { money: [cost, credits_cost, api_keys_cost], counts } = Sums::of(&line.sums)?;
        let [request_count, total_tokens, credits_request_count, api_keys_request_count, unpriced_request_count] =
            counts;
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
            unpriced_request_count,
        })
    };
    lines.iter().map(line).collect()
}

const COLUMNS: [&str; 15] = [
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
    "unpricedRequestCount",
    "closedAt",
    ZONE_DATABASE,
];

/// A row's `kind` is `line` or `adjustment`, the last one `total`. What came of earlier months has theirs.
fn write_csv<W: Write>(out: &mut W, about: About<'_>, frame: Frame, statement: &Statement) -> Result<(), Problem> {
    let mut csv = csv_writer(out);
    csv.write_record(COLUMNS.iter().chain(&ORIGIN)).map_err(broken)?;
    let closed_at = statement.closing.as_ref().map(closed_at).unwrap_or_default();
    let origin = origin(about.organization_id, &frame.window);
    let mut row = |kind: &str, month: String, [key, label]: [&str; 2], reason: &str, sums: &LineSums| {
        let Sums { money, counts } = Sums::of(sums)?;
        let [cost, credits_cost, api_keys_cost] = money.map(|amount| usd(amount).get().to_owned());
        let [requests, tokens, credits, api_keys, unpriced] = counts.map(|count| count.to_string());
        let mut cells = vec![kind.to_owned(), month, cell(key), cell(label), reason.to_owned(), cost, requests];
        cells.extend([tokens, credits, api_keys, credits_cost, api_keys_cost, unpriced, closed_at.clone()]);
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
