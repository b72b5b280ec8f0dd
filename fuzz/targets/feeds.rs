//! Bodies of every feed and pages of invoices: whatever they are, nothing panics, and an object on one line means the
//! same as JSON and as NDJSON.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use rollcall::ingest::formats::FORMATS;
use rollcall::ingest::litellm::Project;
use rollcall::ingest::mapping::{CsvRows, JsonRows, Mapping};
use rollcall::ingest::otlp::{self, Encoding, Options};
use rollcall::ingest::transcripts::{self, Client, Session, Whose};
use rollcall::ingest::{
    BodyError, Context, Parsed, TokenDefaults, for_ever, invoice, litellm, llmgateway, parse_json, parse_ndjson,
};
use rollcall::model::Biller;
use rollcall::pricing::PriceBook;

/// 2026-06-10T12:00:00Z
const NOW: i64 = 1_781_092_800_000;

static PRICES: LazyLock<PriceBook> = LazyLock::new(PriceBook::bundled);

/// What was read, in a form that can be compared.
fn read(parsed: Result<Parsed, BodyError>) -> String {
    match parsed {
        Ok(parsed) => format!("{:?} {:?} {:?}", parsed.batch.events, parsed.batch.combinations, parsed.rejected),
        Err(error) => error.to_string(),
    }
}

fuzz_target!(|body: &[u8]| {
    let context = Context { now: NOW, prices: &PRICES, token: TokenDefaults::default(), kept_since: &for_ever };
    let (json, ndjson) = (parse_json(body, &context), parse_ndjson(body, &context));
    if json.is_ok() && body.trim_ascii_start().starts_with(b"{") && !body.contains(&b'\n') {
        assert_eq!(read(json), read(ndjson));
    }
    let _ = litellm::parse(body, &[Project::Project, Project::Team], &context);
    let _ = llmgateway::parse(body, &context);
    let options = Options { projects: vec!["team.id".into()], key_by_person: true };
    for encoding in [Encoding::Json, Encoding::Protobuf] {
        let _ = otlp::parse_traces(body, encoding, &options, &context);
        let _ = otlp::parse_logs(body, encoding, &options, &context);
        let _ = otlp::parse_metrics(body, encoding, &context);
    }
    let _ = transcripts::parse(body, true, &context);
    for client in Client::ALL {
        let mut session = Session::new(client, "/projects/-home-kim-shop/chats/session.jsonl");
        let taken = session.read(body);
        session.read_rest(&body[taken..]);
        let mut lines = Vec::new();
        let calls = transcripts::calls([&session].into_iter()).calls;
        calls.iter().for_each(|(_, told)| transcripts::write(client, told, &Whose::default(), &mut lines));
        if let Ok(read) = transcripts::parse(&lines, true, &context) {
            assert_eq!(read.parsed.batch.events.len() + read.parsed.rejected.len(), calls.len());
        }
    }
    for (_, biller) in Biller::ALL {
        let _ = invoice::parse(body, biller);
    }
    for mapping in FORMATS.iter().map(Mapping::of_format).chain([Mapping::default()]) {
        for is_array in [false, true] {
            if let Ok(made) = JsonRows::new(mapping.clone()).rewrite(body, is_array) {
                assert_eq!(made.lines.iter().filter(|byte| **byte == b'\n').count(), made.numbers.len());
                let _ = parse_ndjson(&made.lines, &context);
            }
        }
        if let Ok(mut rows) = CsvRows::open(body, mapping) {
            let _ = parse_ndjson(&rows.next_rows(usize::MAX).lines, &context);
        }
    }
});
