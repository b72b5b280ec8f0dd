//! `rollcall serve`: the server.

use std::fs;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::durations::duration;
use super::operator_token::operator_token;
use super::price_files::PriceArguments;
use super::running::{run_server, start_logs};
use super::target::ADDRESS_FILE;
use super::zones::ZoneArguments;
use super::{Failure, answering, cluster, look, sign_in, system_clock, webhook};
use crate::calendar::ZoneDatabase;
use crate::cluster::{Address, Client, Shipper};
use crate::engine::{BackupPlan, BackupSchedule, Engine};
use crate::http::{self, AlertHosts, App, BackupPlace, Origins, Tls};
use crate::model::NameLimits;
use crate::webhook::{Alerts, Channels, Mail, Pace, Sender, Webhooks};

/// Limits of names that can be set: more would not fit into the memory of any machine.
const MAX_NAMES: RangeInclusive<usize> = 1..=100_000_000;

/// Every known sender's largest body is well below.
pub const DEFAULT_BODY_MIB: u32 = 64;

/// Run the server: takes events, answers questions, serves the dashboard
#[derive(Args)]
#[command(after_help = "Examples:
  rollcall serve --data-dir ./data --listen 0.0.0.0:8787
  rollcall serve --data-dir ./data --tls-cert fullchain.pem \\
      --tls-key privkey.pem
  rollcall serve --data-dir ./data --backup-dir ./backups \\
      --backup-every 6h --backup-keep 28
  rollcall serve --data-dir ./data --zone-database /usr/share/zoneinfo \\
      --list-prices prices.json
  rollcall serve --data-dir ./data --oidc providers.json --session-idle 12h
  rollcall serve --data-dir ./data \\
      --ship-to 'clickhouse://rollcall@ch1/rollcall?password-file=secret'
  rollcall serve \\
      --answers-from clickhouse://reader@ch1:8123,ch2:8123/rollcall?cluster=main

The first start makes the operator's token and writes it to DIR/operator.token, unless
ROLLCALL_OPERATOR_TOKEN has it.")]
pub struct Arguments {
    /// Where the store is kept; made when absent
    #[arg(long, value_name = "DIR", env = "ROLLCALL_DATA_DIR", required_unless_present = "answers_from")]
    data_dir: Option<PathBuf>,
    /// Keep nothing and answer from the ClickHouse cluster that nodes ship to: see docs/scale.md
    #[arg(long, value_name = "URL", env = "ROLLCALL_ANSWERS_FROM", hide_env_values = true)]
    #[arg(conflicts_with_all = ["ship_to", "backup_dir", "max_names", "webhooks", "alert_hosts", "smtp"])]
    answers_from: Option<String>,
    /// Address to listen on
    #[arg(long, value_name = "ADDR", env = "ROLLCALL_LISTEN", default_value = "127.0.0.1:8787")]
    listen: SocketAddr,
    /// Serve HTTPS with this certificate: PEM, followed by those that vouch for it. Read again on SIGHUP
    #[arg(long, value_name = "FILE", env = "ROLLCALL_TLS_CERT", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// The certificate's private key, PEM
    #[arg(long, value_name = "FILE", env = "ROLLCALL_TLS_KEY", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// Largest body of events in MiB, after decompression
    #[arg(long, value_name = "MIB", env = "ROLLCALL_MAX_BODY_MIB", default_value_t = DEFAULT_BODY_MIB)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=1024))]
    max_body_mib: u32,
    /// Make backups on a schedule, into this directory; made when absent
    #[arg(long, value_name = "DIR", env = "ROLLCALL_BACKUP_DIR")]
    backup_dir: Option<PathBuf>,
    /// How often: a number and s, m, h or d
    #[arg(long, value_name = "TIME", env = "ROLLCALL_BACKUP_EVERY", default_value = "24h", value_parser = duration)]
    backup_every: Duration,
    /// How many of them to keep; older ones are removed
    #[arg(long, value_name = "N", env = "ROLLCALL_BACKUP_KEEP", default_value_t = 7)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=10_000))]
    backup_keep: u32,
    /// How many names an organization may have, usage of more is counted as "Other names": project=10000,
    /// apiKey=1000000, model=10000, provider=1000, source=10000, combination=4000000, member=100000, or some of these
    #[arg(long, value_name = "KIND=N,...", env = "ROLLCALL_MAX_NAMES", value_parser = name_limits)]
    max_names: Option<NameLimits>,
    #[command(flatten)]
    prices: PriceArguments,
    #[command(flatten)]
    zones: ZoneArguments,
    /// Tell other programs of each day and of budgets that are reached: see docs/webhooks.md
    #[arg(long, value_name = "FILE", env = "ROLLCALL_WEBHOOKS")]
    webhooks: Option<PathBuf>,
    /// Hosts that owners and admins may have alerts sent to, also where they are private: names, addresses, or *. and a
    /// name, joined by commas; any of the internet when absent. See docs/alerts.md
    #[arg(long, value_name = "HOST,...", env = "ROLLCALL_ALERT_HOSTS", value_parser = AlertHosts::parse)]
    alert_hosts: Option<AlertHosts>,
    /// SMTP server that sends alerts and invitations: smtps://USER:PASSWORD@HOST, or smtp://HOST:PORT?tls=required
    #[arg(long, value_name = "URL", env = "ROLLCALL_SMTP", hide_env_values = true, requires = "smtp_from")]
    smtp: Option<String>,
    /// Address that they are sent from
    #[arg(long, value_name = "ADDRESS", env = "ROLLCALL_SMTP_FROM")]
    smtp_from: Option<String>,
    /// What to decide on calls with API keys that nobody has told of: see docs/budgets.md
    #[arg(long, value_name = "WHAT", env = "ROLLCALL_UNKNOWN_KEYS", value_enum, default_value_t = UnknownKeys::Allow)]
    unknown_keys: UnknownKeys,
    /// Sites whose pages may read answers, with tokens of their own: origins such as `https://app.example.com` joined by
    /// commas, or *; none when left out
    #[arg(long, value_name = "ORIGIN,...", env = "ROLLCALL_CORS_ORIGIN", value_parser = Origins::parse)]
    cors_origin: Option<Origins>,
    /// Have cost and requests of the N projects that cost most, 100 when no number is given, and of the others together as
    /// metrics at /metrics/usage. See docs/operations.md
    #[arg(long, value_name = "N", env = "ROLLCALL_USAGE_METRICS", num_args = 0..=1, default_missing_value = "100")]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=10_000))]
    usage_metrics: Option<u32>,
    /// Keep the tables of a ClickHouse cluster in step with the store: `clickhouse://USER:PASSWORD@HOST/DATABASE`, see
    /// rollcall cluster and docs/scale.md
    #[arg(long, value_name = "URL", env = "ROLLCALL_SHIP_TO", hide_env_values = true)]
    ship_to: Option<String>,
    /// Write logs as JSON
    #[arg(long, env = "ROLLCALL_LOG_JSON", value_parser = clap::builder::FalseyValueParser::new())]
    log_json: bool,
    #[command(flatten)]
    sign_in: sign_in::Arguments,
    #[command(flatten)]
    look: look::Arguments,
}

/// What becomes of calls with API keys that are not known.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum UnknownKeys {
    /// They are allowed, within the budgets of their organization
    Allow,
    /// They are refused
    Refuse,
}

/// Reads limits of names; those that are not named stay as they are.
fn name_limits(text: &str) -> Result<NameLimits, String> {
    let mut limits = NameLimits::default();
    for part in text.split(',') {
        let (kind, number) = part.split_once('=').ok_or_else(|| format!("'{part}' is not KIND=N"))?;
        let limit = match kind.trim() {
            "project" => &mut limits.projects,
            "apiKey" => &mut limits.api_keys,
            "model" => &mut limits.models,
            "provider" => &mut limits.providers,
            "source" => &mut limits.sources,
            "combination" => &mut limits.combinations,
            "member" => &mut limits.members,
            other => {
                return Err(format!(
                    "'{other}' is no kind of name; allowed are project, apiKey, model, provider, source, combination \
                     and member"
                ));
            }
        };
        let number = number.trim();
        *limit =
            number.parse().ok().filter(|limit| MAX_NAMES.contains(limit)).ok_or_else(|| {
                format!("{kind} is '{number}'; allowed are {} to {}", MAX_NAMES.start(), MAX_NAMES.end())
            })?;
    }
    Ok(limits)
}

pub fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let _logs = start_logs(arguments.log_json);
    arguments.zones.install()?;
    let prices = arguments.prices.book()?;
    let sign_in = arguments.sign_in.settings()?;
    let look = arguments.look.look()?.with_sign_in(sign_in::ways(&sign_in));
    let tls = arguments.tls_cert.as_ref().zip(arguments.tls_key.as_ref());
    let tls = tls.map(|(certificate, key)| Tls::new(certificate, key).map(Arc::new)).transpose()?;
    let reread_by = |app: &App| {
        let (certificate, prices, zones) = (tls.clone(), arguments.prices.clone(), arguments.zones.clone());
        app.reread_by(Box::new(move |app| reread(app, certificate.as_deref(), &prices, &zones)));
        if let Some(origins) = arguments.cors_origin.clone() {
            app.answers_pages_of(origins);
        }
    };
    if let Some(url) = &arguments.answers_from {
        let cluster = answering::Cluster::at(url)?;
        let app = App::new(cluster.engine()?, prices, look, (arguments.max_body_mib as usize) << 20);
        app.signs_in_by(sign_in);
        reread_by(&app);
        return cluster.serve(&app, arguments.listen, tls.clone());
    }
    let webhooks = arguments.webhooks.as_deref().map(webhook::read).transpose()?.unwrap_or_default();
    let mail = || {
        let server = arguments.smtp.as_ref().zip(arguments.smtp_from.as_ref());
        server.map(|(url, from)| Mail::new(url, from)).transpose().map_err(Failure)
    };
    let (mail, invites) = (mail()?, mail()?);
    let ship_to = arguments.ship_to.as_deref().map(Address::parse).transpose()?.map(Client::new).transpose()?;
    let directory = arguments.data_dir.as_ref().expect("clap requires it of whoever keeps something");
    fs::create_dir_all(directory).map_err(|e| Failure(format!("{}: {e}", directory.display())))?;
    let engine = Engine::open_within(directory, arguments.max_names.unwrap_or_default(), system_clock())
        .map_err(|e| Failure(format!("the store in {} cannot be opened: {e}", directory.display())))?;
    let engine = Arc::new(engine);
    let (token, place) = operator_token(directory)?;
    if !http::set_operator_token(&engine, token.trim())? {
        tracing::warn!("the operator's token in {place} was revoked, and stays so: another one is in use");
    }
    let backups = arguments.backup_dir.as_ref().map(|directory| {
        let plan = BackupPlan {
            directory: directory.clone(),
            every: arguments.backup_every,
            keep: arguments.backup_keep as usize,
            stamp: http::backup_stamp,
        };
        let started = BackupSchedule::start(engine.clone(), plan);
        started.map_err(|e| Failure(format!("backups cannot be made in {}: {e}", directory.display())))
    });
    let backups = backups.transpose()?;
    let address_file = directory.join(ADDRESS_FILE);
    let scheme = if tls.is_some() { "https" } else { "http" };
    tracing::info!("zone rules {}; {}", ZoneDatabase::current().edition(), prices.list());
    let app = App::new(engine, prices, look, (arguments.max_body_mib as usize) << 20);
    app.signs_in_by(sign_in);
    if let Some(mail) = invites {
        app.sends_mail_by(Box::new(move |to, id, subject, text| mail.send(to, id, subject, text)));
    }
    http::settle_groups(&app)?;
    app.refuses_unknown_keys.store(arguments.unknown_keys == UnknownKeys::Refuse, Ordering::Relaxed);
    reread_by(&app);
    if let Some(backup_dir) = &arguments.backup_dir {
        // As whoever reads them may be elsewhere.
        let whole = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
        app.backs_up_into(BackupPlace { directory: whole(backup_dir), data_dir: whole(directory) });
    }
    let hosts = arguments.alert_hosts.clone().unwrap_or_default();
    app.sends_alerts_to(hosts.clone());
    if let Some(projects) = arguments.usage_metrics {
        app.measures_usage_of(projects as usize);
    }
    let channels = Channels { sender: Sender::new(hosts), mail };
    let served = run_server(&app, arguments.listen, tls.clone(), |address| {
        fs::write(&address_file, format!("{scheme}://{address}\n"))?;
        tracing::info!(%address, store = %directory.display(), "listening");
        let alerts = Alerts::start(&app, channels, Pace::of_alerts())?;
        let shipper = ship_to.map(|client| {
            let (engine, location) = (app.engine.clone(), cluster::location(directory));
            Shipper::start(engine, client, &location, &format!("{scheme}://{address}"))
        });
        let shipper = shipper.transpose()?;
        shipper.iter().for_each(|shipper| app.ships(shipper.ships()));
        Ok((Webhooks::start(&app, &webhooks, Pace::default())?, alerts, shipper))
    });
    drop(backups);
    let _ = fs::remove_file(&address_file);
    served.map(|()| ExitCode::SUCCESS)
}

/// Takes what has changed on disk into use, each file as a whole or not at all, and says why of those that it did not.
fn reread(app: &App, tls: Option<&Tls>, prices: &PriceArguments, zones: &ZoneArguments) -> Vec<String> {
    let mut refused = Vec::new();
    let mut refuse = |what: &str, error: String| {
        tracing::error!(error, "{what}");
        refused.push(format!("{what}: {error}"));
    };
    // Used from the next connection on.
    match tls.map(Tls::reread) {
        Some(Ok(())) => tracing::info!("read the certificate again"),
        Some(Err(error)) => refuse("the certificate in use stays", error.to_string()),
        None => {}
    }
    match zones.install() {
        Ok(()) => tracing::info!("zone rules {}", ZoneDatabase::current().edition()),
        Err(error) => refuse("the zone rules in use stay", error.to_string()),
    }
    match prices.book() {
        Ok(book) => {
            tracing::info!("{}", book.list());
            app.set_prices(book);
        }
        Err(error) => refuse("the prices in use stay", error.to_string()),
    }
    refused
}
