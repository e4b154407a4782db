//! Words that may stand only in some places: SQL in the two stores, the outside world not in
//! `domain`.

use crate::house::House;
use anyhow::Result;
use std::path::Path;

/// A rule about words in the code of the product (its tests may do as they need).
struct Place {
    words: &'static [&'static str],
    /// The folders where the rule looks.
    looks_in: &'static [&'static str],
    /// The folders in them where the words may stand.
    except: &'static [&'static str],
    why: &'static str,
}

const PLACES: [Place; 2] = [
    Place {
        words: &["rusqlite", "tokio_postgres"],
        looks_in: &["domain/src", "core/src", "server/src", "cli/src"],
        except: &["core/src/store", "server/src/storage"],
        why: "SQL stands only under core/src/store/ and server/src/storage/",
    },
    Place {
        words: &[
            "std::env",
            "std::fs",
            "std::net",
            "std::process",
            "std::thread",
            "std::time::Instant",
            "SystemTime",
        ],
        looks_in: &["domain/src"],
        except: &[],
        why: "domain decides and does not act: what it needs to know comes in as an argument",
    },
];

/// Every line with a word in a place where it may not stand.
pub(super) fn breaches(house: &House) -> Result<Vec<String>> {
    let mut breaches = Vec::new();
    for place in &PLACES {
        for folder in place.looks_in {
            for path in house.rust_files(folder)? {
                if place.binds(&path) {
                    let text = house.read(&path)?;
                    let path = path.display();
                    breaches.extend(
                        place.lines(&text).into_iter().map(|(line, word)| {
                            format!("{path}:{line} says `{word}`: {}", place.why)
                        }),
                    );
                }
            }
        }
    }
    Ok(breaches)
}

impl Place {
    fn binds(&self, path: &Path) -> bool {
        let test = path
            .iter()
            .any(|part| part == "tests.rs" || part == "tests");
        !test && !self.except.iter().any(|folder| path.starts_with(folder))
    }

    /// Line numbers from 1, with the word found. Comments do not count, nor does the test module at
    /// the end of a file.
    fn lines(&self, text: &str) -> Vec<(usize, &'static str)> {
        let product = text
            .find("\n#[cfg(test)]\nmod tests {")
            .and_then(|end| text.get(..end));
        let numbered = product.unwrap_or(text).lines().zip(1..);
        let code = numbered.filter(|(line, _)| !line.trim_start().starts_with("//"));
        code.filter_map(|(line, number)| {
            let word = self
                .words
                .iter()
                .copied()
                .find(|word| line.contains(word))?;
            Some((number, word))
        })
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SQL: &Place = &PLACES[0];

    #[test]
    fn the_database_may_be_named_in_the_stores_and_in_tests_only() {
        assert!(!SQL.binds(Path::new("core/src/store/records.rs")));
        assert!(!SQL.binds(Path::new("server/src/storage/sqlite/mod.rs")));
        assert!(!SQL.binds(Path::new("core/src/gate/tests.rs")));
        assert!(SQL.binds(Path::new("core/src/gate.rs")));
        assert!(SQL.binds(Path::new("core/src/storehouse.rs")));
    }

    #[test]
    fn a_word_is_found_with_its_line_but_not_in_comments_or_the_test_module() {
        let text = "//! No rusqlite here.\n\nuse rusqlite::Connection;\n\n\
                    #[cfg(test)]\nmod tests {\n    use rusqlite::Row;\n}\n";
        assert_eq!(SQL.lines(text), [(3, "rusqlite")]);
    }
}
