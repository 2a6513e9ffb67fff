"""The people of the sample organisation and those who write to it."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from itertools import product
from random import Random

_GIVEN = (
    "Amelia|Jonas|Priya|Mateo|Hannah|Oluwaseun|Sofia|Liam|Yuki|Fatima|Björn|Chloé|Marek|Ingrid|Tomás|Aisha|Declan|"
    "Zoë|Henrik|Lucía|Noah|Magdalena|Rajesh|Élodie|Samuel|Nadia|Piotr|Grace|Emeka|Katarina"
)
_FAMILY = (
    "Hartmann|Okafor|Lindqvist|Ferreira|Kowalski|Nakamura|O'Neill|Dubois|Patel|Marchetti|Sørensen|Whitfield|Novák|"
    "Haddad|Castellanos|Brennan|Möller|Achebe|Tanaka|Fontaine|Eriksson|Rossi|Bhatt|Jansen|Murphy|Peña|Weber|Quinn|"
    "Sato|Lambert"
)
_TEAMS = ("Finance", "Sales", "Engineering", "Operations", "People", "Legal", "Marketing", "Support")


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with a mailbox or an address; `user` is the part before the @."""

    name: str
    user: str
    domain: str
    team: str = ""

    @property
    def address(self) -> str:
        """The mail address."""
        return f"{self.user}@{self.domain}"

    @property
    def given(self) -> str:
        """The given name."""
        return self.name.split(" ", 1)[0]


@dataclass(frozen=True, slots=True)
class Company:
    """A company that writes to the organisation; `ip` is its mail host's."""

    name: str
    domain: str
    ip: str


COMPANIES = (
    Company("Halden Freight", "haldenfreight.example", "198.51.100.14"),
    Company("Brightwater Office Supply", "brightwater-office.example", "198.51.100.27"),
    Company("Lumen & Oak Studio", "lumenoak.example", "203.0.113.9"),
    Company("Castellan Insurance", "castellan-insurance.example", "203.0.113.44"),
    Company("Ørsund Energi", "orsund-energi.example", "192.0.2.61"),
    Company("Maison Verlaine", "maison-verlaine.example", "192.0.2.77"),
    Company("Kestrel Cloud", "kestrelcloud.example", "203.0.113.120"),
    Company("Tramontana Viajes", "tramontana-viajes.example", "198.51.100.88"),
    Company("Weißbach Maschinenbau", "weissbach-maschinenbau.example", "192.0.2.130"),
    Company("Akagi Precision", "akagi-precision.example", "203.0.113.201"),
)


def staff(domain: str, count: int, random: Random) -> tuple[Person, ...]:
    """`count` people of the organisation, each with a user name of their own."""
    pairs = list(product(_GIVEN.split("|"), _FAMILY.split("|")))
    random.shuffle(pairs)
    people: list[Person] = []
    for number in range(count):
        given, family = pairs[number % len(pairs)]
        again = number // len(pairs)
        user = f"{_plain(given)}.{_plain(family)}" + (str(again + 1) if again else "")
        people.append(Person(f"{given} {family}", user, domain, _TEAMS[number % len(_TEAMS)]))
    return tuple(people)


def outsider(company: Company, random: Random) -> Person:
    """Somebody who works at that company."""
    given, family = random.choice(_GIVEN.split("|")), random.choice(_FAMILY.split("|"))
    return Person(f"{given} {family}", f"{_plain(given)}.{_plain(family)}", company.domain)


def _plain(name: str) -> str:
    replaced = name.lower().replace("ø", "o").replace("ß", "ss").replace("'", "")
    return "".join(c for c in unicodedata.normalize("NFKD", replaced) if c.isascii())
