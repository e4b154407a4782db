//! Reading a stream of events as it arrives, in any pieces and with a bound (WHATWG HTML, section 9.2.6,
//! "Interpreting an event stream"). Lines end with LF or CRLF; no text of ours holds a lone CR.

use super::{EVENT_BYTES_MAX, LiveEvent};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// What came is no event of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an event")]
pub struct NotAnEvent;

/// Makes events of bytes.
#[derive(Debug, Default)]
pub struct EventReader {
    /// Bytes that are no whole lines yet, after those that are read.
    buffer: Vec<u8>,
    /// Bytes of the buffer that are read.
    read: usize,
    /// Bytes of the buffer in which no further line ends.
    looked: usize,
    name: String,
    data: String,
}

impl EventReader {
    /// Takes in what arrived.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.drain(..self.read);
        self.looked = self.looked.saturating_sub(self.read);
        self.read = 0;
        self.buffer.extend_from_slice(bytes);
    }

    /// The next event that arrived whole. Events of unknown names are skipped.
    ///
    /// # Errors
    /// [`NotAnEvent`]; nothing after it can be read.
    pub fn next_event(&mut self) -> Result<Option<LiveEvent>, NotAnEvent> {
        while let Some(line) = self.line()? {
            if line.is_empty() {
                if let Some(event) = self.dispatch()? {
                    return Ok(Some(event));
                }
            } else {
                self.field(&line)?;
            }
        }
        Ok(None)
    }

    /// The next whole line, without its end.
    fn line(&mut self) -> Result<Option<String>, NotAnEvent> {
        let from = self.looked.max(self.read);
        let rest = self.buffer.get(from..).unwrap_or_default();
        let Some(end) = rest.iter().position(|byte| *byte == b'\n') else {
            self.looked = self.buffer.len();
            return if self.buffer.len() - self.read > EVENT_BYTES_MAX {
                Err(NotAnEvent)
            } else {
                Ok(None)
            };
        };
        let end = from + end;
        let line = self.buffer.get(self.read..end).unwrap_or_default();
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let line = str::from_utf8(line).map_err(|_| NotAnEvent)?.to_owned();
        self.read = end + 1;
        Ok(Some(line))
    }

    fn field(&mut self, line: &str) -> Result<(), NotAnEvent> {
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.name),
            "data" => {
                if self.data.len() + value.len() > EVENT_BYTES_MAX {
                    return Err(NotAnEvent);
                }
                self.data.push_str(value);
            }
            // Comments, ids, and whatever else there will be.
            _ => {}
        }
        Ok(())
    }

    fn dispatch(&mut self) -> Result<Option<LiveEvent>, NotAnEvent> {
        let (name, data) = (
            std::mem::take(&mut self.name),
            std::mem::take(&mut self.data),
        );
        if data.is_empty() {
            return Ok(None);
        }
        let bytes = STANDARD.decode(data).map_err(|_| NotAnEvent)?;
        LiveEvent::decode(&name, &bytes).map_err(|_| NotAnEvent)
    }
}
