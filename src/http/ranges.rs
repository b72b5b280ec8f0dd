//! Parts of a file: `HEAD` with a length, and `Range`, for programs that look at the end of a file before they decide what
//! to read of it, as readers of Parquet do.
//!
//! An answer is made when it is asked for, so for the first part it is made and kept as a file without a name: in memory
//! where it is small, else on disk. The route is asked each time whether that file is still the answer, and thereby
//! whether the asker may see it. Whoever reads a file in parts without naming its version gets parts of one file, though
//! usage goes on arriving: that of their last `HEAD`, for as long as they go on reading.

use std::collections::HashMap;
use std::fs::File;
use std::io::Write;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http_body_util::BodyExt;
use tokio::sync::Mutex as Lock;
use twox_hash::XxHash3_128;

use super::access::Known;
use super::problem::Problem;
use super::{App, on_a_thread, stream};
use crate::directory::SecretHash;
use crate::model::UnixMs;

/// Files kept at once, and how much they may be in all. Those that nobody has read for the longest go first.
const FILES: usize = 32;
const ALL_BYTES: u64 = 2 << 30;
/// A file up to this size stays in memory.
const SMALL_BYTES: usize = 1 << 20;
/// What is read of a file at once.
const CHUNK_BYTES: u64 = 1 << 18;
/// How long somebody is taken to go on reading a file after they read of it, and since it was made at most.
const READING_MS: i64 = 60_000;
const READING_IN_ALL_MS: i64 = 600_000;

/// Marks a question of somebody who is in the middle of a file: unless they may not see it any more, it stays the answer.
#[derive(Clone)]
pub struct StillReading;

/// Files that are being read, by who asked for what.
#[derive(Default)]
pub struct Scanned(Mutex<HashMap<String, Arc<Place>>>);

/// One of them. Whoever asks for it while it is looked at waits.
#[derive(Default)]
struct Place {
    file: Lock<Option<Arc<Kept>>>,
    bytes: AtomicU64,
    last_read: AtomicI64,
}

/// An answer as a file.
struct Kept {
    /// By which the route knows whether it would be another now.
    version: Option<HeaderValue>,
    /// The version, or a hash of its bytes where the route tells none: the same as when all of it is asked for.
    etag: String,
    headers: HeaderMap,
    content: Content,
    length: u64,
    made: UnixMs,
}

enum Content {
    Memory(Bytes),
    Disk(Arc<File>),
}

/// Answers `HEAD` and `Range`; what is asked for as a whole goes by as it is.
pub async fn as_asked(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let is_head = request.method() == Method::HEAD;
    let range = request.headers_mut().remove(header::RANGE).filter(|_| !is_head);
    if !is_head && range.is_none() {
        let mut response = next.run(request).await;
        if response.status() == StatusCode::OK {
            response.headers_mut().insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        }
        return response;
    }
    let mut taken = |name: HeaderName| request.headers_mut().remove(name);
    let wanted = Wanted {
        is_head,
        range,
        if_range: taken(header::IF_RANGE),
        if_match: taken(header::IF_MATCH),
        if_none_match: taken(header::IF_NONE_MATCH),
    };
    let found = file_of(&app, request, next, wanted.range.is_some() && wanted.if_range.is_none()).await;
    match found {
        Ok(file) => answer(&file, &wanted).await.unwrap_or_else(IntoResponse::into_response),
        Err(response) => *response,
    }
}

/// The file of an answer, or the response that is none.
async fn file_of(app: &App, mut request: Request, next: Next, goes_on: bool) -> Result<Arc<Kept>, Box<Response>> {
    let now = app.engine.now();
    let key = key(&request);
    let place = app.scanned.place(&key);
    let mut kept = place.file.lock().await;
    if let Some(file) = &*kept {
        if let Some(version) = &file.version {
            request.headers_mut().insert(header::IF_NONE_MATCH, version.clone());
        }
        let is_read = now - place.last_read.load(Ordering::Relaxed) < READING_MS;
        if goes_on && is_read && now - file.made < READING_IN_ALL_MS && file.version.is_some() {
            request.extensions_mut().insert(StillReading);
        }
    }
    *request.method_mut() = Method::GET;
    let response = next.run(request).await;
    let file = match (response.status(), &*kept) {
        (StatusCode::NOT_MODIFIED, Some(file)) => file.clone(),
        (StatusCode::OK, _) => {
            let file = keep(app, response, now).await.map_err(|problem| Box::new(problem.into_response()))?;
            Arc::new(file)
        }
        _ => return Err(Box::new(response)),
    };
    place.last_read.store(now, Ordering::Relaxed);
    place.bytes.store(file.length, Ordering::Relaxed);
    *kept = Some(file.clone());
    drop(kept);
    app.scanned.put(key, place);
    Ok(file)
}

/// Who asks for what. What others ask is theirs, whatever it is.
fn key(request: &Request) -> String {
    let who = match request.extensions().get::<Known>() {
        Some(known) => known.token_id.clone(),
        None => {
            let of = |name| request.headers().get(name).map(HeaderValue::as_bytes).unwrap_or_default();
            let secret = [of(header::AUTHORIZATION), of(header::COOKIE)].map(String::from_utf8_lossy).join("\n");
            SecretHash::of(&secret).to_hex()
        }
    };
    format!("{who} {}", request.uri())
}

impl Scanned {
    fn place(&self, key: &str) -> Arc<Place> {
        let places = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        places.get(key).cloned().unwrap_or_default()
    }

    /// Keeps a place with a file in it: those who may not have one leave nothing behind.
    fn put(&self, key: String, place: Arc<Place>) {
        let mut places = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        places.insert(key, place);
        let too_much = |places: &HashMap<String, Arc<Place>>| {
            let bytes: u64 = places.values().map(|place| place.bytes.load(Ordering::Relaxed)).sum();
            places.len() > FILES || (places.len() > 1 && bytes > ALL_BYTES)
        };
        while too_much(&places) {
            let oldest = places.iter().min_by_key(|(_, place)| place.last_read.load(Ordering::Relaxed));
            let oldest = oldest.map(|(key, _)| key.clone()).unwrap_or_default();
            places.remove(&oldest);
        }
    }
}

/// Takes an answer up as a file.
async fn keep(app: &App, response: Response, now: UnixMs) -> Result<Kept, Problem> {
    let (parts, mut body) = response.into_parts();
    let (mut hash, mut length, mut small, mut disk) = (XxHash3_128::new(), 0, Vec::new(), None);
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))?;
        let Ok(bytes) = frame.into_data() else { continue };
        hash.write(&bytes);
        length += bytes.len() as u64;
        if length > ALL_BYTES {
            return Err(Problem::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                format!("the file has more than {ALL_BYTES} bytes; ask for fewer days, or for all of it at once"),
            ));
        }
        if disk.is_none() && small.len() + bytes.len() <= SMALL_BYTES {
            small.extend_from_slice(&bytes);
            continue;
        }
        let (app, file, before) = (app.clone(), disk.take(), std::mem::take(&mut small));
        let written = on_a_thread(move || {
            let mut file = match file {
                Some(file) => file,
                None => without_a_name(&app)?,
            };
            file.write_all(&before).and_then(|()| file.write_all(&bytes)).map_err(|error| unwritten(&error))?;
            Ok::<_, Problem>(file)
        });
        disk = Some(written.await?);
    }
    let mut headers = parts.headers;
    let version = headers.remove(header::ETAG);
    headers.remove(header::CONTENT_LENGTH);
    let etag = match &version {
        Some(version) => String::from_utf8_lossy(version.as_bytes()).into(),
        None => format!("\"{:032x}\"", hash.finish_128()),
    };
    let content = match disk {
        Some(file) => Content::Disk(Arc::new(file)),
        None => Content::Memory(small.into()),
    };
    Ok(Kept { version, etag, headers, content, length, made: now })
}

/// A file that is gone once it is closed, whatever happens.
fn without_a_name(app: &App) -> Result<File, Problem> {
    let made = match app.engine.directory() {
        Some(directory) => tempfile::tempfile_in(directory),
        None => tempfile::tempfile(),
    };
    made.map_err(|error| unwritten(&error))
}

fn unwritten(error: &std::io::Error) -> Problem {
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, format!("the file could not be kept: {error}"))
}

/// What is asked of a file.
struct Wanted {
    is_head: bool,
    range: Option<HeaderValue>,
    if_range: Option<HeaderValue>,
    if_match: Option<HeaderValue>,
    if_none_match: Option<HeaderValue>,
}

async fn answer(file: &Kept, wanted: &Wanted) -> Result<Response, Problem> {
    let mut headers = file.headers.clone();
    headers.insert(header::ETAG, file.etag.parse().expect("hexadecimal in quotes"));
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    if wanted.if_match.as_ref().is_some_and(|tags| !names(tags, &file.etag, false)) {
        let detail = format!("the file is another now: its ETag is {}", file.etag);
        return Err(Problem::new(StatusCode::PRECONDITION_FAILED, detail));
    }
    if wanted.if_none_match.as_ref().is_some_and(|tags| names(tags, &file.etag, true)) {
        headers.remove(header::CONTENT_TYPE);
        return Ok((StatusCode::NOT_MODIFIED, headers).into_response());
    }
    // Part of another version than the one they have would be of no use.
    let is_theirs = wanted.if_range.as_ref().is_none_or(|tag| names(tag, &file.etag, false));
    let range = wanted.range.as_ref().filter(|_| is_theirs).and_then(|range| range.to_str().ok());
    let (status, part) = match range.map(|range| range_of(range, file.length)) {
        None | Some(Asked::Nothing) => (StatusCode::OK, 0..file.length),
        Some(Asked::Part(part)) => {
            let of = format!("bytes {}-{}/{}", part.start, part.end - 1, file.length);
            headers.insert(header::CONTENT_RANGE, of.parse().expect("digits"));
            (StatusCode::PARTIAL_CONTENT, part)
        }
        Some(Asked::Beyond) => {
            let detail = format!("the range is '{}'; the file has {} bytes", range.unwrap_or_default(), file.length);
            let whole = [(header::CONTENT_RANGE, format!("bytes */{}", file.length))];
            return Ok((whole, Problem::new(StatusCode::RANGE_NOT_SATISFIABLE, detail)).into_response());
        }
    };
    headers.insert(header::CONTENT_LENGTH, (part.end - part.start).into());
    let body = if wanted.is_head { Body::empty() } else { file.content.part(part).await? };
    Ok((status, headers, body).into_response())
}

/// Whether a list of tags has this one. Weak ones are as good where nothing is put together, and none where it is.
fn names(tags: &HeaderValue, etag: &str, weak: bool) -> bool {
    let tags = tags.to_str().unwrap_or_default();
    tags.split(',').map(str::trim).any(|tag| {
        let opaque = |tag: &str| tag.trim_start_matches("W/").to_owned();
        tag == "*" || if weak { opaque(tag) == opaque(etag) } else { tag == etag && !etag.starts_with("W/") }
    })
}

impl Content {
    async fn part(&self, part: Range<u64>) -> Result<Body, Problem> {
        match self {
            // In memory a file has far fewer bytes than a `usize` counts.
            Content::Memory(bytes) => Ok(bytes.slice(part.start as usize..part.end as usize).into()),
            Content::Disk(file) => {
                let file = file.clone();
                let read = stream::body(move |out| {
                    let (mut chunk, mut at) = (vec![0; CHUNK_BYTES as usize], part.start);
                    while at < part.end {
                        let length = CHUNK_BYTES.min(part.end - at) as usize;
                        file.read_exact_at(&mut chunk[..length], at).map_err(|error| unwritten(&error))?;
                        out.buffer.extend_from_slice(&chunk[..length]);
                        out.flow()?;
                        at += length as u64;
                    }
                    Ok(())
                });
                Ok(read.await?.into())
            }
        }
    }
}

/// What a `Range` asks for of a file.
#[derive(Debug, PartialEq, Eq)]
enum Asked {
    /// It says nothing that is understood, or asks for several parts, which nobody has to give.
    Nothing,
    Part(Range<u64>),
    Beyond,
}

fn range_of(text: &str, length: u64) -> Asked {
    let Some((unit, range)) = text.split_once('=') else { return Asked::Nothing };
    let Some((first, last)) = range.trim().split_once('-') else { return Asked::Nothing };
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return Asked::Nothing;
    }
    let number = |text: &str| match text.trim() {
        "" => Some(None),
        // More than any number has is beyond every file.
        text if text.bytes().all(|byte| byte.is_ascii_digit()) => Some(Some(text.parse().unwrap_or(u64::MAX))),
        _ => None,
    };
    match (number(first), number(last)) {
        (Some(None), Some(Some(last))) if last > 0 && length > 0 => Asked::Part(length.saturating_sub(last)..length),
        (Some(None), Some(Some(_))) => Asked::Beyond,
        (Some(Some(first)), Some(last)) if last.is_none_or(|last| first <= last) => {
            let end = last.map_or(length, |last| last.saturating_add(1).min(length));
            if first < length { Asked::Part(first..end) } else { Asked::Beyond }
        }
        _ => Asked::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_part_of_a_file_beyond_it_or_nothing() {
        let check = |text: &str, length, expected| assert_eq!(range_of(text, length), expected, "{text} of {length}");
        for (text, part) in [
            ("bytes=0-9", 0..10),
            ("bytes=0-", 0..100),
            ("bytes=90-200", 90..100),
            ("bytes=99-99", 99..100),
            ("bytes=-10", 90..100),
            ("bytes=-1000", 0..100),
            ("Bytes = 5 - 6", 5..7),
            ("bytes=1-18446744073709551615", 1..100),
            ("bytes=1-99999999999999999999999", 1..100),
        ] {
            check(text, 100, Asked::Part(part));
        }
        for beyond in ["bytes=100-", "bytes=100-200", "bytes=-0", "bytes=99999999999999999999999-"] {
            check(beyond, 100, Asked::Beyond);
        }
        for nothing in
            ["", "bytes", "bytes=", "bytes=-", "bytes=a-b", "bytes=9-0", "bytes=0-1,5-6", "lines=0-1", "bytes=+1-2"]
        {
            check(nothing, 100, Asked::Nothing);
        }
        check("bytes=0-", 0, Asked::Beyond);
        check("bytes=-1", 0, Asked::Beyond);
    }

    #[test]
    fn files_that_are_kept_are_bounded_and_the_one_that_was_read_last_stays() {
        let scanned = Scanned::default();
        let put = |key: &str, bytes: u64, last_read: i64| {
            let place = Place { bytes: bytes.into(), last_read: last_read.into(), ..Place::default() };
            scanned.put(key.to_owned(), Arc::new(place));
        };
        for number in 0..100 {
            put(&number.to_string(), 1 << 28, number);
        }
        let kept: Vec<String> = scanned.0.lock().unwrap().keys().cloned().collect();
        assert_eq!(kept.len(), 8, "{kept:?}");
        assert!(kept.contains(&"99".to_owned()));
        put("large", ALL_BYTES, 100);
        assert_eq!(scanned.0.lock().unwrap().keys().collect::<Vec<_>>(), ["large"]);
        for number in 0..100 {
            put(&format!("small {number}"), 1, 101 + number);
        }
        assert_eq!(scanned.0.lock().unwrap().len(), FILES);
    }
}
