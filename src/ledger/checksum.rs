//! The checksum of a statement that is a file: of all of it, so that no figure in it can be another unseen, wherever it
//! stands. It says that nothing was changed by mistake or by hand, not who wrote it.

use sha2::{Digest, Sha256};

/// Where the checksum is to stand.
pub const PLACE: &str = "0000000000000000000000000000000000000000000000000000000000000000";
const MARK: &str = "name=\"rollcall-checksum\" content=\"sha256:";

/// What is the matter with a file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChecksumError {
    #[error("it is no statement: it has no checksum of one")]
    None,
    #[error("it was changed: its checksum says {stated}, its content {found}")]
    Changed { stated: String, found: String },
}

/// The line of a page that has the checksum.
pub fn mark() -> String {
    format!("<meta {MARK}{PLACE}\">")
}

/// Puts the checksum of a page to its places.
pub fn sealed(page: &str) -> String {
    page.replace(PLACE, &digest(page))
}

/// Compares a page with its checksum, which is the answer. Line ends may be others: mail changes them.
pub fn check(page: &str) -> Result<String, ChecksumError> {
    let page = page.replace("\r\n", "\n");
    let after = page.split_once(MARK).map(|(_, after)| after).ok_or(ChecksumError::None)?;
    let stated = after.get(..PLACE.len()).filter(|hex| hex.bytes().all(|byte| byte.is_ascii_hexdigit()));
    let stated = stated.ok_or(ChecksumError::None)?.to_owned();
    let found = digest(&page.replace(&stated, PLACE));
    if found == stated { Ok(stated) } else { Err(ChecksumError::Changed { stated, found }) }
}

fn digest(page: &str) -> String {
    Sha256::digest(page.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_that_was_changed_is_known_by_its_checksum() {
        let page = sealed(&format!("<html>\n{}\n<td>12.50</td>\n<p>{PLACE}</p>\n", mark()));
        let checksum = check(&page).unwrap();
        assert_eq!(page.matches(&checksum).count(), 2);
        assert_eq!(check(&page.replace('\n', "\r\n")), Ok(checksum.clone()));
        for (from, to) in [("12.50", "12.51"), ("<html>", "<HTML>"), ("</p>", "")] {
            assert!(matches!(check(&page.replace(from, to)), Err(ChecksumError::Changed { .. })), "{from}");
        }
        // The checksum itself, in either place or in both.
        let other = page.replacen(&checksum, &PLACE.replace('0', "1"), 1);
        assert!(matches!(check(&other), Err(ChecksumError::Changed { .. })));
        assert!(matches!(check(&page.replace(&checksum, PLACE)), Err(ChecksumError::Changed { .. })));
        for nothing in ["", "<html>", "<meta name=\"rollcall-checksum\" content=\"sha256:é\">"] {
            assert_eq!(check(nothing), Err(ChecksumError::None));
        }
    }
}
