//! Files as they are: what spreadsheets and other programs write, loaded by the built binary.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;

use crate::support::{BINARY, OPERATOR, Server};
use parquet::basic::{Compression, ZstdLevel};
use parquet::data_type::{ByteArray, ByteArrayType, FixedLenByteArrayType, Int32Type, Int64Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::parser::parse_message_type;
use serde_json::{Value, json};

/// Inputs shaped like public reports of wrong figures, where they are at hand.
const REPORTS: &str = "../shared/data/reports";

fn report(file: &str) -> Option<PathBuf> {
    let path = Path::new(REPORTS).join(file);
    if !path.exists() {
        println!("left out: {} is not here", path.display());
        return None;
    }
    Some(path)
}

/// A store that files are loaded into.
struct Store(tempfile::TempDir);

impl Store {
    fn new() -> Store {
        Store(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("store")
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    fn load(&self, file: &Path, flags: &[&str]) -> Output {
        let mut command = Command::new(BINARY);
        command.arg("ingest").arg(file).args(["--organization", "acme", "--data-dir"]).arg(self.path()).args(flags);
        command.env_remove("ROLLCALL_TOKEN").output().unwrap()
    }

    /// Totals of some days, by name: requests, input, output, cost and what else is asked for.
    fn totals(&self, query: &str) -> Value {
        let server = Server::start_in(&self.path());
        server.activity(OPERATOR, query)["totals"].clone()
    }

    #[track_caller]
    fn holds(&self, query: &str, expected: &Value) {
        let totals = self.totals(query);
        for (name, value) in expected.as_object().unwrap() {
            assert_eq!(&totals[name], value, "{name} of {totals}");
        }
    }
}

#[track_caller]
fn check(output: &Output, code: i32, words: &[&str]) {
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{text}");
    for words in words {
        assert!(text.contains(words), "'{text}' does not say '{words}'");
    }
}

const NAMES: [&str; 4] = ["--set", "projectId=web", "--set", "apiKeyId=k1"];
const DAY: &str = "from=2026-11-28&to=2026-11-28";

/// 21-semicolon-csv
#[test]
fn files_with_semicolons_and_decimal_commas_are_read_as_they_are_meant() {
    for file in ["verbrauch.csv", "komma.csv"] {
        let Some(path) = report(&format!("21-semicolon-csv/{file}")) else { return };
        let store = Store::new();
        check(&store.load(&path, &NAMES), 0, &["decimal comma", "2 accepted, 0 duplicates, 0 rejected"]);
        store.holds(DAY, &json!({"inputTokens": 13500, "outputTokens": 1350, "cost": 1234.50021, "requestCount": 2}));
    }
    let store = Store::new();
    let path = report("21-semicolon-csv/tausend.csv").unwrap();
    check(&store.load(&path, &NAMES), 0, &["2 accepted"]);
    store.holds(DAY, &json!({"inputTokens": 25_025_000, "outputTokens": 2000}));
    // Two amounts that can both be either.
    let path = report("21-semicolon-csv/cost-thousands.csv").unwrap();
    let store = Store::new();
    let said = store.load(&path, &NAMES);
    let why = "(a2): column cost: '1,234' can be 1234 (--decimal point) or 1.234 (--decimal comma): say which";
    check(
        &said,
        1,
        &["line 2 (a1): column cost: '1.234' can be", "line 3", why, "0 accepted, 0 duplicates, 2 rejected"],
    );
    check(&store.load(&path, &[&NAMES[..], &["--decimal", "point"]].concat()), 0, &["2 accepted"]);
    store.holds(DAY, &json!({"cost": 1235.234}));
}

#[test]
fn a_spreadsheets_text_is_read_in_any_of_its_forms() {
    let text = "id;timestamp;usedModel;usedProvider;promptTokens;cost\r\n\
                g1;28.11.2026 10:00;gpt-5;openai;1.200;12,75\r\n\
                \r\n\
                g2;28.11.2026 23:30;Größe-7b;eigen;300;0,05\r\n\
                Summe;;;;1.500;12,80\r\n";
    let little = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
    let forms = [
        text.as_bytes().to_vec(),
        format!("\u{feff}sep=;\r\n{text}").into_bytes(),
        format!("\u{feff}{}", text.replace(';', "\t")).into_bytes(),
        [&[0xff, 0xfe][..], &little(&text.replace(';', "\t"))].concat(),
    ];
    for form in forms {
        let store = Store::new();
        let path = store.write("nutzung.csv", form);
        let said = store.load(&path, &[&NAMES[..], &["--day-zone", "Europe/Berlin"]].concat());
        check(
            &said,
            0,
            &["1 rows are totals of others", "2 times name no zone: they are in Europe/Berlin", "2 accepted"],
        );
        let day = format!("{DAY}&timezone=Europe/Berlin");
        store.holds(&day, &json!({"inputTokens": 1500, "cost": 12.8, "requestCount": 2}));
    }
    let store = Store::new();
    let path = store.write("usage.xlsx", b"PK\x03\x04rest");
    check(&store.load(&path, &[]), 2, &["usage.xlsx: it is an Excel workbook"]);
    let path = store.write("latin.csv", b"id,timestamp,usedModel,source\na,2026-11-28T10:00:00Z,m/m,Gr\xf6\xdfe\n");
    check(&store.load(&path, &NAMES), 1, &["line 2 (a): column source: the text is not UTF-8"]);
}

#[test]
fn times_are_told_apart_and_errors_quote_the_file() {
    let store = Store::new();
    let rows = [
        "1795860000",
        "1795860000123",
        "1795860000123456",
        "1795860000123456789",
        "2026-11-28 10:00:00 UTC",
        "2026-11-28T11:00:00+01:00",
        "\"Nov 28, 2026, 10:00 AM\"",
        "noon",
        "11/12/2026",
        "2026-11-28 10:00 PST",
    ];
    let rows = rows.iter().enumerate().map(|(at, time)| format!("t{at},{time},openai/gpt-5,10,0.5\n"));
    let text = format!("id,timestamp,usedModel,promptTokens,cost\n{}", rows.collect::<String>());
    let path = store.write("times.csv", text);
    let said = store.load(&path, &NAMES);
    check(
        &said,
        1,
        &[
            "line 9 (t7): column timestamp: 'noon' is no time",
            "line 10 (t8): column timestamp: '11/12/2026' can be a day of month 11 or of month 12; write YYYY-MM-DD",
            "line 11 (t9): column timestamp: '2026-11-28 10:00 PST' has the zone 'PST'",
            "7 accepted, 0 duplicates, 3 rejected",
        ],
    );
    let hour = "from=2026-11-28&to=2026-11-28&granularity=hour";
    let server = Server::start_in(&store.path());
    let hours = server.activity(OPERATOR, hour)["activity"].clone();
    assert_eq!(hours[10]["requestCount"], 7, "{hours}");
    drop(server);

    for (name, text, words) in [
        ("two.csv", "id,timestamp,usedModel,cost,cost\n", "two columns for cost"),
        ("pipes.csv", "id|timestamp|usedModel\n", "columns are separated by commas, semicolons or tabs"),
        ("euro.csv", "id,timestamp,usedModel,cost\n", ""),
    ] {
        let path = store.write(name, text);
        check(&store.load(&path, &NAMES), if words.is_empty() { 0 } else { 2 }, &[words]);
    }
    let euro = "id,timestamp,usedModel,cost\ne1,2026-11-28T10:00:00Z,openai/gpt-5,€0.50\n";
    let path = store.write("euro.csv", euro);
    check(&store.load(&path, &NAMES), 1, &["line 2 (e1): column cost: '€0.50' has '€' in it; costs are US dollars"]);
    let cut = "id,timestamp,usedModel,cost\ne1,2026-11-28T10:00:00Z,openai/gpt-5,0,50\n";
    let path = store.write("cut.csv", cut);
    check(&store.load(&path, &NAMES), 1, &["line 2 (e1): the row has 5 cells, the header 4; a value with a comma"]);
}

/// 22-day-rows
#[test]
fn rows_of_a_day_are_loaded_and_their_zone_is_said() {
    let Some(daily) = report("22-day-rows/daily.csv") else { return };
    let store = Store::new();
    let said = store.load(&daily, &[]);
    check(
        &said,
        0,
        &["read as LiteLLM's daily activity", "2 rows have a day and no time: they are of days in UTC", "2 accepted"],
    );
    check(&store.load(&daily, &["--format", "litellm-daily"]), 0, &["0 accepted, 2 duplicates"]);
    let expected = json!({"requestCount": 4, "inputTokens": 2030, "outputTokens": 205, "cost": 0.000428});
    store.holds("from=2026-11-27&to=2026-11-28", &expected);
    store.holds(DAY, &json!({"requestCount": 2, "cost": 0.00042}));
    // By hand, and in the zone of whoever made the sums.
    let store = Store::new();
    let columns = ["timestamp=Date", "projectId=Team", "usedModel=Model", "cost=Spend", "count=Requests"];
    let maps: Vec<&str> = columns.iter().flat_map(|column| ["--map", *column]).collect();
    let sets = ["--set", "apiKeyId=k", "--set", "usedProvider=openai", "--day-zone", "Pacific/Auckland"];
    check(&store.load(&daily, &[&maps[..], &sets].concat()), 0, &["days in Pacific/Auckland", "2 accepted"]);
    store.holds(&format!("{DAY}&timezone=Pacific/Auckland"), &json!({"requestCount": 2, "cost": 0.00042}));

    // Rows of JSON, once it is said that they are such.
    let store = Store::new();
    let rows = r#"[{"timestamp": "2026-11-28", "usedModel": "openai/gpt-5", "count": 7, "cost": "0.5"}]"#;
    let path = store.write("days.json", rows);
    check(&store.load(&path, &NAMES[..0]), 1, &["event 1: id is missing"]);
    let zone = [&NAMES[..], &["--day-zone", "Asia/Tokyo"]].concat();
    check(&store.load(&path, &zone), 0, &["days in Asia/Tokyo", "1 accepted"]);
    store.holds(&format!("{DAY}&timezone=Asia/Tokyo"), &json!({"requestCount": 7, "cost": 0.5}));

    let store = Store::new();
    let activity = report("22-day-rows/openrouter-activity.json").unwrap();
    check(&store.load(&activity, &["--format", "openrouter"]), 0, &["days in UTC"]);
    check(&store.load(&activity, &[]), 0, &["read as OpenRouter's activity", "0 accepted"]);
    let tokens = json!({"requestCount": 5, "inputTokens": 50, "outputTokens": 125, "reasoningTokens": 25});
    store.holds(DAY, &tokens);
    store.holds(DAY, &json!({"cost": 0.027, "creditsCost": 0.015, "apiKeysCost": 0.012}));
}

#[test]
fn sums_of_days_are_loaded_once_however_often_they_come() {
    let text = "Date,Team,Team ID,Model,Spend ($),Requests,Successful,Failed,Total Tokens\n\
                2026-11-28,Search,t1,gpt-5,1.2500,10,8,2,5000\n\
                2026-11-28,Search,t1,gpt-5-mini,0.0000,0,0,0,0\n\
                2026-11-28,Ads,t2,gpt-5,\"1,000.5000\",3,3,0,700\n\
                Total,,,,\"1,001.7500\",13,11,2,5700\n";
    let store = Store::new();
    let path = store.write("team_usage.csv", text);
    check(&store.load(&path, &[]), 0, &["1 rows are totals", "1 rows have no usage and were skipped", "3 accepted"]);
    // The same rows in another order, one of them newer: what a day was counted as stays.
    let lines: Vec<&str> = text.lines().collect();
    let again = [lines[0], lines[3], &lines[1].replace("1.2500", "1.5000")].join("\n");
    let path = store.write("again.csv", again);
    check(&store.load(&path, &[]), 0, &["0 accepted, 3 duplicates"]);
    store.holds(DAY, &json!({"requestCount": 13, "errorCount": 2, "totalTokens": 5700, "cost": 1001.75}));
}

/// 30-helicone-names, as far as it is in CSV
#[test]
fn helicones_table_has_its_costs_in_billionths_of_a_dollar() {
    let Some(table) = report("30-helicone-names/hql.csv") else { return };
    let store = Store::new();
    check(&store.load(&table, &["--format", "helicone"]), 0, &["2 accepted, 0 duplicates, 0 rejected"]);
    store.holds(DAY, &json!({"requestCount": 2, "errorCount": 1, "cost": 0.00021, "inputTokens": 2000}));
    let store = Store::new();
    let rows = report("30-helicone-names/rows.csv").unwrap();
    let said = store.load(&rows, &["--format", "helicone"]);
    check(&said, 1, &["line 3 (h2): column cost: '150000000' are no dollars for 1000000 tokens", "3 accepted"]);
    store.holds(DAY, &json!({"requestCount": 3, "errorCount": 2}));
    // OPENAI is who billed it.
    let billed = std::fs::read_to_string(report("30-helicone-names/costs.json").unwrap()).unwrap();
    let server = Server::start_in(&store.path());
    let billed = serde_json::from_str(&billed).unwrap();
    server.post("/v1/invoices?organizationId=acme&provider=openai", OPERATOR, &billed).ok();
    let question = format!("/analytics/reconciliation?organizationId=acme&provider=openai&{DAY}");
    let cost = server.get(&question, OPERATOR).ok().json()["totals"]["cost"].clone();
    assert_eq!([&cost["ours"], &cost["theirs"], &cost["gap"]], [&json!(0.15), &json!(0.15), &json!(0)], "{cost}");
}

#[test]
fn helicones_rows_of_either_kind_come_to_the_same_money() {
    let table = "request_id,request_created_at,request_model,provider,prompt_tokens,completion_tokens,cost,status\n\
                 a,2026-11-28 10:00:00.001,gpt-5,OPENAI,900,80,1925000,200\n";
    let api = r#"{"data":[{"request_id":"a","request_created_at":"2026-11-28T10:00:00.001Z","request_model":"gpt-5",
                 "provider":"OPENAI","prompt_tokens":900,"completion_tokens":80,"cost":0.001925,"response_status":200}]}"#;
    for (name, text) in [("table.csv", table), ("api.json", &api.replace('\n', ""))] {
        let store = Store::new();
        let path = store.write(name, text);
        check(&store.load(&path, &[]), 0, &["read as Helicone's requests", "1 accepted"]);
        store.holds(DAY, &json!({"requestCount": 1, "cost": 0.001925, "inputTokens": 900, "outputTokens": 80}));
    }
}

#[test]
fn cursors_usage_is_loaded_by_person() {
    let header = "Date,User,Kind,Model,Max Mode,Input (w/ Cache Write),Input (w/o Cache Write),Cache Read,Output Tokens,Total Tokens,Cost";
    let rows = "\"2026-11-28T10:00:00.250Z\",\"ada@x.org\",\"On-Demand\",\"claude-4.5-sonnet\",\"No\",\"500\",\"1000\",\"8000\",\"300\",\"9800\",\"$0.18\"\n\
                \"2026-11-28T10:01:00.250Z\",\"bob@x.org\",\"Included\",\"auto\",\"No\",\"0\",\"200\",\"0\",\"50\",\"250\",\"Included\"\n\
                \"2026-11-28T10:02:00.250Z\",\"bob@x.org\",\"Errored, No Charge\",\"auto\",\"No\",\"\",\"\",\"\",\"\",\"\",\"-\"\n";
    let store = Store::new();
    let path = store.write("usage-events.csv", format!("{header}\n{rows}"));
    check(&store.load(&path, &[]), 0, &["read as Cursor's usage", "1 costs are included in a plan", "3 accepted"]);
    check(&store.load(&path, &["--format", "cursor"]), 0, &["0 accepted, 3 duplicates"]);
    let tokens = json!({"inputTokens": 9700, "outputTokens": 350, "cachedTokens": 8000, "totalTokens": 10050});
    store.holds(DAY, &tokens);
    store.holds(DAY, &json!({"requestCount": 3, "errorCount": 1, "cost": 0.18, "activeApiKeyCount": 2}));
}

#[test]
fn what_no_model_was_called_for_is_no_request_and_its_cost_counts() {
    let header = "request_id,call_type,api_key,spend,total_tokens,prompt_tokens,completion_tokens,startTime,endTime,\
                  model,model_id,model_group,custom_llm_provider,user,metadata,cache_hit,team_id,status";
    let row = |id: &str, kind: &str, figures: &str, names: &str| {
        format!("{id},{kind},88dc,{figures},2026-11-28 10:00:00,2026-11-28 10:00:01,{names},u1,{{}},,,success\n")
    };
    let rows = [
        row("r1", "acompletion", "0.00075,150,100,50", "gpt-4o-mini,,small,openai"),
        row("r2", "afile_content", "0,0,0,0", ",,,"),
        row("r3", "call_mcp_tool", "0.01,0,0,0", "openai/MCP: add,,,"),
        row("r4", "alist_batches", "0,0,0,0", ",,,"),
    ];
    let store = Store::new();
    let path = store.write("spend.csv", format!("{header}\n{}", rows.concat()));
    // Without a team, into the project that is for what names none.
    check(&store.load(&path, &[]), 0, &["2 rows are no calls of a model", "2 accepted, 0 duplicates, 0 rejected"]);
    let server = Server::start_in(&store.path());
    let by = |group: &str| server.activity(OPERATOR, &format!("{DAY}&groupBy={group}"));
    let totals = &by("model")["totals"];
    let expected = json!({"requestCount": 1, "cost": 0.01075, "totalTokens": 150, "unpricedRequestCount": 0});
    expected.as_object().unwrap().iter().for_each(|(name, value)| assert_eq!(&totals[name], value, "{name}: {totals}"));
    let ranking = |group: &str| {
        let answer = by(group);
        let rows = answer["ranking"].as_array().unwrap().clone();
        json!(rows.iter().map(|row| json!([row["key"], row["cost"]])).collect::<Vec<_>>())
    };
    assert_eq!(ranking("model"), json!([["tool calls", 0.01], ["gpt-4o-mini", 0.00075]]));
    assert_eq!(ranking("project"), json!([["default", 0.01075]]));
}

#[test]
fn rows_of_python_may_have_nan_in_them_and_events_not() {
    let store = Store::new();
    let row = |id: &str, output: &str| {
        format!(
            r#"{{"id":"{id}","timestamp":"2026-06-01T10:00:00Z","usedModel":"openai/gpt-4o-mini","apiKeyId":"k","promptTokens":3000,"completionTokens":{output}}}"#
        )
    };
    let array = format!("[{},\n{}]", row("a", "NaN"), row("b", "100"));
    let file = store.write("array.json", &array);
    check(&store.load(&file, &["--set", "projectId=p"]), 0, &["2 accepted, 0 duplicates, 0 rejected"]);
    let file = store.write("lines.jsonl", format!("{}\n", row("c", "NaN")));
    check(&store.load(&file, &["--set", "projectId=p"]), 0, &["1 accepted, 0 duplicates, 0 rejected"]);
    check(&store.load(&file, &[]), 1, &["0 accepted, 0 duplicates, 1 rejected"]);
    let file = store.write("events.json", &array);
    check(&store.load(&file, &[]), 2, &["expected value at line 1"]);
    // 3,000 at 0.15 and 100 at 0.60 USD a million.
    let expected = json!({"requestCount": 3, "inputTokens": 9000, "outputTokens": 100, "unpricedRequestCount": 2, "cost": 0.00051});
    store.holds("from=2026-06-01&to=2026-06-01", &expected);
}

#[test]
fn exports_of_calls_without_a_project_go_to_the_default_one() {
    let gateway = "id,created_at,api_key_id,used_model,used_provider,prompt_tokens,completion_tokens,cost\n\
                   l1,2026-11-28T10:00:00Z,k1,gpt-4o-mini,openai,100,50,0.001\n\
                   l2,2026-11-28T10:00:00Z,,gpt-4o-mini,openai,100,50,0.001\n";
    let langfuse = r#"{"id":"o1","type":"GENERATION","start_time":"2026-11-28 10:00:00","total_cost":0.001,"level":"DEFAULT",
        "provided_model_name":"openai/gpt-4o-mini","usage_details":{"input":100,"output":50}}"#;
    for (name, text, flags, keys) in [
        ("log.csv", gateway, &[][..], json!(["k1", "llmgateway"])),
        ("observations.json", langfuse, &["--set", "apiKeyId=k1"], json!(["k1"])),
    ] {
        let store = Store::new();
        let path = store.write(name, text);
        check(&store.load(&path, flags), 0, &["0 duplicates, 0 rejected"]);
        let server = Server::start_in(&store.path());
        let ranking = |group: &str| {
            let answer = server.activity(OPERATOR, &format!("{DAY}&groupBy={group}"));
            let of = |row: &Value| row["key"].as_str().unwrap().to_owned();
            let mut keys: Vec<String> = answer["ranking"].as_array().unwrap().iter().map(of).collect();
            keys.sort_unstable();
            json!(keys)
        };
        assert_eq!((ranking("project"), ranking("apiKey")), (json!(["default"]), keys), "{name}");
    }
}

/// Langfuse's observations as ClickHouse writes them in Parquet: each column's values, and of the map
/// the levels.
fn observations_in_parquet() -> Vec<u8> {
    let schema = parse_message_type(
        "message schema {
            required binary id (STRING);
            required binary type (STRING);
            required int64 start_time (TIMESTAMP(MILLIS, true));
            optional int64 completion_start_time (TIMESTAMP(NANOS, false));
            optional binary input (STRING);
            optional binary provided_model_name (STRING);
            required group usage_details (MAP) {
                repeated group key_value {
                    required binary key (STRING);
                    required int64 value (INTEGER(64, false));
                }
            }
            optional fixed_len_byte_array(8) total_cost (DECIMAL(18, 12));
            required int32 prompt_version (DECIMAL(9, 0));
        }",
    );
    let texts = |texts: &[&str]| texts.iter().map(|text| ByteArray::from(*text)).collect::<Vec<_>>();
    let properties = WriterProperties::builder().set_compression(Compression::ZSTD(ZstdLevel::default())).build();
    let mut writer = SerializedFileWriter::new(Vec::new(), Arc::new(schema.unwrap()), Arc::new(properties)).unwrap();
    let mut group = writer.next_row_group().unwrap();
    let mut column = |write: &mut dyn FnMut(&mut SerializedColumnWriter<'_>) -> usize| {
        let mut next = group.next_column().unwrap().unwrap();
        write(&mut next);
        next.close().unwrap();
    };
    // The second is no call.
    let at = 1_795_860_000_123; // 2026-11-28T10:00:00.123Z
    let cost = ByteArray::from(123_456_789_012i64.to_be_bytes().to_vec());
    column(&mut |c| c.typed::<ByteArrayType>().write_batch(&texts(&["o1", "o2"]), None, None).unwrap());
    column(&mut |c| c.typed::<ByteArrayType>().write_batch(&texts(&["GENERATION", "SPAN"]), None, None).unwrap());
    column(&mut |c| c.typed::<Int64Type>().write_batch(&[at, at], None, None).unwrap());
    column(&mut |c| c.typed::<Int64Type>().write_batch(&[at * 1_000_000], Some(&[1, 0]), None).unwrap());
    column(&mut |c| {
        c.typed::<ByteArrayType>().write_batch(&texts(&["SECRET", "SECRET"]), Some(&[1, 1]), None).unwrap()
    });
    column(&mut |c| c.typed::<ByteArrayType>().write_batch(&texts(&["gpt-4o"]), Some(&[1, 0]), None).unwrap());
    let (defined, repeated) = ([1, 1, 1, 0], [0, 1, 1, 0]);
    let kinds = texts(&["input", "input_cached_tokens", "output"]);
    column(&mut |c| c.typed::<ByteArrayType>().write_batch(&kinds, Some(&defined), Some(&repeated)).unwrap());
    column(&mut |c| c.typed::<Int64Type>().write_batch(&[100, 30, 50], Some(&defined), Some(&repeated)).unwrap());
    column(&mut |c| {
        c.typed::<FixedLenByteArrayType>().write_batch(&[cost.clone().into()], Some(&[1, 0]), None).unwrap()
    });
    column(&mut |c| c.typed::<Int32Type>().write_batch(&[3, 4], None, None).unwrap());
    group.close().unwrap();
    writer.into_inner().unwrap()
}

#[test]
fn a_table_in_parquet_is_read_with_every_digit() {
    let store = Store::new();
    let path = store.write("observations.parquet", observations_in_parquet());
    let flags = ["--format", "langfuse", "--set", "apiKeyId=k1", "--set", "usedProvider=openai"];
    check(&store.load(&path, &flags), 0, &["1 rows are no calls", "1 accepted, 0 duplicates, 0 rejected"]);
    check(&store.load(&path, &flags), 0, &["0 accepted, 1 duplicates"]);
    let expected = json!({"requestCount": 1, "inputTokens": 130, "cachedTokens": 30, "outputTokens": 50,
                          "cost": "0.123456789012"});
    store.holds(&format!("{DAY}&decimals=string"), &expected);
    // Its end is read first, and a pipe has none to go to.
    let mut command = Command::new(BINARY);
    command.args(["ingest", "-", "--organization", "acme", "--data-dir"]).arg(store.path());
    let piped = command.stdin(std::fs::File::open(&path).unwrap()).output().unwrap();
    check(&piped, 2, &["it is Parquet", "name the file"]);
    let cut = store.write("cut.parquet", &observations_in_parquet()[..200]);
    check(&store.load(&cut, &flags), 2, &["cut.parquet: Parquet error"]);
}

#[test]
fn rows_that_fail_at_a_cell_are_in_the_intake_of_the_organization_they_name() {
    let text = "id,timestamp,organizationId,projectId,apiKeyId,usedModel,cached\n\
                a,2026-11-28T10:00:00Z,acme,web,k,openai/gpt-4o-mini,false\n\
                b,2026-11-28T10:00:00Z,acme,web,k,openai/gpt-4o-mini,maybe\n";
    let store = Store::new();
    let path = store.write("events.csv", text);
    let mut command = Command::new(BINARY);
    command.arg("ingest").arg(&path).arg("--data-dir").arg(store.path());
    check(&command.output().unwrap(), 1, &["line 3 (b): column cached: 'maybe' is neither true nor false"]);
    let server = Server::start_in(&store.path());
    let intake = server.get("/v1/intake?organizationId=acme", OPERATOR).ok().json();
    let of = |line: &Value| (line["result"].clone(), line["count"].clone());
    let mut found: Vec<_> = intake["intake"].as_array().unwrap().iter().map(of).collect();
    found.sort_by_key(|(result, _)| result.to_string());
    assert_eq!(found, [(json!("counted"), json!(1)), (json!("rejected"), json!(1))], "{intake}");
}
