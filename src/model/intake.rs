//! What became of what was sent, as the intake ledger keeps it.

/// Who sent a record: a client, a gateway or an instrumentation, by the name and version it gives itself.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sender {
    pub name: String,
    pub version: Option<String>,
}

/// What became of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Intake {
    /// It is a call, or several, and counted.
    Counted = 0,
    /// It knew more of the tokens of a call than that was counted with, and took its place.
    Completed = 1,
    /// Its call was counted before.
    Duplicate = 2,
    /// It says nothing about usage.
    Ignored = 3,
    /// It is not valid.
    Rejected = 4,
}

impl Intake {
    pub const ALL: [Intake; 5] =
        [Intake::Counted, Intake::Completed, Intake::Duplicate, Intake::Ignored, Intake::Rejected];
}

/// Records of a batch that made no event, for one reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unmade {
    /// Indexes the batch's senders.
    pub sender: u32,
    /// The organization they were for, where that is known.
    pub organization: Option<String>,
    /// Ignored or rejected.
    pub result: Intake,
    /// The same words for every record of a kind, without values.
    pub reason: String,
    pub count: u64,
    /// What tells the first of them; never of its content.
    pub example: Option<String>,
}
