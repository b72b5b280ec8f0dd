//! Calls as spans of a trace tell them, and which spans tell of one call.

use crate::ingest::usage::Tokens;
use crate::model::Count;

/// What calls are told apart by: a chat that wraps an embedding is not the same call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Kind {
    Text = 0,
    Embedding = 1,
    Rerank = 2,
    /// It may be any of them.
    Other = 3,
}

impl Kind {
    pub const ALL: [Kind; 4] = [Kind::Text, Kind::Embedding, Kind::Rerank, Kind::Other];

    /// Whether two spans can be of one call.
    pub fn can_be(self, other: Kind) -> bool {
        self == other || [self, other].contains(&Kind::Other)
    }
}

/// The tokens that spans of one call have in common.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CallTokens {
    pub input: u64,
    pub output: u64,
    /// Of the input, what was read from a cache or written to one.
    pub cache: u64,
    pub reasoning: u64,
}

impl CallTokens {
    pub fn of(tokens: &Tokens) -> CallTokens {
        let Tokens { input, output, reasoning, .. } = *tokens;
        CallTokens { input, output, cache: tokens.cached.saturating_add(tokens.cache_write), reasoning }
    }

    fn plus(self, other: CallTokens) -> CallTokens {
        CallTokens {
            input: self.input.saturating_add(other.input),
            output: self.output.saturating_add(other.output),
            cache: self.cache.saturating_add(other.cache),
            reasoning: self.reasoning.saturating_add(other.reasoning),
        }
    }

    /// Input and output of a span that is around one with these tokens and tells fewer parts. Streams may be counted a
    /// token apart.
    fn as_told_around(&self) -> impl Iterator<Item = (u64, u64)> {
        let of = *self;
        let inputs = [Some(of.input), of.input.checked_sub(of.cache).filter(|_| of.cache > 0)];
        let outputs = [Some(of.output), of.output.checked_sub(of.reasoning).filter(|_| of.reasoning > 0)];
        let outputs = outputs.into_iter().flatten();
        let outputs = outputs.flat_map(|output| [Some(output), output.checked_add(1), output.checked_sub(1)]);
        let outputs: Vec<u64> = outputs.flatten().collect();
        inputs
            .into_iter()
            .flatten()
            .flat_map(move |input| outputs.clone().into_iter().map(move |output| (input, output)))
    }

    fn are_those_around(&self, within: &CallTokens) -> bool {
        within.as_told_around().any(|told| told == (self.input, self.output))
    }
}

/// What is asked of a call to see whether another span tells of the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpanCall {
    pub kind: Kind,
    /// `None` when the span does not know them.
    pub tokens: Option<CallTokens>,
    /// What its failure counts as, if it failed.
    pub failure: Option<Count>,
}

impl SpanCall {
    /// Whether the span tells nothing but the calls inside of it.
    pub fn repeats(&self, within: impl Iterator<Item = SpanCall>) -> bool {
        let within: Vec<SpanCall> = within.filter(|of| of.kind.can_be(self.kind)).collect();
        let tokens = || within.iter().filter_map(|of| of.tokens);
        match (self.tokens, &within[..]) {
            (_, []) => false,
            (None, _) => true,
            // A stream whose inner span was not told the usage.
            (Some(_), [SpanCall { tokens: None, failure, .. }]) => *failure == self.failure,
            (Some(outer), _) => {
                let sum = tokens().fold(CallTokens::default(), CallTokens::plus);
                outer.are_those_around(&sum) || tokens().any(|of| outer.are_those_around(&of))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAILED: Option<Count> = Some(Count::Errors);

    /// Input, output, cache and reasoning of a text, or nothing that is known.
    fn text(tokens: Option<[u64; 4]>) -> SpanCall {
        let tokens = tokens.map(|[input, output, cache, reasoning]| CallTokens { input, output, cache, reasoning });
        SpanCall { kind: Kind::Text, tokens, failure: None }
    }

    #[test]
    fn a_span_repeats_those_inside_that_have_its_tokens_their_sum_or_none() {
        let known = |input, output| text(Some([input, output, 0, 0]));
        let (unknown, failed) = (text(None), SpanCall { failure: FAILED, ..text(None) });
        let embedding = SpanCall { kind: Kind::Embedding, ..known(100, 0) };
        let other = SpanCall { kind: Kind::Other, ..known(100, 0) };
        let parts = text(Some([1000, 100, 900, 60]));
        for (outer, within, expected) in [
            (known(100, 5), vec![], false),
            (unknown, vec![], false),
            (unknown, vec![known(100, 5)], true),
            (unknown, vec![unknown, failed], true),
            (known(100, 5), vec![known(100, 5)], true),
            (known(100, 5), vec![known(100, 6)], true),
            (known(100, 5), vec![known(100, 7)], false),
            (known(100, 5), vec![known(60, 2), known(40, 3)], true),
            (known(100, 5), vec![known(60, 2), known(100, 5)], true),
            (known(100, 5), vec![known(60, 2), known(41, 3)], false),
            (known(100, 5), vec![unknown], true),
            (known(100, 5), vec![failed], false),
            (known(100, 5), vec![unknown, unknown], false),
            (known(100, 0), vec![embedding], false),
            (known(100, 0), vec![other], true),
            (other, vec![embedding], true),
            (known(1000, 100), vec![parts], true),
            (known(100, 40), vec![parts], true),
            (known(100, 100), vec![parts], true),
            (known(1000, 41), vec![parts], true),
            (known(900, 100), vec![parts], false),
            (parts, vec![known(100, 40)], false),
        ] {
            assert_eq!(outer.repeats(within.iter().copied()), expected, "{outer:?} around {within:?}");
        }
    }
}
