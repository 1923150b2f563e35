#!/usr/bin/env python3
"""Lets schemathesis believe the server's description of itself and call every endpoint, with good requests and bad ones.

Usage: openapi.py PATH-OF-LOKI

No answer may be a server error, and each must have a status, a media type and a form that the description has. Each
endpoint must have answered as asked at least once.
"""

import collections
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time
import urllib.request

from server import Server, venv

HERE = pathlib.Path(__file__).resolve().parent
CHECKS = ("not_a_server_error", "status_code_conformance", "content_type_conformance", "response_schema_conformance")
# What is off by default is on, so that all endpoints are there.
CONFIG = """
auth_enabled: false
pattern_ingester: {enabled: true}
compactor: {retention_enabled: true, delete_request_store: filesystem}
limits_config: {reject_old_samples: false}
"""
# Seconds; far from what the test needs.
TIME = 240


def push(server):
    """Lines for the queries of `openapi_hooks.py` to find."""
    now = time.time_ns()
    lines = [
        f'level={("info", "error")[number % 2]} took={number}ms status={200 + number % 3} msg="order {number} paid"'
        for number in range(60)
    ]
    values = [[str(now - 1_000_000 * number), line, {"trace_id": f"t{number % 4}"}] for number, line in enumerate(lines)]
    streams = [{"stream": {"app": "shop", "env": env}, "values": values} for env in ("dev", "prod")]
    body = json.dumps({"streams": streams}).encode()
    request = urllib.request.Request(f"{server.url}/loki/api/v1/push", body, {"Content-Type": "application/json"})
    urllib.request.urlopen(request, timeout=10).close()


def never_right(server):
    """Endpoints that every call failed at: nothing is known of what they answer when all is well."""
    metric = r'loki_request_duration_seconds_count{method="(\w+)",route="([^"]*)",status_code="(\d+)"'
    answers = collections.defaultdict(set)
    with urllib.request.urlopen(f"{server.url}/metrics", timeout=10) as page:
        for method, route, status in re.findall(metric, page.read().decode()):
            answers[method, route].add(int(status))
    # Methods and paths that are none; a tail wants a WebSocket, which schemathesis is not.
    reached = {key: statuses for key, statuses in answers.items() if statuses - {404, 405} and not key[1].endswith("_tail")}
    return [" ".join(key) for key, statuses in reached.items() if min(statuses) >= 300]


def main(program):
    with tempfile.TemporaryDirectory(prefix="loki-openapi-") as name:
        folder = pathlib.Path(name)
        bin = venv(folder / "venv", HERE / "requirements-openapi.txt")
        (folder / "loki.yaml").write_text(CONFIG, encoding="utf-8")
        server = Server(program, folder / "server", [f"-config.file={folder / 'loki.yaml'}"])
        try:
            server.start()
            push(server)
            command = [
                bin / "schemathesis",
                "run",
                f"{server.url}/openapi.yaml",
                f"--url={server.url}",
                f"--checks={','.join(CHECKS)}",
                # They would end the server, or its taking of pushes.
                "--exclude-path=/ingester/shutdown",
                "--exclude-path=/ingester/flush_shutdown",
                "--phases=examples,coverage,fuzzing",
                "--max-examples=20",
                "--generation-deterministic",
                # Attributes of OpenTelemetry hold attributes.
                "--suppress-health-check=all",
                "--warnings=off",
                "--workers=2",
                "--no-color",
            ]
            done = subprocess.run(
                command,
                cwd=folder,
                env=os.environ | {"SCHEMATHESIS_HOOKS": "openapi_hooks", "PYTHONPATH": str(HERE)},
                capture_output=True,
                text=True,
                timeout=TIME,
            )
            # What to reproduce a failure with can be as long as a request.
            for line in (done.stdout + done.stderr).splitlines():
                print(line[:400])
            if server.process.poll() is not None:
                print("the server ended", server.process.returncode)
                return 1
            unmet = never_right(server)
            for operation in unmet:
                print(f"never answered as asked: {operation}")
            # A thread of schemathesis that broke leaves it content.
            return done.returncode or int("Traceback" in done.stderr or bool(unmet))
        finally:
            server.kill()


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    sys.exit(main(os.path.abspath(sys.argv[1])))
