//! A part of a long list: what is looked for, in which order, and from where on.

use std::cmp::{Ordering, Reverse};

use super::RankBy;
use super::top::Top;
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
/// A line, after its name and its id.
type Line<'a, T> = (String, Option<&'a str>, T);
type Order<T> = fn(&T, &T) -> Ordering;

/// The lines of a page, of all that are offered.
pub(super) struct Lines<'a, T> {
    after: Option<Position<'a>>,
    top: Top<Line<'a, T>, Order<Line<'a, T>>>,
}

impl<'a, T> Lines<'a, T> {
    /// Whether one with this figure may be among them.
    pub fn take(&self, figure: i128) -> bool {
        self.top.takes(figure) && self.after.as_ref().is_none_or(|after| after.0 <= Reverse(figure))
    }

    pub fn offer(&mut self, position: Position<'a>, line: T) {
        if self.after.as_ref().is_none_or(|after| *after < position) {
            let (Reverse(figure), name, id) = position;
            self.top.offer(figure, (name, id, line));
        }
    }

    /// They in their order, and where the page ends if there are more.
    pub fn finish(self) -> (Vec<T>, Option<Mark>) {
        let (lines, more) = self.top.finish();
        let last = lines.last().filter(|_| more);
        let next = last.map(|(figure, (_, id, _))| Mark { figure: *figure, id: id.map(str::to_owned) });
        (lines.into_iter().map(|(_, (_, _, line))| line).collect(), next)
    }
}

impl Page {
    /// Whether it may leave something out.
    pub fn is_part(&self) -> bool {
        self.limit.is_some() || self.after.is_some() || self.search.is_some()
    }

    /// Whether a text has what is looked for.
    pub(super) fn finder(&self) -> impl Fn(&str) -> bool {
        let search = self.search.as_ref().map(|search| search.to_lowercase());
        move |text| search.as_ref().is_none_or(|search| has(text, search))
    }

    /// What becomes the page. `name` is what a line with an id is called in the order of names.
    pub(super) fn lines<T>(&self, name: impl Fn(Option<&str>) -> String) -> Lines<'_, T> {
        let after = self.after.as_ref().map(|after| {
            let id = after.id.as_deref();
            (Reverse(after.figure), name(id), id)
        });
        Lines { after, top: Top::new(self.limit.unwrap_or(usize::MAX), |a, b| (&a.0, a.1).cmp(&(&b.0, b.1))) }
    }
}

/// Whether a text has another, which is in small letters.
fn has(text: &str, small: &str) -> bool {
    if !text.is_ascii() {
        return text.to_lowercase().contains(small);
    }
    // Most texts are; of a million of them none has to be copied.
    small.is_empty() || text.as_bytes().windows(small.len()).any(|part| part.eq_ignore_ascii_case(small.as_bytes()))
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
        let cut = |page: &Page| {
            let mut cut = page.lines(|_| String::new());
            lines().into_iter().for_each(|(position, line)| cut.offer(position, line));
            cut.finish()
        };
        let (whole, next) = cut(&Page::default());
        assert_eq!((whole.len(), next), (23, None));
        for limit in [1, 5, 22, 23, 24] {
            let (mut found, mut page) = (Vec::new(), Page { limit: Some(limit), ..Page::default() });
            loop {
                let (lines, next) = cut(&page);
                found.extend(lines);
                let Some(next) = next else { break };
                assert_eq!(Mark::parse(&next.text()), Some(next.clone()));
                page.after = Some(next);
            }
            assert_eq!(found, whole, "{limit}");
        }
    }

    #[test]
    fn a_text_has_another_in_whatever_letters() {
        for (text, search, expected) in [
            ("Key-0000123", "KEY-00001", true),
            ("Key-0000123", "", true),
            ("Key", "Keys", false),
            ("Straße in Köln", "KÖLN", true),
            ("300 \u{212a}", "k", true),
            ("Koln", "köln", false),
        ] {
            let page = Page { search: Some(search.to_owned()), ..Page::default() };
            assert_eq!(page.finder()(text), expected, "{search} in {text}");
        }
    }

    #[test]
    fn what_is_no_mark_is_none() {
        for text in ["", "key", "1.5:key", ":key"] {
            assert_eq!(Mark::parse(text), None, "{text}");
        }
    }
}
