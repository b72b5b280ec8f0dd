//! Making invitations and accepting them.

use std::sync::Arc;

use super::change::{ChangeError, RecordWrite, key, put};
use super::entries::{Kind, together};
use super::identity::Linked;
use super::{Directory, Guest, Invitation, Member, SecretHash, User};
use crate::model::UnixMs;

/// Invitations of an organization that nobody has accepted: a list that a person can still find one in.
const INVITATIONS: usize = 1000;

impl Directory {
    pub fn invitations(&self) -> impl Iterator<Item = (&str, &Invitation)> {
        self.invitations.iter().map(|(id, invitation)| (id.as_str(), invitation))
    }

    pub fn invitation(&self, id: &str) -> Option<&Invitation> {
        self.invitations.get(id)
    }

    /// The invitation of a secret, with its id. It may have expired.
    pub fn invitation_by_secret(&self, secret: &str) -> Option<(&str, &Invitation)> {
        let hash = SecretHash::of(secret);
        self.invitations().find(|(_, invitation)| invitation.hash == hash)
    }

    /// Who accepts an invitation: whom the directory knows by their account, else by an address that is there once, else
    /// somebody new. An address that nobody has vouched for leads to nobody of whom who invites knows nothing: an owner
    /// could become anybody by it.
    pub fn invitee(&self, id: &str, invitation: &Invitation, guest: Option<&Guest>) -> String {
        if let Some(linked) = guest.and_then(|guest| self.linked(&guest.identity)) {
            return linked.user_id.clone();
        }
        let address = match guest {
            Some(guest) => guest.verified_email.as_deref(),
            None => Some(invitation.email.as_str()),
        };
        let mut there = address.into_iter().flat_map(|address| self.users.at(address));
        let organization = self.organization(&invitation.organization_id);
        let may_be = |user: &&str| match guest {
            Some(guest) => !self.has_account_at(guest.identity.issuer(), user),
            None => invitation.user_id.is_none() || organization.is_some_and(|of| of.has_seen(user)),
        };
        match (there.next().filter(may_be), there.next()) {
            (Some(only), None) => only.to_owned(),
            _ => format!("usr_{}", &SecretHash::of(&format!("invitation {id}")).to_hex()[..16]),
        }
    }

    pub(super) fn invite(
        &mut self,
        id: String,
        invitation: Invitation,
        writes: &mut Vec<RecordWrite>,
    ) -> Result<(), ChangeError> {
        let of_it = |other: &Invitation| other.organization_id == invitation.organization_id;
        let expired = |other: &Invitation| of_it(other) && other.expires <= invitation.created;
        let gone: Vec<String> = self.invitations().filter(|(_, of)| expired(of)).map(|(id, _)| id.to_owned()).collect();
        gone.iter().try_for_each(|id| self.end_invitation(id, writes))?;
        if self.invitations.values().filter(|other| of_it(other)).count() >= INVITATIONS {
            let organization = invitation.organization_id;
            return Err(ChangeError::TooMany { what: "invitations", organization, most: INVITATIONS });
        }
        put(writes, Kind::Invitation, "", &id, &invitation);
        Arc::make_mut(&mut self.invitations).insert(id, invitation);
        Ok(())
    }

    pub(super) fn end_invitation(&mut self, id: &str, writes: &mut Vec<RecordWrite>) -> Result<(), ChangeError> {
        let there = Arc::make_mut(&mut self.invitations).remove(id);
        there.ok_or_else(|| ChangeError::Unknown { what: "invitation", id: id.to_owned() })?;
        writes.push((key(Kind::Invitation, "", id), None));
        Ok(())
    }

    /// Makes whoever accepts a member, with no less than they were.
    pub(super) fn accept(
        &mut self,
        id: &str,
        guest: Option<Guest>,
        now: UnixMs,
        writes: &mut Vec<RecordWrite>,
    ) -> Result<(), ChangeError> {
        let unknown = || ChangeError::Unknown { what: "invitation", id: id.to_owned() };
        let invitation = self.invitation(id).cloned().ok_or_else(unknown)?;
        if now >= invitation.expires || !invitation.stands(self, now) {
            return Err(unknown());
        }
        let user_id = self.invitee(id, &invitation, guest.as_ref());
        let Invitation { organization_id, email, role, project_ids, .. } = invitation;
        let organization = self.existing_mut(&organization_id)?;
        // Whom the company has taken out is not let in again by somebody else.
        if organization.provisioned.keeps_out(&user_id) {
            return Err(ChangeError::Unknown { what: "member that may come back", id: user_id });
        }
        let given = organization.given(&user_id).filter(|member| !member.former).cloned();
        let parts: Vec<_> = given
            .iter()
            .map(|member| (member.role, member.project_ids.as_deref()))
            .chain([(role, project_ids.as_deref())])
            .collect();
        let (role, project_ids) = together(&parts).expect("there is one");
        let member = Member { role, project_ids, former: false };
        organization.give(&organization_id, &user_id, member, writes);
        let mut user: User = self.users.get(&user_id).cloned().unwrap_or_default();
        user.email = user.email.or(Some(email));
        user.name = user.name.or(guest.as_ref().and_then(|guest| guest.name.clone()));
        put(writes, Kind::User, "", &user_id, &user);
        Arc::make_mut(&mut self.users).put(&user_id, user);
        if let Some(guest) = guest
            && self.linked(&guest.identity).is_none()
        {
            let (linked, by) = (Linked { user_id, organizations: Default::default() }, guest.identity.text());
            put(writes, Kind::Identity, "", &by, &linked);
            self.identities.insert(by, linked);
        }
        self.end_invitation(id, writes)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Change, DirectoryUpdate, ExternalIdentity, Grant, MemberUpdate, Role, Token, UserUpdate};
    use super::*;

    const ISSUER: &str = "https://login.acme.example";

    /// Acme, whose owner is Olga; Ada is a developer there, and Ben of Beta alone.
    fn directory() -> Directory {
        let user = |id: &str| UserUpdate { id: id.into(), name: None, email: Some(format!("{id}@acme.example")) };
        let member = |of: &str, id: &str, role| MemberUpdate {
            organization_id: of.into(),
            user_id: id.into(),
            role,
            project_ids: Some(Some(vec!["web".into()])),
            former: false,
        };
        let update = DirectoryUpdate {
            users: ["olga", "ada", "ben"].map(user).into(),
            members: vec![
                member("acme", "olga", Role::Owner),
                member("acme", "ada", Role::Developer),
                member("beta", "ben", Role::Owner),
            ],
            ..DirectoryUpdate::default()
        };
        let mut directory = Directory::default();
        directory.apply(Change::Merge(update)).unwrap();
        let token = Token::new(Grant::Operator, "", SecretHash::of("operator"), 0);
        directory.apply(Change::PutToken { id: "operator".into(), token }).unwrap();
        directory
    }

    fn invitation(number: usize, email: &str, by: Option<&str>) -> Invitation {
        Invitation {
            organization_id: "acme".into(),
            email: email.into(),
            role: Role::Developer,
            project_ids: Some(vec!["api".into()]),
            hash: SecretHash::of(&number.to_string()),
            made_by: "operator".into(),
            user_id: by.map(str::to_owned),
            created: 0,
            expires: 1_000,
        }
    }

    fn guest(subject: &str, verified: Option<&str>) -> Option<Guest> {
        let identity = ExternalIdentity::new(ISSUER, subject).unwrap();
        Some(Guest { identity, name: Some("Name".into()), verified_email: verified.map(str::to_owned) })
    }

    /// Who has accepted, and what they are then.
    fn accepted(directory: &mut Directory, invitation: Invitation, guest: Option<Guest>) -> (String, Member) {
        let id = invitation.hash.to_hex();
        directory.apply(Change::Invite { id: id.clone(), invitation: invitation.clone() }).unwrap();
        let user = directory.invitee(&id, &invitation, guest.as_ref());
        let accept = Change::AcceptInvitation { id: id.clone(), guest: guest.map(Box::new), now: 999 };
        directory.apply(accept).unwrap();
        assert!(directory.invitation(&id).is_none(), "it is of use once");
        let member = directory.organization("acme").unwrap().active_member(&user).unwrap().clone();
        (user, member)
    }

    #[test]
    fn whoever_accepts_is_whom_their_account_or_a_known_address_says() {
        let check = |email: &str, by: Option<&str>, guest: Option<Guest>, expected: &str| {
            let mut directory = directory();
            let (user, _) = accepted(&mut directory, invitation(1, email, by), guest.clone());
            let user = if user.starts_with("usr_") { "new" } else { &user };
            assert_eq!(user, expected, "{email} {by:?} {guest:?}");
        };
        check("ada@acme.example", Some("olga"), None, "ada");
        check("new@acme.example", Some("olga"), None, "new");
        // An owner must not become who runs another organization.
        check("ben@acme.example", Some("olga"), None, "new");
        check("ben@acme.example", None, None, "ben");
        check("new@acme.example", Some("olga"), guest("1", None), "new");
        check("new@acme.example", Some("olga"), guest("1", Some("ben@acme.example")), "ben");
        check("ben@acme.example", Some("olga"), guest("1", None), "new");
        let mut directory = directory();
        let (user, _) =
            accepted(&mut directory, invitation(1, "new@acme.example", None), guest("1", Some("new@acme.example")));
        assert_eq!(directory.user(&user).unwrap().email.as_deref(), Some("new@acme.example"));
        let again = invitation(2, "other@acme.example", None);
        assert_eq!(accepted(&mut directory, again, guest("1", None)).0, user, "an account is one user");
        let taken = invitation(3, "other@acme.example", None);
        let (other, _) = accepted(&mut directory, taken, guest("2", Some("new@acme.example")));
        assert_ne!(other, user, "another account is not the account of before");
    }

    #[test]
    fn nobody_is_less_by_an_invitation_than_they_were() {
        let mut directory = directory();
        let (_, member) = accepted(&mut directory, invitation(1, "ada@acme.example", None), None);
        let both = Some(vec!["api".to_owned(), "web".to_owned()]);
        assert_eq!((member.role, member.project_ids), (Role::Developer, both));
        let (_, member) = accepted(&mut directory, invitation(2, "olga@acme.example", None), None);
        assert_eq!(member.role, Role::Owner);
        let end = Change::EndMembership { organization_id: "acme".into(), user_id: "ada".into() };
        directory.apply(end).unwrap();
        let (_, member) = accepted(&mut directory, invitation(3, "ada@acme.example", None), None);
        assert_eq!(
            member.project_ids,
            Some(vec!["api".to_owned()]),
            "of what somebody was who has left nothing is left"
        );
    }

    #[test]
    fn an_invitation_ends_with_its_time_and_with_the_right_to_make_it() {
        let accept = |directory: &Directory, now| {
            let change = Change::AcceptInvitation { id: "i".into(), guest: None, now };
            directory.clone().apply(change).is_ok()
        };
        for by in [Some("olga"), None] {
            let mut directory = directory();
            let invitation = invitation(1, "new@acme.example", by);
            directory.apply(Change::Invite { id: "i".into(), invitation }).unwrap();
            assert!(directory.invitation_by_secret("1").is_some() && directory.invitation_by_secret("2").is_none());
            assert_eq!((accept(&directory, 999), accept(&directory, 1_000)), (true, false));
            let other = Token::new(Grant::Operator, "", SecretHash::of("other"), 0);
            directory.apply(Change::PutToken { id: "other".into(), token: other }).unwrap();
            let gone = match by {
                Some(user) => Change::EndMembership { organization_id: "acme".into(), user_id: user.into() },
                None => Change::RevokeToken { id: "operator".into() },
            };
            directory.apply(gone).unwrap();
            assert!(!accept(&directory, 999), "{by:?}");
        }
    }

    #[test]
    fn invitations_of_an_organization_are_bounded_and_those_that_expired_are_forgotten() {
        let mut directory = directory();
        let mut invite = |number: usize, created| {
            let invitation = Invitation { created, ..invitation(number, "new@acme.example", None) };
            directory.apply(Change::Invite { id: number.to_string(), invitation }).map(|_| ())
        };
        for number in 0..INVITATIONS {
            invite(number, 0).unwrap();
        }
        let most = ChangeError::TooMany { what: "invitations", organization: "acme".into(), most: INVITATIONS };
        assert_eq!((invite(INVITATIONS, 999), invite(INVITATIONS, 1_000)), (Err(most), Ok(())));
    }
}
