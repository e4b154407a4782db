//! How many files the process may have open: each connection is one.

/// Files that are needed beside connections: the database and its readers, logs, backups.
const BESIDE: u64 = 128;

/// Has the system let the process open as many files as connections need, as far as it does, and answers
/// how many connections there may be.
pub fn make_room(wanted: usize) -> usize {
    let Some(files) = raise(
        u64::try_from(wanted)
            .unwrap_or(u64::MAX)
            .saturating_add(BESIDE),
    ) else {
        return wanted;
    };
    let room = files.saturating_sub(BESIDE).max(files / 2);
    let room = usize::try_from(room).unwrap_or(usize::MAX);
    if room < wanted {
        tracing::warn!(
            files,
            connections = room,
            wanted,
            "the system lets this process open so many files only, and so fewer connections than are \
             configured: raise LimitNOFILE or ulimit -n"
        );
    }
    room.min(wanted)
}

/// Raises the limit of open files as far as it is needed and allowed, and answers what it is then; none
/// where there is no limit, or no telling (getrlimit, POSIX.1-2017).
#[cfg(unix)]
fn raise(needed: u64) -> Option<u64> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let now = limit.current?;
    if now >= needed {
        return Some(now);
    }
    let most = limit.maximum.map_or(needed, |most| most.min(needed));
    let raised = Rlimit {
        current: Some(most),
        maximum: limit.maximum,
    };
    match setrlimit(Resource::Nofile, raised) {
        Ok(()) => Some(most),
        Err(_) => Some(now),
    }
}

#[cfg(not(unix))]
fn raise(_needed: u64) -> Option<u64> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wanted_is_got_as_far_as_the_system_allows() {
        assert_eq!(make_room(16), 16);
        let most = make_room(usize::MAX);
        assert!(most > 16);
        assert_eq!(make_room(most), most, "what was allowed once is allowed");
    }
}
