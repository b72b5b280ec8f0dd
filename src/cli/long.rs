//! Work that takes as long as the store is large: a bar to watch, what an interruption leaves behind, and what to say
//! about damage.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use tokio::signal::unix::{SignalKind, signal};

use crate::engine::{MaintenanceError, NewFile};

/// Entries between two looks at the bar.
const STEP: u64 = 64;

/// A bar over entries; on a terminal only.
pub struct Bar(ProgressBar);

impl Bar {
    pub fn new(message: &'static str) -> Bar {
        let bar = ProgressBar::no_length().with_message(message);
        let spinner = ProgressStyle::with_template("{msg} {spinner} {elapsed}").expect("the template is a constant");
        bar.set_style(spinner);
        bar.enable_steady_tick(Duration::from_millis(200));
        Bar(bar)
    }

    /// Takes note of how far it is.
    pub fn at(&self, done: u64, all: u64) {
        if self.0.length().is_none() {
            let style = ProgressStyle::with_template("{msg} [{bar:32}] {percent}% {eta} left");
            self.0.set_style(style.expect("the template is a constant").progress_chars("=> "));
        }
        if done.is_multiple_of(STEP.min(all / STEP + 1)) || done == all {
            self.0.set_length(all);
            self.0.set_position(done);
        }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// From its making on, Ctrl-C and SIGTERM remove the file that has no name yet, and end the process.
pub struct Interruption(Arc<Mutex<Option<PathBuf>>>);

impl Interruption {
    pub fn new() -> std::io::Result<Interruption> {
        let partial: Arc<Mutex<Option<PathBuf>>> = Arc::default();
        let interruption = Interruption(partial.clone());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (mut interrupt, mut terminate) = {
            let _inside = runtime.enter();
            (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?)
        };
        std::thread::Builder::new().name("signals".into()).spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                }
            });
            if let Some(partial) = &*partial.lock().unwrap_or_else(PoisonError::into_inner) {
                // When it has its name already, there is nothing to remove, and what has the name is whole.
                let _ = std::fs::remove_file(partial);
            }
            eprintln!("rollcall: interrupted");
            std::process::exit(2);
        })?;
        Ok(interruption)
    }

    /// Makes a file that goes when a signal comes. A signal waits until it is made.
    pub fn create(&self, destination: &Path, replace: bool) -> Result<NewFile, MaintenanceError> {
        let mut partial = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let file = NewFile::create(destination, replace)?;
        *partial = Some(file.partial_path().to_owned());
        Ok(file)
    }
}

/// Says what is wrong with a store, and what to do.
pub fn damage_found(what: &str) -> ExitCode {
    eprintln!(
        "rollcall: damage found: {what}\n\
         Stop the server, keep a copy of the file, and put back the newest backup that is fine:\n  \
         rollcall verify BACKUP.redb && rollcall restore BACKUP.redb --data-dir DIR --force\n\
         Events sent since that backup can be sent again; those it has are recognized."
    );
    ExitCode::from(1)
}
