//! The few calls of libwebp that this crate makes, as safe functions.
//!
//! The only module with unsafe code besides none: libwebp is C. Its rules are few, and each block says how it
//! keeps them: a buffer must be as long as stride times rows, structures must be set up by their own
//! initialisers, and what libwebp allocated must be freed by libwebp. Nothing here keeps a pointer after the
//! call, and no call shares one between threads.
#![expect(unsafe_code, reason = "libwebp is a C library; each block argues for itself")]

use std::ffi::{c_int, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};

use libwebp_sys as sys;

use crate::pixels::{Packed, Plane};

/// Why nothing was decoded.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Status {
    Truncated,
    Broken(&'static str),
}

fn side(pixels: usize) -> Result<c_int, Status> {
    c_int::try_from(pixels).map_err(|_| Status::Broken("it is too large"))
}

/// Decodes into a buffer that `fill` describes, at exactly `width` by `height`.
fn decode(
    data: &[u8],
    width: usize,
    height: usize,
    mode: sys::WEBP_CSP_MODE,
    buffer: sys::WebPDecBuffer__bindgen_ty_1,
) -> Result<(), Status> {
    let (width, height) = (side(width)?, side(height)?);
    let Ok(mut config) = sys::WebPDecoderConfig::new() else {
        return Err(Status::Broken("the decoder is of another version"));
    };
    // SAFETY: the pointer and the length are those of one slice; the features are only written.
    let status = unsafe { sys::WebPGetFeatures(data.as_ptr(), data.len(), &raw mut config.input) };
    check(status)?;
    if (config.input.width, config.input.height) != (width, height) {
        return Err(Status::Broken("its bitstream has another size than its header"));
    }
    config.output.colorspace = mode;
    config.output.is_external_memory = 1;
    config.output.u = buffer;
    // SAFETY: `config` was initialised by libwebp and `buffer` tells true sizes (see the callers, which hold
    // the memory borrowed until this returns). libwebp checks them against the picture's size before it
    // writes, and does not free external memory.
    let status = unsafe { sys::WebPDecode(data.as_ptr(), data.len(), &raw mut config) };
    check(status)
}

fn check(status: sys::VP8StatusCode) -> Result<(), Status> {
    use sys::VP8StatusCode as Code;
    match status {
        Code::VP8_STATUS_OK => Ok(()),
        Code::VP8_STATUS_NOT_ENOUGH_DATA | Code::VP8_STATUS_SUSPENDED => Err(Status::Truncated),
        Code::VP8_STATUS_OUT_OF_MEMORY => Err(Status::Broken("it needs more memory than there is")),
        Code::VP8_STATUS_UNSUPPORTED_FEATURE => Err(Status::Broken("it uses a feature that does not exist")),
        _ => Err(Status::Broken("its bitstream contradicts itself")),
    }
}

/// Decodes to luma and two planes of half the size, in the narrow range of video.
pub(crate) fn decode_yuv(
    data: &[u8],
    width: usize,
    height: usize,
    [y, u, v]: [&mut [u8]; 3],
) -> Result<(), Status> {
    let (half_width, half_height) = (width.div_ceil(2), height.div_ceil(2));
    if y.len() != width * height || u.len() != half_width * half_height || v.len() != u.len() {
        return Err(Status::Broken("its planes have the wrong size"));
    }
    let buffer = sys::WebPYUVABuffer {
        y: y.as_mut_ptr(),
        u: u.as_mut_ptr(),
        v: v.as_mut_ptr(),
        a: std::ptr::null_mut(),
        y_stride: side(width)?,
        u_stride: side(half_width)?,
        v_stride: side(half_width)?,
        a_stride: 0,
        y_size: y.len(),
        u_size: u.len(),
        v_size: v.len(),
        a_size: 0,
    };
    let buffer = sys::WebPDecBuffer__bindgen_ty_1 { YUVA: buffer };
    decode(data, width, height, sys::WEBP_CSP_MODE::MODE_YUV, buffer)
}

/// Decodes to interleaved RGB.
pub(crate) fn decode_rgb(data: &[u8], width: usize, height: usize, out: &mut [u8]) -> Result<(), Status> {
    packed(data, width, height, 3, sys::WEBP_CSP_MODE::MODE_RGB, out)
}

/// Decodes to interleaved RGBA, not premultiplied.
pub(crate) fn decode_rgba(data: &[u8], width: usize, height: usize, out: &mut [u8]) -> Result<(), Status> {
    packed(data, width, height, 4, sys::WEBP_CSP_MODE::MODE_RGBA, out)
}

fn packed(
    data: &[u8],
    width: usize,
    height: usize,
    channels: usize,
    mode: sys::WEBP_CSP_MODE,
    out: &mut [u8],
) -> Result<(), Status> {
    if out.len() != width * height * channels {
        return Err(Status::Broken("its pixels have the wrong size"));
    }
    let rgba = out.as_mut_ptr();
    let buffer = sys::WebPRGBABuffer { rgba, stride: side(width * channels)?, size: out.len() };
    decode(data, width, height, mode, sys::WebPDecBuffer__bindgen_ty_1 { RGBA: buffer })
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
struct Picture(sys::WebPPicture);

impl Drop for Picture {
    fn drop(&mut self) {
        // SAFETY: it was initialised by libwebp; freeing touches only what libwebp itself allocated, which is
        // nothing for planes that were lent.
        unsafe { sys::WebPPictureFree(&raw mut self.0) };
    }
}

impl Picture {
    fn new(width: usize, height: usize) -> Result<Self, Unwritten> {
        let mut picture = Self(sys::WebPPicture::new().map_err(|()| Unwritten::Impossible)?);
        picture.0.width = side(width).map_err(|_| Unwritten::Impossible)?;
        picture.0.height = side(height).map_err(|_| Unwritten::Impossible)?;
        picture.0.use_argb = 0;
        Ok(picture)
    }

    fn encode(&mut self, quality: u8, stop: &dyn Fn() -> bool) -> Result<Vec<u8>, Unwritten> {
        let mut config = sys::WebPConfig::new().map_err(|()| Unwritten::Impossible)?;
        config.quality = f32::from(quality);
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

/// Encodes luma and two planes of half the size, in the narrow range of video.
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
    let mut picture = Picture::new(y.width, y.height)?;
    picture.0.y_stride = side(y.width).map_err(|_| Unwritten::Impossible)?;
    picture.0.uv_stride = side(u.width).map_err(|_| Unwritten::Impossible)?;
    // Lent: the sizes were checked, the borrows last until this function returns.
    picture.0.y = y.data.as_mut_ptr();
    picture.0.u = u.data.as_mut_ptr();
    picture.0.v = v.data.as_mut_ptr();
    picture.encode(quality, stop)
}

/// Encodes interleaved RGB or RGBA.
pub(crate) fn encode_packed<const N: usize>(
    packed: &Packed,
    quality: u8,
    stop: &dyn Fn() -> bool,
) -> Result<Vec<u8>, Unwritten> {
    if packed.data.len() != packed.width * packed.height * N {
        return Err(Unwritten::Impossible);
    }
    let mut picture = Picture::new(packed.width, packed.height)?;
    let stride = side(packed.width * N).map_err(|_| Unwritten::Impossible)?;
    let data = packed.data.as_ptr();
    // SAFETY: the pixels are `stride` times height long, as checked; libwebp copies them.
    let imported = unsafe {
        match N {
            3 => sys::WebPPictureImportRGB(&raw mut picture.0, data, stride),
            4 => sys::WebPPictureImportRGBA(&raw mut picture.0, data, stride),
            _ => 0,
        }
    };
    if imported == 0 { Err(Unwritten::Impossible) } else { picture.encode(quality, stop) }
}
