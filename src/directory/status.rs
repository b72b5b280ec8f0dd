//! Whether an entry is in use: nothing that usage may refer to is removed.

use crate::store::record::{Decode, Encode};

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
pub enum Status {
    #[default]
    Active,
    Deleted,
}
