//! What rows make: events, refusals, and what else is worth a word.

use super::super::cell::Decimal;
use super::super::langfuse;
use super::super::row::Draft;

/// What was found besides events, for whoever loads a file.
#[derive(Debug, Default, Clone)]
pub struct Notes {
    /// Rows that stand for no call of a model.
    pub no_calls: usize,
    /// Rows without any requests, tokens or cost.
    pub unused: usize,
    /// How many rows are sums of others, and where the first is.
    pub totals: usize,
    pub first_total: u64,
    /// Rows with a day and no time.
    pub days: usize,
    /// Rows with a time that names no zone.
    pub zoneless: usize,
    /// Costs that say that they are included.
    pub included: usize,
    /// The decimal mark that was found, unless it was said.
    pub decimal: Option<Decimal>,
    /// What separates columns.
    pub separator: Option<&'static str>,
}

impl Notes {
    /// Rows that were passed over, by why.
    pub fn skipped(&self) -> [(&'static str, usize); 3] {
        [("no call of a model", self.no_calls), ("no usage in it", self.unused), ("a sum of other rows", self.totals)]
    }
}

/// A row that makes no event.
#[derive(Debug, PartialEq, Eq)]
pub struct Refused {
    /// The number of its line or row.
    pub number: u64,
    pub id: Option<String>,
    /// Whom it was for, where that can be read.
    pub organization: Option<String>,
    pub error: String,
}

/// Some rows, as events.
#[derive(Debug, Default)]
pub struct Made {
    /// Events, one a line.
    pub lines: Vec<u8>,
    /// The number of the line or row of each.
    pub numbers: Vec<u64>,
    pub refused: Vec<Refused>,
    /// Rows that may tell of the same call as another, and are written when all of these are read.
    nested: Vec<(Draft, u64)>,
}

impl Made {
    pub fn is_empty(&self) -> bool {
        self.numbers.is_empty() && self.refused.is_empty()
    }

    pub(super) fn add(&mut self, drafts: Vec<Draft>, number: u64) {
        for draft in drafts {
            if langfuse::may_be_nested(&draft) {
                self.nested.push((draft, number));
                continue;
            }
            draft.write(&mut self.lines);
            self.numbers.push(number);
        }
    }

    /// About how long what was read will be.
    pub(super) fn len(&self) -> usize {
        // An event is of some 200 bytes.
        self.lines.len() + 200 * self.nested.len()
    }

    pub(super) fn settle(mut self) -> Made {
        for (draft, number) in langfuse::once(std::mem::take(&mut self.nested)) {
            draft.write(&mut self.lines);
            self.numbers.push(number);
        }
        self
    }
}
