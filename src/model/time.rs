//! UTC hours, and the places inside an hour where some zone's midnight can fall.

/// Milliseconds since 1970-01-01T00:00:00Z.
pub type UnixMs = i64;

pub const HOUR_MS: i64 = 3_600_000;
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
    pub fn first_hour(self) -> Hour {
        Hour(self.0.saturating_mul(24))
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

/// A place inside an hour: 0 is its end (the whole hour), 1 to 3 are the quarters after its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Quarter(pub u8);

impl Quarter {
    pub const WHOLE: Quarter = Quarter(0);
}

/// What one rollup covers: the events of `hour` before `before`, or the whole hour.
///
/// Ordered so that all whole hours of an organization lie together: zones on the full hour never meet a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slot {
    pub before: Quarter,
    pub hour: Hour,
}

/// Quarter hours of the UTC day, other than full hours, at which a local day of some zone begins, 2020 to 2037:
/// 02:30, 03:30, 09:30, 10:15, 11:15, 13:30, 14:30, 15:15, 17:30, 18:15, 18:30, 19:30 and 20:30.
/// A test in `calendar` recomputes them from the zone database.
pub const SPLITS: [(u8, Quarter); 13] = [
    (2, Quarter(2)),
    (3, Quarter(2)),
    (9, Quarter(2)),
    (10, Quarter(1)),
    (11, Quarter(1)),
    (13, Quarter(2)),
    (14, Quarter(2)),
    (15, Quarter(1)),
    (17, Quarter(2)),
    (18, Quarter(1)),
    (18, Quarter(2)),
    (19, Quarter(2)),
    (20, Quarter(2)),
];

/// The places at which rollups of `hour` can be cut.
pub fn splits_of(hour: Hour) -> impl Iterator<Item = Quarter> {
    let hour_of_day = (hour.0 % 24) as u8;
    SPLITS.iter().filter(move |(h, _)| *h == hour_of_day).map(|(_, quarter)| *quarter)
}

impl Slot {
    pub fn whole(hour: Hour) -> Slot {
        Slot { before: Quarter::WHOLE, hour }
    }

    /// Every slot that counts an event at `at`: its hour, and the parts of that hour it comes before.
    pub fn containing(at: UnixMs) -> Option<impl Iterator<Item = Slot>> {
        let hour = Hour::of(at)?;
        let into_hour = at.rem_euclid(HOUR_MS);
        let parts = splits_of(hour)
            .filter(move |q| into_hour < i64::from(q.0) * QUARTER_MS)
            .map(move |before| Slot { before, hour });
        Some(std::iter::once(Slot::whole(hour)).chain(parts))
    }

    /// The hour and split at which `at` lies, if rollups can be cut there.
    pub fn boundary(at: UnixMs) -> Option<Slot> {
        let hour = Hour::of(at)?;
        let into_hour = at.rem_euclid(HOUR_MS);
        if into_hour == 0 {
            return Some(Slot::whole(hour));
        }
        let quarter = Quarter((into_hour / QUARTER_MS) as u8);
        (into_hour % QUARTER_MS == 0 && splits_of(hour).any(|q| q == quarter)).then_some(Slot { before: quarter, hour })
    }
}
