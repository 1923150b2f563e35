#!/usr/bin/env python3
"""Rules from end to end: a server, a real Alertmanager and a real Prometheus, all on loopback, in folders of their own.

    run.py --loki target/release/loki

Both are reached by https, with a certificate that an authority made here signs; Prometheus wants a name and a password.
Needs `prometheus-alertmanager`, `prometheus` (Debian's names) and `openssl` on the path, and nothing but Python's
standard library. Prints a line a check and a closing count; answers 1 where a check failed.
"""

import argparse
import base64
import http.server
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

# Seconds that a check waits for what it wants. Rules come every second; the rest is room for slow machines.
PATIENCE = 30
# Seconds that lines count for an alert.
WINDOW = 6
# Who may write to Prometheus, and the bcrypt of the password, of the least cost.
NAME, PASSWORD = "loki", "only-a-test"
PASSWORD_HASH = "$2b$04$y71yJpuXhRKOKve9unTOx.xvwEfZO1/TDih87Ki4voEgoQHjq25rW"


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def is_free(port):
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


class Lab:
    """The programs, their ports and folders, and what was checked."""

    def __init__(self, loki, first_port):
        self.folder = tempfile.mkdtemp(prefix="rules-")
        self.binary = os.path.abspath(loki)
        names = ["loki", "alertmanager", "prometheus", "webhook"]
        self.ports = {name: first_port + n if first_port else free_port() for n, name in enumerate(names)}
        for name, port in self.ports.items():
            if not is_free(port):
                sys.exit(f"port {port} for {name} is in use")
        self.running = {}
        self.told = []
        self.passed = self.failed = 0
        self.trust = None

    def url(self, name, path=""):
        scheme = "https" if name in ("alertmanager", "prometheus") else "http"
        return f"{scheme}://127.0.0.1:{self.ports[name]}{path}"

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w") as file:
            file.write(text)
        return path

    def start(self, name, command, ready):
        with open(os.path.join(self.folder, f"{name}.log"), "ab") as log:
            self.running[name] = subprocess.Popen(command, cwd=self.folder, stdout=log, stderr=log)
        if not wait(lambda: self.running[name].poll() is not None or self.get(name, ready) is not None):
            sys.exit(f"{name} does not become ready:\n{self.log(name)}")
        if self.running[name].poll() is not None:
            sys.exit(f"{name} ended:\n{self.log(name)}")

    def stop(self, name, how=signal.SIGTERM):
        process = self.running.pop(name)
        process.send_signal(how)
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def log(self, name):
        with open(os.path.join(self.folder, f"{name}.log"), errors="replace") as file:
            return "".join(file.readlines()[-20:])

    def make_certificates(self):
        """An authority, and a certificate for 127.0.0.1 that it signs."""
        def openssl(*arguments):
            subprocess.run(["openssl", *arguments], cwd=self.folder, check=True, capture_output=True)
        key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
        openssl("req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=test authority")
        openssl("req", *key, "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=test server")
        self.write("server.ext", "subjectAltName=IP:127.0.0.1\nbasicConstraints=CA:FALSE\n")
        openssl("x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
                "-out", "server.pem", "-days", "2", "-extfile", "server.ext")
        self.trust = ssl.create_default_context(cafile=os.path.join(self.folder, "ca.pem"))

    def close(self):
        for name in list(self.running):
            self.stop(name)
        shutil.rmtree(self.folder, ignore_errors=True)

    def start_loki(self):
        self.start("loki", [self.binary, f"-config.file={self.folder}/loki.yaml"], "/ready")

    def start_alertmanager(self):
        address = f"127.0.0.1:{self.ports['alertmanager']}"
        self.start("alertmanager", [
            "prometheus-alertmanager", f"--config.file={self.folder}/alertmanager.yaml",
            f"--storage.path={self.folder}/alertmanager", f"--web.listen-address={address}",
            # Without an address there is no cluster to join.
            "--cluster.listen-address=", f"--web.config.file={self.folder}/alertmanager-web.yaml",
        ], "/-/ready")

    def start_prometheus(self):
        address = f"127.0.0.1:{self.ports['prometheus']}"
        self.start("prometheus", [
            "prometheus", f"--config.file={self.folder}/prometheus.yaml",
            f"--storage.tsdb.path={self.folder}/prometheus", f"--web.listen-address={address}",
            "--web.enable-remote-write-receiver", f"--web.config.file={self.folder}/prometheus-web.yaml",
        ], "/-/ready")

    def start_webhook(self):
        """Takes what Alertmanager would send to people."""
        told = self.told

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                told.append(json.loads(body))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", self.ports["webhook"]), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()

    def request(self, name, path, method="GET", body=None, headers=None):
        """Status and text of an answer; None where there is none."""
        headers = dict(headers or {})
        if name == "prometheus":
            headers["Authorization"] = "Basic " + base64.b64encode(f"{NAME}:{PASSWORD}".encode()).decode()
        request = urllib.request.Request(self.url(name, path), data=body, method=method, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=10, context=self.trust) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            return None

    def get(self, name, path, **parameters):
        """The text of a good answer, else None."""
        query = "?" + urllib.parse.urlencode(parameters) if parameters else ""
        answer = self.request(name, path + query)
        return answer[1] if answer and answer[0] == 200 else None

    def json(self, name, path, **parameters):
        text = self.get(name, path, **parameters)
        return json.loads(text) if text is not None else None

    def push(self, lines, **labels):
        now = time.time_ns()
        values = [[str(now + n), line] for n, line in enumerate(lines)]
        body = json.dumps({"streams": [{"stream": labels, "values": values}]}).encode()
        status, text = self.request("loki", "/loki/api/v1/push", "POST", body, {"Content-Type": "application/json"})
        if status != 204:
            sys.exit(f"push: {status} {text}")

    def series(self, query, **parameters):
        """Labels and value of each series of an instant query of Prometheus."""
        answer = self.json("prometheus", "/api/v1/query", query=query, **parameters)
        result = answer["data"]["result"] if answer else []
        return [(one["metric"], float(one["value"][1])) for one in result]

    def metric(self, name, **labels):
        """The sum of the series of the server's own metric that have all of `labels`."""
        page, total, found = self.get("loki", "/metrics") or "", 0.0, False
        for line in page.splitlines():
            if line.split("{")[0].split(" ")[0] == name:
                if all(f'{key}="{value}"' in line for key, value in labels.items()):
                    total, found = total + float(line.rsplit(" ", 1)[1]), True
        return total if found else None

    def check(self, what, wanted, patience=PATIENCE):
        """Waits until `wanted` answers something true."""
        started = time.monotonic()
        done = wait(wanted, patience)
        self.passed, self.failed = self.passed + bool(done), self.failed + (not done)
        print(f"{'ok  ' if done else 'FAIL'} {what} ({time.monotonic() - started:.1f} s)", flush=True)
        if not done:
            for name in self.running:
                print(f"--- log of {name}\n{self.log(name)}")
        return done


def wait(wanted, patience=PATIENCE):
    end = time.monotonic() + patience
    while True:
        done = wanted()
        if done or time.monotonic() > end:
            return done
        time.sleep(0.1)


def configure(lab):
    lab.write("loki.yaml", f"""
auth_enabled: false
server: {{http_listen_address: 127.0.0.1, http_listen_port: {lab.ports['loki']}}}
common: {{path_prefix: {lab.folder}/loki}}
ruler:
  evaluation_interval: 1s
  alertmanager_url: {lab.url('alertmanager')}
  alertmanager_client: {{tls_ca_path: {lab.folder}/ca.pem}}
  external_url: http://grafana.example
  datasource_uid: logs
  remote_write:
    enabled: true
    clients:
      prometheus:
        url: {lab.url('prometheus', '/api/v1/write')}
        basic_auth: {{username: {NAME}, password_file: {lab.folder}/password}}
        tls_config: {{ca_file: {lab.folder}/ca.pem}}
""")
    lab.write("password", PASSWORD + "\n")
    certificate = f"tls_server_config: {{cert_file: {lab.folder}/server.pem, key_file: {lab.folder}/server.key}}\n"
    lab.write("alertmanager-web.yaml", certificate)
    lab.write("prometheus-web.yaml", certificate + f"basic_auth_users: {{{NAME}: {PASSWORD_HASH}}}\n")
    lab.write("alertmanager.yaml", f"""
route: {{receiver: people, group_by: [alertname], group_wait: 0s, group_interval: 1s}}
receivers:
- name: people
  webhook_configs: [{{url: '{lab.url('webhook', '/')}', send_resolved: true}}]
""")
    lab.write("prometheus.yaml", "global: {scrape_interval: 1h}\n")


GROUP = f"""
name: shop
interval: 1s
rules:
- alert: TooManyErrors
  expr: sum by (app) (count_over_time({{app="shop"}} |= "error" [{WINDOW}s])) > 2
  for: 1s
  labels: {{severity: page}}
  annotations: {{summary: '{{{{ $value }}}} errors of {{{{ $labels.app | toUpper }}}}'}}
- record: shop:errors:count
  expr: sum by (app) (count_over_time({{app="shop"}} |= "error" [{WINDOW}s]))
  labels: {{team: a}}
- record: heartbeat
  expr: vector(1)
"""


def alerts(lab):
    """The alerts of Alertmanager by name."""
    found = lab.json("alertmanager", "/api/v2/alerts") or []
    return {alert["labels"]["alertname"]: alert for alert in found}


def told(lab, status):
    return [alert for body in lab.told for alert in body["alerts"] if alert["status"] == status]


def fire(lab):
    status, text = lab.request("loki", "/loki/api/v1/rules/alerts", "POST", GROUP.encode())
    lab.check("a rule group is taken", lambda: (status, json.loads(text)["status"]) == (202, "success"))
    lab.push(["error 1", "error 2", "fine", "error 3"], app="shop")
    firing = lambda: [a for a in lab.json("loki", "/prometheus/api/v1/alerts")["data"]["alerts"] if a["state"] == "firing"]
    lab.check("the alert fires", firing)
    lab.check("Alertmanager shows it", lambda: "TooManyErrors" in alerts(lab))
    alert = alerts(lab).get("TooManyErrors", {})
    wanted = {"alertname": "TooManyErrors", "app": "shop", "severity": "page"}
    lab.check("with the labels of the series and of the rule", lambda: alert.get("labels") == wanted)
    lab.check("with its annotations, expanded", lambda: alert.get("annotations") == {"summary": "3 errors of SHOP"})
    link = urllib.parse.unquote(alert.get("generatorURL", ""))
    lab.check("with a link to Grafana",
              lambda: link.startswith("http://grafana.example/explore?left={") and '"uid":"logs"' in link)
    lab.check("people are told", lambda: told(lab, "firing"))


def record(lab):
    wanted = [({"__name__": "shop:errors:count", "app": "shop", "team": "a"}, 3.0)]
    lab.check("a recorded series is in Prometheus", lambda: lab.series("shop:errors:count") == wanted)
    lab.check("and so is ALERTS", lambda: [
        labels.get("app") for labels, _ in lab.series('ALERTS{alertname="TooManyErrors",alertstate="firing"}')] == ["shop"])
    lab.check("and ALERTS_FOR_STATE", lambda: any(
        time.time() - 60 < value <= time.time() for _, value in lab.series("ALERTS_FOR_STATE")))


def resolve(lab):
    # An alert that is not told of again expires after minutes: within seconds it goes only if it is told resolved.
    lab.check("the alert resolves", lambda: "TooManyErrors" not in alerts(lab))
    lab.check("people are told that", lambda: told(lab, "resolved"))
    lab.check("its series ends at once", lambda: lab.series("ALERTS") == [])


def outlast(lab):
    """Prometheus is gone for a while, and the server is killed meanwhile: no sample is lost."""
    sent = "loki_ruler_wal_prometheus_remote_storage_samples_total"
    pending = "loki_ruler_wal_prometheus_remote_storage_samples_pending"
    lab.check("samples are counted", lambda: (lab.metric(sent) or 0) > 0)
    lab.stop("prometheus")
    gone = time.time()
    lab.check("without Prometheus samples wait", lambda: (lab.metric(pending) or 0) >= 6)
    rules = lambda: lab.json("loki", "/prometheus/api/v1/rules")["data"]["groups"][0]["rules"]
    lab.check("and rules go on", lambda: all(rule["health"] == "ok" for rule in rules()))
    lab.stop("loki", signal.SIGKILL)
    lab.start_loki()
    lab.check("also behind a kill", lambda: (lab.metric(pending) or 0) >= 8)
    lab.start_prometheus()
    lab.check("Prometheus is back and gets them", lambda: lab.metric(pending) == 0)
    seconds = int(time.time() - gone) + 1
    counted = lambda: sum(value for _, value in lab.series(f"count_over_time(heartbeat[{seconds}s])"))
    # The server was away itself for a second or two.
    lab.check(f"{seconds} s hold a heartbeat a second", lambda: counted() >= seconds - 4)
    failed = lab.metric("loki_ruler_wal_prometheus_remote_storage_samples_failed_total")
    lab.check("none is refused", lambda: failed == 0)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--loki", required=True, help="the program")
    parser.add_argument("--first-port", type=int, default=0, help="four ports from here on; default: any that are free")
    arguments = parser.parse_args()
    lab = Lab(arguments.loki, arguments.first_port)
    try:
        lab.make_certificates()
        configure(lab)
        lab.start_webhook()
        lab.start_alertmanager()
        lab.start_prometheus()
        lab.start_loki()
        fire(lab)
        record(lab)
        resolve(lab)
        outlast(lab)
    finally:
        lab.close()
    print(f"{lab.passed} passed, {lab.failed} failed")
    sys.exit(lab.failed > 0)


if __name__ == "__main__":
    main()
