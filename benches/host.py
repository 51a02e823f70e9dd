#!/usr/bin/env python3
"""What the one-machine host costs beside the functions: CPU per item, and peak memory.

    python3 benches/host.py [--items 10000] [--photos 16]

Needs python3 and cargo; builds the command in release. Two jobs, each in a fresh folder below the target
folder:

overhead  10,000 copies of a photo of 64 x 43 pixels through pipelines/media-on-upload. CPU of the whole
          process less CPU of the function, per item.
memory    16 copies of a PNG of 24 megapixels, whose work would need more than ten times --memory at once.
          Peak resident memory of the whole process.
"""

import argparse
import json
import os
import random
import shutil
import struct
import subprocess
import sys
import zlib

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TARGET = os.environ.get("CARGO_TARGET_DIR", os.path.join(ROOT, "target"))
COMMAND = os.path.join(TARGET, "release", "tidemill")
PIPELINE = os.path.join(ROOT, "pipelines", "media-on-upload")


def folder(name):
    path = os.path.join(TARGET, "benches", f"{name}-{os.getpid()}")
    os.makedirs(os.path.join(path, "buckets", "uploads", "incoming"))
    shutil.copy(os.path.join(PIPELINE, "pipeline.yaml"), path)
    return path


def run(path, *arguments):
    """The summary, CPU seconds and peak bytes of one run."""
    process = subprocess.Popen([COMMAND, "run", path, "--json", *arguments], stdout=subprocess.PIPE)
    out = process.stdout.read()
    _, _, used = os.wait4(process.pid, 0)
    return json.loads(out.splitlines()[-1]), used.ru_utime + used.ru_stime, used.ru_maxrss * 1024


def overhead(items):
    path = folder("overhead")
    small = os.path.join(path, "small.jpg")
    photo = os.path.join(PIPELINE, "buckets", "uploads", "incoming", "cats", "chelsea.png")
    subprocess.run([COMMAND, "convert", photo, small, "--width", "64"], check=True)
    for number in range(items):
        place = os.path.join(path, "buckets", "uploads", "incoming", f"{number % 100:02}")
        os.makedirs(place, exist_ok=True)
        shutil.copy(small, os.path.join(place, f"{number}.jpg"))
    summary, cpu, _ = run(path)
    stage = summary["stages"][0]
    assert stage["done"] == items, summary
    per_item = (cpu - stage["cpu_seconds"]) / items * 1e3
    print(f"overhead: {items} photos in {summary['seconds']:.1f} s; CPU {cpu:.2f} s, of which the function")
    print(f"          {stage['cpu_seconds']:.2f} s; the host {per_item:.2f} ms an item")


def png(path, width, height):
    """A picture of noise: it does not compress, so file and pixels are large alike."""
    row = random.Random(1).randbytes(width * 3 * 64)
    pack = zlib.compressobj(1)
    with open(path, "wb") as file:
        def chunk(kind, data):
            file.write(struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)))
        file.write(b"\x89PNG\r\n\x1a\n")
        chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
        for line in range(height):
            start = line % 64 * width * 3
            data = pack.compress(b"\0" + row[start:start + width * 3])
            if data:
                chunk(b"IDAT", data)
        chunk(b"IDAT", pack.flush())
        chunk(b"IEND", b"")


def memory(photos, budget=256):
    path = folder("memory")
    incoming = os.path.join(path, "buckets", "uploads", "incoming")
    png(os.path.join(incoming, "0.png"), 6000, 4000)
    for number in range(1, photos):
        shutil.copy(os.path.join(incoming, "0.png"), os.path.join(incoming, f"{number}.png"))
    summary, cpu, peak = run(path, "--memory", f"{budget}MB")
    assert summary["stages"][0]["done"] == photos, summary
    print(f"memory:   {photos} PNGs of 24 megapixels within --memory {budget}MB: peak {peak / 1e6:.0f} MB, {summary['seconds']:.1f} s")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=10_000)
    parser.add_argument("--photos", type=int, default=16)
    arguments = parser.parse_args()
    subprocess.run(["cargo", "build", "--release", "--quiet"], cwd=ROOT, check=True)
    overhead(arguments.items)
    memory(arguments.photos)


if __name__ == "__main__":
    sys.exit(main())
