//! Status words of shops, and what they say about entering.

use super::columns::fold;
use super::ticket::{Shared, State};
use std::collections::{BTreeMap, HashMap};

/// What a known word means.
#[derive(Clone, Copy)]
enum Meaning {
    Valid,
    Pending,
    Blocked(&'static str),
    Cancelled(&'static str),
}

const CANCELLED: Meaning = Meaning::Cancelled("cancelled");
const REFUNDED: Meaning = Meaning::Cancelled("refunded");
/// Which of an order's tickets were refunded it does not say: a person looks.
const PARTLY_REFUNDED: Meaning = Meaning::Blocked("partly refunded");
const EXPIRED: Meaning = Meaning::Cancelled("order expired");

/// Folded words (see [`fold`]): attendee lists of Eventbrite, pretix in English and German, alf.io,
/// WooCommerce, and hand-made lists.
const WORDS: &[(&str, Meaning)] = &[
    ("attending", Meaning::Valid),
    ("checkedin", Meaning::Valid),
    ("paid", Meaning::Valid),
    ("paidorders", Meaning::Valid),
    ("valid", Meaning::Valid),
    ("active", Meaning::Valid),
    ("confirmed", Meaning::Valid),
    ("complete", Meaning::Valid),
    ("completed", Meaning::Valid),
    ("approved", Meaning::Valid),
    ("acquired", Meaning::Valid),
    ("issued", Meaning::Valid),
    ("sold", Meaning::Valid),
    ("free", Meaning::Valid),
    ("ok", Meaning::Valid),
    ("bezahlt", Meaning::Valid),
    ("gültig", Meaning::Valid),
    ("gueltig", Meaning::Valid),
    ("aktiv", Meaning::Valid),
    ("bestätigt", Meaning::Valid),
    ("abgeschlossen", Meaning::Valid),
    ("eingecheckt", Meaning::Valid),
    ("used", Meaning::Valid),
    ("redeemed", Meaning::Valid),
    ("scanned", Meaning::Valid),
    ("entwertet", Meaning::Valid),
    ("nimmtteil", Meaning::Valid),
    ("payé", Meaning::Valid),
    ("valide", Meaning::Valid),
    ("pending", Meaning::Pending),
    ("unpaid", Meaning::Pending),
    ("unpaidorders", Meaning::Pending),
    ("notpaid", Meaning::Pending),
    ("onhold", Meaning::Pending),
    ("awaitingpayment", Meaning::Pending),
    ("paymentpending", Meaning::Pending),
    ("approvalpending", Meaning::Pending),
    ("tobepaid", Meaning::Pending),
    ("reserved", Meaning::Pending),
    ("waitlist", Meaning::Pending),
    ("waitinglist", Meaning::Pending),
    ("ausstehend", Meaning::Pending),
    ("unbezahlt", Meaning::Pending),
    ("offen", Meaning::Pending),
    ("reserviert", Meaning::Pending),
    ("blocked", Meaning::Blocked("blocked by the seller")),
    ("locked", Meaning::Blocked("blocked by the seller")),
    ("suspended", Meaning::Blocked("blocked by the seller")),
    ("gesperrt", Meaning::Blocked("blocked by the seller")),
    ("cancelled", CANCELLED),
    ("canceled", CANCELLED),
    ("storniert", CANCELLED),
    ("annulé", CANCELLED),
    ("void", CANCELLED),
    ("voided", CANCELLED),
    ("invalid", Meaning::Cancelled("no longer valid")),
    ("inactive", Meaning::Cancelled("no longer valid")),
    ("ungültig", Meaning::Cancelled("no longer valid")),
    ("ungueltig", Meaning::Cancelled("no longer valid")),
    ("refunded", REFUNDED),
    ("erstattet", REFUNDED),
    ("chargeback", REFUNDED),
    ("deleted", Meaning::Cancelled("deleted")),
    ("gelöscht", Meaning::Cancelled("deleted")),
    ("released", Meaning::Cancelled("released")),
    ("notattending", Meaning::Cancelled("not attending")),
    ("declined", Meaning::Cancelled("declined")),
    ("abgelehnt", Meaning::Cancelled("declined")),
    ("failed", Meaning::Cancelled("payment failed")),
    (
        "transferred",
        Meaning::Cancelled("transferred to somebody else"),
    ),
    ("replaced", Meaning::Cancelled("replaced by another ticket")),
    ("expired", EXPIRED),
    ("abgelaufen", EXPIRED),
    ("rückerstattet", REFUNDED),
    ("zurückerstattet", REFUNDED),
    ("rueckerstattet", REFUNDED),
    (
        "umgetauscht",
        Meaning::Cancelled("exchanged for another ticket"),
    ),
    (
        "exchanged",
        Meaning::Cancelled("exchanged for another ticket"),
    ),
    ("partiallyrefunded", PARTLY_REFUNDED),
    ("partlyrefunded", PARTLY_REFUNDED),
    ("teilweiseerstattet", PARTLY_REFUNDED),
    ("teilweiserückerstattet", PARTLY_REFUNDED),
    ("refundrequested", Meaning::Blocked("refund requested")),
    ("refundpending", Meaning::Blocked("refund requested")),
    // French, Spanish, Italian, Portuguese, Dutch, Swedish, Polish.
    ("payée", Meaning::Valid),
    ("validé", Meaning::Valid),
    ("validée", Meaning::Valid),
    ("confirmé", Meaning::Valid),
    ("confirmée", Meaning::Valid),
    ("enattente", Meaning::Pending),
    ("nonpayé", Meaning::Pending),
    ("impayé", Meaning::Pending),
    ("annulée", CANCELLED),
    ("remboursé", REFUNDED),
    ("remboursée", REFUNDED),
    ("pagado", Meaning::Valid),
    ("pagada", Meaning::Valid),
    ("confirmado", Meaning::Valid),
    ("confirmada", Meaning::Valid),
    ("válido", Meaning::Valid),
    ("válida", Meaning::Valid),
    ("pendiente", Meaning::Pending),
    ("cancelado", CANCELLED),
    ("cancelada", CANCELLED),
    ("anulado", CANCELLED),
    ("anulada", CANCELLED),
    ("reembolsado", REFUNDED),
    ("reembolsada", REFUNDED),
    ("pagato", Meaning::Valid),
    ("confermato", Meaning::Valid),
    ("valido", Meaning::Valid),
    ("inattesa", Meaning::Pending),
    ("annullato", CANCELLED),
    ("rimborsato", REFUNDED),
    ("pago", Meaning::Valid),
    ("pendente", Meaning::Pending),
    ("betaald", Meaning::Valid),
    ("bevestigd", Meaning::Valid),
    ("geldig", Meaning::Valid),
    ("inafwachting", Meaning::Pending),
    ("nietbetaald", Meaning::Pending),
    ("geannuleerd", CANCELLED),
    ("terugbetaald", REFUNDED),
    ("teruggestort", REFUNDED),
    ("betald", Meaning::Valid),
    ("bekräftad", Meaning::Valid),
    ("avbokad", CANCELLED),
    ("återbetald", REFUNDED),
    ("opłacone", Meaning::Valid),
    ("potwierdzone", Meaning::Valid),
    ("oczekujące", Meaning::Pending),
    ("anulowane", CANCELLED),
    ("zwrócone", REFUNDED),
];

/// The words known to this import: the organizer's own first.
pub(super) struct StatusWords {
    own: BTreeMap<String, State>,
    /// Words seen before: a list has a few, each many thousand times.
    seen: HashMap<String, Option<State>>,
}

impl StatusWords {
    pub(super) fn new(own: &BTreeMap<String, State>) -> Self {
        let own = own
            .iter()
            .map(|(word, state)| (fold(word), state.clone()))
            .collect();
        Self {
            own,
            seen: HashMap::new(),
        }
    }

    /// What the word says; `None` if it is not known.
    pub(super) fn read(&mut self, word: &str, texts: &mut Shared) -> Option<State> {
        if let Some(seen) = self.seen.get(word) {
            return seen.clone();
        }
        let state = self.look_up(word, texts);
        self.seen.insert(word.to_owned(), state.clone());
        state
    }

    fn look_up(&self, word: &str, texts: &mut Shared) -> Option<State> {
        let folded = fold(word);
        if let Some(state) = self.own.get(&folded) {
            return Some(state.clone());
        }
        let meaning = known(&folded).or_else(|| {
            // pretix adds details: "Canceled (paid fee)".
            let (first, _) = word.split_once('(')?;
            known(&fold(first))
        })?;
        Some(match meaning {
            Meaning::Valid => State::Valid,
            Meaning::Pending => State::Pending,
            Meaning::Blocked(reason) => State::Blocked {
                reason: texts.text(reason),
            },
            Meaning::Cancelled(reason) => State::Cancelled {
                reason: texts.text(reason),
            },
        })
    }
}

/// Whether a word says that the ticket was used.
pub(super) fn says_used(word: &str) -> bool {
    const USED: &[&str] = &[
        "checkedin",
        "eingecheckt",
        "used",
        "redeemed",
        "scanned",
        "entwertet",
    ];
    USED.contains(&fold(word).as_str())
}

/// The state that an organizer's word for it names: `--status Comp=valid`.
pub(crate) fn named(state: &str) -> Option<State> {
    match fold(state).as_str() {
        "valid" => Some(State::Valid),
        "pending" => Some(State::Pending),
        "blocked" => Some(State::Blocked {
            reason: "blocked by the seller".into(),
        }),
        "cancelled" | "canceled" => Some(State::Cancelled {
            reason: "cancelled".into(),
        }),
        "refunded" => Some(State::Cancelled {
            reason: "refunded".into(),
        }),
        _ => None,
    }
}

fn known(folded: &str) -> Option<Meaning> {
    WORDS
        .iter()
        .find(|(word, _)| *word == folded)
        .map(|(_, meaning)| *meaning)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(word: &str) -> Option<State> {
        StatusWords::new(&BTreeMap::new()).read(word, &mut Shared::default())
    }

    #[test]
    fn words_of_shops_are_known_in_any_spelling() {
        assert_eq!(read("Attending"), Some(State::Valid));
        assert_eq!(read("CHECKED_IN"), Some(State::Valid));
        assert_eq!(read("Not paid"), Some(State::Pending));
        let cancelled = |reason: &str| {
            Some(State::Cancelled {
                reason: reason.into(),
            })
        };
        assert_eq!(read("Not Attending"), cancelled("not attending"));
        assert_eq!(read("Refunded"), cancelled("refunded"));
        assert_eq!(read("Canceled (paid fee)"), cancelled("cancelled"));
        assert_eq!(read("Storniert"), cancelled("cancelled"));
        assert_eq!(read("Rückerstattet"), cancelled("refunded"));
        assert_eq!(read("Teruggestort"), cancelled("refunded"));
        assert_eq!(
            read("umgetauscht"),
            cancelled("exchanged for another ticket")
        );
        for word in ["teilweise erstattet", "Refund requested"] {
            let blocked = matches!(read(word), Some(State::Blocked { .. }));
            assert!(blocked, "{word}");
        }
    }

    #[test]
    fn an_unknown_word_means_nothing_until_the_organizer_says_so() {
        assert_eq!(read("maybe"), None);
        assert_eq!(read(""), None);
        let own = BTreeMap::from([("Maybe".to_owned(), State::Pending)]);
        let mut words = StatusWords::new(&own);
        assert_eq!(
            words.read(" maybe", &mut Shared::default()),
            Some(State::Pending)
        );
    }

    #[test]
    fn every_word_of_the_table_is_folded_and_stands_once() {
        for (index, (word, _)) in WORDS.iter().enumerate() {
            assert_eq!(&fold(word), word);
            assert!(WORDS[..index].iter().all(|(other, _)| other != word));
        }
    }
}
