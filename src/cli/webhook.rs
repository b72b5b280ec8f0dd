//! `rollcall webhook`: trying what `serve --webhooks` would send to.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, Subcommand};
use serde_json::json;

use super::{Failure, system_clock};
use crate::calendar::rfc3339_utc;
use crate::http::AlertHosts;
use crate::webhook::{Message, Sender, Webhook, is_acknowledged, parse};

/// Try the webhooks that a server would send
#[derive(Args)]
#[command(after_help = "Example:
  rollcall webhook test --webhooks webhooks.json

docs/webhooks.md says what is in the file, what is sent, and how a signature is verified.")]
pub struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Send a signed webhook.test to each receiver, or to one, and say what it answered
    #[command(after_help = "Examples:
  rollcall webhook test --webhooks webhooks.json
  rollcall webhook test --webhooks webhooks.json finance

Needs no server and no store. Exit code 0 says that all answered 2xx, 1 that one did not, 2 that
nothing was sent.")]
    Test {
        /// The file of webhooks
        #[arg(long, value_name = "FILE", env = "ROLLCALL_WEBHOOKS")]
        webhooks: PathBuf,
        /// One of them; all when left out
        #[arg(value_name = "NAME", env = "ROLLCALL_WEBHOOK")]
        name: Option<String>,
    },
}

pub fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let Action::Test { webhooks, name } = &arguments.action;
    let mut chosen = read(webhooks)?;
    if let Some(name) = name {
        chosen.retain(|webhook| webhook.receiver.name == *name);
        if chosen.is_empty() {
            return Err(Failure(format!("{} has no webhook '{name}'", webhooks.display())));
        }
    }
    let sender = Sender::new(AlertHosts::default());
    let mut failed = false;
    for webhook in chosen {
        let sent = test(&sender, &webhook);
        failed |= !sent.as_ref().is_ok_and(|status| is_acknowledged(*status));
        let answer = sent.map_or_else(|error| error.to_string(), |status| status.to_string());
        println!("{}\t{answer}", webhook.receiver.name);
    }
    Ok(if failed { ExitCode::from(1) } else { ExitCode::SUCCESS })
}

fn test(sender: &Sender, webhook: &Webhook) -> Result<u16, ureq::Error> {
    let now = system_clock()();
    let data = json!({"webhook": webhook.receiver.name, "organizationId": webhook.organization_id});
    let data = serde_json::value::to_raw_value(&data).expect("texts serialize");
    let id = format!("{}_webhook-test_{now}", webhook.receiver.name);
    sender.send(&webhook.receiver, &Message::new("webhook.test", id, &rfc3339_utc(now), &data), now)
}

/// Reads a file of webhooks.
pub fn read(path: &Path) -> Result<Vec<Arc<Webhook>>, Failure> {
    let named = |e: &dyn std::fmt::Display| Failure(format!("the webhooks in {}: {e}", path.display()));
    let text = std::fs::read_to_string(path).map_err(|e| named(&e))?;
    parse(&text).map_err(|e| named(&e))
}
