//! Long files: told, not forbidden. A long table is fine; a long file with two reasons is not.

use crate::house::House;
use anyhow::Result;

/// About what a reader keeps in mind, tests included.
const COMFORTABLE_LINES: usize = 400;

/// Files that a reader should ask to be split.
pub(super) fn notices(house: &House) -> Result<Vec<String>> {
    let mut notices = Vec::new();
    for path in house.rust_files("")? {
        let lines = house.read(&path)?.lines().count();
        if lines > COMFORTABLE_LINES {
            let path = path.display();
            notices.push(format!(
                "{path} has {lines} lines (comfortable: {COMFORTABLE_LINES})"
            ));
        }
    }
    Ok(notices)
}
