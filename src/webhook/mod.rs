//! Webhooks and alerts: other programs and people are told of each day's usage, of budgets that are reached, and of
//! whatever else somebody wants to hear of.
//!
//! Owns the operator's file of webhooks, what is due when, of it and of alerts, the forms of chats and mail, and trying
//! until it is acknowledged.
//!
//! Does not know how questions are answered or how it is kept what was acknowledged, and takes the engine's clock.
//!
//! Invariants: an event has the same id however often it is sent; it is sent until it is acknowledged or too old to be
//! caught up; no receiver waits for another; a secret is in signatures and nowhere else.

mod alerts;
mod chat;
mod file;
mod mail;
mod message;
mod watch;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender as Stop, channel};
use std::time::Duration;

pub use alerts::{Alerts, Channels};
pub use file::{Webhook, parse};
pub use mail::Mail;
pub use message::{Message, Sender, is_acknowledged};
pub use watch::{Due, Watch};

use crate::http::{AlertHosts, App, Deliveries};
use crate::store::caught;

/// How long a stop waits for a delivery under way. One that is not acknowledged until then is repeated after the start.
const STOP: Duration = Duration::from_secs(1);

/// How often is looked, and tried again. Tests are in more of a hurry than receivers.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    pub look: Duration,
    /// After a failure; doubled after each that follows.
    pub first_retry: Duration,
    pub longest_retry: Duration,
}

impl Pace {
    /// Of alerts: budgets are told of within a minute, and a message may take some of it.
    pub fn of_alerts() -> Pace {
        Pace { look: Duration::from_secs(10), ..Pace::default() }
    }
}

impl Default for Pace {
    fn default() -> Pace {
        Pace {
            look: Duration::from_secs(60),
            first_retry: Duration::from_secs(5),
            longest_retry: Duration::from_secs(3600),
        }
    }
}

/// Webhooks being delivered, until dropped.
pub struct Webhooks {
    stops: Vec<Stop<()>>,
    ended: Receiver<()>,
}

impl Webhooks {
    /// Starts a thread for each webhook and type of event.
    pub fn start(app: &App, webhooks: &[Arc<Webhook>], pace: Pace) -> std::io::Result<Webhooks> {
        let sender = Sender::new(AlertHosts::default());
        let (ending, ended) = channel::<()>();
        let mut stops = Vec::new();
        for webhook in webhooks {
            for subject in &webhook.subjects {
                let watch = Watch::new(app.clone(), webhook.clone(), subject.clone()).map_err(std::io::Error::other)?;
                let deliveries = app.deliveries.count(&webhook.receiver.name);
                let (stop, stopped) = channel();
                stops.push(stop);
                let delivery = Delivery { watch, sender: sender.clone(), deliveries, pace, retry: pace.first_retry };
                // Gone with the thread, however that ends.
                let ending = ending.clone();
                let run = move || {
                    let _ending = ending;
                    delivery.run(&stopped);
                };
                std::thread::Builder::new().name("webhook".into()).spawn(run)?;
            }
        }
        Ok(Webhooks { stops, ended })
    }
}

impl Drop for Webhooks {
    fn drop(&mut self) {
        self.stops.clear();
        // All are gone, or it has waited long enough.
        let _ = self.ended.recv_timeout(STOP);
    }
}

/// One kind of event of one webhook, being delivered.
struct Delivery {
    watch: Watch,
    sender: Sender,
    deliveries: Arc<Deliveries>,
    pace: Pace,
    retry: Duration,
}

impl Delivery {
    fn run(mut self, stopped: &Receiver<()>) {
        loop {
            let wait = self.step();
            match stopped.recv_timeout(wait) {
                Err(RecvTimeoutError::Timeout) => {}
                _ => return,
            }
        }
    }

    /// Sends what is due, if there is anything. How long to wait before the next.
    fn step(&mut self) -> Duration {
        let sent = caught(|| self.send()).and_then(|sent| sent);
        self.save();
        match sent {
            Ok(sent) => {
                self.deliveries.failing_since_unix_s.store(0, Ordering::Relaxed);
                self.retry = self.pace.first_retry;
                self.deliveries.delivered.fetch_add(u64::from(sent), Ordering::Relaxed);
                if sent { Duration::ZERO } else { self.pace.look }
            }
            Err(error) => {
                self.warn(&error, "a webhook could not be delivered and is tried again");
                self.deliveries.failed.fetch_add(1, Ordering::Relaxed);
                let now = (self.watch.engine().now() / 1000).max(1) as u64;
                let since = &self.deliveries.failing_since_unix_s;
                let _ = since.compare_exchange(0, now, Ordering::Relaxed, Ordering::Relaxed);
                let wait = self.retry;
                self.retry = (wait * 2).min(self.pace.longest_retry);
                wait
            }
        }
    }

    /// Whether there was something due, and it was acknowledged.
    fn send(&mut self) -> Result<bool, String> {
        let due = self.watch.due()?;
        // Where a new webhook begins is on disk before anything is sent, so that a restart begins there as well.
        self.save();
        let Some(due) = due else { return Ok(false) };
        let now = self.watch.engine().now();
        let status = self.sender.send(&self.watch.webhook().receiver, &due.message, now).map_err(|e| e.to_string())?;
        if !is_acknowledged(status) {
            return Err(format!("it was answered {status}"));
        }
        self.watch.acknowledge(&due);
        tracing::info!(webhook = self.watch.webhook().receiver.name, id = due.message.id, "delivered a webhook");
        Ok(true)
    }

    fn save(&mut self) {
        if let Err(error) = self.watch.save() {
            // It is known here until it is written; a restart before that would repeat an event.
            self.warn(&error, "what a webhook's receiver has acknowledged could not be written");
        }
    }

    fn warn(&self, error: &dyn std::fmt::Display, what: &str) {
        let (webhook, kind) = (&self.watch.webhook().receiver.name, self.watch.kind());
        tracing::warn!(webhook, kind, %error, "{what}");
    }
}
