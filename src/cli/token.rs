//! `rollcall token`: access tokens.

use std::process::ExitCode;

use clap::{Args, Subcommand, ValueEnum};

use super::Failure;
use super::client::escaped;
use super::target::{Target, TargetArguments};
use crate::directory::Change;
use crate::engine::COMMAND;
use crate::http::wire::{CreatedToken, NewToken, TokenKind, TokenList};
use crate::http::{list_tokens, new_token, token_note};

/// Make, list and revoke access tokens
#[derive(Args)]
#[command(after_help = "Examples:
  rollcall token create ingest --organization acme --label litellm \\
      --data-dir ./data
  rollcall token create user --user ada --url http://127.0.0.1:8787
  rollcall token create scim --organization acme --label okta \\
      --data-dir ./data
  rollcall token list --data-dir ./data
  rollcall token revoke tok_0123456789abcdef --data-dir ./data")]
pub struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Make a token and print its secret, the only time it is shown
    #[command(
        after_help = "Example:\n  rollcall token create ingest --organization acme --label litellm \\\n      --data-dir ./data"
    )]
    Create {
        kind: Kind,
        /// For ingest: the organization whose events it may send. For scim: whose people it provisions. For user: the
        /// only one that it shows
        #[arg(long, value_name = "ID", env = "ROLLCALL_ORGANIZATION")]
        #[arg(required_if_eq_any([("kind", "ingest"), ("kind", "scim")]))]
        organization: Option<String>,
        /// For ingest: stands in where a payload names no project
        #[arg(long, value_name = "ID", env = "ROLLCALL_PROJECT")]
        project: Option<String>,
        /// For ingest: stands in where a payload names no API key
        #[arg(long, value_name = "ID", env = "ROLLCALL_API_KEY")]
        api_key: Option<String>,
        /// For user: whose eyes it is
        #[arg(long, value_name = "ID", env = "ROLLCALL_USER", required_if_eq("kind", "user"))]
        user: Option<String>,
        /// What it is for
        #[arg(long, env = "ROLLCALL_LABEL", default_value = "")]
        label: String,
        /// From when on it is worth nothing, such as 2027-01-31T00:00:00Z; never unless given
        #[arg(long, value_name = "TIME", env = "ROLLCALL_EXPIRES")]
        expires: Option<String>,
        #[command(flatten)]
        target: TargetArguments,
    },
    /// List tokens, without their secrets: id, kind, whose, when made, last used and worth nothing, label
    #[command(after_help = "Example:\n  rollcall token list --data-dir ./data")]
    List {
        #[command(flatten)]
        target: TargetArguments,
    },
    /// Revoke a token and end its sessions
    #[command(after_help = "Example:\n  rollcall token revoke tok_0123456789abcdef --data-dir ./data")]
    Revoke {
        id: String,
        #[command(flatten)]
        target: TargetArguments,
    },
}

#[derive(Clone, Copy, ValueEnum)]
enum Kind {
    Operator,
    Ingest,
    User,
    Scim,
}

pub fn run(arguments: Arguments) -> Result<ExitCode, Failure> {
    match arguments.action {
        Action::Create { kind, organization, project, api_key, user, label, expires, target } => {
            let kind = match kind {
                Kind::Operator => TokenKind::Operator,
                Kind::Ingest => TokenKind::Ingest,
                Kind::User => TokenKind::User,
                Kind::Scim => TokenKind::Scim,
            };
            let body = NewToken {
                kind,
                organization_id: organization,
                project_id: project,
                api_key_id: api_key,
                user_id: user,
                label,
                expires_at: expires,
            };
            let created: CreatedToken = match target.open(true)? {
                Target::Server(client) => client.post("/v1/tokens", &body)?,
                Target::Local(engine) => {
                    let (change, created) = new_token(body, &engine, COMMAND)?;
                    let note = token_note(COMMAND, &change, &engine.snapshot().directory);
                    engine.audited(change, note)?.wait()?;
                    created
                }
            };
            if let Some(warning) = created.warning {
                eprintln!("warning: {warning}");
            }
            eprintln!("token {} (its secret is not shown again):", created.id);
            println!("{}", created.token);
        }
        Action::List { target } => {
            let list: TokenList = match target.open(false)? {
                Target::Server(client) => client.get("/v1/tokens")?,
                Target::Local(engine) => list_tokens(&engine.snapshot().directory, None),
            };
            for token in list.tokens {
                let kind = format!("{:?}", token.kind).to_lowercase();
                let of = [token.organization_id, token.user_id].into_iter().flatten().collect::<Vec<_>>().join("/");
                let never = || "-".to_owned();
                let (used, expires) = (token.last_used_at, token.expires_at);
                let times = [Some(token.created_at), used, expires].map(|time| time.unwrap_or_else(never)).join("\t");
                println!("{}\t{kind}\t{of}\t{times}\t{}", token.id, token.label);
            }
        }
        Action::Revoke { id, target } => match target.open(false)? {
            Target::Server(client) => client.delete(&format!("/v1/tokens/{}", escaped(&id)))?,
            Target::Local(engine) => {
                let change = Change::RevokeToken { id };
                let note = token_note(COMMAND, &change, &engine.snapshot().directory);
                engine.audited(change, note)?.wait()?;
            }
        },
    }
    Ok(ExitCode::SUCCESS)
}
