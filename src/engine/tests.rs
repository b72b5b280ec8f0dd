//! A queue that is full: what is refused, what waits, and that nothing is lost.

use super::*;
use crate::directory::DirectoryUpdate;
use crate::model::{Combination, CostSource, Event, Fingerprint, Measures, Mode};

/// An engine whose writer gets no further than the group it has taken while the time is held.
fn engine() -> (Arc<Engine>, Arc<Mutex<i64>>, tempfile::TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let time = Arc::new(Mutex::new(1_780_315_200_000));
    let shown = time.clone();
    let engine = Engine::open(directory.path(), Arc::new(move || *shown.lock().unwrap())).unwrap();
    (Arc::new(engine), time, directory)
}

#[test]
fn a_full_queue_refuses_and_recovers() {
    let (engine, time, _directory) = engine();
    let ask = || engine.change(Change::Merge(DirectoryUpdate::default()));
    let no_time = time.lock().unwrap();
    let mut taken = Vec::new();
    let refused = loop {
        match ask() {
            Ok(pending) => taken.push(pending),
            Err(error) => break error,
        }
    };
    assert!(matches!(refused, EngineError::Busy));
    assert!(taken.len() >= QUEUE_REQUESTS);
    drop(no_time);
    assert!(taken.into_iter().all(|pending| pending.wait().is_ok()));
    assert!(ask().unwrap().wait().is_ok());
}

/// Events with ids of their own.
fn batch(first: u32, events: u32) -> Batch {
    let combination = Combination {
        organization: "acme".into(),
        project: "p".into(),
        api_key: "k".into(),
        model: "m".into(),
        provider: "p".into(),
        source: None,
        mode: Mode::Credits,
        cost_source: CostSource::Reported,
    };
    let event = |number: u32| Event::new(Fingerprint::of(&number.to_string()), 1_780_315_200_000, 0, Measures::ZERO);
    let events = (first..first + events).map(event).collect();
    Batch { combinations: vec![combination], events, ..Batch::default() }
}

/// Fills the queue, and gives what was taken and how many events that is.
fn fill(engine: &Engine) -> (Vec<Pending<Ingested>>, u32) {
    let (mut taken, mut events) = (Vec::new(), 0);
    for size in [50_000, 1000, 50, 1] {
        while let Ok(pending) = engine.submit(batch(events, size)) {
            taken.push(pending);
            events += size;
        }
    }
    (taken, events)
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap()
}

#[test]
fn events_wait_for_room_and_are_counted() {
    let (engine, time, _directory) = engine();
    let no_time = time.lock().unwrap();
    let (taken, events) = fill(&engine);
    let waiting = {
        let engine = engine.clone();
        std::thread::spawn(move || {
            runtime().block_on(async {
                let pending = engine.submit_within(batch(events, 30_000), Duration::from_secs(60)).await?;
                pending.answer().await
            })
        })
    };
    while engine.waiting_senders() == 0 {
        std::thread::yield_now();
    }
    drop(no_time);
    assert_eq!(waiting.join().unwrap().unwrap().accepted, 30_000);
    let accepted: usize = taken.into_iter().map(|pending| pending.wait().unwrap().accepted).sum();
    assert_eq!(accepted as u32, events);
    engine.stop();
    assert_eq!(engine.metrics().queued_events.load(Ordering::Relaxed), 0);
}

#[test]
fn waiting_for_room_ends_and_leaves_nothing_behind() {
    let (engine, time, _directory) = engine();
    let no_time = time.lock().unwrap();
    let (taken, events) = fill(&engine);
    runtime().block_on(async {
        let refused = engine.submit_within(batch(events, 40_000), Duration::from_millis(20)).await;
        assert!(matches!(refused.err(), Some(EngineError::Busy)));
        // A sender that went away.
        let mut gone = Box::pin(engine.submit_within(batch(events, 40_000), Duration::from_secs(60)));
        assert!(tokio::time::timeout(Duration::from_millis(20), &mut gone).await.is_err());
        drop(gone);
    });
    assert_eq!(engine.waiting_senders(), 0);
    drop(no_time);
    for pending in taken {
        pending.wait().unwrap();
    }
    // All of the room is there again, and none of what was refused was counted.
    let again = engine.submit(batch(events, 40_000)).unwrap().wait().unwrap();
    assert_eq!((again.accepted, again.duplicates), (40_000, 0));
    engine.stop();
    assert_eq!(engine.metrics().queued_events.load(Ordering::Relaxed), 0);
}

#[test]
fn only_so_much_may_wait_for_room() {
    let (engine, time, _directory) = engine();
    let no_time = time.lock().unwrap();
    let (taken, events) = fill(&engine);
    runtime().block_on(async {
        let mut waiting: Vec<_> = (0..3)
            .map(|at| Box::pin(engine.submit_within(batch(events + at * 300_000, 300_000), Duration::from_secs(60))))
            .collect();
        for one in &mut waiting {
            assert!(tokio::time::timeout(Duration::from_millis(5), one).await.is_err());
        }
        // A fourth is told at once.
        let refused = engine.submit_within(batch(events, 300_000), Duration::from_secs(3600)).await;
        assert!(matches!(refused.err(), Some(EngineError::Busy)));
        // One that stops tells those that wait.
        engine.shared.slots.close();
        engine.room.close();
        for one in waiting {
            assert!(matches!(one.await.err(), Some(EngineError::Stopping)));
        }
    });
    drop(no_time);
    assert!(taken.into_iter().all(|pending| pending.wait().is_ok()));
}
