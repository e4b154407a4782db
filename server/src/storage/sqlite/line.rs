//! Jobs that wait for the writer, in two lines: whoever stands in the urgent one waits for nobody of the
//! other but the job that is running.

use crate::storage::WriteJob;
use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Urgent jobs that go before one that is not, so that many of them keep no other one waiting for ever.
const URGENT_IN_A_ROW: u32 = 32;

/// Why a job does not wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    /// As many wait as may.
    Full,
    /// The writer ends.
    Closed,
}

/// Jobs that wait.
pub(super) struct Line {
    waiting: Mutex<Waiting>,
    rung: Condvar,
    /// Jobs of each kind that may wait.
    most: usize,
}

#[derive(Default)]
struct Waiting {
    urgent: VecDeque<WriteJob>,
    usual: VecDeque<WriteJob>,
    urgent_in_a_row: u32,
    closed: bool,
}

impl Waiting {
    fn next(&mut self) -> Option<WriteJob> {
        let is_urgents_turn = self.urgent_in_a_row < URGENT_IN_A_ROW;
        if (is_urgents_turn || self.usual.is_empty())
            && let Some(job) = self.urgent.pop_front()
        {
            self.urgent_in_a_row += 1;
            return Some(job);
        }
        self.urgent_in_a_row = 0;
        self.usual.pop_front()
    }
}

impl Line {
    pub(super) fn new(most: usize) -> Self {
        Self {
            waiting: Mutex::default(),
            rung: Condvar::new(),
            most: most.max(1),
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets a job wait among those that are not urgent.
    pub(super) fn push(&self, job: WriteJob) -> Result<(), Refused> {
        self.enter(job, |waiting| &mut waiting.usual)
    }

    /// Lets a job wait among the urgent ones.
    pub(super) fn push_urgent(&self, job: WriteJob) -> Result<(), Refused> {
        self.enter(job, |waiting| &mut waiting.urgent)
    }

    fn enter(
        &self,
        job: WriteJob,
        line: impl FnOnce(&mut Waiting) -> &mut VecDeque<WriteJob>,
    ) -> Result<(), Refused> {
        let mut waiting = self.waiting();
        if waiting.closed {
            return Err(Refused::Closed);
        }
        let line = line(&mut waiting);
        if line.len() >= self.most {
            return Err(Refused::Full);
        }
        line.push_back(job);
        drop(waiting);
        self.rung.notify_one();
        Ok(())
    }

    /// The next job if one waits.
    pub(super) fn next(&self) -> Option<WriteJob> {
        self.waiting().next()
    }

    /// Waits for the next job; none once the line is closed and nobody waits any more.
    pub(super) fn wait(&self) -> Option<WriteJob> {
        let mut waiting = self.waiting();
        loop {
            if let Some(job) = waiting.next() {
                return Some(job);
            }
            if waiting.closed {
                return None;
            }
            waiting = self
                .rung
                .wait(waiting)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Takes no more jobs.
    pub(super) fn close(&self) {
        self.waiting().closed = true;
        self.rung.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::{Done, Result};
    use std::sync::Arc;

    fn job(told: &Arc<Mutex<Vec<u32>>>, number: u32) -> WriteJob {
        let told = Arc::clone(told);
        Box::new(move |_: Result<&mut dyn crate::storage::Transaction>| {
            told.lock().unwrap().push(number);
            Done::RollBack(Box::new(|_| ()))
        })
    }

    fn run(line: &Line) {
        while let Some(job) = line.next() {
            let _done = job(Err(crate::storage::StorageError::Closed));
        }
    }

    #[test]
    fn urgent_jobs_go_first_and_keep_no_other_one_waiting_for_ever() {
        let (line, told) = (Line::new(1_000), Arc::default());
        for number in 0..3 {
            line.push(job(&told, number)).unwrap();
        }
        for number in 100..170 {
            line.push_urgent(job(&told, number)).unwrap();
        }
        run(&line);
        let told = told.lock().unwrap();
        assert_eq!(told[..3], [100, 101, 102]);
        let places: Vec<_> = (0..3)
            .map(|number| told.iter().position(|it| *it == number).unwrap())
            .collect();
        assert_eq!(places, [32, 65, 72]);
    }

    #[test]
    fn each_line_has_its_own_room_and_none_after_the_end() {
        let (line, told) = (Line::new(1), Arc::default());
        assert_eq!(line.push(job(&told, 1)), Ok(()));
        assert_eq!(line.push(job(&told, 2)), Err(Refused::Full));
        assert_eq!(line.push_urgent(job(&told, 3)), Ok(()));
        line.close();
        assert_eq!(line.push(job(&told, 4)), Err(Refused::Closed));
        assert!(line.wait().is_some() && line.wait().is_some() && line.wait().is_none());
    }
}
