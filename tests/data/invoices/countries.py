"""Companies, customers, goods, rates and currencies of a country: all made up."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Country:
    companies: list
    customers: list
    goods: list
    rates: list
    currencies: list


BRITAIN = Country(
    companies=[
        ("Harrow & Finch Ltd", "12 Tanner Row", "York YO1 6JB"),
        ("Bexley Print Works Limited", "Unit 4, Canal Street", "Leeds LS2 8AD"),
        ("Marlowe Catering", "7 Quay Road", "Bristol BS1 4RT"),
        ("Pennine Office Supplies PLC", "88 Mill Lane", "Halifax HX1 2PQ"),
        ("Oak Hill Veterinary Group", "3 Church Walk", "Ludlow SY8 1AP"),
        ("Thistle Software Ltd.", "20 George Square", "Glasgow G2 1DY"),
    ],
    customers=[
        ("Imogen Clarke", "Clarke & Daughters", "4 Mill Lane", "Leeds LS1 4AB"),
        ("Accounts Payable", "Riverside Dental Practice", "61 High Street", "Bath BA1 5AQ"),
        ("Tobias Hume", "Hume Joinery", "19 Station Road", "Derby DE1 2GH"),
    ],
    goods=["A4 paper, 5 reams", "Oak shelf 120 cm", "Site visit, half day", "Monthly support plan", "Buffet lunch for ten",
           "Letterhead printing", "Annual health check", "Delivery and fitting", "Toner cartridge black", "Training workshop"],
    rates=[20.0, 20.0, 5.0],
    currencies=["GBP"],
)  # fmt: skip
AMERICA = Country(
    companies=[
        ("Copper Ridge Landscaping LLC", "410 Juniper Ave", "Boise, ID 83702"),
        ("Lakeshore Dental Supply, Inc.", "2200 Harbor Blvd", "Erie, PA 16507"),
        ("Blue Mesa Consulting", "95 Canyon Rd, Suite 310", "Santa Fe, NM 87501"),
        ("Piedmont Paper Co.", "1 Depot Street", "Durham, NC 27701"),
        ("Juniper Cloud Inc.", "77 Battery St", "Portland, OR 97204"),
        ("Ferris Auto Repair", "3001 Elm St", "Toledo, OH 43604"),
    ],
    customers=[
        ("Dana Whitlock", "Whitlock Realty Group", "18 Cedar Ct", "Salem, OR 97301"),
        ("Purchasing Department", "Ashford Unified Schools", "500 Main St", "Ashford, CT 06278"),
        ("Rafael Ortega", "Ortega Bakery", "642 Orchard Way", "Tucson, AZ 85701"),
    ],
    goods=["Spring clean-up", "Gauze pads, case", "Strategy session", "Copy paper pallet", "Hosting, 12 months", "Brake pads front",
           "Sod installation", "Exam gloves L", "Labor (hours)", "Shipping and handling"],
    rates=[6.0, 8.25, 7.5],
    currencies=["USD"],
)  # fmt: skip
GERMANY = Country(
    companies=[
        ("Brandner Metallbau GmbH", "Werkstraße 8", "73033 Göppingen"),
        ("Kuhn & Söhne KG", "Am Hafen 21", "24103 Kiel"),
        ("Sonnblick Reinigung UG", "Lindenallee 5", "04109 Leipzig"),
        ("Hofmann Bürotechnik AG", "Industriering 44", "90411 Nürnberg"),
        ("Weber Garten- und Landschaftsbau", "Feldweg 3", "53111 Bonn"),
        ("Nordkontor Verlag GmbH & Co. KG", "Speicherstadt 2", "20457 Hamburg"),
    ],
    customers=[
        ("Frau Petra Lindner", "Lindner Optik", "Marktplatz 9", "70173 Stuttgart"),
        ("Buchhaltung", "Stadtwerke Auental", "Rathausgasse 1", "99817 Eisenach"),
        ("Herr Jonas Freitag", "Café Freitag", "Kirchstraße 30", "55116 Mainz"),
    ],
    goods=["Geländer verzinkt", "Unterhaltsreinigung", "Wartung Drucker", "Rollrasen 20 m²", "Fachbuch Statik", "Anfahrt pauschal",
           "Bürostuhl Modell K", "Montage je Stunde", "Toner schwarz", "Heckenschnitt"],
    rates=[19.0, 19.0, 7.0],
    currencies=["EUR"],
)  # fmt: skip
FRANCE = Country(
    companies=[
        ("Atelier Verdon SARL", "14 rue des Tanneurs", "69002 Lyon"),
        ("Boulangerie Maréchal", "3 place du Marché", "35000 Rennes"),
        ("Électricité Fournier SAS", "27 avenue Foch", "54000 Nancy"),
        ("Librairie du Canal", "9 quai de Valmy", "75010 Paris"),
        ("Transports Lambert SA", "Zone industrielle Est", "21000 Dijon"),
        ("Cabinet Rousselin", "5 rue Royale", "45000 Orléans"),
    ],
    customers=[
        ("Mme Claire Besson", "Besson Architectes", "8 rue Nationale", "37000 Tours"),
        ("Service comptable", "Mairie de Saint-Aubin", "1 place de la Mairie", "76410 Saint-Aubin"),
        ("M. Hugo Perrin", "Perrin Traiteur", "52 cours Gambetta", "13100 Aix-en-Provence"),
    ],
    goods=["Étagère en chêne", "Plateau de viennoiseries", "Mise aux normes", "Lot de dix livres", "Transport régional",
           "Conseil, demi-journée", "Pose et finitions", "Tableau électrique", "Emballage", "Frais de déplacement"],
    rates=[20.0, 5.5, 20.0],
    currencies=["EUR"],
)  # fmt: skip
NETHERLANDS = Country(
    companies=[
        ("De Wit Installatie B.V.", "Havenkade 12", "3011 AA Rotterdam"),
        ("Bakkerij Zonneveld", "Dorpsstraat 4", "9711 KC Groningen"),
        ("Vermeer Drukwerk BV", "Singel 200", "1016 AB Amsterdam"),
        ("Tuincentrum Het Groene Hart", "Polderweg 77", "2411 AB Bodegraven"),
        ("Jansen Advies", "Stationsplein 1", "6511 AB Nijmegen"),
        ("Fietsenwinkel De Ketting V.O.F.", "Oudegracht 9", "3511 AL Utrecht"),
    ],
    customers=[
        ("Mevrouw Sanne de Boer", "De Boer Interieur", "Kerkstraat 21", "5611 AB Eindhoven"),
        ("Crediteurenadministratie", "Gemeente Westerwijk", "Raadhuisplein 2", "7511 AB Enschede"),
    ],
    goods=["CV-ketel onderhoud", "Broodjes assorti", "Flyers A5, 500 stuks", "Buxus in pot", "Advies per uur", "Stadsfiets",
           "Voorrijkosten", "Kettingset", "Visitekaartjes", "Tuinaarde 40 l"],
    rates=[21.0, 9.0, 21.0],
    currencies=["EUR"],
)  # fmt: skip
SPAIN = Country(
    companies=[
        ("Talleres Moreno S.L.", "Calle Mayor 14", "28013 Madrid"),
        ("Papelería El Faro", "Avenida del Puerto 3", "46021 Valencia"),
        ("Construcciones Arriaga S.A.", "Gran Vía 45", "48011 Bilbao"),
        ("Limpiezas Sol y Mar S.L.U.", "Paseo Marítimo 8", "29016 Málaga"),
        ("Estudio Navarro", "Calle Sierpes 70", "41004 Sevilla"),
        ("Frutas Benítez e Hijos S.L.", "Polígono Sur, nave 6", "30009 Murcia"),
    ],
    customers=[
        ("Doña Lucía Ferrer", "Ferrer Abogados", "Calle Balmes 11", "08007 Barcelona"),
        ("Administración", "Hotel Miramar", "Paseo de la Playa 1", "11011 Cádiz"),
    ],
    goods=["Cambio de aceite", "Resma de papel", "Reforma de baño", "Limpieza mensual", "Diseño de logotipo", "Caja de naranjas",
           "Mano de obra", "Desplazamiento", "Carpetas", "Neumático"],
    rates=[21.0, 21.0, 10.0],
    currencies=["EUR"],
)  # fmt: skip
SWITZERLAND = Country(
    companies=[
        ("Alpina Treuhand AG", "Bahnhofstrasse 19", "8001 Zürich"),
        ("Käserei Oberland", "Dorfplatz 2", "3800 Interlaken"),
        ("Steiner Holzbau GmbH", "Sägeweg 11", "6003 Luzern"),
        ("Rheinufer Druck AG", "Uferstrasse 90", "4057 Basel"),
        ("Bergblick Informatik GmbH", "Ringstrasse 4", "7000 Chur"),
        ("Gasser & Partner", "Spitalgasse 33", "3011 Bern"),
    ],
    customers=[
        ("Frau Regula Ammann", "Ammann Apotheke", "Marktgasse 12", "9000 St. Gallen"),
        ("Rechnungswesen", "Gemeinde Seedorf", "Hauptstrasse 1", "6462 Seedorf"),
    ],
    goods=["Jahresabschluss", "Bergkäse 5 kg", "Dachstuhl, Position 3", "Broschüre, 1000 Stk.", "Server-Wartung", "Beratung je Stunde",
           "Versand", "Schreinerarbeit", "Backup-Lizenz", "Spesen"],
    rates=[8.1, 2.6, 8.1],
    currencies=["CHF"],
)  # fmt: skip
ITALY = Country(
    companies=[
        ("Officina Bellini S.r.l.", "Via Garibaldi 22", "40121 Bologna"),
        ("Ceramiche Fontana", "Via Faentina 130", "48018 Faenza"),
        ("Grafica Lombarda S.p.A.", "Corso Italia 6", "20122 Milano"),
        ("Pasticceria Valenti", "Piazza Verdi 1", "90138 Palermo"),
        ("Edil Toscana S.r.l.", "Via Pisana 88", "50143 Firenze"),
        ("Studio Marchetti", "Via Roma 9", "10121 Torino"),
    ],
    customers=[
        ("Sig.ra Elena Ricci", "Ricci Moda", "Via Condotti 3", "00187 Roma"),
        ("Ufficio acquisti", "Hotel Belvedere", "Lungolago 14", "22100 Como"),
    ],
    goods=["Revisione motore", "Piatti in ceramica", "Stampa cataloghi", "Vassoio di dolci", "Intonaco m²", "Consulenza oraria",
           "Trasporto", "Manodopera", "Progetto grafico", "Imballaggio"],
    rates=[22.0, 10.0, 22.0],
    currencies=["EUR"],
)  # fmt: skip
