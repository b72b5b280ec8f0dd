//! Who created each API key, by the number that the dictionary has given the key. A question asks it of every key with
//! usage, and of a million keys no lookup by name is quick enough.

use std::sync::Arc;

use imbl::OrdMap;

use crate::model::ValueId;
use crate::store::Log;

/// The creators of one organization's keys. They have numbers of their own, from 1; 0 is nobody.
#[derive(Debug, Clone, Default)]
pub struct Owners {
    /// By API key, the first at index 0.
    of_key: Log<u32>,
    users: Log<Arc<str>>,
    numbers: OrdMap<Arc<str>, u32>,
}

impl Owners {
    /// How many there are.
    pub fn count(&self) -> usize {
        self.users.len()
    }

    /// The number of who created a key.
    #[inline]
    pub fn of(&self, api_key: ValueId) -> u32 {
        (api_key.0 as usize).checked_sub(1).and_then(|index| self.of_key.get(index)).copied().unwrap_or(0)
    }

    /// The user id of a creator.
    pub fn user(&self, number: u32) -> Option<&str> {
        self.users.get((number as usize).checked_sub(1)?).map(|user| &**user)
    }

    pub(super) fn set(&mut self, api_key: ValueId, user: &str) {
        let number = match self.numbers.get(user) {
            Some(number) => *number,
            None => {
                let user: Arc<str> = user.into();
                self.users.push(user.clone());
                self.numbers.insert(user, self.users.len() as u32);
                self.users.len() as u32
            }
        };
        let index = api_key.0 as usize - 1;
        while self.of_key.len() <= index {
            self.of_key.push(0);
        }
        self.of_key.set(index, number);
    }
}
