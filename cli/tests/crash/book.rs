//! What stands in a device's store once no process works with it.

use serde_json::Value;
use std::collections::{HashMap, HashSet};
use std::path::Path;
use usher_core::store::{LogStanding, Opened, Store};
use usher_domain::hash::Hash;
use usher_domain::log::Line;
use usher_domain::record::{Body, Outcome, Scan, Subject};
use usher_domain::time::UnixMillis;

/// All scans of a device, by the hash of their record.
pub(crate) struct Book {
    pub(crate) scans: HashMap<String, Scan>,
}

impl Book {
    /// Reads the store in a folder. Its only log goes from 1 without a gap, each record naming the one
    /// before by a hash that fits, and nothing had to be rescued.
    pub(crate) fn of(home: &Path) -> Self {
        let (store, opened) = Store::open(home, UnixMillis::new(0)).unwrap();
        assert!(matches!(opened, Opened::Known { .. }), "{opened:?}");
        let logs = store.own_logs().unwrap();
        assert_eq!(logs.len(), 1);
        assert_eq!(logs[0].standing, LogStanding::Open);
        let head = logs[0].end.head;
        let records = store.log_records(head.log, 1, u32::MAX).unwrap();
        assert_eq!(records.len() as u64, head.sequence);
        let mut previous = Hash::ZERO;
        let mut scans = HashMap::new();
        for (sequence, (hash, encoded)) in (1..).zip(records) {
            let line = Line::read(&encoded).unwrap();
            assert_eq!(line.hash, hash);
            assert_eq!(line.record.sequence, sequence);
            assert_eq!(line.record.previous, previous);
            previous = hash;
            let Body::Scan(scan) = line.record.body else {
                panic!("nothing but scans: {:?}", line.record.body);
            };
            scans.insert(hash.to_string(), scan);
        }
        Self { scans }
    }

    /// Every verdict that was shown is here as it was shown.
    pub(crate) fn holds(&self, shown: &[Value]) {
        for line in shown {
            let written = self.scans.get(line["record"].as_str().unwrap());
            let scan = written.unwrap_or_else(|| panic!("shown, but not written: {line}"));
            let outcome = serde_json::to_value(scan.outcome).unwrap();
            assert_eq!(line["outcome"], outcome);
            assert_eq!(line["attempt"], scan.attempt.to_string());
        }
    }

    /// Who is admitted once is not admitted again.
    pub(crate) fn admits_nobody_twice(&self) {
        let mut inside: HashSet<Subject> = HashSet::new();
        let admitted = self.scans.values();
        for scan in admitted.filter(|scan| scan.outcome == Outcome::Admit) {
            assert!(inside.insert(scan.subject), "{:?}", scan.subject);
        }
    }
}
