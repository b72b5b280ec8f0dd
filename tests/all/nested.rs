//! Spans of one call are one request in whatever posts they come, as they are when they come in one.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use crate::support::ledger::{Random, about, fresh_seed, repricing, setting};
use rollcall::calendar::{Date, Granularity, Window, Zone};
use rollcall::engine::{Engine, STORE_FILE};
use rollcall::ingest::otlp::{Encoding, Options, parse_traces};
use rollcall::ingest::{Context, TokenDefaults, for_ever};
use rollcall::model::{Count, HOUR_MS, Hour, Measures, UnixMs};
use rollcall::pricing::PriceBook;
use rollcall::query::{ACTIVITY_COLUMNS, Filter, GroupBy, Query, QueryError, RankBy, activity, rollups};
use rollcall::store::{IdPolicy, Store};
use serde_json::{Value, json};

/// 2026-06-10T12:00:00Z
const NOON: UnixMs = 1_781_092_800_000;

struct Machine {
    clock: Arc<AtomicI64>,
    engine: Option<Engine>,
    directory: tempfile::TempDir,
}

/// Few ids have a run, so that what spans leave is looked for in memory and in the file.
fn open(directory: &Path, clock: &Arc<AtomicI64>) -> Engine {
    let (path, clock) = (directory.join(STORE_FILE), clock.clone());
    let policy = IdPolicy { run_ids: 40, merged_runs: 3, filter_bytes: usize::MAX };
    let open = move || Ok(Store::open(&path)?.with_id_policy(policy));
    Engine::start(open, Arc::new(move || clock.load(Ordering::Relaxed))).unwrap()
}

impl Machine {
    fn new() -> Machine {
        let (clock, directory) = (Arc::new(AtomicI64::new(NOON)), tempfile::tempdir().unwrap());
        let engine = Some(open(directory.path(), &clock));
        Machine { clock, engine, directory }
    }

    fn engine(&self) -> &Engine {
        self.engine.as_ref().unwrap()
    }

    /// Checks the whole file by the way.
    fn restart(&mut self) {
        self.engine = None;
        self.engine = Some(open(self.directory.path(), &self.clock));
        rollcall::engine::check(&self.engine().snapshot().reader, &mut |_, _| ()).unwrap();
    }

    fn post(&self, spans: &[Value]) {
        self.post_by(&spans.iter().map(|span| ("s", span.clone())).collect::<Vec<_>>());
    }

    /// Posts spans of one service, each with the instrumentation that made it.
    fn post_by(&self, spans: &[(&str, Value)]) {
        let scopes: Vec<Value> =
            spans.iter().map(|(scope, span)| json!({"scope": {"name": scope}, "spans": [span]})).collect();
        let body = json!({"resourceSpans": [{"resource": {}, "scopeSpans": scopes}]});
        let prices = PriceBook::bundled();
        let token = TokenDefaults {
            organization_id: Some("acme"),
            project_id: Some("p"),
            api_key_id: Some("k"),
            ..TokenDefaults::default()
        };
        let context = Context { now: self.engine().now(), prices: &prices, token, kept_since: &for_ever };
        let body = body.to_string();
        let reading = parse_traces(body.as_bytes(), Encoding::Json, &Options::default(), &context).unwrap();
        assert_eq!(reading.parsed.rejected, []);
        self.engine().submit(reading.parsed.batch).unwrap().wait().unwrap();
    }

    /// All there is, by hour and by every name.
    fn rows(&self) -> Vec<String> {
        let snapshot = self.engine().snapshot();
        let window = Window::new(Zone::UTC, date("2026-06-01"), date("2026-06-30"), Granularity::Hour).unwrap();
        let mut rows = Vec::new();
        rollups(about(&snapshot), window, Granularity::Hour, Filter::default(), |of| {
            let names = [GroupBy::Model, GroupBy::Project, GroupBy::ApiKey, GroupBy::Provider, GroupBy::Source];
            let names = names.map(|by| of.label(by).key.clone());
            rows.push(format!("{:?} {names:?} {:?} {:?}", of.bucket.start, of.cost_source(), of.measures));
            Ok::<_, QueryError>(())
        })
        .unwrap();
        rows.sort();
        rows
    }

    fn sums(&self) -> Measures {
        let window = Window::new(Zone::UTC, date("2026-06-01"), date("2026-06-30"), Granularity::Day).unwrap();
        let query = Query {
            window,
            granularity: Granularity::Day,
            group_by: Vec::new(),
            filter: Filter::default(),
            rank_by: RankBy::Cost,
            top: None,
            columns: ACTIVITY_COLUMNS,
        };
        let snapshot = self.engine().snapshot();
        activity(about(&snapshot), &query).unwrap().totals.usage.all
    }
}

fn date(text: &str) -> Date {
    Date::parse(text).unwrap()
}

/// What a span tells of a call, if it is one.
#[derive(Debug, Clone, Copy)]
enum Tells {
    Text(Option<[u64; 3]>),
    Failed,
    Embedding(u64),
    Step,
    Tool,
}

/// A span of a trace by its number, inside of another or of none.
fn span(trace: u8, number: u8, inside: u8, tells: Tells) -> Value {
    let hex = |byte: u8, times: usize| format!("{byte:02x}").repeat(times);
    let text = |key: &str, value: &str| json!({"key": key, "value": {"stringValue": value}});
    let count = |key: &str, value: u64| json!({"key": key, "value": {"intValue": value.to_string()}});
    let call =
        |name: &str| vec![text("gen_ai.operation.name", name), text("gen_ai.request.model", "openai/gpt-4o-mini")];
    let attributes = match tells {
        Tells::Step => Vec::new(),
        Tells::Tool => vec![text("gen_ai.operation.name", "execute_tool")],
        Tells::Text(None) => call("chat"),
        Tells::Failed => [call("chat"), vec![text("error.type", "500")]].concat(),
        Tells::Embedding(input) => [call("embeddings"), vec![count("gen_ai.usage.input_tokens", input)]].concat(),
        Tells::Text(Some([input, output, cached])) => {
            let mut of = call("chat");
            of.push(count("gen_ai.usage.input_tokens", input));
            of.push(count("gen_ai.usage.output_tokens", output));
            of.extend((cached > 0).then(|| count("gen_ai.usage.cache_read.input_tokens", cached)));
            of
        }
    };
    json!({"traceId": hex(trace, 16), "spanId": hex(number, 8), "name": "a span",
        "parentSpanId": if inside == 0 { String::new() } else { hex(inside, 8) },
        "startTimeUnixNano": format!("{}000000", NOON - HOUR_MS), "endTimeUnixNano": format!("{NOON}000000"),
        "attributes": attributes, "status": {}})
}

fn text(input: u64, output: u64) -> Tells {
    Tells::Text(Some([input, output, 0]))
}

#[track_caller]
fn check(machine: &Machine, expected: [u64; 3], what: &str) {
    let sums = machine.sums();
    let found = [Count::Requests, Count::InputTokens, Count::OutputTokens].map(|count| sums.get(count));
    assert_eq!(found, expected, "{what}");
}

/// Posts, each of spans by number, parent and what they tell; requests, input and output that they are.
type Case = (&'static str, Vec<Vec<(u8, u8, Tells)>>, [u64; 3]);

fn run(cases: Vec<Case>) {
    for restarts in [false, true] {
        for (what, posts, expected) in &cases {
            let mut machine = Machine::new();
            for post in posts {
                let spans: Vec<Value> =
                    post.iter().map(|(number, inside, tells)| span(7, *number, *inside, *tells)).collect();
                machine.post(&spans);
                if restarts {
                    machine.restart();
                }
                // A post that was answered too late comes again.
                machine.post(&spans);
            }
            check(&machine, *expected, what);
            // All of it once more, as one post.
            let all: Vec<Value> =
                posts.iter().flatten().map(|(number, inside, tells)| span(7, *number, *inside, *tells)).collect();
            machine.post(&all);
            check(&machine, *expected, what);
        }
    }
}

#[test]
fn an_outer_span_that_comes_later_is_held_against_the_calls_inside() {
    let (step, tool, unknown) = (Tells::Step, Tells::Tool, Tells::Text(None));
    run(vec![
        ("the same tokens", vec![vec![(2, 1, text(100, 5))], vec![(1, 0, text(100, 5))]], [1, 100, 5]),
        ("a stream, a token apart", vec![vec![(2, 1, text(100, 5))], vec![(1, 0, text(100, 6))]], [1, 100, 5]),
        ("no tokens outside", vec![vec![(2, 1, text(100, 5))], vec![(1, 0, unknown)]], [1, 100, 5]),
        ("no tokens inside", vec![vec![(2, 1, unknown)], vec![(1, 0, text(100, 5))]], [1, 100, 5]),
        ("no tokens at all", vec![vec![(2, 1, unknown)], vec![(1, 0, unknown)]], [1, 0, 0]),
        ("a try that failed inside", vec![vec![(2, 1, Tells::Failed)], vec![(1, 0, text(100, 5))]], [2, 100, 5]),
        (
            "the sum of those inside",
            vec![vec![(2, 1, text(100, 5))], vec![(3, 1, text(60, 3))], vec![(1, 0, text(160, 8))]],
            [2, 160, 8],
        ),
        (
            "one of them",
            vec![vec![(2, 1, text(100, 5))], vec![(3, 1, text(60, 3))], vec![(1, 0, text(60, 3))]],
            [2, 160, 8],
        ),
        (
            "one came along, one before",
            vec![vec![(2, 1, text(100, 5))], vec![(3, 1, text(60, 3)), (1, 0, text(160, 8))]],
            [2, 160, 8],
        ),
        ("other tokens", vec![vec![(2, 1, text(100, 5))], vec![(1, 0, text(200, 5))]], [2, 300, 10]),
        (
            "a step that came with the inner one",
            vec![vec![(3, 2, text(100, 5)), (2, 1, step)], vec![(1, 0, text(100, 5))]],
            [1, 100, 5],
        ),
        (
            "a step that came with the outer one",
            vec![vec![(3, 2, text(100, 5))], vec![(2, 1, step), (1, 0, text(100, 5))]],
            [1, 100, 5],
        ),
        ("a tool between", vec![vec![(3, 2, text(100, 5))], vec![(2, 1, tool), (1, 0, text(100, 5))]], [2, 200, 10]),
        (
            "three deep",
            vec![vec![(3, 2, text(100, 5))], vec![(2, 1, text(100, 5))], vec![(1, 0, text(100, 5))]],
            [1, 100, 5],
        ),
        (
            "the middle one without tokens",
            vec![vec![(3, 2, text(100, 5))], vec![(2, 1, unknown)], vec![(1, 0, text(100, 5))]],
            [1, 100, 5],
        ),
        ("another kind", vec![vec![(2, 1, Tells::Embedding(100))], vec![(1, 0, text(100, 0))]], [2, 200, 0]),
        (
            "parts that only the inner one tells",
            vec![vec![(2, 1, Tells::Text(Some([1000, 5, 900])))], vec![(1, 0, text(100, 5))]],
            [1, 1000, 5],
        ),
        ("beside each other", vec![vec![(2, 9, text(100, 5))], vec![(3, 9, text(100, 5))]], [2, 200, 10]),
    ]);
}

#[test]
fn an_outer_span_that_comes_first_is_known_by_the_calls_inside() {
    let (step, unknown) = (Tells::Step, Tells::Text(None));
    run(vec![
        ("the same tokens", vec![vec![(1, 0, text(100, 5))], vec![(2, 1, text(100, 5))]], [1, 100, 5]),
        ("no tokens inside", vec![vec![(1, 0, text(100, 5))], vec![(2, 1, unknown)]], [1, 100, 5]),
        ("no tokens outside", vec![vec![(1, 0, unknown)], vec![(2, 1, text(100, 5))]], [1, 100, 5]),
        ("no tokens at all", vec![vec![(1, 0, unknown)], vec![(2, 1, unknown)]], [1, 0, 0]),
        ("a try that failed inside", vec![vec![(1, 0, text(100, 5))], vec![(2, 1, Tells::Failed)]], [2, 100, 5]),
        ("other tokens", vec![vec![(1, 0, text(200, 5))], vec![(2, 1, text(100, 5))]], [2, 300, 10]),
        ("another kind", vec![vec![(1, 0, text(100, 0))], vec![(2, 1, Tells::Embedding(100))]], [2, 200, 0]),
        (
            "a step that came with the outer one",
            vec![vec![(1, 0, text(100, 5)), (2, 1, step)], vec![(3, 2, text(100, 5))]],
            [1, 100, 5],
        ),
        (
            "a step that came with the inner one",
            vec![vec![(1, 0, text(100, 5))], vec![(2, 1, step), (3, 2, text(100, 5))]],
            [1, 100, 5],
        ),
        (
            "three deep",
            vec![vec![(1, 0, text(100, 5))], vec![(2, 1, text(100, 5))], vec![(3, 2, text(100, 5))]],
            [1, 100, 5],
        ),
        (
            "it stands for one only",
            vec![vec![(1, 0, text(100, 5))], vec![(2, 1, text(100, 5))], vec![(3, 1, text(100, 5))]],
            [2, 200, 10],
        ),
        (
            "so it does without tokens",
            vec![vec![(1, 0, unknown)], vec![(2, 1, text(100, 5))], vec![(3, 1, text(60, 3))]],
            [2, 160, 8],
        ),
    ]);
}

#[test]
fn what_is_inside_is_known_for_two_days_and_then_forgotten() {
    let [inner, outer] = [(2, 1), (1, 0)].map(|(number, inside)| span(7, number, inside, text(100, 5)));
    for [first, second] in [[&inner, &outer], [&outer, &inner]] {
        for (hours, requests) in [(47, 1), (73, 2)] {
            let mut machine = Machine::new();
            machine.post(std::slice::from_ref(first));
            machine.clock.fetch_add(hours * HOUR_MS, Ordering::Relaxed);
            // In its wake old ids leave memory, and the hourly look removes what is past.
            machine.post(&[span(9, 1, 0, text(1, 1))]);
            (0..8).for_each(|_| assert!(machine.engine().seal().unwrap().wait().is_ok()));
            machine.restart();
            machine.post(std::slice::from_ref(second));
            check(&machine, [requests + 1, 100 * requests + 1, 5 * requests + 1], &format!("{hours} hours later"));
            machine.restart();
        }
    }
}

/// A span as an exporter may send it: with its instrumentation, and with what came in the same post always.
type Sent = Vec<(&'static str, Value)>;

/// Adds attributes to a span.
fn with(mut span: Value, attributes: &[(&str, Value)]) -> Value {
    let list = span["attributes"].as_array_mut().unwrap();
    list.extend(attributes.iter().map(|(key, value)| json!({"key": key, "value": value})));
    span
}

/// The spans of some calls that have to do with each other. Steps that are no calls come along with a call around them
/// or inside: alone they are not kept.
fn shape(random: &mut Random, trace: u8, next: &mut u64) -> Vec<Sent> {
    let mut tokens = || {
        *next += 1;
        [1000 + 37 * *next, 10 + 3 * *next]
    };
    let [a, b] = [tokens(), tokens()];
    let call = |number: u8, inside: u8, [input, output]: [u64; 2]| span(trace, number, inside, text(input, output));
    let with_cache = |number: u8, inside: u8, [input, output]: [u64; 2]| {
        span(trace, number, inside, Tells::Text(Some([input, output, input / 2])))
    };
    let unknown = |number: u8, inside: u8| span(trace, number, inside, Tells::Text(None));
    let failed = |number: u8, inside: u8| span(trace, number, inside, Tells::Failed);
    let step = |number: u8, inside: u8| span(trace, number, inside, Tells::Step);
    let embedding = |number: u8, inside: u8| span(trace, number, inside, Tells::Embedding(a[0]));
    let word = |word: &str| json!({"stringValue": word});
    let of_answer = |span: Value| with(span, &[("gen_ai.response.id", word(&format!("chatcmpl-of-trace-{trace}")))]);
    let in_another_hour = |mut span: Value| {
        span["startTimeUnixNano"] = json!(format!("{}000000", NOON - 3 * HOUR_MS));
        span
    };
    let elsewhere = |mut span: Value| {
        span["traceId"] = json!(format!("{:02x}", trace + 100).repeat(16));
        span
    };
    let sum = [a[0] + b[0], a[1] + b[1]];
    let alone = |spans: Vec<Value>| spans.into_iter().map(|span| vec![("s", span)]).collect();
    match random.below(20) {
        // Pairs.
        0 => alone(vec![call(2, 1, a), call(1, 0, a)]),
        1 => alone(vec![with_cache(2, 1, a), call(1, 0, a)]),
        2 => alone(vec![call(2, 1, a), with_cache(1, 0, a)]),
        3 => alone(vec![call(2, 1, a), call(1, 0, b)]),
        4 => alone(vec![unknown(2, 1), with(call(1, 0, a), &[("gen_ai.usage.cost", json!({"doubleValue": 0.25}))])]),
        5 => alone(vec![call(2, 1, a), in_another_hour(unknown(1, 0))]),
        // Names that only one of them has, and others.
        6 => {
            let named = [("gen_ai.provider.name", word("azure")), ("gen_ai.agent.name", word("helper"))];
            let nameless = with(step(1, 0), &[("gen_ai.operation.name", word("chat"))]);
            let tokens = [("gen_ai.usage.input_tokens", a[0]), ("gen_ai.usage.output_tokens", a[1])];
            let tokens = tokens.map(|(key, count)| (key, json!({"intValue": count.to_string()})));
            alone(vec![with(call(2, 1, a), &named), with(nameless, &tokens)])
        }
        // Sums.
        7 => alone(vec![call(3, 1, a), with_cache(4, 1, b), call(1, 0, sum)]),
        8 => vec![
            vec![("s", call(3, 2, a))],
            vec![("s", call(4, 2, b))],
            vec![("s", step(2, 1)), ("s", call(1, 0, sum))],
        ],
        9 => alone(vec![call(2, 1, a), call(3, 2, a), call(4, 1, b), unknown(5, 4), call(1, 0, sum)]),
        10 => alone(vec![call(3, 1, a), call(4, 1, b), unknown(1, 0)]),
        11 => alone(vec![call(3, 1, a), call(4, 1, b), failed(5, 1), call(1, 0, sum)]),
        12 => alone(vec![embedding(3, 1), call(4, 1, a), call(1, 0, a)]),
        // Three deep.
        13 => alone(vec![call(3, 2, a), with_cache(2, 1, a), call(1, 0, a)]),
        14 => alone(vec![call(3, 2, a), unknown(2, 1), call(1, 0, a)]),
        15 => vec![
            vec![("s", with_cache(4, 3, a))],
            vec![("s", step(3, 2)), ("s", call(2, 1, a))],
            vec![("s", call(1, 0, a))],
        ],
        // Beside each other.
        16 => alone(vec![call(2, 1, a), call(3, 1, a), failed(4, 1), unknown(1, 9)]),
        // LangChain, traced by itself and by the SDK in a trace of its own.
        17 => vec![
            vec![("openinference.instrumentation.langchain", call(1, 0, a))],
            vec![("opentelemetry.instrumentation.openai", elsewhere(with_cache(2, 0, a)))],
        ],
        // Two instrumentations in one trace, neither inside the other.
        18 => vec![vec![("first", call(2, 1, a))], vec![("second", with_cache(3, 1, a))]],
        // An answer that two tell of.
        _ => vec![vec![("first", of_answer(call(2, 1, a)))], vec![("second", of_answer(with_cache(3, 9, a)))]],
    }
}

/// Traces of many shapes, whose spans come in any order, cut into posts anywhere and repeated, to a server that is
/// started again here and there.
fn in_any_order(seed: u64) {
    println!("ROLLCALL_SEED={seed}");
    let mut random = Random(seed);
    let mut next = 0;
    let mut left: Vec<Sent> = (1..=25).flat_map(|trace| shape(&mut random, trace, &mut next)).collect();
    let together = Machine::new();
    together.post_by(&left.concat());

    let mut machine = Machine::new();
    let (mut posts, mut post): (Vec<Sent>, Sent) = (Vec::new(), Vec::new());
    while !left.is_empty() {
        post.extend(left.swap_remove(random.below(left.len() as u64) as usize));
        if random.below(3) == 0 || left.is_empty() {
            machine.post_by(&post);
            posts.push(std::mem::take(&mut post));
            match random.below(8) {
                0 => machine.restart(),
                1..3 => machine.post_by(random.pick::<Sent>(&posts)),
                // Spans come again in a post of other ones, too.
                3 => {
                    let before = random.pick::<Sent>(&posts);
                    post.push(random.pick::<(&str, Value)>(before).clone());
                }
                _ => {}
            }
        }
    }
    machine.restart();
    assert_eq!(machine.rows(), together.rows());
}

#[test]
fn spans_in_any_order_and_cut_anywhere_are_the_same_calls_as_one_post() {
    match setting("ROLLCALL_SEED") {
        Some(seed) => in_any_order(seed),
        None => (0..6).chain([fresh_seed()]).for_each(in_any_order),
    }
}

#[test]
fn each_order_of_few_spans_is_the_same_calls() {
    let tells = |of: &[(u8, u8, Tells)]| -> Vec<Value> {
        of.iter().map(|(number, inside, tells)| span(7, *number, *inside, *tells)).collect()
    };
    let cached = |input, output| Tells::Text(Some([input, output, input / 2]));
    for (what, spans, expected) in [
        ("a sum", tells(&[(1, 0, text(160, 8)), (2, 1, text(100, 5)), (3, 1, text(60, 3))]), [2, 160, 8]),
        ("three deep", tells(&[(1, 0, text(100, 5)), (2, 1, text(100, 5)), (3, 2, cached(100, 5))]), [1, 100, 5]),
        (
            "with other figures",
            tells(&[(1, 0, text(200, 5)), (2, 1, text(100, 5)), (3, 2, text(100, 5))]),
            [2, 300, 10],
        ),
        ("siblings", tells(&[(1, 0, text(100, 5)), (2, 1, text(100, 5)), (3, 1, text(100, 5))]), [2, 200, 10]),
        (
            "no tokens",
            tells(&[(1, 0, Tells::Text(None)), (2, 1, text(100, 5)), (3, 2, Tells::Text(None))]),
            [1, 100, 5],
        ),
    ] {
        for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
            for restarts in [false, true] {
                let mut machine = Machine::new();
                for at in order {
                    machine.post(&spans[at..=at]);
                    if restarts {
                        machine.restart();
                    }
                }
                check(&machine, expected, &format!("{what} as {order:?}"));
            }
        }
    }
}

#[test]
fn what_was_sealed_in_between_is_taken_back_exactly() {
    let spans = [(1, 0, Tells::Text(Some([1000, 5, 900]))), (2, 1, text(1000, 6))]
        .map(|(number, inside, tells)| span(7, number, inside, tells));
    for [first, second] in [[0, 1], [1, 0]] {
        let mut machine = Machine::new();
        machine.post(&[span(9, 1, 0, text(1, 1))]);
        machine.post(&spans[first..=first]);
        machine.clock.fetch_add(40 * HOUR_MS, Ordering::Relaxed);
        assert!(machine.engine().seal().unwrap().wait().is_ok());
        machine.post(&spans[second..=second]);
        machine.restart();
        let together = Machine::new();
        together.post(&[&spans[..], &[span(9, 1, 0, text(1, 1))]].concat());
        assert_eq!(machine.rows(), together.rows(), "{first} before {second}");
    }
}

#[test]
fn after_a_repricing_what_was_counted_stays() {
    let [inner, outer] = [(2, 1), (1, 0)].map(|(number, inside)| span(7, number, inside, text(100, 5)));
    let mut machine = Machine::new();
    machine.post(std::slice::from_ref(&outer));
    let day = Hour::of(NOON).unwrap().day();
    let repriced = machine.engine().reprice(&repricing(day..=day, true), false, &mut |_, _| ());
    assert!(repriced.unwrap().number.is_some());
    machine.post(std::slice::from_ref(&inner));
    machine.restart();
    check(&machine, [2, 200, 10], "its price is another");
    machine.post(&[outer, inner]);
    check(&machine, [2, 200, 10], "and comes again");
}

/// A call without parent or name of its own that begins so many seconds after noon, in a trace of its own.
fn alike(trace: u64, second: u64) -> Value {
    let start = NOON as u64 - HOUR_MS as u64 + second * 1000;
    let mut span = span(1, 1, 0, text(100, 5));
    span["traceId"] = json!(format!("{trace:032x}"));
    span["startTimeUnixNano"] = json!(format!("{start}000000"));
    span["endTimeUnixNano"] = json!(format!("{}000000", start + 900));
    span
}

#[test]
fn a_program_that_does_the_same_all_the_time_is_counted_call_by_call() {
    const FRAMEWORK: &str = "openinference.instrumentation.langchain";
    const SDK: &str = "opentelemetry.instrumentation.openai";
    let pairs = 700;
    let framework: Vec<_> = (0..pairs).map(|second| (FRAMEWORK, alike(1 + second, second))).collect();
    let sdk: Vec<_> = (0..pairs).map(|second| (SDK, alike(10_000 + second, second))).collect();
    for [first, second] in [[&framework, &sdk], [&sdk, &framework]] {
        let mut machine = Machine::new();
        first.chunks(100).for_each(|post| machine.post_by(post));
        check(&machine, [pairs, 100 * pairs, 5 * pairs], "traced once");
        machine.restart();
        second.chunks(70).for_each(|post| machine.post_by(post));
        check(&machine, [pairs, 100 * pairs, 5 * pairs], "traced twice");
    }
    // At one moment, and by one instrumentation only.
    let many: Vec<_> = (0..1200).map(|trace| (SDK, alike(20_000 + trace, 5))).collect();
    let machine = Machine::new();
    many.chunks(40).for_each(|post| machine.post_by(post));
    check(&machine, [1200, 120_000, 6000], "at one moment");
}

#[test]
fn what_three_instrumentations_trace_is_one_call_in_any_order() {
    let tells = |scope: &'static str, number: u8, second: u64| {
        let mut span = alike(7, second);
        span["spanId"] = json!(format!("{number:02x}").repeat(8));
        (scope, span)
    };
    // The first of them has seen another call as well, which the others have not.
    let spans = [
        tells("b", 2, 10),
        tells("c", 3, 10),
        tells("d", 4, 10),
        tells("a", 1, 0),
        tells("b", 5, 20),
        tells("d", 6, 20),
    ];
    for turn in 0..spans.len() {
        let mut spans = spans.to_vec();
        spans.rotate_left(turn);
        let machine = Machine::new();
        machine.post_by(&spans);
        check(&machine, [3, 300, 15], "in one post");
        let machine = Machine::new();
        spans.chunks(1).for_each(|span| machine.post_by(span));
        check(&machine, [3, 300, 15], "one by one");
    }
}

#[test]
fn more_calls_inside_of_one_span_than_are_looked_at_are_counted_as_they_come() {
    let inner = |number: u64| {
        let mut span = span(7, 2, 1, text(1000 + number, 5));
        span["spanId"] = json!(format!("{number:016x}"));
        span
    };
    let mut machine = Machine::new();
    for number in 2..=300 {
        machine.post(&[inner(number)]);
    }
    let all: u64 = (2..=300).map(|number| 1000 + number).sum();
    check(&machine, [299, all, 299 * 5], "inside");
    machine.post(&[span(7, 1, 0, text(all, 299 * 5))]);
    machine.restart();
    check(&machine, [300, 2 * all, 2 * 299 * 5], "with their sum");
    machine.post(&[inner(50), span(7, 1, 0, text(all, 299 * 5))]);
    check(&machine, [300, 2 * all, 2 * 299 * 5], "and again");
}
