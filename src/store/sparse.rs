//! Rows of values that are used now and then, many values side by side, in order of value and segment.
//!
//! ```text
//! rows varint | first value varint | width of value deltas u8 | heads (see `columns`)
//!   | value deltas, (rows - 1) × width | segments, rows × 11 bits | for each column: rows × its width
//! ```
//!
//! Of a million keys nearly each has a row or two in a period. By column they take a few nanoseconds each, and what a
//! block says of its columns is said once for hundreds of them. There is a row for every segment with usage. All of it is
//! in a [`packed`](super::packed) frame.

use super::columns::{COLUMNS, Column, Heads, divisors_of};
use super::packed::{
    BlockError, HEAD, Packed, TAIL, divisor_of, frame, pack, put_varint, take_byte, take_varint_u32, unframe, width_of,
};
use super::rows::{SEGMENT_BITS, SealedRow, Section};
use crate::model::Usage;

/// In format 8 these rows were kept as sealed rows are, under version 1.
pub(super) const VERSION: u8 = 2;
/// What stands before the packed lists takes at most 56 bytes, and each of 18 lists may begin a byte later.
const SURPLUS: usize = 80;

type ValueRow = (u32, SealedRow);

/// Packs rows into blocks of at most `limit` bytes.
pub(super) struct Builder {
    limit: usize,
    rows: Vec<ValueRow>,
    extent: Extent,
    blocks: Vec<Vec<u8>>,
}

/// How wide the columns of some rows will be, at most.
#[derive(Clone)]
struct Extent {
    delta: u64,
    largest: [u64; COLUMNS],
    /// Of money; 0 while there is none.
    divisors: [u64; 2],
}

impl Extent {
    const NONE: Extent = Extent { delta: 0, largest: [0; COLUMNS], divisors: [0; 2] };

    /// With one more row, so far above the one before.
    fn and(&self, delta: u32, usage: &Usage) -> Extent {
        let mut with = self.clone();
        with.delta |= u64::from(delta);
        for column in Column::ALL {
            with.largest[column as usize] = with.largest[column as usize].max(column.of(usage));
        }
        for (divisor, column) in with.divisors.iter_mut().zip(MONEY) {
            *divisor = divisor_of([*divisor, column.of(usage)]);
        }
        with
    }

    /// Bits of a row.
    fn bits(&self) -> usize {
        let width = |column: Column| {
            let largest = self.largest[column as usize];
            let money = MONEY.iter().position(|money| *money == column);
            // With high halves there are no divisors.
            let divisor = money.filter(|at| self.largest[HIGH[*at] as usize] == 0).map_or(1, |at| self.divisors[at]);
            usize::from(width_of([largest / divisor.max(1)]))
        };
        usize::from(width_of([self.delta]) + SEGMENT_BITS) + Column::ALL.into_iter().map(width).sum::<usize>()
    }
}

const MONEY: [Column; 2] = [Column::Cost, Column::ApiKeysCost];
const HIGH: [Column; 2] = [Column::CostHigh, Column::ApiKeysCostHigh];

impl Builder {
    pub fn new(limit: usize) -> Builder {
        Builder { limit: limit - HEAD - TAIL - SURPLUS, rows: Vec::new(), extent: Extent::NONE, blocks: Vec::new() }
    }

    /// Adds the rows of a value, which must be above those before, in order of segments.
    pub fn push(&mut self, value: u32, rows: &[SealedRow]) {
        for row in rows {
            let delta = self.rows.last().map_or(0, |(last, _)| value - last);
            let mut extent = self.extent.and(delta, &row.1);
            if (self.rows.len() + 1) * extent.bits() > self.limit * 8 {
                self.cut();
                extent = Extent::NONE.and(0, &row.1);
            }
            self.extent = extent;
            self.rows.push((value, *row));
        }
    }

    pub fn finish(mut self) -> Vec<Vec<u8>> {
        self.cut();
        self.blocks
    }

    fn cut(&mut self) {
        if let Some((first, _)) = self.rows.first() {
            self.blocks.push(frame(VERSION, &encode(*first, &self.rows)));
        }
        self.rows.clear();
        self.extent = Extent::NONE;
    }
}

fn encode(first: u32, rows: &[ValueRow]) -> Vec<u8> {
    let mut out = Vec::new();
    put_varint(&mut out, rows.len() as u128);
    put_varint(&mut out, u128::from(first));
    let deltas: Vec<u64> = rows.windows(2).map(|pair| u64::from(pair[1].0 - pair[0].0)).collect();
    let width = width_of(deltas.iter().copied());
    out.push(width);
    let of_rows: Vec<&SealedRow> = rows.iter().map(|(_, row)| row).collect();
    let heads = Heads::choose(rows.len(), divisors_of(of_rows.iter().map(|(_, usage)| usage)), |column, row| {
        column.of(&of_rows[row].1)
    });
    heads.write(&mut out);
    pack(&mut out, &deltas, width);
    Section::pack(&mut out, &heads, &of_rows);
    out
}

/// Some rows of many values, packed.
pub struct Sparse<'a> {
    first: u32,
    deltas: Packed<'a>,
    heads: Heads,
    rows: Section<'a>,
}

impl<'a> Sparse<'a> {
    /// Checks the bytes and finds the columns in them.
    pub(super) fn read(key: &[u8], bytes: &'a [u8]) -> Result<Sparse<'a>, BlockError> {
        let mut at = unframe(VERSION, key, bytes)?;
        let len = take_varint_u32(&mut at)? as usize;
        let first = take_varint_u32(&mut at)?;
        let width = take_byte(&mut at)?;
        let heads = Heads::read(&mut at)?;
        let deltas = Packed::take(&mut at, width, len.saturating_sub(1))?;
        let rows = Section::take(&mut at, &heads, len)?;
        if at.len() == TAIL { Ok(Sparse { first, deltas, heads, rows }) } else { Err(BlockError::Short) }
    }

    /// Puts the value of each row into `out`.
    pub fn values(&self, out: &mut Vec<u32>) {
        let mut value = self.first;
        out.clear();
        out.resize(self.rows.len, value);
        self.deltas.each(|row, delta| {
            value = value.wrapping_add(delta as u32);
            out[row + 1] = value;
        });
    }

    /// Puts the segment of each row into `out`. Each is below the number of segments in a period.
    pub fn segments(&self, out: &mut Vec<u64>) -> Result<(), super::StoreError> {
        self.rows.segments(&(0..self.rows.len), out)
    }

    /// Puts a column of each row into `out`, or returns false when all are 0.
    pub fn column(&self, column: Column, out: &mut Vec<u64>) -> bool {
        self.rows.column(&self.heads, &(0..self.rows.len), column, out)
    }

    /// Unpacks everything, by value and segment.
    pub(super) fn unpack(&self) -> Result<Vec<ValueRow>, super::StoreError> {
        let mut of = Vec::new();
        self.values(&mut of);
        let rows = self.rows.unpack(&self.heads)?;
        Ok(of.into_iter().zip(rows).collect())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::super::rows::tests::ids;
    use super::*;

    const LIMIT: usize = 1200;

    fn blocks(ids: &BTreeMap<u32, BTreeMap<u16, Usage>>) -> Vec<Vec<u8>> {
        let mut builder = Builder::new(LIMIT);
        for (value, rows) in ids {
            builder.push(*value, &rows.iter().map(|(segment, usage)| (*segment, *usage)).collect::<Vec<_>>());
        }
        builder.finish()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn what_is_packed_comes_back_and_blocks_keep_their_limit(ids in ids()) {
            let mut found: BTreeMap<u32, BTreeMap<u16, Usage>> = BTreeMap::new();
            for block in blocks(&ids) {
                prop_assert!(block.len() <= LIMIT);
                let sparse = Sparse::read(b"", &block).unwrap();
                let (mut values, mut segments, mut requests) = (Vec::new(), Vec::new(), Vec::new());
                sparse.values(&mut values);
                sparse.segments(&mut segments).unwrap();
                let any = sparse.column(Column::Requests, &mut requests);
                for (row, (value, (segment, usage))) in sparse.unpack().unwrap().into_iter().enumerate() {
                    prop_assert_eq!((values[row], segments[row]), (value, u64::from(segment)));
                    prop_assert_eq!(if any { requests[row] } else { 0 }, Column::Requests.of(&usage));
                    found.entry(value).or_default().insert(segment, usage);
                }
            }
            prop_assert_eq!(found, ids);
        }

        #[test]
        fn any_changed_byte_is_noticed(ids in ids(), at in any::<prop::sample::Index>(), flip in 1u8..) {
            let mut block = blocks(&ids).remove(0);
            let at = at.index(block.len());
            block[at] ^= flip;
            prop_assert!(Sparse::read(b"", &block).is_err());
            prop_assert!(Sparse::read(b"", &block[..at]).is_err());
        }

        #[test]
        fn foreign_bytes_never_panic(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(sparse) = Sparse::read(b"", &frame(VERSION, &body)) {
                let _ = sparse.unpack();
            }
        }
    }
}
