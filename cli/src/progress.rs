//! Progress of long work, on a terminal's standard error and nowhere else.

use crate::output::Output;
use indicatif::{ProgressBar, ProgressStyle};

/// A bar that counts bytes to `total`; invisible where nobody looks on.
#[must_use]
pub fn bytes(output: &Output, what: &'static str, total: Option<u64>) -> ProgressBar {
    let template = match total {
        Some(_) => "{msg} {bar:30} {bytes}/{total_bytes} {eta}",
        None => "{msg} {spinner} {bytes}",
    };
    bar(output, what, total, template)
}

/// A bar that counts steps.
#[must_use]
pub fn steps(output: &Output, what: &'static str) -> ProgressBar {
    bar(output, what, None, "{msg} {spinner} {pos}")
}

/// A bar for the steps of an exchange, each with a length of its own or none.
#[must_use]
pub fn exchange(output: &Output) -> ProgressBar {
    bar(output, "connecting", None, UNCOUNTED)
}

/// Shows how far a step of an exchange is: of so many things, if they are counted.
pub fn show(bar: &ProgressBar, what: &'static str, counted: Option<(u64, u64)>) {
    let (template, (done, of)) = match counted {
        Some(counted) => ("{msg} {bar:30} {pos}/{len}", counted),
        None => (UNCOUNTED, (0, 0)),
    };
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar.set_message(what);
    bar.set_length(of);
    bar.set_position(done);
}

/// How a step looks whose end nobody knows.
const UNCOUNTED: &str = "{msg} {spinner}";

fn bar(output: &Output, what: &'static str, total: Option<u64>, template: &str) -> ProgressBar {
    if !output.shows_progress() {
        return ProgressBar::hidden();
    }
    let bar = match total {
        Some(total) => ProgressBar::new(total),
        None => ProgressBar::new_spinner(),
    };
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar.set_message(what);
    bar
}
