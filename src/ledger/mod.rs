//! Months that are closed: what is frozen of them, what came since and why, and the statements of both.
//!
//! Owns the reading of a month's usage by local day, series and whose it is, the difference of two such readings by its
//! reasons, the grouping of both into the lines of a statement, or into the answer to a question of then, and what lies
//! between a month and the one before.
//!
//! Does not know HTTP, who asks or what the time is, and writes nothing.
//!
//! Invariants: what a closing froze, with what statements fixed and show since, adds up to what activity says of the month
//! now, to the last digit, whatever it is grouped by, also by days of newer zone rules. What was reassigned or renamed adds up to nothing. What retention
//! removed is part of neither: the statement stays as it was.

mod adjustments;
mod as_of;
pub mod checksum;
mod disclosure;
mod month;
mod statement;
mod usage;
mod waterfall;

use crate::query::GroupBy;
use crate::store::{StoreError, damaged};

pub use adjustments::freeze;
pub use as_of::as_of;
pub use disclosure::Disclosure;
pub use month::Month;
pub use statement::{Adjustment, Line, LineSums, Statement, statement};
pub use waterfall::{Side, Waterfall, waterfall};

/// Whose usage is, in the order in which closings keep it.
const OWNERS: [GroupBy; 3] = [GroupBy::User, GroupBy::Team, GroupBy::CostCentre];

/// All that has labels, with the numbers that closings keep.
const NAMED: [(u8, GroupBy); 8] = [
    (1, GroupBy::Model),
    (2, GroupBy::Project),
    (3, GroupBy::ApiKey),
    (4, GroupBy::User),
    (5, GroupBy::Provider),
    (6, GroupBy::Source),
    (7, GroupBy::Team),
    (8, GroupBy::CostCentre),
];

/// Why a closed month is another than it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Reason {
    /// Usage that came, or was completed, after the closing.
    Late = 1,
    /// Usage that has another price.
    Repriced = 2,
    /// The same usage, for somebody else.
    Reassigned = 3,
    /// The same usage under another name.
    Renamed = 4,
    /// Usage that other rules of the zone put into the month, or take out of it.
    ZoneRules = 5,
}

impl Reason {
    fn of(number: u8) -> Result<Reason, StoreError> {
        [Reason::Late, Reason::Repriced, Reason::Reassigned, Reason::ZoneRules]
            .into_iter()
            .find(|reason| *reason as u8 == number)
            .ok_or_else(|| damaged(format!("an adjustment with reason {number}")))
    }
}

/// The number that closings keep of what has labels.
fn number_of(by: GroupBy) -> u8 {
    NAMED.iter().find(|(_, named)| *named == by).map_or(0, |(number, _)| *number)
}
