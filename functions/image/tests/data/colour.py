#!/usr/bin/env python3
"""Makes the files in colour/ (Pillow 13, numpy 2): pictures with profiles of every kind, written from formulas.

The profiles are this project's own and describe no real device. They are committed; this says where they come from.
"""

import io
import os
import struct

import numpy as np
from PIL import Image

from make import picture, save

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "colour")


def s15(values):
    return b"".join(struct.pack(">i", round(value * 65536)) for value in values)


def tag(kind, body):
    body = kind + bytes(4) + body
    return body + bytes(-len(body) % 4)


def text(what):
    """A description, in the form of version 2."""
    return tag(b"desc", struct.pack(">I", len(what) + 1) + what + bytes(1 + 4 + 4 + 2 + 1 + 67))


def localized(what):
    """A description, in the form of version 4."""
    utf16 = what.decode().encode("utf-16-be")
    return tag(b"mluc", struct.pack(">II", 1, 12) + b"enUS" + struct.pack(">II", len(utf16), 28) + utf16)


def profile(space, pcs, kind, tags, version=0x02400000):
    """The file: header, table of tags, tags (ICC.1:2022, 7)."""
    tags = {b"wtpt": tag(b"XYZ ", s15([0.9642, 1, 0.8249])), **tags}
    offset = 128 + 4 + 12 * len(tags)
    table, bodies = b"", b""
    for name, body in tags.items():
        table += name + struct.pack(">II", offset + len(bodies), len(body))
        bodies += body
    size = offset + len(bodies)
    header = struct.pack(">I4sI4s4s4s", size, b"", version, kind, space, pcs)
    header += struct.pack(">6H", 2026, 1, 1, 0, 0, 0) + b"acsp" + bytes(28) + s15([0.9642, 1, 0.8249]) + bytes(48)
    assert len(header) == 128, len(header)
    return header + struct.pack(">I", len(tags)) + table + bodies


def matrix(name, colorants, curve, version=0x02400000):
    description = localized(name) if version >= 0x04000000 else text(name)
    return profile(
        b"RGB ", b"XYZ ", b"mntr",
        {
            b"desc": description,
            **{key: tag(b"XYZ ", s15(xyz)) for key, xyz in zip((b"rXYZ", b"gXYZ", b"bXYZ"), colorants)},
            **{key: curve for key in (b"rTRC", b"gTRC", b"bTRC")},
        },
        version,
    )


SRGB_CURVE = tag(b"para", struct.pack(">HH", 3, 0) + s15([2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045]))
SRGB = [(0.43607, 0.22249, 0.01392), (0.38515, 0.71687, 0.09708), (0.14307, 0.06061, 0.7141)]
P3 = [(0.51512, 0.2412, -0.00105), (0.29198, 0.69225, 0.04189), (0.1571, 0.06657, 0.78407)]
ADOBE = [(0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457)]


def gamma(value):
    """A curve of one entry."""
    return tag(b"curv", struct.pack(">IH", 1, round(value * 256)))


def sampled(function, many=1024):
    values = [round(65535 * function(i / (many - 1))) for i in range(many)]
    return tag(b"curv", struct.pack(f">I{many}H", many, *values))


def lab_of_light(rgb):
    """CIE L*a*b* of linear light of sRGB's primaries, under D50."""
    xyz = rgb @ np.array(SRGB)
    ratio = xyz / np.array([0.9642, 1, 0.8249])
    f = np.where(ratio > (6 / 29) ** 3, np.cbrt(ratio), ratio * (29 / 6) ** 2 / 3 + 4 / 29)
    return np.stack([116 * f[..., 1] - 16, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])], axis=-1)


def grid(axes, points):
    """Every point of a grid, the first axis slowest."""
    steps = np.linspace(0, 1, points)
    return np.stack(np.meshgrid(*[steps] * axes, indexing="ij"), axis=-1).reshape(-1, axes)


def press(cmyk):
    """Inks that cover each other, none of them pure, on a paper that is not quite black where they all are."""
    c, m, y, k = (cmyk[..., i : i + 1] for i in range(4))
    light = 1 - c * (1 - np.array([0.05, 0.35, 0.75]))
    light = light * (1 - m * (1 - np.array([0.8, 0.08, 0.3])))
    light = light * (1 - y * (1 - np.array([0.95, 0.8, 0.06])))
    light = light * (1 - k * 0.97)
    return lab_of_light(0.012 + 0.988 * light)


def lut16(axes, points, function):
    """A table of 16 bits, Lab as version 2 writes it."""
    lab = function(grid(axes, points))
    encoded = np.stack([lab[:, 0] * 652.8, (lab[:, 1] + 128) * 256, (lab[:, 2] + 128) * 256], axis=-1)
    words = np.clip(np.round(encoded), 0, 65535).astype(">u2").tobytes()
    line = struct.pack(">HH", 0, 65535)
    body = struct.pack(">BBBx", axes, 3, points) + s15([1, 0, 0, 0, 1, 0, 0, 0, 1]) + struct.pack(">HH", 2, 2)
    return tag(b"mft2", body + line * axes + words + line * 3)


def lut8(axes, points, function):
    """A table of 8 bits, with input tables that bend."""
    lab = function(grid(axes, points) ** 1.5)
    encoded = np.stack([lab[:, 0] * 2.55, lab[:, 1] + 128, lab[:, 2] + 128], axis=-1)
    table = np.clip(np.round(encoded), 0, 255).astype(np.uint8).tobytes()
    bent = bytes(round(255 * (i / 255) ** (1 / 1.5)) for i in range(256))
    body = struct.pack(">BBBx", axes, 3, points) + s15([1, 0, 0, 0, 1, 0, 0, 0, 1])
    return tag(b"mft1", body + bent * axes + table + bytes(range(256)) * 3)


def curves_and_table(points, function):
    """A lutAToBType with all of its parts: A curves, a grid, M curves, a matrix that does little, B curves."""
    lab = function(grid(3, points))
    encoded = np.stack([lab[:, 0] / 100, (lab[:, 1] + 128) / 255, (lab[:, 2] + 128) / 255], axis=-1)
    words = np.clip(np.round(encoded * 65535), 0, 65535).astype(">u2").tobytes()
    line = tag(b"para", struct.pack(">HH", 0, 0) + s15([1]))
    clut = bytes([points] * 3) + bytes(13) + bytes([2, 0, 0, 0]) + words
    clut += bytes(-len(clut) % 4)
    b = 32
    matrix_at = b + 3 * len(line)
    m = matrix_at + 48
    clut_at = m + 3 * len(line)
    a = clut_at + len(clut)
    body = struct.pack(">BBxxIIIII", 3, 3, b, matrix_at, m, clut_at, a)
    body += line * 3 + s15([1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0]) + line * 3 + clut + line * 3
    return tag(b"mAB ", body)


def device(rgb):
    """A scanner that sees a little less of everything, and red in green."""
    light = np.clip(rgb, 0, 1) ** 2.0
    mix = np.array([[0.9, 0.04, 0.0], [0.1, 0.9, 0.05], [0.0, 0.06, 0.95]])
    return lab_of_light(light @ mix)


def put(name, data):
    with open(os.path.join(HERE, name), "wb") as file:
        file.write(data)


def main():
    os.makedirs(HERE, exist_ok=True)
    rgb = Image.fromarray(picture(150, 100).astype(np.uint8))
    grey = rgb.convert("L")
    p3 = matrix(b"Wide P3", P3, SRGB_CURVE, 0x04300000)
    adobe = matrix(b"Wide RGB, gamma 2.2", ADOBE, gamma(2.19921875))
    same = matrix(b"Like sRGB", SRGB, sampled(lambda x: x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4))
    put("p3.png", save(rgb, format="PNG", icc_profile=p3))
    put("p3.jpg", save(rgb, format="JPEG", quality=95, subsampling="4:2:0", icc_profile=p3))
    put("wide.png", save(rgb, format="PNG", icc_profile=adobe))
    put("wide.webp", save(rgb, format="WEBP", lossless=True, icc_profile=adobe))
    put("like-srgb.png", save(rgb, format="PNG", icc_profile=same))
    alpha = rgb.copy()
    alpha.putalpha(grey.point(lambda v: min(255, v * 2)))
    put("p3-alpha.png", save(alpha, format="PNG", icc_profile=p3))
    grey_18 = profile(b"GRAY", b"XYZ ", b"mntr", {b"desc": text(b"Grey, gamma 1.8"), b"kTRC": gamma(1.8)})
    put("grey.png", save(grey, format="PNG", icc_profile=grey_18))
    put("grey.jpg", save(grey, format="JPEG", quality=95, icc_profile=grey_18))
    put("grey-with-colours.png", save(grey, format="PNG", icc_profile=p3))
    # Inks: pure ones, mixtures, all of them.
    y, x = np.mgrid[0:96, 0:144] / np.array([95.0, 143.0])[:, None, None]
    inks = np.stack([x, y, 0.5 + 0.5 * np.sin(7 * x + 5 * y), np.clip(1.6 * x * y - 0.5, 0, 1)], axis=-1)
    inks[:16] = 0
    inks[:16, :, :] = np.repeat(np.repeat(np.array([[[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1],
                                                     [1, 1, 1, 1], [0, 0, 0, 0]]]), 24, axis=1), 16, axis=0)
    cmyk = Image.fromarray(np.round(inks * 255).astype(np.uint8), "CMYK")
    coated = profile(b"CMYK", b"Lab ", b"prtr", {b"desc": text(b"A press"), b"A2B0": lut16(4, 9, press)})
    put("inks.jpg", save(cmyk, format="JPEG", quality=98, subsampling="4:4:4", icc_profile=coated))
    coarse = profile(b"CMYK", b"Lab ", b"prtr", {b"desc": text(b"A press, 8 bits"), b"A2B0": lut8(4, 7, press)})
    put("inks-8.jpg", save(cmyk, format="JPEG", quality=98, subsampling="4:4:4", icc_profile=coarse))
    scanner = profile(b"RGB ", b"Lab ", b"scnr", {b"desc": text(b"A scanner"), b"A2B0": lut16(3, 17, device)})
    put("table.png", save(rgb, format="PNG", icc_profile=scanner))
    modern = profile(b"RGB ", b"Lab ", b"scnr", {b"desc": localized(b"A scanner, version 4"),
                                                  b"A2B0": curves_and_table(17, device)}, 0x04300000)
    put("table-4.png", save(rgb, format="PNG", icc_profile=modern))
    # Six thousand texts that are all the same 72 kilobytes, which are 200 megabytes for whoever reads them all.
    texts = struct.pack(">II", 6000, 12) + (b"enUS" + struct.pack(">II", 72000, 0)) * 6000
    wordy = profile(b"RGB ", b"XYZ ", b"mntr", {
        b"desc": localized(b"Wide P3 with texts"), b"cprt": tag(b"mluc", texts),
        **{key: tag(b"XYZ ", s15(xyz)) for key, xyz in zip((b"rXYZ", b"gXYZ", b"bXYZ"), P3)},
        **{key: SRGB_CURVE for key in (b"rTRC", b"gTRC", b"bTRC")},
    }, 0x04300000)
    put("texts.png", save(rgb.resize((15, 10)), format="PNG", icc_profile=wordy))
    # Broken ones, which are no reason to refuse a picture.
    put("cut.png", save(rgb, format="PNG", icc_profile=p3[:200]))
    put("nonsense.png", save(rgb, format="PNG", icc_profile=b"\xff" * 300))


if __name__ == "__main__":
    main()
