//! `rollcall change`: why a window cost more or less than another, on a terminal.

use std::process::ExitCode;

use clap::Args;

use super::Failure;
use super::question::{FilterArguments, FormArguments, WindowArguments, read};
use super::table::table;
use super::target::TargetArguments;
use crate::http::wire::{Change, ChangeItem, ChangeWindow};

/// Keys shown of each cause.
const ITEMS: usize = 5;

/// Ask why a window cost more or less than another: a table, or --json, or --csv
#[derive(Args)]
#[command(after_help = "Examples:
  rollcall change --organization acme --from 2026-06-01 --to 2026-06-30 \\
      --compare previousMonth --data-dir ./data
  rollcall change --organization acme --group-by team \\
      --filter provider=openai --json --url http://127.0.0.1:8787")]
pub struct Arguments {
    #[command(flatten)]
    window: WindowArguments,
    /// What keys are: model, project, apiKey, user, team, costCentre, provider, source, costSource, none, or two joined by
    /// a comma
    #[arg(long, value_name = "DIMENSION", env = "ROLLCALL_GROUP_BY", default_value = "model")]
    group_by: String,
    /// previous (as many days just before), previousMonth, previousYear or weekdays; previous when left out
    #[arg(long, value_name = "WINDOW", env = "ROLLCALL_COMPARE")]
    compare: Option<String>,
    /// Or from this local day on
    #[arg(long, value_name = "DAY", env = "ROLLCALL_COMPARE_FROM")]
    compare_from: Option<String>,
    /// To this local day, included
    #[arg(long, value_name = "DAY", env = "ROLLCALL_COMPARE_TO")]
    compare_to: Option<String>,
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
    let mut more = vec![("groupBy", &*arguments.group_by), ("format", arguments.form.name())];
    let compared = [
        ("compare", &arguments.compare),
        ("compareFrom", &arguments.compare_from),
        ("compareTo", &arguments.compare_to),
    ];
    more.extend(compared.into_iter().filter_map(|(name, value)| Some((name, value.as_deref()?))));
    more.extend(arguments.filter.pairs());
    let answer = target.get(&arguments.window.question("/analytics/change", &more))?;
    if !arguments.form.prints(&answer)? {
        show(&read(&answer)?);
    }
    Ok(ExitCode::SUCCESS)
}

fn show(answer: &Change) {
    let window = |window: &ChangeWindow| match &window.until {
        Some(until) => format!("{} to {} until {until}", window.from, window.to),
        None => format!("{} to {}", window.from, window.to),
    };
    println!(
        "{}, {} beside {}, days in {} (zone rules {})",
        answer.group_by,
        window(&answer.after),
        window(&answer.before),
        answer.timezone,
        answer.zone_database
    );
    let cost = |of: &serde_json::value::RawValue| of.get().to_owned();
    let line = |what: &str, key: &str, amount: String| vec![what.to_owned(), key.to_owned(), amount];
    let mut rows = vec![line("before", "", cost(&answer.before.cost))];
    for part in answer.parts.iter().filter(|part| !part.items.is_empty()) {
        rows.push(line(part.cause.text(), "", cost(&part.cost)));
        rows.extend(part.items.iter().take(ITEMS).map(|item| line("", &label(item), cost(&item.cost))));
        if part.items.len() > ITEMS {
            rows.push(line("", &format!("and {} more", part.items.len() - ITEMS), String::new()));
        }
    }
    rows.push(line("difference", "", cost(&answer.difference)));
    rows.push(line("after", "", cost(&answer.after.cost)));
    println!("{}", table(&["cause", &answer.group_by, "USD"], 2, rows));
}

fn label(item: &ChangeItem) -> String {
    match (&item.label, &item.labels) {
        (Some(label), _) => label.clone(),
        (None, labels) => labels.iter().flatten().cloned().collect::<Vec<_>>().join(" · "),
    }
}
