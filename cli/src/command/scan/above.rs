//! What a gate must say between two verdicts, each once in a run: what somebody in charge says and orders,
//! other times of the session, and that another session is served than before.

use super::door::Open;
use crate::error::CliError;
use crate::output::Colour;
use crate::shell::Shell;
use serde::Serialize;
use std::cell::RefCell;
use std::collections::BTreeMap;
use usher_core::app::{
    AboveView, CopiedView, OrderKind, OrderView, SaidView, SessionView, SignedOutView, TimesView,
};
use usher_domain::ids::SessionId;

/// How long a run lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Run {
    /// For one showing: its verdict says what orders make of it.
    OneScan,
    /// Until somebody ends it.
    GoesOn,
}

/// What this run has shown.
#[derive(Debug)]
pub(super) struct Shown {
    run: Run,
    from_above: RefCell<FromAbove>,
    /// The session served when this looked last; none before a device was there to look at.
    serving: RefCell<Option<SessionView>>,
}

/// What came from above and holds, by what it speaks of.
#[derive(Debug, Default)]
struct FromAbove {
    /// For which session.
    session: Option<SessionId>,
    said: BTreeMap<(String, u64), SaidView>,
    orders: BTreeMap<(OrderKind, Option<String>), OrderView>,
    times: Option<TimesView>,
    copied: Option<CopiedView>,
}

/// A line of its own for what came, or holds no longer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum News {
    Copied(CopiedView),
    Said(SaidView),
    TakenBack(SaidView),
    Ordered(OrderView),
    Over(OrderView),
    TimesChanged(TimesView),
}

impl News {
    fn words(&self) -> String {
        match self {
            Self::Copied(copied) => format!("COPIED DEVICE: {}", copied.message),
            Self::Said(said) | Self::TakenBack(said) => said.message.clone(),
            Self::Ordered(order) | Self::Over(order) => order.message.clone(),
            Self::TimesChanged(times) => format!("OTHER TIMES: {}", times.message),
        }
    }
}

impl FromAbove {
    /// Takes in what holds for the session that is served, and says what of it is news. What held for another
    /// session before is none of this one's.
    fn take_in(&mut self, above: AboveView) -> Vec<News> {
        if self.session != above.session {
            *self = Self {
                session: above.session,
                copied: self.copied.take(),
                ..Self::default()
            };
        }
        let mut news = Vec::new();
        if above.copied != self.copied {
            news.extend(above.copied.clone().map(News::Copied));
        }
        // The words for the same times change at midnight.
        let times = |times: &TimesView| (times.doors, times.starts, times.ends);
        if let (Some(before), Some(now)) = (&self.times, &above.times)
            && times(before) != times(now)
        {
            news.push(News::TimesChanged(now.clone()));
        }
        let key = |order: &OrderView| (order.order, order.of.as_ref().map(|of| of.id.clone()));
        let orders: BTreeMap<_, _> = above.orders.into_iter().map(|o| (key(&o), o)).collect();
        for (key, before) in &self.orders {
            if !orders.contains_key(key) {
                news.push(News::Over(before.over()));
            }
        }
        for (key, now) in &orders {
            let is_known = |before: &OrderView| (before.at, before.until) == (now.at, now.until);
            if !self.orders.get(key).is_some_and(is_known) {
                news.push(News::Ordered(now.clone()));
            }
        }
        let key = |said: &SaidView| (said.text.clone(), said.until.get());
        let said: BTreeMap<_, _> = above.said.into_iter().map(|s| (key(&s), s)).collect();
        for (key, before) in &self.said {
            // What is over by itself needs no word.
            if !said.contains_key(key) && above.as_of < before.until {
                news.push(News::TakenBack(before.taken_back()));
            }
        }
        for (key, now) in &said {
            if !self.said.contains_key(key) {
                news.push(News::Said(now.clone()));
            }
        }
        self.copied = above.copied;
        self.times = above.times;
        self.orders = orders;
        self.said = said;
        news
    }
}

#[derive(Serialize)]
struct Barred<'a> {
    signed_out: &'a SignedOutView,
}

#[derive(Serialize)]
struct Moved<'a> {
    session_changed: Change<'a>,
}

/// Another session is served because of the timetable.
#[derive(Serialize)]
struct Change<'a> {
    from: Option<&'a SessionView>,
    to: Option<&'a SessionView>,
    message: String,
}

impl Shown {
    /// Nothing yet.
    pub(super) fn new(run: Run) -> Self {
        Self {
            run,
            from_above: RefCell::default(),
            serving: RefCell::default(),
        }
    }

    /// Remembers what was said to be served.
    pub(super) fn begins_with(&self, session: Option<SessionView>) {
        self.serving.replace(session);
    }

    /// Shows what is news. A device that cannot tell has a verdict that says why.
    ///
    /// # Errors
    /// [`CliError`] if it cannot be written.
    pub(super) fn show(&self, shell: &mut Shell, open: &Open) -> Result<(), CliError> {
        if let Ok(Some(out)) = open.app.sign_out_if_barred() {
            let told = Barred { signed_out: &out };
            shell.output.show(&told, |page| {
                page.headline(Colour::Amber, "SIGNED OUT", &out.message)
            })?;
        }
        self.show_session(shell, open)?;
        let Ok(above) = open.app.above(open.session) else {
            return Ok(());
        };
        let news = self.from_above.borrow_mut().take_in(above);
        let is_wanted = |news: &&News| {
            self.run == Run::GoesOn || matches!(news, News::Said(_) | News::Copied(_))
        };
        for news in news.iter().filter(is_wanted) {
            shell.output.show(news, |page| page.line(news.words()))?;
        }
        Ok(())
    }

    fn show_session(&self, shell: &mut Shell, open: &Open) -> Result<(), CliError> {
        // A session that a person named stays.
        let (None, Ok(now)) = (open.session, open.app.serving()) else {
            return Ok(());
        };
        let before = self.serving.replace(now.clone());
        let id = |session: &Option<SessionView>| session.as_ref().map(|session| session.id);
        if id(&before) == id(&now) {
            return Ok(());
        }
        let name = |session: &SessionView| format!("{}, {}", session.name, session.event);
        let (word, rest) = match (&before, &now) {
            (Some(old), Some(new)) => (
                "ANOTHER SESSION",
                format!("Now serving {}, not {} any more.", name(new), name(old)),
            ),
            (Some(old), None) => (
                "NO SESSION",
                format!("{} is not served any more.", name(old)),
            ),
            (None, Some(new)) => ("SESSION", format!("Now serving {}.", name(new))),
            (None, None) => return Ok(()),
        };
        let moved = Moved {
            session_changed: Change {
                from: before.as_ref(),
                to: now.as_ref(),
                message: rest.clone(),
            },
        };
        shell
            .output
            .show(&moved, |page| page.headline(Colour::Amber, word, &rest))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use usher_domain::time::UnixMillis;

    const SESSION: Option<SessionId> = Some(SessionId::from_bytes([1; 16]));

    fn at(minute: u64) -> UnixMillis {
        UnixMillis::new(minute * 60_000)
    }

    fn free_flow(until: u64) -> OrderView {
        OrderView {
            order: OrderKind::FreeFlow,
            of: None,
            at: at(1),
            until: Some(at(until)),
            message: format!("FREE FLOW until {until}"),
        }
    }

    fn said(text: &str) -> SaidView {
        SaidView {
            text: text.to_owned(),
            by: "office".to_owned(),
            at: at(1),
            until: at(30),
            message: format!("NOTICE from office: {text}"),
        }
    }

    fn above(orders: &[OrderView], notices: &[SaidView], minute: u64) -> AboveView {
        AboveView {
            copied: None,
            said: notices.to_vec(),
            orders: orders.to_vec(),
            times: None,
            session: SESSION,
            as_of: at(minute),
        }
    }

    fn words(news: &[News]) -> Vec<String> {
        news.iter().map(News::words).collect()
    }

    #[test]
    fn each_order_is_shown_once_again_if_it_changed_and_that_it_is_over() {
        let mut shown = FromAbove::default();
        let mut look = |above| words(&shown.take_in(above));
        assert_eq!(look(above(&[], &[], 0)), [""; 0]);
        assert_eq!(look(above(&[free_flow(9)], &[], 1)), ["FREE FLOW until 9"]);
        assert_eq!(look(above(&[free_flow(9)], &[], 2)), [""; 0]);
        assert_eq!(look(above(&[free_flow(7)], &[], 3)), ["FREE FLOW until 7"]);
        let over = "FREE FLOW is over: tickets are checked again.";
        assert_eq!(look(above(&[], &[], 4)), [over]);
        assert_eq!(look(above(&[], &[], 5)), [""; 0]);
    }

    #[test]
    fn a_notice_that_is_taken_back_is_told_and_one_that_ran_out_is_not() {
        let both = [said("Rain"), said("Bags")];
        let mut shown = FromAbove::default();
        let mut look = |above| words(&shown.take_in(above));
        assert_eq!(look(above(&[], &both, 2)).len(), 2);
        assert_eq!(look(above(&[], &both[1..], 3)), ["NOTICE taken back: Rain"]);
        assert_eq!(look(above(&[], &[], 30)), [""; 0]);
    }

    #[test]
    fn other_times_are_told_and_not_other_words_for_the_same() {
        let mut shown = FromAbove::default();
        let mut look = |starts, message: &str| {
            let times = TimesView {
                doors: at(1),
                starts: at(starts),
                ends: at(90),
                message: message.to_owned(),
            };
            words(&shown.take_in(AboveView {
                times: Some(times),
                ..above(&[], &[], 1)
            }))
        };
        assert_eq!(look(2, "begins 20:00"), [""; 0]);
        assert_eq!(look(2, "begins Sat 1 May, 20:00"), [""; 0]);
        assert_eq!(look(3, "begins 20:30"), ["OTHER TIMES: begins 20:30"]);
    }

    #[test]
    fn a_copied_device_says_so_once_whatever_session_it_serves() {
        let mut shown = FromAbove::default();
        let copied = CopiedView {
            since: at(1),
            message: "find the other one".to_owned(),
        };
        let mut look = |session| {
            words(&shown.take_in(AboveView {
                copied: Some(copied.clone()),
                session: Some(SessionId::from_bytes([session; 16])),
                ..above(&[], &[], 1)
            }))
        };
        assert_eq!(look(1), ["COPIED DEVICE: find the other one"]);
        assert_eq!(look(2), [""; 0]);
    }

    #[test]
    fn what_held_for_another_session_is_not_over_for_this_one() {
        let mut shown = FromAbove::default();
        let first = shown.take_in(above(&[free_flow(9)], &[said("Rain")], 2));
        assert_eq!(first.len(), 2);
        assert_eq!(shown.take_in(AboveView::default()), []);
    }
}
