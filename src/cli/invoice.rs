//! `rollcall invoice`: what providers billed, from files or pulled from their admin APIs.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Subcommand};
use serde::Deserialize;

use super::client::proxy_to;
use super::serve::DEFAULT_BODY_MIB;
use super::target::{Target, TargetArguments};
use super::{Failure, system_clock};
use crate::calendar::{Date, Zone, rfc3339_utc};
use crate::engine::COMMAND;
use crate::http::wire::InvoiceAnswer;
use crate::http::{invoice_answer, invoice_note, read_invoice};
use crate::model::Biller;
use crate::signin::is_private;

/// Days that are asked for at once: the most that all of these reports give.
const DAYS_A_PAGE: &str = "31";
/// Most that is read, of one page and of all: what a server takes in one body, unless it was told otherwise.
const MAX_BYTES: u64 = (DEFAULT_BODY_MIB as u64) << 20;
/// Pages of one report; more would be a provider that never ends.
const MAX_PAGES: usize = 1000;
/// Tries at a page while the provider is busy, counting the first.
const TRIES: u32 = 4;
const FIRST_WAIT: Duration = Duration::from_millis(250);
const PATIENCE: Duration = Duration::from_secs(60);
const OPENAI_USAGE: [&str; 6] =
    ["completions", "embeddings", "moderations", "images", "audio_speeches", "audio_transcriptions"];

/// Keep what providers billed, to compare it with what was counted
#[derive(Args)]
#[command(after_help = "Examples:
  rollcall invoice import costs.json usage.json --provider openai \\
      --organization acme --data-dir ./data
  OPENAI_ADMIN_KEY=sk-admin-… rollcall invoice pull --provider openai \\
      --organization acme --from 2026-06-01 --url URL

What was billed is never added to usage. Importing a day again replaces it. See
docs/reconciliation.md.")]
pub struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Take reports from files
    #[command(after_help = "Example:
  rollcall invoice import costs.json usage.json --provider anthropic \\
      --organization acme --data-dir ./data

A file has one page of a report, several one after another, or an array of them. All files are
taken, or none.")]
    Import {
        /// Files of report pages; - is standard input
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
        #[command(flatten)]
        about: About,
        #[command(flatten)]
        target: TargetArguments,
    },
    /// Ask the provider for its reports; the admin key is in OPENAI_ADMIN_KEY or ANTHROPIC_ADMIN_KEY
    #[command(after_help = "Example:
  ANTHROPIC_ADMIN_KEY=sk-ant-admin-… rollcall invoice pull \\
      --provider anthropic --organization acme --from 2026-06-01 \\
    --to 2026-06-30 --data-dir ./data

The key is read from the environment only, sent to the provider only, and kept nowhere.")]
    Pull {
        /// First UTC day, YYYY-MM-DD
        #[arg(long, value_name = "DAY", env = "ROLLCALL_FROM")]
        from: String,
        /// Last UTC day, included; yesterday when left out, since the reports of today are not complete
        #[arg(long, value_name = "DAY", env = "ROLLCALL_TO")]
        to: Option<String>,
        /// Where the provider's API is, instead of its own address
        #[arg(long, value_name = "URL", env = "ROLLCALL_BASE_URL")]
        base_url: Option<String>,
        #[command(flatten)]
        about: About,
        #[command(flatten)]
        target: TargetArguments,
    },
}

#[derive(Args)]
struct About {
    /// Who billed
    #[arg(long, value_name = "NAME", env = "ROLLCALL_PROVIDER", value_parser = providers())]
    provider: Biller,
    /// Whose usage was billed
    #[arg(long, value_name = "ID", env = "ROLLCALL_ORGANIZATION")]
    organization: String,
}

/// Names that --provider takes.
fn providers() -> impl TypedValueParser<Value = Biller> {
    let named = |name: String| Biller::ALL.into_iter().find(|(known, _)| *known == name);
    PossibleValuesParser::new(Biller::ALL.map(|(name, _)| name)).map(move |name| named(name).expect("one of them").1)
}

pub fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let (about, target, body) = match &arguments.action {
        Action::Import { files, about, target } => (about, target, read_files(files)?),
        Action::Pull { from, to, base_url, about, target } => {
            let reports = Reports::new(about.provider, base_url.as_deref())?;
            (about, target, reports.pull(&days(from, to.as_deref())?)?)
        }
    };
    let answer = import(about, target, &body)?;
    for one in &answer.reports {
        println!("{}\t{} to {}\t{} days\t{} lines", one.report, one.from, one.to, one.days, one.lines);
    }
    Ok(ExitCode::SUCCESS)
}

/// Hands pages to the server, or to the store opened here.
fn import(about: &About, target: &TargetArguments, body: &[u8]) -> Result<InvoiceAnswer, Failure> {
    match target.open(false)? {
        Target::Server(client) => {
            let mut query = form_urlencoded::Serializer::new(String::new());
            query.append_pair("organizationId", &about.organization).append_pair("provider", about.provider.name());
            client.post_body(&format!("/v1/invoices?{}", query.finish()), body)
        }
        Target::Local(engine) => {
            let invoice = read_invoice(&engine, &about.organization, about.provider, body)?;
            let answer = invoice_answer(&invoice);
            let note = invoice_note(COMMAND, &invoice);
            engine.import_invoice(invoice, note)?.wait()?;
            Ok(answer)
        }
    }
}

/// All files, one after another.
fn read_files(files: &[PathBuf]) -> Result<Vec<u8>, Failure> {
    let mut body = Vec::new();
    for file in files {
        let read = match file == Path::new("-") {
            true => std::io::stdin().read_to_end(&mut body).map(drop),
            false => std::fs::read(file).map(|bytes| body.extend(bytes)),
        };
        read.map_err(|e| Failure(format!("{}: {e}", file.display())))?;
        body.push(b'\n');
    }
    Ok(body)
}

/// The UTC days from one to another, as the instants at which they begin and end.
struct Days {
    start_ms: i64,
    end_ms: i64,
}

fn days(from: &str, to: Option<&str>) -> Result<Days, Failure> {
    let date = |flag: &str, text: &str| {
        Date::parse(text).ok_or_else(|| Failure(format!("{flag} {text} is no date that exists; write YYYY-MM-DD")))
    };
    let from = date("--from", from)?;
    let to = match to {
        Some(to) => date("--to", to)?,
        None => Zone::UTC.date_at(system_clock()()).plus_days(-1),
    };
    if from > to {
        return Err(Failure(format!("--from {from} is after the last day, {to}")));
    }
    Ok(Days { start_ms: Zone::UTC.day_start(from), end_ms: Zone::UTC.day_start(to.plus_days(1)) })
}

/// A provider's admin API.
struct Reports {
    biller: Biller,
    base_url: String,
    admin_key: String,
    agent: ureq::Agent,
}

/// What is read of a page here; the rest is for whoever takes it.
#[derive(Deserialize)]
struct Paging {
    #[serde(default)]
    has_more: bool,
    next_page: Option<String>,
}

impl Reports {
    fn new(biller: Biller, base_url: Option<&str>) -> Result<Reports, Failure> {
        let (variable, address) = match biller {
            Biller::OpenAi => ("OPENAI_ADMIN_KEY", "https://api.openai.com"),
            Biller::Anthropic => ("ANTHROPIC_ADMIN_KEY", "https://api.anthropic.com"),
        };
        let admin_key = std::env::var(variable).ok().filter(|key| !key.is_empty());
        let admin_key =
            admin_key.ok_or_else(|| Failure(format!("put an admin key of the provider into {variable}")))?;
        let base_url = base_url.unwrap_or(address).trim_end_matches('/').to_owned();
        if !is_private(&base_url) {
            return Err(Failure(format!("--base-url {base_url} must begin with https://: the admin key goes there")));
        }
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            // A redirection would take the admin key elsewhere.
            .max_redirects(0)
            .proxy(proxy_to(&base_url))
            .timeout_global(Some(PATIENCE))
            .build();
        Ok(Reports { biller, base_url, admin_key, agent: config.into() })
    }

    /// All pages of all reports, or the first failure: half of a report would look like a gap.
    fn pull(&self, days: &Days) -> Result<Vec<u8>, Failure> {
        let mut body = Vec::new();
        for (path, query) in self.questions(days) {
            let mut page = None;
            for number in 1.. {
                if number > MAX_PAGES {
                    return Err(Failure(format!("{path} has more than {MAX_PAGES} pages; ask for fewer days")));
                }
                let text = self.get(&path, &query, page.as_deref())?;
                let paging: Paging = serde_json::from_str(&text)
                    .map_err(|e| Failure(format!("{path}, page {number}, is no page of a report: {e}")))?;
                body.extend(text.as_bytes());
                body.push(b'\n');
                if body.len() as u64 > MAX_BYTES {
                    return Err(Failure(format!("the reports have more than {MAX_BYTES} bytes; ask for fewer days")));
                }
                page = paging.next_page.filter(|_| paging.has_more);
                if page.is_none() {
                    break;
                }
            }
        }
        Ok(body)
    }

    /// The path and the query of each report.
    fn questions(&self, days: &Days) -> Vec<(String, Vec<(&'static str, String)>)> {
        let query = |pairs: &[(&'static str, &str)]| -> Vec<(&'static str, String)> {
            let common = [("bucket_width", "1d"), ("limit", DAYS_A_PAGE)];
            let (start, end) = match self.biller {
                Biller::OpenAi => {
                    (("start_time", (days.start_ms / 1000).to_string()), ("end_time", (days.end_ms / 1000).to_string()))
                }
                Biller::Anthropic => {
                    (("starting_at", rfc3339_utc(days.start_ms)), ("ending_at", rfc3339_utc(days.end_ms)))
                }
            };
            let pairs = common.iter().chain(pairs).map(|(name, value)| (*name, (*value).to_owned()));
            [start, end].into_iter().chain(pairs).collect()
        };
        match self.biller {
            Biller::OpenAi => {
                let by_model = query(&[("group_by", "model"), ("group_by", "api_key_id")]);
                let usage = OPENAI_USAGE.map(|name| (format!("/v1/organization/usage/{name}"), by_model.clone()));
                let by_item = query(&[("group_by", "line_item"), ("group_by", "api_key_id")]);
                let costs = ("/v1/organization/costs".to_owned(), by_item);
                usage.into_iter().chain([costs]).collect()
            }
            Biller::Anthropic => vec![
                (
                    "/v1/organizations/usage_report/messages".to_owned(),
                    query(&[("group_by[]", "model"), ("group_by[]", "api_key_id")]),
                ),
                ("/v1/organizations/cost_report".to_owned(), query(&[("group_by[]", "description")])),
            ],
        }
    }

    /// One page; waits and repeats while the provider is busy.
    fn get(&self, path: &str, query: &[(&'static str, String)], page: Option<&str>) -> Result<String, Failure> {
        let mut wait = FIRST_WAIT;
        for attempt in 1.. {
            let request = self.agent.get(format!("{}{path}", self.base_url));
            let request = request.query_pairs(query.iter().map(|(name, value)| (*name, value.as_str())));
            let request = request.query_pairs(page.map(|page| ("page", page)));
            let request = match self.biller {
                Biller::OpenAi => request.header("authorization", format!("Bearer {}", self.admin_key)),
                Biller::Anthropic => {
                    request.header("x-api-key", &self.admin_key).header("anthropic-version", "2023-06-01")
                }
            };
            let broken = |e: ureq::Error| Failure(format!("{}{path}: {e}", self.base_url));
            let mut response = request.call().map_err(broken)?;
            let status = response.status().as_u16();
            let read = response.body_mut().with_config().limit(MAX_BYTES).read_to_string();
            match status {
                200 => return read.map_err(broken),
                429 | 500..=599 if attempt < TRIES => {}
                _ => {
                    let said: String = read.unwrap_or_default().chars().take(300).collect();
                    return Err(Failure(format!("{}{path} answered {status}: {said}", self.base_url)));
                }
            }
            std::thread::sleep(wait);
            wait *= 2;
        }
        unreachable!("the loop ends by returning")
    }
}
