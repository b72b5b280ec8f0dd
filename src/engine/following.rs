//! Engines that show what others write.
//!
//! There is no writer and no file. Whoever is followed says when there is another state to show.

use std::sync::{Arc, Mutex};

use super::{Clock, Engine, Room, Shared, Snapshot};
use crate::model::UnixMs;

/// What an engine without a writer shows.
pub trait Following: Send + Sync {
    /// Looks for news. The state to show from now on, if it is another; or why nobody knows.
    fn look(&self) -> Result<Option<Snapshot>, String>;

    /// Why there may be more of an organization than is shown, or of all of them, where it cannot be asked.
    fn away(&self, organization: Option<&str>) -> Option<String>;

    /// Up to when all is known that was acknowledged of an organization, if anything is.
    fn complete_to(&self, organization: &str) -> Option<UnixMs>;

    /// Where changes go: of an organization, or in general.
    fn place_of_changes(&self, organization: Option<&str>) -> String;
}

impl Engine {
    /// Shows `first`, and what comes after it.
    pub fn follow(following: Arc<dyn Following>, first: Snapshot, clock: Clock) -> Engine {
        Engine {
            queue: Mutex::new(None),
            room: Room::default(),
            shared: Arc::new(Shared::of(first)),
            writer: Mutex::new(None),
            clock,
            directory: None,
            following: Some(following),
        }
    }

    /// What this engine follows, if it does.
    pub fn following(&self) -> Option<&dyn Following> {
        self.following.as_deref()
    }

    /// Shows what there is now.
    pub fn look_again(&self) -> Result<(), String> {
        let Some(following) = &self.following else { return Ok(()) };
        if let Some(snapshot) = following.look()? {
            let mut accounts = self.accounts();
            self.shared.current.store(Arc::new(snapshot));
            accounts.close_all();
        }
        Ok(())
    }
}
