"""Whether a call may be made, asked of LiteLLM's own budget checks and of Rollcall, by turns, for the same keys.

`make compare-budgets` runs it. LiteLLM's checks run in this process, as they do in its proxy, with what is spent in its
memory: no database, no Redis, the least that they can cost. Of LiteLLM a key has three budgets that it looks at (its own,
its team's and its member's in the team), of Rollcall four (the organization's as well), and Rollcall reserves the call's
estimate. Rollcall runs in a process of its own and is asked over HTTP: by the hook of deploy/litellm, and by a bare socket.
"""

import asyncio
import importlib.metadata
import importlib.util
import json
import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
import litellm  # noqa: E402
from litellm.proxy.auth import auth_checks  # noqa: E402
from litellm.proxy._types import LiteLLM_BudgetTable, LiteLLM_TeamMembership, LiteLLM_TeamTable, UserAPIKeyAuth  # noqa: E402
from litellm.proxy.proxy_server import proxy_logging_obj, user_api_key_cache  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent.parent
TOKEN = "operator-token-of-the-comparison"
KEYS, MEMBERS, PROJECTS = 500, 200, 50
QUESTIONS, ROUNDS = 1000, 15
FAR = 1e8


class LiteLlm:
    """LiteLLM's checks of a key's budget, its team's and its member's, as its proxy makes them before a call."""

    def __init__(self):
        budget = LiteLLM_BudgetTable(budget_id="b", max_budget=FAR)
        self.of = []
        for key in range(KEYS):
            team, user = f"project-{key % PROJECTS}", f"user-{key % MEMBERS}"
            token = UserAPIKeyAuth(token=f"key-{key}", spend=1.0, max_budget=FAR, user_id=user, team_id=team)
            membership = LiteLLM_TeamMembership(user_id=user, team_id=team, budget_id="b", spend=1.0, litellm_budget_table=budget)
            self.of.append((token, LiteLLM_TeamTable(team_id=team, spend=1.0, max_budget=FAR), membership))

    async def ask(self, number):
        token, team, membership = self.of[number * 7 % KEYS]
        await auth_checks.virtual_key_max_budget_check(valid_token=token, proxy_logging_obj=proxy_logging_obj)
        await asyncio.gather(
            auth_checks.team_max_budget_check(team_object=team, valid_token=token, proxy_logging_obj=proxy_logging_obj),
            auth_checks._check_team_member_budget(
                team_object=team,
                user_object=None,
                valid_token=token,
                prisma_client=None,
                user_api_key_cache=user_api_key_cache,
                proxy_logging_obj=proxy_logging_obj,
                team_membership=membership,
                team_membership_loaded=True,
            ),
        )

    async def refuses_what_is_spent(self):
        """That what is timed does look at budgets."""
        for part in range(3):
            token, team, membership = (of.model_copy(deep=True) for of in self.of[0])
            if part == 2:
                membership.litellm_budget_table.max_budget = 0.5
            else:
                (token, team)[part].max_budget = 0.5
            self.of[0], kept = (token, team, membership), self.of[0]
            try:
                await self.ask(0)
            except litellm.BudgetExceededError:
                continue
            finally:
                self.of[0] = kept
            raise AssertionError(f"LiteLLM let part {part} through")


class Rollcall:
    """The built server, with a thousand budgets."""

    def __init__(self, directory):
        command = [os.environ["ROLLCALL"], "serve", "--listen", "127.0.0.1:0", "--data-dir", directory]
        environment = {**os.environ, "ROLLCALL_OPERATOR_TOKEN": TOKEN}
        self.process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
        address = next(filter(None, (re.search(r"address=(\S+)", line) for line in self.process.stderr)))[1]
        self.url, (self.host, self.port) = f"http://{address}", address.rsplit(":", 1)

    def fill(self):
        of = {"organizationId": "northwind"}
        members = [{**of, "userId": f"user-{member}", "role": "developer"} for member in range(MEMBERS)]
        keys = [
            {**of, "id": f"key-{key}", "projectId": f"project-{key % PROJECTS}", "createdBy": f"user-{key % MEMBERS}"}
            for key in range(KEYS)
        ]
        self.put("/v1/directory", {"members": members, "apiKeys": keys})
        scopes = [{"kind": "organization"}] * 4 + [{"kind": "member"}] * 4
        scopes += [{"kind": "project", "id": f"project-{number % PROJECTS}"} for number in range(200)]
        scopes += [{"kind": "member", "id": f"user-{number % MEMBERS}"} for number in range(200)]
        scopes += [{"kind": "apiKey", "id": f"key-{number % KEYS}"} for number in range(592)]
        windows = ("day", "week", "month", "total")
        budgets = [
            {**of, "id": f"b{number}", "scope": scope, "limit": {"cost": FAR}, "window": windows[number % 4]}
            for number, scope in enumerate(scopes)
        ]
        self.put("/v1/budgets", {"budgets": budgets})
        os.environ |= {"ROLLCALL_URL": self.url, "ROLLCALL_TOKEN": TOKEN}
        spec = importlib.util.spec_from_file_location("hook", ROOT / "deploy/litellm/rollcall_budgets.py")
        self.hook = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(self.hook)
        self.socket = socket.create_connection((self.host, int(self.port)))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def put(self, path, body):
        headers = {"authorization": f"Bearer {TOKEN}", "content-type": "application/json"}
        request = urllib.request.Request(self.url + path, json.dumps(body).encode(), headers, method="PUT")
        urllib.request.urlopen(request, timeout=60).read()

    def cpu_s(self):
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def question(self, number):
        asked = {"organizationId": "northwind", "apiKeyId": f"key-{number * 7 % KEYS}", "model": "gpt-4o"}
        return {**asked, "callId": f"call-{number}", "promptTokens": 900, "maxCompletionTokens": 90}

    async def ask(self, number):
        body = json.dumps(self.question(number)).encode()
        head = f"POST /v1/decisions HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {TOKEN}\r\n"
        head += f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
        self.socket.sendall(head.encode() + body)
        answer = self.socket.recv(65536)
        assert answer.startswith(b"HTTP/1.1 200") and b'"allowed":true' in answer, answer

    async def ask_by_the_hook(self, number):
        decision = await self.hook.rollcall_budgets.decide(self.question(number))
        assert decision["allowed"], decision


async def timed(ask, first):
    began = time.perf_counter()
    for number in range(first, first + QUESTIONS):
        await ask(number)
    return (time.perf_counter() - began) * 1e6 / QUESTIONS


async def compared(directory):
    theirs, ours = LiteLlm(), Rollcall(directory)
    try:
        ours.fill()
        await theirs.refuses_what_is_spent()
        turns = {"LiteLLM's checks": theirs.ask, "Rollcall by a bare socket": ours.ask, "Rollcall by the hook": ours.ask_by_the_hook}
        times, cpu = {name: [] for name in turns}, []
        for round in range(ROUNDS + 1):
            for turn, (name, ask) in enumerate(turns.items()):
                before = ours.cpu_s()
                took = await timed(ask, (round * len(turns) + turn) * QUESTIONS)
                # The first round warms up.
                if round > 0:
                    times[name].append(took)
                    if ask == ours.ask:
                        cpu.append((ours.cpu_s() - before) * 1e6 / QUESTIONS)
        await ours.hook.rollcall_budgets.client.close()
    finally:
        ours.process.kill()
        ours.process.wait()
    version = importlib.metadata.version("litellm")
    print(f"LiteLLM {version}, Python {sys.version.split()[0]}, medians of {ROUNDS} rounds of {QUESTIONS} questions by turns")
    medians = {name: statistics.median(taken) for name, taken in times.items()}
    for name, taken in times.items():
        ratio = medians[name] / medians["LiteLLM's checks"]
        print(f"{name}: {medians[name]:.0f} µs ({min(taken):.0f} to {max(taken):.0f}), {ratio:.2f} times LiteLLM's checks")
    print(f"of which the server's processor time by a bare socket: {statistics.mean(cpu):.0f} µs")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as directory:
        asyncio.run(compared(directory))
