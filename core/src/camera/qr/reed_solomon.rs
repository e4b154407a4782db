//! Reed–Solomon codes over GF(2⁸) as QR codes use them (ISO/IEC 18004:2015, 7.5), with erasures.
//!
//! Errors at unknown places cost two check codewords each, erasures (places known to be doubtful)
//! one. Sampling knows which modules it was unsure of, so erasures read codes that glare or dirt
//! hides in part. The method is Berlekamp–Massey over the syndromes, begun with the locator of the
//! erasures (R. E. Blahut, "Algebraic Codes for Data Transmission", 2003, section 7.5), then a Chien
//! search and Forney's formula.

/// The field polynomial x⁸ + x⁴ + x³ + x² + 1.
const FIELD: u16 = 0x11D;

/// The most codewords a block can have: the order of the field's group.
const MAX_BLOCK: usize = 255;

/// Powers and logarithms of the field's generator, 2.
struct Tables {
    power: [u8; 512],
    log: [u8; 256],
}

const TABLES: Tables = tables();

#[expect(
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "evaluated by the compiler, which refuses an index out of bounds"
)]
const fn tables() -> Tables {
    let mut tables = Tables {
        power: [0; 512],
        log: [0; 256],
    };
    let mut value = 1_u16;
    let mut exponent = 0;
    while exponent < MAX_BLOCK {
        tables.power[exponent] = value as u8;
        tables.power[exponent + MAX_BLOCK] = value as u8;
        tables.log[value as usize] = exponent as u8;
        value <<= 1;
        if value > 255 {
            value ^= FIELD;
        }
        exponent += 1;
    }
    tables
}

/// 2 to the power of `exponent`, which is below 511.
fn power(exponent: usize) -> u8 {
    TABLES.power.get(exponent).copied().unwrap_or(0)
}

/// The logarithm of a number that is not 0.
fn log(value: u8) -> usize {
    TABLES
        .log
        .get(usize::from(value))
        .copied()
        .unwrap_or(0)
        .into()
}

fn times(a: u8, b: u8) -> u8 {
    if a == 0 || b == 0 {
        return 0;
    }
    power(log(a) + log(b))
}

/// `b` is not 0.
fn divided(a: u8, b: u8) -> u8 {
    if a == 0 {
        return 0;
    }
    power(log(a) + MAX_BLOCK - log(b))
}

/// The value of a polynomial, lowest coefficient first.
fn value_at(polynomial: &[u8], x: u8) -> u8 {
    polynomial
        .iter()
        .rev()
        .fold(0, |sum, &coefficient| times(sum, x) ^ coefficient)
}

/// Adds `factor` × `addend`, moved up by `shift`, to a polynomial.
fn add(sum: &mut Vec<u8>, addend: &[u8], factor: u8, shift: usize) {
    if sum.len() < addend.len() + shift {
        sum.resize(addend.len() + shift, 0);
    }
    for (to, &from) in sum.iter_mut().skip(shift).zip(addend) {
        *to ^= times(from, factor);
    }
}

/// A block is beyond repair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Beyond;

/// Puts a block right in place: data codewords, then `checks` check codewords. `erased` names places
/// whose codewords count for nothing. Returns how many codewords outside of them were wrong.
///
/// # Errors
/// [`Beyond`] if the block differs from every valid one by more than the checks can tell.
pub(super) fn correct(block: &mut [u8], checks: usize, erased: &[usize]) -> Result<usize, Beyond> {
    let length = block.len();
    if length > MAX_BLOCK || checks >= length || erased.len() > checks {
        return Err(Beyond);
    }
    let syndromes: Vec<u8> = (0..checks)
        .map(|root| {
            let x = power(root);
            block.iter().fold(0, |sum, &word| times(sum, x) ^ word)
        })
        .collect();
    if syndromes.iter().all(|&syndrome| syndrome == 0) {
        return Ok(0);
    }
    let locator = locator(&syndromes, length, erased)?;
    let degree = locator.len() - 1;
    if degree == 0 || 2 * degree > checks + erased.len() {
        return Err(Beyond);
    }
    // Ω = S Λ mod x^checks; with the roots from 2⁰ on, an error is X Ω(X⁻¹) / Λ'(X⁻¹).
    let mut evaluator = vec![0; checks];
    for (shift, &factor) in locator.iter().enumerate() {
        for (to, &from) in evaluator.iter_mut().skip(shift).zip(&syndromes) {
            *to ^= times(from, factor);
        }
    }
    let derivative: Vec<u8> = locator
        .iter()
        .enumerate()
        .skip(1)
        .map(|(place, &coefficient)| if place % 2 == 1 { coefficient } else { 0 })
        .collect();
    let mut roots = 0;
    let mut errors = 0;
    for (place, word) in block.iter_mut().enumerate() {
        let exponent = length - 1 - place;
        let inverse = power((MAX_BLOCK - exponent) % MAX_BLOCK);
        if value_at(&locator, inverse) != 0 {
            continue;
        }
        roots += 1;
        let slope = value_at(&derivative, inverse);
        if slope == 0 {
            return Err(Beyond);
        }
        let wrong = divided(times(power(exponent), value_at(&evaluator, inverse)), slope);
        *word ^= wrong;
        errors += usize::from(wrong != 0 && !erased.contains(&place));
    }
    if roots == degree {
        Ok(errors)
    } else {
        Err(Beyond)
    }
}

/// The polynomial whose roots are the inverses of all wrong places, lowest coefficient first and
/// without zeros at the end.
fn locator(syndromes: &[u8], length: usize, erased: &[usize]) -> Result<Vec<u8>, Beyond> {
    let mut locator = vec![1];
    for &place in erased {
        let exponent = length.checked_sub(place + 1).ok_or(Beyond)?;
        let factor = locator.clone();
        add(&mut locator, &factor, power(exponent), 1);
    }
    let mut previous = locator.clone();
    let mut degree = erased.len();
    for round in erased.len()..syndromes.len() {
        let discrepancy = locator
            .iter()
            .zip(syndromes.iter().take(round + 1).rev())
            .fold(0, |sum, (&a, &b)| sum ^ times(a, b));
        previous.insert(0, 0);
        if discrepancy == 0 {
            continue;
        }
        let mut next = locator.clone();
        add(&mut next, &previous, discrepancy, 0);
        if 2 * degree <= round + erased.len() {
            degree = round + 1 + erased.len() - degree;
            previous = locator
                .iter()
                .map(|&coefficient| divided(coefficient, discrepancy))
                .collect();
        }
        locator = next;
    }
    while locator.last() == Some(&0) {
        locator.pop();
    }
    if locator.len() == degree + 1 {
        Ok(locator)
    } else {
        Err(Beyond)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Appends check codewords: the remainder of the division by the generator polynomial.
    fn encoded(data: &[u8], checks: usize) -> Vec<u8> {
        let mut generator = vec![1];
        for root in 0..checks {
            let factor = generator.clone();
            generator.insert(0, 0);
            add(&mut generator, &factor, power(root), 0);
        }
        generator.reverse();
        let mut rest = data.to_vec();
        rest.resize(data.len() + checks, 0);
        for place in 0..data.len() {
            let factor = rest[place];
            for (to, &from) in rest[place..].iter_mut().zip(&generator) {
                *to ^= times(from, factor);
            }
        }
        let mut block = data.to_vec();
        block.extend_from_slice(&rest[data.len()..]);
        block
    }

    #[test]
    fn the_example_of_the_standard_is_valid() {
        // ISO/IEC 18004:2015, annex I: "01234567" as version 1-M.
        let mut block = vec![
            0x10, 0x20, 0x0C, 0x56, 0x61, 0x80, 0xEC, 0x11, 0xEC, 0x11, 0xEC, 0x11, 0xEC, 0x11,
            0xEC, 0x11, 0xA5, 0x24, 0xD4, 0xC1, 0xED, 0x36, 0xC7, 0x87, 0x2C, 0x55,
        ];
        assert_eq!(correct(&mut block, 10, &[]), Ok(0));
        assert_eq!(encoded(&block[..16], 10), block);
    }

    proptest! {
        #[test]
        fn errors_and_erasures_within_the_bound_are_put_right(
            data in proptest::collection::vec(any::<u8>(), 2..120),
            checks in 4_usize..31,
            order in any::<u64>(),
            share in 0.0_f64..=1.0,
        ) {
            let sent = encoded(&data, checks);
            let mut places: Vec<usize> = (0..sent.len()).collect();
            fastrand::Rng::with_seed(order).shuffle(&mut places);
            let erasures = ((checks as f64 * share) as usize).min(sent.len());
            let errors = ((checks - erasures) / 2).min(sent.len() - erasures);
            let mut received = sent.clone();
            for (step, &place) in places[..erasures + errors].iter().enumerate() {
                received[place] ^= (step * 37 % 255 + 1) as u8;
            }
            let found = correct(&mut received, checks, &places[..erasures]);
            prop_assert_eq!(found, Ok(errors));
            prop_assert_eq!(received, sent);
        }

        #[test]
        fn any_bytes_are_put_right_or_refused(
            mut block in proptest::collection::vec(any::<u8>(), 0..300),
            checks in 0_usize..80,
            erased in proptest::collection::vec(0_usize..300, 0..20),
        ) {
            let _ = correct(&mut block, checks, &erased);
        }
    }
}
