//! Places for connections: who gets one when they are all taken.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::ops::Deref;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// What counts as one source: an IPv6 network is as easily had as an address.
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
        address => address,
    }
}

/// Connections that are open. When there is no place for another, the one that has been idle the longest gives way,
/// of the source that has most. What a request is under way on stays.
pub struct Places {
    connections: usize,
    /// One source leaves some to others.
    of_one_source: usize,
    open: Mutex<Open>,
    freed: Notify,
    /// How many requests have ended: which of two connections has been idle for longer.
    ended: Arc<AtomicU64>,
}

#[derive(Default)]
struct Open {
    held: Vec<Arc<Held>>,
    /// How many of them each source has. In each of its places as well, where it is found without looking.
    of: HashMap<IpAddr, Arc<AtomicUsize>>,
}

pub struct Held {
    source: IpAddr,
    of_source: Arc<AtomicUsize>,
    /// Of [`Places::ended`], or [`BUSY`].
    idle_since: AtomicU64,
    ended: Arc<AtomicU64>,
    /// Told when the connection is to give way.
    leave: Notify,
}

const BUSY: u64 = u64::MAX;
/// Idle, and told to give way.
const LEAVING: u64 = u64::MAX - 1;

impl Places {
    pub fn new(connections: usize) -> Arc<Places> {
        let of_one_source = connections - connections / 4;
        Arc::new(Places {
            connections,
            of_one_source,
            open: Mutex::default(),
            freed: Notify::new(),
            ended: Arc::default(),
        })
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place, if there is one for this source.
    pub fn take(self: &Arc<Self>, source: IpAddr) -> Option<Place> {
        let mut open = self.open();
        if open.held.len() >= self.connections || open.of(source) >= self.of_one_source {
            return None;
        }
        let of_source = open.of.entry(source).or_default().clone();
        of_source.fetch_add(1, Ordering::Relaxed);
        let place = Arc::new(Held {
            source,
            of_source,
            idle_since: AtomicU64::new(self.ended.fetch_add(1, Ordering::Relaxed)),
            ended: self.ended.clone(),
            leave: Notify::new(),
        });
        open.held.push(place.clone());
        Some(Place { held: place, places: self.clone() })
    }

    /// A place as soon as one is free, for which somebody who is idle is asked to leave.
    pub async fn wait(self: &Arc<Self>, source: IpAddr) -> Place {
        self.ask_one_to_leave(source);
        loop {
            let mut freed = std::pin::pin!(self.freed.notified());
            freed.as_mut().enable();
            match self.take(source) {
                Some(place) => return place,
                None => freed.await,
            }
        }
    }

    fn ask_one_to_leave(&self, source: IpAddr) {
        let open = self.open();
        let own = open.of(source) >= self.of_one_source;
        let idle_since = |held: &Held| held.idle_since.load(Ordering::Acquire);
        let idle = open.held.iter().filter(|other| idle_since(other) < LEAVING && (!own || other.source == source));
        let longest = idle.max_by_key(|other| (other.of_source.load(Ordering::Relaxed), Reverse(idle_since(other))));
        if let Some(longest) = longest {
            longest.idle_since.store(LEAVING, Ordering::Release);
            longest.leave.notify_one();
        }
    }
}

impl Open {
    fn of(&self, source: IpAddr) -> usize {
        self.of.get(&source).map_or(0, |of| of.load(Ordering::Relaxed))
    }

    fn leave(&mut self, place: &Arc<Held>) {
        self.held.retain(|held| !Arc::ptr_eq(held, place));
        if place.of_source.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.of.remove(&place.source);
        }
    }
}

impl Held {
    /// Resolves when somebody else needs the place.
    pub async fn asked_to_leave(&self) {
        self.leave.notified().await;
    }

    pub fn is_busy(&self) -> bool {
        self.idle_since.load(Ordering::Acquire) == BUSY
    }

    /// A request is under way until the result is dropped.
    pub fn request(self: &Arc<Self>) -> Request {
        self.idle_since.store(BUSY, Ordering::Release);
        Request(self.clone())
    }
}

pub struct Request(Arc<Held>);

impl Drop for Request {
    fn drop(&mut self) {
        let ended = self.0.ended.fetch_add(1, Ordering::Relaxed);
        self.0.idle_since.store(ended, Ordering::Release);
    }
}

/// A place that is free again when this is dropped.
pub struct Place {
    held: Arc<Held>,
    places: Arc<Places>,
}

impl Deref for Place {
    type Target = Arc<Held>;

    fn deref(&self) -> &Arc<Held> {
        &self.held
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.open().leave(&self.held);
        self.places.freed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    #[test]
    fn a_network_of_ipv6_is_one_source() {
        for (one, other, same) in [
            ("2001:db8::1", "2001:db8::2:1", true),
            ("2001:db8::1", "2001:db8:0:1::1", false),
            ("192.0.2.1", "::ffff:192.0.2.1", true),
            ("192.0.2.1", "192.0.2.2", false),
        ] {
            let network = |text: &str| network(text.parse().unwrap());
            assert_eq!(network(one) == network(other), same, "{one} {other}");
        }
    }

    #[tokio::test]
    async fn the_longest_idle_of_the_source_with_most_gives_way() {
        let places = Places::new(4);
        let mut held = Vec::new();
        for from in [1, 2, 1, 2] {
            held.push(places.take(source(from)).unwrap());
        }
        let request = held[0].request();
        assert!(places.take(source(3)).is_none());
        let waiting = tokio::spawn({
            let places = places.clone();
            async move { places.wait(source(3)).await }
        });
        // Both have two; of those that are idle the second has been so the longest.
        held[1].asked_to_leave().await;
        assert!(!held[1].is_busy() && held[0].is_busy());
        drop(held.remove(1));
        let third = waiting.await.unwrap();
        // Now the first source has most, and one of its two is busy.
        let waiting = tokio::spawn({
            let places = places.clone();
            async move { places.wait(source(3)).await }
        });
        held[1].asked_to_leave().await;
        drop(held.remove(1));
        drop((waiting.await.unwrap(), request, third));
    }

    #[tokio::test]
    async fn one_source_cannot_take_all_places() {
        let places = Places::new(8);
        let held: Vec<_> = (0..6).map(|_| places.take(source(1)).unwrap()).collect();
        assert!(places.take(source(1)).is_none());
        let others = [places.take(source(2)).unwrap(), places.take(source(3)).unwrap()];
        // It gives way to itself, not others to it.
        let waiting = tokio::spawn({
            let places = places.clone();
            async move { places.wait(source(1)).await }
        });
        held[0].asked_to_leave().await;
        drop(held);
        drop((waiting.await.unwrap(), others));
    }
}
