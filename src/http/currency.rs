//! Another currency than US dollars, which statements have beside them: at the operator's rate of a day.

use std::str::FromStr;

use num_bigint::BigInt;

use crate::calendar::Date;
use crate::model::PicoUsd;

/// Decimals that a rate may have.
const PLACES: usize = 12;
/// The most that a US dollar may be worth: no currency is near.
const MAX: i128 = 10_000_000;

/// What one US dollar is worth, exactly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// In units of its last decimal.
    scaled: i128,
}

impl FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Rate, String> {
        let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
        let digits = |text: &str, most| (1..=most).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
        let read = || format!("{whole}{part:0<PLACES$}").parse().ok();
        let scaled: Option<i128> = if digits(whole, 8) && digits(part, PLACES) { read() } else { None };
        let allowed = |scaled: &i128| (1..=MAX * 10i128.pow(PLACES as u32)).contains(scaled);
        scaled.filter(allowed).map(|scaled| Rate { scaled }).ok_or_else(|| {
            format!(
                "'{}' is no rate; write what one US dollar is worth, above 0 and at most {MAX}, with up to {PLACES} \
                 decimals after a point, such as 0.92",
                text.escape_debug()
            )
        })
    }
}

impl std::fmt::Display for Rate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // It has as many decimals as money.
        PicoUsd(self.scaled).fmt(f)
    }
}

/// A currency by the name that the operator gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Currency {
    pub label: String,
    pub rate: Rate,
    /// Whose rate it is.
    pub date: Date,
}

impl Currency {
    /// What an amount is in it, rounded half to even to two decimals.
    pub fn amount(&self, PicoUsd(picos): PicoUsd) -> String {
        let exact = BigInt::from(picos.unsigned_abs()) * self.rate.scaled;
        // Picodollars have as many decimals as the rate.
        let hundredth = BigInt::from(10u8).pow(2 * PLACES as u32 - 2);
        let (mut hundredths, twice_the_rest) = (&exact / &hundredth, &exact % &hundredth * 2);
        if twice_the_rest > hundredth || (twice_the_rest == hundredth && hundredths.bit(0)) {
            hundredths += 1;
        }
        let sign = if picos < 0 && hundredths != BigInt::ZERO { "-" } else { "" };
        let digits = format!("{hundredths:0>3}");
        let (whole, part) = digits.split_at(digits.len() - 2);
        format!("{sign}{whole}.{part}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_read_exactly() {
        let check = |text: &str, expected: Option<&str>| {
            let read = text.parse::<Rate>().map(|rate| rate.to_string());
            assert_eq!(read.ok().as_deref(), expected, "{text}");
        };
        check("0.92", Some("0.92"));
        check("0.920", Some("0.92"));
        check("16250", Some("16250"));
        check("0.000000000001", Some("0.000000000001"));
        check("10000000", Some("10000000"));
        for wrong in ["", "0", "0.0", "-1", "+1", "1.", ".5", "1,5", "1e3", "0.0000000000001", "10000000.1", "x", "1 "]
        {
            check(wrong, None);
        }
    }

    #[test]
    fn amounts_are_rounded_half_to_even() {
        let check = |rate: &str, amount: &str, expected: &str| {
            let date = Date::parse("2026-11-01").unwrap();
            let currency = Currency { label: "EUR".into(), rate: rate.parse().unwrap(), date };
            let magnitude = PicoUsd::parse_sum(amount.trim_start_matches('-')).unwrap().0;
            let picos = if amount.starts_with('-') { -magnitude } else { magnitude };
            assert_eq!(currency.amount(PicoUsd(picos)), expected, "{amount} at {rate}");
        };
        check("0.92", "12.345678901234", "11.36");
        check("0.92", "0", "0.00");
        check("0.92", "-12.345678901234", "-11.36");
        check("0.5", "0.01", "0.00");
        check("0.5", "0.03", "0.02");
        check("0.5", "0.010000000002", "0.01");
        check("0.5", "-0.01", "0.00");
        check("1", "0.995", "1.00");
        check("10000000", "999999999999.999999999999", "10000000000000000000.00");
    }
}
