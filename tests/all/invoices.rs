//! What providers billed: imported and pulled, and set beside what was counted.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};

use crate::support::ledger::{Random, fresh_seed, setting};
use crate::support::{BINARY, OPERATOR, Server, bearer, event, number_text};
use rollcall::http::wire::{CostCompared, ReconciliationAnswer, RequestsCompared, TokensCompared};
use serde_json::{Value, json};

/// 2026-06-01
const FIRST: i64 = 1_780_272_000;
const ADMIN_KEY: &str = "sk-admin-secret-of-the-tests";

fn with_organization() -> Server {
    let server = Server::start();
    add_organization(&server);
    server
}

fn add_organization(server: &Server) {
    let directory = json!({
        "organizations": [{"id": "acme"}],
        "apiKeys": [{"id": "k1", "projectId": "web", "organizationId": "acme"}],
        "models": [{"id": "gpt-4o", "name": "GPT-4o"}],
    });
    server.put("/v1/directory", OPERATOR, &directory).ok();
}

fn page(buckets: &[(i64, Vec<Value>)]) -> Value {
    let bucket = |(day, results): &(i64, Vec<Value>)| {
        let start = FIRST + day * 86_400;
        json!({"object": "bucket", "start_time": start, "end_time": start + 86_400, "results": results})
    };
    json!({"object": "page", "data": buckets.iter().map(bucket).collect::<Vec<_>>(), "has_more": false, "next_page": null})
}

fn usage(model: &str, key: Option<&str>, [requests, input, cached, output]: [u64; 4]) -> Value {
    json!({"object": "organization.usage.completions.result", "model": model, "api_key_id": key,
        "num_model_requests": requests, "input_tokens": input, "input_cached_tokens": cached, "output_tokens": output})
}

fn costs(item: &str, key: Option<&str>, amount: &str) -> Value {
    json!({"object": "organization.costs.result", "amount": {"value": amount, "currency": "usd"}, "line_item": item,
        "api_key_id": key})
}

fn import(server: &Server, provider: &str, body: &Value) -> Value {
    server.post(&format!("/v1/invoices?organizationId=acme&provider={provider}"), OPERATOR, body).ok().json()
}

fn text_of(server: &Server, query: &str) -> String {
    server.get(&format!("/analytics/reconciliation?organizationId=acme&{query}"), OPERATOR).ok().text
}

fn asked(server: &Server, query: &str) -> ReconciliationAnswer {
    let text = text_of(server, query);
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text}"))
}

fn cost(of: Option<&CostCompared>) -> [&str; 8] {
    let of = of.expect("a cost");
    [&of.ours, &of.theirs, &of.gap, &of.missing, &of.aborted, &of.unpriced, &of.price, &of.rounding]
        .map(|raw| raw.get())
}

const JUNE: &str = "provider=openai&from=2026-06-01&to=2026-06-30";

#[test]
fn what_was_billed_stands_beside_what_was_counted_and_is_never_added_to_it() {
    let server = with_organization();
    server.send_events(
        OPERATOR,
        &json!([
            event("a", "2026-06-01T00:00:00Z", &json!({})),
            event("b", "2026-06-01T23:59:59Z", &json!({"apiKeyId": "k2", "usedModel": "openai/gpt-4o-2024-08-06"})),
            event("c", "2026-06-02T10:00:00Z", &json!({"usedModel": "openai/own-model", "cost": null})),
            event("other", "2026-06-01T10:00:00Z", &json!({"usedModel": "azure/gpt-4o"})),
            event("unbilled", "2026-06-03T10:00:00Z", &json!({})),
        ]),
    );
    let before = server.activity(OPERATOR, "from=2026-06-01&to=2026-06-30");
    assert!(asked(&server, JUNE).rows.is_empty());

    let pages = json!([
        page(&[
            (
                0,
                vec![
                    usage("gpt-4o-2024-08-06", Some("k1"), [3, 300, 30, 60]),
                    usage("gpt-4o", Some("key_x"), [1, 100, 0, 20])
                ]
            ),
            (1, vec![usage("own-model", None, [1, 100, 0, 20])]),
        ]),
        page(&[
            (
                0,
                vec![
                    costs("gpt-4o-2024-08-06, input", Some("k1"), "0.5"),
                    costs("gpt-4o-2024-08-06, output", Some("k1"), "0.250000000001"),
                    costs("gpt-4o-2024-08-06, output", Some("key_x"), "0.254"),
                    costs("web search tool calls", None, "0.01"),
                ]
            ),
            (1, vec![costs("own-model, input", None, "0.07")]),
        ]),
    ]);
    let answer = import(&server, "openai", &pages);
    assert_eq!(
        answer["reports"],
        json!([
            {"report": "costs", "from": "2026-06-01", "to": "2026-06-02", "days": 2, "lines": 4},
            {"report": "completions", "from": "2026-06-01", "to": "2026-06-02", "days": 2, "lines": 3},
        ])
    );
    assert_eq!(server.activity(OPERATOR, "from=2026-06-01&to=2026-06-30"), before, "usage is what it was");

    let found = asked(&server, JUNE);
    assert_eq!((found.cost_days, found.usage_days, found.timezone.as_str()), (2, 2, "UTC"));
    let keys: Vec<_> =
        found.rows.iter().map(|r| (r.date.as_deref(), r.model.as_deref(), r.api_key_id.as_deref())).collect();
    let [first, second] = [Some("2026-06-01"), Some("2026-06-02")];
    let gpt = Some("gpt-4o");
    assert_eq!(
        keys,
        [(first, None, None), (first, gpt, None), (first, gpt, Some("k1")), (second, Some("own-model"), None)]
    );
    assert_eq!(found.rows[1].model_name.as_deref(), Some("GPT-4o"));
    // A tool, a call with another key, two calls that never came here, and one without a price.
    assert_eq!(cost(found.rows[0].cost.as_ref()), ["0", "0.01", "0.01", "0.01", "0", "0", "0", "0"]);
    assert_eq!(cost(found.rows[1].cost.as_ref()), ["0.25", "0.254", "0.004", "0", "0", "0", "0", "0.004"]);
    let k1 = ["0.25", "0.750000000001", "0.500000000001", "0.5", "0", "0", "0", "0.000000000001"];
    assert_eq!(cost(found.rows[2].cost.as_ref()), k1);
    assert_eq!(cost(found.rows[3].cost.as_ref()), ["0", "0.07", "0.07", "0", "0", "0.07", "0", "0"]);
    let RequestsCompared { ours, theirs, gap, missing, .. } = found.rows[2].requests.as_ref().unwrap();
    assert_eq!((*ours, *theirs, *gap, *missing), (1, 3, 2, 2));
    let TokensCompared { ours, theirs, gap, missing, .. } = found.rows[2].tokens.as_ref().unwrap();
    assert_eq!((ours.input_tokens, theirs.cached_tokens, *gap, *missing), (100, 30, 240, 240));
    let totals = ["0.5", "1.084000000001", "0.584000000001", "0.51", "0", "0.07", "0", "0.004000000001"];
    assert_eq!(cost(found.totals.cost.as_ref()), totals);

    let by_model = asked(&server, &format!("{JUNE}&groupBy=model"));
    assert_eq!(by_model.rows.len(), 3);
    assert!(by_model.rows.iter().all(|row| row.date.is_none() && row.api_key_id.is_none()));
    assert_eq!(cost(by_model.totals.cost.as_ref()), totals);
    let csv = text_of(&server, &format!("{JUNE}&groupBy=day&format=csv"));
    assert_eq!(
        csv.lines().next().unwrap().split(',').take(4).collect::<Vec<_>>(),
        ["date", "model", "apiKeyId", "costOurs"]
    );
    assert_eq!(
        csv.lines().nth(2).unwrap(),
        "2026-06-02,,,0,0.07,0.07,0,0,0.07,0,0,1,1,0,0,0,0,100,100,0,0,20,20,0,0,0,0,,openai,acme,UTC,2026-06-01,2026-06-30"
    );
}

#[test]
fn a_day_that_comes_again_replaces_what_was_known_and_answers_change() {
    let server = with_organization();
    let of = |amount: &str| page(&[(0, vec![costs("gpt-4o, input", None, amount)])]);
    let path = format!("/analytics/reconciliation?organizationId=acme&{JUNE}");
    let theirs = |server: &Server| number_text(&text_of(server, JUNE), "theirs");
    import(&server, "openai", &of("1"));
    let before = server.get(&path, OPERATOR).ok();
    assert_eq!(theirs(&server), "1");
    import(&server, "openai", &of("1"));
    assert_eq!(theirs(&server), "1");
    import(&server, "openai", &of("2.5"));
    assert_eq!(theirs(&server), "2.5");
    let again = [("authorization", &*bearer(OPERATOR)), ("if-none-match", before.header("etag"))];
    assert_eq!(server.send("GET", &path, &again, b"").status, 200);
    // Another provider's ledger is another.
    let cents = json!({"data": [{"starting_at": "2026-06-01T00:00:00Z", "ending_at": "2026-06-02T00:00:00Z",
        "results": [{"amount": "123.45", "currency": "USD", "description": "Tokens", "model": "claude-sonnet-4-5-20250929"}]}]});
    import(&server, "anthropic", &cents);
    assert_eq!(theirs(&server), "2.5");
    let anthropic = asked(&server, "provider=anthropic&from=2026-06-01&to=2026-06-01");
    assert_eq!(cost(anthropic.totals.cost.as_ref())[1], "1.2345");
    assert!(anthropic.totals.tokens.is_none() && anthropic.totals.requests.is_none());
    assert_eq!(anthropic.rows[0].model.as_deref(), Some("claude-sonnet-4-5"));
    assert_eq!(server.post("/v1/verify", OPERATOR, &Value::Null).ok().json()["damage"], Value::Null);
    let audit = server.get("/v1/audit?organizationId=acme&limit=2", OPERATOR).ok().json();
    let entry = audit["entries"].as_array().unwrap().iter().find(|e| e["action"] == "invoice-import").unwrap();
    assert_eq!((&entry["target"], &entry["detail"]), (&json!("anthropic"), &json!("costs 2026-06-01 to 2026-06-01")));
}

#[test]
fn what_makes_no_sense_is_refused_whole_and_by_its_value() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start_set(directory.path(), OPERATOR, &[("ROLLCALL_MAX_BODY_MIB", "1")]);
    add_organization(&server);
    let good = page(&[(0, vec![costs("gpt-4o, input", None, "1")])]);
    let bad = page(&[(1, vec![costs("gpt-4o, input", None, "lots")])]);
    let post = |query: &str, body: &Value| server.post(&format!("/v1/invoices?{query}"), OPERATOR, body);
    post("organizationId=acme&provider=openai", &json!([good, bad]))
        .is_problem(400, "page 2: data[0]: results[0]: amount.value is \"lots\"");
    assert_eq!(asked(&server, JUNE).cost_days, 0, "nothing of it was taken");
    post("organizationId=acme&provider=azure", &good)
        .is_problem(400, "provider is 'azure'; allowed: openai, anthropic");
    post("organizationId=acme", &good).is_problem(400, "the parameter provider is missing");
    post("provider=openai", &good).is_problem(400, "the parameter organizationId is missing");
    post("organizationId=acme&provider=anthropic", &good).is_problem(400, "it has no starting_at");
    for (query, words) in [
        ("provider=google", "provider is 'google'"),
        ("", "the parameter provider is missing"),
        ("provider=openai&timezone=Europe/Paris", "timezone is 'Europe/Paris'; providers bill by days of UTC"),
        ("provider=openai&groupBy=colour", "groupBy is 'colour'; allowed are day, model, apiKey"),
        ("provider=openai&groupBy=model,model", "groupBy is 'model,model'; allowed are day, model, apiKey"),
        ("provider=openai&from=2026-06-02&to=2026-06-01", "is after to"),
    ] {
        server.get(&format!("/analytics/reconciliation?organizationId=acme&{query}"), OPERATOR).is_problem(400, words);
    }
    let large = json!([good, "x".repeat(1 << 20)]);
    post("organizationId=acme&provider=openai", &large).is_problem(413, "larger than 1048576 bytes");
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(good.to_string().as_bytes()).unwrap();
    let headers = [("authorization", &*bearer(OPERATOR)), ("content-encoding", "gzip")];
    let path = "/v1/invoices?organizationId=acme&provider=openai";
    server.send("POST", path, &headers, &gzip.finish().unwrap()).ok();
    assert_eq!(asked(&server, JUNE).cost_days, 1);
}

/// Random usage and reports, compared with sums that are too simple to be wrong.
#[test]
fn sums_are_those_of_a_recount_and_causes_add_up() {
    let seed = setting("ROLLCALL_SEED").unwrap_or_else(fresh_seed);
    println!("ROLLCALL_SEED={seed}");
    let mut random = Random(seed);
    let server = with_organization();
    let models = ["gpt-4o", "gpt-4o-mini", "o3"];
    // By day: our requests, tokens and nanodollars, and theirs.
    let mut ours: BTreeMap<i64, [i128; 3]> = BTreeMap::new();
    let mut theirs = ours.clone();
    let add = |to: &mut BTreeMap<i64, [i128; 3]>, day: i64, figures: [u64; 3]| {
        to.entry(day).or_default().iter_mut().zip(figures).for_each(|(sum, more)| *sum += i128::from(more));
    };
    let mut events = Vec::new();
    for number in 0..300 {
        let (day, nanos) = (random.below(6) as i64, random.below(1 << 30));
        let (count, input, output) = (1 + random.below(3), random.below(5000), random.below(900));
        let priced = random.below(5) > 0;
        let kind = random.below(8);
        events.push(event(&format!("e{number}"), &format!("2026-06-0{}T{:02}:30:00Z", day + 1, random.below(24)), &json!({
            "usedModel": format!("openai/{}", random.pick(&models)), "apiKeyId": *random.pick(&["k1", "k2"]),
            "count": count, "promptTokens": input, "completionTokens": output, "hasError": kind == 0, "cached": kind == 1,
            "cost": if priced { format!("{}.{:09}", nanos / 1_000_000_000, nanos % 1_000_000_000) } else { "0".into() },
        })));
        add(&mut ours, day, [count, input + output, if priced { nanos } else { 0 }]);
    }
    server.send_events(OPERATOR, &json!(events));
    // The last day has usage that no report is about.
    let mut buckets: [Vec<(i64, Vec<Value>)>; 2] = Default::default();
    for day in 0..5 {
        let (mut of_usage, mut of_costs) = (Vec::new(), Vec::new());
        for model in models {
            for key in [None, Some("k1"), Some("theirs")] {
                let (nanos, requests) = (random.below(1 << 33), random.below(40));
                let (input, output) = (random.below(40_000), random.below(9000));
                of_usage.push(usage(&format!("{model}-2026-01-02"), key, [requests, input, input / 3, output]));
                of_costs.push(costs(
                    &format!("{model}, input"),
                    key,
                    &format!("{}.{:09}", nanos / 1_000_000_000, nanos % 1_000_000_000),
                ));
                add(&mut theirs, day, [requests, input + output, nanos]);
            }
        }
        buckets[0].push((day, of_usage));
        buckets[1].push((day, of_costs));
    }
    import(&server, "openai", &json!([page(&buckets[0]), page(&buckets[1])]));

    let picos = |raw: &serde_json::value::RawValue| -> i128 {
        let (sign, digits) = raw.get().strip_prefix('-').map_or((1, raw.get()), |digits| (-1, digits));
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        sign * format!("{whole}{fraction:0<12}").parse::<i128>().unwrap()
    };
    for group_by in ["day", "day,model,apiKey", "model", "apiKey", "day,model"] {
        let found = asked(&server, &format!("{JUNE}&groupBy={group_by}"));
        let mut sums = [[0i128; 2]; 3];
        let mut of_days: BTreeMap<Option<String>, [[i128; 2]; 3]> = BTreeMap::new();
        for row in &found.rows {
            let (requests, tokens, cost) =
                (row.requests.as_ref().unwrap(), row.tokens.as_ref().unwrap(), row.cost.as_ref().unwrap());
            assert_eq!(requests.gap, requests.missing + requests.aborted + requests.cached);
            assert_eq!(tokens.gap, tokens.missing + tokens.aborted + tokens.cached);
            let causes = [&cost.missing, &cost.aborted, &cost.unpriced, &cost.price, &cost.rounding];
            assert_eq!(picos(&cost.gap), causes.iter().map(|cause| picos(cause)).sum::<i128>());
            let total = |of: &rollcall::http::wire::TokensBody| i128::from(of.input_tokens + of.output_tokens);
            let figures = [
                [i128::from(requests.ours), i128::from(requests.theirs)],
                [total(&tokens.ours), total(&tokens.theirs)],
                [picos(&cost.ours), picos(&cost.theirs)],
            ];
            for (at, pair) in figures.iter().enumerate() {
                for (side, figure) in pair.iter().enumerate() {
                    sums[at][side] += figure;
                    of_days.entry(row.date.clone()).or_default()[at][side] += figure;
                }
            }
        }
        let expected = |day: i64| {
            let (ours, theirs) = (ours[&day], theirs[&day]);
            [[ours[0], theirs[0]], [ours[1], theirs[1]], [ours[2] * 1000, theirs[2] * 1000]]
        };
        let mut whole = [[0i128; 2]; 3];
        for day in 0..5 {
            let expected = expected(day);
            (0..3).for_each(|at| (0..2).for_each(|side| whole[at][side] += expected[at][side]));
            if group_by.starts_with("day") {
                assert_eq!(of_days[&Some(format!("2026-06-0{}", day + 1))], expected, "{group_by}, day {day}");
            }
        }
        assert_eq!(sums, whole, "{group_by}");
        let totals = found.totals.cost.as_ref().unwrap();
        assert_eq!([picos(&totals.ours), picos(&totals.theirs)], whole[2], "{group_by}");
        assert_eq!(found.totals.requests.as_ref().unwrap().ours.to_string(), whole[0][0].to_string());
    }
}

#[test]
fn what_is_too_old_goes_with_the_usage_it_is_about() {
    let server = with_organization();
    let old = page(&[(-2250, vec![costs("gpt-4o, input", None, "1")]), (0, vec![costs("gpt-4o, input", None, "2")])]);
    import(&server, "openai", &old);
    let now = chrono::Utc::now().to_rfc3339();
    server.send_events(
        OPERATOR,
        &json!([event("old", "2020-04-01T00:00:00Z", &json!({})), event("new", &now, &json!({}))]),
    );
    let then = "provider=openai&from=2020-04-01&to=2020-04-10";
    assert_eq!(asked(&server, then).cost_days, 1);
    let days = (chrono::Utc::now().timestamp() - FIRST) / 86_400 + 40;
    server.put("/v1/directory", OPERATOR, &json!({"organizations": [{"id": "acme", "retentionDays": days}]})).ok();
    server.post("/v1/compact", OPERATOR, &Value::Null).ok();
    assert_eq!(asked(&server, then).cost_days, 0);
    assert_eq!(asked(&server, JUNE).cost_days, 1);
    let refused = server.post("/v1/invoices?organizationId=acme&provider=openai", OPERATOR, &old);
    refused.is_problem(400, "a report is of 2020-04-03; organization 'acme' keeps usage since ");
}

/// A provider's admin API on this machine. What it was asked, each with its headers.
struct Provider {
    url: String,
    asked: Arc<Mutex<Vec<(String, String)>>>,
}

impl Provider {
    /// `answer` is given the path and query, and how often it was asked for them.
    fn start(answer: impl Fn(&str, usize) -> (u16, String) + Send + 'static) -> Provider {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let told = asked.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut lines = BufReader::new(&stream).lines();
                let line = lines.next().unwrap().unwrap();
                let path = line.split(' ').nth(1).unwrap().to_owned();
                let headers: Vec<String> = lines.map(Result::unwrap).take_while(|line| !line.is_empty()).collect();
                let times = {
                    let mut asked = told.lock().unwrap();
                    asked.push((path.clone(), headers.join("\n")));
                    asked.iter().filter(|(before, _)| *before == path).count()
                };
                let (status, body) = answer(&path, times);
                let head =
                    format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
                stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
            }
        });
        Provider { url, asked }
    }
}

fn rollcall(arguments: &[&str]) -> Output {
    let mut command = Command::new(BINARY);
    command.args(arguments).env_remove("ROLLCALL_TOKEN").env("OPENAI_ADMIN_KEY", ADMIN_KEY);
    // No way to this machine, where nobody listens besides.
    command.env("ALL_PROXY", "http://127.0.0.1:9");
    command.env("ANTHROPIC_ADMIN_KEY", ADMIN_KEY).output().unwrap()
}

#[track_caller]
fn check(output: &Output, code: i32, words: &str) -> String {
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{text}");
    assert!(text.contains(words), "'{text}' does not say '{words}'");
    assert!(!text.contains(ADMIN_KEY), "{text}");
    text
}

fn next(mut page: Value, token: &str) -> String {
    page["has_more"] = json!(true);
    page["next_page"] = json!(token);
    page.to_string()
}

#[test]
fn pulling_follows_pages_waits_for_a_busy_provider_and_leaves_no_trace_of_the_key() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start_in(directory.path());
    add_organization(&server);
    let provider = Provider::start(|path, times| {
        if path.starts_with("/v1/organization/costs") {
            return match (path.contains("page=two"), times) {
                (false, 1) => (503, "busy".into()),
                (false, _) => (200, next(page(&[(0, vec![costs("gpt-4o, input", None, "1")])]), "two")),
                (true, _) => (200, page(&[(1, vec![costs("gpt-4o, input", None, "2")])]).to_string()),
            };
        }
        let results = if path.contains("/completions") { vec![usage("gpt-4o", None, [1, 2, 0, 3])] } else { vec![] };
        (200, page(&[(0, results)]).to_string())
    });
    let data = directory.path().to_str().unwrap();
    let pull = [
        "invoice",
        "pull",
        "--organization",
        "acme",
        "--data-dir",
        data,
        "--token",
        OPERATOR,
        "--base-url",
        &provider.url,
    ];
    let openai = ["--provider", "openai", "--from", "2026-06-01", "--to", "2026-06-02"];
    let text = check(&rollcall(&[&pull[..], &openai].concat()), 0, "costs\t2026-06-01 to 2026-06-02\t2 days\t2 lines");
    assert!(text.contains("completions\t2026-06-01 to 2026-06-01\t1 days\t1 lines"), "{text}");
    let found = asked(&server, JUNE);
    assert_eq!((found.cost_days, found.usage_days), (2, 1));
    assert_eq!(cost(found.totals.cost.as_ref())[1], "3");

    let all = provider.asked.lock().unwrap().clone();
    assert_eq!(all.len(), 5 + 1 + 3, "{all:?}");
    let (last, headers) = all.last().unwrap();
    assert!(headers.to_lowercase().contains(&format!("authorization: bearer {ADMIN_KEY}")), "{headers}");
    for part in ["start_time=1780272000", "end_time=1780444800", "bucket_width=1d", "group_by=line_item", "page=two"] {
        assert!(last.contains(part), "{last} has no {part}");
    }
    assert!(all.iter().all(|(path, _)| !path.contains(ADMIN_KEY)));
    assert!(!server.log.lock().unwrap().contains(ADMIN_KEY));
    let stored = std::fs::read(directory.path().join("rollcall.redb")).unwrap();
    assert!(!stored.windows(ADMIN_KEY.len()).any(|bytes| bytes == ADMIN_KEY.as_bytes()));
}

#[test]
fn a_page_that_fails_leaves_what_was_known() {
    let server = with_organization();
    import(&server, "anthropic", &anthropic_costs("100"));
    let provider = Provider::start(|path, _| match path {
        path if path.contains("usage_report") => {
            let result = json!({"model": "claude", "uncached_input_tokens": 1, "output_tokens": 1});
            let bucket = json!({"starting_at": "2026-06-01T00:00:00Z", "ending_at": "2026-06-02T00:00:00Z", "results": [result]});
            (200, json!({"data": [bucket], "has_more": false, "next_page": null}).to_string())
        }
        path if path.contains("page=two") => (403, "{\"error\": \"no longer allowed\"}".into()),
        _ => (200, next(anthropic_costs("200"), "two")),
    });
    let about = ["--provider", "anthropic", "--organization", "acme", "--from", "2026-06-01", "--to", "2026-06-01"];
    let target = ["--url", &server.url, "--token", OPERATOR];
    let pull = |base: &str| rollcall(&[&["invoice", "pull", "--base-url", base], &about[..], &target].concat());
    check(&pull(&provider.url), 2, "answered 403: {\"error\": \"no longer allowed\"}");
    let (_, headers) = provider.asked.lock().unwrap()[0].clone();
    let headers = headers.to_lowercase();
    assert!(headers.contains(&format!("x-api-key: {ADMIN_KEY}")) && headers.contains("anthropic-version: 2023-06-01"));
    let found = asked(&server, "provider=anthropic&from=2026-06-01&to=2026-06-01");
    assert_eq!((cost(found.totals.cost.as_ref())[1], found.usage_days), ("1", 0));
    // What stands before an @ is a user, and the key would go to what comes after it.
    for elsewhere in ["http://provider.example", "http://127.0.0.1:x@provider.example"] {
        check(&pull(elsewhere), 2, "must begin with https://");
    }
    let large = Provider::start(|_, _| (200, format!("{}{}", anthropic_costs("200"), " ".repeat(40 << 20))));
    check(&pull(&large.url), 2, "the reports have more than 67108864 bytes; ask for fewer days");
    assert_eq!(large.asked.lock().unwrap().len(), 2);
    let reversed = [&["invoice", "pull"], &about[..5], &["2026-06-03", "--to", "2026-06-01"], &target[..]].concat();
    check(&rollcall(&reversed), 2, "is after the last day");
    let mut without = Command::new(BINARY);
    let without = without.args([&["invoice", "pull"], &about[..], &target].concat()).env_remove("ANTHROPIC_ADMIN_KEY");
    check(&without.output().unwrap(), 2, "put an admin key of the provider into ANTHROPIC_ADMIN_KEY");
}

fn anthropic_costs(cents: &str) -> Value {
    let result = json!({"amount": cents, "currency": "USD", "description": "Tokens", "model": "claude"});
    let bucket =
        json!({"starting_at": "2026-06-01T00:00:00Z", "ending_at": "2026-06-02T00:00:00Z", "results": [result]});
    json!({"data": [bucket], "has_more": false, "next_page": null})
}

#[test]
fn files_are_imported_into_a_server_and_into_a_store() {
    let directory = tempfile::tempdir().unwrap();
    let mut server = Server::start_in(directory.path());
    add_organization(&server);
    let files = tempfile::tempdir().unwrap();
    let [one, two, bad] =
        ["costs.json", "usage.json", "bad.json"].map(|name| files.path().join(name).to_str().unwrap().to_owned());
    std::fs::write(&one, page(&[(0, vec![costs("gpt-4o, input", None, "1")])]).to_string()).unwrap();
    std::fs::write(&two, json!([page(&[(0, vec![usage("gpt-4o", None, [1, 2, 0, 3])])])]).to_string()).unwrap();
    std::fs::write(&bad, "{\"data\": 3}").unwrap();
    let data = directory.path().to_str().unwrap().to_owned();
    let import = |files: &[&str], organization: &str| {
        let about = ["--provider", "openai", "--organization", organization, "--data-dir", &data, "--token", OPERATOR];
        rollcall(&[&["invoice", "import"], files, &about].concat())
    };
    check(&import(&[&one, &bad], "acme"), 2, "page 2: it is no page of a report");
    check(&import(&["/nowhere.json"], "acme"), 2, "/nowhere.json");
    check(&import(&[&one, &two], "nobody"), 2, "there is no organization 'nobody'");
    assert_eq!(asked(&server, JUNE).cost_days, 0);
    check(&import(&[&one, &two], "acme"), 0, "completions\t2026-06-01 to 2026-06-01\t1 days\t1 lines");
    assert_eq!((asked(&server, JUNE).cost_days, asked(&server, JUNE).usage_days), (1, 1));
    assert_eq!(server.terminate(), Some(0));
    std::fs::write(&one, page(&[(0, vec![costs("gpt-4o, input", None, "7")])]).to_string()).unwrap();
    check(&import(&[&one], "nobody"), 2, "there is no organization 'nobody'");
    check(&import(&[&one], "acme"), 0, "costs\t2026-06-01 to 2026-06-01\t1 days\t1 lines");
    let verified = Command::new(BINARY).args(["verify", "--data-dir", &data]).output().unwrap();
    assert!(verified.status.success());
    let server = Server::start_in(directory.path());
    assert_eq!(cost(asked(&server, JUNE).totals.cost.as_ref())[1], "7");
}
