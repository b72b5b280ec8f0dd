//! Which spans of a post tell of one call.
//!
//! An application, its framework and the SDK below may each trace the same call. They are one where an answer's id says
//! so, where one span is inside the other and has its tokens or none, or where two instrumentations trace the same at the
//! same time: within one trace, or one a framework and the other, in a trace of its own, the SDK that it calls. Whatever
//! else looks alike is several calls.

use std::cmp::Reverse;

use hashbrown::HashMap;
use twox_hash::XxHash3_64;

use super::operation::Kind;
use super::span::SpanIds;
use super::span_call::{CallTokens, SpanCall};
use crate::ingest::call::{Call, Ending, Said, Text, is_of_answer};
use crate::ingest::usage::{Figures, Habits, Known, Proven, Tokens};
use crate::model::{Fingerprint, Observed, canonical_model, is_stand_in, undated_model};

/// How many spans up a call is looked for: frameworks nest a few, a post may have what it likes.
pub const MAX_STEPS: usize = 64;
/// How many spans of one trace that say the same are compared with each other: each is with all. A post may have as many
/// as it likes, and beyond this they stay several calls.
const MAX_ALIKE: usize = 1000;

/// Frameworks that call a provider's SDK, by what the names of their instrumentations have in them.
const FRAMEWORKS: [&str; 11] = [
    "agents",
    "agno",
    "crewai",
    "dspy",
    "haystack",
    "langchain",
    "langfuse",
    "llama_index",
    "llamaindex",
    "smolagents",
    "semantic_kernel",
];
/// SDKs of providers, likewise.
const SDKS: [&str; 9] =
    ["anthropic", "bedrock", "cohere", "google", "groq", "litellm", "mistral", "openai", "vertexai"];

/// What an instrumentation traces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Layer {
    Framework,
    Sdk,
    Other,
}

impl Layer {
    /// By the instrumentation's name: `openinference.instrumentation.openai_agents` is a framework's.
    pub fn of(scope: &str) -> Layer {
        let scope = scope.to_ascii_lowercase();
        let names = |any: &[&str]| any.iter().any(|name| scope.contains(name));
        if names(&FRAMEWORKS) {
            Layer::Framework
        } else if names(&SDKS) {
            Layer::Sdk
        } else {
            Layer::Other
        }
    }
}

/// A call as one span tells it.
pub struct Told<'a> {
    pub call: Call<'a>,
    pub said: Said<'a>,
    /// Who sent it.
    pub sender: u32,
    pub ids: SpanIds,
    /// Project and key of what does not name them, where the token at hand is not the one that it came with.
    pub project: Text<'a>,
    pub api_key: Text<'a>,
    pub observed: Observed,
    /// What the instrumentation traces.
    pub layer: Layer,
    /// A hash of the name of the service whose span it is.
    pub service: u64,
    /// It is the provider's own SDK, which has its figures at first hand.
    pub is_by_provider: bool,
    pub kind: Kind,
    /// It tells what was asked for again.
    pub is_read: bool,
    pub figures: Figures,
    /// How the instrumentation is known to count.
    pub client: Habits,
}

/// A span and what it is inside of, whether it is a call or not.
#[derive(Debug, Clone, Copy)]
pub struct Inside {
    pub ids: SpanIds,
    pub is_tool: bool,
}

/// The calls that spans tell of, each once, and how many spans told of one that was there.
pub fn merged<'a>(told: Vec<Told<'a>>, spans: &[Inside]) -> (Vec<Told<'a>>, usize) {
    let all = told.len();
    let mut merging = Merging { told: told.into_iter().map(Some).collect() };
    if all > 1 {
        merging.by_id();
        merging.by_nesting(spans);
        merging.by_content();
        merging.by_layer();
    }
    let left: Vec<_> = merging.told.into_iter().flatten().collect();
    let repeated = all - left.len();
    (left, repeated)
}

/// Reads the figures of each instrumentation and provider in one way: what one span proves of how they are counted holds
/// for those that could be read in two.
pub fn read_alike(told: &mut [Told<'_>]) {
    let whose = |of: &Told<'_>| (of.observed.scope, of.call.provider.as_deref().unwrap_or_default().to_owned());
    let mut proven = Proven::default();
    told.iter().for_each(|of| proven.note(|| whose(of), &of.figures));
    if proven.is_empty() {
        return;
    }
    for of in told {
        let whose = whose(of);
        if let Some(proof) = proven.of(&whose) {
            of.call.tokens = of.figures.read(of.client.or(proof).or(Habits::of_provider(&whose.1)));
        }
    }
}

struct Merging<'a> {
    told: Vec<Option<Told<'a>>>,
}

impl<'a> Merging<'a> {
    /// Spans under one id: the answer's, or that of a span that comes twice.
    fn by_id(&mut self) {
        let mut firsts: HashMap<Fingerprint, usize> = HashMap::with_capacity(self.told.len());
        for at in 0..self.told.len() {
            let Some(told) = &self.told[at] else { continue };
            let first = *firsts.entry(Fingerprint::of(&told.call.id)).or_insert(at);
            if first != at {
                self.join(first, at);
            }
        }
    }

    /// Makes one of two, in the place of the first. Which of them it was told by does not depend on their order.
    fn join(&mut self, keep: usize, other: usize) {
        let (Some(a), Some(b)) = (self.told[keep].take(), self.told[other].take()) else { return };
        let (mut best, rest) = if a.rank() <= b.rank() { (a, b) } else { (b, a) };
        if best.observed.is_at_the_time_of(&rest.observed) {
            best.observed.start_nanos = best.observed.start_nanos.min(rest.observed.start_nanos);
            best.observed.end_nanos = best.observed.end_nanos.max(rest.observed.end_nanos);
        }
        self.told[keep] = Some(best.completed_by(rest));
    }

    /// A call that is traced around another.
    fn by_nesting(&mut self, spans: &[Inside]) {
        if self.told.iter().flatten().all(|told| !told.ids.has_parent()) {
            return;
        }
        let calls: HashMap<SpanIds, usize> =
            self.told.iter().enumerate().filter_map(|(at, told)| Some((told.as_ref()?.ids.own(), at))).collect();
        let around: HashMap<SpanIds, &Inside> = spans.iter().map(|span| (span.ids.own(), span)).collect();
        let outer: Vec<Option<usize>> =
            self.told.iter().map(|told| around_of(&told.as_ref()?.ids, &calls, &around)).collect();
        let depth = |mut at: usize| {
            let mut steps = 0;
            while let Some(next) = outer[at] {
                at = next;
                steps += 1;
                if steps == MAX_STEPS {
                    break;
                }
            }
            steps
        };
        let calls = (0..self.told.len()).filter(|at| self.told[*at].is_some());
        let mut inner_first: Vec<(Reverse<usize>, usize)> = calls.map(|at| (Reverse(depth(at)), at)).collect();
        inner_first.sort_unstable();
        let mut inside: Vec<Vec<usize>> = vec![Vec::new(); self.told.len()];
        for (Reverse(depth), at) in inner_first {
            let within = std::mem::take(&mut inside[at]);
            // What is inside is looked at once for each span around it, so that those are bounded.
            let stands = if depth < MAX_STEPS && self.repeats(at, &within) {
                self.hand_down(at, &within);
                within
            } else {
                vec![at]
            };
            if let Some(outer) = outer[at] {
                inside[outer].extend(stands);
            }
        }
    }

    /// Whether a span tells nothing but the calls inside of it.
    fn repeats(&self, outer: usize, within: &[usize]) -> bool {
        self.calls(&[outer]).next().is_some_and(|outer| outer.repeats(self.calls(within)))
    }

    fn calls(&self, at: &[usize]) -> impl Iterator<Item = SpanCall> {
        at.iter().filter_map(|at| self.told[*at].as_ref().map(Told::as_of_a_span))
    }

    /// Takes an outer span out, and leaves what only it knew to the call inside.
    fn hand_down(&mut self, outer: usize, within: &[usize]) {
        let Some(outer) = self.told[outer].take() else { return };
        let is_like = |at: &&usize| self.told[**at].as_ref().is_some_and(|inner| inner.kind.can_be(outer.kind));
        let alike: Vec<&usize> = within.iter().filter(is_like).collect();
        if let [only] = alike[..]
            && let Some(inner) = self.told[*only].take()
        {
            self.told[*only] = Some(inner.completed_by(outer));
        }
    }

    /// Spans of two instrumentations, neither inside the other, that say the same of the same time in one trace.
    fn by_content(&mut self) {
        let mut scopes = self.told.iter().flatten().map(|told| told.observed.scope);
        let first = scopes.next();
        if scopes.all(|scope| Some(scope) == first) {
            return;
        }
        let mut groups: HashMap<_, Vec<usize>> = HashMap::new();
        for (at, told) in self.told.iter().enumerate() {
            if let Some(told) = told
                && told.ids.has_trace()
            {
                groups.entry(told.content()).or_default().push(at);
            }
        }
        let mut groups: Vec<_> = groups.into_values().filter(|group| (2..=MAX_ALIKE).contains(&group.len())).collect();
        groups.sort_unstable();
        for group in groups {
            let of = |at: usize| self.told[at].as_ref().expect("nothing was taken out of a group yet");
            let mut ordered: Vec<_> = group.iter().map(|at| (of(*at).observed.scope, of(*at).by_time(), *at)).collect();
            ordered.sort_unstable();
            // Of each call one instrumentation after the other: each tells once of it.
            let mut calls: Vec<usize> = Vec::new();
            for by_one in ordered.chunk_by(|a, b| a.0 == b.0) {
                let mut open = calls.clone();
                for (.., at) in by_one {
                    match open.iter().position(|call| self.may_be_one(*call, *at)) {
                        Some(place) => self.join(open.remove(place), *at),
                        None => calls.push(*at),
                    }
                }
            }
        }
    }
}

impl Merging<'_> {
    /// A framework's calls and those of the SDK that it uses, where the SDK's begin traces of their own. Each is one with
    /// one that says the same of the same time.
    fn by_layer(&mut self) {
        let of = |layer| self.told.iter().flatten().any(|told| told.layer == layer);
        if !of(Layer::Framework) || !of(Layer::Sdk) {
            return;
        }
        let mut groups: HashMap<_, [Vec<usize>; 2]> = HashMap::new();
        for (at, told) in self.told.iter().enumerate() {
            let Some(told) = told else { continue };
            if told.may_be_told_in_another_trace() {
                let content = Content { trace: [0; 16], ..told.content() };
                let place = usize::from(told.layer == Layer::Sdk);
                groups.entry((told.service, content)).or_default()[place].push(at);
            }
        }
        let of_bound = |group: &[Vec<usize>; 2]| group.iter().all(|one| (1..=MAX_ALIKE).contains(&one.len()));
        for [mut outer, mut inner] in groups.into_values().filter(of_bound) {
            let by_time = |at: &usize| self.told[*at].as_ref().map(Told::by_time);
            outer.sort_by_key(by_time);
            inner.sort_by_key(by_time);
            for inner in inner {
                if let Some(place) = outer.iter().position(|outer| self.may_be_one(*outer, inner)) {
                    let outer = outer.remove(place);
                    self.join(outer, inner);
                }
            }
        }
    }

    /// Whether two that say the same may be of one call.
    fn may_be_one(&self, a: usize, b: usize) -> bool {
        let (a, b) = (self.told[a].as_ref(), self.told[b].as_ref());
        let at_one_time = |a: &Told<'_>, b: &Told<'_>| a.observed.is_at_the_time_of(&b.observed);
        a.zip(b).is_some_and(|(a, b)| at_one_time(a, b) && !(a.has_answer_id() && b.has_answer_id()))
    }
}

/// The nearest call that a span is inside of. What a tool does is its own.
fn around_of(ids: &SpanIds, calls: &HashMap<SpanIds, usize>, around: &HashMap<SpanIds, &Inside>) -> Option<usize> {
    let mut at = ids.outer()?;
    for _ in 0..MAX_STEPS {
        if let Some(call) = calls.get(&at) {
            return (at != ids.own()).then_some(*call);
        }
        let span = around.get(&at)?;
        if span.is_tool {
            return None;
        }
        at = span.ids.outer()?;
    }
    None
}

/// What spans of one call say alike.
#[derive(PartialEq, Eq, Hash)]
struct Content {
    trace: [u8; 16],
    kind: Kind,
    model: String,
    tokens: Option<(u64, u64)>,
    ending: Ending,
}

impl<'a> Told<'a> {
    /// The lower, the more a span is to be believed: who made the call before who looked at it, who knows its tokens
    /// before who does not.
    fn rank(&self) -> (bool, u8, bool, Reverse<u64>, bool, u64, SpanIds) {
        let known = match self.call.tokens.map(|tokens| tokens.known) {
            Some(Known::All) => 0,
            Some(_) => 1,
            None => 2,
        };
        let total = self.call.tokens.map_or(0, |tokens| tokens.total);
        (
            self.is_read,
            known,
            !self.is_by_provider,
            Reverse(total),
            !self.has_answer_id(),
            self.observed.start_nanos,
            self.ids,
        )
    }

    /// Fills in what another span of the same call knows better.
    fn completed_by(mut self, other: Told<'a>) -> Told<'a> {
        let knows = |tokens: &Option<Tokens>| tokens.is_some_and(|tokens| tokens.known == Known::All);
        if other.has_answer_id() && !self.has_answer_id() {
            self.call.id.clone_from(&other.call.id);
        }
        if !knows(&self.call.tokens) && (self.call.tokens.is_none() || knows(&other.call.tokens)) {
            self.call.tokens = other.call.tokens.or(self.call.tokens);
            self.call.cost = self.call.cost.or(other.call.cost);
            self.call.tier = if self.call.tier == Default::default() { other.call.tier } else { self.call.tier };
            if other.call.tokens.is_some() {
                self.call.ending = other.call.ending;
            }
        } else if let (Some(tokens), Some(others)) = (&mut self.call.tokens, other.call.tokens) {
            tokens.learn(&others);
        }
        self.call.cost = self.call.cost.or(other.call.cost);
        self.call.start = self.call.start.min(other.call.start);
        self.call.model = self.call.model.or(other.call.model);
        let names_nobody = self.call.provider.as_deref().is_none_or(is_stand_in);
        if names_nobody && other.call.provider.is_some() {
            self.call.provider = other.call.provider;
        }
        if self.call.api_key.is_none() {
            self.call.api_key = other.call.api_key;
            self.said = other.said;
        }
        self.call.source = self.call.source.or(other.call.source);
        self.call.project = self.call.project.or(other.call.project);
        self.call.guards.merge(other.call.guards);
        self.is_read &= other.is_read;
        self
    }

    fn as_of_a_span(&self) -> SpanCall {
        let tokens = self.call.tokens.as_ref().map(CallTokens::of);
        SpanCall { kind: self.kind, tokens, failure: self.call.ending.failure() }
    }

    fn has_answer_id(&self) -> bool {
        is_of_answer(&self.call.id)
    }

    /// What two spans of one call have in common.
    fn content(&self) -> Content {
        let model = self.call.model.as_deref().map(canonical_model).unwrap_or_default();
        Content {
            trace: self.ids.trace(),
            kind: self.kind,
            model: undated_model(model).to_owned(),
            tokens: self.call.tokens.map(|tokens| (tokens.input, tokens.output)),
            ending: self.call.ending,
        }
    }

    /// The same as a hash, but for the trace.
    pub fn hash_of_content(&self) -> u64 {
        let [known, input, output] = self.call.tokens.map_or([0; 3], |tokens| [1, tokens.input, tokens.output]);
        let model = undated_model(self.call.model.as_deref().map(canonical_model).unwrap_or_default());
        let model = XxHash3_64::oneshot(model.as_bytes());
        let numbers = [self.kind as u64, self.call.ending as u64, known, input, output, model];
        XxHash3_64::oneshot(numbers.map(u64::to_le_bytes).as_flattened())
    }

    /// Whether it is a framework's or that of an SDK which begins its own trace. Answered calls of which nobody knows the
    /// tokens have too little in common.
    pub fn may_be_told_in_another_trace(&self) -> bool {
        let is_of_layer = match self.layer {
            Layer::Framework => true,
            Layer::Sdk => !self.ids.has_parent(),
            Layer::Other => false,
        };
        is_of_layer && (self.call.tokens.is_some() || self.call.ending != Ending::Answered)
    }

    /// The call to be settled.
    pub fn into_call(self) -> Call<'a> {
        let Told { mut call, project, api_key, is_read, .. } = self;
        call.is_read = is_read;
        call.project = call.project.or(project);
        call.api_key = call.api_key.or(api_key);
        call
    }

    fn by_time(&self) -> (u64, SpanIds) {
        (self.observed.start_nanos, self.ids)
    }
}
