#!/usr/bin/env python3
"""Tidemill's image function against sharp: CPU, memory and bytes of the same job, interleaved.

    python3 benches/peers/sharp/compare.py [--rounds 5] [--photos DIR]

Needs python3, node and npm. Installs sharp beside this file, Pillow and numpy into an environment below the
target folder, and builds the example `batch`. Without --photos it makes 13 photos of 9 to 24 megapixels from the
sample photos: enlarged, with grain, so that entropy coding has something to do; mostly 4:2:0, one 4:2:2, one
4:4:4, one progressive. Both sides run on one thread, one process for all photos.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(HERE)))
TARGET = os.environ.get("CARGO_TARGET_DIR", os.path.join(ROOT, "target"))
WORK = os.path.join(TARGET, "peers", "sharp")

PHOTOS = """
import numpy as np
from PIL import Image
samples, out = {samples!r}, {out!r}
names = ['astronaut.jpg', 'Käffchen am Tresen.jpg', 'cats/chelsea.png', 'retina.jpg', 'space/deep-field.jpg', 'space/launch.webp']
sizes = [(4000, 3000), (4032, 3024), (4624, 3468), (6000, 4000), (4000, 3000), (5472, 3648), (4000, 2250),
         (4896, 3264), (4032, 3024), (6000, 4000), (4608, 3456), (4000, 3000), (5184, 3888)]
random = np.random.default_rng(1)
for index, (width, height) in enumerate(sizes):
    photo = Image.open(samples + '/' + names[index % 6]).convert('RGB').resize((width, height), Image.BICUBIC)
    grain = random.normal(0, 6, (height, width, 1)) + random.normal(0, 2, (height, width, 3))
    pixels = np.clip(np.asarray(photo, dtype=np.float32) + grain, 0, 255).astype(np.uint8)
    options = dict(quality=90, subsampling={{3: '4:2:2', 7: '4:4:4'}}.get(index, '4:2:0'), progressive=index == 10)
    Image.fromarray(pixels).save(f'{{out}}/photo-{{index:02}}.jpg', **options)
"""


def photos(folder):
    if not os.path.isdir(folder):
        python = os.path.join(WORK, "python")
        subprocess.run([sys.executable, "-m", "venv", python], check=True)
        python = os.path.join(python, "bin", "python")
        subprocess.run([python, "-m", "pip", "install", "-q", "pillow==13.0.0", "numpy==2.4.6"], check=True)
        os.makedirs(folder + ".new", exist_ok=True)
        samples = os.path.join(ROOT, "pipelines/media-on-upload/buckets/uploads/incoming")
        subprocess.run([python, "-c", PHOTOS.format(samples=samples, out=folder + ".new")], check=True)
        os.rename(folder + ".new", folder)
    return sorted(os.path.join(folder, name) for name in os.listdir(folder))


def run(command):
    """CPU seconds and peak memory in MiB."""
    process = subprocess.Popen(command)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"{command[0]} failed")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--photos")
    arguments = parser.parse_args()
    os.makedirs(WORK, exist_ok=True)
    files = photos(arguments.photos or os.path.join(WORK, "photos"))
    if not os.path.isdir(os.path.join(HERE, "node_modules", "sharp")):
        subprocess.run(["npm", "install", "--no-audit", "--no-fund", "--no-package-lock"], cwd=HERE, check=True)
    build = ["cargo", "build", "--release", "-p", "tidemill-image", "--example", "batch"]
    subprocess.run(build, cwd=ROOT, check=True)
    job = os.path.join(HERE, "job.js")
    sides = {
        "tidemill": [os.path.join(TARGET, "release", "examples", "batch"), "{out}", "-"],
        "sharp, usual": ["node", job, "usual", "{out}"],
        "sharp, cascade": ["node", job, "cascade", "{out}"],
    }
    figures = {side: [] for side in sides}
    for _ in range(arguments.rounds):
        for side, command in sides.items():
            out = os.path.join(WORK, side.replace(", ", "-"))
            os.makedirs(out, exist_ok=True)
            figures[side].append(run([part.format(out=out) for part in command] + files))
    version = json.load(open(os.path.join(HERE, "node_modules", "sharp", "package.json")))["version"]
    print(f"{len(files)} photos, {arguments.rounds} rounds, sharp {version}; the least of the rounds, CPU as median too")
    print("| side | CPU s, least | median | peak MiB | output MB | ratio of least |")
    print("|---|---|---|---|---|---|")
    ours = min(cpu for cpu, _ in figures["tidemill"])
    for side, runs in figures.items():
        cpu = [cpu for cpu, _ in runs]
        out = os.path.join(WORK, side.replace(", ", "-"))
        size = sum(os.path.getsize(os.path.join(out, name)) for name in os.listdir(out)) / 1e6
        print(
            f"| {side} | {min(cpu):.2f} | {statistics.median(cpu):.2f} | {max(mib for _, mib in runs):.0f} "
            f"| {size:.2f} | {ours / min(cpu):.2f} |"
        )


if __name__ == "__main__":
    main()
