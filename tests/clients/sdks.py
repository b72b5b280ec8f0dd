"""Programs with an SDK each: `sdks.py NAME` asks one agent with a tool. What sets up the telemetry stands beside it as
telemetry.py, just as docs/feeds.md shows it.
"""

import asyncio
import os
import sys

PROVIDER = os.environ["PROVIDER_URL"]
KEY = "sk-provider"
MODEL = "gpt-5-mini"


def look() -> str:
    """Looks."""
    return "seen"


def openai_agents():
    from agents import Agent, ModelSettings, OpenAIProvider, RunConfig, Runner, function_tool

    agent = Agent(name="agent", model=MODEL, tools=[function_tool(look)])
    provider = OpenAIProvider(api_key=KEY, base_url=f"{PROVIDER}/v1", use_responses=True)
    Runner.run_sync(agent, "Look", run_config=RunConfig(model_provider=provider))


def langchain():
    from langchain.agents import create_agent
    from langchain_openai import ChatOpenAI

    model = ChatOpenAI(model=MODEL, api_key=KEY, base_url=f"{PROVIDER}/v1", max_retries=0)
    create_agent(model, [look]).invoke({"messages": [{"role": "user", "content": "Look"}]})


def pydantic_ai():
    import openai
    from pydantic_ai import Agent
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.providers.openai import OpenAIProvider

    client = openai.AsyncOpenAI(base_url=f"{PROVIDER}/v1", api_key=KEY, max_retries=0)
    agent = Agent(OpenAIChatModel(MODEL, provider=OpenAIProvider(openai_client=client)), name="agent")
    agent.tool_plain(look)
    agent.run_sync("Look")


def google_adk():
    from google.adk.agents import Agent
    from google.adk.runners import InMemoryRunner
    from google.genai import types

    agent = Agent(name="agent", model="gemini-2.5-flash", tools=[look])

    async def ask():
        runner = InMemoryRunner(agent, app_name="app")
        session = await runner.session_service.create_session(app_name="app", user_id="mina@example.com")
        text = types.Content(role="user", parts=[types.Part(text="Look")])
        async for event in runner.run_async(user_id="mina@example.com", session_id=session.id, new_message=text):
            if event.error_code:
                raise RuntimeError(event.error_code)

    asyncio.run(ask())


def strands():
    import telemetry
    from strands import Agent, tool
    from strands.models.openai import OpenAIModel

    model = OpenAIModel(client_args={"api_key": KEY, "base_url": f"{PROVIDER}/v1", "max_retries": 0}, model_id=MODEL)
    Agent(model=model, tools=[tool(look)], trace_attributes=telemetry.person)("Look")


PROGRAMS = [openai_agents, langchain, pydantic_ai, google_adk, strands]


def main():
    # LangSmith is set up by its variables alone.
    tracing = None
    if os.path.exists(os.path.join(os.path.dirname(__file__), "telemetry.py")):
        from telemetry import tracing
    failure = None
    try:
        {program.__name__: program for program in PROGRAMS}[sys.argv[1]]()
    except Exception as error:
        failure = error
    if tracing:
        tracing.force_flush()
        tracing.shutdown()
    if (failure is None) != (os.environ["SITUATION"] == "work"):
        raise failure or RuntimeError("nothing was refused")


if __name__ == "__main__":
    main()
