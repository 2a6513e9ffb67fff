"""Sample mail from the wider world: other languages and charsets, mailing lists, harmless junk."""

from __future__ import annotations

from dataclasses import replace

from clawback.testing.letters import Desk, Letter, from_outside
from clawback.testing.mime_writing import multipart, text
from clawback.testing.people import Company, outsider

_LETTERS = (
    (
        "iso-8859-1",
        "Rückfrage zu Auftrag {n}",
        "Guten Tag {name},\n\ndie Maße der Führungsschiene weichen um {k} mm von der Zeichnung ab. Können "
        "wir das so fertigen?\n\nMit freundlichen Grüßen\n{sender}\n",
    ),
    (
        "utf-8",
        "Réunion de la semaine {k}",
        "Bonjour {name},\n\nje vous confirme la réunion de mardi à 14 h. L’ordre du jour est joint à la page "
        "https://partage.maison-verlaine.example/d/{n}.\n\nBien cordialement,\n{sender}\n",
    ),
    (
        "iso-8859-15",
        "Presupuesto nº {n}",
        "Estimada {name}:\n\nle envío el presupuesto para {k} personas: 1.240 € en total, válido hasta fin "
        "de mes.\n\nUn cordial saludo\n{sender}\n",
    ),
    (
        "iso-2022-jp",
        "見積書 {n} の件",
        "{name} 様\n\nお世話になっております。見積書 {n} をお送りいたします。納期は {k} 週間です。\n\n"
        "よろしくお願いいたします。\n{sender}\n",
    ),
    (
        "utf-8",
        "Potwierdzenie zamówienia {n}",
        "Dzień dobry,\n\npotwierdzamy zamówienie {n}. Wysyłka nastąpi w ciągu {k} dni."
        "\n\nZ poważaniem\n{sender}\n",
    ),
    (
        "koi8-r",
        "Счёт {n}",
        "Здравствуйте, {name}!\n\nСчёт {n} оплачен, отгрузка через {k} дней.\n\nС уважением\n{sender}\n",
    ),
    (
        "utf-8",
        "تأكيد الطلب {n}",
        "مرحبا {name}،\n\nتم تأكيد الطلب رقم {n} وسيصل خلال {k} أيام.\n\n{sender}\n",
    ),
)


def abroad(desk: Desk) -> list[Letter]:
    """A business letter in another language, in the charset its writers use."""
    company = desk.company()
    clerk = outsider(company, desk.random)
    reader = desk.some(1, 1)[0]
    charset, subject, body = desk.random.choice(_LETTERS)
    words: dict[str, object] = {
        "n": desk.random.randint(1_000, 99_999),
        "k": desk.random.randint(2, 30),
        "name": _within(reader.name, charset),
        "sender": _within(clerk.name, charset),
    }
    written = text(body.format_map(words), charset=charset, encoding=desk.random.choice(("", "base64")))
    sender = (clerk.name, clerk.address)
    return [from_outside(desk, sender, (reader,), subject.format_map(words), written, ip=company.ip)]


def _within(name: str, charset: str) -> str:
    return name.encode(charset, "ignore").decode(charset)


_POSTS = (
    "Has anybody moved from version {k} to {n} without stopping the queue?",
    "I wrote up how we measure it: https://wiki.dock-operators.example/howto/{n}",
    "+1 for the proposal. We have run it on {k} hosts since spring.",
    "The patch in {n} fixes it here, thank you. One nit: the log line says {k} instead of the limit.",
)


def list_post(desk: Desk) -> list[Letter]:
    """A post to a mailing list that several of us read."""
    author = outsider(desk.company(), desk.random)
    words = {"n": desk.random.randint(100, 999), "k": desk.random.randint(2, 40)}
    post = desk.random.choice(_POSTS).format_map(words)
    footer = "_" * 47 + "\ndock-ops mailing list\nhttps://lists.dock-operators.example/listinfo/dock-ops\n"
    body = text(f"{post}\n\n{author.given}\n\n{footer}")
    address = "dock-ops@lists.dock-operators.example"
    more = (
        ("List-Id", "Dock operations <dock-ops.lists.dock-operators.example>"),
        ("List-Post", f"<mailto:{address}>"),
        ("List-Archive", "<https://lists.dock-operators.example/archives/dock-ops>"),
        ("Precedence", "list"),
        ("Sender", f"dock-ops-bounces+{desk.token(6)}@lists.dock-operators.example"),
    )
    subject = f"[dock-ops] Question about release {words['n']}"
    letter = from_outside(
        desk,
        (f"{author.name} via dock-ops", address),
        desk.some(2, 6),
        subject,
        body,
        ip="192.0.2.200",
        envelope_sender="dock-ops-bounces@lists.dock-operators.example",
        more=more,
        to=address,
    )
    return [letter]


_SHOUTS = ("Your garden will thank you", "Last chance: 70% off", "Learn to sell in 9 days", "Cheap toner NOW")


def junk(desk: Desk) -> list[Letter]:
    """Unwanted but harmless advertising, which the border has put into Junk."""
    shop = Company("Bargain Barn", f"bargain-{desk.random.randint(10, 99)}.example", "198.51.100.250")
    shout = desk.random.choice(_SHOUTS)
    link = f"http://{shop.domain}/buy?id={desk.token(8)}"
    page = (
        f'<html><body bgcolor="#ffff00"><center><font size="7" color="red">{shout.upper()}!!!</font><br>'
        f'<a href="{link}"><b>CLICK HERE</b></a><br><font size="1" color="#fefefe">{desk.token(32)}</font>'
        f"</center></body></html>"
    )
    body = multipart("alternative", (text(f"{shout}\n{link}\n"), text(page, "html")), desk.boundary())
    sender = (shop.name, f"deals{desk.random.randint(1, 99)}@{shop.domain}")
    letter = from_outside(desk, sender, desk.some(1, 4), shout, body, ip=shop.ip)
    assert letter.origin is not None
    origin = replace(letter.origin, spf="softfail", dkim="none", dmarc="fail")
    return [replace(letter, origin=origin, junk=True)]
