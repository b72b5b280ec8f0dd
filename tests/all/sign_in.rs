//! Signing in elsewhere: by a provider of OpenID Connect that says whatever it likes, and by a proxy in front. A real one is
//! in `web/tests/sign-in.browser.test.mjs`.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::support::provider::{CLIENT_SECRET, CODE, Provider, Signed, now, session_of};
use crate::support::{Answer, BINARY, OPERATOR, Server, bearer};

const ISSUED: &str = "http://schemas.openid.net/event/backchannel-logout";

/// A server that people sign in to by a provider, with a directory.
struct Installation {
    server: Server,
    provider: Provider,
    directory: tempfile::TempDir,
}

fn directory() -> Value {
    json!({
        "organizations": [{"id": "acme", "name": "Acme"}, {"id": "beta"}],
        "projects": [{"id": "web", "organizationId": "acme"}, {"id": "api", "organizationId": "acme"}],
        "users": [{"id": "ada", "email": "Ada@acme.example"}, {"id": "ben", "email": "ben@acme.example"},
            {"id": "twin1", "email": "twin@acme.example"}, {"id": "twin2", "email": "twin@acme.example"}],
        "members": [{"organizationId": "acme", "userId": "ada", "role": "developer", "projectIds": ["web"]},
            {"organizationId": "acme", "userId": "ben", "role": "owner"}],
    })
}

fn start(directory: &Path, files: &[(&str, &Value)]) -> Server {
    let settings: Vec<(&str, String)> = files
        .iter()
        .map(|(variable, file)| {
            let path = directory.join(format!("{variable}.json"));
            std::fs::write(&path, file.to_string()).unwrap();
            (*variable, path.display().to_string())
        })
        .collect();
    let settings: Vec<(&str, &str)> = settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
    Server::start_set(&directory.join("store"), OPERATOR, &settings)
}

fn installed(extra: &Value) -> Installation {
    let (provider, folder) = (Provider::start(), tempfile::tempdir().unwrap());
    let server = start(folder.path(), &[("ROLLCALL_OIDC", &provider.file(extra))]);
    server.put("/v1/directory", OPERATOR, &directory()).ok();
    Installation { server, provider, directory: folder }
}

fn verified(email: &str) -> Value {
    json!({"email": email, "email_verified": true, "name": "Ada"})
}

fn with(mut object: Value, extra: &Value) -> Value {
    object.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    object
}

fn by_cookie(server: &Server, method: &str, path: &str, cookie: &str) -> Answer {
    server.send(method, path, &[("cookie", cookie), ("x-rollcall-request", "1")], b"")
}

fn me(server: &Server, cookie: &str) -> Value {
    by_cookie(server, "GET", "/v1/me", cookie).ok().json()
}

/// Roles by organization.
fn roles(me: &Value) -> String {
    let organizations = me["organizations"].as_array().unwrap().iter();
    organizations.map(|one| format!("{}:{} ", one["id"].as_str().unwrap(), one["role"].as_str().unwrap())).collect()
}

fn audit(server: &Server) -> Vec<Value> {
    server.get("/v1/audit", OPERATOR).ok().json()["entries"].as_array().unwrap().clone()
}

#[test]
fn somebody_signs_in_and_is_known_by_their_identity_ever_after() {
    let Installation { mut server, provider, directory: _kept } = installed(&json!({}));
    provider.says(verified("ada@acme.example"));
    let (cookie, parameters) = provider.begin(&server, "?next=%2Forganizations%2Facme%2Fanalytics%3Ffrom%3D2026-06-01");
    let expected = [("response_type", "code"), ("client_id", "rollcall"), ("code_challenge_method", "S256")];
    for (name, value) in expected {
        assert_eq!(parameters[name], value);
    }
    assert_eq!(parameters["redirect_uri"], format!("{}/v1/session/oidc/callback", server.url));
    // Without groups to map there is no use for the scope, though the provider has it.
    assert_eq!(parameters["scope"], "openid email profile");
    assert!(parameters["state"].len() == 64 && parameters["nonce"].len() == 64);
    let ended = provider.end(&server, &cookie, &parameters);
    assert_eq!((ended.status, ended.header("location")), (303, "/organizations/acme/analytics?from=2026-06-01"));
    let session = session_of(&ended);
    let ada = me(&server, &session);
    assert_eq!((&ada["user"]["id"], roles(&ada)), (&json!("ada"), "acme:developer ".to_owned()));
    // A name that nobody knew is filled in; nothing else was written.
    assert_eq!(ada["user"]["name"], "Ada");
    let told = audit(&server);
    assert_eq!((&told[0]["action"], &told[0]["userId"]), (&json!("sign-in"), &json!("ada")));
    assert!(told[0]["detail"].as_str().unwrap().starts_with("by 'Acme' as 's1', from 127.0.0.1"));
    assert_eq!(told[1]["action"], "account-update");
    assert!(told[1]["detail"].as_str().unwrap().contains("(of user 'ada')"), "{}", told[1]["detail"]);

    // The address is somebody else's now, and the identity is still hers, also after a restart.
    provider.says(verified("ben@acme.example"));
    assert_eq!(me(&server, &provider.session(&server))["user"]["id"], "ada");
    assert_eq!(server.terminate(), Some(0));
    let settings = [("ROLLCALL_OIDC", &*provider_file(&provider, &server))];
    let server = Server::start_set(&server.data_dir, OPERATOR, &settings);
    assert_eq!(me(&server, &session)["user"]["id"], "ada", "a restart keeps people signed in");
    assert_eq!(me(&server, &provider.session(&server))["user"]["id"], "ada");
    let log = server.log.lock().unwrap().clone();
    assert!(!log.contains(CLIENT_SECRET) && !log.contains(CODE), "{log}");
    assert!(!audit(&server).iter().any(|entry| entry.to_string().contains(CLIENT_SECRET)));
}

fn provider_file(provider: &Provider, server: &Server) -> String {
    let path = server.data_dir.with_file_name("again.json");
    std::fs::write(&path, provider.file(&json!({})).to_string()).unwrap();
    path.display().to_string()
}

#[test]
fn what_a_provider_has_not_signed_for_this_sign_in_opens_nothing() {
    let Installation { server, provider, directory: _kept } = installed(&json!({}));
    let check = |claims: Value, signed: Signed, words: &str| {
        provider.says(with(verified("ada@acme.example"), &claims));
        provider.state.lock().unwrap().signed = signed;
        let answer = provider.sign_in(&server);
        answer.is_problem(403, words);
        let cookies: Vec<_> = answer.headers.get_all("set-cookie").iter().collect();
        assert!(!cookies.iter().any(|cookie| cookie.to_str().unwrap().starts_with("rollcall_session")), "{cookies:?}");
    };
    use Signed::{ByAnother, BySecret, ForOtherClaims, None, Rightly};
    check(json!({"nonce": "another"}), Rightly, "nonce");
    check(json!({"nonce": null}), Rightly, "nonce");
    check(json!({"aud": "another"}), Rightly, "audience");
    check(json!({"aud": ["rollcall", "another"]}), Rightly, "audience");
    check(json!({"iss": "http://127.0.0.1:1"}), Rightly, "issuer");
    check(json!({"exp": now() - 3_600}), Rightly, "expired");
    check(json!({"iat": now() + 3_600}), Rightly, "issued at");
    check(json!({"sub": "  "}), Rightly, "subject");
    check(json!({}), None, "signature");
    check(json!({}), BySecret, "algorithm");
    check(json!({}), ByAnother, "ignature");
    check(json!({}), ForOtherClaims, "ignature");
    // Clocks differ a little.
    provider.says(with(verified("ada@acme.example"), &json!({"exp": now() - 20, "iat": now() + 20})));
    provider.state.lock().unwrap().signed = Rightly;
    provider.session(&server);
}

#[test]
fn a_sign_in_ends_once_and_in_the_browser_that_began_it() {
    let Installation { server, provider, directory: _kept } = installed(&json!({}));
    provider.says(verified("ada@acme.example"));
    let (cookie, parameters) = provider.begin(&server, "");
    let (other, _) = provider.begin(&server, "");
    let callback = |query: &str, cookie: &str| {
        server.send("GET", &format!("/v1/session/oidc/callback?{query}"), &[("cookie", cookie)], b"")
    };
    let state = &parameters["state"];
    callback(&format!("code={CODE}&state={state}"), "").is_problem(400, "not begun in this browser");
    callback(&format!("code={CODE}&state={state}"), &other).is_problem(400, "not begun in this browser");
    callback(&format!("code={CODE}"), &cookie).is_problem(400, "not begun in this browser");
    callback(&format!("code={CODE}&state={state}&iss=https://evil.example"), &cookie).is_problem(403, "evil.example");
    callback(&format!("error=access_denied&error_description=no&state={state}"), &cookie)
        .is_problem(403, "access_denied: no");
    callback(&format!("state={state}"), &cookie).is_problem(400, "code is missing");
    // Of the one code, one is answered.
    let (cookie, parameters) = provider.begin(&server, "");
    let query = format!("code={CODE}&state={}&session_state=x", parameters["state"]);
    let first = callback(&query, &cookie);
    assert_eq!((first.status, first.header("location")), (303, "/"), "{}", first.text);
    let emptied = first.headers.get_all("set-cookie").iter().map(|cookie| cookie.to_str().unwrap().to_owned());
    assert!(emptied.into_iter().any(|set| set.starts_with("rollcall_sign_in_") && set.contains("Max-Age=0")));
    callback(&query, &cookie).is_problem(403, "that code is none");

    for next in ["//evil.example", "/%5Cevil.example", "https://evil.example", "/%09/evil.example", "evil"] {
        let answer = server.send("GET", &format!("/v1/session/oidc?next={next}"), &[], b"");
        answer.is_problem(400, "it must be a path of this page");
    }
    server.get("/v1/session/oidc?provider=Other", "").is_problem(404, "there are 'Acme'");
    // A person reads why at the page.
    let headers = [("accept", "text/html,*/*"), ("cookie", "")];
    let page = server.send("GET", "/v1/session/oidc/callback?state=0", &headers, b"");
    assert_eq!((page.status, page.header("location")), (303, "/?refused=expired"));
}

#[test]
fn an_address_links_once_where_it_is_verified_and_there_once() {
    let mapped = json!({"groups": [{"group": "eng", "organizationId": "acme", "role": "admin"}]});
    let Installation { server, provider, directory: _kept } = installed(&mapped);
    let check = |sub: &str, claims: Value, words: &str| {
        provider.says(with(claims, &json!({"sub": sub})));
        provider.state.lock().unwrap().user_info = json!({"sub": sub});
        provider.sign_in(&server).is_problem(403, words);
    };
    check("s1", json!({"email": "ada@acme.example", "email_verified": false}), "no verified e-mail address");
    check("s1", json!({"email": "ada@acme.example"}), "no verified e-mail address");
    check("s1", verified("twin@acme.example"), "several people");
    check("s1", verified("nobody@acme.example"), "not in this installation's directory");
    check("s1", with(verified("nobody@acme.example"), &json!({"groups": ["eng"]})), "not in this installation's");
    let denied = audit(&server);
    assert_eq!((&denied[0]["action"], &denied[0]["actor"]), (&json!("sign-in"), &json!("unknown")));
    assert!(denied[0]["result"].as_str().unwrap().contains("not in this installation's directory"));
    // What verifies an address is where the address is.
    provider.state.lock().unwrap().user_info =
        json!({"sub": "s1", "email": "ada@acme.example", "email_verified": true});
    provider.says(json!({"email": "ada@acme.example", "email_verified": false}));
    provider.sign_in(&server).is_problem(403, "no verified e-mail address");
    provider.says(json!({"email_verified": false}));
    assert_eq!(me(&server, &provider.session(&server))["user"]["id"], "ada", "by user info, as a text or not");
    check("s2", verified("ada@acme.example"), "signs in with another account");
    // User info of somebody else is of nobody.
    provider.says(json!({}));
    provider.state.lock().unwrap().user_info = with(json!({"sub": "s9"}), &verified("ben@acme.example"));
    provider.sign_in(&server).is_problem(403, "ubject");
}

#[test]
fn an_owner_who_has_no_token_makes_links_that_have_their_rights() {
    let Installation { server, provider, directory: _kept } = installed(&json!({}));
    let paying = json!({"organizations": [{"id": "acme", "plan": "enterprise"}]});
    server.put("/v1/directory", OPERATOR, &paying).ok();
    provider.says(verified("ben@acme.example"));
    let ben = provider.session(&server);
    let link = json!({"organizationId": "acme", "question": "/analytics/activity?groupBy=project", "format": "csv"});
    let headers = [("cookie", &*ben), ("x-rollcall-request", "1"), ("content-type", "application/json")];
    let made = server.send("POST", "/v1/links", &headers, link.to_string().as_bytes());
    assert_eq!(made.status, 201, "{}", made.text);
    let url = made.json()["url"].as_str().unwrap().to_owned();
    let open = || server.send("GET", &url[url.find("/v1/").unwrap()..], &[], b"");
    let listed = || server.get("/v1/links?organizationId=acme", OPERATOR).ok().json()["links"][0].clone();
    assert_eq!(open().status, 200);
    by_cookie(&server, "DELETE", "/v1/session", &ben);
    assert_eq!(open().status, 200, "it is not the session's");
    assert_eq!((&listed()["madeByName"], &listed()["status"]), (&json!("Ada"), &json!("active")));
    let role = |role: &str| json!({"members": [{"organizationId": "acme", "userId": "ben", "role": role}]});
    server.put("/v1/directory", OPERATOR, &role("developer")).ok();
    open().is_problem(403, "the link is closed");
    server.put("/v1/directory", OPERATOR, &role("owner")).ok();
    assert_eq!(open().status, 200);
    let id = listed()["id"].as_str().unwrap().to_owned();
    assert_eq!(server.delete(&format!("/v1/links/{id}"), OPERATOR).status, 204);
    open().is_problem(404, "revoked");
}

#[test]
fn groups_give_at_each_sign_in_what_they_are_mapped_to_and_nothing_else() {
    let mapped = json!({
        "unknown": "member",
        "groups": [
            {"group": "eng", "organizationId": "acme", "role": "developer", "projectIds": ["api"], "teamId": "core"},
            {"group": "boss", "organizationId": "acme", "role": "admin"},
            {"group": "boss", "organizationId": "beta", "role": "owner"},
        ],
    });
    let Installation { server, provider, directory: _kept } = installed(&mapped);
    let sign_in = |claims: Value, user_info: Value| {
        provider.says(with(verified("ada@acme.example"), &claims));
        provider.state.lock().unwrap().user_info = with(json!({"sub": "s1"}), &user_info);
        me(&server, &provider.session(&server))
    };
    let (_, parameters) = provider.begin(&server, "");
    assert_eq!(parameters["scope"], "openid email profile groups");
    assert_eq!(roles(&sign_in(json!({"groups": ["boss"]}), json!({}))), "acme:admin beta:owner ");
    assert_eq!(roles(&sign_in(json!({}), json!({"groups": ["boss"]}))), "acme:admin beta:owner ", "by user info");
    assert_eq!(roles(&sign_in(json!({"groups": []}), json!({"groups": ["boss"]}))), "acme:developer ", "it has them");
    assert_eq!(roles(&sign_in(json!({"groups": "boss"}), json!({}))), "acme:admin beta:owner ", "one as a text");
    // What the directory gave stays; the group's project is beside its own.
    assert_eq!(roles(&sign_in(json!({"groups": ["eng", "Boss", "other"]}), json!({}))), "acme:developer ");
    let of = server.get("/v1/directory?organizationId=acme", OPERATOR).ok().json();
    let ada = of["members"].as_array().unwrap().iter().find(|one| one["userId"] == "ada").unwrap();
    assert_eq!(ada["projectIds"], json!(["api", "web"]));
    assert_eq!(of["teams"][0]["id"], "core");
    assert!(of["assignments"].to_string().contains("\"core\""), "{of}");
    // Groups that are cut off give nothing, and say why.
    let many =
        json!({"_claim_names": {"groups": "src1"}, "_claim_sources": {"src1": {"endpoint": "https://x.example"}}});
    for cut_off in [many.clone(), json!({"hasgroups": true}), json!({"groups": [{"value": "boss"}]})] {
        sign_in(json!({"groups": ["boss"]}), json!({}));
        let ada = sign_in(cut_off.clone(), json!({"groups": ["boss"]}));
        assert_eq!(roles(&ada), "acme:developer ", "{cut_off}");
        assert!(ada["notice"].as_str().is_some_and(|why| why.contains("group")), "{ada}");
        let told = audit(&server);
        let signed_in = told.iter().find(|entry| entry["action"] == "sign-in").unwrap();
        assert!(signed_in["detail"].as_str().unwrap().ends_with(ada["notice"].as_str().unwrap()), "{signed_in}");
    }
    assert_eq!(sign_in(json!({"groups": ["eng"]}), json!({}))["notice"], Value::Null);

    // Somebody new is what their groups say, and nobody without one.
    let new = |claims: Value| {
        provider.says(with(verified("new@acme.example"), &with(json!({"sub": "s2"}), &claims)));
        provider.state.lock().unwrap().user_info = json!({"sub": "s2"});
        provider.sign_in(&server)
    };
    new(json!({"groups": ["other"]})).is_problem(403, "none of your groups gives access");
    new(json!({})).is_problem(403, "none of your groups gives access");
    new(many).is_problem(403, "so many groups");
    let entered = me(&server, &session_of(&new(json!({"groups": ["eng"]}))));
    assert_eq!(
        (roles(&entered), &entered["user"]["email"]),
        ("acme:developer ".to_owned(), &json!("new@acme.example"))
    );
    assert!(entered["user"]["id"].as_str().unwrap().starts_with("usr_"), "no id that a gateway knows");
    assert_eq!(roles(&me(&server, &session_of(&new(json!({"groups": []}))))), "", "what the group gave is gone");
}

#[test]
fn a_provider_may_change_its_keys_and_be_away() {
    let Installation { server, provider, directory: _kept } = installed(&json!({}));
    provider.says(verified("ada@acme.example"));
    let session = provider.session(&server);
    // Between the beginning and the end, so that what was known a moment ago is of before.
    let (cookie, parameters) = provider.begin(&server, "");
    provider.rotates();
    assert_eq!(provider.end(&server, &cookie, &parameters).status, 303);
    let asked = provider.state.lock().unwrap().asked["/jwks"];
    provider.state.lock().unwrap().signed = Signed::ByAnother;
    provider.sign_in(&server).is_problem(403, "ignature");
    let more = provider.state.lock().unwrap().asked["/jwks"] - asked;
    assert!(more <= 3, "asked {more} times for the keys of one sign-in");

    provider.state.lock().unwrap().signed = Signed::Rightly;
    let (cookie, parameters) = provider.begin(&server, "");
    provider.state.lock().unwrap().down = true;
    provider.end(&server, &cookie, &parameters).is_problem(503, "'Acme' does not answer");
    let html = [("accept", "text/html")];
    let begun = || server.send("GET", "/v1/session/oidc", &html, b"");
    // What it said a moment ago may still be believed.
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
    while begun().header("location") != "/?refused=down" {
        assert!(std::time::Instant::now() < deadline);
        std::thread::yield_now();
    }
    assert_eq!(me(&server, &session)["user"]["id"], "ada", "who is signed in stays");
    provider.state.lock().unwrap().down = false;
}

#[test]
fn whoever_signs_out_at_the_provider_is_signed_out_here() {
    let Installation { server, provider, directory: _kept } = installed(&json!({}));
    let session = |sid: &str| {
        provider.says(with(verified("ada@acme.example"), &json!({"sid": sid})));
        provider.session(&server)
    };
    let (one, two) = (session("one"), session("two"));
    let send = |token: &str| {
        let headers = [("content-type", "application/x-www-form-urlencoded")];
        let body = format!("logout_token={token}");
        server.send("POST", "/v1/session/oidc/backchannel", &headers, body.as_bytes())
    };
    let token = |claims: Value| provider.token("logout+jwt", &with(json!({"events": {ISSUED: {}}}), &claims));
    let is_there = |cookie: &str| by_cookie(&server, "GET", "/v1/me", cookie).status == 200;
    for wrong in [
        json!({"nonce": "n"}),
        json!({"events": {}}),
        json!({"aud": "another"}),
        json!({"exp": now() - 3_600}),
        json!({"events": {ISSUED: true}}),
    ] {
        send(&token(wrong)).is_problem(400, "refused");
    }
    send("nonsense").is_problem(400, "no such token");
    provider.state.lock().unwrap().signed = Signed::ByAnother;
    send(&token(json!({}))).is_problem(400, "ignature");
    provider.state.lock().unwrap().signed = Signed::Rightly;
    assert!(is_there(&one) && is_there(&two));
    assert_eq!(send(&token(json!({"sid": "one"}))).ok().header("cache-control"), "no-store");
    assert_eq!((is_there(&one), is_there(&two)), (false, true));
    send(&token(json!({"sub": "another"}))).ok();
    assert!(is_there(&two));
    send(&token(json!({}))).ok();
    assert!(!is_there(&two));
    assert_eq!(audit(&server)[0]["action"], "sign-out");
}

#[test]
fn whoever_signs_out_here_is_led_to_sign_out_at_the_provider() {
    let Installation { server, provider, directory: _kept } = installed(&json!({}));
    provider.says(verified("ben@acme.example"));
    let session = provider.session(&server);
    assert_eq!(by_cookie(&server, "DELETE", "/v1/session", &session).status, 204, "this one has no such thing");
    let Installation { server, provider, directory: _kept } = installed(&json!({}));
    provider.says(verified("ben@acme.example"));
    provider.state.lock().unwrap().signs_out = true;
    let signed_in = || {
        let answer = provider.sign_in(&server);
        let cookies = answer.headers.get_all("set-cookie").iter().map(|cookie| cookie.to_str().unwrap().to_owned());
        let hint = cookies.into_iter().find(|cookie| cookie.starts_with("rollcall_sign_out="));
        (session_of(&answer), hint.expect("the browser has it"))
    };
    let (session, hint) = signed_in();
    assert!(hint.contains("HttpOnly") && hint.contains("Path=/v1/session"), "{hint}");
    let id_token = hint.split(['=', ';']).nth(1).unwrap();
    let answer =
        by_cookie(&server, "DELETE", "/v1/session", &format!("{session}; {}", hint.split(';').next().unwrap()));
    let leads_to = answer.json()["leadsTo"].as_str().unwrap().to_owned();
    let (at, query) = leads_to.split_once('?').unwrap();
    assert_eq!(at, format!("{}/end", provider.issuer));
    let query: std::collections::HashMap<String, String> =
        form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    assert_eq!((query["id_token_hint"].as_str(), query["client_id"].as_str()), (id_token, "rollcall"));
    assert_eq!(query["post_logout_redirect_uri"], format!("{}/", server.url));
    let gone =
        answer.headers.get_all("set-cookie").iter().filter(|cookie| cookie.to_str().unwrap().contains("Max-Age=0"));
    assert_eq!(gone.count(), 2);
    by_cookie(&server, "GET", "/v1/me", &session).is_problem(401, "");
    // Without it, by a provider that is away, and by one whose operator does not want it.
    let (session, _) = signed_in();
    provider.state.lock().unwrap().down = true;
    let leads_to = by_cookie(&server, "DELETE", "/v1/session", &session).ok().json()["leadsTo"].to_string();
    assert!(leads_to.contains("client_id=rollcall") && !leads_to.contains("id_token_hint"), "{leads_to}");
    provider.state.lock().unwrap().down = false;
    let folder = tempfile::tempdir().unwrap();
    let server = start(folder.path(), &[("ROLLCALL_OIDC", &provider.file(&json!({"signOut": false})))]);
    server.put("/v1/directory", OPERATOR, &directory()).ok();
    let session = provider.session(&server);
    assert_eq!(by_cookie(&server, "DELETE", "/v1/session", &session).status, 204);
}

#[test]
fn a_provider_may_have_an_authority_of_its_own() {
    let (provider, certificate) = Provider::start_tls();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ca.pem");
    std::fs::write(&path, certificate).unwrap();
    let by = |extra: &Value| {
        let folder = tempfile::tempdir().unwrap();
        let server = start(folder.path(), &[("ROLLCALL_OIDC", &provider.file(extra))]);
        server.put("/v1/directory", OPERATOR, &directory()).ok();
        (server, folder)
    };
    let (server, _kept) = by(&json!({}));
    server.send("GET", "/v1/session/oidc", &[], b"").is_problem(503, "does not answer as it should");
    let (server, _kept) = by(&json!({"caFile": path}));
    provider.says(verified("ben@acme.example"));
    assert_eq!(roles(&me(&server, &provider.session(&server))), "acme:owner ");
    // Another's word is worth nothing then.
    let rcgen::CertifiedKey { cert, .. } = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    std::fs::write(&path, cert.pem()).unwrap();
    let (server, _kept) = by(&json!({"caFile": path}));
    server.send("GET", "/v1/session/oidc", &[], b"").is_problem(503, "does not answer as it should");
}

#[test]
fn people_sign_in_by_the_provider_only_where_that_is_enforced_and_the_operator_always() {
    let Installation { mut server, provider, directory: folder } = installed(&json!({}));
    let token = server.user_token("ben");
    let by_token = |server: &Server, token: &str| server.post("/v1/session", "", &json!({"token": token}));
    let session = session_of(&by_token(&server, &token).ok());
    assert_eq!(server.terminate(), Some(0));
    let server = start(folder.path(), &[("ROLLCALL_OIDC", &provider.file(&json!({"enforce": true})))]);
    by_token(&server, &token).is_problem(403, "people sign in by 'Acme' here");
    by_cookie(&server, "GET", "/v1/me", &session).is_problem(401, "people sign in by 'Acme' here");
    assert_eq!(by_cookie(&server, "GET", "/v1/session", &session).ok().json(), Value::Null);
    // Programs go on, and nothing keeps the operator out.
    server.get("/analytics/activity?organizationId=acme", &token).ok();
    let operator = session_of(&by_token(&server, OPERATOR).ok());
    by_cookie(&server, "GET", "/v1/me", &operator).ok();
    by_cookie(&server, "DELETE", "/v1/tokens/operator", &operator).is_problem(409, "last operator token");
    provider.says(verified("ben@acme.example"));
    assert_eq!(roles(&me(&server, &provider.session(&server))), "acme:owner ");
}

#[test]
fn sessions_are_listed_and_ended_by_whose_they_are_and_by_the_operator() {
    let Installation { server, provider, directory: _kept } = installed(&json!({}));
    provider.says(verified("ada@acme.example"));
    let (first, second) = (provider.session(&server), provider.session(&server));
    let bens = session_of(&server.post("/v1/session", "", &json!({"token": server.user_token("ben")})).ok());
    let list = |cookie: &str| by_cookie(&server, "GET", "/v1/sessions", cookie).ok().json()["sessions"].clone();
    let own = list(&first);
    assert_eq!(own.as_array().unwrap().len(), 2);
    for one in own.as_array().unwrap() {
        assert_eq!((&one["userId"], &one["issuer"]), (&json!("ada"), &json!(provider.issuer)));
        assert_eq!((&one["from"], &one["tokenId"]), (&json!("127.0.0.1"), &Value::Null));
    }
    let id = |cookie: &str| {
        let sessions = list(cookie);
        let mut current = sessions.as_array().unwrap().iter().filter(|one| one["current"] == true);
        current.next().unwrap()["id"].as_str().unwrap().to_owned()
    };
    let secret = first.split_once('=').unwrap().1;
    assert!(!own.to_string().contains(&secret[..16]));
    let [first_id, second_id, bens_id] = [&first, &second, &bens].map(|cookie| id(cookie));
    let end = |id: &str, cookie: &str| by_cookie(&server, "DELETE", &format!("/v1/sessions/{id}"), cookie);
    end(&bens_id, &first).is_problem(404, "no session");
    assert_eq!(end(&second_id, &first).status, 204);
    by_cookie(&server, "GET", "/v1/me", &second).is_problem(401, "");
    assert_eq!(server.send("DELETE", &format!("/v1/sessions/{first_id}"), &[("cookie", &*first)], b"").status, 403);
    let all = server.get("/v1/sessions", OPERATOR).ok().json();
    assert_eq!(all["sessions"].as_array().unwrap().len(), 2);
    let of_ada = server.get("/v1/sessions?userId=ada", OPERATOR).ok().json();
    assert_eq!(of_ada["sessions"].as_array().unwrap().len(), 1);
    server.get("/v1/sessions?userId=ada", &server.user_token("ben")).is_problem(403, "for the operator");
    assert_eq!(server.delete(&format!("/v1/sessions/{first_id}"), OPERATOR).status, 204);
    by_cookie(&server, "GET", "/v1/me", &first).is_problem(401, "");
    assert_eq!(audit(&server)[0]["action"], "session-end");
}

#[test]
fn a_proxy_says_who_is_there_and_nobody_else_does() {
    let folder = tempfile::tempdir().unwrap();
    let file = json!({
        "sources": ["127.0.0.1"], "secretHeader": "X-Proxy-Secret: s3cret-of-the-proxy", "issuer": "urn:acme:saml",
        "headers": {"user": "X-User", "email": "X-Email", "name": "X-Name", "groups": "X-Groups"},
        "groupsSeparator": ";", "emailVerified": true,
        "groups": [{"group": "boss", "organizationId": "acme", "role": "admin"}],
    });
    let server = start(folder.path(), &[("ROLLCALL_TRUSTED_PROXY", &file)]);
    server.put("/v1/directory", OPERATOR, &directory()).ok();
    let secret = ("x-proxy-secret", "s3cret-of-the-proxy");
    let get = |headers: &[(&str, &str)]| server.send("GET", "/v1/me", headers, b"");
    let ada = [secret, ("x-user", "ada@idp"), ("x-email", "ada@acme.example"), ("x-name", "Ada Ürsprung")];
    let read = get(&ada).ok().json();
    assert_eq!((&read["user"]["id"], &read["user"]["name"]), (&json!("ada"), &json!("Ada Ürsprung")));
    assert_eq!(roles(&read), "acme:developer ");
    assert_eq!(roles(&get(&[&ada[..], &[("x-groups", "x;boss")]].concat()).ok().json()), "acme:admin ");
    assert_eq!(roles(&get(&[&ada[..], &[("x-groups", "(null)")]].concat()).ok().json()), "acme:developer ");

    // Who must not get in.
    get(&ada[1..]).is_problem(401, "needs an access token");
    get(&[("x-proxy-secret", "wrong"), ada[1], ada[2]]).is_problem(401, "needs an access token");
    get(&[&ada[..], &[secret]].concat()).is_problem(401, "needs an access token");
    get(&[&ada[..], &[("x-user", "ben@idp")]].concat()).is_problem(401, "'x-user' is there twice");
    get(&[secret, ("x-user", "(null)")]).is_problem(401, "needs an access token");
    get(&[secret, ("x-user", "stranger")]).is_problem(403, "none of your groups");
    get(&[secret, ("x-user", "stranger"), ("x-email", "x@acme.example"), ("x-groups", "y")])
        .is_problem(403, "none of your groups");
    // What the proxy has in Authorization is its own; a token of ours is ours.
    assert_eq!(get(&[&ada[..], &[("authorization", "Bearer eyJhbGciOi")]].concat()).ok().json()["user"]["id"], "ada");
    assert_eq!(get(&[&ada[..], &[("authorization", &bearer(OPERATOR))]].concat()).ok().json()["kind"], "operator");
    // Another site makes a browser ask, and the proxy adds who it is.
    let view = json!({"name": "v", "path": "/organizations/acme/keys"}).to_string();
    let post = |headers: &[(&str, &str)]| {
        let kind = ("content-type", "application/json");
        server.send("POST", "/v1/organizations/acme/views", &[headers, &[kind]].concat(), view.as_bytes())
    };
    post(&ada).is_problem(403, "x-rollcall-request");
    post(&[&ada[..], &[("x-rollcall-request", "1")]].concat()).ok();
    let told = audit(&server);
    assert_eq!(told[0]["actor"], "proxy:ada");
    let count = |action: &str| told.iter().filter(|one| one["action"] == action && one["userId"] == "ada").count();
    assert_eq!(count("sign-in"), 1, "and not each request");
    assert!(!told.iter().any(|entry| entry.to_string().contains("s3cret")));

    // Elsewhere the headers are nothing.
    drop(server);
    let elsewhere = with(file, &json!({"sources": ["203.0.113.0/24"]}));
    let server = start(folder.path(), &[("ROLLCALL_TRUSTED_PROXY", &elsewhere)]);
    let forwarded = [&ada[..], &[("x-forwarded-for", "203.0.113.9")]].concat();
    server.send("GET", "/v1/me", &forwarded, b"").is_problem(401, "needs an access token");
    let server = Server::start();
    server.send("GET", "/v1/me", &ada, b"").is_problem(401, "needs an access token");
}

#[test]
fn a_file_that_is_wrong_ends_the_start_and_names_the_field() {
    let folder = tempfile::tempdir().unwrap();
    let check = |flag: &str, file: &Value, words: &str| {
        let path = folder.path().join("file.json");
        std::fs::write(&path, file.to_string()).unwrap();
        let mut command = Command::new(BINARY);
        command.args(["serve", "--listen", "127.0.0.1:0", "--data-dir"]).arg(folder.path().join("store"));
        let ended = command.arg(flag).arg(&path).output().unwrap();
        let said = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert_eq!(ended.status.code(), Some(2), "{said}");
        assert!(said.contains(words) && said.contains("file.json") && !said.contains(CLIENT_SECRET), "{said}");
    };
    let oidc = |extra: Value| {
        with(
            json!({"issuer": "https://a.example", "clientId": "x", "clientSecret": CLIENT_SECRET, "name": "A"}),
            &extra,
        )
    };
    check("--oidc", &oidc(json!({"issuer": "http://a.example"})), "issuer is 'http://a.example'");
    check("--oidc", &oidc(json!({"unknown": "x"})), "unknown is 'x'");
    check("--oidc", &json!([oidc(json!({})), oidc(json!({}))]), "entry 2: name is 'A'");
    check("--trusted-proxy", &json!({"issuer": "x", "headers": {"user": "u"}}), "neither sources nor secretHeader");
}
