//! An export as Apache Parquet: money in exact decimals, dates and instants as such, repeated texts once a row group.

use std::sync::Arc;

use axum::http::StatusCode;
use parquet::basic::{Compression, LogicalType, Repetition, TimeUnit, Type as Physical, ZstdLevel};
use parquet::data_type::{
    ByteArray, ByteArrayType, DataType, FixedLenByteArray, FixedLenByteArrayType, Int32Type, Int64Type,
};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::Type;

use super::{Column, Row, Table, Value};
use crate::calendar::{Date, Zone};
use crate::http::problem::Problem;
use crate::http::render::ZONE_DATABASE;
use crate::http::stream::Out;

/// Rows that wait in memory until they are written together.
const GROUP_ROWS: usize = 1 << 14;
/// Money is DECIMAL(38, 12): picodollars, in the most digits that readers take.
const PRECISION: i32 = 38;
const SCALE: i32 = 12;
const DECIMAL_BYTES: i32 = 16;

pub struct ParquetTable<'a> {
    columns: &'static [Column],
    waiting: Vec<Values>,
    rows: usize,
    epoch: Date,
    writer: SerializedFileWriter<&'a mut Out>,
}

/// A column's values in the rows that wait.
enum Values {
    /// Of the rows that have one, and for every row 1 or 0: whether it has.
    Texts(Vec<ByteArray>, Vec<i16>),
    Days(Vec<i32>),
    Integers(Vec<i64>),
    Decimals(Vec<FixedLenByteArray>),
}

impl<'a> ParquetTable<'a> {
    pub fn new(columns: &'static [Column], zone: Zone, out: &'a mut Out) -> Result<ParquetTable<'a>, Problem> {
        let fields = columns.iter().map(|column| Ok(Arc::new(field(column)?)));
        let fields = fields.collect::<Result<_, ParquetError>>().map_err(broken)?;
        let schema = Type::group_type_builder("rollups").with_fields(fields).build().map_err(broken)?;
        let properties = WriterProperties::builder()
            .set_created_by(concat!("rollcall version ", env!("CARGO_PKG_VERSION")).to_owned())
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_key_value_metadata(Some(vec![
                KeyValue::new("timezone".to_owned(), zone.name().to_owned()),
                KeyValue::new(ZONE_DATABASE.to_owned(), zone.edition().version().to_owned()),
            ]));
        let writer = SerializedFileWriter::new(out, Arc::new(schema), Arc::new(properties.build())).map_err(broken)?;
        let epoch = Date::from_ymd(1970, 1, 1).expect("the day Unix time begins");
        let waiting = columns.iter().map(Values::of).collect();
        Ok(ParquetTable { columns, waiting, rows: 0, epoch, writer })
    }

    fn write_group(&mut self) -> Result<(), ParquetError> {
        let mut group = self.writer.next_row_group()?;
        for values in &mut self.waiting {
            match values {
                Values::Texts(values, present) => {
                    write_column::<ByteArrayType>(&mut group, values, Some(present))?;
                    present.clear();
                }
                Values::Days(values) => write_column::<Int32Type>(&mut group, values, None)?,
                Values::Integers(values) => write_column::<Int64Type>(&mut group, values, None)?,
                Values::Decimals(values) => write_column::<FixedLenByteArrayType>(&mut group, values, None)?,
            }
        }
        group.close()?;
        self.rows = 0;
        Ok(())
    }
}

impl Table for ParquetTable<'_> {
    fn row(&mut self, row: &Row<'_>) -> Result<(), Problem> {
        for (column, values) in self.columns.iter().zip(&mut self.waiting) {
            values.push(&column.value, row, self.epoch)?;
        }
        self.rows += 1;
        if self.rows == GROUP_ROWS { self.write_group().map_err(broken) } else { Ok(()) }
    }

    fn finish(mut self) -> Result<(), Problem> {
        if self.rows > 0 {
            self.write_group().map_err(broken)?;
        }
        self.writer.close().map(drop).map_err(broken)
    }
}

impl Values {
    fn of(column: &Column) -> Values {
        match column.value {
            Value::Text(_) => Values::Texts(Vec::new(), Vec::new()),
            Value::Date(_) => Values::Days(Vec::new()),
            Value::Instant(_) | Value::Count(_) | Value::Quantity(_) => Values::Integers(Vec::new()),
            Value::Usd(_) => Values::Decimals(Vec::new()),
        }
    }

    fn push(&mut self, value: &Value, row: &Row<'_>, epoch: Date) -> Result<(), Problem> {
        match (self, value) {
            (Values::Texts(values, present), Value::Text(value)) => {
                let text = value(row);
                present.push(i16::from(text.is_some()));
                values.extend(text.map(|text| ByteArray::from(text.as_bytes())));
            }
            (Values::Days(values), Value::Date(value)) => values.push(value(row).days_since(epoch) as i32),
            (Values::Integers(values), Value::Instant(value)) => values.push(value(row)),
            (Values::Integers(values), Value::Count(value) | Value::Quantity(value)) => {
                let count = i64::try_from(value(row));
                values.push(count.map_err(|_| broken("a count does not fit 63 bits"))?);
            }
            (Values::Decimals(values), Value::Usd(value)) => {
                values.push(value(row).0.to_be_bytes().to_vec().into());
            }
            _ => unreachable!("values are of their column's kind"),
        }
        Ok(())
    }
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
        Value::Usd(_) => field.with_length(DECIMAL_BYTES).with_precision(PRECISION).with_scale(SCALE),
        _ => field,
    };
    field.with_repetition(repetition).build()
}

/// Writes the next column of a row group, and empties `values` for the next group.
fn write_column<T: DataType>(
    group: &mut SerializedRowGroupWriter<'_, &mut Out>,
    values: &mut Vec<T::T>,
    present: Option<&Vec<i16>>,
) -> Result<(), ParquetError> {
    let mut column = group.next_column()?.expect("a column for each of the schema");
    column.typed::<T>().write_batch(values, present.map(Vec::as_slice), None)?;
    values.clear();
    column.close()
}

fn broken(error: impl std::fmt::Display) -> Problem {
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, format!("the Parquet file could not be written: {error}"))
}
