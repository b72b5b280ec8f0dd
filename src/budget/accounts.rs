//! The accounts of budgets: what is spent and reserved in each, kept up to date by what commits add.

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};
use std::ops::Range;
use std::sync::Arc;

use super::reservations::{KEPT_MS, Part, Reservation, Reservations};
use super::span::{Span, zone_of};
use crate::calendar::{Date, Zone};
use crate::directory::{Budget, BudgetAction, BudgetScope, Counted, Organization};
use crate::model::{Fingerprint, Measures, Segment, SeriesId, UnixMs};

/// Calls that may be under way at once, those that nobody tells of included: 5,000 a second would take 100 s each.
const RESERVATIONS: usize = 500_000;

/// Series of days whose accounts are kept in mind. A year that is sent late would be more than memory should hold.
const SERIES_DAYS: usize = 1 << 18;

/// What sums are asked by when a book is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum By {
    Organization,
    Project,
    Member,
    ApiKey,
    Team,
}

/// A call that somebody wants to make.
#[derive(Debug, Clone, Copy)]
pub struct Ask<'a> {
    pub api_key_id: &'a str,
    /// Where the directory does not know it by the key.
    pub project_id: Option<&'a str>,
    pub user_id: Option<&'a str>,
    /// What its event will be known by.
    pub call: Fingerprint,
    /// The estimate: picodollars, and tokens.
    pub cost: i128,
    pub tokens: u64,
    /// Whether it is to count until its event comes.
    pub reserve: bool,
}

/// Whether a call may be made, and which budgets have something to say about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    pub allowed: bool,
    pub findings: Vec<Finding>,
}

/// A budget that a call does not fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub budget_id: String,
    /// Whose, where it is a default.
    pub member: Option<String>,
    pub budget: Arc<Held>,
    pub spent: i128,
    pub reserved: i128,
    pub estimate: i128,
}

/// Where a budget stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    pub budget_id: String,
    pub budget: Arc<Held>,
    pub spent: i128,
    pub reserved: i128,
    /// Of a default: each member, what is spent and what is reserved.
    pub members: Option<Vec<(String, i128, i128)>>,
}

/// A budget with the window that it is in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    pub budget: Budget,
    pub zone: Zone,
    pub span: Span,
    segments: Range<Segment>,
}

impl Held {
    /// A budget in the window that it is in at a moment.
    pub fn new(budget: Budget, zone: Zone, now: UnixMs) -> Held {
        let span = Span::of(&budget, zone, now);
        let segments = span.segments();
        Held { budget, zone, span, segments }
    }

    fn counted(&self) -> Counted {
        self.budget.limit.counted()
    }

    fn blocks(&self) -> bool {
        self.budget.action == BudgetAction::Block
    }
}

/// More calls are under way than can be kept in mind. *Busy.*
#[derive(Debug, thiserror::Error)]
#[error("{RESERVATIONS} calls that were asked about have not been told of yet, which is the most; send their events")]
pub struct TooManyReservations;

/// The books of all organizations that were asked about.
#[derive(Debug, Default)]
pub struct Accounts {
    books: HashMap<String, Book>,
    reservations: usize,
}

/// The accounts of one organization's budgets.
#[derive(Debug)]
pub struct Book {
    /// While the clock is in here, and nothing closed it, what it says holds.
    valid: Range<UnixMs>,
    budgets: Vec<(String, Arc<Held>)>,
    /// Never removed, so that reservations can point at them.
    accounts: Vec<Account>,
    numbers: HashMap<(String, Option<String>), u32>,
    of_organization: Vec<u32>,
    of_project: HashMap<String, Vec<u32>>,
    of_api_key: HashMap<String, Vec<u32>>,
    /// Members' own.
    own: HashMap<String, Vec<u32>>,
    /// Budgets that are each member's default.
    defaults: Vec<usize>,
    /// All of a member's, as they were found.
    of_member: HashMap<String, Arc<[u32]>>,
    of_team: HashMap<String, Vec<u32>>,
    /// All of a series', as they were found: of a day, where it is said from which day on whose it is.
    of_series: HashMap<(SeriesId, Option<Date>), Arc<[u32]>>,
    /// The zone whose days assignments are of.
    zone: Zone,
    reservations: Reservations,
}

/// Of an account without a budget.
const NEVER: Range<Segment> = Segment(0)..Segment(0);

#[derive(Debug)]
struct Account {
    /// Among the book's budgets; none where there is no such budget any more, or it is not the member's.
    budget: Option<usize>,
    /// Whose it is in a default.
    member: Option<String>,
    /// What it counts, and of when: as its budget says, at hand for whoever adds to many accounts.
    counted: Counted,
    segments: Range<Segment>,
    /// When the window began that its sums are of.
    window: UnixMs,
    spent: i128,
    reserved: i128,
}

impl Accounts {
    /// Whether what an organization's book says is so at a moment.
    pub fn is_open(&self, organization_id: &str, now: UnixMs) -> bool {
        self.books.get(organization_id).is_some_and(|book| book.valid.contains(&now))
    }

    /// Whose books commits are to be added to.
    pub fn open_books(&self) -> impl Iterator<Item = &str> {
        self.books.iter().filter(|(_, book)| !book.valid.is_empty()).map(|(name, _)| name.as_str())
    }

    /// One of them.
    pub fn open_book(&mut self, organization_id: &str) -> Option<&mut Book> {
        self.books.get_mut(organization_id).filter(|book| !book.valid.is_empty())
    }

    /// What an organization's book says is not so any more.
    pub fn close(&mut self, organization_id: &str) {
        if let Some(book) = self.books.get_mut(organization_id) {
            book.valid = 0..0;
        }
    }

    pub fn close_all(&mut self) {
        self.books.values_mut().for_each(|book| book.valid = 0..0);
    }

    /// Opens a book anew: `sums` tells what was used in a stretch of time, by what.
    pub fn open<E>(
        &mut self,
        organization_id: &str,
        organization: &Organization,
        now: UnixMs,
        sums: impl FnMut(&Range<UnixMs>, By) -> Result<Vec<(Option<String>, Measures)>, E>,
    ) -> Result<(), E> {
        let book = self.books.entry(organization_id.to_owned()).or_insert_with(Book::new);
        book.valid = 0..0;
        book.fill(organization, now, sums)
    }

    /// Decides on a call by an open book, and reserves its estimate if it may be made.
    pub fn decide(
        &mut self,
        organization_id: &str,
        organization: &Organization,
        ask: Ask<'_>,
        now: UnixMs,
    ) -> Result<Decision, TooManyReservations> {
        let Some(book) = self.books.get_mut(organization_id) else {
            return Ok(Decision { allowed: true, findings: Vec::new() });
        };
        let before = book.reservations.len();
        book.expire(now);
        let others = self.reservations - before;
        let decided = book.decide(organization, ask, now, RESERVATIONS - others);
        self.reservations = others + book.reservations.len();
        decided
    }

    /// Where each budget of an open book stands.
    pub fn standings(&mut self, organization_id: &str, organization: &Organization, now: UnixMs) -> Vec<Standing> {
        let Some(book) = self.books.get_mut(organization_id) else { return Vec::new() };
        let before = book.reservations.len();
        book.expire(now);
        self.reservations = self.reservations - before + book.reservations.len();
        book.standings(organization)
    }

    /// The events of calls have come: what they cost is spent now, and no more reserved.
    pub fn arrived<'c>(&mut self, organization_id: &str, calls: impl IntoIterator<Item = &'c Fingerprint>) {
        if self.reservations == 0 {
            return;
        }
        let Some(book) = self.books.get_mut(organization_id) else { return };
        let before = book.reservations.len();
        for call in calls {
            if let Some(reservation) = book.reservations.tell(call) {
                book.release(&reservation);
            }
        }
        self.reservations = self.reservations - before + book.reservations.len();
    }

    /// Whether any call is under way that counts.
    pub fn has_reservations(&self) -> bool {
        self.reservations > 0
    }
}

impl Book {
    fn new() -> Book {
        Book {
            valid: 0..0,
            budgets: Vec::new(),
            accounts: Vec::new(),
            numbers: HashMap::new(),
            of_organization: Vec::new(),
            of_project: HashMap::new(),
            of_api_key: HashMap::new(),
            own: HashMap::new(),
            defaults: Vec::new(),
            of_member: HashMap::new(),
            of_team: HashMap::new(),
            of_series: HashMap::new(),
            zone: Zone::UTC,
            reservations: Reservations::default(),
        }
    }

    fn fill<E>(
        &mut self,
        organization: &Organization,
        now: UnixMs,
        mut sums: impl FnMut(&Range<UnixMs>, By) -> Result<Vec<(Option<String>, Measures)>, E>,
    ) -> Result<(), E> {
        for account in &mut self.accounts {
            (account.budget, account.segments) = (None, NEVER);
        }
        self.of_organization.clear();
        self.of_project.clear();
        self.of_api_key.clear();
        self.own.clear();
        self.defaults.clear();
        self.of_member.clear();
        self.of_team.clear();
        self.of_series.clear();
        self.zone = Zone::home(organization.profile.timezone.as_deref());
        let held = organization.budgets.iter().map(|(id, budget)| {
            let zone = zone_of(budget, &organization.profile);
            (id.clone(), Arc::new(Held::new(budget.clone(), zone, now)))
        });
        self.budgets = held.collect();
        let mut valid = UnixMs::MIN..UnixMs::MAX;
        // Own ones first: they decide whom a default is for.
        for number in 0..self.budgets.len() {
            let held = self.budgets[number].1.clone();
            valid = valid.start.max(held.span.valid.start)..valid.end.min(held.span.valid.end);
            let list = match &held.budget.scope {
                BudgetScope::Organization => None,
                BudgetScope::Project(id) => Some((By::Project, id.as_str())),
                BudgetScope::ApiKey(id) => Some((By::ApiKey, id.as_str())),
                BudgetScope::Team(id) => Some((By::Team, id.as_str())),
                BudgetScope::Member(Some(id)) => Some((By::Member, organization.person(id))),
                BudgetScope::Member(None) => {
                    self.defaults.push(number);
                    continue;
                }
            };
            let account = self.account(number, None);
            match list {
                None => self.of_organization.push(account),
                Some((By::Project, id)) => self.of_project.entry(id.to_owned()).or_default().push(account),
                Some((By::ApiKey, id)) => self.of_api_key.entry(id.to_owned()).or_default().push(account),
                Some((By::Team, id)) => self.of_team.entry(id.to_owned()).or_default().push(account),
                Some((_, id)) => self.own.entry(id.to_owned()).or_default().push(account),
            }
        }
        let mut known: HashMap<(Range<UnixMs>, By), HashMap<Option<String>, Measures>> = HashMap::new();
        for number in 0..self.budgets.len() {
            let held = self.budgets[number].1.clone();
            let (by, of) = match &held.budget.scope {
                BudgetScope::Organization => (By::Organization, None),
                BudgetScope::Project(id) => (By::Project, Some(id.clone())),
                BudgetScope::ApiKey(id) => (By::ApiKey, Some(id.clone())),
                BudgetScope::Team(id) => (By::Team, Some(id.clone())),
                BudgetScope::Member(id) => (By::Member, id.as_deref().map(|id| organization.person(id).to_owned())),
            };
            let used = match known.entry((held.span.time.clone(), by)) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(new) => new.insert(sums(&held.span.time, by)?.into_iter().collect()),
            };
            if held.budget.scope == BudgetScope::Member(None) {
                let used: Vec<(String, i128)> = used
                    .iter()
                    .filter_map(|(member, used)| Some((member.clone()?, held.counted().of(used))))
                    .filter(|(member, _)| self.is_default_for(&held, member))
                    .collect();
                for (member, used) in used {
                    let account = self.account(number, Some(&member));
                    self.accounts[account as usize].spent = used;
                }
            } else if let Some(used) = used.get(&of) {
                let account = self.account(number, None);
                self.accounts[account as usize].spent = held.counted().of(used);
            }
        }
        self.valid = valid;
        Ok(())
    }

    /// The account of a budget, or of one member in a default; made where there is none yet.
    fn account(&mut self, budget: usize, member: Option<&str>) -> u32 {
        let (id, held) = &self.budgets[budget];
        let new =
            u32::try_from(self.accounts.len()).expect("fewer accounts than members times budgets that fit memory");
        let number = *self.numbers.entry((id.clone(), member.map(str::to_owned))).or_insert(new);
        let window = held.span.time.start;
        if number == new {
            let member = member.map(str::to_owned);
            let (segments, counted) = (NEVER, held.counted());
            self.accounts.push(Account { budget: None, member, segments, counted, window, spent: 0, reserved: 0 });
        }
        let account = &mut self.accounts[number as usize];
        if account.budget.is_none() {
            // What was reserved in a window that is over does not count in the next one.
            let reserved = if account.window == window { account.reserved } else { 0 };
            (account.budget, account.window, account.spent, account.reserved) = (Some(budget), window, 0, reserved);
            (account.segments, account.counted) = (held.segments.clone(), held.counted());
        }
        number
    }

    /// Whether a default is a member's: not where they have one of their own of what it counts.
    fn is_default_for(&self, default: &Held, member: &str) -> bool {
        let goes_before =
            |account: &u32| self.held(*account).is_some_and(|own| own.span.holds && own.counted() == default.counted());
        !self.own.get(member).is_some_and(|own| own.iter().any(goes_before))
    }

    fn held(&self, account: u32) -> Option<&Arc<Held>> {
        self.accounts[account as usize].budget.map(|number| &self.budgets[number].1)
    }

    /// The accounts that a member's usage is added to.
    fn of_member(&mut self, member: &str) -> Arc<[u32]> {
        if let Some(known) = self.of_member.get(member) {
            return known.clone();
        }
        let mut accounts = self.own.get(member).cloned().unwrap_or_default();
        for number in self.defaults.clone() {
            let held = self.budgets[number].1.clone();
            if self.is_default_for(&held, member) {
                accounts.push(self.account(number, Some(member)));
            }
        }
        let accounts: Arc<[u32]> = accounts.into();
        self.of_member.insert(member.to_owned(), accounts.clone());
        accounts
    }

    /// Adds what a commit added to a series, or takes away what it took back. Its project and its API key are asked for
    /// where it is not known whose it is.
    pub fn add<'n>(
        &mut self,
        organization: &Organization,
        segment: Segment,
        series: SeriesId,
        named: impl FnOnce() -> (&'n str, &'n str),
        measures: &Measures,
        is_taken_back: bool,
    ) {
        // Of a segment all is of one day: days begin where segments do.
        let day = self.day(organization, segment.start_ms());
        let accounts = match self.of_series.get(&(series, day)) {
            Some(known) => known.clone(),
            None => {
                let (project, api_key) = named();
                let found: Arc<[u32]> = self.touched(organization, api_key, Some(project), None, day).into();
                if self.of_series.len() >= SERIES_DAYS {
                    self.of_series.clear();
                }
                self.of_series.insert((series, day), found.clone());
                found
            }
        };
        let amounts = [Counted::Cost, Counted::Requests, Counted::Tokens].map(|counted| counted.of(measures));
        for number in accounts.iter() {
            let account = &mut self.accounts[*number as usize];
            if account.segments.contains(&segment) {
                let amount = amounts[account.counted as usize];
                account.spent += if is_taken_back { -amount } else { amount };
            }
        }
    }

    /// The day that something is attributed on, where that matters.
    fn day(&self, organization: &Organization, at: UnixMs) -> Option<Date> {
        (!organization.assignments.is_empty()).then(|| self.zone.date_at(at))
    }

    /// Every account that a call of a key counts in, on such a day.
    fn touched(
        &mut self,
        organization: &Organization,
        api_key: &str,
        project: Option<&str>,
        user: Option<&str>,
        day: Option<Date>,
    ) -> Vec<u32> {
        let mut accounts = self.of_organization.clone();
        let project = project.or_else(|| organization.api_keys.get(api_key).map(|key| key.project_id.as_str()));
        accounts.extend(project.and_then(|project| self.of_project.get(project)).into_iter().flatten());
        accounts.extend(self.of_api_key.get(api_key).into_iter().flatten());
        // Somebody whom the directory does not have is nobody's member.
        let user = user.map(|user| organization.person(user)).filter(|user| organization.members.contains_key(*user));
        let day = day.map(|day| day.to_string()).unwrap_or_default();
        let owner = organization.owner_on(api_key, &day).or(user);
        let team = organization.team_on(api_key, owner, project, &day);
        accounts.extend(team.and_then(|team| self.of_team.get(team)).into_iter().flatten());
        if let Some(member) = owner {
            accounts.extend(self.of_member(member).iter());
        }
        accounts
    }

    fn decide(
        &mut self,
        organization: &Organization,
        ask: Ask<'_>,
        now: UnixMs,
        room: usize,
    ) -> Result<Decision, TooManyReservations> {
        let day = self.day(organization, now);
        let touched = self.touched(organization, ask.api_key_id, ask.project_id, ask.user_id, day);
        // What a call that was told of used is spent: it takes no more.
        let is_told = self.reservations.is_told(&ask.call);
        // The same call asked about again counts once.
        let earlier = if ask.reserve { self.reservations.take(&ask.call) } else { None };
        if let Some(earlier) = &earlier {
            self.release(earlier);
        }
        let mut parts = Vec::with_capacity(touched.len());
        let mut findings = Vec::new();
        for account in touched {
            let Account { budget, spent, reserved, window, .. } = self.accounts[account as usize];
            let Some((budget_id, held)) = budget.map(|number| &self.budgets[number]) else { continue };
            if !held.span.holds {
                continue;
            }
            let estimate = match held.counted() {
                _ if is_told => 0,
                Counted::Cost => ask.cost,
                Counted::Requests => 1,
                Counted::Tokens => i128::from(ask.tokens),
            };
            let left = held.budget.limit.amount() - spent - reserved;
            if left <= 0 || estimate > left {
                let (budget_id, budget) = (budget_id.clone(), held.clone());
                let member = self.accounts[account as usize].member.clone();
                findings.push(Finding { budget_id, member, budget, spent, reserved, estimate });
            }
            if estimate > 0 {
                parts.push(Part { account, window, amount: estimate });
            }
        }
        let allowed = !findings.iter().any(|finding| finding.budget.blocks());
        let again = earlier.is_some();
        let until = earlier.as_ref().map_or(now + KEPT_MS, |earlier| earlier.until);
        // A call that was allowed may be under way, whatever was asked about it since.
        let kept = match (allowed && ask.reserve && !parts.is_empty(), earlier) {
            (true, _) => Some(Reservation { parts, until }),
            (false, earlier) => earlier,
        };
        if let Some(kept) = kept {
            if self.reservations.len() >= room && !again {
                return Err(TooManyReservations);
            }
            for part in &kept.parts {
                let account = &mut self.accounts[part.account as usize];
                if account.window == part.window {
                    account.reserved += part.amount;
                }
            }
            self.reservations.keep(ask.call, kept, again);
        }
        Ok(Decision { allowed, findings })
    }

    fn release(&mut self, reservation: &Reservation) {
        for part in &reservation.parts {
            let account = &mut self.accounts[part.account as usize];
            if account.window == part.window {
                account.reserved -= part.amount;
            }
        }
    }

    fn expire(&mut self, now: UnixMs) {
        while let Some(ended) = self.reservations.ended(now) {
            self.release(&ended);
        }
    }

    fn standings(&mut self, organization: &Organization) -> Vec<Standing> {
        let here = |id: &&String| organization.active_member(id).is_some() && !organization.same_as.contains_key(*id);
        let present: Vec<&String> = organization.members.keys().filter(here).collect();
        let mut standings = Vec::with_capacity(self.budgets.len());
        for number in 0..self.budgets.len() {
            let (budget_id, budget) = self.budgets[number].clone();
            if budget.budget.scope != BudgetScope::Member(None) {
                let account = self.account(number, None) as usize;
                let Account { spent, reserved, .. } = self.accounts[account];
                standings.push(Standing { budget_id, budget, spent, reserved, members: None });
                continue;
            }
            let mut names: BTreeSet<&str> = present.iter().map(|id| id.as_str()).collect();
            names.retain(|member| self.is_default_for(&budget, member));
            let mut sums: Vec<(String, i128, i128)> = Vec::new();
            for Account { budget, member, spent, reserved, .. } in &self.accounts {
                let Some(member) = member.as_ref().filter(|_| *budget == Some(number)) else { continue };
                if names.remove(member.as_str()) || *spent != 0 || *reserved != 0 {
                    sums.push((member.clone(), *spent, *reserved));
                }
            }
            sums.extend(names.into_iter().map(|member| (member.to_owned(), 0, 0)));
            sums.sort();
            let (spent, reserved) =
                sums.iter().fold((0, 0), |sum, (_, spent, reserved)| (sum.0 + spent, sum.1 + reserved));
            standings.push(Standing { budget_id, budget, spent, reserved, members: Some(sums) });
        }
        standings
    }
}
