//! Rules broken on purpose, to see whether the simulation of a venue notices.
//!
//! None of this exists in a program that serves anybody: without the feature `mutants`, which nothing but
//! the simulation asks for, [`mutated!`](crate::mutated) is the word `false`.
//!
//! A rule is broken for one thread at a time, so that others go on beside it.

use std::cell::Cell;

macro_rules! mutants {
    ($($(#[doc = $doc:literal])+ $name:ident,)+) => {
        /// A rule that can be broken.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Mutant {
            $($(#[doc = $doc])+ $name,)+
        }

        impl Mutant {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// What is done wrong.
            #[must_use]
            pub const fn what(self) -> &'static str {
                match self { $(Self::$name => concat!($($doc),+),)+ }
            }
        }
    };
}

mutants! {
    /// A device does not sync its disk before it answers.
    SkipFsync,
    /// The server does not sync its disk before it answers.
    ServerSkipsFsync,
    /// The server answers before it commits.
    AcknowledgeBeforeCommit,
    /// A device writes a second record under the sequence of the last one.
    ReuseSequence,
    /// The chain of a batch is not checked.
    SkipChainCheck,
    /// A device does not care that the server's epoch is another.
    IgnoreEpoch,
    /// A document of the version that is held, or of an older one, is taken in, whatever it says.
    AcceptOldVersion,
    /// Stamps are the device's time alone.
    SortByDeviceTime,
    /// A stamp does not come after what is known of the ticket.
    StampIgnoresKnown,
    /// A page of the feed begins one batch too late now and then.
    FeedSkips,
    /// A device does not say which batch it read last of a feed.
    ReadOnOverHole,
    /// A device notes its place in a feed without the last batch.
    PlaceWithoutRecords,
    /// A revoked device does not hand in what it recorded.
    DropUnsentOnRevocation,
    /// A device that knows of its revocation goes on.
    GoOnWhenRevoked,
    /// A restored server takes back rows of lower revision.
    TakeBackLowerRevision,
    /// A restored server is handed back nothing.
    HandNothingBack,
    /// A device forgets what it handed back while it waits for a person there.
    ForgetHandBack,
    /// A device forgets what a restored server takes later of others' logs.
    ForgetPutOff,
    /// Merging passes over what was taken back.
    IgnoreUndo,
    /// Merging counts what comes after a cut.
    CountAfterCut,
    /// Merging passes over "everyone out".
    IgnoreEveryoneOut,
    /// Merging passes over that "everyone out" was taken back.
    IgnoreOutTakenBack,
    /// The same attempt is decided anew.
    DecideAnew,
    /// A cancelled ticket is let in.
    AdmitCancelled,
    /// A device decides without what others told of the ticket.
    ForgetOthers,
    /// Excess admissions of a ticket beyond the first are not told.
    TellFirstExcessOnly,
    /// The authority passes over what it granted to others.
    GrantTwice,
    /// The authority reserves nothing of what it grants.
    ReserveNothing,
    /// A record does not end the reservation of its attempt.
    ForgetRelease,
    /// A device does not give up what it was granted and does not use.
    ForgetToGiveUp,
    /// The authority says "confirmed" although devices are silent.
    ConfirmThoughSilent,
    /// The authority does not ask a ticket's home.
    AskNoHome,
    /// The authority confirms although a ticket's home was stood down.
    ForgetStoodDownHome,
    /// The authority goes by the signs of life of a copied device.
    IgnoreCopies,
    /// A device that was stood down is not on duty again when it is heard.
    StayStoodDown,
    /// A stand-down says that all of the device's log is known.
    OverstateStandDown,
    /// A home that signed off lets its tickets in alone.
    StayHomeWhenSignedOff,
    /// A home that is on duty again is not told of whom others let in at this moment.
    TellNoHomeThatIsBack,
    /// People on their way into a zone are not counted.
    ForgetWhoIsOnTheWay,
    /// A full zone is no reason.
    AdmitToFullZone,
    /// Merging counts those who walked through an open gate as entries.
    CountFreeFlow,
    /// Merging does not count who came in by a ticket that somebody was inside with.
    ForgetOthersInside,
    /// Merging believes an override that no supervisor signed.
    BelieveForgedOverride,
    /// Merging believes an override of a supervisor whose key counted no longer.
    BelieveRevokedSupervisor,
    /// Merging believes an override as often as it is used.
    OverrideUsedTwice,
    /// Merging lets any device take back what another one recorded.
    UndoByAnybody,
    /// Merging passes over a person's word on records that wait.
    IgnoreRulings,
    /// A home forgets that it holds a ticket back.
    ForgetToHoldBack,
    /// The authority passes over the records that came with a claim.
    IgnoreUnsent,
    /// The authority decides although the gate knows of an entry that it lacks.
    PassOverLastEntry,
    /// The authority grants to devices of another epoch.
    GrantAcrossEpochs,
    /// The authority grants an attempt that a record ended.
    GrantEndedAttempt,
    /// A stamp counts however far it is ahead of the time at which its record arrived.
    BelieveFarStamps,
    /// A cut goes by the sequence of a record and not by the chain of its log.
    CutBySequence,
    /// Of several cuts of a log the one counts that takes the least away.
    LargestCutWins,
    /// A record of another device ends an attempt.
    AnybodyEndsAttempts,
    /// Merging passes over what the server corrected of a ticket's entries.
    BelieveClaimedEntries,
    /// Merging believes that a session let tickets of another one in.
    BelieveClaimedHonour,
    /// Merging believes that a gate was open.
    BelieveClaimedFreeFlow,
    /// A device may write as much as it likes.
    IgnoreQuota,
    /// Rows that are handed back and give rights are taken without a person's word.
    TakeWhatGivesRights,
    /// Admissions are judged by what their ticket is now, not by what it was then.
    JudgeByPresentImage,
    /// Nobody is told of admissions that their ticket's state forbade.
    TellNoForbidden,
    /// A gate decides without what the server corrected of the ticket's records.
    ForgetCorrections,
    /// A pass is a ticket of those sessions alone whose sets list it.
    PassOfOneSessionOnly,
    /// The entries of a pass are counted at each session apart, whatever its rule says.
    CountPassesApart,
    /// The entries of passes are counted over all sessions together, whatever their rule says.
    CountPassesTogether,
    /// A ticket that another session lets in is counted there and not at its own.
    CountHonouredWhereLetIn,
    /// A gate lets in tickets of another session also after that is over.
    HonourForEver,
    /// A gate serves tickets of all sessions that it holds.
    ServeEverySession,
    /// Everyone out sends out who is inside at any session.
    SendOutEverySession,
    /// An exit takes out whoever is inside at another session of a pass.
    ExitForgetsOtherSession,
    /// An enrollment code enrolls a device for each key that shows it.
    EnrollAnyNumber,
    /// A withdrawn enrollment code enrolls devices.
    EnrollAfterWithdrawal,
    /// An enrollment code enrolls devices after its time.
    EnrollAfterEnd,
    /// The same key is enrolled once more each time it asks.
    EnrollSameKeyTwice,
    /// A device draws another key when it asks once more to be enrolled.
    ForgetEnrollmentKey,
    /// A restored server forgets the trust documents that devices hand back.
    IgnoreHandedTrust,
}

thread_local! {
    static BROKEN: Cell<Option<Mutant>> = const { Cell::new(None) };
}

/// Breaks a rule in this thread, or none any more.
pub fn break_rule(mutant: Option<Mutant>) {
    BROKEN.set(mutant);
}

/// Whether a rule is broken in this thread.
#[must_use]
pub fn is_broken(mutant: Mutant) -> bool {
    BROKEN.get() == Some(mutant)
}
