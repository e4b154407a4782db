//! Parts of a thing: `Range` and `If-Range` (RFC 9110, sections 13.1.5 and 14.2), one range of bytes.

use http::HeaderMap;
use http::header::{IF_RANGE, RANGE};

/// What is asked for of a thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// All of it. Ranges of other units, several ranges, and ranges of another version mean this too.
    Whole,
    /// From a byte, up to a number of bytes.
    Part {
        /// First byte.
        from: u64,
        /// Bytes at most.
        length: u64,
    },
}

/// What a request's headers ask for of the thing that `etag` names.
pub(crate) fn wanted(headers: &HeaderMap, etag: &str) -> Wanted {
    let text = |name| headers.get(name)?.to_str().ok();
    if text(IF_RANGE).is_some_and(|wanted: &str| wanted != etag) {
        return Wanted::Whole;
    }
    text(RANGE).and_then(part).unwrap_or(Wanted::Whole)
}

fn part(text: &str) -> Option<Wanted> {
    let (first, last) = text.strip_prefix("bytes=")?.split_once('-')?;
    let from: u64 = first.parse().ok()?;
    let length = match last {
        "" => u64::MAX,
        last => last
            .parse::<u64>()
            .ok()?
            .checked_sub(from)?
            .saturating_add(1),
    };
    Some(Wanted::Part { from, length })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(range: &str, if_range: Option<&str>) -> Wanted {
        let mut headers = HeaderMap::new();
        headers.insert(RANGE, range.parse().unwrap());
        if let Some(tag) = if_range {
            headers.insert(IF_RANGE, tag.parse().unwrap());
        }
        wanted(&headers, "\"1.2\"")
    }

    #[test]
    fn one_range_is_a_part_and_everything_else_the_whole() {
        let part = |from, length| Wanted::Part { from, length };
        assert_eq!(of("bytes=0-99", None), part(0, 100));
        assert_eq!(of("bytes=100-", None), part(100, u64::MAX));
        assert_eq!(of("bytes=5-5", Some("\"1.2\"")), part(5, 1));
        assert_eq!(of("bytes=5-5", Some("\"1.3\"")), Wanted::Whole);
        for odd in [
            "bytes=5-4",
            "bytes=-5",
            "bytes=0-1,3-4",
            "rows=0-1",
            "bytes=",
            "bytes=a-b",
        ] {
            assert_eq!(of(odd, None), Wanted::Whole, "{odd}");
        }
    }

    proptest! {
        #[test]
        fn any_header_is_a_part_or_the_whole(text in "[ -~]{0,40}") {
            let _ = of(&text, None);
            let _ = of(&format!("bytes={text}"), Some("x"));
        }
    }
}
