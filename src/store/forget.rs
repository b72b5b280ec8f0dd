//! Retention: usage that is older than an organization keeps is removed, period by period.

use redb::ReadableTable;

use super::{IDS, OPEN, PERIODS, Pivot, ROWS, Reader, StoreError, TOTALS, Table, Unshipped, Writer, damaged, keys};
use crate::model::{Day, Hour, OrganizationId, Period, SEGMENTS, Segment, ValueId};

impl Writer {
    /// Removes an organization's usage, and the ids of its events, of all periods before one. Gives the first and the
    /// last day that had any. Names stay, and so does what closed months were.
    pub fn forget(
        &self,
        name: &str,
        organization: OrganizationId,
        before: Period,
    ) -> Result<Option<(Day, Day)>, StoreError> {
        let period_key = |period| keys::period(organization, period);
        let open_key = |segment| keys::open(organization, segment, 0);
        let sealed = self.ends(PERIODS, &period_key(Period(0)), &period_key(before))?;
        let open = self.ends(OPEN, &open_key(Segment(0)), &open_key(before.first_segment()))?;
        let mut days = Vec::new();
        for key in sealed.iter().flatten() {
            let period = keys::read_u32(key, 4).map(Period).ok_or_else(|| damaged("a period's key"))?;
            days.extend([period.first_day(), Day(period.next().first_day().0 - 1)]);
        }
        for key in open.iter().flatten() {
            days.push(keys::open_segment(key).ok_or_else(|| damaged("a key of open rollups"))?.day());
        }
        let (Some(first), Some(last)) = (days.iter().min(), days.iter().max()) else { return Ok(None) };
        self.touch(|| Unshipped::Range(organization, 0..before.first_segment().0));
        self.keep_removed(name, organization, before.first_segment())?;
        self.remove(OPEN, &open_key(Segment(0)), &open_key(before.first_segment()))?;
        self.remove(PERIODS, &period_key(Period(0)), &period_key(before))?;
        let rows_key = |period| keys::rows(organization, period, ValueId(0), 0);
        self.remove(ROWS, &rows_key(Period(0)), &rows_key(before))?;
        for pivot in Pivot::EVERY {
            for cut in 0..=SEGMENTS as u8 {
                for frequent in [false, true] {
                    let key = |period| keys::totals(organization, pivot, frequent, cut, period, 0);
                    self.remove(TOTALS, &key(Period(0)), &key(before))?;
                }
            }
        }
        let ids_key = |hour| keys::ids(organization, hour, 0, 0);
        self.remove(IDS, &ids_key(Hour(0)), &ids_key(Hour(before.first_day().0 * 24)))?;
        self.forget_incomplete(organization, before.first_segment())?;
        Ok(Some((*first, *last)))
    }

    /// The first and the last key of a range.
    fn ends(&self, table: Table, start: &[u8], end: &[u8]) -> Result<Option<[Vec<u8>; 2]>, StoreError> {
        let table = self.transaction.open_table(table)?;
        let mut range = table.range::<&[u8]>(start..end)?;
        let Some(first) = range.next() else { return Ok(None) };
        let first = first?.0.value().to_vec();
        let last = range.next_back().transpose()?.map_or_else(|| first.clone(), |(key, _)| key.value().to_vec());
        Ok(Some([first, last]))
    }

    /// Removes a range of keys.
    pub(super) fn remove(&self, table: Table, start: &[u8], end: &[u8]) -> Result<(), StoreError> {
        self.touch_records(table, start, end)?;
        Ok(self.transaction.open_table(table)?.retain_in::<&[u8], _>(start..end, |_, _| false)?)
    }
}

impl Reader {
    /// The last day of which an organization can have usage.
    pub fn newest_day(&self, organization: OrganizationId) -> Result<Option<Day>, StoreError> {
        if let Some(elsewhere) = self.elsewhere() {
            return elsewhere.newest_day(organization);
        }
        let next = OrganizationId(organization.0 + 1);
        let last = |table: Table, [start, end]: [&[u8]; 2]| -> Result<Option<Vec<u8>>, StoreError> {
            let last = self.transaction.open_table(table)?.range::<&[u8]>(start..end)?.next_back().transpose()?;
            Ok(last.map(|(key, _)| key.value().to_vec()))
        };
        let [start, end] = [organization, next].map(|of| keys::open(of, Segment(0), 0));
        let open = last(OPEN, [&start, &end])?.and_then(|key| keys::open_segment(&key)).map(Segment::day);
        let [start, end] = [organization, next].map(|of| keys::period(of, Period(0)));
        let sealed = last(PERIODS, [&start, &end])?.and_then(|key| keys::read_u32(&key, 4));
        Ok(open.max(sealed.map(|period| Day(Period(period).next().first_day().0 - 1))))
    }
}
