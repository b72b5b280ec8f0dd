//! Requests to providers: each limited in time, and its answer in size.

use std::time::Duration;

use openidconnect::{HttpRequest, HttpResponse};
use ureq::tls::{Certificate, RootCerts, TlsConfig};

use super::private::{is_local, is_private};

/// Somebody waits at the page meanwhile.
const PATIENCE: Duration = Duration::from_secs(10);
/// Keys and tokens are some KB; a person in thousands of groups has some hundred.
const ANSWER_BYTES: u64 = 1 << 20;

/// Asks providers. A proxy of the environment is for what is not on this machine.
#[derive(Debug, Clone)]
pub struct Outgoing {
    local: ureq::Agent,
    elsewhere: ureq::Agent,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum OutgoingError {
    #[error("{0} is neither https nor on this machine")]
    InTheClear(String),
    #[error("{url} answered {status}")]
    Broken { url: String, status: u16 },
    #[error("{url}: {error}")]
    Failed { url: String, error: ureq::Error },
}

impl Outgoing {
    /// Asks whoever `authorities` vouch for or, without any, those who do for all.
    pub fn new(authorities: Option<&[Certificate<'static>]>) -> Outgoing {
        let tls = match authorities {
            Some(certificates) => TlsConfig::builder().root_certs(RootCerts::new_with_certs(certificates)).build(),
            None => TlsConfig::default(),
        };
        let config = || {
            ureq::Agent::config_builder()
                .tls_config(tls.clone())
                .http_status_as_error(false)
                // What a provider says is at the addresses that it has named.
                .max_redirects(0)
                .timeout_global(Some(PATIENCE))
                .user_agent(concat!("rollcall/", env!("CARGO_PKG_VERSION")))
        };
        Outgoing { local: config().proxy(None).build().into(), elsewhere: config().build().into() }
    }

    pub fn send(&self, request: HttpRequest) -> Result<HttpResponse, OutgoingError> {
        let url = request.uri().to_string();
        if !is_private(&url) {
            return Err(OutgoingError::InTheClear(url));
        }
        let agent = if is_local(&url) { &self.local } else { &self.elsewhere };
        let answer = agent.run(request).and_then(|response| {
            let (parts, mut body) = response.into_parts();
            let body = body.with_config().limit(ANSWER_BYTES).read_to_vec()?;
            Ok(HttpResponse::from_parts(parts, body))
        });
        match answer {
            Ok(answer) if answer.status().is_server_error() => {
                Err(OutgoingError::Broken { url, status: answer.status().as_u16() })
            }
            answer => answer.map_err(|error| OutgoingError::Failed { url, error }),
        }
    }
}
