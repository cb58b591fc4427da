"""The disk cache: replay without a model, refresh, off, what a key depends on, two processes."""

from __future__ import annotations

import sqlite3
import subprocess
import sys

import pytest

from causalrec_utils import llm
from causalrec_utils.llm import _answers, _model

ASK = [
    lambda m, **s: m.generate(["the cat", "q?"], max_tokens=4, **s),
    lambda m, **s: m.choose("the cat", ["a", "b b"], correction="surface", listed=True, **s),
]


class Explode:
    def __init__(self, *args, **kwargs):
        raise AssertionError("the model was read")


@pytest.mark.parametrize("ask", ASK)
def test_replay_needs_no_model(folder, cache, monkeypatch, ask):
    first = ask(llm.load(folder))
    monkeypatch.setattr(_model, "Local", Explode)
    assert ask(llm.load(folder)) == first
    for how in ("refresh", "off"):
        with pytest.raises(AssertionError, match="the model was read"):
            ask(llm.load(folder), cache=how)
        with pytest.raises(AssertionError, match="the model was read"):
            ask(llm.load(folder, cache=how))


def test_default_model_replays_without_its_file(cache, monkeypatch):
    monkeypatch.setenv("CAUSALREC_OFFLINE", "1")
    model = llm.load()
    request = {"prompt": "hi", "system": None, "options": ["a", "b"]}
    _answers.write({_answers.key_of(model.key, "score", request): [[-1.0, 1], [-2.0, 1]]})
    assert model.choose("hi", ["b", "a"]).answer == "a"


def test_refresh_replaces_and_off_writes_nothing(folder, cache):
    model = llm.load(folder)
    truth = model.generate("the cat", max_tokens=4, cache="off")
    assert not (cache / "llm").exists()
    model.generate("the cat", max_tokens=4)
    with sqlite3.connect(cache / "llm" / "answers.sqlite") as connection:
        connection.execute("UPDATE answers SET answer = '\"old\"'")
    connection.close()
    assert model.generate("the cat", max_tokens=4) == "old"
    assert model.generate("the cat", max_tokens=4, cache="off") == truth
    assert model.generate("the cat", max_tokens=4) == "old"
    assert model.generate("the cat", max_tokens=4, cache="refresh") == truth
    assert model.generate("the cat", max_tokens=4) == truth


def test_what_the_key_depends_on(folder, plain_folder, cache):
    base = {"prompt": "p", "system": None, "max_tokens": 4, "temperature": 0.0}
    keys = {_answers.key_of("m", "generate", base), _answers.key_of("n", "generate", base)}
    keys.add(_answers.key_of("m", "score", base))
    for change in ({"prompt": "p "}, {"system": "s"}, {"max_tokens": 5}, {"temperature": 1.0}):
        keys.add(_answers.key_of("m", "generate", {**base, **change}))
    assert len(keys) == 7
    names = [llm.load(f, dtype=d).key for f in (folder, plain_folder) for d in ("float32", "half")]
    assert len(set(names)) == 4


def test_equal_prompts_are_asked_once(folder, cache, monkeypatch):
    model = llm.load(folder)
    asked = []
    inner = model.local.generate
    monkeypatch.setattr(model.local, "generate", lambda r: asked.extend(r) or inner(r))
    answers = model.generate(["a", "b", "a"], max_tokens=2)
    assert len(asked) == 2
    assert answers[0] == answers[2]


def test_answers_before_an_interruption_are_kept(folder, cache, monkeypatch):
    model = llm.load(folder)

    def broken(requests):
        yield 0, "done"
        raise KeyboardInterrupt

    monkeypatch.setattr(model.local, "generate", broken)
    with pytest.raises(KeyboardInterrupt):
        model.generate(["a", "b"], max_tokens=2)
    assert model.generate("a", max_tokens=2) == "done"


def test_many_keys(cache):
    answers = {f"key {i}": i for i in range(1700)}
    _answers.write(answers)
    assert _answers.read(answers) == answers
    assert _answers.read(["other"]) == {}


def test_two_processes_write_at_once(cache):
    code = (
        "import sys; from causalrec_utils.llm import _answers\n"
        "for i in range(60): _answers.write({f'{sys.argv[1]} {i}': i})"
    )
    running = [subprocess.Popen([sys.executable, "-c", code, name]) for name in "ab"]
    assert [process.wait() for process in running] == [0, 0]
    keys = [f"{name} {i}" for name in "ab" for i in range(60)]
    assert len(_answers.read(keys)) == 120


def test_broken_file_says_what_to_do(cache):
    (cache / "llm").mkdir(parents=True)
    (cache / "llm" / "answers.sqlite").write_bytes(b"no database" * 100)
    with pytest.raises(OSError, match=r'answers.sqlite can\'t be used .* delete it.*cache="off"'):
        _answers.read(["a"])
