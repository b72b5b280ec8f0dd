//! What is kept of usage once it is sealed, column by column.

use crate::model::{Count, PicoUsd, Usage};

/// A column of sealed usage, in the order in which columns are stored: those that questions ask for come first, so
/// that a reader skips little. Costs are kept as two halves of 64 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Column {
    Requests,
    TotalTokens,
    Cost,
    ApiKeysRequests,
    ApiKeysCost,
    InputTokens,
    OutputTokens,
    CachedTokens,
    CacheWriteTokens,
    ReasoningTokens,
    Errors,
    ClientErrors,
    CacheHits,
    Unpriced,
    CostHigh,
    ApiKeysCostHigh,
}

/// How many columns there are.
pub const COLUMNS: usize = 16;

impl Column {
    pub const ALL: [Column; COLUMNS] = [
        Column::Requests,
        Column::TotalTokens,
        Column::Cost,
        Column::ApiKeysRequests,
        Column::ApiKeysCost,
        Column::InputTokens,
        Column::OutputTokens,
        Column::CachedTokens,
        Column::CacheWriteTokens,
        Column::ReasoningTokens,
        Column::Errors,
        Column::ClientErrors,
        Column::CacheHits,
        Column::Unpriced,
        Column::CostHigh,
        Column::ApiKeysCostHigh,
    ];

    /// The count a column holds; `None` for money and for what API keys paid.
    pub fn count(self) -> Option<Count> {
        match self {
            Column::Requests => Some(Count::Requests),
            Column::TotalTokens => Some(Count::TotalTokens),
            Column::InputTokens => Some(Count::InputTokens),
            Column::OutputTokens => Some(Count::OutputTokens),
            Column::CachedTokens => Some(Count::CachedTokens),
            Column::CacheWriteTokens => Some(Count::CacheWriteTokens),
            Column::ReasoningTokens => Some(Count::ReasoningTokens),
            Column::Errors => Some(Count::Errors),
            Column::ClientErrors => Some(Count::ClientErrors),
            Column::CacheHits => Some(Count::CacheHits),
            Column::Unpriced => Some(Count::Unpriced),
            Column::Cost
            | Column::ApiKeysRequests
            | Column::ApiKeysCost
            | Column::CostHigh
            | Column::ApiKeysCostHigh => None,
        }
    }

    pub fn of_count(count: Count) -> Column {
        *Column::ALL.iter().find(|column| column.count() == Some(count)).expect("every count has a column")
    }

    /// Money shares a divisor, for prices have few significant digits.
    pub(super) fn has_divisor(self) -> bool {
        matches!(self, Column::Cost | Column::ApiKeysCost)
    }

    pub(super) fn of(self, usage: &Usage) -> u64 {
        match self {
            Column::ApiKeysRequests => usage.api_keys_requests,
            Column::Cost => usage.all.cost.0 as u64,
            Column::CostHigh => (usage.all.cost.0 >> 64) as u64,
            Column::ApiKeysCost => usage.api_keys_cost.0 as u64,
            Column::ApiKeysCostHigh => (usage.api_keys_cost.0 >> 64) as u64,
            column => usage.get(column.count().expect("all others are counts")),
        }
    }

    /// Puts a column's value into `usage`, where the column was 0.
    pub(super) fn put(self, usage: &mut Usage, value: u64) {
        match self {
            Column::ApiKeysRequests => usage.api_keys_requests = value,
            Column::Cost => usage.all.cost.0 |= i128::from(value),
            Column::CostHigh => usage.all.cost.0 |= i128::from(value) << 64,
            Column::ApiKeysCost => usage.api_keys_cost.0 |= i128::from(value),
            Column::ApiKeysCostHigh => usage.api_keys_cost.0 |= i128::from(value) << 64,
            column => usage.all.counts[column.count().expect("all others are counts") as usize] = value,
        }
    }
}

/// The columns of some values, read once and kept in stored order.
#[derive(Debug, Clone, Copy)]
pub(super) struct Heads {
    /// Which columns have any value; bit n is column n.
    mask: u16,
    /// By column: bits of a value, [`DERIVED`], or 0 when all are 0.
    pub widths: [u8; COLUMNS],
    /// Of Cost and of ApiKeysCost.
    divisors: [u64; 2],
}

/// In place of a width: the values are total tokens less input tokens, as they nearly always are for output.
pub(super) const DERIVED: u8 = 0xff;

impl Heads {
    /// Chooses how to store `rows` values of every column, which `value` gives.
    pub fn choose(rows: usize, divisors: [u64; 2], value: impl Fn(Column, usize) -> u64) -> Heads {
        let mut heads = Heads { mask: 0, widths: [0; COLUMNS], divisors };
        for column in Column::ALL {
            let divisor = heads.divisor(column);
            let width = super::packed::width_of((0..rows).map(|row| value(column, row) / divisor));
            heads.widths[column as usize] = width;
            if width > 0 {
                heads.mask |= 1 << column as u16;
            }
        }
        let derived = |row| {
            let [total, input, output] =
                [Column::TotalTokens, Column::InputTokens, Column::OutputTokens].map(|column| value(column, row));
            input.checked_add(output) == Some(total)
        };
        if heads.widths[Column::OutputTokens as usize] > 0 && (0..rows).all(derived) {
            heads.widths[Column::OutputTokens as usize] = DERIVED;
        }
        heads
    }

    /// `mask u16 LE | for each column in it: width u8, and with it for money the divisor as a varint`
    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.mask.to_le_bytes());
        for column in self.present() {
            out.push(self.widths[column as usize]);
            if column.has_divisor() {
                super::packed::put_varint(out, u128::from(self.divisor(column)));
            }
        }
    }

    #[inline]
    pub fn read(at: &mut &[u8]) -> Result<Heads, super::packed::BlockError> {
        use super::packed::{BlockError, take_byte, take_varint};
        let mask = u16::from_le_bytes([take_byte(at)?, take_byte(at)?]);
        let mut heads = Heads { mask, widths: [0; COLUMNS], divisors: [1; 2] };
        for column in heads.present() {
            let width = take_byte(at)?;
            let derived = width == DERIVED && column == Column::OutputTokens;
            if width == 0 || width > 64 && !derived {
                return Err(BlockError::Short);
            }
            heads.widths[column as usize] = width;
            if column.has_divisor() {
                heads.divisors[usize::from(column == Column::ApiKeysCost)] = take_varint(at)? as u64;
            }
        }
        Ok(heads)
    }

    #[inline]
    pub fn present(&self) -> impl Iterator<Item = Column> + use<> {
        let mut mask = self.mask;
        std::iter::from_fn(move || {
            let column = *Column::ALL.get(mask.trailing_zeros() as usize)?;
            mask &= mask - 1;
            Some(column)
        })
    }

    #[inline]
    pub fn has(&self, column: Column) -> bool {
        self.mask & 1 << column as u16 != 0
    }

    #[inline]
    pub fn divisor(&self, column: Column) -> u64 {
        match column {
            Column::Cost => self.divisors[0],
            Column::ApiKeysCost => self.divisors[1],
            _ => 1,
        }
    }

    /// Bits of a value that are stored.
    #[inline]
    pub fn stored_width(&self, column: Column) -> u8 {
        match self.widths[column as usize] {
            DERIVED => 0,
            width => width,
        }
    }
}

/// Divisors for some usage: of the low halves, where no cost reaches the high ones.
pub(super) fn divisors_of<'a>(usages: impl Iterator<Item = &'a Usage> + Clone) -> [u64; 2] {
    let of = |cost: fn(&Usage) -> PicoUsd| match super::packed::divisor_of(usages.clone().map(|u| cost(u).0 as u64)) {
        divisor if divisor > 0 && usages.clone().all(|u| u64::try_from(cost(u).0).is_ok()) => divisor,
        _ => 1,
    };
    [of(|usage| usage.all.cost), of(|usage| usage.api_keys_cost)]
}
