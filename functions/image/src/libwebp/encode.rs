//! WebP out: planes that are lent to libwebp, or packed pixels that it copies.

use std::ffi::{c_int, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};

use libwebp_sys as sys;

use crate::pixels::{Packed, Plane};

/// How much may be lost.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Quality {
    /// Nothing that can be seen: what is wholly transparent becomes black.
    Lossless,
    /// 1 to 100.
    Lossy(u8),
}

impl Quality {
    pub(super) fn config(self) -> Result<sys::WebPConfig, Unwritten> {
        let mut config = sys::WebPConfig::new().map_err(|()| Unwritten::Impossible)?;
        match self {
            // Its quality, left as it is, then means effort.
            Self::Lossless => config.lossless = 1,
            Self::Lossy(quality) => config.quality = f32::from(quality),
        }
        Ok(config)
    }
}

pub(super) fn side(pixels: usize) -> Result<c_int, Unwritten> {
    c_int::try_from(pixels).map_err(|_| Unwritten::Impossible)
}

/// What the encoder's callbacks see.
struct Sink<'a> {
    out: Vec<u8>,
    stop: &'a dyn Fn() -> bool,
}

/// Called by libwebp with bytes of the file.
unsafe extern "C" fn write(data: *const u8, size: usize, picture: *const sys::WebPPicture) -> c_int {
    // SAFETY: libwebp passes the picture it was given, whose `custom_ptr` is the sink that `encode` set and
    // holds, and no other reference to it lives while libwebp runs; `data` has `size` bytes.
    unsafe {
        let sink = &mut *(*picture).custom_ptr.cast::<Sink<'_>>();
        if size > 0 {
            sink.out.extend_from_slice(std::slice::from_raw_parts(data, size));
        }
    }
    1
}

/// Called by libwebp now and then; zero stops it.
unsafe extern "C" fn progress(_percent: c_int, picture: *const sys::WebPPicture) -> c_int {
    // SAFETY: as in `write`.
    let sink = unsafe { &*(*picture).custom_ptr.cast::<Sink<'_>>() };
    // A panic must not cross C.
    let go_on = catch_unwind(AssertUnwindSafe(|| !(sink.stop)())).unwrap_or(false);
    c_int::from(go_on)
}

/// Why nothing was encoded.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Unwritten {
    Stopped,
    Impossible,
}

/// A picture that is freed on every way out.
pub(super) struct Picture(pub(super) sys::WebPPicture);

impl Drop for Picture {
    fn drop(&mut self) {
        // SAFETY: it was initialised by libwebp; freeing touches only what libwebp itself allocated, which is
        // nothing for planes that were lent.
        unsafe { sys::WebPPictureFree(&raw mut self.0) };
    }
}

impl Picture {
    /// Without pixels yet; `argb` says which kind of them libwebp is to work on.
    fn new(width: usize, height: usize, argb: bool) -> Result<Self, Unwritten> {
        let mut picture = Self(sys::WebPPicture::new().map_err(|()| Unwritten::Impossible)?);
        picture.0.width = side(width)?;
        picture.0.height = side(height)?;
        picture.0.use_argb = c_int::from(argb);
        Ok(picture)
    }

    /// A copy of interleaved RGB or RGBA.
    pub(super) fn import<const N: usize>(packed: &Packed, argb: bool) -> Result<Self, Unwritten> {
        if packed.data.len() != packed.width * packed.height * N {
            return Err(Unwritten::Impossible);
        }
        let mut picture = Self::new(packed.width, packed.height, argb)?;
        let stride = side(packed.width * N)?;
        let data = packed.data.as_ptr();
        // SAFETY: the pixels are `stride` times height long, as checked; libwebp copies them.
        let imported = unsafe {
            match N {
                3 => sys::WebPPictureImportRGB(&raw mut picture.0, data, stride),
                4 => sys::WebPPictureImportRGBA(&raw mut picture.0, data, stride),
                _ => 0,
            }
        };
        if imported == 0 { Err(Unwritten::Impossible) } else { Ok(picture) }
    }

    fn encode(&mut self, quality: Quality, stop: &dyn Fn() -> bool) -> Result<Vec<u8>, Unwritten> {
        let config = quality.config()?;
        let mut sink = Sink { out: Vec::new(), stop };
        self.0.writer = Some(write);
        self.0.progress_hook = Some(progress);
        self.0.custom_ptr = (&raw mut sink).cast::<c_void>();
        // SAFETY: both structures were initialised by libwebp and the picture has its planes: lent ones, which
        // the caller holds, or its own. The sink lives until after the call.
        let done = unsafe { sys::WebPEncode(&raw const config, &raw mut self.0) };
        self.0.custom_ptr = std::ptr::null_mut();
        match (done, self.0.error_code) {
            (0, sys::WebPEncodingError::VP8_ENC_ERROR_USER_ABORT) => Err(Unwritten::Stopped),
            (0, _) => Err(Unwritten::Impossible),
            _ => Ok(sink.out),
        }
    }
}

/// Encodes luma and two planes of half the size, in the narrow range of video, with loss.
pub(crate) fn encode_yuv(
    planes: &mut [Plane; 3],
    quality: u8,
    stop: &dyn Fn() -> bool,
) -> Result<Vec<u8>, Unwritten> {
    let [y, u, v] = planes;
    let half = (y.width.div_ceil(2), y.height.div_ceil(2));
    let sizes_agree = [&*u, &*v].iter().all(|plane| (plane.width, plane.height) == half)
        && [&*y, &*u, &*v].iter().all(|plane| plane.data.len() == plane.width * plane.height);
    if !sizes_agree {
        return Err(Unwritten::Impossible);
    }
    let mut picture = Picture::new(y.width, y.height, false)?;
    picture.0.y_stride = side(y.width)?;
    picture.0.uv_stride = side(u.width)?;
    // Lent: the sizes were checked, the borrows last until this function returns.
    picture.0.y = y.data.as_mut_ptr();
    picture.0.u = u.data.as_mut_ptr();
    picture.0.v = v.data.as_mut_ptr();
    picture.encode(Quality::Lossy(quality), stop)
}

/// Encodes interleaved RGB or RGBA.
pub(crate) fn encode_packed<const N: usize>(
    packed: &Packed,
    quality: Quality,
    stop: &dyn Fn() -> bool,
) -> Result<Vec<u8>, Unwritten> {
    // Lossy works on planes, lossless on whole pixels.
    let argb = matches!(quality, Quality::Lossless);
    Picture::import::<N>(packed, argb)?.encode(quality, stop)
}
