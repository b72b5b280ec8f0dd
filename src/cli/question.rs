//! Questions that several commands ask: whose usage and when, and asking it of a store that is opened here.

use std::io::Write;
use std::sync::Arc;

use clap::Args;

use super::Failure;
use super::zones::ZoneArguments;
use crate::engine::Engine;
use crate::http::{App, ask_and_wait};

#[derive(Args)]
pub struct WindowArguments {
    /// The organization asked about
    #[arg(long, value_name = "ID", env = "ROLLCALL_ORGANIZATION")]
    organization: String,
    /// First local day, YYYY-MM-DD; six days before --to when left out
    #[arg(long, value_name = "DAY", env = "ROLLCALL_FROM")]
    from: Option<String>,
    /// Last local day, included; today when left out
    #[arg(long, value_name = "DAY", env = "ROLLCALL_TO")]
    to: Option<String>,
    /// IANA time zone of the days
    #[arg(long, value_name = "ZONE", env = "ROLLCALL_TIMEZONE", default_value = "UTC")]
    timezone: String,
    #[command(flatten)]
    pub zones: ZoneArguments,
}

impl WindowArguments {
    /// The path of a question with its query string.
    pub fn question(&self, path: &str, more: &[(&str, &str)]) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("organizationId", &self.organization).append_pair("timezone", &self.timezone);
        let days = [("from", self.from.as_deref()), ("to", self.to.as_deref())];
        query.extend_pairs(days.into_iter().filter_map(|(name, day)| Some((name, day?)))).extend_pairs(more);
        format!("{path}?{}", query.finish())
    }
}

/// Asks a store that is opened here what a server would be asked.
pub fn ask_here(engine: &Arc<Engine>, path: &str, out: &mut dyn Write) -> Result<(), Failure> {
    Ok(ask_and_wait(App::for_one_question(engine.clone()), path, out)?)
}
