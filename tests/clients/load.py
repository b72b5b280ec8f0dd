#!/usr/bin/env python3
"""Posts batches of LiteLLM's size to a server of its own and says how fast they are taken: 512 events a post, each of
about 14 KB with its prompt, as the proxy sends them by default.

    load.py PAYLOADS [--posts N] [--connections N]

PAYLOADS is a post that LiteLLM sent, as run.py leaves them in target/clients/logs/sent.
"""

import argparse
import http.client
import json
import os
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

from rollcall import rollcall

LOG = Path(__file__).resolve().parents[2] / "target" / "clients" / "load.log"
EVENTS = 512
EVENT_BYTES = 14_000
NUMBER = b"post-000000"
PROMPT = 'Tell me "why" this is so, line by line:\n\tand please do. '


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("payloads", type=Path)
    arguments.add_argument("--posts", type=int, default=500)
    arguments.add_argument("--connections", type=int, default=1)
    arguments = arguments.parse_args()
    payloads = [one for one in json.loads(arguments.payloads.read_bytes()) if one["status"] == "success"]
    template = body(payloads)
    with rollcall(LOG) as server:
        token = server.token(organizationId="load", apiKeyId="none")
        host = urlsplit(server.url).netloc

        def send(numbers):
            connection = http.client.HTTPConnection(host, timeout=60)
            headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
            times = []
            for number in numbers:
                one = template.replace(NUMBER, b"post-%06d" % number)
                start = time.perf_counter()
                connection.request("POST", "/v1/ingest/litellm", one, headers)
                answer = json.loads(connection.getresponse().read())
                times.append(time.perf_counter() - start)
                assert answer["accepted"] == EVENTS, answer
            return times

        send([0])
        before = cpu_seconds(server.pid)
        shares = [range(1 + i, 1 + arguments.posts, arguments.connections) for i in range(arguments.connections)]
        with ThreadPoolExecutor(arguments.connections) as pool:
            times = sorted(time for some in pool.map(send, shares) for time in some)
        cpu = cpu_seconds(server.pid) - before
    megabytes = len(template) * arguments.posts / 1e6
    p50, p99 = statistics.median(times), times[min(len(times) - 1, len(times) * 99 // 100)]
    print(f"{arguments.posts} posts of {megabytes / arguments.posts:.2f} MB over {arguments.connections} connections")
    print(f"{megabytes / cpu:.0f} MB for a second of the server's CPU, load average {os.getloadavg()[0]:.1f}")
    print(f"answers: p50 {p50 * 1e3:.1f} ms, p99 {p99 * 1e3:.1f} ms, longest {times[-1] * 1e3:.1f} ms")


def body(payloads):
    """A post of 512 events with ids of their own, in which the post's number can be replaced."""
    some = []
    for i in range(EVENTS):
        one = dict(payloads[i % len(payloads)], litellm_call_id=f"{NUMBER.decode()}-{i}")
        missing = EVENT_BYTES - len(json.dumps(one))
        one["messages"] = [{"role": "user", "content": PROMPT * max(1, missing // len(json.dumps(PROMPT)))}]
        some.append(one)
    return json.dumps(some).encode()


def cpu_seconds(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
