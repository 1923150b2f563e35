"""Pushes lines through the OpenTelemetry SDK and its OTLP/HTTP exporter: protobuf with gzip.

Usage: push_otlp.py URL LINES. Prints what a query must find, an entry a line.
"""

import json
import sys
import time

from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import set_span_in_context

SEVERITIES = [(SeverityNumber.INFO, "INFO", "info"), (SeverityNumber.ERROR2, "ERROR", "error")]


def main(url, lines):
    resource = Resource.create(
        {
            "service.name": "otlp",
            "service.namespace": "clients",
            "service.instance.id": "7",
            "k8s.pod.name": "otlp-0",
            "host.arch": "amd64",
        }
    )
    provider = LoggerProvider(resource=resource)
    exporter = OTLPLogExporter(endpoint=f"{url}/otlp/v1/logs", compression=Compression.Gzip)
    provider.add_log_record_processor(BatchLogRecordProcessor(exporter, max_export_batch_size=200))
    logger = provider.get_logger("clients.otlp", "1.2.3")
    span = TracerProvider().get_tracer("clients").start_span("request")
    within = span.get_span_context()

    # What the SDK says of itself is metadata of every entry.
    attributes = resource.attributes.items()
    about_sdk = {name.replace(".", "_"): value for name, value in attributes if name.startswith("telemetry.")}
    labels = {
        "service_name": "otlp",
        "service_namespace": "clients",
        "service_instance_id": "7",
        "k8s_pod_name": "otlp-0",
    }
    now = time.time_ns()
    for number, line in enumerate(lines):
        severity, text, detected = SEVERITIES[number % 2]
        timestamp, observed = now + number, now + 1_000_000 + number
        logger.emit(
            LogRecord(
                timestamp=timestamp,
                observed_timestamp=observed,
                context=set_span_in_context(span),
                severity_number=severity,
                severity_text=text,
                body=line,
                attributes={"http.status_code": 200 + number, "cached": number % 3 == 0, "peer": {"ip": "127.0.0.1"}},
            )
        )
        metadata = about_sdk | {
            "host_arch": "amd64",
            "scope_name": "clients.otlp",
            "scope_version": "1.2.3",
            "severity_number": str(severity.value),
            "severity_text": text,
            "detected_level": detected,
            "observed_timestamp": str(observed),
            "trace_id": format(within.trace_id, "032x"),
            "span_id": format(within.span_id, "016x"),
            "flags": str(int(within.trace_flags)),
            "http_status_code": str(200 + number),
            "cached": str(number % 3 == 0).lower(),
            "peer_ip": "127.0.0.1",
        }
        print(json.dumps({"labels": labels, "line": line, "metadata": metadata, "from": timestamp, "to": timestamp}))
    if not provider.force_flush():
        sys.exit("the exporter did not deliver")
    provider.shutdown()


if __name__ == "__main__":
    with open(sys.argv[2], encoding="utf-8") as file:
        main(sys.argv[1], json.load(file))
