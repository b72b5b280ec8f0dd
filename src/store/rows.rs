//! Sealed rows: usage by id and segment, in order of both. An id is a series, or a value of one dimension.
//!
//! ```text
//! one or more of:
//!   id varint, less the id before | rows varint | heads (see `columns`)
//!   | segments of the period, rows × 11 bits | for each column: rows × its width
//! ```
//!
//! All of it is in a [`packed`](super::packed) frame. An id with many rows may go on in the next block.

use super::columns::{Column, DERIVED, Heads, divisors_of};
use super::packed::{BlockError, HEAD, Packed, TAIL, frame, pack, put_varint, take_varint_u32, unframe};
use crate::model::{PERIOD_DAYS, SEGMENTS, Usage};

const VERSION: u8 = 1;
/// A period's 1,184 segments in binary.
const SEGMENT_BITS: u8 = 11;
const _: () = assert!(PERIOD_DAYS * SEGMENTS <= 1 << SEGMENT_BITS);

/// The usage of one id in one segment of the period.
pub type SealedRow = (u16, Usage);

/// Packs rows into blocks of at most `limit` bytes.
pub(super) struct Builder {
    limit: usize,
    body: Vec<u8>,
    last: u32,
    blocks: Vec<Vec<u8>>,
}

impl Builder {
    pub fn new(limit: usize) -> Builder {
        Builder { limit: limit - HEAD - TAIL, body: Vec::new(), last: 0, blocks: Vec::new() }
    }

    /// Adds the rows of an id, which must be above those before, in order of segments.
    pub fn push(&mut self, id: u32, rows: &[SealedRow]) {
        let mut group = Vec::new();
        self.encode(&mut group, id, rows);
        if self.body.len() + group.len() > self.limit {
            // At the start of a block the id may take four bytes more.
            if group.len() + 4 > self.limit && rows.len() > 1 {
                // What does not fit into any block goes on in the next.
                let (first, rest) = rows.split_at(rows.len() / 2);
                self.push(id, first);
                self.push(id, rest);
                return;
            }
            self.cut();
            group.clear();
            self.encode(&mut group, id, rows);
        }
        self.body.extend_from_slice(&group);
        self.last = id;
    }

    pub fn finish(mut self) -> Vec<Vec<u8>> {
        self.cut();
        self.blocks
    }

    fn cut(&mut self) {
        if !self.body.is_empty() {
            self.blocks.push(frame(VERSION, &self.body));
        }
        self.body.clear();
        self.last = 0;
    }

    fn encode(&self, out: &mut Vec<u8>, id: u32, rows: &[SealedRow]) {
        assert!(rows.is_sorted_by(|a, b| a.0 < b.0), "rows of an id are in order of segments");
        put_varint(out, u128::from(id - self.last));
        put_varint(out, rows.len() as u128);
        let divisors = divisors_of(rows.iter().map(|(_, usage)| usage));
        let heads = Heads::choose(rows.len(), divisors, |column, row| column.of(&rows[row].1));
        heads.write(out);
        pack(out, &rows.iter().map(|(segment, _)| u64::from(*segment)).collect::<Vec<_>>(), SEGMENT_BITS);
        for column in heads.present() {
            let divisor = heads.divisor(column);
            let values: Vec<u64> = rows.iter().map(|(_, usage)| column.of(usage) / divisor).collect();
            pack(out, &values, heads.stored_width(column));
        }
    }
}

/// The rows of one id, packed.
pub struct Rows<'a> {
    pub id: u32,
    len: usize,
    heads: Heads,
    segments: Packed<'a>,
    /// From the first column on.
    columns: &'a [u8],
}

/// Calls `visit` with the rows of each id of a block.
pub(super) fn read(
    bytes: &[u8],
    mut visit: impl FnMut(Rows<'_>) -> Result<(), super::StoreError>,
) -> Result<(), super::StoreError> {
    let mut at = unframe(VERSION, bytes)?;
    let mut id = 0u32;
    while at.len() > TAIL {
        id = id.wrapping_add(take_varint_u32(&mut at)?);
        let len = take_varint_u32(&mut at)? as usize;
        let heads = Heads::read(&mut at)?;
        let segments = Packed::take(&mut at, SEGMENT_BITS, len)?;
        let columns = at;
        for column in heads.present() {
            Packed::take(&mut at, heads.stored_width(column), len)?;
        }
        visit(Rows { id, len, heads, segments, columns })?;
    }
    if at.len() == TAIL { Ok(()) } else { Err(BlockError::Short.into()) }
}

impl Rows<'_> {
    pub fn len(&self) -> usize {
        self.len
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Puts the segment of each row into `out`. Each is below the number of segments in a period.
    pub fn segments(&self, out: &mut Vec<u16>) -> Result<(), super::StoreError> {
        out.clear();
        let mut last = 0;
        self.segments.each(|_, segment| {
            out.push(segment as u16);
            last = last.max(segment);
        });
        if last < (PERIOD_DAYS * SEGMENTS) as u64 { Ok(()) } else { Err(super::damaged("a segment of a sealed row")) }
    }

    /// Puts the value of each row into `out`, or returns false when all are 0.
    pub fn column(&self, column: Column, out: &mut Vec<u64>) -> bool {
        if !self.heads.has(column) {
            return false;
        }
        out.clear();
        if self.heads.widths[column as usize] == DERIVED {
            out.resize(self.len, 0);
            self.packed(Column::TotalTokens).each(|row, total| out[row] = total);
            self.packed(Column::InputTokens).each(|row, input| out[row] = out[row].wrapping_sub(input));
        } else {
            let divisor = self.heads.divisor(column);
            self.packed(column).each(|_, value| out.push(value.wrapping_mul(divisor)));
        }
        true
    }

    fn packed(&self, column: Column) -> Packed<'_> {
        let mut at = self.columns;
        for before in self.heads.present().take_while(|before| *before < column) {
            let size = (self.len * usize::from(self.heads.stored_width(before))).div_ceil(8);
            at = &at[size..];
        }
        Packed::take(&mut at, self.heads.stored_width(column), self.len).expect("checked when the block was read")
    }

    /// Unpacks everything.
    pub fn unpack(&self) -> Result<Vec<SealedRow>, super::StoreError> {
        let mut segments = Vec::new();
        self.segments(&mut segments)?;
        let mut rows: Vec<SealedRow> = segments.into_iter().map(|segment| (segment, Usage::default())).collect();
        let mut values = Vec::new();
        for column in self.heads.present() {
            self.column(column, &mut values);
            rows.iter_mut().zip(&values).for_each(|((_, usage), value)| column.put(usage, *value));
        }
        Ok(rows)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::model::{COUNTS, Measures, PicoUsd};

    pub fn usage() -> impl Strategy<Value = Usage> {
        let count = prop_oneof![Just(0u64), 0u64..100, (0u64..1000).prop_map(|v| v * 2_500_000), 0..u64::MAX >> 12];
        let cost = prop_oneof![Just(0i128), (0i128..1 << 30).prop_map(|v| v * 1000), 0i128..1 << 100];
        (proptest::collection::vec(count, COUNTS), cost.clone(), 0u64..5, cost, any::<bool>()).prop_map(
            |(counts, cost, api_keys_requests, api_keys_cost, derived)| {
                let mut all = Measures { counts: counts.try_into().expect("as many"), cost: PicoUsd(cost) };
                if derived {
                    all.counts[1] = all.counts[2] + all.counts[3];
                }
                Usage { all, api_keys_requests, api_keys_cost: PicoUsd(api_keys_cost) }
            },
        )
    }

    fn ids() -> impl Strategy<Value = BTreeMap<u32, BTreeMap<u16, Usage>>> {
        let rows = proptest::collection::btree_map(0u16..1184, usage(), 1..40);
        proptest::collection::btree_map(any::<u32>(), rows, 1..12)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn what_is_packed_comes_back_and_blocks_keep_their_limit(ids in ids()) {
            let mut builder = Builder::new(1000);
            for (id, rows) in &ids {
                builder.push(*id, &rows.iter().map(|(s, u)| (*s, *u)).collect::<Vec<_>>());
            }
            let mut found: BTreeMap<u32, BTreeMap<u16, Usage>> = BTreeMap::new();
            for block in builder.finish() {
                prop_assert!(block.len() <= 1000);
                read(&block, |rows| {
                    found.entry(rows.id).or_default().extend(rows.unpack()?);
                    Ok(())
                }).unwrap();
            }
            prop_assert_eq!(found, ids);
        }

        #[test]
        fn any_changed_byte_is_noticed(ids in ids(), at in any::<prop::sample::Index>(), flip in 1u8..) {
            let mut builder = Builder::new(1 << 20);
            ids.iter().for_each(|(id, rows)| builder.push(*id, &rows.clone().into_iter().collect::<Vec<_>>()));
            let mut block = builder.finish().remove(0);
            let at = at.index(block.len());
            block[at] ^= flip;
            prop_assert!(read(&block, |_| Ok(())).is_err());
            prop_assert!(read(&block[..at], |_| Ok(())).is_err());
        }

        #[test]
        fn foreign_bytes_never_panic(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(&frame(VERSION, &body), |rows| rows.unpack().map(drop));
        }
    }
}
