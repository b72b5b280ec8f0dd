//! `rollcall sessions`: who is signed in where, and ending that.

use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::client::escaped;
use super::target::{Target, TargetArguments};
use super::{Failure, system_clock};
use crate::directory::{Change, SessionsOf};
use crate::engine::{COMMAND, Note};
use crate::http::list_sessions;
use crate::http::wire::SessionList;

/// List and end sessions: browsers in which somebody is signed in, and programs that they have let in
#[derive(Args)]
#[command(after_help = "Examples:
  rollcall sessions list --url https://rollcall.example
  rollcall sessions end ses_0123456789abcdef --url https://rollcall.example
  rollcall sessions end --others --url https://rollcall.example
  rollcall sessions list --data-dir ./data")]
pub struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// List sessions: id, whose, when opened, last used and at an end, from where or of which program
    #[command(after_help = "Example:\n  rollcall sessions list --url https://rollcall.example")]
    List {
        /// Only this person's; for operators
        #[arg(long, value_name = "ID", env = "ROLLCALL_USER")]
        user: Option<String>,
        #[command(flatten)]
        target: TargetArguments,
    },
    /// End a session, or all of one's own but this one
    #[command(after_help = "Example:\n  rollcall sessions end ses_0123456789abcdef --data-dir ./data")]
    End {
        #[arg(required_unless_present = "others")]
        id: Option<String>,
        /// End all but the one that asks; with --user all of that person, for operators
        #[arg(long, env = "ROLLCALL_OTHERS", conflicts_with = "id", value_parser = clap::builder::FalseyValueParser::new())]
        others: bool,
        /// Whose, with --others
        #[arg(long, value_name = "ID", env = "ROLLCALL_USER", requires = "others")]
        user: Option<String>,
        #[command(flatten)]
        target: TargetArguments,
    },
}

pub fn run(arguments: Arguments) -> Result<ExitCode, Failure> {
    match arguments.action {
        Action::List { user, target } => {
            let list: SessionList = match target.open(false)? {
                Target::Server(client) => client.get(&format!("/v1/sessions{}", of(user.as_deref())))?,
                Target::Local(engine) => {
                    let mut list = list_sessions(&engine.snapshot().directory, system_clock()());
                    list.sessions.retain(|one| user.is_none() || one.user_id == user);
                    list
                }
            };
            for one in list.sessions {
                let whose = one.user_id.unwrap_or_else(|| "operator".to_owned());
                let never = || "-".to_owned();
                let times = [one.opened_at, one.last_used_at, Some(one.expires_at)];
                let times = times.map(|time| time.unwrap_or_else(never)).join("\t");
                let place = one.program.or(one.from).unwrap_or_else(never);
                let current = if one.current { "\tcurrent" } else { "" };
                println!("{}\t{whose}\t{times}\t{place}{current}", one.id);
            }
        }
        Action::End { id, user, target, .. } => match (target.open(false)?, id) {
            (Target::Server(client), Some(id)) => client.delete(&format!("/v1/sessions/{}", escaped(&id)))?,
            (Target::Server(client), None) => client.delete(&format!("/v1/sessions{}", of(user.as_deref())))?,
            (Target::Local(engine), Some(id)) => {
                let note = Note { target: id.clone(), ..Note::new(COMMAND, "session-end") };
                let change = Change::CloseSessions(SessionsOf::Ids(vec![id.clone()]));
                if engine.audited(change, note)?.wait()?.changed == 0 {
                    return Err(Failure(format!("there is no session '{id}'")));
                }
            }
            (Target::Local(engine), None) => {
                let user = user.ok_or_else(|| {
                    Failure("whoever has the files has no session here; say whose with --user".into())
                })?;
                let note =
                    Note { target: user.clone(), user_id: Some(user.clone()), ..Note::new(COMMAND, "session-end") };
                engine.audited(Change::CloseSessions(SessionsOf::User(user)), note)?.wait()?;
            }
        },
    }
    Ok(ExitCode::SUCCESS)
}

/// The part of an address that says whose.
fn of(user: Option<&str>) -> String {
    user.map(|user| format!("?userId={}", escaped(user))).unwrap_or_default()
}
