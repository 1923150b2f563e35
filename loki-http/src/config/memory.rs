//! How much memory the process may use.

use loki_core::ByteSize;
use std::fs;
use std::path::Path;

/// Where control groups lie.
const GROUPS: &str = "/sys/fs/cgroup";

/// The memory of the machine or what limits of the process leave of it; `None` where nothing tells.
pub(super) fn available() -> Option<ByteSize> {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let group = |path: &Path| fs::read_to_string(path).ok();
    [
        of_machine(&read("/proc/meminfo")),
        of_process(&read("/proc/self/limits")),
        of_groups(&read("/proc/self/cgroup"), &group),
    ]
    .into_iter()
    .flatten()
    .min()
    .map(ByteSize)
}

/// `MemTotal:       24683844 kB`
fn of_machine(meminfo: &str) -> Option<u64> {
    let total = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kilobytes: u64 = total.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kilobytes.checked_mul(1024)
}

/// `Max data size             268435456            unlimited            bytes`
fn of_process(limits: &str) -> Option<u64> {
    let limit = |name: &str| {
        let line = limits.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace().next()?.parse().ok()
    };
    [limit("Max data size"), limit("Max address space")]
        .into_iter()
        .flatten()
        .min()
}

/// The least limit of the control groups that the process is in: `0::/a/b` of the second version, `4:memory:/a` of the first.
fn of_groups(groups: &str, read: &dyn Fn(&Path) -> Option<String>) -> Option<u64> {
    let limits = groups.lines().flat_map(|line| {
        let mut parts = line.splitn(3, ':').skip(1);
        let (controllers, path) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let (root, name) = match controllers {
            "" => (Path::new(GROUPS).to_owned(), "memory.max"),
            _ if controllers.split(',').any(|name| name == "memory") => {
                (Path::new(GROUPS).join("memory"), "memory.limit_in_bytes")
            }
            _ => return Vec::new(),
        };
        // A group is held by the limits of those above it, too. In a container its own may be the root.
        let group = Path::new(path.trim_start_matches('/'));
        let files = group.ancestors().map(|group| root.join(group).join(name));
        files
            .filter_map(|file| read(&file)?.trim().parse::<u64>().ok())
            .collect()
    });
    limits.min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machine_says_how_much_it_has() {
        assert_eq!(
            of_machine("MemTotal:       24683844 kB\nMemFree: 1 kB\n"),
            Some(24_683_844 * 1024)
        );
        assert_eq!(of_machine(""), None);
    }

    #[test]
    fn limits_of_the_process_count_where_there_are_any() {
        let lines = |data: &str, space: &str| {
            let line = |name: &str, limit: &str| format!("{name}         {limit}    unlimited    bytes\n");
            line("Max data size", data) + &line("Max processes", "12") + &line("Max address space", space)
        };
        assert_eq!(of_process(&lines("unlimited", "268435456")), Some(256 << 20));
        assert_eq!(of_process(&lines("1000", "268435456")), Some(1000));
        assert_eq!(of_process(&lines("unlimited", "unlimited")), None);
    }

    #[test]
    fn the_least_limit_of_all_groups_above_counts() {
        let read = |path: &Path| {
            let text = match path.to_str()? {
                "/sys/fs/cgroup/a/b/memory.max" => "max\n",
                "/sys/fs/cgroup/a/memory.max" => "536870912\n",
                "/sys/fs/cgroup/memory.max" => "1073741824\n",
                "/sys/fs/cgroup/memory/old/memory.limit_in_bytes" => "268435456\n",
                _ => return None,
            };
            Some(text.to_owned())
        };
        assert_eq!(of_groups("0::/a/b\n", &read), Some(512 << 20));
        assert_eq!(of_groups("0::/\n", &read), Some(1 << 30));
        assert_eq!(of_groups("5:cpu,memory:/old\n4:cpu:/a\n", &read), Some(256 << 20));
        assert_eq!(of_groups("0::/elsewhere\n", &|_| None), None);
    }
}
