//! Reservations end with the records that say how an attempt ended, in the transaction that stores them.

use crate::service::error::Result;
use crate::storage::Transaction;
use usher_domain::record::{Body, Outcome, Record};

/// Ends the reservations that a record ends. It must count: what a revoked device says frees nothing
/// before a person accepted it.
pub(in crate::service) fn end_by(txn: &mut dyn Transaction, record: &Record) -> Result<()> {
    if usher_domain::mutated!(ForgetRelease) {
        return Ok(());
    }
    let device = record.log.device;
    match &record.body {
        Body::Scan(scan) => {
            if let Some(replaced) = scan.takes_over {
                txn.end_reservation(replaced, None)?;
            }
            match scan.outcome {
                Outcome::Admit | Outcome::Refuse => {
                    txn.end_reservation(scan.attempt, Some(device))?;
                }
                // What follows a referral ends the attempt.
                Outcome::Refer => {}
            }
        }
        Body::Abort(abort) => {
            txn.end_reservation(abort.attempt, Some(device))?;
        }
        Body::Undo(_)
        | Body::Link(_)
        | Body::Rule(_)
        | Body::Cut(_)
        | Body::Ruling(_)
        | Body::EveryoneOut(_)
        | Body::FreeFlow(_)
        | Body::Yield(_)
        | Body::StandDown(_)
        | Body::Honour(_)
        | Body::Notice(_)
        | Body::Delay(_) => {}
    }
    Ok(())
}
