//! Log lines of three kinds from a fixed seed: JSON, logfmt and access lines, in stretches as a service writes them.

/// Entries with ascending timestamps at irregular nanoseconds, `line_bytes` bytes of lines in all.
pub fn entries(line_bytes: usize) -> Vec<(i64, String)> {
    let mut random = Random::new();
    let (mut timestamp, mut written) = (1_700_000_000_000_000_000, 0);
    let mut entries = Vec::new();
    while written < line_bytes {
        timestamp += random.below(20_000_000) as i64;
        // A kind lasts for some blocks, as it would in a stream of one service.
        let line = match written >> 21 {
            kind if kind % 3 == 0 => json(&mut random),
            kind if kind % 3 == 1 => logfmt(&mut random),
            _ => access(&mut random),
        };
        written += line.len();
        entries.push((timestamp, line));
    }
    entries
}

/// The level of a line, the common ones more often.
pub const LEVELS: [&str; 6] = ["info", "info", "info", "debug", "warn", "error"];
const MESSAGES: [&str; 6] = [
    "request completed",
    "cache miss, asking the origin",
    "retrying after timeout",
    "connection reset by peer",
    "user session refreshed",
    "job picked up by worker",
];
const PATHS: [&str; 5] = ["/api/v1/items", "/api/v1/users", "/login", "/static/app.js", "/health"];

/// A line of an API in JSON.
pub fn json(random: &mut Random) -> String {
    format!(
        r#"{{"level":"{}","msg":"{}","trace_id":"{:016x}","user":{},"path":"{}/{}","status":{},"took_ms":{}}}"#,
        random.of(&LEVELS),
        random.of(&MESSAGES),
        random.next(),
        random.below(5_000),
        random.of(&PATHS),
        random.below(2_000),
        random.of(&[200, 200, 200, 204, 404, 500]),
        random.below(900),
    )
}

/// A line of a worker in logfmt.
pub fn logfmt(random: &mut Random) -> String {
    format!(
        r#"level={} caller=server.go:{} msg="{}" tenant=team-{} duration={}.{:03}ms bytes={} id={:08x}"#,
        random.of(&LEVELS),
        random.below(400),
        random.of(&MESSAGES),
        random.below(12),
        random.below(300),
        random.below(1_000),
        random.below(90_000),
        random.next() as u32,
    )
}

/// A line of a gateway in the combined log format.
pub fn access(random: &mut Random) -> String {
    format!(
        r#"10.{}.{}.{} - - [14/Nov/2023:22:{:02}:{:02} +0000] "GET {}/{} HTTP/1.1" {} {} "-" "Mozilla/5.0 (X11; Linux x86_64)""#,
        random.below(4),
        random.below(256),
        random.below(256),
        random.below(60),
        random.below(60),
        random.of(&PATHS),
        random.below(3_000),
        random.of(&[200, 200, 200, 304, 404, 502]),
        random.below(60_000),
    )
}

/// xorshift64*: the same numbers every time, from no dependency.
#[derive(Debug)]
pub struct Random(u64);

impl Random {
    /// The numbers from their start.
    #[expect(clippy::new_without_default, reason = "there is nothing default about a seed")]
    pub fn new() -> Random {
        Random(0x9e37_79b9_7f4a_7c15)
    }

    /// The next number.
    #[expect(clippy::should_implement_trait, reason = "these numbers never end")]
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A number below `bound`.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    /// One of `choices`.
    pub fn of<T: Copy, const N: usize>(&mut self, choices: &[T; N]) -> T {
        choices[self.below(N as u64) as usize]
    }
}
