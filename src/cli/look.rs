//! What an operator makes the dashboard look like; the same for `serve` and `demo`.

use std::fs::File;
use std::io::Read;
use std::path::PathBuf;

use clap::Args;

use super::Failure;
use crate::calendar::{Date, Zone};
use crate::http::wire::Settings;
use crate::http::{Colour, Currency, Logo, Look, MAX_LOGO_BYTES, Rate};

#[derive(Args)]
#[command(next_help_heading = "The dashboard's looks")]
// clap names a group after the type, and the command's own arguments have that name.
#[group(skip)]
pub struct Arguments {
    /// The dashboard's name instead of Rollcall, up to 40 characters
    #[arg(long, value_name = "NAME", env = "ROLLCALL_PRODUCT_NAME", value_parser = |text: &str| short(text, 40))]
    product_name: Option<String>,
    /// Its logo: a PNG or SVG of up to 256 KiB, best square
    #[arg(long, value_name = "FILE", env = "ROLLCALL_LOGO")]
    logo: Option<PathBuf>,
    /// Its accent colour, such as '#0b6e4f'; lightened or darkened where it could not be read
    #[arg(long, value_name = "COLOUR", env = "ROLLCALL_ACCENT")]
    accent: Option<Colour>,
    /// Time zone that pages begin in, instead of the browser's
    #[arg(long, value_name = "ZONE", env = "ROLLCALL_DEFAULT_TIMEZONE", value_parser = zone)]
    default_timezone: Option<String>,
    /// What stands beside amounts instead of $, up to 8 characters
    #[arg(long, value_name = "TEXT", env = "ROLLCALL_CURRENCY_LABEL", value_parser = |text: &str| short(text, 8))]
    currency_label: Option<String>,
    /// What one US dollar is worth in that, such as 0.92: pages of statements have such amounts beside US dollars
    #[arg(long, value_name = "RATE", env = "ROLLCALL_CURRENCY_RATE")]
    #[arg(requires_all = ["currency_label", "currency_rate_date"])]
    currency_rate: Option<Rate>,
    /// The day whose rate it is, YYYY-MM-DD
    #[arg(long, value_name = "DAY", env = "ROLLCALL_CURRENCY_RATE_DATE", value_parser = date)]
    #[arg(requires = "currency_rate")]
    currency_rate_date: Option<Date>,
    /// What organizations read that are on a plan without a page
    #[arg(long, value_name = "TEXT", env = "ROLLCALL_UPGRADE_TEXT")]
    upgrade_text: Option<String>,
    /// Where their upgrade card leads
    #[arg(long, value_name = "URL", env = "ROLLCALL_UPGRADE_URL")]
    upgrade_url: Option<String>,
}

impl Arguments {
    pub fn look(&self) -> Result<Look, Failure> {
        let logo = self.logo.as_ref().map(|path| {
            let wrong = |why: String| Failure(format!("{} cannot be the logo: {why}", path.display()));
            let mut bytes = Vec::new();
            let file = File::open(path).map_err(|e| wrong(e.to_string()))?;
            file.take(MAX_LOGO_BYTES + 1).read_to_end(&mut bytes).map_err(|e| wrong(e.to_string()))?;
            Logo::new(bytes).map_err(|why| wrong(why.into()))
        });
        let settings = Settings {
            product_name: self.product_name.clone(),
            accent: self.accent.map(|colour| colour.to_string()),
            default_timezone: self.default_timezone.clone(),
            currency_label: self.currency_label.clone(),
            upgrade_text: self.upgrade_text.clone(),
            upgrade_url: self.upgrade_url.clone(),
            logo: None,
            sign_in: None,
        };
        let currency = match (&self.currency_label, self.currency_rate, self.currency_rate_date) {
            (Some(label), Some(rate), Some(date)) => Some(Currency { label: label.clone(), rate, date }),
            _ => None,
        };
        Ok(Look::new(settings, logo.transpose()?, currency))
    }
}

/// A text that has its place on one line.
fn short(text: &str, most: usize) -> Result<String, String> {
    let text = text.trim();
    let characters = text.chars().count();
    if characters == 0 || characters > most || text.chars().any(char::is_control) {
        return Err(format!("'{}' has {characters} characters; write 1 to {most} on one line", text.escape_debug()));
    }
    Ok(text.to_owned())
}

fn date(text: &str) -> Result<Date, String> {
    Date::parse(text).ok_or_else(|| format!("'{text}' is no date that exists; write YYYY-MM-DD"))
}

fn zone(text: &str) -> Result<String, String> {
    let unknown = || format!("'{text}' is unknown; use an IANA name such as Europe/Paris");
    Zone::named(text).map(|_| text.to_owned()).ok_or_else(unknown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_texts_fit_on_a_line() {
        let check =
            |text: &str, expected: Option<&str>| assert_eq!(short(text, 8).ok().as_deref(), expected, "{text:?}");
        check("credits", Some("credits"));
        check(" kr. ", Some("kr."));
        check("ÄÖÜäöüßé", Some("ÄÖÜäöüßé"));
        for wrong in ["", "  ", "123456789", "a\nb", "a\u{0}b"] {
            check(wrong, None);
        }
    }

    #[test]
    fn zones_are_those_of_the_iana_database() {
        assert_eq!(zone("Europe/Paris").as_deref(), Ok("Europe/Paris"));
        assert!(zone("Mars/Base").unwrap_err().contains("'Mars/Base' is unknown"));
    }
}
