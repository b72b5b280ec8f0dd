//! A part of a long list: what is looked for, in which order, and from where on.

use std::cmp::Reverse;

use super::RankBy;
use crate::model::{Count, Usage};
use crate::store::Column;

/// What a list is in the order of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sort {
    /// Largest first.
    By(RankBy),
    /// From A to Z.
    Name,
}

impl Default for Sort {
    fn default() -> Sort {
        Sort::By(RankBy::Cost)
    }
}

impl Sort {
    pub(super) fn figure(self, usage: &Usage) -> i128 {
        match self {
            Sort::By(RankBy::Cost) => usage.cost().0,
            Sort::By(RankBy::RequestCount) => usage.get(Count::Requests).into(),
            Sort::By(RankBy::TotalTokens) => usage.get(Count::TotalTokens).into(),
            Sort::Name => 0,
        }
    }

    /// The column of the figure.
    pub(super) fn column(self) -> Column {
        match self {
            Sort::By(RankBy::RequestCount) => Column::Requests,
            Sort::By(RankBy::TotalTokens) => Column::TotalTokens,
            Sort::By(RankBy::Cost) | Sort::Name => Column::Cost,
        }
    }
}

/// Which lines of a list, and in what order. By itself all of them, by cost.
#[derive(Debug, Clone, Default)]
pub struct Page {
    pub sort: Sort,
    /// A part of a name, an id or an address, in whatever letters.
    pub search: Option<String>,
    /// Lines after this one only.
    pub after: Option<Mark>,
    pub limit: Option<usize>,
}

/// Where a page ends: the figure and the id of its last line, so that the next one begins after it even when others
/// have come between.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    figure: i128,
    id: Option<String>,
}

impl Mark {
    /// Reads what [`Mark::text`] writes.
    pub fn parse(text: &str) -> Option<Mark> {
        let (figure, id) = text.split_once(':').map_or((text, None), |(figure, id)| (figure, Some(id.to_owned())));
        Some(Mark { figure: figure.parse().ok()?, id })
    }

    pub fn text(&self) -> String {
        match &self.id {
            Some(id) => format!("{}:{id}", self.figure),
            None => self.figure.to_string(),
        }
    }
}

/// Where a line stands: its figure, its name where names count, and its id.
pub(super) type Position<'a> = (Reverse<i128>, String, Option<&'a str>);

impl Page {
    /// Whether it may leave something out.
    pub fn is_part(&self) -> bool {
        self.limit.is_some() || self.after.is_some() || self.search.is_some()
    }

    /// Whether any of some texts has what is looked for.
    pub(super) fn finds<'t>(&self, texts: impl IntoIterator<Item = &'t str>) -> bool {
        let Some(search) = &self.search else { return true };
        let search = search.to_lowercase();
        texts.into_iter().any(|text| text.to_lowercase().contains(&search))
    }

    /// The lines of this page in their order, and where it ends if there are more. `name` is what a line with an id is
    /// called in the order of names.
    pub(super) fn cut<'a, T>(
        &self,
        mut lines: Vec<(Position<'a>, T)>,
        name: impl Fn(Option<&str>) -> String,
    ) -> (Vec<T>, Option<Mark>) {
        if let Some(after) = &self.after {
            let id = after.id.as_deref();
            let mark = (Reverse(after.figure), name(id), id);
            lines.retain(|(position, _)| (position.0, &position.1, position.2) > (mark.0, &mark.1, mark.2));
        }
        let order = |a: &(Position<'a>, T), b: &(Position<'a>, T)| a.0.cmp(&b.0);
        let more = match self.limit {
            Some(limit) if lines.len() > limit => {
                lines.select_nth_unstable_by(limit, order);
                lines.truncate(limit);
                true
            }
            _ => false,
        };
        lines.sort_by(order);
        let last = lines.last().filter(|_| more);
        let next = last.map(|((figure, _, id), _)| Mark { figure: figure.0, id: id.map(str::to_owned) });
        (lines.into_iter().map(|(_, line)| line).collect(), next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_one_after_the_other_are_the_whole_list() {
        let ids: Vec<String> = (0..23).map(|number| format!("key:{number}")).collect();
        let lines = || {
            let ids = ids.iter().map(String::as_str).enumerate();
            ids.map(|(number, id)| ((Reverse(number as i128 % 4), String::new(), (number > 0).then_some(id)), number))
                .collect::<Vec<_>>()
        };
        let no_name = |_: Option<&str>| String::new();
        let (whole, next) = Page::default().cut(lines(), no_name);
        assert_eq!((whole.len(), next), (23, None));
        for limit in [1, 5, 22, 23, 24] {
            let (mut found, mut page) = (Vec::new(), Page { limit: Some(limit), ..Page::default() });
            loop {
                let (lines, next) = page.cut(lines(), no_name);
                found.extend(lines);
                let Some(next) = next else { break };
                assert_eq!(Mark::parse(&next.text()), Some(next.clone()));
                page.after = Some(next);
            }
            assert_eq!(found, whole, "{limit}");
        }
    }

    #[test]
    fn what_is_no_mark_is_none() {
        for text in ["", "key", "1.5:key", ":key"] {
            assert_eq!(Mark::parse(text), None, "{text}");
        }
    }
}
