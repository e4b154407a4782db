//! CBOR diagnostic notation (RFC 8949, section 8) with the names of fields as comments.
//!
//! Names are given as a word each, in order: `log[device log] sequence` names an array of two, whose first
//! element is an array of two. `*[…]` stands for every element of a list.

use minicbor::Decoder;
use minicbor::data::Type;
use usher_domain::cose;

/// Characters of a line that needs no break.
const WIDTH: usize = 88;

/// A value out of an encoding.
enum Value {
    Atom(String),
    Array(Vec<Self>),
}

/// The name of a value, and those of its elements.
#[derive(Clone, Default)]
struct Name {
    word: String,
    elements: Vec<Self>,
}

/// Bytes in hexadecimal, 32 a line.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let lines = bytes.chunks(32).map(|chunk| plain(chunk) + "\n");
    lines.collect()
}

fn plain(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// An encoding: its bytes, then what they say.
pub(crate) fn cbor(bytes: &[u8], names: &str) -> String {
    format!("{}\n{}", hex(bytes), notation(bytes, names))
}

/// A signed document: key id, content, signature. The envelope around them is always the same.
pub(crate) fn signed(envelope: &[u8], names: &str) -> String {
    let parsed = cose::parse(envelope).unwrap();
    let payload = parsed.unverified_payload();
    let signature = &envelope[envelope.len() - 64..];
    format!(
        "kid {}\npayload, {} bytes:\n{}signature:\n{}\n{}",
        parsed.kid(),
        payload.len(),
        hex(payload),
        hex(signature),
        notation(payload, names)
    )
}

/// What an encoding says.
pub(crate) fn notation(bytes: &[u8], names: &str) -> String {
    let mut decoder = Decoder::new(bytes);
    let value = read(&mut decoder);
    assert_eq!(decoder.position(), bytes.len());
    let name = Name {
        word: String::new(),
        elements: parse(&mut names.chars().peekable()),
    };
    let mut out = String::new();
    write(&mut out, &value, &name, 0, "");
    out
}

fn read(d: &mut Decoder<'_>) -> Value {
    let kind = d.datatype().unwrap();
    if kind == Type::Array {
        let length = d.array().unwrap().unwrap();
        Value::Array((0..length).map(|_| read(d)).collect())
    } else if kind == Type::Bytes {
        Value::Atom(format!("h'{}'", plain(d.bytes().unwrap())))
    } else if kind == Type::String {
        Value::Atom(format!("{:?}", d.str().unwrap()))
    } else if kind == Type::Null {
        d.null().unwrap();
        Value::Atom("null".to_owned())
    } else {
        Value::Atom(d.int().unwrap().to_string())
    }
}

fn parse(names: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Vec<Name> {
    let mut all = vec![Name::default()];
    while let Some(c) = names.next() {
        match c {
            ']' => break,
            ' ' => all.push(Name::default()),
            '[' => all.last_mut().unwrap().elements = parse(names),
            '_' => all.last_mut().unwrap().word.push(' '),
            c => all.last_mut().unwrap().word.push(c),
        }
    }
    all
}

impl Name {
    fn of(&self, place: usize) -> Self {
        match self.elements.as_slice() {
            [every] if every.word == "*" => Self {
                word: String::new(),
                elements: every.elements.clone(),
            },
            elements => elements.get(place).cloned().unwrap_or_default(),
        }
    }
}

fn inline(value: &Value) -> String {
    match value {
        Value::Atom(text) => text.clone(),
        Value::Array(elements) => {
            let elements: Vec<String> = elements.iter().map(inline).collect();
            format!("[{}]", elements.join(", "))
        }
    }
}

fn write(out: &mut String, value: &Value, name: &Name, depth: usize, after: &str) {
    let indent = "  ".repeat(depth);
    let comment = match name.word.as_str() {
        "" | "*" => String::new(),
        word => format!("  / {word} /"),
    };
    let text = inline(value);
    let short = indent.len() + text.len() <= WIDTH;
    match value {
        Value::Array(elements) if !elements.is_empty() && (!name.elements.is_empty() || !short) => {
            out.push_str(&format!("{indent}[{comment}\n"));
            for (place, element) in elements.iter().enumerate() {
                let after = if place + 1 < elements.len() { "," } else { "" };
                write(out, element, &name.of(place), depth + 1, after);
            }
            out.push_str(&format!("{indent}]{after}\n"));
        }
        Value::Atom(_) | Value::Array(_) => {
            out.push_str(&format!("{indent}{text}{after}{comment}\n"));
        }
    }
}
