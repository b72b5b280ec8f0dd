//! Random bytes where bytes come in: whatever they are, nothing panics, and what is read means the same when it is
//! read again.
//!
//! Each test runs for a second, or for `ROLLCALL_FUZZ_SECONDS`, from a seed that it prints; `ROLLCALL_SEED=n` replays
//! it. Inputs are valid ones with a few bytes changed, put in, repeated or left out, which gets further than noise.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rollcall::directory::{Change, DirectoryUpdate, Member, Organization, OrganizationUpdate, Profile, Session, Token};
use rollcall::engine::{Engine, check};
use rollcall::http::{App, ask_as_operator};
use rollcall::ingest::csv::CsvLines;
use rollcall::ingest::litellm::Project;
use rollcall::ingest::otlp::{self, Encoding, Options};
use rollcall::ingest::{Context, Parsed, TokenDefaults, litellm, llmgateway, parse_json, parse_ndjson};
use rollcall::pricing::PriceBook;
use rollcall::store::block::Block;
use rollcall::store::record;

/// 2026-06-10T12:00:00Z
const NOW: i64 = 1_781_092_800_000;

/// splitmix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    /// One of the seeds with some changes.
    fn mutated(&mut self, seeds: &[Vec<u8>], words: &[&str]) -> Vec<u8> {
        let mut bytes = seeds[self.below(seeds.len())].clone();
        for _ in 0..self.below(6) {
            let at = self.below(bytes.len() + 1);
            let end = at + self.below((bytes.len() - at).min(40) + 1);
            match self.below(5) {
                0 if at < bytes.len() => bytes[at] = self.next() as u8,
                1 => drop(bytes.splice(at..end, [])),
                2 => {
                    let repeated = bytes[at..end].to_vec();
                    bytes.splice(at..at, repeated);
                }
                3 => drop(bytes.splice(at..end, words[self.below(words.len())].bytes())),
                _ => bytes.truncate(at.max(1)),
            }
        }
        bytes
    }
}

/// Runs `one` until the time is over, and says how often that was.
fn for_a_while(name: &str, mut one: impl FnMut(&mut Random)) {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let fresh = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64 % 1_000_000_000;
    let seed = number("ROLLCALL_SEED").unwrap_or_else(fresh);
    eprintln!("{name}: ROLLCALL_SEED={seed}");
    let (mut random, mut runs) = (Random(seed), 0u64);
    let until = Instant::now() + Duration::from_secs(number("ROLLCALL_FUZZ_SECONDS").unwrap_or(1));
    while runs == 0 || Instant::now() < until {
        one(&mut random);
        runs += 1;
    }
    eprintln!("{name}: {runs} executions");
}

/// What was read, in a form that can be compared.
fn read(parsed: Result<Parsed, rollcall::ingest::BodyError>) -> String {
    match parsed {
        Ok(parsed) => format!("{:?} {:?} {:?}", parsed.batch.events, parsed.batch.combinations, parsed.rejected),
        Err(error) => error.to_string(),
    }
}

#[test]
fn bytes_of_every_feed() {
    let prices = PriceBook::bundled();
    let context =
        Context { now: NOW, prices: &prices, token: TokenDefaults::default(), kept_since: &rollcall::ingest::for_ever };
    let event = r#"{"id":"a","timestamp":"2026-06-01T10:00:00+02:00","organizationId":"acme","projectId":"p","apiKeyId":"k","usedModel":"openai/gpt-4o:free","promptTokens":100,"completionTokens":20,"cost":"0.25","hasError":false,"finishReason":"stop","usedMode":"api-keys","count":2}"#;
    let lite = r#"[{"id":"a","call_type":"acompletion","response_cost":0.25,"startTime":1780308000.5,"endTime":1780308001,"model":"gpt-4o","custom_llm_provider":"openai","prompt_tokens":1,"completion_tokens":2,"total_tokens":3,"status":"success","metadata":{"user_api_key_hash":"k","user_api_key_team_id":"t","user_api_key_org_id":"acme"}}]"#;
    let span = r#"{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"a"}}]},"scopeSpans":[{"spans":[{"traceId":"0102","spanId":"03","startTimeUnixNano":"1780308000000000000","attributes":[{"key":"gen_ai.request.model","value":{"stringValue":"gpt-4o"}},{"key":"gen_ai.usage.input_tokens","value":{"intValue":"5"}}]}]}]}]}"#;
    let csv = "id,timestamp,organizationId,projectId,apiKeyId,usedModel,cost\na,2026-06-01T10:00:00Z,acme,p,\"k\"\"\",x/y,1.5\n";
    let protobuf: &[u8] =
        &[10, 24, 10, 8, 10, 6, 10, 1, 97, 18, 1, 98, 18, 12, 18, 10, 10, 2, 1, 2, 18, 1, 3, 57, 0, 0];
    let seeds: Vec<Vec<u8>> =
        [event.as_bytes(), lite.as_bytes(), span.as_bytes(), csv.as_bytes(), protobuf].map(<[u8]>::to_vec).into();
    let words = [
        "null",
        "1e400",
        "-1",
        "\"\"",
        "[",
        "{",
        "\\ud800",
        "\u{feff}",
        "18446744073709551616",
        "\n",
        ",",
        "0.0000000000005",
    ];
    let options = Options { projects: vec!["team.id".into()], key_by_person: true };
    for_a_while("bytes_of_every_feed", |random| {
        let body = random.mutated(&seeds, &words);
        assert_eq!(read(parse_json(&body, &context)), read(parse_json(&body, &context)));
        assert_eq!(read(parse_ndjson(&body, &context)), read(parse_ndjson(&body, &context)));
        let _ = litellm::parse(&body, &[Project::Project, Project::Team], &context);
        let _ = llmgateway::parse(&body, &context);
        for encoding in [Encoding::Json, Encoding::Protobuf] {
            let _ = otlp::parse_traces(&body, encoding, &options, &context);
            let _ = otlp::parse_logs(&body, encoding, &options, &context);
            let _ = otlp::count_metrics(&body, encoding);
        }
        if let Ok(mut lines) = CsvLines::new(&body[..]) {
            let mut line = Vec::new();
            while lines.next_line(&mut line) {}
            let _ = parse_ndjson(&line, &context);
        }
    });
}

fn engine(directory: &tempfile::TempDir) -> Arc<Engine> {
    Arc::new(Engine::open(directory.path(), Arc::new(|| NOW)).unwrap())
}

#[test]
fn query_strings() {
    let directory = tempfile::tempdir().unwrap();
    let engine = engine(&directory);
    let acme = OrganizationUpdate { id: "acme".into(), ..OrganizationUpdate::default() };
    let update = DirectoryUpdate { organizations: vec![acme], ..DirectoryUpdate::default() };
    engine.change(Change::Merge(update)).unwrap().wait().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let app = App::for_one_question(engine);
    let seeds: Vec<Vec<u8>> = [
        "/analytics/activity?organizationId=acme&from=2026-06-01&to=2026-06-30&timezone=Europe/Berlin&groupBy=project,model",
        "/analytics/activity?organizationId=acme&granularity=hour&top=3&rankBy=cost&compare=previous&format=csv&model=a",
        "/analytics/members?organizationId=acme&userId=a&mode=credits&from=2025-12-31",
        "/analytics/keys/k%31?organizationId=acme&to=2026-02-29",
        "/analytics/export?organizationId=acme&format=focus-parquet&granularity=hour&from=2026-06-01&to=2026-06-30",
        "/v1/audit?limit=10&before=18446744073709551615",
    ]
    .map(|path| path.as_bytes().to_vec())
    .into();
    let words =
        ["&", "=", "%", "%FF", "%00", "9999-12-31", "0001-01-01", "-1", "99999999999999999999", "week", "month", "UTC"];
    for_a_while("query_strings", |random| {
        let path = random.mutated(&seeds, &words);
        let Ok(path) = String::from_utf8(path) else { return };
        if let Err(problem) = runtime.block_on(ask_as_operator(app.clone(), &path, &mut std::io::sink())) {
            assert!(matches!(problem.status.as_u16(), 400 | 403 | 404 | 405), "{path}: {problem:?}");
        }
    });
}

#[test]
fn records_and_blocks() {
    let member = Member {
        role: rollcall::directory::Role::Admin,
        project_ids: Some(vec!["web".into(), "é".repeat(300)]),
        former: true,
    };
    let profile = Profile { name: Some("Acme".into()), ..Organization::default().profile };
    let seeds = [record::encode(&member), record::encode(&profile), record::encode(&("tok".to_owned(), -5i64))];
    let words = ["\u{1}", "\u{0}", "\u{7f}"];
    for_a_while("records_and_blocks", |random| {
        let bytes = random.mutated(&seeds, &words);
        macro_rules! reads_back {
            ($($kind:ty),*) => {$(
                if let Ok(value) = record::decode::<$kind>(&bytes) {
                    let written = record::encode(&value);
                    let again = record::decode::<$kind>(&written).expect("what was written can be read");
                    assert_eq!(format!("{value:?}"), format!("{again:?}"));
                }
            )*};
        }
        reads_back!(Member, Profile, Token, Session, (String, i64));
        assert!(Block::parse(b"", &bytes).is_err(), "no block has such a checksum");
    });
}

#[test]
fn operations_of_a_store() {
    let prices = PriceBook::bundled();
    let context =
        Context { now: NOW, prices: &prices, token: TokenDefaults::default(), kept_since: &rollcall::ingest::for_ever };
    for_a_while("operations_of_a_store", |random| {
        let directory = tempfile::tempdir().unwrap();
        let mut store = engine(&directory);
        let (mut sent, mut accepted) = (BTreeSet::new(), 0);
        for _ in 0..20 {
            match random.below(6) {
                0 => drop(store.seal().unwrap().wait().unwrap()),
                1 => {
                    drop(store);
                    store = engine(&directory);
                }
                2 => drop(check(&store.snapshot().reader, &mut |_, _| ()).unwrap()),
                _ => {
                    // An id always has the same hour, so it counts once for ever.
                    let lines = (0..random.below(30)).map(|_| {
                        let id = random.below(200);
                        sent.insert(id);
                        format!(
                            r#"{{"id":"{id}","timestamp":"2026-0{}-{:02}T{:02}:00:00Z","organizationId":"o{}","projectId":"p","apiKeyId":"k{}","usedModel":"a/b","cost":{}}}"#,
                            1 + id % 5, 1 + id % 28, id % 24, id % 2, id % 7, id
                        )
                    });
                    let lines = lines.collect::<Vec<_>>().join("\n");
                    if let Ok(parsed) = parse_ndjson(lines.as_bytes(), &context) {
                        assert!(parsed.rejected.is_empty());
                        accepted += store.submit(parsed.batch).unwrap().wait().unwrap().accepted;
                    }
                }
            }
        }
        assert_eq!(accepted, sent.len());
        check(&store.snapshot().reader, &mut |_, _| ()).unwrap();
    });
}
