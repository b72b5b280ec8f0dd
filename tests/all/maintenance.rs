//! Keeping a store: backup, restore, verify and compact, as the built binary.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::support::ledger::repricing;
use crate::support::{BINARY, OPERATOR, Server, event};
use redb::{AccessGuard, Database, ReadableDatabase, ReadableTable, StorageError, TableDefinition};
use rollcall::calendar::rfc3339_utc;
use rollcall::engine::{Engine, Note, PARTIAL_FILE};
use rollcall::ingest::{Context, TokenDefaults, parse_ndjson};
use rollcall::model::{
    Batch, BilledDay, BilledLine, Biller, Fingerprint, HOUR_MS, Invoice, KeptSpan, Observed, Period, PicoUsd, Report,
    Reread, SpanHashes, UnixMs,
};
use rollcall::pricing::PriceBook;
use rollcall::store::DecisionEntry;
use serde_json::{Value, json};

const STORE_FILE: &str = "rollcall.redb";
/// The 32 days from 2025-03-13 on.
const PERIOD: Period = Period(630);
const DEADLINE: Duration = Duration::from_secs(60);

fn rollcall(arguments: &[&str]) -> Output {
    Command::new(BINARY).args(arguments).env_remove("ROLLCALL_TOKEN").stdin(Stdio::null()).output().unwrap()
}

#[track_caller]
fn check(output: &Output, code: i32, words: &str) {
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{text}");
    assert!(text.contains(words), "'{text}' does not say '{words}'");
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn names_in(directory: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Usage of a whole period in every hour, some of it in parts of hours, by values that are often and rarely used.
fn lines() -> String {
    let mut lines = String::new();
    let start = PERIOD.first_day().start_ms();
    for hour in 0..32 * 24 {
        for key in 0..6 {
            // Minute 40 comes after every quarter hour at which some day begins.
            for (part, minute) in [(0, 0), (1, 40)].into_iter().take(if key == 0 { 2 } else { 1 }) {
                let extra = json!({
                    "apiKeyId": format!("key-{key}"), "projectId": format!("project-{}", key % 2),
                    "usedModel": if hour % 97 == 3 { "x/rare" } else { "x/often" }, "cost": format!("0.00{key}{hour}"),
                    "usedMode": if key % 3 == 0 { "api-keys" } else { "credits" },
                });
                let time = start + hour * HOUR_MS + minute * 60_000;
                lines += &format!("{}\n", event(&format!("{key}-{hour}-{part}"), &rfc3339_utc(time), &extra));
            }
        }
    }
    lines
}

/// Makes a store with something in every table.
fn fill(directory: &Path) {
    let prices = PriceBook::bundled();
    let clock = Arc::new(AtomicI64::new(PERIOD.next().first_day().start_ms() + 2 * HOUR_MS));
    let now = || -> UnixMs { clock.load(Ordering::Relaxed) };
    let of_engine = clock.clone();
    let engine = Engine::open(directory, Arc::new(move || of_engine.load(Ordering::Relaxed))).unwrap();
    let send_traced = |lines: &str, spans: BTreeMap<String, Vec<KeptSpan>>| {
        let context = Context {
            now: now(),
            prices: &prices,
            token: TokenDefaults::default(),
            kept_since: &rollcall::ingest::for_ever,
        };
        let parsed = parse_ndjson(lines.as_bytes(), &context).unwrap();
        assert!(parsed.rejected.is_empty(), "{:?}", parsed.rejected.first());
        let reread = Some(Reread(Arc::new(|_| None)));
        engine.submit(Batch { spans, reread, ..parsed.batch }).unwrap().wait().unwrap();
    };
    let send = |lines: &str| send_traced(lines, BTreeMap::new());
    send(&lines());
    let inside = event("inside", &rfc3339_utc(PERIOD.first_day().start_ms()), &json!({"organizationId": "other"}));
    let unpriced = json!({"organizationId": "other", "usedModel": "x/unpriced", "cost": null});
    send(&format!("{}\n", event("unpriced", &rfc3339_utc(PERIOD.first_day().start_ms()), &unpriced)));
    let incomplete = json!({"usedModel": "x/often", "promptTokens": null, "completionTokens": null});
    send(&format!("{}\n", event("incomplete", &rfc3339_utc(PERIOD.first_day().start_ms()), &incomplete)));
    engine.reprice(&repricing(PERIOD.first_day()..=PERIOD.first_day(), false), false, &mut |_, _| ()).unwrap();
    // Sixty hours later these ids are old, and what comes then is of a day that is not over.
    clock.fetch_add(60 * HOUR_MS, Ordering::Relaxed);
    send(&format!("{}\n", event("late", &rfc3339_utc(now()), &json!({}))));
    let told = b"what it told".to_vec();
    let hashes = SpanHashes::of([2], [3], [4], [5], []);
    let span = KeptSpan { id: Fingerprint::of("inside"), hashes, observed: Observed::default(), told };
    send_traced(&format!("{inside}\n"), BTreeMap::from([("other".to_owned(), vec![span])]));
    let line = BilledLine { cost: PicoUsd(1), ..BilledLine::default() };
    let days = vec![BilledDay { report: Report::Costs, day: PERIOD.first_day(), lines: vec![line] }];
    let invoice = Invoice { organization_id: "acme".into(), biller: Biller::OpenAi, days };
    engine.import_invoice(invoice, Note::new("test", "invoice-import")).unwrap().wait().unwrap();
    let refused = DecisionEntry {
        at: now(),
        last_at: now(),
        times: 1,
        decision_id: "dec_1".into(),
        is_allowed: false,
        api_key_id: "key-1".into(),
        user_id: None,
        project_id: None,
        model: None,
        provider: None,
        reasons: Vec::new(),
    };
    engine.note_decision("acme", refused);
    engine.write_decisions().unwrap().unwrap().wait().unwrap();
    engine.seal().unwrap().wait().unwrap();
}

fn filled() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    fill(directory.path());
    directory
}

fn table(name: &str) -> TableDefinition<'_, &'static [u8], &'static [u8]> {
    TableDefinition::new(name)
}

type Entries = Vec<(Vec<u8>, Vec<u8>)>;
type Read<'a> = Result<(AccessGuard<'a, &'static [u8]>, AccessGuard<'a, &'static [u8]>), StorageError>;

/// Changes entries of one table behind the store's back.
fn change(store: &Path, name: &str, change: impl FnOnce(&mut Entries)) {
    let database = Database::open(store.join(STORE_FILE)).unwrap();
    let read = |entry: Read<'_>| {
        let (key, value) = entry.unwrap();
        (key.value().to_vec(), value.value().to_vec())
    };
    let mut entries: Entries =
        database.begin_read().unwrap().open_table(table(name)).unwrap().iter().unwrap().map(read).collect();
    assert!(!entries.is_empty(), "{name} has entries");
    change(&mut entries);
    let mut transaction = database.begin_write().unwrap();
    transaction.set_quick_repair(true);
    {
        let mut table = transaction.open_table(table(name)).unwrap();
        table.retain(|_, _| false).unwrap();
        for (key, value) in &entries {
            table.insert(&key[..], &value[..]).unwrap();
        }
    }
    transaction.commit().unwrap();
}

/// Makes the checksum of a block right again: of its content and its key.
fn sign((key, block): &mut (Vec<u8>, Vec<u8>)) {
    let sum = |bytes: &[u8]| twox_hash::XxHash3_64::oneshot(bytes) as u32;
    let both = sum(&block[5..]) ^ sum(key);
    block[1..5].copy_from_slice(&both.to_le_bytes());
}

/// The last byte of a block's body.
fn last_byte(block: &mut [u8]) -> &mut u8 {
    let at = block.len() - 17;
    &mut block[at]
}

#[test]
fn a_changed_byte_is_found_in_every_table() {
    let original = filled();
    check(&rollcall(&["verify", "--data-dir", text(original.path())]), 0, "all is right");
    let checked = |name: &str, at: fn(&[u8]) -> usize, code: i32, words: &str| {
        let copy = tempfile::tempdir().unwrap();
        fs::copy(original.path().join(STORE_FILE), copy.path().join(STORE_FILE)).unwrap();
        change(copy.path(), name, |entries| {
            let value = &mut entries.iter_mut().max_by_key(|(_, value)| value.len()).unwrap().1;
            let at = at(value);
            value[at] ^= 0x80;
        });
        let before = fs::read(copy.path().join(STORE_FILE)).unwrap();
        let output = rollcall(&["verify", "--data-dir", text(copy.path())]);
        check(&output, code, words);
        if code == 1 {
            check(&output, code, "rollcall restore");
        }
        assert!(fs::read(copy.path().join(STORE_FILE)).unwrap() == before, "a check changes nothing");
    };
    let middle = |value: &[u8]| value.len() / 2;
    checked("meta", |_| 0, 2, "format version");
    checked("names", |_| 3, 1, "the numbering of");
    checked("series", |_| 0, 1, "a series with a name that does not exist");
    checked("open", middle, 1, "checksum does not match");
    checked("rows", middle, 1, "checksum does not match");
    checked("totals", middle, 1, "checksum does not match");
    checked("periods", middle, 1, "checksum does not match");
    checked("invoices", middle, 1, "checksum does not match");
    checked("arrivals", |_| 0, 1, "an id of no organization");
    checked("ids", middle, 1, "checksum does not match");
    checked("directory", |_| 0, 1, "a record's version");
    checked("repricings", middle, 1, "checksum does not match");
    checked("incomplete", middle, 1, "checksum does not match");
    checked("intake", middle, 1, "checksum does not match");
    checked("spans", middle, 1, "checksum does not match");
    checked("decisions", middle, 1, "checksum does not match");
}

#[test]
fn sums_that_are_wrong_under_a_right_checksum_are_found() {
    let original = filled();
    let checked = |name: &str, damage: fn(&mut Entries), words: &str| {
        let copy = tempfile::tempdir().unwrap();
        fs::copy(original.path().join(STORE_FILE), copy.path().join(STORE_FILE)).unwrap();
        change(copy.path(), name, damage);
        check(&rollcall(&["verify", "--data-dir", text(copy.path())]), 1, words);
        copy
    };
    // Key of totals: organization, pivot, whether of the columns mostly asked for, cut, period, part.
    let missing = "daily totals by Model: cut 37, 1 (often): it is missing";
    checked("totals", |entries| entries.retain(|(key, _)| key[4..7] != [3, 1, 37]), missing);
    let missing = "daily totals: cut 37, the organization: it is missing";
    checked("totals", |entries| entries.retain(|(key, _)| key[4..7] != [0, 0, 37]), missing);
    let store = checked(
        "totals",
        |entries| {
            let entry = entries.iter_mut().find(|(key, _)| key[4..7] == [2, 1, 20]).unwrap();
            *last_byte(&mut entry.1) ^= 1;
            sign(entry);
        },
        "daily totals by ApiKey: cut 20, ",
    );
    // The same through a server, which can be started on such a store.
    let server = Server::start_in(store.path());
    let output = rollcall(&["verify", "--url", &server.url, "--token", OPERATOR]);
    check(&output, 1, "its rows add up to");
    let answer = server.post("/v1/verify", OPERATOR, &Value::Null).ok().json();
    assert!(answer["damage"].as_str().unwrap().contains("daily totals by ApiKey: cut 20, "), "{answer}");
    checked(
        "totals",
        |entries| {
            let entry = entries.iter_mut().find(|(key, _)| key[4..7] == [3, 0, 0]).unwrap();
            *last_byte(&mut entry.1) ^= 1;
            sign(entry);
        },
        "daily totals by Model: rows of 2 (rare) are not what its sealed rows add up to",
    );
    checked(
        "rows",
        |entries| {
            *last_byte(&mut entries[0].1) ^= 1;
            sign(&mut entries[0]);
        },
        "organization 1, period 630",
    );
    checked("rows", |entries| drop(entries.remove(0)), "organization 1, period 630");
    checked(
        "incomplete",
        |entries| {
            // After the frame's head come completeness, series, hour of arrival and no other hours, then the number of requests.
            let varints = entries[0].1[5..].iter().enumerate().filter(|(_, byte)| **byte < 0x80);
            let requests = 5 + varints.map(|(at, _)| at).nth(3).unwrap() + 1;
            entries[0].1[requests] += 100;
            sign(&mut entries[0]);
        },
        "have less than the calls that may change",
    );
    checked(
        "periods",
        |entries| {
            // Flags, then the number of rows.
            entries[0].1[6] ^= 1;
            sign(&mut entries[0]);
        },
        "its summary says",
    );
    checked("periods", |entries| entries[0].0[7] += 1, "checksum does not match");
    checked(
        "periods",
        |entries| {
            entries[0].0[7] += 1;
            sign(&mut entries[0]);
        },
        "its period has no summary",
    );
    checked(
        "ids",
        |entries| {
            let key = entries[0].0.clone();
            // Ids have no zeros at their end.
            let value = [&entries[0].1[..], &[0; 16]].concat();
            // The second layer of the same hour.
            let mut twice = ([&key[..8], &[1], &key[9..]].concat(), value);
            sign(&mut twice);
            twice.1.truncate(twice.1.len() - 16);
            entries.insert(1, twice);
        },
        "an id is there twice",
    );
    checked(
        "arrivals",
        |entries| {
            let (key, value) = entries.last().unwrap().clone();
            entries.push(([&key[..11], &[key[11] + 1]].concat(), value));
        },
        "was counted twice",
    );
}

#[test]
fn damage_that_no_sum_shows_is_found_by_the_pages_checksums() {
    let store = filled();
    let path = store.path().join(STORE_FILE);
    let mut bytes = fs::read(&path).unwrap();
    let name = b"project-1";
    let places: Vec<usize> = (0..bytes.len() - name.len()).filter(|at| bytes[*at..].starts_with(name)).collect();
    assert!(!places.is_empty());
    for at in places {
        bytes[at] ^= 1;
    }
    fs::write(&path, &bytes).unwrap();
    check(&rollcall(&["verify", "--data-dir", text(store.path())]), 1, "damage found");
    let backups = tempfile::tempdir().unwrap();
    check(&rollcall(&["backup", text(backups.path()), "--data-dir", text(store.path())]), 1, "damage found");
    assert!(names_in(backups.path()).is_empty());
    for (damage, words) in [(&b""[..], "the file is empty"), (&b"no database"[..], "damage found")] {
        let file = backups.path().join("x.redb");
        fs::write(&file, damage).unwrap();
        check(&rollcall(&["verify", text(&file)]), 1, words);
    }
    check(&rollcall(&["verify", text(&backups.path().join("none.redb"))]), 2, "No such file");
    check(&rollcall(&["verify"]), 2, "--data-dir");
    check(&rollcall(&["verify", "--data-dir", "/no/such/store"]), 2, "there is no store in /no/such/store");
}

const QUESTIONS: [&str; 7] = [
    "/analytics/activity?organizationId=acme&from=2025-03-01&to=2025-04-30&groupBy=model&timezone=Asia/Kathmandu",
    "/analytics/activity?organizationId=acme&from=2025-03-01&to=2025-04-30&groupBy=apiKey,project",
    "/analytics/members?organizationId=acme&from=2025-03-01&to=2025-04-30",
    "/analytics/keys?organizationId=acme&from=2025-03-01&to=2025-04-30",
    "/analytics/activity?organizationId=acme&from=2025-03-01&to=2025-04-30&groupBy=team,user",
    "/v1/budgets?organizationId=acme",
    "/v1/alerts?organizationId=acme",
];

fn answers(server: &Server) -> Vec<String> {
    QUESTIONS.iter().map(|question| server.get(question, OPERATOR).ok().text).collect()
}

#[test]
fn a_backup_of_a_server_that_takes_events_is_one_moment_of_it() {
    const BATCH: u64 = 50;
    let source = filled();
    let server = Server::start_in(source.path());
    let subject = json!({"apiKeyId": "key-1"});
    let assigned = json!([
        {"organizationId": "acme", "subject": subject, "from": "2025-03-20", "teamId": "red"},
        {"organizationId": "acme", "subject": subject, "from": "2025-03-21", "ownerUserId": "ben"},
    ]);
    let teams = json!([{"id": "red", "organizationId": "acme", "name": "Red", "costCentre": "100"}]);
    let members = json!([{"organizationId": "acme", "userId": "ben", "role": "developer"}]);
    let unassigned = answers(&server);
    let directory = json!({"members": members, "teams": teams, "assignments": assigned});
    assert_eq!(server.put("/v1/directory", OPERATOR, &directory).ok().json()["written"], 5);
    assert_ne!(answers(&server)[4], unassigned[4], "the assignments tell");
    let budget = json!({"id": "spring", "organizationId": "acme", "scope": {"kind": "team", "id": "red"},
        "limit": {"cost": "1000000.5"}, "window": "total", "from": "2025-03-20", "to": "2025-04-30"});
    server.put("/v1/budgets", OPERATOR, &json!({"budgets": [budget]})).ok();
    let told = json!({"kind": "slack", "url": "http://127.0.0.1:1/in"});
    let alert = json!({"id": "a", "organizationId": "acme", "kind": "budget", "budgetId": "spring", "to": [told]});
    server.put("/v1/alerts", OPERATOR, &json!({"alerts": [alert]})).ok();
    let before = answers(&server);
    assert!(before[5].contains("\"spent\":") && !before[5].contains("\"spent\":0,"), "{}", before[5]);
    let (acknowledged, stop) = (AtomicU64::new(0), AtomicBool::new(false));
    let places = tempfile::tempdir().unwrap();
    let backup = places.path().join("one.redb");
    let (low, high) = std::thread::scope(|scope| {
        scope.spawn(|| {
            for batch in 0.. {
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                let events: Vec<Value> =
                    (0..BATCH).map(|i| event(&format!("b{batch}-{i}"), "2026-06-01T10:00:00Z", &json!({}))).collect();
                server.send_events(OPERATOR, &Value::from(events));
                acknowledged.fetch_add(BATCH, Ordering::Relaxed);
            }
        });
        let wait_for = |count| {
            let deadline = Instant::now() + DEADLINE;
            while acknowledged.load(Ordering::Relaxed) < count {
                assert!(Instant::now() < deadline);
                std::thread::yield_now();
            }
        };
        wait_for(4 * BATCH);
        let low = acknowledged.load(Ordering::Relaxed);
        let output = rollcall(&["backup", text(&backup), "--url", &server.url, "--token", OPERATOR]);
        let high = acknowledged.load(Ordering::Relaxed) + BATCH;
        // Events are taken while it is made and after.
        wait_for(high + BATCH);
        stop.store(true, Ordering::Relaxed);
        check(&output, 0, "one.redb");
        assert_eq!(String::from_utf8(output.stdout).unwrap().trim(), text(&backup));
        (low, high)
    });
    assert_eq!(names_in(places.path()), ["one.redb"]);
    let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&backup).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    check(&rollcall(&["verify", text(&backup)]), 0, "all is right");
    let place = places.path().join("restored");
    check(&rollcall(&["restore", text(&backup), "--data-dir", text(&place)]), 0, "start the server");
    let restored = Server::start_in(&place);
    assert_eq!(answers(&restored), before);
    let day = restored.activity(OPERATOR, "from=2026-06-01&to=2026-06-01");
    let requests = day["totals"]["requestCount"].as_u64().unwrap();
    assert!(requests.is_multiple_of(BATCH) && (low..=high).contains(&requests), "{low} <= {requests} <= {high}");
    // A restored store knows the ids it has.
    let again = event("b0-0", "2026-06-01T10:00:00Z", &json!({}));
    assert_eq!(restored.send_events(OPERATOR, &again)["duplicates"], 1);
    // With nothing happening, a backup has every digit.
    let quiet = places.path().join("quiet.redb");
    check(&rollcall(&["backup", text(&quiet), "--url", &server.url, "--token", OPERATOR]), 0, "quiet.redb");
    let place = places.path().join("quiet");
    check(&rollcall(&["restore", text(&quiet), "--data-dir", text(&place)]), 0, "");
    let question = "/analytics/activity?organizationId=acme&from=2026-06-01&to=2026-06-01";
    let restored = Server::start_in(&place);
    assert_eq!(restored.get(question, OPERATOR).ok().text, server.get(question, OPERATOR).ok().text);
    assert_eq!(answers(&restored), before);
}

#[test]
fn a_backup_overwrites_nothing_and_says_where_it_is() {
    let store = filled();
    let places = tempfile::tempdir().unwrap();
    let into = |destination: &Path| rollcall(&["backup", text(destination), "--data-dir", text(store.path())]);
    let output = into(places.path());
    check(&output, 0, "checked");
    let named = PathBuf::from(String::from_utf8(output.stdout).unwrap().trim());
    assert_eq!(names_in(places.path()), [named.file_name().unwrap().to_str().unwrap()]);
    check(&into(places.path()), 0, "checked");
    assert_eq!(names_in(places.path()).len(), 2, "two in one second have names of their own");
    check(&into(&named), 2, "exists; name a file that does not");
    check(&into(&places.path().join("backup.tar")), 2, "it must end in .redb");
    check(&into(&places.path().join("none/backup.redb")), 2, "No such file");
    let server = Server::start_in(store.path());
    let user = server.user_token("ada");
    let refused = rollcall(&["backup", text(places.path()), "--url", &server.url, "--token", &user]);
    check(&refused, 2, "only the operator may do this");
    // Any client can have it.
    let answer = server.get("/v1/backup", OPERATOR).ok();
    assert!(answer.header("content-disposition").contains("filename=\"rollcall-20"));
    assert!(answer.header("content-length").parse::<u64>().unwrap() > 4096);
    assert_eq!(names_in(places.path()).len(), 2, "what failed left nothing");
}

#[test]
fn a_restore_replaces_nothing_that_is_worth_something() {
    let store = filled();
    let places = tempfile::tempdir().unwrap();
    let backup = places.path().join("b.redb");
    check(&rollcall(&["backup", text(&backup), "--data-dir", text(store.path())]), 0, "");
    let restore = |source: &Path, into: &Path, more: &[&str]| {
        rollcall(&[&["restore", text(source), "--data-dir", text(into)], more].concat())
    };
    let mut server = Server::start();
    let other = server.data_dir.clone();
    server.send_events(OPERATOR, &event("a", "2026-06-01T10:00:00Z", &json!({})));
    for more in [&[][..], &["--force"]] {
        check(&restore(&backup, &other, more), 2, "is in use by another process; stop its server first");
    }
    check(&restore(&other.join(STORE_FILE), &places.path().join("x"), &[]), 2, "in use by another process");
    assert_eq!(server.activity(OPERATOR, "from=2026-06-01&to=2026-06-01")["totals"]["requestCount"], 1);
    assert_eq!(server.terminate(), Some(0));
    let kept = fs::read(other.join(STORE_FILE)).unwrap();
    check(&restore(&backup, &other, &[]), 2, "is not empty; --force replaces it");
    let damaged = places.path().join("damaged.redb");
    fs::copy(&backup, &damaged).unwrap();
    let length = fs::metadata(&damaged).unwrap().len();
    fs::File::options().write(true).open(&damaged).unwrap().set_len(length / 2).unwrap();
    check(&restore(&damaged, &other, &["--force"]), 1, "damage found");
    check(&restore(&places.path().join("none.redb"), &other, &["--force"]), 2, "No such file");
    assert!(fs::read(other.join(STORE_FILE)).unwrap() == kept, "what was refused changed nothing");
    check(&restore(&backup, &other, &["--force"]), 0, "restored and checked");
    check(&rollcall(&["verify", "--data-dir", text(&other)]), 0, "all is right");
    // Whatever is in the way, even a file that is no store, goes with --force only.
    let broken = places.path().join("broken");
    fs::create_dir(&broken).unwrap();
    fs::write(broken.join(STORE_FILE), "not a store").unwrap();
    check(&restore(&backup, &broken, &[]), 2, "--force");
    check(&restore(&backup, &broken, &["--force"]), 0, "restored");
    let empty = places.path().join("empty");
    drop(Engine::open(fs::create_dir(&empty).map(|()| &empty).unwrap(), Arc::new(|| 0)).unwrap());
    check(&restore(&backup, &empty, &[]), 0, "restored");
    assert!(!names_in(&empty).contains(&PARTIAL_FILE.to_owned()));
}

#[test]
fn compacting_seals_and_says_what_it_gave_back() {
    let store = tempfile::tempdir().unwrap();
    let file = store.path().join("events.ndjson");
    fs::write(&file, lines()).unwrap();
    // Through a server: the days are over, so their rows are sealed.
    let server = Server::start_in(store.path());
    check(&rollcall(&["ingest", text(&file), "--url", &server.url, "--token", OPERATOR]), 0, "0 rejected");
    let before = answers(&server);
    let answer = server.post("/v1/compact", OPERATOR, &Value::Null).ok().json();
    assert_eq!(answer["before"]["periods"], 0);
    assert_eq!((&answer["after"]["periods"], &answer["after"]["openRows"]), (&json!(1), &json!(0)));
    assert!(answer["after"]["sealedRows"].as_u64().unwrap() > 4608);
    assert_eq!(answers(&server), before);
    let output = rollcall(&["compact", "--url", &server.url, "--token", OPERATOR]);
    check(&output, 0, "1 sealed periods with");
    check(&rollcall(&["verify", "--url", &server.url, "--token", OPERATOR]), 0, "all is right");
    drop(server);
    let allocated = || std::os::unix::fs::MetadataExt::blocks(&fs::metadata(store.path().join(STORE_FILE)).unwrap());
    let blocks = allocated();
    let output = rollcall(&["compact", "--data-dir", text(store.path())]);
    check(&output, 0, "before  ");
    check(&output, 0, "after   ");
    assert!(allocated() < blocks, "{} of {blocks} blocks", allocated());
    check(&rollcall(&["verify", "--data-dir", text(store.path())]), 0, "all is right");
    assert_eq!(answers(&Server::start_in(store.path())), before);
}

#[test]
fn the_schedule_keeps_as_many_as_it_was_told_and_touches_nothing_else() {
    let store = filled();
    let backups = tempfile::tempdir().unwrap();
    let directory = backups.path().join("made");
    let settings =
        [("ROLLCALL_BACKUP_DIR", text(&directory)), ("ROLLCALL_BACKUP_EVERY", "1s"), ("ROLLCALL_BACKUP_KEEP", "2")];
    let mut server = Server::start_set(store.path(), OPERATOR, &settings);
    let others = ["notes.txt", "rollcall-20200101T000000Z.redb", "rollcall-scheduled-by-hand.redb"];
    for name in others {
        fs::write(directory.join(name), "mine").unwrap();
    }
    let deadline = Instant::now() + DEADLINE;
    while server.log.lock().unwrap().matches("removed an old backup").count() < 2 {
        assert!(Instant::now() < deadline, "{}", server.log.lock().unwrap());
        std::thread::yield_now();
    }
    let metrics = server.get("/metrics", "").text;
    assert!(!metrics.contains("rollcall_last_backup_timestamp_seconds 0"), "{metrics}");
    assert!(metrics.contains("rollcall_backups_failed_total 0"), "{metrics}");
    assert_eq!(server.terminate(), Some(0));
    let (own, rest): (Vec<String>, Vec<String>) =
        names_in(&directory).into_iter().partition(|name| name.starts_with("rollcall-scheduled-20"));
    assert_eq!(own.len(), 2);
    assert_eq!(rest, others);
    for name in own {
        check(&rollcall(&["verify", text(&directory.join(name))]), 0, "all is right");
    }
    for (value, words) in [("x", "write a number and s, m, h or d"), ("0s", "1s to 366d")] {
        let output = rollcall(&["serve", "--data-dir", text(store.path()), "--backup-every", value]);
        check(&output, 2, words);
    }
}

/// Ends a backup with a signal as soon as it has begun to write, until that came before its end.
fn interrupt(store: &Server, signal: &str) {
    let places = tempfile::tempdir().unwrap();
    let partial = places.path().join(PARTIAL_FILE);
    for _ in 0..50 {
        let mut child = Command::new(BINARY)
            .args(["backup", "--url", &store.url, "--token", OPERATOR])
            .arg(places.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let deadline = Instant::now() + DEADLINE;
        while !partial.exists() && child.try_wait().unwrap().is_none() {
            assert!(Instant::now() < deadline);
            std::thread::yield_now();
        }
        assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().is_ok());
        let ended = child.wait().unwrap();
        let whole: Vec<String> = names_in(places.path()).into_iter().filter(|name| name.ends_with(".redb")).collect();
        if !ended.success() {
            assert!(whole.is_empty(), "{whole:?} of a backup that did not end");
            if signal == "-INT" {
                assert_eq!(ended.code(), Some(2));
                assert!(names_in(places.path()).is_empty());
            }
            // The next one is not in the way of what is left.
            let next = rollcall(&["backup", text(places.path()), "--url", &store.url, "--token", OPERATOR]);
            check(&next, 0, "checked");
            assert_eq!(names_in(places.path()).len(), 1);
            return;
        }
        for name in whole {
            fs::remove_file(places.path().join(name)).unwrap();
        }
    }
    panic!("no signal came before the end of a backup");
}

#[test]
fn a_backup_that_is_killed_leaves_no_file_and_the_store_as_it_was() {
    let store = filled();
    let server = Server::start_in(store.path());
    let before = answers(&server);
    interrupt(&server, "-KILL");
    interrupt(&server, "-INT");
    assert_eq!(answers(&server), before);
    check(&rollcall(&["verify", "--url", &server.url, "--token", OPERATOR]), 0, "all is right");
    // The server, too, may be killed while it copies for someone.
    drop(server);
    let places = tempfile::tempdir().unwrap();
    let mut server = Server::start_in(store.path());
    let child = Command::new(BINARY)
        .args(["backup", "--url", &server.url, "--token", OPERATOR])
        .arg(places.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let mut child = child.unwrap();
    let deadline = Instant::now() + DEADLINE;
    while names_in(places.path()).is_empty() {
        assert!(Instant::now() < deadline);
        std::thread::yield_now();
    }
    server.kill();
    let ended = child.wait().unwrap();
    assert_eq!(ended.success(), names_in(places.path()).len() == 1);
    assert!(!places.path().join(PARTIAL_FILE).exists());
    check(&rollcall(&["verify", "--data-dir", text(store.path())]), 0, "all is right");
    assert_eq!(names_in(store.path()), ["rollcall.redb", "server.url"], "the copy had no name");
    assert_eq!(answers(&Server::start_in(store.path())), before);
}
