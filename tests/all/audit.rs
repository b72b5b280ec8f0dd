//! The audit log: what is in it, who reads it, and that changing it shows.

use std::path::Path;
use std::process::{Command, Output};

use crate::support::{BINARY, OPERATOR, Server};
use redb::{Database, ReadableTable, TableDefinition};
use serde_json::{Value, json};

const AUDIT: TableDefinition<&[u8], &[u8]> = TableDefinition::new("audit");

fn rollcall(arguments: &[&str]) -> Output {
    Command::new(BINARY).args(arguments).output().unwrap()
}

fn entries(server: &Server, query: &str, token: &str) -> Vec<Value> {
    let answer = server.get(&format!("/v1/audit?{query}"), token).ok().json();
    answer["entries"].as_array().unwrap().clone()
}

/// The actions of some entries, oldest first, with what they were done to and what came of it.
fn actions(entries: &[Value]) -> Vec<(String, String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    entries.iter().rev().map(|e| (text(&e["action"]), text(&e["target"]), text(&e["result"]))).collect()
}

fn populated(data_dir: &Path) -> Server {
    let server = Server::start_in(data_dir);
    let directory = json!({
        "members": [
            {"organizationId": "acme", "userId": "ada", "role": "owner"},
            {"organizationId": "beta", "userId": "ben", "role": "owner"},
        ],
    });
    server.put("/v1/directory", OPERATOR, &directory).ok();
    server
}

#[test]
fn what_is_done_is_written_down_and_owners_read_their_part() {
    let directory = tempfile::tempdir().unwrap();
    let server = populated(directory.path());
    let ada = server.post("/v1/tokens", OPERATOR, &json!({"kind": "user", "userId": "ada"})).ok().json();
    let ben = server.user_token("ben");
    let (id, secret) = (ada["id"].as_str().unwrap(), ada["token"].as_str().unwrap());
    let signed_in = server.post("/v1/session", "", &json!({"token": secret})).ok();
    let cookie = signed_in.header("set-cookie").split(';').next().unwrap().to_owned();
    server.send("DELETE", "/v1/session", &[("cookie", &cookie), ("x-rollcall-request", "1")], b"").ok();
    server.post("/v1/session", "", &json!({"token": "a-wrong-secret"})).is_problem(401, "unknown");
    server.delete("/v1/tokens/tok_none", OPERATOR).is_problem(404, "tok_none");
    server.delete("/v1/organizations/beta/members/ben", OPERATOR).ok();
    server.delete(&format!("/v1/tokens/{id}"), OPERATOR).ok();
    server.post("/v1/compact", OPERATOR, &Value::Null).ok();
    server.get("/v1/backup", OPERATOR).ok();
    server.post("/v1/verify", OPERATOR, &Value::Null).ok();

    let all = entries(&server, "", OPERATOR);
    let ben_id = all[all.len() - 6]["target"].as_str().unwrap();
    let expected = [
        ("token-create", "operator", "ok"),
        ("directory-change", "", "ok"),
        ("directory-change", "", "ok"),
        ("directory-change", "", "ok"),
        ("token-create", id, "ok"),
        ("token-create", ben_id, "ok"),
        ("sign-in", id, "ok"),
        ("sign-out", id, "ok"),
        ("sign-in", "", "the access token is unknown or revoked"),
        ("token-revoke", "tok_none", "there is no token 'tok_none'"),
        ("membership-end", "ben", "ok"),
        ("token-revoke", id, "ok"),
        ("compact", "", "ok"),
    ];
    let found = actions(&all);
    let found: Vec<_> = found.iter().map(|(a, b, c)| (a.as_str(), b.as_str(), c.as_str())).collect();
    assert_eq!(found[..expected.len()], expected);
    assert_eq!(found[expected.len()].0, "backup");
    assert!(found[expected.len()].1.ends_with(".redb"));
    assert_eq!(found[expected.len() + 1..], [("verify", "", "ok")]);
    let sequences: Vec<u64> = all.iter().map(|e| e["sequence"].as_u64().unwrap()).collect();
    assert_eq!(sequences, (1..=all.len() as u64).rev().collect::<Vec<_>>());
    assert_eq!(all.last().unwrap()["actor"], "server");
    assert_eq!(all[all.len() - 9]["actor"], "unknown");
    assert_eq!(all[all.len() - 7]["detail"], "from 127.0.0.1");
    let text = serde_json::to_string(&all).unwrap();
    for secret in [secret, &ben, OPERATOR, "a-wrong-secret", &cookie] {
        assert!(!text.contains(secret), "a secret is in the audit log");
    }
    assert!(server.log.lock().unwrap().contains(all[5]["hash"].as_str().unwrap()), "the log has it, too");

    let page = server.get("/v1/audit?limit=2", OPERATOR).ok().json();
    assert_eq!(page["entries"], json!(all[..2]));
    assert_eq!(entries(&server, &format!("limit=2&before={}", page["next"]), OPERATOR), all[2..4]);
    assert_eq!(server.get("/v1/audit?before=2", OPERATOR).ok().json()["next"], Value::Null);
    server.get("/v1/audit?limit=0", OPERATOR).is_problem(400, "limit is '0'; it must be a whole number from 1 to 1000");

    let ada = server.user_token("ada");
    let of_acme = actions(&entries(&server, "organizationId=acme", &ada));
    let of_acme: Vec<_> = of_acme.iter().map(|(action, ..)| action.as_str()).collect();
    assert_eq!(
        of_acme,
        ["directory-change", "token-create", "sign-in", "sign-out", "token-revoke", "token-create"],
        "the organization's own, and its members' tokens"
    );
    let of_beta = entries(&server, "organizationId=beta", OPERATOR);
    assert_eq!(of_beta[0]["detail"], "member ben (membership active → ended)");
    assert_eq!(of_beta[1]["detail"], "member ben (role owner); organization beta");
    server.get("/v1/audit?organizationId=beta", &ada).is_problem(403, "the audit log is for the operator");
}

/// What somebody would have believed: that an entry says what was there before, and that nothing happened where nothing
/// did.
#[test]
fn a_change_says_old_and_new_and_what_changed_nothing_leaves_no_entry() {
    let directory = tempfile::tempdir().unwrap();
    let server = populated(directory.path());
    let put = |body: Value| server.put("/v1/directory", OPERATOR, &body).ok().json()["written"].clone();
    let names = json!({
        "organizations": [{"id": "acme", "name": "Acme"}],
        "users": [{"id": "ada", "name": "Ada"}],
        "projects": [{"id": "web", "organizationId": "acme", "name": "Web"}],
    });
    assert_eq!(put(names.clone()), 3);
    let before = entries(&server, "", OPERATOR).len();
    assert_eq!(put(names), 0);
    assert_eq!(put(json!({})), 0);
    assert_eq!(entries(&server, "", OPERATOR).len(), before, "the directory is as it was");
    let changed = json!({
        "organizations": [{"id": "acme", "retentionDays": 90}],
        "projects": [{"id": "web", "organizationId": "acme", "name": "Website", "status": "deleted"}],
        "members": [{"organizationId": "acme", "userId": "ada", "role": "admin"}],
    });
    assert_eq!(put(changed), 3);
    let last = entries(&server, "limit=1", OPERATOR)[0].clone();
    let expected = "member ada (role owner → admin); organization acme (kept for ever → 90 days); \
                    project web (name 'Web' → 'Website', status active → deleted)";
    assert_eq!(last["detail"], expected);
    assert_eq!(last["organizationName"], "Acme");
    assert_eq!((&last["actor"], &last["actorName"]), (&json!("operator"), &json!("first operator token")));
}

#[test]
fn the_log_is_found_by_person_and_day_and_is_a_table() {
    let directory = tempfile::tempdir().unwrap();
    let server = populated(directory.path());
    server.put("/v1/directory", OPERATOR, &json!({"users": [{"id": "ada", "name": "Ada, Lady"}]})).ok();
    let (ada, ben) = (server.user_token("ada"), server.user_token("ben"));
    server.post("/v1/session", "", &json!({"token": ada})).ok();
    let of = |query: &str| {
        let found = entries(&server, query, OPERATOR);
        found.iter().map(|e| format!("{} {}", e["action"].as_str().unwrap(), e["userName"])).collect::<Vec<_>>()
    };
    assert_eq!(of("userId=ada"), ["sign-in \"Ada, Lady\"", "token-create \"Ada, Lady\""]);
    assert_eq!(of("userId=ben"), ["token-create null"], "somebody without a name");
    assert_eq!(of("userId=nobody"), [""; 0]);
    assert_eq!(of("userId=ada&organizationId=acme").len(), 2);
    assert_eq!(of("to=2020-12-31"), [""; 0]);
    assert_eq!(of("from=2021-01-01&timezone=Asia/Kathmandu").len(), entries(&server, "", OPERATOR).len());
    for (query, words) in [
        ("from=2021-02-30", "from '2021-02-30' is no date"),
        ("from=2021-02-02&to=2021-02-01", "from 2021-02-02 is after to 2021-02-01"),
        ("timezone=Mars", "timezone 'Mars' is unknown"),
    ] {
        server.get(&format!("/v1/audit?{query}"), OPERATOR).is_problem(400, words);
    }

    let csv = server.get("/v1/audit?format=csv", OPERATOR).ok();
    assert_eq!(csv.header("content-type"), "text/csv; charset=utf-8");
    let lines: Vec<&str> = csv.text.split("\r\n").filter(|line| !line.is_empty()).collect();
    assert_eq!(lines.len(), 1 + entries(&server, "", OPERATOR).len(), "all of it at once");
    assert!(lines[0].starts_with("sequence,at,actor,actorName,action,target,targetName,organizationId,"));
    assert!(lines[1].contains(",sign-in,") && lines[1].contains(",\"Ada, Lady\","), "{}", lines[1]);
    assert_eq!(server.get("/v1/audit?format=csv&limit=2", OPERATOR).ok().text.lines().count(), 3);
    assert!(!csv.text.contains(&ben));
}

#[test]
fn the_chain_goes_on_after_a_crash_and_a_restore_and_commands_are_in_it() {
    let directory = tempfile::tempdir().unwrap();
    let data_dir = directory.path().join("data");
    let mut server = populated(&data_dir);
    server.kill();
    let dir = data_dir.to_str().unwrap();
    let backups = directory.path().to_str().unwrap();
    assert!(rollcall(&["token", "create", "operator", "--data-dir", dir]).status.success());
    let backup = rollcall(&["backup", backups, "--data-dir", dir]);
    let backup = String::from_utf8(backup.stdout).unwrap();
    let restored = rollcall(&["restore", backup.trim(), "--data-dir", dir, "--force"]);
    assert!(restored.status.success(), "{}", String::from_utf8_lossy(&restored.stderr));
    let server = Server::start_in(&data_dir);
    let all = entries(&server, "", OPERATOR);
    let (restore, create) = (&all[0], &all[1]);
    assert_eq!((&restore["action"], &restore["actor"]), (&json!("restore"), &json!("command")));
    assert!(backup.trim().ends_with(restore["target"].as_str().unwrap()));
    assert_eq!((&create["action"], &create["actor"]), (&json!("token-create"), &json!("command")));
    let checked = server.post("/v1/verify", OPERATOR, &Value::Null).ok().json()["checked"].clone();
    assert_eq!(checked["auditEntries"], restore["sequence"]);
    assert_eq!(checked["auditHead"], restore["hash"]);
}

#[test]
fn tampering_shows() {
    let directory = tempfile::tempdir().unwrap();
    let dir = directory.path().to_str().unwrap();
    let mut server = populated(directory.path());
    server.terminate();
    let verify = || rollcall(&["verify", "--data-dir", dir]);
    let right = verify();
    assert!(right.status.success());
    assert!(String::from_utf8_lossy(&right.stdout).contains("audit log: 4 entries, the last has the hash "));
    let change = |number: u64, to: Option<&dyn Fn(Vec<u8>) -> Vec<u8>>| {
        let database = Database::open(directory.path().join("rollcall.redb")).unwrap();
        let transaction = database.begin_write().unwrap();
        let key = number.to_be_bytes();
        let mut table = transaction.open_table(AUDIT).unwrap();
        let value = table.get(&key[..]).unwrap().unwrap().value().to_vec();
        match to {
            Some(to) => drop(table.insert(&key[..], &to(value.clone())[..]).unwrap()),
            None => drop(table.remove(&key[..]).unwrap()),
        }
        drop(table);
        transaction.commit().unwrap();
        value
    };
    let check_found = |words: &str| {
        let found = verify();
        assert_eq!(found.status.code(), Some(1));
        let text = String::from_utf8_lossy(&found.stderr).into_owned();
        assert!(text.contains(words), "'{text}' does not say '{words}'");
    };
    let other = |mut value: Vec<u8>| {
        let at = value.windows(8).position(|w| w == b"operator").unwrap();
        value[at..at + 8].copy_from_slice(b"somebody");
        value
    };
    let before = change(2, Some(&other));
    check_found("audit entry 2 is not what was written");
    change(2, Some(&|_| before.clone()));
    assert!(verify().status.success());
    change(3, None);
    check_found("audit entry 3 is missing");
}
