//! How many names senders may make up.

use super::Dimension;

/// What usage is counted under whose name is one too many.
pub const OTHER_NAMES: &str = "Other names";

/// How many names an organization may have of each kind. A sender that invents names, such as an app for each request,
/// reaches one of these soon; from then on what it sends is counted as exactly as before, under [`OTHER_NAMES`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NameLimits {
    pub projects: usize,
    pub api_keys: usize,
    pub models: usize,
    pub providers: usize,
    pub sources: usize,
    /// Combinations of all of these, which is what sums are kept of.
    pub combinations: usize,
    /// People who are entered because a sender named them.
    pub members: usize,
}

impl Default for NameLimits {
    /// A million keys are one for each customer of a large service; of the others a reader could not look at so many.
    fn default() -> NameLimits {
        NameLimits {
            projects: 10_000,
            api_keys: 1_000_000,
            models: 10_000,
            providers: 1_000,
            sources: 10_000,
            combinations: 4_000_000,
            members: 100_000,
        }
    }
}

impl NameLimits {
    /// For those who load files of their own.
    pub const NONE: NameLimits = NameLimits {
        projects: usize::MAX,
        api_keys: usize::MAX,
        models: usize::MAX,
        providers: usize::MAX,
        sources: usize::MAX,
        combinations: usize::MAX,
        members: usize::MAX,
    };

    pub fn of(&self, dimension: Dimension) -> usize {
        match dimension {
            Dimension::Project => self.projects,
            Dimension::ApiKey => self.api_keys,
            Dimension::Model => self.models,
            Dimension::Provider => self.providers,
            Dimension::Source => self.sources,
        }
    }
}

/// Of what there were more names than an organization may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TooMany {
    Names(Dimension),
    Combinations,
}

impl TooMany {
    /// What the intake ledger says of it.
    pub fn reason(self) -> &'static str {
        match self {
            TooMany::Names(Dimension::Project) => "a project beyond the number of names kept: counted as Other names",
            TooMany::Names(Dimension::ApiKey) => "an API key beyond the number of names kept: counted as Other names",
            TooMany::Names(Dimension::Model) => "a model beyond the number of names kept: counted as Other names",
            TooMany::Names(Dimension::Provider) => "a provider beyond the number of names kept: counted as Other names",
            TooMany::Names(Dimension::Source) => "an app beyond the number of names kept: counted as Other names",
            TooMany::Combinations => "a combination beyond the number kept: counted as Other names",
        }
    }
}
