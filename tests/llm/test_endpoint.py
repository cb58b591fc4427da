"""A server on this machine that speaks the OpenAI protocol, or breaks it."""

from __future__ import annotations

import pytest

from causalrec_utils import llm
from causalrec_utils.llm import _endpoint


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    monkeypatch.setattr(_endpoint, "WAIT", 0.0)


@pytest.fixture
def model(server):
    return llm.load(server.url, model="small", cache="off")


def test_text(server, model):
    server.says(" Paris. ")
    said = model.generate(["a", "b"], system="be brief", max_tokens=5, stop="\n", temperature=0.5)
    assert said == ["Paris.", "Paris."]
    first = server.asked[0]
    assert first["path"] == "/v1/chat/completions"
    assert first["model"] == "small"
    assert first["messages"] == [
        {"role": "system", "content": "be brief"},
        {"role": "user", "content": "a"},
    ]
    assert (first["max_tokens"], first["stop"], first["seed"]) == (5, ["\n"], 0)
    assert "Authorization" not in server.headers[0]


def test_letters_with_likelihoods(server, model):
    server.says("A", {"A": -0.2, " A": -3.0, "B": -1.5})
    choice = model.choose("Which?", ["tea", "rum"])
    # the server likes the first letter, whatever it stands for
    assert choice.answer is None
    assert choice.method == "letters"
    assert choice.first_bias > 1
    assert choice.agreement == 0.5
    shown = [asked["messages"][-1]["content"] for asked in server.asked]
    assert "A. rum\nB. tea" in shown[0]
    assert "A. tea\nB. rum" in shown[1]


def test_letters_without_likelihoods(server, model):
    server.says("A. rum")
    server.says("B")
    choice = model.choose("Which?", ["tea", "rum"])
    assert choice.answer == "rum"
    assert choice.margin == pytest.approx(1)
    server.replies.clear()
    server.says("I can not say")
    assert model.choose("Which?", ["tea", "rum"]).answer is None


def test_order_of_options_does_not_matter(server, model):
    server.says("A", {"A": -0.5, "B": -1.0, "C": -4.0})
    one, two = model.choose("?", ["x", "z", "y"]), model.choose("?", ["y", "x", "z"])
    assert one.probabilities == two.probabilities


def test_answers_are_kept(server, cache):
    server.says("Paris")
    model = llm.load(server.url, model="small")
    assert model.generate("a") == "Paris"
    server.http.shutdown()
    server.http.server_close()
    assert llm.load(server.url, model="small").generate("a") == "Paris"
    with pytest.raises(llm.ModelUnavailable, match="can't be reached"):
        llm.load(server.url, model="large").generate("a")


def test_key_is_sent_and_never_shown(server, monkeypatch):
    monkeypatch.setenv("MY_KEY", "sesame")
    model = llm.load(server.url, model="small", key_env="MY_KEY", cache="off")
    server.says("yes")
    model.generate("a")
    assert server.headers[0]["Authorization"] == "Bearer sesame"
    server.replies = [(401, {"error": "no"})]
    with pytest.raises(llm.ModelUnavailable, match=r"refuses the key of MY_KEY \(HTTP 401\)") as e:
        model.generate("a")
    assert "sesame" not in str(e.value) + repr(model) + model.key


def test_missing_key(server, monkeypatch):
    model = llm.load(server.url, model="small", key_env="MY_KEY", cache="off")
    with pytest.raises(llm.ModelUnavailable, match="set the environment variable MY_KEY"):
        model.generate("a")
    far = llm.load("https://api.example.org/v1", model="m", cache="off")
    with pytest.raises(llm.ModelUnavailable, match="variable OPENAI_API_KEY"):
        far.choose("a", ["b", "c"])
    assert server.asked == []


def test_tries_again_when_the_server_is_busy(server, model):
    server.replies = [(429, {}), (503, {})]
    server.says("yes")
    assert model.generate("a") == "yes"
    server.replies = [(500, b"oh dear")]
    with pytest.raises(llm.ModelUnavailable, match="HTTP 500 oh dear"):
        model.generate("a")
    assert len(server.asked) == 6


@pytest.mark.parametrize("content", [b"<html>", {}, {"choices": []}, [1]])
def test_other_formats(server, model, content):
    server.replies = [(200, content)]
    with pytest.raises(llm.ModelUnavailable, match="not in the OpenAI chat format"):
        model.generate("a")


def test_redirects_are_not_followed(server, model, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sesame")
    server.replies = [(302, b"")]
    with pytest.raises(llm.ModelUnavailable, match="HTTP 302"):
        model.generate("a")
    assert [asked["path"] for asked in server.asked] == ["/v1/chat/completions"]


def test_what_servers_can_not_do(server, model):
    with pytest.raises(ValueError, match='correction="surface" needs likelihoods'):
        model.choose("a", ["b", "c"], correction="surface")
    with pytest.raises(ValueError, match="at most 20 options"):
        model.choose("a", [str(i) for i in range(21)])
    with pytest.raises(TypeError, match="runs on a server"):
        llm.benchmark(model)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("http://api.example.org/v1", "over https only"),
        ("https://me:secret@api.example.org/v1", "must not hold a password"),
        ("https://api.example.org/v1?key=secret", "must not hold a password"),
    ],
)
def test_unsafe_addresses(url, message):
    with pytest.raises(ValueError, match=message) as caught:
        llm.load(url, model="m")
    assert "secret" not in str(caught.value)
