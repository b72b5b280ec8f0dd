//! How long a group waits for more.
//!
//! Whatever is in it, a commit costs the same few hundred microseconds of processor and two syncs. Thousands of senders
//! that each post a little would pay that for two or three posts at a time. So a group waits, as long as requests come
//! in while others are committed: then there are several senders. One that waits for each answer before it sends more
//! never has a request in the queue when a commit ends, and never waits.

use std::time::{Duration, Instant};

/// From the end of one commit a group waits for more until this later. Two thousand posts a second are then twenty a
/// commit, and a commit's own cost is a tenth of theirs.
const AT_MOST: Duration = Duration::from_millis(10);
/// With this many requests, or events, a commit's own cost no longer shows.
const REQUESTS: usize = 32;
const EVENTS: usize = 256;

/// What the commits before say of how much there is to wait for.
#[derive(Debug, Default)]
pub(super) struct Gathering {
    /// How many requests were under way at the end of a commit: those it answered, whose senders may send again, and
    /// those that had come meanwhile. On the average of the last few, as one sender may cross another by chance.
    under_way: f64,
    committed: Option<Instant>,
}

impl Gathering {
    /// A commit has ended that answers some requests, while others have come.
    pub fn committed(&mut self, at: Instant, answered: usize, waiting: usize) {
        let under_way = (answered + waiting) as f64;
        // Of those that were waited for in vain there are none.
        let in_vain = answered < self.expected();
        self.under_way = if in_vain { under_way } else { self.under_way + (under_way - self.under_way) / 16.0 };
        self.committed = Some(at);
    }

    /// Where more are under way than are answered together, a group grows.
    fn expected(&self) -> usize {
        ((self.under_way + 0.75) as usize).min(REQUESTS)
    }

    /// How long a group that is not empty is worth holding for another request.
    pub fn wait(&self, now: Instant, requests: usize, events: usize) -> Option<Duration> {
        if requests >= self.expected() || events >= EVENTS {
            return None;
        }
        let left = (self.committed? + AT_MOST).checked_duration_since(now)?;
        (!left.is_zero()).then_some(left)
    }
}

#[cfg(test)]
mod tests {
    use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};

    use super::*;

    const MS: Duration = Duration::from_millis(1);

    /// A writer's time line: how long a commit takes, and who was answered sends again some time later. How many
    /// requests each commit had, and when the last ended.
    fn groups(commit: Duration, mut due: Vec<Duration>, again: Duration) -> (Vec<usize>, Duration) {
        let started = Instant::now();
        let (mut gathering, mut now, mut groups) = (Gathering::default(), Duration::ZERO, Vec::new());
        for _ in 0..600 {
            let first = *due.iter().min().unwrap();
            now = now.max(first);
            let here = |now: Duration, due: &[Duration]| due.iter().filter(|due| **due <= now).count();
            while let Some(wait) = gathering.wait(started + now, here(now, &due), here(now, &due)) {
                let next = due.iter().filter(|due| **due > now).min();
                now = next.map_or(now + wait, |next| *next.min(&(now + wait)));
            }
            groups.push(here(now, &due));
            let end = now + commit;
            due.iter_mut().filter(|due| **due <= now).for_each(|due| *due = end + again);
            now = end;
            gathering.committed(started + now, groups[groups.len() - 1], here(now, &due));
        }
        (groups, now)
    }

    #[test]
    fn one_that_waits_for_each_answer_is_never_held() {
        let again = MS / 10;
        let (groups, end) = groups(MS, vec![Duration::ZERO], again);
        assert!(groups.iter().all(|requests| *requests == 1));
        assert_eq!(end, (MS + again) * 600 - again);
    }

    #[test]
    fn those_who_send_again_when_they_are_answered_come_together() {
        for senders in [2, 5, 16] {
            let again = MS / 10;
            let (groups, end) = groups(MS, (0..senders).map(|sender| MS / 50 * sender).collect(), again);
            assert!(groups[100..].iter().all(|requests| *requests == senders as usize), "{senders}: {groups:?}");
            // None waits for somebody who does not come.
            assert!(end <= (MS + 2 * again) * 600, "{senders}: {end:?}");
        }
    }

    #[test]
    fn of_many_who_each_send_a_little_a_commit_has_many() {
        let every = Duration::from_secs(5);
        for commit in [MS, MS / 4] {
            // At moments that have nothing to do with each other.
            let hash = |laptop: u32| BuildHasherDefault::<DefaultHasher>::default().hash_one(laptop);
            let moment = |laptop| every.mul_f64(hash(laptop) as f64 / u64::MAX as f64);
            let (groups, _) = groups(commit, (0..10_000).map(moment).collect(), every);
            let settled = &groups[300..];
            let sent: usize = settled.iter().sum();
            assert!(sent >= 11 * settled.len(), "{commit:?}: {groups:?}");
        }
    }

    #[test]
    fn who_is_crossed_now_and_then_is_hardly_held() {
        let mut gathering = Gathering::default();
        let now = Instant::now();
        for commit in 0..200 {
            let crossed = commit % 20 == 0;
            gathering.committed(now, 1 + usize::from(commit % 20 == 1), usize::from(crossed));
            assert_eq!(gathering.wait(now, 1, 1), None, "{commit}");
        }
    }

    #[test]
    fn what_is_large_enough_waits_for_nothing() {
        let mut gathering = Gathering::default();
        let now = Instant::now();
        (0..100).for_each(|_| gathering.committed(now, 100, 100));
        for (requests, events, waits) in [(1, 1, true), (31, 255, true), (32, 32, false), (1, 256, false)] {
            assert_eq!(gathering.wait(now, requests, events).is_some(), waits, "{requests} with {events}");
        }
        assert_eq!(gathering.wait(now + AT_MOST, 1, 1), None);
    }

    #[test]
    fn who_comes_after_many_have_gone_waits_once() {
        let mut gathering = Gathering::default();
        let mut now = Instant::now();
        gathering.committed(now, 20, 20);
        (0..100).for_each(|_| gathering.committed(now, 32, 8));
        assert_eq!(gathering.wait(now, 1, 1), Some(AT_MOST));
        now += AT_MOST + MS;
        gathering.committed(now, 1, 0);
        assert_eq!(gathering.wait(now, 1, 1), None);
    }
}
