//! Rows of one open segment, packed by column.
//!
//! ```text
//! rows varint | first series varint | width u8
//!   | 13 × (width u8, and when width > 0 divisor varint, sum varint)   11 counts, cost low 64 bits, cost high 64 bits
//!   | series deltas, (rows - 1) × width bits | 13 × rows × width bits
//! ```
//!
//! Each column is divided by its greatest common divisor (prices have few significant digits, so costs share one)
//! and packed to the width of its largest value; the sum of what is packed stands beside it, so that whole columns need
//! no unpacking. Packed columns start on a byte. All of it is in a frame, see `store::packed`.

use super::packed::{
    BlockError, Packed, TAIL, bind, divisor_of, frame, pack, put_varint, take_byte, take_varint, unframe, width_of,
};
use crate::model::{COUNTS, Measures, PicoUsd, SeriesId};
use crate::rollup::Row;

/// Columns of a block: the counts, then cost in two halves.
pub const COLUMNS: usize = COUNTS + 2;
/// The column with the low 64 bits of cost; the next one has the high 64 bits.
pub const COST: usize = COUNTS;

const VERSION: u8 = 1;

/// Packs rows, which must be in order of series, each series once, with costs of 0 or more, to be stored under `key`.
pub fn encode(key: &[u8], rows: &[Row]) -> Vec<u8> {
    assert!(rows.is_sorted_by(|a, b| a.0 < b.0), "rows of a block are in order of series");
    let mut out = Vec::new();
    put_varint(&mut out, rows.len() as u128);
    put_varint(&mut out, rows.first().map_or(0, |r| u128::from(r.0.0)));
    let deltas: Vec<u64> = rows.windows(2).map(|w| u64::from(w[1].0.0 - w[0].0.0)).collect();
    let delta_width = width_of(deltas.iter().copied());
    out.push(delta_width);
    let columns: Vec<(u64, u8, Vec<u64>)> = (0..COLUMNS)
        .map(|column| {
            let mut values: Vec<u64> = rows.iter().map(|(_, m)| column_value(m, column)).collect();
            let divisor = divisor_of(values.iter().copied());
            if divisor > 1 {
                values.iter_mut().for_each(|v| *v /= divisor);
            }
            (divisor, width_of(values.iter().copied()), values)
        })
        .collect();
    for (divisor, width, values) in &columns {
        out.push(*width);
        if *width > 0 {
            put_varint(&mut out, u128::from(*divisor));
            put_varint(&mut out, values.iter().map(|v| u128::from(*v)).sum());
        }
    }
    pack(&mut out, &deltas, delta_width);
    for (_, width, values) in &columns {
        pack(&mut out, values, *width);
    }
    bind(key, frame(VERSION, &out))
}

/// A packed block, read in place.
#[derive(Clone, Copy)]
pub struct Block<'a> {
    rows: usize,
    first: u32,
    deltas: Packed<'a>,
    columns: [Column<'a>; COLUMNS],
}

#[derive(Clone, Copy)]
struct Column<'a> {
    packed: Packed<'a>,
    divisor: u64,
    /// Of the packed values.
    sum: u128,
}

impl<'a> Block<'a> {
    /// Checks the bytes and finds the columns in them.
    pub fn parse(key: &[u8], bytes: &'a [u8]) -> Result<Block<'a>, BlockError> {
        let mut at = unframe(VERSION, key, bytes)?;
        let rows = take_varint(&mut at)? as usize;
        let first = take_varint(&mut at)? as u32;
        let delta_width = take_byte(&mut at)?;
        let mut columns = [Column { packed: Packed::EMPTY, divisor: 0, sum: 0 }; COLUMNS];
        for column in &mut columns {
            column.packed.width = take_byte(&mut at)?;
            if column.packed.width > 0 {
                column.divisor = take_varint(&mut at)? as u64;
                column.sum = take_varint(&mut at)?;
            }
        }
        let deltas = Packed::take(&mut at, delta_width, rows.saturating_sub(1))?;
        for column in &mut columns {
            column.packed = Packed::take(&mut at, column.packed.width, rows)?;
        }
        if at.len() != TAIL { Err(BlockError::Short) } else { Ok(Block { rows, first, deltas, columns }) }
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.rows
    }

    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// Calls `visit` with row number and series of each row.
    #[inline]
    pub fn series(&self, mut visit: impl FnMut(usize, u32)) {
        if self.rows == 0 {
            return;
        }
        let mut series = self.first;
        visit(0, series);
        self.deltas.each(|row, delta| {
            series = series.wrapping_add(delta as u32);
            visit(row + 1, series);
        });
    }

    /// Calls `visit` with row number and value for every row of a column, or not at all when all are 0.
    #[inline]
    pub fn column(&self, column: usize, mut visit: impl FnMut(usize, u64)) {
        let Column { packed, divisor, .. } = self.columns[column];
        packed.each(|row, value| visit(row, value.wrapping_mul(divisor)));
    }

    /// Whether any row has a value in this column.
    pub fn has(&self, column: usize) -> bool {
        self.columns[column].packed.width > 0
    }

    /// The value of one row, which must be below [`Block::len`].
    #[inline]
    pub fn value(&self, column: usize, row: usize) -> u64 {
        let Column { packed, divisor, .. } = self.columns[column];
        packed.get(row).wrapping_mul(divisor)
    }

    /// The sum of a column.
    pub fn sum(&self, column: usize) -> u128 {
        let Column { divisor, sum, .. } = self.columns[column];
        sum.wrapping_mul(u128::from(divisor))
    }

    /// Unpacks everything.
    pub fn rows(&self) -> Vec<Row> {
        let mut rows: Vec<Row> = Vec::with_capacity(self.rows);
        self.series(|_, series| rows.push((SeriesId(series), Measures::ZERO)));
        for column in 0..COUNTS {
            self.column(column, |row, value| rows[row].1.counts[column] = value);
        }
        self.column(COST, |row, value| rows[row].1.cost = PicoUsd(i128::from(value)));
        self.column(COST + 1, |row, value| rows[row].1.cost.0 |= i128::from(value) << 64);
        rows
    }
}

fn column_value(measures: &Measures, column: usize) -> u64 {
    match column {
        COST => measures.cost.0 as u64,
        c if c > COST => u64::try_from(measures.cost.0 >> 64).expect("sums of costs are 0 or more"),
        c => measures.counts[c],
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rows() -> impl Strategy<Value = Vec<Row>> {
        let count = prop_oneof![Just(0u64), 0u64..100, (0u64..1000).prop_map(|v| v * 2_500_000), any::<u64>()];
        let cost = prop_oneof![Just(0i128), 0i128..1 << 40, 0i128..1 << 100];
        let measures = (proptest::collection::vec(count, COUNTS), cost);
        proptest::collection::btree_map(any::<u32>(), measures, 0..50).prop_map(|rows| {
            let measures = |(counts, cost): (Vec<u64>, i128)| Measures {
                counts: counts.try_into().expect("as many as counts"),
                cost: PicoUsd(cost),
            };
            rows.into_iter().map(|(s, m)| (SeriesId(s), measures(m))).collect()
        })
    }

    proptest! {
        #[test]
        fn what_is_packed_comes_back(rows in rows()) {
            let bytes = encode(b"", &rows);
            let block = Block::parse(b"", &bytes).unwrap();
            prop_assert_eq!(block.len(), rows.len());
            for (column, sum) in (0..COUNTS).map(|c| (c, rows.iter().map(|r| u128::from(r.1.counts[c])).sum::<u128>())) {
                prop_assert_eq!(block.sum(column), sum);
            }
            for (number, (_, measures)) in rows.iter().enumerate() {
                for column in 0..COUNTS {
                    prop_assert_eq!(block.value(column, number), measures.counts[column]);
                }
            }
            prop_assert_eq!(block.rows(), rows);
        }

        #[test]
        fn any_changed_byte_is_noticed(rows in rows(), at in any::<prop::sample::Index>(), flip in 1u8..) {
            let mut bytes = encode(b"", &rows);
            let at = at.index(bytes.len());
            bytes[at] ^= flip;
            prop_assert!(Block::parse(b"", &bytes).is_err());
            prop_assert!(Block::parse(b"", &bytes[..at]).is_err());
        }

        #[test]
        fn foreign_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let bytes = frame(VERSION, &bytes);
            if let Ok(block) = Block::parse(b"", &bytes) {
                block.series(|_, _| ());
                for column in 0..COLUMNS {
                    block.column(column, |_, _| ());
                    block.sum(column);
                }
            }
        }
    }
}
