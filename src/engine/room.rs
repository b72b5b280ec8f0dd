//! How much may wait to be written, and how much may wait for that.
//!
//! Counted in events and, for names and places in traces, in as many as take the same memory: 160 bytes each. Whoever waits is let
//! in by turn, so that a large batch is not overtaken by small ones for ever.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::model::{Batch, Event, KeptSpan};

/// Events that may wait to be written, over all requests: 160 MB.
const QUEUE_EVENTS: usize = 1_000_000;
/// Events whose senders wait for room in the queue: as much again.
const WAITING_EVENTS: usize = 1_000_000;
/// Senders that wait for room.
const WAITING_SENDERS: usize = 1000;

/// Memory of a combination of names beside their text.
const COMBINATION_BYTES: usize = 160;

/// Room in the queue that a request has until it is written.
pub(super) type Taken = OwnedSemaphorePermit;

pub(super) struct Room {
    queue: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
    senders: AtomicUsize,
}

/// One that waits, until it does no longer.
struct Waiting<'a>(&'a AtomicUsize);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Default for Room {
    fn default() -> Room {
        let [queue, waiting] = [QUEUE_EVENTS, WAITING_EVENTS].map(|events| Arc::new(Semaphore::new(events)));
        Room { queue, waiting, senders: AtomicUsize::new(0) }
    }
}

impl Room {
    /// Room for a batch, if there is some and nobody waits for it.
    pub fn take(&self, batch: &Batch) -> Option<Taken> {
        self.queue.clone().try_acquire_many_owned(weight(batch)).ok()
    }

    /// Waits for room; `None` when too much waits already, or the engine stops.
    pub async fn wait(&self, batch: &Batch) -> Option<Taken> {
        let weight = weight(batch);
        let place = weight.max((WAITING_EVENTS / WAITING_SENDERS) as u32);
        let _place = self.waiting.clone().try_acquire_many_owned(place).ok()?;
        self.senders.fetch_add(1, Ordering::Relaxed);
        let _waiting = Waiting(&self.senders);
        self.queue.clone().acquire_many_owned(weight).await.ok()
    }

    /// Senders that wait for room.
    pub fn senders(&self) -> usize {
        self.senders.load(Ordering::Relaxed)
    }

    /// Whether less than half of the queue is left.
    pub fn is_scarce(&self) -> bool {
        self.queue.available_permits() < QUEUE_EVENTS / 2
    }

    /// Ends all waiting.
    pub fn close(&self) {
        self.queue.close();
        self.waiting.close();
    }
}

/// What a batch takes, in events. One larger than the queue takes all of it, and so gets through when nothing else waits.
fn weight(batch: &Batch) -> u32 {
    let names: usize = batch
        .combinations
        .iter()
        .map(|names| {
            let texts = [&names.organization, &names.project, &names.api_key, &names.model, &names.provider];
            let source = names.source.as_ref().map_or(0, String::len);
            COMBINATION_BYTES + source + texts.iter().map(|text| text.len()).sum::<usize>()
        })
        .sum();
    let of_span = |span: &KeptSpan| size_of::<KeptSpan>() + 8 * span.hashes.count() + span.told.len();
    let spans: usize = batch.spans.values().flatten().map(of_span).sum();
    let events = batch.events.len() + (names + spans) / size_of::<Event>();
    events.clamp(1, QUEUE_EVENTS) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_takes_as_much_memory_as_is_said() {
        assert_eq!(size_of::<Event>(), 160);
    }
}
