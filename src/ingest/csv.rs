//! CSV as programs and spreadsheets write it: what separates its columns, its header, and its rows one by one.
//!
//! What columns mean is not known here.

use std::io::{self, Cursor, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use csv::ByteRecord;

use super::field::clipped;
use super::row::Header;

/// What may separate columns.
const DELIMITERS: [u8; 3] = *b",;\t";
/// How much of a file is looked at before it is read: enough for a header and some rows.
const HEAD_BYTES: usize = 64 << 10;
/// Rows that are compared with the header to find what separates columns.
const HEAD_ROWS: usize = 20;
/// The longest row: exports have whole prompts in them. Beyond that, a quote was not closed.
const MAX_ROW_BYTES: usize = 64 << 20;
/// Columns of a table.
const MAX_COLUMNS: usize = 4096;

/// An open table.
pub(super) struct Table<R> {
    reader: csv::Reader<Bounded<R>>,
    pub header: Header,
    pub delimiter: u8,
    left: Arc<AtomicUsize>,
    /// Lines before the header.
    skipped_lines: u64,
    /// Rows so far, empty ones too.
    rows: u64,
    /// Whether lines end in two characters, of which the second is read with the next row.
    ends_in_two: bool,
    ended: bool,
}

/// One row and where it is.
pub(super) struct Record {
    /// The number of its line in the file, from 1.
    pub line: u64,
    /// Its number among the rows, from 1.
    pub row: u64,
    pub cells: ByteRecord,
    /// Why it cannot be read, if it cannot.
    pub wrong: Option<String>,
}

impl<R: Read> Table<R> {
    pub fn open(mut source: R) -> Result<Self, String> {
        let mut head = Vec::new();
        source.by_ref().take(HEAD_BYTES as u64).read_to_end(&mut head).map_err(|error| error.to_string())?;
        // Excel's way of naming the separator.
        let mut skipped_lines = 0;
        let mut named = None;
        if let Some(rest) = head.strip_prefix(b"sep=")
            && let (Some(separator), Some(end)) = (rest.first(), rest.iter().position(|byte| *byte == b'\n'))
        {
            named = Some(*separator);
            skipped_lines = 1;
            head.drain(..b"sep=".len() + end + 1);
        }
        let delimiter = match named {
            Some(named) if DELIMITERS.contains(&named) => named,
            Some(other) => return Err(format!("sep={}: {SEPARATED}", char::from(other))),
            None => delimiter_of(&head),
        };
        let first_end = head.iter().position(|byte| *byte == b'\n');
        let ends_in_two = first_end.is_some_and(|end| end > 0 && head[end - 1] == b'\r');
        let left = Arc::new(AtomicUsize::new(MAX_ROW_BYTES));
        let end = if ends_in_two { b'\r' } else { b'\n' };
        let source = Bounded { inner: Cursor::new(head).chain(source), left: left.clone(), end, last: end };
        let mut reader = reader(delimiter, source);
        let mut record = ByteRecord::new();
        reader.read_byte_record(&mut record).map_err(|error| error.to_string())?;
        if record.len() > MAX_COLUMNS {
            return Err(format!("the header has {} columns; at most {MAX_COLUMNS} are allowed", record.len()));
        }
        let name = |(at, cell): (usize, &[u8])| match std::str::from_utf8(cell) {
            Ok(name) => Ok(name.trim().trim_start_matches('\u{feff}').trim().to_owned()),
            Err(_) => Err(format!("the name of column {} is not UTF-8; save the file as CSV UTF-8", at + 1)),
        };
        let names = record.iter().enumerate().map(name).collect::<Result<Vec<String>, String>>()?;
        let header = Header::new(names);
        Ok(Table { reader, header, delimiter, left, skipped_lines, rows: 0, ends_in_two, ended: false })
    }

    /// The next row that has anything in it.
    pub fn next(&mut self) -> Option<Record> {
        loop {
            self.left.store(MAX_ROW_BYTES, Ordering::Relaxed);
            let mut cells = ByteRecord::new();
            self.rows += 1;
            let read = if self.ended { Ok(false) } else { self.reader.read_byte_record(&mut cells) };
            match read {
                Ok(false) => return None,
                Ok(true) if cells.iter().all(|cell| cell.trim_ascii().is_empty()) => {}
                Ok(true) => {
                    let line = self.line_of(&cells);
                    let wrong = self.misfit(&cells);
                    return Some(Record { line, row: self.rows, cells, wrong });
                }
                Err(error) => {
                    // Only reading itself fails: bytes of any kind are cells.
                    self.ended = true;
                    let line = self.skipped_lines + self.reader.position().line();
                    return Some(Record { line, row: self.rows, cells, wrong: Some(error.to_string()) });
                }
            }
        }
    }

    /// The line that the row just read begins on. Its own position is where the row before it ended, which blank lines
    /// may follow.
    fn line_of(&self, cells: &ByteRecord) -> u64 {
        let within = cells.as_slice().iter().filter(|byte| **byte == b'\n').count() as u64;
        let lines = self.skipped_lines + self.reader.position().line();
        lines.saturating_sub(within + u64::from(!self.ends_in_two))
    }

    fn misfit(&self, cells: &ByteRecord) -> Option<String> {
        let (found, columns) = (cells.len(), self.header.names.len());
        if found < columns {
            return Some(format!("the row has {found} cells, the header {columns}; it may have been cut off"));
        }
        let more = cells.iter().skip(columns).any(|cell| !cell.trim_ascii().is_empty());
        let separator = shown(self.delimiter);
        more.then(|| {
            format!("the row has {found} cells, the header {columns}; a value with {separator} in it needs quotes")
        })
    }

    /// The columns of the header, as an error shows them.
    pub fn shown_header(&self) -> String {
        let names: Vec<&str> = self.header.names.iter().map(String::as_str).take(30).collect();
        clipped_list(&names.join(", "))
    }
}

fn clipped_list(text: &str) -> String {
    match text.char_indices().nth(400) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// What a header that is one column has to be told.
pub(super) const SEPARATED: &str = "columns are separated by commas, semicolons or tabs";

pub(super) fn shown(delimiter: u8) -> &'static str {
    match delimiter {
        b';' => "a semicolon",
        b'\t' => "a tab",
        _ => "a comma",
    }
}

fn reader<R: Read>(delimiter: u8, source: R) -> csv::Reader<R> {
    csv::ReaderBuilder::new().delimiter(delimiter).flexible(true).has_headers(false).from_reader(source)
}

/// What separates the columns: what gives the header more than one and the rows as many. Of two that do, the one that
/// gives more.
fn delimiter_of(head: &[u8]) -> u8 {
    // The last line may be cut off.
    let whole = match head.iter().rposition(|byte| *byte == b'\n') {
        Some(end) if head.len() >= HEAD_BYTES => &head[..=end],
        _ => head,
    };
    let fit = |delimiter: u8| {
        let mut records = reader(delimiter, whole).into_byte_records().map_while(Result::ok).take(1 + HEAD_ROWS);
        let columns = records.next().map_or(0, |header| header.len());
        (columns > 1).then(|| (records.all(|record| record.len() == columns), columns))
    };
    // The first of equals: `max_by_key` gives the last.
    let fits = DELIMITERS.iter().rev().filter_map(|delimiter| Some((fit(*delimiter)?, *delimiter)));
    fits.max_by_key(|(fit, _)| *fit).map_or(b',', |(_, delimiter)| delimiter)
}

/// Ends with an error when a single row takes too much, and the last line like every other.
struct Bounded<R> {
    inner: io::Chain<Cursor<Vec<u8>>, R>,
    left: Arc<AtomicUsize>,
    /// What ends a row.
    end: u8,
    last: u8,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.left.load(Ordering::Relaxed);
        if left == 0 {
            let mib = MAX_ROW_BYTES >> 20;
            return Err(io::Error::other(format!("a row is longer than {mib} MiB; a quote may not be closed")));
        }
        let mut read = self.inner.read(buffer)?;
        if read == 0 && !matches!(self.last, b'\n' | b'\r') && !buffer.is_empty() {
            buffer[0] = self.end;
            read = 1;
        }
        self.last = buffer[..read].last().copied().unwrap_or(self.last);
        self.left.store(left.saturating_sub(read), Ordering::Relaxed);
        Ok(read)
    }
}

/// The text of a cell, as an error shows it.
pub(super) fn shown_cell(cell: &[u8]) -> String {
    clipped(&String::from_utf8_lossy(cell)).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(text: &str) -> Table<&[u8]> {
        Table::open(text.as_bytes()).unwrap()
    }

    #[test]
    fn what_separates_columns_is_found() {
        for (text, delimiter, columns) in [
            ("a,b,c\n1,2,3\n", b',', 3),
            ("a;b;c\n1;2,5;3\n", b';', 3),
            ("a\tb\n1,5\t2\n", b'\t', 2),
            // Commas within, and as many of them in every line.
            ("Date;Cost, USD;Tokens\n1;0,5;3\n", b';', 3),
            ("\"a;b\",c\n\"1;2\",3\n", b',', 2),
            ("sep=;\r\na;b\r\n1;2\r\n", b';', 2),
            ("only\n1\n", b',', 1),
            ("", b',', 0),
        ] {
            let table = table(text);
            assert_eq!((table.delimiter, table.header.names.len()), (delimiter, columns), "{text}");
        }
        assert!(Table::open(&b"sep=|\na|b\n"[..]).err().unwrap().contains("separated by commas"));
    }

    #[test]
    fn rows_know_their_lines_and_what_is_wrong_with_them() {
        let mut table = table("\u{feff}a, b\n\n1,\"x\ny\"\n,\n2\n3,4,\n5,6,7\n");
        assert_eq!(table.header.names, ["a", "b"]);
        let mut next = || table.next().map(|record| (record.line, record.wrong.unwrap_or_default()));
        assert_eq!(next(), Some((3, String::new())));
        assert_eq!(next().map(|(line, wrong)| (line, wrong.contains("1 cells, the header 2"))), Some((6, true)));
        assert_eq!(next(), Some((7, String::new())));
        assert_eq!(next().map(|(line, wrong)| (line, wrong.contains("with a comma in it"))), Some((8, true)));
        assert_eq!(next(), None);
        for end in ["\n", "\r\n"] {
            let text = ["sep=;", "a;b", "1;2", "", "3;\"x\ny\"", "4;5", "6;7"].join(end);
            let mut table = Table::open(text.as_bytes()).unwrap();
            let lines = std::iter::from_fn(|| table.next()).map(|record| record.line);
            assert_eq!(lines.collect::<Vec<_>>(), [3, 5, 7, 8], "{end:?}");
        }
    }

    #[test]
    fn a_quote_that_is_not_closed_takes_no_more_than_a_row_may() {
        let mut table = Table::open((&b"a,b\n1,\""[..]).chain(io::repeat(b'x'))).unwrap();
        let wrong = table.next().unwrap().wrong.unwrap();
        assert!(wrong.contains("longer than 64 MiB"), "{wrong}");
        assert!(table.next().is_none());
    }
}
