//! What `rollcall ingest --dry-run` shows: what the files would add, day by day.

use std::collections::BTreeMap;
use std::fmt;

use comfy_table::{CellAlignment, Table, presets};

use crate::calendar::{Date, Zone};
use crate::model::{Batch, Count, Measures, Overflow};

/// Sums by day of UTC. Ids are not looked at: the store may have some of the events already.
#[derive(Default)]
pub struct Preview {
    days: BTreeMap<Date, Measures>,
}

impl Preview {
    pub fn add(&mut self, batch: &Batch) -> Result<(), Overflow> {
        for event in &batch.events {
            self.days.entry(Zone::UTC.date_at(event.time)).or_default().add(&event.measures)?;
        }
        Ok(())
    }
}

impl fmt::Display for Preview {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = Table::new();
        table.load_preset(presets::NOTHING);
        table.set_header(["day (UTC)", "requests", "tokens", "errors", "unpriced", "cost"]);
        let mut all = Measures::ZERO;
        let row = |day: String, sums: &Measures| {
            let counts = [Count::Requests, Count::TotalTokens, Count::Errors, Count::Unpriced];
            let counts = counts.into_iter().map(|count| sums.get(count).to_string());
            [day].into_iter().chain(counts).chain([sums.cost.to_string()]).collect::<Vec<_>>()
        };
        for (day, sums) in &self.days {
            all.add(sums).map_err(|_| fmt::Error)?;
            table.add_row(row(day.to_string(), sums));
        }
        table.add_row(row("all".into(), &all));
        for column in table.column_iter_mut().skip(1) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        writeln!(f, "{table}")
    }
}
