#!/usr/bin/env python3
"""Lets real clients of Loki push to a server and holds what queries find against what was pushed.

Usage: run.py PATH-OF-LOKI [--all]

Installs the clients, at the versions that stand beside this file, into a temporary folder; starts the server on a free
port with a data folder there; runs one client after the other while another one tails. Every line must be found, once,
with its labels, its structured metadata and its time: as soon as its client has ended, and after the server was killed.
The commands that the READMEs show are run, too.
A client whose program this machine does not have is skipped; with --all that is a failure.
"""

import collections
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

from server import INSTALL_TIMEOUT, Server, pip_install, venv

HERE = pathlib.Path(__file__).resolve().parent
# A client that pushes these in two seconds hangs after sixty.
CLIENT_TIMEOUT = 60
SECOND = 1_000_000_000

PROJECT = HERE.parents[2]
# Pages that show commands, and what these must say.
PAGES = {
    "README.md": ['"level=error msg=boom"'],
    "loki-http/README.md": [
        '"level=error msg=boom took=12ms"',
        '"metric":{"level":"error"}',
        '"resultType":"vector","result":[{"metric":{"app":"shop"}',
        '"data":["shop"]',
        '{"label":"took","type":"duration"',
        '"name":"Errors"',
        '"status":"received"',
        '"result":[]',
    ],
}


class Failed(Exception):
    """A check that did not hold."""


class Checks:
    """Counts what holds, what does not, and what this machine has no program for."""

    def __init__(self, may_skip):
        self.may_skip = may_skip
        self.passed, self.failed, self.skipped = 0, 0, 0

    def run(self, name, check):
        try:
            print(f"ok    {name}: {check()}", flush=True)
            self.passed += 1
        except (Failed, OSError, ValueError, KeyError, subprocess.SubprocessError) as error:
            print(f"FAIL  {name}: {error}", flush=True)
            self.failed += 1

    def skip(self, name, why):
        if self.may_skip:
            print(f"skip  {name}: {why}", flush=True)
            self.skipped += 1
        else:
            print(f"FAIL  {name}: {why}", flush=True)
            self.failed += 1

    def close(self):
        print(f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped")
        return 1 if self.failed else 0


class Client:
    """A program that pushes lines under the label `service_name` of its own name and says what must be found."""

    def __init__(self, name, command, environment=None):
        self.name, self.command = name, command
        self.environment = os.environ | (environment or {})
        self.expected = None

    def push(self, server, lines):
        command = [*self.command, server.url, str(lines)]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=CLIENT_TIMEOUT)
        # Handlers of logs report to standard error what they do not raise.
        if done.returncode or done.stderr.strip():
            raise Failed(f"exit code {done.returncode}\n{done.stderr.strip()}")
        self.expected = [json.loads(line) for line in done.stdout.splitlines()]
        if not self.expected:
            raise Failed("pushed nothing")
        return self.find(server)

    def find(self, server):
        """Holds what a query finds against what was pushed."""
        if self.expected is None:
            raise Failed("pushed nothing")
        start = min(entry["from"] for entry in self.expected) - SECOND
        end = max(entry["to"] for entry in self.expected) + SECOND
        found = server.query(f'{{service_name="{self.name}"}}', start, end)
        compare(self.expected, found)
        return f"{len(found)} lines"


def compare(expected, found):
    """Every expected entry is found once, and nothing else is."""
    if len(found) != len(expected):
        raise Failed(f"{len(expected)} lines pushed, {len(found)} found")
    known = {entry["line"]: entry for entry in found}
    for entry in expected:
        line = entry["line"]
        if line not in known:
            raise Failed(f"not found: {line[:200]!r}")
        for part in ("labels", "metadata"):
            if known[line][part] != entry[part]:
                raise Failed(f"{part} of {line[:200]!r} are {known[line][part]}, not {entry[part]}")
        if not entry["from"] <= known[line]["timestamp"] <= entry["to"]:
            raise Failed(f"{line[:200]!r} is of {known[line]['timestamp']}, not of {entry['from']} to {entry['to']}")


class Tail:
    """A client that follows everything that arrives."""

    def __init__(self, python, server, folder):
        command = [python, HERE / "tail.py", server.url, '{service_name=~".+"}']
        # A pipe that nobody reads would stop the client.
        self.out, self.err = folder / "tail.out", folder / "tail.err"
        with open(self.out, "w") as out, open(self.err, "w") as err:
            self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=out, stderr=err)
        for _ in range(200):
            if self.out.read_text().startswith("open\n"):
                return
            time.sleep(0.05)
        raise SystemExit(f"the tail does not open: {self.err.read_text()}")

    def close(self, server, clients):
        """Holds what arrived against what queries find."""
        # Frames leave twice a second.
        time.sleep(2)
        self.process.communicate(timeout=CLIENT_TIMEOUT)
        if self.process.returncode:
            raise Failed(self.err.read_text().strip())

        def key(entry):
            return json.dumps([entry["labels"], entry["line"], entry["timestamp"]], sort_keys=True)

        arrived = collections.Counter(key(json.loads(line)) for line in self.out.read_text().splitlines()[1:])
        stored = collections.Counter()
        for client in clients:
            if client.expected:
                start = min(entry["from"] for entry in client.expected) - SECOND
                end = max(entry["to"] for entry in client.expected) + SECOND
                stored.update(key(entry) for entry in server.query(f'{{service_name="{client.name}"}}', start, end))
        if arrived != stored:
            missing, more = stored - arrived, arrived - stored
            example = next(iter(missing or more))
            raise Failed(f"{missing.total()} lines did not arrive, {more.total()} are none, such as {example[:300]}")
        return f"{arrived.total()} lines live"


def run_page(server, page, findings):
    """Runs the commands with curl that a page shows, and looks for what they should say."""
    blocks = re.findall(r"```sh\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    commands = "".join(block for block in blocks if "curl " in block)
    # Fails where the server refuses.
    script = 'curl() { command curl -fsS "$@"; }\n' + commands.replace("127.0.0.1:3100", f"127.0.0.1:{server.port}")
    command = ["bash", "-e", "-u", "-o", "pipefail", "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, timeout=CLIENT_TIMEOUT)
    if done.returncode:
        raise Failed(f"exit code {done.returncode}\n{done.stderr.strip()}")
    for finding in findings:
        if finding not in done.stdout:
            raise Failed(f"{finding!r} is not in\n{done.stdout}")
    return f"{commands.count('curl ')} commands"


def lines():
    """What clients push: what JSON, logfmt, protobuf and markup make a difference for, and many."""
    special = [
        "plain",
        'level=warn msg="a blank = and \\"quotes\\""',
        '{"level":"error","a":{"b":[1,2]}}',
        "näïve ✓ 日本語 🦀",
        "<script>&amp;</script>",
        "back\\slash\tand tab",
        "two\nlines",
        "\x1b[31mred\x1b[0m",
        "% {msg} {{}} $HOME",
        "long " + "x" * 100_000,
    ]
    return special + [f"request {number} took {number * 7 % 900} ms" for number in range(500)]


def install(folder):
    """Installs the Python clients; gives their interpreter and the folder of the early one."""
    bin = venv(folder / "venv", HERE / "requirements.txt")
    pip_install(bin, "--target", folder / "early", "-r", HERE / "requirements-early.txt")
    return bin / "python", folder / "early"


def install_node(folder):
    """Installs the clients of Node beside copies of their programs, where Node looks for them."""
    node = folder / "node"
    node.mkdir()
    for name in ("package.json", "push_pino.js", "push_winston.js"):
        shutil.copy(HERE / name, node)
    command = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts"]
    subprocess.run(command, cwd=node, check=True, timeout=INSTALL_TIMEOUT)
    return node


def main(program, may_skip):
    checks = Checks(may_skip)
    with tempfile.TemporaryDirectory(prefix="loki-clients-") as name:
        folder = pathlib.Path(name)
        texts = folder / "lines.json"
        texts.write_text(json.dumps(lines()), encoding="utf-8")
        python, early = install(folder)
        clients = [
            Client("logging", [python, HERE / "push_logging.py"]),
            Client("early", [python, HERE / "push_early.py"], {"PYTHONPATH": str(early)}),
            Client("otlp", [python, HERE / "push_otlp.py"]),
        ]
        if shutil.which("node") and shutil.which("npm"):
            node = install_node(folder)
            clients += [Client(name, ["node", node / f"push_{name}.js"]) for name in ("winston", "pino")]
        else:
            checks.skip("winston, pino", "node or npm is not there")
        if shutil.which("syslog-ng", path=os.environ["PATH"] + ":/usr/sbin"):
            clients.append(Client("syslog-ng", [sys.executable, HERE / "push_syslog_ng.py"]))
        else:
            checks.skip("syslog-ng", "it is not there")

        server = Server(program, folder / "server")
        try:
            server.start()
            tail = Tail(python, server, folder)
            for client in clients:
                checks.run(client.name, lambda client=client: client.push(server, texts))
            checks.run("tail", lambda: tail.close(server, clients))
            for page, findings in PAGES.items():
                checks.run(page, lambda page=page, findings=findings: run_page(server, PROJECT / page, findings))
            server.kill()
            server.start()
            for client in clients:
                checks.run(f"{client.name} after a kill", lambda client=client: client.find(server))
        finally:
            server.kill()
    return checks.close()


if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[2:] not in ([], ["--all"]):
        raise SystemExit(__doc__)
    sys.exit(main(os.path.abspath(sys.argv[1]), may_skip=len(sys.argv) == 2))
