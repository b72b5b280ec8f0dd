//! The file: what is kept, under which keys, in which bytes.
//!
//! Owns tables, key order, the block codec, the dictionary of names and the record of seen event ids.
//!
//! Does not know HTTP, zones, threads or what the time is; whoever writes hands in the clock's reading.
//!
//! Invariants: one transaction holds the events' sums and their ids, so neither is ever without the other; a reader
//! sees one commit and nothing in between; bytes that are not what was written are an error, never a number.
//!
//! Tables (`docs/file-format.md` draws them; all integers in keys are big-endian, so byte order is key order):
//!
//! | Table | Key | Value |
//! |---|---|---|
//! | `meta` | name | format version; `store::webhooks`: what receivers of webhooks have acknowledged |
//! | `names` | organization, dimension, name | number of the name |
//! | `series` | organization, series | the series' values |
//! | `open` | organization, segment, run | [`block`]: rows in order of series |
//! | `rows` | organization, period, API key, part | `store::rows`: sealed rows in order of series and segment |
//! | `totals` | organization, pivot, cut, period, part | `store::totals`: daily totals; `store::sparse` |
//! | `periods` | organization, period | [`PeriodSummary`] |
//! | `arrivals` | arrival hour, sequence | ids that came last, as they came |
//! | `runs` | run, organization, part | `store::runs`: many ids of the last 48 hours, sorted |
//! | `ids` | organization, hour, layer, first id | `store::aged`: older ids, sorted |
//! | `incomplete` | organization, id, segment | `store::incomplete`: what calls without tokens were counted as |
//! | `directory` | kind, organization, id | [`record`] |
//! | `audit` | number | `store::audit`: who did what, chained by hashes |
//! | `invoices` | organization, provider, report, day, part | `store::invoices`: what providers billed |
//! | `repricings` | organization, number, model | `store::reprice`: what a repricing changed |
//! | `spans` | sequence | `store::spans`: spans that told of calls in the last days, as they came |
//! | `intake` | organization, day, hash | `store::intake`: what became of what was sent |
//! | `closings` | organization, month, kind, part | `store::closings`: months that are closed |
//! | `timing` | organization, day, segment | `store::timing`: when usage came |
//! | `decisions` | organization, moment, hash | `store::decisions`: calls that were refused, or would have been |
//! | `interventions` | organization, segment, hash | `store::interventions`: guardrails and filters that stepped in |
//! | `unshipped` | what was touched | `store::shipping`: what a cluster does not have yet |

mod aged;
mod audit;
pub mod block;
mod closings;
mod columns;
mod copy;
mod decisions;
mod dictionary;
mod disk;
mod elsewhere;
mod error;
mod filter;
mod forget;
mod format;
mod ids;
mod incomplete;
mod index;
mod inspect;
mod intake;
mod interventions;
mod invoices;
mod keys;
mod log;
mod mirror;
mod open;
mod packed;
pub mod record;
mod reprice;
mod rows;
mod runs;
mod seal;
mod shipping;
mod sorted;
mod spans;
mod sparse;
mod texts;
mod timing;
mod totals;
mod untouched;
mod verify;
mod webhooks;

use std::fs::File;
use std::ops::{Range, RangeInclusive};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use redb::backends::FileBackend;
use redb::{Database, Durability, ReadableDatabase, ReadableTable, StorageBackend, TableDefinition};
use roaring::RoaringBitmap;

pub use aged::AgedIds;
pub use audit::{AuditEntry, AuditHead};
pub use closings::{
    Closed, ClosedLabel, ClosedLine, ClosedOwners, ClosedSums, Closing, ClosingEntry, FixedLine, FixedName, MovedLine,
    RemovedLine, Reopening, closed_sums,
};
pub use columns::{COLUMNS, Column, STRETCHES};
pub use decisions::{DECISION_ENTRIES, DecisionEntry, DecisionMark, DecisionReason};
pub use dictionary::{Dictionary, OrganizationNames};
pub use elsewhere::{Apart, Elsewhere, Sum, Wanted};
pub use error::StoreError;
pub(crate) use error::damaged;
pub use ids::{IdPolicy, RunsOfIds, SeenIds, Tidied};
pub use incomplete::{Counted, Incomplete};
pub use intake::IntakeLine;
pub use interventions::InterventionLine;
pub use log::Log;
pub use mirror::MIRRORED;
pub use packed::BlockError;
pub use reprice::{Reprice, Repriced, Repricing, RepricingRecord};
pub use rows::{Rows, Which};
pub use runs::Seen;
pub use seal::{SealPolicy, Sealed};
pub use shipping::{RecordOwner, RecordTable, Shipping, State, Unshipped};
pub use spans::{KnownSpan, MAX_ALIKE, Place, SpanIndex, Spans, asked_by, asked_by_content, known_by};
pub use sparse::Sparse;
pub use timing::{Came, Exceptions, Late, SegmentTiming, SeriesTiming, Timing};
pub use totals::Totals;
pub use verify::{Contents, Verified};
pub use webhooks::Acknowledged;

use crate::model::{Dimension, NameLimits, OrganizationId, Period, SEGMENTS, Segment, Series, SeriesId, ValueId};
use disk::Disk;
use error::io_failed;

/// Version of everything in the file. Raised when old files need a migration to be read.
pub const FORMAT_VERSION: u32 = 9;

type Bytes = &'static [u8];
type Table = TableDefinition<'static, Bytes, Bytes>;
const META: Table = TableDefinition::new("meta");
const NAMES: Table = TableDefinition::new("names");
const SERIES: Table = TableDefinition::new("series");
const OPEN: Table = TableDefinition::new("open");
const ROWS: Table = TableDefinition::new("rows");
const TOTALS: Table = TableDefinition::new("totals");
const PERIODS: Table = TableDefinition::new("periods");
const ARRIVALS: Table = TableDefinition::new("arrivals");
const RUNS: Table = TableDefinition::new("runs");
const IDS: Table = TableDefinition::new("ids");
const DIRECTORY: Table = TableDefinition::new("directory");
const AUDIT: Table = TableDefinition::new("audit");
const INVOICES: Table = TableDefinition::new("invoices");
const REPRICINGS: Table = TableDefinition::new("repricings");
const INCOMPLETE: Table = TableDefinition::new("incomplete");
const INTAKE: Table = TableDefinition::new("intake");
const SPANS: Table = TableDefinition::new("spans");
const TIMING: Table = TableDefinition::new("timing");
const CLOSINGS: Table = TableDefinition::new("closings");
const DECISIONS: Table = TableDefinition::new("decisions");
const UNSHIPPED: Table = TableDefinition::new("unshipped");
const INTERVENTIONS: Table = TableDefinition::new("interventions");

const TABLES: [Table; 21] = [
    NAMES,
    SERIES,
    OPEN,
    ROWS,
    TOTALS,
    PERIODS,
    ARRIVALS,
    RUNS,
    IDS,
    DIRECTORY,
    AUDIT,
    INVOICES,
    REPRICINGS,
    INCOMPLETE,
    INTAKE,
    SPANS,
    TIMING,
    CLOSINGS,
    DECISIONS,
    UNSHIPPED,
    INTERVENTIONS,
];

/// Where in `totals` the rows of values are that are too rarely used to have daily totals. No cut is 0.
const RARE: (bool, u8) = (false, 0);

/// An open store file.
pub struct Store {
    database: Database,
    disk: Disk,
    seal_policy: SealPolicy,
    id_policy: IdPolicy,
    name_limits: NameLimits,
}

impl Store {
    /// Opens the file, creating it when absent. Recovers by itself from a crash.
    pub fn open(path: &Path) -> Result<Store, StoreError> {
        let file = File::options().read(true).write(true).create(true).truncate(false).open(path).map_err(io_failed)?;
        Store::open_backend(FileBackend::new(file)?)
    }

    /// Opens what is kept elsewhere than in a file; for tests.
    pub fn open_backend(backend: impl StorageBackend) -> Result<Store, StoreError> {
        let disk = Disk::new(backend);
        disk.start_over()?;
        // Sealed blocks are read through this cache; 256 MiB holds a year of several large organizations.
        let mut builder = Database::builder();
        let builder = builder.set_cache_size(256 << 20);
        reading(|| Store::prepare(builder.create_with_backend(disk.clone())?, disk))
    }

    fn prepare(database: Database, disk: Disk) -> Result<Store, StoreError> {
        let store = Store {
            database,
            disk,
            seal_policy: SealPolicy::default(),
            id_policy: IdPolicy::default(),
            name_limits: NameLimits::default(),
        };
        store.bring_up_to_date()?;
        Ok(store)
    }

    /// Seals by another policy than the default.
    pub fn with_seal_policy(self, seal_policy: SealPolicy) -> Store {
        Store { seal_policy, ..self }
    }

    /// Keeps ids by another policy than the default.
    pub fn with_id_policy(self, id_policy: IdPolicy) -> Store {
        Store { id_policy, ..self }
    }

    /// Keeps other numbers of names than the default.
    pub fn with_name_limits(self, name_limits: NameLimits) -> Store {
        Store { name_limits, ..self }
    }

    pub fn id_policy(&self) -> IdPolicy {
        self.id_policy
    }

    pub fn name_limits(&self) -> NameLimits {
        self.name_limits
    }

    /// The state as of the latest commit.
    pub fn reader(&self) -> Result<Reader, StoreError> {
        Reader::new(&self.database)
    }

    /// An error once the disk has failed. What was committed before can still be read; the rest takes opening the store
    /// again.
    pub fn check_disk(&self) -> Result<(), StoreError> {
        self.disk.check()
    }

    /// Whether what failed would succeed now.
    pub fn disk_works_again(&self) -> bool {
        self.disk.works_again()
    }

    /// Starts the one write transaction there can be.
    pub fn begin(&self) -> Result<Writer, StoreError> {
        self.disk.check()?;
        let mut transaction = self.database.begin_write()?;
        transaction.set_durability(Durability::Immediate)?;
        // Recovery after a crash then does not depend on the size of the file; it only counts when every commit does it.
        transaction.set_quick_repair(true);
        let touched = shipping::Touched::new(&transaction)?;
        Ok(Writer { transaction, disk: self.disk.clone(), seal_policy: self.seal_policy, touched })
    }
}

/// Runs what reads a file that may be anything. The database stops at some bytes that it did not write.
fn reading<T>(read: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
    caught(read).unwrap_or_else(|text| Err(damaged(format!("the database cannot read it: {text}"))))
}

/// What a piece of work makes, or what its panic says: of a thread that has other work to do, too.
pub fn caught<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no reason given").to_owned()
    })
}

/// Takes note of how far a long piece of work is: what is done, and of how much.
pub type Progress<'a> = dyn FnMut(u64, u64) + 'a;

/// One commit of the store, for as long as it is held.
pub struct Reader {
    transaction: redb::ReadTransaction,
    bytes_read: AtomicU64,
    elsewhere: Option<Arc<dyn Elsewhere>>,
}

impl Reader {
    fn new(database: &Database) -> Result<Reader, StoreError> {
        Ok(Reader { transaction: database.begin_read()?, bytes_read: AtomicU64::new(0), elsewhere: None })
    }

    /// The same where usage is kept elsewhere. The file must have none.
    pub fn with_usage_from(self, elsewhere: Arc<dyn Elsewhere>) -> Reader {
        Reader { elsewhere: Some(elsewhere), ..self }
    }

    /// Where usage is, if it is elsewhere.
    pub fn elsewhere(&self) -> Option<&dyn Elsewhere> {
        self.elsewhere.as_deref()
    }

    /// Why two sums that must be the same are not: of a file it is damage, elsewhere they were read one after the other.
    pub(crate) fn differs(&self, what: &str) -> StoreError {
        if self.elsewhere.is_some() { StoreError::Moved } else { damaged(what) }
    }

    /// How many bytes of blocks were read so far.
    pub fn bytes_read(&self) -> u64 {
        self.bytes_read.load(Ordering::Relaxed)
    }

    fn count_bytes(&self, block: &[u8]) {
        self.bytes_read.fetch_add(block.len() as u64, Ordering::Relaxed);
    }

    /// Where an organization's usage may begin: the first of its open segments and sealed periods.
    pub fn first_segment(&self, organization: OrganizationId) -> Result<Option<Segment>, StoreError> {
        if let Some(elsewhere) = self.elsewhere() {
            return elsewhere.first_segment(organization);
        }
        let (first, end) =
            (keys::open(organization, Segment(0), 0), keys::open(organization, Segment(u32::MAX), u32::MAX));
        let mut open = self.transaction.open_table(OPEN)?.range::<&[u8]>(&first[..]..=&end[..])?;
        let open = open
            .next()
            .transpose()?
            .map(|(key, _)| keys::open_segment(key.value()).ok_or_else(|| damaged("a key of open rollups")));
        let (first, end) = (keys::period(organization, Period(0)), keys::period(organization, Period(u32::MAX)));
        let mut sealed = self.transaction.open_table(PERIODS)?.range::<&[u8]>(&first[..]..=&end[..])?;
        let sealed = sealed.next().transpose()?.map(|(key, _)| {
            let period = keys::read_u32(key.value(), 4).map(Period).ok_or_else(|| damaged("a period's key"))?;
            Ok::<_, StoreError>(period.first_segment())
        });
        Ok(open.transpose()?.into_iter().chain(sealed.transpose()?).min())
    }

    /// The sealed periods among `periods`, in order.
    pub fn periods(
        &self,
        organization: OrganizationId,
        periods: Range<Period>,
    ) -> Result<Vec<(Period, PeriodSummary)>, StoreError> {
        let mut found = Vec::new();
        if periods.is_empty() {
            return Ok(found);
        }
        let table = self.transaction.open_table(PERIODS)?;
        let first = keys::period(organization, periods.start);
        let end = keys::period(organization, periods.end);
        for entry in table.range::<&[u8]>(&first[..]..&end[..])? {
            let (key, value) = entry?;
            let period = keys::read_u32(key.value(), 4).map(Period).ok_or_else(|| damaged("a period's key"))?;
            found.push((period, PeriodSummary::decode(key.value(), value.value())?));
        }
        Ok(found)
    }

    /// Calls `visit` with the sealed rows of each series of some API keys in one period.
    pub fn scan_rows(
        &self,
        organization: OrganizationId,
        period: Period,
        api_keys: RangeInclusive<ValueId>,
        mut visit: impl FnMut(Rows<'_>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let table = self.transaction.open_table(ROWS)?;
        let first = keys::rows(organization, period, *api_keys.start(), 0);
        let last = keys::rows(organization, period, *api_keys.end(), u16::MAX);
        for entry in table.range::<&[u8]>(&first[..]..=&last[..])? {
            let (key, value) = entry?;
            self.count_bytes(value.value());
            rows::read(key.value(), value.value(), &mut visit)?;
        }
        Ok(())
    }

    /// Calls `visit` with the rows of values that have no daily totals in periods that have them, a block at a time.
    pub fn scan_rare(
        &self,
        organization: OrganizationId,
        pivot: Pivot,
        periods: Range<Period>,
        mut visit: impl FnMut(Period, &Sparse<'_>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        self.scan_cut(organization, pivot, RARE, periods, |period, key, block| {
            visit(period, &Sparse::read(key, block)?)
        })
    }

    /// Calls `visit` with the daily totals at a cut: for each value of a dimension its usage on the days of a period
    /// that begin after the first `cut` segments of a UTC day. `cut` is at least 1 and at most [`SEGMENTS`], the end of
    /// the UTC day. Either with the columns that most questions ask for or with the others, see
    /// [`Column::is_frequent`].
    pub fn scan_totals(
        &self,
        organization: OrganizationId,
        pivot: Pivot,
        frequent: bool,
        cut: usize,
        periods: Range<Period>,
        mut visit: impl FnMut(&Totals<'_>),
    ) -> Result<(), StoreError> {
        assert!((1..=SEGMENTS).contains(&cut), "there is no cut {cut}");
        self.scan_cut(organization, pivot, (frequent, cut as u8), periods, |_, key, block| {
            Ok(totals::read(key, block, |totals| visit(&totals))?)
        })
    }

    fn scan_cut(
        &self,
        organization: OrganizationId,
        pivot: Pivot,
        (frequent, cut): (bool, u8),
        periods: Range<Period>,
        mut visit: impl FnMut(Period, &[u8], &[u8]) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        if periods.is_empty() {
            return Ok(());
        }
        let table = self.transaction.open_table(TOTALS)?;
        let first = keys::totals(organization, pivot, frequent, cut, periods.start, 0);
        let end = keys::totals(organization, pivot, frequent, cut, periods.end, 0);
        for entry in table.range::<&[u8]>(&first[..]..&end[..])? {
            let (key, value) = entry?;
            let period = keys::totals_period(key.value()).ok_or_else(|| damaged("a key of daily totals"))?;
            self.count_bytes(value.value());
            visit(period, key.value(), value.value())?;
        }
        Ok(())
    }

    /// Calls `visit` with the key and the bytes of each record that the directory has written.
    pub fn each_record(&self, mut visit: impl FnMut(&[u8], &[u8]) -> Result<(), StoreError>) -> Result<(), StoreError> {
        for entry in self.transaction.open_table(DIRECTORY)?.iter()? {
            let (key, value) = entry?;
            visit(key.value(), value.value())?;
        }
        Ok(())
    }

    /// Reads the whole dictionary.
    pub fn dictionary(&self) -> Result<Dictionary, StoreError> {
        dictionary::load(&self.transaction.open_table(NAMES)?, &self.transaction.open_table(SERIES)?)
    }

    /// Reads what is known of ids that arrived lately.
    pub fn seen_ids(&self, policy: IdPolicy) -> Result<SeenIds, StoreError> {
        ids::load(self, policy)
    }
}

/// What is known of a sealed period without reading its rows.
#[derive(Debug, Clone, PartialEq)]
pub struct PeriodSummary {
    /// Sealed rows, by series and segment.
    pub rows: u64,
    /// Picodollars of all of them: no sum of them is larger.
    pub cost: u128,
    /// Whether the period has daily totals. Small ones do without.
    pub has_totals: bool,
    /// The API keys with sealed rows.
    pub api_keys: RoaringBitmap,
}

const SUMMARY_VERSION: u8 = 1;

impl PeriodSummary {
    fn encode(&self, key: &[u8]) -> Vec<u8> {
        let mut body = vec![u8::from(self.has_totals)];
        packed::put_varint(&mut body, u128::from(self.rows));
        packed::put_varint(&mut body, self.cost);
        self.api_keys.serialize_into(&mut body).expect("memory takes every write");
        packed::bind(key, packed::frame(SUMMARY_VERSION, &body))
    }

    fn decode(key: &[u8], bytes: &[u8]) -> Result<PeriodSummary, StoreError> {
        let mut at = packed::unframe(SUMMARY_VERSION, key, bytes)?;
        Ok(PeriodSummary {
            has_totals: packed::take_byte(&mut at)? == 1,
            rows: packed::take_varint(&mut at)? as u64,
            cost: packed::take_varint(&mut at)?,
            api_keys: RoaringBitmap::deserialize_from(at).map_err(|e| damaged(format!("a period's API keys: {e}")))?,
        })
    }
}

/// What sealed usage has daily totals by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Pivot {
    /// The whole organization, as the value 0.
    All,
    By(Dimension),
}

impl Pivot {
    const EVERY: [Pivot; 6] = [
        Pivot::All,
        Pivot::By(Dimension::Project),
        Pivot::By(Dimension::ApiKey),
        Pivot::By(Dimension::Model),
        Pivot::By(Dimension::Provider),
        Pivot::By(Dimension::Source),
    ];

    /// Its number in keys.
    fn number(self) -> u8 {
        match self {
            Pivot::All => 0,
            Pivot::By(dimension) => dimension as u8,
        }
    }

    /// Whether daily totals by this pivot have a column. They take space for every cut of every day, so they have
    /// what tables and charts of the pivot show; what else is asked is added up from rows.
    pub fn keeps(self, column: Column) -> bool {
        match self {
            Pivot::All => true,
            Pivot::By(Dimension::ApiKey) => {
                column.is_frequent() || matches!(column, Column::Errors | Column::ClientErrors)
            }
            Pivot::By(_) => column.is_frequent(),
        }
    }

    /// Those it keeps, of the columns that most questions ask for or of the others.
    fn columns(self, frequent: bool) -> impl Iterator<Item = Column> {
        Column::ALL.into_iter().filter(move |column| column.is_frequent() == frequent && self.keeps(*column))
    }

    pub fn value_of(self, series: &Series) -> ValueId {
        match self {
            Pivot::All => ValueId::NONE,
            Pivot::By(dimension) => series.value(dimension),
        }
    }
}

/// One write transaction: all of it happens, or none.
pub struct Writer {
    transaction: redb::WriteTransaction,
    disk: Disk,
    seal_policy: SealPolicy,
    /// For those who ship.
    touched: shipping::Touched,
}

impl Writer {
    /// Writes a new name of the dictionary.
    pub fn put_name(
        &self,
        organization: OrganizationId,
        dimension: Option<Dimension>,
        name: &str,
        number: u32,
    ) -> Result<(), StoreError> {
        let key = keys::name(organization, dimension, name);
        self.touch_record(NAMES, &key);
        self.transaction.open_table(NAMES)?.insert(&key[..], &number.to_be_bytes()[..])?;
        Ok(())
    }

    /// Writes a new series of the dictionary.
    pub fn put_series(&self, organization: OrganizationId, id: SeriesId, series: &Series) -> Result<(), StoreError> {
        let (key, value) = (keys::series(organization, id), dictionary::encode_series(series));
        self.touch_record(SERIES, &key);
        self.transaction.open_table(SERIES)?.insert(&key[..], &value[..])?;
        Ok(())
    }

    /// Writes a record of the directory, or removes it.
    pub fn put_record(&self, key: &[u8], record: Option<&[u8]>) -> Result<(), StoreError> {
        self.touch_record(DIRECTORY, key);
        let mut table = self.transaction.open_table(DIRECTORY)?;
        match record {
            Some(record) => drop(table.insert(key, record)?),
            None => drop(table.remove(key)?),
        }
        Ok(())
    }

    /// Makes everything durable; once this returns, no crash undoes it.
    pub fn commit(self) -> Result<(), StoreError> {
        self.write_touched()?;
        self.transaction.commit()?;
        self.disk.check()
    }
}
