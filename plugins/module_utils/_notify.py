# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What people are told in their chat: a message to an incoming webhook in Slack's format, each event at most once.

`sent/<record id>.jsonl` remembers {at, event, run, result, reason} in two lines for each event: `sending` before it is told, so that a run which
is killed and run again does not tell it twice, and after it `told`, `failed` (it may be tried again) or `unclear` (it may have been heard, and is
not). community.general.slack speaks to slack.com alone, so this speaks HTTP itself.
"""

from __future__ import annotations

import html
import os
from collections.abc import Callable
from contextlib import suppress

from ansible_collections.smartsports.scaling.plugins.module_utils import _clock, _journal
from ansible_collections.smartsports.scaling.plugins.module_utils._lane import Refusal
from ansible_collections.smartsports.scaling.plugins.module_utils._parallel import gather
from ansible_collections.smartsports.scaling.plugins.module_utils._state import State
from ansible_collections.smartsports.scaling.plugins.module_utils._web import requests, require_requests

# The chat, as an option of the modules that speak to it. `platform`: its name; `look`: the command that shows more.
CHAT = {
    "chat": {
        "type": "dict",
        "apply_defaults": True,
        "options": {
            "webhook_url": {"type": "str", "no_log": True, "default": ""},
            "platform": {"type": "str", "default": ""},
            "look": {"type": "str", "default": "ansible-playbook playbooks/timeline.yml"},
        },
    }
}
SECONDS = 1.0
FAILURES = ("failed", "unclear")
Events = dict[tuple[str, str], str]  # (event, run or '') -> what is told of it
_LONGEST = 400  # characters of a sentence


def beside(state: State, chat: dict, record: dict, events: Events) -> None:
    """`send` in a process of its own: whatever the chat does, the run does not wait for it."""
    if chat["webhook_url"]:
        _detached(lambda: send(state, chat, record, events))


def send(state: State, chat: dict, record: dict, events: Events) -> tuple[Events, str]:
    """Tell `events` of a record in one message: those that are told now, and what went wrong or ''. Without a chat they only count as told."""
    with state.locked():
        fresh = unsent(state, record["id"], events)
        silent_before = _last(state, record["id"]) in FAILURES
        _remember(state, record["id"], fresh, "sending")
    if not fresh:
        return {}, ""
    result, reason = (
        _post(chat["webhook_url"], _text(chat, record, list(fresh.values()))) if chat["webhook_url"] else ("told", "")
    )
    _remember(state, record["id"], fresh, result, reason)
    if state.read(f"records/{record['id']}.json") is None:  # discarded meanwhile: nothing is left of it
        state.remove(_name(record["id"]))
    elif reason and not silent_before:
        _journal.note(state, record["id"], event="note", result="failed", reason=reason)
    return fresh, reason


def unsent(state: State, record_id: str, events: Events) -> Events:
    """Those of `events` that are still to be told."""
    last = {(line["event"], line["run"]): line["result"] for line in state.lines(_name(record_id))}
    return {key: sentence for key, sentence in events.items() if last.get(key, "failed") == "failed"}


def failures(state: State, record_id: str, run: str) -> list[str]:
    """What went wrong when a run's events were told, each once."""
    return list(dict.fromkeys(line["reason"] for line in state.lines(_name(record_id)) if line["run"] == run and line["reason"]))


def _remember(state: State, record_id: str, events: Events, result: str, reason: str = "") -> None:
    for event, run in events:
        state.append(_name(record_id), {"at": _clock.text(), "event": event, "run": run, "result": result, "reason": reason})


def _last(state: State, record_id: str) -> str:
    """How the message before this one ended."""
    return next((line["result"] for line in reversed(state.lines(_name(record_id))) if line["result"] != "sending"), "")


def _text(chat: dict, record: dict, sentences: list[str]) -> str:
    about = " ".join(part for part in (chat["platform"], record["severity"], record["kind"], record["id"]) if part)
    lines = [" ".join(sentence.split()) for sentence in sentences]
    short = [line if len(line) <= _LONGEST else f"{line[:_LONGEST]}..." for line in lines]
    return "\n".join([about, *short, f"look: {chat['look']}"])


def _post(url: str, text: str) -> tuple[str, str]:
    """(told, failed or unclear; what went wrong). The URL is a secret: no error's own text is shown, since it names it."""

    def post() -> int:
        # '<' begins a mention in Slack's format, and a reason that somebody typed calls nobody.
        message = {"text": html.escape(text, quote=False)}
        return requests.post(url, json=message, timeout=SECONDS, allow_redirects=False).status_code

    try:
        require_requests()
        answer = gather({"chat": post}, SECONDS)["chat"]  # a time-out of requests starts again with each byte
    except Refusal as refusal:
        return "failed", f"the chat was not told: {refusal}"
    if isinstance(answer, int):
        return ("told", "") if answer < 300 else ("failed", f"the chat was not told: its webhook answered {answer}.")
    if isinstance(answer, (TimeoutError, requests.exceptions.ReadTimeout)):
        return "unclear", f"the chat may not have been told: its webhook did not answer within {SECONDS:g} s."
    return "failed", f"the chat was not told: its webhook cannot be reached ({type(answer).__name__})."


def _detached(work: Callable[[], object]) -> None:
    """Done by a child that outlives this process, which ends soon, and that holds nobody's output open."""
    with suppress(OSError):  # no process more: a response does not fail for that
        if os.fork():
            return
        try:
            os.setsid()
            nothing = os.open(os.devnull, os.O_RDWR)
            for descriptor in (0, 1, 2):
                os.dup2(nothing, descriptor)
            work()
        finally:
            os._exit(0)


def _name(record_id: str) -> str:
    return f"sent/{record_id}.jsonl"
