"""Made-up texts whose personal data are marked, and texts that only look as if they had some."""

from __future__ import annotations

import numpy as np

Labelled = tuple[str, dict[str, list[tuple[int, int]]]]

FIRST = [
    "Anna",
    "Ben",
    "Chloe",
    "Dmitri",
    "Elena",
    "Farid",
    "Grace",
    "Hugo",
    "Ines",
    "João",
    "Katarzyna",
    "Liam",
    "Mei",
    "Noor",
    "Óscar",
    "Priya",
    "Quentin",
    "Rosa",
    "Sven",
    "Tom",
]
LAST = [
    "Adams",
    "Brown",
    "Chen",
    "Diaz",
    "Eriksson",
    "Fischer",
    "García",
    "Hall",
    "Ivanov",
    "Jones",
    "Kowalski",
    "López",
    "Müller",
    "Nguyen",
    "O'Brien",
    "Patel",
    "Rossi",
    "Smith-Clark",
    "Tanaka",
    "Wójcik",
]
STREETS = [
    "Oak",
    "Maple",
    "Elm",
    "Park",
    "High",
    "Mill",
    "Station",
    "Church",
    "Victoria",
    "Lincoln",
    "Baker",
    "Queen",
]
KINDS_OF_STREET = [
    "Street",
    "St",
    "Avenue",
    "Ave",
    "Road",
    "Rd",
    "Lane",
    "Drive",
    "Boulevard",
    "Court",
    "Place",
    "Way",
]
TOWNS = ["Springfield, IL 62704", "Austin, TX 78701", "London NW1 6XE", "Leeds, LS1 4AP", ""]
PLAIN = [
    "I bought this album in 1999 and still play it every day.",
    "Track 7 runs 3:45, track 12 runs 10:02.",
    "It cost $1,299.99, down from $1,499.00 last week.",
    "Released 2014-05-28, re-released 05/28/2015 and 28.05.2016.",
    "ISBN 978-0-306-40615-7 is the companion book.",
    "Order 1234567890 arrived on time, tracking 9400110200881234567890.",
    "Version 10.15.7 of the player works at 192.168.10.24 too.",
    "The ratio was 12345 to 67890 among 5000000 listeners.",
    "3 Easy Ways To Learn The Blues",
    "2 Men On The Street explain jazz.",
    "Ask @someone or see example.com/music for more.",
    "The drive from Place to place takes 20 minutes.",
    "Hi there, this is what I think: great.",
    "Dear Customer, thanks for everything.",
    "这张专辑很好听，2020年买的，花了128元。",
]


def number(rng: np.random.Generator, digits: int) -> str:
    return "".join(str(digit) for digit in rng.integers(0, 10, digits))


def with_luhn(start: str, length: int, rng: np.random.Generator, *, right: bool = True) -> str:
    """A card number, or one that is wrong in its last digit."""
    body = start + number(rng, length - 1 - len(start))
    total = sum(
        sum(divmod(2 * int(digit), 10)) if at % 2 == 0 else int(digit)
        for at, digit in enumerate(reversed(body))
    )
    last = -total % 10
    return body + str(last if right else (last + 1 + rng.integers(9)) % 10)


def email(rng: np.random.Generator) -> str:
    who = str(rng.choice(["anna.b", "b_diaz", "c+shop", "d-fisher99", "eé"]))
    return (
        f"{who}{rng.integers(1000)}@{rng.choice(['example.com', 'mail.example.co.uk', 'a-b.de'])}"
    )


def phone(rng: np.random.Generator) -> str:
    area, local = rng.integers(200, 1000), rng.integers(200, 1000)
    forms = [
        f"+1 {area} {local} {number(rng, 4)}",
        f"({area}) {local}-{number(rng, 4)}",
        f"{area}-{local}-{number(rng, 4)}",
        f"1-{area}-{local}-{number(rng, 4)}",
        f"+44 20 7946 {number(rng, 4)}",
        f"+44 (0)20 7946 {number(rng, 4)}",
        f"07700 900{number(rng, 3)}",
        f"+49 30 23125{number(rng, 3)}",
        f"0049 170 39{number(rng, 6)}",
        f"+33 1 99 00 {number(rng, 2)} {number(rng, 2)}",
        f"06 39 98 {number(rng, 2)} {number(rng, 2)}",
        f"+86 138 {number(rng, 4)} {number(rng, 4)}",
        f"139{number(rng, 8)}",
        f"+919{number(rng, 9)}",
        f"+1{area}{local}{number(rng, 4)}",
        f"{local}-{number(rng, 4)}",  # no area code: the rules leave it
    ]
    return str(rng.choice(forms))


def card(rng: np.random.Generator) -> str:
    start, length = [("4", 16), ("5555", 16), ("37", 15), ("6011", 16), ("2221", 16)][
        rng.integers(5)
    ]
    digits = with_luhn(start, length, rng)
    gap = str(rng.choice(["", " ", "-"]))
    cuts = [0, 4, 10, 15] if length == 15 else [0, 4, 8, 12, 16]
    return gap.join(digits[a:b] for a, b in zip(cuts, cuts[1:], strict=False))


def address(rng: np.random.Generator) -> str:
    if rng.random() < 0.1:
        return f"P.O. Box {rng.integers(10, 9999)}"
    street = f"{rng.integers(10, 9999)} {rng.choice(STREETS)} {rng.choice(KINDS_OF_STREET)}"
    unit = str(rng.choice(["", "", " Apt 4B", ", Suite 210", " #12"]))
    town = str(rng.choice(TOWNS))
    if rng.random() < 0.1:
        return street.lower()  # typed in haste: the rules leave it
    return f"{street}{unit}{', ' if town else ''}{town}"


def name(rng: np.random.Generator) -> str:
    first, last = rng.choice(FIRST), rng.choice(LAST)
    middle = str(rng.choice(["", "", " J."]))
    return f"{first}{middle} {last}"


SENTENCES = {
    "email": ["Write to {}, please.", "my mail: {}", "{} is where I am", "Contact <{}>!"],
    "phone": ["Call {} after six.", "my phone is {}", "tel: {}, thanks", "Ring ({}) or write."],
    "card": ["I paid with {} yesterday.", "card no. {}, expires soon", "They charged {}!"],
    "address": ["Ship it to {}.", "I live at {}, come by", "My place: {}"],
    "name": [
        "My name is {} and I love it.",
        "Regards, {}",
        "Dear {}, hello again.",
        "Ask Dr. {} about it.",
        "Mrs {} recommended it.",
        "{} told me so.",  # nothing tells that it is a name: the rules leave it
    ],
}
MAKERS = {"email": email, "phone": phone, "card": card, "address": address, "name": name}


def fill(template: str, value: str, kind: str) -> Labelled:
    start = template.index("{}")
    return template.replace("{}", value), {kind: [(start, start + len(value))]}


def join(parts: list[Labelled]) -> Labelled:
    """Several sentences as one text, with the marks moved along."""
    text, marks = "", {}
    for sentence, found in parts:
        text += " " if text else ""
        for kind, spans in found.items():
            marks.setdefault(kind, []).extend((a + len(text), b + len(text)) for a, b in spans)
        text += sentence
    return text, marks


def lookalike(rng: np.random.Generator) -> Labelled:
    """Numbers and phrases near to personal data that are none."""
    made = [
        f"Order {with_luhn('4', 16, rng, right=False)} was late.",
        f"Barcode {number(rng, 13)} on the box.",  # one in ten passes Luhn's check
        f"Album no. {number(rng, 3)}-{number(rng, 3)}.",
        f"{rng.integers(1900, 2030)}-{rng.integers(10, 13)}-{rng.integers(10, 29)} was the date.",
        "Mr. Tambourine Man is a song.",  # no person, but it has the form of one
    ]
    return str(rng.choice([*made, *PLAIN])), {}


def corpus(n: int, seed: int) -> list[Labelled]:
    """Texts of one to three sentences about personal data, among sentences without any."""
    rng = np.random.default_rng(seed)
    texts = []
    for _ in range(n):
        parts = [lookalike(rng)]
        for kind in rng.choice(list(MAKERS), size=rng.integers(0, 4)):
            parts.append(fill(str(rng.choice(SENTENCES[kind])), MAKERS[kind](rng), kind))
            parts.append(lookalike(rng))
        texts.append(join(parts))
    return texts
