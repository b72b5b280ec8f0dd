//! What is said in Slack, in Discord and by mail: texts in which nothing that somebody has named a thing is taken for
//! more than text.

use serde_json::json;

/// What Slack recommends at most (api.slack.com, `chat.postMessage`).
const SLACK_CHARS: usize = 4000;
/// What Discord takes at most (discord.com/developers, *Execute Webhook*).
const DISCORD_CHARS: usize = 2000;
/// As long as a subject is shown anywhere; RFC 5322 wants lines of at most 998.
const SUBJECT_CHARS: usize = 150;

/// The body of a message to Slack. What it takes for more than text are three characters, and marks that `mrkdwn` turns
/// off.
pub fn slack(text: &str) -> String {
    let escape = |c: char| match c {
        '&' => Some("&amp;"),
        '<' => Some("&lt;"),
        '>' => Some("&gt;"),
        _ => None,
    };
    json!({"text": escaped(text, SLACK_CHARS, escape), "mrkdwn": false}).to_string()
}

/// The body of a message to Discord, which mentions nobody.
pub fn discord(text: &str) -> String {
    let escape = |c: char| match c {
        '\\' => Some("\\\\"),
        '*' => Some("\\*"),
        '_' => Some("\\_"),
        '~' => Some("\\~"),
        '`' => Some("\\`"),
        '|' => Some("\\|"),
        '>' => Some("\\>"),
        '<' => Some("\\<"),
        '#' => Some("\\#"),
        '[' => Some("\\["),
        ']' => Some("\\]"),
        '-' => Some("\\-"),
        _ => None,
    };
    json!({"content": escaped(text, DISCORD_CHARS, escape), "allowed_mentions": {"parse": []}}).to_string()
}

/// A subject: one line.
pub fn subject(text: &str) -> String {
    escaped(text, SUBJECT_CHARS, |c| c.is_control().then_some(" "))
}

/// A text with some characters written otherwise, cut where it would be longer than `most`.
fn escaped(text: &str, most: usize, escape: impl Fn(char) -> Option<&'static str>) -> String {
    let (mut out, mut chars, mut cut) = (String::new(), 0, 0);
    for c in text.chars() {
        let written = escape(c);
        chars += written.map_or(1, |written| written.chars().count());
        if chars > most {
            out.truncate(cut);
            out.push('…');
            return out;
        }
        match written {
            Some(written) => out.push_str(written),
            None => out.push(c),
        }
        if chars < most {
            cut = out.len();
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn said(body: &str, field: &str) -> String {
        serde_json::from_str::<Value>(body).unwrap()[field].as_str().unwrap().to_owned()
    }

    #[test]
    fn names_are_text_and_mention_nobody() {
        let text = "Budget <!channel> & *b* \"q\" @here [x](http://e) 5 USD";
        assert_eq!(said(&slack(text), "text"), "Budget &lt;!channel&gt; &amp; *b* \"q\" @here [x](http://e) 5 USD");
        let discord = discord(text);
        assert_eq!(said(&discord, "content"), "Budget \\<!channel\\> & \\*b\\* \"q\" @here \\[x\\](http://e) 5 USD");
        let mentions: Value = serde_json::from_str(&discord).unwrap();
        assert_eq!(mentions["allowed_mentions"], json!({"parse": []}));
        assert_eq!(subject("a\r\nBcc: b@example.com"), "a  Bcc: b@example.com");
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        for (text, ending) in [("é", "é…"), ("<", "&lt;…")] {
            let said = said(&slack(&text.repeat(5000)), "text");
            assert!(said.chars().count() <= SLACK_CHARS && said.ends_with(ending), "{}", said.chars().count());
        }
        let cut = said(&discord(&"*".repeat(1500)), "content");
        assert!(cut.chars().count() <= DISCORD_CHARS && cut.ends_with("\\*…"));
        assert_eq!(said(&discord(&"a".repeat(2000)), "content").len(), 2000);
        assert_eq!(said(&discord(&"a".repeat(2001)), "content").chars().count(), 2000);
    }
}
