//! How often one token may ask: a gateway gone wild must not keep the others, and the writer, waiting.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use axum::http::StatusCode;

use crate::http::problem::Problem;
use crate::model::UnixMs;

/// Twice what a busy gateway asks, so that it can catch up after a pause.
const PER_SECOND: u32 = 10_000;

/// Counts questions by token and second.
#[derive(Default)]
pub struct Floods(Mutex<(i64, HashMap<String, u32>)>);

impl Floods {
    /// Takes note of a question, unless there are too many with this token.
    pub fn note(&self, token_id: &str, now: UnixMs) -> Result<(), Problem> {
        let mut guard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (second, asked) = &mut *guard;
        let this = now.div_euclid(1000);
        if *second != this {
            *second = this;
            asked.clear();
        }
        let asked = match asked.get_mut(token_id) {
            Some(asked) => asked,
            None => asked.entry(token_id.to_owned()).or_default(),
        };
        if *asked >= PER_SECOND {
            let detail = format!("more than {PER_SECOND} decisions were asked for with this token in one second");
            return Err(Problem::new(StatusCode::TOO_MANY_REQUESTS, detail).after(1));
        }
        *asked += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_that_asks_too_often_is_refused_until_the_next_second_and_others_are_not() {
        let floods = Floods::default();
        for _ in 0..PER_SECOND {
            assert!(floods.note("a", 1_999).is_ok());
        }
        let refused = floods.note("a", 1_999).unwrap_err();
        assert_eq!((refused.status, refused.retry_after_s), (StatusCode::TOO_MANY_REQUESTS, Some(1)));
        assert!(floods.note("b", 1_999).is_ok() && floods.note("a", 2_000).is_ok());
    }
}
