//! `/v1/links`: answers by an address alone, for spreadsheets and databases that can send no token.
//!
//! A link is a question of the API and the token that it was made with, or the person who had signed in without one.
//! Whoever opens it is answered as whoever made it would be, now: nothing is decided here but whether the link is still one.

pub mod wire;

use std::sync::Arc;

use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName, Method, Request, StatusCode, Uri, header};
use axum::response::Response;
use axum::{Extension, Json};
use http_body_util::BodyExt;

use self::wire::{CreatedLink, LinkBody, LinkFormatName, LinkList, LinkStatus, NewLink};
use super::App;
use super::access::{Caller, Known};
use super::body::{Binary, JsonObject};
use super::connections::Peer;
use super::directory::id;
use super::inside::Inside;
use super::listing::{ListParameters, Listed, Table};
use super::parameters::Parameters;
use super::problem::{Problem, ProblemBody};
use crate::calendar::{parse_rfc3339, rfc3339_utc};
use crate::directory::{
    Change, Directory, Grant, Link, LinkFormat, Organization, Secret, SecretHash, is_random_secret,
};
use crate::engine::Note;
use crate::model::UnixMs;

/// What browsers and proxies take as an address.
const MAX_QUESTION_BYTES: usize = 8192;
/// What every secret of a link begins with.
const PREFIX: &str = "rc_link_";
/// What a link's answer may depend on of the request: the way it travels, and which part of it.
const PASSED_ON: [HeaderName; 5] =
    [header::ACCEPT_ENCODING, header::IF_MATCH, header::IF_NONE_MATCH, header::IF_RANGE, header::RANGE];
const FORMATS: [(LinkFormat, LinkFormatName, &str); 3] = [
    (LinkFormat::Csv, LinkFormatName::Csv, "csv"),
    (LinkFormat::Json, LinkFormatName::Json, "json"),
    (LinkFormat::Parquet, LinkFormatName::Parquet, "parquet"),
];

/// Makes a link to one question. Its address is in the answer and nowhere else.
///
/// Whoever has the address gets what its maker may see at that time, and nothing once the token that it was made with is
/// revoked. The question is asked once now, so that a link that is made answers. For the operator, and for owners of the
/// organization.
#[utoipa::path(
    post, path = "/v1/links", tag = "links", request_body = NewLink,
    responses(
        (status = 201, body = CreatedLink),
        (status = 404, body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, body = ProblemBody, content_type = "application/problem+json", description = "A sum does not fit its number"),
    ),
)]
pub async fn post_link(
    State(app): State<App>,
    Extension(inside): Extension<Inside>,
    caller: Caller,
    peer: Option<Extension<Peer>>,
    headers: HeaderMap,
    body: Result<JsonObject<NewLink>, Problem>,
) -> Result<(StatusCode, Json<CreatedLink>), Problem> {
    caller.may_change_people()?;
    let JsonObject(NewLink { organization_id, question, format, expires }) = body?;
    let organization_id = id("organizationId", organization_id)?;
    caller.may_link(&organization_id)?;
    let format = FORMATS.iter().find(|(_, name, _)| *name == format).expect("each has a name").0;
    let question = checked(&question, &organization_id, format)?;
    let now = app.engine.now();
    let expires = expires.map(|text| expiry(&text, now)).transpose()?;
    let known = Known { grant: caller.grant.clone(), token_id: caller.token_id.clone() };
    let tried = inside.ask(known, asking(Method::GET, &question, format)?).await;
    if !tried.status().is_success() {
        return Err(problem_of(tried).await);
    }
    let secret = Secret::generate(PREFIX);
    let hash = SecretHash::of(secret.reveal());
    // Part of a hash of random bits: unique, and of no use to whoever reads it.
    let link_id = format!("lnk_{}", &hash.to_hex()[..16]);
    let token_id = caller.token_id.clone();
    // Who has signed in elsewhere, or by a proxy, has no token that it could end with.
    let has_token = caller.directory().token(&token_id).is_some();
    let user_id = caller.user_id().filter(|_| !has_token).map(str::to_owned);
    let link =
        Link { organization_id, question, format, hash, token_id, user_id, created: now, expires, last_used: None };
    let change = Change::PutLink { id: link_id.clone(), link };
    let note = note(&caller.token_id, &change, caller.directory());
    app.engine.audited(change, note)?.answer().await?;
    let is_tls = peer.is_some_and(|peer| peer.tls) || headers.get("x-forwarded-proto").is_some_and(|is| is == "https");
    let scheme = if is_tls { "https" } else { "http" };
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let origin = host.map(|host| format!("{scheme}://{host}")).unwrap_or_default();
    let url = format!("{origin}/v1/links/{}.{}", secret.reveal(), extension(format));
    Ok((StatusCode::CREATED, Json(CreatedLink { id: link_id, url })))
}

/// All links, or those of one organization, without their addresses.
///
/// For the operator, and for owners who name their organization.
#[utoipa::path(
    get, path = "/v1/links", tag = "links",
    params(("organizationId" = Option<String>, Query, description = "Only this organization's"), ListParameters),
    responses(
        (status = 200, body = LinkList),
        (status = 404, body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
pub async fn get_links(State(app): State<App>, listed: Listed) -> Result<Response, Problem> {
    let (caller, only) = (&listed.caller, listed.parameters.one("organizationId")?);
    caller.may_read_records("links are", only)?;
    if let Some(organization_id) = only {
        caller.require_organization(organization_id)?;
    }
    let (links, next) = listed.part(list(caller.directory(), only, app.engine.now()).links.into_iter())?;
    let list = LinkList { links, next };
    listed.answer(&TABLE, &list, &list.links)
}

const TABLE: Table = Table {
    name: "links",
    columns: &[
        "id",
        "organizationId",
        "question",
        "format",
        "status",
        "createdAt",
        "madeBy",
        "madeByName",
        "expires",
        "lastUsedAt",
    ],
};

/// Revokes a link: its address opens nothing any more.
///
/// For the operator, and for owners of the organization.
#[utoipa::path(
    delete, path = "/v1/links/{id}", tag = "links", params(("id" = String, Path, description = "The link's id, not its secret")),
    responses(
        (status = 204, description = "The link is worth nothing now"),
        (status = 404, body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
pub async fn delete_link(
    State(app): State<App>,
    caller: Caller,
    path: Result<Path<String>, PathRejection>,
) -> Result<StatusCode, Problem> {
    let Path(link_id) = path?;
    match caller.directory().link(&link_id) {
        Some(link) => caller.may_link(&link.organization_id)?,
        None => caller.require_operator()?,
    }
    let change = Change::RemoveLink { id: link_id };
    let note = note(&caller.token_id, &change, caller.directory());
    app.engine.audited(change, note)?.answer().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What a link shows. For whoever has its address, without a token.
///
/// The secret, a point and the form it answers in: `csv`, `json` or `parquet`. Answers `HEAD` with a length, and `Range`
/// with parts.
#[utoipa::path(
    get, path = "/v1/links/{id}", tag = "links", security(()), operation_id = "open_link",
    params(
        ("id" = String, Path, description = "The secret of the address, `.` and the format"),
        ("refresh" = Option<String>, Query, description = "Anything: for spreadsheets that ask anew only when an address is another"),
    ),
    responses(
        (status = 200, description = "The answer to its question", content(
            (String = "text/csv"),
            (Object = "application/json"),
            (inline(Binary) = "application/vnd.apache.parquet"),
        )),
        (status = 206, description = "The part that Range names"),
        (status = 304, description = "The answer is the one that If-None-Match names"),
        (status = 400, body = ProblemBody, content_type = "application/problem+json", description = "A parameter is not known, or its question makes no sense any more"),
        (status = 403, body = ProblemBody, content_type = "application/problem+json", description = "Its maker may not see this any more"),
        (status = 404, body = ProblemBody, content_type = "application/problem+json"),
        (status = 410, body = ProblemBody, content_type = "application/problem+json", description = "It has expired"),
        (status = 412, body = ProblemBody, content_type = "application/problem+json", description = "The answer is not the one that If-Match names"),
        (status = 416, body = ProblemBody, content_type = "application/problem+json", description = "The file is shorter"),
        (status = 429, body = ProblemBody, content_type = "application/problem+json", description = "It was opened too often; `Retry-After` says when to come back"),
    ),
)]
pub async fn open_link(
    State(app): State<App>,
    Extension(inside): Extension<Inside>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    path: Result<Path<String>, PathRejection>,
) -> Result<Response, Problem> {
    let Path(file) = path?;
    refuse_unknown(&uri)?;
    let none = || Problem::not_found("there is no such link, or it was revoked");
    let (secret, given) = file.rsplit_once('.').ok_or_else(none)?;
    let (snapshot, now) = (app.engine.snapshot(), app.engine.now());
    // Those made here have too many random bits to be found by trying, so nobody has to be kept from it.
    let found = snapshot.directory.link_by_secret(secret).filter(|_| is_random_secret(secret));
    let (link_id, link) = found.ok_or_else(none)?;
    if given != extension(link.format) {
        let known = extension(link.format);
        return Err(Problem::not_found(format!("the link ends in '.{given}'; it answers as '.{known}'")));
    }
    app.attempts.open_link(link_id, now)?;
    let grant = link.grant(&snapshot.directory, now).filter(|_| !link.has_expired(now)).ok_or_else(|| {
        Problem::new(StatusCode::GONE, "the link has expired; ask whoever gave it to you for another")
    })?;
    if link.is_used_anew(now) {
        // Nobody waits for that, and where it cannot be written the next use tells it.
        drop(app.engine.change(Change::UseLink { id: link_id.to_owned(), now }));
    }
    let mut request = asking(method, &link.question, link.format)?;
    for name in PASSED_ON {
        request.headers_mut().extend(headers.get(&name).map(|value| (name, value.clone())));
    }
    // Its readers wait for each other, and not for its maker.
    let known = Known { grant, token_id: link_id.to_owned() };
    let answer = inside.ask(known, request).await;
    // Why is its maker's affair.
    if answer.status() == StatusCode::FORBIDDEN {
        return Err(Problem::forbidden("the link is closed: whoever made it may not see this any more"));
    }
    Ok(answer)
}

/// An address that somebody changed by hand would seem to answer another question.
fn refuse_unknown(uri: &Uri) -> Result<(), Problem> {
    let parameters = Parameters::parse(uri.query());
    match parameters.each().find(|(name, _)| *name != "refresh") {
        Some((name, _)) => Err(Problem::bad_request(format!(
            "the parameter '{name}' is unknown (allowed here: refresh); what a link shows is fixed when it is made"
        ))),
        None => Ok(()),
    }
}

/// The question of a link as a request.
fn asking(method: Method, question: &str, format: LinkFormat) -> Result<Request<Body>, Problem> {
    let (path, query) = question.split_once('?').unwrap_or((question, ""));
    let mut pairs: Vec<(String, String)> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    // Which of the two an export is in is said by the question, of which kind of file by the link.
    let is_focus = pairs.iter().any(|(name, value)| name == "format" && value.starts_with("focus"));
    pairs.retain(|(name, _)| name != "format");
    let form = match (is_focus, format) {
        (true, LinkFormat::Parquet) => "focus-parquet",
        (true, _) => "focus",
        (false, format) => extension(format),
    };
    let query =
        form_urlencoded::Serializer::new(String::new()).extend_pairs(&pairs).append_pair("format", form).finish();
    let request = Request::builder().method(method).uri(format!("{path}?{query}")).body(Body::empty());
    request.map_err(|error| Problem::bad_request(format!("question is '{question}', which is no address: {error}")))
}

/// Checks a question, and names the organization in it.
fn checked(question: &str, organization_id: &str, format: LinkFormat) -> Result<String, Problem> {
    if question.len() > MAX_QUESTION_BYTES {
        return Err(Problem::bad_request(format!(
            "question has {} bytes; at most {MAX_QUESTION_BYTES} are allowed",
            question.len()
        )));
    }
    let (path, query) = question.split_once('?').unwrap_or((question, ""));
    let is_plain = question.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\' && byte != b'#');
    if !is_plain || !path.starts_with("/analytics/") || path.contains("..") {
        return Err(Problem::bad_request(format!(
            "question is '{question}'; it must be path and query of a question, such as \
             /analytics/activity?groupBy=team&range=this-month"
        )));
    }
    let parameters = Parameters::parse(Some(query));
    match parameters.one("organizationId")? {
        Some(given) if given != organization_id => {
            return Err(Problem::bad_request(format!(
                "question is about organization '{given}', but organizationId is '{organization_id}'"
            )));
        }
        _ => {}
    }
    let form = parameters.one("format")?;
    let (is_focus, is_of) = match (form, format) {
        (Some("focus"), LinkFormat::Csv) | (Some("focus-parquet"), LinkFormat::Parquet) => (true, true),
        (None, _) => (false, true),
        (Some(form), format) => (false, form == extension(format)),
    };
    if !is_of {
        return Err(Problem::bad_request(format!(
            "question has the format '{}', but format is '{}'; leave it out of the question",
            form.unwrap_or_default(),
            extension(format)
        )));
    }
    let kept = parameters.each().filter(|(name, _)| *name != "organizationId" && (is_focus || *name != "format"));
    let mut query = form_urlencoded::Serializer::new(String::new());
    let query = query.append_pair("organizationId", organization_id).extend_pairs(kept).finish();
    Ok(format!("{path}?{query}"))
}

fn expiry(text: &str, now: UnixMs) -> Result<UnixMs, Problem> {
    match parse_rfc3339(text) {
        Some(at) if at > now => Ok(at),
        Some(_) => Err(Problem::bad_request(format!("expires is '{text}'; it must be after now"))),
        None => Err(Problem::bad_request(format!("expires is '{text}'; write RFC 3339, such as 2027-01-31T00:00:00Z"))),
    }
}

fn extension(format: LinkFormat) -> &'static str {
    FORMATS.iter().find(|(of, ..)| *of == format).expect("each has an extension").2
}

/// Why a question was refused.
async fn problem_of(response: Response) -> Problem {
    let status = response.status();
    let body = response.into_body().collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let detail = serde_json::from_slice::<ProblemBody>(&body).map(|body| body.detail);
    Problem::new(status, detail.unwrap_or_else(|_| status.to_string()))
}

/// Links as they are listed: all, or those of one organization.
pub fn list(directory: &Directory, only: Option<&str>, now: UnixMs) -> LinkList {
    let meant = directory.links().filter(|(_, link)| only.is_none_or(|only| link.organization_id == only));
    LinkList { links: meant.map(|(id, link)| body(directory, id, link, now)).collect(), next: None }
}

fn body(directory: &Directory, link_id: &str, link: &Link, now: UnixMs) -> LinkBody {
    let grant = link.grant(directory, now).filter(|_| !link.has_expired(now));
    let organization = directory.organization(&link.organization_id);
    let has_left = |grant: &Grant| {
        let is_member = |of: &Arc<Organization>| grant.member_of(&link.organization_id, of).is_some();
        grant.user_id().is_some() && !organization.is_some_and(is_member)
    };
    let token = directory.token(&link.token_id);
    let user_id = link.user_id.as_deref().or_else(|| token.and_then(|token| token.grant.user_id()));
    let label = token.map(|token| token.label.clone()).filter(|label| !label.is_empty());
    LinkBody {
        id: link_id.to_owned(),
        organization_id: link.organization_id.clone(),
        question: link.question.clone(),
        format: FORMATS.iter().find(|(of, ..)| *of == link.format).expect("each has a name").1,
        status: match &grant {
            None => LinkStatus::Expired,
            Some(grant) if has_left(grant) => LinkStatus::Closed,
            Some(_) => LinkStatus::Active,
        },
        created_at: rfc3339_utc(link.created),
        made_by: link.token_id.clone(),
        made_by_name: user_id.map(|user_id| directory.user_label(user_id).to_owned()).or(label),
        expires: link.expires.map(rfc3339_utc),
        last_used_at: link.last_used.map(rfc3339_utc),
    }
}

/// What the audit log says of making or revoking a link.
pub fn note(actor: &str, change: &Change, directory: &Directory) -> Note {
    let (action, id, link) = match change {
        Change::PutLink { id, link } => ("link-create", id, Some(link)),
        Change::RemoveLink { id } => ("link-revoke", id, directory.link(id)),
        _ => unreachable!("asked about links only"),
    };
    let of_token = |link: &Link| directory.token(&link.token_id)?.grant.user_id().map(str::to_owned);
    let user_id = link.and_then(|link| link.user_id.clone().or_else(|| of_token(link)));
    Note {
        target: id.clone(),
        organization_id: link.map(|link| link.organization_id.clone()),
        user_id,
        detail: link.map(|link| format!("{} of {}", extension(link.format), link.question)).unwrap_or_default(),
        ..Note::new(actor, action)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_is_one_of_the_organization_in_the_form_of_the_link() {
        let check = |question: &str, format, expected: Option<&str>| {
            assert_eq!(checked(question, "acme", format).ok().as_deref(), expected, "{question}");
        };
        let (csv, json, parquet) = (LinkFormat::Csv, LinkFormat::Json, LinkFormat::Parquet);
        check("/analytics/activity", csv, Some("/analytics/activity?organizationId=acme"));
        let by_team = "/analytics/activity?organizationId=acme&groupBy=team&range=this-month";
        check("/analytics/activity?groupBy=team&range=this-month", json, Some(by_team));
        check(&format!("{by_team}&format=csv"), csv, Some(by_team));
        let focus = "/analytics/export?organizationId=acme&format=focus-parquet";
        check("/analytics/export?format=focus-parquet", parquet, Some(focus));
        for (wrong, format) in [
            ("/analytics/activity?organizationId=beta", csv),
            ("/analytics/activity?format=json", csv),
            ("/analytics/export?format=focus", parquet),
            ("/v1/directory", csv),
            ("/analytics/../v1/backup", csv),
            ("https://elsewhere.example/analytics/activity", csv),
            ("analytics/activity", csv),
            ("/analytics/activity?groupBy=team#top", csv),
            ("", csv),
        ] {
            check(wrong, format, None);
        }
        check(&format!("/analytics/activity?model={}", "x".repeat(MAX_QUESTION_BYTES)), csv, None);
    }

    #[test]
    fn a_link_is_asked_in_its_own_form() {
        let check = |question: &str, format, expected: &str| {
            let request = asking(Method::GET, question, format).unwrap_or_else(|_| panic!("a request"));
            assert_eq!(request.uri().to_string(), expected);
        };
        check("/analytics/me?a=%26", LinkFormat::Csv, "/analytics/me?a=%26&format=csv");
        check("/analytics/export", LinkFormat::Parquet, "/analytics/export?format=parquet");
        check("/analytics/export?format=focus", LinkFormat::Csv, "/analytics/export?format=focus");
        check("/analytics/export?format=focus-parquet", LinkFormat::Parquet, "/analytics/export?format=focus-parquet");
    }
}
