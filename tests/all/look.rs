//! What an operator makes the dashboard look like, asked of the built binary.

use std::path::Path;
use std::process::Command;

use crate::support::{BINARY, OPERATOR, Server};
use serde_json::{Value, json};

const SVG: &str = r#"<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>"#;

fn write(directory: &Path, name: &str, bytes: &[u8]) -> String {
    let path = directory.join(name);
    std::fs::write(&path, bytes).unwrap();
    path.to_str().unwrap().to_owned()
}

fn page_of(server: &Server) -> String {
    server.send("GET", "/organizations/acme/analytics", &[("accept", "text/html")], b"").ok().text
}

#[test]
fn without_settings_the_page_is_rollcall() {
    let server = Server::start();
    let settings = server.get("/v1/settings", "").ok().json();
    for name in ["productName", "logo", "accent", "defaultTimezone", "currencyLabel", "upgradeText", "upgradeUrl"] {
        assert_eq!(settings[name], Value::Null, "{name}");
    }
    let page = page_of(&server);
    assert!(page.contains("<title>Rollcall</title>") && page.contains("/favicon.svg"), "{page}");
    assert!(!page.contains("<style"), "{page}");
    server.get("/v1/settings/logo", "").is_problem(404, "no logo was set");
}

#[test]
fn what_is_set_is_answered_and_stands_in_the_page() {
    let directory = tempfile::tempdir().unwrap();
    let logo = write(directory.path(), "logo.svg", SVG.as_bytes());
    let server = Server::start_set(
        &directory.path().join("store"),
        OPERATOR,
        &[
            ("ROLLCALL_PRODUCT_NAME", "Acme <Spend>"),
            ("ROLLCALL_LOGO", &logo),
            ("ROLLCALL_ACCENT", "#FFD400"),
            ("ROLLCALL_DEFAULT_TIMEZONE", "Asia/Kathmandu"),
            ("ROLLCALL_CURRENCY_LABEL", "credits"),
            ("ROLLCALL_UPGRADE_TEXT", "Ask Sales."),
            ("ROLLCALL_UPGRADE_URL", "https://example.com/upgrade"),
        ],
    );
    let settings = json!({
        "productName": "Acme <Spend>", "logo": "/v1/settings/logo", "accent": "#ffd400",
        "defaultTimezone": "Asia/Kathmandu", "currencyLabel": "credits",
        "upgradeText": "Ask Sales.", "upgradeUrl": "https://example.com/upgrade", "signIn": null,
    });
    assert_eq!(server.get("/v1/settings", "").ok().json(), settings);

    let page = page_of(&server);
    assert!(page.contains("<title>Acme &lt;Spend></title>"), "{page}");
    assert!(page.contains(r#"href="/v1/settings/logo" type="image/svg+xml""#), "{page}");
    // A yellow that nobody can read on white is darkened there, and stays what it is in the dark.
    let style = page.split("<style>").nth(1).expect("a style").split("</style>").next().unwrap();
    assert!(style.contains("--accent:light-dark(#") && style.contains(",#ffd400);"), "{style}");
    assert!(!style.contains("light-dark(#ffd400"), "{style}");
    let data = page.split(r#"id="settings">"#).nth(1).expect("the settings").split("</script>").next().unwrap();
    assert_eq!(serde_json::from_str::<Value>(data).unwrap(), settings);
    assert_eq!(server.send("GET", "/index.html", &[], b"").ok().text, page, "by its own name too");
}

#[test]
fn a_logo_is_what_its_bytes_say_and_can_do_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let png = b"\x89PNG\r\n\x1a\nrest";
    for (name, bytes, kind) in [("logo.svg", SVG.as_bytes(), "image/svg+xml"), ("misnamed.svg", &png[..], "image/png")]
    {
        let path = write(directory.path(), name, bytes);
        let server = Server::start_set(
            &directory.path().join(name).with_extension("store"),
            OPERATOR,
            &[("ROLLCALL_LOGO", &path)],
        );
        let developer = server.user_token("dev");
        for token in [OPERATOR, &developer] {
            assert_eq!(server.get("/v1/settings/logo", token).status, 200);
        }
        let answer = server.send("GET", "/v1/settings/logo", &[], b"").ok();
        assert_eq!(answer.text, String::from_utf8_lossy(bytes));
        assert_eq!(answer.header("content-type"), kind);
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(answer.header("content-security-policy"), "default-src 'none'; style-src 'unsafe-inline'; sandbox");
    }
}

#[test]
fn a_setting_that_cannot_be_is_told_before_anything_starts() {
    let directory = tempfile::tempdir().unwrap();
    let text = write(directory.path(), "logo.txt", b"a logo");
    let large = write(directory.path(), "large.png", &[&b"\x89PNG\r\n\x1a\n"[..], &[0; 256 * 1024]].concat());
    let store = directory.path().join("store");
    for command in ["serve", "demo"] {
        for (flag, value, words) in [
            ("--accent", "red", "'red' is no colour; write # and six digits"),
            ("--product-name", "", "write 1 to 40 on one line"),
            ("--currency-label", "much too long", "write 1 to 8 on one line"),
            ("--currency-rate", "0,92", "'0,92' is no rate; write what one US dollar is worth"),
            ("--currency-rate", "0.92", "--currency-label <TEXT>"),
            ("--currency-rate-date", "2026-02-30", "'2026-02-30' is no date that exists"),
            ("--currency-rate-date", "2026-11-01", "--currency-rate <RATE>"),
            ("--default-timezone", "Mars/Base", "'Mars/Base' is unknown"),
            ("--logo", &text, "cannot be the logo: it is neither PNG nor SVG"),
            ("--logo", &large, "cannot be the logo: it has more than 256 KiB"),
            ("--logo", "nowhere.png", "nowhere.png cannot be the logo: No such file"),
        ] {
            let mut program = Command::new(BINARY);
            program.args([command, "--listen", "127.0.0.1:0", flag, value]);
            if command == "serve" {
                program.arg("--data-dir").arg(&store);
            }
            let output = program.output().unwrap();
            let said = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(2), "{command} {flag}: {said}");
            assert!(said.contains(words), "{command} {flag}: '{said}' does not say '{words}'");
        }
    }
    assert!(!store.exists(), "no store is made");
}
