//! What a cell of a table says: numbers and money as spreadsheets and people write them, times in their many shapes.
//!
//! Nothing is guessed: what can be read in two ways is an error that says which two.

use std::ops::RangeInclusive;

use super::field::clipped;
use super::number::parse_whole;
use crate::calendar::{Date, Zone, parse_rfc3339, rfc3339_utc};
use crate::model::{FIRST_HOUR, HOUR_MS, UnixMs};

/// What stands between a number's whole and its fraction; the other of the two groups thousands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decimal {
    Point,
    Comma,
}

impl Decimal {
    pub fn name(self) -> &'static str {
        match self {
            Decimal::Point => "point",
            Decimal::Comma => "comma",
        }
    }

    pub fn named(name: &str) -> Option<Decimal> {
        [Decimal::Point, Decimal::Comma].into_iter().find(|decimal| decimal.name() == name)
    }

    fn mark(self) -> char {
        match self {
            Decimal::Point => '.',
            Decimal::Comma => ',',
        }
    }

    fn other(self) -> Decimal {
        match self {
            Decimal::Point => Decimal::Comma,
            Decimal::Comma => Decimal::Point,
        }
    }
}

/// What a number counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    /// Tokens or calls.
    Whole,
    Usd,
}

/// What a cell of figures says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Figure {
    /// Nothing, in one of the words for it.
    Absent,
    /// The price is nothing, or paid by the month.
    Included,
    /// The text of a JSON number, the same whichever mark is the decimal one.
    Number(String),
    /// A number in files with this mark only.
    Of(Decimal, String),
    /// One number with a decimal point, another with a decimal comma.
    Either { point: String, comma: String },
}

/// Words for a figure that is not there.
const ABSENT: [&str; 10] = ["-", "–", "—", "n/a", "na", "nan", "none", "null", "\\n", "unknown"];
/// Words for a price of nothing beyond what is paid by the month.
const INCLUDED: [&str; 4] = ["included", "free", "no charge", "not charged"];
/// What groups thousands whatever the decimal mark is; the last three are spaces that do not break.
const GROUPING: [char; 7] = ['\'', '’', ' ', '\u{a0}', '\u{2009}', '\u{202f}', '\u{2007}'];

impl Figure {
    /// Reads a cell. The error has no subject: the caller knows the column.
    pub(super) fn of(cell: &str, unit: Unit) -> Result<Figure, String> {
        let text = cell.trim();
        // The usual figure is digits alone.
        if !text.is_empty() && text.len() < 16 && text.bytes().all(|b| b.is_ascii_digit()) {
            return Ok(Figure::Number(bare(text).to_owned()));
        }
        let word = text.to_lowercase();
        if text.is_empty() || ABSENT.contains(&&*word) {
            return Ok(Figure::Absent);
        }
        if unit == Unit::Usd && INCLUDED.contains(&&*word) {
            return Ok(Figure::Included);
        }
        let number = if unit == Unit::Usd { without_currency(text)? } else { text.to_owned() };
        let readings = [Decimal::Point, Decimal::Comma].map(|decimal| as_number(&number, unit, decimal));
        match readings {
            [Some(point), Some(comma)] if point == comma => Ok(Figure::Number(point)),
            [Some(point), Some(comma)] => Ok(Figure::Either { point, comma }),
            [Some(point), None] => Ok(Figure::Of(Decimal::Point, point)),
            [None, Some(comma)] => Ok(Figure::Of(Decimal::Comma, comma)),
            [None, None] => Err(match unit {
                Unit::Whole => format!("'{}' is no whole number", clipped(text)),
                Unit::Usd => format!("'{}' is no amount of US dollars such as 0.0042", clipped(text)),
            }),
        }
    }
}

/// The amount without its sign for US dollars; the error names any other currency.
fn without_currency(text: &str) -> Result<String, String> {
    let is_number = |c: char| c.is_ascii_digit() || matches!(c, '.' | ',' | '-' | '+') || GROUPING.contains(&c);
    let (sign, rest) = match text.strip_prefix(['-', '−']) {
        Some(rest) => ("-", rest.trim_start()),
        None => ("", text),
    };
    let nothing = || format!("'{}' is no amount of US dollars such as 0.0042", clipped(text));
    let digits = rest.find(|c: char| c.is_ascii_digit()).ok_or_else(nothing)?;
    // A point or a comma before the first digit belongs to the number.
    let start = rest[..digits].trim_end_matches(['.', ',', '-', '+']).len();
    let (before, rest) = rest.split_at(start);
    let end = rest.rfind(|c: char| c.is_ascii_digit()).map_or(0, |at| at + 1);
    let (number, after) = rest.split_at(end);
    for named in [before, after] {
        let named = named.trim();
        if !matches!(named.to_ascii_uppercase().as_str(), "" | "$" | "US$" | "USD" | "USD$" | "$USD") {
            return Err(format!("'{}' has '{}' in it; costs are US dollars", clipped(text), clipped(named)));
        }
    }
    // Letters within are an exponent's or none of ours.
    let plain = number.chars().all(|c| is_number(c) || matches!(c, 'e' | 'E'));
    if plain { Ok(format!("{sign}{number}")) } else { Err(nothing()) }
}

/// Whether a column's header names a currency that is not US dollars.
pub(super) fn other_currency(header: &str) -> Option<&str> {
    const CODES: [&str; 14] =
        ["EUR", "GBP", "JPY", "CNY", "RMB", "INR", "CHF", "CAD", "AUD", "BRL", "KRW", "SEK", "PLN", "CENTS"];
    const SIGNS: [char; 8] = ['€', '£', '¥', '₹', '₩', '₽', '₺', '¢'];
    let sign = header.char_indices().find(|(_, c)| SIGNS.contains(c)).map(|(at, c)| &header[at..at + c.len_utf8()]);
    sign.or_else(|| {
        header
            .split(|c: char| !c.is_alphanumeric())
            .find(|word| CODES.iter().any(|code| code.eq_ignore_ascii_case(word)))
    })
}

/// The text of a JSON number, if the text is one with this decimal mark.
fn as_number(text: &str, unit: Unit, decimal: Decimal) -> Option<String> {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        // A spreadsheet that wrote a count as 1.2E+06 has rounded it.
        Some(_) if unit == Unit::Whole => return None,
        Some((mantissa, exponent)) => {
            let digits = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
            let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
            (mantissa, Some(exponent).filter(|_| plain)?)
        }
        None => (text, ""),
    };
    let (sign, mantissa) = match mantissa.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", mantissa.strip_prefix('+').unwrap_or(mantissa)),
    };
    let (whole, fraction) = match mantissa.split_once(decimal.mark()) {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    if fraction.is_some_and(|digits| digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit())) {
        return None;
    }
    let whole = match whole.find(|c: char| !c.is_ascii_digit()) {
        None if whole.is_empty() => Some("0".to_owned()).filter(|_| fraction.is_some())?,
        None => whole.to_owned(),
        Some(_) if !exponent.is_empty() => return None,
        Some(at) => ungrouped(whole, at, decimal)?,
    };
    let whole = bare(&whole);
    let fraction = match (unit, fraction) {
        (_, None) => String::new(),
        (Unit::Whole, Some(digits)) => Some(String::new()).filter(|_| digits.bytes().all(|b| b == b'0'))?,
        (Unit::Usd, Some(digits)) => format!(".{digits}"),
    };
    let exponent = if exponent.is_empty() { String::new() } else { format!("e{exponent}") };
    Some(format!("{sign}{whole}{fraction}{exponent}"))
}

/// Digits without the marks that group them by three; the first is at `at`.
fn ungrouped(text: &str, at: usize, decimal: Decimal) -> Option<String> {
    let mark = text[at..].chars().next()?;
    if mark != decimal.other().mark() && !GROUPING.contains(&mark) {
        return None;
    }
    let mut groups = text.split(mark);
    let first = groups.next()?;
    let digits = |group: &str| group.bytes().all(|b| b.is_ascii_digit());
    let fits = (1..=3).contains(&first.len())
        && !first.starts_with('0')
        && digits(first)
        && groups.all(|group| group.len() == 3 && digits(group));
    fits.then(|| text.replace(mark, ""))
}

/// Digits without zeros before them, as JSON has numbers.
fn bare(digits: &str) -> &str {
    let rest = digits.trim_start_matches('0');
    if rest.is_empty() && !digits.is_empty() { "0" } else { rest }
}

/// What of a time is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Said {
    /// An instant.
    All,
    /// A time without its zone.
    NoZone,
    /// A day.
    Day,
}

/// Reads a time, in `zone` where it says none. A day without a time is its midday, which is on the same date in most
/// other zones, too.
pub(super) fn time(text: &str, zone: Zone) -> Result<(UnixMs, Said), String> {
    let (at, said) = match epoch(text) {
        Some(at) => (at?, Said::All),
        None => match parse_rfc3339(text) {
            Some(at) => (at, Said::All),
            None => written(text, zone)?,
        },
    };
    if at < FIRST_HOUR.start_ms() {
        return Err(format!("'{}' is {}, before 2020-01-01T00:00:00Z", clipped(text), rfc3339_utc(at)));
    }
    Ok((at, said))
}

/// A number of seconds, or of thousandths, millionths or billionths of one, since 1970. They are told apart by their
/// digits: from 2001 to 5138 seconds have ten or eleven, and the others three, six and nine more.
fn epoch(text: &str) -> Option<Result<UnixMs, String>> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if whole.is_empty() || !whole.bytes().chain(fraction.bytes()).all(|b| b.is_ascii_digit()) {
        let shortened = text.contains(['e', 'E']) && text.parse::<f64>().is_ok();
        let what = || format!("'{}' is a time that a spreadsheet has shortened; export it in full", clipped(text));
        return shortened.then(|| Err(what()));
    }
    let number = parse_whole(whole).and_then(|number| i64::try_from(number).ok());
    let thousandths = || format!("{fraction:0<3.3}").parse::<i64>().unwrap_or(0);
    let at = match (number, whole.len()) {
        // 20261128 is a date, see below; seconds with as many digits ended in 1973.
        (_, 8) if fraction.is_empty() => return None,
        (Some(seconds), 9..=11) => seconds * 1000 + thousandths(),
        (Some(ms), 12..=14) => ms,
        (Some(us), 15..=17) => us / 1000,
        (Some(ns), 18..=19) => ns / 1_000_000,
        _ => {
            let text = clipped(text);
            return Some(Err(format!("'{text}' is no time since 1970 in seconds, milli-, micro- or nanoseconds")));
        }
    };
    Some(Ok(at))
}

/// A date, mostly with a time of the day.
fn written(text: &str, zone: Zone) -> Result<(UnixMs, Said), String> {
    let wrong = || format!("'{}' is no time; write 2026-06-01T12:00:00Z, or a day as 2026-06-01", clipped(text));
    let Some(colon) = text.find(':') else {
        let date = date(text)?.ok_or_else(wrong)?;
        let (start, end) = (zone.day_start(date), zone.day_start(date.plus_days(1)));
        if start == end {
            return Err(format!("'{}' is a day that {} has skipped", clipped(text), zone.name()));
        }
        return Ok((start + (end - start) / 2, Said::Day));
    };
    let clock = text[..colon].trim_end_matches(|c: char| c.is_ascii_digit()).len();
    let day = text[..clock].trim_end();
    let day = ["T", "t", " at", ","].iter().find_map(|end| day.strip_suffix(end)).unwrap_or(day);
    let date = date(day)?.ok_or_else(wrong)?;
    let (of_day, rest) = time_of_day(&text[clock..]).ok_or_else(wrong)?;
    match offset_ms(rest) {
        Some(offset) => Ok((Zone::UTC.day_start(date) + of_day - offset, Said::All)),
        None if rest.is_empty() => match zone.instant(date, of_day) {
            Some(at) => Ok((at, Said::NoZone)),
            None => Err(format!("'{}' is not one instant in {}: clocks change then", clipped(text), zone.name())),
        },
        None => Err(format!("'{}' has the zone '{rest}'; write UTC or an offset such as +02:00", clipped(text))),
    }
}

/// Milliseconds since midnight, and the rest of the text.
fn time_of_day(text: &str) -> Option<(i64, &str)> {
    let (mut hour, rest) = leading(text, 1..=2, 24)?;
    let (minute, mut rest) = leading(rest.strip_prefix(':')?, 2..=2, 60)?;
    let mut ms = 0;
    if let Some(seconds) = rest.strip_prefix(':') {
        let (second, after) = leading(seconds, 2..=2, 60)?;
        (ms, rest) = (second * 1000, after);
        if let Some(fraction) = rest.strip_prefix(['.', ',']) {
            let length = fraction.bytes().take_while(u8::is_ascii_digit).count();
            ms += format!("{:0<3.3}", &fraction[..length]).parse::<i64>().ok().filter(|_| length > 0)?;
            rest = &fraction[length..];
        }
    }
    rest = rest.trim();
    let half = rest.get(..2).map(str::to_ascii_uppercase);
    if let Some(half @ ("AM" | "PM")) = half.as_deref()
        && (1..=12).contains(&hour)
    {
        hour = hour % 12 + if half == "PM" { 12 } else { 0 };
        rest = rest[2..].trim_start();
    }
    Some((hour * HOUR_MS + minute * 60_000 + ms, rest))
}

/// The number that a text begins with, of so many digits and below a bound, and what follows it.
fn leading(text: &str, digits: RangeInclusive<usize>, below: i64) -> Option<(i64, &str)> {
    let length = text.bytes().take_while(u8::is_ascii_digit).count();
    let number: i64 = text[..length].parse().ok().filter(|_| digits.contains(&length))?;
    (number < below).then_some((number, &text[length..]))
}

/// How far a zone is ahead of UTC, if it says so itself: `Z`, `UTC`, `+02`, `+0200`, `+02:00`, `+0000 UTC`.
fn offset_ms(text: &str) -> Option<i64> {
    let is_utc = |name: &str| ["z", "utc", "gmt", "(utc)", "etc/utc"].contains(&name.to_ascii_lowercase().as_str());
    if is_utc(text) {
        return Some(0);
    }
    let (offset, name) = text.split_once(' ').unwrap_or((text, ""));
    let sign = match offset.bytes().next()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let digits = offset[1..].replacen(':', "", 1);
    let plain = matches!(digits.len(), 2 | 4) && digits.bytes().all(|b| b.is_ascii_digit());
    let (hours, minutes) = plain.then(|| (digits[..2].parse::<i64>(), digits[2..].parse::<i64>().unwrap_or(0)))?;
    let ms = hours.ok().filter(|hours| *hours < 24)? * HOUR_MS + minutes * 60_000;
    (minutes < 60 && (name.is_empty() || is_utc(name) && ms == 0)).then_some(sign * ms)
}

const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const MONTHS_IN_FULL: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

/// A date as ISO 8601 has it, or with its day or month first. `None` for what is no date; an error for what can be two.
fn date(text: &str) -> Result<Option<Date>, String> {
    let text = text.trim();
    if text.len() == 8 && text.bytes().all(|b| b.is_ascii_digit()) {
        return Ok(Date::parse(&format!("{}-{}-{}", &text[..4], &text[4..6], &text[6..])));
    }
    let parts: Vec<&str> = text
        .split(|c: char| matches!(c, '-' | '/' | '.' | ',') || c.is_whitespace())
        .filter(|p| !p.is_empty())
        .collect();
    let parts: &[&str] = match &*parts {
        // Sat, 28 Nov 2026
        [weekday, rest @ ..] if rest.len() == 3 && weekday.bytes().all(|b| b.is_ascii_alphabetic()) => rest,
        parts => parts,
    };
    let &[first, second, third] = parts else { return Ok(None) };
    let number = |part: &str| {
        let plain = matches!(part.len(), 1 | 2) && part.bytes().all(|b| b.is_ascii_digit());
        plain.then(|| part.parse::<u32>().ok()).flatten()
    };
    let year = |part: &str| {
        let plain = part.len() == 4 && part.bytes().all(|b| b.is_ascii_digit());
        plain.then(|| part.parse::<i32>().ok()).flatten()
    };
    let month = |part: &str| {
        let name = part.to_ascii_lowercase();
        let at = MONTHS.iter().position(|short| *short == name || name == "sept" && *short == "sep");
        at.or_else(|| MONTHS_IN_FULL.iter().position(|long| *long == name)).map(|at| at as u32 + 1)
    };
    if let (Some(year), Some(month), Some(day)) = (year(first), number(second), number(third)) {
        return Ok(Date::from_ymd(year, month, day));
    }
    let Some(year) = year(third) else { return Ok(None) };
    if let (Some(month), Some(day)) = (month(first), number(second)) {
        return Ok(Date::from_ymd(year, month, day));
    }
    if let (Some(day), Some(month)) = (number(first), month(second)) {
        return Ok(Date::from_ymd(year, month, day));
    }
    let (Some(first), Some(second)) = (number(first), number(second)) else { return Ok(None) };
    // With points the day always comes first.
    if text.contains('.') || first > 12 || first == second {
        return Ok(Date::from_ymd(year, second, first));
    }
    if second > 12 {
        return Ok(Date::from_ymd(year, first, second));
    }
    Err(format!("'{}' can be a day of month {first} or of month {second}; write YYYY-MM-DD", clipped(text)))
}

/// Whether a cell marks its row as the sum of others.
pub(super) fn is_total(cell: &str) -> bool {
    const WORDS: [&str; 16] = [
        "total",
        "totals",
        "grand total",
        "grand totals",
        "subtotal",
        "sub-total",
        "sum",
        "summe",
        "gesamt",
        "gesamtsumme",
        "zwischensumme",
        "insgesamt",
        "somme",
        "totale",
        "totaal",
        "suma",
    ];
    let word = cell.trim().to_lowercase();
    WORDS.contains(&word.trim_end_matches(':').trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_figure(cell: &str, unit: Unit, expected: &str) {
        let said = match Figure::of(cell, unit) {
            Ok(Figure::Absent) => "absent".into(),
            Ok(Figure::Included) => "included".into(),
            Ok(Figure::Number(number)) => number,
            Ok(Figure::Of(decimal, number)) => format!("{} {number}", decimal.name()),
            Ok(Figure::Either { point, comma }) => format!("{point} or {comma}"),
            Err(error) => format!("! {error}"),
        };
        assert_eq!(said, expected, "{cell}");
    }

    #[test]
    fn counts_are_read_as_far_as_they_say() {
        for (cell, expected) in [
            ("25000", "25000"),
            ("007", "7"),
            (" 0 ", "0"),
            ("25.000", "25 or 25000"),
            ("25,000", "25000 or 25"),
            ("25.000.000", "comma 25000000"),
            ("1,234", "point 1234"),
            ("12.500", "comma 12500"),
            ("12.0", "point 12"),
            ("1.234.567,00", "comma 1234567"),
            ("1 234", "1234"),
            ("1\u{202f}234\u{202f}567", "1234567"),
            ("1'234", "1234"),
            ("-5", "-5"),
            ("", "absent"),
            ("NaN", "absent"),
            ("\\N", "absent"),
            ("1.5", "! '1.5' is no whole number"),
            ("1.2E+06", "! '1.2E+06' is no whole number"),
            ("Included", "! 'Included' is no whole number"),
            ("12,34,567", "! '12,34,567' is no whole number"),
            ("1,2345", "! '1,2345' is no whole number"),
        ] {
            check_figure(cell, Unit::Whole, expected);
        }
    }

    #[test]
    fn money_is_read_as_far_as_it_says_and_only_in_dollars() {
        for (cell, expected) in [
            ("$0.18", "point 0.18"),
            ("0.18 USD", "point 0.18"),
            ("US$ 1,234.50", "point 1234.50"),
            ("-$4.34", "point -4.34"),
            ("0,00021", "comma 0.00021"),
            ("1.234,50", "comma 1234.50"),
            ("1,234", "1234 or 1.234"),
            ("1.234", "1.234 or 1234"),
            ("$12", "12"),
            (".5", "point 0.5"),
            ("8e-06", "8e-06"),
            ("1.234e-05", "point 1.234e-05"),
            ("1,5E-5", "comma 1.5e-5"),
            ("Included", "included"),
            ("Free", "included"),
            ("—", "absent"),
            ("€0.18", "! '€0.18' has '€' in it; costs are US dollars"),
            ("0,18 EUR", "! '0,18 EUR' has 'EUR' in it; costs are US dollars"),
            ("C$5", "! 'C$5' has 'C$' in it; costs are US dollars"),
            ("0.5¢", "! '0.5¢' has '¢' in it; costs are US dollars"),
            ("1.2.3", "! '1.2.3' is no amount of US dollars such as 0.0042"),
            ("cheap", "! 'cheap' is no amount of US dollars such as 0.0042"),
        ] {
            check_figure(cell, Unit::Usd, expected);
        }
        assert_eq!(other_currency("Cost (€)"), Some("€"));
        assert_eq!(other_currency("cost_eur"), Some("eur"));
        assert_eq!(other_currency("Spend ($)"), None);
        assert_eq!(other_currency("Europe"), None);
    }

    #[track_caller]
    fn check_time(text: &str, zone: &str, expected: &str, said: Said) {
        let (at, how) = time(text, Zone::named(zone).unwrap()).unwrap();
        assert_eq!((at, how), (parse_rfc3339(expected).unwrap(), said), "{text}");
    }

    #[test]
    fn times_are_read_in_their_shapes() {
        for (text, expected) in [
            ("1795773600", "2026-11-27T10:00:00Z"),
            ("1795773600.25", "2026-11-27T10:00:00.25Z"),
            ("1795773600123", "2026-11-27T10:00:00.123Z"),
            ("1795773600123456", "2026-11-27T10:00:00.123Z"),
            ("1795773600123456789", "2026-11-27T10:00:00.123Z"),
            ("2026-11-28T10:00:00+02:00", "2026-11-28T08:00:00Z"),
            ("2026-11-28 10:00:00 UTC", "2026-11-28T10:00:00Z"),
            ("2026-11-28 10:00:00.5 +0000 UTC", "2026-11-28T10:00:00.5Z"),
            ("2026-11-28 10:00:00+00", "2026-11-28T10:00:00Z"),
            ("2026-11-28 10:00:00 -0530", "2026-11-28T15:30:00Z"),
            ("Sat, 28 Nov 2026 10:00:00 GMT", "2026-11-28T10:00:00Z"),
        ] {
            check_time(text, "Asia/Tokyo", expected, Said::All);
        }
        for (text, expected) in [
            ("2026-11-28 10:00:00.123", "2026-11-28T09:00:00.123Z"),
            ("2026-11-28T10:00", "2026-11-28T09:00:00Z"),
            ("28.11.2026 10:00", "2026-11-28T09:00:00Z"),
            ("11/28/2026 1:05 PM", "2026-11-28T12:05:00Z"),
            ("Nov 28, 2026, 12:30 AM", "2026-11-27T23:30:00Z"),
            ("2026/11/28 10:00:00,5", "2026-11-28T09:00:00.5Z"),
        ] {
            check_time(text, "Europe/Berlin", expected, Said::NoZone);
        }
        for text in
            ["2026-11-28", "20261128", "28.11.2026", "28/11/2026", "11/28/2026", "28 November 2026", "28-Nov-2026"]
        {
            check_time(text, "UTC", "2026-11-28T12:00:00Z", Said::Day);
        }
        check_time("2026-11-28", "America/New_York", "2026-11-28T17:00:00Z", Said::Day);
        // 23 hours long.
        check_time("2026-03-29", "Europe/Berlin", "2026-03-29T10:30:00Z", Said::Day);
    }

    #[test]
    fn times_that_are_none_or_two_are_named() {
        for (text, expected) in [
            ("yesterday", "'yesterday' is no time; write 2026-06-01T12:00:00Z"),
            ("2026-02-30", "'2026-02-30' is no time"),
            ("03/04/2026", "'03/04/2026' can be a day of month 3 or of month 4; write YYYY-MM-DD"),
            ("2026-10-25 02:30", "is not one instant in Europe/Berlin"),
            ("2026-03-29 02:30", "is not one instant in Europe/Berlin"),
            ("2026-11-28 10:00 CET", "has the zone 'CET'; write UTC or an offset"),
            ("2026-11-28 25:00", "is no time"),
            ("1.79577E+12", "a time that a spreadsheet has shortened"),
            ("46354.41", "is no time since 1970 in seconds, milli-, micro- or nanoseconds"),
            ("978307200", "'978307200' is 2001-01-01T00:00:00Z, before 2020"),
            ("99999999999999999999", "is no time since 1970"),
            ("", "'' is no time"),
            ("¡:", "'¡:' is no time"),
        ] {
            let error = time(text, Zone::named("Europe/Berlin").unwrap()).unwrap_err();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[-+$€ .,:/0-9eETZaAmpP]{0,24}|.{0,24}") {
            for unit in [Unit::Whole, Unit::Usd] {
                let _ = Figure::of(&text, unit);
            }
            let _ = time(text.trim(), Zone::UTC);
            let _ = (is_total(&text), other_currency(&text));
        }

        /// A number is read the same however its thousands are grouped, in either manner.
        #[test]
        fn grouping_changes_no_number(whole in 1_000u64..10_000_000_000, cents in 1u64..100) {
            let digits = whole.to_string();
            let mut grouped = String::new();
            for (at, digit) in digits.chars().enumerate() {
                if at > 0 && (digits.len() - at) % 3 == 0 {
                    grouped.push('_');
                }
                grouped.push(digit);
            }
            for (decimal, mark) in [(Decimal::Point, '.'), (Decimal::Comma, ',')] {
                for group in [decimal.other().mark(), ' ', '\u{202f}', '\''] {
                    let cell = format!("{}{mark}{cents:02}", grouped.replace('_', &group.to_string()));
                    let expected = Figure::Of(decimal, format!("{whole}.{cents:02}"));
                    proptest::prop_assert_eq!(Figure::of(&cell, Unit::Usd), Ok(expected));
                }
            }
        }
    }

    #[test]
    fn totals_are_known_by_their_words() {
        for word in ["Total", "TOTAL:", " Grand total ", "Gesamtsumme", "sum"] {
            assert!(is_total(word), "{word}");
        }
        for word in ["", "totally", "Total Recall", "summary", "all"] {
            assert!(!is_total(word), "{word}");
        }
    }
}
