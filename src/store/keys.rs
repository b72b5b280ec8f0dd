//! Keys. Big-endian, so that the order of bytes is the order of (organization, hour, dimension).

use crate::model::{Day, Dimension, Hour, OrganizationId, SeriesId, Slot};

pub(super) fn rollup(organization: OrganizationId, slot: Slot, run: u32) -> [u8; 13] {
    let mut key = [0; 13];
    key[..4].copy_from_slice(&organization.0.to_be_bytes());
    key[4] = slot.before.0;
    key[5..9].copy_from_slice(&slot.hour.0.to_be_bytes());
    key[9..].copy_from_slice(&run.to_be_bytes());
    key
}

pub(super) fn rollup_hour(key: &[u8]) -> Option<Hour> {
    read_u32(key, 5).map(Hour)
}

pub(super) fn rollup_run(key: &[u8]) -> Option<u32> {
    read_u32(key, 9)
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

pub(super) fn active(organization: OrganizationId, day: Day) -> [u8; 8] {
    pair(organization.0, day.0)
}

pub(super) fn arrival(hour: Hour, sequence: u64) -> [u8; 12] {
    let mut key = [0; 12];
    key[..4].copy_from_slice(&hour.0.to_be_bytes());
    key[4..].copy_from_slice(&sequence.to_be_bytes());
    key
}

pub(super) fn ids(organization: OrganizationId, hour: Hour, run: u32) -> [u8; 12] {
    let mut key = [0; 12];
    key[..8].copy_from_slice(&pair(organization.0, hour.0));
    key[8..].copy_from_slice(&run.to_be_bytes());
    key
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
    use crate::model::Quarter;

    proptest! {
        #[test]
        fn key_order_is_tuple_order(a in any::<(u32, u8, u32, u32)>(), b in any::<(u32, u8, u32, u32)>()) {
            let key = |(org, q, hour, run): (u32, u8, u32, u32)| {
                rollup(OrganizationId(org), Slot { before: Quarter(q), hour: Hour(hour) }, run)
            };
            prop_assert_eq!(a.cmp(&b), key(a).cmp(&key(b)));
            prop_assert_eq!((rollup_hour(&key(a)), rollup_run(&key(a))), (Some(Hour(a.2)), Some(a.3)));
        }
    }
}
