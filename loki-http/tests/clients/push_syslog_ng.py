"""Pushes lines through syslog-ng and its HTTP destination, as `syslog-ng.conf` says: JSON, in batches.

Usage: push_syslog_ng.py URL LINES. Prints what a query must find, an entry a line.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

CONFIG = pathlib.Path(__file__).resolve().with_name("syslog-ng.conf")
MICROSECOND = 1_000
# syslog-ng pushes no level; the server finds one in these lines.
LEVELS = {"level=warn": "warn", '"level":"error"': "error"}


def main(url, lines):
    # A message of syslog is one line of text, no longer than the configuration allows.
    lines = [line for line in lines if line.isprintable() and len(line) < 60_000]
    with tempfile.TemporaryDirectory() as folder:
        config = pathlib.Path(folder, "syslog-ng.conf")
        config.write_text(CONFIG.read_text(encoding="utf-8").replace("`LOKI_URL`", url), encoding="utf-8")
        files = [f"--{kind}={folder}/{kind}" for kind in ("persist-file", "pidfile", "control")]
        start = time.time_ns()
        done = subprocess.run(
            ["syslog-ng", "--foreground", "--stderr", "--no-caps", f"--cfgfile={config}", *files],
            input="".join(f"{line}\n" for line in lines),
            encoding="utf-8",
            capture_output=True,
            # Debian puts it where only root looks.
            env=os.environ | {"PATH": os.environ["PATH"] + ":/usr/sbin"},
            timeout=50,
        )
        end = time.time_ns()
    if done.returncode:
        sys.exit(done.stderr)
    for line in lines:
        level = next((level for text, level in LEVELS.items() if text in line), "unknown")
        entry = {
            "labels": {"service_name": "syslog-ng"},
            "line": line,
            "metadata": {"detected_level": level},
            "from": start - MICROSECOND,
            "to": end,
        }
        print(json.dumps(entry))


if __name__ == "__main__":
    with open(sys.argv[2], encoding="utf-8") as file:
        main(sys.argv[1], json.load(file))
