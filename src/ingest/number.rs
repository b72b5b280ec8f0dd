//! Whole numbers as feeds write them.

/// Reads a whole number of 0 or more from the text of a JSON number; `12.0` is 12.
pub(super) fn parse_whole(text: &str) -> Option<u64> {
    let digits = match text.split_once('.') {
        Some((digits, zeros)) if !zeros.is_empty() && zeros.bytes().all(|b| b == b'0') => digits,
        Some(_) => return None,
        None => text,
    };
    let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    if plain { digits.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers() {
        for (text, expected) in [
            ("0", Some(0)),
            ("12", Some(12)),
            ("12.00", Some(12)),
            ("12.5", None),
            ("-1", None),
            ("1e3", None),
            ("12.", None),
            ("18446744073709551616", None),
            ("", None),
        ] {
            assert_eq!(parse_whole(text), expected, "{text}");
        }
    }
}
