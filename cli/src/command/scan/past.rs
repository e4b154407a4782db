//! What a run remembers of its last scans, so that an operator can come back to them.

use usher_core::app::{ScanInput, ScanView};
use usher_domain::record::Outcome;
use usher_domain::secret::Private;
use usher_domain::verdict::Reason;

/// The last scans of a run.
#[derive(Debug, Default)]
pub(super) struct Past {
    /// Those whom the last showing admitted that admitted somebody, as long as none of it was taken back.
    admitted: Vec<Admitted>,
    turned_away: Option<TurnedAway>,
}

/// Somebody who was let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Admitted {
    /// The record that says so.
    pub(super) record: String,
    /// The name, if the code shown told it. It is kept nowhere but in memory.
    pub(super) holder: Option<Private>,
}

impl Admitted {
    fn of(view: &ScanView) -> Option<Self> {
        Some(Self {
            record: view.record.clone()?,
            holder: view.holder.clone(),
        })
    }
}

/// The last showing that did not admit everybody.
#[derive(Debug)]
struct TurnedAway {
    /// What was asked, with its attempt.
    input: ScanInput,
    /// Whether staff must check something first.
    asks: bool,
    /// Those who were not let in, the first first.
    people: Vec<Person>,
}

/// Somebody who was not let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Person {
    /// The record that says so.
    pub(super) record: String,
    /// Whom and why, for people.
    pub(super) told: String,
}

impl Person {
    fn of(view: &ScanView) -> Option<Self> {
        let record = view.record.clone()?;
        let holder = view.holder.as_ref().map(Private::reveal);
        let ticket: Vec<&str> = [holder, view.type_name.as_deref(), view.seat.as_deref()]
            .into_iter()
            .flatten()
            .chain([view.message.as_str()])
            .collect();
        Some(Self {
            record,
            told: ticket.join(", "),
        })
    }
}

impl Past {
    /// Remembers what came of a showing.
    pub(super) fn note(&mut self, input: ScanInput, views: &[ScanView]) {
        let (admitted, others): (Vec<_>, Vec<_>) = views
            .iter()
            .partition(|view| view.outcome == Outcome::Admit);
        if !admitted.is_empty() {
            self.admitted = admitted
                .iter()
                .filter_map(|view| Admitted::of(view))
                .collect();
        }
        // The first answer is that of the code shown, whose attempt those of its order come from.
        let attempt = views.first().map(|view| view.attempt);
        if !others.is_empty() {
            self.turned_away = Some(TurnedAway {
                input: ScanInput { attempt, ..input },
                asks: others.iter().any(|view| view.reason == Reason::Instruction),
                people: others.iter().filter_map(|view| Person::of(view)).collect(),
            });
        }
    }

    /// The last showing that was turned away, asked again after staff checked what it asked for; none if it
    /// asked for nothing.
    pub(super) fn confirmed(&self) -> Option<ScanInput> {
        let last = self.turned_away.as_ref().filter(|last| last.asks)?;
        Some(ScanInput {
            instruction_checked: true,
            ..last.input.clone()
        })
    }

    /// Somebody of the last showing that was turned away.
    pub(super) fn person(&self) -> Option<Person> {
        self.turned_away.as_ref()?.people.first().cloned()
    }

    /// Forgets the showing that was turned away: it is answered anew.
    pub(super) fn answered_anew(&mut self) {
        self.turned_away = None;
    }

    /// Somebody who was turned away was let in after all.
    pub(super) fn overridden(&mut self, record: &str, view: &ScanView) {
        if let Some(last) = &mut self.turned_away {
            last.people.retain(|person| person.record != record);
            if last.people.is_empty() {
                self.turned_away = None;
            }
        }
        self.admitted = Admitted::of(view).into_iter().collect();
    }

    /// What the last showing admitted, once.
    pub(super) fn take_admitted(&mut self) -> Vec<Admitted> {
        std::mem::take(&mut self.admitted)
    }
}
