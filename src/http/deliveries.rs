//! What became of webhooks, for `/metrics`.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::metrics::exposition::{Exposition, Kind};

/// What became of one webhook's events of one type, since the start.
#[derive(Debug, Default)]
pub struct Deliveries {
    pub delivered: AtomicU64,
    /// Tries that failed.
    pub failed: AtomicU64,
    /// When the first try failed at what is being tried still, in Unix seconds; 0 when nothing is.
    pub failing_since_unix_s: AtomicU64,
}

/// All of them, by the names of webhooks.
#[derive(Debug, Default)]
pub struct AllDeliveries(Mutex<Vec<(String, Arc<Deliveries>)>>);

impl AllDeliveries {
    /// Begins to count those of a webhook's events of one type.
    pub fn count(&self, webhook: &str) -> Arc<Deliveries> {
        let deliveries = Arc::<Deliveries>::default();
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.push((webhook.to_owned(), deliveries.clone()));
        deliveries
    }

    /// Appends the counters.
    pub(super) fn write(&self, out: &mut Exposition) {
        let mut webhooks: BTreeMap<String, (u64, u64, Option<u64>)> = BTreeMap::new();
        for (webhook, deliveries) in &*self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
            let (delivered, failed, since) = webhooks.entry(webhook.clone()).or_default();
            *delivered += read(&deliveries.delivered);
            *failed += read(&deliveries.failed);
            let oldest = [*since, Some(read(&deliveries.failing_since_unix_s)).filter(|since| *since > 0)];
            *since = oldest.into_iter().flatten().min();
        }
        let mut family = out.family(Kind::Counter, "rollcall_webhook_deliveries_total", "Tries to deliver webhooks.");
        for (webhook, (delivered, failed, _)) in &webhooks {
            family.sample(&[("webhook", webhook), ("outcome", "delivered")], delivered);
            family.sample(&[("webhook", webhook), ("outcome", "failed")], failed);
        }
        let help = "Since when a webhook cannot be delivered; 0 when nothing waits.";
        let mut family = out.family(Kind::Gauge, "rollcall_webhook_failing_since_timestamp_seconds", help);
        for (webhook, (_, _, since)) in &webhooks {
            family.sample(&[("webhook", webhook)], since.unwrap_or_default());
        }
    }
}
