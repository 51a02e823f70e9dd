//! The SDK's clients, made once for a process.

use std::time::Duration;

use aws_config::environment::EnvironmentVariableCredentialsProvider;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_s3::config::{SharedCredentialsProvider, SharedHttpClient};
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore, rustls_provider::CryptoMode};

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(3);

/// How long a server may be silent.
const READ: Duration = Duration::from_secs(20);

/// How long a call may take, its repeats included.
const OPERATION: Duration = Duration::from_mins(2);

/// How often a call is tried; waits grow between, with jitter.
const ATTEMPTS: u32 = 4;

/// One pool of connections for all clients.
///
/// As with other AWS tools, AWS_CA_BUNDLE names a file of certificates to trust instead of the system's: behind a
/// proxy that looks inside, or with an endpoint of one's own. What is wrong with it shows at the first connection.
fn http() -> SharedHttpClient {
    let builder = Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring));
    let bundle = std::env::var_os("AWS_CA_BUNDLE").and_then(|path| std::fs::read(path).ok());
    let trusted = bundle.and_then(|pem| {
        let store = TrustStore::empty().with_pem_certificate(pem);
        TlsContext::builder().with_trust_store(store).build().ok()
    });
    match trusted {
        Some(context) => builder.tls_context(context).build_https(),
        None => builder.build_https(),
    }
}

fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder().connect_timeout(CONNECT).read_timeout(READ).operation_timeout(OPERATION).build()
}

fn retries() -> RetryConfig {
    RetryConfig::standard().with_max_attempts(ATTEMPTS)
}

/// The clients of one process. Cloning is cheap, and all share one pool of connections.
#[derive(Clone, Debug)]
pub struct Clients {
    /// Where credentials, region and endpoint come from.
    pub config: SdkConfig,
    /// Buckets.
    pub s3: aws_sdk_s3::Client,
    /// Queues.
    pub sqs: aws_sdk_sqs::Client,
}

impl Clients {
    /// Clients for what the environment names, as every AWS tool reads it: region, credentials, profile,
    /// endpoint.
    pub async fn load() -> Self {
        let loader = aws_config::from_env().http_client(http()).timeout_config(timeouts());
        Self::new(loader.retry_config(retries()).load().await)
    }

    /// Clients for a function on Lambda, which is told everything by environment variables: to look for profiles
    /// and other providers would cost a cold start milliseconds, and each zip their code.
    pub fn on_lambda() -> Self {
        let config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(std::env::var("AWS_REGION").ok().map(Region::new))
            .credentials_provider(SharedCredentialsProvider::new(
                EnvironmentVariableCredentialsProvider::new(),
            ))
            .http_client(http())
            .timeout_config(timeouts())
            .retry_config(retries());
        let config = match std::env::var("AWS_ENDPOINT_URL") {
            Ok(url) => config.endpoint_url(url),
            Err(_) => config,
        };
        Self::new(config.build())
    }

    /// Clients by a configuration.
    pub fn new(config: SdkConfig) -> Self {
        // An endpoint of one's own has no name for each bucket.
        let own = config.endpoint_url().is_some() || std::env::var_os("AWS_ENDPOINT_URL").is_some();
        let s3 = aws_sdk_s3::config::Builder::from(&config).force_path_style(own).build();
        Self { s3: aws_sdk_s3::Client::from_conf(s3), sqs: aws_sdk_sqs::Client::new(&config), config }
    }

    /// A client for streams.
    pub fn kinesis(&self) -> aws_sdk_kinesis::Client {
        aws_sdk_kinesis::Client::new(&self.config)
    }
}
