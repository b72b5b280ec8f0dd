//! UTC hours and days, and the segments that rollups are kept by.

/// Milliseconds since 1970-01-01T00:00:00Z.
pub type UnixMs = i64;

pub const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;
const QUARTER_MS: i64 = HOUR_MS / 4;

/// How far ahead of the server's clock an event may lie. Deduplication counts on it: see `store::ids`.
pub const AHEAD_HOURS: u32 = 24;

/// A UTC hour, counted from 1970-01-01T00:00Z.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hour(pub u32);

/// 2020-01-01T00:00Z, the first hour an event may belong to.
pub const FIRST_HOUR: Hour = Hour(438_288);

/// A UTC day, counted from 1970-01-01.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(pub u32);

impl Day {
    pub fn first_segment(self) -> Segment {
        Segment(self.0.saturating_mul(SEGMENTS as u32))
    }

    pub fn period(self) -> Period {
        Period(self.0 / PERIOD_DAYS as u32)
    }

    /// Midnight UTC at its start.
    pub fn start_ms(self) -> UnixMs {
        i64::from(self.0) * DAY_MS
    }

    /// The day after.
    pub fn next(self) -> Day {
        Day(self.0 + 1)
    }
}

impl Hour {
    pub fn day(self) -> Day {
        Day(self.0 / 24)
    }

    /// The hour that holds an instant; `None` before 1970 or past what 32 bits can count.
    pub fn of(at: UnixMs) -> Option<Hour> {
        u32::try_from(at.div_euclid(HOUR_MS)).ok().map(Hour)
    }

    pub fn start_ms(self) -> UnixMs {
        i64::from(self.0) * HOUR_MS
    }
}

/// Quarter hours of the UTC day, other than full hours, at which a local day of some zone begins, 2020 to 2037, as
/// (hour, minute). A test in `calendar` recomputes them from the zone database.
pub const SPLITS: [(u32, u32); 13] = [
    (2, 30),
    (3, 30),
    (9, 30),
    (10, 15),
    (11, 15),
    (13, 30),
    (14, 30),
    (15, 15),
    (17, 30),
    (18, 15),
    (18, 30),
    (19, 30),
    (20, 30),
];

/// Segments of a UTC day: its 24 hours, those with a split in two or three.
pub const SEGMENTS: usize = 24 + SPLITS.len();

const QUARTERS: usize = 96;

/// For each quarter of the day the segment it lies in.
const SEGMENT_OF_QUARTER: [u8; QUARTERS] = {
    let mut segments = [0; QUARTERS];
    let (mut quarter, mut segment) = (1, 0);
    while quarter < QUARTERS {
        let mut begins = quarter % 4 == 0;
        let mut i = 0;
        while i < SPLITS.len() {
            begins |= SPLITS[i].0 as usize * 4 + SPLITS[i].1 as usize / 15 == quarter;
            i += 1;
        }
        segment += begins as u8;
        segments[quarter] = segment;
        quarter += 1;
    }
    segments
};

/// For each segment of the day its first quarter.
const FIRST_QUARTER: [u8; SEGMENTS] = {
    let mut first = [0; SEGMENTS];
    let mut quarter = QUARTERS;
    while quarter > 0 {
        quarter -= 1;
        first[SEGMENT_OF_QUARTER[quarter] as usize] = quarter as u8;
    }
    first
};

/// For each segment of the day the hour it lies in.
pub const HOUR_OF_SEGMENT: [u8; SEGMENTS] = {
    let mut hours = [0; SEGMENTS];
    let mut segment = 0;
    while segment < SEGMENTS {
        hours[segment] = FIRST_QUARTER[segment] / 4;
        segment += 1;
    }
    hours
};

/// The stretch of time that one rollup covers: a UTC hour or, where some zone's day begins inside the hour, one of
/// the parts it is cut into. Every local day of every zone is made of whole segments.
///
/// Counted from 1970-01-01, [`SEGMENTS`] a day.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Segment(pub u32);

impl Segment {
    /// The segment that holds an instant; `None` before 1970 or past what 32 bits can count.
    pub fn of(at: UnixMs) -> Option<Segment> {
        let (day, quarter) = (at.div_euclid(DAY_MS), at.rem_euclid(DAY_MS) / QUARTER_MS);
        let day = u32::try_from(day).ok()?.checked_mul(SEGMENTS as u32)?;
        day.checked_add(u32::from(SEGMENT_OF_QUARTER[quarter as usize])).map(Segment)
    }

    pub fn start_ms(self) -> UnixMs {
        i64::from(self.day().0) * DAY_MS + i64::from(FIRST_QUARTER[self.of_day()]) * QUARTER_MS
    }

    pub fn day(self) -> Day {
        Day(self.0 / SEGMENTS as u32)
    }

    /// Which of its day's segments it is.
    pub fn of_day(self) -> usize {
        self.0 as usize % SEGMENTS
    }

    pub fn plus(self, segments: usize) -> Segment {
        Segment(self.0 + segments as u32)
    }

    /// Whether it begins on a full hour of UTC.
    pub fn begins_hour(self) -> bool {
        FIRST_QUARTER[self.of_day()].is_multiple_of(4)
    }

    pub fn period(self) -> Period {
        self.day().period()
    }

    /// Which of its period's segments it is.
    pub fn of_period(self) -> u16 {
        (self.0 - self.period().first_segment().0) as u16
    }
}

/// Days of a [`Period`]. 32 values of any width in bits end on a byte.
pub const PERIOD_DAYS: usize = 32;

/// [`PERIOD_DAYS`] UTC days, counted from 1970-01-01: what is sealed together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Period(pub u32);

impl Period {
    pub fn first_day(self) -> Day {
        Day(self.0.saturating_mul(PERIOD_DAYS as u32))
    }

    pub fn first_segment(self) -> Segment {
        self.first_day().first_segment()
    }

    /// The period after.
    pub fn next(self) -> Period {
        Period(self.0 + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_tile_the_day_in_order() {
        let starts: Vec<i64> = (0..SEGMENTS as u32).map(|i| Segment(i).start_ms() / 60_000).collect();
        assert!(starts.is_sorted_by(|a, b| a < b));
        let splits = starts.iter().filter(|minute| *minute % 60 != 0);
        let expected = SPLITS.map(|(hour, minute)| i64::from(hour * 60 + minute));
        assert!(splits.copied().eq(expected), "{starts:?}");
        for minute in 0..24 * 60 {
            let segment = Segment::of(minute * 60_000 + 86_400_000 * 20_000).unwrap();
            assert_eq!(segment.day(), Day(20_000));
            assert!(starts[segment.of_day()] <= minute);
            assert!(starts.get(segment.of_day() + 1).is_none_or(|next| *next > minute));
        }
    }

    #[test]
    fn periods_are_made_of_whole_days() {
        let segment = Segment::of(1_781_092_800_000).unwrap();
        assert_eq!(segment.period().first_segment().0 + u32::from(segment.of_period()), segment.0);
        assert_eq!(segment.period().next().first_day().0 - segment.period().first_day().0, PERIOD_DAYS as u32);
    }
}
