//! The server's settings file: whatever stands in it, there are settings or an error with its place.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::path::Path;
use usher_server::config::{Config, Settings};

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    if let Ok(settings) = Settings::from_toml(text, Path::new("server.toml")) {
        let _ = Config::check(Path::new("data"), settings);
    }
});
