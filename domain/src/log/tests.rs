use super::*;
use crate::ids::{DeviceId, LogId, SessionId};
use crate::record::{Subject, Undo};
use crate::secret::Seed;
use proptest::prelude::*;

const LOG: LogRef = LogRef {
    device: DeviceId::from_bytes([1; 16]),
    log: LogId::from_bytes([2; 16]),
};
const SCOPE: ScopeId = ScopeId::from_bytes([3; 16]);

fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(&Seed::new([seed; 32]))
}

fn body(number: u8) -> Body {
    Body::Undo(Undo {
        of: Hash::from_bytes([number; 32]),
        session: SessionId::from_bytes([4; 16]),
        subject: Subject::Nothing,
        operator: None,
        approval: None,
    })
}

/// The encodings of a log of `count` records.
fn log(count: u8) -> Vec<Vec<u8>> {
    let mut end = LogEnd::empty(LOG, SCOPE);
    (0..count)
        .map(|n| end.append(UnixMillis::new(n.into()), body(n)).encoded)
        .collect()
}

fn verify(batch: &Batch) -> Result<VerifiedBatch, BatchError> {
    verify_batch(batch, &key(1).public())
}

fn signed(records: Vec<Vec<u8>>) -> Batch {
    sign_batch(&key(1), records).unwrap()
}

/// A batch with a true signature over a head that `change` made wrong.
fn with_head(change: impl FnOnce(&mut BatchHead)) -> Batch {
    let good = signed(log(3));
    let mut head = verify(&good).unwrap().head().clone();
    change(&mut head);
    Batch {
        head: cose::sign(&key(1), ContentType::BATCH, &cbor::encode(&head)).into(),
        records: good.records,
    }
}

#[test]
fn a_batch_gives_its_records_with_their_bytes_and_hashes() {
    let records = log(3);
    let batch = signed(records.clone());
    let verified = verify(&batch).unwrap();
    assert_eq!((verified.head().first, verified.head().count), (1, 3));
    assert_eq!(verified.head().before, Hash::ZERO);
    for (entry, encoded) in verified.entries().iter().zip(&records) {
        assert_eq!(&entry.encoded, encoded);
        assert_eq!(entry.hash, Hash::of(&[encoded]));
        assert_eq!(entry.line(), Line::read(encoded).ok());
        assert_eq!(entry.record.as_ref().unwrap().encode(), *encoded);
    }
    let last = verified.into_entries().pop().unwrap();
    assert_eq!((last.head().sequence, last.head().log), (3, LOG));
}

#[test]
fn a_batch_claims_whose_it_is() {
    let batch = signed(log(3));
    assert_eq!(
        unverified_head(&batch).as_ref(),
        Ok(verify(&batch).unwrap().head())
    );
}

#[test]
fn a_log_can_be_sent_again_in_other_batches() {
    let records = log(5);
    let whole = verify(&signed(records.clone())).unwrap().into_entries();
    let mut parts = Vec::new();
    for part in records.chunks(2) {
        parts.extend(verify(&signed(part.to_vec())).unwrap().into_entries());
    }
    assert_eq!(whole, parts);
}

#[test]
fn a_batch_of_another_key_is_refused() {
    let batch = sign_batch(&key(2), log(2)).unwrap();
    assert!(matches!(verify(&batch), Err(BatchError::Signature(_))));
}

#[test]
fn a_head_signed_for_another_purpose_is_refused() {
    let good = signed(log(1));
    let head = verify(&good).unwrap().head().clone();
    let batch = Batch {
        head: cose::sign(&key(1), ContentType::SET, &cbor::encode(&head)).into(),
        records: good.records,
    };
    assert_eq!(
        verify(&batch),
        Err(BatchError::Signature(VerifyError::BadSignature))
    );
}

#[test]
fn a_head_that_is_not_signed_or_not_readable_is_refused() {
    let records: Vec<_> = log(1).into_iter().map(Into::into).collect();
    let unsigned = Batch {
        head: vec![1, 2, 3].into(),
        records: records.clone(),
    };
    assert!(matches!(verify(&unsigned), Err(BatchError::Envelope(_))));
    let unreadable = Batch {
        head: cose::sign(&key(1), ContentType::BATCH, &[0x80]).into(),
        records,
    };
    assert!(matches!(verify(&unreadable), Err(BatchError::Head(_))));
}

#[test]
fn a_batch_of_no_or_too_many_records_is_refused() {
    assert_eq!(sign_batch(&key(1), vec![]), Err(BatchError::Size));
    let mut batch = signed(log(1));
    batch.records.clear();
    assert_eq!(verify(&batch), Err(BatchError::Size));
    batch.records = vec![vec![0x80].into(); BATCH_RECORDS_MAX + 1];
    assert_eq!(verify(&batch), Err(BatchError::Size));
    batch.records = vec![vec![0; BODY_BYTES_MAX + 1].into()];
    assert_eq!(verify(&batch), Err(BatchError::Size));
}

#[test]
fn a_head_that_speaks_of_another_range_is_refused() {
    for batch in [
        with_head(|head| head.count = 2),
        with_head(|head| head.first = 2),
        with_head(|head| head.before = Hash::from_bytes([1; 32])),
        with_head(|head| head.last = Hash::from_bytes([1; 32])),
        with_head(|head| head.scope = ScopeId::from_bytes([9; 16])),
        with_head(|head| head.log.device = DeviceId::from_bytes([9; 16])),
    ] {
        assert_eq!(verify(&batch), Err(BatchError::OtherRange));
    }
}

#[test]
fn a_changed_record_breaks_the_chain() {
    let mut batch = signed(log(3));
    let place = batch.records[0].len() - 3;
    batch.records[0][place] ^= 1;
    assert!(verify(&batch).is_err());
    // The last one is held by the head alone.
    let mut batch = signed(log(3));
    let mut end = LogEnd::empty(LOG, SCOPE);
    end.append(UnixMillis::new(0), body(0));
    end.append(UnixMillis::new(1), body(1));
    let other = end.append(UnixMillis::new(2), body(77));
    batch.records[2] = other.encoded.into();
    assert_eq!(verify(&batch), Err(BatchError::OtherRange));
}

#[test]
fn a_record_left_out_repeated_or_of_another_log_breaks_the_chain() {
    let mut gap = log(3);
    gap.remove(1);
    let mut twice = log(2);
    twice.insert(1, twice[0].clone());
    let mut stranger = log(1);
    let other = LogRef {
        log: LogId::from_bytes([9; 16]),
        ..LOG
    };
    let mut end = LogEnd::empty(other, SCOPE);
    stranger.push(end.append(UnixMillis::new(0), body(0)).encoded);
    let mut moved = log(1);
    let mut end = LogEnd {
        scope: ScopeId::from_bytes([9; 16]),
        head: Line::read(&moved[0])
            .map(|line| Head {
                log: LOG,
                sequence: 1,
                hash: line.hash,
            })
            .unwrap(),
    };
    moved.push(end.append(UnixMillis::new(0), body(0)).encoded);
    for records in [gap, twice, stranger, moved] {
        assert_eq!(
            sign_batch(&key(1), records),
            Err(BatchError::Chain { place: 1 })
        );
    }
}

#[test]
fn a_first_record_that_is_not_the_first_is_refused() {
    // Sequence 2 after nothing, and sequence 1 after something.
    for (sequence, hash) in [(1, Hash::ZERO), (0, Hash::from_bytes([1; 32]))] {
        let head = Head {
            log: LOG,
            sequence,
            hash,
        };
        let mut end = LogEnd { scope: SCOPE, head };
        let record = end.append(UnixMillis::new(0), body(0)).encoded;
        assert_eq!(
            sign_batch(&key(1), vec![record]),
            Err(BatchError::Chain { place: 0 })
        );
    }
}

#[test]
fn a_record_of_a_newer_kind_is_kept_in_its_place() {
    let mut end = LogEnd::empty(LOG, SCOPE);
    let first = end.append(UnixMillis::new(0), body(0));
    // [log, sequence, previous, scope, stamp, body of kind 200, one field more]
    let mut newer = Vec::new();
    let mut e = minicbor::Encoder::new(&mut newer);
    e.array(7).unwrap().encode(LOG).unwrap();
    e.u64(2).unwrap().encode(first.hash).unwrap();
    e.encode(SCOPE).unwrap().u64(5).unwrap();
    e.array(2).unwrap().u32(200).unwrap().str("what").unwrap();
    e.bool(true).unwrap();
    let mut end = LogEnd {
        scope: SCOPE,
        head: Head {
            log: LOG,
            sequence: 2,
            hash: Hash::of(&[&newer]),
        },
    };
    let third = end.append(UnixMillis::new(9), body(3));
    let batch = signed(vec![first.encoded, newer.clone(), third.encoded]);
    let verified = verify(&batch).unwrap();
    let kept = &verified.entries()[1];
    assert_eq!(kept.encoded, newer);
    assert_eq!((kept.record.as_ref(), kept.frame.sequence), (None, 2));
    assert_eq!(kept.frame.stamp, UnixMillis::new(5));
    assert!(verified.entries()[2].record.is_some());
}

#[test]
fn a_record_that_is_too_long_or_has_no_place_is_refused() {
    for record in [vec![0x80], vec![], vec![0; RECORD_BYTES_MAX + 1]] {
        assert_eq!(
            sign_batch(&key(1), vec![record]),
            Err(BatchError::Unreadable { place: 0 })
        );
    }
}

proptest! {
    #[test]
    fn any_bytes_are_a_batch_or_an_error(
        head in proptest::collection::vec(any::<u8>(), 0..200),
        records in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..80), 0..4),
    ) {
        let batch = Batch {
            head: head.into(),
            records: records.iter().cloned().map(Into::into).collect(),
        };
        prop_assert!(verify(&batch).is_err());
        // Behind a true signature nothing else is believed either.
        let good = verify(&signed(log(1))).unwrap().head().clone();
        let batch = Batch {
            head: cose::sign(&key(1), ContentType::BATCH, &cbor::encode(&good)).into(),
            records: batch.records,
        };
        prop_assert!(verify(&batch).is_err());
    }

    #[test]
    fn a_changed_byte_anywhere_is_found(at: prop::sample::Index, to: u8, records in 1u8..4) {
        let good = signed(log(records));
        let mut bytes = cbor::encode(&good);
        let at = at.index(bytes.len());
        prop_assume!(bytes[at] != to);
        bytes[at] = to;
        if let Ok(batch) = cbor::decode_deterministic::<Batch>(&bytes) {
            prop_assert!(verify(&batch).is_err());
        }
    }
}
