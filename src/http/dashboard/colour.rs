//! The accent colour an operator chooses, made to be read in both themes.

use std::fmt;
use std::str::FromStr;

/// Least contrast of text with what is behind it (WCAG 2.2, AA).
const READABLE: f64 = 4.5;
const STEPS: u8 = 50;

const WHITE: Colour = Colour([255, 255, 255]);
const BLACK: Colour = Colour([0, 0, 0]);
/// What stands on the accent in the dark.
const INK: Colour = Colour([0x12, 0x14, 0x2a]);
/// What the accent stands on: `--surface`, `--bg`, `--surface-sunken` and `--hover` of `web/src/ui/tokens.css`.
const LIGHT_GROUNDS: [Colour; 4] =
    [WHITE, Colour([0xf7, 0xf7, 0xf9]), Colour([0xf1, 0xf1, 0xf4]), Colour([0xf0, 0xf0, 0xf4])];
/// In the dark: `--surface`, `--bg`, `--surface-raised` and `--hover`.
const DARK_GROUNDS: [Colour; 4] =
    [Colour([0x16, 0x18, 0x1d]), Colour([0x0e, 0x0f, 0x12]), Colour([0x1d, 0x20, 0x26]), Colour([0x22, 0x25, 0x2c])];

/// A colour of sRGB, written `#rrggbb`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Colour([u8; 3]);

impl FromStr for Colour {
    type Err = String;

    fn from_str(text: &str) -> Result<Colour, String> {
        let digits = text.strip_prefix('#').filter(|digits| digits.len() == 6);
        let value = digits.filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()));
        let value = value.and_then(|digits| u32::from_str_radix(digits, 16).ok());
        let [_, rgb @ ..] = value
            .ok_or_else(|| format!("'{text}' is no colour; write # and six digits, such as #0b6e4f"))?
            .to_be_bytes();
        Ok(Colour(rgb))
    }
}

impl fmt::Display for Colour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [r, g, b] = self.0;
        write!(f, "#{r:02x}{g:02x}{b:02x}")
    }
}

impl Colour {
    /// `part` of `other`, the rest of this.
    fn mixed(self, other: Colour, part: f64) -> Colour {
        let channel = |i: usize| f64::from(self.0[i]) * (1.0 - part) + f64::from(other.0[i]) * part;
        Colour([0, 1, 2].map(|i| channel(i).round() as u8))
    }

    /// Relative luminance as WCAG defines it.
    fn luminance(self) -> f64 {
        let [r, g, b] = self.0.map(|channel| {
            let c = f64::from(channel) / 255.0;
            if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
        });
        0.2126 * r + 0.7152 * g + 0.0722 * b
    }

    fn contrast(self, other: Colour) -> f64 {
        let (a, b) = (self.luminance(), other.luminance());
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }
}

/// What a theme makes of the accent.
struct Shades {
    accent: Colour,
    /// Under the pointer.
    strong: Colour,
    /// Behind what is chosen.
    soft: Colour,
    /// Text on the accent.
    on: Colour,
}

impl Shades {
    /// The nearest shade towards `end` that can be read on everything it stands on.
    fn of(colour: Colour, end: Colour, grounds: [Colour; 4], softness: f64, on: Colour) -> Shades {
        let shades = |step: u8| {
            let accent = colour.mixed(end, f64::from(step) / f64::from(STEPS));
            let soft = grounds[0].mixed(accent, softness);
            Shades { accent, strong: accent.mixed(end, 0.2), soft, on }
        };
        let readable = |s: &Shades| {
            grounds.iter().chain([&s.soft]).all(|ground| s.accent.contrast(*ground) >= READABLE)
                && [s.accent, s.strong].iter().all(|behind| s.on.contrast(*behind) >= READABLE)
        };
        (0..STEPS).map(shades).find(readable).unwrap_or_else(|| shades(STEPS))
    }

    fn light(colour: Colour) -> Shades {
        Shades::of(colour, BLACK, LIGHT_GROUNDS, 0.1, WHITE)
    }

    fn dark(colour: Colour) -> Shades {
        Shades::of(colour, WHITE, DARK_GROUNDS, 0.18, INK)
    }
}

/// The rule that puts an accent in the place of the dashboard's own.
pub fn accent_style(colour: Colour) -> String {
    let (light, dark) = (Shades::light(colour), Shades::dark(colour));
    format!(
        "html:root{{--brand:{};--accent:light-dark({},{});--accent-strong:light-dark({},{});\
         --accent-soft:light-dark({},{});--on-accent:light-dark({},{})}}",
        light.accent, light.accent, dark.accent, light.strong, dark.strong, light.soft, dark.soft, light.on, dark.on
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_colour_is_six_digits_after_a_number_sign() {
        let check = |text: &str, expected: Option<&str>| {
            let read = text.parse::<Colour>().map(|c| c.to_string());
            assert_eq!(read.ok().as_deref(), expected, "{text}");
        };
        check("#0B6E4F", Some("#0b6e4f"));
        check("#000000", Some("#000000"));
        for wrong in ["", "#", "0b6e4f", "#fff", "#0b6e4", "#0b6e4f0", "#0b6e4g", "#+b6e4f", "red", "#0b6e4f}"] {
            check(wrong, None);
        }
    }

    #[test]
    fn contrast_is_that_of_wcag() {
        assert!((WHITE.contrast(BLACK) - 21.0).abs() < 1e-9);
        // Known from tables: the darkest grey that fails on white, and the one after it.
        assert!(Colour([0x77; 3]).contrast(WHITE) < READABLE);
        assert!(Colour([0x76; 3]).contrast(WHITE) >= READABLE);
    }

    #[test]
    fn every_accent_can_be_read_in_both_themes() {
        let levels = [0, 51, 102, 153, 204, 255];
        for r in levels {
            for g in levels {
                for b in levels {
                    let colour = Colour([r, g, b]);
                    for (shades, grounds) in
                        [(Shades::light(colour), LIGHT_GROUNDS), (Shades::dark(colour), DARK_GROUNDS)]
                    {
                        for ground in grounds.into_iter().chain([shades.soft, shades.on]) {
                            assert!(shades.accent.contrast(ground) >= READABLE, "{colour} on {ground}");
                        }
                        assert!(shades.strong.contrast(shades.on) >= READABLE, "{colour} under the pointer");
                    }
                }
            }
        }
    }

    #[test]
    fn a_colour_that_can_be_read_stays_as_it_is() {
        assert_eq!(Shades::light(Colour([0x0b, 0x6e, 0x4f])).accent.to_string(), "#0b6e4f");
    }

    #[test]
    fn what_the_accent_stands_on_is_what_the_dashboard_has() {
        let tokens = std::fs::read_to_string("web/src/ui/tokens.css").unwrap();
        let own = |name: &str| {
            let at = tokens.find(&format!("--{name}: light-dark(")).unwrap_or_else(|| panic!("--{name}"));
            let pair = tokens[at..].split(['(', ')']).nth(1).unwrap();
            let (light, dark) = pair.split_once(", ").unwrap();
            (light.parse::<Colour>().unwrap(), dark.parse::<Colour>().unwrap())
        };
        assert_eq!(LIGHT_GROUNDS, ["surface", "bg", "surface-sunken", "hover"].map(|name| own(name).0));
        assert_eq!(DARK_GROUNDS, ["surface", "bg", "surface-raised", "hover"].map(|name| own(name).1));
        assert_eq!((WHITE, INK), own("on-accent"));
    }
}
