//! The inner loop: rows of hours into sums of groups, bucket by bucket.
//!
//! Hours come in order, so one small set of accumulators serves every bucket in turn and stays in cache, and an
//! answer takes memory by what it contains, not by buckets times groups.

use std::ops::Range;

use hashbrown::HashMap;
use rayon::prelude::*;
use roaring::RoaringBitmap;

use super::plan::{Plan, Span};
use crate::model::{COUNTS, Count, Day, Hour, Measures, OrganizationId, Overflow};
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
    /// The series that count and have usage in the plan.
    pub active: RoaringBitmap,
}

/// Buckets of a chunk that one thread scans. Waking a second thread pays from about a millisecond of work, which is
/// some two months of hours.
const CHUNK_HOURS: u32 = 1500;

impl Scan<'_> {
    /// Scans a plan, on several threads when it is long. Chunks are cut at buckets, so nothing is merged but who was
    /// active.
    pub fn run(&self, plan: &Plan) -> Result<Sums, StoreError> {
        let days = ActiveDays::read(self, plan)?;
        let chunks = (plan.hours() / CHUNK_HOURS).clamp(1, rayon::current_num_threads() as u32) as usize;
        let per_chunk = plan.spans.len().div_ceil(chunks).max(1);
        let scanned: Result<Vec<Chunk>, StoreError> = if chunks == 1 {
            plan.spans.chunks(per_chunk).map(|spans| self.run_chunk(spans, &days)).collect()
        } else {
            plan.spans.par_chunks(per_chunk).map(|spans| self.run_chunk(spans, &days)).collect()
        };
        let mut sums = Sums { buckets: Vec::with_capacity(plan.spans.len()), active: days.active };
        let mut at_the_ends: HashMap<u32, u64> = HashMap::new();
        for chunk in scanned? {
            sums.buckets.extend(chunk.buckets);
            for (series, requests) in chunk.requests_of {
                *at_the_ends.entry(series).or_default() += requests;
            }
        }
        sums.active.extend(at_the_ends.into_iter().filter(|(_, requests)| *requests > 0).map(|(series, _)| series));
        Ok(sums)
    }

    fn run_chunk(&self, spans: &[Span], days: &ActiveDays) -> Result<Chunk, StoreError> {
        let mut state = Accumulators::new(self);
        let mut buckets = Vec::with_capacity(spans.len());
        for span in spans {
            state.add_span(self, days, span)?;
            buckets.push(state.take());
        }
        Ok(Chunk { buckets, requests_of: state.requests_of })
    }

    fn counts_everything(&self) -> bool {
        self.cell_of.iter().all(|cell| *cell < self.cells)
    }
}

struct Chunk {
    buckets: Vec<BucketSums>,
    requests_of: HashMap<u32, u64>,
}

/// What the days' bitmaps say before any row is read.
struct ActiveDays {
    /// The days that the bitmaps answer for; what lies outside is counted row by row.
    whole: Range<Day>,
    /// The series that count and have usage on those days.
    active: RoaringBitmap,
    /// With a filter, the days on which something counts. The others are not read at all.
    worth_reading: Option<RoaringBitmap>,
}

impl ActiveDays {
    fn read(scan: &Scan<'_>, plan: &Plan) -> Result<ActiveDays, StoreError> {
        let whole = plan.whole_days();
        let selected: Option<RoaringBitmap> = (!scan.counts_everything()).then(|| {
            let counting = scan.cell_of.iter().zip(0..).filter(|(cell, _)| **cell < scan.cells);
            counting.map(|(_, series)| series).collect()
        });
        let (mut active, mut worth_reading) = (RoaringBitmap::new(), selected.is_some().then(RoaringBitmap::new));
        let (from, until) = plan.days();
        scan.reader.scan_active(scan.organization, from, until, |day, mut series| {
            if let (Some(selected), Some(worth_reading)) = (&selected, &mut worth_reading) {
                series &= selected;
                if !series.is_empty() {
                    worth_reading.insert(day.0);
                }
            }
            if whole.contains(&day) {
                active |= series;
            }
        })?;
        Ok(ActiveDays { whole, active, worth_reading })
    }

    /// The parts of a run of hours that are worth reading, each within one day unless nothing is left out.
    fn runs(&self, hours: &Range<Hour>) -> Vec<Range<Hour>> {
        let Some(worth_reading) = &self.worth_reading else { return vec![hours.clone()] };
        let days = hours.start.day().0..=hours.end.day().0;
        let days = days.filter(|day| worth_reading.contains(*day)).map(Day);
        days.map(|day| day.first_hour().max(hours.start)..day.next().first_hour().min(hours.end)).collect()
    }
}

struct Accumulators {
    cells: Vec<Measures>,
    total: Measures,
    /// Requests by series in the days that the bitmaps do not answer for.
    requests_of: HashMap<u32, u64>,
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
            requests_of: HashMap::new(),
            rows: Vec::new(),
            everything_counts: scan.counts_everything(),
        }
    }

    fn add_span(&mut self, scan: &Scan<'_>, days: &ActiveDays, span: &Span) -> Result<(), StoreError> {
        let (reader, organization) = (scan.reader, scan.organization);
        for hours in days.runs(&span.hours) {
            reader.scan_hours(organization, hours.start, hours.end, |hour, block| {
                self.add::<true>(scan, &block, !days.whole.contains(&hour.day()))
            })?;
        }
        if let Some(slot) = span.add {
            let at_the_ends = !days.whole.contains(&slot.hour.day());
            reader.scan_slot(organization, slot, |block| self.add::<true>(scan, &block, at_the_ends))?;
        }
        // Last, so that a sum never goes below zero on the way.
        if let Some(slot) = span.subtract {
            let at_the_ends = !days.whole.contains(&slot.hour.day());
            reader.scan_slot(organization, slot, |block| self.add::<false>(scan, &block, at_the_ends))?;
        }
        Ok(())
    }

    /// Adds a block, or with `PLUS` false takes it away. At the ends of the plan it also notes who was active.
    fn add<const PLUS: bool>(
        &mut self,
        scan: &Scan<'_>,
        block: &Block<'_>,
        at_the_ends: bool,
    ) -> Result<(), StoreError> {
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
        let requests = Count::Requests as usize;
        each(block, rows, everything, requests, |row, value| {
            change::<PLUS>(&mut cells[row.cell as usize].counts[requests], value);
        });
        if at_the_ends {
            each(block, rows, everything, requests, |row, value| {
                change::<PLUS>(requests_of.entry(row.series).or_default(), value);
            });
        }
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
