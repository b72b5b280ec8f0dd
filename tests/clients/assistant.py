"""What a program with PyPI's mcp gets: beginning with server/discover, with initialize, with neither, and over standard
input; run by assistants.py in an environment of its own."""

import asyncio
import json
import os

import httpx2
from mcp import Client, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError

DAY = {"organizationId": "assistants", "from": "2026-06-01", "to": "2026-06-01"}


def over_http(token):
    client = httpx2.AsyncClient(headers={"authorization": f"Bearer {token}"}, timeout=60)
    return streamable_http_client(f"{os.environ['ROLLCALL_URL']}/mcp", http_client=client)


def over_stdio(token):
    arguments = ["mcp", "--url", os.environ["ROLLCALL_URL"]]
    return StdioServerParameters(command=os.environ["BINARY"], args=arguments, env={"ROLLCALL_TOKEN": token})


async def told(connect, mode):
    got = {}
    async with Client(connect(os.environ["ADA"]), mode=mode) as client:
        got["version"] = client.protocol_version
        got["tools"] = sorted(tool.name for tool in (await client.list_tools()).tools)
        got["user"] = (await client.call_tool("whoami", {})).structured_content["user"]["id"]
        # Compared with the tool's outputSchema by the client.
        activity = await client.call_tool("activity", DAY)
        got["cost"] = activity.structured_content["totals"]["cost"]
        got["text"] = json.loads(activity.content[0].text)["totals"]["cost"]
        page = await client.read_resource("rollcall://docs/analytics.md")
        got["page"] = page.contents[0].text.startswith("# ")
    async with Client(connect(os.environ["DEV"]), mode=mode) as client:
        try:
            await client.call_tool("members", DAY)
        except MCPError as error:
            got["refusal"] = error.error.message
    return got


async def main():
    ways = {
        "beginning with server/discover": (over_http, "auto"),
        "beginning with initialize": (over_http, "legacy"),
        "beginning with neither": (over_http, "2026-07-28"),
        "over stdio": (over_stdio, "auto"),
        "over stdio, beginning with initialize": (over_stdio, "legacy"),
    }
    print(json.dumps({who: await told(*way) for who, way in ways.items()}))


asyncio.run(main())
