//! The operator's files: providers of OpenID Connect, and the proxy that is trusted. Read at the start, where whatever is
//! wrong is named; a secret never is.

use std::fs::File;
use std::io::Read;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use serde::de::{DeserializeOwned, Error};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use ureq::http::{HeaderName, Uri};
use ureq::tls::{Certificate, PemItem, parse_pem};

use super::oidc::Provider;
use super::private::is_private;
use super::proxy::Proxy;
use super::settings::{Headers, Network, ProviderSettings, ProxySettings, SecretHeader, SecretText};
use crate::directory::{ExternalIdentity, GroupGrant, GroupRule, Role};

/// Buttons that a sign-in page has room for.
const PROVIDERS: usize = 20;
/// Groups of a large company.
const RULES: usize = 10_000;
const SOURCES: usize = 1_000;
const NAME: usize = 64;
/// All authorities of a system are a third of that.
const CA_BYTES: u64 = 1 << 20;
/// As long as any id may be.
const TEXT: usize = 512;

/// A provider as it is written.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ProviderEntry {
    issuer: String,
    client_id: String,
    client_secret: Option<SecretText>,
    name: String,
    scopes: Option<Scopes>,
    groups_claim: Option<String>,
    #[serde(default)]
    groups: Vec<RuleEntry>,
    unknown: Option<String>,
    #[serde(default)]
    enforce: bool,
    sign_out: Option<bool>,
    ca_file: Option<PathBuf>,
}

/// A list, or as the protocol has them.
#[derive(Deserialize)]
#[serde(untagged, expecting = "a list of texts, or a text with blanks between scopes")]
enum Scopes {
    List(Vec<String>),
    Text(String),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RuleEntry {
    group: String,
    organization_id: String,
    role: String,
    project_ids: Option<Vec<String>>,
    team_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ProxyEntry {
    #[serde(default)]
    sources: Vec<String>,
    secret_header: Option<SecretHeaderEntry>,
    issuer: String,
    headers: HeadersEntry,
    groups_separator: Option<String>,
    #[serde(default)]
    email_verified: bool,
    #[serde(default)]
    groups: Vec<RuleEntry>,
    unknown: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct HeadersEntry {
    user: String,
    email: Option<String>,
    name: Option<String>,
    groups: Option<String>,
}

/// `Name: value`, as in a configuration of a proxy, or the two by themselves.
struct SecretHeaderEntry {
    name: String,
    value: SecretText,
}

impl<'de> Deserialize<'de> for SecretHeaderEntry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let expected = || D::Error::custom(r#"it (not shown) must be "NAME: SECRET", or {"name": …, "value": …}"#);
        let (name, value) = match Value::deserialize(deserializer)? {
            Value::String(text) => {
                let (name, value) = text.split_once(':').ok_or_else(expected)?;
                (name.trim().to_owned(), value.trim().to_owned())
            }
            Value::Object(fields) => {
                let text = |name: &str| fields.get(name).and_then(Value::as_str).map(str::to_owned);
                (text("name").ok_or_else(expected)?, text("value").ok_or_else(expected)?)
            }
            _ => return Err(expected()),
        };
        Ok(SecretHeaderEntry { name, value: SecretText::new(value) })
    }
}

impl<'de> Deserialize<'de> for SecretText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::String(text) => Ok(SecretText::new(text)),
            _ => Err(D::Error::custom("it (not shown) must be a text")),
        }
    }
}

/// Reads a file of one provider, or of a list of them.
pub fn read_providers(text: &str) -> Result<Vec<Provider>, String> {
    let entries: Vec<ProviderEntry> = match text.trim_start().starts_with('[') {
        true => parse(text)?,
        false => vec![parse(text)?],
    };
    if !(1..=PROVIDERS).contains(&entries.len()) {
        return Err(format!("it has {} providers; allowed are 1 to {PROVIDERS}", entries.len()));
    }
    let several = entries.len() > 1;
    let mut all: Vec<ProviderSettings> = Vec::new();
    for (number, entry) in (1..).zip(entries) {
        let at = |error: String| if several { format!("entry {number}: {error}") } else { error };
        let settings = provider(entry).map_err(at)?;
        for (field, given, has) in [
            ("name", &settings.name, all.iter().any(|other| other.name == settings.name)),
            ("issuer", &settings.issuer, all.iter().any(|other| other.issuer == settings.issuer)),
        ] {
            if has {
                return Err(at(format!("{field} is '{given}', which an entry before it has")));
            }
        }
        all.push(settings);
    }
    Ok(all.into_iter().map(Provider::new).collect())
}

/// Reads the file of a trusted proxy.
pub fn read_proxy(text: &str) -> Result<Proxy, String> {
    let entry: ProxyEntry = parse(text)?;
    if entry.sources.is_empty() && entry.secret_header.is_none() {
        return Err("it has neither sources nor secretHeader, so anybody would be believed".into());
    }
    if entry.sources.len() > SOURCES {
        return Err(format!("sources has {} entries; at most {SOURCES} are allowed", entry.sources.len()));
    }
    let sources = entry.sources.iter().map(|source| network(source)).collect::<Result<_, String>>()?;
    let secret = entry.secret_header.map(|SecretHeaderEntry { name, value }| {
        if value.reveal().is_empty() {
            return Err("secretHeader has no secret".to_owned());
        }
        Ok(SecretHeader { name: header("secretHeader", &name)?, value })
    });
    if ExternalIdentity::new(&entry.issuer, "somebody").is_none() {
        return Err(format!("issuer is '{}'; it must be a name without blanks, such as an address", entry.issuer));
    }
    let optional = |field, name: Option<String>| name.map(|name| header(field, &name)).transpose();
    let headers = Headers {
        user: header("headers.user", &entry.headers.user)?,
        email: optional("headers.email", entry.headers.email)?,
        name: optional("headers.name", entry.headers.name)?,
        groups: optional("headers.groups", entry.headers.groups)?,
    };
    let separator = entry.groups_separator.unwrap_or_else(|| ",".into());
    if separator.is_empty() {
        return Err("groupsSeparator is empty; leave it out for a comma".into());
    }
    Ok(Proxy::new(ProxySettings {
        sources,
        secret: secret.transpose()?,
        issuer: entry.issuer,
        headers,
        separator,
        email_verified: entry.email_verified,
        groups: rules(entry.groups)?,
        welcomes: welcomes(entry.unknown.as_deref().unwrap_or(MEMBER))?,
    }))
}

/// Reads JSON; an error says where it is.
fn parse<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    let mut reader = serde_json::Deserializer::from_str(text);
    let parsed = serde_path_to_error::deserialize(&mut reader);
    let parsed = parsed.map_err(|error| match error.path().to_string() {
        path if path == "." => error.inner().to_string(),
        path => format!("{path}: {}", error.inner()),
    })?;
    reader.end().map_err(|error| error.to_string())?;
    Ok(parsed)
}

/// The certificates of a file: those who vouch for a provider, and nobody else then.
fn authorities(path: &Path) -> Result<Vec<Certificate<'static>>, String> {
    let wrong = |why: String| format!("caFile is '{}': {why}", path.display());
    let mut pem = Vec::new();
    let read = File::open(path).and_then(|file| file.take(CA_BYTES).read_to_end(&mut pem));
    read.map_err(|error| wrong(error.to_string()))?;
    let items = parse_pem(&pem).filter_map(|item| match item {
        Ok(PemItem::Certificate(certificate)) => Some(Ok(certificate)),
        Ok(_) => None,
        Err(error) => Some(Err(wrong(error.to_string()))),
    });
    let certificates: Vec<_> = items.collect::<Result<_, _>>()?;
    if certificates.is_empty() { Err(wrong("there is no certificate (PEM) in it".into())) } else { Ok(certificates) }
}

fn provider(entry: ProviderEntry) -> Result<ProviderSettings, String> {
    let ProviderEntry { issuer, client_id, name, .. } = &entry;
    let parsed = issuer.parse::<Uri>();
    if !is_private(issuer) || issuer.contains(['?', '#']) || parsed.is_err() {
        return Err(format!(
            "issuer is '{issuer}'; it must begin with https://, or with http:// when it is on this machine, and have \
             neither user nor query"
        ));
    }
    if ExternalIdentity::new(issuer, "somebody").is_none() {
        return Err(format!("issuer is '{issuer}'; it must have at most {TEXT} characters and no blanks"));
    }
    if name.trim().is_empty() || name.chars().count() > NAME || name.chars().any(char::is_control) {
        return Err(format!("name is '{name}'; it must have 1 to {NAME} characters: the button on the page has it"));
    }
    text("clientId", client_id)?;
    if entry.client_secret.as_ref().is_some_and(|secret| secret.reveal().is_empty()) {
        return Err("clientSecret is empty; leave it out for a client that has none".into());
    }
    let scopes = entry.scopes.map(|scopes| match scopes {
        Scopes::List(scopes) => scopes,
        Scopes::Text(text) => text.split_whitespace().map(str::to_owned).collect(),
    });
    let is_scope =
        |scope: &String| !scope.is_empty() && scope.bytes().all(|b| b.is_ascii_graphic() && b != b'"' && b != b'\\');
    if let Some(scope) = scopes.iter().flatten().find(|scope| !is_scope(scope)) {
        return Err(format!("scopes has '{scope}'; a scope is of visible ASCII characters but \" and \\"));
    }
    let groups_claim = entry.groups_claim.unwrap_or_else(|| "groups".into());
    text("groupsClaim", &groups_claim)?;
    Ok(ProviderSettings {
        issuer: entry.issuer,
        client_id: entry.client_id,
        client_secret: entry.client_secret,
        name: entry.name,
        scopes,
        groups_claim,
        groups: rules(entry.groups)?,
        welcomes: welcomes(entry.unknown.as_deref().unwrap_or(REFUSE))?,
        enforces: entry.enforce,
        signs_out: entry.sign_out.unwrap_or(true),
        authorities: entry.ca_file.as_deref().map(authorities).transpose()?,
    })
}

const REFUSE: &str = "refuse";
const MEMBER: &str = "member";

fn welcomes(unknown: &str) -> Result<bool, String> {
    match unknown {
        REFUSE => Ok(false),
        MEMBER => Ok(true),
        other => Err(format!("unknown is '{other}'; it must be {REFUSE} or {MEMBER}")),
    }
}

fn rules(entries: Vec<RuleEntry>) -> Result<Vec<GroupRule>, String> {
    if entries.len() > RULES {
        return Err(format!("groups has {} entries; at most {RULES} are allowed", entries.len()));
    }
    let read = |(number, entry): (usize, RuleEntry)| rule(entry).map_err(|error| format!("groups[{number}].{error}"));
    entries.into_iter().enumerate().map(read).collect()
}

fn rule(entry: RuleEntry) -> Result<GroupRule, String> {
    text("group", &entry.group)?;
    text("organizationId", &entry.organization_id)?;
    let role = match entry.role.as_str() {
        "owner" => Role::Owner,
        "admin" => Role::Admin,
        "developer" => Role::Developer,
        other => return Err(format!("role is '{other}'; it must be owner, admin or developer")),
    };
    entry.project_ids.iter().flatten().try_for_each(|id| text("projectIds", id))?;
    entry.team_id.as_ref().map_or(Ok(()), |id| text("teamId", id))?;
    let grant = GroupGrant { role, project_ids: entry.project_ids, team_id: entry.team_id };
    Ok(GroupRule { group: entry.group, organization_id: entry.organization_id, grant })
}

fn text(field: &str, value: &str) -> Result<(), String> {
    let allowed = (1..=TEXT).contains(&value.chars().count()) && !value.chars().any(char::is_control);
    if allowed { Ok(()) } else { Err(format!("{field} is '{value}'; it must have 1 to {TEXT} characters")) }
}

fn header(field: &str, name: &str) -> Result<HeaderName, String> {
    name.parse().map_err(|_| format!("{field} is '{name}', which is no name of a header"))
}

fn network(text: &str) -> Result<Network, String> {
    let wrong = || format!("sources has '{text}'; write an address, or a network such as 10.0.0.0/8");
    let (address, bits) = match text.split_once('/') {
        None => (text, None),
        Some((address, bits)) => (address, Some(bits.parse::<u8>().map_err(|_| wrong())?)),
    };
    let address: IpAddr = address.parse().map_err(|_| wrong())?;
    Network::new(address, bits).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const SECRET: &str = "the-secret-of-the-client";

    /// An object with fields put over it; those that are null are left out.
    fn with(mut object: Value, extra: &Value) -> Value {
        let fields = object.as_object_mut().unwrap();
        fields.extend(extra.as_object().unwrap().clone());
        fields.retain(|_, value| !value.is_null());
        object
    }

    fn provider(extra: &Value) -> Value {
        let object = json!({"issuer": "https://login.acme.example", "clientId": "rollcall", "clientSecret": SECRET,
            "name": "Acme"});
        with(object, extra)
    }

    fn proxy(extra: &Value) -> Value {
        let object = json!({"sources": ["127.0.0.1"], "issuer": "urn:acme", "headers": {"user": "X-User"}});
        with(object, extra)
    }

    #[test]
    fn a_file_has_one_provider_or_a_list() {
        let names = |file: &Value| -> Vec<String> {
            read_providers(&file.to_string()).unwrap().iter().map(|one| one.name().to_owned()).collect()
        };
        assert_eq!(names(&provider(&json!({}))), ["Acme"]);
        let other = json!({"name": "Other", "issuer": "http://127.0.0.1:9", "clientSecret": null, "enforce": true,
            "scopes": "openid email", "groupsClaim": "roles", "unknown": "member",
            "groups": [{"group": "g", "organizationId": "acme", "role": "owner", "projectIds": ["p"], "teamId": "t"}]});
        assert_eq!(names(&json!([provider(&json!({})), provider(&other)])), ["Acme", "Other"]);
        let [read] = &read_providers(&provider(&other).to_string()).unwrap()[..] else { panic!("one") };
        assert!(read.welcomes() && read.enforces() && read.rules()[0].grant.team_id.as_deref() == Some("t"));
        let [usual] = &read_providers(&provider(&json!({})).to_string()).unwrap()[..] else { panic!("one") };
        assert!(!usual.welcomes() && !usual.enforces() && usual.rules().is_empty());
    }

    #[test]
    fn what_is_wrong_with_a_provider_is_named_without_its_secret() {
        let rule = |extra: Value| {
            let rule = json!({"group": "g", "organizationId": "acme", "role": "admin"});
            json!({"groups": [with(rule, &extra)]})
        };
        for (extra, expected) in [
            (json!({"issuer": null}), "missing field `issuer`"),
            (json!({"issuer": "http://login.acme.example"}), "issuer is 'http://login.acme.example'; it must begin"),
            (json!({"issuer": "https://a@b.example"}), "issuer is"),
            (json!({"issuer": "https://b.example?x=1"}), "neither user nor query"),
            (json!({"clientId": ""}), "clientId is ''"),
            (json!({"clientID": "x"}), "unknown field `clientID`"),
            (json!({"clientSecret": 123_456_789}), "clientSecret: it (not shown) must be a text"),
            (json!({"clientSecret": ""}), "clientSecret is empty"),
            (json!({"name": " "}), "name is ' '"),
            (json!({"name": null}), "missing field `name`"),
            (json!({"scopes": 1}), "scopes: a list of texts"),
            (json!({"scopes": ["a b"]}), "scopes has 'a b'"),
            (json!({"unknown": "welcome"}), "unknown is 'welcome'; it must be refuse or member"),
            (json!({"enforce": "yes"}), "enforce: invalid type"),
            (rule(json!({"role": "Owner"})), "groups[0].role is 'Owner'"),
            (rule(json!({"role": null})), "groups[0]: missing field `role`"),
            (rule(json!({"group": ""})), "groups[0].group is ''"),
            (rule(json!({"projectIds": [""]})), "groups[0].projectIds is ''"),
            (rule(json!({"projects": []})), "groups[0].projects: unknown field"),
        ] {
            let error = read_providers(&provider(&extra).to_string()).err().unwrap_or_else(|| panic!("{extra}"));
            assert!(error.contains(expected), "{extra}: {error}");
            assert!(!error.contains(SECRET) && !error.contains("123456789"), "{error}");
        }
        let twice = json!([provider(&json!({})), provider(&json!({"issuer": "https://other.example"}))]);
        assert!(read_providers(&twice.to_string()).err().unwrap().starts_with("entry 2: name is 'Acme'"));
        let same = json!([provider(&json!({})), provider(&json!({"name": "Other"}))]);
        assert!(read_providers(&same.to_string()).err().unwrap().starts_with("entry 2: issuer is"));
        assert_eq!(read_providers("[]").err().unwrap(), "it has 0 providers; allowed are 1 to 20");
        assert!(read_providers("").is_err() && read_providers("{} x").is_err());
    }

    #[test]
    fn what_is_wrong_with_a_proxy_is_named_without_its_secret() {
        for right in [
            json!({}),
            json!({"sources": ["::1", "10.0.0.0/8", "fd00::/8"]}),
            json!({"sources": null, "secretHeader": "X-Secret: abc"}),
            json!({"secretHeader": {"name": "X-Secret", "value": "abc"}, "groupsSeparator": ";"}),
        ] {
            read_proxy(&proxy(&right).to_string()).map(drop).unwrap();
        }
        for (extra, expected) in [
            (json!({"sources": []}), "neither sources nor secretHeader"),
            (json!({"sources": ["localhost"]}), "sources has 'localhost'"),
            (json!({"sources": ["10.0.0.0/33"]}), "sources has '10.0.0.0/33'"),
            (json!({"sources": ["10.0.0.1/8"]}), "sources has '10.0.0.1/8'"),
            (json!({"secretHeader": SECRET}), "secretHeader: it (not shown) must be"),
            (json!({"secretHeader": {"name": "X", "value": ""}}), "secretHeader has no secret"),
            (json!({"secretHeader": format!("X Y: {SECRET}")}), "secretHeader is 'X Y'"),
            (json!({"issuer": "a b"}), "issuer is 'a b'"),
            (json!({"headers": {}}), "headers: missing field `user`"),
            (json!({"headers": {"user": "X User"}}), "headers.user is 'X User'"),
            (json!({"headers": {"user": "X", "groups": ""}}), "headers.groups is ''"),
            (json!({"groupsSeparator": ""}), "groupsSeparator is empty"),
            (json!({"enforce": true}), "unknown field `enforce`"),
        ] {
            let error = read_proxy(&proxy(&extra).to_string()).err().unwrap_or_else(|| panic!("{extra}"));
            assert!(error.contains(expected), "{extra}: {error}");
            assert!(!error.contains(SECRET), "{error}");
        }
    }
}
