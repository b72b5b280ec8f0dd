//! Days and zones.

use serde::Serialize;
use utoipa::ToSchema;

/// A zone's clock.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Calendar)]
pub struct CalendarBody {
    /// IANA name.
    pub timezone: &'static str,
    /// Edition of the zone rules that this is by, such as `2026f`.
    pub zone_database: &'static str,
    /// The server's time: RFC 3339 with the zone's offset.
    pub now: String,
    /// The local day that `now` is in, YYYY-MM-DD.
    pub today: String,
    /// When the next local day begins: RFC 3339 with the zone's offset then.
    pub next_day_at: String,
    /// From 2020 to two days ahead, in order. A moment has the offset that was the last to begin by then.
    pub offsets: Vec<ZoneOffset>,
}

/// An offset from UTC.
#[derive(Debug, Serialize, ToSchema)]
pub struct ZoneOffset {
    /// From when on it holds: RFC 3339, UTC.
    pub from: String,
    /// `+05:30`.
    pub offset: String,
}

/// The zones there are.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Zones {
    /// Edition of the zone rules, such as `2026f`.
    pub zone_database: &'static str,
    pub zones: Vec<ZoneBody>,
}

/// A zone and its offset now.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Zone)]
pub struct ZoneBody {
    /// IANA name.
    pub timezone: &'static str,
    /// From UTC: `+05:30`.
    pub offset: String,
}
