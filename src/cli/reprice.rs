//! `rollcall reprice`: prices for what was counted already.

use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use comfy_table::{Cell, CellAlignment, ContentArrangement, Table, presets};

use super::Failure;
use super::long::Bar;
use super::price_files::PriceArguments;
use super::target::{Target, TargetArguments};
use crate::engine::{COMMAND, Prices};
use crate::http::reprice;
use crate::http::wire::{RepriceAnswer, RepriceBody, RepricedModel};
use crate::model::PicoUsd;
use crate::store::Repriced;

/// Give unpriced requests the price that is known now, and show the difference per model
#[derive(Args)]
#[command(after_help = "Examples:
  rollcall reprice --from 2026-06-01 --to 2026-06-30 --data-dir ./data \\
      --dry-run
  rollcall reprice --from 2026-06-01 --to 2026-06-30 --data-dir ./data \\
      --prices prices.json
  ROLLCALL_TOKEN=rc_operator_… rollcall reprice --from 2026-06-01 \\
      --to 2026-06-30 --url http://127.0.0.1:8787

Costs that senders reported are never touched. A running server prices by its own --prices. Run
again, it changes nothing; interrupted, what is booked stays, and running it again does the rest.")]
pub struct Arguments {
    /// First UTC day, YYYY-MM-DD
    #[arg(long, value_name = "DAY", env = "ROLLCALL_FROM")]
    from: String,
    /// Last UTC day, included
    #[arg(long, value_name = "DAY", env = "ROLLCALL_TO")]
    to: String,
    /// Only this organization; may be repeated
    #[arg(long, value_name = "ID", env = "ROLLCALL_ORGANIZATION")]
    organization: Vec<String>,
    /// Only this canonical model; may be repeated
    #[arg(long, value_name = "MODEL", env = "ROLLCALL_MODEL")]
    model: Vec<String>,
    /// Give what was priced before its price of now as well
    #[arg(long, env = "ROLLCALL_ALL", value_parser = clap::builder::FalseyValueParser::new())]
    all: bool,
    /// Only show the difference
    #[arg(long, env = "ROLLCALL_DRY_RUN", value_parser = clap::builder::FalseyValueParser::new())]
    dry_run: bool,
    #[command(flatten)]
    prices: PriceArguments,
    #[command(flatten)]
    target: TargetArguments,
}

pub fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let body = RepriceBody {
        from: arguments.from.clone(),
        to: arguments.to.clone(),
        organization_ids: arguments.organization.clone(),
        models: arguments.model.clone(),
        all: arguments.all,
        dry_run: arguments.dry_run,
    };
    let bar = Bar::new("repricing");
    let answer: RepriceAnswer = match arguments.target.open(false)? {
        Target::Server(_) if arguments.prices.is_given() => {
            return Err(Failure("--prices is for a store opened here; a server has its own".into()));
        }
        Target::Server(client) => client.post_and_wait("/v1/reprice", &body)?,
        Target::Local(engine) => {
            let book = arguments.prices.book()?;
            let prices: Prices = Arc::new(move |provider, model, at, m| book.price(provider, model, at, m));
            reprice(&engine, prices, body, COMMAND, &mut |done, all| bar.at(done, all))?
        }
    };
    drop(bar);
    println!("{}", table(&answer)?);
    match answer.id {
        Some(id) => eprintln!("booked as repricing {id}"),
        None if arguments.dry_run => eprintln!("nothing was booked; leave out --dry-run to book it"),
        None => eprintln!("there was nothing to book"),
    }
    Ok(ExitCode::SUCCESS)
}

fn table(answer: &RepriceAnswer) -> Result<Table, Failure> {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    let right = |text: String| Cell::new(text).set_alignment(CellAlignment::Right);
    let figures = ["requests", "before USD", "after USD", "difference USD", "newly priced", "still unpriced"];
    let names = ["organization", "model"].map(Cell::new);
    table.set_header(names.into_iter().chain(figures.map(|name| right(name.into()))));
    let mut row = |names: [&str; 2], repriced: &Repriced| {
        let [before, after, difference] =
            [repriced.before, repriced.after, repriced.after - repriced.before].map(|pico| PicoUsd(pico).to_string());
        let (newly_priced, unpriced) = (repriced.newly_priced.to_string(), repriced.unpriced.to_string());
        let figures = [repriced.requests.to_string(), before, after, difference, newly_priced, unpriced];
        table.add_row(names.map(Cell::new).into_iter().chain(figures.map(right)));
    };
    let mut total = Repriced::default();
    for model in &answer.models {
        let repriced = figures_of(model)?;
        total.add(&repriced)?;
        row([&model.organization_id, &model.model], &repriced);
    }
    row(["total", ""], &total);
    Ok(table)
}

pub fn figures_of(model: &RepricedModel) -> Result<Repriced, Failure> {
    let pico = |usd: &str| PicoUsd::parse_sum(usd).map(|cost| cost.0).map_err(|e| Failure(format!("{usd} {e}")));
    Ok(Repriced {
        requests: model.request_count,
        newly_priced: model.newly_priced_request_count,
        unpriced: model.unpriced_request_count,
        before: pico(model.cost_before.get())?,
        after: pico(model.cost_after.get())?,
    })
}
