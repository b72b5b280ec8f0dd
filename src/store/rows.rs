//! Sealed rows: usage by id and time, in order of both. An id is a series, or a value of one dimension.
//!
//! ```text
//! one or more of:
//!   id varint, less the id before | hours varint | parts varint | heads (see `columns`)
//!   | hours: their segments, each 11 bits | for each column: hours × its width
//!   | parts: likewise
//! ```
//!
//! There is a row for every hour with usage, at the first segment that has any, with the usage of the whole hour. What
//! of it belongs to later segments of the hour is repeated in parts: only days that begin inside an hour need them,
//! and others do not pay for them.
//!
//! All of it is in a [`packed`](super::packed) frame. An id with many rows may go on in the next block.

use std::ops::Range;

use super::columns::{Column, Heads, divisors_of};
use super::packed::{BlockError, HEAD, Packed, TAIL, frame, pack, put_varint, take_varint_u32, unframe};
use crate::model::{HOUR_OF_SEGMENT, Overflow, PERIOD_DAYS, SEGMENTS, Usage};

const VERSION: u8 = 1;
/// A period's 1,184 segments in binary.
pub(super) const SEGMENT_BITS: u8 = 11;
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

    /// Adds the rows of an id, which must be above those before, in order of segments. What does not fit into any
    /// block goes on in the next.
    pub fn push(&mut self, id: u32, rows: &[SealedRow]) -> Result<(), Overflow> {
        assert!(rows.is_sorted_by(|a, b| a.0 < b.0), "rows of an id are in order of segments");
        let mut chunk = Vec::new();
        encode(&mut chunk, id - self.last, rows)?;
        if self.body.len() + chunk.len() > self.limit {
            // At the start of a block the id may take four bytes more. One hour is never cut.
            let middle = rows[rows.len() / 2].0;
            let middle = rows.partition_point(|(segment, _)| hour_of(*segment) < hour_of(middle));
            if chunk.len() + 4 > self.limit && middle > 0 {
                self.push(id, &rows[..middle])?;
                return self.push(id, &rows[middle..]);
            }
            self.cut();
            chunk.clear();
            encode(&mut chunk, id, rows)?;
        }
        self.body.extend_from_slice(&chunk);
        self.last = id;
        Ok(())
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
}

/// The hour of the period that a segment of it lies in.
fn hour_of(segment: u16) -> u16 {
    let (day, of_day) = (segment / SEGMENTS as u16, usize::from(segment) % SEGMENTS);
    day * 24 + u16::from(HOUR_OF_SEGMENT[of_day])
}

fn encode(out: &mut Vec<u8>, id: u32, rows: &[SealedRow]) -> Result<(), Overflow> {
    let (mut hours, mut parts): (Vec<SealedRow>, Vec<SealedRow>) = (Vec::new(), Vec::new());
    for row in rows {
        match hours.last_mut() {
            Some(hour) if hour_of(hour.0) == hour_of(row.0) => {
                hour.1.add(&row.1)?;
                parts.push(*row);
            }
            _ => hours.push(*row),
        }
    }
    put_varint(out, u128::from(id));
    put_varint(out, hours.len() as u128);
    put_varint(out, parts.len() as u128);
    let all: Vec<&SealedRow> = hours.iter().chain(&parts).collect();
    let divisors = divisors_of(all.iter().map(|(_, usage)| usage));
    let heads = Heads::choose(all.len(), divisors, |column, row| column.of(&all[row].1));
    heads.write(out);
    let (hours, parts) = all.split_at(hours.len());
    Section::pack(out, &heads, hours);
    Section::pack(out, &heads, parts);
    Ok(())
}

/// The rows of one id, packed.
pub struct Rows<'a> {
    pub id: u32,
    heads: Heads,
    hours: Section<'a>,
    parts: Section<'a>,
}

/// Rows by column: their segments, and what the heads say that there is of each.
#[derive(Clone, Copy)]
pub(super) struct Section<'a> {
    pub len: usize,
    segments: Packed<'a>,
    /// From the first column on.
    columns: &'a [u8],
}

/// Calls `visit` with the rows of each id of a block.
pub(super) fn read(
    key: &[u8],
    bytes: &[u8],
    mut visit: impl FnMut(Rows<'_>) -> Result<(), super::StoreError>,
) -> Result<(), super::StoreError> {
    let mut at = unframe(VERSION, key, bytes)?;
    let mut id = 0u32;
    while at.len() > TAIL {
        id = id.wrapping_add(take_varint_u32(&mut at)?);
        let [hours, parts] = [take_varint_u32(&mut at)? as usize, take_varint_u32(&mut at)? as usize];
        let heads = Heads::read(&mut at)?;
        let (hours, parts) = (Section::take(&mut at, &heads, hours)?, Section::take(&mut at, &heads, parts)?);
        visit(Rows { id, heads, hours, parts })?;
    }
    if at.len() == TAIL { Ok(()) } else { Err(BlockError::Short.into()) }
}

impl<'a> Section<'a> {
    pub fn pack(out: &mut Vec<u8>, heads: &Heads, rows: &[&SealedRow]) {
        pack(out, &rows.iter().map(|(segment, _)| u64::from(*segment)).collect::<Vec<_>>(), SEGMENT_BITS);
        for column in heads.present() {
            let divisor = heads.divisor(column);
            let values: Vec<u64> = rows.iter().map(|(_, usage)| column.of(usage) / divisor).collect();
            pack(out, &values, heads.width(column));
        }
    }

    pub fn take(at: &mut &'a [u8], heads: &Heads, len: usize) -> Result<Section<'a>, BlockError> {
        let segments = Packed::take(at, SEGMENT_BITS, len)?;
        let columns = *at;
        let size: usize = heads.present().map(|column| Section::bytes(len, heads, column)).sum();
        if columns.len() < size + TAIL {
            return Err(BlockError::Short);
        }
        *at = &columns[size..];
        Ok(Section { len, segments, columns })
    }

    /// `len` is at most what 11 bits each of a block allow, so nothing overflows.
    fn bytes(len: usize, heads: &Heads, column: Column) -> usize {
        (len * usize::from(heads.width(column))).div_ceil(8)
    }

    fn packed(&self, heads: &Heads, column: Column) -> Packed<'a> {
        let before = heads.present().take_while(|before| *before < column);
        let size: usize = before.map(|before| Section::bytes(self.len, heads, before)).sum();
        Packed::take(&mut &self.columns[size..], heads.width(column), self.len).expect("checked when it was read")
    }

    /// Puts the segments of some rows into `out`. Each is below the number of segments in a period.
    pub fn segments(&self, rows: &Range<usize>, out: &mut Vec<u64>) -> Result<(), super::StoreError> {
        self.segments.unpack(rows, out);
        // One that is too large makes a difference negative. Processors have no quick maximum of 64 bits.
        const LAST: u64 = (PERIOD_DAYS * SEGMENTS) as u64 - 1;
        let differences = out.iter().fold(0, |all, segment| all | LAST.wrapping_sub(*segment));
        if differences >> 63 == 0 { Ok(()) } else { Err(super::damaged("a segment of a sealed row")) }
    }

    /// Puts the values of some rows into `out`, or returns false when all are 0.
    pub fn column(&self, heads: &Heads, rows: &Range<usize>, column: Column, out: &mut Vec<u64>) -> bool {
        if !heads.has(column) {
            return false;
        }
        if heads.is_derived(column) {
            self.packed(heads, Column::TotalTokens).unpack(rows, out);
            let input = self.packed(heads, Column::InputTokens);
            input.each_of(rows.clone(), |row, input| out[row - rows.start] = out[row - rows.start].wrapping_sub(input));
        } else {
            self.packed(heads, column).unpack(rows, out);
            let divisor = heads.divisor(column);
            if divisor != 1 {
                out.iter_mut().for_each(|value| *value = value.wrapping_mul(divisor));
            }
        }
        true
    }

    /// The sum of the values of some rows.
    pub fn sum(&self, heads: &Heads, rows: &Range<usize>, column: Column) -> u128 {
        if !heads.has(column) {
            return 0;
        }
        if heads.is_derived(column) {
            let of = |column| self.packed(heads, column).sum(rows);
            return of(Column::TotalTokens).wrapping_sub(of(Column::InputTokens));
        }
        self.packed(heads, column).sum(rows) * u128::from(heads.divisor(column))
    }

    pub fn unpack(&self, heads: &Heads) -> Result<Vec<SealedRow>, super::StoreError> {
        let (all, mut values) = (0..self.len, Vec::new());
        self.segments(&all, &mut values)?;
        let mut rows: Vec<SealedRow> = values.iter().map(|segment| (*segment as u16, Usage::default())).collect();
        for column in heads.present() {
            self.column(heads, &all, column, &mut values);
            rows.iter_mut().zip(&values).for_each(|((_, usage), value)| column.put(usage, *value));
        }
        Ok(rows)
    }
}

/// Which of an id's rows to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// One for each hour, with all of its usage.
    Hours,
    /// What of an hour's usage belongs to segments after its row's own.
    Parts,
}

impl Rows<'_> {
    fn section(&self, which: Which) -> &Section<'_> {
        match which {
            Which::Hours => &self.hours,
            Which::Parts => &self.parts,
        }
    }

    pub fn all(&self, which: Which) -> Range<usize> {
        0..self.section(which).len
    }

    /// The rows of some of the period's segments, and perhaps some before them.
    pub fn within(&self, which: Which, segments: &Range<usize>) -> Range<usize> {
        if segments.len() == PERIOD_DAYS * SEGMENTS {
            return self.all(which);
        }
        self.section(which).segments.within(&(segments.start as u64..segments.end as u64))
    }

    /// The rows of some of the period's segments.
    pub fn between(&self, which: Which, segments: &Range<usize>) -> Range<usize> {
        if segments.len() == PERIOD_DAYS * SEGMENTS {
            return self.all(which);
        }
        self.section(which).segments.between(&(segments.start as u64..segments.end as u64))
    }

    /// The sum of the values of some rows.
    pub fn sum(&self, which: Which, rows: &Range<usize>, column: Column) -> u128 {
        self.section(which).sum(&self.heads, rows, column)
    }

    /// Puts the segments of some rows into `out`. Each is below the number of segments in a period.
    pub fn segments(&self, which: Which, rows: &Range<usize>, out: &mut Vec<u64>) -> Result<(), super::StoreError> {
        self.section(which).segments(rows, out)
    }

    /// Puts the values of some rows into `out`, or returns false when all are 0.
    pub fn column(&self, which: Which, rows: &Range<usize>, column: Column, out: &mut Vec<u64>) -> bool {
        self.section(which).column(&self.heads, rows, column, out)
    }

    /// For each part the number of the row that has its hour, into `out`. `hours` and `parts` are their segments.
    pub fn hours_of_parts(hours: &[u64], parts: &[u64], out: &mut Vec<usize>) -> Result<(), super::StoreError> {
        out.clear();
        let mut row = 0;
        for part in parts {
            while hours.get(row).is_some_and(|hour| hour_of(*hour as u16) < hour_of(*part as u16)) {
                row += 1;
            }
            match hours.get(row) {
                Some(hour) if hour_of(*hour as u16) == hour_of(*part as u16) && hour < part => out.push(row),
                _ => return Err(super::damaged("a part of an hour without its hour")),
            }
        }
        Ok(())
    }

    /// Unpacks everything, by segment.
    pub(super) fn unpack(&self) -> Result<Vec<SealedRow>, super::StoreError> {
        let [mut hours, parts] = [self.hours.unpack(&self.heads)?, self.parts.unpack(&self.heads)?];
        if parts.is_empty() {
            return Ok(hours);
        }
        let segments = |rows: &[SealedRow]| rows.iter().map(|(segment, _)| u64::from(*segment)).collect::<Vec<_>>();
        let mut of_hours = Vec::new();
        Rows::hours_of_parts(&segments(&hours), &segments(&parts), &mut of_hours)?;
        for ((_, usage), hour) in parts.iter().zip(of_hours) {
            let whole = &mut hours[hour].1;
            *whole = whole.without(usage).ok_or_else(|| super::damaged("a part of an hour is more than the hour"))?;
        }
        hours.extend(parts);
        hours.sort_unstable_by_key(|(segment, _)| *segment);
        Ok(hours)
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

    pub fn ids() -> impl Strategy<Value = BTreeMap<u32, BTreeMap<u16, Usage>>> {
        let rows = proptest::collection::btree_map(0u16..1184, usage(), 1..40);
        proptest::collection::btree_map(any::<u32>(), rows, 1..12)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn what_is_packed_comes_back_and_blocks_keep_their_limit(ids in ids()) {
            let mut builder = Builder::new(1200);
            for (id, rows) in &ids {
                builder.push(*id, &rows.iter().map(|(s, u)| (*s, *u)).collect::<Vec<_>>()).unwrap();
            }
            let mut found: BTreeMap<u32, BTreeMap<u16, Usage>> = BTreeMap::new();
            for block in builder.finish() {
                prop_assert!(block.len() <= 1200);
                read(b"", &block, |rows| {
                    found.entry(rows.id).or_default().extend(rows.unpack()?);
                    Ok(())
                }).unwrap();
            }
            prop_assert_eq!(found, ids);
        }

        #[test]
        fn any_changed_byte_is_noticed(ids in ids(), at in any::<prop::sample::Index>(), flip in 1u8..) {
            let mut builder = Builder::new(1 << 20);
            for (id, rows) in &ids {
                builder.push(*id, &rows.clone().into_iter().collect::<Vec<_>>()).unwrap();
            }
            let mut block = builder.finish().remove(0);
            let at = at.index(block.len());
            block[at] ^= flip;
            prop_assert!(read(b"", &block, |_| Ok(())).is_err());
            prop_assert!(read(b"", &block[..at], |_| Ok(())).is_err());
        }

        #[test]
        fn foreign_bytes_never_panic(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(b"", &frame(VERSION, &body), |rows| rows.unpack().map(drop));
        }
    }
}
