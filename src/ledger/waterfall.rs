//! What lies between the cost of a month and that of the one before.

use super::{Month, as_of};
use crate::calendar::Window;
use crate::model::{Measures, UnixMs};
use crate::query::{About, Activity, Cause, Filter, GroupBy, QueryError, activity, causes_between, compared_side};
use crate::store::StoreError;

/// A month against the one before, without what came of either since it was closed.
pub struct Waterfall {
    pub before: Side,
    pub after: Side,
    /// Where the month before is cut off: as far as this one is now. `None` when that is over.
    pub until: Option<UnixMs>,
    /// In picodollars, one for each cause; they add up to the difference.
    pub parts: Vec<(Cause, i128)>,
}

/// One of the months.
pub struct Side {
    pub month: Month,
    /// When it was closed: its cost is what it was then. `None` where it is what is known now.
    pub closed_at: Option<UnixMs>,
    pub cost: i128,
}

/// Compares a month with the one before. One that is closed is what it was then, unless only a part of it is compared.
pub fn waterfall(
    about: About<'_>,
    month: Month,
    (later, earlier): (Window, Window),
    by: GroupBy,
    price: impl Fn(&str, &str, &Measures) -> Option<i128> + Sync,
) -> Result<Waterfall, QueryError> {
    let closings = about.reader.closings(Some(about.organization_id))?;
    let read = |month: Month, window: Window| -> Result<(Activity<'_>, Option<UnixMs>), QueryError> {
        let query = compared_side(window, &[by], &Filter::default());
        match closings.iter().find(|closing| closing.month == month.number && window.until.is_none()) {
            Some(closing) => Ok((as_of(about, closing, &query)?, Some(closing.at))),
            None => Ok((activity(about, &query)?, None)),
        }
    };
    let earlier_month = Month { number: month.number - 1 };
    let ((before, before_closed), (after, after_closed)) = (read(earlier_month, earlier)?, read(month, later)?);
    let moved = causes_between([before, after], &[by], price).map_err(StoreError::from)?;
    let parts = moved.parts.iter().map(|part| (part.cause, part.cost)).collect();
    let side = |month, closed_at, cost| Side { month, closed_at, cost };
    Ok(Waterfall {
        before: side(earlier_month, before_closed, moved.before.cost().0),
        after: side(month, after_closed, moved.after.cost().0),
        until: earlier.until,
        parts,
    })
}
