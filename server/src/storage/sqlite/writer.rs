//! The one writing thread. Jobs that wait are run in one transaction, each inside a savepoint, and share
//! one commit: flushing to disk is by far the dearest part of a small change.

use super::line::{Line, Refused};
use super::statements::{Doing as _, Session};
use super::{Result, StorageError, WriteJob};
use crate::storage::{Done, Reply, WriterGauges};
use rusqlite::Connection;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::time::Instant;

/// How long jobs join a transaction after its first: whoever comes later waits for it, and then goes first.
const JOIN_WITHIN: Duration = Duration::from_millis(20);

/// Bounds of a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Write jobs that may wait, and urgent ones beside them; more are refused as busy.
    pub queue: usize,
    /// Write jobs that share one commit at most.
    pub group: usize,
    /// Reading connections at most, and one more for what is urgent.
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
    /// Closed at the end, which ends the thread after the jobs that wait.
    line: Arc<Line>,
    thread: Option<JoinHandle<()>>,
    gauges: WriterGauges,
}

impl Writer {
    pub(super) fn start(connection: Connection, limits: Limits) -> Result<Self> {
        let line = Arc::new(Line::new(limits.queue));
        let jobs = Arc::clone(&line);
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
            line,
            thread: Some(thread),
            gauges,
        })
    }

    pub(super) fn gauges(&self) -> WriterGauges {
        self.gauges.clone()
    }

    pub(super) fn enqueue(&self, job: WriteJob) -> Result<()> {
        self.enter(job, Line::push)
    }

    pub(super) fn enqueue_urgent(&self, job: WriteJob) -> Result<()> {
        self.enter(job, Line::push_urgent)
    }

    fn enter(
        &self,
        job: WriteJob,
        enter: impl FnOnce(&Line, WriteJob) -> std::result::Result<(), Refused>,
    ) -> Result<()> {
        // Counted before: the writer may be done with it before this thread goes on.
        self.gauges.queued.inc();
        enter(&self.line, job).map_err(|refused| {
            self.gauges.queued.dec();
            match refused {
                Refused::Full => StorageError::Busy,
                Refused::Closed => StorageError::Closed,
            }
        })
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.line.close();
        // The last handle may be dropped by a reply on the writer itself, which cannot wait for itself.
        if let Some(thread) = self.thread.take()
            && thread.thread().id() != std::thread::current().id()
        {
            let _panicked = thread.join();
        }
    }
}

fn run(connection: &Connection, line: &Line, most: usize, gauges: &WriterGauges) {
    while let Some(first) = line.wait() {
        // Measures how long others wait, which decides who waits for whom and nothing else.
        let begun = Instant::now();
        let more = std::iter::from_fn(|| {
            let may_join = begun.elapsed() < JOIN_WITHIN;
            may_join.then(|| line.next()).flatten()
        });
        let group = std::iter::once(first).chain(more).take(most);
        // What is told that it is done does not wait any more.
        let taken = group.map(|job| {
            gauges.queued.dec();
            timed(job, gauges)
        });
        run_group(connection, taken);
        gauges.commits.observe(begun.elapsed().as_secs_f64());
    }
    // What is in the journal is durable; folding it into the file only saves the next start some work.
    let _best_effort = connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE);");
}

/// A job that tells how long it held the writer.
fn timed(job: WriteJob, gauges: &WriterGauges) -> WriteJob {
    let gauges = gauges.clone();
    Box::new(move |txn| {
        let (begun, worked) = (Instant::now(), worked());
        let done = job(txn);
        gauges.job_held(begun.elapsed(), self::worked().saturating_sub(worked));
        done
    })
}

/// How long this thread has worked, since some moment.
fn worked() -> Duration {
    #[cfg(unix)]
    {
        let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
        let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
        let nanos = u32::try_from(time.tv_nsec).unwrap_or_default();
        Duration::new(seconds, nanos)
    }
    #[cfg(not(unix))]
    Duration::ZERO
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
