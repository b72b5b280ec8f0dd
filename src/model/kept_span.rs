//! Spans that are kept because others of the same calls may come in other posts.

use super::Fingerprint;

/// A span that told of a call, to be kept: other spans may come in other posts, and the calls are then those that all
/// of them tell of together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptSpan {
    /// Of the event that it makes by itself.
    pub id: Fingerprint,
    pub hashes: SpanHashes,
    pub observed: Observed,
    /// What it told, for `Reread` alone to read.
    pub told: Vec<u8>,
}

/// When a span was, and which instrumentation made it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Observed {
    pub start_nanos: u64,
    pub end_nanos: u64,
    /// A hash of the instrumentation's name.
    pub scope: u64,
}

impl Observed {
    pub fn is_at_the_time_of(&self, other: &Observed) -> bool {
        self.start_nanos <= other.end_nanos.max(other.start_nanos)
            && other.start_nanos <= self.end_nanos.max(self.start_nanos)
    }

    /// Whether both may be of one call that two instrumentations traced.
    pub fn may_be_one_with(&self, other: &Observed) -> bool {
        self.scope != other.scope && self.is_at_the_time_of(other)
    }
}

/// What says which spans have to do with each other.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SpanHashes {
    /// One list of all, for there are many spans.
    all: Vec<u64>,
    /// Where each kind but the last ends.
    ends: [usize; 4],
}

impl SpanHashes {
    pub fn of(
        own: impl IntoIterator<Item = u64>,
        outer: impl IntoIterator<Item = u64>,
        ids: impl IntoIterator<Item = u64>,
        contents: impl IntoIterator<Item = u64>,
        across: impl IntoIterator<Item = u64>,
    ) -> SpanHashes {
        let (mut all, mut ends) = (Vec::with_capacity(8), [0; 4]);
        all.extend(own);
        ends[0] = all.len();
        all.extend(outer);
        ends[1] = all.len();
        all.extend(ids);
        ends[2] = all.len();
        all.extend(contents);
        ends[3] = all.len();
        all.extend(across);
        SpanHashes { all, ends }
    }

    /// Of the span and of the steps inside of it, as far as they came with it.
    pub fn own(&self) -> &[u64] {
        &self.all[..self.ends[0]]
    }

    /// Of those that it is inside of, up to the next call or the first that did not come with it.
    pub fn outer(&self) -> &[u64] {
        &self.all[self.ends[0]..self.ends[1]]
    }

    /// Of the ids of its call.
    pub fn ids(&self) -> &[u64] {
        &self.all[self.ends[1]..self.ends[2]]
    }

    /// Of what it says, within its trace.
    pub fn contents(&self) -> &[u64] {
        &self.all[self.ends[2]..self.ends[3]]
    }

    /// Of what it says, where another trace may tell of its call. A framework's are even, and those of the SDK it may
    /// call are one more.
    pub fn across(&self) -> &[u64] {
        &self.all[self.ends[3]..]
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.all.len()
    }
}
