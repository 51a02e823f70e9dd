//! HTTP sources on one machine, asked over plain sockets.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

use serde_json::Value;
use tidemill_core::Stop;
use tidemill_embedded::{Books, Endpoint, Event, HostError, Observer, Options, Probe, Step, Summary};
use tidemill_pipeline::Plan;

use crate::embedded::{contents, folder};
use crate::functions::functions;

const MANIFEST: &str = r#"
version: 1
name: shop
sources:
  uploads: { type: s3, bucket: uploads, prefix: in/ }
  orders: { type: http, upload: uploads }
  pushes: { type: http, auth: hmac, secret: web-hook, upload: uploads }
stages:
  kept:
    type: keep
    inputs: [orders, pushes]
    when: { data: { skip: [{ exists: false }] } }
    output: { bucket: media, key: "{id}/{rendition}.{ext}" }
  sets: { type: set, inputs: [uploads], names: [one], output: { bucket: final, key: "{key}/{rendition}.{ext}" } }
"#;

const SECRET: &str = "It's a Secret to Everybody";

/// Tells where requests are taken.
struct Tell(Mutex<mpsc::Sender<(SocketAddr, Vec<Endpoint>)>>);

impl Observer for Tell {
    fn event(&self, event: &Event) {
        if let Event::Listening { address, endpoints } = event {
            let _ = self.0.lock().unwrap().send((*address, endpoints.clone()));
        }
    }
}

fn options(dir: &Path, watch: bool) -> Options {
    let secrets = BTreeMap::from([("web-hook".to_owned(), SECRET.to_owned())]);
    Options { dir: dir.to_owned(), watch, http_port: Some(0), secrets, ..Options::default() }
}

fn run(options: Options, stop: &Stop, observer: Arc<dyn Observer>) -> Result<Summary, HostError> {
    let plan = Plan::parse(Path::new("pipeline.yaml"), MANIFEST, None, &functions());
    tidemill_embedded::run(plan.unwrap_or_else(|error| panic!("{error}")), options, stop.clone(), observer)
}

/// A run that serves, in a thread of its own.
struct Serving {
    address: SocketAddr,
    stop: Stop,
    thread: std::thread::JoinHandle<Result<Summary, HostError>>,
}

impl Serving {
    fn start(options: Options) -> Self {
        let (sender, receiver) = mpsc::channel();
        let stop = Stop::default();
        let until = stop.clone();
        let thread = std::thread::spawn(move || run(options, &until, Arc::new(Tell(Mutex::new(sender)))));
        let (address, endpoints) = receiver.recv().unwrap();
        let names: Vec<&str> = endpoints.iter().map(|endpoint| endpoint.source.as_str()).collect();
        assert_eq!(names, ["orders", "pushes"]);
        Self { address, stop, thread }
    }

    fn end(self) -> Summary {
        self.stop.set();
        let begun = Instant::now();
        let summary = self.thread.join().unwrap().unwrap();
        assert!(begun.elapsed() < Duration::from_mins(1), "a run that is stopped ends soon");
        summary
    }

    fn ask(&self, method: &str, path: &str, headers: &[&str], body: &[u8]) -> Answer {
        ask(self.address, method, path, headers, body)
    }

    fn post(&self, path: &str, headers: &[&str], body: &str) -> Answer {
        self.ask("POST", path, headers, body.as_bytes())
    }
}

struct Answer {
    status: u16,
    head: String,
    body: Value,
}

fn ask(address: SocketAddr, method: &str, path: &str, headers: &[&str], body: &[u8]) -> Answer {
    let mut text = format!("{method} {path} HTTP/1.1\r\nconnection: close\r\n");
    if !headers.iter().any(|header| header.starts_with("host:")) {
        write!(text, "host: {address}\r\n").unwrap();
    }
    if !headers.iter().any(|header| header.starts_with("transfer-encoding:")) {
        write!(text, "content-length: {}\r\n", body.len()).unwrap();
    }
    for header in headers {
        write!(text, "{header}\r\n").unwrap();
    }
    let mut stream = TcpStream::connect(address).unwrap();
    // The server may answer, and close, before it has heard everything: the answer is what counts.
    let _ = stream
        .write_all(text.as_bytes())
        .and_then(|()| stream.write_all(b"\r\n"))
        .and_then(|()| stream.write_all(body));
    read(&mut stream).expect("an answer")
}

/// The answer, if there is one.
fn read(stream: &mut TcpStream) -> Option<Answer> {
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes);
    let text = String::from_utf8(bytes).unwrap();
    let (head, body) = text.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Some(Answer {
        status,
        head: head.to_lowercase(),
        body: serde_json::from_str(body).unwrap_or(Value::Null),
    })
}

/// Waits until `met`; that it takes long is no failure, that it never happens is.
fn wait(what: &str, met: impl Fn() -> bool) {
    let begun = Instant::now();
    while !met() {
        assert!(begun.elapsed() < Duration::from_mins(5), "{what}: still not there");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn kept(dir: &Path) -> Vec<String> {
    contents(dir, "media").into_values().collect()
}

fn done(dir: &Path, stage: &str) -> u64 {
    let status = Books::open(dir, None).unwrap().status().unwrap();
    status.stages.iter().find(|one| one.stage == stage).map_or(0, |one| one.done)
}

#[test]
fn a_request_becomes_an_item_once() {
    let folder = folder();
    let serving = Serving::start(options(folder.path(), true));
    let json = "content-type: application/json";
    let first = serving.post("/orders", &[json, "idempotency-key: k1"], "{\"a\":1}");
    assert_eq!(first.status, 202, "{}", first.body);
    let again = serving.post("/orders", &[json, "idempotency-key: k1"], "{\"a\":2}");
    assert_eq!((again.status, &again.body), (202, &first.body));
    wait("the item", || done(folder.path(), "kept") == 1);
    // Also long after it is done.
    let late = serving.post("/orders", &["idempotency-key: k1"], "{\"a\":3}");
    assert_eq!((late.status, &late.body), (202, &first.body));
    // Without a key each request is one of its own.
    assert_ne!(serving.post("/orders", &[], "[]").body, serving.post("/orders", &[], "[]").body);
    // What no stage lets through is taken and becomes no item.
    assert_eq!(serving.post("/orders", &[], "{\"skip\":true}").status, 202);
    wait("the others", || done(folder.path(), "kept") == 3);
    let summary = serving.end();
    assert_eq!((summary.found["orders"], summary.found["pushes"]), (3, 0));
    assert_eq!(kept(folder.path()).len(), 3);
    assert!(kept(folder.path()).contains(&"{\"a\":1}".to_owned()));
    // And in another run.
    let serving = Serving::start(options(folder.path(), true));
    assert_eq!(serving.post("/orders", &["idempotency-key: k1"], "1").body, first.body);
    let summary = serving.end();
    assert_eq!((summary.found["orders"], summary.waiting), (0, 0));
}

#[test]
fn what_is_refused_says_why() {
    let folder = folder();
    let serving = Serving::start(options(folder.path(), true));
    let check = |answer: Answer, status: u16, part: &str| {
        assert_eq!(answer.status, status, "{} {}", answer.head, answer.body);
        assert!(answer.body["error"].as_str().is_some_and(|error| error.contains(part)), "{}", answer.body);
        answer
    };
    check(serving.post("/orders", &[], "{\n \"a\": }"), 400, "at line 2 column 7");
    check(serving.post("/orders", &["content-type: text/plain"], "1"), 415, "send application/json");
    let get = check(serving.ask("GET", "/orders", &[], b""), 405, "only POST");
    assert!(get.head.contains("allow: post"), "{}", get.head);
    for path in ["/", "/order", "/orders/", "/orders/x", "//orders", "/uploads", "/%2e%2e/orders"] {
        check(serving.post(path, &[], "1"), 404, "no such source");
    }
    let large = vec![b' '; (4 << 20) + 1];
    let answer = check(serving.ask("POST", "/orders", &[], &large), 413, "more than 4194304 bytes");
    assert_eq!(answer.body["upload"]["method"], "PUT");
    let mut chunked = format!("{:x}\r\n", large.len()).into_bytes();
    chunked.extend_from_slice(&large);
    chunked.extend_from_slice(b"\r\n0\r\n\r\n");
    check(serving.ask("POST", "/orders", &["transfer-encoding: chunked"], &chunked), 413, "more than");
    let stranger = check(serving.ask("POST", "/pushes", &[], &large), 413, "more than");
    assert_eq!(stranger.body["upload"], Value::Null, "nobody knows who it is");
    check(serving.post("/orders", &["origin: http://example.com"], "1"), 403, "pages in a browser");
    check(serving.post("/orders", &["host: example.com"], "1"), 403, "no address of this server");
    // Heads have bounds too, and what is no HTTP ends there.
    let long = format!("x: {}", "x".repeat(20_000));
    assert_eq!(serving.post("/orders", &[&long], "1").status, 431);
    let mut stream = TcpStream::connect(serving.address).unwrap();
    stream.write_all(b"\x16\x03\x01\x00hello\r\n\r\n").unwrap();
    assert_eq!(read(&mut stream).unwrap().status, 400);
    let summary = serving.end();
    assert_eq!((summary.found["orders"], summary.waiting), (0, 0));
}

#[test]
fn a_signature_is_asked_for() {
    let folder = folder();
    let serving = Serving::start(options(folder.path(), true));
    // HMAC-SHA-256 of `[1]` under the secret, by openssl.
    let right =
        "x-hub-signature-256: sha256=7f49b0c8582a8c8132ed12eda8fa025e8085ac8de14a21d0d519452c48ab0ffe";
    assert_eq!(serving.post("/pushes", &[right], "[1]").status, 202);
    for (headers, body) in [(&[][..], "[1]"), (&[right], "[2]"), (&["x-hub-signature-256: sha256=00"], "{")] {
        let answer = serving.post("/pushes", headers, body);
        assert_eq!((answer.status, answer.body), (401, serde_json::json!({ "error": "not authorised" })));
    }
    assert_eq!(serving.post("/pushes?upload", &[], "").status, 401);
    wait("the item", || done(folder.path(), "kept") == 1);
    serving.end();
    let without = Options { secrets: BTreeMap::new(), ..options(folder.path(), true) };
    let (sender, _receiver) = mpsc::channel();
    let error = run(without, &Stop::default(), Arc::new(Tell(Mutex::new(sender)))).unwrap_err();
    assert!(error.is_usage());
    assert_eq!(
        error.to_string(),
        "the source `pushes` wants the secret `web-hook`, and the environment variable \
         TIDEMILL_SECRET_WEB_HOOK is not set"
    );
}

#[test]
fn what_is_too_large_is_uploaded() {
    let folder = folder();
    let serving = Serving::start(options(folder.path(), true));
    let offer = serving.post("/orders?upload=set.txt", &[], "");
    assert_eq!(offer.status, 200, "{}", offer.body);
    let url = offer.body["upload"]["url"].as_str().unwrap().to_owned();
    let path = url.strip_prefix(&format!("http://{}", serving.address)).unwrap();
    assert!(path.starts_with("/orders/uploads/") && path.ends_with("-set.txt"), "{path}");
    // A place is for its source, and what was not offered is nobody's.
    for wrong in [
        path.replace("orders", "pushes"),
        format!("{path}x"),
        "/orders/uploads/..".to_owned(),
        "/orders/uploads/../../../x".to_owned(),
        "/orders/uploads/%2e%2e%2fx".to_owned(),
        "/orders/uploads/".to_owned(),
    ] {
        assert_eq!(serving.ask("PUT", &wrong, &[], b"x").status, 403, "{wrong}");
    }
    assert_eq!(serving.ask("POST", path, &[], b"x").status, 405);
    // One that breaks off leaves nothing, and may be tried again.
    let mut stream = TcpStream::connect(serving.address).unwrap();
    let head =
        format!("PUT {path} HTTP/1.1\r\nhost: {}\r\ncontent-length: 100\r\n\r\nZ one", serving.address);
    stream.write_all(head.as_bytes()).unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    let _ = read(&mut stream);
    let mut body = b"A one ".to_vec();
    body.resize(8 << 20, b' ');
    let stored = serving.ask("PUT", path, &[], &body);
    assert_eq!(stored.status, 201, "{}", stored.body);
    let key = stored.body["key"].as_str().unwrap().to_owned();
    assert!(key.starts_with("in/") && key.ends_with("-set.txt"), "{key}");
    assert_eq!(serving.ask("PUT", path, &[], b"again").status, 403, "once");
    wait("the object's outputs", || contents(folder.path(), "final").contains_key(&format!("{key}/one.txt")));
    assert_eq!(serving.post("/orders?upload=../x", &[], "").status, 400);
    serving.end();
    let uploads = contents(folder.path(), "uploads");
    assert_eq!(uploads.keys().collect::<Vec<_>>(), [&key]);
    assert_eq!(uploads[&key].len(), body.len());
}

#[test]
fn under_pressure_and_at_the_end_callers_are_asked_to_wait() {
    let folder = folder();
    let serving = Serving::start(Options { most_waiting: Some(0), ..options(folder.path(), true) });
    let busy = serving.post("/orders", &["idempotency-key: k1"], "1");
    assert_eq!(busy.status, 429, "{}", busy.body);
    assert!(busy.head.contains("retry-after: 1"), "{}", busy.head);
    let mut stream = TcpStream::connect(serving.address).unwrap();
    serving.stop.set();
    let head = format!("POST /orders HTTP/1.1\r\nhost: {}\r\ncontent-length: 1\r\n\r\n1", serving.address);
    // It may be gone already.
    let _ = stream.write_all(head.as_bytes());
    if let Some(answer) = read(&mut stream) {
        assert_eq!(answer.status, 503, "{}", answer.body);
        assert!(answer.head.contains("retry-after:"), "{}", answer.head);
    }
    let address = serving.address;
    serving.end();
    assert!(TcpStream::connect(address).is_err(), "nobody listens any more");
    assert_eq!(kept(folder.path()).len(), 0);
}

#[test]
fn a_port_that_is_taken_is_said_to_be() {
    let folder = folder();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let options = Options { http_port: Some(port), ..options(folder.path(), true) };
    let (sender, _receiver) = mpsc::channel();
    let error = run(options, &Stop::default(), Arc::new(Tell(Mutex::new(sender)))).unwrap_err();
    assert!(error.to_string().starts_with(&format!("cannot listen at 127.0.0.1:{port}: ")), "{error}");
}

const CHILD: &str = "TIDEMILL_TEST_HTTP_CHILD";

/// Not a test: the process that serves, and hangs before it has done anything with an item.
#[test]
#[ignore = "another test starts it as a process of its own"]
fn child() {
    let Ok(dir) = std::env::var(CHILD) else { return };
    let dir = PathBuf::from(dir);
    let probe: Probe = Arc::new(|step| {
        if matches!(step, Step::Document(_)) {
            loop {
                std::thread::park();
            }
        }
        Ok(())
    });
    let (sender, receiver) = mpsc::channel();
    let note = dir.join("address");
    std::thread::spawn(move || {
        let (address, _): (SocketAddr, Vec<Endpoint>) = receiver.recv().unwrap();
        std::fs::write(note.with_extension("new"), address.to_string()).unwrap();
        std::fs::rename(note.with_extension("new"), note).unwrap();
    });
    let options = Options { probe: Some(probe), ..options(&dir, true) };
    run(options, &Stop::default(), Arc::new(Tell(Mutex::new(sender)))).unwrap();
}

#[test]
fn what_was_accepted_outlives_a_kill() {
    let folder = folder();
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "http::child", "--ignored", "--test-threads=1"]);
    command.env(CHILD, folder.path()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    let note = folder.path().join("address");
    wait("the address", || note.exists());
    let address: SocketAddr = std::fs::read_to_string(&note).unwrap().parse().unwrap();
    let first = ask(address, "POST", "/orders", &["idempotency-key: k1"], b"{\"a\":1}");
    assert_eq!(first.status, 202, "{}", first.body);
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(kept(folder.path()).is_empty());

    // The caller did not hear the answer, say, and asks again.
    let serving = Serving::start(options(folder.path(), true));
    let again = serving.post("/orders", &["idempotency-key: k1"], "{\"a\":1}");
    assert_eq!((again.status, &again.body), (202, &first.body));
    wait("the item", || done(folder.path(), "kept") == 1);
    let summary = serving.end();
    assert_eq!((summary.resumed, summary.found["orders"], summary.waiting), (1, 0, 0));
    assert_eq!(kept(folder.path()), ["{\"a\":1}"]);
    // A run that does not watch serves nothing and finds nothing.
    let (sender, receiver) = mpsc::channel();
    let summary =
        run(options(folder.path(), false), &Stop::default(), Arc::new(Tell(Mutex::new(sender)))).unwrap();
    assert!(receiver.try_recv().is_err());
    assert_eq!(summary.total(|stage| stage.done), 0);
}
