//! A JPEG codec whose pictures are planes: ITU-T T.81, with JFIF's and Adobe's markers.
//!
//! It reads baseline, extended sequential and progressive Huffman files of 8 bits, with one, three or four
//! components in any sampling, interleaved or not, and writes baseline files with optimised tables. It never
//! converts colours: planes in, planes out. A file may be decoded at 1/2, 1/4 or 1/8 of its size, straight
//! from the coefficients. All of it is safe code, and no state survives an error.

pub(crate) mod decode;
pub(crate) mod encode;
mod huffman;
mod transform;

/// The order in which coefficients are written (T.81, figure A.6), as indices into a block of rows.
const ZIGZAG: [u8; 64] = [
    0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7,
    14, 21, 28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39,
    46, 53, 60, 61, 54, 47, 55, 62, 63,
];
