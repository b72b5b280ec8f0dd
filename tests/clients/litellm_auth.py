"""The keys of the proxy under test. LiteLLM asks this instead of a database, which keys of its own would need."""

from litellm.proxy._types import ProxyException, UserAPIKeyAuth

ALICE = {"user_id": "alice", "user_email": "alice@acme.example"}
BOB = {"user_id": "bob", "user_email": "bob@acme.example"}
SEARCH = {"team_id": "search", "team_alias": "Search"}
DATA = {"team_id": "data", "team_alias": "Data"}
KEYS = {
    "sk-alice-web": {**ALICE, **SEARCH},
    "sk-alice-cli": {**ALICE, **DATA},
    "sk-bob-batch": {**BOB, **DATA},
    "sk-nightly": {},
}


async def user_api_key_auth(_request, api_key: str) -> UserAPIKeyAuth:
    if api_key not in KEYS:
        raise ProxyException(message="no such key", type="auth_error", param=None, code=401)
    return UserAPIKeyAuth(api_key=api_key, key_alias=api_key.removeprefix("sk-"), **KEYS[api_key])
