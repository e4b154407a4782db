use super::*;
use crate::storage::{Entity, Kind, Space};
use std::sync::Arc;
use std::sync::mpsc;
use tempfile::TempDir;
use usher_domain::time::UnixMillis;

fn open() -> (Store, TempDir) {
    let folder = TempDir::new().unwrap();
    (Sqlite::store(folder.path()).unwrap(), folder)
}

crate::storage::suite::storage_tests!(open);

fn put(store: &Store, key: &'static [u8]) -> impl Future<Output = Result<()>> {
    let store = store.clone();
    async move {
        store
            .write(move |txn| txn.put_value(Space::Server, key, b"1", UnixMillis::new(1)))
            .await
    }
}

async fn has(store: &Store, key: &'static [u8]) -> bool {
    store
        .read(move |txn| txn.value(Space::Server, key))
        .await
        .unwrap()
        .is_some()
}

#[tokio::test]
async fn what_was_acknowledged_is_there_after_opening_again() {
    let (store, folder) = open();
    put(&store, b"a").await.unwrap();
    drop(store);
    assert!(has(&Sqlite::store(folder.path()).unwrap(), b"a").await);
}

#[tokio::test]
async fn what_was_acknowledged_is_in_a_copy_made_without_closing() {
    // A copy of the files at any moment is what a killed process leaves.
    let (store, folder) = open();
    put(&store, b"a").await.unwrap();
    let copy = TempDir::new().unwrap();
    for file in [FILE, "usher.db-wal"] {
        std::fs::copy(folder.path().join(file), copy.path().join(file)).unwrap();
    }
    assert!(has(&Sqlite::store(copy.path()).unwrap(), b"a").await);
}

#[test]
fn a_folder_in_use_is_refused() {
    let (_store, folder) = open();
    assert!(matches!(
        Sqlite::store(folder.path()).map(drop),
        Err(StorageError::InUse)
    ));
}

#[test]
fn a_file_that_is_no_database_is_named_and_left_alone() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join(FILE);
    let garbage = "no database at all\n".repeat(1_000);
    std::fs::write(&file, &garbage).unwrap();
    let refused = Sqlite::store(folder.path()).err().unwrap();
    assert!(
        matches!(refused, StorageError::NoDatabase { .. }),
        "{refused:?}"
    );
    let told = refused.to_string();
    assert!(told.contains(FILE) && told.contains("backup"), "{told}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), garbage);
}

#[test]
fn the_database_of_something_else_is_named_and_left_alone() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join(FILE);
    let other = Connection::open(&file).unwrap();
    other
        .execute_batch("CREATE TABLE generations (name BLOB); PRAGMA user_version = 2;")
        .unwrap();
    drop(other);
    let before = std::fs::read(&file).unwrap();
    let refused = Sqlite::store(folder.path()).err().unwrap();
    assert!(
        matches!(refused, StorageError::NoDatabase { .. }),
        "{refused:?}"
    );
    assert_eq!(std::fs::read(&file).unwrap(), before);
}

#[test]
fn a_newer_database_is_refused_and_left_alone() {
    let (store, folder) = open();
    drop(store);
    let connection = Connection::open(folder.path().join(FILE)).unwrap();
    connection.pragma_update(None, "user_version", 99).unwrap();
    drop(connection);
    assert!(matches!(
        Sqlite::store(folder.path()).map(drop),
        Err(StorageError::NewerSchema { found: 99, .. })
    ));
}

#[cfg(unix)]
#[test]
fn only_the_owner_reads_the_file() {
    use std::os::unix::fs::PermissionsExt as _;
    let (_store, folder) = open();
    for file in [FILE, "usher.db-wal"] {
        let mode = std::fs::metadata(folder.path().join(file))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
}

#[tokio::test]
async fn a_full_queue_answers_busy_at_once() {
    let folder = TempDir::new().unwrap();
    let limits = Limits {
        queue: 1,
        ..Limits::default()
    };
    let store = Store::new(Sqlite::open(folder.path(), limits).unwrap());
    let (running, started) = mpsc::channel();
    let (go_on, wait) = mpsc::channel::<()>();
    let blocker = tokio::spawn({
        let store = store.clone();
        async move {
            store
                .write(move |_| {
                    running.send(()).unwrap();
                    let _released = wait.recv();
                    Ok::<_, StorageError>(())
                })
                .await
        }
    });
    tokio::task::spawn_blocking(move || started.recv().unwrap())
        .await
        .unwrap();
    let mut waiting = Box::pin(put(&store, b"a"));
    // The first poll puts the job into the only place of the queue.
    assert!(futures_poll(&mut waiting).is_pending());
    assert!(matches!(put(&store, b"b").await, Err(StorageError::Busy)));
    go_on.send(()).unwrap();
    blocker.await.unwrap().unwrap();
    waiting.await.unwrap();
    assert!(has(&store, b"a").await);
}

fn futures_poll<F: Future + Unpin>(future: &mut F) -> std::task::Poll<F::Output> {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    std::pin::Pin::new(future).poll(&mut context)
}

#[tokio::test]
async fn a_reader_sees_the_state_at_its_beginning() {
    let (store, _folder) = open();
    let store = Arc::new(store);
    let (reading, started) = mpsc::channel();
    let (go_on, wait) = mpsc::channel::<()>();
    let reader = tokio::spawn({
        let store = Arc::clone(&store);
        async move {
            store
                .read(move |txn| {
                    let before = txn.entities(Kind::Gate, &[9; 16], None, 9)?.len();
                    reading.send(()).unwrap();
                    let _released = wait.recv();
                    let after = txn.entities(Kind::Gate, &[9; 16], None, 9)?.len();
                    Ok::<_, StorageError>((before, after))
                })
                .await
        }
    });
    tokio::task::spawn_blocking(move || started.recv().unwrap())
        .await
        .unwrap();
    let gate = Entity {
        kind: Kind::Gate,
        id: [1; 16],
        parent: [9; 16],
        slug: None,
        body: Vec::new(),
    };
    store.write(move |txn| txn.put_entity(&gate)).await.unwrap();
    go_on.send(()).unwrap();
    assert_eq!(reader.await.unwrap().unwrap(), (0, 0));
}

#[test]
fn what_changed_is_found_without_reading_the_whole_table() {
    let (store, folder) = open();
    drop(store);
    let connection = Connection::open(folder.path().join(FILE)).unwrap();
    let plan: String = connection
        .query_row(
            &format!("EXPLAIN QUERY PLAN {}", tables::CHANGED_ROWS),
            (1, 1),
            |row| row.get("detail"),
        )
        .unwrap();
    let expected = "USING INDEX sealed_row_by_version (replica=? AND version>?)";
    assert!(plan.ends_with(expected), "{plan}");
}

#[test]
fn without_threads_a_job_is_done_before_the_call_returns() {
    use crate::storage::{Space, StorageError};
    use futures_util::FutureExt as _;

    let folder = tempfile::TempDir::new().unwrap();
    let store = super::Inline::store(folder.path()).unwrap();
    let now = usher_domain::time::UnixMillis::new(1);
    let put = |value: &'static [u8], fail: bool| {
        store.write(move |txn| {
            txn.put_value(Space::Server, b"key", value, now)?;
            if fail {
                return Err(StorageError::Closed);
            }
            Ok(())
        })
    };
    put(b"first", false).now_or_never().unwrap().unwrap();
    put(b"second", true).now_or_never().unwrap().unwrap_err();
    let read = store.read(|txn| txn.value(Space::Server, b"key"));
    let read = read.now_or_never().unwrap().unwrap();
    assert_eq!(read.as_deref(), Some(b"first".as_slice()));
}

#[cfg(unix)]
#[tokio::test]
async fn the_files_of_a_server_are_its_owners_alone_whatever_was_there() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = TempDir::new().unwrap();
    let open = |path: &Path, mode| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    open(folder.path(), 0o755);
    let (database, lock) = (folder.path().join(FILE), folder.path().join(LOCK));
    for begin in ["new", "open to others"] {
        let store = Sqlite::store(folder.path()).unwrap();
        put(&store, b"a").await.unwrap();
        for entry in std::fs::read_dir(folder.path()).unwrap() {
            let entry = entry.unwrap();
            let mode = entry.metadata().unwrap().permissions().mode();
            assert_eq!(mode & 0o077, 0, "{begin}: {:?}", entry.file_name());
        }
        drop(store);
        open(&database, 0o644);
        open(&lock, 0o644);
    }
}
