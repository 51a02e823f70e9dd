#!/usr/bin/env python3
"""Tidemill's image function against sharp: CPU, memory and bytes of the same job, interleaved.

    python3 benches/peers/sharp/compare.py [--rounds 5] [--jobs photos,small] [--quality] [--photos DIR]

Needs python3, node and npm. Installs sharp beside this file, Pillow and numpy into an environment below the
target folder, and builds the example `batch`. Every job makes the same three renditions of its files, which are
made from the sample photos: enlarged, with grain, so that entropy coding has something to do.

    photos       13 JPEGs of 9 to 24 megapixels; mostly 4:2:0, one 4:2:2, one 4:4:4, one progressive
    small        200 JPEGs of 0.3 to 1 megapixel
    progressive  4 progressive JPEGs of 12 megapixels
    png          6 PNGs of 3 megapixels with transparency
    webp         6 lossy WebPs of 6 megapixels

Both sides run on one thread, one process for all files of a job. --quality compares the outputs of the job
`photos` with Pillow's Lanczos from the whole picture, by SSIMULACRA2 (benches/peers/quality).
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
PYTHON = os.path.join(WORK, "python", "bin", "python")
JOBS = ["photos", "small", "progressive", "png", "webp"]
SAMPLES = os.path.join(ROOT, "pipelines/media-on-upload/buckets/uploads/incoming")

MAKE = """
import sys
import numpy as np
from PIL import Image
job, samples, out = sys.argv[1:]
names = ['astronaut.jpg', 'Käffchen am Tresen.jpg', 'cats/chelsea.png', 'retina.jpg', 'space/deep-field.jpg', 'space/launch.webp']
random = np.random.default_rng(1)

def photo(index, width, height):
    photo = Image.open(samples + '/' + names[index % 6]).convert('RGB').resize((width, height), Image.BICUBIC)
    grain = random.normal(0, 6, (height, width, 1)) + random.normal(0, 2, (height, width, 3))
    return np.clip(np.asarray(photo, dtype=np.float32) + grain, 0, 255).astype(np.uint8)

if job == 'photos':
    sizes = [(4000, 3000), (4032, 3024), (4624, 3468), (6000, 4000), (4000, 3000), (5472, 3648), (4000, 2250),
             (4896, 3264), (4032, 3024), (6000, 4000), (4608, 3456), (4000, 3000), (5184, 3888)]
    for index, size in enumerate(sizes):
        options = dict(quality=90, subsampling={3: '4:2:2', 7: '4:4:4'}.get(index, '4:2:0'), progressive=index == 10)
        Image.fromarray(photo(index, *size)).save(f'{out}/photo-{index:02}.jpg', **options)
elif job == 'small':
    for index in range(200):
        width = 640 + index * 31 % 520
        Image.fromarray(photo(index, width, width * 3 // 4)).save(f'{out}/photo-{index:03}.jpg', quality=85)
elif job == 'progressive':
    for index in range(4):
        Image.fromarray(photo(index, 4200, 2800)).save(f'{out}/photo-{index}.jpg', quality=90, progressive=True)
elif job == 'png':
    for index in range(6):
        pixels = photo(index, 2000, 1500)
        y, x = np.mgrid[:1500, :2000]
        alpha = np.clip(900 - np.hypot(x - 1000, y - 750), 0, 255).astype(np.uint8)
        Image.fromarray(np.dstack([pixels, alpha])).save(f'{out}/photo-{index}.png', compress_level=6)
elif job == 'webp':
    for index in range(6):
        Image.fromarray(photo(index, 3000, 2000)).save(f'{out}/photo-{index}.webp', quality=85, method=4)
"""

def files_of(job):
    folder = os.path.join(WORK, job)
    if not os.path.isdir(folder):
        if not os.path.exists(PYTHON):
            subprocess.run([sys.executable, "-m", "venv", os.path.join(WORK, "python")], check=True)
            subprocess.run([PYTHON, "-m", "pip", "install", "-q", "pillow==13.0.0", "numpy==2.4.6"], check=True)
        os.makedirs(folder + ".new", exist_ok=True)
        subprocess.run([PYTHON, "-c", MAKE, job, SAMPLES, folder + ".new"], check=True)
        os.rename(folder + ".new", folder)
    return sorted(os.path.join(folder, name) for name in os.listdir(folder))


def run(command):
    """CPU seconds and peak memory in MiB."""
    process = subprocess.Popen(command)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"{command[0]} failed")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def out_of(job, side):
    folder = os.path.join(WORK, "out", job, side.replace(", ", "-"))
    os.makedirs(folder, exist_ok=True)
    return folder


def compare(job, sides, rounds, files):
    figures = {side: [] for side in sides}
    for _ in range(rounds):
        for side, command in sides.items():
            figures[side].append(run([part.format(out=out_of(job, side)) for part in command] + files))
    print(f"\n{job}: {len(files)} files, {rounds} rounds; the least of the rounds, CPU as median too")
    print("| side | CPU s, least | median | peak MiB | output MB | ratio of least |")
    print("|---|---|---|---|---|---|")
    ours = min(cpu for cpu, _ in figures["tidemill"])
    for side, runs in figures.items():
        cpu = [cpu for cpu, _ in runs]
        out = out_of(job, side)
        size = sum(os.path.getsize(os.path.join(out, name)) for name in os.listdir(out)) / 1e6
        print(
            f"| {side} | {min(cpu):.2f} | {statistics.median(cpu):.2f} | {max(mib for _, mib in runs):.0f} "
            f"| {size:.2f} | {ours / min(cpu):.2f} |",
            flush=True,
        )


PPM = """
import sys
from PIL import Image
original, folder, *outputs = sys.argv[1:]
pictures = [Image.open(output).convert('RGB') for output in outputs]
reference = Image.open(original).convert('RGB').resize(pictures[0].size, Image.LANCZOS)
for index, picture in enumerate([reference] + pictures):
    picture.save(f'{folder}/{index}.ppm')
"""


def quality(sides, files):
    """Mean SSIMULACRA2 and bytes of each rendition of the job `photos`."""
    manifest = os.path.join(ROOT, "benches/peers/quality/Cargo.toml")
    target = os.path.join(TARGET, "peers", "quality")
    subprocess.run(["cargo", "build", "--release", "-q", "--manifest-path", manifest, "--target-dir", target], check=True)
    folder = os.path.join(WORK, "ppm")
    os.makedirs(folder, exist_ok=True)
    print(f"\nSSIMULACRA2 (mean) and bytes, {len(files)} photos")
    print("| rendition | " + " | ".join(sides) + " | bytes of tidemill against usual |")
    print("|---|" + "---|" * (len(sides) + 1))
    for rendition in ["large.jpg", "medium.jpg", "small.webp"]:
        scores, sizes = [], []
        for file in files:
            stem = os.path.splitext(os.path.basename(file))[0]
            outputs = [os.path.join(out_of("photos", side), f"{stem}-{rendition}") for side in sides]
            subprocess.run([PYTHON, "-c", PPM, file, folder] + outputs, check=True)
            pictures = [os.path.join(folder, f"{index}.ppm") for index in range(len(sides) + 1)]
            said = subprocess.run([os.path.join(target, "release", "tidemill-quality")] + pictures, check=True, stdout=subprocess.PIPE)
            scores.append([float(line) for line in said.stdout.split()])
            sizes.append([os.path.getsize(output) for output in outputs])
        means = [statistics.mean(column) for column in zip(*scores)]
        ours, usual = [sum(column) for column in list(zip(*sizes))[:2]]
        print(f"| {rendition} | " + " | ".join(f"{mean:.2f}" for mean in means) + f" | {ours / usual - 1:+.1%} |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--jobs", default=",".join(JOBS))
    parser.add_argument("--quality", action="store_true")
    parser.add_argument("--photos", help="a folder of your own, as the job `photos`")
    arguments = parser.parse_args()
    if not os.path.isdir(os.path.join(HERE, "node_modules", "sharp")):
        subprocess.run(["npm", "install", "--no-audit", "--no-fund", "--no-package-lock"], cwd=HERE, check=True)
    build = ["cargo", "build", "--release", "-p", "tidemill-image", "--example", "batch"]
    subprocess.run(build, cwd=ROOT, check=True)
    script = os.path.join(HERE, "job.js")
    sides = {
        "tidemill": [os.path.join(TARGET, "release", "examples", "batch"), "{out}", "-"],
        "sharp, usual": ["node", script, "usual", "{out}"],
        "sharp, cascade": ["node", script, "cascade", "{out}"],
    }
    version = json.load(open(os.path.join(HERE, "node_modules", "sharp", "package.json")))["version"]
    print(f"sharp {version}")
    for job in arguments.jobs.split(","):
        files = files_of(job)
        if job == "photos" and arguments.photos:
            files = sorted(os.path.join(arguments.photos, name) for name in os.listdir(arguments.photos))
        compare(job, sides, arguments.rounds, files)
        if job == "photos" and arguments.quality:
            quality(sides, files)


if __name__ == "__main__":
    main()
