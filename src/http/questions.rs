//! How many questions are answered at once, and how long one may take.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::http::StatusCode;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::problem::Problem;

/// Questions answered at once. Each has a thread and some MiB of cells; more than the processors only share them.
const QUESTIONS: usize = 32;
/// Of these, those of one token: whoever reads long answers slowly waits for themselves.
const OF_ONE_TOKEN: usize = 16;
/// How long a question waits for its turn.
const WAIT: Duration = Duration::from_secs(3);
/// How long it may take until its answer begins.
const ANSWER: Duration = Duration::from_secs(30);

/// Gives questions their turn.
pub struct Questions {
    all: Arc<Semaphore>,
    /// By token; no more than there have been tokens.
    of_token: Mutex<HashMap<String, Arc<Semaphore>>>,
    wait: Duration,
}

/// A question's turn, until dropped.
pub struct Turn {
    _of_token: OwnedSemaphorePermit,
    _of_all: OwnedSemaphorePermit,
}

impl Default for Questions {
    fn default() -> Questions {
        Questions { all: Arc::new(Semaphore::new(QUESTIONS)), of_token: Mutex::default(), wait: WAIT }
    }
}

impl Questions {
    /// Waits for a turn, or says that there are too many questions.
    pub async fn turn(&self, token_id: &str) -> Result<Turn, Problem> {
        let of_token = {
            let mut tokens = self.of_token.lock().unwrap_or_else(PoisonError::into_inner);
            let new = || Arc::new(Semaphore::new(OF_ONE_TOKEN));
            tokens.entry(token_id.to_owned()).or_insert_with(new).clone()
        };
        let turn = async {
            let of_token = of_token.acquire_owned().await.ok()?;
            Some(Turn { _of_token: of_token, _of_all: self.all.clone().acquire_owned().await.ok()? })
        };
        let turn = timeout(self.wait, turn).await.ok().flatten();
        turn.ok_or_else(|| busy("too many questions are being answered; try again in a second"))
    }
}

/// Waits for an answer to begin, up to a limit. What computes it goes on and keeps its turn, so that there are never
/// more at work than there may be.
pub async fn in_time<T>(answer: impl Future<Output = Result<T, Problem>>) -> Result<T, Problem> {
    within(ANSWER, answer).await
}

async fn within<T>(limit: Duration, answer: impl Future<Output = Result<T, Problem>>) -> Result<T, Problem> {
    let late = |_| busy("the question took too long; ask for less, or try again when there is less to do");
    timeout(limit, answer).await.map_err(late)?
}

fn busy(detail: &str) -> Problem {
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn impatient() -> Questions {
        Questions { wait: Duration::from_millis(1), ..Questions::default() }
    }

    #[tokio::test]
    async fn one_token_leaves_turns_to_others() {
        let questions = impatient();
        let mut taken = Vec::new();
        for _ in 0..OF_ONE_TOKEN {
            taken.push(questions.turn("a").await.unwrap_or_else(|_| panic!("a turn")));
        }
        assert_eq!(questions.turn("a").await.err().unwrap().status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(questions.turn("b").await.is_ok());
        taken.pop();
        assert!(questions.turn("a").await.is_ok());
    }

    #[tokio::test]
    async fn too_many_questions_are_refused_until_some_are_answered() {
        let questions = impatient();
        let mut taken = Vec::new();
        for number in 0..QUESTIONS {
            taken.push(questions.turn(&number.to_string()).await.unwrap_or_else(|_| panic!("a turn")));
        }
        assert!(questions.turn("one more").await.is_err());
        taken.pop();
        assert!(questions.turn("one more").await.is_ok());
    }

    #[tokio::test]
    async fn a_question_that_takes_too_long_is_told_so() {
        let never = within(Duration::from_millis(1), std::future::pending::<Result<(), Problem>>()).await;
        let problem = never.unwrap_err();
        assert_eq!(problem.status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(problem.detail.contains("took too long"));
        assert!(in_time(std::future::ready(Ok(()))).await.is_ok());
    }
}
