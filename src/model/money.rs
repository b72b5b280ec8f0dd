//! Exact US dollars.

use std::fmt;

/// US dollars in picodollars (10⁻¹² USD), the unit of every sum.
///
/// Parsed from the text of a decimal and written back as the shortest text with the same value; no float in between.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PicoUsd(pub i128);

const PLACES: i64 = 12;
const ONE_USD: i128 = 1_000_000_000_000;

/// Why a text is not an amount of money that an event may carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// Not `digits[.digits][e±digits]`.
    #[error("is not a decimal number such as 0.0042")]
    NotADecimal,
    /// Below zero.
    #[error("is negative; a cost is 0 or more")]
    Negative,
    /// Above [`PicoUsd::MAX_EVENT`].
    #[error("is above 10000000, the most one event may cost in USD")]
    TooLarge,
}

impl PicoUsd {
    pub const ZERO: PicoUsd = PicoUsd(0);

    /// The most a single event may cost: 10 million USD. Keeps 10¹⁹ such events inside an `i128` sum
    /// and one event inside a `u64`.
    pub const MAX_EVENT: PicoUsd = PicoUsd(10_000_000 * ONE_USD);

    /// Reads the cost of one event from the text of a JSON number.
    ///
    /// Digits past the twelfth after the point are rounded half to even.
    ///
    /// ```
    /// use rollcall::model::PicoUsd;
    /// assert_eq!(PicoUsd::parse_event_cost("1e-6").unwrap(), PicoUsd(1_000_000));
    /// assert_eq!(PicoUsd::parse_event_cost("0.30000000000000004").unwrap().to_string(), "0.3");
    /// ```
    pub fn parse_event_cost(text: &str) -> Result<PicoUsd, MoneyError> {
        let picos = parse_scaled(text, PLACES)?;
        if picos > Self::MAX_EVENT.0 as u128 { Err(MoneyError::TooLarge) } else { Ok(PicoUsd(picos as i128)) }
    }

    /// Reads an amount of a provider's bill from a decimal text of US dollars, or of cents. It may be a credit, below
    /// zero. `None` when it is no decimal, or more than 10 million USD either way.
    ///
    /// ```
    /// use rollcall::model::PicoUsd;
    /// assert_eq!(PicoUsd::parse_billed("1.23", false), PicoUsd::parse_billed("123", true));
    /// assert_eq!(PicoUsd::parse_billed("-0.5", true).unwrap().to_string(), "-0.005");
    /// ```
    pub fn parse_billed(text: &str, in_cents: bool) -> Option<PicoUsd> {
        let (sign, digits) = text.strip_prefix('-').map_or((1, text), |digits| (-1, digits));
        let picos = parse_scaled(digits, if in_cents { PLACES - 2 } else { PLACES }).ok()?;
        (picos <= Self::MAX_EVENT.0 as u128).then_some(PicoUsd(sign * picos as i128))
    }

    /// Reads a sum as it is written by [`fmt::Display`], unless it is negative.
    pub fn parse_sum(text: &str) -> Result<PicoUsd, MoneyError> {
        i128::try_from(parse_scaled(text, PLACES)?).map(PicoUsd).map_err(|_| MoneyError::TooLarge)
    }

    /// Nearest picodollar to a float from a price list; exact below 1,000 USD for prices with at most 12 places,
    /// because a double still tells such amounts apart.
    pub fn from_list_price_usd(usd: f64) -> Option<PicoUsd> {
        let picos = (usd * ONE_USD as f64).round();
        (picos >= 0.0 && picos <= Self::MAX_EVENT.0 as f64).then_some(PicoUsd(picos as i128))
    }
}

impl fmt::Display for PicoUsd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Digit by digit from the right, into place: an answer has hundreds of thousands of amounts, and the general
        // way of padding and trimming is several times as slow.
        let mut text = [0; 1 + 39 + 1 + PLACES as usize];
        let mut at = text.len();
        let mut put = |at: &mut usize, byte: u8| {
            *at -= 1;
            text[*at] = byte;
        };
        let magnitude = self.0.unsigned_abs();
        // Nearly every amount fits 64 bits, whose divisions are quicker.
        let (mut whole, mut fraction) = match u64::try_from(magnitude) {
            Ok(small) => (u128::from(small / ONE_USD as u64), small % ONE_USD as u64),
            Err(_) => (magnitude / ONE_USD as u128, (magnitude % ONE_USD as u128) as u64),
        };
        if fraction > 0 {
            let mut places = PLACES;
            while fraction.is_multiple_of(10) {
                (fraction, places) = (fraction / 10, places - 1);
            }
            for _ in 0..places {
                put(&mut at, b'0' + (fraction % 10) as u8);
                fraction /= 10;
            }
            put(&mut at, b'.');
        }
        loop {
            put(&mut at, b'0' + (whole % 10) as u8);
            whole /= 10;
            if whole == 0 {
                break;
            }
        }
        if self.0 < 0 {
            put(&mut at, b'-');
        }
        f.write_str(std::str::from_utf8(&text[at..]).expect("digits are ASCII"))
    }
}

/// Reads a decimal as an integer number of 10^-`places`, rounded half to even.
pub(super) fn parse_scaled(text: &str, places: i64) -> Result<u128, MoneyError> {
    let bytes = text.as_bytes();
    // Longer than any number a client means, short enough that a hostile one costs nothing.
    if bytes.is_empty() || bytes.len() > 400 {
        return Err(MoneyError::NotADecimal);
    }
    let (negative, rest) = match bytes.strip_prefix(b"-") {
        Some(rest) => (true, rest),
        None => (false, bytes),
    };
    let digits_in = |s: &[u8]| s.iter().take_while(|b| b.is_ascii_digit()).count();
    let whole = digits_in(rest);
    if whole == 0 {
        return Err(MoneyError::NotADecimal);
    }
    let (whole_digits, mut rest) = rest.split_at(whole);
    let mut fraction_digits: &[u8] = &[];
    if let Some(after) = rest.strip_prefix(b".") {
        let n = digits_in(after);
        if n == 0 {
            return Err(MoneyError::NotADecimal);
        }
        (fraction_digits, rest) = after.split_at(n);
    }
    let mut exponent = 0i64;
    if let Some(after) = rest.strip_prefix(b"e").or_else(|| rest.strip_prefix(b"E")) {
        let (sign, after) = match after.first() {
            Some(b'-') => (-1, &after[1..]),
            Some(b'+') => (1, &after[1..]),
            _ => (1, after),
        };
        let n = digits_in(after);
        if n == 0 || n != after.len() {
            return Err(MoneyError::NotADecimal);
        }
        // Saturating: beyond ±10⁶ every value is zero or too large anyway.
        exponent = after.iter().fold(0i64, |e, b| (e * 10 + i64::from(b - b'0')).min(1_000_000)) * sign;
        rest = &[];
    }
    if !rest.is_empty() {
        return Err(MoneyError::NotADecimal);
    }

    let digits: Vec<u8> =
        whole_digits.iter().chain(fraction_digits).map(|b| b - b'0').skip_while(|d| *d == 0).collect();
    if digits.is_empty() {
        return Ok(0);
    }
    if negative {
        return Err(MoneyError::Negative);
    }
    let shift = exponent - fraction_digits.len() as i64 + places;
    let kept = (digits.len() as i64 + shift.min(0)).max(0) as usize;
    let mut value = 0u128;
    for digit in &digits[..kept] {
        value = push_digit(value, *digit)?;
    }
    for _ in 0..shift.max(0) {
        value = push_digit(value, 0)?;
    }
    let dropped_leads = digits.len() as i64 + shift >= 0;
    if kept < digits.len() && dropped_leads {
        let half = digits[kept].cmp(&5).then(if digits[kept + 1..].iter().any(|d| *d != 0) {
            std::cmp::Ordering::Greater
        } else {
            std::cmp::Ordering::Equal
        });
        if half.is_gt() || (half.is_eq() && value % 2 == 1) {
            value += 1;
        }
    }
    Ok(value)
}

fn push_digit(value: u128, digit: u8) -> Result<u128, MoneyError> {
    // No sum is larger, and stopping there keeps huge exponents cheap.
    let next = value.checked_mul(10).and_then(|value| value.checked_add(u128::from(digit)));
    next.filter(|next| *next <= i128::MAX as u128).ok_or(MoneyError::TooLarge)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Result<&str, MoneyError>) {
        let got = PicoUsd::parse_event_cost(text).map(|m| m.to_string());
        assert_eq!(got.as_deref().map_err(|e| *e), expected, "{text}");
    }

    #[test]
    fn decimals_are_read_exactly_and_written_back_shortest() {
        check("0", Ok("0"));
        check("-0.0", Ok("0"));
        check("7828.8", Ok("7828.8"));
        check("7828.800000000000", Ok("7828.8"));
        check("0.000000000001", Ok("0.000000000001"));
        check("1e-6", Ok("0.000001"));
        check("1.5E+2", Ok("150"));
        check("12e-13", Ok("0.000000000001"));
        check("10000000", Ok("10000000"));
        check("9999999.999999999999", Ok("9999999.999999999999"));
        check("0e999999999999", Ok("0"));
    }

    proptest::proptest! {
        #[test]
        fn amounts_are_written_as_their_digits(picos in proptest::prelude::any::<i128>(), shift in 0u32..127) {
            let picos = picos >> shift;
            let (whole, fraction) = (picos.unsigned_abs() / ONE_USD as u128, picos.unsigned_abs() % ONE_USD as u128);
            let padded = format!("{}{whole}.{fraction:012}", if picos < 0 { "-" } else { "" });
            let expected = padded.trim_end_matches('0').trim_end_matches('.');
            proptest::prop_assert_eq!(PicoUsd(picos).to_string(), expected);
        }
    }

    #[test]
    fn digits_past_the_twelfth_round_half_to_even() {
        check("0.0000000000005", Ok("0"));
        check("0.0000000000015", Ok("0.000000000002"));
        check("0.0000000000025", Ok("0.000000000002"));
        check("0.00000000000250000001", Ok("0.000000000003"));
        check("0.0000000000005000001", Ok("0.000000000001"));
        check("0.00000000000049", Ok("0"));
        check("0.00000000000009", Ok("0"));
        check("9e-13", Ok("0.000000000001"));
        check("9e-14", Ok("0"));
        check("1e-400000000000", Ok("0"));
        check("0.30000000000000004", Ok("0.3"));
    }

    #[test]
    fn billed_amounts_are_dollars_or_cents_and_may_be_credits() {
        for (text, in_cents, expected) in [
            ("0.8958740000000000", false, Some("0.895874")),
            ("123.78912", true, Some("1.2378912")),
            ("-123", true, Some("-1.23")),
            ("-0", false, Some("0")),
            ("1e-11", true, Some("0")),
            ("10000000", false, Some("10000000")),
            ("10000000.1", false, None),
            ("1000000000", true, Some("10000000")),
            ("--1", false, None),
            ("", false, None),
            ("1.2.3", true, None),
        ] {
            let got = PicoUsd::parse_billed(text, in_cents).map(|amount| amount.to_string());
            assert_eq!(got.as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn what_is_not_a_cost_says_why() {
        for text in ["", ".5", "5.", "1e", "1e+", "+1", "0x1", "1 ", "NaN", "1,5", "1.2.3", "--1", "1e5x"] {
            check(text, Err(MoneyError::NotADecimal));
        }
        check("-0.01", Err(MoneyError::Negative));
        check("10000000.000000000001", Err(MoneyError::TooLarge));
        check("1e300", Err(MoneyError::TooLarge));
    }

    #[test]
    fn every_sum_is_read_as_it_is_written() {
        for picos in [0, 1, 19_999_998_246_913_578_026, i128::from(u64::MAX) + 1, i128::MAX] {
            assert_eq!(PicoUsd::parse_sum(&PicoUsd(picos).to_string()), Ok(PicoUsd(picos)));
        }
        let above = (i128::MAX as u128 + 1).to_string();
        let (whole, fraction) = above.split_at(above.len() - 12);
        assert_eq!(PicoUsd::parse_sum(&format!("{whole}.{fraction}")), Err(MoneyError::TooLarge));
    }
}
