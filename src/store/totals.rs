//! Running totals: for each value of a dimension, and each of the 32 days of a period, its usage from the start of
//! the UTC day up to one cut. One block holds many values at the same cut, so a question reads the cuts at which its
//! days begin, and nothing else.
//!
//! ```text
//! one or more of:
//!   value varint, less the value before | heads (see `columns`), widths in whole bytes
//!   | for each column: 32 days × its width
//! ```
//!
//! All of it is in a [`packed`](super::packed) frame. Values without usage before the cut are left out. The columns
//! that most questions ask for are in blocks of their own, the others in others.

use super::Pivot;
use super::columns::{Column, Heads, divisors_of};
use super::packed::{BlockError, HEAD, TAIL, frame, pack, put_varint, take_varint_u32, unframe, unpack_32};
use super::rows::SealedRow;
use crate::model::{Overflow, PERIOD_DAYS, PicoUsd, SEGMENTS, Usage};

const VERSION: u8 = 1;

/// Packs the running totals of one dimension in one period.
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

    /// Adds a value, which must be above those before, with its rows in order of segments.
    pub fn push(&mut self, value: u32, rows: &[SealedRow]) -> Result<(), Overflow> {
        // By day and cut: usage so far that day.
        let mut totals = vec![[Usage::default(); PERIOD_DAYS]; SEGMENTS];
        for (segment, usage) in rows {
            let (day, of_day) = (usize::from(*segment) / SEGMENTS, usize::from(*segment) % SEGMENTS);
            totals[of_day][day] = *usage;
        }
        for cut in 1..SEGMENTS {
            let (before, from) = totals.split_at_mut(cut);
            for (total, so_far) in from[0].iter_mut().zip(&before[cut - 1]) {
                total.add(so_far)?;
            }
        }
        let divisors = divisors_of(rows.iter().map(|(_, usage)| usage));
        // A day's money may need high halves though no row of it does; then there is no divisor.
        let fits = |cost: PicoUsd| u64::try_from(cost.0).is_ok();
        let whole_days = &totals[SEGMENTS - 1];
        let fit = whole_days.iter().all(|usage| fits(usage.all.cost) && fits(usage.api_keys_cost));
        let divisors = if fit { divisors } else { [1; 2] };
        for (cuts, days) in self.cuts.iter_mut().zip(&totals) {
            if days.iter().all(Usage::is_zero) {
                continue;
            }
            for (cut, frequent) in cuts.iter_mut().zip([false, true]) {
                cut.push(self.limit, value, days, divisors, self.pivot.columns(frequent));
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
        value: u32,
        days: &[Usage; PERIOD_DAYS],
        divisors: [u64; 2],
        columns: impl Iterator<Item = Column>,
    ) {
        let heads = Heads::in_bytes(PERIOD_DAYS, divisors, columns, |column, day| column.of(&days[day]));
        if heads.is_empty() {
            return;
        }
        let mut entry = Vec::new();
        heads.write(&mut entry);
        for column in heads.present() {
            let divisor = heads.divisor(column);
            pack(&mut entry, &days.map(|usage| column.of(&usage) / divisor), heads.width(column));
        }
        // The value itself takes at most 5 bytes.
        if self.body.len() + entry.len() + 5 > limit {
            self.cut();
        }
        put_varint(&mut self.body, u128::from(value - self.last));
        self.body.extend_from_slice(&entry);
        self.last = value;
    }

    fn cut(&mut self) {
        if !self.body.is_empty() {
            self.blocks.push(frame(VERSION, &self.body));
        }
        self.body.clear();
        self.last = 0;
    }
}

/// One value's running totals at one cut, on each day of a period.
pub struct Totals<'a> {
    pub value: u32,
    heads: Heads,
    columns: &'a [u8],
}

/// Calls `visit` with each value of a block.
pub(super) fn read(bytes: &[u8], mut visit: impl FnMut(Totals<'_>)) -> Result<(), BlockError> {
    let mut at = unframe(VERSION, bytes)?;
    let mut value = 0u32;
    while at.len() > TAIL {
        value = value.wrapping_add(take_varint_u32(&mut at)?);
        let heads = Heads::read(&mut at)?;
        let size = 4 * heads.width_of_all();
        if at.len() < size + TAIL {
            return Err(BlockError::Short);
        }
        visit(Totals { value, heads, columns: at });
        at = &at[size..];
    }
    if at.len() == TAIL { Ok(()) } else { Err(BlockError::Short) }
}

impl Totals<'_> {
    /// Puts a column's value on each day into `out`, or returns false when all are 0.
    #[inline]
    pub fn column(&self, column: Column, out: &mut [u64; PERIOD_DAYS]) -> bool {
        if !self.heads.has(column) {
            return false;
        }
        let columns = &self.columns[4 * self.heads.width_before(column)..];
        unpack_32(columns, self.heads.width(column), out);
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
        fn totals_are_the_sums_of_the_rows_before_the_cut(values in values()) {
            let mut builder = Builder::new(Pivot::All, 8000);
            for (value, rows) in &values {
                builder.push(*value, &rows.iter().map(|(s, u)| (*s, *u)).collect::<Vec<_>>()).unwrap();
            }
            for (cut, blocks) in builder.finish().enumerate() {
                let mut found: BTreeMap<u32, Vec<Usage>> = BTreeMap::new();
                for block in blocks.concat() {
                    read(&block, |totals| {
                        let days = found.entry(totals.value).or_insert(vec![Usage::default(); PERIOD_DAYS]);
                        for column in Column::ALL {
                            let mut of_days = [0; PERIOD_DAYS];
                            if totals.column(column, &mut of_days) {
                                days.iter_mut().zip(of_days).for_each(|(usage, v)| column.put(usage, v));
                            }
                        }
                    }).unwrap();
                }
                for (value, rows) in &values {
                    let mut expected = vec![Usage::default(); PERIOD_DAYS];
                    for (segment, usage) in rows {
                        let (day, of_day) = (usize::from(*segment) / SEGMENTS, usize::from(*segment) % SEGMENTS);
                        if of_day <= cut {
                            expected[day].add(usage).unwrap();
                        }
                    }
                    let missing = vec![Usage::default(); PERIOD_DAYS];
                    prop_assert_eq!(found.get(value).unwrap_or(&missing), &expected);
                }
            }
        }

        #[test]
        fn foreign_bytes_never_panic(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(&frame(VERSION, &body), |totals| {
                for column in Column::ALL {
                    totals.column(column, &mut [0; PERIOD_DAYS]);
                }
            });
        }
    }
}
