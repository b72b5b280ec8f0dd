//! A server while it runs: its log, its signals, and its end.

use std::io::IsTerminal;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};

use super::Failure;
use crate::http::{self, App, Tls};

/// Requests under way get this long after a signal; what they queued is still written after it.
const DRAIN: Duration = Duration::from_secs(8);
/// Lines of the log that may wait to be written.
const LOG_LINES: usize = 10_000;
/// How often it is asked whether the writer still runs.
const LOOK: Duration = Duration::from_secs(1);

/// Serves until SIGTERM or Ctrl-C, then drops what `listening` has started and writes everything that was taken. An
/// error if nothing can be written any more. On SIGHUP it reads its files
/// again.
pub fn run_server<T>(
    app: &App,
    listen: SocketAddr,
    tls: Option<Arc<Tls>>,
    listening: impl FnOnce(SocketAddr) -> Result<T, Failure>,
) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let served: Result<T, Failure> = runtime.block_on(async {
        let listener = TcpListener::bind(listen).await;
        let listener =
            listener.map_err(|e| Failure(format!("cannot listen on {listen}: {e}; choose another --listen")))?;
        let started = listening(listener.local_addr()?)?;
        let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        tokio::spawn(on_hangup(app.clone(), signal(SignalKind::hangup())?));
        let (stopping, stopped) = tokio::sync::oneshot::channel::<()>();
        let stop = async move {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            tracing::info!("stopping");
            let _ = stopping.send(());
        };
        let drained = async {
            let _ = stopped.await;
            tokio::time::sleep(DRAIN).await;
        };
        let broken = async {
            while app.engine.is_writing() {
                tokio::time::sleep(LOOK).await;
            }
        };
        tokio::select! {
            served = http::serve(app.clone(), listener, tls, stop) => served?,
            () = drained => {}
            // What supervises this starts it again, with all that was acknowledged.
            () = broken => return Err(Failure("the writer has ended, which is a bug: please report what it said".into())),
        }
        Ok(started)
    });
    // A request that never ends must not keep the process: its connection dies with the runtime.
    runtime.shutdown_timeout(Duration::from_millis(500));
    let served = served.map(drop);
    app.engine.stop();
    served
}

async fn on_hangup(app: App, mut hangup: Signal) {
    while hangup.recv().await.is_some() {
        let app = app.clone();
        // Reading a directory of zone rules takes a while, and a file system may hang.
        let _ = tokio::task::spawn_blocking(move || app.reread()).await;
    }
}

/// Starts the log. What is in it is written when this is dropped.
///
/// Lines are written by a thread of their own, and are lost rather than waited for: a log whose disk is full, or whose
/// reader has stopped, must not stop the writer of the store.
pub fn start_logs(json: bool) -> WorkerGuard {
    let filter = tracing_subscriber::EnvFilter::try_from_env("ROLLCALL_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    let (lines, written) = NonBlockingBuilder::default().buffered_lines_limit(LOG_LINES).finish(std::io::stderr());
    let logs = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(lines)
        .with_ansi(std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none());
    // Only the first start of a process sets them; tests start several servers in one.
    let _ = if json { logs.json().try_init() } else { logs.try_init() };
    written
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::{Change, DirectoryUpdate};
    use crate::engine::Engine;
    use crate::pricing::PriceBook;

    #[test]
    fn a_server_whose_writer_has_ended_ends() {
        let directory = tempfile::tempdir().unwrap();
        let clock = || match std::thread::current().name() {
            Some("writer") => panic!("as a bug would"),
            _ => 0,
        };
        let engine = Arc::new(Engine::open(directory.path(), Arc::new(clock)).unwrap());
        assert!(engine.change(Change::Merge(DirectoryUpdate::default())).unwrap().wait().is_err());
        let app = App::new(engine, PriceBook::bundled(), http::Look::default(), 0);
        let served = run_server(&app, "127.0.0.1:0".parse().unwrap(), None, |_| Ok(()));
        assert!(served.unwrap_err().to_string().contains("the writer has ended"));
    }
}
