//! A file of events as bodies of a moderate size, whatever its format and compression.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::value::RawValue;

use super::Failure;
use crate::ingest::csv::CsvLines;
use crate::ingest::mapping::{Mapping, Rows};

/// Size of one body. Large enough that a sync is shared by thousands of events.
const BODY_BYTES: usize = 1 << 20;
const BYTE_ORDER_MARK: &[u8] = &[0xef, 0xbb, 0xbf];
/// Events of one body out of a JSON array.
const BODY_EVENTS: usize = 5000;

/// Events in a form that the server takes.
pub struct Body {
    pub bytes: Vec<u8>,
    pub is_array: bool,
}

/// An open file of events.
pub struct Source {
    format: Format,
    /// What makes events of rows, and how many rows there were.
    mapping: Option<Mapping>,
    rows: Rows,
    position: Arc<AtomicU64>,
    /// Bytes on disk; unknown for standard input.
    pub size: Option<u64>,
}

enum Format {
    Lines(Box<dyn BufRead>),
    Csv(CsvLines<Box<dyn BufRead>>),
    /// The text of a JSON file and where its next element starts.
    Array(std::vec::IntoIter<Box<RawValue>>),
}

impl Source {
    /// With a mapping, the file holds rows of another program.
    pub fn open(path: &Path, mapping: Option<Mapping>) -> Result<Source, Failure> {
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
        let plain: Box<dyn Read> = if magic.starts_with(&[0x1f, 0x8b]) {
            Box::new(flate2::bufread::MultiGzDecoder::new(raw))
        } else if magic.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
            Box::new(zstd::Decoder::with_buffer(raw).map_err(|e| named(&e))?)
        } else {
            Box::new(raw)
        };
        let mut plain: Box<dyn BufRead> = Box::new(BufReader::with_capacity(1 << 20, plain));
        if plain.fill_buf().map_err(|e| named(&e))?.starts_with(BYTE_ORDER_MARK) {
            plain.consume(BYTE_ORDER_MARK.len());
        }
        let start = plain.fill_buf().map_err(|e| named(&e))?;
        let first = start.iter().find(|b| !b.is_ascii_whitespace()).copied();
        let format = match first {
            Some(b'[') => Format::Array(read_json(plain).map_err(|e| named(&e))?.into_iter()),
            Some(b'{') if is_indented(start) => Format::Array(read_json(plain).map_err(|e| named(&e))?.into_iter()),
            Some(b'{') | None => Format::Lines(plain),
            Some(_) => {
                let of = if mapping.is_some() { CsvLines::of_rows } else { CsvLines::new };
                Format::Csv(of(plain).map_err(|e| named(&e))?)
            }
        };
        Ok(Source { format, mapping, rows: Rows::default(), position, size })
    }

    /// Bytes of the file read so far.
    pub fn position(&self) -> u64 {
        self.position.load(Ordering::Relaxed)
    }

    /// The next events, or `None` at the end.
    pub fn next_body(&mut self) -> Result<Option<Body>, Failure> {
        while let Some(body) = self.next_rows()? {
            let Some(mapping) = &self.mapping else { return Ok(Some(body)) };
            let bytes = mapping.rewrite(&body.bytes, body.is_array, &mut self.rows)?;
            // Rows that were all skipped are no body.
            if !bytes.is_empty() {
                return Ok(Some(Body { bytes, is_array: false }));
            }
        }
        Ok(None)
    }

    /// Rows that stood for no call.
    pub fn skipped(&self) -> usize {
        self.rows.skipped
    }

    fn next_rows(&mut self) -> Result<Option<Body>, Failure> {
        let mut bytes = Vec::with_capacity(BODY_BYTES + 4096);
        let is_array = match &mut self.format {
            Format::Lines(lines) => {
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
            Format::Csv(rows) => {
                while bytes.len() < BODY_BYTES && rows.next_line(&mut bytes) {}
                false
            }
            Format::Array(elements) => {
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
        Ok((!bytes.is_empty()).then_some(Body { bytes, is_array }))
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
fn read_json(mut reader: Box<dyn BufRead>) -> Result<Vec<Box<RawValue>>, Box<dyn std::error::Error>> {
    let mut text = String::new();
    reader.read_to_string(&mut text)?;
    if text.trim_start().starts_with('[') {
        return Ok(serde_json::from_str(&text)?);
    }
    Ok(serde_json::Deserializer::from_str(&text).into_iter().collect::<Result<_, _>>()?)
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
