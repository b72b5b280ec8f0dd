//! `rollcall serve --answers-from`: a server that keeps nothing.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use super::operator_token::operator_token_of_environment;
use super::running::run_server;
use super::{Failure, system_clock};
use crate::cluster::{self, Address, Client, ClusterError, Follower};
use crate::engine::Engine;
use crate::http::{self, App, Tls};
use crate::store::caught;

/// How often the cluster is asked for news. What a node acknowledged is to be there within five seconds.
const LOOK: Duration = Duration::from_secs(1);

/// The cluster that is answered from, and the operator's token.
pub struct Cluster {
    client: Client,
    operator_token: String,
}

impl Cluster {
    /// Refuses a cluster that is not one of ours, or does not let us in. One that is away may come back.
    pub fn at(url: &str) -> Result<Cluster, Failure> {
        let address = Address::parse(url).map_err(|error| Failure(format!("--answers-from: {error}")))?;
        let token = operator_token_of_environment()?.ok_or_else(|| {
            Failure(
                "ROLLCALL_OPERATOR_TOKEN is not set: a server that keeps nothing has no other operator's token".into(),
            )
        })?;
        let client = Client::new(address)?;
        match cluster::check(&client) {
            Ok(()) => {}
            Err(error @ ClusterError::Unreachable { .. }) => {
                tracing::warn!(%error, "no answers until the cluster is there")
            }
            Err(error) => return Err(Failure(format!("cannot answer from {}: {error}", client.address()))),
        }
        Ok(Cluster { client, operator_token: token.0 })
    }

    /// An engine that shows what the cluster has.
    pub fn engine(&self) -> Result<Arc<Engine>, Failure> {
        let (token, clock) = (self.operator_token.clone(), system_clock());
        let now = clock.clone();
        let prepare = move |directory| http::with_operator_token(directory, &token, now());
        let follower = Follower::new(self.client.clone(), Box::new(prepare)).map_err(|e| Failure(e.to_string()))?;
        let nothing = follower.nothing().map_err(|e| Failure(e.to_string()))?;
        Ok(Arc::new(Engine::follow(Arc::new(follower), nothing, clock)))
    }

    pub fn serve(&self, app: &App, listen: SocketAddr, tls: Option<Arc<Tls>>) -> Result<ExitCode, Failure> {
        app.signs_cookies_by(&self.operator_token);
        let _ = app.engine.look_again();
        let engine = Arc::downgrade(&app.engine);
        let looking = move || {
            let mut last = None;
            while let Some(engine) = engine.upgrade() {
                let failure = caught(|| engine.look_again()).and_then(|looked| looked).err();
                drop(engine);
                if failure != last {
                    match &failure {
                        Some(error) => tracing::warn!(error, "cannot follow the cluster"),
                        None => tracing::info!("following the cluster"),
                    }
                    last = failure;
                }
                std::thread::sleep(LOOK);
            }
        };
        std::thread::Builder::new().name("cluster".into()).spawn(looking)?;
        run_server(app, listen, tls, |address| {
            tracing::info!(%address, cluster = %self.client.address(), "listening");
            Ok(())
        })
        .map(|()| ExitCode::SUCCESS)
    }
}
