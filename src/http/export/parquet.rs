//! An export as Apache Parquet: money in exact decimals, dates and instants as such, repeated texts once a row group.

use std::collections::HashMap;
use std::sync::Arc;

use axum::body::Bytes;
use axum::http::StatusCode;
use parquet::basic::{Compression, LogicalType, Repetition, TimeUnit, Type as Physical, ZstdLevel};
use parquet::column::writer::{ColumnCloseResult, get_column_writer, get_typed_column_writer};
use parquet::data_type::{ByteArray, ByteArrayType, DataType, FixedLenByteArrayType, Int32Type, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesPtr};
use parquet::file::writer::{SerializedFileWriter, SerializedPageWriter, TrackedWrite};
use parquet::schema::types::{ColumnDescPtr, Type};
use rayon::prelude::*;

use super::{Column, Row, Table, Value};
use crate::calendar::{Date, Zone};
use crate::http::problem::Problem;
use crate::http::render::ZONE_DATABASE;
use crate::http::stream::Out;

/// Rows that wait in memory until they are written together: about 12 MB of them.
const GROUP_ROWS: usize = 1 << 16;
/// Money is DECIMAL(38, 12): picodollars, in the most digits that readers take.
const PRECISION: i32 = 38;
const SCALE: i32 = 12;
const DECIMAL_BYTES: usize = 16;

pub struct ParquetTable<'a> {
    columns: &'static [Column],
    waiting: Vec<Values>,
    /// What the rows that wait are of, each as a place in the texts of a column; and the places of combinations.
    places: Vec<u32>,
    place_of: HashMap<u32, u32>,
    epoch: Date,
    writer: SerializedFileWriter<&'a mut Out>,
}

/// A column's values in the rows that wait.
enum Values {
    /// Of each combination once: no text depends on anything else.
    Texts(Vec<Option<ByteArray>>),
    Days(Vec<i32>),
    Integers(Vec<i64>),
    /// One after the other.
    Decimals(Vec<u8>),
}

impl<'a> ParquetTable<'a> {
    pub fn new(columns: &'static [Column], zone: Zone, out: &'a mut Out) -> Result<ParquetTable<'a>, Problem> {
        let fields = columns.iter().map(|column| Ok(Arc::new(field(column)?)));
        let fields = fields.collect::<Result<_, ParquetError>>().map_err(broken)?;
        let schema = Type::group_type_builder("rollups").with_fields(fields).build().map_err(broken)?;
        let mut properties = WriterProperties::builder()
            .set_created_by(concat!("rollcall version ", env!("CARGO_PKG_VERSION")).to_owned())
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_key_value_metadata(Some(vec![
                KeyValue::new("timezone".to_owned(), zone.name().to_owned()),
                KeyValue::new(ZONE_DATABASE.to_owned(), zone.edition().version().to_owned()),
            ]));
        for column in columns.iter().filter(|column| matches!(column.value, Value::Text(_))) {
            // Rows are in the order of time, so the least and the greatest name of a group lead no reader past it.
            properties = properties.set_column_statistics_enabled(column.name.into(), EnabledStatistics::None);
        }
        let writer = SerializedFileWriter::new(out, Arc::new(schema), Arc::new(properties.build())).map_err(broken)?;
        let epoch = Date::from_ymd(1970, 1, 1).expect("the day Unix time begins");
        let waiting = columns.iter().map(Values::of).collect();
        Ok(ParquetTable { columns, waiting, places: Vec::new(), place_of: HashMap::new(), epoch, writer })
    }

    /// Writes the rows that wait, each column by itself on whatever thread there is.
    fn write_group(&mut self) -> Result<(), ParquetError> {
        let (properties, schema) = (self.writer.properties(), self.writer.schema_descr());
        let encode =
            |(at, values): (usize, &Values)| values.encoded(&self.places, schema.column(at), properties.clone());
        let encoded: Result<Vec<_>, _> = self.waiting.par_iter().enumerate().map(encode).collect();
        let mut group = self.writer.next_row_group()?;
        for (bytes, closed) in encoded? {
            group.append_column(&bytes, closed)?;
        }
        group.close()?;
        self.waiting.iter_mut().for_each(Values::clear);
        self.places.clear();
        self.place_of.clear();
        Ok(())
    }
}

impl Table for ParquetTable<'_> {
    fn row(&mut self, row: &Row<'_>) -> Result<(), Problem> {
        let next = self.place_of.len() as u32;
        let place = *self.place_of.entry(row.rollup.combination).or_insert(next);
        let is_new = place == next;
        self.places.push(place);
        for (column, values) in self.columns.iter().zip(&mut self.waiting) {
            values.push(&column.value, row, is_new, self.epoch)?;
        }
        if self.places.len() == GROUP_ROWS { self.write_group().map_err(broken) } else { Ok(()) }
    }

    fn finish(mut self) -> Result<(), Problem> {
        if !self.places.is_empty() {
            self.write_group().map_err(broken)?;
        }
        self.writer.close().map(drop).map_err(broken)
    }
}

impl Values {
    fn of(column: &Column) -> Values {
        match column.value {
            Value::Text(_) => Values::Texts(Vec::new()),
            Value::Date(_) => Values::Days(Vec::new()),
            Value::Instant(_) | Value::Count(_) | Value::Quantity(_) => Values::Integers(Vec::new()),
            Value::Usd(_) => Values::Decimals(Vec::new()),
        }
    }

    /// Takes the value of a row, which `is_new` if none of its combination came before.
    fn push(&mut self, value: &Value, row: &Row<'_>, is_new: bool, epoch: Date) -> Result<(), Problem> {
        match (self, value) {
            (Values::Texts(texts), Value::Text(value)) => {
                if is_new {
                    texts.push(value(row).map(|text| text.as_bytes().to_vec().into()));
                }
            }
            (Values::Days(values), Value::Date(value)) => values.push(value(row).days_since(epoch) as i32),
            (Values::Integers(values), Value::Instant(value)) => values.push(value(row)),
            (Values::Integers(values), Value::Count(value) | Value::Quantity(value)) => {
                let count = i64::try_from(value(row));
                values.push(count.map_err(|_| broken("a count does not fit 63 bits"))?);
            }
            (Values::Decimals(values), Value::Usd(value)) => values.extend(value(row).0.to_be_bytes()),
            _ => unreachable!("values are of their column's kind"),
        }
        Ok(())
    }

    /// The column as it stands in the file, with what its end says of it.
    fn encoded(
        &self,
        places: &[u32],
        column: ColumnDescPtr,
        properties: WriterPropertiesPtr,
    ) -> Result<(Bytes, ColumnCloseResult), ParquetError> {
        match self {
            Values::Texts(texts) => {
                let of_rows = || places.iter().map(|place| &texts[*place as usize]);
                let present: Vec<i16> = of_rows().map(|text| i16::from(text.is_some())).collect();
                let mut values = Vec::with_capacity(places.len());
                values.extend(of_rows().flatten().cloned());
                encode::<ByteArrayType>(&values, Some(&present), column, properties)
            }
            Values::Days(values) => encode::<Int32Type>(values, None, column, properties),
            Values::Integers(values) => encode::<Int64Type>(values, None, column, properties),
            Values::Decimals(bytes) => {
                let bytes = Bytes::copy_from_slice(bytes);
                let each = (0..bytes.len()).step_by(DECIMAL_BYTES);
                let values: Vec<_> =
                    each.map(|at| ByteArray::from(bytes.slice(at..at + DECIMAL_BYTES)).into()).collect();
                encode::<FixedLenByteArrayType>(&values, None, column, properties)
            }
        }
    }

    fn clear(&mut self) {
        match self {
            Values::Texts(values) => values.clear(),
            Values::Days(values) => values.clear(),
            Values::Integers(values) => values.clear(),
            Values::Decimals(values) => values.clear(),
        }
    }
}

fn encode<T: DataType>(
    values: &[T::T],
    present: Option<&[i16]>,
    column: ColumnDescPtr,
    properties: WriterPropertiesPtr,
) -> Result<(Bytes, ColumnCloseResult), ParquetError> {
    let mut out = TrackedWrite::new(Vec::new());
    let writer = get_column_writer(column, properties, Box::new(SerializedPageWriter::new(&mut out)));
    let mut writer = get_typed_column_writer::<T>(writer);
    writer.write_batch(values, present, None)?;
    let closed = writer.close()?;
    Ok((out.into_inner()?.into(), closed))
}

fn field(column: &Column) -> Result<Type, ParquetError> {
    let (physical, logical) = match column.value {
        Value::Text(_) => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
        Value::Date(_) => (Physical::INT32, Some(LogicalType::Date)),
        Value::Instant(_) => (Physical::INT64, Some(LogicalType::timestamp(true, TimeUnit::MILLIS))),
        Value::Count(_) | Value::Quantity(_) => (Physical::INT64, None),
        Value::Usd(_) => (Physical::FIXED_LEN_BYTE_ARRAY, Some(LogicalType::decimal(SCALE, PRECISION))),
    };
    let repetition = if matches!(column.value, Value::Text(_)) { Repetition::OPTIONAL } else { Repetition::REQUIRED };
    let field = Type::primitive_type_builder(column.name, physical).with_logical_type(logical);
    let field = match column.value {
        Value::Usd(_) => field.with_length(DECIMAL_BYTES as i32).with_precision(PRECISION).with_scale(SCALE),
        _ => field,
    };
    field.with_repetition(repetition).build()
}

fn broken(error: impl std::fmt::Display) -> Problem {
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, format!("the Parquet file could not be written: {error}"))
}
