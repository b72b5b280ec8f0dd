//! An export as CSV (RFC 4180): absent values are empty, times RFC 3339 in UTC, money exact.

use super::{Column, Row, Table, Value};
use crate::calendar::rfc3339_utc;
use crate::http::problem::Problem;
use crate::http::render::{broken, cell, csv_writer};
use crate::http::stream::Out;

pub struct CsvTable<'a> {
    columns: &'static [Column],
    with_points: bool,
    rows: csv::Writer<&'a mut Out>,
}

impl<'a> CsvTable<'a> {
    /// Readers that guess what a column is from its digits take one of whole numbers for one of integers; `with_points`
    /// writes decimals so that they are told.
    pub fn new(columns: &'static [Column], with_points: bool, out: &'a mut Out) -> Result<CsvTable<'a>, Problem> {
        let mut rows = csv_writer(out);
        rows.write_record(columns.iter().map(|column| column.name)).map_err(broken)?;
        Ok(CsvTable { columns, with_points, rows })
    }
}

impl CsvTable<'_> {
    fn decimal(&self, text: String) -> String {
        if self.with_points && !text.contains('.') { text + ".0" } else { text }
    }
}

impl Table for CsvTable<'_> {
    fn row(&mut self, row: &Row<'_>) -> Result<(), Problem> {
        let mut number = itoa::Buffer::new();
        for column in self.columns {
            let written = match column.value {
                Value::Text(value) => self.rows.write_field(cell(&value(row).unwrap_or_default())),
                Value::Date(value) => self.rows.write_field(value(row).to_string()),
                Value::Instant(value) => self.rows.write_field(rfc3339_utc(value(row))),
                Value::Count(value) => self.rows.write_field(number.format(value(row))),
                Value::Quantity(value) => self.rows.write_field(self.decimal(value(row).to_string())),
                Value::Usd(value) => self.rows.write_field(self.decimal(value(row).to_string())),
            };
            written.map_err(broken)?;
        }
        self.rows.write_record(None::<&[u8]>).map_err(broken)
    }

    fn finish(mut self) -> Result<(), Problem> {
        self.rows.flush().map_err(|error| broken(error.into()))
    }
}
