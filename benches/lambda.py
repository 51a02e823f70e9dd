#!/usr/bin/env python3
"""What the Lambda host costs: start, size, and CPU per warm item beside the function and the storage calls.

    python3 benches/lambda.py [--starts 20] [--items 1000]

Needs python3 and cargo; builds with the profile `lambda` and, for the function's own CPU, in release. Speaks the
Lambda Runtime API and as much of S3 as an item needs, on loopback.

start     Process start to the first GET .../invocation/next, beside a program of `lambda_runtime` alone
          (shared/lambda/examples/bare.rs). Minimum and median; the two are started in turn.
size      The binary and its zip (deflate, level 9).
overhead  Items of pipelines/media-on-upload's stage with a photo of 64 x 43 pixels, one a call. CPU of the
          process, less the function's own (from `tidemill run` on the same photos), less the storage calls'
          (each kind measured alone by shared/aws/examples/calls.rs).
"""

import argparse
import http.server
import io
import json
import os
import shutil
import socketserver
import statistics
import subprocess
import tempfile
import threading
import time
import zipfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TARGET = os.environ.get("CARGO_TARGET_DIR", os.path.join(ROOT, "target"))
PIPELINE = os.path.join(ROOT, "pipelines", "media-on-upload")
FUNCTIONS = ["image", "count"]


def build():
    cargo = ["cargo", "build", "--quiet", "--locked", "--profile", "lambda"]
    for name in FUNCTIONS:
        package = f"tidemill-{name}"
        subprocess.run([*cargo, "-p", package, "--features", f"{package}/lambda"], cwd=ROOT, check=True)
    subprocess.run([*cargo, "-p", "tidemill-lambda", "--example", "bare", "--features", "bench"], cwd=ROOT, check=True)
    subprocess.run([*cargo, "-p", "tidemill-aws", "--example", "calls", "--features", "bench"], cwd=ROOT, check=True)
    subprocess.run(["cargo", "build", "--quiet", "--locked", "--release", "--bin", "tidemill"], cwd=ROOT, check=True)


def built(*path):
    return os.path.join(TARGET, "lambda", *path)


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True

    @property
    def address(self):
        return f"127.0.0.1:{self.server_address[1]}"


def serve(handler):
    server = Server(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


class Quiet(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_):
        pass

    def answer(self, status, body=b"", headers=()):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def environment(runtime, storage, folder, place):
    """What Lambda would set, and nothing else."""
    return {
        "AWS_LAMBDA_RUNTIME_API": runtime,
        "AWS_LAMBDA_FUNCTION_NAME": "bench",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1769",
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "bench",
        "AWS_SECRET_ACCESS_KEY": "bench",
        "AWS_ENDPOINT_URL": f"http://{storage}",
        "LAMBDA_TASK_ROOT": folder,
        "TIDEMILL_TASK": "stage",
        "TIDEMILL_PLACE": json.dumps(place),
    }


PLACE = {
    "environment": "bench",
    "revision": 0,
    "state": "state",
    "buckets": {"uploads": "uploads", "media": "media"},
    "streams": {"visits": "visits"},
    "queues": {"renditions": "http://127.0.0.1:1/000000000000/renditions", "countries": "http://127.0.0.1:1/0/c"},
}


def stage_file(function, config, source):
    return {
        "format": 1,
        "plan": {
            "pipeline": "media-on-upload", "name": "renditions", "function": function,
            "inputs": [{"source": source["name"]}],
            "output": {"bucket": "media", "key": "{key}/{rendition}.{ext}"},
            "on_remove": "delete", "attempts": 3, "timeout": {"secs": 60, "nanos": 0},
            "limits": {"megabytes": 256, "megapixels": 100, "frames": 1000, "output_megabytes": 512},
            "config": config, "recipe": "bench", "revision": 0,
        },
        "sources": [source], "items": [], "outcomes": [],
    }


RENDITIONS = [
    {"name": "small", "format": "webp", "width": 320, "quality": 80},
    {"name": "medium", "format": "jpeg", "width": 1024, "quality": 80},
    {"name": "large", "format": "jpeg", "width": 2048, "quality": 80},
    {"name": "info", "format": "info"},
]


def files(folder):
    image = stage_file("image", {"renditions": RENDITIONS},
                       {"type": "s3", "name": "uploads", "bucket": "uploads", "prefix": ""})
    count = stage_file("count", {"by": "country"}, {"type": "kinesis", "name": "visits", "stream": "visits"})
    for name, file in (("image", image), ("count", count), ("bare", {})):
        os.makedirs(os.path.join(folder, name))
        with open(os.path.join(folder, name, "stage.json"), "w") as out:
            json.dump(file, out)


def start(binary, folder):
    """Milliseconds from the start of the process to its first request for work."""
    asked = threading.Event()
    moment = []

    class Runtime(Quiet):
        def do_GET(self):
            moment.append(time.perf_counter())
            asked.set()
            time.sleep(0.5)

        def do_POST(self):
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            raise SystemExit(f"{binary}: {body}")

    server = serve(Runtime)
    begun = time.perf_counter()
    process = subprocess.Popen([binary], env=environment(server.address, "127.0.0.1:1", folder, PLACE))
    if not asked.wait(10):
        raise SystemExit(f"{binary} never asked for work")
    process.kill()
    process.wait()
    server.shutdown()
    return (moment[0] - begun) * 1000


def starts(rounds, folder):
    binaries = {"bare": built("examples", "bare"), **{n: built(f"tidemill-{n}") for n in FUNCTIONS}}
    figures = {name: [] for name in binaries}
    for _ in range(rounds):
        for name, binary in binaries.items():
            figures[name].append(start(binary, os.path.join(folder, name)))
    return {name: (min(all_), statistics.median(all_)) for name, all_ in figures.items()}


def sizes():
    found = {}
    for name in FUNCTIONS:
        path = built(f"tidemill-{name}")
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
            archive.write(path, "bootstrap")
        found[name] = (os.path.getsize(path), len(buffer.getvalue()))
    return found


class Storage(Quiet):
    """As much of S3 as an item needs."""
    objects = {}
    calls = {}

    def key(self):
        return self.path.split("?")[0]

    def count(self, what):
        self.calls[what] = self.calls.get(what, 0) + 1

    def do_GET(self):
        found = self.objects.get(self.key())
        self.count("read")
        if found is None:
            self.answer(404, b"<Error><Code>NoSuchKey</Code></Error>", [("Content-Type", "application/xml")])
        else:
            self.answer(200, found, [("ETag", '"e"'), ("Content-Type", "image/jpeg")])

    do_HEAD = do_GET

    def do_PUT(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.objects[self.key()] = body
        self.count("write")
        self.answer(200, b"", [("ETag", '"e"')])

    def do_DELETE(self):
        self.objects.pop(self.key(), None)
        self.answer(204)


def cpu(pid):
    """Seconds that all threads of a process were on a processor."""
    total = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/schedstat") as file:
            total += int(file.read().split()[0])
    return total / 1e9


def message(photo, index):
    event = {
        "version": "0", "detail-type": "Object Created", "source": "aws.s3", "time": "2026-01-01T00:00:00Z",
        "detail": {
            "bucket": {"name": "uploads"},
            "object": {"key": f"{index}.jpg", "size": len(photo), "etag": "e", "sequencer": "0A"},
        },
    }
    record = {
        "messageId": str(index), "receiptHandle": "r", "body": json.dumps(event), "eventSource": "aws:sqs",
        "attributes": {"SentTimestamp": "1767225600000"}, "messageAttributes": {},
        "eventSourceARN": "arn:aws:sqs:us-east-1:000000000000:renditions", "awsRegion": "us-east-1",
    }
    return json.dumps({"Records": [record]}).encode()


def overhead(items, folder):
    """CPU milliseconds an item takes: all, the function's, the storage calls'."""
    warm = 50
    tidemill = os.path.join(TARGET, "release", "tidemill")
    small = os.path.join(folder, "small.jpg")
    source = os.path.join(PIPELINE, "buckets", "uploads", "incoming", "cats", "chelsea.png")
    subprocess.run([tidemill, "convert", source, small, "--width", "64"], check=True, stderr=subprocess.DEVNULL)
    with open(small, "rb") as file:
        photo = file.read()
    storage = serve(Storage)
    for index in range(items + warm):
        Storage.objects[f"/uploads/{index}.jpg"] = photo
    figures, done = [], threading.Event()

    class Runtime(Quiet):
        next = 0
        process = None

        def do_GET(self):
            if Runtime.next == warm:
                Storage.calls.clear()
                figures.append(cpu(Runtime.process.pid))
            if Runtime.next == items + warm:
                figures.append(cpu(Runtime.process.pid))
                done.set()
                time.sleep(1)
                return
            body = message(photo, Runtime.next)
            Runtime.next += 1
            deadline = int(time.time() * 1000) + 60_000
            self.answer(200, body, [
                ("Lambda-Runtime-Aws-Request-Id", str(Runtime.next)),
                ("Lambda-Runtime-Deadline-Ms", str(deadline)),
                ("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:us-east-1:000000000000:function:bench"),
            ])

        def do_POST(self):
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if body != b'{"batchItemFailures":[]}':
                print("answered", body)
            self.answer(202)

    runtime = serve(Runtime)
    environ = environment(runtime.address, storage.address, os.path.join(folder, "image"), PLACE)
    Runtime.process = subprocess.Popen([built("tidemill-image")], env=environ, stdout=subprocess.DEVNULL)
    done.wait()
    Runtime.process.kill()
    Runtime.process.wait()
    calls = dict(Storage.calls)
    whole = (figures[1] - figures[0]) / items

    def spent(reads, writes):
        before = os.times()
        subprocess.run([built("examples", "calls"), "calls", str(reads), str(writes)], env=environ, check=True)
        after = os.times()
        return after.children_user + after.children_system - before.children_user - before.children_system

    base = min(spent(0, 1) for _ in range(3))
    read = (min(spent(2000, 1) for _ in range(3)) - base) / 2000
    write = (min(spent(0, 2001) for _ in range(3)) - base) / 2000
    stored = (calls.get("read", 0) * read + calls.get("write", 0) * write) / items

    local = os.path.join(folder, "local")
    os.makedirs(os.path.join(local, "buckets", "uploads", "incoming"))
    shutil.copy(os.path.join(PIPELINE, "pipeline.yaml"), local)
    for index in range(items):
        shutil.copy(small, os.path.join(local, "buckets", "uploads", "incoming", f"{index}.jpg"))
    out = subprocess.run([tidemill, "run", local, "--json"], stdout=subprocess.PIPE, check=True).stdout
    summary = json.loads(out.splitlines()[-1])
    function = sum(stage["cpu_seconds"] for stage in summary["stages"]) / items
    return whole * 1e3, function * 1e3, stored * 1e3, calls


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--starts", type=int, default=20)
    arguments.add_argument("--items", type=int, default=1000)
    options = arguments.parse_args()
    build()
    with tempfile.TemporaryDirectory() as folder:
        files(folder)
        for name, (least, median) in starts(options.starts, folder).items():
            print(f"start     {name:8} {least:6.2f} ms minimum {median:6.2f} ms median")
        for name, (binary, archive) in sizes().items():
            print(f"size      {name:8} {binary:9,} bytes, zip {archive:9,}")
        whole, function, stored, calls = overhead(options.items, folder)
        rest = whole - function - stored
        print(f"overhead  {whole:.3f} ms CPU an item, less {function:.3f} function, less {stored:.3f} for "
              f"{calls} storage calls of {options.items} items: {rest:.3f} ms")


if __name__ == "__main__":
    main()
