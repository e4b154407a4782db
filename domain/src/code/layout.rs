//! Keyboard layouts. A hand scanner that types is a keyboard: it presses keys, and the layout that the host
//! is set to says which letters come of them. Where scanner and host disagree, every code is changed in the
//! same way, and can be read back.

use serde::Serialize;

/// The layout that scanner or host is set to where the other one is set to US.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Layout {
    /// German, QWERTZ.
    German,
    /// French, AZERTY.
    French,
    /// British.
    British,
}

impl Layout {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::German, Self::French, Self::British];

    /// The keys of the main block, row by row, without and with Shift, as a US keyboard names them.
    const US: &str = "`1234567890-=qwertyuiop[]\\asdfghjkl;'zxcvbnm,./\
                      ~!@#$%^&*()_+QWERTYUIOP{}|ASDFGHJKL:\"ZXCVBNM<>?";

    /// What the same keys type here. Dead keys stand as the accent that they are.
    const fn keys(self) -> &'static str {
        match self {
            Self::German => {
                "^1234567890ß´qwertzuiopü+#asdfghjklöäyxcvbnm,.-\
                 °!\"§$%&/()=?`QWERTZUIOPÜ*'ASDFGHJKLÖÄYXCVBNM;:_"
            }
            Self::French => {
                "²&é\"'(-è_çà)=azertyuiop^$*qsdfghjklmùwxcvbn,;:!\
                 ~1234567890°+AZERTYUIOP¨£µQSDFGHJKLM%WXCVBN?./§"
            }
            Self::British => {
                "`1234567890-=qwertyuiop[]#asdfghjkl;'zxcvbnm,./\
                 ¬!\"£$%^&*()_+QWERTYUIOP{}~ASDFGHJKL:@ZXCVBNM<>?"
            }
        }
    }

    /// A text that a US scanner typed at a host of this layout, as the scanner meant it.
    #[must_use]
    pub fn typed_at_host(self, text: &str) -> String {
        exchanged(text, self.keys(), Self::US)
    }

    /// The same where the scanner types `-` by the number pad, whose keys are the same in every layout.
    #[must_use]
    pub fn typed_at_host_with_number_pad(self, text: &str) -> String {
        let parts = text.split('-').map(|part| self.typed_at_host(part));
        parts.collect::<Vec<_>>().join("-")
    }

    /// A text that a scanner of this layout typed at a US host, as the scanner meant it.
    #[must_use]
    pub fn typed_by_scanner(self, text: &str) -> String {
        exchanged(text, Self::US, self.keys())
    }
}

/// The text with each character of `from` made the one at the same place in `to`.
fn exchanged(text: &str, from: &str, to: &str) -> String {
    let exchange = |c: char| {
        let place = from.chars().position(|key| key == c);
        place.and_then(|place| to.chars().nth(place)).unwrap_or(c)
    };
    text.chars().map(exchange).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_layout_names_every_key_once() {
        let us: Vec<char> = Layout::US.chars().collect();
        assert_eq!(us.len(), 94);
        for layout in Layout::ALL {
            let keys: Vec<char> = layout.keys().chars().collect();
            assert_eq!(keys.len(), us.len(), "{layout:?}");
            let different: BTreeSet<char> = keys.iter().copied().collect();
            assert_eq!(different.len(), keys.len(), "{layout:?}");
        }
    }

    #[test]
    fn codes_are_read_back_as_the_scanner_meant_them() {
        for (layout, typed, meant) in [
            (Layout::German, "Y7Z-Code", "Z7Y/Code"),
            (Layout::German, "TYWß88_ZN", "TZW-88?YN"),
            (Layout::French, "AWèéQ?", "QZ72AM"),
            (Layout::French, "&é\"'(-è_çà)", "1234567890-"),
            (Layout::British, "A\"7@Z£", "A@7\"Z#"),
        ] {
            assert_eq!(layout.typed_at_host(typed), meant);
            assert_eq!(layout.typed_by_scanner(meant), typed);
        }
        let french = Layout::French;
        assert_eq!(french.typed_at_host_with_number_pad("Qè-B"), "A7-B");
    }

    proptest! {
        #[test]
        fn what_a_keyboard_of_another_layout_makes_of_a_code_is_read_back(code in "[ -~]{0,60}") {
            for layout in Layout::ALL {
                let typed = layout.typed_by_scanner(&code);
                prop_assert_eq!(layout.typed_at_host(&typed), code.clone());
                let typed = layout.typed_at_host(&code);
                let back = layout.typed_by_scanner(&typed);
                // Characters that the layout lacks are left as they are and may meet others.
                if code.chars().all(|c| layout.keys().contains(c)) {
                    prop_assert_eq!(back, code.clone());
                }
            }
        }
    }
}
