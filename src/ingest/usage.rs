//! The one reading of what senders say of tokens: which figure is part of which, and what is not known.
//!
//! Input is all that went in, what came from a cache or was written to one included; output is all that came out,
//! reasoning included. Some senders count those parts beside their whole. A total decides when it is there, then a part
//! that is larger than its whole, then what is known of the sender. Readers hand over figures as they stand.

use std::hash::Hash;

use hashbrown::HashMap;

use crate::pricing::ServiceTier;

/// Figures of one record as its sender has them; `None` is what it does not know, which is not 0.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Figures {
    pub input: Option<u64>,
    pub output: Option<u64>,
    pub total: Option<u64>,
    pub cached: Option<u64>,
    pub cache_write: Option<u64>,
    /// Part of `cache_write`.
    pub cache_write_1h: Option<u64>,
    pub reasoning: Option<u64>,
    pub audio_input: Option<u64>,
    pub audio_output: Option<u64>,
}

impl Figures {
    /// No text is read and answered without a token. Who says 0 of both, as many do while an answer is made or when a
    /// stream did not tell, knows neither.
    pub fn of_text(self) -> Figures {
        let said_none = |figure: Option<u64>| figure.unwrap_or(0) == 0;
        let all = [self.input, self.output, self.total, self.cached, self.cache_write, self.reasoning];
        if all.into_iter().all(said_none) { Figures::default() } else { self }
    }
}

/// Tokens of one call, or of as many as a record stands for. No part is larger than its whole.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tokens {
    pub input: u64,
    pub output: u64,
    pub total: u64,
    pub cached: u64,
    pub cache_write: u64,
    pub cache_write_1h: u64,
    pub reasoning: u64,
    pub audio_input: u64,
    pub audio_output: u64,
    pub known: Known,
}

/// How much is known of a call's tokens.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) enum Known {
    #[default]
    All,
    /// All but how many came out.
    Input,
    /// Not enough for a price.
    Some,
}

/// Whether a sender counts a part within its whole or beside it.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// Within, as most do, unless the figures of a call say otherwise.
    #[default]
    Usual,
    Within,
    Beside,
}

/// How a sender counts.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Habits {
    /// What was read from a cache and written to one.
    pub cache: Place,
    pub reasoning: Place,
}

impl Habits {
    /// What is known of those who hand on a provider's own figures.
    pub fn of_provider(provider: &str) -> Habits {
        let reasoning = match provider {
            // Their APIs count thoughts beside the answer.
            "google" | "vertex_ai" | "xai" => Place::Beside,
            "openrouter" => Place::Within,
            _ => Place::Usual,
        };
        Habits { cache: Place::Usual, reasoning }
    }

    /// What two records of one sender prove together. Who counts once so and once so has no habit, and is read as usual.
    fn and(self, other: Habits, usual: Place) -> Habits {
        let of = |a, b| match (a, b) {
            (Place::Usual, known) | (known, Place::Usual) => known,
            (a, b) if a == b => a,
            _ => usual,
        };
        Habits { cache: of(self.cache, other.cache), reasoning: of(self.reasoning, other.reasoning) }
    }

    /// Fills in what is not known of a sender.
    pub fn or(self, other: Habits) -> Habits {
        let of = |known, other| if known == Place::Usual { other } else { known };
        Habits { cache: of(self.cache, other.cache), reasoning: of(self.reasoning, other.reasoning) }
    }
}

impl Figures {
    /// What the figures themselves prove of how their sender counts.
    pub fn proof(&self) -> Habits {
        let (Some(input), Some(output)) = (self.input, self.output) else { return Habits::default() };
        let cache = self.cached.unwrap_or(0) + self.written();
        let reasoning = self.reasoning.unwrap_or(0);
        let Some(total) = self.total.filter(|total| *total > 0) else {
            let cache = if cache > input { Place::Beside } else { Place::Usual };
            let reasoning = if reasoning > output + output / 4 { Place::Beside } else { Place::Usual };
            return Habits { cache, reasoning };
        };
        // Which of the two are beside their whole, in every way in which the total comes out.
        let ways = [(0, 0), (cache, 0), (0, reasoning), (cache, reasoning)];
        let fitting = || ways.into_iter().filter(|(cache, reasoning)| input + output + cache + reasoning == total);
        let place = |whole: u64, part: fn((u64, u64)) -> u64| match whole {
            0 => Place::Usual,
            _ if fitting().next().is_none() => Place::Usual,
            _ if fitting().all(|way| part(way) > 0) => Place::Beside,
            _ if fitting().all(|way| part(way) == 0) => Place::Within,
            _ => Place::Usual,
        };
        Habits { cache: place(cache, |way| way.0), reasoning: place(reasoning, |way| way.1) }
    }

    /// Whether it takes others of the same sender to know how these are to be read.
    pub fn are_open(&self) -> bool {
        let of = |place| self.read(Habits { cache: place, reasoning: place });
        let has_parts = self.cached.unwrap_or(0) + self.written() + self.reasoning.unwrap_or(0) > 0;
        has_parts && of(Place::Beside) != of(Place::Within)
    }

    /// The tokens these figures mean; nothing when they say nothing of them.
    pub fn read(&self, habits: Habits) -> Option<Tokens> {
        let total = self.total.filter(|total| *total > 0);
        let (input, output, known) = match (self.input, self.output, total) {
            (Some(input), Some(output), _) => (input, output, Known::All),
            // What is not in the one is in the other.
            (Some(input), None, Some(total)) if total > input => (input, total - input, Known::All),
            (None, Some(output), Some(total)) if total >= output => (total - output, output, Known::All),
            (Some(input), None, _) => (input, self.reasoning.unwrap_or(0), Known::Input),
            (None, Some(output), _) => (self.cached.unwrap_or(0) + self.cache_write.unwrap_or(0), output, Known::Some),
            (None, None, Some(_)) => (0, 0, Known::Some),
            (None, None, None) => return None,
        };
        // The total has been used up where it stood in for one of them.
        let total = total.filter(|_| self.input.is_some() && self.output.is_some());
        let whole = Whole { input, output, cached: self.cached.unwrap_or(0), written: self.written(), known };
        let mut tokens = whole.read(self.reasoning.unwrap_or(0), total, habits);
        if self.input.is_none() && self.output.is_none() {
            tokens.total = tokens.total.max(self.total.unwrap_or(0));
        }
        tokens.take_parts(self);
        Some(tokens)
    }

    /// Some tell only what is to stay in the cache for an hour, beside what is not.
    fn written(&self) -> u64 {
        self.cache_write.or(self.cache_write_1h).unwrap_or(0)
    }
}

/// What records prove together of how they are counted, by whose they are: one sender is read in one way, not call by
/// call.
pub(super) struct Proven<K> {
    known: HashMap<K, Habits>,
    /// How whoever proves both is read.
    usual: Place,
}

impl<K> Default for Proven<K> {
    fn default() -> Proven<K> {
        Proven::usually(Place::Within)
    }
}

impl<K> Proven<K> {
    pub fn usually(usual: Place) -> Proven<K> {
        Proven { known: HashMap::default(), usual }
    }
}

impl<K: Eq + Hash> Proven<K> {
    /// Takes note of what a record proves, if it does.
    pub fn note(&mut self, whose: impl FnOnce() -> K, figures: &Figures) {
        let proof = figures.proof();
        if proof != Habits::default() {
            let known = self.known.entry(whose()).or_default();
            *known = known.and(proof, self.usual);
        }
    }

    pub fn of(&self, whose: &K) -> Option<Habits> {
        self.known.get(whose).copied()
    }

    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }
}

/// Figures that are there.
struct Whole {
    input: u64,
    output: u64,
    cached: u64,
    written: u64,
    known: Known,
}

impl Whole {
    fn read(&self, reasoning: u64, total: Option<u64>, habits: Habits) -> Tokens {
        let cache = self.cached + self.written;
        // Each way to count the input, the sender's own first. Some count only what was written beside it.
        let within = (cache <= self.input).then_some(self.input);
        let beside = Some(self.input + cache);
        let mixed = (self.cached <= self.input && self.written > 0).then_some(self.input + self.written);
        let inputs = match habits.cache {
            Place::Beside => [beside, within, mixed],
            Place::Usual | Place::Within => [within, beside, mixed],
        };
        let inputs = || inputs.iter().flatten().copied();
        let (with, without) = (self.output + reasoning, self.output);
        // Two tokenizers may make a little more of reasoning than of the output that it is in.
        let room = match habits.reasoning {
            Place::Within => self.output + self.output / 4,
            _ => self.output,
        };
        let outputs = match habits.reasoning {
            Place::Beside => [with, without],
            _ if reasoning > room => [with, without],
            _ => [without, with],
        };
        let fits = |total: u64| {
            let way = |output| Some((inputs().find(|input| input + output == total)?, output));
            outputs.into_iter().find_map(way)
        };
        let usual = (inputs().next().expect("what is beside always fits"), outputs[0]);
        let (input, output) = total.and_then(fits).unwrap_or(usual);
        let sum = input + output;
        // A total above all that is told: there were tokens of a kind that is not named.
        // One below it by parts that cannot be within: they are not understood.
        let (total, known) = match total {
            Some(total) if total > sum => (total, Known::Some),
            Some(total) if total < sum && cache > self.input => (sum, Known::Some),
            _ => (sum, self.known),
        };
        Tokens {
            input,
            output,
            total,
            cached: self.cached.min(input),
            cache_write: self.written.min(input),
            reasoning: reasoning.min(output),
            known,
            ..Tokens::default()
        }
    }
}

impl Tokens {
    /// Takes parts of which no sender is known to count them beside their whole. One that does not fit is not understood.
    fn take_parts(&mut self, figures: &Figures) {
        for (part, whole, told) in [
            (&mut self.cache_write_1h, self.cache_write, figures.cache_write_1h),
            (&mut self.audio_input, self.input, figures.audio_input),
            (&mut self.audio_output, self.output, figures.audio_output),
        ] {
            let told = told.unwrap_or(0);
            *part = told.min(whole);
            if told > whole {
                self.known = Known::Some;
            }
        }
    }

    /// Takes over parts that only another record of the same call knows.
    pub fn learn(&mut self, other: &Tokens) {
        for (part, others, whole) in [
            (&mut self.cached, other.cached, self.input),
            (&mut self.cache_write, other.cache_write, self.input),
            (&mut self.reasoning, other.reasoning, self.output),
            (&mut self.audio_input, other.audio_input, self.input),
            (&mut self.audio_output, other.audio_output, self.output),
        ] {
            if *part == 0 && others <= whole {
                *part = others;
            }
        }
        if self.cache_write_1h == 0 && other.cache_write_1h <= self.cache_write {
            self.cache_write_1h = other.cache_write_1h;
        }
    }

    /// Whether nothing is known to have gone in or come out.
    pub fn is_zero(&self) -> bool {
        self.input == 0 && self.output == 0
    }
}

/// The tier that a sender names, in whatever case. What was asked for (`auto`) is not what was served and says nothing.
pub(super) fn tier_of(name: &str) -> ServiceTier {
    let name = name.trim().to_ascii_lowercase();
    match &*name {
        "" | "default" | "standard" | "auto" | "on_demand" | "standard_only" | "none" => ServiceTier::Standard,
        "batch" | "batches" => ServiceTier::Batch,
        "flex" | "on_demand_flex" => ServiceTier::Flex,
        "priority" | "fast" | "on_demand_priority" => ServiceTier::Priority,
        _ => ServiceTier::Other,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Input, output, total, cached, written, reasoning, where -1 is what is not known.
    fn figures([input, output, total, cached, written, reasoning]: [i64; 6]) -> Figures {
        let of = |count: i64| u64::try_from(count).ok();
        Figures {
            input: of(input),
            output: of(output),
            total: of(total),
            cached: of(cached),
            cache_write: of(written),
            reasoning: of(reasoning),
            ..Figures::default()
        }
    }

    #[track_caller]
    fn check(of: [i64; 6], habits: Habits, [input, output, total]: [u64; 3], known: Known) {
        let tokens = figures(of).read(habits).expect("it says something");
        assert_eq!((tokens.input, tokens.output, tokens.total, tokens.known), (input, output, total, known), "{of:?}");
    }

    const USUAL: Habits = Habits { cache: Place::Usual, reasoning: Place::Usual };
    const BESIDE: Habits = Habits { cache: Place::Beside, reasoning: Place::Beside };

    #[test]
    fn a_total_decides() {
        // In, out, total, cached, written, reasoning.
        check([100, 50, 8150, -1, -1, 8000], USUAL, [100, 8050, 8150], Known::All);
        check([100, 50, 150, -1, -1, 20], BESIDE, [100, 50, 150], Known::All);
        check([100, 50, 170, -1, -1, 20], USUAL, [100, 70, 170], Known::All);
        check([500, 40, 2040, 1200, 300, -1], USUAL, [2000, 40, 2040], Known::All);
        check([500, 40, 540, 200, 100, -1], BESIDE, [500, 40, 540], Known::All);
        check([500, 40, 840, 200, 100, -1], USUAL, [800, 40, 840], Known::All);
        check([500, 40, 640, 200, 100, -1], USUAL, [600, 40, 640], Known::All);
        check([500, 40, 860, 200, 100, 20], USUAL, [800, 60, 860], Known::All);
        check([21, 0, 8021, -1, -1, 8000], USUAL, [21, 8000, 8021], Known::All);
    }

    #[test]
    fn without_a_total_a_part_that_does_not_fit_decides_and_then_the_sender() {
        check([100, 50, -1, -1, -1, 8000], USUAL, [100, 8050, 8150], Known::All);
        check([100, 50, -1, -1, -1, 20], USUAL, [100, 50, 150], Known::All);
        check([100, 50, -1, -1, -1, 20], BESIDE, [100, 70, 170], Known::All);
        check([10, 5, -1, 90, 20, -1], USUAL, [120, 5, 125], Known::All);
        check([100, 5, -1, 90, 5, -1], USUAL, [100, 5, 105], Known::All);
        check([100, 5, -1, 90, 5, -1], BESIDE, [195, 5, 200], Known::All);
        let openrouter = Habits::of_provider("openrouter");
        check([100, 50, -1, -1, -1, 53], openrouter, [100, 50, 150], Known::All);
        check([100, 50, -1, -1, -1, 8000], openrouter, [100, 8050, 8150], Known::All);
        check([100, 50, 150, -1, -1, 53], openrouter, [100, 50, 150], Known::All);
        check([100, 50, 150, -1, -1, 53], USUAL, [100, 50, 150], Known::All);
        check([100, 50, 150, 500, -1, -1], USUAL, [600, 50, 650], Known::Some);
        check([100, 50, 0, -1, -1, 20], Habits::of_provider("google"), [100, 70, 170], Known::All);
    }

    #[test]
    fn what_is_not_known_is_not_nothing() {
        assert_eq!(figures([-1, -1, -1, 5, 5, 5]).read(USUAL), None);
        check([1000, -1, -1, -1, -1, -1], USUAL, [1000, 0, 1000], Known::Input);
        check([-1, 7, -1, -1, -1, -1], USUAL, [0, 7, 7], Known::Some);
        check([-1, -1, 44, -1, -1, -1], USUAL, [0, 0, 44], Known::Some);
        check([1000, -1, 1100, -1, -1, -1], USUAL, [1000, 100, 1100], Known::All);
        check([-1, 100, 1100, -1, -1, -1], USUAL, [1000, 100, 1100], Known::All);
        // More than is told of.
        check([100, 50, 8150, -1, -1, -1], USUAL, [100, 50, 8150], Known::Some);
        // LiteLLM's total of an embedding.
        check([500, 0, 0, -1, -1, -1], USUAL, [500, 0, 500], Known::All);
        // A total of what was not cached proves nothing.
        check([500, 40, 340, 200, -1, -1], USUAL, [500, 40, 540], Known::All);
    }

    #[test]
    fn parts_of_parts() {
        let of = Figures { cache_write_1h: Some(30), audio_input: Some(7), ..figures([100, 5, -1, 10, 40, -1]) };
        let tokens = of.read(USUAL).unwrap();
        assert_eq!((tokens.cache_write, tokens.cache_write_1h, tokens.audio_input), (40, 30, 7));
        let odd = Figures { audio_output: Some(9), ..of }.read(USUAL).unwrap();
        assert_eq!((odd.audio_output, odd.known), (5, Known::Some));
        let alone = Figures { cache_write: None, ..of }.read(USUAL).unwrap();
        assert_eq!(alone.cache_write, 30);
    }

    #[test]
    fn one_record_can_prove_how_its_sender_counts() {
        for (of, cache, reasoning) in [
            ([100, 50, 8150, -1, -1, 8000], Place::Usual, Place::Beside),
            ([10, 5, -1, 90, 20, -1], Place::Beside, Place::Usual),
            ([10, 5, 125, 90, 20, -1], Place::Beside, Place::Usual),
            ([100, 5, 105, 90, 5, 3], Place::Within, Place::Within),
            ([100, 5, -1, 90, 5, 3], Place::Usual, Place::Usual),
            ([100, 50, -1, -1, -1, 8000], Place::Usual, Place::Beside),
            ([100, 50, 160, 10, -1, 10], Place::Usual, Place::Usual),
        ] {
            assert_eq!(figures(of).proof(), Habits { cache, reasoning }, "{of:?}");
        }
    }

    #[test]
    fn what_some_records_prove_holds_for_those_that_can_be_read_in_two_ways() {
        let (beside, within, open) =
            ([500, 40, 1740, 1200, -1, -1], [2000, 50, 2050, 1500, -1, -1], [2000, 5, -1, 1500, -1, -1]);
        let check = |usual: Place, records: &[[i64; 6]], expected: Option<Place>| {
            let mut proven = Proven::usually(usual);
            records.iter().for_each(|of| proven.note(|| "a", &figures(*of)));
            assert_eq!(proven.of(&"a").map(|habits| habits.cache), expected, "{records:?}");
        };
        check(Place::Within, &[open], None);
        check(Place::Within, &[beside, open], Some(Place::Beside));
        check(Place::Beside, &[within, open], Some(Place::Within));
        // Who counts once so and once so, however often.
        check(Place::Within, &[beside, within, beside], Some(Place::Within));
        check(Place::Beside, &[within, beside, within], Some(Place::Beside));
        assert_eq!([beside, within, open].map(|of| figures(of).are_open()), [false, false, true]);
        assert!(!figures([2000, 5, -1, -1, -1, 0]).are_open(), "without parts there is one way");
    }

    #[test]
    fn tiers_in_any_case() {
        for (name, tier) in [
            ("Flex", ServiceTier::Flex),
            ("PRIORITY", ServiceTier::Priority),
            ("default", ServiceTier::Standard),
            ("auto", ServiceTier::Standard),
            ("batch", ServiceTier::Batch),
            ("PROVISIONED_THROUGHPUT", ServiceTier::Other),
            ("scale", ServiceTier::Other),
        ] {
            assert_eq!(tier_of(name), tier, "{name}");
        }
    }

    fn count() -> impl Strategy<Value = Option<u64>> {
        proptest::option::of(prop_oneof![0u64..50, 0u64..2000])
    }

    fn place() -> impl Strategy<Value = Place> {
        prop::sample::select(vec![Place::Usual, Place::Within, Place::Beside])
    }

    proptest! {
        #[test]
        fn no_part_exceeds_its_whole_and_nothing_told_is_lost(
            input in count(), output in count(), total in count(), cached in count(), written in count(),
            hour in count(), reasoning in count(), audio in count(), cache in place(), thoughts in place(),
        ) {
            let figures = Figures {
                input, output, total, cached, cache_write: written, cache_write_1h: hour, reasoning, audio_input: audio,
                audio_output: audio,
            };
            let Some(tokens) = figures.read(Habits { cache, reasoning: thoughts }) else {
                prop_assert!(input.is_none() && output.is_none());
                return Ok(());
            };
            prop_assert!(tokens.cached <= tokens.input && tokens.cache_write <= tokens.input);
            prop_assert!(tokens.cache_write_1h <= tokens.cache_write);
            prop_assert!(tokens.reasoning <= tokens.output);
            prop_assert!(tokens.audio_input <= tokens.input && tokens.audio_output <= tokens.output);
            prop_assert!(tokens.input >= input.unwrap_or(0) && tokens.output >= output.unwrap_or(0));
            prop_assert!(tokens.total >= tokens.input + tokens.output);
        }
    }
}
