//! Questions that several commands ask: whose usage and when, and asking it of a store that is opened here.

use std::io::Write;
use std::sync::Arc;

use clap::Args;
use serde::de::DeserializeOwned;

use super::Failure;
use super::output::Output;
use super::target::Target;
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
    /// Or days by a word, which move with today, such as last-month or last-30-days
    #[arg(long, value_name = "WORD", env = "ROLLCALL_RANGE", conflicts_with_all = ["from", "to"])]
    range: Option<String>,
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
        let days = [("from", self.from.as_deref()), ("to", self.to.as_deref()), ("range", self.range.as_deref())];
        query.extend_pairs(days.into_iter().filter_map(|(name, day)| Some((name, day?)))).extend_pairs(more);
        format!("{path}?{}", query.finish())
    }
}

#[derive(Args)]
pub struct FormArguments {
    /// Print the API's answer
    #[arg(long, env = "ROLLCALL_JSON", conflicts_with = "csv", value_parser = clap::builder::FalseyValueParser::new())]
    json: bool,
    /// Print CSV
    #[arg(long, env = "ROLLCALL_CSV", value_parser = clap::builder::FalseyValueParser::new())]
    csv: bool,
}

impl FormArguments {
    /// The format to ask for.
    pub fn name(&self) -> &'static str {
        if self.csv { "csv" } else { "json" }
    }

    /// Prints an answer as it is, if that is wanted.
    pub fn prints(&self, answer: &str) -> Result<bool, Failure> {
        let is_wanted = self.json || self.csv;
        if is_wanted {
            Output.write_all(answer.as_bytes())?;
        }
        Ok(is_wanted)
    }
}

#[derive(Args)]
pub struct FilterArguments {
    /// Count only some usage, such as projectId=search; repeats: either value of one name, and all names together
    #[arg(long = "filter", value_name = "NAME=VALUE", env = "ROLLCALL_FILTER", value_parser = pair)]
    filters: Vec<(String, String)>,
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or_else(|| format!("'{text}' is no NAME=VALUE"))?;
    Ok((name.to_owned(), value.to_owned()))
}

impl FilterArguments {
    /// As parameters of a question.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.filters.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

impl Target {
    /// The text of an answer, from wherever the store is open.
    pub fn get(&self, path: &str) -> Result<String, Failure> {
        match self {
            Target::Server(client) => client.get_text(path),
            Target::Local(engine) => {
                let mut answer = Vec::new();
                ask_here(engine, path, &mut answer)?;
                Ok(String::from_utf8_lossy(&answer).into_owned())
            }
        }
    }
}

/// Reads an answer.
pub fn read<T: DeserializeOwned>(answer: &str) -> Result<T, Failure> {
    serde_json::from_str(answer).map_err(|e| Failure(format!("the server answered in an unknown form: {e}")))
}

/// Asks a store that is opened here what a server would be asked.
pub fn ask_here(engine: &Arc<Engine>, path: &str, out: &mut dyn Write) -> Result<(), Failure> {
    Ok(ask_and_wait(App::for_one_question(engine.clone()), path, out)?)
}
