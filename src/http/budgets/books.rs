//! Books of budgets, opened from the latest commit where they are closed.

use std::sync::MutexGuard;

use crate::budget::{Accounts, By, Standing};
use crate::directory::{Directory, Organization};
use crate::http::problem::Problem;
use crate::http::{App, on_a_thread};
use crate::model::UnixMs;
use crate::query::{About, GroupBy, used};

/// How often a request lets others go first while a commit is added to the accounts, before it waits on another thread.
const YIELDS: usize = 100;

/// The moment at which accounts are looked at.
#[derive(Clone, Copy)]
pub struct At<'a> {
    pub now: UnixMs,
    pub directory: &'a Directory,
    /// None that the directory knows has budgets.
    pub organization: Option<&'a Organization>,
}

/// Does something with the accounts, in which the organization's book is open. That takes microseconds unless the book
/// has to be opened, which reads its rollups and is done where it may take a while.
pub async fn with_book<T: Send + 'static>(
    app: &App,
    organization_id: &str,
    work: impl FnOnce(&mut Accounts, At<'_>) -> T + Send + 'static,
) -> Result<T, Problem> {
    // What waits here keeps other requests waiting, so others go first: a commit is added in less time than it takes to wake
    // a thread, as a rule. Whoever has let many go waits elsewhere.
    for _ in 0..YIELDS {
        if let Some(accounts) = app.engine.accounts_now() {
            if accounts.is_open(organization_id, app.engine.now()) {
                return look(app, organization_id, accounts, work);
            }
            break;
        }
        tokio::task::yield_now().await;
    }
    let (app, organization_id) = (app.clone(), organization_id.to_owned());
    on_a_thread(move || look(&app, &organization_id, app.engine.accounts(), work)).await
}

/// Where all budgets of an organization stand, for whoever may wait.
pub fn standings(app: &App, organization_id: &str) -> Result<Vec<Standing>, Problem> {
    look(app, organization_id, app.engine.accounts(), |accounts, at| {
        at.organization.map_or_else(Vec::new, |of| accounts.standings(organization_id, of, at.now))
    })
}

fn look<T>(
    app: &App,
    organization_id: &str,
    mut accounts: MutexGuard<'_, Accounts>,
    work: impl FnOnce(&mut Accounts, At<'_>) -> T,
) -> Result<T, Problem> {
    let (now, snapshot) = (app.engine.now(), app.engine.snapshot());
    let directory = &*snapshot.directory;
    let organization = directory.organization(organization_id).map(|found| &**found);
    if let Some(organization) = organization.filter(|_| !accounts.is_open(organization_id, now)) {
        let (reader, dictionary) = (&snapshot.reader, &*snapshot.dictionary);
        let about = About { reader, dictionary, directory, organization_id, organization };
        accounts.open(organization_id, organization, now, |time, by| {
            let by = match by {
                By::Organization => None,
                By::Project => Some(GroupBy::Project),
                By::Member => Some(GroupBy::User),
                By::ApiKey => Some(GroupBy::ApiKey),
                By::Team => Some(GroupBy::Team),
            };
            used(about, time, by)
        })?;
    }
    Ok(work(&mut accounts, At { now, directory, organization }))
}
