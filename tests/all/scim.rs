//! SCIM 2.0: people and groups as the directories of companies provision them. The conversations are in the shapes that
//! Okta and Microsoft Entra document.

use crate::support::{Answer, OPERATOR, Server, bearer, event};
use serde_json::{Value, json};

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
const PATCH: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";
const LIST: &str = "urn:ietf:params:scim:api:messages:2.0:ListResponse";
const ERROR: &str = "urn:ietf:params:scim:api:messages:2.0:Error";

/// A company's directory, with a token of one organization.
struct Company<'s> {
    server: &'s Server,
    token: String,
}

impl Company<'_> {
    fn of<'s>(server: &'s Server, organization: &str) -> Company<'s> {
        let token = server.token(&json!({"kind": "scim", "organizationId": organization, "label": "directory"}));
        Company { server, token }
    }

    fn ask(&self, method: &str, path: &str, body: &Value) -> Answer {
        let headers = [("authorization", &*bearer(&self.token)), ("content-type", "application/scim+json")];
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.server.send(method, &format!("/scim/v2{path}"), &headers, body.as_bytes())
    }

    fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, &Value::Null)
    }

    fn add(&self, path: &str, body: &Value) -> Value {
        let answer = self.ask("POST", path, body);
        assert_eq!(answer.status, 201, "{}", answer.text);
        answer.json()
    }

    fn add_user(&self, name: &str) -> String {
        let user = json!({"schemas": [USER], "userName": name, "active": true});
        self.add("/Users", &user)["id"].as_str().unwrap().to_owned()
    }

    fn add_group(&self, name: &str, members: &[&str]) -> String {
        let members: Vec<Value> = members.iter().map(|id| json!({"value": id})).collect();
        let group = json!({"schemas": [GROUP], "displayName": name, "members": members});
        self.add("/Groups", &group)["id"].as_str().unwrap().to_owned()
    }

    fn patch(&self, path: &str, operations: Value) -> Answer {
        let answer = self.ask("PATCH", path, &json!({"schemas": [PATCH], "Operations": operations}));
        assert!(matches!(answer.status, 200 | 204), "{} {}", answer.status, answer.text);
        answer
    }

    fn activate(&self, id: &str, active: bool) {
        self.patch(&format!("/Users/{id}"), json!([{"op": "replace", "path": "active", "value": active}]));
    }

    fn delete(&self, path: &str) {
        assert_eq!(self.ask("DELETE", path, &Value::Null).status, 204);
    }

    fn list(&self, kind: &str, query: &[(&str, &str)]) -> Value {
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(query).finish();
        let answer = self.get(&format!("/{kind}?{query}")).ok();
        assert_eq!(answer.header("content-type"), "application/scim+json");
        assert_eq!(answer.json()["schemas"], json!([LIST]));
        answer.json()
    }

    fn ids(&self, kind: &str, filter: &str) -> Vec<String> {
        let list = self.list(kind, &[("filter", filter)]);
        let found = list["Resources"].as_array().unwrap();
        assert_eq!(list["totalResults"], found.len());
        found.iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect()
    }

    fn members(&self, group: &str) -> Vec<String> {
        let members = self.get(&format!("/Groups/{group}")).ok().json()["members"].clone();
        let members = members.as_array().cloned().unwrap_or_default();
        members.iter().map(|member| member["value"].as_str().unwrap().to_owned()).collect()
    }
}

#[track_caller]
fn is_refused(answer: &Answer, status: u16, kind: Option<&str>, words: &str) {
    assert_eq!(answer.status, status, "{}", answer.text);
    assert_eq!(answer.header("content-type"), "application/scim+json");
    let body = answer.json();
    assert_eq!((&body["schemas"], &body["status"]), (&json!([ERROR]), &json!(status.to_string())));
    assert_eq!(body["scimType"].as_str(), kind, "{body}");
    assert!(body["detail"].as_str().unwrap().contains(words), "{body}");
}

fn with_directory() -> Server {
    let server = Server::start();
    let directory = json!({
        "organizations": [{"id": "acme", "timezone": "Europe/Berlin"}, {"id": "beta"}],
        "projects": [{"id": "web", "organizationId": "acme"}],
        "users": [
            {"id": "ada", "name": "Ada", "email": "ada@acme.example"},
            {"id": "ben", "email": "ben@acme.example"},
            {"id": "twin1", "email": "twin@acme.example"},
            {"id": "twin2", "email": "twin@acme.example"},
        ],
        "members": [
            {"organizationId": "acme", "userId": "ada", "role": "owner"},
            {"organizationId": "acme", "userId": "ben", "role": "developer", "projectIds": ["web"]},
            {"organizationId": "beta", "userId": "ben", "role": "admin"},
        ],
        "apiKeys": [{"id": "k1", "organizationId": "acme", "projectId": "web", "createdBy": "ben"}],
    });
    server.put("/v1/directory", OPERATOR, &directory).ok();
    server
}

/// What the directory says of somebody in an organization: role and status, or nothing.
fn member(server: &Server, organization: &str, user: &str) -> Option<(String, String)> {
    let directory = server.get(&format!("/v1/directory?organizationId={organization}"), OPERATOR).ok().json();
    let member = directory["members"].as_array()?.iter().find(|member| member["userId"] == user)?.clone();
    let text = |name: &str, usual: &str| member[name].as_str().unwrap_or(usual).to_owned();
    Some((text("role", ""), text("status", "active")))
}

fn is(role: &str, status: &str) -> Option<(String, String)> {
    Some((role.to_owned(), status.to_owned()))
}

#[test]
fn a_conversation_in_oktas_shapes() {
    let server = with_directory();
    let okta = Company::of(&server, "acme");
    // The connection is tested, then each person is looked for before they are made.
    okta.list("Users", &[("startIndex", "1"), ("count", "2")]);
    let none =
        okta.list("Users", &[("filter", "userName eq \"cleo@acme.example\""), ("startIndex", "1"), ("count", "100")]);
    assert_eq!((&none["totalResults"], &none["Resources"], &none["startIndex"]), (&json!(0), &json!([]), &json!(1)));
    let cleo = json!({
        "schemas": [USER],
        "userName": "cleo@acme.example",
        "name": {"givenName": "Cleo", "familyName": "Nile"},
        "emails": [{"primary": true, "value": "cleo@acme.example", "type": "work"}],
        "displayName": "Cleo Nile",
        "locale": "en-US",
        "externalId": "00ujl29u0le5T6Aj10h7",
        "groups": [],
        "password": "1mz050nq",
        "active": true,
    });
    let answer = okta.ask("POST", "/Users", &cleo);
    assert_eq!(answer.status, 201, "{}", answer.text);
    let made = answer.json();
    let id = made["id"].as_str().unwrap();
    assert_eq!(answer.header("location"), format!("{}/scim/v2/Users/{id}", server.url));
    assert_eq!(made["meta"]["location"], answer.header("location"));
    assert_eq!(answer.header("etag"), made["meta"]["version"]);
    for name in ["userName", "name", "emails", "displayName", "externalId", "active"] {
        assert_eq!(made[name], cleo[name]);
    }
    assert!(!answer.text.contains("1mz050nq") && made.get("locale").is_none(), "what is not kept is not given back");
    assert_eq!(member(&server, "acme", id), is("developer", "active"));
    let path = format!("/Users/{id}");
    assert_eq!(okta.get(&path).ok().json(), made);

    let mut married = cleo;
    married["name"]["familyName"] = "Delta".into();
    married["displayName"] = "Cleo Delta".into();
    let put = okta.ask("PUT", &path, &married).ok().json();
    assert_eq!((&put["name"]["familyName"], &put["id"]), (&json!("Delta"), &json!(id)));
    let directory = server.get("/v1/directory", OPERATOR).ok().json();
    let named = |user: &&Value| user["id"] == id;
    assert_eq!(directory["users"].as_array().unwrap().iter().find(named).unwrap()["name"], "Cleo Delta");

    let gone = okta.patch(&path, json!([{"op": "replace", "value": {"active": false}}])).json();
    assert_eq!((&gone["active"], member(&server, "acme", id)), (&json!(false), is("developer", "former")));
    okta.patch(&path, json!([{"op": "replace", "value": {"active": true}}]));
    assert_eq!(member(&server, "acme", id), is("developer", "active"));

    let group = okta.add("/Groups", &json!({"schemas": [GROUP], "displayName": "Research", "members": []}));
    let path = format!("/Groups/{}", group["id"].as_str().unwrap());
    let member = json!([{"value": id, "display": "cleo@acme.example"}]);
    okta.patch(&path, json!([{"op": "add", "path": "members", "value": member}]));
    let read = okta.get(&path).ok().json();
    let reference = format!("{}/scim/v2/Users/{id}", server.url);
    assert_eq!(read["members"], json!([{"value": id, "$ref": reference, "type": "User"}]));
    assert_eq!(okta.get(&format!("/Users/{id}")).ok().json()["groups"][0]["display"], "Research");
    okta.patch(&path, json!([{"op": "replace", "value": {"id": group["id"], "displayName": "Lab"}}]));
    okta.patch(&path, json!([{"op": "remove", "path": format!("members[value eq \"{id}\"]")}]));
    let read = okta.get(&path).ok().json();
    assert_eq!((&read["displayName"], read.get("members")), (&json!("Lab"), None));
    okta.delete(&path);
    is_refused(&okta.get(&path), 404, None, "there is no group");
}

#[test]
fn a_conversation_in_entras_shapes() {
    let server = with_directory();
    let entra = Company::of(&server, "acme");
    // The connection is tested with somebody who is nowhere.
    assert!(entra.ids("Users", "userName eq \"1d0b8e1c-2f0c-4c41-9a6a-6d2a8d5b6a2b\"").is_empty());
    let dora = json!({
        "schemas": [USER, ENTERPRISE],
        "externalId": "0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef",
        "userName": "Dora@acme.example",
        "active": true,
        "emails": [{"primary": true, "type": "work", "value": "dora@acme.example"}],
        "meta": {"resourceType": "User"},
        "name": {"formatted": "Dora Maar", "familyName": "Maar", "givenName": "Dora"},
        "roles": [],
        "title": "Photographer",
        "phoneNumbers": [{"type": "work", "value": "+33 1"}],
        ENTERPRISE: {"department": "Arts", "manager": "ada"},
    });
    let made = entra.add("/Users", &dora);
    let id = made["id"].as_str().unwrap();
    assert_eq!(made[ENTERPRISE], json!({"department": "Arts", "manager": {"value": "ada"}}));
    assert_eq!(entra.ids("Users", "externalId eq \"0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef\""), [id]);
    assert_eq!(entra.ids("Users", "emails[type eq \"work\"].value eq \"DORA@acme.example\""), [id]);
    assert_eq!(entra.ids("Users", "userName eq \"dora@ACME.example\""), [id]);

    let path = format!("/Users/{id}");
    let changed = entra.patch(
        &path,
        json!([
            {"op": "Replace", "path": "emails[type eq \"work\"].value", "value": "d@acme.example"},
            {"op": "Replace", "path": "name.familyName", "value": "Markovitch"},
            {"op": "Add", "path": format!("{ENTERPRISE}:employeeNumber"), "value": "7"},
            {"op": "Replace", "path": "addresses[type eq \"work\"].locality", "value": "Paris"},
            {"op": "Remove", "path": format!("{ENTERPRISE}:department")},
        ]),
    );
    let changed = changed.json();
    assert_eq!(changed["emails"], json!([{"primary": true, "type": "work", "value": "d@acme.example"}]));
    assert_eq!(changed["name"]["familyName"], "Markovitch");
    assert_eq!(changed[ENTERPRISE], json!({"employeeNumber": "7", "manager": {"value": "ada"}}));
    let gone = entra.patch(&path, json!([{"op": "Replace", "path": "active", "value": "False"}])).json();
    assert_eq!((&gone["active"], member(&server, "acme", id)), (&json!(false), is("developer", "former")));
    entra.patch(&path, json!([{"op": "Replace", "path": "active", "value": "True"}]));

    let other = entra.add_user("eva@acme.example");
    let group = entra.add(
        "/Groups",
        &json!({
            "schemas": [GROUP, "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"],
            "externalId": "8aa1a0c0-c4c3-4bc0-b4a5-2ef676900159",
            "displayName": "Artists",
            "meta": {"resourceType": "Group"},
        }),
    );
    let group = group["id"].as_str().unwrap();
    let path = format!("/Groups/{group}");
    let without = entra.list("Groups", &[("excludedAttributes", "members"), ("filter", "displayName eq \"artists\"")]);
    assert_eq!(without["Resources"][0]["id"], group);
    let both = json!([{"$ref": null, "value": id}, {"$ref": null, "value": other}]);
    let added = entra.patch(&path, json!([{"op": "Add", "path": "members", "value": both}]));
    assert_eq!((added.status, added.text.as_str()), (204, ""));
    assert_eq!(entra.members(group), [id, &other]);
    let is_in = format!("id eq \"{group}\" and members eq \"{id}\"");
    assert_eq!(entra.ids("Groups", &is_in), [group]);
    // Without a filter in the path, it names whom it means in the value.
    entra.patch(&path, json!([{"op": "Remove", "path": "members", "value": [{"$ref": null, "value": id}]}]));
    assert_eq!(entra.members(group), [other.as_str()]);
    entra.patch(&path, json!([{"op": "Replace", "path": "displayName", "value": "Painters"}]));
    assert_eq!(entra.get(&path).ok().json()["displayName"], "Painters");
    assert!(entra.get(&format!("{path}?excludedAttributes=members")).ok().json().get("members").is_none());
    entra.delete(&format!("/Users/{other}"));
    assert!(entra.members(group).is_empty(), "who is deleted is in no group");
}

#[test]
fn who_leaves_is_signed_out_at_once_and_keeps_their_usage_and_is_the_same_person_when_back() {
    let server = with_directory();
    let company = Company::of(&server, "acme");
    server.send_events(OPERATOR, &event("a", "2026-06-01T10:00:00Z", &json!({"apiKeyId": "k9"})));
    let leaver = json!({"userName": "zoe@acme.example", "externalId": "e-1", "active": true});
    let id = company.add("/Users", &leaver)["id"].as_str().unwrap().to_owned();
    let key = json!({"apiKeys": [{"id": "k9", "organizationId": "acme", "projectId": "web", "createdBy": id}]});
    server.put("/v1/directory", OPERATOR, &key).ok();
    let path = format!("/Users/{id}");
    let usage = || {
        let june = "/analytics/members?organizationId=acme&from=2026-06-01&to=2026-06-30";
        let members = server.get(june, OPERATOR).ok().json()["members"].clone();
        let is_theirs = |member: &&Value| member["userId"] == id.as_str();
        let theirs = members.as_array().unwrap().iter().find(is_theirs).unwrap_or_else(|| panic!("{members}")).clone();
        theirs["requestCount"].clone()
    };
    for leave in ["inactive", "deleted"] {
        let everywhere = server.user_token(&id);
        let here = server.token(&json!({"kind": "user", "organizationId": "acme", "userId": id}));
        let cookie = server.post("/v1/session", "", &json!({"token": everywhere})).ok();
        let cookie = cookie.header("set-cookie").split(';').next().unwrap().to_owned();
        let signed_in = || server.send("GET", "/v1/session", &[("cookie", &cookie)], b"").ok().text != "null";
        assert!(signed_in());
        match leave {
            "inactive" => company.activate(&id, false),
            _ => company.delete(&path),
        }
        assert!(!signed_in(), "{leave}");
        for token in [&everywhere, &here] {
            assert_eq!(server.get("/v1/me", token).status, 401, "{leave}");
        }
        assert_eq!(member(&server, "acme", &id), is("developer", "former"), "{leave}");
        assert_eq!(usage(), 1, "{leave}");
        match leave {
            "inactive" => company.activate(&id, true),
            _ => {
                is_refused(&company.get(&path), 404, None, "there is no user");
                assert!(company.ids("Users", "userName eq \"zoe@acme.example\"").is_empty());
                // Under another name, by the id that the company has for them.
                let back = json!({"userName": "zoe.new@acme.example", "externalId": "e-1", "active": true});
                assert_eq!(company.add("/Users", &back)["id"], id.as_str());
                company.delete(&path);
                let back = json!({"userName": "Zoe.New@acme.example", "externalId": "e-2"});
                assert_eq!(company.add("/Users", &back)["id"], id.as_str());
            }
        }
        assert_eq!(member(&server, "acme", &id), is("developer", "active"), "{leave}");
    }
}

#[test]
fn who_is_in_two_organizations_is_touched_in_one() {
    let server = with_directory();
    let company = Company::of(&server, "acme");
    let id = company.add("/Users", &json!({"userName": "ben@acme.example", "displayName": "Benjamin"}))["id"].clone();
    assert_eq!(id, "ben");
    let (everywhere, other) =
        (server.user_token("ben"), server.token(&json!({"kind": "user", "organizationId": "beta", "userId": "ben"})));
    let here = server.token(&json!({"kind": "user", "organizationId": "acme", "userId": "ben"}));
    company.patch("/Users/ben", json!([{"op": "replace", "path": "displayName", "value": "Benny"}]));
    let me = |token: &str| server.get("/v1/me", token).ok().json();
    assert_eq!(me(&everywhere)["user"]["name"], "Benjamin", "a gap is filled, and what others know stays");
    company.activate("ben", false);
    assert_eq!(
        (member(&server, "acme", "ben"), member(&server, "beta", "ben")),
        (is("developer", "former"), is("admin", "active"))
    );
    assert_eq!(server.get("/v1/me", &here).status, 401);
    for token in [&everywhere, &other] {
        let organizations = me(token)["organizations"].clone();
        assert_eq!((organizations.as_array().unwrap().len(), &organizations[0]["id"]), (1, &json!("beta")));
    }
    company.activate("ben", true);
    let directory = server.get("/v1/directory?organizationId=acme", OPERATOR).ok().json();
    let ben = directory["members"].as_array().unwrap().iter().find(|member| member["userId"] == "ben").unwrap();
    assert_eq!(
        (&ben["role"], &ben["projectIds"]),
        (&json!("developer"), &json!(["web"])),
        "what the directory gave is back"
    );
    // Nobody sees another company's people.
    let beta = Company::of(&server, "beta");
    is_refused(&beta.get("/Users/ben"), 404, None, "there is no user 'ben'");
    assert_eq!(beta.list("Users", &[])["totalResults"], 0);
}

#[test]
fn a_person_is_whoever_the_directory_has_once_by_that_name_or_address() {
    let server = with_directory();
    let company = Company::of(&server, "acme");
    let add = |user: Value| company.add("/Users", &user)["id"].as_str().unwrap().to_owned();
    let work = |address: &str| json!([{"value": address, "type": "work"}]);
    // By the address to write to; the role that the directory gave stays.
    assert_eq!(add(json!({"userName": "a.byron", "emails": work("ADA@acme.example")})), "ada");
    assert_eq!(member(&server, "acme", "ada"), is("owner", "active"));
    assert_eq!(add(json!({"userName": "ben"})), "ben");
    // There are two of that address, so it says nothing.
    assert_eq!(add(json!({"userName": "twin@acme.example"})), "twin@acme.example");
    // Somebody is linked once.
    let second = add(json!({"userName": "ada.two", "emails": work("ada@acme.example")}));
    assert_eq!(second, "ada.two");
    // A bare name that only another organization knows is another person's.
    let elsewhere = json!({"members": [{"organizationId": "beta", "userId": "alice", "role": "developer"}]});
    server.put("/v1/directory", OPERATOR, &elsewhere).ok();
    let alice = add(json!({"userName": "alice"}));
    assert!(alice.starts_with("usr_"), "{alice}");
    assert_eq!(member(&server, "beta", "alice"), is("developer", "active"));
    // A name that would not stand in an address is no id.
    assert!(add(json!({"userName": "Zoë / R&D"})).starts_with("usr_"));
}

#[test]
fn a_group_of_which_no_rule_speaks_is_a_team() {
    let server = with_directory();
    let company = Company::of(&server, "acme");
    server
        .put(
            "/v1/directory",
            OPERATOR,
            &json!({"teams": [{"id": "t1", "organizationId": "acme", "name": "Lab", "costCentre": "CC1"}]}),
        )
        .ok();
    let directory = || server.get("/v1/directory?organizationId=acme", OPERATOR).ok().json();
    let team_of = |user: &str| {
        let assignments = directory()["assignments"].clone();
        let assignments = assignments.as_array().cloned().unwrap_or_default();
        let theirs = assignments.iter().filter(|one| one["subject"]["userId"] == user);
        theirs.map(|one| one["teamId"].as_str().unwrap_or("none").to_owned()).collect::<Vec<_>>().join(" ")
    };
    let team = |id: &str| {
        let teams = directory()["teams"].clone();
        teams.as_array().unwrap().iter().find(|team| team["id"] == id).cloned().unwrap_or_default()
    };
    let [eva, finn] = ["eva", "finn"].map(|name| company.add_user(name));
    let lab = company.add_group("Lab", &[&eva]);
    assert_eq!((team_of(&eva), &team("t1")["costCentre"]), ("t1".to_owned(), &json!("CC1")), "the team that is there");
    let shop = company.add_group("Shop", &[&eva, &finn]);
    assert_eq!((team_of(&eva), team_of(&finn)), ("Shop".to_owned(), "Shop".to_owned()), "the one joined last");
    assert_eq!(team("Shop")["name"], "Shop");
    company
        .patch(&format!("/Groups/{shop}"), json!([{"op": "remove", "path": format!("members[value eq \"{eva}\"]")}]));
    assert_eq!(team_of(&eva), "t1");
    company.patch(&format!("/Groups/{shop}"), json!([{"op": "replace", "value": {"displayName": "Store"}}]));
    assert_eq!((&team("Shop")["name"], team_of(&finn)), (&json!("Store"), "Shop".to_owned()));
    company.delete(&format!("/Groups/{shop}"));
    assert_eq!((&team("Shop")["status"], team_of(&finn)), (&json!("deleted"), "none".to_owned()));
    company.delete(&format!("/Groups/{lab}"));
    assert_eq!(team("t1")["status"], "active", "a team that was there stays");
}

#[test]
fn who_was_sent_without_active_is_active_and_found_by_it() {
    let server = with_directory();
    let company = Company::of(&server, "acme");
    let added = company.add("/Users", &json!({"schemas": [USER], "userName": "neu@acme.example"}));
    let id = added["id"].as_str().unwrap();
    assert_eq!(added["active"], true);
    assert_eq!(company.ids("Users", r#"userName eq "neu@acme.example" and active eq true"#), [id]);
    company.delete(&format!("/Users/{id}"));
    assert_eq!(company.get(&format!("/Users/{id}")).status, 404);
}

#[test]
fn lists_are_filtered_and_cut_into_pages_that_count_from_one() {
    let server = with_directory();
    let company = Company::of(&server, "acme");
    for number in 0..25 {
        let user = json!({
            "userName": format!("user{number:02}"), "displayName": if number % 2 == 0 { "Even" } else { "Odd" },
            "active": number != 3,
        });
        company.add("/Users", &user);
    }
    let page = |start: &str, count: &str| {
        let list = company.list("Users", &[("startIndex", start), ("count", count)]);
        let names = list["Resources"].as_array().unwrap().iter().map(|user| user["userName"].as_str().unwrap());
        assert_eq!((&list["totalResults"], &list["itemsPerPage"]), (&json!(25), &json!(names.len())));
        names.map(str::to_owned).collect::<Vec<_>>()
    };
    let paged: Vec<String> = ["1", "11", "21"].iter().flat_map(|start| page(start, "10")).collect();
    assert_eq!(paged, (0..25).map(|number| format!("user{number:02}")).collect::<Vec<_>>());
    assert_eq!((page("26", "10").len(), page("1", "0").len(), page("-5", "1")), (0, 0, vec!["user00".to_owned()]));
    assert_eq!(company.ids("Users", "displayName eq \"even\" and not (userName sw \"user0\")").len(), 8);
    assert_eq!(company.ids("Users", "active eq false"), ["user03"]);
    assert_eq!(company.ids("Users", "id eq \"user07\" or userName eq \"USER08\""), ["user07", "user08"]);
    let group = company.add_group("Some", &["user01", "user02"]);
    assert_eq!(company.ids("Groups", "members.value eq \"user02\""), [group.as_str()]);
    assert_eq!(company.ids("Groups", "members[value eq \"user05\"]"), Vec::<String>::new());
    let narrow = company.list("Users", &[("attributes", "userName"), ("count", "1")]);
    assert_eq!(narrow["Resources"], json!([{"schemas": [USER], "id": "user00", "userName": "user00"}]));
    let search = json!({"filter": "displayName sw \"o\"", "attributes": ["displayName"], "startIndex": 2, "count": 3});
    let found = company.ask("POST", "/Users/.search", &search).ok().json();
    assert_eq!(
        (&found["totalResults"], &found["itemsPerPage"], &found["startIndex"]),
        (&json!(12), &json!(3), &json!(2))
    );
    let everything = company.ask("POST", "/.search", &json!({"filter": "displayName eq \"some\""})).ok().json();
    assert_eq!((&everything["totalResults"], &everything["Resources"][0]["id"]), (&json!(1), &json!(group)));
}

#[test]
fn what_is_wrong_is_said_in_scims_words() {
    let server = with_directory();
    let company = Company::of(&server, "acme");
    let eva = company.add("/Users", &json!({"userName": "eva", "externalId": "e"}))["id"].as_str().unwrap().to_owned();
    company.add_group("Lab", &[]);
    let check = |method: &str, path: &str, body: Value, status: u16, kind: Option<&str>, words: &str| {
        is_refused(&company.ask(method, path, &body), status, kind, words);
    };
    let operations = |operation: Value| json!({"Operations": [operation]});
    check("POST", "/Users", json!({"userName": "EVA"}), 409, Some("uniqueness"), "userName is 'EVA' already");
    check("POST", "/Users", json!({"userName": "x", "externalId": "e"}), 409, Some("uniqueness"), "externalId is 'e'");
    check("POST", "/Groups", json!({"displayName": "lab"}), 409, Some("uniqueness"), "displayName is 'lab'");
    check("POST", "/Users", json!({"displayName": "x"}), 400, Some("invalidValue"), "userName is missing");
    check("POST", "/Groups", json!({"displayName": ""}), 400, Some("invalidValue"), "displayName is missing");
    let nobody = json!({"displayName": "x", "members": [{"value": "nobody"}]});
    check("POST", "/Groups", nobody, 400, Some("invalidValue"), "there is no user 'nobody'");
    assert!(company.ids("Groups", "displayName eq \"x\"").is_empty(), "all of it or nothing");
    let nested = json!({"displayName": "x", "members": [{"value": "g", "type": "Group"}]});
    check("POST", "/Groups", nested, 400, Some("invalidValue"), "a group is among the members");
    check("GET", "/Users?filter=salary%20gt%205", Value::Null, 400, Some("invalidFilter"), "'salary'");
    check("GET", "/Users?count=many", Value::Null, 400, Some("invalidValue"), "count is 'many'");
    check("GET", "/Users/nobody", Value::Null, 404, None, "there is no user 'nobody'");
    check("PUT", "/Users/nobody", json!({"userName": "x"}), 404, None, "there is no user 'nobody'");
    check("DELETE", "/Groups/none", Value::Null, 404, None, "there is no group 'none'");
    let path = format!("/Users/{eva}");
    check("PATCH", &path, json!({"Operations": "all"}), 400, Some("invalidSyntax"), "Operations");
    let salary = operations(json!({"op": "add", "path": "salary", "value": 1}));
    check("PATCH", &path, salary, 400, Some("invalidPath"), "'salary'");
    check("PATCH", &path, operations(json!({"op": "remove"})), 400, Some("noTarget"), "needs a path");
    check("PATCH", &path, operations(json!({"op": "remove", "path": "id"})), 400, Some("mutability"), "the server's");
    check("POST", "/ServiceProviderConfig", json!({}), 405, None, "does not take that method");
    check("GET", "/Nothing", Value::Null, 404, None, "there is nothing here");
    let broken =
        |body: &[u8]| server.send("POST", "/scim/v2/Users", &[("authorization", &bearer(&company.token))], body);
    is_refused(&broken(b"{\"userName\": "), 400, Some("invalidSyntax"), "not valid JSON");
    let deep = format!("{{\"userName\":\"x\",\"deep\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    is_refused(&broken(deep.as_bytes()), 400, Some("invalidSyntax"), "not valid JSON");
    // Nobody else gets in, and each is told so in the same words.
    for (token, status) in [(OPERATOR, 403), (&*server.user_token("ada"), 403), ("nonsense", 401)] {
        is_refused(&server.get("/scim/v2/Users", token), status, None, "token");
    }
    is_refused(&server.send("GET", "/scim/v2/Users", &[], b""), 401, None, "needs a token of kind scim");
}

#[test]
fn a_version_that_is_not_the_newest_changes_nothing() {
    let server = with_directory();
    let company = Company::of(&server, "acme");
    let id = company.add_user("eva");
    let path = format!("/scim/v2/Users/{id}");
    let send = |method: &str, header: &str, tag: &str, body: Value| {
        let headers = [("authorization", &*bearer(&company.token)), (header, tag)];
        server.send(method, &path, &headers, if body.is_null() { String::new() } else { body.to_string() }.as_bytes())
    };
    let first = server.get(&path, &company.token).ok().header("etag").to_owned();
    assert_eq!(send("GET", "if-none-match", &first, Value::Null).status, 304);
    let put = |tag: &str, name: &str| send("PUT", "if-match", tag, json!({"userName": "eva", "displayName": name}));
    let second = put(&first, "Eva").ok().header("etag").to_owned();
    assert_ne!(first, second);
    is_refused(&put(&first, "Eve"), 412, None, "has changed meanwhile");
    is_refused(&put("\"nonsense\"", "Eve"), 412, None, "has changed meanwhile");
    is_refused(&send("DELETE", "if-match", &first, Value::Null), 412, None, "has changed meanwhile");
    // What is so already is no change.
    assert_eq!(put(&second, "Eva").ok().header("etag"), second);
    assert_eq!(send("GET", "if-none-match", &first, Value::Null).json()["displayName"], "Eva");
}

#[test]
fn nobody_is_lost_when_many_are_added_at_once() {
    let server = with_directory();
    let company = Company::of(&server, "acme");
    let people: Vec<String> = (0..40).map(|number| company.add_user(&format!("user{number:02}"))).collect();
    let group = company.add_group("All", &[]);
    let first = &people[0];
    std::thread::scope(|scope| {
        for part in people.chunks(5) {
            let (company, group) = (&company, &group);
            scope.spawn(move || {
                for id in part {
                    company.patch(
                        &format!("/Groups/{group}"),
                        json!([{"op": "add", "path": "members", "value": [{"value": id}]}]),
                    );
                    // And all of them change one person, each something else.
                    let path = format!("emails[type eq \"{id}\"].value");
                    let value = format!("{id}@acme.example");
                    company.patch(&format!("/Users/{first}"), json!([{"op": "add", "path": path, "value": value}]));
                }
            });
        }
    });
    assert_eq!(company.members(&group), people);
    let emails = company.get(&format!("/Users/{first}")).ok().json()["emails"].clone();
    assert_eq!(emails.as_array().unwrap().len(), people.len());
}

#[test]
fn what_is_provisioned_outlives_a_restart_and_each_change_is_in_the_audit_log() {
    let directory = tempfile::tempdir().unwrap();
    let mut server = Server::start_in(directory.path());
    server.put("/v1/directory", OPERATOR, &json!({"organizations": [{"id": "acme"}]})).ok();
    let company = Company::of(&server, "acme");
    let token = company.token.clone();
    let [eva, finn] = ["eva", "finn"].map(|name| company.add_user(name));
    let group = company.add_group("Lab", &[&eva, &finn]);
    company.delete(&format!("/Users/{finn}"));
    let all = |company: &Company| (company.list("Users", &[]), company.list("Groups", &[]));
    let strip = |(users, groups): (Value, Value), url: &str| (users.to_string() + &groups.to_string()).replace(url, "");
    let before = strip(all(&company), &server.url);
    let audit = server.get("/v1/audit?organizationId=acme&limit=100", OPERATOR).ok().json();
    let entries = audit["entries"].as_array().unwrap();
    let by_it: Vec<&Value> =
        entries.iter().filter(|entry| entry["action"].as_str().unwrap().starts_with("scim-")).collect();
    let actions: Vec<&str> = by_it.iter().map(|entry| entry["action"].as_str().unwrap()).collect();
    assert_eq!(actions.iter().filter(|action| **action == "scim-user-delete").count(), 1, "{audit}");
    assert!(by_it.iter().all(|entry| entry["actor"].as_str().unwrap().starts_with("tok_")), "{audit}");
    assert_eq!(server.terminate(), Some(0));
    let server = Server::start_in(directory.path());
    let company = Company { server: &server, token };
    assert_eq!(strip(all(&company), &server.url), before);
    assert_eq!(company.members(&group), [eva.as_str()]);
    // Who was deleted is still known for who they are.
    assert_eq!(company.add_user("FINN"), finn);
}

#[test]
fn a_group_of_which_a_rule_speaks_gives_what_that_says() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("proxy.json");
    let rule = |group: &str, role: &str, more: Value| {
        let mut rule = json!({"group": group, "organizationId": "acme", "role": role});
        rule.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        rule
    };
    let set = |rules: &[Value]| {
        let proxy =
            json!({"sources": ["127.0.0.1"], "issuer": "proxy", "headers": {"user": "x-user"}, "groups": rules});
        std::fs::write(&file, proxy.to_string()).unwrap();
    };
    let start = || {
        let settings = [("ROLLCALL_TRUSTED_PROXY", file.to_str().unwrap())];
        Server::start_set(directory.path(), OPERATOR, &settings)
    };
    set(&[
        rule("Admins", "admin", json!({})),
        rule("Web", "developer", json!({"projectIds": ["web"], "teamId": "t-web"})),
    ]);
    let mut server = start();
    let people = json!({
        "projects": [{"id": "web", "organizationId": "acme"}],
        "members": [{"organizationId": "acme", "userId": "ada", "role": "owner"}],
    });
    server.put("/v1/directory", OPERATOR, &people).ok();
    let company = Company::of(&server, "acme");
    let token = company.token.clone();
    let [ada, eva] = ["ada", "eva"].map(|name| company.add_user(name));
    let read = |server: &Server| server.get("/v1/directory?organizationId=acme", OPERATOR).ok().json();
    let eva_is = |server: &Server| {
        let members = read(server)["members"].clone();
        let eva = members.as_array().unwrap().iter().find(|member| member["userId"] == "eva").unwrap().clone();
        (eva["role"].as_str().unwrap().to_owned(), eva["projectIds"].clone(), eva["status"].clone())
    };
    let web = company.add_group("Web", &[&eva, &ada]);
    assert_eq!(eva_is(&server), ("developer".into(), json!(["web"]), json!("active")));
    assert_eq!(member(&server, "acme", "ada"), is("owner", "active"), "what the directory gave stays");
    assert_eq!(read(&server)["assignments"][0]["teamId"], "t-web");
    assert!(read(&server)["teams"].as_array().unwrap().iter().all(|team| team["id"] != "Web"), "it is no team itself");
    let admins = company.add_group("Admins", &[&eva]);
    assert_eq!(eva_is(&server).0, "admin");
    // Who is out has nothing by any group, and has it again when back.
    company.activate(&eva, false);
    assert_eq!(member(&server, "acme", "eva").unwrap().1, "former");
    company.patch(&format!("/Groups/{web}"), json!([{"op": "remove", "path": format!("members[value eq \"{eva}\"]")}]));
    assert_eq!(member(&server, "acme", "eva").unwrap().1, "former");
    company.activate(&eva, true);
    assert_eq!(eva_is(&server), ("admin".into(), Value::Null, json!("active")));
    company.patch(&format!("/Groups/{admins}"), json!([{"op": "replace", "path": "displayName", "value": "Helpers"}]));
    assert_eq!(eva_is(&server).0, "developer", "a group of that name gives nothing");
    // Other rules hold from the next start on.
    set(&[rule("Helpers", "owner", json!({}))]);
    assert_eq!(server.terminate(), Some(0));
    let mut server = start();
    assert_eq!(eva_is(&server).0, "owner");
    let company = Company { server: &server, token };
    company.delete(&format!("/Groups/{admins}"));
    assert_eq!(eva_is(&server).0, "developer");
    assert_eq!(server.terminate(), Some(0));
}

#[test]
fn other_ids_of_a_person_are_out_with_them() {
    let server = with_directory();
    let more = json!({
        "members": [{"organizationId": "acme", "userId": "ben-at-github", "role": "developer"}],
        "identities": [{"organizationId": "acme", "userId": "ben-at-github", "sameAs": "ben"}],
    });
    server.put("/v1/directory", OPERATOR, &more).ok();
    let company = Company::of(&server, "acme");
    // Whichever of the ids is meant, it is the person.
    assert_eq!(company.add_user("ben-at-github"), "ben");
    let other = server.user_token("ben-at-github");
    server.get("/v1/me", &other).ok();
    company.delete("/Users/ben");
    assert_eq!(server.get("/v1/me", &other).status, 401);
    assert_eq!(member(&server, "acme", "ben-at-github"), is("developer", "former"));
}

#[test]
fn who_is_inactive_from_the_start_is_let_in_by_nothing_but_being_active() {
    let server = with_directory();
    let company = Company::of(&server, "acme");
    let id = company.add("/Users", &json!({"userName": "new@acme.example", "active": false}))["id"].clone();
    let id = id.as_str().unwrap();
    assert_eq!(member(&server, "acme", id), is("developer", "former"));
    company.add_group("Lab", &[id]);
    assert_eq!(member(&server, "acme", id), is("developer", "former"), "a group lets nobody in");
    // Nothing said of it changes nothing: neither by PUT nor by removing it.
    company.ask("PUT", &format!("/Users/{id}"), &json!({"userName": "new@acme.example"})).ok();
    company.patch(&format!("/Users/{id}"), json!([{"op": "remove", "path": "active"}]));
    company.patch(&format!("/Users/{id}"), json!([{"op": "add", "path": "displayName", "value": "New"}]));
    assert_eq!(member(&server, "acme", id), is("developer", "former"));
    company.activate(id, true);
    assert_eq!(member(&server, "acme", id), is("developer", "active"));
}
