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
# Debian puts it where only root looks.
ENVIRONMENT = os.environ | {"PATH": os.environ["PATH"] + ":/usr/sbin"}
PATIENCE_SECONDS = 40


def written(control):
    """How many messages the destination has taken, by syslog-ng's own count."""
    command = ["syslog-ng-ctl", "stats", f"--control={control}"]
    stats = subprocess.run(command, encoding="utf-8", capture_output=True, env=ENVIRONMENT, check=False).stdout
    rows = [row.split(";") for row in stats.splitlines()]
    return sum(int(row[5]) for row in rows if row[0] == "dst.http" and row[4] == "written")


def wait(is_done):
    end = time.monotonic() + PATIENCE_SECONDS
    while not is_done() and time.monotonic() < end:
        time.sleep(0.1)


def main(url, lines):
    # A message of syslog is one line of text, no longer than the configuration allows.
    lines = [line for line in lines if line.isprintable() and len(line) < 60_000]
    with tempfile.TemporaryDirectory() as folder:
        config = pathlib.Path(folder, "syslog-ng.conf")
        config.write_text(CONFIG.read_text(encoding="utf-8").replace("`LOKI_URL`", url), encoding="utf-8")
        files = [f"--{kind}={folder}/{kind}" for kind in ("persist-file", "pidfile", "control")]
        start = time.time_ns()
        with subprocess.Popen(
            ["syslog-ng", "--foreground", "--stderr", "--no-caps", f"--cfgfile={config}", *files],
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            env=ENVIRONMENT,
        ) as process:
            process.stdin.write("".join(f"{line}\n" for line in lines))
            process.stdin.flush()
            # It stops where its input ends, and a batch that is not full by then may be lost.
            wait(lambda: written(f"{folder}/control") >= len(lines))
            process.stdin.close()
            errors = process.stderr.read()
        end = time.time_ns()
    if process.returncode:
        sys.exit(errors)
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
