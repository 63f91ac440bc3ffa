//! What invoices call their fields, in English, German, French, Spanish, Italian and Dutch: words in small letters with `|`
//! between them, the surest first.

/// What says that a document is an invoice.
pub(super) const TITLES: &str = "invoice|rechnung|facture|factura|fattura|factuur|bill";
pub(super) const NUMBER: &str = "invoice number|invoice no|invoice nr|invoice num|invoice id|invoice #|inv no|bill number|\
    rechnungsnummer|rechnungs-nr|rechnungsnr|rechnung nr|rechnung no|belegnummer|beleg-nr|\
    numéro de facture|n° de facture|no de facture|facture n°|facture no|facture numéro|\
    número de factura|nº de factura|n.º de factura|factura nº|factura n.º|factura no|factura núm|\
    numero fattura|n. fattura|fattura n|fattura nr|fattura numero|numero documento|\
    factuurnummer|factuurnr|factuur nr|factuur nummer|document number|document no|reference number|\
    invoice|rechnung|facture|factura|fattura|factuur|bill";
pub(super) const DATED: &str = "invoice date|date of invoice|date of issue|issue date|date issued|issued on|billing date|bill date|issued|dated|\
    rechnungsdatum|ausstellungsdatum|belegdatum|rechnung vom|\
    date de facturation|date de facture|date de la facture|date d'émission|date d’émission|\
    fecha de emisión|fecha de factura|fecha factura|fecha de la factura|fecha de expedición|\
    data fattura|data di emissione|data emissione|data documento|\
    factuurdatum|datum factuur|date|datum|fecha|data|del|vom|le";
pub(super) const DUE: &str = "due date|date due|payment due date|payment due|due on|due by|pay by|payable by|please pay by|payment deadline|due|\
    fälligkeitsdatum|fällig am|fällig bis|fälligkeit|fällig|zahlbar bis zum|zahlbar bis|zu zahlen bis|zahlungsziel|zahlungsfrist|\
    date d'échéance|date d’échéance|échéance|à payer avant le|à régler avant le|date limite de paiement|\
    fecha de vencimiento|fecha vencimiento|vencimiento|vence el|fecha límite de pago|\
    data scadenza|data di scadenza|scadenza|da pagare entro|\
    vervaldatum|vervaldag|uiterste betaaldatum|te betalen voor|te voldoen voor|betalen voor";
/// Dates that are neither.
pub(super) const OTHER_DATES: &str = "delivery date|date of delivery|order date|ship date|shipping date|service date|date of supply|period|statement date|date paid|paid on|\
    lieferdatum|leistungsdatum|leistungszeitraum|bestelldatum|auftragsdatum|liefertermin|\
    date de livraison|date de commande|fecha de entrega|fecha de pedido|data consegna|data ordine|leverdatum|besteldatum";
pub(super) const TOTAL: &str = "total due|amount due|balance due|total amount due|grand total|invoice total|total to pay|amount payable|total payable|total amount|to pay|total incl. vat|total including vat|\
    gesamtbetrag|rechnungsbetrag|zu zahlender betrag|zahlbetrag|endbetrag|bruttobetrag|gesamtsumme|endsumme|summe brutto|gesamt brutto|total inkl. mwst|\
    total ttc|montant ttc|net à payer|total à payer|montant à payer|montant total|\
    total factura|total a pagar|importe total|total con iva|\
    totale fattura|totale documento|totale da pagare|netto a pagare|importo totale|totale dovuto|\
    totaal te betalen|te betalen|totaalbedrag|totaal incl. btw|totaal inclusief btw|eindtotaal|\
    total|gesamt|totale|totaal|summe";
pub(super) const NET: &str = "subtotal|sub-total|sub total|net total|total net|net amount|net|total excl. vat|before tax|taxable amount|\
    zwischensumme|nettobetrag|gesamt netto|summe netto|netto|total exkl. mwst|\
    total ht|montant ht|sous-total|base ht|ht|\
    base imponible|subtotal|importe neto|imponibile|totale imponibile|totale netto|\
    subtotaal|totaal excl. btw|bedrag excl. btw|excl. btw|exclusief btw";
pub(super) const TAX: &str = "total vat|vat amount|vat total|sales tax|tax amount|total tax|vat|gst|hst|tax|\
    umsatzsteuer|mehrwertsteuer|mwst|ust|total tva|montant tva|tva|\
    cuota iva|total iva|iva|totale iva|imposta|totale imposta|btw-bedrag|btw bedrag|btw";
/// What precedes the customer.
pub(super) const CUSTOMER: &str = "bill to|billed to|invoice to|invoiced to|sold to|ship to|deliver to|prepared for|customer|client|to|attn|attention|\
    rechnung an|rechnungsadresse|rechnungsempfänger|lieferadresse|kunde|an|facturé à|adressé à|adresse de facturation|livré à|à l'attention de|à l’attention de|\
    cliente|facturar a|destinatario|datos del cliente|spett.le|spettabile|intestatario|cessionario|\
    factuuradres|klant|aan|t.a.v";
/// What precedes the sender.
pub(super) const SENDER: &str = "from|seller|vendor|supplier|issued by|sold by|pay to|remit to|von|verkäufer|rechnungssteller|leistungserbringer|\
    émetteur|vendeur|fournisseur|emisor|proveedor|vendedor|fornitore|cedente|mittente|leverancier|afzender|van";
/// What a sender's own lines have: registers, tax and bank numbers, ways to reach it.
pub(super) const REGISTERED: &str = "vat reg|vat no|vat id|vat number|ein|abn|company no|company number|registered|sort code|\
    ust-id|ust-idnr|ustid|steuernummer|steuernr|st.-nr|hrb|amtsgericht|handelsregister|geschäftsführer|mwst-nr|che|\
    siret|siren|rcs|tva intra|capital|cif|nif|p.iva|p. iva|partita iva|c.f|rea|\
    kvk|btw-nr|btw nr|btw-nummer|iban|bic|tel|phone|www|@";
/// Words before a person or a desk in a customer's address.
pub(super) const SALUTATIONS: &str = "mr|mrs|ms|dr|herr|herrn|frau|firma|m.|mme|monsieur|madame|sr|sra|don|doña|sig|sig.ra|signor|signora|\
    dhr|de heer|mevrouw|mevr|accounts payable|purchasing|buchhaltung|rechnungswesen|service comptable|comptabilité|administración|\
    ufficio acquisti|amministrazione|crediteurenadministratie|administratie";
