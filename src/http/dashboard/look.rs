//! How the dashboard looks on this server: what the operator has set is in the page itself, so that nothing flashes by.

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};

use super::colour::accent_style;
use super::wire::{Settings, SignInWays};
use crate::http::App;
use crate::http::body::Binary;
use crate::http::currency::Currency;
use crate::http::problem::{Problem, ProblemBody};

/// Where the logo is.
const LOGO_PATH: &str = "/v1/settings/logo";
/// Far more than a logo needs: every page load may ask for it.
pub const MAX_LOGO_BYTES: u64 = 256 * 1024;
/// How far into a file an SVG's first element is looked for: XML may put comments before it.
const SVG_HEAD_BYTES: usize = 4096;

/// What the operator has set about the dashboard.
#[derive(Default)]
pub struct Look {
    settings: Settings,
    logo: Option<Logo>,
    currency: Option<Currency>,
}

/// A picture that browsers may be given.
pub struct Logo {
    bytes: Vec<u8>,
    kind: &'static str,
}

impl Logo {
    /// Tells what kind of picture it is by its bytes, never by its name.
    pub fn new(bytes: Vec<u8>) -> Result<Logo, &'static str> {
        let kind = if bytes.len() as u64 > MAX_LOGO_BYTES {
            return Err("it has more than 256 KiB");
        } else if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
            "image/png"
        } else if is_svg(&bytes) {
            "image/svg+xml"
        } else {
            return Err("it is neither PNG nor SVG");
        };
        Ok(Logo { bytes, kind })
    }
}

fn is_svg(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    let start = text.trim_start_matches('\u{feff}').trim_start();
    let head = &bytes[..bytes.len().min(SVG_HEAD_BYTES)];
    ["<svg", "<?xml", "<!--"].iter().any(|opening| start.starts_with(opening))
        && head.windows(4).any(|window| window == b"<svg")
}

impl Look {
    pub fn new(settings: Settings, logo: Option<Logo>, currency: Option<Currency>) -> Look {
        let settings = Settings { logo: logo.is_some().then(|| LOGO_PATH.into()), ..settings };
        Look { settings, logo, currency }
    }

    /// With buttons of providers on the sign-in page.
    pub fn with_sign_in(self, ways: Option<SignInWays>) -> Look {
        Look { settings: Settings { sign_in: ways, ..self.settings }, ..self }
    }

    /// What statements have beside US dollars.
    pub fn currency(&self) -> Option<&Currency> {
        self.currency.as_ref()
    }

    /// The dashboard's page with the settings in it: as data for its scripts, and as what must be right before they run.
    pub fn page(&self, index: &str) -> String {
        let mut page = index.to_owned();
        if let Some(name) = &self.settings.product_name {
            page = page.replace("<title>Rollcall</title>", &format!("<title>{}</title>", escaped(name)));
        }
        if let Some(logo) = &self.logo {
            let link = format!("href=\"{LOGO_PATH}\" type=\"{}\"", logo.kind);
            page = page.replace("href=\"/favicon.svg\" type=\"image/svg+xml\"", &link);
        }
        let style = self.settings.accent.as_deref().and_then(|accent| accent.parse().ok()).map(accent_style);
        let style = style.map(|rule| format!("<style>{rule}</style>")).unwrap_or_default();
        let json = serde_json::to_string(&self.settings).expect("settings serialize");
        // No text in it can end the element it is in.
        let data = json.replace('<', "\\u003c");
        let added = format!("{style}<script type=\"application/json\" id=\"settings\">{data}</script>");
        page.replace("</head>", &format!("{added}</head>"))
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

/// What the operator has set for everyone. For everyone.
#[utoipa::path(get, path = "/v1/settings", tag = "session", security(()), responses((status = 200, body = Settings)))]
pub async fn settings(State(app): State<App>) -> axum::Json<Settings> {
    axum::Json(app.look.settings.clone())
}

/// The operator's logo. For everyone.
#[utoipa::path(
    get, path = "/v1/settings/logo", tag = "session", security(()),
    responses(
        (status = 200, body = inline(Binary), content_type = "image/*"),
        (status = 404, body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
pub async fn logo(State(app): State<App>) -> Result<Response, Problem> {
    let logo = app.look.logo.as_ref().ok_or_else(|| Problem::not_found("no logo was set; see --logo of 'serve'"))?;
    let headers = [
        (header::CONTENT_TYPE, logo.kind),
        (header::CACHE_CONTROL, "public, max-age=3600"),
        // An SVG opened by itself is a page of this origin: this one runs and loads nothing.
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; style-src 'unsafe-inline'; sandbox"),
    ];
    Ok((headers, logo.bytes.clone()).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_logo_is_png_or_svg_by_its_bytes() {
        let check = |bytes: &[u8], expected: Result<&str, &str>| {
            assert_eq!(Logo::new(bytes.to_vec()).map(|logo| logo.kind), expected, "{:?}", bytes.get(..30));
        };
        check(b"\x89PNG\r\n\x1a\nrest", Ok("image/png"));
        check(b"<svg xmlns='http://www.w3.org/2000/svg'/>", Ok("image/svg+xml"));
        check("\u{feff}  <?xml version='1.0'?><!-- mark --><svg/>".as_bytes(), Ok("image/svg+xml"));
        for wrong in [&b""[..], b"<html><svg/></html>", b"GIF89a", b"\xff\xd8\xff", b"<?xml version='1.0'?><html/>"] {
            check(wrong, Err("it is neither PNG nor SVG"));
        }
        let mut large = b"\x89PNG\r\n\x1a\n".to_vec();
        large.resize(MAX_LOGO_BYTES as usize, 0);
        check(&large, Ok("image/png"));
        large.push(0);
        check(&large, Err("it has more than 256 KiB"));
    }

    #[test]
    fn no_setting_leaves_its_place_in_the_page() {
        let hostile = "</script></title><script>alert(1)</script>&amp;";
        let settings = Settings { product_name: Some(hostile.into()), ..Settings::default() };
        let page = Look::new(settings, None, None).page("<head><title>Rollcall</title></head>");
        assert_eq!(page.matches("<script").count(), 1, "{page}");
        assert_eq!(page.matches("</script>").count(), 1, "{page}");
        assert!(
            page.contains("<title>&lt;/script>&lt;/title>&lt;script>alert(1)&lt;/script>&amp;amp;</title>"),
            "{page}"
        );
        let data = page.split("id=\"settings\">").nth(1).unwrap().split("</script>").next().unwrap();
        let read: Settings = serde_json::from_str(data).unwrap();
        assert_eq!(read.product_name.as_deref(), Some(hostile));
    }
}
