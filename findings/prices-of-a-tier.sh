#!/usr/bin/env bash
# genai-prices prices a flex, priority or batch call as a standard one, though the answer it is handed says the tier.
#
# genai-prices 0.2.3 (PyPI).
#
# It knows these prices, and extract_usage reads a provider's whole answer, with `service_tier` in it. But the tier is
# not read: calc_price must be told it once more as `price_context`. Whatever context it doesn't know is no error and no
# warning but the standard price, and the words are not the providers': OpenAI's flex is {"service_tier": "flex"},
# Anthropic's batch, for which its answer says "service_tier": "batch", is {"processing": "batch"}. Handed Anthropic's
# own word, a batch costs twice what is billed. One-hour cache writes, by contrast, are read and priced as they should.
#
# Seen, for 100,000 tokens in and 10,000 out, in dollars:
#   gpt-5-mini, answer says default                              0.045
#   gpt-5-mini, answer says flex                                 0.045
#   gpt-5-mini, answer says priority                             0.045
#   gpt-5-mini, context {'service_tier': 'flex'}                 0.0225
#   gpt-5-mini, context {'service_tier': 'priority'}             0.081
#   gpt-5-mini, context {'service_tier': 'Flex'}                 0.045
#   claude-sonnet-4-5, answer says standard                      0.45
#   claude-sonnet-4-5, answer says batch                         0.45
#   claude-sonnet-4-5, context {'service_tier': 'batch'}         0.45
#   claude-sonnet-4-5, context {'processing': 'batch'}           0.225
# shellcheck source=common.sh
. "$(dirname "$0")/common.sh"
python_packages genai-prices==0.2.3

cat >see.py <<'PYTHON'
from genai_prices import extract_usage

def openai(tier):
    usage = {"prompt_tokens": 100_000, "completion_tokens": 10_000, "total_tokens": 110_000}
    return {"model": "gpt-5-mini", "service_tier": tier, "usage": usage}

def anthropic(tier):
    usage = {"input_tokens": 100_000, "output_tokens": 10_000, "service_tier": tier}
    return {"model": "claude-sonnet-4-5", "usage": usage}

def priced(answer, provider, flavor, what, context=None):
    usage = extract_usage(answer, provider_id=provider, api_flavor=flavor)
    price = usage.calc_price(price_context=context).total_price
    print(f"{answer['model'] + ', ' + what:60} {price}")

for tier in ["default", "flex", "priority"]:
    priced(openai(tier), "openai", "chat", f"answer says {tier}")
for tier in ["flex", "priority", "Flex"]:
    context = {"service_tier": tier}
    priced(openai(tier.lower()), "openai", "chat", f"context {context}", context)
for tier in ["standard", "batch"]:
    priced(anthropic(tier), "anthropic", "default", f"answer says {tier}")
for context in [{"service_tier": "batch"}, {"processing": "batch"}]:
    priced(anthropic("batch"), "anthropic", "default", f"context {context}", context)
PYTHON

still_prints python see.py
