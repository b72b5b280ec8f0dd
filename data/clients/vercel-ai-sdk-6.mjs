import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-proto";
import { BatchSpanProcessor, NodeTracerProvider } from "@opentelemetry/sdk-trace-node";

export const tracing = new NodeTracerProvider({
  spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter())],
});
tracing.register();

// For each call: generateText({ …, experimental_telemetry: telemetry })
export const telemetry = {
  isEnabled: true,
  recordInputs: false,
  recordOutputs: false,
  metadata: { userId: "mina@example.com" },
};
