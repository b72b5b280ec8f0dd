//! Zone rules from a directory, as several commands take them.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use clap::Args;

use super::Failure;
use crate::calendar::{Zone, ZoneDatabase, ZoneFiles};

/// Where most systems keep their rules.
pub const SYSTEM: &str = "/usr/share/zoneinfo";
const MAGIC: &[u8] = b"TZif";
/// The same zones without and with leap seconds, and copies of single zones under names that are none.
const LEFT_OUT: [&str; 5] = ["posix", "right", "localtime", "posixrules", "Factory"];
/// No zone has a name of more parts: America/Argentina/Ushuaia has three.
const MAX_DEPTH: usize = 4;
/// IANA's database has 600 zones, and those of a system with all its old names twice as many.
const MAX_FILES: usize = 5000;
/// The longest file of 2026 has 4 KB.
const MAX_FILE_BYTES: u64 = 1 << 20;

#[derive(Args, Clone)]
pub struct ZoneArguments {
    /// Zone rules to use instead of those compiled in, as TZif files such as /usr/share/zoneinfo; a server reads them
    /// again on SIGHUP
    #[arg(long, value_name = "DIR", env = "ROLLCALL_ZONE_DATABASE")]
    zone_database: Option<PathBuf>,
    /// Take them even if they are older than those compiled in, or do not say how old they are
    #[arg(long, env = "ROLLCALL_ZONE_DATABASE_FORCE", value_parser = clap::builder::FalseyValueParser::new())]
    zone_database_force: bool,
}

impl ZoneArguments {
    /// Has all days cut by the rules of the directory, if one is given. After a failure the rules in use stay.
    pub fn install(&self) -> Result<(), Failure> {
        if let Some(directory) = &self.zone_database {
            read(directory, self.zone_database_force)?.install();
        }
        Ok(())
    }
}

fn read(directory: &Path, force: bool) -> Result<Arc<ZoneDatabase>, Failure> {
    let named = |e: &dyn std::fmt::Display| Failure(format!("the zone rules in {}: {e}", directory.display()));
    let found = files(directory).map_err(|e| named(&e))?;
    let database = ZoneDatabase::read(found, force).map_err(|e| named(&e))?;
    for (zone, first, last) in database.uncut() {
        let edition = database.edition().version();
        tracing::warn!(
            "in {} the days from {first} to {last} do not begin where sums can be cut (zone rules {edition}): questions \
             about them are refused",
            zone.name()
        );
    }
    Ok(database)
}

fn files(directory: &Path) -> Result<ZoneFiles, String> {
    let mut found = Found::default();
    found.walk(directory, String::new(), 1)?;
    let newest = found.newest.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    Ok(ZoneFiles {
        directory: directory.to_owned(),
        version: edition(directory),
        date: Zone::UTC.date_at(i64::try_from(newest).unwrap_or_default()).to_string(),
        files: found.files,
    })
}

struct Found {
    files: BTreeMap<String, Vec<u8>>,
    newest: SystemTime,
}

impl Default for Found {
    fn default() -> Found {
        Found { files: BTreeMap::new(), newest: UNIX_EPOCH }
    }
}

impl Found {
    fn walk(&mut self, directory: &Path, prefix: String, depth: usize) -> Result<(), String> {
        let named = |path: &Path, e: &dyn std::fmt::Display| format!("{}: {e}", path.display());
        if depth > MAX_DEPTH {
            return Err(named(directory, &format!("zones are at most {MAX_DEPTH} folders deep")));
        }
        for entry in fs::read_dir(directory).map_err(|e| named(directory, &e))? {
            let path = entry.map_err(|e| named(directory, &e))?.path();
            let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
            if depth == 1 && LEFT_OUT.contains(&name) {
                continue;
            }
            let about = fs::metadata(&path).map_err(|e| named(&path, &e))?;
            if about.is_dir() {
                self.walk(&path, format!("{prefix}{name}/"), depth + 1)?;
                continue;
            }
            let Some(tzif) = tzif(&path).map_err(|e| named(&path, &e))? else { continue };
            if self.files.len() == MAX_FILES {
                return Err(format!("there are more than {MAX_FILES} files"));
            }
            self.newest = self.newest.max(about.modified().unwrap_or(UNIX_EPOCH));
            self.files.insert(format!("{prefix}{name}"), tzif);
        }
        Ok(())
    }
}

/// The file's bytes, if they are zone rules: the folder has tables and texts as well.
fn tzif(path: &Path) -> std::io::Result<Option<Vec<u8>>> {
    let mut file = fs::File::open(path)?;
    let mut bytes = Vec::new();
    (&mut file).take(MAGIC.len() as u64).read_to_end(&mut bytes)?;
    if bytes != MAGIC {
        return Ok(None);
    }
    file.take(MAX_FILE_BYTES).read_to_end(&mut bytes)?;
    Ok(Some(bytes))
}

/// Which edition a directory has, such as `2026f`: from the table of rules that is mostly beside them, or from where
/// BSD systems and macOS write it.
pub fn edition(directory: &Path) -> Option<String> {
    let first_line = |name: &str| -> Option<String> {
        let mut text = Vec::new();
        fs::File::open(directory.join(name)).ok()?.take(100).read_to_end(&mut text).ok()?;
        String::from_utf8_lossy(&text).lines().next().map(str::to_owned)
    };
    let version = |text: &str| -> Option<String> {
        // Debian adds its own number: 2026b-0+deb12u1.
        let known: String = text.trim().chars().take_while(char::is_ascii_alphanumeric).collect();
        let is_edition = known.len() > 4
            && known[..4].bytes().all(|b| b.is_ascii_digit())
            && known[4..].bytes().all(|b| b.is_ascii_lowercase());
        is_edition.then_some(known)
    };
    first_line("tzdata.zi")
        .and_then(|line| version(line.strip_prefix("# version ")?))
        .or_else(|| version(&first_line("+VERSION")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(directory: &Path, name: &str, bytes: &[u8]) {
        let path = directory.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    #[test]
    fn only_zone_rules_are_read_of_a_directory() {
        let directory = tempfile::tempdir().unwrap();
        let at = directory.path();
        for name in ["UTC", "Europe/Paris", "America/Argentina/Ushuaia", "right/UTC", "posix/UTC", "localtime"] {
            write(at, name, b"TZif and so on");
        }
        write(at, "tzdata.zi", b"# version 2026f-0+deb13u1\n# redo posix_only\n");
        write(at, "zone.tab", b"AD\t+4230+00131\tEurope/Andorra\n");
        let found = files(at).unwrap();
        assert!(found.files.keys().eq(["America/Argentina/Ushuaia", "Europe/Paris", "UTC"]));
        assert_eq!(found.version.as_deref(), Some("2026f"));
        fs::remove_file(at.join("tzdata.zi")).unwrap();
        assert_eq!(files(at).unwrap().version, None);
        write(at, "+VERSION", b"2027a\n");
        assert_eq!(files(at).unwrap().version.as_deref(), Some("2027a"));
        write(at, "a/b/c/d/e", b"TZif");
        assert!(files(at).unwrap_err().contains("at most 4 folders deep"));
        assert!(files(&at.join("nowhere")).unwrap_err().contains("nowhere"));
    }

    /// Every edition at hand.
    #[test]
    fn the_rules_of_this_machine_can_be_cut_too() {
        if !Path::new(SYSTEM).join("tzdata.zi").exists() {
            eprintln!("skipped: there are no zone rules in {SYSTEM}");
            return;
        }
        let database = read(Path::new(SYSTEM), true).unwrap();
        assert_eq!(database.uncut().count(), 0, "{}", database.edition());
        assert!(database.zones().count() > 300, "{}", database.edition());
    }
}
