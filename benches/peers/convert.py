#!/usr/bin/env python3
"""`tidemill convert` of one photo against cwebp and ImageMagick: wall and CPU seconds, bytes, interleaved.

    python3 benches/peers/convert.py [--rounds 5] [--program target/release/tidemill]

Needs python3, node and npm (for the photos of sharp/compare.py), and cwebp and ImageMagick's `convert` in the path.
Builds the command without AWS. One process per conversion, started afresh, reading and writing files; CPU is user
and system time of the process. ImageMagick runs on one thread, which is its least CPU. Its second recipe tells
libjpeg to decode at a smaller size, as its users do who know.
"""

import argparse
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "sharp"))
import compare

FOLDER = os.path.join(compare.WORK, "convert")
ONE_THREAD = os.environ | {"MAGICK_THREAD_LIMIT": "1", "OMP_NUM_THREADS": "1"}


def cwebp(source, out, width):
    return ["cwebp", "-quiet", "-q", "80", "-resize", str(width), "0", source, "-o", out]


def magick(program, source, out, width, hint=False):
    size = ["-define", f"jpeg:size={width}x{width}"] if hint else []
    return [program, *size, source, "-auto-orient", "-resize", f"{width}x", "-strip", "-quality", "80", out]


def run(command):
    """Wall and CPU seconds."""
    start = time.perf_counter()
    process = subprocess.Popen(command, env=ONE_THREAD, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"{command[0]} failed")
    return time.perf_counter() - start, usage.ru_utime + usage.ru_stime


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--program", help="a `tidemill` that is built already")
    parser.add_argument("--magick", default="convert", help="ImageMagick's program, if another comes first in the path")
    arguments = parser.parse_args()
    program = arguments.program
    if not program:
        features = ["--no-default-features", "--features", "image,jpeg,png,webp"]
        subprocess.run(["cargo", "build", "--release", "-p", "tidemill", *features], cwd=compare.ROOT, check=True)
        program = os.path.join(compare.TARGET, "release", "tidemill")
    photo = next(file for file in compare.files_of("photos") if file.endswith("photo-09.jpg"))
    png = compare.files_of("png")[0]
    os.makedirs(FOLDER, exist_ok=True)

    def tidemill(source, out, width):
        return [program, "convert", source, out, "--width", str(width), "--quality", "80"]

    jobs = [
        ("JPEG of 24 megapixels to WebP of 2048", photo, 2048, "webp"),
        ("JPEG of 24 megapixels to JPEG of 1024", photo, 1024, "jpg"),
        ("PNG of 3 megapixels with transparency to WebP of 1024", png, 1024, "webp"),
    ]
    print("| job | side | wall s | CPU s | kB | tidemill's wall, CPU against it |\n|---|---|---|---|---|---|")
    for job, source, width, extension in jobs:
        sides = {"tidemill": tidemill}
        if extension == "webp":
            sides["cwebp"] = cwebp
        sides["ImageMagick"] = lambda *job: magick(arguments.magick, *job)
        if source.endswith("jpg"):
            sides["ImageMagick, jpeg:size"] = lambda *job: magick(arguments.magick, *job, hint=True)
        outputs = {side: os.path.join(FOLDER, f"{side.split(',')[0]}-{len(side)}.{extension}") for side in sides}
        figures = {side: [] for side in sides}
        for _ in range(arguments.rounds):
            for side, command in sides.items():
                if os.path.exists(outputs[side]):
                    os.remove(outputs[side])
                figures[side].append(run(command(source, outputs[side], width)))
        wall, cpu = [min(run[i] for run in figures["tidemill"]) for i in range(2)]
        for side, runs in figures.items():
            least = [min(run[i] for run in runs) for i in range(2)]
            ratio = "" if side == "tidemill" else f"{wall / least[0]:.2f}, {cpu / least[1]:.2f}"
            size = os.path.getsize(outputs[side]) / 1e3
            print(f"| {job} | {side} | {least[0]:.3f} | {least[1]:.3f} | {size:.0f} | {ratio} |", flush=True)


if __name__ == "__main__":
    main()
