#!/usr/bin/env bash
# LangSmith's tracing by OpenTelemetry tells a failed call as a success, unless it failed at once.
#
# langsmith 0.15.1 (PyPI).
#
# LangSmith reports a run when it begins and again when it ends, from a thread of its own. Where both are in one batch,
# the span of a run that failed has the status ERROR. Where the end comes in a later batch, which some hundredths of a
# second between them are enough for, the span has the status OK, though an event `exception` is in it. A provider's
# refusal or overload takes longer than that, so hardly any failure is one to who goes by the status, as the conventions
# say one should: a rate of errors stays at nought through an outage, and what failed is a call whose tokens are missing.
# The function here raises after it has slept for as long as it says. Printed is the span's status, and its events.
#
# Seen:
#   raised after 0 s: ERROR, exception
#   raised after 0.5 s: OK, exception
#   raised after 2 s: OK, exception
#   returned after 0.5 s: OK, none
# shellcheck source=common.sh
. "$(dirname "$0")/common.sh"
python_packages 'langsmith[otel]==0.15.1' opentelemetry-exporter-otlp-proto-http==1.45.1

cat >run.py <<'PYTHON'
import sys, time

from langsmith import Client, traceable

client = Client()

@traceable(run_type="llm", client=client)
def chat():
    time.sleep(float(sys.argv[2]))
    if sys.argv[1] == "raised":
        raise RuntimeError("Error code: 529")
    return "an answer"

try:
    chat()
except RuntimeError:
    pass
client.flush()
PYTHON

cat >see.py <<'PYTHON'
import http.server, os, subprocess, sys, threading

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

spans = []

class Collector(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        post = ExportTraceServiceRequest.FromString(self.rfile.read(int(self.headers["content-length"])))
        spans.extend(span for some in post.resource_spans for scope in some.scope_spans for span in scope.spans)
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass

server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Collector)
threading.Thread(target=server.serve_forever, daemon=True).start()
settings = {
    "LANGSMITH_TRACING": "true", "LANGSMITH_OTEL_ENABLED": "true", "LANGSMITH_OTEL_ONLY": "true",
    "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{server.server_port}", "OTEL_EXPORTER_OTLP_HEADERS": "x=y",
}
STATUS = ["UNSET", "OK", "ERROR"]

for how, seconds in [("raised", "0"), ("raised", "0.5"), ("raised", "2"), ("returned", "0.5")]:
    spans.clear()
    subprocess.run(
        [sys.executable, "run.py", how, seconds], env=os.environ | settings, stderr=subprocess.DEVNULL, timeout=60,
    )
    [span] = spans
    events = ", ".join(event.name for event in span.events) or "none"
    print(f"{how} after {seconds} s: {STATUS[span.status.code]}, {events}", flush=True)
PYTHON

still_prints python see.py
