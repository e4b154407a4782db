//! Imports: all or nothing, without keeping others waiting.

use super::tickets::new_ticket;
use super::*;
use crate::service::Error;
use crate::storage::sqlite::Limits;
use crate::storage::{Backend, ReadJob, Result as Stored, StorageError, Store, WriteJob};
use std::sync::Mutex;
use usher_domain::api::access::TokenRole;
use usher_domain::api::imports::{BadLines, ImportMode, ImportOptions, ImportReport};
use usher_domain::api::tickets::{Ticket, TicketChange, TicketQuery};
use usher_domain::table::rows::{CancelReason, TicketState};

/// The longest page of all tickets.
fn whole() -> TicketQuery {
    TicketQuery {
        limit: Some(500),
        ..TicketQuery::default()
    }
}

impl House {
    pub(super) async fn import(
        &self,
        csv: &str,
        options: ImportOptions,
    ) -> Result<ImportReport, Error> {
        let files = vec![("list.csv".to_owned(), csv.as_bytes().to_vec())];
        let mut options = ImportOptions {
            session: Some("first".to_owned()),
            ..options
        };
        if csv.contains(",number") {
            let (field, header) = ("external".to_owned(), "number".to_owned());
            options.mapping.insert(field, header);
        }
        self.service
            .import(self.organizer, "show".to_owned(), files, options)
            .await
    }

    /// All tickets of the event as their seller sees them, without ids and revisions of chance.
    async fn all_tickets(&self) -> Vec<Ticket> {
        let show = "show".to_owned();
        let page = self
            .service
            .tickets(self.organizer, show, whole(), TokenRole::Sales);
        let mut all = page.await.unwrap().items;
        all.sort_by_key(|ticket| ticket.external.clone());
        all
    }

    /// The same database behind another seam.
    fn through(self, seam: impl FnOnce(Sqlite) -> Seam) -> Self {
        let Self {
            service,
            clock,
            organizer,
            folder,
        } = self;
        drop(service);
        let sqlite = Sqlite::open(folder.path(), Limits::default()).unwrap();
        let settings = Settings {
            import_lines_max: 3,
            ..Settings::new(folder.path().join("snapshots"))
        };
        let clock_of = Arc::<ManualClock>::clone(&clock);
        Self {
            service: Service::new(Store::new(seam(sqlite)), clock_of, settings),
            clock,
            organizer,
            folder,
        }
    }

    /// The database as another process would find it after this one.
    fn restarted(self) -> Self {
        self.through(Seam::open)
    }
}

/// A hook that runs on the thread of whoever asks.
type Hook = Arc<dyn Fn(&Sqlite) + Send + Sync>;
/// A hook before a write job is taken, told how many were taken before.
type WriteHook = Box<dyn Fn(&Arc<Sqlite>, usize) -> Stored<()> + Send + Sync>;

/// A database with hooks before its jobs.
struct Seam {
    sqlite: Arc<Sqlite>,
    before_write: WriteHook,
    /// Runs within each read transaction, before the job.
    within_read: Hook,
    writes: Arc<Mutex<usize>>,
}

impl Seam {
    fn open(sqlite: Sqlite) -> Self {
        Self {
            sqlite: Arc::new(sqlite),
            before_write: Box::new(|_, _| Ok(())),
            within_read: Arc::new(|_| ()),
            writes: Arc::default(),
        }
    }
}

/// Puts a value from elsewhere and waits until it is durable.
fn put_from_elsewhere(sqlite: &Sqlite, key: &'static [u8]) {
    use crate::storage::{Done, Space};
    let (tell, told) = std::sync::mpsc::channel();
    sqlite
        .enqueue(Box::new(move |txn| {
            let outcome = txn.and_then(|txn| txn.put_value(Space::DeviceStatus, key, b"1", NOON));
            Done::Commit(Box::new(move |fate| {
                tell.send(outcome.and(fate)).unwrap();
            }))
        }))
        .unwrap();
    told.recv().unwrap().unwrap();
}

/// The same database without hooks.
struct Shared(Arc<Sqlite>);

impl Backend for Shared {
    fn enqueue(&self, job: WriteJob) -> Stored<()> {
        self.0.enqueue(job)
    }

    fn read(&self, job: ReadJob) {
        self.0.read(job);
    }
}

impl Backend for Seam {
    fn enqueue(&self, job: WriteJob) -> Stored<()> {
        let before = {
            let mut writes = self.writes.lock().unwrap();
            *writes += 1;
            *writes - 1
        };
        (self.before_write)(&self.sqlite, before)?;
        self.sqlite.enqueue(job)
    }

    fn read(&self, job: ReadJob) {
        let (sqlite, hook) = (Arc::clone(&self.sqlite), Arc::clone(&self.within_read));
        self.sqlite.read(Box::new(move |txn| {
            hook(&sqlite);
            job(txn);
        }));
    }
}

/// A list of numbered tickets.
fn numbered(count: usize) -> String {
    let lines = (0..count).map(|n| format!("q7ZkT2mV9xLp4RwYb8NcHd{n:04},N-{n:04},Normal\n"));
    "barcode,number,type\n".to_owned() + &lines.collect::<String>()
}

fn dry() -> ImportOptions {
    ImportOptions {
        mode: ImportMode::DryRun,
        ..ImportOptions::default()
    }
}

#[tokio::test]
async fn a_dry_run_reads_only_and_others_write_meanwhile() {
    let writes = Arc::new(Mutex::new(0));
    let count = Arc::clone(&writes);
    let house = House::with_types().await.through(|sqlite| Seam {
        // Another's write is durable while the read transaction of the dry run is open.
        within_read: Arc::new(|sqlite| put_from_elsewhere(sqlite, b"meanwhile")),
        writes: count,
        ..Seam::open(sqlite)
    });
    let report = house.import(&numbered(10), dry()).await.unwrap();
    assert_eq!((report.read, report.created), (10, 10));
    assert_eq!(*writes.lock().unwrap(), 0);
    assert!(house.all_tickets().await.is_empty());
}

#[tokio::test]
async fn between_the_chunks_of_an_import_others_write() {
    let house = House::with_types().await.through(|sqlite| Seam {
        // If one transaction held the writer all along, this would wait for ever.
        before_write: Box::new(|sqlite, _| {
            put_from_elsewhere(sqlite, b"meanwhile");
            Ok(())
        }),
        ..Seam::open(sqlite)
    });
    let report = house.import(&numbered(10), ImportOptions::default()).await;
    assert_eq!(report.unwrap().created, 10);
    assert_eq!(house.all_tickets().await.len(), 10);
}

#[tokio::test]
async fn an_import_cut_off_anywhere_is_completed_by_importing_again() {
    // Ten lines are four chunks of three; the sealing comes after.
    for cut_after in 0..=4 {
        let house = House::with_types().await.through(|sqlite| Seam {
            before_write: Box::new(move |_, before| {
                if before < cut_after {
                    Ok(())
                } else {
                    Err(StorageError::Closed)
                }
            }),
            ..Seam::open(sqlite)
        });
        let first = house.import(&numbered(10), ImportOptions::default()).await;
        assert_eq!(first.is_ok(), cut_after == 4);
        let house = house.restarted();
        let there = house.all_tickets().await;
        assert_eq!(there.len(), [0, 3, 6, 9, 10][cut_after], "whole lines only");
        let told = house.import(&numbered(10), dry()).await.unwrap();
        let cut_off = told.warnings.iter().any(|text| text.contains("cut off"));
        assert_eq!(cut_off, (1..4).contains(&cut_after));
        let again = house
            .import(&numbered(10), ImportOptions::default())
            .await
            .unwrap();
        let (new, same) = (again.created as usize, again.unchanged as usize);
        assert_eq!((new, same), (10 - there.len(), there.len()));
        let all = house.all_tickets().await;
        assert_eq!(all.len(), 10);
        assert!(there.iter().all(|ticket| all.contains(ticket)));
        let last = house.import(&numbered(10), dry()).await.unwrap();
        assert_eq!(last.unchanged, 10);
        assert!(!last.warnings.iter().any(|text| text.contains("cut off")));
    }
}

#[tokio::test]
async fn importing_the_same_again_asks_nothing_of_the_writer() {
    let house = House::with_types().await;
    house
        .import(&numbered(10), ImportOptions::default())
        .await
        .unwrap();
    let writes = Arc::new(Mutex::new(0));
    let count = Arc::clone(&writes);
    let house = house.through(|sqlite| Seam {
        writes: count,
        ..Seam::open(sqlite)
    });
    let again = house.import(&numbered(10), ImportOptions::default()).await;
    let again = again.unwrap();
    assert_eq!((again.unchanged, again.written), (10, true));
    assert_eq!(*writes.lock().unwrap(), 0);
}

#[tokio::test]
async fn a_line_that_a_sale_crossed_after_the_check_is_left_out_and_told() {
    let house = House::with_types().await;
    let (organizer, folder) = (house.organizer, house.folder.path().join("snapshots"));
    let clock = Arc::<ManualClock>::clone(&house.clock);
    let house = house.through(|sqlite| Seam {
        before_write: Box::new(move |sqlite, before| {
            if before == 1 {
                let clock = Arc::<ManualClock>::clone(&clock);
                let store = Store::new(Shared(Arc::clone(sqlite)));
                let box_office = Service::new(store, clock, Settings::new(&folder));
                sell_at(box_office, organizer, "q7ZkT2mV9xLp4RwYb8NcHd0005");
            }
            Ok(())
        }),
        ..Seam::open(sqlite)
    });
    let report = house.import(&numbered(10), ImportOptions::default()).await;
    let report = report.unwrap();
    assert_eq!(
        (report.created, report.bad_count, report.written),
        (9, 1, true)
    );
    assert_eq!((report.bad[0].at.as_str(), report.read), ("line 7", 10));
    let told = report.warnings.iter();
    assert!(told.clone().any(|text| text.contains("meanwhile")));
    assert_eq!(house.all_tickets().await.len(), 10);
}

/// Sells a barcode at a box office with threads of its own.
fn sell_at(box_office: Service, organizer: OrganizerId, barcode: &'static str) {
    let selling = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let (show, new) = ("show".to_owned(), new_ticket("SOLD", &[barcode]));
        let sold = box_office.create_ticket(organizer, show, new, None);
        runtime.block_on(sold).unwrap();
    });
    selling.join().unwrap();
}

#[tokio::test]
async fn a_dry_run_with_bad_lines_tells_how_it_read_and_counts_that_add_up() {
    let house = House::with_types().await;
    house.import(LIST, ImportOptions::default()).await.unwrap();
    let list = LIST.replace("Bob", "Rob") + ",Nobody,Normal\nk7ZqT2mV9xLp4RwYb8NcHd3F,Cyd,Normal\n";
    let report = house.import(&list, dry()).await.unwrap();
    assert_eq!(
        (
            report.read,
            report.created,
            report.updated,
            report.unchanged,
            report.bad_count
        ),
        (4, 1, 1, 1, 1)
    );
    assert_eq!(report.columns.len(), 3);
    assert_eq!(report.format, "csv; comma; utf-8");
    assert_eq!(report.files[0].used_as.as_deref(), Some("list"));
    let bad = &report.bad[0];
    assert_eq!(bad.at, "line 4");
    assert!(!bad.detail.contains("line 4"), "{}", bad.detail);
    let refused = house.import(&list, ImportOptions::default()).await;
    let told = refused.unwrap_err().to_string();
    assert!(
        told.contains("4 lines: 1 new, 1 changed, 1 unchanged, 1 bad"),
        "{told}"
    );
}

const LIST: &str =
    "barcode,name,type\nq7ZkT2mV9xLp4RwYb8NcHd3F,Ada,Normal\nw8XkP4nB6yMq2StVa9RdJf5G,Bob,VIP\n";

#[tokio::test]
async fn importing_twice_changes_nothing_even_after_a_cancellation_here() {
    let house = House::with_types().await;
    let first = house.import(LIST, ImportOptions::default()).await.unwrap();
    assert_eq!((first.created, first.written), (2, true));
    assert_eq!(first.types_created, ["Normal", "VIP"]);
    let page = house
        .service
        .tickets(
            house.organizer,
            "show".to_owned(),
            whole(),
            TokenRole::Sales,
        )
        .await
        .unwrap();
    let id = page.items[0].id.to_string();
    let reason = CancelReason::Refunded;
    house
        .change(
            &id,
            TicketChange::Cancel {
                reason: Some(reason),
            },
        )
        .await
        .unwrap();
    let second = house.import(LIST, ImportOptions::default()).await.unwrap();
    assert_eq!(
        (second.created, second.updated, second.unchanged),
        (0, 0, 2)
    );
    let row = house.row("first", page.items[0].id).await.unwrap();
    assert_eq!(row.state, TicketState::Cancelled(reason));
}

#[tokio::test]
async fn a_ticket_that_its_list_refuses_is_let_live_again_by_its_list_alone() {
    let house = House::with_types().await;
    let list = |status: &str| {
        format!(
            "barcode,number,name,type,status\nq7ZkT2mV9xLp4RwYb8NcHd3F,A-1,Ada,Normal,{status}\n"
        )
    };
    let options = ImportOptions::default;
    house.import(&list("cancelled"), options()).await.unwrap();
    let restore = || TicketChange::Restore {
        reason: "wrong row".to_owned(),
        although_refunded: true,
    };
    let refused = house.change("A-1", restore()).await;
    assert!(matches!(refused, Err(Error::Conflict(_))), "{refused:?}");
    house.import(&list("valid"), options()).await.unwrap();
    house.change("A-1", TicketChange::Block).await.unwrap();
    let restored = house.change("A-1", restore()).await.unwrap();
    assert_eq!(restored.state, TicketState::Valid);
}

#[tokio::test]
async fn what_was_imported_is_sealed_when_the_import_answers() {
    let house = House::with_types().await;
    house.import(LIST, ImportOptions::default()).await.unwrap();
    let session = house
        .service
        .session(house.organizer, "show".to_owned(), "first".to_owned())
        .await
        .unwrap();
    assert_eq!(session.set.map(|set| set.tickets), Some(2));
}

#[tokio::test]
async fn a_dry_run_writes_nothing() {
    let house = House::with_types().await;
    let dry = ImportOptions {
        mode: ImportMode::DryRun,
        ..ImportOptions::default()
    };
    let report = house.import(LIST, dry).await.unwrap();
    assert_eq!((report.created, report.written), (2, false));
    let types = house
        .service
        .types(house.organizer, "show".to_owned())
        .await
        .unwrap();
    assert_eq!(types.len(), 2);
}

#[tokio::test]
async fn one_bad_line_refuses_all_unless_bad_lines_are_skipped() {
    let house = House::with_types().await;
    house
        .sell(new_ticket("A-1", &["w8XkP4nB6yMq2StVa9RdJf5G"]))
        .await
        .unwrap();
    let list = LIST
        .replace("barcode,name,type", "barcode,name,type,number")
        .replace("Normal", "Normal,N-1")
        .replace("VIP", "VIP,N-2");
    let refused = house.import(&list, ImportOptions::default()).await;
    let Err(Error::ImportRefused(report)) = refused else {
        panic!("{refused:?}");
    };
    let bad = &report.bad[0];
    assert_eq!(
        (report.bad_count, bad.at.as_str(), bad.code.as_str()),
        (1, "line 3", "conflict")
    );
    let skip = ImportOptions {
        bad_lines: BadLines::Skip,
        ..ImportOptions::default()
    };
    let report = house.import(&list, skip).await.unwrap();
    assert_eq!((report.created, report.bad_count), (1, 1));
}

#[tokio::test]
async fn another_barcode_for_a_sellers_number_is_another_issue() {
    let house = House::with_types().await;
    let list = "barcode,number,type\nq7ZkT2mV9xLp4RwYb8NcHd3F,N-1,Normal\n";
    house.import(list, ImportOptions::default()).await.unwrap();
    let changed = list.replace("q7Zk", "k7Zq");
    let report = house
        .import(&changed, ImportOptions::default())
        .await
        .unwrap();
    assert_eq!(report.updated, 1);
    let show = "show".to_owned();
    let role = TokenRole::Sales;
    let ticket = house
        .service
        .ticket(house.organizer, show, "N-1".to_owned(), role);
    let ticket = ticket.await.unwrap();
    assert_eq!(ticket.issue.get(), 2);
    assert!(ticket.code.unwrap().reveal().starts_with("k7Zq"));
}
