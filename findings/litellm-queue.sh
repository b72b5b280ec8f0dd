#!/usr/bin/env bash
# What finishes while LiteLLM's generic_api callback is sending a batch is thrown away with the batch.
#
# litellm 1.106.2 (PyPI).
#
# The callback keeps events in a list, posts the whole list, and empties it when the post has ended: the list as it
# is then, with all that was put into it meanwhile. No error is logged, and the collector sees nothing missing: it
# answered every post with 200. One that takes as long to answer as the flush interval gets about half of the events.
# The list is emptied after a failed post too: retrying is off by default; when it is on, 429 is final (5xx and
# time-outs are retried), and while a refused batch waits for its retry new events go the way described above.
# The collector here answers the first post only when five more calls have ended; later posts at once.
#
# Seen:
#   slow 200: 15 calls, answers [200, 200], events accepted 10, lost 5
#   503, as it comes: 10 calls, answers [503, 200], events accepted 5, lost 5
#   429, 3 retries: 10 calls, answers [429, 200], events accepted 5, lost 5
#   503, 3 retries: 15 calls, answers [503, 200, 200], events accepted 10, lost 5
# shellcheck source=common.sh
. "$(dirname "$0")/common.sh"
python_packages litellm==1.106.2

cat >see.py <<'PYTHON'
import asyncio, http.server, json, logging, threading
import litellm
from litellm.integrations.generic_api.generic_api_callback import GenericAPILogger

logging.disable(logging.CRITICAL)  # a refused post is logged with its traceback
first_arrived, go_on = threading.Event(), threading.Event()
script, answers, accepted = [], [], []

class Collector(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        events = json.loads(self.rfile.read(int(self.headers["content-length"])))
        status = script.pop(0) if script else 200
        if not answers:
            first_arrived.set()
            go_on.wait(30)
        if status == 200:
            accepted.extend(event["litellm_call_id"] for event in events)
        answers.append(status)
        self.send_response(status)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass

server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Collector)
threading.Thread(target=server.serve_forever, daemon=True).start()

async def until(condition):
    for _ in range(600):
        if condition():
            return
        await asyncio.sleep(0.05)
    raise SystemExit("waited 30 s in vain")

async def scenario(what, statuses, meanwhile, **settings):
    answers.clear(), accepted.clear(), first_arrived.clear(), go_on.clear()
    script[:] = statuses
    meter = GenericAPILogger(
        endpoint=f"http://127.0.0.1:{server.server_port}/", headers={"x-a": "b"}, flush_interval=0.5, **settings
    )
    litellm.logging_callback_manager._reset_all_callbacks()  # the scenario before had its own
    litellm.callbacks = [meter]
    calls = 0

    async def five_calls():
        nonlocal calls
        queued = len(meter.log_queue)
        for _ in range(5):
            await litellm.acompletion(
                model="gpt-4.1-mini", messages=[{"role": "user", "content": "Hi"}], mock_response="Hello"
            )
        calls += 5
        await until(lambda: len(meter.log_queue) == queued + 5)

    async with meter.flush_lock:  # no flush between the five
        await five_calls()
    await until(first_arrived.is_set)
    if meanwhile:
        await five_calls()
    go_on.set()
    await until(lambda: answers and not meter.log_queue)
    async with meter.flush_lock:
        await five_calls()
    await until(lambda: not meter.log_queue)
    print(f"{what}: {calls} calls, answers {answers}, events accepted {len(accepted)}, lost {calls - len(accepted)}")

async def main():
    await scenario("slow 200", [200], True)
    await scenario("503, as it comes", [503], False)
    await scenario("429, 3 retries", [429], False, max_retries=3, retry_delay=0.1)
    await scenario("503, 3 retries", [503], True, max_retries=3, retry_delay=0.1)

asyncio.run(main())
PYTHON

export LITELLM_LOCAL_MODEL_COST_MAP=True # the price list of the package: no download
still_prints python see.py
