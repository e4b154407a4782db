use super::*;
use crate::document::{Part, Section};

/// A night with names in many scripts, long ones, and more rows than a page has.
fn night() -> Document {
    let names = [
        "Zoë Müller-Łukasiewicz",
        "Ελένη Παπαδοπούλου",
        "Александра Иванова",
        "שרה כהן (supervisor)",
        "فاطمة الزهراء",
        "შოთა რუსთაველი, Հովհաննես",
        "王小明 and 김민수",
        "अमिताभ",
        "สมชาย ใจดี",
        "\u{202e}evE\u{2066}",
        "AVeryLongNameWithoutAnySpaceInItThatGoesOnAndOnUntilItCannotStandOnOneLineAnyMoreAtAllWhateverTheTableDoes",
    ];
    let rows = |count: usize| {
        (0..count).map(|row| {
            let name = names.get(row % names.len()).copied().unwrap_or_default();
            vec![name.to_owned(), row.to_string(), "17".to_owned()]
        })
    };
    Document {
        title: "Harbour festival: First night".to_owned(),
        under: vec!["Doors Sat 2027-10-30 18:00".to_owned()],
        sections: vec![
            Section {
                title: "People".to_owned(),
                parts: vec![Part::Figures(vec![(
                    "tickets".to_owned(),
                    "1200".to_owned(),
                )])],
            },
            Section {
                title: "Overrides and undos".to_owned(),
                parts: vec![Part::Table {
                    head: ["who", "overrides", "undos"].map(str::to_owned).to_vec(),
                    rows: rows(90).collect(),
                }],
            },
            Section {
                title: "What this report may lack".to_owned(),
                parts: vec![Part::Sentence("north had 3 scans to send. ".repeat(12))],
            },
        ],
    }
}

#[test]
fn the_same_words_are_the_same_bytes() {
    let made = file(&night()).unwrap();
    assert_eq!(made, file(&night()).unwrap());
    assert!(made.starts_with(b"%PDF-"));
}

#[test]
fn every_word_has_letters_and_marks_of_direction_have_none() {
    let mut fonts = Fonts::open().unwrap();
    for text in ["Ada", "שרה", "فاطمة", "王小明", "สมชาย", "अ", "😀"] {
        let width = fonts.line(text, Weight::Bold).width(1.0);
        assert!(width > 0.4, "{text}: {width}");
    }
    let plain = fonts.line("Ada", Weight::Regular).width(1.0);
    let marked = fonts
        .line("\u{202e}A\u{200f}da\u{2069}", Weight::Regular)
        .width(1.0);
    assert!((plain - marked).abs() < f32::EPSILON);
}

#[test]
fn nothing_stands_outside_of_the_margins() {
    let mut fonts = Fonts::open().unwrap();
    let pages = Layout::of(&night(), &mut fonts);
    assert!(pages.len() > 1);
    for item in pages.iter().flatten() {
        match item {
            Item::Text(line, size, x, y) => {
                let right = x + line.width(*size);
                assert!(
                    *x >= MARGIN - 0.1 && right <= WIDTH - MARGIN + 0.1,
                    "{x} {right}"
                );
                assert!(*y >= MARGIN && *y <= HEIGHT - MARGIN, "{y}");
            }
            Item::Rule(y, end) => {
                assert!(*y <= HEIGHT - MARGIN && *end <= WIDTH - MARGIN + 0.1);
            }
        }
    }
}
