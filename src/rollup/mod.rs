//! Folding events into rollups and merging rollups.
//!
//! Owns the two operations every total is made of.
//!
//! Does not know where rollups are kept or what they are asked for.
//!
//! Invariants: both are commutative and associative, so the order in which events arrive cannot change a sum;
//! both refuse to leave the range of their integers rather than wrap.

use crate::model::{Measures, OrganizationId, Overflow, Segment, SeriesId};

/// The sums of one series in one segment.
pub type Row = (SeriesId, Measures);

/// What one event adds to: an organization's segment and a series in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cell {
    pub organization: OrganizationId,
    pub segment: Segment,
    pub series: SeriesId,
}

/// Sums measures by cell: runs of rows, one run per organization and segment, both in key order.
pub fn fold(mut additions: Vec<(Cell, &Measures)>) -> Result<Vec<(OrganizationId, Segment, Vec<Row>)>, Overflow> {
    additions.sort_unstable_by_key(|(cell, _)| *cell);
    let mut runs: Vec<(OrganizationId, Segment, Vec<Row>)> = Vec::new();
    for (cell, measures) in additions {
        match runs.last_mut() {
            Some((organization, segment, rows)) if *organization == cell.organization && *segment == cell.segment => {
                push(rows, (cell.series, *measures))?;
            }
            _ => runs.push((cell.organization, cell.segment, vec![(cell.series, *measures)])),
        }
    }
    Ok(runs)
}

/// Adds up two lists of rows, each in order of series.
pub fn merge(a: &[Row], b: &[Row]) -> Result<Vec<Row>, Overflow> {
    let mut merged = Vec::with_capacity(a.len().max(b.len()));
    let (mut a, mut b) = (a.iter().peekable(), b.iter().peekable());
    while let Some(row) = match (a.peek(), b.peek()) {
        (Some(x), Some(y)) if y.0 < x.0 => b.next(),
        (Some(_), _) => a.next(),
        (None, _) => b.next(),
    } {
        push(&mut merged, *row)?;
    }
    Ok(merged)
}

fn push(rows: &mut Vec<Row>, row: Row) -> Result<(), Overflow> {
    match rows.last_mut() {
        Some(last) if last.0 == row.0 => last.1.add(&row.1),
        _ => {
            rows.push(row);
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::{COUNTS, PicoUsd};

    fn rows() -> impl Strategy<Value = Vec<Row>> {
        let measures = (proptest::array::uniform11(0u64..1 << 50), 0i128..1 << 90);
        let row = (0u32..40, measures);
        proptest::collection::vec(row, 0..30).prop_map(|rows| {
            let by_series: std::collections::BTreeMap<_, _> = rows.into_iter().collect();
            by_series
                .into_iter()
                .map(|(s, (counts, cost))| (SeriesId(s), Measures { counts, cost: PicoUsd(cost) }))
                .collect()
        })
    }

    proptest! {
        #[test]
        fn merging_commutes_and_associates(a in rows(), b in rows(), c in rows()) {
            prop_assert_eq!(merge(&a, &b), merge(&b, &a));
            let left = merge(&merge(&a, &b).unwrap(), &c).unwrap();
            let right = merge(&a, &merge(&b, &c).unwrap()).unwrap();
            prop_assert_eq!(&left, &right);
            prop_assert!(left.is_sorted_by(|x, y| x.0 < y.0));
        }
    }

    #[test]
    fn a_sum_that_does_not_fit_is_refused() {
        let full = vec![(SeriesId(1), Measures { counts: [u64::MAX; COUNTS], cost: PicoUsd(0) })];
        assert_eq!(merge(&full, &full), Err(Overflow));
    }
}
