//! A file of events as bodies of a moderate size, whatever its format and compression.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::value::RawValue;

use super::Failure;
use super::parquet_rows::{self, ParquetRows};
use super::utf16::Utf16;
use crate::ingest::formats::Format;
use crate::ingest::mapping::{CsvRows, JsonRows, Made, Mapping, Notes, Refused};
use crate::ingest::rows::Gateway;
use crate::ingest::without_nan;

/// Size of one body. Large enough that a sync is shared by thousands of events.
const BODY_BYTES: usize = 1 << 20;
const BYTE_ORDER_MARK: &[u8] = &[0xef, 0xbb, 0xbf];
/// Events of one body out of a JSON array.
const BODY_EVENTS: usize = 5000;
/// Files of other kinds, by how they begin, and what to do about them.
const FOREIGN: [(&[u8], &str); 3] = [
    (b"PK\x03\x04", "it is an Excel workbook or another ZIP archive; save the sheet as CSV UTF-8"),
    (b"\xd0\xcf\x11\xe0", "it is an old Excel workbook; save the sheet as CSV UTF-8"),
    (b"%PDF", "it is a PDF; export CSV"),
];

/// Events in a form that the server takes.
pub struct Body {
    pub bytes: Vec<u8>,
    pub form: Form,
    /// The numbers of the events' lines or rows, where they were made of such.
    pub numbers: Option<Vec<u64>>,
    /// Rows that made no event.
    pub refused: Vec<Refused>,
}

/// What a body is.
#[derive(Clone, Copy)]
pub enum Form {
    Lines,
    Array,
    /// As a gateway posts it.
    Posted(Gateway),
}

/// An open file of events.
pub struct Source {
    content: Content,
    /// What was made of rows and has not been handed out.
    rest: VecDeque<Body>,
    position: Arc<AtomicU64>,
    /// Bytes on disk; unknown for standard input.
    pub size: Option<u64>,
}

enum Content {
    Csv(Box<CsvRows<Box<dyn BufRead>>>),
    Json(Json, Option<Box<JsonRows>>),
}

enum Json {
    Lines(Box<dyn BufRead>),
    /// The text of a JSON file and where its next element starts.
    Array(std::vec::IntoIter<Box<RawValue>>),
}

impl Source {
    /// JSON is rows of another program if `is_mapped` or if its fields are those of a known export; else events.
    pub fn open(path: &Path, mapping: Mapping, is_mapped: bool) -> Result<Source, Failure> {
        let named = |e: &dyn std::fmt::Display| Failure(format!("{}: {e}", path.display()));
        let position = Arc::new(AtomicU64::new(0));
        let (raw, size): (Box<dyn Read>, _) = if path.as_os_str() == "-" {
            (Box::new(io::stdin()), None)
        } else {
            let file = File::open(path).map_err(|e| named(&e))?;
            let size = file.metadata().map_err(|e| named(&e))?.len();
            (Box::new(file), Some(size))
        };
        let mut raw = BufReader::with_capacity(1 << 20, Counted { inner: raw, position: position.clone() });
        // By what the bytes say, not the name: standard input has none, and names lie.
        let magic = raw.fill_buf().map_err(|e| named(&e))?;
        if let Some((_, what)) = FOREIGN.iter().find(|(magic_of, _)| magic.starts_with(magic_of)) {
            return Err(named(what));
        }
        if magic.starts_with(parquet_rows::MAGIC) {
            let file = File::open(path).map_err(|_| named(&"it is Parquet, whose end is read first: name the file"))?;
            let rows = ParquetRows::open(file).map_err(|e| named(&e))?;
            // How far it has come in its bytes is not known.
            return Source::of_text(Box::new(rows), mapping, is_mapped, (position, None)).map_err(|e| named(&*e));
        }
        let plain: Box<dyn Read> = if magic.starts_with(&[0x1f, 0x8b]) {
            Box::new(flate2::bufread::MultiGzDecoder::new(raw))
        } else if magic.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
            Box::new(zstd::Decoder::with_buffer(raw).map_err(|e| named(&e))?)
        } else {
            Box::new(raw)
        };
        let mut plain: Box<dyn BufRead> = Box::new(BufReader::with_capacity(1 << 20, plain));
        if let Some(utf16) = Utf16::found(plain.fill_buf().map_err(|e| named(&e))?) {
            plain = Box::new(BufReader::with_capacity(1 << 20, utf16.reading(plain)));
        }
        if plain.fill_buf().map_err(|e| named(&e))?.starts_with(BYTE_ORDER_MARK) {
            plain.consume(BYTE_ORDER_MARK.len());
        }
        Source::of_text(plain, mapping, is_mapped, (position, size)).map_err(|e| named(&*e))
    }

    fn of_text(
        mut plain: Box<dyn BufRead>,
        mapping: Mapping,
        is_mapped: bool,
        (position, size): (Arc<AtomicU64>, Option<u64>),
    ) -> Result<Source, Box<dyn std::error::Error>> {
        let start = plain.fill_buf()?;
        let first = start.iter().find(|b| !b.is_ascii_whitespace()).copied();
        let rows = |first: Option<&str>| {
            let recognized = first.and_then(|first| mapping.recognized_in(first));
            let mapping = recognized.or_else(|| is_mapped.then(|| mapping.clone()));
            mapping.map(|mapping| Box::new(JsonRows::new(mapping)))
        };
        let content = match first {
            Some(b'[' | b'{') if first == Some(b'[') || is_indented(start) => {
                let mut text = String::new();
                plain.read_to_string(&mut text)?;
                let elements = read_json(text.as_bytes());
                // Rows may have Python's NaN in them; events are strict.
                let spared = elements.is_err().then(|| without_nan(text.as_bytes())).flatten();
                let spared = spared.and_then(|text| read_json(&text).ok());
                let first = spared.as_ref().or(elements.as_ref().ok()).and_then(|elements| elements.first());
                let rows = rows(first.map(|first| first.get()));
                let elements = match spared.filter(|_| rows.is_some()) {
                    Some(spared) => spared,
                    None => elements?,
                };
                Content::Json(Json::Array(elements.into_iter()), rows)
            }
            Some(b'{') | None => {
                let line = start.trim_ascii_start().split(|byte| *byte == b'\n').next().unwrap_or_default();
                let rows = rows(std::str::from_utf8(line).ok());
                Content::Json(Json::Lines(plain), rows)
            }
            Some(_) => Content::Csv(Box::new(CsvRows::open(plain, mapping)?)),
        };
        Ok(Source { content, rest: VecDeque::new(), position, size })
    }

    /// Bytes of the file read so far.
    pub fn position(&self) -> u64 {
        self.position.load(Ordering::Relaxed)
    }

    /// The known export that the file is.
    pub fn format(&self) -> Option<&'static Format> {
        match &self.content {
            Content::Csv(rows) => rows.mapping().format(),
            Content::Json(_, rows) => rows.as_ref().and_then(|rows| rows.mapping().format()),
        }
    }

    /// What was found in rows besides events, if the file has rows.
    pub fn notes(&self) -> Option<&Notes> {
        match &self.content {
            Content::Csv(rows) => Some(rows.notes()),
            Content::Json(_, rows) => rows.as_ref().map(|rows| rows.notes()),
        }
    }

    /// What the numbers of its bodies count.
    pub fn unit(&self) -> &'static str {
        match &self.content {
            Content::Csv(_) => "line",
            Content::Json(_, Some(_)) => "row",
            Content::Json(_, None) => "event",
        }
    }

    /// The next events, or `None` at the end.
    pub fn next_body(&mut self) -> Result<Option<Body>, Failure> {
        loop {
            if let Some(body) = self.rest.pop_front() {
                return Ok(Some(body));
            }
            let made = match &mut self.content {
                Content::Csv(rows) => {
                    let made = rows.next_rows(BODY_BYTES);
                    if made.is_empty() {
                        return Ok(None);
                    }
                    made
                }
                Content::Json(json, rows) => {
                    let Some((bytes, is_array)) = json.next()? else { return Ok(None) };
                    match rows {
                        None => {
                            let form = if is_array { Form::Array } else { Form::Lines };
                            return Ok(Some(Body { bytes, form, numbers: None, refused: Vec::new() }));
                        }
                        Some(rows) => rows.rewrite(&bytes, is_array)?,
                    }
                }
            };
            self.rest.extend(bodies(made, self.format().and_then(|format| format.gateway)));
        }
    }
}

/// Bodies of a moderate number of events: a page of JSON can have any number of rows.
fn bodies(made: Made, gateway: Option<Gateway>) -> Vec<Body> {
    let form = gateway.map_or(Form::Lines, Form::Posted);
    let mut refused = made.refused;
    let mut bodies = Vec::new();
    let mut lines = made.lines.split_inclusive(|byte| *byte == b'\n');
    for numbers in made.numbers.chunks(20 * BODY_EVENTS) {
        let bytes = lines.by_ref().take(numbers.len()).collect::<Vec<_>>().concat();
        let bytes = match gateway {
            Some(gateway) => gateway.body(String::from_utf8_lossy(&bytes).lines()).into_bytes(),
            None => bytes,
        };
        let refused = std::mem::take(&mut refused);
        bodies.push(Body { bytes, form, numbers: Some(numbers.to_vec()), refused });
    }
    if !refused.is_empty() {
        bodies.push(Body { bytes: Vec::new(), form, numbers: Some(Vec::new()), refused });
    }
    bodies
}

impl Json {
    /// The next elements or lines, and whether they are an array.
    fn next(&mut self) -> Result<Option<(Vec<u8>, bool)>, Failure> {
        let mut bytes = Vec::with_capacity(BODY_BYTES + 4096);
        let is_array = match self {
            Json::Lines(lines) => {
                // A stretch of blank lines is no body.
                while bytes.trim_ascii_start().is_empty() {
                    bytes.clear();
                    if lines.take(BODY_BYTES as u64).read_to_end(&mut bytes)? == 0 {
                        return Ok(None);
                    }
                }
                if !bytes.ends_with(b"\n") {
                    lines.read_until(b'\n', &mut bytes)?;
                }
                false
            }
            Json::Array(elements) => {
                for element in elements.take(BODY_EVENTS) {
                    bytes.push(if bytes.is_empty() { b'[' } else { b',' });
                    bytes.extend_from_slice(element.get().as_bytes());
                }
                if !bytes.is_empty() {
                    bytes.push(b']');
                }
                true
            }
        };
        Ok((!bytes.is_empty()).then_some((bytes, is_array)))
    }
}

/// Whether an object goes on over several lines; otherwise each line is an event of its own, or a bad one.
fn is_indented(start: &[u8]) -> bool {
    let mut lines = start.trim_ascii_start().split(|b| *b == b'\n');
    let first = serde_json::from_slice::<serde::de::IgnoredAny>(lines.next().unwrap_or_default());
    let goes_on = lines.next().is_some_and(|next| !next.trim_ascii_start().starts_with(b"{"));
    goes_on && first.is_err_and(|error| error.is_eof())
}

/// All elements of a JSON array, or the objects of a file that holds one after another.
fn read_json(text: &[u8]) -> Result<Vec<Box<RawValue>>, serde_json::Error> {
    if text.trim_ascii_start().starts_with(b"[") {
        return serde_json::from_slice(text);
    }
    serde_json::Deserializer::from_slice(text).into_iter().collect()
}

/// Counts what is read, for the progress bar.
struct Counted {
    inner: Box<dyn Read>,
    position: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.position.fetch_add(n as u64, Ordering::Relaxed);
        Ok(n)
    }
}
