//! Questions about an organization's usage: who asks, what is allowed, and the answer from one commit with its ETag.

use std::sync::atomic::Ordering;
use std::time::Instant;

use axum::body::Body;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use twox_hash::XxHash3_128;

use super::App;
use super::access::{Caller, Subject, today};
use super::file_name;
use super::parameters::Parameters;
use super::problem::Problem;
use super::questions::in_time;
use super::ranges::StillReading;
use super::stream::{self, Out, Written};
use crate::calendar::{Granularity, Window, Zone};
use crate::model::{FIRST_HOUR, UnixMs};
use crate::query::{About, Viewer};

/// Kept by the asker alone, and asked about each time.
pub const CACHING: [(HeaderName, &str); 2] = [(header::CACHE_CONTROL, "private, no-cache"), (header::VARY, "accept")];

/// A question as it came, before it is allowed and answered.
pub struct Asked {
    pub caller: Caller,
    pub parameters: Parameters,
    pub organization_id: String,
    pub now: UnixMs,
    /// The window that the answer is compared with.
    pub compared: Option<Window>,
    /// Whether the answer depends on days before its window.
    pub depends_on_earlier: bool,
    /// Whether it depends on more than what was counted, such as on what came twice.
    pub depends_on_arrivals: bool,
    /// Whether it depends on prices as they are now: they can be read anew under a running server, and no commit tells.
    pub depends_on_prices: bool,
    /// How often prices had been replaced when it was asked.
    priced_anew: u64,
    /// Whether the asker is in the middle of an earlier answer.
    still_reading: bool,
    app: App,
    uri: Uri,
    headers: HeaderMap,
}

/// What every answer says of itself.
#[derive(Clone, Copy)]
pub struct Frame {
    pub window: Window,
    pub as_of: UnixMs,
}

impl Frame {
    /// The edition of the zone rules that its days are by.
    pub fn zone_database(&self) -> &'static str {
        self.window.zone.edition().version()
    }
}

impl FromRequestParts<App> for Asked {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Asked, Problem> {
        let caller = Caller::from_request_parts(parts, app).await?;
        let parameters = Parameters::parse(parts.uri.query());
        let organization_id = parameters.required("organizationId")?.to_owned();
        let (app, uri, headers) = (app.clone(), parts.uri.clone(), parts.headers.clone());
        let now = app.engine.now();
        // Before any price is looked up, so that an answer is never by older ones than its ETag.
        let priced_anew = app.priced_anew.load(Ordering::Acquire);
        let still_reading = parts.extensions.get::<StillReading>().is_some();
        let asked = Asked {
            caller,
            parameters,
            organization_id,
            now,
            compared: None,
            depends_on_earlier: false,
            depends_on_arrivals: false,
            depends_on_prices: false,
            priced_anew,
            still_reading,
            app,
            uri,
            headers,
        };
        Ok(asked)
    }
}

impl Asked {
    pub fn allow(&self, subject: Subject<'_>) -> Result<(), Problem> {
        self.caller.may_ask(&self.organization_id, subject).map(drop)
    }

    /// The caller, where they see their own keys only.
    pub fn viewer(&self) -> Option<Viewer> {
        let user_id = self.caller.sees_own_keys_only(&self.organization_id)?.to_owned();
        let organization = self.caller.directory().organization(&self.organization_id)?;
        Some(Viewer { user_id, today: today(organization, self.now) })
    }

    /// The local days that are asked about.
    pub fn days(&self) -> Result<Window, Problem> {
        self.parameters.window(self.now, Granularity::Day)
    }

    /// Takes up what the answer about a window is to be compared with.
    pub fn comparing(self, window: Window) -> Result<Asked, Problem> {
        Ok(Asked { compared: self.parameters.compared(&window, self.now)?, ..self })
    }

    /// Answers from the latest commit, unless the asker has that answer already. `name` is what the file is called that a CSV
    /// is saved as, beside whose it is and of when.
    pub async fn answer(
        self,
        window: Window,
        name: impl AsRef<str>,
        write: impl FnOnce(About<'_>, Frame, bool, &mut Out) -> Result<(), Problem> + Send + 'static,
    ) -> Result<Response, Problem> {
        let csv = self.wants_csv()?;
        let frame = self.frame(window);
        if self.app.engine.following().is_some() {
            return self.answer_as_it_is(frame, name.as_ref(), csv, write).await;
        }
        let etag = self.version(window, csv);
        if self.has(&etag) {
            return Ok((StatusCode::NOT_MODIFIED, CACHING, [(header::ETAG, etag)]).into_response());
        }
        let (app, asker) = (&self.app, self.asker());
        let body: Body = match app.answers.get(asker, &etag, frame.as_of) {
            Some(bytes) => bytes.into(),
            None => {
                let write = move |about: About<'_>, out: &mut Out| write(about, frame, csv, out);
                let written = self.in_turn(write).await?;
                if let Written::Whole(bytes) = &written {
                    app.answers.put(asker, &etag, frame.as_of, bytes.clone());
                }
                written.into()
            }
        };
        let mut response = self.table(window, name.as_ref(), csv, body);
        response.headers_mut().insert(header::ETAG, etag.parse().expect("hexadecimal in quotes"));
        Ok(response)
    }

    /// The same where no commit tells that an answer is still the one that somebody has: it is known by its bytes.
    async fn answer_as_it_is(
        self,
        frame: Frame,
        name: &str,
        csv: bool,
        write: impl FnOnce(About<'_>, Frame, bool, &mut Out) -> Result<(), Problem> + Send + 'static,
    ) -> Result<Response, Problem> {
        let written = self.in_turn(move |about, out| write(about, frame, csv, out)).await?;
        self.known_by_its_bytes(frame.window, name, csv, written)
    }

    /// An answer of which nothing but its bytes tells whether somebody has it.
    pub fn known_by_its_bytes(
        &self,
        window: Window,
        name: &str,
        csv: bool,
        written: Written,
    ) -> Result<Response, Problem> {
        let etag = match &written {
            Written::Whole(bytes) => Some(etag(&[self.asker().as_bytes(), self.uri.path().as_bytes(), bytes])),
            _ => None,
        };
        if let Some(etag) = etag.as_ref().filter(|etag| matches(&self.headers, etag)) {
            return Ok((StatusCode::NOT_MODIFIED, CACHING, [(header::ETAG, etag.clone())]).into_response());
        }
        let mut response = self.table(window, name, csv, written.into());
        if let Some(etag) = etag {
            response.headers_mut().insert(header::ETAG, etag.parse().expect("hexadecimal in quotes"));
        }
        Ok(response)
    }

    /// A window, and up to when what is known of it is complete.
    pub fn frame(&self, window: Window) -> Frame {
        let following = self.app.engine.following();
        let complete_to = following.and_then(|following| following.complete_to(&self.organization_id));
        Frame { window, as_of: self.now.min(window.end()).min(complete_to.unwrap_or(self.now)) }
    }

    /// What is seen may depend on who asks, and on nothing else of a caller. Operators all see the same.
    fn asker(&self) -> &str {
        self.caller.user_id().unwrap_or_default()
    }

    /// Whether the asker has that answer already, or goes on with the one they have.
    pub fn has(&self, etag: &str) -> bool {
        self.still_reading || matches(&self.headers, etag)
    }

    /// Whether what is sent may be compressed on the way.
    pub fn takes_compressed(&self) -> bool {
        let encodings = self.headers.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok());
        encodings.is_some_and(|encodings| encodings.trim() != "identity")
    }

    /// The ETag of an answer about a window: another one as soon as the answer could be another.
    pub fn version(&self, window: Window, csv: bool) -> String {
        let (app, caller, uri) = (&self.app, &self.caller, &self.uri);
        let number = caller.snapshot.dictionary.organization(&self.organization_id).map(|(id, _)| id);
        let compared = self.compared;
        // Since when there is usage may be said of an earlier window.
        let earlier = compared.is_some() || self.depends_on_earlier;
        let first = if earlier { FIRST_HOUR.start_ms() } else { window.start() };
        let last = compared.map_or(window.end(), |earlier| earlier.end().max(window.end()));
        let priced_anew = if self.depends_on_prices { self.priced_anew } else { 0 };
        let freshness = app.engine.freshness();
        let changed =
            if self.depends_on_arrivals { freshness.last_commit() } else { freshness.last_change(number, first, last) };
        // It moves with the clock while the window is not over.
        let compared = compared.map(|earlier| format!("{} {} {}", earlier.from, earlier.to, earlier.end()));
        etag(&[
            &app.run.to_le_bytes(),
            &self.only_once(),
            &changed.to_le_bytes(),
            &priced_anew.to_le_bytes(),
            self.asker().as_bytes(),
            uri.path().as_bytes(),
            uri.query().unwrap_or_default().as_bytes(),
            window.from.to_string().as_bytes(),
            window.to.to_string().as_bytes(),
            window.zone.edition().version().as_bytes(),
            &window.zone.edition().fingerprint().to_le_bytes(),
            compared.unwrap_or_default().as_bytes(),
            self.attribution().as_bytes(),
            &[u8::from(csv)],
        ])
    }

    /// Where no commit tells of changes, an answer is never known to be the same.
    fn only_once(&self) -> [u8; 8] {
        let mut random = [0; 8];
        if self.app.engine.following().is_some() {
            getrandom::fill(&mut random).expect("the operating system has random bytes");
        }
        random
    }

    /// What assignments mean depends on beside what is written: on the days of the organization's zone, and which one it is.
    fn attribution(&self) -> String {
        let organization = self.caller.directory().organization(&self.organization_id);
        let Some(organization) = organization.filter(|of| !of.assignments.is_empty()) else { return String::new() };
        let zone = Zone::home(organization.profile.timezone.as_deref());
        let edition = zone.edition();
        format!("{} {} {:x}", zone.date_at(self.now), edition.version(), edition.fingerprint())
    }

    /// An answer in the form that was asked for, and what the file is called that it is saved as.
    pub fn table(&self, window: Window, name: &str, csv: bool, body: Body) -> Response {
        let kind = if csv { "text/csv; charset=utf-8" } else { "application/json" };
        let mut response = (CACHING, [(header::CONTENT_TYPE, kind)], body).into_response();
        if csv {
            let name = file_name::of_window(&self.organization_id, name, &window, "csv");
            let disposition = format!("attachment; filename=\"{name}\"").parse().expect("letters, digits and dashes");
            response.headers_mut().insert(header::CONTENT_DISPOSITION, disposition);
        }
        response
    }

    pub fn wants_csv(&self) -> Result<bool, Problem> {
        wants_csv(&self.parameters, &self.headers)
    }

    /// Writes an answer from the latest commit, when it is the caller's turn.
    pub async fn in_turn(
        &self,
        write: impl FnOnce(About<'_>, &mut Out) -> Result<(), Problem> + Send + 'static,
    ) -> Result<Written, Problem> {
        let turn = self.app.questions.turn(&self.caller.token_id).await?;
        // The snapshot is taken after the change it will be known by, so the answer is never older than its ETag.
        let (app, organization_id) = (self.app.clone(), self.organization_id.clone());
        let snapshot = app.engine.snapshot();
        let written = stream::body(move |out| {
            let _turn = turn;
            let organization = snapshot
                .directory
                .organization(&organization_id)
                .ok_or_else(|| Problem::not_found(format!("there is no organization '{organization_id}'")))?;
            let about = About {
                reader: &snapshot.reader,
                dictionary: &snapshot.dictionary,
                directory: &snapshot.directory,
                organization_id: &organization_id,
                organization,
            };
            let started = Instant::now();
            let written = write(about, out);
            app.counters.questions.fetch_add(1, Ordering::Relaxed);
            let took = started.elapsed().as_micros() as u64;
            app.counters.question_microseconds.fetch_add(took, Ordering::Relaxed);
            written
        });
        in_time(written).await
    }
}

pub fn wants_csv(parameters: &Parameters, headers: &HeaderMap) -> Result<bool, Problem> {
    let accepts = headers.get(header::ACCEPT).and_then(|v| v.to_str().ok()).unwrap_or_default();
    Ok(parameters.csv()?.unwrap_or_else(|| prefers_csv(accepts)))
}

/// Whether an `Accept` header would rather have CSV than JSON: of two that are as welcome the first.
fn prefers_csv(accepts: &str) -> bool {
    let best = |wanted: &str| {
        let quality = |(place, kind): (usize, &str)| {
            let mut parts = kind.split(';').map(str::trim);
            let named = parts.next().is_some_and(|name| name.eq_ignore_ascii_case(wanted));
            let quality = parts.find_map(|part| part.strip_prefix("q=").or(part.strip_prefix("Q=")));
            let quality = quality.map_or(1.0, |quality| quality.parse::<f64>().unwrap_or(0.0));
            (named && quality > 0.0).then_some((quality, place))
        };
        let better = |one: &(f64, usize), other: &(f64, usize)| one.0.total_cmp(&other.0).then(other.1.cmp(&one.1));
        accepts.split(',').enumerate().filter_map(quality).max_by(better)
    };
    match (best("text/csv"), best("application/json")) {
        (Some((csv, at)), Some((json, json_at))) => csv > json || (csv == json && at < json_at),
        (csv, _) => csv.is_some(),
    }
}

/// Weak, because the same answer may travel compressed in several ways.
pub fn etag(parts: &[&[u8]]) -> String {
    let mut hash = XxHash3_128::new();
    for part in parts {
        hash.write(&(part.len() as u64).to_le_bytes());
        hash.write(part);
    }
    format!("W/\"{:032x}\"", hash.finish_128())
}

pub fn matches(headers: &HeaderMap, etag: &str) -> bool {
    let strong = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    let given = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|v| v.to_str().ok());
    given.flat_map(|v| v.split(',')).any(|tag| tag.trim() == "*" || strong(tag) == strong(etag))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn csv_is_preferred_where_it_is_as_welcome_as_json_and_named_first() {
        for (accepts, csv) in [
            ("text/csv", true),
            ("TEXT/CSV; charset=utf-8", true),
            ("text/html, text/csv;q=0.9, */*;q=0.8", true),
            ("text/csv, application/json", true),
            ("application/json;q=0.5, text/csv;q=0.6", true),
            ("", false),
            ("*/*", false),
            ("application/json, text/csv", false),
            ("application/json, text/csv;q=0.1", false),
            ("text/csv;q=0", false),
            ("text/csv;q=none", false),
        ] {
            assert_eq!(prefers_csv(accepts), csv, "{accepts}");
        }
    }
}
