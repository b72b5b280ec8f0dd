//! Which part of the rows a pass reads, where several read at once.

use std::ops::RangeInclusive;

use super::scan::Scan;
use crate::model::ValueId;

/// Which part of the rows to read; what is not read by rows is of the first.
#[derive(Debug, Clone, Copy)]
pub(super) struct Share {
    pub number: usize,
    pub of: usize,
}

/// Runs of neighbouring API keys in a share: busy ones may be neighbours.
const RUNS: usize = 16;

impl Share {
    pub const ALL: Share = Share { number: 0, of: 1 };

    /// The ranges of API keys in it.
    pub fn of_api_keys(self, scan: &Scan<'_>) -> Vec<RangeInclusive<ValueId>> {
        if self.of == 1 {
            return scan.api_keys.clone();
        }
        let run = (scan.api_key_count / (RUNS * self.of) + 1) as u32;
        let mut of_share = Vec::new();
        for api_keys in &scan.api_keys {
            let (mut start, end) = (api_keys.start().0, api_keys.end().0);
            // The last run goes on to the end, where there should be none.
            while start <= end {
                let is_last = start / run >= scan.api_key_count as u32 / run;
                let last = if is_last { end } else { end.min((start / run + 1) * run - 1) };
                if (start / run) as usize % self.of == self.number {
                    of_share.push(ValueId(start)..=ValueId(last));
                }
                let Some(next) = last.checked_add(1) else { break };
                start = next;
            }
        }
        of_share
    }
}
