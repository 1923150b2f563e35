"""The server under test, and how its clients are installed."""

import json
import signal
import socket
import subprocess
import sys
import time
import urllib.parse
import urllib.request

INSTALL_TIMEOUT = 300
# A query that takes longer hangs.
QUERY_TIMEOUT = 60


class Server:
    """The program under test, on a free port of the loopback interface."""

    def __init__(self, program, folder, arguments=()):
        self.program, self.folder, self.arguments = program, folder, arguments
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.process = None

    def start(self):
        self.folder.mkdir(exist_ok=True)
        with open(self.folder / "log", "ab") as log:
            command = [self.program, f"-server.http-listen-port={self.port}", *self.arguments]
            self.process = subprocess.Popen(command, cwd=self.folder, stdout=log, stderr=log)
        for _ in range(200):
            try:
                return urllib.request.urlopen(f"{self.url}/ready", timeout=5).close()
            except OSError:
                time.sleep(0.05)
        raise SystemExit((self.folder / "log").read_text())

    def kill(self):
        if self.process:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
            self.process = None

    def query(self, query, start, end):
        """The entries that a query finds, stream labels and structured metadata apart."""
        parameters = {"query": query, "start": start, "end": end, "limit": 5000, "direction": "forward"}
        address = f"{self.url}/loki/api/v1/query_range?{urllib.parse.urlencode(parameters)}"
        request = urllib.request.Request(address, headers={"X-Loki-Response-Encoding-Flags": "categorize-labels"})
        with urllib.request.urlopen(request, timeout=QUERY_TIMEOUT) as answer:
            streams = json.load(answer)["data"]["result"]
        return [
            {
                "labels": stream["stream"],
                "line": line,
                "metadata": parts.get("structuredMetadata", {}),
                "timestamp": int(timestamp),
            }
            for stream in streams
            for timestamp, line, parts in stream["values"]
        ]


def venv(folder, requirements):
    """Makes a virtual environment with these packages; gives its `bin`."""
    subprocess.run([sys.executable, "-m", "venv", folder], check=True, timeout=INSTALL_TIMEOUT)
    pip_install(folder / "bin", "-r", requirements)
    return folder / "bin"


def pip_install(bin, *arguments):
    """Installs exactly what is asked for: requirements name all that they need."""
    pip = [bin / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    subprocess.run([*pip, *arguments], check=True, timeout=INSTALL_TIMEOUT)
