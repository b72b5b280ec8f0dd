//! The inner loop: rows of hours into sums of groups, bucket by bucket.
//!
//! Hours come in order, so one small set of accumulators serves every bucket in turn and stays in cache, and an
//! answer takes memory by what it contains, not by buckets times groups.

use rayon::prelude::*;

use super::plan::{Plan, Span};
use crate::model::{COUNTS, Count, Measures, OrganizationId, Overflow, PicoUsd};
use crate::store::block::{Block, COST};
use crate::store::{Reader, StoreError};

/// The sums of one bucket.
pub(super) struct BucketSums {
    /// (cell, sums), in order of cells, only cells with usage.
    pub cells: Vec<(u32, Measures)>,
    /// All of the bucket, whatever its cell, in every measure.
    pub total: Measures,
}

/// What to sum.
pub(super) struct Scan<'a> {
    pub reader: &'a Reader,
    pub organization: OrganizationId,
    /// For every series its cell, or `cells` when it does not count.
    pub cell_of: &'a [u32],
    pub cells: u32,
    /// The counts wanted by cell besides requests and cost, which always are.
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
            buckets.push(state.take(self));
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
    /// One for each cell, and a last one for what does not count.
    cells: Vec<Measures>,
    total: Measures,
    requests_of: Vec<u64>,
    /// Series and cell of each row of the block at hand.
    rows: Vec<(u32, u32)>,
    everything_counts: bool,
}

impl Accumulators {
    fn new(scan: &Scan<'_>) -> Self {
        Accumulators {
            cells: vec![Measures::ZERO; scan.cells as usize + 1],
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
        self.rows.clear();
        block.series(|_, series| {
            let cell = scan.cell_of.get(series as usize);
            known &= cell.is_some();
            self.rows.push((series, cell.copied().unwrap_or(scan.cells)));
        });
        if !known {
            return Err(crate::store::damaged("a rollup counts a series that has no name"));
        }
        let (cells, rows, requests_of) = (&mut self.cells, &self.rows, &mut self.requests_of);
        block.column(Count::Requests as usize, |row, value| {
            let (series, cell) = rows[row];
            let targets =
                [&mut requests_of[series as usize], &mut cells[cell as usize].counts[Count::Requests as usize]];
            for target in targets {
                *target = if PLUS { *target + value } else { *target - value };
            }
        });
        for count in scan.counts {
            let count = *count as usize;
            block.column(count, |row, value| {
                let target = &mut cells[rows[row].1 as usize].counts[count];
                *target = if PLUS { *target + value } else { *target - value };
            });
        }
        for (column, shift) in [(COST, 0), (COST + 1, 64)] {
            block.column(column, |row, value| {
                let value = i128::from(value) << shift;
                let target = &mut cells[rows[row].1 as usize].cost.0;
                *target = if PLUS { *target + value } else { *target - value };
            });
        }
        for column in 0..COUNTS {
            let sum = if self.everything_counts {
                block.sum(column)
            } else {
                let mut sum = 0u128;
                block.column(column, |row, value| sum += if rows[row].1 == scan.cells { 0 } else { u128::from(value) });
                sum
            };
            let sum = u64::try_from(sum).map_err(|_| Overflow)?;
            let total = &mut self.total.counts[column];
            *total = if PLUS { *total + sum } else { *total - sum };
        }
        Ok(())
    }

    /// The bucket's sums, leaving everything at zero for the next.
    fn take(&mut self, scan: &Scan<'_>) -> BucketSums {
        let mut found = Vec::new();
        let mut cost = 0i128;
        let (cells, nobody) = self.cells.split_at_mut(scan.cells as usize);
        for (cell, sums) in cells.iter_mut().enumerate() {
            if !sums.is_zero() {
                cost += sums.cost.0;
                found.push((cell as u32, std::mem::take(sums)));
            }
        }
        nobody[0] = Measures::ZERO;
        let mut total = std::mem::take(&mut self.total);
        total.cost = PicoUsd(cost);
        BucketSums { cells: found, total }
    }
}
