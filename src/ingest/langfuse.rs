//! Observations of Langfuse, as its exports to blob storage and its API have them, and what its SDKs tell of one.
//!
//! What is counted there is in a map from kinds of tokens to numbers, whose names are the sender's to choose. Langfuse
//! takes the kinds for exclusive: `input` is less what came from a cache. Not every sender knows that, and where the
//! total says that parts are within, they are. Frameworks nest observations of one call.

use std::cmp::Reverse;
use std::collections::HashMap;

use serde_json::value::RawValue;

use super::field::money;
use super::number::parse_whole;
use super::row::{Draft, Fields, Row, quoted};
use super::usage::{Figures, Habits, Place, Proven};
use crate::model::{MAX_QUANTITY, PicoUsd, model_prefix};

/// What went in and what came out, of an event.
const WHOLES: [&str; 2] = ["promptTokens", "completionTokens"];
const CACHE_WRITE: &str = "cacheWriteTokens";
const CACHE_WRITE_1H: &str = "cacheWrite1hTokens";
/// What kinds have in their names that are written for so long.
const AN_HOUR: &str = "1h";
/// Whatever is more is refused as this is.
const TOO_MANY: u64 = MAX_QUANTITY + 1;
/// How kinds of tokens are counted, as Langfuse means it.
const BESIDE: Habits = Habits { cache: Place::Beside, reasoning: Place::Beside };

/// The columns that events take their fields from: of a blob storage's export first, then of the API.
pub(super) const COLUMNS: &[(&str, &str)] = &[
    ("id", "id"),
    ("timestamp", "start_time"),
    ("timestamp", "startTime"),
    ("projectId", "project_id"),
    ("projectId", "projectId"),
    ("usedModel", "provided_model_name"),
    ("usedModel", "providedModelName"),
    ("usedModel", "model"),
    ("cost", "total_cost"),
    ("cost", "totalCost"),
    ("cost", "calculatedTotalCost"),
    ("hasError", "level"),
];
const USAGE: [&str; 2] = ["usage_details", "usageDetails"];
/// Observations that are calls of a model; others are steps around them.
const CALLS: [&str; 2] = ["GENERATION", "EMBEDDING"];
/// A step whose calls are its own.
const TOOL: &str = "\"TOOL\"";
/// How many observations up a call is looked for.
const MAX_STEPS: usize = 64;

/// Of an observation while rows are read, what no event has a field for: the one that it is inside of, what it is if it is
/// no call, and its figures as they stand.
const OUTER: &str = "outer";
const STEP: &str = "step";
const FIGURES: &str = "figures";

/// Adds the tokens of an observation that is a call of a model. Of a step is left where it stands.
pub(super) fn finish(row: &Row<'_>, mut draft: Draft) -> Result<Draft, String> {
    let outer = ["parent_observation_id", "parentObservationId"].iter().find_map(|column| row.text(column).transpose());
    let outer = quoted(outer.transpose()?.as_deref().unwrap_or_default());
    if let Some(kind) = row.text("type")?.filter(|kind| !CALLS.contains(&&**kind)) {
        let mut step = Draft::default();
        draft.get("id").into_iter().for_each(|id| step.set("id", id));
        step.set(OUTER, outer);
        step.set(STEP, quoted(&kind));
        return Ok(step);
    }
    draft.set(OUTER, outer);
    for column in USAGE {
        let Some(usage) = row.text(column)? else { continue };
        if let Ok(kinds) = Fields::read(&usage) {
            let (told, counts) = tokens(&kinds);
            if WHOLES.iter().all(|field| !draft.has(field)) {
                draft.set(FIGURES, told.as_json());
            }
            for (field, count) in counts {
                if !draft.has(field) {
                    draft.set(field, count.to_string());
                }
            }
            break;
        }
    }
    Ok(draft)
}

pub(super) fn may_be_nested(draft: &Draft) -> bool {
    draft.has(OUTER)
}

/// Whether it is no call, and there only for those around and inside of it.
pub(super) fn is_step(draft: &Draft) -> bool {
    draft.has(STEP)
}

/// Leaves out steps, and observations that only repeat the calls inside of them: with the same tokens, with their sum, or
/// with none.
pub(super) fn once(mut rows: Vec<(Draft, u64)>) -> Vec<(Draft, u64)> {
    read_alike(&mut rows);
    let repeated = repeated(&rows);
    let rows = rows.into_iter().zip(repeated).filter(|((draft, _), repeated)| !repeated && !is_step(draft));
    let plain = |((mut draft, number), _): ((Draft, u64), bool)| {
        [OUTER, FIGURES].iter().for_each(|field| draft.remove(field));
        (draft, number)
    };
    rows.map(plain).collect()
}

/// What some observations of a provider prove of how they are counted holds for those that can be read in two ways.
fn read_alike(rows: &mut [(Draft, u64)]) {
    let of = |draft: &Draft| {
        let told = Told::of_json(draft.get(FIGURES)?)?;
        let provider = draft.get("usedProvider").or_else(|| model_prefix(draft.get("usedModel")?));
        Some((provider.unwrap_or_default().trim_matches('"').to_owned(), told))
    };
    let mut proven = Proven::usually(Place::Beside);
    for (provider, told) in rows.iter().filter_map(|(draft, _)| of(draft)) {
        proven.note(|| provider, &told.figures());
    }
    if proven.is_empty() {
        return;
    }
    for (draft, _) in rows {
        if let Some((provider, told)) = of(draft)
            && let Some(proof) = proven.of(&provider)
        {
            for (field, whole) in told.wholes(proof.or(BESIDE)) {
                draft.set(field, whole.to_string());
            }
        }
    }
}

/// Which rows only repeat the calls inside of them.
fn repeated(rows: &[(Draft, u64)]) -> Vec<bool> {
    let by_id: HashMap<&str, usize> =
        rows.iter().zip(0..).filter_map(|((draft, _), at)| Some((draft.get("id")?, at))).collect();
    let up = |at: usize| by_id.get(rows[at].0.get(OUTER)?).copied();
    // The nearest call that one is inside of. What a tool does is its own.
    let around = |at: usize| {
        let mut outer = up(at)?;
        for _ in 0..MAX_STEPS {
            match rows[outer].0.get(STEP) {
                None => return Some(outer).filter(|outer| *outer != at),
                Some(TOOL) => return None,
                Some(_) => outer = up(outer)?,
            }
        }
        None
    };
    let is_call = |at: &usize| !is_step(&rows[*at].0);
    let outer: Vec<Option<usize>> = (0..rows.len()).map(|at| around(at).filter(|_| is_call(&at))).collect();
    let depth = |at: usize| std::iter::successors(outer[at], |at| outer[*at]).take(MAX_STEPS).count();
    let mut inner_first: Vec<(Reverse<usize>, usize)> =
        (0..rows.len()).filter(is_call).map(|at| (Reverse(depth(at)), at)).collect();
    inner_first.sort_unstable();
    let of = |at: &usize| ["promptTokens", "completionTokens", "totalTokens"].map(|field| rows[*at].0.whole(field));
    let mut inside: Vec<Vec<usize>> = vec![Vec::new(); rows.len()];
    let mut repeated = vec![false; rows.len()];
    for (Reverse(depth), at) in inner_first {
        let within = std::mem::take(&mut inside[at]);
        let sum =
            within.iter().map(of).fold([0u64; 3], |sum, of| std::array::from_fn(|i| sum[i].saturating_add(of[i])));
        let own = of(&at);
        repeated[at] = depth < MAX_STEPS
            && !within.is_empty()
            && (own == [0; 3] || own == sum || within.iter().any(|inner| of(inner) == own));
        if let Some(outer) = outer[at] {
            inside[outer].extend(if repeated[at] { within } else { vec![at] });
        }
    }
    repeated
}

/// What a kind of tokens is, by the words in its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Total,
    Input,
    Output,
    /// A part of the input, with the event's field for it.
    InputPart(Option<&'static str>),
    OutputPart(Option<&'static str>),
}

impl Kind {
    fn of(name: &str) -> Option<Kind> {
        let name = name.to_ascii_lowercase();
        let has = |words: &[&str]| words.iter().any(|word| name.contains(word));
        match name.as_str() {
            "total" | "total_tokens" | "totaltokens" => return Some(Kind::Total),
            "input" | "input_tokens" | "inputtokens" | "prompt" | "prompt_tokens" | "prompttokens" => {
                return Some(Kind::Input);
            }
            "output" | "output_tokens" | "outputtokens" | "completion" | "completion_tokens" | "completiontokens" => {
                return Some(Kind::Output);
            }
            _ => {}
        }
        if has(&["cache"]) {
            let is_write = has(&["creation", "create", "write"]);
            return Some(Kind::InputPart(Some(if is_write { CACHE_WRITE } else { "cachedTokens" })));
        }
        if has(&["reasoning", "thought", "thinking"]) {
            return Some(Kind::OutputPart(Some("reasoningTokens")));
        }
        let is_audio = has(&["audio"]);
        if has(&["input", "prompt"]) {
            return Some(Kind::InputPart(is_audio.then_some("audioInputTokens")));
        }
        has(&["output", "completion"]).then_some(Kind::OutputPart(is_audio.then_some("audioOutputTokens")))
    }
}

/// What is told of either side without a part, and of its parts together.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Told {
    input: [Option<u64>; 2],
    output: [Option<u64>; 2],
    total: Option<u64>,
}

impl Told {
    /// As figures of which parts may be beside their wholes: what is named without a part is 0 where only parts are.
    fn figures(&self) -> Figures {
        let [[input, cached], [output, reasoning]] = [self.input, self.output];
        let whole = |told: Option<u64>| Some(told.unwrap_or(0));
        Figures {
            input: whole(input),
            output: whole(output),
            total: self.total,
            cached,
            reasoning,
            ..Figures::default()
        }
    }

    /// All that went in and came out, of what is told of.
    fn wholes(&self, habits: Habits) -> impl Iterator<Item = (&'static str, u64)> {
        let tokens = self.figures().read(habits).unwrap_or_default();
        let is_told = |side: [Option<u64>; 2]| side != [None, None];
        let wholes = [is_told(self.input).then_some(tokens.input), is_told(self.output).then_some(tokens.output)];
        WHOLES.into_iter().zip(wholes).filter_map(|(field, whole)| Some((field, whole?)))
    }

    fn as_json(&self) -> String {
        serde_json::to_string(&(self.input, self.output, self.total)).expect("numbers serialize")
    }

    fn of_json(json: &str) -> Option<Told> {
        let (input, output, total) = serde_json::from_str(json).ok()?;
        Some(Told { input, output, total })
    }
}

/// The counts of tokens in a map of kinds, by an event's names for them, and what they were made of.
fn tokens(kinds: &Fields<'_>) -> (Told, Vec<(&'static str, u64)>) {
    let mut counts: Vec<(&'static str, u64)> = Vec::new();
    let add = |counts: &mut Vec<(&'static str, u64)>, field: &'static str, tokens: u64| match counts
        .iter_mut()
        .find(|(known, _)| *known == field)
    {
        Some((_, sum)) => *sum = sum.saturating_add(tokens),
        None => counts.push((field, tokens)),
    };
    let mut told = Told::default();
    let sum = |into: &mut Option<u64>, tokens: u64| *into = Some((into.unwrap_or(0) + tokens).min(TOO_MANY));
    for (name, json) in &kinds.0 {
        let text = json.get().trim_matches('"');
        let (Some(tokens), Some(kind)) = (parse_whole(text), Kind::of(name)) else { continue };
        let tokens = tokens.min(TOO_MANY);
        let part = match kind {
            Kind::Total => {
                told.total = Some(tokens);
                None
            }
            Kind::Input => {
                sum(&mut told.input[0], tokens);
                None
            }
            Kind::Output => {
                sum(&mut told.output[0], tokens);
                None
            }
            Kind::InputPart(field) => {
                sum(&mut told.input[1], tokens);
                field
            }
            Kind::OutputPart(field) => {
                sum(&mut told.output[1], tokens);
                field
            }
        };
        if let Some(field) = part {
            add(&mut counts, field, tokens);
            if field == CACHE_WRITE && name.to_ascii_lowercase().contains(AN_HOUR) {
                add(&mut counts, CACHE_WRITE_1H, tokens);
            }
        }
    }
    let wholes: Vec<_> = told.wholes(BESIDE).collect();
    // A side that is not told is what the other leaves of the total.
    let sum = wholes.iter().map(|(_, tokens)| tokens).sum();
    if wholes.len() < WHOLES.len() {
        let leaves_any = |total: &u64| *total > sum || *total == sum && told.input == [None; 2];
        counts.extend(told.total.filter(leaves_any).map(|tokens| ("totalTokens", tokens)));
    }
    counts.extend(wholes);
    counts.sort_unstable();
    (told, counts)
}

/// The figures of an observation as an SDK tells them: by Langfuse's kinds, or as the provider's own API has them, where
/// objects of details are about parts that are within. Of what it gives parts are within.
pub(super) fn figures(usage: &str) -> Option<Figures> {
    let kinds = Fields::read(usage).ok()?;
    let (_, counts) = tokens(&kinds);
    let mut within: HashMap<&str, u64> = HashMap::new();
    for (name, details) in &kinds.0 {
        let Ok(details) = Fields::read(details.get()) else { continue };
        for (part, json) in &details.0 {
            let (Some(tokens), Some(kind)) = (parse_whole(json.get()), Kind::of(&format!("{name}_{part}"))) else {
                continue;
            };
            if let Kind::InputPart(Some(field)) | Kind::OutputPart(Some(field)) = kind {
                let fields = [Some(field), (field == CACHE_WRITE && part.contains(AN_HOUR)).then_some(CACHE_WRITE_1H)];
                for field in fields.into_iter().flatten() {
                    let sum = within.entry(field).or_default();
                    *sum = sum.saturating_add(tokens).min(TOO_MANY);
                }
            }
        }
    }
    let of = |field: &str| {
        let told = counts.iter().find(|(known, _)| *known == field).map(|(_, tokens)| *tokens);
        told.or_else(|| within.get(field).copied())
    };
    Some(Figures {
        input: of("promptTokens"),
        output: of("completionTokens"),
        total: of("totalTokens"),
        cached: of("cachedTokens"),
        cache_write: of(CACHE_WRITE),
        cache_write_1h: of(CACHE_WRITE_1H),
        reasoning: of("reasoningTokens"),
        audio_input: of("audioInputTokens"),
        audio_output: of("audioOutputTokens"),
    })
}

/// What an observation cost as an SDK tells it: in all, or by kinds. A 0 is no price.
pub(super) fn cost(details: &str) -> Option<PicoUsd> {
    let kinds = Fields::read(details).ok()?;
    let amount = |json: &RawValue| money("cost", json).ok();
    let told = match kinds.0.get("total") {
        Some(total) => amount(total),
        None => kinds.0.values().try_fold(PicoUsd::ZERO, |sum, json| sum.0.checked_add(amount(json)?.0).map(PicoUsd)),
    };
    told.filter(|cost| *cost > PicoUsd::ZERO)
}

#[cfg(test)]
mod tests {
    use super::super::formats::Format;
    use super::super::mapping::{JsonRows, Mapping};
    use super::*;

    fn mapping() -> Mapping {
        Mapping::of_format(Format::named("langfuse").unwrap())
    }

    /// An observation of a type, by a user, with these `usage_details`.
    fn observation(kind: &str, user: &str, usage: &str) -> String {
        let fields = [
            format!(r#""id":"o1","type":"{kind}","start_time":"2026-06-01 10:00:00.123000","project_id":"p""#),
            format!(r#""total_cost":0.1,"level":"ERROR","provided_model_name":"gpt-4o","user_id":"{user}""#),
            format!(r#""usage_details":{usage}"#),
        ];
        format!("{{{}}}", fields.join(","))
    }

    #[track_caller]
    fn check(row: &str, expected: &str) {
        let mut mapping = mapping();
        mapping.map("apiKeyId", "user_id").unwrap();
        mapping.set("apiKeyId", "all").unwrap();
        let made = JsonRows::new(mapping).rewrite(row.as_bytes(), false).unwrap();
        let common = r#"{"id":"o1","timestamp":1780308000123,"projectId":"p","usedModel":"gpt-4o","#;
        let expected = format!("{common}\"cost\":0.1,\"hasError\":true,{expected}}}\n");
        assert_eq!(String::from_utf8(made.lines).unwrap(), expected);
    }

    #[test]
    fn calls_become_events() {
        for (usage, tokens) in [
            (r#"{"input":5}"#, r#""promptTokens":5,"completionTokens":"unknown""#),
            (
                r#"{"input":100,"input_cached_tokens":30,"total":180}"#,
                r#""cachedTokens":30,"promptTokens":130,"totalTokens":180,"completionTokens":"unknown""#,
            ),
            (r#""{\"output\":\"7\",\"total\":7}""#, r#""completionTokens":7,"totalTokens":7,"promptTokens":"unknown""#),
            (r#"{"input_cached_tokens":3}"#, r#""cachedTokens":3,"promptTokens":3,"completionTokens":"unknown""#),
            (
                r#"{"cache_creation_input_tokens":2}"#,
                r#""cacheWriteTokens":2,"promptTokens":2,"completionTokens":"unknown""#,
            ),
            (
                r#"{"output_reasoning_tokens":4}"#,
                r#""completionTokens":4,"reasoningTokens":4,"promptTokens":"unknown""#,
            ),
            (r#"{"total":9,"search_units":1}"#, r#""totalTokens":9"#),
        ] {
            check(&observation("GENERATION", "ada", usage), &format!(r#""apiKeyId":"ada",{tokens}"#));
        }
        check(
            &observation("EMBEDDING", "", r#"{"input":5}"#),
            r#""promptTokens":5,"apiKeyId":"all","completionTokens":"unknown""#,
        );
    }

    #[track_caller]
    fn check_tokens(usage: &str, expected: &[(&str, u64)]) {
        assert_eq!(tokens(&Fields::read(usage).unwrap()).1, expected, "{usage}");
    }

    #[test]
    fn tokens_add_up_by_input_and_output() {
        check_tokens(
            r#"{"input":100,"input_cached_tokens":30,"input_cache_creation":7,"output":20,
            "output_reasoning_tokens":5,"total":162,"search_units":9,"input_audio_tokens":1}"#,
            &[
                ("audioInputTokens", 1),
                ("cacheWriteTokens", 7),
                ("cachedTokens", 30),
                ("completionTokens", 25),
                ("promptTokens", 138),
                ("reasoningTokens", 5),
            ],
        );
    }

    #[test]
    fn kinds_of_any_name_are_beside_the_whole_unless_the_total_has_them_within() {
        let of = |written: u64, output: u64, input: u64, thought: u64| {
            [
                ("cacheWriteTokens", written),
                ("completionTokens", output),
                ("promptTokens", input),
                ("reasoningTokens", thought),
            ]
        };
        check_tokens(r#"{"input":900,"output":200,"cacheWrite":40,"thoughts_tokens":70}"#, &of(40, 270, 940, 70));
        check_tokens(
            r#"{"input":900,"output":200,"cacheWrite":40,"thoughts_tokens":70,"total":1210}"#,
            &of(40, 270, 940, 70),
        );
        check_tokens(
            r#"{"input":900,"output":200,"cacheWrite":40,"thoughts_tokens":70,"total":1100}"#,
            &of(40, 200, 900, 70),
        );
        check_tokens(
            r#"{"input":900,"output":200,"cacheWrite":40,"thoughts_tokens":70,"total":1170}"#,
            &of(40, 270, 900, 70),
        );
        check_tokens(
            r#"{"input":900,"output":200,"cacheWrite":40,"thoughts_tokens":70,"total":1140}"#,
            &of(40, 200, 940, 70),
        );
        check_tokens(
            r#"{"input":10,"input_cache_creation_1h":6,"input_cache_creation_5m":2}"#,
            &[("cacheWrite1hTokens", 6), ("cacheWriteTokens", 8), ("promptTokens", 18)],
        );
    }

    #[test]
    fn steps_around_calls_are_skipped_and_counted() {
        let kinds = ["GENERATION", "SPAN", "EVENT", "AGENT", "EMBEDDING"];
        let rows = kinds.map(|kind| observation(kind, "ada", "{}")).join("\n");
        let mut reader = JsonRows::new(mapping());
        let made = reader.rewrite(rows.as_bytes(), false).unwrap();
        assert_eq!((reader.notes().no_calls, made.numbers), (3, vec![1, 5]));
    }

    /// An observation inside of another.
    fn inside(id: &str, kind: &str, outer: &str, usage: &str) -> String {
        let fields = [
            format!(r#""id":"{id}","type":"{kind}","parent_observation_id":"{outer}","project_id":"p""#),
            format!(r#""start_time":"2026-06-01 10:00:00","provided_model_name":"m","usage_details":{usage}"#),
        ];
        format!("{{{}}}", fields.join(","))
    }

    #[test]
    fn what_some_observations_prove_of_their_provider_holds_for_the_others() {
        let prompts = |usages: &[&str]| {
            let rows: Vec<String> = usages.iter().map(|usage| inside("a", "GENERATION", "", usage)).collect();
            let made = JsonRows::new(mapping()).rewrite(rows.join("\n").as_bytes(), false).unwrap();
            let lines = String::from_utf8(made.lines).unwrap();
            assert!(!lines.contains("figures"), "{lines}");
            let prompt = |line: &str| serde_json::from_str::<serde_json::Value>(line).unwrap()["promptTokens"].clone();
            serde_json::Value::from(lines.lines().map(prompt).collect::<Vec<_>>()).to_string()
        };
        let within = r#"{"input":2000,"input_cached_tokens":1500,"output":50,"total":2050}"#;
        let beside = r#"{"input":500,"input_cached_tokens":1200,"output":40,"total":1740}"#;
        let open = r#"{"input":1000,"input_cached_tokens":600,"output":50}"#;
        for (usages, expected) in [
            (&[within, open][..], "[2000,1000]"),
            (&[open, within], "[1000,2000]"),
            (&[beside, open], "[1700,1600]"),
            (&[open], "[1600]"),
            // Both ways are known of it: then it is Langfuse's own.
            (&[within, open, beside], "[2000,1600,1700]"),
        ] {
            assert_eq!(prompts(usages), expected, "{usages:?}");
        }
    }

    #[test]
    fn nested_observations_of_one_call_are_one() {
        let row = |id: &str, outer: &str, usage: &str| inside(id, "GENERATION", outer, usage);
        let five = r#"{"input":5}"#;
        for (rows, ids) in [
            (vec![row("a", "", r#"{"input":5}"#), row("b", "a", r#"{"input":5}"#)], vec!["b"]),
            (vec![row("b", "a", r#"{"input":5}"#), row("a", "", r#"{"input":5}"#)], vec!["b"]),
            (vec![row("a", "", "{}"), row("b", "a", r#"{"input":5}"#)], vec!["b"]),
            (
                vec![row("a", "", r#"{"input":5}"#), row("b", "a", r#"{"input":2}"#), row("c", "a", r#"{"input":3}"#)],
                vec!["b", "c"],
            ),
            // Two calls of which one led to the other.
            (vec![row("a", "", r#"{"input":5}"#), row("b", "a", r#"{"input":7}"#)], vec!["a", "b"]),
            (vec![row("a", "x", r#"{"input":5}"#), row("b", "x", r#"{"input":5}"#)], vec!["a", "b"]),
            // Through steps that are no calls, in whatever order, but not through a tool.
            (vec![row("a", "", five), inside("s", "SPAN", "a", "{}"), row("b", "s", five)], vec!["b"]),
            (
                vec![
                    row("b", "t", five),
                    inside("t", "CHAIN", "s", "{}"),
                    inside("s", "AGENT", "a", "{}"),
                    row("a", "", five),
                ],
                vec!["b"],
            ),
            (vec![row("a", "", five), inside("s", "TOOL", "a", "{}"), row("b", "s", five)], vec!["a", "b"]),
            // Around another that only repeats.
            (
                vec![
                    row("a", "", five),
                    row("b", "a", "{}"),
                    row("c", "b", r#"{"input":2}"#),
                    row("d", "b", r#"{"input":3}"#),
                ],
                vec!["c", "d"],
            ),
            // In a circle nothing is inside of anything.
            (
                vec![row("a", "b", five), row("b", "a", five), inside("s", "SPAN", "s", "{}"), row("c", "s", five)],
                vec!["a", "b", "c"],
            ),
        ] {
            let mapping = mapping();
            let made = JsonRows::new(mapping).rewrite(rows.join("\n").as_bytes(), false).unwrap();
            let lines = String::from_utf8(made.lines).unwrap();
            let found: Vec<&str> = lines.lines().map(|line| &line[7..8]).collect();
            assert_eq!(found, ids, "{rows:?}: {lines}");
            assert!(!lines.contains("outer"), "{lines}");
        }
    }
}
