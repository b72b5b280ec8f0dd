//! What is provisioned of the caller's organization, and changing it.

use std::sync::LazyLock;

use crate::calendar::Zone;
use crate::directory::{Change, Organization, Provision, Provisioned, Step};
use crate::engine::{EngineError, Note, SERVER};
use crate::http::App;
use crate::http::access::Provisioner;

static NOTHING: LazyLock<Provisioned> = LazyLock::new(Provisioned::default);

impl Provisioner {
    pub fn provisioned(&self) -> &Provisioned {
        self.organization().map_or(&NOTHING, |organization| &organization.provisioned)
    }

    /// Changes it, and gives how it is then.
    pub async fn provision(&self, app: &App, step: Step, note: Note) -> Result<Provisioner, EngineError> {
        let change = change(app, &self.organization_id, self.organization().map(|of| &**of), step);
        app.engine.audited(change, note)?.answer().await?;
        Ok(self.anew(app))
    }
}

fn change(app: &App, organization_id: &str, organization: Option<&Organization>, step: Step) -> Change {
    let zone = Zone::home(organization.and_then(|of| of.profile.timezone.as_deref()));
    let now = app.engine.now();
    Change::Provision(Box::new(Provision {
        organization_id: organization_id.to_owned(),
        rules: app.sign_in().group_rules(),
        day: zone.date_at(now).to_string(),
        now,
        step,
    }))
}

/// Lets everybody who is provisioned have what the rules of groups say now, which may be others than before.
pub fn settle_groups(app: &App) -> Result<(), EngineError> {
    for (id, organization) in app.engine.snapshot().directory.organizations() {
        if organization.provisioned.groups().next().is_some() {
            let note = Note { organization_id: Some(id.to_owned()), ..Note::new(SERVER, "scim-rules") };
            app.engine.audited(change(app, id, Some(organization), Step::Settle), note)?.wait()?;
        }
    }
    Ok(())
}
