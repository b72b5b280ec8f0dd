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
    /// Requests that are likely to come until their senders wait for answers: those who were just answered, who may
    /// send again, and those who were not.
    expected: usize,
    committed: Option<Instant>,
}

impl Gathering {
    /// A commit has ended that answers some requests, while others have come.
    pub fn committed(&mut self, at: Instant, answered: usize, waiting: usize) {
        // That nobody came during one commit happens among many senders, too.
        self.expected = if waiting > 0 { answered + waiting } else { self.expected / 2 };
        self.committed = Some(at);
    }

    /// How long a group that is not empty is worth holding for another request.
    pub fn wait(&self, now: Instant, requests: usize, events: usize) -> Option<Duration> {
        if requests >= self.expected.min(REQUESTS) || events >= EVENTS {
            return None;
        }
        let left = (self.committed? + AT_MOST).checked_duration_since(now)?;
        (!left.is_zero()).then_some(left)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    /// A writer's time line: a commit takes a millisecond, and who was answered sends again some time later. How many
    /// requests each commit had, and when the last ended.
    fn groups(mut due: Vec<Duration>, again: Duration) -> (Vec<usize>, Duration) {
        let started = Instant::now();
        let (mut gathering, mut now, mut groups) = (Gathering::default(), Duration::ZERO, Vec::new());
        for _ in 0..100 {
            let first = *due.iter().min().unwrap();
            now = now.max(first);
            let here = |now: Duration, due: &[Duration]| due.iter().filter(|due| **due <= now).count();
            while let Some(wait) = gathering.wait(started + now, here(now, &due), here(now, &due)) {
                let next = due.iter().filter(|due| **due > now).min();
                now = next.map_or(now + wait, |next| *next.min(&(now + wait)));
            }
            groups.push(here(now, &due));
            let end = now + MS;
            due.iter_mut().filter(|due| **due <= now).for_each(|due| *due = end + again);
            now = end;
            gathering.committed(started + now, groups[groups.len() - 1], here(now, &due));
        }
        (groups, now)
    }

    #[test]
    fn one_that_waits_for_each_answer_is_never_held() {
        let again = MS / 10;
        let (groups, end) = groups(vec![Duration::ZERO], again);
        assert!(groups.iter().all(|requests| *requests == 1));
        assert_eq!(end, (MS + again) * 100 - again);
    }

    #[test]
    fn those_who_send_again_when_they_are_answered_come_together() {
        for senders in [2, 5, 16] {
            let again = MS / 10;
            let (groups, end) = groups((0..senders).map(|sender| MS / 50 * sender).collect(), again);
            let sent: usize = groups.iter().sum();
            assert!(sent >= 70 * senders as usize, "{senders}: {groups:?}");
            // None waits for somebody who does not come.
            assert!(end <= (MS + 2 * again) * 100, "{senders}: {end:?}");
        }
    }

    #[test]
    fn of_many_who_each_send_a_little_a_commit_has_many() {
        let every = Duration::from_secs(5);
        let (groups, _) = groups((0..10_000).map(|laptop| every / 10_000 * laptop).collect(), every);
        assert!(groups[20..].iter().all(|requests| *requests >= 18), "{groups:?}");
    }

    #[test]
    fn what_is_large_enough_waits_for_nothing() {
        let mut gathering = Gathering::default();
        let now = Instant::now();
        gathering.committed(now, 100, 100);
        for (requests, events, waits) in [(1, 1, true), (31, 255, true), (32, 32, false), (1, 256, false)] {
            assert_eq!(gathering.wait(now, requests, events).is_some(), waits, "{requests} with {events}");
        }
        assert_eq!(gathering.wait(now + AT_MOST, 1, 1), None);
    }

    #[test]
    fn who_comes_after_many_have_gone_waits_a_few_times() {
        let mut gathering = Gathering::default();
        let mut now = Instant::now();
        gathering.committed(now, 20, 20);
        let mut waits = 0;
        while gathering.wait(now, 1, 1).is_some() {
            waits += 1;
            now += AT_MOST + MS;
            gathering.committed(now, 1, 0);
        }
        assert_eq!(waits, 5);
    }
}
