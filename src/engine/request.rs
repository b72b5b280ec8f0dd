//! What the queue carries to the writer, and how it is answered.

use std::ops::Range;

use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::reprice::{Part, RepricedPart};
use super::room::Taken;
use super::{EngineError, Ingested, Note, SealReport};
use crate::directory::{Change, Outcome};
use crate::model::{Batch, Invoice, OrganizationId};
use crate::store::{Acknowledged, Closing, ClosingEntry, Reopening};

/// A request with the places that it takes while it waits.
pub(super) struct Queued {
    pub request: Request,
    /// Among the requests that wait: until it is taken from the queue.
    pub slot: OwnedSemaphorePermit,
    /// Among the events: until they are written.
    pub room: Option<Taken>,
}

pub(super) enum Request {
    Ingest {
        batch: Batch,
        reply: Reply<Ingested>,
    },
    Change {
        change: Option<Change>,
        note: Option<Box<Note>>,
        reply: Reply<Outcome>,
    },
    Invoice {
        invoice: Box<Invoice>,
        note: Box<Note>,
        reply: Reply<()>,
    },
    Acknowledge {
        stream: String,
        acknowledged: Acknowledged,
        reply: Reply<()>,
    },
    Closing {
        write: Box<ClosingWrite>,
        note: Option<Box<Note>>,
        reply: Reply<()>,
    },
    /// What whoever ships says of that.
    Ship {
        write: ShipWrite,
        reply: Reply<()>,
    },
    /// Writes what was noted of decisions.
    Decisions {
        reply: Reply<()>,
    },
    Seal {
        reply: Reply<SealReport>,
    },
    Reprice {
        part: Part,
        reply: Reply<RepricedPart>,
    },
}

/// A step of closing a month, or its opening again.
pub(super) enum ClosingWrite {
    /// Removes what is left of closings of an organization that were cut short.
    Begin(String),
    Entries(Vec<ClosingEntry>),
    /// The last step.
    Close(Closing),
    Reopen(Reopening),
    /// What pseudonyms of an organization are made with, unless there is something already.
    Secret(String, [u8; 32]),
}

/// How far shipping is.
pub(super) enum ShipWrite {
    /// Nothing counts as shipped, from an epoch on; under this name unless there is one.
    Everything { node: [u8; 16], epoch: u64 },
    /// These are to be shipped again.
    Again(Vec<(OrganizationId, Range<u32>)>),
    /// These were shipped as they were at a commit each, and all up to one.
    Done(Vec<(Vec<u8>, u64)>, u64),
}

type Reply<T> = oneshot::Sender<Result<T, EngineError>>;

/// What a request is answered if the commit succeeds.
pub(super) enum Answer {
    Ingested(Ingested),
    Changed(Result<Outcome, EngineError>),
    Done,
}

impl Request {
    pub fn batch(&self) -> Option<&Batch> {
        match self {
            Request::Ingest { batch, .. } => Some(batch),
            _ => None,
        }
    }

    pub fn events(&self) -> usize {
        self.batch().map_or(0, |batch| batch.events.len())
    }

    /// Sends the answer. Whoever asked may have gone away; what was committed stays.
    pub fn answer(self, result: Result<Answer, EngineError>) {
        match (self, result) {
            (Request::Ingest { reply, .. }, Ok(Answer::Ingested(ingested))) => drop(reply.send(Ok(ingested))),
            (Request::Change { reply, .. }, Ok(Answer::Changed(outcome))) => drop(reply.send(outcome)),
            (
                Request::Invoice { reply, .. }
                | Request::Acknowledge { reply, .. }
                | Request::Closing { reply, .. }
                | Request::Ship { reply, .. }
                | Request::Decisions { reply },
                Ok(Answer::Done),
            ) => drop(reply.send(Ok(()))),
            (
                Request::Invoice { reply, .. }
                | Request::Acknowledge { reply, .. }
                | Request::Closing { reply, .. }
                | Request::Ship { reply, .. }
                | Request::Decisions { reply },
                Err(error),
            ) => drop(reply.send(Err(error))),
            (Request::Seal { reply }, Err(error)) => drop(reply.send(Err(error))),
            (Request::Reprice { reply, .. }, Err(error)) => drop(reply.send(Err(error))),
            (Request::Ingest { reply, .. }, Err(error)) => drop(reply.send(Err(error))),
            (Request::Change { reply, .. }, Err(error)) => drop(reply.send(Err(error))),
            _ => unreachable!("results are made in the order of requests"),
        }
    }
}
