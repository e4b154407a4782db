use super::*;
use proptest::prelude::*;

const FRESH: Fresh = Fresh {
    salt: [2; 16],
    nonce: [3; 12],
};

fn passphrase(text: &str) -> Private {
    Private::new(text)
}

/// Seed 32 × 01, salt 16 × 02, nonce 12 × 03, passphrase `correct horse battery`.
const EXAMPLE: &str = "\
-----BEGIN USHER ROOT KEY-----
hQFQAgICAgICAgICAgICAgICAkwDAwMDAwMDAwMDAwNYIIqI4910CfGV/VLbLTy6
XXLKZwm/HZQSG/N0iAG0D29cWDB0f6f9jNp/ihReZmMXenyXODWkidpMnLnDQFNY
+1ckbzToDs0VVErbZpQpHU1HR1A=
-----END USHER ROOT KEY-----
";

#[test]
fn the_key_is_recovered_with_its_passphrase_and_no_other() {
    let right = passphrase("correct horse battery");
    let seed = Seed::new([1; 32]);
    let file = RootKeyFile::encrypt(&seed, &right, FRESH).unwrap();
    assert_eq!(file.text(), EXAMPLE);
    let file = RootKeyFile::parse(EXAMPLE).unwrap();
    let key = file.decrypt(&right).unwrap();
    assert_eq!(key.public(), SigningKey::from_seed(&seed).public());
    assert_eq!(file.public(), key.public());
    assert_eq!(
        file.decrypt(&passphrase("correct horse batter")).err(),
        Some(RootKeyError::WrongPassphrase)
    );
}

#[test]
fn a_file_with_another_public_key_does_not_open() {
    let mut file = RootKeyFile::parse(EXAMPLE).unwrap();
    file.public = SigningKey::from_seed(&Seed::new([9; 32])).public();
    assert_eq!(
        file.decrypt(&passphrase("correct horse battery")).err(),
        Some(RootKeyError::WrongPassphrase)
    );
}

#[test]
fn a_short_passphrase_is_refused() {
    assert_eq!(
        RootKeyFile::encrypt(&Seed::new([1; 32]), &passphrase("hunter2"), FRESH),
        Err(RootKeyError::WeakPassphrase)
    );
}

#[test]
fn a_file_survives_other_line_ends_and_blanks() {
    let file = RootKeyFile::parse(EXAMPLE).unwrap();
    let pasted = EXAMPLE.replace('\n', "\r\n  ");
    assert_eq!(RootKeyFile::parse(&pasted), Ok(file));
}

#[test]
fn what_is_not_a_root_key_file_is_told_apart() {
    let truncated: String = EXAMPLE.lines().take(3).collect();
    let emptied = format!("{BEGIN}\n{END}\n");
    let long = format!("{BEGIN}\n{}\n{END}\n", "A".repeat(FILE_BYTES_MAX));
    for text in ["", "hello", &truncated, &emptied, &long] {
        assert_eq!(
            RootKeyFile::parse(text),
            Err(RootKeyError::NotARootKeyFile),
            "{text}"
        );
    }
    let mut next = RootKeyFile::parse(EXAMPLE).unwrap();
    next.format = 2;
    assert_eq!(
        RootKeyFile::parse(&next.text()),
        Err(RootKeyError::OtherVersion)
    );
}

proptest! {
    #[test]
    fn any_text_is_a_file_or_an_error(body in "[A-Za-z0-9+/=\n]{0,250}", at in 31..150_usize, c in "[A-Za-z0-9+/=]") {
        let _ = RootKeyFile::parse(&format!("{BEGIN}\n{body}\n{END}\n"));
        let _ = RootKeyFile::parse(&body);
        let mut damaged = EXAMPLE.to_owned();
        damaged.replace_range(at..=at, &c);
        let _ = RootKeyFile::parse(&damaged);
    }
}
