//! Rows of JSON.

use std::borrow::Cow;

use super::super::BodyError;
use super::super::json::{each, without_nan};
use super::super::row::{Fields, Row};
use super::columns::Mapping;
use super::made::{Made, Notes, Refused};
use super::reader::{ORGANIZATION, Reader};

/// How deep rows may lie in a page of JSON.
const MAX_PAGE_DEPTH: usize = 3;

/// Rows of JSON objects, read as events.
pub struct JsonRows {
    reader: Reader,
}

impl JsonRows {
    pub fn new(mapping: Mapping) -> JsonRows {
        let mut reader = Reader::new(mapping);
        reader.leans_to_point = true;
        JsonRows { reader }
    }

    pub fn mapping(&self) -> &Mapping {
        &self.reader.mapping
    }

    pub fn notes(&self) -> &Notes {
        &self.reader.notes
    }

    /// The events of rows, an array of objects or one a line.
    pub fn rewrite(&mut self, rows: &[u8], is_array: bool) -> Result<Made, BodyError> {
        let mut made = Made::default();
        if is_array {
            each(rows, |element| {
                self.take(element.get(), 0, &mut made);
                Ok::<(), ()>(())
            })?
            .expect("nothing fails");
        } else {
            let lines = rows.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).filter(|line| !line.is_empty());
            lines.for_each(|line| self.take(&String::from_utf8_lossy(line), 0, &mut made));
        }
        Ok(made.settle())
    }

    /// Takes a row, or the rows of a page.
    fn take(&mut self, json: &str, depth: usize, made: &mut Made) {
        let fields = match Fields::read(json) {
            Ok(fields) => fields,
            Err(error) => {
                // Python writes NaN for a figure that is not there.
                if let Some(json) = without_nan(json.as_bytes()) {
                    return self.take(&String::from_utf8_lossy(&json), depth, made);
                }
                self.reader.rows += 1;
                let error = format!("not a row: {error}");
                made.refused.push(Refused { number: self.reader.rows, id: None, organization: None, error });
                return;
            }
        };
        if depth < MAX_PAGE_DEPTH {
            match self.rows_of(&fields) {
                Ok(None) => {}
                Ok(Some(rows)) => {
                    rows.iter().for_each(|row| self.take(row, depth + 1, made));
                    return;
                }
                Err(error) => {
                    self.reader.rows += 1;
                    made.refused.push(Refused { number: self.reader.rows, id: None, organization: None, error });
                    return;
                }
            }
        }
        self.reader.rows += 1;
        let number = self.reader.rows;
        let row = Row::Object(fields);
        let columns = self.reader.mapping.columns.clone();
        let values = columns.iter().map(|(field, column)| (*field, &**column, row.value(column)));
        match self.reader.drafts(&row, values, (number, number)) {
            Ok(drafts) => made.add(drafts, number),
            Err(error) => {
                let id = row.text("id").ok().flatten().map(Cow::into_owned);
                let named = columns.iter().filter(|(field, _)| *field == ORGANIZATION);
                let organization = self.reader.organization(named.map(|(_, column)| row.text(column)));
                made.refused.push(Refused { number, id, organization, error });
            }
        }
    }

    /// The rows in an object that is a page of them; `None` when it is a row.
    fn rows_of(&self, fields: &Fields<'_>) -> Result<Option<Vec<String>>, String> {
        if let Some(rows) = self.reader.mapping.format.and_then(|format| format.rows)
            && let Some(rows) = rows(fields)?
        {
            return Ok(Some(rows));
        }
        let timed = self
            .reader
            .mapping
            .columns
            .iter()
            .any(|(field, column)| *field == "timestamp" && fields.get(column).is_some());
        let page = ["data", "results", "rows"].iter().find_map(|name| fields.get(name));
        let Some(page) = page.filter(|page| !timed && page.starts_with(['[', '{'])) else { return Ok(None) };
        if page.starts_with('{') {
            return Ok(Some(vec![page.to_owned()]));
        }
        let mut rows = Vec::new();
        let read = each(page.as_bytes(), |row| {
            rows.push(row.get().to_owned());
            Ok::<(), ()>(())
        });
        read.map(|_| Some(rows)).map_err(|error| error.to_string())
    }
}
