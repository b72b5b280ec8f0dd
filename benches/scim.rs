//! A company's directory provisions 10,000 people and 500 groups over SCIM, as such directories do: each person is looked
//! for, then made; each group is made, then its people are added, and one by one they leave and join. On one connection,
//! each request after the answer to the one before.
//!
//! `cargo bench --bench scim`

mod figures;
mod server;

use std::time::Instant;

use figures::figure;
use serde_json::{Value, json};
use server::{TOKEN, kill, start};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const USERS: usize = 10_000;
const GROUPS: usize = 500;
/// Changes of one person in the group that has everybody.
const CHANGES: usize = 1000;

fn main() {
    // Cargo asks bench targets for a list in some commands; there is none to give.
    if std::env::args().any(|a| a == "--list") {
        return;
    }
    let directory = tempfile::tempdir().expect("a directory");
    let (server, address) = start(directory.path());
    let agent: ureq::Agent = ureq::Agent::config_builder().build().into();
    let send = |token: &str, method: &str, path: &str, body: Value| -> Value {
        let request = ureq::http::Request::builder()
            .method(method)
            .uri(format!("http://{address}{path}"))
            .header("authorization", format!("Bearer {token}"))
            .header("content-type", "application/scim+json");
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let mut answer = agent.run(request.body(body).expect("a request")).expect("it is taken");
        let text = answer.body_mut().with_config().limit(1 << 30).read_to_string().expect("text");
        serde_json::from_str(&text).unwrap_or_default()
    };
    let token = send(TOKEN, "POST", "/v1/tokens", json!({"kind": "scim", "organizationId": "northwind"}));
    let token = token["token"].as_str().expect("a secret");
    let scim = |method: &str, path: &str, body: Value| send(token, method, &format!("/scim/v2{path}"), body);
    let id = |made: Value| made["id"].as_str().unwrap_or_else(|| panic!("it is made: {made}")).to_owned();

    let began = Instant::now();
    let users: Vec<String> = (0..USERS)
        .map(|number| {
            let name = format!("person{number}@northwind.example");
            scim("GET", &format!("/Users?filter=userName%20eq%20%22{name}%22"), Value::Null);
            let person = json!({
                "userName": name,
                "externalId": format!("ext-{number}"),
                "name": {"givenName": "Person", "familyName": number.to_string()},
                "emails": [{"value": name, "type": "work", "primary": true}],
                "active": true,
            });
            id(scim("POST", "/Users", person))
        })
        .collect();
    let made = began.elapsed().as_secs_f64();
    for (number, people) in users.chunks(USERS / GROUPS).enumerate() {
        let group = id(scim("POST", "/Groups", json!({"displayName": format!("Group {number}")})));
        let members: Vec<Value> = people.iter().map(|id| json!({"value": id})).collect();
        scim(
            "PATCH",
            &format!("/Groups/{group}"),
            json!({"Operations": [{"op": "add", "path": "members", "value": members}]}),
        );
    }
    let all = began.elapsed().as_secs_f64();
    figure("scim", "10,000 people and 500 groups provisioned, one request after another", &format!("{all:.1} s"));
    figure("scim", "of that the people, each looked for and then made", &format!("{made:.1} s"));

    let everybody: Vec<Value> = users.iter().map(|id| json!({"value": id})).collect();
    let group = id(scim("POST", "/Groups", json!({"displayName": "Everybody", "members": everybody})));
    let began = Instant::now();
    for user in users.iter().take(CHANGES / 2) {
        let path = format!("members[value eq \"{user}\"]");
        for operation in
            [json!({"op": "remove", "path": path}), json!({"op": "add", "path": "members", "value": [{"value": user}]})]
        {
            scim("PATCH", &format!("/Groups/{group}"), json!({"Operations": [operation]}));
        }
    }
    let each = began.elapsed().as_secs_f64() * 1e3 / CHANGES as f64;
    figure("scim", "one person leaves or joins a group of 10,000", &format!("{each:.2} ms"));
    kill(server);
}
