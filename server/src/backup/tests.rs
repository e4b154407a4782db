use super::place::{COPYING, Plan};
use super::*;
use crate::clock::{Clock, ManualClock};
use crate::config::{self, Config, Settings};
use crate::init::{NewServer, init};
use crate::serve::{ServeError, Server};
use crate::service::{self, Service};
use crate::storage::sqlite::{self, FILE, Sqlite, UNFINISHED};
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use tempfile::TempDir;
use usher_domain::api::venue::NewOrganizer;
use usher_domain::hash::Hash;
use usher_domain::time::UnixMillis;

/// A file that a program beside the server keeps in its folder.
const PROFILE: &str = "client.toml";

/// A server's folder, and a place for backups.
struct House {
    folder: TempDir,
    clock: Arc<ManualClock>,
}

impl House {
    /// A server with one organizer.
    async fn open() -> Self {
        let now = UnixMillis::new(1_800_000_000_000);
        let house = Self {
            folder: TempDir::new().unwrap(),
            clock: Arc::new(ManualClock::at(now)),
        };
        let new = NewServer {
            listen: Some(vec!["127.0.0.1:0".parse().unwrap()]),
            ..NewServer::default()
        };
        init(&house.data(), new, house.clock()).await.unwrap();
        fs::write(house.data().join(PROFILE), "pin = \"00\"\n").unwrap();
        house.add("first").await;
        house
    }

    fn clock(&self) -> Arc<dyn Clock> {
        Arc::<ManualClock>::clone(&self.clock)
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn service(&self) -> Service {
        let store = Sqlite::store(&self.data()).unwrap();
        let settings = service::Settings::new(self.data().join("snapshots"));
        Service::new(store, self.clock(), settings)
    }

    async fn add(&self, slug: &str) {
        let new = NewOrganizer {
            slug: slug.to_owned(),
            name: slug.to_owned(),
        };
        self.service().create_organizer(new).await.unwrap();
    }

    fn config(&self) -> Config {
        Config::load(&self.data(), Settings::default(), []).unwrap()
    }

    fn back_up(&self, name: &str) -> Result<Made, BackupError> {
        make(&self.config(), &self.at(name), &*self.clock)
    }

    async fn restore(&self, name: &str) -> Result<Restored, BackupError> {
        restore(&self.at(name), &self.data(), self.clock()).await
    }

    /// How many organizers the server knows, and its epoch.
    fn serves(&self) -> (u64, u32) {
        let facts = facts(&self.data().join(FILE)).unwrap();
        (facts.contents.organizers, facts.epoch)
    }

    /// Everything in the data folder but the lock: names and digests.
    fn everything(&self) -> BTreeMap<PathBuf, String> {
        let mut found = tree(&self.data());
        found.retain(|path, _| !path.ends_with(sqlite::LOCK));
        found
    }
}

/// All files in a folder but the journal of a closed database, which looking at it makes: names and digests.
fn tree(folder: &Path) -> BTreeMap<PathBuf, String> {
    let mut found = all_files(folder);
    found.retain(|path, _| !path.ends_with("usher.db-wal") && !path.ends_with("usher.db-shm"));
    found
}

fn all_files(folder: &Path) -> BTreeMap<PathBuf, String> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(all_files(&path));
        } else {
            let digest = Hash::of(&[&fs::read(&path).unwrap()]);
            found.insert(path, digest.to_string());
        }
    }
    found
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[tokio::test]
async fn a_backup_is_whole_and_only_its_owner_reads_it() {
    let house = House::open().await;
    let running = Server::start(&house.config(), house.clock()).await.unwrap();
    let made = house.back_up("copy").unwrap();
    assert_eq!(made.manifest.contents.organizers, 1);
    assert_eq!((made.manifest.epoch, made.left_out.len()), (1, 0));
    running.stop().await;
    let all = [MANIFEST, "certificate.pem", "key.pem", config::FILE, FILE];
    assert_eq!(names(&house.at("copy")), all);
    let files: u64 = (all.iter().filter(|name| **name != MANIFEST))
        .map(|name| fs::metadata(house.at("copy").join(name)).unwrap().len())
        .sum();
    assert_eq!(made.manifest.bytes(), files);
    assert_eq!(names(house.folder.path()), ["copy", "data"]);
    #[cfg(unix)]
    for name in all.into_iter().chain([""]) {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = fs::metadata(house.at("copy").join(name)).unwrap();
        assert_eq!(mode.permissions().mode() & 0o077, 0, "{name}");
    }
}

#[tokio::test]
async fn a_backup_takes_the_place_of_nothing_and_clears_what_broke_off_before() {
    let house = House::open().await;
    for taken in ["copy", "copy.unfinished"] {
        fs::create_dir(house.at(taken)).unwrap();
        fs::write(house.at(taken).join("mine"), "1").unwrap();
        let refused = house.back_up("copy");
        assert!(matches!(refused, Err(BackupError::Taken(_))), "{refused:?}");
        assert_eq!(names(&house.at(taken)), ["mine"]);
        fs::remove_dir_all(house.at(taken)).unwrap();
    }
    let inside = house.back_up("data/copy");
    assert!(matches!(inside, Err(BackupError::Within { .. })));

    fs::create_dir(house.at("copy.unfinished")).unwrap();
    for left in [sqlite::LOCK, FILE, "key.pem"] {
        fs::write(house.at("copy.unfinished").join(left), "half").unwrap();
    }
    {
        let _other = sqlite::lock(&house.at("copy.unfinished")).unwrap();
        let refused = house.back_up("copy");
        assert!(matches!(refused, Err(BackupError::BeingWritten(_))));
    }
    fs::create_dir(house.at("copy")).unwrap();
    house.back_up("copy").unwrap();
    assert_eq!(names(house.folder.path()), ["copy", "data"]);
    Manifest::read(&house.at("copy")).unwrap();
}

#[tokio::test]
async fn what_lies_outside_of_the_folder_is_told_and_what_lies_deeper_is_copied() {
    let house = House::open().await;
    fs::create_dir(house.data().join("tls")).unwrap();
    fs::rename(house.data().join("key.pem"), house.data().join("tls/key")).unwrap();
    let outside = house.at("certificate");
    fs::rename(house.data().join("certificate.pem"), &outside).unwrap();
    let shown = outside.display();
    let settings = format!("[tls]\nkey = \"tls/key\"\ncertificate = \"{shown}\"\n");
    fs::write(house.data().join(config::FILE), settings).unwrap();
    let made = house.back_up("copy").unwrap();
    assert_eq!(made.left_out, [outside]);
    let key = fs::read(house.data().join("tls/key")).unwrap();
    fs::remove_dir_all(house.data()).unwrap();
    house.restore("copy").await.unwrap();
    assert_eq!(fs::read(house.data().join("tls/key")).unwrap(), key);
}

#[tokio::test]
async fn a_restored_server_serves_in_a_higher_epoch_and_what_was_there_is_kept() {
    let house = House::open().await;
    house.back_up("copy").unwrap();
    house.add("second").await;
    let before = house.everything();
    let restored = house.restore("copy").await.unwrap();
    assert_eq!(restored.epoch, 2);
    assert_eq!(house.serves(), (1, 2));
    let Present::Read { epoch, contents } = restored.present else {
        panic!("{restored:?}");
    };
    assert_eq!((epoch, contents.organizers), (1, 2));
    let aside = restored.aside.unwrap();
    assert_eq!(
        aside,
        house.data().join("before-restore-2027-01-15T08-00-00Z")
    );
    // Tokens that organizers keep there are in no backup and stay.
    let profile = house.data().join(PROFILE);
    assert_eq!(fs::read_to_string(&profile).unwrap(), "pin = \"00\"\n");
    let mut before = before;
    before.remove(&profile);
    let kept: BTreeMap<PathBuf, String> = tree(&aside)
        .into_iter()
        .map(|(path, digest)| {
            (
                house.data().join(path.strip_prefix(&aside).unwrap()),
                digest,
            )
        })
        .collect();
    assert_eq!(kept, before);
    let server = Server::start(&house.config(), house.clock()).await.unwrap();
    assert_eq!(server.service().epoch().await.unwrap(), 2);
    server.stop().await;
    // At the same second, under another name.
    let again = house.restore("copy").await.unwrap();
    assert_eq!(again.epoch, 3);
    assert_ne!(again.aside.unwrap(), aside);
}

#[tokio::test]
async fn a_restore_makes_a_new_administrators_token_and_revokes_those_of_before() {
    let house = House::open().await;
    house.back_up("copy").unwrap();
    let held = || fs::read_to_string(house.data().join("admin-token")).unwrap();
    let before = held();
    house.restore("copy").await.unwrap();
    let after = held();
    let signs_in = async |token: &str| {
        let token = usher_domain::secret::Private::new(token.trim_end());
        house.service().authenticate(token).await.is_ok()
    };
    assert_eq!(
        (signs_in(&before).await, signs_in(&after).await),
        (false, true)
    );
}

#[tokio::test]
async fn a_backup_that_is_restored_twice_never_serves_twice_in_one_epoch() {
    let house = House::open().await;
    house.back_up("copy").unwrap();
    for epoch in [2, 3] {
        fs::remove_dir_all(house.data()).unwrap();
        let restored = house.restore("copy").await.unwrap();
        assert_eq!(
            (restored.epoch, restored.present),
            (epoch, Present::Nothing)
        );
        assert_eq!(restored.aside, None);
        assert_eq!(house.serves(), (1, epoch));
    }
    // What was there counts, too, where the backup cannot be written.
    fs::remove_file(house.at("copy").join("restored-in-epoch")).unwrap();
    assert_eq!(house.restore("copy").await.unwrap().epoch, 4);
    // A database that cannot be read says nothing.
    fs::write(house.data().join(FILE), "nothing of ours").unwrap();
    let restored = house.restore("copy").await.unwrap();
    assert_eq!((restored.epoch, restored.present), (5, Present::Unreadable));
}

#[tokio::test]
async fn a_server_that_runs_is_not_restored() {
    let house = House::open().await;
    house.back_up("copy").unwrap();
    let running = Server::start(&house.config(), house.clock()).await.unwrap();
    let refused = house.restore("copy").await;
    assert!(
        matches!(refused, Err(BackupError::Running(_))),
        "{refused:?}"
    );
    let refused = declare(&house.data(), house.clock()).await;
    assert!(
        matches!(refused, Err(BackupError::Running(_))),
        "{refused:?}"
    );
    running.stop().await;
    assert_eq!(house.serves(), (1, 1));
}

#[tokio::test]
async fn files_that_somebody_put_back_himself_are_declared_and_nothing_else_changes() {
    let house = House::open().await;
    let mut before = house.everything();
    let mut declared = declare(&house.data(), house.clock()).await.unwrap();
    assert_eq!((declared.epoch, house.serves()), (2, (1, 2)));
    declared = declare(&house.data(), house.clock()).await.unwrap();
    assert_eq!(declared.epoch, 3);
    let mut after = house.everything();
    for files in [&mut before, &mut after] {
        files.remove(&house.data().join(FILE));
    }
    assert_eq!(before, after);
    let nothing = declare(&house.at("nowhere"), house.clock()).await;
    assert!(matches!(nothing, Err(BackupError::NotThere(_))));
    assert!(!house.at("nowhere").exists());
}

/// Writes what a manifest says of its database anew, as it is.
fn believe(backup: &Path) {
    let (mut manifest, _) = Manifest::read(backup).unwrap();
    let database = manifest.files.iter_mut().find(|file| file.name == FILE);
    *database.unwrap() = Listed::new(FILE, super::files::digest(&backup.join(FILE)).unwrap());
    fs::remove_file(backup.join(MANIFEST)).unwrap();
    manifest.write(backup).unwrap();
}

fn overwrite(file: &Path, at: usize, with: &[u8]) {
    let mut bytes = fs::read(file).unwrap();
    bytes[at..at + with.len()].copy_from_slice(with);
    fs::write(file, bytes).unwrap();
}

type Harm = fn(&Path);

#[tokio::test]
async fn a_damaged_backup_is_refused_with_its_reason_and_nothing_changes() {
    let harms: [(&str, &str, Harm); 9] = [
        ("another content", "backup_damaged", |backup| {
            overwrite(&backup.join(FILE), 5_000, b"x");
        }),
        ("another size", "backup_damaged", |backup| {
            let file = fs::File::options().write(true).open(backup.join("key.pem"));
            file.unwrap().set_len(9).unwrap();
        }),
        ("key.pem is missing", "backup_damaged", |backup| {
            fs::remove_file(backup.join("key.pem")).unwrap();
        }),
        ("integrity check", "backup_damaged", |backup| {
            overwrite(&backup.join(FILE), 8_192, &[0xa5; 16_384]);
            believe(backup);
        }),
        ("no database of Usher", "backup_damaged", |backup| {
            fs::write(backup.join(FILE), "nothing of ours".repeat(99)).unwrap();
            believe(backup);
        }),
        ("newer program", "backup_too_new", |backup| {
            // Of SQLite's header: the version of the schema (https://www.sqlite.org/fileformat.html, 1.3).
            overwrite(&backup.join(FILE), 60, &99_u32.to_be_bytes());
            believe(backup);
        }),
        ("newer program", "backup_too_new", |backup| {
            fs::write(backup.join(MANIFEST), r#"{"format":2}"#).unwrap();
        }),
        ("outside", "backup_damaged", |backup| {
            let text = fs::read_to_string(backup.join(MANIFEST)).unwrap();
            let text = text.replace("\"key.pem\"", "\"../data/key.pem\"");
            fs::write(backup.join(MANIFEST), text).unwrap();
        }),
        ("--in-place", "no_backup_here", |backup| {
            fs::remove_file(backup.join(MANIFEST)).unwrap();
        }),
    ];
    let house = House::open().await;
    for (number, (reason, code, harm)) in harms.into_iter().enumerate() {
        let name = format!("copy-{number}");
        house.back_up(&name).unwrap();
        harm(&house.at(&name));
        let before = house.everything();
        let refused = house.restore(&name).await.unwrap_err();
        assert!(refused.to_string().contains(reason), "{refused}");
        assert_eq!(refused.code(), code, "{refused}");
        assert_eq!(house.everything(), before, "{reason}");
        let fresh = restore(&house.at(&name), &house.at("fresh"), house.clock()).await;
        fresh.unwrap_err();
        assert!(!house.at("fresh").exists(), "{reason}");
    }
}

/// A restore that died when its copy was whole: what it was about to do.
async fn died_ready(house: &House) -> Plan {
    let (manifest, digest) = Manifest::read(&house.at("copy")).unwrap();
    let from = house.at("copy");
    let copied = super::restore::copy(&from, &manifest, &house.data(), 1, house.clock()).await;
    let (epoch, files) = copied.unwrap();
    let plan = Plan {
        backup: digest.to_string(),
        aside: "before-restore-then".to_owned(),
        epoch,
        files,
    };
    super::place::ready(&house.data(), &plan).unwrap();
    plan
}

fn move_within(data: &Path, from: &str, to: &str, name: &str) {
    if data.join(from).join(name).exists() {
        fs::create_dir_all(data.join(to)).unwrap();
        fs::rename(data.join(from).join(name), data.join(to).join(name)).unwrap();
    }
}

async fn is_opened_by_nobody(house: &House) {
    let config = Config::check(&house.data(), Settings::default()).unwrap();
    let served = Server::start(&config, house.clock()).await.map(drop);
    let unfinished = |error: &StorageError| matches!(error, StorageError::RestoreUnfinished { .. });
    assert!(matches!(served, Err(ServeError::Storage(error)) if unfinished(&error)));
    let begun = init(&house.data(), NewServer::default(), house.clock()).await;
    begun.unwrap_err();
    let opened = Sqlite::store(&house.data()).map(drop);
    assert!(unfinished(&opened.unwrap_err()));
    let declared = declare(&house.data(), house.clock()).await;
    assert_eq!(declared.unwrap_err().code(), "restore_unfinished");
    assert_eq!(
        house.back_up("other").unwrap_err().code(),
        "restore_unfinished"
    );
}

#[tokio::test]
async fn a_restore_that_died_anywhere_is_completed_by_the_next_and_serves_to_nobody_before() {
    // While copying, what is there serves on.
    let house = House::open().await;
    house.back_up("copy").unwrap();
    house.add("second").await;
    fs::create_dir(house.data().join(COPYING)).unwrap();
    fs::write(house.data().join(COPYING).join(FILE), "half").unwrap();
    let server = Server::start(&house.config(), house.clock()).await.unwrap();
    server.stop().await;
    assert_eq!(house.restore("copy").await.unwrap().epoch, 2);
    assert_eq!(house.serves(), (1, 2));
    assert!(!house.data().join(COPYING).exists());

    // After each of its moves.
    for moves in 0.. {
        let house = House::open().await;
        house.back_up("copy").unwrap();
        house.add("second").await;
        let before = house.everything();
        let plan = died_ready(&house).await;
        let [ready, placing] = UNFINISHED;
        let copied = facts(&house.data().join(ready).join(FILE)).unwrap();
        assert_eq!(copied.epoch, 2, "raised before it is anywhere");
        let aside: Vec<String> = super::place::replaced(&plan).collect();
        for name in aside.iter().take(moves) {
            move_within(&house.data(), "", &plan.aside, name);
        }
        let more = moves.checked_sub(aside.len() + 1);
        if let Some(placed) = more {
            fs::rename(house.data().join(ready), house.data().join(placing)).unwrap();
            for name in plan.files.iter().take(placed) {
                move_within(&house.data(), placing, "", name);
            }
        }
        is_opened_by_nobody(&house).await;
        // Also where the backup is not at hand any more.
        if moves % 2 == 1 {
            fs::remove_dir_all(house.at("copy")).unwrap();
        }
        let restored = house.restore("copy").await.unwrap();
        assert_eq!(restored.present, Present::SetAsideBefore, "{moves}");
        assert_eq!((restored.epoch, house.serves()), (2, (1, 2)));
        let kept = tree(&restored.aside.unwrap());
        // The profile is in no backup and stays where it is.
        assert_eq!(kept.len(), before.len() - 1, "{moves}: {kept:?}");
        assert!(
            names(&house.data())
                .iter()
                .all(|name| !name.starts_with("restore."))
        );
        let server = Server::start(&house.config(), house.clock()).await.unwrap();
        server.stop().await;
        if more.is_some_and(|placed| placed == plan.files.len()) {
            break;
        }
    }
}

#[tokio::test]
async fn another_backup_comes_on_top_of_a_restore_that_died() {
    let house = House::open().await;
    house.back_up("copy").unwrap();
    house.add("second").await;
    house.back_up("newer").unwrap();
    died_ready(&house).await;
    let restored = house.restore("newer").await.unwrap();
    assert_eq!((restored.epoch, house.serves()), (3, (2, 3)));
    let asides = names(&house.data());
    let asides = asides.iter().filter(|name| name.starts_with("before-"));
    assert_eq!(asides.count(), 2);
}
