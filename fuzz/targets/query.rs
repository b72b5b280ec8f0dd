//! Paths and query strings of questions: each is answered, or refused as the asker's mistake.

#![no_main]

use std::sync::{Arc, LazyLock};

use libfuzzer_sys::fuzz_target;
use redb::backends::InMemoryBackend;
use rollcall::directory::{Change, DirectoryUpdate, OrganizationUpdate};
use rollcall::engine::Engine;
use rollcall::http::{App, ask_and_wait};
use rollcall::store::Store;

/// 2026-06-10T12:00:00Z
const NOW: i64 = 1_781_092_800_000;

static SERVER: LazyLock<App> = LazyLock::new(|| {
    let open = || Store::open_backend(InMemoryBackend::new());
    let engine = Arc::new(Engine::start(open, Arc::new(|| NOW)).expect("memory does not fail"));
    let acme = OrganizationUpdate { id: "acme".into(), ..OrganizationUpdate::default() };
    let update = DirectoryUpdate { organizations: vec![acme], ..DirectoryUpdate::default() };
    engine.change(Change::Merge(update)).expect("there is room").wait().expect("memory does not fail");
    App::for_one_question(engine)
});

fuzz_target!(|path: &str| {
    if let Err(problem) = ask_and_wait(SERVER.clone(), path, &mut std::io::sink()) {
        let status = problem.status.as_u16();
        // SCIM takes tokens of its own, which a question has none of.
        let is_refused = matches!(status, 400 | 403 | 404 | 405) || status == 401 && path.starts_with("/scim/");
        assert!(is_refused, "{path}: {problem:?}");
    }
});
