//! Observations of Langfuse, as its exports to blob storage and its API have them.
//!
//! What is counted there is in a map from kinds of tokens to numbers, whose names are the sender's to choose. Langfuse
//! takes the kinds for exclusive: `input` is less what came from a cache. Not every sender knows that, and where the
//! total says that parts are within, they are. Frameworks nest observations of one call.

use std::collections::HashMap;

use super::number::parse_whole;
use super::row::{Draft, Fields, Row, quoted};

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

/// The observation that one is inside of, while rows are read: no event has such a field.
const OUTER: &str = "outer";

/// Adds the tokens of an observation that is a call of a model; others are none.
pub(super) fn finish(row: &Row<'_>, mut draft: Draft) -> Result<Option<Draft>, String> {
    if row.text("type")?.is_some_and(|kind| !CALLS.contains(&&*kind)) {
        return Ok(None);
    }
    for column in USAGE {
        let Some(usage) = row.text(column)? else { continue };
        if let Ok(kinds) = Fields::read(&usage) {
            for (field, count) in tokens(&kinds) {
                if !draft.has(field) {
                    draft.set(field, count.to_string());
                }
            }
            break;
        }
    }
    let outer = ["parent_observation_id", "parentObservationId"].iter().find_map(|column| row.text(column).transpose());
    draft.set(OUTER, quoted(outer.transpose()?.as_deref().unwrap_or_default()));
    Ok(Some(draft))
}

pub(super) fn may_be_nested(draft: &Draft) -> bool {
    draft.has(OUTER)
}

/// Leaves out observations that only repeat those inside of them: with the same tokens, with their sum, or with none.
pub(super) fn once(rows: Vec<(Draft, u64)>) -> Vec<(Draft, u64)> {
    let of = |draft: &Draft| ["promptTokens", "completionTokens", "totalTokens"].map(|field| draft.whole(field));
    let by_id: HashMap<String, usize> =
        rows.iter().zip(0..).filter_map(|((draft, _), at)| Some((draft.get("id")?.to_owned(), at))).collect();
    let mut inside: HashMap<usize, Vec<[u64; 3]>> = HashMap::new();
    for (at, (draft, _)) in rows.iter().enumerate() {
        if let Some(outer) = draft.get(OUTER).and_then(|outer| by_id.get(outer)).filter(|outer| **outer != at) {
            inside.entry(*outer).or_default().push(of(draft));
        }
    }
    let repeats = |at: usize, draft: &Draft| {
        let (outer, Some(inside)) = (of(draft), inside.get(&at)) else { return false };
        let sum = inside.iter().fold([0u64; 3], |sum, of| std::array::from_fn(|i| sum[i].saturating_add(of[i])));
        outer == [0; 3] || outer == sum || inside.contains(&outer)
    };
    let kept = rows.iter().enumerate().map(|(at, (draft, _))| !repeats(at, draft)).collect::<Vec<_>>();
    let kept = rows.into_iter().zip(kept).filter(|(_, kept)| *kept);
    let plain = |((mut draft, number), _): ((Draft, u64), bool)| {
        draft.remove(OUTER);
        (draft, number)
    };
    kept.map(plain).collect()
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
            return Some(Kind::InputPart(Some(if is_write { "cacheWriteTokens" } else { "cachedTokens" })));
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

/// The counts of tokens in a map of kinds, by an event's names for them.
fn tokens(kinds: &Fields<'_>) -> Vec<(&'static str, u64)> {
    let mut counts: Vec<(&'static str, u64)> = Vec::new();
    let add = |counts: &mut Vec<(&'static str, u64)>, field: &'static str, tokens: u64| match counts
        .iter_mut()
        .find(|(known, _)| *known == field)
    {
        Some((_, sum)) => *sum = sum.saturating_add(tokens),
        None => counts.push((field, tokens)),
    };
    // Of either side what is named without a part, and its parts.
    let (mut input, mut output) = ([None, None], [None, None]);
    let mut total = None;
    let sum = |into: &mut Option<u64>, tokens: u64| *into = Some(into.unwrap_or(0).saturating_add(tokens));
    for (name, json) in &kinds.0 {
        let text = json.get().trim_matches('"');
        let (Some(tokens), Some(kind)) = (parse_whole(text), Kind::of(name)) else { continue };
        let part = match kind {
            Kind::Total => {
                total = Some(tokens);
                None
            }
            Kind::Input => {
                sum(&mut input[0], tokens);
                None
            }
            Kind::Output => {
                sum(&mut output[0], tokens);
                None
            }
            Kind::InputPart(field) => {
                sum(&mut input[1], tokens);
                field
            }
            Kind::OutputPart(field) => {
                sum(&mut output[1], tokens);
                field
            }
        };
        if let Some(field) = part {
            add(&mut counts, field, tokens);
            if field == "cacheWriteTokens" && name.to_ascii_lowercase().contains("1h") {
                add(&mut counts, "cacheWrite1hTokens", tokens);
            }
        }
    }
    // Beside the whole, as Langfuse means it, or within it.
    let readings = |[whole, parts]: [Option<u64>; 2]| {
        let (whole, parts) = (whole.unwrap_or(0), parts.unwrap_or(0));
        let within = if parts <= whole { whole } else { whole.saturating_add(parts) };
        [whole.saturating_add(parts), within]
    };
    let (inputs, outputs) = (readings(input), readings(output));
    let both = [0, 1].map(|of_input| [0, 1].map(|of_output| (inputs[of_input], outputs[of_output])));
    let fitting = both.as_flattened().iter().find(|(input, output)| Some(input.saturating_add(*output)) == total);
    let (whole_input, whole_output) = fitting.copied().unwrap_or((inputs[0], outputs[0]));
    if input != [None, None] {
        counts.push(("promptTokens", whole_input));
    }
    if output != [None, None] {
        counts.push(("completionTokens", whole_output));
    }
    if counts.is_empty() {
        counts.extend(total.map(|tokens| ("totalTokens", tokens)));
    }
    counts.sort_unstable();
    counts
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
            (r#"{"input":5}"#, r#""promptTokens":5"#),
            (r#""{\"output\":\"7\",\"total\":7}""#, r#""completionTokens":7"#),
            (r#"{"input_cached_tokens":3}"#, r#""cachedTokens":3,"promptTokens":3"#),
            (r#"{"cache_creation_input_tokens":2}"#, r#""cacheWriteTokens":2,"promptTokens":2"#),
            (r#"{"output_reasoning_tokens":4}"#, r#""completionTokens":4,"reasoningTokens":4"#),
            (r#"{"total":9,"search_units":1}"#, r#""totalTokens":9"#),
        ] {
            check(&observation("GENERATION", "ada", usage), &format!(r#""apiKeyId":"ada",{tokens}"#));
        }
        check(&observation("EMBEDDING", "", r#"{"input":5}"#), r#""promptTokens":5,"apiKeyId":"all""#);
    }

    #[track_caller]
    fn check_tokens(usage: &str, expected: &[(&str, u64)]) {
        assert_eq!(tokens(&Fields::read(usage).unwrap()), expected, "{usage}");
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

    #[test]
    fn nested_observations_of_one_call_are_one() {
        let row = |id: &str, outer: &str, usage: &str| {
            format!(
                r#"{{"id":"{id}","type":"GENERATION","parent_observation_id":"{outer}","start_time":"2026-06-01 10:00:00",
                    "project_id":"p","provided_model_name":"m","usage_details":{usage}}}"#
            )
            .replace('\n', " ")
        };
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
