//! `/v1/cluster`: what an operator may ask of a server that ships to a cluster.

pub mod wire;

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;

use self::wire::{ClusterAudit, ClusterDifference, ClusterSums};
use super::access::Caller;
use super::problem::{Problem, ProblemBody};
use super::render::usd;
use super::{App, on_a_thread};
use crate::cluster::{Difference, Sums};
use crate::engine::Note;

/// Shipping a large store takes minutes.
const PATIENCE: Duration = Duration::from_secs(3600);

/// Compares the cluster's sums of each organization and UTC month with the store's, and ships again what differs.
///
/// Operator only, of a server that ships to a cluster (`--ship-to`). What was acknowledged before is shipped first. The
/// server does this by itself once a day.
#[utoipa::path(
    post, path = "/v1/cluster/audit", tag = "maintenance",
    responses(
        (status = 200, body = ClusterAudit),
        (status = 409, body = ProblemBody, content_type = "application/problem+json", description = "It ships to none"),
        (status = 503, body = ProblemBody, content_type = "application/problem+json", description = "The cluster is away"),
    ),
)]
pub async fn audit(State(app): State<App>, caller: Caller) -> Result<Json<ClusterAudit>, Problem> {
    compare(app, caller, false).await
}

/// Ships everything again, and compares then.
///
/// Operator only, of a server that ships to a cluster (`--ship-to`).
#[utoipa::path(
    post, path = "/v1/cluster/ship-all", tag = "maintenance",
    responses(
        (status = 200, body = ClusterAudit),
        (status = 409, body = ProblemBody, content_type = "application/problem+json", description = "It ships to none"),
        (status = 503, body = ProblemBody, content_type = "application/problem+json", description = "The cluster is away"),
    ),
)]
pub async fn ship_all(State(app): State<App>, caller: Caller) -> Result<Json<ClusterAudit>, Problem> {
    compare(app, caller, true).await
}

async fn compare(app: App, caller: Caller, everything: bool) -> Result<Json<ClusterAudit>, Problem> {
    caller.require_operator()?;
    let note = Note::new(&caller.token_id, if everything { "ship-all" } else { "ship-audit" });
    // Its snapshot would keep pages from being free.
    drop(caller);
    let Some(ships) = app.shipping.get().cloned() else {
        let why = "this server ships to no cluster; start it with --ship-to";
        return Err(Problem::new(StatusCode::CONFLICT, why));
    };
    app.engine.note(note)?.answer().await?;
    let found = on_a_thread(move || {
        let found = ships.compare(everything, PATIENCE);
        found.map_err(|error| Problem::new(StatusCode::SERVICE_UNAVAILABLE, error))
    });
    Ok(Json(ClusterAudit { differences: found.await?.into_iter().map(body).collect() }))
}

fn body(difference: Difference) -> ClusterDifference {
    let sums = |of: Sums| {
        let count = |value: u128| u64::try_from(value).unwrap_or(u64::MAX);
        ClusterSums { request_count: count(of.requests), total_tokens: count(of.tokens), cost: usd(of.cost.0) }
    };
    ClusterDifference {
        organization_id: difference.organization,
        month: difference.month.to_string()[..7].to_owned(),
        node: sums(difference.node),
        cluster: sums(difference.cluster),
    }
}
