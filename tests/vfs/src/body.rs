//! A file: what the program sees of it, what is on the disk, and what is between.

/// Writes tear between sectors of so many bytes.
const SECTOR: usize = 512;

/// A file in memory.
#[derive(Debug, Clone, Default)]
pub(crate) struct Body {
    /// What the program reads.
    content: Vec<u8>,
    /// What the disk holds.
    durable: Vec<u8>,
    /// What was changed since, in order.
    pending: Vec<Change>,
    /// Whether its name is on the disk.
    named: bool,
}

#[derive(Debug, Clone)]
enum Change {
    Write { at: usize, bytes: Vec<u8> },
    Truncate(usize),
}

impl Change {
    fn apply(&self, to: &mut Vec<u8>) {
        match self {
            Self::Write { at, bytes } => put(to, *at, bytes),
            Self::Truncate(size) => to.truncate(*size),
        }
    }
}

fn put(to: &mut Vec<u8>, at: usize, bytes: &[u8]) {
    let end = at + bytes.len();
    if to.len() < end {
        to.resize(end, 0);
    }
    if let Some(place) = to.get_mut(at..end) {
        place.copy_from_slice(bytes);
    }
}

impl Body {
    pub(crate) fn len(&self) -> usize {
        self.content.len()
    }

    /// The bytes from `at` on, as many as there are of `length`.
    pub(crate) fn read(&self, at: usize, length: usize) -> &[u8] {
        let end = at.saturating_add(length).min(self.content.len());
        self.content.get(at..end).unwrap_or_default()
    }

    pub(crate) fn write(&mut self, at: usize, bytes: &[u8]) {
        put(&mut self.content, at, bytes);
        self.pending.push(Change::Write {
            at,
            bytes: bytes.to_vec(),
        });
    }

    pub(crate) fn truncate(&mut self, size: usize) {
        if size < self.content.len() {
            self.content.truncate(size);
            self.pending.push(Change::Truncate(size));
        }
    }

    /// Brings all to the disk, and tells whether it is the first time.
    pub(crate) fn sync(&mut self) -> bool {
        for change in self.pending.drain(..) {
            change.apply(&mut self.durable);
        }
        !std::mem::replace(&mut self.named, true)
    }

    /// Its name is on the disk.
    pub(crate) fn name(&mut self) {
        self.named = true;
    }

    /// The file as an orderly copy of it would be: all of it on the disk.
    pub(crate) fn copied(&self) -> Self {
        Self {
            content: self.content.clone(),
            durable: self.content.clone(),
            pending: Vec::new(),
            named: true,
        }
    }

    /// What is left of it after the power was lost; nothing if even its name is gone.
    pub(crate) fn after_power_loss(mut self, dice: &mut fastrand::Rng) -> Option<Self> {
        if !self.named && dice.bool() {
            return None;
        }
        let pending = std::mem::take(&mut self.pending);
        let reached = match dice.u8(..4) {
            0 => Reached::Until(0),
            1 => Reached::Until(pending.len()),
            2 => Reached::Until(dice.usize(..=pending.len())),
            _ => Reached::Some,
        };
        for (number, change) in pending.iter().enumerate() {
            let arrived = match reached {
                Reached::Until(end) => number < end,
                Reached::Some => dice.bool(),
            };
            if arrived {
                self.arrive(change, dice);
            }
        }
        self.content.clone_from(&self.durable);
        self.named = true;
        Some(self)
    }

    /// A change reaches the disk as the power fails: maybe not all of it.
    fn arrive(&mut self, change: &Change, dice: &mut fastrand::Rng) {
        match change {
            Change::Write { at, bytes } if dice.u8(..4) == 0 => {
                // Sectors are counted from the beginning of the file, not of the write.
                let mut from = 0;
                while from < bytes.len() {
                    let to = (from + SECTOR - (at + from) % SECTOR).min(bytes.len());
                    if dice.bool() {
                        let sector = bytes.get(from..to).unwrap_or_default();
                        put(&mut self.durable, at + from, sector);
                    }
                    from = to;
                }
            }
            Change::Write { .. } | Change::Truncate(_) => change.apply(&mut self.durable),
        }
    }
}

/// Which of the changes that were not synced reached the disk.
#[derive(Debug, Clone, Copy)]
enum Reached {
    /// The first so many.
    Until(usize),
    /// Any.
    Some,
}
