//! Where sums are kept while they are made.

use roaring::RoaringBitmap;

use crate::model::{Count, PicoUsd, Usage};
use crate::store::Column;

/// A part of a column that has cells of its own.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limb {
    pub column: Column,
    pub part: Part,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Whole,
    Low,
    High,
}

impl Part {
    #[inline]
    pub fn of(self, value: u64) -> u64 {
        match self {
            Part::Whole => value,
            Part::Low => value & 0xffff_ffff,
            Part::High => value >> 32,
        }
    }

    /// The same of a sum of values: all of what is above the low half is high.
    pub fn of_sum(self, sum: u128) -> u64 {
        match self {
            Part::Whole => sum as u64,
            Part::Low => sum as u64 & 0xffff_ffff,
            Part::High => (sum >> 32) as u64,
        }
    }
}

/// A cell for each column, or in the wide form four for money.
pub(super) fn limbs(columns: &[Column], wide: bool) -> Vec<Limb> {
    let in_halves = |low, high| [halves(low), halves(high)].concat();
    let limbs = |column: &Column| match column {
        Column::Cost if wide => in_halves(Column::Cost, Column::CostHigh),
        Column::ApiKeysCost if wide => in_halves(Column::ApiKeysCost, Column::ApiKeysCostHigh),
        column => vec![Limb { column: *column, part: Part::Whole }],
    };
    columns.iter().flat_map(limbs).collect()
}

pub(super) fn halves(column: Column) -> [Limb; 2] {
    [Limb { column, part: Part::Low }, Limb { column, part: Part::High }]
}

/// API keys by their numbers.
pub(super) struct KeySet(Vec<u64>);

impl KeySet {
    pub fn up_to(last: usize) -> KeySet {
        KeySet(vec![0; last / 64 + 1])
    }

    /// Adds a key, which is not above the last.
    #[inline]
    pub fn insert(&mut self, api_key: u32) {
        self.0[api_key as usize / 64] |= 1 << (api_key % 64);
    }

    pub fn to_bitmap(&self) -> RoaringBitmap {
        let bytes: Vec<u8> = self.0.iter().flat_map(|word| word.to_le_bytes()).collect();
        RoaringBitmap::from_lsb0_bytes(0, &bytes)
    }
}

/// Slots whose cells lie together. A period's days are then in one or two tiles, whose cells fit into a processor's
/// cache whatever the number of groups.
const TILE: usize = 32;

/// Sums by group, limb and slot: one slot for each bucket, one before them and one after for what lies outside.
pub(super) struct Cells {
    pub limbs: Vec<Limb>,
    groups: usize,
    /// A power of two.
    tile: usize,
    /// By slot: where its cells begin.
    offsets: Vec<u32>,
    values: Vec<u64>,
}

impl Cells {
    pub fn new(groups: usize, limbs: Vec<Limb>, buckets: usize) -> Cells {
        let slots = buckets + 2;
        // Of a single bucket what lies outside is apart, where it takes no memory unless there is something.
        let tile = if buckets == 1 { 1 } else { TILE.min(slots.next_power_of_two()) };
        let rows = groups * limbs.len();
        let offsets = (0..slots).map(|slot| (slot / tile * rows * tile + slot % tile) as u32).collect();
        Cells { values: vec![0; slots.div_ceil(tile) * tile * rows], groups, tile, offsets, limbs }
    }

    pub fn clear(&mut self) {
        self.values.fill(0);
    }

    /// The first cell of a group's limb, less the slot's own offset.
    #[inline]
    fn row(&self, group: u32, limb: usize) -> usize {
        (group as usize * self.limbs.len() + limb) * self.tile
    }

    /// Where a slot's cells begin, for [`Cells::add_each`].
    #[inline]
    pub fn offset(&self, slot: usize) -> u32 {
        self.offsets[slot]
    }

    #[inline]
    pub fn get(&self, group: u32, limb: usize, slot: usize) -> u64 {
        self.values[self.offsets[slot] as usize + self.row(group, limb)]
    }

    #[inline]
    pub fn add(&mut self, group: u32, limb: usize, slot: usize, value: u64) {
        let at = self.offsets[slot] as usize + self.row(group, limb);
        self.values[at] = self.values[at].wrapping_add(value);
    }

    /// Adds values to the slots at `offsets`.
    #[inline]
    pub fn add_each(&mut self, group: u32, limb: usize, offsets: &[u32], values: &[u64]) {
        let (row, part) = (self.row(group, limb), self.limbs[limb].part);
        let cells = &mut self.values[row..];
        let mut add = |offset: &u32, value: u64| {
            let cell = &mut cells[*offset as usize];
            *cell = cell.wrapping_add(value);
        };
        let pairs = offsets.iter().zip(values);
        match part {
            Part::Whole => pairs.for_each(|(offset, value)| add(offset, *value)),
            part => pairs.for_each(|(offset, value)| add(offset, part.of(*value))),
        }
    }

    /// Stands for no cell.
    pub const NONE: usize = usize::MAX;

    /// The cell of a group's first limb at a slot's offset, for [`Cells::add_to`].
    #[inline]
    pub fn first_of(&self, group: u32, offset: u32) -> usize {
        self.row(group, 0) + offset as usize
    }

    /// Adds values to cells of a limb, each where that of the first limb is.
    pub fn add_to(&mut self, limb: usize, first: &[usize], values: &[u64]) {
        let (row, part) = (self.row(0, limb), self.limbs[limb].part);
        let cells = &mut self.values[row..];
        for (first, value) in first.iter().zip(values).filter(|(first, _)| **first != Cells::NONE) {
            let cell = &mut cells[*first];
            *cell = cell.wrapping_add(part.of(*value));
        }
    }

    /// Adds values to neighbouring slots, from `slot` on.
    #[inline]
    pub fn add_run(&mut self, group: u32, limb: usize, mut slot: usize, mut values: &[u64]) {
        let row = self.row(group, limb);
        while !values.is_empty() {
            let (here, rest) = values.split_at(values.len().min(self.tile - (slot & (self.tile - 1))));
            let at = self.offsets[slot] as usize + row;
            for (cell, value) in self.values[at..at + here.len()].iter_mut().zip(here) {
                *cell = cell.wrapping_add(*value);
            }
            (slot, values) = (slot + here.len(), rest);
        }
    }

    /// Makes the last group what is left of `whole`, of one group, without the others.
    pub fn make_last_the_rest_of(&mut self, whole: &Cells) {
        let last = self.groups as u32 - 1;
        for limb in 0..self.limbs.len() {
            for slot in 0..self.offsets.len() {
                let rest = (0..last)
                    .fold(whole.get(0, limb, slot), |rest, group| rest.wrapping_sub(self.get(group, limb, slot)));
                self.add(last, limb, slot, rest);
            }
        }
    }

    /// Adds the cells of others that are of the same groups, limbs and slots.
    pub fn add_all(&mut self, others: &Cells) {
        self.values.iter_mut().zip(&others.values).for_each(|(cell, other)| *cell = cell.wrapping_add(*other));
    }

    /// Adds the cells of some groups to those of another.
    pub fn merge(&mut self, groups: &[u32], into: u32) {
        let limbs = self.limbs.len() * self.tile;
        for tile in self.values.chunks_exact_mut((self.groups * limbs).max(1)) {
            for group in groups {
                let (from, to) = (*group as usize * limbs, into as usize * limbs);
                for i in 0..limbs {
                    tile[to + i] = tile[to + i].wrapping_add(tile[from + i]);
                }
            }
        }
    }

    /// The limbs of a column of requests, tokens or money: each with how far to the left it counts, and whether it is whole.
    pub fn limbs_of(&self, column: Column) -> impl Iterator<Item = (usize, u32, bool)> {
        (0..).zip(&self.limbs).filter_map(move |(number, limb)| {
            let high = column == Column::Cost && limb.column == Column::CostHigh;
            let left = if limb.part == Part::High { 32 } else { 0 } + if high { 64 } else { 0 };
            (limb.column == column || high).then_some((number, left, limb.part == Part::Whole))
        })
    }

    /// Puts a group's sums into `usage`, where `value` gives each limb's; false when there is nothing.
    #[inline]
    pub fn usage(&self, value: impl Fn(usize) -> u64, usage: &mut Usage) -> bool {
        *usage = Usage::default();
        // What tools cost is money without a request.
        let costs = || {
            let mut money = self.limbs.iter().zip(0..).filter(|(limb, _)| limb.column.is_cost());
            money.any(|(_, number)| value(number) != 0)
        };
        for (number, limb) in self.limbs.iter().enumerate() {
            let value = value(number);
            let money = || match limb.part {
                Part::Whole => i128::from(value),
                // Limbs are differences and may be negative; together they are the sum.
                Part::Low => i128::from(value as i64),
                Part::High => i128::from(value as i64) << 32,
            };
            match limb.column {
                Column::Requests if value == 0 && !costs() => return false,
                Column::Cost => usage.all.cost.0 += money(),
                Column::CostHigh => usage.all.cost.0 += money() << 64,
                Column::ApiKeysCost => usage.api_keys_cost.0 += money(),
                Column::ApiKeysCostHigh => usage.api_keys_cost.0 += money() << 64,
                Column::ApiKeysRequests => usage.api_keys_requests = value,
                column => {
                    let count = column.count().expect("all others are counts");
                    usage.all.counts[count as usize] = value;
                }
            }
        }
        // Limbs of money that are differences may cancel.
        usage.get(Count::Requests) != 0 || usage.cost() != PicoUsd::ZERO
    }
}
