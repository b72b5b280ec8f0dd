//! Where a cluster is: `clickhouse://USER:PASSWORD@HOST:PORT[,HOST:PORT…]/DATABASE[?cluster=NAME]`.

use std::fmt;
use std::fs;
use std::path::Path;

use twox_hash::XxHash3_64;

/// Where ClickHouse listens for HTTP unless told otherwise, in the clear and with TLS.
const PORTS: [u16; 2] = [8123, 8443];
/// More shards than anybody has; each is asked by name.
const MAX_HOSTS: usize = 256;
const SCHEME: &str = "clickhouse://";

/// What is wrong with an address. Says nothing of the user's password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}; a cluster's address is clickhouse://USER:PASSWORD@HOST:PORT[,HOST:PORT…]/DATABASE[?cluster=NAME]")]
pub struct AddressError(String);

fn wrong<T>(what: impl Into<String>) -> Result<T, AddressError> {
    Err(AddressError(what.into()))
}

/// A server that is spoken to: one shard of the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    pub name: String,
    pub port: u16,
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.name, self.port)
    }
}

/// A cluster and who asks it. Shown without user and password.
#[derive(Clone, PartialEq, Eq)]
pub struct Address {
    /// One for each shard, in the cluster's order.
    pub hosts: Vec<Host>,
    pub database: String,
    /// The cluster's name in the servers' configuration; without one there is one server, and no distributed tables.
    pub cluster: Option<String>,
    pub user: String,
    pub(super) password: String,
    pub has_tls: bool,
    /// PEM of who vouches for the servers, where that is nobody public.
    pub(super) authority: Option<Vec<u8>>,
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hosts: Vec<String> = self.hosts.iter().map(Host::to_string).collect();
        write!(f, "{SCHEME}{}/{}", hosts.join(","), self.database)?;
        self.cluster.iter().try_for_each(|cluster| write!(f, "?cluster={cluster}"))
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Address {
    /// Reads an address, and the files that it names.
    pub fn parse(text: &str) -> Result<Address, AddressError> {
        let Some(rest) = text.trim().strip_prefix(SCHEME) else {
            return wrong(format!("the address does not begin with {SCHEME}"));
        };
        let (rest, options) = rest.split_once('?').unwrap_or((rest, ""));
        // A password that is not encoded may have either of them.
        let (who, place) = rest.rsplit_once('@').unwrap_or(("", rest));
        let Some((hosts, database)) = place.split_once('/') else { return wrong("the address names no database") };
        let (user, password) = who.split_once(':').unwrap_or((who, ""));
        let mut address = Address {
            hosts: Vec::new(),
            database: decoded(database, "the database")?,
            cluster: None,
            user: decoded(user, "the user")?,
            password: decoded(password, "the password")?,
            has_tls: false,
            authority: None,
        };
        for (name, value) in form_urlencoded::parse(options.as_bytes()) {
            match &*name {
                "cluster" => address.cluster = Some(identifier(&value, "the cluster's name")?),
                "user-file" => address.user = line_of(&value)?,
                "password-file" => address.password = line_of(&value)?,
                "ca-file" => address.authority = Some(read(&value)?),
                "tls" if value == "required" => address.has_tls = true,
                "tls" => return wrong("'tls' is not 'required'"),
                _ => {
                    return wrong(format!(
                        "'{name}' is no option; allowed are cluster, user-file, password-file, tls and ca-file"
                    ));
                }
            }
        }
        let port = PORTS[usize::from(address.has_tls)];
        address.hosts = hosts.split(',').map(|host| host_of(host, port)).collect::<Result<_, _>>()?;
        address.database = identifier(&address.database, "the database's name")?;
        if address.user.is_empty() {
            address.user = "default".to_owned();
        }
        // Both go into headers.
        for (what, text) in [("the user", &address.user), ("the password", &address.password)] {
            if text.chars().any(char::is_control) {
                return wrong(format!("{what} has a control character"));
            }
        }
        match address.hosts.len() {
            2.. if address.cluster.is_none() => wrong("several hosts are a cluster, whose name is missing"),
            count if count > MAX_HOSTS => wrong(format!("{count} hosts are named, at most {MAX_HOSTS} are allowed")),
            _ if has_doubles(&address.hosts) => wrong("a host is named twice"),
            _ => Ok(address),
        }
    }

    /// Which shard keeps an organization, counted from 0, unless it was moved.
    pub fn shard_of(&self, organization: &str) -> usize {
        let hash = XxHash3_64::oneshot(organization.as_bytes());
        ((u128::from(hash) * self.hosts.len() as u128) >> 64) as usize
    }
}

fn has_doubles(hosts: &[Host]) -> bool {
    hosts.iter().enumerate().any(|(at, host)| hosts[..at].contains(host))
}

fn host_of(text: &str, default_port: u16) -> Result<Host, AddressError> {
    // An address of IPv6 is in brackets.
    let (name, port) = match text.rsplit_once(':') {
        Some((name, port)) if !port.ends_with(']') => match port.parse() {
            Ok(port) if port > 0 => (name, port),
            _ => return wrong(format!("'{port}' is no port")),
        },
        _ => (text, default_port),
    };
    let bare = name.strip_prefix('[').and_then(|name| name.strip_suffix(']'));
    let is_host = match bare {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_')),
    };
    if name.is_empty() || !is_host {
        return wrong(format!("'{name}' is no host"));
    }
    Ok(Host { name: name.to_owned(), port })
}

/// A name that stands in SQL as it is.
fn identifier(text: &str, what: &str) -> Result<String, AddressError> {
    let is_one =
        text.bytes().enumerate().all(|(at, b)| b == b'_' || b.is_ascii_alphabetic() || at > 0 && b.is_ascii_digit());
    if text.is_empty() || text.len() > 64 || !is_one {
        return wrong(format!(
            "{what} '{text}' is not 1 to 64 letters, digits and underscores that begin with no digit"
        ));
    }
    Ok(text.to_owned())
}

fn read(path: &str) -> Result<Vec<u8>, AddressError> {
    fs::read(Path::new(path)).or_else(|error| wrong(format!("{path}: {error}")))
}

fn line_of(path: &str) -> Result<String, AddressError> {
    let text = String::from_utf8(read(path)?).or_else(|_| wrong(format!("{path} is no text")))?;
    let line = text.trim_end_matches(['\n', '\r']);
    if line.is_empty() { wrong(format!("{path} is empty")) } else { Ok(line.to_owned()) }
}

/// Takes percent-encoding off.
fn decoded(text: &str, what: &str) -> Result<String, AddressError> {
    let (mut bytes, mut at) = (Vec::with_capacity(text.len()), text.bytes());
    while let Some(byte) = at.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digits = at.next().zip(at.next()).map(|(high, low)| [high, low]);
        let digits = digits.filter(|digits| digits.iter().all(u8::is_ascii_hexdigit));
        let value = digits.and_then(|digits| u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok());
        match value {
            Some(value) => bytes.push(value),
            None => return wrong(format!("{what} has a % that no two hexadecimal digits follow")),
        }
    }
    String::from_utf8(bytes).or_else(|_| wrong(format!("{what} is no text")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, shown: &str) -> Address {
        let address = Address::parse(text).unwrap();
        assert_eq!(address.to_string(), shown);
        assert_eq!(format!("{address:?}"), shown);
        address
    }

    #[test]
    fn addresses_are_read_and_shown_without_who_asks() {
        let address = check("clickhouse://ann:p%40s%2Fs%3A%25+x@ch1:8123/rollcall", "clickhouse://ch1:8123/rollcall");
        assert_eq!((address.user.as_str(), address.password.as_str()), ("ann", "p@s/s:%+x"));
        let shown = "clickhouse://a:9001,b.c:8123/usage?cluster=main";
        let address = check("clickhouse://ann:@a:9001,b.c/usage?cluster=main", shown);
        assert_eq!((address.hosts.len(), address.hosts[1].port, address.password.as_str()), (2, 8123, ""));
        let address = check("clickhouse://[::1]:8123/x", "clickhouse://[::1]:8123/x");
        assert_eq!((address.user.as_str(), address.hosts[0].name.as_str()), ("default", "[::1]"));
        assert_eq!(check("clickhouse://h/x?tls=required", "clickhouse://h:8443/x").hosts[0].port, 8443);
    }

    #[test]
    fn user_and_password_come_from_files() {
        let directory = tempfile::tempdir().unwrap();
        let [user, password] = ["user", "password"].map(|name| directory.path().join(name));
        fs::write(&user, "shipper\n").unwrap();
        fs::write(&password, "s ecret\r\n").unwrap();
        let text = format!("clickhouse://h/x?user-file={}&password-file={}", user.display(), password.display());
        let address = Address::parse(&text).unwrap();
        assert_eq!((address.user.as_str(), address.password.as_str()), ("shipper", "s ecret"));
        fs::write(&password, "\n").unwrap();
        assert!(Address::parse(&text).unwrap_err().to_string().contains("is empty"));
    }

    #[test]
    fn wrong_addresses_say_what_is_wrong_and_not_the_password() {
        let check = |text: &str, says: &str| {
            let error = Address::parse(text).unwrap_err().to_string();
            assert!(error.contains(says), "{text}: {error}");
            assert!(!error.contains("hunter2"), "{error}");
        };
        check("http://u:hunter2@h/x", "does not begin with clickhouse://");
        check("clickhouse://u:hunter2@h", "names no database");
        check("clickhouse://u:hunter2@h/", "is not 1 to 64 letters");
        check("clickhouse://u:hunter2@h/x-y", "'x-y' is not 1 to 64 letters");
        check("clickhouse://u:hunter2@h:0/x", "'0' is no port");
        check("clickhouse://u:hunter2@h:abc/x", "'abc' is no port");
        check("clickhouse://u:hunter2@/x", "'' is no host");
        check("clickhouse://u:hunter2@a b/x", "'a b' is no host");
        check("clickhouse://u:hunter2@a,b/x", "whose name is missing");
        check("clickhouse://u:hunter2@a,a/x?cluster=c", "named twice");
        check("clickhouse://u:hunter2%zz@a/x", "two hexadecimal digits");
        check("clickhouse://u:hunter2%0Ax@a/x", "control character");
        check("clickhouse://u:hunter2@a/x?clutser=c", "'clutser' is no option");
        check("clickhouse://u:hunter2@a/x?tls=maybe", "not 'required'");
        check("clickhouse://u:hunter2@a/x?password-file=/nowhere/at/all", "/nowhere/at/all");
    }

    #[test]
    fn organizations_spread_over_shards_and_stay_there() {
        let address = Address::parse("clickhouse://a,b,c/x?cluster=m").unwrap();
        let mut counts = [0; 3];
        for number in 0..3000 {
            counts[address.shard_of(&format!("org{number}"))] += 1;
        }
        assert!(counts.iter().all(|count| (900..1100).contains(count)), "{counts:?}");
        // Rows lie where this says: another function would look for them elsewhere.
        let places: Vec<usize> = ["acme", "globex", "initech"].iter().map(|of| address.shard_of(of)).collect();
        assert_eq!(places, [0, 0, 2]);
    }
}
