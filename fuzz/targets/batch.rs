//! Batches as received, and records the fuzzer made up behind a good signature.
#![no_main]

use libfuzzer_sys::fuzz_target;
use usher_domain::cbor;
use usher_domain::cose::{ContentType, sign};
use usher_domain::document::batch::Batch;
use usher_domain::log::{Line, sign_batch, unverified_head, verify_batch};
use usher_fuzz::{device_key, key};

fuzz_target!(|data: &[u8]| {
    let _ = Line::read(data);
    if let Ok(batch) = cbor::decode::<Batch>(data) {
        let _ = unverified_head(&batch);
        let _ = verify_batch(&batch, &device_key());
        let records: Vec<Vec<u8>> = batch.records.iter().map(|record| record.to_vec()).collect();
        if let Ok(signed) = sign_batch(&key(5), records) {
            let verified = verify_batch(&signed, &device_key()).expect("what was signed here");
            assert_eq!(verified.entries().len(), signed.records.len());
        }
    }
    let batch = Batch {
        head: sign(&key(5), ContentType::BATCH, data).into(),
        records: vec![data.to_vec().into()],
    };
    let _ = verify_batch(&batch, &device_key());
});
