//! Spans of one call are one request in whatever posts they come, as they are when they come in one.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use crate::support::ledger::{Random, about, fresh_seed, setting};
use rollcall::calendar::{Date, Granularity, Window, Zone};
use rollcall::engine::{Engine, STORE_FILE};
use rollcall::ingest::otlp::{Encoding, Options, parse_traces};
use rollcall::ingest::{Context, TokenDefaults, for_ever};
use rollcall::model::{Count, HOUR_MS, Measures, UnixMs};
use rollcall::pricing::PriceBook;
use rollcall::query::{ACTIVITY_COLUMNS, Filter, Query, RankBy, activity};
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
        let body =
            json!({"resourceSpans": [{"resource": {}, "scopeSpans": [{"scope": {"name": "s"}, "spans": spans}]}]});
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

    fn sums(&self) -> Measures {
        let date = |text| Date::parse(text).unwrap();
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

/// The spans of a trace in the order in which they end. What stands together comes in one post.
fn tree(random: &mut Random, trace: u8, next: &mut u64) -> Vec<Vec<Value>> {
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
    let step = |number: u8, inside: u8| span(trace, number, inside, Tells::Step);
    let sum = [a[0] + b[0], a[1] + b[1]];
    match random.below(9) {
        0 => vec![vec![with_cache(2, 1, a)], vec![call(1, 0, a)]],
        1 => vec![vec![with_cache(4, 3, a)], vec![step(3, 2), call(2, 1, a)], vec![call(1, 0, a)]],
        2 => vec![vec![call(3, 1, a)], vec![with_cache(4, 1, b)], vec![call(1, 0, sum)]],
        3 => vec![vec![call(3, 2, a)], vec![call(4, 2, b)], vec![step(2, 1), call(1, 0, sum)]],
        4 => vec![vec![call(3, 1, a)], vec![call(4, 1, b)], vec![unknown(1, 0)]],
        5 => vec![vec![unknown(2, 1)], vec![call(1, 0, a)]],
        6 => vec![vec![call(2, 1, a)], vec![call(1, 0, b)]],
        7 => vec![vec![span(trace, 3, 2, Tells::Embedding(a[0]))], vec![call(2, 1, a)], vec![call(1, 0, a)]],
        _ => vec![vec![call(2, 1, a)], vec![span(trace, 4, 1, Tells::Failed)], vec![unknown(1, 9)]],
    }
}

/// Traces of many kinds, whose exporter cuts them into posts anywhere, repeats posts, and meets a server that is
/// started again here and there.
fn cut_anywhere(seed: u64) {
    println!("ROLLCALL_SEED={seed}");
    let mut random = Random(seed);
    let mut next = 0;
    let mut traces: Vec<Vec<Vec<Value>>> = (1..=20).map(|trace| tree(&mut random, trace, &mut next)).collect();
    let together = Machine::new();
    together.post(&traces.iter().flatten().flatten().cloned().collect::<Vec<_>>());

    let mut machine = Machine::new();
    let (mut posts, mut post): (Vec<Vec<Value>>, Vec<Value>) = (Vec::new(), Vec::new());
    while !traces.is_empty() {
        let at = random.below(traces.len() as u64) as usize;
        post.extend(traces[at].remove(0));
        traces.retain(|left| !left.is_empty());
        if random.below(3) == 0 || traces.is_empty() {
            machine.post(&post);
            posts.push(std::mem::take(&mut post));
            match random.below(8) {
                0 => machine.restart(),
                1..3 => machine.post(random.pick::<Vec<Value>>(&posts)),
                _ => {}
            }
        }
    }
    machine.restart();
    assert_eq!(machine.sums(), together.sums());
}

#[test]
fn posts_cut_anywhere_are_the_same_calls_as_one_post() {
    match setting("ROLLCALL_SEED") {
        Some(seed) => cut_anywhere(seed),
        None => (0..6).chain([fresh_seed()]).for_each(cut_anywhere),
    }
}
