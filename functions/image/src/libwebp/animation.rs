//! Animated WebP, by libwebp's own encoder of animations: it finds what changes from frame to frame.

use std::cell::Cell;
use std::ffi::{c_int, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::NonNull;

use libwebp_sys as sys;

use super::encode::{Picture, Quality, Unwritten, side};
use crate::pixels::Packed;

/// The longest time that a frame can be shown, in milliseconds (RFC 9649, 2.7.1.1: 24 bits).
const LONGEST: u32 = (1 << 24) - 1;

/// An animation that grows frame by frame. It holds four canvases and the file so far.
pub(crate) struct Animation {
    encoder: NonNull<sys::WebPAnimEncoder>,
    config: sys::WebPConfig,
    size: (usize, usize),
    /// When the next frame begins, in milliseconds; libwebp looks at differences alone, so it may wrap.
    time: u32,
    /// What libwebp holds a pointer to as long as it lives: whom to ask whether to stop, if anybody.
    asked: Box<Asked>,
}

/// A pointer to a `&dyn Fn() -> bool` that lives until the running call returns, or null between calls.
struct Asked(Cell<*const c_void>);

/// Called by libwebp now and then; zero stops it.
unsafe extern "C" fn progress(_percent: c_int, picture: *const sys::WebPPicture) -> c_int {
    // SAFETY: libwebp passes on the `user_data` of the frame that `add` gave it: the box of an animation, which
    // lives longer than libwebp's encoder.
    let asked = unsafe { &*(*picture).user_data.cast::<Asked>() };
    let stop = asked.0.get().cast::<&dyn Fn() -> bool>();
    // SAFETY: null, or set by `add` to a reference of its own that lives until libwebp returns to it.
    let Some(stop) = (unsafe { stop.as_ref() }) else { return 1 };
    // A panic must not cross C.
    let go_on = catch_unwind(AssertUnwindSafe(|| !stop())).unwrap_or(false);
    c_int::from(go_on)
}

impl Animation {
    /// An animation of this size, shown `loops` times; 0 is for ever.
    pub(crate) fn new(width: usize, height: usize, quality: Quality, loops: u16) -> Result<Self, Unwritten> {
        // What a frame can have; the encoder of animations would notice only at the first one.
        if width > 16_383 || height > 16_383 {
            return Err(Unwritten::Impossible);
        }
        let config = quality.config()?;
        let params = sys::WebPMuxAnimParams { bgcolor: 0, loop_count: c_int::from(loops) };
        let mut options = sys::WebPAnimEncoderOptions {
            anim_params: params,
            minimize_size: 0,
            kmin: 0,
            kmax: 0,
            allow_mixed: 0,
            verbose: 0,
            padding: [0; 4],
        };
        let version = sys::WebPGetMuxABIVersion();
        // SAFETY: the structure is a whole one and only written.
        if unsafe { sys::WebPAnimEncoderOptionsInitInternal(&raw mut options, version) } == 0 {
            return Err(Unwritten::Impossible);
        }
        options.anim_params = params;
        let (across, down) = (side(width)?, side(height)?);
        // SAFETY: the options were initialised by libwebp, which copies them.
        let encoder = unsafe { sys::WebPAnimEncoderNewInternal(across, down, &raw const options, version) };
        let encoder = NonNull::new(encoder).ok_or(Unwritten::Impossible)?;
        let asked = Box::new(Asked(Cell::new(std::ptr::null())));
        Ok(Self { encoder, config, size: (width, height), time: 0, asked })
    }

    /// Appends a frame of RGBA that has the animation's size, to be shown for so many milliseconds.
    pub(crate) fn add(
        &mut self,
        frame: &Packed,
        millis: u32,
        stop: &dyn Fn() -> bool,
    ) -> Result<(), Unwritten> {
        if (frame.width, frame.height) != self.size || millis > LONGEST {
            return Err(Unwritten::Impossible);
        }
        if stop() {
            return Err(Unwritten::Stopped);
        }
        let mut picture = Picture::import::<4>(frame, true)?;
        picture.0.progress_hook = Some(progress);
        picture.0.user_data = (&raw const *self.asked).cast_mut().cast::<c_void>();
        self.asked.0.set((&raw const stop).cast::<c_void>());
        // SAFETY: the encoder is libwebp's, the picture has its pixels and the configuration was initialised by
        // libwebp; it copies what it keeps of them. `stop` lives until the call is over.
        let added = unsafe {
            let time = self.time.cast_signed();
            sys::WebPAnimEncoderAdd(self.encoder.as_ptr(), &raw mut picture.0, time, &raw const self.config)
        };
        self.asked.0.set(std::ptr::null());
        self.time = self.time.wrapping_add(millis);
        match (added, picture.0.error_code) {
            (0, sys::WebPEncodingError::VP8_ENC_ERROR_USER_ABORT) => Err(Unwritten::Stopped),
            (0, _) => Err(Unwritten::Impossible),
            _ => Ok(()),
        }
    }

    /// The file.
    pub(crate) fn finish(self) -> Result<Vec<u8>, Unwritten> {
        let mut data = sys::WebPData::default();
        // SAFETY: the encoder is libwebp's; a last call without a frame tells it how long the last one is shown.
        // What it then writes into `data` was allocated by libwebp, has that size, and is freed by libwebp once
        // it was copied. If it fails it leaves null, or what it had made, which is freed as well.
        unsafe {
            let (encoder, time) = (self.encoder.as_ptr(), self.time.cast_signed());
            let done = sys::WebPAnimEncoderAdd(encoder, std::ptr::null_mut(), time, std::ptr::null()) != 0
                && sys::WebPAnimEncoderAssemble(encoder, &raw mut data) != 0;
            let file = (done && !data.bytes.is_null())
                .then(|| std::slice::from_raw_parts(data.bytes, data.size).to_vec());
            sys::WebPDataClear(&mut data);
            file.ok_or(Unwritten::Impossible)
        }
    }
}

impl Drop for Animation {
    fn drop(&mut self) {
        // SAFETY: it was made by libwebp, and this is the only owner.
        unsafe { sys::WebPAnimEncoderDelete(self.encoder.as_ptr()) };
    }
}
