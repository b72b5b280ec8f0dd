"""A provider of models on 127.0.0.1: OpenAI's chat completions, embeddings and responses, Anthropic's messages.

What it answers is a function of the request alone: the first text of the request that is a JSON object says how many
tokens the answer costs, or with which status it fails. Every request that it served is in its ledger.
"""

import json
import threading
import time
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

# List prices in dollars for a million tokens: input, read from the cache, written to it, output.
PRICES = {
    "gpt-4o-mini": ("0.15", "0.075", "0", "0.60"),
    "o4-mini": ("1.10", "0.275", "0", "4.40"),
    "text-embedding-3-small": ("0.02", "0", "0", "0"),
    "claude-sonnet-4-5-20250929": ("3", "0.30", "3.75", "15"),
}
KINDS = ("input", "cached", "write", "output", "reasoning")


def cost(model, tokens):
    """What tokens cost at list prices, or nothing where there is no price."""
    if model not in PRICES:
        return None
    price_in, price_cached, price_write, price_out = map(Decimal, PRICES[model])
    fresh = tokens["input"] - tokens["cached"] - tokens["write"]
    cache = tokens["cached"] * price_cached + tokens["write"] * price_write
    return (fresh * price_in + cache + tokens["output"] * price_out) / 1_000_000


class Provider(ThreadingHTTPServer):
    """Serves until it is closed. `ledger` has a row for every request: call, model, status, stream, and its tokens,
    or None where none were told."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.ledger = []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def served(self, call):
        """The rows of one call, in the order in which they came."""
        return [row for row in self.ledger if row["call"] == call]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_POST(self):
        request = json.loads(self.rfile.read(int(self.headers["content-length"])))
        plan = planned(request)
        model = request["model"]
        status = plan.get("fails_on", {}).get(model) or plan.get("status", 200)
        name = self.path.split("?")[0].removeprefix("/v1")
        answers = {
            "/chat/completions": self.chat_completion,
            "/embeddings": self.embedding,
            "/responses": self.response,
            "/messages": self.message,
        }
        stream = request.get("stream") is True
        tokens = {kind: plan.get(kind, 0) for kind in KINDS}
        # OpenAI tells the usage of a stream only to those who ask.
        asked = not stream or name != "/chat/completions" or (request.get("stream_options") or {}).get("include_usage")
        told = tokens if status == 200 and asked and not plan.get("mute") else None
        row = {"call": plan["call"], "model": model, "status": status, "stream": stream, "tokens": told}
        self.server.ledger.append(row)
        if status != 200:
            self.fail(name, status)
            return
        try:
            answers[name](f"{plan['call']}-{model}", model, tokens, stream, told, plan.get("slow"))
        except ConnectionError:
            pass  # The client hung up, which is one of the cases.

    def fail(self, name, status):
        error = {"message": f"planned {status}", "type": "planned_error", "code": None, "param": None}
        self.answer({"type": "error", "error": error} if name == "/messages" else {"error": error}, status)

    def answer(self, value, status=200):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def stream(self, events, named=False, slow=False):
        """Sends events one by one; a slow stream leaves its client the time to hang up."""
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("connection", "close")
        self.end_headers()
        self.close_connection = True
        for event in events:
            head = f"event: {event['type']}\n" if named else ""
            data = event if isinstance(event, str) else json.dumps(event)
            self.wfile.write(f"{head}data: {data}\n\n".encode())
            self.wfile.flush()
            if slow:
                time.sleep(0.1)

    def chat_completion(self, name, model, tokens, stream, told, slow):
        usage = {
            "prompt_tokens": tokens["input"],
            "completion_tokens": tokens["output"],
            "total_tokens": tokens["input"] + tokens["output"],
            "prompt_tokens_details": {"cached_tokens": tokens["cached"]},
            "completion_tokens_details": {"reasoning_tokens": tokens["reasoning"]},
        }
        base = {"id": f"chatcmpl-{name}", "created": int(time.time()), "model": model}
        if not stream:
            message = {"role": "assistant", "content": "an answer"}
            choice = {"index": 0, "message": message, "finish_reason": "stop"}
            self.answer({**base, "object": "chat.completion", "choices": [choice], "usage": usage})
            return
        base["object"] = "chat.completion.chunk"

        def chunk(delta, reason=None):
            return {**base, "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]}

        words = [chunk({"role": "assistant", "content": "an"})] + [chunk({"content": " answer"})] * (50 if slow else 1)
        usage = [{**base, "choices": [], "usage": usage}] if told else []
        self.stream([*words, chunk({}, "stop"), *usage, "[DONE]"], slow=slow)

    def embedding(self, _name, model, tokens, *_):
        vector = {"object": "embedding", "index": 0, "embedding": [0.25, -0.5]}
        usage = {"prompt_tokens": tokens["input"], "total_tokens": tokens["input"]}
        self.answer({"object": "list", "data": [vector], "model": model, "usage": usage})

    def response(self, name, model, tokens, stream, *_):
        usage = {
            "input_tokens": tokens["input"],
            "input_tokens_details": {"cached_tokens": tokens["cached"]},
            "output_tokens": tokens["output"],
            "output_tokens_details": {"reasoning_tokens": tokens["reasoning"]},
            "total_tokens": tokens["input"] + tokens["output"],
        }
        text = {"type": "output_text", "text": "an answer", "annotations": []}
        message = {"type": "message", "id": "msg_1", "status": "completed", "role": "assistant", "content": [text]}
        response = {
            "id": f"resp_{name}",
            "object": "response",
            "created_at": int(time.time()),
            "status": "completed",
            "model": model,
            "output": [message],
            "usage": usage,
            "parallel_tool_calls": True,
            "tool_choice": "auto",
            "tools": [],
        }
        if not stream:
            self.answer(response)
            return
        opened = {**response, "status": "in_progress", "output": [], "usage": None}
        delta = {"item_id": "msg_1", "output_index": 0, "content_index": 0, "delta": "an answer", "logprobs": []}
        events = [
            {"type": "response.created", "sequence_number": 0, "response": opened},
            {"type": "response.output_text.delta", "sequence_number": 1, **delta},
            {"type": "response.completed", "sequence_number": 2, "response": response},
        ]
        self.stream(events, named=True)

    def message(self, name, model, tokens, stream, *_):
        # Anthropic counts what was read from and written to its cache beside the input.
        usage = {
            "input_tokens": tokens["input"] - tokens["cached"] - tokens["write"],
            "cache_read_input_tokens": tokens["cached"],
            "cache_creation_input_tokens": tokens["write"],
            "output_tokens": tokens["output"],
        }
        message = {"id": f"msg_{name}", "type": "message", "role": "assistant", "model": model}
        if not stream:
            text = [{"type": "text", "text": "an answer"}]
            self.answer({**message, "content": text, "stop_reason": "end_turn", "stop_sequence": None, "usage": usage})
            return
        opened = {**message, "content": [], "stop_reason": None, "stop_sequence": None}
        block = {"type": "text", "text": ""}
        events = [
            {"type": "message_start", "message": {**opened, "usage": {**usage, "output_tokens": 1}}},
            {"type": "content_block_start", "index": 0, "content_block": block},
            {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "an answer"}},
            {"type": "content_block_stop", "index": 0},
            {
                "type": "message_delta",
                "delta": {"stop_reason": "end_turn", "stop_sequence": None},
                "usage": {"output_tokens": tokens["output"]},
            },
            {"type": "message_stop"},
        ]
        self.stream(events, named=True)


def planned(request):
    """The plan in a request, wherever its API has the prompt."""
    for text in texts([request.get("messages"), request.get("input")]):
        if text.startswith("{"):
            return json.loads(text)
    raise ValueError("the request has no plan")


def texts(value):
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for one in value:
            yield from texts(one)
    elif isinstance(value, dict):
        yield from texts([value.get("content"), value.get("text")])
