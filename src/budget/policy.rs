//! What policies say of a call.

use std::collections::BTreeMap;

use crate::directory::{Organization, Policy, PolicyMode, Status};

/// A rule that a call breaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Breach<'a> {
    pub policy_id: &'a str,
    /// Whether it is refused for that, or only counted.
    pub mode: PolicyMode,
    pub rule: Rule<'a>,
}

/// What of a policy is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule<'a> {
    AllowedModels,
    DeniedModels,
    AllowedProviders,
    DeniedProviders,
    /// The attribute that the provider lacks.
    RequiredAttributes(&'a str),
}

impl Rule<'_> {
    /// The field of a policy that it is.
    pub fn name(&self) -> &'static str {
        match self {
            Rule::AllowedModels => "allowedModels",
            Rule::DeniedModels => "deniedModels",
            Rule::AllowedProviders => "allowedProviders",
            Rule::DeniedProviders => "deniedProviders",
            Rule::RequiredAttributes(_) => "requiredAttributes",
        }
    }
}

/// How a call should be routed: what is tried in which order, and the most that it may cost.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Route {
    pub order: Vec<String>,
    pub max_cost: Option<i128>,
}

/// The policies that a call of a project is held to, those of the project first.
fn policies<'a>(organization: &'a Organization, project: Option<&str>) -> impl Iterator<Item = (&'a str, &'a Policy)> {
    let active = organization.policies.iter().filter(|(_, policy)| policy.status == Status::Active);
    let mut found: Vec<(&str, &Policy)> = active
        .filter(|(_, policy)| policy.project_id.is_none() || policy.project_id.as_deref() == project)
        .map(|(id, policy)| (id.as_str(), policy))
        .collect();
    found.sort_by_key(|(_, policy)| policy.project_id.is_none());
    found.into_iter()
}

/// What a call would break. Both names are canonical; of a provider that is not known nothing is said.
pub fn breaches<'a>(
    organization: &'a Organization,
    attributes: &BTreeMap<String, Vec<String>>,
    project: Option<&str>,
    model: &str,
    provider: Option<&str>,
) -> Vec<Breach<'a>> {
    let mut found = Vec::new();
    for (policy_id, policy) in policies(organization, project) {
        let mut note = |rule| found.push(Breach { policy_id, mode: policy.mode, rule });
        let names = |ids: &[String], name: &str| ids.iter().any(|id| id == name);
        if policy.allowed_models.as_ref().is_some_and(|ids| !names(ids, model)) {
            note(Rule::AllowedModels);
        }
        if names(&policy.denied_models, model) {
            note(Rule::DeniedModels);
        }
        let Some(provider) = provider else { continue };
        if policy.allowed_providers.as_ref().is_some_and(|ids| !names(ids, provider)) {
            note(Rule::AllowedProviders);
        }
        if names(&policy.denied_providers, provider) {
            note(Rule::DeniedProviders);
        }
        let has = attributes.get(provider).map_or(&[][..], Vec::as_slice);
        policy.required_attributes.iter().filter(|needed| !names(has, needed)).for_each(|needed| {
            note(Rule::RequiredAttributes(needed));
        });
    }
    found
}

/// How a call of a project should be routed, if a policy says: the order of the first that has one, the smallest of the
/// costs.
pub fn route(organization: &Organization, project: Option<&str>) -> Option<Route> {
    let mut route = Route::default();
    for (_, policy) in policies(organization, project) {
        if route.order.is_empty() {
            route.order.clone_from(&policy.order);
        }
        route.max_cost = [route.max_cost, policy.max_cost].into_iter().flatten().min();
    }
    (route != Route::default()).then_some(route)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn ids(ids: &[&str]) -> Vec<String> {
        ids.iter().map(|id| id.to_string()).collect()
    }

    #[test]
    fn a_call_is_held_to_every_policy_of_its_organization_and_project() {
        let europe = Policy {
            mode: PolicyMode::Enforce,
            required_attributes: ids(&["eu", "no-training"]),
            order: ids(&["vertex_ai", "bedrock"]),
            max_cost: Some(5),
            ..Policy::default()
        };
        let web = Policy {
            project_id: Some("web".into()),
            allowed_models: Some(ids(&["gpt-4o"])),
            denied_providers: ids(&["bedrock"]),
            max_cost: Some(9),
            order: ids(&["azure"]),
            ..Policy::default()
        };
        let gone = Policy { denied_models: ids(&["gpt-4o"]), status: Status::Deleted, ..Policy::default() };
        let policies = [("eu", europe), ("gone", gone), ("web", web)];
        let policies = policies.into_iter().map(|(id, policy)| (id.to_owned(), policy)).collect();
        let organization = Organization { policies: Arc::new(policies), ..Organization::default() };
        let attributes = BTreeMap::from([("bedrock".to_owned(), ids(&["eu", "no-training"]))]);
        let check = |project, model, provider, expected: &[&str]| {
            let found = breaches(&organization, &attributes, project, model, provider);
            let found = found.iter().map(|breach| format!("{} {}", breach.policy_id, breach.rule.name()));
            assert_eq!(found.collect::<Vec<_>>(), expected, "{project:?} {model} {provider:?}");
        };
        let attribute = "eu requiredAttributes";
        check(None, "gpt-4o", Some("bedrock"), &[]);
        check(None, "gpt-4o", Some("openai"), &[attribute, attribute]);
        check(Some("web"), "gpt-4o", Some("bedrock"), &["web deniedProviders"]);
        check(Some("web"), "o3", Some("bedrock"), &["web allowedModels", "web deniedProviders"]);
        check(Some("web"), "o3", None, &["web allowedModels"]);
        check(Some("api"), "o3", Some("bedrock"), &[]);
        let routed = |project| route(&organization, project).map(|route| (route.order[0].clone(), route.max_cost));
        assert_eq!(routed(None), Some(("vertex_ai".into(), Some(5))));
        assert_eq!(routed(Some("web")), Some(("azure".into(), Some(5))));
        assert_eq!(route(&Organization::default(), None), None);
    }
}
