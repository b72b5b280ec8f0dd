//! The operator's file of webhooks.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::calendar::Zone;
use crate::directory::SigningSecret;
use crate::http::group_by;
use crate::model::PicoUsd;
use crate::signin::is_private;

/// Each has a thread or two.
const MAX_WEBHOOKS: usize = 100;
const MAX_NAME: usize = 64;
/// As long as any id may be.
const MAX_ID: usize = 512;
/// More of a month's limit is no budget, and keeps percentages of it far from the end of 128 bits.
const MAX_LIMIT: PicoUsd = PicoUsd(1_000_000_000 * 1_000_000_000_000);
const MAX_PERCENT: u32 = 1000;

/// One entry of the file.
pub struct Webhook {
    pub receiver: Receiver,
    pub organization_id: String,
    /// Whose days and months are meant.
    pub zone: Zone,
    /// One or two, of different kinds.
    pub subjects: Vec<Subject>,
}

/// Who is told.
pub struct Receiver {
    pub name: String,
    pub url: String,
    pub secret: SigningSecret,
}

/// What a receiver is told about.
#[derive(Debug, Clone)]
pub enum Subject {
    /// Each day, by whatever `/analytics/activity` groups by.
    Daily {
        group_by: String,
    },
    Budget(Budget),
}

/// What an organization, or one project of it, is to spend in a month.
#[derive(Debug, Clone)]
pub struct Budget {
    pub limit: PicoUsd,
    /// Of the limit.
    pub percentages: Vec<u32>,
    pub project_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File<'a> {
    #[serde(borrow)]
    webhooks: Vec<Entry<'a>>,
}

/// An entry as it is written.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Entry<'a> {
    name: String,
    url: String,
    secret: String,
    organization_id: String,
    timezone: Option<String>,
    daily: Option<DailyEntry>,
    #[serde(borrow)]
    budget: Option<BudgetEntry<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct DailyEntry {
    group_by: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct BudgetEntry<'a> {
    #[serde(borrow)]
    monthly_usd: &'a RawValue,
    percent: Vec<u32>,
    project_id: Option<String>,
}

/// Reads a file of webhooks. The error names the entry and the value, unless that is a secret.
pub fn parse(text: &str) -> Result<Vec<Arc<Webhook>>, String> {
    read(text).map_err(|error| without_secrets(&error))
}

fn read(text: &str) -> Result<Vec<Arc<Webhook>>, String> {
    let file: File<'_> = serde_json::from_str(text).map_err(|e| e.to_string())?;
    if file.webhooks.len() > MAX_WEBHOOKS {
        return Err(format!("it has {} webhooks; at most {MAX_WEBHOOKS} are allowed", file.webhooks.len()));
    }
    let mut webhooks: Vec<Arc<Webhook>> = Vec::new();
    for (number, entry) in (1..).zip(&file.webhooks) {
        let webhook = Webhook::read(entry).map_err(|e| format!("entry {number}: {e}"))?;
        if webhooks.iter().any(|other| other.receiver.name == webhook.receiver.name) {
            return Err(format!("entry {number}: name is '{}', which an entry before it has", webhook.receiver.name));
        }
        webhooks.push(Arc::new(webhook));
    }
    Ok(webhooks)
}

impl Webhook {
    fn read(entry: &Entry<'_>) -> Result<Webhook, String> {
        let Entry { name, url, organization_id, .. } = entry;
        let of_names = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        if !(1..=MAX_NAME).contains(&name.len()) || !name.bytes().all(of_names) {
            return Err(format!("name is '{name}'; it must have 1 to {MAX_NAME} of a to z, 0 to 9 and -"));
        }
        if !is_private(url) {
            return Err(format!(
                "url is '{url}'; it must begin with https://, or with http:// when it is on this machine, and name no user"
            ));
        }
        let secret = SigningSecret::parse(&entry.secret).ok_or_else(SigningSecret::expected)?;
        id("organizationId", organization_id)?;
        let zone = entry.timezone.as_deref().map_or(Ok(Zone::UTC), |name| {
            Zone::named(name)
                .ok_or_else(|| format!("timezone is '{name}'; use an IANA name such as Europe/Paris or UTC"))
        })?;
        let daily = entry.daily.as_ref().map(DailyEntry::read).transpose().map_err(|e| format!("daily: {e}"))?;
        let budget = entry.budget.as_ref().map(BudgetEntry::read).transpose().map_err(|e| format!("budget: {e}"))?;
        let subjects: Vec<Subject> = daily.into_iter().chain(budget).collect();
        if subjects.is_empty() {
            return Err("it has neither daily nor budget, so there is nothing to send".into());
        }
        let receiver = Receiver { name: name.clone(), url: url.clone(), secret };
        Ok(Webhook { receiver, organization_id: organization_id.clone(), zone, subjects })
    }
}

impl DailyEntry {
    fn read(&self) -> Result<Subject, String> {
        let by = self.group_by.as_deref().unwrap_or("project");
        group_by(by).map_err(|problem| problem.detail)?;
        Ok(Subject::Daily { group_by: by.to_owned() })
    }
}

impl BudgetEntry<'_> {
    fn read(&self) -> Result<Subject, String> {
        let raw = self.monthly_usd.get();
        let text = raw.strip_prefix('"').and_then(|raw| raw.strip_suffix('"')).unwrap_or(raw);
        let limit = PicoUsd::parse_sum(text).map_err(|e| format!("monthlyUsd {raw} {e}"))?;
        if limit <= PicoUsd::ZERO || limit > MAX_LIMIT {
            return Err(format!("monthlyUsd is {limit}; it must be above 0 and at most {MAX_LIMIT}"));
        }
        if let Some(wrong) = self.percent.iter().find(|percent| !(1..=MAX_PERCENT).contains(*percent)) {
            return Err(format!("percent has {wrong}; allowed are whole numbers from 1 to {MAX_PERCENT}"));
        }
        if self.percent.is_empty() {
            return Err("percent is empty; name one percentage or more, such as 100".into());
        }
        self.project_id.as_ref().map_or(Ok(()), |project_id| id("projectId", project_id))?;
        Ok(Subject::Budget(Budget { limit, percentages: self.percent.clone(), project_id: self.project_id.clone() }))
    }
}

fn id(field: &str, value: &str) -> Result<(), String> {
    let allowed = (1..=MAX_ID).contains(&value.chars().count());
    if allowed { Ok(()) } else { Err(format!("{field} is '{value}'; it must have 1 to {MAX_ID} characters")) }
}

/// An error in which no secret is read that was written in the place of something else.
fn without_secrets(error: &str) -> String {
    let mut parts = error.split(SigningSecret::PREFIX);
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let of_secrets = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=' | '-' | '_');
        text += SigningSecret::PREFIX;
        text += "…";
        text += part.trim_start_matches(of_secrets);
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    /// An entry that is right, with fields put over it; those that are null are left out.
    fn entry(extra: &Value) -> Value {
        let mut entry = json!({"name": "finance", "url": "https://hooks.example/in", "secret": SECRET,
            "organizationId": "acme", "daily": {}});
        let fields = entry.as_object_mut().unwrap();
        fields.extend(extra.as_object().unwrap().clone());
        fields.retain(|_, value| !value.is_null());
        entry
    }

    fn file(entries: &[Value]) -> String {
        json!({"webhooks": entries}).to_string()
    }

    #[test]
    fn what_is_left_out_has_a_default() {
        let budget = json!({"name": "b", "daily": null, "timezone": "Asia/Kathmandu",
            "budget": {"monthlyUsd": 0.5, "percent": [100, 50], "projectId": "web"}});
        let [first, second] = &parse(&file(&[entry(&json!({})), entry(&budget)])).unwrap()[..] else { panic!("two") };
        assert_eq!((first.zone, &*first.organization_id), (Zone::UTC, "acme"));
        assert_eq!(first.receiver.secret, SigningSecret::parse(SECRET).unwrap());
        assert!(matches!(&first.subjects[..], [Subject::Daily { group_by }] if group_by == "project"));
        let [Subject::Budget(Budget { limit, percentages, project_id })] = &second.subjects[..] else { panic!("one") };
        assert_eq!((limit.to_string().as_str(), &percentages[..]), ("0.5", &[100, 50][..]));
        assert_eq!((second.zone.name(), project_id.as_deref()), ("Asia/Kathmandu", Some("web")));
        assert!(parse(r#"{"webhooks": []}"#).unwrap().is_empty());
    }

    #[test]
    fn what_is_wrong_is_named_without_secrets() {
        let budget = |fields: Value| json!({"budget": fields});
        let secret_in_clear = SECRET.trim_start_matches(SigningSecret::PREFIX);
        for (extra, expected) in [
            (json!({"name": "Finance"}), "entry 2: name is 'Finance'"),
            (json!({"name": ""}), "name is ''"),
            (json!({"name": "x".repeat(65)}), "1 to 64 of a to z"),
            (json!({"name": "first"}), "entry 2: name is 'first', which an entry before it has"),
            (json!({"url": "http://hooks.example"}), "url is 'http://hooks.example'; it must begin with https://"),
            (json!({"url": "https://me:pass@hooks.example"}), "name no user"),
            (json!({"url": SECRET}), "url is 'whsec_…'"),
            (json!({"secret": secret_in_clear}), "secret (not shown) must be whsec_… and the base64 of 24 to 64 bytes"),
            (json!({"secret": "whsec_c2hvcnQ="}), "secret (not shown)"),
            (json!({"secret": format!("whsec_{}", "A".repeat(88))}), "24 to 64 bytes"),
            (json!({"organizationId": ""}), "organizationId is ''"),
            (json!({"timezone": "Paris"}), "timezone is 'Paris'"),
            (json!({"daily": null}), "neither daily nor budget"),
            (json!({"daily": {"groupBy": "colour"}}), "daily: groupBy is 'colour'; allowed are none, model"),
            (json!({"daily": SECRET}), "invalid type: string \"whsec_…\""),
            (json!({"daily": {"by": "model"}}), "unknown field `by`"),
            (json!({"kind": "daily"}), "unknown field `kind`"),
            (budget(json!({"monthlyUsd": "5 000", "percent": [1]})), "budget: monthlyUsd \"5 000\" is not a decimal"),
            (budget(json!({"monthlyUsd": -1, "percent": [1]})), "monthlyUsd -1 is negative"),
            (budget(json!({"monthlyUsd": 0, "percent": [1]})), "monthlyUsd is 0; it must be above 0"),
            (budget(json!({"monthlyUsd": "1000000000.1", "percent": [1]})), "at most 1000000000"),
            (budget(json!({"monthlyUsd": 1, "percent": []})), "percent is empty"),
            (budget(json!({"monthlyUsd": 1, "percent": [50, 1001]})), "percent has 1001"),
            (budget(json!({"monthlyUsd": 1, "percent": [0]})), "percent has 0"),
            (budget(json!({"monthlyUsd": 1})), "missing field `percent`"),
            (budget(json!({"monthlyUsd": 1, "percent": [1], "projectId": ""})), "budget: projectId is ''"),
        ] {
            let text = file(&[entry(&json!({"name": "first"})), entry(&extra)]);
            let error = parse(&text).err().unwrap_or_else(|| panic!("{extra} is taken"));
            assert!(error.contains(expected), "{extra}: {error}");
            assert!(!error.contains(secret_in_clear), "{error}");
        }
        let many: Vec<Value> = (0..101).map(|number| entry(&json!({"name": number.to_string()}))).collect();
        assert_eq!(parse(&file(&many)).err().unwrap(), "it has 101 webhooks; at most 100 are allowed");
    }
}
