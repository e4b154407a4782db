//! Which of a camera's formats serves a gate best.

use nokhwa::utils::{CameraFormat, FrameFormat};

use super::Wanted;

/// The format nearest to what is wanted: first by picture size, then by rate, then by how little it costs
/// to get luma from it. The library's own choice fails unless a camera has exactly the size.
pub(super) fn nearest(formats: &[CameraFormat], wanted: Wanted) -> Option<CameraFormat> {
    let far = |format: &&CameraFormat| {
        let size = format.width().abs_diff(wanted.width) + format.height().abs_diff(wanted.height);
        // A slow camera misses more than a fast one costs: a rate below is farther than one above.
        let (rate, wish) = (format.frame_rate(), wanted.rate);
        let rate = if rate < wish {
            (wish - rate) * 2
        } else {
            rate - wish
        };
        (size, rate, cost(format.format()))
    };
    formats.iter().min_by_key(far).copied()
}

/// From copying luma to decoding pictures.
const fn cost(format: FrameFormat) -> u8 {
    match format {
        FrameFormat::GRAY => 0,
        FrameFormat::NV12 => 1,
        FrameFormat::YUYV => 2,
        FrameFormat::RAWRGB | FrameFormat::RAWBGR => 3,
        FrameFormat::MJPEG => 4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn format(width: u32, height: u32, rate: u32, format: FrameFormat) -> CameraFormat {
        CameraFormat::new_from(width, height, format, rate)
    }

    #[test]
    fn size_comes_before_rate_and_rate_before_the_cost_of_luma() {
        let formats = [
            format(640, 480, 30, FrameFormat::YUYV),
            format(1280, 720, 10, FrameFormat::YUYV),
            format(1280, 720, 30, FrameFormat::MJPEG),
            format(1280, 720, 60, FrameFormat::MJPEG),
            format(1920, 1080, 30, FrameFormat::MJPEG),
        ];
        let nearest = |width, height, rate| {
            let chosen = nearest(
                &formats,
                Wanted {
                    width,
                    height,
                    rate,
                },
            )
            .unwrap();
            (chosen.width(), chosen.frame_rate(), chosen.format())
        };
        assert_eq!(nearest(1280, 720, 30), (1280, 30, FrameFormat::MJPEG));
        assert_eq!(nearest(1280, 720, 5), (1280, 10, FrameFormat::YUYV));
        assert_eq!(nearest(1300, 800, 50), (1280, 60, FrameFormat::MJPEG));
        assert_eq!(nearest(320, 240, 30), (640, 30, FrameFormat::YUYV));
        assert_eq!(nearest(8_000, 8_000, 1), (1920, 30, FrameFormat::MJPEG));
    }

    #[test]
    fn of_formats_that_are_alike_the_cheapest_serves() {
        let all = [
            FrameFormat::MJPEG,
            FrameFormat::NV12,
            FrameFormat::GRAY,
            FrameFormat::YUYV,
        ];
        let formats = all.map(|kind| format(640, 480, 30, kind));
        let wanted = Wanted {
            width: 640,
            height: 480,
            rate: 30,
        };
        assert_eq!(
            nearest(&formats, wanted).unwrap().format(),
            FrameFormat::GRAY
        );
        assert_eq!(nearest(&[], wanted), None);
    }
}
