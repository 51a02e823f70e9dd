//! WebP in: into memory that is lent to libwebp.

use std::ffi::c_int;

use libwebp_sys as sys;

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
