//! The root key's file: what is read is written again as it was, but for the breaks of its lines.
#![no_main]

use libfuzzer_sys::fuzz_target;
use usher_domain::document::root_key::RootKeyFile;

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    if let Ok(file) = RootKeyFile::parse(&text) {
        assert_eq!(RootKeyFile::parse(&file.text()), Ok(file));
    }
});
