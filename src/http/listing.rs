//! Parts of the lists of `/v1`.

use utoipa::{IntoParams, ToSchema};

use super::parameters::{MAX_LINES, Parameters};
use super::problem::Problem;

/// A part of a long list.
#[derive(IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
#[allow(dead_code, reason = "documents what `http::listing` reads")]
pub struct ListParameters {
    /// Entries at most; default all.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
    /// Entries after those of an answer: what its `next` says.
    after: Option<String>,
    /// Only entries with this in a name, an id or an address.
    q: Option<String>,
    /// By `id` or by `name`; default as the list says.
    #[param(inline)]
    sort: Option<ListOrder>,
}

/// What a list is in the order of.
#[derive(Clone, Copy, ToSchema)]
#[schema(rename_all = "camelCase")]
pub enum ListOrder {
    Id,
    Name,
}

const ORDERS: [(&str, ListOrder); 2] = [("id", ListOrder::Id), ("name", ListOrder::Name)];

/// An entry of a list.
pub trait Entry {
    fn id(&self) -> &str;

    /// What it is found by beside its id; the first is what it is called.
    fn names(&self) -> Vec<&str>;

    /// Where it stands in the list unless that is asked for in another order.
    fn place(&self) -> String {
        self.id().to_owned()
    }
}

/// With what it was made of.
impl<A, T: Entry> Entry for (A, T) {
    fn id(&self) -> &str {
        self.1.id()
    }

    fn names(&self) -> Vec<&str> {
        self.1.names()
    }

    fn place(&self) -> String {
        self.1.place()
    }
}

/// The part of a list that is asked for, and what asks for those after it, while there are more.
pub fn part<T: Entry>(
    parameters: &Parameters,
    entries: impl Iterator<Item = T>,
) -> Result<(Vec<T>, Option<String>), Problem> {
    let limit = parameters.whole("limit", 1..=MAX_LINES)?.map(|limit| limit as usize);
    let after = parameters.one("after")?.map(|text| {
        let mark: Result<(String, String), _> = serde_json::from_str(text);
        mark.map_err(|_| Problem::bad_request(format!("after is '{text}'; give what `next` of an answer says")))
    });
    let (after, order) = (after.transpose()?, parameters.choice("sort", &ORDERS)?);
    let search = parameters.search()?.map(str::to_lowercase);
    let is_found = |entry: &T| {
        let has = |text: &str| search.as_ref().is_none_or(|search| text.to_lowercase().contains(search));
        has(entry.id()) || entry.names().into_iter().any(has)
    };
    let place = |entry: &T| match order {
        None => entry.place(),
        Some(ListOrder::Id) => entry.id().to_owned(),
        Some(ListOrder::Name) => entry.names().first().copied().unwrap_or_default().to_lowercase(),
    };
    let placed = entries.filter(is_found).map(|entry| ((place(&entry), entry.id().to_owned()), entry));
    let mut placed: Vec<((String, String), T)> =
        placed.filter(|(at, _)| after.as_ref().is_none_or(|after| at > after)).collect();
    placed.sort_by(|(a, _), (b, _)| a.cmp(b));
    let more = limit.filter(|limit| placed.len() > *limit);
    placed.truncate(more.unwrap_or(placed.len()));
    let last = placed.last().filter(|_| more.is_some());
    let next = last.map(|(at, _)| serde_json::to_string(at).expect("texts serialize"));
    Ok((placed.into_iter().map(|(_, entry)| entry).collect(), next))
}
