//! Open rollups: usage as it came, by segment, until its day is sealed.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;

use redb::ReadableTable;

use super::block::{self, Block};
use super::{OPEN, Reader, StoreError, Unshipped, Writer, damaged, keys};
use crate::model::{Day, OrganizationId, Segment};
use crate::rollup::{self, Row};

impl Reader {
    /// Calls `visit` with each block that is open in `segments`, in order. A segment has none, one or a few, which
    /// add up.
    pub fn scan_open(
        &self,
        organization: OrganizationId,
        segments: Range<Segment>,
        mut visit: impl FnMut(Segment, Block<'_>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        if segments.is_empty() {
            return Ok(());
        }
        let table = self.transaction.open_table(OPEN)?;
        let first = keys::open(organization, segments.start, 0);
        let end = keys::open(organization, segments.end, 0);
        for entry in table.range::<&[u8]>(&first[..]..&end[..])? {
            let (key, value) = entry?;
            let segment = keys::open_segment(key.value()).ok_or_else(|| damaged("a key of open rollups"))?;
            self.count_bytes(value.value());
            let block =
                Block::parse(key.value(), value.value()).map_err(|e| damaged(format!("segment {}: {e}", segment.0)))?;
            visit(segment, block)?;
        }
        Ok(())
    }

    /// How many rows are open, by organization and day.
    pub fn open_days(&self) -> Result<BTreeMap<(OrganizationId, Day), u64>, StoreError> {
        let mut days = BTreeMap::new();
        for entry in self.transaction.open_table(OPEN)?.iter()? {
            let (key, value) = entry?;
            let (organization, segment) = keys::read_u32(key.value(), 0)
                .zip(keys::open_segment(key.value()))
                .ok_or_else(|| damaged("a key of open rollups"))?;
            let block =
                Block::parse(key.value(), value.value()).map_err(|e| damaged(format!("segment {}: {e}", segment.0)))?;
            *days.entry((OrganizationId(organization), segment.day())).or_default() += block.len() as u64;
        }
        Ok(days)
    }
}

impl Writer {
    /// Adds rows (in order of series) to a segment.
    ///
    /// They become a run of their own; runs that are not much larger than what follows them are merged, so a segment
    /// that takes many small batches keeps about log₂(rows) runs and each row is rewritten about as often.
    pub fn add_rows(&self, organization: OrganizationId, segment: Segment, rows: &[Row]) -> Result<(), StoreError> {
        self.touch(|| Unshipped::Segment(organization, segment));
        let mut table = self.transaction.open_table(OPEN)?;
        let first = keys::open(organization, segment, 0);
        let last = keys::open(organization, segment, u32::MAX);
        let mut rows = Cow::Borrowed(rows);
        let mut run = 0;
        loop {
            let newest = {
                let mut runs = table.range::<&[u8]>(&first[..]..=&last[..])?;
                let Some(entry) = runs.next_back() else { break };
                let (key, value) = entry?;
                run = keys::open_run(key.value()).ok_or_else(|| damaged("a key of open rollups"))?;
                let block = Block::parse(key.value(), value.value())
                    .map_err(|e| damaged(format!("segment {}: {e}", segment.0)))?;
                if block.len() > 2 * rows.len() {
                    run += 1;
                    break;
                }
                block.rows()
            };
            rows = rollup::merge(&newest, &rows)?.into();
            table.remove(&keys::open(organization, segment, run)[..])?;
        }
        let key = keys::open(organization, segment, run);
        table.insert(&key[..], &block::encode(&key, &rows)[..])?;
        Ok(())
    }
}
