//! Invitations: who may make them, that each makes one person a member, once, and whom.

use serde_json::{Value, json};

use crate::support::mail::smtp;
use crate::support::provider::{Provider, session_of};
use crate::support::receiver::DEADLINE;
use crate::support::{Answer, OPERATOR, Server};

fn directory() -> Value {
    json!({
        "organizations": [{"id": "acme", "name": "Acme"}, {"id": "beta"}],
        "projects": [{"id": "web", "organizationId": "acme"}],
        "users": [{"id": "olga", "name": "Olga"}, {"id": "ada", "email": "ada@acme.example"},
            {"id": "ben", "email": "ben@beta.example"}],
        "members": [{"organizationId": "acme", "userId": "olga", "role": "owner"},
            {"organizationId": "acme", "userId": "ada", "role": "developer", "projectIds": []},
            {"organizationId": "beta", "userId": "ben", "role": "owner"}],
    })
}

fn installed() -> Server {
    let server = Server::start();
    server.put("/v1/directory", OPERATOR, &directory()).ok();
    server
}

fn new(email: &str, extra: &Value) -> Value {
    let mut body = json!({"organizationId": "acme", "email": email, "role": "developer", "projectIds": ["web"]});
    body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    body
}

/// Makes an invitation: its id, and the secret of its link.
fn invite(server: &Server, token: &str, email: &str) -> (String, String) {
    let made = server.post("/v1/invitations", token, &new(email, &json!({}))).ok().json();
    let url = made["url"].as_str().unwrap();
    let secret = url.strip_prefix(&format!("{}/invitation#", server.url)).unwrap_or_else(|| panic!("{url}"));
    (made["id"].as_str().unwrap().to_owned(), secret.to_owned())
}

fn by_link(server: &Server, what: &str, secret: &str, extra: &Value) -> Answer {
    let mut body = json!({"secret": secret});
    body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    let headers = [("content-type", "application/json")];
    server.send("POST", &format!("/v1/invitations/{what}"), &headers, body.to_string().as_bytes())
}

fn accept(server: &Server, secret: &str) -> Answer {
    by_link(server, "accept", secret, &json!({}))
}

fn me(server: &Server, cookie: &str) -> Value {
    server.send("GET", "/v1/me", &[("cookie", cookie)], b"").ok().json()
}

fn invitations(server: &Server, token: &str) -> Vec<Value> {
    let path = "/v1/invitations?organizationId=acme";
    server.get(path, token).ok().json()["invitations"].as_array().unwrap().clone()
}

#[test]
fn a_link_makes_one_person_a_member_once_and_signs_them_in() {
    let server = installed();
    let olga = server.user_token("olga");
    let (id, secret) = invite(&server, &olga, "new@acme.example");
    let listed = invitations(&server, &olga);
    assert_eq!(
        (&listed[0]["id"], &listed[0]["status"], &listed[0]["invitedBy"]),
        (&json!(id), &json!("open"), &json!("Olga"))
    );
    assert!(!json!(listed).to_string().contains(&secret));
    let shown = by_link(&server, "read", &secret, &json!({})).ok().json();
    assert_eq!(
        (&shown["organizationName"], &shown["role"], &shown["invitedBy"]),
        (&json!("Acme"), &json!("developer"), &json!("Olga"))
    );
    let accepted = accept(&server, &secret).ok();
    assert_eq!(accepted.json(), json!({"signInAt": null}));
    let cookie = session_of(&accepted);
    let who = me(&server, &cookie);
    assert_eq!(
        (&who["user"]["email"], &who["organizations"][0]["role"]),
        (&json!("new@acme.example"), &json!("developer"))
    );
    let projects = server.send("GET", "/v1/projects?organizationId=acme", &[("cookie", &*cookie)], b"").ok().json();
    assert_eq!(projects["projects"][0]["id"], "web");
    for what in ["accept", "read"] {
        by_link(&server, what, &secret, &json!({})).is_problem(404, "it was accepted, has expired or was taken back");
    }
    assert!(invitations(&server, &olga).is_empty());
    let log = server.get("/v1/audit?organizationId=acme", &olga).ok().json();
    let actions: Vec<&str> =
        log["entries"].as_array().unwrap().iter().map(|entry| entry["action"].as_str().unwrap()).collect();
    for action in ["invitation-create", "invitation-accept", "token-create"] {
        assert!(actions.contains(&action), "{action} is not in {actions:?}");
    }
    assert!(!log.to_string().contains(&secret));
}

#[test]
fn an_owner_becomes_nobody_of_another_organization_by_inviting_them() {
    let server = installed();
    let olga = server.user_token("olga");
    let (_, secret) = invite(&server, &olga, "ben@beta.example");
    let who = me(&server, &session_of(&accept(&server, &secret).ok()));
    assert_eq!(who["organizations"].as_array().unwrap().len(), 1, "{who}");
    assert_ne!(who["user"]["id"], "ben");
    // Even the operator's opens the one organization, and somebody who is known stays who they are.
    let (_, secret) = invite(&server, OPERATOR, "ben@beta.example");
    let who = me(&server, &session_of(&accept(&server, &secret).ok()));
    let ids: Vec<&Value> = who["organizations"].as_array().unwrap().iter().map(|one| &one["id"]).collect();
    assert_eq!(ids, [&json!("acme")], "{who}");
    let (_, secret) = invite(&server, &olga, "Ada@acme.example");
    assert_eq!(me(&server, &session_of(&accept(&server, &secret).ok()))["user"]["id"], "ada");
}

#[test]
fn an_invitation_is_taken_back_by_hand_and_with_the_right_to_make_it() {
    let server = installed();
    let olga = server.user_token("olga");
    let (id, secret) = invite(&server, &olga, "new@acme.example");
    assert_eq!(server.delete(&format!("/v1/invitations/{id}"), &olga).status, 204);
    accept(&server, &secret).is_problem(404, "ask for another");
    let (_, secret) = invite(&server, &olga, "new@acme.example");
    let member = |role: &str| json!({"members": [{"organizationId": "acme", "userId": "olga", "role": role}]});
    server.put("/v1/directory", OPERATOR, &member("admin")).ok();
    accept(&server, &secret).is_problem(404, "ask for another");
    assert_eq!(invitations(&server, OPERATOR)[0]["status"], "closed");
    server.put("/v1/directory", OPERATOR, &member("owner")).ok();
    accept(&server, &secret).ok();
    let wrong = |body: &Value, words: &str| server.post("/v1/invitations", OPERATOR, body).is_problem(400, words);
    wrong(&new("nobody", &json!({})), "email is 'nobody'");
    wrong(&new("a@b.example", &json!({"days": 31})), "allowed are 1 to 30");
    wrong(&new("a@b.example", &json!({"role": "boss"})), "boss");
    let too_many = (0..30).find(|number| {
        let answer = server.post("/v1/invitations", &olga, &new(&format!("a{number}@b.example"), &json!({})));
        answer.status == 429
    });
    assert!(too_many.is_some_and(|made| made <= 20), "{too_many:?}");
}

#[test]
fn an_invitation_is_sent_where_the_server_sends_mail_and_shown_where_that_fails() {
    let folder = tempfile::tempdir().unwrap();
    let (url, got) = smtp();
    let settings = [("ROLLCALL_SMTP", url.as_str()), ("ROLLCALL_SMTP_FROM", "Rollcall <rollcall@example.com>")];
    let mut server = Server::start_set(folder.path(), OPERATOR, &settings);
    server.put("/v1/directory", OPERATOR, &directory()).ok();
    let made = server.post("/v1/invitations", &server.user_token("olga"), &new("new@acme.example", &json!({}))).ok();
    assert!(!made.text.contains("rc_invite_") && made.json()["warning"].is_null(), "{}", made.text);
    let (to, text) = got.recv_timeout(DEADLINE).unwrap();
    assert!(to.contains("<new@acme.example>"), "{to}");
    let text = text.replace("=\n", "").replace("=3D", "=");
    assert!(text.contains("Subject: Olga invites you to Acme\n"), "{text}");
    let secret = text.split_once("/invitation#").unwrap().1.split_whitespace().next().unwrap();
    accept(&server, secret).ok();
    server.terminate();
    let settings = [("ROLLCALL_SMTP", "smtp://127.0.0.1:9"), ("ROLLCALL_SMTP_FROM", "rollcall@example.com")];
    let server = Server::start_set(folder.path(), OPERATOR, &settings);
    let made = server.post("/v1/invitations", OPERATOR, &new("new@acme.example", &json!({}))).ok().json();
    assert!(made["warning"].as_str().unwrap().contains("could not be sent"), "{made}");
    assert!(made["url"].as_str().unwrap().contains("/invitation#rc_invite_"));
}

#[test]
fn where_people_sign_in_by_a_provider_their_account_there_accepts() {
    let (provider, folder) = (Provider::start(), tempfile::tempdir().unwrap());
    let file = folder.path().join("provider.json");
    std::fs::write(&file, provider.file(&json!({"enforce": true})).to_string()).unwrap();
    let settings = [("ROLLCALL_OIDC", file.to_str().unwrap())];
    let server = Server::start_set(&folder.path().join("store"), OPERATOR, &settings);
    server.put("/v1/directory", OPERATOR, &directory()).ok();
    let sign_in = |secret: &str| {
        let accepted = accept(&server, secret).ok();
        let at = accepted.json()["signInAt"].as_str().unwrap().to_owned();
        assert_eq!(at, "/v1/session/oidc?provider=Acme");
        let invited = accepted.header("set-cookie").to_owned();
        assert!(invited.contains("HttpOnly") && invited.contains("Path=/v1/session/oidc"), "{invited}");
        let (cookie, parameters) = provider.begin(&server, "?provider=Acme");
        let cookies = format!("{cookie}; {}", invited.split(';').next().unwrap());
        provider.end(&server, &cookies, &parameters)
    };
    // Nobody whom the directory knows, and whose address nobody has verified.
    provider.says(json!({"email": "whoever@elsewhere.example", "name": "New"}));
    assert_eq!(provider.sign_in(&server).status, 403);
    let (_, secret) = invite(&server, OPERATOR, "new@acme.example");
    let answer = sign_in(&secret);
    let who = me(&server, &session_of(&answer));
    assert_eq!((&who["user"]["name"], &who["organizations"][0]["id"]), (&json!("New"), &json!("acme")));
    let gone = answer.headers.get_all("set-cookie").iter().any(|cookie| {
        let cookie = cookie.to_str().unwrap();
        cookie.starts_with("rollcall_invitation=;") && cookie.contains("Max-Age=0")
    });
    assert!(gone, "the browser forgets the link");
    accept(&server, &secret).is_problem(404, "ask for another");
    // The same account from now on, without any link.
    assert_eq!(me(&server, &provider.session(&server))["user"]["id"], who["user"]["id"]);
    by_link(&server, "accept", &invite(&server, OPERATOR, "a@b.example").1, &json!({"provider": "Beta"}))
        .is_problem(404, "there is no provider 'Beta'");
    // Of two who have the link, the second gets nothing by it.
    let (_, secret) = invite(&server, OPERATOR, "other@acme.example");
    provider.says(json!({"sub": "s2", "name": "Other"}));
    provider.state.lock().unwrap().user_info = json!({"sub": "s2"});
    let (first, second) = (accept(&server, &secret).ok(), accept(&server, &secret).ok());
    let end = |accepted: &Answer| {
        let (cookie, parameters) = provider.begin(&server, "");
        let invited = accepted.header("set-cookie").split(';').next().unwrap();
        provider.end(&server, &format!("{cookie}; {invited}"), &parameters).status
    };
    assert_eq!(end(&first), 303);
    provider.says(json!({"sub": "s3"}));
    provider.state.lock().unwrap().user_info = json!({"sub": "s3"});
    assert_eq!(end(&second), 403);
}
