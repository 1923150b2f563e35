//! The server is killed under load, again and again: what it acknowledged is there once, whenever it was killed.
//!
//! `KILL_ROUNDS` sets how often (3 unless told); continuous integration asks for 50.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Lines of one push; a query answers so many pushes of one thread at once.
const LINES: u64 = 20;
/// Threads that push.
const PUSHERS: u64 = 2;
/// The time of the first line, in nanoseconds; line `n` of a thread is `n` microseconds later.
const START: u64 = 1_700_000_000_000_000_000;

/// A running server, killed when it is dropped.
struct Server {
    process: Child,
    port: u16,
}

impl Server {
    fn start(folder: &Path) -> Server {
        // A port that was free a moment ago; nobody else here takes ports.
        let port = TcpListener::bind("127.0.0.1:0")
            .and_then(|l| l.local_addr())
            .expect("a free port")
            .port();
        let process = Command::new(env!("CARGO_BIN_EXE_loki"))
            .arg(format!("-server.http-listen-port={port}"))
            .current_dir(folder)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the server starts");
        let server = Server { process, port };
        let patience = Instant::now() + Duration::from_secs(30);
        while server.get("/ready").is_none_or(|(status, _)| status != 200) {
            assert!(Instant::now() < patience, "the server is not ready after 30 s");
            std::thread::sleep(Duration::from_millis(5));
        }
        server
    }

    fn get(&self, path: &str) -> Option<(u16, String)> {
        Connection::open(self.port)?.request("GET", path, "")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A connection that is kept open from request to request.
struct Connection(BufReader<TcpStream>);

impl Connection {
    fn open(port: u16) -> Option<Connection> {
        Some(Connection(BufReader::new(
            TcpStream::connect(("127.0.0.1", port)).ok()?,
        )))
    }

    /// Status and body; `None` where the server is gone.
    fn request(&mut self, method: &str, path: &str, body: &str) -> Option<(u16, String)> {
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        let stream = self.0.get_mut();
        stream.write_all(head.as_bytes()).ok()?;
        stream.write_all(body.as_bytes()).ok()?;
        let mut line = String::new();
        self.0.read_line(&mut line).ok()?;
        let status = line.split(' ').nth(1)?.parse().ok()?;
        let mut length = 0;
        loop {
            line.clear();
            self.0.read_line(&mut line).ok()?;
            let Some((name, value)) = line.split_once(':') else {
                break;
            };
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse().ok()?;
            }
        }
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).ok()?;
        Some((status, String::from_utf8(body).ok()?))
    }
}

/// What one thread pushed: the numbers of its pushes that were acknowledged, and how many it tried.
#[derive(Default)]
struct Thread {
    acknowledged: Vec<u64>,
    tried: u64,
}

/// Pushes until the server is gone.
fn push_on(port: u16, thread: u64, state: &Mutex<Thread>, pushes: &AtomicU64) {
    let Some(mut connection) = Connection::open(port) else {
        return;
    };
    loop {
        let number = {
            let mut state = state.lock().expect("no pusher panics");
            state.tried += 1;
            state.tried - 1
        };
        let values: Vec<String> = (number * LINES..(number + 1) * LINES)
            .map(|n| {
                format!(
                    r#"["{}","thread {thread} line {n} {}"]"#,
                    START + n * 1000,
                    "x".repeat(n as usize % 97)
                )
            })
            .collect();
        let body = format!(
            r#"{{"streams":[{{"stream":{{"thread":"t{thread}"}},"values":[{}]}}]}}"#,
            values.join(",")
        );
        match connection.request("POST", "/loki/api/v1/push", &body) {
            Some((204, _)) => state.lock().expect("no pusher panics").acknowledged.push(number),
            Some((status, text)) => panic!("a push was answered {status}: {text}"),
            None => return,
        }
        pushes.fetch_add(1, Ordering::Relaxed);
    }
}

/// How often each line of a thread is found.
fn lines_of(server: &Server, thread: u64, tried: u64) -> BTreeMap<String, u32> {
    let mut found = BTreeMap::new();
    let window = 4000;
    for first in (0..tried * LINES).step_by(window) {
        let (start, end) = (START + first * 1000, START + (first + window as u64) * 1000);
        let query = format!("%7Bthread%3D%22t{thread}%22%7D&start={start}&end={end}&limit=5000");
        let (status, body) = server
            .get(&format!("/loki/api/v1/query_range?query={query}"))
            .expect("the server answers");
        assert_eq!(status, 200, "{body}");
        let answer: serde_json::Value = serde_json::from_str(&body).expect("JSON");
        for stream in answer["data"]["result"].as_array().expect("streams") {
            for value in stream["values"].as_array().expect("values") {
                *found.entry(value[1].as_str().expect("a line").to_owned()).or_default() += 1;
            }
        }
    }
    found
}

#[test]
#[expect(clippy::print_stdout, reason = "says how much was put to the test")]
fn a_killed_server_keeps_what_it_acknowledged_once() {
    let rounds: u64 = std::env::var("KILL_ROUNDS")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(3);
    let folder = tempfile::tempdir().expect("a folder");
    let threads: Vec<Arc<Mutex<Thread>>> = (0..PUSHERS).map(|_| Arc::default()).collect();
    for round in 0..rounds {
        let server = Server::start(folder.path());
        let pushes = Arc::new(AtomicU64::new(0));
        let pushers: Vec<_> = (0..PUSHERS)
            .map(|n| {
                let (port, state, pushes) = (server.port, Arc::clone(&threads[n as usize]), Arc::clone(&pushes));
                std::thread::spawn(move || push_on(port, n, &state, &pushes))
            })
            .collect();
        // Killed after a number of pushes that differs from round to round, some rounds in the middle of a flush.
        let enough = 1 + round * 37 % 60;
        let patience = Instant::now() + Duration::from_secs(30);
        while pushes.load(Ordering::Relaxed) < enough {
            assert!(Instant::now() < patience, "round {round}: the pushes do not get on");
            std::thread::sleep(Duration::from_micros(300 + round * 131 % 700));
        }
        if round % 3 == 1 {
            let port = server.port;
            std::thread::spawn(move || Connection::open(port)?.request("POST", "/flush", ""));
            std::thread::sleep(Duration::from_micros(round * 257 % 4000));
        }
        drop(server);
        for pusher in pushers {
            pusher.join().expect("every answered push was acknowledged");
        }
    }
    let server = Server::start(folder.path());
    let mut total = 0;
    for (n, state) in threads.iter().enumerate() {
        let state = state.lock().expect("no pusher panics");
        let found = lines_of(&server, n as u64, state.tried);
        assert!(found.values().all(|&count| count == 1), "a line is there twice");
        let numbers: Vec<u64> = found
            .keys()
            .map(|line| {
                line.split(' ')
                    .nth(3)
                    .and_then(|n| n.parse().ok())
                    .expect("a line of this test")
            })
            .collect();
        let found: std::collections::BTreeSet<u64> = numbers.into_iter().collect();
        for number in &state.acknowledged {
            for line in number * LINES..(number + 1) * LINES {
                assert!(found.contains(&line), "acknowledged line {line} of thread {n} is lost");
            }
        }
        total += state.acknowledged.len();
    }
    println!("{rounds} kills, {total} acknowledged pushes of {LINES} lines: none lost, none twice");
}
