//! Alerts as they are recorded: what somebody wants to hear of, and where. What one means is for `budget` to say.

use std::fmt;

use super::secret::SigningSecret;
use super::status::Status;
use crate::store::record::{Decode, Encode};

/// Alerts of one organization: each is looked at every few seconds.
pub const ALERTS: usize = 1000;

/// What somebody wants to hear of.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Alert {
    pub kind: AlertKind,
    /// Whose limit it is about, where it is about one.
    pub budget_id: Option<String>,
    /// From where on it fires, in trillionths of the kind's unit; the kind's own when absent.
    pub threshold: Option<i128>,
    pub to: Vec<Recipient>,
    pub status: Status,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub enum AlertKind {
    /// A budget has reached a percentage.
    Budget,
    /// A budget will be passed before its window ends.
    Forecast,
    /// A day costs more than its weekday usually does.
    UnusualDay,
    /// A new model or API key costs much.
    NewSpender,
    /// Many requests of a day have failed.
    ErrorRate,
    /// Requests of a day have no price.
    Unpriced,
    /// A week is over.
    Digest,
}

impl AlertKind {
    pub const ALL: [(&str, AlertKind); 7] = [
        ("budget", AlertKind::Budget),
        ("forecast", AlertKind::Forecast),
        ("unusualDay", AlertKind::UnusualDay),
        ("newSpender", AlertKind::NewSpender),
        ("errorRate", AlertKind::ErrorRate),
        ("unpriced", AlertKind::Unpriced),
        ("digest", AlertKind::Digest),
    ];

    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, kind)| *kind == self).map_or("", |(name, _)| name)
    }

    pub fn is_of_budgets(self) -> bool {
        matches!(self, AlertKind::Budget | AlertKind::Forecast)
    }
}

/// Who is told, and how.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Recipient {
    pub channel: Channel,
    /// What webhooks are signed with.
    pub secret: Option<SigningSecret>,
    /// The operator has named the address, who may name any.
    pub by_operator: bool,
}

/// Where to: a URL or an address.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub enum Channel {
    Webhook(String),
    Slack(String),
    Discord(String),
    Email(String),
}

impl Channel {
    pub fn kind(&self) -> &'static str {
        match self {
            Channel::Webhook(_) => "webhook",
            Channel::Slack(_) => "slack",
            Channel::Discord(_) => "discord",
            Channel::Email(_) => "email",
        }
    }

    pub fn address(&self) -> &str {
        match self {
            Channel::Webhook(to) | Channel::Slack(to) | Channel::Discord(to) | Channel::Email(to) => to,
        }
    }

    /// The address without what lets others write to it: paths of chats' URLs are secrets.
    pub fn host(&self) -> &str {
        let address = self.address();
        match self {
            Channel::Email(_) => address,
            _ => address.split("://").last().and_then(|rest| rest.split(['/', '?', '#']).next()).unwrap_or_default(),
        }
    }
}

impl fmt::Debug for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind(), self.host())
    }
}

/// An alert as it is handed in, to be merged by id. `None` leaves a field as it is, `Some(None)` takes it out.
#[derive(Debug, Clone, Default)]
pub struct AlertUpdate {
    pub id: String,
    pub organization_id: String,
    pub kind: Option<AlertKind>,
    pub budget_id: Option<Option<String>>,
    pub threshold: Option<Option<i128>>,
    pub to: Option<Vec<RecipientUpdate>>,
    pub status: Option<Status>,
}

/// Who is told. One who was told before keeps the secret that is not given.
#[derive(Debug, Clone)]
pub struct RecipientUpdate {
    pub channel: Channel,
    pub secret: Option<Option<SigningSecret>>,
    pub by_operator: bool,
}

impl AlertUpdate {
    /// The alert from now on; the name of the field that a new one lacks.
    pub fn over(self, before: Option<&Alert>) -> Result<Alert, &'static str> {
        let kind = self.kind.or(before.map(|before| before.kind)).ok_or("kind")?;
        let old = before.map(|before| &before.to[..]).unwrap_or_default();
        let recipient = |new: RecipientUpdate| {
            let known = old.iter().find(|old| old.channel == new.channel);
            Recipient {
                secret: new.secret.unwrap_or_else(|| known?.secret.clone()),
                by_operator: new.by_operator || known.is_some_and(|known| known.by_operator),
                channel: new.channel,
            }
        };
        let to = self.to.map(|to| to.into_iter().map(recipient).collect());
        Ok(Alert {
            kind,
            budget_id: self.budget_id.unwrap_or_else(|| before?.budget_id.clone()),
            threshold: self.threshold.unwrap_or_else(|| before?.threshold),
            to: to.unwrap_or_else(|| old.to_vec()),
            status: self.status.or(before.map(|before| before.status)).unwrap_or_default(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signed_with(byte: u8) -> SigningSecret {
        SigningSecret::parse(&format!("whsec_{}", char::from(byte).to_string().repeat(32))).unwrap()
    }

    #[test]
    fn who_was_told_before_keeps_the_secret_and_what_the_operator_allowed() {
        let channel = |host: &str| Channel::Webhook(format!("https://{host}/in?token=hidden"));
        let to = |host: &str, secret: Option<Option<u8>>, by_operator| RecipientUpdate {
            channel: channel(host),
            secret: secret.map(|given| given.map(signed_with)),
            by_operator,
        };
        let update = |to: Vec<RecipientUpdate>| AlertUpdate {
            kind: Some(AlertKind::Unpriced),
            to: Some(to),
            ..AlertUpdate::default()
        };
        let first = update(vec![to("a", Some(Some(b'A')), true), to("b", Some(Some(b'B')), false)]).over(None).unwrap();
        let next = update(vec![to("a", None, false), to("b", Some(None), false), to("c", None, false)]);
        let next = next.over(Some(&first)).unwrap();
        let told: Vec<_> = next.to.iter().map(|to| (to.secret.is_some(), to.by_operator)).collect();
        assert_eq!(told, [(true, true), (false, false), (false, false)]);
        assert_eq!(AlertUpdate::default().over(Some(&next)).unwrap(), next);
        assert_eq!(AlertUpdate::default().over(None).unwrap_err(), "kind");
        let shown = format!("{first:?}");
        assert!(shown.contains("webhook a") && !shown.contains("hidden") && !shown.contains("AA"), "{shown}");
    }
}
