//! How shipping is doing, for whoever watches it, and asking for more.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::audit::Difference;
use crate::model::UnixMs;

/// What whoever ships is asked: to compare sums, after it has shipped everything again or not.
pub(super) struct Wanted {
    pub everything: bool,
    pub answer: Sender<Result<Vec<Difference>, String>>,
}

/// How shipping is doing, and asking for more.
pub struct Ships {
    pub(super) wanted: Mutex<Sender<Wanted>>,
    pub(super) is_stopping: AtomicBool,
    started_ms: AtomicU64,
    /// All that was acknowledged up to this moment is on every shard; 0 until a first time all is.
    pub(super) committed_at_ms: AtomicU64,
    /// Commits that touched something, and are not on every shard.
    pub(super) behind: AtomicU64,
    failures: AtomicU64,
    pub(super) refused: AtomicU64,
    /// Months that differed when sums were last compared.
    pub(super) differing: AtomicU64,
    error: Mutex<Option<String>>,
}

impl Ships {
    pub(super) fn new(now: UnixMs, wanted: Sender<Wanted>) -> Ships {
        Ships {
            wanted: Mutex::new(wanted),
            is_stopping: AtomicBool::new(false),
            started_ms: AtomicU64::new(now.max(0) as u64),
            committed_at_ms: AtomicU64::new(0),
            behind: AtomicU64::new(0),
            failures: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            differing: AtomicU64::new(0),
            error: Mutex::new(None),
        }
    }

    /// For how long nothing, or not all, came to the cluster.
    pub fn lag_seconds(&self, now: UnixMs) -> u64 {
        let since = self.committed_at_ms.load(Ordering::Relaxed).max(self.started_ms.load(Ordering::Relaxed));
        (now.max(0) as u64).saturating_sub(since) / 1000
    }

    pub fn commits_behind(&self) -> u64 {
        self.behind.load(Ordering::Relaxed)
    }

    /// Passes that failed.
    pub fn failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }

    /// Organizations that another node owns.
    pub fn refused_organizations(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// Months of which the cluster had something else when sums were last compared.
    pub fn differing_months(&self) -> u64 {
        self.differing.load(Ordering::Relaxed)
    }

    /// Compares the cluster's sums with the store's, after everything was shipped again or not, and gives the months that
    /// differ; they are then shipped again. Waits until that is done; why it could not be, otherwise.
    pub fn compare(&self, everything: bool, patience: Duration) -> Result<Vec<Difference>, String> {
        let (answer, compared) = channel();
        let wanted = self.wanted.lock().unwrap_or_else(PoisonError::into_inner).send(Wanted { everything, answer });
        wanted.map_err(|_| "the server is stopping".to_owned())?;
        compared.recv_timeout(patience).unwrap_or_else(|_| Err(format!("it took more than {} s", patience.as_secs())))
    }

    /// Why the last pass failed, if it did.
    pub fn error(&self) -> Option<String> {
        self.error.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn note(&self, error: Option<String>) {
        let mut last = self.error.lock().unwrap_or_else(PoisonError::into_inner);
        if error.is_some() {
            self.failures.fetch_add(1, Ordering::Relaxed);
        }
        if *last != error {
            match &error {
                Some(error) => {
                    tracing::warn!(error, "nothing is shipped to the cluster, or not all; it is tried again")
                }
                None => tracing::info!("all is shipped to the cluster"),
            }
            *last = error;
        }
    }
}
