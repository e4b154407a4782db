//! How hard the codes of a shop are to guess.
//!
//! Nobody can see from a text how it was made, so these are upper bounds by what can be seen: how long a
//! text is and of which characters ([`bits_alone`]), and in a whole list, what the texts have in common
//! and whether they were numbered in sequence ([`bits_in_list`]).

use super::text::TicketCodeText;
use std::collections::BTreeMap;

/// Below this a code can be found by trying, so nothing is sealed with it.
pub const STRONG_BITS: u32 = 64;

/// Shorter lists say nothing about how a shop makes its codes.
const SMALLEST_LIST: usize = 8;

/// Neighbours in a sorted list of random codes share the first log2(codes) bits. To share this many bits
/// more happens to one random code in a million.
const NO_COINCIDENCE_BITS: u32 = 20;

/// An estimate of the bits of entropy of a code that is seen alone.
///
/// Punctuation counts nothing (mostly layout), nor does the rest of a run such as `0000` or `4567`.
#[must_use]
pub fn bits_alone(code: &TicketCodeText) -> u32 {
    let text = code.reveal();
    let characters: Vec<u32> = text
        .chars()
        .filter(|c| c.is_alphanumeric())
        .map(u32::from)
        .collect();
    let predictable = characters
        .windows(4)
        .filter(|window| continues_a_run(window))
        .count();
    let counted = characters.len() - predictable;
    to_bits(Alphabet::of(text.chars()).millibits() * saturating(counted))
}

fn continues_a_run(window: &[u32]) -> bool {
    let mut steps = window
        .iter()
        .zip(window.iter().skip(1))
        .map(|(&a, &b)| i64::from(b) - i64::from(a));
    match steps.next() {
        Some(step @ -1..=1) => steps.all(|other| other == step),
        _ => false,
    }
}

/// An estimate for each code of a list, in the list's order, each at most [`bits_alone`].
///
/// What all codes of a length have in common counts nothing. Then the list is sorted: what a code shares
/// with its neighbour is known to whoever holds the neighbour's ticket. For random codes that is the mere
/// density of the list and is given back; for numbered ones it is all but the last digits.
#[must_use]
pub fn bits_in_list(codes: &[&TicketCodeText]) -> Vec<u32> {
    let mut bits: Vec<u32> = codes.iter().map(|code| bits_alone(code)).collect();
    let mut by_length: BTreeMap<usize, Vec<(&[u8], &mut u32)>> = BTreeMap::new();
    for (code, bits) in codes.iter().zip(&mut bits) {
        let text = code.reveal().as_bytes();
        by_length.entry(text.len()).or_default().push((text, bits));
    }
    for group in by_length.into_values() {
        bound_by_neighbours(group);
    }
    bits
}

fn bound_by_neighbours(group: Vec<(&[u8], &mut u32)>) {
    let Some(&(first, _)) = group.first() else {
        return;
    };
    let varies: Vec<bool> = first
        .iter()
        .enumerate()
        .map(|(at, c)| group.iter().any(|(text, _)| text.get(at) != Some(c)))
        .collect();
    let mut rows: Vec<(Vec<u8>, &mut u32)> = group
        .into_iter()
        .map(|(text, bits)| (varying_part(text, &varies), bits))
        .collect();
    rows.sort();
    let mut distinct: Vec<&[u8]> = rows.iter().map(|(key, _)| key.as_slice()).collect();
    distinct.dedup();
    if distinct.len() < SMALLEST_LIST {
        return;
    }
    let shared = shared_with_nearest(&distinct);
    let usual = median(&shared);
    let per_character =
        Alphabet::of(distinct.iter().copied().flatten().map(|&c| c.into())).millibits();
    let density = distinct.len().ilog2();
    let coincidence = (density + NO_COINCIDENCE_BITS) * 1000 / per_character;
    let estimates: BTreeMap<&[u8], u32> = distinct
        .iter()
        .zip(shared)
        .map(|(&key, shared)| {
            let known = if shared > coincidence {
                shared
            } else {
                shared.min(usual)
            };
            let unknown = saturating(key.len()).saturating_sub(known);
            // Two more than the density: the nearer of two neighbours, and half a list.
            (key, to_bits(unknown * per_character) + density + 2)
        })
        .collect();
    let bounds: Vec<u32> = rows
        .iter()
        .map(|(key, _)| estimates.get(key.as_slice()).copied().unwrap_or(0))
        .collect();
    for ((_, bits), bound) in rows.into_iter().zip(bounds) {
        *bits = bound.min(*bits);
    }
}

/// The bytes at the places that differ somewhere in the list, without punctuation.
fn varying_part(text: &[u8], varies: &[bool]) -> Vec<u8> {
    text.iter()
        .zip(varies)
        .filter(|(c, varies)| **varies && (c.is_ascii_alphanumeric() || !c.is_ascii()))
        .map(|(c, _)| *c)
        .collect()
}

/// How many leading bytes each of the sorted keys shares with the neighbour that shares more.
fn shared_with_nearest(sorted: &[&[u8]]) -> Vec<u32> {
    let with_next: Vec<u32> = sorted
        .iter()
        .zip(sorted.iter().skip(1))
        .map(|(a, b)| saturating(a.iter().zip(*b).take_while(|(a, b)| a == b).count()))
        .collect();
    let before = std::iter::once(&0).chain(&with_next);
    let after = with_next.iter().chain(std::iter::once(&0));
    before.zip(after).map(|(a, b)| *a.max(b)).collect()
}

fn median(values: &[u32]) -> u32 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    sorted.get(sorted.len() / 2).copied().unwrap_or(0)
}

/// Which kinds of characters occur.
#[derive(Default)]
struct Alphabet {
    digits: bool,
    hex_letters: bool,
    small: bool,
    capital: bool,
    other: bool,
}

impl Alphabet {
    fn of(characters: impl Iterator<Item = char>) -> Self {
        let mut seen = Self {
            hex_letters: true,
            ..Self::default()
        };
        for c in characters {
            seen.digits |= c.is_ascii_digit();
            seen.small |= c.is_ascii_lowercase();
            seen.capital |= c.is_ascii_uppercase();
            seen.other |= !c.is_ascii();
            seen.hex_letters &= !c.is_ascii_alphabetic() || c.is_ascii_hexdigit();
        }
        seen
    }

    /// 1000 · log2 of the number of characters a random code of this kind chooses from. Integers, so that
    /// every machine estimates the same.
    fn millibits(&self) -> u32 {
        match (self.digits, self.small, self.capital) {
            _ if self.other => 5_954,
            (_, false, false) => 3_321,
            (_, true, false) | (_, false, true) if self.hex_letters => 4_000,
            (false, true, false) | (false, false, true) => 4_700,
            (true, true, false) | (true, false, true) => 5_169,
            (false, true, true) => 5_700,
            (true, true, true) => 5_954,
        }
    }
}

fn to_bits(millibits: u32) -> u32 {
    millibits / 1000
}

fn saturating(count: usize) -> u32 {
    // Texts have at most 4,096 bytes.
    u32::try_from(count).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::Hash;

    fn text(code: &str) -> TicketCodeText {
        TicketCodeText::new(code).unwrap()
    }

    fn alone(code: &str) -> u32 {
        bits_alone(&text(code))
    }

    fn in_list(codes: impl Iterator<Item = String>) -> Vec<u32> {
        let codes: Vec<_> = codes.map(|code| text(&code)).collect();
        bits_in_list(&codes.iter().collect::<Vec<_>>())
    }

    fn weak(bits: &[u32]) -> usize {
        bits.iter().filter(|&&bits| bits < STRONG_BITS).count()
    }

    /// Random-looking hexadecimal digits, the same in every run.
    fn random_hex(number: u32) -> String {
        Hash::of(&[&number.to_be_bytes()]).to_string()
    }

    #[test]
    fn a_code_seen_alone_is_judged_by_length_and_characters() {
        assert_eq!(alone("4006381333931"), 43);
        assert_eq!(alone("8f14e45fceea167a"), 64);
        assert_eq!(alone("xkqzjwvbnmtr"), 56);
        assert!(alone("yv5k2d8wq3z7m4x6") >= STRONG_BITS);
        assert_eq!(alone("A1-B2-C3"), alone("A1B2C3"));
        assert!(alone("Ünïcode") > 0);
        assert_eq!(alone("---"), 0);
    }

    #[test]
    fn the_rest_of_a_run_counts_nothing() {
        assert_eq!(alone(&"0".repeat(40)), alone("000"));
        assert_eq!(alone("stuvwxyz"), alone("stu"));
        assert_eq!(alone("98765432"), alone("987"));
    }

    #[test]
    fn random_codes_stay_strong_in_a_list() {
        for digits in [16, 20, 32] {
            let bits = in_list((0..5_000).map(|n| random_hex(n)[..digits].to_owned()));
            // A few have runs or lack letters; none is taken for numbered.
            assert!(weak(&bits) <= 100, "{digits} digits: {} weak", weak(&bits));
        }
    }

    #[test]
    fn numbered_codes_are_weak_however_long() {
        let bits = in_list((0..5_000).map(|n| format!("FESTIVAL2026MAINSTAGE{n:024}")));
        assert_eq!(weak(&bits), 5_000);
        let bits = in_list((0..5_000).map(|n| format!("SHOP-{:020}-OPENAIRSUMMERDAYS", n * 7)));
        assert_eq!(weak(&bits), 5_000);
    }

    #[test]
    fn a_common_prefix_adds_no_strength() {
        let bits = in_list((0..1_000).map(|n| {
            format!(
                "HTTPS://SHOP.EXAMPLE/TICKETS/{}",
                &random_hex(n).to_uppercase()[..8]
            )
        }));
        assert_eq!(weak(&bits), 1_000);
    }

    #[test]
    fn a_numbered_block_among_random_codes_is_found() {
        let random = (0..800).map(|n| random_hex(n)[..24].to_owned());
        let numbered = (0..200).map(|n| format!("8f14e45fceea167a5a36{n:04}"));
        let bits = in_list(random.chain(numbered));
        assert_eq!(weak(&bits[800..]), 200);
        assert_eq!(weak(&bits[..800]), 0);
    }

    #[test]
    fn codes_listed_twice_are_judged_once() {
        let bits = in_list(
            (0..100)
                .chain(0..100)
                .map(|n| random_hex(n)[..24].to_owned()),
        );
        assert_eq!(weak(&bits), 0);
        assert!(in_list(std::iter::empty()).is_empty());
    }
}
