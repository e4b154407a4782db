//! What SQLite calls. All `unsafe` of this crate stands here.
//!
//! # What every call rests on
//! SQLite keeps to the contract of `sqlite3_vfs` and `sqlite3_io_methods`
//! (<https://www.sqlite.org/c3ref/vfs.html>, <https://www.sqlite.org/c3ref/io_methods.html>):
//!
//! * A `sqlite3_file` is at least `szOsFile` bytes, aligned for any type, and given to one thread at a time.
//! * Between a successful `xOpen` and `xClose` it is ours: a [`Handle`] that [`open`] wrote.
//! * Paths end in a zero byte; buffers are as long as SQLite says; pointers to results are valid.
#![allow(
    unsafe_code,
    reason = "SQLite is C: it calls a file system through pointers"
)]

use crate::disk::{Failure, Files, disk_of, lock};
use crate::sharing::{Ask, Held, Level, SharedMemory};
use rusqlite::ffi;
use std::ffi::{CStr, OsStr, c_char, c_int, c_void};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::ptr::{null, null_mut};
use std::sync::atomic::{AtomicU64, Ordering, fence};
use std::sync::{Arc, Mutex, Once};

/// Bytes of a path at most; as long as SQLite's own file system allows.
const PATH_MAX: usize = 512;
/// Bytes of a region of shared memory, which SQLite always asks for.
const REGION_BYTES: c_int = 32 * 1024;

static INSTALLED: Once = Once::new();
/// Numbers the handles of this process.
static HANDLES: AtomicU64 = AtomicU64::new(1);

/// Puts disks in memory before the file system of SQLite, for the whole process. Calling it again does
/// nothing.
pub fn install() {
    INSTALLED.call_once(|| {
        // SAFETY: null asks for the default; SQLite initializes itself first.
        let real = unsafe { ffi::sqlite3_vfs_find(null()) };
        if real.is_null() {
            return;
        }
        // SAFETY: a registered file system is valid for the rest of the process.
        let (real_size, real_path) = unsafe { ((*real).szOsFile, (*real).mxPathname) };
        let own_size = c_int::try_from(size_of::<Handle>()).unwrap_or(c_int::MAX);
        let vfs = Box::new(ffi::sqlite3_vfs {
            iVersion: 1,
            szOsFile: real_size.max(own_size),
            mxPathname: real_path.max(PATH_MAX as c_int),
            pNext: null_mut(),
            zName: c"usher-memory".as_ptr(),
            pAppData: real.cast(),
            xOpen: Some(open),
            xDelete: Some(delete),
            xAccess: Some(access),
            xFullPathname: Some(full_pathname),
            xDlOpen: None,
            xDlError: None,
            xDlSym: None,
            xDlClose: None,
            xRandomness: Some(randomness),
            xSleep: Some(sleep),
            xCurrentTime: Some(current_time),
            xGetLastError: Some(last_error),
            xCurrentTimeInt64: None,
            xSetSystemCall: None,
            xGetSystemCall: None,
            xNextSystemCall: None,
        });
        // SAFETY: the structure is leaked, so it lives as long as SQLite may use it.
        let _registered = unsafe { ffi::sqlite3_vfs_register(Box::leak(vfs), 1) };
    });
}

/// What stands where SQLite keeps room for a file.
#[repr(C)]
struct Handle {
    base: ffi::sqlite3_file,
    open: *mut Open,
}

/// An open file.
struct Open {
    files: Arc<Mutex<Files>>,
    file: u64,
    /// Number of this handle.
    number: u64,
    /// The program that opened it.
    program: u64,
    /// Whether nobody else can find it.
    nameless: bool,
    held: Held,
    memory: Option<Arc<SharedMemory>>,
}

impl Open {
    /// Works on the files, unless the program that opened them is dead.
    fn with<T>(&self, work: impl FnOnce(&mut Files) -> Result<T, Failure>) -> Result<T, Failure> {
        let mut files = lock(&self.files);
        if files.program != self.program {
            return Err(Failure::Dead);
        }
        work(&mut files)
    }
}

/// Makes SQLite's code of a failure.
fn code(failure: Failure, broken: c_int) -> c_int {
    match failure {
        Failure::Full => ffi::SQLITE_FULL,
        Failure::Broken | Failure::Dead => broken,
    }
}

static METHODS: ffi::sqlite3_io_methods = ffi::sqlite3_io_methods {
    iVersion: 2,
    xClose: Some(close),
    xRead: Some(read),
    xWrite: Some(write),
    xTruncate: Some(truncate),
    xSync: Some(sync),
    xFileSize: Some(file_size),
    xLock: Some(lock_file),
    xUnlock: Some(unlock_file),
    xCheckReservedLock: Some(check_reserved),
    xFileControl: Some(file_control),
    xSectorSize: Some(sector_size),
    xDeviceCharacteristics: Some(characteristics),
    xShmMap: Some(shm_map),
    xShmLock: Some(shm_lock),
    xShmBarrier: Some(shm_barrier),
    xShmUnmap: Some(shm_unmap),
    xFetch: None,
    xUnfetch: None,
};

/// The path that SQLite names.
///
/// # Safety
/// `name` is null or ends in a zero byte.
unsafe fn path_of(name: *const c_char) -> Option<PathBuf> {
    if name.is_null() {
        return None;
    }
    // SAFETY: by this function's contract.
    let text = unsafe { CStr::from_ptr(name) };
    Some(Path::new(OsStr::from_bytes(text.to_bytes())).to_owned())
}

/// The file system that SQLite came with.
///
/// # Safety
/// `vfs` is the one that [`install`] made.
unsafe fn real(vfs: *mut ffi::sqlite3_vfs) -> *mut ffi::sqlite3_vfs {
    // SAFETY: `install` put the address of the registered default there.
    unsafe { (*vfs).pAppData.cast() }
}

/// What [`open`] left in a file.
///
/// # Safety
/// `file` was opened by [`open`] and is not closed.
unsafe fn opened<'a>(file: *mut ffi::sqlite3_file) -> &'a mut Open {
    let handle: *mut Handle = file.cast();
    // SAFETY: `open` put a box there that only `close` takes away, and one thread at a time has the file.
    unsafe { &mut *(*handle).open }
}

unsafe extern "C" fn open(
    vfs: *mut ffi::sqlite3_vfs,
    name: ffi::sqlite3_filename,
    file: *mut ffi::sqlite3_file,
    flags: c_int,
    out_flags: *mut c_int,
) -> c_int {
    // SAFETY: SQLite gives null or a path.
    let path = unsafe { path_of(name) };
    let on_disk = path.as_deref().and_then(disk_of);
    let (Some(path), Some(files)) = (path, on_disk) else {
        // SAFETY: the same arguments, for a file system that asks for no more room than ours.
        return unsafe {
            match (*real(vfs)).xOpen {
                Some(open) => open(real(vfs), name, file, flags, out_flags),
                None => ffi::SQLITE_CANTOPEN,
            }
        };
    };
    let handle: *mut Handle = file.cast();
    // SAFETY: the room is ours to fill; without methods SQLite does not close what did not open.
    unsafe { (*handle).base.pMethods = null() };
    let (found, program) = {
        let mut files = lock(&files);
        let found = if flags & ffi::SQLITE_OPEN_DELETEONCLOSE != 0 {
            Some(files.make_nameless())
        } else if flags & ffi::SQLITE_OPEN_CREATE != 0 {
            files.find_or_make(&path).ok()
        } else {
            // A file that the program made empty is one for SQLite to fill.
            let empty = path.metadata().is_ok_and(|about| about.len() == 0);
            match files.find(&path) {
                None if empty => files.find_or_make(&path).ok(),
                found => found,
            }
        };
        (found, files.program)
    };
    let Some(found) = found else {
        return ffi::SQLITE_CANTOPEN;
    };
    let open = Box::new(Open {
        files,
        file: found,
        number: HANDLES.fetch_add(1, Ordering::Relaxed),
        program,
        nameless: flags & ffi::SQLITE_OPEN_DELETEONCLOSE != 0,
        held: Held::default(),
        memory: None,
    });
    // SAFETY: the room is large enough for a `Handle` and ours to fill.
    unsafe {
        (*handle).open = Box::into_raw(open);
        (*handle).base.pMethods = &raw const METHODS;
    }
    if !out_flags.is_null() {
        // SAFETY: SQLite gives null or a place for the answer.
        unsafe { *out_flags = flags };
    }
    ffi::SQLITE_OK
}

unsafe extern "C" fn close(file: *mut ffi::sqlite3_file) -> c_int {
    let handle: *mut Handle = file.cast();
    // SAFETY: `open` put a box there; SQLite closes once and uses it no more.
    let open = unsafe { Box::from_raw((*handle).open) };
    let _dead = open.with(|files| {
        files.sharing(open.file).unlock(open.number, Level::None);
        if open.nameless {
            files.forget(open.file);
        }
        Ok(())
    });
    ffi::SQLITE_OK
}

unsafe extern "C" fn read(
    file: *mut ffi::sqlite3_file,
    into: *mut c_void,
    amount: c_int,
    at: ffi::sqlite3_int64,
) -> c_int {
    // SAFETY: called between open and close.
    let open = unsafe { opened(file) };
    let length = usize::try_from(amount).unwrap_or(0);
    // SAFETY: SQLite gives room for `amount` bytes. It is filled before anybody reads it.
    let into = unsafe {
        std::ptr::write_bytes(into.cast::<u8>(), 0, length);
        std::slice::from_raw_parts_mut(into.cast::<u8>(), length)
    };
    let at = usize::try_from(at).unwrap_or(usize::MAX);
    match open.with(|files| files.read(open.file, at, into)) {
        Ok(filled) if filled == length => ffi::SQLITE_OK,
        Ok(_) => ffi::SQLITE_IOERR_SHORT_READ,
        Err(failure) => code(failure, ffi::SQLITE_IOERR_READ),
    }
}

unsafe extern "C" fn write(
    file: *mut ffi::sqlite3_file,
    from: *const c_void,
    amount: c_int,
    at: ffi::sqlite3_int64,
) -> c_int {
    // SAFETY: called between open and close.
    let open = unsafe { opened(file) };
    let length = usize::try_from(amount).unwrap_or(0);
    // SAFETY: SQLite gives `amount` bytes.
    let from = unsafe { std::slice::from_raw_parts(from.cast::<u8>(), length) };
    let at = usize::try_from(at).unwrap_or(usize::MAX);
    match open.with(|files| files.write(open.file, at, from)) {
        Ok(()) => ffi::SQLITE_OK,
        Err(failure) => code(failure, ffi::SQLITE_IOERR_WRITE),
    }
}

unsafe extern "C" fn truncate(file: *mut ffi::sqlite3_file, size: ffi::sqlite3_int64) -> c_int {
    // SAFETY: called between open and close.
    let open = unsafe { opened(file) };
    let size = usize::try_from(size).unwrap_or(0);
    match open.with(|files| files.truncate(open.file, size)) {
        Ok(()) => ffi::SQLITE_OK,
        Err(failure) => code(failure, ffi::SQLITE_IOERR_TRUNCATE),
    }
}

unsafe extern "C" fn sync(file: *mut ffi::sqlite3_file, _flags: c_int) -> c_int {
    // SAFETY: called between open and close.
    let open = unsafe { opened(file) };
    match open.with(|files| files.sync(open.file)) {
        Ok(()) => ffi::SQLITE_OK,
        Err(failure) => code(failure, ffi::SQLITE_IOERR_FSYNC),
    }
}

unsafe extern "C" fn file_size(
    file: *mut ffi::sqlite3_file,
    size: *mut ffi::sqlite3_int64,
) -> c_int {
    // SAFETY: called between open and close.
    let open = unsafe { opened(file) };
    match open.with(|files| Ok(files.size(open.file))) {
        Ok(bytes) => {
            // SAFETY: SQLite gives a place for the answer.
            unsafe { *size = ffi::sqlite3_int64::try_from(bytes).unwrap_or(0) };
            ffi::SQLITE_OK
        }
        Err(failure) => code(failure, ffi::SQLITE_IOERR_FSTAT),
    }
}

unsafe extern "C" fn lock_file(file: *mut ffi::sqlite3_file, level: c_int) -> c_int {
    // SAFETY: called between open and close.
    let open = unsafe { opened(file) };
    let wanted = Level::from_number(level);
    let taken = open.with(|files| Ok(files.sharing(open.file).lock(open.number, wanted)));
    match taken {
        Ok(Ok(())) => ffi::SQLITE_OK,
        Ok(Err(_)) => ffi::SQLITE_BUSY,
        Err(failure) => code(failure, ffi::SQLITE_IOERR_LOCK),
    }
}

unsafe extern "C" fn unlock_file(file: *mut ffi::sqlite3_file, level: c_int) -> c_int {
    // SAFETY: called between open and close.
    let open = unsafe { opened(file) };
    let to = Level::from_number(level);
    let _dead = open.with(|files| {
        files.sharing(open.file).unlock(open.number, to);
        Ok(())
    });
    ffi::SQLITE_OK
}

unsafe extern "C" fn check_reserved(file: *mut ffi::sqlite3_file, result: *mut c_int) -> c_int {
    // SAFETY: called between open and close.
    let open = unsafe { opened(file) };
    let reserved = open.with(|files| Ok(files.sharing(open.file).is_reserved()));
    // SAFETY: SQLite gives a place for the answer.
    unsafe { *result = c_int::from(reserved.unwrap_or(false)) };
    ffi::SQLITE_OK
}

unsafe extern "C" fn file_control(_: *mut ffi::sqlite3_file, _: c_int, _: *mut c_void) -> c_int {
    ffi::SQLITE_NOTFOUND
}

unsafe extern "C" fn sector_size(_: *mut ffi::sqlite3_file) -> c_int {
    512
}

unsafe extern "C" fn characteristics(_: *mut ffi::sqlite3_file) -> c_int {
    ffi::SQLITE_IOCAP_POWERSAFE_OVERWRITE
}

unsafe extern "C" fn shm_map(
    file: *mut ffi::sqlite3_file,
    number: c_int,
    size: c_int,
    extend: c_int,
    address: *mut *mut c_void,
) -> c_int {
    // SAFETY: called between open and close.
    let open = unsafe { opened(file) };
    if size != REGION_BYTES {
        return ffi::SQLITE_IOERR_SHMMAP;
    }
    let memory = open.with(|files| Ok(Arc::clone(&files.sharing(open.file).memory)));
    let memory = match memory {
        Ok(memory) => open.memory.get_or_insert(memory),
        Err(failure) => return code(failure, ffi::SQLITE_IOERR_SHMMAP),
    };
    let region = memory.region(usize::try_from(number).unwrap_or(0), extend != 0);
    // SAFETY: SQLite gives a place for the answer. The region stays where it is as long as this handle
    // keeps the memory, and atomics may be written through any address of them.
    unsafe { *address = region.unwrap_or(null()).cast_mut().cast() };
    ffi::SQLITE_OK
}

unsafe extern "C" fn shm_lock(
    file: *mut ffi::sqlite3_file,
    first: c_int,
    count: c_int,
    flags: c_int,
) -> c_int {
    // SAFETY: called between open and close.
    let open = unsafe { opened(file) };
    let ask = if flags & ffi::SQLITE_SHM_LOCK == 0 {
        Ask::Release
    } else if flags & ffi::SQLITE_SHM_EXCLUSIVE == 0 {
        Ask::Share
    } else {
        Ask::Alone
    };
    let Some(memory) = &open.memory else {
        return ffi::SQLITE_IOERR_SHMLOCK;
    };
    let (first, count) = (
        usize::try_from(first).unwrap_or(0),
        usize::try_from(count).unwrap_or(0),
    );
    match memory.lock(&mut open.held, first, count, ask) {
        Ok(()) => ffi::SQLITE_OK,
        Err(_) => ffi::SQLITE_BUSY,
    }
}

unsafe extern "C" fn shm_barrier(_: *mut ffi::sqlite3_file) {
    fence(Ordering::SeqCst);
}

unsafe extern "C" fn shm_unmap(file: *mut ffi::sqlite3_file, _delete: c_int) -> c_int {
    // SAFETY: called between open and close.
    let open = unsafe { opened(file) };
    if let Some(memory) = open.memory.take() {
        let _always = memory.lock(&mut open.held, 0, 8, Ask::Release);
    }
    ffi::SQLITE_OK
}

unsafe extern "C" fn delete(
    vfs: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    sync_folder: c_int,
) -> c_int {
    // SAFETY: SQLite gives a path.
    let path = unsafe { path_of(name) };
    let on_disk = path.as_deref().and_then(disk_of);
    let (Some(path), Some(files)) = (path, on_disk) else {
        // SAFETY: the same arguments.
        return unsafe {
            match (*real(vfs)).xDelete {
                Some(delete) => delete(real(vfs), name, sync_folder),
                None => ffi::SQLITE_IOERR_DELETE,
            }
        };
    };
    match lock(&files).delete(&path, sync_folder != 0) {
        Ok(true) => ffi::SQLITE_OK,
        Ok(false) => ffi::SQLITE_IOERR_DELETE_NOENT,
        Err(_) => ffi::SQLITE_IOERR_DELETE,
    }
}

unsafe extern "C" fn access(
    vfs: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    flags: c_int,
    result: *mut c_int,
) -> c_int {
    // SAFETY: SQLite gives a path.
    let path = unsafe { path_of(name) };
    let on_disk = path.as_deref().and_then(disk_of);
    let (Some(path), Some(files)) = (path, on_disk) else {
        // SAFETY: the same arguments.
        return unsafe {
            match (*real(vfs)).xAccess {
                Some(access) => access(real(vfs), name, flags, result),
                None => ffi::SQLITE_IOERR_ACCESS,
            }
        };
    };
    let files = lock(&files);
    // SQLite takes an empty file for none where it asks whether there is something to recover.
    let there = files
        .find(&path)
        .is_some_and(|file| flags != ffi::SQLITE_ACCESS_EXISTS || files.size(file) > 0);
    // SAFETY: SQLite gives a place for the answer.
    unsafe { *result = c_int::from(there) };
    ffi::SQLITE_OK
}

unsafe extern "C" fn full_pathname(
    vfs: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    room: c_int,
    out: *mut c_char,
) -> c_int {
    // SAFETY: SQLite gives a path.
    let path = unsafe { path_of(name) };
    if path.as_deref().and_then(disk_of).is_none() {
        // SAFETY: the same arguments.
        return unsafe {
            match (*real(vfs)).xFullPathname {
                Some(full) => full(real(vfs), name, room, out),
                None => ffi::SQLITE_CANTOPEN,
            }
        };
    }
    // SAFETY: SQLite gives a path, which ends in a zero byte.
    let bytes = unsafe { CStr::from_ptr(name) }.to_bytes_with_nul();
    if bytes.len() > usize::try_from(room).unwrap_or(0) {
        return ffi::SQLITE_CANTOPEN;
    }
    // SAFETY: there is room, and the two do not overlap.
    unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr().cast(), out, bytes.len()) };
    ffi::SQLITE_OK
}

/// Always the same: what SQLite draws from it names nothing that outlives a file.
unsafe extern "C" fn randomness(
    _: *mut ffi::sqlite3_vfs,
    amount: c_int,
    out: *mut c_char,
) -> c_int {
    let length = usize::try_from(amount).unwrap_or(0);
    // SAFETY: SQLite gives room for `amount` bytes.
    unsafe { std::ptr::write_bytes(out, 0x5A, length) };
    amount
}

/// Nobody else works meanwhile, so that nobody needs to be waited for.
unsafe extern "C" fn sleep(_: *mut ffi::sqlite3_vfs, microseconds: c_int) -> c_int {
    microseconds
}

/// A day like any other: nothing of ours asks SQLite for the time.
unsafe extern "C" fn current_time(_: *mut ffi::sqlite3_vfs, out: *mut f64) -> c_int {
    // SAFETY: SQLite gives a place for the answer.
    unsafe { *out = 2_461_000.5 };
    ffi::SQLITE_OK
}

unsafe extern "C" fn last_error(_: *mut ffi::sqlite3_vfs, _: c_int, _: *mut c_char) -> c_int {
    0
}
