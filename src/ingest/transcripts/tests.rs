//! Homes made up for each rule, and captured ones where they are at hand.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use serde_json::Value;

use super::*;

/// Homes of real clients with what their provider counted.
const CAPTURED: &str = "../shared/data/captured/transcripts";

/// Files by path.
type Files = Vec<(String, Vec<u8>)>;

fn session(client: Client, path: &str, bytes: &[u8]) -> Session {
    let mut session = Session::new(client, path);
    let taken = session.read(bytes);
    session.read_rest(&bytes[taken..]);
    session
}

fn read(client: Client, files: &Files) -> Vec<Session> {
    files.iter().map(|(path, bytes)| session(client, path, bytes)).collect()
}

/// What is told of a call, in the words of the truth: calls, input, cached, written for five minutes and for an hour,
/// output, reasoning; and failed ones.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Sums {
    answered: u64,
    failed: u64,
    input: u64,
    cached: u64,
    written: u64,
    written_1h: u64,
    output: u64,
    reasoning: u64,
}

impl Sums {
    fn of(client: Client, told: &Told) -> Sums {
        let tokens = told.figures.read(client.habits()).unwrap_or_default();
        Sums {
            answered: u64::from(told.ending == Ending::Answered),
            failed: u64::from(told.ending != Ending::Answered),
            input: tokens.input,
            cached: tokens.cached,
            written: tokens.cache_write,
            written_1h: tokens.cache_write_1h,
            output: tokens.output,
            reasoning: tokens.reasoning,
        }
    }

    fn add(&mut self, other: &Sums) {
        self.answered += other.answered;
        self.failed += other.failed;
        self.input += other.input;
        self.cached += other.cached;
        self.written += other.written;
        self.written_1h += other.written_1h;
        self.output += other.output;
        self.reasoning += other.reasoning;
    }
}

fn all(client: Client, calls: &Calls) -> Sums {
    let mut sums = Sums::default();
    calls.calls.iter().for_each(|(_, told)| sums.add(&Sums::of(client, told)));
    sums
}

/// Answered, failed, input, cached, written, of that for an hour, output, reasoning.
fn sums([answered, failed, input, cached, written, written_1h, output, reasoning]: [u64; 8]) -> Sums {
    Sums { answered, failed, input, cached, written, written_1h, output, reasoning }
}

#[track_caller]
fn check(client: Client, files: &[(&str, &str)], expected: [u64; 8]) {
    let files: Files = files.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec())).collect();
    check_files(client, &files, &sums(expected));
}

/// That the calls of a home are these, in whatever order its files are read, and with a copy of it beside.
#[track_caller]
fn check_files(client: Client, files: &Files, expected: &Sums) {
    let mut orders = vec![files.clone()];
    orders.push(files.iter().rev().cloned().collect());
    orders.push([&files[1..], &files[..1]].concat());
    let copies = files.iter().map(|(path, bytes)| (format!("/backup{path}"), bytes.clone()));
    orders.push(copies.chain(files.iter().cloned()).collect());
    for files in orders {
        let sessions = read(client, &files);
        let calls = calls(sessions.iter());
        assert_eq!(&all(client, &calls), expected, "{:#?}", calls.calls);
    }
}

fn captured(case: &str) -> Option<Files> {
    let home = Path::new(CAPTURED).join(case);
    if !home.exists() {
        println!("left out: {} is not here", home.display());
        return None;
    }
    let mut files = Vec::new();
    visit(&home, &mut |path| {
        if path.extension().is_some_and(|ending| ending == "jsonl") {
            let name = path.strip_prefix(&home).unwrap().to_str().unwrap();
            files.push((format!("/home/mina/{name}"), std::fs::read(path).unwrap()));
        }
    });
    files.sort();
    Some(files)
}

fn visit(folder: &Path, take: &mut dyn FnMut(&Path)) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path: PathBuf = entry.unwrap().path();
        if path.is_dir() { visit(&path, take) } else { take(&path) }
    }
}

fn client_of(case: &str) -> Client {
    let client = match case.split('-').next().unwrap() {
        "claude" => "claude-code",
        "gemini" => "gemini-cli",
        "qwen" => "qwen-code",
        name => name,
    };
    Client::named(client).unwrap()
}

/// A call of the truth.
fn sums_of(call: &Value) -> Sums {
    let of = |name: &str| call[name].as_u64().unwrap();
    let written_1h = of("written1h");
    sums([1, 0, of("input"), of("cached"), of("written5m") + written_1h, written_1h, of("output"), of("reasoning")])
}

/// The id of a call, where its client keeps it, its model and its tokens.
type Expected = (Option<String>, String, Sums);

/// What is counted of the truth: answered calls with a line, and what was used by a compaction.
fn truth() -> Option<BTreeMap<String, (Vec<Expected>, u64)>> {
    let text = std::fs::read_to_string(Path::new(CAPTURED).join("truth.json")).ok()?;
    let truth: BTreeMap<String, Value> = serde_json::from_str(&text).unwrap();
    let mut cases = BTreeMap::new();
    for (case, truth) in truth {
        let mut calls: Vec<&Value> = truth["calls"].as_array().unwrap().iter().collect();
        if case == "claude-compact" {
            calls.extend(truth["withoutALineOfTheirOwn"].as_array().unwrap());
        }
        // Tries of Claude Code 2.1.330 and later have lines, and so has a turn of Codex that failed.
        let failed = match case.as_str() {
            "claude-errors" | "claude-dead" => 6,
            "codex-errors" => 1,
            _ => 0,
        };
        let call = |call: &&Value| {
            let id = call["id"].as_str().map(str::to_owned);
            (id, call["model"].as_str().unwrap().to_owned(), sums_of(call))
        };
        cases.insert(case, (calls.iter().map(call).collect(), failed));
    }
    Some(cases)
}

#[test]
fn captured_homes_are_counted_call_by_call() {
    let Some(truth) = truth() else {
        println!("left out: {CAPTURED} is not here");
        return;
    };
    assert_eq!(truth.len(), 22);
    for (case, (expected, failed)) in &truth {
        let client = client_of(case);
        if client == Client::Opencode {
            continue; // Its rows are in a database: tests/all/transcripts.rs.
        }
        let files = captured(case).unwrap();
        let sessions = read(client, &files);
        for session in &sessions {
            assert_eq!((session.refused(), session.half()), ((&[][..], 0), None), "{case}");
        }
        let found = calls(sessions.iter());
        let answered = found.calls.iter().filter(|(_, told)| told.ending == Ending::Answered);
        let mut answered: Vec<(String, String, Sums)> = answered
            .map(|(_, told)| (told.id.clone(), told.model.as_deref().unwrap().to_owned(), Sums::of(client, told)))
            .collect();
        for (id, model, sums) in expected {
            let is = |found: &(String, String, Sums)| {
                let is_named = match id {
                    Some(id) => found.0.ends_with(&format!("\n{id}")) || found.0.contains("\ncost-state\n"),
                    None => true,
                };
                is_named && found.1 == *model && found.2 == *sums
            };
            let place = answered.iter().position(is);
            answered.remove(place.unwrap_or_else(|| panic!("{case}: {id:?} {sums:?} is not in {answered:#?}")));
        }
        assert!(answered.is_empty(), "{case}: {answered:#?}");
        assert_eq!(all(client, &found).failed, *failed, "{case}");
        assert!(found.calls.iter().all(|(_, told)| told.at.is_some() && told.folder.is_some()), "{case}");
        check_files(client, &files, &all(client, &found));
    }
}

#[test]
fn lower_bounds_are_said_to_be() {
    for (case, bounds) in [("claude-2.1.20", 3), ("claude-interrupt", 1), ("claude-1.0.80", 0), ("claude-errors", 0)] {
        let Some(files) = captured(case) else { return };
        let sessions = read(Client::ClaudeCode, &files);
        let found = calls(sessions.iter());
        assert_eq!(found.calls.iter().filter(|(_, told)| told.is_lower_bound()).count(), bounds, "{case}");
    }
}

/// Where a session of Claude Code stands.
const SESSION: &str = "/home/kim/.claude/projects/-home-kim-shop/5e55.jsonl";
const FORK: &str = "/home/kim/.claude/projects/-home-kim-shop/f0f0.jsonl";

/// A line of an answer: its id, the request's if it has one, how it stands, and its usage: input, read, written (for an
/// hour), output.
fn answer(id: &str, ids: &str, stop: &str, [input, read, written, output]: [u64; 4]) -> String {
    format!(
        r#"{{"type":"assistant","timestamp":"2026-11-20T10:00:05.000Z","sessionId":"5e55","version":"2.1.332","cwd":"/home/kim/shop/src"{ids},"message":{{"id":"{id}","model":"claude-opus-4-5","stop_reason":{stop},"content":[{{"type":"text","text":"a \"usage\" of {{words}}"}}],"usage":{{"input_tokens":{input},"cache_read_input_tokens":{read},"cache_creation_input_tokens":{written},"cache_creation":{{"ephemeral_1h_input_tokens":{written}}},"output_tokens":{output}}}}}}}"#
    ) + "\n"
}

fn sent(id: &str) -> String {
    format!(
        r#"{{"type":"api-request","timestamp":"2026-11-20T10:00:00.500Z","sessionId":"5e55","id":"{id}","params":{{"model":"claude-opus-4-5"}}}}"#
    ) + "\n"
}

fn answers(request: &str) -> String {
    format!(r#","requestRef":"{request}""#)
}

fn cost_state(start: u64, [input, read, written, output]: [u64; 4]) -> String {
    format!(
        r#"{{"type":"cost-state","sessionId":"5e55","startTime":{start},"modelUsage":{{"claude-opus-4-5[1m]":{{"inputTokens":{input},"outputTokens":{output},"thinkingTokens":0,"cacheReadInputTokens":{read},"cacheCreationInputTokens":{written},"cacheCreationEphemeral1hInputTokens":{written},"costUSD":0.1}}}}}}"#
    ) + "\n"
}

fn compact_boundary() -> String {
    r#"{"type":"system","subtype":"compact_boundary","timestamp":"2026-11-20T10:30:00.000Z","compactMetadata":{"preTokens":9}}"#.to_owned() + "\n"
}

const NULL: &str = "null";
const END: &str = r#""end_turn""#;
const TOOL: &str = r#""tool_use""#;

#[test]
fn an_answer_of_claude_code_is_one_call_with_its_largest_usage() {
    let claude = |files: &[(&str, &str)], expected| check(Client::ClaudeCode, files, expected);
    let request = r#","requestId":"req_1""#;
    let parts = answer("m1", request, NULL, [15, 0, 400, 3])
        + &answer("m1", request, NULL, [15, 0, 400, 3])
        + &answer("m1", request, TOOL, [15, 0, 400, 88]);
    claude(&[(SESSION, &parts)], [1, 0, 415, 0, 400, 400, 88, 0]);
    // A resumed session's copies have no request, a fork's no usage but for what was written for an hour.
    let copies = parts.replace(request, "").replace("T10:00:05", "T12:00:00");
    claude(&[(SESSION, &parts), (FORK, &copies)], [1, 0, 415, 0, 400, 400, 88, 0]);
    let nought = answer("m1", request, TOOL, [0, 0, 0, 0])
        .replace("\"ephemeral_1h_input_tokens\":0", "\"ephemeral_1h_input_tokens\":400");
    claude(&[(SESSION, &parts), (FORK, &nought)], [1, 0, 415, 0, 400, 400, 88, 0]);
    // Where a copy is all that is left, it is a call of which the tokens are not known.
    claude(&[(FORK, &nought)], [1, 0, 0, 0, 0, 0, 0, 0]);
    let synthetic = answer("00-11", "", END, [0, 0, 0, 0]).replace("claude-opus-4-5", "<synthetic>");
    claude(&[(SESSION, &(parts + &synthetic))], [1, 0, 415, 0, 400, 400, 88, 0]);
}

#[test]
fn a_call_of_claude_code_has_both_of_its_ids_and_its_earliest_time() {
    let text = sent("t1") + &answer("m1", &format!(r#","requestId":"req_1"{}"#, answers("t1")), END, [1, 2, 3, 4]);
    let copy = answer("m1", "", END, [1, 2, 3, 4]).replace("2.1.332", "1.0.80");
    let sessions =
        [session(Client::ClaudeCode, FORK, copy.as_bytes()), session(Client::ClaudeCode, SESSION, text.as_bytes())];
    let found = calls(sessions.iter());
    let [(_, told)] = &found.calls[..] else { panic!("{:?}", found.calls) };
    assert_eq!((told.id.as_str(), told.other_id.as_deref()), ("claude-code\nmessage\nm1", Some("claude-code\nreq_1")));
    assert_eq!(told.at, calendar::parse_rfc3339("2026-11-20T10:00:00.500Z"));
    // The project's folder, though the shell had gone into one below it.
    assert_eq!(told.folder.as_deref(), Some("/home/kim/shop"));
}

#[test]
fn tries_of_claude_code_without_an_answer_failed_once_that_is_sure() {
    let claude = |text: &str, expected| check(Client::ClaudeCode, &[(SESSION, text)], expected);
    let overloaded =
        r#"{"type":"system","subtype":"api_error","error":{"status":529,"requestId":"req_7"}}"#.to_owned() + "\n";
    let gave_up = r#"{"type":"assistant","isApiErrorMessage":true,"apiErrorStatus":400,"requestId":"req_9","message":{"id":"u","model":"<synthetic>","usage":{"input_tokens":0,"output_tokens":0}}}"#.to_owned() + "\n";
    let told = answer("m1", &answers("t2"), END, [5, 0, 0, 6]);
    claude(&(sent("t1") + &sent("t2")), [0, 0, 0, 0, 0, 0, 0, 0]);
    claude(&(sent("t1") + &overloaded + &sent("t2")), [0, 0, 0, 0, 0, 0, 0, 0]);
    claude(&(sent("t1") + &overloaded + &sent("t2") + &told), [1, 1, 5, 0, 0, 0, 6, 0]);
    claude(&(sent("t1") + &sent("t2") + &gave_up), [0, 2, 0, 0, 0, 0, 0, 0]);
    let text = sent("t1") + &overloaded + &sent("t2") + &gave_up;
    let sessions = [session(Client::ClaudeCode, SESSION, text.as_bytes())];
    let endings: Vec<_> =
        calls(sessions.iter()).calls.iter().map(|(_, told)| (told.other_id.clone(), told.ending)).collect();
    let id = |request: &str| Some(format!("claude-code\n{request}"));
    assert_eq!(endings, [(id("req_7"), Ending::Error), (id("req_9"), Ending::ClientError)]);
}

#[test]
fn what_claude_code_used_without_a_line_is_taken_from_its_costs() {
    let claude = |files: &[(&str, &str)], expected| check(Client::ClaudeCode, files, expected);
    let first = sent("t1") + &answer("m1", &answers("t1"), END, [10, 0, 100, 7]) + &cost_state(1, [10, 0, 100, 7]);
    let compacted = first.clone() + &compact_boundary() + &cost_state(1, [60, 100, 100, 47]);
    claude(&[(SESSION, &first)], [1, 0, 110, 0, 100, 100, 7, 0]);
    claude(&[(SESSION, &compacted)], [2, 0, 260, 100, 100, 100, 47, 0]);
    // The first state of a session that nobody forked counts from nought: its title, say.
    let titled =
        first.replace("\"inputTokens\":10", "\"inputTokens\":21").replace("\"outputTokens\":7", "\"outputTokens\":9");
    claude(&[(SESSION, &titled)], [2, 0, 121, 0, 100, 100, 9, 0]);
    // A fork's first state has what its parent used.
    let fork = answer("m1", &format!(r#"{},"requestSessionId":"5e55""#, answers("t1")), END, [10, 0, 100, 7])
        .replace("\"sessionId\":\"5e55\"", "\"sessionId\":\"f0f0\"")
        + &sent("t9")
        + &answer("m9", &answers("t9"), END, [1, 0, 0, 1])
        + &cost_state(1, [61, 100, 100, 48]);
    claude(&[(SESSION, &compacted), (FORK, &fork)], [3, 0, 261, 100, 100, 100, 48, 0]);
    // A state may be written before the lines of an answer that it has.
    let late = first.clone()
        + &sent("t2")
        + &cost_state(1, [15, 0, 100, 9])
        + &answer("m2", &answers("t2"), NULL, [5, 0, 0, 2]);
    claude(&[(SESSION, &late)], [2, 0, 115, 0, 100, 100, 9, 0]);
    // And as long as those are not there, what it has more is not sure to have no line.
    let waiting = first + &sent("t2") + &cost_state(1, [15, 0, 100, 9]);
    claude(&[(SESSION, &waiting)], [1, 0, 110, 0, 100, 100, 7, 0]);
    let sessions = [session(Client::ClaudeCode, SESSION, waiting.as_bytes())];
    assert_eq!(calls(sessions.iter()).unsure.len(), 1);
}

#[test]
fn a_sub_agents_calls_are_in_its_file_and_in_its_parents_costs() {
    let claude = |files: &[(&str, &str)], expected| check(Client::ClaudeCode, files, expected);
    let agent = "/home/kim/.claude/projects/-home-kim-shop/5e55/subagents/agent-a9.jsonl";
    let own = sent("t1") + &answer("m1", &answers("t1"), TOOL, [10, 0, 0, 7]);
    let result = r#"{"type":"user","message":{"content":[]},"toolUseResult":{"agentId":"a9","totalTokens":9,"usage":{"input_tokens":20,"output_tokens":3}}}"#.to_owned() + "\n";
    let parent = own + &result + &cost_state(1, [40, 0, 0, 15]);
    let of_agent = sent("s1") + &answer("m2", &answers("s1"), TOOL, [20, 0, 0, 3]) + &sent("s2");
    let of_agent = of_agent.replace("\"type\":\"assistant\"", "\"type\":\"assistant\",\"agentId\":\"a9\"");
    let ended = of_agent.clone() + &answer("m3", &answers("s2"), END, [10, 0, 0, 5]);
    claude(&[(SESSION, &parent), (agent, &ended)], [3, 0, 40, 0, 0, 0, 15, 0]);
    // While its file is not there, or not to its end, nobody knows what else was used.
    claude(&[(SESSION, &parent), (agent, &of_agent)], [2, 0, 30, 0, 0, 0, 10, 0]);
    claude(&[(SESSION, &parent)], [1, 0, 10, 0, 0, 0, 7, 0]);
}

/// The first line of a thread of Codex.
fn thread(id: &str, forked_from: &str, at: u64) -> String {
    let forked_from =
        if forked_from.is_empty() { String::new() } else { format!(r#","forked_from_id":"{forked_from}""#) };
    format!(
        r#"{{"timestamp":"2026-11-20T10:00:{at:02}.000Z","type":"session_meta","payload":{{"id":"{id}"{forked_from},"cwd":"/home/kim/shop","cli_version":"0.98.0","model_provider":"openai"}}}}"#
    ) + "\n"
}

fn turn(model: &str, at: u64) -> String {
    format!(
        r#"{{"timestamp":"2026-11-20T10:00:{at:02}.000Z","type":"turn_context","payload":{{"cwd":"/home/kim/shop","model":"{model}"}}}}"#
    ) + "\n"
}

/// Totals and those of the last call: input, cached, output.
fn token_count(at: u64, [input, cached, output]: [u64; 3], [of_input, of_cached, of_output]: [u64; 3]) -> String {
    let usage = |input, cached, output| {
        format!(
            r#"{{"input_tokens":{input},"cached_input_tokens":{cached},"output_tokens":{output},"reasoning_output_tokens":1,"total_tokens":9}}"#
        )
    };
    format!(
        r#"{{"timestamp":"2026-11-20T10:00:{at:02}.000Z","type":"event_msg","payload":{{"type":"token_count","info":{{"total_token_usage":{},"last_token_usage":{}}},"rate_limits":null}}}}"#,
        usage(input, cached, output),
        usage(of_input, of_cached, of_output)
    ) + "\n"
}

fn record(at: u64, id: &str, [input, cached, output]: [u64; 3]) -> String {
    format!(
        r#"{{"timestamp":"2026-11-20T10:00:{at:02}.000Z","type":"token_usage_record","payload":{{"thread_id":"t","response_id":"{id}","usage":{{"input_tokens":{input},"cached_input_tokens":{cached},"cache_write_input_tokens":0,"output_tokens":{output},"reasoning_output_tokens":1,"total_tokens":9}}}}}}"#
    ) + "\n"
}

const ROLLOUT: &str = "/home/kim/.codex/sessions/2026/11/20/rollout-a.jsonl";
const ROLLOUT_B: &str = "/home/kim/.codex/sessions/2026/11/20/rollout-b.jsonl";
const ROLLOUT_C: &str = "/home/kim/.codex/archived_sessions/rollout-c.jsonl";

#[test]
fn a_call_of_codex_is_a_change_of_its_threads_total() {
    let codex = |files: &[(&str, &str)], expected| check(Client::Codex, files, expected);
    let counts = token_count(2, [50, 30, 9], [50, 30, 9])
        + &token_count(3, [50, 30, 9], [50, 30, 9])
        // The line of the call before is shown, and after a compaction the size of the context.
        + &token_count(4, [120, 80, 19], [50, 30, 9])
        + &token_count(5, [120, 80, 19], [0, 0, 0]);
    let null =
        r#"{"timestamp":"2026-11-20T10:00:01.000Z","type":"event_msg","payload":{"type":"token_count","info":null}}"#
            .to_owned()
            + "\n";
    let root = thread("a", "", 0) + &turn("gpt-5", 1) + &null + &counts;
    codex(&[(ROLLOUT, &root)], [2, 0, 120, 80, 0, 0, 19, 1]);
    // What an archive moved may be there twice.
    codex(&[(ROLLOUT, &root), (ROLLOUT_C, &root)], [2, 0, 120, 80, 0, 0, 19, 1]);
    // With records, they are the calls, but for those of a version that had none.
    let newer = root.clone() + &record(6, "resp_1", [10, 5, 2]) + &token_count(6, [130, 85, 21], [10, 5, 2]);
    codex(&[(ROLLOUT, &newer)], [3, 0, 130, 85, 0, 0, 21, 2]);
    let failed = r#"{"timestamp":"2026-11-20T10:00:09.000Z","type":"event_msg","payload":{"type":"task_complete","turn_id":"t1","error":{"message":"{}","codex_error_info":"other"}}}"#.to_owned() + "\n";
    codex(&[(ROLLOUT, &(root + &failed))], [2, 1, 120, 80, 0, 0, 19, 1]);
}

#[test]
fn forks_of_codex_go_on_from_their_parents_total() {
    let codex = |files: &[(&str, &str)], expected| check(Client::Codex, files, expected);
    let of_root = |at: [u64; 2]| {
        turn("gpt-5", at[0])
            + &token_count(at[0], [50, 30, 9], [50, 30, 9])
            + &token_count(at[1], [120, 80, 19], [70, 50, 10])
    };
    let root = thread("a", "", 0) + &of_root([2, 3]);
    // Up to 0.140 the parent's lines are copied, at the time of the fork.
    let fork =
        thread("b", "a", 20) + &thread("a", "", 20) + &of_root([20, 20]) + &token_count(25, [150, 90, 24], [30, 10, 5]);
    codex(&[(ROLLOUT, &root), (ROLLOUT_B, &fork)], [3, 0, 150, 90, 0, 0, 24, 1]);
    // A fork's file may be all that is left, and two forks may use the same.
    codex(&[(ROLLOUT_B, &fork)], [3, 0, 150, 90, 0, 0, 24, 1]);
    let twin = fork.replace("\"b\"", "\"c\"");
    codex(&[(ROLLOUT_B, &fork), (ROLLOUT_C, &twin)], [4, 0, 180, 100, 0, 0, 29, 1]);
    // A fork of a fork.
    let third = thread("c", "b", 40)
        + &thread("b", "a", 40)
        + &thread("a", "", 40)
        + &of_root([40, 40])
        + &token_count(40, [150, 90, 24], [30, 10, 5])
        + &token_count(45, [160, 91, 25], [10, 1, 1]);
    codex(&[(ROLLOUT, &root), (ROLLOUT_B, &fork), (ROLLOUT_C, &third)], [4, 0, 160, 91, 0, 0, 25, 1]);
    codex(&[(ROLLOUT_B, &fork), (ROLLOUT_C, &third)], [4, 0, 160, 91, 0, 0, 25, 1]);
    // Without the one between, only what the root has is sure to be the root's.
    codex(&[(ROLLOUT, &root), (ROLLOUT_C, &third)], [3, 0, 130, 81, 0, 0, 20, 1]);
    // Newer forks copy nothing.
    let bare = thread("d", "a", 30) + &turn("gpt-5", 31) + &token_count(32, [160, 85, 21], [40, 5, 2]);
    codex(&[(ROLLOUT, &root), (ROLLOUT_C, &bare)], [3, 0, 160, 85, 0, 0, 21, 2]);
    codex(&[(ROLLOUT_C, &bare)], [1, 0, 40, 5, 0, 0, 2, 1]);
}

#[test]
fn a_call_of_gemini_cli_is_an_id_with_tokens() {
    let path = "/home/kim/.gemini/tmp/shop/chats/session-1.jsonl";
    let message = |id: &str, tokens: &str| {
        format!(
            r#"{{"id":"{id}","timestamp":"2026-11-20T10:00:00.000Z","type":"gemini","content":"","model":"gemini-2.5-pro"{tokens}}}"#
        )
    };
    let tokens = r#","tokens":{"input":90,"output":10,"cached":40,"thoughts":6,"tool":7,"total":113}"#;
    let text = format!(
        "{{\"sessionId\":\"s\",\"kind\":\"main\"}}\n{0}\n{0}\n{{\"$set\":{{\"messages\":[{1}]}}}}\n{2}\n",
        message("g1", tokens),
        message("g1", ""),
        message("g2", tokens),
    );
    check(Client::GeminiCli, &[(path, &text)], [2, 0, 180, 80, 0, 0, 32, 12]);
    let sessions = [session(Client::GeminiCli, path, text.as_bytes())];
    assert_eq!(calls(sessions.iter()).calls[0].1.folder.as_deref(), Some("shop"));
}

#[test]
fn a_call_of_qwen_code_is_an_answer_of_its_telemetry() {
    let path = "/home/kim/.qwen/projects/-home-kim-shop/chats/s.jsonl";
    let event = |name: &str, id: &str, rest: &str| {
        format!(
            r#"{{"uuid":"u","timestamp":"2026-11-20T10:00:05.000Z","type":"system","cwd":"/home/kim/shop","version":"0.24.4","subtype":"ui_telemetry","systemPayload":{{"uiEvent":{{"event.name":"qwen-code.{name}","event.timestamp":"2026-11-20T10:00:05.000Z","response_id":"{id}","model":"qwen3-coder-plus","duration_ms":500,"auth_type":"openai"{rest}}}}}}}"#
        ) + "\n"
    };
    let used = r#","input_token_count":70,"output_token_count":9,"cached_content_token_count":20,"thoughts_token_count":4,"total_token_count":79"#;
    let text = event("api_response", "c1", used)
        + "{\"type\":\"assistant\",\"usageMetadata\":{\"promptTokenCount\":70,\"candidatesTokenCount\":9}}\n"
        + &event("api_response", "c2", used)
        + &event("api_error", "r1", r#","status_code":400"#);
    check(Client::QwenCode, &[(path, &text)], [2, 1, 140, 40, 0, 0, 18, 8]);
    let sessions = [session(Client::QwenCode, path, text.as_bytes())];
    let (_, first) = &calls(sessions.iter()).calls[0];
    assert_eq!((first.id.as_str(), first.at), ("answer\nc1", calendar::parse_rfc3339("2026-11-20T10:00:04.500Z")));
}

#[test]
fn a_call_of_copilot_is_a_usage_record() {
    let path = "/home/kim/.copilot/session-state/s/events.jsonl";
    let record = |id: &str| {
        format!(
            r#"{{"type":"session.usage_record","timestamp":"2026-11-20T10:00:05.000Z","data":{{"usage":{{"model":"gpt-5-mini","inputTokens":60,"outputTokens":8,"cacheReadTokens":50,"cacheWriteTokens":2,"reasoningTokens":3,"cost":1.0,"duration":1.5,"isByok":true,"providerType":"openai","apiCallId":"{id}","accounting":{{"usageId":"{id}","sequence":1}}}}}}}}"#
        ) + "\n"
    };
    let text = r#"{"type":"session.start","data":{"copilotVersion":"1.0.102","context":{"cwd":"/home/kim/shop"}}}"#
        .to_owned()
        + "\n"
        + &record("c1")
        + &record("c1")
        + &record("c2")
        + r#"{"type":"session.shutdown","data":{"modelMetrics":{"gpt-5-mini":{"usage":{"inputTokens":120}}}}}"#
        + "\n";
    check(Client::Copilot, &[(path, &text)], [2, 0, 120, 100, 4, 0, 16, 6]);
    // A server of one's own gave out the same number twice.
    let local = record("chatcmpl-7") + &record("chatcmpl-7").replace("10:00:05", "10:09:05");
    check(Client::Copilot, &[(path, &local)], [2, 0, 120, 100, 4, 0, 16, 6]);
}

#[test]
fn a_call_of_opencode_is_a_row_whatever_its_id() {
    let row = |created: u64, completed: &str, rest: &str| {
        format!(
            r#"{{"role":"assistant","path":{{"cwd":"/home/kim/shop"}},"cost":0.5,"modelID":"gpt-5-mini","providerID":"openai","time":{{"created":{created}{completed}}}{rest}}}"#
        ) + "\n"
    };
    let used = r#","tokens":{"total":9,"input":10,"output":5,"reasoning":2,"cache":{"read":30,"write":4}}"#;
    let nothing = r#","tokens":{"input":0,"output":0,"reasoning":0,"cache":{"read":0,"write":0}}"#;
    let completed = r#","completed":1795964775738"#;
    let (first, again) = (row(1795964774843, completed, used), row(1795964774843, completed, used));
    let failed = |name: &str, at| {
        row(at, completed, &format!(r#"{nothing},"error":{{"name":"{name}","data":{{"statusCode":400}}}}"#))
    };
    let text = first
        + &again
        + &row(1795964774999, completed, used)
        + &row(1795964775000, "", used)
        + &failed("APIError", 1795964775001)
        + &failed("MessageAbortedError", 1795964775002)
        + "{\"role\":\"user\",\"time\":{\"created\":1}}\n";
    check(Client::Opencode, &[("/db", &text)], [2, 1, 88, 60, 8, 0, 14, 4]);
}

#[test]
fn what_cannot_be_read_is_named_by_its_line_and_takes_nothing_with_it() {
    let good = answer("m1", "", END, [1, 0, 0, 2]);
    let bad = answer("m2", "", END, [1, 0, 0, 2]).replace("\"input_tokens\":1", "\"input_tokens\":-1");
    let cut = &good[..good.len() / 2];
    let unmeasured = answer("m3", "", END, [1, 0, 0, 2]).replace("2026-11-20T", "1970-01-01T");
    let text = format!("{good}{bad}{{\"usage\" broken\n{unmeasured}\n{cut}");
    let read = session(Client::ClaudeCode, SESSION, text.as_bytes());
    let (refused, all) = read.refused();
    let refused: Vec<_> = refused.iter().map(|note| (note.line, note.why.split(';').next().unwrap())).collect();
    assert_eq!(all, 2);
    assert_eq!(refused[0], (2, "input_tokens is -1"));
    assert!(refused[1].0 == 3 && refused[1].1.starts_with("the line is not valid JSON"), "{refused:?}");
    assert_eq!(read.half().map(|half| half.line), Some(6));
    let sessions = [read];
    let found = calls(sessions.iter());
    let times: Vec<_> = found.calls.iter().map(|(_, told)| (told.line(), told.at.is_some())).collect();
    assert_eq!(times, [(1, true), (4, false)]);
}

#[test]
fn a_record_behind_half_of_one_is_read() {
    let (first, second) = (answer("m1", "", END, [1, 0, 0, 2]), answer("m2", "", END, [3, 0, 0, 4]));
    let glued = format!("{}{second}{}", &first[..first.len() / 2], answer("m3", "", END, [5, 0, 0, 6]));
    let sessions = [session(Client::ClaudeCode, SESSION, glued.as_bytes())];
    assert_eq!(all(Client::ClaudeCode, &calls(sessions.iter())), sums([2, 0, 8, 0, 0, 0, 10, 0]));
    assert_eq!((sessions[0].refused().0[0].line, sessions[0].refused().1), (1, 1));
}

#[test]
fn folders_are_projects_by_their_names_unless_they_are_mapped() {
    let projects = [("/home/kim/shop", "web"), ("lab", "research"), ("/home/kim/shop/api/", "backend")];
    let projects = projects.map(|(folder, project)| (folder.to_owned(), project.to_owned())).to_vec();
    let whose = Whose { projects, ..Whose::default() };
    for (folder, project) in [
        ("/home/kim/shop", Some("web")),
        ("/home/kim/shop/", Some("web")),
        ("/home/kim/shop/src", Some("web")),
        ("/home/kim/shop/api/v1", Some("backend")),
        ("/home/kim/shopping", Some("shopping")),
        ("/srv/lab", Some("research")),
        (r"C:\work\tool", Some("tool")),
        ("/", None),
    ] {
        assert_eq!(whose.project_of(folder), project, "{folder}");
    }
}

proptest! {
    /// Calls of a made-up home, written in any way that the client has: parts, copies, forks, resumes, cut anywhere.
    #[test]
    fn order_copies_and_how_far_a_file_has_come_change_nothing_in_the_end(
        usages in prop::collection::vec((1u64..1000, 0u64..1000, 0u64..1000, 1u64..500), 1..8),
        parts in prop::collection::vec(1usize..4, 8),
        copied in prop::collection::vec(any::<bool>(), 8),
        order in any::<u64>(),
        cut in 0.0f64..1.0,
    ) {
        let mut lines: Vec<String> = Vec::new();
        let mut copies: Vec<String> = Vec::new();
        let mut expected = Sums::default();
        for (number, (input, read, written, output)) in usages.iter().copied().enumerate() {
            let id = format!("m{number}");
            for part in 1..=parts[number] {
                let is_last = part == parts[number];
                let line = answer(&id, "", if is_last { END } else { NULL }, [input, read, written, if is_last { output } else { 1 }]);
                if copied[number] {
                    copies.push(line.clone());
                }
                lines.push(line);
            }
            expected.add(&sums([1, 0, input + read + written, read, written, written, output, 0]));
        }
        // Lines are in an order of their own.
        let turn = |lines: &mut Vec<String>| {
            let by = (order as usize) % lines.len().max(1);
            lines.rotate_left(by);
        };
        turn(&mut lines);
        turn(&mut copies);
        let files: Files = vec![(SESSION.into(), lines.concat().into_bytes()), (FORK.into(), copies.concat().into_bytes())];
        check_files(Client::ClaudeCode, &files, &expected);
        // Read in two parts, wherever the first ends.
        let whole = &files[0].1;
        let end = (whole.len() as f64 * cut) as usize;
        let mut read = Session::new(Client::ClaudeCode, SESSION);
        let taken = read.read(&whole[..end]);
        let before = calls([&read].into_iter());
        read.read(&whole[taken..]);
        let after = calls([&read].into_iter());
        prop_assert_eq!(all(Client::ClaudeCode, &after), expected);
        // What was told before is told still, and of no call less.
        for (_, told) in before.calls {
            let grown = after.calls.iter().find(|(_, after)| after.id == told.id);
            prop_assert!(grown.is_some_and(|(_, grown)| grown.figures.output >= told.figures.output));
        }
    }
}
