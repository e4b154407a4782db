//! What happened, line by line, as a person can read it.

use super::clock::VirtualTime;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::Arguments;
use std::rc::Rc;
use std::sync::Arc;
use usher_domain::hash::Hash;

/// The story of a run; a clone writes the same one.
#[derive(Debug, Clone)]
pub struct Story {
    time: Arc<VirtualTime>,
    inner: Rc<RefCell<Inner>>,
}

#[derive(Debug, Default)]
struct Inner {
    lines: Vec<String>,
    broken: Option<Broken>,
    names: BTreeMap<Hash, String>,
}

/// A check that did not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// Name of the check.
    pub check: &'static str,
    /// What was found.
    pub detail: String,
}

impl Story {
    /// A story that has not begun.
    #[must_use]
    pub fn new(time: Arc<VirtualTime>) -> Self {
        Self {
            time,
            inner: Rc::default(),
        }
    }

    /// Tells a line.
    pub fn tell(&self, who: &str, what: Arguments<'_>) {
        let ms = self.time.passed_ms();
        let line = format!("{:>4}.{:03}  {who:<7} {what}", ms / 1_000, ms % 1_000);
        self.inner.borrow_mut().lines.push(line);
    }

    /// Gives a record a short name.
    pub fn name(&self, record: Hash, name: String) {
        self.inner.borrow_mut().names.insert(record, name);
    }

    /// The short name of a record.
    #[must_use]
    pub fn called(&self, record: &Hash) -> String {
        let inner = self.inner.borrow();
        let name = inner.names.get(record).cloned();
        name.unwrap_or_else(|| record.to_string().chars().take(8).collect())
    }

    /// Says that a check does not hold; the first one counts.
    pub fn broken(&self, check: &'static str, detail: Arguments<'_>) {
        self.tell("CHECK", format_args!("{check} is broken: {detail}"));
        let mut inner = self.inner.borrow_mut();
        inner.broken.get_or_insert_with(|| Broken {
            check,
            detail: detail.to_string(),
        });
    }

    /// Says so unless `holds`.
    pub fn check(&self, check: &'static str, holds: bool, detail: Arguments<'_>) {
        if !holds {
            self.broken(check, detail);
        }
    }

    /// The check that did not hold, if one did not.
    #[must_use]
    pub fn failure(&self) -> Option<Broken> {
        self.inner.borrow().broken.clone()
    }

    /// All lines.
    #[must_use]
    pub fn text(&self) -> String {
        let inner = self.inner.borrow();
        inner.lines.iter().fold(String::new(), |mut text, line| {
            text.push_str(line);
            text.push('\n');
            text
        })
    }
}
