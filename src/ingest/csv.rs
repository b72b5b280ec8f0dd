//! CSV with the event's field names as its header, rewritten as NDJSON so that there is one reader of events.

use std::io::Read;

/// Fields that are numbers or booleans in JSON; the others are text whatever they look like.
pub(super) const BARE: [&str; 12] = [
    "promptTokens",
    "completionTokens",
    "totalTokens",
    "cachedTokens",
    "cacheWriteTokens",
    "reasoningTokens",
    "cost",
    "hasError",
    "cached",
    "streamed",
    "count",
    "timestamp",
];
pub(super) const KNOWN: [&str; 9] = [
    "id",
    "organizationId",
    "projectId",
    "apiKeyId",
    "usedModel",
    "usedProvider",
    "source",
    "finishReason",
    "usedMode",
];

/// Reads CSV and gives events as lines of JSON.
pub struct CsvLines<R> {
    reader: csv::Reader<R>,
    columns: Vec<Option<(String, bool)>>,
    record: csv::StringRecord,
}

impl<R: Read> CsvLines<R> {
    /// Reads the header of events. Columns with other names are skipped.
    pub fn new(source: R) -> Result<Self, csv::Error> {
        Self::with(source, |header| {
            let bare = BARE.contains(&header);
            (bare || KNOWN.contains(&header)).then_some(bare)
        })
    }

    /// Reads the header of rows that are no events yet: every column is kept, as text.
    pub fn of_rows(source: R) -> Result<Self, csv::Error> {
        Self::with(source, |_| Some(false))
    }

    /// `is_bare` gives `None` for a column that is skipped.
    fn with(source: R, is_bare: impl Fn(&str) -> Option<bool>) -> Result<Self, csv::Error> {
        let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(source);
        let columns = reader
            .headers()?
            .iter()
            .map(|header| {
                let header = header.trim().trim_start_matches('\u{feff}');
                is_bare(header).map(|bare| (header.to_owned(), bare))
            })
            .collect();
        Ok(CsvLines { reader, columns, record: csv::StringRecord::new() })
    }

    /// Appends the next row to `out` as one line. False at the end.
    ///
    /// A row that is not CSV becomes a line that is no event, so that it is counted and named like any bad event.
    pub fn next_line(&mut self, out: &mut Vec<u8>) -> bool {
        match self.reader.read_record(&mut self.record) {
            Ok(false) => return false,
            Ok(true) => self.write(out),
            Err(error) => {
                let stopped = error.is_io_error();
                out.extend_from_slice(quoted(&format!("not CSV: {error}")).as_bytes());
                out.push(b'\n');
                return !stopped;
            }
        }
        true
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.push(b'{');
        let mut first = true;
        for (cell, column) in self.record.iter().zip(&self.columns) {
            let Some((name, bare)) = column.as_ref().filter(|_| !cell.is_empty()) else { continue };
            if !std::mem::take(&mut first) {
                out.push(b',');
            }
            out.extend_from_slice(quoted(name).as_bytes());
            out.push(b':');
            if *bare && is_bare(cell) {
                out.extend_from_slice(cell.as_bytes());
            } else {
                out.extend_from_slice(quoted(cell).as_bytes());
            }
        }
        out.extend_from_slice(b"}\n");
    }
}

/// Whether a cell is a JSON number, `true` or `false` as it stands.
fn is_bare(cell: &str) -> bool {
    matches!(cell, "true" | "false") || serde_json::from_str::<serde_json::Number>(cell).is_ok()
}

pub(super) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_become_events() {
        let csv = "\u{feff}id,timestamp,cost,promptTokens,note,source\n\
                   7,1780315200000,0.10,3,x,\"a, \"\"b\"\"\"\nb,2026-06-01T00:00:00Z,n/a,,,\n";
        let mut lines = CsvLines::new(csv.as_bytes()).unwrap();
        let mut out = Vec::new();
        while lines.next_line(&mut out) {}
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "{\"id\":\"7\",\"timestamp\":1780315200000,\"cost\":0.10,\"promptTokens\":3,\"source\":\"a, \\\"b\\\"\"}\n\
             {\"id\":\"b\",\"timestamp\":\"2026-06-01T00:00:00Z\",\"cost\":\"n/a\"}\n"
        );
    }
}
