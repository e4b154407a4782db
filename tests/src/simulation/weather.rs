//! What a network does to calls.

use super::world::World;

/// What the network does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Weather {
    /// Nothing passes.
    pub cut: bool,
    /// Milliseconds that one way takes, at least and at most.
    pub delay_ms: (u64, u64),
    /// Calls in a hundred that are lost before they arrive.
    pub lost: u8,
    /// Answers in a hundred that are lost.
    pub unanswered: u8,
    /// Calls in a hundred that arrive once more, later.
    pub repeated: u8,
    /// Batches in a hundred of which a damaged copy arrives first.
    pub damaged: u8,
}

impl Weather {
    /// Everything passes, at once.
    pub const CLEAR: Self = Self {
        cut: false,
        delay_ms: (1, 8),
        lost: 0,
        unanswered: 0,
        repeated: 0,
        damaged: 0,
    };
}

impl World {
    /// The network of a device becomes better or worse.
    pub(super) fn change_weather(&self, number: usize) {
        let device = &self.devices[number];
        let weather = Weather {
            cut: device.line.weather().cut,
            delay_ms: match self.chance(3) {
                0 => (1, 8),
                1 => (20, 300),
                _ => (1, 1_500),
            },
            lost: u8::try_from(self.chance(25)).unwrap(),
            unanswered: u8::try_from(self.chance(25)).unwrap(),
            repeated: u8::try_from(self.chance(30)).unwrap(),
            damaged: u8::try_from(self.chance(30)).unwrap(),
        };
        device.line.set(weather);
        self.story
            .tell(device.name, format_args!("weather: {weather:?}"));
    }
}
