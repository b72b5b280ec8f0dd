#!/usr/bin/env bash
# LangSmith's tracing reads OTEL_EXPORTER_OTLP_HEADERS by rules of its own: the token that OpenTelemetry sends is refused.
#
# langsmith 0.15.1, opentelemetry-exporter-otlp-proto-http 1.45.1 (PyPI).
#
# Values of that variable are percent-encoded by OpenTelemetry's specification, so a bearer token is written with `%20`,
# and every exporter decodes it. langsmith, told to trace by OpenTelemetry, splits the variable itself, hands the exporter
# a mapping, and decodes nothing: one process, one variable, two headers. The server answers 401, the exporter logs a
# line and drops the spans, and the program goes on; a deployment that had traced well before loses its usage with
# LANGSMITH_OTEL_ENABLED. Both take a space that stands as it is.
# The server here keeps the header of each post.
#
# Seen:
#   Bearer%20secret: the exporter alone sends 'Bearer secret', langsmith sends 'Bearer%20secret'
#   Bearer secret: the exporter alone sends 'Bearer secret', langsmith sends 'Bearer secret'
# shellcheck source=common.sh
. "$(dirname "$0")/common.sh"
python_packages 'langsmith[otel]==0.15.1' opentelemetry-exporter-otlp-proto-http==1.45.1

cat >exporter.py <<'PYTHON'
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
provider.get_tracer("app").start_span("chat").end()
provider.shutdown()
PYTHON

cat >traced.py <<'PYTHON'
from langsmith import Client, traceable

client = Client()

@traceable(run_type="llm", client=client)
def chat():
    return "an answer"

chat()
client.flush()
PYTHON

cat >see.py <<'PYTHON'
import http.server, os, subprocess, sys, threading

seen = set()

class Collector(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        seen.add(self.headers["authorization"])
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass

server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Collector)
threading.Thread(target=server.serve_forever, daemon=True).start()
langsmith = {"LANGSMITH_TRACING": "true", "LANGSMITH_OTEL_ENABLED": "true", "LANGSMITH_OTEL_ONLY": "true"}

def sends(program, settings):
    seen.clear()
    subprocess.run([sys.executable, program], env=os.environ | settings, stderr=subprocess.DEVNULL, timeout=60)
    return ", ".join(map(repr, sorted(seen))) or "nothing"

for value in ["Bearer%20secret", "Bearer secret"]:
    settings = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{server.server_port}",
        "OTEL_EXPORTER_OTLP_HEADERS": f"authorization={value}",
    }
    alone, traced = sends("exporter.py", settings), sends("traced.py", settings | langsmith)
    print(f"{value}: the exporter alone sends {alone}, langsmith sends {traced}", flush=True)
PYTHON

still_prints python see.py
