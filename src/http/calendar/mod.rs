//! `/v1/calendar`: which day it is in a zone, so that no client has to know zone rules.

pub mod wire;

use axum::Json;
use axum::extract::{RawQuery, State};

use self::wire::{CalendarBody, ZoneBody, ZoneOffset, Zones};
use super::App;
use super::access::Caller;
use super::parameters::Parameters;
use super::problem::Problem;
use crate::calendar::{Zone, ZoneDatabase, rfc3339_utc};
use crate::model::{FIRST_HOUR, HOUR_MS, UnixMs};

/// How far ahead offsets are told: what is printed lies at most 24 hours ahead, as events may.
const AHEAD_MS: i64 = 48 * HOUR_MS;

/// Which day it is in a zone, when the next one begins, and which offsets the zone has had since 2020.
///
/// For operator and user tokens. With the offsets every moment that the API tells can be printed in the zone by the
/// server's rules, which a client's own may differ from.
#[utoipa::path(
    get, path = "/v1/calendar", tag = "calendar",
    params(("timezone" = Option<String>, Query, description = "IANA name; default UTC")),
    responses(
        (status = 200, body = CalendarBody),
    ),
)]
pub async fn get_calendar(
    State(app): State<App>,
    caller: Caller,
    RawQuery(raw): RawQuery,
) -> Result<Json<CalendarBody>, Problem> {
    caller.may_read_calendar()?;
    let zone = Parameters::parse(raw.as_deref()).zone()?;
    Ok(Json(calendar(zone, app.engine.now())))
}

/// Every zone that the server knows, with its offset from UTC now.
///
/// For operator and user tokens. Former names are in the list as well.
#[utoipa::path(
    get, path = "/v1/calendar/zones", tag = "calendar",
    responses(
        (status = 200, body = Zones),
    ),
)]
pub async fn get_zones(State(app): State<App>, caller: Caller) -> Result<Json<Zones>, Problem> {
    caller.may_read_calendar()?;
    let (now, database) = (app.engine.now(), ZoneDatabase::current());
    let zones = database.zones().map(|zone| ZoneBody { timezone: zone.name(), offset: zone.offset(now) });
    Ok(Json(Zones { zone_database: database.edition().version(), zones: zones.collect() }))
}

fn calendar(zone: Zone, now: UnixMs) -> CalendarBody {
    let today = zone.date_at(now);
    let offsets = zone.offsets(FIRST_HOUR.start_ms()..now + AHEAD_MS);
    CalendarBody {
        timezone: zone.name(),
        zone_database: zone.edition().version(),
        now: zone.rfc3339(now),
        today: today.to_string(),
        next_day_at: zone.rfc3339(zone.day_start(today.plus_days(1))),
        offsets: offsets.into_iter().map(|(at, offset)| ZoneOffset { from: rfc3339_utc(at), offset }).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calendar::parse_rfc3339;

    #[test]
    fn today_ends_when_the_next_local_day_begins() {
        for (zone, now, expected) in [
            ("UTC", "2026-06-30T23:59:59Z", ["2026-06-30T23:59:59+00:00", "2026-06-30", "2026-07-01T00:00:00+00:00"]),
            (
                "Asia/Kathmandu",
                "2026-06-30T18:15:00Z",
                ["2026-07-01T00:00:00+05:45", "2026-07-01", "2026-07-02T00:00:00+05:45"],
            ),
            // A day of 25 hours.
            (
                "Europe/Paris",
                "2025-10-26T00:30:00Z",
                ["2025-10-26T02:30:00+02:00", "2025-10-26", "2025-10-27T00:00:00+01:00"],
            ),
            // Clocks go from 00:00 to 01:00.
            (
                "Africa/Cairo",
                "2025-04-24T21:59:59Z",
                ["2025-04-24T23:59:59+02:00", "2025-04-24", "2025-04-25T01:00:00+03:00"],
            ),
        ] {
            let told = calendar(Zone::named(zone).unwrap(), parse_rfc3339(now).unwrap());
            assert_eq!([&*told.now, &*told.today, &*told.next_day_at], expected, "{zone} {now}");
            assert_eq!((told.timezone, told.zone_database), (zone, ZoneDatabase::current().edition().version()));
            assert_eq!(told.offsets[0].from, "2020-01-01T00:00:00Z", "{zone}");
            let last = told.offsets.last().unwrap();
            assert!(told.next_day_at.ends_with(&last.offset), "{zone}: {} {}", told.next_day_at, last.offset);
        }
    }
}
