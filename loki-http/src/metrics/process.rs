//! The process itself, as `/proc` tells of it.

use prometheus::proto::MetricFamily;
use prometheus::{Counter, Gauge, Opts, Registry};
use std::fs;

/// `/proc` counts time in hundredths of a second on every Linux there is.
const TICKS_PER_SECOND: f64 = 100.0;
/// Bytes of a page of memory, as `/proc/self/statm` counts them on x86-64 and most of AArch64.
const PAGE_BYTES: f64 = 4096.0;

/// The families of one reading; none where there is no `/proc`.
pub(super) fn gather() -> Result<Vec<MetricFamily>, prometheus::Error> {
    let registry = Registry::new();
    let gauge = |name: &str, help: &str, value: Option<f64>| -> Result<(), prometheus::Error> {
        let Some(value) = value else { return Ok(()) };
        let gauge = Gauge::with_opts(Opts::new(name, help))?;
        gauge.set(value);
        registry.register(Box::new(gauge))
    };
    let stat = Stat::read();
    if let Some(stat) = &stat {
        let counter = Counter::with_opts(Opts::new("process_cpu_seconds_total", "User and system CPU seconds."))?;
        counter.inc_by(stat.cpu_ticks / TICKS_PER_SECOND);
        registry.register(Box::new(counter))?;
    }
    gauge("process_threads", "Threads.", stat.as_ref().map(|stat| stat.threads))?;
    gauge(
        "process_virtual_memory_bytes",
        "Bytes of address space.",
        stat.as_ref().map(|stat| stat.virtual_bytes),
    )?;
    gauge(
        "process_resident_memory_bytes",
        "Bytes of memory in use.",
        stat.as_ref().map(|stat| stat.resident_pages * PAGE_BYTES),
    )?;
    gauge(
        "process_start_time_seconds",
        "Seconds since 1970 at which the process began.",
        stat.as_ref()
            .and_then(|stat| Some(boot_time()? + stat.start_ticks / TICKS_PER_SECOND)),
    )?;
    gauge(
        "process_open_fds",
        "File descriptors in use.",
        fs::read_dir("/proc/self/fd").ok().map(|entries| entries.count() as f64),
    )?;
    gauge("process_max_fds", "File descriptors allowed.", max_files())?;
    Ok(registry.gather())
}

struct Stat {
    cpu_ticks: f64,
    threads: f64,
    start_ticks: f64,
    virtual_bytes: f64,
    resident_pages: f64,
}

impl Stat {
    fn read() -> Option<Stat> {
        Stat::parse(&fs::read_to_string("/proc/self/stat").ok()?)
    }

    /// Fields as proc(5) numbers them; the name of the program, in brackets, may hold anything.
    fn parse(text: &str) -> Option<Stat> {
        let fields: Vec<f64> = text
            .rsplit_once(')')?
            .1
            .split_ascii_whitespace()
            .map(|field| field.parse().unwrap_or(0.0))
            .collect();
        // The first field after the name is number 3.
        let field = |number: usize| fields.get(number - 3).copied();
        Some(Stat {
            cpu_ticks: field(14)? + field(15)?,
            threads: field(20)?,
            start_ticks: field(22)?,
            virtual_bytes: field(23)?,
            resident_pages: field(24)?,
        })
    }
}

fn boot_time() -> Option<f64> {
    let text = fs::read_to_string("/proc/stat").ok()?;
    text.lines()
        .find_map(|line| line.strip_prefix("btime "))?
        .trim()
        .parse()
        .ok()
}

fn max_files() -> Option<f64> {
    let text = fs::read_to_string("/proc/self/limits").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_ascii_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_brackets_does_not_shift_the_fields() {
        let stat = Stat::parse("7 (a) b) S 1 1 1 0 -1 0 0 0 0 0 250 50 0 0 20 0 9 0 700 8192 3 1").expect("complete");
        assert_eq!((stat.cpu_ticks, stat.threads, stat.start_ticks), (300.0, 9.0, 700.0));
        assert_eq!((stat.virtual_bytes, stat.resident_pages), (8192.0, 3.0));
        assert!(Stat::parse("7 (short) S 1").is_none());
    }
}
