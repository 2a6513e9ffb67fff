"""Sample mail from companies and machines: newsletters, invoices, receipts, parcels, notices, bounces."""

from __future__ import annotations

from clawback.testing import small_files
from clawback.testing.letters import Desk, Letter, from_outside
from clawback.testing.mime_writing import Entity, attachment, dated, enclosed, multipart, text
from clawback.testing.people import Company, outsider

_HEADLINES = (
    "Five habits of quiet warehouses",
    "What the new customs rules change",
    "Spring catalogue: chairs that last",
    "A look inside our paper mill",
    "How small teams plan big moves",
    "Energy prices in plain words",
    "Save the date: open day in {month}",
    "Interview: twenty years at the dock",
)
_MONTHS = ("January", "March", "May", "June", "September", "October", "November")
_GOODS = ("desk lamps", "archive boxes", "toner cartridges", "pallet wrap", "headsets", "whiteboard markers")


def _tracked(desk: Desk, company: Company) -> str:
    return f"https://click.{company.domain}/ls/{desk.token(24)}?utm_source=mail&utm_campaign={desk.token(4)}"


def newsletter(desk: Desk) -> list[Letter]:
    """A newsletter in HTML with tracking links and a pixel, to many of us at once."""
    company = desk.company()
    titles = desk.random.sample(_HEADLINES, 3)
    stories = [(t.format(month=desk.random.choice(_MONTHS)), _tracked(desk, company)) for t in titles]
    leave = f"https://{company.domain}/newsletter/unsubscribe?u={desk.token(12)}"
    rows = "".join(
        f'<tr><td style="padding:16px"><h2 style="color:#203040">{title}</h2><p>Our editors have looked into '
        f'it so that you need not. Reading time: {desk.random.randint(2, 9)} minutes.</p><a href="{link}" '
        f'style="background:#0a66c2;color:#fff;padding:8px 14px">Read on</a></td></tr>'
        for title, link in stories
    )
    page = (
        f'<!DOCTYPE html><html><head><meta charset="utf-8"><style>td {{ font-family: Arial }}</style></head>'
        f'<body><div style="display:none">{stories[0][0]} and more</div><table width="600">{rows}</table>'
        f'<p style="font-size:11px">{company.name}, Dock Road 4. <a href="{leave}">Unsubscribe</a></p>'
        f'<img src="https://img.{company.domain}/o/{desk.token(16)}.gif" width="1" height="1" alt="">'
        f"</body></html>"
    )
    plain = "\n\n".join(f"{title}\n{link}" for title, link in stories) + f"\n\nUnsubscribe: {leave}\n"
    body = multipart("alternative", (text(plain), text(page, "html")), desk.boundary())
    more = (
        ("List-Unsubscribe", f"<{leave}>"),
        ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
        ("Precedence", "bulk"),
    )
    sender = (f"{company.name} News", f"news@{company.domain}")
    bounce = f"bounce-{desk.token(10)}@{company.domain}"
    readers = desk.some(2, 9)
    return [
        from_outside(
            desk,
            sender,
            readers,
            stories[0][0],
            body,
            ip=company.ip,
            envelope_sender=bounce,
            more=more,
            to=f"Readers <news@{company.domain}>",
        )
    ]


def invoice(desk: Desk) -> list[Letter]:
    """An invoice as a small PDF."""
    company = desk.company()
    clerk = outsider(company, desk.random)
    number = f"{desk.moment:%Y}-{desk.random.randint(10_000, 99_999)}"
    goods = desk.random.choice(_GOODS)
    amount = f"{desk.random.randint(40, 4_000)}.{desk.random.randint(0, 99):02d} EUR"
    file = small_files.pdf(
        (f"{company.name}  Invoice {number}", f"{goods}: {amount}", "Payable within 14 days")
    )
    reader = desk.some(1, 1)[0]
    written = (
        f"Dear {reader.name},\n\nplease find attached invoice {number} for {goods} over {amount}.\n"
        f"You can also see it at https://portal.{company.domain}/invoices/{number}\n\n"
        f"Kind regards\n{clerk.name}\n"
    )
    parts = (text(written), attachment(file, "application/pdf", f"Invoice {number}.pdf"))
    body = multipart("mixed", parts, desk.boundary())
    sender = (clerk.name, clerk.address)
    return [from_outside(desk, sender, (reader,), f"Invoice {number}", body, ip=company.ip)]


def receipt(desk: Desk) -> list[Letter]:
    """A receipt in HTML with the shop's logo inside the message."""
    company = desk.company()
    order = desk.token(8).upper()
    lines = [(g, desk.random.randint(5, 90)) for g in desk.random.sample(_GOODS, 3)]
    table = "".join(f"<tr><td>{goods}</td><td align=right>{price}.00</td></tr>" for goods, price in lines)
    logo = f"logo.{desk.token(8)}@{company.domain}"
    page = (
        f'<html><body><img src="cid:{logo}" alt="{company.name}"><h1>Thank you for order {order}</h1>'
        f"<table>{table}</table><p>Total: {sum(price for _, price in lines)}.00 EUR</p>"
        f'<a href="https://shop.{company.domain}/orders/{order}?key={desk.token(10)}">Your order</a>'
        f"</body></html>"
    )
    image = attachment(
        small_files.picture(60, 20, len(company.name)),
        "image/png",
        "logo.png",
        disposition="inline",
        cid=logo,
    )
    body = multipart("related", (text(page, "html"), image), desk.boundary(), '; type="text/html"')
    sender = (company.name, f"orders@{company.domain}")
    return [from_outside(desk, sender, desk.some(1, 1), f"Your order {order}", body, ip=company.ip)]


def parcel(desk: Desk) -> list[Letter]:
    """A delivery notice with a link to follow the parcel."""
    company = desk.company()
    number = f"NW{desk.random.randint(10**9, 10**10 - 1)}"
    link = f"https://track.{company.domain}/p/{number}?t={desk.token(12)}"
    page = (
        f"<html><body><p>Your parcel <b>{number}</b> is on its way and comes between "
        f'{desk.random.randint(8, 12)}:00 and {desk.random.randint(13, 18)}:00.</p><p><a href="{link}">'
        f"Follow it</a></p></body></html>"
    )
    sender = (f"{company.name} Delivery", f"no-reply@{company.domain}")
    body = text(page, "html", encoding="base64")
    return [
        from_outside(desk, sender, desk.some(1, 2), f"Parcel {number} is on its way", body, ip=company.ip)
    ]


def notification(desk: Desk) -> list[Letter]:
    """What a machine has to say: tickets, builds, alarms."""
    number = desk.random.randint(1_000, 9_999)
    subject, body = desk.random.choice(
        (
            (f"[TICKET-{number}] Laptop does not wake up", "Priority: normal\nState: waiting for you"),
            (f"[build] main #{number} failed", "Step: integration tests\nDuration: 14 m 09 s"),
            (
                f"Disk usage on store-{number % 7} at {80 + number % 15}%",
                "Host group: mail\nSince: 20 minutes",
            ),
            (
                f"Certificate for app{number % 40} ends in {number % 29 + 1} days",
                "Issuer: Northwind Internal CA",
            ),
        )
    )
    link = f"https://status.kestrelcloud.example/e/{number}"
    written = text(f"{subject}\n\n{body}\n\nDetails: {link}\n\nDo not reply to this message.\n")
    more = (("Auto-Submitted", "auto-generated"), ("X-Kestrel-Event", desk.token(10)))
    sender = ("Kestrel Status", "status@kestrelcloud.example")
    return [from_outside(desk, sender, desk.some(1, 5), subject, written, ip="203.0.113.120", more=more)]


def bounce(desk: Desk) -> list[Letter]:
    """A delivery status notification (RFC 3464) for something one of us wrote."""
    company = desk.company()
    author = desk.some(1, 1)[0]
    lost = outsider(company, desk.random).address
    report = (
        f"Reporting-MTA: dns; mail.{company.domain}\nArrival-Date: {dated(desk.moment)}\n\n"
        f"Final-Recipient: rfc822; {lost}\nAction: failed\nStatus: 5.1.1\n"
        f"Diagnostic-Code: smtp; 550 5.1.1 <{lost}>: user unknown\n"
    )
    original = (
        f"From: {author.address}\nTo: {lost}\nSubject: Hello again\n"
        f"Message-ID: <{desk.token()}@{desk.domain}>\n\nAre you still there?\n"
    )
    parts = (
        text(f"Your message to {lost} could not be delivered. Nobody is known by that address.\n"),
        Entity((("Content-Type", "message/delivery-status"),), report.encode()),
        enclosed(original.encode()),
    )
    body = multipart("report", parts, desk.boundary(), "; report-type=delivery-status")
    sender = ("Mail Delivery System", f"MAILER-DAEMON@{company.domain}")
    subject = "Undelivered Mail Returned to Sender"
    more = (("Auto-Submitted", "auto-replied"),)
    return [
        from_outside(desk, sender, (author,), subject, body, ip=company.ip, envelope_sender="", more=more)
    ]
