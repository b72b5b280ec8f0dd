//! Spans as they are kept for those of the same calls that come in other posts, and how they are read together again.
//!
//! What is kept is a message of figures and names: nothing that anybody wrote or was answered.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use hashbrown::HashMap;
use twox_hash::XxHash3_64;

use super::one_call::{Inside, Layer, MAX_STEPS, Told, merged};
use super::protobuf::{Field, fields, put_bytes, put_varint};
use super::span::{SpanIds, is_of_span};
use super::span_call::Kind;
use crate::ingest::call::{Call, Ending, Names, Said};
use crate::ingest::collector::Collector;
use crate::ingest::usage::{Figures, Habits, Known, Tokens};
use crate::ingest::{Context, TokenDefaults, for_ever};
use crate::model::{Batch, Fingerprint, Guard, KeptSpan, Mode, Observed, PicoUsd, Reread, SpanHashes};
use crate::pricing::{PriceBook, ServiceTier};

/// Calls of two instrumentations in traces of their own are looked for where they began within this time.
const TOGETHER_NANOS: u64 = 60_000_000_000;

const LAYERS: [Layer; 3] = [Layer::Other, Layer::Framework, Layer::Sdk];
const ENDINGS: [Ending; 3] = [Ending::Answered, Ending::ClientError, Ending::Error];
const KNOWN: [Known; 3] = [Known::All, Known::Input, Known::Some];
const MODES: [Mode; 2] = [Mode::Credits, Mode::ApiKeys];
const TIERS: [ServiceTier; 5] =
    [ServiceTier::Standard, ServiceTier::Batch, ServiceTier::Flex, ServiceTier::Priority, ServiceTier::Other];

/// What is kept of the spans of a post that tell of calls, by organization.
pub fn kept(told: &[Told<'_>], spans: &[Inside], token: &TokenDefaults<'_>) -> BTreeMap<String, Vec<KeptSpan>> {
    let mut around = Around::of(told, spans);
    let mut kept: BTreeMap<String, Vec<KeptSpan>> = BTreeMap::new();
    for (at, of) in told.iter().enumerate().filter(|(_, of)| of.ids.has_trace() && of.ids.has_span()) {
        let Some(organization) = of.call.organization.as_deref().or(token.organization_id) else { continue };
        let mut steps = std::mem::take(&mut around.steps[at]);
        let inside = steps.len();
        let mut outer = Vec::new();
        around.walk(of.ids, |ids, step| {
            outer.push(hash(ids));
            steps.extend(step);
        });
        let (own, content) = (hash(of.ids), of.hash_of_content());
        let [first, second] = of.ids.trace_halves();
        let in_trace = content.wrapping_add(first) ^ second;
        let across = of.may_be_told_in_another_trace().then(|| {
            let (minute, sdk) = (of.observed.start_nanos / TOGETHER_NANOS, u64::from(of.layer == Layer::Sdk));
            [minute, minute + 1].map(|minute| (content ^ of.service).wrapping_add(minute) << 1 | sdk)
        });
        // A call without another id is known by its span.
        let id = (!is_of_span(&of.call.id)).then(|| XxHash3_64::oneshot(of.call.id.as_bytes()));
        let own = std::iter::once(own).chain(steps[..inside].iter().map(|step| hash(step.ids)));
        let span = KeptSpan {
            id: Fingerprint::of(&of.call.id),
            hashes: SpanHashes::of(own, outer, id, [in_trace], across.into_iter().flatten()),
            observed: of.observed,
            told: write(of, organization, &steps, token),
        };
        match kept.get_mut(organization) {
            Some(spans) => spans.push(span),
            None => drop(kept.insert(organization.to_owned(), vec![span])),
        }
    }
    kept
}

/// How kept spans are read: as one post, at the prices there are now.
pub fn rereading(context: &Context<'_>) -> Reread {
    let (now, prices) = (context.now, context.prices.clone());
    Reread(Arc::new(move |kept| reread(kept, now, &prices)))
}

fn reread(kept: &[&[u8]], now: i64, prices: &PriceBook) -> Option<Batch> {
    let (mut told, mut spans) = (Vec::new(), Vec::new());
    for one in kept {
        told.push(read(one, &mut spans)?);
    }
    let context = Context { now, prices, token: TokenDefaults::default(), kept_since: &for_ever };
    let mut collector = Collector::new(&context);
    for of in merged(told, &spans).0 {
        // What is refused now was when it came.
        collector.settle(of.into_call(), Said::default(), &mut Names::default()).ok();
    }
    Some(collector.finish().batch)
}

/// A span of a trace, as a key.
fn hash(ids: SpanIds) -> u64 {
    XxHash3_64::oneshot(&ids.own().bytes()[..24])
}

/// The spans of a post by what they are inside of.
struct Around {
    /// By hash, those that tell of calls with their places.
    spans: HashMap<u64, (Inside, Option<usize>)>,
    /// Of each call the spans inside of it that are none.
    steps: Vec<Vec<Inside>>,
}

impl Around {
    fn of(told: &[Told<'_>], spans: &[Inside]) -> Around {
        let mut around = Around { spans: HashMap::new(), steps: vec![Vec::new(); told.len()] };
        let is_nested = |span: &&Inside| span.ids.has_parent() && span.ids.has_trace();
        if !spans.iter().any(|span| is_nested(&span)) {
            return around;
        }
        around.spans.reserve(spans.len());
        around.spans.extend(spans.iter().map(|span| (hash(span.ids), (*span, None))));
        for (at, of) in told.iter().enumerate() {
            if let Some((_, call)) = around.spans.get_mut(&hash(of.ids)) {
                *call = Some(at);
            }
        }
        for step in spans.iter().filter(is_nested).filter(|span| !span.is_tool) {
            if around.call(step.ids).is_some() {
                continue;
            }
            let mut last = None;
            around.walk(step.ids, |outer, _| last = Some(outer));
            if let Some(call) = last.and_then(|last| around.call(last))
                && around.steps[call].len() < MAX_STEPS
            {
                around.steps[call].push(*step);
            }
        }
        around
    }

    fn call(&self, ids: SpanIds) -> Option<usize> {
        self.spans.get(&hash(ids)).and_then(|(_, call)| *call)
    }

    /// Visits the spans that one is inside of, with what is known of each that is no call, up to the first that is one,
    /// is a tool's, or did not come along.
    fn walk(&self, ids: SpanIds, mut visit: impl FnMut(SpanIds, Option<Inside>)) {
        let mut at = ids.outer();
        for _ in 0..MAX_STEPS {
            let Some(outer) = at else { return };
            let step = self.spans.get(&hash(outer)).filter(|(_, call)| call.is_none()).map(|(span, _)| *span);
            visit(outer, step);
            at = step.filter(|step| !step.is_tool).and_then(|step| step.ids.outer());
        }
    }
}

const VERSION: u64 = 1;

fn write(of: &Told<'_>, organization: &str, steps: &[Inside], token: &TokenDefaults<'_>) -> Vec<u8> {
    let call = &of.call;
    let mut out = Vec::with_capacity(320);
    put_varint(&mut out, 1, VERSION);
    put_bytes(&mut out, 2, &of.ids.bytes());
    for (number, text) in [
        (3, Some(call.id.as_str())),
        (4, call.other_id.as_deref()),
        (5, Some(organization)),
        (6, call.project.as_deref()),
        (7, call.api_key.as_deref()),
        (8, call.model.as_deref()),
        (9, call.provider.as_deref()),
        (10, call.source.as_deref()),
        (11, of.project.as_deref().or(token.project_id)),
        (12, of.api_key.as_deref().or(token.api_key_id)),
    ] {
        if let Some(text) = text {
            put_bytes(&mut out, number, text.as_bytes());
        }
    }
    let place = |place: Option<usize>| place.unwrap_or_default() as u64;
    for (number, value) in [
        (13, call.start as u64),
        (14, of.observed.start_nanos),
        (15, of.observed.end_nanos),
        (16, of.observed.scope),
        (17, of.service),
        (18, place(LAYERS.iter().position(|layer| *layer == of.layer))),
        (19, place(Kind::ALL.iter().position(|kind| *kind == of.kind))),
        (20, place(ENDINGS.iter().position(|ending| *ending == call.ending))),
        (21, place(MODES.iter().position(|mode| *mode == call.mode))),
        (22, place(TIERS.iter().position(|tier| *tier == call.tier))),
        (23, u64::from(of.is_by_provider)),
        (24, u64::from(of.is_read)),
        (25, u64::from(call.is_partial)),
        (26, u64::from(call.cached)),
        (27, u64::from(call.is_extra)),
    ] {
        if value != 0 {
            put_varint(&mut out, number, value);
        }
    }
    if let Some(cost) = call.cost {
        put_bytes(&mut out, 28, &cost.0.to_le_bytes());
    }
    if let Some(mut tokens) = call.tokens {
        put_varint(&mut out, 29, place(KNOWN.iter().position(|known| *known == tokens.known)));
        for (number, value) in (30..).zip(tokens_of(&mut tokens).map(|value| *value)) {
            if value != 0 {
                put_varint(&mut out, number, value);
            }
        }
    }
    for one in &call.guards.0 {
        put_bytes(&mut out, 40 + one.guard as u64, one.name.as_bytes());
    }
    for step in steps {
        put_bytes(&mut out, if step.is_tool { 40 } else { 39 }, &step.ids.bytes());
    }
    out
}

fn tokens_of(tokens: &mut Tokens) -> [&mut u64; 9] {
    [
        &mut tokens.input,
        &mut tokens.output,
        &mut tokens.total,
        &mut tokens.cached,
        &mut tokens.cache_write,
        &mut tokens.cache_write_1h,
        &mut tokens.reasoning,
        &mut tokens.audio_input,
        &mut tokens.audio_output,
    ]
}

/// What a span told, with itself and the steps that came with it added to `spans`. Nothing if it is not what [`write()`]
/// wrote.
fn read<'a>(kept: &'a [u8], spans: &mut Vec<Inside>) -> Option<Told<'a>> {
    let mut of = Told {
        call: Call::default(),
        said: Said::default(),
        sender: 0,
        ids: SpanIds::default(),
        project: None,
        api_key: None,
        observed: Observed::default(),
        layer: Layer::Other,
        service: 0,
        is_by_provider: false,
        kind: Kind::Text,
        is_read: false,
        figures: Figures::default(),
        client: Habits::default(),
    };
    let mut tokens = Tokens::default();
    let mut version = 0;
    for field in fields(kept) {
        match field.ok()? {
            (1, Field::Varint(value)) => version = value,
            (number, Field::Varint(value)) => match number {
                13 => of.call.start = value as i64,
                14 => of.observed.start_nanos = value,
                15 => of.observed.end_nanos = value,
                16 => of.observed.scope = value,
                17 => of.service = value,
                18 => of.layer = *LAYERS.get(value as usize)?,
                19 => of.kind = *Kind::ALL.get(value as usize)?,
                20 => of.call.ending = *ENDINGS.get(value as usize)?,
                21 => of.call.mode = *MODES.get(value as usize)?,
                22 => of.call.tier = *TIERS.get(value as usize)?,
                23 => of.is_by_provider = value == 1,
                24 => of.is_read = value == 1,
                25 => of.call.is_partial = value == 1,
                26 => of.call.cached = value == 1,
                27 => of.call.is_extra = value == 1,
                29 => {
                    tokens.known = *KNOWN.get(value as usize)?;
                    of.call.tokens = Some(tokens);
                }
                30..39 => {
                    *tokens_of(&mut tokens)[number as usize - 30] = value;
                    of.call.tokens = Some(tokens);
                }
                _ => return None,
            },
            (number @ (2 | 39 | 40), Field::Bytes(ids)) => {
                let ids = SpanIds::of_bytes(ids.try_into().ok()?);
                spans.push(Inside { ids, is_tool: number == 40 });
                if number == 2 {
                    of.ids = ids;
                }
            }
            (number @ (41 | 42), Field::Bytes(name)) => {
                let guard = Guard::ALL.into_iter().find(|guard| 40 + *guard as u64 == number)?;
                of.call.guards.add(guard, std::str::from_utf8(name).ok()?);
            }
            (28, Field::Bytes(cost)) => of.call.cost = Some(PicoUsd(i128::from_le_bytes(cost.try_into().ok()?))),
            (number, Field::Bytes(text)) => {
                let text = std::str::from_utf8(text).ok()?;
                let place = match number {
                    3 => {
                        of.call.id = text.to_owned();
                        continue;
                    }
                    4 => {
                        of.call.other_id = Some(text.to_owned());
                        continue;
                    }
                    5 => &mut of.call.organization,
                    6 => &mut of.call.project,
                    7 => &mut of.call.api_key,
                    8 => &mut of.call.model,
                    9 => &mut of.call.provider,
                    10 => &mut of.call.source,
                    11 => &mut of.project,
                    12 => &mut of.api_key,
                    _ => return None,
                };
                *place = Some(Cow::Borrowed(text));
            }
            _ => return None,
        }
    }
    (version == VERSION).then_some(of)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::guards::Guards;
    use crate::model::Intervention;

    fn told() -> Told<'static> {
        let text = |text: &'static str| Some(Cow::Borrowed(text));
        let mut tokens = Tokens { known: Known::Input, ..Tokens::default() };
        (11..).zip(tokens_of(&mut tokens)).for_each(|(value, place)| *place = value);
        let call = Call {
            id: "answer\nresp_1".into(),
            other_id: Some("another".into()),
            start: 1_781_092_800_123,
            organization: None,
            project: text("p"),
            api_key: text("k"),
            model: text("openai/gpt-4o-mini"),
            provider: text("openai"),
            source: text("bot"),
            mode: Mode::ApiKeys,
            tokens: Some(tokens),
            is_partial: true,
            is_read: false,
            tier: ServiceTier::Other,
            cost: Some(PicoUsd(i128::from(u64::MAX) + 7)),
            ending: Ending::Error,
            cached: true,
            is_extra: true,
            guards: Guards(vec![Intervention { guard: Guard::ContentFilter, name: "hate".into() }]),
            figures: None,
        };
        Told {
            call,
            said: Said::default(),
            sender: 0,
            ids: SpanIds::of_bytes(std::array::from_fn(|at| at as u8)),
            project: None,
            api_key: None,
            observed: Observed {
                start_nanos: 1_781_092_800_123_456_789,
                end_nanos: 1_781_092_801_123_456_789,
                scope: u64::MAX,
            },
            layer: Layer::Sdk,
            service: 9,
            is_by_provider: true,
            kind: Kind::Other,
            is_read: true,
            figures: Figures::default(),
            client: Habits::default(),
        }
    }

    fn token() -> TokenDefaults<'static> {
        TokenDefaults { project_id: Some("default"), api_key_id: Some("key"), ..TokenDefaults::default() }
    }

    #[test]
    fn what_is_kept_is_read_with_all_that_was_told() {
        let steps = [5, 6].map(|byte| Inside { ids: SpanIds::of_bytes([byte; 32]), is_tool: byte == 6 });
        let kept = write(&told(), "acme", &steps, &token());
        let mut spans = Vec::new();
        let read = read(&kept, &mut spans).unwrap();
        let found: Vec<_> = spans.iter().map(|span| (span.ids, span.is_tool)).collect();
        assert_eq!(found, [(told().ids, false), (steps[0].ids, false), (steps[1].ids, true)]);
        assert_eq!((read.project.as_deref(), read.api_key.as_deref()), (Some("default"), Some("key")));
        let call = Call { organization: Some("acme".into()), ..told().call };
        assert_eq!(format!("{:?}", read.call), format!("{call:?}"));
        // All else that was told is in what is written of it again.
        assert_eq!(write(&read, "acme", &steps, &TokenDefaults::default()), kept);
    }

    #[test]
    fn what_was_not_written_here_is_not_read() {
        let kept = write(&told(), "acme", &[], &token());
        let mut newer = kept.clone();
        newer[1] = VERSION as u8 + 1;
        for wrong in [&newer[..], &kept[..kept.len() - 1], &kept[2..], b"what it told", b""] {
            assert!(read(wrong, &mut Vec::new()).is_none(), "{wrong:?}");
        }
        assert!(reread(&[&kept, &newer], 0, &PriceBook::bundled()).is_none());
    }
}
