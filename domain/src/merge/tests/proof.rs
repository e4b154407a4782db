//! Overrides and undos that only a supervisor's signature makes what they claim to be.

use super::*;
use crate::document::undo::UndoApproval;

const fn attempt(number: u8) -> AttemptId {
    AttemptId::from_bytes([number; 16])
}

fn attempted(number: u8) -> Scan {
    Scan {
        attempt: attempt(number),
        ..scan(ticket(1))
    }
}

/// A ticket inside, and the supervisor's key listed until then.
fn inside(until: Option<u64>) -> Story {
    let mut story = Story::default();
    story.lists_key(0, until);
    story.scans(NORTH, 10, attempted(1));
    story
}

/// The claims of a story that nothing proves, by the records that make them.
fn unproved(story: &Story) -> Vec<(UnprovedClaim, Hash)> {
    let lines = story.lines();
    let claims = unproved_claims(&story.ground(), &lines);
    let claims = claims.iter();
    claims.map(|one| (one.claim, one.line.hash)).collect()
}

#[test]
fn a_forged_override_is_excess_and_a_signed_one_is_not() {
    let mut story = inside(None);
    story.overrides(SOUTH, 20, attempted(2));
    assert_eq!(
        (story.excess(ticket(1)), unproved(&story)),
        (vec![], vec![])
    );
    let forged = story.scans(SOUTH, 30, forged_override(ticket(1)));
    assert_eq!(story.excess(ticket(1)), [forged]);
    assert_eq!(unproved(&story), [(UnprovedClaim::Override, forged)]);
}

#[test]
fn an_override_must_say_all_that_its_record_says() {
    let other_key = SigningKey::from_seed(&Seed::new([4; 32]));
    let at = 20;
    let right = || sanction(SOUTH, at, &attempted(2));
    let wrong: [(&str, Sanction); 8] = [
        (
            "session",
            Sanction {
                session: MATINEE,
                ..right()
            },
        ),
        (
            "subject",
            Sanction {
                subject: ticket(2),
                ..right()
            },
        ),
        (
            "attempt",
            Sanction {
                attempt: attempt(3),
                ..right()
            },
        ),
        (
            "device",
            Sanction {
                device: NORTH,
                ..right()
            },
        ),
        (
            "staff",
            Sanction {
                supervisor: StaffId::from_bytes([4; 16]),
                ..right()
            },
        ),
        (
            "expired",
            Sanction {
                expires_at: ms(at - 1),
                ..right()
            },
        ),
        (
            "long-lived",
            Sanction {
                expires_at: ms(at + 300_001),
                ..right()
            },
        ),
        (
            "taken over",
            Sanction {
                refused: attempt(9),
                ..right()
            },
        ),
    ];
    let over = Scan {
        takes_over: Some(attempt(2)),
        ..attempted(2)
    };
    for (what, sanction) in wrong {
        let mut story = inside(None);
        let forged = sanctioned(&sanction, &supervisor_key(), over.clone());
        let record = story.scans(SOUTH, at, forged);
        assert_eq!(story.excess(ticket(1)), [record], "{what}");
    }
    let mut story = inside(None);
    let record = story.scans(SOUTH, at, sanctioned(&right(), &other_key, over.clone()));
    assert_eq!(story.excess(ticket(1)), [record]);
    for expires_at in [ms(at), ms(at + 300_000)] {
        let mut story = inside(None);
        let right = Sanction {
            expires_at,
            ..right()
        };
        story.scans(
            SOUTH,
            at,
            sanctioned(&right, &supervisor_key(), over.clone()),
        );
        assert_eq!(story.excess(ticket(1)), []);
    }
}

#[test]
fn a_key_proves_nothing_from_its_end_on_and_the_first_end_counts() {
    for (stamp, until, excess) in [(19, 20, 0), (20, 20, 1)] {
        let mut story = inside(None);
        story.overrides(SOUTH, stamp, attempted(2));
        story.lists_key(30, Some(until));
        story.lists_key(31, Some(1_000));
        story.lists_key(32, None);
        assert_eq!(story.excess(ticket(1)).len(), excess, "{stamp} {until}");
    }
}

#[test]
fn nobody_but_the_authority_lists_a_key() {
    let mut story = Story::default();
    let listed = OverrideKey {
        staff: SUPERVISOR,
        key: supervisor_key().public(),
        until: None,
    };
    story.says(NORTH, 0, Body::OverrideKey(listed));
    story.scans(NORTH, 10, attempted(1));
    let forged = story.overrides(NORTH, 20, attempted(2));
    assert_eq!(story.excess(ticket(1)), [forged]);
}

#[test]
fn one_signature_lets_one_person_in() {
    let mut story = inside(None);
    let signed = sanction(SOUTH, 20, &attempted(2));
    let once = sanctioned(&signed, &supervisor_key(), attempted(2));
    let later = story.scans(SOUTH, 21, once.clone());
    assert_eq!(story.excess(ticket(1)), []);
    // The first in the order of merging is the override, whichever was known first.
    let earlier = story.scans(SOUTH, 20, once);
    assert_eq!(story.excess(ticket(1)), [later]);
    assert_eq!(unproved(&story), [(UnprovedClaim::UsedOverride, later)]);
    // Taking it back gives the signature back to nobody.
    story.undoes(SOUTH, 22, earlier, ticket(1));
    assert_eq!(story.excess(ticket(1)), [later]);
}

#[test]
fn an_accepted_record_is_an_override_without_a_signature() {
    let mut story = inside(None);
    let forged = story.scans(SOUTH, 20, forged_override(ticket(1)));
    story.rules_on(30, forged, RulingWord::Accept);
    assert_eq!(
        (story.excess(ticket(1)), unproved(&story)),
        (vec![], vec![])
    );
    // What claims to be none is none, whoever accepted it.
    let ordinary = story.scans(SOUTH, 40, attempted(3));
    story.rules_on(41, ordinary, RulingWord::Accept);
    assert_eq!(story.excess(ticket(1)), [ordinary]);
}

#[test]
fn a_forged_override_takes_nothing_over_and_settles_nothing() {
    let mut story = inside(None);
    let over = Scan {
        takes_over: Some(attempt(1)),
        attempt: attempt(2),
        ..forged_override(ticket(1))
    };
    let lines = |story: &Story| story.lines();
    story.scans(SOUTH, 20, over);
    let ground = story.ground();
    let ended = endings(&ground, &lines(&story));
    let admitted = story.lines()[1].hash;
    assert_eq!(
        ended.of(NORTH, attempt(1)),
        Some(Ending::Admitted(admitted))
    );
    assert_eq!(overridden_at(&ground, &lines(&story)), None);
    story.overrides(SOUTH, 30, attempted(3));
    assert_eq!(overridden_at(&ground, &lines(&story)), Some(ms(30)));
}

/// An undo of `of` by a device, as a supervisor approved of it.
fn approved_undo(device: DeviceId, stamp: u64, of: Hash) -> Undo {
    let approval = UndoApproval {
        session: EVENING,
        subject: ticket(1),
        of,
        device,
        supervisor: SUPERVISOR,
        reason: SanctionReason::GateMistake,
        expires_at: ms(stamp + 60_000),
    };
    Undo {
        of,
        session: EVENING,
        subject: ticket(1),
        operator: None,
        approval: Some(document::sign(&approval, &supervisor_key()).into()),
    }
}

#[test]
fn no_device_takes_back_what_another_recorded_but_with_a_signature() {
    let mut story = inside(None);
    let admitted = story.lines()[1].hash;
    let undo = story.undoes(SOUTH, 20, admitted, ticket(1));
    assert_eq!(story.state(ticket(1)).entries, 1);
    assert_eq!(unproved(&story), [(UnprovedClaim::Undo, undo)]);
    let signed = approved_undo(SOUTH, 21, admitted);
    // What was signed for one device is worth nothing on another.
    story.says(device_of(5), 21, Body::Undo(signed.clone()));
    assert_eq!(story.state(ticket(1)).entries, 1);
    story.says(SOUTH, 21, Body::Undo(signed));
    assert_eq!(story.state(ticket(1)).entries, 0);
}

const fn device_of(number: u8) -> DeviceId {
    DeviceId::from_bytes([number; 16])
}

#[test]
fn a_signature_for_one_record_takes_back_no_other() {
    let mut story = inside(None);
    let (first, other) = (story.lines()[1].hash, Hash::of(&[b"another"]));
    let signed = approved_undo(SOUTH, 20, other);
    let undo = Undo {
        of: first,
        ..signed
    };
    story.says(SOUTH, 20, Body::Undo(undo));
    assert_eq!(story.state(ticket(1)).entries, 1);
    let late = approved_undo(SOUTH, 20, first);
    story.says(SOUTH, 60_021, Body::Undo(late));
    assert_eq!(story.state(ticket(1)).entries, 1);
}

#[test]
fn an_undo_is_judged_alike_whether_it_is_known_before_its_target_or_after() {
    let mut story = Story::default();
    let mut gate = Story::default();
    let admitted = gate.scans(NORTH, 10, attempted(1));
    story.undoes(SOUTH, 5, admitted, ticket(1));
    assert_eq!((story.states(), unproved(&story)), (States::new(), vec![]));
    story.entries.extend(gate.entries);
    assert_eq!(story.state(ticket(1)).entries, 1);
    assert_eq!(unproved(&story).len(), 1);
    story.undoes(NORTH, 5, admitted, ticket(1));
    assert_eq!(story.state(ticket(1)).entries, 0);
}

#[test]
fn an_accepted_undo_takes_back() {
    let mut story = inside(None);
    let admitted = story.lines()[1].hash;
    let undo = story.undoes(SOUTH, 20, admitted, ticket(1));
    story.rules_on(30, undo, RulingWord::Accept);
    assert_eq!(story.state(ticket(1)).entries, 0);
}
