#!/usr/bin/env python3
"""Makes the files in good/ and bad/ (Pillow 13, numpy 2). They are committed; this says where they come from.

Not made here: three-scans.jpg (optimised tables), ycck.jpg, and baseline- 410, 411, 440 and 441, which are
smooth.png encoded by the crate jpeg-encoder 0.7.1.
"""

import io
import os
import struct
import zlib

import numpy as np
from PIL import Image

HERE = os.path.dirname(os.path.abspath(__file__))


def put(name, data):
    with open(os.path.join(HERE, name), "wb") as file:
        file.write(data)


def picture(width, height):
    """Smooth colours with an edge and a little texture: each corner looks different."""
    y, x = np.mgrid[0:height, 0:width]
    u, v = x / max(width - 1, 1), y / max(height - 1, 1)
    r = 255 * u
    g = 255 * v
    b = 128 + 100 * np.sin(9 * u + 5 * v)
    disc = (u - 0.3) ** 2 + (v - 0.35) ** 2 < 0.03
    r, g, b = np.where(disc, 250, r), np.where(disc, 60, g), np.where(disc, 20, b)
    rgb = np.stack([r, g, b], axis=-1) + 6 * np.sin(x * 1.7 + y * 2.3)[..., None]
    return np.clip(rgb, 0, 255)


def image(width, height):
    return Image.fromarray(picture(width, height).astype(np.uint8))


def alpha(width, height):
    y, x = np.mgrid[0:height, 0:width]
    return np.clip(255 * (1.4 * x / max(width - 1, 1) - 0.2), 0, 255)


def save(pil, **kw):
    out = io.BytesIO()
    pil.save(out, **kw)
    return out.getvalue()


def jpeg(pil, **kw):
    return save(pil, format="JPEG", **{"quality": 90, "subsampling": "4:2:0", **kw})


# PNG, written by hand: Pillow does not write every depth, nor interlaced files.
def chunk(name, body):
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png(samples, depth, colour, extra=b"", interlaced=False):
    """samples: rows x columns x channels of numbers below 2**depth."""
    height, width = samples.shape[:2]

    def lines(part):
        out = b""
        for row in part:
            flat = row.reshape(-1).astype(np.uint32)
            if depth == 16:
                packed = flat.astype(">u2").tobytes()
            elif depth == 8:
                packed = flat.astype(np.uint8).tobytes()
            else:
                bits = ((flat[:, None] >> np.arange(depth - 1, -1, -1)) & 1).reshape(-1)
                packed = np.packbits(bits.astype(np.uint8)).tobytes()
            out += b"\0" + packed
        return out

    if interlaced:
        passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
        raw = b""
        for x, y, dx, dy in passes:
            part = samples[y::dy, x::dx]
            if part.shape[0] and part.shape[1]:
                raw += lines(part)
    else:
        raw = lines(samples)
    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, int(interlaced))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + extra + chunk(b"IDAT", zlib.compress(raw, 9)) + chunk(b"IEND", b"")


def exif(orientation):
    block = Image.Exif()
    block[0x0112] = orientation
    return block


def riff(chunks):
    body = b"WEBP" + b"".join(n + struct.pack("<I", len(b)) + b + b"\0" * (len(b) & 1) for n, b in chunks)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def parts(webp):
    out, at = [], 12
    while at < len(webp):
        name, size = webp[at : at + 4], struct.unpack("<I", webp[at + 4 : at + 8])[0]
        out.append((name, webp[at + 8 : at + 8 + size]))
        at += 8 + size + (size & 1)
    return out


def srgb():
    """An ICC profile of sRGB, by hand, so that it is the same each time: matrix and parametric curves."""

    def fixed(*values):
        return b"".join(struct.pack(">i", round(value * 65536)) for value in values)

    def xyz(*values):
        return b"XYZ \0\0\0\0" + fixed(*values)

    def text(kind, words):
        return kind + b"\0\0\0\0" + words

    description = text(b"desc", struct.pack(">I", 5) + b"sRGB\0" + b"\0" * 78)
    curve = b"para\0\0\0\0\0\x03\0\0" + fixed(2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
    tags = [
        (b"desc", description),
        (b"cprt", text(b"text", b"CC0\0")),
        (b"wtpt", xyz(0.9642, 1.0, 0.8249)),
        (b"rXYZ", xyz(0.43607, 0.22249, 0.01392)),
        (b"gXYZ", xyz(0.38515, 0.71687, 0.09708)),
        (b"bXYZ", xyz(0.14307, 0.06061, 0.7141)),
        (b"rTRC", curve),
        (b"gTRC", curve),
        (b"bTRC", curve),
    ]
    table, body = struct.pack(">I", len(tags)), b""
    for name, data in tags:
        data += b"\0" * (-len(data) % 4)
        table += name + struct.pack(">II", 128 + 4 + 12 * len(tags) + len(body), len(data))
        body += data
    head = struct.pack(">I4sI4s4s4s12s4s", 128 + len(table) + len(body), b"\0\0\0\0", 0x02400000, b"mntr", b"RGB ", b"XYZ ", b"\x07\xea\0\x01\0\x01" + b"\0" * 6, b"acsp")
    head += b"\0" * 28 + fixed(0.9642, 1.0, 0.8249)
    return head + b"\0" * (128 - len(head)) + table + body


def good():
    smooth = image(67, 45)
    put("good/profile.jpg", jpeg(smooth, icc_profile=srgb()))
    put("good/profile.png", save(smooth, format="PNG", icc_profile=srgb()))
    put("good/profile.webp", save(smooth, format="WEBP", lossless=True, icc_profile=srgb()))
    put("good/smooth.png", save(smooth, format="PNG"))
    base = jpeg(smooth)
    put("good/baseline-420.jpg", base)
    put("good/baseline-422.jpg", jpeg(smooth, subsampling="4:2:2"))
    put("good/baseline-444.jpg", jpeg(smooth, subsampling="4:4:4"))
    put("good/progressive.jpg", jpeg(smooth, progressive=True))
    put("good/progressive-444.jpg", jpeg(smooth, progressive=True, subsampling="4:4:4"))
    put("good/restart.jpg", jpeg(smooth, restart_marker_blocks=2))
    put("good/progressive-restart.jpg", jpeg(smooth, progressive=True, restart_marker_blocks=3))
    put("good/grey.jpg", jpeg(smooth.convert("L")))
    put("good/grey-progressive.jpg", jpeg(smooth.convert("L"), progressive=True))
    put("good/rgb.jpg", save(smooth, format="JPEG", quality=90, keep_rgb=True))
    cmyk = jpeg(smooth.convert("CMYK"), subsampling="4:4:4")
    put("good/cmyk.jpg", cmyk)
    put("good/cmyk-progressive.jpg", jpeg(smooth.convert("CMYK"), progressive=True, subsampling="4:4:4"))
    # Without Adobe's marker nothing is inverted.
    start = cmyk.index(b"\xff\xee")
    put("good/cmyk-plain.jpg", cmyk[:start] + cmyk[start + 16 :])
    put("good/garbage-after.jpg", base + b"this does not belong here \xff\xd8\xff" * 20)
    put("good/no-end-marker.jpg", base[:-2])
    put("good/one-pixel.jpg", jpeg(image(1, 1)))
    put("good/one-column.jpg", jpeg(image(1, 33)))
    put("good/one-row.jpg", jpeg(image(33, 1)))
    for tag in range(1, 9):
        put(f"good/orientation-{tag}.jpg", jpeg(image(40, 26), exif=exif(tag), quality=95))

    rgb = picture(37, 23)
    a = alpha(37, 23)[..., None]
    grey = rgb.mean(axis=-1, keepdims=True)
    for depth in (1, 2, 4, 8, 16):
        put(f"good/grey-{depth}.png", png(np.round(grey / 255 * (2**depth - 1)), depth, 0))
    for depth in (8, 16):
        top = 2**depth - 1
        put(f"good/rgb-{depth}.png", png(np.round(rgb / 255 * top), depth, 2))
        put(f"good/grey-alpha-{depth}.png", png(np.round(np.concatenate([grey, a], -1) / 255 * top), depth, 4))
        put(f"good/rgba-{depth}.png", png(np.round(np.concatenate([rgb, a], -1) / 255 * top), depth, 6))
    for depth in (1, 2, 4, 8):
        count = 2**depth
        colours = np.array([[i * 255 // (count - 1), 255 - i * 128 // (count - 1), i * 90 % 256] for i in range(count)])
        index = np.round(grey / 255 * (count - 1))
        plte = chunk(b"PLTE", colours.astype(np.uint8).tobytes())
        put(f"good/palette-{depth}.png", png(index, depth, 3, plte))
    plte = chunk(b"PLTE", bytes(range(256)) * 3)
    trns = chunk(b"tRNS", bytes(min(i * 3, 255) for i in range(200)))
    put("good/palette-transparent.png", png(np.round(grey), 8, 3, plte + trns))
    flat = np.round(grey / 255 * 15)
    put("good/grey-key.png", png(flat, 4, 0, chunk(b"tRNS", struct.pack(">H", 7))))
    whole = np.round(rgb / 64) * 60
    key = [int(x) for x in whole[0, 0]]
    put("good/rgb-key.png", png(whole, 8, 2, chunk(b"tRNS", struct.pack(">HHH", *key))))
    put("good/interlaced.png", png(np.round(rgb), 8, 2, interlaced=True))
    put("good/interlaced-rgba-16.png", png(np.round(np.concatenate([rgb, a], -1) * 257), 16, 6, interlaced=True))
    put("good/interlaced-palette-2.png", png(np.round(grey / 255 * 3), 2, 3, chunk(b"PLTE", bytes(range(0, 240, 20))), True))
    put("good/one-pixel.png", png(np.array([[[9, 200, 77]]]), 8, 2))
    tiff = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"
    put("good/orientation-6.png", png(np.round(rgb), 8, 2, chunk(b"eXIf", tiff)))

    rgba = Image.fromarray(np.concatenate([rgb, a], -1).astype(np.uint8))
    small = image(37, 23)
    put("good/lossy.webp", save(small, format="WEBP", quality=90))
    put("good/lossless.webp", save(small, format="WEBP", lossless=True))
    put("good/lossy-alpha.webp", save(rgba, format="WEBP", quality=90))
    put("good/lossless-alpha.webp", save(rgba, format="WEBP", lossless=True, exact=True))
    put("good/orientation-8.webp", save(small, format="WEBP", quality=90, exif=exif(8)))
    put("good/one-pixel.webp", save(image(1, 1), format="WEBP", quality=90))
    put("good/garbage-after.webp", save(small, format="WEBP", quality=90) + b"garbage" * 30)
    frames = [rgba, rgba.transpose(Image.Transpose.FLIP_LEFT_RIGHT)]
    put("good/animated.webp", save(frames[0], format="WEBP", save_all=True, append_images=frames[1:], duration=100))
    # A first frame that is smaller than its canvas.
    inner = parts(save(image(20, 10), format="WEBP", quality=90))[0]
    place = struct.pack("<I", 4)[:3] + struct.pack("<I", 5)[:3] + b"\x13\0\0\x09\0\0" + b"\x64\0\0\0"
    anmf = place + inner[0] + struct.pack("<I", len(inner[1])) + inner[1] + b"\0" * (len(inner[1]) & 1)
    canvas = b"\x12\0\0\0" + struct.pack("<I", 39)[:3] + struct.pack("<I", 29)[:3]
    put("good/animated-offset.webp", riff([(b"VP8X", canvas), (b"ANIM", b"\0" * 6), (b"ANMF", anmf)]))


def bad():
    smooth = image(67, 45)
    base = jpeg(smooth)
    sof = base.index(b"\xff\xc0")
    sos = base.index(b"\xff\xda")

    def with_sof(marker=b"\xc0", depth=8, height=45, width=67):
        return base[: sof + 1] + marker + base[sof + 2 : sof + 4] + struct.pack(">BHH", depth, height, width) + base[sof + 9 :]

    put("bad/empty.jpg", b"")
    put("bad/text.jpg", b"this is no picture at all")
    put("bad/truncated.jpg", base[: len(base) * 2 // 3])
    put("bad/truncated-in-header.jpg", base[: sof + 6])
    progressive = jpeg(smooth, progressive=True)
    put("bad/truncated-progressive.jpg", progressive[: len(progressive) * 2 // 3])
    put("bad/progressive-without-end.jpg", progressive[:-2])
    put("bad/bomb.jpg", with_sof(height=65000, width=65000))
    put("bad/taller-than-it-is.jpg", with_sof(height=4500))
    put("bad/no-width.jpg", with_sof(width=0))
    put("bad/height-after.jpg", with_sof(height=0))
    put("bad/arithmetic.jpg", with_sof(marker=b"\xc9"))
    put("bad/lossless.jpg", with_sof(marker=b"\xc3"))
    put("bad/hierarchical.jpg", with_sof(marker=b"\xc5"))
    put("bad/twelve-bits.jpg", with_sof(marker=b"\xc1", depth=12))
    put("bad/two-headers.jpg", base[:sos] + base[sof : sof + 19] + base[sos:])
    put("bad/no-picture.jpg", base[:sof] + b"\xff\xd9")
    put("bad/no-frame.jpg", base[:sof] + base[sos:])
    dqt = base.index(b"\xff\xdb")
    put("bad/no-quantisation.jpg", base[:dqt] + base[sof:])
    dht = base.index(b"\xff\xc4")
    put("bad/no-codes.jpg", base[:dht] + base[sos:])
    put("bad/impossible-codes.jpg", base[: dht + 5] + b"\xff" * 16 + base[dht + 21 :])
    restart = jpeg(smooth, restart_marker_blocks=2)
    at = restart.index(b"\xff\xd1", sos)
    put("bad/restart-out-of-turn.jpg", restart[:at] + b"\xff\xd5" + restart[at + 2 :])
    put("bad/scan-cut-by-marker.jpg", base[: sos + 60] + b"\xff\xd9")
    scan = progressive.index(b"\xff\xda")
    end = progressive.index(b"\xff\xc4", scan)
    put("bad/scan-bomb.jpg", progressive[:scan] + progressive[scan:end] * 150 + progressive[end:])
    put("bad/factor-zero.jpg", base[: sof + 11] + b"\x02" + base[sof + 12 :])
    put("bad/two-components.jpg", base[: sof + 9] + b"\x02" + base[sof + 10 :])

    rgb = np.round(picture(37, 23))
    whole = png(rgb, 8, 2)
    put("bad/truncated.png", whole[: len(whole) // 2])
    inter = png(rgb, 8, 2, interlaced=True)
    put("bad/truncated-interlaced.png", inter[: len(inter) // 2])
    put("bad/truncated-in-header.png", whole[:20])
    put("bad/bomb.png", whole[:8] + chunk(b"IHDR", struct.pack(">IIBBBBB", 65000, 65000, 8, 6, 0, 0, 0)) + whole[33:])
    put("bad/largest.png", whole[:8] + chunk(b"IHDR", struct.pack(">IIBBBBB", 2**31 - 1, 2**31 - 1, 16, 6, 0, 0, 1)) + whole[33:])
    put("bad/no-pixels.png", whole[:8] + chunk(b"IHDR", struct.pack(">IIBBBBB", 0, 23, 8, 2, 0, 0, 0)) + whole[33:])
    put("bad/no-such-depth.png", whole[:8] + chunk(b"IHDR", struct.pack(">IIBBBBB", 37, 23, 4, 2, 0, 0, 0)) + whole[33:])
    put("bad/wrong-checksum.png", whole[:60] + bytes([whole[60] ^ 1]) + whole[61:])
    put("bad/not-deflate.png", whole[:33] + chunk(b"IDAT", b"not deflate at all") + chunk(b"IEND", b""))
    short = zlib.compress(b"\0" * 50)
    put("bad/too-few-lines.png", whole[:33] + chunk(b"IDAT", short) + chunk(b"IEND", b""))
    put("bad/no-palette.png", png(np.zeros((4, 4, 1)), 8, 3))
    put("bad/no-header.png", whole[:8] + whole[33:])
    big = png(np.zeros((4, 4, 1)), 1, 0)
    put("bad/lying.png", big[:8] + chunk(b"IHDR", struct.pack(">IIBBBBB", 9000, 9000, 8, 6, 0, 0, 0)) + big[33:])

    lossy = save(image(37, 23), format="WEBP", quality=90)
    put("bad/truncated.webp", lossy[: len(lossy) // 2])
    lossless = save(image(37, 23), format="WEBP", lossless=True)
    put("bad/truncated-lossless.webp", lossless[: len(lossless) // 2])
    put("bad/truncated-in-header.webp", lossy[:22])
    put("bad/no-start-code.webp", lossy[:23] + b"xyz" + lossy[26:])
    put("bad/only-a-riff.webp", lossy[:12])
    frame = parts(lossy)[0]
    huge = b"\0\0\0\0" + b"\xff" * 6
    put("bad/bomb.webp", riff([(b"VP8X", huge), frame]))
    other = b"\0\0\0\0" + struct.pack("<I", 99)[:3] + struct.pack("<I", 99)[:3]
    put("bad/two-sizes.webp", riff([(b"VP8X", other), frame]))
    place = b"\xff\0\0\xff\0\0" + struct.pack("<I", 36)[:3] + struct.pack("<I", 22)[:3] + b"\0\0\0\0"
    anmf = place + frame[0] + struct.pack("<I", len(frame[1])) + frame[1] + b"\0" * (len(frame[1]) & 1)
    canvas = b"\x02\0\0\0" + struct.pack("<I", 39)[:3] + struct.pack("<I", 29)[:3]
    put("bad/frame-off-canvas.webp", riff([(b"VP8X", canvas), (b"ANIM", b"\0" * 6), (b"ANMF", anmf)]))
    put("bad/no-frame.webp", riff([(b"VP8X", canvas), (b"ANIM", b"\0" * 6), (b"XXXX", b"")]))

    put("bad/gif.gif", save(smooth.convert("P"), format="GIF")[:64])
    put("bad/tiff.tif", save(image(2, 2), format="TIFF"))
    put("bad/bmp.bmp", save(image(2, 2), format="BMP"))
    put("bad/heic.heic", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")
    put("bad/avif.avif", b"\0\0\0\x1cftypavif\0\0\0\0mif1miafMA1B")
    put("bad/jpeg-xl.jxl", b"\xff\x0a\0\0")


for folder in ("good", "bad"):
    os.makedirs(os.path.join(HERE, folder), exist_ok=True)
good()
bad()
