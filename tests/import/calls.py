"""Calls by LiteLLM itself, without a provider: each as its callback posts it, and as the row its proxy writes.

Writes one JSON object a line: {"post": …, "row": …}. The row is made by the proxy's own function; Prisma's client, which
cannot be had without a download of its engine, would cut its times to milliseconds, and so does this.
"""

import asyncio
import datetime
import json
import sys

import litellm
from litellm.integrations.custom_logger import CustomLogger
from litellm.proxy.spend_tracking.spend_tracking_utils import get_logging_payload

out = sys.stdout


def plain(value):
    if isinstance(value, datetime.datetime):
        utc = value.astimezone(datetime.timezone.utc)
        return utc.replace(microsecond=utc.microsecond // 1000 * 1000, tzinfo=None).isoformat()
    return str(value)


class Both(CustomLogger):
    def note(self, kwargs, answer, start, end):
        row = dict(get_logging_payload(kwargs, answer, start, end))
        for column in ["metadata", "request_tags", "messages", "response", "proxy_server_request"]:
            if isinstance(row.get(column), str):
                row[column] = json.loads(row[column])
        print(json.dumps({"post": kwargs["standard_logging_object"], "row": row}, default=plain), file=out, flush=True)

    async def async_log_success_event(self, kwargs, response_obj, start_time, end_time):
        self.note(kwargs, response_obj, start_time, end_time)

    async def async_log_failure_event(self, kwargs, response_obj, start_time, end_time):
        # As the proxy marks what failed, before it makes a row of it.
        kwargs["completion_start_time"] = end_time
        kwargs["litellm_params"]["metadata"]["status"] = "failure"
        kwargs["litellm_params"]["metadata"]["error_information"] = kwargs["standard_logging_object"]["error_information"]
        self.note(kwargs, response_obj or {}, start_time, end_time)


async def main():
    litellm.callbacks = [Both()]
    key = "9a" * 32
    who = {"user_api_key": key, "user_api_key_hash": key, "user_api_key_alias": "alice-web",
           "user_api_key_org_id": "acme", "user_api_key_team_id": "t-search", "user_api_key_team_alias": "Search",
           "user_api_key_user_id": "u-alice", "model_group": "small"}
    said = [{"role": "user", "content": "PROMPT " * 50}]
    calls = [
        dict(model="gpt-4o-mini", mock_response="an answer of some words", metadata={**who, "tags": ["app:shop"]}),
        dict(model="claude-sonnet-4-5", mock_response="another", metadata=who),
        dict(model="openai/in-house", mock_response="without a price", api_base="http://127.0.0.1:9", metadata=who),
        dict(model="gpt-4o", mock_response="streamed in parts", stream=True, metadata=who),
        dict(model="gpt-4o", mock_response="litellm.RateLimitError", metadata=dict(who)),
        dict(model="gpt-4o", mock_response="litellm.InternalServerError", metadata=dict(who)),
    ]
    for call in calls:
        try:
            answer = await litellm.acompletion(messages=said, num_retries=0, **call)
            if call.get("stream"):
                async for _ in answer:
                    pass
        except Exception as error:  # noqa: BLE001: two are meant to fail
            print(type(error).__name__, file=sys.stderr)
        await asyncio.sleep(0.3)
    await asyncio.sleep(2)


asyncio.run(main())
