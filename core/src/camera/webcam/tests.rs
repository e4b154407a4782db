use super::*;
use crate::clock::{Era, Reading};
use nokhwa::utils::Resolution;
use std::sync::atomic::{AtomicU64, Ordering};
use usher_domain::time::UnixMillis;

/// A clock that is moved by hand.
#[derive(Default)]
struct Hand(AtomicU64);

impl Clock for Hand {
    fn read(&self) -> Reading {
        let now = self.0.load(Ordering::Relaxed);
        Reading {
            wall: UnixMillis::new(now),
            monotonic_ms: now,
            era: Era(0),
        }
    }
}

const WANTED: Wanted = Wanted {
    width: 1280,
    height: 720,
    rate: 30,
};

/// The luma that a frame of the library comes to.
fn pushed(frame: &Buffer) -> Result<Vec<u8>, LumaError> {
    let (pusher, mut source) = push_source();
    push(&pusher, frame, Duration::ZERO)?;
    let Ok(Next::Frame(captured)) = source.poll() else {
        panic!("no frame")
    };
    Ok(captured.frame.rows().flatten().copied().collect())
}

#[test]
fn a_frame_of_the_library_becomes_luma_whatever_its_format() {
    let size = Resolution::new(2, 2);
    let grey = Buffer::new(size, &[1, 2, 3, 4], FrameFormat::GRAY);
    let yuyv = Buffer::new(size, &[1, 9, 2, 9, 3, 9, 4, 9], FrameFormat::YUYV);
    // What lies behind the picture in the driver's buffer is left out.
    let nv12 = Buffer::new(size, &[1, 2, 3, 4, 9, 9, 0, 0], FrameFormat::NV12);
    for frame in [grey, yuyv, nv12] {
        assert_eq!(pushed(&frame).unwrap(), [1, 2, 3, 4]);
    }
    let white = Buffer::new(size, &[255; 12], FrameFormat::RAWRGB);
    assert_eq!(pushed(&white).unwrap(), [255; 4]);
}

#[test]
fn a_damaged_frame_is_an_error_and_no_frame() {
    let size = Resolution::new(640, 480);
    for format in FORMATS {
        let torn = Buffer::new(size, &[0xff, 0xd8, 0xff, 0xdb, 0], format);
        assert!(pushed(&torn).is_err(), "{format:?}");
    }
}

#[test]
fn errors_of_the_library_are_told_by_what_a_person_can_do() {
    let open = |why: &str| {
        let words = format!("V4L2 Error: {why}");
        explain(2, &NokhwaError::OpenDeviceError("2".to_owned(), words))
    };
    let refused = DeviceError::PermissionRefused;
    assert_eq!(open("Permission denied (os error 13)"), refused);
    let none = DeviceError::NotFound { index: 2 };
    assert_eq!(open("No such file or directory (os error 2)"), none);
    let windows = NokhwaError::OpenDeviceError("2".to_owned(), "Not Found".to_owned());
    assert_eq!(explain(2, &windows), none);
    let busy = "Device or resource busy (os error 16)".to_owned();
    let busy = NokhwaError::OpenStreamError(busy);
    assert_eq!(explain(2, &busy), DeviceError::Busy);
    let gone = NokhwaError::ReadFrameError("No such device (os error 19)".to_owned());
    assert_eq!(explain(2, &gone), DeviceError::Unplugged);
    let format = NokhwaError::GetPropertyError {
        property: "CameraFormat".to_owned(),
        error: "Failed to Fufill".to_owned(),
    };
    assert_eq!(explain(2, &format), DeviceError::NoFormat);
    let other = NokhwaError::GeneralError("smoke".to_owned());
    assert!(matches!(explain(2, &other), DeviceError::Failed(_)));
}

#[test]
fn a_camera_that_is_not_there_is_told_at_once() {
    let refused = Webcam::open(9_999, WANTED, Arc::new(Hand::default()));
    assert!(refused.is_err());
    assert!(list().unwrap().iter().all(|camera| camera.index != 9_999));
}

#[test]
fn a_camera_that_is_open_and_sends_nothing_is_told_once_in_a_while() {
    let (pusher, frames) = push_source();
    let clock = Arc::new(Hand::default());
    let mut webcam = Webcam {
        frames,
        clock: Arc::clone(&clock) as Arc<dyn Clock + Send + Sync>,
        heard_ms: 0,
    };
    let mut at = |ms| {
        clock.0.store(ms, Ordering::Relaxed);
        match webcam.poll().unwrap() {
            Next::Frame(_) => "frame",
            Next::Later => "later",
            Next::Trouble(_) => "trouble",
            Next::Cut | Next::End => "end",
        }
    };
    assert_eq!(at(4_999), "later");
    assert_eq!(at(5_000), "trouble");
    assert_eq!(at(5_001), "later");
    let frame = Buffer::new(Resolution::new(1, 1), &[7], FrameFormat::GRAY);
    push(&pusher, &frame, Duration::ZERO).unwrap();
    assert_eq!(at(9_000), "frame");
    assert_eq!(at(13_999), "later");
    assert_eq!(at(14_000), "trouble");
    drop(pusher);
    assert_eq!(at(14_001), "end");
}
