//! The page, and everything that is held against it.

use crate::{claims, documents, exchange, live, media, records, tables};
use std::collections::BTreeMap;
use std::path::PathBuf;
use usher_domain::cose::ContentType;
use usher_domain::problem::{Code, Retry};
use usher_domain::protocol::paths;

/// Where the meaning of each code is told.
const PROBLEMS: &str = include_str!("../../../domain/src/problem.rs");

fn document() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/protocol.md")
}

/// Every example by its name.
fn examples() -> BTreeMap<&'static str, String> {
    let all = [
        media::examples(),
        documents::examples(),
        tables::examples(),
        records::examples(),
        exchange::examples(),
        live::examples(),
        claims::examples(),
    ];
    let mut examples = BTreeMap::new();
    for (name, body) in all.into_iter().flatten() {
        assert!(examples.insert(name, body).is_none(), "two examples {name}");
    }
    examples.insert("error-codes", codes());
    examples.insert("record-kinds", usher_domain::record::kinds::table());
    examples
}

/// The table of error codes, from the code and its comments.
fn codes() -> String {
    let lines: Vec<&str> = PROBLEMS.lines().map(str::trim).collect();
    let mut table =
        String::from("| code | status | ask again | meaning |\n| --- | --- | --- | --- |\n");
    for code in Code::ALL {
        let quoted = format!("= \"{code}\",");
        let at = lines
            .iter()
            .position(|line| line.contains(&quoted))
            .unwrap();
        let told: Vec<&str> = lines[..at]
            .iter()
            .rev()
            .map_while(|line| line.strip_prefix("/// "))
            .collect();
        let meaning: Vec<&str> = told.into_iter().rev().collect();
        let again = match code.retry() {
            Retry::Never => "no",
            Retry::Later => "later",
            Retry::AfterSignIn => "after signing in",
        };
        let (status, meaning) = (code.status(), meaning.join(" "));
        table += &format!("| `{code}` | {status} | {again} | {meaning} |\n");
    }
    table
}

/// The document with every example as it is now.
fn renewed(text: &str, examples: &mut BTreeMap<&'static str, String>) -> String {
    let mut out = String::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        out += &format!("{line}\n");
        let fenced = line
            .strip_prefix("```example name=")
            .map(|name| (name, "```"));
        let marked = line
            .strip_prefix("<!-- example ")
            .and_then(|rest| rest.strip_suffix(" -->"))
            .map(|name| (name, "<!-- end -->"));
        if let Some((name, end)) = fenced.or(marked) {
            let body = examples.remove(name);
            out +=
                &body.unwrap_or_else(|| panic!("no example is called {name}, or it stands twice"));
            let closing = lines.find(|line| *line == end);
            out += &format!("{}\n", closing.expect("an example that ends"));
        }
    }
    out
}

#[test]
fn every_example_of_the_document_is_what_the_code_writes() {
    let text = std::fs::read_to_string(document()).unwrap();
    let mut unused = examples();
    let now = renewed(&text, &mut unused);
    assert!(
        unused.is_empty(),
        "not in the document: {:?}",
        unused.keys()
    );
    if std::env::var_os("USHER_BLESS").is_some() {
        std::fs::write(document(), now).unwrap();
        return;
    }
    let differing = text
        .lines()
        .zip(now.lines())
        .find(|(held, made)| held != made);
    assert_eq!(
        differing, None,
        "run this test with USHER_BLESS=1 and read the difference"
    );
    assert_eq!(text, now);
}

#[test]
fn every_path_and_content_type_is_in_the_document() {
    let text = std::fs::read_to_string(document()).unwrap();
    let paths = [
        paths::ENROLL,
        paths::CHALLENGE,
        paths::TOKEN,
        paths::ASSIGNMENT,
        paths::SNAPSHOT,
        paths::SNAPSHOT_BYTES,
        paths::CHANGES,
        paths::BUCKETS,
        paths::ROWS,
        paths::HAND_BACK,
        paths::PUSH,
        paths::HEADS,
        paths::FEED,
        paths::HEARTBEAT,
        paths::LIVE,
        paths::CORRELATION_HEADER,
    ];
    let types = [
        ContentType::CODE,
        ContentType::TRUST,
        ContentType::ROSTER,
        ContentType::SET,
        ContentType::DIRECTORY,
        ContentType::ENROLLMENT,
        ContentType::BATCH,
        ContentType::OVERRIDE,
        ContentType::UNDO,
        ContentType::CHALLENGE,
    ];
    for word in paths.into_iter().chain(types.map(ContentType::as_str)) {
        assert!(text.contains(&format!("`{word}`")), "{word}");
    }
}
