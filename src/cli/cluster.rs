//! `rollcall cluster`: the tables of a ClickHouse cluster that nodes ship to.

use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::{Args, Subcommand};
use twox_hash::XxHash3_64;

use super::target::{ADDRESS_FILE, Target, TargetArguments};
use super::{Failure, system_clock};
use crate::cluster::{self, Address, Client, Move};
use crate::http::wire::{ClusterAudit, ClusterDifference, ClusterSums};
use crate::store::StoreError;

/// Make and check the tables of a ClickHouse cluster that servers ship to
#[derive(Args)]
#[command(after_help = "Examples:
  rollcall cluster init 'clickhouse://rollcall:secret@ch1:8123/rollcall'
  rollcall cluster init \\
      'clickhouse://ch1,ch2/rollcall?cluster=main&user-file=user&password-file=password'
  rollcall cluster check \\
      'clickhouse://rollcall@ch1/rollcall?tls=required&password-file=password'
  rollcall cluster audit \\
      'clickhouse://ch1/rollcall?user-file=user&password-file=password' \\
      --data-dir ./data
  rollcall cluster move \\
      'clickhouse://ch1,ch2/rollcall?cluster=main&user-file=user&password-file=password' \\
      --organization acme --to-shard 2

URL is clickhouse://USER:PASSWORD@HOST:PORT[,HOST:PORT…]/DATABASE[?cluster=NAME], over HTTP,
with user and password percent-encoded or from files, and one host for each shard in the
cluster's order. Exit code 1 says that the cluster had other sums than the server, 2 that they
could not be compared. See docs/scale.md.")]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Make the database and the tables, where they are missing; no other table is touched
    #[command(after_help = "Example:\n  rollcall cluster init 'clickhouse://rollcall:secret@ch1:8123/rollcall'")]
    Init(Where),
    /// Look whether the tables are there and are what servers of this version ship to
    #[command(after_help = "Example:\n  rollcall cluster check 'clickhouse://rollcall:secret@ch1:8123/rollcall'")]
    Check(Where),
    /// Let a running server compare the cluster's sums by organization and month with its own, and ship what differs
    #[command(after_help = "Example:
  rollcall cluster audit 'clickhouse://rollcall:secret@ch1:8123/rollcall' \\
      --url http://127.0.0.1:8787")]
    Audit(Of),
    /// Let a running server ship everything again, and compare then
    #[command(after_help = "Example:
  rollcall cluster ship-all 'clickhouse://rollcall:secret@ch1:8123/rollcall' \\
      --url http://127.0.0.1:8787")]
    ShipAll(Of),
    /// Move an organization to another shard: its node copies it there, compares, and answers come from there then
    #[command(after_help = "Example:
  rollcall cluster move 'clickhouse://ch1,ch2/rollcall?cluster=main&password-file=password' \\
      --organization acme --to-shard 2

What was begun goes on without this command, and can be asked for again.")]
    Move(Moving),
}

#[derive(Args)]
struct Moving {
    #[command(flatten)]
    cluster: Where,
    /// The organization
    #[arg(long, value_name = "ID")]
    organization: String,
    /// The shard, counted from 1 in the address's order
    #[arg(long, value_name = "N")]
    to_shard: usize,
}

#[derive(Args)]
struct Where {
    /// The cluster
    #[arg(value_name = "URL", env = "ROLLCALL_SHIP_TO", hide_env_values = true)]
    address: String,
}

#[derive(Args)]
struct Of {
    #[command(flatten)]
    cluster: Where,
    #[command(flatten)]
    target: TargetArguments,
}

impl Where {
    fn client(&self) -> Result<Client, Failure> {
        Ok(Client::new(Address::parse(&self.address)?)?)
    }
}

pub fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let client = match &arguments.command {
        Command::Init(of) => {
            let client = of.client()?;
            cluster::init(&client)?;
            client
        }
        Command::Check(of) => {
            let client = of.client()?;
            cluster::check(&client)?;
            client
        }
        Command::Audit(of) => return compare(of, "/v1/cluster/audit"),
        Command::Move(moving) => return move_organization(moving),
        Command::ShipAll(of) => return compare(of, "/v1/cluster/ship-all"),
    };
    println!("{} has the tables that this version ships to", client.address());
    Ok(ExitCode::SUCCESS)
}

/// Has the server that ships compare, and says what differed.
fn compare(of: &Of, path: &str) -> Result<ExitCode, Failure> {
    let client = of.cluster.client()?;
    cluster::check(&client)?;
    let is_served =
        |directory: &Path| if directory.join(ADDRESS_FILE).exists() { Err(StoreError::Locked) } else { Ok(()) };
    let Target::Server(server) = of.target.open_with(false, is_served)? else {
        return Err(Failure(
            "no server has this store open; start it with rollcall serve, or name it with --url".into(),
        ));
    };
    let ClusterAudit { differences } = server.post_and_wait(path, &())?;
    for ClusterDifference { organization_id, month, node, cluster } in &differences {
        let sums =
            |of: &ClusterSums| format!("{} requests, {} tokens, {} USD", of.request_count, of.total_tokens, of.cost);
        println!("{organization_id}, {month}: the server has {}, the cluster {}", sums(node), sums(cluster));
    }
    if differences.is_empty() {
        println!("{} has what the server has", client.address());
        return Ok(ExitCode::SUCCESS);
    }
    eprintln!("{} months differ; the server ships them again", differences.len());
    Ok(ExitCode::from(1))
}

/// How often it is looked how far a move is.
const LOOK: Duration = Duration::from_millis(500);
/// How long a node may not have been heard of before nobody waits for it.
const SILENCE: Duration = Duration::from_secs(30);

/// Has an organization moved by the node that owns it, and waits until it is.
fn move_organization(moving: &Moving) -> Result<ExitCode, Failure> {
    let Moving { cluster: of, organization, to_shard } = moving;
    let client = of.client()?;
    let shards = client.shards().len();
    let shard = to_shard.checked_sub(1).filter(|shard| *shard < shards);
    let shard = shard.ok_or_else(|| Failure(format!("--to-shard is {to_shard}; allowed are 1 to {shards}")))?;
    cluster::check(&client)?;
    let (clock, mut since, mut said, mut heard) = (system_clock(), None, None, Instant::now());
    loop {
        let (wanted, state) = cluster::want(&client, organization, shard, clock(), since)?;
        since = Some(wanted);
        match state {
            Move::Done => {
                println!("'{organization}' is on shard {to_shard}, {}", client.host(shard));
                return Ok(ExitCode::SUCCESS);
            }
            Move::Superseded { shard } => {
                return Err(Failure(format!("'{organization}' was asked to be moved to shard {} since", shard + 1)));
            }
            Move::UnderWay { place, node, ships } => {
                if said != Some(place) {
                    eprintln!("'{organization}' is {place}");
                    said = Some(place);
                }
                if ships {
                    heard = Instant::now();
                } else if heard.elapsed() > SILENCE {
                    return Err(Failure(format!(
                        "the node of '{organization}', {node}, does not ship: it goes on with the move when it does"
                    )));
                }
            }
        }
        std::thread::sleep(LOOK);
    }
}

/// What tells the place of a store's file from all others: the machine and the directory. Where that is the same there is
/// one process at most, because the file is locked.
pub fn location(directory: &Path) -> String {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let whole = directory.canonicalize().unwrap_or_else(|_| directory.to_owned());
    let place = [read("/proc/sys/kernel/hostname"), read("/etc/machine-id"), whole.display().to_string()].join("\n");
    format!("{:016x}", XxHash3_64::oneshot(place.as_bytes()))
}
