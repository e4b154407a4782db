//! Things that an organizer configures, and single values.

use super::Result;
use usher_domain::time::UnixMillis;

/// The 16 bytes of any id.
pub type Id = [u8; 16];

/// What a thing is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// An organizer; its parent is all zeros.
    Organizer = 1,
    /// An event of an organizer.
    Event = 2,
    /// A session of an event.
    Session = 3,
    /// A ticket type of an event.
    TicketType = 4,
    /// A zone of an organizer's venue.
    Zone = 5,
    /// A gate of an organizer's venue.
    Gate = 6,
    /// An API token of an organizer.
    Token = 7,
    /// An enrollment code of an organizer.
    Enrollment = 8,
    /// A device of an organizer.
    Device = 9,
    /// A member of staff of an organizer.
    Staff = 10,
}

/// A thing: an id, what it belongs to, maybe a name for paths, and a body that only services read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entity {
    /// What it is.
    pub kind: Kind,
    /// Its id, unique over all kinds.
    pub id: Id,
    /// What it belongs to.
    pub parent: Id,
    /// Name for paths, unique among its kind in its parent.
    pub slug: Option<String>,
    /// Everything else.
    pub body: Vec<u8>,
}

/// What a thing is and what it belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Belonging {
    /// What it is, as the number of its [`Kind`].
    pub kind: u8,
    /// What it belongs to.
    pub parent: Id,
}

/// What a single value is about; keys are unique within.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Space {
    /// Facts about this database: its epoch, the server's own secrets.
    Server = 1,
    /// Seeds of signing keys.
    Seed = 2,
    /// Answers by idempotency key; old ones are forgotten.
    Idempotency = 3,
    /// Signed documents in force.
    Document = 4,
    /// The next free number of a series.
    Counter = 5,
    /// The server's own log in a scope.
    ServerLog = 6,
    /// What a device last told of itself.
    DeviceStatus = 7,
    /// What is known of an event besides its names: channels, keys of other sellers.
    Event = 8,
    /// The scope that took in a scope.
    JoinedScope = 9,
    /// How far the records of a scope are interpreted.
    Interpreted = 10,
    /// What was counted at a session.
    Tally = 11,
    /// What an incident said when a person closed it.
    ClosedIncident = 12,
    /// When and where a badge was in use.
    BadgeUse = 13,
    /// Scopes that a device was told of.
    ToldScope = 14,
    /// The epoch in which a device was last heard.
    HeardIn = 15,
    /// How much a device wrote lately.
    Written = 16,
    /// How far the versions of a table went in each epoch before the present one.
    ReachedVersions = 17,
    /// The records that a cut of a log lets count.
    CutExtent = 20,
    /// What former images of a ticket said of its type, entries and sessions.
    FormerEntitlements = 21,
    /// Whose records in a scope claim the approval of a key.
    ApprovedBy = 22,
    /// The number by which people call an incident.
    IncidentNumber = 23,
    /// The incident of a number.
    NumberedIncident = 24,
    /// An incident as it was when a person closed it.
    ClosedIncidentBody = 25,
    /// What people wrote down about an incident.
    IncidentNotes = 26,
    /// Trust documents that devices handed back.
    HandedTrust = 27,
}

/// Configured things and single values.
pub trait Things {
    /// The thing of this id, if it is of this kind.
    ///
    /// # Errors
    /// [`super::StorageError`].
    fn entity(&self, kind: Kind, id: &Id) -> Result<Option<Entity>>;

    /// The thing of this name in its parent.
    ///
    /// # Errors
    /// [`super::StorageError`].
    fn entity_named(&self, kind: Kind, parent: &Id, slug: &str) -> Result<Option<Entity>>;

    /// Things of a parent by rising id, at most `limit`, those after `after`.
    ///
    /// # Errors
    /// [`super::StorageError`].
    fn entities(
        &self,
        kind: Kind,
        parent: &Id,
        after: Option<&Id>,
        limit: u32,
    ) -> Result<Vec<Entity>>;

    /// What the thing of this id is and what it belongs to, whatever its kind.
    ///
    /// # Errors
    /// [`super::StorageError`].
    fn belonging(&self, id: &Id) -> Result<Option<Belonging>>;

    /// Creates a thing, or replaces name and body of the one that is there. Kind and parent of a thing
    /// never change.
    ///
    /// # Errors
    /// [`super::StorageError::Taken`] if another has the name, [`super::StorageError::OtherOwner`] if the
    /// thing of this id is of another kind or has another parent.
    fn put_entity(&mut self, entity: &Entity) -> Result<()>;

    /// A single value.
    ///
    /// # Errors
    /// [`super::StorageError`].
    fn value(&self, space: Space, key: &[u8]) -> Result<Option<Vec<u8>>>;

    /// Creates or replaces a single value.
    ///
    /// # Errors
    /// [`super::StorageError`].
    fn put_value(&mut self, space: Space, key: &[u8], value: &[u8], at: UnixMillis) -> Result<()>;

    /// Forgets values of a space that were put before a time. Only for what is no fact.
    ///
    /// # Errors
    /// [`super::StorageError`].
    fn forget_values(&mut self, space: Space, before: UnixMillis) -> Result<()>;
}
