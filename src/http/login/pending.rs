//! Programs that wait to be let in. They are in memory: each is worth something for minutes, and once.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::directory::{Grant, Secret, SecretHash, challenge};
use crate::model::UnixMs;

/// How long somebody may take to let a program in.
pub const LASTS_MS: i64 = 10 * 60_000;
/// How long a program that was let in may take to fetch its token, where it is told at once.
const CODE_MS: i64 = 60_000;
/// How often a program may ask whether it was let in.
pub const INTERVAL_S: i64 = 2;
/// Programs that wait, and those of one source.
const WAITING: usize = 10_000;
const WAITING_PER_SOURCE: usize = 50;
/// Letters of a code that people type: none is a vowel, so that it makes no word, and none is like another (RFC 8628, 6.1).
const LETTERS: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";
const CODE_LETTERS: usize = 8;

/// Who has let a program in, and what it may do by that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LetIn {
    pub grant: Grant,
    /// The token or session of who let it in.
    pub by: String,
    /// What it calls itself.
    pub name: String,
}

/// What a program says of itself, and where it asks from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asking {
    pub name: String,
    pub source: String,
    pub at: UnixMs,
}

/// What a program is told that asks whether it was let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    In(LetIn),
    Wait,
    /// It asks more often than it was told to.
    Slower,
    Refused,
    /// It took too long, or there never was such a program.
    Expired,
}

/// A program that is told at once, at an address of its own machine.
struct Code {
    let_in: LetIn,
    challenge: String,
    redirect_uri: String,
    expires: UnixMs,
}

/// A program elsewhere, which asks until it is told.
struct Device {
    user_code: String,
    asking: Asking,
    network: IpAddr,
    /// Nothing before somebody has decided.
    decided: Option<Option<LetIn>>,
    asked: UnixMs,
}

#[derive(Default)]
pub struct Waiting(Mutex<Both>);

#[derive(Default)]
struct Both {
    codes: HashMap<SecretHash, Code>,
    devices: HashMap<SecretHash, Device>,
}

impl Waiting {
    fn at(&self, now: UnixMs) -> MutexGuard<'_, Both> {
        let mut both = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        both.codes.retain(|_, code| now < code.expires);
        both.devices.retain(|_, device| now < device.asking.at + LASTS_MS);
        both
    }

    /// The code of a program that was let in, which it exchanges for its token. Nothing where there are too many.
    pub fn let_in(&self, let_in: LetIn, challenge: String, redirect_uri: String, now: UnixMs) -> Option<Secret> {
        let mut both = self.at(now);
        let secret = Secret::generate("");
        let code = Code { let_in, challenge, redirect_uri, expires: now + CODE_MS };
        (both.codes.len() < WAITING).then(|| both.codes.insert(SecretHash::of(secret.reveal()), code))?;
        Some(secret)
    }

    /// Whom a code lets in, to whoever has asked for it. It is of no use after this, right or wrong.
    pub fn exchange(&self, code: &str, verifier: &str, redirect_uri: &str, now: UnixMs) -> Option<LetIn> {
        let code = self.at(now).codes.remove(&SecretHash::of(code))?;
        let is_theirs = code.challenge == challenge(verifier) && code.redirect_uri == redirect_uri;
        is_theirs.then_some(code.let_in)
    }

    /// A program that waits, with its own code and the one that people type. Nothing where there are too many.
    pub fn wait(&self, asking: Asking, network: IpAddr) -> Option<(Secret, String)> {
        let mut both = self.at(asking.at);
        let of_source = both.devices.values().filter(|device| device.network == network).count();
        if both.devices.len() >= WAITING || of_source >= WAITING_PER_SOURCE {
            return None;
        }
        let secret = Secret::generate("");
        let taken = |code: &String| both.devices.values().any(|device| device.user_code == *code);
        let user_code = std::iter::repeat_with(user_code).find(|code| !taken(code)).expect("there are enough");
        let device = Device { user_code: user_code.clone(), asking, network, decided: None, asked: UnixMs::MIN };
        both.devices.insert(SecretHash::of(secret.reveal()), device);
        Some((secret, user_code))
    }

    /// The program that shows a code, unless it was decided on.
    pub fn asks(&self, user_code: &str, now: UnixMs) -> Option<Asking> {
        let both = self.at(now);
        let code = plain(user_code);
        let found = both.devices.values().find(|device| plain(&device.user_code) == code && device.decided.is_none());
        found.map(|device| device.asking.clone())
    }

    /// Lets a program in that shows a code, or refuses it. Whether there was one to be decided on.
    pub fn decide(&self, user_code: &str, by: Option<(Grant, String)>, now: UnixMs) -> bool {
        let mut both = self.at(now);
        let code = plain(user_code);
        let waits = |device: &&mut Device| plain(&device.user_code) == code && device.decided.is_none();
        let Some(device) = both.devices.values_mut().find(waits) else { return false };
        let name = device.asking.name.clone();
        device.decided = Some(by.map(|(grant, by)| LetIn { grant, by, name }));
        true
    }

    /// What a program is told by its own code. What was decided it is told once.
    pub fn tell(&self, device_code: &str, now: UnixMs) -> Told {
        let mut both = self.at(now);
        let hash = SecretHash::of(device_code);
        let Some(device) = both.devices.get_mut(&hash) else { return Told::Expired };
        let Some(decided) = device.decided.take() else {
            let soon = now < device.asked.saturating_add(INTERVAL_S * 1_000);
            device.asked = now;
            return if soon { Told::Slower } else { Told::Wait };
        };
        both.devices.remove(&hash);
        decided.map_or(Told::Refused, Told::In)
    }
}

/// As it is compared: people leave out the line and write small letters.
fn plain(code: &str) -> String {
    code.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_uppercase()).collect()
}

fn user_code() -> String {
    let mut code = String::new();
    while code.len() < CODE_LETTERS {
        let mut byte = [0];
        getrandom::fill(&mut byte).expect("the operating system has random bytes");
        // Each letter as often as any other: 240 is a multiple of 20.
        if byte[0] < 240 {
            code.push(char::from(LETTERS[usize::from(byte[0]) % LETTERS.len()]));
        }
    }
    code.insert(CODE_LETTERS / 2, '-');
    code
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    fn ada() -> LetIn {
        LetIn { grant: Grant::User { user_id: "ada".into() }, by: "ses_1".into(), name: "laptop".into() }
    }

    fn asking(at: UnixMs) -> Asking {
        Asking { name: "laptop".into(), source: "203.0.113.9".into(), at }
    }

    #[test]
    fn a_code_is_of_use_once_in_time_and_to_whoever_asked_for_it() {
        let waiting = Waiting::default();
        let check = |verifier: &str, to: &str, now: UnixMs, expected: Option<LetIn>| {
            let code = waiting.let_in(ada(), challenge("verifier"), "http://127.0.0.1:9/".into(), 0).unwrap();
            assert_eq!(waiting.exchange(code.reveal(), verifier, to, now), expected, "{verifier} {to} {now}");
            assert_eq!(waiting.exchange(code.reveal(), "verifier", "http://127.0.0.1:9/", 0), None, "once");
        };
        check("verifier", "http://127.0.0.1:9/", CODE_MS - 1, Some(ada()));
        check("verifier", "http://127.0.0.1:9/", CODE_MS, None);
        check("another", "http://127.0.0.1:9/", 0, None);
        check("verifier", "http://127.0.0.1:8/", 0, None);
        assert_eq!(waiting.exchange("none", "verifier", "http://127.0.0.1:9/", 0), None);
    }

    #[test]
    fn a_device_is_told_what_was_decided_once() {
        let waiting = Waiting::default();
        let (device, code) = waiting.wait(asking(0), HERE).unwrap();
        let typed = code.replace('-', "").to_lowercase();
        assert_eq!(code.len(), CODE_LETTERS + 1);
        assert_eq!(waiting.asks(&typed, 0), Some(asking(0)));
        let tell = |now| waiting.tell(device.reveal(), now);
        assert_eq!([tell(0), tell(1_999), tell(4_000)], [Told::Wait, Told::Slower, Told::Wait]);
        assert_eq!(tell(LASTS_MS), Told::Expired);
        let (device, code) = waiting.wait(asking(0), HERE).unwrap();
        assert!(waiting.decide(&code, Some((ada().grant, ada().by)), 1));
        assert!(!waiting.decide(&code, None, 1) && waiting.asks(&code, 1).is_none(), "it is decided");
        let tell = || waiting.tell(device.reveal(), 2);
        assert_eq!([tell(), tell()], [Told::In(ada()), Told::Expired]);
        let (device, code) = waiting.wait(asking(0), HERE).unwrap();
        assert!(waiting.decide(&code, None, 1) && !waiting.decide("BBBB-BBBB", None, 1));
        assert_eq!(waiting.tell(device.reveal(), 2), Told::Refused);
    }

    #[test]
    fn those_who_wait_take_bounded_memory() {
        let waiting = Waiting::default();
        let wait = |source: u32| waiting.wait(asking(0), IpAddr::V4(source.into())).is_some();
        assert!((0..WAITING_PER_SOURCE).all(|_| wait(1)) && !wait(1));
        assert!((0..(WAITING - WAITING_PER_SOURCE) as u32).all(|source| wait(2 + source)) && !wait(1 << 20));
        let allowed = (0..=WAITING).filter(|_| waiting.let_in(ada(), String::new(), String::new(), 0).is_some());
        assert_eq!(allowed.count(), WAITING);
    }
}
