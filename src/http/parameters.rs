//! Query strings → questions. Every complaint names the value and what is allowed.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::ops::{Range, RangeInclusive};

use utoipa::ToSchema;

use super::problem::Problem;
use crate::calendar::{Compare, Date, Granularity, Window, Zone, relative_days, relative_words};
use crate::ledger::Month;
use crate::model::{Biller, UnixMs, canonical_provider};
use crate::query::{
    ACTIVITY_AND_ERRORS, ACTIVITY_COLUMNS, COST_SOURCES, Filter, GroupBy, MODES, Mark, Page, Query, RankBy, RowsBy,
    Sort,
};

/// Values one filter may name, over all its repetitions.
const MAX_FILTER_VALUES: usize = 1000;
/// Days of the window when `from` is left out.
const DEFAULT_DAYS: i64 = 7;

/// Longest text that a list is searched for, as names are.
const MAX_SEARCH_CHARS: usize = 512;
/// Lines of the longest page.
pub const MAX_LINES: u64 = 1000;
const SORTS: [(&str, Sort); 4] = [
    ("cost", Sort::By(RankBy::Cost)),
    ("requestCount", Sort::By(RankBy::RequestCount)),
    ("totalTokens", Sort::By(RankBy::TotalTokens)),
    ("name", Sort::Name),
];

/// How a table is written.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
#[allow(dead_code, reason = "documents what is read here")]
pub enum TableFormat {
    Json,
    Csv,
}

/// A query string, decoded.
pub struct Parameters(Vec<(String, String)>);

const GROUPS: [(&str, GroupBy); 9] = [
    ("model", GroupBy::Model),
    ("project", GroupBy::Project),
    ("apiKey", GroupBy::ApiKey),
    ("user", GroupBy::User),
    ("provider", GroupBy::Provider),
    ("source", GroupBy::Source),
    ("team", GroupBy::Team),
    ("costCentre", GroupBy::CostCentre),
    ("costSource", GroupBy::CostSource),
];
const FILTERS: [(&str, GroupBy); 9] = [
    ("model", GroupBy::Model),
    ("projectId", GroupBy::Project),
    ("apiKeyId", GroupBy::ApiKey),
    ("userId", GroupBy::User),
    ("provider", GroupBy::Provider),
    ("source", GroupBy::Source),
    ("team", GroupBy::Team),
    ("costCentre", GroupBy::CostCentre),
    ("costSource", GroupBy::CostSource),
];
const GRANULARITIES: [(&str, Granularity); 4] = [
    ("hour", Granularity::Hour),
    ("day", Granularity::Day),
    ("week", Granularity::Week),
    ("month", Granularity::Month),
];
const COMPARES: [(&str, Compare); 4] = [
    ("previous", Compare::Previous),
    ("previousMonth", Compare::PreviousMonth),
    ("previousYear", Compare::PreviousYear),
    ("weekdays", Compare::Weekdays),
];
const RANKS: [(&str, RankBy); 3] =
    [("cost", RankBy::Cost), ("requestCount", RankBy::RequestCount), ("totalTokens", RankBy::TotalTokens)];

impl Parameters {
    pub fn parse(query: Option<&str>) -> Parameters {
        Parameters(form_urlencoded::parse(query.unwrap_or_default().as_bytes()).into_owned().collect())
    }

    /// A parameter that may be given once. An empty one counts as left out.
    pub fn one<'a>(&'a self, name: &'a str) -> Result<Option<&'a str>, Problem> {
        let mut values = self.all(name);
        let value = values.next();
        match values.next() {
            Some(_) => Err(Problem::bad_request(format!("{name} is given more than once"))),
            None => Ok(value),
        }
    }

    pub fn required<'a>(&'a self, name: &'a str) -> Result<&'a str, Problem> {
        self.one(name)?.ok_or_else(|| Problem::bad_request(format!("the parameter {name} is missing")))
    }

    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(n, v)| n == name && !v.is_empty()).map(|(_, v)| v.as_str())
    }

    /// A whole number that may be left out.
    pub fn whole(&self, name: &str, allowed: RangeInclusive<u64>) -> Result<Option<u64>, Problem> {
        let Some(text) = self.one(name)? else { return Ok(None) };
        let number = text.parse().ok().filter(|number| allowed.contains(number));
        let wrong = || {
            let (from, to) = allowed.clone().into_inner();
            Problem::bad_request(format!("{name} is '{text}'; it must be a whole number from {from} to {to}"))
        };
        number.map(Some).ok_or_else(wrong)
    }

    /// The question of `/analytics/activity`.
    pub fn activity(&self, now: UnixMs) -> Result<Query, Problem> {
        let granularity = self.choice("granularity", &GRANULARITIES)?.unwrap_or_default();
        self.activity_of(self.window(now, granularity)?, granularity)
    }

    /// The same of a month that is closed, of which whole days are kept; all of it by default.
    pub fn activity_of_closed(&self, zone: Zone, month: Month) -> Result<Query, Problem> {
        let granularity = self.choice("granularity", &GRANULARITIES)?.unwrap_or_default();
        if granularity == Granularity::Hour {
            return Err(Problem::bad_request("granularity is 'hour', but with asOf it is day, week or month"));
        }
        if let Some(name) =
            ["range", "compare", "compareFrom", "compareTo"].into_iter().find(|name| self.all(name).next().is_some())
        {
            return Err(Problem::bad_request(format!("{name} and asOf are given; leave one of them out")));
        }
        let given = |name| self.one(name)?.map(|text| day(name, text, zone)).transpose();
        let (first, last) = (month.first_day(), month.first_day().last_of_month());
        let (from, to) = (given("from")?.unwrap_or(first), given("to")?.unwrap_or(last));
        if from < first || to > last {
            return Err(Problem::bad_request(format!(
                "from {from} to {to} is not inside the month that asOf is of; ask for days from {first} to {last}"
            )));
        }
        self.activity_of(Window::new(zone, from, to, granularity).map_err(bad_request)?, granularity)
    }

    fn activity_of(&self, window: Window, granularity: Granularity) -> Result<Query, Problem> {
        let top = self.one("top")?.map(|text| match text.parse::<usize>() {
            Ok(top @ 1..) => Ok(top),
            _ => Err(Problem::bad_request(format!("top is '{text}'; it must be a whole number of 1 or more"))),
        });
        Ok(Query {
            window,
            granularity,
            group_by: group_by(self.group_by_name()?)?,
            filter: self.filter()?,
            rank_by: self.choice("rankBy", &RANKS)?.unwrap_or_default(),
            top: top.transpose()?,
            columns: if self.errors()? { ACTIVITY_AND_ERRORS } else { ACTIVITY_COLUMNS },
        })
    }

    /// Whether requests that failed are to be counted in each part of the answer.
    pub fn errors(&self) -> Result<bool, Problem> {
        Ok(self.choice("errors", &[("true", true), ("false", false)])?.unwrap_or_default())
    }

    pub fn window(&self, now: UnixMs, granularity: Granularity) -> Result<Window, Problem> {
        let zone = self.zone()?;
        if let Some(word) = self.one("range")? {
            if !self.has_no_days()? {
                return Err(Problem::bad_request("range and days are given; leave one of them out"));
            }
            let (from, to) = relative_days(word, zone.date_at(now)).ok_or_else(|| unknown_range(word))?;
            return Window::new(zone, from, to, granularity).map_err(bad_request);
        }
        let given = |name| self.one(name)?.map(|text| day(name, text, zone)).transpose();
        let to = given("to")?.unwrap_or_else(|| zone.date_at(now));
        let from = given("from")?.unwrap_or_else(|| to.plus_days(1 - DEFAULT_DAYS));
        Window::new(zone, from, to, granularity).map_err(bad_request)
    }

    /// The instants of some local days, either end of which may be open.
    pub fn times(&self) -> Result<Range<UnixMs>, Problem> {
        let zone = self.zone()?;
        let given = |name| self.one(name)?.map(|text| day(name, text, zone)).transpose();
        let (from, to) = (given("from")?, given("to")?);
        if let (Some(from), Some(to)) = (from, to)
            && from > to
        {
            return Err(Problem::bad_request(format!("from {from} is after to {to}")));
        }
        let start = from.map_or(UnixMs::MIN, |from| zone.day_start(from));
        Ok(start..to.map_or(UnixMs::MAX, |to| zone.day_start(to.plus_days(1))))
    }

    pub fn zone(&self) -> Result<Zone, Problem> {
        // Looked up even so, for the edition that goes with it.
        let name = self.one("timezone")?.unwrap_or(Zone::UTC.name());
        Zone::named(name).ok_or_else(|| {
            Problem::bad_request(format!("timezone '{name}' is unknown; use an IANA name such as Europe/Paris or UTC"))
        })
    }

    /// The window that another is to be compared with.
    pub fn compared(&self, window: &Window, now: UnixMs) -> Result<Option<Window>, Problem> {
        let given = |name| self.one(name)?.map(|text| day(name, text, window.zone)).transpose();
        let with = match (self.choice("compare", &COMPARES)?, given("compareFrom")?, given("compareTo")?) {
            (None, None, None) => return Ok(None),
            (Some(with), None, None) => with,
            (None, Some(from), Some(to)) => Compare::Days { from, to },
            (Some(_), ..) => return Err(Problem::bad_request("compare and days are given; leave one of them out")),
            _ => return Err(Problem::bad_request("compareFrom and compareTo belong together; one is missing")),
        };
        window.compared(with, now).map(Some).map_err(bad_request)
    }

    /// Which part of a list is asked for.
    pub fn page(&self) -> Result<Page, Problem> {
        let unknown =
            |text: &str| Problem::bad_request(format!("after is '{text}'; give what `next` of an answer says"));
        let after = self.one("after")?.map(|text| Mark::parse(text).ok_or_else(|| unknown(text)));
        Ok(Page {
            sort: self.choice("sort", &SORTS)?.unwrap_or_default(),
            search: self.search()?.map(str::to_owned),
            after: after.transpose()?,
            limit: self.whole("limit", 1..=MAX_LINES)?.map(|limit| limit as usize),
        })
    }

    /// What entries of a list are to have in a name or an id.
    pub fn search(&self) -> Result<Option<&str>, Problem> {
        let search = self.one("q")?;
        if search.is_some_and(|text| text.chars().count() > MAX_SEARCH_CHARS) {
            return Err(Problem::bad_request(format!("q is longer than the {MAX_SEARCH_CHARS} characters allowed")));
        }
        Ok(search)
    }

    /// Whether `format` asks for CSV; `None` leaves it to the `Accept` header.
    pub fn csv(&self) -> Result<Option<bool>, Problem> {
        self.choice("format", &[("csv", true), ("json", false)])
    }

    /// Every parameter as it came.
    pub fn each(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Whether neither end of a window is given.
    pub fn has_no_days(&self) -> Result<bool, Problem> {
        Ok(self.one("from")?.is_none() && self.one("to")?.is_none())
    }

    /// The keys of an entry, if one is meant: as many as it is broken down by. An empty one is the key null.
    pub fn keys_of(&self, group_by: &[GroupBy]) -> Result<Option<Vec<Option<String>>>, Problem> {
        let keys: Vec<&str> = self.each().filter(|(name, _)| *name == "key").map(|(_, key)| key).collect();
        match (&keys[..], group_by.len()) {
            // What is not broken down has one entry, whose key is null.
            ([] | [""], 0) | ([], _) => Ok(None),
            (keys, dimensions) if keys.len() == dimensions => {
                Ok(Some(keys.iter().map(|key| Some((*key).to_owned()).filter(|key| !key.is_empty())).collect()))
            }
            (keys, dimensions) => Err(Problem::bad_request(format!(
                "key is given {} times; groupBy '{}' has {dimensions}",
                keys.len(),
                self.group_by_name()?
            ))),
        }
    }

    /// What the breakdown is by, as it was written.
    pub fn group_by_name(&self) -> Result<&str, Problem> {
        Ok(self.one("groupBy")?.unwrap_or("model"))
    }

    /// Whose reports are meant.
    pub fn biller(&self) -> Result<Biller, Problem> {
        self.required("provider")?;
        Ok(self.choice("provider", &Biller::ALL)?.expect("it is there"))
    }

    /// The days of `/analytics/reconciliation`, which are those of UTC, and what its rows are told apart by.
    pub fn reconciliation(&self, now: UnixMs) -> Result<(Window, RowsBy), Problem> {
        let window = self.window(now, Granularity::Day)?;
        if window.zone != Zone::UTC {
            let zone = window.zone.name();
            return Err(Problem::bad_request(format!("timezone is '{zone}'; providers bill by days of UTC")));
        }
        let text = self.one("groupBy")?.unwrap_or("day,model,apiKey");
        let mut by = RowsBy { day: false, model: false, api_key: false };
        for part in text.split(',') {
            let found = match part {
                "day" => Some(&mut by.day),
                "model" => Some(&mut by.model),
                "apiKey" => Some(&mut by.api_key),
                _ => None,
            };
            match found {
                Some(by) if !*by => *by = true,
                _ => {
                    return Err(Problem::bad_request(format!(
                        "groupBy is '{text}'; allowed are day, model, apiKey, or different ones of them joined by commas"
                    )));
                }
            }
        }
        Ok((window, by))
    }

    pub fn filter(&self) -> Result<Filter, Problem> {
        let mut by = Vec::new();
        for (name, group) in FILTERS {
            let mut values: BTreeSet<String> = self.all(name).map(str::to_owned).collect();
            if values.len() > MAX_FILTER_VALUES {
                return Err(Problem::bad_request(format!(
                    "{name} is given {} times; at most {MAX_FILTER_VALUES} are allowed",
                    values.len()
                )));
            }
            if group == GroupBy::CostSource
                && let Some(unknown) = values.iter().find(|value| pick(value, &COST_SOURCES).is_none())
            {
                return Err(Problem::bad_request(format!(
                    "{name} is '{unknown}'; allowed are reported, priced and unpriced"
                )));
            }
            if group == GroupBy::Provider {
                // By whichever of its names; what was counted before they were one has its own.
                let usual: Vec<String> = values.iter().map(|name| canonical_provider(name).into_owned()).collect();
                values.extend(usual);
            }
            if !values.is_empty() {
                by.push((group, values));
            }
        }
        let modes = self.all("mode").map(|mode| {
            pick(mode, &MODES)
                .ok_or_else(|| Problem::bad_request(format!("mode is '{mode}'; allowed are {}", names(&MODES))))
        });
        Ok(Filter { by, modes: modes.collect::<Result<_, _>>()?, viewer: None })
    }

    /// A parameter with a name for each value it may have.
    pub fn choice<T: Copy>(&self, name: &str, allowed: &[(&str, T)]) -> Result<Option<T>, Problem> {
        let Some(text) = self.one(name)? else { return Ok(None) };
        let found = pick(text, allowed);
        found.map(Some).ok_or_else(|| Problem::bad_request(format!("{name} is '{text}'; allowed: {}", names(allowed))))
    }
}

/// The parameter that leaves only some of what usage is broken down by.
pub fn filter_of(by: GroupBy) -> &'static str {
    FILTERS.iter().find(|(_, of)| *of == by).expect("there is one for each").0
}

/// What a breakdown is by, from its name.
pub fn group_by(text: &str) -> Result<Vec<GroupBy>, Problem> {
    if text == "none" {
        return Ok(Vec::new());
    }
    let parts: Vec<&str> = text.split(',').collect();
    let groups: Option<Vec<GroupBy>> = parts.iter().map(|part| pick(part, &GROUPS)).collect();
    match groups {
        Some(groups) if groups.len() == 1 || (groups.len() == 2 && groups[0] != groups[1]) => Ok(groups),
        _ => Err(Problem::bad_request(format!(
            "groupBy is '{text}'; allowed are none, {}, or two different ones joined by a comma",
            names(&GROUPS)
        ))),
    }
}

/// Digits that an instant has at least, as milliseconds since 1970: those of 1973 have twelve.
const INSTANT_DIGITS: usize = 12;

/// A day of a zone, or the one on which an instant lies: dashboards of others know from when to when in milliseconds.
fn day(name: &str, text: &str, zone: Zone) -> Result<Date, Problem> {
    let is_instant = text.len() >= INSTANT_DIGITS && text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_instant {
        return date(name, text);
    }
    text.parse().ok().and_then(|at| zone.date_of(at)).ok_or_else(|| {
        Problem::bad_request(format!(
            "{name} '{text}' is no instant of the years 1 to 9999; write YYYY-MM-DD, or milliseconds since 1970"
        ))
    })
}

fn unknown_range(word: &str) -> Problem {
    let known: Vec<&str> = relative_words().collect();
    Problem::bad_request(format!("range is '{word}'; allowed: {}", known.join(", ")))
}

/// A day as it is written everywhere.
pub fn date(name: &str, text: &str) -> Result<Date, Problem> {
    let no_date = || Problem::bad_request(format!("{name} '{text}' is no date that exists; write YYYY-MM-DD"));
    Date::parse(text).ok_or_else(no_date)
}

fn pick<T: Copy>(text: &str, allowed: &[(&str, T)]) -> Option<T> {
    allowed.iter().find(|(name, _)| *name == text).map(|(_, value)| *value)
}

fn names<T>(allowed: &[(&str, T)]) -> String {
    allowed.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
}

fn bad_request(error: impl Display) -> Problem {
    Problem::bad_request(error.to_string())
}
