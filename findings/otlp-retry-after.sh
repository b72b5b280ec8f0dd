#!/usr/bin/env bash
# A server that asks an OTLP sender to come back in 15 seconds tells it to throw its spans away.
#
# opentelemetry-exporter-otlp-proto-http 1.45.2 (PyPI), @opentelemetry/exporter-trace-otlp-proto 0.218.0 (npm).
#
# 503 with Retry-After is the protocol's way to say "busy", and both exporters heed the header. But a wait that would
# end after the export's time limit, 10 s by default for all tries together, is not begun: the batch is dropped at once.
# So the courteous answer of a collector that restarts for 15 s loses usage at the first post, where a bare 503 is
# tried again for about ten seconds. A server does best to name short waits. The sender's cure is a longer limit; its
# variable is read as seconds in Python and as milliseconds in Node, so one value for a mixed fleet is wrong in one.
# The server here answers the first post of each run with 503 and later ones with 200. Each run ends one span and shuts
# the provider down, as programs do at their end.
#
# Seen:
#   python, no Retry-After: 503, 200
#   python, Retry-After: 5: 503, 200
#   python, Retry-After: 15: 503, span lost
#   python, Retry-After: 15, OTEL_EXPORTER_OTLP_TIMEOUT=20: 503, 200
#   node, no Retry-After: 503, 200
#   node, Retry-After: 5: 503, 200
#   node, Retry-After: 15: 503, span lost
#   node, Retry-After: 15, OTEL_EXPORTER_OTLP_TIMEOUT=20000: 503, 200
# shellcheck source=common.sh
. "$(dirname "$0")/common.sh"
python_packages opentelemetry-exporter-otlp-proto-http==1.45.2 opentelemetry-sdk==1.45.2
node_packages @opentelemetry/exporter-trace-otlp-proto@0.218.0 @opentelemetry/sdk-trace-node@2.12.1 @opentelemetry/api@1

cat >sender.py <<'PYTHON'
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
provider.get_tracer("app").start_span("chat").end()
provider.shutdown()
PYTHON

cat >sender.mjs <<'JAVASCRIPT'
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-proto";
import { BatchSpanProcessor, NodeTracerProvider } from "@opentelemetry/sdk-trace-node";

const provider = new NodeTracerProvider({ spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter())] });
provider.getTracer("app").startSpan("chat").end();
await provider.shutdown();
JAVASCRIPT

cat >see.py <<'PYTHON'
import http.server, os, subprocess, sys, threading

retry_after, answers = None, []

class Collector(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        if length := self.headers["content-length"]:
            self.rfile.read(int(length))
        else:  # Node sends chunks
            while size := int(self.rfile.readline(), 16):
                self.rfile.read(size + 2)
            self.rfile.readline()
        answers.append(200 if answers else 503)
        self.send_response(answers[-1])
        if answers[-1] == 503 and retry_after:
            self.send_header("retry-after", retry_after)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass

server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Collector)
threading.Thread(target=server.serve_forever, daemon=True).start()
endpoint = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{server.server_port}"}

for sender, command, limit in [
    ("python", [sys.executable, "sender.py"], "20"),
    ("node", ["node", "sender.mjs"], "20000"),
]:
    for retry_after, setting in [
        (None, {}), ("5", {}), ("15", {}), ("15", {"OTEL_EXPORTER_OTLP_TIMEOUT": limit}),
    ]:
        answers.clear()
        subprocess.run(command, env=os.environ | endpoint | setting, stderr=subprocess.DEVNULL, timeout=60)
        what = [sender, f"Retry-After: {retry_after}" if retry_after else "no Retry-After"]
        what += [f"{name}={value}" for name, value in setting.items()]
        seen = [str(status) for status in answers] + ([] if 200 in answers else ["span lost"])
        print(f"{', '.join(what)}: {', '.join(seen)}", flush=True)
PYTHON

still_prints python see.py
