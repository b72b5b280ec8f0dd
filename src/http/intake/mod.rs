//! `/v1/intake`: what became of what was sent, and of what a program read and did not send.

pub mod wire;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;

use self::wire::{IntakeAnswer, IntakeBody, IntakeResult, UnsentBody};
use super::access::Caller;
use super::body::JsonObjects;
use super::directory::id;
use super::events::{PATIENCE, token_of, write};
use super::file_name;
use super::listing::{Entry, ListParameters, Listed, Table, latest_first};
use super::problem::{Problem, ProblemBody};
use super::render::utc_date;
use super::{App, on_a_thread};
use crate::calendar::{Granularity, Zone};
use crate::engine::EngineError;
use crate::ingest::{Context, entered_rows, for_ever};
use crate::model::{Day, Intake, MAX_QUANTITY, Segment, Unmade};

const TABLE: Table = Table {
    name: "intake",
    columns: &["date", "organizationId", "sender", "clientVersion", "result", "reason", "count", "example"],
};

/// A line with where it stands. What it counts is no part of that: it grows while somebody reads on.
struct Placed {
    place: String,
    line: IntakeBody,
}

impl Entry for Placed {
    fn id(&self) -> &str {
        &self.place
    }

    fn names(&self) -> Vec<&str> {
        let IntakeBody { sender, client_version, reason, .. } = &self.line;
        std::iter::once(sender).chain(client_version).chain(reason).map(String::as_str).collect()
    }
}

/// What became of what was sent, by day, sender, version and reason, newest day first.
///
/// Records are counted, completed (they knew more of a call's tokens than it was counted with), duplicates, ignored (they
/// say nothing about usage) or rejected. Days are those of arrival, in UTC. The operator reads all of it, with what
/// nobody said for whom it was; an owner what is their organization's. See docs/intake.md.
#[utoipa::path(
    get, path = "/v1/intake", tag = "events",
    params(
        ("organizationId" = Option<String>, Query, description = "Only this organization's; owners have to name theirs"),
        ("from" = Option<String>, Query, description = "First day, YYYY-MM-DD in UTC; default six days before `to`"),
        ("to" = Option<String>, Query, description = "Last day, YYYY-MM-DD in UTC; default today. At most 366 days"),
        ListParameters,
    ),
    responses(
        (status = 200, body = IntakeAnswer),
        (status = 304, description = "The answer is the one that If-None-Match names"),
        (status = 404, body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
pub async fn get_intake(State(app): State<App>, listed: Listed) -> Result<Response, Problem> {
    let (caller, parameters) = (&listed.caller, &listed.parameters);
    let organization_id = parameters.one("organizationId")?.map(str::to_owned);
    caller.may_read_records("the intake ledger is", organization_id.as_deref())?;
    let window = parameters.window(app.engine.now(), Granularity::Day)?;
    let csv = listed.wants_csv()?;
    let day = |date| Segment::of(Zone::UTC.day_start(date)).unwrap_or_default().day();
    let days = day(window.from)..day(window.to).next();
    let turn = app.questions.turn(&caller.token_id).await?;
    on_a_thread(move || {
        let _turn = turn;
        let organization_id = organization_id.as_deref();
        let (placed, next) = listed.part(lines(&listed.caller, organization_id, csv, days)?.into_iter())?;
        let list = IntakeAnswer { intake: placed.into_iter().map(|placed| placed.line).collect(), next };
        let file_name = file_name::of_window(organization_id.unwrap_or("all"), TABLE.name, &window, "csv");
        listed.answer_as(&file_name, &TABLE, &list, &list.intake)
    })
    .await
}

/// Entries of one post. Who has more says the rest in further ones.
const MAX_UNSENT: usize = 256;

/// Enters records that a program read and did not send, such as rows of a file that it refused.
///
/// An array of up to 256 entries, which stand in the ledger under the token's label and the user agent, like what is
/// sent to /v1/events. What is entered twice counts twice. For operator and ingest tokens; entries of an ingest token
/// are of its organization.
#[utoipa::path(
    post, path = "/v1/intake", tag = "events",
    request_body = Vec<UnsentBody>,
    responses(
        (status = 204, description = "They are in the ledger"),
    ),
)]
pub async fn post_intake(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    body: Result<JsonObjects<UnsentBody>, Problem>,
) -> Result<StatusCode, Problem> {
    caller.may_send()?;
    let JsonObjects(unsent) = body?;
    let found = unsent.len();
    if found > MAX_UNSENT {
        return Err(Problem::bad_request(format!("there are {found} entries; at most {MAX_UNSENT} are allowed")));
    }
    let batch = {
        let token = token_of(&caller, &headers);
        let rows = unsent.into_iter().enumerate().map(|(at, unsent)| unmade(at, unsent, token.organization_id));
        let rows = rows.collect::<Result<Vec<_>, _>>()?;
        entered_rows(rows, &Context { now: app.engine.now(), prices: &app.prices(), token, kept_since: &for_ever })
    };
    write(&app, batch, PATIENCE).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn unmade(at: usize, of: UnsentBody, bound: Option<&str>) -> Result<Unmade, Problem> {
    let UnsentBody { organization_id, result, reason, count, example } = of;
    let organization = organization_id.map(|given| id("organizationId", given)).transpose()?;
    if let (Some(given), Some(bound)) = (&organization, bound)
        && given != bound
    {
        return Err(Problem::forbidden(format!(
            "entry {at}: organizationId is '{given}', but the token is for '{bound}' only"
        )));
    }
    let result = match result {
        IntakeResult::Ignored => Intake::Ignored,
        IntakeResult::Rejected => Intake::Rejected,
        other => {
            let other = other.name();
            return Err(Problem::bad_request(format!(
                "entry {at}: result is {other}; what was not sent is ignored or rejected"
            )));
        }
    };
    if !(1..=MAX_QUANTITY).contains(&count) {
        return Err(Problem::bad_request(format!("entry {at}: count is {count}; allowed are 1 to {MAX_QUANTITY}")));
    }
    Ok(Unmade { sender: 0, organization, result, reason, count, example })
}

fn lines(
    caller: &Caller,
    organization_id: Option<&str>,
    is_table: bool,
    days: std::ops::Range<Day>,
) -> Result<Vec<Placed>, Problem> {
    let mut lines: Vec<Placed> = Vec::new();
    let visit = |organization: &str, day: Day, line: crate::store::IntakeLine| {
        // Of the one that was asked about nothing else is said; tables are put together, so their rows say it.
        let of = Some(organization).filter(|of| (is_table || organization_id.is_none()) && !of.is_empty());
        let body = IntakeBody {
            date: utc_date(day),
            organization_id: of.map(str::to_owned),
            sender: line.sender.name,
            client_version: line.sender.version,
            result: IntakeResult::from(line.result),
            reason: line.reason,
            count: line.count,
            example: line.example,
        };
        let IntakeBody { date, sender, client_version, reason, .. } = &body;
        let or_nothing = |text: &Option<String>| text.clone().unwrap_or_default();
        let result = (line.result as u8).to_string();
        let told =
            [&latest_first(date), organization, sender, &or_nothing(client_version), &result, &or_nothing(reason)];
        let place = told.join("\0");
        lines.push(Placed { place, line: body });
    };
    caller.snapshot.reader.intake(organization_id, days, visit).map_err(EngineError::from)?;
    if let Some(id) = organization_id.filter(|id| lines.is_empty() && caller.directory().organization(id).is_none()) {
        return Err(Problem::not_found(format!("there is no organization '{id}'")));
    }
    Ok(lines)
}
