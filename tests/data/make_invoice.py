#!/usr/bin/env python3
"""Writes invoice.pdf beside this script: one A4 page with a text layer and table lines, the same bytes every time.

Companies, persons and numbers are made up; the IBAN is the registry's own example. Plain Python, nothing to install.
"""

from pathlib import Path

ITEMS = [
    ("NW-1802", "Cordless drill set 18 V", 2, 289.00),
    ("NW-0415", "Drill bits, set of 25", 3, 42.15),
    ("NW-7710", "Folding workbench", 1, 333.00),
]
VAT = 0.19

LEFT, RIGHT = 56, 539


def money(amount: float) -> str:
    return f"{amount:,.2f}"


class Page:
    """Collects the operators of a content stream."""

    def __init__(self) -> None:
        self.operators: list[str] = []

    def text(self, x: float, y: float, text: str, size: float = 10, font: str = "F1") -> None:
        escaped = text.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")
        self.operators.append(f"BT /{font} {size} Tf 1 0 0 1 {x} {y} Tm ({escaped}) Tj ET")

    def right(self, x: float, y: float, text: str, size: float = 10, font: str = "F1") -> None:
        """Right-aligned figures: digits of Helvetica are 0.556 em wide, `.` and `,` and blanks 0.278."""
        width = sum(0.278 if c in "., " else 0.556 for c in text) * size
        self.text(round(x - width, 2), y, text, size, font)

    def line(self, y: float, width: float = 0.5) -> None:
        self.operators.append(f"{width} w {LEFT} {y} m {RIGHT} {y} l S")

    def content(self) -> bytes:
        return "\n".join(self.operators).encode("cp1252")


def invoice() -> bytes:
    page = Page()
    page.text(LEFT, 780, "Nordlicht Werkzeuge GmbH", 16, "F2")
    page.text(LEFT, 764, "Speicherweg 12, 20457 Hamburg, Germany", 9)
    page.text(LEFT, 752, "billing@nordlicht-werkzeuge.example   +49 40 5550 0199", 9)

    page.text(LEFT, 712, "Bill to")
    page.text(LEFT, 698, "Jane Whitfield")
    page.text(LEFT, 684, "Whitfield Joinery Ltd")
    page.text(LEFT, 670, "4 Mill Lane, Leeds LS1 4AB, United Kingdom")

    page.text(340, 712, "INVOICE", 14, "F2")
    for y, label, value in [
        (694, "Invoice number:", "INV-2025-00417"),
        (680, "Invoice date:", "14 March 2025"),
        (666, "Due date:", "13 April 2025"),
        (652, "Order number:", "48213907"),
        (638, "Customer number:", "K-20931"),
    ]:
        page.text(340, y, label)
        page.text(440, y, value)

    page.line(606, 1)
    for x, heading in [(LEFT, "Item"), (120, "Description"), (352, "Qty"), (408, "Unit price"), (492, "Amount")]:
        page.text(x, 594, heading, 10, "F2")
    page.line(588)
    y = 572
    net = 0.0
    for code, description, quantity, price in ITEMS:
        net += quantity * price
        page.text(LEFT, y, code)
        page.text(120, y, description)
        page.right(368, y, str(quantity))
        page.right(456, y, money(price))
        page.right(RIGHT, y, money(quantity * price))
        page.line(y - 6, 0.25)
        y -= 20

    tax = round(net * VAT, 2)
    y -= 8
    for label, amount, font in [("Net total EUR", net, "F1"), ("VAT 19 % EUR", tax, "F1"), ("Total due EUR", net + tax, "F2")]:
        page.text(352, y, label, 10, font)
        page.right(RIGHT, y, money(amount), 10, font)
        y -= 16
    page.line(y + 8, 1)

    page.text(LEFT, 380, "Please pay within 30 days, quoting the invoice number.")
    page.text(LEFT, 366, "IBAN: DE89 3704 0044 0532 0130 00   BIC: COBADEFFXXX")
    page.text(LEFT, 352, "VAT ID: DE999999999")
    return document(page.content())


def document(content: bytes) -> bytes:
    font = "<< /Type /Font /Subtype /Type1 /BaseFont /{} /Encoding /WinAnsiEncoding >>"
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R"
        b" /Resources << /Font << /F1 5 0 R /F2 6 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content),
        font.format("Helvetica").encode(),
        font.format("Helvetica-Bold").encode(),
        b"<< /Title (Invoice INV-2025-00417) /Producer (make_invoice.py) >>",
    ]
    out = bytearray(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")
    offsets = []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    for offset in offsets:
        out += b"%010d 00000 n \n" % offset
    out += b"trailer\n<< /Size %d /Root 1 0 R /Info 7 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, start)
    return bytes(out)


if __name__ == "__main__":
    target = Path(__file__).with_name("invoice.pdf")
    target.write_bytes(invoice())
    print(f"{target.name}: {target.stat().st_size} bytes")
