//! Orders and their positions, as tickets.

use super::super::csv::ATTENTION;
use super::super::dates::{Edge, is_no_bound};
use super::super::fields::{Content, clean, code_text};
use super::super::report::{BadLine, BadReason, Place, Warning};
use super::super::ticket::{ImportedTicket, Shared, State, Text, Used};
use super::super::{ImportError, Options};
use super::TestOrders;
use super::files::Entry;
use super::items::{Items, Product};
use super::lists::TakenLists;
use super::refused_secrets::Secrets;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use usher_domain::code::TicketCodeText;
use usher_domain::secret::Private;

#[derive(Deserialize)]
struct Order<'a> {
    code: String,
    event: Option<String>,
    status: String,
    #[serde(default)]
    testmode: bool,
    #[serde(borrow)]
    positions: Vec<&'a RawValue>,
    #[serde(default)]
    checkin_attention: bool,
    checkin_text: Option<String>,
    last_modified: Option<String>,
    sales_channel: Option<String>,
    #[serde(default)]
    valid_if_pending: bool,
    #[serde(default)]
    require_approval: bool,
}

#[derive(Deserialize)]
struct Position {
    positionid: u64,
    item: u64,
    variation: Option<u64>,
    attendee_name: Option<String>,
    secret: String,
    addon_to: Option<u64>,
    subevent: Option<u64>,
    seat: Option<Seat>,
    #[serde(default)]
    canceled: bool,
    valid_from: Option<String>,
    valid_until: Option<String>,
    blocked: Option<Vec<String>>,
    #[serde(default)]
    checkins: Vec<CheckIn>,
}

/// A scan at the shop's own scanners.
#[derive(Deserialize)]
struct CheckIn {
    datetime: Option<String>,
    list: Option<u64>,
    #[serde(rename = "type", default)]
    kind: CheckInKind,
}

/// Which way somebody went.
#[derive(Deserialize, Clone, Copy, PartialEq, Eq, Default)]
enum CheckInKind {
    #[default]
    #[serde(rename = "entry")]
    Entry,
    #[serde(rename = "exit")]
    Exit,
}

#[derive(Deserialize)]
struct Seat {
    name: Option<String>,
}

/// Why a ticket waits whose order nobody approved yet.
const UNAPPROVED: &str = "waits for the organizer's approval";

/// What staff see of a ticket that may enter unpaid: the shop's own scanners ask, too.
const UNPAID: &str = "the order is not paid yet";

/// Why a position is no ticket.
enum NoTicket {
    /// It is none and need not be one.
    ByNature,
    /// It cannot be read.
    Bad {
        field: Option<&'static str>,
        reason: BadReason,
    },
}

impl NoTicket {
    const fn bad(field: &'static str, reason: BadReason) -> Self {
        Self::Bad {
            field: Some(field),
            reason,
        }
    }
}

/// Reads order after order.
pub(super) struct Orders<'a> {
    pub(super) options: &'a Options,
    pub(super) items: &'a Items,
    pub(super) lists: &'a TakenLists,
    pub(super) secrets: &'a Secrets,
    /// The event, once known: orders of another one are refused.
    pub(super) slug: Option<String>,
    pub(super) texts: Shared,
    pub(super) tickets: Vec<ImportedTicket>,
    pub(super) bad: Vec<BadLine>,
    pub(super) test_orders: u64,
    /// Orders that were read.
    pub(super) whole: HashSet<Box<str>>,
    /// Numbers of positions that are no tickets.
    pub(super) other: HashSet<Box<str>>,
    /// Check-in lists on which positions were let in.
    pub(super) used_on: BTreeSet<u64>,
    /// Dates that positions name.
    pub(super) named_dates: BTreeSet<u64>,
}

impl Orders<'_> {
    /// Reads all entries and returns how many different orders they are. An order that stands on two pages,
    /// because it changed in between, counts as it was changed last.
    pub(super) fn read_all(&mut self, entries: &[Entry<'_>]) -> Result<u64, ImportError> {
        let mut orders: Vec<(&Entry<'_>, Order<'_>)> = Vec::with_capacity(entries.len());
        let mut places: HashMap<String, usize> = HashMap::with_capacity(entries.len());
        for entry in entries {
            let Ok(order) = serde_json::from_str::<Order<'_>>(entry.json.get()) else {
                self.refuse_entry(entry);
                continue;
            };
            match places.get(&order.code).and_then(|at| orders.get_mut(*at)) {
                Some(known) if is_newer(&order, &known.1) => *known = (entry, order),
                Some(_) => {}
                None => {
                    places.insert(order.code.clone(), orders.len());
                    orders.push((entry, order));
                }
            }
        }
        for (entry, order) in &orders {
            self.order(entry, order)?;
        }
        Ok(orders.len() as u64)
    }

    /// What was left out.
    pub(super) fn warnings(&self) -> impl Iterator<Item = Warning> {
        let test = (self.test_orders > 0).then_some(Warning::TestOrdersLeftOut {
            count: self.test_orders,
        });
        let count = self.other.len() as u64;
        let none = (count > 0).then_some(Warning::NoTickets { count });
        test.into_iter().chain(none)
    }

    fn refuse_entry(&mut self, entry: &Entry<'_>) {
        self.bad.push(BadLine {
            place: Place::Entry {
                file: Arc::clone(&entry.file),
                index: entry.index,
            },
            column: None,
            reason: BadReason::Unreadable,
        });
    }

    fn order(&mut self, entry: &Entry<'_>, order: &Order<'_>) -> Result<(), ImportError> {
        let Ok(Some(code)) = clean(&order.code, Content::Words) else {
            self.refuse_entry(entry);
            return Ok(());
        };
        let place = |position| Place::Position {
            file: Arc::clone(&entry.file),
            order: code.as_ref().into(),
            position,
        };
        if let Some(event) = &order.event
            && self.slug.get_or_insert_with(|| event.clone()) != event
        {
            self.bad.push(BadLine {
                place: place(None),
                column: Some("event".into()),
                reason: BadReason::OtherEvent,
            });
            return Ok(());
        }
        if order.testmode && self.options.test_orders == TestOrders::LeaveOut {
            self.test_orders += 1;
            return Ok(());
        }
        // An order that counts has a position: from an answer without any, something took them out.
        if !order.positions.is_empty() || matches!(order.status.as_str(), "c" | "e") {
            self.whole.insert(code.as_ref().into());
        }
        for json in &order.positions {
            if self.tickets.len() + self.bad.len() >= self.options.limits.lines {
                let limit = self.options.limits.lines;
                return Err(ImportError::TooManyLines { limit });
            }
            let Ok(position) = serde_json::from_str::<Position>(json.get()) else {
                self.bad.push(BadLine {
                    place: place(None),
                    column: Some("positions".into()),
                    reason: BadReason::Unreadable,
                });
                continue;
            };
            let at = place(Some(position.positionid));
            match self.ticket(order, &code, &position, at.clone()) {
                Ok(mut ticket) => {
                    self.admit_by_list(&mut ticket, &position)?;
                    self.tickets.push(ticket);
                }
                Err(NoTicket::ByNature) => {
                    let number = number_of(&code, position.positionid);
                    self.other.insert(number);
                }
                Err(NoTicket::Bad { field, reason }) => self.bad.push(BadLine {
                    place: at,
                    column: field.map(Into::into),
                    reason,
                }),
            }
        }
        Ok(())
    }

    fn ticket(
        &mut self,
        order: &Order<'_>,
        code: &str,
        position: &Position,
        place: Place,
    ) -> Result<ImportedTicket, NoTicket> {
        let items = self.items;
        let product = items
            .get(position.item, position.variation)
            .ok_or(NoTicket::bad("item", BadReason::UnknownItem))?;
        if !is_ticket(position, product) {
            return Err(NoTicket::ByNature);
        }
        self.named_dates.extend(position.subevent);
        let secret = secret(&position.secret)?;
        let valid_from = moment(position.valid_from.as_deref(), "valid_from", Edge::From)?;
        let valid_until = moment(position.valid_until.as_deref(), "valid_until", Edge::Until)?;
        let seat = position.seat.as_ref().and_then(|seat| seat.name.as_deref());
        let channel = words(order.sales_channel.as_deref(), "sales_channel")?;
        Ok(ImportedTicket {
            place,
            external: Some(number_of(code, position.positionid)),
            order: Some(code.into()),
            type_name: self.texts.text(&product.kind.name),
            type_id: Some(self.texts.text(&product.kind.id())),
            holder: words(position.attendee_name.as_deref(), "attendee_name")?.map(Private::new),
            seat: words(seat, "seat")?.map(Into::into),
            zone: None,
            state: self.state(order, position)?,
            valid_from,
            valid_until,
            entries: None,
            quantity: None,
            instruction: self.instruction(order, product)?,
            session: position.subevent.map(|id| self.texts.text(&id.to_string())),
            other_sessions: Vec::new(),
            channel: channel.map(|channel| self.texts.text(&channel)),
            used: self.used(position),
            code: Some(secret),
            bits: 0,
        })
    }

    /// Lets a ticket be as the check-in list says that is taken over.
    fn admit_by_list(
        &mut self,
        ticket: &mut ImportedTicket,
        position: &Position,
    ) -> Result<(), ImportError> {
        let Some(list) = self.lists.of_date(position.subevent) else {
            return Ok(());
        };
        let window = self
            .lists
            .window(position.item, position.variation, position.subevent)?;
        ticket.valid_from = ticket.valid_from.max(window.from);
        ticket.valid_until = match (ticket.valid_until, window.until) {
            (Some(this), Some(other)) => Some(this.min(other)),
            (this, other) => this.or(other),
        };
        if ticket.state == State::Pending && list.include_pending {
            ticket.state = State::Valid;
            let asked = ticket.instruction.as_deref();
            let asked =
                asked.map_or_else(|| UNPAID.to_owned(), |asked| format!("{UNPAID}; {asked}"));
            ticket.instruction = Some(self.texts.text(&asked));
        }
        Ok(())
    }

    /// Whether a position was let in and not seen leaving, and on which lists.
    fn used(&mut self, position: &Position) -> Used {
        let at = |scan: &&CheckIn| {
            let text = scan.datetime.as_deref();
            text.and_then(|text| text.parse::<Timestamp>().ok())
        };
        let last = position.checkins.iter().max_by_key(at);
        if last.is_none_or(|last| last.kind == CheckInKind::Exit) {
            return Used::Never;
        }
        let entries = position.checkins.iter();
        let entries = entries.filter(|scan| scan.kind == CheckInKind::Entry);
        self.used_on.extend(entries.filter_map(|scan| scan.list));
        Used::Before
    }

    /// Cancelled before blocked before unpaid, so that the staff is told what weighs most.
    fn state(&mut self, order: &Order<'_>, position: &Position) -> Result<State, NoTicket> {
        let texts = &mut self.texts;
        let cancelled = |texts: &mut Shared, reason: &str| State::Cancelled {
            reason: texts.text(reason),
        };
        let of_order = match order.status.as_str() {
            "p" => State::Valid,
            // pretix and its own scanners ask this first.
            "n" if order.require_approval => State::Blocked {
                reason: texts.text(UNAPPROVED),
            },
            "n" if order.valid_if_pending => State::Valid,
            "n" => State::Pending,
            "e" => cancelled(texts, "order expired"),
            "c" => cancelled(texts, "order cancelled"),
            _ => return Err(NoTicket::bad("status", BadReason::UnknownOrderState)),
        };
        if matches!(of_order, State::Cancelled { .. }) {
            return Ok(of_order);
        }
        if position.canceled {
            return Ok(cancelled(texts, "cancelled"));
        }
        if self.secrets.is_revoked.contains(&position.secret) {
            return Ok(cancelled(texts, "its code was revoked"));
        }
        let reasons = position.blocked.as_deref().unwrap_or_default();
        if !reasons.is_empty() || self.secrets.blocked.contains(&position.secret) {
            let reasons = reasons.iter().map(|reason| blocking(reason));
            let reason = reasons.collect::<Vec<_>>().join(", ");
            let reason = words(Some(&reason), "blocked")?;
            return Ok(State::Blocked {
                reason: texts.text(reason.as_deref().unwrap_or("blocked by the organizer")),
            });
        }
        Ok(of_order)
    }

    fn instruction(
        &mut self,
        order: &Order<'_>,
        product: &Product,
    ) -> Result<Option<Text>, NoTicket> {
        let mut parts: Vec<Cow<'_, str>> = Vec::new();
        if order.checkin_attention || product.attention {
            parts.push(Cow::Borrowed(ATTENTION));
        }
        for text in order.checkin_text.iter().chain(&product.texts) {
            let text = clean(text, Content::Prose)
                .map_err(|reason| NoTicket::bad("checkin_text", reason))?;
            parts.extend(text);
        }
        Ok((!parts.is_empty()).then(|| self.texts.text(&parts.join("; "))))
    }
}

/// Times of pretix are in one zone and sort as text only if written alike: they are compared as moments.
fn is_newer(this: &Order<'_>, other: &Order<'_>) -> bool {
    let moment = |order: &Order<'_>| {
        let text = order.last_modified.as_deref()?;
        text.parse::<Timestamp>().ok()
    };
    moment(this) > moment(other)
}

/// The lasting number of a position: pretix counts the positions of each order.
fn number_of(order: &str, position: u64) -> Box<str> {
    format!("{order}-{position}").into()
}

/// pretix makes tickets of main positions unless the product forbids it, and of add-ons only if they give
/// admission or the product asks for it.
fn is_ticket(position: &Position, product: &Product) -> bool {
    let by_default = position.addon_to.is_none() || product.kind.admission;
    product.generate_tickets.unwrap_or(by_default)
}

/// pretix names who blocked: "admin", or "api:" and a word of the caller.
fn blocking(reason: &str) -> &str {
    match reason {
        "admin" => "blocked by the organizer",
        other => other.strip_prefix("api:").unwrap_or(other),
    }
}

/// A secret stands in JSON as it is in the code: nothing is undone.
fn secret(text: &str) -> Result<TicketCodeText, NoTicket> {
    match code_text(text) {
        Ok(Some(code)) => Ok(code),
        Ok(None) => Err(NoTicket::bad("secret", BadReason::BarcodeMissing)),
        Err(reason) => Err(NoTicket::bad("secret", reason)),
    }
}

fn words<'t>(text: Option<&'t str>, field: &'static str) -> Result<Option<Cow<'t, str>>, NoTicket> {
    let Some(text) = text else { return Ok(None) };
    clean(text, Content::Words).map_err(|reason| NoTicket::bad(field, reason))
}

fn moment(text: Option<&str>, field: &'static str, edge: Edge) -> Result<Option<i64>, NoTicket> {
    let Some(text) = text else { return Ok(None) };
    // The last days of the year 9999 are no moment that can be read, and mean for ever.
    let year = text.split('-').next().and_then(|year| year.parse().ok());
    if year.is_some_and(|year| is_no_bound(year, edge)) {
        return Ok(None);
    }
    match text.parse::<Timestamp>() {
        Ok(moment) => Ok(Some(moment.as_second())),
        Err(_) => Err(NoTicket::bad(field, BadReason::UnknownDate)),
    }
}
