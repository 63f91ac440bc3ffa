"""First names, surnames, companies and places to fill sentences with: from many countries, put down for the project."""

FIRST = """
Aaron Abigail Adam Agnes Ahmed Aisha Akira Alan Albert Aleksander Alessandra Alexis Ali Alice Alma Amara Amelia Amina Amir Ana
Anders Andrea Andrej Anita Anja Ann Anton Anya Arjun Arnav Astrid Ava Axel Barbara Beatriz Ben Bernard Bianca Birgit Bjorn Bruno
Camille Carla Carlos Carmen Caroline Catalina Cecilia Chang Charles Chiara Chidi Chloe Christian Clara Claudia Colin Connor Cora
Dagmar Dalia Daniel Daria David Deborah Demi Diego Dieter Dimitri Dina Dominic Dora Dorota Dylan Ebba Edith Eduardo Elena Eli Elias
Elif Elin Ella Ellen Elsa Emil Emma Enrico Erik Esther Ethan Eva Fabio Farah Fatima Felix Femi Fiona Florian Francesca Frank Freya
Gabriel Gemma George Georgia Gerard Gina Giulia Grace Greta Guillermo Hana Hannah Hans Harriet Hassan Heidi Helen Henrik Hiroshi Hugo
Ian Ibrahim Ida Ilona Imogen Ines Ingrid Irene Isaac Isla Ivan Jack Jacob James Jan Jana Jasmine Javier Jay Jean Jelena Jesper Joan
Joao Joel Johan John Jonas Jorge Josef Joy Juan Judith Julia Karen Karim Karl Katarina Kate Keiko Ken Kenji Kevin Kira Klaus Kofi
Lars Laura Leah Lei Lena Leo Leon Lidia Lily Lin Linda Linus Lisa Louis Lucia Luka Luna Lydia Magnus Maja Malik Manuel Marco Margaret
Maria Marius Marta Martin Mary Mateo Maya Mei Mia Michael Miguel Mila Milan Mohamed Mona Nadia Naomi Natasha Neil Nia Nico Nina Noah
Nora Olaf Oleg Olga Oliver Omar Oscar Otto Pablo Patrick Paul Paula Pedro Peter Petra Pia Pierre Priya Quinn Rachel Rafael Rahul
Raj Rebecca Rhea Richard Rita Robert Rosa Ruben Ruth Ryan Sabine Sadia Salma Sam Samira Sandra Sanjay Sara Sebastian Selma Sergio
Simon Sofia Sonja Stefan Stella Sue Sven Sylvia Tamara Tara Thea Theo Thomas Tim Tina Tobias Tomas Uma Ursula Valentina Vera Victor
Viktor Vince Walter Wanda Wei Will Xavier Yara Yasmin Yuki Yusuf Zara Zoe
""".split()
LAST = """
Abbott Abdullah Abe Acosta Adeyemi Ahlberg Ahmadi Alvarez Amari Andersen Andersson Ansari Archer Arnold Ashworth Bailey Bakker Banerjee
Barnes Bauer Becker Bennett Berg Berger Bianchi Blackwood Blanc Bogdanov Bondarenko Bosch Bradley Brandt Brennan Briggs Brown Bruno
Burke Byrne Calloway Campbell Carlsen Carter Castillo Chan Chaudhry Chen Chowdhury Christensen Clarke Cohen Collins Conti Cooper Costa
Cruz Dahl Daly Davies De Jong De Luca Delgado Diaz Dietrich Dixon Donovan Drake Dubois Dunn Eide Ekström Ellis Eriksen Esposito
Evans Farouk Ferguson Fernandes Ferrari Fischer Fitzgerald Fletcher Fontaine Forsberg Foster Fournier Fox Franco Friedman Fuchs Fujita
Gallagher Garcia Garner Gibson Gomez Gonzalez Graham Grant Greene Gruber Gupta Haddad Hahn Hall Hansen Harper Harris Hart Hayes
Heikkinen Henderson Hernandez Hill Hoffmann Holm Holt Horvat Howard Huang Hughes Hussain Ibarra Ito Ivanov Jackson Jacobsen Jansen
Jensen Jimenez Johansson Johnson Jones Kaiser Kaminski Kang Kapoor Kaya Keller Kelly Khan Kim King Klein Knight Kobayashi Koch Kovac
Kowalski Kramer Kristensen Kumar Lambert Larsen Laurent Lee Lefebvre Leroy Levy Lewis Li Lim Lindgren Lopez Lund Lynch MacDonald Mahmoud
Malik Mancini Marchetti Marsh Martinez Mbeki McCarthy McKenna Mehta Mendes Meyer Miller Mitchell Moore Morales Moreau Morgan Moretti
Müller Murphy Nagy Nakamura Navarro Nelson Neumann Nguyen Nielsen Nilsson Novak Nowak O'Brien O'Connor O'Neill Obi Okafor Okoye Olsen
Ortega Osman Owens Palmer Park Parker Patel Pavlov Pedersen Pereira Perez Petersen Petrov Popescu Powell Price Quinn Rahman Ramirez
Rao Reyes Ricci Richter Rivera Roberts Robinson Romano Rossi Roux Russo Ryan Saito Salazar Sanchez Santos Sato Schmidt Schneider Schulz
Scott Shah Sharma Shaw Silva Simmons Singh Smirnov Smith Sorensen Stein Stewart Suzuki Svensson Takahashi Tan Taylor Thompson
Torres Tran Turner Van den Berg Van Dijk Vargas Vasquez Vogel Wagner Walker Walsh Wang Watanabe Watson Weber White Williams Wilson
Wolf Wood Wright Wu Yamamoto Yang Yilmaz Young Zhang Zhou Ziegler Zimmermann
"""
LAST = [name.replace("_", " ") for name in LAST.replace("De Jong", "De_Jong").replace("De Luca", "De_Luca").replace("Van den Berg", "Van_den_Berg").replace("Van Dijk", "Van_Dijk").split()]
COMPANIES = """
Harbour Energy|Nordlicht Werkzeuge|Bluepeak Logistics|Copper Kettle Foods|Stone & Sons|Lakeview Dental|Vertex Robotics|Greenline Transport
Alder Insurance|Penrose Publishing|Kestrel Air|Silverbrook Bank|First Valley Credit Union|Meridian Health|Orchard Media|Brightwater Utilities
Castor Pharma|Delta Freight|Eastgate Motors|Falcon Security|Granite Construction|Hilltop Farms|Ironbridge Steel|Juniper Systems
Kingsley Hotels|Lumen Optics|Maple Software|Northwind Traders|Oakridge Schools|Pinewood Furniture|Quarry Lane Brewing|Redwood Partners
Summit Telecom|Tidewater Shipping|Union Gas|Valley Electric|Westbury Council|Yarrow Clinic|Zenith Travel|Corner Bakery|Arcadia Games
""".replace("\n", "|").strip("|").split("|")
FORMS = ["", "", "", " Ltd", " Inc.", " LLC", " GmbH", " AG", " PLC", " Group", " Corp", " & Co", " Holdings", " BV", " SA"]
PLACES = """
London Paris Berlin Madrid Rome Vienna Lisbon Dublin Oslo Stockholm Helsinki Warsaw Prague Budapest Athens Zurich Geneva Brussels Amsterdam
Manchester Leeds Glasgow Cardiff Belfast Bristol York Oxford Boston Chicago Dallas Denver Houston Miami Phoenix Portland Seattle Austin
Toronto Montreal Vancouver Sydney Melbourne Perth Auckland Tokyo Osaka Seoul Beijing Shanghai Mumbai Delhi Dubai Cairo Lagos Nairobi
Germany France Spain Italy Portugal Ireland Norway Sweden Poland Greece Switzerland Canada Mexico Brazil Argentina Japan Korea China India
Texas Ohio Maine Nevada Oregon Utah Florida California Bavaria Tuscany Scotland Wales Cornwall Normandy Queensland Ontario Europe Asia
""".split()
TITLES = ["Mr", "Mrs", "Ms", "Dr", "Mr.", "Mrs.", "Ms.", "Dr.", "Prof.", "Miss", "Sir"]
