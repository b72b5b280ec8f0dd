//! Daily totals: for each value of a dimension its usage on the 32 days of a period, for days that begin at one cut of
//! the UTC day. One block holds many values at the same cut, so a question about days reads the cut at which its days
//! begin, and nothing else.
//!
//! Cut once a day, the period falls into 33 stretches: from its start to the cut on its first day, from there to the cut
//! on the next day and so on, and from the cut on its last day to its end.
//!
//! ```text
//! one or more of:
//!   value varint, less the value before | heads (see `columns`)
//!   | for each column: 33 stretches × its width
//! ```
//!
//! All of it is in a [`packed`](super::packed) frame. The columns that most questions ask for are in blocks of their
//! own, the others in others.

use super::Pivot;
use super::columns::{Column, Heads, STRETCHES, divisors_of};
use super::packed::{BlockError, HEAD, TAIL, frame, pack, put_varint, take_varint_u32, unframe, unpack_1, unpack_32};
use super::rows::SealedRow;
use crate::model::{Overflow, PicoUsd, SEGMENTS, Usage};

const VERSION: u8 = 1;

/// One value's usage in each stretch, cut after cut.
pub(super) struct Stretches {
    pub value: u32,
    /// In order of the segment of the day.
    rows: Vec<SealedRow>,
    taken: usize,
    cut: usize,
    pub usage: Box<[Usage; STRETCHES]>,
}

impl Stretches {
    /// Those of cut 0, the start of the UTC day.
    pub fn new(value: u32, mut rows: Vec<SealedRow>) -> Result<Stretches, Overflow> {
        let mut usage = Box::new([Usage::default(); STRETCHES]);
        for (segment, of_row) in &rows {
            usage[usize::from(*segment) / SEGMENTS + 1].add(of_row)?;
        }
        rows.sort_unstable_by_key(|(segment, _)| (usize::from(*segment) % SEGMENTS, *segment));
        Ok(Stretches { value, rows, taken: 0, cut: 0, usage })
    }

    /// Moves the cut past one more segment, which on each day then lies before it.
    pub fn advance(&mut self) -> Result<(), Overflow> {
        while let Some((segment, of_row)) = self.rows.get(self.taken)
            && usize::from(*segment) % SEGMENTS == self.cut
        {
            let day = usize::from(*segment) / SEGMENTS;
            self.usage[day].add(of_row)?;
            self.usage[day + 1] = self.usage[day + 1].without(of_row).expect("a row is a part of its stretch");
            self.taken += 1;
        }
        self.cut += 1;
        Ok(())
    }
}

/// Packs the daily totals of one dimension in one period.
pub(super) struct Builder {
    pivot: Pivot,
    limit: usize,
    /// By cut, the first after the day's first segment, the last at the day's end; and whether of the columns that
    /// most questions ask for.
    cuts: Vec<[Cut; 2]>,
}

#[derive(Default)]
struct Cut {
    body: Vec<u8>,
    last: u32,
    blocks: Vec<Vec<u8>>,
}

impl Builder {
    pub fn new(pivot: Pivot, limit: usize) -> Builder {
        Builder { pivot, limit: limit - HEAD - TAIL, cuts: (0..SEGMENTS).map(|_| Default::default()).collect() }
    }

    /// Adds a value, which must be above those before, with its rows.
    pub fn push(&mut self, value: u32, rows: Vec<SealedRow>) -> Result<(), Overflow> {
        let divisors = divisors_of(rows.iter().map(|(_, usage)| usage));
        let mut stretches = Stretches::new(value, rows)?;
        for cuts in &mut self.cuts {
            stretches.advance()?;
            for (cut, frequent) in cuts.iter_mut().zip([false, true]) {
                cut.push(self.limit, &stretches, divisors, self.pivot.columns(frequent));
            }
        }
        Ok(())
    }

    /// The blocks of each cut, first of the other columns and then of those that most questions ask for.
    pub fn finish(self) -> impl Iterator<Item = [Vec<Vec<u8>>; 2]> {
        self.cuts.into_iter().map(|cuts| {
            cuts.map(|mut cut| {
                cut.cut();
                cut.blocks
            })
        })
    }
}

impl Cut {
    fn push(
        &mut self,
        limit: usize,
        Stretches { value, usage, .. }: &Stretches,
        divisors: [u64; 2],
        columns: impl Iterator<Item = Column>,
    ) {
        // A day's money may need high halves though no row of it does; then there is no divisor.
        let fits = |cost: PicoUsd| u64::try_from(cost.0).is_ok();
        let fit = usage.iter().all(|usage| fits(usage.all.cost) && fits(usage.api_keys_cost));
        let divisors = if fit { divisors } else { [1; 2] };
        let heads = Heads::of_columns(STRETCHES, divisors, columns, |column, stretch| column.of(&usage[stretch]));
        if heads.is_empty() {
            return;
        }
        let mut entry = Vec::new();
        heads.write(&mut entry);
        for column in heads.present() {
            let divisor = heads.divisor(column);
            pack(&mut entry, &usage.map(|usage| column.of(&usage) / divisor), heads.width(column));
        }
        // The value itself takes at most 5 bytes.
        if self.body.len() + entry.len() + 5 > limit {
            self.cut();
        }
        put_varint(&mut self.body, u128::from(value - self.last));
        self.body.extend_from_slice(&entry);
        self.last = *value;
    }

    fn cut(&mut self) {
        if !self.body.is_empty() {
            self.blocks.push(frame(VERSION, &self.body));
        }
        self.body.clear();
        self.last = 0;
    }
}

/// One value's daily totals at one cut.
pub struct Totals<'a> {
    pub value: u32,
    heads: Heads,
    columns: &'a [u8],
}

/// Calls `visit` with each value of a block.
pub(super) fn read(key: &[u8], bytes: &[u8], mut visit: impl FnMut(Totals<'_>)) -> Result<(), BlockError> {
    let mut at = unframe(VERSION, key, bytes)?;
    let mut value = 0u32;
    while at.len() > TAIL {
        value = value.wrapping_add(take_varint_u32(&mut at)?);
        let heads = Heads::read(&mut at)?;
        let size = heads.stretches_of_all();
        if at.len() < size + TAIL {
            return Err(BlockError::Short);
        }
        visit(Totals { value, heads, columns: at });
        at = &at[size..];
    }
    if at.len() == TAIL { Ok(()) } else { Err(BlockError::Short) }
}

impl Totals<'_> {
    /// Puts a column's value in each stretch into `out`, or returns false when all are 0.
    #[inline]
    pub fn column(&self, column: Column, out: &mut [u64; STRETCHES]) -> bool {
        if !self.heads.has(column) {
            return false;
        }
        let columns = &self.columns[self.heads.stretches_before(column)..];
        let width = self.heads.width(column);
        let (days, last) = out.split_first_chunk_mut().expect("32 and one more");
        unpack_32(columns, width, days);
        last[0] = unpack_1(&columns[4 * usize::from(width)..], width);
        let divisor = self.heads.divisor(column);
        if divisor != 1 {
            out.iter_mut().for_each(|value| *value = value.wrapping_mul(divisor));
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn values() -> impl Strategy<Value = BTreeMap<u32, BTreeMap<u16, Usage>>> {
        let rows = proptest::collection::btree_map(0u16..1184, super::super::rows::tests::usage(), 1..40);
        proptest::collection::btree_map(any::<u32>(), rows, 1..6)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn totals_are_the_sums_of_the_rows_between_cuts(values in values()) {
            let mut builder = Builder::new(Pivot::All, 8000);
            for (value, rows) in &values {
                builder.push(*value, rows.iter().map(|(s, u)| (*s, *u)).collect()).unwrap();
            }
            for (cut, blocks) in (1..).zip(builder.finish()) {
                let mut found: BTreeMap<u32, Vec<Usage>> = BTreeMap::new();
                for block in blocks.concat() {
                    read(b"", &block, |totals| {
                        let stretches = found.entry(totals.value).or_insert(vec![Usage::default(); STRETCHES]);
                        for column in Column::ALL {
                            let mut of_column = [0; STRETCHES];
                            if totals.column(column, &mut of_column) {
                                stretches.iter_mut().zip(of_column).for_each(|(usage, v)| column.put(usage, v));
                            }
                        }
                    }).unwrap();
                }
                for (value, rows) in &values {
                    let mut expected = vec![Usage::default(); STRETCHES];
                    for (segment, usage) in rows {
                        let (day, of_day) = (usize::from(*segment) / SEGMENTS, usize::from(*segment) % SEGMENTS);
                        expected[if of_day < cut { day } else { day + 1 }].add(usage).unwrap();
                    }
                    let missing = vec![Usage::default(); STRETCHES];
                    prop_assert_eq!(found.get(value).unwrap_or(&missing), &expected);
                }
            }
        }

        #[test]
        fn foreign_bytes_never_panic(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(b"", &frame(VERSION, &body), |totals| {
                for column in Column::ALL {
                    totals.column(column, &mut [0; STRETCHES]);
                }
            });
        }
    }
}
