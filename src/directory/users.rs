//! Users by their ids, and by the address they have.

use std::collections::BTreeSet;

use imbl::OrdMap;

use super::User;

#[derive(Debug, Clone, Default)]
pub(super) struct Users {
    by_id: OrdMap<String, User>,
    /// The address in small letters.
    by_address: OrdMap<String, BTreeSet<String>>,
}

impl Users {
    pub fn get(&self, id: &str) -> Option<&User> {
        self.by_id.get(id)
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &User)> {
        self.by_id.iter().map(|(id, user)| (id.as_str(), user))
    }

    /// The ids of those who have an address, in whatever letters.
    pub fn at(&self, address: &str) -> impl Iterator<Item = &str> {
        self.by_address.get(&address.to_ascii_lowercase()).into_iter().flatten().map(String::as_str)
    }

    pub fn put(&mut self, id: &str, user: User) {
        if let Some(address) = &user.email {
            self.by_address.entry(address.to_ascii_lowercase()).or_default().insert(id.to_owned());
        }
        let address = user.email.clone();
        let before = self.by_id.insert(id.to_owned(), user).and_then(|before| before.email);
        if let Some(before) = before.filter(|before| !address.is_some_and(|now| now.eq_ignore_ascii_case(before))) {
            let before = before.to_ascii_lowercase();
            let others = self.by_address.get_mut(&before).expect("who has an address is found by it");
            others.remove(id);
            if others.is_empty() {
                self.by_address.remove(&before);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_an_address_is_found_by_it_in_any_letters() {
        let mut users = Users::default();
        let mut put = |id: &str, email: Option<&str>| {
            users.put(id, User { email: email.map(str::to_owned), ..User::default() });
            let at = |address: &str| users.at(address).collect::<Vec<_>>().join(" ");
            (at("ada@acme.example"), at("ben@acme.example"))
        };
        let mut check = |id, email, ada: &str, ben: &str| assert_eq!(put(id, email), (ada.into(), ben.into()));
        check("1", None, "", "");
        check("1", Some("Ada@acme.example"), "1", "");
        check("1", Some("ada@ACME.example"), "1", "");
        check("2", Some("ada@acme.example"), "1 2", "");
        check("1", Some("ben@acme.example"), "2", "1");
        check("1", None, "2", "");
        check("2", Some("cleo@acme.example"), "", "");
    }
}
