//! Rows of tables, from CSV or JSON, rewritten as events: which of their columns holds which field.
//!
//! Values are carried over as they are written, so that amounts stay exact; what says the same in another way (a decimal
//! comma, `t` for true, a time without a zone) is put in ours. What can be read in two ways is decided by the rest of the
//! file, or by whoever loads it, or the row is refused.

mod columns;
mod csv_rows;
mod json_rows;
mod made;
mod reader;
#[cfg(test)]
mod tests;

pub use self::columns::Mapping;
pub use self::csv_rows::CsvRows;
pub use self::json_rows::JsonRows;
pub use self::made::{Made, Notes, Refused};
pub use super::cell::Decimal;
