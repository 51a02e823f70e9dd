//! A caller of function URLs, over TLS.
//!
//! The names of such URLs do not resolve here, so the emulator is called by its address with the name as `Host`.

use std::sync::Arc;
use std::time::SystemTime;

use aws_sdk_s3::config::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto::ring};

use crate::emulator::{Emulator, REGION};

/// A call to make.
pub struct Call<'a> {
    pub method: Method,
    /// A whole URL.
    pub url: &'a str,
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
}

impl<'a> Call<'a> {
    pub fn post(url: &'a str, headers: Vec<(&'static str, String)>, body: impl Into<Vec<u8>>) -> Self {
        Self { method: Method::POST, url, headers, body: body.into() }
    }

    /// Signs it in the owner's name for Lambda.
    pub fn signed(mut self) -> Self {
        let identity = Credentials::new("test", "test", None, None, "test").into();
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region(REGION)
            .name("lambda")
            .time(SystemTime::now())
            .settings(SigningSettings::default())
            .build()
            .unwrap()
            .into();
        let headers = self.headers.iter().map(|(name, value)| (*name, value.as_str()));
        let body = SignableBody::Bytes(&self.body);
        let request = SignableRequest::new(self.method.as_str(), self.url, headers, body).unwrap();
        let (instructions, _) = sign(request, &parameters).unwrap().into_parts();
        let (signed, _) = instructions.into_parts();
        let signed = signed.into_iter().map(|header| (header.name(), header.value().to_owned()));
        self.headers.extend(signed);
        self
    }

    /// Makes it. Answers status and body.
    pub async fn make(self, emulator: &Emulator) -> (u16, Value) {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(emulator.certificate().unwrap()).unwrap()).unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let stream = TcpStream::connect(emulator.address()).await.unwrap();
        let name = ServerName::try_from("127.0.0.1").unwrap();
        let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap();
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        let (host, path) = self.url.strip_prefix("https://").unwrap().split_once('/').unwrap();
        let mut request = Request::builder().method(self.method).uri(format!("/{path}")).header("host", host);
        for (name, value) in self.headers {
            request = request.header(name, value);
        }
        let request = request.body(Full::new(Bytes::from(self.body))).unwrap();
        let answer = sender.send_request(request).await.unwrap();
        let status = answer.status().as_u16();
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&body).unwrap_or_default())
    }
}
