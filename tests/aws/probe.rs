//! A function that tries what it is told to, with the rights of its role, and writes down what came of it.

use aws_sdk_s3::error::ProvideErrorMetadata;
use serde::{Deserialize, Serialize};
use tidemill_aws::Clients;
use tidemill_core::{ConfigError, Context, Fault, Function, Item, OutputName};

use crate::functions::Nothing;

/// Tries each [`Try`] in its input, and writes an answer each.
pub struct Probe;

/// Something that needs a right.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Try {
    /// `get`, `put`, `delete` or `list` with a bucket and a key; `send` or `receive` with a queue's URL.
    pub what: String,
    pub place: String,
    #[serde(default)]
    pub key: String,
}

impl Probe {
    async fn attempt(clients: &Clients, Try { what, place, key }: &Try) -> String {
        let (s3, sqs) = (&clients.s3, &clients.sqs);
        // A test event: whoever takes it from a queue acknowledges it.
        let event = r#"{"Service":"Amazon S3","Event":"s3:TestEvent"}"#;
        match what.as_str() {
            "get" => told(&s3.get_object().bucket(place).key(key).send().await),
            "put" => told(&s3.put_object().bucket(place).key(key).send().await),
            "delete" => told(&s3.delete_object().bucket(place).key(key).send().await),
            "list" => told(&s3.list_objects_v2().bucket(place).prefix(key).send().await),
            "send" => told(&sqs.send_message().queue_url(place).message_body(event).send().await),
            "receive" => told(&sqs.receive_message().queue_url(place).wait_time_seconds(0).send().await),
            other => panic!("nobody knows how to {other}"),
        }
    }
}

/// `ok`, or the code of the error.
fn told<T, E: ProvideErrorMetadata, R>(result: &Result<T, aws_sdk_s3::error::SdkError<E, R>>) -> String {
    match result {
        Ok(_) => "ok".to_owned(),
        Err(error) => error.code().unwrap_or("no code").to_owned(),
    }
}

impl Function for Probe {
    type Config = Nothing;
    const NAME: &'static str = "probe";
    const ABOUT: &'static str = "tries what it is told to";
    const OUTPUT_VERSION: u32 = 1;

    fn new(_: Nothing) -> Result<Self, Vec<ConfigError>> {
        Ok(Self)
    }

    fn outputs(&self) -> Vec<OutputName> {
        vec![OutputName::new("answers", "json")]
    }

    async fn handle(&self, item: &Item, cx: &Context) -> Result<(), Fault> {
        let bytes = cx.open(item.object().unwrap()).await?.bytes().await?;
        let tries: Vec<Try> = serde_json::from_slice(&bytes).unwrap();
        let clients = Clients::load().await;
        let mut answers = Vec::new();
        for one in &tries {
            answers.push(Self::attempt(&clients, one).await);
        }
        let answers = serde_json::to_string(&answers).unwrap();
        cx.create(OutputName::new("answers", "json"), "application/json")?.write(answers)
    }
}
