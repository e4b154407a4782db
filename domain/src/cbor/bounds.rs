//! How much an encoded value holds, told before anything is made of it: a byte of an encoding may become a
//! hundred in memory.

/// How much a value may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Data items, those within others too.
    pub items: usize,
    /// Arrays, maps and tags within each other.
    pub depth: usize,
}

impl Bounds {
    /// Whether what `bytes` encode holds no more (RFC 8949, section 3). Of bytes that encode nothing it says
    /// yes: whoever reads them refuses them.
    #[must_use]
    pub fn hold(self, bytes: &[u8]) -> bool {
        // Items to come in each open array, map or tag; none where a break ends it.
        let mut open: Vec<Option<u64>> = Vec::new();
        let (mut rest, mut items) = (bytes, 0);
        while let Some((head, after)) = rest.split_first() {
            rest = after;
            items += 1;
            if items > self.items {
                return false;
            }
            while open.last() == Some(&Some(0)) {
                open.pop();
            }
            if *head == BREAK {
                open.pop();
                continue;
            }
            if let Some(Some(left)) = open.last_mut() {
                *left -= 1;
            }
            let Some((argument, after)) = argument(*head, rest) else {
                return true;
            };
            rest = after;
            match (head >> 5, argument) {
                (2 | 3, Some(length)) => {
                    let length = usize::try_from(length).unwrap_or(usize::MAX);
                    match rest.get(length..) {
                        Some(after) => rest = after,
                        None => return true,
                    }
                }
                (2..=4, argument) => open.push(argument),
                (5, argument) => open.push(argument.map(|pairs| pairs.saturating_mul(2))),
                (6, _) => open.push(Some(1)),
                (_, _) => {}
            }
            if open.len() > self.depth {
                return false;
            }
        }
        true
    }
}

/// Ends what has no length.
const BREAK: u8 = 0xff;

/// The argument of a head, none where there is no length, and the bytes behind it; none if they end before.
fn argument(head: u8, rest: &[u8]) -> Option<(Option<u64>, &[u8])> {
    let width = match head & 0x1f {
        small @ 0..=23 => return Some((Some(u64::from(small)), rest)),
        24 => 1,
        25 => 2,
        26 => 4,
        27 => 8,
        _ => return Some((None, rest)),
    };
    let (bytes, rest) = rest.split_at_checked(width)?;
    let value = bytes.iter().fold(0, |sum, &b| (sum << 8) | u64::from(b));
    Some((Some(value), rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cbor::encode;
    use proptest::prelude::*;

    fn bounds(items: usize, depth: usize) -> Bounds {
        Bounds { items, depth }
    }

    #[test]
    fn what_holds_one_item_or_one_array_more_is_too_much() {
        let list = encode(&vec![1_u64, 300, 70_000, u64::MAX]);
        assert!(bounds(5, 1).hold(&list));
        assert!(!bounds(4, 1).hold(&list));
        assert!(!bounds(5, 0).hold(&list));
        let nested = encode(&vec![vec![vec!["text"]], vec![]]);
        assert!(bounds(5, 3).hold(&nested));
        assert!(!bounds(5, 2).hold(&nested));
        assert!(!bounds(4, 3).hold(&nested));
        // Without lengths, by tags and in maps, too.
        assert!(bounds(4, 1).hold(&[0x9f, 0x01, 0x02, 0xff]));
        assert!(!bounds(4, 1).hold(&[0x9f, 0x9f, 0xff, 0xff]));
        assert!(!bounds(9, 2).hold(&[0xc1, 0xc1, 0xc1, 0x01]));
        assert!(!bounds(4, 2).hold(&[0xa2, 0x01, 0x02, 0x03, 0x04]));
    }

    #[test]
    fn what_came_after_an_array_is_not_in_it() {
        let list = encode(&vec![vec![1_u8]; 100]);
        assert!(bounds(201, 2).hold(&list));
    }

    proptest! {
        #[test]
        fn any_bytes_are_answered(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = bounds(50, 5).hold(&bytes);
        }

        #[test]
        fn what_we_write_is_counted_exactly(lists in prop::collection::vec(
            prop::collection::vec(any::<u64>(), 0..9), 0..30,
        )) {
            let items = 1 + lists.iter().map(|list| 1 + list.len()).sum::<usize>();
            let bytes = encode(&lists);
            prop_assert!(bounds(items, 2).hold(&bytes));
            prop_assert!(!bounds(items - 1, 2).hold(&bytes));
        }
    }
}
