//! Keys of the file that there are not: which one may be meant.

/// From here on two names are so alike that one may be meant for the other (Jaro-Winkler).
const ALIKE: f64 = 0.8;

/// The known name that is nearest to an unknown one, for the end of a sentence, if any is near: out of serde's
/// "unknown field `a`, expected one of `b`, `c`".
pub(super) fn meant(sentence: &str) -> String {
    if !sentence.starts_with("unknown field") {
        return String::new();
    }
    let mut names = sentence.split('`').skip(1).step_by(2);
    let Some(unknown) = names.next() else {
        return String::new();
    };
    let near = names.map(|name| (strsim::jaro_winkler(unknown, name), name));
    let nearest = near.max_by(|one, other| one.0.total_cmp(&other.0));
    match nearest {
        Some((likeness, name)) if likeness >= ALIKE => format!("is `{name}` meant?\n"),
        Some(_) | None => String::new(),
    }
}
