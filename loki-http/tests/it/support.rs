//! A server on a free port with an engine in a directory of its own, and a client that sees every byte.

use loki_core::{Engine, Settings};
use loki_http::{Server, ServerSettings};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;
use tempfile::TempDir;
use tokio::sync::oneshot;

/// A time in the past that data of tests is from, in seconds.
pub(crate) const T0: i64 = 1_709_251_200;

/// A running server; stops when it is dropped.
pub(crate) struct TestServer {
    pub(crate) address: SocketAddr,
    pub(crate) directory: TempDir,
    runtime: tokio::runtime::Runtime,
    stop: Option<oneshot::Sender<()>>,
    running: Option<tokio::task::JoinHandle<std::io::Result<()>>>,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).expect("UTF-8")
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }
}

impl TestServer {
    pub(crate) fn start() -> TestServer {
        TestServer::start_with(ServerSettings::default(), Settings::default())
    }

    pub(crate) fn start_with(server: ServerSettings, engine: Settings) -> TestServer {
        TestServer::start_in(tempfile::tempdir().expect("a directory"), server, engine)
    }

    pub(crate) fn start_in(directory: TempDir, server: ServerSettings, engine: Settings) -> TestServer {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .expect("a runtime");
        let engine = Engine::open(directory.path(), engine).expect("an engine");
        let server = runtime
            .block_on(Server::bind(engine, ServerSettings { port: 0, ..server }))
            .expect("a free port");
        let address = server.local_addr();
        let (stop, stopped) = oneshot::channel();
        let running = runtime.spawn(server.run(async {
            let _ = stopped.await;
        }));
        TestServer {
            address,
            directory,
            runtime,
            stop: Some(stop),
            running: Some(running),
        }
    }

    /// Stops gracefully and gives back the directory.
    pub(crate) fn stop(mut self) -> TempDir {
        self.finish();
        self.into_directory()
    }

    /// Waits for a server that stops by itself, and gives back the directory.
    pub(crate) fn wait(mut self) -> TempDir {
        let running = self.running.take().expect("running");
        self.runtime.block_on(running).expect("no panic").expect("a clean stop");
        self.into_directory()
    }

    fn into_directory(mut self) -> TempDir {
        std::mem::replace(&mut self.directory, tempfile::tempdir().expect("a directory"))
    }

    fn finish(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(running) = self.running.take() {
            self.runtime.block_on(running).expect("no panic").expect("a clean stop");
        }
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.request("GET", path, &[], b"")
    }

    /// A GET with parameters, escaped.
    pub(crate) fn ask(&self, path: &str, parameters: &[(&str, &str)]) -> Answer {
        self.get(&format!("{path}?{}", encode(parameters)))
    }

    /// As [`ask`](TestServer::ask), with headers.
    pub(crate) fn ask_with(&self, path: &str, parameters: &[(&str, &str)], headers: &[(&str, &str)]) -> Answer {
        self.request("GET", &format!("{path}?{}", encode(parameters)), headers, b"")
    }

    pub(crate) fn push_json(&self, body: &str) -> Answer {
        self.request(
            "POST",
            "/loki/api/v1/push",
            &[("Content-Type", "application/json")],
            body.as_bytes(),
        )
    }

    /// Pushes lines to `{app="<app>"}`, a second apart from [`T0`].
    pub(crate) fn push_lines(&self, app: &str, lines: &[&str]) {
        let values: Vec<_> = lines
            .iter()
            .zip(T0..)
            .map(|(line, second)| serde_json::json!([format!("{second}000000000"), line]))
            .collect();
        let body = serde_json::json!({ "streams": [{ "stream": { "app": app }, "values": values }] });
        assert_eq!(self.push_json(&body.to_string()).status, 204);
    }

    pub(crate) fn request(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let mut connection = self.connect();
        send(&mut connection, method, path, headers, body);
        receive(&mut connection)
    }

    pub(crate) fn connect(&self) -> TcpStream {
        let connection = TcpStream::connect(self.address).expect("the server listens");
        connection
            .set_read_timeout(Some(Duration::from_secs(10)))
            .expect("a timeout");
        connection
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.finish();
        }
    }
}

/// Parameters of a URL or a form.
pub(crate) fn encode(parameters: &[(&str, &str)]) -> String {
    let escape = |text: &str| -> String {
        text.bytes()
            .map(|byte| match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'.' => char::from(byte).to_string(),
                _ => format!("%{byte:02X}"),
            })
            .collect()
    };
    let pairs: Vec<String> = parameters
        .iter()
        .map(|(name, value)| format!("{}={}", escape(name), escape(value)))
        .collect();
    pairs.join("&")
}

pub(crate) fn send(connection: &mut impl Write, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) {
    let mut head = format!("{method} {path} HTTP/1.1\r\nHost: test\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str(&format!("Content-Length: {}\r\n\r\n", body.len()));
    connection.write_all(head.as_bytes()).expect("sent");
    connection.write_all(body).expect("sent");
}

/// Reads one answer; the connection stays open for the next.
pub(crate) fn receive(connection: &mut impl Read) -> Answer {
    let mut bytes = Vec::new();
    let end = loop {
        let mut buffer = [0; 4096];
        let count = connection.read(&mut buffer).expect("an answer");
        assert_ne!(
            count,
            0,
            "the connection ended in {:?}",
            String::from_utf8_lossy(&bytes)
        );
        bytes.extend_from_slice(&buffer[..count]);
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end;
        }
    };
    let head = String::from_utf8(bytes[..end].to_vec()).expect("ASCII");
    let mut body = bytes.split_off(end + 4);
    let mut lines = head.lines();
    let status = lines
        .next()
        .and_then(|line| line.split(' ').nth(1)?.parse().ok())
        .expect("a status");
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let length = headers
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let length: usize = length.map_or(0, |(_, value)| value.parse().expect("a number"));
    while body.len() < length {
        let mut buffer = [0; 65536];
        let count = connection.read(&mut buffer).expect("the rest of the answer");
        assert_ne!(count, 0, "the connection ended in the body");
        body.extend_from_slice(&buffer[..count]);
    }
    Answer { status, headers, body }
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).expect("in memory");
    encoder.finish().expect("in memory")
}
