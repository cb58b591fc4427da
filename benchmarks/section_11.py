"""What a small language model says about the listeners, albums and films of section 1.1.

    python benchmarks/section_11.py          # about two minutes of one core

This takes longer than a chapter may, so the chapter reads what this script wrote, and asks the
model again for a few, to see that they agree. Answers stand under the hash of their prompt: when
the chapter's wording changes, it no longer finds them, and this script must be changed and run.

choose      interest mining: scores of the genres, for each listener
generate    blurbs of albums; explanations of films, from memory and from the record
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pandas as pd

from causalrec_utils import datasets, llm, text

TARGET = Path(__file__).resolve().parent.parent / "causalrec_utils" / "llm" / "recorded.json"
INTEREST = (
    "A listener wrote about three albums:\n{}\nWhich genre of music does this listener like best?"
)
BLURB = "Say in one sentence what this album sounds like: {}"
EXPLAIN = "A film: {}. {}Recommend it to a viewer: say in one sentence what kind of film it is.{}"


def start(words: str, n: int) -> str:
    return " ".join(words.split()[:n])


def listeners(reviews: pd.DataFrame) -> pd.Series:
    """The three latest liked reviews before the last one, of people who have three.

    Days are all that is known of the time, so lots decide the order within a day.
    """
    reviews = reviews.sample(frac=1, random_state=11).sort_values("timestamp", kind="stable")
    last = reviews.groupby("user").cumcount(ascending=False) == 0
    liked = reviews[~last & (reviews["rating"] >= 4) & reviews["text"].notna()]
    three = liked.groupby("user").tail(3)
    three = three[three.groupby("user")["item"].transform("size") == 3]
    words = [f"- {start(t, 25)}" for t in text.clean(three["text"]).texts]
    return pd.Series(words, index=three["user"]).groupby(level=0).agg("\n".join)


def main() -> None:
    reviews, items, _ = datasets.load_amazon_digital_music()
    albums = items[items["item"].isin(reviews["item"])]
    model = llm.load()

    counts = albums["genre"].value_counts()
    genres = sorted(counts.index[counts >= 5])
    some = listeners(reviews).sample(200, random_state=11).sort_index()
    asked = [INTEREST.format(lines) for lines in some]
    premise = INTEREST.format("- (nothing)")
    chosen = model.choose_many(asked, genres, correction="surface", premise=premise)
    scores = [[round(s, 3) for s in choice.scores] for choice in chosen]

    described = albums[albums["description"].fillna("").str.split().str.len() >= 30]
    described = described.sample(80, random_state=11).sort_index()
    lines = described["title"] + ", an album of " + described["genre"].astype(str) + " music."
    prompts = [BLURB.format(line) for line in text.clean(lines).texts]

    ratings, _, films = datasets.load_movielens_100k()
    likes = ratings.loc[ratings["rating"] >= 4, "item"].value_counts()
    films = films[films["item"].map(likes).fillna(0).ge(50) & films["year"].notna()]
    films = films.sample(80, random_state=11)
    names = films["title"].str.replace(r"^(.*?), (The|A|An)\b", r"\2 \1", regex=True)
    for name, year, kinds in zip(names, films["year"], films["genres"], strict=True):
        facts = f"Year: {year}. Genres: {kinds.replace(' ', ', ')}. "
        prompts.append(EXPLAIN.format(name, "", ""))
        prompts.append(EXPLAIN.format(name, facts, " Use only these facts."))
    print(len(asked), "listeners,", len(described), "albums,", len(films), "films")
    written = model.generate(prompts, max_tokens=28, stop="\n")

    def keyed(prompts: list[str], answers: list) -> dict[str, object]:
        keys = [hashlib.sha256(prompt.encode()).hexdigest()[:12] for prompt in prompts]
        return dict(sorted(zip(keys, answers, strict=True)))

    record = {"choose": keyed(asked, scores), "generate": keyed(prompts, written)}
    TARGET.write_text(json.dumps(record, separators=(",", ":")) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
