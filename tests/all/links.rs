//! Links: what an address alone shows, for whom and how long; parts of files; pages of other sites.

use std::process::Command;

use crate::support::{Answer, BINARY, OPERATOR, Server, bearer, event};
use parquet::file::reader::{FileReader, SerializedFileReader};
use serde_json::{Value, json};

const JUNE: &str = "from=2026-06-01&to=2026-06-30";

fn acme() -> Server {
    let server = Server::start();
    let member = |user: &str, role: &str| json!({"organizationId": "acme", "userId": user, "role": role});
    let directory = json!({
        "organizations": [{"id": "acme"}, {"id": "beta"}],
        "users": [{"id": "ada", "name": "Ada"}],
        "members": [member("ada", "owner"), member("olga", "owner"), member("ben", "admin"), member("dev", "developer")],
        "apiKeys": [{"id": "k1", "organizationId": "acme", "projectId": "web", "createdBy": "ada"},
                    {"id": "k2", "organizationId": "acme", "projectId": "web", "createdBy": "dev"}],
    });
    server.put("/v1/directory", OPERATOR, &directory).ok();
    // More digits than a double has.
    let costs = [vec!["10000000"; 31], vec!["3.299999999978"]].concat();
    let of =
        |(number, cost): (usize, &&str)| event(&format!("a{number}"), "2026-06-01T10:00:00Z", &json!({"cost": cost}));
    let other = event("b", "2026-06-02T10:00:00Z", &json!({"apiKeyId": "k2"}));
    let events: Value = costs.iter().enumerate().map(of).chain([other]).collect();
    assert_eq!(server.send_events(OPERATOR, &events)["accepted"], 33);
    server
}

fn new(question: &str, format: &str) -> Value {
    json!({"organizationId": "acme", "question": question, "format": format})
}

/// Makes a link: its id, and the path of its address.
fn link(server: &Server, token: &str, question: &str, format: &str) -> (String, String) {
    let made = server.post("/v1/links", token, &new(question, format)).ok().json();
    let url = made["url"].as_str().unwrap();
    let path = url.strip_prefix(&server.url).unwrap_or_else(|| panic!("{url} is of this server"));
    assert!(path.starts_with("/v1/links/rc_link_") && path.ends_with(&format!(".{format}")), "{path}");
    (made["id"].as_str().unwrap().to_owned(), path.to_owned())
}

fn open(server: &Server, path: &str) -> Answer {
    server.send("GET", path, &[], b"")
}

fn links(server: &Server, token: &str) -> Vec<Value> {
    server.get("/v1/links?organizationId=acme", token).ok().json()["links"].as_array().unwrap().clone()
}

#[test]
fn an_address_answers_as_its_question_does() {
    let server = acme();
    let ada = server.user_token("ada");
    for (question, format, kind) in [
        ("/analytics/activity?groupBy=apiKey", "csv", "text/csv; charset=utf-8"),
        ("/analytics/activity?groupBy=apiKey&granularity=month", "json", "application/json"),
        ("/analytics/members?limit=1", "json", "application/json"),
        ("/analytics/keys/k1?a=1", "", ""),
        ("/analytics/keys/k1?timezone=Asia/Kathmandu", "csv", "text/csv; charset=utf-8"),
        ("/analytics/change?groupBy=user", "csv", "text/csv; charset=utf-8"),
        ("/analytics/export?granularity=month", "csv", "text/csv; charset=utf-8"),
        ("/analytics/export?format=focus&focusVersion=1.3", "csv", "text/csv; charset=utf-8"),
    ] {
        let june = format!("{question}&{JUNE}");
        if format.is_empty() {
            server.post("/v1/links", &ada, &new(&june, "csv")).is_problem(400, "the parameter 'a' is unknown");
            continue;
        }
        let (_, path) = link(&server, &ada, &june, format);
        let (opened, refreshed) = (open(&server, &path), open(&server, &format!("{path}?refresh=7")));
        let form = if question.contains("format=") { "" } else { &format!("&format={format}") };
        let asked = server.get(&format!("{june}&organizationId=acme{form}"), &ada).ok();
        assert_eq!(opened.header("content-type"), kind, "{question}");
        // The moment up to which it is complete goes on.
        let text = |answer: &Answer| answer.text.split(",\"asOf\":").next().unwrap().to_owned();
        assert_eq!((opened.status, text(&opened)), (200, text(&asked)), "{question}");
        assert_eq!(text(&refreshed), text(&asked), "{question}");
    }
    let (_, path) = link(&server, &ada, &format!("/analytics/activity?groupBy=none&granularity=month&{JUNE}"), "csv");
    assert!(open(&server, &path).text.contains("310000003.549999999978"));
    open(&server, &format!("{path}?groupBy=model")).is_problem(400, "the parameter 'groupBy' is unknown");
    open(&server, &path.replace(".csv", ".json")).is_problem(404, "it answers as '.csv'");
}

#[test]
fn a_link_shows_what_its_maker_may_see_now_and_ends_with_them() {
    let server = acme();
    let made = server.post("/v1/tokens", OPERATOR, &json!({"kind": "user", "userId": "ada"})).ok().json();
    let (ada, ada_id) = (made["token"].as_str().unwrap(), made["id"].as_str().unwrap());
    let question = format!("/analytics/activity?{JUNE}");
    let (all, keys) =
        (link(&server, ada, &question, "csv").1, link(&server, ada, "/analytics/keys?sort=name", "json").1);
    let counted = |path: &str| {
        let keys = open(&server, path).ok().json()["keys"].as_array().unwrap().clone();
        keys.iter().map(|key| key["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(counted(&keys), ["k1", "k2"]);
    let role = |role: &str| {
        let member = json!({"organizationId": "acme", "userId": "ada", "role": role});
        server.put("/v1/directory", OPERATOR, &json!({"members": [member]})).ok();
    };
    role("developer");
    open(&server, &all).is_problem(403, "the link is closed");
    assert_eq!(counted(&keys), ["k1"], "a developer's own");
    role("admin");
    assert_eq!(open(&server, &all).status, 200);
    let plan = |plan: &str| {
        let organization = json!({"organizations": [{"id": "acme", "plan": plan}]});
        server.put("/v1/directory", OPERATOR, &organization).ok();
    };
    plan("free");
    open(&server, &all).is_problem(403, "the link is closed");
    plan("enterprise");
    server.delete("/v1/organizations/acme/members/ada", OPERATOR).ok();
    open(&server, &all).is_problem(403, "the link is closed");
    open(&server, &keys).is_problem(403, "the link is closed");
    assert_eq!(links(&server, OPERATOR)[0]["status"], "closed");
    role("owner");
    assert_eq!(open(&server, &all).status, 200);
    server.delete(&format!("/v1/tokens/{ada_id}"), OPERATOR).ok();
    open(&server, &all).is_problem(404, "revoked");
    open(&server, &keys).is_problem(404, "revoked");
    assert_eq!(links(&server, OPERATOR), Vec::<Value>::new());
}

#[test]
fn links_are_made_listed_and_revoked_by_owners_and_every_time_it_is_written_down() {
    let server = acme();
    let [ada, ben, dev] = ["ada", "ben", "dev"].map(|user| server.user_token(user));
    let question = "/analytics/activity?groupBy=team&range=this-month";
    let (id, path) = link(&server, &ada, question, "csv");
    let (theirs, _) = link(&server, OPERATOR, question, "json");
    for token in [&ben, &dev] {
        server.post("/v1/links", token, &new(question, "csv")).is_problem(403, "");
        server.get("/v1/links?organizationId=acme", token).is_problem(403, "owners");
        server.delete(&format!("/v1/links/{id}"), token).is_problem(403, "");
    }
    let elsewhere = json!({"organizationId": "beta", "question": "/analytics/activity", "format": "csv"});
    server.post("/v1/links", &ada, &elsewhere).is_problem(403, "");
    server.delete("/v1/links/lnk_none", &ada).is_problem(403, "");
    server.delete("/v1/links/lnk_none", OPERATOR).is_problem(404, "there is no link 'lnk_none'");

    let listed = links(&server, &ada);
    let found = listed.iter().find(|link| link["id"] == *id).unwrap();
    assert_eq!(
        [&found["question"], &found["format"], &found["status"], &found["madeByName"]],
        ["/analytics/activity?organizationId=acme&groupBy=team&range=this-month", "csv", "active", "Ada"]
    );
    assert_eq!(listed.len(), 2);
    assert!(found["lastUsedAt"].is_null() && found["expires"].is_null());
    assert_eq!(open(&server, &path).status, 200);
    let secret = path.trim_start_matches("/v1/links/").trim_end_matches(".csv");
    let all = server.get("/v1/links", OPERATOR).ok().text;
    assert!(!all.contains(secret) && !server.log.lock().unwrap().contains(secret));
    // An owner may revoke another's.
    server.delete(&format!("/v1/links/{theirs}"), &ada).ok();
    server.delete(&format!("/v1/links/{id}"), &ada).ok();
    open(&server, &path).is_problem(404, "there is no such link, or it was revoked");
    let audit = server.get("/v1/audit?organizationId=acme", &ada).ok().json();
    let told = |action: &str| -> Vec<Value> {
        let entries = audit["entries"].as_array().unwrap().iter().filter(|entry| entry["action"] == action);
        entries.map(|entry| entry["target"].clone()).collect()
    };
    assert_eq!(told("link-create"), [json!(theirs), json!(id)]);
    assert_eq!(told("link-revoke"), [json!(id), json!(theirs)]);
}

#[test]
fn a_link_that_makes_no_sense_is_not_made() {
    let server = acme();
    let check = |body: Value, status: u16, words: &str| {
        server.post("/v1/links", OPERATOR, &body).is_problem(status, words);
    };
    check(new("/v1/directory", "csv"), 400, "question is '/v1/directory'");
    check(new("/analytics/nothing", "csv"), 404, "there is no question at /analytics/nothing");
    check(new("/analytics/activity?groupBy=colour", "csv"), 400, "groupBy is 'colour'");
    check(new("/analytics/activity?organizationId=beta", "csv"), 400, "about organization 'beta'");
    check(new("/analytics/activity", "parquet"), 400, "format is 'parquet'");
    check(new("/analytics/export", "json"), 400, "format is 'json'");
    check(
        new("/analytics/activity?range=last-8-days", "csv"),
        400,
        "range is 'last-8-days'; allowed: today, yesterday",
    );
    check(new("/analytics/activity?range=today&to=2026-06-01", "csv"), 400, "range and days are given");
    check(new("/analytics/keys/none", "csv"), 404, "there is no API key 'none'");
    check(new("/analytics/me", "csv"), 403, "belongs to no person");
    check(json!({"organizationId": "acme", "question": "/analytics/activity", "format": "xlsx"}), 400, "xlsx");
    check(json!({"organizationId": "gone", "question": "/analytics/activity", "format": "csv"}), 404, "'gone'");
    let mut ends = new("/analytics/activity", "csv");
    for (expires, words) in [("2020-01-01T00:00:00Z", "must be after now"), ("tomorrow", "write RFC 3339")] {
        ends["expires"] = json!(expires);
        check(ends.clone(), 400, words);
    }
    ends["expires"] = json!("2037-01-01T00:00:00Z");
    server.post("/v1/links", OPERATOR, &ends).ok();
    assert_eq!(links(&server, OPERATOR)[0]["expires"], "2037-01-01T00:00:00Z");
    for none in ["/v1/links/rc_link_abc.csv", "/v1/links/operator.csv", "/v1/links/x", "/v1/links/.csv"] {
        open(&server, none).is_problem(404, "there is no such link");
    }
}

#[test]
fn a_link_is_opened_only_so_often_in_a_minute() {
    let server = acme();
    let (_, path) = link(&server, OPERATOR, &format!("/analytics/activity?groupBy=none&{JUNE}"), "csv");
    // A minute may end on the way, after which it is counted anew.
    let refused = (0..1300).map(|_| open(&server, &path)).find(|answer| answer.status != 200);
    let refused = refused.expect("more than 600 in one of three minutes");
    refused.is_problem(429, "opened too often");
    assert_eq!(refused.header("retry-after"), "60");
    let (_, other) = link(&server, OPERATOR, "/analytics/activity", "csv");
    assert_eq!(open(&server, &other).status, 200, "others are not kept waiting");
}

/// Asks for part of something.
fn part(server: &Server, path: &str, headers: &[(&str, &str)]) -> Answer {
    server.send("GET", path, &[&[("authorization", &*bearer(OPERATOR))], headers].concat(), b"")
}

#[test]
fn a_file_is_read_in_parts_that_are_of_one_file() {
    let server = acme();
    let export = format!("/analytics/export?organizationId=acme&{JUNE}&format=csv");
    let (_, linked) = link(&server, OPERATOR, &format!("/analytics/export?{JUNE}"), "csv");
    for path in [&export, &linked] {
        let whole = part(&server, path, &[]).ok();
        let head = server.send("HEAD", path, &[("authorization", &bearer(OPERATOR))], b"").ok();
        let (length, etag) = (whole.text.len(), head.header("etag").to_owned());
        assert_eq!((head.header("content-length"), head.header("accept-ranges")), (&*length.to_string(), "bytes"));
        assert_eq!((whole.header("etag"), whole.header("accept-ranges")), (&*etag, "bytes"));
        assert!(etag.starts_with('"') && head.text.is_empty());
        for (range, expected) in [
            ("bytes=0-9", 0..10),
            ("bytes=5-5", 5..6),
            ("bytes=10-", 10..length),
            ("bytes=-7", length - 7..length),
            ("bytes=0-999999", 0..length),
        ] {
            let got = part(&server, path, &[("range", range)]);
            let of = format!("bytes {}-{}/{length}", expected.start, expected.end - 1);
            assert_eq!((got.status, got.header("content-range"), got.header("etag")), (206, &*of, &*etag), "{range}");
            assert_eq!(got.text, whole.text[expected], "{range}");
        }
        for nothing in ["bytes=9-0", "lines=1-2", "bytes=0-1,4-5"] {
            let got = part(&server, path, &[("range", nothing)]);
            assert_eq!((got.status, &got.text), (200, &whole.text), "{nothing}");
        }
        let beyond = part(&server, path, &[("range", "bytes=999999-")]);
        beyond.is_problem(416, "the file has");
        assert_eq!(beyond.header("content-range"), format!("bytes */{length}"));
        let theirs = part(&server, path, &[("range", "bytes=0-9"), ("if-range", &etag)]);
        let another = part(&server, path, &[("range", "bytes=0-9"), ("if-range", "\"another\"")]);
        assert_eq!((theirs.status, another.status), (206, 200));
        assert_eq!(part(&server, path, &[("range", "bytes=0-9"), ("if-none-match", &etag)]).status, 304);
        assert_eq!(part(&server, path, &[("range", "bytes=0-9"), ("if-match", &etag)]).status, 206);
        part(&server, path, &[("range", "bytes=0-9"), ("if-match", "\"another\"")]).is_problem(412, "another now");
    }
    server.send("HEAD", &export, &[], b"").json_status(401);
}

/// The one of a table's HEAD was of its bytes, and that of its GET was not.
#[test]
fn a_table_has_one_etag_however_it_is_asked_for() {
    let server = acme();
    let (_, linked) = link(&server, OPERATOR, &format!("/analytics/activity?{JUNE}"), "csv");
    let whole = part(&server, &linked, &[]).ok();
    let etag = whole.header("etag").to_owned();
    let head = server.send("HEAD", &linked, &[], b"").ok();
    let first = part(&server, &linked, &[("range", "bytes=0-9")]);
    assert!(etag.starts_with("W/"), "{etag}");
    assert_eq!((head.header("etag"), first.header("etag"), first.status), (&*etag, &*etag, 206));
    assert_eq!(part(&server, &linked, &[("if-none-match", &etag)]).status, 304);
    assert_eq!(server.send("HEAD", &linked, &[("if-none-match", &etag)], b"").status, 304);
    // Parts are put together by nothing that is not of their bytes.
    assert_eq!(part(&server, &linked, &[("range", "bytes=0-9"), ("if-range", &etag)]).status, 200);
    assert_eq!(part(&server, &linked, &[("range", "bytes=0-9"), ("if-match", &etag)]).status, 412);
}

trait Status {
    fn json_status(&self, status: u16);
}

impl Status for Answer {
    #[track_caller]
    fn json_status(&self, status: u16) {
        assert_eq!(self.status, status, "{}", self.text);
    }
}

#[test]
fn whoever_reads_a_file_reads_it_to_its_end_though_usage_goes_on_arriving() {
    let server = acme();
    let path = format!("/analytics/export?organizationId=acme&{JUNE}&format=parquet");
    let head = || server.send("HEAD", &path, &[("authorization", &bearer(OPERATOR))], b"").ok();
    let (first, etag) = (head(), head().header("etag").to_owned());
    let more = event("c", "2026-06-03T10:00:00Z", &json!({"usedModel": "openai/another"}));
    server.send_events(OPERATOR, &more);
    let going_on = part(&server, &path, &[("range", "bytes=-8")]);
    assert_eq!((going_on.status, going_on.header("etag")), (206, &*etag), "of the file that was begun");
    assert!(going_on.header("content-range").ends_with(&format!("/{}", first.header("content-length"))));
    assert!(going_on.text.ends_with("PAR1"));
    // Whoever names the version they have is told that it is another now.
    let asked = part(&server, &path, &[("range", "bytes=-8"), ("if-range", &etag)]);
    assert_eq!(asked.status, 200);
    assert_ne!(asked.header("etag"), etag);
    let again = head();
    assert_ne!(again.header("etag"), etag);
    assert_ne!(again.header("content-length"), first.header("content-length"));
    // And whoever may not see it any more gets no more of it.
    let ada = server.user_token("ada");
    let read =
        |token: &str| server.send("GET", &path, &[("authorization", &bearer(token)), ("range", "bytes=0-3")], b"");
    assert_eq!((read(&ada).status, &*read(&ada).text), (206, "PAR1"));
    server.delete("/v1/organizations/acme/members/ada", OPERATOR).ok();
    read(&ada).is_problem(403, "not a member");
}

#[test]
fn a_long_file_is_read_from_its_end_as_readers_of_parquet_do() {
    let server = acme();
    // More than is kept in memory.
    let events = |day: u32| -> Value {
        let of = |number: u32| {
            let model = format!("openai/model-{:032x}", u128::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c));
            event(&format!("{day}-{number}"), &format!("2026-06-{day:02}T10:00:00Z"), &json!({"usedModel": model}))
        };
        (0..4000).map(of).collect()
    };
    for day in 1..=4 {
        server.send_events(OPERATOR, &events(day));
    }
    let (_, path) = link(&server, OPERATOR, &format!("/analytics/export?{JUNE}"), "csv");
    let whole = open(&server, &path).ok().text;
    assert!(whole.len() > 3 << 20, "{}", whole.len());
    let mut parts = String::new();
    while parts.len() < whole.len() {
        let range = format!("bytes={}-{}", parts.len(), parts.len() + 700_000);
        parts.push_str(&server.send("GET", &path, &[("range", &range)], b"").ok().text);
    }
    assert_eq!(parts, whole);
    let (_, path) = link(&server, OPERATOR, &format!("/analytics/export?{JUNE}"), "parquet");
    let file = tempfile::NamedTempFile::new().unwrap();
    let out = Command::new("curl").args(["-sf", "-o"]).arg(file.path()).arg(format!("{}{path}", server.url)).status();
    assert!(out.unwrap().success());
    let rows = SerializedFileReader::new(file.reopen().unwrap()).unwrap().metadata().file_metadata().num_rows();
    assert_eq!(rows, 16_002);
}

#[test]
fn a_table_for_excel_begins_with_a_byte_order_mark() {
    let server = acme();
    for path in ["/analytics/activity?format=csv", "/analytics/export?format=csv", "/analytics/members?format=csv"] {
        let path = format!("{path}&organizationId=acme&{JUNE}");
        let (without, with) =
            (server.get(&path, OPERATOR).ok(), server.get(&format!("{path}&csvBom=true"), OPERATOR).ok());
        assert_eq!(with.text, format!("\u{feff}{}", without.text), "{path}");
        assert_eq!(server.get(&format!("{path}&csvBom=false"), OPERATOR).ok().text, without.text, "{path}");
        server.get(&format!("{path}&csvBom=yes"), OPERATOR).is_problem(400, "csvBom is 'yes'; allowed: true, false");
    }
    let json = server.get(&format!("/analytics/activity?organizationId=acme&{JUNE}&csvBom=true"), OPERATOR).ok();
    assert_eq!(json.json()["groupBy"], "model");
    let (_, path) = link(&server, OPERATOR, &format!("/analytics/activity?{JUNE}&csvBom=true"), "csv");
    assert!(open(&server, &path).text.starts_with('\u{feff}'));
}

/// Programs that cannot be run in a test, by the requests that they are known to send.
#[test]
fn spreadsheets_and_dashboards_that_are_not_run_get_what_a_browser_gets() {
    let server = acme();
    let sheets = "Mozilla/5.0 (compatible; GoogleDocs; apps-spreadsheets; +http://docs.google.com)";
    let power_query = "Microsoft.Data.Mashup (https://go.microsoft.com/fwlink/?LinkID=304225)";
    let activity = format!("/analytics/activity?groupBy=model&{JUNE}");
    for (format, question, more, agent, accept) in [
        ("csv", format!("{activity}&csvBom=true"), "?refresh=2", sheets, "text/csv,*/*"),
        ("csv", format!("/analytics/export?{JUNE}"), "", power_query, "*/*"),
        ("json", activity.clone(), "", "Go-http-client/1.1", "application/json;q=0.9,text/plain"),
    ] {
        let (_, path) = link(&server, OPERATOR, &question, format);
        let expected = open(&server, &path).ok().text;
        let mut curl = Command::new("curl");
        curl.args(["-sf", "--compressed", "-A", agent, "-H", &format!("accept: {accept}")]);
        let got = curl.arg(format!("{}{path}{more}", server.url)).output().unwrap();
        assert!(got.status.success(), "{agent}");
        let got = String::from_utf8(got.stdout).unwrap();
        assert_eq!(got, expected, "{agent}");
    }
}

#[test]
fn pages_of_other_sites_read_answers_only_where_the_operator_says_so() {
    let directory = tempfile::tempdir().unwrap();
    let origin = ("origin", "https://app.example.com");
    let ask = |server: &Server, method: &str, path: &str, origin: (&str, &str)| {
        let more =
            [("access-control-request-method", "GET"), ("access-control-request-headers", "authorization,range")];
        let headers: &[(&str, &str)] =
            if method == "OPTIONS" { &more } else { &[("authorization", &bearer(OPERATOR))] };
        let answer = server.send(method, path, &[headers, &[origin]].concat(), b"");
        answer.header("access-control-allow-origin").to_owned()
    };
    let server = Server::start_in(directory.path());
    assert_eq!(ask(&server, "GET", "/v1/me", origin), "");
    assert_eq!(ask(&server, "OPTIONS", "/v1/me", origin), "");
    drop(server);
    let allowed = [("ROLLCALL_CORS_ORIGIN", "https://app.example.com, http://localhost:5173")];
    let server = Server::start_set(directory.path(), OPERATOR, &allowed);
    for method in ["GET", "OPTIONS"] {
        assert_eq!(ask(&server, method, "/v1/me", origin), "https://app.example.com", "{method}");
        assert_eq!(ask(&server, method, "/v1/me", ("origin", "https://evil.example")), "", "{method}");
    }
    let preflight = [("access-control-request-method", "PUT"), origin];
    let answer = server.send("OPTIONS", "/v1/directory", &preflight, b"").ok();
    assert!(answer.header("access-control-allow-methods").contains("PUT"));
    assert_eq!(answer.header("access-control-allow-credentials"), "", "a cookie never goes with it");
    let wrong = Command::new(BINARY)
        .args(["serve", "--data-dir", "/nonexistent", "--cors-origin", "app.example.com"])
        .output()
        .unwrap();
    assert_eq!(wrong.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&wrong.stderr).contains("'app.example.com' is no origin"));
}

#[test]
fn links_are_made_listed_and_revoked_from_a_terminal() {
    let server = acme();
    let run = |arguments: &[&str]| {
        let ran = Command::new(BINARY).arg("link").args(arguments).env("ROLLCALL_TOKEN", OPERATOR).output().unwrap();
        (ran.status.code(), String::from_utf8(ran.stdout).unwrap(), String::from_utf8(ran.stderr).unwrap())
    };
    let at = ["--url", &*server.url];
    let question = format!("/analytics/export?{JUNE}");
    let create = ["create", &*question, "--organization", "acme", "--format", "parquet"];
    let (code, url, told) = run(&[&create[..], &at].concat());
    assert_eq!(code, Some(0), "{told}");
    let id = told.split_whitespace().find(|word| word.starts_with("lnk_")).unwrap();
    assert!(open(&server, url.trim().strip_prefix(&*server.url).unwrap()).text.starts_with("PAR1"));
    let data_dir = server.data_dir.display().to_string();
    let (_, listed, _) = run(&["list", "--data-dir", &data_dir]);
    assert!(listed.contains(id) && listed.contains("\tactive\t") && listed.contains("/analytics/export"), "{listed}");
    let (code, _, told) = run(&[&["create", "/analytics/none", "--organization", "acme"][..], &at].concat());
    assert_eq!((code, told.contains("there is no question at /analytics/none")), (Some(2), true), "{told}");
    assert_eq!(run(&[&["revoke", id][..], &at].concat()).0, Some(0));
    let (code, _, told) = run(&[&["revoke", id][..], &at].concat());
    assert_eq!((code, told.contains("there is no link")), (Some(2), true), "{told}");
    assert_eq!(run(&[&["list"][..], &at].concat()).1, "");
}
