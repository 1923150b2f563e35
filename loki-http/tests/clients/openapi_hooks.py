"""What schemathesis cannot know: half of its queries become LogQL that finds lines, and few bodies are compressed."""

import json
import zlib

import schemathesis

QUERIES = [
    '{app="shop"}',
    '{app="shop", env!="dev"} |= "paid"',
    '{app=~"s.+"} | logfmt | level="error" | line_format "{{.took}}"',
    '{app="shop"} | pattern "<_> took=<took> <_>" | took != ""',
    '{app="shop"} | json | __error__="" | drop trace_id',
    'sum by (level) (count_over_time({app="shop"} | logfmt [5m]))',
    'rate({app="shop"} |= "error" [1m])',
    'quantile_over_time(0.9, {app="shop"} | logfmt | unwrap duration(took) [5m]) by (env)',
    'topk(2, sum by (status) (bytes_over_time({app="shop"} | logfmt [10m])))',
    'sum(rate({app="shop"}[1m])) / on () sum(rate({app="shop"}[1m])) > bool 0.5',
    "vector(1) or 2",
    "1 / 0",
]
NAMES = ("query", "match[]")


def number(value, below):
    """A number that depends on the value alone, so that a run can be repeated."""
    return zlib.crc32(json.dumps(value, sort_keys=True, default=str).encode("utf-8", "replace")) % below


def known(value):
    """A query in the place of every second value."""
    choice = number(value, 2 * len(QUERIES))
    if choice >= len(QUERIES):
        return value
    return [QUERIES[choice]] if isinstance(value, list) else QUERIES[choice]


def with_known(parameters):
    if not isinstance(parameters, dict):
        return parameters
    return {name: known(value) if name in NAMES else value for name, value in parameters.items()}


@schemathesis.hook
def map_query(context, query):
    return with_known(query)


@schemathesis.hook
def map_body(context, body):
    return with_known(body)


@schemathesis.hook
def map_headers(context, headers):
    # Bodies are not compressed, whatever their header says.
    if headers and "Content-Encoding" in headers and number(dict(headers), 4) > 0:
        return {name: value for name, value in headers.items() if name != "Content-Encoding"}
    return headers
