#!/usr/bin/env bash
# LiteLLM reports the whole cost of a batch again for each look at it.
#
# litellm 1.106.2 (PyPI).
#
# A batch is paid once. Who waits for one asks for it every few seconds until its status is `completed`, and then
# often once more (to fetch the file, to show a list). Each look at a completed batch is a successful call to LiteLLM's
# callbacks: it downloads the results, adds up their tokens and reports all of the tokens and the money, under a call id
# of its own. Nothing in the event says that it is a repetition but call_type and the batch's id. So a sum over events,
# deduplicated by call id as it should be, has the batch as often as it was looked at.
# The server here has one batch of two calls of gpt-4.1-mini, 1,000,000 tokens in and 100,000 out each: 0.56 dollars at
# half price. It is asked for four times: once while in progress, three times when it is done.
#
# Seen:
#   in_progress: aretrieve_batch batch_1, new call id, 0 in, 0 out, 0.00 dollars
#   completed: aretrieve_batch batch_1, new call id, 2000000 in, 200000 out, 0.56 dollars
#   completed: aretrieve_batch batch_1, new call id, 2000000 in, 200000 out, 0.56 dollars
#   completed: aretrieve_batch batch_1, new call id, 2000000 in, 200000 out, 0.56 dollars
#   sum over call ids: 1.68 dollars
# shellcheck source=common.sh
. "$(dirname "$0")/common.sh"
python_packages litellm==1.106.2

cat >see.py <<'PYTHON'
import asyncio, http.server, json, threading
import litellm
from litellm.integrations.custom_logger import CustomLogger

status = "in_progress"

def batch():
    done = status == "completed"
    return {
        "id": "batch_1", "object": "batch", "endpoint": "/v1/chat/completions", "input_file_id": "file-in",
        "completion_window": "24h", "status": status, "output_file_id": "file-out" if done else None,
        "created_at": 1790000000, "request_counts": {"total": 2, "completed": 2 if done else 0, "failed": 0},
    }

def result(number):
    usage = {"prompt_tokens": 1_000_000, "completion_tokens": 100_000, "total_tokens": 1_100_000}
    choice = {"index": 0, "message": {"role": "assistant", "content": "Hello"}, "finish_reason": "stop"}
    body = {
        "id": f"chatcmpl-{number}", "object": "chat.completion", "created": 1790000000, "model": "gpt-4.1-mini",
        "choices": [choice], "usage": usage,
    }
    response = {"status_code": 200, "request_id": f"req_{number}", "body": body}
    return json.dumps({"id": f"row_{number}", "custom_id": f"{number}", "response": response, "error": None}) + "\n"

class Provider(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.end_headers()
        self.wfile.write((json.dumps(batch()) if "/batches/" in self.path else result(1) + result(2)).encode())

    def log_message(self, *_):
        pass

server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Provider)
threading.Thread(target=server.serve_forever, daemon=True).start()
cost_by_call = {}

class Meter(CustomLogger):
    async def async_log_success_event(self, kwargs, response_obj, start_time, end_time):
        event = kwargs["standard_logging_object"]
        if event["call_type"] != "aretrieve_batch":
            return  # the download of the results, 0 tokens and 0 dollars
        is_new = event["litellm_call_id"] not in cost_by_call
        cost_by_call[event["litellm_call_id"]] = event["response_cost"]
        print(
            f"{status}: {event['call_type']} {event['id']}, {'new' if is_new else 'known'} call id,"
            f" {event['prompt_tokens']} in, {event['completion_tokens']} out, {event['response_cost']:.2f} dollars"
        )

litellm.callbacks = [Meter()]

async def look():
    reported = len(cost_by_call)
    url = f"http://127.0.0.1:{server.server_port}/v1"
    await litellm.aretrieve_batch("batch_1", custom_llm_provider="openai", api_base=url, api_key="none")
    for _ in range(200):  # callbacks run beside the call
        if len(cost_by_call) > reported:
            return
        await asyncio.sleep(0.05)

async def main():
    global status
    await look()
    status = "completed"
    for _ in range(3):
        await look()
    print(f"sum over call ids: {sum(cost_by_call.values()):.2f} dollars")

asyncio.run(main())
PYTHON

export LITELLM_LOCAL_MODEL_COST_MAP=True # the price list of the package: no download
still_prints python see.py
