//! Keys. Big-endian, so that the order of bytes is the order of (organization, time, dimension).

use super::Pivot;
use crate::model::{Dimension, Fingerprint, Hour, OrganizationId, Period, Segment, SeriesId, ValueId};

pub(super) fn open(organization: OrganizationId, segment: Segment, run: u32) -> [u8; 12] {
    let mut key = [0; 12];
    key[..8].copy_from_slice(&pair(organization.0, segment.0));
    key[8..].copy_from_slice(&run.to_be_bytes());
    key
}

pub(super) fn open_segment(key: &[u8]) -> Option<Segment> {
    read_u32(key, 4).map(Segment)
}

pub(super) fn open_run(key: &[u8]) -> Option<u32> {
    read_u32(key, 8)
}

pub(super) fn period(organization: OrganizationId, period: Period) -> [u8; 8] {
    pair(organization.0, period.0)
}

pub(super) fn rows(organization: OrganizationId, period: Period, api_key: ValueId, part: u16) -> [u8; 14] {
    let mut key = [0; 14];
    key[..8].copy_from_slice(&pair(organization.0, period.0));
    key[8..12].copy_from_slice(&api_key.0.to_be_bytes());
    key[12..].copy_from_slice(&part.to_be_bytes());
    key
}

pub(super) fn rows_api_key(key: &[u8]) -> Option<ValueId> {
    read_u32(key, 8).map(ValueId)
}

pub(super) fn totals(
    organization: OrganizationId,
    pivot: Pivot,
    frequent: bool,
    cut: u8,
    period: Period,
    part: u16,
) -> [u8; 13] {
    let mut key = [0; 13];
    key[..4].copy_from_slice(&organization.0.to_be_bytes());
    key[4] = pivot.number();
    key[5] = u8::from(frequent);
    key[6] = cut;
    key[7..11].copy_from_slice(&period.0.to_be_bytes());
    key[11..].copy_from_slice(&part.to_be_bytes());
    key
}

/// Bytes of the keys of one period's totals at a cut that are the same.
pub(super) const TOTALS_GROUP: usize = 11;

pub(super) fn totals_period(key: &[u8]) -> Option<Period> {
    read_u32(key, 7).map(Period)
}

pub(super) fn series(organization: OrganizationId, id: SeriesId) -> [u8; 8] {
    pair(organization.0, id.0)
}

/// Organizations themselves are names of organization 0 without a dimension.
pub(super) fn name(organization: OrganizationId, dimension: Option<Dimension>, name: &str) -> Vec<u8> {
    let mut key = organization.0.to_be_bytes().to_vec();
    key.push(dimension.map_or(0, |d| d as u8));
    key.extend_from_slice(name.as_bytes());
    key
}

pub(super) fn arrival(hour: Hour, sequence: u64) -> [u8; 12] {
    let mut key = [0; 12];
    key[..4].copy_from_slice(&hour.0.to_be_bytes());
    key[4..].copy_from_slice(&sequence.to_be_bytes());
    key
}

pub(super) fn ids(organization: OrganizationId, hour: Hour, layer: u8, first: u64) -> [u8; 17] {
    let mut key = [0; 17];
    key[..8].copy_from_slice(&pair(organization.0, hour.0));
    key[8] = layer;
    key[9..].copy_from_slice(&first.to_be_bytes());
    key
}

/// A part of a run of ids. The run's head and filter are where organization 0 would be.
pub(super) fn run(run: u32, organization: OrganizationId, part: u32) -> [u8; 12] {
    let mut key = [0; 12];
    key[..8].copy_from_slice(&pair(run, organization.0));
    key[8..].copy_from_slice(&part.to_be_bytes());
    key
}

/// The first and the last key of a run.
pub(super) fn all_of_run(number: u32) -> ([u8; 12], [u8; 12]) {
    (run(number, OrganizationId(0), 0), run(number, OrganizationId(u32::MAX), u32::MAX))
}

/// The same of its filter.
pub(super) fn filter_of_run(number: u32) -> ([u8; 12], [u8; 12]) {
    (run(number, OrganizationId(0), 1), run(number, OrganizationId(0), u32::MAX))
}

/// The same of its parts.
pub(super) fn parts_of_run(number: u32) -> ([u8; 12], [u8; 12]) {
    (run(number, OrganizationId(1), 0), run(number, OrganizationId(u32::MAX), u32::MAX))
}

pub(super) fn incomplete(organization: OrganizationId, id: Fingerprint, segment: Segment) -> [u8; 20] {
    let mut key = [0; 20];
    key[..4].copy_from_slice(&organization.0.to_be_bytes());
    key[4..16].copy_from_slice(&id.0);
    key[16..].copy_from_slice(&segment.0.to_be_bytes());
    key
}

pub(super) fn spans(sequence: u64) -> [u8; 8] {
    sequence.to_be_bytes()
}

pub(super) fn spans_sequence(key: &[u8]) -> Option<u64> {
    key.try_into().map(u64::from_be_bytes).ok()
}

pub(super) fn incomplete_segment(key: &[u8]) -> Option<Segment> {
    read_u32(key, 16).map(Segment)
}

pub(super) fn repricing(organization: OrganizationId, number: u64, model: ValueId) -> [u8; 16] {
    let mut key = [0; 16];
    key[..4].copy_from_slice(&organization.0.to_be_bytes());
    key[4..12].copy_from_slice(&number.to_be_bytes());
    key[12..].copy_from_slice(&model.0.to_be_bytes());
    key
}

/// The number of a repricing and the model.
pub(super) fn repricing_model(key: &[u8]) -> Option<(u64, ValueId)> {
    let number = u64::from_be_bytes(key.get(4..12)?.try_into().ok()?);
    Some((number, ValueId(read_u32(key, 12)?)))
}

pub(super) fn read_u32(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4).map(|b| u32::from_be_bytes(b.try_into().expect("four bytes")))
}

fn pair(a: u32, b: u32) -> [u8; 8] {
    (u64::from(a) << 32 | u64::from(b)).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn key_order_is_tuple_order(a in any::<(u32, u32, u32, u16)>(), b in any::<(u32, u32, u32, u16)>()) {
            let open_key = |(org, segment, run, _): (u32, u32, u32, u16)| open(OrganizationId(org), Segment(segment), run);
            let rows_key = |(org, at, key, part): (u32, u32, u32, u16)| {
                rows(OrganizationId(org), Period(at), ValueId(key), part)
            };
            let totals_key = |(org, cut, at, part): (u32, u32, u32, u16)| {
                totals(OrganizationId(org), Pivot::All, true, cut as u8, Period(at), part)
            };
            let short = |(org, cut, at, part): (u32, u32, u32, u16)| (org, cut as u8, at, part);
            prop_assert_eq!((a.0, a.1, a.2).cmp(&(b.0, b.1, b.2)), open_key(a).cmp(&open_key(b)));
            prop_assert_eq!(a.cmp(&b), rows_key(a).cmp(&rows_key(b)));
            prop_assert_eq!(short(a).cmp(&short(b)), totals_key(a).cmp(&totals_key(b)));
            prop_assert_eq!((open_segment(&open_key(a)), open_run(&open_key(a))), (Some(Segment(a.1)), Some(a.2)));
            prop_assert_eq!(rows_api_key(&rows_key(a)), Some(ValueId(a.2)));
            prop_assert_eq!(totals_period(&totals_key(a)), Some(Period(a.2)));
        }
    }
}
