use super::*;
use proptest::prelude::*;

const INVOICE: &[u8] = include_bytes!("../../../../tests/data/invoice.pdf");

fn one(name: &str, media_type: &str, bytes: &[u8]) -> (Document, String) {
    let library = Library::read([File {
        name,
        media_type,
        bytes,
    }])
    .unwrap();
    let text = library
        .texts
        .iter()
        .map(|text| text.text())
        .collect::<Vec<_>>()
        .join("\n");
    (library.documents[0].clone(), text)
}

/// A PDF of one page with this content stream and these fonts and objects (from 5 on).
fn pdf(content: &[u8], resources: &str, objects: &[&str]) -> Vec<u8> {
    let mut bodies = vec![
        b"<< /Type /Catalog /Pages 2 0 R >>".to_vec(),
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>".to_vec(),
        format!("<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 800] /Contents 4 0 R /Resources << {resources} >> >>").into_bytes(),
        [format!("<< /Length {} >>\nstream\n", content.len()).as_bytes(), content, b"\nendstream"].concat(),
    ];
    bodies.extend(objects.iter().map(|object| object.as_bytes().to_vec()));
    let mut out = b"%PDF-1.7\n".to_vec();
    let mut offsets = Vec::new();
    for (place, body) in bodies.iter().enumerate() {
        offsets.push(out.len());
        out.extend(format!("{} 0 obj\n", place + 1).into_bytes());
        out.extend(body);
        out.extend(b"\nendobj\n");
    }
    let start = out.len();
    out.extend(format!("xref\n0 {}\n0000000000 65535 f \n", bodies.len() + 1).into_bytes());
    offsets
        .iter()
        .for_each(|offset| out.extend(format!("{offset:010} 00000 n \n").into_bytes()));
    out.extend(
        format!(
            "trailer\n<< /Size {} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n",
            bodies.len() + 1
        )
        .into_bytes(),
    );
    out
}

const HELVETICA: &str = "/Font << /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >> >>";

#[test]
fn an_invoice_is_read_in_order_with_its_columns() {
    let (document, text) = one("invoice.pdf", "application/octet-stream", INVOICE);
    assert_eq!(
        (document.media_type_found, document.pages, document.problem),
        ("application/pdf", Some(1), None)
    );
    assert!(
        text.starts_with("Nordlicht Werkzeuge GmbH\nSpeicherweg 12, 20457 Hamburg, Germany\n"),
        "{text}"
    );
    assert!(
        text.contains("Whitfield Joinery Ltd\t")
            || text.contains("Invoice number:\tINV-2025-00417"),
        "{text}"
    );
    assert!(
        text.contains("NW-1802\tCordless drill set 18 V\t2\t289.00\t578.00\n"),
        "{text}"
    );
    assert!(text.contains("Total due EUR\t1,234.57\n"), "{text}");
    assert!(text.contains("IBAN: DE89 3704 0044 0532 0130 00"), "{text}");
}

#[test]
fn text_operators_and_forms_place_their_glyphs() {
    let content = b"BT /F1 10 Tf 14 TL 50 700 Td (one) Tj T* [(t) -50 (wo)] TJ (three) ' ET q 1 0 0 1 0 -100 cm /X1 Do Q BT /F1 10 Tf 100 Tz 1 0 0 1 200 700 Tm (right) Tj ET";
    let form = "<< /Type /XObject /Subtype /Form /BBox [0 0 600 800] /Length 39 >>\nstream\nBT /F1 10 Tf 50 700 Td (in a form) Tj ET\nendstream";
    let (_, text) = one(
        "a.pdf",
        "",
        &pdf(
            content,
            &format!("{HELVETICA} /XObject << /X1 5 0 R >>"),
            &[form],
        ),
    );
    assert_eq!(text, "one\tright\ntwo\nthree\nin a form\n");
}

#[test]
fn columns_of_prose_are_read_one_after_the_other() {
    let left = "(The goods remain with the seller) ' (until they are paid, and the buyer) ' (keeps them with care. What is) ' \
                (damaged has to be told within) ' (three days, or it is accepted.) '";
    let right = "(Complaints are answered by the) ' (office that sold the goods, and) ' (where a repair fails twice the) ' \
                 (buyer may choose another one or) ' (give them back and be repaid.) '";
    let content = format!(
        "BT /F1 10 Tf 12 TL 50 700 Td {left} ET BT /F1 10 Tf 12 TL 230 700 Td {right} ET BT /F1 10 Tf 50 600 Td (Total) Tj 180 0 Td (5.00) Tj ET"
    );
    let (_, text) = one("a.pdf", "", &pdf(content.as_bytes(), HELVETICA, &[]));
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 11, "{text}");
    assert_eq!(lines[4], "three days, or it is accepted.");
    assert_eq!(lines[5], "Complaints are answered by the");
    assert_eq!(lines[10], "Total\t5.00");
}

#[test]
fn a_form_that_draws_itself_ends() {
    let form = format!(
        "<< /Type /XObject /Subtype /Form /BBox [0 0 9 9] /Resources << {HELVETICA} /XObject << /X1 5 0 R >> >> /Length 48 >>\nstream\nBT /F1 9 Tf 5 5 Td (x) Tj ET /X1 Do /X1 Do /X1 Do\nendstream"
    );
    let (document, _) = one(
        "a.pdf",
        "",
        &pdf(b"/X1 Do", "/XObject << /X1 5 0 R >>", &[&form]),
    );
    assert_eq!(document.pages, Some(1));
}

#[test]
fn pictures_damage_and_passwords_are_reported() {
    assert_eq!(
        one("scan.pdf", "", &pdf(b"0 0 10 10 re f", "", &[]))
            .0
            .problem,
        Some(Problem::NoTextLayer)
    );
    assert_eq!(
        one("a.pdf", "", b"%PDF-1.7\nnothing of use").0.problem,
        Some(Problem::Damaged)
    );
    let (document, _) = one("a.pdf", "application/pdf", b"");
    assert_eq!(document.problem, Some(Problem::Empty));
    let locked = String::from_utf8(pdf(b"BT ET", HELVETICA, &[])).unwrap();
    let encryption = format!(
        "/Encrypt << /Filter /Standard /V 2 /R 3 /Length 128 /P -44 /O <{0}> /U <{0}> >> /ID [<{1}> <{1}>]",
        "41".repeat(32),
        "42".repeat(16)
    );
    let locked = locked.replace("/Root 1 0 R", &format!("/Root 1 0 R {encryption}"));
    assert_eq!(
        one("locked.pdf", "", locked.as_bytes()).0.problem,
        Some(Problem::Encrypted)
    );
}

/// The picture of a page that shows `/X1`, an image with these entries and this data, all over.
fn drawn(entries: &str, data: &str) -> Result<Option<crate::picture::Picture>, Problem> {
    let image = format!(
        "<< /Type /XObject /Subtype /Image {entries} /Length {} >>\nstream\n{data}\nendstream",
        data.len()
    );
    let file = pdf(
        b"q 600 0 0 800 0 0 cm /X1 Do Q",
        "/XObject << /X1 5 0 R >>",
        &[&image],
    );
    pdf::Pdf::open(&file).unwrap().picture(0)
}

#[test]
fn pictures_of_a_page_are_drawn_where_it_puts_them() {
    let grey = "/Width 2 /Height 2 /ColorSpace /DeviceGray /BitsPerComponent 8";
    let picture = drawn(grey, "0~~0").unwrap().unwrap();
    assert_eq!((picture.width, picture.height), (1_644, 2_192));
    let (right, below) = (picture.width as isize - 10, picture.height as isize - 10);
    let corners = [(10, 10), (right, 10), (10, below), (right, below)];
    assert_eq!(
        corners.map(|(x, y)| picture.at(x, y)),
        [b'0', b'~', b'~', b'0']
    );
    let inverted = drawn(&format!("{grey} /Decode [1 0]"), "0~~0")
        .unwrap()
        .unwrap();
    assert_eq!(inverted.at(10, 10), 255 - b'0');
    let palette = "/Width 1 /Height 1 /BitsPerComponent 8 /ColorSpace [/Indexed /DeviceRGB 64 <000000 FFFFFF>]";
    assert_eq!(drawn(palette, "\u{1}").unwrap().unwrap().at(10, 10), 255);
    let bits = "/Width 8 /Height 1 /ImageMask true";
    assert_eq!(drawn(bits, "\u{0f}").unwrap().unwrap().at(10, 10), 0);
    assert_eq!(drawn(bits, "\u{0f}").unwrap().unwrap().at(right, 10), 255);
    assert_eq!(drawn("/Subtype /Form", ""), Ok(None), "no picture");
}

#[test]
fn a_picture_that_cannot_be_drawn_says_why() {
    let grey = "/ColorSpace /DeviceGray /BitsPerComponent 8";
    for (entries, data, problem) in [
        ("/Width 60000 /Height 60000", "x", Problem::TooLarge),
        ("/Width 0 /Height 5", "x", Problem::Damaged),
        ("/Height 5", "x", Problem::Damaged),
        (
            "/Width 5 /Height 5 /Filter /DCTDecode",
            "no jpeg",
            Problem::Damaged,
        ),
        (
            "/Width 5 /Height 5 /Filter /JBIG2Decode",
            "no such",
            Problem::Damaged,
        ),
        (
            "/Width 5 /Height 5 /Filter /JPXDecode",
            "x",
            Problem::Unsupported,
        ),
        (
            "/Width 5 /Height 5 /Filter [/DCTDecode /FlateDecode]",
            "x",
            Problem::Unsupported,
        ),
        (
            "/Width 5 /Height 5 /Filter /CCITTFaxDecode /DecodeParms << /Columns 4000000 >>",
            "x",
            Problem::TooLarge,
        ),
        (
            "/Width 5 /Height 5 /Filter /FlateDecode",
            "no deflate",
            Problem::Damaged,
        ),
    ] {
        let found = drawn(&format!("{entries} {grey}"), data);
        assert_eq!(found.err(), Some(problem), "{entries}");
    }
}

#[test]
fn a_stream_that_grows_too_large_is_refused() {
    let bomb = miniz_oxide::deflate::compress_to_vec_zlib(&vec![b' '; 40 * 1024 * 1024], 9);
    let mut file = b"%PDF-1.7\n5 0 obj\n<< /Filter /FlateDecode >>\nstream\n".to_vec();
    file.extend(&bomb);
    file.extend(b"\nendstream\nendobj\n");
    assert_eq!(
        one("bomb.pdf", "", &file).0.problem,
        Some(Problem::TooLarge)
    );
    let twice =
        b"%PDF-1.7\n5 0 obj\n<< /Filter [/FlateDecode /FlateDecode] >>\nstream\nx\nendstream";
    assert_eq!(
        one("twice.pdf", "", twice).0.problem,
        Some(Problem::Unsupported)
    );
}

#[test]
fn html_keeps_lines_cells_and_items_and_drops_scripts() {
    let html = "<!DOCTYPE html><html><head><title>No</title><style>p{}</style></head><body><h1>Hi &amp; welcome</h1><p>Two\n  words<br>next</p>\
                <script>alert('<p>no</p>')</script><table><tr><td>A</td><td>1 &euro;</td></tr></table><ul><li>first<li>second</ul></body></html>";
    let (document, text) = one("x", "application/pdf", html.as_bytes());
    assert_eq!(document.media_type_found, "text/html");
    assert_eq!(
        text.lines()
            .filter(|line| !line.is_empty())
            .collect::<Vec<_>>(),
        [
            "Hi & welcome",
            "Two words",
            "next",
            "A\t1 €",
            "- first",
            "- second"
        ]
    );
}

#[test]
fn e_mail_gives_its_text_and_its_attachments() {
    let mail = "From: Jo Doe <jo@example.com>\r\nTo: help@example.org\r\nSubject: Files\r\nDate: Fri, 14 Mar 2025 09:00:00 +0000\r\nMIME-Version: 1.0\r\n\
                Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/html\r\n\r\n<p>Order 12345678</p>\r\n--b\r\n\
                Content-Type: text/plain; name=note.txt\r\nContent-Disposition: attachment; filename=note.txt\r\n\r\nattached words\r\n--b--\r\n";
    let library = Library::read([File {
        name: "mail.eml",
        media_type: "application/octet-stream",
        bytes: mail.as_bytes(),
    }])
    .unwrap();
    let names: Vec<&str> = library
        .documents
        .iter()
        .map(|document| document.name.as_str())
        .collect();
    assert_eq!(names, ["mail.eml", "mail.eml/note.txt"]);
    assert!(
        library.texts[0]
            .text()
            .contains("From: Jo Doe <jo@example.com>")
            && library.texts[0].text().contains("Order 12345678"),
        "{:?}",
        library.texts
    );
    assert_eq!(library.texts[1].text(), "attached words");
}

#[test]
fn e_mail_in_e_mail_ends() {
    let mut mail = "From: a@b.de\r\nTo: c@d.de\r\nSubject: inner\r\n\r\nthe end\r\n".to_owned();
    for level in 0..6 {
        mail = format!(
            "From: a@b.de\r\nTo: c@d.de\r\nSubject: {level}\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b{level}\r\n\r\n--b{level}\r\n\
             Content-Type: text/plain\r\n\r\nlevel\r\n--b{level}\r\nContent-Type: message/rfc822\r\nContent-Disposition: attachment; filename=m.eml\r\n\r\n{mail}\r\n--b{level}--\r\n"
        );
    }
    let library = Library::read([File {
        name: "m.eml",
        media_type: "",
        bytes: mail.as_bytes(),
    }])
    .unwrap();
    assert!(library.documents.len() <= 5, "{:?}", library.documents);
    assert_eq!(
        library.documents.last().unwrap().problem,
        Some(Problem::TooLarge)
    );
}

#[test]
fn content_decides_what_a_file_is() {
    for (bytes, declared, name, found) in [
        (
            &b"\x89PNG\r\n\x1a\n..."[..],
            "text/plain",
            "a.txt",
            "image/png",
        ),
        (b"junk %PDF-1.4", "text/plain", "a.txt", "application/pdf"),
        (b"plain words", "application/pdf", "a.pdf", "text/plain"),
        (b"<p>hi</p>", "text/html", "a", "text/html"),
        (b"a\0b", "text/plain", "a", "application/octet-stream"),
        (b"\xff\xfeh\0i\0", "text/plain", "a", "text/plain"),
    ] {
        assert_eq!(Media::of(bytes, declared, name).name(), found);
    }
    assert_eq!(media::decode(b"\xff\xfeh\0i\0"), "hi");
    assert_eq!(media::decode(b"5 \x80"), "5 €");
}

#[test]
fn html_is_known_by_its_content() {
    for html in [
        "<!-- saved from the web -->\n<!DOCTYPE html><p>hi",
        "\u{feff} <!--a--> <!-- b -->\n<HTML lang=en>hi",
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!-- x -->\n<html xmlns=\"http://www.w3.org/1999/xhtml\">",
        "<?xml version=\"1.0\"?><!DOCTYPE html PUBLIC \"-//W3C//DTD XHTML 1.0 Strict//EN\">",
        "<!doctype\thtml>",
        "<body>hi",
        "<div class=\"a\">Order 12345678</div>",
        "<table><tr><td>A</td></tr></table>",
        "<p>One<p>Two <b>words</b>",
        "<span>hi</span>",
        "<a href=\"https://example.org\">here</a>",
        "<ul>\n<li>first</li>\n</ul>",
        "<br>Dear <i>Jo</i>",
        "<header>Shop</header>",
        "<style>p { color: red }</style><p>hi</p>",
    ] {
        for (declared, name) in [("", "a.txt"), ("text/plain", "a.eml"), ("", "")] {
            let found = Media::of(html.as_bytes(), declared, name);
            assert_eq!(found, Media::Html, "{html} {name}");
        }
    }
    let long = format!("<!-- {} -->\n<html><p>hi", "licence ".repeat(2_000));
    assert_eq!(Media::of(long.as_bytes(), "", "a.txt"), Media::Html);
    let mut wide = b"\xff\xfe".to_vec();
    wide.extend("<p>hi</p>".encode_utf16().flat_map(u16::to_le_bytes));
    assert_eq!(Media::of(&wide, "", ""), Media::Html);
}

#[test]
fn what_only_looks_like_html_is_text() {
    for text in [
        "<jo@example.com> wrote:\n<p> was not what I meant",
        "<p is a letter, and so is q",
        "<p> begins a paragraph, which no tag has to end",
        "<paragraph>one</paragraph>",
        "<!-- only a remark -->\nplain words",
        "<!-- without an end",
        "<3 <3 <3 </b>",
        "<a@example.com>, </a>",
        "<",
        "<!",
        "<!é",
        "a <b>word</b> in the middle",
    ] {
        let found = Media::of(text.as_bytes(), "", "a.txt");
        assert_eq!(found, Media::Text, "{text}");
    }
    let xml = b"<?xml version=\"1.0\"?><Invoice><p>1</p></Invoice>";
    for name in ["a.xml", "a.html"] {
        assert_eq!(Media::of(xml, "", name), Media::Text, "{name}");
    }
}

#[test]
fn mail_is_known_by_its_headers_whichever_come_first() {
    for mail in [
        "From: a@b.de\nTo: c@d.de\nSubject: x\n\nhi",
        "DKIM-Signature: v=1; a=rsa-sha256;\r\n\tb=abc=\r\nFrom: Jo <jo@example.com>\r\nDate: Fri, 14 Mar 2025 09:00:00 +0000\r\n\r\nhi",
        "ARC-Seal: i=1;\r\n cv=none\r\nARC-Message-Signature: i=1\r\nReceived: by mail.example.org\r\n with SMTP\r\nMessage-ID: <1@a>\r\n\r\nhi",
        "Authentication-Results: mx.example.org; spf=pass\nReturn-Path: <a@b.de>\nFrom: a@b.de\n\nhi",
        "X-Mailer: x\nList-Id: <l.example.org>\nReply-To: a@b.de\nSender: a@b.de\nFrom: a@b.de\nSubject: x\n\nhi",
        "Content-Type: text/plain\nMIME-Version: 1.0\nThread-Topic: x\nSubject: x\n\nhi",
        "CC: e@f.de\nTo: c@d.de\nDate: today\n\nhi",
        "Received: a\nReceived: b\nReceived: c",
        "From ada@example.com Mon Jun  1 12:00:00 2026\nReceived: a\nFrom: a@b.de\nSubject: x\n\nhi",
    ] {
        for (declared, name) in [("", "a.txt"), ("text/html", "a.html"), ("", "")] {
            let found = Media::of(mail.as_bytes(), declared, name);
            assert_eq!(found, Media::Mail, "{mail} {name}");
        }
    }
    let signed = format!(
        "DKIM-Signature: v=1;\r\n{}From: a@b.de\r\nTo: c@d.de\r\n\r\nhi",
        "\tb=0123456789abcdef\r\n".repeat(500)
    );
    assert_eq!(Media::of(signed.as_bytes(), "", ""), Media::Mail);
}

#[test]
fn what_only_looks_like_mail_is_text() {
    for text in [
        "Dear Sir: I write\nTo: you\nFrom: me@example.com\nSubject: x\n\nhi",
        "Anna: hello\nBob: hi, Anna\nAnna: how are you\n\nBob: well",
        "From: ada@example.com\nDate: 2026-05-03\nPhone: +44 20 7946 0958\nOrder: 4711882\n\nMy lamp broke.",
        "Name: Jo Doe\nDate: 3 March\nSubject: my order\n\nWhere is it?",
        "TO: all staff\nFROM: the office\nDATE: 3 March\nSUBJECT: parking\n\nNo cars.",
        "From: a@b.de\nTo: c@d.de\n\nhi",
        "From: a@b.de\nTo: c@d.de\nplain words\nSubject: x\n\nhi",
        " folded\nFrom: a@b.de\n\nTo: c@d.de\nSubject: x\n",
        "https://example.org\nhttps://example.com\nhttps://example.net\n",
    ] {
        let found = Media::of(text.as_bytes(), "", "a.txt");
        assert_eq!(found, Media::Text, "{text}");
    }
}

#[test]
fn the_type_and_the_name_decide_where_the_content_says_nothing() {
    for (text, declared, name, found) in [
        ("plain words", "", "a.HTM", Media::Html),
        (
            "plain words",
            "application/octet-stream",
            "a.html",
            Media::Html,
        ),
        ("plain words", "text/plain", "a.html", Media::Text),
        (
            "plain words",
            "Text/HTML; charset=utf-8",
            "a.txt",
            Media::Html,
        ),
        ("Subject: x\n\nhi", "", "a.eml", Media::Mail),
        ("Subject: x\n\nhi", "message/rfc822", "a", Media::Mail),
        ("Subject: x\n\nhi", "", "a.txt", Media::Text),
        ("plain words", "message/rfc822", "a.eml", Media::Text),
        ("<div>hi</div>", "", "a.eml", Media::Html),
    ] {
        assert_eq!(
            Media::of(text.as_bytes(), declared, name),
            found,
            "{text} {declared} {name}"
        );
    }
}

#[test]
fn the_number_of_documents_is_bounded() {
    let library = Library::read((0..100).map(|_| File {
        name: "a",
        media_type: "",
        bytes: b"x",
    }))
    .unwrap();
    assert_eq!(library.documents.len(), DOCUMENTS);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn any_bytes_are_survived(mut bytes in proptest::collection::vec(any::<u8>(), 0..400), kind in 0usize..4) {
        let head: &[u8] = [&b"%PDF-1.7\n"[..], b"<html>", b"From: a\nTo: b\nSubject: c\n", b""][kind];
        bytes.splice(0..0, head.iter().copied());
        one("a", "", &bytes);
    }

    #[test]
    fn a_damaged_invoice_is_survived(edits in proptest::collection::vec((0usize..4000, any::<u8>()), 1..60), keep in 0usize..4200) {
        let mut bytes = INVOICE.to_vec();
        for (place, byte) in edits {
            if let Some(target) = bytes.get_mut(place) {
                *target = byte;
            }
        }
        bytes.truncate(keep.max(100));
        one("a.pdf", "application/pdf", &bytes);
    }

    #[test]
    fn any_content_stream_is_survived(content in "(BT|ET|/F1 10 Tf|Tj|TJ|'|\"|T\\*|Td|Tm|cm|q|Q|Do|\\(ab\\\\051\\)|\\[\\(x\\) -99 \\(y\\)\\]|/X1|[0-9-]{1,9}|1e99| ){0,60}") {
        one("a.pdf", "", &pdf(content.as_bytes(), HELVETICA, &[]));
    }

    #[test]
    fn any_tags_are_survived(html in "(<p>|</p>|<td>|<script>|</script>|<head|<body>|&amp|&#x;|<!--|[a-zł<>\"'/ ]){0,40}") {
        one("a.html", "text/html", html.as_bytes());
    }
}
