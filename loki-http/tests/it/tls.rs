use crate::support::{TestServer, receive, send};
use loki_core::Settings;
use loki_http::config::Config;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::sync::Arc;
use tempfile::TempDir;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

/// An authority and the files of what it signed.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    files: TempDir,
}

impl Authority {
    fn new() -> Authority {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let files = tempfile::tempdir().expect("a folder");
        let certificate = params.self_signed(&key).expect("signed");
        std::fs::write(files.path().join("ca.pem"), certificate.pem()).expect("written");
        let issuer = Issuer::new(params, key);
        Authority { issuer, files }
    }

    fn path(&self, file: &str) -> PathBuf {
        self.files.path().join(file)
    }

    /// A certificate for `name` and its key, as files `<name>.pem` and `<name>.key`.
    fn sign(&self, name: &str) {
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new([name.to_owned()]).expect("a name");
        let certificate = params.signed_by(&key, &self.issuer).expect("signed");
        std::fs::write(self.path(&format!("{name}.pem")), certificate.pem()).expect("written");
        std::fs::write(self.path(&format!("{name}.key")), key.serialize_pem()).expect("written");
    }

    /// A server with the certificate for `localhost`; `more` are further keys of `http_tls_config`.
    fn server(&self, more: &str) -> TestServer {
        self.sign("localhost");
        let [cert, key] = ["localhost.pem", "localhost.key"].map(|file| self.path(file).display().to_string());
        let text =
            format!("server: {{http_tls_config: {{cert_file: {cert}, key_file: {key}{more}}}}}\nauth_enabled: false\n");
        let config = Config::from_yaml(&text).expect("a configuration");
        TestServer::start_with(config.server, Settings::default())
    }

    /// A connection in TLS; `client` names a certificate that another authority may have signed.
    fn connect(&self, server: &TestServer, client: Option<(&Authority, &str)>) -> io::Result<TlsStream> {
        let mut roots = RootCertStore::empty();
        let own = CertificateDer::from_pem_file(self.path("ca.pem")).expect("a certificate");
        roots.add(own).expect("an authority");
        let config = ClientConfig::builder().with_root_certificates(roots);
        let config = match client {
            None => config.with_no_client_auth(),
            Some((authority, name)) => {
                let [chain, key] = ["pem", "key"].map(|kind| authority.path(&format!("{name}.{kind}")));
                let chain = CertificateDer::from_pem_file(chain).expect("a certificate");
                let key = PrivateKeyDer::from_pem_file(key).expect("a key");
                config.with_client_auth_cert(vec![chain], key).expect("they match")
            }
        };
        let name = "localhost".try_into().expect("a name");
        let connection = ClientConnection::new(Arc::new(config), name).map_err(io::Error::other)?;
        let mut stream = StreamOwned::new(connection, server.connect());
        stream.conn.complete_io(&mut stream.sock)?;
        Ok(stream)
    }

    /// Whether a client is answered; a refusal of its certificate comes with the first read.
    fn is_answered(&self, server: &TestServer, client: Option<(&Authority, &str)>) -> bool {
        let ask = || {
            let mut stream = self.connect(server, client)?;
            stream.write_all(b"GET /ready HTTP/1.1\r\nHost: localhost\r\n\r\n")?;
            let mut start = [0; 12];
            stream.read_exact(&mut start)?;
            Ok::<_, io::Error>(start == *b"HTTP/1.1 200")
        };
        ask().unwrap_or(false)
    }
}

type TlsStream = StreamOwned<ClientConnection, TcpStream>;

#[test]
fn a_server_with_a_certificate_speaks_tls_alone() {
    let authority = Authority::new();
    let server = authority.server("");
    assert!(authority.is_answered(&server, None));
    // Whoever trusts another authority hears nothing.
    assert!(!Authority::new().is_answered(&server, None));
    // Nor does a client that does not encrypt: at most an alert, no answer.
    let mut plain = server.connect();
    send(&mut plain, "GET", "/ready", &[], b"");
    let mut heard = Vec::new();
    let _ = plain.read_to_end(&mut heard);
    assert!(!heard.starts_with(b"HTTP"), "{}", String::from_utf8_lossy(&heard));
    // A handshake that failed does not harm the next.
    assert!(authority.is_answered(&server, None));
}

#[test]
fn a_client_shows_the_certificate_that_it_must() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    authority.sign("client");
    stranger.sign("client");
    let ca = authority.path("ca.pem").display().to_string();
    for (kind, without, with_strange) in [
        ("RequireAndVerifyClientCert", false, false),
        ("VerifyClientCertIfGiven", true, false),
    ] {
        let server = authority.server(&format!(", client_ca_file: {ca}, client_auth_type: {kind}"));
        let is_answered = |client| authority.is_answered(&server, client);
        assert!(is_answered(Some((&authority, "client"))), "{kind}");
        assert_eq!(is_answered(None), without, "{kind}");
        assert_eq!(is_answered(Some((&stranger, "client"))), with_strange, "{kind}");
    }
}

#[test]
fn a_client_that_does_not_finish_its_handshake_is_given_up() {
    let authority = Authority::new();
    authority.sign("localhost");
    let [cert, key] = ["localhost.pem", "localhost.key"].map(|file| authority.path(file).display().to_string());
    let text = format!(
        "server: {{http_server_read_timeout: 20ms, http_tls_config: {{cert_file: {cert}, key_file: {key}}}}}\n"
    );
    let config = Config::from_yaml(&text).expect("a configuration");
    let server = TestServer::start_with(config.server, Settings::default());
    let mut silent = server.connect();
    assert_eq!(silent.read(&mut [0; 8]).expect("the server ends the connection"), 0);
}

#[test]
fn files_that_hold_no_certificate_are_named() {
    let authority = Authority::new();
    authority.sign("localhost");
    std::fs::write(authority.path("empty.pem"), "").expect("written");
    let path = |file: &str| authority.path(file);
    for (cert_file, key_file, named) in [
        (path("nowhere.pem"), path("localhost.key"), "nowhere.pem"),
        (path("localhost.pem"), path("empty.pem"), "empty.pem"),
        (path("ca.pem"), path("localhost.key"), "ca.pem"),
    ] {
        let tls = loki_http::TlsSettings {
            cert_file,
            key_file,
            client_ca_file: None,
            client_cert_required: false,
        };
        let settings = loki_http::ServerSettings {
            port: 0,
            tls: Some(tls),
            ..loki_http::ServerSettings::default()
        };
        let folder = tempfile::tempdir().expect("a folder");
        let engine = loki_core::Engine::open(folder.path(), Settings::default()).expect("an engine");
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let error = runtime
            .block_on(loki_http::Server::bind(engine, settings))
            .expect_err(named)
            .to_string();
        assert!(error.contains(named), "{error}");
    }
}

#[test]
fn a_connection_in_tls_serves_one_request_after_the_other() {
    let authority = Authority::new();
    let server = authority.server("");
    let mut stream = authority.connect(&server, None).expect("a connection");
    let line = "x".repeat(200_000);
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .expect("after 1970")
        .as_nanos();
    let body = serde_json::json!({ "streams": [{ "stream": { "app": "tls" }, "values": [[now.to_string(), line]] }] });
    let json = [("Content-Type", "application/json")];
    send(
        &mut stream,
        "POST",
        "/loki/api/v1/push",
        &json,
        body.to_string().as_bytes(),
    );
    assert_eq!(receive(&mut stream).status, 204);
    send(
        &mut stream,
        "GET",
        "/loki/api/v1/query_range?query=%7Bapp%3D%22tls%22%7D",
        &[],
        b"",
    );
    let answer = receive(&mut stream);
    assert_eq!(answer.json()["data"]["result"][0]["values"][0][1], line);
}
