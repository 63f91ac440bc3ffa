"""Ten ways to lay an invoice out. A layout draws a page and says which dates it wrote and how."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta

import countries
from pdf import LEFT, RIGHT, Page

MONTHS = {
    "en": "January February March April May June July August September October November December".split(),
    "de": "Januar Februar März April Mai Juni Juli August September Oktober November Dezember".split(),
    "fr": "janvier février mars avril mai juin juillet août septembre octobre novembre décembre".split(),
    "nl": "januari februari maart april mei juni juli augustus september oktober november december".split(),
    "es": "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre".split(),
    "it": "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre".split(),
}


@dataclass
class Layout:
    name: str
    country: countries.Country
    draw: Callable
    number: Callable
    fonts: list = field(default_factory=lambda: ["Helvetica", "Times", "Helvetica"])
    slashed: bool = False  # dates are written as 03/04/2025

    def dates_are_sure(self, shown: list) -> bool:
        """Whether the page tells how its dates are read: other forms do by themselves, slashes where one day is beyond 12."""
        return not self.slashed or any(day and day.day > 12 for day in shown)


def money(amount: float, marks: str) -> str:
    """`marks` are the one between thousands and the decimal one; a blank thousands mark writes none."""
    whole = f"{amount:,.2f}"
    thousands, decimal = marks[:-1], marks[-1]
    return whole.replace(",", "\0").replace(".", decimal).replace("\0", thousands)


def long_date(day: date, language: str, form: str) -> str:
    return form.format(d=day.day, dd=f"{day.day:02}", m=MONTHS[language][day.month - 1], mmm=MONTHS[language][day.month - 1][:3], y=day.year)


def percent(rate: float, decimal: str = ".") -> str:
    return f"{rate:g}".replace(".", decimal) + "%"


def address(page: Page, x: float, y: float, lines: tuple, size: float = 10) -> None:
    for row, line in enumerate(lines):
        page.text(x, y - row * (size + 4), line, size)


def rows(page: Page, y: float, invoice, headings: tuple, marks: str, columns=(LEFT, 352, 456, RIGHT), before: str = "", rule: bool = True) -> float:
    """The table of items; gives the height below it."""
    name, quantity, price, amount = headings
    page.text(columns[0], y, name, 10, True)
    for x, heading in zip(columns[1:], (quantity, price, amount)):
        page.right(x, y, heading, 10, True)
    if rule:
        page.line(y - 6)
    for item, count, each in invoice.items:
        y -= 20
        page.text(columns[0], y, item)
        page.right(columns[1], y, str(count))
        page.right(columns[2], y, before + money(each, marks))
        page.right(columns[3], y, before + money(round(count * each, 2), marks))
        if rule:
            page.line(y - 6, 0.25)
    return y - 26


def ledger(page: Page, invoice) -> list:
    """British: sender above, labels and values at the right, totals below the table."""
    page.text(LEFT, 780, invoice.issuer, 16, True)
    page.text(LEFT, 764, f"{invoice.street}, {invoice.city}", 9)
    page.text(LEFT, 752, f"VAT Reg. No. GB {invoice.random.randrange(100, 999)} 4567 81", 9)
    page.text(340, 716, "INVOICE", 14, True)
    page.text(LEFT, 712, "Bill to", 10, True)
    address(page, LEFT, 698, invoice.customer)
    form = invoice.random.choice(["{d} {m} {y}", "{dd} {mmm} {y}"])
    lines = [("Invoice number:", invoice.number), ("Invoice date:", long_date(invoice.issued, "en", form))]
    if invoice.due:
        lines.append(("Due date:", long_date(invoice.due, "en", form)))
    lines += [("Order number:", invoice.order), ("Customer number:", invoice.account)]
    for row, (label, value) in enumerate(lines):
        page.text(340, 698 - 14 * row, label)
        page.text(440, 698 - 14 * row, value)
    y = rows(page, 594, invoice, ("Description", "Qty", "Unit price", "Amount"), ",.")
    for label, amount in [("Subtotal", invoice.net), (f"VAT @ {percent(invoice.rate)}", invoice.tax), ("Total GBP", invoice.total)]:
        bold = label.startswith("Total")
        page.text(352, y, label, 10, bold)
        page.right(RIGHT, y, "£" + money(amount, ",."), 10, bold)
        y -= 16
    page.text(LEFT, 380, "Please quote the invoice number with your payment. Sort code 20-00-00, account 55779911.")
    return [invoice.issued, invoice.due]


def letter(page: Page, invoice) -> list:
    """German: the sender's line above the window, facts at the right, the footer in three columns."""
    page.right(RIGHT, 790, invoice.issuer, 15, True)
    page.text(LEFT, 715, f"{invoice.issuer} · {invoice.street} · {invoice.city}", 7)
    address(page, LEFT, 698, invoice.customer)
    form = invoice.random.choice(["{:%d.%m.%Y}", "{:%d.%m.%y}"])
    facts = [("Rechnungsnr.", invoice.number), ("Rechnungsdatum", form.format(invoice.issued)), ("Kundennr.", invoice.account),
             ("Lieferdatum", form.format(invoice.issued - timedelta(days=5)))]  # fmt: skip
    for row, (label, value) in enumerate(facts):
        page.text(370, 690 - 14 * row, label, 9)
        page.right(RIGHT, 690 - 14 * row, value, 9)
    page.text(LEFT, 600, f"Rechnung {invoice.number}", 13, True)
    page.text(LEFT, 580, "Sehr geehrte Damen und Herren, wir erlauben uns zu berechnen:")
    y = rows(page, 556, invoice, ("Bezeichnung", "Menge", "Einzelpreis", "Gesamt"), ".,")
    rate = f"{invoice.rate:g}".replace(".", ",")
    for label, amount in [("Zwischensumme", invoice.net), (f"zzgl. {rate} % MwSt.", invoice.tax), ("Rechnungsbetrag", invoice.total)]:
        bold = label.startswith("Rechnung")
        page.text(352, y, label, 10, bold)
        page.right(RIGHT, y, money(amount, ".,") + " €", 10, bold)
        y -= 16
    if invoice.due:
        page.text(LEFT, y - 20, f"Bitte überweisen Sie den Betrag ohne Abzug. Zahlbar bis {form.format(invoice.due)}.")
    for x, lines in [(LEFT, (invoice.issuer, invoice.street, invoice.city)), (230, ("Sparkasse Musterland", "DE89 3704 0044 0532 0130 00", "COBADEFFXXX")),
                     (410, ("Steuernummer 12/345/67890", "Amtsgericht HRB 12345", "Tel. 0711 555 0142"))]:  # fmt: skip
        address(page, x, 90, lines, 7)
    return [invoice.issued, invoice.due]


def grid(page: Page, invoice) -> list:
    """American: the facts as a table of headings with values below."""
    page.text(LEFT, 770, "INVOICE", 24, True)
    for row, line in enumerate((invoice.issuer, invoice.street, invoice.city)):
        page.right(RIGHT, 776 - 14 * row, line, 12 if row == 0 else 9, row == 0)
    page.text(LEFT, 715, "BILL TO", 8, True)
    address(page, LEFT, 701, invoice.customer)
    day = "{:%m/%d/%Y}".format
    cells = [("INVOICE #", invoice.number), ("DATE", day(invoice.issued))]
    if invoice.due:
        cells.append(("DUE DATE", day(invoice.due)))
    cells.append(("TERMS", "Net 30" if invoice.due else "On receipt"))
    step = (RIGHT - LEFT) / len(cells)
    page.box(LEFT, 608, RIGHT - LEFT, 36)
    for place, (label, value) in enumerate(cells):
        page.text(LEFT + 6 + place * step, 632, label, 8, True)
        page.text(LEFT + 6 + place * step, 615, value)
    y = rows(page, 580, invoice, ("ITEM", "QTY", "RATE", "AMOUNT"), ",.", before="$")
    for label, amount in [("SUBTOTAL", invoice.net), (f"SALES TAX ({percent(invoice.rate)})", invoice.tax), ("TOTAL DUE", invoice.total)]:
        bold = label == "TOTAL DUE"
        page.text(370, y, label, 10, bold)
        page.right(RIGHT, y, "$" + money(amount, ",."), 10, bold)
        y -= 18
    page.centre((LEFT + RIGHT) / 2, 70, "Thank you for your business!", 9)
    return [invoice.issued, invoice.due]


def facture(page: Page, invoice) -> list:
    """French: label and value in one run of text, the sum at the foot of the table."""
    page.text(LEFT, 785, invoice.issuer, 14, True)
    address(page, LEFT, 768, (invoice.street, invoice.city, "SIRET 552 100 554 00013"), 9)
    address(page, 330, 700, invoice.customer)
    page.text(LEFT, 640, f"FACTURE N° {invoice.number}", 13, True)
    day = "{:%d/%m/%Y}".format
    page.text(LEFT, 622, f"Date de facturation : {day(invoice.issued)}")
    page.text(LEFT, 608, f"Référence client : {invoice.account}")
    if invoice.due:
        page.text(LEFT, 594, f"Date d’échéance : {day(invoice.due)}")
    y = rows(page, 566, invoice, ("Désignation", "Qté", "Prix unitaire HT", "Montant HT"), " ,")
    rate = f"{invoice.rate:g}".replace(".", ",")
    for label, amount in [("Total HT", invoice.net), (f"TVA {rate} %", invoice.tax), ("Total TTC", invoice.total)]:
        page.right(456, y, label, 10, label == "Total TTC")
        page.right(RIGHT, y, money(amount, " ,") + " €", 10, label == "Total TTC")
        y -= 16
    page.text(LEFT, 90, "En cas de retard de paiement, une indemnité forfaitaire de 40,00 € est due.", 8)
    return [invoice.issued, invoice.due]


def columns(page: Page, invoice) -> list:
    """British: sender and customer side by side, a grey box with what is to be paid above all."""
    page.box(LEFT, 720, RIGHT - LEFT, 60, 0.9)
    page.text(LEFT + 10, 762, "Amount due", 9)
    page.text(LEFT + 10, 738, "£" + money(invoice.total, ",."), 18, True)
    day = lambda value: long_date(value, "en", "{d} {mmm} {y}")  # noqa: E731
    facts = [("Invoice no.", invoice.number), ("Issued", day(invoice.issued))] + ([("Pay by", day(invoice.due))] if invoice.due else [])
    for place, (label, value) in enumerate(facts):
        page.text(260 + place * 95, 762, label, 9)
        page.text(260 + place * 95, 742, value, 10, True)
    page.text(LEFT, 690, "From", 9, True)
    page.text(310, 690, "To", 9, True)
    address(page, LEFT, 676, (invoice.issuer, invoice.street, invoice.city))
    address(page, 310, 676, invoice.customer)
    page.text(LEFT, 600, "Tax invoice", 12, True)
    y = rows(page, 576, invoice, ("What", "How many", "Each", "Sum"), ",.", before="£", rule=False)
    page.line(y + 10)
    for label, amount in [("Net", invoice.net), (f"VAT {percent(invoice.rate)}", invoice.tax), ("To pay", invoice.total)]:
        page.text(400, y - 6, label)
        page.right(RIGHT, y - 6, "£" + money(amount, ",."))
        y -= 16
    return [invoice.issued, invoice.due]


def factuur(page: Page, invoice) -> list:
    """Dutch: labels above their values in a column of their own beside the customer's address."""
    page.text(LEFT, 780, "Factuur", 20, True)
    address(page, LEFT, 740, invoice.customer)
    form = invoice.random.choice(["{:%d-%m-%Y}", None])
    day = (lambda value: form.format(value)) if form else (lambda value: long_date(value, "nl", "{d} {m} {y}"))
    facts = [("Factuurnummer", invoice.number), ("Factuurdatum", day(invoice.issued))]
    facts += [("Vervaldatum", day(invoice.due))] if invoice.due else []
    facts += [("Klantnummer", invoice.account)]
    for row, (label, value) in enumerate(facts):
        page.text(400, 760 - 32 * row, label, 8)
        page.text(400, 748 - 32 * row, value, 10, True)
    y = rows(page, 600, invoice, ("Omschrijving", "Aantal", "Prijs", "Bedrag"), ".,", before="€ ")
    for label, amount in [("Subtotaal", invoice.net), (f"Btw {percent(invoice.rate)}", invoice.tax), ("Totaal te betalen", invoice.total)]:
        page.text(352, y, label, 10, label.startswith("Totaal"))
        page.right(RIGHT, y, "€ " + money(amount, ".,"), 10, label.startswith("Totaal"))
        y -= 16
    page.line(110)
    page.centre((LEFT + RIGHT) / 2, 94, f"{invoice.issuer} | {invoice.street} | {invoice.city}", 8)
    page.centre((LEFT + RIGHT) / 2, 82, "KvK 12345678 | BTW NL001234567B01 | IBAN NL91 ABNA 0417 1643 00", 8)
    return [invoice.issued, invoice.due]


def factura(page: Page, invoice) -> list:
    """Spanish: a framed head, the sums as a row of a table of their own."""
    page.box(LEFT, 700, RIGHT - LEFT, 95)
    page.text(LEFT + 8, 774, invoice.issuer, 14, True)
    address(page, LEFT + 8, 756, (invoice.street, invoice.city, "CIF B12345674"), 9)
    day = "{:%d/%m/%Y}".format
    page.text(340, 774, f"Factura nº: {invoice.number}", 11, True)
    page.text(340, 756, f"Fecha de emisión: {day(invoice.issued)}")
    if invoice.due:
        page.text(340, 740, f"Fecha de vencimiento: {day(invoice.due)}")
    page.text(LEFT, 676, "Cliente:", 10, True)
    address(page, LEFT, 660, invoice.customer)
    y = rows(page, 580, invoice, ("Concepto", "Cantidad", "Precio", "Importe"), ".,")
    cells = [("Base imponible", invoice.net), (f"IVA {percent(invoice.rate)}", invoice.tax), ("Total factura", invoice.total)]
    for place, (label, amount) in enumerate(cells):
        x = LEFT + (place + 1) * (RIGHT - LEFT) / 3
        page.right(x, y - 10, label, 9, True)
        page.right(x, y - 26, money(amount, ".,") + " €", 11, place == 2)
    page.line(y - 34)
    page.text(LEFT, 100, "Forma de pago: transferencia bancaria. ES91 2100 0418 4502 0005 1332", 9)
    return [invoice.issued, invoice.due]


def fattura(page: Page, invoice) -> list:
    """Italian: sender centred, facts in one line, a table of tax by rate before the total."""
    page.centre((LEFT + RIGHT) / 2, 785, invoice.issuer, 16, True)
    page.centre((LEFT + RIGHT) / 2, 770, f"{invoice.street} - {invoice.city} - P.IVA 01234567890", 8)
    page.text(330, 735, "Spett.le", 9)
    address(page, 330, 722, invoice.customer)
    form = invoice.random.choice(["{:%d/%m/%Y}", None])
    day = (lambda value: form.format(value)) if form else (lambda value: long_date(value, "it", "{d} {m} {y}"))
    due = f"   Scadenza {day(invoice.due)}" if invoice.due else ""
    page.text(LEFT, 640, f"Fattura n. {invoice.number} del {day(invoice.issued)}{due}", 11, True)
    y = rows(page, 612, invoice, ("Descrizione", "Q.tà", "Prezzo", "Importo"), ".,")
    for x, heading in [(330, "Aliquota"), (400, "Imponibile"), (470, "Imposta")]:
        page.right(x, y, heading, 8, True)
    for x, value in [(330, percent(invoice.rate, ",")), (400, money(invoice.net, ".,")), (470, money(invoice.tax, ".,"))]:
        page.right(x, y - 12, value, 9)
    page.text(352, y - 40, "Totale IVA")
    page.right(RIGHT, y - 40, "€ " + money(invoice.tax, ".,"))
    page.text(352, y - 56, "TOTALE FATTURA", 10, True)
    page.right(RIGHT, y - 56, "€ " + money(invoice.total, ".,"), 10, True)
    return [invoice.issued, invoice.due] if form else []


def treuhand(page: Page, invoice) -> list:
    """Swiss: apostrophes between thousands, the currency in the table's head alone, payment slip at the foot."""
    page.text(LEFT, 790, invoice.issuer, 13, True)
    address(page, LEFT, 775, (invoice.street, invoice.city, "MWST-Nr. CHE-116.281.271 MWST"), 8)
    address(page, LEFT, 710, invoice.customer)
    day = lambda value: long_date(value, "de", "{d}. {m} {y}")  # noqa: E731
    page.text(330, 710, "Datum")
    page.text(430, 710, day(invoice.issued))
    page.text(330, 696, "Rechnung Nr.")
    page.text(430, 696, invoice.number)
    if invoice.due:
        page.text(330, 682, "Fällig am")
        page.text(430, 682, day(invoice.due))
    page.text(LEFT, 630, "Rechnung", 15, True)
    y = rows(page, 600, invoice, ("Leistung", "Anzahl", "Ansatz", "Betrag CHF"), "'.")
    for label, amount in [("Nettobetrag", invoice.net), (f"MWST {percent(invoice.rate)}", invoice.tax), ("Total inkl. MWST", invoice.total)]:
        page.text(352, y, label, 10, label.startswith("Total"))
        page.right(RIGHT, y, money(amount, "'."), 10, label.startswith("Total"))
        y -= 16
    page.line(200, 0.25)
    page.text(LEFT, 184, "Empfangsschein", 10, True)
    address(page, LEFT, 168, ("CH93 0076 2011 6238 5295 7", invoice.issuer, invoice.city), 8)
    page.text(LEFT, 118, "Währung   Betrag", 7, True)
    page.text(LEFT, 106, f"CHF       {money(invoice.total, ' .')}", 8)
    return [invoice.issued, invoice.due]


def statement(page: Page, invoice) -> list:
    """American: a summary beside the address, earlier payments, a slip to send back that says things again."""
    page.text(LEFT, 780, invoice.issuer, 18, True)
    page.text(LEFT, 764, f"{invoice.street} | {invoice.city} | (503) 555-0148", 9)
    page.text(LEFT, 724, "Prepared for", 8)
    address(page, LEFT, 711, invoice.customer)
    day = lambda value: long_date(value, "en", "{m} {d}, {y}")  # noqa: E731
    lines = [("Invoice", f"#{invoice.number}"), ("Date issued", day(invoice.issued))]
    lines += [("Payment due", day(invoice.due))] if invoice.due else []
    lines += [("Account", invoice.account)]
    for row, (label, value) in enumerate(lines):
        page.text(350, 724 - 15 * row, label, 9)
        page.right(RIGHT, 724 - 15 * row, value, 9, True)
    y = rows(page, 620, invoice, ("Service", "Units", "Price", "Line total"), ",.", before="$", rule=False)
    page.line(y + 12)
    for label, amount in [("Sub-total", invoice.net), (f"Tax {percent(invoice.rate)}", invoice.tax), ("Payments received", 0.0), ("Balance due (USD)", invoice.total)]:
        page.right(456, y, label, 10, label.startswith("Balance"))
        page.right(RIGHT, y, "$" + money(amount, ",."), 10, label.startswith("Balance"))
        y -= 16
    page.line(180, 0.25)
    page.text(LEFT, 164, "Please detach and return with your payment", 8)
    page.text(LEFT, 146, f"Invoice {invoice.number}")
    page.right(RIGHT, 146, f"Amount enclosed  $ ________   Amount due  ${money(invoice.total, ',.')}", 9)
    return [invoice.issued, invoice.due]


DEV = [
    Layout("ledger", countries.BRITAIN, ledger, lambda n, day: f"INV-{day.year}-{n:05}"),
    Layout("letter", countries.GERMANY, letter, lambda n, day: f"RE{day.year}{n:04}"),
    Layout("grid", countries.AMERICA, grid, lambda n, day: f"{10_000 + n}", slashed=True),
    Layout("facture", countries.FRANCE, facture, lambda n, day: f"F{day.year}-{n:04}", slashed=True),
    Layout("columns", countries.BRITAIN, columns, lambda n, day: f"{n:05}"),
]
TEST = [
    Layout("factuur", countries.NETHERLANDS, factuur, lambda n, day: f"{day.year}{n:04}"),
    Layout("factura", countries.SPAIN, factura, lambda n, day: f"A/{day.year}/{n:03}", slashed=True),
    Layout("fattura", countries.ITALY, fattura, lambda n, day: f"{n}/{day.year}", ["Helvetica", "Courier", "Times"], slashed=True),
    Layout("treuhand", countries.SWITZERLAND, treuhand, lambda n, day: f"{day:%y%m}-{n:04}"),
    Layout("statement", countries.AMERICA, statement, lambda n, day: f"S-{n:06}"),
]
