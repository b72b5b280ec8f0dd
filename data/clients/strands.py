from strands.telemetry import StrandsTelemetry

tracing = StrandsTelemetry().setup_otlp_exporter().tracer_provider

# For each agent: Agent(…, trace_attributes=person)
person = {"user.id": "mina@example.com"}
