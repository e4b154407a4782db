use super::*;
use proptest::prelude::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A video whose frames are all of one grey: their numbers.
fn video(header: &str, frame: impl Fn(u8) -> Vec<u8>, frames: u8) -> Vec<u8> {
    let mut file = format!("YUV4MPEG2 {header}\n").into_bytes();
    for grey in 0..frames {
        file.extend(b"FRAME\n");
        file.extend(frame(grey));
    }
    file
}

fn mono(frames: u8) -> Vec<u8> {
    video("W4 H3 F10:1 Cmono", |grey| vec![grey; 12], frames)
}

/// The grey of each frame and its time in milliseconds.
fn read(file: &[u8]) -> Result<Vec<(u8, u128)>, SourceError> {
    let mut video = Y4mVideo::open(file, Pace::EveryFrame)?;
    let mut frames = Vec::new();
    loop {
        match video.poll()? {
            Next::Frame(captured) => {
                let mut pixels: Vec<u8> = captured.frame.rows().flatten().copied().collect();
                pixels.dedup();
                assert_eq!(pixels.len(), 1, "one grey a frame");
                frames.push((pixels[0], captured.time.as_millis()));
            }
            Next::End => return Ok(frames),
            other @ (Next::Later | Next::Cut | Next::Trouble(_)) => panic!("{other:?}"),
        }
    }
}

fn refused(file: &[u8]) -> VideoError {
    match read(file) {
        Err(SourceError::Video(error)) => error,
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_frame_comes_in_order_with_its_time() {
    assert_eq!(read(&mono(3)).unwrap(), [(0, 0), (1, 100), (2, 200)]);
    assert_eq!(read(&mono(0)).unwrap(), []);
}

#[test]
fn the_planes_of_colours_are_skipped_however_they_are_stored() {
    // Luma 5 × 3, then the samples of the other planes.
    let layouts = [
        ("", 12),
        ("C420jpeg", 12),
        ("C420paldv", 12),
        ("C420mpeg2", 12),
        ("C420", 12),
        ("C422", 18),
        ("C440", 20),
        ("C411", 12),
        ("C410", 4),
        ("C444", 30),
        ("C444alpha", 45),
        ("Cmono", 0),
    ];
    for (chroma, samples) in layouts {
        let frame = |grey| [vec![grey; 15], vec![200; samples]].concat();
        let file = video(&format!("W5 H3 F1:1 Ip A1:1 {chroma}"), frame, 3);
        let greys: Vec<u8> = read(&file).unwrap().iter().map(|it| it.0).collect();
        assert_eq!(greys, [0, 1, 2], "{chroma}");
    }
}

#[test]
fn of_more_than_eight_bits_the_highest_count() {
    for (chroma, bits, samples) in [("C420p10", 10, 12), ("Cmono16", 16, 0), ("C444p12", 12, 30)] {
        let frame = |grey| {
            let sample = (u16::from(grey) << (bits - 8)).to_le_bytes();
            [sample.repeat(15), vec![7; samples * 2]].concat()
        };
        let file = video(&format!("W5 H3 {chroma}"), frame, 3);
        assert_eq!(read(&file).unwrap().len(), 3, "{chroma}");
        assert_eq!(read(&file).unwrap()[2].0, 2, "{chroma}");
    }
}

#[test]
fn parameters_of_frames_and_unknown_ones_of_the_file_are_passed_over() {
    let mut file = b"YUV4MPEG2 H1 W2 XYSCSS=420JPEG A0:0 F30000:1001 It Cmono\n".to_vec();
    file.extend(b"FRAME Ixyz Xwhatever\n\x09\x09FRAME\n\x0a\x0a");
    assert_eq!(read(&file).unwrap(), [(9, 0), (10, 33)]);
}

#[test]
fn what_is_no_video_is_refused() {
    for file in [
        b"".as_slice(),
        b"YUV4MPEG2",
        b"YUV4MPEG W1 H1\n",
        b"RIFF\0\0\0\0AVI \n",
    ] {
        assert!(
            matches!(refused(file), VideoError::NotAVideo | VideoError::Read(_)),
            "{file:?}"
        );
    }
    let endless = [b"YUV4MPEG2 ".as_slice(), &[b'X'; 5_000]].concat();
    assert!(matches!(refused(&endless), VideoError::NotAVideo));
}

#[test]
fn sizes_rates_and_colours_that_cannot_be_are_refused() {
    let header = |parameters: &str| refused(format!("YUV4MPEG2 {parameters}\n").as_bytes());
    for parameters in ["H3", "W4", "W-1 H3", "Wx H3", "W99999999999 H3"] {
        assert!(
            matches!(header(parameters), VideoError::Parameter('W' | 'H')),
            "{parameters}"
        );
    }
    for parameters in ["W0 H3", "W8192 H8192", "W4294967295 H4294967295"] {
        assert!(
            matches!(header(parameters), VideoError::Frame(_)),
            "{parameters}"
        );
    }
    for rate in ["30", "0:1", "30:0", "a:b", ""] {
        let parameters = format!("W4 H3 F{rate}");
        assert!(
            matches!(header(&parameters), VideoError::Parameter('F')),
            "{rate}"
        );
    }
    for chroma in [
        "C",
        "C42",
        "C420p7",
        "C420p17",
        "C421",
        "Cmono8",
        "C420jpegx",
        "C444p",
    ] {
        assert!(
            matches!(header(&format!("W4 H3 {chroma}")), VideoError::Chroma),
            "{chroma}"
        );
    }
}

#[test]
fn a_file_that_is_cut_off_says_in_which_frame() {
    let file = mono(3);
    for missing in 1..18 {
        let error = refused(&file[..file.len() - missing]);
        assert!(
            matches!(error, VideoError::CutOff(2)),
            "{missing}: {error:?}"
        );
    }
}

#[test]
fn what_stands_where_a_frame_should_is_told_with_its_number() {
    let mut file = mono(2);
    file.extend(b"FRAMES\n");
    assert!(matches!(refused(&file), VideoError::Damaged(2)));
}

#[test]
fn a_paced_video_shows_the_newest_frame_that_is_due() {
    let ms = Arc::new(AtomicU64::new(0));
    let clock = Arc::clone(&ms);
    let pace = Pace::ByClock(Box::new(move || {
        Duration::from_millis(clock.load(Ordering::Relaxed))
    }));
    let file = mono(10);
    let mut video = Y4mVideo::open(file.as_slice(), pace).unwrap();
    let mut at = |now: u64| {
        ms.store(now, Ordering::Relaxed);
        match video.poll().unwrap() {
            Next::Frame(captured) => Some(captured.time.as_millis()),
            Next::Later => None,
            Next::End => Some(u128::MAX),
            other @ (Next::Cut | Next::Trouble(_)) => panic!("{other:?}"),
        }
    };
    assert_eq!(at(0), Some(0));
    assert_eq!(at(99), None);
    assert_eq!(at(100), Some(100));
    assert_eq!(at(150), None);
    assert_eq!(at(550), Some(500));
    assert_eq!(at(60_000), Some(u128::MAX));
}

proptest! {
    #[test]
    fn whatever_stands_in_a_header_gives_frames_or_an_error(
        header in "(W[0-9]{1,5} |H[0-9]{1,5} |F[0-9]{0,3}:[0-9]{0,3} |C[a-z0-9]{0,9} |.{0,8} ){0,6}",
        body in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        let mut file = format!("YUV4MPEG2 {header}\nFRAME\n").into_bytes();
        file.extend(body);
        if let Ok(mut video) = Y4mVideo::open(file.as_slice(), Pace::EveryFrame) {
            while let Ok(Next::Frame(_)) = video.poll() {}
        }
    }

    #[test]
    fn whatever_the_bytes_are_a_video_ends(file in proptest::collection::vec(any::<u8>(), 0..400)) {
        if let Ok(mut video) = Y4mVideo::open(file.as_slice(), Pace::EveryFrame) {
            while let Ok(Next::Frame(_)) = video.poll() {}
        }
    }
}
