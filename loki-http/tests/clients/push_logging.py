"""Pushes lines through the logging handler of inuits-python-logging-loki: JSON, in batches from a queue.

Usage: push_logging.py URL LINES. Prints what a query must find, an entry a line.
"""

import json
import logging
import queue
import sys
import time

from logging_loki import LokiQueueHandler

LEVELS = [(logging.DEBUG, "debug"), (logging.INFO, "info"), (logging.WARNING, "warn"), (logging.ERROR, "error")]


def main(url, lines):
    handler = LokiQueueHandler(
        queue.Queue(-1),
        batch_interval=0.2,
        url=f"{url}/loki/api/v1/push",
        tags={"service_name": "logging", "env": "test"},
    )
    logger = logging.getLogger("clients.logging")
    logger.propagate = False
    logger.setLevel(logging.DEBUG)
    logger.addHandler(handler)

    start = time.time_ns()
    for number, line in enumerate(lines):
        logger.log(LEVELS[number % 4][0], "%s", line, extra={"tags": {"shard": number % 2}})
    handler.close()
    end = time.time_ns()

    for number, line in enumerate(lines):
        level, detected = LEVELS[number % 4]
        labels = {
            "service_name": "logging",
            "env": "test",
            "logger": "clients.logging",
            "severity": logging.getLevelName(level).lower(),
            "shard": str(number % 2),
        }
        # The handler stamps an entry when it is sent and goes through a float, which has 256 ns between its numbers.
        entry = {"labels": labels, "line": line, "metadata": {"detected_level": detected}, "from": start - 256, "to": end}
        print(json.dumps(entry))


if __name__ == "__main__":
    with open(sys.argv[2], encoding="utf-8") as file:
        main(sys.argv[1], json.load(file))
