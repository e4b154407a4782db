//! Exchanging with the server, and comparing with it.

use super::{ApiError, App, Device};
use crate::http::{Caller, Endpoint, HttpSync, PlainHttp};
use crate::sync::{
    Access as _, Memory, Mismatch, Pace, Parts, Progress, Report, ServerBehind, Timer, Watched,
    compare, follow, hand_over, mend, run, sign_off,
};
use serde::Serialize;
use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::{Arc, PoisonError};
use std::time::Duration;
use usher_domain::ids::DeviceId;

pub use crate::sync::{Line, TableHealth};

/// What an exchange did.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct SyncView {
    /// Records that the server has now and did not have before.
    pub sent: u64,
    /// Records of others that are new here.
    pub received: u64,
    /// Rows of tables that were written.
    pub rows: u64,
    /// Compressed bytes of tables that came in.
    pub table_bytes: u64,
    /// Rows that a restored server took back.
    pub handed_back: u64,
    /// Batches that wait for a newer roster.
    pub parked: u64,
    /// Parts of the exchange that failed while others went on.
    pub troubles: Vec<TroubleView>,
    /// How the device hears of others.
    pub line: Line,
}

/// A part of an exchange that failed, or in which the two ends differ.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TroubleView {
    /// Stable code.
    pub code: &'static str,
    /// A sentence for a person.
    pub message: String,
    /// Ties it to the server's log lines.
    pub correlation: Option<String>,
}

impl From<Report> for SyncView {
    fn from(report: Report) -> Self {
        let failed = report.troubles.into_iter().map(|trouble| TroubleView {
            code: trouble.code,
            message: trouble.detail,
            correlation: trouble.correlation,
        });
        let differing = report.mismatches.into_iter().map(|mismatch| TroubleView {
            code: mismatch_code(mismatch),
            message: mismatch_words(mismatch),
            correlation: None,
        });
        Self {
            sent: report.sent,
            received: report.received,
            rows: report.rows,
            table_bytes: report.table_bytes,
            handed_back: report.handed_back,
            parked: report.parked,
            troubles: failed.chain(differing).collect(),
            line: report.line,
        }
    }
}

const fn mismatch_code(mismatch: Mismatch) -> &'static str {
    match mismatch {
        Mismatch::Behind(_) => "server_behind",
        Mismatch::Log(_) => "log_differs",
        Mismatch::Table(_) => "table_differs",
        Mismatch::Feed(_) => "feed_differs",
    }
}

fn mismatch_words(mismatch: Mismatch) -> String {
    match mismatch {
        Mismatch::Behind(behind) => {
            let what = match behind {
                ServerBehind::Trust => "the trust document".to_owned(),
                ServerBehind::Table(table) => format!("table {table}"),
                ServerBehind::Feed(scope) => format!("feed {scope}"),
            };
            format!("the server is behind what it said before: {what}")
        }
        Mismatch::Log(log) => format!("the server's end of log {} is another", log.log),
        Mismatch::Table(table) => format!("table {table} is not at the server's version"),
        Mismatch::Feed(scope) => format!("feed {scope} was not read to its end"),
    }
}

impl App {
    /// The connection to the server of the enrollment, kept with its token.
    pub(super) fn connection(&self) -> Result<Arc<HttpSync>, ApiError> {
        let mut kept = self
            .connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(connection) = &*kept {
            return Ok(Arc::clone(connection));
        }
        let connection = Arc::new(self.connect_as(None)?);
        *kept = Some(Arc::clone(&connection));
        Ok(connection)
    }

    /// A connection in the name of the device, or of one that it was before: the key is the same.
    fn connect_as(&self, former: Option<DeviceId>) -> Result<HttpSync, ApiError> {
        let (identity, enrollment) = self.device.with(|store| store.enrolled())?;
        // An enrollment that was finished without TLS was allowed to be.
        let server = &identity.server;
        let endpoint = Endpoint::new(&server.address, server.spki, PlainHttp::Anywhere)?;
        let caller = Caller {
            device: former.unwrap_or(enrollment.device),
            key: Arc::new(identity.signing_key()),
        };
        Ok(HttpSync::new(
            endpoint,
            Some(caller),
            Arc::clone(&self.clock),
            Arc::clone(&self.entropy),
        )?)
    }

    /// The address of the server of the enrollment; none before there is one.
    #[must_use]
    pub fn server(&self) -> Option<String> {
        let enrolled = self.device.with(|store| store.enrolled());
        enrolled.ok().map(|(identity, _)| identity.server.address)
    }

    pub(super) fn forget_connection(&self) {
        *self
            .connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = None;
    }

    pub(super) fn parts<'p, T>(
        &'p self,
        connection: &'p HttpSync,
        timer: &'p T,
        progress: &'p (dyn Fn(Progress) + Sync),
    ) -> Parts<'p, HttpSync, Device, T> {
        Parts {
            api: connection,
            channel: connection.channel(),
            store: &self.device,
            timer,
            clock: &*self.clock,
            entropy: &*self.entropy,
            claims: &self.claims,
            instance: self.instance,
            progress,
        }
    }

    /// What the process remembers, for one exchange; a second one at the same time begins without.
    fn take_memory(&self) -> Memory {
        let mut kept = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        let beside = kept.beside();
        std::mem::replace(&mut *kept, beside)
    }

    fn put_memory(&self, memory: Memory) {
        *self.memory.lock().unwrap_or_else(PoisonError::into_inner) = memory;
    }

    /// Brings device and server into step once. Dropping the future is safe at any moment.
    ///
    /// # Errors
    /// What ended it early; what was done until then stays done.
    pub async fn sync(
        &self,
        timer: &impl Timer,
        progress: &(dyn Fn(Progress) + Sync),
    ) -> Result<SyncView, ApiError> {
        let connection = self.connection()?;
        let parts = self.parts(&connection, timer, progress);
        let mut memory = self.take_memory();
        let report = run(&parts, &mut memory).await;
        self.put_memory(memory);
        let mut view = SyncView::from(self.heeding(report)?);
        view.sent += self.hand_over_former(timer, progress).await?;
        Ok(view)
    }

    /// Scans that this folder recorded before it was enrolled anew go to the server in the name of the
    /// device that it was: it may have been revoked, and an organizer rules what counts.
    async fn hand_over_former(
        &self,
        timer: &impl Timer,
        progress: &(dyn Fn(Progress) + Sync),
    ) -> Result<u64, ApiError> {
        let formers: BTreeSet<DeviceId> = self.device.with(|store| {
            let (_, enrollment) = store.enrolled()?;
            let logs = store.own_logs()?.into_iter();
            let unsent = logs.filter(|log| log.unsent() > 0);
            let devices = unsent.map(|log| log.end.head.log.device);
            Ok::<_, ApiError>(devices.filter(|id| *id != enrollment.device).collect())
        })?;
        let mut sent = 0;
        for former in formers {
            let connection = self.connect_as(Some(former))?;
            let parts = self.parts(&connection, timer, progress);
            sent += hand_over(&parts, former).await?;
        }
        Ok(sent)
    }

    /// Stays in step: listens to what the server tells, sends what is scanned at once, and exchanges from time
    /// to time; where there is nothing to listen to every `every`, less often while the server cannot be
    /// reached. `tell` hears of exchanges and says whether to go on.
    ///
    /// # Errors
    /// `not_enrolled`. What goes wrong later is told, and tried again.
    pub async fn watch(
        &self,
        timer: &impl Timer,
        every: Duration,
        progress: &(dyn Fn(Progress) + Sync),
        tell: &mut (dyn FnMut(Result<SyncView, ApiError>) -> ControlFlow<()> + Send),
    ) -> Result<(), ApiError> {
        let connection = self.connection()?;
        let parts = self.parts(&connection, timer, progress);
        let mut memory = self.take_memory();
        let mut tell = |watched| match watched {
            Watched::Done(report) => tell(Ok(report.into())),
            Watched::Failed(error) => tell(self.heeding(Err(error))),
        };
        let pace = Pace::asking(every);
        let following = follow(&parts, &mut memory, pace, &self.recorded, &mut tell);
        Box::pin(following).await;
        self.put_memory(memory);
        Ok(())
    }

    /// Takes the device off duty: sends what the server lacks and says that it admits nobody any more.
    /// The next exchange puts it on duty again.
    ///
    /// # Errors
    /// What ended it early; then the device is still on duty.
    pub async fn sign_off(&self, timer: &impl Timer) -> Result<(), ApiError> {
        let connection = self.connection()?;
        let parts = self.parts(&connection, timer, &|_| {});
        let mut memory = self.take_memory();
        let done = sign_off(&parts, &mut memory).await;
        self.put_memory(memory);
        self.heeding(done)
    }

    /// Compares every table with its signed digest and with the server's copy, and changes nothing.
    ///
    /// # Errors
    /// What ended it early.
    pub async fn doctor_compare(&self, timer: &impl Timer) -> Result<Vec<TableHealth>, ApiError> {
        let connection = self.connection()?;
        let parts = self.parts(&connection, timer, &|_| {});
        self.heeding(compare(&parts).await)
    }

    /// Computes all digests anew and takes what differs from the server's copy.
    ///
    /// # Errors
    /// What ended it early.
    pub async fn doctor_repair(
        &self,
        timer: &impl Timer,
        progress: &(dyn Fn(Progress) + Sync),
    ) -> Result<SyncView, ApiError> {
        let connection = self.connection()?;
        let parts = self.parts(&connection, timer, progress);
        let mut memory = self.take_memory();
        let report = mend(&parts, &mut memory).await;
        self.put_memory(memory);
        Ok(self.heeding(report)?.into())
    }
}
