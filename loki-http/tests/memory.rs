//! The memory of a server process stays bounded, whatever it is sent and however much it answers.
//!
//! The server is a process of its own: `/proc` tells the most that it ever took.
#![cfg(target_os = "linux")]

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

const MIB: usize = 1 << 20;
/// What one push may unfold to in these tests, and what bombs unfold to.
const UNFOLDED_MAX: usize = 64 * MIB;
const BOMB: usize = 96 * MIB;

/// A running server, killed when it is dropped.
struct Server {
    process: Child,
    port: u16,
    _folder: TempDir,
}

impl Server {
    fn start() -> Server {
        let folder = tempfile::tempdir().expect("a folder");
        let config = "auth_enabled: false\nserver: {http_listen_address: 127.0.0.1}\n\
             distributor: {max_decompressed_size: 64MB}\n\
             limits_config: {max_entries_limit_per_query: 1000000, max_line_size: 0}\n";
        std::fs::write(folder.path().join("loki.yaml"), config).expect("written");
        // A port that was free a moment ago; nobody else here takes ports.
        let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
        let port = free.expect("a free port").port();
        let process = Command::new(env!("CARGO_BIN_EXE_loki"))
            .args(["-config.file=loki.yaml", &format!("-server.http-listen-port={port}")])
            .current_dir(folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the server starts");
        let server = Server {
            process,
            port,
            _folder: folder,
        };
        let patience = Instant::now() + Duration::from_secs(30);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < patience, "the server does not listen after 30 s");
            std::thread::sleep(Duration::from_millis(5));
        }
        server
    }

    /// Sends a request; status and bytes of the answer's body.
    fn request(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> (u16, usize) {
        let mut connection = TcpStream::connect(("127.0.0.1", self.port)).expect("the server listens");
        let mut head = format!("{method} {path} HTTP/1.0\r\nContent-Length: {}\r\n", body.len());
        headers
            .iter()
            .for_each(|(name, value)| head.push_str(&format!("{name}: {value}\r\n")));
        connection.write_all(format!("{head}\r\n").as_bytes()).expect("sent");
        connection.write_all(body).expect("sent");
        let mut answer = Vec::new();
        connection.read_to_end(&mut answer).expect("an answer");
        let end = answer
            .windows(4)
            .position(|window| window == b"\r\n\r\n")
            .expect("a head");
        let head = String::from_utf8_lossy(&answer[..end]).into_owned();
        let status = head.split(' ').nth(1).expect("a status").parse().expect("a number");
        (status, answer.len() - end - 4)
    }

    /// The most memory that the process ever took, in bytes.
    fn peak(&self) -> usize {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id())).expect("it runs");
        let line = status.lines().find(|line| line.starts_with("VmHWM:")).expect("a peak");
        let kib: usize = line
            .split_ascii_whitespace()
            .nth(1)
            .expect("a number")
            .parse()
            .expect("a number");
        kib << 10
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// `unit` again and again, to `size` bytes, compressed by `writer`.
fn repeated<W: Write>(unit: &[u8], size: usize, mut writer: W) -> W {
    let piece = unit.repeat(MIB / unit.len());
    (0..size / piece.len()).for_each(|_| writer.write_all(&piece).expect("in memory"));
    writer
}

fn gzip(unit: &[u8], size: usize) -> Vec<u8> {
    repeated(unit, size, GzEncoder::new(Vec::new(), Compression::fast()))
        .finish()
        .expect("in memory")
}

fn snappy(bytes: &[u8]) -> Vec<u8> {
    snap::raw::Encoder::new().compress_vec(bytes).expect("compresses")
}

#[test]
fn bombs_are_refused_and_take_no_more_memory_than_a_push_may() {
    let server = Server::start();
    let before = server.peak();
    let json = "application/json";
    let protobuf = "application/x-protobuf";
    let deflated = repeated(b" ", BOMB, DeflateEncoder::new(Vec::new(), Compression::fast()));
    let deflated = deflated.finish().expect("in memory");
    let zstded = repeated(b" ", BOMB, zstd::Encoder::new(Vec::new(), 1).expect("in memory"));
    let zstded = zstded.finish().expect("in memory");
    // Empty objects, three bytes each: as streams, and where a request should be.
    let objects = gzip(b"{},", 30 * MIB);
    let mut streams = GzEncoder::new(Vec::new(), Compression::fast());
    streams.write_all(b"{\"streams\":[").expect("in memory");
    let streams = repeated(b"{},", 60 * MIB, streams).finish().expect("in memory");
    let bombs: [(&str, &str, &str, Vec<u8>); 9] = [
        ("/loki/api/v1/push", json, "gzip", gzip(b" ", BOMB)),
        ("/loki/api/v1/push", json, "deflate", deflated),
        ("/loki/api/v1/push", json, "gzip", streams),
        ("/loki/api/v1/push", protobuf, "", snappy(&vec![0; 2 * UNFOLDED_MAX])),
        // Empty streams, two bytes each.
        (
            "/loki/api/v1/push",
            protobuf,
            "",
            snappy(&b"\x0a\x00".repeat(UNFOLDED_MAX / 2)),
        ),
        // Empty log records in one message of each kind above them.
        (
            "/otlp/v1/logs",
            protobuf,
            "gzip",
            gzip(b"\x0a\x06\x12\x04\x12\x00\x12\x00", 60 * MIB),
        ),
        ("/otlp/v1/logs", json, "zstd", zstded),
        ("/loki/api/v1/raw", "text/plain", "gzip", gzip(b"x\n", 60 * MIB)),
        ("/otlp/v1/logs", json, "gzip", objects),
    ];
    std::thread::scope(|scope| {
        for (path, content_type, encoding, body) in bombs.iter().chain(&bombs) {
            let server = &server;
            scope.spawn(move || {
                let headers = [("Content-Type", *content_type), ("Content-Encoding", *encoding)];
                let (status, _) = server.request("POST", path, &headers, body);
                // The last is no JSON of a request at all; it must not get far enough to tell.
                assert!(
                    status == 413 || status == 400,
                    "{path} {content_type} {encoding}: {status}"
                );
            });
        }
    });
    let taken = server.peak() - before;
    // One large push at a time, twice over while its memory grows, and a few small ones.
    assert!(taken < 6 * UNFOLDED_MAX, "{} MiB", taken / MIB);
    assert_eq!(server.request("GET", "/ready", &[], b"").0, 200);
}

#[test]
fn a_large_answer_is_not_held_twice() {
    let server = Server::start();
    let line = "x".repeat(100_000);
    for push in 0..10 {
        let values: Vec<_> = (0..64)
            .map(|n| serde_json::json!([format!("17000000000000{push:02}{n:03}"), format!("{push} {n} {line}")]))
            .collect();
        let body = serde_json::json!({ "streams": [{ "stream": { "app": "x" }, "values": values }] });
        let headers = [("Content-Type", "application/json")];
        assert_eq!(
            server
                .request("POST", "/loki/api/v1/push", &headers, body.to_string().as_bytes())
                .0,
            204
        );
    }
    let before = server.peak();
    let path = "/loki/api/v1/query_range?query=%7Bapp%3D%22x%22%7D&start=1699999000&end=1700001000&limit=1000";
    let (status, answered) = server.request("GET", path, &[], b"");
    assert_eq!(status, 200);
    assert!(answered > 640 * line.len(), "{answered}");
    let taken = server.peak() - before;
    // The lines, and their text as JSON, of which each line is given up as it is written; the rest is what blocks take
    // while they are read.
    assert!(
        taken < 2 * answered,
        "{} MiB for an answer of {} MiB",
        taken / MIB,
        answered / MIB
    );
}
