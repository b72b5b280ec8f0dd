//! `rollcall query`: the answers of the API on a terminal.

use std::collections::BTreeMap;
use std::io::Write;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use comfy_table::{Cell, CellAlignment, ContentArrangement, Table, presets};
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::Failure;
use super::client::escaped;
use super::question::{WindowArguments, ask_here};
use super::target::{Target, TargetArguments};
use crate::http::wire::{Activity, KeyAnswer, MemberAnswer, Members, ModelEntry, RankedEntry};

/// Widest spark line; longer windows are drawn with several buckets a character.
const SPARK_WIDTH: usize = 30;
const SPARKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Ask who spent what: a table, or --json, or --csv
#[derive(Args)]
#[command(after_help = "Examples:
  rollcall query activity --organization acme --group-by project --from 2026-06-01 --to 2026-06-30 --data-dir ./data
  rollcall query members --organization acme --timezone Europe/Paris --csv --url http://127.0.0.1:8787
  rollcall query member ada --organization acme --data-dir ./data
  rollcall query key key-1 --organization acme --json --data-dir ./data")]
pub struct Arguments {
    #[command(subcommand)]
    question: Question,
}

#[derive(Subcommand)]
enum Question {
    /// Usage over time, broken down
    #[command(after_help = "Example:
  rollcall query activity --organization acme --group-by user --from 2026-06-01 --to 2026-06-30 --data-dir ./data")]
    Activity {
        /// model, project, apiKey, user, team, costCentre, provider, source, costSource, none, or two joined by a comma
        #[arg(long, value_name = "DIMENSION", env = "ROLLCALL_GROUP_BY", default_value = "model")]
        group_by: String,
        #[command(flatten)]
        common: Common,
    },
    /// Usage by member
    #[command(after_help = "Example:\n  rollcall query members --organization acme --data-dir ./data")]
    Members {
        #[command(flatten)]
        common: Common,
    },
    /// One member's usage
    #[command(after_help = "Example:\n  rollcall query member ada --organization acme --data-dir ./data")]
    Member {
        user_id: String,
        #[command(flatten)]
        common: Common,
    },
    /// One API key's usage
    #[command(after_help = "Example:\n  rollcall query key key-1 --organization acme --data-dir ./data")]
    Key {
        api_key_id: String,
        #[command(flatten)]
        common: Common,
    },
}

#[derive(Args)]
struct Common {
    #[command(flatten)]
    window: WindowArguments,
    /// Print the API's answer
    #[arg(long, conflicts_with = "csv")]
    json: bool,
    /// Print CSV
    #[arg(long)]
    csv: bool,
    #[command(flatten)]
    target: TargetArguments,
}

/// One line of a table: what it is about, its sums, and its cost over time.
struct Line {
    label: String,
    cost: String,
    requests: u64,
    tokens: u64,
    over_time: Vec<f64>,
}

pub fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let (path, group_by, common) = match &arguments.question {
        Question::Activity { group_by, common } => ("/analytics/activity".to_owned(), Some(group_by.as_str()), common),
        Question::Members { common } => ("/analytics/members".to_owned(), None, common),
        Question::Member { user_id, common } => (format!("/analytics/members/{}", escaped(user_id)), None, common),
        Question::Key { api_key_id, common } => (format!("/analytics/keys/{}", escaped(api_key_id)), None, common),
    };
    common.window.zones.install()?;
    let target = common.target.open(false)?;
    let ask = |path: &str, group_by: Option<&str>, format: &str| target.get(&common.path(path, group_by, format));
    if common.json || common.csv {
        let answer = ask(&path, group_by, if common.csv { "csv" } else { "json" })?;
        std::io::stdout().write_all(answer.as_bytes())?;
        return Ok(ExitCode::SUCCESS);
    }
    let answer = ask(&path, group_by, "json")?;
    match &arguments.question {
        Question::Activity { .. } => show_activity(&read(&answer)?),
        Question::Members { .. } => {
            let by_day = ask("/analytics/activity", Some("user"), "json")?;
            show_members(&read(&answer)?, &read(&by_day)?);
        }
        Question::Member { .. } => {
            let answer: MemberAnswer = read(&answer)?;
            let days = answer.activity.iter().map(|day| &day.model_breakdown);
            let who = answer.member.name.as_deref().unwrap_or(&answer.member.user_id);
            print_heading(who, &answer.from, &answer.to, [&answer.timezone, &answer.zone_database]);
            let total = (text(&answer.summary.cost), answer.summary.request_count, answer.summary.total_tokens);
            print_table("model", &models(&answer.cost_by_model, days), total);
        }
        Question::Key { .. } => {
            let answer: KeyAnswer = read(&answer)?;
            let days = answer.activity.iter().map(|day| &day.model_breakdown);
            let what = answer.api_key.description.as_deref().unwrap_or(&answer.api_key.id);
            print_heading(what, &answer.from, &answer.to, [&answer.timezone, &answer.zone_database]);
            let total = (text(&answer.summary.cost), answer.summary.request_count, answer.summary.total_tokens);
            print_table("model", &models(&answer.cost_by_model, days), total);
        }
    }
    Ok(ExitCode::SUCCESS)
}

impl Common {
    fn path(&self, path: &str, group_by: Option<&str>, format: &str) -> String {
        let group_by = group_by.map(|group_by| ("groupBy", group_by));
        let more: Vec<_> = [("format", format)].into_iter().chain(group_by).collect();
        self.window.question(path, &more)
    }
}

impl Target {
    /// The text of an answer, from wherever the store is open.
    fn get(&self, path: &str) -> Result<String, Failure> {
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

fn show_activity(answer: &Activity) {
    print_heading(&answer.group_by, &answer.from, &answer.to, [&answer.timezone, &answer.zone_database]);
    let name = |keys: &Option<Vec<Option<String>>>, key: &Option<String>| format!("{keys:?}{key:?}");
    let mut over_time: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for (i, bucket) in answer.activity.iter().enumerate() {
        for entry in &bucket.breakdown {
            let row =
                over_time.entry(name(&entry.keys, &entry.key)).or_insert_with(|| vec![0.0; answer.activity.len()]);
            row[i] = approximate(&entry.cost);
        }
    }
    let lines: Vec<Line> = answer
        .ranking
        .iter()
        .map(|entry| Line {
            label: match (&entry.label, &entry.labels) {
                (Some(label), _) => marked(label, entry.deleted, entry.former),
                (None, labels) => labels.iter().flatten().cloned().collect::<Vec<_>>().join(" · "),
            },
            cost: text(&entry.cost),
            requests: entry.request_count,
            tokens: entry.total_tokens,
            over_time: over_time.remove(&name(&entry.keys, &entry.key)).unwrap_or_default(),
        })
        .collect();
    let totals = &answer.totals;
    print_table(&answer.group_by, &lines, (text(&totals.cost), totals.request_count, totals.total_tokens));
}

fn show_members(answer: &Members, by_day: &Activity) {
    print_heading("members", &answer.from, &answer.to, [&answer.timezone, &answer.zone_database]);
    let mut over_time: BTreeMap<Option<&str>, Vec<f64>> = BTreeMap::new();
    for (i, day) in by_day.activity.iter().enumerate() {
        for entry in &day.breakdown {
            let row = over_time.entry(entry.key.as_deref()).or_insert_with(|| vec![0.0; by_day.activity.len()]);
            row[i] = approximate(&entry.cost);
        }
    }
    let lines: Vec<Line> = answer
        .members
        .iter()
        .map(|member| {
            let name = member.name.as_ref().or(member.email.as_ref()).or(member.user_id.as_ref());
            let former = member.status == crate::http::wire::MemberStatusName::Former;
            Line {
                label: marked(name.map_or("", String::as_str), false, former),
                cost: text(&member.cost),
                requests: member.request_count,
                tokens: member.total_tokens,
                over_time: over_time.remove(&member.user_id.as_deref()).unwrap_or_default(),
            }
        })
        .collect();
    let totals = &answer.totals;
    print_table("member", &lines, (text(&totals.cost), totals.request_count, totals.total_tokens));
}

fn models<'a>(ranking: &[RankedEntry], days: impl Iterator<Item = &'a Vec<ModelEntry>>) -> Vec<Line> {
    let days: Vec<&Vec<ModelEntry>> = days.collect();
    let cost_on = |day: &[ModelEntry], model: &RankedEntry| -> f64 {
        day.iter().filter(|entry| Some(&entry.id) == model.key.as_ref()).map(|entry| approximate(&entry.cost)).sum()
    };
    let line = |model: &RankedEntry| Line {
        label: model.label.clone(),
        cost: text(&model.cost),
        requests: model.request_count,
        tokens: model.total_tokens,
        over_time: days.iter().map(|day| cost_on(day, model)).collect(),
    };
    ranking.iter().map(line).collect()
}

fn print_heading(what: &str, from: &str, to: &str, [zone, rules]: [&str; 2]) {
    println!("{what}, {from} to {to}, days in {zone} (zone rules {rules})");
}

fn print_table(what: &str, lines: &[Line], total: (String, u64, u64)) {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    let right = |text: String| Cell::new(text).set_alignment(CellAlignment::Right);
    table.set_header(vec![
        Cell::new(what),
        Cell::new("cost over time"),
        right("cost USD".into()),
        right("requests".into()),
        right("tokens".into()),
    ]);
    for line in lines {
        table.add_row(vec![
            Cell::new(&line.label),
            Cell::new(spark_line(&line.over_time)),
            right(line.cost.clone()),
            right(line.requests.to_string()),
            right(line.tokens.to_string()),
        ]);
    }
    let (cost, requests, tokens) = total;
    table.add_row(vec![
        Cell::new("total"),
        Cell::new(""),
        right(cost),
        right(requests.to_string()),
        right(tokens.to_string()),
    ]);
    println!("{table}");
}

/// Values as bars of eight heights, the largest full.
fn spark_line(values: &[f64]) -> String {
    let each = values.len().div_ceil(SPARK_WIDTH).max(1);
    let sums: Vec<f64> = values.chunks(each).map(|chunk| chunk.iter().sum()).collect();
    let largest = sums.iter().copied().fold(0.0, f64::max);
    let height = |value: f64| if largest > 0.0 { (value / largest * 7.0).round() as usize } else { 0 };
    sums.into_iter().map(|value| if value == 0.0 { ' ' } else { SPARKS[height(value).min(7)] }).collect()
}

fn marked(label: &str, deleted: bool, former: bool) -> String {
    let mark = if deleted {
        " (deleted)"
    } else if former {
        " (former)"
    } else {
        ""
    };
    format!("{label}{mark}")
}

fn text(cost: &RawValue) -> String {
    cost.get().to_owned()
}

/// For drawing only.
fn approximate(cost: &RawValue) -> f64 {
    cost.get().parse().unwrap_or(0.0)
}

fn read<T: DeserializeOwned>(answer: &str) -> Result<T, Failure> {
    serde_json::from_str(answer).map_err(|e| Failure(format!("the server answered in an unknown form: {e}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spark_lines() {
        assert_eq!(spark_line(&[0.0, 1.0, 4.0, 7.0]), " ▂▅█");
        assert_eq!(spark_line(&[0.0, 0.0]), "  ");
        assert_eq!(spark_line(&vec![1.0; 365]).chars().count(), 29);
    }
}
