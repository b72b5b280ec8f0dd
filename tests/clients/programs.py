"""Programs with an instrumented client each: `programs.py NAME` makes the calls that stand in its standard input.

Where the spans go is said by the variables that OpenTelemetry has for it.
"""

import asyncio
import json
import os
import sys

import anthropic
import openai

PROVIDER = os.environ.get("PROVIDER_URL", "")


def tracing():
    """Exports spans, all of them when the program ends."""
    from opentelemetry import trace
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    if os.environ["OTEL_EXPORTER_OTLP_PROTOCOL"] == "http/json":
        from opentelemetry.exporter.otlp.json.http.trace_exporter import OTLPSpanExporter
    else:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    tracer_provider = TracerProvider()
    tracer_provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(tracer_provider)
    return tracer_provider


def ask_openai(client, call):
    text = json.dumps(call["plan"])
    model, messages = call["model"], [{"role": "user", "content": text}]
    match call["api"]:
        case "chat":
            client.chat.completions.create(model=model, messages=messages)
        case "stream":
            options = {"stream_options": {"include_usage": True}} if call["told"] else {}
            for _ in client.chat.completions.create(model=model, messages=messages, stream=True, **options):
                pass
        case "embeddings":
            client.embeddings.create(model=model, input=text)
        case "responses":
            client.responses.create(model=model, input=text)


def ask_anthropic(client, call):
    messages = [{"role": "user", "content": json.dumps(call["plan"])}]
    prompt = {"model": call["model"], "max_tokens": 100, "messages": messages}
    if call["api"] == "stream":
        for _ in client.messages.create(**prompt, stream=True):
            pass
    else:
        client.messages.create(**prompt)


def each(calls, ask):
    """Makes the calls. Those that are planned to fail must."""
    for call in calls:
        planned = call["plan"].get("status", 200)
        try:
            ask(call)
            status = 200
        except Exception as error:
            status = getattr(error, "status_code", None)
            if status is None:
                raise
        assert status == planned, (call, status)


def openai_client():
    return openai.OpenAI(base_url=f"{PROVIDER}/v1", api_key="sk-provider", max_retries=0)


def ask_with(instrumentor, calls):
    exporting = tracing()
    instrumentor.instrument(tracer_provider=exporting)
    client = openai_client()
    each(calls, lambda call: ask_openai(client, call))
    exporting.shutdown()


def openllmetry(calls):
    from opentelemetry.instrumentation.openai import OpenAIInstrumentor

    ask_with(OpenAIInstrumentor(), calls)


def openai_v2(calls):
    from opentelemetry.instrumentation.openai_v2 import OpenAIInstrumentor

    ask_with(OpenAIInstrumentor(), calls)


def openinference(calls):
    from openinference.instrumentation.openai import OpenAIInstrumentor

    ask_with(OpenAIInstrumentor(), calls)


def claude(calls):
    """OpenLLMetry's instrumentation beside the spans that Anthropic's SDK makes by itself."""
    from opentelemetry.instrumentation.anthropic import AnthropicInstrumentor

    AnthropicInstrumentor().instrument()
    claude_sdk(calls)


def claude_sdk(calls):
    """Anthropic's SDK alone."""
    exporting = tracing()
    client = anthropic.Anthropic(base_url=PROVIDER, api_key="sk-provider", max_retries=0)
    each(calls, lambda call: ask_anthropic(client, call))
    exporting.shutdown()


def logfire(calls):
    """Reads OpenTelemetry's variables itself, and exports in protobuf whatever they say."""
    import logfire as instrumentation

    instrumentation.configure(send_to_logfire=False, console=False)
    client = openai_client()
    instrumentation.instrument_openai(client)
    each(calls, lambda call: ask_openai(client, call))
    instrumentation.shutdown()


def pydantic_ai(calls):
    from pydantic_ai import Agent
    from pydantic_ai.models.instrumented import InstrumentationSettings
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.providers.openai import OpenAIProvider

    exporting = tracing()
    Agent.instrument_all(InstrumentationSettings(tracer_provider=exporting))

    async def ask(call):
        # A client of its own for each, as each has an event loop of its own.
        client = openai.AsyncOpenAI(base_url=f"{PROVIDER}/v1", api_key="sk-provider", max_retries=0)
        agent = Agent(OpenAIChatModel(call["model"], provider=OpenAIProvider(openai_client=client)), name="agent")
        text = json.dumps(call["plan"])
        if call["api"] == "stream":
            async with agent.run_stream(text) as answer:
                await answer.get_output()
        else:
            await agent.run(text)

    each(calls, lambda call: asyncio.run(ask(call)))
    exporting.shutdown()


PROGRAMS = [openllmetry, openai_v2, openinference, claude, claude_sdk, logfire, pydantic_ai]

if __name__ == "__main__":
    {program.__name__: program for program in PROGRAMS}[sys.argv[1]](json.load(sys.stdin))
