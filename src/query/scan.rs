//! The inner loop: rows of hours into sums of groups, bucket by bucket.
//!
//! Hours come in order, so one small set of accumulators serves every bucket in turn and stays in cache, and an
//! answer takes memory by what it contains, not by buckets times groups.

use rayon::prelude::*;

use super::plan::{Plan, Span};
use crate::model::{COUNTS, Count, Measures, OrganizationId, Overflow};
use crate::store::block::{Block, COST};
use crate::store::{Reader, StoreError};

/// The sums of one bucket.
pub(super) struct BucketSums {
    /// (cell, sums), in order of cells, only cells with usage.
    pub cells: Vec<(u32, Measures)>,
    /// All cells together, in every measure.
    pub total: Measures,
}

/// What to sum.
pub(super) struct Scan<'a> {
    pub reader: &'a Reader,
    pub organization: OrganizationId,
    /// For every series its cell, or `cells` when it does not count.
    pub cell_of: &'a [u32],
    pub cells: u32,
    /// The counts wanted by cell besides requests; cost always is.
    pub counts: &'a [Count],
}

/// What a scan finds.
#[derive(Default)]
pub(super) struct Sums {
    pub buckets: Vec<BucketSums>,
    /// Requests by series over the whole plan: who was active.
    pub requests_of: Vec<u64>,
}

/// Buckets of a chunk that one thread scans. Waking a second thread pays from about a millisecond of work, which is
/// some two months of hours.
const CHUNK_HOURS: u32 = 1500;

impl Scan<'_> {
    /// Scans a plan, on several threads when it is long. Chunks are cut at buckets, so nothing is merged but who was
    /// active.
    pub fn run(&self, plan: &Plan) -> Result<Sums, StoreError> {
        let chunks = (plan.hours() / CHUNK_HOURS).clamp(1, rayon::current_num_threads() as u32) as usize;
        let per_chunk = plan.spans.len().div_ceil(chunks).max(1);
        let scanned: Result<Vec<Sums>, StoreError> = if chunks == 1 {
            plan.spans.chunks(per_chunk).map(|spans| self.run_chunk(spans)).collect()
        } else {
            plan.spans.par_chunks(per_chunk).map(|spans| self.run_chunk(spans)).collect()
        };
        Ok(scanned?.into_iter().reduce(Sums::joined).unwrap_or_default())
    }

    fn run_chunk(&self, spans: &[Span]) -> Result<Sums, StoreError> {
        let mut state = Accumulators::new(self);
        let mut buckets = Vec::with_capacity(spans.len());
        for span in spans {
            state.add_span(self, span)?;
            buckets.push(state.take());
        }
        Ok(Sums { buckets, requests_of: state.requests_of })
    }
}

impl Sums {
    fn joined(mut self, next: Sums) -> Sums {
        self.buckets.extend(next.buckets);
        for (requests, more) in self.requests_of.iter_mut().zip(&next.requests_of) {
            *requests += more;
        }
        self
    }
}

struct Accumulators {
    cells: Vec<Measures>,
    total: Measures,
    requests_of: Vec<u64>,
    /// The rows of the block at hand that count.
    rows: Vec<Row>,
    everything_counts: bool,
}

struct Row {
    number: u32,
    series: u32,
    cell: u32,
}

impl Accumulators {
    fn new(scan: &Scan<'_>) -> Self {
        Accumulators {
            cells: vec![Measures::ZERO; scan.cells as usize],
            total: Measures::ZERO,
            requests_of: vec![0; scan.cell_of.len()],
            rows: Vec::new(),
            everything_counts: scan.cell_of.iter().all(|cell| *cell < scan.cells),
        }
    }

    fn add_span(&mut self, scan: &Scan<'_>, span: &Span) -> Result<(), StoreError> {
        let (reader, organization) = (scan.reader, scan.organization);
        reader.scan_hours(organization, span.hours.start, span.hours.end, |_, block| self.add::<true>(scan, &block))?;
        if let Some(slot) = span.add {
            reader.scan_slot(organization, slot, |block| self.add::<true>(scan, &block))?;
        }
        // Last, so that a sum never goes below zero on the way.
        if let Some(slot) = span.subtract {
            reader.scan_slot(organization, slot, |block| self.add::<false>(scan, &block))?;
        }
        Ok(())
    }

    /// Adds a block, or with `PLUS` false takes it away.
    fn add<const PLUS: bool>(&mut self, scan: &Scan<'_>, block: &Block<'_>) -> Result<(), StoreError> {
        let mut known = true;
        let (rows, everything) = (&mut self.rows, self.everything_counts);
        rows.clear();
        block.series(|number, series| match scan.cell_of.get(series as usize) {
            Some(cell) if everything || *cell < scan.cells => {
                rows.push(Row { number: number as u32, series, cell: *cell });
            }
            Some(_) => {}
            None => known = false,
        });
        if !known {
            return Err(crate::store::damaged("a rollup counts a series that has no name"));
        }
        let (cells, rows, requests_of) = (&mut self.cells, &self.rows, &mut self.requests_of);
        each(block, rows, everything, Count::Requests as usize, |row, value| {
            let own =
                [&mut requests_of[row.series as usize], &mut cells[row.cell as usize].counts[Count::Requests as usize]];
            own.into_iter().for_each(|sum| change::<PLUS>(sum, value));
        });
        for count in scan.counts {
            let count = *count as usize;
            each(block, rows, everything, count, |row, value| {
                change::<PLUS>(&mut cells[row.cell as usize].counts[count], value);
            });
        }
        for (column, shift) in [(COST, 0), (COST + 1, 64)] {
            each(block, rows, everything, column, |row, value| {
                let (sum, value) = (&mut cells[row.cell as usize].cost.0, i128::from(value) << shift);
                *sum = if PLUS { *sum + value } else { *sum - value };
            });
        }
        for column in 0..COUNTS {
            let mut sum = 0;
            if everything {
                sum = block.sum(column);
            } else {
                each(block, rows, everything, column, |_, value| sum += u128::from(value));
            }
            change::<PLUS>(&mut self.total.counts[column], u64::try_from(sum).map_err(|_| Overflow)?);
        }
        Ok(())
    }

    /// The bucket's sums, leaving everything at zero for the next.
    fn take(&mut self) -> BucketSums {
        let mut found = Vec::new();
        let mut total = std::mem::take(&mut self.total);
        for (cell, sums) in self.cells.iter_mut().enumerate() {
            if !sums.is_zero() {
                total.cost.0 += sums.cost.0;
                found.push((cell as u32, std::mem::take(sums)));
            }
        }
        BucketSums { cells: found, total }
    }
}

/// Visits the rows of a column: all in one sweep, or those that count, picked out of it, so that the others cost
/// nothing.
#[inline]
fn each(block: &Block<'_>, rows: &[Row], everything: bool, column: usize, mut visit: impl FnMut(&Row, u64)) {
    if everything {
        block.column(column, |number, value| visit(&rows[number], value));
    } else if block.has(column) {
        rows.iter().for_each(|row| visit(row, block.value(column, row.number as usize)));
    }
}

#[inline]
fn change<const PLUS: bool>(sum: &mut u64, by: u64) {
    *sum = if PLUS { *sum + by } else { *sum - by };
}
