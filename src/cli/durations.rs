//! Lengths of time as arguments have them.

use std::time::Duration;

/// A length of time such as `90m`.
pub fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("'{text}' is no length of time; write a number and s, m, h or d, such as 24h (1s to 366d)");
    let unit_at = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
    let (number, unit) = text.split_at(unit_at);
    let unit_s = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return Err(wrong()),
    };
    let seconds = number.parse::<u64>().ok().and_then(|number| number.checked_mul(unit_s)).ok_or_else(wrong)?;
    if (1..=366 * 86_400).contains(&seconds) { Ok(Duration::from_secs(seconds)) } else { Err(wrong()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_are_a_number_and_a_unit() {
        let check = |text: &str, seconds: Option<u64>| assert_eq!(duration(text).ok().map(|d| d.as_secs()), seconds);
        check("24h", Some(86_400));
        check("90m", Some(5400));
        check("1s", Some(1));
        check("366d", Some(366 * 86_400));
        for wrong in ["", "24", "h", "0h", "-1h", "1.5h", "1w", "24 h", "367d", "99999999999999999999d"] {
            check(wrong, None);
        }
    }
}
