# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The text of an nginx upstream block: read it, and write it with other servers. Pure functions."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_TOKEN = re.compile(r"""#[^\n]*|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|[{};]|(?:\$\{[^}]*\}|[^\s{};"'])+""")
_ONLY_OF_ONE_SERVER = ("backup", "down", "resolve")  # options that a new server does not inherit


@dataclass(frozen=True)
class Server:
    """One `server` line; `note` (what it is) is no part of its identity."""

    address: str  # host:port, as written
    options: tuple[str, ...] = ()
    note: str = field(default="", compare=False)

    @property
    def host(self) -> str:
        return self.address.rpartition(":")[0] or self.address

    @property
    def port(self) -> int:
        port = self.address.rpartition(":")[2]
        return int(port) if port.isdigit() else 80

    def inherited(self) -> tuple[str, ...]:
        """The options that another server of the same kind gets."""
        return tuple(option for option in self.options if option not in _ONLY_OF_ONE_SERVER)

    def __str__(self) -> str:
        return " ".join((self.address, *self.options)) + (f" ({self.note})" if self.note else "")


@dataclass(frozen=True)
class Block:
    """An upstream block inside a file's text: where it stands, and its parts in order (a Server, or other text verbatim)."""

    name: str
    start: int
    end: int
    parts: tuple

    @property
    def servers(self) -> list[Server]:
        return [part for part in self.parts if isinstance(part, Server)]


def find(text: str, name: str) -> Block | None:
    """The block `upstream <name> {...}` of a configuration file, None where it has none."""
    tokens = [match for match in _TOKEN.finditer(text) if not match.group().startswith("#")]
    for index, token in enumerate(tokens[:-2]):
        words = [tokens[index + offset].group() for offset in range(3)]
        starts = index == 0 or tokens[index - 1].group() in "{};"
        if starts and words[0] == "upstream" and words[1].strip("\"'") == name and words[2] == "{":
            return _block(text, name, token.start(), tokens[index + 2].end())
    return None


def _block(text: str, name: str, start: int, body: int) -> Block | None:
    parts: list = []
    statement: list[re.Match] = []
    depth = 0
    last_line = -1  # the line on which a server ended: a comment behind it belongs to it
    for token in _TOKEN.finditer(text, body):
        word = token.group()
        if word.startswith("#") and not statement:
            if text.count("\n", 0, token.start()) != last_line:
                parts.append(word)
            continue
        if word == "}" and depth == 0:
            return Block(name, start, token.end(), tuple(parts))
        statement.append(token)
        depth += {"{": 1, "}": -1}.get(word, 0)
        if depth == 0 and word in ";}":
            parts.append(_part(text, statement))
            last_line = text.count("\n", 0, token.end()) if isinstance(parts[-1], Server) else -1
            statement = []
    return None


def _part(text: str, statement: list[re.Match]) -> Server | str:
    words = [token.group() for token in statement]
    if words[0] == "server" and words[-1] == ";":
        return Server(words[1], tuple(words[2:-1]))
    return text[statement[0].start() : statement[-1].end()]


def render(text: str, block: Block, ours: set[Server], servers: list[Server]) -> str:
    """The file's text with `servers` in the place of `ours`; everything else of the block and the file stays."""
    first = next((index for index, part in enumerate(block.parts) if part in ours), len(block.parts))
    kept = [[part for part in parts if part not in ours] for parts in (block.parts[:first], block.parts[first:])]
    lines = [f"    {_line(part)}" for part in (*kept[0], *servers, *kept[1])]
    return text[: block.start] + "\n".join((f"upstream {block.name} {{", *lines, "}")) + text[block.end :]


def _line(part: Server | str) -> str:
    if isinstance(part, str):
        return part
    return " ".join(("server", part.address, *part.options)) + ";" + (f"  # {part.note}" if part.note else "")
