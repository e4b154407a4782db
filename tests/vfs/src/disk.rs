//! Disks, and the way from a path to a file on one.

use crate::body::Body;
use crate::sharing::Sharing;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The disks of this process, by their folder.
static DISKS: Mutex<BTreeMap<PathBuf, Arc<Mutex<Files>>>> = Mutex::new(BTreeMap::new());

/// What goes wrong on a disk, and when.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Faults {
    /// Reads until one fails; 0 is the next.
    pub read: Option<u32>,
    /// Writes until one fails.
    pub write: Option<u32>,
    /// Syncs until one fails.
    pub sync: Option<u32>,
    /// Bytes that all files together may have; a write beyond finds the disk full.
    pub room: Option<u64>,
    /// Writes and syncs until the program dies in the middle of one.
    pub death: Option<u32>,
    /// Syncs say that they are done and do nothing.
    pub lying: bool,
}

/// Counts down to a fault.
fn comes(fault: &mut Option<u32>) -> bool {
    match fault {
        None => false,
        Some(0) => {
            *fault = None;
            true
        }
        Some(left) => {
            *left -= 1;
            false
        }
    }
}

/// Why a disk did not do something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failure {
    Broken,
    Full,
    /// The program that opened the file is dead.
    Dead,
}

/// All files of one folder that SQLite works on.
#[derive(Debug, Default)]
pub(crate) struct Files {
    folder: PathBuf,
    bodies: BTreeMap<u64, Body>,
    /// Files whose deletion may be forgotten, by their name.
    deleted: BTreeMap<OsString, u64>,
    sharing: BTreeMap<u64, Sharing>,
    /// Counts the programs that worked on it: what an earlier one opened is dead.
    pub(crate) program: u64,
    next: u64,
    faults: Faults,
    /// Whether the program died by [`Faults::death`].
    died: bool,
}

/// A copy of a folder: files in memory and real ones.
#[derive(Debug, Clone, Default)]
pub struct Image {
    bodies: BTreeMap<u64, Body>,
    real: BTreeMap<OsString, Vec<u8>>,
    next: u64,
}

/// A folder whose databases live in memory, as long as this value.
#[derive(Debug)]
pub struct Disk {
    files: Arc<Mutex<Files>>,
    folder: PathBuf,
}

impl Disk {
    /// An empty disk in an existing, empty folder.
    #[must_use]
    pub fn empty(folder: &Path) -> Self {
        let files = Files {
            folder: folder.to_owned(),
            next: 1,
            ..Files::default()
        };
        let files = Arc::new(Mutex::new(files));
        disks().insert(folder.to_owned(), Arc::clone(&files));
        Self {
            files,
            folder: folder.to_owned(),
        }
    }

    /// A disk in an existing, empty folder, with what a copy holds.
    ///
    /// # Errors
    /// What writing the markers says.
    pub fn of(image: &Image, folder: &Path) -> io::Result<Self> {
        let disk = Self::empty(folder);
        disk.files().put(image)?;
        Ok(disk)
    }

    /// The folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    fn files(&self) -> MutexGuard<'_, Files> {
        lock(&self.files)
    }

    /// A copy of all files as a program sees them now.
    ///
    /// # Errors
    /// What reading the folder says.
    pub fn image(&self) -> io::Result<Image> {
        self.files().image()
    }

    /// Puts a copy in the place of all that is here. Whatever is open is dead.
    ///
    /// # Errors
    /// What changing the folder says.
    pub fn restore(&self, image: &Image) -> io::Result<()> {
        let mut files = self.files();
        files.kill();
        files.clear()?;
        files.put(image)
    }

    /// The program that works here is killed: whatever it has open is dead. What it wrote is still in
    /// the system's memory, and there for the next.
    pub fn kill(&self) {
        self.files().kill();
    }

    /// The power is lost: of what was not synced, only some is left.
    ///
    /// # Errors
    /// What changing the folder says.
    pub fn lose_power(&self, dice: &mut fastrand::Rng) -> io::Result<()> {
        let mut files = self.files();
        files.kill();
        files.lose_power(dice)
    }

    /// Lets something go wrong from now on, or nothing any more.
    pub fn set_faults(&self, faults: Faults) {
        self.files().faults = faults;
    }

    /// Whether the program died by a fault, and was not killed since.
    #[must_use]
    pub fn has_died(&self) -> bool {
        self.files().died
    }

    /// What will still go wrong.
    #[must_use]
    pub fn faults(&self) -> Faults {
        self.files().faults.clone()
    }

    /// Bytes of all files together.
    #[must_use]
    pub fn used(&self) -> u64 {
        self.files().used()
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        self.files().kill();
        disks().remove(&self.folder);
    }
}

fn disks() -> MutexGuard<'static, BTreeMap<PathBuf, Arc<Mutex<Files>>>> {
    lock(&DISKS)
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The disk that a path lies on; none if it is a real one.
pub(crate) fn disk_of(path: &Path) -> Option<Arc<Mutex<Files>>> {
    disks().get(path.parent()?).map(Arc::clone)
}

impl Files {
    fn kill(&mut self) {
        self.program += 1;
        self.died = false;
        self.sharing.clear();
    }

    /// Lets the program die now if its time has come.
    fn may_die(&mut self) -> Result<(), Failure> {
        if comes(&mut self.faults.death) {
            self.kill();
            self.died = true;
            return Err(Failure::Dead);
        }
        Ok(())
    }

    fn used(&self) -> u64 {
        self.bodies.values().map(|body| body.len() as u64).sum()
    }

    fn clear(&mut self) -> io::Result<()> {
        self.bodies.clear();
        self.deleted.clear();
        for name in real_names(&self.folder)? {
            fs::remove_file(self.folder.join(name))?;
        }
        Ok(())
    }

    fn put(&mut self, image: &Image) -> io::Result<()> {
        self.bodies.clone_from(&image.bodies);
        self.next = self.next.max(image.next);
        for (name, bytes) in &image.real {
            fs::write(self.folder.join(name), bytes)?;
        }
        Ok(())
    }

    fn image(&self) -> io::Result<Image> {
        let names = real_names(&self.folder)?;
        let real = names.into_iter().map(|name| {
            let bytes = fs::read(self.folder.join(&name))?;
            Ok((name, bytes))
        });
        Ok(Image {
            bodies: self
                .bodies
                .iter()
                .map(|(number, body)| (*number, body.copied()))
                .collect(),
            real: real.collect::<io::Result<_>>()?,
            next: self.next,
        })
    }

    fn lose_power(&mut self, dice: &mut fastrand::Rng) -> io::Result<()> {
        for (name, number) in std::mem::take(&mut self.deleted) {
            let path = self.folder.join(&name);
            if dice.bool() && !path.exists() {
                fs::write(path, marker(number))?;
            } else {
                self.bodies.remove(&number);
            }
        }
        for (number, body) in std::mem::take(&mut self.bodies) {
            if let Some(left) = body.after_power_loss(dice) {
                self.bodies.insert(number, left);
            }
        }
        for name in real_names(&self.folder)? {
            let path = self.folder.join(name);
            if number_in(&path).is_some_and(|number| !self.bodies.contains_key(&number)) {
                fs::remove_file(path)?;
            }
        }
        Ok(())
    }

    /// SQLite syncs the folder with the first sync of a journal: all names are on the disk from then on,
    /// and no name that was deleted is.
    fn sync_folder(&mut self) {
        self.bodies.values_mut().for_each(Body::name);
        for number in std::mem::take(&mut self.deleted).into_values() {
            self.bodies.remove(&number);
        }
    }

    /// The file that a path names.
    pub(crate) fn find(&self, path: &Path) -> Option<u64> {
        number_in(path).filter(|number| self.bodies.contains_key(number))
    }

    /// The file that a path names, made if it is not there.
    pub(crate) fn find_or_make(&mut self, path: &Path) -> io::Result<u64> {
        if let Some(number) = self.find(path) {
            return Ok(number);
        }
        let number = self.next;
        self.next += 1;
        fs::write(path, marker(number))?;
        if let Some(name) = path.file_name()
            && let Some(old) = self.deleted.remove(name)
        {
            self.bodies.remove(&old);
        }
        self.bodies.insert(number, Body::default());
        Ok(number)
    }

    /// A file without a name, which SQLite sorts with.
    pub(crate) fn make_nameless(&mut self) -> u64 {
        let number = self.next;
        self.next += 1;
        self.bodies.insert(number, Body::default());
        number
    }

    pub(crate) fn delete(&mut self, path: &Path, durably: bool) -> io::Result<bool> {
        let Some(number) = self.find(path) else {
            return Ok(false);
        };
        fs::remove_file(path)?;
        match path.file_name() {
            Some(name) if !durably => {
                self.deleted.insert(name.to_owned(), number);
            }
            Some(_) | None => {
                self.bodies.remove(&number);
            }
        }
        Ok(true)
    }

    pub(crate) fn forget(&mut self, number: u64) {
        self.bodies.remove(&number);
    }

    pub(crate) fn sharing(&mut self, number: u64) -> &mut Sharing {
        self.sharing.entry(number).or_default()
    }

    pub(crate) fn size(&self, number: u64) -> usize {
        self.bodies.get(&number).map_or(0, Body::len)
    }

    pub(crate) fn read(
        &mut self,
        number: u64,
        at: usize,
        into: &mut [u8],
    ) -> Result<usize, Failure> {
        if comes(&mut self.faults.read) {
            return Err(Failure::Broken);
        }
        let body = self.bodies.get(&number).ok_or(Failure::Broken)?;
        let bytes = body.read(at, into.len());
        let (filled, rest) = into.split_at_mut(bytes.len());
        filled.copy_from_slice(bytes);
        rest.fill(0);
        Ok(bytes.len())
    }

    pub(crate) fn write(&mut self, number: u64, at: usize, bytes: &[u8]) -> Result<(), Failure> {
        self.may_die()?;
        if comes(&mut self.faults.write) {
            return Err(Failure::Broken);
        }
        let grows = (at + bytes.len()).saturating_sub(self.size(number)) as u64;
        if grows > 0
            && self
                .faults
                .room
                .is_some_and(|room| self.used() + grows > room)
        {
            return Err(Failure::Full);
        }
        let body = self.bodies.get_mut(&number).ok_or(Failure::Broken)?;
        body.write(at, bytes);
        Ok(())
    }

    pub(crate) fn truncate(&mut self, number: u64, size: usize) -> Result<(), Failure> {
        let body = self.bodies.get_mut(&number).ok_or(Failure::Broken)?;
        body.truncate(size);
        Ok(())
    }

    pub(crate) fn sync(&mut self, number: u64) -> Result<(), Failure> {
        self.may_die()?;
        if comes(&mut self.faults.sync) {
            return Err(Failure::Broken);
        }
        if self.faults.lying {
            return Ok(());
        }
        let body = self.bodies.get_mut(&number).ok_or(Failure::Broken)?;
        if body.sync() {
            self.sync_folder();
        }
        Ok(())
    }
}

/// First bytes of a marker, before the number of the file in memory.
const MARK: &str = "in memory: ";

fn marker(number: u64) -> String {
    format!("{MARK}{number}")
}

/// The number that a marker names; the program may have renamed it. An empty file is one that the
/// program made for SQLite to fill.
fn number_in(path: &Path) -> Option<u64> {
    let text = fs::read_to_string(path).ok()?;
    text.strip_prefix(MARK)?.parse().ok()
}

/// Names of the real files of a folder.
fn real_names(folder: &Path) -> io::Result<Vec<OsString>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            names.push(entry.file_name());
        }
    }
    names.sort();
    Ok(names)
}
