//! Exports: the same rows whatever the format, wherever they are written, and in all they add up to the answers.

use std::collections::BTreeSet;
use std::fs::File;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use crate::support::{BINARY, OPERATOR, Server, event};
use parquet::data_type::Decimal;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;
use rollcall::calendar::{Date, rfc3339_utc};
use rollcall::engine::PARTIAL_FILE;
use rollcall::model::PicoUsd;
use serde_json::{Value, json};

/// The columns that FOCUS 1.2 wants in every file, in its order.
const MANDATORY: [&str; 21] = [
    "BilledCost",
    "BillingAccountId",
    "BillingAccountName",
    "BillingCurrency",
    "BillingPeriodEnd",
    "BillingPeriodStart",
    "ChargeCategory",
    "ChargeClass",
    "ChargeDescription",
    "ChargePeriodEnd",
    "ChargePeriodStart",
    "ContractedCost",
    "EffectiveCost",
    "InvoiceIssuerName",
    "ListCost",
    "PricingQuantity",
    "PricingUnit",
    "ProviderName",
    "PublisherName",
    "ServiceCategory",
    "ServiceName",
];

fn with_usage() -> (Server, tempfile::TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start_in(directory.path());
    let entries = json!({
        "organizations": [{"id": "acme", "name": "Acme, Inc."}, {"id": "idle"}],
        "projects": [{"id": "web", "organizationId": "acme", "name": "Website"}],
        "users": [{"id": "ada", "name": "Ada \"A\" Lovelace"}],
        "members": [{"organizationId": "acme", "userId": "ada", "role": "owner"}],
        "apiKeys": [{"id": "k1", "organizationId": "acme", "projectId": "web", "createdBy": "ada",
                     "description": "=1+1"}],
    });
    server.put("/v1/directory", OPERATOR, &entries).ok();
    let more = json!({"apiKeyId": "k2", "usedMode": "api-keys", "source": "shop", "cost": "0.000000000001",
                      "usedModel": "anthropic/claude", "cachedTokens": 7, "finishReason": "client_error"});
    let mut unpriced = event("f", "2026-06-02T23:59:59.999Z", &json!({"usedModel": "nobody/knows-it", "count": 3}));
    unpriced.as_object_mut().unwrap().remove("cost");
    let events = json!([
        event("a", "2026-05-31T23:30:00Z", &json!({})),
        event("b", "2026-06-01T10:00:00Z", &json!({"cost": "9999999.123456789012"})),
        event("c", "2026-06-01T10:30:00Z", &json!({"cost": "9999999.123456789012"})),
        event("d", "2026-06-01T10:00:00Z", &more),
        event("e", "2026-06-02T10:00:00Z", &more),
        unpriced,
    ]);
    assert_eq!(server.send_events(OPERATOR, &events)["accepted"], 6);
    (server, directory)
}

/// Runs `rollcall export` into a file.
fn run(data_dir: &Path, organization: &str, format: &str, more: &[&str]) -> (Output, PathBuf) {
    let output = data_dir.join("exported");
    let mut command = Command::new(BINARY);
    command.args(["export", "--organization", organization, "--format", format, "--data-dir"]).arg(data_dir);
    command.arg("--output").arg(&output).args(more).env("ROLLCALL_TOKEN", OPERATOR);
    (command.output().unwrap(), output)
}

/// The file that `rollcall export` makes of June 2026.
fn export(data_dir: &Path, format: &str, more: &[&str]) -> Vec<u8> {
    let june = ["--from", "2026-06-01", "--to", "2026-06-30"];
    let (ran, output) = run(data_dir, "acme", format, &[&june, more].concat());
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    assert_eq!(output.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    std::fs::read(output).unwrap()
}

fn rows_of_csv(bytes: &[u8]) -> Vec<Vec<String>> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(bytes);
    reader.records().map(|record| record.unwrap().iter().map(str::to_owned).collect()).collect()
}

/// The rows of a Parquet file as CSV would have them, the header first.
fn rows_of_parquet(bytes: &[u8]) -> Vec<Vec<String>> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("read.parquet");
    std::fs::write(&path, bytes).unwrap();
    let reader = SerializedFileReader::new(File::open(path).unwrap()).unwrap();
    let mut rows = Vec::new();
    for row in reader {
        let (names, values): (Vec<_>, Vec<_>) =
            row.unwrap().get_column_iter().map(|(name, field)| (name.clone(), text_of(field))).unzip();
        if rows.is_empty() {
            rows.push(names);
        }
        rows.push(values);
    }
    rows
}

fn text_of(field: &Field) -> String {
    match field {
        Field::Null => String::new(),
        Field::Str(text) => text.clone(),
        Field::Long(count) => count.to_string(),
        Field::TimestampMillis(at) => rfc3339_utc(*at),
        Field::Date(days) => Date::from_ymd(1970, 1, 1).unwrap().plus_days(i64::from(*days)).to_string(),
        Field::Decimal(Decimal::Bytes { value, precision: 38, scale: 12 }) => {
            PicoUsd(i128::from_be_bytes(value.data().try_into().unwrap())).to_string()
        }
        other => panic!("no column has such a value: {other:?}"),
    }
}

/// The values of a column.
fn column<'a>(rows: &'a [Vec<String>], name: &str) -> Vec<&'a str> {
    let at = rows[0].iter().position(|header| header == name).unwrap_or_else(|| panic!("no column {name}"));
    rows[1..].iter().map(|row| row[at].as_str()).collect()
}

fn sum_of_counts(rows: &[Vec<String>], name: &str) -> u64 {
    column(rows, name).iter().map(|text| text.parse::<u64>().unwrap()).sum()
}

fn sum_of_costs(rows: &[Vec<String>], name: &str) -> PicoUsd {
    PicoUsd(column(rows, name).iter().map(|text| PicoUsd::parse_sum(text).unwrap().0).sum())
}

#[test]
fn rows_are_the_same_in_every_format_from_server_and_files() {
    let (mut server, directory) = with_usage();
    let of_server = ["csv", "parquet", "focus", "focus-parquet"].map(|format| export(directory.path(), format, &[]));
    server.terminate();
    let of_files = ["csv", "parquet", "focus", "focus-parquet"].map(|format| export(directory.path(), format, &[]));
    assert_eq!(of_server, of_files);
    for [csv, parquet] in [[0, 1], [2, 3]] {
        let rows = rows_of_csv(&of_server[csv]);
        assert_eq!(rows.len(), 5, "four series have usage in June, one of them on two days, less the one of May");
        let unguarded: Vec<Vec<String>> = rows.iter().map(|row| row.iter().map(|text| plain(text)).collect()).collect();
        assert_eq!(rows_of_parquet(&of_server[parquet]), unguarded, "only CSV guards against formulas");
        assert_ne!(rows, unguarded);
    }
}

/// A cell of CSV without what is there for spreadsheets and for readers that guess what a column is.
fn plain(cell: &str) -> String {
    let cell = cell.replace("'=1+1", "=1+1");
    cell.strip_suffix(".0").unwrap_or(&cell).to_owned()
}

#[test]
fn an_export_adds_up_to_the_activity_to_the_last_digit() {
    let (server, directory) = with_usage();
    let answer = server.get(
        "/analytics/activity?organizationId=acme&from=2026-06-01&to=2026-06-30&groupBy=none&timezone=Asia/Kathmandu",
        OPERATOR,
    );
    let totals = answer.ok().json()["totals"].clone();
    for granularity in ["hour", "day", "month"] {
        let more = ["--timezone", "Asia/Kathmandu", "--granularity", granularity];
        let rows = rows_of_csv(&export(directory.path(), "csv", &more));
        for name in [
            "requestCount",
            "totalTokens",
            "inputTokens",
            "outputTokens",
            "cachedTokens",
            "reasoningTokens",
            "errorCount",
            "clientErrorCount",
            "cacheCount",
            "unpricedRequestCount",
        ] {
            assert_eq!(sum_of_counts(&rows, name), totals[name].as_u64().unwrap(), "{name} by {granularity}");
        }
        assert_eq!(sum_of_costs(&rows, "cost").to_string(), "19999998.496913578026");
        let users: BTreeSet<&str> = column(&rows, "userId").into_iter().collect();
        assert_eq!(users, BTreeSet::from(["", "ada"]), "nobody is known to have made k2");
    }
    let text = server.get("/analytics/activity?organizationId=acme&from=2026-06-01&to=2026-06-30", OPERATOR).ok().text;
    assert!(text.contains("\"cost\":19999998.246913578026"), "{text}");
}

#[test]
fn a_file_of_several_row_groups_has_every_row() {
    let directory = tempfile::tempdir().unwrap();
    let (file, store) = (directory.path().join("events.ndjson"), directory.path().join("store"));
    let mut events = String::new();
    for day in 1..=30 {
        for key in 0..2200 {
            let more = json!({"apiKeyId": format!("k{key}"), "cost": format!("0.{key:04}{day:02}")});
            events += &event(&format!("{day}-{key}"), &format!("2026-06-{day:02}T12:00:00Z"), &more).to_string();
            events += "\n";
        }
    }
    std::fs::write(&file, events).unwrap();
    let loaded = Command::new(BINARY).arg("ingest").arg(&file).arg("--data-dir").arg(&store).output().unwrap();
    assert!(loaded.status.success());
    let parquet = export(&store, "parquet", &[]);
    assert_eq!(rows_of_parquet(&parquet), rows_of_csv(&export(&store, "csv", &[])));
    let reader = SerializedFileReader::new(File::open(store.join("exported")).unwrap());
    assert!(reader.is_err(), "the CSV has taken its place");
    std::fs::write(&file, parquet).unwrap();
    let metadata = SerializedFileReader::new(File::open(&file).unwrap()).unwrap().metadata().clone();
    let groups: Vec<i64> = metadata.row_groups().iter().map(|group| group.num_rows()).collect();
    assert_eq!(groups, [65_536, 30 * 2200 - 65_536]);
}

#[test]
fn focus_files_have_what_the_specification_wants() {
    let (_server, directory) = with_usage();
    let rows = rows_of_csv(&export(directory.path(), "focus", &["--timezone", "Europe/Paris"]));
    let header: BTreeSet<&str> = rows[0].iter().map(String::as_str).collect();
    assert_eq!(header.len(), rows[0].len(), "no column twice");
    for name in MANDATORY {
        assert!(header.contains(name), "{name}");
        // A charge is no correction of another.
        let empty = column(&rows, name).iter().any(|value| value.is_empty());
        assert_eq!(empty, name == "ChargeClass", "{name}");
    }
    for name in ["BilledCost", "EffectiveCost", "ListCost", "ContractedCost"] {
        assert_eq!(sum_of_costs(&rows, name).to_string(), "19999998.496913578026", "{name}");
    }
    assert_eq!(sum_of_counts(&rows, "x_RequestCount"), 8);
    assert_eq!(sum_of_counts(&rows, "x_UnpricedRequestCount"), 3);
    let first = |name| column(&rows, name)[0];
    // The last half hour of May in UTC is June in Paris.
    for (name, value) in [
        ("BillingAccountName", "Acme, Inc."),
        ("SubAccountName", "Website"),
        ("BillingPeriodStart", "2026-05-31T22:00:00Z"),
        ("BillingPeriodEnd", "2026-06-30T22:00:00Z"),
        ("ChargePeriodStart", "2026-05-31T22:00:00Z"),
        ("ChargePeriodEnd", "2026-06-01T22:00:00Z"),
        ("SkuId", "gpt-4o"),
        ("ServiceName", "openai"),
        ("ResourceId", "k1"),
    ] {
        assert_eq!(first(name), value, "{name}");
    }
    let tags: Vec<Value> = column(&rows, "Tags").iter().map(|tags| serde_json::from_str(tags).unwrap()).collect();
    assert_eq!(tags[0], json!({"rollcall/mode": "credits", "rollcall/costSource": "reported", "rollcall/user": "ada"}));
    let shop = json!({"rollcall/mode": "api-keys", "rollcall/costSource": "reported", "rollcall/app": "shop"});
    assert!(tags.contains(&shop));
    let unpriced = tags.iter().filter(|tags| tags["rollcall/costSource"] == "unpriced");
    assert_eq!(unpriced.count(), 1);
}

#[test]
fn a_version_of_focus_has_its_own_columns() {
    let (server, directory) = with_usage();
    let header = |version: &[&str], format: &str| -> BTreeSet<String> {
        let file = export(directory.path(), format, version);
        let rows = if format == "focus" { rows_of_csv(&file) } else { rows_of_parquet(&file) };
        rows[0].iter().cloned().collect()
    };
    let [old, new] = [["ProviderName", "PublisherName"], ["HostProviderName", "ServiceProviderName"]];
    for (version, has_old, has_new) in
        [(None, true, false), (Some("1.2"), true, false), (Some("1.3"), true, true), (Some("1.4"), false, true)]
    {
        for format in ["focus", "focus-parquet"] {
            let flag: Vec<&str> = version.map(|version| vec!["--focus-version", version]).unwrap_or_default();
            let names = header(&flag, format);
            assert!(old.iter().all(|name| names.contains(*name) == has_old), "{version:?} {format}");
            assert!(new.iter().all(|name| names.contains(*name) == has_new), "{version:?} {format}");
            assert!(names.contains("InvoiceId") && names.contains("Tags"));
        }
    }
    let ask = |query: &str| server.get(&format!("/analytics/export?organizationId=acme&{query}"), OPERATOR);
    ask("format=focus&focusVersion=1.1").is_problem(400, "focusVersion is '1.1'; allowed: 1.2, 1.3, 1.4");
    ask("focusVersion=1.3").is_problem(400, "focusVersion is given, but format is neither");
    // A column of whole numbers would be taken for one of integers.
    let rows = rows_of_csv(&export(directory.path(), "focus", &[]));
    for name in ["PricingQuantity", "ConsumedQuantity", "BilledCost", "ListCost"] {
        assert!(column(&rows, name).iter().all(|value| value.contains('.')), "{name}");
    }
    assert!(column(&rows, "x_RequestCount").iter().all(|value| !value.contains('.')));
    let marked = export(directory.path(), "focus", &["--csv-bom"]);
    assert!(marked.starts_with(b"\xef\xbb\xbfBilledCost"));
}

#[test]
fn an_organization_without_usage_has_a_file_without_rows() {
    let (server, directory) = with_usage();
    let rows = rows_of_csv(server.get("/analytics/export?organizationId=idle", OPERATOR).ok().text.as_bytes());
    assert_eq!(rows.len(), 1);
    let (ran, path) = run(directory.path(), "idle", "parquet", &[]);
    assert!(ran.status.success());
    assert_eq!(SerializedFileReader::new(File::open(path).unwrap()).unwrap().into_iter().count(), 0);
}

#[test]
fn what_cannot_be_exported_says_why_and_leaves_no_file() {
    let (server, directory) = with_usage();
    for (query, status, words) in [
        ("organizationId=acme&format=xml", 400, "format is 'xml'; allowed: csv, parquet, focus, focus-parquet"),
        ("organizationId=acme&granularity=week", 400, "granularity is 'week'; allowed: hour, day, month"),
        ("organizationId=acme&from=2025-01-01&to=2026-06-01", 400, "at most 366 days at day granularity"),
        ("organizationId=nobody", 404, "no organization 'nobody'"),
        ("format=csv", 400, "organizationId is missing"),
    ] {
        server.get(&format!("/analytics/export?{query}"), OPERATOR).is_problem(status, words);
    }
    let (ran, path) = run(directory.path(), "nobody", "csv", &[]);
    assert_eq!(ran.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&ran.stderr).contains("no organization 'nobody'"));
    assert!(!path.exists());
}

#[test]
fn an_export_that_is_interrupted_leaves_what_was_there_and_no_other_file() {
    let directory = tempfile::tempdir().unwrap();
    let output = directory.path().join("june.csv");
    std::fs::write(&output, "of yesterday").unwrap();
    // It takes the connection and never answers.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let mut command = Command::new(BINARY);
    command.args(["export", "--organization", "acme", "--url", &url, "--token", OPERATOR, "--output"]).arg(&output);
    let mut child = command.stderr(Stdio::null()).spawn().unwrap();
    let deadline = Instant::now() + Duration::from_secs(60);
    while !directory.path().join(PARTIAL_FILE).exists() {
        assert!(Instant::now() < deadline && child.try_wait().unwrap().is_none());
        std::thread::yield_now();
    }
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(2));
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
    assert_eq!(std::fs::read_to_string(&output).unwrap(), "of yesterday");
}
