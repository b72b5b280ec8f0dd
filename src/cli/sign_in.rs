//! How people sign in besides with tokens: arguments of `serve`, and the files they name.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::Args;

use super::Failure;
use super::durations::duration;
use crate::http::SignInSettings;
use crate::http::wire::SignInWays;
use crate::signin::{is_private, read_providers, read_proxy};

/// Ten thousand groups are two.
const MAX_FILE_BYTES: u64 = 16 << 20;

#[derive(Args)]
#[command(next_help_heading = "Signing in")]
// clap names a group after the type, and the command's own arguments have that name.
#[group(skip)]
pub struct Arguments {
    /// Have people sign in by providers of OpenID Connect: see docs/sign-in.md
    #[arg(long, value_name = "FILE", env = "ROLLCALL_OIDC")]
    oidc: Option<PathBuf>,
    /// Believe a proxy that has people sign in, such as for SAML: see docs/sign-in.md
    #[arg(long, value_name = "FILE", env = "ROLLCALL_TRUSTED_PROXY")]
    trusted_proxy: Option<PathBuf>,
    /// How long somebody stays signed in at most: a number and s, m, h or d
    #[arg(long, value_name = "TIME", env = "ROLLCALL_SESSION_MAX", default_value = "30d", value_parser = duration)]
    session_max: Duration,
    /// How long somebody stays signed in who does nothing
    #[arg(long, value_name = "TIME", env = "ROLLCALL_SESSION_IDLE", default_value = "7d", value_parser = duration)]
    session_idle: Duration,
    /// Where browsers find this server, if that is not what their requests name, such as `https://rollcall.example`
    #[arg(long, value_name = "URL", env = "ROLLCALL_PUBLIC_URL", value_parser = public_url)]
    public_url: Option<String>,
}

impl Arguments {
    pub fn settings(&self) -> Result<SignInSettings, Failure> {
        let providers = self.oidc.as_deref().map(|path| read(path, read_providers)).transpose()?;
        let proxy = self.trusted_proxy.as_deref().map(|path| read(path, read_proxy)).transpose()?;
        let ms = |time: Duration| i64::try_from(time.as_millis()).expect("a year at most");
        let settings = SignInSettings::new(ms(self.session_max), ms(self.session_idle));
        let providers = providers.into_iter().flatten().map(Arc::new).collect();
        Ok(settings.with(providers, proxy, self.public_url.clone()))
    }
}

/// What the sign-in page has to know.
pub fn ways(settings: &SignInSettings) -> Option<SignInWays> {
    let providers: Vec<String> = settings.providers.iter().map(|provider| provider.name().to_owned()).collect();
    (!providers.is_empty()).then(|| SignInWays { providers, user_tokens: !settings.enforces() })
}

fn read<T>(path: &Path, parse: impl Fn(&str) -> Result<T, String>) -> Result<T, Failure> {
    let wrong = |why: String| Failure(format!("{}: {why}", path.display()));
    let mut text = String::new();
    let file = File::open(path).map_err(|e| wrong(e.to_string()))?;
    file.take(MAX_FILE_BYTES + 1).read_to_string(&mut text).map_err(|e| wrong(e.to_string()))?;
    if text.len() as u64 > MAX_FILE_BYTES {
        return Err(wrong(format!("it has more than {} MiB", MAX_FILE_BYTES >> 20)));
    }
    parse(&text).map_err(wrong)
}

/// An address without a path.
fn public_url(text: &str) -> Result<String, String> {
    let origin = text.strip_suffix('/').unwrap_or(text);
    let host = origin.split_once("://").map(|(_, host)| host);
    let whole = host.is_some_and(|host| !host.is_empty() && !host.contains(['/', '?', '#', '@', ' ']));
    // In the clear on this machine alone: a session cookie would be anybody's.
    if whole && is_private(origin) {
        return Ok(origin.to_owned());
    }
    Err(format!("'{text}' must be https:// and a host (http:// when it is on this machine), and nothing after it"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_public_address_is_a_host_that_browsers_reach_safely() {
        let check =
            |text: &str, expected: Option<&str>| assert_eq!(public_url(text).ok().as_deref(), expected, "{text}");
        check("https://rollcall.example", Some("https://rollcall.example"));
        check("https://rollcall.example:8443/", Some("https://rollcall.example:8443"));
        check("http://127.0.0.1:8787", Some("http://127.0.0.1:8787"));
        for wrong in [
            "",
            "rollcall.example",
            "http://rollcall.example",
            "https://",
            "https://a.example/b",
            "https://a@b.example",
            "https://a.example?b",
        ] {
            check(wrong, None);
        }
    }
}
