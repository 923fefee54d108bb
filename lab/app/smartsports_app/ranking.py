"""How the shop ranks: recommendations, search results, fans' posts. Plain functions over plain data."""

from __future__ import annotations

import math
import re
from collections import Counter
from html import escape

_WORD = re.compile(r"[^\W_]+")
_MENTION = re.compile(r"@(\w+)")
_HASHTAG = re.compile(r"#(\w+)")


def words(text: str) -> list[str]:
    return [word.lower() for word in _WORD.findall(text)]


class Catalogue:
    """The events on sale as weighted terms, made once for each version of the list."""

    def __init__(self, events: list[dict]) -> None:
        self.events = events
        terms = {
            event["id"]: Counter([*event["tags"], *words(event["title"]), event["competition"].lower(), *words(event["venue"])])
            for event in events
        }
        spread = Counter(term for counts in terms.values() for term in counts)
        rarity = {term: math.log(1 + len(events) / count) for term, count in spread.items()}
        self.vectors = {
            number: _unit({term: count * rarity[term] for term, count in counts.items()}) for number, counts in terms.items()
        }


def recommend(catalogue: Catalogue, interests: list[tuple[int, float]], count: int = 8) -> list[dict]:
    """The events nearest to what the visitor looked at and bought, each unlike those before it (maximal marginal relevance)."""
    profile: dict[str, float] = {}
    for number, weight in interests:
        for term, value in catalogue.vectors.get(number, {}).items():
            profile[term] = profile.get(term, 0.0) + weight * value
    profile = _unit(profile)
    seen = {number for number, _ in interests}
    relevance = {}
    for place, event in enumerate(catalogue.events):
        soon = 1 / (1 + place / 20)
        scarce = 1 - event["available"] / max(1, event["seats"])
        relevance[event["id"]] = (
            0.7 * _dot(profile, catalogue.vectors[event["id"]]) + 0.2 * soon + 0.1 * scarce - (0.2 if event["id"] in seen else 0)
        )
    likeness = dict.fromkeys(relevance, 0.0)
    events = {event["id"]: event for event in catalogue.events}
    chosen = []
    while relevance and len(chosen) < count:
        best = max(relevance, key=lambda number: 0.7 * relevance[number] - 0.3 * likeness[number])
        event = events[best]
        chosen.append(
            {
                "id": best,
                "title": event["title"],
                "venue": event["venue"],
                "from_price": event["from_price"],
                "score": round(relevance.pop(best), 4),
            }
        )
        for number in relevance:
            likeness[number] = max(likeness[number], _dot(catalogue.vectors[best], catalogue.vectors[number]))
    return chosen


def search_results(query: str, rows: list, snippets: bool, count: int = 20) -> list[dict]:
    """BM25 over what the database found, with the query's words marked in a piece of the text."""
    asked = set(words(query))
    documents = [words(f"{row['title']} {row['title']} {row['description']}") for row in rows]
    mean = sum(map(len, documents)) / max(1, len(documents))
    counts = [Counter(document) for document in documents]
    rarity = {word: math.log(1 + (len(rows) + 0.5) / (0.5 + sum(word in count for count in counts))) for word in asked}
    results = []
    for row, document, found in zip(rows, documents, counts, strict=True):
        score = sum(
            rarity[word] * found[word] * 2.2 / (found[word] + 1.2 * (0.25 + 0.75 * len(document) / mean)) for word in asked
        )
        results.append((score, row))
    results.sort(key=lambda entry: (-entry[0], entry[1]["id"]))
    return [
        {
            "id": row["id"],
            "title": row["title"],
            "score": round(score, 3),
            **({"snippet": _snippet(row["description"], asked)} if snippets else {}),
        }
        for score, row in results[:count]
    ]


def _snippet(text: str, asked: set[str], size: int = 24) -> str:
    """The piece of the text with most of the words asked for, as HTML."""
    tokens = text.split()
    hits = [any(word in asked for word in words(token)) for token in tokens]
    start = max(range(max(1, len(tokens) - size)), key=lambda first: sum(hits[first : first + size]))
    piece = zip(tokens[start : start + size], hits[start : start + size], strict=True)
    return " ".join(f"<mark>{escape(token)}</mark>" if hit else escape(token) for token, hit in piece)


def fan_posts(rows: list, count: int = 10) -> dict:
    """The hottest posts as HTML, and the hashtags that trend."""
    tags: Counter = Counter()
    ranked = []
    for row in rows:
        hours = row["age"] / 3600
        heat = (row["likes"] + 1) / (hours + 2) ** 1.5
        found = _HASHTAG.findall(row["body"])
        for tag in found:
            tags[tag] += heat
        body = _HASHTAG.sub(r'<a href="/tags/\1">#\1</a>', _MENTION.sub(r'<a href="/fans/\1">@\1</a>', escape(row["body"])))
        ranked.append(
            (heat, {"id": row["id"], "author": row["author"], "html": f"<p>{body}</p>", "likes": row["likes"], "tags": found})
        )
    ranked.sort(key=lambda entry: -entry[0])
    return {
        "posts": [post for _, post in ranked[:count]],
        "trending": [{"tag": tag, "heat": round(heat, 3)} for tag, heat in tags.most_common(8)],
    }


def _unit(vector: dict[str, float]) -> dict[str, float]:
    length = math.sqrt(sum(value * value for value in vector.values())) or 1.0
    return {term: value / length for term, value in vector.items()}


def _dot(left: dict[str, float], right: dict[str, float]) -> float:
    if len(left) > len(right):
        left, right = right, left
    return sum(value * right.get(term, 0.0) for term, value in left.items())
