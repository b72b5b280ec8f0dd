//! E-mail by the operator's SMTP server.

use std::time::Duration;

use lettre::message::{Mailbox, header::ContentType};
use lettre::{Message, SmtpTransport, Transport};

use super::chat::subject as one_line;

/// As long as receivers of webhooks get.
const PATIENCE: Duration = Duration::from_secs(15);

/// Sends mail. It has no way to be shown, as its URL may have a password.
pub struct Mail {
    transport: SmtpTransport,
    from: Mailbox,
}

impl Mail {
    /// By a server, `smtps://USER:PASSWORD@HOST` or `smtp://HOST:PORT?tls=required`, as somebody. The error does not say
    /// what the URL is.
    pub fn new(url: &str, from: &str) -> Result<Mail, String> {
        let scheme = url.split("://").next().unwrap_or_default();
        if !matches!(scheme, "smtp" | "smtps") {
            return Err("the URL of the SMTP server (not shown) must begin with smtps:// or smtp://".into());
        }
        let transport = SmtpTransport::from_url(url)
            .map_err(|_| "the URL of the SMTP server (not shown) cannot be read; see docs/alerts.md".to_owned())?;
        let from = from.parse().map_err(|error| format!("'{from}' is no address to send from: {error}"))?;
        Ok(Mail { transport: transport.timeout(Some(PATIENCE)).build(), from })
    }

    /// Sends once. `id` is the same however often it is sent, so that a mailbox may recognize a repetition.
    pub fn send(&self, to: &str, id: &str, subject: &str, text: &str) -> Result<(), String> {
        let wrong = |error: &dyn std::fmt::Display| error.to_string();
        let message = Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, to.parse().map_err(|error| wrong(&error))?))
            .message_id(Some(format!("<{id}@rollcall>")))
            .subject(one_line(subject))
            .header(ContentType::TEXT_PLAIN)
            .body(format!("{text}\n"))
            .map_err(|error| wrong(&error))?;
        self.transport.send(&message).map(drop).map_err(|error| wrong(&error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_a_server_is_told_without_its_password() {
        for (url, from, words) in [
            ("https://me:hidden@mail.example", "a@example.com", "smtps:// or smtp://"),
            ("smtp://me:hidden@mail.example:port", "a@example.com", "cannot be read"),
            ("smtps://me:hidden@mail.example", "nobody", "'nobody' is no address"),
        ] {
            let error = Mail::new(url, from).err().unwrap();
            assert!(error.contains(words) && !error.contains("hidden"), "{error}");
        }
        assert!(Mail::new("smtp://127.0.0.1:25", "Rollcall <rollcall@example.com>").is_ok());
    }
}
