//! What may be wrong with a camera, as a person must be told.

use serde::Serialize;
use thiserror::Error;

/// A camera of this machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CameraFound {
    /// The number that opens it.
    pub index: u32,
    /// Its name.
    pub name: String,
    /// Where it is, as the system calls it.
    pub about: String,
}

/// What is wrong with a camera. The sentence says what to do.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DeviceError {
    /// This program was built without the part that opens webcams.
    #[error("this usher was built without webcams: build it with `--features webcam`")]
    NotBuilt,
    /// No camera has this number.
    #[error("there is no camera {index}")]
    NotFound {
        /// The number asked for.
        index: u32,
    },
    /// It was there and is gone.
    #[error("the camera was unplugged: plug it in again, it is opened by itself")]
    Unplugged,
    /// Another program uses it.
    #[error("another program uses the camera: close it, the camera is opened by itself")]
    Busy,
    /// The system does not let this program use cameras.
    #[error(
        "this program may not use the camera: allow it in the system's privacy settings (on Linux: join the group `video`)"
    )]
    PermissionRefused,
    /// None of its formats can be read.
    #[error(
        "the camera offers no picture format that can be read (MJPEG, YUYV, NV12, grey or RGB)"
    )]
    NoFormat,
    /// It is open and sends nothing.
    #[error("the camera sends no pictures: unplug it and plug it in again")]
    Silent,
    /// A frame that is not what its format says.
    #[error("the camera sent a damaged picture")]
    DamagedFrame,
    /// Something else; the words are the driver's.
    #[error("the camera failed: {0}")]
    Failed(String),
}

impl DeviceError {
    /// Stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotBuilt => "no_webcams_built",
            Self::NotFound { .. } => "no_such_camera",
            Self::Unplugged => "camera_unplugged",
            Self::Busy => "camera_busy",
            Self::PermissionRefused => "camera_not_allowed",
            Self::NoFormat => "camera_format",
            Self::Silent => "camera_silent",
            Self::DamagedFrame => "camera_frame",
            Self::Failed(_) => "camera_failed",
        }
    }

    /// What the words of an error of the system or its driver come to, for the camera of this number.
    ///
    /// Drivers hand their errors on as text. What can be relied on in it is the number: that of the
    /// error on Linux and macOS (`os error 13`), that of the result on Windows (`0x80070005`).
    #[must_use]
    pub fn of_system(index: u32, words: &str) -> Self {
        let says = |numbers: &[&str]| numbers.iter().any(|number| contains_number(words, number));
        // EACCES, EPERM; E_ACCESSDENIED.
        if says(&["os error 13", "os error 1", "0x80070005"]) {
            Self::PermissionRefused
        // EBUSY; MF_E_HW_MFT_FAILED_START_STREAMING, MF_E_VIDEO_RECORDING_DEVICE_PREEMPTED.
        } else if says(&["os error 16", "0xC00D3704", "0xC00D3EA3"]) {
            Self::Busy
        // ENODEV; MF_E_VIDEO_RECORDING_DEVICE_INVALIDATED. EIO is what a torn cable gives first.
        } else if says(&["os error 19", "os error 5", "0xC00D3EA2"]) {
            Self::Unplugged
        // ENOENT, ENXIO; MF_E_NO_CAPTURE_DEVICES_AVAILABLE.
        } else if says(&["os error 2", "os error 6", "0xC00D3E86"]) {
            Self::NotFound { index }
        } else {
            Self::Failed(words.to_owned())
        }
    }

    /// Whether the camera may come back by itself, or by what the sentence asks for, while the program
    /// runs.
    #[must_use]
    pub const fn may_pass(&self) -> bool {
        match self {
            Self::NotFound { .. }
            | Self::Unplugged
            | Self::Busy
            | Self::PermissionRefused
            | Self::Silent
            | Self::DamagedFrame
            | Self::Failed(_) => true,
            Self::NotBuilt | Self::NoFormat => false,
        }
    }
}

/// Whether the words contain the number, and not as the beginning of a longer one.
fn contains_number(words: &str, number: &str) -> bool {
    let (words, number) = (words.to_ascii_lowercase(), number.to_ascii_lowercase());
    let mut found = words.match_indices(&number);
    found.any(|(start, _)| {
        let behind = words.get(start + number.len()..).unwrap_or_default();
        !behind.starts_with(|c: char| c.is_ascii_alphanumeric())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_of_the_system_tell_what_is_wrong() {
        let told = |words: &str| DeviceError::of_system(3, words);
        let refused = DeviceError::PermissionRefused;
        assert_eq!(told("V4L2 Error: Permission denied (os error 13)"), refused);
        assert_eq!(told("Zugriff verweigert (0x80070005)"), refused);
        assert_eq!(
            told("Device or resource busy (os error 16)"),
            DeviceError::Busy
        );
        assert_eq!(told("HRESULT(0xc00d3ea2)"), DeviceError::Unplugged);
        assert_eq!(told("No such device (os error 19)"), DeviceError::Unplugged);
        let none = DeviceError::NotFound { index: 3 };
        assert_eq!(told("No such file or directory (os error 2)"), none);
        let other = "Invalid argument (os error 22)";
        assert_eq!(told(other), DeviceError::Failed(other.to_owned()));
    }

    #[test]
    fn what_passes_is_told_from_what_does_not() {
        assert!(DeviceError::Busy.may_pass() && DeviceError::Unplugged.may_pass());
        assert!(!DeviceError::NotBuilt.may_pass() && !DeviceError::NoFormat.may_pass());
    }
}
