#!/usr/bin/env python3
"""Makes invoices to read fields from: text PDFs, the same pages as scans, and what is right, the same every time.

    python make.py FOLDER            # FOLDER/{dev,test}/NAME.pdf and FOLDER/{dev,test}.jsonl; plain Python
    python make.py FOLDER --scans    # and NAME-scan.pdf: 150 dpi, askew, noisy; needs pypdfium2, pillow and numpy

Ten layouts, six invoices each: five layouts are for development, five for the test. Companies, persons and numbers are made up.
"""

import argparse
import json
import random
import sys
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import layouts  # noqa: E402
from pdf import Page, document  # noqa: E402

EACH = 6
SEED = 2025


@dataclass
class Invoice:
    """What stands on one invoice."""

    issuer: str
    street: str
    city: str
    customer: tuple
    number: str
    issued: date
    due: date | None
    items: list
    rate: float
    currency: str
    random: random.Random
    order: str = ""
    account: str = ""
    net: float = field(init=False)
    tax: float = field(init=False)

    def __post_init__(self) -> None:
        self.net = round(sum(round(quantity * price, 2) for _, quantity, price in self.items), 2)
        self.tax = round(self.net * self.rate / 100, 2)

    @property
    def total(self) -> float:
        return round(self.net + self.tax, 2)


def drawn(layout, place: int) -> Invoice:
    """One invoice of a layout, from its country's companies, goods and habits."""
    own = random.Random(f"{SEED} {layout.name} {place}")
    country = layout.country
    issuer, street, city = country.companies[place % len(country.companies)]
    issued = date(2025, 1, 2) + timedelta(days=own.randrange(330))
    due = issued + timedelta(days=own.choice([10, 14, 21, 30])) if own.random() < 0.85 else None
    items = [
        (name, own.choice([1, 1, 2, 3, 4, 10, 12]), round(own.choice([9, 40, 250, 900]) * (0.4 + own.random()), 2))
        for name in own.sample(country.goods, own.randint(2, 5))
    ]
    serial = own.randrange(100, 9999)
    return Invoice(
        issuer=issuer,
        street=street,
        city=city,
        customer=country.customers[own.randrange(len(country.customers))],
        number=layout.number(serial, issued),
        issued=issued,
        due=due,
        items=items,
        rate=country.rates[place % len(country.rates)],
        currency=country.currencies[place % len(country.currencies)],
        random=own,
        order=str(own.randrange(40_000_000, 49_999_999)),
        account=f"K-{own.randrange(10_000, 99_999)}",
    )


def right(layout, invoice: Invoice, shown: list) -> dict:
    """The fields that a reader finds. A date that can be read in two ways is none, unless another date of the page tells."""
    sure = layout.dates_are_sure(shown)

    def day(value: date | None) -> str | None:
        told = value and (sure or value.day > 12 or value.day == value.month)
        return value.isoformat() if told else None

    return {
        "issuer": invoice.issuer,
        "number": invoice.number,
        "date": day(invoice.issued),
        "due_date": day(invoice.due),
        "total": f"{invoice.total:.2f}",
        "tax": f"{invoice.tax:.2f}",
        "currency": invoice.currency,
    }


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("folder", type=Path)
    arguments.add_argument("--scans", action="store_true", help="write the scans too")
    options = arguments.parse_args()
    for split, kinds in {"dev": layouts.DEV, "test": layouts.TEST}.items():
        folder = options.folder / split
        folder.mkdir(parents=True, exist_ok=True)
        rows = []
        for layout in kinds:
            for place in range(EACH):
                name = f"{layout.name}-{place + 1}"
                invoice = drawn(layout, place)
                page = Page(layout.fonts[place % len(layout.fonts)])
                shown = layout.draw(page, invoice)
                data = document(page.content(), page.fonts)
                (folder / f"{name}.pdf").write_bytes(data)
                if options.scans:
                    import scan

                    (folder / f"{name}-scan.pdf").write_bytes(scan.scanned(data, f"{SEED} {name}"))
                rows.append({"file": f"{split}/{name}.pdf", "layout": layout.name, "invoice": right(layout, invoice, shown)})
        lines = [json.dumps(row, ensure_ascii=False) for row in rows]
        (options.folder / f"{split}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
        print(f"{split}: {len(rows)} invoices of {len(kinds)} layouts in {folder}")


if __name__ == "__main__":
    main()
