//! Operations of a store in any order: events in any batches, sealing, starts, the clock going on. Each id counts once
//! for as long as it has the same hour, and every check of the file passes.

#![no_main]

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

#[allow(dead_code)]
#[path = "../../tests/all/support/disk.rs"]
mod disk;
#[allow(dead_code)]
#[path = "../../tests/all/support/random.rs"]
mod random;

use disk::CrashDisk;
use libfuzzer_sys::fuzz_target;
use rollcall::engine::{Engine, check};
use rollcall::ingest::{Context, TokenDefaults, for_ever, parse_ndjson};
use rollcall::model::HOUR_MS;
use rollcall::pricing::PriceBook;
use rollcall::store::{IdPolicy, SealPolicy, Store};

/// 2026-06-10T12:00:00Z
const NOW: i64 = 1_781_092_800_000;
const SEAL_POLICY: SealPolicy = SealPolicy { rows_worth_totals: 10, segments_worth_totals: 3 };
const ID_POLICY: IdPolicy = IdPolicy { run_ids: 20, merged_runs: 2, filter_bytes: 200 };
const OPERATIONS: usize = 40;

fn open(disk: &CrashDisk, clock: &Arc<AtomicI64>) -> Engine {
    let (disk, clock) = (disk.clone(), clock.clone());
    let store = move || Ok(Store::open_backend(disk.clone())?.with_seal_policy(SEAL_POLICY).with_id_policy(ID_POLICY));
    Engine::start(store, Arc::new(move || clock.load(Ordering::Relaxed))).expect("the disk works")
}

fuzz_target!(|operations: &[u8]| {
    let prices = PriceBook::bundled();
    let (disk, clock) = (CrashDisk::new(Vec::new()), Arc::new(AtomicI64::new(NOW)));
    let mut engine = Some(open(&disk, &clock));
    let (mut sent, mut accepted) = (BTreeSet::new(), 0);
    for operation in operations.iter().take(OPERATIONS) {
        let running = engine.as_ref().expect("it runs between operations");
        match operation {
            0 => drop(running.seal().expect("room").wait().expect("the disk works").rows),
            1 => {
                drop(engine.take());
                engine = Some(open(&disk, &clock));
            }
            2 => {
                check(&running.snapshot().reader, &mut |_, _| ()).expect("nothing is damaged");
            }
            3..16 => drop(clock.fetch_add(i64::from(*operation) * HOUR_MS, Ordering::Relaxed)),
            // An id always has the same hour.
            first => {
                let lines: Vec<String> = (0..8)
                    .map(|i| {
                        let id = usize::from(*first) / 2 + i;
                        sent.insert(id);
                        let (month, day) = (1 + id % 5, 1 + id % 28);
                        format!(
                            r#"{{"id":"{id}","timestamp":"2026-{month:02}-{day:02}T{:02}:00:00Z","organizationId":"o{}","projectId":"p","apiKeyId":"k{}","usedModel":"a/b","cost":{id}}}"#,
                            id % 24,
                            id % 2,
                            id % 7,
                        )
                    })
                    .collect();
                let now = clock.load(Ordering::Relaxed);
                let context = Context { now, prices: &prices, token: TokenDefaults::default(), kept_since: &for_ever };
                let parsed = parse_ndjson(lines.join("\n").as_bytes(), &context).expect("lines of JSON");
                assert!(parsed.rejected.is_empty());
                accepted += running.submit(parsed.batch).expect("room").wait().expect("the disk works").accepted;
            }
        }
    }
    assert_eq!(accepted, sent.len());
    drop(engine);
    check(&open(&disk, &clock).snapshot().reader, &mut |_, _| ()).expect("nothing is damaged");
});
