//! The ports over S3 and SQS, with what goes wrong between them and AWS.

use std::sync::Arc;

use aws_sdk_s3::types::{BucketVersioningStatus, VersioningConfiguration};
use bytes::Bytes;
use hyper::Method;
use tidemill_aws::{Buckets, Clients, send_all};
use tidemill_core::Object;
use tidemill_core::deployment::Place;
use tidemill_core::digest;
use tidemill_core::ports::{Body, Condition, Meta, Objects, StoreError};

use crate::emulator::Emulator;
use crate::proxy::{Act, Call, Proxy};
use crate::{Test, block_on};

pub const TESTS: &[Test] = &[
    ("ports_write_under_conditions", conditions),
    ("ports_say_that_a_write_may_have_happened", denied),
    ("ports_try_again_what_aws_cannot_do_now", transient),
    ("ports_write_large_objects_whole_or_not_at_all", multipart),
    ("ports_read_one_version_and_no_other", pinned),
    ("ports_notice_an_answer_that_was_cut", cut),
    ("ports_send_again_what_a_batch_left_over", throttled),
];

struct Port {
    proxy: Proxy,
    clients: Clients,
    place: Place,
    buckets: Buckets,
}

impl Port {
    async fn new(emulator: &Emulator) -> Self {
        let proxy = Proxy::open(emulator.address()).await;
        let (direct, clients) =
            (emulator.clients().await, Clients::new(emulator.config(&proxy.endpoint()).await));
        let name = emulator.name("ports");
        direct.s3.create_bucket().bucket(&name).send().await.unwrap();
        let place = Place { buckets: [("media".to_owned(), name)].into(), ..Place::default() };
        let buckets = Buckets::new(clients.s3.clone(), Arc::new(place.clone()));
        Self { proxy, clients, place, buckets }
    }

    async fn put(&self, key: &str, body: &Bytes, condition: Condition) -> Result<String, StoreError> {
        let checksum = digest::checksum([body.as_ref()]);
        let meta = Meta { media_type: "text/plain".into(), mark: None, checksum };
        let body: Body = body.clone().into();
        self.buckets.put("media", key, &body, &meta, condition).await
    }

    fn bucket(&self) -> &str {
        &self.place.buckets["media"]
    }
}

fn object(key: &str, etag: &str, version: Option<&str>, bytes: u64) -> Object {
    Object {
        bucket: "media".into(),
        key: key.into(),
        version: version.map(str::to_owned),
        etag: etag.into(),
        bytes,
        media_type: None,
    }
}

/// Something that repeats every 251 bytes.
fn large(bytes: usize) -> Bytes {
    (0..bytes).map(|at| (at % 251) as u8).collect()
}

fn conditions(emulator: &Arc<Emulator>) {
    block_on(async {
        let port = Port::new(emulator).await;
        let (one, two) = (Bytes::from("one"), Bytes::from("two"));
        let key = "a b+c%2F ä/1.txt";
        let first = port.put(key, &one, Condition::Absent).await.unwrap();
        assert_eq!(port.put(key, &two, Condition::Absent).await, Err(StoreError::Conflict));
        let second = port.put(key, &two, Condition::Match(first.clone())).await.unwrap();
        assert_eq!(port.put(key, &one, Condition::Match(first.clone())).await, Err(StoreError::Conflict));
        let missing = port.put("none", &one, Condition::Match(first.clone())).await;
        assert!(matches!(missing, Err(StoreError::Missing | StoreError::Conflict)), "{missing:?}");
        assert_eq!(port.buckets.get("media", key).await.unwrap(), Some((second.clone(), two)));
        assert_eq!(port.buckets.get("media", "none").await, Ok(None));
        assert_eq!(port.buckets.head("media", "none").await, Ok(None));
        let head = port.buckets.head("media", key).await.unwrap().unwrap();
        assert_eq!((head.etag.as_str(), head.bytes), (second.as_str(), 3));
        let listed = port.buckets.list("media", "a b+c").await.unwrap();
        assert_eq!(listed.into_iter().map(|object| object.key).collect::<Vec<_>>(), [key]);
        port.buckets.remove("media", key, &second).await.unwrap();
        assert_eq!(port.buckets.head("media", key).await, Ok(None));
    });
}

/// Lets `act` happen to the first call that `wanted` picks.
fn first(wanted: impl Fn(&Call) -> bool + Send + Sync + 'static, act: Act) -> impl Fn(&Call) -> Act {
    let left = std::sync::atomic::AtomicBool::new(true);
    move |call| {
        if wanted(call) && left.swap(false, std::sync::atomic::Ordering::SeqCst) {
            act.clone()
        } else {
            Act::Pass
        }
    }
}

fn denied(emulator: &Arc<Emulator>) {
    block_on(async {
        let port = Port::new(emulator).await;
        let body = Bytes::from("one");
        // The write did happen, and whoever looks again sees it.
        for (number, act) in
            [Act::Deny(412, "PreconditionFailed"), Act::Deny(500, "InternalError"), Act::Silence]
                .into_iter()
                .enumerate()
        {
            let key = format!("denied/{number}");
            port.proxy.rule(first(|call| call.method == Method::PUT, act));
            let put = port.put(&key, &body, Condition::Absent).await;
            assert!(matches!(put, Err(StoreError::Conflict | StoreError::Unavailable(_))), "{put:?}");
            assert!(port.buckets.head("media", &key).await.unwrap().is_some());
        }
    });
}

fn transient(emulator: &Arc<Emulator>) {
    block_on(async {
        let port = Port::new(emulator).await;
        for (number, (status, code)) in
            [(500, "InternalError"), (503, "SlowDown"), (503, "ServiceUnavailable")].into_iter().enumerate()
        {
            let key = format!("transient/{number}");
            port.proxy.rule(first(|call| call.method == Method::PUT, Act::Refuse(status, code)));
            port.put(&key, &Bytes::from("one"), Condition::Absent).await.unwrap();
            port.proxy.rule(first(|call| call.method == Method::GET, Act::Refuse(status, code)));
            assert!(port.buckets.get("media", &key).await.unwrap().is_some());
        }
        port.proxy.rule(|_| Act::Refuse(503, "SlowDown"));
        let Err(StoreError::Unavailable(cause)) = port.buckets.get("media", "x").await else {
            panic!("no cause")
        };
        assert!(cause.contains("SlowDown") && cause.contains("s3:GetObject"), "{cause}");
        port.proxy.rule(|_| Act::Refuse(403, "AccessDenied"));
        let Err(StoreError::Unavailable(cause)) = port.buckets.get("media", "x").await else {
            panic!("no cause")
        };
        assert!(cause.starts_with("not allowed: s3:GetObject"), "{cause}");
    });
}

fn multipart(emulator: &Arc<Emulator>) {
    block_on(async {
        let port = Port::new(emulator).await;
        let body = large((32 << 20) + 5);
        let tag = port.put("large", &body, Condition::Absent).await.unwrap();
        let head = port.buckets.head("media", "large").await.unwrap().unwrap();
        assert_eq!((&head.etag, head.bytes), (&tag, body.len() as u64));
        assert_eq!(head.checksum, Some(digest::checksum([body.as_ref()])));
        let source = port.buckets.open(&object("large", &tag, None, head.bytes)).await.unwrap();
        assert!(source.read_at(0, body.len()).await.unwrap() == body);
        assert_eq!(port.put("large", &body, Condition::Absent).await, Err(StoreError::Conflict));
        let is_part = |call: &Call| call.query.contains("partNumber=2");
        let is_end = |call: &Call| call.method == Method::POST && call.query.contains("uploadId=");
        port.proxy
            .rule(move |call| if is_part(call) { Act::Refuse(500, "InternalError") } else { Act::Pass });
        let failed = port.put("other", &body, Condition::Absent).await;
        assert!(matches!(failed, Err(StoreError::Unavailable(_))), "{failed:?}");
        assert_eq!(port.buckets.head("media", "other").await, Ok(None));
        // The end was heard, and its answer lost: whoever looks again sees the object.
        port.proxy.rule(first(is_end, Act::Silence));
        let lost = port.put("third", &body, Condition::Absent).await;
        assert!(matches!(lost, Ok(_) | Err(StoreError::Conflict | StoreError::Unavailable(_))), "{lost:?}");
        assert!(port.buckets.head("media", "third").await.unwrap().is_some());
        let open = port.clients.s3.list_multipart_uploads().bucket(port.bucket()).send().await.unwrap();
        assert!(open.uploads().is_empty(), "{:?}", open.uploads());
    });
}

fn pinned(emulator: &Arc<Emulator>) {
    block_on(async {
        let port = Port::new(emulator).await;
        let body = large(3 << 20);
        let tag = port.put("a", &body, Condition::Absent).await.unwrap();
        let pinned = object("a", &tag, None, body.len() as u64);
        let source = port.buckets.open(&pinned).await.unwrap();
        let other = port.put("a", &Bytes::from("other"), Condition::Match(tag)).await.unwrap();
        let read = source.read_at(1 << 20, 100).await;
        assert!(
            matches!(read, Err(StoreError::Conflict | StoreError::Missing)),
            "never a mix of two objects"
        );
        assert!(matches!(
            port.buckets.open(&pinned).await.err(),
            Some(StoreError::Conflict | StoreError::Missing)
        ));
        assert!(port.buckets.open(&object("a", &other, None, 5)).await.is_ok());
        let status = VersioningConfiguration::builder().status(BucketVersioningStatus::Enabled).build();
        let call = port.clients.s3.put_bucket_versioning().bucket(port.bucket());
        call.versioning_configuration(status).send().await.unwrap();
        let mut versions = Vec::new();
        for text in ["first", "second"] {
            let call = port.clients.s3.put_object().bucket(port.bucket()).key("b");
            let put = call.body(Bytes::from(text).into()).send().await.unwrap();
            versions.push((put.version_id.unwrap(), put.e_tag.unwrap().trim_matches('"').to_owned(), text));
        }
        port.clients.s3.delete_object().bucket(port.bucket()).key("b").send().await.unwrap();
        for (version, tag, text) in versions {
            let source =
                port.buckets.open(&object("b", &tag, Some(&version), text.len() as u64)).await.unwrap();
            assert_eq!(source.read_at(0, 100).await.unwrap(), text);
        }
        assert_eq!(port.buckets.head("media", "b").await, Ok(None), "a deletion is the newest version");
    });
}

fn cut(emulator: &Arc<Emulator>) {
    block_on(async {
        let port = Port::new(emulator).await;
        let body = large(3 << 20);
        let tag = port.put("a", &body, Condition::Absent).await.unwrap();
        let pinned = object("a", &tag, None, body.len() as u64);
        port.proxy.rule(|call| if call.method == Method::GET { Act::Cut } else { Act::Pass });
        assert!(matches!(port.buckets.open(&pinned).await.err(), Some(StoreError::Unavailable(_))));
        port.proxy.rule(|_| Act::Pass);
        let source = port.buckets.open(&pinned).await.unwrap();
        port.proxy.rule(first(|call| call.method == Method::GET, Act::Cut));
        assert!(matches!(source.read_at(1 << 20, 100_000).await, Err(StoreError::Unavailable(_))));
        assert!(source.read_at(1 << 20, 100_000).await.unwrap() == body[1 << 20..(1 << 20) + 100_000]);
    });
}

fn throttled(emulator: &Arc<Emulator>) {
    block_on(async {
        let port = Port::new(emulator).await;
        let made = port.clients.sqs.create_queue().queue_name(emulator.name("ports")).send().await.unwrap();
        let queue = made.queue_url.unwrap();
        let bodies: Vec<String> = (0..13).map(|number| number.to_string()).collect();
        port.proxy.rule(first(|call| call.name == "send", Act::Throttle));
        assert_eq!(send_all(&port.clients.sqs, &queue, &bodies).await, Ok(13));
        let mut found = Vec::new();
        loop {
            let call = port.clients.sqs.receive_message().queue_url(&queue).max_number_of_messages(10);
            let messages = call.send().await.unwrap().messages.unwrap_or_default();
            if messages.is_empty() {
                break;
            }
            found.extend(messages.into_iter().map(|message| message.body.unwrap().parse::<usize>().unwrap()));
        }
        found.sort_unstable();
        assert_eq!(found, (0..13).collect::<Vec<_>>(), "each once");
        port.proxy.rule(first(|call| call.name == "send", Act::Refuse(400, "ThrottlingException")));
        assert_eq!(send_all(&port.clients.sqs, &queue, &bodies[..3]).await, Ok(3));
    });
}
