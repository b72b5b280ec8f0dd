//! `rollcall demo`: a throw-away store with sample data, served.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use clap::Args;
use indicatif::{HumanCount, ProgressBar};

use super::loading::submit;
use super::running::{run_server, start_logs};
use super::sample::Sample;
use super::serve::DEFAULT_BODY_MIB;
use super::{Failure, look, sample_invoice, system_clock};
use crate::directory::Change;
use crate::engine::{Clock, Engine, SERVER};
use crate::http::wire::{NewToken, TokenKind};
use crate::http::{App, budget_update, directory_update, invoice_note, new_token};
use crate::ingest::{Context, SentBy, TokenDefaults, for_ever, parse_ndjson};
use crate::pricing::PriceBook;

/// Serve a sample organization from a throw-away store
#[derive(Args)]
#[command(after_help = "Example:
  rollcall demo --listen 127.0.0.1:9000

Prints links that sign in: as the owner, as a developer and as the operator. Everything is gone
once it stops.")]
pub struct Arguments {
    /// Address to listen on
    #[arg(long, value_name = "ADDR", env = "ROLLCALL_LISTEN", default_value = "127.0.0.1:8787")]
    listen: SocketAddr,
    #[command(flatten)]
    look: look::Arguments,
}

pub fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let _logs = start_logs(false);
    let look = arguments.look.look()?;
    let started = Instant::now();
    let directory = tempfile::tempdir()?;
    let mut sample = Sample::load();
    let engine = Arc::new(Engine::open(directory.path(), demo_clock(&sample))?);
    let update = directory_update(std::mem::take(&mut sample.directory))?;
    let owner = update.members.iter().find(|m| m.role == crate::directory::Role::Owner).map(|m| m.user_id.clone());
    let developer =
        update.members.iter().find(|m| m.role == crate::directory::Role::Developer).map(|m| m.user_id.clone());
    engine.change(Change::Merge(update))?.wait()?;
    let budgets = std::mem::take(&mut sample.budgets).into_iter().map(budget_update).collect::<Result<_, _>>()?;
    engine.change(Change::PutBudgets(budgets))?.wait()?;
    let events = load(&engine, &sample)?;
    for invoice in sample_invoice::invoices(&engine, &sample.organization_id)? {
        let note = invoice_note(SERVER, &invoice);
        engine.import_invoice(invoice, note)?.wait()?;
    }
    let token = |kind, user_id: Option<String>| -> Result<String, Failure> {
        let body = NewToken {
            kind,
            organization_id: None,
            project_id: None,
            api_key_id: None,
            user_id,
            label: "demo".into(),
            expires_at: None,
        };
        let (change, created) = new_token(body, &engine, SERVER)?;
        engine.change(change)?.wait()?;
        Ok(created.token)
    };
    let (owner, developer) = (token(TokenKind::User, owner)?, token(TokenKind::User, developer)?);
    let operator = token(TokenKind::Operator, None)?;
    let app = App::new(engine, PriceBook::bundled(), look, (DEFAULT_BODY_MIB as usize) << 20);
    run_server(&app, arguments.listen, None, |address| {
        println!(
            "Sample organization with {} events ready in {:.1} s.\n\n  \
             as its owner      http://{address}/#token={owner}\n  \
             as a developer    http://{address}/#token={developer}\n  \
             as the operator   http://{address}/#token={operator}\n\n\
             Ctrl-C stops it and throws the data away.",
            HumanCount(events as u64),
            started.elapsed().as_secs_f64(),
        );
        Ok(())
    })?;
    Ok(ExitCode::SUCCESS)
}

/// The time, but never before the month whose sums are known is over.
fn demo_clock(sample: &Sample) -> Clock {
    let (_, end) = sample.known_month();
    let system = system_clock();
    Arc::new(move || system().max(end))
}

/// Sends the sample's events through the path that all events take.
fn load(engine: &Engine, sample: &Sample) -> Result<usize, Failure> {
    let prices = PriceBook::bundled();
    let sender = SentBy { name: "sample data", version: None };
    let token = TokenDefaults { sender, ..TokenDefaults::default() };
    let context = Context { now: engine.now(), prices: &prices, token, kept_since: &for_ever };
    let bar = ProgressBar::new_spinner().with_message("loading sample data");
    let send = |lines: String| -> Result<_, Failure> {
        bar.tick();
        let parsed = parse_ndjson(lines.as_bytes(), &context)?;
        if let Some(rejection) = parsed.rejected.first() {
            return Err(Failure(format!("the sample is wrong: {}", rejection.error)));
        }
        Ok(submit(engine, parsed.batch)?)
    };
    let now = engine.now();
    let waiting: Result<Vec<_>, Failure> = sample.months(now).chain([sample.unpriced(now)]).map(send).collect();
    let mut events = 0;
    for pending in waiting? {
        events += pending.wait()?.accepted;
    }
    bar.set_message("sealing the days that are over");
    engine.seal()?.wait()?;
    events += send(sample.late(now))?.wait()?.accepted;
    bar.finish_and_clear();
    Ok(events)
}
