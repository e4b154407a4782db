//! The one writing thread. Jobs that wait are run in one transaction, each inside a savepoint, and share
//! one commit: flushing to disk is by far the dearest part of a small change.

use super::statements::{Doing as _, Session};
use super::{Result, StorageError, WriteJob};
use crate::storage::{Done, Reply, WriterGauges};
use rusqlite::Connection;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use tokio::time::Instant;

/// Bounds of a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Write jobs that may wait; more are refused as busy.
    pub queue: usize,
    /// Write jobs that share one commit at most.
    pub group: usize,
    /// Reading connections at most.
    pub readers: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            queue: 1024,
            group: 256,
            readers: 4,
        }
    }
}

pub(super) struct Writer {
    /// Taken away at the end, which ends the thread after the jobs that wait.
    queue: Option<SyncSender<WriteJob>>,
    thread: Option<JoinHandle<()>>,
    gauges: WriterGauges,
}

impl Writer {
    pub(super) fn start(connection: Connection, limits: Limits) -> Result<Self> {
        let (queue, jobs) = sync_channel(limits.queue.max(1));
        let gauges = WriterGauges::default();
        let shown = gauges.clone();
        let thread = std::thread::Builder::new()
            .name("usher-writer".to_owned())
            .spawn(move || run(&connection, &jobs, limits.group.max(1), &shown))
            .map_err(|source| StorageError::Io {
                doing: "starting the writer",
                source,
            })?;
        Ok(Self {
            queue: Some(queue),
            thread: Some(thread),
            gauges,
        })
    }

    pub(super) fn gauges(&self) -> WriterGauges {
        self.gauges.clone()
    }

    pub(super) fn enqueue(&self, job: WriteJob) -> Result<()> {
        let queue = self.queue.as_ref().ok_or(StorageError::Closed)?;
        // Counted before: the writer may be done with it before this thread goes on.
        self.gauges.queued.inc();
        queue.try_send(job).map_err(|refused| {
            self.gauges.queued.dec();
            match refused {
                TrySendError::Full(_) => StorageError::Busy,
                TrySendError::Disconnected(_) => StorageError::Closed,
            }
        })
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        drop(self.queue.take());
        // The last handle may be dropped by a reply on the writer itself, which cannot wait for itself.
        if let Some(thread) = self.thread.take()
            && thread.thread().id() != std::thread::current().id()
        {
            let _panicked = thread.join();
        }
    }
}

fn run(connection: &Connection, jobs: &Receiver<WriteJob>, most: usize, gauges: &WriterGauges) {
    while let Ok(first) = jobs.recv() {
        // Measures how long others wait, which decides nothing.
        let begun = Instant::now();
        let group = std::iter::once(first).chain(jobs.try_iter()).take(most);
        // What is told that it is done does not wait any more.
        let taken = group.inspect(|_| _ = gauges.queued.dec());
        run_group(connection, taken);
        gauges.commits.observe(begun.elapsed().as_secs_f64());
    }
    // What is in the journal is durable; folding it into the file only saves the next start some work.
    let _best_effort = connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE);");
}

/// Runs jobs in one transaction and tells them its fate.
pub(super) fn run_group(connection: &Connection, jobs: impl Iterator<Item = WriteJob>) {
    let mut replies: Vec<Reply> = Vec::new();
    for job in jobs {
        // A full disk makes SQLite roll the whole transaction back: what was run before is gone, and its
        // callers are told so before anything new begins.
        if connection.is_autocommit() {
            fail(&mut replies, "writing");
        }
        match begin(connection) {
            Ok(()) => replies.extend(run_one(connection, job)),
            Err(error) => refuse(job, error),
        }
    }
    if connection.is_autocommit() {
        fail(&mut replies, "writing");
        return;
    }
    if usher_domain::mutated!(AcknowledgeBeforeCommit) {
        replies.drain(..).for_each(|reply| reply(Ok(())));
    }
    match execute(connection, "COMMIT").doing("committing") {
        Ok(()) => replies.into_iter().for_each(|reply| reply(Ok(()))),
        Err(_) => {
            let _rolled_back = execute(connection, "ROLLBACK");
            fail(&mut replies, "committing");
        }
    }
}

/// Begins a savepoint, and the transaction around it unless one is open.
fn begin(connection: &Connection) -> Result<()> {
    if connection.is_autocommit() {
        execute(connection, "BEGIN IMMEDIATE").doing("beginning to write")?;
    }
    execute(connection, "SAVEPOINT job").doing("beginning to write")
}

/// Runs a statement that is prepared once: these surround every job, and reading them costs as much as a
/// small job itself.
fn execute(connection: &Connection, sql: &'static str) -> rusqlite::Result<()> {
    connection.prepare_cached(sql)?.execute([]).map(drop)
}

fn fail(replies: &mut Vec<Reply>, doing: &'static str) {
    for reply in replies.drain(..) {
        reply(Err(StorageError::CannotWrite { doing }));
    }
}

/// Tells a job that it has no transaction.
fn refuse(job: WriteJob, error: StorageError) {
    let done = catch_unwind(AssertUnwindSafe(|| job(Err(error))));
    if let Ok(Done::Commit(reply) | Done::RollBack(reply)) = done {
        reply(Ok(()));
    }
}

/// Runs one job inside the savepoint that was begun; hands out whom to tell after the commit.
fn run_one(connection: &Connection, job: WriteJob) -> Option<Reply> {
    let mut session = Session { connection };
    let done = catch_unwind(AssertUnwindSafe(|| job(Ok(&mut session))));
    let (undone, reply) = match done {
        Ok(Done::Commit(reply)) => (Ok(()), Some(reply)),
        Ok(Done::RollBack(reply)) => (execute(connection, "ROLLBACK TO job"), Some(reply)),
        Err(_panic) => (execute(connection, "ROLLBACK TO job"), None),
    };
    if undone
        .and_then(|()| execute(connection, "RELEASE job"))
        .is_ok()
    {
        return reply;
    }
    // The savepoint is gone: SQLite rolled everything back.
    if let Some(reply) = reply {
        reply(Err(StorageError::CannotWrite { doing: "writing" }));
    }
    None
}
