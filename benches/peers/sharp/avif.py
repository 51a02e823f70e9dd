#!/usr/bin/env python3
"""AVIF against sharp: CPU, bytes and SSIMULACRA2 of three photos of 1024 pixels, over a range of qualities.

    python3 benches/peers/sharp/avif.py [--nasm PROGRAM]

Needs python3, node and npm. Uses the photos and the sharp of compare.py, and an environment of its own with Pillow
and ssimulacra2. Prints what each side makes at each quality, and by interpolation what each would take and cost
at three levels of SSIMULACRA2. Both sides run on one thread, one process per photo; CPU is user and system time
of the process, less what the same process takes without work (Node and `require('sharp')`).

Also prints JPEG's SSIMULACRA2 at each quality: what the quality of AVIF is aligned with.
"""

import argparse
import json
import os
import subprocess
import sys

import compare

FOLDER = os.path.join(compare.WORK, "avif")
PHOTOS = ["photo-00.jpg", "photo-03.jpg", "photo-05.jpg"]
LEVELS = [70, 78, 84]
SHARP = """
const sharp = require(process.argv[1]);
sharp.concurrency(1);
sharp.cache(false);
const [from, to, format, options] = process.argv.slice(2);
if (from) sharp(from)[format](JSON.parse(options)).toFile(to);
"""
SCORE = """
import sys, warnings
warnings.filterwarnings('ignore')
from PIL import Image
from ssimulacra2 import compute_ssimulacra2
for line in sys.stdin:
    reference, file = line.rstrip('\\n').split('\\t')
    Image.open(file).convert('RGB').save(file + '.png')
    print(compute_ssimulacra2(reference, file + '.png'), flush=True)
"""
SCALE = """
import sys
from PIL import Image
for photo, to in zip(sys.argv[1::2], sys.argv[2::2]):
    image = Image.open(photo).convert('RGB')
    image.resize((1024, round(1024 * image.height / image.width)), Image.LANCZOS).save(to)
"""


def python():
    home = os.path.join(compare.WORK, "python-avif")
    program = os.path.join(home, "bin", "python")
    if not os.path.exists(program):
        subprocess.run([sys.executable, "-m", "venv", home], check=True)
        packages = ["pillow==13.0.0", "ssimulacra2==0.3.0"]
        subprocess.run([program, "-m", "pip", "install", "-q", *packages], check=True)
    return program


def at(curve, level):
    """CPU and bytes at a level, between the two measured points around it."""
    for (cpu, size, score), (next_cpu, next_size, next_score) in zip(curve, curve[1:]):
        if score <= level <= next_score:
            part = (level - score) / (next_score - score)
            return cpu + part * (next_cpu - cpu), size + part * (next_size - size)
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", help="a folder with the photos of compare.py")
    parser.add_argument("--nasm", help="the example `batch`, built with the assembler, as one more side")
    arguments = parser.parse_args()
    os.makedirs(FOLDER, exist_ok=True)
    program = python()
    folder = arguments.photos or os.path.join(compare.WORK, "photos")
    if not arguments.photos:
        compare.files_of("photos")
    references = [os.path.join(FOLDER, name.replace(".jpg", ".png")) for name in PHOTOS]
    pairs = zip([os.path.join(folder, name) for name in PHOTOS], references)
    subprocess.run([program, "-c", SCALE, *(path for pair in pairs for path in pair)], check=True)
    module = os.path.join(compare.HERE, "node_modules", "sharp")
    if not os.path.isdir(module):
        install = ["npm", "install", "--no-audit", "--no-fund", "--no-package-lock"]
        subprocess.run(install, cwd=compare.HERE, check=True)
    build = ["cargo", "build", "--release", "-p", "tidemill-image", "--example", "batch"]
    subprocess.run(build, cwd=compare.ROOT, check=True)
    ours = os.path.join(compare.TARGET, "release", "examples", "batch")
    scorer = subprocess.Popen([program, "-c", SCORE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def tidemill(program, rendition):
        config = os.path.join(FOLDER, "config.json")

        def command(reference, out):
            with open(config, "w") as file:
                json.dump({"renditions": [{"name": "out"} | rendition]}, file)
            return [program, os.path.dirname(out), config, reference]

        return command

    def sharp(format, options):
        return lambda reference, out: ["node", "-e", SHARP, module, reference, out, format, json.dumps(options)]

    idle = min(compare.run(["node", "-e", SHARP, module])[0] for _ in range(3))

    def measure(command, idle, extension):
        cpu = size = score = 0
        for reference in references:
            # As the example names it.
            out = reference.replace(".png", "-out." + extension)
            cpu += compare.run(command(reference, out))[0] - idle
            size += os.path.getsize(out) / 1e3
            scorer.stdin.write(f"{reference}\t{out}\n")
            scorer.stdin.flush()
            score += float(scorer.stdout.readline()) / len(references)
        return cpu, size, score

    sides = {"tidemill": [(q, tidemill(ours, {"format": "avif", "quality": q}), 0) for q in range(40, 100, 10)]}
    if arguments.nasm:
        nasm = [(q, tidemill(arguments.nasm, {"format": "avif", "quality": q}), 0) for q in range(40, 100, 10)]
        sides["tidemill with nasm"] = nasm
    for effort in (2, 4):
        options = [(q, {"quality": q, "effort": effort}) for q in (40, 50, 60, 70, 80)]
        sides[f"sharp, effort {effort}"] = [(q, sharp("avif", options), idle) for q, options in options]
    sides["tidemill, JPEG"] = [(q, tidemill(ours, {"format": "jpeg", "quality": q}), 0) for q in range(40, 100, 10)]
    curves = {}
    print("| side | quality | CPU s | kB | SSIMULACRA2 |\n|---|---|---|---|---|")
    for side, runs in sides.items():
        curves[side] = []
        for quality, command, idle in runs:
            cpu, size, score = measure(command, idle, 'jpg' if 'JPEG' in side else 'avif')
            curves[side].append((cpu, size, score))
            print(f"| {side} | {quality} | {cpu:.2f} | {size:.0f} | {score:.1f} |", flush=True)
    print("\n| side | " + " | ".join(f"SSIMULACRA2 {level}: CPU s, kB" for level in LEVELS) + " |")
    print("|---|" + "---|" * len(LEVELS))
    for side, curve in curves.items():
        found = [at(curve, level) for level in LEVELS]
        print(f"| {side} | " + " | ".join(f"{f[0]:.2f}, {f[1]:.0f}" if f else "-" for f in found) + " |")
    scorer.stdin.close()


if __name__ == "__main__":
    main()
