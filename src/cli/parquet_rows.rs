//! Rows of a Parquet file as lines of JSON, as which exports of other programs are read.
//!
//! Every value keeps its digits: decimals are written from their integers, and instants as text.

use std::fs::File;
use std::io::{self, BufRead, Read, Write};
use std::sync::Arc;

use parquet::basic::{LogicalType, TimeUnit, Type as Physical};
use parquet::errors::ParquetError;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;
use parquet::record::reader::RowIter;
use parquet::schema::types::Type;

use crate::calendar::{Date, rfc3339_utc};

/// How such a file begins.
pub const MAGIC: &[u8] = b"PAR1";
/// What was asked and answered, in columns of text: long, and never looked at.
const NOT_READ: [&str; 6] = ["input", "output", "messages", "prompt", "completion", "response"];

pub struct ParquetRows {
    rows: RowIter<'static>,
    /// Of each column, what its instants are.
    instants: Vec<Option<Instant>>,
    line: Vec<u8>,
    at: usize,
}

/// What is an instant to a column.
#[derive(Clone, Copy)]
struct Instant {
    units_in_ms: i64,
    /// Whether it is UTC; else it is what a clock on the wall showed.
    is_utc: bool,
}

impl ParquetRows {
    pub fn open(file: File) -> Result<ParquetRows, ParquetError> {
        let reader = SerializedFileReader::new(file)?;
        let schema = reader.metadata().file_metadata().schema().clone();
        let is_text = |field: &Type| field.is_primitive() && field.get_physical_type() == Physical::BYTE_ARRAY;
        let read = schema.get_fields().iter().filter(|field| !(is_text(field) && NOT_READ.contains(&field.name())));
        let read: Vec<Arc<Type>> = read.cloned().collect();
        let instants = read.iter().map(|field| Instant::of(field)).collect();
        let read = Type::group_type_builder(schema.name()).with_fields(read).build()?;
        let rows = RowIter::from_file_into(Box::new(reader)).project(Some(read))?;
        Ok(ParquetRows { rows, instants, line: Vec::new(), at: 0 })
    }
}

impl BufRead for ParquetRows {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.at == self.line.len()
            && let Some(row) = self.rows.next()
        {
            let row = row.map_err(io::Error::other)?;
            self.line.clear();
            self.at = 0;
            let fields = row.get_column_iter().zip(&self.instants);
            object(&mut self.line, fields.map(|((name, field), instant)| (&**name, field, *instant)))?;
            self.line.push(b'\n');
        }
        Ok(&self.line[self.at..])
    }

    fn consume(&mut self, bytes: usize) {
        self.at += bytes;
    }
}

impl Read for ParquetRows {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let bytes = self.fill_buf()?.read(buffer)?;
        self.consume(bytes);
        Ok(bytes)
    }
}

impl Instant {
    fn of(field: &Type) -> Option<Instant> {
        let Some(LogicalType::Timestamp(of)) = field.get_basic_info().logical_type_ref() else { return None };
        let units_in_ms = match of.unit {
            TimeUnit::MILLIS => 1,
            TimeUnit::MICROS => 1_000,
            TimeUnit::NANOS => 1_000_000,
        };
        Some(Instant { units_in_ms, is_utc: of.is_adjusted_to_u_t_c })
    }

    fn write(self, out: &mut Vec<u8>, value: i64) -> io::Result<()> {
        let ms = value.div_euclid(self.units_in_ms);
        let seconds = rfc3339_utc(ms);
        let zone = if self.is_utc { "Z" } else { "" };
        write!(out, "\"{}.{:03}{zone}\"", seconds.trim_end_matches('Z'), ms.rem_euclid(1000))
    }
}

fn object<'a>(
    out: &mut Vec<u8>,
    fields: impl Iterator<Item = (&'a str, &'a Field, Option<Instant>)>,
) -> io::Result<()> {
    out.push(b'{');
    for (at, (name, field, instant)) in fields.enumerate() {
        if at > 0 {
            out.push(b',');
        }
        serde_json::to_writer(&mut *out, name)?;
        out.push(b':');
        value(out, field, instant)?;
    }
    out.push(b'}');
    Ok(())
}

fn value(out: &mut Vec<u8>, field: &Field, instant: Option<Instant>) -> io::Result<()> {
    match (field, instant) {
        (Field::Long(value) | Field::TimestampMillis(value) | Field::TimestampMicros(value), Some(instant)) => {
            instant.write(out, *value)?;
        }
        // Within others, or as files of old say it.
        (Field::TimestampMillis(value), None) => Instant { units_in_ms: 1, is_utc: true }.write(out, *value)?,
        (Field::TimestampMicros(value), None) => Instant { units_in_ms: 1_000, is_utc: true }.write(out, *value)?,
        (Field::Date(days), _) => {
            let day = Date::from_ymd(1970, 1, 1).expect("the day Unix time begins").plus_days(i64::from(*days));
            write!(out, "\"{day}\"")?;
        }
        // As the shortest decimal, and `null` where it is none.
        (Field::Float(value), _) => serde_json::to_writer(out, value)?,
        (Field::Double(value), _) => serde_json::to_writer(out, value)?,
        (Field::Str(text), _) => serde_json::to_writer(out, text)?,
        (Field::Bytes(bytes), _) => serde_json::to_writer(out, &String::from_utf8_lossy(bytes.data()))?,
        (Field::Group(row), _) => object(out, row.get_column_iter().map(|(name, field)| (&**name, field, None)))?,
        (Field::MapInternal(map), _) => {
            let name = |key: &Field| if let Field::Str(text) = key { text.clone() } else { key.to_string() };
            let names: Vec<String> = map.entries().iter().map(|(key, _)| name(key)).collect();
            object(out, names.iter().zip(map.entries()).map(|(name, (_, value))| (&**name, value, None)))?;
        }
        (Field::ListInternal(list), _) => {
            for (at, element) in list.elements().iter().enumerate() {
                out.push(if at == 0 { b'[' } else { b',' });
                value(out, element, None)?;
            }
            out.extend_from_slice(if list.elements().is_empty() { b"[]" } else { b"]" });
        }
        (Field::TimeMillis(_) | Field::TimeMicros(_) | Field::Float16(_), _) => write!(out, "\"{field}\"")?,
        // One without a fraction ends in its point.
        (Field::Decimal(_), _) => write!(out, "{}", field.to_string().trim_end_matches('.'))?,
        (number, _) => write!(out, "{number}")?,
    }
    Ok(())
}
