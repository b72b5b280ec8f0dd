//! Paths and query strings of questions: each is answered, or refused as the asker's mistake.

#![no_main]

use std::sync::{Arc, LazyLock};

use libfuzzer_sys::fuzz_target;
use redb::backends::InMemoryBackend;
use rollcall::directory::{Change, DirectoryUpdate, OrganizationUpdate};
use rollcall::engine::Engine;
use rollcall::http::{App, ask_as_operator};
use rollcall::store::Store;
use tokio::runtime::{Builder, Runtime};

/// 2026-06-10T12:00:00Z
const NOW: i64 = 1_781_092_800_000;

static SERVER: LazyLock<(Runtime, App)> = LazyLock::new(|| {
    let open = || Store::open_backend(InMemoryBackend::new());
    let engine = Arc::new(Engine::start(open, Arc::new(|| NOW)).expect("memory does not fail"));
    let acme = OrganizationUpdate { id: "acme".into(), ..OrganizationUpdate::default() };
    let update = DirectoryUpdate { organizations: vec![acme], ..DirectoryUpdate::default() };
    engine.change(Change::Merge(update)).expect("there is room").wait().expect("memory does not fail");
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    (runtime, App::for_one_question(engine))
});

fuzz_target!(|path: &str| {
    let (runtime, app) = &*SERVER;
    if let Err(problem) = runtime.block_on(ask_as_operator(app.clone(), path, &mut std::io::sink())) {
        assert!(matches!(problem.status.as_u16(), 400 | 403 | 404 | 405), "{path}: {problem:?}");
    }
});
