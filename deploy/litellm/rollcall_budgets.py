"""Has LiteLLM's proxy ask Rollcall before each call, and refuse what does not fit a budget or a policy.

Put this file beside the proxy's config.yaml and name it there:

    litellm_settings:
      callbacks: ["rollcall_budgets.rollcall_budgets"]

Set in the environment of the proxy:

    ROLLCALL_URL        where Rollcall is, http://127.0.0.1:8787 unless given
    ROLLCALL_TOKEN      an ingest token of the organization
    ROLLCALL_FAIL       open lets calls through while Rollcall does not answer, closed (unless given) refuses them with 503
    ROLLCALL_TIMEOUT_S  how long to wait for an answer, 1 unless given

It sends the hash of a key as LiteLLM makes it, the model, whose key it is and how many tokens a call may take. No prompt
leaves the proxy. LiteLLM's own log of the call, which Rollcall takes at /v1/ingest/litellm, ends the reservation.
"""

import asyncio
import hashlib
import json
import logging
import os
from datetime import datetime, timezone
from math import ceil

import aiohttp
from litellm.integrations.custom_logger import CustomLogger
from litellm.proxy._types import ProxyException

log = logging.getLogger("rollcall_budgets")

REFUSING = {"budgetExceeded", "policyBroken", "unknownKey"}
# A budget that never begins anew.
A_DAY_S = 86_400
# What a token is of a text, roughly: to count them exactly takes longer than to ask.
CHARACTERS_OF_A_TOKEN = 4
PROMPTS = ("messages", "input", "prompt", "system", "instructions", "tools")
MOST_TOKENS = ("max_completion_tokens", "max_output_tokens", "max_tokens")


class RollcallBudgets(CustomLogger):
    def __init__(self):
        super().__init__()
        self.url = os.environ.get("ROLLCALL_URL", "http://127.0.0.1:8787").rstrip("/")
        self.token = os.environ.get("ROLLCALL_TOKEN", "")
        self.timeout_s = float(os.environ.get("ROLLCALL_TIMEOUT_S", "1"))
        fail = os.environ.get("ROLLCALL_FAIL", "closed")
        if fail not in ("open", "closed"):
            raise ValueError(f"ROLLCALL_FAIL is '{fail}'; allowed are open and closed")
        self.fails_open = fail == "open"
        self.client = None

    async def async_pre_call_hook(self, user_api_key_dict, cache, data, call_type):
        if not isinstance(data.get("model"), str):
            return None  # No call of a model.
        try:
            decision = await self.decide(question(user_api_key_dict, data))
        except (aiohttp.ClientError, asyncio.TimeoutError, ValueError) as error:
            log.warning("Rollcall could not be asked: %r", error)
            if self.fails_open:
                return None
            raise refusal(503, "budgets cannot be checked now; try again in a moment", "budget_check_failed", 1) from error
        if decision["allowed"]:
            return None
        reasons = [reason for reason in decision["reasons"] if reason["code"] in REFUSING]
        message = "; ".join(reason["message"] for reason in reasons)
        if any(reason["code"] != "budgetExceeded" for reason in reasons):
            raise refusal(403, message, "policy_violation")
        raise refusal(429, message, "budget_exceeded", max(map(seconds_to_reset, reasons), default=A_DAY_S))

    async def decide(self, asked):
        if self.client is None:
            # What LiteLLM itself calls providers with; httpx takes several times as long for a question.
            self.client = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=self.timeout_s))
        headers = {"authorization": f"Bearer {self.token}"}
        async with self.client.post(f"{self.url}/v1/decisions", json=asked, headers=headers) as answer:
            text = await answer.text()
        if answer.status != 200:
            raise ValueError(f"it answered {answer.status}: {text[:500]}")
        return json.loads(text)


def question(caller, data):
    """What is asked of a call."""
    model = deployed(data["model"])
    asked = {"apiKeyId": key_id(caller), "model": model, "promptTokens": prompt_tokens(data)}
    most = next((data[name] for name in MOST_TOKENS if isinstance(data.get(name), int)), None)
    named = {
        "projectId": getattr(caller, "project_id", None) or getattr(caller, "team_id", None),
        "userId": getattr(caller, "user_id", None),
        "callId": data.get("litellm_call_id"),
        "maxCompletionTokens": most if most is not None and most >= 0 else None,
    }
    return {**asked, **{name: value for name, value in named.items() if value is not None}}


def key_id(caller):
    """The key as LiteLLM tells it to whoever it logs to: by its hash."""
    key = getattr(caller, "api_key", None) or "none"
    return f"sha256:{hashlib.sha256(key.encode()).hexdigest()}" if key.startswith("sk-") else key


def deployed(model):
    """What stands behind a name of the proxy's: that has a price and a provider. Of several the first."""
    from litellm.proxy import proxy_server

    router = getattr(proxy_server, "llm_router", None)
    deployments = router.get_model_list(model_name=model) if router else None
    return deployments[0]["litellm_params"]["model"] if deployments else model


def prompt_tokens(data):
    texts = {name: data[name] for name in PROMPTS if data.get(name) is not None}
    return ceil(len(json.dumps(texts, default=str, ensure_ascii=False)) / CHARACTERS_OF_A_TOKEN) if texts else 0


def seconds_to_reset(reason):
    if reason.get("resetsAt") is None:
        return A_DAY_S
    resets = datetime.fromisoformat(reason["resetsAt"].replace("Z", "+00:00"))
    return max(1, ceil((resets - datetime.now(timezone.utc)).total_seconds()))


def refusal(status, message, kind, retry_after_s=None):
    headers = {"retry-after": str(retry_after_s)} if retry_after_s else {}
    error = ProxyException(message=message, type=kind, param=None, code=status, headers=headers)
    # Versions that do not know their own exception here take this.
    error.status_code = status
    return error


rollcall_budgets = RollcallBudgets()
