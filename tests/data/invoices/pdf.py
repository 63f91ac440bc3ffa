"""A page of text and lines as PDF, in the fonts that every reader has; the same bytes every time."""

LEFT, RIGHT, TOP, BOTTOM = 56, 539, 800, 40
FAMILIES = {
    "Helvetica": ("Helvetica", "Helvetica-Bold"),
    "Times": ("Times-Roman", "Times-Bold"),
    "Courier": ("Courier", "Courier-Bold"),
}
# Widths of Helvetica in thousandths of an em: near enough for all three families but Courier.
WIDTHS = {"i": 222, "l": 222, "j": 222, "t": 278, "f": 278, "r": 333, "m": 833, "w": 722, "I": 278, "M": 833, "W": 944}
WIDTHS |= dict.fromkeys(" .,:;/|'’!", 278) | dict.fromkeys("()-", 333) | dict.fromkeys("czskvxyJ", 500)
WIDTHS |= dict.fromkeys("ABEKPSVXY&", 667) | dict.fromkeys("CDHNRUw", 722) | dict.fromkeys("GOQ", 778) | {"%": 889, "@": 1015}


class Page:
    """Collects the operators of a content stream. `x` from the left, `y` from below, in points."""

    def __init__(self, family: str = "Helvetica") -> None:
        self.family = family
        self.fonts = FAMILIES[family]
        self.operators = []

    def width(self, text: str, size: float) -> float:
        if self.family == "Courier":
            return 0.6 * size * len(text)
        return sum(WIDTHS.get(c, 556) for c in text) * size / 1000

    def text(self, x: float, y: float, text: str, size: float = 10, bold: bool = False) -> None:
        escaped = text.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")
        self.operators.append(f"BT /F{2 if bold else 1} {size} Tf 1 0 0 1 {x:.2f} {y:.2f} Tm ({escaped}) Tj ET")

    def right(self, x: float, y: float, text: str, size: float = 10, bold: bool = False) -> None:
        self.text(x - self.width(text, size), y, text, size, bold)

    def centre(self, x: float, y: float, text: str, size: float = 10, bold: bool = False) -> None:
        self.text(x - self.width(text, size) / 2, y, text, size, bold)

    def line(self, y: float, width: float = 0.5, left: float = LEFT, right: float = RIGHT) -> None:
        self.operators.append(f"{width} w {left} {y} m {right} {y} l S")

    def box(self, x: float, y: float, width: float, height: float, grey: float | None = None) -> None:
        """A frame, or a grey ground where a shade is given."""
        paint = f"{grey} g {x} {y} {width} {height} re f 0 g" if grey else f"0.5 w {x} {y} {width} {height} re S"
        self.operators.append(paint)

    def content(self) -> bytes:
        return "\n".join(self.operators).encode("cp1252")


def document(content: bytes, fonts: tuple) -> bytes:
    font = "<< /Type /Font /Subtype /Type1 /BaseFont /{} /Encoding /WinAnsiEncoding >>"
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R"
        b" /Resources << /Font << /F1 5 0 R /F2 6 0 R >> >> >>",
        stream(content),
        *(font.format(name).encode() for name in fonts),
    ]
    return written(objects)


def picture(jpeg: bytes, width: int, height: int) -> bytes:
    """One page that is a JPEG, as scanners write it."""
    head = b"/Type /XObject /Subtype /Image /ColorSpace /DeviceGray /BitsPerComponent 8 /Filter /DCTDecode"
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /XObject << /I 5 0 R >> >> >>",
        stream(b"q 595 0 0 842 0 0 cm /I Do Q"),
        stream(jpeg, head + b" /Width %d /Height %d" % (width, height)),
    ]
    return written(objects)


def stream(data: bytes, entries: bytes = b"") -> bytes:
    return b"<< %s /Length %d >>\nstream\n%s\nendstream" % (entries, len(data), data)


def written(objects: list) -> bytes:
    out = bytearray(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")
    offsets = []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    for offset in offsets:
        out += b"%010d 00000 n \n" % offset
    out += b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, start)
    return bytes(out)
