//! Questions and their answers.
//!
//! Owns what can be asked, the plan that cuts a window into scans, and the merging of rows into local buckets.
//!
//! Does not know HTTP or who asks, writes nothing, and starts no thread of its own.
//!
//! Invariants: the entries of a bucket add up to the bucket, the buckets to the total, to the last digit; usage is
//! never dropped because something about it was deleted or is unknown.

mod activity;
mod attribution;
mod causes;
mod cells;
mod change;
mod courses;
mod cuts;
mod earlier;
mod elsewhere;
mod explain;
mod gap;
mod group;
mod labels;
mod moved;
mod numbers;
mod page;
mod pass;
mod people;
mod plan;
mod reconciliation;
mod rollups;
mod scan;
mod share;
mod slices;
mod top;

pub use activity::{
    ACTIVITY_AND_ERRORS, ACTIVITY_COLUMNS, Activity, Entry, Listed, Totals, activity, sum_buckets, used,
};
pub use causes::Cause;
pub use change::{Between, Change, Item, Part, causes_between, change, compared_side};
pub use earlier::{Earlier, earlier};
pub use explain::{Arrival, Attributed, AttributedBy, CostPart, Explained, Figure, PricedBy, Worth, explain};
pub use gap::{Compared, Comparison, CostCauses, CountCauses, Tokens};
pub(crate) use group::{COST_SOURCES, MODES};
pub use group::{Filter, Viewer};
pub use labels::{Group, Label};
pub use moved::{Moved, moved};
pub use numbers::GroupBy;
pub use page::{Mark, Page, Sort};
pub use people::{
    KeyDetail, KeyRow, MemberDetail, MemberRow, MemberStatus, ModelDay, MyUsage, Ranked, Table, api_key, api_keys,
    member, members, my_usage,
};
pub use plan::Plan;
pub use reconciliation::{RECONCILED_COLUMNS, Reconciliation, RowKey, RowsBy, reconciliation};
pub use rollups::{Attribution, Of, Rollup, rollups, rollups_between};

pub use crate::store::Column;

use crate::calendar::{Granularity, Window};
use crate::directory::{Directory, Organization};
use crate::store::{Dictionary, Reader};

/// What an answer is ranked by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum RankBy {
    #[default]
    Cost,
    RequestCount,
    TotalTokens,
}

/// A question about one organization.
#[derive(Debug, Clone)]
pub struct Query {
    pub window: Window,
    pub granularity: Granularity,
    /// None, one or two.
    pub group_by: Vec<GroupBy>,
    pub filter: Filter,
    pub rank_by: RankBy,
    /// Keep this many groups over the window and add up the rest as *Other*.
    pub top: Option<usize>,
    /// What entries show; requests come first. Each is one more column to read.
    pub columns: &'static [Column],
}

/// What a question is asked of: one commit and one organization in it.
#[derive(Clone, Copy)]
pub struct About<'a> {
    pub reader: &'a Reader,
    pub dictionary: &'a Dictionary,
    pub directory: &'a Directory,
    pub organization_id: &'a str,
    pub organization: &'a Organization,
}

/// Why a question has no answer.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// The file failed or is damaged. *Broken.*
    #[error(transparent)]
    Store(#[from] crate::store::StoreError),
}
