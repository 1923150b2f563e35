"""Pushes lines through the handler of python-logging-loki in its default version: the JSON of the early API.

Usage: push_early.py URL LINES. Prints what a query must find, an entry a line.
"""

import json
import logging
import sys
import time

import logging_loki

MICROSECOND = 1_000


def main(url, lines):
    handler = logging_loki.LokiHandler(url=f"{url}/api/prom/push", tags={"service_name": "early"}, version="0")
    logger = logging.getLogger("clients.early")
    logger.propagate = False
    logger.setLevel(logging.INFO)
    logger.addHandler(handler)

    for line in lines:
        start = time.time_ns()
        logger.warning("%s", line)
        labels = {"service_name": "early", "logger": "clients.early", "severity": "warning"}
        # Times travel as text with six digits.
        entry = {
            "labels": labels,
            "line": line,
            "metadata": {"detected_level": "warn"},
            "from": start - MICROSECOND,
            "to": time.time_ns(),
        }
        print(json.dumps(entry))


if __name__ == "__main__":
    with open(sys.argv[2], encoding="utf-8") as file:
        # One request a line.
        main(sys.argv[1], json.load(file)[:50])
