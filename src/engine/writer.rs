//! The one thread that writes.
//!
//! It takes everything that waits (up to a limit) into one transaction: drops ids seen before, folds the rest into
//! rollups, adds them to their segments, and answers all of it after one sync. The more arrives, the fewer syncs an
//! event costs.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::arrivals::{Arrivals, write_rejected};
use super::gathering::Gathering;
use super::interventions::SteppedIn;
use super::refusals::Unwritten;
use super::request::{Answer, ClosingWrite, Queued, Request, ShipWrite};
use super::sealing::{OpenDays, sealable_before};
use super::tally::Lines;
use super::{Clock, EngineError, Note, OpenStore, SealReport, Shared, Snapshot};
use crate::directory::{Change, Directory, Outcome};
use crate::model::{Count, Day, Hour, Measures, OrganizationId, Period, Segment, UnixMs};
use crate::rollup::{self, Cell};
use crate::store::{self, AuditEntry, AuditHead, Counted, Dictionary, Log, SeenIds, SpanIndex, Store, StoreError};

/// Events that go into one transaction; a larger batch still goes in whole. Measured: beyond this, the time an
/// early request waits grows faster than throughput.
const GROUP_EVENTS: usize = 20_000;

/// How often the writer looks for something to seal when nothing arrives.
const IDLE: Duration = Duration::from_secs(5);
/// How often it looks when something always does.
const BUSY: Duration = Duration::from_secs(2);
/// How often it looks for usage that is too old to keep.
const FORGETTING: Duration = Duration::from_secs(3600);
/// How long to wait before a disk that failed is tried again; whoever is refused is told to come back after as much.
const AGAIN: Duration = Duration::from_secs(1);

pub(super) struct Writer {
    /// An error when it could not be opened again after the disk had failed.
    store: Result<Store, Arc<StoreError>>,
    open_store: OpenStore,
    /// When the store was last opened or tried.
    tried: Instant,
    pub(super) dictionary: Arc<Dictionary>,
    pub(super) directory: Arc<Directory>,
    pub(super) seen: SeenIds,
    pub(super) spans: SpanIndex,
    pub(super) open: OpenDays,
    pub(super) audit: AuditHead,
    gathering: Gathering,
    /// When decisions were last written.
    decisions_written: Instant,
    pub(super) shared: Arc<Shared>,
    pub(super) clock: Clock,
}

/// What a transaction changed in memory, for taking back or telling others.
#[derive(Default)]
pub(super) struct Touched {
    pub(super) ids: Vec<store::Seen>,
    /// Known ids that are known of another hour as well from now on.
    pub(super) ids_of_other_hours: Vec<store::Seen>,
    /// Calls whose place others took.
    pub(super) taken_back: BTreeMap<OrganizationId, Vec<Counted>>,
    /// What calls are counted as from now on of which records of their own say less.
    pub(super) recounted: Vec<(Cell, Measures)>,
    /// Periods that were sealed by the way, with the day before which they are.
    pub(super) sealed: Vec<(OrganizationId, Period, Day)>,
    /// Rows added to each day.
    pub(super) days: BTreeMap<(OrganizationId, Day), u64>,
    /// What was added to rollups.
    pub(super) rows: Vec<(OrganizationId, Segment, Vec<rollup::Row>)>,
    /// When it came.
    pub(super) arrivals: Arrivals,
    pub(super) stepped_in: SteppedIn,
    /// Organizations whose budgets have to be looked at anew.
    pub(super) moved_budgets: BTreeSet<String>,
    /// Decisions that were written.
    pub(super) decisions: Unwritten,
    pub(super) directory: bool,
    pub(super) unpriced_calls: u64,
    pub(super) audit: Vec<(AuditHead, AuditEntry)>,
}

impl Touched {
    /// Counts a call as its records say together, of which the last is of this time.
    pub(super) fn count_joined(&mut self, organization: OrganizationId, call: Counted, time: UnixMs) {
        let cell = Cell { organization, segment: call.segment, series: call.series };
        let time = if Segment::of(time) == Some(call.segment) { time } else { call.segment.start_ms() };
        self.arrivals.counted(cell, time, call.measures.get(Count::Requests));
        self.unpriced_calls += call.measures.get(Count::Unpriced);
        self.recounted.push((cell, call.measures));
    }
}

impl Writer {
    /// Starts on a store whose latest commit is the current snapshot.
    pub fn new(
        store: Store,
        seen: SeenIds,
        open_store: OpenStore,
        shared: Arc<Shared>,
        clock: Clock,
    ) -> Result<Writer, StoreError> {
        let snapshot = shared.current.load_full();
        let audit = snapshot.reader.audit_head()?;
        shared.metrics.audit_entries.store(audit.sequence, Ordering::Relaxed);
        Ok(Writer {
            store: Ok(store),
            open_store,
            tried: Instant::now(),
            dictionary: snapshot.dictionary.clone(),
            directory: snapshot.directory.clone(),
            seen,
            spans: snapshot.reader.span_index()?,
            open: OpenDays::new(snapshot.reader.open_days()?),
            audit,
            gathering: Gathering::default(),
            decisions_written: Instant::now(),
            shared,
            clock,
        })
    }

    /// Serves requests until every sender is gone, and seals between them.
    pub fn run(mut self, requests: &Receiver<Queued>) {
        let mut looked = Instant::now();
        let mut forgot: Option<Instant> = None;
        let mut more_to_do = false;
        loop {
            let wait = match self.check_disk() {
                Ok(()) if more_to_do => Duration::ZERO,
                Ok(()) => IDLE,
                Err(_) => AGAIN,
            };
            let mut next = match requests.recv_timeout(wait) {
                Ok(first) => Some(first),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => return self.write_decisions(),
            };
            let idle = next.is_none();
            let (mut group, mut rooms, mut events) = (Vec::new(), Vec::new(), 0);
            while let Some(Queued { request, slot, room }) = next {
                drop(slot);
                events += request.events();
                group.push(request);
                rooms.extend(room);
                next = if events < GROUP_EVENTS { self.next(requests, group.len(), events) } else { None };
            }
            let ready = self.reopen();
            if !group.is_empty() {
                match &ready {
                    Ok(()) => self.serve(group),
                    Err(error) => self.refuse(group, error),
                }
                self.shared.metrics.queued_events.fetch_sub(events, Ordering::Relaxed);
            }
            drop(rooms);
            if ready.is_err() {
                continue;
            }
            more_to_do = self.tidy_ids();
            self.drop_spans();
            if idle || looked.elapsed() > BUSY {
                self.write_decisions();
                more_to_do |= self.seal_due();
                looked = Instant::now();
                if forgot.is_none_or(|last| last.elapsed() > FORGETTING) {
                    self.forget();
                    forgot = Some(Instant::now());
                }
            }
        }
    }

    /// Another request for a group, if one is there or worth waiting for.
    fn next(&self, requests: &Receiver<Queued>, grouped: usize, events: usize) -> Option<Queued> {
        let waiting = requests.try_recv().ok();
        let wait = || self.gathering.wait(Instant::now(), grouped, events);
        waiting.or_else(|| requests.recv_timeout(wait()?).ok())
    }

    pub(super) fn store(&self) -> &Store {
        self.store.as_ref().expect("nothing is written while the store is not open")
    }

    fn check_disk(&self) -> Result<(), Arc<StoreError>> {
        Ok(self.store.as_ref().map_err(Arc::clone)?.check_disk()?)
    }

    /// Opens the store again if the disk had failed and works now. Until then readers keep their snapshots; a question
    /// under way at that moment fails, and can be asked again.
    fn reopen(&mut self) -> Result<(), Arc<StoreError>> {
        let Err(error) = self.check_disk() else { return Ok(()) };
        if self.tried.elapsed() < AGAIN {
            return Err(error);
        }
        self.tried = Instant::now();
        if self.store.as_ref().is_ok_and(|store| !store.disk_works_again()) {
            return Err(error);
        }
        // Closed first: a file is open once only.
        self.store = Err(error);
        let opened = self.load().map_err(Arc::new);
        match &opened {
            Ok(()) => tracing::info!("the disk works again and the store is open"),
            Err(error) => {
                tracing::error!(%error, "the store cannot be opened again");
                self.store = Err(error.clone());
            }
        }
        opened
    }

    /// Opens the store and takes what is in memory from it: whether the commit that failed is in it is not known before.
    fn load(&mut self) -> Result<(), StoreError> {
        let store = (self.open_store)()?;
        let (snapshot, seen) = Snapshot::with_seen_ids(&store)?;
        self.shared.current.store(Arc::new(snapshot));
        self.shared.freshness.note(std::iter::empty(), true);
        self.shared.accounts().close_all();
        *self = Writer::new(store, seen, self.open_store.clone(), self.shared.clone(), self.clock.clone())?;
        Ok(())
    }

    fn refuse(&self, group: Vec<Request>, error: &Arc<StoreError>) {
        self.shared.metrics.failed_commits.fetch_add(1, Ordering::Relaxed);
        group.into_iter().for_each(|request| request.answer(Err(EngineError::Store(error.clone()))));
    }

    /// Writes what was noted of decisions, where nothing else is written that it could go with.
    fn write_decisions(&mut self) {
        if self.store.is_ok() && !self.shared.noted.is_empty() {
            let (reply, _) = oneshot::channel();
            if let Err(error) = self.commit(&[Request::Decisions { reply }]) {
                // They stay in memory; the next round tries again.
                tracing::warn!(%error, "decisions could not be written");
            }
        }
    }

    /// Seals one period that is due. Whether there was one.
    fn seal_due(&mut self) -> bool {
        let Some((organization, period)) = self.open.due((self.clock)()) else { return false };
        if let Err(error) = self.seal(organization, period) {
            // What is open stays open and is answered for; the next try is an hour away.
            tracing::error!(%error, "a period could not be sealed");
        }
        true
    }

    /// Seals the days of a period that are over.
    fn seal(&mut self, organization: OrganizationId, period: Period) -> Result<store::Sealed, StoreError> {
        let now = (self.clock)();
        let until = sealable_before(now);
        // Without a name what is open is damaged, which sealing says.
        let none = Log::default();
        let series = self.dictionary.by_number(organization).map_or(&none, |names| names.series());
        let sealed = self.store().begin().and_then(|writer| {
            let sealed = writer.seal(organization, period, until, series)?;
            writer.commit()?;
            Ok(sealed)
        });
        match sealed {
            Ok(_) => self.open.sealed(organization, period, until, now),
            Err(_) => self.open.failed(organization, period, now),
        }
        let sealed = sealed?;
        self.publish(&Touched::default())?;
        Ok(sealed)
    }

    /// Seals every day that is over, and removes what is too old.
    fn seal_all(&mut self) -> Result<SealReport, StoreError> {
        self.forget();
        let mut report = SealReport::default();
        for (organization, period) in self.open.over((self.clock)()) {
            let sealed = self.seal(organization, period)?;
            report.periods += 1;
            report.rows += sealed.taken as u64;
        }
        Ok(report)
    }

    fn serve(&mut self, group: Vec<Request>) {
        let (alone, group): (Vec<Request>, Vec<Request>) =
            group.into_iter().partition(|request| matches!(request, Request::Seal { .. } | Request::Reprice { .. }));
        if !group.is_empty() {
            self.serve_changes(group);
        }
        for request in alone {
            match request {
                Request::Seal { reply } => drop(reply.send(self.seal_all().map_err(EngineError::from))),
                Request::Reprice { part, reply } => drop(reply.send(self.reprice(part).map_err(EngineError::from))),
                _ => unreachable!("changes are served together"),
            }
        }
    }

    fn serve_changes(&mut self, group: Vec<Request>) {
        match self.commit(&group) {
            Ok(results) => {
                // Before anybody is answered, who could send more at once.
                self.gathering.committed(Instant::now(), group.len(), self.shared.waiting());
                for (request, result) in group.into_iter().zip(results) {
                    request.answer(Ok(result));
                }
            }
            // One sender's absurd numbers must not fail the others: each on its own.
            Err(StoreError::Overflow(_)) if group.len() > 1 => {
                group.into_iter().for_each(|one| self.serve_changes(vec![one]));
            }
            Err(error) => {
                self.shared.metrics.failed_commits.fetch_add(1, Ordering::Relaxed);
                tracing::error!(%error, "a commit failed");
                let error = Arc::new(error);
                group.into_iter().for_each(|request| request.answer(Err(EngineError::Store(error.clone()))));
            }
        }
    }

    /// Carries out all requests in one transaction, or takes every trace of them back.
    fn commit(&mut self, group: &[Request]) -> Result<Vec<Answer>, StoreError> {
        let before = (self.dictionary.clone(), self.directory.clone(), self.audit);
        let spans = self.spans.next();
        let mut touched = Touched::default();
        let started = Instant::now();
        let committed = self.write(group, &mut touched);
        match committed {
            Ok(answers) => {
                let metrics = &self.shared.metrics;
                metrics.commits.fetch_add(1, Ordering::Relaxed);
                metrics.commit_microseconds.fetch_add(started.elapsed().as_micros() as u64, Ordering::Relaxed);
                for answer in &answers {
                    if let Answer::Ingested(ingested) = answer {
                        metrics.accepted_events.fetch_add(ingested.accepted as u64, Ordering::Relaxed);
                        metrics.completed_events.fetch_add(ingested.completed as u64, Ordering::Relaxed);
                        metrics.duplicate_events.fetch_add(ingested.duplicates as u64, Ordering::Relaxed);
                    }
                }
                let now = (self.clock)();
                for ((organization, day), rows) in touched.days.iter().filter(|(_, rows)| **rows > 0) {
                    self.open.add(*organization, *day, *rows, now);
                }
                for (organization, period, until) in &touched.sealed {
                    self.open.sealed(*organization, *period, *until, now);
                }
                metrics.unpriced_calls.fetch_add(touched.unpriced_calls, Ordering::Relaxed);
                self.tell_audit(&touched);
                self.publish_group(group, &touched)?;
                Ok(answers)
            }
            Err(error) => {
                (self.dictionary, self.directory, self.audit) = before;
                for (organization, _, id) in touched.ids {
                    self.seen.remove(organization, id);
                }
                self.spans.take_back(spans);
                self.shared.noted.put_back(touched.decisions);
                Err(error)
            }
        }
    }

    fn write(&mut self, group: &[Request], touched: &mut Touched) -> Result<Vec<Answer>, StoreError> {
        let now = (self.clock)();
        self.seen.advance(Hour::of(now).unwrap_or_default());
        touched.arrivals = Arrivals::at(now);
        let writer = self.store().begin()?;
        let mut results = Vec::with_capacity(group.len());
        let mut additions: Vec<(Cell, &Measures)> = Vec::new();
        let mut intake = Lines::default();
        for request in group {
            results.push(match request {
                Request::Ingest { batch, .. } => {
                    write_rejected(&writer, batch)?;
                    Answer::Ingested(self.take(batch, &writer, &mut additions, &mut intake, touched)?)
                }
                Request::Change { change, note, .. } => {
                    Answer::Changed(self.apply(change.as_ref(), note.as_deref(), &writer, touched)?)
                }
                Request::Invoice { invoice, note, .. } => {
                    writer.put_invoice(invoice, now)?;
                    self.apply(None, Some(note), &writer, touched)?.ok();
                    // Its organization may have no number yet, which days are noted by.
                    touched.directory = true;
                    Answer::Done
                }
                Request::Acknowledge { stream, acknowledged, .. } => {
                    writer.put_acknowledged(stream, acknowledged)?;
                    Answer::Done
                }
                Request::Ship { write, .. } => {
                    match write {
                        ShipWrite::Everything { node, epoch } => writer.ship_everything(*node, *epoch)?,
                        ShipWrite::Again(ranges) => {
                            ranges.iter().for_each(|(of, segments)| writer.ship_again(*of, segments.clone()));
                        }
                        ShipWrite::Done(done, up_to) => writer.shipped(done, *up_to)?,
                    }
                    Answer::Done
                }
                Request::Decisions { .. } => Answer::Done,
                Request::Closing { write, note, .. } => {
                    match &**write {
                        ClosingWrite::Begin(organization) => writer.begin_closing(organization)?,
                        ClosingWrite::Entries(entries) => writer.put_closed(entries)?,
                        ClosingWrite::Close(closing) => writer.put_closing(closing)?,
                        ClosingWrite::Reopen(reopening) => writer.reopen(reopening)?,
                        ClosingWrite::Secret(organization, secret) => {
                            writer.put_pseudonym_secret(organization, secret)?;
                        }
                    }
                    self.apply(None, note.as_deref(), &writer, touched)?.ok();
                    // What answers say of it goes by no day.
                    touched.directory |= note.is_some();
                    Answer::Done
                }
                Request::Seal { .. } | Request::Reprice { .. } => unreachable!("served on its own"),
            });
        }
        let recounted = std::mem::take(&mut touched.recounted);
        additions.extend(recounted.iter().map(|(cell, measures)| (*cell, measures)));
        for (organization, segment, rows) in rollup::fold(additions)? {
            writer.add_rows(organization, segment, &rows)?;
            *touched.days.entry((organization, segment.day())).or_default() += rows.len() as u64;
            touched.rows.push((organization, segment, rows));
        }
        for (organization, calls) in &touched.taken_back {
            let names = self.dictionary.by_number(*organization).expect("what was counted has a name");
            for (period, until) in writer.take_back(*organization, calls, names.series())? {
                touched.sealed.push((*organization, period, until));
            }
            for call in calls {
                touched.days.entry((*organization, call.segment.day())).or_default();
            }
        }
        touched.arrivals.write(&writer, &touched.rows, &touched.taken_back)?;
        touched.stepped_in.write(&writer)?;
        touched.ids.sort_unstable_by_key(|(organization, hour, _)| (*organization, *hour));
        writer.log_arrivals(&mut self.seen, &touched.ids)?;
        if !touched.ids_of_other_hours.is_empty() {
            writer.keep_with_hour(&mut self.seen, &mut touched.ids_of_other_hours)?;
        }
        if !intake.is_empty() {
            writer.enter_intake(Hour::of(now).unwrap_or_default().day(), intake.lines())?;
        }
        // Now and then, since what was noted of one second is soon the same of the next.
        let is_asked_for = group.iter().any(|request| matches!(request, Request::Decisions { .. }));
        if is_asked_for || self.decisions_written.elapsed() >= BUSY {
            touched.decisions = self.shared.noted.take();
            for (organization, entries) in &touched.decisions {
                writer.put_decisions(organization, entries)?;
            }
            self.decisions_written = Instant::now();
        }
        writer.commit()?;
        Ok(results)
    }

    pub(super) fn apply(
        &mut self,
        change: Option<&Change>,
        note: Option<&Note>,
        writer: &store::Writer,
        touched: &mut Touched,
    ) -> Result<Result<Outcome, EngineError>, StoreError> {
        let (mut outcome, mut writes) = (Ok(Outcome::default()), Vec::new());
        let before = self.directory.clone();
        if let Some(change) = change {
            let mut next = Directory::clone(&self.directory);
            match next.apply(change.clone()) {
                Ok(applied) => {
                    (outcome, writes) = (Ok(applied.0), applied.1);
                    next.number_written(&writes, &self.dictionary);
                    self.directory = Arc::new(next);
                    touched.directory |= change.is_of_answers() && !writes.is_empty();
                    touched.moved_budgets.extend(before.moved_budgets(&writes).map(str::to_owned));
                }
                Err(refused) => outcome = Err(EngineError::from(refused)),
            }
        }
        for (key, record) in &writes {
            writer.put_record(key, record.as_deref())?;
        }
        // A directory that is as it was said to be is nobody's change.
        let is_as_it_was = change.is_some_and(Change::is_of_how_it_is) && outcome.is_ok() && writes.is_empty();
        if let Some(note) = note.filter(|_| !is_as_it_was) {
            let refusal = outcome.as_ref().err().map(ToString::to_string);
            for entry in note.entries((self.clock)(), &before, &writes, refusal) {
                writer.append_audit(&mut self.audit, &entry)?;
                touched.audit.push((self.audit, entry));
            }
        }
        Ok(outcome)
    }

    /// Tells the log and the metrics of entries of the audit log that are committed.
    pub(super) fn tell_audit(&self, touched: &Touched) {
        touched.audit.iter().for_each(|(head, entry)| log(head, entry));
        self.shared.metrics.audit_entries.store(self.audit.sequence, Ordering::Relaxed);
    }

    pub(super) fn publish(&self, touched: &Touched) -> Result<(), StoreError> {
        self.show(self.snapshot()?, touched);
        Ok(())
    }

    /// What was committed, as readers will see it.
    pub(super) fn snapshot(&self) -> Result<Arc<Snapshot>, StoreError> {
        let (dictionary, directory) = (self.dictionary.clone(), self.directory.clone());
        Ok(Arc::new(Snapshot { reader: self.store().reader()?, dictionary, directory }))
    }

    /// Shows a commit, and gives the one that was shown before.
    pub(super) fn show(&self, snapshot: Arc<Snapshot>, touched: &Touched) -> Arc<Snapshot> {
        let before = self.shared.current.swap(snapshot);
        self.shared.freshness.note(touched.days.keys().copied(), touched.directory);
        before
    }

    /// Moves some ids to where they belong next. Whether there were any.
    fn tidy_ids(&mut self) -> bool {
        self.seen.advance(Hour::of((self.clock)()).unwrap_or_default());
        let Ok(store) = &self.store else { return false };
        if !self.seen.need_tidying() {
            return false;
        }
        let tidied = store.begin().and_then(|writer| {
            let tidied = writer.tidy_ids(&mut self.seen)?;
            writer.commit()?;
            Ok(tidied)
        });
        match tidied {
            Ok(tidied) => tidied.map(|tidied| self.seen.tidied(tidied)).is_some(),
            Err(error) => {
                // They stay where they are: nothing is lost, and the next round tries again.
                tracing::warn!(%error, "ids could not be moved");
                false
            }
        }
    }
}

/// Says what the audit log says: a log that is kept elsewhere shows when the file's was written anew.
fn log(head: &AuditHead, entry: &AuditEntry) {
    let AuditEntry { actor, action, target, organization_id, detail, refusal, .. } = entry;
    let organization = organization_id.as_deref().unwrap_or_default();
    let result = refusal.as_deref().unwrap_or("ok");
    let (sequence, hash) = (head.sequence, head.hash_hex());
    tracing::info!(sequence, hash, actor, action, target, organization, detail, result, "audit");
}
