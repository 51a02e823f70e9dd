#!/usr/bin/env python3
"""Makes the files in good/, bad/ and half/ (Pillow 13, numpy 2), which are committed: this says where they come
from. Those in half/ are good as a still picture, and bad as an animation.

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


# GIF, put together by hand of what Pillow compressed: it does not write every disposal, offset and order.
def gif_image(pil):
    """Palette and compressed pixels of a picture with a palette."""
    file = save(pil, format="GIF", interlace=0, optimize=False)
    size = 3 << ((file[10] & 7) + 1)
    palette, at = file[13 : 13 + size], 13 + size
    while file[at] != 0x2C:
        at += 2
        while file[at]:
            at += 1 + file[at]
        at += 1
    assert file[at + 9] == 0
    return palette, file[at + 10 : -1]


def gif_frame(pil, left=0, top=0, disposal=0, transparent=None, delay=10, interlaced=False, local=True):
    if interlaced:
        rows = [y for first, step in [(0, 8), (4, 8), (2, 4), (1, 2)] for y in range(first, pil.height, step)]
        shuffled = pil.copy()
        for to, y in enumerate(rows):
            shuffled.paste(pil.crop((0, y, pil.width, y + 1)), (0, to))
        palette, data = gif_image(shuffled)
    else:
        palette, data = gif_image(pil)
    control = struct.pack("<BBBBHBB", 0x21, 0xF9, 4, disposal << 2 | (transparent is not None), delay, transparent or 0, 0)
    flags = (0x80 | (len(palette) // 3).bit_length() - 2 if local else 0) | (0x40 if interlaced else 0)
    place = struct.pack("<BHHHHB", 0x2C, left, top, pil.width, pil.height, flags)
    return control + place + (palette if local else b"") + data


def gif(width, height, blocks, palette=b"", end=b";"):
    flags = 0x80 | (len(palette) // 3).bit_length() - 2 if palette else 0
    return b"GIF89a" + struct.pack("<HHBBB", width, height, flags, 0, 0) + palette + b"".join(blocks) + end


def gif_application(name, data):
    blocks = b"".join(bytes([len(data[at : at + 255])]) + data[at : at + 255] for at in range(0, len(data), 255))
    return b"\x21\xff\x0b" + name + blocks + b"\0"


def gifs():
    flat = image(37, 23).quantize(32)
    put("good/palette.gif", save(flat, format="GIF", interlace=0))
    put("good/interlaced.gif", save(flat, format="GIF", interlace=1))
    put("good/transparent.gif", save(flat, format="GIF", transparency=flat.getpixel((12, 8))))
    put("good/two-colours.gif", save(image(37, 23).convert("1"), format="GIF"))
    put("good/one-pixel.gif", save(image(1, 1).quantize(2), format="GIF"))
    loop = gif_application(b"NETSCAPE2.0", b"\x01\0\0")
    put("good/profile.gif", gif(37, 23, [gif_application(b"ICCRGBG1012", srgb()), gif_frame(flat)]))
    put("good/no-trailer.gif", gif(37, 23, [gif_frame(flat)], end=b""))
    put("bad/no-screen.gif", gif(0, 0, [gif_frame(flat)]))
    put("good/global-palette.gif", gif(37, 23, [gif_frame(flat, local=False)], palette=gif_image(flat)[0]))
    small, dot = image(17, 11).quantize(16), image(9, 7).quantize(8)
    key = dot.getpixel((0, 0))
    frames = [
        gif_frame(flat, transparent=flat.getpixel((12, 8)), disposal=0),
        gif_frame(small, 5, 4, disposal=3, transparent=200, delay=7),
        gif_frame(dot, 20, 10, disposal=2, transparent=key, delay=0),
        gif_frame(small, 0, 12, disposal=1, transparent=small.getpixel((8, 5)), delay=1, interlaced=True),
        gif_frame(dot, 28, 0, disposal=2, transparent=201, delay=2),
        gif_frame(dot, 3, 3, disposal=3, transparent=key, delay=300),
        gif_frame(dot, 14, 16, disposal=1, transparent=key),
    ]
    put("good/animated.gif", gif(37, 23, [loop, *frames]))
    whole = gif(37, 23, [loop, *frames])
    put("half/truncated.gif", whole[:-200])
    put("half/garbage-between.gif", gif(37, 23, [loop, frames[0], b"garbage", frames[1]]))
    put("half/overhang-bomb.gif", gif(37, 23, [frames[0], *[struct.pack("<BHHHHB", 0x2C, 9, 9, 9000, 9000, 0) + b"\x02\0"] * 30]))
    put("good/overhang.gif", gif(30, 20, [gif_frame(flat, 3, 2)]))
    twice = gif_application(b"NETSCAPE2.0", b"\x01\x02\0")
    put("good/animated-thrice.gif", gif(37, 23, [twice, *frames[:2]]))

    put("bad/truncated.gif", gif(37, 23, [gif_frame(flat)])[:400])
    put("bad/truncated-in-header.gif", b"GIF89a\x05")
    put("bad/no-picture.gif", gif(37, 23, [loop]))
    put("bad/no-colours.gif", gif(37, 23, [gif_frame(flat, local=False)]))
    put("bad/too-few-lines.gif", gif(37, 23, [gif_frame(flat)]).replace(struct.pack("<HH", 37, 23) + b"\x84", struct.pack("<HH", 37, 99) + b"\x84"))
    put("bad/no-such-code-size.gif", gif(37, 23, [struct.pack("<BHHHHB", 0x2C, 0, 0, 37, 23, 0), b"\x0c\x01\0\0"], palette=b"\0" * 6))
    put("bad/damaged.gif", gif(37, 23, [struct.pack("<BHHHHB", 0x2C, 0, 0, 37, 23, 0), b"\x02\x04\xff\xff\xff\xff\0"], palette=b"\0" * 12))
    put("bad/bomb.gif", gif(65000, 65000, [gif_frame(flat)]))
    put("bad/frame-bomb.gif", gif(37, 23, [gif_frame(flat), struct.pack("<BHHHHB", 0x2C, 0, 0, 65000, 65000, 0), b"\x02\0"]))
    tiny = struct.pack("<BHHHHB", 0x2C, 0, 0, 1, 1, 0) + b"\x02\x02\x4c\x01\0"
    put("bad/many-frames.gif", gif(1, 1, [tiny * 1001], palette=b"\0" * 12))


# APNG: Pillow writes it too, but neither interlaced nor with a still picture apart.
def apng(frames, width, height, depth, colour, extra=b"", plays=0, still=None, interlaced=False):
    """frames: samples, left, top, disposal, blend, delay in milliseconds."""
    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, int(interlaced))
    out = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"acTL", struct.pack(">II", len(frames), plays)) + extra

    def data(samples):
        file = png(samples, depth, colour, b"", interlaced)
        length = struct.unpack(">I", file[33:37])[0]
        return file[41 : 41 + length]

    if still is not None:
        out += chunk(b"IDAT", data(still))
    number = 0
    for index, (samples, left, top, disposal, blend, delay) in enumerate(frames):
        control = (number, samples.shape[1], samples.shape[0], left, top, delay, 1000, disposal, blend)
        out += chunk(b"fcTL", struct.pack(">IIIIIHHBB", *control))
        number += 1
        if index == 0 and still is None:
            out += chunk(b"IDAT", data(samples))
        else:
            out += chunk(b"fdAT", struct.pack(">I", number) + data(samples))
            number += 1
    return out + chunk(b"IEND", b"")


def animations():
    rgba = np.round(np.concatenate([picture(37, 23), alpha(37, 23)[..., None]], -1))
    small, dot = rgba[:11, :17], rgba[10:17, 20:29]
    frames = [
        (rgba, 0, 0, 0, 0, 100),
        (small, 5, 4, 2, 1, 70),
        (dot, 20, 10, 1, 0, 0),
        (small, 0, 12, 0, 1, 10),
        (dot, 28, 0, 1, 1, 20),
        (dot, 14, 16, 0, 1, 40),
    ]
    # Pillow lays half transparent pixels of these over others in a way of its own: all or nothing, then.
    hard = rgba.copy()
    hard[..., 3] = np.where(rgba[..., 3] > 99, 255, 0)
    parts_of = {id(rgba): hard, id(small): hard[:11, :17], id(dot): hard[10:17, 20:29]}
    sharp = [(parts_of[id(f[0])], *f[1:]) for f in frames]
    put("good/animated.png", apng(sharp, 37, 23, 8, 6))
    put("good/animated-apart.png", apng(sharp, 37, 23, 8, 6, plays=3, still=rgba[::-1]))
    deep = [(f[0] * 257, *f[1:]) for f in sharp[:3]]
    put("good/animated-interlaced-16.png", apng(deep, 37, 23, 16, 6, interlaced=True))
    grey = np.round(picture(37, 23)[..., 1:2] / 17)
    plte = chunk(b"PLTE", bytes(range(0, 240, 5)))
    paletted = [(grey, 0, 0, 0, 0, 100), (grey[3:12, 5:18], 9, 7, 0, 0, 50)]
    put("good/animated-palette.png", apng(paletted, 37, 23, 4, 3, plte))
    put("half/too-few-frames.png", apng(frames, 37, 23, 8, 6).replace(chunk(b"acTL", struct.pack(">II", 6, 0)), chunk(b"acTL", struct.pack(">II", 7, 0))))
    put("bad/many-frames.png", apng(frames, 37, 23, 8, 6).replace(chunk(b"acTL", struct.pack(">II", 6, 0)), chunk(b"acTL", struct.pack(">II", 100000, 0))))

    def anmf(samples, left, top, disposal, blend, delay):
        still = save(Image.fromarray(samples.astype(np.uint8)), format="WEBP", lossless=True, exact=True)
        body = b"".join(n + struct.pack("<I", len(b)) + b + b"\0" * (len(b) & 1) for n, b in parts(still) if n != b"VP8X")
        three = [left // 2, top // 2, samples.shape[1] - 1, samples.shape[0] - 1, delay]
        return b"ANMF", b"".join(struct.pack("<I", n)[:3] for n in three) + bytes([(1 - blend) << 1 | (disposal == 1)]) + body

    canvas = b"\x12\0\0\0" + struct.pack("<I", 36)[:3] + struct.pack("<I", 22)[:3]
    chunks = [anmf(f[0], f[1] & ~1, f[2], min(f[3], 1), f[4], f[5]) for f in frames]
    head = [(b"VP8X", canvas), (b"ANIM", b"\xff\xff\xff\xff\x02\0")]
    whole = riff([*head, *chunks])
    put("good/animated-blend.webp", whole)
    put("half/truncated.webp", whole[:-300])
    put("half/frame-off-canvas.webp", riff([*head, chunks[0], anmf(rgba, 2, 0, 0, 0, 100)]))
    one = [anmf(np.zeros((1, 1, 4)), 0, 0, 0, 0, 100)]
    pixel = b"\x12\0\0\0" + b"\0" * 6
    bomb = chunk(b"iCCP", b"bomb\0\0" + zlib.compress(b"\0" * (5 << 20), 9))
    put("bad/profile-bomb.png", png(np.round(picture(37, 23)), 8, 2, bomb))
    put("bad/many-frames.webp", riff([(b"VP8X", pixel), (b"ANIM", b"\0" * 6), *one * 1001]))


# TIFF, by hand: Pillow writes neither tiles nor planes nor Motorola's order.
def tiff(samples, bits, photometric, compression=1, big=False, planar=False, tile=None, rows=None, predictor=1, tags=None):
    """samples: rows x columns x channels of numbers below 2**bits."""
    height, width, channels = samples.shape
    order = ">" if big else "<"

    def pack(part):
        part = part.astype(np.uint32)
        if predictor == 2:
            part = np.concatenate([part[:, :1], (part[:, 1:] - part[:, :-1]) & (2**bits - 1)], 1)
        out = b""
        for row in part.reshape(part.shape[0], -1):
            if bits == 16:
                line = row.astype(order + "u2").tobytes()
            elif bits == 8:
                line = row.astype(np.uint8).tobytes()
            else:
                line = np.packbits(((row[:, None] >> np.arange(bits - 1, -1, -1)) & 1).astype(np.uint8).reshape(-1)).tobytes()
            if compression == 32773:
                line = b"".join(bytes([len(line[a : a + 128]) - 1]) + line[a : a + 128] for a in range(0, len(line), 128))
            out += line
        return zlib.compress(out) if compression == 8 else out

    planes = [samples[..., c : c + 1] for c in range(channels)] if planar else [samples]
    chunks = []
    for plane in planes:
        if tile:
            padded = np.pad(plane, ((0, -height % tile[1]), (0, -width % tile[0]), (0, 0)), mode="edge")
            for top in range(0, height, tile[1]):
                for left in range(0, width, tile[0]):
                    chunks.append(pack(padded[top : top + tile[1], left : left + tile[0]]))
        else:
            for top in range(0, height, rows or height):
                chunks.append(pack(plane[top : top + (rows or height)]))
    values = {
        256: ("I", [width]), 257: ("I", [height]), 258: ("H", [bits] * channels), 259: ("H", [compression]),
        262: ("H", [photometric]), 277: ("H", [channels]), 284: ("H", [2 if planar else 1]), 317: ("H", [predictor]),
    }
    body, at, offsets = b"", 8, []
    for data in chunks:
        offsets.append(at + len(body))
        body += data + b"\0" * (len(data) & 1)
    lengths = [len(data) for data in chunks]
    if tile:
        values |= {322: ("H", [tile[0]]), 323: ("H", [tile[1]]), 324: ("I", offsets), 325: ("I", lengths)}
    else:
        values |= {273: ("I", offsets), 278: ("I", [rows or height]), 279: ("I", lengths)}
    values |= tags or {}
    body += b"\0" * (len(body) & 1)
    types, directory, extra = {"B": 1, "H": 3, "I": 4, "f": 11}, b"", b""
    start = at + len(body) + 2 + 12 * len(values) + 4
    for tag in sorted(values):
        kind, numbers = values[tag]
        data = struct.pack(order + kind * len(numbers), *numbers)
        if len(data) <= 4:
            field = data + b"\0" * (4 - len(data))
        else:
            field = struct.pack(order + "I", start + len(extra))
            extra += data + b"\0" * (len(data) & 1)
        directory += struct.pack(order + "HHI", tag, types[kind], len(numbers)) + field
    directory = struct.pack(order + "H", len(values)) + directory + struct.pack(order + "I", 0)
    head = (b"MM" if big else b"II") + struct.pack(order + "HI", 42, at + len(body))
    return head + body + directory + extra


def tiffs():
    rgb = np.round(picture(37, 23))
    grey, a = rgb[..., 1:2], np.round(alpha(37, 23))[..., None]
    smooth = image(37, 23)
    put("good/rgb.tif", tiff(rgb, 8, 2, rows=10))
    put("good/rgb-big-endian.tif", tiff(rgb, 8, 2, big=True))
    put("good/rgb-planes.tif", tiff(rgb, 8, 2, planar=True, compression=8, rows=7))
    put("good/rgb-tiles.tif", tiff(rgb, 8, 2, tile=(16, 16), compression=8, predictor=2))
    put("good/rgb-tile-planes.tif", tiff(rgb, 8, 2, tile=(48, 32), planar=True))
    put("good/rgb-packbits.tif", tiff(rgb, 8, 2, compression=32773, rows=5))
    put("good/rgb-lzw.tif", save(smooth, format="TIFF", compression="tiff_lzw"))
    put("good/rgb-lzw-predictor.tif", save(smooth, format="TIFF", compression="tiff_lzw", tiffinfo={317: 2}))
    put("good/rgb-16.tif", tiff(rgb * 257, 16, 2, rows=9))
    put("good/rgb-16-predictor-big-endian.tif", tiff(rgb * 257, 16, 2, big=True, compression=8, predictor=2))
    rgba = np.concatenate([rgb, a], -1)
    put("good/rgba.tif", tiff(rgba, 8, 2, tags={338: ("H", [2])}, compression=8))
    put("good/rgba-premultiplied.tif", tiff(np.round(np.concatenate([rgb * a / 255, a], -1)), 8, 2, tags={338: ("H", [1])}))
    put("good/rgba-16-planes.tif", tiff(rgba * 257, 16, 2, tags={338: ("H", [2])}, planar=True))
    put("good/rgb-and-more.tif", tiff(np.concatenate([rgb, a, a], -1), 8, 2, tags={338: ("H", [0, 0])}))
    put("good/grey.tif", tiff(grey, 8, 1))
    put("good/grey-white-is-zero.tif", tiff(255 - grey, 8, 0))
    put("good/grey-alpha.tif", tiff(np.concatenate([grey, a], -1), 8, 1, tags={338: ("H", [2])}))
    put("good/grey-16.tif", tiff(grey * 257, 16, 1))
    put("good/grey-4.tif", tiff(np.round(grey / 17), 4, 1, tile=(16, 16)))
    put("good/grey-2.tif", tiff(np.round(grey / 85), 2, 1))
    put("good/grey-1.tif", tiff(grey > 127, 1, 1, compression=32773))
    put("good/grey-1-white-is-zero.tif", tiff(grey > 127, 1, 0))
    put("good/cmyk.tif", tiff(np.array(smooth.convert("CMYK")), 8, 5, compression=8))
    flat = smooth.quantize(16)
    table = np.zeros(768, int)
    table[: len(flat.getpalette())] = flat.getpalette()
    index = np.array(flat)[..., None]

    def colours(count):
        return {320: ("H", [int(v) * 257 for v in table.reshape(256, 3)[:count].T.reshape(-1)])}

    put("good/palette-8.tif", tiff(index, 8, 3, tags=colours(256), compression=8))
    put("good/palette-4.tif", tiff(index, 4, 3, tags=colours(16)))
    put("good/one-pixel.tif", tiff(rgb[:1, :1], 8, 2))
    put("good/orientation-6.tif", tiff(rgb, 8, 2, tags={274: ("H", [6])}))
    put("good/profile.tif", tiff(rgb, 8, 2, tags={34675: ("B", list(srgb()))}))
    two = save(smooth, format="TIFF", save_all=True, append_images=[smooth.rotate(180)])
    put("good/two-pages.tif", two)

    whole = tiff(rgb, 8, 2, rows=10)
    put("bad/truncated.tif", save(smooth, format="TIFF")[:-900])
    put("bad/truncated-in-header.tif", whole[:200])
    put("bad/jpeg-inside.tif", save(smooth, format="TIFF", compression="jpeg"))
    put("bad/fax-inside.tif", save(smooth.convert("1"), format="TIFF", compression="group4"))
    put("bad/big-tiff.tif", b"II+\0\x08\0\0\0\x10\0\0\0\0\0\0\0" + b"\0" * 8)
    put("bad/floats.tif", tiff(rgb, 16, 2, tags={339: ("H", [3, 3, 3])}))
    put("bad/lab.tif", tiff(rgb, 8, 8))
    put("bad/thirty-two-bits.tif", tiff(rgb, 8, 2, tags={258: ("H", [32, 32, 32])}))
    put("bad/no-colours.tif", tiff(index, 8, 3))
    put("bad/no-rows.tif", tiff(rgb, 8, 2, tags={278: ("I", [0])}))
    put("bad/no-picture.tif", b"II*\0\x08\0\0\0\0\0\0\0\0\0")
    put("bad/few-strips.tif", tiff(rgb, 8, 2, rows=10, tags={273: ("I", [8]), 279: ("I", [1110])}))
    put("bad/short-strip.tif", tiff(rgb, 8, 2, rows=10, tags={279: ("I", [5, 5, 5])}))
    put("bad/strip-beyond.tif", tiff(rgb, 8, 2, tags={273: ("I", [4000000000])}))
    put("bad/tag-of-gigabytes.tif", tiff(rgb, 8, 2, tags={34675: ("B", list(srgb()))}).replace(struct.pack("<HHI", 34675, 1, len(srgb())), struct.pack("<HHI", 34675, 1, 4000000000)))
    put("bad/odd-tiles.tif", tiff(rgb, 8, 2, tile=(10, 10)))
    put("bad/wide-tiles.tif", tiff(rgb, 8, 2, tile=(16, 16), tags={322: ("I", [2**31]), 323: ("I", [2**31])}))
    put("bad/not-deflate.tif", tiff(rgb, 8, 2, tags={259: ("H", [8])}))
    put("bad/old-lzw.tif", tiff(np.full((1, 9, 1), 1), 8, 1, tags={259: ("H", [5])}).replace(b"\1" * 9, b"\0\1" + b"\0" * 7))
    put("bad/bomb.tif", tiff(rgb, 8, 2, tags={256: ("I", [65000]), 257: ("I", [65000]), 278: ("I", [65000])}))
    put("bad/largest.tif", tiff(rgb, 8, 2, tags={256: ("I", [2**32 - 1]), 257: ("I", [2**32 - 1]), 278: ("I", [2**32 - 1])}))
    # The picture is small, and what would be decoded for it is not: each row of it is a row of a tile.
    put("bad/tiles-beyond-picture.tif", tiff(rgb[:1, :1], 8, 2, tile=(16, 16), tags={257: ("I", [160000]), 322: ("I", [65536]), 323: ("I", [160000])}))
    # Each strip is all of the file's data again.
    put("bad/strips-over-each-other.tif", tiff(rgb, 8, 2, compression=8, rows=1, tags={273: ("I", [8] * 23), 279: ("I", [1000] * 23)}))
    # A directory that is followed by itself is one page all the same.
    circle = bytearray(whole)
    at = struct.unpack("<I", circle[4:8])[0]
    count = struct.unpack("<H", circle[at : at + 2])[0]
    circle[at + 2 + 12 * count : at + 6 + 12 * count] = struct.pack("<I", at)
    put("good/circle.tif", bytes(circle))


# BMP, by hand: Pillow writes a few of its forms only.
def bmp(width, height, bits, data, compression=0, palette=b"", after=b"", header=40, used=0, offset=None, extra=b""):
    if header == 12:
        info = struct.pack("<IHHHH", 12, width, height, 1, bits)
    else:
        info = struct.pack("<IiiHHIIiiII", header, width, height, 1, bits, compression, len(data), 2835, 2835, used, 0)
        info += extra + b"\0" * (header - 40 - len(extra))
    start = 14 + len(info) + len(after) + len(palette)
    return b"BM" + struct.pack("<IHHI", start + len(data), 0, 0, start if offset is None else offset) + info + after + palette + data


def bmp_rows(samples, bits):
    """samples: rows x columns of numbers below 2**bits, from the bottom row to the top one."""
    out = b""
    for row in samples[::-1].astype(np.uint64):
        if bits < 8:
            line = np.packbits(((row[:, None] >> np.arange(bits - 1, -1, -1).astype(np.uint64)) & np.uint64(1)).astype(np.uint8).reshape(-1)).tobytes()
        else:
            line = b"".join(int(pixel).to_bytes(bits // 8, "little") for pixel in row)
        out += line + b"\0" * (-len(line) % 4)
    return out


def runs(index, bits):
    """Run lengths: literals for a row that changes, else runs; the last row by steps."""
    out = b""
    for row in index[::-1]:
        at = 0
        while at < len(row):
            same = 1
            while at + same < len(row) and same < 255 and row[at + same] == row[at]:
                same += 1
            literal = [int(v) for v in row[at : at + 20]]
            if same < 3 and len(literal) > 2:
                if bits == 4:
                    literal += [0] * (len(literal) & 1)
                    packed = bytes(a << 4 | b for a, b in zip(literal[::2], literal[1::2]))
                else:
                    packed = bytes(literal)
                count = min(20, len(row) - at)
                out += bytes([0, count]) + packed + b"\0" * (len(packed) & 1)
                at += count
            else:
                out += bytes([same, int(row[at]) * (17 if bits == 4 else 1)])
                at += same
        out += b"\0\0"
    return out[:-2] + b"\0\1"


def bmps():
    rgb = np.round(picture(37, 23)).astype(np.uint32)
    r, g, b = rgb[..., 0], rgb[..., 1], rgb[..., 2]
    a = np.round(alpha(37, 23)).astype(np.uint32)
    true = r << 16 | g << 8 | b

    def indexed(colours):
        flat = image(37, 23).quantize(colours)
        table = np.array(flat.getpalette()[: colours * 3]).reshape(-1, 3)
        table = np.concatenate([table, np.zeros((colours - len(table), 3), int)])
        return np.array(flat), table[:, ::-1]

    def quads(table):
        return b"".join(bytes([*map(int, row), 0]) for row in table)

    put("good/rgb-24.bmp", bmp(37, 23, 24, bmp_rows(true, 24)))
    put("good/rgb-32.bmp", bmp(37, 23, 32, bmp_rows(true, 32)))
    put("good/top-down.bmp", bmp(37, -23, 24, bmp_rows(true[::-1], 24)))
    put("good/rgb-555.bmp", bmp(37, 23, 16, bmp_rows(r >> 3 << 10 | g >> 3 << 5 | b >> 3, 16)))
    masks = struct.pack("<III", 0xF800, 0x07E0, 0x001F)
    put("good/rgb-565.bmp", bmp(37, 23, 16, bmp_rows(r >> 3 << 11 | g >> 2 << 5 | b >> 3, 16), 3, after=masks))
    masks = struct.pack("<IIII", 0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    put("good/rgba-32.bmp", bmp(37, 23, 32, bmp_rows(a << 24 | true, 32), 3, header=124, extra=masks))
    put("good/rgba-32-v4.bmp", bmp(37, 23, 32, bmp_rows(a << 24 | true, 32), 3, header=108, extra=masks))
    put("good/alpha-of-nothing.bmp", bmp(37, 23, 32, bmp_rows(true, 32), 3, header=124, extra=masks))
    index, table = indexed(256)
    put("good/palette-8.bmp", bmp(37, 23, 8, bmp_rows(index, 8), palette=quads(table)))
    index, table = indexed(16)
    put("good/palette-4.bmp", bmp(37, 23, 4, bmp_rows(index, 4), palette=quads(table)))
    put("good/short-palette-8.bmp", bmp(37, 23, 8, bmp_rows(index, 8), palette=quads(table), used=16))
    put("bad/lying-palette.bmp", bmp(37, 23, 8, bmp_rows(index, 8), palette=quads(table), used=4000000000))
    put("good/runs-4.bmp", bmp(37, 23, 4, runs(index, 4), 2, palette=quads(table)))
    put("good/runs-8.bmp", bmp(37, 23, 8, runs(index, 8), 1, palette=quads(table), used=16))
    steps = b"\x05\x03\0\2\x07\x02\x04\x05\0\0\x09\x01\0\1"
    put("good/runs-with-steps.bmp", bmp(37, 23, 8, steps, 1, palette=quads(table), used=16))
    core = b"".join(bytes(map(int, row)) for row in table)
    put("good/core-4.bmp", bmp(37, 23, 4, bmp_rows(index, 4), palette=core, header=12))
    index, table = indexed(2)
    put("good/palette-1.bmp", bmp(37, 23, 1, bmp_rows(index, 1), palette=quads(table)))
    put("good/one-pixel.bmp", bmp(1, 1, 24, bmp_rows(true[:1, :1], 24)))
    put("bad/no-offset.bmp", bmp(37, 23, 24, bmp_rows(true, 24), offset=0))
    put("bad/last-padding-missing.bmp", bmp(37, 23, 24, bmp_rows(true, 24)[:-1]))

    whole = bmp(37, 23, 24, bmp_rows(true, 24))
    put("bad/truncated.bmp", whole[:-500])
    put("bad/truncated-in-header.bmp", whole[:40])
    put("bad/truncated-runs.bmp", bmp(37, 23, 8, runs(indexed(16)[0], 8)[:100], 1, palette=quads(indexed(16)[1]), used=16))
    put("bad/negative-width.bmp", bmp(-37, 23, 24, b"\0" * 99))
    put("bad/no-height.bmp", bmp(37, 0, 24, b"\0" * 99))
    put("bad/lowest-height.bmp", bmp(37, -(2**31), 24, b"\0" * 99))
    put("bad/bomb.bmp", bmp(65000, 65000, 24, b"\0" * 99))
    put("bad/lying.bmp", bmp(9000, 9000, 24, b"\0" * 99))
    put("bad/no-such-depth.bmp", bmp(37, 23, 7, b"\0" * 99))
    put("bad/no-colours.bmp", bmp(37, 23, 8, b"\0" * 2000, offset=54 + 1))
    put("bad/palette-beyond.bmp", bmp(37, 23, 8, b"\0" * 99))
    put("bad/pixels-in-header.bmp", bmp(37, 23, 24, bmp_rows(true, 24), offset=20))
    put("bad/jpeg-inside.bmp", bmp(37, 23, 0, b"\xff\xd8\xff", 4))
    put("bad/png-inside.bmp", bmp(37, 23, 0, b"\x89PNG", 5))
    holes = struct.pack("<III", 0xF801, 0x07E0, 0x001F)
    put("bad/holes.bmp", bmp(37, 23, 16, b"\0" * 2000, 3, after=holes))


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
    put("bad/odd-palette.png", png(np.zeros((4, 4, 1)), 8, 3, chunk(b"PLTE", bytes(49))))
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

    put("bad/heic.heic", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")
    put("bad/avif.avif", b"\0\0\0\x1cftypavif\0\0\0\0mif1miafMA1B")
    put("bad/jpeg-xl.jxl", b"\xff\x0a\0\0")


for folder in ("good", "bad", "half"):
    os.makedirs(os.path.join(HERE, folder), exist_ok=True)
good()
bad()
gifs()
animations()
tiffs()
bmps()
