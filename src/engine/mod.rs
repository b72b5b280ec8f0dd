//! The running core: one thread that writes, and snapshots for everyone who reads.
//!
//! Owns the queue, group commit, what is in memory beside the file, and which snapshot is current.
//!
//! Does not know HTTP, feeds or questions, and takes its clock from whoever starts it.
//!
//! Invariants: a request is answered only after its commit is durable and visible to the next reader; a request
//! that fails leaves no trace, in memory or on disk; memory is never ahead of the file once a commit has failed.

mod arrivals;
mod audit;
mod backups;
mod booking;
mod counting;
mod following;
mod forgetting;
mod freshness;
mod gathering;
mod interventions;
mod joining;
mod known;
mod maintenance;
mod refusals;
mod reprice;
mod request;
mod retention;
mod room;
mod sealing;
mod snapshot;
mod spans;
mod spending;
mod tally;
mod writer;

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::{Semaphore, oneshot};

use room::Room;

pub use audit::{COMMAND, Note, SERVER, UNKNOWN};
pub use backups::{Backup, BackupPlan, BackupSchedule, backup_name, backups_in};
pub use following::Following;
pub use freshness::Freshness;
pub use maintenance::{MaintenanceError, NewFile, PARTIAL_FILE, RestoreError, allocated_bytes, check, restore};
pub use refusals::DECISION_DAYS;
pub use reprice::{Prices, RepriceReport, RepriceRequest};
pub use snapshot::Snapshot;

use crate::budget::Accounts;
use crate::directory::{Change, ChangeError, Outcome};
use crate::model::{Batch, Intake, Invoice, NameLimits, OrganizationId, UnixMs};
use crate::store::{Acknowledged, Closed, Closing, DecisionEntry, Reopening, Store, StoreError};
use request::{ClosingWrite, Queued, Request, ShipWrite};

/// Tells the time. The operating system's in production, a test's own in tests.
pub type Clock = Arc<dyn Fn() -> UnixMs + Send + Sync>;

/// The store's file in its directory.
pub const STORE_FILE: &str = "rollcall.redb";
/// Requests that may wait to be written. Past this the sender waits for room, or is told to come back.
const QUEUE_REQUESTS: usize = 4096;

/// What a closing writes in one transaction, so that events get their turn in between.
const CLOSING_STEP_BYTES: usize = 256 << 10;

/// Opens the store: at the start, and again once a disk that failed works.
type OpenStore = Arc<dyn Fn() -> Result<Store, StoreError> + Send + Sync>;

/// What became of a batch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ingested {
    pub accepted: usize,
    /// Those of the accepted that told the tokens of a call that was counted without them.
    pub completed: usize,
    pub duplicates: usize,
}

impl Ingested {
    /// Adds what became of an event.
    fn note(&mut self, result: Intake) {
        match result {
            Intake::Counted => self.accepted += 1,
            Intake::Completed => {
                self.accepted += 1;
                self.completed += 1;
            }
            _ => self.duplicates += 1,
        }
    }
}

/// What a sealing of everything did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SealReport {
    pub periods: u64,
    /// Rows that were open.
    pub rows: u64,
}

/// Why a request was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The queue is full. *Busy.*
    #[error("too many requests are waiting to be written; try again in a second")]
    Busy,
    /// The engine is stopping. *Busy.*
    #[error("the server is stopping")]
    Stopping,
    /// The change does not fit the directory. *Caller.*
    #[error(transparent)]
    Change(#[from] ChangeError),
    /// Shared, because one failed commit fails every request in it. *As the store says.*
    #[error("{0}")]
    Store(Arc<StoreError>),
    /// This engine only shows what others write. *Caller.*
    #[error("this server answers from a cluster and keeps nothing itself: {0}")]
    OnlyFollows(String),
}

impl From<StoreError> for EngineError {
    fn from(error: StoreError) -> Self {
        EngineError::Store(Arc::new(error))
    }
}

/// Counters since the start, for operators.
#[derive(Debug, Default)]
pub struct Metrics {
    pub accepted_events: AtomicU64,
    /// Those of them that told the tokens of a call that was counted without them.
    pub completed_events: AtomicU64,
    pub duplicate_events: AtomicU64,
    /// Calls in accepted events that no price is known for.
    pub unpriced_calls: AtomicU64,
    pub commits: AtomicU64,
    pub commit_microseconds: AtomicU64,
    pub failed_commits: AtomicU64,
    /// Entries of the audit log.
    pub audit_entries: AtomicU64,
    /// Events waiting in the queue now.
    pub queued_events: AtomicUsize,
    /// Backups that the schedule has made.
    pub backups: AtomicU64,
    pub failed_backups: AtomicU64,
    /// When the last of them was whole, in Unix seconds.
    pub last_backup_unix_s: AtomicU64,
}

/// A running store. Ends its writer, after what waits, when dropped.
pub struct Engine {
    queue: Mutex<Option<Sender<Queued>>>,
    room: Room,
    shared: Arc<Shared>,
    writer: Mutex<Option<JoinHandle<()>>>,
    clock: Clock,
    /// Where the store's file is, when it is in one.
    directory: Option<PathBuf>,
    /// What writes in place of a writer, if there is none.
    following: Option<Arc<dyn Following>>,
}

/// What the writer and the readers both see.
struct Shared {
    /// Requests that the queue has room for.
    slots: Arc<Semaphore>,
    current: ArcSwap<Snapshot>,
    freshness: Freshness,
    metrics: Metrics,
    /// Where budgets stand at the current snapshot. Held while one takes the place of another.
    accounts: Mutex<Accounts>,
    /// Decisions whose reasons are to be written.
    noted: refusals::Noted,
}

impl Shared {
    fn of(snapshot: Snapshot) -> Shared {
        Shared {
            slots: Arc::new(Semaphore::new(QUEUE_REQUESTS)),
            current: ArcSwap::from_pointee(snapshot),
            freshness: Freshness::default(),
            metrics: Metrics::default(),
            accounts: Mutex::default(),
            noted: refusals::Noted::default(),
        }
    }

    /// Requests that are in the queue.
    fn waiting(&self) -> usize {
        QUEUE_REQUESTS - self.slots.available_permits()
    }
}

impl Engine {
    /// Opens the store in `directory` and starts writing. However many names there are, what comes is kept under its own.
    pub fn open(directory: &Path, clock: Clock) -> Result<Engine, StoreError> {
        Engine::open_within(directory, NameLimits::NONE, clock)
    }

    /// The same for senders that are not trusted to keep their names few.
    pub fn open_within(directory: &Path, limits: NameLimits, clock: Clock) -> Result<Engine, StoreError> {
        let path = directory.join(STORE_FILE);
        let mut engine = Engine::start(move || Ok(Store::open(&path)?.with_name_limits(limits)), clock)?;
        engine.directory = Some(directory.to_owned());
        Ok(engine)
    }

    /// Starts on the store that `open` opens.
    pub fn start(
        open: impl Fn() -> Result<Store, StoreError> + Send + Sync + 'static,
        clock: Clock,
    ) -> Result<Engine, StoreError> {
        let store = open()?;
        let (snapshot, seen) = Snapshot::with_seen_ids(&store)?;
        let shared = Arc::new(Shared::of(snapshot));
        // Bounded by its slots, which can be waited for in turn.
        let (queue, requests) = channel();
        let writer = writer::Writer::new(store, seen, Arc::new(open), shared.clone(), clock.clone())?;
        let writer = std::thread::Builder::new()
            .name("writer".into())
            .spawn(move || writer.run(&requests))
            .map_err(|e| StoreError::Failed(Box::new(redb::Error::Io(e))))?;
        let (queue, writer) = (Mutex::new(Some(queue)), Mutex::new(Some(writer)));
        Ok(Engine { queue, room: Room::default(), shared, writer, clock, directory: None, following: None })
    }

    /// The directory the store was opened in, if it was.
    pub fn directory(&self) -> Option<&Path> {
        self.directory.as_deref()
    }

    pub fn now(&self) -> UnixMs {
        (self.clock)()
    }

    /// The latest commit.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.shared.current.load_full()
    }

    /// Where budgets stand. While this is held the current snapshot stays, so a book that is opened from it is of it; and
    /// the writer waits.
    pub fn accounts(&self) -> MutexGuard<'_, Accounts> {
        self.shared.accounts()
    }

    /// The same for whoever cannot wait; `None` while somebody else has them.
    pub fn accounts_now(&self) -> Option<MutexGuard<'_, Accounts>> {
        self.shared.accounts_now()
    }

    /// Takes note of a decision and its reasons, which costs no more than some memory; it is written by the way.
    pub fn note_decision(&self, organization_id: &str, entry: DecisionEntry) {
        self.shared.noted.note(organization_id, entry);
    }

    /// Decisions of which there were too many at once to take note of.
    pub fn decisions_left_out(&self) -> u64 {
        self.shared.noted.left_out()
    }

    /// Has what was noted written now, if there is anything.
    pub fn write_decisions(&self) -> Result<Option<Pending<()>>, EngineError> {
        if self.shared.noted.is_empty() {
            return Ok(None);
        }
        let (reply, answer) = oneshot::channel();
        self.send(Request::Decisions { reply })?;
        Ok(Some(Pending(answer)))
    }

    pub fn freshness(&self) -> &Freshness {
        &self.shared.freshness
    }

    pub fn metrics(&self) -> &Metrics {
        &self.shared.metrics
    }

    /// Queues events. The answer comes once they are durable.
    pub fn submit(&self, batch: Batch) -> Result<Pending<Ingested>, EngineError> {
        let events = batch.events.len();
        let room = self.room.take(&batch).ok_or(EngineError::Busy)?;
        let (reply, answer) = oneshot::channel();
        let slot = self.shared.slots.clone().try_acquire_owned().map_err(|_| self.refusal())?;
        self.put(Queued { request: Request::Ingest { batch, reply }, slot, room: Some(room) }, events)?;
        Ok(Pending(answer))
    }

    /// Queues events as soon as there is room for them, in turn, unless that takes longer than `patience` or too many
    /// wait already. Dropped before that, it leaves nothing behind.
    pub async fn submit_within(&self, batch: Batch, patience: Duration) -> Result<Pending<Ingested>, EngineError> {
        let events = batch.events.len();
        let places = async {
            let room = match self.room.take(&batch) {
                Some(room) => room,
                None => self.room.wait(&batch).await.ok_or_else(|| self.refusal())?,
            };
            let slot = self.shared.slots.clone().acquire_owned().await.map_err(|_| EngineError::Stopping)?;
            Ok((room, slot))
        };
        let (room, slot) = tokio::time::timeout(patience, places).await.unwrap_or(Err(EngineError::Busy))?;
        let (reply, answer) = oneshot::channel();
        self.put(Queued { request: Request::Ingest { batch, reply }, slot, room: Some(room) }, events)?;
        Ok(Pending(answer))
    }

    /// Senders that wait for room in the queue.
    pub fn waiting_senders(&self) -> usize {
        self.room.senders()
    }

    /// Waits while the queue is full. For work that would rather wait than be refused.
    pub fn wait_for_room(&self) {
        while self.room.is_scarce() && self.is_writing() {
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Queues a change of the directory that nobody asked for by name, so that the audit log says nothing of it.
    pub fn change(&self, change: Change) -> Result<Pending<Outcome>, EngineError> {
        self.send_change(Some(change), None)
    }

    /// Queues a change of the directory, and in the same transaction what the audit log says of it.
    pub fn audited(&self, change: Change, note: Note) -> Result<Pending<Outcome>, EngineError> {
        self.send_change(Some(change), Some(note))
    }

    /// Queues an entry of the audit log that comes with no change.
    pub fn note(&self, note: Note) -> Result<Pending<Outcome>, EngineError> {
        self.send_change(None, Some(note))
    }

    /// Queues what a provider billed. It takes the place of what was known of the same reports and days.
    pub fn import_invoice(&self, invoice: Invoice, note: Note) -> Result<Pending<()>, EngineError> {
        let (reply, answer) = oneshot::channel();
        self.send(Request::Invoice { invoice: Box::new(invoice), note: Box::new(note), reply })?;
        Ok(Pending(answer))
    }

    /// Queues what the receiver of a webhook has acknowledged of one type of event.
    pub fn acknowledge(&self, stream: &str, acknowledged: Acknowledged) -> Result<Pending<()>, EngineError> {
        let (reply, answer) = oneshot::channel();
        self.send(Request::Acknowledge { stream: stream.to_owned(), acknowledged, reply })?;
        Ok(Pending(answer))
    }

    /// Closes a month: what it keeps in steps, so that others get their turn in between, the closing itself last. Waits for
    /// each to be written.
    pub fn close(&self, closing: Closing, closed: &Closed, note: Note) -> Result<(), EngineError> {
        self.write_closing(ClosingWrite::Begin(closing.organization_id.clone()), None)?;
        let (mut step, mut bytes) = (Vec::new(), 0);
        for entry in closed.entries(&closing.organization_id, closing.month) {
            bytes += entry.1.len();
            step.push(entry);
            if bytes > CLOSING_STEP_BYTES {
                self.write_closing(ClosingWrite::Entries(std::mem::take(&mut step)), None)?;
                bytes = 0;
            }
        }
        self.write_closing(ClosingWrite::Entries(step), None)?;
        self.write_closing(ClosingWrite::Close(closing), Some(note))
    }

    /// Opens a closed month again.
    pub fn reopen(&self, reopening: Reopening, note: Note) -> Result<(), EngineError> {
        self.write_closing(ClosingWrite::Reopen(reopening), Some(note))
    }

    /// What pseudonyms of an organization are made with, the same from the first time it is asked for.
    pub fn pseudonym_secret(&self, organization: &str) -> Result<[u8; 32], EngineError> {
        loop {
            if let Some(secret) = self.snapshot().reader.pseudonym_secret(organization)? {
                return Ok(secret);
            }
            let mut secret = [0; 32];
            getrandom::fill(&mut secret).expect("the operating system has random bytes");
            self.write_closing(ClosingWrite::Secret(organization.to_owned(), secret), None)?;
        }
    }

    /// Has everything count as not shipped, from an epoch on. The first time it gives the store a name for clusters.
    pub fn ship_everything(&self, epoch: u64) -> Result<(), EngineError> {
        let mut node = [0; 16];
        getrandom::fill(&mut node).expect("the operating system has random bytes");
        self.write_shipping(ShipWrite::Everything { node, epoch })
    }

    /// Has some segments of organizations shipped again.
    pub fn ship_again(&self, ranges: Vec<(OrganizationId, Range<u32>)>) -> Result<(), EngineError> {
        self.write_shipping(ShipWrite::Again(ranges))
    }

    /// Takes note of what was shipped as it was at a commit each, and up to which commit all is.
    pub fn shipped(&self, done: Vec<(Vec<u8>, u64)>, up_to: u64) -> Result<(), EngineError> {
        self.write_shipping(ShipWrite::Done(done, up_to))
    }

    fn write_shipping(&self, write: ShipWrite) -> Result<(), EngineError> {
        let (reply, answer) = oneshot::channel();
        self.send(Request::Ship { write, reply })?;
        Pending(answer).wait()
    }

    fn write_closing(&self, write: ClosingWrite, note: Option<Note>) -> Result<(), EngineError> {
        // Half a closing is worth waiting for its turn.
        self.wait_for_room();
        let (reply, answer) = oneshot::channel();
        self.send(Request::Closing { write: Box::new(write), note: note.map(Box::new), reply })?;
        Pending(answer).wait()
    }

    fn book(&self, part: reprice::Part) -> Result<Pending<reprice::RepricedPart>, EngineError> {
        let (reply, answer) = oneshot::channel();
        self.send(Request::Reprice { part, reply })?;
        Ok(Pending(answer))
    }

    fn send_change(&self, change: Option<Change>, note: Option<Note>) -> Result<Pending<Outcome>, EngineError> {
        let (reply, answer) = oneshot::channel();
        self.send(Request::Change { change, note: note.map(Box::new), reply })?;
        Ok(Pending(answer))
    }

    /// The oldest instant of which an organization keeps usage; `None` when it keeps everything.
    pub fn kept_since(&self, organization: &str) -> Option<UnixMs> {
        let days = self.snapshot().directory.organization(organization)?.profile.retention_days?;
        Some(retention::kept_since(self.now(), days).first_day().start_ms())
    }

    /// Queues the sealing of every day that is over. Otherwise the engine does that by itself, when there is time.
    pub fn seal(&self) -> Result<Pending<SealReport>, EngineError> {
        let (reply, answer) = oneshot::channel();
        self.send(Request::Seal { reply })?;
        Ok(Pending(answer))
    }

    /// Writes what waits, then ends the writer. Later requests are refused.
    pub fn stop(&self) {
        self.queue.lock().expect("no one panics holding it").take();
        self.shared.slots.close();
        self.room.close();
        if let Some(writer) = self.writer.lock().expect("no one panics holding it").take() {
            // A panic of the writer was already reported, and every waiting request refused.
            let _ = writer.join();
        }
    }

    /// Whether the writer still runs. It ends on its own only by a bug.
    pub fn is_writing(&self) -> bool {
        self.following.is_some()
            || self.writer.lock().expect("no one panics holding it").as_ref().is_some_and(|w| !w.is_finished())
    }

    fn send(&self, request: Request) -> Result<(), EngineError> {
        let slot = self.shared.slots.clone().try_acquire_owned().map_err(|_| self.refusal())?;
        self.put(Queued { request, slot, room: None }, 0)
    }

    fn put(&self, queued: Queued, events: usize) -> Result<(), EngineError> {
        let queue = self.queue.lock().expect("no one panics holding it");
        let queue = queue.as_ref().ok_or_else(|| self.refusal())?;
        let waiting = &self.shared.metrics.queued_events;
        waiting.fetch_add(events, Ordering::Relaxed);
        queue.send(queued).map_err(|_| {
            waiting.fetch_sub(events, Ordering::Relaxed);
            EngineError::Stopping
        })
    }

    /// Why there is no room.
    fn refusal(&self) -> EngineError {
        match &self.following {
            Some(following) => EngineError::OnlyFollows(following.place_of_changes(None)),
            None if self.shared.slots.is_closed() => EngineError::Stopping,
            None => EngineError::Busy,
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.stop();
    }
}

/// An answer that is still to come.
pub struct Pending<T>(oneshot::Receiver<Result<T, EngineError>>);

impl<T> Pending<T> {
    /// Waits in async code.
    pub async fn answer(self) -> Result<T, EngineError> {
        self.0.await.unwrap_or(Err(EngineError::Stopping))
    }

    /// Waits in a thread.
    pub fn wait(self) -> Result<T, EngineError> {
        self.0.blocking_recv().unwrap_or(Err(EngineError::Stopping))
    }
}

#[cfg(test)]
mod tests;
