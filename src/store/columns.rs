//! What is kept of usage once it is sealed, column by column.

use super::packed::{BlockError, take_varint_u64};
use crate::model::{Count, PERIOD_DAYS, PicoUsd, Usage};

/// A column of sealed usage, in the order in which columns are stored: those that most questions ask for come first, and
/// daily totals keep those apart from the others. Costs are kept as two halves of 64 bits.
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

/// How many stretches a period falls into when it is cut once a day.
pub const STRETCHES: usize = PERIOD_DAYS + 1;

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

    /// Whether it is of what all calls cost.
    pub fn is_cost(self) -> bool {
        matches!(self, Column::Cost | Column::CostHigh)
    }

    /// Whether most questions ask for it.
    pub fn is_frequent(self) -> bool {
        self <= Column::ApiKeysCost || self.is_high()
    }

    /// The high half of money, which only a sum of more than 18 million USD has.
    pub fn is_high(self) -> bool {
        matches!(self, Column::CostHigh | Column::ApiKeysCostHigh)
    }

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

/// How the columns of some values are stored.
#[derive(Debug, Clone, Copy)]
pub(super) struct Heads {
    /// Which columns have any value; bit n is column n.
    mask: u16,
    /// Output tokens are total tokens less input tokens, as they nearly always are, and not stored.
    derived: bool,
    /// By column: bits of a value, 0 when nothing is stored.
    widths: [u8; COLUMNS],
    /// By column that is present: bytes of a value in each stretch in all columns before it.
    before: [u16; COLUMNS],
    /// Bytes of a value in each stretch in all columns.
    all: u16,
    /// Of Cost and of ApiKeysCost.
    divisors: [u64; 2],
}

/// Stands for a width where output tokens are not stored.
const DERIVED: u8 = 0xff;

impl Heads {
    const NONE: Heads =
        Heads { mask: 0, derived: false, widths: [0; COLUMNS], before: [0; COLUMNS], all: 0, divisors: [1; 2] };

    /// Chooses how to store `rows` values of some columns, which `value` gives.
    pub fn of_columns(
        rows: usize,
        divisors: [u64; 2],
        columns: impl Iterator<Item = Column>,
        value: impl Fn(Column, usize) -> u64,
    ) -> Heads {
        let mut heads = Heads { divisors, ..Heads::NONE };
        for column in columns {
            heads.choose_width(column, rows, &value);
        }
        heads
    }

    fn choose_width(&mut self, column: Column, rows: usize, value: &impl Fn(Column, usize) -> u64) {
        let divisor = self.divisor(column);
        let width = super::packed::width_of((0..rows).map(|row| value(column, row) / divisor));
        self.widths[column as usize] = width;
        if width > 0 {
            self.mask |= 1 << column as u16;
        }
    }

    /// Whether there is anything to store.
    pub fn is_empty(&self) -> bool {
        self.mask == 0
    }

    /// Chooses how to store `rows` values of every column, which `value` gives.
    pub fn choose(rows: usize, divisors: [u64; 2], value: impl Fn(Column, usize) -> u64) -> Heads {
        let mut heads = Heads::of_columns(rows, divisors, Column::ALL.into_iter(), &value);
        let derived = |row| {
            let [total, input, output] =
                [Column::TotalTokens, Column::InputTokens, Column::OutputTokens].map(|column| value(column, row));
            input.checked_add(output) == Some(total)
        };
        if heads.has(Column::OutputTokens) && (0..rows).all(derived) {
            heads.derived = true;
            heads.widths[Column::OutputTokens as usize] = 0;
        }
        heads
    }

    /// `mask u16 LE | width u8 of each column in it | divisor varint of each column of money in it`
    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.mask.to_le_bytes());
        for column in self.present() {
            let derived = column == Column::OutputTokens && self.derived;
            out.push(if derived { DERIVED } else { self.width(column) });
        }
        for column in self.present().filter(|column| column.has_divisor()) {
            super::packed::put_varint(out, u128::from(self.divisor(column)));
        }
    }

    #[inline]
    pub fn read(at: &mut &[u8]) -> Result<Heads, BlockError> {
        let (mask, rest) = at.split_first_chunk::<2>().ok_or(BlockError::Short)?;
        let mask = u16::from_le_bytes(*mask);
        let (widths, rest) = rest.split_at_checked(mask.count_ones() as usize).ok_or(BlockError::Short)?;
        *at = rest;
        let mut heads = Heads { mask, ..Heads::NONE };
        let mut before = 0;
        for (column, width) in heads.present().zip(widths) {
            let mut width = *width;
            if width == DERIVED && column == Column::OutputTokens {
                heads.derived = true;
                width = 0;
            } else if width == 0 || width > 64 {
                return Err(BlockError::Short);
            }
            heads.before[column as usize] = before;
            heads.widths[column as usize] = width;
            before += (STRETCHES as u16 * u16::from(width)).div_ceil(8);
        }
        heads.all = before;
        for (i, column) in [Column::Cost, Column::ApiKeysCost].into_iter().enumerate() {
            if heads.has(column) {
                heads.divisors[i] = take_varint_u64(at)?;
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
    pub fn is_derived(&self, column: Column) -> bool {
        self.derived && column == Column::OutputTokens
    }

    #[inline]
    pub fn divisor(&self, column: Column) -> u64 {
        match column {
            Column::Cost => self.divisors[0],
            Column::ApiKeysCost => self.divisors[1],
            _ => 1,
        }
    }

    /// Bits of a stored value.
    #[inline]
    pub fn width(&self, column: Column) -> u8 {
        self.widths[column as usize]
    }

    /// Bytes of a value in each stretch in all columns before this one.
    #[inline]
    pub fn stretches_before(&self, column: Column) -> usize {
        usize::from(self.before[column as usize])
    }

    /// Bytes of a value in each stretch in all columns.
    #[inline]
    pub fn stretches_of_all(&self) -> usize {
        usize::from(self.all)
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
