//! `rollcall query`: the answers of the API on a terminal.

use std::collections::BTreeMap;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::value::RawValue;

use super::Failure;
use super::client::escaped;
use super::question::{FilterArguments, FormArguments, WindowArguments, read};
use super::table::table;
use super::target::TargetArguments;
use crate::http::wire::{Activity, KeyAnswer, MemberAnswer, Members, ModelEntry, RankedEntry};

/// Widest spark line; longer windows are drawn with several buckets a character.
const SPARK_WIDTH: usize = 30;
const SPARKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Ask who spent what: a table, or --json, or --csv
#[derive(Args)]
#[command(after_help = "Examples:
  rollcall query activity --organization acme --group-by project \\
      --from 2026-06-01 --to 2026-06-30 --data-dir ./data
  rollcall query members --organization acme --timezone Europe/Paris --csv \\
      --url http://127.0.0.1:8787
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
  rollcall query activity --organization acme --group-by user \\
      --from 2026-06-01 --to 2026-06-30 --data-dir ./data")]
    Activity {
        /// model, project, apiKey, user, team, costCentre, provider, source, costSource, none, or two joined by a comma
        #[arg(long, value_name = "DIMENSION", env = "ROLLCALL_GROUP_BY", default_value = "model")]
        group_by: String,
        /// How long a bucket is: hour, day, week or month
        #[arg(long, value_name = "LENGTH", env = "ROLLCALL_GRANULARITY", default_value = "day")]
        granularity: String,
        /// Keep so many of the largest, and add up the rest
        #[arg(long, value_name = "N", env = "ROLLCALL_TOP")]
        top: Option<String>,
        /// What the largest are by: cost, requestCount or totalTokens
        #[arg(long, value_name = "MEASURE", env = "ROLLCALL_RANK_BY", default_value = "cost")]
        rank_by: String,
        #[command(flatten)]
        filter: FilterArguments,
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
    #[command(flatten)]
    form: FormArguments,
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
    let mut more: Vec<(&str, &str)> = Vec::new();
    let (path, common) = match &arguments.question {
        Question::Activity { group_by, granularity, top, rank_by, filter, common } => {
            more.extend([("groupBy", &**group_by), ("granularity", granularity), ("rankBy", rank_by)]);
            more.extend(top.as_deref().map(|top| ("top", top)));
            more.extend(filter.pairs());
            ("/analytics/activity".to_owned(), common)
        }
        Question::Members { common } => ("/analytics/members".to_owned(), common),
        Question::Member { user_id, common } => (format!("/analytics/members/{}", escaped(user_id)), common),
        Question::Key { api_key_id, common } => (format!("/analytics/keys/{}", escaped(api_key_id)), common),
    };
    common.window.zones.install()?;
    let target = common.target.open(false)?;
    let ask = |path: &str, more: &[(&str, &str)], format: &str| {
        let more: Vec<_> = [("format", format)].into_iter().chain(more.iter().copied()).collect();
        target.get(&common.window.question(path, &more))
    };
    let answer = ask(&path, &more, common.form.name())?;
    if common.form.prints(&answer)? {
        return Ok(ExitCode::SUCCESS);
    }
    match &arguments.question {
        Question::Activity { .. } => show_activity(&read(&answer)?),
        Question::Members { .. } => {
            let by_day = ask("/analytics/activity", &[("groupBy", "user")], "json")?;
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

fn print_table(what: &str, lines: &[Line], (cost, requests, tokens): (String, u64, u64)) {
    let row = |label: &str, spark: String, cost: &str, requests: u64, tokens: u64| {
        vec![label.to_owned(), spark, cost.to_owned(), requests.to_string(), tokens.to_string()]
    };
    let total = row("total", String::new(), &cost, requests, tokens);
    let rows = lines
        .iter()
        .map(|line| row(&line.label, spark_line(&line.over_time), &line.cost, line.requests, line.tokens))
        .chain([total]);
    println!("{}", table(&[what, "cost over time", "cost USD", "requests", "tokens"], 2, rows));
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
