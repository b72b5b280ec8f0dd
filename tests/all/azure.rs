//! Real input: two hours of production traces, through `rollcall ingest`, against sums made straight from the CSV.
//!
//! Azure Public Dataset, AzureLLMInferenceTrace 2023 (CC-BY-4.0); Patel et al., "Splitwise", ISCA 2024.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::process::Command;

use crate::support::{BINARY, OPERATOR, Server, number_text};

const TRACES: &str = "../shared/data/azure-llm-trace-2023";
/// Models with prices per token in picodollars, input and output, assigned in turn.
const MODELS: [(&str, u128, u128); 3] = [
    ("openai/gpt-4o", 2_500_000, 10_000_000),
    ("anthropic/claude-haiku-4-5", 1_000_000, 5_000_000),
    ("mistral/mistral-small", 100_000, 300_000),
];
const KEYS: usize = 7;

#[derive(Default, Clone, Copy, PartialEq, Eq, Debug)]
struct Sums {
    requests: u64,
    tokens: u64,
    cost_pico_usd: u128,
}

#[test]
fn both_traces_add_up_to_the_csv() {
    if !Path::new(TRACES).is_dir() {
        // Past the capture of output, so that it is seen.
        let line = format!("SKIPPED: {TRACES} is not here; the traces are not part of the repository\n");
        std::io::stderr().write_all(line.as_bytes()).unwrap();
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let mut expected: BTreeMap<(String, &str), Sums> = BTreeMap::new();
    let mut events =
        String::from("id,timestamp,organizationId,projectId,apiKeyId,usedModel,promptTokens,completionTokens,cost\n");
    let mut calls = 0;
    for service in ["code", "conversation"] {
        let csv = std::fs::read_to_string(format!("{TRACES}/{service}.csv")).unwrap();
        for (i, line) in csv.lines().skip(1).filter(|line| !line.trim().is_empty()).enumerate() {
            let cells: Vec<&str> = line.trim().split(',').collect();
            let (time, input, output) = (cells[0], cells[1].parse::<u64>().unwrap(), cells[2].parse::<u64>().unwrap());
            let (model, input_price, output_price) = MODELS[i % MODELS.len()];
            let cost = u128::from(input) * input_price + u128::from(output) * output_price;
            let timestamp = format!("{}Z", time.replace(' ', "T"));
            let dollars = format!("{}.{:012}", cost / 1_000_000_000_000, cost % 1_000_000_000_000);
            events.push_str(&format!(
                "{service}-{i},{timestamp},acme,{service},{service}-key-{},{model},{input},{output},{dollars}\n",
                i % KEYS
            ));
            let sums = expected.entry((format!("{}:00:00+00:00", &timestamp[..13]), service)).or_default();
            *sums = Sums {
                requests: sums.requests + 1,
                tokens: sums.tokens + input + output,
                cost_pico_usd: sums.cost_pico_usd + cost,
            };
            calls += 1;
        }
    }
    assert_eq!(calls, 28_185, "the number the data set's page gives");
    let file = directory.path().join("azure.csv");
    std::fs::write(&file, events).unwrap();
    let store = directory.path().join("store");
    let loaded = Command::new(BINARY).arg("ingest").arg(&file).arg("--data-dir").arg(&store).output().unwrap();
    let text = String::from_utf8(loaded.stdout).unwrap();
    assert!(loaded.status.success() && text.starts_with("28,185 accepted, 0 duplicates, 0 rejected"), "{text}");

    let server = Server::start_in(&store);
    let query =
        "/analytics/activity?organizationId=acme&from=2023-11-16&to=2023-11-16&granularity=hour&groupBy=project";
    let text = server.get(query, OPERATOR).ok().text;
    let answer: rollcall::http::wire::Activity = serde_json::from_str(&text).unwrap();
    let mut found: BTreeMap<(String, &str), Sums> = BTreeMap::new();
    for hour in &answer.activity {
        for entry in &hour.breakdown {
            let service = if entry.key.as_deref() == Some("code") { "code" } else { "conversation" };
            let sums = Sums {
                requests: entry.request_count,
                tokens: entry.total_tokens,
                cost_pico_usd: picos(entry.cost.get()),
            };
            found.insert((hour.date.clone(), service), sums);
        }
    }
    assert_eq!(found, expected, "every hour of both services");
    let whole = expected.values().map(|s| s.cost_pico_usd).sum::<u128>();
    assert_eq!(picos(&number_text(&text, "cost")), whole);
    assert_eq!(answer.totals.request_count, 28_185);
}

fn picos(text: &str) -> u128 {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    format!("{whole}{fraction:0<12}").parse().unwrap()
}
