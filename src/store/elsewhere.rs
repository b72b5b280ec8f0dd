//! Usage that is kept elsewhere than in the file: sums of it are asked for, and take the place of open rows.
//!
//! Everything else of a commit is in the file as ever, or in a copy of it in memory (`store::mirror`).

use super::StoreError;
use crate::model::{COUNTS, Day, Dimension, Measures, Mode, OrganizationId, Segment, Series, ValueId};

/// What is asked of an organization's usage.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// Where pieces of time begin, and where the last ends: in order, each once, two at least.
    pub cuts: Vec<Segment>,
    pub apart: Apart,
    /// Of these dimensions nothing but these values.
    pub only: Vec<(Dimension, Vec<ValueId>)>,
    /// The counts that are wanted. Cost and requests always are.
    pub counts: [bool; COUNTS],
}

/// What of a series is told apart; the rest is added up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Apart {
    /// In the order of [`Apart::DIMENSIONS`].
    pub dimensions: [bool; 5],
    pub mode: bool,
    pub cost_source: bool,
}

impl Apart {
    pub const DIMENSIONS: [Dimension; 5] =
        [Dimension::Project, Dimension::ApiKey, Dimension::Model, Dimension::Provider, Dimension::Source];
    pub const EVERYTHING: Apart = Apart { dimensions: [true; 5], mode: true, cost_source: true };

    pub fn of(dimension: Dimension) -> Apart {
        Apart::default().and(dimension)
    }

    pub fn and(mut self, dimension: Dimension) -> Apart {
        self.dimensions[dimension as usize - 1] = true;
        self
    }

    pub fn has(&self, dimension: Dimension) -> bool {
        self.dimensions[dimension as usize - 1]
    }

    /// What is left of a series: the same for all that is not told apart.
    pub fn left_of(&self, series: &Series) -> Series {
        let value = |dimension| if self.has(dimension) { series.value(dimension) } else { ValueId::NONE };
        Series {
            project: value(Dimension::Project),
            api_key: value(Dimension::ApiKey),
            model: value(Dimension::Model),
            provider: value(Dimension::Provider),
            source: value(Dimension::Source),
            mode: if self.mode { series.mode } else { Mode::default() },
            cost_source: if self.cost_source { series.cost_source } else { Default::default() },
        }
    }
}

/// Sums of what is left of series, each at the first segment of its piece of time.
pub type Sum = (Segment, Series, Measures);

/// Where usage is. Numbers of organizations and values are those of the dictionary that answers are made with.
pub trait Elsewhere: Send + Sync {
    /// The sums of what there is, none of which is nothing, in any order; some may be in several parts.
    fn sums(&self, organization: OrganizationId, wanted: &Wanted) -> Result<Vec<Sum>, StoreError>;

    /// The first segment with usage.
    fn first_segment(&self, organization: OrganizationId) -> Result<Option<Segment>, StoreError>;

    /// The last day with usage.
    fn newest_day(&self, organization: OrganizationId) -> Result<Option<Day>, StoreError>;
}
