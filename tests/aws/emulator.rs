//! The emulator: one process for all tests of this binary, which use names of their own.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_s3::config::Credentials;
use tidemill_aws::Clients;

use crate::venv;

const PACKAGE: &str = "ministack==1.5.33";

/// How long it may take to start.
const START: Duration = Duration::from_mins(1);

pub const REGION: &str = "us-east-1";

pub const ACCOUNT: &str = "000000000000";

/// A running emulator, with identities checked. It ends with this value, and with this process however that ends.
pub struct Emulator {
    child: Child,
    port: u16,
    /// Where its certificate lies, if it speaks TLS.
    tls: Option<tempfile::TempDir>,
    names: AtomicUsize,
}

fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}

impl Emulator {
    /// Starts it, or says why that cannot be.
    pub fn start() -> Result<Self, String> {
        Self::begin(None)
    }

    /// One for all that is deployed, which speaks TLS: policies of deployed queues and buckets refuse plain HTTP.
    pub fn secure() -> &'static Self {
        static EMULATOR: OnceLock<Emulator> = OnceLock::new();
        EMULATOR.get_or_init(|| Self::begin(Some(tempfile::tempdir().unwrap())).unwrap())
    }

    fn begin(tls: Option<tempfile::TempDir>) -> Result<Self, String> {
        let python = venv::python(&[PACKAGE])?;
        let port = free_port();
        let scheme = if tls.is_some() { "https" } else { "http" };
        let endpoint = format!("{scheme}://127.0.0.1:{port}");
        let secure: Vec<(&str, PathBuf)> = match &tls {
            Some(folder) => vec![
                ("USE_SSL", "1".into()),
                ("TMPDIR", folder.path().to_owned()),
                ("AWS_CA_BUNDLE", certificate(folder.path())),
            ],
            None => Vec::new(),
        };
        // The shell waits for its input to end, which it does with this process.
        let child = Command::new("sh")
            .args(["-c", "\"$0\" -m ministack </dev/null & cat >/dev/null; kill $!"])
            .arg(python)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .envs([("GATEWAY_PORT", port.to_string()), ("AWS_ENDPOINT_URL", endpoint)])
            .envs([("BIND_HOST", "127.0.0.1"), ("MINISTACK_HOST", "127.0.0.1"), ("AUTH", "true")])
            .envs([("MINISTACK_ACCOUNT_ID", ACCOUNT), ("LOG_LEVEL", "ERROR"), ("HOME", "/nonexistent")])
            .envs(secure)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("sh: {error}"))?;
        let emulator = Self { child, port, tls, names: AtomicUsize::new(0) };
        let begun = Instant::now();
        while !emulator.is_ready() {
            if begun.elapsed() > START {
                return Err(format!("{PACKAGE} does not start"));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(emulator)
    }

    /// The file with the certificate to trust, if it speaks TLS.
    pub fn certificate(&self) -> Option<PathBuf> {
        self.tls.as_ref().map(|folder| certificate(folder.path()))
    }

    fn is_ready(&self) -> bool {
        if let Some(certificate) = self.certificate() {
            // It is written before the port opens.
            return certificate.is_file() && TcpStream::connect(self.address()).is_ok();
        }
        let Ok(mut stream) = TcpStream::connect(self.address()) else { return false };
        let asked =
            stream.write_all(b"GET /_ministack/health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        let mut answer = [0; 12];
        asked.is_ok() && stream.read_exact(&mut answer).is_ok() && answer.ends_with(b" 200")
    }

    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    pub fn endpoint(&self) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.address())
    }

    /// A name that no other test has.
    pub fn name(&self, what: &str) -> String {
        format!("{what}-{}", self.names.fetch_add(1, Ordering::Relaxed))
    }

    /// The owner's clients.
    pub async fn clients(&self) -> Clients {
        Clients::new(self.config(&self.endpoint()).await)
    }

    fn http(&self) -> aws_sdk_s3::config::SharedHttpClient {
        use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore, rustls_provider::CryptoMode};
        let Some(certificate) = self.certificate() else {
            return aws_smithy_http_client::Builder::new().build_http();
        };
        let store = TrustStore::empty().with_pem_certificate(std::fs::read(certificate).unwrap());
        aws_smithy_http_client::Builder::new()
            .tls_provider(Provider::Rustls(CryptoMode::Ring))
            .tls_context(TlsContext::builder().with_trust_store(store).build().unwrap())
            .build_https()
    }

    /// The owner's configuration, for `endpoint`.
    pub async fn config(&self, endpoint: &str) -> SdkConfig {
        aws_config::defaults(BehaviorVersion::latest())
            .endpoint_url(endpoint)
            .region(Region::new(REGION))
            .credentials_provider(Credentials::new("test", "test", None, None, "test"))
            .http_client(self.http())
            .load()
            .await
    }
}

/// Where the emulator leaves its certificate in a temporary folder of its own.
fn certificate(folder: &Path) -> PathBuf {
    folder.join("ministack-tls/server.crt")
}

impl Drop for Emulator {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}
