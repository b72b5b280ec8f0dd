//! `rollcall explain`: where a figure comes from, on a terminal.

use std::process::ExitCode;

use clap::Args;

use super::Failure;
use super::question::{FilterArguments, FormArguments, WindowArguments, read};
use super::table::table;
use super::target::TargetArguments;
use crate::http::wire::{AttributedByName, CostSourceName, ExplainedAttribution, ExplainedPart, Explanation};

/// Ask where a figure of `query activity` comes from: tables, or --json, or --csv
#[derive(Args)]
#[command(after_help = "Examples:
  rollcall explain --organization acme --group-by project \\
      --date 2026-06-12 --key search --data-dir ./data
  rollcall explain --organization acme --from 2026-06-01 --to 2026-06-30 \\
      --json --url http://127.0.0.1:8787")]
pub struct Arguments {
    #[command(flatten)]
    window: WindowArguments,
    /// Which day, hour, week or month of the answer; all of the window when left out
    #[arg(long, value_name = "DATE", env = "ROLLCALL_DATE")]
    date: Option<String>,
    /// Which entry, once for each dimension; an empty one is what belongs to none; all of them when left out
    #[arg(long, value_name = "KEY", env = "ROLLCALL_KEY")]
    key: Vec<String>,
    /// model, project, apiKey, user, team, costCentre, provider, source, costSource, none, or two joined by a comma
    #[arg(long, value_name = "DIMENSION", env = "ROLLCALL_GROUP_BY", default_value = "model")]
    group_by: String,
    /// hour, day, week or month
    #[arg(long, value_name = "LENGTH", env = "ROLLCALL_GRANULARITY", default_value = "day")]
    granularity: String,
    #[command(flatten)]
    filter: FilterArguments,
    #[command(flatten)]
    form: FormArguments,
    #[command(flatten)]
    target: TargetArguments,
}

pub fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    arguments.window.zones.install()?;
    let target = arguments.target.open(false)?;
    let mut more = vec![
        ("groupBy", &*arguments.group_by),
        ("granularity", &*arguments.granularity),
        ("format", arguments.form.name()),
    ];
    more.extend(arguments.date.as_deref().map(|date| ("date", date)));
    more.extend(arguments.key.iter().map(|key| ("key", key.as_str())));
    more.extend(arguments.filter.pairs());
    let answer = target.get(&arguments.window.question("/analytics/explain", &more))?;
    if !arguments.form.prints(&answer)? {
        show(&read(&answer)?);
    }
    Ok(ExitCode::SUCCESS)
}

fn show(answer: &Explanation) {
    let bounds = &answer.bounds;
    let what = match (&answer.label, &answer.labels) {
        (Some(label), _) => label.clone(),
        (None, Some(labels)) => labels.join(" · "),
        (None, None) => "all".to_owned(),
    };
    let (value, arrival) = (&answer.value, &answer.arrival);
    println!("{what}: {} USD, {} requests, {} tokens", value.cost.get(), value.request_count, value.total_tokens);
    println!(
        "{} to {} in UTC, days in {} (zone rules {})",
        bounds.from_utc, bounds.to_utc, bounds.timezone, bounds.zone_database
    );
    let header = ["cost", "prices", "cost USD", "requests", "input", "cached", "cache write", "output", "reasoning"];
    println!("\n{}", table(&header, 2, answer.parts.iter().flat_map(part)));
    println!("\n{}", table(&["whose", "by", "cost USD", "requests"], 2, answer.attribution.iter().map(attributed)));
    let known = |count: Option<u64>| count.map_or_else(|| "unknown".to_owned(), |count| count.to_string());
    let at = |at: &Option<String>| at.clone().unwrap_or_else(|| "unknown".to_owned());
    println!(
        "\ncame {} to {}; late requests {}, duplicates {}, rejected {}; complete up to {}",
        at(&arrival.first),
        at(&arrival.last),
        known(arrival.late_request_count),
        known(arrival.duplicate_count),
        known(arrival.rejected_count),
        answer.as_of
    );
    println!("\n{}\nGET {}", answer.reproduce.cli, answer.reproduce.http);
}

/// The tokens of a part, and beneath them what they cost.
fn part(of: &ExplainedPart) -> Vec<Vec<String>> {
    let source = match of.cost_source {
        CostSourceName::Reported => "reported",
        CostSourceName::Priced => "priced",
        CostSourceName::Unpriced => "unpriced",
    };
    let tokens = &of.tokens;
    let counts = [of.request_count, tokens.input, tokens.cached, tokens.cache_write, tokens.output, tokens.reasoning];
    let mut first = vec![source.to_owned(), of.price_version.clone().unwrap_or_default(), of.cost.get().to_owned()];
    first.extend(counts.map(|count| count.to_string()));
    let costs = of.cost_by_kind.as_ref().filter(|_| of.cost_source == CostSourceName::Priced).map(|by| {
        let requests = by.requests.as_ref().map_or("", |cost| cost.get());
        let by_kind = [&by.input, &by.cached, &by.cache_write, &by.output, &by.reasoning].map(|cost| cost.get());
        let cells = ["", "USD", "", requests].into_iter().chain(by_kind);
        cells.map(str::to_owned).collect()
    });
    [first].into_iter().chain(costs).collect()
}

fn attributed(of: &ExplainedAttribution) -> Vec<String> {
    let by = match of.by {
        AttributedByName::Assignment => {
            let subject = of.subject.as_ref();
            let of_subject = |id: Option<&String>, what: &str| id.map(|id| format!("{what} {id}"));
            let what = subject.and_then(|subject| {
                of_subject(subject.api_key_id.as_ref(), "API key")
                    .or_else(|| of_subject(subject.user_id.as_ref(), "user"))
                    .or_else(|| of_subject(subject.project_id.as_ref(), "project"))
            });
            let to = of.to.as_ref().map(|to| format!(" to {to}")).unwrap_or_default();
            format!("{} assigned from {}{to}", what.unwrap_or_default(), of.from.as_deref().unwrap_or_default())
        }
        AttributedByName::Creator => "creator of the API key".to_owned(),
        AttributedByName::None => "nothing said".to_owned(),
        AttributedByName::Others => "the rest".to_owned(),
    };
    vec![of.label.clone(), by, of.cost.get().to_owned(), of.request_count.to_string()]
}
