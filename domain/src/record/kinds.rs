//! Every kind of record: who may write it, about what, with which proof, and what merging does without.

use super::Body;

/// Who may write a kind of record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Writer {
    /// Any device, in its own log.
    Device,
    /// The authority alone; in a device's log it counts for nothing.
    Authority,
}

impl Writer {
    /// In a word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Device => "a device",
            Self::Authority => "the server",
        }
    }
}

/// A kind of record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordKind {
    /// The number that it is written by.
    pub number: u8,
    /// Its name.
    pub name: &'static str,
    /// Who may write it.
    pub writer: Writer,
    /// About what.
    pub about: &'static str,
    /// What proves what it says, beside the signature of its batch.
    pub proof: &'static str,
    /// What merging does with it where that proof is missing.
    pub without: &'static str,
}

/// The proof of what needs none but the signature of its log.
const NONE: &str = "none";
/// What becomes of a record of the authority's kinds in a device's log.
const NOTHING: &str = "nothing";

macro_rules! kinds {
    ($($body:ident = $number:literal, $name:literal, $writer:ident, $about:expr, $proof:expr, $without:expr;)+) => {
        /// All kinds, by rising number.
        pub const KINDS: &[RecordKind] = &[$(RecordKind {
            number: $number,
            name: $name,
            writer: Writer::$writer,
            about: $about,
            proof: $proof,
            without: $without,
        }),+];

        impl Body {
            /// The number of its kind.
            #[must_use]
            pub const fn kind(&self) -> u8 {
                match self { $(Self::$body(_) => $number,)+ }
            }
        }
    };
}

kinds! {
    Scan = 0, "scan", Device,
        "what was shown to this device",
        "an override: a sanction under a listed key, used once; or a ruling",
        "an ordinary admission, excess where it is one; it takes over nothing";
    Undo = 1, "undo", Device,
        "a scan of this device, or of another one with proof",
        "of another device's scan: an approval under a listed key; or a ruling",
        "nothing";
    Link = 2, "link", Authority, "an identity and a ticket", NONE, NOTHING;
    Rule = 3, "rule", Authority, "a session or a type of ticket", NONE, NOTHING;
    Cut = 4, "cut", Authority, "a revoked device's log", NONE, NOTHING;
    Ruling = 5, "ruling", Authority, "any record", NONE, NOTHING;
    EveryoneOut = 6, "everyone out", Authority, "a session or a zone", NONE, NOTHING;
    FreeFlow = 7, "free flow", Authority, "a gate of a session", NONE, NOTHING;
    Abort = 8, "abort", Device,
        "an attempt of this device",
        "none: an attempt is its device's",
        "of another's attempt: nothing";
    Yield = 9, "yield", Device,
        "a ticket whose home this device is",
        "the ticket's row names the device as its home",
        "it holds back nothing";
    StandDown = 10, "stand-down", Authority, "a device", NONE, NOTHING;
    Honour = 11, "honour", Authority, "two sessions", NONE, NOTHING;
    Notice = 12, "notice", Authority, "a session or a gate", NONE, NOTHING;
    Delay = 13, "delay", Authority, "a session", NONE, NOTHING;
    OverrideKey = 14, "override key", Authority, "a supervisor's key", NONE, NOTHING;
    Arrival = 15, "arrival", Authority, "a range of a log", NONE, NOTHING;
    Correction = 16, "correction", Authority, "a scan of one ticket", NONE, NOTHING;
    OutTakenBack = 17, "everyone out taken back", Authority, "an everyone out", NONE, NOTHING;
}

/// The table of all kinds, as the protocol's description prints it.
#[must_use]
pub fn table() -> String {
    let head = "| kind | record | written by | about | proof | without it |\n\
                | --- | --- | --- | --- | --- | --- |\n";
    let rows = KINDS.iter().map(|kind| {
        let writer = kind.writer.word();
        format!(
            "| {} | {} | {writer} | {} | {} | {} |\n",
            kind.number, kind.name, kind.about, kind.proof, kind.without
        )
    });
    std::iter::once(head.to_owned()).chain(rows).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cbor;
    use crate::hash::Hash;
    use crate::record::{Ruling, RulingWord};

    #[test]
    fn every_kind_has_its_number_once() {
        let numbers: Vec<usize> = KINDS.iter().map(|kind| kind.number.into()).collect();
        assert_eq!(numbers, (0..KINDS.len()).collect::<Vec<_>>());
    }

    #[test]
    fn a_kind_is_written_by_its_number() {
        let ruling = Body::Ruling(Ruling {
            of: Hash::ZERO,
            word: RulingWord::Void,
        });
        assert_eq!(cbor::encode(&ruling).get(1), Some(&ruling.kind()));
    }
}
