//! Characters that nobody sees and that change what others see.

/// Whether a character turns the direction of what stands around it, breaks a line where nobody expects it, or
/// takes no place at all (Unicode Standard Annexes 9 and 14). Letters have their direction without them, and
/// those that join letters are none of them.
#[must_use]
pub const fn is_unseen(c: char) -> bool {
    matches!(
        c,
        '\u{00ad}' | '\u{061c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}' | '\u{2066}'..='\u{2069}' | '\u{feff}'
    )
}
