"""A provider of models on 127.0.0.1: OpenAI's chat completions, embeddings and responses, Anthropic's messages, Gemini.

What it answers is a function of the request: the first text of it that is a JSON object says how many tokens the answer
costs, or with which status it fails. Programs that ask in words of their own have a script instead, under an address of
their own. Every request that it served is in its ledger.
"""

import json
import re
import time
from decimal import Decimal

from loopback import Handler, Server

# List prices in dollars for a million tokens: input, read from the cache, written to it, output.
PRICES = {
    "gpt-4o-mini": ("0.15", "0.075", "0", "0.60"),
    "o4-mini": ("1.10", "0.275", "0", "4.40"),
    "text-embedding-3-small": ("0.02", "0", "0", "0"),
    "claude-sonnet-4-5-20250929": ("3", "0.30", "3.75", "15"),
    "gpt-5-mini": ("0.25", "0.025", "0", "2"),
    "gemini-2.5-flash": ("0.30", "0.03", "0", "2.50"),
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


# What is asked beside the work without a tool to use, such as a session's title, and how it is answered.
ASIDE = {"call": "aside", "input": 77, "output": 5}


class Provider(Server):
    """Serves until it is closed. `ledger` has a row for every request: call, model, status, stream, and its tokens,
    or None where none were told; of a script also its run and turn, and what the answer's id ends in. `last` has the last
    request of each run, with the results of tools in it.

    `scripts` has for each run, which is asked at `url_of(run)`, the plans of its turns: a list for each turn, of a plan
    for each try. A turn is over when it was answered and the result of the tool that the answer wanted comes back.
    """

    def __init__(self):
        super().__init__(Answers)
        self.ledger = []
        self.scripts = {}
        self.last = {}

    def url_of(self, run):
        return f"{self.url}/run/{run}"

    def served(self, call):
        """The rows of one call, in the order in which they came."""
        return [row for row in self.ledger if row["call"] == call]

    def served_run(self, run):
        return [row for row in self.ledger if row["run"] == run]

    def plan(self, run, request):
        """What becomes of a request, and which turn it is."""
        if run is None:
            return planned(request), None
        if not request.get("tools"):
            return planned(request) or ASIDE, None
        script = self.scripts[run]
        turn = min(results(request), len(script) - 1)
        tries = sum(row["turn"] == turn for row in self.served_run(run))
        return script[turn][min(tries, len(script[turn]) - 1)], turn


class Answers(Handler):
    def do_GET(self):
        self.answer({}, 404)  # Lists of models and the like, which nobody needs.

    def do_POST(self):
        body = self.body()
        _, run, path = re.fullmatch(r"(/run/([^/]+))?(/.*)", self.path.split("?")[0]).groups()
        name = re.sub(r"^/v1(beta)?", "", path)
        gemini = re.fullmatch(r"/models/([^:]+):(generateContent|streamGenerateContent|batchEmbedContents)", name)
        answers = {
            "/chat/completions": self.chat_completion,
            "/embeddings": self.embedding,
            "/responses": self.response,
            "/messages": self.message,
        }
        answer = self.generated if gemini else answers.get(name)
        if answer is None:
            self.answer({}, 404)  # Counting tokens ahead, telemetry.
            return
        request = json.loads(body)
        plan, turn = self.server.plan(run, request)
        if turn is not None:
            self.server.last[run] = request
        model = gemini[1] if gemini else request["model"]
        status = plan.get("fails_on", {}).get(model) or plan.get("status", 200)
        stream = gemini[2] == "streamGenerateContent" if gemini else request.get("stream") is True
        tokens = {kind: plan.get(kind, 0) for kind in KINDS}
        # OpenAI tells the usage of a stream only to those who ask.
        asked = not stream or name != "/chat/completions" or (request.get("stream_options") or {}).get("include_usage")
        told = tokens if status == 200 and asked and not plan.get("mute") else None
        row = {"call": plan["call"], "model": model, "status": status, "stream": stream, "tokens": told}
        answered = f"{len(self.server.ledger) if run else plan['call']}-{model}"
        self.server.ledger.append({**row, "run": run, "turn": turn, "answer": answered})
        time.sleep(plan.get("wait", 0))
        if status != 200:
            self.fail(name, status)
            return
        try:
            answer(answered, model, tokens, stream, told, plan)
        except ConnectionError:
            pass  # The client hung up, which is one of the cases.

    def fail(self, name, status):
        error = {"message": f"planned {status}", "type": "planned_error", "code": None, "param": None}
        if name == "/messages":
            error = {"type": "error", "error": error}
        elif name.startswith("/models/"):
            error = {"error": {"code": status, "message": error["message"], "status": "PLANNED"}}
        else:
            error = {"error": error}
        self.answer(error, status)

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

    def chat_completion(self, name, model, tokens, stream, told, plan):
        usage = {
            "prompt_tokens": tokens["input"],
            "completion_tokens": tokens["output"],
            "total_tokens": tokens["input"] + tokens["output"],
            "prompt_tokens_details": {"cached_tokens": tokens["cached"]},
            "completion_tokens_details": {"reasoning_tokens": tokens["reasoning"]},
        }
        base = {"id": f"chatcmpl-{name}", "created": int(time.time()), "model": model}
        tool, arguments = plan.get("tool", (None, None))
        calls = [{"id": f"call_{name}", "type": "function", "function": {"name": tool, "arguments": dumped(arguments)}}]
        reason = "tool_calls" if tool else "stop"
        if not stream:
            said = {"content": None, "tool_calls": calls} if tool else {"content": "an answer"}
            choice = {"index": 0, "message": {"role": "assistant", **said}, "finish_reason": reason}
            self.answer({**base, "object": "chat.completion", "choices": [choice], "usage": usage})
            return
        base["object"] = "chat.completion.chunk"

        def chunk(delta, reason=None):
            return {**base, "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]}

        if tool:
            words = [chunk({"role": "assistant", "content": None, "tool_calls": [{"index": 0, **calls[0]}]})]
        else:
            more = 50 if plan.get("slow") else 1
            words = [chunk({"role": "assistant", "content": "an"})] + [chunk({"content": " answer"})] * more
        usage = [{**base, "choices": [], "usage": usage}] if told else []
        self.stream([*words, chunk({}, reason), *usage, "[DONE]"], slow=plan.get("slow"))

    def embedding(self, _name, model, tokens, *_):
        vector = {"object": "embedding", "index": 0, "embedding": [0.25, -0.5]}
        usage = {"prompt_tokens": tokens["input"], "total_tokens": tokens["input"]}
        self.answer({"object": "list", "data": [vector], "model": model, "usage": usage})

    def response(self, name, model, tokens, stream, _told, plan):
        usage = {
            "input_tokens": tokens["input"],
            "input_tokens_details": {"cached_tokens": tokens["cached"]},
            "output_tokens": tokens["output"],
            "output_tokens_details": {"reasoning_tokens": tokens["reasoning"]},
            "total_tokens": tokens["input"] + tokens["output"],
        }
        tool, arguments = plan.get("tool", (None, None))
        if tool:
            item = {"type": "function_call", "id": f"fc_{name}", "call_id": f"call_{name}", "status": "completed"}
            item |= {"name": tool, "arguments": dumped(arguments)}
            # Tools of one server are a namespace.
            item |= {"namespace": plan["namespace"]} if "namespace" in plan else {}
            deltas = [{"type": "response.function_call_arguments.delta", "delta": item["arguments"]}]
            deltas += [{"type": "response.function_call_arguments.done", "arguments": item["arguments"], "name": tool}]
            opened_item = {**item, "status": "in_progress", "arguments": ""}
        else:
            text = {"type": "output_text", "text": "an answer", "annotations": []}
            item = {"type": "message", "id": "msg_1", "status": "completed", "role": "assistant", "content": [text]}
            part = {"content_index": 0}
            deltas = [
                {"type": "response.content_part.added", **part, "part": {**text, "text": ""}},
                {"type": "response.output_text.delta", **part, "delta": "an answer", "logprobs": []},
                {"type": "response.output_text.done", **part, "text": "an answer", "logprobs": []},
                {"type": "response.content_part.done", **part, "part": text},
            ]
            opened_item = {**item, "status": "in_progress", "content": []}
        response = {
            "id": f"resp_{name}",
            "object": "response",
            "created_at": int(time.time()),
            "status": "completed",
            "model": model,
            "output": [item],
            "usage": usage,
            "parallel_tool_calls": True,
            "tool_choice": "auto",
            "tools": [],
        }
        if not stream:
            self.answer(response)
            return
        opened = {**response, "status": "in_progress", "output": [], "usage": None}
        events = [
            {"type": "response.created", "response": opened},
            {"type": "response.output_item.added", "output_index": 0, "item": opened_item},
            *[{"item_id": item["id"], "output_index": 0, **delta} for delta in deltas],
            {"type": "response.output_item.done", "output_index": 0, "item": item},
            {"type": "response.completed", "response": response},
        ]
        self.stream([{**event, "sequence_number": number} for number, event in enumerate(events)], named=True)

    def message(self, name, model, tokens, stream, _told, plan):
        # Anthropic counts what was read from and written to its cache beside the input.
        usage = {
            "input_tokens": tokens["input"] - tokens["cached"] - tokens["write"],
            "cache_read_input_tokens": tokens["cached"],
            "cache_creation_input_tokens": tokens["write"],
            "output_tokens": tokens["output"],
        }
        message = {"id": f"msg_{name}", "type": "message", "role": "assistant", "model": model}
        tool, arguments = plan.get("tool", (None, None))
        reason = "tool_use" if tool else "end_turn"
        use = {"type": "tool_use", "id": f"toolu_{name}", "name": tool}
        if not stream:
            block = {**use, "input": arguments} if tool else {"type": "text", "text": "an answer"}
            self.answer({**message, "content": [block], "stop_reason": reason, "stop_sequence": None, "usage": usage})
            return
        opened = {**message, "content": [], "stop_reason": None, "stop_sequence": None}
        if tool:
            block, delta = {**use, "input": {}}, {"type": "input_json_delta", "partial_json": dumped(arguments)}
        else:
            block, delta = {"type": "text", "text": ""}, {"type": "text_delta", "text": "an answer"}
        events = [
            {"type": "message_start", "message": {**opened, "usage": {**usage, "output_tokens": 1}}},
            {"type": "content_block_start", "index": 0, "content_block": block},
            {"type": "content_block_delta", "index": 0, "delta": delta},
            {"type": "content_block_stop", "index": 0},
            {
                "type": "message_delta",
                "delta": {"stop_reason": reason, "stop_sequence": None},
                "usage": {"output_tokens": tokens["output"]},
            },
            {"type": "message_stop"},
        ]
        self.stream(events, named=True)

    def generated(self, name, model, tokens, stream, _told, plan):
        # Gemini counts thoughts beside the output.
        usage = {
            "promptTokenCount": tokens["input"],
            "cachedContentTokenCount": tokens["cached"],
            "candidatesTokenCount": tokens["output"] - tokens["reasoning"],
            "thoughtsTokenCount": tokens["reasoning"],
            "totalTokenCount": tokens["input"] + tokens["output"],
        }
        tool, arguments = plan.get("tool", (None, None))
        part = {"functionCall": {"name": tool, "args": arguments}} if tool else {"text": "an answer"}
        content = {"role": "model", "parts": [part]}
        candidates = [{"content": content, "finishReason": "STOP", "index": 0}]
        answer = {"responseId": name, "modelVersion": model, "candidates": candidates, "usageMetadata": usage}
        if stream:
            self.stream([answer])
        else:
            self.answer(answer)


def dumped(arguments):
    return None if arguments is None else json.dumps(arguments)


def planned(request):
    """The plan in a request, wherever its API has the prompt."""
    for text in texts([request.get("messages"), request.get("input"), request.get("contents")]):
        if text.startswith('{"call"'):
            return json.loads(text)
    return None


def texts(value):
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for one in value:
            yield from texts(one)
    elif isinstance(value, dict):
        yield from texts([value.get("content"), value.get("text"), value.get("parts")])


def results(request):
    """How many results of tools a request has, in whichever API."""

    def count(value):
        if isinstance(value, list):
            return sum(map(count, value))
        if not isinstance(value, dict):
            return 0
        is_result = value.get("role") == "tool" or value.get("type") in ("function_call_output", "tool_result")
        return 1 if is_result or "functionResponse" in value else count([value.get("content"), value.get("parts")])

    return count([request.get("messages"), request.get("input"), request.get("contents")])
