//! What the demo expects, each beside what was really seen.

use crate::output::Page;
use serde::Serialize;

/// One expectation and what was seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Expectation {
    /// Stable name.
    pub name: &'static str,
    /// Whether what was seen is what was wanted.
    pub ok: bool,
    /// What was seen.
    pub seen: String,
    /// What was wanted; told only where something else was seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wanted: Option<String>,
}

/// All expectations so far.
#[derive(Debug, Default)]
pub struct Expectations(Vec<Expectation>);

/// The last line of `--json`.
#[derive(Debug, Serialize)]
pub struct Outcome<'a> {
    /// Whether every expectation holds. Without any there is nothing to be glad of.
    pub ok: bool,
    /// The expectations in the order of the story.
    pub expectations: &'a [Expectation],
}

impl Expectations {
    /// Compares what was seen with what is wanted. Both are texts, so that the table shows exactly what
    /// was compared.
    pub fn compare(&mut self, name: &'static str, seen: impl Into<String>, wanted: &str) {
        let seen = seen.into();
        let ok = seen == wanted;
        let wanted = (!ok).then(|| wanted.to_owned());
        self.0.push(Expectation {
            name,
            ok,
            seen,
            wanted,
        });
    }

    /// What came of all of them.
    #[must_use]
    pub fn outcome(&self) -> Outcome<'_> {
        Outcome {
            ok: !self.0.is_empty() && self.0.iter().all(|expectation| expectation.ok),
            expectations: &self.0,
        }
    }
}

impl Outcome<'_> {
    /// The table for people.
    pub fn fill(&self, page: &mut Page) {
        let rows: Vec<[String; 3]> = self.expectations.iter().map(row).collect();
        page.table(["", "expected", "seen"], &rows, "Nothing was expected.");
        let failed = self.expectations.iter().filter(|one| !one.ok).count();
        page.line("");
        page.line(if self.ok {
            format!("All {} expectations hold.", self.expectations.len())
        } else {
            format!(
                "{failed} of {} expectations do NOT hold.",
                self.expectations.len()
            )
        });
    }
}

fn row(expectation: &Expectation) -> [String; 3] {
    let seen = match &expectation.wanted {
        None => expectation.seen.clone(),
        Some(wanted) => format!("{} (wanted: {wanted})", expectation.seen),
    };
    let mark = if expectation.ok { "ok" } else { "FAILED" };
    [mark.to_owned(), expectation.name.replace('_', " "), seen]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::Paint;

    #[test]
    fn one_expectation_that_fails_fails_all_and_says_what_was_wanted() {
        let mut all = Expectations::default();
        all.compare("forged_codes_are_refused", "refuse forged", "refuse forged");
        all.compare("digests_are_equal", "a, b", "a, a");
        let outcome = all.outcome();
        assert!(!outcome.ok);
        let json = serde_json::to_value(&outcome).unwrap();
        assert_eq!(json["ok"], false);
        assert_eq!(json["expectations"][0]["ok"], true);
        assert!(json["expectations"][0].get("wanted").is_none());
        assert_eq!(json["expectations"][1]["seen"], "a, b");
        assert_eq!(json["expectations"][1]["wanted"], "a, a");
        let mut page = Page::new(Paint::Plain);
        outcome.fill(&mut page);
        assert!(page.text().contains("FAILED  digests are equal"));
        assert!(page.text().contains("1 of 2 expectations do NOT hold."));
    }

    #[test]
    fn a_demo_that_saw_nothing_has_not_succeeded() {
        assert!(!Expectations::default().outcome().ok);
    }

    #[test]
    fn all_hold_where_each_does() {
        let mut all = Expectations::default();
        all.compare("tickets_are_imported", "200", "200");
        let mut page = Page::new(Paint::Plain);
        all.outcome().fill(&mut page);
        assert!(all.outcome().ok);
        assert!(page.text().contains("All 1 expectations hold."));
    }
}
