//! A session as a gate knows it: its names, times, places and rules.

use crate::cose::PublicKey;
use crate::hash::Hash;
use crate::ids::{DeviceId, EventId, GateId, OrganizerId, ScopeId, SessionId, ZoneId};
use crate::numbers::{AccessNumber, TypeNumber};
use crate::rules::{LEAVING_MINUTES, Rules};
use crate::time::UnixMillis;
use minicbor::{Decode, Encode};

/// Everything but the tickets that a gate needs for one session; part of the signed manifest.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct SessionTerms {
    /// The organizer whose root the set key descends from.
    #[n(0)]
    pub organizer: OrganizerId,
    /// The event.
    #[n(1)]
    pub event: EventId,
    /// The event's name.
    #[n(2)]
    pub event_name: String,
    /// When and under what name the session runs, and which codes it accepts.
    #[n(3)]
    pub session: SessionSummary,
    /// The scope whose feed and merged state the session shares.
    #[n(4)]
    pub scope: ScopeId,
    /// IANA name of the venue's time zone, for people.
    #[n(5)]
    pub time_zone: String,
    /// The rules.
    #[n(6)]
    pub rules: Rules,
    /// Ticket types by number.
    #[n(7)]
    pub types: Vec<TypeName>,
    /// Zones of the venue.
    #[n(8)]
    pub zones: Vec<ZoneName>,
    /// Gates of the venue.
    #[n(9)]
    pub gates: Vec<GateName>,
    /// The organizer's other sessions of the same event or near in time, so that a wrong session can be told
    /// the right one.
    #[n(10)]
    pub others: Vec<SessionSummary>,
    /// Keys under which `pretix_sig1` secrets of this event verify.
    #[n(11)]
    pub pretix: Option<PretixTerms>,
    /// Names of the sales channels that rows refer to by index.
    #[n(12)]
    pub channels: Vec<String>,
    /// Tickets by channel and state, for comparison with what the sellers say.
    #[n(13)]
    pub counts: Vec<ChannelCount>,
    /// The one server that may confirm claims of the scope; none while nobody may.
    #[n(14)]
    pub authority: Option<Authority>,
    /// What somebody in charge says to gates, the oldest first.
    #[n(15)]
    pub notices: Option<Vec<GateNotice>>,
    /// What event and session are called in paths; older servers do not tell.
    #[n(16)]
    pub slugs: Option<Slugs>,
}

/// What an event and its session are called in paths and commands.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Slugs {
    /// The event.
    #[n(0)]
    pub event: String,
    /// The session.
    #[n(1)]
    pub session: String,
}

/// What somebody in charge says to gates. A [`crate::record::Notice`] in the authority's log says by its
/// hash that it was said.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct GateNotice {
    /// The words: one line, from a person.
    #[n(0)]
    pub text: String,
    /// Who said it, as the server knows them.
    #[n(1)]
    pub by: String,
    /// The gate it is for; none for all.
    #[n(2)]
    pub gate: Option<GateId>,
    /// When it was said.
    #[n(3)]
    pub at: UnixMillis,
    /// Not shown after.
    #[n(4)]
    pub until: UnixMillis,
}

impl GateNotice {
    /// What the record of it names.
    #[must_use]
    pub fn hash(&self) -> Hash {
        Hash::of(&[self.text.as_bytes()])
    }
}

/// The one server that may confirm claims of a scope, and its term of office. Of a later term nothing
/// that an earlier one confirmed is taken back, and nothing new is confirmed by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct Authority {
    /// The id under which the server writes its own log.
    #[n(0)]
    pub server: DeviceId,
    /// Rises whenever another server takes office.
    #[n(1)]
    pub term: u32,
}

/// A session in a timetable.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct SessionSummary {
    /// The session.
    #[n(0)]
    pub id: SessionId,
    /// Its name.
    #[n(1)]
    pub name: String,
    /// When the doors open.
    #[n(2)]
    pub doors: UnixMillis,
    /// When it starts.
    #[n(3)]
    pub starts: UnixMillis,
    /// When it ends.
    #[n(4)]
    pub ends: UnixMillis,
    /// Access numbers it accepts: its own and those of passes that include it.
    #[n(5)]
    pub accepts: Vec<AccessNumber>,
    /// The event it belongs to.
    #[n(6)]
    pub event: EventId,
}

impl SessionSummary {
    /// First and last point at which a ticket is let in under these rules: from some minutes before the
    /// doors open until some minutes after the end.
    #[must_use]
    pub fn entry_window(&self, rules: &Rules) -> (UnixMillis, UnixMillis) {
        let minutes = |count: u32| i64::from(count) * 60_000;
        (
            self.doors.shifted(-minutes(rules.early_minutes)),
            self.ends.shifted(minutes(rules.late_minutes)),
        )
    }
}

impl SessionSummary {
    /// Until when people are let out under these rules: never before entry ends.
    #[must_use]
    pub fn leaving_ends(&self, rules: &Rules) -> UnixMillis {
        let minutes = rules.leaving_minutes.unwrap_or(LEAVING_MINUTES);
        let (_, closes) = self.entry_window(rules);
        closes.max(self.ends.shifted(i64::from(minutes) * 60_000))
    }
}

/// A ticket type's number and name.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct TypeName {
    /// The number that codes and rows carry.
    #[n(0)]
    pub number: TypeNumber,
    /// The name people know.
    #[n(1)]
    pub name: String,
}

/// A zone's id and name.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct ZoneName {
    /// The zone.
    #[n(0)]
    pub id: ZoneId,
    /// Its name.
    #[n(1)]
    pub name: String,
}

/// A gate's id, name and zone.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct GateName {
    /// The gate.
    #[n(0)]
    pub id: GateId,
    /// Its name.
    #[n(1)]
    pub name: String,
    /// The zone it leads to; none means the whole venue.
    #[n(2)]
    pub zone: Option<ZoneId>,
}

/// What is needed to read a pretix event's signed secrets.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct PretixTerms {
    /// All valid keys; each is tried.
    #[n(0)]
    pub keys: Vec<PublicKey>,
    /// pretix items (and variations) and the ticket types they became.
    #[n(1)]
    pub items: Vec<PretixItem>,
    /// Dates of the series with the sessions that they became, the nearest ones; none from older programs.
    #[n(2)]
    pub dates: Option<Vec<PretixDate>>,
}

impl PretixTerms {
    /// The ticket type that an item became: that of the very variation before that of the item.
    #[must_use]
    pub fn type_of(&self, item: i64, variation: Option<i64>) -> Option<TypeNumber> {
        let item = u64::try_from(item).ok()?;
        let variation = variation.and_then(|number| u64::try_from(number).ok());
        let entry = |wanted: Option<u64>| {
            self.items
                .iter()
                .find(|entry| entry.item == item && entry.variation == wanted)
        };
        entry(variation)
            .or_else(|| entry(None))
            .map(|entry| entry.type_number)
    }

    /// What staff must check for a type, by what the shop says of its products.
    #[must_use]
    pub fn instruction_of(&self, number: TypeNumber) -> Option<&str> {
        let mut items = self.items.iter();
        items.find_map(|item| {
            let text = item.instruction.as_deref();
            text.filter(|_| item.type_number == number)
        })
    }

    /// The sessions that a date of the series became.
    pub fn sessions_of(&self, subevent: u64) -> impl Iterator<Item = &PretixDate> {
        let dates = self.dates.iter().flatten();
        dates.filter(move |date| date.subevent == subevent)
    }

    /// The dates of the series that a session is.
    pub fn dates_of(&self, session: SessionId) -> impl Iterator<Item = u64> {
        let dates = self.dates.iter().flatten();
        dates
            .filter(move |date| date.session == session)
            .map(|date| date.subevent)
    }
}

/// A pretix item or variation and the ticket type it became.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct PretixItem {
    /// pretix's item number.
    #[n(0)]
    pub item: u64,
    /// The type here.
    #[n(1)]
    pub type_number: TypeNumber,
    /// pretix's variation number; none stands for the item without or with any other variation.
    #[n(2)]
    pub variation: Option<u64>,
    /// What staff must check before letting in who holds it.
    #[n(3)]
    pub instruction: Option<String>,
}

/// A date of a pretix series and the session that it became.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct PretixDate {
    /// pretix's number of the date.
    #[n(0)]
    pub subevent: u64,
    /// The session here.
    #[n(1)]
    pub session: SessionId,
    /// The session's name, for people.
    #[n(2)]
    pub name: String,
}

/// How many tickets one sales channel has in each state.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct ChannelCount {
    /// Index into the channels.
    #[n(0)]
    pub channel: u8,
    /// Tickets that may enter.
    #[n(1)]
    pub valid: u64,
    /// Cancelled tickets.
    #[n(2)]
    pub cancelled: u64,
    /// Blocked tickets.
    #[n(3)]
    pub blocked: u64,
}

impl SessionTerms {
    /// A gate's entry, if the venue still has it.
    #[must_use]
    pub fn gate(&self, id: GateId) -> Option<&GateName> {
        self.gates.iter().find(|gate| gate.id == id)
    }

    /// A zone's name, if the venue still has it.
    #[must_use]
    pub fn zone(&self, id: ZoneId) -> Option<&ZoneName> {
        self.zones.iter().find(|zone| zone.id == id)
    }

    /// What is said to a gate at a time; a spare hears what is said to all.
    pub fn notices_for(
        &self,
        gate: Option<GateId>,
        now: UnixMillis,
    ) -> impl Iterator<Item = &GateNotice> {
        let all = self.notices.iter().flatten();
        all.filter(move |notice| {
            let is_meant = notice.gate.is_none() || notice.gate == gate;
            is_meant && now < notice.until
        })
    }

    /// Whether codes with this access number enter here.
    #[must_use]
    pub fn accepts(&self, number: AccessNumber) -> bool {
        self.session.accepts.contains(&number)
    }
}
